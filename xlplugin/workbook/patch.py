"""Computed values put back into the text of a worksheet; everything else keeps its bytes.

Rows that no result spills over are written from prepared pieces: constant texts with two empty
places per formula, type attribute and value. Any other row is written by `rows.CarefulRows`.
Source: ECMA-376 part 1, section 18.3; specification, sections 10 and 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from xlplugin.workbook.cells import UncalculatedError, checked, stored_all
from xlplugin.workbook.rows import CarefulRows
from xlplugin.workbook.sheets import Cell, Row, Sheet, Way
from xlplugin.workbook.tokens import Box, box, box_text
from xlplugin.workbook.xmltext import attribute_text, xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xlplugin.workbook.cells import Grid, Policy, SheetResult

__all__ = ["render"]

_DIMENSION = re.compile(r'<dimension\b[^>]*?\bref="([^"]*)"[^>]*/>')


def render(sheet: Sheet, result: SheetResult, policy: Policy) -> str:
    """The whole part of one worksheet with its values.

    Raises
    ------
    UncalculatedError
        With sheet and cell in its arguments.
    """
    careful = CarefulRows(sheet, result, policy)
    program = _program(sheet, policy)
    kinds, texts = _values_of(sheet, program, result.grid)
    middles = _middles(program, kinds, texts)
    if program.whole is not None and not careful.touched:
        body = program.whole.copy()
        body[1::4], body[2::4], body[3::4] = kinds, middles, texts
    else:
        body = _rows(sheet, careful, program, kinds, middles, texts)
    reach = [extent for extent in result.extents.values() if extent[0:2] != extent[2:4]]
    head = _widened(sheet.head, reach)
    return "".join((head, "<sheetData>", *body, "</sheetData>", sheet.tail))


def _middles(program: _Program, kinds: list[str], texts: list[str]) -> list[str]:
    """What stands between type and value of each slot: the formula, unless its blank is frozen."""
    blank = [at for at in program.fragile if not texts[at] and kinds[at]]
    if not blank:
        return program.middles
    middles = program.middles.copy()
    for at in blank:
        middles[at] = "><v>"
    return middles


def _rows(
    sheet: Sheet,
    careful: CarefulRows,
    program: _Program,
    kinds: list[str],
    middles: list[str],
    texts: list[str],
) -> list[str]:
    out: list[str] = []
    touched, pieces_of = careful.touched, program.pieces
    for number in careful.numbers():
        prepared = pieces_of.get(number)
        if prepared is None or number in touched:
            out.append(careful.write(number))
        elif len(prepared.pieces) == 1:
            out.append(prepared.pieces[0])
        else:
            pieces = prepared.pieces.copy()
            pieces[1::4] = kinds[prepared.start : prepared.end]
            pieces[2::4] = middles[prepared.start : prepared.end]
            pieces[3::4] = texts[prepared.start : prepared.end]
            out += pieces
    return out


# -- prepared rows -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Prepared:
    """One row: its pieces, and which of the sheet's values stand in it."""

    pieces: list[str]
    start: int
    end: int


@dataclass(frozen=True)
class _Program:
    """The prepared rows of one sheet in one edition.

    `slots` are their formula cells, `middles` what stands between type and value of each, `fragile`
    those whose blank is frozen; `whole` are the pieces of all rows in one list, where every row is a
    prepared one.
    """

    pieces: dict[int, _Prepared]
    slots: list[Cell]
    pick: Callable[[Any], Any] | None
    whole: list[str] | None
    middles: list[str]
    fragile: list[int]


def _program(sheet: Sheet, policy: Policy) -> _Program:
    """Made once per sheet and edition: a sheet is never changed, only replaced."""
    found = sheet.programs.get(policy.variant or "")
    if isinstance(found, _Program):
        return found
    prepared: dict[int, _Prepared] = {}
    slots: list[Cell] = []
    for number, row in sheet.rows.items():
        formulas = row.formulas()
        if _is_careful(formulas, policy):
            continue
        computed = [one for one in formulas if one.way is not Way.KEPT]
        pieces = _pieces(row, policy) if computed else [row.raw]
        prepared[number] = _Prepared(pieces, len(slots), len(slots) + len(computed))
        slots += computed
    whole = _whole(prepared) if len(prepared) == len(sheet.rows) else None
    middles = [piece for row in prepared.values() for piece in row.pieces[2::4]]
    fragile = [at for at, one in enumerate(slots) if policy.is_fragile(one)]
    program = _Program(prepared, slots, _picker(sheet, slots), whole, middles, fragile)
    if policy.variant is not None:
        sheet.programs[policy.variant] = program
    return program


def _is_careful(formulas: list[Cell], policy: Policy) -> bool:
    if policy.variant is None:
        return bool(formulas)
    care = policy.needs_care
    return any(one.way in (Way.DYNAMIC, Way.FIXED) or (care is not None and care(one)) for one in formulas)


def _pieces(row: Row, policy: Policy) -> list[str]:
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
            found += [ready + one.start, "", f">{shown}<v>", ""]
            ready = f"</v>{one.extensions}</c>"
        found.append(f"{ready}</row>")
        row.programs[variant] = found
    return found


def _whole(prepared: dict[int, _Prepared]) -> list[str]:
    """All pieces in one list: the end of a row and the start of the next one are one piece."""
    out = [""]
    for row in prepared.values():
        out[-1] += row.pieces[0]
        out += row.pieces[1:]
    return out


def _picker(sheet: Sheet, slots: list[Cell]) -> Callable[[Any], Any] | None:
    """Picks the values of the slots out of the flattened grid."""
    computed = [one for one in sheet.formulas() if one.way is not Way.KEPT]
    if not slots:
        return None
    r0, c0 = min(one.row for one in computed), min(one.column for one in computed)
    width = max(one.column for one in computed) - c0 + 1
    places = [(one.row - r0) * width + one.column - c0 for one in slots]
    if len(places) == 1:  # itemgetter would give the value alone
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places)


def _values_of(sheet: Sheet, program: _Program, grid: Grid | None) -> tuple[list[str], list[str]]:
    if program.pick is None or grid is None:
        return [], []
    values = program.pick(list(chain.from_iterable(grid.rows)))
    try:
        return stored_all(values)
    except UncalculatedError:
        for one, value in zip(program.slots, values, strict=True):
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
