"""What a year-end workbook shows, as data: the request, the lines both countries share, the state.

The workbook is a worksheet for the client and the tax professional, not a tax form. `japan` and
`united_states` in the two modules beside this one take a `YearEndRequest` and give their pages.
Amounts are Decimal in the account's currency. A gain is positive and a loss negative.

Pages: realized lines, summary, dividends, carry, adjustments, reconciliation, filing checks. What
a cell can compute is left to the workbook (gain = proceeds - expense_basis and the totals); the
results of the ledger are given beside it, so that the checks of the workbook have two sides.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, Taxpayer
from xlplugin.core.lots import exact
from xlplugin.errors import InputError
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.rounding import as_decimal
from xlplugin.tax.tables import table_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal
    from fractions import Fraction

    from xlplugin.core.trades import Event
    from xlplugin.tax.ledger import Ledger
    from xlplugin.tax.regime import Book, Period, TaxRegime

__all__ = [
    "Adjustment",
    "BrokerDifference",
    "Cover",
    "FilingCheck",
    "MissedLoss",
    "RateLine",
    "YearEndRequest",
    "broker_differences",
    "filing_checks",
    "played_by_day",
]

MAX_MISSED = 10


@dataclass(frozen=True, slots=True)
class MissedLoss:
    """A loss that could have been used on a day and was not, with the reason noted then."""

    day: dt.date
    account: str
    code: str
    loss: Decimal
    reason: str


@dataclass(frozen=True)
class YearEndRequest:
    """What the year-end data are made from.

    Attributes
    ----------
    events : sequence of Event
        The whole log; the years before are needed for the cost.
    accounts : sequence of Account
        Every account of the taxpayer that is seen.
    year : int
        Tax year; of a company, the calendar year in which its fiscal year ends.
    as_of : datetime.date
        The day the workbook is made: it decides whether the year is provisional.
    taxpayer : Taxpayer
        For the fiscal year, elections, years filed and filing status.
    carry : mapping of (str, int) to Decimal
        Losses brought forward, positive: bucket (LISTED, ST, LT) and year of origin.
    names : mapping of str to str
        Name by security code; the code itself where one is missing.
    kinds : mapping of str to str
        ``share``, ``fund`` or ``foreign`` by code, for the dividend block of Japan; an amount in
        a foreign currency is ``foreign`` by itself.
    dividends_filed : bool
        Japan: whether listed dividends go on the return under separate taxation.
    left_out : frozenset of str
        Japan: source-withholding accounts whose results stay off the return.
    boxes : mapping of str to str
        United States: what the broker of an account reports: ``basis`` (boxes A and D),
        ``no_basis`` (B and E) or ``nothing`` (C and F); ``basis`` where one is missing.
    gain_distributions : Decimal or int
        United States: capital gain distributions of the year.
    broker : mapping of (str, str) to Decimal
        The broker's totals by account and item: proceeds, cost, gain, withheld, dividends.
    not_seen : tuple of str
        Accounts that exist but are not here.
    missed : tuple of MissedLoss
        At most ten are shown.
    book : Book, optional
        Where the log starts; empty when left out.
    """

    events: Sequence[Event]
    accounts: Sequence[Account]
    year: int
    as_of: dt.date
    taxpayer: Taxpayer = field(default_factory=Taxpayer)
    carry: Mapping[tuple[str, int], Decimal] = field(default_factory=lambda: MappingProxyType({}))
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    dividends_filed: bool = True
    left_out: frozenset[str] = frozenset()
    boxes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    gain_distributions: Decimal | int = 0
    broker: Mapping[tuple[str, str], Decimal] = field(default_factory=lambda: MappingProxyType({}))
    not_seen: tuple[str, ...] = ()
    missed: tuple[MissedLoss, ...] = ()
    book: Book | None = None

    def name(self, code: str) -> str:
        """The name of a security, or its code."""
        return self.names.get(code, code)


@dataclass(frozen=True, slots=True)
class Cover:
    """Page 1: what the workbook covers. `provisional` results may still change."""

    regime: str
    period: Period
    accounts: tuple[str, ...]
    accounts_not_seen: tuple[str, ...]
    table_version: dt.date
    unconfirmed_rows: tuple[str, ...]
    provisional: bool
    final_after: dt.date


@dataclass(frozen=True, slots=True)
class RateLine:
    """One component of the rate, with its days and how sure it is."""

    name: str
    rate: Decimal
    valid_from: dt.date
    valid_to: dt.date | None
    status: str


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A loss that does not count, or not now; amounts positive.

    United States: the lot that took the loss and its basis now. Japan: the new average per share.
    """

    trade_id: str
    code: str
    name: str
    quantity: Decimal
    losses: Decimal
    recognized: Decimal
    not_recognized: Decimal
    reason_code: str
    receiving_lot: str = ""
    new_basis: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BrokerDifference:
    """Our total and the broker's for one account and item; the broker's report prevails."""

    account: str
    item: str
    ours: Decimal
    brokers: Decimal
    explanations: tuple[str, ...]

    @property
    def difference(self) -> Decimal:
        """Ours less the broker's."""
        return self.ours - self.brokers


@dataclass(frozen=True, slots=True)
class FilingCheck:
    """One line of the filing page, in two languages; `due` None: no date of its own."""

    check: str
    account: str
    due: dt.date | None
    ja: str
    en: str
    where_ja: str
    where_en: str


@cache
def _texts() -> dict[str, Any]:
    return tomllib.loads((files("xlplugin.engines") / "year_end.toml").read_text(encoding="utf-8"))


def filing_checks(checks: Iterable[tuple[str, str, dt.date | None]]) -> tuple[FilingCheck, ...]:
    """Lines of the filing page from check, account and due date; the texts are data."""
    lines = []
    for check, account, due in checks:
        text = _texts()["check"][check]
        lines.append(
            FilingCheck(check, account, due, text["ja"], text["en"], text["where_ja"], text["where_en"])
        )
    return tuple(lines)


def explanation(code: str, language: str) -> str:
    """The sentence of an explanation of a broker difference, "ja" or "en"."""
    text: str = _texts()["explanation"][code][language]
    return text


def broker_differences(
    ours: Mapping[tuple[str, str], Decimal], request: YearEndRequest, explanations: Sequence[str]
) -> tuple[BrokerDifference, ...]:
    """Our totals beside the broker's, for every item the broker reports.

    Raises
    ------
    InputError
        If the broker reports an item or an account that is not known.
    """
    lines = []
    for (account, item), brokers in sorted(request.broker.items()):
        if (account, item) not in ours:
            known = ", ".join(sorted({i for _, i in ours})) or "none"
            raise InputError(f"broker: {account!r} has no {item!r}; items are {known}")
        mine = ours[account, item]
        lines.append(
            BrokerDifference(account, item, mine, brokers, tuple(explanations) if mine != brokers else ())
        )
    return tuple(lines)


def played_by_day(
    regime: TaxRegime, request: YearEndRequest, period: Period
) -> tuple[Ledger, dict[dt.date, tuple[Book, tuple[Event, ...]]]]:
    """The ledger of the whole log, and for each day of the period the book before it and its events."""
    book = request.book or opening_book(request.accounts)
    ledger = replay(regime, request.events, book)  # checks the log as a whole
    by_day: dict[dt.date, list[Event]] = {}
    for event in request.events:
        by_day.setdefault(regime.day_of(event), []).append(event)
    eve = period.start - dt.timedelta(days=1)
    book = replay(regime, request.events, book, until=eve).book
    before: dict[dt.date, tuple[Book, tuple[Event, ...]]] = {}
    for day in sorted(day for day in by_day if day in period):
        before[day] = (book, tuple(by_day[day]))
        book = replay(regime, by_day[day], book).book
    return ledger, before


def cover(
    regime: str,
    period: Period,
    request: YearEndRequest,
    accounts: Sequence[Account],
    final_after: dt.date,
    unconfirmed: Iterable[str],
) -> Cover:
    """Page 1."""
    return Cover(
        regime,
        period,
        tuple(account.id for account in accounts),
        request.not_seen,
        table_version(regime),
        tuple(dict.fromkeys(unconfirmed)),
        request.as_of <= final_after,
        final_after,
    )


def shown(amount: Fraction | Decimal | int) -> Decimal:
    """An exact amount as a decimal."""
    return as_decimal(exact(amount))
