import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.cost.growth import compounding_gap
from xlplugin.cost.real_cost import RealCost
from xlplugin.engines.vehicles import Harvest, Vehicle, compare_vehicles, tax_effect
from xlplugin.errors import DomainError
from xlplugin.risk.tracking import tracking_band

FUND = Vehicle("fund", RealCost(0.0009, 0.0003, 0.0, 0.0, 0.0, 0.0001), 0.001)
DIRECT = Vehicle("direct", RealCost(0.0, 0.002, 0.0008, 0.0004, 0.0, 0.0), 0.012, uses_losses=True)
HARVEST = Harvest(0.04, 0.6, 0.20315)


def compared(vehicles=(DIRECT, FUND), *, amount=10_000_000.0, years=10, tax=0.20315, harvest=HARVEST, **more):
    return compare_vehicles(vehicles, amount, growth=0.05, years=years, tax_rate=tax, harvest=harvest, **more)


def test_the_range_is_the_tracking_band_around_the_cost():
    direct, fund = compared()
    assert direct.real_cost == pytest.approx(0.0032)
    assert fund.money_a_year == pytest.approx(11_000)
    for horizon, low, high in direct.ranges:
        assert (low, high) == tracking_band(0.012, horizon, -direct.real_cost)
        assert (low + high) / 2 == pytest.approx(-0.0032 * horizon)
    assert [horizon for horizon, *_ in fund.ranges] == [1, 3, 5]


def test_two_costs_without_tax_are_the_compounding_gap():
    # The two ETFs of the cost article: 0.19 % and 0.42 % a year at 7 % for ten years, gap 41,213.
    pair = [Vehicle(n, RealCost(c, 0, 0, 0, 0, 0), 0.001) for n, c in (("A", 0.0019), ("B", 0.0042))]
    a, b = compare_vehicles(
        pair, 1_000_000, growth=0.07, years=10, tax_rate=0.0, harvest=Harvest(0.0, 0.0, 0.2)
    )
    gap = a.outlook[1].after_sale - b.outlook[1].after_sale
    assert round(gap) == 41_213
    assert gap == pytest.approx(compounding_gap(0.0019, 0.0042, 0.07, 10, 1_000_000)[-1].gap)


@settings(deadline=None)
@given(st.floats(0, 0.2), st.floats(0, 1), st.floats(0, 0.6), st.integers(1, 40))
def test_a_deferral_alone_is_worth_nothing_without_interest(first, fade, rate, years):
    assert tax_effect(1e6, Harvest(first, fade, rate), 1.0, years).net == pytest.approx(0.0, abs=1e-6)


@settings(deadline=None)
@given(
    st.floats(0.001, 0.2), st.floats(0, 0.9), st.floats(0.01, 0.6), st.integers(1, 40), st.floats(0.001, 0.2)
)
def test_more_use_and_more_interest_make_a_deferral_worth_more(first, fade, rate, years, discount):
    harvest = Harvest(first, fade, rate)
    nets = [tax_effect(1e6, harvest, use, years, discount).net for use in (0.0, 0.5, 1.0)]
    assert nets == sorted(nets)
    assert nets[0] < 0.0  # a lower cost that nobody used
    assert nets[2] >= -1e-6


def test_wealth_after_tax_agrees_with_a_ledger_kept_by_hand():
    # Year 1: 1,000,000 x 1.0468; a loss of 40,000 saves 8,126, invested; cost 1,000,000 - 40,000 + 8,126.
    # Year 2: (1,046,800 + 8,126) x 1.0468; a loss of 24,000 saves 4,875.6.
    [direct] = compared((DIRECT,), amount=1_000_000.0, years=2)
    wealth = (1_046_800.0 + 8_126.0) * 1.0468 + 4_875.6
    cost = 1_000_000.0 - 40_000.0 + 8_126.0 - 24_000.0 + 4_875.6
    assert direct.outlook[2].before_sale == pytest.approx(wealth)
    assert direct.outlook[2].after_sale == pytest.approx(wealth - 0.20315 * (wealth - cost))


def test_a_fund_cannot_use_the_losses_of_its_shares():
    _, fund = compared()
    assert {effect.net for effect in fund.tax} == {0.0}
    assert len({outlook.after_sale for outlook in fund.outlook}) == 1


def test_a_loss_at_the_end_saves_nothing():
    [fund] = compare_vehicles(
        [FUND], 1e6, growth=-0.05, years=3, tax_rate=0.20315, harvest=Harvest(0.0, 0.0, 0.2)
    )
    assert fund.outlook[0].after_sale == fund.outlook[0].before_sale < 1e6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"years": 0}, "years: 0"),
        ({"tax": 1.2}, "tax_rate 1.2"),
        ({"amount": -1.0}, "amount -1"),
        ({"harvest": Harvest(0.04, 1.5, 0.2)}, "fade: 1.5"),
        ({"harvest": Harvest(0.04, 0.5, 0.2, (0.0, 0.5, 2.0))}, r"use \(high\): 2"),
    ],
)
def test_an_impossible_setting_is_named(change, words):
    with pytest.raises(DomainError, match=words):
        compared(**change)
