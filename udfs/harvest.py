"""HARVEST: what can be sold at a loss, what the law makes of it, and what it is worth."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from udfs.ledger_rows import Accounts, fills_of, groups_of, holdings_of, quotes_of
from xlplugin.core.lots import exact
from xlplugin.engines.harvesting.candidates import Limits, Rebuy, find_candidates
from xlplugin.engines.harvesting.plan import Line, Rates, Valuation, deferral_factor, plan
from xlplugin.errors import ErrorValue, InputError, ShapeError
from xlplugin.worksheet.kinds import (
    Choice,
    Day,
    Help,
    Kind,
    Option,
    OptionalDays,
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
from xlplugin.worksheet.tables import ACCOUNTS, LOTS, PRICES, RESTRICTIONS, TRADES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlplugin.aliases import FloatArray
    from xlplugin.core.accounts import Account

__all__ = ["HARVEST_OPTIONS", "harvest"]

MAX_NAMES = 800  # catalogue 1.6

HARVEST_OPTIONS = OptionSchema(
    (
        Option("min_loss", ("最低損失額",), Kind.DECIMAL, 0, between=(0, 1e15)),
        Option("threshold", ("下落率",), Kind.DECIMAL, 0, between=(0, 1)),
        Option("tax_rate", ("税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("short_rate", ("短期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("long_rate", ("長期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("fee_rate", ("手数料率",), Kind.DECIMAL, 0, between=(0, 1)),
        Option("spread", ("スプレッド",), Kind.DECIMAL, 0, between=(0, 1)),
        Option("gains", ("実現益", "通算可能益"), Kind.DECIMAL, None, between=(0, 1e15)),
        Option("horizon", ("保有年数",), Kind.NUMBER, None, between=(0, 1000)),
        Option("discount", ("割引率",), Kind.NUMBER, None, between=(0, 10)),
        Option(
            "rebuy",
            ("買戻し",),
            Kind.TEXT,
            Rebuy.NEXT_DAY,
            choice=Choice(
                Rebuy.NONE,
                Rebuy.NEXT_DAY,
                Rebuy.SAME_DAY,
                japanese={"なし": Rebuy.NONE, "しない": Rebuy.NONE},
            ),
        ),
        Option("household_complete", ("全口座確認済み",), Kind.FLAG, False),
        Option("period_end", ("期末日",), Kind.DAY, None),
        Option("show_all", ("全件表示",), Kind.FLAG, False),
        Option("header", ("見出し",), Kind.FLAG, True),
        Option("columns", ("列",), Kind.TEXT, None),
    ),
    shapes_output=True,
)

COLUMNS = {
    "rank": "順位",
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
    "gross_loss": "含み損",
    "recognised_now": "認識される損失",
    "recognised_later": "翌期に認識",
    "deferred_to_basis": "取得価額へ繰延",
    "lost_forever": "失われる損失",
    "usable_this_year": "本年利用可能",
    "goes_to_carry": "翌年以後へ繰越",
    "term": "保有期間区分",
    "tax_rate": "税率",
    "tax_value": "税額効果",
    "trading_cost": "売買費用",
    "net_benefit": "差引効果",
    "replacement": "代替銘柄",
    "earliest_rebuy": "買戻し可能日",
    "last_trade_date": "最終約定日",
    "te_change": "TE変化",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "HARVEST",
    category="Harvest",
    ja="損出し候補",
    help_ja="損失を実現できる保有の一覧。口座区分ごとの税法で認識額を判定し、税額効果から費用を引いた順に並べます。",
    columns=COLUMNS,
    source="methodology 6.1-6.6; 所得税法施行令118条; 法人税基本通達2-1-23の4; 26 USC 1091",
)
def harvest(
    lots: Annotated[
        Records,
        Help("What is held: table with account, code, quantity, cost", "保有:ロット表(見出し行を含む)"),
        LOTS,
    ],
    prices: Annotated[
        Records, Help("Prices of as_of: table with code and price", "価格表(見出し行を含む)"), PRICES
    ],
    as_of: Annotated[Day, Help("Intended trade date", "基準日(約定予定日)")],
    trades: Annotated[
        OptionalRecords,
        Help(
            "Fills around as_of and planned orders of every account of the household",
            "前後の約定と予定注文(世帯の全口座、約定・予定表)",
        ),
        TRADES,
    ] = None,
    restrictions: Annotated[
        OptionalRecords, Help("Codes that may not be sold", "売却できない銘柄(制限表)"), RESTRICTIONS
    ] = None,
    risk: Annotated[
        OptionalMatrix,
        Help(
            "Annual covariance in the order of prices; adds the column te_change",
            "年率の共分散(価格表の順)。列「TE変化」を加えます",
        ),
        Rows("prices"),
    ] = None,
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: tax_rate, gains, fee_rate, min_loss, show_all ...",
            "設定(名前と値の2列)",
        ),
        HARVEST_OPTIONS,
    ] = None,
    accounts: Annotated[
        OptionalRecords,
        Help("Account kinds and owners, and accounts not seen", "口座区分・名義、明細のない口座(口座表)"),
        ACCOUNTS,
    ] = None,
    holidays: Annotated[
        OptionalDays, Help("Exchange holidays (default: built-in calendar)", "取引所の休業日(省略時は内蔵)")
    ] = None,
) -> Spill:
    """What can be sold at a loss on a day: the loss the law counts, tax value, cost and rank.

    One row per pool (Japan) or lot (United States), each judged as if it alone were sold at the
    price of `as_of`; gross_loss = recognised_now + recognised_later + deferred_to_basis +
    lost_forever. Ranked rows come first, the others keep the order of `lots`. `te_change` is the
    forecast tracking error, per year, of the portfolio after the row is sold against the portfolio
    as it stands; the money goes into the `replacement` of PRICES, else into cash.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> lots = [["account_kind", "code", "quantity", "unit_cost"], ["特定", 7203.0, 100.0, 3000.0]]
    >>> options = [["columns", "rank, code, recognised_now, tax_value, status"]]
    >>> call(REGISTRY["HARVEST"], lots, [["code", "price"], ["7203", 2500.0]], dt.date(2026, 11, 24),
    ...      None, None, None, options)[1]
    [1.0, '7203', 50000.0, 10157.5, 'OK']
    """
    given = HARVEST_OPTIONS.defaults() | (options or {})
    book = Accounts(accounts, lots, trades)
    holdings = holdings_of(lots, book)
    fills = fills_of(trades, book, holidays)
    quotes = quotes_of(prices)
    blocked = (
        {r["code"] for r in restrictions.records() if r["rule"] == "do_not_sell"} if restrictions else set()
    )
    money = {key: exact(value) for key, value in given.items() if _is_money(key, value)}
    candidates = find_candidates(
        holdings,
        quotes,
        as_of,
        accounts=book.by_id,
        fills=fills,
        identity_groups=groups_of(lots, trades),
        limits=Limits(
            money["min_loss"],
            money["threshold"],
            money["fee_rate"],
            given["rebuy"],
            given["household_complete"],
            given["period_end"],
            tuple(book.unseen),
            None if holidays is None else frozenset(holidays),
            frozenset(blocked),
        ),
    )
    valuation = Valuation(
        Rates(money.get("tax_rate"), money.get("short_rate"), money.get("long_rate")),
        money.get("gains"),
        deferral_factor(given["horizon"], given["discount"]),
        money["fee_rate"],
        money["spread"],
        given["rebuy"],
        given["show_all"],
    )
    labels = {record["row"]: record["account"] or "" for record in lots.records()}
    changes = None if risk is None else _te_changes(candidates, prices, risk)
    keys = tuple(key for key in COLUMNS if key != "te_change" or risk is not None)
    rows = [_cells(line, labels, changes, keys) for line in plan(candidates, valuation, as_of)]
    return Spill(keys, rows)


def _is_money(key: str, value: Any) -> bool:
    option = HARVEST_OPTIONS.find(key)
    return option is not None and option.kind is Kind.DECIMAL and value is not None


def _te_changes(candidates: list[Any], prices: Table, risk: FloatArray) -> dict[int, float]:
    """Forecast tracking error of each single swap, by row: weight x sqrt(variance of the swap)."""
    codes = prices["code"]
    n = len(codes)
    if n > MAX_NAMES:
        raise InputError(f"risk: {n} names; a sheet takes a covariance of at most {MAX_NAMES} x {MAX_NAMES}")
    if risk.shape != (n, n):
        raise ShapeError("risk", got=risk.shape, expected=(n, n))
    place = {code: number for number, code in enumerate(codes)}
    held = [c for c in candidates if c.value is not None and c.code in place]
    if not held:
        return {}
    values = np.array([float(c.value) for c in held])
    sold = np.array([place[c.code] for c in held])
    bought = np.array([place.get(c.quote.replacement, -1) for c in held])
    variance = np.diag(risk)[sold].copy()
    swapped = bought >= 0
    variance[swapped] += np.diag(risk)[bought[swapped]] - 2.0 * risk[sold[swapped], bought[swapped]]
    changes = values / values.sum() * np.sqrt(np.maximum(variance, 0.0))
    return dict(zip((c.row for c in held), changes.tolist(), strict=True))


def _cells(
    line: Line, labels: Mapping[int, str], changes: Mapping[int, float] | None, keys: tuple[str, ...]
) -> list[Any]:
    c, check = line.candidate, line.candidate.check
    account: Account | None = c.account
    unit = None if c.cost is None or not c.quantity else c.cost / c.quantity
    dated = check is not None and c.counts
    cells: dict[str, Any] = {
        "rank": line.rank,
        "account": labels[c.row],
        "account_kind": account.kind.value if account else "",
        "code": c.code,
        "name": c.name,
        "lot": c.lot,
        "quantity": c.quantity,
        "unit_cost": unit,
        "price": c.price,
        "cost": c.cost,
        "value": c.value,
        "usable_this_year": line.usable,
        "goes_to_carry": line.carried,
        "term": c.term,
        "tax_rate": line.rate,
        "tax_value": line.tax_value,
        "trading_cost": line.trading_cost,
        "net_benefit": line.net_benefit,
        "replacement": c.quote.replacement if c.quote else "",
        "earliest_rebuy": check.earliest_rebuy if dated and check and check.gross_loss > 0 else None,
        "last_trade_date": check.last_trade_date if dated and check else None,
        "status": c.status.value,
        "reason": "; ".join(line.reasons),
    }
    for key in ("gross_loss", "recognised_now", "recognised_later", "deferred_to_basis", "lost_forever"):
        cells[key] = getattr(check, key) if check else None
    if changes is not None:
        cells["te_change"] = changes.get(c.row, ErrorValue.NA)
    return [_cell(cells[key]) for key in keys]


def _cell(value: Any) -> Any:
    if type(value) is Fraction:
        try:
            return value.numerator / value.denominator  # correctly rounded, as float() is
        except OverflowError:  # an exact figure beyond what a cell can hold
            return ErrorValue.NUM
    return value if value is None or isinstance(value, (str, int, dt.date, ErrorValue)) else float(value)
