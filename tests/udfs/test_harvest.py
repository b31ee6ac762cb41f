"""HARVEST as a cell sees it: pools, windows, restrictions, options, order, refusals."""

from __future__ import annotations

import datetime as dt
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import ErrorValue, InputError, MissingError, NotFoundError, ShapeError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import REASON_CODES
from xlplugin.worksheet.registry import load

HARVEST = load()["HARVEST"]
DAY = dt.date(2026, 11, 24)
TOKUTEI = "特定(源泉徴収あり)"
AMOUNTS = ("recognised_now", "recognised_later", "deferred_to_basis", "lost_forever")


def harvest(lots, prices, as_of=DAY, **given):
    """The rows of one call, as dictionaries keyed by column."""
    names = [argument.name for argument in HARVEST.arguments]
    arguments = {"lots": lots, "prices": prices, "as_of": as_of, **given}
    if "options" in arguments:
        arguments["options"] = [list(pair) for pair in arguments["options"].items()]
    header, *rows = call(HARVEST, *(arguments.get(name) for name in names))
    return [dict(zip(header, row, strict=True)) for row in rows]


def table(header, *rows):
    return [header.split(), *map(list, rows)]


def japan(*rows):
    return table("account account_kind code quantity unit_cost", *rows)


def america(*rows):
    return table("account account_kind code lot acquired quantity unit_cost", *rows)


PRICES = table("code price", ["7203", 700.0], ["6758", 900.0], ["ABC", 40.0])
HELD = japan(["A", TOKUTEI, "7203", 1000.0, 1000.0])
US_LOT = america(["U", "taxable", "ABC", "L1", dt.date(2025, 3, 10), 100.0, 50.0])
US = {"short_rate": 0.408, "long_rate": 0.238, "household_complete": True}


def buy(account, kind, code, quantity, price, day=DAY, **more):
    cells = {
        "trade_date": day,
        "account": account,
        "account_kind": kind,
        "code": code,
        "side": "BUY",
        "quantity": float(quantity),
        "price": float(price),
        **more,
    }
    return [list(cells), list(cells.values())]


# -- Japan ----------------------------------------------------------------------------------------


def test_rows_of_one_account_and_code_are_one_pool():
    (row,) = harvest(
        japan(["A", TOKUTEI, "7203", 100.0, 900.0], ["A", TOKUTEI, "7203", 300.0, 1001.0]), PRICES
    )
    # By hand: 390,300 / 400 = 975.75, up to 976; (976 - 700) x 400.
    assert (row["quantity"], row["unit_cost"], row["gross_loss"]) == (400, 976, 110_400)


def test_two_brokers_are_two_pools_and_one_broker_name_may_hold_several_kinds():
    rows = harvest(
        japan(
            ["A", TOKUTEI, "7203", 100.0, 900.0],
            ["B", TOKUTEI, "7203", 100.0, 800.0],
            ["A", "NISA", "7203", 100.0, 1000.0],
        ),
        PRICES,
    )
    assert [(r["account"], r["account_kind"], r["gross_loss"], r["status"]) for r in rows] == [
        ("A", "JP_TOKUTEI_WH", 20_000, "OK"),
        ("B", "JP_TOKUTEI_WH", 10_000, "OK"),
        ("A", "JP_NISA", 30_000, "VOID"),
    ]


def test_general_accounts_of_one_owner_share_their_unit_cost_and_say_so():
    rows = harvest(japan(["A", "一般", "7203", 100.0, 900.0], ["B", "一般", "7203", 300.0, 1000.0]), PRICES)
    assert [(r["account"], r["unit_cost"], r["gross_loss"], r["reason"]) for r in rows] == [
        ("B", 975, 82_500, "POOLED_ACCOUNTS"),
        ("A", 975, 27_500, "POOLED_ACCOUNTS"),
    ]


def test_a_same_day_purchase_in_the_same_specified_account_dilutes_the_loss():
    (row,) = harvest(HELD, PRICES, trades=buy("A", TOKUTEI, "7203", 1000, 700))
    assert (row["recognised_now"], row["deferred_to_basis"], row["status"]) == (150_000, 150_000, "REDUCED")


@pytest.mark.parametrize(
    "trade",
    [
        buy("B", TOKUTEI, "7203", 1000, 700),
        buy("A", TOKUTEI, "6758", 1000, 700),
        buy("A", TOKUTEI, "7203", 1000, 700, DAY + dt.timedelta(days=1)),
        buy("A", "NISA", "7203", 1000, 700),
        buy("A", TOKUTEI, "7203", 1000, 700, planned="取消"),
    ],
)
def test_a_purchase_elsewhere_or_on_another_day_does_not(trade):
    (row,) = harvest(HELD, PRICES, trades=trade)
    assert (row["recognised_now"], row["status"]) == (300_000, "OK")


def test_the_day_of_a_purchase_is_its_settlement_day():
    late = buy("A", TOKUTEI, "7203", 1000, 700, dt.date(2026, 11, 20), settle_date=dt.date(2026, 11, 26))
    (row,) = harvest(HELD, PRICES, trades=late)
    assert row["reason"] == "SAME_DAY_BUY"


def test_the_option_same_day_assumes_the_rebuy():
    (row,) = harvest(HELD, PRICES, options={"rebuy": "同日"})
    assert (row["recognised_now"], row["reason"]) == (150_000, "SAME_DAY_BUY")


def test_a_loss_in_dollars_can_be_a_gain_in_yen():
    prices = table("code price currency fx", ["ABC", 9.0, "USD", 150.0])
    (row,) = harvest(japan(["A", TOKUTEI, "ABC", 1000.0, 1100.0]), prices, options={"show_all": True})
    assert (row["status"], row["reason"], row["value"]) == ("NO_LOSS", "NO_LOSS_IN_TAX_CURRENCY", 1_350_000)


def test_a_company_sees_only_what_is_arranged_and_is_warned_of_the_five_days():
    held = japan(["C", "法人", "7203", 1000.0, 1000.0])
    (arranged,) = harvest(held, PRICES, trades=buy("C", "法人", "7203", 1000, 700, arranged=True))
    assert (arranged["status"], arranged["reason"]) == ("DEFERRED", "CROSS_TRADE")
    (near,) = harvest(held, PRICES, trades=buy("C", "法人", "7203", 1000, 700, DAY + dt.timedelta(days=3)))
    assert (near["status"], near["reason"]) == ("OK", "FIVE_BUSINESS_DAYS; RATE_MISSING")
    assert near["earliest_rebuy"] is None


def test_the_fiscal_year_of_a_company_ends_when_the_option_says():
    held = japan(["C", "法人", "7203", 1000.0, 1000.0])
    (row,) = harvest(held, PRICES, dt.date(2027, 3, 31), options={"period_end": dt.date(2027, 3, 31)})
    assert (row["status"], row["last_trade_date"]) == ("OK", dt.date(2027, 3, 31))
    (late,) = harvest(held, PRICES, dt.date(2027, 4, 1), options={"period_end": dt.date(2027, 3, 31)})
    assert (late["status"], late["recognised_later"]) == ("DEFERRED", 300_000)


def test_an_unseen_general_account_of_the_owner_makes_the_average_unknown():
    accounts = table("account account_kind seen", ["A", "一般", True], ["Z", "一般", False])
    (row,) = harvest(japan(["A", "一般", "7203", 1000.0, 1000.0]), PRICES, accounts=accounts)
    assert (row["status"], row["rank"]) == ("UNKNOWN", 1)
    assert "COVERAGE_INCOMPLETE" in row["reason"]


def test_an_unseen_specified_account_does_not_matter():
    accounts = table("account account_kind seen", ["A", TOKUTEI, True], ["Z", TOKUTEI, False])
    (row,) = harvest(HELD, PRICES, accounts=accounts)
    assert row["status"] == "OK"


# -- the United States -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "kind", "status", "reason", "lost"),
    [
        ("U", "taxable", "REDUCED", "WASH_TAXABLE", 0),
        ("V", "taxable", "REDUCED", "WASH_TAXABLE", 0),
        ("I", "IRA", "REDUCED", "WASH_IRA", 400),
    ],
)
def test_purchases_of_the_household_wash_share_by_share(account, kind, status, reason, lost):
    trades = buy(account, kind, "ABC", 40, 41, dt.date(2026, 12, 20))
    (row,) = harvest(US_LOT, PRICES, trades=trades, options=US)
    assert (row["status"], row["reason"], row["lost_forever"]) == (status, reason, lost)
    assert row["recognised_now"] == 600


def test_a_purchase_of_another_household_does_not_wash():
    lots = table(
        "account account_kind code acquired quantity unit_cost household",
        ["U", "taxable", "ABC", dt.date(2025, 3, 10), 100.0, 50.0, "one"],
    )
    trades = buy("V", "taxable", "ABC", 40, 41, household="two")
    (row,) = harvest(lots, PRICES, trades=trades, options=US)
    assert row["status"] == "OK"


def test_securities_of_one_identity_group_replace_each_other():
    lots = table(
        "account account_kind code acquired quantity unit_cost identity_group",
        ["U", "taxable", "ABC", dt.date(2025, 3, 10), 100.0, 50.0, "index"],
        ["U", "taxable", "XYZ", dt.date(2026, 11, 2), 30.0, 10.0, "index"],
    )
    rows = {r["code"]: r for r in harvest(lots, [*PRICES, ["XYZ", 9.0]], options=US)}
    assert rows["ABC"]["deferred_to_basis"] == 300


def test_a_purchase_that_is_in_the_lots_is_not_counted_twice():
    lots = america(*US_LOT[1:], ["U", "taxable", "ABC", "L2", dt.date(2026, 11, 2), 10.0, 30.0])
    (row, *_) = harvest(
        lots, PRICES, trades=buy("U", "taxable", "ABC", 10, 30, dt.date(2026, 11, 2)), options=US
    )
    assert row["deferred_to_basis"] == 100


def test_parts_of_one_lot_that_a_broker_lists_apart_do_not_replace_each_other():
    recent = dt.date(2026, 11, 2)
    lots = america(
        ["U", "taxable", "ABC", "L1", recent, 60.0, 50.0], ["U", "taxable", "ABC", "L1", recent, 40.0, 55.0]
    )
    assert {r["status"] for r in harvest(lots, PRICES, options=US)} == {"OK"}


def test_lots_of_one_name_in_two_accounts_are_two_purchases():
    recent = dt.date(2026, 11, 2)
    lots = america(
        ["U", "taxable", "ABC", "1", recent, 60.0, 50.0], ["V", "taxable", "ABC", "1", recent, 60.0, 50.0]
    )
    assert {r["status"] for r in harvest(lots, PRICES, options=US)} == {"DEFERRED"}


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (["U", "taxable", "ABC", "new", dt.date(2026, 11, 2), 100.0, None], "DEFERRED"),
        (["U", "taxable", "ABC", "new", None, 100.0, 30.0], "UNKNOWN"),
        (["U", "taxable", "ABC", "new", dt.date(2026, 11, 2), "many", 30.0], "UNKNOWN"),
        (["U", "savings", "ABC", "new", dt.date(2026, 11, 2), 100.0, 30.0], "UNKNOWN"),
    ],
)
def test_a_row_that_is_not_known_well_can_still_replace_another(row, status):
    rows = {r["lot"]: r for r in harvest(america(US_LOT[1], row), PRICES, options=US)}
    assert rows["L1"]["status"] == status


def test_a_clean_result_with_unseen_accounts_is_unknown_and_ranked_last():
    lots = america(*US_LOT[1:], ["U", "taxable", "DEF", "L2", dt.date(2025, 3, 10), 1.0, 50.0])
    prices = [*PRICES, ["DEF", 40.0]]
    trades = buy("U", "taxable", "DEF", 0.5, 41)
    rows = harvest(lots, prices, trades=trades, options={**US, "household_complete": False})
    assert [(r["code"], r["rank"], r["status"]) for r in rows] == [
        ("DEF", 1, "REDUCED"),
        ("ABC", 2, "UNKNOWN"),
    ]


def test_a_loss_in_a_retirement_account_is_void_without_dates():
    (row,) = harvest(
        america(["I", "IRA", "ABC", "L1", dt.date(2025, 3, 10), 100.0, 50.0]), PRICES, options=US
    )
    assert (row["status"], row["reason"], row["lost_forever"]) == ("VOID", "NON_TAXABLE_ACCOUNT", 1000)
    assert (row["earliest_rebuy"], row["last_trade_date"]) == (None, None)


# -- value, order, options --------------------------------------------------------------------------


def test_without_a_rate_the_tax_value_is_blank_and_the_row_comes_last():
    lots = america(
        ["U", "taxable", "ABC", "long", dt.date(2025, 3, 10), 100.0, 50.0],
        ["U", "taxable", "ABC", "short", dt.date(2026, 3, 10), 10.0, 50.0],
    )
    rows = harvest(lots, PRICES, options={"short_rate": 0.4, "household_complete": True})
    assert [(r["lot"], r["rank"], r["tax_value"], r["reason"]) for r in rows] == [
        ("short", 1, 40, ""),
        ("long", 2, None, "RATE_MISSING"),
    ]


def test_the_dated_rate_of_japan_is_used_where_none_is_given():
    (row,) = harvest(HELD, PRICES)
    assert (row["tax_rate"], row["tax_value"]) == (0.20315, 60_945)


def test_gains_are_used_in_the_order_of_rank_and_the_rest_is_carried():
    lots = japan(["A", TOKUTEI, "6758", 100.0, 1000.0], ["A", TOKUTEI, "7203", 1000.0, 1000.0])
    rows = harvest(lots, PRICES, options={"gains": 304_000})
    assert [(r["code"], r["usable_this_year"], r["goes_to_carry"]) for r in rows] == [
        ("7203", 300_000, 0),
        ("6758", 4_000, 6_000),
    ]
    assert rows[1]["reason"] == "CARRY_NEEDS_RETURN"


@pytest.mark.parametrize(("rebuy", "trades"), [("NEXT_DAY", 2), ("NONE", 1)])
def test_costs_are_fee_and_half_the_spread_on_every_trade(rebuy, trades):
    prices = table("code price spread", ["7203", 700.0, 0.002])
    options = {"fee_rate": 0.001, "rebuy": rebuy}
    (row,) = harvest(HELD, prices, options=options)
    assert row["trading_cost"] == pytest.approx(700_000 * (0.001 + 0.001) * trades)
    assert row["gross_loss"] == 300_700  # the selling fee is part of the loss


def test_the_benefit_is_a_deferral():
    (row,) = harvest(HELD, PRICES, options={"horizon": 10, "discount": 0.03, "tax_rate": 0.2})
    assert row["tax_value"] == 60_000
    assert row["net_benefit"] == pytest.approx(60_000 * (1 - 1.03**-10))


def test_a_small_fall_is_blocked_and_hidden_unless_all_is_shown():
    options = {"threshold": 0.31}
    assert harvest(HELD, PRICES, options=options) == []
    (row,) = harvest(HELD, PRICES, options={**options, "show_all": True})
    assert (row["status"], row["reason"], row["rank"]) == ("BLOCKED", "BELOW_MIN", None)


def test_restrictions_block_a_sale_and_show_the_amounts_as_if_it_were_made():
    (row,) = harvest(HELD, PRICES, restrictions=table("code rule", [7203.0, "売却不可"]))
    assert (row["status"], row["reason"], row["recognised_now"], row["rank"]) == (
        "BLOCKED",
        "RESTRICTED",
        300_000,
        None,
    )
    (free,) = harvest(HELD, PRICES, restrictions=table("code rule", [7203.0, "do_not_buy"]))
    assert free["status"] == "OK"


def test_the_header_and_the_columns_can_be_chosen():
    rows = call(HARVEST, HELD, PRICES, DAY, None, None, None, [["columns", "status, code"], ["header", 0.0]])
    assert rows == [["OK", "7203"]]


def test_risk_adds_the_tracking_error_of_each_swap():
    # By hand: 70 % of the money moves from one 20 % name to another with correlation 0.5: 0.7 x 0.2.
    lots = japan(["A", TOKUTEI, "7203", 1000.0, 1000.0], ["A", TOKUTEI, "6758", 1000.0, 100.0])
    prices = table("code price replacement", ["7203", 700.0, "6758"], ["6758", 300.0, ""])
    rows = harvest(lots, prices, risk=[[0.04, 0.02], [0.02, 0.04]])
    assert rows[0]["te_change"] == pytest.approx(0.14)
    assert list(rows[0])[-3:] == ["te_change", "status", "reason"]
    (cash,) = harvest(HELD, PRICES, risk=[[0.04, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    assert cash["te_change"] == pytest.approx(0.2)
    with pytest.raises(ShapeError, match="risk: expected 3 x 3"):
        harvest(HELD, PRICES, risk=[[1.0]])


# -- rows that cannot be judged, and calls that cannot be answered ------------------------------------


@pytest.mark.parametrize(
    ("row", "prices", "reason"),
    [
        (["A", TOKUTEI, "9999", 1.0, 1.0], PRICES, "NO_PRICE"),
        (["A", TOKUTEI, "7203", 1.0, 1.0], table("code price", ["7203", 0.0]), "BAD_PRICE"),
        (["A", TOKUTEI, "7203", 1.0, 1.0], table("code price currency", ["7203", 5.0, "USD"]), "NO_FX"),
        (["A", TOKUTEI, "7203", 1.0, None], PRICES, "NO_COST"),
        (["A", TOKUTEI, "7203", "many", 1.0], PRICES, "BAD_QUANTITY"),
        (["A", TOKUTEI, None, 1.0, 1.0], PRICES, "NO_CODE"),
        (["A", "savings", "7203", 1.0, 1.0], PRICES, "BAD_KIND"),
    ],
)
def test_a_row_with_a_problem_says_so_and_stops_no_other(row, prices, reason):
    rows = harvest(
        japan(row, ["B", TOKUTEI, "6758", 100.0, 1000.0]),
        prices if prices is PRICES else [*prices, ["6758", 900.0, *[None] * (len(prices[0]) - 2)]],
    )
    bad = next(r for r in rows if r["status"] == "UNKNOWN")
    assert reason in bad["reason"].split("; ")
    assert (bad["rank"], bad["gross_loss"]) == (None, None)
    assert rows[0]["status"] == "OK"


def test_a_us_lot_without_its_date_is_unknown():
    rows = harvest(america(["U", "taxable", "ABC", "L", None, 1.0, 50.0]), PRICES, options=US)
    assert rows[0]["reason"] == "NO_DATE"


def test_a_pool_with_one_unknown_cost_is_unknown_as_a_whole():
    rows = harvest(japan(["A", "一般", "7203", 1.0, None], ["B", "一般", "7203", 1.0, 900.0]), PRICES)
    assert {(r["status"], r["reason"]) for r in rows} == {("UNKNOWN", "NO_COST")}


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"lots": [["code"], ["7203"]]}, NotFoundError, "quantity"),
        (
            {"prices": table("code price", ["7203", 1.0], [7203.0, 2.0])},
            InputError,
            "prices, row 3: 7203 is there twice",
        ),
        ({"as_of": None}, MissingError, "as_of"),
        ({"options": {"tax": 0.2}}, WordError, "tax_rate"),
        ({"trades": buy("A", TOKUTEI, "7203", -5, 1)}, InputError, "trades, row 2: the quantity is -5"),
        (
            {"trades": [["trade_date", "code", "side", "quantity"], [DAY, "7203", "BUY", 5.0]]},
            InputError,
            "neither price",
        ),
        (
            {"trades": [["trade_date", "code", "side", "quantity"], ["soon", "7203", "BUY", 5.0]]},
            InputError,
            "row 2, column trade_date",
        ),
        ({"as_of": dt.date(2040, 1, 5)}, MissingError, "outside the calendar"),
    ],
)
def test_a_call_that_cannot_be_answered_says_what_to_do(change, error, sentence):
    arguments = {"lots": HELD, "prices": PRICES, "as_of": DAY, **change}
    lots, prices, day = (arguments.pop(name) for name in ("lots", "prices", "as_of"))
    with pytest.raises(error, match=sentence):
        harvest(lots, prices, day, **arguments)


def test_an_error_cell_in_a_price_is_a_missing_price():
    (row,) = harvest(HELD, table("code price", ["7203", ErrorValue.NA]))
    assert row["reason"] == "NO_PRICE"


# -- properties -----------------------------------------------------------------------------------

KINDS = ("特定", "特定(源泉徴収なし)", "一般", "NISA", "iDeCo", "法人", "taxable", "IRA", "Roth", "401(k)")
rows_of_lots = st.lists(
    st.tuples(
        st.sampled_from(("A", "B")),
        st.sampled_from(KINDS),
        st.sampled_from(("7203", "6758", "ABC")),
        st.integers(1, 60),
        st.integers(1, 300).map(float),
        st.integers(1, 1500).map(float),
    ),
    min_size=1,
    max_size=8,
)
rows_of_trades = st.lists(
    st.tuples(
        st.integers(-40, 40),
        st.sampled_from(("A", "B")),
        st.sampled_from(KINDS),
        st.sampled_from(("7203", "6758", "ABC")),
        st.integers(1, 300).map(float),
        st.integers(1, 1500).map(float),
        st.booleans(),
    ),
    max_size=5,
)


def as_tables(lots, trades):
    return (
        table(
            "account account_kind code acquired quantity unit_cost",
            *([a, k, c, DAY - dt.timedelta(days=age), q, u] for a, k, c, age, q, u in lots),
        ),
        table(
            "trade_date account account_kind code side quantity price arranged",
            *([DAY + dt.timedelta(days=d), a, k, c, "BUY", q, p, x] for d, a, k, c, q, p, x in trades),
        )
        if trades
        else None,
    )


@settings(deadline=None, max_examples=60)
@given(lots=rows_of_lots, trades=rows_of_trades, complete=st.booleans())
def test_every_loss_is_the_sum_of_what_becomes_of_it(lots, trades, complete):
    held, done = as_tables(lots, trades)
    options = {"show_all": True, "household_complete": complete, "tax_rate": 0.3}
    rows = harvest(held, PRICES, trades=done, options=options)
    for row in rows:
        assert row["gross_loss"] == pytest.approx(sum(row[name] for name in AMOUNTS), abs=1e-6)
        assert row["recognised_now"] == pytest.approx(row["usable_this_year"] + row["goes_to_carry"])
        assert set(filter(None, row["reason"].split("; "))) <= REASON_CODES
    ranks = [row["rank"] for row in rows if row["rank"]]
    assert ranks == list(range(1, len(ranks) + 1))
    assert [row["rank"] for row in rows[: len(ranks)]] == ranks


@settings(deadline=None, max_examples=30)
@given(lots=rows_of_lots, trades=rows_of_trades, seed=st.integers(0, 99))
def test_the_order_of_rows_changes_no_amount(lots, trades, seed):
    def amounts(lots, trades):
        held, done = as_tables(lots, trades)
        rows = harvest(held, PRICES, trades=done, options={"show_all": True, "tax_rate": 0.3})
        keys = (
            "account",
            "account_kind",
            "code",
            "quantity",
            "unit_cost",
            "gross_loss",
            *AMOUNTS,
            "status",
            "reason",
        )
        return sorted(str([row[key] for key in keys]) for row in rows)

    shuffled, moved = list(lots), list(trades)
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(moved)
    assert amounts(shuffled, moved) == amounts(lots, trades)


@pytest.mark.slow
def test_three_thousand_lots_are_judged_well_within_a_second():
    rng = random.Random(3)
    rows = [
        [
            "U",
            "taxable",
            f"C{n % 500}",
            f"L{n}",
            DAY - dt.timedelta(days=rng.randrange(1, 900)),
            10.0,
            rng.uniform(20, 120),
        ]
        for n in range(3000)
    ]
    prices = table("code price", *([f"C{n}", rng.uniform(20, 120)] for n in range(500)))
    harvest(america(*rows[:9]), prices, options=US)
    begin = time.process_time()
    assert len(harvest(america(*rows), prices, options={**US, "show_all": True})) == 3000
    assert time.process_time() - begin < 2.0  # about 0.5 s; the margin is for a busy machine
