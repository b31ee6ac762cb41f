"""What a rebalance hands back: the trades by lot, what they bring, and how good they are proved to be.

Amounts are fractions of net asset value as in `problem`. A plan is data: nothing is booked from it;
the exact ledger recomputes it (`agreement`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.engines.rebalancing.modes import BUY, lots_sold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem
    from xlplugin.engines.rebalancing.search import Found

__all__ = ["Plan", "from_found", "from_weights"]

WHOLE = 1e-6  # a lot sold but for this share of it is sold whole
NOISE = 1e-9  # of net asset value: smaller trades are rounding of the solver


@dataclass(frozen=True, eq=False)
class Plan:
    """A rebalance.

    Attributes
    ----------
    problem : Problem
    weights : ndarray of shape (n_names,)
        After the trades.
    sold : ndarray of shape (n_lots,)
        Value of each lot that is sold.
    washed : ndarray of shape (n_lots,)
        The part of `sold` whose loss moves into a recent purchase.
    bought : ndarray of shape (n_names,)
    gamma : float
        Price of variance at the plan.
    objective, bound, gap : float
        As in `search.Found`: `bound` is what no plan can go below.
    residual, duality_gap : float
        Largest violation of the optimality conditions of the last convex problem, and the gap
        between its two objectives, relative; where units were rounded, the proved gap.
    prices : mapping of str to float
        Price of every rule that binds: what one unit more of its limit is worth.
    undecided : tuple of str
        Names whose mode the proof leaves open.
    nodes, solves : int
    """

    problem: Problem
    weights: FloatArray
    sold: FloatArray
    washed: FloatArray
    bought: FloatArray
    gamma: float
    objective: float
    bound: float
    gap: float
    residual: float
    duality_gap: float
    prices: Mapping[str, float]
    undecided: tuple[str, ...]
    nodes: int
    solves: int

    @property
    def tax(self) -> float:
        """Tax on what the plan realises; negative when it saves tax elsewhere."""
        return float(self.problem.lots.tax @ (self.sold - self.washed))

    @property
    def tax_value(self) -> float:
        """What the plan saves in tax: at full use of every loss."""
        return -self.tax

    @property
    def gains(self) -> float:
        """Gains realised, without the losses."""
        return float(np.maximum(self.problem.lots.gain, 0.0) @ self.sold)

    @property
    def losses(self) -> float:
        """Losses that count now, as a positive number."""
        return float(np.maximum(-self.problem.lots.gain, 0.0) @ (self.sold - self.washed))

    @property
    def trading_cost(self) -> float:
        """Spread, commission and transaction tax."""
        lots = self.problem.lots
        return float(self.problem.sell_cost[lots.name] @ self.sold + self.problem.buy_cost @ self.bought)

    @property
    def turnover(self) -> float:
        """Purchases and sales together."""
        return float(self.sold.sum() + self.bought.sum())

    @property
    def cash(self) -> float:
        """What is left after trades and costs."""
        return self.problem.cash + float(self.sold.sum() - self.bought.sum()) - self.trading_cost

    @property
    def tracking_risk(self) -> float:
        """Forecast risk per year against the target weights, idle cash counted as missing."""
        return float(np.sqrt(self.problem.variance(self.weights)))

    @property
    def tracking_risk_invested(self) -> float:
        """Forecast risk per year of the invested part alone against the target scaled to it."""
        p, invested = self.problem, float(self.weights.sum())
        if invested <= 0.0:
            return 0.0
        active = self.weights / invested - p.target / float(p.target.sum())
        loads = p.exposures.T @ active
        return float(np.sqrt(loads @ loads + p.specific @ (active * active)))

    @property
    def sales(self) -> FloatArray:
        """Value sold per name."""
        lots = self.problem.lots
        return np.bincount(lots.name, weights=self.sold, minlength=len(self.problem.names)).astype(float)

    @property
    def harvested(self) -> tuple[str, ...]:
        """Names sold at a loss: not to be bought again inside the window."""
        lots = self.problem.lots
        names = lots.name[(self.sold > self.washed) & self.problem.losing]
        return tuple(self.problem.names[name] for name in np.unique(names))


def from_found(problem: Problem, found: Found) -> Plan:
    """The plan behind the best solution of a search."""
    weights = found.solution.weights
    first = problem.exposures.shape[1]
    rules = found.relaxation.rules.names
    priced = {
        name: float(price)
        for name, price in zip(rules, found.solution.prices[first:], strict=True)
        if abs(price) > 1e-12
    }
    return from_weights(
        problem,
        found,
        weights,
        found.mode,
        residual=found.solution.residual,
        duality_gap=found.solution.relative_gap,
        prices=priced,
    )


def from_weights(
    problem: Problem,
    found: Found,
    weights: FloatArray,
    mode: IntArray,
    *,
    residual: float,
    duality_gap: float,
    prices: Mapping[str, float],
) -> Plan:
    """A plan that reaches `weights`, every name in its mode."""
    sold, washed = np.zeros(len(problem.lots)), np.zeros(len(problem.lots))
    bought = np.where(mode == BUY, np.maximum(weights - problem.held, 0.0), 0.0)
    bought = np.where(bought > NOISE, bought, 0.0)
    modes = found.relaxation.modes
    for name in np.flatnonzero((mode != BUY) & (problem.held - weights > NOISE)):
        amount = float(problem.held[name] - weights[name])
        for piece in lots_sold(modes, problem, int(name), int(mode[name]), amount):
            whole = float(problem.lots.weight[piece.lot])
            part = piece.weight if piece.weight < whole * (1.0 - WHOLE) else whole
            sold[piece.lot] += part
            washed[piece.lot] += part if piece.washed else 0.0
    after = problem.held - np.bincount(problem.lots.name, weights=sold, minlength=len(weights)) + bought
    return Plan(
        problem=problem,
        weights=np.maximum(after, 0.0),
        sold=sold,
        washed=washed,
        bought=bought,
        gamma=found.gamma,
        objective=found.objective,
        bound=found.bound,
        gap=found.gap,
        residual=residual,
        duality_gap=duality_gap,
        prices=prices,
        undecided=tuple(problem.names[name] for name in found.undecided),
        nodes=found.nodes,
        solves=found.solves,
    )
