"""All lots of all clients as a structure of arrays: the layout that `screen` reads.

Sorted by account, security and age; money and quantities as whole numbers beside the floats the screen
works with. Dates become day numbers once, by the calendar rules of the regime. Performance notes, 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.tax.holding_period import long_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.core.lots import TaxLot
    from xlplugin.tax.regime import Book

__all__ = ["CENTS", "QUANTITY_UNIT", "LotArrays", "lots_from_book"]

QUANTITY_UNIT = 1_000_000  # quantities are whole millionths of a share
CENTS = 100
NEVER = 0  # a day number that lies in no window


@dataclass(frozen=True)
class LotArrays:
    """All lots as a structure of arrays, sorted by account, security and age.

    Attributes
    ----------
    account, security : ndarray of int32, shape (n_positions,)
        Place of the account and of the security of each position.
    kin : ndarray of int32, shape (n_positions,)
        Number of the household and identity group: positions of one number replace each other.
    taxed : ndarray of bool, shape (n_positions,)
        Whether a loss of the position counts.
    last_buy : ndarray of int32, shape (n_positions,)
        Latest day on which the kin bought shares that can replace; 0 if there are none.
    start : ndarray of int64, shape (n_positions + 1,)
        First lot of each position; every position has at least one.
    quantity, cost : ndarray of int64, shape (n_lots,)
        Millionths of a share, and TOTAL cost in cents: the exact figures.
    basis, shares : ndarray of float64, shape (n_lots,)
        Cost per share in dollars, and shares: the screen's copies.
    long_from, bought : ndarray of int32, shape (n_lots,)
        First day of a long-term sale, and day of purchase (0 for shares that cannot replace).
    order : ndarray of int32, shape (n_lots,)
        Number of the purchase, within one kin: shares of one purchase do not replace each other.
    lot_ids : tuple of str
        Way back to the ledger; empty in a benchmark.
    """

    account: NDArray[np.int32]
    security: NDArray[np.int32]
    kin: NDArray[np.int32]
    taxed: BoolArray
    last_buy: NDArray[np.int32]
    start: IntArray
    quantity: IntArray
    cost: IntArray
    basis: FloatArray
    shares: FloatArray
    long_from: NDArray[np.int32]
    bought: NDArray[np.int32]
    order: NDArray[np.int32]
    lot_ids: tuple[str, ...] = ()

    @cached_property
    def slots(self) -> int:
        """Lots per position if all have the same number, else 0."""
        counts = np.diff(self.start)
        return int(counts[0]) if len(counts) and counts.min() == counts.max() else 0

    @cached_property
    def by_age(self) -> IntArray:
        """Places of the lots, oldest purchase first: a window is one slice of it."""
        return np.argsort(self.bought, kind="stable")

    @cached_property
    def position_by_age(self) -> NDArray[np.int32]:
        """The position of every lot, in the order of `by_age`."""
        positions = np.arange(len(self.security), dtype=np.int32)
        return np.repeat(positions, np.diff(self.start))[self.by_age]

    @cached_property
    def day_by_age(self) -> NDArray[np.int32]:
        """Days of purchase, ascending."""
        return self.bought[self.by_age]

    @cached_property
    def part_places(self) -> IntArray:
        """Lots that are not all of their purchase: a wash sale or a broker divided it."""
        by_order = np.argsort(self.order, kind="stable")
        again = np.flatnonzero(np.diff(self.order[by_order]) == 0)
        return np.unique(np.concatenate([by_order[again], by_order[again + 1]]))


def lots_from_book(book: Book, securities: Sequence[str]) -> LotArrays:
    """The screen of a US book.

    Parameters
    ----------
    book : Book
        Of `us.taxable`; quantities in whole millionths, costs are rounded to the cent for the screen.
    securities : sequence of str
        Every instrument of the book, in the order of the price vector.
    """
    place = {code: number for number, code in enumerate(securities)}
    accounts = {name: number for number, name in enumerate(book.accounts)}
    keys = sorted(
        (key for key, position in book.positions.items() if position.lots),
        key=lambda key: (accounts[key.pool.holder], place[key.instrument_id]),
    )
    kin_number: dict[tuple[str, str], int] = {}
    kin = np.array(
        [
            kin_number.setdefault(
                (book.accounts[key.pool.holder].household_id, book.group(key.instrument_id)), len(kin_number)
            )
            for key in keys
        ],
        dtype=np.int32,
    )
    held = [tuple(map(_for_losses, book.positions[key].lots)) for key in keys]
    lots = [lot for position in held for lot in position]
    orders: dict[tuple[int, str], int] = {}
    order = np.array(
        [
            orders.setdefault((int(number), lot.order_id), len(orders))
            for number, position in zip(kin, held, strict=True)
            for lot in position
        ],
        dtype=np.int32,
    )
    quantity = np.array([int(lot.quantity * QUANTITY_UNIT) for lot in lots], dtype=np.int64)
    cost = np.array([round(lot.cost * CENTS) for lot in lots], dtype=np.int64)
    counts = np.array([len(position) for position in held], dtype=np.int64)
    bought = np.array(
        [lot.acquired.toordinal() if lot.can_replace else NEVER for lot in lots], dtype=np.int32
    )
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    latest = np.zeros(len(kin_number), dtype=np.int32)
    np.maximum.at(latest, np.repeat(kin, counts), bought)
    return LotArrays(
        np.array([accounts[key.pool.holder] for key in keys], dtype=np.int32),
        np.array([place[key.instrument_id] for key in keys], dtype=np.int32),
        kin,
        np.array([key.pool.kind.facts.loss_counts for key in keys], dtype=np.bool_),
        latest[kin],
        starts,
        quantity,
        cost,
        cost / CENTS / (quantity / QUANTITY_UNIT),
        quantity / QUANTITY_UNIT,
        np.array(
            [NEVER if lot.always_long else long_from(lot.held_from).toordinal() for lot in lots],
            dtype=np.int32,
        ),
        bought,
        order,
        tuple(lot.id for lot in lots),
    )


def _for_losses(lot: TaxLot) -> TaxLot:
    """A lot as a loss sees it: a gift below its cost has the value and the date of the gift."""
    if lot.gift_value is None or lot.gift_value >= lot.cost:
        return lot
    return replace(lot, cost=lot.gift_value, held_from=lot.acquired)
