"""One template per rule that triggers exactly that rule, and one that triggers none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.workbook.books import (
    DAY,
    FUNCTIONS,
    StubFunctions,
    changed,
    minimal,
    parts_of,
    put,
    rich,
    simple,
    written,
    zipped,
)
from xlplugin.workbook import Finding, LintOptions, lint_template

if TYPE_CHECKING:
    from collections.abc import Callable

STATIC, VALUES = LintOptions(), LintOptions(as_of=DAY)
TABLE = {"A1:B4": {"name": "Lots", "columns": [{"header": "Code"}, {"header": "Cost"}]}}


def one(formula: str, **more: Any) -> bytes:
    return simple({"D1": formula, **more.pop("cells", {})}, **more)


def stored(text: str, attributes: str = "") -> bytes:
    return minimal(f'<row r="1"><c r="D1"><f{attributes}>{text}</f><v>0</v></c></row>')


def with_part(part: str, old: str, new: str, data: bytes) -> bytes:
    return changed(data, part, lambda text: text.replace(old, new, 1))


def hidden_rows() -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        put(sheet, "A1", 1)
        sheet.set_row(1, None, None, {"hidden": True})
        put(sheet, "D1", "=SUBTOTAL(109,A1:A3)")

    return written(fill)


def merged() -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        put(sheet, "A1", "{=TEST_SPILL(3,3)")
        sheet.merge_range("B3:C3", "")

    return written(fill)


def charted() -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        put(sheet, "A1", "{=TEST_SPILL(9,2)")
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=S!$A$1:$A$5"})
        sheet.insert_chart("H1", chart)

    return written(fill)


def formatted() -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        sheet.conditional_format("A1:A3", {"type": "formula", "criteria": "=TEST_SUM(A1)>0"})

    return written(fill)


PIVOT = (
    '<pivotCacheDefinition xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cacheSource '
    'type="worksheet"><worksheetSource ref="D1:D2" sheet="S"/></cacheSource></pivotCacheDefinition>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def pivoted() -> bytes:
    parts = parts_of(one("=1+1"))
    parts["xl/pivotCache/pivotCacheDefinition1.xml"] = PIVOT.encode()
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>",
        f'<Relationship Id="rId50" Type="{OFFICE}/pivotCacheDefinition" '
        'Target="pivotCache/pivotCacheDefinition1.xml"/></Relationships>'.encode(),
    )
    return zipped(parts)


@dataclass(frozen=True)
class Odd(StubFunctions):
    @property
    def names(self) -> frozenset[str]:
        return frozenset({"TE1"})


@dataclass(frozen=True)
class Case:
    make: Callable[[], bytes]
    sentence: str
    level: str = "error"
    options: LintOptions = STATIC
    functions: StubFunctions = FUNCTIONS


CALC_MODE = '<calcPr calcId="124519" fullCalcOnLoad="1"'
BY_HAND = partial(with_part, "xl/workbook.xml", CALC_MODE, '<calcPr calcMode="manual"', one("=1+1"))
CLIENT, BOUND = LintOptions(client_sheets=("S",)), LintOptions(bound_tables=("Lots",))
ERROR_BESIDE = partial(one, "=TEST_SUM(A1:A3)", cells={"A2": "=1/0"})
TODAY_UPSTREAM = partial(one, "=TEST_SUM(B1)", cells={"B1": "=C1+1", "C1": "=TODAY()"})
LONG = partial(one, "=" + "+".join(["A1"] * 3000))


CASES: dict[str, Case] = {
    "T01": Case(
        partial(one, '=WEBSERVICE("x")'), "WEBSERVICE cannot be calculated without Excel. Use an input table."
    ),
    "T02": Case(partial(one, "=HARVST(A1)"), "S!D1: unknown function HARVST"),
    "T03": Case(partial(one, "=TEST_SUM(A:A)"), "pass a table or a bounded range to TEST_SUM, not A:A"),
    "T04": Case(TODAY_UPSTREAM, "S!C1: TODAY is volatile and feeds S!D1", "warning"),
    "T05": Case(partial(stored, "[1]Sheet1!$A$1"), "S!D1: link to another workbook ([1])"),
    "T06": Case(partial(stored, "TRANSPOSE(E1:G1)"), "S!D1: this formula returns 3×1 cells", options=VALUES),
    "T07": Case(ERROR_BESIDE, "argument 1 of TEST_SUM contains #DIV/0! at S!A2", "warning", VALUES),
    "T08": Case(
        partial(one, "{=TEST_SPILL(3,3)", cells={"E2": 1}), "needs D1:F3 but E2 is in the way", options=VALUES
    ),
    "T09": Case(lambda: over_a_table(), "S!A3: a result cannot spill into the table Lots", options=VALUES),
    "T10": Case(merged, "unmerge B3:C3", options=VALUES),
    "T11": Case(partial(one, "{=TEST_SPILL(2,2)"), "client sheets read results cell by cell", options=CLIENT),
    "T12": Case(partial(one, "=SUM((1"), "S!D1: the formula cannot be calculated", options=VALUES),
    "T13": Case(partial(one, "=SUM(Lots[Price])", tables=TABLE), "Lots[Price] is not a valid table"),
    "T14": Case(partial(stored, "SUM(@A1:A3)"), "S!D1: stored form corrected", "info"),
    "T15": Case(formatted, "TEST_SUM can only be used in cells, not in a conditional format"),
    "T16": Case(partial(stored, "", ' t="dataTable" ref="D1" r1="A1"'), "data tables are not supported"),
    "T17": Case(partial(one, "=D1+1"), "Iterative calculation is not supported: S!D1", options=VALUES),
    "T18": Case(lambda: date1904(), "The workbook uses the 1904 date system", "warning"),
    "T19": Case(
        partial(stored, "TEST_SPILL(2,2)", ' t="array" ref="D1:E2"'), "a fixed array of D1:E2", "warning"
    ),
    "T20": Case(partial(one, "=SUM(S:T!B1)"), "3-D is not supported; write one reference per sheet"),
    "T21": Case(partial(one, '=TEXT(A1,"[DBNum1]0")'), "the TEXT format [DBNum1]0 is not supported"),
    "T22": Case(partial(one, '="a"&1/3'), "wrap the number in TEXT()", "warning", VALUES),
    "T23": Case(hidden_rows, "hidden rows are counted by SUBTOTAL", "warning"),
    "T24": Case(partial(stored, "__xludf.DUMMYFUNCTION(1)"), "exported from Google Sheets"),
    "T25": Case(LONG, "formula too long (8999 characters); Excel allows 8192"),
    "T26": Case(BY_HAND, "Calculation mode: manual", "warning"),
    "T27": Case(partial(one, "{=TEST_DATES()"), "S!D1:D3: dates without a date format", "warning", VALUES),
    "T28": Case(charted, "the chart chart1.xml reads 5 of 9 rows", "warning", VALUES),
    "T29": Case(pivoted, "refreshed when opened in Excel", "warning"),
    "T30": Case(partial(one, "=1+1", names={"in_rate": "S!$D$1"}), "Input in_rate: S!D1 holds a formula"),
    "T31": Case(
        partial(simple, {"A2": 1, "A9": "note"}, tables=TABLE), "cells below the table at S!A9", options=BOUND
    ),
    "T32": Case(partial(one, "{=TEST_SPILL(5000,3)"), "large result (15000 cells)", "info", VALUES),
    "T33": Case(partial(one, "=LET(tax26,1,tax26)"), "rename tax26"),
    "T34": Case(partial(one, "=1+1", names={"loop": "loop+1"}), "Name loop: loop+1 is not supported"),
    "T35": Case(partial(one, "=A1*1.1>=B1/3"), "calculated decimals are compared exactly", "warning"),
    "T36": Case(partial(one, "=1+1"), "Function TE1: not usable in Excel (it reads as", functions=Odd()),
}


def date1904() -> bytes:
    data = minimal('<row r="1"><c r="D1"><f>1+1</f></c></row>')
    return changed(
        data, "xl/workbook.xml", lambda t: t.replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    )


def over_a_table() -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet("S")
        sheet.add_table("A5:A6", {"name": "Lots", "header_row": False, "columns": [{"header": "x"}]})
        put(sheet, "A3", "{=TEST_SPILL(4,1)")

    return written(fill)


def lint(case: Case) -> list[Finding]:
    return lint_template(case.make(), case.functions, case.options)


@pytest.mark.parametrize("rule", CASES)
def test_a_template_with_one_fault_gets_exactly_that_finding(rule: str) -> None:
    case = CASES[rule]
    found = lint(case)
    assert {finding.rule for finding in found} == {rule}, [str(f) for f in found]
    assert case.sentence in found[0].message()
    assert found[0].level == case.level
    assert found[0].message("ja")
    assert found[0].message("ja") != found[0].message()


def test_every_rule_of_the_specification_has_a_case() -> None:
    assert sorted(CASES) == [f"T{n:02d}" for n in range(1, 37)]


def test_a_clean_template_gets_no_finding() -> None:
    options = LintOptions(as_of=DAY, bound_tables=("Lots",))
    assert lint_template(rich(), FUNCTIONS, options) == []


@pytest.mark.parametrize(
    ("formula", "rule"),
    [
        ("=SUM(A1:B2 B1:C2)", "T20"),
        ("=SUM((A1:A2,C1:C2))", "T20"),
        ("=AREAS(A1)", "T01"),
        ("=LAMBDA(x1,x1)(2)", "T33"),
        ("=TEST_SUM(3:4)", "T03"),
        ("=TEST_SUM(whole)", "T03"),
        ('=TEXT(A1,"[$-40C]mmmm")', "T21"),
        ("=Lots[[#This Row],Cost]", "T13"),
        ("=[Cost]", "T13"),
        ("=STOCKHISTORY(A1)", "T01"),
        ("=REDUCE(0,A1:A2,LAMBDA(a,b,a+ROW(b)))", "T01"),
    ],
)
def test_other_forms_of_a_fault_are_found_too(formula: str, rule: str) -> None:
    found = lint_template(one(formula, tables=TABLE, names={"whole": "S!$E:$E"}), FUNCTIONS)
    assert rule in {finding.rule for finding in found}


@pytest.mark.parametrize(
    "formula",
    [
        '=TEXT(A1,"#,##0.0%;[Red]-0")',
        '=TEXT(A1,"yyyy年m月d日")',
        '=TEXT(A1,"[$-411]ggge年m月d日(aaa)")',
        '=TEXT(A1,"# ?/?;[Red]0.0E+00")',
        "=IF(A1>1.5,1,0)",
        "=SUBTOTAL(9,A1:A3)",
        "=SUM(A1:A2,C1:C2)",
        '="HARVST("&A1',
        "=LET(x,1,x)",
        "=SUM( A1 : A3 )",
        '="[1]Sheet!A1"',
    ],
)
def test_sound_formulas_are_left_alone(formula: str) -> None:
    assert lint_template(one(formula), FUNCTIONS) == []


def test_what_a_client_sees_may_not_be_volatile() -> None:
    options = LintOptions(client_sheets=("S",))
    found = lint_template(one("=TODAY()"), FUNCTIONS, options)
    assert [(f.rule, f.level) for f in found] == [("T04", "error")]


def test_errors_stand_before_warnings_and_warnings_before_infos() -> None:
    data = simple({"A1": "=HARVST(1)", "B1": "=TEST_SUM(C1)", "C1": "=TODAY()", "D1": "=1+1"})
    levels = [finding.level for finding in lint_template(data, FUNCTIONS)]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)


def test_a_finding_is_a_value() -> None:
    finding = Finding("T02", "error", "S", "A1", {"function": "X"})
    assert str(replace(finding, cell="B2")) == "T02 error: S!B2: unknown function X. Correct its name."
