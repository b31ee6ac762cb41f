"""Functions that are computed here and not by the calculator; examples of Microsoft's pages."""

from __future__ import annotations

import pytest

from tests.workbook.books import minimal, simple, value
from xlplugin.workbook.excel_values import value_of_text
from xlplugin.workbook.implicit import intersected_range
from xlplugin.workbook.values import error

NUM, DIV, VALUE, NA = "#NUM!", "#DIV/0!", "#VALUE!", "#N/A"


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("CEILING(2.5,1)", 3.0), ("CEILING(-2.5,-2)", -4.0), ("CEILING(-2.5,2)", -2.0),
        ("CEILING(1.5,0.1)", 1.5),
        ("CEILING(0.234,0.01)", 0.24), ("CEILING(2.5,-2)", NUM), ("CEILING(5,0)", 0.0),
        ("FLOOR(3.7,2)", 2.0), ("FLOOR(-2.5,-2)", -2.0), ("FLOOR(2.5,-2)", NUM), ("FLOOR(1.58,0.1)", 1.5),
        ("FLOOR(0.234,0.01)", 0.23), ("FLOOR(5,0)", DIV), ("FLOOR(0,0)", 0.0),
        ("CEILING.MATH(24.3,5)", 25.0), ("CEILING.MATH(6.7)", 7.0), ("CEILING.MATH(-8.1,2)", -8.0),
        ("CEILING.MATH(-5.5,2,-1)", -6.0), ("CEILING.MATH(5,0)", 0.0),
        ("FLOOR.MATH(24.3,5)", 20.0), ("FLOOR.MATH(6.7)", 6.0), ("FLOOR.MATH(-8.1,2)", -10.0),
        ("FLOOR.MATH(-5.5,2,-1)", -4.0), ("FLOOR.MATH(6.7,0)", 0.0),
        ("SUM(MMULT({1,3;7,2},{2,0;0,2}))", 26.0), ("MMULT({1,2},{1,2})", VALUE),
        ("MINVERSE({1,2;2,4})", NUM),
        ("MDETERM({1,3,8,5;1,3,6,1;1,1,1,0;7,3,10,2})", 88.0),
        ("INDEX(WRAPROWS({1,2,3,4,5,6,7},3),3,2)", NA), ("WRAPROWS({1,2},0)", NUM),
        ("INDEX(EXPAND({1,2;3,4},3,3,\"-\"),3,3)", "-"), ("EXPAND({1,2;3,4},1)", VALUE),
        ("VALUE(\"$1,000\")", 1000.0), ("VALUE(\"16:48:00\")-VALUE(\"12:00:00\")", 0.2),
        ("XLOOKUP(46523,{0;9700;39475},{0.1;0.22;0.24},0,-1)", 0.24),
        ("XLOOKUP(46523,{9700;39475;84200},{0.22;0.24;0.32},0,1,1)", 0.32),
        ("XLOOKUP(\"b*\",{\"abc\";\"bcd\";\"bde\"},{1;2;3},0,2,-1)", 3.0),
        ("XLOOKUP(4,{1;2;3},{1;2;3},\"none\",0,2)", "none"),
        ("SUM(XLOOKUP({\"x\",\"z\"},{\"x\",\"y\",\"z\"},{1,2,4}))", 5.0),
        # 20 November 2026 is a Friday, 23 November a holiday in Japan.
        ("WORKDAY.INTL(46346,1,,46349)", 46350.0), ("WORKDAY.INTL(46346,1,1,46349)", 46350.0),
        ("NETWORKDAYS.INTL(46346,46350,,46349)", 2.0), ("WORKDAY.INTL(46346,1)", 46349.0),
        ("ROWS(SEQUENCE(4))", 4.0), ("COLUMNS(TEST_SPILL(2,3))", 3.0),
    ],
)  # fmt: skip
def test_a_function_gives_what_microsoft_documents(formula: str, expected: object) -> None:
    found = value(simple({"A1": "{=" + formula}), "A1")
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert getattr(found, "value", found) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234.5", 1234.5), ("¥1,000", 1000.0), ("-5%", -0.05), ("(12)", -12.0), (" 7 ", 7.0),
        ("1E3", 1000.0), (".5", 0.5),
        ("2026/11/20", 46346.0), ("2026年11月20日", 46346.0), ("2026-11-20 18:00", 46346.75),
        ("6:00 PM", 0.75),
    ],
)  # fmt: skip
def test_a_text_that_reads_as_a_number_is_one(text: str, number: float) -> None:
    assert value_of_text(text) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "x", "1,23", "12:61", "2026-02-30", "1 2", "--5"])
def test_any_other_text_is_no_number(text: str) -> None:
    assert value_of_text(text) == error("Value")


ROWS = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c>{{{n}}}</row>' for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("ROUND(A1:A3/3,2)", 0.67),
        ("LEN(A1:A3)", 1.0),
        ("SUM(A1:A3*2)", 4.0),  # an operator in a formula of one cell takes its own row
        ("SUM(A1:A3)*A1:A3", 12.0),
        ("SUMPRODUCT(A1:A3*2)", 12.0),
        ('IF(A1:A3&gt;1,"yes","no")', "yes"),
        ("MATCH(A1:A3,A1:A3,0)", 2.0),
        ("COUNTIF(A1:A3,A1:A3)", 1.0),
        ('D:D&amp;"x"', "x"),  # a blank stays a blank
        ("ABS(A5:A9)", VALUE),
    ],
)
def test_where_one_value_is_expected_a_range_means_the_row_of_the_formula(
    formula: str, expected: object
) -> None:
    cell = f'<c r="C2"><f>{formula}</f></c>'
    data = minimal(ROWS.replace("{1}", "").replace("{2}", cell).replace("{3}", ""))
    found = value(data, "C2")
    assert getattr(found, "value", found) == expected


def test_a_range_meets_a_cell_in_its_row_or_column_only() -> None:
    assert intersected_range((1, 1, 9, 1), 3, 7) == (3, 1)
    assert intersected_range((1, 1, 1, 9), 5, 4) == (1, 4)
    assert intersected_range((1, 1, 9, 9), 3, 3) is None
    assert intersected_range((1, 1, 2, 1), 3, 3) is None
    assert intersected_range((4, 4, 4, 4), 1, 1) == (4, 4)
