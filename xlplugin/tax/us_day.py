"""One day of the US ledger: corporate actions, purchases, sales, and wash sales both ways.

A purchase first meets the losses of earlier days that are still open; a sale then meets the
purchases already held. Taken in order, this is "earliest loss first, earliest purchase first" over
the whole window (Treas. Reg. 1.1091-1(b), (c)).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from xlplugin.core.lots import (
    ZERO,
    Bucket,
    DisposalKind,
    LotPick,
    Position,
    PositionKey,
    TaxLot,
)
from xlplugin.errors import LedgerError
from xlplugin.tax.regime import DayResult
from xlplugin.tax.us_dispose import dispose
from xlplugin.tax.wash_sales import LITERAL, OpenLoss, WashPolicy, match

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import Disposal, LossAdjustment, Part, PoolKey, Realization
    from xlplugin.core.trades import Fill
    from xlplugin.tax.regime import Book

__all__ = ["UsDay", "lots_of"]


def lots_of(fill: Fill) -> tuple[TaxLot, ...]:
    """The lot a purchase opens; two if some of its shares have replaced a loss already."""
    lot = TaxLot(
        fill.id,
        fill.trade_date,
        fill.quantity,
        fill.cost,
        fill.trade_date,
        seq=fill.seq,
        order_id=fill.order,
    )
    if not fill.used:
        return (lot,)
    if not 0 < fill.used <= fill.quantity:
        raise LedgerError(f"{fill.row}: more shares have replaced a loss than were bought")
    first, rest = lot.split(fill.used)
    used = replace(first, can_replace=False)
    return (used,) if rest is None else (used, rest)


class UsDay:
    """A book being worked on; `close` gives the new book and what the day added."""

    def __init__(
        self, book: Book, day: dt.date, pool_key: Callable[[Account], PoolKey], policy: WashPolicy
    ) -> None:
        self.book, self.day, self.policy, self._pool_key = book, day, policy, pool_key
        self.lots: dict[PositionKey, tuple[TaxLot, ...]] = {}
        self.realizations: list[Realization] = []
        self.adjustments: list[LossAdjustment] = []
        self._losses: dict[tuple[str, str], list[OpenLoss]] = defaultdict(list)
        for loss in book.memory:
            if isinstance(loss, OpenLoss) and loss.last >= day:
                self._losses[loss.household_id, loss.group].append(loss)

    # -- what is held ----------------------------------------------------------------------------

    def account(self, account_id: str, row: str) -> Account:
        """The account of an event."""
        try:
            return self.book.accounts[account_id]
        except KeyError:
            raise LedgerError(f"{row}: the account {account_id!r} is not in the list of accounts") from None

    def key(self, account_id: str, instrument_id: str, row: str) -> PositionKey:
        """The position of one instrument in one account."""
        return PositionKey(self._pool_key(self.account(account_id, row)), instrument_id)

    def held(self, key: PositionKey) -> tuple[TaxLot, ...]:
        """The lots of a position as they are now."""
        found = self.lots.get(key)
        if found is None:
            position = self.book.positions.get(key)
            found = position.lots if position else ()
        return found

    def keep(self, key: PositionKey, lots: Sequence[TaxLot]) -> None:
        """Put the lots of a position in place of what was there."""
        self.lots[key] = tuple(lots)

    def keys_of(self, instrument_id: str) -> list[PositionKey]:
        """All positions of one instrument that hold something."""
        keys = dict.fromkeys((*self.book.positions, *self.lots))
        return [key for key in keys if key.instrument_id == instrument_id and self.held(key)]

    def _identical(self, household: str, group: str) -> list[PositionKey]:
        """Where the household can hold shares of an identity group."""
        return [
            PositionKey(pool, instrument)
            for pool in (self._pool_key(account) for account in self.book.household(household))
            for instrument in self.book.instruments(group)
        ]

    def _household(self, key: PositionKey) -> str:
        return self.book.accounts[key.pool.holder].household_id

    # -- purchases -------------------------------------------------------------------------------

    def buy(self, fill: Fill) -> None:
        """A purchase: a new lot, which replaces losses of earlier days first."""
        if fill.quantity.numerator <= 0 or fill.amount.numerator < 0:
            raise LedgerError(f"{fill.row}: a purchase has a positive quantity and no negative amount")
        key = self.key(fill.account_id, fill.instrument_id, fill.row)
        if any(lot.id == fill.id for lot in self.held(key)):
            raise LedgerError(
                f"{fill.row}: there is a lot {fill.id} in this position already; name it otherwise"
            )
        account = self.book.accounts[fill.account_id]
        place = (account.household_id, self.book.group(fill.instrument_id))
        done: list[TaxLot] = []
        for lot in lots_of(fill):
            rest: TaxLot | None = lot
            losses = self._losses.get(place, [])
            for number, loss in enumerate(losses):
                if rest is None or not loss.can_meet(rest):
                    continue
                found = match(loss, rest, account, max(loss.sale_date, fill.trade_date))
                self.adjustments.append(found.adjustment)
                losses[number] = found.left or replace(loss, quantity=ZERO, loss=ZERO)
                done.append(found.lots[0])
                rest = found.lots[1] if len(found.lots) > 1 else None
            if losses:
                self._losses[place] = [loss for loss in losses if loss.quantity]
            if rest is not None:
                done.append(rest)
        self.keep(key, (*self.held(key), *done))

    # -- sales -----------------------------------------------------------------------------------

    def sell(self, disposal: Disposal) -> Realization:
        """One whole sale order; its losses meet the purchases held."""
        key = self.key(disposal.account_id, disposal.instrument_id, disposal.row)
        if self.policy.same_sale == LITERAL and disposal.kind is DisposalKind.SALE:
            done = self._sell_lot_by_lot(key, disposal)
        else:
            done = dispose(Position(key, self.held(key)), disposal)
            self.keep(key, done.position_after.lots)
            self._open_losses(key, done, 0)
        self.realizations.append(done)
        return done

    def _sell_lot_by_lot(self, key: PositionKey, disposal: Disposal) -> Realization:
        """The literal reading: a lot of the same order replaces another until it is sold itself."""
        whole = dispose(Position(key, self.held(key)), disposal)
        quantities: dict[str, Fraction] = defaultdict(Fraction)
        for part in sorted(whole.parts, key=lambda p: (p.acquired, p.seq, p.held_from)):
            quantities[part.lot_id] += part.quantity
        parts: list[Part] = []
        lost = ZERO
        for lot_id, quantity in quantities.items():
            share = quantity / disposal.quantity
            one = dispose(
                Position(key, self.held(key)),
                replace(
                    disposal,
                    quantity=quantity,
                    proceeds=disposal.proceeds * share,
                    expenses=disposal.expenses * share,
                    pick=LotPick("SPEC", ((lot_id, quantity),)),
                ),
            )
            self.keep(key, one.position_after.lots)
            self._open_losses(key, one, len(parts))
            parts.extend(one.parts)
            lost += one.basis_lost
        return replace(
            whole, parts=tuple(parts), basis_lost=lost, position_after=Position(key, self.held(key))
        )

    def _open_losses(self, key: PositionKey, done: Realization, first_part: int) -> None:
        household, group = self._household(key), self.book.group(key.instrument_id)
        losses = [
            (part.acquired, part.seq, part.held_from, number)
            for number, part in enumerate(done.parts)
            if part.gain.numerator < 0 and part.bucket is not Bucket.VOID
        ]
        for *_, number in sorted(losses):
            part = done.parts[number]
            loss: OpenLoss | None = OpenLoss(
                done.disposal.id,
                first_part + number,
                household,
                key.instrument_id,
                group,
                part.order_id,
                done.disposal.trade_date,
                part.held_from,
                part.quantity,
                -part.gain,
                *self.policy.window(done.disposal.trade_date),
            )
            for place, lot in self._candidates(household, group, done.disposal.trade_date):
                if loss is None:
                    break
                if not loss.can_meet(lot):
                    continue
                account = self.book.accounts[place.pool.holder]
                found = match(loss, lot, account, done.disposal.trade_date)
                self.adjustments.append(found.adjustment)
                lots = list(self.held(place))
                at = next(n for n, other in enumerate(lots) if other is lot)
                lots[at : at + 1] = found.lots
                self.keep(place, lots)
                loss = found.left
            if loss is not None:
                self._losses[household, group].append(loss)

    def _candidates(self, household: str, group: str, day: dt.date) -> list[tuple[PositionKey, TaxLot]]:
        first, last = self.policy.window(day)
        found = [
            (key, lot)
            for key in self._identical(household, group)
            for lot in self.held(key)
            if lot.can_replace and first <= lot.acquired <= last
        ]
        return sorted(found, key=lambda item: (item[1].acquired, item[1].seq, item[1].id))

    # -- the end ---------------------------------------------------------------------------------

    def scale_losses(self, instrument_id: str, ratio: Fraction, into: str) -> None:
        """Open losses of an instrument after a split or a merger: the same loss on other shares."""
        for place in [p for p in self._losses if p[1] == self.book.group(instrument_id)]:
            kept = []
            for loss in self._losses[place]:
                if loss.instrument_id != instrument_id:
                    kept.append(loss)
                    continue
                group = self.book.group(into)
                moved = replace(loss, quantity=loss.quantity * ratio, instrument_id=into, group=group)
                if group == place[1]:
                    kept.append(moved)
                else:
                    self._losses[place[0], group].append(moved)
            self._losses[place] = kept

    def close(self) -> DayResult:
        """The new book with what the regime remembers, and what the day added."""
        positions = dict(self.book.positions)
        for key, lots in self.lots.items():
            if lots:
                positions[key] = Position(key, lots)
            else:
                positions.pop(key, None)
        memory = tuple(loss for losses in self._losses.values() for loss in losses)
        book = replace(self.book, positions=positions, memory=memory, as_of=self.day)
        return DayResult(book, tuple(self.realizations), tuple(self.adjustments))
