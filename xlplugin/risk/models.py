r"""The default risk model: market, sectors, styles and components of the rest, cross-fitted in level.

.. math:: r_{it} = f_{m,t} + f_{s(i),t} + \sum_k z_{ik} f_{k,t} + e_{it}

by cross-sectional least squares with weights \sqrt{cap}; the covariance of the factor returns and the
principal components of e are exponentially weighted. An optimiser trades against the errors of any
model, so the level is corrected by what portfolios built on one part of the history did on the rest.
Measured against plain components in SPEC.md; tax-aware-rebalancing 8.2 and methodology 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.arrays import same_length
from xlplugin.errors import DomainError, MissingError, ShapeError
from xlplugin.risk.covariance import shrunk_covariance
from xlplugin.risk.factors import FactorModel
from xlplugin.risk.regressions import factor_returns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["STYLES", "cross_fit_factor", "default_model", "structured_model", "style_exposures"]

STYLES = ("beta", "volatility", "momentum", "half-year momentum", "reversal", "long-term return", "size")
_FEW_NAMES = 40  # below it a factor structure is noise: the shrunk covariance itself
_SMALL_SECTOR = 3  # names; smaller sectors are taken together
_COMPONENTS = 8
_COMPONENTS_WITHOUT_SECTORS = 15
_BLEND = 0.3  # of the mean into each specific variance
_FLOOR = 0.10  # quantile below which no specific variance falls
_FOLDS = 4
_PROBES = 6
_MOST = 2.0  # largest correction of the level
_GAPS = 0.05  # a name with at most this share of missing returns counts as complete


def default_model(
    returns: FloatArray,
    caps: FloatArray | None = None,
    sectors: Sequence[str] | None = None,
    periods_per_year: float = 252.0,
    *,
    seed: int = 0,
) -> FactorModel:
    """The model to optimise with and to report: structured, with the cross-fitted level.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions, oldest first; at least one year, two are better. NaN where there is none.
    caps : ndarray of shape (n_securities,), optional
        Capitalisations, for the least-squares weights and the style size; equal if left out.
    sectors : sequence of str, optional
        Sector of each security; without them more components stand in for sectors.
    periods_per_year : float
        252 daily, 52 weekly.
    seed : int
        Of the portfolios that test the level.

    Returns
    -------
    FactorModel
        Per year. Names with a short history get the mean exposures of their sector and the 75th
        percentile of the specific variances.

    Raises
    ------
    MissingError
        With less than a year of returns, or fewer than two names with a full history.
    ShapeError, DomainError
        If the arguments do not fit; if a capitalisation is not above zero.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> market = rng.normal(0, 0.01, (504, 1))
    >>> model = default_model(market + rng.normal(0, 0.015, (504, 60)))
    >>> bool(0.01 < model.specific_variance.mean() < 0.1)
    True
    """
    _check(returns, caps, sectors, periods_per_year)
    whole = np.isnan(returns).mean(axis=0) <= _GAPS
    if int(whole.sum()) < 2:
        raise MissingError("returns: fewer than two securities have a full history")
    kept = _filled(returns[:, whole])
    own_caps = None if caps is None else caps[whole]
    own_sectors = None if sectors is None else [s for s, keep in zip(sectors, whole, strict=True) if keep]

    def fit(part: FloatArray) -> FactorModel:
        return structured_model(part, own_caps, own_sectors, periods_per_year)

    model = fit(kept)
    factor = cross_fit_factor(fit, kept, periods_per_year, seed=seed)
    scaled = replace(
        model,
        factor_covariance=model.factor_covariance * factor**2,
        specific_variance=model.specific_variance * factor**2,
    )
    return scaled if np.all(whole) else _with_short_histories(scaled, whole, sectors)


def structured_model(
    returns: FloatArray,
    caps: FloatArray | None = None,
    sectors: Sequence[str] | None = None,
    periods_per_year: float = 252.0,
    *,
    components: int | None = None,
    half_life: float | None = None,
) -> FactorModel:
    """Market, sectors, styles and principal components of what they leave, without level correction.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        Complete, as fractions, oldest first.
    caps, sectors, periods_per_year
        As in `default_model`.
    components : int, optional
        Of the residuals: 8 beside sectors, 15 without.
    half_life : float, optional
        In periods; half a year if left out.

    Returns
    -------
    FactorModel
        Per year. With fewer than 40 names it is the Ledoit-Wolf covariance in the form of factors.

    Raises
    ------
    MissingError, ShapeError, DomainError
        As in `default_model`.
    """
    _check(returns, caps, sectors, periods_per_year)
    t, n = returns.shape
    if n < _FEW_NAMES:
        shrunk = shrunk_covariance(returns) * periods_per_year
        return FactorModel(np.eye(n), shrunk, np.zeros(n))
    weights = 0.5 ** (np.arange(t - 1, -1, -1.0) / (half_life or periods_per_year / 2.0))
    weights /= weights.sum()
    exposures, names, is_sector = _exposures(returns, caps, sectors, periods_per_year)
    factors = factor_returns(returns, exposures, caps, is_sector if np.any(is_sector) else None)
    residual = returns - factors @ exposures.T
    if components is None:
        components = _COMPONENTS if np.any(is_sector) else _COMPONENTS_WITHOUT_SECTORS
    components = max(0, min(components, n // 10, t // 10))
    loadings, rest = _components(residual * np.sqrt(weights)[:, None], components)
    # Degrees of freedom: the regression takes K of n per period, the components k of the effective T.
    effective = 1.0 / float(weights @ weights)
    freedom = (1.0 - exposures.shape[1] / n) * (1.0 - components / effective)
    specific = np.sum(rest**2, axis=0) / freedom
    specific = (1.0 - _BLEND) * specific + _BLEND * specific.mean()
    specific = np.maximum(specific, np.quantile(specific, _FLOOR))
    centred = (factors - weights @ factors) * np.sqrt(weights)[:, None]
    k = exposures.shape[1]
    covariance = np.zeros((k + components, k + components))
    covariance[:k, :k] = centred.T @ centred / (1.0 - float(weights @ weights))
    covariance[range(k, k + components), range(k, k + components)] = 1.0
    return FactorModel(
        np.hstack([exposures, loadings * np.sqrt(periods_per_year)]),
        _annual(covariance, k, periods_per_year),
        specific * periods_per_year,
        (*names, *(f"component {number + 1}" for number in range(components))),
    )


def _annual(covariance: FloatArray, k: int, periods_per_year: float) -> FloatArray:
    """Factor returns per year; the components carry their level in the exposures."""
    result = covariance.copy()
    result[:k, :k] *= periods_per_year
    return result


def style_exposures(
    returns: FloatArray, caps: FloatArray | None = None, periods_per_year: float = 252.0
) -> tuple[FloatArray, tuple[str, ...]]:
    """Styles of every security, each with a cap-weighted mean of 0, a deviation of 1, clipped at 3.

    Parameters
    ----------
    returns : ndarray of shape (n_periods, n_securities)
        As fractions, oldest first.
    caps : ndarray of shape (n_securities,), optional
        Without them there is no style size, and means are plain.
    periods_per_year : float
        Sets the lengths: momentum is the year before the last month.

    Returns
    -------
    exposures : ndarray of shape (n_securities, n_styles)
    names : tuple of str
        Out of `STYLES`; a style that is the same for all securities is left out.
    """
    weight = np.ones(returns.shape[1]) if caps is None else caps
    share = weight / weight.sum()
    market = returns @ share
    moved = market - market.mean()
    year, month = round(periods_per_year), max(1, round(periods_per_year / 12))
    logs = np.log1p(np.maximum(returns, -0.99))
    raw = {
        "beta": moved @ (returns - returns.mean(axis=0)) / max(float(moved @ moved), 1e-300),
        "volatility": np.log(np.maximum(returns.std(axis=0), 1e-12)),
        "momentum": logs[-year:-month].sum(axis=0),
        "half-year momentum": logs[-(year // 2) :].sum(axis=0),
        "reversal": logs[-month:].sum(axis=0),
        "long-term return": logs.sum(axis=0),
    }
    if caps is not None:
        raw["size"] = np.log(caps)
    columns, names = [], []
    for name, values in raw.items():
        deviation = float(values.std())
        if deviation > 1e-9:
            columns.append(np.clip((values - share @ values) / deviation, -3.0, 3.0))
            names.append(name)
    return np.array(columns).reshape(len(columns), -1).T, tuple(names)


def _exposures(
    returns: FloatArray, caps: FloatArray | None, sectors: Sequence[str] | None, periods_per_year: float
) -> tuple[FloatArray, list[str], BoolArray]:
    """Market, sector dummies and styles; their names; which columns are sectors."""
    n = returns.shape[1]
    columns, names = [np.ones(n)], ["market"]
    if sectors is not None:
        counts = {name: list(sectors).count(name) for name in sectors}
        label = [name if counts[name] >= _SMALL_SECTOR else "other sectors" for name in sectors]
        for name in sorted(set(label)) if len(set(label)) > 1 else ():
            columns.append(np.array([float(of == name) for of in label]))
            names.append(name)
    sector_count = len(columns) - 1
    styles, style_names = style_exposures(returns, caps, periods_per_year)
    is_sector = np.array([False] + [True] * sector_count + [False] * len(style_names))
    return np.column_stack([*columns, styles]), [*names, *style_names], is_sector


def _components(scaled: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Loadings of the first components of weighted residuals, and what these leave of them."""
    if count == 0:
        return np.zeros((scaled.shape[1], 0)), scaled
    t, n = scaled.shape  # through the smaller Gram matrix: a third of the time of a full decomposition
    if t < n:
        _, left = np.linalg.eigh(scaled @ scaled.T)
        loadings = scaled.T @ left[:, ::-1][:, :count]
    else:
        _, right = np.linalg.eigh(scaled.T @ scaled)
        directions = right[:, ::-1][:, :count]
        loadings = directions * np.linalg.norm(scaled @ directions, axis=0)
    sizes = np.maximum(np.linalg.norm(loadings, axis=0), 1e-300)
    unit = loadings / sizes
    return loadings, scaled - (scaled @ unit) @ unit.T


def cross_fit_factor(
    fit: Callable[[FloatArray], FactorModel],
    returns: FloatArray,
    periods_per_year: float = 252.0,
    *,
    seed: int = 0,
) -> float:
    """By how much the risk of optimised portfolios exceeds the forecast of `fit`, out of sample.

    The history is cut into months, dealt to four folds. On three of them the model is fitted and
    portfolios are built that tilt against past losers at the least forecast risk, as a harvesting plan
    does; on the fourth their risk is measured.

    Parameters
    ----------
    fit : callable
        Returns of shape (n_periods, n_securities) -> FactorModel.
    returns : ndarray of shape (n_periods, n_securities)
        Complete.
    periods_per_year : float
        Periods per year.
    seed : int
        Of the holding periods that make losers.

    Returns
    -------
    float
        Median of realised over forecast risk, from 1 to 2; 1 where the history is too short to tell.
    """
    t, n = returns.shape
    month = max(2, round(periods_per_year / 12))
    year = round(periods_per_year)
    if t < 2 * year:
        return 1.0
    fold = (np.arange(t) // month) % _FOLDS
    rng = np.random.default_rng(seed)
    ratios = []
    for held_out in range(_FOLDS):
        inside, outside = returns[fold != held_out], returns[fold == held_out]
        model = fit(inside)
        growth = np.cumsum(np.log1p(np.maximum(inside, -0.99)), axis=0)
        for _ in range(_PROBES):
            age = rng.integers(month, min(year, inside.shape[0] - 1), n)
            since = growth[-1] - growth[-1 - age, np.arange(n)]
            worth = np.maximum(np.expm1(-since), 0.0)
            active = -_solved(model, worth)
            level = _solved(model, np.ones(n))
            active -= level * (active.sum() / level.sum())
            exposure = model.exposures.T @ active
            forecast = exposure @ model.factor_covariance @ exposure + active**2 @ model.specific_variance
            realised = np.var(outside @ active, ddof=1) * periods_per_year
            if forecast > 0.0:
                ratios.append(float(np.sqrt(realised / forecast)))
    return float(np.clip(np.median(ratios), 1.0, _MOST)) if ratios else 1.0


def _solved(model: FactorModel, right: FloatArray) -> FloatArray:
    """S^-1 right; in factor form through k x k systems (Woodbury)."""
    if not np.all(model.specific_variance > 0.0):
        full = model.covariance()
        return np.asarray(
            np.linalg.solve(full + 1e-9 * np.trace(full) / model.size * np.eye(model.size), right)
        )
    inverse = 1.0 / model.specific_variance
    loadings = model.loadings()
    inner = np.eye(loadings.shape[1]) + loadings.T @ (loadings * inverse[:, None])
    scaled = inverse * right
    return np.asarray(scaled - inverse * (loadings @ np.linalg.solve(inner, loadings.T @ scaled)))


def _filled(returns: FloatArray) -> FloatArray:
    """Single gaps filled with the mean return of the others in that period."""
    if not np.any(np.isnan(returns)):
        return returns
    mean = np.nanmean(returns, axis=1, keepdims=True)
    return np.where(np.isnan(returns), mean, returns)


def _with_short_histories(model: FactorModel, whole: BoolArray, sectors: Sequence[str] | None) -> FactorModel:
    """The model with the names that had no full history, at the mean exposures of their sector."""
    n = whole.size
    names = [""] * n if sectors is None else list(sectors)
    exposures = np.zeros((n, model.exposures.shape[1]))
    exposures[whole] = model.exposures
    specific = np.full(n, float(np.quantile(model.specific_variance, 0.75)))
    specific[whole] = model.specific_variance
    full = np.flatnonzero(whole)
    for place in np.flatnonzero(~whole):
        same = [k for k in full if names[k] == names[place]] or list(full)
        exposures[place] = exposures[same].mean(axis=0)
    return FactorModel(exposures, model.factor_covariance, specific, model.names)


def _check(
    returns: FloatArray, caps: FloatArray | None, sectors: Sequence[str] | None, periods_per_year: float
) -> None:
    if periods_per_year <= 0.0:
        raise DomainError(f"periods_per_year: {periods_per_year:g} is not above zero")
    t, n = returns.shape
    if t < round(periods_per_year):
        raise MissingError(
            f"returns: {t} periods; a risk model needs at least a year, {round(periods_per_year)}"
        )
    if caps is not None:
        if same_length(caps=caps) != n:
            raise ShapeError("caps", got=caps.shape, expected=(n,))
        if not np.all(caps > 0.0):
            row = int(np.flatnonzero(~(caps > 0.0))[0])
            raise DomainError(f"caps, row {row + 1}: {caps[row]:g} is not above zero")
    if sectors is not None and len(sectors) != n:
        raise ShapeError("sectors", got=(len(sectors),), expected=(n,))
