"""Corporate actions, transfers, gifts and deaths in the US ledger.

They change lots, not the record of purchases: what was not bought does not replace a loss
(26 USC 1091 speaks of a purchase or a taxable exchange). TOTAL cost is kept by a split (307) and
carried by a tax-free merger (358); it is divided by a spin-off; a gift carries it over (1015); at
death it becomes the value of the day (1014).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import (
    ZERO,
    Bucket,
    Disposal,
    DisposalKind,
    Part,
    Position,
    PositionKey,
    Realization,
    TaxLot,
    shown,
)
from xlplugin.core.trades import (
    CapitalReturn,
    Fill,
    FillKind,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import LedgerError
from xlplugin.tax.lot_picks import lot_term
from xlplugin.tax.us_dispose import take

if TYPE_CHECKING:
    from fractions import Fraction

    from xlplugin.core.trades import Event
    from xlplugin.tax.us_day import UsDay

__all__ = ["act", "move"]


def act(day: UsDay, event: Event) -> None:
    """A corporate action, on every account that holds the security."""
    match event:
        case Split():
            _split(day, event.instrument_id, event.ratio, event.row)
        case Rights() if event.price == 0:
            _split(day, event.instrument_id, 1 + event.ratio, event.row)
        case Rights():
            _rights(day, event)
        case Merger():
            _merge(day, event)
        case SpinOff():
            _spin_off(day, event)
        case CapitalReturn():
            _return_capital(day, event)
        case _:
            raise LedgerError(f"{event.row}: this is not a corporate action")


def move(day: UsDay, event: Transfer | Gift) -> None:
    """A transfer between accounts, a gift or an inheritance."""
    if isinstance(event, Transfer):
        _transfer(day, event)
        return
    if event.inherited:
        _inherit(day, event)
        return
    moved = _take(day, event, event.from_account_id) if event.from_account_id else (_received(event),)
    if event.to_account_id:
        share = event.value / event.quantity
        _put(
            day,
            event,
            event.to_account_id,
            tuple(
                replace(
                    lot,
                    acquired=event.trade_date,
                    seq=event.seq,
                    can_replace=False,
                    gift_value=share * lot.quantity if share * lot.quantity < lot.cost else None,
                )
                for lot in moved
            ),
        )


def _transfer(day: UsDay, event: Transfer) -> None:
    """Cost and dates go along; shares distributed by a retirement account start at their value."""
    start, end = (day.account(name, event.row).kind for name in (event.from_account_id, event.to_account_id))
    if end.is_retirement and not start.is_retirement:
        raise LedgerError(
            f"{event.row}: a retirement account takes cash, not shares (26 USC 408(a)(1)); "
            "enter a sale and a purchase"
        )
    distributed = start.is_retirement and not end.is_retirement
    if distributed and event.value is None:
        raise LedgerError(
            f"{event.row}: shares leave a retirement account at their value on the day; "
            "give the value per share"
        )
    moved = _take(day, event, event.from_account_id)
    if distributed and event.value is not None:
        moved = (
            TaxLot(
                event.id,
                event.trade_date,
                event.quantity,
                event.value * event.quantity,
                event.trade_date,
                seq=event.seq,
                order_id=event.id,
                can_replace=False,
            ),
        )
    _put(day, event, event.to_account_id, moved)


def _split(day: UsDay, instrument_id: str, ratio: Fraction, row: str) -> None:
    if ratio <= 0:
        raise LedgerError(f"{row}: the ratio is {shown(ratio)}; give new shares per old share, above zero")
    for key in day.keys_of(instrument_id):
        day.keep(key, [replace(lot, quantity=lot.quantity * ratio) for lot in day.held(key)])
    day.scale_losses(instrument_id, ratio, instrument_id)


def _rights(day: UsDay, event: Rights) -> None:
    for key in day.keys_of(event.instrument_id):
        account = key.pool.holder
        if event.account_id in ("", account):
            quantity = sum((lot.quantity for lot in day.held(key)), ZERO) * event.ratio
            day.buy(
                Fill(
                    id=f"{event.id}:{account}",
                    trade_date=event.trade_date,
                    settle_date=event.settle_date,
                    seq=event.seq,
                    source_row=event.source_row,
                    account_id=account,
                    instrument_id=event.instrument_id,
                    kind=FillKind.BUY,
                    quantity=quantity,
                    amount=quantity * event.price,
                )
            )


def _merge(day: UsDay, event: Merger) -> None:
    if event.ratio <= 0:
        raise LedgerError(f"{event.row}: the ratio is {shown(event.ratio)}; give new shares per old share")
    if event.cash and event.value is None:
        raise LedgerError(
            f"{event.row}: cash is paid, so gain may arise (26 USC 356); give the value of one new share"
        )
    for key in day.keys_of(event.instrument_id):
        new, parts = [], []
        for lot in day.held(key):
            cash = event.cash * lot.quantity
            worth = cash + (event.value or ZERO) * event.ratio * lot.quantity
            gain = max(ZERO, min(cash, worth - lot.cost)) if cash else ZERO
            bucket = lot_term(lot, event.trade_date)
            if not key.pool.kind.facts.loss_counts:
                bucket = Bucket.VOID
            parts.append(
                Part(lot.id, lot.quantity, cash, ZERO, cash - gain, bucket, lot.acquired, lot.held_from)
            )
            new.append(
                replace(
                    lot,
                    quantity=lot.quantity * event.ratio,
                    cost=lot.cost - cash + gain,
                    gift_value=_lowered(lot, cash - gain),
                )
            )
        into = PositionKey(key.pool, event.into_id)
        after = (*day.held(into), *new)
        if event.cash:
            day.realizations.append(_deemed_sale(event, key, parts, Position(into, after)))
        day.keep(key, ())
        day.keep(into, after)
    day.scale_losses(event.instrument_id, event.ratio, event.into_id)


def _deemed_sale(event: Merger, key: PositionKey, parts: list[Part], after: Position) -> Realization:
    disposal = Disposal(
        f"{event.id}:{key.pool.holder}",
        key.pool.holder,
        key.instrument_id,
        sum((part.quantity for part in parts), ZERO),
        sum((part.proceeds for part in parts), ZERO),
        event.trade_date,
        event.settle_date,
        kind=DisposalKind.DEEMED_SALE,
        seq=event.seq,
        source_row=event.source_row,
    )
    return Realization(disposal, tuple(parts), after, recognised_on=event.trade_date)


def _spin_off(day: UsDay, event: SpinOff) -> None:
    if not 0 <= event.cost_share <= 1 or event.ratio <= 0:
        raise LedgerError(f"{event.row}: the cost share is a fraction from 0 to 1 and the ratio is positive")
    for key in day.keys_of(event.instrument_id):
        kept, new = [], []
        for lot in day.held(key):
            moved = lot.cost * event.cost_share
            # The two bases of a gift are divided alike.
            value = None if lot.gift_value is None else lot.gift_value * event.cost_share
            kept.append(replace(lot, cost=lot.cost - moved, gift_value=_lowered(lot, value or ZERO)))
            new.append(
                replace(
                    lot,
                    quantity=lot.quantity * event.ratio,
                    cost=moved,
                    can_replace=False,
                    wash_added=ZERO,
                    gift_value=value,
                )
            )
        into = PositionKey(key.pool, event.new_id)
        day.keep(key, kept)
        day.keep(into, (*day.held(into), *new))


def _lowered(lot: TaxLot, amount: Fraction) -> Fraction | None:
    """The lower basis of a gift after `amount` of basis is gone, as far as it reaches; None without one."""
    return None if lot.gift_value is None else max(ZERO, lot.gift_value - amount)


def _return_capital(day: UsDay, event: CapitalReturn) -> None:
    for key in day.keys_of(event.instrument_id):
        quantity = sum((lot.quantity for lot in day.held(key)), ZERO)
        day.sell(
            Disposal(
                f"{event.id}:{key.pool.holder}",
                key.pool.holder,
                event.instrument_id,
                quantity,
                (event.cash - event.dividend) * quantity,
                event.trade_date,
                event.settle_date,
                kind=DisposalKind.CAPITAL_RETURN,
                seq=event.seq,
                source_row=event.source_row,
            )
        )


def _take(day: UsDay, event: Transfer | Gift, account_id: str) -> tuple[TaxLot, ...]:
    """Lots that leave an account without a sale, in the order of the pick."""
    key = day.key(account_id, event.instrument_id, event.row)
    taken, left = take(
        day.held(key),
        Disposal(
            event.id,
            account_id,
            event.instrument_id,
            event.quantity,
            ZERO,
            event.trade_date,
            event.settle_date,
            pick=event.pick,
            source_row=event.source_row,
        ),
    )
    day.keep(key, left)
    return tuple(taken)


def _put(day: UsDay, event: Transfer | Gift, account_id: str, lots: tuple[TaxLot, ...]) -> None:
    key = day.key(account_id, event.instrument_id, event.row)
    day.keep(key, (*day.held(key), *lots))


def _received(event: Gift) -> TaxLot:
    if event.acquired is None:
        raise LedgerError(
            f"{event.row}: shares come as a gift; give the donor's cost and the day the donor acquired them"
        )
    return TaxLot(event.id, event.trade_date, event.quantity, event.cost, event.acquired, order_id=event.id)


def _inherit(day: UsDay, event: Gift) -> None:
    if event.from_account_id:
        _take(day, event, event.from_account_id)
    if event.to_account_id:
        lot = TaxLot(
            event.id,
            event.trade_date,
            event.quantity,
            event.value,
            event.trade_date,
            seq=event.seq,
            order_id=event.id,
            can_replace=False,
            always_long=True,
        )
        _put(day, event, event.to_account_id, (lot,))
