"""ATTRIBUTION_...: why the return differs from the index (methodology 3.2, 3.3)."""

from __future__ import annotations

from typing import Annotated, Any

from xlplugin.aliases import FloatArray
from xlplugin.errors import ErrorValue
from xlplugin.risk import attribution
from xlplugin.worksheet.kinds import (
    Choice,
    Help,
    Kind,
    Matrix,
    Number,
    Numbers,
    Option,
    OptionalNumbers,
    OptionSchema,
    Settings,
    Spill,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "attribution_brinson",
    "attribution_cash",
    "attribution_factor",
    "attribution_fx",
    "attribution_link",
    "attribution_td",
]

ITEMS = OptionSchema(
    (
        Option("ter", ("信託報酬",), Kind.NUMBER),
        Option("other", ("その他費用",), Kind.NUMBER),
        Option("execution", ("執行費用", "執行コスト"), Kind.NUMBER),
        Option("dividend", ("配当課税ロス", "配当"), Kind.NUMBER),
        Option("hedge", ("ヘッジコスト", "ヘッジ"), Kind.NUMBER),
        Option("lending", ("貸株収益", "貸株"), Kind.NUMBER),
        Option("cash", ("現金",), Kind.NUMBER),
        Option("dropped", ("除外銘柄", "除外"), Kind.NUMBER),
        Option("sampling", ("抽出",), Kind.NUMBER),
        Option("timing", ("評価時点",), Kind.NUMBER),
    )
)


@worksheet_function(
    "ATTRIBUTION_BRINSON",
    category="Attribution",
    ja="業種要因分解",
    help_ja="業種別の構成比率と収益率から、配分・選択・交互効果を返します。最終行は合計で、収益率の差に一致します。",
    columns={"allocation": "配分効果", "selection": "選択効果", "interaction": "交互効果", "total": "合計"},
    source="methodology 3.3",
)
def attribution_brinson(
    wp: Annotated[Vector, Help("Portfolio weights by sector, as fractions", "ポートフォリオの業種別比率")],
    wb: Annotated[Vector, Help("Index weights by sector", "指数の業種別比率")],
    rp: Annotated[Vector, Help("Portfolio returns by sector", "ポートフォリオの業種別収益率")],
    rb: Annotated[Vector, Help("Index returns by sector", "指数の業種別収益率")],
    model: Annotated[
        Text,
        Help("FACHLER or BHB (default FACHLER)", "FACHLERまたはBHB(省略時FACHLER)"),
        Choice(*attribution.BRINSON_MODELS),
    ] = "FACHLER",
) -> Spill:
    """Brinson attribution by sector: allocation, selection, interaction; totals in the last row.

    Examples
    --------
    >>> import numpy as np
    >>> wp, wb = np.array([0.4, 0.3, 0.3]), np.array([0.4, 0.2, 0.4])
    >>> table = attribution_brinson(wp, wb, np.array([0.2, -0.05, 0.06]), np.array([0.1, -0.04, 0.08]))
    >>> [round(v, 4) for v in table.rows[-1]]
    [-0.012, 0.03, 0.001, 0.019]
    """
    rows = attribution.brinson(wp, wb, rp, rb, model)
    return Spill(attribution.BrinsonEffect._fields, [list(row) for row in rows])


@worksheet_function(
    "ATTRIBUTION_LINK",
    category="Attribution",
    ja="期間連結",
    help_ja="期間ごとの要因をCarinoの方法で連結し、通期の収益率の差に一致する要因を1行で返します。",
    source="methodology 3.3",
)
def attribution_link(
    rp: Annotated[Vector, Help("Portfolio returns, one per period", "ポートフォリオの収益率(期間ごと)")],
    rb: Annotated[Vector, Help("Index returns, one per period", "指数の収益率(期間ごと)")],
    effects: Annotated[
        Matrix, Help("Effects, one row per period, one column per effect", "要因(行:期間、列:要因)")
    ],
    method: Annotated[Text, Help("CARINO", "CARINO"), Choice("CARINO")] = "CARINO",
) -> FloatArray:
    """Effects of single periods linked into effects on the compounded return, in one row (Carino).

    Examples
    --------
    >>> import numpy as np
    >>> attribution_link(np.array([0.1]), np.array([0.05]), np.array([[0.05]])).round(6).tolist()
    [[0.05]]
    """
    return attribution.linked_effects(rp, rb, effects)[None, :]


@worksheet_function(
    "ATTRIBUTION_TD",
    category="Attribution",
    ja="追跡差の要因",
    help_ja="追跡差を費用項目などに分解し、説明できない残差を必ず表示します。費用は正の数で入力します。",
    columns={"item": "項目", "contribution": "寄与", "share": "割合"},
    source="methodology 3.3",
)
def attribution_td(
    items: Annotated[
        Settings,
        Help(
            "Two columns, item and amount. Positive costs: ter, other, execution, dividend, hedge; "
            "income: lending; signed: cash, dropped, sampling, timing",
            "項目と金額の2列。費用(正):ter・other・execution・dividend・hedge、収益:lending、符号付き:cash・dropped・sampling・timing",
        ),
        ITEMS,
    ],
    total: Annotated[Number, Help("Tracking difference: fund less index", "追跡差(ファンド-指数)")],
) -> Spill:
    """Tracking difference explained by its items; what they leave unexplained is a row of its own.

    Examples
    --------
    >>> [(row[0], round(row[1], 6)) for row in attribution_td({"ter": 0.0003}, -0.0042).rows]
    [('ter', -0.0003), ('residual', -0.0039), ('total', -0.0042)]
    """
    rows = attribution.tracking_difference_items(items, total)
    cells: list[list[Any]] = [
        [item, part, ErrorValue.NA if share is None else share] for item, part, share in rows
    ]
    return Spill(("item", "contribution", "share"), cells)


@worksheet_function(
    "ATTRIBUTION_CASH",
    category="Attribution",
    ja="現金の影響",
    help_ja="現金を保有したことによる収益率への影響(-現金比率×(指数-現金収益率))を返します。",
    source="methodology 3.2, 3.3",
)
def attribution_cash(
    cash: Annotated[Numbers, Help("Share of cash, as a fraction", "現金比率")],
    index: Annotated[Numbers, Help("Return of the index", "指数の収益率")],
    cash_return: Annotated[Numbers, Help("Return on cash", "現金の収益率")],
) -> FloatArray:
    """Effect of uninvested cash on the return: minus cash times the index return over cash.

    Examples
    --------
    >>> round(float(attribution_cash(0.02, 0.10, 0.001)), 6)
    -0.00198
    """
    return attribution.cash_drag(cash, index, cash_return)


@worksheet_function(
    "ATTRIBUTION_FACTOR",
    category="Attribution",
    ja="因子要因分解",
    help_ja="超過収益率を因子ごとの寄与、固有の寄与、合計に分解して1列で返します。",
    source="methodology 3.3",
)
def attribution_factor(
    active: Annotated[Vector, Help("Active exposure to each factor", "因子ごとのアクティブ・エクスポージャ")],
    factor_returns: Annotated[Vector, Help("Return of each factor", "因子収益率")],
    active_weight: Annotated[Vector, Help("Active weight of each security", "銘柄ごとのアクティブ比率")],
    specific_returns: Annotated[Vector, Help("Specific return of each security", "銘柄ごとの固有収益率")],
) -> FloatArray:
    """Active return by factor, then the specific part, then the total, in one column.

    Examples
    --------
    >>> import numpy as np
    >>> x, f = np.array([0.05, -0.1]), np.array([0.02, 0.01])
    >>> attribution_factor(x, f, np.array([0.03, -0.03]), np.array([0.01, -0.02])).round(4).tolist()
    [0.001, -0.001, 0.0009, 0.0009]
    """
    return attribution.factor_attribution(active, factor_returns, active_weight, specific_returns)


@worksheet_function(
    "ATTRIBUTION_FX",
    category="Attribution",
    ja="為替要因",
    help_ja="通貨ごとに現地収益・為替・ヘッジの寄与を返します。最終行は合計です。",
    columns={"local": "現地", "currency": "為替", "hedge": "ヘッジ", "total": "合計"},
    source="methodology 3.3",
)
def attribution_fx(
    weights: Annotated[Vector, Help("Weight of each currency", "通貨ごとの比率")],
    local: Annotated[Vector, Help("Return in local currency", "現地通貨の収益率")],
    fx: Annotated[Vector, Help("Return of the foreign currency in home money", "為替の収益率")],
    hedge: Annotated[OptionalNumbers, Help("Hedge ratio (default 0)", "ヘッジ比率(省略時0)")] = None,
    hedge_cost: Annotated[
        OptionalNumbers, Help("Cost of a full hedge over the period (default 0)", "全額ヘッジの費用(省略時0)")
    ] = None,
) -> Spill:
    """Return by currency: local, exchange rate and hedge; totals in the last row.

    Examples
    --------
    >>> import numpy as np
    >>> table = attribution_fx(np.ones(1), np.array([0.08]), np.array([-0.05]), 1.0, 0.04)
    >>> [round(v, 4) for v in table.rows[-1]]
    [0.08, -0.054, 0.01, 0.036]
    """
    rows = attribution.currency_attribution(
        weights, local, fx, 0.0 if hedge is None else hedge, 0.0 if hedge_cost is None else hedge_cost
    )
    return Spill(attribution.CurrencyEffect._fields, [list(row) for row in rows])
