"""Level, divisor, dividend points and contributions of an index.

The level is I = Σ P·Q·X / D. Q is whatever multiplies the price: shares·float·cap factor of a
capitalisation index, price factor·cap ratio of the Nikkei 225, one for the DJIA, shares·float·AWF
of a non-cap index. A change of the list or of Q moves D so that the level, at the same closing
prices, stays. Source: methodology 2.1-2.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError
from xlplugin.index.arrays import exact_sum, filled, same_length

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["adjusted_divisor", "contribution", "dividend_points", "index_level", "weight_factors"]


def _not_zero(divisor: float) -> float:
    if divisor == 0.0:
        raise EmptyBaseError("divisor: it is zero; give the divisor in force")
    return divisor


def index_level(
    price: FloatArray, quantity: FloatArray, divisor: float, fx: FloatArray | float = 1.0
) -> float:
    """The level of an index, in points.

    Parameters
    ----------
    price, quantity : ndarray of shape (n,)
        Price per share and what multiplies it.
    divisor : float
        The divisor in force.
    fx : float or ndarray of shape (n,)
        Index currency per currency of the price.

    Raises
    ------
    ShapeError
        If the vectors are not of one length.
    EmptyBaseError
        If the divisor is zero.

    References
    ----------
    methodology 2.1, 2.2; DJIA I05a.

    Examples
    --------
    >>> index_level(np.array([2000.0, 4500.0]), np.array([1.0, 2.0]), 11.0)
    1000.0
    """
    same_length(len(price), quantity=quantity)
    value = price * quantity * filled("fx", fx, len(price), 1.0)
    return exact_sum(value) / _not_zero(divisor)


def adjusted_divisor(divisor: float, before: FloatArray, after: FloatArray) -> float:
    """The divisor after a change: D·after/before, which keeps the level.

    Parameters
    ----------
    divisor : float
        The divisor in force.
    before, after : ndarray
        Market values before and after the change at the same closing prices; each is summed.

    Raises
    ------
    EmptyBaseError
        If `before` sums to zero.
    DomainError
        If the result would not be above zero.

    References
    ----------
    methodology 2.1: the same as D + (after − before)/I.

    Examples
    --------
    >>> adjusted_divisor(3.0, np.array([200.0, 250.0, 450.0]), np.array([250.0, 450.0, 500.0]))
    4.0
    """
    base, new = exact_sum(np.atleast_1d(before)), exact_sum(np.atleast_1d(after))
    if base == 0.0:
        raise EmptyBaseError("before: it sums to zero; give the market values before the change")
    result = divisor * new / base
    if not result > 0.0:
        raise DomainError(
            f"divisor: it would become {result:g}; the divisor and both market values must be above zero"
        )
    return result


def dividend_points(
    dividend: FloatArray, quantity: FloatArray, divisor: float, withholding: float = 0.0
) -> float:
    """Dividends going ex on one day, in index points: Σ d·Q·(1 − withholding)/D.

    Raises
    ------
    ShapeError, EmptyBaseError, DomainError
        As for `index_level`; a withholding rate outside zero to one.

    References
    ----------
    methodology 2.1, 2.12.

    Examples
    --------
    >>> dividend_points(np.array([0.0, 30.0]), np.array([1.0, 2.5]), 25.0)
    3.0
    """
    same_length(len(dividend), quantity=quantity)
    _check_rate(withholding)
    return exact_sum(dividend * quantity) * (1.0 - withholding) / _not_zero(divisor)


def _check_rate(withholding: float) -> None:
    if not 0.0 <= withholding <= 1.0:
        raise DomainError(f"withholding: {withholding:g} is not a rate; expected 0 to 1, such as 0.15315")


def contribution(
    price_from: FloatArray, price_to: FloatArray, quantity: FloatArray, divisor: float
) -> FloatArray:
    """What each name added to the change of the index, in points; the sum is the change.

    Raises
    ------
    ShapeError
        If the vectors are not of one length.
    EmptyBaseError
        If the divisor is zero.

    References
    ----------
    methodology 2.2 (I11: reported contributions of Advantest).

    Examples
    --------
    >>> contribution(np.array([100.0]), np.array([101.0]), np.array([1.0]), 0.25).tolist()
    [4.0]
    """
    same_length(len(price_from), price_to=price_to, quantity=quantity)
    return (price_to - price_from) * quantity / _not_zero(divisor)


def weight_factors(
    price: FloatArray, shares: FloatArray, free_float: FloatArray, weight: FloatArray, scale: float = 1.0
) -> FloatArray:
    """Additional weight factors (AWF): what turns float shares into target weights.

    Parameters
    ----------
    price, shares, free_float, weight : ndarray of shape (n,)
        At the reference date; `weight` is the target.
    scale : float
        Any positive constant Z.

    Returns
    -------
    ndarray of shape (n,)
        Z·w/(P·S·F), fixed until the next rebalance.

    Raises
    ------
    ShapeError
        If the vectors are not of one length.
    EmptyBaseError
        If P·S·F of a name is zero.

    References
    ----------
    methodology 2.4 (S&P index mathematics, non-market-cap indices).
    """
    same_length(len(price), shares=shares, free_float=free_float, weight=weight)
    if not scale > 0.0:
        raise DomainError(f"scale: {scale:g} was given; expected a number above zero")
    value = price * shares * free_float
    if (value == 0.0).any():
        row = int(np.flatnonzero(value == 0.0)[0]) + 1
        raise EmptyBaseError(f"price x shares x free_float: row {row} is zero; it cannot carry a weight")
    return scale * weight / value
