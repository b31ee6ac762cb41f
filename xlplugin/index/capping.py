"""Capping: the weights nearest to the parent that respect single, tier and group limits.

"Nearest" is least relative entropy Σ x·ln(x/w), the measure under which scaling leaves ratios
alone. Every limit here leads to x = min(cap, λ·w) with one λ per budget; the λ are found exactly,
by Newton's method on a piecewise linear function. Limits bind issuers; share lines of one issuer
share its weight in proportion. A large issuer is *strictly* above the threshold.

Source: methodology 2.7 (UCITS Art. 52-53, IRC 851(b)(3), S&P Select Sector, MSCI and FTSE rules).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InfeasibleError, InputError
from xlplugin.index.arrays import (
    exact_sum,
    filled,
    group_numbers,
    group_sums,
    normalised,
    same_length,
    sector_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.aliases import FloatArray, IntArray

__all__ = [
    "TOLERANCE",
    "CapTest",
    "cap_factors",
    "cap_groups",
    "cap_test",
    "cap_tiers",
    "cap_weights",
    "relative_entropy",
]

TOLERANCE = 1e-9
"""Weights that differ by less are equal when a limit is tested."""

_ROUNDING = 1e-12


def cap_weights(
    weights: FloatArray, cap: FloatArray | float, group: Sequence[str] | None = None
) -> FloatArray:
    """Cap every issuer and spread the excess over the others in proportion to the parent.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Parent weights; normalised inside.
    cap : float or ndarray of shape (n,)
        Largest weight, as a fraction.
    group : sequence of str, optional
        Issuer of each row. The cap binds the issuer; its lines are split in proportion.

    Returns
    -------
    ndarray of shape (n,)
        min(cap, λ·w), summing to one.

    Raises
    ------
    InfeasibleError
        If the caps of the names with a weight sum to less than one.
    InputError
        If the lines of one issuer have different caps.

    Notes
    -----
    Freezing what exceeds its cap and scaling the rest, again and again, ends at the same weights.

    References
    ----------
    methodology 2.7, "Iterative proportional capping".

    Examples
    --------
    >>> cap_weights(np.array([0.6, 0.3, 0.1]), 0.5).round(4).tolist()
    [0.5, 0.375, 0.125]
    """
    parent = normalised("weights", weights)
    issuers, number = _issuers(parent, group)
    caps = _issuer_caps(filled("cap", cap, len(parent), 1.0), number, len(issuers))
    return _to_lines(_fill(issuers, caps, 1.0), issuers, number, parent)


def cap_tiers(
    weights: FloatArray,
    single: float,
    threshold: float,
    aggregate: float,
    *,
    group: Sequence[str] | None = None,
    target: float | None = None,
    low: float | None = None,
    trigger: float | None = None,
) -> FloatArray:
    """Cap single issuers and the sum of the large ones (5/10/40 and its relatives).

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Parent weights; normalised inside.
    single : float
        Largest weight of one issuer.
    threshold : float
        An issuer strictly above it is large.
    aggregate : float
        Largest sum of the large issuers.
    group : sequence of str, optional
        Issuer of each row.
    target : float, optional
        Selects the S&P Select Sector mechanism: what the large issuers are scaled to when their
        sum exceeds `aggregate`.
    low : float, optional
        Largest weight of an issuer that is not large; `threshold` if left out.
    trigger : float, optional
        With `target`: issuers are capped at `single` only if one of them exceeds this; `single`
        if left out.

    Returns
    -------
    ndarray of shape (n,)
        Fractions that sum to one.

    Raises
    ------
    InfeasibleError
        If no weights respect the limits, with the nearest aggregate that would do.

    Notes
    -----
    Without `target` the k largest issuers may reach `single` and sum to `aggregate`, the others
    `low`. For every k this is a convex problem with an exact solution; the k of least relative
    entropy is kept, ties to the smaller. It is order preserving, and feasible whenever any weights
    are. The choice of k is a judgement of the methodology; no provider prints one.

    References
    ----------
    methodology 2.7, "Two tiers".
    """
    parent = normalised("weights", weights)
    for name, value in (("single", single), ("threshold", threshold), ("aggregate", aggregate)):
        _check_fraction(name, value)
    low = min(threshold if low is None else low, single)
    if low > threshold:
        raise DomainError(
            f"low: {low:g} is above the threshold {threshold:g}; an issuer at it would be large"
        )
    issuers, number = _issuers(parent, group)
    if target is None:
        if trigger is not None:
            raise InputError("trigger: it belongs to the Select Sector mechanism; give target as well")
        capped = _best_tier(issuers, single, threshold, aggregate, low)
    else:
        start = single if trigger is None else trigger
        capped = _select_sector(issuers, single, threshold, aggregate, target, low, start)
    return _to_lines(capped, issuers, number, parent)


def cap_groups(
    weights: FloatArray,
    group: Sequence[str],
    group_cap: Mapping[str, float] | float,
    cap: FloatArray | float = 1.0,
) -> FloatArray:
    """Cap groups (sectors, countries) and names together.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Parent weights; normalised inside.
    group : sequence of str
        Group of each row.
    group_cap : mapping of str to float, or float
        Largest sum of each group; a group that is not named has no cap. One number caps them all.
    cap : float or ndarray of shape (n,)
        Largest weight of one name.

    Returns
    -------
    ndarray of shape (n,)
        The weights of least relative entropy to the parent within all caps, summing to one.

    Raises
    ------
    InfeasibleError
        If the caps leave less than one, with what they leave.

    References
    ----------
    methodology 2.7, "Groups". Cyclic scaling with Dykstra's corrections ends at the same weights.
    """
    parent = normalised("weights", weights)
    caps = filled("cap", cap, len(parent), 1.0)
    number, names = sector_numbers(group, len(parent))
    if isinstance(group_cap, (int, float)):
        limits = np.full(len(names), float(group_cap))
    else:
        if group_cap and not set(group_cap) & set(names):
            raise InputError(
                f"group_cap: no row belongs to {', '.join(list(group_cap)[:5])}; "
                f"the groups are {', '.join(names[:5])}"
            )
        limits = np.array([float(group_cap.get(name, 1.0)) for name in names])
    if caps.min() < 0.0 or limits.min() < 0.0 or np.isnan(caps).any() or np.isnan(limits).any():
        raise DomainError("cap: a cap is negative or missing; expected fractions of the index")
    room = np.minimum(limits, group_sums(number, np.where(parent > 0.0, np.minimum(caps, 1.0), 0.0)))
    left = exact_sum(room)
    if left < 1.0 - _ROUNDING:
        raise InfeasibleError(
            f"cap: names and groups together can hold {left:.6g} of the index, less than one; raise a cap"
        )
    level = _water_level(parent, caps, number, limits)
    capped = np.minimum(caps, level * parent)
    for place in np.flatnonzero(group_sums(number, capped) > limits):
        rows = number == place
        capped[rows] = _fill(parent[rows], caps[rows], limits[place])
    return capped / exact_sum(capped)


def cap_factors(parent: FloatArray, capped: FloatArray) -> FloatArray:
    """Capping factors: capped over parent weight, the largest of them brought to one.

    Raises
    ------
    ShapeError
        If the two are not of one length.
    EmptyBaseError
        If a parent weight is zero.

    References
    ----------
    methodology 2.7 (C07).

    Examples
    --------
    >>> cap_factors(np.array([0.6, 0.4]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6667, 1.0]
    """
    same_length(len(parent), capped=capped)
    if not len(parent) or (parent == 0.0).any():
        row = int(np.flatnonzero(parent == 0.0)[0]) + 1 if len(parent) else 1
        raise EmptyBaseError(f"parent: row {row} is zero; a name without parent weight has no factor")
    ratio = capped / parent
    largest = float(ratio.max())
    if not largest > 0.0:
        raise DomainError("capped: no weight is above zero; give the capped weights")
    return ratio / largest


class CapTest(NamedTuple):
    """One line of a test of capped weights; `limit` is None where there is none."""

    rule: str
    limit: float | None
    actual: float
    passed: bool


def cap_test(
    weights: FloatArray,
    single: float,
    threshold: float,
    aggregate: float,
    group: Sequence[str] | None = None,
) -> list[CapTest]:
    """Test weights against the two-tier limits; differences below 1e-9 pass.

    Returns
    -------
    list of CapTest
        SUM, SINGLE (largest issuer), AGGREGATE (sum of large issuers), COUNT_ABOVE (their number).

    References
    ----------
    methodology 2.7 (C02b).
    """
    number = group_numbers(group, len(weights))
    issuers = group_sums(number, weights)
    large = issuers[issuers > threshold + TOLERANCE]
    total, largest, sum_of_large = exact_sum(weights), float(issuers.max()), exact_sum(large)
    return [
        CapTest("SUM", 1.0, total, abs(total - 1.0) <= TOLERANCE),
        CapTest("SINGLE", single, largest, largest <= single + TOLERANCE),
        CapTest("AGGREGATE", aggregate, sum_of_large, sum_of_large <= aggregate + TOLERANCE),
        CapTest("COUNT_ABOVE", None, float(len(large)), passed=True),
    ]


def relative_entropy(weights: FloatArray, parent: FloatArray) -> float:
    """Σ x·ln(x/w): zero for the parent itself; a weight of zero adds nothing.

    Examples
    --------
    >>> relative_entropy(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    0.0
    """
    held = weights > 0.0
    return exact_sum(weights[held] * np.log(weights[held] / parent[held]))


# -- issuers and lines ---------------------------------------------------------------------------


def _issuers(parent: FloatArray, group: Sequence[str] | None) -> tuple[FloatArray, IntArray]:
    number = group_numbers(group, len(parent))
    return group_sums(number, parent), number


def _issuer_caps(caps: FloatArray, number: IntArray, count: int) -> FloatArray:
    result = np.full(count, np.nan)
    result[number[::-1]] = caps[::-1]  # the first line of an issuer counts
    if (result[number] != caps).any():
        row = int(np.flatnonzero(result[number] != caps)[0]) + 1
        raise InputError(f"cap: row {row} and another line of its issuer have different caps; give one")
    return result


def _to_lines(capped: FloatArray, issuers: FloatArray, number: IntArray, parent: FloatArray) -> FloatArray:
    scale = np.divide(capped, issuers, out=np.zeros_like(capped), where=issuers > 0.0)
    lines = scale[number] * parent
    return lines / exact_sum(lines)


def _check_fraction(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise DomainError(f"{name}: {value:g} is not a fraction of the index; expected 0 to 1")


# -- water filling -------------------------------------------------------------------------------


def _fill(parent: FloatArray, caps: FloatArray, budget: float) -> FloatArray:
    """min(cap, λ·w) with the sum `budget`."""
    caps = np.minimum(caps, budget)
    if (caps < 0.0).any() or np.isnan(caps).any():
        raise DomainError("cap: a cap is negative or missing; expected fractions of the index")
    room = exact_sum(caps[parent > 0.0])
    if room < budget * (1.0 - _ROUNDING):
        raise InfeasibleError(
            f"cap: the caps of all names sum to {room:.6g}, less than {budget:.6g}; raise a cap or add names"
        )
    if room <= budget * (1.0 + _ROUNDING):
        return np.where(parent > 0.0, caps, 0.0)
    level = budget / exact_sum(parent)
    while True:
        free = level * parent < caps
        if not free.any():
            return caps
        better = (budget - exact_sum(caps[~free & (parent > 0.0)])) / exact_sum(parent[free])
        if not better > level:
            return np.minimum(caps, level * parent)
        level = better


def _water_level(parent: FloatArray, caps: FloatArray, number: IntArray, limits: FloatArray) -> float:
    """The λ at which Σ over groups of min(limit, Σ min(cap, λ·w)) is one.

    The sum is concave in λ, so Newton's method from the left climbs to the root in finitely many
    steps, one linear piece after another.
    """
    level = 1.0
    while True:
        amount = np.minimum(caps, level * parent)
        sums = group_sums(number, amount)
        shortfall = 1.0 - exact_sum(np.minimum(sums, limits))
        slope = exact_sum(parent[(level * parent < caps) & (sums < limits)[number]])
        if shortfall <= 0.0 or slope <= 0.0:
            return level
        better = level + shortfall / slope
        if not better > level:
            return level
        level = better


# -- tiers ---------------------------------------------------------------------------------------


def _best_tier(
    issuers: FloatArray, single: float, threshold: float, aggregate: float, low: float
) -> FloatArray:
    order = np.argsort(-issuers, kind="stable")
    parent = issuers[order]
    count = int((parent > 0.0).sum())
    # An issuer among the large ones with no more than `low` could be among the others instead, so
    # more than aggregate/low large issuers never give less entropy.
    most = count if low <= 0.0 else min(count, int(aggregate / low) + 1)
    best: tuple[float, FloatArray] | None = None
    for large in range(most + 1):
        tier = _tier(parent, large, single, aggregate, low)
        if tier is None:
            continue
        entropy = relative_entropy(tier, parent)
        if best is None or entropy < best[0] - _ROUNDING:
            best = (entropy, tier)
    if best is None:
        raise InfeasibleError(
            f"aggregate: {count} issuers cannot hold {single:g} each and {aggregate:g} together above "
            f"{threshold:g}, {low:g} otherwise; {_nearest_aggregate(count, single, low)}"
        )
    result = np.empty_like(parent)
    result[order] = best[1]
    return result


def _tier(parent: FloatArray, large: int, single: float, aggregate: float, low: float) -> FloatArray | None:
    """The weights of least entropy when the first `large` may exceed `low`; None if there are none."""
    held = parent > 0.0
    caps = np.where(np.arange(len(parent)) < large, single, low)
    if exact_sum(np.minimum(caps, 1.0)[held]) < 1.0 - _ROUNDING:
        return None
    capped = _fill(parent, caps, 1.0)
    if exact_sum(capped[:large]) <= aggregate + _ROUNDING:
        return capped
    rest = 1.0 - aggregate
    if exact_sum(np.minimum(caps[large:], rest)[held[large:]]) < rest * (1.0 - _ROUNDING):
        return None
    return np.concatenate(
        [_fill(parent[:large], caps[:large], aggregate), _fill(parent[large:], caps[large:], rest)]
    )


def _nearest_aggregate(count: int, single: float, low: float) -> str:
    for large in range(count + 1):
        needed = 1.0 - (count - large) * low
        if needed <= large * single + _ROUNDING:
            return f"the smallest aggregate that can hold is {max(needed, 0.0):.6g}"
    return f"raise single above {1.0 / max(count, 1):.6g} or add issuers"


def _select_sector(
    issuers: FloatArray,
    single: float,
    threshold: float,
    aggregate: float,
    target: float,
    low: float,
    trigger: float,
) -> FloatArray:
    """S&P Select Sector (since 2024-09-23): cap, then scale the large ones, then fill the rest."""
    capped = issuers
    if capped.max() > trigger + _ROUNDING:
        capped = _fill(issuers, np.full(len(issuers), single), 1.0)
    large = capped > threshold + _ROUNDING
    sum_of_large = exact_sum(capped[large])
    if sum_of_large <= aggregate + _ROUNDING:
        return capped
    result = np.array(capped)
    result[large] *= target / sum_of_large
    rest = ~large
    try:
        result[rest] = _fill(capped[rest], np.full(int(rest.sum()), low), 1.0 - target)
    except InfeasibleError:
        raise InfeasibleError(
            f"target: {int(rest.sum())} issuers of at most {low:g} cannot take the {1.0 - target:.6g} that "
            f"is left beside {target:g}; the largest low tier they can hold is {int(rest.sum()) * low:.6g}"
        ) from None
    return result
