"""Why a rebalance is not possible: which limits clash, and the nearest value of each that would do.

A linear programme with a price on breaking every limit finds one smallest set of concessions; one
more for every limit of the clash finds how far that limit alone would have to give. The cap on
tracking risk is looked at apart, by the least risk that the other limits leave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["Concession", "concessions", "explained", "least_risk"]

_BROKEN = 1e-9  # of net asset value: a limit broken by less is kept


class Concession(NamedTuple):
    """A limit of a clash.

    Attributes
    ----------
    name : str
    limit : float
        As given.
    nearest : float or None
        Where all limits can be kept if only this one gives; None if it alone is not enough.
    """

    name: str
    limit: float
    nearest: float | None


@dataclass(frozen=True)
class _Row:
    """``coefficients @ trades <= limit``; `sign` turns the limit into the words of the user."""

    name: str
    coefficients: FloatArray
    limit: float
    sign: float
    given: float


def concessions(problem: Problem) -> list[Concession]:
    """The limits that clash, each with the nearest value that would do.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    list of Concession
        Empty if the limits can be kept together (the cap on risk and whole units aside).

    Examples
    --------
    Nine tenths of the account are to be sold with half of it traded at most:

    >>> from xlplugin.engines.rebalancing.problem import Lots, Problem
    >>> lots = Lots.of(np.array([0]), np.array([1.0]), np.array([0.1]), np.array([0.2]))
    >>> problem = Problem.of(np.array([0.1]), np.array([[0.2]]), np.array([0.04]), lots, highest=0.1)
    >>> clash = concessions(problem.with_tallies(problem.turnover(0.5)))
    >>> [(c.name, c.limit, c.nearest) for c in clash]
    [('turnover', 0.5, 0.9), ('largest weight of 1', 0.1, 0.5)]
    """
    rows, most = _rows(problem)
    slack, prices = _elastic(rows, most, range(len(rows)))
    if slack is None or slack.max(initial=0.0) <= _BROKEN:
        return []
    clash = np.flatnonzero((slack > _BROKEN) | (np.abs(prices) > 1e-7))
    made = []
    for place in clash.tolist():
        alone, _ = _elastic(rows, most, [place])
        nearest = None
        if alone is not None:
            nearest = float(rows[place].given + rows[place].sign * alone[place])
            nearest = round(nearest, 9)
        made.append(Concession(rows[place].name, rows[place].given, nearest))
    return made


def explained(problem: Problem, risk: float | None = None) -> InfeasibleError:
    """The error of a rebalance that is not possible; its sentence names the limits that clash.

    Parameters
    ----------
    problem : Problem
    risk : float, optional
        Cap on tracking risk per year.
    """
    clash = concessions(problem)
    if clash:
        names = " and ".join(f"{c.name} {c.limit:.6g}" for c in clash)
        ways = " or ".join(f"{c.name} {c.nearest:.6g}" for c in clash if c.nearest is not None)
        remedy = f"all limits hold with {ways}" if ways else "loosen at least two of them"
        return InfeasibleError(f"these limits cannot hold together: {names}; {remedy}")
    if risk is not None and (least := least_risk(problem)) > risk:
        return InfeasibleError(
            f"tracking risk of at most {risk:.4%} is not possible under the limits; the least is "
            f"{least:.4%}: allow that much or loosen a limit"
        )
    return InfeasibleError(
        "no plan was found in which no name is sold at a loss and bought and every limit holds; "
        "loosen the tightest limits"
    )


def least_risk(problem: Problem) -> float:
    """The least tracking risk that the limits leave, whatever it costs in tax; per year, a fraction.

    Infinite if they leave nothing. Clarabel on the trades of every lot by itself: which lot goes first is
    not a question of tax here.
    """
    import clarabel  # noqa: PLC0415 - only a cap that cannot be met needs it
    from scipy import sparse  # noqa: PLC0415

    rows, most = _rows(problem)
    (n, k), trades, lots = problem.exposures.shape, len(most), problem.lots
    owns = sparse.csc_matrix((np.ones(len(lots)), (lots.name, np.arange(len(lots)))), shape=(n, len(lots)))
    # Variables: every trade, active weights, factor loads.
    active = sparse.hstack([owns, -sparse.identity(n), sparse.identity(n), sparse.csc_matrix((n, k))])
    loads = sparse.csc_matrix(np.hstack([np.zeros((k, trades)), -problem.exposures.T, np.eye(k)]))
    limits = np.array([row.coefficients for row in rows])
    rest = sparse.csc_matrix((trades, n + k))
    below = sparse.hstack([sparse.csc_matrix(limits), sparse.csc_matrix((len(rows), n + k))])
    matrix = [active, loads, below, sparse.hstack([sparse.identity(trades), rest])]
    matrix.append(-matrix[-1])
    most_of_each = np.array([row.limit for row in rows])
    right = [problem.held - problem.target, np.zeros(k), most_of_each, most, np.zeros(trades)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    curvature = np.concatenate([np.zeros(trades), problem.specific, np.ones(k)])
    solution = clarabel.DefaultSolver(
        sparse.diags(2.0 * curvature, format="csc"),
        np.zeros(trades + n + k),
        sparse.vstack(matrix, format="csc"),
        np.concatenate(right),
        [clarabel.ZeroConeT(n + k), clarabel.NonnegativeConeT(len(rows) + 2 * trades)],
        settings,
    ).solve()
    if str(solution.status) not in ("Solved", "AlmostSolved"):
        return float("inf")
    return float(np.sqrt(max(curvature @ np.square(solution.x), 0.0)))


def _rows(problem: Problem) -> tuple[list[_Row], FloatArray]:
    """Every limit as a row over lots sold and names bought, and the most of each trade."""
    p, lots = problem, problem.lots
    n, m = len(p.names), len(lots)
    owner = np.zeros((n, m))
    owner[lots.name, np.arange(m)] = 1.0
    rows: list[_Row] = []

    def band(name: str, coefficients: FloatArray, low: float, high: float, now: float) -> None:
        if np.isfinite(high):
            rows.append(_Row(name, coefficients, high - now, 1.0, high))
        if np.isfinite(low):
            rows.append(_Row(name, -coefficients, now - low, -1.0, low))

    cash = np.concatenate([1.0 - p.sell_cost[lots.name], -(1.0 + p.buy_cost)])
    band("cash", cash, p.cash_low, p.cash_high, p.cash)
    for limit in p.limits:
        if np.isinf(limit.price):
            now = float(limit.loading @ (p.held - (p.target if limit.active else 0.0)))
            band(
                limit.name,
                np.concatenate([-limit.loading[lots.name], limit.loading]),
                limit.low,
                limit.high,
                now,
            )
    for tally in p.tallies:
        if np.isinf(tally.price):
            band(tally.name, np.concatenate([tally.sold, tally.bought]), tally.low, tally.high, 0.0)
    for name, held in enumerate(p.held.tolist()):
        coefficients = np.concatenate([-owner[name], np.eye(n)[name]])
        lowest, highest = float(p.lowest[name]), float(p.highest[name])
        if highest < held:
            band(f"largest weight of {p.names[name]}", coefficients, -np.inf, highest, held)
        if lowest > 0.0:
            band(f"smallest weight of {p.names[name]}", coefficients, lowest, np.inf, held)
    room = np.where(p.may_buy, np.maximum(p.highest - p.held, 0.0), 0.0)
    return rows, np.concatenate([np.where(lots.sellable, lots.weight, 0.0), room])


def _elastic(
    rows: list[_Row], most: FloatArray, giving: range | list[int]
) -> tuple[FloatArray | None, FloatArray]:
    """Least sum of violations with only some rows giving; None if the others clash by themselves."""
    from scipy.optimize import linprog  # noqa: PLC0415 - only a clash needs it, and it is slow to load

    size, count = len(most), len(rows)
    matrix = np.zeros((count, size + count))
    matrix[:, :size] = np.array([row.coefficients for row in rows])
    matrix[np.arange(count), size + np.arange(count)] = -1.0
    high = np.zeros(count)
    high[list(giving)] = np.inf
    bounds = np.column_stack([np.zeros(size + count), np.concatenate([most, high])])
    cost = np.concatenate([np.zeros(size), np.ones(count)])
    made = linprog(cost, matrix, [row.limit for row in rows], bounds=bounds, method="highs")
    if not made.success:
        return None, np.zeros(count)
    return np.asarray(made.x[size:]), np.asarray(made.ineqlin.marginals)
