"""Corporate actions in a Japanese ledger, before anything else of the day they take effect.

TOTAL cost is kept by a split and carried by a merger for shares, raised by paid rights, divided by a
spin-off, and lowered by a return of capital, which is a deemed sale (所得税法施行令110条 to 114条; the
same arithmetic serves companies). Margin positions follow splits and mergers for shares only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, Disposal, DisposalKind, Part, Position, PositionKey, Realization
from xlplugin.core.trades import CapitalReturn, Merger, Rights, SpinOff, Split
from xlplugin.errors import DomainError, LedgerError
from xlplugin.tax.jp_day import POOL, bucket_of, pool_of, position_with
from xlplugin.tax.pools import EMPTY, Pool, return_capital, spin_off, split, subscribe
from xlplugin.tax.rounding import as_decimal

if TYPE_CHECKING:
    from fractions import Fraction

    from xlplugin.tax.jp_day import PoolDay

__all__ = ["CorporateAction", "act"]

CorporateAction = Split | Merger | SpinOff | Rights | CapitalReturn


def act(work: PoolDay, event: CorporateAction) -> None:
    """A corporate action on every pool that holds the security.

    Raises
    ------
    LedgerError
        If a figure of the action cannot be; the sentence names the row.
    """
    if not isinstance(event, CapitalReturn) and event.ratio <= 0:
        raise LedgerError(
            f"{event.row}: the ratio is {as_decimal(event.ratio)}; give new shares per old share, above zero"
        )
    match event:
        case Split():
            for key in work.keys_of(event.instrument_id):
                work.put(key, split(pool_of(work.position(key)), event.ratio))
            _scale_margin(work, event.instrument_id, event.ratio, event.instrument_id)
        case Rights():
            _subscribe(work, event)
        case Merger():
            _merge(work, event)
        case SpinOff():
            for key in work.keys_of(event.instrument_id):
                _spin_off(work, key, event)
        case CapitalReturn():
            for key in work.keys_of(event.instrument_id):
                _return_capital(work, key, event)


def _scale_margin(work: PoolDay, instrument_id: str, ratio: Fraction, into: str) -> None:
    for key in work.keys_of(instrument_id, margin=True):
        lots = [replace(lot, quantity=lot.quantity * ratio) for lot in work.position(key).lots]
        there = PositionKey(key.pool, into)
        others = () if there == key else work.position(there).lots
        work.keep(Position(key))
        work.keep(Position(there, (*others, *lots)))


def _subscribe(work: PoolDay, event: Rights) -> None:
    if event.price < 0:
        raise LedgerError(f"{event.row}: the price is {as_decimal(event.price)}; give zero or more")
    keys = work.keys_of(event.instrument_id)
    if event.account_id:
        keys = [key for key in keys if key == work.key(event.account_id, event.instrument_id, event.row)]
    for key in keys:
        work.put(key, subscribe(pool_of(work.position(key)), event.ratio, event.price))


def _merge(work: PoolDay, event: Merger) -> None:
    if event.cash and event.value is None:
        raise LedgerError(
            f"{event.row}: cash is paid, so the law sees a sale; give the value of one new share"
        )
    for key in work.keys_of(event.instrument_id):
        position = work.position(key)
        old = pool_of(position)
        new = Pool(old.quantity * event.ratio, old.cost + old.quantity * event.added_cost)
        if event.cash and event.value is not None:
            new = Pool(new.quantity, new.quantity * event.value)
            proceeds = new.cost + old.quantity * (event.cash - event.dividend)
            sold = _deemed(work, position, event, DisposalKind.DEEMED_SALE, (proceeds, old.cost), EMPTY)
            work.realizations.append(sold)
        there = work.position(PositionKey(key.pool, event.into_id))
        joined = pool_of(there).bought(new.quantity, new.cost)
        work.keep(Position(key))
        work.keep(position_with(Position(there.key, (*there.lots, *position.lots)), joined, work.day))
    if not event.cash:
        _scale_margin(work, event.instrument_id, event.ratio, event.into_id)


def _spin_off(work: PoolDay, key: PositionKey, event: SpinOff) -> None:
    try:
        parent, child = spin_off(pool_of(work.position(key)), event.cost_share, event.ratio)
    except DomainError as error:
        raise LedgerError(f"{event.row}: {error}") from None
    into = PositionKey(key.pool, event.new_id)
    work.put(key, parent)
    work.put(into, pool_of(work.position(into)).bought(child.quantity, child.cost))


def _return_capital(work: PoolDay, key: PositionKey, event: CapitalReturn) -> None:
    position = work.position(key)
    cash, dividend = position.quantity * event.cash, position.quantity * event.dividend
    try:
        done = return_capital(pool_of(position), cash, dividend, event.reduction)
    except DomainError as error:
        raise LedgerError(f"{event.row}: {error}") from None
    result = (done.proceeds, done.cost)
    work.realizations.append(_deemed(work, position, event, DisposalKind.CAPITAL_RETURN, result, done.pool))
    work.put(key, done.pool)


def _deemed(
    work: PoolDay,
    position: Position,
    event: CorporateAction,
    kind: DisposalKind,
    result: tuple[Fraction, Fraction],
    left: Pool,
) -> Realization:
    """A deemed sale of the position for `result`, proceeds and cost."""
    pool, (proceeds, cost) = position.key.pool, result
    disposal = Disposal(
        f"{event.id}:{pool.holder}",
        work.account_in(pool),
        position.key.instrument_id,
        position.quantity,
        proceeds,
        event.trade_date,
        event.settle_date,
        kind=kind,
        seq=event.seq,
        source_row=event.source_row,
    )
    first = position.lots[0].acquired
    part = Part(POOL, position.quantity, proceeds, ZERO, cost, bucket_of(pool.kind), first, first)
    return Realization(disposal, (part,), position_with(position, left, work.day), work.day)
