"""Engine formulas that follow the size of their tables, made ready once per template.

A client's tables have another number of records, so every formula that reads one is lowered anew.
Most of them differ in nothing but the last row of a range: such a formula becomes a list of texts
with empty places for these rows. Anything else is lowered from the beginning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.lowering import Lowered, Lowering
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import CELL, tokens

if TYPE_CHECKING:
    from xlplugin.workbook.sheets import Cell
    from xlplugin.workbook.structured import Table

__all__ = ["SizedFormulas"]

# Records that no client has: a row counted from one of them can be mistaken for nothing else.
_TRIAL: Final = ((100_003, 1_009), (200_017, 2_027))
_PLACE = re.compile(r"(\$?[A-Z]{1,3}\$?)([0-9]+)")
_OWN_TABLE = re.compile(r"#This Row|(?:^|[^\w.\]])\[|_xlfn\.SINGLE", re.I)

_Pieces = tuple[str | tuple[str, int], ...]  # texts, and rows as table and distance from its last record


@dataclass(frozen=True)
class _Ready:
    pieces: _Pieces
    tables: frozenset[str]

    def at(self, tables: dict[str, Table]) -> str | None:
        """The text for tables of some size; None where a range could shrink to one cell."""
        last = {}
        for name in self.tables:
            table = tables[name]
            if table.last_data_row <= table.first_data_row:
                return None
            last[name] = table.last_data_row
        return "".join([p if type(p) is str else str(last[p[0]] + int(p[1])) for p in self.pieces])


class SizedFormulas:
    """The formulas of one template, by sheet and cell; filled while clients are bound."""

    def __init__(self, lowering: Lowering) -> None:
        self._lowering = lowering  # with the tables of the template
        self._seen: set[tuple[str, int, int]] = set()
        self._ready: dict[tuple[str, int, int], _Ready | None] = {}
        self._trials: dict[frozenset[str], list[Lowering]] = {}

    def lowered(self, one: Cell, sheet: str, lowering: Lowering) -> Lowered:
        """The engine text of one formula of the template, for the tables of `lowering`."""
        key = sheet, one.row, one.column
        if key not in self._seen:  # making it ready costs more than one client gains
            self._seen.add(key)
            return _slowly(one, sheet, lowering)
        if key not in self._ready:
            self._ready[key] = self._made(one, sheet, lowering)
        ready = self._ready[key]
        text = ready.at(lowering.tables) if ready is not None else None
        if ready is None or text is None:
            return _slowly(one, sheet, lowering)
        return Lowered(text, ready.tables)

    def _made(self, one: Cell, sheet: str, lowering: Lowering) -> _Ready | None:
        if not one.tables or _OWN_TABLE.search(one.formula or ""):
            return None
        names = sorted(one.tables)
        trials = self._trials_of(one.tables)
        first, second = (_slowly(one, sheet, trial) for trial in trials)
        if not (first.tables == second.tables == one.tables) or first.refused or second.refused:
            return None
        if one.way is Way.PLAIN and _slowly(one, sheet, trials[0], one_cell=False) != first:
            return None  # an intersection: it depends on whether the row lies beside the table
        here, there = tokens(first.text), tokens(second.text)
        if len(here) != len(there):
            return None
        pieces: list[str | tuple[str, int]] = []
        for (kind, part), (_, other) in zip(here, there, strict=True):
            if part == other:
                pieces.append(part)
                continue
            mine, its = _PLACE.fullmatch(part), _PLACE.fullmatch(other)
            if kind != CELL or mine is None or its is None or mine[1] != its[1]:
                return None
            rows = int(mine[2]), int(its[2])
            distances = {
                name: tuple(
                    row - trial.tables[name].last_data_row for row, trial in zip(rows, trials, strict=True)
                )
                for name in names
            }
            fitting = [(name, a) for name, (a, b) in distances.items() if a == b]
            if len(fitting) != 1:
                return None
            pieces += [mine[1], fitting[0]]
        ready = _Ready(_joined(pieces), one.tables)
        text = ready.at(lowering.tables)
        return ready if text is None or text == _slowly(one, sheet, lowering).text else None

    def _trials_of(self, names: frozenset[str]) -> list[Lowering]:
        if names not in self._trials:
            tables = [self._lowering.tables[name] for name in sorted(names)]
            self._trials[names] = [
                self._lowering.with_tables(
                    [_of_size(table, count + step * at) for at, table in enumerate(tables)]
                )
                for count, step in _TRIAL
            ]
        return self._trials[names]


def _slowly(one: Cell, sheet: str, lowering: Lowering, *, one_cell: bool | None = None) -> Lowered:
    wanted = one.way is Way.PLAIN if one_cell is None else one_cell
    return lowering(one.formula or "", sheet, one.row, one.column, one.site, one_cell=wanted)


def _of_size(table: Table, records: int) -> Table:
    r1, c1, _, c2 = table.corners
    last = table.first_data_row + records - 1 + table.has_totals
    return replace(table, corners=(r1, c1, last, c2))


def _joined(pieces: list[str | tuple[str, int]]) -> _Pieces:
    """Texts beside each other as one."""
    out: list[str | tuple[str, int]] = []
    for piece in pieces:
        if out and type(piece) is str and type(out[-1]) is str:
            out[-1] = out[-1] + piece
        else:
            out.append(piece)
    return tuple(out)
