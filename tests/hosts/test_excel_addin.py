"""The conventional way into Excel: xlwings' own add-in and its Import Functions."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli_calls import called
from xlplugin.errors import HostError
from xlplugin.hosts.excel import addin
from xlplugin.hosts.excel.addin import Places
from xlplugin.worksheet.registry import load
from xlplugin.worksheet.reserved import VBA_WORDS

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def where(tmp_path):
    return Places(tmp_path / "XLSTART" / "xlwings.xlam", tmp_path / ".xlwings" / "xlwings.conf")


def states(where):
    return {level for level, _, _ in addin.status(where)}


def test_installing_puts_the_add_in_where_excel_starts_it_and_names_python_and_functions(where):
    assert states(where) == {"missing"}
    assert "restart Excel" in addin.install(where)
    assert where.startup.read_bytes().startswith(b"PK")
    lines = where.configuration.read_text(encoding="utf-8").splitlines()
    assert f'"INTERPRETER_WIN","{sys.executable}"' in lines
    assert '"UDF MODULES","xlplugin.hosts.excel.functions"' in lines
    assert states(where) == {"ok"}


def test_other_settings_of_the_user_stay_when_ours_come_and_go(where):
    where.configuration.parent.mkdir()
    where.configuration.write_text('"USE UDF SERVER","False"\n"UDF MODULES","mine"\n', encoding="utf-8")
    addin.install(where)
    assert '"USE UDF SERVER","False"' in where.configuration.read_text(encoding="utf-8")
    addin.uninstall(where)
    assert where.configuration.read_text(encoding="utf-8") == '"USE UDF SERVER","False"\n'
    assert not where.startup.exists()
    assert "nothing to remove" in addin.uninstall(where)


def test_an_add_in_of_another_version_is_broken_and_never_removed(where):
    addin.install(where)
    where.startup.write_bytes(b"another")
    assert states(where) == {"ok", "broken"}
    assert "left alone" in addin.uninstall(where)
    assert where.startup.read_bytes() == b"another"


def test_a_file_that_excel_holds_is_said_in_one_sentence(where):
    where.startup.parent.write_text("")  # a file stands where the folder should be
    with pytest.raises(HostError, match="close Excel and try again"):
        addin.install(where)


@pytest.mark.parametrize("verb", ["install", "uninstall", "status"])
def test_without_windows_the_sentence_says_what_to_use_instead(verb, monkeypatch):
    monkeypatch.setattr(addin, "_ON_WINDOWS", False)
    code, out, err = called("excel", verb, "--lang", "en")
    assert (code, out) == (5, "")
    assert "use xlplugin officejs serve" in err


def test_import_functions_of_xlwings_writes_wrappers_that_vba_can_read():
    code = (
        "import sys, types\n"
        "from tests.hosts.pywin32_stand_ins import install\n"
        "_, udfs = install()\n"
        "from xlplugin.hosts.excel import functions\n"
        "book = types.SimpleNamespace(Name='book.xlsm')\n"
        f"udfs.generate_vba_wrapper({addin.MODULES!r}, functions, sys.stdout, book)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr[-1500:]
    heads = [line for line in done.stdout.splitlines() if line.startswith("Function ")]
    assert len(heads) == len(load())
    assert max(map(len, done.stdout.splitlines())) <= 1023
    for head in heads:
        name, _, rest = head.removeprefix("Function ").partition("(")
        parameters = [p.removeprefix("Optional ").lower() for p in rest.rstrip(")").split(", ") if p]
        assert not {*parameters} & VBA_WORDS, head
        assert name.lower() not in parameters
        assert f'"{addin.MODULES}", "{name}"' in done.stdout
