"""Japanese companies: the contract date decides, book value is an unrounded average, crosses are no sales.

Moving average per owner and issue (法人税法施行令119条の2); the total average is known only at the end of
the fiscal year, see `total_average_year`. Results are ordinary income. A purchase by arrangement
cancels that part of a sale (`jp_cross.py`). There is no day that makes a purchase safe in tax law;
the five business days of the accounting practice are shown as a reason, never as a rule.
法人税法61条の2, 基通2-1-22, 2-1-23, 2-1-23の4.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core import calendars
from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import (
    ZERO,
    Bucket,
    Disposal,
    Part,
    PoolKey,
    Position,
    PositionKey,
    Realization,
    exact,
)
from xlplugin.core.trades import (
    CapitalReturn,
    Dividend,
    Fill,
    FillKind,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import LedgerError
from xlplugin.tax.corporate import effective_rate, fiscal_year
from xlplugin.tax.jp_actions import act
from xlplugin.tax.jp_cross import Crosses, waiting
from xlplugin.tax.jp_day import (
    MARGIN,
    POOL,
    PoolDay,
    check_held,
    check_income,
    close_margin,
    enters,
    in_order,
    pool_of,
    position_with,
    sale_of,
)
from xlplugin.tax.pools import sell
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
from xlplugin.tax.rounding import as_decimal, whole_yen
from xlplugin.tax.tables import table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from xlplugin.core.accounts import Account, Taxpayer
    from xlplugin.core.calendars import Calendar
    from xlplugin.core.lots import LossAdjustment
    from xlplugin.core.trades import Event
    from xlplugin.tax.regime import Book, HarvestQuestion, TaxRegime

__all__ = ["REGIME", "JpCorporate", "YearEnd", "total_average_year", "total_average_years"]


@dataclass(frozen=True)
class JpCorporate:
    """See the module and `TaxRegime`.

    Attributes
    ----------
    trading : bool
        A book of trading securities (売買目的有価証券): outside the cross rule.
    company : str
        Class of company for the rates, see `corporate.effective_rate`.
    """

    name: str = "jp.corporate"
    kinds: frozenset[AccountKind] = frozenset({AccountKind.JP_CORP})
    cost_unit: Decimal = Decimal(0)
    trading: bool = False
    company: str = "sme_standard"

    # -- identity and dates ----------------------------------------------------------------------

    def pool_key(self, account: Account) -> PoolKey:
        """One pool per owner."""
        return PoolKey(self.name, account.owner_id, account.kind)

    def day_of(self, event: Event) -> dt.date:
        """The contract day; of a corporate action, the day it takes effect."""
        if isinstance(event, (Split, Merger, SpinOff, Rights, CapitalReturn)):
            return event.settle_date
        return event.trade_date

    def recognition_date(
        self, trade_date: dt.date, settle_date: dt.date, account: Account, taxpayer: Taxpayer
    ) -> dt.date:
        """The contract date."""
        return trade_date

    def period(self, recognised_on: dt.date, taxpayer: Taxpayer) -> Period:
        """The fiscal year."""
        start, end = fiscal_year(recognised_on, taxpayer.fiscal_year_end)
        return Period(end.year, start, end)

    def last_trade_date(self, period: Period, account: Account, calendar: Calendar) -> dt.date:
        """The last session of the fiscal year."""
        return calendar.on_or_before(period.end)

    def earliest_rebuy(self, trade_date: dt.date, account: Account, calendar: Calendar) -> dt.date | None:
        """None: no number of days is safe in tax law."""
        return None

    # -- the seam --------------------------------------------------------------------------------

    def acquire(self, position: Position, fill: Fill) -> Position:
        """The pool with one purchase more."""
        return position_with(position, pool_of(position).bought(fill.quantity, fill.cost), fill.trade_date)

    def dispose(self, position: Position, disposal: Disposal) -> Realization:
        """See `TaxRegime.dispose`: one part, the pool, at its exact average."""
        if position.key.pool.holder.endswith(MARGIN):
            return close_margin(position, disposal, Bucket.ORDINARY, disposal.trade_date)
        check_held(position, disposal)
        sold = sell(pool_of(position), disposal.quantity)
        first = position.lots[0].acquired
        part = Part(
            POOL,
            disposal.quantity,
            disposal.proceeds,
            disposal.expenses,
            sold.cost,
            Bucket.ORDINARY,
            first,
            first,
        )
        after = position_with(position, sold.pool, disposal.trade_date)
        return Realization(disposal, (part,), after, disposal.trade_date)

    def apply_day(self, book: Book, day: dt.date, events: Sequence[Event]) -> DayResult:
        """Corporate actions, then everything in time order; arranged purchases cancel sales."""
        work = PoolDay(book, day, self.pool_key, self.dispose)
        crosses = Crosses(book.memory)
        ordered = sorted(events, key=in_order)
        for event in ordered:
            if isinstance(event, (Split, Merger, SpinOff, Rights, CapitalReturn)):
                act(work, event)
            if isinstance(event, Split):
                crosses.split(event.instrument_id, event.ratio)
        for event in ordered:
            match event:
                case Fill():
                    self._trade(work, crosses, event)
                case Transfer():
                    work.move(event)
                case Gift():
                    work.give(event)
                case _:
                    pass  # corporate actions are done; a dividend is income, not a change of the book
        done = work.close(crosses.memory)
        return DayResult(done.book, done.realizations, tuple(crosses.adjustments))

    def _trade(self, work: PoolDay, crosses: Crosses, fill: Fill) -> None:
        account = work.account(fill.account_id, fill.row)
        if account.kind not in self.kinds:
            raise LedgerError(f"{fill.row}: {account.kind.value} is not an account kind of {self.name}")
        work.check_currency(fill)
        key = work.key(fill.account_id, fill.instrument_id, fill.row)
        if enters(fill):
            work.buy(fill)
            if fill.kind.enters and not self.trading:
                crosses.bought(work, key, fill)
            return
        done = work.sell(fill)
        if not done.position_after.key.pool.holder.endswith(MARGIN) and not self.trading:
            crosses.sold(work, key, done)

    # -- before trading --------------------------------------------------------------------------

    def preview(self, book: Book, disposal: Disposal, planned: Sequence[Fill]) -> SalePreview:
        """The sale alone, and with the planned fills of its own and later days.

        A fill of the same day comes before the sale only if it is done and its `seq` is smaller.
        """
        key = PositionKey(self.pool_key(book.accounts[disposal.account_id]), disposal.instrument_id)
        alone = self.dispose(book.positions.get(key, Position(key)), disposal)
        sale = _as_fill(disposal)
        by_day: dict[dt.date, list[Event]] = defaultdict(list)
        for fill in planned:
            if fill.trade_date >= disposal.trade_date:
                follows = fill.planned or fill.seq >= disposal.seq
                place = 2 * max(fill.seq, disposal.seq) + 1 if follows else 2 * fill.seq
                by_day[fill.trade_date].append(replace(fill, seq=place))
        by_day[disposal.trade_date].append(replace(sale, seq=2 * disposal.seq))
        with_fills = alone
        adjustments: list[LossAdjustment] = []
        for day in sorted(by_day):
            result = self.apply_day(book, day, by_day[day])
            book = result.book
            with_fills = next((r for r in result.realizations if r.disposal.id == disposal.id), with_fills)
            adjustments += [a for a in result.adjustments if a.disposal_id == disposal.id]
        return SalePreview(alone, replace(with_fills, disposal=disposal), tuple(adjustments))

    def harvestable(
        self, book: Book, disposal: Disposal, nearby: Sequence[Fill], question: HarvestQuestion
    ) -> HarvestCheck:
        """See `TaxRegime.harvestable`: only what is arranged takes a loss away."""
        account = book.accounts[disposal.account_id]
        pool = self.pool_key(account)

        def of_the_issue(fills: Sequence[Fill]) -> list[Fill]:
            return [
                fill
                for fill in fills
                if fill.kind.enters
                and fill.instrument_id == disposal.instrument_id
                and self.pool_key(book.accounts[fill.account_id]) == pool
            ]

        bought, held = of_the_issue(nearby), of_the_issue(question.held)
        if any(fill.arranged for fill in held):
            key = PositionKey(pool, disposal.instrument_id)
            met = (waiting(key, fill) for fill in held if fill.arranged)
            book = replace(book, memory=(*book.memory, *met))
        seen = self.preview(book, disposal, [f for f in bought if f.arranged or self._precedes(f, disposal)])
        gross = max(ZERO, -seen.alone.gain)
        cancelled = sum((a.disallowed for a in seen.adjustments), ZERO)
        recognised = max(ZERO, -seen.planned.gain - cancelled) if gross else ZERO
        in_period = disposal.trade_date in question.period
        now = recognised if in_period else ZERO
        later = recognised - now
        status = harvest_status(question, gross_loss=gross, recognised_now=now, lost_forever=ZERO)
        reasons: set[Reason] = set()
        if question.restricted:
            reasons.add(Reason.RESTRICTED)
        if not gross:
            reasons.add(Reason.NO_LOSS_IN_TAX_CURRENCY)
        else:
            if cancelled:
                reasons.add(Reason.CROSS_TRADE)
            if not in_period:
                reasons.add(Reason.SETTLES_NEXT_PERIOD)
            if not question.coverage_complete:
                reasons.add(Reason.COVERAGE_INCOMPLETE)
            others = [fill.trade_date for fill in (*bought, *held) if not fill.arranged]
            if others and self._within_five_days(disposal.trade_date, others, question.calendar):
                reasons.add(Reason.FIVE_BUSINESS_DAYS)
        last = (
            self.last_trade_date(question.period, account, question.calendar) if question.calendar else None
        )
        return HarvestCheck(
            status,
            gross,
            now,
            later,
            gross - now - later,
            ZERO,
            None,
            last,
            tuple(sorted(reasons)),
            Bucket.ORDINARY,
            seen.alone.cost,
        )

    @staticmethod
    def _precedes(fill: Fill, disposal: Disposal) -> bool:
        """Whether a purchase of the day is in the average of the sale; a planned one follows it."""
        return not fill.planned and fill.trade_date == disposal.trade_date and fill.seq < disposal.seq

    @staticmethod
    def _within_five_days(sold_on: dt.date, bought_on: Sequence[dt.date], calendar: Calendar | None) -> bool:
        """金融商品会計に関するQ&A Q12: within five business days reads as "immediately"."""
        days = table("jp.corporate.cross_trade").at(sold_on).count("accounting_window_business_days")
        sessions = calendar or calendars.calendar("XTKS")
        return any(max(day, sold_on) <= sessions.after(min(day, sold_on), days) for day in bought_on)

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
        """Results on securities join the company's other income; earlier losses follow, oldest first.

        `income` may hold ORDINARY: other income of the year, the taxed part of dividends included.
        The limit to half of the income for large companies is not applied.
        """
        check_income(self.name, income, (Bucket.ORDINARY.value,))
        within = {r.disposal.id for r in realizations if r.recognised_on in period}
        result = sum((r.gain for r in realizations if r.recognised_on in period), ZERO)
        result += sum((a.disallowed for a in adjustments if a.disposal_id in within), ZERO)
        total = as_decimal(result + exact(income.get(Bucket.ORDINARY.value, 0)))
        rule = table("jp.corporate.loss_carry").at(period.start)
        left = max(Decimal(0), total)
        kept = []
        for loss in sorted((c for c in carry if c.bucket is Bucket.ORDINARY), key=lambda c: c.origin_year):
            last = loss.origin_year + rule.count("years")
            used = min(left, loss.amount) if last >= period.label else Decimal(0)
            left -= used
            if loss.amount > used and last > period.label:
                kept.append(Carry(Bucket.ORDINARY, loss.origin_year, loss.amount - used, last))
        if total < 0:
            kept.append(Carry(Bucket.ORDINARY, period.label, -total, period.label + rule.count("years")))
        return NetResult(
            period,
            MappingProxyType({Bucket.ORDINARY: left}),
            tuple(kept),
            figures=MappingProxyType({"securities": as_decimal(result), "income": total}),
        )

    def tax(self, net: NetResult, taxpayer: Taxpayer) -> TaxResult:
        """All taxes on income at the statutory effective rate of the company class."""
        rate = effective_rate(net.period.start, self.company).rate
        taxable = exact(net.taxable[Bucket.ORDINARY])
        return TaxResult(
            MappingProxyType({"effective": whole_yen(taxable * rate)}),
            ("jp.corporate.rate_components", "jp.corporate.defence_tax"),
        )


def _as_fill(disposal: Disposal) -> Fill:
    return Fill(
        id=disposal.id,
        trade_date=disposal.trade_date,
        settle_date=disposal.settle_date,
        seq=disposal.seq,
        source_row=disposal.source_row,
        account_id=disposal.account_id,
        instrument_id=disposal.instrument_id,
        kind=FillKind.SELL,
        quantity=disposal.quantity,
        amount=disposal.proceeds,
        fee=disposal.expenses,
        order_id=disposal.order_id,
        pick=disposal.pick,
    )


class YearEnd(NamedTuple):
    """A fiscal year under the total average: sales at the year's one unit cost, and what is left."""

    realizations: tuple[Realization, ...]
    positions: Mapping[PositionKey, Position]


def total_average_year(book: Book, events: Sequence[Event], *, regime: JpCorporate | None = None) -> YearEnd:
    """Restate a fiscal year by 総平均法 (法人税法施行令119条の2第1項2号).

    Parameters
    ----------
    book : Book
        At the start of the fiscal year.
    events : sequence of Event
        Purchases and sales of the year. The total average divides by all shares of the year, so
        corporate actions inside it must be entered as the year before or after.
    regime : JpCorporate, optional
        For its pool key; the standard one when left out.

    Raises
    ------
    LedgerError
        If more is sold in the year than was held and bought, or an event is no purchase or sale.
    """
    law = regime or JpCorporate()
    bought: dict[PositionKey, list[Fill]] = defaultdict(list)
    sold: dict[PositionKey, list[Fill]] = defaultdict(list)
    for event in sorted(events, key=in_order):
        if isinstance(event, Dividend):
            continue
        if not isinstance(event, Fill) or event.kind in {FillKind.MARGIN_OPEN, FillKind.MARGIN_CLOSE}:
            raise LedgerError(f"{event.row}: the total average takes purchases and sales only")
        if event.arranged:
            raise LedgerError(
                f"{event.row}: a cross trade under the total average; leave out both rows and book the "
                "commissions as an expense"
            )
        if event.account_id not in book.accounts:
            raise LedgerError(f"{event.row}: the account {event.account_id!r} is not in the list of accounts")
        key = PositionKey(law.pool_key(book.accounts[event.account_id]), event.instrument_id)
        (bought if event.kind.enters else sold)[key].append(event)
    positions = dict(book.positions)
    realizations = []
    for key in sorted({*bought, *sold}):
        position = positions.get(key, Position(key))
        pool = pool_of(position)
        for fill in bought[key]:
            pool = pool.bought(fill.quantity, fill.cost)
        first = min(f.trade_date for f in (*bought[key], *sold[key]))
        whole = position_with(position, pool, first)
        for fill in sold[key]:  # every one at the same exact average
            done = law.dispose(whole, sale_of(fill))
            realizations.append(done)
            whole = done.position_after
        positions[key] = whole
    held = {key: position for key, position in positions.items() if position.lots}
    return YearEnd(tuple(realizations), MappingProxyType(held))


def total_average_years(
    book: Book,
    events: Sequence[Event],
    year_end: tuple[int, int],
    *,
    regime: JpCorporate | None = None,
) -> YearEnd:
    """Several fiscal years by 総平均法, each with its own unit cost; see `total_average_year`.

    Parameters
    ----------
    book : Book
        At the start of the first year.
    events : sequence of Event
        Purchases and sales.
    year_end : tuple of int
        Month and day of the last day of every fiscal year.
    regime : JpCorporate, optional
        For its pool key.
    """
    realizations: list[Realization] = []
    by_year: dict[dt.date, list[Event]] = defaultdict(list)
    for event in events:
        by_year[fiscal_year(event.trade_date, year_end)[1]].append(event)
    for end in sorted(by_year):
        year = total_average_year(book, by_year[end], regime=regime)
        book = replace(book, positions=year.positions, as_of=end)
        realizations += year.realizations
    return YearEnd(tuple(realizations), book.positions)


REGIME: TaxRegime = JpCorporate()
