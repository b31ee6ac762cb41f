from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem, problems
from xlplugin.engines.rebalancing.dual import Dual
from xlplugin.engines.rebalancing.kernel import Climb, Program, Solution, certified, clash, solve
from xlplugin.engines.rebalancing.modelled import FREE, PURCHASE, SALE, model
from xlplugin.engines.rebalancing.modes import BUY, HARVEST
from xlplugin.engines.rebalancing.problem import Limit, Problem
from xlplugin.engines.rebalancing.relaxation import Relaxation
from xlplugin.errors import InfeasibleError


def decided(made: Problem, pattern: int) -> tuple[Program, np.ndarray]:
    """The convex problem with every dented name on the side that the bits of `pattern` say."""
    relaxation = Relaxation.of(made)
    allowed = relaxation.modes.open.copy()
    dented = np.flatnonzero(relaxation.modes.dented)
    # A name that has to be bought, or may not be, has one side whatever the pattern says.
    one_way = relaxation.modes.open.sum(axis=1) == 1
    side = np.where(one_way, np.where(relaxation.modes.open[:, BUY], PURCHASE, SALE), FREE)
    for place, name in enumerate(dented):
        buys = bool(pattern >> place & 1)
        allowed[name] = False
        allowed[name, BUY if buys else HARVEST] = True
        side[name] = PURCHASE if buys else SALE
    return relaxation.envelope(30.0, allowed).program, side


def any_prices(program: Program, seed: int, size: float = 0.05) -> np.ndarray:
    """Prices of all factors and rules; a rule without a limit on one side has none of that sign."""
    prices = np.random.default_rng(seed).normal(0.0, size, program.columns.shape[1])
    k = program.exposures.shape[1]
    prices[k:] = np.where(np.isinf(program.rules.low), np.abs(prices[k:]), prices[k:])
    prices[k:] = np.where(np.isinf(program.rules.high), -np.abs(prices[k:]), prices[k:])
    return prices


@settings(deadline=None, max_examples=60)
@given(made=problems(), pattern=st.integers(0, 1023))
def test_the_kernel_agrees_with_the_cvxpy_model(made: Problem, pattern: int) -> None:
    program, side = decided(made, pattern)
    solution = solve(program)
    try:
        expected = model(made, side, gamma=30.0)
    except InfeasibleError:
        assert solution.status != "solved"
        return
    assume(solution.status != "infeasible" or clash(program, solution.prices) <= 1e-6)
    assert solution.status == "solved"
    assert solution.objective == pytest.approx(expected.objective, rel=1e-7, abs=1e-9)
    assert solution.weights == pytest.approx(expected.weights, abs=2e-6)


@settings(deadline=None, max_examples=60)
@given(made=problems(), pattern=st.integers(0, 1023))
def test_every_solution_carries_a_residual_and_a_gap_below_one_in_a_hundred_million(
    made: Problem, pattern: int
) -> None:
    solution = solve(decided(made, pattern)[0])
    if solution.status == "solved":
        assert solution.residual <= 1e-9
        assert abs(solution.gap) <= 1e-8 * max(1.0, abs(solution.objective))


@given(made=problems(), pattern=st.integers(0, 1023), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_the_gap_is_the_difference_of_the_two_objectives(made: Problem, pattern: int, seed: int) -> None:
    program, _ = decided(made, pattern)
    dual = Dual(program)
    prices = any_prices(program, seed)
    point = dual.at(prices)
    made_here = certified(dual, Climb(point, dual.free(point), "iterations", 0, 0))
    assert made_here.objective - point.value == pytest.approx(made_here.gap, abs=1e-12)


@given(made=problems(), pattern=st.integers(0, 1023), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_the_gradient_is_the_slope_of_the_dual_function(made: Problem, pattern: int, seed: int) -> None:
    program, _ = decided(made, pattern)
    dual = Dual(program)
    prices = any_prices(program, seed)
    gradient, step = dual.at(prices).gradient, 1e-6
    for place in range(len(prices)):
        ahead, behind = prices.copy(), prices.copy()
        ahead[place] += step
        behind[place] -= step
        if ahead[place] * behind[place] <= 0.0:
            continue
        slope = (dual.at(ahead).value - dual.at(behind).value) / (2.0 * step)
        assert slope == pytest.approx(gradient[place], abs=2e-5)


@given(made=problems(), pattern=st.integers(0, 1023), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_the_dual_function_is_never_above_a_plan(made: Problem, pattern: int, seed: int) -> None:
    program, _ = decided(made, pattern)
    solution = solve(program)
    if solution.status != "solved":
        return
    prices = any_prices(program, seed, 0.1)
    assert Dual(program).at(prices).value <= solution.objective + 1e-9


@given(made=problems(), pattern=st.integers(0, 1023), scale=st.sampled_from([0.5, 2.0, 10.0]))
@settings(deadline=None, max_examples=40)
def test_a_warm_start_gives_the_answer_of_a_cold_one(made: Problem, pattern: int, scale: float) -> None:
    program, _ = decided(made, pattern)
    cold = solve(program)
    warm = solve(program, solve(program.at(scale * program.gamma)).prices)
    if cold.status == "solved":
        assert warm.status == "solved"
        assert warm.objective == pytest.approx(cold.objective, abs=1e-8)
        assert warm.weights == pytest.approx(cold.weights, abs=1e-7)


@given(made=problems(), pattern=st.integers(0, 1023))
@settings(deadline=None, max_examples=40)
def test_a_proof_of_infeasibility_never_stands_against_a_solution(made: Problem, pattern: int) -> None:
    program, _ = decided(made, pattern)
    solution = solve(program)
    if solution.status == "solved":
        assert clash(program, solution.prices) <= 0.0
        assert clash(program, -solution.prices) <= 0.0


def test_limits_that_cannot_hold_together_are_proved_to_clash() -> None:
    made = problem(3, names=6)
    every = Limit("everything", np.ones(6), low=0.2, active=True)  # 20 % more than the account has
    program = Relaxation.of(replace(made, limits=(every,))).envelope(30.0, Relaxation.of(made).modes.open)
    solution = solve(program.program)
    assert solution.status == "infeasible"


def with_limit(limit: Limit | None) -> Solution:
    made = problem(1, names=5, factors=1)
    made = replace(made, limits=() if limit is None else (limit,))
    relaxation = Relaxation.of(made)
    allowed = relaxation.modes.open.copy()
    allowed[relaxation.modes.dented, BUY] = False
    return solve(relaxation.envelope(30.0, allowed).program)


def test_a_soft_limit_is_broken_where_keeping_it_costs_more() -> None:
    free = with_limit(None)
    name = int(free.weights.argmax())
    loading = np.eye(5)[name]
    most = float(free.weights[name]) - 0.01
    hard = with_limit(Limit("largest", loading, high=most, active=False))
    price = float(hard.prices[-1])
    assert hard.status == "solved"
    assert hard.weights[name] == pytest.approx(most)
    assert price > 0.0
    soft = with_limit(Limit("largest", loading, high=most, active=False, price=0.25 * price))
    dear = with_limit(Limit("largest", loading, high=most, active=False, price=4.0 * price))
    assert free.objective < soft.objective < hard.objective
    assert soft.prices[-1] == pytest.approx(0.25 * price)
    assert dear.objective == pytest.approx(hard.objective, abs=1e-9)


@given(seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_the_order_of_names_and_lots_changes_nothing(seed: int) -> None:
    made = problem(seed, names=7, limits=2)
    rng = np.random.default_rng(seed)
    names, lots = rng.permutation(7), rng.permutation(len(made.lots))
    back = np.argsort(names)
    shuffled = Problem.of(
        made.target[names],
        made.exposures[names],
        made.specific[names],
        replace(
            made.lots,
            name=back[made.lots.name][lots],
            **{
                key: getattr(made.lots, key)[lots]
                for key in ("weight", "gain", "rate", "sellable", "long_term", "recent", "account")
            },
        ),
        cost=made.sell_cost[names],
        cash_low=made.cash_low,
        cash_high=made.cash_high,
        limits=tuple(replace(limit, loading=limit.loading[names]) for limit in made.limits),
    )
    first, second = (
        solve(r.envelope(30.0, r.modes.open).program) for r in (Relaxation.of(made), Relaxation.of(shuffled))
    )
    assert first.status == second.status
    if first.status == "solved":
        assert second.objective == pytest.approx(first.objective, abs=1e-10)
        assert second.weights == pytest.approx(first.weights[names], abs=1e-6)


def test_without_tax_and_cost_a_dear_risk_brings_back_the_index() -> None:
    made = problem(5, names=8, cost=0.0, cash_low=0.005, cash_high=0.005)
    free = replace(made, lots=replace(made.lots, rate=np.zeros(len(made.lots))))
    relaxation = Relaxation.of(free)
    solution = solve(relaxation.envelope(1e4, relaxation.modes.open).program)
    assert solution.weights == pytest.approx(made.target, abs=1e-8)
    assert solution.variance == pytest.approx(0.0, abs=1e-12)


@given(seed=st.integers(0, 10**6), gamma=st.sampled_from([0.05, 0.5, 5.0, 50.0]))
@settings(deadline=None, max_examples=40)
def test_problems_with_tight_bands_are_solved_at_any_price_of_risk(seed: int, gamma: float) -> None:
    made = problem(seed, names=40, factors=4, limits=6, turnover=0.6)
    relaxation = Relaxation.of(made)
    allowed = relaxation.modes.open.copy()
    allowed[relaxation.modes.dented, BUY] = False
    solution = solve(relaxation.envelope(gamma, allowed).program)
    assert solution.status in ("solved", "infeasible")
    if solution.status == "solved":
        assert solution.residual <= 1e-8
        assert abs(solution.relative_gap) <= 1e-8
