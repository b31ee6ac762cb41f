"""Stored formulas as the calculator understands them; nothing of this is ever written to a file.

Tables, inlined names, spellings of our functions and omitted arguments become plain A1 text
(specification, sections 6.4 and 6.5). Every call of one of our functions gets the number of its
cell as a first argument, so that a failure can be logged with sheet and cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.comparing import compared, may_compare
from xlplugin.workbook.formula import bare
from xlplugin.workbook.implicit import Intersection, intersected_range
from xlplugin.workbook.lambdas import HELPERS, Lambda, lambda_of, let_of, lifted
from xlplugin.workbook.structured import Table, moved_reference, structured
from xlplugin.workbook.tokens import (
    BRACKET,
    CELL,
    COLS,
    ERR,
    NAME,
    NUM,
    OTHER,
    QUOTED,
    ROWS,
    Token,
    address,
    arguments,
    box,
    cell,
    closing,
    column_name,
    column_number,
    plain_sheet,
    shift,
    text,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from xlplugin.workbook.package import DefinedName

__all__ = ["FIXED", "OMIT", "Lowered", "Lowering", "is_simple_name"]

OMIT: Final = "__OMIT"
FIXED: Final = "__CSE"
MAX_DEPTH: Final = 16
_ARRAY_LOOKUP: Final = "__XLOOKUP"
_WITH_MODES: Final = 5  # arguments of XLOOKUP from which on the calculator answers otherwise
_WEEKENDS: Final = frozenset({"WORKDAY.INTL", "NETWORKDAYS.INTL"})  # an empty third argument means 1
_OF_RESULTS: Final = frozenset({"__ROWS", "__COLUMNS"})  # replaced where the argument is a result
_SINGLE: Final = "_XLFN.SINGLE"
_ANCHOR: Final = "_XLFN.ANCHORARRAY"
_THIS_ROW: Final = "#This Row]"
_SITES: Final = (900_000_001, 900_000_002)  # stand for the number of a cell while a pattern is made
_LAMBDAS: Final = frozenset(
    prefix + name for prefix in ("", "_XLFN.") for name in ("LAMBDA", "ISOMITTED", *HELPERS)
)

_WORD = re.compile(r"[^\W\d][\w.?\\・]*|\\[\w.?\\・]*")
_RANGE = re.compile(
    r"((?:'(?:[^']|'')+'|[^\W\d][\w.・]*)!)?(\$?[A-Za-z]{1,3}\$?[0-9]+:\$?[A-Za-z]{1,3}\$?[0-9]+)"
)
_REVERSED = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]+):\$?([A-Za-z]{1,3})\$?([0-9]+)")
_SIMPLE = re.compile(
    r"""(?:'(?:[^']|'')+'|[^\W\d][\w.・]*)!\$[A-Za-z]{1,3}\$[0-9]+(?::\$[A-Za-z]{1,3}\$[0-9]+)?
    |-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?
    |"(?:[^"]|"")*"
    |TRUE|FALSE""",
    re.X | re.I,
)


def is_simple_name(definition: str) -> bool:
    """Whether the calculator resolves a name with this text by itself: one range or one constant."""
    return _SIMPLE.fullmatch(definition) is not None


@dataclass(frozen=True)
class Lowered:
    """An engine formula and the tables whose extent is written into it."""

    text: str
    tables: frozenset[str] = frozenset()
    refused: str | None = None  # a function that could not be lowered


@dataclass
class _Place:
    sheet: str
    row: int
    column: int
    site: int
    tables: set[str] = field(default_factory=set)
    lambdas: dict[str, Lambda] = field(default_factory=dict)  # bound by LET so far
    refused: str | None = None


@dataclass(frozen=True)
class _Pattern:
    """Engine text of a calculated column; None stands for the row, False for the number of the cell."""

    pieces: tuple[str | bool | None, ...]
    first: int
    last: int
    tables: frozenset[str]

    def at(self, row: int, site: int) -> str:
        """The text in one row."""
        shown, number = str(row), str(site)
        return "".join(
            [shown if piece is None else number if piece is False else str(piece) for piece in self.pieces]
        )


def _row_pieces(one: str, following: str, row: int) -> tuple[str | bool | None, ...] | None:
    """What two rows of a column have in common; None where they differ by more than their row."""
    here, there = tokens(one), tokens(following)
    if len(here) != len(there):
        return None
    pieces: list[str | bool | None] = []
    for (kind, part), (_, other) in zip(here, there, strict=True):
        if part == other:
            pieces.append(part)
        elif (part, other) == (str(_SITES[0]), str(_SITES[1])):
            pieces.append(False)
        elif kind == CELL and part.endswith(str(row)) and other == part.removesuffix(str(row)) + str(row + 1):
            pieces += [part.removesuffix(str(row)), None]
        else:
            return None
    return tuple(pieces)


class Lowering:
    """From stored to engine formulas, for one state of the tables.

    Parameters
    ----------
    tables : iterable of Table
    spelled : mapping of str to str
        Spelling in capitals -> name of our function.
    names : iterable of DefinedName
        Those that the calculator resolves by itself are left alone.
    replaced : mapping of str to str
        Stored name in capitals -> registered name of a replacement.
    explaining : collection of str
        Our functions that want the address of the cell they are pointed at.
    dynamic : collection of (sheet, row, column)
        Cells with a dynamic array; ``A5#`` of any other cell is ``#REF!``.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        spelled: Mapping[str, str],
        names: Iterable[DefinedName],
        replaced: Mapping[str, str],
        explaining: Collection[str] = (),
        dynamic: Collection[tuple[str, int, int]] = (),
    ) -> None:
        listed = list(names)
        self._patterns: dict[tuple[str, str, int], _Pattern] = {}
        self._dynamic = frozenset(dynamic)
        self._simple = {n.name.upper(): n.text for n in listed if is_simple_name(n.text)}
        self.tables = {table.name.upper(): table for table in tables}
        self.spelled, self.replaced, self.explaining = spelled, replaced, frozenset(explaining)
        self.names = {
            (name.name.upper(), name.sheet): name.text
            for name in listed
            if not (name.is_builtin or name.is_macro or is_simple_name(name.text))
        }
        self._ranges = frozenset(name.name.upper() for name in listed if ":" in name.text)
        self._intersection = Intersection({n: t for n, t in self._simple.items() if ":" in t})
        # Names whose text is a range of a table without naming it follow the table's size.
        self._name_tables = {
            key: {name for name, table in self.tables.items() if _reads(definition, table)}
            for key, definition in self.names.items()
        }
        self._words = frozenset(
            {
                *self.tables,
                *spelled,
                *replaced,
                *(name for name, _ in self.names),
                _SINGLE,
                _ANCHOR,
                *_LAMBDAS,
                *_WEEKENDS,
            }
        )

    def with_tables(self, tables: Iterable[Table]) -> Lowering:
        """The same for tables of another size."""
        other = object.__new__(Lowering)
        other.__dict__.update(self.__dict__)
        changed = {table.name.upper(): table for table in tables}
        other.tables = {**self.tables, **changed}
        other.names, other._patterns = dict(self.names), {}
        for key, readers in self._name_tables.items():
            for name in readers & changed.keys():
                other.names[key] = moved_reference(other.names[key], self.tables[name], changed[name])
        return other

    def __call__(
        self, formula: str, sheet: str, row: int, column: int, site: int, *, one_cell: bool = False
    ) -> Lowered:
        """The engine text of the formula in one cell; `one_cell` if it is no array formula.

        Raises
        ------
        InvalidReferenceError
            For a text in brackets that is no structured reference.
        """
        if ":" in formula:
            formula = _in_order(formula)
        if (
            not may_compare(formula)
            and "[" not in formula
            and self._words.isdisjoint(w.upper() for w in _WORD.findall(formula))
        ):
            return Lowered(self._intersection(formula, row, column) if one_cell else formula)
        if _THIS_ROW in formula:
            lowered = self._in_table(formula, sheet, row, column, site)
        else:
            lowered = self._lowered(formula, _Place(sheet, row, column, site))
        if not one_cell:
            return lowered
        return replace(lowered, text=self._intersection(lowered.text, row, column))

    def _lowered(self, formula: str, place: _Place) -> Lowered:
        parts = tokens(formula)
        walked = text(self._walk(compared(parts) if may_compare(formula) else parts, place, 0))
        return Lowered(walked, frozenset(place.tables), place.refused)

    def _in_table(self, formula: str, sheet: str, row: int, column: int, site: int) -> Lowered:
        """The formula of a calculated column: the same text in every row, lowered once per column."""
        key = formula, sheet, column
        pattern = self._patterns.get(key)
        if pattern is not None and pattern.first <= row <= pattern.last:
            return Lowered(pattern.at(row, site), pattern.tables)
        lowered = self._lowered(formula, _Place(sheet, row, column, site))
        table = next((t for t in self.tables.values() if t.holds(sheet, row, column)), None)
        if table is None or lowered.refused or not table.first_data_row <= row < table.last_data_row:
            return lowered
        one = self._lowered(formula, _Place(sheet, row, column, _SITES[0])).text
        next_one = self._lowered(formula, _Place(sheet, row + 1, column, _SITES[1])).text
        pieces = _row_pieces(one, next_one, row)
        if pieces is not None:
            first, last = table.first_data_row, table.last_data_row
            self._patterns[key] = _Pattern(pieces, first, last, lowered.tables)
        return lowered

    def _own_table(self, place: _Place) -> Table | None:
        for table in self.tables.values():
            if table.holds(place.sheet, place.row, place.column):
                return table
        return None

    def _walk(self, parts: Sequence[Token], place: _Place, depth: int) -> list[Token]:
        out: list[Token] = []
        at, count = 0, len(parts)
        while at < count:
            kind, part = parts[at]
            following = parts[at + 1] if at + 1 < count else (OTHER, "")
            behind_sheet = bool(out) and out[-1][1] == "!"
            if kind == BRACKET:
                at += self._bracket(parts, at, place, out)
                continue
            if kind == QUOTED and "[" in part and following[1] == "!":
                out.append((ERR, "#REF!"))  # '[1]Sheet'!A1 of another book, lenient mode
                at += 3
                continue
            if kind in (NAME, QUOTED) and following[1] == "!":
                if used := self._sheet_name(parts, at, place, depth, out):
                    at += used
                    continue
            elif kind == NAME and following[1] == "(":
                if used := self._call(parts, at, place, depth, out):
                    at += used
                    continue
            elif kind == NAME and not behind_sheet and (used := self._word(parts, at, place, depth, out)):
                at += used
                continue
            out.append((kind, part))
            at += 1
        return out

    def _bracket(self, parts: Sequence[Token], at: int, place: _Place, out: list[Token]) -> int:
        """``[1]!HARVEST(`` of another book, an external reference, or a column of the own table."""
        part = parts[at][1]
        following = parts[at + 1] if at + 1 < len(parts) else (OTHER, "")
        if following[1] == "!" and at + 2 < len(parts) and parts[at + 2][1].upper() in self.spelled:
            return 2
        if part[1:-1].isdigit() or following[1] == "!" or following[0] in (NAME, CELL):
            out.append((ERR, "#REF!"))
            return 1
        table = self._own_table(place)
        out.append((OTHER, self._structured(table, part[1:-1], place) if table else "#REF!"))
        return 1

    def _structured(self, table: Table, inner: str, place: _Place) -> str:
        place.tables.add(table.name.upper())
        return structured(table, inner, place.sheet, place.row)

    def _sheet_name(
        self, parts: Sequence[Token], at: int, place: _Place, depth: int, out: list[Token]
    ) -> int:
        """``Sheet!name`` is the name of that sheet, else the workbook's."""
        if at + 2 >= len(parts) or parts[at + 2][0] != NAME:
            return 0
        name = parts[at + 2][1].upper()
        return 3 if self._inlined((name, plain_sheet(parts[at][1])), place, depth, out) else 0

    def _word(self, parts: Sequence[Token], at: int, place: _Place, depth: int, out: list[Token]) -> int:
        """A table or a name that the calculator does not know."""
        upper = parts[at][1].upper()
        if table := self.tables.get(upper):
            bracketed = at + 1 < len(parts) and parts[at + 1][0] == BRACKET
            inner = parts[at + 1][1][1:-1] if bracketed else ""
            out.append((OTHER, self._structured(table, inner, place)))
            return 2 if bracketed else 1
        return 1 if self._inlined((upper, place.sheet), place, depth, out) else 0

    def _inlined(self, key: tuple[str, str | None], place: _Place, depth: int, out: list[Token]) -> bool:
        """The text of a name in place of it; the sheet's own name first."""
        if key not in self.names:
            key = key[0], None
        if key not in self.names or depth >= MAX_DEPTH:
            return False
        place.tables |= self._name_tables[key]
        # A name is written as seen from A1; its relative references move to the cell.
        moved = shift(tokens(self.names[key]), place.row - 1, place.column - 1)
        out += [(OTHER, "("), *self._walk(moved, place, depth + 1), (OTHER, ")")]
        return True

    def _call(self, parts: Sequence[Token], at: int, place: _Place, depth: int, out: list[Token]) -> int:
        """A function call that is written otherwise; how many tokens it took, 0 for any other call."""
        upper = parts[at][1].upper()
        end = closing(parts, at + 1)
        if upper == _SINGLE:
            one = self._single(parts[at + 2 : end], place)
            out.append((OTHER, one or "@"))
            return end - at + 1 if one else 1
        if upper == _ANCHOR:
            out += self._spill(parts[at + 2 : end], place, depth)
            return end - at + 1
        if (used := self._lambda_call(parts, at, end, place, depth, out)) > 0:
            return used
        if upper in _WEEKENDS:
            return self._weekend(parts, at, end, place, depth, out)
        name = self.spelled.get(upper)
        if name is None:
            registered = self.replaced.get(upper)
            if registered is None:
                return 0
            listed = arguments(parts, at + 1, end)
            first = listed[0]
            if registered == _ARRAY_LOOKUP and len(listed) < _WITH_MODES and self._is_one_cell(first):
                return 0
            if registered in _OF_RESULTS and not any(part == "(" for _, part in first):
                return 0
            out.append((NAME, f"{registered}("))
        else:
            out.append((NAME, f"{name}({place.site}"))
        given = arguments(parts, at + 1, end)
        if name is not None and name in self.explaining:
            out.append((OTHER, f',"{_pointed_at(given[0], place)}"'))
        if len(given) > 1 or text(given[0]).strip():
            for index, argument in enumerate(given):
                if index or name is not None:
                    out.append((OTHER, ","))
                if text(argument).strip():
                    out += self._walk(argument, place, depth)
                else:
                    out.append((NAME, f"{OMIT}()"))
        if end < len(parts):
            out.append((OTHER, ")"))
        return end - at + 1

    def _weekend(
        self, parts: Sequence[Token], at: int, end: int, place: _Place, depth: int, out: list[Token]
    ) -> int:
        """The calculator takes a weekend that was left out for a wrong one."""
        given = arguments(parts, at + 1, end)
        if len(given) < 3 or text(given[2]).strip():
            return 0
        out.append((NAME, f"{parts[at][1]}("))
        for index, argument in enumerate(given):
            comma = [(OTHER, ",")] if index else []
            out += [*comma, *([(NUM, "1")] if index == 2 else self._walk(argument, place, depth))]
        if end < len(parts):
            out.append((OTHER, ")"))
        return end - at + 1

    def _single(self, inside: Sequence[Token], place: _Place) -> str | None:
        """``@`` of a range as the cell it means: the calculator turns a blank one into 0 at once."""
        walked = text(self._walk(inside, place, MAX_DEPTH))
        match = _RANGE.fullmatch(walked)
        if match is None:
            return None
        found = intersected_range(box(match[2].replace("$", "")), place.row, place.column)
        return "#VALUE!" if found is None else f"{match[1] or ''}{address(*found)}"

    def _spill(self, inside: Sequence[Token], place: _Place, depth: int) -> list[Token]:
        """``A5#``; the calculator calls it #REF! where the result is one cell."""
        walked = text(self._walk(inside, place, depth))
        whole = f"_xlfn.ANCHORARRAY({walked})"
        reference = self._simple.get(walked.upper(), walked)
        sheet, _, cell_text = reference.rpartition("!")
        try:
            row, column = cell(cell_text)
        except ValueError:
            return [(NAME, whole)]
        if (plain_sheet(sheet) if sheet else place.sheet, row, column) not in self._dynamic:
            return [(NAME, whole)]
        is_single = f"IFERROR(ERROR.TYPE(INDEX({whole},1,1)),0)=4"
        return [(NAME, f"IF({is_single},{walked},{whole})")]

    def _is_one_cell(self, argument: Sequence[Token]) -> bool:
        """Whether a lookup value is surely no array: the calculator's own function is faster then."""
        for index, (kind, part) in enumerate(argument):
            if kind in (BRACKET, COLS, ROWS) or part in ("{", ":", "#"):
                return False
            if kind == NAME and not part.lower().startswith("_xlpm."):
                following = argument[index + 1][1] if index + 1 < len(argument) else ""
                if following == "(" or part.upper() in self.tables or part.upper() in self._ranges:
                    return False
        return True

    # -- lambdas -----------------------------------------------------------------------------------

    def _lambda_call(
        self, parts: Sequence[Token], at: int, end: int, place: _Place, depth: int, out: list[Token]
    ) -> int:
        upper = parts[at][1].upper()
        plain = bare(upper)
        if plain == "LET":
            given = arguments(parts, at + 1, end)
            for name, value in zip(given[:-1:2], given[1::2], strict=False):
                if function := lambda_of(value):
                    place.lambdas[text(name).strip().upper()] = function
            return 0
        if plain == "LAMBDA" and end + 1 < len(parts) and parts[end + 1][1] == "(":
            last = closing(parts, end + 1)
            return self._applied(parts, at, end + 1, last, lambda_of(parts[at : end + 1]), place, depth, out)
        if (definition := self._lambda_name(upper, place)) is not None and depth < MAX_DEPTH:
            function = lambda_of(tokens(definition))
            return self._applied(parts, at, at + 1, end, function, place, depth + 1, out)
        if (plain in HELPERS and plain != upper) or upper in HELPERS:
            given = arguments(parts, at + 1, end)
            function = self._function_of(given[-1], place)
            # Ranges and calls were put in as whole texts: cut them again to find the references.
            body = tuple(tokens(text(self._walk(function.body, place, depth)))) if function else ()
            arrays = [self._walk(argument, place, depth) for argument in given[:-1]]
            call = lifted(plain, replace(function, body=body), arrays) if function else None
            if call is not None:
                out += call
                return end - at + 1
            place.refused = plain
        elif plain == "ISOMITTED":
            place.refused = plain
        return 0

    def _applied(
        self,
        parts: Sequence[Token],
        at: int,
        opening: int,
        end: int,
        function: Lambda | None,
        place: _Place,
        depth: int,
        out: list[Token],
    ) -> int:
        """A lambda that is called at once, as LET."""
        bound = let_of(function, arguments(parts, opening, end)) if function else None
        if bound is None:
            place.refused = "LAMBDA"
            return 0
        out += self._walk(bound, place, depth)
        return end - at + 1

    def _lambda_name(self, upper: str, place: _Place) -> str | None:
        definition = self.names.get((upper, place.sheet), self.names.get((upper, None)))
        return definition if definition is not None and "LAMBDA(" in definition.upper() else None

    def _function_of(self, argument: Sequence[Token], place: _Place) -> Lambda | None:
        """The lambda behind the last argument of MAP and its like: written out, or by its name."""
        if function := lambda_of(argument):
            return function
        word = text(argument).strip().upper()
        if word in place.lambdas:
            return place.lambdas[word]
        definition = self._lambda_name(word, place)
        return lambda_of(tokens(definition)) if definition is not None else None


def _in_order(formula: str) -> str:
    """Ranges from top left to bottom right: the calculator refuses ``B9:A1``."""
    for match in _REVERSED.finditer(formula):
        columns = column_number(match[1]), column_number(match[3])
        if int(match[2]) > int(match[4]) or columns[0] > columns[1]:
            break
    else:
        return formula
    parts = tokens(formula)
    for at in range(1, len(parts) - 1):
        (left, first), (right, last) = parts[at - 1], parts[at + 1]
        if parts[at][1] == ":" and left == right == CELL:
            r1, c1, r2, c2 = box(f"{first}:{last}")
            fixed = "$" if "$" in first + last else ""
            parts[at - 1] = CELL, f"{fixed}{column_name(c1)}{fixed}{r1}"
            parts[at + 1] = CELL, f"{fixed}{column_name(c2)}{fixed}{r2}"
    return text(parts)


def _reads(definition: str, table: Table) -> bool:
    r1, c1, r2, c2 = table.corners
    longer = replace(table, corners=(r1, c1, r2 + 1, c2))
    return moved_reference(definition, table, longer) != definition


def _pointed_at(argument: Sequence[Token], place: _Place) -> str:
    """``Sheet!A5`` when an argument is one cell, else nothing; quotes doubled for a string."""
    parts = [token for token in argument if token[1].strip()]
    sheet = place.sheet
    if len(parts) == 3 and parts[1][1] == "!":
        sheet, parts = plain_sheet(parts[0][1]), parts[2:]
    if len(parts) != 1 or parts[0][0] != CELL:
        return ""
    return f"{sheet}!{parts[0][1].replace('$', '').upper()}".replace('"', '""')
