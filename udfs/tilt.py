"""TILT_...: exclusions, ESG and factor tilts (傾斜・ESG・因子)."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.errors import ErrorValue
from xlplugin.index import scores, tilt
from xlplugin.index.arrays import same_length
from xlplugin.worksheet.kinds import (
    Blank,
    Choice,
    Flags,
    Help,
    Matrix,
    Number,
    Numbers,
    OptionalLabels,
    OptionalMatrix,
    OptionalNumbers,
    OptionalVector,
    Spill,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "tilt_carbon",
    "tilt_exclude",
    "tilt_exposure",
    "tilt_momentum",
    "tilt_multiplier",
    "tilt_quality",
    "tilt_value",
    "tilt_weights",
    "tilt_zscore",
]

_Sector = Annotated[
    OptionalLabels,
    Help(
        "Sector of each row: standardise inside each sector. Left out: over all rows",
        "各行の業種。指定すると業種内で標準化します。省略時は全体",
    ),
]


def _scores(found: scores.Scores) -> list[float | ErrorValue]:
    """Scores as cells: #N/A where a datum is missing, #DIV/0! where a group has no spread."""
    return [
        (ErrorValue.DIV0 if flat else ErrorValue.NA) if math.isnan(value) else value
        for value, flat in zip(found.values.tolist(), found.flat.tolist(), strict=True)
    ]


@worksheet_function(
    "TILT_EXCLUDE",
    category="Tilt",
    ja="銘柄除外",
    help_ja="指定した銘柄を除外し、その比率を按分・業種内・推定TE最小のいずれかで割り振ります。",
    source="methodology 2.10",
)
def tilt_exclude(
    weights: Annotated[Vector, Help("Index weights, as fractions", "指数の構成比率")],
    exclude: Annotated[Flags, Help("1 for a name to take out", "除外する銘柄は1")],
    mode: Annotated[
        Text,
        Help(
            "PRORATA: scale the rest. SECTOR: refill inside the sector. OPTIMIZED: least tracking error",
            "PRORATA(按分)、SECTOR(業種内)、OPTIMIZED(推定TE最小)",
        ),
        Choice("PRORATA", "SECTOR", "OPTIMIZED"),
    ] = "PRORATA",
    group: Annotated[
        OptionalLabels, Help("Sector of each row; SECTOR needs it", "各行の業種。SECTOR で必要")
    ] = None,
    covariance: Annotated[
        OptionalMatrix,
        Help("Covariance per year of all names; OPTIMIZED needs it", "全銘柄の年率共分散。OPTIMIZED で必要"),
    ] = None,
) -> FloatArray:
    """Weights of an index without the names marked: the rest scaled, refilled by sector, or optimised.

    Examples
    --------
    >>> import numpy as np
    >>> tilt_exclude(np.array([0.5, 0.3, 0.2]), np.array([True, False, False])).round(6).tolist()
    [0.0, 0.6, 0.4]
    """
    return tilt.exclude(weights, exclude, mode, group, covariance)


@worksheet_function(
    "TILT_ZSCORE",
    category="Tilt",
    ja="標準化",
    help_ja="値を標準化した得点を返します。空欄の行は #N/A のまま残ります。",
    source="methodology 2.10",
)
def tilt_zscore(
    metric: Annotated[
        Vector, Help("Raw values; a blank stays #N/A in its row", "元の値。空欄は #N/A のまま"), Blank.NAN
    ],
    winsor: Annotated[Number, Help("Scores are clipped at plus and minus this", "得点の打切り(±)")] = 3.0,
    group: _Sector = None,
    weights: Annotated[
        OptionalVector,
        Help(
            "Weights of the mean, for example of the index. Left out: equal",
            "平均の重み(例:指数の比率)。省略時は均等",
        ),
    ] = None,
) -> list[float | ErrorValue]:
    """Standardised score of every value, with the population standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> [round(z, 4) for z in tilt_zscore(np.array([1.0, 2.0, 3.0]))]
    [-1.2247, 0.0, 1.2247]
    """
    return _scores(scores.zscores(metric, winsor, group, weights))


@worksheet_function(
    "TILT_MULTIPLIER",
    category="Tilt",
    ja="スコア変換",
    help_ja="標準化得点を正の倍率に変換します(z>0 なら 1+z、それ以外は 1/(1−z))。",
    source="methodology 2.10",
)
def tilt_multiplier(z: Annotated[Numbers, Help("Standardised score", "標準化得点")]) -> FloatArray:
    """Positive multiplier of a score: 1 + z above zero, else 1/(1 − z).

    Examples
    --------
    >>> import numpy as np
    >>> tilt_multiplier(np.array([0.5, 0.0, -1.0])).tolist()
    [1.5, 1.0, 0.5]
    """
    return scores.multiplier(np.asarray(z))


@worksheet_function(
    "TILT_WEIGHTS",
    category="Tilt",
    ja="傾斜ウエート",
    help_ja="構成比率にスコアのべき乗を掛けて傾斜させ、必要なら業種中立・上限を適用します。",
    source="methodology 2.10",
)
def tilt_weights(
    weights: Annotated[Vector, Help("Parent weights, as fractions", "親指数の構成比率")],
    score: Annotated[Vector, Help("Positive multiplier of each row", "各行の正の倍率")],
    strength: Annotated[
        Number, Help("Power of the score; 0 leaves the parent", "スコアのべき乗。0で親指数のまま")
    ] = 1.0,
    group: Annotated[
        OptionalLabels,
        Help(
            "Sector of each row: the sector totals of the parent are kept",
            "各行の業種。指定すると業種の合計を保ちます",
        ),
    ] = None,
    cap: Annotated[
        OptionalNumbers, Help("Largest weight of one name, applied last", "一銘柄の上限。最後に適用します")
    ] = None,
) -> FloatArray:
    """Weights tilted by a power of a score, sector neutral and capped on request.

    Examples
    --------
    >>> import numpy as np
    >>> tilt_weights(np.array([0.5, 0.5]), np.array([3.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    return tilt.tilted_weights(weights, score, strength, group, cap)


@worksheet_function(
    "TILT_MOMENTUM",
    category="Tilt",
    ja="モメンタム",
    help_ja="月末終値から6か月・12か月のリスク調整後モメンタムの標準化得点を計算します。",
    source="methodology 2.10; MSCI Momentum Indexes methodology",
)
def tilt_momentum(
    prices: Annotated[
        Matrix,
        Help(
            "At least 14 month-end closes, time down, one column per name; the last row is the review month",
            "月末終値14か月分以上(縦が時間、列が銘柄)。最終行が見直し月",
        ),
    ],
    risk_free: Annotated[
        Number, Help("Return subtracted from both periods, as a fraction", "両期間から差し引く無リスク収益率")
    ] = 0.0,
    volatility: Annotated[
        OptionalVector,
        Help(
            "Standard deviation per year of three years of weekly returns. Left out: 1",
            "3年間の週次収益率の年率標準偏差。省略時は1",
        ),
    ] = None,
) -> FloatArray:
    """Momentum score: six- and twelve-month returns without the last month, over volatility, standardised.

    Examples
    --------
    >>> import numpy as np
    >>> closes = np.ones((14, 2)) * 100.0
    >>> closes[12, 0] = 120.0
    >>> tilt_momentum(closes).tolist()
    [1.0, -1.0]
    """
    return scores.momentum(prices, risk_free, volatility)


@worksheet_function(
    "TILT_QUALITY",
    category="Tilt",
    ja="クオリティ",
    help_ja="ROE・負債比率・利益変動の標準化得点の平均(あるものだけ)を返します。",
    source="methodology 2.10",
)
def tilt_quality(
    roe: Annotated[Vector, Help("Return on equity", "自己資本利益率"), Blank.NAN],
    leverage: Annotated[Vector, Help("Debt over equity", "負債÷自己資本"), Blank.NAN],
    variability: Annotated[
        Vector, Help("Standard deviation of earnings growth", "利益成長率の標準偏差"), Blank.NAN
    ],
    group: _Sector = None,
) -> list[float | ErrorValue]:
    """Quality score: mean of the standardised return on equity, low leverage and steady earnings.

    Examples
    --------
    >>> import numpy as np
    >>> scores = tilt_quality(np.array([0.1, 0.2]), np.array([1.0, 0.5]), np.array([0.3, 0.1]))
    >>> [round(s, 6) for s in scores]
    [-1.0, 1.0]
    """
    return _scores(scores.quality(roe, leverage, variability, group))


@worksheet_function(
    "TILT_VALUE",
    category="Tilt",
    ja="バリュー",
    help_ja="株価指標が低いほど高い標準化得点の平均を返します。0以下の指標は欠測とみなします。",
    source="methodology 2.10",
)
def tilt_value(
    ratios: Annotated[
        Matrix,
        Help(
            "Price ratios such as P/B, forward P/E, EV/CFO, one column each; not above zero means missing",
            "PBR・予想PER・EV/CFO などの列。0以下は欠測",
        ),
        Blank.NAN,
    ],
    weights: Annotated[
        OptionalVector, Help("Weight of each ratio. Left out: equal", "各指標の重み。省略時は均等")
    ] = None,
    group: _Sector = None,
) -> list[float | ErrorValue]:
    """Value score: mean of the standardised price ratios that are there, cheap names high.

    Examples
    --------
    >>> import numpy as np
    >>> [round(s, 6) for s in tilt_value(np.array([[1.0, 10.0], [3.0, 30.0]]))]
    [1.0, -1.0]
    """
    return _scores(scores.value(ratios, weights, group))


@worksheet_function(
    "TILT_CARBON",
    category="Tilt",
    ja="炭素強度",
    help_ja="データのある銘柄だけで加重平均炭素強度(WACI)を計算します。",
    source="methodology 2.10",
)
def tilt_carbon(
    weights: Annotated[Vector, Help("Weights, as fractions", "構成比率")],
    intensity: Annotated[
        Vector,
        Help("Emissions per money of sales; blank where not covered", "売上高当たり排出量。空欄は対象外"),
        Blank.NAN,
    ],
) -> float:
    """Weighted average carbon intensity of the names that are covered.

    Examples
    --------
    >>> import numpy as np
    >>> tilt_carbon(np.array([0.5, 0.25, 0.25]), np.array([100.0, 40.0, np.nan]))
    80.0
    """
    return tilt.carbon_intensity(weights, intensity)


@worksheet_function(
    "TILT_EXPOSURE",
    category="Tilt",
    ja="エクスポージャ",
    help_ja="ポートフォリオとベンチマークの因子エクスポージャとその差を返します。",
    columns={"portfolio": "ポートフォリオ", "benchmark": "ベンチマーク", "active": "アクティブ"},
    source="methodology 2.10, 5",
)
def tilt_exposure(
    weights: Annotated[Vector, Help("Portfolio weights, as fractions", "ポートフォリオの構成比率")],
    exposures: Annotated[
        Matrix,
        Help("Exposures, one row per name, one column per factor", "因子エクスポージャ(行=銘柄、列=因子)"),
    ],
    benchmark: Annotated[
        OptionalVector,
        Help("Benchmark weights, as fractions. Left out: none", "ベンチマークの構成比率。省略時はなし"),
    ] = None,
) -> Spill:
    """Exposure of portfolio and benchmark to each factor, and the difference.

    Examples
    --------
    >>> import numpy as np
    >>> tilt_exposure(np.array([0.5, 0.5]), np.array([[1.0], [0.5]]), np.array([1.0, 0.0])).rows
    [[0.75, 1.0, -0.25]]
    """
    index = np.zeros(len(weights)) if benchmark is None else benchmark
    same_length(len(weights), benchmark=index)
    portfolio = tilt.exposures_of(weights, exposures)
    reference = tilt.exposures_of(index, exposures)
    return Spill(
        ("portfolio", "benchmark", "active"),
        [[p, b, p - b] for p, b in zip(portfolio.tolist(), reference.tolist(), strict=True)],
    )
