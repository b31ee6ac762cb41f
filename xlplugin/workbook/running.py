"""One client's run: calculate, read the spills, write the changed parts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from xlplugin.errors import ErrorValue
from xlplugin.workbook.calc import Formualizer, FunctionFailure, Recorder, register_all
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.patch import Grid, Policy, SheetResult, render
from xlplugin.workbook.reading import Book
from xlplugin.workbook.replacements import REPLACEMENTS
from xlplugin.workbook.sheets import Sheet, Way
from xlplugin.workbook.tokens import address, box
from xlplugin.workbook.values import FATAL
from xlplugin.workbook.view import sheet_view, view_package
from xlplugin.workbook.zipped import Entry, new_entry, write_zip

if TYPE_CHECKING:
    from xlplugin.workbook.bind import Inputs
    from xlplugin.workbook.calc import Calculator
    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.findings import Level
    from xlplugin.workbook.formula import Flavour
    from xlplugin.workbook.sheets import Cell
    from xlplugin.workbook.tokens import Box

__all__ = ["Edition", "Result", "run"]

Edition = Literal["live", "values", "oracle"]


@dataclass(frozen=True)
class CellError:
    """One cell that shows an error."""

    sheet: str
    cell: str
    error: str


@dataclass
class Result:
    """A computed workbook: its bytes, and what happened on the way.

    `log` holds the failed calls of our functions, `findings` what the template's linter and the
    calculation remarked.
    """

    data: bytes
    log: list[FunctionFailure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @cached_property
    def book(self) -> Book:
        """The values of the file, read when somebody asks."""
        return Book(self.data)

    def cells(self, sheet: str, place: str) -> list[list[Any]]:
        """Rows of values of a range such as ``B2:D9``; None for an empty cell."""
        return self.book.block(sheet, box(place))

    @property
    def errors(self) -> list[CellError]:
        """Every cell that shows an error, in reading order."""
        return [
            CellError(sheet, address(row, column), value.value)
            for sheet in self.book.sheets
            for (row, column), value in sorted(self.book.values(sheet).items())
            if isinstance(value, ErrorValue)
        ]


@dataclass
class Calculated:
    """The state of one client's book between calculation and writing."""

    sheets: dict[str, Sheet]
    results: dict[str, SheetResult]
    log: list[FunctionFailure]
    findings: list[Finding]


def run(
    template: CompiledTemplate,
    inputs: Inputs | None,
    *,
    edition: Edition,
    flavour: Flavour,
    as_of: dt.date,
    level: int,
) -> Result:
    """See `CompiledTemplate.run`."""
    errors = [finding for finding in template.findings if finding.level == "error"]
    if errors and not template.lenient:
        raise TemplateError(errors)
    state = calculate(template, as_of)
    policy = Policy("live:vba", lambda one: one.formula, template.dynamic_record)
    changed: dict[str, bytes] = dict(template.fixed)
    for name, result in state.results.items():
        sheet = state.sheets[name]
        changed[sheet.part] = render(sheet, result, policy).encode()
    entries: list[Entry] = []
    for name, entry in template.package.entries.items():
        if name in template.dropped:
            continue
        data = changed.pop(name, None)
        entries.append(entry if data is None else new_entry(name, data, level))
    entries += [new_entry(name, data, level) for name, data in changed.items()]
    entries.sort(key=lambda entry: entry.name != "[Content_Types].xml")
    return Result(write_zip(entries), state.log, [*template.findings, *state.findings])


def calculate(template: CompiledTemplate, as_of: dt.date) -> Calculated:
    """Every value of the book for one client.

    Raises
    ------
    TemplateError
        T12: formulas the calculator cannot handle, unless the template is lenient: their stored
        values are kept then, and everything that reads them is calculated from these.
    """
    sheets, views = template.sheets, dict(template.views)
    findings: list[Finding] = []
    while True:
        recorder = Recorder(template.sites)
        calculator = Formualizer()
        view = view_package(list(views.items()), template.package.names, template.strings_view)
        clock = dt.datetime(as_of.year, as_of.month, as_of.day, tzinfo=dt.UTC)
        date1904 = template.package.date1904
        calculator.load(view, date1904=date1904, clock=clock)
        register_all(calculator, template.functions, recorder, date1904=date1904, replacements=REPLACEMENTS)
        calculator.evaluate()
        recorder.finish()
        results = {
            name: result
            for name, sheet in sheets.items()
            if (result := _sheet_result(sheet, calculator)) is not None
        }
        fatal = [(name, one, kind) for name, r in results.items() for one, kind in _fatal(sheets[name], r)]
        if not fatal:
            return Calculated(sheets, results, recorder.log, findings)
        level: Level = "warning" if template.lenient else "error"
        found = [
            Finding("T12", level, name, address(one.row, one.column), {"detail": kind})
            for name, one, kind in fatal
        ]
        if not template.lenient:
            raise TemplateError(found)
        findings += found
        sheets = dict(sheets)
        for name in {name for name, _, _ in fatal}:
            places = {(one.row, one.column) for other, one, _ in fatal if other == name}
            sheets[name] = sheets[name].with_kept(places)
            views[name] = sheet_view(sheets[name])


def _fatal(sheet: Sheet, result: SheetResult) -> list[tuple[Cell, str]]:
    grid = result.grid
    if grid is None or not any(
        type(value) is dict and value["kind"] in FATAL for row in grid.rows for value in row
    ):
        return []
    found = []
    for one in sheet.formulas():
        value = None if one.way is Way.KEPT else grid.at(one.row, one.column)
        if type(value) is dict and value["kind"] in FATAL:
            found.append((one, value["kind"]))
    return found


def _sheet_result(sheet: Sheet, calculator: Calculator) -> SheetResult | None:
    computed = [one for one in sheet.formulas() if one.way is not Way.KEPT]
    if not computed:
        return None
    corners = _around(computed)
    grid = Grid(corners, calculator.values(sheet.name, corners))
    extents: dict[tuple[int, int], Box] = {}
    blocks: dict[tuple[int, int], list[list[Any]]] = {}
    for one in computed:
        if one.way is Way.PLAIN:
            continue
        place = one.row, one.column
        extent = one.extent if one.way is Way.FIXED else calculator.spill(sheet.name, *place)
        if extent is None:
            extent = (*place, *place)
        extents[place] = extent
        if extent[:2] != extent[2:]:
            blocks[place] = calculator.values(sheet.name, extent)
    return SheetResult(grid, extents, blocks)


def _around(cells: list[Cell]) -> Box:
    rows, columns = [one.row for one in cells], [one.column for one in cells]
    return min(rows), min(columns), max(rows), max(columns)
