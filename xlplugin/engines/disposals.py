"""Unit costs from a history of trades, and results of sales from what is held.

Every pool (Japan) and every household's group of identical securities (United States) is worked out
by itself, so that a row that cannot be does not stop the others.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import ZERO, Bucket, LotPick, Position, PositionKey, TaxLot
from xlplugin.core.trades import Fill, FillKind
from xlplugin.tax.jp_day import pool_of, sale_of
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.pools import average_unit
from xlplugin.tax.regime import REGIMES
from xlplugin.tax.regimes.jp_corporate import total_average_years
from xlplugin.tax.regimes.jp_individual import JpIndividual

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import Disposal, Realization
    from xlplugin.engines.harvesting.candidates import Holding
    from xlplugin.tax.regime import TaxRegime

__all__ = ["SaleOrder", "SaleRates", "SaleResult", "UnitCost", "oversold", "sale_results", "unit_costs"]

SHORT = "SHORT_QUANTITY"
IN_TIME = frozenset({AccountKind.JP_IPPAN, AccountKind.JP_CORP})  # no day batch: order inside a day counts
STATEMENT_SPAN = dt.timedelta(days=31)  # a purchase this much older than the first sale has settled


def oversold(regime: TaxRegime, fills: Iterable[Fill], accounts: Mapping[str, Account]) -> set[str]:
    """Ids of the sales for which not enough is held; they are taken as not made for the ones behind.

    Purchases of a day come before its sales where the law takes a day as one batch.
    """

    def order(fill: Fill) -> tuple[dt.date, bool, dt.date, int, str]:
        batch = accounts[fill.account_id].kind not in IN_TIME
        return regime.day_of(fill), batch and not fill.kind.enters, fill.trade_date, fill.seq, fill.id

    held: dict[PositionKey, Fraction] = defaultdict(lambda: ZERO)
    refused = set()
    for fill in sorted(fills, key=order):
        key = PositionKey(regime.pool_key(accounts[fill.account_id]), fill.instrument_id)
        if fill.kind.enters:
            held[key] += fill.quantity
        elif fill.quantity > held[key]:
            refused.add(fill.id)
        else:
            held[key] -= fill.quantity
    return refused


# -- unit costs ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnitCost:
    """A pool or an open lot; amounts are None where more was sold than was held."""

    accounts: tuple[str, ...]
    kind: AccountKind
    code: str
    lot: str = ""
    acquired: dt.date | None = None
    quantity: Fraction | None = None
    unit_cost: Fraction | None = None
    cost: Fraction | None = None
    reasons: tuple[str, ...] = ()


def unit_costs(
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    *,
    identity_groups: Mapping[str, str] | None = None,
    rounds_each_buy: bool = False,
    total_average_year_end: tuple[int, int] | None = None,
    method: str = "FIFO",
) -> list[UnitCost]:
    """Cost per share of every pool (Japan) or open lot (United States) after a history of trades.

    Parameters
    ----------
    fills : sequence of Fill
        The whole history, executed; `seq` is the row of a trade.
    accounts : mapping of str to Account
        By id.
    identity_groups : mapping of str to str, optional
        For wash sales in the United States.
    rounds_each_buy : bool
        Broker practice for individuals in Japan instead of the law.
    total_average_year_end : tuple of int, optional
        Month and day of the fiscal year end of companies under the total average; the moving
        average when left out.
    method : str
        Lots a US sale takes when it names none.

    Returns
    -------
    list of UnitCost
        In the order in which a pool first appears; what holds nothing any more is left out.
    """
    groups: dict[tuple[str, ...], list[Fill]] = {}
    place: tuple[str, ...]
    for fill in fills:
        account = accounts[fill.account_id]
        if account.kind.is_japanese:
            pool = REGIMES[account.regime].pool_key(account)
            place = (account.regime, pool.holder, pool.kind.value, fill.instrument_id)
        else:
            group = (identity_groups or {}).get(fill.instrument_id, fill.instrument_id)
            place = (account.regime, account.household_id, group)
        groups.setdefault(place, []).append(fill)
    rows: list[UnitCost] = []
    for (regime, *_), members in groups.items():
        law = (
            JpIndividual(rounds_each_buy=True)
            if rounds_each_buy and regime == "jp.individual"
            else REGIMES[regime]
        )
        if regime == "us.taxable":
            rows += _us_lots(law, members, accounts, identity_groups, method)
        else:
            rows += _pool(law, members, accounts, total_average_year_end)
    return rows


def _names(fills: Iterable[Fill]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fill.account_id for fill in fills))


def _pool(
    law: TaxRegime,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    year_end: tuple[int, int] | None,
) -> list[UnitCost]:
    kind, code, names = accounts[fills[0].account_id].kind, fills[0].instrument_id, _names(fills)
    if oversold(law, fills, accounts):
        return [UnitCost(names, kind, code, reasons=(SHORT,))]
    events = [replace(fill, id=f"row {fill.seq}") for fill in fills]
    book = opening_book([accounts[name] for name in names])
    if kind is AccountKind.JP_CORP and year_end is not None:
        positions = total_average_years(book, events, year_end).positions
    else:
        positions = replay(law, events, book).book.positions
    (position,) = positions.values() or (None,)
    if position is None:
        return []
    pool = pool_of(position)
    individual = kind is not AccountKind.JP_CORP
    unit = average_unit(pool, max(f.settle_date for f in fills)) if individual else pool.cost / pool.quantity
    reasons = set()
    if len(names) > 1:
        reasons.add("POOLED_ACCOUNTS")
    if kind is AccountKind.JP_IPPAN and _both_sides_on_one_day(fills):
        reasons.add("SAME_DAY_UNCLEAR")
    return [
        UnitCost(
            names,
            kind,
            code,
            "",
            position.lots[0].acquired,
            pool.quantity,
            unit,
            pool.cost,
            tuple(sorted(reasons)),
        )
    ]


def _both_sides_on_one_day(fills: Iterable[Fill]) -> bool:
    sides: dict[dt.date, set[bool]] = defaultdict(set)
    for fill in fills:
        sides[fill.settle_date].add(fill.kind.enters)
    return any(len(found) == 2 for found in sides.values())


def _us_lots(
    law: TaxRegime,
    fills: Sequence[Fill],
    accounts: Mapping[str, Account],
    identity_groups: Mapping[str, str] | None,
    method: str,
) -> list[UnitCost]:
    refused = oversold(law, fills, accounts)
    short = {(f.account_id, f.instrument_id) for f in fills if f.id in refused}
    standing = LotPick(method)
    events = [
        replace(fill, pick=standing) if fill.kind is FillKind.SELL and not fill.pick.named else fill
        for fill in fills
        if (fill.account_id, fill.instrument_id) not in short
    ]
    book = opening_book([accounts[name] for name in _names(fills)], identity_groups)
    positions = replay(law, events, book).book.positions
    rows = []
    for account_id, code in dict.fromkeys((f.account_id, f.instrument_id) for f in fills):
        kind = accounts[account_id].kind
        if (account_id, code) in short:
            rows.append(UnitCost((account_id,), kind, code, reasons=(SHORT,)))
            continue
        position = positions.get(PositionKey(law.pool_key(accounts[account_id]), code))
        for lot in position.lots if position else ():
            rows.append(
                UnitCost(
                    (account_id,), kind, code, lot.id, lot.acquired, lot.quantity, lot.unit_cost, lot.cost
                )
            )
    return rows


# -- results of sales ----------------------------------------------------------------------------


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
