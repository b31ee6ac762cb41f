"""The dual function of the kernel, and one damped Newton step on it.

Given the prices of factors and rules every name has a closed form (`Dual.at`); the value is concave and
piecewise quadratic in the prices, its gradient what the rules miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.rebalancing.kernel import Program

__all__ = ["COLD_DAMPING", "TOLERANCE", "WARM_DAMPING", "Dual", "Point", "newton"]

TOLERANCE = 1e-9  # of the residual: 0.001 per million of net asset value
COLD_DAMPING, WARM_DAMPING = 0.1, 1e-4  # from no prices, and from those of a similar problem
_GAP = 5e-9  # of the objective: largest duality gap of a solved problem
_ROUNDING = 1e-14  # of the dual value, relative to the size of its terms
_LARGEST_DAMPING = 1e6


class Point(NamedTuple):
    """The dual function at one set of prices: its value and gradient, the weights behind them."""

    prices: FloatArray
    value: float
    gradient: FloatArray
    violation: FloatArray
    weights: FloatArray
    position: FloatArray
    taken: FloatArray
    cost: float
    specific_variance: float


class Dual:
    """The dual function of one program, with all that does not depend on the prices."""

    def __init__(self, program: Program, tolerance: float = TOLERANCE) -> None:
        p, s, rules = program, program.segments, program.rules
        self.program, self.tolerance = p, tolerance
        self.factors = k = p.exposures.shape[1]
        self.counted = np.array(rules.counted, dtype=np.int64)
        self.counts = rules.count.reshape(len(rules.counted), s.low.size)
        self.equation = rules.low == rules.high
        self.ones = np.ones(s.low.shape[1])
        self.half_bend = 0.5 * s.bend if s.bend.any() else None
        self.inverse, self.pull = self.responses()
        # The Levenberg term is scaled by the curvature that all names together could give.
        widest = self.inverse.max(axis=1)
        diagonal = (p.columns * p.columns).T @ widest
        for place, rule in enumerate(rules.counted):
            count = rules.count[place]
            diagonal[k + rule] += float(widest @ ((count * count) @ self.ones)) / len(self.ones)
        diagonal[:k] += 0.5 / p.gamma
        self.scale = np.sqrt(np.maximum(diagonal, 1e-300))
        limits = np.maximum(
            np.where(np.isfinite(rules.low), np.abs(rules.low), 0.0),
            np.where(np.isfinite(rules.high), np.abs(rules.high), 0.0),
        )
        self.size = np.concatenate([np.abs(p.target_exposure), limits])

    def responses(self) -> tuple[FloatArray, FloatArray]:
        """How far a price moves a name, and where it stands without one."""
        p, s = self.program, self.program.segments
        curvature = 2.0 * p.gamma * p.specific
        # Without bends one curvature holds for all segments of a name.
        inverse = 1.0 / (curvature[:, None] + (0.0 if self.half_bend is None else s.bend))
        pull = (curvature * p.target)[:, None] - s.slope
        if self.half_bend is not None:
            pull += s.bend * s.low
        return inverse, pull * inverse

    def start(self, prices: FloatArray | None) -> FloatArray:
        """Prices of a similar problem with the signs that the rules of this one allow; or zeros."""
        k, rules = self.factors, self.program.rules
        if prices is None:
            return np.zeros(k + len(rules.low))
        low = np.where(np.isfinite(rules.low), -rules.cap, 0.0)
        high = np.where(np.isfinite(rules.high), rules.cap, 0.0)
        return np.concatenate([prices[:k], np.clip(prices[k:], low, high)])

    def at(self, prices: FloatArray) -> Point:
        """Value and gradient; the weights that the prices call for."""
        p, s, rules, k = self.program, self.program.segments, self.program.rules, self.factors
        price, counted = (p.columns @ prices)[:, None], prices[k + self.counted]
        if counted.any():
            price = price + (counted @ self.counts).reshape(s.low.shape)
        position = self.pull - price * self.inverse
        taken = np.minimum(np.maximum(position, s.low), s.high)
        taken -= s.low
        weights = s.base + taken @ self.ones
        active = weights - p.target
        specific_variance = float(p.specific @ (active * active))
        cost = s.base_cost + float(np.vdot(s.slope, taken))
        if self.half_bend is not None:
            cost += float(np.vdot(self.half_bend, taken * taken))
        held = p.columns.T @ weights
        held[:k] -= p.target_exposure
        value = held[k:] + rules.base
        value[self.counted] += self.counts @ taken.ravel()
        factor_prices, y = prices[:k], prices[k:]
        over, under = value - rules.high, value - rules.low
        unpriced = np.maximum(over, 0.0) + np.minimum(under, 0.0)
        violation = np.where(y > 0.0, over, np.where(y < 0.0, under, unpriced))
        gradient = np.concatenate([held[:k] - factor_prices / (2.0 * p.gamma), violation])
        dual = (
            p.gamma * specific_variance
            + cost
            + float(factor_prices @ held[:k])
            - float(factor_prices @ factor_prices) / (4.0 * p.gamma)
            + float(y @ violation)
        )
        return Point(prices, dual, gradient, violation, weights, position, taken, cost, specific_variance)

    def closed(self, point: Point) -> bool:
        """Whether the duality gap is small beside the objective, as far as rounding lets it be."""
        k = self.factors
        gap = self.program.gamma * float(point.gradient[:k] @ point.gradient[:k])
        # A soft rule at its price pays for its violation: both terms are the same.
        gap -= float(point.prices[k:] @ np.where(self.at_cap(point), 0.0, point.violation))
        return abs(gap) <= max(_GAP * abs(point.value), 10.0 * self.noise(point))

    def at_cap(self, point: Point) -> BoolArray:
        """Soft rules that are broken at the price of breaking them."""
        y, violation, cap = point.prices[self.factors :], point.violation, self.program.rules.cap
        at: BoolArray = ((y >= cap) & (violation > 0.0)) | ((y <= -cap) & (violation < 0.0))
        return at

    def noise(self, point: Point) -> float:
        """Rounding of the dual value: relative to its terms, not to the value, which is often near zero."""
        terms = float(np.abs(point.prices) @ self.size[: len(point.prices)])
        return _ROUNDING * (abs(point.value) + abs(self.program.segments.base_cost) + terms)

    def settled(self, point: Point, free: IntArray) -> bool:
        """Whether the rules hold at these prices and the duality gap is closed."""
        return bool(np.abs(point.gradient[free]).max(initial=0.0) <= self.tolerance) and self.closed(point)

    def free(self, point: Point) -> IntArray:
        """Prices that may move: all factors, and rules that are priced or broken."""
        k = self.factors
        moving = ((point.prices[k:] != 0.0) | (point.violation != 0.0)) & ~self.at_cap(point)
        return np.concatenate([np.arange(k), k + np.flatnonzero(moving)])

    def box(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """A price keeps its sign within one step, unless its rule is an equation."""
        k, cap = self.factors, self.program.rules.cap
        y = point.prices[k:]
        sign = np.where(y != 0.0, np.sign(y), np.sign(point.violation))
        unbounded = np.full(k, np.inf)
        low = np.where(self.equation | (sign < 0.0), -cap, 0.0)
        high = np.where(self.equation | (sign > 0.0), cap, 0.0)
        return np.concatenate([-unbounded, low]), np.concatenate([unbounded, high])

    def active(self, point: Point) -> tuple[IntArray, FloatArray, FloatArray]:
        """Names with a segment that is partly used, what they count in every rule, how they respond."""
        p, s, k = self.program, self.program.segments, self.factors
        name, segment = np.nonzero((s.low < point.position) & (point.position < s.high))
        columns = p.columns[name]
        for place, rule in enumerate(p.rules.counted):
            columns[:, k + rule] += p.rules.count[place][name, segment]
        return name, columns, self.inverse[name, segment if self.half_bend is not None else 0]

    def curvature(self, point: Point, free: IntArray) -> FloatArray:
        """The generalised Hessian of the dual on the free prices, sign changed."""
        _, columns, inverse = self.active(point)
        if len(free) < columns.shape[1]:
            columns = columns[:, free]
        matrix: FloatArray = (columns * inverse[:, None]).T @ columns
        matrix.flat[: self.factors * len(free) : len(free) + 1] += 0.5 / self.program.gamma
        return matrix


def newton(dual: Dual, point: Point, free: IntArray, damping: float) -> tuple[Point | None, float, int]:
    """One accepted step, the damping for the next one, and how many were tried."""
    matrix = dual.curvature(point, free)
    gradient, scale = point.gradient[free], dual.scale[free]
    scaled, right = matrix / np.outer(scale, scale), gradient / scale
    low, high = dual.box(point)
    noise, tried = dual.noise(point), 0
    while damping < _LARGEST_DAMPING:
        damped = scaled.copy()
        damped.flat[:: len(free) + 1] += damping
        prices = point.prices.copy()
        prices[free] += np.linalg.solve(damped, right) / scale
        prices = np.minimum(np.maximum(prices, low), high)
        step = (prices - point.prices)[free]
        predicted = float(gradient @ step - 0.5 * (step @ (matrix @ step)))
        trial = dual.at(prices)
        tried += 1
        gained = trial.value - point.value
        if predicted > 0.0 and gained >= 0.01 * predicted - noise:
            ratio = gained / predicted
            if ratio > 0.7:
                damping = max(damping / 20.0, 1e-11)
            elif ratio < 0.2:
                damping *= 4.0
            return trial, damping, tried
        damping = max(8.0 * damping, 1e-4)
    return None, damping, tried
