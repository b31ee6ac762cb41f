"""The same problem as a CVXPY model: to be read, to check the kernel, and to take constraints of your own.

Every name has a side: sold, bought, or free where its cost is convex anyway. With the sides of a plan
the model gives the plan; with constraints added it gives the best plan on those sides that keeps them
as well. Slow to build, so nothing in the hot path comes here. Needs the extra `model`.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.errors import ConvergenceError, HostError, InfeasibleError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["FREE", "PURCHASE", "SALE", "Modelled", "Variables", "model", "sides_of"]

SALE, FREE, PURCHASE = -1, 0, 1


class Variables(NamedTuple):
    """What an extra constraint may speak of: CVXPY expressions, fractions of net asset value.

    Attributes
    ----------
    weights, active, bought : expression of shape (n_names,)
        After the trade, less the target, and bought.
    sold : expression of shape (n_lots,)
        Value sold of every lot.
    cash : expression
        After trades and costs.
    """

    weights: Any
    active: Any
    bought: Any
    sold: Any
    cash: Any


class Modelled(NamedTuple):
    """A solved model.

    Attributes
    ----------
    weights, bought : ndarray of shape (n_names,)
    sold : ndarray of shape (n_lots,)
    objective : float
        ``gamma variance + tax + costs - tilt``; without the variance under a cap on risk.
    variance : float
    cash : float
    """

    weights: FloatArray
    bought: FloatArray
    sold: FloatArray
    objective: float
    variance: float
    cash: float


def sides_of(plan: Plan, mode: IntArray) -> IntArray:
    """The sides of a plan: names sold at a loss only sell, names bought only buy.

    Parameters
    ----------
    plan : Plan
    mode : ndarray of int, shape (n_names,)
        As in `search.Found`.
    """
    return np.where(mode == BUY, PURCHASE, np.where(plan.sales > 0.0, SALE, FREE))


def model(
    problem: Problem,
    side: IntArray,
    *,
    gamma: float | None = None,
    risk: float | None = None,
    extra: Callable[[Variables], list[Any]] | None = None,
    **solver_options: float,
) -> Modelled:
    """Build and solve the convex problem with the sides decided.

    Parameters
    ----------
    problem : Problem
        Without recent purchases next to losses: those modes are not modelled here.
    side : ndarray of int, shape (n_names,)
        `SALE`, `PURCHASE`, or `FREE` for a name whose cost is convex as it is.
    gamma : float, optional
        Price of variance.
    risk : float, optional
        Cap on tracking risk per year instead.
    extra : callable, optional
        Takes `Variables`, returns CVXPY constraints.
    **solver_options : float
        Handed to Clarabel.

    Raises
    ------
    HostError
        If CVXPY is not installed.
    InfeasibleError
        If no trades keep all constraints.

    Examples
    --------
    At most a tenth in the first name:

    >>> from xlplugin.engines.rebalancing.problem import Lots, Problem
    >>> nothing = np.zeros(0)
    >>> lots = Lots.of(np.zeros(0, dtype=np.int64), nothing, nothing, nothing)
    >>> problem = Problem.of(np.full(2, 0.5), np.zeros((2, 1)), np.full(2, 0.04), lots, cash_high=0.0)
    >>> made = model(problem, np.full(2, FREE), gamma=1.0, extra=lambda v: [v.weights[0] <= 0.1])
    >>> made.weights.round(4).tolist()
    [0.1, 0.9]
    """
    try:
        import cvxpy as cp  # noqa: PLC0415 - ten times the start of everything else, and an extra
    except ImportError as error:
        raise HostError("CVXPY is not installed; install xlplugin with the extra `model`") from error
    if (gamma is None) == (risk is None):
        raise InputError("give either a price of variance or a cap on tracking risk")
    p, lots, n, m = problem, problem.lots, len(problem.names), len(problem.lots)
    owns = np.zeros((n, max(m, 1)))
    owns[lots.name, np.arange(m)] = 1.0
    padded = np.append(lots.weight, 0.0)[: max(m, 1)] if m == 0 else lots.weight

    weights, active = cp.Variable(n), cp.Variable(n)
    bought, sold = cp.Variable(n, nonneg=True), cp.Variable(max(m, 1), nonneg=True)
    tax = np.append(lots.tax, 0.0)[: max(m, 1)]
    sell_cost = np.append(p.sell_cost[lots.name], 0.0)[: max(m, 1)]
    can_sell = np.append(lots.sellable & (side[lots.name] <= FREE), False)[: max(m, 1)]
    room = np.where(p.may_buy & (side >= FREE), np.maximum(p.highest - p.held, 0.0), 0.0)

    variance = cp.sum_squares(p.exposures.T @ active) + cp.sum_squares(
        cp.multiply(np.sqrt(p.specific), active)
    )
    costs = tax @ sold + sell_cost @ sold + p.buy_cost @ bought - p.tilt @ active
    cash = p.cash + cp.sum(sold) - cp.sum(bought) - sell_cost @ sold - p.buy_cost @ bought
    constraints = [
        weights == p.held + bought - owns @ sold,
        active == weights - p.target,
        sold <= np.where(can_sell, padded, 0.0),
        bought <= np.maximum(room, 0.0),
        weights >= p.lowest,
        weights <= p.highest,
        cash >= p.cash_low,
        cash <= p.cash_high,
    ]
    for limit in p.limits:
        on = limit.loading @ (active if limit.active else weights)
        costs, constraints = _kept(cp, on, limit.low, limit.high, limit.price, costs, constraints)
    for tally in p.tallies:
        on = np.append(tally.sold, 0.0)[: max(m, 1)] @ sold + tally.bought @ bought
        costs, constraints = _kept(cp, on, tally.low, tally.high, tally.price, costs, constraints)
    if extra is not None:
        constraints += extra(Variables(weights, active, bought, sold, cash))
    if risk is None:
        goal = gamma * variance + costs
    else:
        goal = costs
        spread = cp.hstack([p.exposures.T @ active, cp.multiply(np.sqrt(p.specific), active)])
        constraints.append(cp.norm(spread) <= risk)
    task = cp.Problem(cp.Minimize(goal), constraints)
    # As exact as the solver can be; where that is too much for it, as exact as it usually is.
    status = ""
    for tolerance in (1e-11, 1e-8):
        tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tolerance)
        # A model that cannot hold ends on a ray, as large as floats go, before the solver says so.
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            try:
                task.solve(solver=cp.CLARABEL, **{**tight, **solver_options})
            except cp.SolverError as error:
                raise ConvergenceError(f"Clarabel gave up on the model: {error}") from error
        status = task.status
        if status == "optimal":
            break
    if status == "user_limit":
        # Barely impossible limits can lead the solver astray; without a goal they are soon told.
        alone = cp.Problem(cp.Minimize(0), constraints)
        alone.solve(solver=cp.HIGHS if risk is None and extra is None else cp.CLARABEL)
        status = alone.status if alone.status == "infeasible" else status
    if status in ("infeasible", "infeasible_inaccurate"):
        raise InfeasibleError("the limits of the model and the constraints added cannot hold together")
    if status != "optimal":
        raise ConvergenceError(f"Clarabel ended with {status}")
    return Modelled(
        np.asarray(weights.value),
        np.asarray(bought.value),
        np.asarray(sold.value)[:m],
        float(task.value),
        float(variance.value),
        float(cash.value),
    )


def _kept(
    cp: Any, on: Any, low: float, high: float, price: float, costs: Any, constraints: list[Any]
) -> tuple[Any, list[Any]]:
    """A band: hard constraints, or what breaking it costs."""
    for outside, limit in ((on - high, high), (low - on, low)):
        if not np.isfinite(limit):
            continue
        if np.isinf(price):
            constraints.append(outside <= 0)
        else:
            costs = costs + price * cp.pos(outside)
    return costs, constraints
