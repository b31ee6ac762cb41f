"""An index replayed over history by its own rules: levels, reviews, turnover.

Every review sees the data of its base day, and of the day of the change only who still trades.
Names enter only when they have a price, and one that stops trading stays at its last price until
the next review takes it out, so survivors are not chosen in advance. Leavers leave at once:
transition steps are not replayed. What is computed before the launch of an index is marked.
Source: methodology 2.1, 2.9, 2.12; workbook sheets m8, m9 and m11.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InputError, ShapeError
from xlplugin.index.levels import total_return
from xlplugin.index.recipe import Recipe
from xlplugin.index.review import review
from xlplugin.index.schedule import ReviewDay, review_days
from xlplugin.index.selection import turnover
from xlplugin.index.universe import Universe

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["Backtest", "History", "PastReview", "Year", "backtest"]


@dataclass(frozen=True)
class History:
    """What is known about the candidates, day by day.

    Attributes
    ----------
    days : tuple of date
        Trading days, ascending.
    codes : tuple of str
        One per column.
    prices : ndarray of shape (t, n)
        Traded closing prices; NaN on a day without a price.
    numbers : mapping of str to ndarray of shape (t, n) or (n,)
        Point-in-time columns (shares, free_float, adv, ...), or one value per name for all days.
        `incumbent` (1 for a constituent) is the list of a provider: a recipe that selects nothing
        itself follows it, any other starts from it and then from what the index holds.
    words : mapping of str to tuple of str
        Columns such as sector, one value per name.
    dividends, special_dividends : ndarray of shape (t, n), optional
        Per share, on the ex-date. Ordinary ones enter the total return only; special ones also
        move the divisor.
    price_factors : ndarray of shape (t, n), optional
        Price factor of splits and bonus issues, effective at the open (1 where none).
    """

    days: tuple[dt.date, ...]
    codes: tuple[str, ...]
    prices: FloatArray
    numbers: Mapping[str, FloatArray] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dividends: FloatArray | None = None
    special_dividends: FloatArray | None = None
    price_factors: FloatArray | None = None

    def __post_init__(self) -> None:
        shape = (len(self.days), len(self.codes))
        if any(a >= b for a, b in zip(self.days, self.days[1:], strict=False)):
            raise InputError("days: expected each day once, in ascending order")
        for name in ("prices", "dividends", "special_dividends", "price_factors"):
            matrix = getattr(self, name)
            if matrix is not None and matrix.shape != shape:
                raise ShapeError(name, got=matrix.shape, expected=shape)
        for name, column in self.numbers.items():
            if column.shape not in (shape, shape[1:]):
                raise ShapeError(name, got=column.shape, expected=shape)
        if not len(self.days) or np.nanmin(self.prices, initial=np.inf) < 0.0:
            raise DomainError("prices: expected at least one day, and no price below zero")

    def universe(self, row: int) -> Universe:
        """The candidates as they were known on one day."""
        numbers = {name: c[row] if c.ndim == 2 else c for name, c in self.numbers.items()}
        return Universe(self.codes, {**numbers, "price": self.prices[row]}, self.words)


class PastReview(NamedTuple):
    """One review of a backtest."""

    base: dt.date
    effective: dt.date
    names: int
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    turnover: float
    unknown: int


class Year(NamedTuple):
    """One calendar year; `difference` is to the parent index, None without one."""

    year: int
    total_return: float
    difference: float | None
    turnover: float
    names: int
    backtested: bool


@dataclass(frozen=True)
class Backtest:
    """The result of a backtest; series have one item per day.

    `weights` are those of the last day. `net` is taxed at the withholding rate of the call.
    """

    days: tuple[dt.date, ...]
    price: FloatArray
    gross: FloatArray
    net: FloatArray
    dividend_points: FloatArray
    reviews: tuple[PastReview, ...]
    years: tuple[Year, ...]
    backtested: BoolArray
    weights: Mapping[str, float]


def backtest(
    history: History,
    recipe: Recipe | Callable[[dt.date], Recipe],
    *,
    base_level: float = 1000.0,
    start: int = 0,
    withholding: float = 0.0,
    launch: dt.date | None = None,
    parent: FloatArray | None = None,
) -> Backtest:
    """Replay an index.

    Parameters
    ----------
    history : History
        Prices and point-in-time data.
    recipe : Recipe or callable
        One recipe for all days ("today's rules over the past", as providers backtest), or a
        function of the day such as `RuleCard.recipe`, which applies the rules in force on each
        day and fails where none is known.
    base_level : float
        Level of the first day.
    start : int
        Row of the first day of the index; earlier rows serve base days only.
    withholding : float
        Tax rate on dividends for the net series.
    launch : date, optional
        Days before it are marked as backtested; all of them if left out.
    parent : ndarray of shape (t,), optional
        Total-return levels to compare with.

    Returns
    -------
    Backtest
        From row `start` on.

    Raises
    ------
    InputError, ShapeError
        If the arguments do not fit.
    NoTableError
        If the rules of a day are not known.
    InfeasibleError, MissingError
        As a review says.

    References
    ----------
    methodology 2.1, 2.12.
    """
    if not 0 <= start < len(history.days):
        raise InputError(f"start: row {start} is not among the {len(history.days)} days")
    if parent is not None and parent.shape != (len(history.days),):
        raise ShapeError("parent", got=parent.shape, expected=(len(history.days),))
    fixed = recipe if isinstance(recipe, Recipe) else None

    def rules(day: dt.date) -> Recipe:
        return fixed if fixed is not None else recipe(day)  # type: ignore[operator]

    player = _Player(history, start)
    first = ReviewDay(start, start, history.days[start])
    for day in [first, *review_days(history.days, rules, start)]:
        player.play_to(day.switch)
        player.review(day, rules(day.effective))
    player.play_to(len(history.days) - 1)

    days = history.days[start:]
    price = np.asarray(base_level * np.cumprod(player.growth[start:]), dtype=np.float64)
    points = player.yields[start:] * np.concatenate([[0.0], price[:-1]])
    gross = total_return(price, points)
    net = total_return(price, points, withholding)
    marked = np.array([launch is None or day < launch for day in days])
    levels = None if parent is None else parent[start:]
    return Backtest(
        days,
        price,
        gross,
        net,
        points,
        tuple(player.reviews),
        tuple(_years(days, gross, levels, player.reviews, marked)),
        marked,
        player.weights(),
    )


class _Player:
    """Holds the quantities between reviews; growth and dividend yield per day are what it leaves."""

    def __init__(self, history: History, start: int) -> None:
        self.history = history
        rows, names = history.prices.shape
        factors = history.price_factors
        # In units of the first day's shares a split changes nothing.
        self.splits = np.ones((rows, names)) if factors is None else np.cumprod(factors, axis=0)
        self.last = _last_known(history.prices / self.splits)
        self.growth, self.yields = np.ones(rows), np.zeros(rows)
        self.quantity = np.zeros(names)
        self.ratio = np.ones(names)  # cap ratios of an index that caps in steps
        self.at = start
        self.reviews: list[PastReview] = []

    def play_to(self, row: int) -> None:
        """Levels from the day after the last one played up to `row`."""
        if row <= self.at:
            return
        span = slice(self.at, row + 1)
        value = self.last[span] @ self.quantity
        special = self._paid(self.history.special_dividends, span)
        base = value[:-1] - special
        if not (base > 0.0).all():
            raise EmptyBaseError(f"prices: the index is worth nothing after {self.history.days[self.at]}")
        self.growth[self.at + 1 : row + 1] = value[1:] / base
        self.yields[self.at + 1 : row + 1] = self._paid(self.history.dividends, span) / base
        self.at = row

    def _paid(self, dividends: FloatArray | None, span: slice) -> FloatArray:
        if dividends is None:
            return np.zeros(span.stop - span.start - 1)
        after = slice(span.start + 1, span.stop)
        return np.asarray((np.nan_to_num(dividends[after]) / self.splits[after]) @ self.quantity)

    def review(self, day: ReviewDay, recipe: Recipe) -> None:
        """Take over the list that the data of the base day give."""
        universe = self.history.universe(day.base)
        tradable = ~np.isnan(universe.numbers["price"]) & ~np.isnan(self.history.prices[day.switch])
        held = self.quantity > 0.0
        before = self._drifted(day.switch)
        candidates = universe.rows(tradable)
        member = held[tradable]
        given = recipe.selection.method == "INCUMBENTS" or not self.reviews
        if given and "incumbent" in candidates.numbers:
            member = np.nan_to_num(candidates.numbers["incumbent"]) != 0.0
        stepped = recipe.capping.method == "STEPS" and "cap_factor" not in candidates.numbers
        if stepped:
            candidates = candidates.with_number("cap_factor", self.ratio[tradable])
        done = review(recipe, candidates, incumbent=member)
        if stepped:
            self.ratio[tradable] = np.where(done.selected, done.cap_factors, 1.0)
        weights = np.zeros(len(self.quantity))
        weights[tradable] = done.weights
        if ((weights > 0.0) & (self.last[day.base] <= 0.0)).any():
            raise DomainError(
                f"prices: a name of the index has no price above zero on {self.history.days[day.base]}"
            )
        self.quantity = np.divide(
            weights, self.last[day.base], out=np.zeros_like(weights), where=weights > 0.0
        )
        after = self._drifted(day.switch)
        now = self.quantity > 0.0
        codes = np.array(self.history.codes)
        self.reviews.append(
            PastReview(
                self.history.days[day.base],
                day.effective,
                int(now.sum()),
                tuple(codes[now & ~held].tolist()),
                tuple(codes[held & ~now].tolist()),
                turnover(before, after) if held.any() else 0.0,
                sum(reason.startswith("MISSING") for reason in done.reasons),
            )
        )

    def _drifted(self, row: int) -> FloatArray:
        value = np.where(self.quantity > 0.0, self.quantity * np.nan_to_num(self.last[row]), 0.0)
        total = float(value.sum())
        return value / total if total > 0.0 else value

    def weights(self) -> dict[str, float]:
        """Weights on the last day played."""
        drifted = self._drifted(self.at)
        return {c: w for c, w in zip(self.history.codes, drifted.tolist(), strict=True) if w > 0.0}


def _last_known(prices: FloatArray) -> FloatArray:
    """Each price, or the last one before it; zero before the first."""
    missing = np.isnan(prices)
    if not missing.any():
        return prices
    rows = np.where(missing, 0, np.arange(len(prices))[:, None])
    np.maximum.accumulate(rows, axis=0, out=rows)
    return np.nan_to_num(np.take_along_axis(prices, rows, axis=0))


def _years(
    days: tuple[dt.date, ...],
    gross: FloatArray,
    parent: FloatArray | None,
    reviews: list[PastReview],
    marked: BoolArray,
) -> list[Year]:
    """Calendar years, the first and the last as far as they go."""
    number = np.array([day.year for day in days])
    result = []
    for year in range(days[0].year, days[-1].year + 1):
        rows = np.flatnonzero(number == year)
        if not len(rows):
            continue
        since, until = max(int(rows[0]) - 1, 0), int(rows[-1])
        growth = float(gross[until] / gross[since] - 1.0)
        other = None if parent is None else growth - float(parent[until] / parent[since] - 1.0)
        own = [r for r in reviews[1:] if r.effective.year == year]
        held = [r.names for r in reviews if r.effective <= days[until]]
        traded = sum(r.turnover for r in own)
        result.append(Year(year, growth, other, traded, held[-1], bool(marked[rows].any())))
    return result
