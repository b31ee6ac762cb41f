import subprocess

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

from tests.hosts.test_excel_macro_book import macro_book, plain_book
from xlplugin.hosts import doctor


def by_host(found, host):
    return [f for f in found if f.host == host]


def test_every_host_is_spoken_of_and_every_fault_has_a_remedy():
    found = doctor.findings()
    assert {f.host for f in found} == {"python", "headless", "excel", "officejs", "libreoffice"}
    assert all(f.remedy for f in found if f.level != "ok")


def test_the_interpreter_and_the_functions_are_named():
    texts = " ".join(f.text for f in by_host(doctor.findings(), "python"))
    assert "Python 3." in texts
    assert "worksheet functions" in texts


def test_a_missing_xlwings_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "xlwings" else "1")
    (finding,) = by_host(doctor.findings(), "excel")
    assert (finding.level, finding.remedy) == ("missing", "python -m pip install 'xlplugin[excel]'")


def test_an_older_add_in_in_libreoffice_is_broken_and_is_mended_by_installing_again(monkeypatch):
    listing = subprocess.CompletedProcess([], 0, "Identifier: org.xlplugin.addin\n  Version: 0.0.1\n", "")
    monkeypatch.setattr(doctor, "find_program", lambda name: doctor.Path("/usr/bin") / name)
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: listing)
    finding = by_host(doctor.findings(), "libreoffice")[-1]
    assert finding.level == "broken"
    assert finding.text.startswith("the add-in in LibreOffice is 0.0.1")
    assert finding.remedy == "xlplugin libreoffice install"


def test_a_book_with_macros_is_in_order_and_one_without_needs_another_host(tmp_path):
    macros, plain = tmp_path / "a.xlsm", tmp_path / "b.xlsx"
    macros.write_bytes(macro_book())
    plain.write_bytes(plain_book())
    assert [f.level for f in doctor.book_findings(macros)] == ["ok"]
    assert "holds no macros" in doctor.book_findings(plain)[0].text


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_file_that_is_no_workbook_is_said_so(tmp_path, content):
    path = tmp_path / "c.xlsx"
    path.write_bytes(content)
    assert "is not an .xlsx or .xlsm" in doctor.book_findings(path)[0].text


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    assert "is not a file" in doctor.book_findings(tmp_path / "none.xlsm")[0].text


def test_the_memory_of_caches_and_the_kept_handles_are_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("XLPLUGIN_DATA", str(tmp_path))
    (tmp_path / "handles").mkdir()
    (tmp_path / "handles" / "DI-RISK-2-0.npz").write_bytes(b"x" * 1_500_000)
    texts = " ".join(f.text for f in by_host(doctor.findings(), "python"))
    assert "of at most 8,000,000 cells remembered" in texts
    assert f"handles: 1 kept in {tmp_path / 'handles'}, 1.5 MB" in texts


@pytest.mark.parametrize(
    ("macros", "project", "levels"),
    [
        (None, None, ["ok", "missing"]),
        (1, 1, ["ok", "ok"]),
        (4, 1, ["broken", "ok"]),
        (3, 0, ["broken", "missing"]),
    ],
)
def test_macro_settings_that_stop_a_book_are_broken(macros, project, levels):
    found = list(doctor._trust(macros, project))
    assert [f.level for f in found] == levels
    assert all(f.remedy for f in found if f.level != "ok")


def test_a_book_of_another_xlwings_is_broken(tmp_path, monkeypatch):
    path = tmp_path / "a.xlsm"
    path.write_bytes(macro_book())
    monkeypatch.setattr(doctor, "_version", lambda package: "0.0.1")
    (finding,) = doctor.book_findings(path)
    assert finding.level == "broken"
    assert finding.text.endswith("and 0.0.1 is installed: its library is not found")


def test_a_name_that_hides_a_function_is_found(tmp_path):
    book = openpyxl.Workbook()
    book.defined_names["Real_Cost"] = DefinedName("Real_Cost", attr_text="Sheet!$A$1")
    book.save(tmp_path / "b.xlsx")
    found = doctor.book_findings(tmp_path / "b.xlsx")
    assert [(f.level, f.text) for f in found if f.level == "broken"] == [
        ("broken", "the name Real_Cost hides our function")
    ]


def test_the_settings_of_a_book_that_excel_has_saved_are_read_too(tmp_path):
    """Excel puts the sheet into another part and its texts into the shared strings, as openpyxl does."""
    path = tmp_path / "a.xlsm"
    path.write_bytes(macro_book())
    saved = tmp_path / "saved.xlsm"
    openpyxl.load_workbook(path, keep_vba=True).save(saved)
    assert [f.level for f in doctor.book_findings(saved)] == ["ok"]
