"""A person under two bodies of tax law: one event log, seen through the other one's eyes.

A US citizen who lives in Japan files in both countries. The accounts stay what they are in Japan; for
the United States every one of them, NISA included, is a taxable account, and amounts are in dollars
at the rate of the trade date. Funds under the PFIC rules are out of scope. Specification 5, 8.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.trades import ONE, Dividend, Fill
from xlplugin.errors import LedgerError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.trades import Event

__all__ = ["as_us_taxable", "in_dollars"]


def as_us_taxable(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """The accounts as the United States sees them: what is no US account is a taxable one."""
    return tuple(
        replace(account, kind=AccountKind.US_TAXABLE) if account.kind.is_japanese else account
        for account in accounts
    )


def in_dollars(events: Iterable[Event], rate: Callable[[dt.date], Fraction]) -> tuple[Event, ...]:
    """The events with yen turned into dollars.

    Parameters
    ----------
    events : iterable of Event
        Fills and dividends in yen (no currency, or JPY), in dollars, or in another currency with an
        `fx` into yen; splits and other events that carry no money.
    rate : callable
        Dollars per yen on a trade date; it raises where it knows none.

    Raises
    ------
    LedgerError
        For another event that carries money in yen: enter it in dollars for this replay.
    """
    return tuple(_in_dollars(event, rate) for event in events)


def _in_dollars(event: Event, rate: Callable[[dt.date], Fraction]) -> Event:
    if isinstance(event, (Fill, Dividend)):
        if event.currency == "USD":
            return replace(event, fx=ONE)
        return replace(event, currency="USD", fx=event.fx * rate(event.trade_date))
    money = ("value", "cash", "price", "cost", "added_cost", "dividend")
    if any(getattr(event, name, None) for name in money):
        raise LedgerError(f"{event.row}: it carries an amount in yen; enter it in dollars for the US ledger")
    return event
