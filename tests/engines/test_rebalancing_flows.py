"""Money paid in and taken out: the cash of a problem is what there is after the flows of the day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem
from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.modelled import FREE, PURCHASE, SALE, model
from xlplugin.engines.rebalancing.pipeline import rebalance
from xlplugin.errors import InfeasibleError

if TYPE_CHECKING:
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.engines.rebalancing.problem import Problem

EXACT = Effort(gap=1e-9, nodes=2000)


def after(made: Problem, flow: float) -> Problem:
    """The account after a flow, as a share of what it was worth before; a withdrawal is negative."""
    worth = 1.0 + flow
    lots = replace(made.lots, weight=made.lots.weight / worth)
    return replace(made, lots=lots, cash=(made.cash + flow) / worth)


def sides_of(plan: Plan) -> np.ndarray:
    names = plan.problem.names
    side = np.full(len(names), FREE)
    side[plan.bought > 0.0] = PURCHASE
    side[[names.index(name) for name in plan.harvested]] = SALE
    return side


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), flow=st.sampled_from([-0.4, -0.1, 0.15, 1.0]))
def test_a_plan_after_a_flow_is_as_good_as_the_cvxpy_model_on_its_sides(seed: int, flow: float) -> None:
    made = after(problem(seed, names=6), flow)
    plan = rebalance(made, gamma=40.0, effort=EXACT)
    assert 0.0 - 1e-9 <= plan.cash <= 0.01 + 1e-9
    assert plan.weights.sum() + plan.cash + plan.trading_cost == pytest.approx(1.0, abs=1e-9)
    expected = model(made, sides_of(plan), gamma=40.0).objective
    assert plan.objective == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_a_withdrawal_is_paid_by_the_lots_that_cost_least_tax_when_risk_does_not_matter() -> None:
    made = problem(31, names=4)
    flat = replace(
        made,
        exposures=np.zeros_like(made.exposures),
        sell_cost=np.full(4, 1e-4),
        buy_cost=np.full(4, 1e-4),
        # Gains only: nothing is worth selling beyond what has to be paid.
        lots=replace(made.lots, gain=np.abs(made.lots.gain) + 0.01),
    )
    taken = after(flat, -0.2)
    plan = rebalance(taken, gamma=1e-3, effort=EXACT)
    order = np.argsort(taken.lots.tax, kind="stable")
    needed = -taken.cash / (1.0 - 1e-4)
    before = np.cumsum(taken.lots.weight[order]) - taken.lots.weight[order]
    expected = np.clip(needed - before, 0.0, taken.lots.weight[order])
    assert plan.sold[order] == pytest.approx(expected, abs=2e-3)
    assert not plan.bought.any()


def test_a_contribution_is_invested_without_selling_anything_at_a_gain() -> None:
    made = problem(77, names=8)
    gains = replace(made, lots=replace(made.lots, gain=np.abs(made.lots.gain) + 0.05))
    plan = rebalance(after(gains, 0.5), gamma=30.0, effort=EXACT)
    assert plan.bought.sum() > 0.3
    assert plan.gains == pytest.approx(0.0, abs=1e-9)


def test_more_than_the_lots_that_may_be_sold_cannot_be_taken_out() -> None:
    made = problem(5, names=5)
    kept = replace(made, lots=replace(made.lots, sellable=np.arange(len(made.lots)) == 0))
    with pytest.raises(InfeasibleError, match="cash"):
        rebalance(after(kept, -0.6), gamma=30.0)
