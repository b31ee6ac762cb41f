"""Cells of an index (sector by size) and how many names each gets. Methodology 4.2."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.core.arrays import exact_sum
from xlplugin.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["Cell", "allocate", "cell_table"]


@dataclass(frozen=True)
class Cell:
    """One cell: its weight and the places of its names, in row order."""

    group: str
    size: str
    weight: float
    members: tuple[int, ...]


def cell_table(weights: FloatArray, groups: Sequence[str], sizes: Sequence[str] | None = None) -> list[Cell]:
    """The cells that hold a name, in order of first appearance.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Index weights.
    groups : sequence of str
        Sector of each name.
    sizes : sequence of str, optional
        Size class of each name; one class if left out.

    Returns
    -------
    list of Cell

    Raises
    ------
    ShapeError
        If the lengths differ.
    """
    n = weights.shape[0]
    of_size = [""] * n if sizes is None else list(sizes)
    for name, labels in (("group", groups), ("size", of_size)):
        if len(labels) != n:
            raise ShapeError(name, got=(len(labels),), expected=(n,))
    members: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(groups, of_size, strict=True)):
        members.setdefault(key, []).append(place)
    return [
        Cell(group, size, exact_sum(float(weights[k]) for k in places), tuple(places))
        for (group, size), places in members.items()
    ]


def allocate(weights: Sequence[float], names: Sequence[int], count: int) -> list[int]:
    """Names per cell by largest remainder, at least one each, at most what a cell holds.

    Parameters
    ----------
    weights : sequence of float
        Of the cells.
    names : sequence of int
        Names in each cell, at least one.
    count : int
        Names to give out; what exceeds all names is left over.

    Returns
    -------
    list of int
        Ties go to the earlier cell.

    Raises
    ------
    DomainError
        If there are more cells than names to give out.

    Examples
    --------
    >>> allocate([0.5, 0.3, 0.2], [10, 10, 1], 7)
    [4, 2, 1]
    """
    if count < len(weights):
        raise DomainError(
            f"count: {count} names cannot fill {len(weights)} cells; give one per cell at least"
        )
    total = exact_sum(weights)
    equal = [1.0 / len(weights)] * len(weights)
    quotas = [count * (w / total if total > 0.0 else e) for w, e in zip(weights, equal, strict=True)]
    # Rounded, so that 6.0 that comes out as 5.999999999 counts as 6 on every machine.
    given = [
        min(max(math.floor(round(quota, 9)), 1), held) for quota, held in zip(quotas, names, strict=True)
    ]
    while sum(given) > count:
        over = [k for k in range(len(given)) if given[k] > 1]
        given[min(over, key=lambda k: (round(quotas[k] - given[k], 9), -k))] -= 1
    while sum(given) < count:
        room = [k for k in range(len(given)) if given[k] < names[k]]
        if not room:
            break
        given[max(room, key=lambda k: (round(quotas[k] - given[k], 9), -k))] += 1
    return given
