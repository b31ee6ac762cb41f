"""Lots: exact numbers in, one named rounding out, splits that add up."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tax.event_logs import START
from xlplugin.core.lots import CENT, TaxLot, exact, rounded

fractions = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**4)
units = st.sampled_from([Decimal("0.01"), Decimal(1), Decimal(100), Decimal(1000)])


def lot(quantity, cost, **more):
    return TaxLot("L", START, Fraction(quantity), Fraction(cost), START, **more)


def test_a_float_is_refused_because_it_is_not_what_was_typed():
    with pytest.raises(TypeError, match="binary floats"):
        exact(0.1)


@pytest.mark.parametrize(
    ("mode", "up", "down"),
    [
        (ROUND_HALF_UP, "0.03", "-0.03"),
        (ROUND_HALF_EVEN, "0.02", "-0.02"),
        (ROUND_DOWN, "0.02", "-0.02"),
        (ROUND_CEILING, "0.03", "-0.02"),
    ],
)
def test_a_tie_goes_where_its_mode_says(mode, up, down):
    assert rounded(Fraction(25, 1000), CENT, mode) == Decimal(up)
    assert rounded(Fraction(-25, 1000), CENT, mode) == Decimal(down)


@settings(deadline=None)
@given(
    value=st.decimals(-(10**9), 10**9, places=4),
    unit=units,
    mode=st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN, ROUND_CEILING]),
)
def test_rounding_agrees_with_decimal_wherever_decimal_is_exact(value, unit, mode):
    steps = (value / unit).quantize(Decimal(1), mode) if unit >= 1 else value.quantize(unit, mode) / unit
    assert rounded(Fraction(value), unit, mode) == steps * unit


@settings(deadline=None)
@given(value=fractions, unit=units)
def test_rounding_is_off_by_half_a_unit_at_most(value, unit):
    assert abs(Fraction(rounded(value, unit)) - value) <= Fraction(unit) / 2


def test_an_unknown_mode_is_a_mistake_in_the_program():
    with pytest.raises(ValueError, match="ROUND_UP"):
        rounded(Fraction(1, 3), CENT, "ROUND_UP")


@settings(deadline=None)
@given(
    quantity=st.integers(2, 10**6),
    part=st.fractions(0, 1, max_denominator=999).filter(lambda f: 0 < f < 1),
    cost=fractions.filter(lambda c: c >= 0),
    added=fractions.filter(lambda c: c >= 0),
)
def test_the_two_parts_of_a_lot_add_up_to_it(quantity, part, cost, added):
    whole = lot(quantity, cost, wash_added=added, gift_value=cost / 3)
    first, rest = whole.split(part * quantity)
    assert rest is not None
    assert first.quantity + rest.quantity == whole.quantity
    assert first.cost + rest.cost == whole.cost
    assert first.wash_added + rest.wash_added == whole.wash_added
    assert first.gift_value + rest.gift_value == whole.gift_value
    assert first.unit_cost == rest.unit_cost == whole.unit_cost


def test_a_third_of_a_lot_is_a_third():
    # 100 dollars over 3 shares has no decimal unit cost; three thirds are 100 again.
    first, rest = lot(3, 100).split(Fraction(1))
    assert rest is not None
    second, third = rest.split(Fraction(1))
    assert third is not None
    assert first.cost == second.cost == third.cost == Fraction(100, 3)


def test_taking_all_of_a_lot_leaves_nothing():
    whole = lot(7, 100)
    assert whole.split(Fraction(7)) == (whole, None)
