"""The TOML tables are the truth of the package; the specification's JSON is its independent copy."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.core.calendars import calendar, settlement_lag
from xlplugin.errors import NoTableError
from xlplugin.tax.tables import Bracket, TaxTable, table, table_names, table_version

DOCUMENT = json.loads((Path(__file__).parents[1] / "golden" / "tax-tables.json").read_text(encoding="utf-8"))
TABLES = DOCUMENT["tables"]


def as_written(value):
    """A typed value in the form in which the specification writes it."""
    if isinstance(value, (bool, int, Decimal)):
        return value
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, tuple) and value and isinstance(value[0], Bracket):
        return [{"upto": b.upto, "rate": b.rate} for b in value]
    return list(value) if isinstance(value, tuple) else value


def same(ours, theirs) -> bool:
    if isinstance(ours, list) and ours and isinstance(ours[0], dict):
        return len(ours) == len(theirs) and all(
            same(a["rate"], b["rate"]) and same(a["upto"], b["upto"])
            for a, b in zip(ours, theirs, strict=True)
        )
    if isinstance(ours, Decimal):
        return isinstance(theirs, str) and ours == Decimal(theirs)
    return type(ours) is type(theirs) and ours == theirs


def test_every_table_of_the_specification_is_there():
    # The package may hold further ones, for figures that the specification has in its text only.
    assert set(TABLES) <= set(table_names())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_holds_the_rows_of_the_specification_value_by_value(name):
    ours, theirs = table(name), TABLES[name]
    assert ours.key == tuple(theirs["key"])
    assert ours.key_date == theirs["key_date"]
    assert set(theirs["values"]) <= set(ours.columns)
    assert len(ours.rows) == len(theirs["rows"])
    for row, want in zip(ours.rows, theirs["rows"], strict=True):
        assert row.valid_from.isoformat() == want["valid_from"]
        assert (row.valid_to and row.valid_to.isoformat()) == want["valid_to"]
        assert row.key == tuple(want[k] for k in theirs["key"])
        assert (row.status, row.confidence) == (want["status"], want["confidence"])
        assert list(row.source) == want["source"]
        for column in ours.columns:
            if want[column] is None:
                assert column not in row.values
            else:
                assert same(as_written(row.values[column]), want[column]), (column, row.values[column])


def test_every_row_says_where_it_comes_from():
    for name in table_names():
        for row in table(name).rows:
            assert row.source
            assert all(row.source), row.title
            assert row.status in DOCUMENT["schema"]["status"]
            assert row.confidence in DOCUMENT["schema"]["confidence"]


def test_a_figure_that_is_not_published_is_an_error_and_names_what_is_awaited():
    with pytest.raises(NoTableError, match=r"us\.taxable\.standard_deduction MFJ.*2027.*Revenue Procedure"):
        table("us.taxable.standard_deduction").of_year(2027, status_code="MFJ")


@pytest.mark.parametrize(
    ("name", "day", "key"),
    [
        ("jp.individual.listed_rates", dt.date(2013, 12, 31), {}),
        ("jp.individual.minimum_tax", dt.date(2024, 12, 31), {}),
        ("us.taxable.ltcg_thresholds", dt.date(2028, 1, 1), {"status_code": "SINGLE"}),
        ("jp.individual.nisa", dt.date(2026, 12, 31), {"frame": "children"}),
    ],
)
def test_a_day_outside_a_table_is_an_error_and_never_the_neighbouring_year(name, day, key):
    with pytest.raises(NoTableError, match=name.replace(".", r"\.")):
        table(name).at(day, **key)


def test_an_unknown_key_or_table_is_named_with_what_is_known():
    with pytest.raises(NoTableError, match=r"grwth.*growth, tsumitate"):
        table("jp.individual.nisa").of_year(2026, frame="grwth")
    with pytest.raises(NoTableError, match=r"jp\.individual\.nissa.*jp\.individual\.nisa"):
        table("jp.individual.nissa")


def test_rows_that_are_outline_or_memory_ask_for_a_banner():
    children = table("jp.individual.nisa").of_year(2027, frame="children")
    assert children.needs_banner
    assert children.title == "jp.individual.nisa children 2027-01-01 (outline_only)"
    assert not table("jp.individual.nisa").of_year(2027, frame="total").needs_banner


@given(st.sampled_from(sorted(TABLES)), st.dates(dt.date(1950, 1, 1), dt.date(2060, 1, 1)))
def test_at_most_one_row_of_a_key_is_in_force_on_any_day(name, day):
    keys = [row.key for row in table(name).rows if row.valid_from <= day <= (row.valid_to or dt.date.max)]
    assert len(keys) == len(set(keys))


@given(st.dates(dt.date(2010, 1, 1), dt.date(2034, 12, 1)))
def test_the_settlement_lag_of_the_calendar_is_the_one_of_the_tables(day):
    assert settlement_lag("XTKS", day) == table("jp.individual.settlement_lag").at(day, market="XTKS").count(
        "trading_days"
    )


@pytest.mark.parametrize("row", table("jp.individual.last_trade_dates").rows, ids=lambda row: row.title)
def test_the_last_trade_dates_follow_from_the_exchange_calendar(row):
    tokyo, year = calendar("XTKS"), row.count("tax_year")
    last = tokyo.last_trade_settling_by(dt.date(year, 12, 31))
    assert last == row.values["last_trade_date"]
    assert tokyo.settlement(last) == row.values["settlement_date"]


SECTION = {"title": "t", "key_date": "d", "key": [], "columns": {"rate": "rate"}}
ROW = {"valid_from": dt.date(2020, 1, 1), "status": "enacted", "confidence": "secondary", "source": ["a law"]}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({**ROW}, "has no rate"),
        ({**ROW, "rate": "0.1"}, "not a rate"),
        ({**ROW, "rate": True}, "not a rate"),
        ({**ROW, "rate": 1, "rat": 1}, "unknown names"),
    ],
)
def test_a_slip_of_the_pen_in_a_table_is_found_when_it_is_loaded(row, complaint):
    with pytest.raises(ValueError, match=complaint):
        TaxTable("x", {**SECTION, "rows": [row]})


def test_rows_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        TaxTable("x", {**SECTION, "rows": [{**ROW, "rate": 1}, {**ROW, "rate": 2}]})


def test_the_tables_say_as_of_when_they_were_checked():
    for regime in ("jp.individual", "jp.corporate", "us.taxable"):
        assert table_version(regime).isoformat() == DOCUMENT["as_of"]
