"""Japanese individuals: 総平均法に準ずる方法, the unit cost at a sale rounded up to a yen.

Pools: one per specified or NISA account (措置法通達37の11の3-1), one for all general accounts of the
owner. A day is the settlement day. In a specified account all purchases of the day enter the
average before its sales, and all its sales use one unit cost; a general account runs in time order.
There are no lots to choose, and nothing is "washed": a purchase of the same day is cost. A loss in
NISA or iDeCo does not exist. Netting and the three-year carry: `carryforward.py`; tax on a return:
`withholding.py`. 所得税法施行令118条; 措置法通達37の10・37の11共-1, 共-14; 措法37の12の2.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, Bucket, Part, PoolKey, Position, Realization, exact
from xlplugin.core.trades import (
    CapitalReturn,
    Dividend,
    Fill,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import LedgerError
from xlplugin.tax.carryforward import use_losses
from xlplugin.tax.jp_actions import act
from xlplugin.tax.jp_day import (
    MARGIN,
    POOL,
    PoolDay,
    bucket_of,
    check_held,
    check_income,
    close_margin,
    enters,
    in_order,
    pool_of,
    position_with,
)
from xlplugin.tax.minimum_tax import minimum_tax
from xlplugin.tax.pools import Pool, buy_rounding_up, sell_rounding_up
from xlplugin.tax.regime import (
    Carry,
    DayResult,
    HarvestCheck,
    NetResult,
    Period,
    Reason,
    SalePreview,
    TaxResult,
    harvest_status,
)
from xlplugin.tax.rounding import as_decimal
from xlplugin.tax.tables import table
from xlplugin.tax.withholding import Withheld, filed_tax, rates, sequence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account, Taxpayer
    from xlplugin.core.calendars import Calendar
    from xlplugin.core.lots import Disposal, LossAdjustment
    from xlplugin.core.trades import Event
    from xlplugin.tax.regime import Book, HarvestQuestion, TaxRegime

__all__ = ["REGIME", "JpIndividual"]

GENERAL = AccountKind.JP_IPPAN
INCOME = ("DIVIDEND", "LISTED", "UNLISTED")


@dataclass(frozen=True)
class JpIndividual:
    """See the module and `TaxRegime`.

    Attributes
    ----------
    rounds_each_buy : bool
        Practice of some brokers, not law: the average goes up to a yen at every purchase.
    """

    name: str = "jp.individual"
    kinds: frozenset[AccountKind] = frozenset(
        {
            AccountKind.JP_IPPAN,
            AccountKind.JP_TOKUTEI_NO_WH,
            AccountKind.JP_TOKUTEI_WH,
            AccountKind.JP_NISA,
            AccountKind.JP_IDECO,
        }
    )
    cost_unit: Decimal = Decimal(1)
    rounds_each_buy: bool = False

    # -- identity and dates ----------------------------------------------------------------------

    def pool_key(self, account: Account) -> PoolKey:
        """One pool per account; all general accounts of an owner together."""
        holder = account.owner_id if account.kind is GENERAL else account.id
        return PoolKey(self.name, holder, account.kind)

    def day_of(self, event: Event) -> dt.date:
        """The settlement day; of a corporate action, the day it takes effect."""
        return event.settle_date

    def recognition_date(
        self, trade_date: dt.date, settle_date: dt.date, account: Account, taxpayer: Taxpayer
    ) -> dt.date:
        """Settlement; in a general account the contract date if the taxpayer elects it."""
        elected = taxpayer.elects_contract_date and account.kind is GENERAL
        return trade_date if elected else settle_date

    def period(self, recognised_on: dt.date, taxpayer: Taxpayer) -> Period:
        """The calendar year."""
        year = recognised_on.year
        return Period(year, dt.date(year, 1, 1), dt.date(year, 12, 31))

    def last_trade_date(self, period: Period, account: Account, calendar: Calendar) -> dt.date:
        """The last session that still settles in the year."""
        return _last_trade(period.end, calendar)

    def earliest_rebuy(self, trade_date: dt.date, account: Account, calendar: Calendar) -> dt.date | None:
        """The next session that settles later than the sale; None where a loss counts nowhere.

        The settlement day makes the batch: when the lag grows shorter, trades of two days settle on one.
        """
        return _next_batch(trade_date, calendar) if account.kind.facts.loss_counts else None

    # -- the seam --------------------------------------------------------------------------------

    def acquire(self, position: Position, fill: Fill) -> Position:
        """The pool with one purchase more."""
        pool = self._bought(pool_of(position), fill)
        return position_with(position, pool, fill.trade_date)

    def _bought(self, pool: Pool, fill: Fill) -> Pool:
        if self.rounds_each_buy:
            return buy_rounding_up(pool, fill.quantity, fill.cost, fill.settle_date)
        return pool.bought(fill.quantity, fill.cost)

    def dispose(self, position: Position, disposal: Disposal) -> Realization:
        """See `TaxRegime.dispose`: one part, the pool, at the unit cost rounded up to a yen."""
        bucket = bucket_of(position.key.pool.kind)
        if position.key.pool.holder.endswith(MARGIN):
            return close_margin(position, disposal, bucket, disposal.settle_date)
        check_held(position, disposal)
        sold = sell_rounding_up(pool_of(position), disposal.quantity, disposal.settle_date)
        first = position.lots[0].acquired
        part = Part(
            POOL, disposal.quantity, disposal.proceeds, disposal.expenses, sold.cost, bucket, first, first
        )
        return Realization(
            disposal,
            (part,),
            position_with(position, sold.pool, disposal.settle_date),
            disposal.settle_date,
            rounding_diff=sold.rounding_diff,
        )

    def apply_day(self, book: Book, day: dt.date, events: Sequence[Event]) -> DayResult:
        """Corporate actions, purchases, transfers and gifts, then sales; general accounts in time order."""
        work = self._day(book, day)
        purchases: list[Fill] = []
        in_time: list[Fill | Transfer | Gift] = []
        sales: list[Fill] = []
        for event in sorted(events, key=in_order):
            match event:
                case Split() | Merger() | SpinOff() | Rights() | CapitalReturn():
                    act(work, event)
                case Fill():
                    self._check(work, event)
                    if work.account(event.account_id, event.row).kind is GENERAL:
                        in_time.append(event)
                    elif enters(event):
                        purchases.append(event)
                    else:
                        sales.append(event)
                case Transfer() | Gift():
                    in_time.append(event)
                case Dividend():
                    pass  # a cash flow; `engines.year_end` lists it
        for step in (*purchases, *in_time, *sales):
            match step:
                case Transfer():
                    work.move(step)
                case Gift():
                    work.give(step)
                case Fill() if enters(step):
                    work.buy(step)
                case Fill():
                    work.sell(step)
        return work.close()

    def _day(self, book: Book, day: dt.date) -> PoolDay:
        return PoolDay(book, day, self.pool_key, self.dispose, self._bought)

    def _check(self, work: PoolDay, fill: Fill) -> None:
        account = work.account(fill.account_id, fill.row)
        if account.kind not in self.kinds:
            raise LedgerError(f"{fill.row}: {account.kind.value} is not an account kind of {self.name}")
        work.check_currency(fill)

    # -- before trading --------------------------------------------------------------------------

    def preview(self, book: Book, disposal: Disposal, planned: Sequence[Fill]) -> SalePreview:
        """The sale alone, and with the planned fills that settle on its day, purchases first.

        In a general account the order of a day is not settled; the reading of specified accounts is
        shown because it is the cautious one for a loss.
        """
        work = self._day(book, disposal.settle_date)
        alone = work.dispose(disposal)
        fills = [f for f in sorted(planned, key=in_order) if self.day_of(f) == disposal.settle_date]
        if not fills:
            return SalePreview(alone, alone)
        with_fills = self._day(book, disposal.settle_date)
        for fill in fills:
            self._check(with_fills, fill)
            if enters(fill):
                with_fills.buy(fill)
        for fill in fills:
            if not enters(fill):
                with_fills.sell(fill)
        return SalePreview(alone, with_fills.dispose(disposal))

    def harvestable(
        self, book: Book, disposal: Disposal, nearby: Sequence[Fill], question: HarvestQuestion
    ) -> HarvestCheck:
        """See `TaxRegime.harvestable`; only purchases of the same pool and settlement day matter."""
        account = book.accounts[disposal.account_id]
        pool = self.pool_key(account)
        same_day = [
            fill
            for fill in nearby
            if fill.kind.enters
            and fill.instrument_id == disposal.instrument_id
            and self.day_of(fill) == disposal.settle_date
            and self.pool_key(book.accounts[fill.account_id]) == pool
        ]
        seen = self.preview(book, disposal, same_day)
        gain = seen.alone.gain
        gross = -gain if gain < ZERO else ZERO
        counts = account.kind.facts.loss_counts
        recognised = gross
        if seen.planned is not seen.alone:
            recognised = max(ZERO, -seen.planned.gain)
        if not counts or not gross:
            recognised = ZERO
        recognised_on = self.recognition_date(
            disposal.trade_date, disposal.settle_date, account, question.taxpayer
        )
        in_period = recognised_on in question.period
        now, later = (recognised, ZERO) if in_period else (ZERO, recognised)
        lost = ZERO if counts else gross
        status = harvest_status(question, gross_loss=gross, recognised_now=now, lost_forever=lost)
        reasons: set[Reason] = set()
        if question.restricted:
            reasons.add(Reason.RESTRICTED)
        if not gross:
            reasons.add(Reason.NO_LOSS_IN_TAX_CURRENCY)
        elif not counts:
            reasons.add(Reason.NON_TAXABLE_ACCOUNT)
        else:
            if same_day:
                reasons.add(Reason.SAME_DAY_BUY)
            if same_day and account.kind is GENERAL:
                reasons.add(Reason.SAME_DAY_UNCLEAR)
            if not in_period:
                reasons.add(Reason.SETTLES_NEXT_PERIOD)
            if not question.coverage_complete:
                reasons.add(Reason.COVERAGE_INCOMPLETE)
        if account.kind is GENERAL and sum(self.pool_key(a) == pool for a in book.accounts.values()) > 1:
            reasons.add(Reason.POOLED_ACCOUNTS)
        calendar = question.calendar
        return HarvestCheck(
            status,
            gross,
            now,
            later,
            gross - now - later - lost,
            lost,
            self.earliest_rebuy(disposal.trade_date, account, calendar) if calendar else None,
            self.last_trade_date(question.period, account, calendar) if calendar else None,
            tuple(sorted(reasons)),
            bucket_of(account.kind),
            seen.alone.cost,
        )

    # -- after trading ---------------------------------------------------------------------------

    def net(
        self,
        period: Period,
        realizations: Sequence[Realization],
        adjustments: Sequence[LossAdjustment],
        income: Mapping[str, Decimal],
        carry: Sequence[Carry],
        taxpayer: Taxpayer,
    ) -> NetResult:
        """Net listed results with dividends and earlier losses; unlisted ones stand apart.

        `income` may hold DIVIDEND (listed dividends under separate taxation), LISTED and UNLISTED
        (results from outside the log). Results of NISA and iDeCo are left out.
        """
        check_income(self.name, income, INCOME)
        gains: dict[Bucket, list[Fraction]] = {Bucket.LISTED: [], Bucket.UNLISTED: []}
        for done in realizations:
            if self._recognised(done, taxpayer) in period:
                for part in done.parts:
                    if part.bucket in gains:
                        gains[part.bucket].append(part.gain)
        for bucket, found in gains.items():
            found.append(exact(income.get(bucket.value, 0)))
        year = period.label
        listed = as_decimal(sum(gains[Bucket.LISTED], ZERO))
        unlisted = as_decimal(sum(gains[Bucket.UNLISTED], ZERO))
        dividends = income.get(Bucket.DIVIDEND.value, Decimal(0))
        opening: dict[int, Decimal] = {}
        for loss in carry:
            if loss.bucket is Bucket.LISTED:
                opening[loss.origin_year] = opening.get(loss.origin_year, Decimal(0)) + loss.amount
        unfiled = [y for y, filed in taxpayer.files_each_year.items() if not filed]
        used = use_losses(opening, year, listed, dividends, unfiled_years=unfiled)
        return NetResult(
            period,
            MappingProxyType(
                {
                    Bucket.LISTED: used.taxable_gain,
                    Bucket.DIVIDEND: used.taxable_dividends,
                    Bucket.UNLISTED: max(Decimal(0), unlisted),
                }
            ),
            tuple(
                Carry(Bucket.LISTED, row.origin_year, row.closing, row.last_year)
                for row in used.rows
                if row.closing
            ),
            figures=MappingProxyType(
                {
                    "listed_gains": as_decimal(sum((g for g in gains[Bucket.LISTED] if g > 0), ZERO)),
                    "listed_losses": as_decimal(sum((g for g in gains[Bucket.LISTED] if g < 0), ZERO)),
                    "listed": listed,
                    "unlisted": unlisted,
                    "dividends": dividends,
                    "dividends_against_loss": used.dividends_against_loss,
                    "carry_used": used.carried,
                }
            ),
        )

    @staticmethod
    def _recognised(done: Realization, taxpayer: Taxpayer) -> dt.date:
        elected = taxpayer.elects_contract_date and done.position_after.key.pool.kind is GENERAL
        return done.disposal.trade_date if elected else done.disposal.settle_date

    def tax(self, net: NetResult, taxpayer: Taxpayer) -> TaxResult:
        """Tax on a return whose only income are the classes netted, the minimum tax included.

        The base income of the minimum tax is the sum of these classes; other income of the
        taxpayer, and gains left unfiled in a withholding account, are not known here.
        """
        end, base = net.period.end, sum(net.taxable.values(), Decimal(0))
        rows = [rates(end).row]
        top_up = Decimal(0)
        minimum = table("jp.individual.minimum_tax")
        if net.period.start >= minimum.rows[0].valid_from:
            row = minimum.of_year(net.period.label)
            if base > row.amount("deduction"):
                regular = filed_tax(net.taxable.values(), net.period.label).income_tax
                top_up = minimum_tax(base, regular, net.period.label)
                rows += [row, table("jp.individual.rounding").at(end, stage="minimum_tax")]
        filed = filed_tax(net.taxable.values(), net.period.label, top_up=top_up)
        return TaxResult(
            MappingProxyType(
                {
                    "national": filed.national_payable,
                    "resident_city": filed.resident_city,
                    "resident_prefecture": filed.resident_prefecture,
                }
            ),
            tuple(row.title for row in rows),
        )

    def withholding(self, realizations: Sequence[Realization]) -> list[tuple[Realization, Withheld]]:
        """What a source-withholding account withholds or pays back, sale by sale, by settlement.

        Parameters
        ----------
        realizations : sequence of Realization
            Of one account.
        """
        ordered = sorted(
            realizations,
            key=lambda r: (r.disposal.settle_date, r.disposal.trade_date, r.disposal.seq, r.disposal.id),
        )
        flows = sequence((r.disposal.settle_date, r.gain) for r in ordered)
        return list(zip(ordered, flows, strict=True))


@lru_cache(maxsize=256)
def _last_trade(end: dt.date, calendar: Calendar) -> dt.date:
    return calendar.last_trade_settling_by(end)


@lru_cache(maxsize=256)
def _next_batch(trade_date: dt.date, calendar: Calendar) -> dt.date:
    settled, day = calendar.settlement(trade_date), calendar.after(trade_date, 1)
    while calendar.settlement(day) <= settled:
        day = calendar.after(day, 1)
    return day


REGIME: TaxRegime = JpIndividual()
