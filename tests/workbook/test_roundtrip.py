"""What the engine must not touch, and what must come out the same every time."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workbook.books import DAY, FUNCTIONS, compiled, parts_of, rich, run
from xlplugin.workbook import Inputs, lint_package
from xlplugin.workbook.package import Package
from xlplugin.workbook.zipped import content_digest, read_zip

BOOKS = {"xlsx": rich(), "xlsm": rich(macros=True)}
books = pytest.mark.parametrize("data", BOOKS.values(), ids=BOOKS)

MAY_CHANGE = re.compile(
    r"xl/worksheets/sheet\d+\.xml|xl/charts/chart\d+\.xml|xl/workbook\.xml|\[Content_Types\]\.xml"
    r"|xl/_rels/workbook\.xml\.rels|xl/metadata\.xml|xl/calcChain\.xml|docProps/core\.xml|xl/sharedStrings\.xml"
)
OUTSIDE = re.compile(r"<dimension[^>]*/>|<sheetData>.*</sheetData>", re.S)

MARKERS = {
    "table": b'displayName="Lots"',
    "table style": b"<tableStyleInfo",
    "totals row": b'totalsRowCount="1"',
    "calculated column": b"<calculatedColumnFormula>",
    "table filter": b"<autoFilter",
    "validation": b"<dataValidation ",
    "input message": b'promptTitle="Cost"',
    "list": b'&quot;ja,en&quot;|"ja,en"',
    "data bar": b"<dataBar",
    "newer data bar": b"x14:dataBar",
    "icon set": b"<iconSet",
    "conditional format": b"<cfRule",
    "differential format": b"<dxf>",
    "ignored errors": b"<ignoredErrors>",
    "comment": b"a note",
    "comment shape": b"<v:shape",
    "frozen panes": b"<pane ",
    "outline": b'outlineLevel="1"',
    "hidden row": b'hidden="1"',
    "defined name": "原価".encode(),
    "constant name": b">0.05<",
    "column width": b"<col ",
    "merged cells": b"<mergeCell ",
    "column chart": b"<c:barChart>",
    "line chart": b"<c:lineChart>",
    "pie chart": b"<c:pieChart>",
    "chart title": b"Costs",
    "chart sheet": b"<chartsheet",
    "picture": b"\x89PNG",
    "picture text": b'descr="logo"',
    "text box": b"a text box",
    "checkbox": b"featurePropertyBag|xfComplement",
    "sparkline": b"x14:sparkline",
    "rich text": b"<r><rPr>|<r><t",
    "link": b"https://example.org/",
    "landscape": b'orientation="landscape"',
    "paper": b'paperSize="9"',
    "fit to page": b'fitToHeight="1"|<pageSetUpPr',
    "print area": b"Print_Area",
    "repeated rows": b"Print_Titles",
    "header picture": b"legacyDrawingHF",
    "footer": b"<oddFooter>",
    "page break": b"<rowBreaks",
    "protection": b"<sheetProtection",
    "no gridlines": b'showGridLines="0"',
    "tab colour": b"<tabColor",
    "background": b"<picture ",
    "very hidden sheet": b'state="veryHidden"',
    "title": b"Rich",
    "custom property": b"client_id",
}


def has(parts: dict[str, bytes], marker: bytes) -> bool:
    return any(option in data for option in marker.split(b"|") for data in parts.values())


@books
@pytest.mark.parametrize("name", MARKERS)
def test_every_feature_of_a_template_is_in_the_computed_book(data: bytes, name: str) -> None:
    assert has(parts_of(data), MARKERS[name]), "the template of this test does not hold it"
    assert has(parts_of(run(data).data), MARKERS[name])


def test_macros_keep_their_bytes() -> None:
    before, after = parts_of(BOOKS["xlsm"]), parts_of(run(BOOKS["xlsm"]).data)
    assert after["xl/vbaProject.bin"] == before["xl/vbaProject.bin"]
    assert b"macroEnabled" in after["[Content_Types].xml"]


@books
def test_parts_that_hold_no_computed_value_keep_their_bytes(data: bytes) -> None:
    before, after = parts_of(data), parts_of(run(data).data)
    for name, content in before.items():
        if not MAY_CHANGE.fullmatch(name):
            assert after[name] == content, name


@books
def test_around_the_cells_a_sheet_keeps_its_bytes(data: bytes) -> None:
    before, after = parts_of(data), parts_of(run(data).data)
    sheets = [name for name in before if name.startswith("xl/worksheets/sheet")]
    assert sheets
    for name in sheets:
        assert OUTSIDE.sub("", after[name].decode()) == OUTSIDE.sub("", before[name].decode())


@books
def test_computing_our_own_output_again_gives_the_same_bytes(data: bytes) -> None:
    once = run(data).data
    twice = run(once).data
    assert run(twice).data == twice == once


@books
@pytest.mark.parametrize("edition", ["values", "oracle"])
def test_another_edition_of_our_own_output_is_the_same_too(data: bytes, edition: str) -> None:
    assert run(run(data).data, edition=edition).data == run(data, edition=edition).data


@books
def test_two_runs_of_one_template_give_the_same_bytes(data: bytes) -> None:
    template = compiled(data)
    first = [template.run(as_of=DAY, edition=e).data for e in ("live", "values", "oracle")]
    again = [template.run(as_of=DAY, edition=e).data for e in ("live", "values", "oracle")]
    assert first == again


def test_another_process_with_another_hash_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(BOOKS["xlsx"])
    program = (
        "import sys; from pathlib import Path; from tests.workbook.books import run; "
        "sys.stdout.buffer.write(run(Path(sys.argv[1]).read_bytes()).data)"
    )
    root = Path(__file__).resolve().parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "book.xlsx")],
            capture_output=True,
            check=True,
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] == run(BOOKS["xlsx"]).data


@books
def test_a_compiled_template_survives_pickling(data: bytes) -> None:
    template = compiled(data)
    template.run(as_of=DAY)
    sent = pickle.loads(pickle.dumps(template))
    assert sent.run(as_of=DAY).data == template.run(as_of=DAY).data
    assert sent.functions == FUNCTIONS


def test_two_clients_of_one_template_leave_no_trace_of_each_other() -> None:
    template = compiled(BOOKS["xlsx"])
    small = Inputs(tables={"Lots": [{"銘柄": "1301", "Cost": 5}]})
    large = Inputs(tables={"Lots": [{"銘柄": str(n), "Cost": n} for n in range(40)]})
    alone = {
        name: compiled(BOOKS["xlsx"]).run(inputs, as_of=DAY).data
        for name, inputs in {"small": small, "large": large}.items()
    }
    for name, inputs in (("large", large), ("small", small), ("large", large)):
        assert template.run(inputs, as_of=DAY).data == alone[name]
    assert template.run(as_of=DAY).data == run(BOOKS["xlsx"]).data


def test_setting_inputs_to_what_they_are_changes_no_value() -> None:
    first = run(BOOKS["xlsx"])
    rows = first.cells("ロット", "A2:C4")
    records = [{"銘柄": code, "Cost": cost, "Date": date} for code, cost, date in rows]
    again = compiled(first.data).run(Inputs(tables={"Lots": records}), as_of=DAY)
    for sheet in first.book.sheets:
        assert again.book.values(sheet) == first.book.values(sheet)


@books
@pytest.mark.parametrize("edition", ["live", "values"])
def test_the_package_lint_finds_nothing_in_our_output(data: bytes, edition: str) -> None:
    assert lint_package(run(data, edition=edition).data, functions=FUNCTIONS.names) == []


def test_content_is_the_same_whatever_the_compression() -> None:
    digests = {content_digest(read_zip(run(BOOKS["xlsx"], level=level).data)) for level in (1, 6, 9)}
    assert len(digests) == 1


def test_a_template_file_becomes_a_workbook() -> None:
    parts = parts_of(BOOKS["xlsx"])
    types = parts["[Content_Types].xml"].replace(b"sheet.main+xml", b"template.main+xml")
    from tests.workbook.books import zipped

    result = run(zipped({**parts, "[Content_Types].xml": types}))
    package = Package.open(result.data)
    assert package.content_type(package.main).endswith("spreadsheetml.sheet.main+xml")
