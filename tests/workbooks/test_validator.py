"""Nothing is found by the Open XML validator and by our package lint, in whatever workbook we write."""

import re

import pytest
import xlsxwriter

from tests.workbook.books import changed
from tests.workbooks.finished import TEMPLATES
from tests.workbooks.validator import findings
from xlplugin.workbook import lint_package
from xlplugin.worksheet.registry import load

SHEET = "xl/worksheets/sheet1.xml"


def found(check, books):
    """What a check finds in each of several books."""
    return [f"{name}: {finding}" for name, path in books.items() for finding in check(path)]


def test_nothing_is_found_in_year_ends_and_a_summary(small):
    assert found(findings, small) == []
    assert found(lint_package, small) == []


@pytest.mark.slow
def test_nothing_is_found_in_the_templates():
    assert len(TEMPLATES) >= 9
    assert found(findings, TEMPLATES) == []
    assert found(lint_package, TEMPLATES) == []


@pytest.mark.slow
def test_nothing_is_found_in_proposals_and_every_edition_of_an_advisers_book(whole):
    assert len(whole) == 15
    assert found(findings, whole) == []
    functions = {function.name for function in load()}
    for name, path in whole.items():
        flavour = name.split()[0]
        spelled = flavour if flavour in ("addin", "officejs") else "vba"
        assert lint_package(path, functions=functions, flavour=spelled) == [], name


@pytest.mark.parametrize(
    ("part", "old", "new", "found"),
    [
        (SHEET, "(<sheetData>.*</sheetData>)(.*)(</worksheet>)", r"\2\1\3", "Sch_UnexpectedElement"),
        (SHEET, r'<c r="(\w+)" s="\d+"', r'<c r="\1" s="99999"', "Sem_"),
        (SHEET, r'<c r="(\w+)" s="\d+"', r'<c r="\1" colour="1"', "Sch_UndeclaredAttribute"),
        ("xl/workbook.xml", "<sheet ", '<sheet state="gone" ', "Sch_AttributeValueDataType"),
    ],
)
def test_the_validator_finds_a_defect_in_a_sound_workbook(part, old, new, found, small, tmp_path):
    told = findings(broken(small["year end jp"], tmp_path, part, old, new))
    assert [text for text in told if text.startswith(found) and part in text], told


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    """A book whose chart leaves a gap for #N/A, as ours do."""
    path = tmp_path_factory.mktemp("chart") / "chart.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_column("A1", [1, 2, 3])
        line = book.add_chart({"type": "line"})
        line.add_series({"values": "=Sheet1!$A$1:$A$3"})
        line.show_na_as_empty_cell()
        sheet.insert_chart("C1", line)
    return path


@pytest.mark.slow
def test_the_false_alarm_of_the_validator_about_gaps_in_charts_is_left_out(chart):
    assert findings(chart) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('dispNaAsBlank val="1"', 'dispNaAsBlank val="7"'),
        ('<c:ext uri="{56B9', '<c:ext other="1" uri="{56B9'),
        ("<c:plotArea>", "<c:plotArea><c:unknown/>"),
    ],
)
def test_no_other_finding_in_a_chart_is_left_out(old, new, chart, tmp_path):
    assert findings(broken(chart, tmp_path, "xl/charts/chart1.xml", old, new)) != []


def broken(book, folder, part, old, new):
    """A copy with the first match of `old` in one part replaced."""
    path = folder / "broken.xlsx"
    edit = re.compile(old, re.S)
    path.write_bytes(changed(book.read_bytes(), part, lambda text: edit.sub(new, text, count=1)))
    return path
