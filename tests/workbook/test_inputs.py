"""Inputs of a client: cells, blocks, and tables that grow and shrink."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbook.books import DAY, compiled, minimal, parts_of, put, run, simple, written
from xlplugin.errors import InputError
from xlplugin.workbook import Inputs, TemplateError, lint_package
from xlplugin.workbook.package import Package

NAMED = simple(
    {"A1": 1, "A2": "=A1*2", "B1": "x", "D1": "{=TEST_SPILL(2,2)", "A5": "head", "A6": 1, "A7": 2},
    names={
        "in_rate": "S!$A$1",
        "in_text": "S!$B$1",
        "in_block": "S!$A$5:$B$7",
        "in_formula": "S!$A$2",
        "in_spill": "S!$E$2",
        "constant": "5",
    },
)


def set_names(**names: object) -> object:
    return compiled(NAMED).run(Inputs(names=names), as_of=DAY)


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (3, 3.0),
        (2.5, 2.5),
        (Decimal("0.1"), 0.1),
        (np.float64(4), 4.0),
        (np.int32(4), 4.0),
        (np.bool_(True), True),
        (True, True),
        ("text", "text"),
        ("=1+1", "=1+1"),
        ("@x", "@x"),
        (" a ", " a "),
        (dt.date(2026, 11, 20), 46346.0),
        (dt.datetime(2026, 11, 20, 6, tzinfo=dt.UTC), 46346.25),
        (None, None),
        ("", None),
    ],
)
def test_a_value_is_held_as_given(given: object, held: object) -> None:
    assert set_names(in_rate=given).cells("S", "A1") == [[held]]  # type: ignore[attr-defined]


def test_a_formula_reads_the_input_of_the_run() -> None:
    assert set_names(in_rate=21).cells("S", "A2") == [[42.0]]  # type: ignore[attr-defined]


def test_text_that_looks_like_a_formula_never_becomes_one() -> None:
    sheet = parts_of(set_names(in_text="=HYPERLINK(1)").data)["xl/worksheets/sheet1.xml"]  # type: ignore[attr-defined]
    assert b"<f>HYPERLINK" not in sheet


def test_a_block_fills_its_range_and_empties_the_rest() -> None:
    result = set_names(in_block=[["p", "q"], [7, 8]])
    assert result.cells("S", "A5:B7") == [["p", "q"], [7.0, 8.0], [None, None]]  # type: ignore[attr-defined]


def test_the_order_of_inputs_changes_nothing() -> None:
    one = set_names(in_rate=2, in_text="a", in_block=[["b"]])
    other = set_names(in_block=[["b"]], in_text="a", in_rate=2)
    assert one.book.values("S") == other.book.values("S")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"in_nothing": 1}, "There is no name 'in_nothing' in the workbook"),
        ({"constant": 1}, "an input needs a name of one range"),
        ({"in_block": 1}, "in_block is a range of 3 x 2 cells; give rows of values"),
        ({"in_block": [[1, 2, 3]]}, "1 x 3 values were given; the range holds 3 x 2"),
        ({"in_rate": math.nan}, "in_rate: nan is no number a cell can hold"),
        ({"in_rate": object()}, "is no cell value"),
        ({"in_text": "x" * 32_768}, "a text of 32768 characters"),
        ({"in_rate": dt.date(1899, 1, 1)}, "lies before the first day"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_a_sentence(
    names: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        set_names(**names)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (Inputs(names={"in_formula": 1}), "Input in_formula: S!A2 holds a formula"),
        (Inputs(names={"in_spill": 1}), "Input in_spill: S!E2 is inside a spill"),
        (Inputs(cells={("S", "D1"): 1}), "holds a formula"),
    ],
)
def test_an_input_over_a_formula_or_a_spill_is_refused(inputs: Inputs, sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        compiled(run(NAMED).data).run(inputs, as_of=DAY)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({("No", "A1"): 1}, "There is no worksheet 'No'"),
        ({("S", "5A"): 1}, "S!5A is no cell"),
        ({("S", "A0"): 1}, "is outside the sheet"),
        ({("S", "XFE1"): 1}, "is outside the sheet"),
    ],
)
def test_an_address_that_is_not_there_is_refused(cells: dict[tuple[str, str], int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        compiled(NAMED).run(Inputs(cells=cells), as_of=DAY)


def test_equal_texts_use_an_entry_of_the_template_again() -> None:
    before = parts_of(run(NAMED).data)["xl/sharedStrings.xml"]
    same = parts_of(set_names(in_text="head").data)["xl/sharedStrings.xml"]  # type: ignore[attr-defined]
    assert same == before
    grown = parts_of(set_names(in_text="new").data)["xl/sharedStrings.xml"]  # type: ignore[attr-defined]
    assert grown.count(b"<si>") == before.count(b"<si>") + 1
    assert f'uniqueCount="{grown.count(b"<si>")}"'.encode() in grown


def test_without_a_string_part_texts_stand_in_the_cell() -> None:
    data = minimal('<row r="1"><c r="A1" s="0"><v>1</v></c><c r="B1"><f>A1&amp;"!"</f></c></row>')
    result = compiled(data).run(Inputs(cells={("S", "A1"): "a<b "}), as_of=DAY)
    assert result.cells("S", "A1:B1") == [["a<b ", "a<b !"]]
    assert b'<c r="A1" s="0" t="inlineStr">' in parts_of(result.data)["xl/worksheets/sheet1.xml"]


# -- tables ----------------------------------------------------------------------------------------


def book(*, totals: bool, rows: int = 3) -> bytes:
    """A table B3:E.. with a calculated column, formats beside it and readers on another sheet."""

    def fill(writer: object) -> None:
        sheet, other = writer.add_worksheet("L"), writer.add_worksheet("S")  # type: ignore[attr-defined]
        money = writer.add_format({"num_format": "#,##0.00"})  # type: ignore[attr-defined]
        last = 3 + rows
        for row in range(4, last + 1):
            put(sheet, f"B{row}", f"c{row}")
            put(sheet, f"C{row}", row, money)
        put(sheet, "A4", "left of it")
        put(sheet, "G5", "right of it")
        columns: list[dict[str, object]] = [
            {"header": "Code", **({"total_string": "Total"} if totals else {})},
            {"header": "Cost", **({"total_function": "sum"} if totals else {})},
            {"header": "Note"},
            {
                "header": "Twice",
                "formula": "=L[[#This Row],[Cost]]*2",
                **({"total_function": "sum"} if totals else {}),
            },
        ]
        sheet.add_table(f"B3:E{last + totals}", {"name": "L", "columns": columns, "total_row": totals})
        sheet.conditional_format(f"C4:C{last}", {"type": "data_bar", "data_bar_2010": True})
        sheet.conditional_format("C4:C4", {"type": "data_bar"})
        sheet.data_validation(f"C4:C{last}", {"validate": "decimal", "criteria": ">", "value": 0})
        put(other, "A1", "=SUM(L[Cost])")
        put(other, "A2", "=ROWS(L)")
        put(other, "A3", "=SUM(costs)")
        put(other, "A4", "{=TEST_SUM(L[Twice])")
        put(other, "A5", "=SUM(shifted)")
        other.add_sparkline("C1", {"range": f"L!C4:C{last}"})
        writer.define_name("costs", f"=L!$C$4:$C${last}")  # type: ignore[attr-defined]
        writer.define_name("shifted", f"=OFFSET(L!$C$4:$C${last},0,0)")  # type: ignore[attr-defined]
        chart = writer.add_chart({"type": "bar"})  # type: ignore[attr-defined]
        chart.add_series({"categories": f"=L!$B$4:$B${last}", "values": f"=L!$C$4:$C${last}"})
        other.insert_chart("E2", chart)

    return written(fill)


RECORDS = st.lists(
    st.fixed_dictionaries({"Code": st.text("abc7", max_size=3), "Cost": st.integers(-999, 999)}), max_size=40
)


@pytest.mark.parametrize("totals", [True, False])
@given(RECORDS)
@settings(deadline=None, max_examples=20)
def test_a_table_holds_the_records_whatever_their_number(
    totals: bool, records: list[dict[str, object]]
) -> None:
    result = compiled(book(totals=totals)).run(Inputs(tables={"L": records}), as_of=DAY)
    count = max(1, len(records))
    last = 3 + count
    rows = result.cells("L", f"B4:E{last}")
    if records:
        assert [[r[0] or "", r[1]] for r in rows] == [[r["Code"], r["Cost"]] for r in records]
        assert [row[3] for row in rows] == [2.0 * float(str(r["Cost"])) for r in records]
    total = float(sum(int(str(r["Cost"])) for r in records))
    twice = 2 * total
    assert result.cells("S", "A1:A5") == [[total], [float(count)], [total], [twice], [total]]
    if totals:
        assert result.cells("L", f"B{last + 1}:E{last + 1}") == [["Total", total, None, twice]]
    assert result.cells("L", "A4") == [["left of it"]]
    assert result.cells("L", "G5") == [["right of it"]]
    package = Package.open(result.data)
    assert package.tables[0].corners == (3, 2, last + totals, 5)
    assert lint_package(result.data) == []
    assert compiled(result.data).run(as_of=DAY).data == result.data


def test_what_ends_at_the_last_record_follows_it() -> None:
    records = [{"Code": str(n), "Cost": n} for n in range(10)]
    parts = parts_of(compiled(book(totals=True)).run(Inputs(tables={"L": records}), as_of=DAY).data)
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    assert '<conditionalFormatting sqref="C4:C13">' in sheet
    assert '<conditionalFormatting sqref="C4">' in sheet
    assert 'sqref="C4:C13"' in re.findall(r"<dataValidation [^>]*>", sheet)[0]
    assert "<xm:sqref>C4:C13</xm:sqref>" in sheet
    assert "<xm:f>L!C4:C6</xm:f>" not in parts["xl/worksheets/sheet2.xml"].decode()
    assert "L!$C$4:$C$13" in parts["xl/workbook.xml"].decode()
    chart = parts["xl/charts/chart1.xml"].decode()
    assert "L!$C$4:$C$13" in chart
    assert '<c:ptCount val="10"/>' in chart
    table = parts["xl/tables/table1.xml"].decode()
    assert 'ref="B3:E14"' in table
    assert '<autoFilter ref="B3:E13"' in table


def test_formats_of_new_rows_are_those_of_the_first_record() -> None:
    records = [{"Code": str(n), "Cost": n} for n in range(10)]
    sheet = parts_of(compiled(book(totals=False)).run(Inputs(tables={"L": records}), as_of=DAY).data)
    found = dict(re.findall(r'<c r="(C\d+)" s="(\d+)"', sheet["xl/worksheets/sheet1.xml"].decode()))
    assert {found[f"C{row}"] for row in range(4, 14)} == {found["C4"]}


def test_a_table_that_meets_other_cells_is_refused() -> None:
    def fill(writer: object) -> None:
        sheet = writer.add_worksheet("L")  # type: ignore[attr-defined]
        sheet.add_table("A1:B3", {"name": "L", "columns": [{"header": "Code"}, {"header": "Cost"}]})
        put(sheet, "B6", "note")

    template = compiled(written(fill))
    assert template.run(Inputs(tables={"L": [{"Cost": 1}] * 4}), as_of=DAY).cells("L", "B6") == [["note"]]
    with pytest.raises(TemplateError, match="L: cells below the table at L!B6"):
        template.run(Inputs(tables={"L": [{"Cost": 1}] * 5}), as_of=DAY)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"Lots": []}, "There is no table 'Lots' in the workbook; it has L"),
        (
            {"L": [{"Code": 1}, {"Price": 2}]},
            "L, record 2: there is no column 'Price'; the table has Code, Cost, Note, Twice",
        ),
        ({"L": [{"Cost": math.inf}]}, "L[Cost]: inf is no number"),
        ({"L": [{"Twice": 1}]}, "Input L[Twice]: L!E4 holds a formula"),
    ],
)
def test_records_that_do_not_fit_are_refused(
    tables: dict[str, list[dict[str, object]]], sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        compiled(book(totals=True)).run(Inputs(tables=tables), as_of=DAY)


def test_ten_thousand_records_are_no_hindrance() -> None:
    records = [{"Code": f"c{n}", "Cost": n} for n in range(10_000)]
    result = compiled(book(totals=True)).run(Inputs(tables={"L": records}), as_of=DAY)
    assert result.cells("S", "A1:A2") == [[float(sum(range(10_000)))], [10_000.0]]


def test_a_function_in_a_calculated_column_is_called_in_every_row() -> None:
    def fill(writer: object) -> None:
        sheet = writer.add_worksheet("L")  # type: ignore[attr-defined]
        columns = [{"header": "Cost"}, {"header": "Sum", "formula": "=TEST_SUM(L[[#This Row],[Cost]],1)"}]
        sheet.add_table("A1:B2", {"name": "L", "columns": columns})

    result = compiled(written(fill)).run(Inputs(tables={"L": [{"Cost": n} for n in range(5)]}), as_of=DAY)
    assert result.cells("L", "B2:B6") == [[1.0], [2.0], [3.0], [4.0], [5.0]]


def test_relative_and_fixed_rows_of_a_calculated_column_move_as_in_excel() -> None:
    def fill(writer: object) -> None:
        sheet = writer.add_worksheet("L")  # type: ignore[attr-defined]
        put(sheet, "F1", 100)
        put(sheet, "F2", 7)
        columns = [{"header": "Cost"}, {"header": "Odd"}]
        sheet.add_table("A1:B3", {"name": "L", "columns": columns})
        put(sheet, "B2", "=A2+F$1+$F$2*A$2")

    result = compiled(written(fill)).run(Inputs(tables={"L": [{"Cost": n} for n in (1, 2, 3)]}), as_of=DAY)
    # By hand: Cost + 100 + 7 x the first Cost.
    assert result.cells("L", "B2:B4") == [[108.0], [109.0], [110.0]]
