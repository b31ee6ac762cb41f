"""The macro workbook: read back by others, and its VBA executed by a real LibreOffice."""

import datetime as dt
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from lxml import etree

from tests.golden.compare import as_block, assert_vector, cell_value, with_keys
from tests.hosts.calls import CALLS, Dates, with_dates, write_call
from tests.hosts.office import Office, require_libreoffice
from xlplugin.errors import ErrorValue, HostError
from xlplugin.hosts.commands import COMMANDS, GROUPS
from xlplugin.hosts.excel import vba, xlsm
from xlplugin.hosts.excel.vba_project import Module, class_module
from xlplugin.hosts.libreoffice.install import package_folders
from xlplugin.workbook.package import Package
from xlplugin.workbook.tokens import address
from xlplugin.worksheet.reference import signature
from xlplugin.worksheet.registry import load

STAND_IN = Module(
    "xlwings",
    "standard",
    """Public Bridge As Object
Sub SetBridge(o)
    Set Bridge = o
End Sub
Function XLPy() As Object
    Dim server As PyServer
    Set server = New PyServer
    Set XLPy = server
End Function
""",
)
SERVER = class_module(
    "PyServer",
    """VERSION 1.0 CLASS
BEGIN
  MultiUse = -1
END
Attribute VB_Name = "PyServer"
Attribute VB_Exposed = False
Public Function CallUDF(m, f, a, Optional wb, Optional caller)
    Dim r, o(), i, j
    r = Bridge.callFunction(f, a)
    If IsArray(r) Then
        ReDim o(0 To UBound(r), 0 To UBound(r(0)))
        For i = 0 To UBound(r)
            For j = 0 To UBound(r(0))
                o(i, j) = r(i)(j)
            Next j
        Next i
        CallUDF = o
    Else
        CallUDF = r
    End If
End Function
""",
)


def plain_book():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)})
    sheet = book.add_worksheet("計算")
    sheet.write_column("A1", [3000, 1500, 500])
    sheet.write_column("B1", [10, 20, 30])
    sheet.write_dynamic_array_formula("D1:D3", '=INDEX_WEIGHTS("CAP",A1:A3,B1:B3)', None, 0)
    sheet.write_formula("F1", "=COST_HEDGE(0.005,0.05,0.5)")
    sheet.write_formula("F2", '=INDEX_WEIGHTS("CAP",A1:A3,B1:B2)')
    sheet.write_formula("F3", "=COST_HEDGE(0.005,0.05)")  # LibreOffice gives 0 for one left out in the middle
    sheet.write_datetime("H1", dt.date(2026, 11, 20), book.add_format({"num_format": "yyyy-mm-dd"}))
    book.define_name("in_as_of", "='計算'!$H$1")
    book.add_worksheet("Other").set_tab_color("red")
    book.close()
    return out.getvalue()


def macro_book(language="en", modules=None):
    return xlsm.macro_workbook(plain_book(), list(load()), COMMANDS, language=language, modules=modules)


def test_equal_inputs_give_equal_bytes():
    assert macro_book() == macro_book()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_book_holds_categories_argument_help_and_settings_as_excel_stores_them(language):
    with zipfile.ZipFile(io.BytesIO(macro_book(language))) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                etree.fromstring(archive.read(name))
        main = archive.read("xl/workbook.xml").decode()
        settings = archive.read("xl/worksheets/xlwings_conf.xml").decode()
    order = [main.index(tag) for tag in ("<workbookPr", "<sheets>", "<functionGroups", "<calcPr", "<extLst>")]
    assert order == sorted(order)
    for category in xlsm.categories(load()):
        assert f'<functionGroup name="{category}"/>' in main
    for function in load():
        for argument in function.arguments:
            assert argument.help.text(language).split("&")[0].split("<")[0].split(">")[0] in main
    assert "ADD_WORKBOOK_TO_PYTHONPATH" in settings


def test_every_sheet_carries_the_code_name_of_its_module():
    package = Package.open(macro_book())
    names = [
        package.xml(sheet.part).find("{*}sheetPr").get("codeName")
        for sheet in package.sheets
        if sheet.is_worksheet
    ]
    assert names == ["Sheet1", "Sheet2", "Sheet3", "Sheet4", "Sheet5"]
    assert package.xml(package.sheets[1].part).find("{*}sheetPr/{*}tabColor") is not None


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_command_has_a_button_that_the_callback_runs_by_its_name(language):
    with zipfile.ZipFile(io.BytesIO(macro_book(language))) as archive:
        ribbon = etree.fromstring(archive.read("customUI/customUI14.xml"))
        assert b"customUI/customUI14.xml" in archive.read("_rels/.rels")
    buttons = [(b.get("tag"), b.get("label")) for b in ribbon.iterfind(".//{*}group/{*}button")]
    assert buttons == [(command.name, command.label(language)) for command in COMMANDS]
    assert [g.get("label") for g in ribbon.iter("{*}group")] == [
        pair[0 if language == "ja" else 1] for pair in GROUPS.values()
    ]
    of_a_cell = [b.get("tag") for b in ribbon.iterfind(".//{*}contextMenu/{*}button")]
    assert of_a_cell == ["Xlplugin_Explain"]
    assert {b.get("onAction") for b in ribbon.iter("{*}button")} == {vba.RIBBON_CALLBACK}
    names = [b.get("id") for b in ribbon.iter("{*}button")]
    assert len(set(names)) == len(names)


def test_other_programs_read_the_book_and_its_cells():
    book = openpyxl.load_workbook(io.BytesIO(macro_book()), keep_vba=True)
    assert book.sheetnames == ["計算", "Other", "xlwings.conf", "_IntelliSense_", "Functions"]
    assert [book[name].sheet_state for name in book.sheetnames[2:]] == ["hidden", "veryHidden", "visible"]
    assert book["計算"]["F1"].value == "=COST_HEDGE(0.005,0.05,0.5)"
    assert book["xlwings.conf"]["A1"].value == "INTERPRETER_WIN"


@pytest.mark.parametrize(("language", "title"), [("en", "Functions"), ("ja", "関数一覧")])
def test_help_while_typing_and_the_reference_are_sheets_in_the_language_of_the_book(language, title):
    book = openpyxl.load_workbook(io.BytesIO(macro_book(language)), keep_vba=True)
    rows = list(book["_IntelliSense_"].iter_rows(values_only=True))
    assert rows[0][:2] == ("FunctionInfo", "1.0")
    shown = {row[0]: [text for text in row[3:] if text is not None] for row in rows[1:]}
    assert shown == {
        f.name: [text for a in f.arguments for text in (a.name, a.help.text(language))] for f in load()
    }
    listed = [row[1] for row in book[title].iter_rows(min_row=2, values_only=True) if row[0] is not None]
    assert listed == [signature(f) for f in load()]


def test_the_runtime_of_the_installed_xlwings_is_inside():
    runtime, dictionary, version = xlsm.xlwings_runtime()
    assert f"'Version: {version}" in runtime
    assert "BSD 3-clause" in runtime  # its copyright text travels with it
    assert "Attribute VB_Name" in dictionary


def test_a_book_that_has_macros_already_is_refused():
    with pytest.raises(HostError, match=r"not a plain \.xlsx"):
        xlsm.macro_workbook(macro_book(), list(load()), [], language="en")


def test_without_xlwings_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(xlsm, "find_spec", lambda name: None)
    with pytest.raises(HostError, match=r"xlwings is not installed; run"):
        xlsm.xlwings_runtime()


def run_in_libreoffice(office: Office, book: bytes, wanted: list[list[str]]) -> dict:
    """The cells wanted after LibreOffice has run the VBA of a book, and the names of its modules."""
    path = office.folder / "book.xlsm"
    path.write_bytes(book)
    asked = office.folder / "wanted.json"
    asked.write_text(json.dumps(wanted), encoding="utf-8")
    for file in (path, asked):
        file.chmod(0o644)
    pipe = f"xlplugin{os.getpid()}"
    command = [
        *office.run_as,
        "soffice",
        "--headless",
        "--norestore",
        "--nologo",
        f"--accept=pipe,name={pipe};urp;",
        f"-env:UserInstallation={office.profile.as_uri()}",
    ]
    own_data = f"XLPLUGIN_DATA={office.folder}"
    packages = f"PYTHONPATH={os.pathsep.join(package_folders())}"
    asking = ["/usr/bin/python3", str(Path(__file__).with_name("uno_vba.py")), str(path), pipe, str(asked)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            done = subprocess.run(
                [*office.run_as, "env", packages, own_data, *asking],
                capture_output=True,
                text=True,
                timeout=400,
                check=False,
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr[-1500:]
    return json.loads(done.stdout)


@pytest.mark.libreoffice
def test_libreoffice_runs_the_wrappers_and_gives_the_numbers_of_the_functions(tmp_path_factory):
    require_libreoffice()
    wanted = [["計算", cell] for cell in ("D1", "D2", "D3", "F1", "F2", "F3")]
    book = macro_book(modules=[STAND_IN, SERVER])
    shown = run_in_libreoffice(Office(tmp_path_factory.mktemp("vba")), book, wanted)
    cells = [block[0][0] for block in shown["cells"]]
    # Capitalisations 30,000, 30,000 and 15,000: weights by hand.
    assert cells[:3] == pytest.approx([0.4, 0.4, 0.2])
    assert cells[3] == pytest.approx(0.0225)  # (5 % - 0.5 %) x 50 %
    assert cells[4] == "Error 2015"  # LibreOffice's way to show CVErr(#VALUE!)
    assert cells[5] == pytest.approx(0.045)  # ratio and basis left out: 1 and 0
    assert {vba.MODULE, vba.COMMANDS_MODULE, "ThisWorkbook", "Sheet1"} <= set(shown["modules"])


@pytest.fixture(scope="module")
def vba_answers(tmp_path_factory):
    """Every worked example, called by the VBA text in one macro book."""
    require_libreoffice()
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    dates = Dates(book)
    sizes = {vector["id"]: write_call(book, dates, vector, str) for vector in CALLS}
    book.close()
    macros = xlsm.macro_workbook(
        out.getvalue(), list(load()), COMMANDS, language="en", modules=[STAND_IN, SERVER]
    )
    wanted = [[name[:31], f"A1:{address(*size)}"] for name, size in sizes.items()]
    shown = run_in_libreoffice(Office(tmp_path_factory.mktemp("vba")), macros, wanted)
    return dict(zip(sizes, shown["cells"], strict=True))


BESIDE_THE_RESULT = 32767
VBA_ERRORS = {
    f"Error {number}": error
    for number, error in zip(
        (2000, 2007, 2015, 2023, 2029, 2036, 2042),
        (*map(ErrorValue, ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")),),
        strict=True,
    )
}


def as_excel(cell):
    """A cell as Excel shows it: LibreOffice writes CVErr as a text, and #N/A beside a smaller result."""
    if isinstance(cell, dict):
        return ErrorValue.NA if cell["error"] == BESIDE_THE_RESULT else cell
    return VBA_ERRORS.get(cell, cell)


@pytest.mark.slow
@pytest.mark.libreoffice
@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_the_vba_text_gives_the_same_answer(vector, vba_answers):
    function = load()[vector["function"]]
    got = [[as_excel(cell) for cell in row] for row in vba_answers[vector["id"]]]
    expected = as_block(cell_value(vector["expected"]))
    assert_vector(vector, function, with_dates(with_keys(function, got), expected))
