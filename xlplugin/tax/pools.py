"""One average cost per pool and security: the arithmetic of the two Japanese regimes.

A pool is a quantity with one TOTAL cost, both exact. An individual's sale uses the cost per share
rounded up to a yen and leaves that rounded unit times the shares left (総平均法に準ずる方法: 所得税法施行令
118条, 措置法通達37の10・37の11共-14). A company's averages are not rounded (法人税法施行令119条の2).
Corporate actions keep, add to or divide the TOTAL cost (所得税法施行令110条 to 114条).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction  # noqa: TC003  (the examples use it)
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, exact
from xlplugin.errors import DomainError, LedgerError
from xlplugin.tax.rounding import as_decimal, at_stage

if TYPE_CHECKING:
    import datetime as dt

__all__ = [
    "EMPTY",
    "CapitalReturned",
    "Pool",
    "Sold",
    "average_unit",
    "broker_difference",
    "buy_rounding_up",
    "return_capital",
    "sell",
    "sell_rounding_up",
    "spin_off",
    "split",
    "subscribe",
]


@dataclass(frozen=True, slots=True)
class Pool:
    """Shares and their TOTAL cost in yen."""

    quantity: Fraction
    cost: Fraction

    def bought(self, quantity: Fraction, cost: Fraction) -> Pool:
        """The pool with a purchase more."""
        return Pool(self.quantity + quantity, self.cost + cost)


EMPTY = Pool(ZERO, ZERO)


class Sold(NamedTuple):
    """A sale: cost per share used, cost of the shares sold, what is left, and the rounding.

    ``cost + pool.cost = cost before + rounding_diff``.
    """

    unit: Fraction
    cost: Fraction
    pool: Pool
    rounding_diff: Fraction = ZERO


def average_unit(pool: Pool, day: dt.date) -> Fraction:
    """Cost per share as an individual's sale on `day` would use it: up to a whole yen.

    Examples
    --------
    >>> import datetime as dt
    >>> average_unit(Pool(Fraction(7000), Fraction(5_700_000)), dt.date(2025, 9, 1))
    Fraction(815, 1)
    """
    return exact(at_stage("unit_cost", pool.cost / pool.quantity, day))


def sell_rounding_up(pool: Pool, quantity: Fraction, day: dt.date) -> Sold:
    """Sell from an individual's pool on settlement day `day`.

    Parameters
    ----------
    pool : Pool
        With every purchase of the day already in it.
    quantity : Fraction
        Shares sold.
    day : datetime.date
        Settlement day; it chooses the rounding rule.

    Raises
    ------
    LedgerError
        If more is sold than is held.

    Notes
    -----
    Later sales of the same day find a whole-yen unit and so use the same one.

    Examples
    --------
    国税庁タックスアンサー No.1466, first sale:

    >>> import datetime as dt
    >>> pool = Pool(Fraction(7000), Fraction(5000 * 800 + 2000 * 850))
    >>> sold = sell_rounding_up(pool, Fraction(3000), dt.date(2025, 9, 3))
    >>> int(sold.unit), int(sold.cost), int(sold.pool.cost)
    (815, 2445000, 3260000)
    """
    _check_enough(pool, quantity)
    unit = average_unit(pool, day)
    left = pool.quantity - quantity
    cost = unit * quantity
    return Sold(unit, cost, Pool(left, unit * left), unit * pool.quantity - pool.cost)


def sell(pool: Pool, quantity: Fraction) -> Sold:
    """Sell from a pool at its exact average (a company's 移動平均法; also what moves without a sale).

    Raises
    ------
    LedgerError
        If more is sold than is held.

    Examples
    --------
    >>> sold = sell(Pool(Fraction(160), Fraction(15_200)), Fraction(30))
    >>> int(sold.unit), int(sold.cost), int(sold.pool.cost)
    (95, 2850, 12350)
    """
    _check_enough(pool, quantity)
    unit = pool.cost / pool.quantity
    cost = unit * quantity
    return Sold(unit, cost, Pool(pool.quantity - quantity, pool.cost - cost))


def buy_rounding_up(pool: Pool, quantity: Fraction, cost: Fraction, day: dt.date) -> Pool:
    """A purchase as some brokers book it: the average goes up to a yen at every purchase.

    Practice, not law; it explains up to a yen per share against `sell_rounding_up`.
    """
    after = pool.bought(quantity, cost)
    return Pool(after.quantity, average_unit(after, day) * after.quantity)


def broker_difference(pool: Pool, broker_unit: Fraction, day: dt.date) -> Fraction:
    """The broker's cost per share less ours on `day`; the broker's yearly report prevails.

    Examples
    --------
    >>> import datetime as dt
    >>> int(broker_difference(Pool(Fraction(3), Fraction(300)), Fraction(101), dt.date(2026, 5, 1)))
    1
    """
    return broker_unit - average_unit(pool, day)


def split(pool: Pool, ratio: Fraction) -> Pool:
    """`ratio` new shares for one old share; the TOTAL cost stays (所得税法施行令110条).

    Examples
    --------
    >>> split(Pool(Fraction(100), Fraction(100_000)), Fraction(2))
    Pool(quantity=Fraction(200, 1), cost=Fraction(100000, 1))
    """
    return Pool(pool.quantity * ratio, pool.cost)


def subscribe(pool: Pool, ratio: Fraction, price: Fraction) -> Pool:
    """`ratio` new shares per old share, each paid with `price` (所得税法施行令111条); 0 is a free allotment.

    Examples
    --------
    >>> subscribe(Pool(Fraction(100), Fraction(100_000)), Fraction(1, 2), Fraction(600))
    Pool(quantity=Fraction(150, 1), cost=Fraction(130000, 1))
    """
    new = pool.quantity * ratio
    return pool.bought(new, new * price)


class CapitalReturned(NamedTuple):
    """A return of capital: a deemed sale of part of the cost, and the pool that is left."""

    proceeds: Fraction
    cost: Fraction
    pool: Pool

    @property
    def gain(self) -> Fraction:
        """Result of the deemed sale."""
        return self.proceeds - self.cost


def return_capital(pool: Pool, cash: Fraction, dividend: Fraction, reduction: Fraction) -> CapitalReturned:
    """Return of capital surplus (資本剰余金の払戻し, 所得税法施行令114条).

    Parameters
    ----------
    pool : Pool
        Before the return.
    cash, dividend : Fraction
        TOTAL received, and the part of it that is a deemed dividend (taxed as one, not here).
    reduction : Fraction
        純資産減少割合 notified by the company, 0 to 1: the share of the cost deemed sold.

    Raises
    ------
    DomainError
        If `reduction` is outside 0 to 1 or the dividend exceeds the cash.

    Examples
    --------
    >>> done = return_capital(
    ...     Pool(Fraction(100), Fraction(140_000)), Fraction(5000), Fraction(1985), Fraction(17, 1000))
    >>> int(done.gain), int(done.pool.cost)
    (635, 137620)
    """
    if not 0 <= reduction <= 1:
        raise DomainError(f"reduction {as_decimal(reduction)}: the share of net assets paid out is 0 to 1")
    if not 0 <= dividend <= cash:
        raise DomainError(
            f"deemed dividend {as_decimal(dividend)}: it is part of the cash {as_decimal(cash)} received"
        )
    sold = pool.cost * reduction
    return CapitalReturned(cash - dividend, sold, Pool(pool.quantity, pool.cost - sold))


def spin_off(pool: Pool, cost_share: Fraction, ratio: Fraction) -> tuple[Pool, Pool]:
    """Parent and child after a qualified spin-off (株式分配, 所得税法施行令113条の2).

    Parameters
    ----------
    pool : Pool
        Of the parent, before.
    cost_share : Fraction
        Notified share of the cost that moves to the child, 0 to 1.
    ratio : Fraction
        Child shares per parent share.

    Examples
    --------
    >>> parent, child = spin_off(Pool(Fraction(100), Fraction(100_000)), Fraction(3, 10), Fraction(1))
    >>> int(parent.cost), int(child.cost), int(child.quantity)
    (70000, 30000, 100)
    """
    if not 0 <= cost_share <= 1:
        raise DomainError(
            f"cost share {as_decimal(cost_share)}: the part that moves to the new shares is 0 to 1"
        )
    moved = pool.cost * cost_share
    return Pool(pool.quantity, pool.cost - moved), Pool(pool.quantity * ratio, moved)


def _check_enough(pool: Pool, quantity: Fraction) -> None:
    if quantity <= 0:
        raise LedgerError(f"quantity {as_decimal(quantity)}: expected more than zero")
    if quantity > pool.quantity:
        raise LedgerError(f"{as_decimal(quantity)} shares are sold but {as_decimal(pool.quantity)} are held")
