import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, MissingError, ShapeError
from xlplugin.risk.calibration import calibrate, planning_multiplier, realised_risk
from xlplugin.risk.factors import FactorModel
from xlplugin.risk.models import STYLES, cross_fit_factor, default_model, structured_model, style_exposures

SECTORS = [f"s{k % 5}" for k in range(60)]


def world(t=504, n=60, seed=1):
    """Returns from a known model: market, five sectors and specific returns of known size."""
    rng = np.random.default_rng(seed)
    beta = rng.normal(1.0, 0.2, n)
    sector = np.array([k % 5 for k in range(n)])
    returns = beta * rng.normal(0.0003, 0.010, (t, 1))
    returns += rng.normal(0, 0.006, (t, 5))[:, sector]
    returns += rng.normal(0, 1, (t, n)) * np.linspace(0.010, 0.025, n)
    true = np.outer(beta, beta) * 0.010**2 + (sector[:, None] == sector) * 0.006**2
    true += np.diag(np.linspace(0.010, 0.025, n) ** 2)
    return returns, true * 252, rng.lognormal(3, 1, n)


def test_the_model_finds_the_risk_that_made_the_returns():
    returns, true, caps = world(t=2000)
    model = default_model(returns, caps, SECTORS)
    index = caps / caps.sum()
    rng = np.random.default_rng(5)
    for _ in range(20):
        active = rng.normal(size=60) * index
        active -= index * active.sum()
        said, is_ = active @ model.covariance() @ active, active @ true @ active
        assert np.sqrt(said / is_) == pytest.approx(1.0, abs=0.25)
    assert np.sqrt(index @ model.covariance() @ index / (index @ true @ index)) == pytest.approx(
        1.0, abs=0.15
    )


def test_factors_are_named_market_sectors_styles_components():
    returns, _, caps = world()
    names = structured_model(returns, caps, SECTORS).names
    assert names[:6] == ("market", "s0", "s1", "s2", "s3", "s4")
    assert names[6:13] == STYLES
    assert names[13:] == tuple(f"component {k}" for k in range(1, len(names) - 12))


def test_without_sectors_and_caps_more_components_take_their_place():
    returns, _, _ = world(n=160)
    names = structured_model(returns).names
    assert names[0] == "market"
    assert "size" not in names
    assert sum(name.startswith("component") for name in names) == 15


def test_sectors_of_one_or_two_names_are_taken_together():
    returns, _, caps = world()
    sectors = ["big"] * 57 + ["x", "y", "y"]
    assert structured_model(returns, caps, sectors).names[1:3] == ("big", "other sectors")


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6))
def test_the_order_of_the_securities_does_not_matter(seed):
    returns, _, caps = world(t=260, seed=seed)
    order = np.random.default_rng(seed).permutation(60)
    one = structured_model(returns, caps, SECTORS).covariance()
    other = structured_model(returns[:, order], caps[order], [SECTORS[k] for k in order]).covariance()
    assert other == pytest.approx(one[np.ix_(order, order)], rel=1e-6, abs=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6))
def test_the_currency_of_the_caps_does_not_matter(seed):
    returns, _, caps = world(t=260, seed=seed)
    one = structured_model(returns, caps, SECTORS).covariance()
    assert structured_model(returns, caps * 150, SECTORS).covariance() == pytest.approx(one, rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_styles_have_a_cap_weighted_mean_of_nought_and_stay_inside_three(seed):
    returns, _, caps = world(t=260, seed=seed)
    exposures, names = style_exposures(returns, caps)
    assert names == STYLES
    assert np.abs(exposures).max() <= 3.0
    unclipped = np.abs(exposures).max(axis=0) < 3.0
    mean = caps / caps.sum() @ exposures
    assert mean[unclipped] == pytest.approx(0.0, abs=1e-9)


def test_the_model_is_positive_semidefinite_and_has_a_floor_under_specific_risk():
    returns, _, caps = world()
    model = default_model(returns, caps, SECTORS)
    assert np.linalg.eigvalsh(model.covariance())[0] > 0
    assert model.specific_variance.min() > 0.3 * model.specific_variance.mean()


def test_few_names_get_the_shrunk_covariance_in_the_form_of_factors():
    returns, _, caps = world(n=20)
    from xlplugin.risk.covariance import covariance

    model = structured_model(returns, caps)
    assert model.covariance() == pytest.approx(covariance(returns, "LW"))


def test_a_name_with_a_short_history_takes_after_its_sector():
    returns, _, caps = world()
    returns = returns.copy()
    returns[:400, 7] = np.nan
    model = default_model(returns, caps, SECTORS)
    others = [k for k in range(60) if SECTORS[k] == SECTORS[7] and k != 7]
    assert model.exposures[7] == pytest.approx(model.exposures[others].mean(axis=0))
    rest = np.delete(model.specific_variance, 7)
    assert model.specific_variance[7] == pytest.approx(np.quantile(rest, 0.75))


def test_a_single_day_without_trade_changes_little():
    returns, _, caps = world()
    gap = returns.copy()
    gap[100, 3] = np.nan
    one, other = default_model(returns, caps, SECTORS), default_model(gap, caps, SECTORS)
    assert np.diag(other.covariance()) == pytest.approx(np.diag(one.covariance()), rel=0.05)


def test_a_model_that_knows_the_truth_needs_no_correction_and_one_that_halves_it_is_found_out():
    returns, true, _ = world(t=1500)
    root = np.linalg.cholesky(true)

    def honest(_):
        return FactorModel(root, np.eye(60), np.full(60, 1e-12))

    def half(_):
        return FactorModel(root / 2, np.eye(60), np.full(60, 1e-12))

    assert cross_fit_factor(honest, returns) == pytest.approx(1.0, abs=0.1)
    assert cross_fit_factor(half, returns) == pytest.approx(2.0, abs=0.1)


def test_the_level_of_plain_components_is_corrected_more_than_that_of_the_structured_model():
    from xlplugin.risk.covariance import statistical_model

    returns, _, caps = world(n=200)
    sectors = [f"s{k % 5}" for k in range(200)]
    plain = cross_fit_factor(lambda part: statistical_model(part, 30), returns)
    structured = cross_fit_factor(lambda part: structured_model(part, caps, sectors), returns)
    assert plain > structured


def test_the_same_input_gives_the_same_model():
    returns, _, caps = world()
    one, other = default_model(returns, caps, SECTORS), default_model(returns, caps, SECTORS)
    assert np.array_equal(one.covariance(), other.covariance())


def test_weekly_and_daily_histories_of_the_same_world_agree_on_the_level():
    returns, true, caps = world(t=2500)
    weekly = np.prod((1 + returns).reshape(500, 5, 60), axis=1) - 1
    index = caps / caps.sum()
    for model in (structured_model(returns, caps, SECTORS), structured_model(weekly, caps, SECTORS, 50.4)):
        assert np.sqrt(index @ model.covariance() @ index / (index @ true @ index)) == pytest.approx(
            1, abs=0.2
        )


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (MissingError, lambda: default_model(np.zeros((200, 60)))),
        (MissingError, lambda: default_model(np.full((300, 60), np.nan))),
        (ShapeError, lambda: default_model(np.zeros((300, 60)), np.ones(59))),
        (DomainError, lambda: default_model(np.zeros((300, 60)), np.zeros(60))),
        (ShapeError, lambda: default_model(np.zeros((300, 60)), None, ["a"])),
        (DomainError, lambda: default_model(np.zeros((300, 60)), periods_per_year=0)),
    ],
)
def test_histories_that_are_too_short_or_do_not_fit_are_refused(error, call):
    with pytest.raises(error):
        call()


# -- calibration -------------------------------------------------------------------------------


def test_holding_the_index_realises_no_active_risk():
    returns, _, caps = world(t=60)
    index = caps / caps.sum()
    assert realised_risk(index, index, returns) == 0.0


def test_realised_risk_is_that_of_two_portfolios_bought_and_held():
    rng = np.random.default_rng(4)
    returns, w, b = rng.normal(0, 0.02, (50, 3)), np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    gaps, held_w, held_b = [], w.copy(), b.copy()
    for day in returns:
        gaps.append(held_w @ day / held_w.sum() - held_b @ day / held_b.sum())
        held_w, held_b = held_w * (1 + day), held_b * (1 + day)
    assert realised_risk(w, b, returns) == pytest.approx(np.std(gaps, ddof=1) * 252**0.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 0.1), st.floats(0.001, 0.1)), min_size=1, max_size=30))
def test_the_multiplier_is_measured_only_with_enough_plans(rows):
    realised, forecast = zip(*rows, strict=True)
    done = calibrate(realised, forecast)
    ratios = sorted(r / f for r, f in rows)
    assert done.lower_quartile <= done.median <= done.upper_quartile
    assert ratios[0] - 1e-12 <= done.median <= ratios[-1] + 1e-12
    factor, measured = planning_multiplier(realised, forecast)
    assert measured == (len(rows) >= 20)
    assert factor == (done.median if measured else 1.2)


def test_the_target_is_nought_point_nine_to_one_point_one_five():
    assert calibrate([0.9], [1.0]).is_within_target
    assert not calibrate([1.16], [1.0]).is_within_target
    assert not calibrate([0.89], [1.0]).is_within_target


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (MissingError, lambda: calibrate([], [])),
        (EmptyBaseError, lambda: calibrate([0.1], [0.0])),
        (DomainError, lambda: calibrate([0.1], [-0.1])),
        (ShapeError, lambda: calibrate([0.1], [0.1, 0.2])),
        (ShapeError, lambda: realised_risk(np.ones(2), np.ones(2), np.ones((3, 3)))),
        (MissingError, lambda: realised_risk(np.ones(2), np.ones(2), np.ones((1, 2)))),
    ],
)
def test_calibrations_without_sense_are_refused(error, call):
    with pytest.raises(error):
        call()


@pytest.mark.slow
def test_on_real_prices_optimised_plans_are_within_the_target_and_those_of_plain_components_are_not(
    shared_data,
):
    from tests.benchmarks.calibration import main

    prices = shared_data / "jp" / "jp_close_2016_2026.parquet"
    weights = str(shared_data / "jp" / "topixweight_j_2026-04-30_cp932.csv")
    arguments = ["--prices", str(prices), "--caps", weights, "--sectors", weights, "--step", "252"]
    report = main([*arguments, "--models", "default,pca"])
    default = report["models"]["default"]
    for kind in ("excluded", "losers", "tax", "few"):
        assert default[kind]["within_target"], kind
    # What was not optimised may be overstated (the safe side), never understated: SPEC.md, section 6.
    assert 0.8 < default["random"]["median"] <= 1.15
    assert report["models"]["pca"]["tax"]["median"] > 1.3
