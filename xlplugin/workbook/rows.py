"""Rows that a result spills over or that hold an array: written cell by cell.

New cells of a spill take the format above them; cells that a result no longer reaches keep theirs.
Specification, sections 9.2 and 10.4.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.workbook.cells import checked, stored_all
from xlplugin.workbook.sheets import Cell, Row, Way, stored_value
from xlplugin.workbook.tokens import box_text, column_name
from xlplugin.workbook.xmltext import attribute_text, attributes, unxml, unxstring, xml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.workbook.cells import Policy, SheetResult
    from xlplugin.workbook.sheets import Sheet

__all__ = ["CarefulRows", "with_spans"]

_COLUMN = re.compile(r"<col\b([^>]*)/?>")


@dataclass(slots=True)
class _Spill:
    """One result of several cells, its values stored all at once.

    `ready` holds the finished text of rows in which nothing stands yet; `formats` those of the row
    that was written last.
    """

    anchor: Cell
    height: int
    width: int
    kinds: list[str]
    texts: list[str]
    ready: dict[int, str]
    formats: list[str | None]

    @property
    def columns(self) -> range:
        """The columns it covers."""
        return range(self.anchor.column, self.anchor.column + self.width)


class CarefulRows:
    """The writer of such rows of one sheet, called in ascending order."""

    def __init__(self, sheet: Sheet, result: SheetResult, policy: Policy) -> None:
        self._sheet, self._result, self._policy = sheet, result, policy
        self._defaults = ColumnStyles(sheet.head)
        self._spills: dict[int, list[_Spill]] = {}
        anchors = [one for one in sheet.formulas() if (one.row, one.column) in result.blocks]
        for anchor in sorted(anchors, key=lambda one: one.column):
            spill = self._spill(anchor)
            first = anchor.row + (spill.width == 1)  # of a column, only the first cell is in that row
            for row in range(first, anchor.row + spill.height):
                self._spills.setdefault(row, []).append(spill)
        self._present = sorted(sheet.rows) if anchors else []
        self.touched = self._spills.keys() | sheet.children.keys()

    def numbers(self) -> Iterable[int]:
        """Every row there is or will be, in order."""
        if self._spills.keys() <= self._sheet.rows.keys():
            return self._sheet.rows
        return sorted(self._sheet.rows.keys() | self._spills.keys())

    def _spill(self, anchor: Cell) -> _Spill:
        block = self._result.blocks[anchor.row, anchor.column]
        # A blank inside a result is an empty text; the first cell is written with its formula.
        flat = ["" if value is None else value for row in block for value in row]
        kinds, texts = stored_all(flat)
        pool = self._policy.pool
        if pool is not None and self._policy.formula(anchor) is None:
            for place, kind in enumerate(kinds):
                if kind == ' t="str"':
                    kinds[place], texts[place] = ' t="s"', str(pool.index(flat[place]))
        width = len(block[0])
        formats = [anchor.style, *[None] * (width - 1)]
        return _Spill(anchor, len(block), width, kinds, texts, {}, formats)

    # -- one row -----------------------------------------------------------------------------------

    def write(self, number: int) -> str:
        """The whole row."""
        row = self._sheet.rows.get(number)
        spills = self._spills.get(number, [])
        if row is None:
            return f'<row r="{number}">{"".join([self._new(number, spill) for spill in spills])}</row>'
        inner = self._merged(row, spills)
        given = row.attributes
        if spills and "spans" in given:
            given = with_spans(given, [column for s in spills for column in (s.columns[0], s.columns[-1])])
        return f"<row{attribute_text(given)}>{inner}</row>"

    def _new(self, number: int, spill: _Spill) -> str:
        """The cells of one result in a row that is not there yet."""
        if number not in spill.ready:
            after = bisect_right(self._present, number)
            end = spill.anchor.row + spill.height
            if after < len(self._present):
                end = min(end, self._present[after])
            self._prepare(spill, range(number, end))
        return spill.ready[number]

    def _prepare(self, spill: _Spill, rows: range) -> None:
        """Finish rows one below the other, in which nothing stands: they all look alike."""
        letters = [column_name(column) for column in spill.columns]
        for place, style in enumerate(spill.formats):
            if style is None:
                spill.formats[place] = self._defaults.of_column(spill.columns[place])
        tails = ["" if style is None else f' s="{style}"' for style in spill.formats]
        heads = list(zip(letters, tails, strict=True))
        width = spill.width
        if not self._policy.keeps_values:
            for row in rows:
                spill.ready[row] = "".join([f'<c r="{letter}{row}"{tail}/>' for letter, tail in heads])
            return
        first = (rows.start - spill.anchor.row) * width
        values = slice(first, first + len(rows) * width)
        starts = [f'<c r="{letter}{row}"{tail}' for row in rows for letter, tail in heads]
        cells = zip(starts, spill.kinds[values], spill.texts[values], strict=True)
        written = [f"{start}{kind}><v>{text}</v></c>" for start, kind, text in cells]
        if width > 1:
            written = ["".join(written[at : at + width]) for at in range(0, len(written), width)]
        spill.ready.update(zip(rows, written, strict=True))

    def _merged(self, row: Row, spills: list[_Spill]) -> str:
        """Cells of the template and cells of results, by column."""
        here = {one.column: one for one in row.parsed()}
        old = self._sheet.children.get(row.number, ())
        out: dict[int, str] = {}
        for column, one in here.items():
            if one.formula is not None or column not in old:
                out[column] = self._cell(one)
            elif one.style is not None:  # a result no longer reaches it
                out[column] = f"{one.start}/>"
        for spill in spills:
            self._into(out, here, row, spill)
        return "".join([out[column] for column in sorted(out)])

    def _into(self, out: dict[int, str], here: dict[int, Cell], row: Row, spill: _Spill) -> None:
        keeps, formats = self._policy.keeps_values, spill.formats
        start = (row.number - spill.anchor.row) * spill.width
        has_defaults = self._defaults or "customFormat" in row.attributes
        for place, column in enumerate(spill.columns):
            one = here.get(column)
            if one is not None and one.formula is not None:
                continue  # the first cell, and never over a formula
            if one is not None and one.style is not None:
                formats[place], head = one.style, one.start
            else:
                if has_defaults and formats[place] is None:
                    formats[place] = self._defaults.of(row, column)
                style = formats[place]
                given = one.attributes if one is not None else {"r": f"{column_name(column)}{row.number}"}
                head = f"<c{attribute_text(given if style is None else {**given, 's': style})}"
            kind, text = spill.kinds[start + place], spill.texts[start + place]
            out[column] = f"{head}{kind}><v>{text}</v></c>" if keeps else f"{head}/>"

    # -- one cell ----------------------------------------------------------------------------------

    def _cell(self, one: Cell) -> str:
        policy, result = self._policy, self._result
        if one.way is Way.KEPT and policy.formula(one) is None:
            return self._kept_value(one)
        if one.formula is None or one.way is Way.KEPT or result.grid is None:
            return one.raw
        value = result.grid.at(one.row, one.column)
        kind, text = checked(self._sheet, one, value)
        formula = policy.formula(one)
        start = one.start
        if formula is not None and value == "" and one.way is Way.PLAIN and policy.is_fragile(one):
            return f"{start}{kind}><v></v>{one.extensions}</c>"
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

    def _kept_value(self, one: Cell) -> str:
        """A cell that was not calculated, without its formula."""
        kind, value = stored_value(one.raw)
        start = one.start
        if value is None:
            return f"{start}/>"
        if kind == "str" and self._policy.pool is not None:
            kind, value = "s", str(self._policy.pool.index(unxstring(unxml(value))))
        return f'{start} t="{kind}"><v>{value}</v></c>'


def with_spans(given: dict[str, str], columns: Iterable[int]) -> dict[str, str]:
    """Attributes of a row whose `spans` reaches over some more columns; a broken one is left out."""
    if "spans" not in given:
        return given
    first, _, last = given["spans"].partition(" ")[0].partition(":")
    if not (first.isdigit() and last.isdigit()):
        return {key: value for key, value in given.items() if key != "spans"}
    reach = (int(first), int(last), *columns)
    return {**given, "spans": f"{min(reach)}:{max(reach)}"}


class ColumnStyles:
    """The format of a new cell: the row's own, else the column's."""

    def __init__(self, head: str) -> None:
        self._columns: list[tuple[int, int, str]] = []
        for match in _COLUMN.finditer(head):
            given = attributes(match[1])
            is_placed = given.get("min", "").isdigit() and given.get("max", "").isdigit()
            if given.get("style", "0") != "0" and is_placed:
                self._columns.append((int(given["min"]), int(given["max"]), given["style"]))

    def __bool__(self) -> bool:
        return bool(self._columns)

    def of(self, row: Row, column: int) -> str | None:
        """Index of the cell format, None for the default one."""
        if row.attributes.get("customFormat") in ("1", "true"):
            return row.attributes.get("s")
        return self.of_column(column)

    def of_column(self, column: int) -> str | None:
        """The same for a row without a format."""
        return next((style for first, last, style in self._columns if first <= column <= last), None)
