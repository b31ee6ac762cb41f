"""The buttons on a workbook file: the real command line in its own process."""

import datetime as dt
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.hosts.test_excel_macro_book import plain_book
from xlplugin.cli.places import built, compiled
from xlplugin.errors import InputError
from xlplugin.hosts.commands import COMMANDS, GROUPS, FilePort, run, run_verb
from xlplugin.hosts.excel.commands import ExcelPort
from xlplugin.workbook import Book, Inputs
from xlplugin.worksheet.registry import load

BY_NAME = {command.name: command for command in COMMANDS}


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(plain_book())
    return path


def test_no_macro_is_called_like_a_function_and_every_label_exists_in_both_languages():
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert not {name.upper() for name in names} & load().names
    assert all(command.ja and command.en for command in COMMANDS)


def test_every_verb_of_a_command_exists_on_the_command_line():
    for command in COMMANDS:
        if command.verb:
            code, output = run_verb([command.verb[0], "--help"])
            assert code == 0, output


def test_the_checks_button_says_what_was_found(book):
    port = FilePort(book, language="en")
    run(BY_NAME["Xlplugin_Checks"], port)
    ((title, text),) = port.told
    assert title == "Checks"
    assert "tests" in text


def test_the_recalculate_button_computes_a_copy_and_leaves_the_book_alone(book):
    before = book.read_bytes()
    port = FilePort(book, language="ja")
    run(BY_NAME["Xlplugin_Recalculate"], port)
    assert port.opened[0].is_file()
    assert port.opened[0] != book
    assert book.read_bytes() == before


def test_the_batch_button_does_nothing_when_no_file_is_chosen(book):
    port = FilePort(book, language="en")
    run(BY_NAME["Xlplugin_Batch"], port)
    assert (port.told, port.opened) == ([], [])


def test_a_failing_verb_tells_its_sentence(book):
    port = FilePort(book, language="en", files=[Path("no such job.toml")])
    run(BY_NAME["Xlplugin_Batch"], port)
    ((_, text),) = port.told
    assert "no such job.toml" in text
    assert "Traceback" not in text


@pytest.fixture(scope="module")
def adviser(tmp_path_factory):
    """A small book of one client: two accounts, two lots."""
    names = {"in_client_id": "T0001", "in_as_of": dt.date(2026, 11, 20), "in_tax_year": 2026.0}
    accounts = [{"Account": "A", "Account kind": "US_TAXABLE"}, {"Account": "B", "Account kind": "US_IRA"}]
    lot = {"Account": "A", "Code": "ZZAA", "Quantity": 100.0, "Cost basis": 9000.0}
    tables = {"tbl_accounts": accounts, "tbl_lots": [lot, lot | {"Account": "B"}]}
    path = tmp_path_factory.mktemp("adviser") / "client.en.xlsx"
    template = compiled(built()["advisor", "en"], "en")
    path.write_bytes(template.run(Inputs(names, tables), as_of=dt.date(2026, 11, 20)).data)
    return path


def test_the_import_button_opens_a_new_book_and_tells_the_rows_that_were_refused(adviser, tmp_path):
    source = tmp_path / "lots.csv"
    source.write_text(
        "account,code,quantity,cost,acquired\nA,ZZAB,5,100,2026-01-05\nA,ZZAC,x,100,2026-01-05\n"
    )
    before = adviser.read_bytes()
    port = FilePort(adviser, language="en", files=[source])
    run(BY_NAME["Xlplugin_Import"], port)
    ((title, text),) = port.told
    assert title == "Import"
    assert "line 3, column quantity: expected a number above 0, got 'x'" in text
    assert port.opened == [adviser.with_name("client.en.imported.xlsx")]
    assert adviser.read_bytes() == before


@pytest.mark.slow
def test_a_button_pressed_twice_does_not_write_over_what_it_made_before(adviser):
    port = FilePort(adviser, language="en")
    for _ in range(2):
        run(BY_NAME["Xlplugin_Language"], port)
    assert [path.name for path in port.opened] == ["client.en.ja.xlsx", "client.en.ja (2).xlsx"]
    assert port.told == []
    assert "入力" in Book(port.opened[1]).sheets


def test_the_explain_button_speaks_of_the_selected_cell_in_the_language_of_the_book(adviser):
    port = FilePort(adviser, language="ja", cell="Inputs!D16")
    run(BY_NAME["Xlplugin_Explain"], port)
    ((title, text),) = port.told
    assert title == "根拠"
    assert "値: 2026-11-20" in text
    assert "基準日" in text


def test_every_command_belongs_to_a_group_and_asks_for_files_only_where_it_takes_them():
    assert {command.group for command in COMMANDS} == set(GROUPS)
    assert all(("{files}" in command.verb) == (command.files is not None) for command in COMMANDS)
    buttons = "import recalculate harvest proposal batch checks freeze explain language doctor".split()
    assert {f"xlplugin_{name}" for name in buttons} <= {command.name.lower() for command in COMMANDS}


def test_a_book_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such workbook"):
        FilePort(tmp_path / "none.xlsx", language="en")


def test_the_macros_of_excel_are_subs_that_xlwings_finds_by_name():
    code = (
        "from tests.hosts.pywin32_stand_ins import install; install()\n"
        "from xlplugin.hosts.excel import commands as c\n"
        "print(','.join(n for n in c.__all__ if callable(getattr(c, n))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert {command.name for command in COMMANDS} < set(done.stdout.strip().split(","))


class Excel:
    """What the port asks of an open Excel: one book, one selected cell, a file dialog."""

    def __init__(self, chosen=False, language="ja"):
        self.asked = {}
        self.books = SimpleNamespace(open=lambda path: self.asked.setdefault("opened", path))
        cell = SimpleNamespace(Worksheet=SimpleNamespace(Name="損出し"), Address=lambda *_: "R11")
        self.api = SimpleNamespace(ActiveCell=cell, GetOpenFilename=self._dialog)
        name = SimpleNamespace(refers_to_range=SimpleNamespace(value=language))
        self.book = SimpleNamespace(
            app=self, names={"cfg_language": name}, fullname="none.xlsm", name="none.xlsm"
        )
        self._chosen = chosen

    def _dialog(self, **options):
        self.asked |= options
        return self._chosen


@pytest.mark.parametrize(
    ("chosen", "kind", "files"),
    [
        (False, "data", []),
        (False, "job", []),
        (("a.csv", "b.xlsx"), "data", [Path("a.csv"), Path("b.xlsx")]),
        ("job.toml", "job", [Path("job.toml")]),
    ],
)
def test_the_dialog_of_excel_gives_the_files_chosen_or_none(chosen, kind, files):
    excel = Excel(chosen)
    assert ExcelPort(excel.book).ask_for_files("取込", kind) == files
    assert excel.asked["MultiSelect"] is (kind == "data")
    assert excel.asked["FileFilter"].count(",") == (3 if kind == "data" else 1)


@pytest.mark.parametrize(("held", "language"), [("ja", "ja"), ("en", "en"), (None, "en")])
def test_the_port_of_excel_knows_language_and_selected_cell(held, language):
    port = ExcelPort(Excel(language=held).book)
    assert (port.language, port.selected()) == (language, "損出し!R11")
