"""Scores: standardised measures, multipliers, and the momentum, quality and value scores.

A missing score is NaN and stays missing in its row; it is never a weight of zero. Standard
deviations divide by n. Source: methodology 2.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, MissingError, ShapeError
from xlplugin.index.arrays import (
    check_amounts,
    exact_sum,
    filled,
    normalised,
    same_length,
    sector_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["CLIP", "Scores", "momentum", "multiplier", "quality", "value", "zscores"]

CLIP = 3.0
"""Scores are clipped at plus and minus this unless another number is given."""


class Scores(NamedTuple):
    """Scores per row; NaN where there is none, and `flat` where that is for lack of spread."""

    values: FloatArray
    flat: BoolArray


def zscores(
    metric: FloatArray,
    winsor: float = CLIP,
    group: Sequence[str] | None = None,
    weights: FloatArray | None = None,
) -> Scores:
    """Standardise a measure, over all names or inside each group.

    Parameters
    ----------
    metric : ndarray of shape (n,)
        Raw values; NaN where missing.
    winsor : float
        Scores are clipped once at plus and minus this.
    group : sequence of str, optional
        Standardise inside each group.
    weights : ndarray of shape (n,), optional
        Weights of the mean, for example of the index; the deviation stays about the simple mean.

    Returns
    -------
    Scores
        Rows of a group without spread have no score and are flat.

    Raises
    ------
    EmptyBaseError
        If there is no spread anywhere.
    ShapeError, DomainError
        If lengths differ, or `winsor` is not above zero.

    References
    ----------
    methodology 2.10 (S08).

    Examples
    --------
    >>> zscores(np.array([1.0, 2.0, 3.0, 4.0, 10.0])).values.round(4).tolist()
    [-0.9487, -0.6325, -0.3162, 0.0, 1.8974]
    """
    count = len(metric)
    same_length(count, group=group, weights=weights)
    if not winsor > 0.0:
        raise DomainError(f"winsor: {winsor:g} was given; expected a number above zero")
    if weights is not None:
        check_amounts("weights", weights)
    there = ~np.isnan(metric)
    if not there.any():
        raise MissingError("metric: every value is missing; enter at least two")
    number = np.zeros(count, dtype=np.int64) if group is None else sector_numbers(group, count)[0]
    result, flat = np.full(count, np.nan), np.zeros(count, dtype=np.bool_)
    for place in range(int(number.max()) + 1):
        rows = there & (number == place)
        if not rows.any():
            continue
        score = _zscores_of(metric[rows], None if weights is None else weights[rows], winsor)
        if score is None:
            flat[rows] = True
        else:
            result[rows] = score
    if flat[there].all():
        raise EmptyBaseError("metric: all values are equal; a z-score needs spread")
    return Scores(result, flat)


def _zscores_of(values: FloatArray, weights: FloatArray | None, winsor: float) -> FloatArray | None:
    mean = exact_sum(values) / len(values)
    deviation = np.sqrt(exact_sum((values - mean) ** 2) / len(values))
    if deviation <= 1e-14 * np.abs(values).max():
        return None
    centre = mean
    if weights is not None:
        total = exact_sum(weights)
        if total == 0.0:
            raise EmptyBaseError("weights: they sum to zero for the names that have a value")
        centre = exact_sum(values * weights) / total
    return np.asarray(np.clip((values - centre) / deviation, -winsor, winsor))


def _scores_if_any(metric: FloatArray, group: Sequence[str] | None) -> Scores:
    """Scores of a measure; a measure that nobody has gives no score to anybody."""
    if np.isnan(metric).all():
        return Scores(np.full(len(metric), np.nan), np.zeros(len(metric), dtype=np.bool_))
    return zscores(metric, CLIP, group)


def _mean_of_available(columns: Sequence[Scores], weights: FloatArray) -> Scores:
    """The weighted mean of the scores that a row has; flat where all it lacks is spread."""
    values = np.column_stack([c.values for c in columns])
    there = ~np.isnan(values)
    total = there @ weights
    mean = np.divide(
        np.where(there, values, 0.0) @ weights, total, out=np.full(len(values), np.nan), where=total > 0.0
    )
    flat = np.isnan(mean) & np.any([c.flat for c in columns], axis=0)
    return Scores(mean, flat)


def multiplier(z: FloatArray) -> FloatArray:
    """A positive multiplier from a score: 1 + z above zero, else 1/(1 − z).

    References
    ----------
    methodology 2.10 (T02): the form of MSCI's momentum indices.

    Examples
    --------
    >>> multiplier(np.array([0.5, 0.0, -1.0])).tolist()
    [1.5, 1.0, 0.5]
    """
    return np.where(z > 0.0, 1.0 + z, 1.0 / (1.0 - np.minimum(z, 0.0)))


def momentum(prices: FloatArray, risk_free: float = 0.0, volatility: FloatArray | None = None) -> FloatArray:
    """Momentum z-scores from month-end closes.

    Parameters
    ----------
    prices : ndarray of shape (months, n)
        At least 14 month-end closes; the last row is the review month, which is skipped.
    risk_free : float
        Subtracted from both returns.
    volatility : ndarray of shape (n,), optional
        Standard deviation per year of three years of weekly returns; 1 if left out.

    Returns
    -------
    ndarray of shape (n,)
        Six- and twelve-month returns over volatility, each standardised; their mean,
        standardised again and clipped.

    Raises
    ------
    MissingError
        If there are fewer than 14 rows.
    EmptyBaseError
        If there is no spread, or a price or volatility to divide by is zero.

    References
    ----------
    methodology 2.10 (T04).
    """
    months, names = prices.shape
    if months < 14:
        raise MissingError(f"prices: {months} months were given; momentum needs 14 month-end closes")
    sigma = filled("volatility", volatility, names, 1.0)
    if (sigma <= 0.0).any() or (prices[-8] <= 0.0).any() or (prices[-14] <= 0.0).any():
        raise EmptyBaseError("prices, volatility: expected numbers above zero in every column")
    raw = [(prices[-2] / prices[-2 - lag] - 1.0 - risk_free) / sigma for lag in (6, 12)]
    six, twelve = (zscores(r, np.inf).values for r in raw)
    return zscores((six + twelve) / 2.0).values


def quality(
    roe: FloatArray, leverage: FloatArray, variability: FloatArray, group: Sequence[str] | None = None
) -> Scores:
    """Quality: the mean of what is there of z(ROE), −z(leverage), −z(earnings variability).

    Parameters
    ----------
    roe, leverage, variability : ndarray of shape (n,)
        NaN where missing.
    group : sequence of str, optional
        Standardise inside each sector.

    Raises
    ------
    ShapeError
        If the vectors are not of one length.
    EmptyBaseError
        If a measure has no spread at all.

    References
    ----------
    methodology 2.10 (T05).
    """
    same_length(len(roe), leverage=leverage, variability=variability)
    columns = [_scores_if_any(x, group) for x in (roe, -leverage, -variability)]
    return _mean_of_available(columns, np.ones(3))


def value(
    ratios: FloatArray, weights: FloatArray | None = None, group: Sequence[str] | None = None
) -> Scores:
    """Value: the mean of what is there of −z of price ratios.

    Parameters
    ----------
    ratios : ndarray of shape (n, k)
        P/B, forward P/E, EV/CFO and the like. A ratio not above zero is missing.
    weights : ndarray of shape (k,), optional
        Weights of the ratios; equal if left out.
    group : sequence of str, optional
        Standardise inside each sector.

    Raises
    ------
    ShapeError
        If the weights do not fit the columns.
    EmptyBaseError
        If a ratio has no spread at all.

    References
    ----------
    methodology 2.10 (T08).
    """
    measures = ratios.shape[1]
    mix = np.ones(measures) if weights is None else weights
    if mix.shape != (measures,):
        raise ShapeError("weights", got=mix.shape, expected=(measures,))
    normalised("weights", mix)
    usable = np.where(ratios > 0.0, ratios, np.nan)
    return _mean_of_available([_scores_if_any(-usable[:, k], group) for k in range(measures)], mix)
