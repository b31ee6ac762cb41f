"""Results of sales from what is held: cost, gain, recognition date, tax.

Every pool (Japan) and every account's lots (United States) are worked out by themselves, so that a
sale that cannot be does not stop the others.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import ZERO, Bucket, LotPick, Position, PositionKey, TaxLot
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.unit_costs import SHORT, oversold
from xlplugin.tax.jp_day import sale_of
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regime import REGIMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import Disposal, Realization
    from xlplugin.engines.harvesting.holdings import Holding

__all__ = ["SaleOrder", "SaleRates", "SaleResult", "sale_results"]

STATEMENT_SPAN = dt.timedelta(days=31)  # a purchase this much older than the first sale has settled


@dataclass(frozen=True, slots=True)
class SaleOrder:
    """One sale; money as TOTALS in the account's currency. `problems` are reason codes."""

    number: int
    row: int
    account: Account | None
    code: str
    quantity: Fraction | None
    proceeds: Fraction | None
    fee: Fraction
    trade_date: dt.date | None
    settle_date: dt.date | None = None
    lot: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SaleResult:
    """What one lot (Japan: the pool) gave in one sale; amounts None where it could not be made."""

    order: SaleOrder
    recognised_on: dt.date | None = None
    lot: str = ""
    acquired: dt.date | None = None
    quantity: Fraction | None = None
    cost: Fraction | None = None
    proceeds: Fraction | None = None
    fee: Fraction | None = None
    gain: Fraction | None = None
    term: str = ""
    tax: Fraction | None = None
    void: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SaleRates:
    """Rates that fill the tax of a sale and drive MINTAX, as fractions."""

    tax: Fraction = ZERO
    short: Fraction = ZERO
    long: Fraction = ZERO

    def of(self, bucket: Bucket) -> Fraction:
        """The rate on a result of `bucket`."""
        if bucket is Bucket.VOID:
            return ZERO
        return {Bucket.ST: self.short, Bucket.LT: self.long}.get(bucket, self.tax)


def sale_results(
    holdings: Sequence[Holding],
    orders: Sequence[SaleOrder],
    *,
    settled: Mapping[int, dt.date] | None = None,
    method: str = "FIFO",
    rates: SaleRates | None = None,
) -> list[SaleResult]:
    """Cost, result and tax of sales from what is held.

    Parameters
    ----------
    holdings : sequence of Holding
        The state before the sales, and the purchases of their days.
    orders : sequence of SaleOrder
        Sales; each pool or account works through its own in order of date.
    settled : mapping of int to datetime.date, optional
        Settlement day of a holding by its row, as the statement says.
    method : str
        FIFO, LIFO, HIFO, MINTAX or AVERAGE for US sales that name no lot.
    rates : SaleRates, optional
        All zero when left out.

    Returns
    -------
    list of SaleResult
        One per sale and lot, in order of the sales.
    """
    rates = rates or SaleRates()
    by_place: dict[tuple[str, ...], list[SaleOrder]] = {}
    results: dict[int, list[SaleResult]] = {}
    for order in orders:
        if order.problems or order.account is None:
            results[order.number] = [SaleResult(order, reasons=tuple(sorted(order.problems)))]
            continue
        by_place.setdefault(_place(order.account, order.code), []).append(order)
    for place, mine in by_place.items():
        held = [h for h in holdings if h.account is not None and _place(h.account, h.code) == place]
        if problems := tuple(sorted({p for h in held for p in h.problems})):
            results |= {order.number: [SaleResult(order, reasons=problems)] for order in mine}
        elif mine[0].account is not None and mine[0].account.kind.is_japanese:
            results |= _from_pool(held, mine, settled or {}, rates)
        else:
            results |= _from_lots(held, mine, method, rates)
    return [result for order in orders for result in results[order.number]]


def _place(account: Account, code: str) -> tuple[str, ...]:
    pool = REGIMES[account.regime].pool_key(account)
    return pool.regime, pool.holder, pool.kind.value, code


def _settles(account: Account, traded: dt.date) -> dt.date:
    """The settlement day where it decides something: Japanese individuals."""
    if account.regime != "jp.individual":
        return traded
    return calendar(account.kind.facts.market).settlement(traded)


def _from_pool(
    held: Sequence[Holding], orders: Sequence[SaleOrder], settled: Mapping[int, dt.date], rates: SaleRates
) -> dict[int, list[SaleResult]]:
    accounts = {a.id: a for a in (*(h.account for h in held), *(o.account for o in orders)) if a is not None}
    account = next(iter(accounts.values()))
    regime = REGIMES[account.regime]
    sales = {f"sale {o.number}": o for o in orders}
    fills = [_sale_fill(accounts, name, order) for name, order in sales.items()]
    first_sale = min(fill.trade_date for fill in fills)
    bought = [_lot_fill(h, first_sale, settled.get(h.row)) for h in held]
    refused = oversold(regime, [*bought, *fills], accounts)
    events = [*bought, *(fill for fill in fills if fill.id not in refused)]
    ledger = replay(regime, events, opening_book(accounts.values()))
    results = {order.number: [SaleResult(order, reasons=(SHORT,))] for order in orders}
    for done in ledger.realizations:
        order = sales[done.disposal.id]
        reasons = {"POOL_AVERAGE"} if len(held) > 1 else set()
        same_day = any(
            regime.day_of(fill) == regime.day_of(_as_fill(done.disposal, fills)) for fill in bought
        )
        if same_day and account.kind is not AccountKind.JP_CORP:
            reasons.add("SAME_DAY_BUY")
        if same_day and account.kind is AccountKind.JP_IPPAN:
            reasons.add("SAME_DAY_UNCLEAR")
        if len({h.account.id for h in held if h.account}) > 1:
            reasons.add("POOLED_ACCOUNTS")
        results[order.number] = _results(order, done, reasons, rates, pooled=True)
    return results


def _as_fill(disposal: Disposal, fills: Sequence[Fill]) -> Fill:
    return next(fill for fill in fills if fill.id == disposal.id)


def _sale_fill(accounts: Mapping[str, Account], name: str, order: SaleOrder) -> Fill:
    if order.account is None or order.trade_date is None or order.quantity is None or order.proceeds is None:
        raise TypeError("a sale that lacks something is a problem of its row")
    return Fill(
        id=name,
        trade_date=order.trade_date,
        settle_date=order.settle_date or _settles(order.account, order.trade_date),
        seq=1_000_000 + order.number,  # behind the purchases of its day
        source_row=f"sales, row {order.row}",
        account_id=order.account.id,
        instrument_id=order.code,
        kind=FillKind.SELL,
        quantity=order.quantity,
        amount=order.proceeds,
        fee=order.fee,
    )


def _lot_fill(holding: Holding, first_sale: dt.date, settled: dt.date | None) -> Fill:
    account, quantity, cost = holding.account, holding.quantity, holding.cost
    if account is None or quantity is None or cost is None:
        raise TypeError("a holding that lacks something is a problem of its row")
    opening = first_sale - STATEMENT_SPAN
    bought = holding.acquired or opening
    if settled is None:
        settled = bought if bought <= opening else _settles(account, bought)
    return Fill(
        id=f"row {holding.row}",
        trade_date=bought,
        settle_date=settled,
        seq=holding.row,
        source_row=f"lots, row {holding.row}",
        account_id=account.id,
        instrument_id=holding.code,
        kind=FillKind.BUY,
        quantity=quantity,
        amount=cost,
    )


def _from_lots(
    held: Sequence[Holding], orders: Sequence[SaleOrder], method: str, rates: SaleRates
) -> dict[int, list[SaleResult]]:
    account = orders[0].account
    if account is None:
        raise TypeError("a sale without an account is a problem of its row")
    regime = REGIMES[account.regime]
    key = PositionKey(regime.pool_key(account), orders[0].code)
    lots: list[TaxLot] = [
        TaxLot(h.lot, h.acquired, h.quantity, h.cost, h.acquired, seq=h.row)
        for h in held
        if h.acquired is not None and h.quantity is not None and h.cost is not None
    ]
    results: dict[int, list[SaleResult]] = {}
    for order in sorted(orders, key=lambda o: (o.trade_date or dt.date.min, o.number)):
        fill = _sale_fill({account.id: account}, f"sale {order.number}", order)
        there = tuple(lot for lot in lots if lot.acquired <= fill.trade_date)
        named = [lot for lot in there if lot.id == order.lot] if order.lot else list(there)
        if fill.quantity > sum((lot.quantity for lot in named), ZERO):
            results[order.number] = [SaleResult(order, reasons=(SHORT,))]
            continue
        pick = (
            LotPick("SPEC", ((order.lot, fill.quantity),))
            if order.lot
            else LotPick(method, (), rates.short, rates.long)
        )
        done = regime.dispose(Position(key, there), replace(sale_of(fill), pick=pick))
        lots = [*done.position_after.lots, *(lot for lot in lots if lot.acquired > fill.trade_date)]
        results[order.number] = _results(order, done, set(), rates, pooled=False)
    return results


def _results(
    order: SaleOrder, done: Realization, reasons: set[str], rates: SaleRates, *, pooled: bool
) -> list[SaleResult]:
    results = []
    for part in done.parts:
        void = part.bucket is Bucket.VOID
        why = reasons | ({"NON_TAXABLE_ACCOUNT"} if void and part.gain < 0 else set())
        results.append(
            SaleResult(
                order,
                done.recognised_on,
                "" if pooled else part.lot_id,
                None if pooled else part.acquired,
                part.quantity,
                part.cost,
                part.proceeds,
                part.expenses,
                part.gain,
                part.bucket.value if part.bucket in (Bucket.ST, Bucket.LT) else "",
                part.gain * rates.of(part.bucket),
                void and part.gain < 0,
                tuple(sorted(why)),
            )
        )
    return results
