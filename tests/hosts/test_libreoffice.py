"""The add-in in a real LibreOffice: every golden worksheet call, computed there."""

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from tests.golden.compare import as_block, assert_vector, cell_value, with_keys
from tests.golden.vectors import read
from tests.hosts.office import Office, require_libreoffice
from xlplugin.errors import ErrorValue
from xlplugin.hosts.libreoffice.install import install, uninstall
from xlplugin.hosts.libreoffice.oxt import build, method_name, stored_name
from xlplugin.worksheet import convert
from xlplugin.worksheet.registry import load

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
CALLS = [case.vector for case in read(GOLDEN) if case.schema == "calls" and case.kind in load()]


def test_equal_registries_give_equal_add_ins():
    assert build(load(), version="1", packages=["a"]) == build(load(), version="1", packages=["a"])


def test_the_add_in_holds_every_function_with_help_in_both_languages(tmp_path):
    path = tmp_path / "a.oxt"
    path.write_bytes(build(load(), version="1.0.0", packages=["folder"]))
    with zipfile.ZipFile(path) as archive:
        idl = archive.read("addin.idl").decode()
        configuration = archive.read("CalcAddIns.xcu").decode()
    for function in load():
        assert f" {method_name(function.name)}(" in idl
        assert f">{function.name}</value>" in configuration
        assert '<value xml:lang="ja">' in configuration


def holds_an_error(value) -> bool:
    if isinstance(value, list):
        return any(map(holds_an_error, value))
    return isinstance(value, dict) and "error" in value


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("office"))
    install(profile=office.profile, run_as=office.run_as)
    return office


def write_value(sheet, dates, row, column, value):
    if isinstance(value, dt.date):
        sheet.write_datetime(row, column, value, dates)
    elif isinstance(value, ErrorValue):
        sheet.write_formula(row, column, "=NA()")
    elif isinstance(value, str):
        sheet.write_string(row, column, value)  # "=" is an operator here, no formula
    elif value is not None:
        sheet.write(row, column, value)


def write_call(book, dates, vector):
    """One sheet: the arguments side by side from row 200 on, the result from A1 on."""
    sheet = book.add_worksheet(vector["id"])
    function, column, given = load()[vector["function"]], 0, []
    for argument in function.arguments:
        if argument.name not in vector["args"]:
            given.append("")
            continue
        block = as_block(cell_value(vector["args"][argument.name]))
        for r, cells in enumerate(block):
            for c, value in enumerate(cells):
                write_value(sheet, dates, 199 + r, column + c, value)
        corner = xlsxwriter.utility.xl_rowcol_to_cell
        given.append(f"{corner(199, column)}:{corner(198 + len(block), column + len(block[0]) - 1)}")
        column += len(block[0]) + 1
    while given and not given[-1]:
        given.pop()
    rows, wide = as_block(vector["expected"]), len(function.columns)
    height, width = len(rows), max(wide, len(rows[0]))
    if wide and not all(isinstance(t, str) for t in rows[0]):
        height += 1  # the function prints a header that the vector leaves out
    formula = f"={stored_name(function.name)}({','.join(given)})"
    sheet.write_array_formula(0, 0, height - 1, width - 1, formula)
    return height, width


@pytest.fixture(scope="session")
def answers(office):
    path = office.folder / "calls.xlsx"
    book = xlsxwriter.Workbook(str(path))
    dates = book.add_format({"num_format": "yyyy-mm-dd"})
    sizes = {vector["id"]: write_call(book, dates, vector) for vector in CALLS}
    book.close()
    computed = openpyxl.load_workbook(office.convert(path, "xlsx"), data_only=True)
    return {
        name: [[computed[name].cell(r + 1, c + 1).value for c in range(width)] for r in range(height)]
        for name, (height, width) in sizes.items()
    }


ERRORS = {error.value: error for error in ErrorValue}


def from_office(value):
    if isinstance(value, dt.datetime):
        return value.date()
    return ERRORS.get(value, value or None) if isinstance(value, str) else value


@pytest.mark.libreoffice
@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_libreoffice_gives_the_same_answer(vector, answers):
    arguments = vector["args"].values()
    if any(map(holds_an_error, arguments)):
        # A range that holds an error cell never reaches an add-in in LibreOffice: it shows an error.
        assert isinstance(from_office(answers[vector["id"]][0][0]), ErrorValue)
        return
    function = load()[vector["function"]]
    expected = as_block(cell_value(vector["expected"]))
    got = with_keys(function, [[from_office(v) for v in row] for row in answers[vector["id"]]])
    assert_vector(vector, function, with_dates(got, expected))


def with_dates(got, expected):
    """Serial numbers in the columns (by title, else by place) where a date is expected, as dates."""
    places = {c for row in expected for c, v in enumerate(row) if isinstance(v, dt.date)}
    if len(expected) > 1 and all(isinstance(t, str) for t in expected[0]):
        places = {got[0].index(expected[0][c]) for c in places}
    return [
        [
            convert.from_serial(v) if c in places and isinstance(v, (int, float)) else v
            for c, v in enumerate(row)
        ]
        for row in got
    ]


@pytest.mark.libreoffice
def test_the_add_in_can_be_removed_again(tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("removed"))
    install(profile=office.profile, run_as=office.run_as)
    assert "removed" in uninstall(profile=office.profile, run_as=office.run_as)
