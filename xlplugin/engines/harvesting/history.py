"""Harvesting in the past: how often names fell, and what selling every fall would have brought.

Losses taper by construction: every harvest lowers the cost, so the next one needs a new fall.
Methodology 3.7 (statistics) and 6.7 (simulation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError, InputError, ShapeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["Falls", "HarvestYear", "SimulationSettings", "fall_statistics", "simulate_harvests"]

_RELATIVE = 1e-12  # a fall of exactly the threshold counts although a quotient is rounded


class Falls(NamedTuple):
    """Names that ended lower, and names that were at some time far below their peak."""

    names_down: int
    share_down: float
    names_deep: int
    share_deep: float


def fall_statistics(returns: FloatArray, threshold: float = -0.15) -> Falls:
    """Count the names that fell over the whole time and at any time.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        Returns per period, as fractions, time down.
    threshold : float
        Drawdown, negative: -0.15 is 15 % below the highest value before, the start included.

    Raises
    ------
    DomainError
        If the threshold is not below zero or a return is below -1.

    Examples
    --------
    >>> fall_statistics(np.array([[0.1, -0.2], [-0.05, 0.1]]))
    Falls(names_down=1, share_down=0.5, names_deep=1, share_deep=0.5)
    """
    if not threshold < 0:
        raise DomainError(f"threshold: {threshold:g} is not below zero; write a drawdown such as -0.15")
    if np.any(returns < -1.0):
        raise DomainError("returns: a return is below -1; write fractions, -0.05 for a fall of 5 %")
    values = np.vstack([np.ones(returns.shape[1]), np.cumprod(1.0 + returns, axis=0)])
    peaks = np.maximum.accumulate(values, axis=0)
    down = int(np.count_nonzero(values[-1] < 1.0))
    lowest = (values / peaks - 1.0).min(axis=0)
    deep = int(np.count_nonzero(lowest <= threshold * (1.0 - _RELATIVE)))
    names = returns.shape[1]
    return Falls(down, down / names, deep, deep / names)


@dataclass(frozen=True)
class SimulationSettings:
    """`amount` is the start value; rates are fractions; `cost_rate` is paid on each of two trades."""

    tax_rate: float
    amount: float = 1.0
    threshold: float = 0.05
    cost_rate: float = 0.0
    wait: int = 0


@dataclass(frozen=True)
class HarvestYear:
    """One calendar year, or all of them (`year` None); money in the unit of the amount."""

    year: int | None
    start_value: float
    harvested: float
    tax_value: float
    trading_cost: float
    names: int
    end_value: float
    unrealised_gain: float

    @property
    def harvested_ratio(self) -> float:
        """Losses harvested as a fraction of the value at the start."""
        return self.harvested / self.start_value


def simulate_harvests(
    prices: FloatArray, dates: Sequence[dt.date], weights: FloatArray, settings: SimulationSettings
) -> list[HarvestYear]:
    """Buy and hold, and sell and put back every name that has fallen by the threshold.

    Parameters
    ----------
    prices : ndarray of shape (n_dates, n_securities)
        Total-return prices, time down.
    dates : sequence of datetime.date
        Ascending.
    weights : ndarray of shape (n_securities,)
        Start weights, fractions that sum to one.

    Returns
    -------
    list of HarvestYear
        Every calendar year of the rows after the first, then all of them together. A name that was
        harvested waits `wait` rows. Costs are counted, not taken out of the holdings.

    Raises
    ------
    ShapeError, InputError
        If lengths differ, there are fewer than two rows, or the dates do not ascend.
    DomainError
        If a price is not positive or the weights are negative or do not sum to one.
    """
    _check(prices, dates, weights)
    quantity = settings.amount * weights / prices[0]
    unit = prices[0].copy()
    ready = np.zeros(prices.shape[1], dtype=np.int64)  # the first row on which a name may be harvested
    values = prices @ quantity
    years: list[HarvestYear] = []
    losses: list[float] = []
    costs: list[float] = []
    names: set[int] = set()
    all_names: set[int] = set()
    start = float(values[0])
    for row in range(1, len(dates)):
        limit = unit * (1.0 - settings.threshold) * (1.0 + _RELATIVE)
        hit = np.flatnonzero((prices[row] <= limit) & (ready <= row) & (prices[row] < unit) & (quantity > 0))
        losses += ((unit[hit] - prices[row, hit]) * quantity[hit]).tolist()
        costs += (2.0 * settings.cost_rate * prices[row, hit] * quantity[hit]).tolist()
        names.update(hit.tolist())
        unit[hit] = prices[row, hit]
        ready[hit] = row + settings.wait + 1
        if row == len(dates) - 1 or dates[row + 1].year != dates[row].year:
            end = float(values[row])
            gain = math.fsum(((prices[row] - unit) * quantity).tolist())
            lost = math.fsum(losses)
            years.append(
                HarvestYear(
                    dates[row].year,
                    start,
                    lost,
                    lost * settings.tax_rate,
                    math.fsum(costs),
                    len(names),
                    end,
                    gain,
                )
            )
            all_names |= names
            start, losses, costs, names = end, [], [], set()
    total = HarvestYear(
        None,
        float(values[0]),
        math.fsum(y.harvested for y in years),
        math.fsum(y.tax_value for y in years),
        math.fsum(y.trading_cost for y in years),
        len(all_names),
        years[-1].end_value,
        years[-1].unrealised_gain,
    )
    return [*years, total]


def _check(prices: FloatArray, dates: Sequence[dt.date], weights: FloatArray) -> None:
    rows, n = prices.shape
    if len(dates) != rows:
        raise ShapeError("dates", got=(len(dates),), expected=(rows,))
    if weights.shape != (n,):
        raise ShapeError("weights", got=weights.shape, expected=(n,))
    if rows < 2:
        raise InputError(f"prices: {rows} row; a simulation needs at least two")
    if any(later <= earlier for earlier, later in pairwise(dates)):
        raise InputError("dates: they do not ascend; sort the rows by date, each once")
    if np.any(prices <= 0):
        raise DomainError("prices: a price is zero or negative")
    total = math.fsum(weights.tolist())
    if np.any(weights < 0) or abs(total - 1.0) > 1e-9:
        raise DomainError(f"weights: they sum to {total:.10g} or one is negative; start weights sum to 1")
