"""REBALANCE: back to target weights in whole lots (methodology 6.8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from udfs.risk import checked_covariance
from xlplugin.engines.rebalancing.to_target import GainMode, Goal, Rebalanced, rebalance_to_target
from xlplugin.errors import EmptyBaseError, InputError, MissingError
from xlplugin.worksheet.kinds import (
    Choice,
    Help,
    Kind,
    Number,
    Option,
    OptionalMatrix,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import HOLDINGS, TARGETS

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["rebalance"]

JAPANESE_CODE = re.compile(r"[0-9][0-9A-Z][0-9][0-9A-Z]")
JAPANESE_UNIT, UNIT = 100.0, 1.0

COLUMNS = {
    "rank": "順位",
    "side": "売買",
    "account": "口座",
    "code": "銘柄コード",
    "name": "銘柄名",
    "quantity": "数量",
    "price": "時価",
    "amount": "金額",
    "quantity_before": "変更前数量",
    "quantity_after": "変更後数量",
    "weight_before": "変更前比率",
    "weight_target": "目標比率",
    "weight_after": "変更後比率",
    "realised_gain": "実現損益",
    "tax": "税額",
    "trading_cost": "売買費用",
    "adv_share": "売買代金比",
    "status": "判定",
    "reason": "理由",
}

REBALANCE_OPTIONS = OptionSchema(
    (
        Option("band", ("許容幅",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("min_trade", ("最低売買金額",), Kind.NUMBER, 0.0, between=(0.0, 1e15)),
        Option("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, None, between=(1e-9, 1e9)),
        Option("cash_buffer", ("現金比率",), Kind.NUMBER, 0.0, between=(0.0, 0.999999)),
        Option("gain_mode", ("利益実現",), Kind.TEXT, "ANY", choice=Choice("ANY", "LOSS_ONLY", "BUDGET")),
        Option("gain_budget", ("利益予算",), Kind.NUMBER, 0.0, between=(0.0, 1e15)),
        Option("tax_rate", ("税率",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("fee_rate", ("手数料率",), Kind.NUMBER, 0.0, between=(0.0, 0.5)),
        Option("spread", ("スプレッド",), Kind.NUMBER, 0.0, between=(0.0, 0.5)),
        Option("participation", ("売買代金比の上限",), Kind.NUMBER, None, between=(0.0, 1e6)),
        Option("show_hold", ("全件表示",), Kind.FLAG, False),
        Option("header", ("見出し",), Kind.FLAG, True),
        Option("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)


@worksheet_function(
    "REBALANCE",
    category="Replication",
    ja="リバランス",
    help_ja="保有銘柄を目標比率へ戻す売買リストを返します。売りを先に、利益の制限と現金の範囲で単元ごとに買います。",
    columns=COLUMNS,
    source="methodology 6.8",
)
def rebalance(
    holdings: Annotated[
        Records,
        Help(
            "Table of holdings: code, quantity, price, unit_cost",
            "保有表(銘柄コード・数量・時価・取得単価)",
        ),
        HOLDINGS,
    ],
    targets: Annotated[
        Records,
        Help(
            "Table of targets: code, weight, price of names not held; weights sum to 1 at most",
            "目標表(銘柄コード・目標比率・未保有銘柄の株価)",
        ),
        TARGETS,
    ],
    cash: Annotated[
        Number,
        Help("Cash to invest; negative: cash to raise [money]", "投資に回す現金。負の値は必要な現金"),
    ] = 0.0,
    options: Annotated[
        OptionalSettings,
        Help(
            "band, min_trade, lot_size, cash_buffer, gain_mode, gain_budget, tax_rate, fee_rate, spread, "
            "participation, show_hold",
            "許容幅・最低売買金額・単元株数・現金比率・利益実現・利益予算・税率・手数料率・スプレッド・売買代金比の上限・全件表示",
        ),
        REBALANCE_OPTIONS,
    ] = None,
    covariance: Annotated[
        OptionalMatrix,
        Help(
            "Annual covariance, names in order of first appearance: least risk instead of least squares",
            "年率共分散(保有表、目標表の順)。最小二乗の代わりに追跡誤差を最小にします",
        ),
    ] = None,
) -> Spill:
    """List of orders that bring an account back to its target weights, in whole trading units.

    Sells to the nearest lot first, never a gain that gain_mode forbids; then buys with the cash there
    is. Names that stay as they are appear with show_hold only. An order above the share `participation`
    of the daily value traded (column adv of holdings) carries the reason OVER_VOLUME.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> held = [["code", "quantity", "price"], ["A", 300.0, 1000.0]]
    >>> wanted = [["code", "weight", "price"], ["A", 0.5, 1000.0], ["B", 0.5, 500.0]]
    >>> tables = read_table(block(held), HOLDINGS, "holdings"), read_table(block(wanted), TARGETS, "targets")
    >>> done = rebalance(*tables, 100000.0, {"lot_size": 100.0})
    >>> [(row[1], row[3], row[5]) for row in done.rows]
    [('SELL', 'A', 100.0), ('BUY', 'B', 400.0)]
    """
    given = {**REBALANCE_OPTIONS.defaults(), **(options or {})}
    names = _names(holdings, targets, given["lot_size"])
    priced = [row for row in names if row["price"] is not None and row["price"] > 0.0]
    if not priced:
        raise EmptyBaseError("no name has a price; the account cannot be valued")
    if covariance is not None and len(priced) < len(names):
        missing = next(row["code"] for row in names if row not in priced)
        raise MissingError(f"with a covariance every name needs a price; {missing} has none")
    goal = Goal(
        quantity=_numbers(priced, "quantity"),
        price=_numbers(priced, "price"),
        unit_cost=_numbers(priced, "unit_cost"),
        lot=_numbers(priced, "lot_size"),
        weight=_numbers(priced, "weight"),
        restricted=np.array([bool(row["restricted"]) for row in priced], dtype=bool),
        cash=cash,
        cash_buffer=given["cash_buffer"],
        band=given["band"],
        min_trade=given["min_trade"],
        gain_mode=GainMode(given["gain_mode"]),
        gain_budget=given["gain_budget"],
        tax_rate=given["tax_rate"],
        cost_rate=given["fee_rate"] + 0.5 * given["spread"],
        covariance=None if covariance is None else checked_covariance(covariance, np.zeros(len(priced))),
    )
    done = rebalance_to_target(goal)
    rows = _listed(priced, goal, done, participation=given["participation"], show_hold=given["show_hold"])
    rows += [_unpriced(row) for row in names if row["price"] is None or row["price"] <= 0.0]
    return Spill(tuple(COLUMNS), rows or [_nothing()])


def _names(holdings: Table, targets: Table, lot_size: float | None) -> list[dict[str, Any]]:
    """Holdings in their order, then targets that are not held; every code once."""
    rows: dict[str, dict[str, Any]] = {}
    for row in holdings.records():
        code = row["code"]
        if not code or row["quantity"] is None:
            raise InputError(f"holdings, row {row['row']}: a code and a quantity are needed in every row")
        if code in rows:
            raise InputError(
                f"holdings, row {row['row']}: {code} is there already; "
                "put the shares of one name into one row"
            )
        if row["quantity"] < 0.0:
            raise InputError(
                f"holdings, row {row['row']}: {code} has {row['quantity']:g} shares; "
                "a quantity is not negative"
            )
        rows[code] = {**row, "weight": 0.0}
    seen: set[str] = set()
    for row in targets.records():
        code, weight = row["code"], row["weight"]
        if code in seen:
            raise InputError(f"targets, row {row['row']}: {code} is there already; give each name one weight")
        if not code or weight is None or weight < 0.0:
            raise InputError(f"targets, row {row['row']}: a code and a weight of at least 0 are needed")
        seen.add(code)
        known = rows.setdefault(
            code,
            {"code": code, "account": None, "quantity": 0.0, "unit_cost": None, "restricted": False}
            | {"name": row["name"], "price": row["price"], "lot_size": row["lot_size"]},
        )
        known["weight"] = weight
        known["name"] = known["name"] or row["name"]
        for key in ("price", "lot_size"):
            known[key] = row[key] if known[key] is None else known[key]
    for row in rows.values():
        japanese = JAPANESE_CODE.fullmatch(row["code"]) is not None
        row["lot_size"] = row["lot_size"] or lot_size or (JAPANESE_UNIT if japanese else UNIT)
    return list(rows.values())


def _numbers(rows: list[dict[str, Any]], key: str) -> FloatArray:
    return np.array([np.nan if row[key] is None else float(row[key]) for row in rows])


def _listed(
    names: list[dict[str, Any]],
    goal: Goal,
    done: Rebalanced,
    *,
    participation: float | None,
    show_hold: bool,
) -> list[list[Any]]:
    """Sales by amount, purchases by amount, then what is held; ties in the order of the tables."""
    places = range(len(names))
    sells = sorted((p for p in places if done.traded[p] < 0.0), key=lambda p: -done.amount[p])
    buys = sorted((p for p in places if done.traded[p] > 0.0), key=lambda p: -done.amount[p])
    holds = [p for p in places if done.traded[p] == 0.0] if show_hold else []
    rows: list[list[Any]] = []
    for rank, place in enumerate((*sells, *buys, *holds), start=1):
        row, shares = names[place], float(done.traded[place])
        held = shares == 0.0
        adv = row.get("adv")
        adv_share = float(done.amount[place]) / adv if adv and not held else None
        reasons = set(done.reasons[place])
        if adv_share is not None and participation is not None and adv_share > participation:
            reasons.add("OVER_VOLUME")
        rows.append([
            None if held else rank,
            "HOLD" if held else "SELL" if shares < 0.0 else "BUY",
            row["account"],
            row["code"],
            row["name"],
            abs(shares),
            float(goal.price[place]),
            float(done.amount[place]),
            float(goal.quantity[place]),
            float(goal.quantity[place]) + shares,
            float(done.weight_before[place]),
            float(done.weight_target[place]),
            float(done.weight_after[place]),
            float(done.gain[place]),
            float(done.tax[place]),
            float(done.cost[place]),
            adv_share,
            "HOLD" if held else "OK",
            "; ".join(sorted(reasons)),
        ])  # fmt: skip
    return rows


def _unpriced(row: dict[str, Any]) -> list[Any]:
    reason = "NO_PRICE" if row["price"] is None else "BAD_PRICE"
    known = {"account": row["account"], "code": row["code"], "name": row["name"], "side": "HOLD"}
    known |= {"quantity_before": row["quantity"], "status": "UNKNOWN", "reason": reason}
    return [known.get(column) for column in COLUMNS]


def _nothing() -> list[Any]:
    """Nothing to trade: one row that says so, because a result never has no rows."""
    known = {"side": "HOLD", "quantity": 0.0, "amount": 0.0, "status": "HOLD", "reason": ""}
    return [known.get(column) for column in COLUMNS]
