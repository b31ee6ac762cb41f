"""TRANSITION_OPTIONS and TRANSITION_SCHEDULE: six ways to the target, and one of them by quarter.

Section 2.12 of the workbook brief; the orders of an option are those of REBALANCE.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from udfs.rebalance import JAPANESE_CODE, JAPANESE_UNIT, UNIT
from xlplugin.core.accounts import AccountKind
from xlplugin.engines.rebalancing.to_target import Goal
from xlplugin.engines.transition import (
    OPTIONS,
    Option,
    Outlook,
    Transition,
    options_of,
    quarters_from,
)
from xlplugin.errors import EmptyBaseError, InputError, MissingError
from xlplugin.worksheet.kinds import (
    Choice,
    Column,
    Help,
    Kind,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
    TableSchema,
    Text,
)
from xlplugin.worksheet.kinds import Option as Setting
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import LOTS

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.aliases import FloatArray

__all__ = [
    "OPTION_COLUMNS",
    "SETTINGS",
    "PlanLots",
    "PlanPrices",
    "PlanRisk",
    "PlanSettings",
    "PlanTarget",
    "plan_of",
    "transition_options",
    "transition_schedule",
]

WANTED = TableSchema(
    "TARGET",
    "目標表",
    (
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("weight", ("構成比率", "目標比率", "ウエート"), Kind.NUMBER, required=True),
        Column("index_weight", ("指数ウェイト", "指数比率"), Kind.NUMBER),
    ),
    lenient=False,
)
QUOTES = TableSchema(
    "PRICES",
    "価格表",
    (
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名",), Kind.TEXT),
        Column("price", ("時価", "株価", "現在値", "終値"), Kind.NUMBER, required=True),
        Column("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, also=("unit_size",)),
        Column("restricted", ("売買制限",), Kind.FLAG),
    ),
)
RISK = TableSchema(
    "RISK",
    "リスク表",
    (
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column("specific_variance", ("固有分散",), Kind.NUMBER, required=True),
    ),
    lenient=False,
    open=True,
)
_FACTOR = re.compile(r"(?:f|factor|因子)\s*\d+", re.I)
_MONEY = (0.0, 1e15)

SETTINGS = OptionSchema(
    (
        Setting("as_of", ("基準日",), Kind.DAY),
        Setting("tax_year", ("年分",), Kind.WHOLE),
        Setting("period_end", ("期末日",), Kind.DAY),
        Setting("quarters", ("四半期数",), Kind.WHOLE, 8, between=(1, 16)),
        Setting("budget", ("予算",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("realised", ("実現損益",), Kind.NUMBER, 0.0, between=(-1e15, 1e15)),
        Setting("carry", ("繰越損失",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("gains_low", ("他の譲渡益の見込み・低",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("gains_base", ("他の譲渡益の見込み・中",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("gains_high", ("他の譲渡益の見込み・高",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("tax_rate", ("税率",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Setting("cash", ("現金",), Kind.NUMBER, 0.0, between=(-1e15, 1e15)),
        Setting("cash_buffer", ("現金比率",), Kind.NUMBER, 0.0, between=(0.0, 0.999999)),
        Setting("min_trade", ("最低売買金額",), Kind.NUMBER, 0.0, between=_MONEY),
        Setting("lot_size", ("単元株数",), Kind.NUMBER, None, between=(1e-9, 1e9)),
        Setting("fee_rate", ("手数料率",), Kind.NUMBER, 0.0, between=(0.0, 0.5)),
        Setting("spread", ("スプレッド",), Kind.NUMBER, 0.0, between=(0.0, 0.5)),
        Setting("least_risk", ("リスク最小",), Kind.FLAG, False),
        Setting("te_multiplier", ("見込みTEの倍率",), Kind.NUMBER, 1.5, between=(0.1, 10.0)),
        Setting("saving", ("年間の費用差",), Kind.NUMBER, None, between=(-1e15, 1e15)),
        Setting("header", ("見出し",), Kind.FLAG, True),
        Setting("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)

OPTION_COLUMNS = {
    "scenario": "案",
    "gains": "実現益",
    "losses": "実現損",
    "net": "純損益",
    "tax_est": "税額(試算)",
    "low": "低",
    "high": "高",
    "trade_cost": "売買費用",
    "te_forecast": "推定TE",
    "te_planning": "見込みTE",
    "names": "銘柄数",
    "payback": "回収年数",
    "gain_budget": "利益予算",
    "status": "判定",
    "reason": "理由",
}
STEP_COLUMNS = {
    "quarter": "四半期",
    "window": "時期",
    "tax_year": "年分",
    "lots_sold": "売却数",
    "gains": "実現益",
    "losses": "実現損",
    "net": "純損益",
    "ytd": "年初来",
    "budget_left": "予算残",
    "trade_cost": "売買費用",
    "te_forecast": "推定TE",
    "status": "判定",
    "reason": "理由",
}
PlanLots = Annotated[
    Records,
    Help("Lots or positions held; tax-free accounts are left out", "保有するロット(非課税口座は除く)"),
    LOTS,
]
PlanTarget = Annotated[
    Records,
    Help("Table of code, weight and index_weight", "目標表(銘柄コード・構成比率・指数ウェイト)"),
    WANTED,
]
PlanPrices = Annotated[
    Records,
    Help("Table of code, price, lot_size, restricted", "価格表(銘柄コード・株価・売買単位・売買制限)"),
    QUOTES,
]
PlanRisk = Annotated[
    Records,
    Help(
        "Table of code, specific_variance and factor columns f01, f02 ... per year",
        "リスク表(銘柄コード・固有分散・因子1、因子2…、年率)",
    ),
    RISK,
]
PlanSettings = Annotated[
    OptionalSettings,
    Help(
        "as_of, tax_year, quarters, budget, realised, carry, gains_low/base/high, tax_rate, cash, "
        "cash_buffer, min_trade, fee_rate, spread, least_risk, te_multiplier, saving",
        "基準日・年分・四半期数・予算・実現損益・繰越損失・他の譲渡益・税率・現金・費用など",
    ),
    SETTINGS,
]


@worksheet_function(
    "TRANSITION_OPTIONS",
    category="Replication",
    ja="移行の六案",
    help_ja="目標への移行を、損失のみ・税額ゼロ・予算の半分・予算・予算の2倍・完全移行の六案で比べます。税額は試算です。",
    columns=OPTION_COLUMNS,
    source="workbook brief 3 a11; methodology 6.8",
)
def transition_options(
    lots: PlanLots,
    target: PlanTarget,
    prices: PlanPrices,
    risk: PlanRisk,
    options: PlanSettings = None,
) -> Spill:
    """Six ways to the target around a yearly budget of gains, from loss only (A) to the whole trade (F).

    B is tax neutral, C realises half the budget, D the budget, E twice the budget.
    Amounts are totals over the plan; tax is an estimate above what other results bear.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import load
    >>> held = [["code", "quantity", "unit_cost"], ["A", 100, 50], ["B", 100, 200]]
    >>> wanted = [["code", "weight", "index_weight"], ["A", 0, 0], ["B", 0, 0], ["C", 1, 1]]
    >>> quotes = [["code", "price", "lot_size"], ["A", 100, 1], ["B", 100, 1], ["C", 10, 1]]
    >>> model = [["code", "specific_variance"], ["A", 0.04], ["B", 0.04], ["C", 0.04]]
    >>> given = [["as_of", "2026-11-20"], ["budget", 1000], ["quarters", 1]]
    >>> given = [*given, ["columns", "scenario,gains,losses"]]
    >>> call(load()["TRANSITION_OPTIONS"], held, wanted, quotes, model, given)[1:3]
    [['A', 0.0, -10000.0], ['B', 5000.0, -10000.0]]
    """
    given = {**SETTINGS.defaults(), **(options or {})}
    plan, _ = plan_of(lots, target, prices, risk, given)
    rows = [_option_row(option, given) for option in options_of(plan)]
    return Spill(tuple(OPTION_COLUMNS), rows)


@worksheet_function(
    "TRANSITION_SCHEDULE",
    category="Replication",
    ja="移行の四半期計画",
    help_ja="選んだ案を四半期ごとに並べます。損失は最初に、利益は割安なものから年ごとの予算に合わせて実現します。",
    columns=STEP_COLUMNS,
    source="workbook brief 3 a11",
)
def transition_schedule(
    lots: PlanLots,
    target: PlanTarget,
    prices: PlanPrices,
    risk: PlanRisk,
    option: Annotated[Text, Help("A, B, C, D, E or F", "A~F"), Choice(*OPTIONS)],
    options: PlanSettings = None,
) -> Spill:
    """One option quarter by quarter: losses first, then gains, cheapest first, inside each tax year's budget.

    Window is the last day of the quarter; the tracking error is at its end.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import load
    >>> held = [["code", "quantity", "unit_cost"], ["A", 100, 50], ["B", 100, 200]]
    >>> wanted = [["code", "weight", "index_weight"], ["A", 0, 0], ["B", 0, 0], ["C", 1, 1]]
    >>> quotes = [["code", "price", "lot_size"], ["A", 100, 1], ["B", 100, 1], ["C", 10, 1]]
    >>> model = [["code", "specific_variance"], ["A", 0.04], ["B", 0.04], ["C", 0.04]]
    >>> given = [["as_of", "2026-11-20"], ["budget", 1000], ["quarters", 2]]
    >>> given = [*given, ["columns", "quarter,lots_sold,net"]]
    >>> call(load()["TRANSITION_SCHEDULE"], held, wanted, quotes, model, "B", given)[1:]
    [['26Q4', 2.0, -5000.0], ['27Q1', 0.0, 0.0]]
    """
    given = {**SETTINGS.defaults(), **(options or {})}
    plan, _ = plan_of(lots, target, prices, risk, given)
    chosen = next(one for one in options_of(plan) if one.letter == option)
    rows = []
    for step in chosen.steps:
        end = step.quarter.end
        rows.append([
            f"{end.year % 100:02d}Q{(end.month + 2) // 3}",
            end,
            float(step.quarter.tax_year),
            float(step.sold),
            step.gains,
            step.losses,
            step.net,
            step.year_to_date,
            step.budget_left,
            step.trading_cost,
            step.tracking_risk,
            "OK" if step.budget_left >= -1.0 or chosen.gain_budget is None else "BREACH",
            "" if step.budget_left >= -1.0 or chosen.gain_budget is None else "OVER_BUDGET",
        ])  # fmt: skip
    return Spill(tuple(STEP_COLUMNS), rows)


def _option_row(option: Option, given: dict[str, Any]) -> list[Any]:
    _low, base, _high = option.tax
    saving = given["saving"]
    payback = (base + option.trading_cost) / saving if saving is not None and saving > 0.0 else None
    return [
        option.letter,
        option.gains,
        option.losses,
        option.net,
        base,
        min(option.tax),
        max(option.tax),
        option.trading_cost,
        option.tracking_risk,
        option.tracking_risk * given["te_multiplier"],
        float(option.names),
        payback,
        option.gain_budget,
        "OK",
        "",
    ]


# What the tables say ------------------------------------------------------------------------------


def plan_of(
    lots: Table, target: Table, prices: Table, risk: Table, given: dict[str, Any]
) -> tuple[Transition, list[dict[str, Any]]]:
    """The plan that the tables describe, and its names in its order: code, name, price."""
    as_of: dt.date | None = given["as_of"]
    if as_of is None:
        raise MissingError("options: as_of is missing; give the date of the plan")
    names = _names(lots, target, prices)
    priced = [row for row in names if row["price"] is not None and row["price"] > 0.0]
    if not priced:
        raise EmptyBaseError("no name has a price; the account cannot be valued")
    for row in priced:
        japanese = JAPANESE_CODE.fullmatch(row["code"]) is not None
        row["lot_size"] = row["lot_size"] or given["lot_size"] or (JAPANESE_UNIT if japanese else UNIT)
    exposures, specific = _risk(risk, [row["code"] for row in priced])
    goal = Goal(
        quantity=_numbers(priced, "quantity"),
        price=_numbers(priced, "price"),
        unit_cost=_numbers(priced, "unit_cost"),
        lot=_numbers(priced, "lot_size"),
        weight=_numbers(priced, "weight"),
        restricted=np.array([bool(row["restricted"]) for row in priced], dtype=bool),
        cash=given["cash"],
        cash_buffer=given["cash_buffer"],
        min_trade=given["min_trade"],
        tax_rate=given["tax_rate"],
        cost_rate=given["fee_rate"] + 0.5 * given["spread"],
    )
    if given["least_risk"]:
        goal = replace(goal, covariance=exposures @ exposures.T + np.diag(specific))
    quarters = quarters_from(as_of, given["quarters"], given["tax_year"] or as_of.year, given["period_end"])
    outlook = Outlook(
        given["tax_rate"],
        given["realised"],
        given["carry"],
        (given["gains_low"], given["gains_base"], given["gains_high"]),
    )
    index = _numbers(priced, "index_weight")
    return Transition(goal, index, exposures, specific, given["budget"], quarters, outlook), priced


def _names(lots: Table, target: Table, prices: Table) -> list[dict[str, Any]]:
    """Names of the target in their order, then others held; shares and cost of taxable accounts added up."""
    quotes = {row["code"]: row for row in prices.records() if row["code"]}
    rows: dict[str, dict[str, Any]] = {}
    for row in target.records():
        code = row["code"]
        if code in rows:
            raise InputError(f"target, row {row['row']}: {code} is there already; give each name one weight")
        rows[code] = _row(code, quotes, row["weight"] or 0.0, row["index_weight"] or 0.0)
    for row in lots.records():
        code, quantity = row["code"], row["quantity"]
        if not code or quantity is None:
            raise InputError(f"lots, row {row['row']}: a code and a quantity are needed in every row")
        if row["account_kind"] and not AccountKind.of(row["account_kind"]).facts.loss_counts:
            continue
        held = rows.setdefault(code, _row(code, quotes, 0.0, 0.0))
        held["quantity"] += float(quantity)
        cost = row["cost"]
        if cost is None and row["unit_cost"] is not None:
            cost = row["unit_cost"] * quantity
        held["cost"] = None if cost is None or held["cost"] is None else held["cost"] + float(cost)
        held["restricted"] = held["restricted"] or bool(row["restricted"])
    for held in rows.values():
        known = held["quantity"] > 0.0 and held["cost"] is not None
        held["unit_cost"] = held["cost"] / held["quantity"] if known else None
    return list(rows.values())


def _row(code: str, quotes: dict[str, dict[str, Any]], weight: float, index_weight: float) -> dict[str, Any]:
    quote = quotes.get(code, {})
    return {
        "code": code,
        "name": quote.get("name"),
        "weight": weight,
        "index_weight": index_weight,
        "quantity": 0.0,
        "cost": 0.0,
        "price": quote.get("price"),
        "lot_size": quote.get("lot_size"),
        "restricted": bool(quote.get("restricted")),
    }


def _risk(risk: Table, codes: list[str]) -> tuple[FloatArray, FloatArray]:
    """Factor loadings and specific variances of the names, in their order."""
    factors = [key for key in risk.columns if _FACTOR.fullmatch(str(key).strip())]
    places = {code: place for place, code in enumerate(risk["code"])}
    if missing := [code for code in codes if code not in places]:
        raise MissingError(
            f"risk: no row for {', '.join(missing[:5])}; the risk model must hold every name of the plan"
        )
    at = [places[code] for code in codes]
    specific = np.array(
        [_number(risk["specific_variance"][place], "specific_variance", place) for place in at]
    )
    exposures = np.array([[_number(risk[key][place], str(key), place) for key in factors] for place in at])
    return exposures.reshape(len(codes), len(factors)), specific


def _number(value: Any, column: str, place: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"risk, row {place + 2}: {column} is not a number")
    return float(value)


def _numbers(rows: list[dict[str, Any]], key: str) -> FloatArray:
    return np.array([np.nan if row[key] is None else float(row[key]) for row in rows])
