"""us.taxable: lots, wash sales over the household, long and short term. 26 USC 1001, 1012, 1091, 1222.

Retirement accounts belong to it too: nothing inside them counts, but what they buy can destroy a
loss elsewhere. The rules are in `us_dispose`, `us_day`, `us_actions`, `wash_sales` and
`us_netting`; SPEC.md lists them clause by clause.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, Bucket, Disposal, PoolKey, Position, rounded
from xlplugin.core.trades import Dividend, Fill, FillKind, Gift, Transfer
from xlplugin.errors import LedgerError, MissingError
from xlplugin.tax.regime import (
    Carry,
    HarvestCheck,
    HarvestStatus,
    NetResult,
    Period,
    Reason,
    SalePreview,
    TaxResult,
    harvest_status,
)
from xlplugin.tax.tables import table
from xlplugin.tax.us_actions import act, move
from xlplugin.tax.us_day import UsDay, lots_of
from xlplugin.tax.us_dispose import dispose
from xlplugin.tax.us_netting import (
    investment_tax,
    loss_limit,
    net_capital,
    ordinary_tax,
    preferential_tax,
)
from xlplugin.tax.wash_sales import NETTED, WashPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.core.accounts import Account, Taxpayer
    from xlplugin.core.calendars import Calendar
    from xlplugin.core.lots import LossAdjustment, Realization
    from xlplugin.core.trades import Event
    from xlplugin.tax.regime import Book, DayResult, HarvestQuestion

__all__ = ["REGIME", "UsTaxable"]

ORDINARY, INVESTMENT, MAGI = "ORDINARY", "INVESTMENT", "MAGI"
NAMES = frozenset({ORDINARY, INVESTMENT, MAGI, Bucket.QUALIFIED.value})


@dataclass(frozen=True)
class UsTaxable:
    """See `TaxRegime`. `wash` chooses between readings that no authority settles."""

    wash: WashPolicy = field(default_factory=WashPolicy)
    name: str = "us.taxable"
    cost_unit: Decimal = Decimal(0)
    kinds: frozenset[AccountKind] = frozenset(kind for kind in AccountKind if not kind.is_japanese)

    # -- identity and dates ----------------------------------------------------------------------

    def pool_key(self, account: Account) -> PoolKey:
        """Every account holds its own lots."""
        return PoolKey(self.name, account.id, account.kind)

    def day_of(self, event: Event) -> dt.date:
        """The trade date (Rev. Rul. 66-97)."""
        return event.trade_date

    def recognition_date(
        self, trade_date: dt.date, settle_date: dt.date, account: Account, taxpayer: Taxpayer
    ) -> dt.date:
        """The trade date of a sale of shares held long; see `recognition_basis` for short ones."""
        del settle_date, account, taxpayer
        return trade_date

    @staticmethod
    def recognition_basis(position: str, trade_date: dt.date, settle_date: dt.date) -> dt.date:
        """The date that counts for a "long", "short_close_loss" or "short_close_gain" position.

        Treas. Reg. 1.1233-1(a)(1); Rev. Rul. 2002-44.

        Examples
        --------
        >>> import datetime as dt
        >>> trade, settle = dt.date(2026, 12, 31), dt.date(2027, 1, 4)
        >>> UsTaxable.recognition_basis("short_close_loss", trade, settle).year
        2027
        """
        basis = table("us.taxable.recognition").at(trade_date, position=position).text("basis")
        return trade_date if basis == "trade" else settle_date

    def period(self, recognised_on: dt.date, taxpayer: Taxpayer) -> Period:
        """The calendar year."""
        del taxpayer
        year = recognised_on.year
        return Period(year, dt.date(year, 1, 1), dt.date(year, 12, 31))

    def last_trade_date(self, period: Period, account: Account, calendar: Calendar) -> dt.date:
        """The last session of the period."""
        del account
        return calendar.on_or_before(period.end)

    def earliest_rebuy(self, trade_date: dt.date, account: Account, calendar: Calendar) -> dt.date | None:
        """The day after the window closes; none where no loss counts."""
        del calendar
        last = self.wash.window(trade_date)[1]
        if last == dt.date.max or not account.kind.facts.loss_counts:
            return None
        return last + dt.timedelta(days=1)

    # -- the seam --------------------------------------------------------------------------------

    def acquire(self, position: Position, fill: Fill) -> Position:
        """The position with one lot more."""
        return Position(position.key, (*position.lots, *lots_of(fill)))

    def dispose(self, position: Position, disposal: Disposal) -> Realization:
        """See `us_dispose.dispose`."""
        return dispose(position, disposal)

    def apply_day(self, book: Book, day: dt.date, events: Sequence[Event]) -> DayResult:
        """Corporate actions, then purchases, transfers and gifts, then one disposal per sale order."""
        work = UsDay(book, day, self.pool_key, self.wash)
        fills: list[Fill] = []
        moves: list[Transfer | Gift] = []
        for event in sorted(events, key=lambda e: (e.seq, e.id)):
            if isinstance(event, Fill):
                fills.append(event)
            elif isinstance(event, (Transfer, Gift)):
                moves.append(event)
            elif not isinstance(event, Dividend):
                act(work, event)
        orders: dict[tuple[str, str, str], list[Fill]] = defaultdict(list)
        for fill in fills:
            if fill.kind is FillKind.SELL:
                orders[fill.account_id, fill.instrument_id, fill.order].append(fill)
            elif fill.kind.enters and fill.kind is not FillKind.GENBIKI:
                work.buy(fill)
            else:
                raise LedgerError(
                    f"{fill.row}: {self.name} knows no {fill.kind}; a purchase on margin is a buy"
                )
        for event in moves:
            move(work, event)
        for order in orders.values():
            work.sell(sale_of(order))
        return work.close()

    # -- before trading --------------------------------------------------------------------------

    def preview(self, book: Book, disposal: Disposal, planned: Sequence[Fill]) -> SalePreview:
        """The sale on a copy: purchases up to its day, the sale, then later purchases."""
        work = UsDay(book.only(disposal.instrument_id), disposal.trade_date, self.pool_key, self.wash)
        buys = sorted(
            (fill for fill in planned if fill.kind.enters), key=lambda f: (f.trade_date, f.seq, f.id)
        )
        for fill in buys:
            if fill.trade_date <= disposal.trade_date:
                work.buy(fill)
        key = work.key(disposal.account_id, disposal.instrument_id, disposal.row)
        done = work.sell(disposal)
        alone = done
        if (buys and buys[0].trade_date <= disposal.trade_date) or self.wash.same_sale != NETTED:
            position = book.positions.get(key, Position(key))
            alone = dispose(position, disposal)
        for fill in buys:
            if fill.trade_date > disposal.trade_date:
                work.buy(fill)
        return SalePreview(alone, done, tuple(a for a in work.adjustments if a.disposal_id == disposal.id))

    def harvestable(
        self, book: Book, disposal: Disposal, nearby: Sequence[Fill], question: HarvestQuestion
    ) -> HarvestCheck:
        """See `TaxRegime.harvestable`."""
        account = book.accounts[disposal.account_id]
        preview = self.preview(book, disposal, nearby)
        gross = max(ZERO, -preview.alone.gain)
        taxed = account.kind.facts.loss_counts
        disallowed = sum((a.disallowed for a in preview.adjustments), ZERO) if gross else ZERO
        gone = sum((a.lost_forever for a in preview.adjustments), ZERO) if gross else ZERO
        if not taxed:
            disallowed = gone = gross
        recognised = max(ZERO, gross - disallowed)
        lost = min(gone, gross - recognised)
        late = taxed and disposal.trade_date > question.period.end
        now, later = (ZERO, recognised) if late else (recognised, ZERO)
        reasons = {Reason(a.reason) for a in preview.adjustments if taxed and gross}
        if question.restricted:
            reasons.add(Reason.RESTRICTED)
        if gross == 0:
            reasons.add(Reason.NO_LOSS_IN_TAX_CURRENCY)
        elif not taxed:
            reasons.add(Reason.NON_TAXABLE_ACCOUNT)
        elif recognised > 0:
            if late:
                reasons.add(Reason.SETTLES_NEXT_PERIOD)
            if not question.coverage_complete:
                reasons.add(Reason.COVERAGE_INCOMPLETE)
        status = harvest_status(question, gross_loss=gross, recognised_now=now, lost_forever=lost)
        calendar = question.calendar
        dated = taxed and calendar is not None and status is not HarvestStatus.NO_LOSS
        return HarvestCheck(
            status,
            gross,
            now,
            later,
            gross - now - later - lost,
            lost,
            self.earliest_rebuy(disposal.trade_date, account, calendar) if dated and calendar else None,
            self.last_trade_date(question.period, account, calendar) if taxed and calendar else None,
            tuple(sorted(reasons)),
            preview.alone.parts[0].bucket,
            preview.alone.cost,
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
        """Schedule D. A disallowed loss belongs to the year of its sale, whenever it became known.

        `income` may hold ORDINARY (taxable income without capital results and QUALIFIED; negative
        where deductions exceed it), QUALIFIED (dividends), INVESTMENT (interest, ordinary dividends
        and other investment income that is part of ORDINARY) and MAGI (without capital results),
        all in dollars. Without ORDINARY the yearly deduction is taken to find income to meet.
        """
        if unknown := sorted(set(income) - NAMES):
            raise LedgerError(
                f"{self.name}: unknown income {', '.join(unknown)}; use {', '.join(sorted(NAMES))}"
            )
        exact: dict[Bucket, Fraction] = defaultdict(Fraction)
        bucket_of: dict[tuple[str, int], Bucket] = {}
        for done in realizations:
            if done.recognised_on in period:
                for number, part in enumerate(done.parts):
                    exact[part.bucket] += part.gain
                    bucket_of[done.disposal.id, number] = part.bucket
        for adjustment in adjustments:
            bucket = bucket_of.get((adjustment.disposal_id, adjustment.part))
            if bucket is not None:
                exact[bucket] += adjustment.disallowed
        brought = {
            b: sum((c.amount for c in carry if c.bucket is b), Decimal(0)) for b in (Bucket.ST, Bucket.LT)
        }
        adjusted = None
        if ORDINARY in income:  # a deduction that finds no income to meet uses up no carry: 26 USC 1212(b)(2)
            adjusted = income[ORDINARY] + income.get(Bucket.QUALIFIED, Decimal(0))
        done_net = net_capital(
            rounded(exact[Bucket.ST]),
            rounded(exact[Bucket.LT]),
            limit=loss_limit(period.label, taxpayer.filing_status),
            carry_st=brought[Bucket.ST],
            carry_lt=brought[Bucket.LT],
            adjusted_income=adjusted,
        )
        out = tuple(
            Carry(bucket, period.label, amount)
            for bucket, amount in ((Bucket.ST, done_net.carry_st), (Bucket.LT, done_net.carry_lt))
            if amount
        )
        zero = Decimal(0)
        return NetResult(
            period,
            {
                Bucket.ST: done_net.st_taxable,
                Bucket.LT: done_net.net_capital_gain,
                Bucket.QUALIFIED: income.get(Bucket.QUALIFIED, zero),
                Bucket.ORDINARY: income.get(ORDINARY, zero),
            },
            out,
            done_net.deduct,
            {**done_net._asdict(), **{name: income[name] for name in (INVESTMENT, MAGI) if name in income}},
        )

    def tax(self, net: NetResult, taxpayer: Taxpayer) -> TaxResult:
        """Rate schedule, preferential rates and the tax on net investment income, not rounded.

        Raises
        ------
        MissingError
            If there is investment income but no MAGI was given to `net`.
        NoTableError
            If the figures of the year are not known.
        """
        year, status = net.period.label, taxpayer.filing_status
        capital = net.taxable[Bucket.ST] + net.taxable[Bucket.LT]
        zero = Decimal(0)
        below = net.taxable[Bucket.ORDINARY] + net.taxable[Bucket.ST] - net.deducted
        ordinary = max(zero, below)
        # Deductions that ordinary income does not absorb come off what is taxed at preferential rates.
        preferred = max(zero, net.taxable[Bucket.LT] + net.taxable[Bucket.QUALIFIED] + min(zero, below))
        parts = {
            "ordinary": ordinary_tax(ordinary, year, status),
            "preferential": preferential_tax(ordinary, preferred, year, status).tax,
        }
        invested = capital + net.taxable[Bucket.QUALIFIED] + net.figures.get(INVESTMENT, Decimal(0))
        invested -= net.deducted
        if invested > 0:
            if MAGI not in net.figures:
                raise MissingError("MAGI: it is not given; the tax on net investment income needs it")
            magi = net.figures[MAGI] + capital - net.deducted
            parts["net_investment"] = investment_tax(magi, invested, year, status).tax
        return TaxResult(parts)


def sale_of(fills: Sequence[Fill]) -> Disposal:
    """The disposal of one sale order: its fills together, with the lots they name."""
    first = fills[0]
    if any(fill.quantity.numerator <= 0 or fill.amount.numerator < 0 for fill in fills):
        raise LedgerError(f"{first.row}: a sale has a positive quantity and no negative amount")
    pick = first.pick
    if len(fills) > 1:
        named = tuple(entry for fill in fills for entry in fill.pick.named)
        pick = replace(pick, named=named)
    return Disposal(
        first.id,
        first.account_id,
        first.instrument_id,
        _total([fill.quantity for fill in fills]),
        _total([fill.proceeds for fill in fills]),
        first.trade_date,
        first.settle_date,
        expenses=_total([fill.expenses for fill in fills]),
        seq=first.seq,
        order_id=first.order,
        pick=pick,
        fill_ids=tuple(fill.id for fill in fills),
        source_row=first.source_row,
    )


def _total(amounts: list[Fraction]) -> Fraction:
    return amounts[0] if len(amounts) == 1 else sum(amounts, ZERO)


REGIME = UsTaxable()
