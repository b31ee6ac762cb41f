"""Index futures over cash: how many contracts. Methodology 4.5.

Check margin and daily cash, that the account allows derivatives, and the tax bucket: results of
futures do not net with gains on shares in Japan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from xlplugin.errors import EmptyBaseError, WordError

__all__ = ["ROUNDINGS", "FuturesOverlay", "fair_price", "futures_overlay"]

ROUNDINGS = ("NEAREST", "DOWN", "NONE")


@dataclass(frozen=True)
class FuturesOverlay:
    """Contracts, their notional and what they leave over; negative for a sale."""

    contracts: float
    notional: float
    residual: float


def futures_overlay(
    amount: float, futures_price: float, multiplier: float, beta: float = 1.0, rounding: str = "NEAREST"
) -> FuturesOverlay:
    """Contracts that give `amount` the market exposure of `beta`.

    Parameters
    ----------
    amount : float
        Money to equitise; negative to reduce exposure.
    futures_price : float
        In points.
    multiplier : float
        Money per point: TOPIX 10,000, mini 1,000; Nikkei 225 1,000, mini 100, micro 10.
    beta : float
        Exposure wanted per unit of money.
    rounding : {"NEAREST", "DOWN", "NONE"}
        Halves away from zero; towards zero; not at all.

    Returns
    -------
    FuturesOverlay
        residual = amount x beta - notional.

    Raises
    ------
    EmptyBaseError
        If the price or the multiplier is zero.
    WordError
        If `rounding` is unknown.

    Examples
    --------
    >>> futures_overlay(50_000_000, 2700, 10_000)
    FuturesOverlay(contracts=2.0, notional=54000000.0, residual=-4000000.0)
    """
    if futures_price == 0.0 or multiplier == 0.0:
        raise EmptyBaseError("futures_price and multiplier must not be zero: one contract has no value")
    exact = amount * beta / (futures_price * multiplier)
    if rounding == "NEAREST":
        contracts = math.copysign(math.floor(abs(exact) + 0.5), exact)
    elif rounding == "DOWN":
        contracts = float(math.trunc(exact))
    elif rounding == "NONE":
        contracts = exact
    else:
        raise WordError("rounding", got=rounding, choices=ROUNDINGS)
    contracts += 0.0  # no minus zero
    notional = contracts * futures_price * multiplier
    return FuturesOverlay(contracts, notional, amount * beta - notional)


def fair_price(index: float, rate: float, dividend_yield: float, days: float) -> float:
    """Fair futures price, index x (1 + (rate - yield) x days / 365).

    Examples
    --------
    >>> round(fair_price(2700, 0.005, 0.02, 73), 2)
    2691.9
    """
    return index * (1.0 + (rate - dividend_yield) * days / 365.0)
