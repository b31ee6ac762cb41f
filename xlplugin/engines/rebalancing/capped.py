"""A convex problem under a cap on tracking risk: the price of variance that the cap is worth.

``min cost(w)`` subject to ``variance(w) <= cap`` and the rules. Variance falls as its price rises, so
the price is the root of a falling function; every solve starts from the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, GAMMA_LOW, Steps
from xlplugin.engines.rebalancing.kernel import Program, Solution, solve

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["Capped", "solve_under_cap"]


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
        Most solves.

    Returns
    -------
    Capped
        If the cap does not bind, at the lowest price there is; the loss against a pure cost problem is
        at most that price times the cap. If the cap cannot be met, at the highest price.
    """
    steps, solves = Steps(program.gamma if gamma is None else gamma, tolerance), 0
    while True:
        at = min(max(steps.gamma, GAMMA_LOW), GAMMA_HIGH)
        solution = solve(program.at(at), prices)
        solves += 1
        prices = solution.prices
        if solution.status != "solved" or steps.settled(solution.variance, cap) or solves == rounds:
            return Capped(solution, at, solves, solution.dual - at * cap)
