import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.execution import (
    effective_spread,
    execution_cost,
    impact_cost,
    quoted_spread,
    slippage,
    summarise_fills,
    vwap,
)
from xlplugin.errors import DomainError, EmptyBaseError, InputError, ShapeError, WordError

prices = st.floats(1.0, 1e5)
quantities = st.floats(1.0, 1e6)
sides = st.sampled_from([1.0, -1.0])
fills = st.lists(st.tuples(sides, quantities, prices, prices), min_size=1, max_size=8)


@settings(deadline=None)
@given(st.floats(0.0, 0.05), st.integers(0, 100))
def test_two_one_way_trades_cost_one_round_trip(spread, trips):
    assert float(execution_cost(spread, 2 * trips, 0.0, "HALF")) == pytest.approx(
        float(execution_cost(spread, trips, 0.0, "FULL"))
    )


@settings(deadline=None)
@given(prices, st.floats(0.0, 0.1))
def test_a_purchase_at_the_ask_pays_the_quoted_spread(bid, width):
    ask = bid * (1.0 + width)
    mid = (bid + ask) / 2.0
    assert float(effective_spread(1, ask, mid)) == pytest.approx(float(quoted_spread(bid, ask)), abs=1e-12)
    assert float(effective_spread(-1, bid, mid)) == pytest.approx(float(quoted_spread(bid, ask)), abs=1e-12)


@settings(deadline=None)
@given(prices, prices)
def test_what_costs_the_buyer_gains_the_seller(price, benchmark):
    assert float(slippage(1, price, benchmark)) == -float(slippage(-1, price, benchmark))


@settings(deadline=None)
@given(fills)
def test_slippage_times_value_is_the_money_lost_over_all_fills(log):
    side, quantity, price, market = (np.array(column) for column in zip(*log, strict=True))
    done = summarise_fills(side, quantity, price, market)
    lost = sum(s * (p - m) * q for s, q, p, m in log)
    assert done.slippage * done.vwap_market * quantity.sum() == pytest.approx(lost, rel=1e-9, abs=1e-3)


@settings(deadline=None)
@given(fills, st.randoms())
def test_the_order_of_the_fills_does_not_matter(log, random):
    shuffled = log[:]
    random.shuffle(shuffled)
    one = summarise_fills(*(np.array(column) for column in zip(*log, strict=True)))
    other = summarise_fills(*(np.array(column) for column in zip(*shuffled, strict=True)))
    assert one == other


def test_an_order_of_four_times_the_size_has_twice_the_impact():
    assert float(impact_cost(4e6, 1e8, 0.02)) == pytest.approx(2 * float(impact_cost(1e6, 1e8, 0.02)))


def test_impact_starts_at_half_the_spread():
    assert float(impact_cost(0.0, 1e8, 0.02, 1.0, 0.001)) == 0.0005


def test_a_known_mid_takes_the_place_of_the_market_vwap():
    log = {
        "side": np.ones(1),
        "quantity": np.ones(1),
        "price": np.array([101.0]),
        "market_vwap": np.array([100.0]),
    }
    assert summarise_fills(**log).effective_spread == pytest.approx(0.02)
    assert summarise_fills(**log, mid=np.array([100.5])).effective_spread == pytest.approx(2 * 0.5 / 100.5)
    assert summarise_fills(**log, mid=np.array([np.nan])).effective_spread == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (DomainError, lambda: quoted_spread(101, 100)),
        (EmptyBaseError, lambda: quoted_spread(0, 0)),
        (InputError, lambda: slippage(0.5, 100, 100)),
        (EmptyBaseError, lambda: slippage(1, 100, 0)),
        (EmptyBaseError, lambda: vwap(np.array([1.0]), np.array([0.0]))),
        (ShapeError, lambda: vwap(np.ones(2), np.ones(3))),
        (DomainError, lambda: impact_cost(-1.0, 1.0, 0.1)),
        (EmptyBaseError, lambda: impact_cost(1.0, 0.0, 0.1)),
        (DomainError, lambda: execution_cost(-0.001, 4)),
        (WordError, lambda: execution_cost(0.001, 4, 0.0, "BOTH")),
        (DomainError, lambda: summarise_fills(np.ones(1), np.zeros(1), np.ones(1), np.ones(1))),
    ],
)
def test_inputs_outside_their_domain_are_refused(error, call):
    with pytest.raises(error):
        call()
