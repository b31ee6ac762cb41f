"""Measuring, ranking and replacing funds by what they delivered against their index.

A tracking difference (TD) is fund - index: negative when the fund lags. Methodology 3.5 to 3.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length, square
from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = [
    "MIN_PEERS",
    "Blend",
    "Decision",
    "Rank",
    "Switch",
    "YearOfFund",
    "checklist_score",
    "core_and_satellite",
    "inclusive_percentile",
    "rank_funds",
    "switch_decision",
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
    _check_rate("tax", tax)
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


@dataclass(frozen=True)
class Switch:
    """The decision with its figures; `breakeven_years` is None when no peer is better."""

    decision: Decision
    quartile: int
    saving: float
    one_off: float
    breakeven_years: float | None


def switch_decision(
    history: FloatArray,
    peers: FloatArray,
    *,
    switch_cost: float = 0.0,
    unrealised_gain: float = 0.0,
    tax_rate: float = 0.20315,
    deferral: float = 0.0,
    horizon: float = 5.0,
) -> Switch:
    """Keep, watch, stop buying or replace a fund, from its three-year mean TD at each annual audit.

    Parameters
    ----------
    history : ndarray of shape (n_audits,)
        The fund's own figures, oldest first.
    peers : ndarray of shape (n_audits, n_peers)
        Those of its peers, the fund itself not included.
    switch_cost : float
        Spread, levy and fees of the switch, as a fraction of the holding.
    unrealised_gain : float
        Gain as a fraction of the value of the holding; a loss costs no tax.
    tax_rate : float
        0 in NISA.
    deferral : float
        The part of the tax that would be due later anyway, in present value, 0 to 1.
    horizon : float
        Longest break-even accepted, in years.

    Returns
    -------
    Switch
        REPLACE: worst quartile at the last two audits and break-even within the horizon. STOP_BUYING:
        worst twice, but the switch takes longer to pay. WATCH: worst at the last audit only. KEEP:
        else, and always when no peer is better. `saving` is the best peer less the fund at the last
        audit, per year.

    Raises
    ------
    MissingError
        With fewer than three peers, or no audit.
    ShapeError
        If there is not one row of peers per audit.
    DomainError
        If a rate or the deferral is outside 0 to 1, or the switch cost or horizon is negative.

    References
    ----------
    Methodology 3.6 (3).

    Examples
    --------
    >>> peers = np.array([[-0.0020, -0.0022, -0.0030], [-0.0019, -0.0024, -0.0031]])
    >>> done = switch_decision(
    ...     np.array([-0.0041, -0.0042]), peers, switch_cost=0.001, unrealised_gain=0.02
    ... )
    >>> done.decision.value, round(done.breakeven_years, 2)
    ('REPLACE', 2.2)
    """
    audits = same_length(history=history)
    if peers.ndim != 2 or peers.shape[0] != audits:
        raise ShapeError("peers", got=peers.shape, expected=(audits, peers.shape[-1]))
    if audits == 0 or peers.shape[1] < MIN_PEERS - 1:
        raise MissingError(
            f"peers: {peers.shape[1]} at {audits} audits; a quartile needs an audit and three peers"
        )
    _check_rate("tax_rate", tax_rate)
    _check_rate("deferral", deferral)
    for name, value in (("switch_cost", switch_cost), ("horizon", horizon)):
        if value < 0.0:
            raise DomainError(f"{name}: {value:g} is negative")
    quartiles = [
        rank_funds(np.array([own, *others]))[0].quartile or 1
        for own, others in zip(history[-2:], peers[-2:], strict=True)
    ]
    saving = float(peers[-1].max() - history[-1])
    one_off = switch_cost + tax_rate * max(0.0, unrealised_gain) * (1.0 - deferral)
    breakeven = one_off / saving if saving > 0.0 else None
    if quartiles[-1] < 4 or breakeven is None:
        decision = Decision.KEEP
    elif len(quartiles) < 2 or quartiles[-2] < 4:
        decision = Decision.WATCH
    else:
        decision = Decision.REPLACE if breakeven <= horizon else Decision.STOP_BUYING
    return Switch(decision, quartiles[-1], saving, one_off, breakeven)


def checklist_score(values: FloatArray, weights: FloatArray | None = None, scale: float = 5.0) -> float:
    """Marks of a checklist as one figure from 0 to 100.

    Parameters
    ----------
    values : ndarray of shape (n_items,)
        Marks from 0 to `scale`.
    weights : ndarray of shape (n_items,), optional
        Not negative; equal if left out.
    scale : float
        The best mark.

    Returns
    -------
    float
        100 x sum(v w) / (scale x sum(w)).

    Raises
    ------
    DomainError
        If a mark is outside 0 to `scale`, a weight negative or the scale not above zero.
    EmptyBaseError
        If the weights sum to zero.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> marks, weights = np.array([5.0, 4, 4, 5, 3, 5, 4, 3]), np.array([1.0, 2, 2, 1, 1, 1, 1, 1])
    >>> checklist_score(marks, weights)
    82.0
    """
    by = np.ones_like(values) if weights is None else weights
    same_length(values=values, weights=by)
    if scale <= 0.0:
        raise DomainError(f"scale: {scale:g} is not above zero")
    wrong = (values < 0.0) | (values > scale)
    if np.any(wrong):
        row = int(np.flatnonzero(wrong)[0])
        raise DomainError(f"values, row {row + 1}: the mark {values[row]:g} is not between 0 and {scale:g}")
    if np.any(by < 0.0):
        raise DomainError("weights: a weight is negative")
    total = exact_sum(by)
    if total == 0.0:
        raise EmptyBaseError("weights: they sum to zero")
    return exact_sum(values * by) / (scale * total) * 100.0


@dataclass(frozen=True)
class Blend:
    """A core with satellites: yearly figures of the whole; the share is None without any risk."""

    tracking_error: float
    cost: float
    satellite_share: float | None


def core_and_satellite(
    weights: FloatArray,
    tracking_errors: FloatArray,
    costs: FloatArray,
    correlation: FloatArray | None = None,
) -> Blend:
    r"""Tracking error, cost and the satellites' share of the risk of a core with satellites.

    Parameters
    ----------
    weights, tracking_errors, costs : ndarray of shape (n_parts,)
        Of each part, the core first; per year, as fractions.
    correlation : ndarray of shape (n_parts, n_parts), optional
        Of the active returns; independent if left out.

    Returns
    -------
    Blend
        :math:`TE = \sqrt{w^\top C w}`, :math:`C_{ij} = t_i t_j \rho_{ij}`; the share is
        :math:`1 - w_1 (Cw)_1 / TE^2`.

    Raises
    ------
    ShapeError, InputError
        If the shapes do not fit or the correlations are not symmetric.
    DomainError
        If a tracking error is negative, a correlation outside -1 to 1, or the variance negative.

    Examples
    --------
    >>> blend = core_and_satellite(np.array([0.8, 0.2]), np.array([0.001, 0.08]), np.array([0.0019, 0.0075]))
    >>> round(blend.tracking_error, 6), round(blend.satellite_share, 4)
    (0.01602, 0.9975)
    """
    n = same_length(weights=weights, tracking_error=tracking_errors, cost=costs)
    if np.any(tracking_errors < 0.0):
        raise DomainError("tracking_error: one is negative; a standard deviation is not")
    rho = np.eye(n) if correlation is None else square("correlation", correlation, n)
    if np.any(np.abs(rho) > 1.0 + 1e-9):
        raise DomainError("correlation: one is outside -1 to 1")
    covariance = np.outer(tracking_errors, tracking_errors) * rho
    by_part = weights * (covariance @ weights)
    variance = exact_sum(by_part)
    if variance < -1e-12:
        raise DomainError(
            "correlation: the variance comes out below zero; these correlations cannot hold together"
        )
    share = 1.0 - float(by_part[0]) / variance if variance > 0.0 else None
    return Blend(math.sqrt(max(variance, 0.0)), exact_sum(weights * costs), share)


def _check_rate(name: str, rate: float) -> None:
    if not 0.0 <= rate <= 1.0:
        raise DomainError(f"{name}: {rate:g} is not between 0 and 1")
