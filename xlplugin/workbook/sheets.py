"""One worksheet as rows and cells: scanned as text, so that what is not computed keeps its bytes.

A row without formulas is one string until somebody needs its cells. Source: ECMA-376 part 1,
sections 18.3.1.4 (c), 18.3.1.40 (f) and 18.3.1.73 (row).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from xlplugin.workbook.parts import plain_text
from xlplugin.workbook.tokens import Box, address, box, cell, shift, text, tokens
from xlplugin.workbook.xmltext import attribute_text, attributes, unxml
from xlplugin.workbook.zipped import PackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xlplugin.workbook.tokens import Token

__all__ = ["Cell", "Row", "Sheet", "Way", "cells_of", "scan", "stored_value"]

_ROW = re.compile(r"<row\b([^>]*?)(/>|>(.*?)</row>)", re.S)
_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.S)
_FORMULA = re.compile(r"<f\b([^>]*?)(?:/>|>(.*?)</f>)", re.S)
_VALUE = re.compile(r"<v\b[^>]*>(.*?)</v>", re.S)
_EXTENSIONS = re.compile(r"<extLst\b.*</extLst>", re.S)
_DATA = re.compile(r"<sheetData\s*(?:/>|>(.*?)</sheetData>)", re.S)
_MERGED = re.compile(r'<mergeCell\b[^>]*\bref="([^"]+)"')
_UNPLACED = re.compile(r"<(?:c|row)(?=[\s/>])(?![^>]*?\sr\s*=)")


class Way(Enum):
    """How a cell with a formula is computed and written."""

    PLAIN = "plain"
    DYNAMIC = "dynamic"  # t="array" with cm: its extent follows the result
    FIXED = "fixed"  # {...}: its extent never changes
    KEPT = "kept"  # not calculable here: formula and cached value stay as they are


@dataclass(slots=True)
class Cell:
    """One cell. A literal has no formula and is written as `raw`.

    `attributes` are those of the source without t, cm and vm, which are decided anew.
    `site` numbers the formula cells of the whole workbook.
    """

    row: int
    column: int
    attributes: dict[str, str]
    raw: str
    formula: str | None = None
    way: Way = Way.PLAIN
    extent: Box | None = None
    extensions: str = ""
    is_ours: bool = False
    lowered: str = ""
    tables: frozenset[str] = frozenset()
    site: int = -1
    view: str | None = None  # for the calculator, where that is not `raw`

    _start: str | None = field(default=None, init=False, repr=False)

    @property
    def style(self) -> str | None:
        """Index of the cell format."""
        return self.attributes.get("s")

    @property
    def start(self) -> str:
        """``<c`` and its attributes."""
        if self._start is None:
            self._start = f"<c{attribute_text(self.attributes)}"
        return self._start


@dataclass(slots=True)
class Row:
    """One row; `cells` is None while nobody has looked into `raw`."""

    number: int
    attributes: dict[str, str]
    raw: str
    cells: list[Cell] | None = None
    view: str | None = None
    programs: dict[str, list[str]] = field(default_factory=dict)
    _formulas: list[Cell] | None = field(default=None, init=False, repr=False)

    def parsed(self) -> list[Cell]:
        """The cells in ascending order."""
        if self.cells is None:
            body = _ROW.match(self.raw)
            self.cells = list(cells_of(self.number, body[3] or "")) if body else []
        return self.cells

    def formulas(self) -> list[Cell]:
        """The cells with a formula, kept ones included."""
        if self._formulas is None:
            self._formulas = [c for c in self.cells if c.formula is not None] if self.cells else []
        return self._formulas


@dataclass(slots=True)
class Sheet:
    """A worksheet between its first and its last byte."""

    name: str
    part: str
    head: str
    tail: str
    rows: dict[int, Row]
    children: dict[int, set[int]]  # row -> columns inside stored array ranges, first cells left out
    programs: dict[str, object] = field(default_factory=dict, init=False, repr=False)

    def merged(self) -> list[Box]:
        """Merged ranges."""
        return [box(reference) for reference in _MERGED.findall(self.tail)]

    def find_children(self) -> None:
        """Note every cell inside an array range that is computed, first cells left out."""
        self.children = {}
        for one in self.formulas():
            if one.extent is not None and one.way is not Way.KEPT:
                _add_children(one.extent, self.children)

    def restore(self, place: str, reach: str, formula: str) -> None:
        """Put a formula back that a values edition froze."""
        number, column = cell(place)
        row = self.rows.get(number)
        one = next((c for c in row.parsed() if c.column == column), None) if row is not None else None
        if row is not None and one is not None:
            one.formula, one.way, one.extent = formula, Way.DYNAMIC, box(reach)
            row._formulas = None

    def with_kept(self, places: set[tuple[int, int]]) -> Sheet:
        """The same sheet with some formulas kept at their stored values; this one is not changed."""
        rows = dict(self.rows)
        for number in {row for row, _ in places}:
            old = rows[number]
            cells = [
                replace(one, way=Way.KEPT) if (number, one.column) in places else one for one in old.parsed()
            ]
            rows[number] = Row(number, old.attributes, old.raw, cells)
        other = replace(self, rows=rows)
        other.find_children()
        for number in self.children.keys() - other.children.keys():
            other.rows[number] = replace(rows[number], view=None, programs={})
        return other

    def formulas(self) -> Iterator[Cell]:
        """Every cell with a formula, in reading order."""
        for row in self.rows.values():
            yield from row.formulas()


def scan(name: str, part: str, data: bytes) -> Sheet:
    """A worksheet part as rows and cells; shared formulas are written out per cell.

    `Sheet.find_children` is called when it is known which formulas are computed.

    Raises
    ------
    PackageError
        R02 for a part that is no worksheet, R09 for a document type.
    """
    content = plain_text(data, part)
    found = _DATA.search(content)
    if found is None:
        raise PackageError("R02", part)
    body = found[1] or ""
    places_missing = _UNPLACED.search(body) is not None
    sheet = Sheet(name, part, content[: found.start()], content[found.end() :], {}, {})
    masters: dict[str, tuple[list[Token], int, int]] = {}
    number = 0
    for match in _ROW.finditer(body):
        given = attributes(match[1])
        stated = given.get("r", "")
        number = int(stated) if stated.isdigit() else number + 1
        if number in sheet.rows:
            raise PackageError("R02", part)
        given = {"r": str(number), **given}
        inner = match[3] or ""
        row = Row(number, given, match[0])
        if places_missing or "<f" in inner:
            row.cells = list(cells_of(number, inner))
            for one in row.cells:
                if "<f" in one.raw:
                    _read_formula(one, masters)
            if places_missing:
                _place(row)
        sheet.rows[number] = row
    if list(sheet.rows) != sorted(sheet.rows):
        sheet.rows = dict(sorted(sheet.rows.items()))
    return sheet


def cells_of(number: int, body: str) -> Iterator[Cell]:
    """The cells of one row; a cell without a reference stands right of the one before."""
    column = 0
    for match in _CELL.finditer(body):
        given = attributes(match[1])
        if "r" in given:
            column = _column(given["r"])
        else:
            column += 1
            given = {"r": address(number, column), **given}
        for decided in ("t", "cm", "vm"):
            given.pop(decided, None)
        yield Cell(number, column, given, match[0])


def _column(reference: str) -> int:
    try:
        return cell(reference)[1]
    except ValueError:
        raise PackageError("R02", f"a cell {reference!r}") from None


def _place(row: Row) -> None:
    """Write explicit references where the file counted."""
    for one in row.cells or ():
        if one.formula is None:
            match = _CELL.match(one.raw)
            if match:
                kept = attributes(match[1])
                kept.pop("r", None)
                start = f"<c{attribute_text({'r': one.attributes['r'], **kept})}"
                one.raw = f"{start}/>" if match[2] is None else f"{start}>{match[2]}</c>"
    inner = "".join(one.raw for one in row.cells or ())
    row.raw = f"<row{attribute_text(row.attributes)}>{inner}</row>"


def _read_formula(one: Cell, masters: dict[str, tuple[list[Token], int, int]]) -> None:
    match = _FORMULA.search(one.raw)
    if match is None:
        return
    given, formula = attributes(match[1]), unxml(match[2] or "").strip()
    kind = given.get("t", "normal")
    if extensions := _EXTENSIONS.search(one.raw):
        one.extensions = extensions[0]
    if kind == "shared":
        index = given.get("si", "")
        if formula:
            masters[index] = (tokens(formula), one.row, one.column)
        elif index in masters:
            master, row, column = masters[index]
            formula = text(shift(master, one.row - row, one.column - column))
    elif kind == "array":
        one.way = Way.DYNAMIC if " cm=" in one.raw.partition(">")[0] else Way.FIXED
        try:
            one.extent = box(given.get("ref", one.attributes["r"]))
        except ValueError:
            raise PackageError("R02", f"the array range of {one.attributes['r']}") from None
    elif kind == "dataTable":
        one.way = Way.KEPT
    one.formula = formula


def _add_children(extent: Box, children: dict[int, set[int]]) -> None:
    r1, c1, r2, c2 = extent
    for row in range(r1, r2 + 1):
        found = children.setdefault(row, set())
        found.update(range(c1 + 1 if row == r1 else c1, c2 + 1))


def stored_value(raw: str) -> tuple[str, str | None]:
    """Type attribute and text of ``<v>`` of a cell as it stands in the file, still escaped."""
    tag, _, _ = raw.partition(">")
    value = _VALUE.search(raw)
    return attributes(tag).get("t", "n"), value[1] if value else None
