"""One day of a Japanese ledger: the pools as they are worked on, the book itself untouched.

The two Japanese regimes differ in how a sale is costed and in the order of a day; what they share is
here: pools, corporate actions before anything else (所得税法施行令110条 to 114条; the same arithmetic
serves companies), transfers at the exact average, gifts at the old cost (所得税法60条), and margin
positions, which are lots of their own until they are delivered (現引).
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
    DisposalKind,
    Part,
    PoolKey,
    Position,
    PositionKey,
    Realization,
    TaxLot,
)
from xlplugin.core.trades import CapitalReturn, FillKind, Merger, Rights, SpinOff, Split
from xlplugin.errors import DomainError, LedgerError
from xlplugin.tax.pools import EMPTY, Pool, return_capital, sell, spin_off, split, subscribe
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
    "CorporateAction",
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

CorporateAction = Split | Merger | SpinOff | Rights | CapitalReturn

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

    def _pools_of(self, instrument_id: str) -> list[PositionKey]:
        return [key for key in self._keys_of(instrument_id) if not key.pool.holder.endswith(MARGIN)]

    def _keys_of(self, instrument_id: str) -> list[PositionKey]:
        keys = {*self.book.positions, *self._changed}
        return sorted(k for k in keys if k.instrument_id == instrument_id and self.position(k).quantity)

    def _account_in(self, pool: PoolKey) -> str:
        return min(a.id for a in self.book.accounts.values() if self._pool_key(a) == pool)

    # -- corporate actions -----------------------------------------------------------------------

    def act(self, event: CorporateAction) -> None:
        """A corporate action on every pool that holds the security."""
        match event:
            case Split():
                self._check_positive(event.ratio, event.row)
                for key in self._pools_of(event.instrument_id):
                    self.put(key, split(pool_of(self.position(key)), event.ratio))
                self._split_margin(event)
            case Rights():
                self._rights(event)
            case Merger():
                self._check_positive(event.ratio, event.row)
                self._merge(event)
            case SpinOff():
                self._check_positive(event.ratio, event.row)
                for key in self._pools_of(event.instrument_id):
                    parent, child = self._spun_off(key, event)
                    into = PositionKey(key.pool, event.new_id)
                    self.put(key, parent)
                    self.put(into, pool_of(self.position(into)).bought(child.quantity, child.cost))
            case CapitalReturn():
                for key in self._pools_of(event.instrument_id):
                    self._return_capital(key, event)

    @staticmethod
    def _check_positive(ratio: Fraction, row: str) -> None:
        if ratio <= 0:
            raise LedgerError(
                f"{row}: the ratio is {as_decimal(ratio)}; give new shares per old share, above zero"
            )

    def _split_margin(self, event: Split) -> None:
        for key in self._keys_of(event.instrument_id):
            if key.pool.holder.endswith(MARGIN):
                lots = self.position(key).lots
                self.keep(Position(key, tuple(replace(x, quantity=x.quantity * event.ratio) for x in lots)))

    def _rights(self, event: Rights) -> None:
        self._check_positive(event.ratio, event.row)
        if event.price < 0:
            raise LedgerError(f"{event.row}: the price is {as_decimal(event.price)}; give zero or more")
        keys = self._pools_of(event.instrument_id)
        if event.account_id:
            keys = [key for key in keys if key == self.key(event.account_id, event.instrument_id, event.row)]
        for key in keys:
            self.put(key, subscribe(pool_of(self.position(key)), event.ratio, event.price))

    def _merge(self, event: Merger) -> None:
        if event.cash and event.value is None:
            raise LedgerError(
                f"{event.row}: cash is paid, so the law sees a sale; give the value of one new share"
            )
        for key in self._pools_of(event.instrument_id):
            old = pool_of(self.position(key))
            new = Pool(old.quantity * event.ratio, old.cost + old.quantity * event.added_cost)
            if event.cash and event.value is not None:
                new = Pool(new.quantity, new.quantity * event.value)
                proceeds = new.cost + old.quantity * (event.cash - event.dividend)
                sold = self._deemed(
                    key, event, DisposalKind.DEEMED_SALE, old.quantity, proceeds, old.cost, EMPTY
                )
                self.realizations.append(sold)
            into = PositionKey(key.pool, event.into_id)
            joined = pool_of(self.position(into)).bought(new.quantity, new.cost)
            first = self.position(key).lots
            self.put(key, EMPTY)
            both = Position(into, (*self.position(into).lots, *first))
            self.keep(position_with(both, joined, self.day))

    def _spun_off(self, key: PositionKey, event: SpinOff) -> tuple[Pool, Pool]:
        try:
            return spin_off(pool_of(self.position(key)), event.cost_share, event.ratio)
        except DomainError as error:
            raise LedgerError(f"{event.row}: {error}") from None

    def _return_capital(self, key: PositionKey, event: CapitalReturn) -> None:
        before = pool_of(self.position(key))
        cash, dividend = before.quantity * event.cash, before.quantity * event.dividend
        try:
            done = return_capital(before, cash, dividend, event.reduction)
        except DomainError as error:
            raise LedgerError(f"{event.row}: {error}") from None
        self.realizations.append(
            self._deemed(
                key, event, DisposalKind.CAPITAL_RETURN, before.quantity, done.proceeds, done.cost, done.pool
            )
        )
        self.put(key, done.pool)

    def _deemed(
        self,
        key: PositionKey,
        event: CorporateAction,
        kind: DisposalKind,
        quantity: Fraction,
        proceeds: Fraction,
        cost: Fraction,
        left: Pool,
    ) -> Realization:
        position = self.position(key)
        disposal = Disposal(
            f"{event.id}:{key.pool.holder}",
            self._account_in(key.pool),
            key.instrument_id,
            quantity,
            proceeds,
            event.trade_date,
            event.settle_date,
            kind=kind,
            seq=event.seq,
            source_row=event.source_row,
        )
        first = position.lots[0].acquired
        part = Part(POOL, quantity, proceeds, ZERO, cost, bucket_of(key.pool.kind), first, first)
        return Realization(disposal, (part,), position_with(position, left, self.day), self.day)

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
        cost = self._take(start, event.instrument_id, event.quantity, event)
        if start.pool.kind is AccountKind.JP_NISA and end.pool.kind is not AccountKind.JP_NISA:
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
