"""From what is held and what is wanted to a list of orders in whole trading units. Methodology 4.4, 6.8."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length
from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["Order", "Wanted", "drifted", "list_orders"]


@dataclass(frozen=True)
class Wanted:
    """One name: held now, wanted, and how it trades.

    `problems` are reason codes of a row that cannot be computed; `lot` is the trading unit in shares,
    `adv` the average value traded per day, None where it is not known.
    """

    account: str
    code: str
    name: str
    held: float
    wanted: float
    price: float
    lot: float
    adv: float | None = None
    restricted: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """One line of the list; `rank` is None and `side` is HOLD where nothing is traded."""

    of: Wanted
    side: str
    quantity: float
    amount: float
    lots: float
    days: float | None
    status: str
    reasons: tuple[str, ...]
    rank: int | None = None


def list_orders(
    positions: Sequence[Wanted],
    *,
    min_trade: float = 0.0,
    band: float = 0.0,
    participation: float = 0.1,
) -> list[Order]:
    """Sells, then buys, each by amount, then what is held, in input order.

    Parameters
    ----------
    positions : sequence of Wanted
        One per name and account.
    min_trade : float
        Smaller orders are not placed.
    band : float
        A change of weight smaller than this is not traded; weights by the value held now, or by the
        value wanted where nothing is held.
    participation : float
        Largest share of the average daily value.

    Returns
    -------
    list of Order
        Quantities are rounded to the unit towards no trade (LOT_ROUNDED); a full exit sells odd shares
        too. An order above one day of participation is kept and marked LARGE_ORDER.

    Raises
    ------
    DomainError
        If the participation is not above zero, or the minimum or the band is negative.
    """
    if participation <= 0.0:
        raise DomainError(f"participation: {participation:g} is not above zero")
    for name, value in (("min_trade", min_trade), ("band", band)):
        if value < 0.0:
            raise DomainError(f"{name}: {value:g} is negative")
    sound = [one for one in positions if not one.problems]
    total = exact_sum(one.held * one.price for one in sound)
    total = total or exact_sum(one.wanted * one.price for one in sound)
    orders = [
        _order(one, min_trade=min_trade, band=band, participation=participation, total=total)
        for one in positions
    ]
    traded = [order for order in orders if order.side in ("SELL", "BUY")]
    traded.sort(key=lambda order: (order.side != "SELL", -order.amount))
    ranked = [replace(order, rank=rank) for rank, order in enumerate(traded, start=1)]
    return [*ranked, *(order for order in orders if order.side not in ("SELL", "BUY"))]


def _order(one: Wanted, *, min_trade: float, band: float, participation: float, total: float) -> Order:
    if one.problems:
        return _held(one, "UNKNOWN", one.problems)
    change = one.wanted - one.held
    side = "BUY" if change > 0.0 else "SELL"
    if change == 0.0:
        return _held(one, "HOLD", ())
    if one.restricted:
        return _held(one, "HOLD", ("RESTRICTED",))
    is_exit = one.wanted == 0.0
    quantity = abs(change) if is_exit else math.floor(abs(change) / one.lot + 1e-9) * one.lot
    reasons = ["LOT_ROUNDED"] if abs(abs(change) - quantity) > 1e-9 else []
    amount = quantity * one.price
    if quantity == 0.0:
        return _held(one, "HOLD", reasons)
    if amount < min_trade:
        return _held(one, "HOLD", ["BELOW_MIN_TRADE"])
    if total > 0.0 and amount / total < band:
        return _held(one, "HOLD", ["WITHIN_BAND"])
    days = amount / (one.adv * participation) if one.adv else None
    if days is not None and days > 1.0:
        reasons.append("LARGE_ORDER")
    return Order(one, side, quantity, amount, quantity / one.lot, days, "OK", tuple(sorted(reasons)))


def _held(one: Wanted, status: str, reasons: Sequence[str]) -> Order:
    return Order(one, "HOLD", 0.0, 0.0, 0.0, None, status, tuple(sorted(reasons)))


def drifted(weights: FloatArray, returns: FloatArray) -> FloatArray:
    """Weights after the returns of a period: w (1 + r) scaled to the sum of the weights given.

    Parameters
    ----------
    weights, returns : ndarray of shape (n,)
        As fractions. What the weights leave out of one stays outside.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ShapeError, DomainError
        If the lengths differ; if nothing is left after the returns.

    Examples
    --------
    >>> drifted(np.array([0.5, 0.5]), np.array([0.1, 0.0])).round(5).tolist()
    [0.52381, 0.47619]
    """
    same_length(weights=weights, returns=returns)
    grown = weights * (1.0 + returns)
    total = exact_sum(grown)
    if total <= 0.0:
        raise DomainError(f"the holdings are worth {total:g} after these returns; nothing is left to weigh")
    return np.asarray(grown * (exact_sum(weights) / total))
