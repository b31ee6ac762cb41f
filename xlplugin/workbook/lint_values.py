"""Template rules that need the values of a calculation: T06 to T12, T17, T22, T27, T28 and T32."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xlplugin.workbook.bind import Inputs, bind
from xlplugin.workbook.findings import Finding
from xlplugin.workbook.formats import is_date_format
from xlplugin.workbook.formula import bare, called_names
from xlplugin.workbook.precedents import ranges_of
from xlplugin.workbook.running import calculate
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import NAME, address, arguments, box_text, closing, tokens
from xlplugin.workbook.values import error_text, is_error

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator

    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.running import Calculated
    from xlplugin.workbook.tokens import Box

__all__ = ["value_findings"]

_JOINED = re.compile(r"[0-9][0-9.]*[0-9]")
_JOINING = frozenset({"CONCAT", "CONCATENATE", "TEXTJOIN"})


def value_findings(
    template: CompiledTemplate, as_of: dt.date, client_sheets: Collection[str]
) -> Iterator[Finding]:
    """Every remark about the values of a template as it stands."""
    state = calculate(template, bind(template, Inputs()), as_of, watches_dates=True)
    for finding in state.findings:
        if finding.rule == "T12" and finding.facts["detail"] == "Circ":
            yield Finding("T17", "error", "", "", {"cells": finding.place})
        elif finding.rule == "T12":
            yield Finding("T12", "error", finding.sheet, finding.cell, finding.facts)
        else:
            yield finding
    yield from _plain_spills(state)
    yield from _error_arguments(state)
    yield from _long_numbers(state)
    yield from _dates(state)
    yield from _short_ranges(state)
    yield from _client_charts(state, client_sheets)


def _plain_spills(state: Calculated) -> Iterator[Finding]:
    for (sheet, row, column), extent in state.plain_spills().items():
        r1, c1, r2, c2 = extent
        facts = {"rows": r2 - r1 + 1, "columns": c2 - c1 + 1}
        yield Finding("T06", "error", sheet, address(row, column), facts)


def _error_arguments(state: Calculated) -> Iterator[Finding]:
    names = {name.name.upper(): name for name in state.template.package.names}
    for sheet in state.sheets.values():
        for one in sheet.formulas():
            if not one.is_ours or one.way is Way.KEPT:
                continue
            parts = tokens(one.lowered)
            for at, (kind, part) in enumerate(parts):
                if kind != NAME or part not in state.template.functions.names:
                    continue
                given = arguments(parts, at + 1, closing(parts, at + 1))
                # The first argument is the number of the cell, put there by the lowering.
                for n, argument in enumerate(given[1:], start=1):
                    inside = "".join(p for _, p in argument)
                    if "(" in inside and "ANCHORARRAY" not in inside.upper():
                        continue
                    for where, corners in ranges_of(inside, sheet.name, names):
                        if found := _first_error(state, where, corners):
                            place, shown = found
                            facts = {"n": n, "function": part, "error": shown, "at": place}
                            yield Finding("T07", "warning", sheet.name, address(one.row, one.column), facts)


def _first_error(state: Calculated, sheet: str, corners: Box) -> tuple[str, str] | None:
    if sheet not in state.sheets or corners[:2] == corners[2:]:
        return None
    for down, row in enumerate(state.values(sheet, corners)):
        for right, value in enumerate(row):
            if is_error(value):
                return f"{sheet}!{address(corners[0] + down, corners[1] + right)}", error_text(value)
    return None


def _long_numbers(state: Calculated) -> Iterator[Finding]:
    for name, result in state.results.items():
        for one in state.sheets[name].formulas():
            formula = one.formula or ""
            joins = "&" in formula or {bare(n) for n in called_names(formula)} & _JOINING
            if not joins or one.way is Way.KEPT or one.is_ours or result.grid is None:
                continue
            value = result.grid.at(one.row, one.column)
            if type(value) is str and any(_is_long(run) for run in _JOINED.findall(value)):
                yield Finding("T22", "warning", name, address(one.row, one.column))


def _is_long(run: str) -> bool:
    digits = run.replace(".", "").lstrip("0")
    return ("." in run and len(digits) > 15) or len(digits) > 20


def _dates(state: Calculated) -> Iterator[Finding]:
    formats = state.template.formats
    for (name, row, column), offsets in state.dates.items():
        sheet = state.sheets[name]
        extent = state.extent(name, row, column) or (row, column, row, column)
        for offset in sorted(offsets):
            cells = [
                cell
                for number in range(extent[0], extent[2] + 1)
                for cell in (sheet.rows[number].parsed() if number in sheet.rows else ())
                if cell.column == column + offset
            ]
            if not any(is_date_format(formats.code(cell.style)) for cell in cells):
                reach = box_text((extent[0], column + offset, extent[2], column + offset))
                yield Finding("T27", "warning", name, reach, {"column": offset + 1})


def _short_ranges(state: Calculated) -> Iterator[Finding]:
    readers = [
        (f"the chart {chart.part.rpartition('/')[2]}", formula)
        for chart in state.template.charts
        for formula in chart.formulas()
    ]
    readers += [
        (f"the name {name.name}", name.text) for name in state.template.package.names if not name.is_builtin
    ]
    for where, formula in readers:
        for sheet, (r1, c1, r2, c2) in ranges_of(formula, "", {}):
            result = state.results.get(sheet)
            for extent in result.extents.values() if result is not None else ():
                inside = extent[1] <= c1 and c2 <= extent[3] and r1 - extent[0] in (0, 1)
                if inside and r1 < r2 < extent[2]:
                    facts = {"where": where, "n": r2 - r1 + 1, "m": extent[2] - r1 + 1}
                    yield Finding("T28", "warning", sheet, box_text((r1, c1, r2, c2)), facts)


def _client_charts(state: Calculated, client_sheets: Collection[str]) -> Iterator[Finding]:
    package = state.template.package
    parts = {
        chart.target: sheet.name
        for sheet in package.sheets
        if sheet.name in client_sheets
        for drawing in package.related(sheet.part, "drawing")
        for chart in package.relations(drawing.target)
    }
    for chart in state.template.charts:
        if chart.part not in parts:
            continue
        for formula in chart.formulas():
            for sheet, corners in ranges_of(formula, "", {}):
                result = state.results.get(sheet)
                for extent in result.extents.values() if result is not None else ():
                    if extent[:2] != extent[2:] and _meet(extent, corners):
                        yield Finding("T11", "error", parts[chart.part], "")
                        break


def _meet(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]
