r"""Long-only weights of least tracking risk, found exactly by an active-set method.

The problem is

.. math:: \min_w (w-b)^\top S (w-b) \quad\text{s.t.}\quad 1^\top w = 1,\ w \ge 0,\ w_i = 0
          \text{ where not allowed},\ a^\top w \le L

with at most one attribute limit (a weighted average such as carbon intensity). For a fixed set of
names held the solution is one linear system; the set is found by block principal pivoting (many
names change sides at once), and by descending one name at a time when that stops improving. The
multiplier of the limit is found by Newton's method on a piecewise linear function.

Source: methodology 2.10; J. J. Júdice and F. M. Pires, Computers & Operations Research 21, 1994
(block pivoting).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import ConvergenceError, InfeasibleError, InputError, ShapeError
from xlplugin.index.arrays import exact_sum

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["least_tracking_risk", "tracking_risk"]

_RIDGE = 1e-12  # of the mean variance: makes a singular matrix strictly convex, far below any risk shown
_PATIENCE = 4  # block steps without improvement before descending


def tracking_risk(weights: FloatArray, index_weights: FloatArray, covariance: FloatArray) -> float:
    """Forecast tracking error per year, √(a'Sa) with a = weights − index weights.

    Examples
    --------
    >>> w, b = np.array([0.505, 0.495]), np.array([0.5, 0.5])
    >>> round(tracking_risk(w, b, np.diag([0.09, 0.0])), 6)
    0.0015
    """
    active = weights - index_weights
    return float(np.sqrt(max(float(active @ covariance @ active), 0.0)))


def least_tracking_risk(
    covariance: FloatArray,
    index_weights: FloatArray,
    *,
    allowed: BoolArray | None = None,
    attribute: FloatArray | None = None,
    limit: float | None = None,
    outside: FloatArray | None = None,
) -> FloatArray:
    """The long-only weights with the least tracking risk against an index.

    Parameters
    ----------
    covariance : ndarray of shape (n, n)
        Covariance of returns per year; symmetric and positive semidefinite.
    index_weights : ndarray of shape (n,)
        Weights of the index, summing to one.
    allowed : ndarray of bool of shape (n,), optional
        Names that may be held; all if left out.
    attribute : ndarray of shape (n,), optional
        A measure of each name, such as carbon intensity, whose weighted average is limited.
    limit : float, optional
        The largest weighted average of `attribute`.
    outside : ndarray of shape (n,), optional
        What is held elsewhere, such as an employer's shares, as fractions of this account: the
        account completes it, so that both together track the index.

    Returns
    -------
    ndarray of shape (n,)
        Fractions that sum to one.

    Raises
    ------
    ShapeError
        If the arguments do not describe the same number of names.
    InputError
        If the matrix is not symmetric, or only one of attribute and limit is given.
    InfeasibleError
        If no name is allowed, or none of them meets the limit.
    ConvergenceError
        If the matrix is not positive semidefinite enough for the conditions of optimality to hold.

    References
    ----------
    methodology 2.10 (T01c; "ESG optimisation").

    Examples
    --------
    >>> S = np.array([[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]])
    >>> allowed = np.array([True, True, False])
    >>> least_tracking_risk(S, np.array([0.4, 0.4, 0.2]), allowed=allowed).round(6).tolist()
    [0.524812, 0.475188, 0.0]
    """
    n = len(index_weights)
    if covariance.shape != (n, n):
        raise ShapeError("covariance", got=covariance.shape, expected=(n, n))
    if not np.allclose(covariance, covariance.T, rtol=1e-9, atol=1e-14):
        raise InputError("covariance: the matrix is not symmetric; give rows and columns in one order")
    if (attribute is None) != (limit is None):
        raise InputError("attribute, limit: give both or neither")
    if outside is not None and outside.shape != (n,):
        raise ShapeError("outside", got=outside.shape, expected=(n,))
    target = index_weights if outside is None else index_weights - outside
    names = np.arange(n) if allowed is None else np.flatnonzero(allowed)
    if not len(names):
        raise InfeasibleError("exclude: no name may be held; keep at least one")
    ridge = _RIDGE * float(np.trace(covariance)) / n
    hessian = covariance[np.ix_(names, names)] + ridge * np.eye(len(names))
    pull = covariance[names] @ target + ridge * target[names]
    start = target[names] > 0.0
    if attribute is None or limit is None:
        held = _solve(hessian, pull, start if start.any() else ~start)[0]
    else:
        held = _limited(hessian, pull, attribute[names], limit, start if start.any() else ~start)
    weights = np.zeros(n)
    weights[names] = held
    return weights / exact_sum(weights)


def _limited(
    hessian: FloatArray, pull: FloatArray, attribute: FloatArray, limit: float, start: BoolArray
) -> FloatArray:
    """The solution under a'w ≤ limit: raise the price of the attribute until it holds."""
    if attribute.min() > limit:
        raise InfeasibleError(
            f"limit: {limit:g} cannot be met; the lowest that can be held is {attribute.min():.6g}"
        )
    price = 0.0
    weights, free = _solve(hessian, pull, start)
    for _ in range(10 * len(pull) + 50):
        excess = float(attribute @ weights) - limit
        if excess <= 1e-12 * max(1.0, abs(limit)):
            return weights
        slope = _slope(hessian, attribute, free)
        if slope <= 0.0:
            break
        price += excess / slope
        weights, free = _solve(hessian, pull - price * attribute, free)
    cheapest = attribute <= attribute.min()
    if abs(attribute.min() - limit) <= 1e-12 * max(1.0, abs(limit)):
        weights = np.zeros(len(pull))
        block = np.ix_(cheapest, cheapest)
        weights[cheapest] = _solve(hessian[block], pull[cheapest], np.ones(int(cheapest.sum()), dtype=bool))[
            0
        ]
        return weights
    raise ConvergenceError(
        "limit: the optimisation did not settle; check the covariance for negative eigenvalues"
    )


def _slope(hessian: FloatArray, attribute: FloatArray, free: BoolArray) -> float:
    """How much a'w falls per unit of its price while the same names are held."""
    block = hessian[np.ix_(free, free)]
    part = np.column_stack([attribute[free], np.ones(int(free.sum()))])
    by_attribute, by_one = np.linalg.solve(block, part).T
    correction = float(attribute[free] @ by_one) ** 2 / float(by_one.sum())
    return float(attribute[free] @ by_attribute) - correction


def _solve(hessian: FloatArray, pull: FloatArray, start: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Minimise ½w'Hw − c'w with Σw = 1 and w ≥ 0; also which names are held."""
    free = np.array(start)
    best, patience = len(pull) + 1, _PATIENCE
    while patience:
        weights, multiplier = _held_only(hessian, pull, free)
        leaves, joins = _wrong_side(hessian, pull, weights, multiplier, free)
        wrong = int(leaves.sum() + joins.sum())
        if wrong == 0:
            return np.maximum(weights, 0.0), free
        best, patience = (wrong, _PATIENCE) if wrong < best else (best, patience - 1)
        free = (free & ~leaves) | joins
        if not free.any():
            break
    return _descend(hessian, pull)


def _wrong_side(
    hessian: FloatArray, pull: FloatArray, weights: FloatArray, multiplier: float, free: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Held names with a negative weight, and names outside that would lower the risk if held."""
    gain = hessian @ weights - pull - multiplier
    scale = float(np.abs(hessian).max()) or 1.0
    return free & (weights < -1e-14), ~free & (gain < -1e-13 * scale)


def _descend(hessian: FloatArray, pull: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The same by descending from equal weights, one name joining at a time: this always ends."""
    count = len(pull)
    weights = np.full(count, 1.0 / count)
    free = np.ones(count, dtype=np.bool_)
    for _ in range(20 * count + 100):
        wanted, multiplier = _held_only(hessian, pull, free)
        while (wanted[free] < 0.0).any():
            falling = np.flatnonzero(free & (wanted < 0.0))
            steps = weights[falling] / (weights[falling] - wanted[falling])
            first = int(np.argmin(steps))
            weights = np.maximum(weights + steps[first] * (wanted - weights), 0.0)
            free[falling[first]] = False
            wanted, multiplier = _held_only(hessian, pull, free)
        weights = wanted
        _, joins = _wrong_side(hessian, pull, weights, multiplier, free)
        if not joins.any():
            return weights, free
        gain = np.where(joins, hessian @ weights - pull, np.inf)
        free = np.array(free)
        free[int(np.argmin(gain))] = True
    raise ConvergenceError("covariance: the optimisation did not settle; check it for negative eigenvalues")


def _held_only(hessian: FloatArray, pull: FloatArray, free: BoolArray) -> tuple[FloatArray, float]:
    """The minimum when exactly the free names are held, and the multiplier of Σw = 1."""
    block = hessian[np.ix_(free, free)]
    part = np.column_stack([pull[free], np.ones(int(free.sum()))])
    try:
        by_pull, by_one = np.linalg.solve(block, part).T
    except np.linalg.LinAlgError:
        raise ConvergenceError("covariance: two names are the same to it; merge them or drop one") from None
    multiplier = (1.0 - float(by_pull.sum())) / float(by_one.sum())
    weights = np.zeros(len(pull))
    weights[free] = by_pull + multiplier * by_one
    return weights, multiplier
