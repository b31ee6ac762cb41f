"""At most K names: the best subset by enumeration with a bound, else by elimination and exchanges.

Every subset has a lower bound in closed form: the least active variance on it with the budget as the
only constraint. Enumeration visits subsets in the order of their bounds and stops when no bound is
below the best value found, so its answer is exact. The same closed form ranks all exchanges of one
held name for another. Methodology 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import ConvergenceError, InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.replication.optimal import WeightProblem

__all__ = ["MAX_SUBSETS", "best_subset"]

MAX_SUBSETS = 5_000
_DROPPED_PER_PASS = 0.08
_MAX_EXCHANGES = 400  # accepted ones; a hundred names rarely need forty
_MAX_TRIALS = 30  # programmes solved to find one exchange
_BLOCK = 4_000_000  # numbers in one stack of linear systems


def best_subset(
    problem: WeightProblem, count: int, required: BoolArray, min_weight: float = 0.0
) -> FloatArray:
    """The best weights on at most `count` names.

    Parameters
    ----------
    problem : WeightProblem
        Without the limit on the number of names.
    count : int
        Most names held.
    required : bool ndarray of shape (n,)
        Names that count among them in any case.
    min_weight : float
        A held name has at least this weight.

    Returns
    -------
    ndarray of shape (n,)
        Exact up to 5,000 subsets; beyond, the end of backward elimination and exchanges.

    Raises
    ------
    InfeasibleError
        If no subset satisfies the limits.
    """
    search = _Search(problem, count, required, min_weight)
    most = min(count, search.eligible.size)
    sizes = range(1, most + 1) if min_weight > 0.0 else range(most, most + 1)
    free, fixed = search.eligible.size - search.required.size, search.required.size
    if sum(comb(free, size - fixed) for size in sizes if size >= fixed) <= MAX_SUBSETS:
        return search.enumerated(sizes)
    return search.eliminated()


@dataclass(frozen=True)
class _Bordered:
    """The budget-only optimum on some names, with the inverse of its linear system."""

    names: IntArray
    inverse: FloatArray
    weights: FloatArray
    level: float
    value: float


class _Search:
    def __init__(self, problem: WeightProblem, count: int, required: BoolArray, min_weight: float) -> None:
        self.problem, self.count, self.min_weight = problem, count, min_weight
        self.eligible: IntArray = np.flatnonzero(problem.upper > 0.0)
        self.required: IntArray = np.flatnonzero(required)
        if self.required.size > count:
            raise InfeasibleError(f"count: {count} names, but {self.required.size} must be held")
        if not np.all(problem.upper[self.required] > 0.0):
            row = int(self.required[problem.upper[self.required] <= 0.0][0])
            raise InfeasibleError(f"row {row + 1}: must be held, but its upper limit is zero")
        self.pull = problem.covariance @ problem.benchmark
        self.constant = 0.5 * float(problem.benchmark @ self.pull)
        largest = float(np.abs(np.diag(problem.covariance)).max())
        self.ridge = 1e-13 * largest  # twins would make a linear system singular
        self.tolerance = 1e-12 * max(self.constant, 1e-9 * largest)
        self.refused: InfeasibleError | None = None

    # -- one subset ---------------------------------------------------------------------------

    def solved(self, names: IntArray) -> tuple[float, FloatArray]:
        """Value and weights on exactly these names; infinite where the limits do not allow it."""
        try:
            weights = self.problem.on(names, self.min_weight)
        except (InfeasibleError, ConvergenceError) as error:
            self.refused = self.refused or InfeasibleError(str(error))
            return np.inf, np.zeros(self.problem.size)
        return self.problem.objective(weights), weights

    def bordered(self, names: IntArray) -> _Bordered:
        """The optimum on these names with the budget as the only constraint."""
        k = names.size
        system = np.ones((k + 1, k + 1))
        system[:k, :k] = self.problem.covariance[np.ix_(names, names)]
        system[range(k), range(k)] += self.ridge
        system[k, k] = 0.0
        inverse = np.linalg.inv(system)
        solution = inverse @ np.append(self.pull[names], self.problem.budget)
        weights, level = solution[:k], float(solution[k])
        # Sw + level = pull there, so that w'Sw = w'pull - level x budget.
        value = self.constant - 0.5 * float(weights @ self.pull[names]) - 0.5 * level * self.problem.budget
        return _Bordered(names, np.asarray(inverse), weights, level, value)

    # -- exact --------------------------------------------------------------------------------

    def enumerated(self, sizes: range) -> FloatArray:
        """The best of all subsets of the given sizes."""
        fixed = self.required.tolist()
        others = [int(k) for k in self.eligible if int(k) not in set(fixed)]
        candidates: list[tuple[float, tuple[int, ...]]] = []
        for size in sizes:
            if len(fixed) <= size <= self.eligible.size:
                chosen = combinations(others, size - len(fixed))
                subsets = np.array([sorted((*fixed, *extra)) for extra in chosen], dtype=np.int64)
                candidates += zip(self._bounds(subsets).tolist(), map(tuple, subsets.tolist()), strict=True)
        best, weights = np.inf, np.zeros(self.problem.size)
        for bound, subset in sorted(candidates):
            if bound > best + self.tolerance:
                break
            value, found = self.solved(np.array(subset, dtype=np.int64))
            if value < best - self.tolerance:
                best, weights = value, found
        return self._answer(best, weights)

    def _bounds(self, subsets: IntArray) -> FloatArray:
        """The budget-only value of every row of `subsets`, all of one size."""
        m, k = subsets.shape
        left_out = self.eligible.size - k
        if left_out < k:
            return self._bounds_by_omission(subsets, left_out)
        result = np.empty(m)
        chunk = max(1, _BLOCK // (k + 1) ** 2)
        for start in range(0, m, chunk):
            rows = subsets[start : start + chunk]
            system = np.ones((rows.shape[0], k + 1, k + 1))
            system[:, :k, :k] = self.problem.covariance[rows[:, :, None], rows[:, None, :]]
            system[:, range(k), range(k)] += self.ridge
            system[:, k, k] = 0.0
            right = np.empty((rows.shape[0], k + 1, 1))
            right[:, :k, 0], right[:, k, 0] = self.pull[rows], self.problem.budget
            solution = np.linalg.solve(system, right)[:, :, 0]
            result[start : start + chunk] = self.constant - 0.5 * (
                np.sum(solution[:, :k] * self.pull[rows], axis=1) + solution[:, k] * self.problem.budget
            )
        return result

    def _bounds_by_omission(self, subsets: IntArray, left_out: int) -> FloatArray:
        """The same from the optimum on all names: leaving R out costs w_R' (G^-1)_RR^-1 w_R / 2."""
        every = self.bordered(self.eligible)
        place = np.full(self.problem.size, -1)
        place[self.eligible] = np.arange(self.eligible.size)
        if left_out == 0:
            return np.full(len(subsets), every.value)
        values = []
        for row in subsets:
            out = np.setdiff1d(np.arange(self.eligible.size), place[row])
            w = every.weights[out]
            block = every.inverse[np.ix_(out, out)]
            values.append(every.value + 0.5 * float(w @ np.linalg.solve(block, w)))
        return np.array(values)

    # -- heuristic ----------------------------------------------------------------------------

    def eliminated(self) -> FloatArray:
        """Backward elimination, then exchanges of one name."""
        least, self.min_weight = self.min_weight, 0.0
        names, weights = self._passed(self.eligible)
        while names.size > self.count or np.any(weights[names] < least):
            droppable = names[~np.isin(names, self.required)]
            excess = names.size - self.count
            drop = min(excess, int(_DROPPED_PER_PASS * names.size) or 1)
            if excess <= 0:  # what is left to do is to drop names that are too small, one by one
                droppable, drop = droppable[weights[droppable] < least], 1
            if droppable.size == 0:
                break
            loss = weights[names] ** 2 / np.diag(self.bordered(names).inverse)[:-1].clip(1e-300)
            order = np.argsort(loss[np.isin(names, droppable)], kind="stable")
            names, weights = self._passed(np.setdiff1d(names, droppable[order[:drop]]))
        self.min_weight = least
        value, weights = self.solved(names)
        for _ in range(_MAX_EXCHANGES):
            better = self._exchange(names, value)
            if better is None:
                break
            names, value, weights = better
        return self._answer(value, weights)

    def _passed(self, names: IntArray) -> tuple[IntArray, FloatArray]:
        """The names that keep a weight in one pass of the elimination, and their weights.

        With nothing but bounds the budget-only optimum is asked, and what comes out below zero is
        left out, until nothing does; with other limits the programme itself decides.
        """
        if not self.problem.is_plain:
            value, weights = self.solved(names)
            held = np.union1d(np.flatnonzero(weights > 0.0), self.required)
            return (held if np.isfinite(value) else names), weights
        while True:
            at = self.bordered(names)
            negative = (at.weights <= 0.0) & ~np.isin(names, self.required)
            if not np.any(negative):
                weights = np.zeros(self.problem.size)
                weights[names] = np.maximum(at.weights, 0.0)
                return names, weights
            names = names[~negative]

    def _exchange(self, names: IntArray, value: float) -> tuple[IntArray, float, FloatArray] | None:
        """A better subset that differs by one name; None if there is none among the most promising."""
        outside = self.eligible[~np.isin(self.eligible, names)]
        if outside.size == 0 or not np.isfinite(value):
            return None
        at = self.bordered(names)
        # Add j: with c = (S_names,j ; 1), the Schur complement s and the slope r, the value falls by r^2/2s.
        c = np.vstack([self.problem.covariance[np.ix_(names, outside)], np.ones(outside.size)])
        u = at.inverse @ c
        own = np.diag(self.problem.covariance)[outside] + self.ridge
        schur = np.maximum(own - np.sum(c * u, axis=0), self.ridge)
        slope = self.pull[outside] - c.T @ np.append(at.weights, at.level)
        entering = slope / schur
        with_j = at.value - 0.5 * slope * entering
        if names.size < self.count:
            bounds = with_j[None, :]
        else:  # then leave out i: w_i^2 / 2 (G^-1)_ii, both after j has come in
            w = at.weights[:, None] - u[:-1] * entering
            bounds = with_j + 0.5 * w**2 / (np.diag(at.inverse)[:-1, None] + u[:-1] ** 2 / schur)
            bounds[np.isin(names, self.required)] = np.inf
        enough = value - max(self.tolerance, 1e-9 * abs(value))
        for trial in np.argsort(bounds, axis=None, kind="stable")[:_MAX_TRIALS]:
            i, j = divmod(int(trial), outside.size)
            if bounds[i, j] >= enough:
                break
            kept = names if names.size < self.count else np.delete(names, i)
            subset = np.sort(np.append(kept, outside[j]))
            found, weights = self.solved(subset)
            if found < enough:
                return subset, found, weights
        return None

    def _answer(self, value: float, weights: FloatArray) -> FloatArray:
        if not np.isfinite(value):
            raise self.refused or InfeasibleError("no subset of the names satisfies the limits")
        return weights
