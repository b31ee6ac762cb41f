"""What a replication method is asked, and what a method is.

A method is a module in the folder `methods` with one object `METHOD`; dropping the file in is the
registration. Methodology 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length
from xlplugin.core.catalogue import Catalogue
from xlplugin.errors import DomainError, InfeasibleError, InputError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray
    from xlplugin.risk.factors import FactorModel

__all__ = ["METHODS", "Method", "ReplicationRequest", "bounded"]


@dataclass(frozen=True)
class ReplicationRequest:
    """An index and the limits of its copy, on n securities in one order.

    Attributes
    ----------
    benchmark : ndarray of shape (n,)
        Index weights, as fractions, not negative.
    count : int, optional
        Largest number of names held; all if left out.
    risk : ndarray of shape (n, n) or FactorModel, optional
        Covariance per year, in full or in factor form.
    cells : tuple of str, optional
        Cell of each name, "sector|size" or any other label.
    lower, upper : ndarray of shape (n,), optional
        Limits of the weights; by default 0 and none. An upper limit of 0 excludes a name.
    group : tuple of str, optional
        Group of each name, for `band`.
    current, cost : ndarray of shape (n,), optional
        Weights held now; cost per unit of weight traded.
    liquidity : ndarray of shape (n,), optional
        Larger is better; decides inside a cell.
    must_hold : bool ndarray of shape (n,), optional
        Names that count among the held ones in any case.
    cash : float
        Share kept in cash; the weights sum to 1 - cash.
    band : float, optional
        Largest absolute active weight of a group.
    beta : ndarray of shape (n,), optional
        Beta of each name to the market, for `beta_band`.
    beta_band : float, optional
        Largest absolute gap between the beta of the copy and that of the index; cash has none.
    cost_weight : float
        Price of the trading cost against half the active variance.
    min_weight : float
        A held name has at least this weight.
    turnover : float, optional
        Largest half sum of the absolute changes from `current`.

    Raises
    ------
    ShapeError, InputError, DomainError
        As their sentences say.
    """

    benchmark: FloatArray
    count: int | None = None
    risk: FloatArray | FactorModel | None = None
    cells: tuple[str, ...] | None = None
    lower: FloatArray | None = None
    upper: FloatArray | None = None
    group: tuple[str, ...] | None = None
    current: FloatArray | None = None
    cost: FloatArray | None = None
    liquidity: FloatArray | None = None
    must_hold: BoolArray | None = None
    cash: float = 0.0
    band: float | None = None
    beta: FloatArray | None = None
    beta_band: float | None = None
    cost_weight: float = 0.0
    min_weight: float = 0.0
    turnover: float | None = None

    def __post_init__(self) -> None:
        n = same_length(benchmark=self.benchmark)
        vectors = {"lower": self.lower, "upper": self.upper, "current": self.current, "cost": self.cost}
        vectors |= {"liquidity": self.liquidity, "beta": self.beta}
        for name, vector in {**vectors, "must_hold": self.must_hold}.items():
            if vector is not None and vector.shape != (n,):
                raise ShapeError(name, got=vector.shape, expected=(n,))
        for name, labels in (("cell", self.cells), ("group", self.group)):
            if labels is not None and len(labels) != n:
                raise ShapeError(name, got=(len(labels),), expected=(n,))
        if np.any(self.benchmark < 0.0):
            row = int(np.flatnonzero(self.benchmark < 0.0)[0])
            raise DomainError(f"benchmark, row {row + 1}: the weight {self.benchmark[row]:g} is negative")
        if exact_sum(self.benchmark) <= 0.0:
            raise DomainError("benchmark: the weights sum to nothing")
        if not 0.0 <= self.cash < 1.0:
            raise DomainError(f"cash: {self.cash:g} is not between 0 and 1")
        if self.count is not None and self.count < 1:
            raise DomainError(f"count: {self.count} is not at least one name")
        for name, value in (
            ("band", self.band),
            ("beta_band", self.beta_band),
            ("cost_weight", self.cost_weight),
            ("min_weight", self.min_weight),
            ("turnover", self.turnover),
        ):
            if value is not None and value < 0.0:
                raise DomainError(f"{name}: {value:g} is negative")
        if self.band is not None and self.group is None:
            raise InputError("band: needs a column group in limits, the group of each name")
        if self.beta_band is not None and self.beta is None:
            raise InputError("beta_band: needs a column beta in limits, the beta of each name")
        if self.turnover is not None and self.current is None:
            raise InputError("turnover: needs a column current in limits, the weights held now")
        if self.cost_weight > 0.0 and (self.current is None or self.cost is None):
            raise InputError("cost_weight: needs the columns current and cost in limits")

    @property
    def size(self) -> int:
        """The number of securities."""
        return int(self.benchmark.shape[0])

    @property
    def floor(self) -> FloatArray:
        """Lower limits of the weights."""
        return np.zeros(self.size) if self.lower is None else np.maximum(self.lower, 0.0)

    @property
    def ceiling(self) -> FloatArray:
        """Upper limits of the weights."""
        return np.full(self.size, np.inf) if self.upper is None else self.upper

    @property
    def required(self) -> BoolArray:
        """Names that have to be held."""
        flagged = np.zeros(self.size, dtype=np.bool_) if self.must_hold is None else self.must_hold
        return np.asarray(flagged | (self.floor > 0.0))

    @property
    def eligible(self) -> BoolArray:
        """Names that may be held."""
        return np.asarray(self.ceiling > 0.0)


class Method(Protocol):
    """A way of copying an index.

    Contract (tests/contracts): the weights are not negative, sum to 1 - cash times the sum of the
    benchmark weights that the method keeps, respect the limits, and do not depend on the row order.
    """

    @property
    def name(self) -> str:
        """The word by which users ask for it."""

    def weights(self, request: ReplicationRequest) -> FloatArray:
        """Weights of shape (n,); 0 where a name is not held."""


METHODS: Catalogue[Method] = Catalogue("xlplugin.engines.replication.methods", "METHOD")


def bounded(proportions: FloatArray, lower: FloatArray, upper: FloatArray, total: float) -> FloatArray:
    """Weights in the given proportions, cut to their limits, that sum to `total`.

    Parameters
    ----------
    proportions : ndarray of shape (n,)
        Not negative; a name with 0 gets its lower limit.
    lower, upper : ndarray of shape (n,)
        Limits.
    total : float
        What the weights sum to.

    Returns
    -------
    ndarray of shape (n,)
        clip(t x proportions, lower, upper) for the one t with the right sum.

    Raises
    ------
    InfeasibleError
        If the limits leave no such sum.

    Examples
    --------
    >>> one = np.ones(3)
    >>> bounded(np.array([0.5, 0.3, 0.2]), 0 * one, np.array([0.4, 1, 1]), 1.0).round(6).tolist()
    [0.4, 0.36, 0.24]
    """
    crossed = lower > upper
    if np.any(crossed):
        row = int(np.flatnonzero(crossed)[0])
        raise InfeasibleError(f"row {row + 1}: the lower limit {lower[row]:g} is above {upper[row]:g}")
    whole = exact_sum(proportions)
    simple = proportions * (total / whole) if whole > 0.0 else proportions
    if whole > 0.0 and np.all((simple >= lower) & (simple <= upper)):
        return simple
    least = exact_sum(lower)
    most = exact_sum(np.where(proportions > 0.0, np.minimum(upper, 1e300), lower))
    if not least - 1e-12 <= total <= most + 1e-12:
        nearest = least if total < least else most
        raise InfeasibleError(
            f"the limits leave room for weights that sum to {nearest:g}, not to {total:g}; "
            "relax a limit or change the number of names"
        )
    # The sum is piecewise linear in t with a kink wherever a weight meets a limit.
    positive = proportions > 0.0
    kinks = np.concatenate([lower[positive] / proportions[positive], upper[positive] / proportions[positive]])
    kinks = np.unique(kinks[np.isfinite(kinks)])

    def at(t: float) -> FloatArray:
        return np.asarray(np.clip(t * proportions, lower, upper))

    below = [float(t) for t in kinks if exact_sum(at(float(t))) <= total]
    start = below[-1] if below else 0.0
    later = [float(t) for t in kinks if t > start]
    middle = (start + later[0]) / 2.0 if later else start + 1.0
    moving = positive & (middle * proportions > lower) & (middle * proportions < upper)
    rate = exact_sum(proportions[moving])
    weights = at(start)
    if rate > 0.0:
        weights = np.where(moving, weights + (total - exact_sum(weights)) * proportions / rate, weights)
    return np.asarray(np.clip(weights, lower, upper))
