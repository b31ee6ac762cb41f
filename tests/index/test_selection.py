import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError, WordError
from xlplugin.index import selection
from xlplugin.index.liquidity import (
    annual_turnover,
    annual_value_ratio,
    days_to_trade,
    float_value_ratio,
)
from xlplugin.index.screening import Outcome, Rule, screen
from xlplugin.index.sector_balance import select_by_sector_balance

metrics = st.lists(st.integers(0, 50), min_size=1, max_size=30).map(lambda v: np.array(v, dtype=float))


def flags(data, n):
    return np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))


@given(metrics, st.data())
@settings(deadline=None)
def test_a_rank_selection_has_exactly_the_count_and_every_name_that_must_enter(metric, data):
    n = len(metric)
    count = data.draw(st.integers(0, n))
    rank_in = data.draw(st.integers(0, count))
    rank_out = data.draw(st.integers(count, n + 5))
    member = flags(data, n)
    taken = selection.select_by_rank(metric, count, member, rank_in, rank_out)
    rank = selection.ranks(metric)
    assert taken.sum() == count
    assert taken[rank <= rank_in].all()
    # Nobody outside the buffer is preferred to an incumbent inside it.
    if (member & (rank <= rank_out) & ~taken).any():
        assert not (taken & ~member & (rank > rank_in)).any()


@given(metrics, st.data())
@settings(deadline=None)
def test_without_a_buffer_the_best_names_are_taken(metric, data):
    count = data.draw(st.integers(0, len(metric)))
    taken = selection.select_by_rank(metric, count)
    assert sorted(metric[taken].tolist()) == sorted(sorted(metric.tolist(), reverse=True)[:count])


@given(metrics, st.data())
@settings(deadline=None)
def test_an_incumbent_stays_wherever_a_newcomer_would_enter(metric, data):
    if metric.sum() == 0.0:
        return
    keep = data.draw(st.floats(0.5, 1.0))
    member = flags(data, len(metric))
    taken = selection.select_by_coverage(metric, 0.5, member, keep)
    without = selection.select_by_coverage(metric, 0.5)
    assert (taken | ~without)[member].all()
    assert (taken == without)[~member].all()


@given(metrics, st.randoms())
@settings(deadline=None)
def test_a_list_of_different_sizes_is_selected_whatever_the_order(metric, random):
    metric = np.array(sorted(set(metric.tolist()))) + 1.0  # no ties: those are broken by the row
    order = list(range(len(metric)))
    random.shuffle(order)
    chosen = selection.select_by_coverage(metric, 0.8)
    assert selection.select_by_coverage(metric[order], 0.8).tolist() == chosen[order].tolist()
    assert selection.ranks(metric[order]).tolist() == selection.ranks(metric)[order].tolist()


def test_equal_names_are_ranked_by_their_row():
    assert selection.ranks(np.array([5.0, 7.0, 5.0])).tolist() == [2, 1, 3]


def test_a_share_exactly_on_the_boundary_is_inside():
    # 0.1 + 0.2 + 0.3 + ... in binary: 0.9000000000000001 must still meet 0.9.
    metric = np.array([0.4, 0.3, 0.2, 0.1])
    assert selection.select_by_coverage(metric, 0.9).tolist() == [True, True, True, False]


def test_more_names_than_there_are_cannot_be_wanted():
    with pytest.raises(DomainError, match="5 names are wanted of 2"):
        selection.select_by_rank(np.array([1.0, 2.0]), 5)


def test_entering_below_the_count_is_refused():
    with pytest.raises(DomainError, match="rank_in"):
        selection.select_by_rank(np.array([1.0, 2.0, 3.0]), 1, rank_in=2)


def test_a_missing_size_has_no_rank():
    with pytest.raises(MissingError, match="row 2"):
        selection.select_by_rank(np.array([1.0, np.nan]), 1)


@given(metrics, st.data())
@settings(deadline=None)
def test_a_name_inside_the_band_stays_and_one_outside_goes_where_a_newcomer_would(metric, data):
    if metric.sum() == 0.0:
        return
    breaks, band = np.array([0.7, 0.9]), 0.05
    current = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(metric), max_size=len(metric))), float
    )
    placed = selection.size_segments(metric, breaks, current, lower=band, upper=band)
    plain = selection.size_segments(metric, breaks)
    share = selection.cumulative_share(metric)
    for now, new, default, s in zip(current, placed, plain, share, strict=True):
        low = 0.0 if now <= 1 else breaks[int(now) - 2]
        high = 1.0 if now in (0, 3) else breaks[int(now) - 1]
        inside = now > 0 and low - band - 1e-9 <= s <= high + band + 1e-9
        assert new == (now if inside else default)


def test_breaks_must_be_monotone():
    with pytest.raises(InputError, match="ascending"):
        selection.size_segments(np.array([1.0]), np.array([0.9, 0.7]))
    with pytest.raises(InputError, match="descending"):
        selection.size_segments(np.array([1.0]), np.array([7.0, 9.0]), by_size=True)


def test_a_segment_that_does_not_exist_is_named_with_its_row():
    with pytest.raises(InputError, match="row 2 is 5"):
        selection.size_segments(np.array([1.0, 1.0]), np.array([0.5]), np.array([1.0, 5.0]))


def test_packets_move_half_a_position_each_way():
    held = np.array([1.0, 0.0, 0.5, 1.0])
    target = np.array([0.0, 1.0, 1.0, 1.0])
    assert selection.share_after_packet(held, target).tolist() == [0.5, 0.5, 1.0, 1.0]


def test_a_composite_score_is_standardised():
    score = selection.composite_score(np.array([[1, 9.0], [2, 7], [3, 8], [9, 1]]), np.array([0.7, 0.3]))
    assert score.mean() == pytest.approx(0.0, abs=1e-12)
    assert score.std() == pytest.approx(1.0)


def test_a_measure_without_spread_has_no_score():
    with pytest.raises(EmptyBaseError, match="column 2"):
        selection.composite_score(np.array([[1.0, 3.0], [2.0, 3.0]]), np.array([0.5, 0.5]))


def test_weights_of_another_number_of_measures_are_refused():
    with pytest.raises(ShapeError, match="weights"):
        selection.rank_points(np.ones((3, 2)), np.array([1.0]))


def test_rank_points_count_down_from_the_first():
    # Ranks 1, 2, 3 of three names: 3, 2, 1 points.
    assert selection.rank_points(np.array([[9.0], [5.0], [7.0]]), np.array([1.0])).tolist() == [3.0, 1.0, 2.0]


def test_turnover_of_a_full_switch_is_one():
    assert selection.turnover(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


# -- sector balance (Nikkei 225) -----------------------------------------------------------------


@given(st.integers(0, 4), st.data())
@settings(deadline=None)
def test_a_sector_balance_keeps_the_count_and_changes_a_little_at_a_time(max_swaps, data):
    n, count, pool = 30, 10, 20
    metric = np.array(data.draw(st.permutations(range(n))), dtype=float)
    sector = data.draw(st.lists(st.sampled_from("ABC"), min_size=n, max_size=n))
    member = np.zeros(n, dtype=bool)
    member[data.draw(st.permutations(range(n)))[:count]] = True
    new = select_by_sector_balance(
        metric, sector, member, count=count, pool=pool, must_enter=3, max_swaps=max_swaps
    )
    assert new.sum() == count
    assert (new & ~member).sum() <= max_swaps
    assert (member & ~new).sum() <= max_swaps


def test_illiquid_members_leave_and_the_most_liquid_names_enter():
    # Ranks by metric: row 0 is 1st ... row 5 is 6th. Pool 4: row 5 leaves. Must enter: rank 1.
    metric = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    member = np.array([False, True, True, False, False, True])
    new = select_by_sector_balance(metric, ["A"] * 6, member, count=3, pool=4, must_enter=1, max_swaps=3)
    assert new.tolist() == [True, True, True, False, False, False]


def test_a_free_place_goes_to_the_sector_that_is_furthest_below_its_share():
    # Pool of 6: four A, two B, shares 2 and 1. Members are two A; B lacks one, so B enters.
    metric = np.array([6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    sector = ["A", "A", "A", "A", "B", "B"]
    member = np.array([True, True, False, False, False, False])
    new = select_by_sector_balance(metric, sector, member, count=3, pool=6, must_enter=0, max_swaps=3)
    assert new.tolist() == [True, True, False, False, True, False]


# -- screens -------------------------------------------------------------------------------------


def test_the_first_rule_that_fails_is_the_reason():
    rules = [Rule("size", ">=", 10.0, code="SIZE"), Rule("sector", "NOT_IN", "Tobacco|Coal", code="ESG")]
    data = {"size": [5.0, 20.0, 20.0, 5.0], "sector": ["IT", "coal", "IT", "Coal"]}
    assert [v.reason for v in screen(data, rules)] == ["SIZE", "ESG", "", "SIZE"]


def test_constituents_meet_the_keep_value():
    rules = [Rule("turnover", ">=", 0.20, 0.14)]
    verdicts = screen({"turnover": [0.15, 0.15]}, rules, np.array([True, False]))
    assert [v.outcome for v in verdicts] == [Outcome.PASSED, Outcome.FAILED]


def test_a_missing_datum_is_unknown_and_not_a_failure():
    (verdict,) = screen({"roe": [None]}, [Rule("roe", ">", 0.0)])
    assert verdict == (Outcome.MISSING, "MISSING:roe")


def test_text_where_a_number_is_compared_is_unreadable_in_its_row_only():
    verdicts = screen({"roe": ["n/a", 0.1]}, [Rule("roe", ">", 0.0)])
    assert [v.outcome for v in verdicts] == [Outcome.UNREADABLE, Outcome.PASSED]


def test_present_asks_only_whether_there_is_a_datum():
    verdicts = screen({"report": ["", None, 3.0]}, [Rule("report", "PRESENT", None)])
    assert [v.outcome for v in verdicts] == [Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]


@pytest.mark.parametrize(
    ("word", "passes"),
    [("≧", True), ("≤", True), ("＝", True), ("≠", False), ("in", True), ("not in", False)],
)
def test_operators_are_understood_as_people_type_them(word, passes):
    (verdict,) = screen({"x": [5.0]}, [Rule("x", word, 5.0 if "in" not in word else "4|5")])
    assert (verdict.outcome is Outcome.PASSED) is passes


def test_an_unknown_operator_is_named_with_its_row():
    with pytest.raises(WordError, match="row 2"):
        screen({"x": [1.0]}, [Rule("x", "=", 1.0), Rule("x", "~", 1.0)])


def test_an_unknown_field_is_named_with_what_there_is():
    with pytest.raises(InputError, match="no field 'y'; it has x"):
        screen({"x": [1.0]}, [Rule("y", "=", 1.0)])


# -- liquidity -----------------------------------------------------------------------------------


def test_twelve_monthly_ratios_sum_to_the_annualised_one():
    rng = np.random.default_rng(1)
    value, days = rng.uniform(1e6, 2e6, 12), rng.integers(18, 23, 12).astype(float)
    assert annual_value_ratio(value, days, 1e9) == pytest.approx(annual_turnover(value, days, 1e9))


def test_parts_of_a_year_are_added_up():
    assert float_value_ratio(np.array([30.0, 50.0]), 100.0) == 0.8


def test_an_empty_float_cap_is_refused():
    with pytest.raises(EmptyBaseError):
        float_value_ratio(1.0, 0.0)
    with pytest.raises(EmptyBaseError):
        annual_turnover(np.array([1.0]), np.array([20.0]), 0.0)


def test_days_to_trade_need_volume():
    with pytest.raises(EmptyBaseError):
        days_to_trade(1.0, 0.0)
    with pytest.raises(ShapeError):
        days_to_trade(np.ones(2), np.ones(3))
