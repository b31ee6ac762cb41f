"""Realised tracking: error, difference, beta, bias and range, from return series.

Tracking *error* is a standard deviation, tracking *difference* a return gap: fund - index,
negative when the fund lags. Returns are fractions per period. Methodology 3.1.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.core.arrays import broadcast, exact_sum, same_length
from xlplugin.errors import DomainError, EmptyBaseError, MissingError, WordError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray

__all__ = [
    "DIFFERENCE_METHODS",
    "ERROR_METHODS",
    "FundFigures",
    "Regression",
    "bias_statistic",
    "fund_figures",
    "regression",
    "rolling_tracking_error",
    "tracking_band",
    "tracking_difference",
    "tracking_error",
]

ERROR_METHODS = ("STD", "POP", "RMS", "RESID")
DIFFERENCE_METHODS = ("CAGR", "ARITH", "RATIO", "TOTAL")


def tracking_error(
    portfolio: FloatArray, index: FloatArray, periods_per_year: float = 12.0, method: str = "STD"
) -> float:
    r"""Realised tracking error per year.

    Parameters
    ----------
    portfolio, index : ndarray of shape (n_periods,)
        Total returns per period, as fractions.
    periods_per_year : float
        252 daily, 52 weekly, 12 monthly, 1 yearly.
    method : {"STD", "POP", "RMS", "RESID"}
        STD: sample standard deviation of the active returns. POP: the same with divisor T.
        RMS: root mean square, which includes the mean. RESID: standard error of the regression on
        the index, :math:`\sqrt{\sum e^2/(T-2)}`, which sets a beta other than one apart.

    Returns
    -------
    float
        Fraction per year.

    Raises
    ------
    MissingError
        With fewer than 2 periods (RESID: 3).
    ShapeError
        If the lengths differ.
    WordError
        If `method` is unknown.
    DomainError
        If `periods_per_year` is not above zero.
    EmptyBaseError
        RESID with a constant index.

    Notes
    -----
    STD removes the mean: a constant cost does not appear in it, see `tracking_difference`.

    Examples
    --------
    >>> round(tracking_error(np.array([0.01, -0.01]), np.array([0.0, 0.0]), 12, "RMS"), 6)
    0.034641
    """
    _check_periods(periods_per_year)
    n = same_length(portfolio=portfolio, index=index)
    if method == "RESID":
        return regression(portfolio, index, periods_per_year).residual_te
    if n < 2:
        raise MissingError(f"{n} period was given; a tracking error needs at least two")
    active = portfolio - index
    if method == "RMS":
        squares, divisor = exact_sum(active**2), n
    elif method in ("STD", "POP"):
        squares = exact_sum((active - exact_sum(active) / n) ** 2)
        divisor = n - 1 if method == "STD" else n
    else:
        raise WordError("method", got=method, choices=ERROR_METHODS)
    return math.sqrt(squares / divisor * periods_per_year)


def tracking_difference(
    portfolio: FloatArray, index: FloatArray, periods_per_year: float = 12.0, method: str = "CAGR"
) -> float:
    """Return of the portfolio less return of the index; negative when it lags.

    Parameters
    ----------
    portfolio, index : ndarray of shape (n_periods,)
        Total returns per period, as fractions.
    periods_per_year : float
        Periods per year.
    method : {"CAGR", "ARITH", "RATIO", "TOTAL"}
        CAGR: difference of the two compound yearly returns. ARITH: mean active return x periods per
        year. RATIO: yearly growth of the ratio of the two, less one. TOTAL: difference of the two
        returns over the whole span, not per year.

    Returns
    -------
    float
        Fraction per year (TOTAL: over the span).

    Raises
    ------
    DomainError
        After a total loss, or if `periods_per_year` is not above zero.
    MissingError, ShapeError, WordError
        Without a period; if the lengths differ; if `method` is unknown.

    Examples
    --------
    >>> round(tracking_difference(np.array([0.094]), np.array([0.10]), 1), 6)
    -0.006
    """
    _check_periods(periods_per_year)
    n = same_length(portfolio=portfolio, index=index)
    if n == 0:
        raise MissingError("no period was given")
    if method == "ARITH":
        return exact_sum(portfolio - index) / n * periods_per_year
    growth_p, growth_b = _growth("portfolio", portfolio), _growth("index", index)
    if method == "TOTAL":
        return growth_p - growth_b
    years = n / periods_per_year
    if method == "CAGR":
        return float(growth_p ** (1.0 / years) - growth_b ** (1.0 / years))
    if method == "RATIO":
        return float((growth_p / growth_b) ** (1.0 / years) - 1.0)
    raise WordError("method", got=method, choices=DIFFERENCE_METHODS)


class Regression(NamedTuple):
    """The portfolio's returns regressed on the index; `alpha` and `residual_te` are per year."""

    beta: float
    alpha: float
    correlation: float
    r_squared: float
    residual_te: float


def regression(portfolio: FloatArray, index: FloatArray, periods_per_year: float = 12.0) -> Regression:
    """Ordinary least squares of the portfolio on the index.

    Parameters
    ----------
    portfolio, index : ndarray of shape (n_periods,)
        Total returns per period, as fractions.
    periods_per_year : float
        Periods per year.

    Returns
    -------
    Regression
        `alpha` is the intercept x periods per year. The correlation of a constant portfolio is 0.

    Raises
    ------
    MissingError
        With fewer than 3 periods.
    EmptyBaseError
        If the index is constant.
    ShapeError, DomainError
        As in `tracking_error`.

    Examples
    --------
    >>> fit = regression(np.array([0.02, -0.02, 0.04]), np.array([0.01, -0.01, 0.02]))
    >>> round(fit.beta, 6), round(fit.r_squared, 6)
    (2.0, 1.0)
    """
    _check_periods(periods_per_year)
    n = same_length(portfolio=portfolio, index=index)
    if n < 3:
        raise MissingError(f"{n} periods were given; a regression needs at least three")
    mean_p, mean_b = exact_sum(portfolio) / n, exact_sum(index) / n
    from_p, from_b = portfolio - mean_p, index - mean_b
    var_p, var_b, both = exact_sum(from_p**2), exact_sum(from_b**2), exact_sum(from_p * from_b)
    # A constant series leaves rounding of its own size, not an exact zero.
    if var_b <= n * (1e-15 * abs(mean_b)) ** 2:
        raise EmptyBaseError("index: all returns are equal; nothing can be regressed on it")
    beta = both / var_b
    residual = exact_sum((from_p - beta * from_b) ** 2)
    correlation = both / math.sqrt(var_p * var_b) if var_p > n * (1e-15 * abs(mean_p)) ** 2 else 0.0
    return Regression(
        beta,
        (mean_p - beta * mean_b) * periods_per_year,
        correlation,
        correlation**2,
        math.sqrt(residual / (n - 2) * periods_per_year),
    )


def rolling_tracking_error(
    portfolio: FloatArray, index: FloatArray, window: int, periods_per_year: float = 12.0
) -> FloatArray:
    """`tracking_error` (STD) over the last `window` periods, for every period.

    Returns
    -------
    ndarray of shape (n_periods,)
        NaN in the first window - 1 places.

    Raises
    ------
    DomainError
        If `window` is below 2.
    ShapeError
        If the lengths differ.

    Examples
    --------
    >>> rolling_tracking_error(np.array([0.01, 0.02, 0.02]), np.zeros(3), 2, 1).round(6).tolist()
    [nan, 0.007071, 0.0]
    """
    if window < 2:
        raise DomainError(f"window: {window} is below 2; a tracking error needs at least two periods")
    n = same_length(portfolio=portfolio, index=index)
    rolled = np.full(n, np.nan)
    for end in range(window, n + 1):
        rolled[end - 1] = tracking_error(
            portfolio[end - window : end], index[end - window : end], periods_per_year
        )
    return rolled


def bias_statistic(active: FloatArray, predicted: ArrayLike) -> float:
    """Standard deviation of active return / predicted risk; 1 when the risk model is honest.

    Parameters
    ----------
    active : ndarray of shape (n_periods,)
        Active returns per period.
    predicted : float or ndarray of shape (n_periods,)
        Risk *per period* that was forecast before each of them.

    Returns
    -------
    float
        Judged against 1 +- sqrt(2 / T): above it the model understates the risk.

    Raises
    ------
    EmptyBaseError
        If a forecast is zero.
    MissingError, ShapeError, DomainError
        With fewer than two periods; if the lengths differ; if a forecast is negative.

    Examples
    --------
    >>> round(bias_statistic(np.array([0.01, -0.01, 0.01, -0.01]), 0.01), 4)
    1.1547
    """
    active, forecast = broadcast(active=active, predicted=predicted)
    if active.size < 2:
        raise MissingError("a bias statistic needs at least two periods")
    if np.any(forecast == 0.0):
        raise EmptyBaseError("predicted: a forecast is zero; give the risk that was forecast per period")
    if np.any(forecast < 0.0):
        raise DomainError("predicted: a forecast is negative; a standard deviation is not")
    scaled = active / forecast
    mean = exact_sum(scaled) / scaled.size
    return math.sqrt(exact_sum((scaled - mean) ** 2) / (scaled.size - 1))


def tracking_band(
    error: float, years: float, drag: float = 0.0, confidence: float = 0.95
) -> tuple[float, float]:
    r"""The range of the return gap after some years, :math:`\text{drag}\,T \pm z\,\text{TE}\sqrt T`.

    Parameters
    ----------
    error : float
        Tracking error per year.
    years : float
        Horizon T.
    drag : float
        Expected tracking difference per year; negative for a cost.
    confidence : float
        Two-sided, between 0 and 1.

    Returns
    -------
    (float, float)
        Low and high, as fractions over the whole horizon.

    Raises
    ------
    DomainError
        If the error is negative, the horizon not above zero or the confidence outside 0 to 1.

    Notes
    -----
    Assumes active returns without autocorrelation; a stale NAV breaks that.

    Examples
    --------
    >>> low, high = tracking_band(0.01, 3, drag=-0.002)
    >>> round(low, 4), round(high, 4)
    (-0.0399, 0.0279)
    """
    if error < 0.0:
        raise DomainError(f"tracking_error: {error:g} is negative; a standard deviation is not")
    if years <= 0.0:
        raise DomainError(f"years: {years:g} is not above zero")
    if not 0.0 < confidence < 1.0:
        raise DomainError(f"confidence: {confidence:g} is not between 0 and 1, such as 0.95")
    half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * error * math.sqrt(years)
    return drag * years - half, drag * years + half


class FundFigures(NamedTuple):
    """Yearly figures of one return series; the last two are None without an index."""

    annual_return: float
    volatility: float
    difference: float | None
    tracking_error: float | None


def fund_figures(
    returns: FloatArray, index: FloatArray | None = None, periods_per_year: float = 12.0
) -> FundFigures:
    """Compound return and volatility per year, and the tracking against an index if there is one.

    Parameters
    ----------
    returns : ndarray of shape (n_periods,)
        As fractions.
    index : ndarray of shape (n_periods,), optional
        Returns of its own index.
    periods_per_year : float
        Periods per year.

    Returns
    -------
    FundFigures

    Raises
    ------
    MissingError, ShapeError, DomainError
        As in `tracking_error` and `tracking_difference`.

    Examples
    --------
    >>> figures = fund_figures(np.array([0.01, -0.005, 0.012, 0.002]))
    >>> round(figures.annual_return, 4), round(figures.volatility, 4)
    (0.0582, 0.027)
    """
    nothing = np.zeros_like(returns)
    annual = tracking_difference(returns, nothing, periods_per_year)
    volatility = tracking_error(returns, nothing, periods_per_year)
    if index is None:
        return FundFigures(annual, volatility, None, None)
    return FundFigures(
        annual,
        volatility,
        tracking_difference(returns, index, periods_per_year),
        tracking_error(returns, index, periods_per_year),
    )


def _growth(name: str, returns: FloatArray) -> float:
    if np.any(returns <= -1.0):
        row = int(np.flatnonzero(returns <= -1.0)[0])
        raise DomainError(f"{name}, row {row + 1}: {returns[row]:g} is a total loss; nothing grows after it")
    return float(math.prod((1.0 + returns).tolist()))


def _check_periods(periods_per_year: float) -> None:
    if periods_per_year <= 0.0:
        raise DomainError(f"periods_per_year: {periods_per_year:g} is not above zero")
