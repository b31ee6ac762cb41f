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

from xlplugin.engines.rebalancing.dual import COLD_DAMPING, TOLERANCE, WARM_DAMPING, Dual, Point, newton

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray

__all__ = [
    "Climb",
    "Program",
    "Rules",
    "Segments",
    "Solution",
    "Status",
    "certified",
    "clash",
    "climb",
    "solve",
]

Status = Literal["solved", "infeasible", "stalled", "iterations"]

_ACCEPTED = 1e-8  # residual of a solution that rounding keeps from the tolerance
_SLOW, _PHASE_ONE = 40, 500.0  # after so many steps feasibility is tested at this price of variance
_CLASH_FIRST, _CLASH_EVERY = 11, 8  # steps before a test for contradiction: most problems need fewer


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
    dual = Dual(program, tolerance)
    made = climb(dual, dual.start(prices), warm=prices is not None, iterations=iterations)
    reached = np.abs(made.point.gradient[made.free]).max(initial=0.0) <= _ACCEPTED
    if reached and made.status != "infeasible":
        made = made._replace(status="solved")
    return certified(dual, made)


class Climb(NamedTuple):
    """Where a Newton run ended, and the prices that were free there."""

    point: Point
    free: IntArray
    status: Status
    iterations: int
    evaluations: int


def climb(dual: Dual, start: FloatArray, *, warm: bool, iterations: int) -> Climb:
    """Newton steps until the dual is settled, its rules are proved to clash, or nothing helps.

    Parameters
    ----------
    dual : Dual
    start : ndarray
        Prices.
    warm : bool
        Whether the prices are those of a similar problem.
    iterations : int
        Most steps.
    """
    point, mark, step, evaluations = dual.at(start), start, 0, 1
    damping, free = WARM_DAMPING if warm else COLD_DAMPING, dual.free(point)
    while True:
        if dual.settled(point, free):
            return Climb(point, free, "solved", step, evaluations)
        if step == iterations:
            return Climb(point, free, "iterations", step, evaluations)
        slow = step == _SLOW and dual.program.gamma < _PHASE_ONE
        if slow and _clashes(dual.program):
            return Climb(point, free, "infeasible", step, evaluations)
        if step >= _CLASH_FIRST and (step - _CLASH_FIRST) % _CLASH_EVERY == 0:
            # Prices and their changes both tend to the ray along which the dual is unbounded.
            if max(clash(dual.program, point.prices), clash(dual.program, point.prices - mark)) > 0.0:
                return Climb(point, free, "infeasible", step, evaluations)
            mark = point.prices
        moved, damping, tried = newton(dual, point, free, damping)
        step, evaluations = step + 1, evaluations + tried
        if moved is None:
            return Climb(point, free, "stalled", step, evaluations)
        point = moved
        free = dual.free(point)


def _clashes(program: Program) -> bool:
    """Whether the rules are proved to clash; that is soon known where variance is dear."""
    return solve(program.at(_PHASE_ONE), iterations=_SLOW).status == "infeasible"


def certified(dual: Dual, made: Climb) -> Solution:
    """The solution at the end of a run, its residual and gap worked out anew from the weights."""
    point = made.point
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
        status=made.status,
        iterations=made.iterations,
        evaluations=made.evaluations,
        residual=float(np.abs(point.gradient[made.free]).max(initial=0.0)),
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
        Any numbers; those of factors and soft rules are not used, nor what may follow them.

    Returns
    -------
    float
        Least value of the priced rules over all weights the segments allow, minus the most the
        limits admit, minus a margin for rounding. Above zero no weights can satisfy all hard rules.
    """
    rules, s, k = program.rules, program.segments, program.exposures.shape[1]
    y = np.where(np.isinf(rules.cap), prices[k : k + len(rules.low)], 0.0)
    limit = np.where(y > 0.0, rules.high, rules.low)
    y = np.where(np.isfinite(limit), y, 0.0)
    price = y @ rules.weight
    per_segment = np.repeat(price[:, None], s.low.shape[1], axis=1)
    for place, rule in enumerate(rules.counted):
        per_segment += y[rule] * rules.count[place]
    # Every piece by itself: at these prices another order of the lots may be the right one.
    least = float(price @ s.base) + float(np.minimum(per_segment * (s.high - s.low), 0.0).sum())
    least += float(y @ rules.base)
    priced = y != 0.0
    return least - float(y[priced] @ limit[priced]) - 1e-9 * float(np.abs(y).sum())
