"""Branch and bound, best node first, for any kind of region; and the search for a price of variance."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import FloatArray

__all__ = ["FIRST_GAMMA", "GAMMA_HIGH", "GAMMA_LOW", "Effort", "Node", "Steps", "explore"]

Region = TypeVar("Region")

GAMMA_LOW, GAMMA_HIGH = 0.01, 1e5  # the range in which the price of a risk cap is looked for
FIRST_GAMMA = 80.0
_ELASTICITY = -0.8  # of variance to its price, until two solves have told the real one
_FLATTEST = -1e-3


@dataclass(frozen=True)
class Effort:
    """How hard to search: counts, not seconds, so that equal input gives equal output.

    Attributes
    ----------
    gap : float
        Stop when the plan is proved to be within this share of the best possible objective.
    nodes : int
        Most nodes.
    stop : callable
        Asked before every branching; a host may hand over its clock. The answer then depends on
        the machine.
    """

    gap: float = 5e-4
    nodes: int = 400
    stop: Callable[[], bool] = lambda: False


class Node(NamedTuple, Generic[Region]):
    """What is left to be searched.

    Attributes
    ----------
    bound : float
        No plan inside goes below it.
    serial : int
        Order of making; decides ties.
    prices : ndarray
        Prices of its relaxation, where its children start.
    gamma : float
        Price of variance its bound was taken at.
    branch : tuple of regions
        Its children; empty if it has no open question.
    undecided : tuple of int
        Names that its relaxation leaves open.
    """

    bound: float
    serial: int
    prices: FloatArray
    gamma: float
    branch: tuple[Region, ...]
    undecided: tuple[int, ...]


def explore(
    visit: Callable[[Region, FloatArray | None, float, int], Node[Region] | None],
    root: Region,
    gamma: float,
    prices: FloatArray | None,
    effort: Effort,
    near: Callable[[float, float, float], bool],
    leaves: list[tuple[float, float]],
) -> tuple[int, tuple[int, ...]]:
    """Visit nodes until the best plan is proved near enough or the effort is spent.

    Parameters
    ----------
    visit : callable
        Region, prices, price of variance and serial number to a node; None if nothing is in it. It
        keeps the best plan itself and writes a region that it gives up into `leaves`.
    root : region
    gamma, prices
        Where the root starts.
    effort : Effort
    near : callable
        Bound, price of variance and gap: whether the best plan is that near to the bound.
    leaves : list of (bound, gamma)
        Everything that is not searched further is added.

    Returns
    -------
    nodes : int
    undecided : tuple of int
        Of the node searched last.
    """
    first = visit(root, prices, gamma, 0)
    heap, nodes = [] if first is None else [first], 1
    undecided = () if first is None else first.undecided
    while heap and nodes < effort.nodes and not effort.stop():
        node = heapq.heappop(heap)
        undecided = node.undecided
        if near(node.bound, node.gamma, effort.gap):
            heapq.heappush(heap, node)
            break
        if not node.branch:
            leaves.append((node.bound, node.gamma))
            continue
        for region in node.branch:
            child = visit(region, node.prices, node.gamma, nodes)
            nodes += 1
            if child is not None:
                heapq.heappush(heap, child._replace(bound=max(child.bound, node.bound)))
    leaves += [(node.bound, node.gamma) for node in heap]
    return nodes, undecided


class Steps:
    """The price of variance on its way to where the variance is just the cap.

    Logarithms of both; false position (Anderson and Björck) as soon as the cap is bracketed, before
    that the secant, or an elasticity that fits most accounts.
    """

    def __init__(self, gamma: float, tolerance: float) -> None:
        self._t, self._tolerance = float(np.log(gamma)), tolerance
        self._ends: dict[bool, tuple[float, float]] = {}  # by whether the variance is above the cap
        self._last: tuple[float, float] | None = None

    @property
    def gamma(self) -> float:
        """The price to try next."""
        return float(np.exp(self._t))

    def settled(self, variance: float, cap: float) -> bool:
        """Take in the variance at `gamma`; True if it is at the cap or nothing more can be done."""
        t, off = self._t, float(np.log(max(variance, 1e-300) / cap))
        if abs(off) <= self._tolerance:
            return True
        above, ends = off > 0.0, self._ends
        if len(ends) == 2 and ends[above] == self._last:
            # The end that stays counts less, so that both ends move.
            share = 1.0 - off / ends[above][1]
            far, value = ends[not above]
            ends[not above] = (far, value * (share if share > 0.0 else 0.5))
        ends[above] = (t, off)
        if len(ends) == 2:
            (a, fa), (b, fb) = ends[True], ends[False]
            new = b - fb * (b - a) / (fb - fa)
        else:
            slope = _ELASTICITY
            if self._last is not None and t != self._last[0]:
                slope = min(_FLATTEST, (off - self._last[1]) / (t - self._last[0]))
            new = t + float(np.clip(-off / slope, -3.0, 3.0))
        self._last = (t, off)
        self._t = float(np.clip(new, np.log(GAMMA_LOW), np.log(GAMMA_HIGH)))
        return abs(self._t - t) < 1e-13
