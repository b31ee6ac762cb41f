"""Six options and their schedule: conservation, budgets, tax by hand."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.rebalancing.to_target import GainMode, Goal, rebalance_to_target
from xlplugin.engines.transition import (
    Outlook,
    Transition,
    options_of,
    plan_tax,
    quarters_from,
)
from xlplugin.errors import DomainError, ShapeError

AS_OF = dt.date(2026, 11, 20)


def a_plan(seed: int, budget: float, quarters: int = 8, realised: float = 0.0) -> Transition:
    rng = np.random.default_rng(seed)
    n = 12
    price = rng.uniform(200.0, 4000.0, n).round(0)
    lot = np.where(rng.random(n) < 0.5, 100.0, 1.0)
    quantity = (rng.integers(0, 30, n) * 100).astype(float)
    quantity[0] = 500.0
    index = rng.dirichlet(np.ones(n))
    goal = Goal(
        quantity=quantity,
        price=price,
        unit_cost=price * rng.uniform(0.5, 1.5, n),
        lot=lot,
        weight=index * 0.995,
        restricted=np.zeros(n, bool),
        cash=250_000.0,
        cost_rate=0.001,
    )
    exposures = rng.normal(0.0, 0.1, (n, 3))
    specific = rng.uniform(0.01, 0.09, n)
    return Transition(
        goal, index, exposures, specific, budget, quarters_from(AS_OF, quarters, 2026),
        Outlook(0.20315, realised, 0.0, (0.0, 300_000.0, 900_000.0)),
    )  # fmt: skip


plans = st.builds(
    a_plan,
    st.integers(0, 10_000),
    st.sampled_from([0.0, 50_000.0, 400_000.0, 1e9]),
    st.integers(1, 9),
    st.sampled_from([-200_000.0, 0.0, 150_000.0]),
)


@given(plans)
@settings(deadline=None, max_examples=60)
def test_losses_alone_realise_no_gain_and_everything_asks_no_budget(plan):
    options = options_of(plan)
    assert [option.letter for option in options] == list("ABCDEF")
    assert options[0].gains == 0.0
    everything = rebalance_to_target(plan.goal)
    assert options[5].done.traded.tolist() == everything.traded.tolist()


@given(plans)
@settings(deadline=None, max_examples=60)
def test_no_option_takes_more_gains_than_its_room(plan):
    for option in options_of(plan)[1:5]:
        assert option.gains <= option.gain_budget * (1.0 + 1e-6) + 1e-6
        assert all(room >= 0.0 for room in option.room)


@given(plans)
@settings(deadline=None, max_examples=60)
def test_a_larger_budget_never_allows_fewer_gains(plan):
    gains = [option.gain_budget for option in options_of(plan)[1:5]]
    assert gains == sorted(gains)


@given(plans, st.sampled_from("ABCDEF"))
@settings(deadline=None, max_examples=80)
def test_quarters_add_up_to_the_option_and_end_at_its_weights(plan, letter):
    option = options_of(plan)["ABCDEF".index(letter)]
    steps = option.steps
    assert len(steps) == len(plan.quarters)
    assert sum(step.gains for step in steps) == pytest.approx(option.gains, abs=1e-3)
    assert sum(step.losses for step in steps) == pytest.approx(option.losses, abs=1e-3)
    assert sum(option.net_by_year) == pytest.approx(option.net, abs=1e-3)
    assert sum(step.trading_cost for step in steps) == pytest.approx(option.trading_cost, abs=1e-3)
    assert steps[-1].weights == pytest.approx(option.done.weight_after, abs=1e-12)
    assert steps[-1].tracking_risk == pytest.approx(option.tracking_risk, abs=1e-12)
    assert all(step.losses == 0.0 for step in steps[1:]), "losses are taken at once"


@given(plans, st.sampled_from("BCDE"))
@settings(deadline=None, max_examples=80)
def test_gains_up_to_any_quarter_stay_inside_their_room_until_the_last(plan, letter):
    option = options_of(plan)["ABCDEF".index(letter)]
    taken = 0.0
    steps = option.steps
    counts = {y: sum(q.year_place == y for q in plan.quarters) for y in range(1, plan.years + 1)}
    allowed, by_year = 0.0, [0.0] * plan.years
    for step in steps[:-1]:
        year = step.quarter.year_place
        allowed += option.room[year - 1] / counts[year]
        taken += step.gains
        by_year[year - 1] += step.gains
        assert taken <= allowed * (1.0 + 1e-6) + 1e-6
        assert by_year[year - 1] <= option.room[year - 1] * (1.0 + 1e-6) + 1e-6


def test_a_unit_too_dear_for_any_year_lets_others_pass_and_goes_last():
    # One share of each is held and none wanted: the first has a gain of 2,000 (cheapest per money), the
    # second one of 500; a year has room for 1,000, three years for 3,000.
    goal = Goal(
        quantity=np.array([1.0, 1.0, 0.0]),
        price=np.array([100_000.0, 10_000.0, 1.0]),
        unit_cost=np.array([98_000.0, 9_500.0, np.nan]),
        lot=np.ones(3),
        weight=np.array([0.0, 0.0, 1.0]),
        restricted=np.zeros(3, bool),
    )
    plan = Transition(
        goal, goal.weight, np.zeros((3, 1)), np.full(3, 0.04), 1_000.0, quarters_from(AS_OF, 8, 2026)
    )
    steps = options_of(plan)[3].steps
    assert [step.gains for step in steps] == [500.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2_000.0]
    assert [step.budget_left for step in steps] == [500.0, *[1_000.0] * 6, -1_000.0]


def test_an_option_is_what_rebalance_does_with_its_budget():
    plan = a_plan(3, 400_000.0)
    option = options_of(plan)[3]
    done = rebalance_to_target(
        Goal(**{**vars(plan.goal), "gain_mode": GainMode.BUDGET, "gain_budget": option.gain_budget})
    )
    assert option.done.traded.tolist() == done.traded.tolist()


def test_tracking_risk_is_that_of_the_full_covariance():
    plan = a_plan(5, 0.0)
    covariance = plan.exposures @ plan.exposures.T + np.diag(plan.specific)
    active = plan.index * 0.5 - plan.index
    assert plan.tracking_risk(plan.index * 0.5) == pytest.approx(np.sqrt(active @ covariance @ active))
    assert plan.tracking_risk(plan.index) == 0.0


def test_quarters_of_a_fiscal_year_to_march_change_year_in_april():
    quarters = quarters_from(AS_OF, 4, 2026, dt.date(2027, 3, 31))
    assert [(q.end.isoformat(), q.tax_year) for q in quarters] == [
        ("2026-12-31", 2026), ("2027-03-31", 2026), ("2027-06-30", 2027), ("2027-09-30", 2027),
    ]  # fmt: skip
    assert [q.year_place for q in quarters] == [1, 1, 2, 2]


def test_the_tax_of_a_plan_is_what_it_adds():
    outlook = Outlook(rate=0.2)
    assert plan_tax([500.0], 0.0, outlook) == pytest.approx(100.0)
    assert plan_tax([-500.0], 300.0, outlook) == pytest.approx(-60.0)  # 300 of 500 find gains
    assert plan_tax([-500.0, 700.0], 300.0, outlook) == pytest.approx(-60.0 + 0.2 * 500.0)
    carried = Outlook(rate=0.2, realised=100.0, carried=400.0)  # 300 of losses left after this year
    assert plan_tax([200.0, 200.0], 0.0, carried) == pytest.approx(0.2 * 100.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3), st.floats(0, 1e6), st.floats(0, 1e6))
@settings(deadline=None)
def test_a_plan_without_results_costs_no_tax_and_gains_never_save_any(nets, other, carried):
    outlook = Outlook(0.2, 0.0, carried)
    assert plan_tax([0.0] * len(nets), other, outlook) == 0.0
    gains = [max(0.0, net) for net in nets]
    assert plan_tax(gains, other, outlook) >= 0.0


def test_shapes_and_budgets_are_checked():
    plan = a_plan(1, 0.0)
    with pytest.raises(ShapeError, match="index"):
        Transition(plan.goal, plan.index[:3], plan.exposures, plan.specific, 0.0, plan.quarters)
    with pytest.raises(DomainError, match="below zero"):
        Transition(plan.goal, plan.index, plan.exposures, plan.specific, -1.0, plan.quarters)
    with pytest.raises(DomainError, match="at least one"):
        quarters_from(AS_OF, 0, 2026)
