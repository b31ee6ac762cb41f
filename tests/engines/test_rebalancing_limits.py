"""Limits that clash are named with the nearest value; the frontier and its certified outer curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem
from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, Effort
from xlplugin.engines.rebalancing.frontier import budgets, frontier, stances
from xlplugin.engines.rebalancing.infeasibility import concessions, least_risk
from xlplugin.engines.rebalancing.pipeline import rebalance
from xlplugin.engines.rebalancing.problem import Limit
from xlplugin.errors import InfeasibleError


def test_limits_that_hold_together_need_no_concession() -> None:
    assert concessions(problem(3, names=10, limits=2)) == []


def test_a_forced_exit_and_a_turnover_limit_clash_and_each_is_told_how_far_it_has_to_give() -> None:
    made = problem(4, names=6)
    name = int(made.held.argmax())
    highest = made.highest.copy()
    highest[name] = 0.0
    half = 0.5 * float(made.held[name])
    tight = replace(made, highest=highest).with_tallies(made.turnover(half))
    clash = {c.name: c for c in concessions(tight)}
    assert set(clash) >= {f"largest weight of {made.names[name]}", "turnover"}
    # Alone, the turnover has to allow the whole exit; with that much more, the problem is solved.
    nearest = clash["turnover"].nearest
    assert nearest is not None
    assert nearest >= made.held[name] - 1e-9
    enough = replace(made, highest=highest).with_tallies(made.turnover(1.02 * nearest))
    assert rebalance(enough, gamma=30.0).weights[name] == 0.0
    with pytest.raises(InfeasibleError, match=r"turnover .* all limits hold with"):
        rebalance(tight, gamma=30.0)


def test_two_bands_that_exclude_each_other_are_both_named() -> None:
    made = problem(5, names=6)
    every = np.ones(6)
    low = Limit("equities high", every, low=0.9, active=False)
    high = Limit("equities low", every, high=0.5, active=False)
    names = {c.name for c in concessions(replace(made, limits=(low, high), cash_high=1.0))}
    assert names == {"equities high", "equities low"}


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_the_least_risk_is_reached_and_not_undercut(seed: int) -> None:
    made = problem(seed, names=8, turnover=0.4)
    least = least_risk(made)
    if not 1e-6 < least < np.inf:
        return
    with pytest.raises(InfeasibleError):
        rebalance(made, risk=0.9 * least, invested_only=False)
    plan = rebalance(made, risk=1.05 * least, invested_only=False)
    assert plan.tracking_risk <= 1.05 * least * (1.0 + 1e-6)


def test_a_floor_under_the_losses_that_no_plan_reaches_is_not_blamed_on_the_cap() -> None:
    made = problem(12, names=10)
    lots = made.lots
    most = float(np.maximum(-lots.gain, 0.0) @ lots.weight)
    # The losses could be taken, but only by buying back on the same day what is sold.
    asked = made.with_tallies(made.loss_floor(0.999 * most))
    assert least_risk(asked) < 1e-4
    with pytest.raises(InfeasibleError, match="no name is sold at a loss and bought"):
        rebalance(asked, risk=0.003)


def test_no_plan_is_above_the_certified_curve() -> None:
    made = problem(7, names=40, factors=4)
    curve = frontier(made, (5.0, 20.0, 80.0, 320.0))
    assert (np.diff(curve.risk) < 0.0).all()
    assert (np.diff(curve.value) < 1e-9).all()
    assert (curve.value <= curve.limit(curve.risk) + 1e-9).all()
    for risk in (0.005, 0.01, 0.02):
        plan = rebalance(made, risk=risk, invested_only=False)
        assert plan.tax_value - plan.trading_cost <= curve.limit(risk)[0] + 1e-9
    # Doing nothing is a plan as well.
    here = float(np.sqrt(made.variance(made.held)))
    assert curve.limit(here)[0] >= 0.0


def test_a_smaller_budget_of_gains_never_gives_a_better_plan() -> None:
    made = problem(8, names=30, factors=3)
    plans = budgets(made, 200.0, (0.0, 0.5, 1.0), effort=Effort(gap=1e-6, nodes=400))
    assert plans[0].gains == pytest.approx(0.0, abs=1e-9)
    assert plans[1].gains <= 0.5 * plans[2].gains + 1e-9
    assert plans[0].objective >= plans[1].objective >= plans[2].objective


@pytest.mark.parametrize("seed", [4, 19])
def test_the_three_stances_trade_tax_for_nearness_to_the_target(seed: int) -> None:
    made = problem(seed, names=10, loss=0.15)
    fine = Effort(gap=1e-6, nodes=400)
    only, neutral, full = stances(made, 300.0, effort=fine)
    assert only.gains == pytest.approx(0.0, abs=1e-9)
    assert neutral.gains <= neutral.losses + 1e-9
    assert neutral.objective <= only.objective + 1e-8
    assert full.tracking_risk <= neutral.tracking_risk + 1e-9
    # Taxes aside, nothing is nearer: the same accounts without any tax, at the same price.
    untaxed = replace(made, lots=replace(made.lots, rate=np.zeros(len(made.lots))))
    nearest = rebalance(untaxed, gamma=GAMMA_HIGH, effort=fine)
    assert full.tracking_risk == pytest.approx(nearest.tracking_risk, abs=1e-5)
    assert full.tax > only.tax
