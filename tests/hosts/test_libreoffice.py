"""The add-in in a real LibreOffice: every golden worksheet call, computed there."""

import datetime as dt
import zipfile

import openpyxl
import pytest
import xlsxwriter

from tests.golden.compare import as_block, assert_vector, cell_value, with_keys
from tests.hosts.calls import CALLS, Dates, holds_an_error, with_dates, write_call
from tests.hosts.office import Office, require_libreoffice
from xlplugin.errors import ErrorValue
from xlplugin.hosts.libreoffice.install import install, uninstall
from xlplugin.hosts.libreoffice.oxt import build, method_name, stored_name
from xlplugin.worksheet.registry import load


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


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("office"))
    install(profile=office.profile, run_as=office.run_as)
    return office


@pytest.fixture(scope="session")
def answers(office):
    path = office.folder / "calls.xlsx"
    book = xlsxwriter.Workbook(str(path))
    dates = Dates(book)
    sizes = {vector["id"]: write_call(book, dates, vector, stored_name) for vector in CALLS}
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


@pytest.mark.libreoffice
def test_the_add_in_can_be_removed_again(tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("removed"))
    install(profile=office.profile, run_as=office.run_as)
    assert "removed" in uninstall(profile=office.profile, run_as=office.run_as)
