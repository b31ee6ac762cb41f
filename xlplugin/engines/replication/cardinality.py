r"""At most K names: a good portfolio in milliseconds, and the proof how much better any other could be.

.. math:: \min_w (w-b)^\top(FF^\top + D)(w-b) \quad\text{s.t. } 1^\top w = 1,\ w \ge 0,\ \|w\|_0 \le K

The start comes from the dual of the perspective relaxation, whose best K names change step by step;
then names are exchanged, every pair judged exactly by one closed form; then parts of the portfolio
are thrown away and rebuilt. The bound is the same dual at the prices of a cone programme, evaluated
here, so it does not rest on the solver's word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import ConvergenceError, DomainError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["Fewest", "fewest_names", "proved_bound"]

_STEPS = 30  # of the dual start
_FULL_STEPS = 4  # before the step length falls
_WORTH = 1e-12  # relative fall of the variance that counts as better
_WORSE = 1e-3  # relative variance that a restart may be worse by and still be gone on from
_EXCHANGES = 500


class Fewest(NamedTuple):
    """A portfolio of few names.

    Attributes
    ----------
    weights : ndarray of shape (n_names,)
    tracking_risk : float
        Per year, a fraction.
    bound : float
        No portfolio of so few names has less; zero where no bound was asked for.
    restarts : int
    """

    weights: FloatArray
    tracking_risk: float
    bound: float
    restarts: int

    @property
    def gap(self) -> float:
        """How far the risk may be above the best possible, as a fraction."""
        return self.tracking_risk / self.bound - 1.0 if self.bound > 0.0 else float("inf")


@dataclass(frozen=True)
class _Problem:
    exposures: FloatArray
    specific: FloatArray
    target: FloatArray
    count: int
    allowed: BoolArray
    pull: FloatArray
    size: float
    diagonal: FloatArray

    @classmethod
    def of(
        cls,
        exposures: FloatArray,
        specific: FloatArray,
        target: FloatArray,
        count: int,
        allowed: BoolArray | None,
    ) -> _Problem:
        n = len(target)
        if exposures.ndim != 2 or len(exposures) != n:
            raise ShapeError("exposures", got=exposures.shape, expected=(n, exposures.shape[-1]))
        if specific.shape != (n,):
            raise ShapeError("specific", got=specific.shape, expected=(n,))
        free = np.ones(n, dtype=bool) if allowed is None else allowed
        if not count >= 1:
            raise DomainError(f"the number of names is {count}; at least one is needed")
        if not free.any():
            raise DomainError("no name may be held; allow at least one")
        if not (specific > 0.0).all():
            raise DomainError("a specific variance is not above zero; put a floor under it")
        loads = exposures.T @ target
        pull = exposures @ loads + specific * target
        size = float(loads @ loads + specific @ (target * target))
        diagonal = np.einsum("ij,ij->i", exposures, exposures) + specific
        return cls(exposures, specific, target, min(count, int(free.sum())), free, pull, size, diagonal)

    def variance(self, weights: FloatArray) -> float:
        active = weights - self.target
        loads = self.exposures.T @ active
        return float(loads @ loads + self.specific @ (active * active))


class _Support(NamedTuple):
    """Best weights on a set of names, with the inverse of its bordered system."""

    names: IntArray
    weights: FloatArray
    level: float
    inverse: FloatArray
    variance: float


def fewest_names(
    exposures: FloatArray,
    specific: FloatArray,
    target: FloatArray,
    count: int,
    *,
    allowed: BoolArray | None = None,
    restarts: int = 60,
    seed: int = 0,
    stop: Callable[[], bool] | None = None,
    bound: bool = True,
) -> Fewest:
    """A portfolio of at most `count` names that follows the target.

    Parameters
    ----------
    exposures : ndarray of shape (n_names, n_factors)
        Scaled so that covariance per year = exposures @ exposures.T + diag(specific).
    specific : ndarray of shape (n_names,)
    target : ndarray of shape (n_names,)
        Index weights.
    count : int
        Most names.
    allowed : ndarray of bool, shape (n_names,), optional
        Names that may be held.
    restarts : int
        Rebuilt portfolios; with the same seed the answer is the same.
    seed : int
    stop : callable, optional
        Asked before every restart; a host may hand over its clock, and then the answer depends on
        the machine.
    bound : bool
        Prove how much better another portfolio could be (needs Clarabel).

    Returns
    -------
    Fewest

    Raises
    ------
    ShapeError, DomainError
        If the arrays do not fit, no name is allowed or a specific variance is not above zero.

    References
    ----------
    Perspective relaxation: Günlük and Linderoth, "Perspective reformulations of mixed integer
    nonlinear programs", 2010.

    Examples
    --------
    Two names out of three that carry one risk: the two large ones.

    >>> made = fewest_names(np.full((3, 1), 0.2), np.full(3, 0.04), np.array([0.5, 0.4, 0.1]), 2)
    >>> made.weights.round(3).tolist(), round(made.tracking_risk, 4), made.gap < 1e-6
    ([0.55, 0.45, 0.0], 0.0245, True)
    """
    problem = _Problem.of(exposures, specific, target, count, allowed)
    best = _exchanged(problem, _dual_start(problem))
    done = 0
    rng = np.random.default_rng(seed)
    current = best
    while done < restarts and best.variance > 0.0 and not (stop is not None and stop()):
        current = _exchanged(problem, _shaken(problem, current, rng))
        done += 1
        if current.variance < best.variance * (1.0 - _WORTH):
            best = current
        elif current.variance > best.variance * (1.0 + _WORSE):
            current = best
    weights = np.zeros(len(target))
    weights[best.names] = best.weights
    proved = proved_bound(exposures, specific, target, count, allowed=allowed) if bound else 0.0
    return Fewest(weights, float(np.sqrt(max(problem.variance(weights), 0.0))), proved, done)


def _best_on(problem: _Problem, names: IntArray) -> _Support:
    """Least variance on some names; those that come out negative leave, one round after the other."""
    names = np.sort(names)
    while True:
        k = len(names)
        system = np.ones((k + 1, k + 1))
        loadings = problem.exposures[names]
        system[:k, :k] = loadings @ loadings.T
        system.flat[: k * (k + 1) : k + 2] += problem.specific[names]
        system[k, k] = 0.0
        inverse = np.linalg.inv(system).astype(float, copy=False)
        answer = inverse @ np.append(problem.pull[names], 1.0)
        weights = answer[:k]
        if (weights >= 0.0).all() or k == 1:
            # At the optimum w'Sw = w'Sb + level: nothing cancels that is not there.
            variance = problem.size - float(weights @ problem.pull[names]) - float(answer[k])
            return _Support(names, weights, float(answer[k]), inverse, max(variance, 0.0))
        names = names[weights > 0.0]


def _dual_start(problem: _Problem) -> _Support:
    """Supports that the dual of the perspective relaxation proposes, the best of them."""
    d, b, count = problem.specific, problem.target, problem.count
    best = _best_on(problem, _largest(np.where(problem.allowed, b, -np.inf), count))
    seen = {best.names.tobytes()}
    active = np.zeros(len(b))
    active[best.names] = best.weights
    k = problem.exposures.shape[1]
    prices = np.append(2.0 * (problem.exposures.T @ (active - b)), -2.0 * best.level)
    prices[k] = _budget_price(problem, prices[:k])
    columns = np.column_stack([problem.exposures, np.ones(len(b))])
    loads = problem.exposures.T @ b
    for step in range(_STEPS):
        taken = np.maximum(b - (columns @ prices) / (2.0 * d), 0.0)
        score = np.where(problem.allowed, d * taken * taken, -np.inf)
        names = _largest(score, count)
        value = _dual_value(problem, prices, score, names)
        if (key := np.sort(names).tobytes()) not in seen:
            seen.add(key)
            tried = _best_on(problem, names)
            if tried.variance < best.variance:
                best = tried
        held = columns[names] * taken[names][:, None]
        gradient = held.sum(axis=0) - np.append(loads + prices[:k] / 2.0, 1.0)
        curvature = (columns[names] / (2.0 * d[names])[:, None]).T @ columns[names]
        curvature.flat[: k * (k + 1) : k + 2] += 0.5
        direction = np.linalg.solve(curvature, gradient)
        slope = float(gradient @ direction)
        if slope <= 0.0:
            break
        length = min(1.0, 0.9 * max(best.variance - value, 0.0) / slope)
        prices = prices + direction * length / np.sqrt(max(1, step + 1 - _FULL_STEPS))
    return best


def _budget_price(problem: _Problem, nu: FloatArray) -> float:
    """The price of the budget that makes the K best names cost just one, for given factor prices."""
    d, b = problem.specific, problem.target
    raw = problem.exposures @ nu
    low, high = -10.0 * float(d.max() + np.abs(raw).max()), float((2.0 * d * b - raw).max())
    for _ in range(60):
        middle = 0.5 * (low + high)
        taken = np.maximum(b - (raw + middle) / (2.0 * d), 0.0)
        score = np.where(problem.allowed, d * taken * taken, -np.inf)
        total = float(taken[_largest(score, problem.count)].sum())
        low, high = (middle, high) if total > 1.0 else (low, middle)
    return 0.5 * (low + high)


def _dual_value(problem: _Problem, prices: FloatArray, score: FloatArray, names: IntArray) -> float:
    """The dual function of the perspective relaxation: below every portfolio of so few names."""
    nu, mu = prices[:-1], float(prices[-1])
    d, b = problem.specific, problem.target
    return (
        float(d @ (b * b))
        - float(score[names].sum())
        - float(nu @ (problem.exposures.T @ b))
        - float(nu @ nu) / 4.0
        - mu
    )


def _exchanged(problem: _Problem, support: _Support) -> _Support:
    """One name for another as long as that helps; free places are filled first."""
    for _ in range(_EXCHANGES):
        better = _exchange(problem, support)
        if better is None:
            return support
        support = better
    return support


def _exchange(problem: _Problem, support: _Support) -> _Support | None:
    """The best exchange, judged for all pairs by the bordered inverse and then solved."""
    names, k = support.names, len(support.names)
    if problem.count == 1:
        # The whole budget in one name: there is nothing to solve.
        variance = np.where(problem.allowed, problem.diagonal - 2.0 * problem.pull + problem.size, np.inf)
        tried = _best_on(problem, np.array([int(variance.argmin())]))
        return tried if tried.variance < support.variance * (1.0 - _WORTH) else None
    outside = problem.allowed.copy()
    outside[names] = False
    others = np.flatnonzero(outside)
    if not len(others):
        return None
    # Column of every other name in the bordered system, and what it would bring.
    border = np.ones((k + 1, len(others)))
    border[:k] = problem.exposures[names] @ problem.exposures[others].T
    answer = np.append(support.weights, support.level)
    missing = problem.pull[others] - border.T @ answer
    along = support.inverse @ border
    room = problem.diagonal[others] - np.einsum("ij,ij->j", border, along)
    if k < problem.count:
        fall = np.where(missing > 0.0, missing * missing / room, 0.0)
        order = np.argsort(-fall, kind="stable")[:8]
        for place in order:
            if fall[place] <= _WORTH * support.variance:
                break
            tried = _best_on(problem, np.append(names, others[place]))
            if tried.variance < support.variance * (1.0 - _WORTH):
                return tried
        return None
    own = np.diag(support.inverse)[:k]
    moved, loss = along[:k] / own[:, None], support.weights**2 / own
    left = missing + moved * support.weights[:, None]
    fall = np.where(left > 0.0, left * left / (room + moved * along[:k]), 0.0) - loss[:, None]
    flat = np.argpartition(-fall, min(11, fall.size - 1), axis=None)[:12]
    for place in flat[np.argsort(-fall.ravel()[flat], kind="stable")]:
        if fall.ravel()[place] <= _WORTH * support.variance:
            return None
        out, new = divmod(int(place), len(others))
        tried = _best_on(problem, np.append(np.delete(names, out), others[new]))
        if tried.variance < support.variance * (1.0 - _WORTH):
            return tried
    return None


def _shaken(problem: _Problem, support: _Support, rng: np.random.Generator) -> _Support:
    """Some names are thrown out at random, others come in by the size of their specific bet."""
    k = len(support.names)
    outside = problem.allowed.copy()
    outside[support.names] = False
    others = np.flatnonzero(outside)
    if not len(others):
        return support
    number = min(int(rng.integers(1, max(2, k // 8 + 1))), len(others), k)
    kept = np.delete(support.names, rng.choice(k, number, replace=False))
    odds = (problem.target * problem.specific)[others] + 1e-12
    new = rng.choice(others, number, replace=False, p=odds / odds.sum())
    return _best_on(problem, np.append(kept, new))


def _largest(values: FloatArray, count: int) -> IntArray:
    """Places of the largest values; equal ones in the order of the names."""
    return np.argsort(-values, kind="stable")[:count]


def proved_bound(
    exposures: FloatArray,
    specific: FloatArray,
    target: FloatArray,
    count: int,
    *,
    allowed: BoolArray | None = None,
) -> float:
    """Tracking risk that no portfolio of at most `count` names can go below.

    Parameters
    ----------
    exposures, specific, target, count, allowed
        As for `fewest_names`.

    Returns
    -------
    float
        Per year, a fraction.

    Raises
    ------
    ConvergenceError
        If the cone programme was not solved.

    Notes
    -----
    Clarabel solves the perspective relaxation; its prices go into the dual function, which is a
    bound at any prices. Nothing is taken from the solver but a good guess.
    """
    problem = _Problem.of(exposures, specific, target, count, allowed)
    scale = float(np.sqrt(max(problem.size, 1e-300)))
    best = 0.0
    for prices in _cone_prices(problem, scale):
        taken = np.maximum(
            problem.target - (problem.exposures @ prices[:-1] + prices[-1]) / (2.0 * problem.specific), 0.0
        )
        score = np.where(problem.allowed, problem.specific * taken * taken, -np.inf)
        best = max(best, _dual_value(problem, prices, score, _largest(score, problem.count)))
    return float(np.sqrt(best))


def _cone_prices(problem: _Problem, scale: float) -> list[FloatArray]:
    """Prices of factors and budget at the optimum of the perspective relaxation."""
    # Only here, so that a portfolio without a bound needs neither of the two.
    import clarabel  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    names = np.flatnonzero(problem.allowed)
    n, k = len(names), problem.exposures.shape[1]
    d, b = problem.specific[names], problem.target[names]
    f = problem.exposures[names]
    outside = problem.exposures.T @ np.where(problem.allowed, 0.0, problem.target)
    eye, zero = sparse.identity(n, format="csc"), sparse.csc_matrix((n, n))
    # Variables: weight, share of a place, perspective, factor loads.
    quadratic = sparse.block_diag([sparse.csc_matrix((3 * n, 3 * n)), 2.0 * sparse.identity(k)], format="csc")
    linear = np.concatenate([-2.0 * d * b, np.zeros(n), d, np.zeros(k)])
    loads = sparse.hstack([sparse.csc_matrix(f.T), sparse.csc_matrix((k, 2 * n)), -sparse.identity(k)])
    ones, none, nok = np.ones((1, n)), np.zeros((1, n)), np.zeros((1, k))
    budget = sparse.csc_matrix(np.hstack([ones, none, none, nok]))
    places = sparse.csc_matrix(np.hstack([none, ones, none, nok]))
    wide = sparse.csc_matrix((n, k))
    # The cone of each name: (perspective + share, 2 weight, perspective - share), rows side by side.
    first = sparse.hstack([zero, -eye, -eye, wide])
    second = sparse.hstack([-2.0 * eye, zero, zero, wide])
    third = sparse.hstack([zero, eye, -eye, wide])
    turned = np.arange(3 * n).reshape(3, n).T.ravel()
    cone = sparse.vstack([first, second, third], format="csr")[turned]
    rows = sparse.vstack(
        [
            loads,
            budget,
            sparse.hstack([-eye, zero, zero, wide]),
            sparse.hstack([eye, -eye, zero, wide]),
            sparse.hstack([zero, eye, zero, wide]),
            places,
            cone,
        ],
        format="csc",
    )
    right = np.concatenate(
        [f.T @ b + outside, [1.0], np.zeros(2 * n), np.ones(n), [float(problem.count)], np.zeros(3 * n)]
    )
    cones = [clarabel.ZeroConeT(k + 1), clarabel.NonnegativeConeT(3 * n + 1)]
    cones += [clarabel.SecondOrderConeT(3)] * n
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = 1e-10
    factor = 1.0 / scale**2
    solver = clarabel.DefaultSolver(factor * quadratic, factor * linear, rows, right, cones, settings)
    solution = solver.solve()
    if str(solution.status) not in ("Solved", "AlmostSolved"):
        raise ConvergenceError(f"the cone programme of the bound ended with {solution.status}")
    prices = np.asarray(solution.z)[: k + 1] / factor
    return [prices, -prices]
