"""What is installed for each host, what is missing, and the one command that mends it."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from xlplugin import __version__
from xlplugin.errors import XlPluginError
from xlplugin.hosts.common import MEMORY
from xlplugin.hosts.excel.xlsm import BUILT_WITH, xlwings_runtime
from xlplugin.hosts.libreoffice.install import find_program
from xlplugin.hosts.market import data_folder
from xlplugin.workbook import Book, PackageError
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "book_findings", "findings"]

Level = Literal["ok", "missing", "broken"]
_OLDEST = (3, 11)
_ON_WINDOWS = platform.system() == "Windows"
_MUCH_ON_DISK = 2e9
_INSTALL = "python -m pip install 'xlplugin[{extra}]'"


class Finding(NamedTuple):
    """One line of the report.

    Attributes
    ----------
    host : str
        python, headless, excel, officejs, libreoffice or book.
    level : {"ok", "missing", "broken"}
        Missing things are optional; broken ones were meant to work.
    text : str
        What was found.
    remedy : str
        The one command or step that mends it; empty when nothing is wrong.
    """

    host: str
    level: Level
    text: str
    remedy: str = ""


def findings() -> list[Finding]:
    """Everything that can be said without a workbook, host by host."""
    return [*_python(), *_headless(), *_excel(), *_officejs(), *_libreoffice()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _python() -> Iterator[Finding]:
    number = platform.python_version()
    if sys.version_info >= _OLDEST:
        yield Finding("python", "ok", f"Python {number} at {sys.executable}")
    else:
        yield Finding("python", "broken", f"Python {number} is too old", "install Python 3.11 or newer")
    try:
        functions = load()
        yield Finding("python", "ok", f"xlplugin {__version__} with {len(functions)} worksheet functions")
    except (ImportError, ValueError, TypeError) as error:
        remedy = "reinstall xlplugin, or remove the package of functions that the message names"
        yield Finding("python", "broken", f"the worksheet functions do not load: {error}", remedy)
    yield from _caches()


def _caches() -> Iterator[Finding]:
    """What is remembered in this process, and what is kept on disk behind handles."""
    held, most = MEMORY.cells
    asked = MEMORY.hits + MEMORY.misses
    text = f"memory: {held:,} of at most {most:,} cells remembered"
    yield Finding("python", "ok", f"{text}; {MEMORY.hits} of {asked} answers came from it" if asked else text)
    folder = data_folder() / "handles"
    try:
        sizes = [path.stat().st_size for path in folder.glob("*.npz")]
    except OSError:
        yield Finding(
            "python", "missing", f"{folder} cannot be read", "set XLPLUGIN_DATA to a folder of yours"
        )
        return
    text = f"handles: {len(sizes)} kept in {folder}, {sum(sizes) / 1e6:.1f} MB"
    if sum(sizes) > _MUCH_ON_DISK:
        yield Finding("python", "missing", text, f"delete files in {folder}; books make them again")
    else:
        yield Finding("python", "ok", text)


def _headless() -> Iterator[Finding]:
    for package in ("formualizer", "openpyxl", "XlsxWriter", "lxml"):
        found = _version(package)
        if found is None:
            yield Finding(
                "headless", "broken", f"{package} is not installed", "python -m pip install xlplugin"
            )
        else:
            yield Finding("headless", "ok", f"{package} {found}")


def _excel() -> Iterator[Finding]:
    found = _version("xlwings")
    if found is None:
        yield Finding("excel", "missing", "xlwings is not installed", _INSTALL.format(extra="excel"))
        return
    yield Finding("excel", "ok", f"xlwings {found}")
    try:
        xlwings_runtime()
    except XlPluginError as error:
        yield Finding(
            "excel", "broken", str(error), f"python -m pip install --force-reinstall xlwings=={found}"
        )
    if not _ON_WINDOWS:
        text = f"worksheet functions over COM need Windows; this is {platform.system()}"
        remedy = "use the Office add-in (xlplugin officejs serve) or compute with xlplugin calc"
        yield Finding("excel", "missing", text, remedy)
        return
    bits = "64" if sys.maxsize > 2**32 else "32"
    folders = [Path(sys.executable).parent, Path(sys.executable).parent.parent]
    name = f"xlwings{bits}-{found}.dll"
    if any((folder / name).is_file() for folder in folders):
        yield Finding("excel", "ok", f"{name} is beside the interpreter")
    else:
        remedy = f"python -m pip install --force-reinstall xlwings=={found}"
        yield Finding("excel", "broken", f"{name} is not beside {sys.executable}", remedy)
    yield from _trust(_security("VBAWarnings"), _security("AccessVBOM"))


def _trust(macros: int | None, project: int | None) -> Iterator[Finding]:
    """What Excel's macro settings allow: 1 all, 2 after a question, 3 signed ones, 4 none."""
    if macros in (3, 4):
        what = "only signed macros run" if macros == 3 else "macros are switched off"
        remedy = "allow them in Trust Center > Macro Settings, or compute the .xlsx with xlplugin calc"
        yield Finding("excel", "broken", f"{what} in Excel", remedy)
    else:
        yield Finding("excel", "ok", "Excel lets macros run" + ("" if macros == 1 else " after a question"))
    if project == 1:
        yield Finding("excel", "ok", "Import Functions of xlwings may write into books")
    else:
        text = "the VBA project is not trusted: Import Functions of xlwings cannot work, our own books can"
        remedy = "only for Import Functions: Trust Center > Macro Settings > Trust access to the VBA project"
        yield Finding("excel", "missing", text, remedy)


def _security(name: str) -> int | None:
    """One macro setting of Excel: the firm's policy before the user's choice; None where neither is set."""
    if not _ON_WINDOWS:
        return None
    winreg: Any = import_module("winreg")  # is there on Windows only
    for root in (r"Software\Policies\Microsoft\Office", r"Software\Microsoft\Office"):
        with (
            contextlib.suppress(OSError),
            winreg.OpenKey(winreg.HKEY_CURRENT_USER, rf"{root}\16.0\Excel\Security") as key,
        ):
            return int(winreg.QueryValueEx(key, name)[0])
    return None


def _officejs() -> Iterator[Finding]:
    missing = [name for name in ("fastapi", "uvicorn", "cryptography") if find_spec(name) is None]
    if missing:
        yield Finding(
            "officejs", "missing", f"not installed: {', '.join(missing)}", _INSTALL.format(extra="server")
        )
    else:
        yield Finding("officejs", "ok", "the server of the Office add-in can start: xlplugin officejs serve")


def _libreoffice() -> Iterator[Finding]:
    office, tool = find_program("soffice"), find_program("unopkg")
    if office is None or tool is None:
        remedy = "install LibreOffice Calc, then xlplugin libreoffice install"
        yield Finding("libreoffice", "missing", "LibreOffice is not found", remedy)
        return
    yield Finding("libreoffice", "ok", f"LibreOffice at {office}")
    listing = subprocess.run(
        [str(tool), "list", "org.xlplugin.addin"], capture_output=True, text=True, check=False, timeout=120
    )
    if listing.returncode == 0 and "org.xlplugin.addin" in listing.stdout:
        shown = re.search(r"Version: (\S+)", listing.stdout)
        if shown and shown[1] != __version__:
            text = f"the add-in in LibreOffice is {shown[1]}, this is {__version__}"
            yield Finding("libreoffice", "broken", text, "xlplugin libreoffice install")
        else:
            yield Finding("libreoffice", "ok", "the add-in is installed")
    else:
        yield Finding("libreoffice", "missing", "the add-in is not installed", "xlplugin libreoffice install")


def book_findings(path: Path) -> list[Finding]:
    """What may keep one workbook from working in Excel on this machine."""
    found = []
    if not path.is_file():
        return [Finding("book", "broken", f"{path} is not a file", "check the path")]
    if _marked_as_from_the_web(path):
        text = f"{path.name} carries the mark of the web: Office blocks its macros"
        found.append(
            Finding("book", "broken", text, "file properties, Unblock; or build it here: xlplugin excel new")
        )
    try:
        book = Book(path)
    except PackageError:
        return [
            *found,
            Finding("book", "broken", f"{path.name} is not an .xlsx or .xlsm", "save it in Excel as .xlsx"),
        ]
    found += _clashes(book)
    if "xl/vbaProject.bin" not in book.package.entries:
        text = f"{path.name} holds no macros: its functions need the Office add-in or xlplugin calc"
        return [*found, Finding("book", "ok", text)]
    settings = _settings(book)
    interpreter = settings.get("INTERPRETER_WIN", "")
    place = Path(os.path.expandvars(re.sub(r"%(\w+)%", r"${\1}", interpreter)))
    if _ON_WINDOWS and not place.is_file():
        text = f"its Python is not there: {interpreter}"
        found.append(Finding("book", "broken", text, f"xlplugin excel new NEW.xlsm --from {path.name}"))
    if settings.get("ADD_WORKBOOK_TO_PYTHONPATH", "").lower() != "false":
        found.append(
            Finding(
                "book",
                "broken",
                "files beside the book can stand in for ours",
                "set ADD_WORKBOOK_TO_PYTHONPATH to False on the sheet xlwings.conf",
            )
        )
    built, installed = settings.get(BUILT_WITH, ""), _version("xlwings")
    if built and installed is not None and built != installed:
        text = f"it was built for xlwings {built}, and {installed} is installed: its library is not found"
        found.append(Finding("book", "broken", text, f"xlplugin excel new NEW.xlsm --from {path.name}"))
    return found or [Finding("book", "ok", f"{path.name}: macros, settings and interpreter are in order")]


def _clashes(book: Book) -> list[Finding]:
    """Names of the book that hide functions of ours."""
    mine = load().names
    names = sorted({name.name for name in book.package.names if name.name.upper() in mine})
    remedy = "rename it in Formulas > Name Manager"
    return [Finding("book", "broken", f"the name {name} hides our function", remedy) for name in names]


def _marked_as_from_the_web(path: Path) -> bool:
    if not _ON_WINDOWS:
        return False
    try:
        mark = Path(f"{path}:Zone.Identifier").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "ZoneId=3" in mark or "ZoneId=4" in mark


def _settings(book: Book) -> dict[str, str]:
    """The sheet xlwings.conf, as our builder or Excel has written it."""
    if "xlwings.conf" not in book.sheets:
        return {}
    cells = book.values("xlwings.conf")
    rows = sorted({row for row, _ in cells})
    return {str(cells.get((row, 1), "")).upper(): str(cells.get((row, 2), "")) for row in rows}
