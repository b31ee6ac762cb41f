"""Template rules for the text of one formula: T03, T19 to T21, T23, T25, T33 and T35.

What cannot be calculated at all is found at compile time, see `refusals`. Specification, section 5.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.findings import Finding
from xlplugin.workbook.formula import bare, in_flavour
from xlplugin.workbook.number_format import is_supported
from xlplugin.workbook.precedents import ranges_of
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import (
    CELL,
    COLS,
    NAME,
    NUM,
    OTHER,
    QUOTED,
    ROWS,
    SPACE,
    STR,
    Token,
    address,
    arguments,
    box_text,
    closing,
    text,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.sheets import Cell, Sheet

__all__ = ["FormulaRules"]

MAX_LENGTH: Final = 8192
MAX_DEPTH: Final = 64
MAX_ARGUMENTS: Final = 255

_LIKE_A_CELL = re.compile(r"[A-Za-z]{1,3}[0-9]{1,7}|[Rr][0-9]*[Cc][0-9]*")
_HIDDEN_SUBTOTALS: Final = frozenset(map(float, range(101, 112)))
_HIDDEN_AGGREGATES: Final = frozenset({1.0, 3.0, 5.0, 7.0})


class FormulaRules:
    """The rules for the formulas of one workbook."""

    def __init__(
        self, spelled: Mapping[str, str], names: Mapping[str, DefinedName], sheets: Mapping[str, Sheet]
    ) -> None:
        self._spelled, self._names, self._sheets = spelled, names, sheets

    def check(self, sheet: Sheet, one: Cell) -> Iterator[Finding]:
        """Every remark about one formula."""
        formula = one.formula or ""
        place = sheet.name, address(one.row, one.column)
        parts = tokens(formula)
        yield from self._size(formula, parts, place)
        if one.is_ours and one.way is Way.FIXED and one.extent and one.extent[:2] != one.extent[2:]:
            yield Finding("T19", "warning", *place, {"range": box_text(one.extent)})
        yield from self._operators(parts, place)
        for at, (kind, part) in enumerate(parts):
            if kind != NAME or at + 1 >= len(parts) or parts[at + 1][1] != "(":
                continue
            end = closing(parts, at + 1)
            given = arguments(parts, at + 1, end)
            plain = bare(part).upper()
            if part.upper() in self._spelled:
                yield from self._whole_lines(self._spelled[part.upper()], given, place)
            elif plain in ("LET", "LAMBDA"):
                yield from _names_like_cells(plain, given, place)
            elif plain == "TEXT" and len(given) == 2:
                yield from _text_format(given[1], place)
            elif plain in ("SUBTOTAL", "AGGREGATE"):
                if _leaves_out_hidden(plain, given) and self._reads_hidden_rows(sheet, one):
                    yield Finding("T23", "warning", *place, {"function": plain})
            elif plain == "AREAS":
                facts = {"operator": "AREAS", "alternative": "ROWS of one range"}
                yield Finding("T20", "error", *place, facts)

    def _size(self, formula: str, parts: Sequence[Token], place: tuple[str, str]) -> Iterator[Finding]:
        longest = max(len(in_flavour(formula, flavour, self._spelled)) for flavour in ("vba", "officejs"))
        depth = deepest = most = 0
        for at, (kind, part) in enumerate(parts):
            if kind == OTHER and part in "(":
                depth += 1
                deepest = max(deepest, depth)
                most = max(most, len(arguments(parts, at, closing(parts, at))))
            elif kind == OTHER and part == ")":
                depth -= 1
        for n, what, limit in (
            (longest, "characters", MAX_LENGTH),
            (deepest, "levels", MAX_DEPTH),
            (most, "arguments", MAX_ARGUMENTS),
        ):
            if n > limit:
                yield Finding("T25", "error", *place, {"n": n, "what": what, "limit": limit})

    def _reads_hidden_rows(self, sheet: Sheet, one: Cell) -> bool:
        for where, (first, _, last, _) in ranges_of(one.lowered, sheet.name, self._names):
            rows = self._sheets[where].rows if where in self._sheets else {}
            hidden = (n for n, row in rows.items() if row.attributes.get("hidden") in ("1", "true"))
            if any(first <= number <= last for number in hidden):
                return True
        return False

    def _whole_lines(
        self, function: str, given: Sequence[Sequence[Token]], place: tuple[str, str]
    ) -> Iterator[Finding]:
        for argument in given:
            for kind, part in argument:
                whole = part if kind in (COLS, ROWS) else ""
                name = self._names.get(part.upper()) if kind == NAME else None
                if name is not None:
                    whole = next((p for k, p in tokens(name.text) if k in (COLS, ROWS)), "")
                if whole:
                    yield Finding("T03", "error", *place, {"function": function, "ref": whole})
                    return

    def _operators(self, parts: Sequence[Token], place: tuple[str, str]) -> Iterator[Finding]:
        """3-D references, intersections, unions, and comparisons of calculated decimals."""
        for at, (kind, part) in enumerate(parts):
            before = parts[at - 1] if at else (OTHER, "")
            after = parts[at + 1] if at + 1 < len(parts) else (OTHER, "")
            if part == ":" and after[0] in (NAME, QUOTED) and at + 2 < len(parts) and parts[at + 2][1] == "!":
                if before[0] in (NAME, QUOTED, CELL) and (at < 2 or parts[at - 2][1] != "!"):
                    facts = {"operator": "3-D", "alternative": "one reference per sheet"}
                    yield Finding("T20", "error", *place, facts)
            elif kind == SPACE and _ends_reference(before) and _starts_reference(after):
                facts = {"operator": "the intersection of ranges", "alternative": "INDEX"}
                yield Finding("T20", "error", *place, facts)
            elif part == "(" and before[0] not in (NAME, CELL) and before[1] != ")":
                group = arguments(parts, at, closing(parts, at))
                if len(group) > 1:
                    facts = {"operator": "a union of ranges", "alternative": "one formula per range"}
                    yield Finding("T20", "error", *place, facts)
            elif part in ("<", ">", "<=", ">=") and _calculated_beside(parts, at):
                yield Finding("T35", "warning", *place)


def _ends_reference(token: Token) -> bool:
    return token[0] in (CELL, COLS, ROWS) or (token[0] == NAME and token[1].upper() not in ("TRUE", "FALSE"))


def _starts_reference(token: Token) -> bool:
    return token[0] in (CELL, COLS, ROWS, QUOTED, NAME)


def _calculated_beside(parts: Sequence[Token], at: int) -> bool:
    """Whether arithmetic with a decimal constant or a division stands on both sides of a comparison."""
    return _has_decimals(parts[:at][::-1]) and _has_decimals(parts[at + 1 :])


def _has_decimals(side: Sequence[Token]) -> bool:
    depth, operator, decimal = 0, False, False
    for kind, part in side:
        if kind == OTHER:
            depth += (part in "({") - (part in ")}")
            if (depth == 0 and part in (",", "&")) or part in ("=", "<>", "<", ">", "<=", ">="):
                break
            operator = operator or part in ("+", "-", "*", "/")
            decimal = decimal or part == "/"
        decimal = decimal or (kind == NUM and "." in part)
    return operator and decimal


def _names_like_cells(
    function: str, given: Sequence[Sequence[Token]], place: tuple[str, str]
) -> Iterator[Finding]:
    step = 2 if function == "LET" else 1
    for argument in given[:-1:step]:
        name = re.sub(r"^_xlpm\.", "", text(argument).strip().strip("[]"), flags=re.I)
        if _LIKE_A_CELL.fullmatch(name) and name.upper() not in ("R", "C"):
            yield Finding("T33", "error", *place, {"name": name})


def _text_format(argument: Sequence[Token], place: tuple[str, str]) -> Iterator[Finding]:
    given = [token for token in argument if token[0] != SPACE]
    if len(given) != 1 or given[0][0] != STR:
        return
    shown = given[0][1][1:-1].replace('""', '"')
    if not is_supported(shown):
        yield Finding("T21", "error", *place, {"format": shown})


def _leaves_out_hidden(function: str, given: Sequence[Sequence[Token]]) -> bool:
    if function == "SUBTOTAL":
        return _constant(given[0]) in _HIDDEN_SUBTOTALS
    return len(given) > 1 and _constant(given[1]) in _HIDDEN_AGGREGATES


def _constant(argument: Sequence[Token]) -> float | None:
    given = [part for kind, part in argument if kind != SPACE]
    try:
        return float("".join(given))
    except ValueError:
        return None
