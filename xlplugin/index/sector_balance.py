"""Selection with a balance of sectors, changed a little at a time: the Nikkei 225 (methodology 2.2)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError
from xlplugin.index.arrays import same_length
from xlplugin.index.selection import check_no_gap, ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["select_by_sector_balance"]


def select_by_sector_balance(
    metric: FloatArray,
    sector: Sequence[str],
    incumbent: BoolArray,
    *,
    count: int,
    pool: int,
    must_enter: int,
    max_swaps: int,
    share: float = 0.5,
) -> BoolArray:
    """The most liquid names with a balance of sectors, changed a little at a time (Nikkei 225).

    Parameters
    ----------
    metric : ndarray of shape (n,)
        Liquidity; larger is better.
    sector : sequence of str
        Sector of each row.
    incumbent : ndarray of bool of shape (n,)
        Constituents now. Without any, the list is built from nothing and `max_swaps` is not used.
    count : int
        Names of the index.
    pool : int
        Constituents ranked below it leave; only names of the pool enter.
    must_enter : int
        Names ranked up to it enter.
    max_swaps : int
        Most names that enter, and most that leave, at one review.
    share : float
        What part of a sector's names in the pool the index should hold.

    Returns
    -------
    ndarray of bool of shape (n,)
        First the two rules above; then names leave or enter one by one until the count is right,
        always in the sector that is furthest above or below its share of names in the pool, the
        least liquid member first out, the most liquid other name first in.

    Raises
    ------
    DomainError
        If the pool cannot fill the index.
    ShapeError, MissingError
        If lengths differ, or a value is missing.

    References
    ----------
    methodology 2.2 item 6. The share of one half is known, not read.
    """
    check_no_gap("metric", metric)
    same_length(len(metric), sector=sector, incumbent=incumbent)
    rank = ranks(metric)
    if not 0 < count <= min(pool, len(metric)):
        raise DomainError(f"count: {count} names are wanted from a pool of {min(pool, len(metric))}")
    in_pool = rank <= pool
    ideal = Counter(s for s, inside in zip(sector, in_pool.tolist(), strict=True) if inside)
    held = Counter(s for s, inside in zip(sector, incumbent.tolist(), strict=True) if inside)
    order = np.argsort(rank).tolist()
    now = int(incumbent.sum())
    most_out = max_swaps + max(now - count, 0)
    most_in = max_swaps + max(count - now, 0) if now else count

    def surplus(row: int) -> float:
        return held[sector[row]] - ideal[sector[row]] * share

    def move(row: int, *, enters: bool) -> None:
        members[row] = enters
        held[sector[row]] += 1 if enters else -1

    members = np.array(incumbent)
    leavers = [row for row in reversed(order) if members[row] and not in_pool[row]][:most_out]
    entrants = [row for row in order if not members[row] and rank[row] <= must_enter][:most_in]
    for row in leavers:
        move(row, enters=False)
    for row in entrants:
        move(row, enters=True)
    left, entered = len(leavers), len(entrants)
    while members.sum() > count and left < most_out:
        staying = [row for row in order if members[row] and row not in entrants]
        move(max(staying, key=lambda row: (surplus(row), rank[row])), enters=False)
        left += 1
    while members.sum() < count and entered < most_in:
        free = [row for row in order if in_pool[row] and not members[row] and row not in leavers]
        move(min(free, key=lambda row: (surplus(row), rank[row])), enters=True)
        entered += 1
    while members.sum() > count:  # the limit on leavers binds: the entrants ranked last wait
        move(entrants.pop(), enters=False)
    while members.sum() < count:  # the limit on entrants binds: the leavers ranked best stay
        move(leavers.pop(), enters=True)
    return members
