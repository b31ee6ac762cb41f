"""FUND_AUDIT, FUND_YEARS, FUND_DECISIONS and COST_VEHICLES as a cell sees them."""

import calendar
import datetime as dt
import doctest

import pytest

import udfs.fund_audit
import udfs.fund_decisions
import udfs.vehicles
from xlplugin.errors import ErrorValue, MissingError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
NA = ErrorValue.NA
AS_OF = dt.date(2026, 11, 20)
MONTHS = [
    dt.date(m // 12, m % 12 + 1, calendar.monthrange(m // 12, m % 12 + 1)[1])
    for m in range(2026 * 12 + 9 - 36, 2026 * 12 + 10)
]
LAGS = {"A": 0.001, "B": 0.002, "C": 0.003, "D": 0.009}


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def series():
    """Three years of an index at 0.5 % a month and four funds that lag it by a constant factor a year."""
    table = [["series_id", "obs_date", "level_value", "ccy"]]
    for name, lag in {"I": 0.0, **LAGS}.items():
        for k, day in enumerate(MONTHS):
            table.append([name, day, 100.0 * (1.005**12 - lag) ** (k / 12), "JPY"])
    return table


FUNDS = [
    [
        "fund_code",
        "index_name",
        "ccy",
        "asset_class",
        "held",
        "account_kind",
        "value",
        "cost_basis",
        "vehicle",
    ],
    *[[name, "I", "JPY", "EQ", 1.0, "JP_TOKUTEI_WH", 100.0, 100.0, "FUND"] for name in LAGS],
]


def by_key(table):
    header, *rows = table
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.mark.parametrize("module", [udfs.fund_audit, udfs.fund_decisions, udfs.vehicles])
def test_the_examples_in_the_wizard_texts_run(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_a_constant_lag_is_the_difference_over_every_window():
    for row in by_key(in_a_cell("FUND_AUDIT", series(), FUNDS, AS_OF)):
        for key in ("td_one", "td_three", "td_three_net"):
            assert row[key] == pytest.approx(-LAGS[row["fund_code"]], abs=1e-12)
        assert row["td_five"] is NA
        assert row["months"] == 36
        assert row["te"] == pytest.approx(0.0, abs=1e-9)


def test_a_cell_that_cannot_be_read_leaves_no_figure_and_names_its_row():
    table = series()
    at = next(n for n, row in enumerate(table) if row[0] == "B") + 5
    table[at][2] = "1O4"
    for row in by_key(in_a_cell("FUND_AUDIT", table, FUNDS, AS_OF)):
        broken = row["fund_code"] == "B"
        assert (row["td_three"] is NA) == broken
        if broken:
            assert row["status"] == "BLOCKED"
            assert row["where"] == f"series, row {at + 1}, level_value"


def test_only_complete_calendar_years_have_a_row():
    rows = by_key(in_a_cell("FUND_YEARS", series(), FUNDS, AS_OF))
    assert {(row["fund_code"], row["year"]) for row in rows} == {(n, y) for n in LAGS for y in (2024, 2025)}
    for row in rows:
        assert row["difference"] == pytest.approx(-LAGS[row["fund_code"]], abs=1e-12)


def test_the_worst_of_four_is_watched_and_replaced_at_the_second_time():
    audit = in_a_cell("FUND_AUDIT", series(), FUNDS, AS_OF)
    first = {r["fund_code"]: r for r in by_key(in_a_cell("FUND_DECISIONS", FUNDS, audit))}
    assert [row["decision"] for row in first.values()] == ["KEEP", "KEEP", "KEEP", "WATCH"]
    assert first["D"]["best"] == "A"
    assert first["D"]["saving"] == pytest.approx(0.008)
    record = [["audit_year", "fund_code", "quartile", "decision"], [2025.0, "D", 4.0, "WATCH"]]
    options = [["audit_year", 2026.0]]
    again = by_key(in_a_cell("FUND_DECISIONS", FUNDS, audit, record, None, options))
    assert again[-1]["decision"] == "REPLACE"
    late = by_key(in_a_cell("FUND_DECISIONS", FUNDS, audit, record, None, [["audit_year", 2027.0]]))
    assert late[-1]["decision"] == "WATCH"  # not the audit of the year before


def test_a_table_without_vehicles_is_refused():
    with pytest.raises(MissingError, match="vehicles"):
        in_a_cell("COST_VEHICLES", [["vehicle", "ter", "tracking_error"]])


def test_only_what_holds_the_shares_has_a_tax_effect():
    table = [
        ["vehicle", "ter", "other_cost", "tracking_error", "uses_losses"],
        ["direct", 0.003, 0.0005, 0.01, 1.0],
        ["fund", 0.001, 0.0002, 0.001, 0.0],
    ]
    direct, fund = by_key(in_a_cell("COST_VEHICLES", table))
    assert direct["real_cost"] == pytest.approx(0.0035)
    assert fund["real_cost"] == pytest.approx(0.0012)
    assert (fund["tax_low"], fund["tax_base"], fund["tax_high"]) == (0, 0, 0)
    assert direct["tax_low"] <= direct["tax_base"] <= direct["tax_high"]
    assert direct["range_one_low"] < -0.0035 < direct["range_one_high"]
