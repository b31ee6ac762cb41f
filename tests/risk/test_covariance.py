import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError, WordError
from xlplugin.risk.covariance import (
    METHODS,
    correlation,
    covariance,
    ewma_volatility,
    factor_form,
    nearest_psd,
    principal_components,
    regression_model,
    shrinkage,
    statistical_model,
)
from xlplugin.risk.regressions import factor_returns

EXPOSURES = np.array([[1.0, 0.2], [1.0, -0.5], [1.0, 0.9], [1.0, -1.3], [1.0, 0.4]])


@st.composite
def samples(draw, n=5):
    t = draw(st.integers(4, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    common = rng.normal(size=(t, 1)) * 0.01
    return common + rng.normal(size=(t, n)) * rng.uniform(0.005, 0.03, n)


def all_methods(returns, periods=252.0):
    for method in METHODS:
        yield method, covariance(returns, method, periods, factors=2, exposures=EXPOSURES)


def slow_ledoit_wolf_identity(x):
    """Ledoit and Wolf (2004a), written out: m, d2, b2 by their definitions, one observation at a time."""
    t, n = x.shape
    x = x - x.mean(axis=0)
    s = sum(np.outer(row, row) for row in x) / t
    m = np.trace(s) / n
    d2 = np.sum((s - m * np.eye(n)) ** 2) / n
    b2 = sum(np.sum((np.outer(row, row) - s) ** 2) for row in x) / (n * t**2)
    b2 = min(b2, d2)
    return b2 / d2, b2 / d2 * m * np.eye(n) + (1 - b2 / d2) * s


def slow_ledoit_wolf_constant_correlation(x):
    """Ledoit and Wolf (2004b), appendix B, with loops over i and j."""
    t, n = x.shape
    x = x - x.mean(axis=0)
    s = x.T @ x / t
    r = [[s[i, j] / np.sqrt(s[i, i] * s[j, j]) for j in range(n)] for i in range(n)]
    mean_r = 2.0 / ((n - 1) * n) * sum(r[i][j] for i in range(n) for j in range(i + 1, n))
    f = np.array(
        [[s[i, i] if i == j else mean_r * np.sqrt(s[i, i] * s[j, j]) for j in range(n)] for i in range(n)]
    )

    def pi(i, j):
        return np.mean((x[:, i] * x[:, j] - s[i, j]) ** 2)

    def theta(k, i, j):  # asymptotic covariance of s_kk and s_ij
        return np.mean((x[:, k] ** 2 - s[k, k]) * (x[:, i] * x[:, j] - s[i, j]))

    all_pi = sum(pi(i, j) for i in range(n) for j in range(n))
    rho = sum(pi(i, i) for i in range(n)) + sum(
        mean_r
        / 2
        * (np.sqrt(s[j, j] / s[i, i]) * theta(i, i, j) + np.sqrt(s[i, i] / s[j, j]) * theta(j, i, j))
        for i in range(n)
        for j in range(n)
        if i != j
    )
    gamma = np.sum((f - s) ** 2)
    delta = max(0.0, min((all_pi - rho) / gamma / t, 1.0))
    return delta, delta * f + (1 - delta) * s


@settings(deadline=None, max_examples=40)
@given(samples())
def test_the_sample_covariance_is_that_of_numpy(returns):
    assert covariance(returns, "SAMPLE", 52) == pytest.approx(np.cov(returns, rowvar=False) * 52, rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(samples())
def test_ledoit_wolf_agrees_with_its_definition_written_out_in_loops(returns):
    slow, matrix = slow_ledoit_wolf_identity(returns)
    assert shrinkage(returns, "LW") == pytest.approx(slow, rel=1e-9, abs=1e-12)
    assert covariance(returns, "LW", 1) == pytest.approx(matrix, rel=1e-9, abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(samples())
def test_constant_correlation_shrinkage_agrees_with_its_definition_written_out_in_loops(returns):
    slow, matrix = slow_ledoit_wolf_constant_correlation(returns)
    assert shrinkage(returns, "LWCC") == pytest.approx(slow, rel=1e-8, abs=1e-10)
    assert covariance(returns, "LWCC", 1) == pytest.approx(matrix, rel=1e-8, abs=1e-14)


@settings(deadline=None, max_examples=40)
@given(samples())
def test_every_method_gives_a_symmetric_positive_semidefinite_matrix(returns):
    for method, matrix in all_methods(returns):
        assert np.array_equal(matrix, matrix.T) or matrix == pytest.approx(matrix.T, abs=1e-18), method
        assert np.linalg.eigvalsh(matrix)[0] >= -1e-12, method


@settings(deadline=None, max_examples=40)
@given(samples(), st.floats(0.1, 10))
def test_every_method_scales_with_the_returns_and_with_the_year(returns, factor):
    for (method, once), (_, scaled) in zip(all_methods(returns), all_methods(returns * factor), strict=True):
        assert scaled == pytest.approx(once * factor**2, rel=1e-7, abs=1e-12), method
    for (method, daily), (_, weekly) in zip(all_methods(returns, 252), all_methods(returns, 52), strict=True):
        assert weekly == pytest.approx(daily * 52 / 252, rel=1e-9, abs=1e-15), method


@settings(deadline=None, max_examples=40)
@given(samples(), st.permutations(range(5)))
def test_the_order_of_the_securities_does_not_matter(returns, order):
    order = list(order)
    for method in METHODS:
        once = covariance(returns, method, factors=2, exposures=EXPOSURES)
        other = covariance(returns[:, order], method, factors=2, exposures=EXPOSURES[order])
        assert other == pytest.approx(once[np.ix_(order, order)], rel=1e-7, abs=1e-12), method


@settings(deadline=None, max_examples=40)
@given(samples(), st.randoms())
def test_the_order_of_the_periods_matters_only_to_exponential_weights(returns, random):
    order = list(range(len(returns)))
    random.shuffle(order)
    for method in METHODS:
        if method != "EWMA":
            once = covariance(returns, method, factors=2, exposures=EXPOSURES)
            other = covariance(returns[order], method, factors=2, exposures=EXPOSURES)
            assert other == pytest.approx(once, rel=1e-7, abs=1e-12), method


@settings(deadline=None, max_examples=40)
@given(samples())
def test_exponential_weights_agree_with_a_loop_and_halve_after_the_half_life(returns):
    matrix = covariance(returns, "EWMA", 1, half_life=5)
    t = len(returns)
    weights = [0.5 ** ((t - 1 - row) / 5) for row in range(t)]
    slow = sum(w * np.outer(r, r) for w, r in zip(weights, returns, strict=True)) / sum(weights)
    assert matrix == pytest.approx(slow, rel=1e-9, abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(samples())
def test_components_keep_the_sample_variances_and_all_of_them_give_the_sample_back(returns):
    sample = np.cov(returns, rowvar=False)
    few, full = statistical_model(returns, 2, 1), statistical_model(returns, 5, 1)
    assert np.diag(few.covariance()) == pytest.approx(np.diag(sample), rel=1e-9)
    assert full.covariance() == pytest.approx(sample, rel=1e-7, abs=1e-12)
    shares, vectors = principal_components(returns, 5)
    assert shares.sum() == pytest.approx(1.0)
    assert np.all(np.diff(shares) <= 1e-12)
    assert vectors.T @ vectors == pytest.approx(np.eye(5), abs=1e-9)
    assert np.all(vectors.sum(axis=0) >= -1e-9)


@given(samples())
def test_a_floor_lifts_the_smallest_specific_variances_and_leaves_the_others(returns):
    plain, floored = statistical_model(returns, 2, 1), statistical_model(returns, 2, 1, floor=0.5)
    middle = np.median(plain.specific_variance)
    assert floored.specific_variance == pytest.approx(np.maximum(plain.specific_variance, middle), rel=1e-12)
    assert floored.factor_covariance == pytest.approx(plain.factor_covariance)
    with pytest.raises(DomainError, match="from 0 to 1"):
        statistical_model(returns, 2, 1, floor=1.5)


@settings(deadline=None, max_examples=20)
@given(samples(), st.sampled_from(["SAMPLE", "LW", "LWCC", "OAS", "EWMA", "PCA"]), st.integers(1, 5))
def test_every_method_has_a_factor_form_with_its_diagonal(returns, method, factors):
    full = covariance(returns, method, 12)
    model, whole = factor_form(full, factors), factor_form(full, 9)
    assert model.exposures.shape == (5, factors)
    assert np.diag(model.covariance()) == pytest.approx(np.diag(full), rel=1e-9)
    assert whole.covariance() == pytest.approx(full, rel=1e-6, abs=1e-12)
    # More components never fit worse: what is left out is the sum of the smaller eigenvalues.
    left = np.linalg.eigvalsh(full)[: 5 - factors].sum()
    assert model.specific_variance.sum() == pytest.approx(max(left, 0.0), rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(samples())
def test_given_exposures_agree_with_one_least_squares_fit_per_period(returns):
    factors, rest = [], []
    for row in returns:
        fit = np.linalg.inv(EXPOSURES.T @ EXPOSURES) @ EXPOSURES.T @ row
        factors.append(fit)
        rest.append(row - EXPOSURES @ fit)
    slow = EXPOSURES @ np.cov(np.array(factors), rowvar=False) @ EXPOSURES.T
    slow += np.diag(np.var(np.array(rest), axis=0, ddof=1))
    assert covariance(returns, "FACTOR", 1, exposures=EXPOSURES) == pytest.approx(slow, rel=1e-7, abs=1e-13)


def test_shrinkage_vanishes_with_a_long_history_and_lies_in_between_before():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(4, 4))
    long = rng.normal(size=(20000, 4)) @ root * 0.01
    for target in ("LW", "LWCC", "OAS"):
        assert 0.0 <= shrinkage(long[:20], target) <= 1.0
        assert shrinkage(long, target) < 0.05 or target == "LWCC"
    assert shrinkage(long, "LW") < shrinkage(long[:100], "LW")


def test_a_sound_matrix_is_left_as_it_is_by_the_repair():
    sound = np.array([[0.04, 0.01], [0.01, 0.09]])
    assert nearest_psd(sound).tolist() == sound.tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 7))
def test_the_repair_keeps_the_diagonal_and_lifts_every_eigenvalue(seed, n):
    matrix = np.random.default_rng(seed).uniform(-1, 1, (n, n))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    fixed = nearest_psd(matrix)
    assert np.diag(fixed).tolist() == [1.0] * n
    assert np.linalg.eigvalsh(fixed)[0] > -1e-9


@settings(deadline=None, max_examples=40)
@given(samples())
def test_correlations_are_those_of_numpy(returns):
    matrix = correlation(covariance(returns, "SAMPLE"))
    assert matrix == pytest.approx(np.corrcoef(returns, rowvar=False), abs=1e-9)
    assert np.diag(matrix).tolist() == [1.0] * 5


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_factor_returns_solve_the_weighted_normal_equations_under_the_industry_bound(seed):
    # Independent: the bordered system with a Lagrange multiplier for the bound.
    rng = np.random.default_rng(seed)
    n, industries = 12, 3
    member = np.arange(n) % industries
    x = np.column_stack([np.ones(n), *(member == j for j in range(industries)), rng.normal(size=n)]).astype(
        float
    )
    caps, r = rng.uniform(1, 50, n), rng.normal(size=n) * 0.02
    flags = np.array([False, True, True, True, False])
    w = np.diag(np.sqrt(caps))
    bound = np.where(flags, caps @ x, 0.0)
    system = np.block([[x.T @ w @ x, bound[:, None]], [bound[None, :], np.zeros((1, 1))]])
    slow = np.linalg.solve(system, np.concatenate([x.T @ w @ r, [0.0]]))[:-1]
    assert factor_returns(r, x, caps, flags) == pytest.approx(slow, rel=1e-7, abs=1e-10)
    both = factor_returns(np.vstack([r, 2 * r]), x, caps, flags)
    assert both == pytest.approx(np.vstack([slow, 2 * slow]), rel=1e-7, abs=1e-10)


def test_a_market_column_beside_all_industries_is_singular_without_the_flags():
    x = np.array([[1.0, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1]])
    with pytest.raises(DomainError, match="flag the industry columns"):
        factor_returns(np.ones(4), x)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (MissingError, lambda: covariance(np.ones((1, 3)))),
        (InputError, lambda: covariance(np.ones(3))),
        (WordError, lambda: covariance(np.eye(3), "GARCH")),
        (WordError, lambda: shrinkage(np.eye(3), "SAMPLE")),
        (DomainError, lambda: covariance(np.eye(3), "LW", 0)),
        (DomainError, lambda: covariance(np.eye(3), "EWMA", 1, half_life=0)),
        (DomainError, lambda: ewma_volatility(np.eye(3), 1.5)),
        (MissingError, lambda: covariance(np.eye(3), "FACTOR")),
        (ShapeError, lambda: covariance(np.eye(3), "FACTOR", exposures=np.ones((2, 1)))),
        (DomainError, lambda: regression_model(np.eye(3), np.ones((3, 2)))),
        (DomainError, lambda: principal_components(np.eye(3), 4)),
        (EmptyBaseError, lambda: principal_components(np.ones((3, 2)), 1)),
        (EmptyBaseError, lambda: covariance(np.array([[0.1, 0.0], [0.2, 0.0]]), "LWCC")),
        (EmptyBaseError, lambda: correlation(np.diag([1.0, 0.0]))),
        (DomainError, lambda: correlation(np.diag([1.0, -1.0]))),
        (ShapeError, lambda: correlation(np.ones((2, 3)))),
        (InputError, lambda: nearest_psd(np.array([[1.0, 0.5], [0.4, 1.0]]))),
        (DomainError, lambda: nearest_psd(np.zeros((2, 2)))),
        (DomainError, lambda: factor_returns(np.ones(2), np.eye(2), np.array([1.0, 0.0]))),
        (ShapeError, lambda: factor_returns(np.ones(2), np.eye(3))),
    ],
)
def test_inputs_outside_their_domain_are_refused(error, call):
    with pytest.raises(error):
        call()
