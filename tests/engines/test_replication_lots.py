from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.replication.compare import account_sizes, compare_methods
from xlplugin.engines.replication.futures import fair_price, futures_overlay
from xlplugin.engines.replication.lots import round_to_lots
from xlplugin.engines.replication.request import ReplicationRequest
from xlplugin.engines.replication.trades import Wanted, drifted, list_orders
from xlplugin.errors import DomainError, EmptyBaseError, InputError, ShapeError, WordError
from xlplugin.risk.factors import FactorModel


@st.composite
def accounts(draw, largest=4):
    """Targets, prices, lots and an account in which a few units of everything fit."""
    n = draw(st.integers(2, largest))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    target = rng.dirichlet(np.ones(n)) * draw(st.sampled_from([1.0, 0.9]))
    lot = rng.choice([1.0, 10.0, 100.0], n)
    amount = 1e6
    price = np.round(amount * rng.uniform(0.04, 0.5, n) / lot)  # a unit is 4 to 50 % of the account
    return target, amount, price, lot


def all_plans(amount, price, lot):
    unit = price * lot / amount
    ranges = [range(int(1 / u + 1e-9) + 1) for u in unit]
    for units in product(*ranges):
        weight = np.array(units) * unit
        if weight.sum() <= 1 + 1e-12:
            yield weight


@settings(deadline=None, max_examples=60)
@given(accounts(largest=3))
def test_least_squares_is_never_beaten_by_one_unit_more_or_less_or_exchanged(account):
    target, amount, price, lot = account
    plan = round_to_lots(target, amount, price, lot)
    unit = price * lot / amount
    assert plan.weight.sum() <= 1 + 1e-9
    for i in range(target.size):
        for j in range(target.size):
            for up, down in ((1, 0), (0, 1), (1, 1)):
                units = plan.units.copy()
                units[i] += up
                units[j] -= down
                if i != j and units.min() >= 0 and (units * unit).sum() <= 1:
                    assert ((units * unit - target) ** 2).sum() >= plan.objective - 1e-12


@settings(deadline=None, max_examples=30)
@given(accounts(largest=3), st.integers(0, 10**6))
def test_least_risk_is_close_to_the_best_of_all_plans(account, seed):
    target, amount, price, lot = account
    rng = np.random.default_rng(seed)
    loadings = np.column_stack([rng.normal(0.16, 0.03, target.size), rng.normal(0, 0.1, target.size)])
    risk = loadings @ loadings.T + np.diag(rng.uniform(0.03, 0.09, target.size))
    best = min(float((w - target) @ risk @ (w - target)) for w in all_plans(amount, price, lot))
    plan = round_to_lots(target, amount, price, lot, risk)
    assert plan.objective >= best - 1e-12
    assert np.sqrt(plan.objective) <= np.sqrt(best) * 1.3 + 1e-6


@settings(deadline=None, max_examples=40)
@given(accounts(), st.floats(0.01, 1000))
def test_a_change_of_currency_changes_nothing(account, rate):
    target, amount, price, lot = account
    one, other = (
        round_to_lots(target, amount, price, lot),
        round_to_lots(target, amount * rate, price * rate, lot),
    )
    assert one.units.tolist() == other.units.tolist()


@settings(deadline=None, max_examples=40)
@given(accounts(), st.sampled_from([0.0, 0.1, 0.3]))
def test_the_cash_wanted_is_kept_and_shares_are_whole_units(account, cash):
    target, amount, price, lot = account
    plan = round_to_lots(target, amount, price, lot, None, cash)
    assert plan.cash >= cash - 1e-9
    assert plan.shares / lot == pytest.approx(np.round(plan.shares / lot), abs=1e-9)
    assert plan.value.sum() == pytest.approx((1 - plan.cash) * amount)


def test_fractional_shares_reach_the_target():
    plan = round_to_lots(np.array([0.6, 0.4]), 1000.0, np.array([333.0, 77.0]), 0.0001)
    assert plan.weight == pytest.approx([0.6, 0.4], abs=1e-4)
    assert plan.shares.tolist() == [round(s, 10) for s in plan.shares]


def topix_like(n=300, seed=11):
    """A universe with the concentration of a broad index and prices of a few thousand yen."""
    rng = np.random.default_rng(seed)
    weights = 1 / (np.arange(1, n + 1) + 8.0) ** 1.25
    exposures = np.zeros((n, 12))
    exposures[:, 0] = rng.normal(0.16, 0.04, n)
    exposures[np.arange(n), 1 + rng.integers(0, 10, n)] = 0.065
    exposures[:, 11] = rng.normal(0, 0.035, n)
    risk = FactorModel(exposures, np.eye(12), rng.uniform(0.17, 0.33, n) ** 2)
    return weights / weights.sum(), np.exp(rng.normal(np.log(2000), 0.8, n)), risk


def test_simple_rounding_leaves_small_accounts_in_cash_and_the_search_does_not():
    index, price, risk = topix_like()
    amount = 10_000_000.0
    nearest = np.round(index * amount / (price * 100)) * price * 100 / amount
    plan = round_to_lots(index, amount, price, 100, risk)
    naive = (nearest - index) @ risk.covariance() @ (nearest - index)
    assert 1 - nearest.sum() > 0.2
    assert plan.cash < 0.15
    assert plan.objective < naive / 4


def test_larger_accounts_track_better_on_a_broad_index():
    index, price, risk = topix_like()
    rows = account_sizes(index, price, 100, risk, np.array([1e6, 1e7, 1e8, 1e9]))
    errors = [row.tracking_error for row in rows]
    assert errors == sorted(errors, reverse=True)
    assert [row.names for row in rows] == sorted(row.names for row in rows)


def test_a_full_matrix_and_its_factor_form_give_the_same_plan():
    index, price, risk = topix_like(60)
    one = round_to_lots(index, 5e6, price, 100, risk)
    other = round_to_lots(index, 5e6, price, 100, risk.covariance())
    assert one.units.tolist() == other.units.tolist()
    assert one.objective == pytest.approx(other.objective)


@pytest.mark.parametrize(
    ("error", "change"),
    [
        (DomainError, {"amount": 0.0}),
        (DomainError, {"price": np.array([1.0, 0.0])}),
        (DomainError, {"lot": 0.0}),
        (DomainError, {"target": np.array([1.1, -0.1])}),
        (DomainError, {"cash": 1.0}),
        (ShapeError, {"price": np.ones(3)}),
        (ShapeError, {"risk": np.eye(3)}),
    ],
)
def test_accounts_that_make_no_sense_are_refused(error, change):
    terms = {"target": np.array([0.5, 0.5]), "amount": 100.0, "price": np.ones(2), "lot": 1.0, **change}
    with pytest.raises(error):
        round_to_lots(**terms)


# -- futures, drift, orders --------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(100, 50000), st.sampled_from([10.0, 100.0, 1000.0, 10000.0]))
def test_contracts_and_residual_give_back_the_money_and_rounding_leaves_half_a_contract(
    amount, price, multiplier
):
    done = futures_overlay(amount, price, multiplier)
    assert done.notional + done.residual == pytest.approx(amount, abs=1e-3)
    assert abs(done.residual) <= price * multiplier / 2 * (1 + 1e-9)
    assert done.contracts == int(done.contracts)
    down = futures_overlay(amount, price, multiplier, 1.0, "DOWN")
    assert abs(down.notional) <= abs(amount) * (1 + 1e-12)
    assert futures_overlay(amount, price, multiplier, 1.0, "NONE").residual == pytest.approx(0, abs=1e-3)


def test_halves_go_away_from_zero_on_both_sides():
    assert futures_overlay(2.5, 1, 1).contracts == 3
    assert futures_overlay(-2.5, 1, 1).contracts == -3


def test_a_future_without_value_and_an_unknown_rounding_are_refused():
    with pytest.raises(EmptyBaseError):
        futures_overlay(1, 0, 1)
    with pytest.raises(WordError):
        futures_overlay(1, 1, 1, 1, "UP")
    assert fair_price(2700, 0.01, 0.01, 90) == 2700


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(-0.5, 0.5)), min_size=1, max_size=6))
def test_drift_keeps_the_sum_and_moves_towards_what_rose(rows):
    weights, returns = np.array(rows).T
    after = drifted(weights, returns)
    assert after.sum() == pytest.approx(weights.sum())
    best = int(np.argmax(returns))
    assert after[best] >= weights[best] - 1e-12
    with pytest.raises(DomainError):
        drifted(weights, np.full_like(weights, -1.0))


def wanted(code, held, target, price=100.0, **more):
    return Wanted("", code, "", held, target, price, more.pop("lot", 100.0), **more)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=8),
    st.integers(0, 60000),
)
def test_orders_are_whole_units_towards_the_target_and_sells_come_first(rows, min_trade):
    names = [wanted(str(k), float(h), float(t)) for k, (h, t) in enumerate(rows)]
    orders = list_orders(names, min_trade=min_trade)
    assert len(orders) == len(names)
    traded = [order for order in orders if order.side != "HOLD"]
    assert [order.rank for order in traded] == list(range(1, len(traded) + 1))
    assert [order.side for order in traded] == sorted((o.side for o in traded), reverse=True)
    for order in traded:
        change = order.of.wanted - order.of.held
        assert (order.side == "BUY") == (change > 0)
        assert 0 < order.quantity <= abs(change)
        assert abs(change) - order.quantity < 100
        assert order.quantity % 100 == 0 or order.of.wanted == 0
        assert order.amount >= min_trade
        assert ("LOT_ROUNDED" in order.reasons) == (order.quantity != abs(change))


@pytest.mark.parametrize(
    ("name", "options", "status", "reasons"),
    [
        (wanted("A", 350, 0), {}, "OK", ()),  # a full exit sells the odd shares too
        (wanted("A", 350, 100), {}, "OK", ("LOT_ROUNDED",)),
        (wanted("A", 0, 50), {}, "HOLD", ("LOT_ROUNDED",)),
        (wanted("A", 0, 100), {"min_trade": 10001}, "HOLD", ("BELOW_MIN_TRADE",)),
        (wanted("A", 10000, 10100), {"band": 0.02}, "HOLD", ("WITHIN_BAND",)),
        (wanted("A", 0, 100, restricted=True), {}, "HOLD", ("RESTRICTED",)),
        (wanted("A", 0, 100, adv=50000.0), {}, "OK", ("LARGE_ORDER",)),
        (wanted("A", 0, 100, adv=500000.0), {}, "OK", ()),
        (wanted("A", 100, 100), {}, "HOLD", ()),
        (wanted("A", 0, 100, problems=("NO_PRICE",)), {}, "UNKNOWN", ("NO_PRICE",)),
    ],
)
def test_every_reason_for_trading_less_or_not_at_all_is_given(name, options, status, reasons):
    [order] = list_orders([name], **options)
    assert (order.status, order.reasons) == (status, reasons)


@pytest.mark.parametrize("options", [{"participation": 0.0}, {"min_trade": -1.0}, {"band": -0.1}])
def test_settings_outside_their_domain_are_refused(options):
    with pytest.raises(DomainError):
        list_orders([], **options)


# -- methods side by side ----------------------------------------------------------------------


def test_methods_side_by_side_show_what_each_costs_and_misses():
    index, price, risk = topix_like(60)
    cells = tuple(f"s{k % 4}" for k in range(60))
    request = ReplicationRequest(index, 15, risk, cells)
    full, stratified, optimized, core = compare_methods(request, spread=np.full(60, 0.001), core_share=0.6)
    assert (full.names, full.te_forecast) == (60, 0.0)
    assert full.beta == pytest.approx(1.0)
    assert full.trade_cost == pytest.approx(0.0005)
    assert optimized.te_forecast < stratified.te_forecast
    assert core.te_forecast == pytest.approx(0.4 * optimized.te_forecast)
    assert core.names == optimized.names + 1
    rounded = compare_methods(request, amount=5e6, price=price, lot=100.0)
    assert all(row.cash > 0 for row in rounded)
    assert rounded[0].te_forecast > 0


def test_a_method_that_is_not_possible_says_why_and_stops_no_other():
    index, _, risk = topix_like(10)
    rows = compare_methods(ReplicationRequest(index, 3, risk))
    assert [row.method for row in rows if row.problem] == ["stratified"]
    assert "cell" in rows[1].problem
    with pytest.raises(InputError):
        compare_methods(ReplicationRequest(index))
