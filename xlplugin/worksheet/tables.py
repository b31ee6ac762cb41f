"""The tables that worksheet functions take: columns, the words accepted, how cells are read.

Section 2.2 of the catalogue of worksheet functions. A column that is absent holds its default.
"""

from __future__ import annotations

from xlplugin.worksheet.kinds import Choice, Column, Kind, TableSchema

__all__ = [
    "ACCOUNTS",
    "CARRY",
    "HOLDINGS",
    "LOTS",
    "PAIRS",
    "POSITIONS",
    "PRICES",
    "REALISED",
    "RESTRICTIONS",
    "RULES",
    "SALES",
    "TARGETS",
    "TRADES",
    "UNIVERSE",
]

SIDE = Choice("BUY", "SELL")
PLANNED = Choice(
    "0",
    "1",
    "cancelled",
    japanese={
        "planned": "1",
        "予定": "1",
        "TRUE": "1",
        "filled": "0",
        "約定": "0",
        "約定済": "0",
        "FALSE": "0",
        "canceled": "cancelled",
        "取消": "cancelled",
    },
)
RESTRICTION = Choice(
    "do_not_sell", "do_not_buy", japanese={"売却不可": "do_not_sell", "購入不可": "do_not_buy"}
)

LOTS = TableSchema(
    "LOTS",
    "ロット表",
    (
        Column("account", ("口座", "口座番号", "口座名"), Kind.TEXT),
        Column("account_kind", ("口座区分", "口座種別", "預り区分"), Kind.TEXT),
        Column("code", ("銘柄コード", "コード", "証券コード", "ティッカー"), Kind.CODE, required=True),
        Column("name", ("銘柄名", "銘柄"), Kind.TEXT),
        Column("lot", ("ロット", "ロット番号", "明細番号"), Kind.TEXT),
        Column("acquired", ("取得日", "買付日"), Kind.DAY),
        Column("settled", ("受渡日",), Kind.DAY),
        Column("quantity", ("数量", "株数", "保有数量", "口数"), Kind.DECIMAL, required=True),
        Column("unit_cost", ("取得単価", "平均取得単価", "平均取得価額"), Kind.DECIMAL),
        Column("cost", ("取得価額", "取得金額", "取得総額"), Kind.DECIMAL, also=("cost_basis",)),
        Column("currency", ("通貨",), Kind.TEXT, also=("ccy",)),
        Column("owner", ("名義", "名義人"), Kind.TEXT),
        Column("household", ("世帯",), Kind.TEXT),
        Column("broker", ("証券会社", "取扱会社"), Kind.TEXT),
        Column("restricted", ("売買制限", "売却制限", "売却不可"), Kind.FLAG, also=("restriction",)),
        Column("identity_group", ("同一銘柄群",), Kind.TEXT),
    ),
    lenient=True,
)

PRICES = TableSchema(
    "PRICES",
    "価格表",
    (
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column("price", ("時価", "株価", "現在値", "終値", "基準価額"), Kind.DECIMAL, required=True),
        Column("currency", ("通貨",), Kind.TEXT, also=("ccy",)),
        Column("fx", ("為替", "為替レート"), Kind.DECIMAL, also=("TTB", "fx_sell")),
        Column("date", ("価格日", "基準日"), Kind.DAY, also=("price_date",)),
        Column("spread", ("スプレッド",), Kind.DECIMAL),
        Column("replacement", ("代替銘柄",), Kind.TEXT),
    ),
    lenient=True,
)

TRADES = TableSchema(
    "TRADES",
    "約定・予定表",
    (
        Column("trade_date", ("約定日",), Kind.DAY, required=True, also=("date",)),
        Column("settle_date", ("受渡日",), Kind.DAY),
        Column("account", ("口座", "口座番号", "口座名"), Kind.TEXT),
        Column("account_kind", ("口座区分", "口座種別", "預り区分"), Kind.TEXT),
        Column("code", ("銘柄コード", "コード", "証券コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名", "銘柄"), Kind.TEXT),
        Column("side", ("売買", "売買区分"), Kind.TEXT, required=True, choice=SIDE),
        Column("quantity", ("数量", "株数"), Kind.DECIMAL, required=True),
        Column("price", ("単価", "約定単価", "株価"), Kind.DECIMAL, also=("trade_price",)),
        Column("amount", ("約定代金", "金額"), Kind.DECIMAL),
        Column("fee", ("手数料", "手数料(税込)"), Kind.DECIMAL),
        Column("lot", ("ロット", "ロット番号"), Kind.TEXT),
        Column("planned", ("予定", "状態"), Kind.TEXT, choice=PLANNED, default="0", also=("trade_state",)),
        Column("arranged", ("取決め", "買戻しの取決め"), Kind.FLAG),
        Column("owner", ("名義",), Kind.TEXT),
        Column("household", ("世帯",), Kind.TEXT),
        Column("identity_group", ("同一銘柄群",), Kind.TEXT),
    ),
    lenient=True,
)

ACCOUNTS = TableSchema(
    "ACCOUNTS",
    "口座表",
    (
        Column("account", ("口座", "口座番号"), Kind.TEXT, required=True),
        Column("account_kind", ("口座区分", "口座種別"), Kind.TEXT, required=True),
        Column("owner", ("名義",), Kind.TEXT),
        Column("household", ("世帯",), Kind.TEXT),
        Column("broker", ("証券会社",), Kind.TEXT),
        Column("seen", ("明細の有無",), Kind.FLAG),
    ),
    lenient=False,
)

RESTRICTIONS = TableSchema(
    "RESTRICTIONS",
    "制限表",
    (
        Column("code", ("銘柄コード", "コード", "対象"), Kind.CODE, required=True),
        Column("rule", ("種類",), Kind.TEXT, choice=RESTRICTION, default="do_not_sell", also=("rule_kind",)),
        Column("why", ("理由",), Kind.TEXT),
    ),
    lenient=False,
)

PAIRS = TableSchema(
    "PAIRS",
    "組合せ表",
    (
        Column("sold_code", ("売却銘柄",), Kind.CODE, required=True),
        Column("code", ("購入銘柄",), Kind.CODE, required=True, also=("buy_code",)),
        Column("allowed", ("可否",), Kind.FLAG, required=True),
    ),
    lenient=False,
)

POSITIONS = TableSchema(
    "POSITIONS",
    "建玉表",
    (
        Column("account", ("口座",), Kind.TEXT),
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名",), Kind.TEXT),
        Column("quantity", ("数量", "株数", "保有数量"), Kind.NUMBER),
        Column("target_quantity", ("目標数量", "目標株数"), Kind.NUMBER, required=True),
        Column("price", ("株価", "時価"), Kind.NUMBER, required=True),
        Column("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, also=("unit_size",)),
        Column("adv", ("平均売買代金",), Kind.NUMBER, also=("avg_daily_value",)),
        Column("restricted", ("売買制限",), Kind.FLAG),
    ),
    lenient=True,
)

HOLDINGS = TableSchema(
    "HOLDINGS",
    "保有表",
    (
        Column("account", ("口座",), Kind.TEXT),
        Column("account_kind", ("口座区分",), Kind.TEXT),
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名",), Kind.TEXT),
        Column("quantity", ("数量", "株数", "保有数量"), Kind.NUMBER, required=True),
        Column("price", ("時価", "株価"), Kind.NUMBER, required=True),
        Column("unit_cost", ("取得単価", "平均取得単価"), Kind.NUMBER),
        Column("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, also=("unit_size",)),
        Column("adv", ("平均売買代金",), Kind.NUMBER, also=("avg_daily_value",)),
        Column("restricted", ("売買制限", "売却不可"), Kind.FLAG),
    ),
    lenient=True,
)

TARGETS = TableSchema(
    "TARGETS",
    "目標表",
    (
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("weight", ("構成比率", "目標比率", "ウエート"), Kind.NUMBER, required=True),
        Column("name", ("銘柄名",), Kind.TEXT),
        Column("price", ("時価", "株価"), Kind.NUMBER),
        Column("lot_size", ("単元株数", "売買単位"), Kind.NUMBER, also=("unit_size",)),
    ),
    lenient=False,
)

UNIVERSE = TableSchema(
    "UNIVERSE",
    "対象表",
    (
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("name", ("銘柄名",), Kind.TEXT),
        Column("weight", ("構成比率", "ウエート"), Kind.NUMBER, required=True),
        Column("holding", ("保有比率",), Kind.NUMBER),
        Column("sector", ("業種", "セクター"), Kind.TEXT),
        Column("price", ("時価", "株価"), Kind.NUMBER),
        Column("restricted", ("売買制限", "除外"), Kind.FLAG),
        Column("identity_group", ("同一銘柄群",), Kind.TEXT),
    ),
    lenient=True,
)

SALES = TableSchema(
    "SALES",
    "売却表",
    (
        Column("trade_date", ("約定日", "売却日"), Kind.DAY, required=True, also=("date",)),
        Column("settle_date", ("受渡日",), Kind.DAY),
        Column("account", ("口座",), Kind.TEXT),
        Column("code", ("銘柄コード", "コード"), Kind.CODE, required=True),
        Column("quantity", ("数量", "株数"), Kind.DECIMAL, required=True),
        Column("price", ("単価", "約定単価"), Kind.DECIMAL),
        Column("amount", ("約定代金", "金額"), Kind.DECIMAL),
        Column("fee", ("手数料",), Kind.DECIMAL),
        Column("lot", ("ロット", "ロット番号"), Kind.TEXT),
    ),
    lenient=True,
)

REALISED = TableSchema(
    "REALISED",
    "実現損益表",
    (
        Column("recognised_on", ("認識日", "日付", "受渡日"), Kind.DAY, also=("date",)),
        Column("trade_date", ("約定日",), Kind.DAY),
        Column("gain", ("損益", "譲渡損益", "実現損益"), Kind.DECIMAL, required=True),
        Column("account_kind", ("口座区分",), Kind.TEXT),
        Column("bucket", ("区分", "所得区分"), Kind.TEXT),
        Column("term", ("保有期間区分",), Kind.TEXT),
    ),
    lenient=True,
)

CARRY = TableSchema(
    "CARRY",
    "繰越表",
    (
        Column("year", ("年", "年分", "発生年"), Kind.WHOLE, required=True),
        Column("amount", ("金額", "繰越損失"), Kind.DECIMAL, required=True),
    ),
    lenient=False,
)

RULES = TableSchema(
    "RULES",
    "基準表",
    (
        Column("field", ("項目",), Kind.TEXT, required=True),
        Column("operator", ("演算子", "条件"), Kind.TEXT, required=True),
        Column("entry", ("採用基準",), Kind.ANY, required=True),
        Column("keep", ("維持基準",), Kind.ANY),
        Column("code", ("理由", "理由コード"), Kind.TEXT),
    ),
    lenient=False,
)
