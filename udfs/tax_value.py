"""TAX_RANGE and TAX_GIFTS: what putting a tax off is worth, and what to give instead of selling."""

from __future__ import annotations

from typing import Annotated, Any

from udfs.ledger_rows import Accounts, holdings_of, quotes_of
from udfs.lots import CHOSEN, HEADER
from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import exact
from xlplugin.engines.tax_year import Harvested, value_range
from xlplugin.engines.unrealised import highest_gains, unrealised
from xlplugin.errors import MissingError
from xlplugin.tax.tables import last_day
from xlplugin.tax.withholding import rates
from xlplugin.worksheet.kinds import (
    Column,
    Help,
    Kind,
    Option,
    OptionalDay,
    OptionalSettings,
    OptionSchema,
    Records,
    Spill,
    TableSchema,
    Whole,
)
from xlplugin.worksheet.registry import worksheet_function
from xlplugin.worksheet.tables import LOTS, PRICES

__all__ = ["tax_gifts", "tax_range"]

HARVESTED = TableSchema(
    "HARVESTED",
    "損出し一覧",
    (
        Column("rank", ("順位",), Kind.NUMBER),
        Column("account_kind", ("口座区分",), Kind.TEXT, default="JP_TOKUTEI_WH"),
        Column("recognised_now", ("認識される損失",), Kind.DECIMAL, required=True, also=("recognized",)),
        Column("term", ("保有期間区分",), Kind.TEXT),
        Column("tax_rate", ("税率",), Kind.DECIMAL),
        Column("status", ("判定",), Kind.TEXT, required=True),
    ),
)
RANGE_OPTIONS = OptionSchema(
    (
        Option("gains_low", ("他の譲渡益の見込み・低",), Kind.DECIMAL, None, between=(0, 1e15)),
        Option("gains_base", ("他の譲渡益の見込み・中", "実現益"), Kind.DECIMAL, None, between=(0, 1e15)),
        Option("gains_high", ("他の譲渡益の見込み・高",), Kind.DECIMAL, None, between=(0, 1e15)),
        Option("tax_rate", ("税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("short_rate", ("短期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("long_rate", ("長期税率",), Kind.DECIMAL, None, between=(0, 1)),
        Option("year", ("年",), Kind.WHOLE, None),
        Option("horizon", ("保有年数", "期間"), Kind.NUMBER, 10.0, between=(0, 1000)),
        Option("discount", ("割引率",), Kind.NUMBER, None, between=(0, 10)),
        HEADER,
        CHOSEN,
    ),
    shapes_output=True,
)
RANGE_COLUMNS = {
    "scenario": "見込み",
    "deferred": "繰り延べられる税額",
    "later_tax": "将来増える税額",
    "net": "差引",
}
DISCOUNT = {True: 0.02, False: 0.04}  # yen and dollar, the defaults of the advisor workbook (in_discount)
DONE = {"OK", "REDUCED", "可", "縮小"}


@worksheet_function(
    "TAX_RANGE",
    category="Tax",
    ja="税効果の幅",
    help_ja="損出しの税効果を、通算できる譲渡益の低・中・高の見込みごとに、将来増える税額とともに返します(試算)。",
    columns=RANGE_COLUMNS,
    source="tax rules 11; methodology 6.6",
)
def tax_range(
    harvest: Annotated[
        Records, Help("Result of HARVEST with its header", "HARVESTの結果(見出し行を含む)"), HARVESTED
    ],
    options: Annotated[
        OptionalSettings,
        Help(
            "Two columns, name and value: gains_low, gains_base, gains_high, horizon, discount, rates",
            "設定(譲渡益の見込み低・中・高、保有年数、割引率、税率)",
        ),
        RANGE_OPTIONS,
    ] = None,
) -> Spill:
    """What a harvest is worth: tax deferred, later extra tax, and the difference, low, base and high.

    The rows OK and REDUCED meet, in rank order, the gains expected this year. Later tax is that on
    the lower cost after `horizon` years (default 10), discounted (default 2 % for yen, 4 % for
    dollars); a US loss is taxed back at `long_rate`. Gains left out are without limit. Harvesting
    defers a tax: a net of zero at a discount of zero is right.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> rows = [["recognised_now", "tax_rate", "status"], [1000000, 0.2, "OK"], [500000, 0.2, "VOID"]]
    >>> given = [["gains_low", 0], ["gains_base", 600000], ["horizon", 10], ["discount", 0]]
    >>> [row[:3] for row in call(REGISTRY["TAX_RANGE"], rows, given)[1:]]
    [['low', 0.0, 0.0], ['base', 120000.0, 120000.0], ['high', 200000.0, 200000.0]]
    """
    given = RANGE_OPTIONS.defaults() | (options or {})
    records = [r for r in harvest.records() if r["status"] in DONE and r["recognised_now"]]
    records.sort(key=lambda r: (r["rank"] is None, r["rank"] or 0.0, r["row"]))
    lines = [_harvested(record, given) for record in records]
    kinds = [AccountKind.of(r["account_kind"]) for r in records]
    discount = given["discount"]
    if discount is None:
        discount = DISCOUNT[all(kind.is_japanese for kind in kinds)]
    gains = [None if given[f"gains_{name}"] is None else exact(given[f"gains_{name}"]) for name in SCENARIOS]
    ranges = value_range(lines, gains, horizon=given["horizon"], discount=discount)
    rows = [[n, r.deferred, r.later_tax, r.net] for n, r in zip(SCENARIOS, ranges, strict=True)]
    return Spill(tuple(RANGE_COLUMNS), rows)


SCENARIOS = ("low", "base", "high")


def _harvested(record: dict[str, Any], given: dict[str, Any]) -> Harvested:
    kind = AccountKind.of(record["account_kind"])
    term = (record["term"] or "").upper()
    by_term = {"ST": given["short_rate"], "LT": given["long_rate"]}
    rate = record["tax_rate"]
    for other in (by_term.get(term), given["tax_rate"]):
        rate = other if rate is None else rate
    if rate is None and kind.facts.regime == "jp.individual" and given["year"] is not None:
        rate = rates(last_day(given["year"])).total
    if rate is None:
        raise MissingError(
            f"harvest, row {record['row']}: there is no tax rate; give the column tax_rate, or an option: "
            "tax_rate, short_rate and long_rate (US), or year (individuals in Japan)"
        )
    later = given["long_rate"] if term and given["long_rate"] is not None else rate
    return Harvested(exact(record["recognised_now"]), exact(rate), exact(later))


GIFT_COLUMNS = {
    "code": "銘柄コード",
    "name": "銘柄名",
    "lot": "ロット",
    "value": "評価額",
    "gain": "損益",
    "gain_pct": "損益率",
    "term": "保有期間区分",
    "status": "判定",
    "reason": "理由",
}


@worksheet_function(
    "TAX_GIFTS",
    category="Tax",
    ja="贈与・寄付の候補",
    help_ja="含み益の大きい順に、売却より贈与・寄付を検討できる保有を返します(試算)。",
    columns=GIFT_COLUMNS,
    source="tax rules 3.13, 5; 所得税法59条, 60条; 26 USC 170, 1015",
)
def tax_gifts(
    lots: Annotated[Records, Help("What is held: table with code, quantity, cost", "保有(ロット表)"), LOTS],
    prices: Annotated[Records, Help("Table with code and price", "価格表"), PRICES],
    count: Annotated[Whole, Help("Rows at most (default 15)", "件数(省略時15)", (1, 10000))] = 15,
    as_of: Annotated[
        OptionalDay, Help("Needed for the US term ST or LT", "基準日(米国の保有期間区分に必要)")
    ] = None,
) -> Spill:
    """The holdings with the largest unrealised gain, to be given rather than sold, largest first.

    Accounts whose results count nowhere (NISA, iDeCo, retirement) are left out. In Japan a gift
    carries the old cost along, and one to a company is a deemed sale unless approved; in the
    United States long-term shares can be given to charity at their value.

    Examples
    --------
    >>> from xlplugin.worksheet.calling import call
    >>> from xlplugin.worksheet.registry import REGISTRY
    >>> lots = [["code", "quantity", "unit_cost"], ["7203", 100, 2000], ["6758", 100, 3500]]
    >>> call(REGISTRY["TAX_GIFTS"], lots, [["code", "price"], ["7203", 2400], ["6758", 3000]], 5)[1][:5]
    ['7203', '', '', 240000.0, 40000.0]
    """
    lines = unrealised(holdings_of(lots, Accounts(None, lots)), quotes_of(prices), as_of)
    rows = [
        [
            line.code,
            line.name,
            line.lot,
            line.value,
            line.gain,
            line.gain_ratio,
            line.term,
            "OK",
            "; ".join(line.reasons),
        ]
        for line in highest_gains(lines, count)
    ]
    return Spill(tuple(GIFT_COLUMNS), rows)
