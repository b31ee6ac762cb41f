"""Series of index levels: price, total return, hedged, and prices adjusted for events.

Time runs down the rows. Source: methodology 2.1, 2.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError
from xlplugin.index.arrays import same_length

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["adjusted_prices", "hedged_index", "index_series", "total_return"]


def index_series(
    prices: FloatArray, quantity: FloatArray, base: float, rebalance: BoolArray | None = None
) -> FloatArray:
    """Levels of an index from prices and quantities.

    Parameters
    ----------
    prices : ndarray of shape (t, n)
        Prices per share.
    quantity : ndarray of shape (n,), (n, 1) or (regimes, n)
        What multiplies the price: one set, or one row per regime.
    base : float
        The level of the first row.
    rebalance : ndarray of bool of shape (t,), optional
        After the close of a row that is true the next row of `quantity` takes over.

    Returns
    -------
    ndarray of shape (t,)
        level(t) = level(t−1)·ΣP(t)Q/ΣP(t−1)Q with the quantity in force between the two closes:
        a change of regime leaves the level where it is.

    Raises
    ------
    ShapeError, InputError
        If the regimes do not fit the names or the flags.
    EmptyBaseError
        If a market value is zero.

    References
    ----------
    methodology 2.1.

    Examples
    --------
    >>> prices = np.array([[100.0, 50.0], [110.0, 45.0], [121.0, 45.0]])
    >>> index_series(prices, np.array([1.0, 2.0]), 1000.0).tolist()
    [1000.0, 1000.0, 1055.0]
    """
    rows, names = prices.shape
    regimes = np.atleast_2d(quantity)
    if regimes.shape == (names, 1) and names > 1:
        regimes = regimes.T
    if regimes.shape[1] != names:
        raise ShapeError("quantity", got=regimes.shape, expected=(len(regimes), names))
    flags = np.zeros(rows, dtype=np.bool_) if rebalance is None else rebalance
    same_length(rows, rebalance=flags)
    regime = np.concatenate([[0], np.cumsum(flags[:-1])])  # in force up to the close of each row
    needed = int(regime[-1]) + 1 if rows else 1
    if len(regimes) not in (needed, int(flags.sum()) + 1):
        raise InputError(
            f"quantity: {len(regimes)} rows were given and {needed - 1} changes are flagged in rebalance; "
            f"expected {needed} rows"
        )
    levels = np.empty(rows)
    level, at = base, 0
    for number in range(needed):
        last = int(np.flatnonzero(regime == number)[-1])
        value = prices[at : last + 1] @ regimes[number]
        if value[0] == 0.0:
            raise EmptyBaseError(
                f"prices: the market value of row {at + 1} is zero; check prices and quantity"
            )
        levels[at : last + 1] = level * (value / value[0])
        level, at = levels[last], last
    return levels


def total_return(
    price_index: FloatArray, points: FloatArray, withholding: float = 0.0, base: float | None = None
) -> FloatArray:
    """Total-return levels: dividends are put back into the index on the ex-date.

    Parameters
    ----------
    price_index, points : ndarray of shape (t,)
        Price index and dividend points; those of the first row are ignored.
    withholding : float
        0 for gross; for net, for example 0.15315, 0.20315 or 0.30.
    base : float, optional
        The level of the first row; the first price index if left out.

    Returns
    -------
    ndarray of shape (t,)
        TR(t) = TR(t−1)·(PI(t) + DP(t)·(1 − withholding))/PI(t−1).

    Raises
    ------
    ShapeError
        If the two are not of one length.
    DomainError
        If the withholding rate is outside zero to one.
    EmptyBaseError
        If a price level is zero.

    References
    ----------
    methodology 2.1, 2.12 (I17, I18).

    Examples
    --------
    >>> levels = np.array([1000.0, 1010.0, 1005.0])
    >>> total_return(levels, np.array([0.0, 0.0, 3.0])).tolist()
    [1000.0, 1010.0, 1008.0]
    """
    same_length(len(price_index), dividend_points=points)
    if not 0.0 <= withholding <= 1.0:
        raise DomainError(f"withholding: {withholding:g} is not a rate; expected 0 to 1, such as 0.15315")
    _levels_not_zero("price_index", price_index)
    growth = (price_index[1:] + points[1:] * (1.0 - withholding)) / price_index[:-1]
    start = float(price_index[0]) if base is None else base
    return np.cumprod(np.concatenate([[start], growth]))


def hedged_index(
    index: FloatArray,
    spot: FloatArray,
    forward: FloatArray,
    ratio: float = 1.0,
    base: float | None = None,
) -> FloatArray:
    """A currency-hedged index, the hedge rolled at every row.

    Parameters
    ----------
    index : ndarray of shape (t,)
        The unhedged index in home currency.
    spot, forward : ndarray of shape (t,)
        Home currency per foreign; the forward is fixed at each row for the next.
    ratio : float
        Part of the value that is hedged.
    base : float, optional
        The level of the first row; the first index level if left out.

    Returns
    -------
    ndarray of shape (t,)
        H(t) = H(t−1)·(U(t)/U(t−1) + h·(F(t−1) − S(t))/S(t−1)).

    Raises
    ------
    ShapeError
        If the three are not of one length.
    DomainError
        If a rate is not above zero.
    EmptyBaseError
        If a level is zero.

    References
    ----------
    methodology 2.12, 3.4 (I19).

    Examples
    --------
    >>> spot, forward = np.array([150.0, 147.0]), np.array([149.4, 146.5])
    >>> hedged_index(np.array([100.0, 99.96]), spot, forward).round(6).tolist()
    [100.0, 101.56]
    """
    same_length(len(index), spot=spot, forward=forward)
    for name, rates in (("spot", spot), ("forward", forward)):
        if (rates <= 0.0).any():
            row = int(np.flatnonzero(rates <= 0.0)[0]) + 1
            raise DomainError(f"{name}: row {row} is {rates[row - 1]:g}; a rate is above zero")
    _levels_not_zero("index", index)
    growth = index[1:] / index[:-1] + ratio * (forward[:-1] - spot[1:]) / spot[:-1]
    start = float(index[0]) if base is None else base
    return np.cumprod(np.concatenate([[start], growth]))


def adjusted_prices(price: FloatArray, factor: FloatArray) -> FloatArray:
    """Past prices made comparable with the last one.

    Parameters
    ----------
    price, factor : ndarray of shape (t,) or (t, n)
        Traded prices, and the price factor effective at the open of each row (1 where none).

    Returns
    -------
    ndarray
        P(t) times the product of the factors of later rows.

    Raises
    ------
    ShapeError
        If the two are not of one shape.
    DomainError
        If a factor is not above zero.

    References
    ----------
    methodology 2.12 (I24).

    Examples
    --------
    >>> adjusted_prices(np.array([1000.0, 1020.0, 520.0]), np.array([1.0, 1.0, 0.5])).tolist()
    [500.0, 510.0, 520.0]
    """
    if price.shape != factor.shape:
        raise ShapeError("factor", got=factor.shape, expected=price.shape)
    if (factor <= 0.0).any():
        raise DomainError("factor: expected numbers above zero; 1 where nothing happened")
    later = np.ones_like(factor)
    later[:-1] = np.cumprod(factor[:0:-1], axis=0)[::-1]
    return price * later


def _levels_not_zero(name: str, levels: FloatArray) -> None:
    if not len(levels):
        raise MissingError(f"{name}: no level was given; give at least one row")
    if (levels[:-1] == 0.0).any():
        row = int(np.flatnonzero(levels[:-1] == 0.0)[0]) + 1
        raise EmptyBaseError(f"{name}: row {row} is zero; nothing can be measured from it")
