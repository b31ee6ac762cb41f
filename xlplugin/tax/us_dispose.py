"""One whole disposal of a US position: lots in the order of the pick, cost, term, gain.

Cost is exact; nothing is rounded here. Proceeds and expenses are divided by shares. A lot that came
as a gift below its cost has two bases (26 USC 1015(a)); a return of capital lowers the cost and
is gain only beyond it (26 USC 301(c)).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, Bucket, DisposalKind, Part, Position, Realization, shown
from xlplugin.errors import LedgerError
from xlplugin.tax.lot_picks import lot_term, pick_lots
from xlplugin.tax.wash_sales import window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from xlplugin.core.lots import Disposal, TaxLot

__all__ = ["dispose", "gift_basis", "take"]


def gift_basis(cost: Fraction, gift_value: Fraction, net_proceeds: Fraction) -> Fraction:
    """The basis that counts for shares received as a gift when they were worth less than they cost.

    Parameters
    ----------
    cost, gift_value : Fraction
        The donor's basis, and the value at the gift, below it; TOTALS of the shares sold.
    net_proceeds : Fraction
        Proceeds less expenses.

    Returns
    -------
    Fraction
        The donor's basis for a gain, the value for a loss; between the two neither arises.

    References
    ----------
    26 USC 1015(a).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> [int(sale - gift_basis(F(9000), F(7500), F(sale))) for sale in (6000, 8000, 10000)]
    [-1500, 0, 1000]
    """
    return min(cost, max(gift_value, net_proceeds))


def take(lots: Sequence[TaxLot], disposal: Disposal) -> tuple[list[TaxLot], tuple[TaxLot, ...]]:
    """The lots, or parts of lots, that `disposal` takes in the order of its pick, and what is left.

    Raises
    ------
    LedgerError
        If the quantity is not positive or more than is held; the sentence names the row.
    """
    if disposal.quantity.numerator <= 0:
        raise LedgerError(f"{disposal.row}: the quantity is {shown(disposal.quantity)}; give a positive one")
    held = ZERO
    for lot in lots:
        if disposal.pick.named or held >= disposal.quantity:
            break
        held += lot.quantity
    if disposal.quantity > held and not disposal.pick.named:
        raise LedgerError(
            f"{disposal.row}: {shown(disposal.quantity)} shares of {disposal.instrument_id} are to be "
            f"sold, but {shown(held)} are held; correct the quantity or enter the missing purchase"
        )
    left: list[TaxLot | None] = list(lots)
    taken = []
    for place, quantity in pick_lots(lots, disposal):
        whole = left[place]
        if whole is not None:
            sold, left[place] = whole.split(quantity)
            taken.append(sold)
    return taken, tuple(lot for lot in left if lot is not None)


def dispose(position: Position, disposal: Disposal) -> Realization:
    """See `TaxRegime.dispose`."""
    if disposal.kind is DisposalKind.CAPITAL_RETURN:
        return _return_capital(position, disposal)
    lots = _averaged(position.lots) if disposal.pick.method == "AVERAGE" else position.lots
    taken, left = take(lots, disposal)
    parts = tuple(_part(sold, disposal, position) for sold in taken)
    return Realization(
        disposal,
        parts,
        Position(position.key, left),
        recognised_on=disposal.trade_date,
        basis_lost=_difference(taken, parts),
        provisional_until=_provisional(parts, disposal),
    )


def _difference(taken: Sequence[TaxLot], parts: Sequence[Part]) -> Fraction:
    """Cost that went with the shares and counts nowhere: only the two bases of a gift do this."""
    if all(lot.gift_value is None for lot in taken):
        return ZERO
    return sum((lot.cost - part.cost for lot, part in zip(taken, parts, strict=True)), ZERO)


def _part(sold: TaxLot, disposal: Disposal, position: Position) -> Part:
    proceeds, expenses = disposal.proceeds, disposal.expenses
    if sold.quantity != disposal.quantity:
        share = sold.quantity / disposal.quantity
        proceeds, expenses = proceeds * share, expenses * share
    cost, held_from = sold.cost, sold.held_from
    bucket = lot_term(sold, disposal.trade_date)
    if sold.gift_value is not None and sold.gift_value < cost:
        cost = gift_basis(cost, sold.gift_value, proceeds - expenses)
        if cost == sold.gift_value:
            # A loss is measured from the gift, and so is its holding period.
            held_from = sold.acquired
            bucket = lot_term(replace(sold, held_from=held_from), disposal.trade_date)
    if disposal.kind is DisposalKind.GIFT:
        proceeds, expenses, bucket = cost, ZERO, Bucket.VOID
    if not position.key.pool.kind.facts.loss_counts:
        bucket = Bucket.VOID
    return Part(
        sold.id,
        sold.quantity,
        proceeds,
        expenses,
        cost,
        bucket,
        sold.acquired,
        held_from,
        sold.order_id,
        sold.seq,
    )


def _provisional(parts: Iterable[Part], disposal: Disposal) -> dt.date | None:
    if any(part.gain.numerator < 0 and part.bucket is not Bucket.VOID for part in parts):
        return window(disposal.trade_date)[1]
    return None


def _averaged(lots: tuple[TaxLot, ...]) -> tuple[TaxLot, ...]:
    """All lots at the average cost of the position; their dates stay (Treas. Reg. 1.1012-1(e))."""
    quantity = sum((lot.quantity for lot in lots), ZERO)
    cost = sum((lot.cost for lot in lots), ZERO)
    return tuple(replace(lot, cost=cost * lot.quantity / quantity) for lot in lots)


def _return_capital(position: Position, disposal: Disposal) -> Realization:
    per_share = disposal.proceeds / disposal.quantity
    parts, kept = [], []
    for lot in position.lots:
        cash = per_share * lot.quantity
        used = min(lot.cost, cash)
        bucket = lot_term(lot, disposal.trade_date)
        if not position.key.pool.kind.facts.loss_counts:
            bucket = Bucket.VOID
        parts.append(
            Part(
                lot.id,
                lot.quantity,
                cash,
                ZERO,
                used,
                bucket,
                lot.acquired,
                lot.held_from,
                lot.order_id,
                lot.seq,
            )
        )
        value = lot.gift_value  # the lower of the two bases of a gift falls too
        kept.append(
            replace(lot, cost=lot.cost - used, gift_value=None if value is None else max(ZERO, value - cash))
        )
    return Realization(
        disposal, tuple(parts), Position(position.key, tuple(kept)), recognised_on=disposal.trade_date
    )
