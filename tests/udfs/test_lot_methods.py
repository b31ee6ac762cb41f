"""LOT_METHODS: the lot methods side by side, figures by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from xlplugin.errors import NotFoundError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

D = dt.date
# The lots of vector L07: 100 of them are sold at 50.
LOTS = [
    ["account", "account_kind", "code", "lot", "acquired", "quantity", "unit_cost"],
    ["U", "US_TAXABLE", "XYZ", "a", D(2020, 1, 6), 60, 30],
    ["U", "US_TAXABLE", "XYZ", "b", D(2021, 1, 6), 60, 55],
    ["U", "US_TAXABLE", "XYZ", "c", D(2026, 6, 1), 60, 48],
    ["U", "US_TAXABLE", "XYZ", "d", D(2026, 7, 1), 40, 60],
]
SALES = [["trade_date", "account", "code", "quantity", "price"], [D(2026, 11, 16), "U", "XYZ", 100, 50]]
RATES = [["short_rate", 0.408], ["long_rate", 0.238]]


def methods(lots=LOTS, sales=SALES, options=RATES):
    header, *rows = call(load()["LOT_METHODS"], lots, sales, options)
    return {row["method"]: row for row in (dict(zip(header, cells, strict=True)) for cells in rows)}


def test_every_method_shows_its_lots_its_terms_and_its_tax():
    # FIFO: a +20 x 60 and b -5 x 40, long; LIFO: d -10 x 40 and c +2 x 60, short; HIFO and MINTAX: d -10 x 40
    # short and b -5 x 60 long, 400 x 40.8 % + 300 x 23.8 %.
    found = methods()
    assert [(m, r["lots"], r["short_gain"], r["long_gain"], r["rank"]) for m, r in found.items()] == [
        ("FIFO", "a, b", 0, 1000, 4),
        ("LIFO", "d, c", -280, 0, 3),
        ("HIFO", "d, b", -400, -300, 1),
        ("MINTAX", "d, b", -400, -300, 1),
    ]
    assert [row["tax"] for row in found.values()] == pytest.approx([238, -114.24, -234.6, -234.6])
    assert {row["status"] for row in found.values()} == {"OK"}


def test_a_purchase_close_to_the_sale_takes_its_part_of_a_loss_away():
    # 40 shares bought ten days before: of a loss on 100 shares they replace 40, the oldest lot's first.
    recent = [*LOTS, ["V", "US_TAXABLE", "XYZ", "e", D(2026, 11, 6), 40, 50]]
    found = methods(recent)
    assert (found["HIFO"]["gain"], found["HIFO"]["disallowed"]) == (-700, 200)  # b: 40 of 60 shares at -5
    assert (found["HIFO"]["short_gain"], found["HIFO"]["long_gain"]) == (-400, -100)
    assert found["HIFO"]["reason"] == "WASH_TAXABLE"
    assert (found["FIFO"]["disallowed"], found["FIFO"]["long_gain"]) == (200, 1200)  # all 40 shares of b
    ira = [*LOTS, ["I", "IRA", "XYZ", "e", D(2026, 11, 20), 40, 50]]
    assert methods(ira)["HIFO"]["reason"] == "WASH_IRA"


def test_a_purchase_of_another_household_or_after_the_window_takes_nothing():
    head, *rows = LOTS
    lots = [
        [*head, "household"],
        *([*row, "H"] for row in rows),
        ["V", "taxable", "XYZ", "e", D(2026, 11, 6), 40, 50, "other"],
        ["V", "taxable", "XYZ", "f", D(2026, 12, 17), 40, 50, "H"],
    ]
    assert {row["disallowed"] for row in methods(lots).values()} == {0}


def test_a_named_lot_is_the_same_under_every_method():
    sales = [[*SALES[0], "lot"], [D(2026, 11, 16), "U", "XYZ", 30, 50, "c"]]
    assert {(r["lots"], r["short_gain"], r["rank"]) for r in methods(sales=sales).values()} == {("c", 60, 1)}


def test_without_rates_there_is_no_tax_no_rank_and_no_mintax():
    found = methods(options=[["short_rate", 0.408]])
    assert {(r["tax"], r["rank"]) for r in found.values()} == {(None, None)}
    assert found["FIFO"]["gain"] == 1000
    assert (found["MINTAX"]["status"], found["MINTAX"]["reason"]) == ("UNKNOWN", "RATE_MISSING")


def test_japan_has_one_average_and_one_row():
    # (100 x 1,000 + 200 x 1,301) / 300 = 1,200.67, up to 1,201; (1,100 - 1,201) x 100 at 20 %.
    lots = [
        ["code", "acquired", "quantity", "unit_cost"],
        ["7203", D(2026, 1, 5), 100, 1000],
        ["7203", D(2026, 2, 5), 200, 1301],
    ]
    sales = [["trade_date", "code", "quantity", "price"], [D(2026, 6, 1), "7203", 100, 1100]]
    (row,) = methods(lots, sales, [["tax_rate", 0.2]]).values()
    assert (row["method"], row["gain"], row["tax"], row["rank"]) == ("AVERAGE", -10_100, -2_020, 1)
    assert (row["short_gain"], row["reason"]) == (None, "POOL_AVERAGE")


def test_retirement_accounts_have_no_result_that_counts():
    head, *rows = LOTS
    lots = [head, *([row[0], "IRA", *row[2:]] for row in rows)]
    found = methods(lots)
    assert (found["HIFO"]["status"], found["HIFO"]["reason"]) == ("VOID", "NON_TAXABLE_ACCOUNT")
    assert {(r["short_gain"], r["long_gain"], r["tax"]) for r in found.values()} == {(0, 0, 0)}


@pytest.mark.parametrize(
    ("sale", "reason"),
    [
        ([D(2026, 11, 16), "U", "XYZ", 221, 50], "SHORT_QUANTITY"),
        ([D(2020, 1, 5), "U", "XYZ", 1, 50], "SHORT_QUANTITY"),
        ([D(2026, 11, 16), "U", "ZZZ", 1, 50], "SHORT_QUANTITY"),
        ([None, "U", "XYZ", 1, 50], "NO_DATE"),
        ([D(2026, 11, 16), "U", "XYZ", 1, None], "NO_PRICE"),
    ],
)
def test_a_sale_that_cannot_be_made_says_why(sale, reason):
    assert {(r["status"], r["gain"], r["reason"]) for r in methods(sales=[SALES[0], sale]).values()} == {
        ("UNKNOWN", None, reason)
    }


def test_sales_are_judged_alone_and_keep_their_order():
    header, *rows = call(load()["LOT_METHODS"], LOTS, [*SALES, SALES[1]], RATES)
    sale, lots = header.index("sale"), header.index("lots")
    assert [(row[sale], row[lots]) for row in rows[::4]] == [(1, "a, b"), (2, "a, b")]


def test_a_missing_column_is_named():
    with pytest.raises(NotFoundError, match="quantity"):
        methods([["code", "unit_cost"], ["XYZ", 1]])
