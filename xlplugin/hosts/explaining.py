"""Where the value of one cell comes from: formula, arguments, inputs, rule, and the reason in words.

The book is computed first, so that a failed call has its sentence. A cell inside a spilled result is
explained by the formula in the first cell of the result.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xlplugin.errors import ErrorValue, InputError, MissingError
from xlplugin.store.dictionary import setting_of, settings
from xlplugin.workbook.formats import is_date_format
from xlplugin.workbook.formula import bare
from xlplugin.workbook.precedents import Precedents, ranges_of
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import NAME, Box, address, arguments, box_text, cell, closing, text, tokens
from xlplugin.worksheet.explain import explain as in_words
from xlplugin.worksheet.reference import signature
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xlplugin.workbook import CompiledTemplate, Result
    from xlplugin.workbook.sheets import Cell
    from xlplugin.workbook.tokens import Token
    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["Explanation", "Read", "explained", "place_of"]

_PREFIX = re.compile(r"_xlfn\.|_xlws\.|_xlpm\.")
_MANY = 12


@dataclass(frozen=True)
class Read:
    """One thing that a formula reads.

    Attributes
    ----------
    name : str
        The argument, the defined name or the place.
    written : str
        As the formula writes it.
    holds : str
        The value of one cell, or the place and the size of a range.
    meaning : str
        The help of the argument.
    """

    name: str
    written: str
    holds: str
    meaning: str = ""


@dataclass
class Explanation:
    """What is known about one cell.

    Attributes
    ----------
    cell : str
        As Sheet!A1.
    value : str
        What the cell shows after the computation.
    title : str
        The header above it in its table or result, or "".
    names : list of str
        Defined names of the cell.
    formula : str
        Of the cell or of the first cell of its result; "" for an input or an empty cell.
    first : str
        The first cell of the result that the cell lies in, where that is another cell.
    function : str
        Our function that the formula calls: its call, what it does and the source of its rule.
    does, source : str
        As above.
    arguments, reads : list of Read
        The arguments of our function; for other formulas the ranges.
    inputs : list of Read
        The input cells far upstream.
    sentences : list of str
        Why the call failed, and what the status and the reasons of the row mean.
    """

    cell: str
    value: str
    title: str = ""
    names: list[str] = field(default_factory=list)
    formula: str = ""
    first: str = ""
    function: str = ""
    does: str = ""
    source: str = ""
    arguments: list[Read] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    inputs: list[Read] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def place_of(given: str, sheets: Sequence[str]) -> tuple[str, int, int]:
    """Sheet, row and column of a text such as ``Harvest!B11``.

    Raises
    ------
    InputError
        If it is no cell, or the book has no such sheet.
    """
    sheet, sign, place = given.rpartition("!")
    sheet = sheet.strip("'").replace("''", "'")
    try:
        row, column = cell(place)
    except ValueError:
        raise InputError(f"{given}: expected a cell such as {sheets[0]}!B5") from None
    if not sign or sheet not in sheets:
        raise InputError(f"{given}: expected a sheet and a cell; the sheets are {', '.join(sheets)}")
    return sheet, row, column


def explained(template: CompiledTemplate, result: Result, given: str, language: str) -> Explanation:
    """Everything about one cell of a computed book.

    Parameters
    ----------
    template : CompiledTemplate
        The book.
    result : Result
        Its computation.
    given : str
        The cell, as ``Harvest!B11``.
    language : str
        "ja" or "en".

    Raises
    ------
    InputError
        If there is no such cell.
    """
    return _Teller(template, result, language).tell(*place_of(given, result.book.sheets))


class _Teller:
    def __init__(self, template: CompiledTemplate, result: Result, language: str) -> None:
        self.template, self.book, self.log, self.language = template, result.book, result.log, language
        self.state = result.state
        self.names = {name.name.upper(): name for name in template.package.names if name.sheet is None}
        self.registry = load()

    def tell(self, sheet: str, row: int, column: int) -> Explanation:
        value = self.book.values(sheet).get((row, column))
        one = self._formula_of(sheet, row, column)
        found = Explanation(f"{sheet}!{address(row, column)}", self._shown(value, sheet, row, column))
        found.title = self._title(sheet, row, column, one)
        found.names = [
            n.name
            for n in self.names.values()
            if [(sheet, (row, column, row, column))] == ranges_of(n.text, "", {})
        ]
        found.does = next(filter(None, map(self._label, found.names)), "")
        if one is not None:
            found.formula = "=" + _PREFIX.sub("", one.formula or "")
            if (one.row, one.column) != (row, column):
                found.first = f"{sheet}!{address(one.row, one.column)}"
            self._call(found, sheet, one)
            found.inputs = list(self._inputs(sheet, one))
            place = address(one.row, one.column)
            found.sentences = [f.sentence for f in self.log if (f.sheet, f.cell) == (sheet, place)]
        found.sentences += self._reasons(sheet, row, column, one, value)
        return found

    def _label(self, name: str) -> str:
        """What an input cell is called on the sheet of inputs."""
        known = settings().get(setting_of(name)) if name.startswith(("in_", "cfg_")) else None
        return known.words[0 if self.language == "ja" else 1] if known is not None else ""

    # -- the formula -------------------------------------------------------------------------------

    def _formula_of(self, sheet: str, row: int, column: int) -> Cell | None:
        """The formula in a cell, or the one whose result reaches over it."""
        known = self.template.sheets.get(sheet)
        for one in known.formulas() if known is not None else ():
            r1, c1, r2, c2 = self._extent(sheet, one)
            if r1 <= row <= r2 and c1 <= column <= c2:
                return one
        return None

    def _extent(self, sheet: str, one: Cell) -> Box:
        alone = one.row, one.column, one.row, one.column
        if one.way is Way.PLAIN or self.state is None:
            return one.extent or alone
        return self.state.extent(sheet, one.row, one.column) or one.extent or alone

    def _call(self, found: Explanation, sheet: str, one: Cell) -> None:
        parts = tokens(one.formula or "")
        function, given = self._first_call(parts)
        if function is None:
            for area in dict.fromkeys(Precedents(self.template.sheets, self.names).reads(sheet, one)):
                found.reads.append(Read(self._where(*area), "", self._holds(*area)))
            found.reads = found.reads[:_MANY]
            return
        found.function, found.does = signature(function), function.help.text(self.language)
        found.source = function.source
        for argument, tokens_ in zip(function.arguments, given, strict=False):
            written = text(tokens_).strip()
            meaning = argument.help.text(self.language)
            found.arguments.append(Read(argument.name, written, self._argument(written, sheet, one), meaning))

    def _first_call(self, parts: list[Token]) -> tuple[WorksheetFunction | None, list[list[Token]]]:
        for at, (kind, part) in enumerate(parts[:-1]):
            if kind == NAME and parts[at + 1][1] == "(" and bare(part).upper() in self.registry:
                end = closing(parts, at + 1)
                return self.registry[bare(part).upper()], arguments(parts, at + 1, end)
        return None, []

    def _argument(self, written: str, sheet: str, one: Cell) -> str:
        if not written:
            return ""
        lowered = self.template.lowering(written, sheet, one.row, one.column, 0)
        areas = list(dict.fromkeys(ranges_of(lowered.text, sheet, self.names)))
        return "; ".join(self._holds(*area) for area in areas[:3]) + (" ..." if len(areas) > 3 else "")

    def _inputs(self, sheet: str, one: Cell) -> Iterator[Read]:
        """The input cells and the files that a formula depends on, however far upstream."""
        precedents = Precedents(self.template.sheets, self.names)
        upstream = precedents.upstream(sheet, one)
        areas = {area for where, at in upstream for area in precedents.reads(where, at)}

        def is_read(where: str, corners: Box) -> bool:
            top, left, bottom, right = corners
            return any(
                s == where and r1 <= bottom and top <= r2 and c1 <= right and left <= c2
                for s, (r1, c1, r2, c2) in areas
            )

        for name in sorted(self.names.values(), key=lambda n: n.name):
            place = ranges_of(name.text, "", {})[:1] if name.name.startswith("in_") else []
            for where, corners in place:
                if is_read(where, corners) and (shown := self._holds(where, corners)):
                    yield Read(name.name, self._where(where, corners), shown)
        files = self._sources()
        for table in self.template.package.tables:
            item = table.name.removeprefix("tbl_")
            if item in files and is_read(table.sheet, table.corners):
                yield Read(table.name, self._where(table.sheet, table.corners), files[item])

    def _sources(self) -> dict[str, str]:
        """File and day by table, as the sources table of the book lists them."""
        table = next((t for t in self.template.package.tables if t.name == "tbl_sources"), None)
        if table is None:
            return {}
        found = {}
        _, left, _, _ = table.corners
        for row in range(table.first_data_row, table.last_data_row + 1):
            item, source, day = (self._holds(table.sheet, (row, c, row, c)) for c in range(left, left + 3))
            found[item] = f"{source} {day}".strip()
        return found

    # -- values ------------------------------------------------------------------------------------

    def _where(self, sheet: str, corners: Box) -> str:
        return f"{sheet}!{box_text(corners)}"

    def _holds(self, sheet: str, corners: Box) -> str:
        r1, c1, r2, c2 = corners
        if (r1, c1) == (r2, c2):
            return (
                self._shown(self.book.values(sheet).get((r1, c1)), sheet, r1, c1)
                if sheet in self.book.sheets
                else ""
            )
        return f"{self._where(sheet, corners)} ({r2 - r1 + 1} x {c2 - c1 + 1})"

    def _shown(self, value: Any, sheet: str, row: int, column: int) -> str:
        if value is None:
            return ""
        if isinstance(value, ErrorValue):
            return value.value
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if not isinstance(value, float):
            return str(value)
        if value >= 61 and is_date_format(self._format(sheet, row, column)):
            return (dt.date(1899, 12, 30) + dt.timedelta(days=int(value))).isoformat()
        return f"{value:.10g}"

    def _format(self, sheet: str, row: int, column: int) -> str:
        known = self.template.sheets.get(sheet)
        held = known.rows.get(row) if known is not None else None
        one = next((c for c in held.parsed() if c.column == column), None) if held is not None else None
        return self.template.formats.code(one.style if one is not None else None)

    # -- words -------------------------------------------------------------------------------------

    def _title(self, sheet: str, row: int, column: int, one: Cell | None) -> str:
        for table in self.template.package.tables:
            if table.holds(sheet, row, column) and row >= table.first_data_row:
                return table.columns[column - table.corners[1]]
        if one is None or self._extent(sheet, one)[:2] == self._extent(sheet, one)[2:]:
            return ""
        above = self.book.values(sheet).get((one.row - 1, column))
        return above if isinstance(above, str) else ""

    def _reasons(self, sheet: str, row: int, column: int, one: Cell | None, value: Any) -> list[str]:
        """What the cell itself means, and the words of its row in the same result."""
        cells = [value]
        if one is not None:
            _, left, _, right = self._extent(sheet, one)
            if right > left:
                cells += [
                    self.book.values(sheet).get((row, c)) for c in range(left, right + 1) if c != column
                ]
        said: list[str] = []
        for held in cells:
            if held in (None, "") or not isinstance(held, (str, ErrorValue)):
                continue
            try:
                sentence = in_words(held, self.language)
            except MissingError:
                continue
            if sentence not in said:
                said.append(sentence)
        return said
