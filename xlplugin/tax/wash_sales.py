"""Wash sales: one loss and one replacement lot, share by share.

26 USC 1091 and Treas. Reg. 1.1091-1, 1.1091-2: a loss is not deductible as far as substantially
identical shares are bought from 30 days before to 30 days after the sale (61 days, both ends
inside). The earliest loss meets the earliest purchase first, each share replaces once, and the
loss moves into the cost and the holding period of the shares that replace (1091(d), 1223(3)).
Bought in a retirement account it is gone for ever (Rev. Rul. 2008-5).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, LossAdjustment, TaxLot
from xlplugin.tax.regime import Reason
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    from fractions import Fraction

    from xlplugin.core.accounts import Account

__all__ = ["LITERAL", "NETTED", "Match", "OpenLoss", "WashPolicy", "match", "window"]

RULE = "26 USC 1091"
NETTED, LITERAL = "netted", "literal"


@dataclass(frozen=True, slots=True)
class WashPolicy:
    """Two readings that no authority settles.

    `same_sale`: shares sold by the same order as the loss do not replace it (netted), or do in
    their turn (literal); the total deductible loss is the same once everything is sold.
    Shares sold before the loss do not replace it (no authority; it keeps a loss from moving back
    into a sale that is done). `days` replaces the days before and after of the dated table.
    """

    same_sale: str = NETTED
    days: int | None = None

    def window(self, sale_date: dt.date) -> tuple[dt.date, dt.date]:
        """First and last trade date of purchases that replace shares sold on `sale_date`."""
        if self.days is None:
            return window(sale_date)
        return _days_around(sale_date, self.days, self.days)


@dataclass(frozen=True, slots=True)
class OpenLoss:
    """The part of a loss that no purchase has replaced so far; `loss` is positive.

    Purchases from `first` to `last`, both inclusive, can replace it.
    """

    disposal_id: str
    part: int
    household_id: str
    instrument_id: str
    group: str
    order_id: str
    sale_date: dt.date
    held_from: dt.date
    quantity: Fraction
    loss: Fraction
    first: dt.date
    last: dt.date

    def can_meet(self, lot: TaxLot) -> bool:
        """Whether `lot` of the same household and group replaces these shares."""
        return lot.can_replace and lot.order_id != self.order_id and self.first <= lot.acquired <= self.last


@lru_cache(maxsize=4096)
def window(sale_date: dt.date) -> tuple[dt.date, dt.date]:
    """First and last trade date of purchases that replace shares sold at a loss on `sale_date`.

    Examples
    --------
    >>> import datetime as dt
    >>> window(dt.date(2026, 12, 1))
    (datetime.date(2026, 11, 1), datetime.date(2026, 12, 31))
    """
    rule = table("us.taxable.wash_sale").at(sale_date)
    return _days_around(sale_date, rule.count("days_before"), rule.count("days_after"))


def _days_around(day: dt.date, before: int, after: int) -> tuple[dt.date, dt.date]:
    """The days before and after, as far as the calendar goes."""
    return (
        day - dt.timedelta(days=min(before, (day - dt.date.min).days)),
        day + dt.timedelta(days=min(after, (dt.date.max - day).days)),
    )


class Match(NamedTuple):
    """What one loss and one lot come to: the loss still open, the lot in its parts, the adjustment."""

    left: OpenLoss | None
    lots: tuple[TaxLot, ...]
    adjustment: LossAdjustment


def match(loss: OpenLoss, lot: TaxLot, account: Account, on: dt.date) -> Match:
    """Replace the shares of `loss` by those of `lot` as far as both reach.

    Parameters
    ----------
    loss : OpenLoss
        What is still open of a loss.
    lot : TaxLot
        A purchase in its window; one that is larger than the loss is split in two lots.
    account : Account
        Where `lot` is held. In a retirement account the loss gets no cost and no holding period.
    on : datetime.date
        The later of sale and purchase: the day on which the match became known.

    Examples
    --------
    IRS Publication 550: bought at 1,000, sold at 750, bought back at 800.

    >>> from fractions import Fraction as F
    >>> from xlplugin.core.accounts import AccountKind, Account
    >>> from xlplugin.core.lots import TaxLot
    >>> import datetime as dt
    >>> sold, bought = dt.date(2026, 3, 2), dt.date(2026, 3, 10)
    >>> loss = OpenLoss("S", 0, "", "XYZ", "XYZ", "A", sold, dt.date(2026, 2, 2), F(100), F(250),
    ...     *window(sold))
    >>> lot = TaxLot("R", bought, F(100), F(800), bought)
    >>> done = match(loss, lot, Account("U", AccountKind.US_TAXABLE), bought)
    >>> int(done.lots[0].cost), done.lots[0].held_from
    (1050, datetime.date(2026, 2, 10))
    """
    quantity = min(loss.quantity, lot.quantity)
    disallowed = loss.loss if quantity == loss.quantity else loss.loss * quantity / loss.quantity
    retirement = account.kind.is_retirement
    deferred = ZERO if retirement else disallowed
    shares, rest = lot.split(quantity)
    held = loss.sale_date - loss.held_from
    washed = TaxLot(
        shares.id,
        shares.acquired,
        shares.quantity,
        shares.cost + deferred if deferred else shares.cost,
        lot.held_from if retirement else lot.held_from - held,
        shares.seq,
        shares.order_id,
        shares.wash_added + deferred if shares.wash_added else deferred,
        False,
        shares.gift_value,
        shares.always_long,
    )
    left = None
    if quantity < loss.quantity:
        left = replace(loss, quantity=loss.quantity - quantity, loss=loss.loss - disallowed)
    adjustment = LossAdjustment(
        disposal_id=loss.disposal_id,
        part=loss.part,
        quantity=quantity,
        disallowed=disallowed,
        deferred=deferred,
        lost_forever=disallowed - deferred,
        reason=Reason.WASH_IRA if retirement else Reason.WASH_TAXABLE,
        rule=RULE,
        on=on,
        to_lot_id=lot.id,
        to_account_id=account.id,
        new_cost=washed.cost,
        new_held_from=washed.held_from,
    )
    return Match(left, (washed,) if rest is None else (washed, rest), adjustment)
