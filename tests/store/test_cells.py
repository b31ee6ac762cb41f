"""Cells: what is read exactly, and what is refused."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.store import cells
from xlplugin.store.cells import UnreadableError


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_comes_back_exactly_however_it_is_written(value):
    plain = f"{value:f}"
    grouped = f"{value:,f}"
    absolute = f"{abs(value):,f}"
    written = [plain, grouped, f" {plain} "]
    if value < 0:
        written += [f"△{absolute}", f"▲ {absolute}", f"({absolute})", f"−{absolute}"]
    assert {cells.number(w) for w in written} == {value}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_cell_is_the_shortest_decimal_that_is_this_float(value):
    assert float(cells.number(value)) == value


@pytest.mark.parametrize(
    "written",
    [
        "1,23",
        "12,34,567",
        "1_000",
        "1e",
        "inf",
        "nan?",
        "0x10",
        "1.2.3",
        "--1",
        "（1",
        "1円2",
        "#N/A",
        "abc",
        "1 2",
        True,
    ],
)
def test_what_only_looks_like_a_number_is_refused(written):
    with pytest.raises(UnreadableError):
        cells.number(written)


def test_full_width_digits_and_currency_signs_are_understood():
    assert cells.number("￥１，２３４．５") == Decimal("1234.5")
    assert cells.number("$1,234.50") == Decimal("1234.50")
    assert cells.number("980円") == 980


@given(st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)))
def test_a_date_comes_back_from_every_form_that_has_one_reading(day):
    forms = [
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day:%Y%m%d}",
        float(f"{day:%Y%m%d}"),
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%b} {day.day}, {day.year}",
        f"{day:%B} {day.day:02d}, {day.year}",
        f"{day.day:02d}-{day:%b}-{day.year}",
        f"{day:%Y-%m-%d} 00:00:00",
        dt.datetime.combine(day, dt.time()),
        day,
    ]
    assert {cells.day(form) for form in forms} == {day}


@pytest.mark.parametrize(
    "written",
    ["11/12/2026", "2026-13-01", "2026-02-30", "20261301", "45000", 60.0, 45000.5, "today", "1 Smarch 2026"],
)
def test_a_date_with_two_readings_or_none_is_refused(written):
    with pytest.raises(UnreadableError):
        cells.day(written)


def test_a_number_of_excel_is_a_date_and_a_text_of_digits_is_not():
    assert cells.day(46346.0) == dt.date(2026, 11, 20)  # as Excel shows 46346
    with pytest.raises(UnreadableError):
        cells.day("46346")


def test_month_day_year_is_read_for_us_files_only_and_never_swapped():
    assert cells.us_day("11/12/2026") == dt.date(2026, 11, 12)
    with pytest.raises(UnreadableError):
        cells.us_day("13/12/2026")


@given(st.integers(0, 10**6))
def test_a_percentage_needs_its_sign_and_stays_exact(millionths):
    assert cells.percent(f"{Decimal(millionths) / 10**4:f}%") == Decimal(millionths) / 10**6
    with pytest.raises(UnreadableError):
        cells.percent(f"{Decimal(millionths) / 10**4:f}")


def test_a_percentage_above_one_hundred_is_refused():
    with pytest.raises(UnreadableError):
        cells.percent("100.01%")


def test_a_final_zero_of_five_characters_is_dropped_and_another_last_character_stays():
    assert [cells.japanese_code(c) for c in ("13010", "25935", "130A0", "7203", 7203.0)] == [
        "1301",
        "25935",
        "130A",
        "7203",
        "7203",
    ]


def test_a_class_of_shares_is_written_with_a_dot():
    assert {cells.ticker(c) for c in ("BRK.B", "BRK-B", "BRK/B")} == {"BRK.B"}


def test_the_ticker_na_is_a_ticker():
    assert not cells.is_blank("NA")
    assert cells.ticker("NA") == "NA"


def test_choices_take_the_code_or_a_word_in_either_language():
    side = cells.choice({"BUY": ("買", "Buy"), "SELL": ("売", "Sell")})
    assert [side(w) for w in ("買", "buy", "ＢＵＹ", "売")] == ["BUY", "BUY", "BUY", "SELL"]
    with pytest.raises(UnreadableError, match="one of BUY, SELL"):
        side("short")
