r"""Revise a tracking portfolio of K names under a cost limit, fitted to past prices.

The setting of Beasley, Meade and Chang, "An evolutionary heuristic for the index tracking problem",
EJOR 148 (2003): exactly K names, a smallest weight, trading costs of a share of what is traded, at
most a share of the account, and the error

.. math:: E = \frac1T \sqrt{\textstyle\sum_t \bigl(\ln\frac{P_t}{P_{t-1}} - \ln\frac{I_t}{I_{t-1}}\bigr)^2}

(the root of the sum over the count, as published). A fit to the past says little about the future:
show the error out of sample beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.small_programmes import solve_all
from xlplugin.errors import DomainError, InfeasibleError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["Revision", "log_error", "revise"]

_RIDGE = 1e-9  # relative: keeps a small system regular where names move alike
_FIRST, _LAST = 3, 12  # Gauss-Newton steps for the promising sets, and for the one that stays
_PROMISING = 10  # sets of a round that are looked at closely
_TRIED = 400  # sets of a round whose programme is solved
_WORTH = 1e-8  # relative fall of the squared error that counts as better
_SPARE = 1e-9  # of the account: what rounding may take a cost beyond its limit


class Revision(NamedTuple):
    """A revised portfolio.

    Attributes
    ----------
    units : ndarray of shape (n_names,)
        To hold.
    error : float
        In sample, per period.
    cost : float
        Paid for the change, in money.
    rounds : int
        Of exchanges.
    """

    units: FloatArray
    error: float
    cost: float
    rounds: int


def log_error(prices: FloatArray, index: FloatArray, units: FloatArray, first: int, last: int) -> float:
    """Root of the summed squared differences of log returns in ``(first, last]``, over their number.

    Parameters
    ----------
    prices : ndarray of shape (n_periods + 1, n_names)
    index : ndarray of shape (n_periods + 1,)
    units : ndarray of shape (n_names,)
    first, last : int

    Examples
    --------
    A portfolio that moves like its index has no error, whatever its size.

    >>> prices = np.array([[10.0], [11.0], [9.0]])
    >>> log_error(prices, np.array([100.0, 110.0, 90.0]), np.array([7.0]), 0, 2) < 1e-12
    True
    """
    value = np.log(prices[first : last + 1] @ units)
    difference = np.diff(value) - np.diff(np.log(index[first : last + 1]))
    return float(np.sqrt(difference @ difference)) / (last - first)


def revise(
    prices: FloatArray,
    index: FloatArray,
    units: FloatArray,
    count: int,
    cost_limit: float,
    *,
    cost_rate: float = 0.01,
    smallest: float = 0.01,
    kicks: int = 1,
    seed: int = 0,
    stop: Callable[[], bool] | None = None,
) -> Revision:
    """The portfolio of exactly `count` names with the least error so far, within the cost limit.

    Parameters
    ----------
    prices : ndarray of shape (n_periods + 1, n_names)
        Up to the day of the decision, which is the last row.
    index : ndarray of shape (n_periods + 1,)
    units : ndarray of shape (n_names,)
        Held now.
    count : int
        Names to hold, not more and not fewer.
    cost_limit : float
        Most to spend on trading, as a share of the account.
    cost_rate : float
        Costs as a share of what is bought and sold.
    smallest : float
        Smallest weight of a name held.
    kicks : int
        Further starts from the best portfolio with some names changed at random.
    seed : int
    stop : callable, optional
        Asked before every round of exchanges; a host may hand over its clock.

    Returns
    -------
    Revision

    Raises
    ------
    ShapeError, DomainError
        If the arrays do not fit or the numbers make no sense.
    InfeasibleError
        If no portfolio of so many names can be reached within the cost limit.

    Notes
    -----
    On a fixed set of names Gauss-Newton steps, each a small quadratic programme; between sets the
    exchange of one name. The programmes of all exchanges of a round are solved together.
    """
    periods, n = prices.shape[0] - 1, prices.shape[1]
    if index.shape != (periods + 1,):
        raise ShapeError("index", got=index.shape, expected=(periods + 1,))
    if units.shape != (n,):
        raise ShapeError("units", got=units.shape, expected=(n,))
    if not 1 <= count <= n or count * smallest > 1.0:
        raise DomainError(f"{count} names of at least {smallest:g} each do not fit into {n} names")
    if not ((prices > 0.0).all() and (index > 0.0).all()):
        raise DomainError("prices and index values must be above zero")
    worth = prices[-1] * units
    account = float(worth.sum())
    if account <= 0.0:
        raise DomainError("the portfolio is worth nothing")
    fit = _Fit(
        prices / prices[-1], np.diff(np.log(index)), worth / account, count, cost_rate, cost_limit, smallest
    )
    weights, rounds = fit.held, 0
    if not (cost_limit <= 0.0 and fit.stands):
        weights, rounds = _Search(fit, seed).run(kicks, stop)
    revised = np.where(weights == fit.held, units, weights * account / prices[-1])
    return Revision(
        revised,
        log_error(prices, index, revised, 0, periods),
        cost_rate * float(np.abs(prices[-1] * (revised - units)).sum()),
        rounds,
    )


@dataclass(frozen=True)
class _Fit:
    """The problem in weights of the account at the decision."""

    growth: FloatArray
    index_return: FloatArray
    held: FloatArray
    count: int
    rate: float
    limit: float
    smallest: float

    @property
    def stands(self) -> bool:
        """Whether what is held is already a portfolio of the wanted kind."""
        held = self.held[self.held > 0.0]
        return len(held) == self.count and bool((held >= self.smallest).all())

    def linear(self, weights: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Curvature and slope of half the squared error around some weights, and the squared error.

        Scaling a portfolio changes no return, so that the weights themselves drop out of the slope.
        """
        value = self.growth @ weights
        difference = np.diff(np.log(value)) - self.index_return
        jacobian = np.diff(self.growth / value[:, None], axis=0)
        return jacobian.T @ jacobian, jacobian.T @ difference, float(difference @ difference)

    def squares(self, sets: IntArray, weights: FloatArray) -> FloatArray:
        """Squared errors of many portfolios: names and weights of shape (n_sets, count)."""
        value = np.einsum("tsk,sk->st", self.growth[:, sets], weights)
        difference = np.diff(np.log(np.maximum(value, 1e-300)), axis=1) - self.index_return
        squares: FloatArray = np.einsum("st,st->s", difference, difference)
        return squares

    def affordable(self, sets: IntArray) -> IntArray:
        """Which sets can be reached: what leaves is sold, and all of it but the costs is bought again."""
        kept = self.held[sets]
        out = self.held.sum() - kept.sum(axis=1)
        new = np.maximum(self.smallest - kept, 0.0).sum(axis=1)
        least = self.rate * (out + np.maximum(new, out - self.limit))
        return np.flatnonzero(least <= self.limit + 1e-12).astype(np.int64)

    def programmes(self, sets: IntArray, gram: FloatArray, slope: FloatArray) -> tuple[FloatArray, BoolArray]:
        """One Gauss-Newton step on every set: weights, and whether the limits are kept.

        `gram` and `slope` are those of the sets, of shapes (n_sets, k, k) and (n_sets, k).
        """
        k = sets.shape[1]
        ridge = (_RIDGE / k) * np.einsum("sii->s", gram)[:, None, None] * np.eye(k)
        outside = self.held.sum() - self.held[sets].sum(axis=1)
        return solve_all(
            gram + ridge, slope, self.held[sets], outside, self.rate, self.limit - _SPARE, self.smallest
        )


class _Best(NamedTuple):
    names: IntArray
    weights: FloatArray
    square: float


class _Search:
    """Exchanges between sets of names."""

    def __init__(self, fit: _Fit, seed: int) -> None:
        self.fit, self.rng = fit, np.random.default_rng(seed)
        self.rounds = 0
        self._free = self._without_limits()

    def run(self, kicks: int, stop: Callable[[], bool] | None) -> tuple[FloatArray, int]:
        """The best weights over all starts, and the rounds of exchanges it took."""
        starts, best = self._starts(), None
        while not (stop is not None and stop()):
            if starts:
                current = self._fitted(starts.pop(0)[None], self.fit.held)
            elif best is not None and kicks > 0:
                kicks -= 1
                current = self._fitted(self._kicked(best.names)[None], self._full(best))
            else:
                break
            while current is not None and not (stop is not None and stop()):
                self.rounds += 1
                better = self._exchange(current)
                if better is None:
                    break
                current = better
            if current is not None and (best is None or current.square < best.square):
                best = current
        if best is None:
            raise InfeasibleError(
                f"no portfolio of exactly {self.fit.count} names of at least {self.fit.smallest:g} can be "
                f"reached for {self.fit.limit:.4%} of the account; allow higher costs or more names"
            )
        return self._full(best), self.rounds

    def _full(self, best: _Best) -> FloatArray:
        weights = np.zeros(len(self.fit.held))
        weights[best.names] = best.weights
        return weights

    def _without_limits(self) -> FloatArray:
        """Least squares over all names, long only, by multiplicative steps from equal weights."""
        fit = self.fit
        weights = np.full(len(fit.held), 1.0 / len(fit.held))
        for _ in range(300):
            slope = fit.linear(weights)[1]
            weights = weights * np.exp(-0.5 * slope / max(float(np.abs(slope).max()), 1e-300))
            weights /= weights.sum()
        return weights

    def _starts(self) -> list[IntArray]:
        """What is held, filled up or cut down, with more and more names that would be liked."""
        fit = self.fit
        order = np.argsort(-(fit.held + 1e-6 * self._free), kind="stable")
        liked = np.argsort(-self._free, kind="stable")
        starts = [np.sort(order[: fit.count])]
        for new in range(1, fit.count + 1):
            chosen = liked[:new].tolist()
            rest = [int(name) for name in order if name not in set(chosen)]
            mixed = np.sort(np.array(chosen + rest[: fit.count - new]))
            if len(fit.affordable(mixed[None])) and not any(np.array_equal(mixed, s) for s in starts):
                starts.append(mixed)
        return starts[:1] + starts[1::2]

    def _kicked(self, names: IntArray) -> IntArray:
        """Two to four names less, others of those liked or held instead; only what can be paid for."""
        fit = self.fit
        others = np.setdiff1d(np.arange(len(fit.held)), names)
        odds = self._free[others] + 0.5 * fit.held[others] + 0.5 / len(fit.held)
        for _ in range(100):
            number = min(int(self.rng.integers(2, 5)), len(names), len(others))
            kept = self.rng.choice(names, len(names) - number, replace=False)
            new = self.rng.choice(others, number, replace=False, p=odds / odds.sum())
            kicked = np.sort(np.append(kept, new))
            if len(fit.affordable(kicked[None])):
                return kicked
        return names

    def _fitted(self, sets: IntArray, weights: FloatArray, steps: int = _LAST) -> _Best | None:
        """Gauss-Newton on some sets at once, each from its own point; the best of them."""
        fit, best, k = self.fit, None, sets.shape[1]
        points, lowest = np.repeat(weights[None], len(sets), axis=0), np.full(len(sets), np.inf)
        alive = np.arange(len(sets))
        for _ in range(steps):
            gram, slope = np.empty((len(alive), k, k)), np.empty((len(alive), k))
            for place, row in enumerate(alive):
                names = sets[row]
                value = fit.growth @ points[row]
                difference = np.diff(np.log(value)) - fit.index_return
                jacobian = np.diff(fit.growth[:, names] / value[:, None], axis=0)
                gram[place], slope[place] = jacobian.T @ jacobian, jacobian.T @ difference
            moved, kept = fit.programmes(sets[alive], gram, slope)
            squares = np.where(kept, fit.squares(sets[alive], np.maximum(moved, 1e-12)), np.inf)
            better = squares < lowest[alive] * (1.0 - _WORTH)
            alive, moved, squares = alive[better], moved[better], squares[better]
            if not len(alive):
                break
            points[alive] = 0.0
            points[alive[:, None], sets[alive]] = moved
            lowest[alive] = squares
            least = int(squares.argmin())
            if best is None or squares[least] < best.square:
                best = _Best(sets[alive[least]], moved[least], float(squares[least]))
        return best

    def _exchange(self, current: _Best) -> _Best | None:
        """The best exchange of one name: all programmes of the round together, a closer look at a few."""
        fit, names = self.fit, current.names
        others = np.setdiff1d(np.arange(len(fit.held)), names)
        kept = np.array([np.delete(names, place) for place in range(len(names))])
        sets = np.concatenate(
            [np.repeat(kept, len(others), axis=0), np.tile(others, len(names))[:, None]], axis=1
        )
        sets = sets[fit.affordable(sets)]
        if not len(sets):
            return None
        gram, slope, square = fit.linear(self._full(current))
        if len(sets) > _TRIED:
            sets = sets[np.argsort(self._bounds(sets, gram, slope), kind="stable")[:_TRIED]]
        stacked = gram[sets[:, :, None], sets[:, None, :]]
        weights, fits = fit.programmes(sets, stacked, slope[sets])
        squares = np.where(fits, fit.squares(sets, np.maximum(weights, 1e-12)), np.inf)
        chosen = np.argsort(squares, kind="stable")[:_PROMISING]
        chosen = chosen[np.isfinite(squares[chosen])]
        if not len(chosen):
            return None
        found = self._fitted(sets[chosen], self._full(current), _FIRST)
        if found is None or found.square >= square * (1.0 - _WORTH):
            return None
        return self._fitted(found.names[None], self._full(found)) or found

    def _bounds(self, sets: IntArray, gram: FloatArray, slope: FloatArray) -> FloatArray:
        """Least squared error of the linearised problem on every set with the budget as its only limit."""
        k = sets.shape[1]
        system = np.zeros((len(sets), k + 1, k + 1))
        system[:, :k, :k] = gram[sets[:, :, None], sets[:, None, :]]
        system[:, :k, :k] += 1e-7 * np.trace(gram) / len(gram) * np.eye(k)
        system[:, :k, k] = system[:, k, :k] = 1.0
        right = np.concatenate([-slope[sets], np.ones((len(sets), 1))], axis=1)
        free = np.linalg.solve(system, right[:, :, None])[:, :k, 0]
        least: FloatArray = np.einsum("si,si->s", free, slope[sets])
        return least
