"""A convex problem under a cap on tracking risk, the price of variance found with all other prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem, problems
from tests.engines.test_kernel import any_prices, decided
from xlplugin.engines.rebalancing import capped
from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, GAMMA_LOW
from xlplugin.engines.rebalancing.capped import Capped, solve_under_cap
from xlplugin.engines.rebalancing.kernel import Program, solve
from xlplugin.engines.rebalancing.modelled import model
from xlplugin.engines.rebalancing.problem import Limit, Problem


def halved(program: Program, cap: float) -> float:
    """The price of variance by halving its logarithm: slow, and independent of the joint run."""
    low, high = np.log(GAMMA_LOW), np.log(GAMMA_HIGH)
    for _ in range(60):
        middle = 0.5 * (low + high)
        if solve(program.at(float(np.exp(middle)))).variance > cap:
            low = middle
        else:
            high = middle
    return float(np.exp(0.5 * (low + high)))


def between(program: Program, share: float) -> float:
    """A cap that binds: between the variance at a dear price and that at a cheap one."""
    dear, cheap = solve(program.at(1e4)), solve(program.at(0.05))
    if dear.status != "solved" or cheap.status != "solved":
        return np.nan
    return dear.variance + share * (cheap.variance - dear.variance)


@settings(deadline=None, max_examples=30)
@given(
    made=problems(),
    pattern=st.integers(0, 1023),
    share=st.sampled_from([0.02, 0.3, 0.8]),
    first=st.sampled_from([0.05, 5.0, 80.0, 3000.0]),
)
def test_the_joint_run_finds_the_cone_solution_of_the_cvxpy_model(
    made: Problem, pattern: int, share: float, first: float
) -> None:
    program, side = decided(made, pattern)
    cap = between(program, share)
    if not cap > 1e-7:
        return
    found = solve_under_cap(program, cap, gamma=first)
    assert found.is_kept(cap)
    assert found.bound <= found.solution.cost + 1e-8
    expected = model(made, side, risk=float(np.sqrt(cap)))
    assert found.solution.cost == pytest.approx(expected.objective, rel=1e-6, abs=1e-7)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), pattern=st.integers(0, 255), share=st.sampled_from([0.05, 0.5]))
def test_limits_that_may_be_broken_at_a_price_are_so_in_the_joint_run_as_well(
    seed: int, pattern: int, share: float
) -> None:
    made = problem(seed, names=8, factors=3, limits=3)
    tight = tuple(
        replace(limit, low=0.2 * limit.low, high=0.2 * limit.high, price=price)
        for limit, price in zip(made.limits, (0.002, 0.05, np.inf), strict=True)
    )
    made = replace(made, limits=tight)
    program, side = decided(made, pattern)
    cap = between(program, share)
    if not cap > 1e-7:
        return
    found = solve_under_cap(program, cap, gamma=20.0)
    assert found.solves == 1
    assert found.is_kept(cap)
    cost = found.solution.objective - found.gamma * found.solution.variance
    assert cost == pytest.approx(model(made, side, risk=float(np.sqrt(cap))).objective, abs=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.4])
def test_the_price_of_variance_is_the_one_that_halving_finds(share: float) -> None:
    program, _ = decided(problem(5, names=9, factors=3, limits=2, turnover=0.9), 21)
    cap = between(program, share)
    found = solve_under_cap(program, cap, gamma=2.0)
    assert found.solves == 1
    assert found.gamma == pytest.approx(halved(program, cap), rel=1e-5)
    assert found.solution.variance == pytest.approx(cap, rel=1e-9)


@given(made=problems(), pattern=st.integers(0, 1023), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_value_and_slope_agree_when_the_price_of_variance_moves(
    made: Problem, pattern: int, seed: int
) -> None:
    program, _ = decided(made, pattern)
    dual = capped._WithCap(program, 1e-3, 1e-9)
    prices = np.append(any_prices(program, seed), 25.0)
    step = 1e-4
    ahead, behind = (dual.at(np.append(prices[:-1], 25.0 + side * step)) for side in (1.0, -1.0))
    slope = (ahead.value - behind.value) / (2.0 * step)
    assert slope == pytest.approx(dual.at(prices).gradient[-1], abs=1e-7)


@given(made=problems(), pattern=st.integers(0, 1023), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_the_curvature_is_the_slope_of_the_gradient_between_two_kinks(
    made: Problem, pattern: int, seed: int
) -> None:
    program, _ = decided(made, pattern)
    dual = capped._WithCap(program, 1e-3, 1e-9)
    prices = np.append(any_prices(program, seed), 25.0)
    point = dual.at(prices)
    free = np.arange(len(prices))
    matrix = dual.curvature(point, free)
    s = program.segments
    for place in free:
        step = 1e-5 * max(1.0, abs(prices[place]))
        ahead, behind = (dual.at(prices + side * step * np.eye(len(prices))[place]) for side in (1.0, -1.0))
        for near in (ahead, behind):
            # Over a kink the gradient bends: nothing to compare there.
            same = (s.low < near.position) == (s.low < point.position)
            same &= (near.position < s.high) == (point.position < s.high)
            if not same.all() or (np.sign(near.prices) != np.sign(prices)).any():
                break
        else:
            slope = (ahead.gradient - behind.gradient) / (2.0 * step)
            assert -slope == pytest.approx(matrix[place], rel=1e-4, abs=1e-5)


def test_a_cap_that_does_not_bind_leaves_the_lowest_price() -> None:
    program, _ = decided(problem(8, names=8), 0)
    cap = 4.0 * solve(program.at(GAMMA_LOW)).variance
    found = solve_under_cap(program, cap, gamma=30.0)
    assert found.gamma == GAMMA_LOW
    assert found.is_slack(cap)
    assert found.is_kept(cap)


def test_a_cap_below_the_least_variance_ends_at_the_highest_price_and_is_not_kept() -> None:
    program, _ = decided(problem(8, names=8, limits=2, turnover=0.5), 0)
    cap = 0.5 * solve(program.at(GAMMA_HIGH)).variance
    found = solve_under_cap(program, cap, gamma=30.0)
    assert found.gamma == GAMMA_HIGH
    assert not found.is_kept(cap)


def test_rules_that_clash_are_proved_to_under_a_cap_as_well() -> None:
    made = problem(8, names=8)
    everything = Limit("more than there is", np.ones(8), 1.2, 2.0, active=False)
    program, _ = decided(replace(made, limits=(everything,)), 0)
    assert solve_under_cap(program, 1e-3, gamma=30.0).solution.status == "infeasible"


def test_the_search_from_outside_finds_the_same_where_the_joint_run_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, _ = decided(problem(5, names=9, factors=3, limits=2), 21)
    cap = between(program, 0.4)
    joint: Capped = solve_under_cap(program, cap, gamma=2.0)
    monkeypatch.setattr(capped, "_ITERATIONS", 1)
    outside = solve_under_cap(program, cap, gamma=2.0)
    assert outside.solves > 2
    assert outside.is_kept(cap)
    assert outside.solution.cost == pytest.approx(joint.solution.cost, abs=1e-9)
