"""From the relaxation to a plan: modes, restricted problem, branching, and the proved gap.

Only about as many names as there are factors and binding rules can stay undecided in a relaxation
(specification 6.3), so few decisions have to be tried. A node of the search is a warm solve of the
relaxation, which gives a bound, and one of the restricted problem, which gives a plan. Under a cap on
tracking risk every node has its own price of variance: ``bound(gamma) - gamma cap`` holds for any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.branching import GAMMA_HIGH, GAMMA_LOW, Effort, Node, Steps, explore
from xlplugin.engines.rebalancing.capped import solve_under_cap
from xlplugin.engines.rebalancing.infeasibility import explained
from xlplugin.engines.rebalancing.kernel import Solution, solve
from xlplugin.engines.rebalancing.modes import BUY, CLEAR, HARVEST
from xlplugin.engines.rebalancing.relaxation import Envelope, Relaxation
from xlplugin.errors import InfeasibleError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["Found", "Search"]

_TALLY_ROUNDS = 8
_ROOT_ROUNDS, _NODE_ROUNDS, _PLAN_ROUNDS, _EXACT_ROUNDS = 12, 2, 4, 60
_NEAR_CAP = 0.02  # of log variance: near enough for a bound, which errs in the second order
_PLAN_CAP = 2e-3  # the same for a plan inside the search; the last one meets the cap exactly
_EXACT_CAP = 1e-9
_SETTLED = 2e-5  # relative: a bound that new samples move by less is good enough
_APART = 1e-6  # of net asset value: beyond what residuals can do


class Found(NamedTuple):
    """The best plan found and how good it is proved to be.

    Attributes
    ----------
    solution : Solution
        Of the restricted problem: weights, prices of factors and rules, residual, duality gap.
    mode : ndarray of int, shape (n_names,)
        What happens to each name; see `modes`.
    gamma : float
        Price of variance at the plan.
    objective, bound : float
        ``gamma variance + cost`` of the plan, and what no plan can go below. Under a cap on the
        variance both count the cap instead of the variance.
    gap : float
        (objective - bound) over the size of the objective.
    nodes, solves : int
    undecided : tuple of int
        Names whose mode the best open node leaves open.
    relaxation : Relaxation
    """

    solution: Solution
    mode: IntArray
    gamma: float
    objective: float
    bound: float
    gap: float
    nodes: int
    solves: int
    undecided: tuple[int, ...]
    relaxation: Relaxation


class _Relaxed(NamedTuple):
    """A solved envelope. Under a cap `bound` is on the cost alone."""

    relaxation: Relaxation
    envelope: Envelope
    solution: Solution
    gamma: float
    bound: float


class _Plan(NamedTuple):
    """A plan with every mode decided. Under a cap `objective` is the cost alone."""

    objective: float
    solution: Solution
    gamma: float
    allowed: BoolArray


class Search:
    """One branch-and-bound, at a price of variance or under a cap on it. Holds the best plan so far.

    Parameters
    ----------
    problem : Problem
    cap : float, optional
        Largest variance per year.
    groups : tuple of ndarray of int
        Names that are one security to the wash-sale rule.
    """

    def __init__(
        self, problem: Problem, *, cap: float | None = None, groups: tuple[IntArray, ...] = ()
    ) -> None:
        self.problem, self.cap = problem, cap
        # A group without a loss has nothing that a purchase could wash.
        losing = set(problem.lots.name[problem.losing & problem.lots.sellable].tolist())
        self.groups = tuple(group for group in groups if losing & set(group.tolist()))
        self.numbers = _group_numbers(groups, len(problem.names))
        self.relaxation = Relaxation.of(problem, groups=self.numbers)
        self.best: _Plan | None = None
        self.solves = 0
        self._tried: set[bytes] = set()
        self._leaves: list[tuple[float, float]] = []

    def _priced(self, relaxation: Relaxation, prices: FloatArray) -> Relaxation:
        return relaxation.priced(relaxation.tally_prices(prices), self.numbers)

    def _envelope(self, allowed: BoolArray, prices: FloatArray | None, gamma: float) -> _Relaxed | None:
        """Solve one envelope; it is drawn anew until the prices that shaped it are the answer.

        Those of tallies shape tangents; all prices shape the samples of names with more than two ways.
        """
        relaxation = self.relaxation if prices is None else self._priced(self.relaxation, prices)
        sampled = bool((allowed[:, 2:].any(axis=1) & (allowed.sum(axis=1) > 1)).any())
        bound, left = -np.inf, _TALLY_ROUNDS if self.problem.tallies or sampled else 1
        while True:
            envelope = relaxation.envelope(gamma, allowed, prices=prices)
            solution = solve(envelope.program, prices)
            self.solves += 1
            if solution.status == "infeasible":
                return None
            prices, left = solution.prices, left - 1
            answer = self._priced(relaxation, prices)
            bound = max(bound, answer.bound(gamma, prices, allowed))
            same = np.abs(answer.prices - relaxation.prices)[1:].max(initial=0.0) <= 1e-7
            exact = not sampled or bound >= solution.dual - _SETTLED * abs(solution.dual)
            if left == 0 or (same and exact):
                return _Relaxed(relaxation, envelope, solution, gamma, bound)
            relaxation = answer

    def relaxed(
        self, allowed: BoolArray, prices: FloatArray | None, gamma: float, rounds: int
    ) -> _Relaxed | None:
        """The relaxation of a node; under a cap the price of variance is moved to where it belongs."""
        if self.cap is None:
            return self._envelope(allowed, prices, gamma)
        steps, best = Steps(gamma, _NEAR_CAP), -np.inf
        while True:
            made = self._envelope(allowed, prices, steps.gamma)
            if made is None:
                return None
            best = max(best, made.bound - made.gamma * self.cap)
            made, prices, rounds = made._replace(bound=best), made.solution.prices, rounds - 1
            settled = steps.settled(made.solution.variance, self.cap)
            if settled and made.gamma >= GAMMA_HIGH and made.solution.variance > self.cap * (1.0 + _NEAR_CAP):
                return None
            if settled or rounds == 0:
                return made

    def plan(
        self, allowed: BoolArray, prices: FloatArray, gamma: float, *, exact: bool = False
    ) -> _Plan | None:
        """The best plan in these modes; under a cap nearly at it, or just at it if `exact`.

        Lots are put into the order that the prices of the tallies call for, until that is settled.
        """
        relaxation = self._priced(self.relaxation, prices) if self.problem.tallies else self.relaxation
        left = _TALLY_ROUNDS if self.problem.tallies else 1
        while True:
            program = relaxation.envelope(gamma, allowed).program
            if self.cap is None:
                solution, at, solves = solve(program, prices), gamma, 1
            else:
                near = (_EXACT_CAP, _EXACT_ROUNDS) if exact else (_PLAN_CAP, _PLAN_ROUNDS)
                solution, at, solves, _ = solve_under_cap(
                    program, self.cap, gamma=gamma, prices=prices, tolerance=near[0], rounds=near[1]
                )
            self.solves, left = self.solves + solves, left - 1
            if solution.status == "infeasible" or (left == 0 and solution.status != "solved"):
                return None
            if left == 0:
                break
            order, prices = relaxation.modes.sale, solution.prices
            relaxation = self._priced(relaxation, prices)
            if np.array_equal(relaxation.modes.sale, order):
                if solution.status != "solved":
                    return None
                break
        if self.cap is None:
            return _Plan(solution.objective, solution, at, allowed)
        if solution.variance > self.cap * (1.0 + (_EXACT_CAP if exact else 10.0 * _PLAN_CAP)):
            return None
        # What is left of the way to the cap is worth its price, up to the second order.
        rest = at * (solution.variance - self.cap) if not exact and at > GAMMA_LOW else 0.0
        return _Plan(solution.cost + rest, solution, at, allowed)

    def visit(
        self, allowed: BoolArray, prices: FloatArray | None, gamma: float, serial: int
    ) -> Node[BoolArray] | None:
        """Bound a node, round it to a plan and say where to branch; None if nothing is in it."""
        within = self._within_groups(allowed)
        if within is None:
            return None
        allowed = within
        made = self.relaxed(allowed, prices, gamma, _ROOT_ROUNDS if serial == 0 else _NODE_ROUNDS)
        if made is None:
            return None
        if self.best is not None and made.bound >= self.best.objective:
            self._leaves.append((made.bound, made.gamma))
            return None
        relaxation, solution = made.relaxation, made.solution
        decided = self._rounded(made, allowed)
        if (key := decided.tobytes()) not in self._tried:
            self._tried.add(key)
            plan = self.plan(decided, solution.prices, made.gamma)
            if plan is not None and (self.best is None or plan.objective < self.best.objective):
                self.best = plan
        depth = relaxation.depth(made.envelope, solution)
        depth = np.where(relaxation.modes.dented & (allowed.sum(axis=1) > 1), depth, 0.0)
        return Node(
            made.bound,
            serial,
            solution.prices,
            made.gamma,
            self._branches(made, allowed, depth),
            tuple(np.flatnonzero(depth).tolist()),
        )

    def _within_groups(self, allowed: BoolArray) -> BoolArray | None:
        """The modes that the rule of the groups leaves; None if a group has no way at all."""
        for group in self.groups:
            sides = [side for side in _sides(allowed, group) if side.any(axis=1).all()]
            if not sides:
                return None
            if len(sides) == 1:
                allowed = sides[0]
        return allowed

    def _rounded(self, made: _Relaxed, allowed: BoolArray) -> BoolArray:
        """One mode for every dented name: the nearer end of its tangent, or the best at these prices."""
        relaxation, weights = made.relaxation, made.solution.weights
        open_ = relaxation.modes.dented & (allowed.sum(axis=1) > 1)
        several = np.logical_and(open_, allowed[:, 2:].any(axis=1))
        two = open_ & ~several
        sells = weights < 0.5 * (made.envelope.left + made.envelope.right)
        decided = allowed.copy()
        decided[two & sells, BUY] = False
        decided[two & ~sells, HARVEST] = False
        if several.any():
            values = relaxation.bounds(made.gamma, made.solution.prices, allowed)[2]
            names = np.flatnonzero(several)
            decided[names] = False
            decided[names, values[names].argmin(axis=1)] = True
        for group in self.groups:
            self._agree(made, allowed, decided, group)
        return decided

    def _agree(self, made: _Relaxed, allowed: BoolArray, decided: BoolArray, group: IntArray) -> None:
        """Let the names of one group not be bought while one of them is sold at a loss."""
        dented = made.relaxation.modes.dented[group]
        harvests = decided[group][:, [HARVEST, CLEAR]].any(axis=1) & dented
        if not harvests.any():
            return
        buys = decided[group, BUY] & (made.solution.weights > self.problem.held)[group]
        if not buys.any():
            decided[group, BUY] = False
            return
        values = made.relaxation.bounds(made.gamma, made.solution.prices, allowed)[2]
        sides = _sides(allowed, group)
        side = min(sides, key=lambda s: _best(values, s, group))
        chosen = np.where(side[group], values[group], np.inf).argmin(axis=1)
        decided[group] = False
        decided[group, chosen] = True

    def _branches(self, made: _Relaxed, allowed: BoolArray, depth: FloatArray) -> tuple[BoolArray, ...]:
        """The children: each way of the name that the relaxation misjudges most, or of its group."""
        name = int(depth.argmax())
        worst = float(depth[name])
        children = _ways(allowed, name) if worst > 0.0 else ()
        if not self.groups and children:
            return children
        weights, values = made.relaxation.bounds(made.gamma, made.solution.prices, allowed)[1:]
        for group in self.groups:
            sides = _sides(allowed, group)
            if any(np.array_equal(side, allowed) for side in sides):
                continue
            lost = min(_best(values, side, group) for side in sides) - _best(values, allowed, group)
            if lost > worst or not children:
                worst, children = max(lost, worst), sides
        if children:
            return children
        # Sampled hulls can hide a dent: the name that the relaxation and the bound place most apart.
        best = np.take_along_axis(weights, values.argmin(axis=1)[:, None], axis=1)[:, 0]
        open_ = made.relaxation.modes.dented & (allowed.sum(axis=1) > 1)
        apart = np.where(open_, np.abs(best - made.solution.weights), 0.0)
        name = int(apart.argmax())
        return _ways(allowed, name) if apart[name] > _APART else ()

    def run(self, effort: Effort, gamma: float, prices: FloatArray | None = None) -> Found:
        """Best node first, until the gap is proved or the effort is spent.

        Parameters
        ----------
        effort : Effort
        gamma : float
            Price of variance, money per net asset value per unit of annual variance; at the optimum
            one more basis point of tracking risk is paid for with ``2 gamma risk`` basis points.
            Under a cap only where to start looking for it.
        prices : ndarray, optional
            Prices of an earlier solution to start from.

        Raises
        ------
        InfeasibleError
            If no plan keeps all limits.
        """
        self._leaves.clear()
        nodes, undecided = explore(
            self.visit, self.relaxation.modes.open, gamma, prices, effort, self._near, self._leaves
        )
        if self.best is None:
            raise explained(self.problem, None if self.cap is None else float(np.sqrt(self.cap)))
        return self._found(self.best, nodes, undecided)

    def _found(self, best: _Plan, nodes: int, undecided: tuple[int, ...]) -> Found:
        if self.cap is not None:
            exact = self.plan(best.allowed, best.solution.prices, best.gamma, exact=True)
            if exact is None and best.solution.variance > self.cap:
                raise explained(self.problem, float(np.sqrt(self.cap)))
            best = exact or best
        self.best = best
        priced = best.gamma * self.cap if self.cap is not None else 0.0
        bound = min([bound for bound, _ in self._leaves] + [best.objective]) + priced
        objective = best.objective + priced
        return Found(
            solution=best.solution,
            mode=_modes_used(self.relaxation, best.allowed, best.solution.weights),
            gamma=best.gamma,
            objective=objective,
            bound=bound,
            gap=(objective - bound) / max(abs(objective), 1e-12),
            nodes=nodes,
            solves=self.solves,
            undecided=undecided,
            relaxation=self._priced(self.relaxation, best.solution.prices),
        )

    def recapped(self, found: Found, cap: float) -> Found:
        """The same modes with the variance at another cap nearby; every bound moves by its price."""
        if self.cap is None or self.best is None:
            raise InfeasibleError("only a search under a cap has one to move")
        moved = self.cap - cap
        self._leaves = [(bound + gamma * moved, gamma) for bound, gamma in self._leaves]
        self.cap = cap
        return self._found(self.best, found.nodes, found.undecided)

    def _near(self, bound: float, gamma: float, gap: float) -> bool:
        if self.best is None:
            return False
        size = self.best.objective + (gamma * self.cap if self.cap is not None else 0.0)
        return self.best.objective - bound <= gap * max(abs(size), 1e-12)


def _ways(allowed: BoolArray, name: int) -> tuple[BoolArray, ...]:
    """Each of the modes that one name is allowed."""
    made = []
    for mode in np.flatnonzero(allowed[name]):
        child = allowed.copy()
        child[name] = False
        child[name, mode] = True
        made.append(child)
    return tuple(made)


def _sides(allowed: BoolArray, group: IntArray) -> tuple[BoolArray, BoolArray]:
    """A group without purchases, and the group without losses."""
    no_buys, no_losses = allowed.copy(), allowed.copy()
    no_buys[group, BUY] = False
    no_losses[group, HARVEST] = False
    no_losses[group, CLEAR] = False
    return no_buys, no_losses


def _best(values: FloatArray, allowed: BoolArray, group: IntArray) -> float:
    return float(np.where(allowed[group], values[group], np.inf).min(axis=1).sum())


def _group_numbers(groups: tuple[IntArray, ...], names: int) -> IntArray | None:
    if not groups:
        return None
    numbers = np.arange(names)
    for group in groups:
        numbers[group] = group.min()
    return numbers


def _modes_used(relaxation: Relaxation, allowed: BoolArray, weights: FloatArray) -> IntArray:
    """The mode of every name: the decided one, or the side on which a convex name trades."""
    buys = (weights > relaxation.problem.held) & allowed[:, BUY]
    selling = allowed.copy()
    selling[:, BUY] = False
    return np.where(buys | ~selling.any(axis=1), BUY, selling.argmax(axis=1))
