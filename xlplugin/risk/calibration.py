"""Is the risk model honest: realised over forecast active risk, out of sample.

Figures of one plan: the forecast of the model it was optimised with, and what the plan did since.
The median of realised over forecast, over many plans, is the multiplier for the next forecast.
Tax-aware-rebalancing 8.3; methodology 5 (bias test every quarter).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length
from xlplugin.errors import DomainError, EmptyBaseError, MissingError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = [
    "ASSUMED_MULTIPLIER",
    "ENOUGH_PERIODS",
    "Calibration",
    "calibrate",
    "planning_multiplier",
    "realised_risk",
]

ASSUMED_MULTIPLIER = 1.2  # until enough plans have been seen; methodology 4.7 and 5
ENOUGH_PERIODS = 20


def realised_risk(
    weights: FloatArray, index_weights: FloatArray, returns: FloatArray, periods_per_year: float = 252.0
) -> float:
    """Active risk per year of two portfolios that are bought once and held.

    Parameters
    ----------
    weights, index_weights : ndarray of shape (n_securities,)
        At the start; both drift with the returns.
    returns : ndarray of shape (n_periods, n_securities)
        After the start.
    periods_per_year : float
        Periods per year.

    Returns
    -------
    float

    Raises
    ------
    ShapeError, MissingError
        If the shapes do not fit; with fewer than two periods.

    Examples
    --------
    >>> realised_risk(np.array([0.5, 0.5]), np.array([0.5, 0.5]), np.array([[0.01, 0.02], [0.0, 0.01]]))
    0.0
    """
    n = same_length(portfolio=weights, benchmark=index_weights)
    if returns.ndim != 2 or returns.shape[1] != n:
        raise ShapeError("returns", got=returns.shape, expected=(returns.shape[0], n))
    if returns.shape[0] < 2:
        raise MissingError("returns: a realised risk needs at least two periods")
    growth = np.vstack([np.ones(n), np.cumprod(1.0 + returns, axis=0)])

    def held(start: FloatArray) -> FloatArray:
        value = growth @ start
        return np.asarray(value[1:] / value[:-1] - 1.0)

    active = held(weights) - held(index_weights)
    mean = exact_sum(active) / active.size
    return math.sqrt(exact_sum((active - mean) ** 2) / (active.size - 1) * periods_per_year)


@dataclass(frozen=True)
class Calibration:
    """Realised over forecast risk over many plans: above 1 the model understates."""

    median: float
    lower_quartile: float
    upper_quartile: float
    plans: int

    @property
    def is_within_target(self) -> bool:
        """Whether the median lies in the target of the default model, 0.90 to 1.15."""
        return 0.90 <= self.median <= 1.15


def calibrate(realised: Sequence[float], forecast: Sequence[float]) -> Calibration:
    """Median and quartiles of realised over forecast risk.

    Parameters
    ----------
    realised, forecast : sequence of float
        Per plan, per year.

    Returns
    -------
    Calibration

    Raises
    ------
    MissingError, ShapeError
        Without a plan; if the lengths differ.
    EmptyBaseError
        If a forecast is zero.

    Examples
    --------
    >>> calibrate([0.011, 0.020, 0.009], [0.010, 0.020, 0.010]).median
    1.0
    """
    ratios = _ratios(realised, forecast)
    if not ratios.size:
        raise MissingError("no plan was given; a calibration needs at least one")
    low, middle, high = (float(q) for q in np.quantile(ratios, (0.25, 0.5, 0.75)))
    return Calibration(middle, low, high, ratios.size)


def planning_multiplier(realised: Sequence[float], forecast: Sequence[float]) -> tuple[float, bool]:
    """The factor on a forecast for planning, and whether it is measured.

    Parameters
    ----------
    realised, forecast : sequence of float
        Of plans over periods that do not overlap.

    Returns
    -------
    (float, bool)
        The median of realised over forecast with at least 20 plans; until then 1.2, not measured: show
        the remark "assumed" beside it.

    Examples
    --------
    >>> planning_multiplier([0.011] * 5, [0.010] * 5)
    (1.2, False)
    """
    ratios = _ratios(realised, forecast)
    if ratios.size < ENOUGH_PERIODS:
        return ASSUMED_MULTIPLIER, False
    return float(np.median(ratios)), True


def _ratios(realised: Sequence[float], forecast: Sequence[float]) -> FloatArray:
    done, said = np.asarray(realised, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    same_length(realised=done, forecast=said)
    if np.any(said == 0.0):
        raise EmptyBaseError("forecast: a forecast of zero cannot be judged")
    if np.any(said < 0.0) or np.any(done < 0.0):
        raise DomainError("realised and forecast: a risk is negative")
    return np.asarray(done / said)
