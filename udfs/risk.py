"""RISK_...: covariance estimators, principal components, volatility (methodology 5)."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.core.arrays import square
from xlplugin.errors import InputError
from xlplugin.risk import active, regressions
from xlplugin.risk import covariance as estimators
from xlplugin.worksheet.kinds import (
    Choice,
    Help,
    Matrix,
    Number,
    OptionalFlags,
    OptionalMatrix,
    OptionalNumber,
    OptionalVector,
    Text,
    Vector,
    Whole,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "MAX_NAMES",
    "checked_covariance",
    "risk_correlation",
    "risk_covariance",
    "risk_ewma",
    "risk_factor_returns",
    "risk_nearest_psd",
    "risk_pca",
    "risk_shrinkage",
    "risk_volatility",
]

MAX_NAMES = 800  # 640,000 cells; catalogue 1.6

_RETURNS = Help(
    "Returns per period, time down and securities across, newest last",
    "収益率(縦:時間、横:銘柄、新しい行が下)",
)
_PERIODS = Help("Periods per year: 252, 52, 12 or 1 (default 252)", "年間の期間数(252・52・12・1、省略時252)")


def checked_covariance(covariance: FloatArray, weights: FloatArray) -> FloatArray:
    """A covariance as a sheet may hand it over: n x n, symmetric, at most 800 names."""
    _few_names(covariance.shape[0], "covariance")
    return square("covariance", covariance, weights.shape[0])


def _few_names(n: int, name: str) -> None:
    if n > MAX_NAMES:
        raise InputError(
            f"{name}: {n} names; a sheet takes a covariance of at most {MAX_NAMES} x {MAX_NAMES}. "
            "Give the factor form instead: exposures, factor_covariance and specific_variance"
        )


@worksheet_function(
    "RISK_COVARIANCE",
    category="Risk",
    ja="共分散",
    help_ja="収益率の行列から年率の共分散行列を返します。既定は縮小推定(Ledoit-Wolf)です。",
    source="methodology 5",
)
def risk_covariance(
    returns: Annotated[Matrix, _RETURNS],
    method: Annotated[
        Text,
        Help(
            "SAMPLE, LW, LWCC, OAS, EWMA, PCA or FACTOR (default LW)",
            "SAMPLE・LW・LWCC・OAS・EWMA・PCA・FACTOR(省略時LW)",
        ),
        Choice(*estimators.METHODS),
    ] = "LW",
    periods_per_year: Annotated[Number, _PERIODS] = 252.0,
    half_life: Annotated[
        OptionalNumber,
        Help(
            "EWMA: rows until a weight has halved (default: decay 0.94)", "EWMA:半減期(行、省略時は減衰0.94)"
        ),
    ] = None,
    factors: Annotated[Whole, Help("PCA: number of factors (default 10)", "PCA:因子数(省略時10)")] = 10,
    exposures: Annotated[
        OptionalMatrix, Help("FACTOR: exposures, one row per security", "FACTOR:エクスポージャ n×k")
    ] = None,
) -> FloatArray:
    """Covariance matrix of returns per year; by default shrunk by Ledoit and Wolf's estimator.

    Examples
    --------
    >>> risk_covariance(np.array([[0.01, 0.02], [-0.01, 0.0], [0.0, 0.01]]), "SAMPLE", 1).round(6).tolist()
    [[0.0001, 0.0001], [0.0001, 0.0001]]
    """
    _few_names(returns.shape[1], "returns")
    return estimators.covariance(
        returns, method, periods_per_year, half_life=half_life, factors=factors, exposures=exposures
    )


@worksheet_function(
    "RISK_SHRINKAGE",
    category="Risk",
    ja="縮小係数",
    help_ja="RISK_COVARIANCEが使う縮小係数(0〜1)を返します。",
    source="methodology 5",
)
def risk_shrinkage(
    returns: Annotated[Matrix, _RETURNS],
    target: Annotated[
        Text,
        Help(
            "LW (identity), LWCC (constant correlation) or OAS (default LW)",
            "LW(単位行列)・LWCC(一定相関)・OAS",
        ),
        Choice(*estimators.SHRINKAGE_TARGETS),
    ] = "LW",
) -> float:
    """Shrinkage intensity used by RISK_COVARIANCE: 0 keeps the sample covariance, 1 the target.

    Examples
    --------
    >>> 0.0 <= risk_shrinkage(np.array([[0.01, 0.02], [-0.01, 0.0], [0.0, 0.01]])) <= 1.0
    True
    """
    return estimators.shrinkage(returns, target)


@worksheet_function(
    "RISK_PCA",
    category="Risk",
    ja="主成分",
    help_ja="主成分分析の結果を返します。1行目は寄与率、2行目以降は銘柄ごとの固有ベクトルです。",
    source="methodology 5",
)
def risk_pca(
    returns: Annotated[Matrix, _RETURNS],
    factors: Annotated[Whole, Help("Number of components", "主成分の数")],
) -> FloatArray:
    """Principal components of returns: explained shares in the first row, then the loadings by security.

    Examples
    --------
    >>> risk_pca(np.array([[0.01, 0.02], [-0.01, 0.0], [0.0, 0.01]]), 1).round(4).tolist()
    [[1.0], [0.7071], [0.7071]]
    """
    _few_names(returns.shape[1], "returns")
    shares, vectors = estimators.principal_components(returns, factors)
    return np.vstack([shares, vectors])


@worksheet_function(
    "RISK_FACTOR_RETURNS",
    category="Risk",
    ja="クロスセクション回帰",
    help_ja="1期間の収益率をエクスポージャに加重最小二乗で回帰し、因子収益率を返します。重みは時価総額の平方根です。",
    source="methodology 5",
)
def risk_factor_returns(
    returns: Annotated[Vector, Help("Returns of one period, one per security", "収益率(1期間、銘柄ごと)")],
    exposures: Annotated[
        Matrix, Help("Exposures, one row per security, one column per factor", "エクスポージャ(n×k)")
    ],
    cap: Annotated[
        OptionalVector,
        Help("Float caps; weights are their roots (default: equal)", "浮動株時価総額(省略時は均等)"),
    ] = None,
    industry: Annotated[
        OptionalFlags,
        Help("1 for each column of exposures that is an industry dummy", "業種ダミーの列は1(k個)"),
    ] = None,
) -> FloatArray:
    """Factor returns of one period: weighted least squares on exposures, industries sum to zero by cap.

    Examples
    --------
    >>> risk_factor_returns(np.array([0.01, 0.03]), np.array([[1.0], [1.0]])).round(4).tolist()
    [0.02]
    """
    return regressions.factor_returns(returns, exposures, cap, industry)


@worksheet_function(
    "RISK_VOLATILITY",
    category="Risk",
    ja="ポートフォリオ変動率",
    help_ja="構成比率と共分散行列から、ポートフォリオの変動率(年率)を返します。",
    source="methodology 5",
)
def risk_volatility(
    weights: Annotated[Vector, Help("Weights, as fractions", "構成比率")],
    covariance: Annotated[Matrix, Help("Covariance per year, n x n", "共分散行列(年率)")],
) -> float:
    """Volatility of a portfolio per year, as a fraction.

    Examples
    --------
    >>> round(risk_volatility(np.array([0.5, 0.5]), np.diag([0.04, 0.04])), 6)
    0.141421
    """
    return active.volatility(weights, checked_covariance(covariance, weights))


@worksheet_function(
    "RISK_CORRELATION",
    category="Risk",
    ja="相関",
    help_ja="共分散行列を相関行列に直します。",
    source="methodology 5",
)
def risk_correlation(
    covariance: Annotated[Matrix, Help("Covariance, n x n", "共分散行列")],
) -> FloatArray:
    """Correlation matrix of a covariance matrix.

    Examples
    --------
    >>> risk_correlation(np.array([[0.04, 0.018], [0.018, 0.0625]])).round(2).tolist()
    [[1.0, 0.36], [0.36, 1.0]]
    """
    _few_names(covariance.shape[0], "covariance")
    return estimators.correlation(covariance)


@worksheet_function(
    "RISK_EWMA",
    category="Risk",
    ja="指数加重変動率",
    help_ja="指数加重(平均ゼロ)による銘柄ごとの変動率(年率)を1行で返します。",
    source="methodology 5",
)
def risk_ewma(
    returns: Annotated[Matrix, _RETURNS],
    decay: Annotated[
        Number, Help("Weight of a row over the row after it, 0 to 1 (default 0.94)", "減衰(0〜1、省略時0.94)")
    ] = 0.94,
    periods_per_year: Annotated[Number, _PERIODS] = 252.0,
) -> FloatArray:
    """Exponentially weighted volatility of each security per year, zero mean, in one row.

    Examples
    --------
    >>> risk_ewma(np.array([[0.01], [-0.02], [0.015], [-0.005]])).round(5).tolist()
    [[0.21543]]
    """
    return estimators.ewma_volatility(returns, decay, periods_per_year)[None, :]


@worksheet_function(
    "RISK_NEAREST_PSD",
    category="Risk",
    ja="半正定値化",
    help_ja="負の固有値を持つ行列を、対角を保ったまま半正定値に直します。",
    source="methodology 5",
)
def risk_nearest_psd(
    covariance: Annotated[Matrix, Help("Symmetric matrix, n x n", "対称行列")],
) -> FloatArray:
    """A positive semidefinite matrix close to the one given, with the same diagonal.

    Examples
    --------
    >>> risk_nearest_psd(np.array([[1.0, 0.5], [0.5, 1.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    _few_names(covariance.shape[0], "covariance")
    return estimators.nearest_psd(covariance)
