"""One call for one rebalance: search, cap on tracking risk, plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlplugin.engines.rebalancing.plan import Plan, from_found
from xlplugin.engines.rebalancing.search import FIRST_GAMMA, Effort, Search
from xlplugin.errors import InputError

if TYPE_CHECKING:
    from xlplugin.aliases import IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["rebalance"]

_SEARCHES = 3  # at most, when moving the cap to the invested part has opened the gap again
_CAP_ROUNDS = 6
_CAP_NEAR = 2e-5  # relative: two thousandths of a basis point at one per cent


def rebalance(
    problem: Problem,
    *,
    risk: float | None = None,
    gamma: float | None = None,
    invested_only: bool = True,
    effort: Effort | None = None,
    groups: tuple[IntArray, ...] = (),
) -> Plan:
    """The best plan at a cap on tracking risk, or at a price of variance.

    Parameters
    ----------
    problem : Problem
    risk : float, optional
        Largest forecast tracking risk per year, a fraction.
    gamma : float, optional
        Price of variance. Give one of the two.
    invested_only : bool
        The cap holds for the invested part; otherwise idle cash counts as missing shares.
    effort : Effort, optional
    groups : tuple of ndarray of int
        Names that are one security to the wash-sale rule.

    Returns
    -------
    Plan
        With the gap proved. A plan whose gap is above the one wanted is returned as well.

    Raises
    ------
    InfeasibleError
        If no plan keeps all limits.

    Examples
    --------
    A share at a loss against its twin: the loss is worth more than the risk of holding the twin.

    >>> import numpy as np
    >>> from xlplugin.engines.rebalancing.problem import Lots, Problem
    >>> lots = Lots.of(np.array([0, 1]), np.array([0.5, 0.49]), np.array([-0.2, 0.1]), np.full(2, 0.3))
    >>> problem = Problem.of(np.array([0.49, 0.49]), np.full((2, 1), 0.2), np.full(2, 0.0025), lots,
    ...                      cost=0.001, cash_high=0.02)
    >>> plan = rebalance(problem, risk=0.02)
    >>> plan.harvested, round(plan.tax_value, 4), round(plan.tracking_risk_invested, 4)
    (('1',), 0.0172, 0.02)
    """
    if (risk is None) == (gamma is None):
        raise InputError("give either a cap on tracking risk or a price of variance")
    effort = effort or Effort()
    if gamma is not None:
        return from_found(problem, Search(problem, groups=groups).run(effort, gamma))
    if risk is None or risk <= 0.0:
        raise InputError(f"the cap on tracking risk is {risk}; it must be above zero, for example 0.01")
    scale = float(problem.target.sum()) if invested_only else 1.0
    found, plan = None, None
    for _ in range(_SEARCHES):
        search = Search(problem, cap=(risk * scale) ** 2, groups=groups)
        found = search.run(
            effort, *((FIRST_GAMMA,) if found is None else (found.gamma, found.solution.prices))
        )
        plan = from_found(problem, found)
        for _ in range(_CAP_ROUNDS):
            measured = plan.tracking_risk_invested if invested_only else plan.tracking_risk
            slack = plan.tracking_risk < risk * scale * (1.0 - 1e-3)
            if measured <= risk and (slack or measured >= risk * (1.0 - _CAP_NEAR)):
                break
            # A whisker below the cap, so that rounding leaves it kept.
            scale *= risk * (1.0 - 0.5 * _CAP_NEAR) / measured
            found = search.recapped(found, (risk * scale) ** 2)
            plan = from_found(problem, found)
        if plan.gap <= effort.gap or plan.nodes >= effort.nodes:
            break
    if plan is None:
        raise InputError("no round of the search ran")
    return plan
