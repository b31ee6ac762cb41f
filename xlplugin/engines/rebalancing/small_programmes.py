"""Many small quadratic programmes with trading costs, solved together.

For every set: least squares in a few weights, the budget after costs, a limit on the costs and a
smallest weight. A primal-dual interior-point method whose steps are taken for all sets at once, so
that numpy's overhead is paid once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["solve_all"]

_ITERATIONS = 40
_CENTRE = 0.15  # of the complementarity aimed at in every step
_STEP = 0.995  # of the way to the boundary
_DONE = 1e-14  # mean complementarity
_KEPT = 1e-8  # violation of budget and limit that counts as kept
_IDLE = 1e-7  # price of a trade, relative to the curvature: nothing is bought and sold at once
_BARRED = 10.0  # the same for a way that is closed
_BURNT = 1e-7  # of the account
_ROOM = 1e-9  # how much may be sold of a name that has nothing to sell


def solve_all(
    gram: FloatArray,
    slope: FloatArray,
    held: FloatArray,
    gone: FloatArray,
    rate: float,
    limit: float,
    smallest: float,
) -> tuple[FloatArray, BoolArray]:
    r"""Solve ``min w'Gw/2 + g'w`` on every set, within budget, cost limit and smallest weight.

    The budget is ``sum(w) + cost = 1`` and ``cost = rate (sum |w - held| + gone) <= limit``.

    Parameters
    ----------
    gram : ndarray of shape (n_sets, k, k)
    slope : ndarray of shape (n_sets, k)
    held : ndarray of shape (n_sets, k)
        Weights now.
    gone : ndarray of shape (n_sets,)
        Weight of names outside the set, which are sold.
    rate, limit, smallest : float

    Returns
    -------
    weights : ndarray of shape (n_sets, k)
    kept : ndarray of bool, shape (n_sets,)
        Whether the limits can be kept.
    """
    start = np.maximum(held, smallest)
    base = rate * ((start - held).sum(axis=1) + gone)
    need = 1.0 - base - start.sum(axis=1)
    # The least that has to be traded decides whether a set can be reached at all.
    least = np.where(need >= 0.0, need / (1.0 + rate), -need / (1.0 - rate))
    reached = (base + rate * least <= limit - _ROOM) & (
        -need <= (1.0 - rate) * (start - smallest).sum(axis=1)
    )
    weights = np.where(held > 0.0, held, smallest)
    if reached.any():
        at = np.flatnonzero(reached)
        facts = (gram[at], slope[at], start[at], base[at], need[at])
        idle = np.full((2, len(at), slope.shape[1]), _IDLE)
        inside = _interior(*facts, idle, rate, limit, smallest)
        # Money may have been burnt by trades both ways, where less invested looks better than it is:
        # such a set is solved again with one way for every name.
        invested = inside.sum(axis=1) + base[at] + rate * np.abs(inside - start[at]).sum(axis=1)
        burnt = np.flatnonzero(np.abs(invested - 1.0) > _BURNT)
        if len(burnt):
            buys = inside[burnt] >= start[at[burnt]]
            barred = np.where(np.stack([~buys, buys]), _BARRED, _IDLE)
            inside[burnt] = _interior(
                facts[0][burnt],
                facts[1][burnt],
                facts[2][burnt],
                facts[3][burnt],
                facts[4][burnt],
                barred,
                rate,
                limit,
                smallest,
            )
        weights[at] = _settled(inside, held[at], gone[at], rate, smallest)
        cost = rate * (np.abs(weights - held).sum(axis=1) + gone)
        reached &= (cost <= limit + _KEPT) & (weights >= smallest - _KEPT).all(axis=1)
    return weights, reached


def _interior(
    gram: FloatArray,
    slope: FloatArray,
    start: FloatArray,
    base: FloatArray,
    need: FloatArray,
    idle: FloatArray,
    rate: float,
    limit: float,
    smallest: float,
) -> FloatArray:
    """The interior-point method; every set can be reached.

    `idle`, of shape (2, n_sets, k), prices purchases and sales beyond their cost.
    """
    sets, k = slope.shape
    scale = 1.0 / np.maximum(np.einsum("sii->s", gram) / k, 1e-300)
    gram, slope = gram * scale[:, None, None], slope * scale[:, None]
    most, room = np.maximum(start - smallest, _ROOM), limit - base
    # Bought and sold, each above zero; what is sold has an upper end; the limit has a slack.
    bought, sold = np.full((sets, k), 0.01), np.minimum(0.01, 0.5 * most)
    slack = np.maximum(room - rate * (bought + sold).sum(axis=1), 1e-3)
    z_bought, z_sold, z_most = np.ones((sets, k)), np.ones((sets, k)), np.ones((sets, k))
    z_slack, price = np.ones(sets), np.zeros(sets)
    system = np.zeros((sets, 2 * k + 2, 2 * k + 2))
    system[:, :k, :k] = system[:, k : 2 * k, k : 2 * k] = gram
    system[:, :k, k : 2 * k] = system[:, k : 2 * k, :k] = -gram
    system[:, :k, 2 * k] = system[:, 2 * k, :k] = 1.0 + rate
    system[:, k : 2 * k, 2 * k] = system[:, 2 * k, k : 2 * k] = rate - 1.0
    system[:, : 2 * k, 2 * k + 1] = system[:, 2 * k + 1, : 2 * k] = rate
    both, place = np.arange(2 * k), np.arange(k)
    plain = system[:, both, both].copy()
    for _ in range(_ITERATIONS):
        left = most - sold
        marginal = np.einsum("sij,sj->si", gram, start + bought - sold) + slope
        traded = (bought + sold).sum(axis=1)
        complement = ((bought * z_bought + sold * z_sold + left * z_most).sum(axis=1) + slack * z_slack) / (
            3 * k + 1
        )
        if complement.max() < _DONE:
            break
        centre = (_CENTRE * complement)[:, None]
        system[:, both, both] = plain + np.concatenate(
            [z_bought / bought, z_sold / sold + z_most / left], axis=1
        )
        system[:, 2 * k + 1, 2 * k + 1] = -slack / z_slack
        fixed = price[:, None] * (1.0 + rate) + z_slack[:, None] * rate
        right_bought = -(marginal + fixed) - idle[0] + centre / bought
        fixed = price[:, None] * (rate - 1.0) + z_slack[:, None] * rate
        right_sold = marginal - fixed - idle[1] + centre / sold - centre / left
        right = np.concatenate(
            [
                right_bought,
                right_sold,
                (need - (bought - sold).sum(axis=1) - rate * traded)[:, None],
                (room - rate * traded - centre[:, 0] / z_slack)[:, None],
            ],
            axis=1,
        )
        system[:, both, both] += 1e-12
        move = np.linalg.solve(system, right[:, :, None])[:, :, 0]
        d_bought, d_sold = move[:, place], move[:, k + place]
        d_price, d_z_slack = move[:, 2 * k], move[:, 2 * k + 1]
        d_slack = (centre[:, 0] - slack * d_z_slack) / z_slack - slack
        d_z_bought = (centre - z_bought * d_bought) / bought - z_bought
        d_z_sold = (centre - z_sold * d_sold) / sold - z_sold
        d_z_most = (centre + z_most * d_sold) / left - z_most
        primal = _length([bought, sold, left], [d_bought, d_sold, -d_sold], slack, d_slack)
        dual = _length([z_bought, z_sold, z_most], [d_z_bought, d_z_sold, d_z_most], z_slack, d_z_slack)
        step = np.minimum(primal, dual)
        wide = step[:, None]
        bought, sold = bought + wide * d_bought, sold + wide * d_sold
        z_bought, z_sold = z_bought + wide * d_z_bought, z_sold + wide * d_z_sold
        z_most = z_most + wide * d_z_most
        slack, z_slack = slack + step * d_slack, z_slack + step * d_z_slack
        price = price + step * d_price
    weights: FloatArray = start + bought - sold
    return weights


def _length(
    values: list[FloatArray], moves: list[FloatArray], slack: FloatArray, d_slack: FloatArray
) -> FloatArray:
    """The longest step of every set that keeps everything above zero."""
    most = np.ones(len(slack))
    for value, move in zip(values, moves, strict=True):
        falling = move < 0.0
        most = np.minimum(most, np.where(falling, -value / np.where(falling, move, -1.0), np.inf).min(axis=1))
    falling = d_slack < 0.0
    most = np.minimum(most, np.where(falling, -slack / np.where(falling, d_slack, -1.0), np.inf))
    return np.where(most < 1.0, _STEP * most, 1.0)


def _settled(
    weights: FloatArray, held: FloatArray, gone: FloatArray, rate: float, smallest: float
) -> FloatArray:
    """The budget met exactly: the largest weight of every set takes what rounding left."""
    exact = np.maximum(weights, smallest)
    rows, largest = np.arange(len(exact)), exact.argmax(axis=1)
    for _ in range(3):
        cost = rate * (np.abs(exact - held).sum(axis=1) + gone)
        missing = 1.0 - cost - exact.sum(axis=1)
        buys = exact[rows, largest] + missing >= held[rows, largest]
        exact[rows, largest] += missing / np.where(buys, 1.0 + rate, 1.0 - rate)
    return exact
