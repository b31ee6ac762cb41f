"""Which lots a sale takes in the United States.

FIFO unless the lots are adequately identified, by name or by a standing order with the broker
(Treas. Reg. 1.1012-1(c)); the average cost is open to funds and reinvestment plans only
(1.1012-1(e)). Purchases of one day leave in the order of `seq`; lots that are equal for a method in the
order of the position: the rows of a table, or the order in which the ledger came to hold them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import Bucket, shown
from xlplugin.errors import LedgerError, WordError
from xlplugin.tax.holding_period import term

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from xlplugin.core.lots import Disposal, LotPick, TaxLot

__all__ = ["METHODS", "Taken", "lot_term", "pick_lots"]

METHODS = ("FIFO", "LIFO", "HIFO", "MINTAX", "SPEC", "AVERAGE")


class Taken(NamedTuple):
    """`quantity` shares of the lot at `place` of the position."""

    place: int
    quantity: Fraction


def lot_term(lot: TaxLot, sold: dt.date) -> Bucket:
    """ST or LT for shares of `lot` sold on `sold`; inherited shares are always LT (26 USC 1223(9))."""
    return Bucket.LT if lot.always_long else term(lot.held_from, sold)


def pick_lots(lots: Sequence[TaxLot], disposal: Disposal) -> list[Taken]:
    """The lots that `disposal` takes, in the order taken.

    Parameters
    ----------
    lots : sequence of TaxLot
        All lots of the position; parts of one purchase share an id.
    disposal : Disposal
        Its `pick` names lots, or a method of `METHODS`. MINTAX takes the smallest
        rate x (price - unit cost) per share first, with the rates of the pick.

    Raises
    ------
    WordError
        If the method is not known.
    LedgerError
        If the lots named are not held in that quantity, or do not add up to the sale.
    """
    pick = disposal.pick
    if pick.named:
        return _named(lots, disposal)
    if pick.method == "SPEC":
        raise LedgerError(f"{disposal.row}: the method SPEC needs the lots by name and quantity")
    key = _order(pick, disposal)
    places = sorted(range(len(lots)), key=lambda place: key(lots[place]))
    taken, left = [], disposal.quantity
    for place in places:
        if left.numerator <= 0:
            break
        quantity = min(left, lots[place].quantity)
        taken.append(Taken(place, quantity))
        left -= quantity
    return taken


def _order(pick: LotPick, disposal: Disposal) -> Callable[[TaxLot], tuple[object, ...]]:
    def age(lot: TaxLot) -> tuple[int, int, int, str]:
        return (lot.acquired.toordinal(), lot.seq, lot.held_from.toordinal(), lot.id)

    def newest_first(lot: TaxLot) -> tuple[object, ...]:
        return (-lot.acquired.toordinal(), *age(lot)[1:])

    def dearest_first(lot: TaxLot) -> tuple[object, ...]:
        return (-lot.unit_cost,)

    def least_tax_first(lot: TaxLot) -> tuple[object, ...]:
        price = disposal.proceeds / disposal.quantity
        long = lot_term(lot, disposal.trade_date) is Bucket.LT
        return ((pick.long_rate if long else pick.short_rate) * (price - lot.unit_cost),)

    orders: dict[str, Callable[[TaxLot], tuple[object, ...]]] = {
        "FIFO": age,
        "AVERAGE": age,
        "LIFO": newest_first,
        "HIFO": dearest_first,
        "MINTAX": least_tax_first,
    }
    try:
        return orders[pick.method]
    except KeyError:
        raise WordError("method", got=pick.method, choices=METHODS) from None


def _named(lots: Sequence[TaxLot], disposal: Disposal) -> list[Taken]:
    wanted_ids = {name for name, _ in disposal.pick.named}
    places: dict[str, list[int]] = {}
    for place, lot in enumerate(lots):
        if lot.id in wanted_ids:
            places.setdefault(lot.id, []).append(place)
    for found in places.values():
        found.sort(key=lambda place: lots[place].held_from)
    left = {place: lots[place].quantity for found in places.values() for place in found}
    taken: list[Taken] = []
    for name, wanted in disposal.pick.named:
        still = wanted
        for place in places.get(name, ()):
            quantity = min(still, left[place])
            if quantity > 0:
                taken.append(Taken(place, quantity))
                left[place] -= quantity
                still -= quantity
        if still > 0:
            raise LedgerError(
                f"{disposal.row}: {shown(wanted)} shares of lot {name} are to be sold, but only "
                f"{shown(wanted - still)} are held; correct the lot or the quantity"
            )
    total = disposal.pick.named[0][1]
    for _, more in disposal.pick.named[1:]:
        total += more
    if total != disposal.quantity:
        raise LedgerError(
            f"{disposal.row}: the lots named add up to {shown(total)} shares, the sale is "
            f"{shown(disposal.quantity)}; make them equal"
        )
    return taken
