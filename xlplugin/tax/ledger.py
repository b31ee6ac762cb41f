"""The tax ledger: an event log played through one regime, day by day.

The log is the only source of truth; what comes out can be rebuilt at any time. Order inside a day
is `seq`, then `id`: the place of a row never matters. A refused row changes nothing: the error
names it as the user wrote it. A person under two regimes is two replays of one log.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, shown
from xlplugin.core.trades import Dividend, Fill, Gift, Split, Transfer
from xlplugin.errors import LedgerError
from xlplugin.tax.regime import Book

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from xlplugin.core.accounts import Account, Taxpayer
    from xlplugin.core.lots import LossAdjustment, Realization
    from xlplugin.core.trades import Event
    from xlplugin.tax.regime import Carry, Period, TaxRegime

__all__ = ["Ledger", "marginal_rate", "opening_book", "recognised", "replay"]


@dataclass(frozen=True)
class Ledger:
    """What a replay gives: the book at its end, every realization, every loss adjustment."""

    book: Book
    realizations: tuple[Realization, ...] = ()
    adjustments: tuple[LossAdjustment, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    regime: str = ""

    def adjustments_of(self, disposal_id: str) -> tuple[LossAdjustment, ...]:
        """The adjustments of one disposal, in the order they were found."""
        return self._by_disposal.get(disposal_id, ())

    _by_disposal: Mapping[str, tuple[LossAdjustment, ...]] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )


def opening_book(accounts: Iterable[Account], identity_groups: Mapping[str, str] | None = None) -> Book:
    """An empty book over `accounts`.

    Raises
    ------
    LedgerError
        If two accounts share an id.
    """
    by_id: dict[str, Account] = {}
    for account in accounts:
        if account.id in by_id:
            raise LedgerError(f"two accounts are called {account.id!r}; give each its own name")
        by_id[account.id] = account
    return Book(MappingProxyType(by_id), identity_groups=MappingProxyType(dict(identity_groups or {})))


def replay(regime: TaxRegime, events: Iterable[Event], book: Book, *, until: dt.date | None = None) -> Ledger:
    """Play events through `regime`, one day after the other.

    Parameters
    ----------
    regime : TaxRegime
        From `REGIMES`. Events of accounts that it does not tax are left out.
    events : iterable of Event
        In any order; ids are unique. Planned fills are left out.
    book : Book
        Where to start; it is not changed.
    until : datetime.date, optional
        Last day played, in the regime's own dates.

    Returns
    -------
    Ledger
        Playing a log in two pieces, the second from the book of the first, gives the same.

    Raises
    ------
    LedgerError
        For a row that cannot be: an unknown account, a quantity that is not positive, more sold than
        held, two currencies in one pool, an id used twice. Nothing is changed.
    """
    mine = [event for event in events if _concerns(event, regime, book)]
    _check(mine, regime, book)
    days = sorted(mine, key=lambda e: (regime.day_of(e), e.seq, e.id))
    realizations: list[Realization] = []
    adjustments: list[LossAdjustment] = []
    dividends: list[Dividend] = []
    with _collector_at_rest():
        for day, batch in groupby(days, key=regime.day_of):
            if until is not None and day > until:
                break
            today = list(batch)
            done = regime.apply_day(book, day, today)
            book = done.book
            realizations += done.realizations
            adjustments += done.adjustments
            dividends += [event for event in today if isinstance(event, Dividend)]
    by_disposal: dict[str, tuple[LossAdjustment, ...]] = {}
    for adjustment in adjustments:
        found = by_disposal.get(adjustment.disposal_id, ())
        by_disposal[adjustment.disposal_id] = (*found, adjustment)
    return Ledger(book, tuple(realizations), tuple(adjustments), tuple(dividends), regime.name, by_disposal)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No garbage collection in between: a replay makes many objects and no cycles, and runs twice as fast."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _accounts_of(event: Event) -> tuple[str, ...]:
    if isinstance(event, (Fill, Dividend)):
        return (event.account_id,)
    if isinstance(event, (Transfer, Gift)):
        return tuple(a for a in (event.from_account_id, event.to_account_id) if a)
    return ()


def _concerns(event: Event, regime: TaxRegime, book: Book) -> bool:
    if isinstance(event, Fill) and event.planned:
        return False
    names = _accounts_of(event)
    for name in names:
        if name not in book.accounts:
            raise LedgerError(f"{event.row}: the account {name!r} is not in the list of accounts")
    return not names or any(book.accounts[name].kind in regime.kinds for name in names)


def _check(events: Sequence[Event], regime: TaxRegime, book: Book) -> None:
    seen: dict[str, Event] = {}
    currencies: dict[tuple[object, str], tuple[str, Event]] = {}
    for event in events:
        if event.id in seen:
            raise LedgerError(
                f"{event.row}: the id {event.id!r} is used twice (also in {seen[event.id].row})"
            )
        seen[event.id] = event
        if event.settle_date < event.trade_date:
            raise LedgerError(f"{event.row}: it settles on {event.settle_date}, before it is traded")
        if isinstance(event, Split) and event.ratio <= 0:
            raise LedgerError(f"{event.row}: the ratio of a split is above zero")
        if isinstance(event, (Fill, Transfer, Gift)) and event.quantity.numerator <= 0:
            raise LedgerError(
                f"{event.row}: the quantity is {shown(event.quantity)}; it is positive, and the side "
                "says whether shares come or go"
            )
        if isinstance(event, Fill) and event.currency:
            place = (regime.pool_key(book.accounts[event.account_id]), event.instrument_id)
            known, first = currencies.setdefault(place, (event.currency, event))
            if known != event.currency:
                raise LedgerError(
                    f"{event.row}: {event.instrument_id} is in {event.currency}, but {first.row} has it in "
                    f"{known}; one pool has one currency"
                )


def recognised(realization: Realization, adjustments: Iterable[LossAdjustment]) -> Fraction:
    """What of a disposal counts in its period: its gain with the disallowed loss given back."""
    mine = (a.disallowed for a in adjustments if a.disposal_id == realization.disposal.id)
    return realization.gain + sum(mine, ZERO)


def marginal_rate(
    regime: TaxRegime,
    period: Period,
    realizations: Sequence[Realization],
    adjustments: Sequence[LossAdjustment],
    income: Mapping[str, Decimal],
    carry: Sequence[Carry],
    taxpayer: Taxpayer,
    *,
    probe: Realization,
) -> Fraction:
    """Tax saved now per unit of loss by one more realization: a finite difference of `tax`.

    It is never a constant: brackets, the zero zone, limits and surtaxes kink it. `probe` is the sale
    whose effect is asked; the answer is the fall of tax divided by its loss.
    """

    def total(done: Sequence[Realization]) -> Decimal:
        netted = regime.net(period, done, adjustments, income, carry, taxpayer)
        return regime.tax(netted, taxpayer).total

    if probe.gain == 0:
        return ZERO
    change = total([*realizations, probe]) - total(realizations)
    return Fraction(change) / probe.gain
