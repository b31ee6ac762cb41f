"""What trading costs: spreads, prices against a benchmark price, price impact, a log of fills.

`side` is +1 for a purchase and -1 for a sale throughout; a cost is positive. Methodology 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import broadcast, exact_sum, same_length
from xlplugin.errors import DomainError, EmptyBaseError, InputError, WordError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = [
    "FillSummary",
    "effective_spread",
    "execution_cost",
    "impact_cost",
    "quoted_spread",
    "slippage",
    "summarise_fills",
    "vwap",
]


def execution_cost(
    spread: ArrayLike, trade_count: ArrayLike, impact: ArrayLike = 0.0, mode: str = "FULL"
) -> FloatArray:
    """Yearly cost of trading from the average spread and the number of trades.

    Parameters
    ----------
    spread : float or array_like of shape (n,)
        Average quoted spread, as a fraction of mid.
    trade_count : float or array_like of shape (n,)
        Round trips per year (FULL) or one-way trades per year (HALF).
    impact : float or array_like of shape (n,)
        Price impact per year, as a fraction.
    mode : {"FULL", "HALF"}
        A round trip pays the whole spread, a one-way trade half of it.

    Returns
    -------
    ndarray of shape () or (n,)
        Fraction per year.

    Raises
    ------
    DomainError
        If a value is negative.
    WordError
        If `mode` is unknown.

    References
    ----------
    Methodology 3.4, "Execution".

    Examples
    --------
    >>> round(float(execution_cost(0.001, 4, 0.0002)), 6)
    0.0042
    >>> round(float(execution_cost(0.001, 4, 0.0002, "HALF")), 6)
    0.0022
    """
    if mode not in ("FULL", "HALF"):
        raise WordError("mode", got=mode, choices=("FULL", "HALF"))
    spread, trade_count, impact = broadcast(spread=spread, trade_count=trade_count, impact=impact)
    _not_negative(spread=spread, trade_count=trade_count, impact=impact)
    per_trade = spread if mode == "FULL" else 0.5 * spread
    return np.asarray(per_trade * trade_count + impact)


def quoted_spread(bid: ArrayLike, ask: ArrayLike) -> FloatArray:
    """(ask - bid) / mid.

    Raises
    ------
    DomainError
        If an ask is below its bid.
    EmptyBaseError
        If a mid price is zero.

    Examples
    --------
    >>> round(float(quoted_spread(2499, 2501)), 6)
    0.0008
    """
    bid, ask = broadcast(bid=bid, ask=ask)
    if np.any(ask < bid):
        raise DomainError(
            f"ask: {_first(ask, ask < bid):g} is below the bid {_first(bid, ask < bid):g}; "
            "check whether the two are exchanged"
        )
    mid = (ask + bid) / 2.0
    _not_zero("mid price", mid)
    return np.asarray((ask - bid) / mid)


def effective_spread(side: ArrayLike, price: ArrayLike, mid: ArrayLike) -> FloatArray:
    """2 x side x (price - mid) / mid: the spread that a fill really paid.

    Parameters
    ----------
    side : float or array_like of shape (n,)
        +1 for a purchase, -1 for a sale.
    price, mid : float or array_like of shape (n,)
        Price of the fill and mid price at the order.

    Returns
    -------
    ndarray of shape () or (n,)
        Fraction of mid; negative if the fill was better than mid.

    Raises
    ------
    EmptyBaseError
        If a mid price is zero.
    InputError
        If a side is neither +1 nor -1.

    Examples
    --------
    >>> round(float(effective_spread(1, 2500.8, 2500)), 6)
    0.00064
    """
    side, price, mid = broadcast(side=side, price=price, mid=mid)
    _check_side(side)
    _not_zero("mid", mid)
    return np.asarray(2.0 * side * (price - mid) / mid)


def vwap(price: FloatArray, volume: FloatArray) -> float:
    """Volume-weighted average price of the fills.

    Raises
    ------
    EmptyBaseError
        If the volume is zero in sum.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> vwap(np.array([2500.0, 2502.0, 2505.0]), np.array([300.0, 500.0, 200.0]))
    2502.0
    """
    same_length(price=price, volume=volume)
    total = exact_sum(volume)
    if total == 0.0:
        raise EmptyBaseError("volume: the sum is zero; there is nothing to average")
    return exact_sum(price * volume) / total


def slippage(side: ArrayLike, price: ArrayLike, benchmark_price: ArrayLike) -> FloatArray:
    """Slippage, side x (price / benchmark price - 1): positive when the fill was worse.

    Parameters
    ----------
    side : float or array_like of shape (n,)
        +1 for a purchase, -1 for a sale.
    price : float or array_like of shape (n,)
        Average price of the fills.
    benchmark_price : float or array_like of shape (n,)
        Market VWAP, arrival price or close.

    Returns
    -------
    ndarray of shape () or (n,)

    Raises
    ------
    EmptyBaseError
        If a benchmark price is zero.
    InputError
        If a side is neither +1 nor -1.

    Examples
    --------
    >>> round(float(slippage(1, 2502, 2501)) * 1e4, 2)
    4.0
    """
    side, price, benchmark_price = broadcast(side=side, price=price, benchmark_price=benchmark_price)
    _check_side(side)
    _not_zero("benchmark_price", benchmark_price)
    return np.asarray(side * (price / benchmark_price - 1.0))


def impact_cost(
    amount: ArrayLike,
    adv: ArrayLike,
    volatility: ArrayLike,
    coefficient: float = 1.0,
    spread: ArrayLike = 0.0,
) -> FloatArray:
    r"""Half the spread and the square-root law of price impact, as a fraction of the order.

    Parameters
    ----------
    amount : float or array_like of shape (n,)
        Value of the order.
    adv : float or array_like of shape (n,)
        Average value traded per day, in the same currency.
    volatility : float or array_like of shape (n,)
        Standard deviation of the *daily* return.
    coefficient : float
        Y, about 0.5 to 1.
    spread : float or array_like of shape (n,)
        Quoted spread; half of it is paid.

    Returns
    -------
    ndarray of shape () or (n,)

    Raises
    ------
    DomainError
        If a value is negative.
    EmptyBaseError
        If an average daily value is zero.

    Notes
    -----
    :math:`\tfrac12 s + Y \sigma \sqrt{Q/V}`. Methodology 3.4: exponent 0.489 +- 0.071 over 2,299
    samples of Tokyo shares (Sato and Kanazawa); linear below about 0.1 % of the daily value, where
    this formula overstates the impact.

    Examples
    --------
    >>> round(float(impact_cost(1e6, 1e8, 0.02)), 6)
    0.002
    """
    amount, adv, volatility, spread = broadcast(amount=amount, adv=adv, volatility=volatility, spread=spread)
    _not_negative(
        amount=amount, adv=adv, volatility=volatility, spread=spread, coefficient=np.asarray(coefficient)
    )
    _not_zero("adv", adv)
    return np.asarray(0.5 * spread + coefficient * volatility * np.sqrt(amount / adv))


@dataclass(frozen=True)
class FillSummary:
    """The fills of one security taken together; spreads and slippage are fractions, positive = cost."""

    vwap_own: float
    vwap_market: float
    slippage: float
    effective_spread: float
    amount: float


def summarise_fills(
    side: FloatArray,
    quantity: FloatArray,
    price: FloatArray,
    market_vwap: FloatArray,
    mid: FloatArray | None = None,
) -> FillSummary:
    """The fills of one security: prices weighted by quantity, costs weighted by value.

    Parameters
    ----------
    side : ndarray of shape (n,)
        +1 for a purchase, -1 for a sale.
    quantity, price, market_vwap : ndarray of shape (n,)
        Units, price of the fill, VWAP of the market on that day.
    mid : ndarray of shape (n,), optional
        Mid price at the order; where it is left out or NaN, the market VWAP stands in for it.

    Returns
    -------
    FillSummary
        `slippage` and `effective_spread` weight every fill by quantity x benchmark price, so that
        slippage x amount is the money lost, whatever mixture of purchases and sales there was.

    Raises
    ------
    DomainError
        If a quantity or price is not above zero.
    InputError, ShapeError
        If a side is neither +1 nor -1; if the lengths differ.

    Examples
    --------
    >>> one = summarise_fills(np.ones(2), np.array([100.0, 300.0]), np.array([10.1, 10.0]), np.full(2, 10.0))
    >>> round(one.slippage, 6), round(one.vwap_own, 6)
    (0.0025, 10.025)
    """
    same_length(side=side, quantity=quantity, price=price, market_vwap=market_vwap)
    _check_side(side)
    for name, values in (("quantity", quantity), ("price", price), ("market VWAP", market_vwap)):
        if np.any(values <= 0.0):
            raise DomainError(f"{name}: {_first(values, values <= 0.0):g} is not above zero")
    reference = market_vwap if mid is None else np.where(np.isnan(mid), market_vwap, mid)
    against_market = exact_sum(side * (price - market_vwap) * quantity)
    against_mid = exact_sum(side * (price - reference) * quantity)
    return FillSummary(
        vwap_own=vwap(price, quantity),
        vwap_market=vwap(market_vwap, quantity),
        slippage=against_market / exact_sum(market_vwap * quantity),
        effective_spread=2.0 * against_mid / exact_sum(reference * quantity),
        amount=exact_sum(price * quantity),
    )


def _check_side(side: FloatArray) -> None:
    wrong = np.abs(side) != 1.0
    if np.any(wrong):
        raise InputError(f"side: {_first(side, wrong):g} is neither +1 (buy) nor -1 (sell)")


def _not_negative(**arrays: FloatArray) -> None:
    for name, array in arrays.items():
        if np.any(array < 0.0):
            raise DomainError(f"{name}: {_first(array, array < 0.0):g} is negative; a cost input is not")


def _not_zero(name: str, values: FloatArray) -> None:
    if np.any(values == 0.0):
        raise EmptyBaseError(f"{name}: zero; a price or volume to divide by is needed")


def _first(values: FloatArray, where: BoolArray | np.bool_) -> float:
    return float(np.atleast_1d(values)[np.atleast_1d(where)][0])
