"""Stratified sampling: the index cut into cells, the largest names of each. Methodology 4.2."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.engines.replication.cells import Cell, allocate, cell_table
from xlplugin.engines.replication.request import bounded
from xlplugin.errors import InfeasibleError, InputError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.replication.request import ReplicationRequest

__all__ = ["METHOD", "Stratified"]


@dataclass(frozen=True)
class Stratified:
    """Names per cell by largest remainder, weights pro rata inside a cell, cell weight = index.

    With fewer names than cells the smallest cell joins the smallest other cell of its sector (the
    part of the label before "|"), else the smallest of all. Inside a cell the names that must be
    held come first, then the most liquid, else the largest; ties in row order.
    """

    name: str = "stratified"

    def weights(self, request: ReplicationRequest) -> FloatArray:
        """See `request.Method`."""
        if request.cells is None or request.count is None:
            raise InputError(
                "the stratified method needs cell and count: the cell of each name, and how many names"
            )
        candidates = request.eligible & ((request.benchmark > 0.0) | request.required)
        split = [label.partition("|") for label in request.cells]
        cells = cell_table(request.benchmark, [part[0] for part in split], [part[2] for part in split])
        required = int(request.required.sum())
        if required > request.count:
            raise InfeasibleError(f"count: {request.count} names, but {required} must be held")
        cells = self._merged(cells, candidates, request)
        room = [sum(bool(candidates[k]) for k in cell.members) for cell in cells]
        given = allocate([cell.weight for cell in cells], room, request.count)
        given = self._with_required(cells, given, room, request)
        weights = np.zeros(request.size)
        for cell, names in zip(cells, given, strict=True):
            chosen = self._chosen(cell, names, candidates, request)
            part = np.zeros(request.size)
            # A cell of names outside the index has no proportions of its own: equal parts.
            part[chosen] = request.benchmark[chosen] if request.benchmark[chosen].any() else 1.0
            total = cell.weight * (1.0 - request.cash)
            ceiling = np.where(part > 0.0, request.ceiling, 0.0)
            total = min(total, float(np.minimum(ceiling, 1e300).sum()))
            floor = np.where(part > 0.0, request.floor, 0.0)
            weights += bounded(part, floor, ceiling, max(total, exact_sum(floor)))
        whole = exact_sum(request.benchmark) * (1.0 - request.cash)
        if abs(exact_sum(weights) - whole) <= 1e-12:
            return weights
        held = np.where(weights > 0.0, request.ceiling, 0.0)
        return bounded(weights, np.minimum(request.floor, held), held, whole)

    def _merged(self, cells: list[Cell], candidates: np.ndarray, request: ReplicationRequest) -> list[Cell]:
        """Cells that can all get a name: none without a candidate, and no more than names."""
        count = request.count or 0
        cells = list(cells)
        while len(cells) > 1:
            empty = [cell for cell in cells if not any(candidates[k] for k in cell.members)]
            if not empty and len(cells) <= count:
                break
            smallest = min(empty or cells, key=lambda cell: (cell.weight, -cells.index(cell)))
            others = [cell for cell in cells if cell is not smallest]
            same = [cell for cell in others if cell.group == smallest.group]
            into = min(same or others, key=lambda cell: (cell.weight, -cells.index(cell)))
            joined = replace(
                into,
                weight=into.weight + smallest.weight,
                members=tuple(sorted((*into.members, *smallest.members))),
            )
            cells = [joined if cell is into else cell for cell in others]
        return cells

    @staticmethod
    def _with_required(
        cells: list[Cell], given: list[int], room: list[int], request: ReplicationRequest
    ) -> list[int]:
        """The allocation raised where more names of a cell must be held than it was given."""
        needed = [sum(bool(request.required[k]) for k in cell.members) for cell in cells]
        given = [max(got, least) for got, least in zip(given, needed, strict=True)]
        while sum(given) > (request.count or 0):
            spare = [k for k in range(len(given)) if given[k] > max(1, needed[k])]
            if not spare:
                raise InfeasibleError(
                    "count: too small for one name per cell beside the names that must be held"
                )
            given[max(spare, key=lambda k: (given[k] - room[k] * cells[k].weight, -k))] -= 1
        return given

    @staticmethod
    def _chosen(cell: Cell, names: int, candidates: np.ndarray, request: ReplicationRequest) -> list[int]:
        merit = request.benchmark if request.liquidity is None else request.liquidity
        possible = [k for k in cell.members if candidates[k]]
        return sorted(possible, key=lambda k: (not request.required[k], -float(merit[k]), k))[:names]


METHOD = Stratified()
