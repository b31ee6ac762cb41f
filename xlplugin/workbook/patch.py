"""Computed values put back into the text of a worksheet; everything else keeps its bytes.

A row that no spill touches is written from prepared pieces, any other row cell by cell. Source:
ECMA-376 part 1, section 18.3; specification, sections 9, 10 and 12.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xlplugin.workbook.cells import UncalculatedError, checked, stored_all
from xlplugin.workbook.rows import CarefulRows
from xlplugin.workbook.sheets import Cell, Row, Sheet, Way
from xlplugin.workbook.tokens import Box, box, box_text
from xlplugin.workbook.xmltext import attribute_text, xml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.workbook.cells import Policy, SheetResult

__all__ = ["render"]

_DIMENSION = re.compile(r'<dimension\b[^>]*?\bref="([^"]*)"[^>]*/>')


# -- prepared rows -------------------------------------------------------------------------------


def _pieces(row: Row, policy: Policy) -> list[str]:
    """Constant texts of a row with two empty places per formula: type attribute and value."""
    variant = policy.variant or ""
    found = row.programs.get(variant)
    if found is None:
        found, ready = [], f"<row{attribute_text(row.attributes)}>"
        for one in row.parsed():
            if one.formula is None or one.way is Way.KEPT:
                ready += one.raw
                continue
            formula = policy.formula(one)
            shown = "" if formula is None else f"<f>{xml(formula)}</f>"
            found += [f"{ready}<c{attribute_text(one.attributes)}", "", f">{shown}<v>", ""]
            ready = f"</v>{one.extensions}</c>"
        found.append(f"{ready}</row>")
        row.programs[variant] = found
    return found


# -- one sheet -----------------------------------------------------------------------------------


def render(sheet: Sheet, result: SheetResult, policy: Policy) -> str:
    """The whole part of one worksheet with its values.

    Raises
    ------
    UncalculatedError
        With sheet and cell in its arguments.
    """
    careful = CarefulRows(sheet, result, policy)
    slots: list[Cell] = []
    plan: list[tuple[Row, int] | int] = []
    for number in careful.numbers():
        row = sheet.rows.get(number)
        formulas = row.formulas() if row is not None else []
        if row is None or number in careful.touched or _is_special(formulas, policy):
            plan.append(number)
        else:
            computed = [one for one in formulas if one.way is not Way.KEPT]
            plan.append((row, len(computed)))
            slots += computed
    kinds, texts = _values_of(sheet, slots, result)
    out: list[str] = []
    place = 0
    for step in plan:
        if isinstance(step, int):
            out.append(careful.write(step))
            continue
        row, count = step
        if count:
            pieces = _pieces(row, policy).copy()
            pieces[1::4] = kinds[place : place + count]
            pieces[3::4] = texts[place : place + count]
            out += pieces
            place += count
        else:
            out.append(row.raw)
    reach = [extent for extent in result.extents.values() if extent[0:2] != extent[2:4]]
    head = _widened(sheet.head, reach)
    return "".join((head, "<sheetData>", *out, "</sheetData>", sheet.tail))


def _is_special(formulas: list[Cell], policy: Policy) -> bool:
    if policy.variant is None:
        return bool(formulas)
    return any(one.way in (Way.DYNAMIC, Way.FIXED) or policy.needs_care(one) for one in formulas)


def _values_of(sheet: Sheet, slots: list[Cell], result: SheetResult) -> tuple[list[str], list[str]]:
    if not slots or result.grid is None:
        return [], []
    r0, c0, _, _ = result.grid.corners
    rows = result.grid.rows
    values = [rows[one.row - r0][one.column - c0] for one in slots]
    try:
        return stored_all(values)
    except UncalculatedError:
        for one, value in zip(slots, values, strict=True):
            checked(sheet, one, value)
        raise


def _widened(head: str, reach: Iterable[Box]) -> str:
    """``<dimension>`` reaches over the new cells; it is never narrowed."""
    match = _DIMENSION.search(head)
    if match is None:
        return head
    try:
        old = box(match[1])
    except ValueError:
        return head
    r1, c1, r2, c2 = old
    for extent in reach:
        r1, c1 = min(r1, extent[0]), min(c1, extent[1])
        r2, c2 = max(r2, extent[2]), max(c2, extent[3])
    if (r1, c1, r2, c2) == old:
        return head
    start, end = match.span(1)
    return head[:start] + box_text((r1, c1, r2, c2)) + head[end:]
