"""Forecast (ex-ante) active risk: total, by factor and specific part, by name, by exclusion.

Covariances are per year. Weights need not sum to one; what they leave out is held at no risk.
Methodology 3.1 and 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length, square
from xlplugin.errors import DomainError, EmptyBaseError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import BoolArray, FloatArray
    from xlplugin.risk.factors import FactorModel

__all__ = [
    "Contribution",
    "RiskParts",
    "active_risk",
    "active_share",
    "contributions",
    "exclusion_risk",
    "factor_risk",
    "group_contributions",
    "prorata",
    "volatility",
]

_NEGATIVE_VARIANCE = -1e-12  # what rounding may leave of a zero; below it the matrix is unsound


def volatility(weights: FloatArray, covariance: FloatArray) -> float:
    r"""Standard deviation of the return of `weights` per year, :math:`\sqrt{w^\top S w}`.

    Parameters
    ----------
    weights : ndarray of shape (n_securities,)
        As fractions.
    covariance : ndarray of shape (n_securities, n_securities)
        Per year.

    Returns
    -------
    float
        Fraction per year.

    Raises
    ------
    ShapeError, InputError
        If the shapes do not fit or the matrix is not symmetric.
    DomainError
        If the variance is below -1e-12: the matrix has a clearly negative eigenvalue.

    Examples
    --------
    >>> round(volatility(np.array([0.5, 0.5]), np.diag([0.04, 0.04])), 6)
    0.141421
    """
    same_length(weights=weights)
    square("covariance", covariance, weights.shape[0])
    return _root(float(weights @ covariance @ weights))


def active_risk(weights: FloatArray, index_weights: FloatArray, covariance: FloatArray) -> float:
    r"""Forecast standard deviation of the return over the index.

    Also called ex-ante tracking error. The realised counterpart, computed from two return series,
    is `xlplugin.risk.tracking.tracking_error`.

    Parameters
    ----------
    weights : ndarray of shape (n_securities,)
        Portfolio weights, as fractions. Cash is a security with zero variance.
    index_weights : ndarray of shape (n_securities,)
        Index weights on the same securities in the same order; zero for a security outside the index.
    covariance : ndarray of shape (n_securities, n_securities)
        Covariance of returns per year, so that the result is per year too.

    Returns
    -------
    float
        Active risk per year, as a fraction: 0.02 is two per cent a year.

    Raises
    ------
    ShapeError, InputError
        If the three do not describe the same securities, or the matrix is not symmetric.
    DomainError
        If the variance is below -1e-12.

    Notes
    -----
    With active weights :math:`a = w - b` and covariance :math:`S`, :math:`\sqrt{a^\top S a}`.

    References
    ----------
    R. C. Grinold and R. N. Kahn, *Active Portfolio Management*, 2nd ed., 2000, chapter 3.

    Examples
    --------
    Half a per cent too much of a 30 %-volatility share, paid for with cash:

    >>> weights, index_weights = np.array([0.505, 0.495]), np.array([0.5, 0.5])
    >>> round(active_risk(weights, index_weights, np.diag([0.30**2, 0.0])), 6)
    0.0015
    """
    same_length(portfolio=weights, benchmark=index_weights)
    return volatility(weights - index_weights, covariance)


@dataclass(frozen=True)
class RiskParts:
    """Active risk per year and its two parts; total squared = factor squared + specific squared."""

    total: float
    factor: float
    specific: float


def factor_risk(weights: FloatArray, index_weights: FloatArray, model: FactorModel) -> RiskParts:
    r"""Active risk in factor form, :math:`a^\top S a = x^\top F x + \sum_i a_i^2 d_i`, :math:`x = X^\top a`.

    Parameters
    ----------
    weights, index_weights : ndarray of shape (n_securities,)
        As fractions, on the securities of `model` in its order.
    model : FactorModel
        Per year.

    Returns
    -------
    RiskParts
        Never add the two parts: their squares add.

    Raises
    ------
    ShapeError
        If the weights do not fit the model.

    Examples
    --------
    >>> from xlplugin.risk.factors import FactorModel
    >>> model = FactorModel(np.ones((2, 1)), np.array([[0.04]]), np.array([0.01, 0.01]))
    >>> round(factor_risk(np.array([0.6, 0.4]), np.array([0.5, 0.5]), model).specific, 6)
    0.014142
    """
    n = same_length(portfolio=weights, benchmark=index_weights)
    if model.exposures.shape[0] != n:
        raise ShapeError("exposures", got=model.exposures.shape, expected=(n, model.exposures.shape[1]))
    active = weights - index_weights
    exposure = model.exposures.T @ active
    factor = float(exposure @ model.factor_covariance @ exposure)
    specific = exact_sum(active**2 * model.specific_variance)
    return RiskParts(_root(factor + specific), _root(factor), _root(specific))


def active_share(weights: FloatArray, index_weights: FloatArray) -> float:
    """Half the sum of the absolute active weights: 0 for the index, 1 without a common name.

    Examples
    --------
    >>> round(active_share(np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.4, 0.2])), 6)
    0.2
    """
    same_length(portfolio=weights, benchmark=index_weights)
    return 0.5 * exact_sum(np.abs(weights - index_weights))


@dataclass(frozen=True)
class Contribution:
    """What one name, or one group of names, adds to the active risk; None where it is undefined."""

    active: float
    marginal: float | None
    contribution: float
    share: float


def contributions(
    weights: FloatArray, index_weights: FloatArray, covariance: FloatArray
) -> list[Contribution]:
    """Contribution of every name: marginal = Sa/TE, contribution = a x marginal.

    Parameters
    ----------
    weights, index_weights : ndarray of shape (n_securities,)
        As fractions.
    covariance : ndarray of shape (n_securities, n_securities)
        Per year.

    Returns
    -------
    list of Contribution
        One per security, in order; the contributions sum to the active risk, the shares to one.

    Raises
    ------
    EmptyBaseError
        If the active risk is zero: there is nothing to divide.
    ShapeError, InputError, DomainError
        As in `active_risk`.

    Examples
    --------
    >>> rows = contributions(np.array([0.6, 0.4]), np.array([0.5, 0.5]), np.diag([0.09, 0.01]))
    >>> [round(row.share, 2) for row in rows]
    [0.9, 0.1]
    """
    total = active_risk(weights, index_weights, covariance)
    if total == 0.0:
        raise EmptyBaseError("the tracking error is zero; there is no risk to attribute")
    active = weights - index_weights
    marginal = covariance @ active / total
    parts = active * marginal
    return [
        Contribution(float(a), float(m), float(c), float(c / total))
        for a, m, c in zip(active, marginal, parts, strict=True)
    ]


def group_contributions(rows: list[Contribution], groups: tuple[str, ...]) -> list[tuple[str, Contribution]]:
    """Contributions summed by group, in order of first appearance.

    Parameters
    ----------
    rows : list of Contribution
        One per name, of one portfolio.
    groups : tuple of str
        The group of each.

    Returns
    -------
    list of (str, Contribution)
        `marginal` is contribution / active, None where the active weights of the group cancel out.

    Raises
    ------
    ShapeError
        If there is not one group for every row.
    """
    if len(groups) != len(rows):
        raise ShapeError("group", got=(len(groups),), expected=(len(rows),))
    summed = []
    for group in dict.fromkeys(groups):
        members = [row for row, of in zip(rows, groups, strict=True) if of == group]
        active = exact_sum(row.active for row in members)
        part = exact_sum(row.contribution for row in members)
        # 1e-15 is rounding of weights that cancel: a marginal from it would be noise.
        marginal = part / active if abs(active) > 1e-15 else None
        summed.append((group, Contribution(active, marginal, part, exact_sum(row.share for row in members))))
    return summed


def prorata(index_weights: FloatArray, dropped: BoolArray) -> FloatArray:
    """The index without the dropped names, the others scaled up to the same sum.

    Raises
    ------
    DomainError
        If nothing is left.
    """
    kept = np.where(dropped, 0.0, index_weights)
    left = exact_sum(kept)
    if left <= 0.0:
        raise DomainError("every name with a weight is excluded; keep at least one")
    return kept * (exact_sum(index_weights) / left)


def exclusion_risk(
    index_weights: FloatArray,
    exclude: BoolArray,
    covariance: FloatArray,
    refill: Callable[[FloatArray, BoolArray], FloatArray] = prorata,
) -> list[tuple[float, float]]:
    """What each excluded name costs in tracking error, alone and in sequence.

    Parameters
    ----------
    index_weights : ndarray of shape (n_securities,)
        As fractions.
    exclude : bool ndarray of shape (n_securities,)
        The names dropped.
    covariance : ndarray of shape (n_securities, n_securities)
        Per year.
    refill : callable
        (index weights, dropped) -> weights of the remaining names.

    Returns
    -------
    list of (alone, marginal)
        One per security, zeros where it is kept. *alone*: active risk with only this name dropped.
        *marginal*: the increase when the names are dropped one after the other in row order, so
        that the marginals sum to the active risk of dropping them all.

    Raises
    ------
    DomainError
        If every name is dropped.

    Examples
    --------
    >>> cost = exclusion_risk(np.array([0.5, 0.5]), np.array([True, False]), np.diag([0.04, 0.04]))
    >>> [tuple(round(v, 4) for v in row) for row in cost]
    [(0.1414, 0.1414), (0.0, 0.0)]
    """
    n = same_length(benchmark=index_weights, exclude=exclude.astype(np.float64))
    square("covariance", covariance, n)
    rows = [(0.0, 0.0)] * n
    dropped = np.zeros(n, dtype=np.bool_)
    before = 0.0
    for place in np.flatnonzero(exclude):
        only = np.zeros(n, dtype=np.bool_)
        only[place] = dropped[place] = True
        alone = active_risk(refill(index_weights, only), index_weights, covariance)
        after = active_risk(refill(index_weights, dropped), index_weights, covariance)
        rows[int(place)] = (alone, after - before)
        before = after
    return rows


def _root(variance: float) -> float:
    if variance < _NEGATIVE_VARIANCE:
        raise DomainError(
            f"the variance comes out as {variance:.3g}, below zero: the covariance is not positive "
            "semidefinite; repair it with RISK_NEAREST_PSD"
        )
    return float(np.sqrt(max(variance, 0.0)))
