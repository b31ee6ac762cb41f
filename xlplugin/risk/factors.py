"""Risk models in factor form: S = X F X' + diag(d), never spelled out for large n."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import same_length, square
from xlplugin.errors import DomainError, ShapeError

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = ["FactorModel"]


@dataclass(frozen=True)
class FactorModel:
    """A covariance per year as exposures, factor covariance and specific variances.

    Attributes
    ----------
    exposures : ndarray of shape (n_securities, n_factors)
        X, of any unit; the factor returns are in the matching unit.
    factor_covariance : ndarray of shape (n_factors, n_factors)
        F, per year.
    specific_variance : ndarray of shape (n_securities,)
        d, per year, zero or above.
    names : tuple of str
        Of the factors; empty if they have none.

    Raises
    ------
    ShapeError
        If the three do not fit each other.
    DomainError
        If a specific variance is negative.

    Examples
    --------
    >>> model = FactorModel(np.ones((2, 1)), np.array([[0.04]]), np.array([0.01, 0.02]))
    >>> model.covariance().round(4).tolist()
    [[0.05, 0.04], [0.04, 0.06]]
    """

    exposures: FloatArray
    factor_covariance: FloatArray
    specific_variance: FloatArray
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.exposures.ndim != 2:
            raise ShapeError("exposures", got=self.exposures.shape, expected=(self.exposures.shape[0], 1))
        n, k = self.exposures.shape
        square("factor_covariance", self.factor_covariance, k)
        if same_length(specific_variance=self.specific_variance) != n:
            raise ShapeError("specific_variance", got=self.specific_variance.shape, expected=(n,))
        if np.any(self.specific_variance < 0.0):
            row = int(np.flatnonzero(self.specific_variance < 0.0)[0])
            raise DomainError(
                f"specific_variance, row {row + 1}: {self.specific_variance[row]:g} is negative; "
                "a variance is not"
            )
        if self.names and len(self.names) != k:
            raise ShapeError("factor names", got=(len(self.names),), expected=(k,))

    @property
    def size(self) -> int:
        """The number of securities."""
        return int(self.exposures.shape[0])

    def covariance(self) -> FloatArray:
        """The full matrix; n squared cells, so for small n only."""
        common = self.exposures @ self.factor_covariance @ self.exposures.T
        full: FloatArray = (common + common.T) / 2.0
        full[np.diag_indices(self.size)] += self.specific_variance
        return full

    def loadings(self) -> FloatArray:
        """L of shape (n, k) with S = L L' + diag(d): exposures to uncorrelated factors of variance 1."""
        values, vectors = np.linalg.eigh(self.factor_covariance)
        return np.asarray(self.exposures @ (vectors * np.sqrt(np.maximum(values, 0.0))))

    def among(self, rows: IntArray | BoolArray) -> FactorModel:
        """The model of the securities in `rows` (places or a mask), in that order."""
        return FactorModel(
            self.exposures[rows], self.factor_covariance, self.specific_variance[rows], self.names
        )
