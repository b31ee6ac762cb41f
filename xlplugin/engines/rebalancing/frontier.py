r"""Tax value against tracking risk: the plans of an account, and the curve that no plan can be above.

For every price of variance the bound of the search holds for all plans, so that

.. math:: V(TE) \le \min_\gamma\ \gamma\,TE^2 - LB_\gamma

is a certified outer curve: what cannot be had at a given risk, whatever anybody's software says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, Effort
from xlplugin.engines.rebalancing.plan import Plan, from_found
from xlplugin.engines.rebalancing.search import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["GAMMAS", "Frontier", "Stances", "budgets", "frontier", "stances"]

GAMMAS = tuple(float(g) for g in np.geomspace(5.0, 640.0, 12))
_EFFORT = Effort(gap=2e-3, nodes=60)


@dataclass(frozen=True)
class Frontier:
    """The plans of one account, from much risk to little.

    Attributes
    ----------
    plans : tuple of Plan
        One per price of variance.
    gammas, bounds : ndarray of shape (n_plans,)
        Prices of variance, and what ``gamma variance + cost`` cannot go below at them.
    """

    plans: tuple[Plan, ...]
    gammas: FloatArray
    bounds: FloatArray

    @property
    def risk(self) -> FloatArray:
        """Tracking risk of every plan, per year."""
        return np.array([plan.tracking_risk for plan in self.plans])

    @property
    def value(self) -> FloatArray:
        """Tax saved less trading costs, over net asset value."""
        return np.array([plan.tax_value - plan.trading_cost for plan in self.plans])

    def limit(self, risk: FloatArray | float) -> FloatArray:
        """The most that any plan can save net of costs at some tracking risk.

        Parameters
        ----------
        risk : float or ndarray
            Per year.
        """
        squares = np.square(np.atleast_1d(np.asarray(risk, dtype=float)))
        curve: FloatArray = (np.outer(squares, self.gammas) - self.bounds).min(axis=1)
        return curve


def frontier(
    problem: Problem,
    gammas: Sequence[float] = GAMMAS,
    *,
    effort: Effort = _EFFORT,
    groups: tuple[IntArray, ...] = (),
) -> Frontier:
    """Plans over a range of prices of variance.

    Parameters
    ----------
    problem : Problem
    gammas : sequence of float
        Low prices buy tax value with risk, high ones stay near the index.
    effort : Effort
    groups : tuple of ndarray of int

    Returns
    -------
    Frontier
        Rising in the price. Every plan starts from the prices of the one before.
    """
    plans, prices = [], None
    for gamma in sorted(gammas):
        found = Search(problem, groups=groups).run(effort, gamma, prices)
        prices = found.solution.prices
        plans.append(from_found(problem, found))
    bounds = np.array([plan.bound for plan in plans])
    return Frontier(tuple(plans), np.array(sorted(gammas)), bounds)


def budgets(
    problem: Problem,
    gamma: float,
    shares: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    *,
    effort: Effort = _EFFORT,
) -> tuple[Plan, ...]:
    """Plans at shares of the gains that an unrestricted plan would realise, the largest share first last.

    Parameters
    ----------
    problem : Problem
    gamma : float
        Price of variance.
    shares : sequence of float
        0 realises losses only; 1 is the unrestricted plan.
    effort : Effort

    Returns
    -------
    tuple of Plan
        In the order of `shares`.
    """
    free = from_found(problem, Search(problem).run(effort, gamma))
    made = []
    for share in shares:
        if share >= 1.0 or free.gains <= 0.0:
            made.append(free)
            continue
        bound = problem.with_tallies(problem.gain_budget(share * free.gains))
        made.append(from_found(bound, Search(bound).run(effort, gamma)))
    return tuple(made)


class Stances(NamedTuple):
    """Three answers to how much tax a move to the target may cost.

    Attributes
    ----------
    losses_only : Plan
        No lot is sold at a gain.
    tax_neutral : Plan
        Gains up to the losses taken.
    full : Plan
        As near to the target as the limits allow, whatever the tax; still the lots with least tax first.
    """

    losses_only: Plan
    tax_neutral: Plan
    full: Plan


def stances(
    problem: Problem, gamma: float, *, effort: Effort = _EFFORT, groups: tuple[IntArray, ...] = ()
) -> Stances:
    """The plan that takes losses only, the one that pays for its gains with losses, the full transition.

    Parameters
    ----------
    problem : Problem
    gamma : float
        Price of variance of the first two.
    effort : Effort
    groups : tuple of ndarray of int

    Raises
    ------
    InfeasibleError
        If a forced exit, or cash that is short, needs gains that a stance forbids.
    """
    bound = (problem.gain_budget(0.0), problem.net_gain(high=0.0))
    asked = [(problem.with_tallies(tally), gamma) for tally in bound] + [(problem, GAMMA_HIGH)]
    return Stances(
        *(from_found(made, Search(made, groups=groups).run(effort, price)) for made, price in asked)
    )
