"""One client's run: bind, calculate, write. See `CompiledTemplate.run`.

What was calculated is kept with the result, so that another edition of the same book can be
written without calculating again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xlplugin.errors import ConvergenceError, ErrorValue
from xlplugin.workbook.bind import Inputs, bind
from xlplugin.workbook.calc import FunctionFailure, Recorder, Session
from xlplugin.workbook.cells import Grid, SheetResult
from xlplugin.workbook.charts import area_of
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.reading import Book
from xlplugin.workbook.sheets import Sheet, Way
from xlplugin.workbook.spills import MUCH_READ, Captures, forbidden_spills, much_read
from xlplugin.workbook.structured import moved_reference
from xlplugin.workbook.tokens import address, box, cell
from xlplugin.workbook.values import FATAL
from xlplugin.workbook.view import sheet_view, view_package
from xlplugin.workbook.writing import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xlplugin.workbook.bind import Bound
    from xlplugin.workbook.calc import Calculator
    from xlplugin.workbook.charts import Area
    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.editions import Edition
    from xlplugin.workbook.findings import Level
    from xlplugin.workbook.formula import Flavour
    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.sheets import Cell
    from xlplugin.workbook.tokens import Box

__all__ = ["Calculated", "CellError", "Result", "calculate", "run"]

MAX_PASSES = 12
ChartValues = dict[str, tuple["Area", list[list[Any]]]]


@dataclass(frozen=True)
class CellError:
    """One cell that shows an error."""

    sheet: str
    cell: str
    error: str


@dataclass
class Calculated:
    """The state of one client's book between calculation and writing.

    `results` holds the sheets with formulas; `charts` the values behind every chart reference.
    """

    template: CompiledTemplate
    bound: Bound
    as_of: dt.date
    sheets: dict[str, Sheet]
    results: dict[str, SheetResult]
    log: list[FunctionFailure]
    findings: list[Finding]
    charts: ChartValues = field(default_factory=dict)
    calculator: Calculator | None = field(default=None, repr=False)
    dates: dict[tuple[str, int, int], set[int]] = field(default_factory=dict)

    def values(self, sheet: str, corners: Box) -> list[list[Any]]:
        """What the calculator holds in a range, while it is kept."""
        if self.calculator is None:
            raise ValueError("the calculator of this state is gone")
        return self.calculator.values(sheet, corners)

    def plain_spills(self) -> dict[tuple[str, int, int], Box]:
        """Formulas stored for one cell whose result reaches over more."""
        found = {}
        for name, sheet in self.sheets.items():
            for one in sheet.formulas():
                if one.way is Way.PLAIN and self.calculator is not None:
                    extent = self.calculator.spill(name, one.row, one.column)
                    if extent is not None and extent[:2] != extent[2:]:
                        found[name, one.row, one.column] = extent
        return found

    def extent(self, sheet: str, row: int, column: int) -> Box | None:
        """The extent of the array formula in a cell, None where there is none."""
        result = self.results.get(sheet)
        if result is not None and (row, column) in result.extents:
            return result.extents[row, column]
        known = self.sheets.get(sheet)
        kept = known.rows.get(row) if known is not None else None
        return next((c.extent for c in kept.formulas() if c.column == column), None) if kept else None

    def moved(self, formula: str) -> str:
        """A reference of a name or a chart, after tables changed their size."""
        for old, new in self.bound.moved:
            formula = moved_reference(formula, old, new)
        return formula


@dataclass
class Result:
    """A computed workbook: its bytes, and what happened on the way.

    `log` holds the failed calls of our functions, `findings` what the template's linter and the
    calculation remarked.
    """

    data: bytes
    log: list[FunctionFailure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    state: Calculated | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "log": self.log, "findings": self.findings, "state": None}

    @cached_property
    def book(self) -> Book:
        """The values of the file, read when somebody asks."""
        return Book(self.data)

    def value(self, sheet: str, row: int, column: int) -> Any:
        """One value; a computed number without reading the file."""
        result = self.state.results.get(sheet) if self.state is not None else None
        if self.state is not None and result is not None and result.grid is not None:
            here = self.state.sheets[sheet].rows.get(row)
            if here is not None and any(
                c.column == column and c.way is not Way.KEPT for c in here.formulas()
            ):
                value = result.grid.at(row, column)
                if type(value) is float:
                    return value
        return self.book.values(sheet).get((row, column))

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


def run(
    template: CompiledTemplate,
    inputs: Inputs | None,
    *,
    edition: Edition,
    flavour: Flavour,
    as_of: dt.date,
    level: int,
    freeze_dynamic: bool,
    properties: Mapping[str, str],
) -> Result:
    """See `CompiledTemplate.run`."""
    errors = [finding for finding in template.findings if finding.level == "error"]
    if errors and not template.lenient:
        raise TemplateError(errors)
    state = calculate(template, bind(template, inputs or Inputs()), as_of)
    state.calculator = None  # the largest part, and not needed for writing
    data = write(
        state,
        edition=edition,
        flavour=flavour,
        level=level,
        freeze_dynamic=freeze_dynamic,
        properties=properties,
    )
    return Result(data, state.log, [*template.findings, *state.findings], state)


# -- calculation ---------------------------------------------------------------------------------


def calculate(
    template: CompiledTemplate, bound: Bound, as_of: dt.date, *, watches_dates: bool = False
) -> Calculated:
    """Every value of the book for one client.

    With `watches_dates` the state says which columns of our results hold dates.

    Raises
    ------
    TemplateError
        T12: formulas the calculator cannot handle, unless the template is lenient: their stored
        values are kept then, and everything that reads them is calculated from these.
    """
    state = Calculated(template, bound, as_of, dict(bound.sheets), {}, [], [])
    views = dict(template.views)
    for name in bound.changed | bound.relowered:
        views[name] = sheet_view(state.sheets[name])
    names = [replace(name, text=state.moved(name.text)) for name in template.package.names]
    clock = dt.datetime(as_of.year, as_of.month, as_of.day, tzinfo=dt.UTC)
    captures = Captures.starting(template.large, set(_much_read(template, bound, state.sheets)))
    for _ in range(MAX_PASSES):
        recorder = Recorder(bound.sites, dates={} if watches_dates else None)
        session = Session(template.functions, recorder, template.package.date1904, clock)
        shown = dict(views)
        if captures.wanted:
            shown |= {sheet.name: sheet_view(sheet) for sheet in captures.sheets(state.sheets)}
        view = view_package(list(shown.items()), names, template.strings_view)
        calculator = session.evaluate(view, captures, state.sheets)
        state.results = {
            name: result
            for name, sheet in state.sheets.items()
            if (result := _sheet_result(sheet, calculator)) is not None
        }
        if _keep_fatal(state, views) or not captures.settled(state.sheets, state.results):
            continue
        if not recorder.is_doubtful:
            break
    else:
        raise ConvergenceError(
            f"The calculation did not settle in {MAX_PASSES} passes: results above 10,000 cells feed each "
            "other, or formulas fail one after another; split them"
        )
    state.results = captures.into(state.results)
    state.findings += captures.findings(state.sheets)
    moved = {old.name: new for old, new in bound.moved}
    tables = [moved.get(table.name, table) for table in template.package.tables]
    for name, result in state.results.items():
        state.findings += forbidden_spills(state.sheets[name], result, tables)
    template.large |= captures.large
    state.log, state.calculator = recorder.log, calculator
    for site, columns in (recorder.dates or {}).items():
        name, place = bound.sites[site]
        state.dates[name, *cell(place)] = columns
    _read_charts(state, names, calculator)
    return state


def _much_read(
    template: CompiledTemplate, bound: Bound, sheets: Mapping[str, Sheet]
) -> frozenset[tuple[str, int, int]]:
    """`much_read`, looked for once for clients of like sizes: it decides about speed, never about values."""
    long = ((new.name, new.last_data_row - new.first_data_row >= MUCH_READ) for _, new in bound.moved)
    key = tuple(sorted(long))
    if key not in template.much_read:
        template.much_read[key] = frozenset(much_read(sheets))
    return template.much_read[key]


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


def _keep_fatal(state: Calculated, views: dict[str, str]) -> bool:
    """Whether cells had to be kept at their stored values, so that a further pass is needed."""
    fatal = {
        name: found
        for name, result in state.results.items()
        if (found := list(_fatal(state.sheets[name], result)))
    }
    if not fatal:
        return False
    level: Level = "warning" if state.template.lenient else "error"
    findings = [
        Finding("T12", level, name, address(one.row, one.column), {"detail": kind})
        for name, cells in fatal.items()
        for one, kind in cells
    ]
    if not state.template.lenient:
        raise TemplateError(findings)
    state.findings += findings
    for name, cells in fatal.items():
        state.sheets[name] = state.sheets[name].with_kept({(one.row, one.column) for one, _ in cells})
        views[name] = sheet_view(state.sheets[name])
    return True


def _fatal(sheet: Sheet, result: SheetResult) -> Iterable[tuple[Cell, str]]:
    grid = result.grid
    if grid is None or not any(
        type(value) is dict and value["kind"] in FATAL for row in grid.rows for value in row
    ):
        return
    for one in sheet.formulas():
        value = None if one.way is Way.KEPT else grid.at(one.row, one.column)
        if type(value) is dict and value["kind"] in FATAL:
            yield one, value["kind"]


# -- charts --------------------------------------------------------------------------------------


def _read_charts(state: Calculated, names: list[DefinedName], calculator: Calculator) -> None:
    by_name = {name.name.upper(): name for name in names}
    for chart in state.template.charts:
        for formula in map(state.moved, chart.formulas()):
            if formula in state.charts:
                continue
            area = area_of(formula, by_name, state.extent)
            if area is None or area[0] not in state.sheets:
                continue
            state.charts[formula] = area, calculator.values(*area)
