"""Year-end data of a Japanese individual: 年間取引報告書-style totals, 付表-style carry, filing lines.

Sales are listed by account and settlement day; selling costs are part of ② and never netted from ①.
NISA stands apart. Withheld amounts follow the year-to-date engine of the account (措法37の11の4).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, Bucket, DisposalKind
from xlplugin.core.trades import CapitalReturn, Dividend, Fill, Merger
from xlplugin.engines.year_end import (
    MAX_MISSED,
    Adjustment,
    BrokerDifference,
    Cover,
    FilingCheck,
    MissedLoss,
    RateLine,
    YearEndRequest,
    broker_differences,
    cover,
    filing_checks,
    played_by_day,
    shown,
)
from xlplugin.errors import InputError
from xlplugin.tax.carryforward import CarryYear, last_usable_year, use_losses
from xlplugin.tax.dividends import dividend_tax
from xlplugin.tax.jp_day import MARGIN, pool_of
from xlplugin.tax.pools import average_unit
from xlplugin.tax.regime import Reason
from xlplugin.tax.regimes.jp_individual import JpIndividual
from xlplugin.tax.withholding import Withheld, net_dividends_at_year_end, rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import Realization
    from xlplugin.core.trades import Event
    from xlplugin.tax.ledger import Ledger
    from xlplugin.tax.regime import Book, Period

__all__ = [
    "AccountSummary",
    "CarryRow",
    "CarrySchedule",
    "DividendLine",
    "DividendTotals",
    "JapanYearEnd",
    "RealizedLine",
    "Totals",
    "japan",
]

NONE = Decimal(0)
NO_TAX = Withheld(NONE, NONE)
KINDS = ("share", "fund", "foreign")
MONTH, DAY = 3, 15  # a return is due on 15 March, or the next weekday (所得税法120条, 国税通則法10条2項)


@dataclass(frozen=True, slots=True)
class RealizedLine:
    """One sale; yen. `proceeds` is ①, `expense_basis` ② (cost and selling costs), gain is ① - ②."""

    account: str
    kind: AccountKind
    code: str
    name: str
    quantity: Decimal
    trade_date: dt.date
    settle_date: dt.date
    proceeds: Decimal
    expense_basis: Decimal
    margin: bool
    nature: str
    reason: str
    trade_id: str
    currency: str
    fx_sell: Decimal | None
    fx_buy: Decimal | None

    @property
    def gain(self) -> Decimal:
        """① less ②."""
        return self.proceeds - self.expense_basis


class Totals(NamedTuple):
    """① and ② of a row of the report; yen."""

    proceeds: Decimal
    expense_basis: Decimal

    @property
    def gain(self) -> Decimal:
        """① less ②."""
        return self.proceeds - self.expense_basis


@dataclass(frozen=True, slots=True)
class DividendLine:
    """One dividend; yen. `kind` is share, fund or foreign; `deemed`: part of a capital return."""

    account: str
    code: str
    name: str
    paid_on: dt.date
    kind: str
    gross: Decimal
    source_tax: Decimal
    national: Decimal
    resident: Decimal
    deemed: bool = False

    @property
    def net(self) -> Decimal:
        """What arrived."""
        return self.gross - self.source_tax - self.national - self.resident


class DividendTotals(NamedTuple):
    """One row of the dividend block; yen."""

    gross: Decimal = NONE
    national: Decimal = NONE
    resident: Decimal = NONE
    source_tax: Decimal = NONE


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """One account as its yearly report shows it; yen.

    `loss_against_dividends`, `dividends_after_loss` and `refund` are the year-end netting inside a
    source-withholding account: the loss set against the dividends, the dividends left, and what
    is paid back of the tax on them.
    """

    account: str
    kind: AccountKind
    listed: Totals
    margin: Totals
    withheld: Withheld
    dividends: Mapping[str, DividendTotals]
    loss_against_dividends: Decimal
    dividends_after_loss: Decimal
    refund: Withheld
    on_return: bool

    @property
    def total(self) -> Totals:
        """Listed and margin together."""
        return Totals(
            self.listed.proceeds + self.margin.proceeds,
            self.listed.expense_basis + self.margin.expense_basis,
        )

    @property
    def dividend_total(self) -> DividendTotals:
        """All kinds of dividends together."""
        return _sum_dividends(self.dividends.values())


@dataclass(frozen=True, slots=True)
class CarryRow:
    """One row of the schedule; losses positive, as the form prints them."""

    origin_year: int
    opening: Decimal
    used_gain: Decimal
    used_dividend: Decimal
    expired: Decimal
    closing: Decimal
    last_year: int
    unfiled_year: int | None


@dataclass(frozen=True, slots=True)
class CarrySchedule:
    """付表: this year's loss against dividends, then the four years; yen, losses positive."""

    loss_of_year: Decimal
    dividends_before: Decimal
    dividends_after: Decimal
    gain_of_year: Decimal
    taxable_gain: Decimal
    rows: tuple[CarryRow, ...]


@dataclass(frozen=True)
class JapanYearEnd:
    """All pages of the year-end workbook of a Japanese individual.

    `nisa` are the sales of NISA and iDeCo, which enter no total.
    """

    cover: Cover
    realized: tuple[RealizedLine, ...]
    nisa: tuple[RealizedLine, ...]
    summaries: tuple[AccountSummary, ...]
    rates: tuple[RateLine, ...]
    dividends: tuple[DividendLine, ...]
    carry: CarrySchedule
    adjustments: tuple[Adjustment, ...]
    missed: tuple[MissedLoss, ...]
    reconciliation: tuple[BrokerDifference, ...]
    filing: tuple[FilingCheck, ...]


def japan(request: YearEndRequest) -> JapanYearEnd:
    """The year-end data of a Japanese individual.

    Parameters
    ----------
    request : YearEndRequest
        The log, the accounts, the year, and what the taxpayer elects.

    Returns
    -------
    JapanYearEnd
        Pure data; nothing is rounded that the law does not round.

    Raises
    ------
    LedgerError
        For a row of the log that cannot be, naming it.
    InputError
        If an account left out of the return is not a source-withholding account.
    NoTableError
        For a year without rates.
    """
    regime = JpIndividual()
    accounts = [account for account in request.accounts if account.kind in regime.kinds]
    by_id = {account.id: account for account in accounts}
    for name in request.left_out:
        if name not in by_id or by_id[name].kind is not AccountKind.JP_TOKUTEI_WH:
            raise InputError(
                f"left_out: {name!r} is not a source-withholding account; it has to be on the return"
            )
    period = regime.period(dt.date(request.year, 12, 31), request.taxpayer)
    ledger, before = played_by_day(regime, request, period)
    fills = {event.id: event for event in request.events if isinstance(event, Fill)}
    mine = [done for done in ledger.realizations if _recognised(regime, done, by_id, request) in period]
    adjustments = _same_day(mine, before, regime, request)
    reduced = {a.trade_id: a.reason_code for a in adjustments}
    rate_of_pool = _single_rate(request.events)
    lines = [_line(done, by_id, request, fills, reduced, rate_of_pool) for done in _ordered(mine)]
    realized = tuple(line for line in lines if line.kind.facts.loss_counts)
    paid = _dividends(ledger, request, by_id, period)
    summaries = tuple(
        _summary(account, mine, regime, [d for d in paid if d.account == account.id], request)
        for account in accounts
        if account.kind.facts.loss_counts
    )
    schedule, used = _carry(summaries, request)
    ours = _totals(summaries)
    uncertain = rates(period.end).row
    return JapanYearEnd(
        cover(
            regime.name,
            period,
            request,
            accounts,
            period.end,
            [uncertain.title] if uncertain.needs_banner else [],
        ),
        realized,
        tuple(line for line in lines if not line.kind.facts.loss_counts),
        summaries,
        _rate_lines(period),
        paid,
        schedule,
        adjustments,
        request.missed[:MAX_MISSED],
        broker_differences(ours, request, _explanations(request)),
        _filing(summaries, used, before, request, by_id),
    )


# -- realized ------------------------------------------------------------------------------------


def _recognised(
    regime: JpIndividual, done: Realization, accounts: Mapping[str, Account], request: YearEndRequest
) -> dt.date:
    sale = done.disposal
    return regime.recognition_date(
        sale.trade_date, sale.settle_date, accounts[sale.account_id], request.taxpayer
    )


def _ordered(done: Iterable[Realization]) -> list[Realization]:
    return sorted(
        done,
        key=lambda r: (r.disposal.account_id, r.disposal.settle_date, r.disposal.trade_date, r.disposal.seq),
    )


def _is_margin(done: Realization) -> bool:
    return done.position_after.key.pool.holder.endswith(MARGIN)


def _line(
    done: Realization,
    accounts: Mapping[str, Account],
    request: YearEndRequest,
    fills: Mapping[str, Fill],
    reduced: Mapping[str, str],
    rate_of_pool: Mapping[tuple[str, str], Decimal],
) -> RealizedLine:
    sale = done.disposal
    account = accounts[sale.account_id]
    fill = fills.get(sale.id)
    foreign = fill is not None and fill.currency not in ("", account.currency)
    expenses = sum((part.expenses for part in done.parts), ZERO)
    return RealizedLine(
        sale.account_id,
        account.kind,
        sale.instrument_id,
        request.name(sale.instrument_id),
        shown(sale.quantity),
        sale.trade_date,
        sale.settle_date,
        shown(sale.proceeds),
        shown(done.cost + expenses),
        _is_margin(done),
        sale.kind.value,
        reduced.get(sale.id, ""),
        sale.id,
        fill.currency if fill is not None and foreign else account.currency,
        shown(fill.fx) if fill is not None and foreign else None,
        rate_of_pool.get((sale.account_id, sale.instrument_id)) if foreign else None,
    )


def _single_rate(events: Sequence[Event]) -> dict[tuple[str, str], Decimal]:
    """The rate of the purchases of an account and issue, where all had the same one."""
    found: dict[tuple[str, str], set[Decimal]] = {}
    for event in events:
        if isinstance(event, Fill) and event.kind.enters and event.fx != 1:
            found.setdefault((event.account_id, event.instrument_id), set()).add(shown(event.fx))
    return {place: next(iter(seen)) for place, seen in found.items() if len(seen) == 1}


def _same_day(
    mine: Sequence[Realization],
    before: Mapping[dt.date, tuple[Book, tuple[Event, ...]]],
    regime: JpIndividual,
    request: YearEndRequest,
) -> tuple[Adjustment, ...]:
    """Losses that a purchase of the same settlement day made smaller, with the new average."""
    lines = []
    for done in _ordered(mine):
        sale = done.disposal
        if sale.kind is not DisposalKind.SALE or done.parts[0].bucket is Bucket.VOID or _is_margin(done):
            continue
        book, events = before[sale.settle_date]
        key = done.position_after.key
        bought = [
            event
            for event in events
            if isinstance(event, Fill)
            and event.kind.enters
            and event.instrument_id == sale.instrument_id
            and regime.pool_key(book.accounts[event.account_id]) == key.pool
        ]
        held = book.positions.get(key)
        if not bought or held is None or held.quantity < sale.quantity:
            continue
        loss = max(ZERO, -regime.dispose(held, sale).gain)
        kept = max(ZERO, -done.gain)
        if loss <= kept:
            continue
        after = pool_of(done.position_after)
        lines.append(
            Adjustment(
                sale.id,
                sale.instrument_id,
                request.name(sale.instrument_id),
                shown(sale.quantity),
                shown(loss),
                shown(kept),
                shown(loss - kept),
                Reason.SAME_DAY_BUY.value,
                new_basis=shown(average_unit(after, sale.settle_date)) if after.quantity else None,
            )
        )
    return tuple(lines)


# -- dividends -----------------------------------------------------------------------------------


def _dividends(
    ledger: Ledger, request: YearEndRequest, accounts: Mapping[str, Account], period: Period
) -> tuple[DividendLine, ...]:
    lines = [
        _dividend(event, request, accounts[event.account_id])
        for event in ledger.dividends
        if event.settle_date in period and event.account_id in accounts
    ]
    actions = {e.id: e for e in request.events if isinstance(e, (CapitalReturn, Merger))}
    for done in ledger.realizations:
        sale = done.disposal
        action = actions.get(sale.id.partition(":")[0])
        if action is not None and action.dividend and sale.settle_date in period:
            event = Dividend(
                id=sale.id,
                trade_date=sale.trade_date,
                settle_date=sale.settle_date,
                account_id=sale.account_id,
                instrument_id=sale.instrument_id,
                quantity=sale.quantity,
                amount=action.dividend * sale.quantity,
            )
            lines.append(_dividend(event, request, accounts[sale.account_id], deemed=True))
    return tuple(sorted(lines, key=lambda line: (line.account, line.paid_on, line.code)))


def _dividend(
    event: Dividend, request: YearEndRequest, account: Account, *, deemed: bool = False
) -> DividendLine:
    if event.amount <= 0:
        raise InputError(f"{event.row}: the dividend is {shown(event.amount)}; give the gross amount")
    foreign = event.currency not in ("", account.currency) or event.foreign_tax != 0
    kind = "foreign" if foreign else request.kinds.get(event.instrument_id, "share")
    if kind not in KINDS:
        raise InputError(f"kinds: {event.instrument_id} is {kind!r}; use one of {', '.join(KINDS)}")
    tax = dividend_tax(
        event.amount,
        event.settle_date,
        source_rate=event.foreign_tax / event.amount,
        kind=account.kind,
        fx=event.fx,
    )
    return DividendLine(
        account.id,
        event.instrument_id,
        request.name(event.instrument_id),
        event.settle_date,
        kind,
        shown(tax.gross),
        tax.source_tax,
        tax.national,
        tax.resident,
        deemed,
    )


def _sum_dividends(rows: Iterable[DividendTotals]) -> DividendTotals:
    total = DividendTotals()
    for row in rows:
        total = DividendTotals(*(a + b for a, b in zip(total, row, strict=True)))
    return total


# -- summary and carry ---------------------------------------------------------------------------


def _summary(
    account: Account,
    mine: Sequence[Realization],
    regime: JpIndividual,
    paid: Sequence[DividendLine],
    request: YearEndRequest,
) -> AccountSummary:
    done = [r for r in mine if r.disposal.account_id == account.id]
    listed = _total(r for r in done if not _is_margin(r))
    margin = _total(r for r in done if _is_margin(r))
    withheld = refund = NO_TAX
    result = listed.gain + margin.gain
    against = NONE
    if account.kind is AccountKind.JP_TOKUTEI_WH:
        flows = [flow for _, flow in regime.withholding(done)]
        withheld = Withheld(sum((f.national for f in flows), NONE), sum((f.resident for f in flows), NONE))
        taxed = [(d.paid_on, d.gross - d.source_tax) for d in paid]
        if taxed:
            refund = net_dividends_at_year_end(taxed, result, request.year).refund
            against = min(max(NONE, -result), sum((amount for _, amount in taxed), NONE))
    by_kind = {
        kind: _sum_dividends(
            DividendTotals(d.gross, d.national, d.resident, d.source_tax) for d in paid if d.kind == kind
        )
        for kind in KINDS
    }
    return AccountSummary(
        account.id,
        account.kind,
        listed,
        margin,
        withheld,
        by_kind,
        against,
        sum((d.gross for d in paid), NONE) - against,
        refund,
        account.id not in request.left_out,
    )


def _total(done: Iterable[Realization]) -> Totals:
    proceeds = spent = ZERO
    for one in done:
        proceeds += one.disposal.proceeds
        spent += one.cost + sum((part.expenses for part in one.parts), ZERO)
    return Totals(shown(proceeds), shown(spent))


def _carry(summaries: Sequence[AccountSummary], request: YearEndRequest) -> tuple[CarrySchedule, CarryYear]:
    filed = [s for s in summaries if s.on_return]
    gain = sum((s.total.gain for s in filed), NONE)
    dividends = sum((s.dividend_total.gross for s in filed), NONE) if request.dividends_filed else NONE
    opening = {year: amount for (bucket, year), amount in request.carry.items() if bucket == "LISTED"}
    unfiled = [year for year, was in request.taxpayer.files_each_year.items() if not was]
    used = use_losses(opening, request.year, gain, dividends, unfiled_years=unfiled)
    rows = {
        row.origin_year: CarryRow(
            row.origin_year,
            row.opening,
            row.used_gain,
            row.used_dividend,
            row.expired,
            row.closing,
            row.last_year,
            row.unfiled_year,
        )
        for row in used.rows
    }
    for year in range(request.year - 3, request.year + 1):  # the form has a row for each of the four
        rows.setdefault(
            year, CarryRow(year, NONE, NONE, NONE, NONE, NONE, last_usable_year(year, request.year), None)
        )
    return (
        CarrySchedule(
            max(NONE, -gain),
            dividends,
            dividends - used.dividends_against_loss,
            max(NONE, gain),
            used.taxable_gain,
            tuple(rows[year] for year in sorted(rows)),
        ),
        used,
    )


def _rate_lines(period: Period) -> tuple[RateLine, ...]:
    found = {row.valid_from: row for row in (rates(day).row for day in (period.start, period.end))}
    names = ("income_tax", "surtax_reconstruction", "surtax_defence", "resident_tax")
    return tuple(
        RateLine(name, row.amount(name), row.valid_from, row.valid_to, row.status)
        for row in found.values()
        for name in names
    )


def _totals(summaries: Sequence[AccountSummary]) -> dict[tuple[str, str], Decimal]:
    ours: dict[tuple[str, str], Decimal] = {}
    for s in summaries:
        ours[s.account, "proceeds"] = s.total.proceeds
        ours[s.account, "cost"] = s.total.expense_basis
        ours[s.account, "gain"] = s.total.gain
        ours[s.account, "withheld"] = s.withheld.total
        ours[s.account, "dividends"] = s.dividend_total.gross
    return ours


def _explanations(request: YearEndRequest) -> tuple[str, ...]:
    found = ["ROUNDING"]
    if any(isinstance(e, (Fill, Dividend)) and e.fx != 1 for e in request.events):
        found.append("FOREIGN_EXCHANGE")
    if any(not isinstance(e, (Fill, Dividend)) for e in request.events):
        found.append("CORPORATE_ACTION")
    return (*found, "MISSING_FILE")


# -- filing --------------------------------------------------------------------------------------


def _due(year: int) -> dt.date:
    day = dt.date(year + 1, MONTH, DAY)
    while day.weekday() >= 5:
        day += dt.timedelta(days=1)
    return day


def _filing(
    summaries: Sequence[AccountSummary],
    used: CarryYear,
    before: Mapping[dt.date, tuple[Book, tuple[Event, ...]]],
    request: YearEndRequest,
    accounts: Mapping[str, Account],
) -> tuple[FilingCheck, ...]:
    due = _due(request.year)
    checks: list[tuple[str, str, dt.date | None]] = []
    for s in summaries:
        if not s.total.proceeds and not s.dividend_total.gross:
            continue
        withholding = s.kind is AccountKind.JP_TOKUTEI_WH
        checks.append(("jp_return_optional" if withholding else "jp_return_needed", s.account, due))
        if withholding and not s.on_return and s.total.gain < 0:
            checks.append(("jp_loss_left_out", s.account, due))
    if used.carry_out or any(row.opening for row in used.rows):
        checks.append(("jp_carry_every_year", "", due))
    if any(row.last_year == request.year and row.opening for row in used.rows):
        checks.append(("jp_carry_last_year", "", due))
    if checks:
        checks.append(("jp_side_effects", "", None))
    if request.taxpayer.large_holder_issuers:
        checks.append(("jp_large_holder", "", due))
    if any(_general_both_sides(events, accounts, request.year) for _, events in before.values()):
        checks.append(("jp_same_day_general", "", None))
    return filing_checks(checks)


def _general_both_sides(events: Sequence[Event], accounts: Mapping[str, Account], year: int) -> bool:
    sides: dict[tuple[str, str], set[bool]] = {}
    for event in events:
        if not isinstance(event, Fill) or event.settle_date.year != year:
            continue
        account = accounts.get(event.account_id)
        if account is not None and account.kind is AccountKind.JP_IPPAN:
            sides.setdefault((account.owner_id, event.instrument_id), set()).add(event.kind.enters)
    return any(len(found) == 2 for found in sides.values())
