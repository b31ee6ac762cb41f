"""WASH_SALES as a cell sees it: slices that add up, three bodies of law, refusals."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import InputError, LedgerError, MissingError, NotFoundError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

WASH_SALES = load()["WASH_SALES"]
DAY = dt.date(2026, 6, 1)
HEADER = ["trade_date", "account", "account_kind", "code", "side", "quantity", "amount", "lot", "arranged"]


def row(days, side, quantity, amount, lot=None, account="U", kind="US_TAXABLE", arranged=None):
    return [
        DAY + dt.timedelta(days=days),
        account,
        kind,
        "XYZ",
        side,
        float(quantity),
        float(amount),
        lot,
        arranged,
    ]


def wash_sales(*rows, header=None, **options):
    given = [list(pair) for pair in options.items()] or None
    keys, *found = call(WASH_SALES, [header or HEADER, *map(list, rows)], given)
    return [dict(zip(keys, cells, strict=True)) for cells in found]


LOSS = (row(-200, "BUY", 100, 1000, "L"), row(0, "SELL", 100, 500, "L"))


def test_a_retirement_account_loses_its_part_and_the_rest_is_allowed():
    slices = wash_sales(*LOSS, row(5, "BUY", 40, 200, "R", "I", "IRA"), household_complete=True)
    assert [
        (s["quantity"], s["disallowed"], s["lost_forever"], s["basis_added"], s["status"], s["reason"])
        for s in slices
    ] == [
        (40, 200, 200, 0, "VOID", "WASH_IRA"),
        (60, 0, 0, 0, "OK", ""),
    ]
    assert (slices[0]["replacement_lot"], slices[0]["new_cost"], slices[0]["deemed_acquired"]) == (
        "R",
        None,
        None,
    )


def test_the_rest_of_a_loss_is_unknown_while_accounts_are_not_seen():
    (only,) = wash_sales(*LOSS)
    assert (only["status"], only["reason"], only["allowed"]) == ("UNKNOWN", "COVERAGE_INCOMPLETE", 500)


def test_another_window_can_be_asked_for():
    late = row(40, "BUY", 100, 400, "R")
    assert wash_sales(*LOSS, late, household_complete=True)[0]["status"] == "OK"
    (washed,) = wash_sales(*LOSS, late, window=45.0)
    assert (washed["status"], washed["clear_date"]) == ("DEFERRED", DAY + dt.timedelta(days=46))


def test_a_sale_without_a_lot_takes_the_oldest_shares():
    slices = wash_sales(
        row(-90, "BUY", 10, 90, "old"), row(-80, "BUY", 10, 50, "new"), row(0, "SELL", 10, 60)
    )
    assert [s["lot"] for s in slices] == ["old"]


def test_one_lot_name_may_stand_on_two_purchases():
    slices = wash_sales(
        row(-90, "BUY", 10, 90, "L"), row(-80, "BUY", 10, 80, "L"), row(0, "SELL", 20, 100, "L")
    )
    assert sum(s["loss"] for s in slices) == 70


def test_a_gain_gives_no_row():
    assert wash_sales(row(-9, "BUY", 1, 1, "L"), row(0, "SELL", 1, 2, "L"), row(1, "BUY", 1, 2)) == []


def test_a_loss_in_nisa_counts_nowhere():
    (only,) = wash_sales(
        row(-90, "BUY", 10, 900, account="N", kind="NISA"), row(0, "SELL", 10, 500, account="N", kind="NISA")
    )
    assert (only["status"], only["reason"], only["allowed"], only["lost_forever"]) == (
        "VOID",
        "NON_TAXABLE_ACCOUNT",
        0,
        400,
    )


def test_a_company_has_its_arranged_part_cancelled_and_is_warned_of_five_days():
    def company(*args, **more):
        return row(*args, account="C", kind="法人", **more)

    held = (company(-90, "BUY", 100, 1000), company(0, "SELL", 100, 600))
    arranged, rest = wash_sales(*held, company(0, "BUY", 40, 240, arranged=True))
    assert (arranged["quantity"], arranged["disallowed"], arranged["reason"]) == (40, 160, "CROSS_TRADE")
    assert (rest["allowed"], rest["status"], rest["reason"]) == (240, "OK", "")
    (near,) = wash_sales(*held, company(4, "BUY", 40, 240))
    assert near["reason"] == "FIVE_BUSINESS_DAYS"
    (far,) = wash_sales(*held, company(9, "BUY", 40, 240))
    assert far["reason"] == ""


@settings(deadline=None, max_examples=40)
@given(
    bought=st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 9), st.integers(1, 99)), max_size=4),
    quantity=st.integers(1, 9),
    proceeds=st.integers(0, 60),
)
def test_the_slices_of_a_sale_add_up_to_it(bought, quantity, proceeds):
    slices = wash_sales(
        row(-200, "BUY", 9, 77, "L"),
        row(0, "SELL", quantity, proceeds, "L"),
        *(row(d, "BUY", q, a, f"R{n}") for n, (d, q, a) in enumerate(bought)),
    )
    loss = round(max(0.0, 77 * quantity / 9 - proceeds), 2)
    if not slices:
        assert loss == pytest.approx(0.0, abs=0.01)
        return
    assert sum(s["quantity"] for s in slices) == quantity
    assert sum(s["loss"] for s in slices) == pytest.approx(loss, abs=0.011)
    for s in slices:
        assert s["loss"] == pytest.approx(s["disallowed"] + s["allowed"])
        assert s["disallowed"] == pytest.approx(s["basis_added"] + s["lost_forever"])


@pytest.mark.parametrize(
    ("rows", "error", "sentence"),
    [
        ((row(0, "SELL", 1, 1, "L"),), MissingError, "trades, row 2: no purchase of XYZ is called lot L"),
        ((row(0, "SELL", 1, 1),), LedgerError, "trades, row 2: 1 shares of XYZ .* 0 are held"),
        ((row(-9, "BUY", 1, 1, "L"), row(0, "SELL", 2, 1, "L")), InputError, "row 3: lot L does not hold"),
    ],
)
def test_a_sale_that_cannot_be_is_named(rows, error, sentence):
    with pytest.raises(error, match=sentence):
        wash_sales(*rows)


def test_a_table_without_a_side_is_a_missing_column():
    with pytest.raises(NotFoundError, match="side"):
        wash_sales([DAY, "XYZ", 1.0], header=["trade_date", "code", "quantity"])
