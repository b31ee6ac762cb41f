"""LOT_METHODS: one sale under every lot method, side by side at the client's own rates."""

from __future__ import annotations

from typing import Annotated, Any

from udfs.ledger_rows import Accounts, groups_of, holdings_of
from udfs.lots import CHOSEN, HEADER, sale_orders, settlement_days
from xlplugin.core.lots import ZERO, exact
from xlplugin.engines.disposals import SaleRates
from xlplugin.engines.method_comparison import method_rows
from xlplugin.worksheet.kinds import (
    Help,
    Kind,
    Option,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import LOTS, SALES

__all__ = ["lot_methods"]

METHODS_OPTIONS = OptionSchema(
    (
        Option("short_rate", ("短期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("long_rate", ("長期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("tax_rate", ("税率",), Kind.DECIMAL, None, between=(0, 1)),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
METHODS_COLUMNS = {
    "sale": "売却番号",
    "trade_date": "約定日",
    "account": "口座",
    "account_kind": "口座区分",
    "code": "銘柄コード",
    "method": "方式",
    "quantity": "数量",
    "lots": "使うロット",
    "gain": "損益",
    "disallowed": "否認額",
    "short_gain": "短期損益",
    "long_gain": "長期損益",
    "tax": "税額",
    "rank": "順位",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "LOT_METHODS",
    category="Lots",
    ja="ロット選択方式の比較",
    help_ja="売却ごとに、FIFO・LIFO・HIFO・MINTAXで使うロット、損益、否認額、税額を並べて比較します(日本は平均取得単価の1行)。",
    columns=METHODS_COLUMNS,
    source="tax rules 5, 11; Treas. Reg. 1.1012-1(c); 26 USC 1091; 所得税法施行令118条",
)
def lot_methods(
    lots: Annotated[
        Records,
        Help(
            "What is held, purchases close to the sale included, of every account of the household",
            "保有と、売却日前後の買付(ロット表、世帯の全口座)",
        ),
        LOTS,
    ],
    sales: Annotated[
        Records, Help("Sales, each judged alone: date, code, quantity, price or amount", "売却表"), SALES
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: short_rate and long_rate (US), tax_rate (Japan)",
            "設定(短期税率・長期税率は米国、税率は日本)",
        ),
        METHODS_OPTIONS,
    ] = None,
) -> Spill:
    """Every lot method side by side: what a sale takes, what counts after the wash rule, and the tax.

    Each sale is judged as if it alone were made, in the United States under FIFO, LIFO, HIFO and
    MINTAX (a named lot wins); rank 1 is the lowest tax, equal taxes share a rank. `short_gain` and
    `long_gain` are what counts: losses less what purchases within 30 days in `lots` disallow. A loss
    is taken to meet gains of its kind. In Japan there is one average and one row.

    Examples
    --------
    >>> import datetime as dt
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> lots = [["account_kind", "code", "lot", "acquired", "quantity", "unit_cost"],
    ...         ["taxable", "XYZ", "a", dt.date(2020, 1, 6), 100, 30],
    ...         ["taxable", "XYZ", "b", dt.date(2026, 6, 1), 100, 60]]
    >>> sales = [["trade_date", "code", "quantity", "price"], [dt.date(2026, 11, 16), "XYZ", 100, 50]]
    >>> rates = [["short_rate", 0.4], ["long_rate", 0.2], ["columns", "method, lots, gain, tax, rank"]]
    >>> for row in call(REGISTRY["LOT_METHODS"], lots, sales, rates)[1:]:
    ...     print(*row)
    FIFO a 2000.0 400.0 4.0
    LIFO b -1000.0 -400.0 1.0
    HIFO b -1000.0 -400.0 1.0
    MINTAX b -1000.0 -400.0 1.0
    """
    given = METHODS_OPTIONS.defaults() | (options or {})
    book = Accounts(None, lots)
    holdings = holdings_of(lots, book)
    orders = sale_orders(sales, lots, holdings)
    labels = {r["row"]: r["account"] or "" for r in sales.records()}
    rows = [
        [
            row.order.number,
            row.order.trade_date,
            labels[row.order.row],
            row.order.account.kind.value if row.order.account else "",
            row.order.code,
            row.method,
            row.order.quantity,
            ", ".join(row.lots),
            row.gain,
            row.disallowed,
            row.short,
            row.long,
            row.tax,
            row.rank,
            "UNKNOWN" if row.gain is None else "VOID" if row.void else "OK",
            "; ".join(row.reasons),
        ]
        for row in method_rows(
            holdings,
            orders,
            accounts=book.by_id,
            identity_groups=groups_of(lots),
            lot_rates=_rates(given, "short_rate", "long_rate"),
            pool_rates=_rates(given, "tax_rate"),
            settled=settlement_days(lots),
        )
    ]
    return Spill(tuple(METHODS_COLUMNS), rows)


def _rates(given: dict[str, Any], *names: str) -> SaleRates | None:
    """The rates of the client, or None unless all that are asked for are given."""
    if any(given[name] is None for name in names):
        return None
    tax, short, long = (
        ZERO if given[name] is None else exact(given[name])
        for name in ("tax_rate", "short_rate", "long_rate")
    )
    return SaleRates(tax, short, long)
