import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.dividends import ROUTES, dividend_loss, effective_rate
from xlplugin.cost.growth import breakeven_years, compounding_gap
from xlplugin.cost.hedge import forward_rate, hedge_cost
from xlplugin.errors import DomainError, EmptyBaseError, WordError

rates = st.floats(-0.02, 0.12)
taxes = st.floats(0.0, 1.0)


@settings(deadline=None)
@given(rates, rates, st.floats(0.0, 1.0))
def test_hedging_there_and_back_costs_nothing(home, foreign, ratio):
    assert hedge_cost(home, foreign, ratio) == pytest.approx(-hedge_cost(foreign, home, ratio), abs=1e-15)


@settings(deadline=None)
@given(st.floats(50, 200), rates, rates, st.integers(1, 720))
def test_lending_at_home_and_abroad_with_a_forward_earns_the_same(spot, home, foreign, days):
    # Covered parity by its meaning: a foreign unit deposited and sold forward = its price kept at home.
    forward = forward_rate(spot, home, foreign, days, day_domestic=365, day_foreign=365).rate
    abroad = (1.0 + foreign * days / 365.0) * forward
    at_home = spot * (1.0 + home * days / 365.0)
    assert abroad == pytest.approx(at_home, rel=1e-12)


def test_a_forward_over_a_short_time_costs_what_the_hedge_costs():
    one = forward_rate(150, 0.005, 0.045, 1, day_domestic=365, day_foreign=365)
    assert one.annual_cost == pytest.approx(hedge_cost(0.005, 0.045), rel=1e-3)


def test_a_negative_basis_makes_the_hedge_dearer():
    assert hedge_cost(0.005, 0.05, 1.0, -0.003) > hedge_cost(0.005, 0.05)
    assert (
        forward_rate(150, 0.005, 0.05, 90, -0.003).annual_cost
        > forward_rate(150, 0.005, 0.05, 90).annual_cost
    )


@pytest.mark.parametrize("change", [{"spot": 0.0}, {"days": 0.0}, {"day_foreign": -1.0}])
def test_a_forward_needs_a_spot_rate_and_a_term(change):
    with pytest.raises(DomainError):
        forward_rate(**{"spot": 150.0, "domestic": 0.0, "foreign": 0.05, "days": 30.0, **change})


@settings(deadline=None)
@given(taxes, taxes, taxes, st.sampled_from(ROUTES))
def test_every_route_takes_at_least_the_source_tax_or_the_credited_home_tax(source, fund, tax, route):
    rate = effective_rate(source, fund, tax, route)
    assert rate >= min(source, tax) - 1e-12
    if route != "CREDIT":
        assert source - 1e-12 <= rate <= 1.0


def test_the_routes_of_the_methodology_table():
    # Methodology 3.5: US share 28.2835 %, with credit 20.315 %, Irish fund of US shares 32.27 %.
    assert effective_rate(0.10) == pytest.approx(0.282835)
    assert effective_rate(0.10, mode="CREDIT") == 0.20315
    assert effective_rate(0.15) == pytest.approx(0.3226775)
    assert effective_rate(0.10, 0.10, 0.20315, "FUND") == pytest.approx(1 - 0.9 * 0.9 * 0.79685)
    assert effective_rate(0.30, mode="CREDIT") == pytest.approx(0.35)


def test_no_yield_no_loss():
    assert dividend_loss(0.0, 0.3) == 0.0


def test_a_tax_rate_above_one_and_an_unknown_route_are_refused():
    with pytest.raises(DomainError, match="source: 10"):
        effective_rate(10)
    with pytest.raises(WordError, match="DIRECT"):
        effective_rate(0.1, mode="OTHER")


@settings(deadline=None)
@given(st.floats(0, 0.02), st.floats(0, 0.02), st.floats(-0.05, 0.1), st.integers(1, 40))
def test_without_savings_wealth_follows_the_closed_form(cost_a, cost_b, gross, years):
    last = compounding_gap(cost_a, cost_b, gross, years, 100.0)[-1]
    assert last.wealth_a == pytest.approx(100 * (1 + gross - cost_a) ** years)
    assert last.gap == pytest.approx(last.wealth_a - last.wealth_b)


def test_yearly_savings_add_up_like_an_annuity():
    # By hand: 0 + 10, 10 * 1.05 + 10 = 20.5, 20.5 * 1.05 + 10 = 31.525.
    assert compounding_gap(0, 0, 0.05, 3, 0.0, 10.0)[-1].wealth_a == pytest.approx(31.525)


@pytest.mark.parametrize("years", [0, 2.5, 201])
def test_years_must_be_whole_and_few(years):
    with pytest.raises(DomainError):
        compounding_gap(0, 0, 0, years)


def test_a_switch_that_saves_nothing_never_pays():
    with pytest.raises(EmptyBaseError):
        breakeven_years(0.01, 0.0)
    with pytest.raises(DomainError):
        breakeven_years([0.01, 0.01], [0.001, -0.001])
