"""Year-end data of a US taxpayer: Form 8949-style lines by box, Schedule D-style totals, carryovers.

A wash sale prints code W in (f) and the disallowed loss, positive, in (g). What a broker reports of an
account chooses the box. The year stays provisional while a purchase can still reach back to it: to 30
January (26 USC 1091(a)).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, Bucket, rounded
from xlplugin.core.trades import CapitalReturn
from xlplugin.engines.year_end import (
    MAX_MISSED,
    Adjustment,
    BrokerDifference,
    Cover,
    FilingCheck,
    MissedLoss,
    YearEndRequest,
    broker_differences,
    cover,
    filing_checks,
    shown,
)
from xlplugin.errors import WordError
from xlplugin.tax.holding_period import qualified_dividend
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regimes.us_taxable import UsTaxable
from xlplugin.tax.tables import TaxRow, table
from xlplugin.tax.us_netting import loss_limit, net_capital
from xlplugin.tax.us_report import SaleLine, form_8949_row, sale_lines
from xlplugin.tax.wash_sales import window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.lots import Position, PositionKey
    from xlplugin.tax.ledger import Ledger
    from xlplugin.tax.regime import Period

__all__ = [
    "BoxTotal",
    "CarryCorkscrew",
    "ScheduleD",
    "UnitedStatesYearEnd",
    "UsDividendLine",
    "UsRealizedLine",
    "united_states",
]

NONE = Decimal(0)
SHORT = {"basis": "A", "no_basis": "B", "nothing": "C"}
LONG = {"basis": "D", "no_basis": "E", "nothing": "F"}
BOXES = (*SHORT.values(), *LONG.values())


@dataclass(frozen=True, slots=True)
class UsRealizedLine:
    """One line of Form 8949, dollars: gain = proceeds - expense_basis + adjustment.

    `description` is column (a), `acquired` (b), `trade_date` (c), `proceeds` (d), `expense_basis`
    (e), `adj_code` (f), `adjustment` (g). `provisional`: a purchase can still change the line.
    """

    box: str
    description: str
    acquired: dt.date
    trade_date: dt.date
    proceeds: Decimal
    expense_basis: Decimal
    adj_code: str
    adjustment: Decimal
    trade_id: str
    account: str
    code: str
    lot: str
    provisional: bool

    @property
    def gain(self) -> Decimal:
        """Column (h)."""
        return self.proceeds - self.expense_basis + self.adjustment


class BoxTotal(NamedTuple):
    """Columns (d), (e) and (g) of one box; dollars."""

    box: str
    proceeds: Decimal
    expense_basis: Decimal
    adjustment: Decimal

    @property
    def gain(self) -> Decimal:
        """Column (h)."""
        return self.proceeds - self.expense_basis + self.adjustment


@dataclass(frozen=True, slots=True)
class ScheduleD:
    """Schedule D-style totals, dollars; losses negative, carries positive.

    `combined` is line 16; `offset` of it meets other income, up to `limit`.
    """

    boxes: tuple[BoxTotal, ...]
    gain_distributions: Decimal
    short_carryover: Decimal
    long_carryover: Decimal
    net_short: Decimal
    net_long: Decimal
    combined: Decimal
    limit: Decimal
    offset: Decimal
    short_carried: Decimal
    long_carried: Decimal


class CarryCorkscrew(NamedTuple):
    """One kind of carryover through the year; dollars, positive."""

    bucket: Bucket
    opening: Decimal
    added: Decimal
    used_gains: Decimal
    used_ordinary: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True)
class UsDividendLine:
    """One dividend, dollars. `short_held` of its shares were sold too soon for it to be qualified."""

    account: str
    code: str
    name: str
    paid_on: dt.date
    gross: Decimal
    source_tax: Decimal
    shares: Decimal
    short_held: Decimal

    @property
    def net(self) -> Decimal:
        """After tax at source."""
        return self.gross - self.source_tax


@dataclass(frozen=True)
class UnitedStatesYearEnd:
    """All pages of the year-end workbook of a US taxpayer."""

    cover: Cover
    realized: tuple[UsRealizedLine, ...]
    schedule: ScheduleD
    dividends: tuple[UsDividendLine, ...]
    carry: tuple[CarryCorkscrew, ...]
    adjustments: tuple[Adjustment, ...]
    missed: tuple[MissedLoss, ...]
    reconciliation: tuple[BrokerDifference, ...]
    filing: tuple[FilingCheck, ...]


def united_states(request: YearEndRequest) -> UnitedStatesYearEnd:
    """The year-end data of a US taxpayer.

    Parameters
    ----------
    request : YearEndRequest
        The log and the accounts of the household; only the taxpayer's taxable accounts are listed,
        the others count for wash sales.

    Returns
    -------
    UnitedStatesYearEnd
        Pure data, each line to the cent.

    Raises
    ------
    LedgerError
        For a row of the log that cannot be, naming it.
    WordError
        If `boxes` holds an unknown word.
    """
    regime = UsTaxable()
    accounts = [account for account in request.accounts if account.kind in regime.kinds]
    period = regime.period(dt.date(request.year, 12, 31), request.taxpayer)
    ledger = replay(regime, request.events, request.book or opening_book(request.accounts))
    lines = [line for line in _lines(ledger, period) if _is_listed(line.account_id, request)]
    realized = _realized(lines, request)
    schedule, corkscrews = _schedule(realized, request)
    return UnitedStatesYearEnd(
        cover(
            regime.name,
            period,
            request,
            accounts,
            window(period.end)[1],
            [row.title for row in _rows_used(request) if row.needs_banner],
        ),
        realized,
        schedule,
        _dividends(ledger, request, period),
        corkscrews,
        _adjustments(ledger, lines, request),
        request.missed[:MAX_MISSED],
        broker_differences(_totals(realized, ledger, period), request, _explanations(ledger, request)),
        _filing(realized),
    )


def _rows_used(request: YearEndRequest) -> list[TaxRow]:
    return [table("us.taxable.loss_limit").of_year(request.year, status_code=request.taxpayer.filing_status)]


# -- realized ------------------------------------------------------------------------------------


def _lines(ledger: Ledger, period: Period) -> list[SaleLine]:
    return [
        line
        for done in ledger.realizations
        if done.recognised_on in period
        for line in sale_lines(done, ledger.adjustments_of(done.disposal.id))
        if line.bucket in (Bucket.ST, Bucket.LT)
    ]


def _is_listed(account_id: str, request: YearEndRequest) -> bool:
    """Whether an account is on this return: the taxpayer's own, jointly also the spouse's."""
    taxpayer = request.taxpayer
    if not taxpayer.id:
        return True
    owners = {taxpayer.id, taxpayer.spouse_id} if taxpayer.filing_status == "MFJ" else {taxpayer.id}
    return any(a.id == account_id and a.owner_id in owners for a in request.accounts)


def _realized(lines: Iterable[SaleLine], request: YearEndRequest) -> tuple[UsRealizedLine, ...]:
    found = []
    for line in lines:
        reported = request.boxes.get(line.account_id, "basis")
        if reported not in SHORT:
            raise WordError(f"boxes, {line.account_id}", got=reported, choices=tuple(SHORT))
        row = form_8949_row(line)
        box = (SHORT if line.bucket is Bucket.ST else LONG)[reported]
        quantity = f"{shown(line.quantity).normalize():f}"
        provisional = line.gain < 0 and request.as_of <= window(line.sold)[1]
        found.append(
            UsRealizedLine(
                box,
                f"{quantity} sh. {request.name(line.instrument_id)}",
                row.acquired,
                row.sold,
                row.proceeds,
                row.basis,
                row.code,
                row.adjustment,
                line.disposal_id,
                line.account_id,
                line.instrument_id,
                line.lot_id,
                provisional,
            )
        )
    return tuple(sorted(found, key=lambda r: (r.box, r.trade_date, r.code, r.acquired, r.trade_id, r.lot)))


# -- Schedule D ----------------------------------------------------------------------------------


def _schedule(
    realized: Sequence[UsRealizedLine], request: YearEndRequest
) -> tuple[ScheduleD, tuple[CarryCorkscrew, ...]]:
    boxes = tuple(
        BoxTotal(
            box,
            sum((r.proceeds for r in realized if r.box == box), NONE),
            sum((r.expense_basis for r in realized if r.box == box), NONE),
            sum((r.adjustment for r in realized if r.box == box), NONE),
        )
        for box in BOXES
    )
    opening = {
        bucket: sum((a for (b, _), a in request.carry.items() if b == bucket.value), NONE)
        for bucket in (Bucket.ST, Bucket.LT)
    }
    distributions = Decimal(request.gain_distributions)
    short = sum((b.gain for b in boxes if b.box in SHORT.values()), NONE)
    long = sum((b.gain for b in boxes if b.box in LONG.values()), NONE) + distributions
    limit = loss_limit(request.year, request.taxpayer.filing_status)
    done = net_capital(short, long, limit=limit, carry_st=opening[Bucket.ST], carry_lt=opening[Bucket.LT])
    schedule = ScheduleD(
        boxes,
        distributions,
        opening[Bucket.ST],
        opening[Bucket.LT],
        done.net_st,
        done.net_lt,
        done.net_st + done.net_lt,
        limit,
        done.deduct,
        done.carry_st,
        done.carry_lt,
    )
    return schedule, (
        _corkscrew(Bucket.ST, opening[Bucket.ST], short, done.net_st, done.net_lt, done.carry_st),
        _corkscrew(Bucket.LT, opening[Bucket.LT], long, done.net_lt, done.net_st, done.carry_lt),
    )


def _corkscrew(
    bucket: Bucket, opening: Decimal, result: Decimal, net: Decimal, other: Decimal, closing: Decimal
) -> CarryCorkscrew:
    """A loss of the bucket: brought in and added, used against gains, against other income, carried."""
    added = max(NONE, -result)
    loss = max(NONE, -net)
    own = opening + added - loss  # met by gains of the same bucket
    across = min(loss, max(NONE, other))
    ordinary = loss - across - closing
    return CarryCorkscrew(bucket, opening, added, own + across, ordinary, closing)


# -- dividends, adjustments ----------------------------------------------------------------------


def _dividends(ledger: Ledger, request: YearEndRequest, period: Period) -> tuple[UsDividendLine, ...]:
    taxable = {a.id for a in request.accounts if a.kind.facts.loss_counts and not a.kind.is_japanese}
    lines = []
    for event in ledger.dividends:
        if event.settle_date not in period or event.account_id not in taxable:
            continue
        if not _is_listed(event.account_id, request):
            continue
        lines.append(
            UsDividendLine(
                event.account_id,
                event.instrument_id,
                request.name(event.instrument_id),
                event.settle_date,
                rounded(event.amount * event.fx),
                rounded(event.foreign_tax * event.fx),
                shown(event.quantity),
                shown(_short_held(ledger, event.account_id, event.instrument_id, event.trade_date)),
            )
        )
    return tuple(sorted(lines, key=lambda line: (line.account, line.paid_on, line.code)))


def _short_held(ledger: Ledger, account: str, code: str, ex_date: dt.date) -> Fraction:
    """Shares that got the dividend and were sold without more than 60 days in its window."""
    return sum(
        (
            part.quantity
            for done in ledger.realizations
            if done.disposal.account_id == account
            and done.disposal.instrument_id == code
            and done.disposal.trade_date >= ex_date
            for part in done.parts
            if part.acquired < ex_date
            and not qualified_dividend(part.acquired, ex_date, done.disposal.trade_date).qualified
        ),
        ZERO,
    )


def _adjustments(
    ledger: Ledger, lines: Sequence[SaleLine], request: YearEndRequest
) -> tuple[Adjustment, ...]:
    parts = {
        (done.disposal.id, number): (done, part)
        for done in ledger.realizations
        for number, part in enumerate(done.parts)
    }
    listed = {line.disposal_id for line in lines}
    found = []
    for a in ledger.adjustments:
        if a.disposal_id not in listed:
            continue
        done, part = parts[a.disposal_id, a.part]
        loss = -part.gain * a.quantity / part.quantity
        found.append(
            Adjustment(
                a.disposal_id,
                done.disposal.instrument_id,
                request.name(done.disposal.instrument_id),
                shown(a.quantity),
                rounded(loss),
                rounded(loss - a.disallowed),
                rounded(a.disallowed),
                a.reason,
                a.to_lot_id,
                _basis_now(ledger.book.positions, a.to_account_id, a.to_lot_id),
            )
        )
    return tuple(found)


def _basis_now(positions: Mapping[PositionKey, Position], account: str, lot_id: str) -> Decimal | None:
    """Basis of what is still held of the lot that took a loss; None when it is sold."""
    held = [
        lot.cost
        for position in positions.values()
        if position.key.pool.holder == account
        for lot in position.lots
        if lot.id == lot_id
    ]
    return rounded(sum(held, ZERO)) if held else None


# -- reconciliation, filing ----------------------------------------------------------------------


def _totals(
    realized: Sequence[UsRealizedLine], ledger: Ledger, period: Period
) -> dict[tuple[str, str], Decimal]:
    ours: dict[tuple[str, str], Decimal] = {}
    for account in {a.id for a in ledger.book.accounts.values() if a.kind.facts.loss_counts}:
        mine = [r for r in realized if r.account == account]
        ours[account, "proceeds"] = sum((r.proceeds for r in mine), NONE)
        ours[account, "cost"] = sum((r.expense_basis for r in mine), NONE)
        ours[account, "gain"] = sum((r.gain for r in mine), NONE)
        paid = (d for d in ledger.dividends if d.account_id == account and d.settle_date in period)
        ours[account, "dividends"] = rounded(sum((d.amount * d.fx for d in paid), ZERO))
    return ours


def _explanations(ledger: Ledger, request: YearEndRequest) -> tuple[str, ...]:
    found = []
    if any(a.to_account_id != _account_of(ledger, a.disposal_id) for a in ledger.adjustments):
        found.append("WASH_ACROSS")
    if any(isinstance(event, CapitalReturn) for event in request.events):
        found.append("CORPORATE_ACTION")
    return (*found, "MISSING_FILE")


def _account_of(ledger: Ledger, disposal_id: str) -> str:
    return next(r.disposal.account_id for r in ledger.realizations if r.disposal.id == disposal_id)


def _filing(realized: Sequence[UsRealizedLine]) -> tuple[FilingCheck, ...]:
    checks: list[tuple[str, str, dt.date | None]] = []
    for account in sorted({r.account for r in realized}):
        checks += [("us_lot_instruction", account, None), ("us_broker_form", account, None)]
    open_days = [window(r.trade_date)[1] for r in realized if r.provisional]
    if open_days:
        checks.append(("us_open_window", "", max(open_days)))
    if sum((r.gain for r in realized), NONE) > 0:
        checks.append(("us_estimated_tax", "", None))
    return filing_checks(checks)
