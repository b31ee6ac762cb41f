import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.real_cost import RealCost, lending_income, per_unit_rate, real_cost, time_cost
from xlplugin.errors import DomainError, EmptyBaseError, ShapeError

rates = st.floats(0.0, 0.1)
six = st.lists(rates, min_size=6, max_size=6)


@settings(deadline=None)
@given(six, rates)
def test_the_real_cost_is_the_sum_of_its_parts_less_lending(parts, extra):
    *costs, lending = parts
    assert float(real_cost(*parts)) == pytest.approx(sum(costs) - lending, abs=1e-15)
    # Linear: a basis point more in any component is a basis point more in the total.
    for place in range(5):
        dearer = parts[:]
        dearer[place] += extra
        assert float(real_cost(*dearer)) == pytest.approx(float(real_cost(*parts)) + extra, abs=1e-15)


@settings(deadline=None)
@given(six, st.floats(-0.1, 0.1))
def test_what_the_components_leave_unexplained_and_the_total_give_back_the_tracking_difference(parts, td):
    cost = RealCost(*parts)
    assert cost.unexplained(td) - cost.total == pytest.approx(td, abs=1e-15)


def test_a_fund_that_lags_by_more_than_its_known_costs_leaves_a_negative_rest():
    # By hand: 0.03 % of known cost, 0.42 % behind the index: 0.39 % hidden.
    cost = RealCost(ter=0.0003, other=0.0, execution=0.0, dividend=0.0, hedge=0.0, lending=0.0)
    assert cost.unexplained(-0.0042) == pytest.approx(-0.0039)


def test_a_list_of_funds_is_computed_row_by_row():
    rows = real_cost([0.001, 0.002], 0.0, 0.0, 0.0, [0.0, 0.02], 0.0001)
    assert rows.tolist() == pytest.approx([0.0009, 0.0219])


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="other"):
        real_cost([0.001, 0.002], [0.0] * 3, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_lending_share_outside_nought_to_one_is_refused(share):
    with pytest.raises(DomainError, match="share"):
        lending_income(0.001, share)


def test_nineteen_yen_per_ten_thousand_units_over_half_a_year_doubles_the_rate():
    whole, half = per_unit_rate(19, 16500, 365), per_unit_rate(19, 16500, 182.5)
    assert float(half) == pytest.approx(2 * float(whole))


def test_a_report_without_a_net_asset_value_has_no_rate():
    with pytest.raises(EmptyBaseError):
        per_unit_rate(np.array([19.0, 4.0]), np.array([16500.0, 0.0]))


def test_own_time_needs_assets_to_be_measured_against():
    assert time_cost(12, 2500, 6_000_000) == pytest.approx(0.005)
    with pytest.raises(EmptyBaseError):
        time_cost(1, 1, 0)
