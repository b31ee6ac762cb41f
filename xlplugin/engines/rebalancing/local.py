"""Local search over allowed weights: single moves and pairs of moves on the exact objective.

It starts from the vertices that a relaxation is nearest to; that start is what matters (specification
6.5). Moves are ranked by their Lagrangian, the best of them tried with all rules as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.relaxation import Relaxation

__all__ = ["LocalSearch"]

_RANKED = 96  # moves that are tried with all rules
_BROKEN = 2.0  # money per unit of a hard rule's violation while the search runs
_WORTH = 1e-10  # of net asset value: smaller improvements are not made
_KEPT = 1e-9
_FREE = 1e-4  # of the price of variance, below the cap
_SLACK = 1e-3  # relative room under the cap from which moves that raise the variance rank higher


class LocalSearch:
    """One plan on a table of allowed weights.

    Parameters
    ----------
    relaxation : Relaxation
    points : ndarray of shape (n_names, n_points)
        Allowed weights of every name.
    prices : ndarray of shape (n_factors + n_rules,)
        Of the relaxation; they rank the moves.
    gamma : float
    invested_only : bool
        `variance` is that of the invested part against the target scaled to it, times the square of
        the share that is to be invested; otherwise that of the whole account against the target.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        points: FloatArray,
        prices: FloatArray,
        gamma: float,
        *,
        invested_only: bool = False,
    ) -> None:
        self.relaxation, self.points, self.gamma = relaxation, points, gamma
        self.cap: float | None = None
        self.over_cap = 2.0  # times its price, for variance above the cap
        p, m = relaxation.problem, relaxation.modes
        self.cost, self.counts = m.at(points)
        rules = relaxation.rules
        y = prices[p.exposures.shape[1] :]
        self.rule_prices = y @ rules.weight
        self.tally_prices = y[list(rules.counted)]
        # A trade moves the invested share, and with it the target: every move is one against it.
        self.share = float(p.target.sum()) if invested_only else 0.0
        self.base = p.target / self.share if invested_only else np.zeros_like(p.target)
        self.with_base = p.exposures @ (p.exposures.T @ self.base) + p.specific * self.base
        self.base_variance = float(self.base @ self.with_base)
        self.own_variance = np.einsum("ij,ij->i", p.exposures, p.exposures) + p.specific
        self.own_variance += self.base_variance - 2.0 * self.with_base
        self.rows = np.arange(len(points))
        self.at = np.zeros(len(points), dtype=np.int64)

    def start(self, weights: FloatArray) -> None:
        """Begin at the allowed weights nearest to these."""
        away = np.where(np.isfinite(self.cost), np.abs(self.points - weights[:, None]), np.inf)
        self.at = away.argmin(axis=1)
        self._place()

    def _place(self) -> None:
        p, rules = self.relaxation.problem, self.relaxation.rules
        self.weights = self.points[self.rows, self.at]
        self.invested = float(self.weights.sum())
        active = self.weights - (self.invested * self.base if self.share else p.target)
        loads = p.exposures.T @ active
        self.raw = float(loads @ loads + p.specific @ (active * active))
        self.variance = float(self._scaled(np.array(self.raw), np.array(self.invested)))
        self.marginal = p.exposures @ loads + p.specific * active
        self.marginal -= float(self.base @ self.marginal)
        self.total = float(self.cost[self.rows, self.at].sum())
        self.value = rules.weight @ self.weights
        for place, rule in enumerate(rules.counted):
            self.value[rule] += float(self.counts[place][self.rows, self.at].sum())

    def _scaled(self, variance: FloatArray, invested: FloatArray) -> FloatArray:
        if not self.share:
            return variance
        scaled: FloatArray = variance * (self.share / np.maximum(invested, 1e-9)) ** 2
        return scaled

    def _risk(self, variance: FloatArray) -> FloatArray:
        if self.cap is None:
            return self.gamma * variance
        # Below the cap variance is almost free: a little, so that it is not spent for nothing.
        over = np.maximum(variance - self.cap, 0.0)
        return self.gamma * (_FREE * variance + self.over_cap * over)

    def _broken(self, rule: int, value: FloatArray) -> FloatArray:
        rules = self.relaxation.rules
        outside = np.maximum(value - rules.high[rule], 0.0) + np.maximum(rules.low[rule] - value, 0.0)
        broken: FloatArray = min(float(rules.cap[rule]), _BROKEN) * outside
        return broken

    def step(self) -> bool:
        """Make the best move, or the best pair if no single one helps; False if neither does."""
        p, rules = self.relaxation.problem, self.relaxation.rules
        move = self.points - self.weights[:, None]
        cost = self.cost - self.cost[self.rows, self.at][:, None]
        variance = (2.0 * self.marginal)[:, None] * move + self.own_variance[:, None] * move * move
        counts = self.counts - self.counts[:, self.rows, self.at][:, :, None]
        still = np.abs(move) < 1e-15

        def value(rule: int, at: tuple[IntArray, IntArray] | None = None) -> FloatArray:
            weight, moved = rules.weight[rule], move if at is None else move[at]
            changed: FloatArray = (weight[:, None] if at is None else weight[at[0]]) * moved
            if rule in rules.counted:
                counted = counts[rules.counted.index(rule)]
                changed = changed + (counted if at is None else counted[at])
            return changed

        each = range(len(rules.low))
        now = self.total + float(self._risk(np.array(self.variance)))
        now += sum(float(self._broken(rule, self.value[rule])) for rule in each)
        single = self.total + cost + self._risk(self._scaled(self.raw + variance, self.invested + move)) - now
        for rule in each:
            single += self._broken(rule, self.value[rule] + value(rule))
        single[still] = np.inf
        best = np.unravel_index(int(single.argmin()), single.shape)
        if single[best] < -_WORTH:
            self.at[best[0]] = best[1]
            self._place()
            return True

        # Pairs of the moves that are best by themselves or by their Lagrangian.
        slack = self.cap is not None and self.variance < self.cap * (1.0 - _SLACK)
        rank = cost + (0.5 if slack else 1.0) * self.gamma * variance + self.rule_prices[:, None] * move
        rank += np.tensordot(self.tally_prices, counts, 1)
        rank[still] = np.inf
        at = np.divmod(np.union1d(_smallest(rank, _RANKED), _smallest(single, _RANKED // 2)), move.shape[1])
        name, cost, variance, move_ = at[0], cost[at], variance[at], move[at]
        if len(name) < 2:
            return False
        cross = p.exposures[name] @ p.exposures[name].T
        cross += self.base_variance - self.with_base[name][:, None] - self.with_base[name]
        both = self.raw + variance[:, None] + variance + 2.0 * np.outer(move_, move_) * cross
        pair = self.total + cost[:, None] + cost - now
        pair = pair + self._risk(self._scaled(both, self.invested + move_[:, None] + move_))
        for rule in each:
            changed = value(rule, at)
            pair += self._broken(rule, self.value[rule] + changed[:, None] + changed)
        pair[name[:, None] == name] = np.inf
        first, second = np.unravel_index(int(pair.argmin()), pair.shape)
        if pair[first, second] > -_WORTH:
            return False
        for place in (first, second):
            self.at[name[place]] = at[1][place]
        self._place()
        return True

    def run(self, steps: int = 2000) -> None:
        """Moves until none helps."""
        for _ in range(steps):
            if not self.step():
                break

    @property
    def kept(self) -> bool:
        """Whether all hard rules and the cap hold."""
        rules = self.relaxation.rules
        hard = np.isinf(rules.cap)
        over = np.maximum(self.value - rules.high, rules.low - self.value)
        within = self.cap is None or self.variance <= self.cap * (1.0 + _KEPT)
        return within and bool((over[hard] <= _KEPT).all())

    @property
    def objective(self) -> float:
        """Cost plus priced variance; under a cap the cost alone; broken soft rules at their price."""
        rules = self.relaxation.rules
        over = np.maximum(np.maximum(self.value - rules.high, rules.low - self.value), 0.0)
        soft = np.isfinite(rules.cap)
        broken = float(rules.cap[soft] @ over[soft])
        return self.total + broken + (self.gamma * self.variance if self.cap is None else 0.0)

    def modes(self) -> IntArray:
        """The cheapest mode that reaches each weight."""
        m = self.relaxation.modes
        cheapest: IntArray = m.each(self.weights[:, None])[:, :, 0].argmin(axis=1)
        return cheapest


def _smallest(table: FloatArray, count: int) -> IntArray:
    """Places of the smallest finite values."""
    count = min(count, table.size)
    flat = np.argpartition(table, count - 1, axis=None)[:count]
    return flat[np.isfinite(table.ravel()[flat])]
