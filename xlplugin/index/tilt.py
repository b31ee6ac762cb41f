"""Tilts: exclusions, scores, factor multipliers, carbon intensity and exposures.

A missing score is NaN and stays missing in its row; it is never a weight of zero. Standard
deviations divide by n. Source: methodology 2.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InfeasibleError, InputError, MissingError, ShapeError
from xlplugin.index.arrays import (
    check_amounts,
    exact_sum,
    filled,
    group_sums,
    normalised,
    same_length,
    sector_numbers,
)
from xlplugin.index.capping import cap_weights
from xlplugin.index.least_risk import least_tracking_risk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = [
    "CLIP",
    "Scores",
    "carbon_intensity",
    "exclude",
    "exposures_of",
    "momentum",
    "multiplier",
    "quality",
    "strength_for",
    "tilted_weights",
    "value",
    "zscores",
]

CLIP = 3.0
"""Scores are clipped at plus and minus this unless another number is given."""


# -- exclusions ----------------------------------------------------------------------------------


def exclude(
    weights: FloatArray,
    out: BoolArray,
    mode: str = "PRORATA",
    group: Sequence[str] | None = None,
    covariance: FloatArray | None = None,
) -> FloatArray:
    """Take names out of an index and put their weight somewhere.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Index weights; normalised inside.
    out : ndarray of bool of shape (n,)
        Names to take out.
    mode : str
        PRORATA: the rest is scaled. SECTOR: a group's weight stays in the group; a group with no
        name left is spread over all others in proportion. OPTIMIZED: long-only weights of least
        tracking risk against the full index.
    group : sequence of str, optional
        Needed by SECTOR.
    covariance : ndarray of shape (n, n), optional
        Needed by OPTIMIZED.

    Returns
    -------
    ndarray of shape (n,)
        Fractions that sum to one; zero for what was taken out.

    Raises
    ------
    InfeasibleError
        If nothing with a weight is left.
    InputError
        If what the mode needs is missing.
    ShapeError
        If the arguments do not describe the same number of names.

    References
    ----------
    methodology 2.10 (T01).

    Examples
    --------
    >>> exclude(np.array([0.5, 0.3, 0.2]), np.array([True, False, False])).round(6).tolist()
    [0.0, 0.6, 0.4]
    """
    index = normalised("weights", weights)
    same_length(len(index), exclude=out, group=group)
    rest = np.where(out, 0.0, index)
    if not rest.sum() > 0.0:
        raise InfeasibleError("exclude: every name with a weight is taken out; keep at least one")
    if mode == "PRORATA":
        return rest / exact_sum(rest)
    if mode == "SECTOR":
        if group is None:
            raise InputError("group: SECTOR needs the sector of every name")
        number, _ = sector_numbers(group, len(index))
        before, left = group_sums(number, index), group_sums(number, rest)
        scale = np.divide(before, left, out=np.zeros_like(before), where=left > 0.0)
        refilled = rest * scale[number]
        return refilled / exact_sum(refilled)
    if covariance is None:
        raise InputError("covariance: OPTIMIZED needs the covariance of all names of the index")
    if covariance.shape != (len(index), len(index)):
        raise ShapeError("covariance", got=covariance.shape, expected=(len(index), len(index)))
    return least_tracking_risk(covariance, index, allowed=~out)


# -- scores --------------------------------------------------------------------------------------


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


# -- tilted weights ------------------------------------------------------------------------------


def tilted_weights(
    weights: FloatArray,
    score: FloatArray,
    strength: float = 1.0,
    group: Sequence[str] | None = None,
    cap: FloatArray | float | None = None,
) -> FloatArray:
    """Multiply weights by a power of a positive score.

    Parameters
    ----------
    weights, score : ndarray of shape (n,)
        Parent weights and positive multipliers.
    strength : float
        Power of the score; 0 leaves the parent.
    group : sequence of str, optional
        Keep the parent's total of each group (sector neutral).
    cap : float or ndarray of shape (n,), optional
        Then cap as `cap_weights` does; group totals may move by that.

    Raises
    ------
    DomainError
        If a score is not above zero.
    InfeasibleError
        If the caps cannot hold the index.

    References
    ----------
    methodology 2.10 (T03, T09).

    Examples
    --------
    >>> tilted_weights(np.array([0.5, 0.5]), np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    parent = normalised("weights", weights)
    same_length(len(parent), score=score, group=group)
    if not (score > 0.0).all():
        row = int(np.flatnonzero(~(score > 0.0))[0]) + 1
        raise DomainError(
            f"score: row {row} is {score[row - 1]:g}; a multiplier is above zero (see TILT_MULTIPLIER)"
        )
    tilted = parent * score**strength
    if group is not None:
        number, _ = sector_numbers(group, len(parent))
        before, after = group_sums(number, parent), group_sums(number, tilted)
        tilted = tilted * np.divide(before, after, out=np.zeros_like(before), where=after > 0.0)[number]
    tilted = normalised("weights x score", tilted)
    return tilted if cap is None else cap_weights(tilted, cap)


def strength_for(
    weights: FloatArray,
    score: FloatArray,
    exposure: FloatArray,
    target: float,
    group: Sequence[str] | None = None,
) -> float:
    """The strength at which a tilt reaches a target exposure.

    Parameters
    ----------
    weights, score, group
        As for `tilted_weights`.
    exposure : ndarray of shape (n,)
        What is averaged with the tilted weights.
    target : float
        The exposure wanted.

    Returns
    -------
    float
        Between −16 and 16.

    Raises
    ------
    InfeasibleError
        If no strength in that range reaches the target, with the range that can be reached.

    References
    ----------
    methodology 2.10: "p can be solved for a target exposure".

    Examples
    --------
    >>> w, s, x = np.array([0.5, 0.5]), np.array([3.0, 1.0]), np.array([1.0, 0.0])
    >>> round(strength_for(w, s, x, 0.75), 9)
    1.0
    """

    def reached(strength: float) -> float:
        return exact_sum(tilted_weights(weights, score, strength, group) * exposure)

    low, high = -16.0, 16.0
    at_low, at_high = reached(low), reached(high)
    if not min(at_low, at_high) <= target <= max(at_low, at_high):
        raise InfeasibleError(
            f"target: {target:g} is out of reach; this score gives {at_low:.6g} to {at_high:.6g}"
        )
    rising = at_high >= at_low
    for _ in range(200):
        middle = (low + high) / 2.0
        if (reached(middle) < target) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


# -- measures ------------------------------------------------------------------------------------


def carbon_intensity(weights: FloatArray, intensity: FloatArray) -> float:
    """Weighted average carbon intensity (WACI) of the names that are covered.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Fractions.
    intensity : ndarray of shape (n,)
        Emissions per money of sales; NaN where not covered.

    Raises
    ------
    MissingError
        If nothing with a weight is covered.

    References
    ----------
    methodology 2.10 (T06).

    Examples
    --------
    >>> carbon_intensity(np.array([0.5, 0.25, 0.25]), np.array([100.0, 40.0, np.nan]))
    80.0
    """
    same_length(len(weights), intensity=intensity)
    covered = ~np.isnan(intensity)
    weight = exact_sum(weights[covered])
    if weight == 0.0:
        raise MissingError("intensity: no name with a weight is covered; enter at least one intensity")
    return exact_sum(weights[covered] * intensity[covered]) / weight


def exposures_of(weights: FloatArray, exposures: FloatArray) -> FloatArray:
    """Exposure of a portfolio to each column: X'w.

    Raises
    ------
    ShapeError
        If there is not one row of exposures per weight.

    References
    ----------
    methodology 2.10, 5 (T07).
    """
    if exposures.shape[0] != len(weights):
        raise ShapeError("exposures", got=exposures.shape, expected=(len(weights), exposures.shape[1]))
    return np.array([exact_sum(weights * exposures[:, k]) for k in range(exposures.shape[1])])
