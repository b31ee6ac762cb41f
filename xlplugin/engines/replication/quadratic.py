r"""Dense convex quadratic programmes of a few hundred weights, by an interior-point method.

.. math:: \min \tfrac12 w^\top H w + g^\top w + \sum_i c_i |w_i - p_i|
          \quad A w = b,\; G w \le h,\; l \le w \le u,\; \sum_i |w_i - p_i| \le T

The absolute values get one variable each, t >= +-(w - p), which is eliminated from every Newton
system, so that costs and a turnover cap cost nothing extra. Mehrotra's predictor-corrector with one
Cholesky factor per step, then a polish that solves the equality system of the constraints found
active, so that weights at a bound are exactly there. J. Nocedal and S. Wright, *Numerical
Optimization*, 2nd ed., 2006, sections 16.5 and 16.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import ConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["Programme", "Solution", "Trades", "solve"]

_MAX_STEPS = 80
_GAP = 1e-13  # duality gap to stop at, in scaled units
_RESIDUAL = 1e-9  # residual to stop at; rounding rarely allows much less
_LOST = 1e50  # a residual, or a multiplier over its slack, from which there is no way back
_GOOD = 1e-7  # what is accepted when rounding stops the method earlier
_SHORT = 0.3  # of a full step
_BALANCE = 1e-5  # smallest product of slack and multiplier, as a part of their mean
_MAX_POLISH = 12  # constraints taken up or dropped to find the active ones


@dataclass(frozen=True)
class Trades:
    """Cost c >= 0 of moving each weight away from p, and the largest sum T of all moves."""

    held: FloatArray
    cost: FloatArray
    total: float = np.inf


@dataclass(frozen=True)
class Programme:
    """The data; `rows` and `limits` are G and h. Infinite bounds are allowed, equal ones too."""

    quadratic: FloatArray
    linear: FloatArray
    equal_rows: FloatArray
    equal_to: FloatArray
    rows: FloatArray
    limits: FloatArray
    lower: FloatArray
    upper: FloatArray
    trades: Trades | None = None

    def objective(self, w: FloatArray) -> float:
        """Its value at `w`."""
        value = 0.5 * w @ self.quadratic @ w + self.linear @ w
        if self.trades is not None:
            value += self.trades.cost @ np.abs(w - self.trades.held)
        return float(value)


@dataclass(frozen=True)
class Solution:
    """A minimiser; `residual` is the larger of duality gap and violation, in scaled units."""

    w: FloatArray
    residual: float


def solve(programme: Programme) -> Solution:
    """The minimiser of a feasible convex programme.

    Parameters
    ----------
    programme : Programme
        With a positive semidefinite quadratic part and a bounded feasible set that is not empty.

    Returns
    -------
    Solution

    Raises
    ------
    ConvergenceError
        If the method stalls: nearly always because no point satisfies the constraints.

    Examples
    --------
    >>> two = Programme(
    ...     quadratic=np.diag([1.0, 3.0]),
    ...     linear=np.zeros(2),
    ...     equal_rows=np.ones((1, 2)),
    ...     equal_to=np.ones(1),
    ...     rows=np.zeros((0, 2)),
    ...     limits=np.zeros(0),
    ...     lower=np.zeros(2),
    ...     upper=np.full(2, np.inf),
    ... )
    >>> solve(two).w.round(6).tolist()
    [0.75, 0.25]
    """
    fixed = programme.upper - programme.lower <= 0.0
    if np.any(fixed):
        return _solve_without_fixed(programme, fixed)
    parts = [np.abs(np.diag(programme.quadratic)), np.abs(programme.linear)]
    if programme.trades is not None:
        parts.append(programme.trades.cost)
    scale = max(float(part.max(initial=0.0)) for part in parts)
    with np.errstate(over="ignore", invalid="ignore"):  # without a feasible point the iterates run away
        return _Interior(programme, scale or 1.0).run()


def _solve_without_fixed(programme: Programme, fixed: BoolArray) -> Solution:
    """Names whose bounds coincide are taken out: they have no interior."""
    free, value = ~fixed, programme.lower[fixed]
    w = programme.lower.copy()
    trades = programme.trades
    if trades is not None:
        moved = float(np.abs(value - trades.held[fixed]).sum())
        trades = Trades(trades.held[free], trades.cost[free], trades.total - moved)
    smaller = Programme(
        programme.quadratic[np.ix_(free, free)],
        programme.linear[free] + programme.quadratic[np.ix_(free, fixed)] @ value,
        programme.equal_rows[:, free],
        programme.equal_to - programme.equal_rows[:, fixed] @ value,
        programme.rows[:, free],
        programme.limits - programme.rows[:, fixed] @ value,
        programme.lower[free],
        programme.upper[free],
        trades,
    )
    if np.any(free):
        inner = solve(smaller)
        w[free] = inner.w
        return Solution(w, inner.residual)
    left = [np.abs(smaller.equal_to).max(initial=0.0), (-smaller.limits).max(initial=0.0)]
    if trades is not None:
        left.append(max(0.0, -trades.total))
    if max(left) > 1e-9:
        raise ConvergenceError("every weight is fixed, and they do not satisfy the constraints")
    return Solution(w, float(max(left)))


@dataclass(frozen=True)
class _Point:
    """Variables, multipliers of the equalities, slacks and multipliers of the inequalities."""

    z: FloatArray
    y: FloatArray
    s: FloatArray
    lam: FloatArray

    @property
    def gap(self) -> float:
        """Sum of slack x multiplier."""
        return float(self.s @ self.lam)

    def reach(self, step: _Point) -> float:
        """How far one can follow `step`, at most 1, before a slack or multiplier is zero."""
        return min(_reach(self.s, step.s), _reach(self.lam, step.lam))

    def moved(self, step: _Point, by: float) -> _Point:
        """The point `by` times the step further."""
        return _Point(
            self.z + by * step.z, self.y + by * step.y, self.s + by * step.s, self.lam + by * step.lam
        )


@dataclass(frozen=True)
class _Gaps:
    """Residuals of stationarity, equalities and inequalities."""

    dual: FloatArray
    equal: FloatArray
    slack: FloatArray

    @property
    def error(self) -> float:
        """The largest of all."""
        return max(float(np.abs(v).max(initial=0.0)) for v in (self.dual, self.equal, self.slack))


class _Interior:
    """One run, on the variables z = (w, t).

    The inequalities are C z + s = d with s > 0, in the order lower bounds, upper bounds, rows,
    w - t <= p, -w - t <= -p, sum t <= T.
    """

    def __init__(self, programme: Programme, scale: float) -> None:
        p = self.p = programme
        self.n = p.linear.size
        self.h, self.g = p.quadratic / scale, p.linear / scale
        self.low, self.high = np.flatnonzero(np.isfinite(p.lower)), np.flatnonzero(np.isfinite(p.upper))
        blocks = [-p.lower[self.low], p.upper[self.high], p.limits]
        if p.trades is not None:
            self.g = np.concatenate([self.g, p.trades.cost / scale])
            blocks += [p.trades.held, -p.trades.held]
            if np.isfinite(p.trades.total):
                blocks.append(np.array([p.trades.total]))
        self.d = np.concatenate(blocks)
        self.cuts = np.cumsum([block.size for block in blocks])[:-1]

    def times(self, z: FloatArray) -> FloatArray:
        """C z."""
        w, t = z[: self.n], z[self.n :]
        blocks = [-w[self.low], w[self.high], self.p.rows @ w]
        if self.p.trades is not None:
            blocks += [w - t, -w - t]
            if np.isfinite(self.p.trades.total):
                blocks.append(np.array([t.sum()]))
        return np.concatenate(blocks)

    def transposed(self, v: FloatArray) -> FloatArray:
        """C' v."""
        blocks = np.split(v, self.cuts)
        result = np.zeros(self.g.size)
        w, t = result[: self.n], result[self.n :]
        w[self.low] -= blocks[0]
        w[self.high] += blocks[1]
        w += self.p.rows.T @ blocks[2]
        if self.p.trades is not None:
            w += blocks[3] - blocks[4]
            t -= blocks[3] + blocks[4]
            if np.isfinite(self.p.trades.total):
                t += blocks[5]
        return result

    def normal(self, k: int) -> FloatArray:
        """Row k of C."""
        unit = np.zeros(self.d.size)
        unit[k] = 1.0
        return self.transposed(unit)

    def gradient(self, z: FloatArray) -> FloatArray:
        """Of the objective."""
        result = self.g.copy()
        result[: self.n] += self.h @ z[: self.n]
        return result

    def run(self) -> Solution:
        p = self.p
        w = np.clip(0.0, p.lower, p.upper)
        both = np.isfinite(p.lower) & np.isfinite(p.upper)
        w[both] = (p.lower[both] + p.upper[both]) / 2.0
        t = np.zeros(0) if p.trades is None else np.abs(w - p.trades.held) + 0.1
        z = np.concatenate([w, t])
        s = np.maximum(self.d - self.times(z), 1.0)
        at = _Point(z, np.zeros(p.equal_to.size), s, np.ones(s.size))
        best, best_error = at, np.inf
        for _ in range(_MAX_STEPS):
            gaps = self.gaps(at)
            error = max(gaps.error, at.gap)
            if error < best_error or (gaps.error < _RESIDUAL and at.gap < best_error):
                best, best_error = at, error
            if (gaps.error < _RESIDUAL and at.gap < _GAP) or not error < _LOST:
                break
            step = self.step(at, gaps)
            if step is None:
                break
            at = step
        if best_error > _GOOD:
            raise ConvergenceError(
                f"the optimiser stalled with a residual of {best_error:.1e}; the limits may be incompatible"
            )
        return self.polished(best, best_error)

    def gaps(self, at: _Point) -> _Gaps:
        """How far `at` is from optimal and feasible."""
        dual = self.gradient(at.z) + self.transposed(at.lam)
        dual[: self.n] += self.p.equal_rows.T @ at.y
        return _Gaps(
            dual, self.p.equal_rows @ at.z[: self.n] - self.p.equal_to, self.times(at.z) + at.s - self.d
        )

    def step(self, at: _Point, gaps: _Gaps) -> _Point | None:
        """The next point of the predictor-corrector; None if no further step can be computed."""
        weight = at.lam / at.s
        if not weight.max(initial=0.0) < _LOST:
            return None
        factor = _Factor(self, weight)

        def direction(target: FloatArray) -> _Point:
            right = -gaps.dual - self.transposed((at.lam * gaps.slack - target) / at.s)
            dz, dy = factor.solve(right, -gaps.equal)
            ds = -gaps.slack - self.times(dz)
            return _Point(dz, dy, ds, -(target + at.lam * ds) / at.s)

        toward = direction(at.s * at.lam)
        reach = at.reach(toward)
        aimed = at.moved(toward, reach).gap
        mu = at.gap / max(at.s.size, 1)
        centring = min(1.0, (aimed / at.gap) ** 3) if at.gap > 0.0 else 0.0
        # A second-order term counts as much as its predictor could be followed; in full it may cycle.
        toward = direction(at.s * at.lam + reach**2 * toward.s * toward.lam - centring * mu)
        best, far = self.followed(at, gaps, toward)
        if far < _SHORT:  # a plain step towards the central path never cycles
            other, reach = self.followed(at, gaps, direction(at.s * at.lam - 0.3 * mu))
            if other is not None and (best is None or reach > far):
                best = other
        return best

    @staticmethod
    def followed(at: _Point, gaps: _Gaps, step: _Point) -> tuple[_Point | None, float]:
        """The point as far along `step` as the products of slack and multiplier stay of one size.

        Close to feasibility the gap must fall too. None if there is no such point.
        """
        if not np.all(np.isfinite(step.z)):
            return None, 0.0
        reach = 0.995 * at.reach(step)
        for _ in range(40):
            there = at.moved(step, reach)
            balanced = float((there.s * there.lam).min(initial=np.inf)) >= _BALANCE * there.gap / max(
                at.s.size, 1
            )
            if balanced and (gaps.error > 1e-6 or there.gap < (1.0 - 0.01 * reach) * at.gap):
                return there, reach
            reach *= 0.7
        return None, 0.0

    def polished(self, at: _Point, residual: float) -> Solution:
        """The minimiser on the constraints that are active, once these have been found exactly."""
        p, n, size, a = self.p, self.n, at.z.size, self.low.size
        active = at.lam > at.s
        equal = np.hstack([p.equal_rows, np.zeros((p.equal_to.size, size - n))])
        full = np.zeros((size, size))
        full[:n, :n] = self.h
        for _ in range(_MAX_POLISH):
            chosen = np.flatnonzero(active)
            bound = np.vstack([equal, *(self.normal(int(k))[None, :] for k in chosen)])
            system = np.block([[full, bound.T], [bound, np.zeros((bound.shape[0], bound.shape[0]))]])
            try:
                exact = np.linalg.solve(system, np.concatenate([-self.g, p.equal_to, self.d[chosen]]))
            except np.linalg.LinAlgError:
                break
            z, multipliers = exact[:size], exact[size + p.equal_to.size :]
            if not np.abs(z[:n] - at.z[:n]).max() < 1e-3:
                break
            at_low, at_high = chosen[chosen < a], chosen[(chosen >= a) & (chosen < a + self.high.size)] - a
            z[self.low[at_low]] = p.lower[self.low[at_low]]
            z[self.high[at_high]] = p.upper[self.high[at_high]]
            broken = self.times(z) - self.d > 1e-12
            if np.any(broken & ~active):
                active = active | broken
            elif multipliers.min(initial=0.0) < -1e-9:
                active[chosen[int(np.argmin(multipliers))]] = False
            else:
                return Solution(z[:n], residual)
        return Solution(np.clip(at.z[:n], p.lower, p.upper), residual)


class _Factor:
    """Cholesky factor of the Newton matrix H + C'WC, the variables t eliminated from it."""

    def __init__(self, of: _Interior, weight: FloatArray) -> None:
        blocks = np.split(weight, of.cuts)
        diagonal = np.zeros(of.n)
        diagonal[of.low] += blocks[0]
        diagonal[of.high] += blocks[1]
        matrix = of.h + (of.p.rows.T * blocks[2]) @ of.p.rows
        self.n, self.has_trades, self.rank_one = of.n, of.p.trades is not None, 0.0
        if self.has_trades:
            # Block of t: diag(first + second) + cap x ones; block between w and t: diag(second - first).
            first, second = blocks[3], blocks[4]
            self.across_t, self.own_t = second - first, first + second
            diagonal += 4.0 * first * second / self.own_t
            if len(blocks) > 5:
                cap, inverse = float(blocks[5][0]), 1.0 / self.own_t
                self.rank_one = cap / (1.0 + cap * float(inverse.sum()))
                lean = self.across_t * inverse
                matrix = matrix + self.rank_one * np.outer(lean, lean)
        matrix[np.diag_indices(of.n)] += diagonal
        matrix[np.diag_indices(of.n)] *= 1.0 + 1e-13
        self.rows, self.inverse_times = of.p.equal_rows, _inverse(matrix)
        self.across = self.inverse_times(self.rows.T)
        self.schur = self.rows @ self.across

    def _inverse_t(self, v: FloatArray) -> FloatArray:
        """The inverse of the block of t, times v."""
        scaled = v / self.own_t
        return np.asarray(scaled - self.rank_one * float(scaled.sum()) / self.own_t)

    def solve(self, right: FloatArray, equal: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Step of z and multipliers of the equality rows."""
        right_w, right_t = right[: self.n], right[self.n :]
        if self.has_trades:
            right_w = right_w - self.across_t * self._inverse_t(right_t)
        free = self.inverse_times(right_w)
        dy = np.asarray(np.linalg.solve(self.schur, self.rows @ free - equal), dtype=np.float64)
        dw = free - self.across @ dy
        if not self.has_trades:
            return dw, dy
        return np.concatenate([dw, self._inverse_t(right_t - self.across_t * dw)]), dy


def _inverse(matrix: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """A function that solves with `matrix`."""
    from scipy.linalg import cho_factor, cho_solve, lu_factor, lu_solve  # noqa: PLC0415 - when first solved

    try:
        cholesky = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:  # weights of 1e12 beside 1e-6: rounding made it indefinite
        pivoted = lu_factor(matrix)
        return lambda v: lu_solve(pivoted, v)
    return lambda v: cho_solve(cholesky, v)


def _reach(values: FloatArray, step: FloatArray) -> float:
    """How far `values` can follow `step` before one reaches zero, at most 1."""
    falling = step < 0.0
    if not np.any(falling):
        return 1.0
    return min(1.0, float((values[falling] / -step[falling]).min()))
