r"""What may happen to one name today, as modes: ranges of its weight with a convex cost.

A name is sold or bought, not both; a sale at a loss next to a recent purchase is washed in part.
Each way of trading is convex by itself, their choice is not. The exact bound takes the best mode of
every name, so it is valid at any prices (specification 3.10 of the kernel, 5 and 6.1).

======== ==================================================================================
HARVEST  sell, cheapest lot first. Recent purchases are kept: the first of the loss shares are
         washed, one for each share bought (26 U.S.C. 1091(b); mode H2)
BUY      buy
CALM     sell without a loss that counts: lots at a gain, and loss shares that are washed (G)
CLEAR    sell the recent purchases first, then the rest: nothing is left to wash it (H1)
======== ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray
    from xlplugin.engines.rebalancing.problem import Problem

__all__ = ["BUY", "CALM", "CLEAR", "HARVEST", "Modes", "Piece", "build", "cost_at", "least", "lots_sold"]

HARVEST, BUY, CALM, CLEAR = 0, 1, 2, 3
_PLAIN = 2  # number of modes of a name that neither a recent purchase nor a group concerns


class Piece(NamedTuple):
    """Part of a lot in the order of sale; a washed part gives no loss today."""

    lot: int
    weight: float
    washed: bool = False


class Modes(NamedTuple):
    """The modes of all names as padded arrays; segments run from low weight to high.

    Attributes
    ----------
    low, high, slope : ndarray of shape (n_names, n_modes, n_segments)
        The marginal cost includes trading costs, tax and tilt.
    start : ndarray of shape (n_names, n_modes)
        Cost at the lowest weight of the mode.
    counts : ndarray of shape (n_tallies, n_names, n_modes, n_segments)
        What a unit of weight inside the segment adds to each tally; tally 0 is trading costs.
    start_counts : ndarray of shape (n_tallies, n_names, n_modes)
    open : ndarray of bool, shape (n_names, n_modes)
    dented : ndarray of bool, shape (n_names,)
        The open modes together are not convex: one has to be chosen.
    order : dict
        Sale order by (name, mode) where it is not simply the cheapest lot first.
    sale : ndarray of int, shape (n_names, n_lots of a name)
        Lots in order of sale, -1 behind the last.
    """

    low: FloatArray
    high: FloatArray
    slope: FloatArray
    start: FloatArray
    counts: FloatArray
    start_counts: FloatArray
    open: BoolArray
    dented: BoolArray
    order: dict[tuple[int, int], tuple[Piece, ...]]
    sale: IntArray

    def priced(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slopes and starting costs with every tally at its price."""
        return (
            self.slope + np.tensordot(prices, self.counts, 1),
            self.start + np.tensordot(prices, self.start_counts, 1),
        )

    def each(self, weights: FloatArray) -> FloatArray:
        """Cost by mode at weights of shape (n_names, n_points); infinite where it does not reach."""
        cost = cost_at(self.low, self.high, self.slope, self.start, weights)
        return np.where(self.open[:, :, None], cost, np.inf)

    def at(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Least cost at weights of shape (n_names, n_points), and what that way of trading counts."""
        cost = self.each(weights)
        best = cost.argmin(axis=1)[:, None, :]
        counts = [
            np.take_along_axis(cost_at(self.low, self.high, count, start, weights), best, axis=1)[:, 0]
            for count, start in zip(self.counts, self.start_counts, strict=True)
        ]
        return cost.min(axis=1), np.where(np.isfinite(counts), counts, 0.0)


def build(problem: Problem, prices: FloatArray, groups: IntArray | None = None) -> Modes:
    """The modes of every name.

    Parameters
    ----------
    problem : Problem
    prices : ndarray of shape (1 + n_tallies,)
        Prices of trading costs in cash and of the tallies; they decide which lot is cheapest.
    groups : ndarray of int, shape (n_names,), optional
        Names with one number are one security to the wash-sale rule.

    Returns
    -------
    Modes

    Raises
    ------
    DomainError
        If a name has to be bought or sold and may not.
    """
    lots = problem.lots
    sold = np.stack([problem.sell_cost[lots.name], *(tally.sold for tally in problem.tallies)])
    bought = np.stack([problem.buy_cost, *(tally.bought for tally in problem.tallies)])
    sale = _sale_order(problem, lots.tax + prices @ sold)
    exotic = _exotic(problem, groups)
    modes = CLEAR + 1 if exotic.any() else _PLAIN
    segments = sale.shape[1] + (2 if exotic.any() else 0)
    made = _empty(problem, len(sold), modes, segments, sale)
    _check(problem, made)

    # Place -1 of the padded tables means no lot.
    weight, tax = np.append(lots.weight, 0.0)[sale], np.append(lots.tax, 0.0)[sale]
    counted = np.stack([np.append(each, 0.0)[sale] for each in sold])
    after = np.cumsum(weight, axis=1)
    # Sale order runs down from the weight held; segments run up, so the order is turned round.
    column = slice(segments - sale.shape[1], segments)
    made.low[:, HARVEST, column] = (problem.held[:, None] - after)[:, ::-1]
    made.high[:, HARVEST, column] = (problem.held[:, None] - after + weight)[:, ::-1]
    made.low[:, HARVEST, : column.start] = made.high[:, HARVEST, : column.start] = made.low[
        :, HARVEST, column.start, None
    ]
    made.high[:, HARVEST, -1] = problem.held
    unit = np.where(sale >= 0, problem.sell_cost[:, None] + tax, 0.0)
    made.slope[:, HARVEST, column] = -unit[:, ::-1]
    made.counts[:, :, HARVEST, column] = -counted[:, :, ::-1]
    made.open[:, HARVEST] = True

    made.low[:, BUY] = np.maximum(problem.held, problem.lowest)[:, None]
    made.high[:, BUY] = made.low[:, BUY]
    made.high[:, BUY, 0] = np.maximum(problem.highest, made.low[:, BUY, 0])
    made.high[:, BUY, 1:] = made.low[:, BUY, 1:] = made.high[:, BUY, :1]
    made.slope[:, BUY, 0] = problem.buy_cost
    made.counts[:, :, BUY, 0] = bought
    made.open[:, BUY] = problem.may_buy & (problem.highest > problem.held)

    for name in np.flatnonzero(exotic):
        _fill_exotic(made, problem, int(name), sold)
    return _finished(made, problem, sold, bought, exotic)


def _sale_order(problem: Problem, effective: FloatArray) -> IntArray:
    """Sellable lots of every name, cheapest first; ties in the order of the lots."""
    lots, n = problem.lots, len(problem.names)
    order = np.lexsort((effective, lots.name))
    order = order[lots.sellable[order]]
    owner = lots.name[order]
    counts = np.bincount(owner, minlength=n)
    sale = np.full((n, max(1, int(counts.max(initial=0)))), -1, dtype=np.int64)
    sale[owner, np.arange(len(order)) - (np.cumsum(counts) - counts)[owner]] = order
    return sale


def _exotic(problem: Problem, groups: IntArray | None) -> BoolArray:
    """Names whose losses meet a recent purchase or another name of the same security.

    What is left of a lot does not replace the part that is sold, but another recent lot does.
    """
    n, lots = len(problem.names), problem.lots
    losing, old = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    losing[lots.name[problem.losing]] = True
    old[lots.name[problem.losing & ~lots.recent]] = True
    purchases = np.bincount(lots.name[lots.recent], minlength=n)
    exotic = (old & (purchases > 0)) | (losing & (purchases > 1))
    if groups is not None:
        members = np.bincount(groups, minlength=int(groups.max(initial=0)) + 1)
        together = np.zeros(len(members), dtype=bool)
        together[groups[losing]] = True
        exotic |= (members[groups] > 1) & together[groups]
    return exotic


def _empty(problem: Problem, tallies: int, modes: int, segments: int, sale: IntArray) -> Modes:
    n = len(problem.names)
    shape = (n, modes, segments)
    held = np.broadcast_to(problem.held[:, None, None], shape)
    return Modes(
        held.copy(),
        held.copy(),
        np.zeros(shape),
        np.zeros(shape[:2]),
        np.zeros((tallies, *shape)),
        np.zeros((tallies, *shape[:2])),
        np.zeros(shape[:2], dtype=bool),
        np.zeros(n, dtype=bool),
        {},
        sale,
    )


def _check(problem: Problem, made: Modes) -> None:
    lots = problem.lots
    kept = np.bincount(lots.name, weights=np.where(lots.sellable, 0.0, lots.weight), minlength=len(made.open))
    stuck = np.flatnonzero(kept > problem.highest + 1e-12)
    if len(stuck):
        name = int(stuck[0])
        raise DomainError(
            f"{problem.names[name]}: at most {problem.highest[name]:.6g} of net asset value is allowed, "
            f"but lots worth {kept[name]:.6g} may not be sold; raise the limit or release the lots"
        )
    barred = np.flatnonzero((problem.lowest > problem.held + 1e-12) & ~problem.may_buy)
    if len(barred):
        name = int(barred[0])
        raise DomainError(
            f"{problem.names[name]}: at least {problem.lowest[name]:.6g} is wanted, "
            f"{problem.held[name]:.6g} is held and it may not be bought; "
            "lower the limit or allow the purchase"
        )


def _fill_exotic(made: Modes, problem: Problem, name: int, sold: FloatArray) -> None:
    """The three ways of selling a name that recent purchases or its group concern."""
    lots, is_losing = problem.lots, problem.losing
    order = [int(lot) for lot in made.sale[name] if lot >= 0]
    recent = [int(lot) for lot in np.flatnonzero((lots.name == name) & lots.recent)]
    replacing = float(lots.weight[recent].sum())
    others = [lot for lot in order if not lots.recent[lot]]
    losing = [lot for lot in others if is_losing[lot]]
    gaining = [Piece(lot, float(lots.weight[lot])) for lot in order if not is_losing[lot]]

    washed, left = [], replacing
    for lot in losing:
        part = min(left, float(lots.weight[lot]))
        if part > 0.0:
            washed.append(Piece(lot, part, washed=True))
            left -= part
    _fill(made, problem, name, CALM, sold, [], [*washed, *gaining])
    used = {piece.lot: piece.weight for piece in washed}
    rest = [Piece(lot, float(lots.weight[lot]) - used.get(lot, 0.0)) for lot in others]
    rest = [piece for piece in rest if piece.weight > 0.0]
    if left == 0.0 and any(is_losing[piece.lot] for piece in rest):
        _fill(made, problem, name, HARVEST, sold, washed, rest)
    elif replacing > 0.0:
        made.open[name, HARVEST] = False
    if replacing > 0.0 and bool((lots.sellable & (lots.rate > 0.0))[recent].all()):
        first = [Piece(lot, float(lots.weight[lot])) for lot in recent]
        _fill(
            made, problem, name, CLEAR, sold, first, [Piece(lot, float(lots.weight[lot])) for lot in others]
        )


def _fill(
    made: Modes,
    problem: Problem,
    name: int,
    mode: int,
    sold: FloatArray,
    first: list[Piece],
    then: list[Piece],
) -> None:
    """Write one sell mode: `first` has to be sold whole, `then` is sold as far as it pays."""
    lots, top = problem.lots, float(problem.held[name])
    made.order[name, mode] = (*first, *then)
    for piece in first:
        unit = problem.sell_cost[name] + (0.0 if piece.washed else float(lots.tax[piece.lot]))
        made.start[name, mode] += unit * piece.weight
        made.start_counts[:, name, mode] += _counted(problem, sold, piece) * piece.weight
        top -= piece.weight
    made.low[name, mode] = made.high[name, mode] = top - sum(piece.weight for piece in then)
    made.slope[name, mode] = 0.0
    made.counts[:, name, mode] = 0.0
    column = made.low.shape[2] - 1
    for piece in then:
        unit = problem.sell_cost[name] + (0.0 if piece.washed else float(lots.tax[piece.lot]))
        made.low[name, mode, column], made.high[name, mode, column] = top - piece.weight, top
        made.slope[name, mode, column] = -unit
        made.counts[:, name, mode, column] = -_counted(problem, sold, piece)
        top, column = top - piece.weight, column - 1
    made.open[name, mode] = True


def _counted(problem: Problem, sold: FloatArray, piece: Piece) -> FloatArray:
    """A washed loss is no loss of this year: tallies of gains leave it out."""
    counted = sold[:, piece.lot].copy()
    if piece.washed:
        for place, tally in enumerate(problem.tallies, start=1):
            if tally.of_gains:
                counted[place] = 0.0
    return counted


def _finished(
    made: Modes, problem: Problem, sold: FloatArray, bought: FloatArray, exotic: BoolArray
) -> Modes:
    """Limits on the weights cut the segments; what lies below becomes the start."""
    lowest, highest = problem.lowest[:, None, None], problem.highest[:, None, None]
    low, high = (np.minimum(np.maximum(ends, lowest), highest) for ends in (made.low, made.high))
    width, sell = made.high - made.low, np.ones(made.open.shape[1], dtype=bool)
    sell[BUY] = False
    # From the top of a sell mode down to its lowest weight everything is sold; a buy mode starts
    # with what has to be bought.
    gone = np.where(sell[:, None], np.minimum(width, np.maximum(made.high - low[:, :, :1], 0.0)), 0.0)
    start = made.start - np.einsum("nms,nms->nm", made.slope, gone)
    start_counts = made.start_counts - np.einsum("tnms,nms->tnm", made.counts, gone)
    forced = low[:, BUY, 0] - problem.held
    start[:, BUY] += problem.buy_cost * forced
    start_counts[:, :, BUY] += bought * forced
    start -= problem.tilt[:, None] * (low[:, :, 0] - problem.target[:, None])
    slope = made.slope - problem.tilt[:, None, None]
    edge = 1e-15
    made.open[:] &= made.low[:, :, 0] <= problem.highest[:, None] + edge
    made.open[:] &= made.high[:, :, -1] >= problem.lowest[:, None] - edge
    loss = np.full(len(problem.names), np.inf)
    np.minimum.at(loss, problem.lots.name[problem.lots.sellable], problem.lots.tax[problem.lots.sellable])
    threshold = -0.5 * (problem.sell_cost + problem.buy_cost) if len(sold) == 1 else np.zeros(len(loss))
    both = made.open[:, HARVEST] & made.open[:, BUY]
    dented = (both & (loss < threshold)) | (exotic & (made.open.sum(axis=1) > 1))
    return made._replace(
        low=low, high=high, slope=slope, start=start, start_counts=start_counts, dented=dented
    )


def least(
    low: FloatArray,
    high: FloatArray,
    slope: FloatArray,
    start: FloatArray,
    curvature: FloatArray,
    target: FloatArray,
    price: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    r"""The best weight in every mode and its Lagrangian.

    Minimises ``curvature / 2 (w - target)**2 + cost(w) + price w`` over each mode.

    Parameters
    ----------
    low, high, slope : ndarray of shape (n_names, n_modes, n_segments)
        As in `Modes`; the slope with the tallies at their prices.
    start : ndarray of shape (n_names, n_modes)
    curvature, target, price : ndarray of shape (n_names,)

    Returns
    -------
    weights, values : ndarray of shape (n_names, n_modes)
    """
    position = (target - price / curvature)[:, None, None] - slope / curvature[:, None, None]
    taken = np.minimum(np.maximum(position, low), high) - low
    weights = low[:, :, 0] + taken @ np.ones(low.shape[2])
    away = weights - target[:, None]
    values = start + np.einsum("nms,nms->nm", slope, taken) + price[:, None] * weights
    values += (0.5 * curvature)[:, None] * away * away
    return weights, values


def cost_at(
    low: FloatArray, high: FloatArray, slope: FloatArray, start: FloatArray, weights: FloatArray
) -> FloatArray:
    """Cost of every mode at some weights; infinite outside its range.

    Parameters
    ----------
    low, high, slope, start
        As for `least`.
    weights : ndarray of shape (n_names, n_points)

    Returns
    -------
    ndarray of shape (n_names, n_modes, n_points)
    """
    at = weights[:, None, :]
    cost = np.repeat(start[:, :, None], weights.shape[1], axis=2)
    for segment in range(low.shape[2]):
        part = np.minimum(at, high[:, :, segment, None])
        part -= low[:, :, segment, None]
        np.maximum(part, 0.0, out=part)
        part *= slope[:, :, segment, None]
        cost += part
    edge = 1e-12
    cost[(at < low[:, :, :1] - edge) | (at > high[:, :, -1:] + edge)] = np.inf
    return cost


def lots_sold(modes: Modes, problem: Problem, name: int, mode: int, amount: float) -> list[Piece]:
    """The parts of lots that a sale of `amount` of one name takes, in order of sale."""
    pieces = modes.order.get((name, mode)) or tuple(
        Piece(int(lot), float(problem.lots.weight[lot])) for lot in modes.sale[name] if lot >= 0
    )
    taken = []
    for piece in pieces:
        part = min(piece.weight, amount)
        if part <= 0.0:
            break
        taken.append(piece._replace(weight=part))
        amount -= part
    return taken
