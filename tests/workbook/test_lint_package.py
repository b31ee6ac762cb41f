"""A sound package broken in one place: exactly that defect is found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.workbook.books import FUNCTIONS, changed, parts_of, rich, run, zipped
from tests.workbook.test_tokens import FORMULAS
from xlplugin.workbook import lint_package
from xlplugin.workbook.formula import file_form
from xlplugin.workbook.lint_syntax import syntax_fault, typed_operator

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = run(rich()).data
LOTS, CALC, VIEW = (f"xl/worksheets/sheet{n}.xml" for n in (1, 2, 3))
BOOK = "xl/workbook.xml"


def edit(part: str, pattern: str, new: str) -> Callable[[], bytes]:
    return lambda: changed(GOOD, part, lambda text: re.sub(pattern, lambda _: new, text, count=1, flags=re.S))


def adding(part: str, old: str, new: str) -> Callable[[], bytes]:
    return lambda: changed(GOOD, part, lambda text: text.replace(old, new, 1))


CHAIN = b'<calcChain xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def chained() -> bytes:
    parts = parts_of(GOOD)
    relation = f'<Relationship Id="rId77" Type="{OFFICE}/calcChain" Target="calcChain.xml"/></Relationships>'
    rels = parts["xl/_rels/workbook.xml.rels"].replace(b"</Relationships>", relation.encode())
    return zipped({**parts, "xl/calcChain.xml": CHAIN, "xl/_rels/workbook.xml.rels": rels})


DEFECTS: dict[str, list[Callable[[], bytes]]] = {
    "P01": [edit(CALC, r'(<c r="A2"[^>]*>.*?</c>)', '<c r="A2"><v>1</v></c><c r="A2"><v>1</v></c>')],
    "P02": [
        edit(CALC, r'<c r="B5"', '<c r="B99"'),
        edit(CALC, r'<row r="3"', '<row r="1"'),
        edit(LOTS, r'<c r="B3"', '<c r="E3"'),
    ],
    "P03": [edit(CALC, r'<c r="A1"([^>]*)>.*?</c>', '<c r="A1" t="e"><v>#CALC!</v></c>')],
    "P04": [
        edit(CALC, r"<v>257.5</v>", "<v>a number</v>"),
        edit(LOTS, r'<c r="A3" t="s"><v>\d+</v>', '<c r="A3" t="s"><v>9999</v>'),
        edit(CALC, r"<v>257.5</v>", "<v>1,5</v>"),
    ],
    "P05": [
        edit(CALC, r'ref="A5:C8"', 'ref="A6:C8"'),
        edit(LOTS, r'<c r="B2"', '<c cm="1" r="B2"'),
        edit(CALC, r' ref="A5:C8"', ""),
    ],
    "P06": [
        adding(CALC, '<c r="F5"', '<c r="E5" cm="1"><f t="array" ref="E5:G6">1</f><v>1</v></c><c r="F5"'),
        edit(CALC, r'<c r="B6"[^>]*><v>11</v>', '<c r="B6"><f>1+1</f><v>2</v>'),
    ],
    "P07": [
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>SUM(Lots[Cost]</f>"),
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>=SUM(Lots[Cost])</f>"),
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>1+</f>"),
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>1 2</f>"),
    ],
    "P08": [
        edit(CALC, r"_xlfn\.ANCHORARRAY\(A5\)", "A5#"),
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>SUM(@Lots[Cost])</f>"),
        edit(CALC, r"<f>SUM\(Lots\[Cost\]\)</f>", "<f>SUM(Lots[@Cost])</f>"),
    ],
    "P09": [edit("xl/tables/table1.xml", r'name="Date"', 'name="Day"')],
    "P10": [edit("xl/tables/table1.xml", r'name="Date"', 'name="Cost"')],
    "P11": [
        adding(BOOK, "</definedNames>", '<definedName name="gone">Gone!$A$1</definedName></definedNames>'),
        adding(BOOK, "</definedNames>", '<definedName name="RATE">1</definedName></definedNames>'),
    ],
    "P12": [edit("xl/charts/chart1.xml", r"<c:f>ロット!\$B", "<c:f>Gone!$B")],
    "P13": [edit(LOTS, r'<formula1>"ja,en"</formula1>', f'<formula1>"{"x" * 256}"</formula1>')],
    "P14": [edit(CALC, r'<c r="F8"[^>]*>.*?</c>', f'<c r="F8" t="str"><v>{"x" * 32768}</v></c>')],
    "P16": [
        edit(BOOK, r'calcId="191029"', 'calcId="124519"'),
        edit(BOOK, r'calcId="191029"', 'calcId="191029" fullCalcOnLoad="1"'),
        edit(BOOK, r' calcId="191029"', ""),
    ],
    "P17": [chained],
    "P18": [edit(CALC, r'<c r="A1" s="\d+"', '<c r="A1" s="999"')],
    "P19": [
        adding(VIEW, '<mergeCell ref="A1:D1"/>', '<mergeCell ref="A1:D1"/><mergeCell ref="D1:E2"/>'),
        adding(
            CALC, "</sheetData>", '</sheetData><mergeCells count="1"><mergeCell ref="B6:C6"/></mergeCells>'
        ),
    ],
    "P20": [edit(CALC, r"TEST_SUM\(", "_xldudf_DI_TEST_SUM(")],
}
BROKEN = [(rule, n, make) for rule, makers in DEFECTS.items() for n, make in enumerate(makers)]


@pytest.mark.parametrize(("rule", "make"), [pytest.param(r, m, id=f"{r}-{n}") for r, n, m in BROKEN])
def test_a_package_broken_in_one_place_gets_exactly_that_finding(
    rule: str, make: Callable[[], bytes]
) -> None:
    found = lint_package(make(), functions=FUNCTIONS.names)
    expected = {rule}
    if rule == "P10":
        expected.add("P09")  # two columns of one name: one of the headers must differ
    assert {finding.rule for finding in found} == expected, [str(f) for f in found]
    assert all(finding.message() and finding.message("ja") for finding in found)


def test_a_sound_package_gets_no_finding() -> None:
    assert lint_package(GOOD, functions=FUNCTIONS.names) == []


SOUND = """SUM(A1:B2) | -A1%+2^-3 | "a""b"&'x y'!A1 | {1,2;-3,4} | IF(A1,,2) | Lots[[#This Row],[a]] | T()
[1]S!A1*2 | SUM(A1:A2 B1:B2) | _xlfn.LAMBDA(_xlpm.x,_xlpm.x)(2) | A1:INDEX(B1:B9,2) | (A1,B1) | #REF!+1
S!name | -{1} | 1E+5""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("formula", SOUND)
def test_sound_formulas_can_be_read(formula: str) -> None:
    assert syntax_fault(formula) is None


@pytest.mark.parametrize(
    "formula",
    [
        "SUM(A1",
        "A1)",
        "1+",
        "*2",
        "A1 2",
        '"a',
        "SUM(1;2)",
        "{1,2",
        "A1{1}",
        "%",
        "",
        "=1",
        "Lots[a",
        "'x'",
        "5(1)",
        "A1 B1 +",
    ],
)
def test_formulas_that_excel_refuses_are_named(formula: str) -> None:
    assert syntax_fault(formula) is not None


@given(FORMULAS)
@settings(deadline=None)
def test_the_stored_form_never_holds_a_typed_operator_where_the_formula_is_sound(formula: str) -> None:
    stored = file_form(formula)
    if syntax_fault(stored) is None:
        assert typed_operator(stored) is None
