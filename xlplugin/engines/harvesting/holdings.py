"""What is held, as the user's table has it, brought together the way each account kind holds it.

Japan averages: the rows of one account and code are sold together, and accounts may share a pool. The
United States keeps lots: every row stands alone. A row without what it needs says so in `problems`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, Position, PositionKey, TaxLot
from xlplugin.tax.regime import REGIMES, Book

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account

__all__ = [
    "BY_LOT",
    "Holding",
    "Quote",
    "Row",
    "books_of",
    "home_price",
    "lot_id",
    "rows_of",
    "unclear_groups",
]

LONG_AGO = dt.date(1970, 1, 1)  # for a Japanese pool row without a date: no rule asks for it
BY_LOT = "lot"


@dataclass(frozen=True, slots=True)
class Holding:
    """One row of what is held. `problems` are reason codes; with one, amounts may be None.

    Quantity and cost are exact; the cost is the TOTAL of the row in the account's currency.
    """

    row: int
    account: Account | None
    code: str
    quantity: Fraction | None
    cost: Fraction | None
    name: str = ""
    lot: str = ""
    acquired: dt.date | None = None
    currency: str = ""
    identity_group: str = ""
    restricted: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one security per share, in `currency` (blank: that of the account).

    `fx` is home money per unit of `currency`; Japan: TTB of the day. `spread` is a fraction of mid.
    """

    code: str
    price: Fraction | None
    currency: str = ""
    fx: Fraction | None = None
    spread: Fraction | None = None
    replacement: str = ""


def home_price(holding: Holding, quote: Quote | None) -> Fraction | str:
    """Price per share in the account's currency, or the reason code that says why there is none.

    A price is in the currency of its row, else of the holding; `fx` counts only where that is not the
    account's, or where no currency is named at all.
    """
    if quote is None or quote.price is None:
        return "NO_PRICE"
    if quote.price <= 0:
        return "BAD_PRICE"
    home = holding.account.currency if holding.account else ""
    foreign = quote.currency or holding.currency
    if foreign in ("", home):
        return quote.price * quote.fx if quote.fx is not None and not foreign else quote.price
    return "NO_FX" if quote.fx is None else quote.price * quote.fx


@dataclass(frozen=True, slots=True)
class Row:
    """Holdings that are sold together: a pool of one account, or one lot."""

    first: Holding
    account: Account | None
    quantity: Fraction | None
    restricted: bool
    problems: tuple[str, ...]
    lots: tuple[TaxLot, ...] = ()

    @property
    def pooled(self) -> bool:
        """Whether the account kind averages the cost."""
        return self.account is not None and self.account.kind.facts.pooled_by != BY_LOT


def rows_of(holdings: Sequence[Holding]) -> list[Row]:
    """Rows of one account and code together where the account kind averages them."""
    groups: dict[tuple[object, ...], list[Holding]] = defaultdict(list)
    for h in holdings:
        averaged = h.account is not None and h.account.kind.facts.pooled_by != BY_LOT and h.code
        groups[(h.account.id, h.code) if averaged and h.account else (h.row,)].append(h)
    return [_row(together) for together in groups.values()]


def _row(together: list[Holding]) -> Row:
    quantities = [h.quantity for h in together if h.quantity is not None]
    return Row(
        together[0],
        together[0].account,
        sum(quantities, ZERO) if len(quantities) == len(together) else None,
        any(h.restricted for h in together),
        tuple(sorted({code for h in together for code in h.problems})),
        tuple(_lot(h) for h in together if h.quantity is not None),
    )


def lot_id(holding: Holding) -> str:
    """What the lot of a row is called in a book."""
    return f"lots, row {holding.row}"


def _lot(h: Holding) -> TaxLot:
    acquired, account = h.acquired or LONG_AGO, h.account.id if h.account else ""
    # Parts of one lot that a broker lists apart were bought together. A lot whose cost is not known is
    # not judged itself, but it can replace another one.
    order = f"{account}/{h.code}/{acquired}/{h.lot}" if h.lot else f"row {h.row}"
    return TaxLot(
        lot_id(h),
        acquired,
        h.quantity or ZERO,
        h.cost or ZERO,
        acquired,
        seq=h.row,
        order_id=order,
    )


def books_of(
    rows: Sequence[Row], accounts: Mapping[str, Account], groups: Mapping[str, str]
) -> dict[str, Book]:
    """One book per regime with everything held; a pool with a row that has a problem is left out."""
    found: dict[str, dict[PositionKey, Position]] = defaultdict(dict)
    unknown: set[PositionKey] = set()
    for row in rows:
        if row.account is None or not row.first.code:
            continue
        regime = REGIMES[row.account.regime]
        key = PositionKey(regime.pool_key(row.account), row.first.code)
        if row.pooled and row.problems:
            unknown.add(key)
        known = found[regime.name].get(key, Position(key))
        found[regime.name][key] = Position(key, (*known.lots, *row.lots))
    return {
        name: Book(
            MappingProxyType(dict(accounts)),
            MappingProxyType(
                {key: _one_pool(held) for key, held in positions.items() if held.lots and key not in unknown}
            ),
            MappingProxyType(dict(groups)),
        )
        for name, positions in found.items()
    }


def _one_pool(position: Position) -> Position:
    if position.key.pool.kind.facts.pooled_by == BY_LOT or len(position.lots) == 1:
        return position
    first = min(position.lots, key=lambda lot: (lot.acquired, lot.seq))
    pool = replace(first, id="pool", quantity=position.quantity, cost=position.cost, order_id="pool")
    return Position(position.key, (pool,))


def unclear_groups(rows: Sequence[Row], groups: Mapping[str, str]) -> frozenset[str]:
    """Identity groups with a row that may be a recent purchase: no date, quantity or account kind."""
    return frozenset(
        groups.get(row.first.code, row.first.code)
        for row in rows
        if row.first.code and not row.pooled and {"NO_DATE", "BAD_QUANTITY", "BAD_KIND"} & set(row.problems)
    )
