"""The rebalancing engine against enumeration, the CVXPY model and what must be true of any rebalance."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.rebalancing_problems import problem, problems
from xlplugin.engines.rebalancing.branching import GAMMA_LOW, Effort
from xlplugin.engines.rebalancing.kernel import solve
from xlplugin.engines.rebalancing.local import LocalSearch
from xlplugin.engines.rebalancing.modelled import FREE, PURCHASE, SALE, model
from xlplugin.engines.rebalancing.modes import BUY, HARVEST
from xlplugin.engines.rebalancing.pipeline import Units, rebalance
from xlplugin.engines.rebalancing.plan import Plan, from_found
from xlplugin.engines.rebalancing.problem import Lots, Problem
from xlplugin.engines.rebalancing.relaxation import BORROWED, Relaxation, lower_hull
from xlplugin.engines.rebalancing.search import Search
from xlplugin.engines.rebalancing.sizes import account_sizes
from xlplugin.errors import InfeasibleError, InputError

EXACT = Effort(gap=1e-9, nodes=4000)


def enumerated(made: Problem, gamma: float) -> float:
    """The best objective over every pattern of sides, each solved by CVXPY."""
    relaxation = Relaxation.of(made)
    dented = np.flatnonzero(relaxation.modes.dented)
    best = np.inf
    for pattern in itertools.product((SALE, PURCHASE), repeat=len(dented)):
        side = np.full(len(made.names), FREE)
        side[dented] = pattern
        try:
            best = min(best, model(made, side, gamma=gamma).objective)
        except InfeasibleError:
            continue
    return best


def test_the_envelope_is_the_lower_hull_of_the_cost_and_touches_it_at_both_ends() -> None:
    made = problem(11, names=12)
    relaxation = Relaxation.of(made)
    gamma = 20.0
    envelope = relaxation.envelope(gamma, relaxation.modes.open)
    borrowed = gamma * BORROWED * made.specific
    checked = 0
    for name in np.flatnonzero(relaxation.modes.dented):
        left, right = envelope.left[name], envelope.right[name]
        grid = np.sort(np.append(np.linspace(0.0, 1.0, 3001), (left, right)))
        real = relaxation.modes.each(np.tile(grid, (len(made.names), 1)))[name].min(axis=0)
        real = real + borrowed[name] * (grid - made.target[name]) ** 2
        at = np.tile([left, right], (len(made.names), 1))
        ends = relaxation.modes.each(at)[name].min(axis=0)
        ends = ends + borrowed[name] * (np.array([left, right]) - made.target[name]) ** 2
        assert left < made.held[name] < right
        line = ends[0] + (ends[1] - ends[0]) / (right - left) * (grid - left)
        assert (line <= real + 1e-12).all()
        hull = lower_hull(grid[None], real[None])[0]
        flat = np.interp(grid, grid[hull], real[hull])
        inside = (grid > left) & (grid < right)
        assert flat[inside] == pytest.approx(line[inside], abs=1e-8)
        checked += 1
    assert checked >= 5


def test_a_name_without_a_loss_worth_a_round_trip_has_no_dent() -> None:
    made = problem(11, names=12)
    calm = replace(made, lots=replace(made.lots, gain=np.abs(made.lots.gain)))
    relaxation = Relaxation.of(calm)
    envelope = relaxation.envelope(20.0, relaxation.modes.open)
    assert not relaxation.modes.dented.any()
    assert (envelope.left == envelope.right).all()


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10**6), gamma=st.sampled_from([2.0, 20.0, 100.0]))
def test_branching_finds_what_enumeration_of_all_sides_finds(seed: int, gamma: float) -> None:
    made = problem(seed, names=5, factors=2, limits=1)
    best = enumerated(made, gamma)
    if not np.isfinite(best):
        return
    found = Search(made).run(EXACT, gamma)
    assert found.objective == pytest.approx(best, abs=1e-7)
    assert found.bound <= best + 1e-8


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_names_of_one_group_take_the_best_of_no_purchase_and_no_loss(seed: int) -> None:
    made, gamma = problem(seed, names=5, factors=2), 20.0
    groups = (np.array([0, 1]), np.array([2, 3]))
    best = np.inf
    for bought in itertools.product((False, True), repeat=len(groups)):
        may_buy, sellable = made.may_buy.copy(), made.lots.sellable.copy()
        for group, buys in zip(groups, bought, strict=True):
            if buys:
                sellable &= ~(np.isin(made.lots.name, group) & (made.lots.gain < 0.0))
            else:
                may_buy[group] = False
        lots = replace(made.lots, sellable=sellable)
        best = min(best, enumerated(replace(made, may_buy=may_buy, lots=lots), gamma))
    found = Search(made, groups=groups).run(EXACT, gamma)
    assert found.objective == pytest.approx(best, abs=1e-7)
    assert found.bound <= best + 1e-8


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.2, 0.5]), grouped=st.booleans())
def test_the_search_goes_on_until_the_gap_is_closed_where_recent_purchases_leave_more_ways(
    seed: int, share: float, grouped: bool
) -> None:
    made = problem(seed, names=6, factors=2)
    recent = np.random.default_rng(seed).uniform(size=len(made.lots)) < share
    made = replace(made, lots=replace(made.lots, recent=recent))
    groups = (np.array([0, 1]), np.array([2, 4])) if grouped else ()
    found = Search(made, groups=groups).run(EXACT, 20.0)
    assert found.gap <= 1e-6
    assert found.nodes < EXACT.nodes


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_recent_purchases_in_many_names_leave_a_small_gap_after_few_nodes(share: float) -> None:
    made = problem(2, names=200, factors=8, most_lots=4)
    recent = np.random.default_rng(2).uniform(size=len(made.lots)) < share
    washed = replace(made, lots=replace(made.lots, recent=recent))
    plan = rebalance(washed, risk=0.01, effort=Effort(gap=1e-3, nodes=80))
    assert plan.gap <= 1e-3
    assert plan.nodes < 80
    # A recent purchase only takes ways away.
    free = rebalance(made, risk=0.01, effort=Effort(gap=1e-3, nodes=80))
    assert plan.tax_value - plan.trading_cost <= (1.0 + 2e-3) * (free.tax_value - free.trading_cost)


@settings(deadline=None, max_examples=40)
@given(made=problems(), seed=st.integers(0, 10**6))
def test_no_plan_is_ever_below_the_bound_whatever_the_prices(made: Problem, seed: int) -> None:
    relaxation = Relaxation.of(made)
    gamma, rng = 20.0, np.random.default_rng(seed)
    allowed = relaxation.modes.open.copy()
    for name in np.flatnonzero(relaxation.modes.dented):
        allowed[name] = False
        allowed[name, rng.choice([HARVEST, BUY])] = True
    plan = solve(relaxation.envelope(gamma, allowed).program)
    if plan.status != "solved":
        return
    relaxed = solve(relaxation.envelope(gamma, relaxation.modes.open).program)
    for prices in (relaxed.prices, plan.prices, 0.3 * plan.prices):
        here = relaxation.priced(relaxation.tally_prices(prices))
        assert here.bound(gamma, prices, relaxation.modes.open) <= plan.objective + 1e-8


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), risk=st.sampled_from([0.01, 0.02, 0.05]))
def test_a_plan_under_a_cap_agrees_with_the_cone_of_the_cvxpy_model(seed: int, risk: float) -> None:
    made = problem(seed, names=8)
    try:
        found = Search(made, cap=risk**2).run(Effort(), 20.0)
    except InfeasibleError:
        return
    side = np.where(found.mode == BUY, PURCHASE, SALE)
    side = np.where(found.relaxation.modes.dented, side, FREE)
    expected = model(made, side, risk=risk)
    assert found.solution.variance <= risk**2 * (1.0 + 1e-6)
    # A cap that does not bind is met at the lowest price there is, and may cost that much.
    slack = GAMMA_LOW * risk**2 if found.gamma <= 1.01 * GAMMA_LOW else 0.0
    assert found.solution.cost == pytest.approx(expected.objective, abs=2e-7 + slack)
    assert found.bound - found.gamma * risk**2 <= expected.objective + 1e-7


def test_a_larger_cap_gives_no_less_tax_value_and_a_dearer_risk_less_risk() -> None:
    made = problem(21, names=30, factors=3)
    caps = [rebalance(made, risk=risk, effort=EXACT) for risk in (0.01, 0.015, 0.02, 0.03)]
    net = [plan.tax_value - plan.trading_cost for plan in caps]
    assert net == sorted(net)
    prices = [rebalance(made, gamma=gamma, effort=EXACT).tracking_risk for gamma in (5.0, 20.0, 80.0, 320.0)]
    assert prices == sorted(prices, reverse=True)


def test_higher_trading_costs_never_raise_turnover() -> None:
    made = problem(22, names=20, factors=3)
    turnovers = [
        rebalance(
            replace(made, sell_cost=cost * made.sell_cost, buy_cost=cost * made.buy_cost),
            gamma=30.0,
            effort=EXACT,
        ).turnover
        for cost in (1.0, 10.0, 50.0)
    ]
    assert turnovers == sorted(turnovers, reverse=True)


@pytest.mark.parametrize("rule", ["turnover", "gain budget", "loss floor"])
def test_one_more_rule_never_gives_a_better_plan_and_is_kept(rule: str) -> None:
    made = problem(23, names=20, factors=3, cash_low=0.001, cash_high=0.02)
    free = rebalance(made, gamma=30.0, effort=EXACT)
    tally = {
        "turnover": made.turnover(0.7 * free.turnover),
        "gain budget": made.gain_budget(0.3 * free.gains),
        "loss floor": made.loss_floor(1.2 * free.losses),
    }[rule]
    bound = rebalance(made.with_tallies(tally), gamma=30.0, effort=EXACT)
    assert bound.objective > free.objective
    counted = {"turnover": bound.turnover, "gain budget": bound.gains, "loss floor": bound.losses}[rule]
    assert counted <= tally.high + 1e-8
    assert counted >= tally.low - 1e-8
    assert bound.prices[rule] != 0.0


def test_dropping_the_turnover_rule_is_noticed() -> None:
    # The rule binds, so a search that forgot it would trade more than the rule allows.
    made = problem(23, names=20, factors=3)
    free = rebalance(made, gamma=30.0, effort=EXACT)
    assert free.turnover > 0.5 * free.turnover
    half = rebalance(made.with_tallies(made.turnover(0.5 * free.turnover)), gamma=30.0, effort=EXACT)
    assert half.turnover == pytest.approx(0.5 * free.turnover, abs=1e-7)


def test_a_loss_is_worth_money_and_a_gain_costs_money() -> None:
    # Twins: the loser is sold although nothing else changes; with the sign turned it is kept.
    def twins(gain: float) -> Plan:
        lots = Lots.of(np.array([0, 1]), np.array([0.49, 0.49]), np.array([gain, 0.0]), np.full(2, 0.3))
        made = Problem.of(np.full(2, 0.49), np.full((2, 1), 0.2), np.full(2, 0.0025), lots, cost=0.001)
        return rebalance(made, risk=0.03)

    assert twins(-0.2).harvested == ("1",)
    assert twins(-0.2).tax_value > 0.02
    assert twins(0.2).sold[0] == 0.0


def test_a_lot_whose_loss_is_smaller_than_the_round_trip_stays() -> None:
    lots = Lots.of(np.array([0, 1]), np.array([0.49, 0.49]), np.array([-0.005, 0.0]), np.full(2, 0.3))
    made = Problem.of(
        np.full(2, 0.49), np.full((2, 1), 0.2), np.full(2, 0.0025), lots, cost=0.001, cash_high=0.02
    )
    assert rebalance(made, risk=0.03).turnover == pytest.approx(0.0, abs=1e-9)


def test_lots_are_sold_by_tax_per_unit_not_by_cost() -> None:
    # Sale at 52: a long-term lot at 58 saves 1.43 a share, a short-term lot at 56 saves 1.63.
    lots = Lots.of(
        np.array([0, 0, 1]),
        np.array([0.2, 0.2, 0.59]),
        np.array([-6.0 / 52.0, -4.0 / 52.0, 0.3]),
        np.array([0.238, 0.408, 0.238]),
    )
    made = Problem.of(np.array([0.25, 0.74]), np.full((2, 1), 0.2), np.full(2, 0.04), lots, cost=0.0005)
    plan = rebalance(made, gamma=1.5)
    assert plan.sold[1] == pytest.approx(0.2)
    assert 0.0 < plan.sold[0] < 0.2


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_splitting_a_lot_in_two_changes_no_weight(seed: int) -> None:
    made = problem(seed, names=8)
    lots = made.lots
    twice = Lots.of(
        np.repeat(lots.name, 2),
        np.repeat(lots.weight, 2) * np.tile([0.25, 0.75], len(lots)),
        np.repeat(lots.gain, 2),
        np.repeat(lots.rate, 2),
    )
    first = rebalance(made, gamma=30.0, effort=EXACT)
    second = rebalance(replace(made, lots=twice), gamma=30.0, effort=EXACT)
    assert second.objective == pytest.approx(first.objective, abs=1e-9)
    assert second.weights == pytest.approx(first.weights, abs=1e-5)


def test_equal_input_gives_equal_output() -> None:
    first, second = (rebalance(problem(31, names=40, factors=4), risk=0.01) for _ in range(2))
    assert first.weights.tolist() == second.weights.tolist()
    assert first.sold.tolist() == second.sold.tolist()
    assert (first.bound, first.nodes) == (second.bound, second.nodes)


def test_a_name_is_sold_at_a_loss_or_bought_never_both() -> None:
    plan = rebalance(problem(33, names=40, factors=4), risk=0.015)
    sold = set(plan.problem.lots.name[plan.sold > 0.0].tolist())
    assert sold
    assert not sold & set(np.flatnonzero(plan.bought).tolist())


def test_cash_stays_in_its_band_after_costs() -> None:
    made = problem(34, names=30, cash_low=0.004, cash_high=0.006)
    plan = rebalance(made, risk=0.01)
    assert 0.004 - 1e-9 <= plan.cash <= 0.006 + 1e-9
    value = made.cash + plan.sold.sum() - plan.bought.sum() - plan.trading_cost
    assert plan.cash == pytest.approx(value)
    assert plan.weights.sum() + plan.cash + plan.trading_cost == pytest.approx(1.0, abs=1e-9)


def test_a_name_that_must_go_is_sold_whole() -> None:
    made = problem(35, names=10)
    held = int(np.flatnonzero(made.held > 0.01)[0])
    highest = made.highest.copy()
    highest[held] = 0.0
    plan = rebalance(replace(made, highest=highest), gamma=30.0)
    assert plan.weights[held] == 0.0
    assert plan.sold[made.lots.name == held].sum() == pytest.approx(made.held[held])


def test_lots_kept_for_a_gift_are_not_sold() -> None:
    made = problem(36, names=10)
    kept = np.ones(len(made.lots), dtype=bool)
    kept[np.argsort(made.lots.tax)[:5]] = False
    plan = rebalance(replace(made, lots=replace(made.lots, sellable=kept)), gamma=5.0)
    assert (plan.sold[~kept] == 0.0).all()


def test_nothing_to_sell_and_everything_to_buy_is_a_purchase_of_the_index() -> None:
    nothing = np.zeros(0)
    lots = Lots.of(np.zeros(0, dtype=np.int64), nothing, nothing, nothing)
    target = np.array([0.5, 0.3, 0.2])
    made = Problem.of(target, np.full((3, 1), 0.2), np.full(3, 0.04), lots, cash_high=0.0)
    plan = rebalance(made, gamma=100.0)
    assert plan.bought == pytest.approx(target, abs=1e-6)


def test_risk_that_cannot_be_reached_is_refused() -> None:
    made = problem(37, names=6)
    stuck = replace(made, lots=replace(made.lots, sellable=np.zeros(len(made.lots), dtype=bool)))
    with pytest.raises(InfeasibleError):
        rebalance(stuck, risk=0.001)
    with pytest.raises(InputError, match=r"cap on tracking risk is -0\.01"):
        rebalance(made, risk=-0.01)
    with pytest.raises(InputError, match="either a cap"):
        rebalance(made)


# Whole units --------------------------------------------------------------------------------------


def allowed_weights(made: Problem, name: int, unit: float, smallest: float) -> list[float]:
    """Whole positions, staying and leaving, by the definition."""
    held = float(made.held[name])
    grid = [k * unit for k in range(int(np.floor(1.0 / unit)) + 1)]
    far = [w for w in grid if abs(w - held) >= smallest - 1e-12 and (w <= held or made.may_buy[name])]
    return sorted({0.0, held, *far})


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_whole_units_agree_with_enumeration_of_all_of_them(seed: int) -> None:
    made = problem(seed, names=3, factors=1, most_lots=2, cash_low=0.0, cash_high=0.25)
    unit, smallest, gamma = np.full(3, 0.13), np.full(3, 0.05), 10.0
    relaxation = Relaxation.of(made)
    best = np.inf
    for weights in itertools.product(*(allowed_weights(made, name, 0.13, 0.05) for name in range(3))):
        at = np.array(weights)
        cost = relaxation.modes.each(at[:, None])[:, :, 0].min(axis=1)
        traded = np.where(at > made.held, made.buy_cost, made.sell_cost) * np.abs(at - made.held)
        cash = 1.0 - at.sum() - traded.sum()
        if not 0.0 <= cash <= 0.25:
            continue
        best = min(best, float(cost.sum()) + gamma * made.variance(at))
    if not np.isfinite(best):
        return
    plan = rebalance(made, gamma=gamma, units=Units(unit, smallest), effort=EXACT)
    assert plan.objective == pytest.approx(best, abs=1e-9)
    assert plan.bound <= best + 1e-9


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), orders=st.booleans())
def test_a_plan_in_units_keeps_units_smallest_trades_and_cash(seed: int, orders: bool) -> None:
    made = problem(seed, names=25, factors=3, cash_low=0.0, cash_high=0.02)
    unit, smallest = np.full(25, 0.0037), np.full(25, 0.006)
    plan = rebalance(made, gamma=20.0, units=Units(unit, smallest, whole_orders=orders))
    moved = plan.weights - made.held
    traded = np.abs(moved) > 1e-12
    whole = (moved if orders else plan.weights) / unit
    left = traded & (plan.weights <= 1e-12)
    assert np.abs(whole - np.round(whole))[traded & ~left] == pytest.approx(0.0, abs=1e-6)
    assert (np.abs(moved)[traded & ~left] >= 0.006 - 1e-12).all()
    assert -1e-9 <= plan.cash <= 0.02 + 1e-9
    without = rebalance(made, gamma=20.0)
    assert plan.bound >= without.bound - 1e-6
    assert plan.gap >= -1e-9


def test_the_local_search_knows_when_cash_or_a_limit_is_broken() -> None:
    everything = np.ones(5)
    made = problem(9, names=5, limits=1)
    relaxation = Relaxation.of(made)
    points = np.sort(np.column_stack([made.held, made.target, 0.0 * everything, 0.3 * everything]), axis=1)
    local = LocalSearch(relaxation, points, np.zeros(relaxation.columns.shape[1]), 20.0)
    band = made.limits[0]
    seen = set()
    for chosen in itertools.product(range(points.shape[1]), repeat=5):
        weights = points[np.arange(5), chosen]
        local.start(weights)
        traded = weights - made.held
        cash = 1.0 - weights.sum() - float(made.sell_cost @ np.abs(traded))
        over = abs(float(band.loading @ (weights - made.target))) - band.high
        if min(abs(cash - made.cash_low), abs(cash - made.cash_high), abs(over)) > 1e-6:
            assert local.kept == (made.cash_low <= cash <= made.cash_high and over <= 0.0)
            seen.add(local.kept)
    assert seen == {True, False}


def test_units_under_a_cap_keep_the_cap() -> None:
    made = problem(41, names=40, factors=4, cash_low=0.0, cash_high=0.01)
    plan = rebalance(made, risk=0.02, units=Units(np.full(40, 0.0005), np.full(40, 0.001)))
    assert plan.tracking_risk_invested <= 0.02 * (1.0 + 1e-9)
    assert plan.gap < 0.02


def test_a_larger_account_in_units_of_a_hundred_shares_is_never_worse_and_near_its_bound() -> None:
    rng = np.random.default_rng(8)
    target = np.sort(rng.pareto(1.1, 80) + 0.05)[::-1]
    target /= target.sum()
    exposures = rng.normal(0.0, 0.03, (80, 4))
    exposures[:, 0] += 0.17
    unit_price = 100.0 * rng.lognormal(8.0, 0.8, 80)
    amounts = [1e6, 3e6, 1e7, 3e7, 1e8]
    sizes = account_sizes(target, exposures, rng.uniform(0.03, 0.1, 80), unit_price, amounts)
    risks = [size.tracking_risk for size in sizes]
    assert risks == sorted(risks, reverse=True)
    for size in sizes:
        assert size.bound <= size.tracking_risk <= size.bound + 0.0005
        spent = float(size.units @ unit_price)
        assert spent <= size.amount
        assert size.cash == pytest.approx(1.0 - spent / size.amount)


def test_a_plan_is_data_that_adds_up() -> None:
    made = problem(42, names=30, factors=3)
    found = Search(made).run(Effort(), 30.0)
    plan = from_found(made, found)
    assert plan.objective == pytest.approx(
        plan.gamma * plan.tracking_risk**2 + plan.tax + plan.trading_cost, abs=1e-9
    )
    assert plan.tax == pytest.approx(float(made.lots.tax @ plan.sold))
    assert plan.weights == pytest.approx(found.solution.weights, abs=1e-6)
