"""Money raised by sales: figures by hand, and what holds for any portfolio."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.cash_raise import raise_cash
from xlplugin.engines.rebalancing.to_target import Goal
from xlplugin.engines.transition import Outlook, Transition, quarters_from
from xlplugin.errors import DomainError, InfeasibleError

QUARTERS = quarters_from(dt.date(2026, 11, 20), 1, 2026)


def a_plan(price, quantity, unit_cost, index, lot=None, exposures=None, specific=None, **more) -> Transition:
    n = len(price)
    outlook = more.pop("outlook", Outlook(0.2, 0.0, 0.0, (0.0, 0.0, 0.0)))
    goal = Goal(
        quantity=np.array(quantity, float),
        price=np.array(price, float),
        unit_cost=np.array(unit_cost, float),
        lot=np.ones(n) if lot is None else np.array(lot, float),
        weight=np.array(index, float),
        restricted=np.array(more.pop("restricted", np.zeros(n)), bool),
        **more,
    )
    return Transition(
        goal,
        np.array(index, float),
        np.zeros((n, 1)) if exposures is None else exposures,
        np.full(n, 0.04) if specific is None else specific,
        0.0,
        QUARTERS,
        outlook,
    )


def test_two_ways_by_hand():
    # Two names of equal weight and variance, worth 1,000 each, 10 a share; 200 are asked for. Selling
    # 10 shares of each keeps the weights, so the risk is zero; it realises 10 x 5 - 10 x 2 = 30, taxed at
    # 20 %: 6. Selling 20 of the second realises -40: no tax, and no other gain that it could shelter.
    # What remains is 1,000 and 800 of 1,800: 1/18 to either side, so the risk is 0.2 x sqrt(2) / 18.
    plan = a_plan([10, 10], [100, 100], [5, 12], [0.5, 0.5])
    lower_risk, lower_tax = raise_cash(plan, 200.0)
    assert lower_risk.sold.tolist() == [10.0, 10.0]
    assert (lower_risk.gains, lower_risk.losses, lower_risk.net) == (50.0, -20.0, 30.0)
    assert lower_risk.tax == pytest.approx((6.0, 6.0, 6.0))
    assert lower_risk.tracking_risk == pytest.approx(0.0, abs=1e-15)
    assert lower_tax.sold.tolist() == [0.0, 20.0]
    assert lower_tax.net == -40.0
    assert lower_tax.tax == (0.0, 0.0, 0.0)
    assert lower_tax.tracking_risk == pytest.approx(0.2 * 2**0.5 / 18.0)
    assert lower_risk.cash == lower_tax.cash == 200.0


def test_whole_units_and_costs_bring_at_least_what_is_asked():
    # A unit of 100 shares brings 10,000 less 1 %: three of them are needed for 20,000.
    plan = a_plan([100.0], [500], [80], [1.0], lot=[100], cost_rate=0.01)
    for found in raise_cash(plan, 20_000.0):
        assert found.sold.tolist() == [300.0]
        assert found.cash == pytest.approx(29_700.0)
        # 200 shares remain, and the 9,700 above what was asked.
        assert found.weights.tolist() == [pytest.approx(20_000.0 / 29_700.0)]


def test_losses_save_the_tax_of_other_gains():
    plan = a_plan(
        [10, 10], [100, 100], [5, 12], [0.5, 0.5], outlook=Outlook(0.2, 0.0, 0.0, (0.0, 30.0, 100.0))
    )
    lower_tax = raise_cash(plan, 200.0)[1]
    assert lower_tax.tax == pytest.approx((0.0, -6.0, -8.0))  # 30 of 40, then all 40 find gains


def test_nothing_asked_sells_nothing():
    plan = a_plan([10, 10], [100, 50], [5, 12], [0.5, 0.5])
    for found in raise_cash(plan, 0.0):
        assert found.sold.tolist() == [0.0, 0.0]
        assert (found.cash, found.net, found.tax[1]) == (0.0, 0.0, 0.0)
        assert found.tracking_risk == pytest.approx(plan.tracking_risk(np.array([2 / 3, 1 / 3])))


def test_restricted_names_stay_and_the_most_that_can_be_raised_is_named():
    plan = a_plan([10, 10], [100, 100], [5, 12], [0.5, 0.5], restricted=[0, 1])
    for found in raise_cash(plan, 900.0):
        assert found.sold.tolist() == [90.0, 0.0]
    with pytest.raises(InfeasibleError, match=r"at most 1,000\.00"):
        raise_cash(plan, 1_001.0)


def test_an_amount_that_leaves_nothing_or_is_negative_is_refused():
    plan = a_plan([10, 10], [100, 100], [5, 12], [0.5, 0.5])
    with pytest.raises(InfeasibleError, match="nothing remains"):
        raise_cash(plan, 2_000.0)
    with pytest.raises(DomainError, match="below zero"):
        raise_cash(plan, -1.0)
    costly = replace(plan, goal=replace(plan.goal, cost_rate=0.01))
    with pytest.raises(InfeasibleError, match="nothing remains"):
        raise_cash(costly, 1_980.0)


def drawn(seed: int, share: float, cost_rate: float) -> tuple[Transition, float]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 15))
    price = rng.uniform(200.0, 4000.0, n).round(0)
    quantity = (rng.integers(0, 30, n) * 100).astype(float)
    quantity[0] = 550.0  # an odd rest below a trading unit
    plan = a_plan(
        price,
        quantity,
        price * rng.uniform(0.5, 1.5, n),
        rng.dirichlet(np.ones(n)),
        lot=np.where(rng.random(n) < 0.5, 100.0, 1.0),
        exposures=rng.normal(0.0, 0.1, (n, 3)),
        specific=rng.uniform(0.01, 0.09, n),
        cash=50_000.0,
        cost_rate=cost_rate,
        outlook=Outlook(0.20315, float(rng.normal(0.0, 1e5)), 2e4, (0.0, 3e5, 9e5)),
    )
    return plan, share * float((quantity * price).sum()) * (1.0 - cost_rate)


cases = st.builds(
    drawn, st.integers(0, 10_000), st.sampled_from([0.001, 0.05, 0.3, 0.9]), st.sampled_from([0.0, 0.004])
)


@given(cases)
@settings(deadline=None, max_examples=80)
def test_either_way_raises_what_is_asked_in_whole_units(case):
    plan, amount = case
    for found in raise_cash(plan, amount):
        assert found.cash >= amount * (1.0 - 1e-8)
        assert (found.sold >= 0.0).all()
        assert (found.sold <= plan.goal.quantity).all()
        whole = np.isclose(found.sold / plan.goal.lot, np.round(found.sold / plan.goal.lot))
        assert (whole | (found.sold == plan.goal.quantity)).all(), (
            "an odd rest is sold only with all the rest"
        )
        assert found.net == pytest.approx(float(found.gain.sum()), abs=1e-6)
        assert found.cash == pytest.approx(float((found.amount - found.cost).sum()))


@given(cases)
@settings(deadline=None, max_examples=80)
def test_one_way_has_the_lower_risk_and_the_other_the_lower_tax(case):
    lower_risk, lower_tax = raise_cash(*case)
    assert lower_risk.tracking_risk <= lower_tax.tracking_risk
    assert lower_tax.tax[1] <= lower_risk.tax[1]


@given(cases)
@settings(deadline=None, max_examples=60)
def test_the_lower_risk_way_beats_sales_in_proportion_or_comes_near(case):
    """Shares sold in proportion, no whole units, are an independent way to raise the same money."""
    plan, amount = case
    goal = plan.goal
    worth = float((goal.quantity * goal.price).sum())
    part = amount / (worth * (1.0 - goal.cost_rate))
    kept = goal.quantity * (1.0 - part) * goal.price
    remains = float(kept.sum()) + goal.cash
    unit = float((goal.lot * goal.price).max()) / remains  # what whole units may cost
    spread = float(np.sqrt((plan.exposures**2).sum(1) + plan.specific).max())
    assert raise_cash(plan, amount)[0].tracking_risk <= plan.tracking_risk(kept / remains) + unit * spread
