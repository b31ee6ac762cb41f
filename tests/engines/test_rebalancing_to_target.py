"""REBALANCE: back to target weights in whole lots, as an engine and as a cell sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.rebalancing.to_target import GainMode, Goal, rebalance_to_target
from xlplugin.errors import DomainError, InfeasibleError, InputError, NotFoundError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load


def goal(seed: int, names: int = 6, **more: Any) -> Goal:
    rng = np.random.default_rng(seed)
    price = rng.integers(200, 6000, names).astype(float)
    lot = rng.choice([1.0, 10.0, 100.0], names)
    held = np.round(rng.uniform(0, 3e6, names) / price / lot) * lot
    weight = rng.dirichlet(np.ones(names)) * rng.uniform(0.6, 1.0)
    made = Goal(
        held, price, price * rng.uniform(0.6, 1.4, names), lot, weight, rng.uniform(size=names) < 0.1,
        cash=float(rng.uniform(0, 3e6)), cost_rate=0.001,
    )  # fmt: skip
    return replace(made, **more)


def bought_one_by_one(made: Goal, sold: np.ndarray) -> np.ndarray:
    """The purchases by the words of the rule: the lot with the largest fall that fits, again and again."""
    account = float((made.quantity * made.price).sum()) + made.cash
    cash = made.cash + float((sold * made.price).sum()) * (1.0 - made.cost_rate)
    cash -= made.cash_buffer * account
    held, bought = made.quantity - sold, np.zeros(len(made.price))
    wanted = made.weight * (1.0 - made.cash_buffer)
    while True:
        best, name = 1e-15, -1
        for place in range(len(held)):
            if sold[place] > 0.0 or made.restricted[place]:
                continue
            cost = made.lot[place] * made.price[place] * (1.0 + made.cost_rate)
            if cost > cash + 1e-9 * account:
                continue
            now = (held[place] + bought[place]) * made.price[place] / account - wanted[place]
            then = now + made.lot[place] * made.price[place] / account
            if now * now - then * then > best:
                best, name = now * now - then * then, place
        if name < 0:
            return bought
        bought[name] += made.lot[name]
        cash -= made.lot[name] * made.price[name] * (1.0 + made.cost_rate)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_purchases_are_those_of_buying_lot_by_lot(seed: int) -> None:
    made = goal(seed)
    done = rebalance_to_target(made)
    expected = bought_one_by_one(made, np.maximum(-done.traded, 0.0))
    assert np.maximum(done.traded, 0.0) == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), buffer=st.sampled_from([0.0, 0.05]))
def test_cash_is_never_overspent_and_money_is_kept(seed: int, buffer: float) -> None:
    made = goal(seed, cash_buffer=buffer)
    done = rebalance_to_target(made)
    account = float((made.quantity * made.price).sum()) + made.cash
    after = float(((made.quantity + done.traded) * made.price).sum())
    assert after + done.cash + done.cost.sum() == pytest.approx(account)
    assert done.cash >= -1e-6 * account
    assert (made.quantity + done.traded >= 0.0).all()
    assert (done.traded[made.restricted] == 0.0).all()
    sold, bought = done.traded < 0.0, done.traded > 0.0
    assert not (sold & (made.weight * (1 - buffer) * account > made.quantity * made.price)).any()
    lots = np.abs(done.traded)[bought] / made.lot[bought]
    assert lots == pytest.approx(np.round(lots))


def three(**more: Any) -> Goal:
    made = Goal(
        np.array([300.0, 100.0, 0.0]), np.array([1000.0, 2000.0, 500.0]), np.array([900.0, 2500.0, np.nan]),
        np.full(3, 100.0), np.array([0.2, 0.4, 0.4]), np.zeros(3, bool), cash=500_000.0,
    )  # fmt: skip
    return replace(made, **more)


def test_a_tie_between_two_lots_trades_less() -> None:
    # 250 shares of 1,000 against 200 wanted: half a lot too much stays.
    made = Goal(np.array([250.0]), np.array([1000.0]), np.array([900.0]), np.array([100.0]), np.array([0.8]),
                np.zeros(1, bool))  # fmt: skip
    done = rebalance_to_target(made)
    assert done.traded.tolist() == [0.0]
    assert done.reasons == [{"LOT_ROUNDED"}]


def test_a_name_that_is_not_wanted_goes_with_its_odd_shares() -> None:
    made = Goal(np.array([123.0, 0.0]), np.array([100.0, 10.0]), np.array([90.0, np.nan]), np.full(2, 100.0),
                np.array([0.0, 0.5]), np.zeros(2, bool))  # fmt: skip
    assert rebalance_to_target(made).traded.tolist() == [-123.0, 600.0]


def test_a_gain_budget_serves_the_largest_overweight_first() -> None:
    made = Goal(
        np.array([1000.0, 1000.0]), np.array([1000.0, 1000.0]), np.array([700.0, 900.0]), np.full(2, 100.0),
        np.array([0.1, 0.3]), np.zeros(2, bool), gain_mode=GainMode.BUDGET, gain_budget=100_000.0,
    )  # fmt: skip
    done = rebalance_to_target(made)
    # 800 and 400 shares too much: the first takes three lots of 30,000, the second one of 10,000.
    assert done.traded.tolist() == [-300.0, -100.0]
    assert done.gain.sum() == pytest.approx(100_000.0)
    assert all("OVER_BUDGET" in reasons for reasons in done.reasons)


def test_losses_may_be_realised_where_gains_may_not() -> None:
    made = three(weight=np.array([0.2, 0.0, 0.4]), gain_mode=GainMode.LOSS_ONLY)
    done = rebalance_to_target(made)
    assert done.traded[0] == 0.0
    assert done.reasons[0] == {"GAIN_NOT_ALLOWED"}
    assert done.traded[1] == -100.0
    assert done.gain[1] == -50_000.0
    assert done.tax.sum() == 0.0


def test_a_weight_inside_the_band_is_left_alone() -> None:
    done = rebalance_to_target(three(band=0.11))
    assert done.traded[0] == 0.0
    assert done.reasons[0] == {"WITHIN_BAND"}


def test_an_order_below_the_smallest_trade_is_not_placed_and_leaves_its_cash() -> None:
    done = rebalance_to_target(three(min_trade=250_000.0))
    assert done.traded.tolist() == [0.0, 0.0, 800.0]
    assert done.reasons[0] == {"BELOW_MIN_TRADE"}
    assert "BELOW_MIN_TRADE" in done.reasons[1]


def test_cash_is_raised_by_further_lots_where_rounding_left_too_little() -> None:
    made = Goal(
        np.full(2, 1000.0), np.full(2, 100.0), np.full(2, 90.0), np.full(2, 100.0), np.full(2, 0.5),
        np.zeros(2, bool), cash=-24_000.0,
    )  # fmt: skip
    done = rebalance_to_target(made)
    assert done.cash >= 0.0
    assert -done.traded.sum() * 100.0 == 30_000.0


def test_cash_that_cannot_be_raised_is_refused() -> None:
    made = three(cash=-100_000.0, restricted=np.ones(3, bool))
    with pytest.raises(InfeasibleError, match="no further sale is allowed"):
        rebalance_to_target(made)


def test_with_a_covariance_a_twin_of_the_missing_name_is_bought() -> None:
    # The second name cannot be bought; its twin carries the same risk, the third one another.
    covariance = np.array([[0.04, 0.039, 0.0], [0.039, 0.04, 0.0], [0.0, 0.0, 0.04]])
    made = Goal(
        np.zeros(3), np.full(3, 100.0), np.full(3, np.nan), np.ones(3), np.array([0.2, 0.6, 0.2]),
        np.array([False, True, False]), cash=10_000.0,
    )  # fmt: skip
    squares, risk = rebalance_to_target(made), rebalance_to_target(replace(made, covariance=covariance))
    assert squares.traded.tolist() == [20.0, 0.0, 20.0]
    assert risk.traded[0] > 70.0
    assert risk.traded[2] == pytest.approx(20.0, abs=2.0)


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match=r"sum to 1\.1"):
        rebalance_to_target(three(weight=np.array([0.5, 0.3, 0.3])))
    with pytest.raises(DomainError, match="price: 0 is not above zero"):
        rebalance_to_target(three(price=np.array([0.0, 1.0, 1.0])))


# As a cell sees it --------------------------------------------------------------------------------

HELD = [["code", "quantity", "price", "unit_cost"], [7203.0, 300, 1000, 900], ["6758", 100, 2000, 2500]]
WANTED = [["code", "weight", "price"], ["7203", 0.2, None], ["6758", 0.4, None], ["9984", 0.4, 500]]


def in_a_cell(*arguments: Any) -> list[list[Any]]:
    return call(load()["REBALANCE"], *arguments)


def column(block: list[list[Any]], key: str) -> list[Any]:
    return [row[block[0].index(key)] for row in block[1:]]


def test_japanese_codes_trade_in_hundreds_and_others_in_single_shares() -> None:
    japanese = in_a_cell(HELD, WANTED, 500_000)
    assert column(japanese, "code") == ["7203", "9984", "6758"]
    assert column(japanese, "quantity") == [100.0, 800.0, 100.0]
    us = [["code", "quantity", "price"], ["AAPL", 10, 100]]
    wanted = [["code", "weight", "price"], ["MSFT", 1.0, 7]]
    assert column(in_a_cell(us, wanted), "quantity") == [10.0, 142.0]


def test_nothing_to_do_is_one_row_that_says_so() -> None:
    block = in_a_cell([["code", "quantity", "price"], ["A", 10, 100]], [["code", "weight"], ["A", 1.0]])
    assert column(block, "side") == ["HOLD"]
    assert len(block) == 2


def test_a_name_without_a_price_is_shown_and_stops_nothing() -> None:
    wanted = [["code", "weight", "price"], ["A", 0.5, 100], ["B", 0.5, None]]
    block = in_a_cell([["code", "quantity", "price"], ["A", 10, 100]], wanted)
    assert column(block, "status") == ["OK", "UNKNOWN"]
    assert column(block, "reason") == ["", "NO_PRICE"]


def test_a_missing_column_and_a_name_twice_are_refused() -> None:
    with pytest.raises(NotFoundError):
        in_a_cell([["code", "price"], ["A", 100]], WANTED)
    with pytest.raises(InputError, match="A is there already"):
        in_a_cell([["code", "quantity", "price"], ["A", 1, 100], ["A", 2, 100]], WANTED)
