"""The methods side by side, and the smallest account: what a copy costs and how well it tracks.

Methodology 4.7 and seed D: names, forecast tracking error, cost and cash in one table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum
from xlplugin.engines.replication.lots import round_to_lots
from xlplugin.engines.replication.request import METHODS
from xlplugin.errors import InputError, XlPluginError
from xlplugin.risk.active import active_risk, factor_risk
from xlplugin.risk.factors import FactorModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray
    from xlplugin.engines.replication.request import ReplicationRequest

__all__ = ["AccountSize", "MethodRow", "account_sizes", "compare_methods"]


@dataclass(frozen=True)
class AccountSize:
    """What an account of one size can reach: `tracking_error` per year, `cash` as a share."""

    amount: float
    tracking_error: float
    names: int
    cash: float


def account_sizes(
    benchmark: FloatArray,
    price: FloatArray,
    lot: ArrayLike,
    risk: FloatArray | FactorModel,
    amounts: FloatArray,
) -> list[AccountSize]:
    """Forecast tracking error, names and cash of the best copy in whole units, by account size.

    Parameters
    ----------
    benchmark : ndarray of shape (n,)
        Index weights.
    price : ndarray of shape (n,)
        Per share.
    lot : float or array_like of shape (n,)
        Shares per trading unit.
    risk : ndarray of shape (n, n) or FactorModel
        Per year.
    amounts : ndarray of shape (m,)
        Account sizes.

    Returns
    -------
    list of AccountSize
        One per amount, in order. Costs are left out. Quote 1.2 to 1.5 times the tracking error to a
        client: estimation error and review turnover are not in it.

    Raises
    ------
    DomainError, ShapeError, InputError
        As in `lots.round_to_lots`.

    Examples
    --------
    >>> risk = np.diag([0.04, 0.04])
    >>> [row] = account_sizes(np.array([0.5, 0.5]), np.array([10.0, 10.0]), 100, risk, np.array([2000.0]))
    >>> row.names, row.cash, row.tracking_error
    (2, 0.0, 0.0)
    """
    rows = []
    for amount in amounts:
        plan = round_to_lots(benchmark, float(amount), price, lot, risk)
        rows.append(AccountSize(float(amount), float(np.sqrt(plan.objective)), plan.names, plan.cash))
    return rows


@dataclass(frozen=True)
class MethodRow:
    """One method: risk per year, one-off trading cost, cash and beta; `problem` if it is not possible."""

    method: str
    names: int | None = None
    te_forecast: float | None = None
    trade_cost: float | None = None
    cash: float | None = None
    beta: float | None = None
    problem: str = ""


def compare_methods(
    request: ReplicationRequest,
    *,
    amount: float | None = None,
    price: FloatArray | None = None,
    lot: ArrayLike = 1.0,
    spread: FloatArray | None = None,
    core_share: float = 0.5,
    core_error: float = 0.0,
) -> list[MethodRow]:
    """Full, stratified, optimised, and a core fund with an optimised rest, side by side.

    Parameters
    ----------
    request : ReplicationRequest
        With a risk model; `cells` and `count` for the stratified method.
    amount, price, lot : float, ndarray of shape (n,), float or array_like, optional
        With an amount and prices the weights are rounded to whole units first.
    spread : ndarray of shape (n,), optional
        Quoted spreads; half is paid on what is bought from `request.current` (nothing, if left out).
    core_share : float
        ETF core: the part of the account in a fund on the index, 0 to 1.
    core_error : float
        Tracking error of that fund per year, independent of the rest.

    Returns
    -------
    list of MethodRow
        A method that is not possible has its sentence in `problem` and no figures. `beta` is the
        covariance with the index over its variance.

    Raises
    ------
    InputError
        Without a risk model.
    """
    if request.risk is None:
        raise InputError("risk: a comparison needs a risk model, a covariance or a factor form")
    rows = []
    for method in ("full", "stratified", "optimized", "core"):
        part = 1.0 - core_share if method == "core" else 1.0
        asked = "optimized" if method == "core" else method
        # The full method holds every name; the others keep to the number asked for.
        own = replace(request, count=None) if method == "full" else request
        try:
            weights = METHODS[asked].weights(own)
            if amount is not None and price is not None and part > 0.0:
                plan = round_to_lots(weights, amount * part, price, lot, request.risk, request.cash)
                weights = plan.weight
        except XlPluginError as error:
            rows.append(MethodRow(method, problem=str(error)))
            continue
        rows.append(_row(method, weights, request, request.risk, spread, part, core_error))
    return rows


def _row(
    method: str,
    weights: FloatArray,
    request: ReplicationRequest,
    risk: FloatArray | FactorModel,
    spread: FloatArray | None,
    part: float,
    core_error: float,
) -> MethodRow:
    benchmark = request.benchmark
    if isinstance(risk, FactorModel):
        error = factor_risk(weights, benchmark, risk).total
        common = risk.exposures @ (risk.factor_covariance @ (risk.exposures.T @ benchmark))
        covered = common + risk.specific_variance * benchmark
    else:
        error = active_risk(weights, benchmark, risk)
        covered = risk @ benchmark
    variance = float(benchmark @ covered)
    beta = float(weights @ covered) / variance if variance > 0.0 else None
    before = np.zeros(request.size) if request.current is None else request.current
    cost = None if spread is None else part * 0.5 * exact_sum(spread * np.abs(weights - before))
    return MethodRow(
        method,
        int(np.count_nonzero(weights)) + (method == "core"),
        float(np.hypot(part * error, (1.0 - part) * core_error)),
        cost,
        part * (1.0 - exact_sum(weights)),
        None if beta is None else part * beta + (1.0 - part),
    )
