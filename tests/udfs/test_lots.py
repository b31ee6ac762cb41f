"""LOT_...: through the registry, as a cell sees them."""

from __future__ import annotations

import datetime as dt

import pytest

from xlplugin.errors import ErrorValue, InputError, NoTableError, NotFoundError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

D = dt.date
HEAD = ["trade_date", "account", "account_kind", "code", "side", "quantity", "price"]


def cells(name, *arguments):
    header, *rows = call(load()[name], *arguments)
    return [dict(zip(header, row, strict=True)) for row in rows]


def costs(*rows, head=HEAD, options=None, as_of=None):
    return cells("LOT_UNIT_COST", [head, *rows], as_of, options)


def test_japanese_headers_and_words_give_japanese_titles():
    trades = [
        ["約定日", "口座区分", "銘柄コード", "売買", "数量", "単価"],
        [D(2026, 1, 5), "特定", 7203.0, "買付", 3, 100],
    ]
    header, row = call(load()["LOT_UNIT_COST"], trades, titles="ja")
    assert header[:3] == ["口座", "口座区分", "銘柄コード"]
    assert row[2:9] == ["7203", "", "", D(2026, 1, 5), 3, 100, 300]


def test_the_order_of_rows_does_not_matter():
    rows = [
        [D(2026, 1, 5), "A", "JP_TOKUTEI_WH", "7000", "BUY", 1000, 1000],
        [D(2026, 12, 1), "A", "JP_TOKUTEI_WH", "7000", "SELL", 600, 700],
        [D(2026, 12, 1), "A", "JP_TOKUTEI_WH", "7000", "BUY", 1000, 700],
    ]
    (one,), (two,) = costs(*rows), costs(*reversed(rows))
    assert one["unit_cost"] == two["unit_cost"] == 850
    assert one["cost"] == two["cost"] == 850 * 1400


def test_one_broker_with_specified_and_nisa_holdings_is_two_pools():
    found = costs(
        [D(2026, 1, 5), "A", "特定", "7000", "BUY", 100, 1000],
        [D(2026, 1, 6), "A", "NISA", "7000", "BUY", 100, 500],
    )
    assert [(r["account"], r["account_kind"], r["cost"]) for r in found] == [
        ("A", "JP_TOKUTEI_WH", 100_000),
        ("A", "JP_NISA", 50_000),
    ]


def test_general_accounts_of_one_owner_are_one_row_that_says_so():
    (row,) = costs(
        [D(2026, 1, 5), "A", "一般", "7000", "BUY", 2000, 500],
        [D(2026, 1, 6), "B", "一般", "7000", "BUY", 3000, 450],
    )
    assert (row["account"], row["unit_cost"], row["reason"]) == ("A, B", 470, "POOLED_ACCOUNTS")


def test_both_sides_on_one_day_in_a_general_account_are_flagged():
    (row,) = costs(
        [D(2026, 1, 5), "A", "一般", "7000", "BUY", 10, 500],
        [D(2026, 2, 2), "A", "一般", "7000", "SELL", 5, 500],
        [D(2026, 2, 2), "A", "一般", "7000", "BUY", 5, 600],
    )
    assert (row["cost"], row["reason"]) == (5 * 500 + 5 * 600, "SAME_DAY_UNCLEAR")


def test_a_pool_that_sold_too_much_is_unknown_and_the_others_stand():
    short, fine = costs(
        [D(2026, 1, 5), "A", "特定", "7000", "BUY", 10, 500],
        [D(2026, 2, 2), "A", "特定", "7000", "SELL", 11, 500],
        [D(2026, 1, 5), "A", "特定", "7001", "BUY", 10, 500],
    )
    assert (short["status"], short["reason"], short["cost"]) == ("UNKNOWN", "SHORT_QUANTITY", None)
    assert fine["cost"] == 5000


def test_trades_after_the_date_and_planned_trades_are_left_out():
    head = [*HEAD, "予定"]
    rows = [
        [D(2026, 1, 5), "A", "特定", "7000", "BUY", 10, 500, None],
        [D(2026, 3, 2), "A", "特定", "7000", "BUY", 10, 700, None],
        [D(2026, 1, 6), "A", "特定", "7000", "BUY", 10, 900, 1],
    ]
    (row,) = costs(*rows, head=head, as_of=D(2026, 3, 1))
    assert row["cost"] == 5000


def test_a_sold_out_pool_gives_no_row_but_the_header_stays():
    rows = [
        [D(2026, 1, 5), "A", "特定", "7000", "BUY", 10, 500],
        [D(2026, 2, 2), "A", "特定", "7000", "SELL", 10, 500],
    ]
    (header,) = call(load()["LOT_UNIT_COST"], [HEAD, *rows])
    assert header[0] == "account"


def test_a_broker_that_rounds_at_every_purchase_is_a_yen_apart():
    # JP-CB-016: 100, 101 and 99 for one share each: 100 by law, 101 as booked.
    rows = [[D(2026, 1, 5 + n), "A", "特定", "7000", "BUY", 1, p] for n, p in enumerate((100, 101, 99))]
    assert costs(*rows)[0]["unit_cost"] == 100
    assert costs(*rows, options=[["端数処理", "EACH_BUY"]])[0]["unit_cost"] == 101


def test_a_company_may_use_the_total_average_of_its_fiscal_year():
    # setuzei.biz: 100 for 10,000, 60 for 5,200, sell 30, 40 for 3,200: 92 instead of 95.
    rows = [
        [D(2026, 2, 2), "C", "法人", "7000", "BUY", 100, 10_000],
        [D(2026, 4, 3), "C", "法人", "7000", "BUY", 60, 5_200],
        [D(2026, 7, 3), "C", "法人", "7000", "SELL", 30, 3_000],
        [D(2026, 9, 9), "C", "法人", "7000", "BUY", 40, 3_200],
    ]
    head = [*HEAD[:-1], "amount"]
    (year,) = costs(*rows, head=head, options=[["corporate_method", "総平均法"]])
    assert (year["unit_cost"], year["cost"]) == (92, 15_640)
    # With a fiscal year to 31 March the purchase of February stands in the year before.
    end = [["corporate_method", "TOTAL"], ["期末日", D(2026, 3, 31)]]
    (split,) = costs(*rows, head=head, options=end)
    assert split["cost"] == 18_400 - 18_400 / 200 * 30  # the year's average takes the opening book in


def test_us_lots_come_with_their_wash_sales():
    (row,) = costs(
        [D(2026, 1, 5), "U", "taxable", "ABC", "BUY", 100, 10],
        [D(2026, 6, 1), "U", "taxable", "ABC", "SELL", 100, 7.5],
        [D(2026, 6, 10), "U", "taxable", "ABC", "BUY", 100, 8],
    )
    assert (row["account_kind"], row["cost"]) == ("US_TAXABLE", 1050)  # IRS Publication 550


@pytest.mark.parametrize("method", ["FIFO", "LIFO", "HIFO"])
def test_the_us_method_chooses_the_lots_left(method):
    found = costs(
        [D(2025, 1, 6), "U", "taxable", "ABC", "BUY", 10, 10],
        [D(2025, 2, 3), "U", "taxable", "ABC", "BUY", 10, 30],
        [D(2025, 3, 3), "U", "taxable", "ABC", "BUY", 10, 20],
        [D(2026, 6, 1), "U", "taxable", "ABC", "SELL", 10, 40],
        options=[["method", method]],
    )
    gone = {"FIFO": 100, "LIFO": 200, "HIFO": 300}[method]
    assert sorted(row["cost"] for row in found) == sorted({100, 200, 300} - {gone})


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ([D(2026, 1, 5), "A", "特定", "7000", "BUY", -1, 500], r"trades, row 2: the quantity is -1"),
        (
            [D(2026, 1, 5), "A", "特定", "7000", "BUY", 1, None],
            r"trades, row 2: there is neither price nor amount",
        ),
        (
            [D(2026, 1, 5), "A", "預金", "7000", "BUY", 1, 1],
            r"trades, row 2: account_kind: '預金' is not known",
        ),
        ([None, "A", "特定", "7000", "BUY", 1, 1], r"trades, row 2: trade_date is blank"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(row, sentence):
    with pytest.raises(InputError, match=sentence):
        costs(row)


def test_a_day_without_a_rounding_rule_is_not_available():
    rows = [
        [D(2012, 1, 5), "A", "特定", "7000", "BUY", 10, 500],
        [D(2012, 2, 2), "A", "特定", "7000", "SELL", 5, 500],
    ]
    with pytest.raises(NoTableError, match="unit_cost") as caught:
        costs(*rows)
    assert caught.value.cell_error is ErrorValue.NA


# -- LOT_GAINS -----------------------------------------------------------------------------------

LOTS = ["account", "account_kind", "code", "quantity", "unit_cost"]


def test_general_accounts_share_one_unit_cost_on_a_line_each():
    lots = [LOTS, ["A", "一般", "7000", 2000, 500], ["B", "一般", "7000", 3000, 450]]
    found = cells("LOT_GAINS", lots, [["code", "price"], ["7000", 400]])
    assert [(r["account"], r["unit_cost"], r["gain"], r["reason"]) for r in found] == [
        ("A", 470, -140_000, "POOLED_ACCOUNTS"),
        ("B", 470, -210_000, "POOLED_ACCOUNTS"),
    ]


@pytest.mark.parametrize(
    ("lot", "price", "reason"),
    [
        (["A", "特定", "7000", 100, 500], [["7001", 400, None, None]], "NO_PRICE"),
        (["A", "特定", "7000", 100, 500], [["7000", 0, None, None]], "BAD_PRICE"),
        (["A", "特定", "7000", 100, 500], [["7000", 4, "USD", None]], "NO_FX"),
        (["A", "特定", "7000", 100, None], [["7000", 400, None, None]], "NO_COST"),
        (["A", "特定", "7000", -1, 500], [["7000", 400, None, None]], "BAD_QUANTITY"),
        (["A", "当座", "7000", 100, 500], [["7000", 400, None, None]], "BAD_KIND"),
        (["A", "特定", None, 100, 500], [["7000", 400, None, None]], "NO_CODE"),
    ],
)
def test_a_line_that_cannot_be_valued_says_why_and_the_others_stand(lot, price, reason):
    lots = [LOTS, lot, ["Z", "特定", "9000", 10, 100]]
    prices = [["code", "price", "currency", "fx"], *price, ["9000", 90, None, None]]
    bad, good = cells("LOT_GAINS", lots, prices)
    assert (bad["status"], bad["gain"]) == ("UNKNOWN", None)
    assert reason in bad["reason"]
    assert (good["status"], good["gain"]) == ("OK", -100)


def test_a_foreign_price_is_converted_and_may_turn_a_loss_into_a_gain():
    lots = [LOTS, ["A", "特定", "XYZ", 10, 11_000]]
    (row,) = cells("LOT_GAINS", lots, [["code", "price", "currency", "fx"], ["XYZ", 90, "USD", 150]])
    assert (row["value"], row["gain"], row["harvestable"]) == (135_000, 25_000, 0)


def test_us_lots_are_lines_of_their_own_with_a_term():
    lots = [
        ["account_kind", "code", "lot", "acquired", "quantity", "unit_cost"],
        ["taxable", "ABC", "L1", D(2023, 3, 1), 10, 50],
        ["taxable", "ABC", "L2", D(2024, 3, 1), 10, 30],
    ]
    found = cells("LOT_GAINS", lots, [["code", "price"], ["ABC", 40]], D(2024, 3, 1))
    # 2023-03-01 to 2024-03-01 is still short (Rev. Rul. 66-97).
    assert [(r["lot"], r["gain"], r["term"], r["harvestable"]) for r in found] == [
        ("L1", -100, "ST", 1),
        ("L2", 100, "ST", 0),
    ]


def test_a_company_is_not_rounded():
    lots = [LOTS, ["C", "法人", "7000", 3, None], ["C", "法人", "7000", 4, None]]
    lots = [[*LOTS, "cost"], [*lots[1], 100], [*lots[2], 100]]
    (row,) = cells("LOT_GAINS", lots, [["code", "price"], ["7000", 10]])
    assert row["cost"] == 200
    assert row["unit_cost"] == pytest.approx(200 / 7, rel=1e-12)


def test_two_prices_of_one_code_are_refused():
    with pytest.raises(InputError, match="prices, row 3: 7000 is there twice"):
        cells("LOT_GAINS", [LOTS, ["A", "特定", "7000", 1, 1]], [["code", "price"], ["7000", 1], ["7000", 2]])


def test_a_missing_column_is_named():
    with pytest.raises(NotFoundError, match="the column price / 時価 is missing"):
        cells("LOT_GAINS", [LOTS, ["A", "特定", "7000", 1, 1]], [["code"], ["7000"]])


# -- LOT_DISPOSE ---------------------------------------------------------------------------------

US = ["account_kind", "code", "lot", "acquired", "quantity", "unit_cost"]
US_LOTS = [
    US,
    ["taxable", "ABC", "a", D(2023, 1, 10), 100, 50],
    ["taxable", "ABC", "b", D(2026, 5, 11), 100, 80],
    ["taxable", "ABC", "c", D(2024, 3, 12), 100, 65],
]
SALES = ["trade_date", "code", "quantity", "price"]


def test_every_sale_of_a_day_uses_the_one_unit_cost_of_the_day():
    lots = [["code", "acquired", "quantity", "unit_cost"], ["7000", D(2026, 1, 5), 1000, 1000]]
    sales = [SALES, [D(2026, 12, 1), "7000", 300, 700], [D(2026, 12, 1), "7000", 200, 650]]
    found = cells("LOT_DISPOSE", lots, sales)
    assert [(r["sale"], r["cost"], r["gain"]) for r in found] == [
        (1, 300_000, -90_000),
        (2, 200_000, -70_000),
    ]


def test_a_purchase_that_settles_with_the_sale_halves_the_loss_whatever_its_trade_day():
    lots = [
        ["code", "acquired", "settled", "quantity", "unit_cost"],
        ["7000", D(2026, 1, 5), None, 1000, 1000],
        ["7000", D(2026, 11, 30), D(2026, 12, 3), 1000, 700],
    ]
    (row,) = cells("LOT_DISPOSE", lots, [SALES, [D(2026, 12, 1), "7000", 1000, 700]])
    assert (row["gain"], row["recognised_on"]) == (-150_000, D(2026, 12, 3))


def test_the_fee_comes_off_the_proceeds_and_the_tax_follows_the_rate():
    lots = [["code", "quantity", "unit_cost"], ["7000", 100, 1000]]
    sales = [[*SALES, "fee"], [D(2026, 6, 1), "7000", 100, 1500, 110]]
    (row,) = cells("LOT_DISPOSE", lots, sales, None, [["tax_rate", 0.2]])
    assert (row["proceeds"], row["fee"], row["gain"], row["tax"]) == (150_000, 110, 49_890, 9_978)


def test_a_nisa_loss_is_void_and_untaxed():
    lots = [["account_kind", "code", "quantity", "unit_cost"], ["NISA", "7000", 100, 1000]]
    (row,) = cells("LOT_DISPOSE", lots, [SALES, [D(2026, 6, 1), "7000", 100, 900]], None, [["tax_rate", 0.2]])
    assert (row["gain"], row["tax"], row["status"], row["reason"]) == (
        -10_000,
        0,
        "VOID",
        "NON_TAXABLE_ACCOUNT",
    )


@pytest.mark.parametrize(
    ("method", "lots"),
    [("FIFO", ["a", "c"]), ("LIFO", ["b", "c"]), ("HIFO", ["b", "c"]), ("AVERAGE", ["a", "c"])],
)
def test_the_method_orders_the_lots(method, lots):
    found = cells("LOT_DISPOSE", US_LOTS, [SALES, [D(2026, 9, 15), "ABC", 150, 60]], method)
    assert [row["lot"] for row in found] == lots
    if method == "AVERAGE":
        assert {row["unit_cost"] for row in found} == {65}


def test_a_lot_named_on_the_sale_wins_over_the_method():
    sales = [[*SALES, "lot"], [D(2026, 9, 15), "ABC", 40, 60, "b"]]
    (row,) = cells("LOT_DISPOSE", US_LOTS, sales, "FIFO")
    assert (row["lot"], row["gain"], row["term"]) == ("b", -800, "ST")


def test_later_sales_find_what_earlier_ones_left():
    sales = [SALES, [D(2026, 9, 16), "ABC", 60, 60], [D(2026, 9, 15), "ABC", 60, 60]]
    found = cells("LOT_DISPOSE", US_LOTS, sales)
    assert [(r["sale"], r["lot"], r["quantity"]) for r in found] == [(1, "a", 40), (1, "c", 20), (2, "a", 60)]


@pytest.mark.parametrize(
    ("sale", "reason"),
    [
        ([D(2026, 9, 15), "ABC", 400, 60], "SHORT_QUANTITY"),
        ([D(2026, 4, 15), "ABC", 250, 60], "SHORT_QUANTITY"),  # lot b is not bought yet
        ([D(2026, 9, 15), "ZZZ", 1, 60], "SHORT_QUANTITY"),
        ([None, "ABC", 1, 60], "NO_DATE"),
        ([D(2026, 9, 15), None, 1, 60], "NO_CODE"),
        ([D(2026, 9, 15), "ABC", 0, 60], "BAD_QUANTITY"),
        ([D(2026, 9, 15), "ABC", 1, None], "NO_PRICE"),
    ],
)
def test_a_sale_that_cannot_be_made_says_why_and_does_not_stop_the_next(sale, reason):
    bad, good = cells("LOT_DISPOSE", US_LOTS, [SALES, sale, [D(2026, 9, 15), "ABC", 10, 60]])
    assert (bad["status"], bad["gain"], bad["reason"]) == ("UNKNOWN", None, reason)
    assert (good["status"], good["gain"]) == ("OK", 100)


def test_a_sale_from_an_account_with_two_pools_of_the_code_is_not_guessed():
    lots = [["account", "account_kind", "code", "quantity", "unit_cost"]]
    lots += [["A", "特定", "7000", 100, 1000], ["A", "NISA", "7000", 100, 900]]
    sales = [["trade_date", "account", "code", "quantity", "price"], [D(2026, 6, 1), "A", "7000", 10, 800]]
    (row,) = cells("LOT_DISPOSE", lots, sales)
    assert (row["status"], row["reason"]) == ("UNKNOWN", "BAD_KIND")


def test_a_company_sells_at_its_exact_average_on_the_contract_date():
    lots = [["account_kind", "code", "quantity", "cost"], ["法人", "7000", 3, 100]]
    (row,) = cells("LOT_DISPOSE", lots, [SALES, [D(2027, 3, 31), "7000", 1, 30]])
    assert row["recognised_on"] == D(2027, 3, 31)
    assert row["gain"] == pytest.approx(30 - 100 / 3, abs=1e-9)


def test_an_unknown_method_is_refused():
    with pytest.raises(WordError, match="AVERAGE"):
        cells("LOT_DISPOSE", US_LOTS, [SALES, [D(2026, 9, 15), "ABC", 1, 60]], "BEST")
