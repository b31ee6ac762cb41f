"""A convex problem under a cap on tracking risk: the price of variance that the cap is worth.

``min cost(w)`` subject to ``variance(w) <= cap`` and the rules. The price of variance is a dual variable
like all others: for fixed weights the Lagrangian is linear in it, so the dual function is concave in all
prices together and one Newton run of the kernel finds them. Where that run does not settle, the price is
looked for from outside: variance falls as its price rises, so it is the root of a falling function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, GAMMA_LOW, Steps
from xlplugin.engines.rebalancing.dual import Dual, Point
from xlplugin.engines.rebalancing.kernel import Program, Solution, certified, climb, solve

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray

__all__ = ["Capped", "solve_under_cap"]

_ITERATIONS = 60  # of the joint run; most problems need less than twenty
_FARTHEST = 10.0  # by this factor a step may move the price of variance


class Capped(NamedTuple):
    """The cheapest weights under the cap.

    Attributes
    ----------
    solution : Solution
    gamma : float
        Price of variance: what one unit more of the cap is worth.
    solves : int
    bound : float
        No weights under the cap cost less.
    """

    solution: Solution
    gamma: float
    solves: int
    bound: float

    def is_slack(self, cap: float, tolerance: float = 1e-6) -> bool:
        """Whether the cap does not bind: variance is below it although it is almost free."""
        return self.gamma <= GAMMA_LOW * 1.001 and self.solution.variance < cap * (1.0 - tolerance)

    def is_kept(self, cap: float, tolerance: float = 1e-8) -> bool:
        """Whether the weights are solved and keep the cap."""
        return self.solution.status == "solved" and self.solution.variance <= cap * (1.0 + tolerance)


def solve_under_cap(
    program: Program,
    cap: float,
    *,
    gamma: float | None = None,
    prices: FloatArray | None = None,
    tolerance: float = 1e-9,
    rounds: int = 60,
) -> Capped:
    """Solve a problem at the price of variance at which its variance is the cap.

    Parameters
    ----------
    program : Program
        Its segments must not depend on the price of variance: every mode decided.
    cap : float
        Largest variance per year.
    gamma : float, optional
        Where to start; the price of the program if left out.
    prices : ndarray, optional
        Of a similar problem.
    tolerance : float
        Relative, of the variance.
    rounds : int
        Most solves from outside, if the joint run does not settle.

    Returns
    -------
    Capped
        If the cap does not bind, at the lowest price there is; the loss against a pure cost problem is
        at most that price times the cap. If the cap cannot be met, at the highest price.
    """
    first = min(max(program.gamma if gamma is None else gamma, GAMMA_LOW), GAMMA_HIGH)
    solves = 0
    if not program.segments.bend.any():
        made = _together(program.at(first), cap, prices, tolerance)
        if made.solution.status in ("solved", "infeasible"):
            return made
        first, prices, solves = made.gamma, made.solution.prices, 1
    steps = Steps(first, tolerance)
    while True:
        at = min(max(steps.gamma, GAMMA_LOW), GAMMA_HIGH)
        solution = solve(program.at(at), prices)
        solves += 1
        prices = solution.prices
        if solution.status != "solved" or steps.settled(solution.variance, cap) or solves >= rounds:
            return Capped(solution, at, solves, solution.dual - at * cap)


class _WithCap(Dual):
    """The dual function with the price of variance as its last variable.

    `near` is how far the variance may be from the cap at the end, relative.
    """

    def __init__(self, program: Program, cap: float, near: float) -> None:
        super().__init__(program)
        self.cap, self.near = cap, near
        self.scale = np.append(self.scale, np.sqrt(2.0 * cap / program.gamma))
        self.size = np.append(self.size, cap)

    def _priced(self, gamma: float) -> None:
        if gamma != self.program.gamma:
            self.program = self.program.at(gamma)
            self.inverse, self.pull = self.responses()

    def at(self, prices: FloatArray) -> Point:
        """Value and gradient; the last one is the variance above the cap."""
        gamma, factor_prices = float(prices[-1]), prices[: self.factors]
        self._priced(gamma)
        point = super().at(prices[:-1])
        loads = factor_prices / (2.0 * gamma)
        above = point.specific_variance + float(loads @ loads) - self.cap
        return point._replace(
            prices=prices, value=point.value - gamma * self.cap, gradient=np.append(point.gradient, above)
        )

    def without(self, point: Point) -> Point:
        """The same point as the kernel knows it at this price of variance."""
        self._priced(gamma := float(point.prices[-1]))
        return point._replace(
            prices=point.prices[:-1], value=point.value + gamma * self.cap, gradient=point.gradient[:-1]
        )

    def free(self, point: Point) -> IntArray:
        """Prices that may move; that of variance unless it is at an end and pulled beyond."""
        free, gamma, above = super().free(self.without(point)), point.prices[-1], point.gradient[-1]
        if (gamma <= GAMMA_LOW and above < 0.0) or (gamma >= GAMMA_HIGH and above > 0.0):
            return free
        return np.append(free, len(point.prices) - 1)

    def box(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """As in the kernel; the price of variance moves by a factor."""
        (low, high), gamma = super().box(self.without(point)), point.prices[-1]
        return (
            np.append(low, max(GAMMA_LOW, gamma / _FARTHEST)),
            np.append(high, min(GAMMA_HIGH, gamma * _FARTHEST)),
        )

    def curvature(self, point: Point, free: IntArray) -> FloatArray:
        """The generalised Hessian; a dearer variance draws names and factors to their target."""
        gamma, k = float(point.prices[-1]), self.factors
        self._priced(gamma)
        p = self.program
        name, columns, inverse = self.active(point)
        active = point.weights[name] - p.target[name]
        columns = np.column_stack([columns, 2.0 * p.specific[name] * active])
        matrix: FloatArray = (columns * inverse[:, None]).T @ columns
        loads = point.prices[:k] / (2.0 * gamma)
        matrix.flat[: k * len(matrix) : len(matrix) + 1] += 0.5 / gamma
        matrix[:k, -1] -= loads / gamma
        matrix[-1, :k] -= loads / gamma
        matrix[-1, -1] += 2.0 * float(loads @ loads) / gamma
        return matrix[np.ix_(free, free)]

    def settled(self, point: Point, free: IntArray) -> bool:
        """As in the kernel, and the variance of the weights is the cap or cannot get there."""
        last = len(point.prices) - 1
        if not super().settled(self.without(point), free[free < last]):
            return False
        loads = point.gradient[: self.factors] + point.prices[: self.factors] / (2.0 * point.prices[-1])
        variance = float(loads @ loads) + point.specific_variance
        return last not in free or abs(variance / self.cap - 1.0) <= self.near


def _together(program: Program, cap: float, prices: FloatArray | None, near: float) -> Capped:
    """Newton on all prices at once."""
    dual = _WithCap(program, cap, near)
    start = np.append(dual.start(prices), program.gamma)
    made = climb(dual, start, warm=prices is not None, iterations=_ITERATIONS)
    gamma, last = float(made.point.prices[-1]), len(start) - 1
    made = made._replace(point=dual.without(made.point), free=made.free[made.free < last])
    solution = certified(dual, made)
    return Capped(solution, gamma, 1, solution.dual - gamma * cap)
