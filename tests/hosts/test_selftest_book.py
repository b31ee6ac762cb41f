"""`workbooks/selftest.xlsx`: its cells test_* are TRUE in every host that runs here."""

import datetime as dt
from pathlib import Path

import openpyxl
import pytest

from tests.hosts.office import Office, require_libreoffice
from tests.hosts.test_excel_com import as_cells, through_com
from tests.hosts.test_excel_macro_book import SERVER, STAND_IN, run_in_libreoffice
from tests.hosts.test_officejs import Running, as_answered
from workbooks.builder.selftest import build_selftest
from workbooks.builder.words import layout
from xlplugin.errors import ErrorValue
from xlplugin.hosts.commands import COMMANDS
from xlplugin.hosts.common import Failure
from xlplugin.hosts.excel import xlsm
from xlplugin.hosts.headless import RegistryFunctions, compile_book
from xlplugin.hosts.libreoffice.install import install
from xlplugin.workbook import compile_template
from xlplugin.workbook.package import Package
from xlplugin.worksheet.registry import load

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


@pytest.mark.libreoffice
def test_every_self_test_is_true_where_libreoffice_runs_the_vba_text(tmp_path_factory):
    require_libreoffice()
    macros = xlsm.macro_workbook(
        BOOK.read_bytes(), list(load()), COMMANDS, language="en", modules=[STAND_IN, SERVER]
    )
    places = {n.name: n.text for n in Package.open(BOOK).names if n.name.startswith("test_")}
    wanted = [text.replace("$", "").replace("'", "").split("!") for text in places.values()]
    shown = run_in_libreoffice(Office(tmp_path_factory.mktemp("selftest")), macros, wanted)
    assert {*TESTS, "test_all"} == places.keys()
    assert {name: cells for name, cells in zip(places, shown["cells"], strict=True) if cells != [[1.0]]} == {}


class Routed(RegistryFunctions):
    """The functions of the engine, each call sent through another host and its answer taken from there.

    Calls are gathered by a first run, in which they are answered as usual, and sent together.
    """

    def __init__(self, send):
        super().__init__("en")
        self.send, self.calls, self.answers = send, [], None

    def answer(self, name, arguments, **more):
        if self.answers is None:
            self.calls.append((name, arguments))
            return super().answer(name, arguments, **more)
        if not self.answers:
            self.answers = dict(zip(map(repr, self.calls), self.send(self.calls), strict=True))
        found = self.answers[repr((name, arguments))]
        return Failure(found, "") if isinstance(found, ErrorValue) else found


def as_json(value):
    if isinstance(value, list):
        return [[as_json(cell) for cell in row] for row in value]
    return {"error": value.value} if isinstance(value, ErrorValue) else value


def through_office(calls):
    """The answers of the Office.js server over HTTP."""
    body = {"calls": [{"id": name, "args": [as_json(a) for a in given]} for name, given in calls]}
    with Running() as server:
        reply = server.post(body)
    assert reply.status_code == 200, reply.text
    return [as_answered(answer) for answer in reply.json()["results"]]


def through_excel(calls):
    """The answers of xlwings' conversion pipeline."""
    answers = through_com([[name, [as_json(a) for a in given]] for name, given in calls])
    cells = map(as_cells, answers)
    return [c if isinstance(c, ErrorValue) else (c if isinstance(c, list) else [[c]]) for c in cells]


@pytest.mark.parametrize("send", [through_excel, through_office])
def test_every_self_test_is_true_with_the_answers_of_another_host(send, tmp_path):
    functions = Routed(send)
    template = compile_template(BOOK, functions)
    template.run(as_of=DAY)
    assert len(functions.calls) >= len(TESTS)
    functions.answers = {}
    path = tmp_path / "selftest.xlsx"
    path.write_bytes(template.run(as_of=DAY).data)
    assert functions.answers
    shown = named_cells(path)
    assert {*TESTS, "test_all"} == shown.keys()
    assert all(value is True for value in shown.values()), shown
