"""TRACKING_... and ACTIVE_SHARE: how closely the index is followed (methodology 3.1, 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from udfs.risk import checked_covariance
from xlplugin.errors import ErrorValue, InputError
from xlplugin.risk import active as active_
from xlplugin.risk import tracking, windows
from xlplugin.risk.factors import FactorModel
from xlplugin.worksheet.kinds import (
    Choice,
    Days,
    Flags,
    Help,
    Matrix,
    Number,
    Numbers,
    OptionalDay,
    OptionalLabels,
    OptionalMatrix,
    OptionalVector,
    Spill,
    Text,
    Vector,
    Whole,
)
from xlplugin.worksheet.registry import worksheet_function

if TYPE_CHECKING:
    from xlplugin.aliases import BoolArray, FloatArray

__all__ = [
    "FactorCovariance",
    "FactorExposures",
    "SpecificVariance",
    "active_share",
    "factor_model",
    "tracking_band",
    "tracking_beta",
    "tracking_bias",
    "tracking_contribution",
    "tracking_difference",
    "tracking_error",
    "tracking_exclusion",
    "tracking_risk",
    "tracking_rolling",
    "tracking_table",
]

FactorExposures = Annotated[
    OptionalMatrix, Help("Factor form: exposures, n x k", "因子形式:エクスポージャ n×k")
]
FactorCovariance = Annotated[
    OptionalMatrix, Help("Factor form: factor covariance per year, k x k", "因子形式:因子共分散 k×k(年率)")
]
SpecificVariance = Annotated[
    OptionalVector, Help("Factor form: specific variance per year, n", "因子形式:固有分散 n(年率)")
]
_RETURNS = Help(
    "Total returns of the portfolio or fund, one per period, as fractions", "ポートフォリオの収益率(期間ごと)"
)
_INDEX = Help("Total returns of the index over the same periods, as fractions", "指数の収益率(同じ期間)")
_PERIODS = Help(
    "Periods per year: 252 daily, 52 weekly, 12 monthly, 1 yearly (default 12)", "年間の期間数(省略時12)"
)
_WEIGHTS = Help("Portfolio weights, as fractions", "ポートフォリオの構成比率")
_BENCHMARK = Help("Index weights of the same securities in the same order", "ベンチマークの構成比率(同じ順)")
_COVARIANCE = Help("Covariance per year, one row and column per security", "共分散行列(年率)")


@worksheet_function(
    "TRACKING_ERROR",
    category="Tracking",
    ja="トラッキングエラー(実績)",
    help_ja="実績の収益率から年率のトラッキングエラー(超過収益率の標準偏差)を返します。一定の費用は含まれません。",
    source="methodology 3.1",
)
def tracking_error(
    portfolio: Annotated[Vector, _RETURNS],
    index: Annotated[Vector, _INDEX],
    periods_per_year: Annotated[Number, _PERIODS] = 12.0,
    method: Annotated[
        Text,
        Help("STD, POP, RMS or RESID (default STD)", "STD・POP・RMS・RESID(省略時STD)"),
        Choice(*tracking.ERROR_METHODS),
    ] = "STD",
) -> float:
    """Realised tracking error per year: standard deviation of the returns over the index.

    Examples
    --------
    >>> round(tracking_error(np.array([0.01, -0.01]), np.array([0.0, 0.0])), 6)
    0.04899
    """
    return tracking.tracking_error(portfolio, index, periods_per_year, method)


@worksheet_function(
    "TRACKING_DIFFERENCE",
    category="Tracking",
    ja="追跡差",
    help_ja="ファンドと指数の収益率の差(追跡差)を年率で返します。負の数は指数に負けていることを示します。",
    source="methodology 3.1",
)
def tracking_difference(
    portfolio: Annotated[Vector, _RETURNS],
    index: Annotated[Vector, _INDEX],
    periods_per_year: Annotated[Number, _PERIODS] = 12.0,
    method: Annotated[
        Text,
        Help("CAGR, ARITH, RATIO or TOTAL (default CAGR)", "CAGR・ARITH・RATIO・TOTAL(省略時CAGR)"),
        Choice(*tracking.DIFFERENCE_METHODS),
    ] = "CAGR",
) -> float:
    """Tracking difference per year: return of the fund less return of the index; negative when it lags.

    Examples
    --------
    >>> round(tracking_difference(np.array([0.094]), np.array([0.10]), 1), 6)
    -0.006
    """
    return tracking.tracking_difference(portfolio, index, periods_per_year, method)


@worksheet_function(
    "TRACKING_TABLE",
    category="Tracking",
    ja="追跡差の表",
    help_ja="月末の水準から、1年・3年・5年・全期間の収益率、追跡差、トラッキングエラー、最悪年を返します。",
    columns={
        "period": "期間",
        "portfolio": "ポートフォリオ",
        "index": "指数",
        "difference": "追跡差",
        "tracking_error": "追跡誤差",
        "worst_year": "最悪年",
    },
    source="methodology 3.1, 3.6",
)
def tracking_table(
    dates: Annotated[Days, Help("Month-end dates, ascending, none missing", "月末日(昇順、欠けのないこと)")],
    portfolio: Annotated[
        Vector, Help("Levels after tax, distributions reinvested", "水準(税引後・分配金再投資)")
    ],
    index: Annotated[Vector, Help("Levels of the total-return index", "配当込み指数の水準")],
    as_of: Annotated[
        OptionalDay, Help("Last month used (default: the last date)", "基準日(省略時は最終日)")
    ] = None,
) -> Spill:
    """Returns, tracking difference, tracking error and worst year over 1, 3, 5 years and since the start.

    Examples
    --------
    >>> import datetime as dt
    >>> days = [dt.date(2025, 12, 30)] + [dt.date(2026, month, 28) for month in range(1, 13)]
    >>> table = tracking_table(days, np.linspace(100, 110, 13), np.linspace(100, 111, 13))
    >>> table.rows[0][0], round(table.rows[0][3], 6)
    ('1Y', -0.01)
    """
    rows = windows.tracking_table(dates, portfolio, index, as_of)
    keys = ("period", "portfolio", "index", "difference", "tracking_error", "worst_year")
    return Spill(keys, [[_or_na(getattr(row, key)) for key in keys] for row in rows])


@worksheet_function(
    "TRACKING_RISK",
    category="Tracking",
    ja="推定トラッキングエラー(事前)",
    help_ja="構成比率とリスクモデル(共分散または因子形式)から、事前の推定トラッキングエラー(年率)を返します。",
    source="methodology 3.1, 3.2",
)
def tracking_risk(
    portfolio: Annotated[Vector, _WEIGHTS],
    benchmark: Annotated[Vector, _BENCHMARK],
    covariance: Annotated[
        OptionalMatrix,
        Help("Covariance per year, n x n; or give the factor form", "共分散行列(年率)。因子形式なら空欄"),
    ] = None,
    exposures: FactorExposures = None,
    factor_covariance: FactorCovariance = None,
    specific_variance: SpecificVariance = None,
    part: Annotated[
        Text,
        Help(
            "TOTAL, FACTOR or SPECIFIC (factor form; default TOTAL)", "TOTAL・FACTOR・SPECIFIC(省略時TOTAL)"
        ),
        Choice("TOTAL", "FACTOR", "SPECIFIC"),
    ] = "TOTAL",
) -> float:
    """Forecast (ex-ante) tracking error per year from weights and a risk model, as a fraction.

    Examples
    --------
    >>> round(tracking_risk(np.array([0.505, 0.495]), np.array([0.5, 0.5]), np.diag([0.09, 0.0])), 6)
    0.0015
    """
    if covariance is not None:
        if part != "TOTAL":
            raise InputError("part: FACTOR and SPECIFIC need the factor form instead of a covariance")
        return active_.active_risk(portfolio, benchmark, checked_covariance(covariance, portfolio))
    parts = active_.factor_risk(
        portfolio, benchmark, factor_model(exposures, factor_covariance, specific_variance)
    )
    return {"TOTAL": parts.total, "FACTOR": parts.factor, "SPECIFIC": parts.specific}[part]


@worksheet_function(
    "TRACKING_CONTRIBUTION",
    category="Tracking",
    ja="推定TEの寄与",
    help_ja="銘柄またはグループごとの推定トラッキングエラーへの寄与を返します。寄与の合計は推定TEに一致します。",
    columns={"active": "アクティブ", "marginal": "限界寄与", "contribution": "寄与", "share": "割合"},
    source="methodology 3.2",
)
def tracking_contribution(
    portfolio: Annotated[Vector, _WEIGHTS],
    benchmark: Annotated[Vector, _BENCHMARK],
    covariance: Annotated[Matrix, _COVARIANCE],
    group: Annotated[
        OptionalLabels,
        Help("Group of each security: one row per group is returned", "グループ(指定するとグループ別)"),
    ] = None,
) -> Spill:
    """What each security, or each group, adds to the forecast tracking error; the contributions sum to it.

    Groups come in order of first appearance.

    Examples
    --------
    >>> table = tracking_contribution(np.array([0.6, 0.4]), np.array([0.5, 0.5]), np.diag([0.09, 0.01]))
    >>> [round(row[3], 2) for row in table.rows]
    [0.9, 0.1]
    """
    rows = active_.contributions(portfolio, benchmark, checked_covariance(covariance, portfolio))
    if group is not None:
        rows = [row for _, row in active_.group_contributions(rows, group)]
    return Spill(
        ("active", "marginal", "contribution", "share"),
        [[row.active, _or_na(row.marginal), row.contribution, row.share] for row in rows],
    )


@worksheet_function(
    "TRACKING_EXCLUSION",
    category="Tracking",
    ja="除外の推定TE",
    help_ja="除外した銘柄ごとに、単独の推定TEと、行の順に除外したときの増分を返します。",
    columns={"alone": "単独", "marginal": "限界寄与"},
    source="methodology 3.2",
)
def tracking_exclusion(
    benchmark: Annotated[Vector, Help("Index weights, as fractions", "指数の構成比率")],
    exclude: Annotated[Flags, Help("1 for a security that is dropped", "除外する銘柄は1")],
    covariance: Annotated[Matrix, _COVARIANCE],
    mode: Annotated[
        Text,
        Help(
            "Refill of the others: PRORATA or OPTIMIZED (default PRORATA)",
            "残りの配分:PRORATAまたはOPTIMIZED",
        ),
        Choice("PRORATA", "OPTIMIZED"),
    ] = "PRORATA",
) -> Spill:
    """Tracking error that each excluded security costs: alone, and as an increase in row order.

    Examples
    --------
    >>> table = tracking_exclusion(np.array([0.5, 0.5]), np.array([True, False]), np.diag([0.04, 0.04]))
    >>> [round(v, 4) for v in table.rows[0]]
    [0.1414, 0.1414]
    """
    matrix = checked_covariance(covariance, benchmark)

    def refill(index_weights: FloatArray, dropped: BoolArray) -> FloatArray:
        if mode == "PRORATA":
            return active_.prorata(index_weights, dropped)
        return least_active_risk(index_weights, dropped, matrix)

    rows = active_.exclusion_risk(benchmark, exclude, matrix, refill)
    return Spill(("alone", "marginal"), [list(row) for row in rows])


@worksheet_function(
    "TRACKING_BETA",
    category="Tracking",
    ja="ベータ・決定係数",
    help_ja="指数への回帰によるベータ、アルファ(年率)、相関、決定係数、残差TE(年率)を返します。",
    columns={
        "beta": "ベータ",
        "alpha": "アルファ",
        "correlation": "相関",
        "r_squared": "決定係数",
        "residual_te": "残差TE",
    },
    source="methodology 3.1",
)
def tracking_beta(
    portfolio: Annotated[Vector, _RETURNS],
    index: Annotated[Vector, _INDEX],
    periods_per_year: Annotated[Number, _PERIODS] = 12.0,
) -> Spill:
    """Beta, alpha per year, correlation, R squared and residual tracking error of a regression on the index.

    Examples
    --------
    >>> row = tracking_beta(np.array([0.02, -0.02, 0.04]), np.array([0.01, -0.01, 0.02])).rows[0]
    >>> round(row[0], 6)
    2.0
    """
    fit = tracking.regression(portfolio, index, periods_per_year)
    return Spill(fit._fields, [list(fit)])


@worksheet_function(
    "TRACKING_ROLLING",
    category="Tracking",
    ja="ローリングTE",
    help_ja="直近window行のトラッキングエラーを各行について返します。最初のwindow-1行は#N/Aです。",
    source="methodology 3.1",
)
def tracking_rolling(
    portfolio: Annotated[Vector, _RETURNS],
    index: Annotated[Vector, _INDEX],
    window: Annotated[Whole, Help("Length of the window in rows, at least 2", "窓の長さ(行数、2以上)")],
    periods_per_year: Annotated[Number, _PERIODS] = 12.0,
) -> list[list[float | ErrorValue]]:
    """Tracking error per year over the last rows of a window, for every row; #N/A where it is not full.

    Examples
    --------
    >>> [row[0] for row in tracking_rolling(np.array([0.0, 0.0]), np.array([0.0, 0.0]), 2)]
    [<ErrorValue.NA: '#N/A'>, 0.0]
    """
    rolled = tracking.rolling_tracking_error(portfolio, index, window, periods_per_year)
    return [[ErrorValue.NA if np.isnan(value) else float(value)] for value in rolled]


@worksheet_function(
    "TRACKING_BIAS",
    category="Tracking",
    ja="予測精度",
    help_ja="超過収益率を予測リスクで割った値の標準偏差を返します。1に近いほど予測が正直で、1±√(2/T)の内側が目安です。",
    source="methodology 3.1, 5",
)
def tracking_bias(
    active: Annotated[Vector, Help("Returns over the index, one per period", "超過収益率(期間ごと)")],
    predicted: Annotated[
        Numbers,
        Help("Risk per period that was forecast: one figure or one per period", "予測リスク(期間当たり)"),
    ],
) -> float:
    """Bias statistic: deviation of active return over forecast risk; 1 when the risk model is honest.

    Examples
    --------
    >>> round(tracking_bias(np.array([0.01, -0.01, 0.01, -0.01]), 0.01), 4)
    1.1547
    """
    return tracking.bias_statistic(active, predicted)


@worksheet_function(
    "TRACKING_BAND",
    category="Tracking",
    ja="乖離の範囲",
    help_ja="年数後に見込まれる指数との乖離の範囲(下限・上限)を返します。",
    columns={"low": "下限", "high": "上限"},
    source="methodology 3.1",
)
def tracking_band(
    tracking_error: Annotated[Number, Help("Tracking error per year, fraction", "追跡誤差(年率)")],
    years: Annotated[Number, Help("Horizon in years", "年数")],
    drag: Annotated[
        Number,
        Help(
            "Expected tracking difference per year, negative for a cost (default 0)",
            "年率の追跡差(費用は負、省略時0)",
        ),
    ] = 0.0,
    confidence: Annotated[
        Number, Help("Two-sided confidence (default 0.95)", "信頼度(両側、省略時0.95)")
    ] = 0.95,
) -> Spill:
    """Range of the return gap to the index after some years: drag x years +- z x TE x root of years.

    Examples
    --------
    >>> [round(v, 4) for v in tracking_band(0.01, 3, -0.002).rows[0]]
    [-0.0399, 0.0279]
    """
    return Spill(("low", "high"), [list(tracking.tracking_band(tracking_error, years, drag, confidence))])


@worksheet_function(
    "ACTIVE_SHARE",
    category="Tracking",
    ja="アクティブシェア",
    help_ja="構成比率の差の絶対値の合計の半分を返します。指数と同じなら0、共通銘柄がなければ1です。",
    source="methodology 3.1",
)
def active_share(
    portfolio: Annotated[Vector, _WEIGHTS],
    benchmark: Annotated[Vector, _BENCHMARK],
) -> float:
    """Active share: half the sum of the absolute differences from the index weights.

    Examples
    --------
    >>> round(active_share(np.array([0.5, 0.5, 0.0]), np.array([0.4, 0.4, 0.2])), 6)
    0.2
    """
    return active_.active_share(portfolio, benchmark)


def factor_model(
    exposures: FloatArray | None, factor_covariance: FloatArray | None, specific_variance: FloatArray | None
) -> FactorModel:
    """The factor form from three arguments of a function; all three are needed."""
    if exposures is None or factor_covariance is None or specific_variance is None:
        raise InputError(
            "no risk model: give covariance, or all of exposures, factor_covariance and specific_variance"
        )
    return FactorModel(exposures, factor_covariance, specific_variance)


def least_active_risk(index_weights: FloatArray, dropped: BoolArray, covariance: FloatArray) -> FloatArray:
    """Long-only weights of least tracking error on the names that are kept."""
    from xlplugin.engines.replication.optimal import least_risk_weights  # noqa: PLC0415 - the solver is asked rarely

    return least_risk_weights(index_weights, covariance, np.where(dropped, 0.0, np.inf))


def _or_na(value: object) -> object:
    return ErrorValue.NA if value is None else value
