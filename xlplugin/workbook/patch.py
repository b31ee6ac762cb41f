"""Computed values put back into the text of a worksheet; everything else keeps its bytes.

A row that no spill touches is written from prepared pieces, any other row cell by cell. Source:
ECMA-376 part 1, section 18.3; specification, sections 9, 10 and 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.sheets import Cell, Row, Sheet, Way, stored_value
from xlplugin.workbook.tokens import Box, address, box, box_text
from xlplugin.workbook.values import FATAL, error_text
from xlplugin.workbook.xmltext import (
    attribute_text,
    attributes,
    number_text,
    number_texts,
    unxml,
    unxstring,
    xml,
    xstring,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xlplugin.workbook.strings import StringPool

__all__ = ["Grid", "Policy", "SheetResult", "UncalculatedError", "render", "stored", "with_spans"]

_COLUMN = re.compile(r"<col\b([^>]*)/?>")
_DIMENSION = re.compile(r'<dimension\b[^>]*?\bref="([^"]*)"[^>]*/>')
Block = list[list[Any]]


class UncalculatedError(Exception):
    """The calculator answered with something that is no Excel value; the caller names the cell."""


@dataclass(frozen=True)
class Grid:
    """The values of a rectangle of one sheet."""

    corners: Box
    rows: Block

    def at(self, row: int, column: int) -> Any:
        """The value of one cell."""
        return self.rows[row - self.corners[0]][column - self.corners[1]]


@dataclass(frozen=True)
class SheetResult:
    """What the calculation found on one sheet.

    `extents` and `blocks` are by the first cell of each array; a block covers its extent.
    """

    grid: Grid | None
    extents: Mapping[tuple[int, int], Box] = field(default_factory=dict)
    blocks: Mapping[tuple[int, int], Block] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """How one edition writes formulas and values.

    `formula` gives the text of ``<f>`` of a cell, or None where the formula is frozen. `variant`
    names the prepared pieces; None renders every row cell by cell. `pool` takes the texts of
    frozen cells. `needs_care` says which plain cells depend on this run.
    """

    variant: str | None
    formula: Callable[[Cell], str | None]
    dynamic_record: int
    pool: StringPool | None = None
    keeps_values: bool = True
    needs_care: Callable[[Cell], bool] = lambda _: False


def stored(value: Any) -> tuple[str, str]:
    """A computed value as type attribute and text of ``<v>``.

    Raises
    ------
    UncalculatedError
        For an engine condition that is no Excel value.
    """
    kind = type(value)
    if kind is float:
        return "", number_text(value)
    if kind is str:
        return ' t="str"', xml(xstring(value))
    if value is None:
        return "", "0"  # =B1 on a blank shows 0
    if kind is bool:
        return ' t="b"', "1" if value else "0"
    if kind is dict:
        if value["kind"] in FATAL:
            raise UncalculatedError(value["kind"])
        return ' t="e"', error_text(value)
    return "", number_text(float(value))


def _stored_all(values: list[Any]) -> tuple[list[str], list[str]]:
    if set(map(type, values)) <= {float}:
        return [""] * len(values), number_texts(values)
    kinds, texts = [], []
    for value in values:
        kind, text = stored(value)
        kinds.append(kind)
        texts.append(text)
    return kinds, texts


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


def render(sheet: Sheet, result: SheetResult, policy: Policy, style: ColumnStyles | None = None) -> str:
    """The whole part of one worksheet with its values.

    Raises
    ------
    UncalculatedError
        With sheet and cell in its arguments.
    """
    styles = style or ColumnStyles(sheet.head)
    overlays = _overlays(sheet, result)
    slots: list[Cell] = []
    plan: list[tuple[Row, int] | int] = []
    numbers = sorted({*sheet.rows, *overlays}) if not overlays.keys() <= sheet.rows.keys() else sheet.rows
    for number in numbers:
        row = sheet.rows.get(number)
        formulas = row.formulas() if row is not None else []
        if row is None or number in overlays or _is_special(formulas, policy):
            plan.append(number)
        else:
            computed = [one for one in formulas if one.way is not Way.KEPT]
            plan.append((row, len(computed)))
            slots += computed
    kinds, texts = _values_of(sheet, slots, result, policy)
    out: list[str] = []
    place = 0
    above: _Above = {}
    for step in plan:
        if isinstance(step, int):
            out.append(_careful_row(sheet, step, overlays.get(step, {}), result, policy, styles, above))
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


def _values_of(
    sheet: Sheet, slots: list[Cell], result: SheetResult, policy: Policy
) -> tuple[list[str], list[str]]:
    if not slots or result.grid is None:
        return [], []
    r0, c0, _, _ = result.grid.corners
    rows = result.grid.rows
    values = [rows[one.row - r0][one.column - c0] for one in slots]
    try:
        kinds, texts = _stored_all(values)
    except UncalculatedError:
        for one, value in zip(slots, values, strict=True):
            _checked(sheet, one, value)
        raise
    return kinds, texts


def _checked(sheet: Sheet, one: Cell, value: Any) -> tuple[str, str]:
    try:
        return stored(value)
    except UncalculatedError as condition:
        raise UncalculatedError(condition.args[0], sheet.name, address(one.row, one.column)) from None


# -- spills --------------------------------------------------------------------------------------


class _Clear:
    """An old spill cell that the new result does not reach."""


CLEAR: Final = _Clear()


@dataclass(frozen=True, slots=True)
class _Child:
    value: Any
    anchor: Cell


_Above = dict[int, tuple[str | None, Cell]]  # column -> format and owner of the cell above


def _overlays(sheet: Sheet, result: SheetResult) -> dict[int, dict[int, _Child | _Clear]]:
    """Row -> column -> what becomes of the cell; old children first, new ones over them."""
    found: dict[int, dict[int, _Child | _Clear]] = {
        row: dict.fromkeys(columns, CLEAR) for row, columns in sheet.children.items()
    }
    for one in sheet.formulas():
        block = result.blocks.get((one.row, one.column))
        if block is None:
            continue
        r1, c1, _, _ = result.extents[one.row, one.column]
        for down, values in enumerate(block):
            into = found.setdefault(r1 + down, {})
            for right, value in enumerate(values):
                if down or right:
                    into[c1 + right] = _Child(value, one)
    return found


def _careful_row(
    sheet: Sheet,
    number: int,
    overlay: Mapping[int, _Child | _Clear],
    result: SheetResult,
    policy: Policy,
    styles: ColumnStyles,
    above: _Above,
) -> str:
    row = sheet.rows.get(number) or Row(number, {"r": str(number)}, "", [])
    here = {one.column: one for one in row.parsed()}
    out: list[str] = []
    below: _Above = {}
    for column in sorted({*here, *overlay}) if overlay else here:
        one, over = here.get(column), overlay.get(column)
        if over is None or (one is not None and one.formula is not None):
            if one is not None:
                out.append(_cell(sheet, one, result, policy))
                if one.way is Way.DYNAMIC:
                    below[column] = one.style, one
            continue
        style = one.style if one is not None else None
        if style is None and isinstance(over, _Child):
            style, owner = above.get(column, (None, None))
            if style is None or owner is not over.anchor:
                style = styles.of(row, column)
        if isinstance(over, _Clear):
            if style is not None and one is not None:
                out.append(f"<c{attribute_text(one.attributes)}/>")
            continue
        below[column] = style, over.anchor
        given = one.attributes if one is not None else {"r": address(number, column)}
        if style is not None:
            given = {**given, "s": style}
        out.append(_child(given, over, policy))
    above.clear()
    above.update(below)
    given = row.attributes
    if overlay:
        given = with_spans(given, (*here, *overlay))
    return f"<row{attribute_text(given)}>{''.join(out)}</row>"


def with_spans(attributes_: dict[str, str], columns: Iterable[int]) -> dict[str, str]:
    """Attributes of a row whose `spans` reaches over some more columns; a broken one is left out."""
    if "spans" not in attributes_:
        return attributes_
    first, _, last = attributes_["spans"].partition(" ")[0].partition(":")
    if not (first.isdigit() and last.isdigit()):
        return {key: value for key, value in attributes_.items() if key != "spans"}
    reach = (int(first), int(last), *columns)
    return {**attributes_, "spans": f"{min(reach)}:{max(reach)}"}


def _child(given: dict[str, str], over: _Child, policy: Policy) -> str:
    if not policy.keeps_values:
        return f"<c{attribute_text(given)}/>"
    value = over.value
    if policy.pool is not None and isinstance(value, str) and policy.formula(over.anchor) is None:
        return f'<c{attribute_text(given)} t="s"><v>{policy.pool.index(value)}</v></c>'
    kind, text = stored("" if value is None else value)
    return f"<c{attribute_text(given)}{kind}><v>{text}</v></c>"


def _cell(sheet: Sheet, one: Cell, result: SheetResult, policy: Policy) -> str:
    if one.way is Way.KEPT and policy.formula(one) is None:
        return _kept_value(one, policy)
    if one.formula is None or one.way is Way.KEPT or result.grid is None:
        return one.raw
    value = result.grid.at(one.row, one.column)
    kind, text = _checked(sheet, one, value)
    formula = policy.formula(one)
    start = f"<c{attribute_text(one.attributes)}"
    if formula is None:
        if policy.pool is not None and isinstance(value, str):
            kind, text = ' t="s"', str(policy.pool.index(value))
        return f"{start}{kind}><v>{text}</v>{one.extensions}</c>"
    shown = f"<v>{text}</v>" if policy.keeps_values else ""
    if not policy.keeps_values:
        kind = ""
    if one.way is Way.PLAIN:
        return f"{start}{kind}><f>{xml(formula)}</f>{shown}{one.extensions}</c>"
    extent = result.extents.get((one.row, one.column), (one.row, one.column, one.row, one.column))
    record = f' cm="{policy.dynamic_record}"' if one.way is Way.DYNAMIC else ""
    array = f'<f t="array" ref="{box_text(extent)}">{xml(formula)}</f>'
    return f"{start}{record}{kind}>{array}{shown}{one.extensions}</c>"


def _kept_value(one: Cell, policy: Policy) -> str:
    """A cell that was not calculated, without its formula."""
    kind, value = stored_value(one.raw)
    start = f"<c{attribute_text(one.attributes)}"
    if value is None:
        return f"{start}/>"
    if kind == "str" and policy.pool is not None:
        kind, value = "s", str(policy.pool.index(unxstring(unxml(value))))
    return f'{start} t="{kind}"><v>{value}</v></c>'


# -- styles and dimension ------------------------------------------------------------------------


class ColumnStyles:
    """The format of a new cell: the row's own, else the column's."""

    def __init__(self, head: str) -> None:
        self._columns: list[tuple[int, int, str]] = []
        for match in _COLUMN.finditer(head):
            given = attributes(match[1])
            is_placed = given.get("min", "").isdigit() and given.get("max", "").isdigit()
            if given.get("style", "0") != "0" and is_placed:
                self._columns.append((int(given["min"]), int(given["max"]), given["style"]))

    def of(self, row: Row, column: int) -> str | None:
        """Index of the cell format, None for the default one."""
        if row.attributes.get("customFormat") in ("1", "true"):
            return row.attributes.get("s")
        return next((style for first, last, style in self._columns if first <= column <= last), None)


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
