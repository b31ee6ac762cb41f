"""The wide look over all lots of all clients: candidates, tax value and wash window in blocked numpy.

The screen proposes, the ledger decides: nothing is booked from here. Float figures rank and filter;
`exact_losses` gives the amounts of chosen lots to the cent, as `us.taxable` gives them. A count such
as 365 or 30 appears in no comparison. Performance notes, section 6.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from xlplugin.core.lots import shown
from xlplugin.errors import InputError
from xlplugin.tax.lot_arrays import CENTS, QUANTITY_UNIT
from xlplugin.tax.wash_sales import window

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.tax.lot_arrays import LotArrays

Number = TypeVar("Number", np.float64, np.int32)

__all__ = [
    "ExactLosses",
    "Screened",
    "exact_losses",
    "pool_losses",
    "scan",
]

PRICE_UNIT = 10_000  # exact prices are whole ten-thousandths of a dollar
BLOCK = 40_000  # lots per block: the temporaries of a block stay in the second-level cache
ROUNDING = 1e-12  # what a sum of floats may lose; a smaller difference is none
STRIDE = 4_000  # positions near a purchase that are worked off together
_SAFE = 2**62


class Screened(NamedTuple):
    """Per position, in dollars; losses positive. Each lot is judged as if it alone were sold.

    `gross` and `recognised` are sums over the lots at a loss beyond the threshold; `washed` tells
    that a purchase in the window takes part of them away.
    """

    gross: FloatArray
    recognised: FloatArray
    tax_value: FloatArray
    washed: BoolArray


def scan(
    lots: LotArrays,
    prices: FloatArray,
    today: dt.date,
    *,
    threshold: float = 0.0,
    short_rate: float,
    long_rate: float,
) -> Screened:
    """Losses, their tax value and the wash window over every lot, in blocks that fit the cache.

    Parameters
    ----------
    lots : LotArrays
        From `lot_arrays.lots_from_book`, or built from files.
    prices : ndarray of shape (n_securities,)
        Dollars per share on `today`; NaN where there is none (no loss is seen).
    today : datetime.date
        Trade date of the sales.
    threshold : float
        Smallest fall, as a fraction of the cost.
    short_rate, long_rate : float
        Marginal rates as fractions.

    Returns
    -------
    Screened
        Arrays of shape (n_positions,).

    Raises
    ------
    NoTableError
        If the wash-sale window of the day is not in the tables.
    """
    price = np.where(np.isnan(prices), np.inf, prices)
    first = window(today)[0].toordinal()
    day = _Day(price, today.toordinal(), first, threshold)
    gross, long_part = np.empty(len(lots.security)), np.empty(len(lots.security))
    (_sum_even if lots.slots else _sum_ragged)(lots, day, gross, long_part)
    if not lots.taxed.all():
        gross[~lots.taxed] = long_part[~lots.taxed] = 0.0
    recognised, washed = gross.copy(), np.zeros(len(gross), dtype=np.bool_)
    near = np.flatnonzero((lots.last_buy >= first) & (gross > 0.0))
    young = _window_lots(lots, today)
    bought = _kin_bought(lots, young)
    for begin in range(0, len(near), STRIDE):
        some = near[begin : begin + STRIDE]
        lost, lost_long = _met(lots, day, some, bought[lots.kin[some]] / QUANTITY_UNIT)
        recognised[some] -= lost
        long_part[some] -= lost_long
        washed[some] = lost > 0.0
    if len(lots.part_places):
        _give_back(lots, day, young, bought, recognised, long_part)
        owners = np.searchsorted(lots.start, lots.part_places, side="right") - 1
        washed[owners] = recognised[owners] < gross[owners] * (1.0 - ROUNDING)
    for begin in range(0, len(gross), BLOCK):
        here = slice(begin, begin + BLOCK)
        long_part[here] *= long_rate - short_rate
        long_part[here] += short_rate * recognised[here]
    return Screened(gross, recognised, long_part, washed)


class _Day(NamedTuple):
    """The day of the sales: prices, its number, the first day of the window, the smallest fall."""

    price: FloatArray
    today: int
    first: int
    threshold: float


def _sum_even(lots: LotArrays, day: _Day, gross: FloatArray, long_part: FloatArray) -> None:
    """Positions of equally many lots, in blocks of whole accounts: the loss never leaves the cache."""
    slots, n = lots.slots, len(lots.security)
    step = _positions_per_block(lots)
    ones = np.ones(slots)
    basis, shares = lots.basis.reshape(n, slots), lots.shares.reshape(n, slots)
    long_from = lots.long_from.reshape(n, slots)
    seen = np.empty(0, dtype=np.int32)
    per_lot = loss = zero = np.empty((0, slots))
    is_long = np.empty((0, slots), dtype=np.bool_)
    for begin in range(0, n, step):
        here = slice(begin, min(n, begin + step))
        if not np.array_equal(seen, lots.security[here]):  # accounts of one model: the same prices again
            seen = lots.security[here]
            per_lot = np.repeat(day.price[seen], slots).reshape(-1, slots)
            loss, is_long = np.empty_like(per_lot), np.empty(per_lot.shape, dtype=np.bool_)
            zero = np.zeros_like(per_lot)  # an array is compared twice as fast as a scalar
        np.subtract(basis[here], per_lot, out=loss)
        if day.threshold > 0.0:
            np.multiply(loss, loss >= day.threshold * basis[here], out=loss)
        np.maximum(loss, zero, out=loss)
        np.multiply(loss, shares[here], out=loss)
        np.dot(loss, ones, out=gross[here])
        np.less_equal(long_from[here], day.today, out=is_long)
        np.multiply(loss, is_long, out=loss)
        np.dot(loss, ones, out=long_part[here])


def _positions_per_block(lots: LotArrays) -> int:
    """Whole accounts if all are of one size and fit, else as many positions as fit."""
    fit = max(1, BLOCK // lots.slots)
    size = int(np.searchsorted(lots.account, lots.account[0], side="right"))
    return fit // size * size if size <= fit else fit


def _sum_ragged(lots: LotArrays, day: _Day, gross: FloatArray, long_part: FloatArray) -> None:
    """Positions of any number of lots."""
    n = len(lots.security)
    edges = np.minimum(np.searchsorted(lots.start, np.arange(0, lots.start[-1] + BLOCK, BLOCK)), n).tolist()
    for begin, end in pairwise(edges):
        if begin == end:
            continue
        here = slice(int(lots.start[begin]), int(lots.start[end]))
        starts = lots.start[begin : end + 1] - lots.start[begin]
        loss = lots.basis[here].copy()
        _cut_to_loss(loss, np.repeat(day.price[lots.security[begin:end]], np.diff(starts)), day)
        loss *= lots.shares[here]
        np.add.reduceat(loss, starts[:-1], out=gross[begin:end])
        loss *= lots.long_from[here] <= day.today
        np.add.reduceat(loss, starts[:-1], out=long_part[begin:end])


def _cut_to_loss(basis: FloatArray, price: FloatArray, day: _Day) -> None:
    """Turn costs per share into losses per share, zero below the threshold, in place."""
    least = day.threshold * basis if day.threshold > 0.0 else 0.0
    basis -= price
    if day.threshold > 0.0:
        basis *= basis >= least
    np.maximum(basis, 0.0, out=basis)


def _met(lots: LotArrays, day: _Day, some: IntArray, held: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the shares bought by the kin, each lot's own left out, take from some positions."""
    if lots.slots:
        ones = np.ones(lots.slots)
        loss, shares = _rows(lots.basis, lots.slots, some), _rows(lots.shares, lots.slots, some)
        _cut_to_loss(loss, day.price[lots.security[some], np.newaxis], day)
        loss *= _matched(shares, _rows(lots.bought, lots.slots, some), held[:, np.newaxis], day)
        lost = loss @ ones
        loss *= _rows(lots.long_from, lots.slots, some) <= day.today
        return lost, loss @ ones
    place, starts = _lots_of(lots, some)
    counts = np.diff(starts)
    loss = lots.basis[place]
    _cut_to_loss(loss, np.repeat(day.price[lots.security[some]], counts), day)
    loss *= _matched(lots.shares[place], lots.bought[place], np.repeat(held, counts), day)
    lost = np.add.reduceat(loss, starts[:-1])
    loss *= lots.long_from[place] <= day.today
    return lost, np.add.reduceat(loss, starts[:-1])


def _rows(column: NDArray[Number], slots: int, positions: IntArray) -> NDArray[Number]:
    """The lots of some positions out of a column of evenly filled positions."""
    return np.take(column.reshape(-1, slots), positions, axis=0)


def _matched(shares: FloatArray, days: NDArray[np.int32], held: FloatArray, day: _Day) -> FloatArray:
    """Shares of each lot that are replaced, if the lot is the whole of its purchase."""
    own = shares * ((days >= day.first) & (days <= day.today))
    free = np.subtract(held, own, out=own)
    return np.minimum(shares, free, out=free)


def _give_back(
    lots: LotArrays,
    day: _Day,
    young: slice,
    bought: IntArray,
    recognised: FloatArray,
    long_part: FloatArray,
) -> None:
    """Correct the parts of divided purchases: the other parts do not replace them either."""
    place = lots.part_places
    owner = np.searchsorted(lots.start, place, side="right") - 1
    loss = lots.basis[place]
    _cut_to_loss(loss, day.price[lots.security[owner]], day)
    shares, held = lots.shares[place], bought[lots.kin[owner]] / QUANTITY_UNIT
    free = held - _own(lots, place, young) / QUANTITY_UNIT
    loss *= _matched(shares, lots.bought[place], held, day) - np.minimum(shares, free)
    loss *= lots.taxed[owner]
    np.add.at(recognised, owner, loss)
    np.add.at(long_part, owner, loss * (lots.long_from[place] <= day.today))


def _lots_of(lots: LotArrays, positions: IntArray) -> tuple[IntArray, IntArray]:
    """Places of all lots of some positions, and where those of each begin."""
    begin = lots.start[positions]
    counts = lots.start[positions + 1] - begin
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.repeat(begin - starts[:-1], counts) + np.arange(starts[-1]), starts


def _window_lots(lots: LotArrays, today: dt.date) -> slice:
    """The lots bought in the window up to today that can replace: a slice of `by_age`."""
    first, last = np.int32(window(today)[0].toordinal()), np.int32(today.toordinal())
    begin = np.searchsorted(lots.day_by_age, first)
    return slice(int(begin), int(np.searchsorted(lots.day_by_age, last, side="right")))


def _kin_bought(lots: LotArrays, young: slice) -> IntArray:
    """Millionths of shares that each kin bought in the window."""
    total = np.zeros(int(lots.kin.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(total, lots.kin[lots.position_by_age[young]], lots.quantity[lots.by_age[young]])
    return total


def _own(lots: LotArrays, place: IntArray, young: slice) -> IntArray:
    """Millionths of shares of the own purchase of each lot that lie in the window."""
    orders, number = np.unique(lots.order[lots.by_age[young]], return_inverse=True)
    total = np.zeros(len(orders) + 1, dtype=np.int64)
    np.add.at(total, number, lots.quantity[lots.by_age[young]])
    at = np.searchsorted(orders, lots.order[place])
    own: IntArray = np.where(np.append(orders, -1)[at] == lots.order[place], total[at], 0)
    return own


class ExactLosses(NamedTuple):
    """Per lot asked for, in cents: the loss if the lot alone is sold, and what the wash rule takes."""

    gross: IntArray
    disallowed: IntArray


def exact_losses(lots: LotArrays, place: IntArray, prices: Sequence[Fraction], today: dt.date) -> ExactLosses:
    """The losses of some lots to the cent, as the ledger gives them.

    Parameters
    ----------
    lots : LotArrays
        The screen.
    place : ndarray of int64
        Places of lots, for example those of positions that `scan` found.
    prices : sequence of Fraction
        Exact prices by security, in whole ten-thousandths of a dollar.

    Returns
    -------
    ExactLosses
        Half-up to the cent; zero for a gain and in an account where no loss counts.
    """
    owner = np.searchsorted(lots.start, place, side="right") - 1
    exact_price = np.array([_ten_thousandths(p) for p in prices], dtype=np.int64)[lots.security[owner]]
    quantity, cost = lots.quantity[place], lots.cost[place]
    scale = QUANTITY_UNIT * PRICE_UNIT // CENTS
    worth = _product(quantity, exact_price)
    loss = np.maximum(_product(cost, np.int64(scale)) - worth, 0)  # in 1 / scale of a cent
    loss[~lots.taxed[owner]] = 0
    young = _window_lots(lots, today)
    free = _kin_bought(lots, young)[lots.kin[owner]] - _own(lots, place, young)
    matched = np.minimum(quantity, free)
    gross = _half_up(loss, np.full(len(place), scale, dtype=np.int64))
    disallowed = np.zeros(len(place), dtype=np.int64)
    for at in np.flatnonzero((matched > 0) & (loss > 0)).tolist():
        # Python integers: the product of a loss and a quantity in millionths can pass 64 bits.
        top, bottom = int(loss[at]) * int(matched[at]), scale * int(quantity[at])
        disallowed[at] = (2 * top + bottom) // (2 * bottom)
    return ExactLosses(gross, disallowed)


def _ten_thousandths(price: Fraction) -> int:
    units = price * PRICE_UNIT
    if units.denominator != 1:
        raise InputError(f"prices: {shown(price)} has more than four decimals; give dollars to four")
    return units.numerator


def _product(left: IntArray, right: IntArray | np.int64) -> NDArray[np.object_] | IntArray:
    """An integer product that never wraps around: object integers where 64 bits could be passed."""
    most = float(np.max(np.abs(left), initial=0)) * float(np.max(np.abs(right), initial=0))
    return left.astype(object) * right if most > _SAFE else left * right


def _half_up(top: NDArray[np.object_] | IntArray, bottom: IntArray) -> IntArray:
    return np.array((top + bottom // 2) // bottom, dtype=np.int64)


def pool_losses(cost: IntArray, quantity: IntArray, price: IntArray) -> IntArray:
    """Losses of Japanese pools in yen if each is sold whole, its unit cost rounded up to a yen.

    Parameters
    ----------
    cost : ndarray of int64
        TOTAL cost in yen.
    quantity : ndarray of int64
        Whole shares, positive.
    price : ndarray of int64
        Whole yen per share.

    Returns
    -------
    ndarray of int64
        ceil(cost / quantity) x quantity - price x quantity, zero for a gain.

    References
    ----------
    所得税法施行令118条; 措置法通達37の10・37の11共-14.

    Examples
    --------
    >>> pool_losses(np.array([5_700_000]), np.array([7000]), np.array([700])).tolist()
    [805000]
    """
    unit = -(-cost // quantity)
    losses: IntArray = np.maximum((unit - price) * quantity, 0)
    return losses
