"""REPLICATE_TRADES and REPLICATE_COMPARE: the orders, and the methods side by side (methodology 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from udfs.risk import checked_covariance
from xlplugin.engines.replication import compare, trades
from xlplugin.engines.replication.request import ReplicationRequest
from xlplugin.errors import ErrorValue, MissingError
from xlplugin.worksheet.kinds import (
    Help,
    Kind,
    Option,
    OptionalMatrix,
    OptionalRecords,
    OptionalSettings,
    OptionSchema,
    Records,
    Rows,
    Spill,
    Table,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import POSITIONS, PRICES, RESTRICTIONS, UNIVERSE

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray

__all__ = ["replicate_compare", "replicate_trades"]

TRADES_OPTIONS = OptionSchema(
    (
        Option("min_trade", ("最低売買金額",), Kind.NUMBER, 0.0, between=(0.0, 1e15)),
        Option("band", ("許容幅",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, 100.0, between=(1e-9, 1e9)),
        Option("participation", ("参加率",), Kind.NUMBER, 0.1, between=(1e-9, 1.0)),
        Option("show_hold", ("全件表示",), Kind.FLAG, False),
        Option("header", ("見出し",), Kind.FLAG, True),
        Option("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)

COMPARE_OPTIONS = OptionSchema(
    (
        Option("amount", ("金額",), Kind.NUMBER, None, between=(1e-9, 1e18)),
        Option("count", ("銘柄数",), Kind.WHOLE, None, between=(1, 100000)),
        Option("cash", ("現金比率",), Kind.NUMBER, 0.0, between=(0.0, 0.999999)),
        Option("min_weight", ("最低比率",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, 1.0, between=(1e-9, 1e9)),
        Option("te_multiplier", ("計画用倍率",), Kind.NUMBER, 1.2, between=(0.1, 10.0)),
        Option("core_share", ("コア比率",), Kind.NUMBER, 0.5, between=(0.0, 1.0)),
        Option("core_error", ("コアの追跡誤差",), Kind.NUMBER, 0.0, between=(0.0, 1.0)),
        Option("header", ("見出し",), Kind.FLAG, True),
        Option("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)


@worksheet_function(
    "REPLICATE_TRADES",
    category="Replication",
    ja="売買リスト",
    help_ja="現在の数量と目標数量から売買リスト(売り、買いの順、金額順)を返します。",
    columns={
        "rank": "順位",
        "side": "売買",
        "account": "口座",
        "code": "銘柄コード",
        "name": "銘柄名",
        "quantity": "数量",
        "price": "時価",
        "amount": "金額",
        "lots": "単元数",
        "days": "執行日数",
        "status": "判定",
        "reason": "理由",
    },
    source="methodology 4.4, 6.8",
)
def replicate_trades(
    positions: Annotated[
        Records,
        Help(
            "Table of positions: code, quantity, target_quantity, price",
            "建玉表(銘柄コード・数量・目標数量・株価)",
        ),
        POSITIONS,
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "min_trade, band, lot_size, participation, show_hold",
            "最低売買金額・許容幅・単元株数・参加率・全件表示",
        ),
        TRADES_OPTIONS,
    ] = None,
) -> Spill:
    """List of orders from what is held and what is wanted: sells first, each block by amount.

    Quantities are whole trading units; a full exit sells odd shares too.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> held = [["code", "quantity", "target_quantity", "price"], ["A", 100.0, 300.0, 1000.0]]
    >>> [row] = replicate_trades(read_table(block(held), POSITIONS, "positions")).rows
    >>> row[1], row[5], row[8]
    ('BUY', 200.0, 2.0)
    """
    given = {**TRADES_OPTIONS.defaults(), **(options or {})}
    wanted = [_wanted(positions, row, given["lot_size"]) for row in positions.records()]
    orders = trades.list_orders(
        wanted, min_trade=given["min_trade"], band=given["band"], participation=given["participation"]
    )
    shown = [
        order for order in orders if order.side != "HOLD" or order.status != "HOLD" or given["show_hold"]
    ]
    keys = (
        "rank",
        "side",
        "account",
        "code",
        "name",
        "quantity",
        "price",
        "amount",
        "lots",
        "days",
        "status",
        "reason",
    )
    return Spill(keys, [_order_cells(order) for order in shown])


def _wanted(positions: Table, row: dict[str, Any], lot_size: float) -> trades.Wanted:
    problems = []
    if not row["code"]:
        problems.append("NO_CODE")
    if (
        row["target_quantity"] is None
        or row["target_quantity"] < 0.0
        or (row["quantity"] or 0.0) < 0.0
        or positions.problem(row["row"], "quantity")
    ):
        problems.append("BAD_QUANTITY")
    if row["price"] is None:
        problems.append("NO_PRICE")
    elif row["price"] <= 0.0:
        problems.append("BAD_PRICE")
    lot = row["lot_size"] if row["lot_size"] is not None else lot_size
    if lot <= 0.0:
        problems.append("BAD_QUANTITY")
    return trades.Wanted(
        account=row["account"] or "",
        code=row["code"] or "",
        name=row["name"] or "",
        held=row["quantity"] or 0.0,
        wanted=row["target_quantity"] or 0.0,
        price=row["price"] or 0.0,
        lot=lot,
        adv=row["adv"],
        restricted=bool(row["restricted"]),
        problems=tuple(sorted(set(problems))),
    )


def _order_cells(order: trades.Order) -> list[Any]:
    of, unknown = order.of, order.status == "UNKNOWN"
    figures = [order.quantity, of.price or None, order.amount, order.lots, order.days]
    return [
        order.rank,
        order.side if not unknown else "",
        of.account,
        of.code,
        of.name,
        *([ErrorValue.NA] * 5 if unknown else figures),
        order.status,
        "; ".join(order.reasons),
    ]


@worksheet_function(
    "REPLICATE_COMPARE",
    category="Replication",
    ja="複製方法の比較",
    help_ja="完全法・層化抽出法・最適化法・ETFコアを、銘柄数・推定TE・売買費用・現金・ベータで比較します。",
    columns={
        "method": "方式",
        "names": "銘柄数",
        "te_forecast": "推定TE",
        "te_planning": "計画TE",
        "trade_cost": "売買費用",
        "cash_pct": "現金比率",
        "beta": "ベータ",
        "reason": "理由",
    },
    source="methodology 4, 4.7",
)
def replicate_compare(
    index_weights: Annotated[
        Records,
        Help(
            "Table of the index: code, weight; sector for the stratified method; price",
            "指数表(銘柄コード・構成比率、任意で業種・時価)",
        ),
        UNIVERSE,
    ],
    restrictions: Annotated[
        OptionalRecords,
        Help("Table of restrictions: code; do_not_buy leaves a name out", "制限表(購入不可は除外)"),
        RESTRICTIONS,
    ] = None,
    prices: Annotated[
        OptionalRecords,
        Help("Table of prices: code, price, spread", "価格表(銘柄コード・時価・スプレッド)"),
        PRICES,
    ] = None,
    risk: Annotated[
        OptionalMatrix,
        Help(
            "Covariance per year in the order of index_weights, or a risk model's handle",
            "共分散行列(年率、指数表の順)またはリスクモデルのハンドル",
        ),
        Rows("index_weights"),
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "amount, count, cash, min_weight, lot_size, te_multiplier, core_share, core_error",
            "金額・銘柄数・現金比率・最低比率・単元株数・計画用倍率・コア比率・コアの追跡誤差",
        ),
        COMPARE_OPTIONS,
    ] = None,
) -> Spill:
    """Full, stratified and optimised copy and an ETF core side by side: names, risk, cost, cash, beta.

    With an amount and prices in whole trading units. A method that is not possible says why in the
    column reason.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> index = [["code", "weight", "sector"], ["A", 0.6, "x"], ["B", 0.4, "y"]]
    >>> table = read_table(block(index), UNIVERSE, "index_weights")
    >>> rows = replicate_compare(table, None, None, np.diag([0.04, 0.09]), {"count": 1}).rows
    >>> [(row[0], row[1]) for row in rows]
    [('full', 2), ('stratified', 1), ('optimized', 1), ('core', 2)]
    """
    given = {**COMPARE_OPTIONS.defaults(), **(options or {})}
    benchmark, codes = _universe(index_weights)
    if risk is None:
        raise MissingError("risk: nothing was given; point it at a covariance in the order of index_weights")
    forbidden = set()
    for row in restrictions.records() if restrictions is not None else ():
        if row["rule"] == "do_not_buy":
            forbidden.add(row["code"])
    upper = np.array([0.0 if code in forbidden else np.inf for code in codes])
    price, spread = _market(index_weights, prices, codes)
    sectors = index_weights["sector"]
    request = ReplicationRequest(
        benchmark,
        count=given["count"],
        risk=checked_covariance(risk, benchmark),
        cells=tuple(sector or "" for sector in sectors) if "sector" in index_weights.present else None,
        upper=upper if forbidden else None,
        cash=given["cash"],
        min_weight=given["min_weight"],
    )
    rows = compare.compare_methods(
        request,
        amount=given["amount"],
        price=price,
        lot=given["lot_size"],
        spread=spread,
        core_share=given["core_share"],
        core_error=given["core_error"],
    )
    keys = ("method", "names", "te_forecast", "te_planning", "trade_cost", "cash_pct", "beta", "reason")
    return Spill(keys, [_method_cells(row, given["te_multiplier"]) for row in rows])


def _method_cells(row: compare.MethodRow, multiplier: float) -> list[Any]:
    if row.problem:
        return [row.method, *[ErrorValue.NA] * 6, row.problem]
    planning = None if row.te_forecast is None else row.te_forecast * multiplier
    figures = (row.names, row.te_forecast, planning, row.trade_cost, row.cash, row.beta)
    return [row.method, *(ErrorValue.NA if value is None else value for value in figures), ""]


def _universe(table: Table) -> tuple[FloatArray, list[str]]:
    """Weights and codes of the index; every row needs both."""
    for row in table.records():
        if row["weight"] is None or not row["code"]:
            raise MissingError(f"{table.name}, row {row['row']}: the code or the weight is missing")
    return np.array(table["weight"], dtype=np.float64), list(table["code"])


def _market(
    universe: Table, prices: Table | None, codes: list[str]
) -> tuple[FloatArray | None, FloatArray | None]:
    """Prices and spreads in the order of the index; None where one is not known for every name."""
    quotes = {row["code"]: row for row in prices.records()} if prices is not None else {}
    price: list[float] = []
    spread: list[float] = []
    for code, own in zip(codes, universe["price"], strict=True):
        quote = quotes.get(code, {})
        value = quote.get("price") or own
        if value is not None and value > 0:
            price.append(float(value))
        if quote.get("spread") is not None:
            spread.append(float(quote["spread"]))
    n = len(codes)
    return (
        np.array(price) if len(price) == n else None,
        np.array(spread) if len(spread) == n else None,
    )
