"""Cross trades of a company: a sale that is bought back by arrangement is no sale (基通2-1-23の4).

To the extent of a purchase under a simultaneous contract, or planned at the same price, the shares
keep their old book value; the commissions are an expense. Buy-then-sell is the mirror. Trading
securities are outside the rule. Tax law has no day count: only `Fill.arranged` decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xlplugin.core.lots import ZERO, LossAdjustment, Part, Realization
from xlplugin.tax.pools import Pool
from xlplugin.tax.regime import Reason

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from fractions import Fraction

    from xlplugin.core.lots import Position, PositionKey
    from xlplugin.core.trades import Fill
    from xlplugin.tax.jp_day import PoolDay

__all__ = ["Crosses", "waiting"]

RULE = "法人税基本通達2-1-23の4"


@dataclass(frozen=True, slots=True)
class _Sale:
    """A sale that no purchase has cancelled yet; shares as they are after splits since then."""

    key: PositionKey
    done: Realization
    quantity: Fraction
    whole: Fraction


@dataclass(frozen=True, slots=True)
class _Bought:
    """An arranged purchase that still waits for its sale."""

    key: PositionKey
    fill: Fill
    quantity: Fraction
    whole: Fraction


def waiting(key: PositionKey, fill: Fill) -> object:
    """What a book must remember of an arranged purchase that it holds and that no sale has met."""
    return _Bought(key, fill, fill.quantity, fill.quantity)


class Crosses:
    """Open sales and waiting purchases of one company, while a day is worked off.

    An arranged purchase meets the sales of its day, else the latest earlier sale that is still
    open; without one it waits for the next sale of the issue.
    """

    def __init__(self, memory: Iterable[object]) -> None:
        self._sales: dict[PositionKey, list[_Sale]] = {}
        self._bought: dict[PositionKey, list[_Bought]] = {}
        self.adjustments: list[LossAdjustment] = []
        for item in memory:
            if isinstance(item, _Sale):
                self._sales.setdefault(item.key, []).append(item)
            elif isinstance(item, _Bought):
                self._bought.setdefault(item.key, []).append(item)

    @property
    def memory(self) -> tuple[object, ...]:
        """What later days need."""
        sales = (sale for found in self._sales.values() for sale in found)
        return (*sales, *(b for found in self._bought.values() for b in found))

    def sold(self, work: PoolDay, key: PositionKey, done: Realization) -> None:
        """A sale was made; purchases that wait for it cancel it first."""
        quantity = done.disposal.quantity
        self._sales.setdefault(key, []).append(_Sale(key, done, quantity, quantity))
        waiting = self._bought.pop(key, [])
        for bought in waiting:
            self._meet(work, bought)

    def bought(self, work: PoolDay, key: PositionKey, fill: Fill) -> None:
        """A purchase was made; if arranged, it cancels that part of a sale."""
        if fill.arranged:
            self._meet(work, _Bought(key, fill, fill.quantity, fill.quantity))

    def split(self, instrument_id: str, ratio: Fraction) -> None:
        """A split between a sale and its repurchase: the same sale in new shares."""
        for key, sales in self._sales.items():
            if key.instrument_id == instrument_id:
                sales[:] = [replace(s, quantity=s.quantity * ratio, whole=s.whole * ratio) for s in sales]
        for key, bought in self._bought.items():
            if key.instrument_id == instrument_id:
                bought[:] = [replace(b, quantity=b.quantity * ratio, whole=b.whole * ratio) for b in bought]

    def _meet(self, work: PoolDay, bought: _Bought) -> None:
        left = bought.quantity
        sales = self._sales.get(bought.key, [])
        while left and sales:
            sale = sales.pop()
            quantity = min(left, sale.quantity)
            left -= quantity
            if sale.quantity > quantity:
                sales.append(replace(sale, quantity=sale.quantity - quantity))
            self._cancel(work, sale, bought, quantity)
        if left:
            self._bought.setdefault(bought.key, []).append(replace(bought, quantity=left))

    def _cancel(self, work: PoolDay, sale: _Sale, bought: _Bought, quantity: Fraction) -> None:
        disposal, fill = sale.done.disposal, bought.fill
        share = quantity / sale.whole
        old_book = sale.done.cost * share
        new_book = fill.cost * quantity / bought.whole
        gain = sale.done.gain * share
        # The purchase stands in the pool at what it cost, commission included. Putting the old book
        # value in its place leaves exactly the commissions of both legs as the result.
        restored = old_book - new_book
        if gain < 0:
            restored = max(ZERO, min(restored, -gain))
            if restored:
                self.adjustments.append(
                    LossAdjustment(
                        disposal.id,
                        0,
                        disposal.quantity * share,
                        restored,
                        restored,
                        ZERO,
                        Reason.CROSS_TRADE,
                        RULE,
                        work.day,
                        sale.done.parts[0].lot_id,
                        fill.account_id,
                    )
                )
        else:
            restored = min(ZERO, max(restored, -gain))
        if not restored:
            return
        position = work.position(sale.key)
        work.put(sale.key, Pool(position.quantity, position.cost + restored))
        if restored < 0:
            after = work.position(sale.key)
            work.realizations.append(
                _reversal(work.day, sale, fill, disposal.quantity * share, restored, after)
            )


def _reversal(
    day: dt.date, sale: _Sale, fill: Fill, quantity: Fraction, amount: Fraction, after: Position
) -> Realization:
    """The gain of a cancelled sale taken back: a disposal of minus the shares for minus the gain."""
    part = sale.done.parts[0]
    disposal = replace(
        sale.done.disposal,
        id=f"{sale.done.disposal.id}:{fill.id}",
        quantity=-quantity,
        proceeds=amount,
        expenses=ZERO,
        fill_ids=(fill.id,),
        source_row=fill.source_row,
    )
    back = Part(part.lot_id, -quantity, amount, ZERO, ZERO, part.bucket, part.acquired, part.held_from)
    return Realization(disposal, (back,), after, day)
