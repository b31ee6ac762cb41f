"""Rows that a result spills over or that hold an array: written cell by cell.

New cells of a spill take the format above them; cells that a result no longer reaches keep theirs.
Specification, sections 9.2 and 10.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

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
Styles = list[str | None]


class _Strip(NamedTuple):
    """One row of one result; `skip` is 1 in the row of its formula, whose own cell is not in it."""

    anchor: Cell
    column: int
    skip: int
    kinds: list[str]
    texts: list[str]


class CarefulRows:
    """The writer of such rows of one sheet, called in ascending order."""

    def __init__(self, sheet: Sheet, result: SheetResult, policy: Policy) -> None:
        self._sheet, self._result, self._policy = sheet, result, policy
        self._columns = ColumnStyles(sheet.head)
        self._strips: dict[int, list[_Strip]] = {}
        self._letters: dict[tuple[int, int], list[str]] = {}
        self._above: dict[int, tuple[int, Styles]] = {}  # site of the row above and its formats
        if result.blocks:
            for one in sheet.formulas():
                if (one.row, one.column) in result.blocks:
                    self._cut(one)
        self.touched = self._strips.keys() | sheet.children.keys()

    def numbers(self) -> Iterable[int]:
        """Every row there is or will be, in order."""
        if self._strips.keys() <= self._sheet.rows.keys():
            return self._sheet.rows
        return sorted(self._sheet.rows.keys() | self._strips.keys())

    def _cut(self, anchor: Cell) -> None:
        """A block as strips, its values stored all at once."""
        block = self._result.blocks[anchor.row, anchor.column]
        width = len(block[0])
        # A blank inside a result is an empty text; the first cell is written with its formula.
        flat = ["" if value is None else value for row in block for value in row]
        kinds, texts = stored_all(flat)
        pool = self._policy.pool
        if pool is not None and self._policy.formula(anchor) is None:
            for place, kind in enumerate(kinds):
                if kind == ' t="str"':
                    kinds[place], texts[place] = ' t="s"', str(pool.index(flat[place]))
        for down in range(len(block)):
            start, skip = down * width, int(down == 0)
            if skip < width:
                strip = _Strip(
                    anchor,
                    anchor.column,
                    skip,
                    kinds[start + skip : start + width],
                    texts[start + skip : start + width],
                )
                self._strips.setdefault(anchor.row + down, []).append(strip)

    # -- one row -----------------------------------------------------------------------------------

    def write(self, number: int) -> str:
        """The whole row."""
        row = self._sheet.rows.get(number)
        strips = self._strips.get(number, [])
        if row is None or not row.parsed():
            row = row or Row(number, {"r": str(number)}, "", [])
            strips.sort(key=lambda strip: strip.column)
            inner = "".join(self._new_cells(row, strip) for strip in strips)
        else:
            inner = self._merged(row, strips)
        given = row.attributes
        if strips and "spans" in given:
            reach = [strip.column + strip.skip for strip in strips]
            reach += [strip.column + strip.skip + len(strip.texts) - 1 for strip in strips]
            given = with_spans(given, reach)
        return f"<row{attribute_text(given)}>{inner}</row>"

    def _formats(self, row: Row, strip: _Strip) -> Styles:
        """The formats of a strip, its first column included, before the row's own cells are asked."""
        before = self._above.get(id(strip.anchor))
        width = strip.skip + len(strip.texts)
        styles: Styles = [None] * width
        if before is not None and before[0] == row.number - 1:
            styles = before[1]
        if None in styles and self._columns.may_apply(row):
            styles = [
                self._columns.of(row, strip.column + place) if style is None else style
                for place, style in enumerate(styles)
            ]
        return styles

    def _new_cells(self, row: Row, strip: _Strip) -> str:
        styles = self._formats(row, strip)
        self._above[id(strip.anchor)] = row.number, styles
        width = len(styles)
        letters = self._letters.get((strip.column, width))
        if letters is None:
            letters = [column_name(strip.column + place) for place in range(width)]
            self._letters[strip.column, width] = letters
        if strip.skip:
            letters, styles = letters[1:], styles[1:]
        number = row.number
        if not self._policy.keeps_values:
            return "".join(
                f'<c r="{letter}{number}"{_style(style)}/>'
                for letter, style in zip(letters, styles, strict=True)
            )
        if not any(styles):
            return "".join(
                f'<c r="{letter}{number}"{kind}><v>{text}</v></c>'
                for letter, kind, text in zip(letters, strip.kinds, strip.texts, strict=True)
            )
        return "".join(
            f'<c r="{letter}{number}"{_style(style)}{kind}><v>{text}</v></c>'
            for letter, style, kind, text in zip(letters, styles, strip.kinds, strip.texts, strict=True)
        )

    def _merged(self, row: Row, strips: list[_Strip]) -> str:
        """Cells of the template and cells of results, by column."""
        here = {one.column: one for one in row.parsed()}
        old = self._sheet.children.get(row.number, ())
        out: dict[int, str] = {}
        for column, one in here.items():
            if one.formula is not None or column not in old:
                out[column] = self._cell(one)
            elif one.style is not None:  # a result no longer reaches it
                out[column] = f"<c{attribute_text(one.attributes)}/>"
        for strip in strips:
            self._into(out, here, row, strip)
        return "".join(out[column] for column in sorted(out))

    def _into(self, out: dict[int, str], here: dict[int, Cell], row: Row, strip: _Strip) -> None:
        styles = self._formats(row, strip)
        own = list(styles)
        if strip.skip:
            own[0] = strip.anchor.style
        for place, (kind, text) in enumerate(zip(strip.kinds, strip.texts, strict=True), start=strip.skip):
            column = strip.column + place
            one = here.get(column)
            if one is not None and one.formula is not None:
                continue  # never over a formula
            given = one.attributes if one is not None else {"r": f"{column_name(column)}{row.number}"}
            if one is not None and one.style is not None:
                own[place] = one.style
            elif own[place] is not None:
                given = {**given, "s": str(own[place])}
            start = f"<c{attribute_text(given)}"
            keeps = self._policy.keeps_values
            out[column] = f"{start}{kind}><v>{text}</v></c>" if keeps else f"{start}/>"
        self._above[id(strip.anchor)] = row.number, own

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

    def _kept_value(self, one: Cell) -> str:
        """A cell that was not calculated, without its formula."""
        kind, value = stored_value(one.raw)
        start = f"<c{attribute_text(one.attributes)}"
        if value is None:
            return f"{start}/>"
        if kind == "str" and self._policy.pool is not None:
            kind, value = "s", str(self._policy.pool.index(unxstring(unxml(value))))
        return f'{start} t="{kind}"><v>{value}</v></c>'


def _style(style: str | None) -> str:
    return "" if style is None else f' s="{style}"'


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

    def may_apply(self, row: Row) -> bool:
        """Whether row or columns have a format at all."""
        return bool(self._columns) or "customFormat" in row.attributes

    def of(self, row: Row, column: int) -> str | None:
        """Index of the cell format, None for the default one."""
        if row.attributes.get("customFormat") in ("1", "true"):
            return row.attributes.get("s")
        return next((style for first, last, style in self._columns if first <= column <= last), None)
