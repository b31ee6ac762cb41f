"""Inputs of one client, put into a compiled template: by defined name, by table, by address.

Inputs change the rows of the sheet; the calculator's view and the written file are both made from
these rows, so they cannot differ. Nothing of the template is changed. Specification, section 11.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.errors import InputError
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.rows import with_spans
from xlplugin.workbook.sheets import Cell, Row, Sheet, Way
from xlplugin.workbook.strings import StringPool
from xlplugin.workbook.tokens import (
    LAST_COLUMN,
    LAST_ROW,
    address,
    box,
    cell,
    plain_sheet,
)
from xlplugin.workbook.values import MAX_TEXT, serial
from xlplugin.workbook.view import literal_view
from xlplugin.workbook.xmltext import attribute_text, number_text, xml, xstring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.lowering import Lowering
    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.structured import Table
    from xlplugin.workbook.tokens import Box

__all__ = ["Bound", "Inputs", "bind"]

_TARGET = re.compile(
    r"('(?:[^']|'')+'|[^\W\d][\w.・]*)!(\$[A-Z]{1,3}\$[0-9]+(?::\$[A-Z]{1,3}\$[0-9]+)?)", re.I
)


@dataclass(frozen=True)
class Inputs:
    """What one client brings.

    A value is a number, text, logical, date or None (which empties the cell and keeps its format).
    Text that starts with ``=`` stays text.

    Attributes
    ----------
    names : mapping
        Defined name -> value, or rows of values where the name is a range.
    tables : mapping
        Table name -> records (column name -> value). The table grows or shrinks to their number.
    cells : mapping
        (sheet, "B5") -> value, as a last resort.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    cells: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to set."""
        return not (self.names or self.tables or self.cells)


@dataclass
class Bound:
    """A template with the inputs of one client in it.

    `changed` names the sheets that hold inputs or moved; `relowered` those whose formulas read a
    table of another size; `parts` are whole parts that follow a table.
    """

    sheets: dict[str, Sheet]
    pool: StringPool
    lowering: Lowering
    sites: list[tuple[str, str]]
    changed: set[str] = field(default_factory=set)
    relowered: set[str] = field(default_factory=set)
    parts: dict[str, bytes] = field(default_factory=dict)
    moved: list[tuple[Table, Table]] = field(default_factory=list)


def bind(template: CompiledTemplate, inputs: Inputs) -> Bound:
    """The template with one client's inputs.

    Raises
    ------
    InputError
        An unknown name, table or column, a block that does not fit, a value a cell cannot hold.
    TemplateError
        T30: the cell holds a formula or lies in a spill; T31: cells are in the way of a table.
    """
    bound = Bound(
        dict(template.sheets), StringPool(template.strings), template.lowering, list(template.sites)
    )
    if inputs.empty:
        return bound
    wanted: dict[str, dict[tuple[int, int], tuple[str, Any]]] = {}
    known = {n.name.upper(): n for n in template.package.names if n.sheet is None and not n.is_builtin}
    for name, value in inputs.names.items():
        sheet, corners = _target(template, known, name)
        _spread(name, value, corners, wanted.setdefault(sheet, {}))
    for (sheet, place), value in inputs.cells.items():
        if sheet not in template.sheets:
            raise InputError(f"There is no worksheet {sheet!r}; the workbook has {_listed(template.sheets)}")
        wanted.setdefault(sheet, {})[_place(sheet, place)] = f"{sheet}!{place}", value
    date1904 = template.package.date1904
    for sheet, cells in wanted.items():
        _set_cells(template, bound, sheet, cells, date1904=date1904)
    if inputs.tables:
        from xlplugin.workbook.tables import set_tables  # noqa: PLC0415  most runs bind no table

        set_tables(template, bound, inputs.tables)
    return bound


def _target(template: CompiledTemplate, known: Mapping[str, DefinedName], name: str) -> tuple[str, Box]:
    found = known.get(name.upper())
    if found is None:
        raise InputError(f"There is no name {name!r} in the workbook; define it, or correct the input")
    match = _TARGET.fullmatch(found.text)
    sheet = plain_sheet(match[1]) if match else ""
    if match is None or sheet not in template.sheets:
        raise InputError(f"The name {name} is {found.text!r}; an input needs a name of one range")
    return sheet, box(match[2].replace("$", ""))


def _place(sheet: str, place: str) -> tuple[int, int]:
    try:
        row, column = cell(place)
    except ValueError:
        raise InputError(f"{sheet}!{place} is no cell; write it as B5") from None
    if not (1 <= row <= LAST_ROW and 1 <= column <= LAST_COLUMN):
        raise InputError(f"{sheet}!{place} is outside the sheet")
    return row, column


def _spread(name: str, value: Any, corners: Box, into: dict[tuple[int, int], tuple[str, Any]]) -> None:
    r1, c1, r2, c2 = corners
    if not isinstance(value, (list, tuple)):
        if (r1, c1) != (r2, c2):
            raise InputError(f"{name} is a range of {r2 - r1 + 1} x {c2 - c1 + 1} cells; give rows of values")
        into[r1, c1] = name, value
        return
    rows = [row if isinstance(row, (list, tuple)) else [row] for row in value]
    width = max((len(row) for row in rows), default=0)
    if len(rows) > r2 - r1 + 1 or width > c2 - c1 + 1:
        raise InputError(
            f"{name}: {len(rows)} x {width} values were given; "
            f"the range holds {r2 - r1 + 1} x {c2 - c1 + 1}. Lengthen the range in the template"
        )
    for down in range(r2 - r1 + 1):
        given = rows[down] if down < len(rows) else ()
        for right in range(c2 - c1 + 1):
            into[r1 + down, c1 + right] = name, given[right] if right < len(given) else None


def _set_cells(
    template: CompiledTemplate,
    bound: Bound,
    name: str,
    cells: Mapping[tuple[int, int], tuple[str, Any]],
    *,
    date1904: bool,
) -> None:
    sheet = bound.sheets[name]
    rows = dict(sheet.rows)
    by_row: dict[int, dict[int, tuple[str, Any]]] = {}
    for (row, column), given in cells.items():
        by_row.setdefault(row, {})[column] = given
    for number, wanted in by_row.items():
        old = rows.get(number) or Row(number, {"r": str(number)}, f'<row r="{number}"></row>', [])
        here = {one.column: one for one in old.parsed()}
        for column, (label, value) in wanted.items():
            place = address(number, column)
            if reason := _refusal(template, sheet, here.get(column), number, column):
                facts = {"name": label, "reason": reason}
                raise TemplateError([Finding("T30", "error", name, place, facts)])
            before = here.get(column)
            attributes = before.attributes if before is not None else {"r": place}
            here[column] = literal(
                number, column, attributes, value_of(label, value, date1904=date1904), bound.pool, template
            )
        rows[number] = rebuilt(old, [here[column] for column in sorted(here)])
    bound.sheets[name] = replace(sheet, rows=rows if rows.keys() == sheet.rows.keys() else ordered(rows))
    bound.changed.add(name)


def _refusal(template: CompiledTemplate, sheet: Sheet, one: Cell | None, row: int, column: int) -> str | None:
    if one is not None and one.formula is not None:
        return "holds a formula"
    if column in sheet.children.get(row, ()):
        return "is inside a spill"
    if any(
        t.holds(sheet.name, row, column) and t.has_header and row == t.corners[0]
        for t in template.package.tables
    ):
        return "is the header of a table"
    return None


def ordered(rows: dict[int, Row]) -> dict[int, Row]:
    """Rows in ascending order."""
    return dict(sorted(rows.items()))


def rebuilt(old: Row, cells: list[Cell]) -> Row:
    """A row with other cells; `spans` reaches over them."""
    attributes = with_spans(old.attributes, (one.column for one in cells))
    is_computed = any(one.formula is not None and one.way is not Way.KEPT for one in cells)
    raw = "" if is_computed else f"<row{attribute_text(attributes)}>{''.join(c.raw for c in cells)}</row>"
    return Row(old.number, attributes, raw, cells)


def literal(
    row: int,
    column: int,
    attributes: dict[str, str],
    value: float | str | bool | None,  # noqa: FBT001  a cell value, no flag
    pool: StringPool,
    template: CompiledTemplate,
) -> Cell:
    """An input cell, as the file and as the calculator hold it."""
    raw = literal_raw(attribute_text(attributes), value, pool, shared=template.strings_part is not None)
    return Cell(row, column, attributes, raw, view=literal_view(row, column, value))


def literal_raw(attributes: str, value: float | str | bool | None, pool: StringPool, *, shared: bool) -> str:  # noqa: FBT001
    """``<c>`` of an input."""
    if value is None:
        return f"<c{attributes}/>"
    kind = type(value)
    if kind is float:
        return f"<c{attributes}><v>{number_text(value)}</v></c>"  # type: ignore[arg-type]
    if kind is bool:
        return f'<c{attributes} t="b"><v>{int(value)}</v></c>'
    if shared:
        return f'<c{attributes} t="s"><v>{pool.index(str(value))}</v></c>'
    return f'<c{attributes} t="inlineStr"><is><t xml:space="preserve">{xml(xstring(str(value)))}</t></is></c>'


def value_of(label: str, value: Any, *, date1904: bool) -> float | str | bool | None:
    """An input as a cell holds it.

    Raises
    ------
    InputError
        For NaN, infinity, a text longer than a cell, or something that is no cell value.
    """
    kind = type(value)
    if kind is float and math.isfinite(value):
        return float(value)
    if value is None or kind is bool:
        return value if kind is bool else None
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise InputError(f"{label}: a text of {len(value)} characters; a cell holds {MAX_TEXT}")
        return value or None
    if isinstance(value, dt.date):
        days = serial(value, date1904=date1904)
        if days < 0:
            raise InputError(f"{label}: {value} lies before the first day a workbook can hold")
        return days
    if hasattr(value, "item") and not isinstance(value, (numbers.Number, str)):
        return value_of(label, value.item(), date1904=date1904)
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    if isinstance(value, (numbers.Real, Decimal)):
        number = float(value)
        if math.isfinite(number):
            return number
        raise InputError(f"{label}: {value} is no number a cell can hold; leave the cell empty instead")
    raise InputError(f"{label}: {value!r} is no cell value; give a number, text, date, TRUE or FALSE")


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(repr(name) for name in list(names)[:20])
