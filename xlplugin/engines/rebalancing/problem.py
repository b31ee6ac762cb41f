"""The one problem object of the rebalancing engine: what is held, what is wanted, what is allowed.

Amounts are fractions of net asset value (NAV: all positions and cash, after the flows of the day),
variances per year, rates and costs fractions. A loss is a negative gain. Section numbers in this
package are those of the tax-aware rebalancing specification (`SPEC.md`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, InputError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["HARD", "Limit", "Lots", "Problem", "Tally"]

HARD = float("inf")  # the price of violating a limit that must hold
SPECIFIC_FLOOR = 1e-4  # 1 % a year: below it the kernel is not well conditioned


@dataclass(frozen=True, eq=False, repr=False)
class Lots:
    """Tax lots, or one pool per name and account where the law averages costs.

    Attributes
    ----------
    name : ndarray of int, shape (n_lots,)
        Place of the name in `Problem.names`.
    weight : ndarray of shape (n_lots,)
        Market value over NAV, above zero.
    gain : ndarray of shape (n_lots,)
        Gain per unit of value sold, (price - unit cost) / price.
    rate : ndarray of shape (n_lots,)
        Marginal tax rate on that gain; zero in an account without tax.
    idents : tuple of str
        What the trade list calls the lot.
    sellable : ndarray of bool, shape (n_lots,)
        False for lots that are kept for a gift, restricted or pledged.
    long_term : ndarray of bool, shape (n_lots,)
        The bucket the gain falls in; one bucket for all where the law knows no terms.
    recent : ndarray of bool, shape (n_lots,)
        Bought inside the window before the sale, so that it can replace shares sold at a loss.
    account : ndarray of int, shape (n_lots,)
        Which account of the household holds it.
    """

    name: IntArray
    weight: FloatArray
    gain: FloatArray
    rate: FloatArray
    idents: tuple[str, ...]
    sellable: BoolArray
    long_term: BoolArray
    recent: BoolArray
    account: IntArray

    @classmethod
    def of(
        cls,
        name: IntArray,
        weight: FloatArray,
        gain: FloatArray,
        rate: FloatArray,
        *,
        idents: tuple[str, ...] | None = None,
        sellable: BoolArray | None = None,
        long_term: BoolArray | None = None,
        recent: BoolArray | None = None,
        account: IntArray | None = None,
    ) -> Lots:
        """Lots with plain defaults: all sellable, one bucket, none recent, one account."""
        n = len(name)
        return cls(
            np.asarray(name, dtype=np.int64),
            np.asarray(weight, dtype=float),
            np.asarray(gain, dtype=float),
            np.asarray(rate, dtype=float),
            tuple(str(place + 1) for place in range(n)) if idents is None else idents,
            np.ones(n, dtype=bool) if sellable is None else sellable,
            np.zeros(n, dtype=bool) if long_term is None else long_term,
            np.zeros(n, dtype=bool) if recent is None else recent,
            np.zeros(n, dtype=np.int64) if account is None else account,
        )

    @property
    def tax(self) -> FloatArray:
        """Tax per unit of value sold; negative for a loss that lowers the bill."""
        return self.rate * self.gain

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False, repr=False)
class Limit:
    """A band on a sum over names: a sector, a country, a style, the beta, a group.

    Attributes
    ----------
    name : str
    loading : ndarray of shape (n_names,)
    low, high : float
        On ``loading @ (weights - target)`` if `active`, else on ``loading @ weights``.
    active : bool
    price : float
        `HARD`, or what one unit of violation costs.
    """

    name: str
    loading: FloatArray
    low: float = -np.inf
    high: float = np.inf
    active: bool = True
    price: float = HARD


@dataclass(frozen=True, eq=False, repr=False)
class Tally:
    """A band on a sum over trades: turnover, realised gains, losses, one account's cash.

    Attributes
    ----------
    name : str
    sold : ndarray of shape (n_lots,)
        Counted per unit of each lot sold.
    bought : ndarray of shape (n_names,)
        Counted per unit of each name bought.
    low, high : float
    price : float
        `HARD`, or what one unit of violation costs.
    of_gains : bool
        Counts gains and losses of the year, so that a washed loss is left out.
    """

    name: str
    sold: FloatArray
    bought: FloatArray
    low: float = -np.inf
    high: float = np.inf
    price: float = HARD
    of_gains: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """Everything one rebalance depends on.

    Attributes
    ----------
    names : tuple of str
    target : ndarray of shape (n_names,)
        Weights without active risk: index weight times the share that is to be invested.
    exposures : ndarray of shape (n_names, n_factors)
        Scaled so that covariance per year = exposures @ exposures.T + diag(specific).
    specific : ndarray of shape (n_names,)
    lots : Lots
    cash : float
        Cash now, flows included; the lots and it sum to one.
    cash_low, cash_high : float
        Where cash may be afterwards.
    sell_cost, buy_cost : ndarray of shape (n_names,)
        One way, per unit traded: half spread, commission, transaction tax.
    lowest, highest : ndarray of shape (n_names,)
        Weight after the trade; a forced exit has `highest` zero.
    may_buy : ndarray of bool, shape (n_names,)
        False for exclusions and for names sold at a loss inside the window before today.
    tilt : ndarray of shape (n_names,)
        Expected active return per year, or a score in the same money: taken off the objective.
    limits : tuple of Limit
    tallies : tuple of Tally
    price : ndarray of shape (n_names,), optional
        Price of one share over NAV; needed for whole trading units.
    nav : float
        In the account currency; only reports use it.
    """

    names: tuple[str, ...]
    target: FloatArray
    exposures: FloatArray
    specific: FloatArray
    lots: Lots
    cash: float
    cash_low: float
    cash_high: float
    sell_cost: FloatArray
    buy_cost: FloatArray
    lowest: FloatArray
    highest: FloatArray
    may_buy: BoolArray
    tilt: FloatArray
    limits: tuple[Limit, ...] = ()
    tallies: tuple[Tally, ...] = ()
    price: FloatArray | None = None
    nav: float = 1.0
    held: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        n, m = len(self.names), len(self.lots)
        if n == 0:
            raise InputError("a rebalance needs at least one name")
        for name in ("target", "specific", "sell_cost", "buy_cost", "lowest", "highest", "may_buy", "tilt"):
            if (got := getattr(self, name).shape) != (n,):
                raise ShapeError(name, got=got, expected=(n,))
        if self.exposures.ndim != 2 or len(self.exposures) != n:
            raise ShapeError("exposures", got=self.exposures.shape, expected=(n, self.exposures.shape[-1]))
        for name in ("weight", "gain", "rate", "sellable", "long_term", "recent", "account"):
            if (got := getattr(self.lots, name).shape) != (m,):
                raise ShapeError(f"lots.{name}", got=got, expected=(m,))
        for limit in self.limits:
            if limit.loading.shape != (n,):
                raise ShapeError(f"limit {limit.name}", got=limit.loading.shape, expected=(n,))
        for tally in self.tallies:
            if tally.sold.shape != (m,) or tally.bought.shape != (n,):
                raise ShapeError(f"tally {tally.name}", got=tally.sold.shape, expected=(m,))
        self._check_values()
        held = np.bincount(self.lots.name, weights=self.lots.weight, minlength=n) if m else np.zeros(n)
        object.__setattr__(self, "held", held)
        total = float(held.sum()) + self.cash
        if abs(total - 1.0) > 1e-6:
            raise InputError(
                f"lots and cash sum to {total:.6f} of net asset value; "
                "they must sum to 1: divide every amount by positions plus cash"
            )

    def _check_values(self) -> None:
        for name in ("target", "exposures", "specific", "sell_cost", "buy_cost", "tilt"):
            if not np.isfinite(getattr(self, name)).all():
                raise InputError(f"{name}: some values are missing or infinite; give a number for every name")
        if len(self.lots) and not (self.lots.weight > 0.0).all():
            place = int(np.flatnonzero(self.lots.weight <= 0.0)[0])
            raise InputError(f"lot {self.lots.idents[place]}: its value must be above zero")
        if (self.specific < 0.0).any():
            raise InputError(
                f"{self.names[int(self.specific.argmin())]}: the specific variance is below zero"
            )
        if (self.sell_cost < 0.0).any() or (self.buy_cost < 0.0).any():
            raise InputError("trading costs are never below zero; a rebate belongs into the tilt")
        if self.cash_low > self.cash_high:
            raise DomainError(
                f"cash between {self.cash_low} and {self.cash_high}: the lower end is the larger"
            )
        crossed = self.lowest > self.highest
        if crossed.any():
            place = int(np.flatnonzero(crossed)[0])
            raise DomainError(
                f"{self.names[place]}: weight between {self.lowest[place]:.6g} and "
                f"{self.highest[place]:.6g}: the lower end is the larger"
            )

    @classmethod
    def of(
        cls,
        target: FloatArray,
        exposures: FloatArray,
        specific: FloatArray,
        lots: Lots,
        *,
        cost: FloatArray | float = 0.0,
        names: tuple[str, ...] | None = None,
        cash_low: float = 0.0,
        cash_high: float = 1.0,
        lowest: FloatArray | float = 0.0,
        highest: FloatArray | float = 1.0,
        may_buy: BoolArray | None = None,
        tilt: FloatArray | None = None,
        limits: tuple[Limit, ...] = (),
        tallies: tuple[Tally, ...] = (),
        price: FloatArray | None = None,
        nav: float = 1.0,
    ) -> Problem:
        """A problem with plain defaults; `cash` is what the lots leave of NAV."""
        n = len(target)

        def each(value: FloatArray | float) -> FloatArray:
            return np.broadcast_to(np.asarray(value, dtype=float), (n,)).copy()

        return cls(
            names=tuple(str(place + 1) for place in range(n)) if names is None else names,
            target=np.asarray(target, dtype=float),
            exposures=np.asarray(exposures, dtype=float),
            specific=np.maximum(np.asarray(specific, dtype=float), SPECIFIC_FLOOR),
            lots=lots,
            cash=1.0 - float(lots.weight.sum()),
            cash_low=cash_low,
            cash_high=cash_high,
            sell_cost=each(cost),
            buy_cost=each(cost),
            lowest=each(lowest),
            highest=each(highest),
            may_buy=np.ones(n, dtype=bool) if may_buy is None else may_buy,
            tilt=np.zeros(n) if tilt is None else tilt,
            limits=limits,
            tallies=tallies,
            price=price,
            nav=nav,
        )

    def with_tallies(self, *tallies: Tally) -> Problem:
        """The same problem with further limits on its trades."""
        return replace(self, tallies=(*self.tallies, *tallies))

    def turnover(self, most: float, price: float = HARD) -> Tally:
        """Purchases and sales together at most `most` of NAV."""
        return Tally("turnover", np.ones(len(self.lots)), np.ones(len(self.names)), high=most, price=price)

    def gain_budget(self, most: float) -> Tally:
        """Gains of the lots sold at a gain together at most `most` of NAV."""
        return Tally(
            "gain budget",
            np.maximum(self.lots.gain, 0.0),
            np.zeros(len(self.names)),
            high=most,
            of_gains=True,
        )

    def net_gain(self, low: float = -np.inf, high: float = np.inf, *, term: bool | None = None) -> Tally:
        """Gains less losses of the plan inside a band; of one term only if `term` says which."""
        counted = np.ones(len(self.lots), bool) if term is None else self.lots.long_term == term
        name = "net gain" if term is None else "net long-term gain" if term else "net short-term gain"
        return Tally(
            name, np.where(counted, self.lots.gain, 0.0), np.zeros(len(self.names)), low, high, of_gains=True
        )

    def loss_floor(self, least: float) -> Tally:
        """Losses of the lots sold at a loss together at least `least` of NAV."""
        return Tally(
            "loss floor",
            np.maximum(-self.lots.gain, 0.0),
            np.zeros(len(self.names)),
            low=least,
            of_gains=True,
        )

    @property
    def losing(self) -> BoolArray:
        """Lots whose sale is a loss to the law, which takes the costs of the sale off the proceeds."""
        return self.lots.gain < self.sell_cost[self.lots.name]

    def variance(self, weights: FloatArray) -> float:
        """Active variance per year."""
        active = weights - self.target
        loads = self.exposures.T @ active
        return float(loads @ loads + self.specific @ (active * active))
