"""COST_FILLS: what a log of fills paid, by fund (methodology 3.4)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from udfs.cost import FILLS, QUOTES
from xlplugin.cost import execution
from xlplugin.errors import ErrorValue, MissingError
from xlplugin.worksheet.kinds import (
    Help,
    OptionalRecords,
    Records,
    Spill,
    Table,
)
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["cost_fills"]


@worksheet_function(
    "COST_FILLS",
    category="Cost",
    ja="約定記録の集計",
    help_ja="約定記録から、銘柄ごとの約定VWAP・市場VWAP・約定乖離・実効スプレッド・平均気配スプレッドを返します。",
    columns={
        "fund_code": "ファンドコード",
        "vwap_own": "約定VWAP",
        "vwap_market": "市場VWAP",
        "slippage": "約定乖離",
        "effective_spread": "実効スプレッド",
        "quoted_spread": "気配スプレッド",
        "status": "判定",
        "reason": "理由",
    },
    source="methodology 3.4",
)
def cost_fills(
    fills: Annotated[
        Records,
        Help(
            "Fills: fund_code, side, quantity, trade_price, vwap_market; mid where it is known",
            "約定記録(ファンドコード・売買・数量・約定単価・市場VWAP、任意で仲値)",
        ),
        FILLS,
    ],
    quotes: Annotated[
        OptionalRecords,
        Help(
            "Quotes: fund_code, quoted_spread, one row per observation",
            "気配記録(ファンドコード・気配スプレッド)",
        ),
        QUOTES,
    ] = None,
) -> Spill:
    """Own and market VWAP, slippage, effective and quoted spread of every fund in a log of fills.

    One row per fund in order of first appearance. Where a fill has no mid, the market VWAP stands in
    for it. A fund with an unreadable fill keeps its row, without figures, and says why.

    Examples
    --------
    >>> from xlplugin.worksheet.convert import block, read_table
    >>> log = [
    ...     ["fund_code", "side", "quantity", "trade_price", "vwap_market"],
    ...     ["1306", "BUY", 10.0, 2502.0, 2501.0],
    ... ]
    >>> [row] = cost_fills(read_table(block(log), FILLS, "fills")).rows
    >>> row[0], round(row[3] * 1e4, 2)
    ('1306', 4.0)
    """
    keys = (
        "fund_code",
        "vwap_own",
        "vwap_market",
        "slippage",
        "effective_spread",
        "quoted_spread",
        "status",
        "reason",
    )
    spreads = _mean_spreads(quotes)
    by_fund: dict[str, list[dict[str, Any]]] = {}
    for row in fills.records():
        by_fund.setdefault(row["fund_code"] or "", []).append(row)
    if not by_fund:
        raise MissingError("fills: the table has no rows; enter at least one fill")
    rows = []
    for code, of_fund in by_fund.items():
        spread: float | ErrorValue = spreads.get(code, ErrorValue.NA)
        reasons = sorted({reason for row in of_fund for reason in _fill_problems(row)})
        if reasons:
            rows.append([code, *[ErrorValue.NA] * 4, spread, "UNKNOWN", "; ".join(reasons)])
            continue
        mids = [row["mid"] for row in of_fund]
        done = execution.summarise_fills(
            np.array([1.0 if row["side"] == "BUY" else -1.0 for row in of_fund]),
            np.array([row["quantity"] for row in of_fund]),
            np.array([row["trade_price"] for row in of_fund]),
            np.array([row["vwap_market"] for row in of_fund]),
            np.array([np.nan if mid is None else mid for mid in mids]),
        )
        rows.append(
            [code, done.vwap_own, done.vwap_market, done.slippage, done.effective_spread, spread, "OK", ""]
        )
    return Spill(keys, rows)


def _fill_problems(row: dict[str, Any]) -> list[str]:
    """Reason codes of one fill that cannot be used."""
    problems = []
    if not row["fund_code"]:
        problems.append("NO_CODE")
    if row["side"] is None:
        problems.append("BAD_SIDE")
    if row["quantity"] is None or row["quantity"] <= 0.0:
        problems.append("BAD_QUANTITY")
    for key in ("trade_price", "vwap_market"):
        if row[key] is None:
            problems.append("NO_PRICE")
        elif row[key] <= 0.0:
            problems.append("BAD_PRICE")
    return problems


def _mean_spreads(quotes: Table | None) -> dict[str, float]:
    """Mean quoted spread by fund; rows without a spread are left out, they are not zero."""
    seen: dict[str, list[float]] = {}
    for row in quotes.records() if quotes else ():
        if row["fund_code"] and row["quoted_spread"] is not None:
            seen.setdefault(row["fund_code"], []).append(row["quoted_spread"])
    return {code: float(np.mean(values)) for code, values in seen.items()}
