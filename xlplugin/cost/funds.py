"""What funds delivered against their index: after tax, by year, ranked among peers.

A tracking difference (TD) is fund - index: negative when the fund lags. Methodology 3.5 and 3.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import same_length
from xlplugin.errors import DomainError, InputError, MissingError, ShapeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = [
    "MIN_PEERS",
    "Decision",
    "Rank",
    "YearOfFund",
    "check_rate",
    "inclusive_percentile",
    "rank_funds",
    "total_return_index",
    "yearly_tracking",
]

MIN_PEERS = 4  # fewer make quartiles meaningless; methodology 3.6 (1)


def total_return_index(
    nav: FloatArray, distribution: FloatArray, tax: float = 0.0, special: FloatArray | None = None
) -> FloatArray:
    r"""Net asset values with distributions reinvested after tax, as an index from 1.

    Parameters
    ----------
    nav : ndarray of shape (n_dates,)
        Ex distribution on the ex-date.
    distribution : ndarray of shape (n_dates,)
        Paid per unit, on the row of the ex-date; the one of the first row is past and unused.
    tax : float
        Rate on ordinary distributions, 0 to 1.
    special : ndarray of shape (n_dates,), optional
        The part of the distribution that is a return of capital (元本払戻金), untaxed.

    Returns
    -------
    ndarray of shape (n_dates,)

    Raises
    ------
    DomainError
        If a NAV is not above zero, a distribution is negative, the special part is above the
        distribution, or the rate is outside 0 to 1.
    ShapeError
        If the lengths differ.

    Notes
    -----
    :math:`I_t = I_{t-1}\,\frac{N_t}{N_{t-1}}\left(1 + \frac{D - \tau (D - D^{special})}{N_t}\right)`.

    Examples
    --------
    >>> total_return_index(np.array([10000.0, 10200.0]), np.array([0.0, 300.0])).round(4).tolist()
    [1.0, 1.05]
    """
    untaxed = np.zeros_like(nav) if special is None else special
    same_length(nav=nav, distribution=distribution, special=untaxed)
    check_rate("tax", tax)
    for name, values, wrong, what in (
        ("nav", nav, nav <= 0.0, "is not above zero"),
        ("distribution", distribution, distribution < 0.0, "is negative"),
        ("special", untaxed, untaxed < 0.0, "is negative"),
        ("special", untaxed, untaxed > distribution, "is above the distribution of its row"),
    ):
        if np.any(wrong):
            row = int(np.flatnonzero(wrong)[0])
            raise DomainError(f"{name}, row {row + 1}: {values[row]:g} {what}")
    growth = (nav[1:] + distribution[1:] - tax * (distribution[1:] - untaxed[1:])) / nav[:-1]
    return np.concatenate([np.ones(min(nav.size, 1)), np.cumprod(growth)])


@dataclass(frozen=True)
class YearOfFund:
    """Returns of one complete calendar year; `difference` = fund - index."""

    year: int
    fund: float
    index: float

    @property
    def difference(self) -> float:
        """The tracking difference of the year."""
        return self.fund - self.index


def yearly_tracking(
    dates: Sequence[dt.date], nav: FloatArray, distribution: FloatArray, index: FloatArray, tax: float = 0.0
) -> list[YearOfFund]:
    """Tracking by calendar year, complete years only.

    Parameters
    ----------
    dates : sequence of date
        Ascending.
    nav, distribution : ndarray of shape (n_dates,)
        As in `total_return_index`.
    index : ndarray of shape (n_dates,)
        Levels of the total-return index.
    tax : float
        Rate on distributions.

    Returns
    -------
    list of YearOfFund
        A year is complete when there is a December date before it and one in it; the last of each
        December counts. A year in between without its December is left out, and so is the next.

    Raises
    ------
    MissingError
        If no year is complete.
    InputError
        If the dates do not ascend; a date that stands twice is named.
    ShapeError, DomainError
        As in `total_return_index`; if an index level is not above zero.
    """
    if len(dates) != nav.shape[0]:
        raise ShapeError("nav", got=nav.shape, expected=(len(dates),))
    same_length(nav=nav, index=index)
    for row in range(1, len(dates)):
        if dates[row] <= dates[row - 1]:
            raise InputError(
                f"dates, row {row + 1}: {dates[row]} does not come after {dates[row - 1]}; give each date "
                "once, ascending"
            )
    if np.any(index <= 0.0):
        row = int(np.flatnonzero(index <= 0.0)[0])
        raise DomainError(f"index, row {row + 1}: the level {index[row]:g} is not above zero")
    fund = total_return_index(nav, distribution, tax)
    ends = {day.year: row for row, day in enumerate(dates) if day.month == 12}
    years = [
        YearOfFund(
            year,
            float(fund[end] / fund[ends[year - 1]] - 1.0),
            float(index[end] / index[ends[year - 1]] - 1.0),
        )
        for year, end in ends.items()
        if year - 1 in ends
    ]
    if not years:
        raise MissingError(
            "no complete calendar year: a year needs a December date before it and one at its end"
        )
    return years


@dataclass(frozen=True)
class Rank:
    """Place of a fund among its peers: 1 is best; None where there are fewer than four."""

    rank: int
    percentile: float | None
    quartile: int | None
    peers: int


def rank_funds(
    values: FloatArray, groups: Sequence[str] | None = None, *, higher_is_better: bool = True
) -> list[Rank]:
    """Rank, percentile and quartile of every fund within its group.

    Parameters
    ----------
    values : ndarray of shape (n_funds,)
        Tracking differences, or another measure.
    groups : sequence of str, optional
        Index, hedge, domicile and account in one word; without it all funds are one group.
    higher_is_better : bool
        False where small values are good.

    Returns
    -------
    list of Rank
        In input order. Equal values share the better rank. The percentile is the share of the other
        funds that are worse. Quartile 4 (worst) is at or below the inclusive 25th percentile, 3 at or
        below the 50th, 2 at or below the 75th. `peers` counts the whole group, the fund included.

    Raises
    ------
    ShapeError
        If there is not one group for every fund.

    Examples
    --------
    >>> [one.quartile for one in rank_funds(np.array([-0.001, -0.002, -0.003, -0.004]))]
    [1, 2, 3, 4]
    """
    n = same_length(td=values)
    names = [""] * n if groups is None else list(groups)
    if len(names) != n:
        raise ShapeError("group", got=(len(names),), expected=(n,))
    oriented = values if higher_is_better else -values
    of_group = {name: [float(v) for v, g in zip(oriented, names, strict=True) if g == name] for name in names}
    return [_rank(float(value), of_group[name]) for value, name in zip(oriented, names, strict=True)]


def _rank(value: float, group: list[float]) -> Rank:
    rank = 1 + sum(other > value for other in group)
    if len(group) < MIN_PEERS:
        return Rank(rank, None, None, len(group))
    worse = sum(other < value for other in group)
    quartile = next(
        (q for q, share in ((4, 0.25), (3, 0.50), (2, 0.75)) if value <= inclusive_percentile(group, share)),
        1,
    )
    return Rank(rank, worse / (len(group) - 1), quartile, len(group))


def inclusive_percentile(values: Sequence[float], share: float) -> float:
    """PERCENTILE.INC of Excel: linear between the order statistics.

    Examples
    --------
    >>> inclusive_percentile([1.0, 2.0, 3.0, 4.0], 0.25)
    1.75
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


class Decision(Enum):
    """What to do with a fund after an annual audit."""

    KEEP = "KEEP"
    WATCH = "WATCH"
    STOP_BUYING = "STOP_BUYING"
    REPLACE = "REPLACE"


def check_rate(name: str, rate: float) -> None:
    """Refuse a rate outside 0 to 1."""
    if not 0.0 <= rate <= 1.0:
        raise DomainError(f"{name}: {rate:g} is not between 0 and 1")
