"""What is installed for each host, what is missing, and the one command that mends it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from xlplugin import __version__
from xlplugin.errors import XlPluginError
from xlplugin.hosts.common import MEMORY
from xlplugin.hosts.libreoffice.install import find_program
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Finding", "book_findings", "findings"]

Level = Literal["ok", "missing", "broken"]
_OLDEST = (3, 11)
_ON_WINDOWS = platform.system() == "Windows"
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
    held = MEMORY.hits + MEMORY.misses
    if held:
        yield Finding("python", "ok", f"cache: {MEMORY.hits} of {held} answers came from memory")


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
    from xlplugin.hosts.excel.xlsm import xlwings_runtime  # noqa: PLC0415  (only with xlwings)

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
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
            settings = _settings(package)
    except (zipfile.BadZipFile, KeyError):
        return [
            *found,
            Finding("book", "broken", f"{path.name} is not an .xlsx or .xlsm", "save it in Excel as .xlsx"),
        ]
    if "xl/vbaProject.bin" not in names:
        text = f"{path.name} holds no macros: its functions need the Office add-in or xlplugin calc"
        return [*found, Finding("book", "ok", text)]
    interpreter = settings.get("INTERPRETER_WIN", "")
    place = Path(os.path.expandvars(re.sub(r"%(\w+)%", r"${\1}", interpreter)))
    if _ON_WINDOWS and not place.is_file():
        text = f"its Python is not there: {interpreter}"
        found.append(Finding("book", "broken", text, "xlplugin excel new BOOK.xlsm builds it anew"))
    if settings.get("ADD_WORKBOOK_TO_PYTHONPATH", "").lower() != "false":
        found.append(
            Finding(
                "book",
                "broken",
                "files beside the book can stand in for ours",
                "set ADD_WORKBOOK_TO_PYTHONPATH to False on the sheet xlwings.conf",
            )
        )
    return found or [Finding("book", "ok", f"{path.name}: macros, settings and interpreter are in order")]


def _marked_as_from_the_web(path: Path) -> bool:
    if not _ON_WINDOWS:
        return False
    try:
        mark = Path(f"{path}:Zone.Identifier").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "ZoneId=3" in mark or "ZoneId=4" in mark


def _settings(package: zipfile.ZipFile) -> dict[str, str]:
    """The sheet xlwings.conf as our builder writes it (texts inside the cells)."""
    try:
        text = package.read("xl/worksheets/xlwings_conf.xml").decode("utf-8")
    except KeyError:
        return {}
    cells = re.findall(r"<t>([^<]*)</t>", text)
    return dict(zip(cells[::2], cells[1::2], strict=False))
