"""A rebalance as matrices for PIQP and Clarabel, called directly: the best case for the other side.

Variables: lots sold, names bought, active weights, factor loads. What cannot be traded is no variable, what
must be sold is no variable either. All matrices are written column by column, without a sum or a stack of
sparse matrices; what accounts with one model share is made once (`Shared`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray
    from xlplugin.engines.rebalancing.problem import Problem

_FREE = 1e30  # no bound, to PIQP


class Shared(NamedTuple):
    """The columns of active weights and factor loads: rows of equations, rows of rules."""

    names: int
    factors: int
    equations: Any
    rules: Any

    @classmethod
    def of(cls, problem: Problem) -> Shared:
        """The model and the limits of a problem; every account with the same ones can use it."""
        from scipy import sparse

        n, k = problem.exposures.shape
        equations = np.zeros((n + k + 1, n + k))
        equations[:n, :n] = np.eye(n)
        equations[n : n + k, :n] = -problem.exposures.T
        equations[n : n + k, n:] = np.eye(k)
        equations[-1, :n] = 1.0
        loading = np.vstack([limit.loading for limit in problem.limits])
        rules = np.zeros((2 * len(loading) + 1, n + k))
        rules[: len(loading), :n], rules[len(loading) : -1, :n] = loading, -loading
        return cls(n, k, sparse.csc_matrix(equations), sparse.csc_matrix(rules))


class Raw(NamedTuple):
    """Minimise ``x @ quadratic @ x / 2 + linear @ x``; equations, rules from above, a range for trades."""

    quadratic: Any
    linear: FloatArray
    equations: Any
    right: FloatArray
    rules: Any
    limits: FloatArray
    upper: FloatArray
    constant: float
    te: float | None
    specific: FloatArray

    @classmethod
    def of(
        cls,
        problem: Problem,
        may_buy: BoolArray,
        gamma: float | None,
        te: float | None = None,
        shared: Shared | None = None,
    ) -> Raw:
        """At a price of variance, or under a cap on tracking risk."""
        p, lots, shared = problem, problem.lots, shared or Shared.of(problem)
        n, k = shared.names, shared.factors
        gone = p.highest < p.held
        forced = gone[lots.name]
        sell, buy = np.flatnonzero(~forced), np.flatnonzero(may_buy & ~gone)
        m, b = len(sell), len(buy)
        owner = lots.name[sell]
        costs = lots.tax + p.sell_cost[lots.name]
        left = np.bincount(owner, weights=lots.weight[sell], minlength=n)
        paid = float(p.sell_cost[lots.name[forced]] @ lots.weight[forced])
        trades = m + b
        pairs = np.empty((trades, 2))
        pairs[:m, 0], pairs[m:, 0] = 1.0, -1.0
        pairs[:m, 1], pairs[m:, 1] = p.sell_cost[owner], p.buy_cost[buy]
        places = np.full((trades, 2), n + k)
        places[:m, 0], places[m:, 0] = owner, buy
        last_rule = np.full(trades, shared.rules.shape[0] - 1)
        diagonal = np.zeros(trades + n + k)
        if gamma is not None:
            diagonal[trades : trades + n] = 2.0 * gamma * p.specific
            diagonal[trades + n :] = 2.0 * gamma
        turnover = p.tallies[0].high - float(lots.weight[forced].sum())
        return cls(
            _diagonal(diagonal),
            np.concatenate([costs[sell], p.buy_cost[buy], np.zeros(n + k)]),
            _columns(pairs.ravel(), places.ravel(), 2, shared.equations),
            np.concatenate([left - p.target, np.zeros(k), [1.0 - p.target.sum() - paid]]),
            _columns(np.ones(trades), last_rule, 1, shared.rules),
            np.concatenate([[x.high for x in p.limits], [-x.low for x in p.limits], [turnover]]),
            np.concatenate([lots.weight[sell], np.maximum(p.highest - p.held, 0.0)[buy]]),
            float(costs[forced] @ lots.weight[forced]),
            te,
            p.specific,
        )

    @property
    def variables(self) -> int:
        """How many there are."""
        return len(self.linear)

    def objective(self, x: FloatArray) -> float:
        """What the kernel calls the objective; under a cap the cost."""
        return float(0.5 * x @ (self.quadratic @ x) + self.linear @ x) + self.constant

    def piqp(self) -> float:
        """One raw call of PIQP's sparse solver."""
        import piqp

        solver = piqp.SparseSolver()
        solver.settings.verbose = False
        free = np.full(self.variables - len(self.upper), _FREE)
        low = np.concatenate([np.zeros(len(self.upper)), -free])
        high = np.concatenate([self.upper, free])
        nothing = np.full(len(self.limits), -_FREE)
        equal, rules = (self.equations, self.right), (self.rules, nothing, self.limits)
        solver.setup(self.quadratic, self.linear, *equal, *rules, low, high)
        solver.solve()
        return self.objective(np.asarray(solver.result.x))

    def for_clarabel(self) -> tuple[Any, FloatArray, list[Any]]:
        """Matrix, right side and cones, made before any clock runs."""
        import clarabel
        from scipy import sparse

        pick = sparse.identity(self.variables, format="csr")[: len(self.upper)]
        rows = [self.equations, self.rules, -pick, pick]
        right = [self.right, self.limits, np.zeros(len(self.upper)), self.upper]
        cones = [
            clarabel.ZeroConeT(len(self.right)),
            clarabel.NonnegativeConeT(len(self.limits) + 2 * len(self.upper)),
        ]
        if self.te is not None:
            n, trades = len(self.specific), len(self.upper)
            size = np.ones(self.variables - trades)
            size[:n] = np.sqrt(self.specific)
            body = sparse.hstack([sparse.csc_matrix((len(size), trades)), sparse.diags(size)])
            rows.append(sparse.vstack([sparse.csc_matrix((1, self.variables)), -body]))
            right.append(np.concatenate([[self.te], np.zeros(len(size))]))
            cones.append(clarabel.SecondOrderConeT(1 + len(size)))
        return sparse.vstack(rows, format="csc"), np.concatenate(right), cones

    def clarabel(self, prepared: tuple[Any, FloatArray, list[Any]]) -> float:
        """One raw call of Clarabel."""
        import clarabel

        settings = clarabel.DefaultSettings()
        settings.verbose = False
        solver = clarabel.DefaultSolver(self.quadratic, self.linear, *prepared, settings)
        return self.objective(np.asarray(solver.solve().x))


def _diagonal(values: FloatArray) -> Any:
    from scipy import sparse

    n = len(values)
    return sparse.csc_matrix((values, np.arange(n), np.arange(n + 1)), shape=(n, n))


def _columns(data: FloatArray, rows: Any, each: int, after: Any) -> Any:
    """Columns with `each` entries, then the columns of a matrix of the same rows."""
    from scipy import sparse

    first = len(data) // each
    starts = np.concatenate([np.arange(first) * each, len(data) + after.indptr])
    return sparse.csc_matrix(
        (np.concatenate([data, after.data]), np.concatenate([rows, after.indices]), starts),
        shape=(after.shape[0], first + after.shape[1]),
    )
