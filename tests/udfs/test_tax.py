"""TAX_... and PLUGIN_NOTICES: through the registry, as a cell sees them."""

from __future__ import annotations

import datetime as dt

import pytest

from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    InputError,
    MissingError,
    NoTableError,
    WordError,
)
from xlplugin.tax.notices import forbidden_words
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

D = dt.date


def cells(name, *arguments):
    header, *rows = call(load()[name], *arguments)
    return [dict(zip(header, row, strict=True)) for row in rows]


def by_bucket(rows, year=2026, carry=None, dividends=None, options=None):
    found = cells("TAX_GAINS", rows, year, carry, dividends, options)
    return {row["bucket"]: row for row in found}


ROWS = ["date", "gain", "account_kind"]


# -- TAX_GAINS -----------------------------------------------------------------------------------


def test_only_rows_of_the_year_count_by_settlement_for_individuals():
    rows = [
        ["trade_date", "gain"],
        [D(2026, 12, 28), 100_000],  # settles on 30 December
        [D(2026, 12, 29), 900_000],  # settles on 4 January
    ]
    assert by_bucket(rows)["LISTED"]["net"] == 100_000
    assert by_bucket(rows, 2027)["LISTED"]["net"] == 900_000


def test_a_loss_meets_dividends_first_and_the_rest_is_carried():
    row = by_bucket([ROWS, [D(2026, 3, 2), -160_000, "特定"]], dividends=100_000)["LISTED"]
    assert (row["dividends_used"], row["taxable"], row["carry_out"]) == (100_000, 0, 60_000)
    assert row["reason"] == "CARRY_NEEDS_RETURN"


def test_dividends_that_losses_leave_over_are_taxed():
    # JP-W-009: dividends 100,000, loss 60,000: 40,000 are left, 6,126 + 2,000.
    row = by_bucket([ROWS, [D(2026, 3, 2), -60_000, "特定"]], dividends=100_000)["LISTED"]
    assert (row["taxable"], row["national_tax"], row["local_tax"]) == (40_000, 6_126, 2_000)


def test_earlier_losses_go_oldest_first_and_lapse_without_returns():
    carry = [["year", "amount"], [2023, 300_000], [2025, 500_000]]
    rows = [ROWS, [D(2026, 3, 2), 400_000, "特定"]]
    used = by_bucket(rows, carry=carry)["LISTED"]
    assert (used["carry_used"], used["taxable"], used["carry_out"]) == (400_000, 0, 400_000)
    lost = by_bucket(rows, carry=carry, options=[["申告済み", 0]])["LISTED"]
    assert (lost["carry_used"], lost["taxable"], lost["reason"]) == (0, 400_000, "NOT_FILED")


def test_a_return_cuts_the_base_to_a_thousand_yen_and_taxes_to_a_hundred():
    # JP-W-006: 1,234,567 on a return: 188,900 and 61,600.
    row = by_bucket([ROWS, [D(2026, 3, 2), 1_234_567, "一般"]], options=[["rounding", "申告"]])["LISTED"]
    assert (row["national_tax"], row["local_tax"]) == (188_900, 61_600)


def test_listed_and_unlisted_results_never_meet():
    # JP-CF-006
    rows = [
        ["date", "gain", "bucket"],
        [D(2026, 3, 2), 400_000, "LISTED"],
        [D(2026, 3, 2), -1_000_000, "UNLISTED"],
    ]
    found = by_bucket(rows)
    assert (found["LISTED"]["taxable"], found["UNLISTED"]["taxable"]) == (400_000, 0)


def test_us_short_and_long_results_net_across_and_the_limit_is_kept_by_character():
    # US-NT: short -8,000, long +3,000: 3,000 against other income, 2,000 carried short.
    rows = [
        ["date", "gain", "account_kind", "term"],
        [D(2026, 3, 2), -8_000, "taxable", "ST"],
        [D(2026, 3, 2), 3_000, "taxable", "LT"],
    ]
    found = by_bucket(rows)
    assert (found["ST"]["carry_out"], found["LT"]["taxable"], found["LT"]["carry_out"]) == (2_000, 0, 0)
    apart = by_bucket(rows, options=[["filing_status", "MFS"]])
    assert apart["ST"]["carry_out"] == 3_500


def test_us_tax_needs_rates_and_says_so():
    rows = [["date", "gain", "account_kind", "term"], [D(2026, 3, 2), 1_000, "taxable", "LT"]]
    bare = by_bucket(rows)["LT"]
    assert (bare["total_tax"], bare["reason"]) == (None, "RATE_MISSING")
    assert by_bucket(rows, options=[["long_rate", 0.238]])["LT"]["total_tax"] == pytest.approx(238)


def test_a_company_counts_by_its_fiscal_year_where_the_end_is_given():
    rows = [ROWS, [D(2026, 3, 31), 10, "法人"], [D(2026, 4, 1), 100, "法人"], [D(2027, 3, 31), 1000, "法人"]]
    year = by_bucket(rows, 2027, options=[["period_end", D(2027, 3, 31)]])["CORP"]
    assert (year["net"], year["total_tax"], year["reason"]) == (1100, None, "RATE_MISSING")
    assert by_bucket(rows, 2026)["CORP"]["net"] == 110


def test_the_result_of_lot_dispose_can_be_handed_over_as_it_is():
    lots = [
        ["account_kind", "code", "quantity", "unit_cost"],
        ["特定", "7000", 100, 1000],
        ["NISA", "8000", 100, 1000],
    ]
    sales = [
        ["trade_date", "code", "quantity", "price"],
        [D(2026, 6, 1), "7000", 100, 1500],
        [D(2026, 6, 1), "8000", 100, 900],
    ]
    realised = call(load()["LOT_DISPOSE"], lots, sales)
    found = by_bucket(realised)
    assert (found["LISTED"]["net"], found["VOID"]["net"], found["VOID"]["status"]) == (
        50_000,
        -10_000,
        "VOID",
    )


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ([D(2026, 3, 2), None, "特定"], "realised, row 2: gain is blank"),
        ([D(2026, 3, 2), "abc", "特定"], "realised, row 2, column gain"),
        ([None, 5, "特定"], "realised, row 2: there is neither recognised_on nor trade_date"),
        ([D(2026, 3, 2), 5, "当座"], "realised, row 2: account_kind: '当座'"),
        ([D(2026, 3, 2), 5, "taxable"], "realised, row 2: a US result has no term"),
    ],
)
def test_a_row_that_would_change_the_sums_unseen_stops_the_call(row, sentence):
    with pytest.raises(InputError, match=sentence):
        by_bucket([ROWS, row])


def test_an_unknown_bucket_is_refused_with_the_choices():
    with pytest.raises(InputError, match=r"row 2: bucket: 'SHORT'.*LISTED"):
        by_bucket([["date", "gain", "bucket"], [D(2026, 3, 2), 5, "SHORT"]])


def test_a_carry_of_japan_is_not_used_on_us_results():
    rows = [["date", "gain", "account_kind", "term"], [D(2026, 3, 2), 5, "taxable", "ST"]]
    with pytest.raises(InputError, match="listed shares in Japan"):
        by_bucket(rows, carry=[["year", "amount"], [2025, 5]])


def test_a_year_without_rates_is_an_error():
    with pytest.raises(NoTableError, match="listed_rates"):
        by_bucket([ROWS, [D(2013, 3, 2), 5, "特定"]], 2013)


# -- TAX_CARRYFORWARD ----------------------------------------------------------------------------


def carried(*arguments):
    return cells("TAX_CARRYFORWARD", *arguments)


def test_a_new_loss_is_a_row_of_its_own_after_it_met_the_dividends():
    _, row = carried([["year", "amount"], [2025, 0]], 2026, -100, 30)
    assert (row["origin_year"], row["closing"], row["last_year"]) == (2026, 70, 2029)


def test_the_last_year_of_a_loss_ends_it():
    old, used = carried([["年", "金額"], [2022, 10], [2023, 500_000]], 2026, 200_000)
    assert (old["expired"], old["status"], old["reason"]) == (10, "VOID", "CARRY_EXPIRED")
    assert (used["used_gain"], used["expired"], used["closing"], used["status"]) == (
        200_000,
        300_000,
        0,
        "OK",
    )


def test_without_returns_all_earlier_losses_lapse():
    (row,) = carried([["year", "amount"], [2024, 1_000_000]], 2026, 500_000, None, 0)
    assert (row["used_gain"], row["expired"], row["status"], row["reason"]) == (
        0,
        1_000_000,
        "VOID",
        "NOT_FILED",
    )


@pytest.mark.parametrize(
    ("carry", "error", "sentence"),
    [
        ([[2025, -1]], DomainError, "positive amount"),
        ([[2026, 1]], DomainError, "years before 2026"),
        ([[2025, 1], [2025, 2]], InputError, "row 3: 2025 is there twice"),
        ([[2025, None]], InputError, "row 2: year and amount"),
    ],
)
def test_a_carry_that_cannot_be_is_refused(carry, error, sentence):
    with pytest.raises(error, match=sentence):
        carried([["year", "amount"], *carry], 2026, 0)


# -- dividends, credits, dates -------------------------------------------------------------------


def test_a_dollar_dividend_is_taxed_in_yen():
    # JP-FX-003: 100 dollars at 150 yen.
    (row,) = cells("TAX_DIVIDEND", 100, 2026, 0.1, "特定", 150)
    assert [row[k] for k in ("source_tax", "base", "national_tax", "local_tax", "net")] == [
        1500,
        13500,
        2067,
        675,
        10758,
    ]
    assert row["rate"] == pytest.approx(4242 / 15000)


def test_a_company_has_no_resident_tax_withheld_on_a_dividend():
    (row,) = cells("TAX_DIVIDEND", 1_000_000, 2026, 0, "法人")
    assert (row["national_tax"], row["local_tax"]) == (153_150, 0)


@pytest.mark.parametrize(("year", "error"), [(2013, NoTableError), (2026, WordError)])
def test_a_dividend_outside_year_or_country_is_an_error(year, error):
    with pytest.raises(error):
        cells("TAX_DIVIDEND", 100, year, 0, "taxable" if year == 2026 else "特定")


def test_a_limit_on_no_income_is_a_division_by_zero():
    with pytest.raises(EmptyBaseError):
        cells("TAX_FOREIGN_CREDIT", 1, 0, 0, 0)
    with pytest.raises(DomainError):
        cells("TAX_FUND_CREDIT", -1, 0)


@pytest.mark.parametrize(
    ("end", "kind", "lag", "expected"),
    [
        (D(2024, 12, 31), "特定", None, D(2024, 12, 26)),
        (D(2026, 12, 31), "NISA", 1, D(2026, 12, 29)),
        (D(2027, 3, 31), "法人", None, D(2027, 3, 31)),
        (D(2026, 12, 31), "taxable", None, D(2026, 12, 31)),
    ],
)
def test_the_last_trade_date_follows_the_law_of_the_account(end, kind, lag, expected):
    assert call(load()["TAX_LAST_TRADE_DATE"], end, kind, lag) == [[expected]]


@pytest.mark.parametrize(
    ("call_", "error"),
    [
        (("TAX_LAST_TRADE_DATE", D(1990, 12, 31), "特定"), MissingError),
        (("TAX_LAST_TRADE_DATE", D(2026, 12, 31), "当座"), WordError),
        (("TAX_LAST_TRADE_DATE", D(2026, 12, 31), "特定", -1), DomainError),
        (("TAX_EARLIEST_REBUY", D(2026, 12, 1), "法人"), MissingError),
        (("TAX_EARLIEST_REBUY", D(2026, 12, 1), "NISA"), MissingError),
        (("TAX_EARLIEST_REBUY", D(2026, 12, 1), "Roth"), MissingError),
    ],
)
def test_a_date_that_cannot_be_given_is_an_error(call_, error):
    name, *arguments = call_
    with pytest.raises(error):
        call(load()[name], *arguments)


def test_a_general_account_buys_back_on_the_next_session():
    assert call(load()["TAX_EARLIEST_REBUY"], D(2026, 12, 30), "一般") == [[D(2027, 1, 4)]]


# -- TAX_RANGE, TAX_GIFTS, PLUGIN_NOTICES --------------------------------------------------------

HARVEST = [
    ["rank", "account_kind", "recognised_now", "term", "tax_rate", "status"],
    [2, "JP_TOKUTEI_WH", 400_000, "", 0.2, "OK"],
    [1, "JP_TOKUTEI_WH", 1_000_000, "", 0.1, "REDUCED"],
    [None, "JP_NISA", 0, "", None, "VOID"],
]


def ranges(options, harvest=HARVEST):
    return {row["scenario"]: row for row in cells("TAX_RANGE", harvest, options)}


def test_losses_meet_the_gains_expected_in_rank_order():
    found = ranges([["gains_low", 0], ["gains_base", 1_200_000], ["horizon", 1], ["discount", 1]])
    # By hand: base 1,000,000 x 0.1 + 200,000 x 0.2 = 140,000; half of it is later tax at 100 % for a year.
    assert [found["base"][k] for k in ("deferred", "later_tax", "net")] == [140_000, 70_000, 70_000]
    assert found["low"]["net"] == 0
    assert found["high"]["deferred"] == 180_000


def test_without_a_discount_deferral_is_worth_nothing():
    found = ranges([["discount", 0]])
    assert found["base"]["deferred"] == found["base"]["later_tax"] == 180_000


def test_a_us_short_loss_is_taxed_back_at_the_long_rate():
    harvest = [["account_kind", "recognised_now", "term", "status"], ["US_TAXABLE", 1000, "ST", "OK"]]
    options = [["short_rate", 0.4], ["long_rate", 0.2], ["discount", 0]]
    row = ranges(options, harvest)["base"]
    assert (row["deferred"], row["later_tax"], row["net"]) == pytest.approx((400, 200, 200))


def test_rates_of_individuals_may_come_from_the_dated_table():
    harvest = [["recognised_now", "status"], [100_000, "可"]]
    assert ranges([["年", 2026], ["discount", 0]], harvest)["base"]["deferred"] == pytest.approx(20_315)
    with pytest.raises(MissingError, match="row 2: there is no tax rate"):
        ranges(None, harvest)


def test_gains_that_do_not_ascend_are_refused():
    with pytest.raises(DomainError, match="low <= base <= high"):
        ranges([["gains_low", 5], ["gains_base", 4]])


def test_a_list_with_nothing_to_do_is_worth_nothing():
    harvest = [["recognised_now", "status"], [0, "NO_LOSS"]]
    assert [row["net"] for row in ranges(None, harvest).values()] == [0, 0, 0]


def test_gifts_are_the_largest_gains_of_accounts_that_count():
    lots = [
        ["account_kind", "code", "name", "quantity", "unit_cost"],
        ["特定", "1111", "A", 100, 100],
        ["NISA", "2222", "B", 100, 1],
        ["特定", "3333", "C", 100, 150],
        ["特定", "4444", "D", 100, 300],
    ]
    prices = [["code", "price"], ["1111", 200], ["2222", 999], ["3333", 400], ["4444", 200]]
    found = cells("TAX_GIFTS", lots, prices, 5)
    assert [(r["code"], r["gain"]) for r in found] == [("3333", 25_000), ("1111", 10_000)]
    assert len(cells("TAX_GIFTS", lots, prices, 1)) == 1


@pytest.mark.parametrize(
    ("regime", "topic", "first"),
    [("jp.individual", "harvest", "J01"), ("法人", "税金", "C01"), ("us.taxable", "year_end", "U01")],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_notices_of_a_page_are_complete_and_allowed(regime, topic, first, language):
    found = cells("PLUGIN_NOTICES", regime, topic, language)
    assert found[0]["code"] == first
    assert not any("{" in row["text"] or forbidden_words(row["text"]) for row in found)


def test_the_header_of_a_list_cannot_be_printed_without_its_facts():
    with pytest.raises(WordError, match="header"):
        call(load()["PLUGIN_NOTICES"], "jp.individual", "header")
