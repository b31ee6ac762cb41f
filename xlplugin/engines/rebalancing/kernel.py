r"""The dual Newton kernel: separable trading costs under factor and specific risk.

One name is a row of *segments*, ordered from low weight to high, with rising marginal cost. Given
the prices of the factors and of the rules every name has a closed form, so the dual has only
``factors + rules`` variables, and a semismooth Newton method with a Levenberg term solves it in a few
steps. Weights are fractions of net asset value, variances are per year. Pure numpy, no state.

.. math:: \min_w\ \gamma\bigl(\|F^\top(w-b)\|^2 + \textstyle\sum_i d_i (w_i-b_i)^2\bigr)
          + \sum_i \varphi_i(w_i) \quad\text{s.t.}\quad l \le A w + N(w) \le h

Every solution carries its KKT residual and its duality gap, computed without cancellation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray

__all__ = ["Program", "Rules", "Segments", "Solution", "clash", "solve"]

Status = Literal["solved", "infeasible", "stalled", "iterations"]

TOLERANCE = 1e-9  # of the residual: 0.001 per million of net asset value
_COLD_DAMPING, _WARM_DAMPING = 0.1, 1e-4  # from no prices, and from those of a similar problem
_LARGEST_DAMPING = 1e6
_GAP = 5e-9  # of the objective: largest duality gap of a solved problem
_ACCEPTED = 1e-8  # residual of a solution that rounding keeps from the tolerance
_SLOW, _PHASE_ONE = 40, 500.0  # after so many steps feasibility is tested at this price of variance
_ROUNDING = 1e-14  # of the dual value, relative to the size of its terms
_CLASH_EVERY = 8  # iterations between two tests for contradiction


@dataclass(frozen=True, eq=False, repr=False)
class Segments:
    """The cost of every name as pieces, from its lowest weight upwards.

    Attributes
    ----------
    low, high : ndarray of shape (n_names, n_segments)
        Ends of each piece in weight; a piece of width zero is not there.
    slope : ndarray of shape (n_names, n_segments)
        Marginal cost at the low end, money per unit of weight. It must not fall along a name.
    bend : ndarray of shape (n_names, n_segments)
        Growth of the marginal cost inside the piece; may be negative, above `-2 gamma d`.
    base : ndarray of shape (n_names,)
        The lowest weight of each name.
    base_cost : float
        What it costs to hold every name at `base`.
    """

    low: FloatArray
    high: FloatArray
    slope: FloatArray
    bend: FloatArray
    base: FloatArray
    base_cost: float


@dataclass(frozen=True, eq=False, repr=False)
class Rules:
    """Linear limits ``low <= weight @ w + counts of the segments + base <= high``.

    Attributes
    ----------
    names : tuple of str
        One per rule, for messages and prices.
    weight : ndarray of shape (n_rules, n_names)
        Coefficients of the weights.
    low, high : ndarray of shape (n_rules,)
        Limits; infinite where there is none, equal for an equation.
    cap : ndarray of shape (n_rules,)
        Largest price of a rule: infinite for a hard one, the price of a violation for a soft one.
    counted : tuple of int
        Rules that also count something per segment: turnover, trading costs, realised gains.
    count : ndarray of shape (len(counted), n_names, n_segments)
        What one unit of weight inside a segment adds to such a rule.
    base : ndarray of shape (n_rules,)
        What holding every name at its lowest weight adds beyond `weight @ base`.
    """

    names: tuple[str, ...]
    weight: FloatArray
    low: FloatArray
    high: FloatArray
    cap: FloatArray
    counted: tuple[int, ...]
    count: FloatArray
    base: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class Program:
    """One convex problem for `solve`; build it with `Program.of`.

    Attributes
    ----------
    exposures : ndarray of shape (n_names, n_factors)
        Scaled so that the covariance per year is ``exposures @ exposures.T + diag(specific)``.
    specific : ndarray of shape (n_names,)
        Specific variances per year, above zero.
    target : ndarray of shape (n_names,)
        Weights without active risk.
    gamma : float
        Price of variance: money per net asset value per unit of annual variance.
    segments : Segments
    rules : Rules
    columns : ndarray of shape (n_names, n_factors + n_rules)
        Exposures and rule coefficients side by side.
    target_exposure : ndarray of shape (n_factors,)
    """

    exposures: FloatArray
    specific: FloatArray
    target: FloatArray
    gamma: float
    segments: Segments
    rules: Rules
    columns: FloatArray
    target_exposure: FloatArray

    @classmethod
    def of(
        cls,
        exposures: FloatArray,
        specific: FloatArray,
        target: FloatArray,
        gamma: float,
        segments: Segments,
        rules: Rules,
    ) -> Program:
        """The problem, with what all solves of it share worked out once."""
        columns = np.column_stack([exposures, rules.weight.T])
        return cls(exposures, specific, target, gamma, segments, rules, columns, exposures.T @ target)

    def at(self, gamma: float) -> Program:
        """The same problem at another price of variance."""
        return replace(self, gamma=gamma)

    def with_segments(
        self, segments: Segments, count: FloatArray, base: FloatArray, gamma: float | None = None
    ) -> Program:
        """The same names and limits with other segments and what these count."""
        rules = replace(self.rules, count=count, base=base)
        return replace(self, segments=segments, rules=rules, gamma=self.gamma if gamma is None else gamma)


class Solution(NamedTuple):
    """Weights and prices with their certificate.

    Attributes
    ----------
    weights : ndarray of shape (n_names,)
    prices : ndarray of shape (n_factors + n_rules,)
        Factor prices, then one price per rule: positive when its upper limit binds, negative when
        its lower one does. The price is the marginal cost of the limit.
    status : {"solved", "infeasible", "stalled", "iterations"}
    iterations, evaluations : int
    residual : float
        Largest violation of the optimality conditions, in weight and factor exposure.
    gap : float
        Primal minus dual objective.
    dual, objective : float
    variance : float
        Active variance per year.
    cost : float
        Tax and trading costs, money per net asset value.
    taken : ndarray of shape (n_names, n_segments)
        How much of every segment is used.
    """

    weights: FloatArray
    prices: FloatArray
    status: Status
    iterations: int
    evaluations: int
    residual: float
    gap: float
    dual: float
    objective: float
    variance: float
    cost: float
    taken: FloatArray

    @property
    def relative_gap(self) -> float:
        """Duality gap over the size of the objective."""
        return self.gap / max(abs(self.objective), 1e-12)


class _Point(NamedTuple):
    """The dual function at one set of prices."""

    prices: FloatArray
    value: float
    gradient: FloatArray
    violation: FloatArray
    weights: FloatArray
    position: FloatArray
    taken: FloatArray
    cost: float
    specific_variance: float


class _Dual:
    """The dual function of one program, with all that does not depend on the prices."""

    def __init__(self, program: Program) -> None:
        p, s, rules = program, program.segments, program.rules
        self.program = p
        self.factors = k = p.exposures.shape[1]
        curvature = 2.0 * p.gamma * p.specific
        self.equation = rules.low == rules.high
        self.ones = np.ones(s.low.shape[1])
        self.half_bend = 0.5 * s.bend if s.bend.any() else None
        # Without bends one curvature holds for all segments of a name.
        self.inverse = 1.0 / (curvature[:, None] + (0.0 if self.half_bend is None else s.bend))
        pull = (curvature * p.target)[:, None] - s.slope
        if self.half_bend is not None:
            pull += s.bend * s.low
        self.pull = pull * self.inverse
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

    def at(self, prices: FloatArray) -> _Point:
        """Value and gradient; the weights that the prices call for."""
        p, s, rules, k = self.program, self.program.segments, self.program.rules, self.factors
        price = (p.columns @ prices)[:, None]
        for place, rule in enumerate(rules.counted):
            if prices[k + rule] != 0.0:
                price = price + prices[k + rule] * rules.count[place]
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
        for place, rule in enumerate(rules.counted):
            value[rule] += float(np.vdot(rules.count[place], taken))
        factor_prices, y = prices[:k], prices[k:]
        over, under = value - rules.high, value - rules.low
        unpriced = np.maximum(over, 0.0) + np.minimum(under, 0.0)
        violation = np.where(y > 0.0, over, np.where(y < 0.0, under, unpriced))
        gradient = np.concatenate([held[:k] - factor_prices / (2.0 * p.gamma), violation])
        priced = y != 0.0
        dual = (
            p.gamma * specific_variance
            + cost
            + float(factor_prices @ held[:k])
            - float(factor_prices @ factor_prices) / (4.0 * p.gamma)
            + float(y[priced] @ violation[priced])
        )
        return _Point(prices, dual, gradient, violation, weights, position, taken, cost, specific_variance)

    def closed(self, point: _Point) -> bool:
        """Whether the duality gap is small beside the objective, as far as rounding lets it be."""
        k = self.factors
        gap = self.program.gamma * float(point.gradient[:k] @ point.gradient[:k])
        gap -= float(point.prices[k:] @ np.where(point.prices[k:] != 0.0, point.violation, 0.0))
        noise = _ROUNDING * (abs(self.program.segments.base_cost) + float(np.abs(point.prices) @ self.size))
        return abs(gap) <= max(_GAP * abs(point.value), 10.0 * noise)

    def free(self, point: _Point) -> IntArray:
        """Prices that may move: all factors, and rules that are priced or broken."""
        k, cap = self.factors, self.program.rules.cap
        y, violation = point.prices[k:], point.violation
        at_cap = ((y >= cap) & (violation > 0.0)) | ((y <= -cap) & (violation < 0.0))
        moving = ((y != 0.0) | (violation != 0.0)) & ~at_cap
        return np.concatenate([np.arange(k), k + np.flatnonzero(moving)])

    def box(self, point: _Point) -> tuple[FloatArray, FloatArray]:
        """A price keeps its sign within one step, unless its rule is an equation."""
        k, cap = self.factors, self.program.rules.cap
        y = point.prices[k:]
        sign = np.where(y != 0.0, np.sign(y), np.sign(point.violation))
        unbounded = np.full(k, np.inf)
        low = np.where(self.equation | (sign < 0.0), -cap, 0.0)
        high = np.where(self.equation | (sign > 0.0), cap, 0.0)
        return np.concatenate([-unbounded, low]), np.concatenate([unbounded, high])

    def curvature(self, point: _Point, free: IntArray) -> FloatArray:
        """The generalised Hessian of the dual on the free prices, sign changed."""
        p, s, k = self.program, self.program.segments, self.factors
        name, segment = np.nonzero((s.low < point.position) & (point.position < s.high))
        columns = p.columns[name]
        for place, rule in enumerate(p.rules.counted):
            columns[:, k + rule] += p.rules.count[place][name, segment]
        if len(free) < columns.shape[1]:
            columns = columns[:, free]
        inverse = self.inverse[name, segment if self.half_bend is not None else 0]
        matrix: FloatArray = (columns * inverse[:, None]).T @ columns
        matrix.flat[: k * len(free) : len(free) + 1] += 0.5 / p.gamma
        return matrix


def solve(
    program: Program,
    prices: FloatArray | None = None,
    *,
    tolerance: float = TOLERANCE,
    iterations: int = 200,
) -> Solution:
    """Solve one convex problem.

    Parameters
    ----------
    program : Program
    prices : ndarray of shape (n_factors + n_rules,), optional
        Where to start; the prices of a similar problem save most of the work.
    tolerance : float
        Largest residual of a solved problem.
    iterations : int
        Most Newton steps.

    Returns
    -------
    Solution
        Status "infeasible" is a proof: `clash` was positive for some prices.

    Notes
    -----
    Projected semismooth Newton on the concave dual, damped by a Levenberg term under gain-ratio
    control. Without the damping the method fails where too few names are between two kinks.

    Examples
    --------
    Two names, no risk between them, cash to place: the dearer to trade is bought less.

    >>> import numpy as np
    >>> edges = np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]])
    >>> segments = Segments(*edges, np.array([[0.01], [0.03]]), np.zeros((2, 1)), np.zeros(2), 0.0)
    >>> rules = Rules(("invested",), np.ones((1, 2)), np.ones(1), np.ones(1), np.full(1, np.inf),
    ...               (), np.zeros((0, 2, 1)), np.zeros(1))
    >>> program = Program.of(np.zeros((2, 1)), np.full(2, 0.1), np.full(2, 0.5), 1.0, segments, rules)
    >>> solve(program).weights.round(3).tolist()
    [0.55, 0.45]
    """
    dual = _Dual(program)
    k, rules = dual.factors, program.rules
    start = np.zeros(k + len(rules.low)) if prices is None else prices.copy()
    start[k:] = np.clip(
        start[k:],
        np.where(np.isfinite(rules.low), -rules.cap, 0.0),
        np.where(np.isfinite(rules.high), rules.cap, 0.0),
    )
    point, mark = dual.at(start), start
    status: Status = "iterations"
    damping, evaluations, step_number = _COLD_DAMPING if prices is None else _WARM_DAMPING, 1, 0
    free = dual.free(point)
    while True:
        if np.abs(point.gradient[free]).max(initial=0.0) <= tolerance and dual.closed(point):
            status = "solved"
            break
        if step_number == iterations:
            break
        if step_number == _SLOW and program.gamma < _PHASE_ONE and _clashes(program):
            status = "infeasible"
            break
        if step_number % _CLASH_EVERY == _CLASH_EVERY - 1:
            if max(clash(program, point.prices), clash(program, point.prices - mark)) > 0.0:
                status = "infeasible"
                break
            mark = point.prices
        step_number += 1
        moved, damping, tried = _newton(dual, point, free, damping)
        evaluations += tried
        if moved is None:
            status = "stalled"
            break
        point = moved
        free = dual.free(point)
    if status != "solved" and np.abs(point.gradient[free]).max(initial=0.0) <= _ACCEPTED:
        status = "solved" if status != "infeasible" else status
    return _certified(dual, point, free, status, step_number, evaluations)


def _clashes(program: Program) -> bool:
    """Whether the rules are proved to clash; that is soon known where variance is dear."""
    return solve(program.at(_PHASE_ONE), iterations=_SLOW).status == "infeasible"


def _newton(dual: _Dual, point: _Point, free: IntArray, damping: float) -> tuple[_Point | None, float, int]:
    """One accepted step, the damping for the next one, and how many were tried."""
    matrix = dual.curvature(point, free)
    gradient, scale = point.gradient[free], dual.scale[free]
    scaled, right = matrix / np.outer(scale, scale), gradient / scale
    low, high = dual.box(point)
    # Rounding of the dual value is relative to its terms, not to the value, which is often near zero.
    noise = _ROUNDING * (
        abs(point.value) + abs(dual.program.segments.base_cost) + float(np.abs(point.prices) @ dual.size)
    )
    tried = 0
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


def _certified(
    dual: _Dual, point: _Point, free: IntArray, status: Status, iterations: int, evaluations: int
) -> Solution:
    p, k, cap = dual.program, dual.factors, dual.program.rules.cap
    y, soft = point.prices[k:], np.isfinite(dual.program.rules.cap)
    loads = p.exposures.T @ (point.weights - p.target)
    variance = float(loads @ loads) + point.specific_variance
    # Beyond its limit a soft rule costs its cap; a price of the other sign means it is kept.
    outside = np.where(y >= 0.0, np.maximum(point.violation, 0.0), 0.0) - np.where(
        y <= 0.0, np.minimum(point.violation, 0.0), 0.0
    )
    penalty = float(cap[soft] @ outside[soft]) if soft.any() else 0.0
    short = point.gradient[:k]
    return Solution(
        weights=point.weights,
        prices=point.prices,
        status=status,
        iterations=iterations,
        evaluations=evaluations,
        residual=float(np.abs(point.gradient[free]).max(initial=0.0)),
        gap=p.gamma * float(short @ short) - float(y @ point.violation) + penalty,
        dual=point.value,
        objective=p.gamma * variance + point.cost + penalty,
        variance=variance,
        cost=point.cost,
        taken=point.taken,
    )


def clash(program: Program, prices: FloatArray) -> float:
    """How far the hard rules, priced so, contradict each other: positive is a proof.

    Parameters
    ----------
    program : Program
    prices : ndarray of shape (n_factors + n_rules,)
        Any numbers; those of factors and soft rules are not used.

    Returns
    -------
    float
        Least value of the priced rules over all weights the segments allow, minus the most the
        limits admit, minus a margin for rounding. Above zero no weights can satisfy all hard rules.
    """
    rules, s = program.rules, program.segments
    y = np.where(np.isinf(rules.cap), prices[program.exposures.shape[1] :], 0.0)
    limit = np.where(y > 0.0, rules.high, rules.low)
    y = np.where(np.isfinite(limit), y, 0.0)
    price = y @ rules.weight
    per_segment = np.repeat(price[:, None], s.low.shape[1], axis=1)
    for place, rule in enumerate(rules.counted):
        per_segment += y[rule] * rules.count[place]
    # Pieces are taken in order: the least of a name is the least of its running sums.
    running = np.cumsum(per_segment * (s.high - s.low), axis=1).min(axis=1)
    least = float(price @ s.base) + float(np.minimum(running, 0.0).sum()) + float(y @ rules.base)
    priced = y != 0.0
    return least - float(y[priced] @ limit[priced]) - 1e-9 * float(np.abs(y).sum())
