"""Liquidity tests: turnover ratios and days to trade. Source: methodology 2.5, 2.6, 2.11."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InputError
from xlplugin.index.arrays import aligned, exact_sum, filled, same_length

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["annual_turnover", "annual_value_ratio", "days_to_trade", "float_value_ratio"]


def annual_turnover(median_value: FloatArray, days: FloatArray, float_cap: FloatArray | float) -> float:
    """Traded value of a year over float capitalisation, from monthly medians.

    Parameters
    ----------
    median_value : ndarray of shape (months,)
        Median of the daily traded value, in money.
    days : ndarray of shape (months,)
        Trading days of each month.
    float_cap : float or ndarray of shape (months,)
        Month-end float capitalisation.

    Returns
    -------
    float
        Σ median·days/float cap, a ratio per the months given. TOPIX: 0.20 to enter, 0.14 to stay.

    Raises
    ------
    ShapeError
        If the vectors are not of one length.
    EmptyBaseError
        If a float cap is zero.

    References
    ----------
    methodology 2.5, 2.11 (S11a).

    Examples
    --------
    >>> annual_turnover(np.array([100.0, 200.0]), np.array([20.0, 20.0]), 8_000.0)
    0.75
    """
    return exact_sum(_monthly(median_value, days, float_cap))


def annual_value_ratio(median_value: FloatArray, days: FloatArray, float_cap: FloatArray | float) -> float:
    """MSCI's annualised traded value ratio (ATVR): 12 times the mean of the monthly ratios.

    Raises
    ------
    ShapeError, EmptyBaseError
        As for `annual_turnover`.

    References
    ----------
    methodology 2.6 (S11c).
    """
    ratios = _monthly(median_value, days, float_cap)
    return 12.0 * exact_sum(ratios) / len(ratios)


def _monthly(median_value: FloatArray, days: FloatArray, float_cap: FloatArray | float) -> FloatArray:
    same_length(len(median_value), days=days)
    cap = filled("float_cap", float_cap, len(median_value), 1.0)
    if not len(cap) or (cap == 0.0).any():
        raise EmptyBaseError("float_cap: it is zero or empty; give the float capitalisation of each month")
    if (median_value < 0.0).any() or (days < 0.0).any() or (cap < 0.0).any():
        raise DomainError("value, days, float_cap: expected zero or more")
    return median_value * days / cap


def float_value_ratio(value: FloatArray | float, float_cap: FloatArray | float) -> float:
    """S&P's float-adjusted liquidity ratio: annual traded value over float cap (at least 0.75).

    Parameters
    ----------
    value : float or ndarray
        Traded value; a vector of parts of the year is summed.
    float_cap : float or ndarray of shape (1,)
        Float capitalisation.

    Raises
    ------
    InputError
        If more than one float cap is given.
    EmptyBaseError
        If the float cap is zero.

    References
    ----------
    methodology 2.11 (S11b).
    """
    cap = np.atleast_1d(np.asarray(float_cap, dtype=float))
    if cap.shape != (1,):
        raise InputError("float_cap: FALR takes one float capitalisation; use ATVR for monthly ones")
    if cap[0] == 0.0:
        raise EmptyBaseError("float_cap: it is zero; give the float capitalisation")
    return exact_sum(np.atleast_1d(np.asarray(value, dtype=float))) / float(cap[0])


def days_to_trade(
    amount: FloatArray | float, adv: FloatArray | float, participation: float = 0.1
) -> FloatArray:
    """Days needed to trade an amount at a share of the daily volume.

    Parameters
    ----------
    amount, adv : float or ndarray of shape (n,)
        Money to trade, and average daily traded value.
    participation : float
        Share of the volume that one's own orders may be.

    Raises
    ------
    EmptyBaseError
        If adv or participation is zero.
    DomainError
        If one is negative.

    References
    ----------
    methodology 2.11 (S12).

    Examples
    --------
    >>> float(days_to_trade(30e6, 100e6))
    3.0
    """
    money, volume = aligned(amount=amount, adv=adv)
    daily = volume * participation
    if (daily == 0.0).any():
        raise EmptyBaseError("adv x participation: it is zero in a row; nothing can be traded there")
    if (daily < 0.0).any():
        raise DomainError("adv, participation: expected numbers above zero")
    return np.asarray(money / daily)
