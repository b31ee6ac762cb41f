import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import InfeasibleError, InputError, ShapeError
from xlplugin.index import least_risk
from xlplugin.index.least_risk import least_tracking_risk, tracking_risk

# The solver may stop a digit short of the tolerance asked for; what it found is still a bound.
pytestmark = pytest.mark.filterwarnings("ignore:Solution may be inaccurate")


def market(seed, n):
    rng = np.random.default_rng(seed)
    loadings = rng.normal(0.0, 0.1, (n, 3)) + np.array([0.15, 0.0, 0.0])
    covariance = loadings @ loadings.T + np.diag(rng.uniform(0.01, 0.1, n))
    index = rng.pareto(1.1, n) + 0.02
    return covariance, index / index.sum(), rng


def independent(covariance, index, allowed, attribute=None, limit=None):
    w = cp.Variable(len(index))
    root = np.linalg.cholesky(covariance)
    limits = [cp.sum(w) == 1, w >= 0, w[~allowed] == 0]
    if attribute is not None:
        limits.append(attribute @ w <= limit)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(root.T @ (w - index))), limits)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return w.value


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(0, 6))
@settings(deadline=None, max_examples=30)
def test_the_weights_agree_with_an_independent_solver(seed, n, excluded):
    covariance, index, _ = market(seed, n)
    allowed = np.ones(n, dtype=bool)
    allowed[np.argsort(-index)[: min(excluded, n - 1)]] = False
    found = least_tracking_risk(covariance, index, allowed=allowed)
    assert found.min() >= 0.0
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert (found[~allowed] == 0.0).all()
    other = independent(covariance, index, allowed)
    ours, theirs = tracking_risk(found, index, covariance), tracking_risk(other, index, covariance)
    assert ours <= theirs + 1e-8
    np.testing.assert_allclose(found, other, atol=1e-3)


@given(st.integers(0, 10_000), st.integers(2, 20), st.floats(0.0, 1.2))
@settings(deadline=None, max_examples=30)
def test_a_limit_on_carbon_agrees_with_an_independent_solver(seed, n, share):
    covariance, index, rng = market(seed, n)
    intensity = rng.uniform(1.0, 500.0, n)
    everybody = np.ones(n, dtype=bool)
    limit = intensity.min() + share * (float(intensity @ index) - intensity.min()) + 0.01
    found = least_tracking_risk(covariance, index, attribute=intensity, limit=limit)
    assert float(intensity @ found) <= limit * (1 + 1e-9)
    assert found.min() >= 0.0
    other = independent(covariance, index, everybody, intensity, limit)
    assert tracking_risk(found, index, covariance) <= tracking_risk(other, index, covariance) + 1e-6


@given(st.integers(0, 10_000), st.floats(0.0, 0.8))
@settings(deadline=None, max_examples=20)
def test_an_account_completes_what_is_held_elsewhere(seed, size):
    covariance, index, _ = market(seed, 12)
    outside = np.zeros(12)
    outside[seed % 12] = size
    found = least_tracking_risk(covariance, index, outside=outside)
    other = independent(covariance, index - outside, np.ones(12, dtype=bool))
    ours = tracking_risk(found + outside, index, covariance)
    assert ours <= tracking_risk(other + outside, index, covariance) + 1e-7
    assert ours <= tracking_risk(index + outside, index, covariance) + 1e-12


def test_nothing_excluded_is_the_index_itself():
    covariance, index, _ = market(1, 12)
    np.testing.assert_allclose(least_tracking_risk(covariance, index), index, atol=1e-10)


def test_descending_name_by_name_ends_at_the_same_weights():
    for seed in range(30):
        covariance, index, rng = market(seed, 15)
        allowed = rng.uniform(size=15) > 0.4
        allowed[0] = True
        names = np.flatnonzero(allowed)
        block = covariance[np.ix_(names, names)]
        slow, _ = least_risk._descend(block, covariance[names] @ index)
        np.testing.assert_allclose(
            least_tracking_risk(covariance, index, allowed=allowed)[names], slow, atol=1e-8
        )


def test_the_optimised_exclusion_carries_no_more_risk_than_pro_rata():
    covariance, index, _ = market(7, 40)
    allowed = index < np.sort(index)[-5]
    pro_rata = np.where(allowed, index, 0.0) / index[allowed].sum()
    best = least_tracking_risk(covariance, index, allowed=allowed)
    assert tracking_risk(best, index, covariance) <= tracking_risk(pro_rata, index, covariance)


def test_two_names_that_are_the_same_to_the_matrix_still_have_an_answer():
    covariance = np.array([[0.04, 0.04, 0.01], [0.04, 0.04, 0.01], [0.01, 0.01, 0.09]])
    index = np.array([0.5, 0.3, 0.2])
    found = least_tracking_risk(covariance, index, allowed=np.array([False, True, True]))
    np.testing.assert_allclose(found, [0.0, 0.8, 0.2], atol=1e-6)


def test_a_limit_that_no_name_meets_is_refused_with_the_lowest():
    with pytest.raises(InfeasibleError, match="lowest that can be held is 5"):
        least_tracking_risk(np.eye(2), np.array([0.5, 0.5]), attribute=np.array([5.0, 9.0]), limit=1.0)


def test_a_limit_at_the_lowest_holds_the_lowest_only():
    found = least_tracking_risk(np.eye(3), np.ones(3) / 3, attribute=np.array([5.0, 9.0, 5.0]), limit=5.0)
    np.testing.assert_allclose(found, [0.5, 0.0, 0.5], atol=1e-9)


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="covariance"):
        least_tracking_risk(np.eye(3), np.array([0.5, 0.5]))
    with pytest.raises(InputError, match="symmetric"):
        least_tracking_risk(np.array([[1.0, 0.5], [0.0, 1.0]]), np.array([0.5, 0.5]))
    with pytest.raises(InputError, match="both or neither"):
        least_tracking_risk(np.eye(2), np.array([0.5, 0.5]), limit=1.0)
    with pytest.raises(InfeasibleError):
        least_tracking_risk(np.eye(2), np.array([0.5, 0.5]), allowed=np.array([False, False]))
