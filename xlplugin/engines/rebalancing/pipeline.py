"""One call for one rebalance: search, cap on tracking risk, whole units, plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import FIRST_GAMMA, Effort
from xlplugin.engines.rebalancing.plan import Plan, from_found
from xlplugin.engines.rebalancing.search import Found, Search
from xlplugin.engines.rebalancing.units import UnitSearch
from xlplugin.errors import InputError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["Units", "rebalance"]

_SEARCHES = 3  # at most, when moving the cap to the invested part has opened the gap again
_CAP_ROUNDS = 6
_ROUGH = 2e-3
_CAP_NEAR = 2e-5  # relative: two thousandths of a basis point at one per cent


class Units(NamedTuple):
    """What may be traded of each name.

    Attributes
    ----------
    unit : ndarray of shape (n_names,)
        Weight of one trading unit: shares of the unit times price over net asset value.
    smallest : ndarray of shape (n_names,)
        Weight of the smallest trade; a complete exit is always allowed.
    whole_orders : bool
        Orders are whole numbers of units; otherwise positions are.
    """

    unit: FloatArray
    smallest: FloatArray
    whole_orders: bool = False


def rebalance(
    problem: Problem,
    *,
    risk: float | None = None,
    gamma: float | None = None,
    invested_only: bool = True,
    effort: Effort | None = None,
    groups: tuple[IntArray, ...] = (),
    units: Units | None = None,
    starts: tuple[FloatArray, ...] = (),
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
    units : Units, optional
        Trading units and smallest trades; without them every fraction can be traded.
    starts : tuple of ndarray of shape (n_names,)
        With units: weights that the local search starts from as well, for example a known plan.

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
    if risk is not None and risk <= 0.0:
        raise InputError(f"the cap on tracking risk is {risk}; it must be above zero, for example 0.01")
    # Before units are looked at, a rough plan is enough: its sides and prices are the start.
    first = effort if units is None else replace(effort, gap=max(effort.gap, _ROUGH))
    found, scale = _without_units(problem, risk, gamma, first, groups, invested_only=invested_only)
    if units is None:
        return from_found(problem, found)
    cap = invested_cap = None
    if risk is not None:
        cap = (risk * scale) ** 2
        invested_cap = (risk * float(problem.target.sum())) ** 2 if invested_only else None
    search = UnitSearch(
        _agreed(problem, from_found(problem, found), groups),
        units.unit,
        units.smallest,
        cap=cap,
        invested_cap=invested_cap,
        whole_orders=units.whole_orders,
    )
    start = found.solution
    made = search.run(effort, found.gamma, start.prices, start.weights, starts)
    if groups:
        # The sides of the groups were decided before: only the bound without units holds for all.
        shift = 0.0 if cap is None else (made.gamma - found.gamma) * cap
        bound = min(made.bound, found.bound + shift)
        gap = (made.objective - bound) / max(abs(made.objective), 1e-12)
        made = made._replace(bound=bound, gap=gap)
    return from_found(problem, made)


def _agreed(problem: Problem, plan: Plan, groups: tuple[IntArray, ...]) -> Problem:
    """Names of one group on the side that the plan without units took: no purchase, or no loss."""
    if not groups:
        return problem
    may_buy, sellable = problem.may_buy.copy(), problem.lots.sellable.copy()
    harvested = {problem.names.index(name) for name in plan.harvested}
    for group in groups:
        if harvested & set(group.tolist()):
            may_buy[group] = False
        else:
            sellable &= ~(np.isin(problem.lots.name, group) & problem.losing)
    return replace(problem, may_buy=may_buy, lots=replace(problem.lots, sellable=sellable))


def _without_units(
    problem: Problem,
    risk: float | None,
    gamma: float | None,
    effort: Effort,
    groups: tuple[IntArray, ...],
    *,
    invested_only: bool,
) -> tuple[Found, float]:
    """The best plan in fractions, and the risk of the account over that of its invested part."""
    if risk is None:
        return Search(problem, groups=groups).run(effort, FIRST_GAMMA if gamma is None else gamma), 1.0
    scale = float(problem.target.sum()) if invested_only else 1.0
    start: tuple[float, FloatArray | None] = (FIRST_GAMMA, None)
    left = _SEARCHES
    while True:
        search = Search(problem, cap=(risk * scale) ** 2, groups=groups)
        found = search.run(effort, *start)
        for _ in range(_CAP_ROUNDS):
            plan = from_found(problem, found)
            measured = plan.tracking_risk_invested if invested_only else plan.tracking_risk
            slack = plan.tracking_risk < risk * scale * (1.0 - 1e-3)
            if measured <= risk and (slack or measured >= risk * (1.0 - _CAP_NEAR)):
                break
            # A whisker below the cap, so that rounding leaves it kept.
            scale *= risk * (1.0 - 0.5 * _CAP_NEAR) / measured
            found = search.recapped(found, (risk * scale) ** 2)
        start, left = (found.gamma, found.solution.prices), left - 1
        if left == 0 or found.gap <= effort.gap or found.nodes >= effort.nodes:
            return found, scale
