"""REAL_COST and COST_...: what an investment costs, one component per function (methodology 3.4, 3.5)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from xlplugin.aliases import FloatArray
from xlplugin.cost import dividends, execution, growth, hedge
from xlplugin.cost import real_cost as costs
from xlplugin.errors import ErrorValue, InputError, MissingError, PassedOnError
from xlplugin.worksheet.kinds import (
    Cells,
    Choice,
    Column,
    Help,
    Kind,
    Number,
    Numbers,
    OptionalNumbers,
    Spill,
    TableSchema,
    Text,
    Vector,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = [
    "FILLS",
    "QUOTES",
    "cost_breakeven",
    "cost_dividend_tax",
    "cost_effective_spread",
    "cost_execution",
    "cost_forward",
    "cost_gap",
    "cost_hedge",
    "cost_impact",
    "cost_lending",
    "cost_per_unit",
    "cost_slippage",
    "cost_spread",
    "cost_vwap",
    "real_cost",
]

_SIDE = Choice("BUY", "SELL")


FILLS = TableSchema(
    "FILLS",
    "約定記録",
    (
        Column(
            "fund_code", ("ファンドコード", "コード", "銘柄コード"), Kind.CODE, required=True, also=("code",)
        ),
        Column("trade_date", ("約定日",), Kind.DAY),
        Column("side", ("売買", "売買区分"), Kind.TEXT, required=True, choice=_SIDE),
        Column("quantity", ("数量", "口数", "株数"), Kind.NUMBER, required=True),
        Column("trade_price", ("約定単価", "単価"), Kind.NUMBER, required=True, also=("price",)),
        Column("vwap_market", ("市場VWAP",), Kind.NUMBER, required=True),
        Column("mid", ("仲値",), Kind.NUMBER),
    ),
)
QUOTES = TableSchema(
    "QUOTES",
    "気配記録",
    (
        Column(
            "fund_code", ("ファンドコード", "コード", "銘柄コード"), Kind.CODE, required=True, also=("code",)
        ),
        Column("obs_date", ("日付",), Kind.DAY),
        Column("quoted_spread", ("気配スプレッド",), Kind.NUMBER, required=True),
    ),
)


@worksheet_function(
    "REAL_COST",
    category="Cost",
    ja="実質コスト",
    help_ja="信託報酬・その他費用・執行・配当課税・ヘッジの合計から貸株収益を引いた実質コスト(年率)を返します。費用は正の数です。",
    source="methodology 3.4",
)
def real_cost(
    ter: Annotated[Numbers, Help("Ongoing charge (TER), fraction per year", "信託報酬(年率)")],
    other: Annotated[
        Numbers, Help("Audit, custody and other charges, fraction per year", "その他費用(年率)")
    ],
    execution: Annotated[Numbers, Help("Cost of trading, fraction per year", "執行費用(年率)")],
    dividend: Annotated[Numbers, Help("Dividend tax loss, fraction per year", "配当課税の損失(年率)")],
    hedge: Annotated[Numbers, Help("Cost of currency hedging, fraction per year", "ヘッジコスト(年率)")],
    lending: Annotated[Numbers, Help("Securities lending income, fraction per year", "貸株収益(年率)")],
) -> FloatArray:
    """Real cost per year: charges, execution, dividend tax and hedging, less lending income.

    Examples
    --------
    >>> round(float(real_cost(0.001, 0.0003, 0.0008, 0.0025, 0.02, 0.0004)), 6)
    0.0242
    """
    return costs.real_cost(ter, other, execution, dividend, hedge, lending)


@worksheet_function(
    "COST_EXECUTION",
    category="Cost",
    ja="執行コスト",
    help_ja="平均スプレッドと年間の取引回数から執行コスト(年率)を返します。往復はスプレッド全部、片道は半分です。",
    source="methodology 3.4",
)
def cost_execution(
    spread: Annotated[Numbers, Help("Average quoted spread, fraction of mid", "平均気配スプレッド(仲値比)")],
    trade_count: Annotated[
        Numbers,
        Help("Trades per year: round trips (FULL) or one-way trades (HALF)", "年間取引回数(往復または片道)"),
    ],
    impact: Annotated[
        OptionalNumbers, Help("Price impact, fraction per year (default 0)", "価格影響(年率、省略時0)")
    ] = None,
    mode: Annotated[
        Text,
        Help("FULL: round trips; HALF: one-way trades (default FULL)", "FULL(往復)かHALF(片道)"),
        Choice("FULL", "HALF"),
    ] = "FULL",
) -> FloatArray:
    """Yearly cost of trading: average spread times trades, plus price impact; one way pays half the spread.

    Examples
    --------
    >>> round(float(cost_execution(0.001, 4, 0.0002)), 6)
    0.0042
    """
    return execution.execution_cost(spread, trade_count, _or_zero(impact), mode)


@worksheet_function(
    "COST_SPREAD",
    category="Cost",
    ja="気配スプレッド",
    help_ja="売気配と買気配の差を仲値で割った気配スプレッドを返します。",
    source="methodology 3.4",
)
def cost_spread(
    bid: Annotated[Numbers, Help("Best bid price", "最良買気配")],
    ask: Annotated[Numbers, Help("Best ask price", "最良売気配")],
) -> FloatArray:
    """Quoted spread: ask less bid, as a fraction of the mid price.

    Examples
    --------
    >>> round(float(cost_spread(2499, 2501)), 6)
    0.0008
    """
    return execution.quoted_spread(bid, ask)


@worksheet_function(
    "COST_EFFECTIVE_SPREAD",
    category="Cost",
    ja="実効スプレッド",
    help_ja="約定価格と注文時の仲値から、実際に支払ったスプレッドを返します。正の数は費用です。",
    source="methodology 3.4",
)
def cost_effective_spread(
    side: Annotated[
        Cells, Help("+1 or BUY for a purchase, -1 or SELL for a sale", "買は+1またはBUY、売は-1またはSELL")
    ],
    price: Annotated[Numbers, Help("Price of the fill", "約定価格")],
    mid: Annotated[Numbers, Help("Mid price at the time of the order", "注文時の仲値")],
) -> FloatArray:
    """Effective spread of a fill: twice its distance from mid, as a fraction of mid; positive for a cost.

    Examples
    --------
    >>> round(float(cost_effective_spread([[1.0]], 2500.8, 2500)), 6)
    0.00064
    """
    return execution.effective_spread(_sides(side), price, mid)


@worksheet_function(
    "COST_VWAP",
    category="Cost",
    ja="約定VWAP",
    help_ja="約定の数量加重平均価格(VWAP)を返します。",
    source="methodology 3.4",
)
def cost_vwap(
    price: Annotated[Vector, Help("Price of each fill", "約定価格")],
    volume: Annotated[Vector, Help("Shares or units of each fill", "約定数量")],
) -> float:
    """Volume-weighted average price of the fills.

    Examples
    --------
    >>> cost_vwap(np.array([2500.0, 2502.0, 2505.0]), np.array([300.0, 500.0, 200.0]))
    2502.0
    """
    return execution.vwap(price, volume)


@worksheet_function(
    "COST_SLIPPAGE",
    category="Cost",
    ja="約定乖離",
    help_ja="平均約定価格と比較価格(市場VWAP、発注時価格、終値)の乖離を返します。正の数は費用です。",
    source="methodology 3.4",
)
def cost_slippage(
    side: Annotated[
        Cells, Help("+1 or BUY for a purchase, -1 or SELL for a sale", "買は+1またはBUY、売は-1またはSELL")
    ],
    price: Annotated[Numbers, Help("Average price of the fills", "平均約定価格")],
    benchmark_price: Annotated[
        Numbers, Help("Market VWAP, arrival price or close", "比較価格(市場VWAP・発注時・終値)")
    ],
) -> FloatArray:
    """Slippage of a fill against a benchmark price, as a fraction of it; positive for a cost.

    Examples
    --------
    >>> round(float(cost_slippage([["BUY"]], 2502, 2501)) * 1e4, 2)
    4.0
    """
    return execution.slippage(_sides(side), price, benchmark_price)


@worksheet_function(
    "COST_IMPACT",
    category="Cost",
    ja="価格影響",
    help_ja="平方根則による価格影響(スプレッドの半分を含む)を注文金額に対する割合で返します。",
    source="methodology 3.4",
)
def cost_impact(
    amount: Annotated[Numbers, Help("Value of the order", "注文金額")],
    adv: Annotated[Numbers, Help("Average value traded per day", "平均売買代金(1日)")],
    volatility: Annotated[Numbers, Help("Standard deviation of the daily return", "日次変動率")],
    coefficient: Annotated[
        Number, Help("Y of the square-root law, 0.5 to 1 (default 1)", "平方根則の係数(0.5〜1、省略時1)")
    ] = 1.0,
    spread: Annotated[
        OptionalNumbers,
        Help("Quoted spread, half of it is paid (default 0)", "気配スプレッド(半分を計上、省略時0)"),
    ] = None,
) -> FloatArray:
    """Price impact of an order by the square-root law, plus half the spread, as a fraction of its value.

    Examples
    --------
    >>> round(float(cost_impact(1e6, 1e8, 0.02)), 6)
    0.002
    """
    return execution.impact_cost(amount, adv, volatility, coefficient, _or_zero(spread))


@worksheet_function(
    "COST_HEDGE",
    category="Cost",
    ja="ヘッジコスト",
    help_ja="為替ヘッジの年間コスト(外国金利-国内金利-ベーシス)×ヘッジ比率を返します。正の数は費用です。",
    source="methodology 3.4",
)
def cost_hedge(
    domestic: Annotated[Number, Help("Home interest rate, fraction per year", "国内金利(年率)")],
    foreign: Annotated[Number, Help("Foreign interest rate, fraction per year", "外国金利(年率)")],
    ratio: Annotated[
        Number, Help("Part of the holding that is hedged (default 1)", "ヘッジ比率(省略時1)")
    ] = 1.0,
    basis: Annotated[
        Number, Help("Cross-currency basis on the home leg (default 0)", "通貨ベーシス(国内側、省略時0)")
    ] = 0.0,
) -> float:
    """Yearly cost of a currency hedge: foreign less home rate less basis, times the hedge ratio.

    Examples
    --------
    >>> round(cost_hedge(0.005, 0.05, 0.5), 6)
    0.0225
    """
    return hedge.hedge_cost(domestic, foreign, ratio, basis)


@worksheet_function(
    "COST_FORWARD",
    category="Cost",
    ja="先渡レート",
    help_ja="カバー付き金利平価による先渡レート、ポイント、年率のヘッジ費用を返します。",
    columns={"forward": "先渡", "points": "ポイント", "annual_cost": "年率費用"},
    source="methodology 3.4",
)
def cost_forward(
    spot: Annotated[Number, Help("Spot rate, home units per foreign unit", "直物レート(外貨1単位当たり)")],
    domestic: Annotated[Number, Help("Home interest rate, fraction per year", "国内金利(年率)")],
    foreign: Annotated[Number, Help("Foreign interest rate, fraction per year", "外国金利(年率)")],
    days: Annotated[Number, Help("Calendar days to delivery", "日数")],
    basis: Annotated[
        Number, Help("Cross-currency basis on the home leg (default 0)", "通貨ベーシス(国内側、省略時0)")
    ] = 0.0,
    day_domestic: Annotated[
        Number, Help("Day-count basis of the home rate (default 365)", "国内の日数基準(省略時365)")
    ] = 365.0,
    day_foreign: Annotated[
        Number, Help("Day-count basis of the foreign rate (default 360)", "外国の日数基準(省略時360)")
    ] = 360.0,
) -> Spill:
    """Forward exchange rate by covered interest parity, its points, and what the hedge costs per year.

    Examples
    --------
    >>> [round(v, 4) for v in cost_forward(100, 0.01, 0.02, 365, 0, 365, 365).rows[0]]
    [99.0196, -0.9804, 0.0098]
    """
    one = hedge.forward_rate(
        spot, domestic, foreign, days, basis, day_domestic=day_domestic, day_foreign=day_foreign
    )
    return Spill(("forward", "points", "annual_cost"), [[one.rate, one.points, one.annual_cost]])


@worksheet_function(
    "COST_DIVIDEND_TAX",
    category="Cost",
    ja="配当課税ロス",
    help_ja="配当への課税による年間の目減り(利回り×実効税率)を、直接・税額控除・再投資・投信の経路別に返します。",
    source="methodology 3.5",
)
def cost_dividend_tax(
    yield_: Annotated[Number, Help("Dividend yield, fraction per year", "配当利回り(年率)")],
    source: Annotated[Number, Help("Tax withheld at source, fraction of the dividend", "現地源泉税率")],
    fund: Annotated[Number, Help("Tax inside the fund (default 0)", "ファンド段階の税率(省略時0)")] = 0.0,
    tax: Annotated[
        Number, Help("The investor's rate (default 0.20315)", "投資家の税率(省略時0.20315)")
    ] = 0.20315,
    mode: Annotated[
        Text,
        Help("DIRECT, CREDIT, ACCUMULATE or FUND (default DIRECT)", "DIRECT・CREDIT・ACCUMULATE・FUND"),
        Choice(*dividends.ROUTES),
    ] = "DIRECT",
) -> float:
    """Yearly drag of dividend tax: yield times the rate of the route the dividend takes to the investor.

    Examples
    --------
    >>> round(cost_dividend_tax(0.015, 0.10), 6)
    0.004243
    """
    return dividends.dividend_loss(yield_, source, fund, tax, mode)


@worksheet_function(
    "COST_LENDING",
    category="Cost",
    ja="貸株寄与",
    help_ja="貸株収益のうち保有者に還元される分(年率)を返します。",
    source="methodology 3.4",
)
def cost_lending(
    income: Annotated[Numbers, Help("Lending income of the fund, fraction per year", "貸株収益(年率)")],
    share: Annotated[Numbers, Help("Part given back to the holders, 0 to 1", "還元率(0〜1)")],
) -> FloatArray:
    """Lending income that reaches the holder per year: income times the share given back.

    Examples
    --------
    >>> round(float(cost_lending(0.0006, 0.5)), 6)
    0.0003
    """
    return costs.lending_income(income, share)


@worksheet_function(
    "COST_GAP",
    category="Cost",
    ja="複利差",
    help_ja="二つの年間費用の差が複利でどれだけの資産の差になるかを年ごとに返します。",
    columns={"year": "年", "wealth_a": "資産A", "wealth_b": "資産B", "gap": "差"},
    source="methodology 3.4",
)
def cost_gap(
    cost_a: Annotated[Number, Help("Yearly cost A, fraction", "費用A(年率)")],
    cost_b: Annotated[Number, Help("Yearly cost B, fraction", "費用B(年率)")],
    return_: Annotated[Number, Help("Yearly return before cost, fraction", "費用控除前の収益率(年率)")],
    years: Annotated[Number, Help("Whole years, 1 to 200", "年数(整数、1〜200)")],
    initial: Annotated[Number, Help("Money at the start (default 1)", "初期額(省略時1)")] = 1.0,
    annual: Annotated[
        Number, Help("Money added at each year end (default 0)", "年間積立(年末、省略時0)")
    ] = 0.0,
) -> Spill:
    """Wealth under two yearly costs, year by year, and the gap between them.

    Examples
    --------
    >>> round(cost_gap(0.0019, 0.0042, 0.07, 10, 1_000_000).rows[-1][-1])
    41213
    """
    rows = growth.compounding_gap(cost_a, cost_b, return_, years, initial, annual)
    return Spill(("year", "wealth_a", "wealth_b", "gap"), [list(row) for row in rows])


@worksheet_function(
    "COST_BREAKEVEN",
    category="Cost",
    ja="回収年数",
    help_ja="一時費用を年間の節約で割った回収年数を返します。",
    source="methodology 3.4, 3.6",
)
def cost_breakeven(
    one_off: Annotated[
        Numbers,
        Help("Cost paid once: tax, spread, levy; fraction of the holding", "一時費用(税・スプレッド等)"),
    ],
    saving: Annotated[Numbers, Help("Cost saved per year, fraction of the holding", "年間節約")],
) -> FloatArray:
    """Years until a switch has paid for itself: cost paid once over the saving per year.

    Examples
    --------
    >>> round(float(cost_breakeven(0.0051, 0.0023)), 2)
    2.22
    """
    return growth.breakeven_years(one_off, saving)


@worksheet_function(
    "COST_PER_UNIT",
    category="Cost",
    ja="費用明細の率",
    help_ja="運用報告書の1万口当たり費用(円)を、平均基準価額に対する年率に直します。",
    source="methodology 3.4",
)
def cost_per_unit(
    yen: Annotated[Numbers, Help("Yen per 10,000 units in the fund report", "1万口当たりの費用(円)")],
    average_nav: Annotated[
        Numbers, Help("Average NAV of the period, per 10,000 units", "期中の平均基準価額")
    ],
    days: Annotated[
        Number, Help("Length of the period in days (default 365)", "期間の日数(省略時365)")
    ] = 365.0,
) -> FloatArray:
    """Cost line of a fund report, in yen per 10,000 units, as a yearly fraction of the average NAV.

    Examples
    --------
    >>> round(float(cost_per_unit(19, 16500)), 6)
    0.001152
    """
    return costs.per_unit_rate(yen, average_nav, days)


def _or_zero(values: FloatArray | None) -> FloatArray:
    return np.zeros(()) if values is None else values


def _sides(cells: list[list[Any]]) -> FloatArray:
    """+1 and -1 from numbers or from the words for a purchase and a sale."""
    flat = [value for row in cells for value in row]
    if len(cells) > 1 and len(cells[0]) > 1:
        raise InputError(
            f"side: expected one column or one row, got {len(cells)} rows x {len(cells[0])} columns"
        )
    sides = np.empty(len(flat))
    for place, value in enumerate(flat):
        if isinstance(value, ErrorValue):
            raise PassedOnError(f"side, row {place + 1}", value)
        if value is None:
            raise MissingError(f"side: row {place + 1} is blank; enter BUY or SELL")
        word = _SIDE.find(value)
        if word is None and not isinstance(value, (int, float)):
            raise InputError(f"side: row {place + 1} holds {value!r}; use +1, -1, BUY or SELL")
        sides[place] = {"BUY": 1.0, "SELL": -1.0}[word] if word else float(value)
    return sides[0] if len(flat) == 1 else sides
