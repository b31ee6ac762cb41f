"""Edges of the tax functions as a cell sees them; every figure by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from xlplugin.errors import DomainError, ErrorValue, MissingError, NoTableError, XlPluginError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

D = dt.date
DAY = D(2026, 11, 24)


def rows(name, *arguments):
    header, *found = call(load()[name], *arguments)
    return [dict(zip(header, cells, strict=True)) for cells in found]


def harvest(lots, prices, day=DAY, trades=None, options=None, accounts=None):
    return rows("HARVEST", lots, prices, day, trades, None, None, options, accounts)


# -- figures that a formula computed --------------------------------------------------------------


def test_the_dust_of_a_computed_unit_cost_does_not_become_a_yen():
    # 100 at 100 and 60 at 5,200 / 60: 15,200 / 160 is 95, not a little more.
    lots = [["code", "quantity", "unit_cost"], ["7203", 100, 100], ["7203", 60, 5200 / 60]]
    (row,) = rows("LOT_GAINS", lots, [["code", "price"], ["7203", 90]])
    assert (row["unit_cost"], row["gain"]) == (95, -800)
    head = ["trade_date", "code", "side", "quantity", "price"]
    trades = [head, [D(2026, 2, 2), "7203", "BUY", 100, 100], [D(2026, 4, 3), "7203", "BUY", 60, 5200 / 60]]
    (held,) = rows("LOT_UNIT_COST", trades)
    assert (held["unit_cost"], held["cost"]) == (95, 15_200)
    cost = [["code", "quantity", "cost"], ["7203", 3, 0.1 + 0.2]]  # 0.30000000000000004 in the last bit
    (tenth,) = rows("LOT_UNIT_COST", [head, [D(2026, 2, 2), "7203", "BUY", 0.1 + 0.2, 1000]])
    assert (tenth["quantity"], tenth["cost"]) == (0.3, 300)
    assert rows("LOT_GAINS", cost, [["code", "price"], ["7203", 1]])[0]["unit_cost"] == 1


def test_what_a_person_types_is_kept_to_the_last_digit():
    lots = [["account_kind", "code", "acquired", "quantity", "unit_cost"]]
    lots.append(["taxable", "ABC", D(2026, 1, 5), 1234.56789, 98765.4321])
    (row,) = rows("LOT_GAINS", lots, [["code", "price"], ["ABC", 98765.4321]])
    assert row["gain"] == 0


# -- currencies, owners, households ----------------------------------------------------------------


def test_a_rate_counts_only_where_the_price_is_not_in_the_money_of_the_account():
    lots = [["code", "quantity", "unit_cost"], ["7203", 100, 2500]]
    same = [["code", "price", "currency", "fx"], ["7203", 2400, "JPY", 150]]
    assert rows("LOT_GAINS", lots, same)[0]["gain"] == -10_000
    assert harvest(lots, same)[0]["gross_loss"] == 10_000
    dollars = [["code", "price", "currency", "fx"], ["7203", 16, "USD", 150]]
    assert rows("LOT_GAINS", lots, dollars)[0]["gain"] == -10_000
    held_in_dollars = [[*lots[0], "currency"], [*lots[1], "USD"]]
    (row,) = rows("LOT_GAINS", held_in_dollars, [["code", "price"], ["7203", 16]])
    assert (row["gain"], row["status"], row["reason"]) == (None, "UNKNOWN", "NO_FX")


def test_a_rate_of_zero_is_refused_by_both():
    lots = [["code", "quantity", "unit_cost"], ["7203", 100, 2500]]
    for name, more in (("LOT_GAINS", ()), ("HARVEST", (DAY,))):
        with pytest.raises(DomainError, match="exchange rate"):
            rows(name, lots, [["code", "price", "currency", "fx"], ["7203", 16, "USD", 0]], *more)


US = [
    ["account", "account_kind", "code", "acquired", "quantity", "unit_cost"],
    ["U", "taxable", "ABC", D(2025, 3, 10), 100, 50],
]
PRICE = [["code", "price"], ["ABC", 40]]
HEAD = ["trade_date", "account", "account_kind", "code", "side", "quantity", "price", "household"]


def test_a_household_that_only_one_table_names_is_the_household_of_all():
    trades = [HEAD, [D(2026, 11, 20), "I", "IRA", "ABC", "BUY", 100, 41, "Smith"]]
    assert harvest(US, PRICE, trades=trades)[0]["reason"] == "WASH_IRA"
    two = [*trades, [D(2025, 1, 6), "U", "taxable", "ABC", "BUY", 1, 1, "Jones"]]
    assert harvest(US, PRICE, trades=two)[0]["status"] == "UNKNOWN"  # the lots are those of Jones


def test_accounts_of_one_name_and_two_owners_are_two_accounts():
    lots = [["owner", "code", "quantity", "unit_cost"], ["x", "7203", 100, 100], ["y", "7203", 100, 200]]
    found = rows("LOT_GAINS", lots, [["code", "price"], ["7203", 100]])
    assert [(row["quantity"], row["unit_cost"]) for row in found] == [(100, 100), (100, 200)]


# -- days ------------------------------------------------------------------------------------------


def test_a_lot_that_is_bought_after_the_day_is_not_sold_but_can_replace():
    lots = [*US, ["U", "taxable", "ABC", D(2026, 12, 1), 30, 45]]
    found = {row["quantity"]: row for row in harvest(lots, PRICE)}
    assert (found[30]["status"], found[30]["reason"]) == ("UNKNOWN", "NO_DATE")
    assert (found[100]["status"], found[100]["recognised_now"]) == ("REDUCED", 700)


@pytest.mark.parametrize(
    ("day", "now"), [(D(2026, 3, 31), 0), (D(2026, 4, 1), 300_000), (D(2027, 3, 31), 300_000)]
)
def test_a_fiscal_year_begins_the_day_after_the_last_one_ends(day, now):
    lots = [["account_kind", "code", "quantity", "unit_cost"], ["法人", "7203", 1000, 1000]]
    options = [["period_end", D(2027, 3, 31)]]
    (row,) = harvest(lots, [["code", "price"], ["7203", 700]], day, options=options)
    assert row["recognised_now"] == now


# -- companies -------------------------------------------------------------------------------------

COMPANY = [
    ["account", "account_kind", "code", "acquired", "quantity", "unit_cost"],
    ["C", "法人", "7203", D(2026, 1, 5), 1000, 1000],
]
YEN = [["code", "price"], ["7203", 700]]
ARRANGED = [*HEAD[:7], "arranged", "planned"]


@pytest.mark.parametrize("planned", [0, 1])
def test_an_arranged_purchase_of_the_day_cancels_its_part_at_the_old_book_value(planned):
    # 500 of 1,000 shares are bought back at the price of the sale: 500 x 300 count, whoever was first. A
    # done purchase stands in front of the sale: average 900, loss 200,000, half of it cancelled.
    trade = [DAY, "C", "法人", "7203", "BUY", 500, 700, 1, planned]
    (row,) = harvest(COMPANY, YEN, trades=[ARRANGED, trade])
    assert row["gross_loss"] == 300_000
    assert row["recognised_now"] == (150_000 if planned else 100_000)
    assert row["reason"] == "CROSS_TRADE; RATE_MISSING"


def test_a_planned_purchase_of_the_day_without_arrangement_follows_the_sale():
    trade = [DAY, "C", "法人", "7203", "BUY", 500, 700, 0, 1]
    (row,) = harvest(COMPANY, YEN, trades=[ARRANGED, trade])
    assert (row["status"], row["recognised_now"]) == ("OK", 300_000)
    assert row["reason"] == "FIVE_BUSINESS_DAYS; RATE_MISSING"


def test_a_purchase_in_the_lots_is_still_close_to_the_sale_of_a_company():
    lots = [*COMPANY, ["C", "法人", "7203", D(2026, 11, 20), 500, 700]]
    plain = [D(2026, 11, 20), "C", "法人", "7203", "BUY", 500, 700, 0, 0]
    (row,) = harvest(lots, YEN, trades=[ARRANGED, plain])
    assert (row["status"], row["reason"]) == ("OK", "FIVE_BUSINESS_DAYS; RATE_MISSING")
    # Arranged with the sale of 1,500 shares at an average of 900: a third of the loss is cancelled.
    (crossed,) = harvest(lots, YEN, trades=[ARRANGED, [*plain[:7], 1, 0]])
    assert (crossed["gross_loss"], crossed["recognised_now"]) == (300_000, 200_000)
    assert crossed["reason"] == "CROSS_TRADE; RATE_MISSING"
    # A sale since then has met it already.
    sold = [D(2026, 11, 23), "C", "法人", "7203", "SELL", 10, 700, 0, 0]
    (free,) = harvest(lots, YEN, trades=[ARRANGED, [*plain[:7], 1, 0], sold])
    assert free["recognised_now"] == 300_000


# -- 差金決済 --------------------------------------------------------------------------------------

HELD = [["account", "code", "quantity", "unit_cost"], ["A", "7203", 1000, 1000]]
DONE = ["trade_date", "account", "code", "side", "quantity", "price", "planned"]


@pytest.mark.parametrize(
    ("sides", "planned", "rebuy", "status"),
    [
        ((), 0, "SAME_DAY", "REDUCED"),  # sell, buy: once a day
        (("SELL",), 0, "NEXT_DAY", "OK"),
        (("BUY",), 0, "NEXT_DAY", "REDUCED"),  # buy, sell
        (("BUY",), 0, "SAME_DAY", "BLOCKED"),  # buy, sell, buy
        (("SELL", "BUY"), 0, "NEXT_DAY", "BLOCKED"),  # sell, buy, sell
        (("SELL", "BUY"), 1, "NEXT_DAY", "REDUCED"),  # not done: the sale may be the first of them
    ],
)
def test_back_and_forth_on_one_day_is_refused_by_brokers(sides, planned, rebuy, status):
    trades = [DONE, *([DAY, "A", "7203", side, 1000, 700, planned] for side in sides)]
    (row,) = harvest(HELD, YEN, trades=trades if sides else None, options=[["rebuy", rebuy]])
    assert row["status"] == status
    assert ("CASH_RULE" in row["reason"]) == (status == "BLOCKED")


# -- calls that no sheet should make ---------------------------------------------------------------


@pytest.mark.parametrize("year", [0, -5, 99_999, 1e20])
def test_a_year_that_is_none_is_a_missing_table_and_no_crash(year):
    realised = [["date", "gain"], [DAY, 1]]
    carry = [["year", "amount"], [-9, 1]]
    for name, arguments in (
        ("TAX_DIVIDEND", (100, year)),
        ("TAX_GAINS", (realised, year, None, 5)),
        ("TAX_CARRYFORWARD", (carry, year, 5)),
    ):
        with pytest.raises(XlPluginError) as refused:
            call(load()[name], *arguments)
        assert isinstance(refused.value, (NoTableError, DomainError))


def test_no_day_can_be_given_at_the_end_of_the_calendar():
    with pytest.raises(MissingError, match="no day can be given"):
        call(load()["TAX_EARLIEST_REBUY"], D(9999, 12, 31), "taxable")


def test_a_figure_beyond_a_cell_is_a_number_error_of_its_cell():
    lots = [["code", "quantity", "unit_cost"], ["7203", 1e300, 1e300], ["6758", 100, 1000]]
    prices = [["code", "price"], ["7203", 1], ["6758", 900]]
    huge, plain = rows("LOT_GAINS", lots, prices)
    assert (huge["cost"], plain["gain"]) == (ErrorValue.NUM, -10_000)
    found = {row["code"]: row for row in harvest(lots, prices)}
    assert (found["7203"]["gross_loss"], found["6758"]["gross_loss"]) == (ErrorValue.NUM, 10_000)


def test_infinity_is_no_number_of_a_cell():
    with pytest.raises(XlPluginError):
        call(load()["TAX_FUND_CREDIT"], float("inf"), 1)
