"""A fund on the index as one more name of the optimisation."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.engines.rebalancing_problems import problem
from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.fund import Fund, with_fund
from xlplugin.engines.rebalancing.modelled import FREE, model
from xlplugin.engines.rebalancing.pipeline import rebalance
from xlplugin.engines.rebalancing.problem import Limit
from xlplugin.engines.rebalancing.sizes import account_sizes
from xlplugin.errors import DomainError, ShapeError


def market(names: int, seed: int):
    rng = np.random.default_rng(seed)
    weight = rng.pareto(1.2, names) + 0.1
    weight /= weight.sum()
    exposures = np.column_stack([rng.uniform(0.12, 0.22, names), rng.normal(0.0, 0.06, names)])
    return weight, exposures, rng.uniform(0.02, 0.06, names), rng.uniform(800.0, 6000.0, names)


def test_the_best_mix_of_units_and_fund_is_the_one_that_enumeration_finds() -> None:
    weight, exposures, specific, price = market(3, 4)
    amount, step, noise = 20_000.0, 500.0, 4e-4
    fund = Fund(weight, step, noise=noise)
    [found] = account_sizes(
        weight, exposures, specific, price, [amount], fund=fund, effort=Effort(gap=1e-9, nodes=2000)
    )
    best = np.inf
    for units in itertools.product(*(range(int(amount // p) + 1) for p in price)):
        shares = np.array(units) * price / amount
        for extra in range(int((1.0 - shares.sum()) * amount // step) + 1 if shares.sum() <= 1.0 else 0):
            part = extra * step / amount
            loads = exposures.T @ (shares + part * weight - weight)
            active = shares - weight
            best = min(best, float(loads @ loads + specific @ active**2 + noise * part**2))
    assert found.tracking_risk == pytest.approx(np.sqrt(best), abs=1e-9)


def test_an_account_with_a_fund_tracks_better_and_leaves_less_idle() -> None:
    weight, exposures, specific, price = market(40, 7)
    amounts = [60_000.0, 250_000.0]
    alone = account_sizes(weight, exposures, specific, price, amounts)
    both = account_sizes(weight, exposures, specific, price, amounts, fund=Fund(weight, 100.0))
    for without, with_ in zip(alone, both, strict=True):
        assert with_.tracking_risk < without.tracking_risk
        assert with_.cash <= without.cash + 1e-9
        assert with_.fund > 0.0
        assert with_.bound <= with_.tracking_risk


def test_a_fund_that_may_not_be_bought_changes_nothing() -> None:
    weight, exposures, specific, price = market(12, 3)
    [alone] = account_sizes(weight, exposures, specific, price, [90_000.0])
    closed = Fund(weight, 100.0, highest=0.0)
    [both] = account_sizes(weight, exposures, specific, price, [90_000.0], fund=closed)
    assert both.fund == 0.0
    assert both.units.tolist() == alone.units.tolist()


def test_limits_look_through_the_fund() -> None:
    made = problem(3, names=6)
    loading = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    made = replace(made, limits=(Limit("sector", loading, -0.02, 0.02),))
    inside = made.target / made.target.sum()
    extended = with_fund(made, Fund(inside, 100.0, cost=0.0005, noise=2e-4))
    plan = rebalance(extended, gamma=30.0)
    held = plan.weights[:-1] + plan.weights[-1] * inside
    assert abs(loading @ (held - made.target)) <= 0.02 + 1e-9
    side = np.full(7, FREE)
    side[np.flatnonzero(plan.bought > 0.0)] = 1
    side[[made.names.index(name) for name in plan.harvested]] = -1
    assert plan.objective == pytest.approx(model(extended, side, gamma=30.0).objective, abs=1e-7)


def test_holdings_that_no_fund_can_have_are_refused() -> None:
    made = problem(3, names=6)
    with pytest.raises(ShapeError):
        with_fund(made, Fund(np.full(5, 0.2), 100.0))
    with pytest.raises(DomainError, match="at most one"):
        with_fund(made, Fund(np.full(6, 0.3), 100.0))
