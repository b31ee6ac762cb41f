"""`workbooks/selftest.xlsx`: its cells test_* are TRUE in every host that runs here."""

import datetime as dt
from pathlib import Path

import openpyxl
import pytest

from tests.hosts.office import Office, require_libreoffice
from workbooks.builder.selftest import build_selftest
from workbooks.builder.words import layout
from xlplugin.hosts.headless import compile_book
from xlplugin.hosts.libreoffice.install import install

BOOK = Path(__file__).resolve().parents[2] / "workbooks" / "selftest.xlsx"
TESTS = [f"test_{test['id']}" for test in layout("selftests")["test"]]
DAY = dt.date(2026, 11, 20)


def named_cells(path):
    book = openpyxl.load_workbook(path, data_only=True)
    found = {}
    for name, defined in book.defined_names.items():
        if name.startswith("test_"):
            ((sheet, cell),) = defined.destinations
            found[name] = book[sheet][cell.replace("$", "")].value
    return found


def test_the_committed_book_is_what_the_builder_and_the_engine_make():
    assert compile_book(build_selftest(), language="en").run(as_of=DAY).data == BOOK.read_bytes()


def test_every_self_test_is_true_in_the_headless_engine():
    shown = named_cells(BOOK)
    assert {*TESTS, "test_all"} == shown.keys()
    assert all(value is True for value in shown.values()), shown


def test_a_function_that_errs_makes_its_self_test_false(monkeypatch, tmp_path):
    """The book can fail: a wrong expectation is shown as FALSE, not as TRUE or as an error."""
    from workbooks.builder import selftest

    wrong = {"test": [{**test, "expected": 12345} for test in layout("selftests")["test"][:3]]}
    monkeypatch.setattr(selftest, "layout", lambda name: wrong)
    path = tmp_path / "wrong.xlsx"
    path.write_bytes(compile_book(build_selftest(), language="en").run(as_of=DAY).data)
    assert set(named_cells(path).values()) == {False}


@pytest.mark.libreoffice
def test_every_self_test_is_true_in_libreoffice(tmp_path_factory):
    require_libreoffice()
    office = Office(tmp_path_factory.mktemp("selftest"))
    install(profile=office.profile, run_as=office.run_as)
    path = office.folder / "selftest.xlsx"
    path.write_bytes(compile_book(BOOK, language="en").run(as_of=DAY, edition="oracle", flavour="addin").data)
    shown = named_cells(office.convert(path, "xlsx"))
    assert {*TESTS, "test_all"} == shown.keys()
    assert all(value is True for value in shown.values()), shown
