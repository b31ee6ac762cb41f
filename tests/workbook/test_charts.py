"""Chart caches hold this client's numbers, wherever a chart gets them from."""

from __future__ import annotations

import re
from io import BytesIO

import openpyxl
import openpyxl.chart

from tests.workbook.books import DAY, changed, compiled, minimal, parts_of, put, rich, run, written, zipped
from xlplugin.workbook import Inputs
from xlplugin.workbook.formats import display, is_date_format


def cache(xml: str, formula: str) -> str:
    """The reference element of a formula."""
    found = (m[0] for m in re.finditer(r"<c:(\w+Ref)>.*?</c:\1>", xml, re.S))
    return next(element for element in found if f"<c:f>{formula}</c:f>" in element)


def points(element: str) -> list[tuple[int, str]]:
    return [(int(n), text) for n, text in re.findall(r'<c:pt idx="(\d+)"><c:v>(.*?)</c:v>', element)]


def test_series_names_categories_and_values_are_filled() -> None:
    parts = parts_of(run(rich()).data)
    column = next(
        p.decode() for n, p in parts.items() if n.startswith("xl/charts/chart") and b"barChart" in p
    )
    assert points(cache(column, "ロット!$A$2:$A$4")) == [(0, "7203"), (1, "6758"), (2, "7974")]
    values = cache(column, "ロット!$B$2:$B$4")
    assert points(values) == [(0, "100.5"), (1, "7"), (2, "150")]
    assert "<c:formatCode>#,##0.00</c:formatCode>" in values
    assert points(cache(column, "'計算'!$A$1")) == [(0, "257.50")]  # a number as its cell shows it
    assert "Costs" in column


def test_categories_of_several_columns_are_levels_innermost_first() -> None:
    parts = parts_of(run(rich()).data)
    line = next(p.decode() for n, p in parts.items() if n.startswith("xl/charts/chart") and b"lineChart" in p)
    levels = cache(line, "'計算'!$A$5:$B$8")
    assert levels.startswith("<c:multiLvlStrRef>")
    first, second = re.findall(r"<c:lvl>(.*?)</c:lvl>", levels)
    assert points(first) == [(0, "1.00"), (1, "11.00"), (2, "21.00"), (3, "31.00")]
    assert points(second)[1] == (1, "10.00")
    assert points(cache(line, "'計算'!$C$5:$C$8")) == [(0, "2"), (1, "12"), (2, "22"), (3, "32")]


def library_book() -> bytes:
    """openpyxl writes no caches and declares text categories as numbers."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for row in (["a", 1], ["b", "=1/0"], [None, None], ["d", "text"], ["e", "=B1*5"]):
        sheet.append(row)
    chart = openpyxl.chart.BarChart()
    chart.add_data(openpyxl.chart.Reference(sheet, min_col=2, min_row=1, max_row=5))
    chart.set_categories(openpyxl.chart.Reference(sheet, min_col=1, min_row=1, max_row=5))
    sheet.add_chart(chart, "D1")
    memory = BytesIO()
    book.save(memory)
    return memory.getvalue()


def test_text_categories_that_a_library_called_numbers_become_texts() -> None:
    xml = parts_of(run(library_book()).data)["xl/charts/chart1.xml"].decode()
    names = re.search(r"<cat>.*?</cat>", xml, re.S)
    assert names is not None
    assert "<strRef>" in names[0]
    assert re.findall(r'<pt idx="(\d)"><v>(\w)</v>', names[0]) == [
        ("0", "a"),
        ("1", "b"),
        ("3", "d"),
        ("4", "e"),
    ]


def test_an_error_is_shown_as_not_available_and_texts_and_blanks_leave_a_gap() -> None:
    xml = parts_of(run(library_book()).data)["xl/charts/chart1.xml"].decode()
    values = re.search(r"<val>.*?</val>", xml, re.S)
    assert values is not None
    found = re.findall(r'<pt idx="(\d)"><v>(.*?)</v>', values[0])
    assert found == [("0", "1"), ("1", "#N/A"), ("4", "5")]
    assert run(run(library_book()).data).data == run(library_book()).data


def spill_chart(reference: str, names: dict[str, str]) -> bytes:
    def fill(book: object) -> None:
        sheet = book.add_worksheet("S")  # type: ignore[attr-defined]
        put(sheet, "A1", 3)
        put(sheet, "A5", "{=TEST_SPILL(A1,1)")
        book.define_name("in_rows", "=S!$A$1")  # type: ignore[attr-defined]
        for name, text in names.items():
            book.define_name(name, f"={text}")  # type: ignore[attr-defined]
        chart = book.add_chart({"type": "line"})  # type: ignore[attr-defined]
        chart.add_series({"values": "=S!$A$5:$A$7"})
        sheet.insert_chart("D1", chart)

    data = written(fill)
    return changed(data, "xl/charts/chart1.xml", lambda t: t.replace("S!$A$5:$A$7", reference))


def test_a_chart_over_a_name_of_a_spill_follows_its_size() -> None:
    template = compiled(spill_chart("S!picked", {"picked": "_xlfn.ANCHORARRAY(S!$A$5)"}))
    for rows in (2, 5):
        data = template.run(Inputs(names={"in_rows": rows}), as_of=DAY).data
        element = cache(parts_of(data)["xl/charts/chart1.xml"].decode(), "S!picked")
        assert points(element) == [(n, str(10 * n)) for n in range(rows)]


def test_a_reference_that_is_no_range_is_left_alone() -> None:
    data = spill_chart("(S!$A$5,S!$A$7)", {})
    before = cache(parts_of(data)["xl/charts/chart1.xml"].decode(), "(S!$A$5,S!$A$7)")
    after = cache(parts_of(run(data).data)["xl/charts/chart1.xml"].decode(), "(S!$A$5,S!$A$7)")
    assert after == before


NEWER = (
    '<cx:chartSpace xmlns:cx="http://schemas.microsoft.com/office/drawing/2014/chartex"><cx:chartData>'
    '<cx:data id="0"><cx:strDim type="cat"><cx:f>S!$A$1:$A$2</cx:f></cx:strDim>'
    '<cx:numDim type="val"><cx:f>S!$B$1:$B$2</cx:f><cx:lvl ptCount="1" formatCode="0.0">'
    '<cx:pt idx="0">9</cx:pt></cx:lvl>'
    "</cx:numDim></cx:data></cx:chartData></cx:chartSpace>"
)
REL = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def test_newer_chart_kinds_are_found_by_relation_and_filled() -> None:
    word = '<c r="A{}" t="inlineStr"><is><t>{}</t></is></c>'.format
    up, down = word(1, "up"), word(2, "down")
    rows = f'<row r="1">{up}<c r="B1"><f>1+1</f></c></row><row r="2">{down}<c r="B2"><f>-3</f></c></row>'
    parts = parts_of(minimal(rows))
    parts |= {
        "xl/worksheets/_rels/sheet1.xml.rels": f'<Relationships xmlns="{REL}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/drawing" Target="../drawings/drawing1.xml"/></Relationships>'.encode(),
        "xl/drawings/drawing1.xml": b"<wsDr/>",
        "xl/drawings/_rels/drawing1.xml.rels": f'<Relationships xmlns="{REL}"><Relationship Id="rId1" Type='
        '"http://schemas.microsoft.com/office/2014/relationships/chartEx" Target="../charts/odd.xml"/>'
        "</Relationships>".encode(),
        "xl/charts/odd.xml": NEWER.encode(),
    }
    xml = parts_of(run(zipped(parts)).data)["xl/charts/odd.xml"].decode()
    assert '<cx:lvl ptCount="2"><cx:pt idx="0">up</cx:pt><cx:pt idx="1">down</cx:pt></cx:lvl>' in xml
    assert (
        '<cx:lvl ptCount="2" formatCode="0.0"><cx:pt idx="0">2</cx:pt><cx:pt idx="1">-3</cx:pt></cx:lvl>'
        in xml
    )


def test_numbers_as_text_are_shown_as_in_the_cell() -> None:
    assert display(0.525, "0.00%") == "52.50%"
    assert display(-1234.5, "#,##0") == "-1,235"  # half away from zero, as Excel shows it
    assert display(46346.0, "yyyy年m月d日") == "2026年11月20日"
    assert display(46346.0 - 1462, "yyyy/mm/dd", date1904=True) == "2026/11/20"
    assert display(0.1 + 0.2, "General") == "0.3"


def test_date_formats_are_told_from_number_formats() -> None:
    dates = ["yyyy-mm-dd", "d/m", "[h]:mm", "ggge年", '"on" yyyy']
    others = ["General", "0.0%", '"day" 0', "[Red]#,##0", "@", "\\d0"]
    assert [is_date_format(code) for code in dates + others] == [True] * 5 + [False] * 6
