"""What a tax regime is: one file in `xlplugin/tax/regimes`, one object called REGIME.

The seam is the WHOLE disposal: a regime takes a whole position and a whole disposal and gives the
whole result; nobody ever asks "which lot next". A day is a batch: `apply_day` takes a book and all
events of one day and gives a new book. A regime is pure: no clock, no file, no network; dated
figures come from `xlplugin.tax.tables`. See SPEC.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from xlplugin.core.catalogue import Catalogue
from xlplugin.core.lots import ZERO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account, AccountKind, Taxpayer
    from xlplugin.core.calendars import Calendar
    from xlplugin.core.lots import (
        Bucket,
        Disposal,
        LossAdjustment,
        PoolKey,
        Position,
        PositionKey,
        Realization,
    )
    from xlplugin.core.trades import Event, Fill

__all__ = [
    "REGIMES",
    "Book",
    "Carry",
    "DayResult",
    "HarvestCheck",
    "HarvestQuestion",
    "HarvestStatus",
    "NetResult",
    "Period",
    "Reason",
    "SalePreview",
    "TaxRegime",
    "TaxResult",
    "harvest_status",
]


class Period(NamedTuple):
    """A tax year or fiscal year, both ends inclusive; `label` is the year it is called by."""

    label: int
    start: dt.date
    end: dt.date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day <= self.end


class HarvestStatus(StrEnum):
    """The verdict on a sale; section 10 of the tax specification, first match wins."""

    BLOCKED = "BLOCKED"
    NO_LOSS = "NO_LOSS"
    VOID = "VOID"
    DEFERRED = "DEFERRED"
    REDUCED = "REDUCED"
    UNKNOWN = "UNKNOWN"
    OK = "OK"


class Reason(StrEnum):
    """Why a verdict is what it is; sentences are data of the worksheet layer."""

    SAME_DAY_BUY = "SAME_DAY_BUY"
    SAME_DAY_UNCLEAR = "SAME_DAY_UNCLEAR"
    POOLED_ACCOUNTS = "POOLED_ACCOUNTS"
    NON_TAXABLE_ACCOUNT = "NON_TAXABLE_ACCOUNT"
    SETTLES_NEXT_PERIOD = "SETTLES_NEXT_PERIOD"
    NO_LOSS_IN_TAX_CURRENCY = "NO_LOSS_IN_TAX_CURRENCY"
    CROSS_TRADE = "CROSS_TRADE"
    FIVE_BUSINESS_DAYS = "FIVE_BUSINESS_DAYS"
    WASH_TAXABLE = "WASH_TAXABLE"
    WASH_IRA = "WASH_IRA"
    COVERAGE_INCOMPLETE = "COVERAGE_INCOMPLETE"
    RESTRICTED = "RESTRICTED"


class _Directory:
    """Look-ups that change only with the accounts or the groups."""

    def __init__(self, accounts: Mapping[str, Account], groups: Mapping[str, str]) -> None:
        self.accounts, self.groups = accounts, groups

    @cached_property
    def by_household(self) -> Mapping[str, tuple[Account, ...]]:
        found: dict[str, list[Account]] = {}
        for account in self.accounts.values():
            found.setdefault(account.household_id, []).append(account)
        return {household: tuple(members) for household, members in found.items()}

    @cached_property
    def by_group(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for instrument, group in self.groups.items():
            found.setdefault(group, []).append(instrument)
        # An instrument without a group of its own stands in the group that bears its name.
        return {
            group: tuple(members) if group in self.groups else (*members, group)
            for group, members in found.items()
        }


@dataclass(frozen=True)
class Book:
    """What is held at the end of a day, and what the regime must remember of earlier days.

    `identity_groups` maps an instrument to its group of substantially identical ones; one that is
    not listed is identical only with itself. `memory` belongs to the regime.
    """

    accounts: Mapping[str, Account]
    positions: Mapping[PositionKey, Position] = field(default_factory=lambda: MappingProxyType({}))
    identity_groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    memory: tuple[object, ...] = ()
    as_of: dt.date | None = None
    _directory: _Directory | None = field(default=None, repr=False, compare=False)

    def group(self, instrument_id: str) -> str:
        """The identity group of an instrument."""
        return self.identity_groups.get(instrument_id, instrument_id)

    def __post_init__(self) -> None:
        known = self._directory
        if known is None or known.accounts is not self.accounts or known.groups is not self.identity_groups:
            object.__setattr__(self, "_directory", _Directory(self.accounts, self.identity_groups))

    @property
    def directory(self) -> _Directory:
        """Accounts by household and instruments by group; kept from day to day."""
        if self._directory is None:
            raise TypeError("a book has its directory from the start")
        return self._directory

    def household(self, household_id: str) -> tuple[Account, ...]:
        """The accounts of one household."""
        return self.directory.by_household.get(household_id, ())

    def instruments(self, group: str) -> tuple[str, ...]:
        """The instruments of an identity group; a group is also the name of one of its own."""
        return self.directory.by_group.get(group, (group,))

    @cached_property
    def keys_by_group(self) -> Mapping[str, tuple[PositionKey, ...]]:
        """The positions of every identity group, in the order of the book."""
        found: dict[str, list[PositionKey]] = {}
        for key in self.positions:
            found.setdefault(self.group(key.instrument_id), []).append(key)
        return {group: tuple(keys) for group, keys in found.items()}

    def only(self, instrument_id: str) -> Book:
        """The part of the book that is identical with one instrument; enough to judge its sale."""
        keys = self.keys_by_group.get(self.group(instrument_id), ())
        return replace(self, positions={key: self.positions[key] for key in keys})


@dataclass(frozen=True)
class DayResult:
    """A new book and what the day added. An adjustment may concern a sale of an earlier day."""

    book: Book
    realizations: tuple[Realization, ...] = ()
    adjustments: tuple[LossAdjustment, ...] = ()


@dataclass(frozen=True)
class SalePreview:
    """A sale as it would come out: alone, and with the planned fills. Nothing is changed."""

    alone: Realization
    planned: Realization
    adjustments: tuple[LossAdjustment, ...] = ()

    @property
    def difference(self) -> Fraction:
        """Recognised gain with the planned fills less recognised gain without them."""
        given_back = sum((a.disallowed for a in self.adjustments), ZERO)
        return self.planned.gain + given_back - self.alone.gain


@dataclass(frozen=True)
class HarvestQuestion:
    """What is asked about a sale: in which period the loss is wanted, and what is known.

    Without a `calendar` the two dates of the answer that need one are None. `held` are purchases that
    the book holds already: a company may have bought them close to the sale, or by arrangement.
    """

    period: Period
    taxpayer: Taxpayer
    calendar: Calendar | None = None
    coverage_complete: bool = True
    restricted: bool = False
    held: tuple[Fill, ...] = ()


@dataclass(frozen=True)
class HarvestCheck:
    """gross_loss = recognised_now + recognised_later + deferred_to_basis + lost_forever.

    All amounts are positive losses in the tax currency; `deferred_to_basis` is the balancing
    figure and is negative when a same-day purchase above cost raises the unit cost in Japan.
    `cost` is the cost of what is sold if nothing is bought.
    """

    status: HarvestStatus
    gross_loss: Fraction
    recognised_now: Fraction
    recognised_later: Fraction
    deferred_to_basis: Fraction
    lost_forever: Fraction
    earliest_rebuy: dt.date | None
    last_trade_date: dt.date | None
    reasons: tuple[Reason, ...]
    bucket: Bucket
    cost: Fraction = ZERO


def harvest_status(
    question: HarvestQuestion,
    *,
    gross_loss: Fraction,
    recognised_now: Fraction,
    lost_forever: Fraction,
) -> HarvestStatus:
    """The first condition of section 10 of the tax specification that holds; amounts are not negative."""
    if question.restricted:
        return HarvestStatus.BLOCKED
    if not gross_loss:
        return HarvestStatus.NO_LOSS
    if lost_forever == gross_loss:
        return HarvestStatus.VOID
    if not recognised_now:
        return HarvestStatus.DEFERRED
    if recognised_now < gross_loss:
        return HarvestStatus.REDUCED
    if not question.coverage_complete:
        return HarvestStatus.UNKNOWN
    return HarvestStatus.OK


@dataclass(frozen=True)
class Carry:
    """A loss brought forward, positive; `last_year` is the last year in which it can be used."""

    bucket: Bucket
    origin_year: int
    amount: Decimal
    last_year: int | None = None


@dataclass(frozen=True)
class NetResult:
    """Results of a period netted: taxable amount per bucket, and what is carried out.

    `figures` holds the lines a return shows, by name; `deducted` is what other income absorbed.
    """

    period: Period
    taxable: Mapping[Bucket, Decimal]
    carry_out: tuple[Carry, ...] = ()
    deducted: Decimal = Decimal(0)
    figures: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class TaxResult:
    """Tax by component, each rounded at its own stage; `sources` names the table rows used."""

    components: Mapping[str, Decimal]
    sources: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        """Sum of the components."""
        return sum(self.components.values(), Decimal(0))


class TaxRegime(Protocol):
    """One body of tax law. Laws of `dispose` and `apply_day` are held by the contract tests."""

    @property
    def name(self) -> str:
        """Its id, for example ``us.taxable``."""

    @property
    def kinds(self) -> frozenset[AccountKind]:
        """The account kinds it taxes."""

    @property
    def cost_unit(self) -> Decimal:
        """Largest lawful rounding of the cost per share held; 0 where cost is exact."""

    def pool_key(self, account: Account) -> PoolKey:
        """Which accounts share a cost."""

    def day_of(self, event: Event) -> dt.date:
        """The day in whose batch an event belongs: settlement, contract or trade day."""

    def recognition_date(
        self, trade_date: dt.date, settle_date: dt.date, account: Account, taxpayer: Taxpayer
    ) -> dt.date:
        """The date that decides the period of a sale."""

    def period(self, recognised_on: dt.date, taxpayer: Taxpayer) -> Period:
        """The tax year or fiscal year a date falls into."""

    def last_trade_date(self, period: Period, account: Account, calendar: Calendar) -> dt.date:
        """The last trade date whose result still falls into `period`."""

    def earliest_rebuy(self, trade_date: dt.date, account: Account, calendar: Calendar) -> dt.date | None:
        """First trade date on which the same account may buy back without touching the loss."""

    def acquire(self, position: Position, fill: Fill) -> Position:
        """The position with one purchase more."""

    def dispose(self, position: Position, disposal: Disposal) -> Realization:
        """One whole disposal. Does not look at other days, accounts or later purchases.

        Raises
        ------
        LedgerError
            If more is disposed of than is held; the sentence names the row.
        """

    def apply_day(self, book: Book, day: dt.date, events: Sequence[Event]) -> DayResult:
        """All events of one day, in the order the law gives them; `book` is not changed."""

    def preview(self, book: Book, disposal: Disposal, planned: Sequence[Fill]) -> SalePreview:
        """What `disposal` does, by the same code as `apply_day`, on a copy."""

    def harvestable(
        self, book: Book, disposal: Disposal, nearby: Sequence[Fill], question: HarvestQuestion
    ) -> HarvestCheck:
        """Judge one sale; `nearby` are purchases, done or planned, that `book` does not hold."""

    def net(
        self,
        period: Period,
        realizations: Sequence[Realization],
        adjustments: Sequence[LossAdjustment],
        income: Mapping[str, Decimal],
        carry: Sequence[Carry],
        taxpayer: Taxpayer,
    ) -> NetResult:
        """Net the results of a period with other income and the losses carried in.

        `income` is keyed by bucket, and by the names a regime documents for what is no bucket.
        """

    def tax(self, net: NetResult, taxpayer: Taxpayer) -> TaxResult:
        """Tax on a netted period."""


REGIMES: Catalogue[TaxRegime] = Catalogue("xlplugin.tax.regimes", "REGIME")
