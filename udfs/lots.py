"""LOT_...: what shares cost, what they are worth, and what a sale of them gives."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from udfs.ledger_rows import Accounts, fills_of, groups_of, holdings_of, quotes_of, total_of
from xlplugin.core.lots import exact
from xlplugin.engines.disposals import SaleOrder, SaleRates, sale_results
from xlplugin.engines.unit_costs import unit_costs
from xlplugin.engines.unrealised import unrealised
from xlplugin.worksheet.kinds import (
    Choice,
    Help,
    Kind,
    Option,
    OptionalDay,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    Table,
    Text,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import LOTS, PRICES, SALES, TRADES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.core.accounts import Account
    from xlplugin.engines.harvesting.holdings import Holding

__all__ = [
    "CHOSEN",
    "HEADER",
    "lot_dispose",
    "lot_gains",
    "lot_unit_cost",
    "sale_orders",
    "settlement_days",
]

HEADER = Option("header", ("見出し",), Kind.FLAG, True)
CHOSEN = Option("columns", ("列",), Kind.TEXT, None)

UNIT_COST_OPTIONS = OptionSchema(
    (
        Option(
            "rounding",
            ("端数処理",),
            Kind.TEXT,
            "SALE",
            choice=Choice(
                "SALE", "EACH_BUY", japanese={"売却時": "SALE", "買付毎": "EACH_BUY", "買付ごと": "EACH_BUY"}
            ),
        ),
        Option(
            "corporate_method",
            ("法人の評価方法",),
            Kind.TEXT,
            "MOVING",
            choice=Choice("MOVING", "TOTAL", japanese={"移動平均法": "MOVING", "総平均法": "TOTAL"}),
        ),
        Option("method", ("方式",), Kind.TEXT, "FIFO", choice=Choice("FIFO", "LIFO", "HIFO")),
        Option("period_end", ("期末日",), Kind.DAY, None),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
GAINS_OPTIONS = OptionSchema((HEADER, CHOSEN), shapes_output=True)
DISPOSE_OPTIONS = OptionSchema(
    (
        Option("short_rate", ("短期税率",), Kind.DECIMAL, Decimal(0), between=(0, 1)),
        Option("long_rate", ("長期税率",), Kind.DECIMAL, Decimal(0), between=(0, 1)),
        Option("tax_rate", ("税率",), Kind.DECIMAL, Decimal(0), between=(0, 1)),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)

UNIT_COST_COLUMNS = {
    "account": "口座",
    "account_kind": "口座区分",
    "code": "銘柄コード",
    "name": "銘柄名",
    "lot": "ロット",
    "acquired": "取得日",
    "quantity": "数量",
    "unit_cost": "取得単価",
    "cost": "取得価額",
    "status": "判定",
    "reason": "理由",
}
GAINS_COLUMNS = {
    "account": "口座",
    "account_kind": "口座区分",
    "code": "銘柄コード",
    "name": "銘柄名",
    "lot": "ロット",
    "quantity": "数量",
    "unit_cost": "取得単価",
    "price": "時価",
    "cost": "取得価額",
    "value": "評価額",
    "gain": "損益",
    "gain_ratio": "損益率",
    "term": "保有期間区分",
    "harvestable": "損出し可",
    "status": "判定",
    "reason": "理由",
}
DISPOSE_COLUMNS = {
    "sale": "売却番号",
    "trade_date": "約定日",
    "recognised_on": "認識日",
    "account": "口座",
    "account_kind": "口座区分",
    "code": "銘柄コード",
    "lot": "ロット",
    "acquired": "取得日",
    "quantity": "数量",
    "unit_cost": "取得単価",
    "cost": "取得価額",
    "proceeds": "譲渡価額",
    "fee": "手数料",
    "gain": "損益",
    "term": "保有期間区分",
    "tax": "税額",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "LOT_UNIT_COST",
    category="Lots",
    ja="取得単価",
    help_ja="売買の履歴から、プール(日本)または保有ロット(米国)ごとの取得単価と取得価額を返します。",
    columns=UNIT_COST_COLUMNS,
    source="methodology 6.2; 所得税法施行令118条; 措置法通達37の11の3-1; 法人税法施行令119条の2; 26 USC 1012",
)
def lot_unit_cost(
    trades: Annotated[
        Records,
        Help(
            "Whole history of the pools: table with date, account, code, side, quantity, price",
            "売買の履歴(約定・予定表)",
        ),
        TRADES,
    ],
    as_of: Annotated[
        OptionalDay, Help("Last trade date used (default: all rows)", "基準日(この約定日まで)")
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: rounding, corporate_method, method, period_end",
            "設定(端数処理、法人の評価方法、方式、期末日)",
        ),
        UNIT_COST_OPTIONS,
    ] = None,
) -> Spill:
    """Unit cost and cost of every pool (Japan) or open lot (United States) after a history of trades.

    Individuals in Japan: purchases of a settlement day enter the average before its sales, the
    unit goes up to a yen at a sale and is carried; general accounts of one owner are one pool in
    time order. Companies: moving average, or with `corporate_method` TOTAL one average per fiscal
    year ending on the month and day of `period_end` (31 December if blank). United States: lots,
    wash sales included. Planned rows are not used. A pool that sold more than it held is UNKNOWN.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> trades = [["trade_date", "code", "side", "quantity", "price"],
    ...           [dt.date(2025, 5, 1), "7000", "BUY", 5000, 800],
    ...           [dt.date(2025, 8, 1), "7000", "BUY", 2000, 850],
    ...           [dt.date(2025, 9, 1), "7000", "SELL", 3000, 900]]
    >>> call(REGISTRY["LOT_UNIT_COST"], trades, None, [["columns", "quantity, unit_cost, cost"]])[1]
    [4000.0, 815.0, 3260000.0]
    """
    given = UNIT_COST_OPTIONS.defaults() | (options or {})
    book = Accounts(None, trades)
    fills = [
        fill
        for fill in fills_of(trades, book, None)
        if not fill.planned and (as_of is None or fill.trade_date <= as_of)
    ]
    end = given["period_end"] or dt.date(2000, 12, 31)
    costs = unit_costs(
        fills,
        book.by_id,
        identity_groups=groups_of(trades),
        rounds_each_buy=given["rounding"] == "EACH_BUY",
        total_average_year_end=(end.month, end.day) if given["corporate_method"] == "TOTAL" else None,
        method=given["method"],
    )
    labels = {book.of(record).id: record["account"] or "" for record in trades.records()}
    names: dict[str, str] = {}
    for record in trades.records():
        if record["name"]:
            names.setdefault(record["code"], record["name"])
    rows = [
        [
            ", ".join(dict.fromkeys(labels[account] for account in cost.accounts)),
            cost.kind.value,
            cost.code,
            names.get(cost.code, ""),
            cost.lot,
            cost.acquired,
            cost.quantity,
            cost.unit_cost,
            cost.cost,
            "UNKNOWN" if cost.cost is None else "OK",
            "; ".join(cost.reasons),
        ]
        for cost in costs
    ]
    return Spill(tuple(UNIT_COST_COLUMNS), rows)


@worksheet_function(
    "LOT_GAINS",
    category="Lots",
    ja="含み損益",
    help_ja="保有と価格から、プール(日本)またはロット(米国)ごとの評価額と含み損益を返します。",
    columns=GAINS_COLUMNS,
    source="methodology 6.2; 措置法通達37の10・37の11共-14",
)
def lot_gains(
    lots: Annotated[
        Records, Help("What is held: table with account, code, quantity, cost", "保有(ロット表)"), LOTS
    ],
    prices: Annotated[Records, Help("Table with code and price; fx for a foreign price", "価格表"), PRICES],
    as_of: Annotated[
        OptionalDay, Help("Needed for the US term ST or LT", "基準日(米国の保有期間区分に必要)")
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help("Two columns, name and value: header, columns", "設定(見出し、列)"),
        GAINS_OPTIONS,
    ] = None,
) -> Spill:
    """Value and unrealised gain of every pool (Japan) or lot (United States), in input order.

    The cost of an individual's pool in Japan uses its average rounded up to a yen; general
    accounts of one owner share one average. `harvestable` is 1 for a loss in an account where a
    loss counts. A row without price, cost or kind is UNKNOWN, its amounts blank.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> lots = [["code", "quantity", "unit_cost"], ["7203", 100, 2500], ["7203", 200, 2800]]
    >>> call(REGISTRY["LOT_GAINS"], lots, [["code", "price"], ["7203", 2400]], None,
    ...      [["columns", "unit_cost, gain, harvestable"]])[1]
    [2700.0, -90000.0, 1.0]
    """
    book = Accounts(None, lots)
    lines = unrealised(holdings_of(lots, book), quotes_of(prices), as_of)
    labels = {record["row"]: record["account"] or "" for record in lots.records()}
    rows = [
        [
            labels[line.row],
            line.account.kind.value if line.account else "",
            line.code,
            line.name,
            line.lot,
            line.quantity,
            line.unit_cost,
            line.price,
            line.cost,
            line.value,
            line.gain,
            line.gain_ratio,
            line.term,
            None if line.gain is None else int(line.harvestable),
            "UNKNOWN" if line.gain is None else "OK",
            "; ".join(line.reasons),
        ]
        for line in lines
    ]
    return Spill(tuple(GAINS_COLUMNS), rows)


@worksheet_function(
    "LOT_DISPOSE",
    category="Lots",
    ja="譲渡損益",
    help_ja="保有と売却から、売却ごと(米国はロットごと)の取得費・譲渡損益・認識日を返します。",
    columns=DISPOSE_COLUMNS,
    source="methodology 6.2; 所得税法施行令118条; 措置法通達37の11の3-1; Treas. Reg. 1.1012-1",
)
def lot_dispose(
    lots: Annotated[
        Records,
        Help(
            "What is held at the start of the day, plus the purchases of the day with their date",
            "売却日の始めの保有と、その日の買付(ロット表)",
        ),
        LOTS,
    ],
    sales: Annotated[Records, Help("Sales in order: date, code, quantity, price or amount", "売却表"), SALES],
    method: Annotated[
        Text,
        Help("US: FIFO, LIFO, HIFO, MINTAX or AVERAGE; ignored in Japan", "米国の方式(日本では使いません)"),
        Choice("FIFO", "LIFO", "HIFO", "MINTAX", "AVERAGE"),
    ] = "FIFO",
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: tax_rate, short_rate, long_rate", "設定(税率、短期税率、長期税率)"
        ),
        DISPOSE_OPTIONS,
    ] = None,
) -> Spill:
    """Cost, gain, recognition date and tax of sales, one row per sale and lot (Japan: pool).

    gain = proceeds - fee - cost. Japan: one average per pool and settlement day, purchases of the
    day first. United States: a lot named on the sale wins, else the method; MINTAX takes the lots
    with the least rate x (price - unit cost). Wash sales are in WASH_SALES, not here. A sale of
    more than is held is UNKNOWN and taken as not made for the sales behind it.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> lots = [["code", "acquired", "quantity", "unit_cost"],
    ...         ["7000", dt.date(2026, 1, 5), 1000, 1000], ["7000", dt.date(2026, 12, 1), 1000, 700]]
    >>> sales = [["trade_date", "code", "quantity", "price"], [dt.date(2026, 12, 1), "7000", 1000, 700]]
    >>> call(REGISTRY["LOT_DISPOSE"], lots, sales, None, [["columns", "unit_cost, gain, reason"]])[1]
    [850.0, -150000.0, 'POOL_AVERAGE; SAME_DAY_BUY']
    """
    given = DISPOSE_OPTIONS.defaults() | (options or {})
    rates = SaleRates(*(exact(given[name]) for name in ("tax_rate", "short_rate", "long_rate")))
    book = Accounts(None, lots)
    holdings = holdings_of(lots, book)
    orders = sale_orders(sales, lots, holdings)
    labels = {r["row"]: r["account"] or "" for r in sales.records()}
    rows = [
        [
            done.order.number,
            done.order.trade_date,
            done.recognised_on,
            labels[done.order.row],
            done.order.account.kind.value if done.order.account else "",
            done.order.code,
            done.lot,
            done.acquired,
            done.order.quantity if done.quantity is None else done.quantity,
            done.cost / done.quantity if done.cost is not None and done.quantity else None,
            done.cost,
            done.proceeds,
            done.fee,
            done.gain,
            done.term,
            done.tax,
            "UNKNOWN" if done.gain is None else "VOID" if done.void else "OK",
            "; ".join(done.reasons),
        ]
        for done in sale_results(holdings, orders, settled=settlement_days(lots), method=method, rates=rates)
    ]
    return Spill(tuple(DISPOSE_COLUMNS), rows)


def settlement_days(lots: Table) -> dict[int, dt.date]:
    """Settlement day of a row of LOTS, where the statement gives it."""
    return {r["row"]: r["settled"] for r in lots.records() if r["settled"] is not None}


def sale_orders(sales: Table, lots: Table, holdings: Sequence[Holding]) -> list[SaleOrder]:
    """Sales as orders; the account is the one that holds the code under the account's name."""
    places: dict[tuple[str, str], dict[str, Account]] = {}
    for record, holding in zip(lots.records(), holdings, strict=True):
        if holding.account is not None:
            name = record["account"] or ""
            places.setdefault((name, holding.code), {})[holding.account.id] = holding.account
    orders = []
    for number, record in enumerate(sales.records(), start=1):
        order = _order(number, record)
        found = places.get((record["account"] or "", order.code), {})
        if len(found) > 1:
            order = replace(order, problems=(*order.problems, "BAD_KIND"))
        elif not found and not order.problems:
            order = replace(order, problems=("SHORT_QUANTITY",))
        else:
            order = replace(order, account=next(iter(found.values()), None))
        orders.append(order)
    return orders


def _order(number: int, record: dict[str, Any]) -> SaleOrder:
    quantity, price, amount = record["quantity"], record["price"], record["amount"]
    problems = []
    if not record["code"]:
        problems.append("NO_CODE")
    if record["trade_date"] is None:
        problems.append("NO_DATE")
    if quantity is None or quantity <= 0:
        problems.append("BAD_QUANTITY")
    if price is None and amount is None:
        problems.append("NO_PRICE")
    proceeds = None
    if amount is not None:
        proceeds = exact(amount)
    elif price is not None and quantity is not None:
        proceeds = total_of(price, quantity)
    return SaleOrder(
        number,
        record["row"],
        None,
        record["code"] or "",
        None if quantity is None else exact(quantity),
        proceeds,
        exact(record["fee"] or Decimal(0)),
        record["trade_date"],
        record["settle_date"],
        record["lot"] or "",
        tuple(problems),
    )
