"""Keep, watch, stop buying or replace a fund; checklist score; core and satellites.

A tracking difference (TD) is fund - index: negative when the fund lags. Methodology 3.6 and 3.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import exact_sum, same_length, square
from xlplugin.cost.funds import MIN_PEERS, Decision, check_rate, rank_funds
from xlplugin.errors import DomainError, EmptyBaseError, MissingError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = [
    "Blend",
    "Switch",
    "checklist_score",
    "core_and_satellite",
    "switch_decision",
]


@dataclass(frozen=True)
class Switch:
    """The decision with its figures; `breakeven_years` is None when no peer is better."""

    decision: Decision
    quartile: int
    saving: float
    one_off: float
    breakeven_years: float | None


def switch_decision(
    history: FloatArray,
    peers: FloatArray,
    *,
    switch_cost: float = 0.0,
    unrealised_gain: float = 0.0,
    tax_rate: float = 0.20315,
    deferral: float = 0.0,
    horizon: float = 5.0,
) -> Switch:
    """Keep, watch, stop buying or replace a fund, from its three-year mean TD at each annual audit.

    Parameters
    ----------
    history : ndarray of shape (n_audits,)
        The fund's own figures, oldest first.
    peers : ndarray of shape (n_audits, n_peers)
        Those of its peers, the fund itself not included.
    switch_cost : float
        Spread, levy and fees of the switch, as a fraction of the holding.
    unrealised_gain : float
        Gain as a fraction of the value of the holding; a loss costs no tax.
    tax_rate : float
        0 in NISA.
    deferral : float
        The part of the tax that would be due later anyway, in present value, 0 to 1.
    horizon : float
        Longest break-even accepted, in years.

    Returns
    -------
    Switch
        REPLACE: worst quartile at the last two audits and break-even within the horizon. STOP_BUYING:
        worst twice, but the switch takes longer to pay. WATCH: worst at the last audit only. KEEP:
        else, and always when no peer is better. `saving` is the best peer less the fund at the last
        audit, per year.

    Raises
    ------
    MissingError
        With fewer than three peers, or no audit.
    ShapeError
        If there is not one row of peers per audit.
    DomainError
        If a rate or the deferral is outside 0 to 1, or the switch cost or horizon is negative.

    References
    ----------
    Methodology 3.6 (3).

    Examples
    --------
    >>> peers = np.array([[-0.0020, -0.0022, -0.0030], [-0.0019, -0.0024, -0.0031]])
    >>> done = switch_decision(
    ...     np.array([-0.0041, -0.0042]), peers, switch_cost=0.001, unrealised_gain=0.02
    ... )
    >>> done.decision.value, round(done.breakeven_years, 2)
    ('REPLACE', 2.2)
    """
    audits = same_length(history=history)
    if peers.ndim != 2 or peers.shape[0] != audits:
        raise ShapeError("peers", got=peers.shape, expected=(audits, peers.shape[-1]))
    if audits == 0 or peers.shape[1] < MIN_PEERS - 1:
        raise MissingError(
            f"peers: {peers.shape[1]} at {audits} audits; a quartile needs an audit and three peers"
        )
    check_rate("tax_rate", tax_rate)
    check_rate("deferral", deferral)
    for name, value in (("switch_cost", switch_cost), ("horizon", horizon)):
        if value < 0.0:
            raise DomainError(f"{name}: {value:g} is negative")
    quartiles = [
        rank_funds(np.array([own, *others]))[0].quartile or 1
        for own, others in zip(history[-2:], peers[-2:], strict=True)
    ]
    saving = float(peers[-1].max() - history[-1])
    one_off = switch_cost + tax_rate * max(0.0, unrealised_gain) * (1.0 - deferral)
    breakeven = one_off / saving if saving > 0.0 else None
    if quartiles[-1] < 4 or breakeven is None:
        decision = Decision.KEEP
    elif len(quartiles) < 2 or quartiles[-2] < 4:
        decision = Decision.WATCH
    else:
        decision = Decision.REPLACE if breakeven <= horizon else Decision.STOP_BUYING
    return Switch(decision, quartiles[-1], saving, one_off, breakeven)


def checklist_score(values: FloatArray, weights: FloatArray | None = None, scale: float = 5.0) -> float:
    """Marks of a checklist as one figure from 0 to 100.

    Parameters
    ----------
    values : ndarray of shape (n_items,)
        Marks from 0 to `scale`.
    weights : ndarray of shape (n_items,), optional
        Not negative; equal if left out.
    scale : float
        The best mark.

    Returns
    -------
    float
        100 x sum(v w) / (scale x sum(w)).

    Raises
    ------
    DomainError
        If a mark is outside 0 to `scale`, a weight negative or the scale not above zero.
    EmptyBaseError
        If the weights sum to zero.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> marks, weights = np.array([5.0, 4, 4, 5, 3, 5, 4, 3]), np.array([1.0, 2, 2, 1, 1, 1, 1, 1])
    >>> checklist_score(marks, weights)
    82.0
    """
    by = np.ones_like(values) if weights is None else weights
    same_length(values=values, weights=by)
    if scale <= 0.0:
        raise DomainError(f"scale: {scale:g} is not above zero")
    wrong = (values < 0.0) | (values > scale)
    if np.any(wrong):
        row = int(np.flatnonzero(wrong)[0])
        raise DomainError(f"values, row {row + 1}: the mark {values[row]:g} is not between 0 and {scale:g}")
    if np.any(by < 0.0):
        raise DomainError("weights: a weight is negative")
    total = exact_sum(by)
    if total == 0.0:
        raise EmptyBaseError("weights: they sum to zero")
    return exact_sum(values * by) / (scale * total) * 100.0


@dataclass(frozen=True)
class Blend:
    """A core with satellites: yearly figures of the whole; the share is None without any risk."""

    tracking_error: float
    cost: float
    satellite_share: float | None


def core_and_satellite(
    weights: FloatArray,
    tracking_errors: FloatArray,
    costs: FloatArray,
    correlation: FloatArray | None = None,
) -> Blend:
    r"""Tracking error, cost and the satellites' share of the risk of a core with satellites.

    Parameters
    ----------
    weights, tracking_errors, costs : ndarray of shape (n_parts,)
        Of each part, the core first; per year, as fractions.
    correlation : ndarray of shape (n_parts, n_parts), optional
        Of the active returns; independent if left out.

    Returns
    -------
    Blend
        :math:`TE = \sqrt{w^\top C w}`, :math:`C_{ij} = t_i t_j \rho_{ij}`; the share is
        :math:`1 - w_1 (Cw)_1 / TE^2`.

    Raises
    ------
    ShapeError, InputError
        If the shapes do not fit or the correlations are not symmetric.
    DomainError
        If a tracking error is negative, a correlation outside -1 to 1, or the variance negative.

    Examples
    --------
    >>> blend = core_and_satellite(np.array([0.8, 0.2]), np.array([0.001, 0.08]), np.array([0.0019, 0.0075]))
    >>> round(blend.tracking_error, 6), round(blend.satellite_share, 4)
    (0.01602, 0.9975)
    """
    n = same_length(weights=weights, tracking_error=tracking_errors, cost=costs)
    if np.any(tracking_errors < 0.0):
        raise DomainError("tracking_error: one is negative; a standard deviation is not")
    rho = np.eye(n) if correlation is None else square("correlation", correlation, n)
    if np.any(np.abs(rho) > 1.0 + 1e-9):
        raise DomainError("correlation: one is outside -1 to 1")
    covariance = np.outer(tracking_errors, tracking_errors) * rho
    by_part = weights * (covariance @ weights)
    variance = exact_sum(by_part)
    if variance < -1e-12:
        raise DomainError(
            "correlation: the variance comes out below zero; these correlations cannot hold together"
        )
    share = 1.0 - float(by_part[0]) / variance if variance > 0.0 else None
    return Blend(math.sqrt(max(variance, 0.0)), exact_sum(weights * costs), share)
