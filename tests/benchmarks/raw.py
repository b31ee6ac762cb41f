"""A rebalance as matrices for PIQP and Clarabel, called directly: the best case for the other side.

Variables: lots sold, names bought, active weights, factor loads. What cannot be traded is no variable, what
must be sold is no variable either. The matrices are written column by column, without a stack of sparse
ones, and what accounts with one model share is made once (`Shared`); or, on request, as blocks side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

_FREE = 1e30  # no bound, to PIQP


class Shared(NamedTuple):
    """The columns of active weights and factor loads: rows of equations, rows of rules."""

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
        return cls(sparse.csc_matrix(equations), sparse.csc_matrix(rules))


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
        *,
        stacked: bool = False,
    ) -> Raw:
        """At a price of variance, or under a cap on tracking risk.

        `stacked`: the matrices as users of scipy.sparse write them, blocks side by side.
        """
        from scipy import sparse

        p, lots, (n, k) = problem, problem.lots, problem.exposures.shape
        gone = p.highest < p.held
        forced = gone[lots.name]
        sell, buy = np.flatnonzero(~forced), np.flatnonzero(may_buy & ~gone)
        m, b = len(sell), len(buy)
        owner = lots.name[sell]
        costs = lots.tax + p.sell_cost[lots.name]
        left = np.bincount(owner, weights=lots.weight[sell], minlength=n)
        paid = float(p.sell_cost[lots.name[forced]] @ lots.weight[forced])
        trades = m + b
        equations, rules = (
            _stacked(p, owner, buy) if stacked else _columnwise(p, owner, buy, shared or Shared.of(p))
        )
        diagonal = np.zeros(trades + n + k)
        if gamma is not None:
            diagonal[trades : trades + n] = 2.0 * gamma * p.specific
            diagonal[trades + n :] = 2.0 * gamma
        turnover = p.tallies[0].high - float(lots.weight[forced].sum())
        return cls(
            sparse.diags(diagonal, format="csc") if stacked else _diagonal(diagonal),
            np.concatenate([costs[sell], p.buy_cost[buy], np.zeros(n + k)]),
            equations,
            np.concatenate([left - p.target, np.zeros(k), [1.0 - p.target.sum() - paid]]),
            rules,
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


def _columnwise(p: Problem, owner: IntArray, buy: IntArray, shared: Shared) -> tuple[Any, Any]:
    """Every trade is a column of two entries, its name and its cost in cash; then what is shared."""
    m, b = len(owner), len(buy)
    pairs, places = np.empty((m + b, 2)), np.full((m + b, 2), shared.equations.shape[0] - 1)
    pairs[:m, 0], pairs[m:, 0] = 1.0, -1.0
    pairs[:m, 1], pairs[m:, 1] = p.sell_cost[owner], p.buy_cost[buy]
    places[:m, 0], places[m:, 0] = owner, buy
    last = np.full(m + b, shared.rules.shape[0] - 1)
    return (
        _columns(pairs.ravel(), places.ravel(), 2, shared.equations),
        _columns(np.ones(m + b), last, 1, shared.rules),
    )


def _stacked(p: Problem, owner: IntArray, buy: IntArray) -> tuple[Any, Any]:
    from scipy import sparse

    (n, k), m, b = p.exposures.shape, len(owner), len(buy)
    owns = sparse.csc_matrix((np.ones(m), (owner, np.arange(m))), shape=(n, m))
    gets = sparse.csc_matrix((np.ones(b), (buy, np.arange(b))), shape=(n, b))
    paying = np.concatenate([p.sell_cost[owner], p.buy_cost[buy], np.ones(n), np.zeros(k)])
    equations = [
        sparse.hstack([owns, -gets, sparse.identity(n), sparse.csc_matrix((n, k))]),
        sparse.hstack([sparse.csc_matrix((k, m + b)), -sparse.csc_matrix(p.exposures.T), sparse.identity(k)]),
        sparse.csc_matrix(paying[None]),
    ]
    loading = sparse.csc_matrix(np.vstack([limit.loading for limit in p.limits]))
    left, right = (sparse.csc_matrix((loading.shape[0], width)) for width in (m + b, k))
    traded = np.concatenate([np.ones(m + b), np.zeros(n + k)])
    rules = [
        sparse.hstack([left, loading, right]),
        sparse.hstack([left, -loading, right]),
        sparse.csc_matrix(traded[None]),
    ]
    return sparse.vstack(equations, format="csc"), sparse.vstack(rules, format="csc")


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
