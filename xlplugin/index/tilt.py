"""Tilts: exclusions, weights tilted by a score, carbon intensity and exposures.

Source: methodology 2.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, InfeasibleError, InputError, MissingError, ShapeError
from xlplugin.index.arrays import (
    exact_sum,
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
    "carbon_intensity",
    "exclude",
    "exposures_of",
    "strength_for",
    "tilted_weights",
]

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
