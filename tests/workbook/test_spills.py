"""Spills grow, shrink, vanish and are blocked; no other cell changes."""

from __future__ import annotations

import re
from io import BytesIO

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbook.books import DAY, changed, compiled, minimal, parts_of, put, run, simple, written
from xlplugin.errors import ErrorValue
from xlplugin.workbook import Inputs, lint_package

BOOK = simple(
    {
        "A1": 2,
        "B1": 3,
        "D1": "beside",
        "A40": "below",
        "A5": "{=TEST_SPILL(A1,B1)",
        "H1": "=SUM(A5#)",
        "H2": "=ROWS(A5#)",
    },
    names={"in_rows": "S!$A$1", "in_columns": "S!$B$1"},
)
TEMPLATE = compiled(BOOK)
SIZES = st.tuples(st.integers(0, 30), st.integers(0, 8))


def expected(rows: int, columns: int) -> list[list[float]]:
    return [[10.0 * i + j for j in range(columns)] for i in range(rows)]


@given(st.lists(SIZES, min_size=1, max_size=5))
@settings(deadline=None, max_examples=25)
def test_over_the_life_of_a_spill_its_cells_equal_the_result_and_nothing_else_changes(
    sizes: list[tuple[int, int]],
) -> None:
    data = BOOK
    for rows, columns in sizes:
        result = compiled(data).run(Inputs(names={"in_rows": rows, "in_columns": columns}), as_of=DAY)
        data = result.data
        values = result.book.values("S")
        inside = {(5 + i, 1 + j) for i in range(rows) for j in range(columns)}
        outside = {
            place: value for place, value in values.items() if place not in inside | {(5, 1), (1, 8), (2, 8)}
        }
        assert outside == {(1, 1): rows, (1, 2): columns, (1, 4): "beside", (40, 1): "below"}
        if rows and columns:
            assert result.cells("S", "A5:H34")[:rows] == [
                [*row, *[None] * (8 - columns)] for row in expected(rows, columns)
            ]
            assert values[1, 8] == sum(map(sum, expected(rows, columns)))
        else:
            assert values[5, 1] is ErrorValue.VALUE  # #CALC!, as a file can hold it
        assert lint_package(data) == []
        assert compiled(data).run(as_of=DAY).data == data


def test_a_client_after_another_starts_from_the_template() -> None:
    large = Inputs(names={"in_rows": 30, "in_columns": 8})
    small = Inputs(names={"in_rows": 1, "in_columns": 1})
    first = TEMPLATE.run(small, as_of=DAY).data
    TEMPLATE.run(large, as_of=DAY)
    assert TEMPLATE.run(small, as_of=DAY).data == first


def test_a_result_of_one_cell_still_is_a_dynamic_array() -> None:
    sheet = parts_of(TEMPLATE.run(Inputs(names={"in_rows": 1, "in_columns": 1}), as_of=DAY).data)
    xml = sheet["xl/worksheets/sheet1.xml"].decode()
    assert '<c r="A5" cm="1"><f t="array" ref="A5">' in xml


def test_a_plain_function_cell_becomes_a_dynamic_array() -> None:
    xml = parts_of(run(simple({"A1": "=TEST_SPILL(2,2)"})).data)["xl/worksheets/sheet1.xml"].decode()
    assert '<c r="A1" cm="1"><f t="array" ref="A1:B2">TEST_SPILL(2,2)</f><v>0</v></c>' in xml


def test_metadata_is_added_where_there_is_none() -> None:
    parts = parts_of(run(minimal('<row r="1"><c r="A1"><f>TEST_SPILL(2,2)</f></c></row>')).data)
    assert b'fDynamic="1"' in parts["xl/metadata.xml"]
    assert b"/sheetMetadata" in parts["xl/_rels/workbook.xml.rels"]
    assert b"sheetMetadata+xml" in parts["[Content_Types].xml"]


METADATA = (
    '<metadata xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<metadataTypes count="1"><metadataType name="XLRICHVALUE" minSupportedVersion="120000"/></metadataTypes>'
    '<futureMetadata name="XLRICHVALUE" count="1"><bk/></futureMetadata>'
    '<valueMetadata count="1"><bk><rc t="1" v="0"/></bk></valueMetadata></metadata>'
)


def test_metadata_of_other_kinds_keeps_its_place() -> None:
    base = run(simple({"A1": "{=TEST_SPILL(2,2)"})).data
    data = changed(base, "xl/metadata.xml", lambda _: METADATA)
    xml = parts_of(run(data).data)["xl/metadata.xml"].decode()
    assert re.findall(r'metadataType name="(\w+)"', xml) == ["XLRICHVALUE", "XLDAPR"]
    assert xml.index("cellMetadata") < xml.index("valueMetadata")
    assert '<rc t="2" v="0"/>' in xml
    assert run(run(data).data).data == run(data).data


def test_a_spill_next_to_a_spill_and_over_the_end_of_the_sheet_part() -> None:
    result = run(simple({"A1": "{=TEST_SPILL(3,2)", "C1": "{=TEST_SPILL(50,1,100)", "C60": "=C50"}))
    assert result.cells("S", "A1:C3") == [[0.0, 1.0, 100.0], [10.0, 11.0, 110.0], [20.0, 21.0, 120.0]]
    assert result.cells("S", "C60") == [[590.0]]
    assert '<dimension ref="A1:C60"/>' in parts_of(result.data)["xl/worksheets/sheet1.xml"].decode()


def test_the_dimension_reaches_over_new_cells() -> None:
    xml = parts_of(run(simple({"A1": "{=TEST_SPILL(3,9)"})).data)["xl/worksheets/sheet1.xml"].decode()
    assert '<dimension ref="A1:I3"/>' in xml


@pytest.mark.parametrize(
    ("cells", "blocker"),
    [({"A1": "{=TEST_SPILL(4,4)", "B3": 7}, "B3"), ({"A1": "{=TEST_SPILL(4,4)", "C2": "=1+1"}, "C2"),
     ({"XFC1": "{=TEST_SPILL(1,4)"}, "the edge of the sheet"),
     ({"A1": "{=TEST_SPILL(3000,4)", "B3": 7}, "B3")],
)  # fmt: skip
def test_what_is_in_the_way_stays_and_is_named(cells: dict[str, object], blocker: str) -> None:
    result = run(simple(cells))
    anchor = next(place for place, value in cells.items() if str(value).startswith("{="))
    assert result.cells("S", anchor) == [[ErrorValue.VALUE]]
    finding = next(f for f in result.findings if f.rule == "T08")
    assert finding.facts["blocker"] == blocker
    if blocker == "B3":
        assert result.cells("S", "B3") == [[7.0]]
    assert run(result.data).data == result.data


def test_a_blocked_spill_comes_back_when_the_way_is_free() -> None:
    template = compiled(simple({"A1": "{=TEST_SPILL(3,3)", "B2": 7}))
    blocked = template.run(as_of=DAY)
    freed = compiled(blocked.data).run(Inputs(cells={("S", "B2"): None}), as_of=DAY)
    assert freed.cells("S", "A1:C3") == expected(3, 3)
    assert freed.findings == []


def test_two_spills_that_would_overlap_are_not_both_shown() -> None:
    result = run(simple({"A1": "{=TEST_SPILL(5,2)", "A3": "{=TEST_SPILL(2,2)"}))
    assert [f.rule for f in result.findings if f.level == "error"] == ["T08"]


@pytest.mark.parametrize("rows", [5000, 10_001])
def test_a_large_result_is_complete_and_can_be_read(rows: int) -> None:
    columns = 3 if rows == 5000 else 1
    data = simple(
        {"A1": f"{{=TEST_SPILL({rows},{columns})", "H1": "=SUM(A1#)", "H2": f"=A{rows}", "H3": "=ROWS(A1#)"}
    )
    result = run(data)
    total = sum(10 * i + j for i in range(rows) for j in range(columns))
    assert result.cells("S", "H1:H3") == [[total], [10.0 * (rows - 1)], [float(rows)]]
    assert len(result.book.values("S")) == rows * columns + 3
    assert {f.rule for f in result.findings} == {"T32"}
    assert run(result.data).data == result.data


def test_large_results_that_feed_each_other_settle() -> None:
    result = run(
        simple({"A1": "{=TEST_SPILL(4000,3)", "E1": "{=TEST_SPILL(ROWS(A1#)*3,1)", "H1": "=SUM(E1#)"})
    )
    assert result.cells("S", "H1") == [[sum(10.0 * i for i in range(12_000))]]


def test_a_fixed_array_keeps_its_extent() -> None:
    data = minimal(
        '<row r="1"><c r="A1"><f t="array" ref="A1:B3">TEST_SPILL(2,1)</f><v>0</v></c>'
        '<c r="B1"><v>0</v></c></row>'
        '<row r="2"><c r="A2"><v>0</v></c><c r="B2"><v>0</v></c></row><row r="3"><c r="A3"/><c r="B3"/></row>'
    )
    result = run(data)
    assert result.cells("S", "A1:B3") == [[0.0, 0.0], [10.0, 10.0], [ErrorValue.NA, ErrorValue.NA]]
    assert b'ref="A1:B3"' in parts_of(result.data)["xl/worksheets/sheet1.xml"]
    assert b"cm=" not in parts_of(result.data)["xl/worksheets/sheet1.xml"]


def test_texts_of_a_spill_read_back_equal() -> None:
    result = run(simple({"A1": "{=TEST_TEXTS()"}))
    texts = [["a ", ""], ["_x0041_", "l1\nl2"], ["タブ\t", "☃😀"]]
    assert [[value or "" for value in row] for row in result.cells("S", "A1:B3")] == texts
    sheet = openpyxl.load_workbook(BytesIO(result.data), data_only=True)["S"]
    assert (sheet["A1"].value, sheet["B2"].value, sheet["B3"].value) == ("a ", "l1\nl2", "☃😀")


# -- formats ---------------------------------------------------------------------------------------


def styled() -> bytes:
    def fill(book: object) -> None:
        sheet = book.add_worksheet("S")  # type: ignore[attr-defined]
        money = book.add_format({"num_format": "#,##0"})  # type: ignore[attr-defined]
        share = book.add_format({"num_format": "0.0%"})  # type: ignore[attr-defined]
        grey = book.add_format({"bg_color": "#EEEEEE"})  # type: ignore[attr-defined]
        sheet.set_column("C:C", 10, grey)
        sheet.set_row(7, None, share)
        put(sheet, "A1", 4)
        put(sheet, "A5", "{=TEST_SPILL(A1,3)", money)
        sheet.write_blank("B5", None, share)
        sheet.write_blank("B7", None, grey)
        book.define_name("in_rows", "=S!$A$1")  # type: ignore[attr-defined]

    return written(fill)


def styles(data: bytes) -> dict[str, str]:
    xml = parts_of(data)["xl/worksheets/sheet1.xml"].decode()
    return dict(re.findall(r'<c r="([A-Z]+\d+)" s="(\d+)"', xml))


def test_a_new_cell_takes_the_format_above_it_then_of_row_or_column() -> None:
    found = styles(run(styled()).data)
    money, share, grey = found["A5"], found["B5"], found["B7"]
    assert [found[f"A{row}"] for row in (6, 7, 8)] == [money] * 3  # from the anchor downwards
    assert found["B6"] == share  # from the prepared cell above
    assert found["B7"] == grey  # its own wins
    assert found["B8"] == grey
    assert found["C5"] == found["C6"] == grey  # the column's
    assert len({money, share, grey}) == 3


def test_a_cleared_cell_keeps_its_format_for_later() -> None:
    template = compiled(run(styled()).data)
    shrunk = template.run(Inputs(names={"in_rows": 1}), as_of=DAY).data
    assert styles(shrunk)["A8"] == styles(run(styled()).data)["A8"]
    again = compiled(shrunk).run(Inputs(names={"in_rows": 4}), as_of=DAY).data
    assert styles(again) == styles(run(styled()).data)


# -- values in cells -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "xml"),
    [
        ("=1+1", "<f>1+1</f><v>2</v>"),
        ('="a"&"<"', 't="str"><f>"a"&amp;"&lt;"</f><v>a&lt;</v>'),
        ('=""', 't="str"><f>""</f><v></v>'),
        ("=1=1", 't="b"><f>1=1</f><v>1</v>'),
        ("=1/0", 't="e"><f>1/0</f><v>#DIV/0!</v>'),
        ("=NA()", 't="e"><f>NA()</f><v>#N/A</v>'),
        ("=Z99", "<f>Z99</f><v>0</v>"),
        ("=SUBTOTAL(9,Z1)", "<v>0</v>"),
        ("=1E+16", "<v>1e+16</v>"),
        ("=0.1", "<v>0.1</v>"),
        ("=LET(x,1,x)", "<v>1</v>"),
    ],
)
def test_a_computed_value_is_stored_as_excel_stores_it(formula: str, xml: str) -> None:
    assert xml in parts_of(run(simple({"A1": formula})).data)["xl/worksheets/sheet1.xml"].decode()


def test_calculate_always_marks_and_rich_values_of_old_errors_are_dropped() -> None:
    data = minimal('<row r="1"><c r="A1" t="e" vm="3"><f aca="1" ca="1">1+1</f><v>#VALUE!</v></c></row>')
    assert b'<c r="A1"><f>1+1</f><v>2</v></c>' in parts_of(run(data).data)["xl/worksheets/sheet1.xml"]
