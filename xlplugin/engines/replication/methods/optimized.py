"""Optimised replication: least tracking risk under the limits, on few names if wanted. Methodology 4.3."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, square
from xlplugin.engines.replication.cardinality import fewest_names
from xlplugin.engines.replication.optimal import Row, WeightProblem
from xlplugin.engines.replication.subset import MAX_SUBSETS, best_subset
from xlplugin.errors import InputError, ShapeError
from xlplugin.risk.factors import FactorModel

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.engines.replication.request import ReplicationRequest

__all__ = ["METHOD", "Optimized", "weight_problem"]


@dataclass(frozen=True)
class Optimized:
    """Half the active variance plus the cost of trading, at its minimum under the limits."""

    name: str = "optimized"

    def weights(self, request: ReplicationRequest) -> FloatArray:
        """See `request.Method`."""
        problem = weight_problem(request)
        count = request.size if request.count is None else min(request.count, request.size)
        if count >= int(request.eligible.sum()) and request.min_weight == 0.0:
            return problem.weights()
        weights = best_subset(problem, count, request.required, request.min_weight)
        other = _by_dual(request, problem, count)
        return weights if other is None or problem.objective(weights) <= problem.objective(other) else other


def _by_dual(request: ReplicationRequest, problem: WeightProblem, count: int) -> FloatArray | None:
    """The answer of the search from the dual, where a request has nothing but a number of names.

    It restarts many times in factor form, so it is now and then a little better on large universes.
    """
    risk, n = request.risk, request.size
    if not isinstance(risk, FactorModel) or comb(n, count) <= MAX_SUBSETS:
        return None
    only_count = problem.is_plain and request.min_weight == 0.0 and not np.any(request.required)
    bounds = np.all((problem.upper <= 0.0) | np.isinf(problem.upper))
    whole = abs(problem.budget - 1.0) < 1e-12 and abs(exact_sum(request.benchmark) - 1.0) < 1e-9
    if not (only_count and bounds and whole and np.all(risk.specific_variance > 0.0)):
        return None
    found = fewest_names(
        risk.loadings(),
        risk.specific_variance,
        request.benchmark,
        count,
        allowed=request.eligible,
        bound=False,
    )
    return found.weights


def weight_problem(request: ReplicationRequest) -> WeightProblem:
    """The programme behind a request.

    Raises
    ------
    InputError
        If there is no risk model.
    ShapeError
        If it is of another size.
    """
    if request.risk is None:
        raise InputError(
            "no risk model: the optimized method needs covariance, or exposures, factor_covariance and "
            "specific_variance"
        )
    risk = request.risk
    if isinstance(risk, FactorModel):
        if risk.size != request.size:
            raise ShapeError(
                "exposures", got=risk.exposures.shape, expected=(request.size, risk.exposures.shape[1])
            )
        covariance = risk.covariance()
    else:
        covariance = square("covariance", risk, request.size)
    rows = []
    if request.band is not None and request.group is not None:
        for group in dict.fromkeys(request.group):
            member = np.array([of == group for of in request.group], dtype=np.float64)
            middle = exact_sum(member * request.benchmark)
            rows.append(Row(f"band of group {group}", member, middle - request.band, middle + request.band))
    if request.beta_band is not None and request.beta is not None:
        middle = exact_sum(request.beta * request.benchmark)
        low, high = middle - request.beta_band, middle + request.beta_band
        rows.append(Row("band of beta", request.beta, low, high))
    has_cost = request.cost_weight > 0.0 and request.cost is not None
    return WeightProblem(
        benchmark=request.benchmark,
        covariance=covariance,
        budget=1.0 - request.cash,
        lower=request.floor,
        upper=request.ceiling,
        rows=tuple(rows),
        current=request.current,
        trade_cost=request.cost_weight * request.cost if has_cost and request.cost is not None else None,
        turnover=request.turnover,
    )


METHOD = Optimized()
