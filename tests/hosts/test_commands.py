"""The buttons on a workbook file: the real command line in its own process."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.test_excel_macro_book import plain_book
from xlplugin.errors import InputError
from xlplugin.hosts.commands import COMMANDS, FilePort, run, run_verb
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
    port = FilePort(book, language="en", file=Path("no such job.toml"))
    run(BY_NAME["Xlplugin_Batch"], port)
    ((_, text),) = port.told
    assert "no such job.toml" in text
    assert "Traceback" not in text


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
