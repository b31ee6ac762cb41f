"""One decorated function dropped into the folder of functions is offered everywhere, with no other edit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from tests.hosts.office import Office, require_libreoffice

REPOSITORY = Path(__file__).resolve().parents[2]
DROPPED = '''
"""A function of the firm."""

from typing import Annotated

from xlplugin.worksheet.kinds import Help, Numbers
from xlplugin.worksheet.registry import worksheet_function


@worksheet_function("FIRM_FEE", category="Firm", ja="自社手数料", source="the firm's price list")
def firm_fee(
    amount: Annotated[Numbers, Help("Money under management", "運用資産")],
) -> object:
    """The firm's fee: one half of one per cent a year."""
    return amount * 0.005
'''
ASK = """
import io, json, sys
from tests.hosts.pywin32_stand_ins import install
_, com = install()
from xlplugin.hosts.commands import COMMANDS
from xlplugin.hosts.excel import vba
from xlplugin.hosts.excel.xlsm import macro_workbook
from xlplugin.hosts.headless import compile_book
from xlplugin.hosts.libreoffice.oxt import build
from xlplugin.hosts.officejs.calls import respond
from xlplugin.hosts.officejs.documents import metadata, script
from xlplugin.worksheet.reference import markdown, sheet_rows
from xlplugin.worksheet.registry import load
import datetime as dt, xlsxwriter, zipfile

registry = load()
functions = list(registry)
out = io.BytesIO()
book = xlsxwriter.Workbook(out)
sheet = book.add_worksheet("S")
sheet.write("A1", 2000000)
sheet.write_formula("B1", "=FIRM_FEE(A1)")
book.close()
computed = compile_book(out.getvalue()).run(as_of=dt.date(2026, 11, 20))
oxt = zipfile.ZipFile(io.BytesIO(build(functions, version="1", packages=[])))
print(json.dumps({
    "registry": "FIRM_FEE" in registry,
    "headless": computed.cells("S", "B1"),
    "office": respond({"calls": [{"id": "FIRM_FEE", "args": [2000000]}]}, registry),
    "com": com.call_udf("xlplugin.hosts.excel.functions", "FIRM_FEE", (((2000000.0,),),)),
    "macros": b"FIRM_FEE" in zipfile.ZipFile(io.BytesIO(macro_workbook(
        out.getvalue(), functions, COMMANDS, language="en"))).read("xl/workbook.xml"),
    "metadata": [f["description"] for f in metadata(registry, "en")["functions"] if f["id"] == "FIRM_FEE"],
    "script": 'associate("FIRM_FEE"' in script(registry),
    "vba": "Public Function FIRM_FEE(amount)" in vba.source(
        functions, module="m", categories=sorted({f.category for f in functions}), language="en"),
    "wizard": [t in oxt.read("CalcAddIns.xcu").decode() for t in ("Money under management", "運用資産")],
    "reference": ["### `FIRM_FEE(amount)`" in markdown(registry, lang) for lang in ("en", "ja")],
    "sheet": [row for row in sheet_rows(registry, "ja") if row[1] == "FIRM_FEE"],
}, default=str))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the functions with one more file; nothing else is copied or changed."""
    folder = tmp_path_factory.mktemp("dropped")
    shutil.copytree(REPOSITORY / "udfs", folder / "udfs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "udfs" / "firm.py").write_text(DROPPED, encoding="utf-8")
    return folder


def test_a_dropped_function_is_in_the_registry_and_in_every_host_document(folder):
    places = os.pathsep.join((str(folder), str(REPOSITORY)))  # the copy of the functions comes first
    environment = {**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]
    shown = json.loads(done.stdout)
    assert shown["registry"]
    assert shown["headless"] in ([[10000.0]], 10000.0)
    assert shown["office"] == {"results": [{"value": [[10000.0]]}]}
    assert shown["com"] in ([[10000.0]], 10000.0)
    assert shown["macros"]
    assert shown["metadata"] == ["The firm's fee: one half of one per cent a year."]
    assert all([shown["script"], shown["vba"], *shown["wizard"], *shown["reference"]])
    assert shown["sheet"] == [["", "FIRM_FEE", "amount", "運用資産"]]


@pytest.mark.slow
def test_a_dropped_function_is_tested_with_no_other_edit(folder):
    files = ("tests/hosts/test_headless_calls.py", "tests/hosts/test_excel_com.py")
    places = os.pathsep.join((str(folder), str(REPOSITORY)))
    environment = {**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "FIRM_FEE", *files],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1500:]
    assert "2 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.libreoffice
def test_a_dropped_function_computes_in_libreoffice(folder, tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("office"))
    installing = (
        "import sys; from pathlib import Path; from xlplugin.hosts.libreoffice.install import install\n"
        f"install(profile=Path({str(office.profile)!r}), run_as={office.run_as!r})"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and path != Path(path.anchor):
            path.chmod(path.stat().st_mode | 0o055)
    subprocess.run([sys.executable, "-c", installing], env=environment, cwd=folder, check=True)
    book = xlsxwriter.Workbook(str(office.folder / "fee.xlsx"))
    sheet = book.add_worksheet("S")
    sheet.write("A1", 2000000)
    sheet.write_array_formula("B1:B1", "=ORG.XLPLUGIN.ADDIN.FIRMFEE(A1)")
    book.close()
    computed = openpyxl.load_workbook(office.convert(office.folder / "fee.xlsx", "xlsx"), data_only=True)
    assert computed["S"]["B1"].value == pytest.approx(10000.0)
