"""Revising a tracking portfolio of K names: small programmes, limits, and the published problems."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.rebalancing.revision import log_error, revise
from xlplugin.engines.rebalancing.small_programmes import solve_all
from xlplugin.errors import DomainError, InfeasibleError, ShapeError

if TYPE_CHECKING:
    from pathlib import Path

RATE, SMALLEST = 0.01, 0.01


def by_cvxpy(gram: np.ndarray, slope: np.ndarray, held: np.ndarray, gone: float, limit: float) -> float:
    """The same programme by a general solver, once for every pattern of purchases and sales."""
    best, root = np.inf, np.linalg.cholesky(gram).T
    for pattern in itertools.product((1.0, -1.0), repeat=len(held)):
        side = np.array(pattern)
        w = cp.Variable(len(held))
        cost = RATE * (side @ (w - held) + gone)
        task = cp.Problem(
            cp.Minimize(0.5 * cp.sum_squares(root @ w) + slope @ w),
            [cp.sum(w) + cost == 1.0, cost <= limit, w >= SMALLEST, cp.multiply(side, w - held) >= 0.0],
        )
        task.solve(solver=cp.CLARABEL)
        if task.status == "optimal":
            best = min(best, float(task.value))
    return best


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), limit=st.sampled_from([0.002, 0.005, 0.02]))
def test_small_programmes_agree_with_a_general_solver(seed: int, limit: float) -> None:
    rng = np.random.default_rng(seed)
    k = 4
    root = rng.normal(0.0, 0.03, (40, k))
    held = rng.dirichlet(np.ones(k + 1))[:k]
    held[0] = 0.0
    gone = 1.0 - held.sum()
    gram, slope = root.T @ root, root.T @ rng.normal(0.0, 0.01, 40)
    made, kept = solve_all(gram[None], slope[None], held[None], np.array([gone]), RATE, limit, SMALLEST)
    expected = by_cvxpy(gram, slope, held, float(gone), limit)
    assert kept[0] == np.isfinite(expected)
    if kept[0]:
        w = made[0]
        cost = RATE * (np.abs(w - held).sum() + gone)
        assert cost <= limit + 1e-8
        assert w.sum() + cost == pytest.approx(1.0, abs=1e-9)
        assert (w >= SMALLEST - 1e-9).all()
        value = 0.5 * w @ gram @ w + slope @ w
        assert expected - 1e-9 <= value <= expected + 2e-4 * abs(expected)


def market(seed: int, names: int = 14, periods: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    returns = rng.normal(0.001, 0.02, (periods, 1)) + rng.normal(0.0, 0.03, (periods, names))
    prices = 50.0 * np.exp(np.vstack([np.zeros(names), np.cumsum(returns, axis=0)]))
    weight = rng.dirichlet(np.full(names, 2.0))
    return prices, prices @ (weight / prices[0])


def start(prices: np.ndarray, count: int) -> np.ndarray:
    units = np.zeros(prices.shape[1])
    units[:count] = 1e6 / count / prices[0, :count]
    return units


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10**6), limit=st.sampled_from([0.0025, 0.01, 0.03]))
def test_a_revised_portfolio_keeps_every_limit_and_is_not_worse(seed: int, limit: float) -> None:
    prices, index = market(seed)
    units = start(prices, 5)
    made = revise(prices, index, units, 5, limit, kicks=1)
    worth = prices[-1] @ units
    value = prices[-1] * made.units
    assert np.count_nonzero(made.units) == 5
    assert (value[made.units > 0.0] / worth >= SMALLEST - 1e-9).all()
    assert made.cost <= limit * worth
    assert value.sum() + made.cost == pytest.approx(worth, rel=1e-9)
    assert made.error <= log_error(prices, index, units, 0, len(index) - 1) + 1e-12


def test_without_money_for_trades_the_portfolio_stays() -> None:
    prices, index = market(3)
    units = start(prices, 5)
    made = revise(prices, index, units, 5, 0.0)
    assert made.units.tolist() == units.tolist()
    assert made.cost == 0.0


def test_more_money_for_trades_never_gives_a_larger_error() -> None:
    prices, index = market(4)
    units = start(prices, 5)
    errors = [revise(prices, index, units, 5, limit).error for limit in (0.0, 0.004, 0.008, 0.016)]
    assert errors == sorted(errors, reverse=True)


def test_equal_seeds_give_equal_portfolios() -> None:
    prices, index = market(5)
    first, second = (revise(prices, index, start(prices, 5), 5, 0.01, seed=1) for _ in range(2))
    assert first.units.tolist() == second.units.tolist()


def test_what_cannot_be_reached_or_makes_no_sense_is_refused() -> None:
    prices, index = market(6)
    with pytest.raises(InfeasibleError, match="exactly 9 names"):
        revise(prices, index, start(prices, 2), 9, 0.0001)
    with pytest.raises(DomainError, match="do not fit"):
        revise(prices, index, start(prices, 2), 20, 0.01)
    with pytest.raises(ShapeError, match="index"):
        revise(prices, index[:-1], start(prices, 2), 2, 0.01)
    with pytest.raises(DomainError, match="worth nothing"):
        revise(prices, index, np.zeros(14), 2, 0.01)


@pytest.mark.parametrize("instance", [1, 2, 3])
def test_the_published_errors_are_beaten_on_every_row(shared_data: Path, instance: int) -> None:
    folder = shared_data / "orlib"
    numbers = np.array((folder / f"indtrack{instance}.txt").read_text(encoding="utf-8").split(), float)
    n, last = int(numbers[0]), int(numbers[1])
    series = numbers[2:].reshape(n + 1, last + 1)
    index, prices, decision = series[0], series[1:].T, last // 2
    units = start(prices, 10)
    with (folder / "published_bmc2003_1_3.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["table"] == "2" and r["instance"] == str(instance)]
    assert len(rows) == 5
    for row in rows:
        limit, published = float(row["gamma"]), float(row["in_sample_E"])
        made = revise(prices[: decision + 1], index[: decision + 1], units, 10, limit, kicks=0)
        if limit == 0.0:
            assert made.error == pytest.approx(published, rel=5e-4)  # four digits are printed
        else:
            assert made.error < published
        assert np.count_nonzero(made.units) == 10
        assert made.cost <= limit * float(prices[decision] @ units)
