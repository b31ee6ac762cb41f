"""Live, values and oracle: what a client gets, and what another program has to recompute."""

from __future__ import annotations

import re
from io import BytesIO

import openpyxl
import pytest
import python_calamine

from tests.workbook.books import (
    DAY,
    FUNCTIONS,
    MAIN,
    REL,
    compiled,
    minimal,
    parts_of,
    rich,
    run,
    simple,
    zipped,
)
from xlplugin.errors import ErrorValue, HostError
from xlplugin.workbook import Book, Inputs, lint_package, oracle_edition, values_edition
from xlplugin.workbook.formula import mentions, table_of_spellings

RICH = rich()
SPELLED = table_of_spellings(FUNCTIONS.names)


def formulas(data: bytes) -> list[str]:
    from xlplugin.workbook.xmltext import unxml

    sheets = [p.decode() for n, p in parts_of(data).items() if n.startswith("xl/worksheets/sheet")]
    return [unxml(text) for sheet in sheets for text in re.findall(r"<f[^>]*>([^<]*)</f>", sheet)]


def test_a_values_edition_shows_the_values_of_the_live_one() -> None:
    live, values = run(RICH).book, run(RICH, edition="values").book
    for sheet in live.sheets:
        assert values.values(sheet) == live.values(sheet)


def test_a_values_edition_holds_none_of_our_functions_and_keeps_the_native_formulas() -> None:
    found = formulas(run(RICH, edition="values").data)
    assert not any(mentions(formula, SPELLED) for formula in found)
    assert "SUM(Lots[Cost])" in found
    assert "SUM('計算'!$A$5:$C$8)" not in found  # A5# stands on its own sheet
    assert "SUM($A$5:$C$8)" not in found  # and was a dynamic array, frozen with the others


def test_a_native_formula_over_a_frozen_spill_reads_its_range() -> None:
    data = minimal(
        '<row r="1"><c r="A1"><f>TEST_SPILL(2,2)</f></c></row>'
        '<row r="9"><c r="A9"><f>SUM(_xlfn.ANCHORARRAY(A1))</f></c>'
        '<c r="B9"><f>SUM(_xlfn.ANCHORARRAY($C$1))</f></c></row>'
    )
    result = run(data, edition="values")
    assert formulas(result.data) == ["SUM($A$1:$B$2)", "SUM(#REF!)"]
    assert result.cells("S", "A9:B9") == [[22.0, ErrorValue.REF]]


def test_names_that_pointed_at_a_spill_point_at_its_range() -> None:
    book = parts_of(run(RICH, edition="values").data)["xl/workbook.xml"].decode()
    assert "'計算'!$A$5:$C$8" in book
    assert "ANCHORARRAY" not in book


def test_native_dynamic_arrays_can_stay_dynamic() -> None:
    data = simple({"A1": "{=SORT({3;1;2})", "C1": "{=TEST_SPILL(2,1)"})
    assert formulas(run(data, edition="values").data) == []
    kept = run(data, edition="values", freeze_dynamic=False)
    assert formulas(kept.data) == ["_xlfn._xlws.SORT({3;1;2})"]
    assert kept.cells("S", "A1:A3") == [[1.0], [2.0], [3.0]]


def test_the_hidden_list_names_every_frozen_formula_with_a_hash() -> None:
    data = run(RICH, edition="values").data
    book = Book(data)
    assert book.sheets[-1] == "_formulas"
    rows = book.block("_formulas", (1, 1, 4, 5))
    assert rows[0] == ["sheet", "cell", "range", "formula", "result hash"]
    assert ["計算", "A5", "A5:C8", "TEST_SPILL(4,3)"] in [row[:4] for row in rows]
    assert all(re.fullmatch("[0-9a-f]{16}", str(row[4])) for row in rows[1:])
    assert 'name="_formulas"' in parts_of(data)["xl/workbook.xml"].decode()
    assert 'state="veryHidden"' in parts_of(data)["xl/workbook.xml"].decode().partition("_formulas")[2]


def test_a_values_edition_of_a_macro_book_is_an_xlsx_without_macros() -> None:
    parts = parts_of(run(rich(macros=True), edition="values").data)
    assert not any("vba" in name.lower() for name in parts)
    assert b"macroEnabled" not in parts["[Content_Types].xml"]
    assert b"vbaProject" not in parts["xl/_rels/workbook.xml.rels"]
    assert lint_package(run(rich(macros=True), edition="values").data) == []


def test_what_cannot_be_calculated_is_frozen_at_its_stored_value() -> None:
    data = minimal(
        '<row r="1"><c r="A1" t="str"><f>WEBSERVICE("x")</f><v>old &amp; gone</v></c>'
        '<c r="B1"><f>A1&amp;"!"</f></c></row>'
    )
    result = run(data, lenient=True, edition="values")
    assert formulas(result.data) == ['A1&"!"']
    assert result.cells("S", "A1:B1") == [["old & gone", "old & gone!"]]
    live = run(data, lenient=True)
    assert b'<f>WEBSERVICE("x")</f><v>old &amp; gone</v>' in parts_of(live.data)["xl/worksheets/sheet1.xml"]


def test_two_editions_of_one_calculation_equal_two_runs() -> None:
    result = run(RICH)
    assert values_edition(result) == run(RICH, edition="values").data
    assert oracle_edition(result) == run(RICH, edition="oracle").data


def test_a_result_that_travelled_asks_for_a_new_run() -> None:
    import pickle

    with pytest.raises(HostError, match="ask run"):
        values_edition(pickle.loads(pickle.dumps(run(RICH))))


def test_a_values_edition_computed_once_more_is_the_same() -> None:
    data = run(RICH, edition="values").data
    assert run(data).data == run(run(data).data).data
    again = run(data).book
    for sheet in again.sheets:
        assert again.values(sheet) == Book(data).values(sheet)


# -- oracle ----------------------------------------------------------------------------------------


def test_an_oracle_edition_holds_no_value_under_a_formula() -> None:
    data = run(RICH, edition="oracle").data
    for name, part in parts_of(data).items():
        if name.startswith("xl/worksheets/sheet"):
            for cell in re.findall(r"<c\b.*?(?:/>|</c>)", part.decode()):
                assert not ("<f" in cell and "<v" in cell), cell
    values = Book(data).values("計算")
    assert not any((row, column) in values for row in range(5, 9) for column in range(1, 4))


def test_an_oracle_edition_is_written_as_libreoffice_reads_it() -> None:
    data = simple({"A1": "{=TEST_SPILL(2,2)", "E1": "=SUM(A1#)", "F1": "=@A1:A2", "G1": "=SUM(Z1#)"})
    found = formulas(run(data, edition="oracle", flavour="addin").data)
    assert "ORG.XLPLUGIN.ADDIN.TESTSPILL(2,2)" in found
    assert "SUM($A$1:$B$2)" in found
    assert "(A1:A2)" in found
    assert "SUM(#REF!)" in found


# -- flavours --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flavour", "stored"),
    [("vba", "TEST_SUM("), ("officejs", "_xldudf_DI_TEST_SUM("), ("xll", "_xll.TEST_SUM(")],
)
def test_each_host_gets_its_spelling_and_any_spelling_is_read(flavour: str, stored: str) -> None:
    data = run(RICH, flavour=flavour).data
    ours = [f for f in formulas(data) if mentions(f, SPELLED)]
    assert ours
    assert any(f.startswith(stored) for f in ours)
    assert run(data, flavour="vba").data == run(RICH).data
    assert lint_package(data, functions=FUNCTIONS.names, flavour=flavour) == []


# -- settings and properties -----------------------------------------------------------------------


def test_nothing_asks_excel_to_recalculate_on_load() -> None:
    parts = parts_of(RICH)
    book = parts["xl/workbook.xml"].replace(b"<calcPr", b'<calcPr forceFullCalc="1" iterateCount="7"')
    xml = parts_of(run(zipped({**parts, "xl/workbook.xml": book})).data)["xl/workbook.xml"].decode()
    assert re.findall(r"<calcPr ([^>]*)/>", xml) == ['iterateCount="7" calcId="191029"']


def test_settings_are_added_where_there_are_none_at_their_place() -> None:
    book = '<definedNames><definedName name="k">1</definedName></definedNames><extLst/>'
    xml = parts_of(run(minimal('<row r="1"><c r="A1"><f>k</f></c></row>', book=book)).data)[
        "xl/workbook.xml"
    ].decode()
    assert re.sub(r"<(\w+)[^>]*>", r"<\1>", xml).index("<calcPr>") > xml.index("</definedNames>") - 200
    assert re.search(r'</definedNames><calcPr calcId="191029"/><extLst/>', xml)


CHAIN = f'<calcChain xmlns="{MAIN}"><c r="A1" i="1"/></calcChain>'


def test_the_calculation_chain_goes_with_its_relation_and_type() -> None:
    parts = parts_of(simple({"A1": "=1+1"}))
    parts["xl/calcChain.xml"] = CHAIN.encode()
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>",
        f'<Relationship Id="rId99" Type="{REL}/calcChain" Target="calcChain.xml"/></Relationships>'.encode(),
    )
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>",
        b'<Override PartName="/xl/calcChain.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'spreadsheetml.calcChain+xml"/></Types>',
    )
    after = parts_of(run(zipped(parts)).data)
    assert not any(b"calcChain" in part for part in after.values())
    assert "xl/calcChain.xml" not in after


def test_times_in_the_properties_are_the_day_of_the_figures() -> None:
    result = compiled(RICH).run(as_of=DAY, properties={"title": "Proposal <C0001>", "keywords": "損出し"})
    core = parts_of(result.data)["docProps/core.xml"].decode()
    assert set(re.findall(r"<dcterms:\w+ [^>]*>([^<]*)<", core)) == {"2026-11-20T00:00:00Z"}
    assert "<dc:title>Proposal &lt;C0001&gt;</dc:title>" in core
    assert "<cp:keywords>損出し</cp:keywords>" in core
    assert "<dc:creator>A firm</dc:creator>" in core


def test_today_is_the_day_that_was_given() -> None:
    data = simple({"A1": "=TODAY()", "A2": "=YEAR(NOW())"})
    assert run(data).cells("S", "A1:A2") == [[46346.0], [2026.0]]


# -- readers ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning:openpyxl")
@pytest.mark.parametrize("edition", ["live", "values"])
def test_other_readers_see_the_same_values(edition: str) -> None:
    result = run(RICH, edition=edition)
    book = openpyxl.load_workbook(BytesIO(result.data), data_only=True)
    fast = python_calamine.CalamineWorkbook.from_filelike(BytesIO(result.data))
    for name in ("ロット", "計算", "Summary & 'more' pages"):
        rows = fast.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for (row, column), value in result.book.values(name).items():
            shown = book[name].cell(row, column).value
            if isinstance(value, float) and not hasattr(shown, "year"):
                assert shown == pytest.approx(value)
                assert rows[row - 1][column - 1] == pytest.approx(value)
            elif isinstance(value, str):
                assert (shown or "") == value
                assert rows[row - 1][column - 1] == value


def test_an_edition_computed_for_a_client_holds_the_inputs_of_that_client() -> None:
    records = [{"銘柄": "9984", "Cost": 1000}]
    result = compiled(RICH).run(Inputs(tables={"Lots": records}), as_of=DAY, edition="values")
    assert result.cells("計算", "A1") == [[1000.0]]
    assert result.cells("ロット", "A2:D3") == [["9984", 1000.0, None, 2000.0], ["計", 1000.0, None, None]]


def test_an_empty_text_of_a_table_formula_stands_alone_in_a_values_edition() -> None:
    data = simple(
        {
            "A2": "a", "B2": 5, "A3": "b", "B3": 7,
            "D1": '=IF(INDEX(Lots[Cost],1)>6,"much","")',
            "D2": '=IF(INDEX(Lots[Cost],2)>6,"much","")',
            "D3": '=IF(B2>6,"much","")',
            "F1": "{=TEST_SPILL(2,1)",
            "G1": '=IF(INDEX(Lots[Cost],1)>6,"much","")',
        },
        tables={"A1:B3": {"columns": [{"header": "Code"}, {"header": "Cost"}], "name": "Lots"}},
    )  # fmt: skip
    result = run(data, edition="values")
    sheet = parts_of(result.data)["xl/worksheets/sheet1.xml"].decode()
    assert result.cells("S", "D1:D3") == [[""], ["much"], [""]]
    assert '<c r="D1" t="str"><v></v></c>' in sheet
    assert '<c r="G1" t="str"><v></v></c>' in sheet  # beside a result: written cell by cell
    assert 'INDEX(Lots[Cost],2)&gt;6,"much","")</f><v>much</v>' in sheet
    assert '<f>IF(B2&gt;6,"much","")</f><v></v>' in sheet
    assert "Lots[Cost],1" in parts_of(run(data).data)["xl/worksheets/sheet1.xml"].decode()
