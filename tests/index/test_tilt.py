import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    InfeasibleError,
    InputError,
    MissingError,
    ShapeError,
)
from xlplugin.index import scores as scoring
from xlplugin.index import tilt

books = st.lists(
    st.tuples(st.floats(0.001, 1.0), st.booleans(), st.sampled_from("ABC")), min_size=2, max_size=25
)


def read(rows):
    weights = np.array([w for w, _, _ in rows])
    return weights / weights.sum(), np.array([o for _, o, _ in rows]), [g for _, _, g in rows]


def by_group(weights, groups):
    return {g: math.fsum(w for w, h in zip(weights, groups, strict=True) if h == g) for g in set(groups)}


@given(books, st.sampled_from(["PRORATA", "SECTOR"]))
@settings(deadline=None)
def test_what_is_excluded_weighs_nothing_and_the_rest_sums_to_one(rows, mode):
    weights, out, groups = read(rows)
    if out.all():
        with pytest.raises(InfeasibleError, match="keep at least one"):
            tilt.exclude(weights, out, mode, groups)
        return
    kept = tilt.exclude(weights, out, mode, groups)
    assert kept.sum() == pytest.approx(1.0)
    assert (kept[out] == 0.0).all()
    assert (kept[~out] > 0.0).all()


@given(books)
@settings(deadline=None)
def test_pro_rata_keeps_ratios_and_sector_keeps_sector_weights(rows):
    weights, out, groups = read(rows)
    if out.all():
        return
    scaled = tilt.exclude(weights, out)[~out] / weights[~out]
    assert scaled.max() - scaled.min() <= 1e-12 * scaled.max()
    refilled = by_group(tilt.exclude(weights, out, "SECTOR", groups), groups)
    alive = {g for g, o in zip(groups, out, strict=True) if not o}
    before = by_group(weights, groups)
    spread = math.fsum(before[g] for g in alive)
    for g in alive:  # sectors that lost every name hand their weight to the others in proportion
        assert refilled[g] == pytest.approx(before[g] / spread)


@given(books, st.randoms())
@settings(deadline=None)
def test_the_order_of_the_rows_does_not_matter_for_exclusions(rows, random):
    if all(o for _, o, _ in rows):
        return
    order = list(range(len(rows)))
    random.shuffle(order)
    weights, out, groups = read(rows)
    kept = tilt.exclude(weights, out, "SECTOR", groups)
    again = tilt.exclude(weights[order], out[order], "SECTOR", [groups[i] for i in order])
    np.testing.assert_allclose(again, kept[order], rtol=1e-13)


def test_each_mode_says_what_it_needs():
    weights, out = np.array([0.5, 0.5]), np.array([True, False])
    with pytest.raises(InputError, match="SECTOR needs"):
        tilt.exclude(weights, out, "SECTOR")
    with pytest.raises(InputError, match="OPTIMIZED needs"):
        tilt.exclude(weights, out, "OPTIMIZED")
    with pytest.raises(ShapeError, match="covariance"):
        tilt.exclude(weights, out, "OPTIMIZED", None, np.eye(3))


# -- scores --------------------------------------------------------------------------------------

values = st.lists(st.floats(-100, 100), min_size=2, max_size=20).map(np.array)


@given(values)
@settings(deadline=None)
def test_scores_without_clipping_have_mean_zero_and_deviation_one(metric):
    if metric.std() < 1e-6:
        return
    z = scoring.zscores(metric, 1000.0).values
    assert z.mean() == pytest.approx(0.0, abs=1e-9)
    assert z.std() == pytest.approx(1.0)


@given(values, st.floats(0.1, 10.0), st.floats(-10, 10))
@settings(deadline=None)
def test_scores_do_not_depend_on_the_unit_of_the_measure(metric, scale, shift):
    if metric.std() < 1e-3:
        return
    z = scoring.zscores(metric).values
    np.testing.assert_allclose(scoring.zscores(metric * scale + shift).values, z, atol=1e-6)


def test_a_missing_value_stays_missing_and_does_not_move_the_others():
    with_gap = scoring.zscores(np.array([1.0, np.nan, 3.0])).values
    np.testing.assert_allclose(with_gap[[0, 2]], [-1.0, 1.0])
    assert math.isnan(with_gap[1])


def test_the_mean_is_weighted_and_the_deviation_is_not():
    # Mean 1.5 under weights 3:1, deviation of 1 and 3 is 1: scores -0.5 and +1.5.
    z = scoring.zscores(np.array([1.0, 3.0]), weights=np.array([0.75, 0.25])).values
    np.testing.assert_allclose(z, [-0.5, 1.5])


def test_a_sector_without_spread_has_no_score_and_does_not_stop_the_others():
    scores = scoring.zscores(np.array([1.0, 3.0, 7.0]), group=["A", "A", "B"])
    np.testing.assert_allclose(scores.values[:2], [-1.0, 1.0])
    assert scores.flat.tolist() == [False, False, True]


def test_a_measure_without_any_spread_is_refused():
    with pytest.raises(EmptyBaseError, match="spread"):
        scoring.zscores(np.array([2.0, 2.0]))
    with pytest.raises(MissingError):
        scoring.zscores(np.array([np.nan, np.nan]))


@given(st.floats(-5, 5))
@settings(deadline=None)
def test_a_multiplier_is_positive_rising_and_its_mirror_is_its_inverse(z):
    up, down = scoring.multiplier(np.array([abs(z), -abs(z)]))
    assert up * down == pytest.approx(1.0)
    assert 0.0 < down <= 1.0 <= up


def test_quality_is_the_mean_of_what_is_there():
    # Three names, the first without leverage. z(roe) = -1, 1; z(-leverage) over rows 2 and 3.
    roe = np.array([0.1, 0.2, np.nan])
    leverage = np.array([np.nan, 1.0, 3.0])
    steady = np.array([np.nan, np.nan, np.nan])
    steady[:2] = [0.1, 0.2]
    scores = scoring.quality(roe, leverage, steady).values
    np.testing.assert_allclose(scores, [(-1 + 1) / 2, (1 + 1 - 1) / 3, -1.0])


def test_a_name_without_any_ratio_above_zero_has_no_value_score():
    scores = scoring.value(np.array([[1.0, 10.0], [-2.0, 0.0], [3.0, 30.0]])).values
    np.testing.assert_allclose(scores[[0, 2]], [1.0, -1.0])
    assert math.isnan(scores[1])


def test_momentum_skips_the_review_month():
    prices = np.full((14, 3), 100.0) + np.arange(3)
    prices[12] = [110.0, 105.0, 100.0]
    z = scoring.momentum(prices)
    prices[13] = [1.0, 500.0, 20.0]
    np.testing.assert_array_equal(scoring.momentum(prices), z)
    with pytest.raises(MissingError, match="14"):
        scoring.momentum(prices[1:])


# -- tilted weights ------------------------------------------------------------------------------


@given(books, st.floats(-3, 3))
@settings(deadline=None)
def test_tilted_weights_sum_to_one_and_a_sector_neutral_tilt_keeps_sectors(rows, strength):
    weights, _, groups = read(rows)
    score = np.linspace(0.5, 2.0, len(rows))
    assert tilt.tilted_weights(weights, score, strength).sum() == pytest.approx(1.0)
    neutral = tilt.tilted_weights(weights, score, strength, groups)
    assert by_group(neutral, groups) == pytest.approx(by_group(weights, groups))


def test_a_strength_of_zero_leaves_the_parent():
    weights = np.array([0.6, 0.4])
    np.testing.assert_allclose(tilt.tilted_weights(weights, np.array([5.0, 0.1]), 0.0), weights)


def test_a_cap_is_applied_last():
    capped = tilt.tilted_weights(np.array([0.4, 0.3, 0.3]), np.array([10.0, 1.0, 1.0]), cap=0.5)
    np.testing.assert_allclose(capped, [0.5, 0.25, 0.25])


def test_a_score_that_is_not_above_zero_is_named_with_its_row():
    with pytest.raises(DomainError, match="row 2"):
        tilt.tilted_weights(np.array([0.5, 0.5]), np.array([1.0, -0.5]))


@given(st.floats(-4, 4))
@settings(deadline=None)
def test_the_strength_for_an_exposure_reaches_it(strength):
    weights, score = np.array([0.3, 0.3, 0.4]), np.array([2.0, 1.0, 0.5])
    exposure = np.array([1.0, 0.0, -1.0])
    target = math.fsum(tilt.tilted_weights(weights, score, strength) * exposure)
    found = tilt.strength_for(weights, score, exposure, target)
    assert found == pytest.approx(strength, abs=1e-6)


def test_an_exposure_out_of_reach_names_the_range():
    with pytest.raises(InfeasibleError, match="out of reach"):
        tilt.strength_for(np.array([0.5, 0.5]), np.array([2.0, 1.0]), np.array([1.0, 0.0]), 3.0)


def test_carbon_intensity_is_rescaled_to_what_is_covered():
    assert tilt.carbon_intensity(np.array([0.5, 0.25, 0.25]), np.array([100.0, 40.0, np.nan])) == 80.0
    with pytest.raises(MissingError):
        tilt.carbon_intensity(np.array([0.0, 1.0]), np.array([5.0, np.nan]))


def test_the_exposure_of_the_index_to_itself_is_the_mean():
    exposures = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert tilt.exposures_of(np.array([0.25, 0.75]), exposures).tolist() == [2.5, 3.5]
