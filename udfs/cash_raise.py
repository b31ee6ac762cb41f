"""TRANSITION_CASH and TRANSITION_CASH_TRADES: money raised by sales, with the least TE or the least tax.

The tables and options are those of TRANSITION_OPTIONS.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from udfs.transition import (
    OPTION_COLUMNS,
    SETTINGS,
    PlanLots,
    PlanPrices,
    PlanRisk,
    PlanSettings,
    PlanTarget,
    plan_of,
)
from xlplugin.engines.cash_raise import CashRaise, raise_cash
from xlplugin.worksheet.kinds import Choice, Help, Number, Spill, Text
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["transition_cash", "transition_cash_trades"]

VARIANTS = ("LOWER_TE", "LOWER_TAX")
"""Codes of the two ways, in the order of `raise_cash`."""

_SHARED = [key for key in OPTION_COLUMNS if key not in ("payback", "gain_budget", "status", "reason")]
CASH_COLUMNS = {
    **{key: OPTION_COLUMNS[key] for key in _SHARED},
    "names_sold": "売却銘柄数",
    "cash_raised": "用意できる現金",
    "status": OPTION_COLUMNS["status"],
    "reason": OPTION_COLUMNS["reason"],
}
TRADE_COLUMNS = {
    "side": "売買",
    "code": "銘柄コード",
    "name": "銘柄名",
    "quantity": "数量",
    "price": "時価",
    "amount": "金額",
    "gain": "実現損益",
    "trade_cost": "売買費用",
    "weight_after": "変更後比率",
    "status": "判定",
    "reason": "理由",
}
_Amount = Annotated[
    Number,
    Help("Money to raise by sales, trading costs paid [money]", "売却で用意する金額(売買費用の控除後)"),
]


@worksheet_function(
    "TRANSITION_CASH",
    category="Replication",
    ja="現金の準備",
    help_ja="売却で現金を用意する二案を比べます。TEが低い案と、税が低い(TEが高い)案です。税額は試算です。",
    columns=CASH_COLUMNS,
    source="workbook brief 3 a11",
)
def transition_cash(
    lots: PlanLots,
    target: PlanTarget,
    prices: PlanPrices,
    risk: PlanRisk,
    amount: _Amount,
    options: PlanSettings = None,
) -> Spill:
    """Two ways to raise cash by sales: LOWER_TE keeps tracking risk least, LOWER_TAX the tax.

    Nothing is bought and the cash of the account stays; the tracking error is that of the account
    that remains. Tax is an estimate above what other results bear, below zero where losses save tax.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import load
    >>> held = [["code", "quantity", "unit_cost"], ["A", 100, 5], ["B", 100, 12]]
    >>> wanted = [["code", "weight", "index_weight"], ["A", 0.5, 0.5], ["B", 0.5, 0.5]]
    >>> quotes = [["code", "price", "lot_size"], ["A", 10, 1], ["B", 10, 1]]
    >>> model = [["code", "specific_variance"], ["A", 0.04], ["B", 0.04]]
    >>> given = [["as_of", "2026-11-20"], ["columns", "scenario,net,names_sold,cash_raised"]]
    >>> call(load()["TRANSITION_CASH"], held, wanted, quotes, model, 200, given)[1:]
    [['LOWER_TE', 30.0, 2.0, 200.0], ['LOWER_TAX', -40.0, 1.0, 200.0]]
    """
    given = {**SETTINGS.defaults(), **(options or {})}
    plan, _ = plan_of(lots, target, prices, risk, given)
    rows = [
        _row(variant, found, given) for variant, found in zip(VARIANTS, raise_cash(plan, amount), strict=True)
    ]
    return Spill(tuple(CASH_COLUMNS), rows)


@worksheet_function(
    "TRANSITION_CASH_TRADES",
    category="Replication",
    ja="現金の準備の売却一覧",
    help_ja="現金を用意する案の売却を、金額の大きい順に並べます。株数は売買単位です。",
    columns=TRADE_COLUMNS,
    source="workbook brief 3 a11",
)
def transition_cash_trades(
    lots: PlanLots,
    target: PlanTarget,
    prices: PlanPrices,
    risk: PlanRisk,
    amount: _Amount,
    variant: Annotated[
        Text, Help("LOWER_TE or LOWER_TAX", "LOWER_TE(TEが低い)か LOWER_TAX(税が低い)"), Choice(*VARIANTS)
    ],
    options: PlanSettings = None,
) -> Spill:
    """The sales of one way to raise cash, largest first; one row HOLD where nothing is sold.

    Weights are of the account that remains.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import load
    >>> held = [["code", "quantity", "unit_cost"], ["A", 100, 5], ["B", 100, 12]]
    >>> wanted = [["code", "weight", "index_weight"], ["A", 0.5, 0.5], ["B", 0.5, 0.5]]
    >>> quotes = [["code", "price", "lot_size"], ["A", 10, 1], ["B", 10, 1]]
    >>> model = [["code", "specific_variance"], ["A", 0.04], ["B", 0.04]]
    >>> given = [["as_of", "2026-11-20"], ["columns", "side,code,quantity,gain"]]
    >>> call(load()["TRANSITION_CASH_TRADES"], held, wanted, quotes, model, 200, "LOWER_TAX", given)[1:]
    [['SELL', 'B', 20.0, -40.0]]
    """
    given = {**SETTINGS.defaults(), **(options or {})}
    plan, names = plan_of(lots, target, prices, risk, given)
    found = raise_cash(plan, amount)[VARIANTS.index(variant)]
    rows = []
    for place in np.argsort(-found.amount, kind="stable"):
        if found.sold[place] > 0.0:
            rows.append([
                "SELL",
                names[place]["code"],
                names[place]["name"],
                float(found.sold[place]),
                float(plan.goal.price[place]),
                float(found.amount[place]),
                float(found.gain[place]),
                float(found.cost[place]),
                float(found.weights[place]),
                "OK",
                "",
            ])  # fmt: skip
    nothing = {"side": "HOLD", "quantity": 0.0, "amount": 0.0, "gain": 0.0, "status": "HOLD", "reason": ""}
    return Spill(tuple(TRADE_COLUMNS), rows or [[nothing.get(column) for column in TRADE_COLUMNS]])


def _row(variant: str, found: CashRaise, given: dict[str, Any]) -> list[Any]:
    return [
        variant,
        found.gains,
        found.losses,
        found.net,
        found.tax[1],
        min(found.tax),
        max(found.tax),
        float(found.cost.sum()),
        found.tracking_risk,
        found.tracking_risk * given["te_multiplier"],
        float(found.names),
        float(np.count_nonzero(found.sold)),
        found.cash,
        "OK",
        "",
    ]
