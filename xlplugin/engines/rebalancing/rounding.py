"""The second door between the two number worlds: exact lots come in, exact orders go out.

In: positions of the tax ledger become lots of the optimiser, in fractions of net asset value, with
what recent trades of the whole household forbid. Out: weights become whole numbers of steps in
shares. Nothing else in this package sees an exact number.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import Bucket
from xlplugin.engines.rebalancing.problem import Lots
from xlplugin.errors import MissingError
from xlplugin.tax.lot_picks import lot_term
from xlplugin.tax.wash_sales import OpenLoss, window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from xlplugin.aliases import BoolArray, IntArray
    from xlplugin.core.lots import TaxLot
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.tax.regime import Book

__all__ = ["FromBook", "HeldLot", "Order", "from_book", "orders"]

Exact = Fraction | int


class HeldLot(NamedTuple):
    """A lot of the ledger and where it is held."""

    account_id: str
    kind: AccountKind
    lot: TaxLot


class FromBook(NamedTuple):
    """The holdings of a household as the optimiser sees them.

    Attributes
    ----------
    lots : Lots
    held : tuple of HeldLot
        The exact lots behind them, in the same order.
    may_buy : ndarray of bool, shape (n_names,)
        False for names sold at a loss so recently that a purchase would wash it.
    free_from : tuple of date or None
        First day on which such a name may be bought again.
    groups : tuple of ndarray of int
        Names that are one security to the wash-sale rule.
    outside : float
        Value over net asset value of positions in names that the problem does not know.
    """

    lots: Lots
    held: tuple[HeldLot, ...]
    may_buy: BoolArray
    free_from: tuple[dt.date | None, ...]
    groups: tuple[IntArray, ...]
    outside: float


def from_book(
    book: Book,
    names: Sequence[str],
    prices: Mapping[str, Fraction | Decimal],
    nav: Fraction | Decimal,
    as_of: dt.date,
    rates: Mapping[Bucket, float],
    *,
    restricted: frozenset[str] = frozenset(),
) -> FromBook:
    """Lots of the whole household, and what its recent trades forbid.

    Parameters
    ----------
    book : Book
        Of the tax ledger, at the close before `as_of`.
    names : sequence of str
        Instruments in the order of the problem.
    prices : mapping of str to Fraction or Decimal
        Of one share, in the tax currency.
    nav : Fraction or Decimal
        Net asset value in the tax currency.
    as_of : date
        The trade date.
    rates : mapping of Bucket to float
        Marginal tax rate on a gain by bucket: ST and LT, or LISTED.
    restricted : frozenset of str
        Instruments or lot ids that must not be sold.

    Returns
    -------
    FromBook

    Raises
    ------
    MissingError
        If a price or a rate is missing.

    Notes
    -----
    A purchase counts as recent if a sale on `as_of` at a loss would be washed by it: from 30 days
    before the sale on, that day included, and only while it has not replaced another loss
    (26 U.S.C. 1091; the days are those of the dated table). Japan has no such window; there a pool
    and a price are all.
    """
    place = {name: number for number, name in enumerate(names)}
    rows: list[tuple[int, float, float, float, bool, bool, bool]] = []
    held: list[HeldLot] = []
    outside = Fraction(0)
    total = Fraction(nav)
    for key in sorted(book.positions, key=lambda k: (k.instrument_id, k.pool.holder, k.pool.kind)):
        position, kind = book.positions[key], key.pool.kind
        if not position.lots:
            continue
        if key.instrument_id not in prices:
            raise MissingError(f"there is no price for {key.instrument_id}; add it to the prices")
        price = Fraction(prices[key.instrument_id])
        if key.instrument_id not in place:
            outside += price * position.quantity
            continue
        for lot in position.lots:
            bucket = _bucket(kind, lot, as_of)
            if bucket is not Bucket.VOID and bucket not in rates:
                raise MissingError(f"there is no tax rate for {bucket}; give one for every bucket held")
            rows.append((
                place[key.instrument_id],
                float(lot.quantity * price / total),
                float((price - lot.unit_cost) / price),
                0.0 if bucket is Bucket.VOID else rates[bucket],
                key.instrument_id not in restricted and lot.id not in restricted,
                bucket is Bucket.LT,
                _replaces(kind, lot, as_of),
            ))  # fmt: skip
            held.append(HeldLot(key.pool.holder, kind, lot))
    holders = {account: number for number, account in enumerate(sorted({h.account_id for h in held}))}
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 7
    lots = Lots.of(
        columns[0].astype(np.int64),
        columns[1].astype(float),
        columns[2].astype(float),
        columns[3].astype(float),
        idents=tuple(h.lot.id for h in held),
        sellable=columns[4].astype(bool),
        long_term=columns[5].astype(bool),
        recent=columns[6].astype(bool),
        account=np.array([holders[h.account_id] for h in held], dtype=np.int64),
    )
    free_from = _free_from(book, names, as_of)
    return FromBook(
        lots,
        tuple(held),
        np.array([day is None for day in free_from], dtype=bool),
        free_from,
        _groups(book, names),
        float(outside / total),
    )


def _bucket(kind: AccountKind, lot: TaxLot, as_of: dt.date) -> Bucket:
    if not kind.facts.loss_counts:
        return Bucket.VOID
    return lot_term(lot, as_of) if kind is AccountKind.US_TAXABLE else Bucket.LISTED


def _replaces(kind: AccountKind, lot: TaxLot, as_of: dt.date) -> bool:
    """Whether shares sold at a loss on `as_of` would be replaced by this lot."""
    if kind.is_japanese or not lot.can_replace:
        return False
    first, last = window(as_of)
    return first <= lot.acquired <= last


def _free_from(book: Book, names: Sequence[str], as_of: dt.date) -> tuple[dt.date | None, ...]:
    """For names whose purchase today would wash a loss that is still open: the day after its window."""
    last: dict[str, dt.date] = {}
    for loss in book.memory:
        if isinstance(loss, OpenLoss) and loss.last >= as_of:
            last[loss.group] = max(loss.last, last.get(loss.group, loss.last))
    days = (last.get(book.group(name)) for name in names)
    return tuple(None if day is None else day + (day.resolution) for day in days)


def _groups(book: Book, names: Sequence[str]) -> tuple[IntArray, ...]:
    members: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        members.setdefault(book.group(name), []).append(number)
    return tuple(np.array(group, dtype=np.int64) for group in members.values() if len(group) > 1)


class Order(NamedTuple):
    """One order line, in shares.

    Attributes
    ----------
    side : {"sell", "buy"}
    name : str
    lot : str
        Of a sale; empty for a purchase.
    quantity : Fraction
    """

    side: str
    name: str
    lot: str
    quantity: Fraction


def orders(
    plan: Plan,
    quantities: Sequence[Fraction | Decimal],
    prices: Sequence[Fraction | Decimal],
    nav: Fraction | Decimal,
    steps: Sequence[Fraction | Decimal],
    *,
    whole_orders: bool = False,
) -> list[Order]:
    """The trade list in exact shares, sales before purchases, lots in their order of sale.

    Parameters
    ----------
    plan : Plan
    quantities : sequence of Fraction or Decimal
        Shares in every lot.
    prices : sequence of Fraction or Decimal
        Price of a share of every name, account currency.
    nav : Fraction or Decimal
        Net asset value, account currency.
    steps : sequence of Fraction or Decimal
        Trading unit of every name; for fractions the broker's step, such as 0.0001.
    whole_orders : bool
        Orders are whole numbers of steps; otherwise positions are.

    Returns
    -------
    list of Order
        A position left completely is sold with every fraction of its lots. Everything else is
        rounded to the nearest step, a sale never beyond what the lots hold.
    """
    problem = plan.problem
    held = [Fraction(0)] * len(problem.names)
    for owner, quantity in zip(problem.lots.name.tolist(), quantities, strict=True):
        held[owner] += Fraction(quantity)
    sold_of: dict[int, list[int]] = {}
    for sold in np.flatnonzero(plan.sold > 0.0).tolist():
        sold_of.setdefault(int(problem.lots.name[sold]), []).append(sold)
    sales, purchases = [], []
    for name in range(len(problem.names)):
        lots = sold_of.get(name, [])
        if not lots and not plan.bought[name] > 0.0:
            continue
        weight, share = Fraction(float(plan.weights[name])), Fraction(prices[name])
        goal = _stepped(weight * Fraction(nav) / share, held[name], Fraction(steps[name]), whole_orders)
        if plan.weights[name] <= _NOTHING:
            goal = Fraction(0)
        if not lots:
            if goal > held[name]:
                purchases.append(Order("buy", problem.names[name], "", goal - held[name]))
            continue
        left = max(Fraction(0), held[name] - goal)
        # Lots sold whole first, so that rounding touches the one that is split.
        for lot in sorted(lots, key=lambda lot: plan.sold[lot] < problem.lots.weight[lot]):
            part = min(left, Fraction(quantities[lot]))
            if part > 0:
                sales.append(Order("sell", problem.names[name], problem.lots.idents[lot], part))
                left -= part
    return sales + purchases


_NOTHING = 1e-12  # of net asset value


def _stepped(goal: Fraction, held: Fraction, step: Fraction, whole_orders: bool) -> Fraction:  # noqa: FBT001
    origin = held % step if whole_orders else Fraction(0)
    return origin + round((goal - origin) / step) * step
