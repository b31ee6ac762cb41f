"""The weights that whole trading units and smallest trades leave, and the bound over them.

Allowed for a name: to stay as it is, to be left completely, or a whole number of units after a trade
that is not too small. Within one mode the cost is convex, so the best allowed weight at given prices
is one of the two neighbours of the best weight of all: the bound needs no list of the lattice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.engines.rebalancing import modes as ways
from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.errors import InfeasibleError, InputError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray
    from xlplugin.engines.rebalancing.modes import Modes
    from xlplugin.engines.rebalancing.problem import Problem
    from xlplugin.engines.rebalancing.relaxation import Relaxation

__all__ = ["Lattice", "Region"]

# Steps around the best weight of a mode: dense near it, a coarse outline further away.
_WINDOW = np.array([-40.0, -8.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 9.0, 41.0])
_EDGE = 1e-9  # of a unit: a whole number of units but for rounding


@dataclass(frozen=True, eq=False)
class Region:
    """Part of the lattice: weights of every name from `low` to `high`, both on the lattice."""

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, eq=False)
class Lattice:
    """The allowed weights of every name.

    Attributes
    ----------
    unit : ndarray of shape (n_names,)
        Weight of one trading unit, above zero.
    origin : ndarray of shape (n_names,)
        A weight on the grid: zero where positions are whole, the rest of a unit held where orders are.
    first, last : ndarray of shape (n_names, n_modes)
        Smallest and largest number of units in each mode; none where the first is the larger.
    stay, leave : ndarray of shape (n_names,)
        The weight held, and the weight after a complete exit; not a number where not allowed.
    """

    unit: FloatArray
    origin: FloatArray
    first: FloatArray
    last: FloatArray
    stay: FloatArray
    leave: FloatArray

    @classmethod
    def of(
        cls,
        problem: Problem,
        modes: Modes,
        unit: FloatArray,
        smallest: FloatArray,
        *,
        whole_orders: bool = False,
    ) -> Lattice:
        """The lattice of a problem.

        Parameters
        ----------
        problem : Problem
        modes : Modes
        unit, smallest : ndarray of shape (n_names,)
            Weight of one trading unit and of the smallest trade.
        whole_orders : bool
            Orders are whole numbers of units. Otherwise positions are, and a fraction of a unit
            held is traded with the first order.

        Raises
        ------
        InputError
            If a unit is not above zero.
        InfeasibleError
            If no weight of a name is allowed.
        """
        if not (unit > 0.0).all():
            name = problem.names[int(np.flatnonzero(~(unit > 0.0))[0])]
            raise InputError(f"{name}: the trading unit must be above zero; use a small one for fractions")
        held = problem.held[:, None]
        origin = problem.held % unit if whole_orders else np.zeros(len(unit))
        low, high = modes.low[:, :, 0], modes.high[:, :, -1].copy()
        sell = np.ones(low.shape[1], dtype=bool)
        sell[BUY] = False
        low = np.where(sell, low, np.maximum(low, held + smallest[:, None]))
        high = np.where(sell, np.minimum(high, held - smallest[:, None]), high)
        first = np.ceil((low - origin[:, None]) / unit[:, None] - _EDGE)
        last = np.floor((high - origin[:, None]) / unit[:, None] + _EDGE)
        first = np.where(modes.open, first, np.inf)
        last = np.where(modes.open, last, -np.inf)
        can_stay = (problem.lowest <= problem.held) & (problem.held <= problem.highest)
        leaves = np.where(modes.open & sell, modes.low[:, :, 0], np.inf).min(axis=1)
        lattice = cls(
            unit,
            origin,
            first,
            last,
            np.where(can_stay, problem.held, np.nan),
            np.where(leaves <= 1e-15, 0.0, np.nan),
        )
        nothing = np.isnan(lattice.stay) & np.isnan(lattice.leave) & (first > last).all(axis=1)
        if nothing.any():
            name = problem.names[int(np.flatnonzero(nothing)[0])]
            raise InfeasibleError(
                f"{name}: no whole number of trading units lies between its smallest and largest weight; "
                "allow a smaller unit, a smaller trade or a wider range"
            )
        return lattice

    def whole(self) -> Region:
        """All of it."""
        ends = self._with_ends(np.stack([self._weight(self.first), self._weight(self.last)], axis=2))
        return Region(np.nanmin(ends, axis=1), np.nanmax(ends, axis=1))

    def _weight(self, units: FloatArray) -> FloatArray:
        empty = self.first > self.last
        return np.where(
            empty, np.nan, self.origin[:, None] + np.where(empty, 0.0, units) * self.unit[:, None]
        )

    def _with_ends(self, points: FloatArray) -> FloatArray:
        """Points of shape (n_names, n_modes, n) in one row per name, with staying and leaving."""
        flat = points.reshape(len(points), -1)
        return np.column_stack([flat, self.stay, self.leave])

    def around(self, weights: FloatArray, steps: FloatArray, region: Region) -> FloatArray:
        """Allowed weights near the given ones, rising along a name, within a region.

        Parameters
        ----------
        weights : ndarray of shape (n_names, n_modes)
        steps : ndarray of shape (n_steps,)
            Whole numbers of units from the unit below.
        region : Region

        Returns
        -------
        ndarray of shape (n_names, n_points)
            Some appear more than once.
        """
        below = np.floor((weights - self.origin[:, None]) / self.unit[:, None] + _EDGE)
        empty = self.first > self.last
        first, last = np.where(empty, 0.0, self.first), np.where(empty, 0.0, self.last)
        units = below[:, :, None] + steps
        units = np.minimum(np.maximum(units, first[:, :, None]), last[:, :, None])
        points = self.origin[:, None, None] + units * self.unit[:, None, None]
        points = np.where(empty[:, :, None], np.nan, points)
        flat = np.clip(self._with_ends(points), region.low[:, None], region.high[:, None])
        flat = np.where(np.isnan(flat), region.low[:, None], flat)
        return np.sort(flat, axis=1)

    def split(self, name: int, weight: float, region: Region) -> tuple[float, float] | None:
        """The allowed weights next to a weight of one name, below or at it and above it.

        None if all that the region allows is on one side.
        """
        every = np.full_like(self.first, weight)
        points = self.around(every, np.array([-1.0, 0.0, 1.0, 2.0]), region)[name]
        below, above = points[points <= weight], points[points > weight]
        if not len(below) or not len(above):
            return None
        return float(below.max()), float(above.min())

    def candidates(
        self, relaxation: Relaxation, gamma: float, prices: FloatArray, region: Region
    ) -> FloatArray:
        """Allowed weights near the best of every mode at these prices, and the ends of the modes."""
        best = relaxation.bounds(gamma, prices, relaxation.modes.open)[1]
        near = self.around(best, _WINDOW, region)
        far = self.around(np.full_like(best, np.inf), np.zeros(1), region)
        low = self.around(np.full_like(best, -np.inf), np.zeros(1), region)
        return np.sort(np.column_stack([near, far, low]), axis=1)

    def bound(self, relaxation: Relaxation, gamma: float, prices: FloatArray, region: Region) -> float:
        """What any plan on the lattice within a region costs at least, whatever the prices are."""
        p, m = relaxation.problem, relaxation.modes
        best = relaxation.bounds(gamma, prices, m.open)[1]
        points = self.around(best, np.array([0.0, 1.0]), region)
        slope, start = m.priced(relaxation.tally_prices(prices))
        cost = ways.cost_at(m.low, m.high, slope, start, points)
        cost = np.where(m.open[:, :, None], cost, np.inf).min(axis=1)
        away = points - p.target[:, None]
        cost += (gamma * p.specific)[:, None] * away * away
        cost += (relaxation.columns @ prices)[:, None] * points
        return float(cost.min(axis=1).sum()) + relaxation.constant(gamma, prices)

    def allows(self, weights: FloatArray) -> BoolArray:
        """Which names stand on their lattice."""
        units = (weights - self.origin) / self.unit
        near = np.abs(units - np.round(units)) <= 1e-6
        k = np.round(units)[:, None]
        inside = ((k >= self.first) & (k <= self.last)).any(axis=1) & near
        stays = np.abs(weights - np.nan_to_num(self.stay, nan=np.inf)) <= 1e-12
        leaves = np.abs(weights - np.nan_to_num(self.leave, nan=np.inf)) <= 1e-12
        return inside | stays | leaves
