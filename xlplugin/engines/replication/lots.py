"""Target weights as whole trading units: least squares, or least tracking risk. Methodology 4.1, 4.4.

Rounding each name to its nearest unit is a trap: small accounts stay in cash. The methods here trade
one unit at a time for the largest gain, then exchange pairs of units. Under a risk model idle cash is
an underweight of the whole index and is judged as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import broadcast, exact_sum, same_length, square
from xlplugin.errors import DomainError, ShapeError
from xlplugin.risk.factors import FactorModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["LotPlan", "round_to_lots"]

# Names whose one unit is dearer than this share of the account are left out of one start each.
CEILINGS = (0.03, 0.05, 0.08, 0.12, 0.20, 0.35, 1.0)
_ROOM = 1e-12  # of the account: what rounding of money may overshoot
_GAIN = 1e-15
_PAIRS = 48  # purchases and sales looked at for an exchange before all are
_MAX_STEPS = 200_000
_MAX_RISK_STEPS = 20_000  # each is dear; the index portfolios measured need a few thousand


@dataclass(frozen=True)
class LotPlan:
    """Whole units of every name.

    Attributes
    ----------
    units, shares, value, weight : ndarray of shape (n,)
        Number of trading units, shares, money and share of the account.
    cash : float
        Share of the account left over.
    objective : float
        Sum of the squared weight gaps, or the active variance per year with a risk model.
    """

    units: FloatArray
    shares: FloatArray
    value: FloatArray
    weight: FloatArray
    cash: float
    objective: float

    @property
    def names(self) -> int:
        """How many names are held."""
        return int(np.count_nonzero(self.units))


def round_to_lots(
    target: FloatArray,
    amount: float,
    price: FloatArray,
    lot: ArrayLike,
    risk: FloatArray | FactorModel | None = None,
    cash: float = 0.0,
) -> LotPlan:
    """Whole units close to the target weights.

    Parameters
    ----------
    target : ndarray of shape (n,)
        Target weights, as fractions of the account.
    amount : float
        The money of the account.
    price : ndarray of shape (n,)
        Per share.
    lot : float or array_like of shape (n,)
        Shares per trading unit: 100, 1, or a fraction.
    risk : ndarray of shape (n, n) or FactorModel, optional
        Covariance per year. With it the active variance is made small, without it the sum of the
        squared weight gaps.
    cash : float
        Smallest share kept in cash.

    Returns
    -------
    LotPlan

    Raises
    ------
    DomainError
        If the amount, a price or a unit is not above zero, a target is negative or the cash share is
        outside 0 to 1.
    ShapeError
        If the lengths differ.

    Notes
    -----
    Least squares: units rounded down, then the unit with the largest fall of the sum as long as one
    fits, then the best exchange of a unit bought for a unit sold. With risk: the best single purchase
    or sale, then the best exchange, from seven starts that leave out names whose unit costs more than
    3, 5, 8, 12, 20, 35 and 100 % of the account, once from units rounded down and once from nothing;
    the best end is kept. Equal gains go to the earlier row.

    Examples
    --------
    >>> target, price = np.array([0.3, 0.25, 0.2, 0.15, 0.1]), np.array([2500.0, 4800, 950, 12000, 1800])
    >>> plan = round_to_lots(target, 10_000_000, price, 100)
    >>> plan.units.astype(int).tolist(), round(plan.objective, 8)
    ([12, 5, 21, 1, 6], 0.00106425)
    """
    n = same_length(target=target, price=price)
    lots, _ = broadcast(lot=lot, price=price)
    if amount <= 0.0:
        raise DomainError(f"amount: {amount:g} is not above zero")
    if not 0.0 <= cash < 1.0:
        raise DomainError(f"cash: {cash:g} is not between 0 and 1")
    for name, values, wrong in (
        ("price", price, price <= 0.0),
        ("lot", lots, lots <= 0.0),
        ("target", target, target < 0.0),
    ):
        if np.any(wrong):
            row = int(np.flatnonzero(wrong)[0])
            what = "is negative" if name == "target" else "is not above zero"
            raise DomainError(f"{name}, row {row + 1}: {values[row]:g} {what}")
    unit = price * lots / amount
    if risk is None:
        units = _Squares(target, unit, 1.0 - cash).run()
        gaps = units * unit - target
        objective = exact_sum(gaps**2)
    else:
        view = _view(risk, n)
        units = _least_risk(target, unit, 1.0 - cash, view)
        objective = view.variance(units * unit - target)
    shares = np.round(units * lots, 10)  # 0.1 x 3 shares are 0.3, not 0.30000000000000004
    value = shares * price
    weight = value / amount
    return LotPlan(units, shares, value, weight, 1.0 - exact_sum(weight), objective)


class _View:
    """What the search needs of a risk model."""

    def __init__(self, model: FactorModel | None, full: FloatArray | None) -> None:
        self.full = full
        if model is not None:
            self.loadings, self.specific = model.loadings(), model.specific_variance
            self.diagonal = np.sum(self.loadings**2, axis=1) + self.specific
        elif full is not None:
            self.diagonal = np.diag(full).copy()

    def times(self, a: FloatArray) -> FloatArray:
        """S a."""
        if self.full is not None:
            return np.asarray(self.full @ a)
        return np.asarray(self.loadings @ (self.loadings.T @ a) + self.specific * a)

    def column(self, i: int) -> FloatArray:
        """Column i of S."""
        if self.full is not None:
            return self.full[:, i]
        result = self.loadings @ self.loadings[i]
        result[i] += self.specific[i]
        return np.asarray(result)

    def block(self, rows: IntArray, columns: IntArray) -> FloatArray:
        """S of these rows and columns."""
        if self.full is not None:
            return self.full[np.ix_(rows, columns)]
        result = self.loadings[rows] @ self.loadings[columns].T
        same = rows[:, None] == columns
        return np.where(same, result + self.specific[rows][:, None], result)

    def variance(self, a: FloatArray) -> float:
        """Active variance of active weights."""
        return max(0.0, float(a @ self.times(a)))


def _view(risk: FloatArray | FactorModel, n: int) -> _View:
    if isinstance(risk, FactorModel):
        if risk.size != n:
            raise ShapeError("exposures", got=risk.exposures.shape, expected=(n, risk.exposures.shape[1]))
        return _View(risk, None)
    return _View(None, square("covariance", risk, n))


class _Squares:
    """Least squares of the weight gaps; every unit's effect is separable."""

    def __init__(self, target: FloatArray, unit: FloatArray, budget: float) -> None:
        self.target, self.unit, self.budget = target, unit, budget
        self.units = np.floor(target / unit + 1e-9)

    def run(self) -> FloatArray:
        """The units at the end of all gains."""
        self.units = _affordable(self.units, self.target, self.unit, self.budget)
        while self.spent > self.budget + _ROOM:  # targets above the budget: give back the least useful
            sell = np.where(self.units > 0.0, self.change(-1.0), np.inf)
            self.units[int(np.argmin(sell))] -= 1.0
        for _ in range(_MAX_STEPS):
            if not (self.buy() or self.exchange()):
                break
        return self.units

    @property
    def spent(self) -> float:
        """Share of the account that is invested."""
        return exact_sum(self.units * self.unit)

    def change(self, by: float) -> FloatArray:
        """Change of the sum of squares from `by` units more of each name."""
        gap = self.units * self.unit - self.target
        return np.asarray(2.0 * by * self.unit * gap + (by * self.unit) ** 2)

    def buy(self) -> bool:
        """Buy the unit with the largest fall that still fits."""
        fits = self.unit <= self.budget - self.spent + _ROOM
        change = np.where(fits, self.change(1.0), np.inf)
        best = int(np.argmin(change))
        if not change[best] < -_GAIN:
            return False
        self.units[best] += 1.0
        return True

    def exchange(self) -> bool:
        """Sell one unit and buy another for the largest fall that fits."""
        held = np.flatnonzero(self.units > 0.0)
        if held.size == 0:
            return False
        free = self.budget - self.spent
        both = self.change(1.0)[:, None] + self.change(-1.0)[held][None, :]
        both[self.unit[:, None] > free + self.unit[held][None, :] + _ROOM] = np.inf
        both[held, np.arange(held.size)] = np.inf
        best = int(np.argmin(both))
        i, j = divmod(best, held.size)
        if not both[i, j] < -_GAIN:
            return False
        self.units[i] += 1.0
        self.units[held[j]] -= 1.0
        return True


def _affordable(units: FloatArray, target: FloatArray, unit: FloatArray, budget: float) -> FloatArray:
    """The units; where too many are to be given back one by one, those of targets scaled to the budget."""
    held = unit[units > 0.0]
    spent = exact_sum(units * unit)
    if held.size and spent - budget > _MAX_RISK_STEPS * float(held.min()):
        return np.where(units > 0.0, np.floor(target * (budget / spent) / unit), 0.0)
    return units


def _least_risk(target: FloatArray, unit: FloatArray, budget: float, view: _View) -> FloatArray:
    best, units = np.inf, np.zeros(target.size)
    tried: set[bytes] = set()
    for ceiling in CEILINGS:
        allowed = unit <= min(ceiling, budget + _ROOM)
        if allowed.tobytes() in tried or not np.any(allowed):
            continue
        tried.add(allowed.tobytes())
        down = np.where(allowed, np.floor(target / unit + 1e-9), 0.0)
        down = _affordable(down, target, unit, budget)
        starts = [down, np.zeros(target.size)] if down.any() and down.sum() < 4 * target.size else [down]
        for start in starts:
            search = _Risk(target, unit, budget, view, allowed, start)
            value = search.run()
            if value < best * (1.0 - 1e-12):
                best, units = value, search.units
    return units


class _Risk:
    """Least active variance; g = S a is kept up to date, so that every unit's effect is known."""

    def __init__(
        self,
        target: FloatArray,
        unit: FloatArray,
        budget: float,
        view: _View,
        allowed: BoolArray,
        units: FloatArray,
    ) -> None:
        self.target, self.unit, self.budget, self.view, self.allowed = target, unit, budget, view, allowed
        self.units = units.copy()
        self.own = unit**2 * view.diagonal
        self.least_gain = 1e-12 * max(view.variance(target), 1e-300)
        self.refresh()

    def refresh(self) -> None:
        """S a and the money spent, from the units."""
        self.slope = 2.0 * self.unit * self.view.times(self.units * self.unit - self.target)
        self.free = self.budget - exact_sum(self.units * self.unit)

    def move(self, i: int, by: float) -> None:
        """Trade `by` units of name i."""
        self.units[i] += by
        self.free -= by * float(self.unit[i])
        self.slope += 2.0 * by * float(self.unit[i]) * self.unit * self.view.column(i)

    def run(self) -> float:
        """Trade until nothing gains; the active variance reached."""
        while self.free < -_ROOM:
            self.move(int(np.argmin(np.where(self.units > 0.0, self.own - self.slope, np.inf))), -1.0)
        for step in range(_MAX_RISK_STEPS):
            if step % 256 == 255:
                self.refresh()  # rounding of many small updates
            if not (self.single() or self.exchange(_PAIRS) or self.exchange(None)):
                break
        return self.view.variance(self.units * self.unit - self.target)

    def single(self) -> bool:
        """The best purchase or sale of one unit."""
        buy = np.where(self.allowed & (self.unit <= self.free + _ROOM), self.slope + self.own, np.inf)
        sell = np.where(self.units > 0.0, self.own - self.slope, np.inf)
        i, j = int(np.argmin(buy)), int(np.argmin(sell))
        if min(buy[i], sell[j]) >= -self.least_gain:
            return False
        self.move(*((i, 1.0) if buy[i] <= sell[j] else (j, -1.0)))
        return True

    def exchange(self, most: int | None) -> bool:
        """The best exchange of two names, among the `most` promising of each side or among all.

        One side moves by one unit, the other by as many as serve best: a unit of a dear share may be
        paid for with several of a cheap one.
        """
        buy, sell = self.slope + self.own, self.own - self.slope
        buying, selling = np.flatnonzero(self.allowed), np.flatnonzero(self.units > 0.0)
        if most is not None:
            buying = buying[np.argsort(buy[buying], kind="stable")[:most]]
            selling = selling[np.argsort(sell[selling], kind="stable")[:most]]
        if buying.size == 0 or selling.size == 0:
            return False
        price_b, price_s = self.unit[buying][:, None], self.unit[selling][None, :]
        cross = 2.0 * price_b * price_s * self.view.block(buying, selling)
        own_b, own_s = self.own[buying][:, None], self.own[selling][None, :]
        slope_b, slope_s = self.slope[buying][:, None], self.slope[selling][None, :]
        best, move = -self.least_gain, None
        for one_bought in (True, False):
            if one_bought:  # sell m of j for one of i: at least what pays for it, at most what is held
                m = np.round((slope_s + cross) / (2.0 * own_s))
                least = np.ceil((price_b - self.free - _ROOM) / price_s)
                m = np.minimum(np.maximum(m, np.maximum(least, 1.0)), self.units[selling][None, :])
                possible = m >= least
                change = slope_b + own_b - m * slope_s + m**2 * own_s - m * cross
            else:  # buy m of i for one of j
                most_bought = np.floor((price_s + self.free + _ROOM) / price_b)
                m = np.minimum(np.maximum(np.round((cross - slope_b) / (2.0 * own_b)), 1.0), most_bought)
                possible = m >= 1.0
                change = own_s - slope_s + m * slope_b + m**2 * own_b - m * cross
            change = np.where(possible & (buying[:, None] != selling), change, np.inf)
            i, j = divmod(int(np.argmin(change)), selling.size)
            if change[i, j] < best:
                best, size = float(change[i, j]), float(m[i, j])
                bought, sold = (1.0, size) if one_bought else (size, 1.0)
                move = (int(buying[i]), bought, int(selling[j]), sold)
        if move is None:
            return False
        i, bought, j, sold = move
        self.move(j, -sold)
        self.move(i, bought)
        return True
