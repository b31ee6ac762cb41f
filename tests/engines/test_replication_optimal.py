from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.replication.optimal import Row, WeightProblem, least_risk_weights
from xlplugin.engines.replication.request import METHODS, ReplicationRequest, bounded
from xlplugin.engines.replication.subset import best_subset
from xlplugin.errors import DomainError, InfeasibleError, InputError, ShapeError
from xlplugin.risk.factors import FactorModel

OPTIMIZED = METHODS["optimized"]


@st.composite
def problems(draw, largest=12):
    """A weight problem with any mixture of bounds, group rows, trading cost and a turnover cap."""
    n = draw(st.integers(3, largest))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    loadings = rng.normal(size=(n, 3)) * 0.2
    covariance = loadings @ loadings.T + np.diag(rng.uniform(0.005, 0.1, n))
    benchmark = rng.dirichlet(np.ones(n))
    upper = np.full(n, np.inf)
    if draw(st.booleans()):
        upper[rng.random(n) < 0.3] = 0.0
        upper[rng.integers(0, n)] = 0.5
        upper[int(np.argmax(benchmark))] = np.inf
    rows = ()
    if draw(st.booleans()):
        member = (rng.random(n) < 0.5).astype(float)
        middle = float(member @ benchmark)
        rows = (Row("band", member, middle - 0.1, middle + 0.1),) if not np.any(upper < 1) else ()
    current = rng.dirichlet(np.ones(n)) if draw(st.booleans()) else None
    costs = current is not None and draw(st.booleans())
    return WeightProblem(
        benchmark,
        (covariance + covariance.T) / 2,
        draw(st.sampled_from([1.0, 0.95])) if not rows else 1.0,
        np.zeros(n),
        upper,
        rows,
        current,
        rng.uniform(0, 0.01, n) if costs else None,
        draw(st.sampled_from([None, 0.9, 1.5])) if current is not None else None,
    )


def cvxpy_value(problem):
    w = cp.Variable(problem.size)
    active = w - problem.benchmark
    objective = 0.5 * cp.quad_form(active, cp.psd_wrap(problem.covariance))
    if problem.trade_cost is not None:
        objective += problem.trade_cost @ cp.abs(w - problem.current)
    constraints = [cp.sum(w) == problem.budget, w >= problem.lower, w <= np.minimum(problem.upper, 10)]
    for row in problem.rows:
        constraints += [row.coefficients @ w <= row.high, row.coefficients @ w >= row.low]
    if problem.turnover is not None:
        constraints.append(cp.norm1(w - problem.current) <= 2 * problem.turnover)
    model = cp.Problem(cp.Minimize(objective), constraints)
    model.solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    return model.value if model.status.startswith("optimal") else None


@settings(deadline=None, max_examples=60)
@given(problems())
def test_the_optimiser_agrees_with_the_same_model_in_cvxpy(problem):
    expected = cvxpy_value(problem)
    if expected is None:
        with pytest.raises(InfeasibleError):
            problem.weights()
        return
    weights = problem.weights()
    assert problem.objective(weights) == pytest.approx(expected, rel=1e-7, abs=1e-10)
    assert weights.sum() == pytest.approx(problem.budget, abs=1e-9)
    assert np.all(weights >= problem.lower)
    assert np.all(weights <= problem.upper)
    for row in problem.rows:
        assert row.low - 1e-9 <= row.coefficients @ weights <= row.high + 1e-9
    if problem.turnover is not None:
        assert np.abs(weights - problem.current).sum() <= 2 * problem.turnover + 1e-8


def brute_force(problem, count):
    """The best value over every subset of `count` names, each solved by itself."""
    best = np.inf
    for names in combinations(np.flatnonzero(problem.upper > 0), count):
        try:
            weights = problem.on(np.array(names))
        except InfeasibleError:
            continue
        best = min(best, problem.objective(weights))
    return best


@settings(deadline=None, max_examples=25)
@given(problems(largest=7), st.integers(1, 4))
def test_enumeration_finds_the_best_of_all_subsets(problem, count):
    count = min(count, int((problem.upper > 0).sum()))
    best = brute_force(problem, count)
    none = np.zeros(problem.size, dtype=bool)
    if not np.isfinite(best):
        with pytest.raises(InfeasibleError):
            best_subset(problem, count, none)
        return
    weights = best_subset(problem, count, none)
    assert np.count_nonzero(weights) <= count
    assert problem.objective(weights) == pytest.approx(best, rel=1e-7, abs=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_elimination_with_exchanges_comes_close_to_the_exact_answer(seed, count):
    rng = np.random.default_rng(seed)
    n = 20  # 20 over 5 is above the limit of enumeration
    loadings = np.column_stack([rng.normal(0.16, 0.03, n), rng.normal(0, 0.05, (n, 2))])
    covariance = loadings @ loadings.T + np.diag(rng.uniform(0.03, 0.1, n))
    problem = WeightProblem(rng.dirichlet(np.ones(n)), covariance, 1.0, np.zeros(n), np.full(n, np.inf))
    from xlplugin.engines.replication.subset import _Search

    search = _Search(problem, count, np.zeros(n, dtype=bool), 0.0)
    exact = search.enumerated(range(count, count + 1))
    found = search.eliminated()
    assert np.count_nonzero(found) <= count
    assert problem.objective(found) <= problem.objective(exact) * 1.05
    assert problem.objective(found) >= problem.objective(exact) * (1 - 1e-9)


def market(n=60, seed=3):
    rng = np.random.default_rng(seed)
    exposures = np.column_stack([rng.normal(0.16, 0.03, n), rng.normal(0, 0.05, (n, 3))])
    weights = 1 / np.arange(1, n + 1)
    return weights / weights.sum(), FactorModel(exposures, np.eye(4), rng.uniform(0.2, 0.3, n) ** 2)


def test_more_names_never_track_worse():
    index, risk = market()
    errors = []
    for count in (5, 10, 20, 40):
        weights = OPTIMIZED.weights(ReplicationRequest(index, count, risk))
        assert np.count_nonzero(weights) <= count
        active = weights - index
        errors.append(active @ risk.covariance() @ active)
    assert errors == sorted(errors, reverse=True)


def test_optimised_tracks_better_than_the_same_number_of_stratified_or_largest_names():
    index, risk = market()
    cells = tuple(f"s{k % 5}|{'L' if k < 20 else 'S'}" for k in range(index.size))
    request = ReplicationRequest(index, 15, risk, cells)

    def error(weights):
        return float((weights - index) @ risk.covariance() @ (weights - index))

    largest = np.where(np.arange(index.size) < 15, index, 0.0)
    optimized = error(OPTIMIZED.weights(request))
    assert optimized < error(METHODS["stratified"].weights(request))
    assert optimized < error(largest / largest.sum())


def test_names_that_must_be_held_count_and_are_held():
    index, risk = market()
    must = np.zeros(index.size, dtype=bool)
    must[[50, 59]] = True
    request = ReplicationRequest(index, 10, risk, must_hold=must, min_weight=0.01)
    weights = OPTIMIZED.weights(request)
    assert np.all(weights[must] >= 0.01)
    assert np.count_nonzero(weights) <= 10
    assert np.all((weights == 0.0) | (weights >= 0.01 - 1e-12))


def test_a_minimum_weight_gives_up_names_rather_than_holding_crumbs():
    index = np.array([0.5, 0.3, 0.19, 0.01])
    weights = OPTIMIZED.weights(
        ReplicationRequest(index, risk=np.diag([0.04, 0.05, 0.06, 0.07]), min_weight=0.05)
    )
    assert weights[3] == 0.0
    assert np.all(weights[:3] > 0.05)


def test_a_group_band_holds_the_groups_near_the_index():
    index, risk = market(20)
    group = tuple("ab"[k % 2] for k in range(20))
    upper = np.where(np.arange(20) % 2 == 0, np.where(np.arange(20) < 10, 0.0, np.inf), np.inf)
    free = OPTIMIZED.weights(ReplicationRequest(index, risk=risk, upper=upper))
    tied = OPTIMIZED.weights(ReplicationRequest(index, risk=risk, upper=upper, group=group, band=0.01))
    of_a = np.array([name == "a" for name in group])
    assert abs(free[of_a].sum() - index[of_a].sum()) > 0.01
    assert abs(tied[of_a].sum() - index[of_a].sum()) <= 0.01 + 1e-9


def test_a_beta_band_holds_the_beta_near_that_of_the_index():
    rng = np.random.default_rng(24)
    beta = rng.uniform(0.5, 1.6, 8)
    # Beta matters little to this covariance, so that only the band holds it.
    covariance = np.diag(rng.uniform(0.01, 0.2, 8)) + 1e-4 * np.outer(beta, beta)
    benchmark, upper = rng.dirichlet(np.ones(8)), np.full(8, np.inf)
    upper[np.argsort(beta)[-2:]] = 0.0
    free = ReplicationRequest(benchmark, risk=covariance, upper=upper)
    loose = OPTIMIZED.weights(free)
    band = 0.3 * abs(beta @ (loose - benchmark))
    banded = ReplicationRequest(benchmark, risk=covariance, upper=upper, beta=beta, beta_band=band)
    held = OPTIMIZED.weights(banded)
    assert band > 1e-3
    assert abs(beta @ (held - benchmark)) == pytest.approx(band, rel=1e-6)
    w = cp.Variable(8, nonneg=True)
    rules = [cp.sum(w) == 1, w[upper == 0.0] == 0, cp.abs(beta @ (w - benchmark)) <= band]
    task = cp.Problem(cp.Minimize(cp.quad_form(w - benchmark, cp.psd_wrap(covariance))), rules)
    task.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    assert held == pytest.approx(w.value, abs=1e-6)


def test_a_beta_band_without_betas_is_refused():
    with pytest.raises(InputError, match="column beta"):
        ReplicationRequest(np.array([0.5, 0.5]), beta_band=0.02)


def test_a_dear_trade_leaves_the_portfolio_as_it_is():
    index, risk = market(10)
    current = np.full(10, 0.1)
    request = ReplicationRequest(index, risk=risk, current=current, cost=np.full(10, 0.01), cost_weight=1e4)
    assert OPTIMIZED.weights(request) == pytest.approx(current, abs=1e-9)


def test_a_turnover_cap_is_used_up_and_kept():
    index, risk = market(10)
    current = np.full(10, 0.1)
    weights = OPTIMIZED.weights(ReplicationRequest(index, risk=risk, current=current, turnover=0.05))
    assert np.abs(weights - current).sum() / 2 == pytest.approx(0.05, abs=1e-8)


def test_limits_that_clash_are_named_with_the_nearest_feasible_value():
    problem = WeightProblem(
        np.array([0.5, 0.5]),
        np.eye(2),
        1.0,
        np.zeros(2),
        np.full(2, np.inf),
        rows=(Row("band of group A", np.array([1.0, 0.0]), 0.8, 0.9),),
        current=np.array([0.5, 0.5]),
        turnover=0.1,
    )
    with pytest.raises(InfeasibleError, match=r"band of group A .* by 0\.2; or turnover .* at least 0\.3"):
        problem.weights()


def test_upper_limits_that_leave_no_room_name_the_sum_that_is_possible():
    with pytest.raises(InfeasibleError, match=r"upper limits .* sum to 0\.6"):
        least_risk_weights(np.array([0.5, 0.5]), np.eye(2), np.array([0.3, 0.3]))


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_proportions_cut_to_limits_are_one_multiple_of_the_proportions_between_them(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    proportions = rng.dirichlet(np.ones(n)) * (rng.random(n) < 0.9)
    lower, upper = rng.uniform(0, 0.1, n), rng.uniform(0.1, 0.6, n)
    total = rng.uniform(0.2, 1.2)
    most = np.where(proportions > 0, upper, lower).sum()
    if not lower.sum() <= total <= most:
        with pytest.raises(InfeasibleError):
            bounded(proportions, lower, upper, total)
        return
    weights = bounded(proportions, lower, upper, total)
    assert weights.sum() == pytest.approx(total)
    assert np.all((weights >= lower) & (weights <= upper))
    inside = (proportions > 0) & (weights > lower + 1e-12) & (weights < upper - 1e-12)
    if inside.any():
        multiple = weights[inside] / proportions[inside]
        assert multiple == pytest.approx(multiple[0])
        at_limit = (proportions > 0) & ~inside
        clipped = np.clip(multiple[0] * proportions, lower, upper)
        assert weights[at_limit] == pytest.approx(clipped[at_limit])


ONE = np.array([0.6, 0.4])


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (InputError, lambda: OPTIMIZED.weights(ReplicationRequest(ONE))),
        (ShapeError, lambda: OPTIMIZED.weights(ReplicationRequest(ONE, risk=np.eye(3)))),
        (InputError, lambda: METHODS["stratified"].weights(ReplicationRequest(ONE, 1))),
        (DomainError, lambda: ReplicationRequest(np.array([1.1, -0.1]))),
        (DomainError, lambda: ReplicationRequest(np.zeros(2))),
        (DomainError, lambda: ReplicationRequest(ONE, cash=1.0)),
        (DomainError, lambda: ReplicationRequest(ONE, count=0)),
        (DomainError, lambda: ReplicationRequest(ONE, min_weight=-0.1)),
        (InputError, lambda: ReplicationRequest(ONE, band=0.1)),
        (InputError, lambda: ReplicationRequest(ONE, turnover=0.1)),
        (InputError, lambda: ReplicationRequest(ONE, cost_weight=1.0)),
        (ShapeError, lambda: ReplicationRequest(ONE, upper=np.ones(3))),
        (ShapeError, lambda: ReplicationRequest(ONE, cells=("a",))),
        (
            InfeasibleError,
            lambda: OPTIMIZED.weights(
                ReplicationRequest(ONE, 1, np.eye(2), must_hold=np.array([True, True]))
            ),
        ),
        (
            InfeasibleError,
            lambda: OPTIMIZED.weights(ReplicationRequest(ONE, 1, np.eye(2), min_weight=1.5)),
        ),
    ],
)
def test_requests_that_cannot_be_met_are_refused(error, call):
    with pytest.raises(error):
        call()


def test_a_large_universe_is_never_worse_than_the_search_from_the_dual():
    from xlplugin.engines.replication.cardinality import fewest_names

    index, risk = market(200, seed=0)
    weights = OPTIMIZED.weights(ReplicationRequest(index, 12, risk))
    dual = fewest_names(risk.loadings(), risk.specific_variance, index, 12, bound=False)
    active = weights - index
    assert np.count_nonzero(weights) <= 12
    assert weights.sum() == pytest.approx(1.0)
    assert np.sqrt(active @ risk.covariance() @ active) <= dual.tracking_risk * (1 + 1e-9)
