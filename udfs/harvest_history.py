"""HARVEST_SIMULATE and HARVEST_STATISTICS: harvesting in past prices."""

from __future__ import annotations

from typing import Annotated

from xlplugin.engines.harvesting.history import SimulationSettings, fall_statistics, simulate_harvests
from xlplugin.errors import MissingError
from xlplugin.worksheet.kinds import (
    Days,
    Help,
    Kind,
    Matrix,
    Number,
    Option,
    OptionalSettings,
    OptionSchema,
    Spill,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["HARVEST_SIMULATE_OPTIONS", "harvest_simulate", "harvest_statistics"]

HARVEST_SIMULATE_OPTIONS = OptionSchema(
    (
        Option("amount", ("金額",), Kind.NUMBER, 1.0, between=(1e-9, 1e15)),
        Option("threshold", ("下落率",), Kind.NUMBER, 0.05, between=(0, 1)),
        Option("tax_rate", ("税率",), Kind.NUMBER, None, between=(0, 1)),
        Option("cost_rate", ("費用率",), Kind.NUMBER, 0.0, between=(0, 1)),
        Option("wait", ("待ち行数",), Kind.WHOLE, 0, between=(0, 100_000)),
    )
)

SIMULATE_COLUMNS = {
    "year": "年",
    "start_value": "期首評価額",
    "harvested": "損出し額",
    "harvested_ratio": "損出し率",
    "tax_value": "税額効果",
    "trading_cost": "売買費用",
    "names": "銘柄数",
    "end_value": "期末評価額",
    "unrealised_gain": "含み損益",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "HARVEST_SIMULATE",
    category="Harvest",
    ja="損出しシミュレーション",
    help_ja="過去の価格で損出しを続けた場合の年ごとの損失額・税額効果・費用。取得価額が下がるため機会は年々減ります。",
    columns=SIMULATE_COLUMNS,
    source="methodology 6.7",
)
def harvest_simulate(
    prices: Annotated[
        Matrix, Help("Total-return prices, time down, securities across", "配当込み価格(縦:時間、横:銘柄)")
    ],
    dates: Annotated[Days, Help("One date per row of prices, ascending", "価格の各行の日付(昇順)")],
    weights: Annotated[Vector, Help("Start weights, fractions that sum to 1", "開始時の構成比率(合計1)")],
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: tax_rate (required), amount, threshold, cost_rate, wait",
            "設定(税率は必須。金額、下落率、費用率、待ち行数)",
        ),
        HARVEST_SIMULATE_OPTIONS,
    ] = None,
) -> Spill:
    """Losses, tax value and cost per year if every fall had been harvested in past prices.

    Buy and hold from the first row; on each later row every name at or below its unit cost less
    `threshold` is sold and put back at the same price. A past result, not a forecast: the
    cost is lowered, and later tax rises accordingly.

    Examples
    --------
    >>> import numpy as np, datetime as dt
    >>> days = (dt.date(2025, 12, 30), dt.date(2026, 3, 31), dt.date(2026, 6, 30))
    >>> prices = np.array([[100.0, 50.0], [90.0, 52.0], [95.0, 40.0]])
    >>> total = harvest_simulate(prices, days, np.array([0.5, 0.5]), {"tax_rate": 0.2}).rows[-1]
    >>> total[0], round(total[2], 9)
    ('TOTAL', 0.15)
    """
    given = HARVEST_SIMULATE_OPTIONS.defaults() | (options or {})
    if given["tax_rate"] is None:
        raise MissingError("options: tax_rate is missing; add a row with the name tax_rate and a fraction")
    settings = SimulationSettings(
        given["tax_rate"], given["amount"], given["threshold"], given["cost_rate"], given["wait"]
    )
    return Spill(
        tuple(SIMULATE_COLUMNS),
        [
            [
                "TOTAL" if year.year is None else year.year,
                year.start_value,
                year.harvested,
                year.harvested_ratio,
                year.tax_value,
                year.trading_cost,
                year.names,
                year.end_value,
                year.unrealised_gain,
                "OK",
                "",
            ]
            for year in simulate_harvests(prices, dates, weights, settings)
        ],
    )


@worksheet_function(
    "HARVEST_STATISTICS",
    category="Harvest",
    ja="損出し機会の統計",
    help_ja="期間を通じて下落した銘柄数と、期間中に高値から基準値以上下落した銘柄数。",
    columns={
        "names_down": "下落銘柄数",
        "share_down": "下落割合",
        "names_deep": "基準超下落銘柄数",
        "share_deep": "基準超下落割合",
    },
    source="methodology 3.7",
)
def harvest_statistics(
    returns: Annotated[
        Matrix, Help("Returns per period, time down, securities across", "収益率(縦:時間、横:銘柄)")
    ],
    threshold: Annotated[
        Number, Help("Drawdown, negative (default -0.15)", "基準値(負の値、省略時-0.15)")
    ] = -0.15,
) -> Spill:
    """How many names ended lower, and how many were at some time far below their peak.

    Examples
    --------
    >>> import numpy as np
    >>> harvest_statistics(np.array([[0.1, -0.2], [-0.05, 0.1]])).rows
    [[1, 0.5, 1, 0.5]]
    """
    falls = fall_statistics(returns, threshold)
    return Spill(falls._fields, [list(falls)])
