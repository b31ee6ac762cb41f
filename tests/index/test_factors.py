import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, ShapeError, WordError
from xlplugin.index.free_float import FLOAT_RULES, free_float, transition_factor
from xlplugin.index.price_factor import cap_ratio, entry_price_factor, staged_price_factors


@given(st.integers(0, 1000), st.sampled_from(sorted(FLOAT_RULES)))
@settings(deadline=None)
def test_a_float_factor_is_a_fraction_and_rules_that_round_up_never_round_down(fixed, rule):
    raw = 1.0 - fixed / 1000
    factor = float(free_float(float(fixed), 1000.0, rule))
    assert 0.0 <= factor <= 1.0
    if rule in ("MSCI", "FTSE", "TOPIX_OLD"):
        assert factor >= raw - 1e-9
    assert abs(factor - raw) <= {"TOPIX": 0.000005, "RAW": 1e-9, "FTSE": 0.01}.get(rule, 0.05) + 1e-9


@pytest.mark.parametrize("percent", range(1, 101))
def test_a_fraction_on_the_grid_stays_where_it_is(percent):
    fixed = 100.0 - percent
    assert free_float(fixed, 100.0, "FTSE") == pytest.approx(percent / 100)
    if percent % 5 == 0:
        assert free_float(fixed, 100.0, "TOPIX_OLD") == pytest.approx(percent / 100)


def test_msci_rounds_to_one_per_cent_at_fifteen_and_to_five_above():
    assert free_float(np.array([850.0, 849.0]), 1000.0, "MSCI").tolist() == [0.15, 0.2]


def test_illiquid_names_counted_three_quarters_before_2022():
    assert free_float(500.0, 1000.0, "TOPIX_OLD", 1.0) == pytest.approx(0.375)
    assert free_float(500.0, 1000.0, "TOPIX", 1.0) == pytest.approx(0.5)


def test_float_errors_say_what_is_wrong():
    with pytest.raises(WordError, match="rule"):
        free_float(1.0, 2.0, "NASDAQ")
    with pytest.raises(EmptyBaseError):
        free_float(1.0, 0.0)
    with pytest.raises(DomainError):
        free_float(3.0, 2.0)
    with pytest.raises(ShapeError):
        free_float(np.ones(2), np.ones(3))


def test_a_transition_ends_at_zero_in_equal_steps():
    factors = transition_factor(np.arange(9.0), 8)
    assert factors[0] == 1.0
    assert factors[-1] == 0.0
    np.testing.assert_allclose(np.diff(factors), -0.125)


def test_a_step_beyond_the_last_is_refused():
    with pytest.raises(DomainError):
        transition_factor(9.0, 8)


@given(st.floats(1.0, 1e6), st.floats(1e5, 1e7))
@settings(deadline=None)
def test_an_entrant_weighs_at_most_the_limit_unless_one_step_is_already_too_much(price, total):
    factor = float(entry_price_factor(price, total))
    assert factor in [pytest.approx(k / 10) for k in range(1, 11)]
    if factor > 0.1:
        assert price * factor <= 0.01 * total * (1 + 1e-9)
    if factor < 1.0:  # the next step up would break the limit
        assert price * (factor + 0.1) > 0.01 * total * (1 - 1e-9)


def test_entrants_priced_like_smc_hoya_nidec_and_lasertec_get_their_factors():
    # Nikkei notices of 2022 and 2023: 0.1, 0.5, 0.8 and 0.4; the prices here are only of that size.
    total = 800_000.0
    prices = np.array([62_000.0, 15_500.0, 9_800.0, 19_000.0])
    assert entry_price_factor(prices, total).tolist() == [0.1, 0.5, 0.8, 0.4]


def test_a_ratio_falls_one_step_per_review_and_never_rises_by_itself():
    assert cap_ratio(0.11, 1.0) == 0.9
    assert cap_ratio(0.11, 0.9) == 0.8
    assert cap_ratio(0.02, 0.8) == 0.8
    assert cap_ratio(0.02, 0.8, release=0.05) == 0.9
    assert cap_ratio(0.10, 1.0) == 1.0  # at the cap, not above it


def test_a_ratio_cannot_reach_zero():
    with pytest.raises(DomainError, match="zero or less"):
        cap_ratio(0.5, 0.1)


def test_a_staged_entry_is_half_now_and_all_at_the_next_review():
    # Nitori entered at 0.3 of a full factor of 0.6 (October 2023).
    assert staged_price_factors(0.6) == [0.3, 0.6]
    with pytest.raises(DomainError):
        staged_price_factors(0.0)
