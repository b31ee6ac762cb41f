"""The macro book and its VBA project in the hands of readers that other people wrote."""

import importlib
import io
import warnings
import zipfile

import pytest

from tests.hosts.test_excel_macro_book import macro_book
from tests.programs import absent
from xlplugin.hosts.commands import COMMANDS
from xlplugin.hosts.excel import vba
from xlplugin.hosts.excel.xlsm import categories, xlwings_runtime
from xlplugin.worksheet.registry import load


def reader(name):
    """A module of the readers; they are no extra of ours, because one of them asks for a GPL package."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their own: about regular expressions and renamed methods
            return importlib.import_module(name)
    except ImportError:
        absent(f"{name} is absent; pip install --no-deps oletools compoundfiles colorclass 'pyparsing<4'")


def modules_of(book):
    """Name and text of every module, as olevba reads them."""
    olevba = reader("oletools.olevba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = olevba.VBA_Parser("book.xlsm", data=book)
        assert parser.type == "OpenXML"
        found = {name: text for _, _, name, text in parser.extract_all_macros()}
        parser.close()
    return found


@pytest.mark.parametrize("language", ["en", "ja"])
def test_olevba_reads_every_module_character_for_character(language):
    found = modules_of(macro_book(language))
    functions = list(load())
    wrappers = vba.source(
        functions,
        module="xlplugin.hosts.excel.functions",
        categories=categories(functions),
        language=language,
    )
    macros = vba.command_source([c.name for c in COMMANDS], module="xlplugin.hosts.excel.commands")
    runtime, _, _ = xlwings_runtime()
    for name, text in ((vba.MODULE, wrappers), (vba.COMMANDS_MODULE, macros), ("xlwings", runtime)):
        shown = found[f"{name}.bas"].replace("\r\n", "\n").rstrip()
        # Code page 932 has one sign for both dashes; Windows reads it as the second.
        written = text.replace("\r\n", "\n").replace("\u301c", "\uff5e").rstrip()
        # olevba may leave out the attribute lines of the module's head; the rest is the text.
        assert shown.endswith(written) or written.endswith(shown), name
        assert len(shown) > 0.9 * len(written)
    assert {"ThisWorkbook.cls", "Sheet1.cls", "Dictionary.cls"} <= found.keys()


def test_compoundfiles_finds_nothing_to_warn_about(tmp_path):
    compoundfiles = reader("compoundfiles")
    with zipfile.ZipFile(io.BytesIO(macro_book("ja"))) as archive:
        path = tmp_path / "vbaProject.bin"
        path.write_bytes(archive.read("xl/vbaProject.bin"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with compoundfiles.CompoundFileReader(str(path)) as project:
            assert {entry.name for entry in project.root} == {"VBA", "PROJECT", "PROJECTwm"}
            streams = {entry.name: entry.size for entry in project.root["VBA"]}
            assert {"dir", "_VBA_PROJECT", vba.MODULE, vba.COMMANDS_MODULE} <= streams.keys()
            for name, size in streams.items():
                with project.open(project.root["VBA"][name]) as stream:
                    assert len(stream.read()) == size
