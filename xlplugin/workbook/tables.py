"""Tables that grow and shrink to the number of a client's records (specification, section 11.3).

Cells of the table's columns move; everything beside them stays where it is. Ranges that end at the
old last record and lie inside the table follow: conditional formats, validations, names, charts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xlplugin.errors import InputError
from xlplugin.workbook.bind import literal_raw, ordered, rebuilt, value_of
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.parts import main, part_bytes
from xlplugin.workbook.sheets import Cell, Row, Way
from xlplugin.workbook.structured import following_range, moved_reference
from xlplugin.workbook.tokens import (
    CELL,
    LAST_ROW,
    ROWS,
    address,
    box,
    box_text,
    column_name,
    tokens,
)
from xlplugin.workbook.view import literal_view
from xlplugin.workbook.xmltext import attribute_text, xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.workbook.bind import Bound
    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.structured import Table

__all__ = ["set_tables"]

_SQREF = re.compile(r'(\bsqref=")([^"]*)(")|(<xm:sqref>)([^<]*)(</xm:sqref>)')
_INNER_FORMULA = re.compile(r"(<(?:xm:f|formula[12]?)>)([^<]*)(</)")
_ROW_OF = re.compile(r"(\$?[A-Za-z]+|)([0-9]+)")  # a relative row: no $ before it
_DIMENSION = re.compile(r'(<dimension\b[^>]*?\bref=")([^"]*)(")')


def set_tables(
    template: CompiledTemplate, bound: Bound, given: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Put the records of one client into the tables of a bound template.

    Raises
    ------
    InputError
        An unknown table or column.
    TemplateError
        T30 for a record that names a calculated column, T31 for cells in the way.
    """
    by_name = {table.name.upper(): table for table in template.package.tables}
    for name, records in given.items():
        table = by_name.get(name.upper())
        if table is None:
            known = ", ".join(sorted(t.name for t in by_name.values())) or "none"
            raise InputError(f"There is no table {name!r} in the workbook; it has {known}")
        _Resize(template, bound, table, records).apply()
    changed = [new for _, new in bound.moved]
    bound.lowering = bound.lowering.with_tables(changed)
    _lower_again(template, bound, {table.name.upper() for table in changed})
    if changed:
        for old, new in bound.moved:
            bound.parts[old.part] = _table_part(template, old, new)
            for name, sheet in bound.sheets.items():
                tail = _followed_formulas(sheet.tail, name, old, new)
                if tail != sheet.tail:
                    bound.sheets[name] = replace(sheet, tail=tail)
                    bound.changed.add(name)


@dataclass(frozen=True)
class _Plan:
    """One column of a table: a format, and either the first formula or the values of the client."""

    column: int
    letters: str
    style: str | None
    first: Cell | None
    values: Sequence[Any]
    pieces: tuple[str | int, ...]  # of the formula; a number is a row, counted from that of the cell
    is_plain: bool

    @classmethod
    def of(cls, column: int, style: str | None, first: Cell | None, values: Sequence[Any] | None) -> _Plan:
        """What is the same in every row."""
        pieces = _relative_rows(first) if first is not None else ()
        is_plain = first is not None and not first.is_ours and first.lowered == first.formula
        return cls(column, column_name(column), style, first, values or (), pieces, is_plain)

    def formula(self, number: int) -> str:
        """The formula in one row."""
        if len(self.pieces) == 1:
            return str(self.pieces[0])
        return "".join([str(number + p) if type(p) is int else str(p) for p in self.pieces])


def _relative_rows(first: Cell) -> tuple[str | int, ...]:
    """A formula as texts and rows relative to the row of its cell."""
    pieces: list[str | int] = [""]
    for kind, part in tokens(first.formula or ""):
        sides = part.split(":") if kind == ROWS else [part]
        for at, side in enumerate(sides):
            match = _ROW_OF.fullmatch(side) if kind in (CELL, ROWS) else None
            lead = (":" if at else "") + (side if match is None else match[1])
            pieces[-1] = f"{pieces[-1]}{lead}"
            if match is not None:
                pieces += [int(match[2]) - first.row, ""]
    return tuple(pieces)


class _Resize:
    """One table and its records."""

    def __init__(
        self,
        template: CompiledTemplate,
        bound: Bound,
        table: Table,
        records: Sequence[Mapping[str, Any]],
    ) -> None:
        self.template, self.bound, self.table = template, bound, table
        self.records = list(records)
        self.sheet = bound.sheets[table.sheet]
        self.old_count = table.last_data_row - table.first_data_row + 1
        self.count = max(1, len(self.records))
        self.delta = self.count - self.old_count
        r1, c1, r2, c2 = table.corners
        self.columns = range(c1, c2 + 1)
        if r2 + self.delta > LAST_ROW:
            raise InputError(f"{table.name}: {len(self.records)} records do not fit on the sheet")
        self.new = replace(table, corners=(r1, c1, r2 + self.delta, c2))

    def apply(self) -> None:
        """Change the rows of the sheet."""
        self._check_columns()
        if self.delta > 0:
            self._check_below()
        table, rows = self.table, dict(self.sheet.rows)
        prototype = rows.get(table.first_data_row)
        styles, formulas = self._prototype(prototype)
        values = self._values(formulas)
        plans = [_Plan.of(c, styles.get(c), formulas.get(c), values.get(c)) for c in self.columns]
        height = {}
        if prototype is not None:
            kept = ("ht", "customHeight", "s", "customFormat")
            height = {key: value for key, value in prototype.attributes.items() if key in kept}
        totals = self._taken(rows, table.corners[2]) if table.has_totals else []
        for number in range(table.first_data_row + self.count, table.corners[2] + 1):
            self._strip(rows, number)
        for index in range(self.count):
            number = table.first_data_row + index
            old = rows.get(number) or Row(number, {"r": str(number), **height}, "", [])
            rows[number] = self._data_row(old, index, plans)
        if table.has_totals:
            number = self.new.corners[2]
            old = rows.get(number) or Row(number, {"r": str(number), **height}, "", [])
            beside = [one for one in old.parsed() if one.column not in self.columns]
            moved = [self._moved(one, number) for one in totals]
            rows[number] = rebuilt(old, sorted([*beside, *moved], key=lambda one: one.column))
        self._finish(rows)

    def _finish(self, rows: dict[int, Row]) -> None:
        sheet = replace(self.sheet, rows=ordered(rows))
        if self.delta:
            sheet.tail = _followed(sheet.tail, self.table, self.new)
            sheet.head = _dimension(sheet.head, self.new)
            self.bound.moved.append((self.table, self.new))
        self.bound.sheets[self.table.sheet] = sheet
        self.bound.changed.add(self.table.sheet)

    def _check_columns(self) -> None:
        known = set(self.table.folded)
        for index, record in enumerate(self.records):
            for key in record:
                if key.lower() not in known:
                    raise InputError(
                        f"{self.table.name}, record {index + 1}: there is no column {key!r}; "
                        f"the table has {', '.join(self.table.columns)}"
                    )

    def _check_below(self) -> None:
        bottom = self.table.corners[2]
        for number in range(bottom + 1, bottom + self.delta + 1):
            row = self.sheet.rows.get(number)
            for one in row.parsed() if row is not None else ():
                if one.column in self.columns and ("<v" in one.raw or "<is" in one.raw or one.formula):
                    place = f"{self.table.sheet}!{address(number, one.column)}"
                    facts = {"table": self.table.name}
                    raise TemplateError([Finding("T31", "error", "", place, facts)])

    def _prototype(self, row: Row | None) -> tuple[dict[int, str | None], dict[int, Cell]]:
        cells = row.parsed() if row is not None else []
        inside = [one for one in cells if one.column in self.columns]
        return (
            {one.column: one.style for one in inside},
            {one.column: one for one in inside if one.formula is not None},
        )

    def _values(self, formulas: Mapping[int, Cell]) -> dict[int, list[Any]]:
        """Cell values by column; None where the column is calculated."""
        names = dict(zip(self.columns, self.table.columns, strict=True))
        given = [{key.lower(): value for key, value in record.items()} for record in self.records]
        date1904 = self.template.package.date1904
        found: dict[int, list[Any]] = {}
        for column, name in names.items():
            key = name.lower()
            if column in formulas:
                if any(key in record for record in given):
                    place = address(self.table.first_data_row, column)
                    facts = {"name": f"{self.table.name}[{name}]", "reason": "holds a formula"}
                    raise TemplateError([Finding("T30", "error", self.table.sheet, place, facts)])
                continue
            label = f"{self.table.name}[{name}]"
            values = [value_of(label, record.get(key), date1904=date1904) for record in given]
            found[column] = values or [None]
        return found

    def _data_row(self, old: Row, index: int, plans: Sequence[_Plan]) -> Row:
        number = old.number
        before = {one.column: one for one in old.parsed()}
        cells = [one for one in before.values() if one.column not in self.columns]
        beside = bool(cells)
        for plan in plans:
            mine = before.get(plan.column)
            style = plan.style if mine is None else mine.style
            place = f"{plan.letters}{number}"
            attributes = {"r": place} if style is None else {"r": place, "s": style}
            if plan.first is not None:
                cells.append(self._calculated(plan, number, attributes))
            elif plan.values[index] is not None or style is not None:
                cells.append(self._literal(plan.values[index], number, plan.column, attributes))
        if beside:
            cells.sort(key=lambda one: one.column)
        return rebuilt(old, cells)

    def _literal(self, value: Any, number: int, column: int, attributes: dict[str, str]) -> Cell:
        template, pool = self.template, self.bound.pool
        raw = literal_raw(attribute_text(attributes), value, pool, shared=template.strings_part is not None)
        # Numbers are the same for the calculator; it does not know the texts that this client adds.
        view = literal_view(number, column, value) if type(value) is str else None
        return Cell(number, column, attributes, raw, view=view)

    def _calculated(self, plan: _Plan, number: int, attributes: dict[str, str]) -> Cell:
        first = plan.first
        if first is None:
            raise ValueError("the column is not calculated")
        one = Cell(number, plan.column, attributes, "", plan.formula(number), first.way, first.extent)
        one.extensions, one.is_ours, one.tables = first.extensions, first.is_ours, first.tables
        if first.way is Way.DYNAMIC:
            one.extent = (number, plan.column, number, plan.column)
        elif first.way is Way.KEPT:
            one.raw = f"{one.start}><f>{xml(one.formula or '')}</f></c>"
        if plan.is_plain:
            one.lowered = one.formula or ""
            return one
        return self._unlowered(one)

    def _unlowered(self, one: Cell) -> Cell:
        """A formula that is new on its row; it is lowered when every table has its size."""
        if one.formula is not None and one.way is not Way.KEPT:
            if one.is_ours:
                one.site = len(self.bound.sites)
                self.bound.sites.append((self.table.sheet, address(one.row, one.column)))
            one.lowered = ""
        return one

    def _taken(self, rows: dict[int, Row], number: int) -> list[Cell]:
        row = rows.get(number)
        return [one for one in row.parsed() if one.column in self.columns] if row is not None else []

    def _strip(self, rows: dict[int, Row], number: int) -> None:
        row = rows.get(number)
        if row is not None and any(one.column in self.columns for one in row.parsed()):
            rows[number] = rebuilt(row, [c for c in row.parsed() if c.column not in self.columns])

    def _moved(self, one: Cell, number: int) -> Cell:
        if number == one.row:
            return one
        place = address(number, one.column)
        attributes = {**one.attributes, "r": place}
        raw = one.raw.replace(f'r="{one.attributes["r"]}"', f'r="{place}"', 1)
        moved = replace(one, row=number, attributes=attributes, raw=raw, view=None)
        return self._unlowered(moved)


def _lower_again(template: CompiledTemplate, bound: Bound, names: set[str]) -> None:
    """Formulas that are new, or read a table of another size, wherever they stand."""

    def is_stale(one: Cell) -> bool:
        computed = one.formula is not None and one.way is not Way.KEPT
        return computed and (not one.lowered or not names.isdisjoint(one.tables))

    for name, sheet in bound.sheets.items():
        rows: dict[int, Row] = {}
        for number, row in sheet.rows.items():
            stale = [one for one in row.formulas() if is_stale(one)]
            if not stale:
                continue
            lowered = {
                one.column: template.sized.lowered(one, name, bound.lowering)
                if one.lowered
                else bound.lowering(
                    one.formula or "", name, one.row, one.column, one.site, one_cell=one.way is Way.PLAIN
                )
                for one in stale
            }
            if all(not one.lowered for one in stale):  # made for this client: nobody else sees them
                for one in stale:
                    one.lowered, one.tables = lowered[one.column].text, lowered[one.column].tables
                continue
            cells = [
                replace(one, lowered=lowered[one.column].text, tables=lowered[one.column].tables)
                if one.column in lowered
                else one
                for one in row.parsed()
            ]
            # The text of the row is as before, and so are its prepared pieces.
            rows[number] = replace(row, cells=cells, view=None)
        if rows:
            bound.sheets[name] = replace(sheet, rows={**sheet.rows, **rows})
            bound.relowered.add(name)


# -- what follows a table ------------------------------------------------------------------------


def _followed(tail: str, old: Table, new: Table) -> str:
    def ranges(match: re.Match[str]) -> str:
        start, body, end = (match[1], match[2], match[3]) if match[1] else (match[4], match[5], match[6])
        return start + " ".join(following_range(one, old, new) for one in body.split()) + end

    return _SQREF.sub(ranges, tail)


def _followed_formulas(tail: str, sheet: str, old: Table, new: Table) -> str:
    """Lists of validations, formulas of formats and the ranges of sparklines."""

    def formula(match: re.Match[str]) -> str:
        moved = moved_reference(match[2], old, new)
        if sheet == old.sheet and "!" not in moved:
            moved = following_range(moved, old, new)
        return match[1] + moved + match[3]

    return _INNER_FORMULA.sub(formula, tail)


def _dimension(head: str, new: Table) -> str:
    def widened(match: re.Match[str]) -> str:
        try:
            r1, c1, r2, c2 = box(match[2])
        except ValueError:
            return match[0]
        corners = new.corners
        wide = min(r1, corners[0]), min(c1, corners[1]), max(r2, corners[2]), max(c2, corners[3])
        return match[1] + box_text(wide) + match[3]

    return _DIMENSION.sub(widened, head)


def _table_part(template: CompiledTemplate, old: Table, new: Table) -> bytes:
    root = template.package.xml(old.part)
    root.set("ref", box_text(new.corners))
    r1, c1, _, c2 = new.corners
    filtered = box_text((r1, c1, new.last_data_row, c2))
    for element in root.iter(main("autoFilter")):
        element.set("ref", filtered)
    for element in root.iter(main("sortState"), main("sortCondition")):
        element.set("ref", following_range(element.get("ref", ""), old, new))
    return part_bytes(root)
