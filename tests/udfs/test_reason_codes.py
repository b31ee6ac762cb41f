"""Every reason code of the tax families is reached, each by a case made by hand.

Section 3 of the catalogue of worksheet functions. `CODES` is what the families HARVEST, WASH_SALES, LOT
and TAX can print; a code that is added there without a case fails the last test.
"""

from __future__ import annotations

import datetime as dt

import pytest

from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import REASON_CODES
from xlplugin.worksheet.registry import load

D = dt.date
DAY = D(2026, 11, 24)

LOT = "account account_kind code quantity unit_cost"
US_LOT = "account account_kind code lot acquired quantity unit_cost"
TRADE = "trade_date account account_kind code side quantity price arranged planned"
SALE = "trade_date account code quantity price"
PRICES = ("code price", ["7203", 700], ["ABC", 40])
JP = (LOT, ["A", "特定", "7203", 1000, 1000])
GENERAL = (LOT, ["A", "一般", "7203", 1000, 1000])
COMPANY = (LOT, ["A", "法人", "7203", 1000, 1000])
US = (US_LOT, ["U", "taxable", "ABC", "L", D(2025, 3, 10), 100, 50])
SHORT_RATES = ("name value", ["short_rate", 0.4], ["long_rate", 0.2])


def block(given):
    """A table written as a header and its rows."""
    return [given[0].split(), *given[1:]] if isinstance(given, tuple) else given


def rows(function, *arguments):
    header, *found = call(load()[function], *map(block, arguments))
    return [dict(zip(header, cells, strict=True)) for cells in found]


def harvest(lots, prices=PRICES, day=DAY, trades=None, restrictions=None, options=None, accounts=None):
    return "HARVEST", (lots, prices, day, trades, restrictions, None, options, accounts)


def traded(*cells, head=TRADE):
    return (head, *cells)


def option(*pairs):
    return ("name value", *map(list, pairs))


SAME_DAY = traded([DAY, "A", "特定", "7203", "BUY", 1000, 700, 0, 1])

# code, the call, and the columns that stand beside it (by hand)
CASES = [
    # 1,000 at 1,000 and 1,000 at 700 average 850.
    ("SAME_DAY_BUY", harvest(JP, trades=SAME_DAY), {"status": "REDUCED", "recognised_now": 150_000}),
    (
        "SAME_DAY_UNCLEAR",
        harvest(GENERAL, trades=traded([DAY, "A", "一般", "7203", "BUY", 1000, 700, 0, 0])),
        {"status": "REDUCED", "recognised_now": 150_000},
    ),
    (
        "POOLED_ACCOUNTS",
        harvest((*GENERAL, ["B", "一般", "7203", 1000, 900])),
        {"unit_cost": 950, "gross_loss": 250_000},
    ),
    (
        "NON_TAXABLE_ACCOUNT",
        harvest((LOT, ["A", "NISA", "7203", 1000, 1000])),
        {"status": "VOID", "lost_forever": 300_000},
    ),
    (
        "WASH_TAXABLE",
        harvest(US, trades=traded([D(2026, 12, 24), "U", "taxable", "ABC", "BUY", 25, 41, 0, 1])),
        {"status": "REDUCED", "recognised_now": 750, "deferred_to_basis": 250},
    ),
    (
        "WASH_IRA",
        harvest(US, trades=traded([DAY, "I", "IRA", "ABC", "BUY", 100, 41, 0, 0])),
        {"status": "VOID", "lost_forever": 1000},
    ),
    ("COVERAGE_INCOMPLETE", harvest(US), {"status": "UNKNOWN", "recognised_now": 1000}),
    (
        "CROSS_TRADE",
        harvest(COMPANY, trades=traded([DAY, "A", "法人", "7203", "BUY", 400, 700, 1, 1])),
        {"status": "REDUCED", "recognised_now": 180_000, "deferred_to_basis": 120_000},
    ),
    (
        "FIVE_BUSINESS_DAYS",
        harvest(COMPANY, trades=traded([D(2026, 12, 1), "A", "法人", "7203", "BUY", 9, 700, 0, 1])),
        {"status": "OK", "recognised_now": 300_000},
    ),
    (
        "SETTLES_NEXT_PERIOD",
        harvest(JP, day=D(2026, 12, 29)),
        {"status": "DEFERRED", "recognised_later": 300_000},
    ),
    (
        "CARRY_NEEDS_RETURN",
        harvest(JP, options=option(("gains", 100_000))),
        {"usable_this_year": 100_000, "goes_to_carry": 200_000, "tax_value": 20_315},
    ),
    (
        "NO_LOSS_IN_TAX_CURRENCY",
        # 1,000 dollars' worth at a loss in dollars is 1,350,000 yen against 1,100,000.
        harvest(
            (LOT, ["A", "特定", "ABC", 1000, 1100]),
            ("code price currency fx", ["ABC", 9, "USD", 150]),
            options=option(("show_all", 1)),
        ),
        {"status": "NO_LOSS", "gross_loss": 0},
    ),
    (
        "BELOW_MIN",
        harvest(JP, options=option(("min_loss", 300_001), ("show_all", 1))),
        {"status": "BLOCKED", "recognised_now": 300_000, "rank": None},
    ),
    ("RESTRICTED", harvest(JP, restrictions=("code", ["7203"])), {"status": "BLOCKED", "rank": None}),
    (
        "CASH_RULE",
        harvest(
            JP,
            trades=traded(
                [DAY, "A", "特定", "7203", "SELL", 100, 700, 0, 0],
                [DAY, "A", "特定", "7203", "BUY", 100, 700, 0, 0],
            ),
        ),
        {"status": "BLOCKED", "reason": "CASH_RULE; RESTRICTED; SAME_DAY_BUY"},
    ),
    ("RATE_MISSING", harvest(COMPANY), {"status": "OK", "tax_value": None, "rank": 1}),
    ("NO_PRICE", harvest(JP, ("code price", ["6758", 1])), {"status": "UNKNOWN", "gross_loss": None}),
    ("BAD_PRICE", harvest(JP, ("code price", ["7203", 0])), {"status": "UNKNOWN", "gross_loss": None}),
    ("NO_FX", harvest(JP, ("code price currency", ["7203", 5, "USD"])), {"status": "UNKNOWN"}),
    ("NO_CODE", harvest((LOT, ["A", "特定", None, 1, 1])), {"status": "UNKNOWN"}),
    ("NO_COST", harvest((LOT, ["A", "特定", "7203", 1, None])), {"status": "UNKNOWN"}),
    ("BAD_QUANTITY", harvest((LOT, ["A", "特定", "7203", 0, 1])), {"status": "UNKNOWN"}),
    ("NO_DATE", harvest((US_LOT, ["U", "taxable", "ABC", "L", None, 1, 50])), {"status": "UNKNOWN"}),
    ("BAD_KIND", harvest((LOT, ["A", "普通", "7203", 1, 1])), {"status": "UNKNOWN"}),
    # -- REPLACEMENTS
    (
        "FORBIDDEN_PAIR",
        ("REPLACEMENTS", ("A", *"UC", ("sold_code code allowed", ["A", "B", 0]))),
        {"code": "B", "status": "BLOCKED"},
    ),
    (
        "IDENTICAL_SECURITY",
        ("REPLACEMENTS", ("A", "G", "C", None, option(("account_kind", "taxable")))),
        {"code": "B", "status": "BLOCKED"},
    ),
    (
        "RECENTLY_SOLD",
        (
            "REPLACEMENTS",
            (
                "A",
                *"UC",
                None,
                option(("account_kind", "taxable"), ("as_of", DAY)),
                traded([D(2026, 10, 25), "U", "taxable", "B", "SELL", 1, 1, 0, 0]),
            ),
        ),
        {"code": "B", "status": "BLOCKED"},
    ),
    (
        "OTHER_SECTOR",
        ("REPLACEMENTS", ("A", *"SC", None, option(("same_sector", "REQUIRE")))),
        {"sold_code": "A", "status": "BLOCKED", "rank": None},
    ),
    (
        "NOT_IN_UNIVERSE",
        ("REPLACEMENTS", (("code", ["A"], ["Z"]), *"UC")),
        {"sold_code": "Z", "status": "UNKNOWN"},
    ),
    # -- WASH_SALES
    (
        "NO_WASH_RULE",
        (
            "WASH_SALES",
            (
                traded(
                    [D(2026, 4, 1), "A", "特定", "7203", "BUY", 100, 3000, 0, 0],
                    [DAY, "A", "特定", "7203", "SELL", 100, 2500, 0, 0],
                ),
            ),
        ),
        {"status": "OK", "allowed": 50_000},
    ),
    # -- LOT
    (
        "POOL_AVERAGE",
        (
            "LOT_DISPOSE",
            ((*JP, ["A", "特定", "7203", 1000, 1100]), (SALE, [DAY, "A", "7203", 1000, 1000])),
        ),
        {"unit_cost": 1050, "gain": -50_000},
    ),
    (
        "SHORT_QUANTITY",
        ("LOT_DISPOSE", (JP, (SALE, [DAY, "A", "7203", 1001, 1000]))),
        {"status": "UNKNOWN", "gain": None},
    ),
    # -- TAX
    (
        "CARRY_EXPIRED",
        ("TAX_CARRYFORWARD", (("year amount", [2023, 500_000]), 2026, 200_000)),
        {"used_gain": 200_000, "expired": 300_000, "closing": 0, "last_year": 2026, "status": "OK"},
    ),
    (
        "NOT_FILED",
        ("TAX_CARRYFORWARD", (("year amount", [2024, 500_000]), 2026, 200_000, 0, 0)),
        {"used_gain": 0, "expired": 500_000, "status": "VOID"},
    ),
]
UNIVERSES = {
    "U": ("code weight", ["A", 0.5], ["B", 0.5]),
    "G": ("code weight identity_group", ["A", 0.5, "g"], ["B", 0.5, "g"]),
    "S": ("code weight sector", ["A", 0.5, "x"], ["B", 0.5, "y"]),
    "C": [[0.04, 0.01], [0.01, 0.05]],
}
CODES = {
    "SAME_DAY_BUY",
    "SAME_DAY_UNCLEAR",
    "POOL_AVERAGE",
    "POOLED_ACCOUNTS",
    "NON_TAXABLE_ACCOUNT",
    "WASH_TAXABLE",
    "WASH_IRA",
    "NO_WASH_RULE",
    "COVERAGE_INCOMPLETE",
    "FORBIDDEN_PAIR",
    "IDENTICAL_SECURITY",
    "RECENTLY_SOLD",
    "CROSS_TRADE",
    "FIVE_BUSINESS_DAYS",
    "SETTLES_NEXT_PERIOD",
    "CARRY_NEEDS_RETURN",
    "CARRY_EXPIRED",
    "NOT_FILED",
    "NO_LOSS_IN_TAX_CURRENCY",
    "BELOW_MIN",
    "RESTRICTED",
    "RATE_MISSING",
    "NO_PRICE",
    "BAD_PRICE",
    "NO_FX",
    "NO_CODE",
    "NO_COST",
    "NO_DATE",
    "BAD_KIND",
    "SHORT_QUANTITY",
    "OTHER_SECTOR",
    "NOT_IN_UNIVERSE",
    "CASH_RULE",
    "BAD_QUANTITY",
}


def answered(function, arguments):
    if function == "REPLACEMENTS":
        sold, universe, covariance, *more = arguments
        arguments = (sold, UNIVERSES[universe], UNIVERSES[covariance], *more)
    return rows(function, *arguments)


@pytest.mark.parametrize(("code", "asked", "beside"), CASES, ids=[case[0] for case in CASES])
def test_the_reason_is_given_with_the_figures_worked_out_by_hand(code, asked, beside):
    found = [row for row in answered(*asked) if code in row["reason"].split("; ")]
    assert found, f"no row gives {code}"
    assert {key: found[0][key] for key in beside} == beside


WASH = "trade_date account account_kind code side quantity amount lot arranged"
BOUGHT = [D(2025, 6, 2), "U", "taxable", "XYZ", "BUY", 100, 1000, "L", 0]
SOLD = [D(2026, 6, 1), "U", "taxable", "XYZ", "SELL", 100, 600, "L", 0]
COMPANY_BOUGHT = [D(2025, 6, 2), "C", "法人", "7203", "BUY", 100, 1000, None, 0]
COMPANY_SOLD = [D(2026, 6, 1), "C", "法人", "7203", "SELL", 100, 600, None, 0]


@pytest.mark.parametrize(
    ("code", "trades", "amounts"),
    [
        (
            "WASH_TAXABLE",
            [BOUGHT, SOLD, [D(2026, 7, 1), "V", "taxable", "XYZ", "BUY", 100, 700, "R", 0]],
            (400, 0),
        ),
        ("WASH_IRA", [BOUGHT, SOLD, [D(2026, 5, 2), "I", "IRA", "XYZ", "BUY", 100, 700, "R", 0]], (400, 400)),
        ("COVERAGE_INCOMPLETE", [BOUGHT, SOLD], (0, 0)),
        (
            "NON_TAXABLE_ACCOUNT",
            [[*BOUGHT[:2], "Roth", *BOUGHT[3:]], [*SOLD[:2], "Roth", *SOLD[3:]]],
            (0, 400),
        ),
        (
            "CROSS_TRADE",
            [COMPANY_BOUGHT, COMPANY_SOLD, [D(2026, 6, 1), "C", "法人", "7203", "BUY", 100, 600, None, 1]],
            (400, 0),
        ),
        (
            "FIVE_BUSINESS_DAYS",
            [COMPANY_BOUGHT, COMPANY_SOLD, [D(2026, 6, 8), "C2", "法人", "7203", "BUY", 100, 600, None, 0]],
            (0, 0),
        ),
    ],
)
def test_a_slice_of_a_loss_sale_says_what_became_of_it(code, trades, amounts):
    # 100 shares that cost 1,000 are sold for 600; 8 June 2026 is the fifth session after 1 June.
    (found,) = rows("WASH_SALES", traded(*trades, head=WASH))
    assert (found["loss"], found["reason"]) == (400, code)
    assert (found["disallowed"], found["lost_forever"]) == amounts


def test_the_sixth_session_after_the_sale_is_outside_the_five_days():
    later = [D(2026, 6, 9), "C", "法人", "7203", "BUY", 100, 600, None, 0]
    (found,) = rows("WASH_SALES", traded(COMPANY_BOUGHT, COMPANY_SOLD, later, head=WASH))
    assert (found["status"], found["reason"]) == ("OK", "")


@pytest.mark.parametrize(
    ("code", "realised", "options", "figures"),
    [
        ("NON_TAXABLE_ACCOUNT", [DAY, -5, "NISA"], None, ("VOID", 0, 0)),
        ("RATE_MISSING", [DAY, 5, "法人"], None, ("CORP", None, 0)),
        ("CARRY_NEEDS_RETURN", [DAY, -5, "特定"], None, ("LISTED", 0, 5)),
        ("NOT_FILED", [DAY, 5000, "特定"], option(("filed", 0)), ("LISTED", 765 + 250, 0)),
        # 4,000 of the loss of 2023 meet the gain, its other 6,000 end with 2026.
        ("CARRY_EXPIRED", [DAY, 4000, "特定"], None, ("LISTED", 0, 0)),
    ],
)
def test_a_bucket_of_the_year_says_what_it_needs(code, realised, options, figures):
    carry = ("year amount", [2023, 10_000]) if code in ("NOT_FILED", "CARRY_EXPIRED") else None
    (found,) = rows("TAX_GAINS", ("date gain account_kind", realised), 2026, carry, None, options)
    assert code in found["reason"].split("; ")
    assert (found["bucket"], found["total_tax"], found["carry_out"]) == figures


def test_every_code_of_these_families_has_its_case():
    assert {case[0] for case in CASES} == CODES
    assert CODES <= REASON_CODES
