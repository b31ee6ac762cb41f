"""One sale under every lot method: what each would take, what would count, and the tax.

Each sale is judged as if it alone were made. Japan has no lots to choose: one row, at the average of the
pool. United States: the wash rule is looked at over the lots of the household that are held.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import FIFO, ZERO, Bucket, Disposal, LotPick, Position
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.disposals import sale_results
from xlplugin.engines.harvesting.holdings import books_of, lot_id, rows_of
from xlplugin.engines.unit_costs import SHORT
from xlplugin.tax.lot_methods import STANDING_ORDERS, compare_methods
from xlplugin.tax.regime import Reason

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import PositionKey, TaxLot
    from xlplugin.engines.disposals import SaleOrder, SaleRates
    from xlplugin.engines.harvesting.holdings import Holding
    from xlplugin.tax.lot_methods import MethodResult
    from xlplugin.tax.regime import Book

__all__ = ["AVERAGE", "MethodRow", "method_rows"]

AVERAGE, BY_RATES = "AVERAGE", "MINTAX"
RATE_MISSING = "RATE_MISSING"
US = "us.taxable"


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One sale under one method; amounts None where they are not known.

    `short` and `long` are what counts, `gain` is the result before the wash rule takes `disallowed`
    (positive) from a loss. `rank` 1 is the lowest tax of the sale; equal taxes share a rank.
    """

    order: SaleOrder
    method: str
    lots: tuple[str, ...] = ()
    short: Fraction | None = None
    long: Fraction | None = None
    gain: Fraction | None = None
    disallowed: Fraction | None = None
    tax: Fraction | None = None
    rank: int | None = None
    void: bool = False
    reasons: tuple[str, ...] = ()


def method_rows(
    holdings: Sequence[Holding],
    orders: Sequence[SaleOrder],
    *,
    accounts: Mapping[str, Account],
    identity_groups: Mapping[str, str],
    lot_rates: SaleRates | None,
    pool_rates: SaleRates | None,
    settled: Mapping[int, dt.date] | None = None,
) -> list[MethodRow]:
    """Every sale under every method.

    Parameters
    ----------
    holdings : sequence of Holding
        The state before the sales, and the purchases close to them.
    orders : sequence of SaleOrder
        Each one alone.
    accounts : mapping of str to Account
        By id: whose purchases count together is their household.
    identity_groups : mapping of str to str
        Securities that replace each other in the United States.
    lot_rates, pool_rates : SaleRates or None
        Rates of the client, where lots are kept and where costs are pooled. Without them there is no
        tax, no rank and no MINTAX.
    settled : mapping of int to datetime.date, optional
        See `sale_results`.

    Returns
    -------
    list of MethodRow
        Sales in their order, methods in the order FIFO, LIFO, HIFO, MINTAX.
    """
    clear = rows_of([h for h in holdings if not h.problems])
    book = books_of(clear, accounts, identity_groups).get(US)
    rows: list[MethodRow] = []
    for order in orders:
        if order.problems or order.account is None:
            rows.append(MethodRow(order, "", reasons=tuple(sorted(order.problems))))
        elif order.account.kind.is_japanese:
            rows.append(_pooled(holdings, order, pool_rates, settled))
        else:
            rows += _by_lot(holdings, book, order, lot_rates)
    return rows


def _pooled(
    holdings: Sequence[Holding],
    order: SaleOrder,
    rates: SaleRates | None,
    settled: Mapping[int, dt.date] | None,
) -> MethodRow:
    (done,) = sale_results(holdings, [order], settled=settled, rates=rates)
    if done.gain is None:
        return MethodRow(order, AVERAGE, reasons=done.reasons)
    return MethodRow(
        order,
        AVERAGE,
        gain=done.gain,
        disallowed=ZERO,
        tax=done.tax if rates else None,
        rank=1 if rates else None,
        void=done.void,
        reasons=_sorted(done.reasons, rates),
    )


def _sorted(reasons: Iterable[str], rates: SaleRates | None) -> tuple[str, ...]:
    return tuple(sorted({*reasons, *(() if rates else (RATE_MISSING,))}))


def _by_lot(
    holdings: Sequence[Holding], book: Book | None, order: SaleOrder, rates: SaleRates | None
) -> list[MethodRow]:
    account, day = order.account, order.trade_date
    if account is None or day is None or order.quantity is None or order.proceeds is None:
        raise TypeError("a sale that lacks something is a problem of its row")
    mine = [h for h in holdings if h.account == account and h.code == order.code]
    there = [h for h in mine if h.acquired is not None and h.acquired <= day]
    named = [h for h in there if h.lot == order.lot] if order.lot else there
    problems = {p for h in mine for p in h.problems}
    if not problems and order.quantity > sum((h.quantity or ZERO for h in named), ZERO):
        problems = {SHORT}
    if problems or book is None:
        return [MethodRow(order, method, reasons=tuple(sorted(problems))) for method in STANDING_ORDERS]
    before, later = _as_of(book.only(order.code), day)
    sale = Disposal(
        "sale",
        account.id,
        order.code,
        order.quantity,
        order.proceeds,
        day,
        order.settle_date or day,
        expenses=order.fee,
        pick=_pick(named, order.quantity) if order.lot else FIFO,
        source_row=f"sales, row {order.row}",
    )
    short, long = (rates.short, rates.long) if rates else (ZERO, ZERO)
    found = {
        result.method: result
        for result in compare_methods(before, sale, short_rate=short, long_rate=long, planned=later)
    }
    taxes = sorted(result.tax for result in found.values())
    names = {lot_id(h): h.lot for h in mine}
    return [_row(order, found[method], names, taxes, rates) for method in STANDING_ORDERS]


def _row(
    order: SaleOrder,
    result: MethodResult,
    names: Mapping[str, str],
    taxes: Sequence[Fraction],
    rates: SaleRates | None,
) -> MethodRow:
    if rates is None and result.method == BY_RATES and not order.lot:
        return MethodRow(order, result.method, reasons=(RATE_MISSING,))
    parts, gain = result.realization.parts, result.realization.gain
    void = gain < 0 and any(part.bucket is Bucket.VOID for part in parts)
    reasons = {taken.reason for taken in result.adjustments}
    return MethodRow(
        order,
        result.method,
        tuple(dict.fromkeys(names[part.lot_id] for part in parts)),
        result.short,
        result.long,
        gain,
        result.disallowed,
        result.tax if rates else None,
        taxes.index(result.tax) + 1 if rates else None,
        void,
        _sorted({*reasons, Reason.NON_TAXABLE_ACCOUNT} if void else reasons, rates),
    )


def _as_of(book: Book, day: dt.date) -> tuple[Book, list[Fill]]:
    """What is held on `day`, and the purchases after it, which can still wash a loss."""
    positions, later = {}, []
    for key, position in book.positions.items():
        positions[key] = Position(key, tuple(lot for lot in position.lots if lot.acquired <= day))
        later += [_purchase(key, lot) for lot in position.lots if lot.acquired > day]
    return replace(book, positions=positions), later


def _purchase(key: PositionKey, lot: TaxLot) -> Fill:
    return Fill(
        id=lot.id,
        trade_date=lot.acquired,
        settle_date=lot.acquired,
        seq=lot.seq,
        account_id=key.pool.holder,
        instrument_id=key.instrument_id,
        kind=FillKind.BUY,
        quantity=lot.quantity,
        amount=lot.cost,
        order_id=lot.order_id,
    )


def _pick(named: Sequence[Holding], quantity: Fraction) -> LotPick:
    """The rows that bear the name of the lot, from the top, as far as the sale goes."""
    taken, left = [], quantity
    for holding in named:
        if share := min(left, holding.quantity or ZERO):
            taken.append((lot_id(holding), share))
            left -= share
    return LotPick("SPEC", tuple(taken))
