r"""The convex relaxation of a rebalance, and the bound that no plan can beat.

A name with a dent (it may be sold at a loss or bought, not both) gets the convex envelope of its
cost plus most of its own specific risk: the parabola fills most of the dent (specification 6.1;
Moehle, Kochenderfer, Boyd, Ang 2021). The envelope is the common tangent of the two branches, found
for all names at once. What a plan can cost at least is then computed without the envelope, as the
best mode of every name at the prices of the relaxation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing import modes as ways
from xlplugin.engines.rebalancing.kernel import Program, Rules, Segments
from xlplugin.engines.rebalancing.modes import BUY, HARVEST, Modes

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.rebalancing.kernel import Solution
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["BORROWED", "Envelope", "Hull", "Relaxation", "lower_hull"]

BORROWED = 0.95  # share of the specific risk that fills the dents; the rest keeps the dual smooth
_TANGENT_ROUNDS = 60
_SAMPLES = 17  # points per mode of a name that has more than two, before there are prices
_HALVED = 0.5 ** np.arange(_SAMPLES)  # of the way to the largest weight: a purchase is near the weight held
# Of net asset value, around the best weights: between two samples h apart a hull errs by curvature h^2 / 8.
_STEPS = 7e-5 * np.array([-64.0, -16.0, -4.0, -1.0, -0.25, 0.0, 0.25, 1.0, 4.0, 16.0, 64.0])
_SHALLOW = 1e-12  # of net asset value: not worth a decision


class Envelope(NamedTuple):
    """A program whose cost is the envelope over the allowed modes.

    Attributes
    ----------
    program : Program
    left, right : ndarray of shape (n_names,)
        Ends of the straight piece between two branches; equal where there is none.
    start : ndarray of shape (n_names,)
        Cost at the lowest weight, the tallies at their prices.
    allowed : ndarray of bool, shape (n_names, n_modes)
    """

    program: Program
    left: FloatArray
    right: FloatArray
    start: FloatArray
    allowed: BoolArray


class Hull(NamedTuple):
    """Segments along lower hulls, and what each name costs and counts at its lowest weight.

    Slopes are real marginal costs: the curvature borrowed and the prices of the tallies that shaped
    the hull are taken out again. All arrays are of shape (n_names, n_segments), `counts` with the
    tallies in front, `start` and `start_count` without segments.
    """

    low: FloatArray
    high: FloatArray
    slope: FloatArray
    bend: FloatArray
    counts: FloatArray
    start: FloatArray
    start_count: FloatArray


@dataclass(frozen=True, eq=False, repr=False)
class Relaxation:
    """What all envelopes of one problem at one set of tally prices share."""

    problem: Problem
    modes: Modes
    prices: FloatArray
    slope: FloatArray
    start: FloatArray
    rules: Rules
    columns: FloatArray
    target_exposure: FloatArray

    @classmethod
    def of(
        cls, problem: Problem, prices: FloatArray | None = None, groups: IntArray | None = None
    ) -> Relaxation:
        """Prepare a problem; `prices` are those of trading costs in cash and of the tallies."""
        y = np.zeros(1 + len(problem.tallies)) if prices is None else prices
        modes = ways.build(problem, y, groups)
        slope, start = modes.priced(y)
        rules = _rules(problem)
        columns = np.column_stack([problem.exposures, rules.weight.T])
        return cls(problem, modes, y, slope, start, rules, columns, problem.exposures.T @ problem.target)

    def priced(self, prices: FloatArray, groups: IntArray | None = None) -> Relaxation:
        """The same problem at other tally prices; lots are put into their new order if need be."""
        if any(tally.of_gains for tally in self.problem.tallies):
            return Relaxation.of(self.problem, prices, groups)
        slope, start = self.modes.priced(prices)
        return Relaxation(
            self.problem, self.modes, prices, slope, start, self.rules, self.columns, self.target_exposure
        )

    def tally_prices(self, prices: FloatArray) -> FloatArray:
        """Of all prices of a solution those of trading costs in cash and of the tallies."""
        first = self.problem.exposures.shape[1]
        return prices[[first + rule for rule in self.rules.counted]]

    def envelope(
        self, gamma: float, allowed: BoolArray, share: float = BORROWED, prices: FloatArray | None = None
    ) -> Envelope:
        """The relaxation in which every name may use its allowed modes.

        Parameters
        ----------
        gamma : float
        allowed : ndarray of bool, shape (n_names, n_modes)
            Within the open modes; a dented name with one allowed mode is decided.
        share : float
            Of the specific risk that the envelope borrows.
        prices : ndarray of shape (n_factors + n_rules,), optional
            Of an earlier solution: names with more than two ways are sampled around what they would
            do at these prices.
        """
        p, m = self.problem, self.modes
        n, segments = len(p.names), m.low.shape[2]
        rows = np.arange(n)
        selling = allowed.copy()
        selling[:, BUY] = False
        mode = np.where(selling[:, HARVEST], HARVEST, selling.argmax(axis=1))
        sells, buys = selling.sum(axis=1) > 0, allowed[:, BUY]
        undecided = m.dented & (allowed.sum(axis=1) > 1)
        several = undecided & (allowed[:, 2:].sum(axis=1) > 0)
        plain = np.flatnonzero(undecided & ~several)

        left = np.where(sells, m.high[rows, mode, -1], m.low[:, BUY, 0])
        right, line = left.copy(), np.zeros(n)
        borrowed = 2.0 * gamma * share * p.specific
        if len(plain):
            left[plain], right[plain], line[plain] = self._tangents(plain, borrowed[plain])
        straight = right > left

        table = _Table.of(n, segments + 2, len(m.counts))
        end = np.where(sells, left, m.low[:, BUY, 0])[:, None]
        table.low[:, :segments] = np.where(sells[:, None], np.minimum(m.low[rows, mode], end), end)
        table.high[:, :segments] = np.where(sells[:, None], np.minimum(m.high[rows, mode], end), end)
        table.slope[:, :segments] = m.slope[rows, mode]
        table.counts[:, :, :segments] = m.counts[:, rows, mode]
        table.low[:, segments], table.high[:, segments] = left, right
        table.counts[:, :, segments] = self._chord(left, right, straight)
        own = line - borrowed * (left - p.target) - self.prices @ table.counts[:, :, segments]
        table.slope[:, segments] = np.where(straight, own, 0.0)
        table.bend[:, segments] = np.where(straight, -borrowed, 0.0)
        # A purchase starts at the weight held; for a forced one the weights below do not exist.
        table.low[:, -1] = np.where(buys, np.maximum(right, m.low[:, BUY, 0]), right)
        table.high[:, -1] = np.where(buys, np.maximum(m.high[:, BUY, -1], table.low[:, -1]), right)
        table.slope[:, -1], table.counts[:, :, -1] = m.slope[:, BUY, 0], m.counts[:, :, BUY, 0]
        first = np.where(sells, mode, BUY)
        start, start_count = m.start[rows, first], m.start_counts[:, rows, first]
        if several.sum() > 0:
            start, start_count = start.copy(), start_count.copy()
            best = None if prices is None else self.bounds(gamma, prices, m.open)[1]
            points = self._samples(names := np.flatnonzero(several), best)
            table = self._hulls(table, names, points, allowed, borrowed, start, start_count)
        bases = np.zeros(len(self.rules.low))
        bases[list(self.rules.counted)] = start_count.sum(axis=1)
        pieces = Segments(
            table.low, table.high, table.slope, table.bend, table.low[:, 0].copy(), float(start.sum())
        )
        rules = replace(self.rules, count=table.counts, base=bases)
        program = Program(
            p.exposures, p.specific, p.target, gamma, pieces, rules, self.columns, self.target_exposure
        )
        return Envelope(program, left, right, start + self.prices @ start_count, allowed)

    def _hulls(
        self,
        table: _Table,
        names: IntArray,
        points: FloatArray,
        allowed: BoolArray,
        borrowed: FloatArray,
        start: FloatArray,
        start_count: FloatArray,
    ) -> _Table:
        """Sampled envelopes of the names with more than two ways; only the bound has to be exact.

        The starts of these names are written into `start` and `start_count`.
        """
        hull = self.hull(names, points, allowed[names], borrowed[names])
        start[names], start_count[:, names] = hull.start, hull.start_count
        wide = table.widened(hull.low.shape[1])
        wide.low[names], wide.high[names] = hull.high[:, -1:], hull.high[:, -1:]
        wide.slope[names], wide.bend[names], wide.counts[:, names] = 0.0, 0.0, 0.0
        used = slice(0, hull.low.shape[1])
        wide.low[names, used], wide.high[names, used] = hull.low, hull.high
        wide.slope[names, used], wide.bend[names, used] = hull.slope, hull.bend
        wide.counts[:, names, used] = hull.counts
        return wide

    def _samples(self, names: IntArray, best: FloatArray | None) -> FloatArray:
        """Weights at which the ways of some names are looked at: ends, kinks, and around the best ones."""
        low, high = self.modes.low[names], self.modes.high[names]
        first, last = low[:, :, :1], high[:, :, -1:]
        if best is None:
            near = first + (last - first) * np.linspace(0.0, 1.0, _SAMPLES)
            near[:, BUY] = (first + (last - first) * _HALVED)[:, BUY]
        else:
            near = np.clip(best[names][:, :, None] + _STEPS, first, last)
        made = np.concatenate([near, first, last], axis=2).reshape(len(names), -1)
        return np.sort(np.concatenate([made, high[:, HARVEST]], axis=1), axis=1)

    def hull(self, names: IntArray, points: FloatArray, allowed: BoolArray, borrowed: FloatArray) -> Hull:
        """Lower hulls over some weights of some names, own risk of the share borrowed included.

        Parameters
        ----------
        names : ndarray of int, shape (n,)
        points : ndarray of shape (n, n_points)
            Rising along a name.
        allowed : ndarray of bool, shape (n, n_modes)
        borrowed : ndarray of shape (n,)
            Curvature that the hull contains: ``2 gamma share d``.
        """
        m = self.modes
        low, high = m.low[names], m.high[names]
        parabola, target = (0.5 * borrowed)[:, None], self.problem.target[names, None]
        value = ways.cost_at(low, high, self.slope[names], self.start[names], points)
        value[~allowed] = np.inf
        best = value.argmin(axis=1)
        value = np.take_along_axis(value, best[:, None, :], axis=1)[:, 0]
        place = lower_hull(points, value + parabola * (points - target) ** 2)

        x, y = (np.take_along_axis(table, place, axis=1) for table in (points, value))
        best = np.take_along_axis(best, place, axis=1)[:, None, :]
        width = x[:, 1:] - x[:, :-1]
        there = width > 0.0
        unit = np.where(there, 1.0 / np.where(there, width, 1.0), 0.0)
        # Along a piece the borrowed parabola grows by its slope in the middle of the piece.
        slope = np.where(
            there, (y[:, 1:] - y[:, :-1]) * unit + parabola * (x[:, 1:] + x[:, :-1] - 2.0 * target), 0.0
        )
        slope -= np.where(there, borrowed[:, None] * (x[:, :-1] - target), 0.0)
        start = y[:, 0].copy()
        counts, start_count = np.zeros((len(m.counts), *width.shape)), np.zeros((len(m.counts), len(names)))
        for tally, (count, first) in enumerate(zip(m.counts, m.start_counts, strict=True)):
            here = ways.cost_at(low, high, count[names], first[names], x)
            here = np.take_along_axis(here, best, axis=1)[:, 0]
            counts[tally] = (here[:, 1:] - here[:, :-1]) * unit
            start_count[tally] = here[:, 0]
            slope -= self.prices[tally] * counts[tally]
            start -= self.prices[tally] * here[:, 0]
        bend = np.where(there, -borrowed[:, None], 0.0)
        return Hull(x[:, :-1], x[:, 1:], slope, bend, counts, start, start_count)

    def over(self, hull: Hull, gamma: float) -> Program:
        """The program whose costs are a hull over all names."""
        p = self.problem
        bases = np.zeros(len(self.rules.low))
        bases[list(self.rules.counted)] = hull.start_count.sum(axis=1)
        pieces = Segments(
            hull.low, hull.high, hull.slope, hull.bend, hull.low[:, 0].copy(), float(hull.start.sum())
        )
        rules = replace(self.rules, count=hull.counts, base=bases)
        return Program(
            p.exposures, p.specific, p.target, gamma, pieces, rules, self.columns, self.target_exposure
        )

    def _tangents(self, names: IntArray, curvature: FloatArray) -> tuple[FloatArray, ...]:
        """Common tangents of the HARVEST and BUY branches, the parabola of own risk included.

        The difference of the two one-dimensional minima never falls in the slope of the line; a
        Newton step, kept inside the bracket, finds its root.
        """
        p, m, two = self.problem, self.modes, slice(0, 2)
        low, high = m.low[names, two], m.high[names, two]
        slope, start, target = self.slope[names, two], self.start[names, two], p.target[names]
        top, bottom = high[:, HARVEST, -1], low[:, BUY, 0]
        small = slope[:, BUY, 0] + curvature * (bottom - target)
        large = slope[:, HARVEST, -1] + curvature * (top - target)
        small, large = np.minimum(small, large), np.maximum(small, large)
        line = 0.5 * (small + large)
        weights = np.empty((0, 2))
        for _ in range(_TANGENT_ROUNDS):
            weights, values = ways.least(low, high, slope, start, curvature, target, -line)
            ahead = values[:, HARVEST] - values[:, BUY]
            apart = weights[:, BUY] - weights[:, HARVEST]
            large = np.where(ahead > 0.0, line, large)
            small = np.where(ahead > 0.0, small, line)
            newton = line - ahead / np.maximum(apart, 1e-300)
            inside = (newton > small) & (newton < large)
            if np.abs(ahead).max(initial=0.0) <= 1e-15:
                break
            line = np.where(inside, newton, 0.5 * (small + large))
        return weights[:, HARVEST], np.maximum(weights[:, BUY], weights[:, HARVEST]), line

    def _chord(self, left: FloatArray, right: FloatArray, straight: BoolArray) -> FloatArray:
        """Counts per unit along the straight pieces, from one end to the other."""
        m, chord = self.modes, np.zeros((len(self.modes.counts), len(left)))
        names = np.flatnonzero(straight)
        if not len(names):
            return chord
        low, high, ends = m.low[names], m.high[names], np.column_stack([left, right])[names]
        for place, (count, start) in enumerate(zip(m.counts, m.start_counts, strict=True)):
            at = ways.cost_at(low, high, count[names], start[names], ends)
            chord[place, names] = (at[:, BUY, 1] - at[:, HARVEST, 0]) / (ends[:, 1] - ends[:, 0])
        return chord

    def bound(self, gamma: float, prices: FloatArray, allowed: BoolArray) -> float:
        """What any plan within the allowed modes costs at least, whatever the prices are.

        Parameters
        ----------
        gamma : float
        prices : ndarray of shape (n_factors + n_rules,)
        allowed : ndarray of bool, shape (n_names, n_modes)

        Returns
        -------
        float
            In the units of the objective; the prices of a good relaxation give a tight one. The
            lots must be in the order these prices call for (`priced`).
        """
        return self.bounds(gamma, prices, allowed)[0]

    def bounds(
        self, gamma: float, prices: FloatArray, allowed: BoolArray
    ) -> tuple[float, FloatArray, FloatArray]:
        """The bound, and weights and Lagrangians of every name and mode behind it."""
        p, m = self.problem, self.modes
        slope, start = m.priced(self.tally_prices(prices))
        weights, values = ways.least(
            m.low, m.high, slope, start, 2.0 * gamma * p.specific, p.target, self.columns @ prices
        )
        values = np.where(allowed, values, np.inf)
        return float(values.min(axis=1).sum()) + self.constant(gamma, prices), weights, values

    def constant(self, gamma: float, prices: FloatArray) -> float:
        """What the dual function adds to the Lagrangians of the names."""
        nu, y = prices[: self.problem.exposures.shape[1]], prices[self.problem.exposures.shape[1] :]
        limit = np.where(y > 0.0, self.rules.high, self.rules.low)
        priced = y != 0.0
        return (
            -float(y[priced] @ limit[priced])
            - float(nu @ self.target_exposure)
            - float(nu @ nu) / (4.0 * gamma)
        )

    def depth(self, envelope: Envelope, solution: Solution) -> FloatArray:
        """How far every name really is above its envelope: what the relaxation leaves out.

        Returns
        -------
        ndarray of shape (n_names,)
            Zero where a single mode reaches the weight at the price the relaxation put on it.
        """
        m, pieces = self.modes, envelope.program.segments
        slope = pieces.slope + np.tensordot(self.prices, envelope.program.rules.count, 1)
        flat = envelope.start + ((slope + 0.5 * pieces.bend * solution.taken) * solution.taken).sum(axis=1)
        real = ways.cost_at(m.low, m.high, self.slope, self.start, solution.weights[:, None])[:, :, 0]
        above = np.where(envelope.allowed, real, np.inf).min(axis=1) - flat
        return np.where(above > _SHALLOW, above, 0.0)


@dataclass(frozen=True, eq=False, repr=False)
class _Table:
    """The segments of all names while they are put together."""

    low: FloatArray
    high: FloatArray
    slope: FloatArray
    bend: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, names: int, segments: int, tallies: int) -> _Table:
        low, high, slope, bend = np.zeros((4, names, segments))
        return cls(low, high, slope, bend, np.zeros((tallies, names, segments)))

    def widened(self, segments: int) -> _Table:
        """At least so many segments; the new ones have no width and stand at the upper end."""
        more = segments - self.low.shape[1]
        if more <= 0:
            return self
        top = np.repeat(self.high[:, -1:], more, axis=1)
        nothing = np.zeros_like(top)
        return _Table(
            np.column_stack([self.low, top]),
            np.column_stack([self.high, top]),
            np.column_stack([self.slope, nothing]),
            np.column_stack([self.bend, nothing]),
            np.concatenate([self.counts, np.zeros((*self.counts.shape[:2], more))], axis=2),
        )


def _rules(problem: Problem) -> Rules:
    """Cash, the limits and the tallies as rules of the kernel; cash counts what trading costs."""
    p, n = problem, len(problem.names)
    shift = [float(limit.loading @ p.target) if limit.active else 0.0 for limit in p.limits]
    names = ("cash", *(limit.name for limit in p.limits), *(tally.name for tally in p.tallies))
    weight = np.vstack(
        [np.ones((1, n)), *(limit.loading[None] for limit in p.limits), np.zeros((len(p.tallies), n))]
    )
    low = [1.0 - p.cash_high, *(limit.low + s for limit, s in zip(p.limits, shift, strict=True))]
    high = [1.0 - p.cash_low, *(limit.high + s for limit, s in zip(p.limits, shift, strict=True))]
    low += [tally.low for tally in p.tallies]
    high += [tally.high for tally in p.tallies]
    cap = [np.inf, *(limit.price for limit in p.limits), *(tally.price for tally in p.tallies)]
    first = 1 + len(p.limits)
    counted = (0, *range(first, first + len(p.tallies)))
    return Rules(
        names, weight, np.array(low), np.array(high), np.array(cap), counted,
        np.zeros((len(counted), n, 0)), np.zeros(len(names)),
    )  # fmt: skip


def lower_hull(x: FloatArray, y: FloatArray) -> IntArray:
    """Lower convex hulls of many point sets at once.

    Parameters
    ----------
    x, y : ndarray of shape (n_sets, n_points)
        `x` rises along a set; of equal neighbours the lowest counts, an infinite `y` is no point.

    Returns
    -------
    ndarray of int, shape (n_sets, n_hull)
        Places of the vertices, at least two; the last one is repeated at the end of shorter hulls.
    """
    n, points = x.shape
    rows = np.arange(n)
    hull, size = np.zeros((n, max(2, points)), dtype=np.int64), np.zeros(n, dtype=np.int64)
    hull_x, hull_y = np.full((n, points), -np.inf), np.full((n, points), np.inf)
    for column in range(points):
        here_x, here_y = x[:, column], y[:, column]
        last = np.maximum(size - 1, 0)
        there = np.isfinite(here_y)
        same = there & (size > 0) & (here_x - hull_x[rows, last] < 1e-15)
        worse = same & (here_y >= hull_y[rows, last])
        size -= same & ~worse
        adding = np.flatnonzero(there & ~worse)
        at = adding[size[adding] >= 2]
        while len(at):
            last, before = size[at] - 1, size[at] - 2
            x1, y1, x2, y2 = hull_x[at, before], hull_y[at, before], hull_x[at, last], hull_y[at, last]
            at = at[(y2 - y1) * (here_x[at] - x1) >= (here_y[at] - y1) * (x2 - x1)]
            size[at] -= 1
            at = at[size[at] >= 2]
        end = size[adding]
        hull[adding, end], hull_x[adding, end], hull_y[adding, end] = column, here_x[adding], here_y[adding]
        size[adding] += 1
    width = max(2, int(size.max(initial=1)))
    beyond = np.arange(width)[None, :] >= size[:, None]
    return np.where(beyond, hull[rows, np.maximum(size - 1, 0)][:, None], hull[:, :width])
