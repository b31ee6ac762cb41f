"""Cross-sectional regression of one period's returns on exposures: factor returns. Methodology 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import same_length
from xlplugin.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["factor_returns"]


def factor_returns(
    returns: FloatArray,
    exposures: FloatArray,
    cap: FloatArray | None = None,
    industry: BoolArray | None = None,
) -> FloatArray:
    """Factor returns of one period (or several at once) by weighted least squares.

    Parameters
    ----------
    returns : ndarray of shape (n_securities,) or (n_periods, n_securities)
        As fractions.
    exposures : ndarray of shape (n_securities, n_factors)
        Market, industry dummies, styles.
    cap : ndarray of shape (n_securities,), optional
        Float capitalisations; the least-squares weights are their square roots. Without them all
        securities count alike.
    industry : bool ndarray of shape (n_factors,), optional
        The columns that are industry dummies. Their returns are then bound to sum to zero, weighted
        with the capitalisation of each industry, so that a market column may stand beside all of them.

    Returns
    -------
    ndarray of shape (n_factors,) or (n_periods, n_factors)

    Raises
    ------
    ShapeError
        If the arguments do not fit each other.
    DomainError
        If the regression is singular or a capitalisation is not above zero.

    Notes
    -----
    The bound sum(W_j f_j) = 0 is removed by expressing the last industry through the others; the
    solution does not depend on which.

    Examples
    --------
    >>> factor_returns(np.array([0.01, 0.03]), np.array([[1.0], [1.0]])).round(4).tolist()
    [0.02]
    """
    n = returns.shape[-1]
    if exposures.ndim != 2 or exposures.shape[0] != n:
        raise ShapeError("exposures", got=exposures.shape, expected=(n, exposures.shape[-1]))
    k = exposures.shape[1]
    caps = np.ones(n) if cap is None else cap
    if same_length(cap=caps) != n:
        raise ShapeError("cap", got=caps.shape, expected=(n,))
    if np.any(caps <= 0.0):
        row = int(np.flatnonzero(caps <= 0.0)[0])
        raise DomainError(f"cap, row {row + 1}: {caps[row]:g} is not above zero")
    basis = np.eye(k)
    if industry is not None and np.any(industry):
        if industry.shape != (k,):
            raise ShapeError("industry", got=industry.shape, expected=(k,))
        basis = _free_directions(caps @ exposures[:, industry], np.flatnonzero(industry), k)
    root = caps**0.25  # square root of the least-squares weight, which is itself a root
    design = (exposures @ basis) * root[:, None]
    solution, _, rank, _ = np.linalg.lstsq(design, (returns * root).T, rcond=None)
    if rank < design.shape[1]:
        raise DomainError(
            f"exposures: the {k} columns are not independent; flag the industry columns, or drop one"
        )
    return np.asarray((basis @ solution).T)


def _free_directions(weights: FloatArray, columns: IntArray, k: int) -> FloatArray:
    """Basis (k x k-1) of the factor returns whose industry part sums to zero under `weights`."""
    if np.all(weights == 0.0):
        raise DomainError("industry: the flagged columns are empty")
    pivot_at = int(np.abs(weights).argmax())
    pivot = int(columns[pivot_at])
    basis = np.delete(np.eye(k), pivot, axis=1)
    for column, weight in zip(columns, weights, strict=True):
        if column != pivot:
            place = int(column) - (int(column) > pivot)
            basis[pivot, place] = -weight / weights[pivot_at]
    return basis
