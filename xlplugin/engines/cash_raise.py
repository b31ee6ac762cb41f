"""Money raised by sales: once with the least tracking risk, once with the least tax.

Both sell in whole trading units until what is asked for is there, trading costs paid, and buy
nothing. One takes, unit by unit, what leaves the least tracking risk of the account that remains;
the other sells the largest losses first and then the cheapest gains. Each list is measured both
ways, and the better one of the two is given for each aim: the first never has more tracking risk
than the second, the second never more tax than the first. Amounts are money of the account, a loss
is negative; tax is that of `transition.plan_tax`, an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.engines.transition import Transition, tax_range
from xlplugin.errors import DomainError, InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["CashRaise", "raise_cash"]

_PARTS = 400  # a sale is put together from at most about so many steps
_DUST = 1e-9  # of an amount: rounding of money


@dataclass(frozen=True)
class CashRaise:
    """Sales that bring an amount of money, which then leaves the account.

    Attributes
    ----------
    sold : ndarray of shape (n,)
        Shares.
    amount, gain, cost : ndarray of shape (n,)
        Money: of the sale, realised by it, paid to trade it.
    cash : float
        Raised, trading costs paid.
    gains, losses, net : float
    tax : tuple of three floats
        At the low, base and high expectation of other gains.
    weights : ndarray of shape (n,)
        Of the account that remains.
    tracking_risk : float
        Of the account that remains.
    names : int
        Held in it.
    """

    sold: FloatArray
    amount: FloatArray
    gain: FloatArray
    cost: FloatArray
    cash: float
    gains: float
    losses: float
    net: float
    tax: tuple[float, float, float]
    weights: FloatArray
    tracking_risk: float
    names: int


def raise_cash(plan: Transition, amount: float) -> tuple[CashRaise, CashRaise]:
    """The sales with the lower tracking risk, and those with the lower tax.

    Parameters
    ----------
    plan : Transition
        What is held; its target, budget and quarters are not read. Restricted names stay.
    amount : float
        Money to raise by sales, at least 0. The cash of the account is left alone.

    Raises
    ------
    DomainError
        If the amount is below zero.
    InfeasibleError
        If the sales allowed do not bring it, or leave nothing that could follow the index.

    Examples
    --------
    >>> from xlplugin.engines.rebalancing.to_target import Goal
    >>> goal = Goal(quantity=np.array([100.0, 100.0]), price=np.array([10.0, 10.0]),
    ...             unit_cost=np.array([5.0, 12.0]), lot=np.ones(2), weight=np.array([0.5, 0.5]),
    ...             restricted=np.zeros(2, bool))
    >>> plan = Transition(goal, goal.weight, np.zeros((2, 1)), np.full(2, 0.04), 0.0, ())
    >>> lower_risk, lower_tax = raise_cash(plan, 200.0)
    >>> lower_risk.sold.tolist(), lower_tax.sold.tolist()
    ([10.0, 10.0], [0.0, 20.0])
    """
    if amount < 0.0:
        raise DomainError(f"amount: {amount:g} is below zero")
    goal = plan.goal
    net_price = goal.price * (1.0 - goal.cost_rate)
    most = exact_sum(np.where(goal.restricted, 0.0, goal.quantity * net_price))
    if amount > most * (1.0 + _DUST):
        raise InfeasibleError(
            f"cash of {amount:,.2f} cannot be raised: the sales allowed bring at most {most:,.2f}; "
            "raise less or lift a restriction"
        )
    remains = _remaining(exact_sum(goal.quantity * goal.price) + goal.cash - amount, amount)
    sales = [_least_risk(plan, amount, net_price, remains), _least_tax(plan, amount, net_price)]
    found = [_measured(plan, sold, amount) for sold in sales]
    return (
        min(found, key=lambda one: (one.tracking_risk, one.tax[1])),
        min(found, key=lambda one: (one.tax[1], one.net, one.tracking_risk)),
    )


def _remaining(value: float, amount: float) -> float:
    if value <= _DUST * max(1.0, amount):
        raise InfeasibleError(
            f"cash of {amount:,.2f} is the whole account: nothing remains that could follow the index; "
            "raise less"
        )
    return value


def _least_tax(plan: Transition, amount: float, net_price: FloatArray) -> FloatArray:
    """Largest loss per money raised first, each name in whole units as far as it is needed."""
    goal = plan.goal
    dearness = _unit_gain(plan) / net_price
    sold, missing = np.zeros_like(goal.quantity), amount
    for name in np.argsort(dearness, kind="stable"):
        if missing <= _DUST * amount:
            break
        if goal.restricted[name] or goal.quantity[name] <= 0.0:
            continue
        units = np.ceil(missing * (1.0 - _DUST) / (goal.lot[name] * net_price[name]))
        sold[name] = min(units * goal.lot[name], goal.quantity[name])
        missing -= sold[name] * net_price[name]
    return sold


def _least_risk(plan: Transition, amount: float, net_price: FloatArray, remains: float) -> FloatArray:
    """Each time the units whose sale lowers the active variance most, or adds least, per money raised."""
    goal = plan.goal
    own = np.einsum("ij,ij->i", plan.exposures, plan.exposures) + plan.specific
    active = goal.quantity * goal.price / remains - plan.index
    loads = plan.exposures.T @ active
    left = np.where(goal.restricted, 0.0, goal.quantity)
    sold, missing = np.zeros_like(left), amount
    part = goal.lot * np.maximum(1.0, np.floor(amount / _PARTS / (goal.lot * goal.price)))
    while missing > _DUST * amount:
        needed = goal.lot * np.ceil(missing * (1.0 - _DUST) / (goal.lot * net_price))
        shares = np.minimum(np.minimum(part, needed), left)
        moved = shares * goal.price / remains
        change = moved * (moved * own - 2.0 * (plan.exposures @ loads + plan.specific * active))
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(shares > 0.0, change / np.minimum(shares * net_price, missing), np.inf)
        name = int(rate.argmin())
        sold[name] += shares[name]
        left[name] -= shares[name]
        active[name] -= moved[name]
        loads -= plan.exposures[name] * moved[name]
        missing -= float(shares[name] * net_price[name])
    return sold


def _unit_gain(plan: Transition) -> FloatArray:
    """Per share; a cost that is not known counts as no gain, as in a rebalance."""
    return np.where(np.isnan(plan.goal.unit_cost), 0.0, plan.goal.price - plan.goal.unit_cost)


def _measured(plan: Transition, sold: FloatArray, amount: float) -> CashRaise:
    goal = plan.goal
    value, gain = sold * goal.price, sold * _unit_gain(plan)
    cost = value * goal.cost_rate
    cash = exact_sum(value - cost)
    kept = goal.quantity - sold
    remains = _remaining(exact_sum(kept * goal.price) + goal.cash + cash - amount, amount)
    weights = kept * goal.price / remains
    gains, losses = exact_sum(np.maximum(gain, 0.0)), exact_sum(np.minimum(gain, 0.0))
    return CashRaise(
        sold=sold,
        amount=value,
        gain=gain,
        cost=cost,
        cash=cash,
        gains=gains,
        losses=losses,
        net=gains + losses,
        tax=tax_range([gains + losses], plan.outlook),
        weights=weights,
        tracking_risk=plan.tracking_risk(weights),
        names=int(np.count_nonzero(kept > _DUST)),
    )
