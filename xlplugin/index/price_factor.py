"""Factors of a price-weighted index with par-value substitutes: the Nikkei 225.

The price factor (PAF, 株価換算係数) replaced the presumed par value on 2021-10-01; the cap ratio
(キャップ調整比率) limits a weight at the two reviews of a year. Source: methodology 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["cap_ratio", "entry_price_factor", "staged_price_factors"]


def entry_price_factor(
    price: FloatArray | float, total: float, limit: float = 0.01, step: float = 0.1
) -> FloatArray:
    """The price factor of an entrant.

    Parameters
    ----------
    price : float or ndarray of shape (n,)
        Price of the entrant.
    total : float
        Σ of the adopted prices of the index.
    limit : float
        Largest weight on entry.
    step : float
        Grid of the factor.

    Returns
    -------
    ndarray of shape () or (n,)
        1 if the weight stays within the limit, else the largest multiple of `step` that does, at
        least one step.

    Raises
    ------
    DomainError
        If price, total, limit or step is not above zero.

    References
    ----------
    methodology 2.2 item 2 (I12g).

    Examples
    --------
    >>> entry_price_factor(np.array([5000.0, 13000.0, 64000.0]), 1_200_000.0).tolist()
    [1.0, 0.9, 0.1]
    """
    prices = np.asarray(price, dtype=float)
    for name, value in (("price", prices), ("total", total), ("limit", limit), ("step", step)):
        if (np.asarray(value) <= 0.0).any():
            raise DomainError(f"{name}: expected a number above zero")
    most = np.round(limit * total / prices, 12)
    steps = np.maximum(np.floor(np.round(most / step, 9)), 1.0)
    return np.where(most >= 1.0, 1.0, np.round(steps * step, 10))


def cap_ratio(
    weight: float, ratio: float, cap: float = 0.10, step: float = 0.1, release: float | None = None
) -> float:
    """The cap ratio after a review.

    Parameters
    ----------
    weight : float
        Weight at the base date (end of January for April, end of July for October).
    ratio : float
        Ratio in force; 1 when the name is not capped.
    cap : float
        Weight above which the ratio falls by `step`.
    step : float
        Size of one step.
    release : float, optional
        Weight below which one step is given back. The guidebook's condition has not been read, so
        there is no default: without it a ratio never rises.

    Raises
    ------
    DomainError
        If the ratio would reach zero, or is not in 0 to 1.

    References
    ----------
    methodology 2.2 item 5 (I12e, I12f).

    Examples
    --------
    >>> cap_ratio(0.1045, 1.0), cap_ratio(0.08, 0.9), cap_ratio(0.04, 0.9, release=0.05)
    (0.9, 0.9, 1.0)
    """
    if not 0.0 < ratio <= 1.0:
        raise DomainError(f"ratio: {ratio:g} was given; expected above 0 and at most 1")
    if not (step > 0.0 and cap > 0.0):
        raise DomainError("cap, step: expected numbers above zero")
    if weight > cap:
        lower = round(ratio - step, 10)
        if lower <= 0.0:
            raise DomainError(f"ratio: {ratio:g} cannot fall by another {step:g}; it would be zero or less")
        return lower
    if release is not None and weight < release:
        return min(round(ratio + step, 10), 1.0)
    return ratio


def staged_price_factors(factor: float, stages: int = 2) -> list[float]:
    """The price factor after each stage of a staged entry (分割採用, since October 2023).

    Parameters
    ----------
    factor : float
        The full price factor.
    stages : int
        Number of reviews over which the name enters: half now, half at the next.

    Raises
    ------
    DomainError
        If the factor or the number of stages is not above zero.

    References
    ----------
    methodology 2.2 item 3.

    Examples
    --------
    >>> staged_price_factors(0.6)
    [0.3, 0.6]
    """
    if not factor > 0.0 or stages < 1:
        raise DomainError("factor, stages: expected a factor above zero and at least one stage")
    return [round(factor * (k + 1) / stages, 10) for k in range(stages)]
