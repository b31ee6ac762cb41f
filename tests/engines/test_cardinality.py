from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from xlplugin.engines.replication.cardinality import fewest_names, proved_bound
from xlplugin.errors import DomainError, ShapeError


def market(seed: int, names: int, factors: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.pareto(1.2, names) + 0.1
    exposures = rng.normal(0.0, 0.06, (names, factors))
    exposures[:, 0] += 0.16
    return exposures, rng.uniform(0.02, 0.12, names), target / target.sum()


def best_by_trying_all(exposures: np.ndarray, specific: np.ndarray, target: np.ndarray, count: int) -> float:
    """Every set of names, each solved by a general optimiser."""
    covariance = exposures @ exposures.T + np.diag(specific)
    best = np.inf
    for names in combinations(range(len(target)), count):
        at = list(names)

        def variance(w: np.ndarray, at: list[int] = at) -> float:
            active = -target
            active = active.copy()
            active[at] += w
            return float(active @ covariance @ active) * 1e3

        found = minimize(
            variance,
            np.full(count, 1.0 / count),
            method="SLSQP",
            bounds=[(0.0, 1.0)] * count,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
            options={"ftol": 1e-14, "maxiter": 300},
        )
        best = min(best, found.fun / 1e3)
    return float(np.sqrt(best))


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 4))
def test_the_best_of_all_sets_of_names_is_found_and_never_below_the_bound(seed: int, count: int) -> None:
    exposures, specific, target = market(seed, 7)
    best = best_by_trying_all(exposures, specific, target, count)
    made = fewest_names(exposures, specific, target, count)
    assert made.tracking_risk == pytest.approx(best, rel=1e-4)
    assert made.bound <= best * (1.0 + 1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 30))
def test_a_portfolio_is_whole_long_and_small_enough(seed: int, count: int) -> None:
    exposures, specific, target = market(seed, 40, 3)
    made = fewest_names(exposures, specific, target, count, restarts=3, bound=False)
    assert made.weights.sum() == pytest.approx(1.0)
    assert (made.weights >= 0.0).all()
    assert np.count_nonzero(made.weights) <= count
    active = made.weights - target
    covariance = exposures @ exposures.T + np.diag(specific)
    assert made.tracking_risk == pytest.approx(float(np.sqrt(active @ covariance @ active)))


def test_more_names_never_follow_worse_and_all_names_follow_exactly() -> None:
    exposures, specific, target = market(4, 30, 3)
    risks = [
        fewest_names(exposures, specific, target, count, restarts=20, bound=False) for count in (3, 6, 12, 30)
    ]
    assert [made.tracking_risk for made in risks] == sorted((m.tracking_risk for m in risks), reverse=True)
    assert risks[-1].tracking_risk == pytest.approx(0.0, abs=1e-7)
    assert risks[-1].weights == pytest.approx(target)


def test_the_proof_is_tight_where_many_names_follow_few_factors() -> None:
    exposures, specific, target = market(5, 300, 5)
    made = fewest_names(exposures, specific, target, 30, restarts=10)
    assert 0.0 <= made.gap <= 0.02
    assert made.bound == pytest.approx(proved_bound(exposures, specific, target, 30))


def test_the_first_answer_beats_the_largest_weights_by_far() -> None:
    exposures, specific, target = market(6, 300, 5)
    largest = np.zeros(300)
    top = np.argsort(-target)[:30]
    largest[top] = target[top] / target[top].sum()
    active = largest - target
    covariance = exposures @ exposures.T + np.diag(specific)
    made = fewest_names(exposures, specific, target, 30, restarts=0, bound=False)
    assert made.tracking_risk < 0.8 * np.sqrt(active @ covariance @ active)


def test_forbidden_names_stay_out_and_raise_the_bound() -> None:
    exposures, specific, target = market(7, 60, 3)
    allowed = np.ones(60, dtype=bool)
    allowed[np.argsort(-target)[:5]] = False
    free = fewest_names(exposures, specific, target, 12)
    barred = fewest_names(exposures, specific, target, 12, allowed=allowed)
    assert (barred.weights[~allowed] == 0.0).all()
    assert free.bound <= barred.bound <= barred.tracking_risk


def test_equal_seeds_give_equal_portfolios_and_a_clock_stops_the_restarts() -> None:
    exposures, specific, target = market(8, 80, 3)
    first, second = (fewest_names(exposures, specific, target, 10, seed=3, bound=False) for _ in range(2))
    assert first.weights.tolist() == second.weights.tolist()
    stopped = fewest_names(exposures, specific, target, 10, stop=lambda: True, bound=False)
    assert stopped.restarts == 0


def test_wrong_input_is_refused() -> None:
    exposures, specific, target = market(9, 10)
    with pytest.raises(DomainError, match="number of names is 0"):
        fewest_names(exposures, specific, target, 0)
    with pytest.raises(DomainError, match="no name may be held"):
        fewest_names(exposures, specific, target, 3, allowed=np.zeros(10, dtype=bool))
    with pytest.raises(ShapeError, match="specific"):
        fewest_names(exposures, specific[:5], target, 3)
    with pytest.raises(DomainError, match="specific variance"):
        fewest_names(exposures, np.zeros(10), target, 3)
