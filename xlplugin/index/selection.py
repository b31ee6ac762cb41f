"""Selection: screens, ranks with buffers, coverage, size bands, packets and scores.

Entry and keep values differ so that a passing dip does not remove a member. Ties are broken by
row order and cumulative shares are rounded to twelve decimals before they meet a boundary, which
is inside: two people must get the same list. Source: methodology 2.5, 2.6, 2.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError
from xlplugin.index.arrays import aligned, check_amounts, descending, exact_sum, same_length

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = [
    "check_no_gap",
    "composite_score",
    "cumulative_share",
    "rank_points",
    "ranks",
    "select_by_coverage",
    "select_by_rank",
    "share_after_packet",
    "size_segments",
    "turnover",
]


def _incumbents(incumbent: BoolArray | None, count: int) -> BoolArray:
    if incumbent is None:
        return np.zeros(count, dtype=np.bool_)
    same_length(count, incumbent=incumbent)
    return incumbent


def check_no_gap(name: str, metric: FloatArray) -> None:
    """Refuse a missing value with its row."""
    if np.isnan(metric).any():
        row = int(np.flatnonzero(np.isnan(metric))[0]) + 1
        raise MissingError(f"{name}: row {row} is missing; a missing value is not zero, enter it")


def ranks(metric: FloatArray) -> IntArray:
    """Ranks from 1 for the largest; equal values in row order.

    Examples
    --------
    >>> ranks(np.array([5.0, 9.0, 5.0])).tolist()
    [2, 1, 3]
    """
    result = np.empty(len(metric), dtype=np.int64)
    result[descending(metric)] = np.arange(1, len(metric) + 1)
    return result


def cumulative_share(metric: FloatArray) -> FloatArray:
    """Share of the total held by a name and all larger ones, rounded to twelve decimals.

    Raises
    ------
    MissingError, DomainError
        If a value is missing or negative.
    EmptyBaseError
        If the total is zero.

    Examples
    --------
    >>> cumulative_share(np.array([1.0, 3.0])).tolist()
    [1.0, 0.75]
    """
    check_amounts("metric", metric)
    total = exact_sum(metric)
    if total == 0.0:
        raise EmptyBaseError("metric: it sums to zero; there is nothing to take a share of")
    order = descending(metric)
    share = np.empty(len(metric))
    share[order] = np.round(np.cumsum(metric[order]) / total, 12)
    return share


def select_by_rank(
    metric: FloatArray,
    count: int,
    incumbent: BoolArray | None = None,
    rank_in: int | None = None,
    rank_out: int | None = None,
) -> BoolArray:
    """A fixed number of names by rank, with a buffer for incumbents.

    Parameters
    ----------
    metric : ndarray of shape (n,)
        Larger is better.
    count : int
        Names wanted.
    incumbent : ndarray of bool of shape (n,), optional
        Constituents now.
    rank_in, rank_out : int, optional
        A name enters at or above `rank_in`; an incumbent stays down to `rank_out`; both are
        `count` if left out.

    Returns
    -------
    ndarray of bool of shape (n,)
        Ranks up to `rank_in`; then incumbents up to `rank_out` by rank; then the best of the rest.

    Raises
    ------
    DomainError
        If `count` exceeds the names, or `rank_in` exceeds `count`.
    MissingError
        If a value is missing.

    References
    ----------
    methodology 2.6, 2.11: FTSE 100 (count 100, in at 90, out from 111), STOXX Europe 600.

    Examples
    --------
    >>> member = np.array([False, True, True])
    >>> select_by_rank(np.array([9.0, 8.0, 7.0]), 2, member, rank_in=0, rank_out=3).tolist()
    [False, True, True]
    """
    check_no_gap("metric", metric)
    if not 0 <= count <= len(metric):
        raise DomainError(f"count: {count} names are wanted of {len(metric)}; expected 0 to {len(metric)}")
    entry, stay = count if rank_in is None else rank_in, count if rank_out is None else rank_out
    if not 0 <= entry <= count:
        raise DomainError(f"rank_in: {entry} was given; expected 0 to the count of {count}")
    if stay < entry:
        raise DomainError(
            f"rank_out: {stay} is above rank_in {entry}; an incumbent stays at least as far down"
        )
    member = _incumbents(incumbent, len(metric))
    order, rank = descending(metric), np.arange(1, len(metric) + 1)
    held = member[order]
    # Three classes, in each of them by rank: must enter, may stay, the rest.
    first = np.where(rank <= entry, 0, np.where(held & (rank <= stay), 1, 2))
    taken = np.zeros(len(metric), dtype=np.bool_)
    taken[order[np.argsort(first, kind="stable")[:count]]] = True
    return taken


def select_by_coverage(
    metric: FloatArray, target: float, incumbent: BoolArray | None = None, keep: float | None = None
) -> BoolArray:
    """The largest names up to a cumulative share, a wider one for incumbents.

    Parameters
    ----------
    metric : ndarray of shape (n,)
        For example float capitalisation.
    target, keep : float
        Largest cumulative share, the name included, to enter and to stay (`target` if left out).
    incumbent : ndarray of bool of shape (n,), optional
        Constituents now.

    Raises
    ------
    DomainError
        If a share is outside zero to one.

    References
    ----------
    methodology 2.5: TOPIX from October 2026, 0.96 and 0.97 (S05).

    Examples
    --------
    >>> select_by_coverage(np.array([60.0, 30.0, 10.0]), 0.9).tolist()
    [True, True, False]
    """
    stay = target if keep is None else keep
    for name, value in (("target", target), ("keep", stay)):
        if not 0.0 <= value <= 1.0:
            raise DomainError(f"{name}: {value:g} is not a share; expected 0 to 1")
    limit = np.where(_incumbents(incumbent, len(metric)), stay, target)
    return np.asarray(cumulative_share(metric) <= np.round(limit, 12))


def size_segments(
    metric: FloatArray,
    breaks: FloatArray,
    current: FloatArray | None = None,
    *,
    lower: float | None = None,
    upper: float | None = None,
    by_size: bool = False,
) -> IntArray:
    """Size segments 1, 2, ... with bands that keep a name where it is.

    Parameters
    ----------
    metric : ndarray of shape (n,)
        Size.
    breaks : ndarray of shape (k,)
        Ascending cumulative shares, or descending size cut-offs; they divide k + 1 segments.
    current : ndarray of shape (n,), optional
        Present segment; 0 or NaN for a newcomer.
    lower, upper : float, optional
        Bands around the breaks: shares (0 if left out), or factors of the cut-offs (1 if left out).
    by_size : bool
        Whether the breaks are size cut-offs.

    Returns
    -------
    ndarray of int of shape (n,)
        A name leaves its segment only when it is outside the band, and then goes to the segment
        where a newcomer would be.

    Raises
    ------
    InputError
        If the breaks are not monotone or a present segment does not exist.

    References
    ----------
    methodology 2.6: Russell and CRSP (shares), MSCI (size, x 2/3 to x 1.5) (S06).
    """
    steps = np.diff(breaks)
    if not len(breaks) or (steps >= 0.0 if by_size else steps <= 0.0).any():
        word = "descending size cut-offs" if by_size else "ascending cumulative shares"
        raise InputError(f"breaks: expected {word}")
    check_no_gap("metric", metric)
    if by_size:
        plain = 1 + (metric[:, None] < breaks[None, :]).sum(axis=1)
        down, up = 1.0 if lower is None else lower, 1.0 if upper is None else upper
        floor = np.append(down * breaks, -np.inf)  # of each segment
        ceiling = np.insert(up * breaks, 0, np.inf)
        place = metric
    else:
        place = cumulative_share(metric)
        plain = 1 + (place[:, None] > np.round(breaks, 12)[None, :]).sum(axis=1)
        down, up = 0.0 if lower is None else lower, 0.0 if upper is None else upper
        floor = np.insert(np.round(breaks - down, 12), 0, -np.inf)
        ceiling = np.append(np.round(breaks + up, 12), np.inf)
    if current is None:
        return np.asarray(plain, dtype=np.int64)
    same_length(len(metric), current=current)
    present = np.nan_to_num(current, nan=0.0)
    wrong = (present != np.floor(present)) | (present < 0) | (present > len(breaks) + 1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"current: row {row + 1} is {current[row]:g}; expected 1 to {len(breaks) + 1}, or blank"
        )
    segment = np.maximum(present.astype(np.int64), 1) - 1
    stays = (present > 0) & (floor[segment] <= place) & (place <= ceiling[segment])
    return np.asarray(np.where(stays, present, plain), dtype=np.int64)


def share_after_packet(
    held: FloatArray | float, target: FloatArray | float, fraction: float = 0.5
) -> FloatArray:
    """The part of a full position held after a review that moves at most `fraction` of it.

    Raises
    ------
    DomainError
        If a part is outside zero to one.

    References
    ----------
    methodology 2.6: CRSP packeting, 1 -> 0.5 -> 0 (S07).

    Examples
    --------
    >>> float(share_after_packet(1.0, 0.0)), float(share_after_packet(0.5, 0.0))
    (0.5, 0.0)
    """
    now, wanted = aligned(held=held, target=target)
    for name, part in (("held", now), ("target", wanted), ("fraction", np.asarray(fraction))):
        if not ((part >= 0.0) & (part <= 1.0)).all():
            raise DomainError(f"{name}: expected parts of a full position, 0 to 1")
    return np.asarray(now + np.clip(wanted - now, -fraction, fraction))


def composite_score(
    metrics: FloatArray, weights: FloatArray, direction: FloatArray | None = None, winsor: float = 3.0
) -> FloatArray:
    """A weighted mean of clipped z-scores, standardised again.

    Parameters
    ----------
    metrics : ndarray of shape (n, k)
        One column per measure.
    weights : ndarray of shape (k,)
        Weights of the measures.
    direction : ndarray of shape (k,), optional
        −1 where smaller is better.
    winsor : float
        Each z is clipped at plus and minus this.

    Raises
    ------
    ShapeError
        If weights or directions do not fit the columns.
    EmptyBaseError
        If a column, or the mean, has no spread.

    References
    ----------
    methodology 2.10, 2.11 (S08b); population standard deviation.
    """
    measures = metrics.shape[1]
    signs = np.ones(measures) if direction is None else direction
    for name, vector in (("weights", weights), ("direction", signs)):
        if vector.shape != (measures,):
            raise ShapeError(name, got=vector.shape, expected=(measures,))
    if not winsor > 0.0:
        raise DomainError(f"winsor: {winsor:g} was given; expected a number above zero")
    total = exact_sum(weights)
    if total == 0.0:
        raise EmptyBaseError("weights: they sum to zero")
    columns = [
        np.clip(_standardised(f"metrics, column {k + 1}", metrics[:, k]), -winsor, winsor)
        for k in range(measures)
    ]
    mean = sum((w * s * z for w, s, z in zip(weights, signs, columns, strict=True)), np.zeros(len(metrics)))
    return _standardised("score", mean / total)


def _standardised(name: str, values: FloatArray) -> FloatArray:
    check_no_gap(name, values)
    if not len(values):
        raise MissingError(f"{name}: no row was given")
    centred = values - exact_sum(values) / len(values)
    deviation = np.sqrt(exact_sum(centred**2) / len(values))
    if deviation <= 1e-14 * np.abs(values).max():
        raise EmptyBaseError(f"{name}: all values are equal; a z-score needs spread")
    return np.asarray(centred / deviation)


def rank_points(
    metrics: FloatArray, weights: FloatArray, count: float | None = None, *, ranked: bool = False
) -> FloatArray:
    """Points by rank: `count` for the first, one less for each that follows, weighted.

    Parameters
    ----------
    metrics : ndarray of shape (n, k)
        Larger is better; with `ranked`, the ranks themselves.
    weights : ndarray of shape (k,)
        Weights of the measures.
    count : float, optional
        Points of rank 1; the number of rows if left out.
    ranked : bool
        Whether `metrics` already holds ranks.

    Raises
    ------
    ShapeError
        If the weights do not fit the columns.

    References
    ----------
    methodology 2.5: JPX-Nikkei 400, weights 40/40/20, count 1000 (S09).

    Examples
    --------
    >>> places, mix = np.array([[1.0, 10.0, 50.0]]), np.array([0.4, 0.4, 0.2])
    >>> rank_points(places, mix, 1000, ranked=True).round(6).tolist()
    [986.6]
    """
    rows, measures = metrics.shape
    if weights.shape != (measures,):
        raise ShapeError("weights", got=weights.shape, expected=(measures,))
    check_no_gap("metrics", metrics.ravel())
    place = metrics if ranked else np.column_stack([ranks(metrics[:, k]) for k in range(measures)])
    most = float(rows) if count is None else count
    points = (most - place + 1.0) * weights
    return np.asarray(points.sum(axis=1))


def turnover(weights_from: FloatArray, weights_to: FloatArray) -> float:
    """One-way turnover, ½ Σ|to − from|; weights before are drifted to the review date.

    Raises
    ------
    ShapeError
        If the two are not of one length.

    References
    ----------
    methodology 2.11 (S10).

    Examples
    --------
    >>> round(turnover(np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])), 12)
    0.1
    """
    same_length(len(weights_from), to=weights_to)
    return 0.5 * exact_sum(np.abs(weights_to - weights_from))
