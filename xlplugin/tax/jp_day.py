"""One day of a Japanese ledger: the pools as they are worked on, the book itself untouched.

The two Japanese regimes differ in how a sale is costed and in the order of a day; what they share is
here: pools, transfers at the exact average, gifts at the old cost (所得税法60条), and margin positions,
which are lots of their own until they are delivered (現引). Corporate actions: `jp_actions.py`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

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
    TaxLot,
)
from xlplugin.core.trades import FillKind
from xlplugin.errors import LedgerError
from xlplugin.tax.pools import Pool, sell
from xlplugin.tax.regime import DayResult
from xlplugin.tax.rounding import as_decimal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.trades import Event, Fill, Gift, Transfer
    from xlplugin.tax.regime import Book

__all__ = [
    "MARGIN",
    "POOL",
    "PoolDay",
    "bucket_of",
    "check_held",
    "check_income",
    "close_margin",
    "enters",
    "in_order",
    "pool_of",
    "position_with",
    "sale_of",
]

POOL = "pool"  # the name of the one lot of a Japanese position
MARGIN = ":margin"  # ends the holder of a margin position


def pool_of(position: Position) -> Pool:
    """Shares and TOTAL cost of a position."""
    return Pool(position.quantity, position.cost)


def position_with(position: Position, pool: Pool, day: dt.date) -> Position:
    """The position holding `pool` instead; it keeps the day it was first acquired."""
    if not pool.quantity:
        return Position(position.key)
    first = min((lot.acquired for lot in position.lots), default=day)
    return Position(position.key, (TaxLot(POOL, first, pool.quantity, pool.cost, first),))


def check_held(position: Position, disposal: Disposal) -> None:
    """Refuse a disposal of nothing, or of more than the position holds.

    Raises
    ------
    LedgerError
        Naming the row as the user wrote it.
    """
    if disposal.quantity <= 0:
        raise LedgerError(
            f"{disposal.row}: the quantity is {as_decimal(disposal.quantity)}; give a positive one"
        )
    if disposal.quantity > position.quantity:
        raise LedgerError(
            f"{disposal.row}: {as_decimal(disposal.quantity):,} shares of {disposal.instrument_id} are to be "
            f"sold, but {as_decimal(position.quantity):,} are held in "
            f"{position.key.pool.holder or 'the account'}; correct the quantity or enter the missing purchase"
        )


def close_margin(
    position: Position, disposal: Disposal, bucket: Bucket, recognised_on: dt.date
) -> Realization:
    """Close a margin position: lot by lot, the named ones first, else the oldest (措法37の11)."""
    check_held(position, disposal)
    wanted = dict(disposal.pick.named)
    if unknown := sorted(set(wanted) - {lot.id for lot in position.lots}):
        raise LedgerError(f"{disposal.row}: no margin position is called {', '.join(unknown)}")
    left = disposal.quantity
    taken: dict[str, Fraction] = {}
    for lot in sorted(position.lots, key=lambda lot: (lot.id not in wanted, lot.acquired, lot.seq, lot.id)):
        most = wanted.get(lot.id, lot.quantity)
        if take := min(left, lot.quantity, most):
            taken[lot.id], left = take, left - take
    if left:
        raise LedgerError(f"{disposal.row}: the margin positions named hold fewer shares than are closed")
    parts, kept = [], []
    for lot in position.lots:
        if lot.id not in taken:
            kept.append(lot)
            continue
        sold, rest = lot.split(taken[lot.id])
        share = sold.quantity / disposal.quantity
        parts.append(
            Part(
                lot.id,
                sold.quantity,
                disposal.proceeds * share,
                disposal.expenses * share,
                sold.cost,
                bucket,
                lot.acquired,
                lot.held_from,
                lot.order_id,
                lot.seq,
            )
        )
        if rest is not None:
            kept.append(rest)
    return Realization(disposal, tuple(parts), Position(position.key, tuple(kept)), recognised_on)


def sale_of(fill: Fill) -> Disposal:
    """A sale as the disposal of its fill."""
    return Disposal(
        fill.id,
        fill.account_id,
        fill.instrument_id,
        fill.quantity,
        fill.proceeds,
        fill.trade_date,
        fill.settle_date,
        expenses=fill.expenses,
        seq=fill.seq,
        order_id=fill.order,
        pick=fill.pick,
        fill_ids=(fill.id,),
        source_row=fill.source_row,
    )


class PoolDay:
    """The positions of a book while one day is worked off; `close` gives the new book."""

    def __init__(
        self,
        book: Book,
        day: dt.date,
        pool_key: Callable[[Account], PoolKey],
        dispose: Callable[[Position, Disposal], Realization],
        bought: Callable[[Pool, Fill], Pool] = lambda pool, fill: pool.bought(fill.quantity, fill.cost),
    ) -> None:
        self.book, self.day, self._pool_key, self._dispose = book, day, pool_key, dispose
        self._bought = bought
        self._changed: dict[PositionKey, Position] = {}
        self.realizations: list[Realization] = []

    # -- places ----------------------------------------------------------------------------------

    def account(self, account_id: str, row: str) -> Account:
        """The account of an event."""
        try:
            return self.book.accounts[account_id]
        except KeyError:
            raise LedgerError(f"{row}: the account {account_id!r} is not in the list of accounts") from None

    def check_currency(self, fill: Fill) -> None:
        """Refuse an amount in a foreign currency that has no rate."""
        home = self.account(fill.account_id, fill.row).currency
        if fill.currency not in ("", home) and fill.fx == 1:
            raise LedgerError(
                f"{fill.row}: the amount is in {fill.currency}; give the rate into {home} "
                "(TTS for a purchase, TTB for a sale)"
            )

    def key(self, account_id: str, instrument_id: str, row: str, *, margin: bool = False) -> PositionKey:
        """The position of one instrument that an account belongs to."""
        account = self.account(account_id, row)
        pool = self._pool_key(account)
        if margin:
            pool = PoolKey(pool.regime, account.id + MARGIN, pool.kind)
        return PositionKey(pool, instrument_id)

    def position(self, key: PositionKey) -> Position:
        """What is held there now."""
        return self._changed.get(key) or self.book.positions.get(key) or Position(key)

    def keep(self, position: Position) -> None:
        """Let this be what is held there."""
        self._changed[position.key] = position

    def put(self, key: PositionKey, pool: Pool, acquired: dt.date | None = None) -> None:
        """Let the position hold `pool`, first acquired on `acquired` if it held nothing before."""
        self.keep(position_with(self.position(key), pool, acquired or self.day))

    def keys_of(self, instrument_id: str, *, margin: bool = False) -> list[PositionKey]:
        """The pools, or the margin positions, that hold a security now."""
        keys = {*self.book.positions, *self._changed}
        return sorted(
            key
            for key in keys
            if key.instrument_id == instrument_id
            and key.pool.holder.endswith(MARGIN) == margin
            and self.position(key).quantity
        )

    def account_in(self, pool: PoolKey) -> str:
        """An account of the pool, to name a result that belongs to the whole of it."""
        return min(a.id for a in self.book.accounts.values() if self._pool_key(a) == pool)

    # -- purchases, transfers, gifts, sales ------------------------------------------------------

    def buy(self, fill: Fill) -> None:
        """A purchase, a delivery, or the opening of a margin position."""
        if fill.quantity <= 0 or fill.amount < 0:
            raise LedgerError(f"{fill.row}: a purchase has a positive quantity and no negative amount")
        margin = self.key(fill.account_id, fill.instrument_id, fill.row, margin=True)
        if fill.kind is FillKind.MARGIN_OPEN:
            lot = TaxLot(
                fill.id, fill.trade_date, fill.quantity, fill.cost, fill.trade_date, fill.seq, fill.order
            )
            self.keep(Position(margin, (*self.position(margin).lots, lot)))
            return
        if fill.kind is FillKind.GENBIKI and self.position(margin).lots:
            # Nothing is realised: the shares enter the pool for what the delivery cost.
            done = close_margin(self.position(margin), sale_of(fill), bucket_of(margin.pool.kind), self.day)
            self.keep(done.position_after)
        key = self.key(fill.account_id, fill.instrument_id, fill.row)
        self.put(key, self._bought(pool_of(self.position(key)), fill), fill.trade_date)

    def move(self, event: Transfer) -> None:
        """Shares change account with their exact part of the cost; leaving NISA resets it to the value."""
        start = self.key(event.from_account_id, event.instrument_id, event.row)
        end = self.key(event.to_account_id, event.instrument_id, event.row)
        if start == end:
            return
        owners = [self.account(i, event.row).owner_id for i in (event.from_account_id, event.to_account_id)]
        if owners[0] != owners[1]:
            raise LedgerError(f"{event.row}: the two accounts have different owners; enter a gift")
        untaxed = [not key.pool.kind.facts.loss_counts for key in (start, end)]
        if untaxed[1] and start.pool.kind is not end.pool.kind:
            raise LedgerError(
                f"{event.row}: shares cannot be moved into {end.pool.kind.value}; enter a sale and a purchase"
            )
        cost = self._take(start, event.instrument_id, event.quantity, event)
        if untaxed[0] and not untaxed[1]:
            if event.value is None:
                raise LedgerError(
                    f"{event.row}: shares leave NISA at their value on the day; give the value per share"
                )
            cost = event.value * event.quantity
        self.put(end, pool_of(self.position(end)).bought(event.quantity, cost))

    def give(self, event: Gift) -> None:
        """A gift or an inheritance: the old cost goes along, up or down."""
        cost = event.cost
        if event.from_account_id:
            start = self.key(event.from_account_id, event.instrument_id, event.row)
            cost = self._take(start, event.instrument_id, event.quantity, event)
        if event.to_account_id:
            end = self.key(event.to_account_id, event.instrument_id, event.row)
            self.put(end, pool_of(self.position(end)).bought(event.quantity, cost))

    def _take(
        self, key: PositionKey, instrument_id: str, quantity: Fraction, event: Transfer | Gift
    ) -> Fraction:
        position = self.position(key)
        check_held(
            position,
            Disposal(
                event.id,
                event.from_account_id,
                instrument_id,
                quantity,
                ZERO,
                event.trade_date,
                event.settle_date,
                source_row=event.source_row,
            ),
        )
        moved = sell(pool_of(position), quantity)
        self.put(key, moved.pool)
        return moved.cost

    def sell(self, fill: Fill) -> Realization:
        """One sale, or the closing of a margin position."""
        margin = fill.kind is FillKind.MARGIN_CLOSE
        return self.dispose(sale_of(fill), margin=margin)

    def dispose(self, disposal: Disposal, *, margin: bool = False) -> Realization:
        """A whole disposal by the rule of the regime."""
        key = self.key(disposal.account_id, disposal.instrument_id, disposal.row, margin=margin)
        done = self._dispose(self.position(key), disposal)
        self.keep(done.position_after)
        self.realizations.append(done)
        return done

    # -- the end ---------------------------------------------------------------------------------

    def close(self, memory: tuple[object, ...] = ()) -> DayResult:
        """The new book; positions that hold nothing are gone."""
        held = dict(self.book.positions)
        for key, position in self._changed.items():
            if position.lots:
                held[key] = position
            else:
                held.pop(key, None)
        book = replace(self.book, positions=MappingProxyType(held), memory=memory, as_of=self.day)
        return DayResult(book, tuple(self.realizations))


def bucket_of(kind: AccountKind) -> Bucket:
    """Where results of an account kind enter the netting."""
    if not kind.facts.loss_counts:
        return Bucket.VOID
    return Bucket.ORDINARY if kind is AccountKind.JP_CORP else Bucket.LISTED


def check_income(regime: str, income: Mapping[str, object], known: Sequence[str]) -> None:
    """Refuse income under a name that the regime does not know: it would be left out unseen."""
    if unknown := sorted(set(income) - set(known)):
        raise LedgerError(f"{regime}: unknown income {', '.join(unknown)}; use {', '.join(known)}")


def enters(fill: Fill) -> bool:
    """Whether a fill adds to a pool or to a margin position."""
    return fill.kind.enters or fill.kind is FillKind.MARGIN_OPEN


def in_order(event: Event) -> tuple[dt.date, int, str]:
    """Order of events of one batch: trade day, then place in the day, then id."""
    return event.trade_date, event.seq, event.id
