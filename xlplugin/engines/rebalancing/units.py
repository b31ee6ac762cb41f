"""Whole trading units and smallest trades inside the search, with a proved gap (specification 6.5).

The lattice of allowed weights gets the same treatment as the modes: lower hulls, relaxation, exact
bound, branching; a local search turns every relaxation into a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, Effort, Node, Steps, explore
from xlplugin.engines.rebalancing.kernel import Solution, solve
from xlplugin.engines.rebalancing.lattice import Lattice, Region
from xlplugin.engines.rebalancing.local import LocalSearch
from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.engines.rebalancing.relaxation import BORROWED, Relaxation
from xlplugin.engines.rebalancing.search import Found
from xlplugin.errors import InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["UnitSearch"]

_ROOT_ROUNDS, _NODE_ROUNDS = 8, 2
_SETTLED = 2e-5  # relative: a bound that a new window moves by less is good enough
_NEAR_CAP = 0.02
_NEXT = np.array([-1.0, 0.0, 1.0])
_OVER_CAP = (1.3, 2.0, 4.0, 10.0, 30.0)  # times the price of variance, above the cap
_DIVES, _DIVE_EVERY = 8, 8
_WHOLE = 1e-7  # of a unit: a relaxed weight this near to a vertex stands on it


class _Relaxed(NamedTuple):
    """A solved lattice relaxation; under a cap `bound` is on the cost alone."""

    solution: Solution
    vertices: FloatArray
    gamma: float
    bound: float


class _Best(NamedTuple):
    objective: float
    weights: FloatArray
    mode: IntArray
    variance: float
    cost: float
    gamma: float
    prices: FloatArray
    residual: float


class UnitSearch:
    """Branch and bound over allowed weights, at a price of variance or under a cap on it.

    Parameters
    ----------
    problem : Problem
    unit, smallest : ndarray of shape (n_names,)
        Weight of one trading unit and of the smallest trade.
    cap : float, optional
        Largest variance per year of the account; the proof is about it.
    invested_cap : float, optional
        Largest variance of the invested part, times the square of the share that is to be invested:
        what the plan keeps instead of `cap`.
    whole_orders : bool
        Orders are whole numbers of units instead of positions.
    """

    def __init__(
        self,
        problem: Problem,
        unit: FloatArray,
        smallest: FloatArray,
        *,
        cap: float | None = None,
        invested_cap: float | None = None,
        whole_orders: bool = False,
    ) -> None:
        self.problem, self.cap, self.invested_cap = problem, cap, invested_cap
        self.relaxation = Relaxation.of(problem)
        self.lattice = Lattice.of(problem, self.relaxation.modes, unit, smallest, whole_orders=whole_orders)
        self.best: _Best | None = None
        self.solves = 0
        self._leaves: list[tuple[float, float]] = []
        self._sides: FloatArray | None = None
        self._starts: tuple[FloatArray, ...] = ()
        self._tried: set[bytes] = set()

    def relaxed(self, region: Region, prices: FloatArray, gamma: float, rounds: int) -> _Relaxed | None:
        """Hulls around the best weights, solved; drawn anew while that moves the bound."""
        steps, best = Steps(gamma, _NEAR_CAP), -np.inf
        names = np.arange(len(self.problem.names))
        while True:
            at, relaxation = steps.gamma, self.relaxation.priced(self.relaxation.tally_prices(prices))
            points = self.lattice.candidates(relaxation, at, prices, region)
            borrowed = 2.0 * at * BORROWED * self.problem.specific
            hull = relaxation.hull(names, points, relaxation.modes.open, borrowed)
            solution = solve(relaxation.over(hull, at), prices)
            self.solves += 1
            if solution.status == "infeasible":
                return None
            prices, rounds = solution.prices, rounds - 1
            answer = relaxation.priced(relaxation.tally_prices(prices))
            bound = self.lattice.bound(answer, at, prices, region)
            # As good as the hulls promise: then the windows hold all that matters.
            full = bound >= solution.dual - _SETTLED * abs(solution.dual)
            best = max(best, bound if self.cap is None else bound - at * self.cap)
            settled = self.cap is None or steps.settled(solution.variance, self.cap)
            vertices = np.column_stack([hull.low, hull.high[:, -1]])
            made = _Relaxed(solution, vertices, at, best)
            if rounds == 0:
                return made
            if settled and full:
                over = self.cap is not None and solution.variance > self.cap * (1.0 + _NEAR_CAP)
                return None if over and at >= GAMMA_HIGH else made

    def visit(
        self, region: Region, prices: FloatArray | None, gamma: float, serial: int
    ) -> Node[Region] | None:
        """Bound a node, round it to a plan and say where to branch; None if nothing is in it."""
        first = np.zeros(self.relaxation.columns.shape[1]) if prices is None else prices
        made = self.relaxed(region, first, gamma, _ROOT_ROUNDS if serial == 0 else _NODE_ROUNDS)
        if made is None:
            return None
        if self.best is not None and made.bound >= self.best.objective:
            self._leaves.append((made.bound, made.gamma))
            return None
        weights = made.solution.weights
        left, right = _neighbours(made.vertices, weights)
        inside = (weights - left > _WHOLE * self.lattice.unit) & (
            right - weights > _WHOLE * self.lattice.unit
        )
        if serial == 0 and self._sides is not None:
            self._dive(region, made, self._sides)
        if serial == 0:
            for start in self._starts:
                self._round(region, made, start)
        nearest = np.where(weights < 0.5 * (left + right), left, right)
        if serial % _DIVE_EVERY == 0:
            self._dive(region, made, nearest)
        self._round(region, made, nearest)
        p = self.problem
        own = np.einsum("ij,ij->i", p.exposures, p.exposures) + p.specific
        depth = np.where(inside, own * (weights - left) * (right - weights), 0.0)
        branch: tuple[Region, ...] = ()
        name = int(depth.argmax())
        if depth[name] > 0.0:
            # Between two vertices of a hull there may be weights that are allowed: none gets lost.
            held = float(p.held[name])
            at = held if left[name] < held < right[name] else float(weights[name])
            ends = self.lattice.split(name, at, region)
            if ends is not None:
                high, low = region.high.copy(), region.low.copy()
                high[name], low[name] = ends
                branch = (Region(region.low, high), Region(low, region.high))
        return Node(
            made.bound,
            serial,
            made.solution.prices,
            made.gamma,
            branch,
            tuple(np.flatnonzero(depth).tolist()),
        )

    def _dive(self, region: Region, made: _Relaxed, toward: FloatArray) -> None:
        """Decide every dented name for the side of `toward`, relax once more, round and improve."""
        held = self.problem.held
        free = self.relaxation.modes.dented & ~np.isnan(self.lattice.stay)
        high = np.where(free & (toward <= held), np.minimum(region.high, held), region.high)
        low = np.where(free & (toward > held), np.maximum(region.low, held), region.low)
        crossed = low > high
        inner = Region(np.where(crossed, region.low, low), np.where(crossed, region.high, high))
        for _ in range(_DIVES):
            dived = self.relaxed(inner, made.solution.prices, made.gamma, _NODE_ROUNDS)
            if dived is None:
                return
            made, weights = dived, dived.solution.weights
            left, right = _neighbours(made.vertices, weights)
            part = np.where(right > left, (weights - left) / np.where(right > left, right - left, 1.0), 0.0)
            open_ = np.minimum(part, 1.0 - part)
            fractional = np.flatnonzero(open_ > _WHOLE)
            if not len(fractional):
                break
            # The better half is fixed at its nearer vertex, the rest may still answer to that.
            order = fractional[np.argsort(open_[fractional], kind="stable")]
            fixed = order[: max(1, (len(order) + 1) // 2)]
            at = np.where(part[fixed] < 0.5, left[fixed], right[fixed])
            low, high = inner.low.copy(), inner.high.copy()
            low[fixed] = high[fixed] = at
            inner = Region(low, high)
        left, right = _neighbours(made.vertices, made.solution.weights)
        nearer = made.solution.weights < 0.5 * (left + right)
        self._round(region, made, np.where(nearer, left, right))

    def _round(self, region: Region, made: _Relaxed, start: FloatArray) -> None:
        """Improve the vertices nearest to a relaxation; each start once."""
        key = start.tobytes()
        if key in self._tried:
            return
        self._tried.add(key)
        points = self.lattice.candidates(self.relaxation, made.gamma, made.solution.prices, region)
        near = self.lattice.around(
            np.repeat(start[:, None], self.lattice.first.shape[1], axis=1), _NEXT, region
        )
        points = np.sort(np.column_stack([points, near]), axis=1)
        local = LocalSearch(
            self.relaxation,
            points,
            made.solution.prices,
            made.gamma,
            invested_only=self.invested_cap is not None,
        )
        local.start(start)
        self._improve(local, made)

    def _improve(self, local: LocalSearch, made: _Relaxed) -> None:
        """Local search at the price of variance, then under the cap itself."""
        local.run()
        if self.cap is None:
            self._keep(local, made)
            return
        local.cap = self.invested_cap or self.cap
        # A high price at once would pay for the cap with one large move instead of many small ones.
        for dearer in _OVER_CAP:
            local.over_cap = dearer
            local.run()
            if local.kept:
                break
        self._keep(local, made)

    def _keep(self, local: LocalSearch, made: _Relaxed) -> None:
        if not local.kept or (self.best is not None and local.objective >= self.best.objective):
            return
        self.best = _Best(
            local.objective,
            local.weights,
            local.modes(),
            self.problem.variance(local.weights),
            local.total,
            made.gamma,
            made.solution.prices,
            made.solution.residual,
        )

    def run(
        self,
        effort: Effort,
        gamma: float,
        prices: FloatArray | None = None,
        sides: FloatArray | None = None,
        starts: tuple[FloatArray, ...] = (),
    ) -> Found:
        """Best node first, until the gap is proved or the effort is spent.

        Parameters
        ----------
        effort : Effort
        gamma : float
            Price of variance; under a cap where to start looking for it.
        prices : ndarray, optional
            Of the plan without units.
        sides : ndarray of shape (n_names,), optional
            Weights of the plan without units: its sides are tried first.
        starts : tuple of ndarray of shape (n_names,)
            Further weights that the local search starts from.

        Raises
        ------
        InfeasibleError
            If no plan on the lattice was found that keeps all limits.
        """
        self._leaves.clear()
        self._sides, self._starts = sides, starts
        nodes, undecided = explore(
            self.visit, self.lattice.whole(), gamma, prices, effort, self._near, self._leaves
        )
        if self.best is None:
            raise InfeasibleError(
                "no plan in whole trading units was found that keeps all limits; "
                "allow more cash, a smaller unit or a smaller trade"
            )
        return self._found(self.best, nodes, undecided)

    def _near(self, bound: float, gamma: float, gap: float) -> bool:
        if self.best is None:
            return False
        size = self.best.objective + (gamma * self.cap if self.cap is not None else 0.0)
        return self.best.objective - bound <= gap * max(abs(size), 1e-12)

    def _found(self, best: _Best, nodes: int, undecided: tuple[int, ...]) -> Found:
        bound, objective = min([bound for bound, _ in self._leaves] + [best.objective]), best.objective
        if self.cap is not None:
            # A plan that keeps the cap of its invested part may have a whisker more as an account.
            over = max(best.variance - self.cap, 0.0)
            bound = min([bound - gamma * over for bound, gamma in self._leaves] + [best.objective])
            bound, objective = (x + best.gamma * (self.cap + over) for x in (bound, objective))
        solution = Solution(
            weights=best.weights,
            prices=best.prices,
            status="solved",
            iterations=0,
            evaluations=0,
            residual=best.residual,
            gap=objective - bound,
            dual=bound,
            objective=objective,
            variance=best.variance,
            cost=best.cost,
            taken=np.zeros((0, 0)),
        )
        return Found(
            solution=solution,
            mode=np.where(best.weights > self.problem.held, BUY, best.mode),
            gamma=best.gamma,
            objective=objective,
            bound=bound,
            gap=(objective - bound) / max(abs(objective), 1e-12),
            nodes=nodes,
            solves=self.solves,
            undecided=undecided,
            relaxation=self.relaxation.priced(self.relaxation.tally_prices(best.prices)),
        )


def _neighbours(vertices: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The two vertices of its hull between which every weight lies."""
    rows = np.arange(len(weights))
    place = (vertices <= weights[:, None] + 1e-15).sum(axis=1)
    left = vertices[rows, np.clip(place - 1, 0, vertices.shape[1] - 1)]
    right = vertices[rows, np.clip(place, 0, vertices.shape[1] - 1)]
    return left, np.maximum(left, right)
