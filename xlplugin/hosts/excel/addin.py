"""The conventional way: xlwings' own add-in in Excel, pointed to this Python and to our functions.

Nobody needs it for a book that `xlplugin excel new` made. It serves books of one's own: with the add-in
its ribbon has Import Functions, which writes wrappers into the open book (Excel asks for trust in the
VBA project then). The add-in is the BSD part of xlwings; its settings are lines of two quoted texts.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from xlplugin.errors import HostError
from xlplugin.hosts.excel.xlsm import CONFIGURATION

__all__ = ["MODULES", "Places", "install", "places", "settings", "status", "uninstall"]

MODULES = "xlplugin.hosts.excel.functions"
_ADDIN = "xlwings.xlam"
_ON_WINDOWS = sys.platform == "win32"
_ENCODING = "mbcs" if _ON_WINDOWS else "utf-8"  # VBA reads the settings in the code page of Windows
_IN_USE = "{path} cannot be written; close Excel and try again"


class Places(NamedTuple):
    """Where Excel starts its add-ins from, and where xlwings keeps the user's settings."""

    startup: Path
    configuration: Path


def places() -> Places:
    """The places of this user.

    Raises
    ------
    HostError
        If this is not Windows: only there does xlwings offer worksheet functions.
    """
    if not _ON_WINDOWS:
        raise HostError(
            f"xlwings' add-in offers functions on Windows only, and this is {sys.platform}; "
            "use xlplugin officejs serve, xlplugin libreoffice install or xlplugin calc"
        )
    roaming = Path(os.environ.get("APPDATA", str(Path.home() / "AppData" / "Roaming")))
    return Places(
        roaming / "Microsoft" / "Excel" / "XLSTART" / _ADDIN, Path.home() / ".xlwings" / "xlwings.conf"
    )


def _source() -> Path:
    spec = find_spec("xlwings")
    if spec is None or spec.origin is None:
        raise HostError("xlwings is not installed; run: python -m pip install 'xlplugin[excel]'")
    return Path(spec.origin).parent / "addin" / _ADDIN


def settings(executable: str = sys.executable) -> dict[str, str]:
    """What xlwings must know: which Python to start, and the module that Import Functions reads.

    Examples
    --------
    >>> settings("C:/x/python.exe")["UDF MODULES"]
    'xlplugin.hosts.excel.functions'
    """
    path = Path(executable)
    windowless = path.with_name("pythonw.exe")
    started = windowless if windowless.is_file() else path
    return CONFIGURATION | {"INTERPRETER_WIN": str(started), "UDF MODULES": MODULES}


def install(where: Places) -> str:
    """Copy the add-in to where Excel starts it, and write our settings beside the user's own.

    Raises
    ------
    HostError
        If xlwings is missing, or Excel holds the file.
    """
    source = _source()
    try:
        where.startup.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, where.startup)
    except OSError:
        raise HostError(_IN_USE.format(path=where.startup)) from None
    _write(where.configuration, _read(where.configuration) | settings())
    return (
        f"installed {where.startup}, xlwings {version('xlwings')}; restart Excel, then press Import Functions"
    )


def uninstall(where: Places) -> str:
    """Remove the add-in and our settings; another version of the add-in and other settings stay.

    Raises
    ------
    HostError
        If Excel holds the file.
    """
    mine = settings()
    kept = {k: v for k, v in _read(where.configuration).items() if mine.get(k) != v}
    if where.configuration.is_file():
        _write(where.configuration, kept)
    if not where.startup.is_file():
        return "the add-in was not installed; nothing to remove"
    if not _is_ours(where.startup):
        return (
            f"{where.startup} is of another xlwings and was left alone; remove it with: xlwings addin remove"
        )
    try:
        where.startup.unlink()
    except OSError:
        raise HostError(_IN_USE.format(path=where.startup)) from None
    return f"removed {where.startup}; restart Excel"


def status(where: Places) -> list[tuple[str, str, str]]:
    """What is there: "ok", "missing" or "broken", what was found, and the command that mends it."""
    found = []
    if not where.startup.is_file():
        found.append(("missing", "xlwings' add-in is not installed", "xlplugin excel install"))
    elif not _is_ours(where.startup):
        text = f"{where.startup} is not that of xlwings {version('xlwings')}"
        found.append(("broken", text, "xlplugin excel install"))
    else:
        found.append(("ok", f"{where.startup}, xlwings {version('xlwings')}", ""))
    held = _read(where.configuration)
    for key, value in settings().items():
        if held.get(key) == value:
            found.append(("ok", f"{key} = {value}", ""))
        else:
            level = "missing" if key not in held else "broken"
            found.append((level, f"{key} = {held.get(key, '')}, not {value}", "xlplugin excel install"))
    return found


def _is_ours(path: Path) -> bool:
    return path.read_bytes() == _source().read_bytes()


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    text = path.read_text(encoding=_ENCODING, errors="replace")
    return {row[0]: row[1] for row in csv.reader(io.StringIO(text)) if len(row) == 2}


def _write(path: Path, found: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f'"{key}","{value}"\n' for key, value in found.items())
    path.write_text(text, encoding=_ENCODING, errors="replace")
