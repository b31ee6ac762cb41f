"""Which cells a formula reads, and everything upstream of a cell.

Works on lowered formulas, in which tables and most names are plain ranges already.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import (
    CELL,
    COLS,
    LAST_COLUMN,
    LAST_ROW,
    NAME,
    QUOTED,
    ROWS,
    box,
    column_number,
    plain_sheet,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.sheets import Cell, Sheet
    from xlplugin.workbook.tokens import Box, Token

__all__ = ["Precedents", "ranges_of"]

Area = tuple[str, "Box"]


def ranges_of(formula: str, sheet: str, names: Mapping[str, DefinedName]) -> list[Area]:
    """Every range in the text of a formula; names that are one range included."""
    parts = tokens(formula)
    found: list[Area] = []
    at = 0
    while at < len(parts):
        here = sheet
        start = at
        if at + 2 < len(parts) and parts[at][0] in (NAME, QUOTED) and parts[at + 1][1] == "!":
            here, at = plain_sheet(parts[at][1]), at + 2
        kind, part = parts[at]
        if kind == CELL and at + 2 < len(parts) and parts[at + 1][1] == ":" and parts[at + 2][0] == CELL:
            found.append((here, box(f"{part}:{parts[at + 2][1]}".replace("$", ""))))
            at += 3
            continue
        corners = _corners(parts[at])
        if corners is not None:
            found.append((here, corners))
        elif kind == NAME and at == start and (name := names.get(part.upper())) is not None:
            following = parts[at + 1][1] if at + 1 < len(parts) else ""
            if following != "(" and name.text.upper() != part.upper() and "!" in name.text:
                found += ranges_of(name.text, sheet, {})
        at += 1
    return found


def _corners(token: Token) -> Box | None:
    kind, part = token
    plain = part.replace("$", "")
    if kind == CELL:
        return box(plain)
    if kind == COLS:
        first, last = sorted(map(column_number, plain.split(":")))
        return 1, first, LAST_ROW, last
    if kind == ROWS:
        first, last = sorted(map(int, plain.split(":")))
        return first, 1, last, LAST_COLUMN
    return None


class Precedents:
    """The formula cells of a workbook by place, for walking upstream."""

    def __init__(self, sheets: Mapping[str, Sheet], names: Mapping[str, DefinedName]) -> None:
        self._names = names
        self._cells: dict[tuple[str, int, int], Cell] = {}
        self._rows: dict[tuple[str, int], list[int]] = {}
        for sheet in sheets.values():
            for one in sheet.formulas():
                self._cells[sheet.name, one.row, one.column] = one
                self._rows.setdefault((sheet.name, one.column), []).append(one.row)
        for rows in self._rows.values():
            rows.sort()

    def reads(self, sheet: str, one: Cell) -> list[Area]:
        """The ranges of one formula."""
        return ranges_of(one.lowered if one.way is not Way.KEPT else one.formula or "", sheet, self._names)

    def inside(self, area: Area) -> Iterator[tuple[str, Cell]]:
        """The formula cells in a range."""
        sheet, (r1, c1, r2, c2) = area
        if c2 - c1 > 1000:
            columns = [c for s, c in self._rows if s == sheet and c1 <= c <= c2]
        else:
            columns = list(range(c1, c2 + 1))
        for column in columns:
            rows = self._rows.get((sheet, column), [])
            for row in rows[bisect_left(rows, r1) :]:
                if row > r2:
                    break
                yield sheet, self._cells[sheet, row, column]

    def upstream(self, sheet: str, one: Cell) -> Iterator[tuple[str, Cell]]:
        """Every formula cell that a formula depends on, itself first."""
        seen = {(sheet, one.row, one.column)}
        waiting = [(sheet, one)]
        while waiting:
            where, cell = waiting.pop()
            yield where, cell
            for area in self.reads(where, cell):
                for other_sheet, other in self.inside(area):
                    place = other_sheet, other.row, other.column
                    if place not in seen:
                        seen.add(place)
                        waiting.append((other_sheet, other))
