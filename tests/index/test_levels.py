import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError
from xlplugin.index.divisor import (
    adjusted_divisor,
    contribution,
    dividend_points,
    index_level,
    weight_factors,
)
from xlplugin.index.levels import adjusted_prices, hedged_index, index_series, total_return
from xlplugin.index.scheme import SCHEMES, index_weights

positive = st.floats(0.1, 1000.0)
pairs = st.lists(st.tuples(positive, positive), min_size=1, max_size=20)


@given(pairs, positive, positive)
@settings(deadline=None)
def test_a_change_of_the_list_leaves_the_level_where_it_is(before, divisor, factor):
    price, quantity = (np.array(x) for x in zip(*before, strict=True))
    new_quantity = quantity * factor
    level = index_level(price, quantity, divisor)
    after = adjusted_divisor(divisor, price * quantity, price * new_quantity)
    assert index_level(price, new_quantity, after) == pytest.approx(level, rel=1e-12)
    # The other form of the rule: D + (MV after - MV before) / I.
    difference = math.fsum(price * new_quantity) - math.fsum(price * quantity)
    assert after == pytest.approx(divisor + difference / level, rel=1e-9)


@given(pairs, positive, st.randoms())
@settings(deadline=None)
def test_the_order_of_the_rows_does_not_matter_for_the_level(rows, divisor, random):
    price, quantity = (np.array(x) for x in zip(*rows, strict=True))
    order = list(range(len(rows)))
    random.shuffle(order)
    assert index_level(price[order], quantity[order], divisor) == index_level(price, quantity, divisor)


@given(pairs, positive)
@settings(deadline=None)
def test_contributions_sum_to_the_change_of_the_index(rows, divisor):
    price_from, price_to = (np.array(x) for x in zip(*rows, strict=True))
    quantity = np.linspace(1.0, 2.0, len(rows))
    moved = index_level(price_to, quantity, divisor) - index_level(price_from, quantity, divisor)
    points = contribution(price_from, price_to, quantity, divisor)
    assert math.fsum(points) == pytest.approx(moved, abs=1e-8 * (1 + abs(moved) + points.__abs__().max()))


def test_scaling_prices_and_divisor_together_changes_nothing():
    price, quantity = np.array([10.0, 20.0]), np.array([3.0, 4.0])
    assert index_level(price * 7, quantity, 7.0) == pytest.approx(index_level(price, quantity, 1.0))


def test_dividend_points_are_taxed_at_the_withholding_rate():
    points = dividend_points(np.array([10.0]), np.array([2.0]), 4.0, 0.2)
    assert points == pytest.approx(4.0)  # 10 * 2 / 4 = 5 points, less a fifth


def test_a_withholding_rate_above_one_is_refused():
    with pytest.raises(DomainError, match="withholding"):
        dividend_points(np.array([1.0]), np.array([1.0]), 1.0, 20.315)


def test_weight_factors_give_the_target_weights():
    price, shares = np.array([50.0, 20.0, 100.0]), np.array([1e6, 5e6, 2e6])
    free, target = np.array([0.8, 1.0, 0.5]), np.array([0.5, 0.3, 0.2])
    factors = weight_factors(price, shares, free, target, 1e9)
    columns = {"price": price, "shares": shares, "free_float": free, "cap_factor": factors}
    np.testing.assert_allclose(index_weights(SCHEMES["FLOAT"], columns), target, rtol=1e-12)


def test_a_name_worth_nothing_cannot_carry_a_weight():
    with pytest.raises(EmptyBaseError, match="row 2"):
        weight_factors(np.array([1.0, 0.0]), np.ones(2), np.ones(2), np.array([0.5, 0.5]))


# -- series --------------------------------------------------------------------------------------

price_matrix = st.lists(st.lists(positive, min_size=3, max_size=3), min_size=2, max_size=8).map(np.array)


@given(price_matrix, st.lists(positive, min_size=3, max_size=3))
@settings(deadline=None)
def test_the_series_is_the_level_with_a_divisor_that_gives_the_base(prices, quantity):
    quantity = np.array(quantity)
    series = index_series(prices, quantity, 1000.0)
    divisor = math.fsum(prices[0] * quantity) / 1000.0
    expected = [index_level(row, quantity, divisor) for row in prices]
    np.testing.assert_allclose(series, expected, rtol=1e-9)


@given(price_matrix, st.lists(positive, min_size=3, max_size=3), st.lists(positive, min_size=3, max_size=3))
@settings(deadline=None)
def test_a_rebalance_has_no_effect_on_the_day_it_happens(prices, first, second):
    flags = np.zeros(len(prices), dtype=bool)
    flags[0] = True
    levels = index_series(prices, np.array([first, second]), 100.0, flags)
    # From the first close on only the second set counts.
    np.testing.assert_allclose(levels, index_series(prices, np.array(second), 100.0), rtol=1e-9)


def test_the_quantity_in_force_over_a_day_is_the_one_before_its_close():
    # By hand: day 1 with (1, 0): 100 -> 110; switch after day 1 to (0, 1): day 2 50 -> 60, +20 %.
    prices = np.array([[100.0, 50.0], [110.0, 50.0], [999.0, 60.0]])
    flags = np.array([False, True, False])
    levels = index_series(prices, np.array([[1.0, 0.0], [0.0, 1.0]]), 1000.0, flags)
    np.testing.assert_allclose(levels, [1000.0, 1100.0, 1320.0])


def test_a_column_of_quantities_is_one_regime():
    prices = np.array([[100.0, 50.0], [110.0, 45.0]])
    assert index_series(prices, np.array([[1.0], [2.0]]), 10.0).tolist() == [10.0, 10.0]


def test_regimes_that_do_not_fit_the_flags_are_refused():
    with pytest.raises(InputError, match="2 rows were given and 0 changes"):
        index_series(np.ones((2, 1)), np.ones((2, 1)), 1.0)
    with pytest.raises(ShapeError, match="quantity"):
        index_series(np.ones((2, 2)), np.ones((1, 3)), 1.0)


@given(st.lists(st.tuples(positive, st.floats(0.0, 5.0)), min_size=2, max_size=10), st.floats(0.0, 1.0))
@settings(deadline=None)
def test_total_return_is_never_below_price_return(rows, withholding):
    price, points = (np.array(x) for x in zip(*rows, strict=True))
    gross, net = total_return(price, points), total_return(price, points, withholding)
    assert (gross >= price * (1 - 1e-12)).all()
    assert (net <= gross * (1 + 1e-12)).all()
    np.testing.assert_allclose(total_return(price, points, 1.0), price, rtol=1e-9)


def test_a_series_without_rows_is_missing():
    with pytest.raises(MissingError):
        total_return(np.array([]), np.array([]))


def test_a_hedge_at_an_unchanged_rate_earns_the_forward_points_only():
    # Spot stays 100, forward 99: +(99 - 100)/100 = -1 % a row on a flat index.
    levels = hedged_index(np.full(3, 50.0), np.full(3, 100.0), np.full(3, 99.0))
    np.testing.assert_allclose(levels, [50.0, 49.5, 49.005])


def test_without_a_hedge_the_hedged_index_is_the_index():
    index = np.array([100.0, 105.0, 99.0])
    np.testing.assert_allclose(hedged_index(index, np.array([1.0, 2, 3]), np.ones(3), 0.0), index)


def test_a_rate_of_zero_is_refused_with_its_row():
    with pytest.raises(DomainError, match="spot: row 2"):
        hedged_index(np.ones(2), np.array([1.0, 0.0]), np.ones(2))


@given(st.lists(st.tuples(positive, st.sampled_from([1.0, 0.5, 0.25, 2.0])), min_size=1, max_size=10))
@settings(deadline=None)
def test_adjusted_returns_over_a_split_are_returns_of_the_holder(rows):
    price, factor = (np.array(x) for x in zip(*rows, strict=True))
    adjusted = adjusted_prices(price, factor)
    assert adjusted[-1] == price[-1]
    # One share becomes 1/factor shares at the open of the row.
    np.testing.assert_allclose(adjusted[1:] / adjusted[:-1], price[1:] / factor[1:] / price[:-1], rtol=1e-9)
