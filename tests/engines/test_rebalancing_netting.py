"""Netting cells, one-bucket years and gift picks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem
from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.gifts import gift_picks
from xlplugin.engines.rebalancing.netting import (
    Rates,
    one_bucket_cells,
    rebalance_netted,
    us_cells,
    us_tax,
)
from xlplugin.engines.rebalancing.pipeline import rebalance
from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.engines.rebalancing.problem import Problem

RATES = Rates(0.408, 0.238, 0.37, 0.15, 0.003)
FINE = Effort(gap=1e-6, nodes=200)


def account(seed: int) -> Problem:
    made = problem(seed, names=12, factors=2)
    long = np.random.default_rng(seed).uniform(size=len(made.lots)) < 0.5
    return replace(made, lots=replace(made.lots, long_term=long, rate=np.where(long, 0.238, 0.408)))


def true_objective(plan: Plan, gamma: float, short: float, long: float) -> float:
    """Variance, costs and the change of the year's tax, by the tax function itself."""
    lots = plan.problem.lots
    gains = lots.gain * plan.sold
    after = us_tax(short + gains[~lots.long_term].sum(), long + gains[lots.long_term].sum(), RATES)
    return gamma * plan.tracking_risk**2 + plan.trading_cost + after - us_tax(short, long, RATES)


@pytest.mark.parametrize("border", [(0.01, 0.0), (0.0, 0.01), (0.01, -0.01), (-0.01, 0.01), (-0.003, 0.0)])
@pytest.mark.parametrize("side", [-1e-9, 1e-9])
def test_tax_is_continuous_at_the_borders_of_the_cells(border: tuple[float, float], side: float) -> None:
    short, long = border
    here = us_tax(short, long, RATES)
    assert us_tax(short + side, long, RATES) == pytest.approx(here, abs=1e-8)
    assert us_tax(short, long + side, RATES) == pytest.approx(here, abs=1e-8)


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    short=st.sampled_from([-0.02, 0.0, 0.02]),
    long=st.sampled_from([-0.02, 0.0, 0.03]),
)
def test_the_plan_of_the_best_cell_is_what_the_tax_function_says_and_no_plan_is_better(
    seed: int, short: float, long: float
) -> None:
    made = account(seed)
    netted = rebalance_netted(made, us_cells(RATES, short, long), gamma=30.0, effort=FINE)
    assert true_objective(netted.plan, 30.0, short, long) == pytest.approx(netted.objective, abs=1e-7)
    assert netted.bound <= netted.objective + 1e-9
    # Plans made at any fixed pair of rates, judged by the tax function, are not below the bound.
    for pair in ((0.408, 0.238), (0.238, 0.238), (0.37, 0.37), (0.15, 0.15), (0.0, 0.0)):
        rate = np.where(made.lots.long_term, pair[1], pair[0])
        other = rebalance(replace(made, lots=replace(made.lots, rate=rate)), gamma=30.0, effort=FINE)
        assert true_objective(other, 30.0, short, long) >= netted.bound - 1e-7


def test_with_gains_of_both_terms_every_lot_has_its_own_rate() -> None:
    made = account(3)
    rich = rebalance_netted(made, us_cells(RATES, 0.5, 0.5), gamma=30.0, effort=FINE)
    assert rich.cell.name == "gains of both terms"
    assert rich.objective == pytest.approx(rebalance(made, gamma=30.0, effort=FINE).objective, abs=1e-7)


def test_losses_that_nothing_can_use_are_not_harvested() -> None:
    made = account(4)
    losing = replace(made, lots=replace(made.lots, gain=-np.abs(made.lots.gain) - 0.01))
    useless = Rates(0.408, 0.238, 0.37, 0.0, 0.0)
    netted = rebalance_netted(losing, us_cells(useless, 0.0, 0.0), gamma=30.0, effort=FINE)
    untaxed = replace(losing, lots=replace(losing.lots, rate=np.zeros(len(losing.lots))))
    assert netted.tax == pytest.approx(0.0, abs=1e-9)
    assert netted.objective == pytest.approx(rebalance(untaxed, gamma=30.0, effort=FINE).objective, abs=1e-6)


def test_expiring_losses_propose_gains_up_to_their_size() -> None:
    made = problem(5, names=12)
    plain = rebalance_netted(made, one_bucket_cells(0.20315, 0.0, 0.0), gamma=200.0, effort=FINE)
    free = rebalance_netted(
        made, one_bucket_cells(0.20315, 0.0, 0.0, expiring=0.03), gamma=200.0, effort=FINE
    )
    assert free.objective <= plain.objective + 1e-9
    assert free.plan.gains - free.plan.losses >= plain.plan.gains - plain.plan.losses - 1e-7
    with pytest.raises(DomainError, match="between nothing and the rate"):
        one_bucket_cells(0.2, 0.3, 0.0)


@pytest.mark.parametrize("realised", [-0.02, 0.0, 0.01, 0.03])
@pytest.mark.parametrize("expiring", [0.0, 0.015])
@pytest.mark.parametrize("carried", [0.0, 0.12])
def test_a_year_of_one_bucket_costs_what_its_tax_function_says(
    realised: float, expiring: float, carried: float
) -> None:
    made = problem(23, names=10)

    def year(result: float) -> float:
        """Gains beyond the expiring losses are taxed; a loss is worth what carrying it on is."""
        return 0.20315 * max(result - expiring, 0.0) if result >= 0.0 else carried * result

    cells = one_bucket_cells(0.20315, carried, realised, expiring=expiring)
    netted = rebalance_netted(made, cells, gamma=60.0, effort=FINE)
    plan, lots = netted.plan, netted.plan.problem.lots
    tax = year(realised + float(lots.gain @ plan.sold)) - year(realised)
    assert netted.tax == pytest.approx(tax, abs=1e-7)
    assert netted.objective == pytest.approx(60.0 * plan.tracking_risk**2 + plan.trading_cost + tax, abs=1e-7)


def test_gifts_take_the_largest_gains_and_never_a_loss() -> None:
    made = account(7)
    amount = 0.1
    picks = gift_picks(made.lots, amount)
    assert sum(pick.weight for pick in picks) <= amount + 1e-12
    assert all(made.lots.gain[pick.lot] > 0.0 and made.lots.long_term[pick.lot] for pick in picks)
    given = {pick.lot for pick in picks}
    least = min(made.lots.gain[pick.lot] for pick in picks)
    left = made.lots.long_term & made.lots.sellable
    left[list(given)] = False
    if sum(pick.weight for pick in picks) > amount - 1e-12:
        assert (made.lots.gain[left] <= least + 1e-12).all()
    with pytest.raises(DomainError, match="amount to give"):
        gift_picks(made.lots, 0.0)
