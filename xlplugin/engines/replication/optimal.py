r"""Weights of least tracking risk under limits: one convex quadratic programme.

.. math:: \min \tfrac12 a^\top S a + \sum_i c_i |w_i - p_i|, \quad a = w - b,\; 1^\top w = \text{budget}

with bounds per name, linear rows (group bands, beta) and a turnover cap. Methodology 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length
from xlplugin.engines.replication.quadratic import Programme, Trades, solve
from xlplugin.errors import ConvergenceError, InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray

__all__ = ["Row", "WeightProblem", "least_risk_weights"]

_ZERO = 1e-9  # weights below are nothing: a ten-millionth of a per cent of the account


@dataclass(frozen=True)
class Row:
    """A linear limit `low <= coefficients @ w <= high`, under the name the user knows it by."""

    name: str
    coefficients: FloatArray
    low: float
    high: float


@dataclass(frozen=True)
class WeightProblem:
    """What is wanted, on n securities in one order.

    Attributes
    ----------
    benchmark : ndarray of shape (n,)
        Index weights b.
    covariance : ndarray of shape (n, n)
        S, per year, positive semidefinite.
    budget : float
        Sum of the weights: 1 - cash.
    lower, upper : ndarray of shape (n,)
        Bounds of the weights; an upper bound of zero excludes a name.
    rows : tuple of Row
        Group bands and other linear limits.
    current : ndarray of shape (n,), optional
        Weights held now, p.
    trade_cost : ndarray of shape (n,), optional
        c, in units of variance per unit of weight traded.
    turnover : float, optional
        Largest half sum of |w - p|.
    """

    benchmark: FloatArray
    covariance: FloatArray
    budget: float
    lower: FloatArray
    upper: FloatArray
    rows: tuple[Row, ...] = ()
    current: FloatArray | None = None
    trade_cost: FloatArray | None = None
    turnover: float | None = None

    @property
    def size(self) -> int:
        """The number of securities."""
        return int(self.benchmark.shape[0])

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but the budget and bounds: no rows, costs or turnover cap."""
        return not self.rows and self.trade_cost is None and self.turnover is None

    def objective(self, weights: FloatArray) -> float:
        """Half the active variance, plus the cost of trading."""
        active = weights - self.benchmark
        value = 0.5 * float(active @ self.covariance @ active)
        if self.trade_cost is not None and self.current is not None:
            value += exact_sum(self.trade_cost * np.abs(weights - self.current))
        return value

    def on(self, names: IntArray, least: float = 0.0) -> FloatArray:
        """The best weights when only `names` may be held, each with at least the weight `least`.

        Raises
        ------
        InfeasibleError
            If the limits cannot hold together; the sentence names them.
        """
        upper = np.zeros(self.size)
        upper[names] = self.upper[names]
        lower = self.lower.copy()
        lower[names] = np.maximum(lower[names], least)
        return self._weights(lower, upper)

    def weights(self) -> FloatArray:
        """The best weights on all names; see `on`."""
        return self._weights(self.lower, self.upper)

    def _weights(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        self._check_bounds(lower, upper)
        programme = self._programme(lower, upper)
        try:
            weights = solve(programme).w
        except ConvergenceError:
            self._explain(programme)
            raise
        weights = np.where(np.abs(weights) < _ZERO, 0.0, weights)
        return np.clip(weights, lower, upper)

    def _programme(self, lower: FloatArray, upper: FloatArray) -> Programme:
        n = self.size
        finite_high = [row for row in self.rows if np.isfinite(row.high)]
        finite_low = [row for row in self.rows if np.isfinite(row.low)]
        blocks = [row.coefficients for row in finite_high] + [-row.coefficients for row in finite_low]
        rows = np.array(blocks).reshape(len(blocks), n)
        limits = np.array([row.high for row in finite_high] + [-row.low for row in finite_low])
        linear = -self.covariance @ self.benchmark
        trades = None
        if self.trade_cost is not None or self.turnover is not None:
            trades = Trades(
                np.zeros(n) if self.current is None else self.current,
                np.zeros(n) if self.trade_cost is None else self.trade_cost,
                np.inf if self.turnover is None else 2.0 * self.turnover,
            )
        total, budget = np.ones((1, n)), np.array([self.budget])
        return Programme(self.covariance, linear, total, budget, rows, limits, lower, upper, trades)

    def _check_bounds(self, lower: FloatArray, upper: FloatArray) -> None:
        crossed = lower > upper
        if np.any(crossed):
            row = int(np.flatnonzero(crossed)[0])
            raise InfeasibleError(
                f"row {row + 1}: the lower limit {lower[row]:g} is above the upper limit {upper[row]:g}"
            )
        least, most = exact_sum(lower), float(np.minimum(upper, 1e300).sum())
        if not least - 1e-12 <= self.budget <= most + 1e-12:
            side, value = ("lower", least) if self.budget < least else ("upper", most)
            raise InfeasibleError(
                f"the weights must sum to {self.budget:g}, but the {side} limits of the names that may be "
                f"held sum to {value:g}; the nearest feasible sum is {value:g}"
            )

    def _explain(self, programme: Programme) -> None:
        """Raise with the limits that clash and the nearest feasible value of each, if any clash."""
        from scipy.optimize import linprog  # noqa: PLC0415 - only after a failure

        n, m = self.size, programme.limits.size
        rows, limits, columns = programme.rows, programme.limits, n
        if self.turnover is not None and programme.trades is not None:
            # Variables (w, t): w - t <= p, -w - t <= -p, sum of t <= twice the turnover.
            one, held = np.eye(n), programme.trades.held
            cap = np.concatenate([np.zeros(n), np.ones(n)])[None, :]
            wide = [np.hstack([one, -one]), np.hstack([-one, -one]), cap]
            rows = np.vstack([np.hstack([rows, np.zeros_like(rows)]), *wide])
            limits = np.concatenate([limits, held, -held, [programme.trades.total]])
            columns = 2 * n

        def least_slack(loose: list[bool]) -> float | None:
            """The smallest amount by which the rows marked `loose` must give way together."""
            done = linprog(
                np.concatenate([np.zeros(columns), [1.0]]),
                A_ub=np.hstack([rows, -np.array(loose, dtype=np.float64)[:, None]]),
                b_ub=limits,
                A_eq=np.hstack([np.ones((1, n)), np.zeros((1, columns - n + 1))]),
                b_eq=[self.budget],
                bounds=[
                    *zip(programme.lower, programme.upper, strict=True),
                    *[(0.0, None)] * (columns - n + 1),
                ],
                method="highs",
            )
            return float(done.fun) if done.status == 0 else None

        names = [row.name for row in self.rows if np.isfinite(row.high)]
        names += [row.name for row in self.rows if np.isfinite(row.low)]
        labels = [*names, *[""] * (len(limits) - m - 1), "turnover"] if self.turnover is not None else names
        if not labels or (least_slack([bool(label) for label in labels]) or 0.0) <= 1e-9:
            return
        sentences = []
        for name in dict.fromkeys(label for label in labels if label):
            slack = least_slack([label == name for label in labels])
            if slack is None:
                continue
            if name == "turnover" and self.turnover is not None:
                sentences.append(f"turnover would have to be at least {self.turnover + slack / 2.0:.4g}")
            else:
                sentences.append(f"{name} would have to give way by {slack:.4g}")
        which = "; or ".join(sentences) if sentences else "no single one of them helps by giving way"
        raise InfeasibleError(f"the limits cannot hold together: {which}")


def least_risk_weights(
    index_weights: FloatArray,
    covariance: FloatArray,
    upper: FloatArray,
    lower: FloatArray | None = None,
) -> FloatArray:
    """Long-only weights of least tracking risk that sum to what the index weights sum to.

    Parameters
    ----------
    index_weights : ndarray of shape (n,)
        As fractions.
    covariance : ndarray of shape (n, n)
        Per year.
    upper, lower : ndarray of shape (n,)
        Bounds; an upper bound of zero excludes a name, infinity is no bound. `lower` is 0 if left out.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InfeasibleError
        If the bounds leave no room for the sum.

    Examples
    --------
    >>> index, risk = np.array([0.4, 0.4, 0.2]), np.diag([0.04, 0.04, 0.04])
    >>> least_risk_weights(index, risk, np.array([np.inf, np.inf, 0.0])).round(6).tolist()
    [0.5, 0.5, 0.0]
    """
    n = same_length(benchmark=index_weights, upper=upper)
    floor = np.zeros(n) if lower is None else lower
    problem = WeightProblem(index_weights, covariance, exact_sum(index_weights), floor, upper)
    return problem.weights()
