"""A macro workbook made from an ordinary one, on any system: wrappers, macros, help texts, settings.

The book goes through as it is; added are, each as Excel itself would store it: the VBA project, a
ribbon tab, the code names that tie sheets to it, the categories and argument texts of the function wizard,
the sheet `xlwings.conf` that tells xlwings which Python to start, the sheet `_IntelliSense_` from which the
free Excel-DNA IntelliSense shows help while one types, and the reference of all functions. Nobody has to
click Import Functions or trust access to the VBA project.
"""

from __future__ import annotations

import re
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from xlplugin.errors import HostError
from xlplugin.hosts.excel import vba
from xlplugin.hosts.excel.ribbon import ribbon
from xlplugin.hosts.excel.vba_project import Module, class_module, document, vba_project
from xlplugin.workbook.package import Package, relations_part
from xlplugin.workbook.tokens import column_name
from xlplugin.workbook.zipped import new_entry, write_zip
from xlplugin.worksheet.reference import sheet_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from xlplugin.hosts.commands import Command
    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["BUILT_WITH", "CONFIGURATION", "categories", "macro_workbook", "xlwings_runtime"]

_X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
_ARGUMENT_HELP = "{8193D73E-4604-4355-AFF4-8A2333D13BE4}"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_VBA_RELATION = "http://schemas.microsoft.com/office/2006/relationships/vbaProject"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_VBA_TYPE = "application/vnd.ms-office.vbaProject"
_MACRO_MAIN = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
_PLAIN_MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_SHEETS = "xl/worksheets"
_VBA_PART = "xl/vbaProject.bin"
_RIBBON_PART, _ROOT_RELATIONS = "customUI/customUI14.xml", "_rels/.rels"
_RIBBON_RELATION = "http://schemas.microsoft.com/office/2007/relationships/ui/extensibility"
_FUNCTIONS = "xlplugin.hosts.excel.functions"
_COMMANDS = "xlplugin.hosts.excel.commands"

BUILT_WITH = "XLPLUGIN_XLWINGS"
"""The version of xlwings that a book was built for, on its sheet of settings; xlwings passes it over."""

CONFIGURATION = {
    # Keys of xlwings. A bare "python" would not tell it where its DLL is; the folder of the book is
    # kept off the path so that a file beside it cannot stand in for ours.
    "INTERPRETER_WIN": r"%LOCALAPPDATA%\xlplugin\Scripts\pythonw.exe",
    "ADD_WORKBOOK_TO_PYTHONPATH": "False",
    "SHOW_ERROR_POPUPS": "False",
}


def categories(functions: Iterable[WorksheetFunction]) -> list[str]:
    """The categories of the function wizard, in their order in the file."""
    return sorted({function.category for function in functions})


def xlwings_runtime() -> tuple[str, str, str]:
    """The VBA module and the class that the installed xlwings ships, and its version.

    Raises
    ------
    HostError
        If xlwings is not installed, or its module names the DLL of another version.
    """
    spec = find_spec("xlwings")
    if spec is None or spec.origin is None:
        raise HostError("xlwings is not installed; run: python -m pip install 'xlplugin[excel]'")
    folder = Path(spec.origin).parent
    runtime = (folder / "xlwings.bas").read_text(encoding="cp1252")
    dictionary = (folder / "addin" / "Dictionary.cls").read_text(encoding="cp1252")
    version = re.search(r"^'Version: (\S+)", runtime, re.MULTILINE)
    installed = installed_version("xlwings")
    if version is None or version[1] != installed:
        stated = version[1] if version else "no version"
        raise HostError(
            f"xlwings {installed} is installed, but its VBA module states {stated}; reinstall xlwings"
        )
    return runtime, dictionary, installed


def macro_workbook(
    book: bytes,
    functions: Sequence[WorksheetFunction],
    commands: Sequence[Command],
    *,
    language: str,
    interpreter: str | None = None,
    modules: Sequence[Module] | None = None,
) -> bytes:
    """An .xlsm from an .xlsx.

    Parameters
    ----------
    book : bytes
        A workbook without macros.
    functions : sequence of WorksheetFunction
        What the wrappers offer.
    commands : sequence of Command
        The macros, each with a button on the ribbon tab.
    language : str
        "ja" or "en": language of the help texts and code page of the project.
    interpreter : str, optional
        Full path of pythonw.exe on the user's machine; the usual folder of an installation if left out.
    modules : sequence of Module, optional
        Instead of xlwings' own modules (tests put a stand-in here).

    Raises
    ------
    HostError
        If the book already holds macros, or xlwings is missing.
    """
    package = Package.open(book)
    if package.content_type(package.main) != _PLAIN_MAIN:
        raise HostError("the book is not a plain .xlsx; give a template without macros")
    worksheets = [sheet for sheet in package.sheets if sheet.is_worksheet]
    code_names = {sheet.part: f"Sheet{n}" for n, sheet in enumerate(worksheets, start=1)}
    taken = {sheet.name.casefold() for sheet in package.sheets}
    sheets = _added_sheets(functions, language, interpreter, len(code_names) + 1, taken)
    names = [*code_names.values(), *(sheet.code_name for sheet in sheets)]
    project = _project(names, functions, commands, language, modules)
    arrows = [(f"{_RELATION}/worksheet", sheet.part) for sheet in sheets]
    changed = {
        package.main: _workbook_part(package.data(package.main), functions, sheets, language),
        "[Content_Types].xml": _content_types(package.data("[Content_Types].xml"), sheets),
        relations_part(package.main): _with_relations(
            package.data(relations_part(package.main)), *arrows, (_VBA_RELATION, _VBA_PART)
        ),
        _ROOT_RELATIONS: _with_relations(package.data(_ROOT_RELATIONS), (_RIBBON_RELATION, _RIBBON_PART)),
        **{part: _with_code_name(package.data(part), name) for part, name in code_names.items()},
    }
    added = {
        **{sheet.part: sheet.data for sheet in sheets},
        _VBA_PART: project,
        _RIBBON_PART: ribbon(commands, language),
    }
    entries = [
        new_entry(name, changed[name]) if name in changed else entry
        for name, entry in package.entries.items()
    ]
    return write_zip([*entries, *(new_entry(name, data) for name, data in added.items())])


def _project(
    sheets: Sequence[str],
    functions: Sequence[WorksheetFunction],
    commands: Sequence[Command],
    language: str,
    modules: Sequence[Module] | None,
) -> bytes:
    if modules is None:
        runtime, dictionary, _ = xlwings_runtime()
        modules = [Module("xlwings", "standard", runtime), class_module("Dictionary", dictionary)]
    wrappers = vba.source(functions, module=_FUNCTIONS, categories=categories(functions), language=language)
    macros = vba.command_source([command.name for command in commands], module=_COMMANDS)
    return vba_project(
        [
            document("ThisWorkbook"),
            *(document(name) for name in sheets),
            *modules,
            Module(vba.MODULE, "standard", wrappers),
            Module(vba.COMMANDS_MODULE, "standard", macros),
        ],
        codepage=932 if language == "ja" else 1252,
        lcid=0x411 if language == "ja" else 0x409,
    )


def _workbook_part(
    data: bytes, functions: Sequence[WorksheetFunction], sheets: Sequence[_Added], language: str
) -> bytes:
    text = data.decode("utf-8")
    if "<workbookPr" in text:
        text = re.sub(r"<workbookPr(?![^>]*codeName)", '<workbookPr codeName="ThisWorkbook"', text, count=1)
    else:
        text = re.sub(
            r"(<workbook\b[^>]*>(?:<fileVersion[^>]*/>)?)",
            r'\1<workbookPr codeName="ThisWorkbook"/>',
            text,
            count=1,
        )
    number = max(int(n) for n in re.findall(r'sheetId="(\d+)"', text)) + 1
    groups = "".join(f"<functionGroup name={quoteattr(c)}/>" for c in categories(functions))
    listed = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{number + n}"{sheet.state} r:id="rIdXlplugin{n + 1}"/>'
        for n, sheet in enumerate(sheets)
    )
    text = text.replace(
        "</sheets>",
        f'{listed}</sheets><functionGroups builtInGroupCount="19">{groups}</functionGroups>',
        1,
    )
    if 'xmlns:r="' not in text.split("<sheets", 1)[0]:
        text = re.sub(r"<workbook\b", f'<workbook xmlns:r="{_RELATION}"', text, count=1)
    help_ = (
        f'<ext uri="{_ARGUMENT_HELP}" xmlns:x14="{_X14}"><x14:definedNames>'
        f"{_argument_help(functions, language)}</x14:definedNames></ext>"
    )
    if "</extLst>" in text:
        head, _, tail = text.rpartition("</extLst>")
        text = f"{head}{help_}</extLst>{tail}"
    else:
        text = text.replace("</workbook>", f"<extLst>{help_}</extLst></workbook>", 1)
    return text.encode("utf-8")


def _argument_help(functions: Sequence[WorksheetFunction], language: str) -> str:
    written = []
    for function in sorted(functions, key=lambda f: f.name.lower()):
        texts = "".join(
            f'<x14:argumentDescription index="{k}">{escape(a.help.text(language))}</x14:argumentDescription>'
            for k, a in enumerate(function.arguments)
        )
        if texts:
            written.append(
                f'<x14:definedName name="{function.name}"><x14:argumentDescriptions '
                f'count="{len(function.arguments)}">{texts}</x14:argumentDescriptions></x14:definedName>'
            )
    return "".join(written)


def _content_types(data: bytes, sheets: Sequence[_Added]) -> bytes:
    text = data.decode("utf-8").replace(_PLAIN_MAIN, _MACRO_MAIN)
    added = (
        "".join(f'<Override PartName="/{sheet.part}" ContentType="{_SHEET_TYPE}"/>' for sheet in sheets)
        + f'<Override PartName="/{_VBA_PART}" ContentType="{_VBA_TYPE}"/>'
    )
    return text.replace("</Types>", f"{added}</Types>", 1).encode("utf-8")


def _with_relations(data: bytes, *added: tuple[str, str]) -> bytes:
    """A relations part with further arrows, each a type and the part it points to."""
    arrows = "".join(
        f'<Relationship Id="rIdXlplugin{n}" Type="{kind}" Target="/{part}"/>'
        for n, (kind, part) in enumerate(added, start=1)
    )
    return data.decode("utf-8").replace("</Relationships>", f"{arrows}</Relationships>", 1).encode("utf-8")


def _with_code_name(data: bytes, name: str) -> bytes:
    """The sheet with `<sheetPr codeName>`; it stands first in a worksheet."""
    head = re.search(rb"<worksheet\b[^>]*>", data)
    if head is None:
        raise HostError("a sheet of the book is not readable; save it again in Excel")
    properties = re.compile(rb"<sheetPr\b([^>]*?)(/?)>").match(data, head.end())
    attribute = f' codeName="{name}"'.encode()
    if properties is None:
        return data[: head.end()] + b"<sheetPr" + attribute + b"/>" + data[head.end() :]
    kept = re.sub(rb'\s+codeName="[^"]*"', b"", properties[1])
    written = b"<sheetPr" + attribute + kept + properties[2] + b">"
    return data[: properties.start()] + written + data[properties.end() :]


class _Added(NamedTuple):
    """A sheet that the book did not have."""

    name: str
    part: str
    code_name: str
    state: str
    data: bytes


def _added_sheets(
    functions: Sequence[WorksheetFunction],
    language: str,
    interpreter: str | None,
    first: int,
    taken: Collection[str],
) -> list[_Added]:
    """The settings of xlwings, the help while typing, the reference of all functions."""
    settings = CONFIGURATION | ({"INTERPRETER_WIN": interpreter} if interpreter else {})
    if find_spec("xlwings") is not None:
        settings = settings | {BUILT_WITH: installed_version("xlwings")}
    title = "関数一覧" if language == "ja" else "Functions"
    if title.casefold() in taken:
        title = f"xlplugin {title}"
    hidden, very_hidden = ' state="hidden"', ' state="veryHidden"'
    sheets = (
        ("xlwings.conf", "xlwings_conf", hidden, _text_sheet(f"Sheet{first}", list(settings.items()))),
        (
            "_IntelliSense_",
            "xlplugin_intellisense",
            very_hidden,
            _text_sheet(f"Sheet{first + 1}", _intellisense(functions, language)),
        ),
        (
            title,
            "xlplugin_functions",
            "",
            _text_sheet(f"Sheet{first + 2}", sheet_rows(functions, language), widths=(26, 60, 24, 100)),
        ),
    )
    return [
        _Added(name, f"{_SHEETS}/{file}.xml", f"Sheet{first + n}", state, data)
        for n, (name, file, state, data) in enumerate(sheets)
    ]


def _intellisense(functions: Iterable[WorksheetFunction], language: str) -> list[list[str]]:
    """One row per function as Excel-DNA IntelliSense reads it: name, help, topic, then each argument."""
    rows = [["FunctionInfo", "1.0"]]
    for function in functions:
        arguments = ((a.name, a.help.text(language)) for a in function.arguments)
        rows.append(
            [function.name, function.help.text(language), "", *(t for pair in arguments for t in pair)]
        )
    return rows


def _text_sheet(code_name: str, rows: Sequence[Sequence[str]], *, widths: Sequence[int] = ()) -> bytes:
    """A sheet of texts; with widths the first row stays in sight."""
    written = "".join(
        f'<row r="{n}">'
        + "".join(
            f'<c r="{column_name(place)}{n}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
            for place, text in enumerate(row, start=1)
            if text
        )
        + "</row>"
        for n, row in enumerate(rows, start=1)
    )
    frame = ""
    if widths:
        columns = "".join(
            f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>' for n, width in enumerate(widths, 1)
        )
        pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        frame = (
            f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews><cols>{columns}</cols>'
        )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<sheetPr codeName="{code_name}"/>{frame}<sheetData>{written}</sheetData></worksheet>'
    ).encode()
