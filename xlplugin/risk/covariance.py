"""Covariance estimators from a matrix of returns: sample, shrunk, weighted, in factors.

Returns are per period, time down; the covariance is per year. The shrinkage estimators work on the
population matrix (divisor T) as the published ones do. Methodology 5.

References: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance
matrices", J. Multivariate Analysis 88 (2004); the same, "Honey, I shrunk the sample covariance
matrix", J. Portfolio Management 30 (2004); Chen, Wiesel, Eldar and Hero, "Shrinkage algorithms for
MMSE covariance estimation", IEEE Trans. Signal Processing 58 (2010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import square
from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError, WordError
from xlplugin.risk.factors import FactorModel

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = [
    "DEFAULT_DECAY",
    "METHODS",
    "SHRINKAGE_TARGETS",
    "correlation",
    "covariance",
    "ewma_covariance",
    "ewma_volatility",
    "factor_form",
    "largest_components",
    "nearest_psd",
    "principal_components",
    "regression_model",
    "sample_covariance",
    "shrinkage",
    "shrunk_covariance",
    "statistical_model",
]

METHODS = ("SAMPLE", "LW", "LWCC", "OAS", "EWMA", "PCA", "FACTOR")
SHRINKAGE_TARGETS = ("LW", "LWCC", "OAS")
DEFAULT_DECAY = 0.94


def covariance(
    returns: FloatArray,
    method: str = "LW",
    periods_per_year: float = 252.0,
    *,
    half_life: float | None = None,
    factors: int = 10,
    exposures: FloatArray | None = None,
) -> FloatArray:
    """The covariance of returns per year by one of seven methods.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions, oldest first.
    method : {"SAMPLE", "LW", "LWCC", "OAS", "EWMA", "PCA", "FACTOR"}
        Sample; Ledoit-Wolf towards a multiple of the identity or towards constant correlation;
        oracle approximating shrinkage; exponentially weighted with zero mean; principal components
        with the sample diagonal; least squares on given exposures.
    periods_per_year : float
        252, 52, 12 or 1.
    half_life : float, optional
        EWMA: rows after which a weight has halved; without it the decay is 0.94.
    factors : int
        PCA: number of components, at most the number of securities.
    exposures : ndarray of shape (n_securities, n_factors), optional
        FACTOR: needed.

    Returns
    -------
    ndarray of shape (n_securities, n_securities)
        Per year, symmetric.

    Raises
    ------
    MissingError
        With fewer than 2 periods, or FACTOR without exposures.
    WordError
        If `method` is unknown.
    DomainError
        If a parameter is outside its domain.
    ShapeError
        If the exposures do not fit.

    Examples
    --------
    >>> two = np.array([[0.01, 0.02], [-0.01, 0.0], [0.0, 0.01]])
    >>> covariance(two, "SAMPLE", 1).round(6).tolist()
    [[0.0001, 0.0001], [0.0001, 0.0001]]
    """
    _check(returns, periods_per_year)
    if method == "SAMPLE":
        per_period = sample_covariance(returns)
    elif method in SHRINKAGE_TARGETS:
        per_period = shrunk_covariance(returns, method)
    elif method == "EWMA":
        if half_life is not None and half_life <= 0.0:
            raise DomainError(f"half_life: {half_life:g} is not above zero")
        per_period = ewma_covariance(
            returns, DEFAULT_DECAY if half_life is None else 0.5 ** (1.0 / half_life)
        )
    elif method == "PCA":
        return statistical_model(returns, factors, periods_per_year).covariance()
    elif method == "FACTOR":
        if exposures is None:
            raise MissingError(
                "exposures: the method FACTOR needs one row per security and one column per factor"
            )
        return regression_model(returns, exposures, periods_per_year).covariance()
    else:
        raise WordError("method", got=method, choices=METHODS)
    return per_period * periods_per_year


def sample_covariance(returns: FloatArray) -> FloatArray:
    """Sample covariance per period, divisor T - 1."""
    centred = returns - returns.mean(axis=0)
    return np.asarray(centred.T @ centred / (returns.shape[0] - 1))


def shrinkage(returns: FloatArray, target: str = "LW") -> float:
    """The shrinkage intensity between the population covariance (0) and the target (1).

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions.
    target : {"LW", "LWCC", "OAS"}
        See `covariance`.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    MissingError, WordError
        With fewer than 2 periods; if the target is unknown.

    Examples
    --------
    >>> 0.0 <= shrinkage(np.array([[0.01, 0.02], [-0.01, 0.0], [0.0, 0.01]])) <= 1.0
    True
    """
    return _shrunk(returns, target)[0]


def shrunk_covariance(returns: FloatArray, target: str = "LW") -> FloatArray:
    """The shrunk covariance per period; see `shrinkage`."""
    intensity, towards, population = _shrunk(returns, target)
    return intensity * towards + (1.0 - intensity) * population


def _shrunk(returns: FloatArray, target: str) -> tuple[float, FloatArray, FloatArray]:
    _check(returns, 1.0)
    t, n = returns.shape
    centred = returns - returns.mean(axis=0)
    population = centred.T @ centred / t
    if target == "LWCC":
        return _constant_correlation(centred, population)
    mean_variance = float(np.trace(population)) / n
    towards = mean_variance * np.eye(n)
    if target == "LW":
        distance = float(np.sum((population - towards) ** 2)) / n
        # Mean squared distance of the T outer products from the matrix they average to.
        noise = (float(np.sum((centred**2).sum(axis=1) ** 2)) / t - float(np.sum(population**2))) / (n * t)
        intensity = min(noise, distance) / distance if distance > 0.0 else 0.0
    elif target == "OAS":
        squares, trace = float(np.sum(population**2)), n * mean_variance
        # The estimator without its terms in 2/n, as scikit-learn computes it.
        above = squares + trace**2
        below = (t + 1.0) * (squares - trace**2 / n)
        intensity = min(1.0, above / below) if below > 0.0 else 1.0
    else:
        raise WordError("target", got=target, choices=SHRINKAGE_TARGETS)
    return max(0.0, intensity), towards, population


def _constant_correlation(
    centred: FloatArray, population: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    t, n = centred.shape
    variances = np.diag(population)
    if np.any(variances == 0.0):
        column = int(np.flatnonzero(variances == 0.0)[0])
        raise EmptyBaseError(f"returns, column {column + 1}: all returns are equal; it has no correlation")
    deviations = np.sqrt(variances)
    outer = np.outer(deviations, deviations)
    mean_correlation = (float(np.sum(population / outer)) - n) / (n * (n - 1)) if n > 1 else 0.0
    towards = mean_correlation * outer
    np.fill_diagonal(towards, variances)
    squared = centred**2
    asymptotic = squared.T @ squared / t - population**2  # variance of sqrt(T) s_ij
    # theta_ij = covariance of sqrt(T) s_ii with sqrt(T) s_ij
    theta = (centred**3).T @ centred / t - variances[:, None] * population
    np.fill_diagonal(theta, 0.0)
    rho = float(np.trace(asymptotic)) + mean_correlation * float(
        np.sum(theta * (deviations[None, :] / deviations[:, None]))
    )
    distance = float(np.sum((population - towards) ** 2))
    kappa = (float(np.sum(asymptotic)) - rho) / distance if distance > 0.0 else 0.0
    return float(np.clip(kappa / t, 0.0, 1.0)), towards, population


def ewma_covariance(returns: FloatArray, decay: float = DEFAULT_DECAY) -> FloatArray:
    """Exponentially weighted covariance per period: zero mean, weights decay**age that sum to one."""
    weights = _decay_weights(returns.shape[0], decay)
    scaled = returns * np.sqrt(weights)[:, None]
    return np.asarray(scaled.T @ scaled)


def ewma_volatility(
    returns: FloatArray, decay: float = DEFAULT_DECAY, periods_per_year: float = 252.0
) -> FloatArray:
    """Exponentially weighted volatility per year, shape (n_securities,); zero mean.

    Raises
    ------
    DomainError
        If the decay is outside 0 to 1.

    Examples
    --------
    >>> ewma_volatility(np.array([[0.01], [-0.02], [0.015], [-0.005]])).round(5).tolist()
    [0.21543]
    """
    _check_periods(periods_per_year)
    weights = _decay_weights(returns.shape[0], decay)
    return np.asarray(np.sqrt(weights @ returns**2 * periods_per_year))


def _decay_weights(rows: int, decay: float) -> FloatArray:
    if not 0.0 < decay <= 1.0:
        raise DomainError(f"decay: {decay:g} is not between 0 and 1, such as 0.94")
    weights = decay ** np.arange(rows - 1, -1, -1.0)
    return np.asarray(weights / weights.sum())


def principal_components(returns: FloatArray, factors: int) -> tuple[FloatArray, FloatArray]:
    """Explained shares and eigenvectors of the sample covariance, largest first.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions.
    factors : int
        How many.

    Returns
    -------
    shares : ndarray of shape (factors,)
        Of the total variance.
    vectors : ndarray of shape (n_securities, factors)
        Unit length; the sum of each is zero or above, and if it is zero its first entry that is not
        zero is positive.

    Raises
    ------
    DomainError
        If `factors` is not between 1 and the number of securities.
    MissingError
        With fewer than two periods.
    """
    _check(returns, 1.0)
    values, vectors = largest_components(sample_covariance(returns), factors)
    total = float(np.sum(np.var(returns, axis=0, ddof=1)))
    if total == 0.0:
        raise EmptyBaseError("returns: all are constant; there is no variance to explain")
    return np.asarray(values / total), vectors


def largest_components(matrix: FloatArray, factors: int) -> tuple[FloatArray, FloatArray]:
    """The largest eigenvalues of a covariance, falling, and their vectors with a sign of their own.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
    factors : int

    Returns
    -------
    values : ndarray of shape (factors,)
        Not below zero.
    vectors : ndarray of shape (n, factors)
        The sum of each is not negative; where it is zero, the first entry is not.

    Raises
    ------
    DomainError
        If there are not that many.

    Examples
    --------
    >>> values, vectors = largest_components(np.array([[0.05, 0.04], [0.04, 0.05]]), 1)
    >>> values.round(4).tolist(), vectors.round(4).tolist()
    ([0.09], [[0.7071], [0.7071]])
    """
    n = len(matrix)
    if not 1 <= factors <= n:
        raise DomainError(f"factors: {factors} is not between 1 and the number of securities, {n}")
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = np.maximum(values[::-1][:factors], 0.0), vectors[:, ::-1][:, :factors].copy()
    for column in vectors.T:
        total = float(column.sum())
        if abs(total) < 1e-12:  # a contrast: its sum is rounding
            total = float(column[np.flatnonzero(np.abs(column) > 1e-12)[0]])
        if total < 0.0:
            column *= -1.0
    return values, vectors


def statistical_model(
    returns: FloatArray, factors: int, periods_per_year: float = 252.0, floor: float = 0.0
) -> FactorModel:
    """Principal components of the sample covariance; the rest of the diagonal is specific.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions.
    factors : int
        At most the number of securities; a larger number is cut to it.
    periods_per_year : float
        Periods per year.
    floor : float
        Quantile of the specific variances below which none is left, 0 to 1: a name that the components
        explain by chance is not free of risk of its own.

    Returns
    -------
    FactorModel
        Per year. Without a floor its diagonal is the sample variance.

    Raises
    ------
    DomainError
        If the floor is outside 0 to 1.

    Notes
    -----
    Plain components understate the active risk of an optimised portfolio (see SPEC.md); use
    `xlplugin.risk.models.default_model` for optimising.
    """
    _check(returns, periods_per_year)
    return factor_form(sample_covariance(returns) * periods_per_year, factors, floor)


def factor_form(matrix: FloatArray, factors: int = 20, floor: float = 0.0) -> FactorModel:
    """Any covariance as a factor model: its largest components, the rest of its diagonal as specific risk.

    For more names than a full matrix is meant for (300, say) every method of `covariance` gets its
    factor form here; optimisers then work with `factors` numbers per name instead of all the others.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Per year.
    factors : int
        A number above n is cut to it.
    floor : float
        As in `statistical_model`.

    Returns
    -------
    FactorModel
        Without a floor its diagonal is that of the matrix, and with as many factors as names so is all of it.

    Raises
    ------
    DomainError
        If the floor is outside 0 to 1.

    Examples
    --------
    >>> model = factor_form(np.array([[0.05, 0.04], [0.04, 0.05]]), 1)
    >>> model.specific_variance.round(4).tolist(), model.covariance().round(4).tolist()
    ([0.005, 0.005], [[0.05, 0.045], [0.045, 0.05]])
    """
    if not 0.0 <= floor <= 1.0:
        raise DomainError(f"the floor of specific variances is the quantile {floor:g}, not from 0 to 1")
    values, vectors = largest_components(matrix, min(factors, len(matrix)))
    specific = np.maximum(np.diag(matrix) - (vectors**2) @ values, 0.0)
    return FactorModel(vectors, np.diag(values), np.maximum(specific, np.quantile(specific, floor)))


def regression_model(
    returns: FloatArray, exposures: FloatArray, periods_per_year: float = 252.0
) -> FactorModel:
    """Given exposures: one least-squares regression per period; X cov(f) X' + diag(var u), both T - 1.

    Raises
    ------
    ShapeError
        If there is not one row of exposures per security.
    DomainError
        If the exposures are collinear.
    """
    n = returns.shape[1]
    if exposures.ndim != 2 or exposures.shape[0] != n:
        raise ShapeError("exposures", got=exposures.shape, expected=(n, exposures.shape[-1]))
    solution, _, rank, _ = np.linalg.lstsq(exposures, returns.T, rcond=None)
    if rank < exposures.shape[1]:
        raise DomainError(
            f"exposures: {exposures.shape[1]} columns hold only {rank} independent ones; drop one, "
            "for instance the market column beside a full set of sectors"
        )
    factor_returns = np.asarray(solution.T, dtype=np.float64)
    residual = returns - factor_returns @ exposures.T
    factor_covariance = sample_covariance(factor_returns)
    return FactorModel(
        exposures,
        np.atleast_2d(factor_covariance) * periods_per_year,
        np.var(residual, axis=0, ddof=1) * periods_per_year,
    )


def correlation(matrix: FloatArray) -> FloatArray:
    """Correlations of a covariance matrix.

    Raises
    ------
    EmptyBaseError
        If a variance is zero.
    DomainError
        If a variance is negative.
    ShapeError, InputError
        If the matrix is not square or not symmetric.

    Examples
    --------
    >>> correlation(np.array([[0.04, 0.018], [0.018, 0.0625]])).round(2).tolist()
    [[1.0, 0.36], [0.36, 1.0]]
    """
    square("covariance", matrix)
    variances = np.diag(matrix)
    for row in np.flatnonzero(variances <= 0.0):
        if variances[row] == 0.0:
            raise EmptyBaseError(
                f"covariance, row {int(row) + 1}: the variance is zero; it has no correlation"
            )
        raise DomainError(f"covariance, row {int(row) + 1}: the variance {variances[row]:g} is negative")
    deviations = np.sqrt(variances)
    result = matrix / np.outer(deviations, deviations)
    np.fill_diagonal(result, 1.0)
    return np.asarray(result)


def nearest_psd(matrix: FloatArray) -> FloatArray:
    """A positive semidefinite matrix with the same diagonal, by lifting the eigenvalues.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Symmetric to 1e-9.

    Returns
    -------
    ndarray of shape (n, n)
        Eigenvalues below 1e-12 of the largest are raised to it, then rows and columns are rescaled
        to the diagonal given. A sound matrix comes back as it was, up to rounding.

    Raises
    ------
    ShapeError, InputError
        If it is not square or not symmetric.
    DomainError
        If it has no positive eigenvalue or a negative entry on the diagonal.

    Examples
    --------
    >>> fixed = nearest_psd(np.array([[1, 0.9, 0.2], [0.9, 1, 0.9], [0.2, 0.9, 1]]))
    >>> bool(np.linalg.eigvalsh(fixed)[0] > -1e-9), fixed.diagonal().tolist()
    (True, [1.0, 1.0, 1.0])
    """
    square("covariance", matrix)
    diagonal = np.diag(matrix)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    if values[-1] <= 0.0 or np.any(diagonal < 0.0):
        raise DomainError("covariance: no positive variance, or a negative one on the diagonal")
    floor = 1e-12 * float(values[-1])
    if values[0] >= floor:
        return np.asarray((matrix + matrix.T) / 2.0)
    lifted = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = np.sqrt(diagonal / np.diag(lifted))
    result = np.asarray(lifted * np.outer(scale, scale))
    result = np.asarray((result + result.T) / 2.0)
    np.fill_diagonal(result, diagonal)
    return result


def _check(returns: FloatArray, periods_per_year: float) -> None:
    _check_periods(periods_per_year)
    if returns.ndim != 2:
        raise InputError("returns: expected a matrix, time down and securities across")
    if returns.shape[0] < 2:
        raise MissingError(f"returns: {returns.shape[0]} row; a covariance needs at least two periods")


def _check_periods(periods_per_year: float) -> None:
    if periods_per_year <= 0.0:
        raise DomainError(f"periods_per_year: {periods_per_year:g} is not above zero")
