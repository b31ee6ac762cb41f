"""FUND_... and CORE_SATELLITE: choosing and replacing funds (methodology 3.5 to 3.7)."""

from __future__ import annotations

from typing import Annotated, Any

from xlplugin.aliases import FloatArray
from xlplugin.core.arrays import same_length
from xlplugin.cost import decisions, funds
from xlplugin.errors import ErrorValue
from xlplugin.risk import tracking
from xlplugin.worksheet.kinds import (
    Days,
    Flag,
    Help,
    Matrix,
    Number,
    OptionalLabels,
    OptionalMatrix,
    OptionalVector,
    Spill,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "core_satellite",
    "fund_decision",
    "fund_hedge",
    "fund_rank",
    "fund_score",
    "fund_total_return",
    "fund_tracking",
]

_NAV = Help("Net asset values, ex distribution on the ex-date", "基準価額(権利落ち日は落ち後)")
_PAID = Help("Distributions per unit, on the row of the ex-date", "分配金(権利落ち日の行)")
_TAX = Help("Tax rate on ordinary distributions (default 0)", "普通分配金の税率(省略時0)")


@worksheet_function(
    "FUND_TOTAL_RETURN",
    category="Fund",
    ja="分配金再投資",
    help_ja="基準価額と分配金から、税引後の分配金を権利落ち日に再投資した指数(始点1)を返します。",
    source="methodology 3.5, 3.6",
)
def fund_total_return(
    nav: Annotated[Vector, _NAV],
    distribution: Annotated[Vector, _PAID],
    tax: Annotated[Number, _TAX] = 0.0,
    special: Annotated[
        OptionalVector,
        Help("Untaxed part of each distribution: return of capital (default 0)", "元本払戻金(省略時0)"),
    ] = None,
) -> FloatArray:
    """Index of a fund from 1, with distributions after tax reinvested on the ex-date.

    Examples
    --------
    >>> import numpy as np
    >>> fund_total_return(np.array([10000.0, 10200.0]), np.array([0.0, 300.0])).round(4).tolist()
    [1.0, 1.05]
    """
    return funds.total_return_index(nav, distribution, tax, special)


@worksheet_function(
    "FUND_TRACKING",
    category="Fund",
    ja="年別追跡差",
    help_ja="完全な暦年ごとに、ファンド(税引後・再投資)と指数の収益率と追跡差を返します。",
    columns={"year": "年", "fund": "ファンド", "index": "指数", "difference": "追跡差"},
    source="methodology 3.6",
)
def fund_tracking(
    dates: Annotated[Days, Help("Dates, ascending, each once", "日付(昇順、重複なし)")],
    nav: Annotated[Vector, _NAV],
    distribution: Annotated[Vector, _PAID],
    index: Annotated[Vector, Help("Levels of the total-return index", "配当込み指数の水準")],
    tax: Annotated[Number, _TAX] = 0.0,
) -> Spill:
    """Returns of fund and index and their difference by calendar year; incomplete years are left out.

    Examples
    --------
    >>> import numpy as np
    >>> import datetime as dt
    >>> days = [dt.date(2024, 12, 30), dt.date(2025, 12, 30)]
    >>> fund_tracking(days, np.array([100.0, 109.4]), np.zeros(2), np.array([100.0, 110.0])).rows[0][0]
    2025
    """
    years = funds.yearly_tracking(dates, nav, distribution, index, tax)
    return Spill(
        ("year", "fund", "index", "difference"),
        [[year.year, year.fund, year.index, year.difference] for year in years],
    )


@worksheet_function(
    "FUND_RANK",
    category="Fund",
    ja="四分位",
    help_ja="グループ内の順位・百分位・四分位を返します。4本未満のグループでは四分位と百分位は#N/Aです。",
    columns={"rank": "順位", "percentile": "百分位", "quartile": "四分位"},
    source="methodology 3.6",
)
def fund_rank(
    td: Annotated[Vector, Help("Tracking difference of each fund", "ファンドごとの追跡差")],
    group: Annotated[
        OptionalLabels,
        Help("Group: index, hedge, domicile, account (default: one group)", "グループ(省略時は全体で一つ)"),
    ] = None,
    higher_better: Annotated[  # noqa: FBT002 - formulas have no keywords
        Flag, Help("0 where small values are good (default 1)", "小さいほど良い指標は0(省略時1)")
    ] = True,
) -> Spill:
    """Rank, percentile and quartile of each fund in its group; #N/A quartile with fewer than four funds.

    Examples
    --------
    >>> import numpy as np
    >>> fund_rank(np.array([-0.001, -0.002, -0.003, -0.004])).rows[-1]
    [4, 0.0, 4]
    """
    rows = funds.rank_funds(td, group, higher_is_better=higher_better)
    return Spill(
        ("rank", "percentile", "quartile"),
        [[row.rank, _or_na(row.percentile), _or_na(row.quartile)] for row in rows],
    )


@worksheet_function(
    "FUND_DECISION",
    category="Fund",
    ja="入替判定",
    help_ja="年次監査の3年平均追跡差から、継続・監視・買付停止・入替を判定し、節約・一時費用・回収年数を返します。",
    columns={
        "decision": "判定",
        "quartile": "四分位",
        "saving": "年間節約",
        "one_off": "一時費用",
        "breakeven_years": "回収年数",
    },
    source="methodology 3.6",
)
def fund_decision(
    history: Annotated[
        Vector,
        Help(
            "The fund's three-year mean TD at each annual audit, oldest first",
            "各監査の3年平均追跡差(古い順)",
        ),
    ],
    peers: Annotated[
        Matrix,
        Help(
            "One row per audit, one column per peer, the fund itself not included",
            "同種ファンド(行:監査、列:銘柄、自身を除く)",
        ),
    ],
    switch_cost: Annotated[
        Number, Help("Spread, levy and fees of a switch (default 0)", "入替費用(省略時0)")
    ] = 0.0,
    unrealised_gain: Annotated[
        Number, Help("Gain as a fraction of the value (default 0)", "含み益率(省略時0)")
    ] = 0.0,
    tax_rate: Annotated[
        Number, Help("Tax rate on the gain, 0 in NISA (default 0.20315)", "税率(NISAは0、省略時0.20315)")
    ] = 0.20315,
    deferral: Annotated[
        Number, Help("Part of the tax due later anyway, present value (default 0)", "繰延価値(省略時0)")
    ] = 0.0,
    horizon: Annotated[
        Number, Help("Longest break-even accepted, years (default 5)", "許容する回収年数(省略時5)")
    ] = 5.0,
) -> Spill:
    """Keep, watch, stop buying or replace a fund, with the yearly saving, one-off cost and break-even.

    Examples
    --------
    >>> import numpy as np
    >>> peers = np.array([[-0.0020, -0.0022, -0.0030], [-0.0019, -0.0024, -0.0031]])
    >>> fund_decision(np.array([-0.0041, -0.0042]), peers, 0.001, 0.02).rows[0][0]
    'REPLACE'
    """
    done = decisions.switch_decision(
        history,
        peers,
        switch_cost=switch_cost,
        unrealised_gain=unrealised_gain,
        tax_rate=tax_rate,
        deferral=deferral,
        horizon=horizon,
    )
    return Spill(
        ("decision", "quartile", "saving", "one_off", "breakeven_years"),
        [[done.decision.value, done.quartile, done.saving, done.one_off, _or_na(done.breakeven_years)]],
    )


@worksheet_function(
    "FUND_SCORE",
    category="Fund",
    ja="チェックリスト点",
    help_ja="チェックリストの点数を重み付きで0〜100点に換算します。",
    source="methodology 3.6",
)
def fund_score(
    values: Annotated[Vector, Help("Marks of the checklist items, 0 to scale", "各項目の点数(0〜尺度)")],
    weights: Annotated[
        OptionalVector, Help("Weights of the items (default: equal)", "重み(省略時は均等)")
    ] = None,
    scale: Annotated[Number, Help("Best mark (default 5)", "満点(省略時5)")] = 5.0,
) -> float:
    """Weighted checklist score from 0 to 100.

    Examples
    --------
    >>> import numpy as np
    >>> fund_score(np.array([5.0, 4, 4, 5, 3, 5, 4, 3]), np.array([1.0, 2, 2, 1, 1, 1, 1, 1]))
    82.0
    """
    return decisions.checklist_score(values, weights, scale)


@worksheet_function(
    "FUND_HEDGE",
    category="Fund",
    ja="ヘッジ比較",
    help_ja="為替ヘッジありとなしの収益率・変動率・追跡差・追跡誤差を、それぞれの指数に対して並べて返します。",
    columns={
        "item": "項目",
        "return": "収益率",
        "volatility": "変動率",
        "difference": "追跡差",
        "tracking_error": "追跡誤差",
    },
    source="methodology 3.6",
)
def fund_hedge(
    hedged: Annotated[Vector, Help("Returns of the hedged fund", "ヘッジありの収益率")],
    unhedged: Annotated[
        Vector, Help("Returns of the unhedged fund, same periods", "ヘッジなしの収益率(同じ期間)")
    ],
    hedged_index: Annotated[
        OptionalVector, Help("Returns of the hedged index", "ヘッジあり指数の収益率")
    ] = None,
    unhedged_index: Annotated[
        OptionalVector, Help("Returns of the unhedged index", "ヘッジなし指数の収益率")
    ] = None,
    periods_per_year: Annotated[
        Number, Help("Periods per year (default 12)", "年間の期間数(省略時12)")
    ] = 12.0,
) -> Spill:
    """Hedged and unhedged fund side by side: return, volatility, tracking difference and error, and the gaps.

    Each is measured against its own index; without an index the last two columns are #N/A.

    Examples
    --------
    >>> import numpy as np
    >>> table = fund_hedge(np.array([0.01, -0.005, 0.012, 0.002]), np.array([0.02, -0.03, 0.03, 0.01]))
    >>> [round(row[2], 4) for row in table.rows]
    [0.027, 0.0911, -0.0641]
    """
    same_length(hedged=hedged, unhedged=unhedged)
    one = tracking.fund_figures(hedged, hedged_index, periods_per_year)
    other = tracking.fund_figures(unhedged, unhedged_index, periods_per_year)
    gap: list[Any] = [
        a - b if a is not None and b is not None else None for a, b in zip(one, other, strict=True)
    ]
    return Spill(
        ("item", "return", "volatility", "difference", "tracking_error"),
        [[name, *map(_or_na, row)] for name, row in (("HEDGED", one), ("UNHEDGED", other), ("GAP", gap))],
    )


@worksheet_function(
    "CORE_SATELLITE",
    category="Fund",
    ja="コア・サテライト",
    help_ja="コアとサテライトの比率から、全体の追跡誤差・費用・サテライトのリスク割合を返します。先頭がコアです。",
    columns={"tracking_error": "追跡誤差", "cost": "費用", "satellite_share": "サテライト比率"},
    source="methodology 3.7",
)
def core_satellite(
    weights: Annotated[Vector, Help("Weights, the core first", "構成比率(先頭がコア)")],
    tracking_error: Annotated[
        Vector, Help("Tracking error of each part, per year", "各部分の追跡誤差(年率)")
    ],
    cost: Annotated[Vector, Help("Cost of each part, per year", "各部分の費用(年率)")],
    correlation: Annotated[
        OptionalMatrix,
        Help("Correlation of the active returns (default: independent)", "超過収益率の相関(省略時は無相関)"),
    ] = None,
) -> Spill:
    """Tracking error and cost of a core with satellites, and the satellites' share of the risk.

    Examples
    --------
    >>> import numpy as np
    >>> table = core_satellite(np.array([0.8, 0.2]), np.array([0.001, 0.08]), np.array([0.0019, 0.0075]))
    >>> [round(v, 4) for v in table.rows[0]]
    [0.016, 0.003, 0.9975]
    """
    blend = decisions.core_and_satellite(weights, tracking_error, cost, correlation)
    share = ErrorValue.DIV0 if blend.satellite_share is None else blend.satellite_share
    return Spill(("tracking_error", "cost", "satellite_share"), [[blend.tracking_error, blend.cost, share]])


def _or_na(value: Any) -> Any:
    return ErrorValue.NA if value is None else value
