import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InputError, ShapeError
from xlplugin.risk.active import (
    active_risk,
    active_share,
    contributions,
    exclusion_risk,
    factor_risk,
    group_contributions,
    prorata,
    volatility,
)
from xlplugin.risk.factors import FactorModel


@st.composite
def markets(draw, least=2):
    """Weights, index weights and a sound covariance of a few securities."""
    n = draw(st.integers(least, 8))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    loadings = rng.normal(size=(n, 3)) * 0.2
    covariance = loadings @ loadings.T + np.diag(rng.uniform(0.01, 0.1, n))
    weights, index = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    return weights, index, (covariance + covariance.T) / 2


@settings(deadline=None)
@given(markets())
def test_holding_the_index_carries_no_active_risk(market):
    _, index, covariance = market
    assert active_risk(index, index, covariance) == 0.0


@settings(deadline=None)
@given(markets())
def test_active_risk_is_the_double_sum_over_all_pairs(market):
    weights, index, covariance = market
    a = weights - index
    slow = sum(a[i] * a[j] * covariance[i, j] for i in range(a.size) for j in range(a.size))
    assert active_risk(weights, index, covariance) == pytest.approx(
        np.sqrt(max(slow, 0)), rel=1e-9, abs=1e-12
    )


@settings(deadline=None)
@given(markets(), st.floats(0.1, 10))
def test_risk_scales_with_the_bets_and_with_the_market(market, factor):
    weights, index, covariance = market
    once = active_risk(weights, index, covariance)
    assert active_risk(index + factor * (weights - index), index, covariance) == pytest.approx(factor * once)
    assert active_risk(weights, index, factor**2 * covariance) == pytest.approx(factor * once)


@settings(deadline=None)
@given(markets(), st.randoms())
def test_the_order_of_the_securities_does_not_matter(market, random):
    weights, index, covariance = market
    order = list(range(weights.size))
    random.shuffle(order)
    assert active_risk(weights[order], index[order], covariance[np.ix_(order, order)]) == pytest.approx(
        active_risk(weights, index, covariance), rel=1e-12
    )


@settings(deadline=None)
@given(markets())
def test_contributions_sum_to_the_tracking_error_and_shares_to_one(market):
    weights, index, covariance = market
    rows = contributions(weights, index, covariance)
    assert sum(row.contribution for row in rows) == pytest.approx(active_risk(weights, index, covariance))
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    groups = tuple("ab"[place % 2] for place in range(len(rows)))
    grouped = group_contributions(rows, groups)
    assert [name for name, _ in grouped] == ["a", "b"]
    assert sum(row.contribution for _, row in grouped) == pytest.approx(sum(row.contribution for row in rows))


@settings(deadline=None)
@given(markets())
def test_the_marginal_contribution_is_the_slope_of_the_tracking_error(market):
    weights, index, covariance = market
    step = 1e-6
    for place, row in enumerate(contributions(weights, index, covariance)):
        up, down = weights.copy(), weights.copy()
        up[place] += step
        down[place] -= step
        slope = (active_risk(up, index, covariance) - active_risk(down, index, covariance)) / (2 * step)
        assert row.marginal == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_two_independent_bets_add_in_squares():
    # By hand: sqrt((0.03 * 0.20)^2 + (0.04 * 0.20)^2) = 0.2 * 0.05 = 0.01.
    assert active_risk(
        np.array([0.53, 0.46]), np.array([0.50, 0.50]), np.diag([0.04, 0.04])
    ) == pytest.approx(0.01)


def test_a_group_whose_bets_cancel_has_no_marginal():
    rows = contributions(np.array([0.6, 0.4, 0.0]), np.array([0.5, 0.5, 0.0]), np.diag([0.04, 0.09, 0.01]))
    (_, both), (_, rest) = group_contributions(rows, ("x", "x", "y"))
    assert both.marginal is None
    assert both.contribution > 0
    assert rest.marginal is None


def test_no_active_risk_leaves_nothing_to_attribute():
    with pytest.raises(EmptyBaseError):
        contributions(np.array([0.5, 0.5]), np.array([0.5, 0.5]), np.eye(2))


@settings(deadline=None)
@given(markets())
def test_the_factor_form_gives_the_risk_of_its_full_matrix(market):
    weights, index, _ = market
    rng = np.random.default_rng(weights.size)
    root = rng.normal(size=(2, 2))
    model = FactorModel(
        rng.normal(size=(weights.size, 2)), root @ root.T, rng.uniform(0.01, 0.1, weights.size)
    )
    parts = factor_risk(weights, index, model)
    assert parts.total == pytest.approx(active_risk(weights, index, model.covariance()))
    assert parts.total**2 == pytest.approx(parts.factor**2 + parts.specific**2)
    loadings = model.loadings()
    assert loadings @ loadings.T + np.diag(model.specific_variance) == pytest.approx(model.covariance())


@settings(deadline=None)
@given(markets())
def test_active_share_lies_between_nought_and_one_and_is_symmetric(market):
    weights, index, _ = market
    share = active_share(weights, index)
    assert 0.0 <= share <= 1.0 + 1e-12
    assert share == active_share(index, weights)
    assert active_share(index, index) == 0.0


def test_portfolios_without_a_common_name_have_an_active_share_of_one():
    assert active_share(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0


@settings(deadline=None)
@given(markets(least=3), st.integers(1, 2))
def test_the_marginal_costs_of_exclusions_sum_to_dropping_them_all(market, dropped_count):
    _, index, covariance = market
    exclude = np.arange(index.size) < dropped_count
    rows = exclusion_risk(index, exclude, covariance)
    together = active_risk(prorata(index, exclude), index, covariance)
    assert sum(marginal for _, marginal in rows) == pytest.approx(together)
    assert all(row == (0.0, 0.0) for row, flag in zip(rows, exclude, strict=True) if not flag)


def test_dropping_every_name_is_refused():
    with pytest.raises(DomainError, match="keep at least one"):
        exclusion_risk(np.array([0.5, 0.5]), np.array([True, True]), np.eye(2))


def test_a_covariance_with_a_negative_eigenvalue_is_refused_when_it_shows():
    unsound = np.array([[0.04, 0.06], [0.06, 0.04]])
    with pytest.raises(DomainError, match="RISK_NEAREST_PSD"):
        volatility(np.array([0.5, -0.5]), unsound)


def test_a_matrix_of_another_size_is_named_in_the_error():
    with pytest.raises(ShapeError, match=r"covariance: expected 2 x 2"):
        active_risk(np.ones(2), np.ones(2), np.eye(3))


def test_a_shifted_range_is_noticed_because_it_is_not_symmetric():
    with pytest.raises(InputError, match="symmetric"):
        volatility(np.ones(2), np.array([[0.04, 0.01], [0.02, 0.04]]))


@pytest.mark.parametrize(
    ("exposures", "factors", "specific", "error"),
    [
        (np.ones((2, 1)), np.eye(2), np.ones(2), ShapeError),
        (np.ones((2, 1)), np.eye(1), np.ones(3), ShapeError),
        (np.ones((2, 1)), np.eye(1), np.array([0.1, -0.1]), DomainError),
        (np.ones(2), np.eye(1), np.ones(2), ShapeError),
    ],
)
def test_a_factor_model_whose_parts_do_not_fit_is_refused(exposures, factors, specific, error):
    with pytest.raises(error):
        FactorModel(exposures, factors, specific)


def test_a_model_of_some_names_is_the_block_of_the_full_model():
    model = FactorModel(
        np.array([[1.0], [2.0], [3.0]]), np.array([[0.04]]), np.array([0.1, 0.2, 0.3]), ("market",)
    )
    rows = np.array([2, 0])
    assert model.among(rows).covariance() == pytest.approx(model.covariance()[np.ix_(rows, rows)])
    assert model.among(rows).names == ("market",)
