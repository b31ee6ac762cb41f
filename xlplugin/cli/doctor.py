"""``xlplugin doctor``: what this machine has, what is missing, and one remedy per line."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.cli.places import templates
from xlplugin.hosts.doctor import book_findings, findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xlplugin.cli.words import Language

__all__ = ["Check", "examine"]

_STATES = {"ok": "ok", "missing": "warn", "broken": "error"}
_READERS = ("python-calamine", "pyarrow", "exchange-calendars")
_EXTRAS = {"SQLAlchemy": ("sql", "sqlalchemy"), "distributed": ("cluster", "distributed")}
_JAPANESE_FONTS = ("Noto Sans CJK JP", "IPAGothic", "IPAPGothic", "Meiryo", "Yu Gothic")
_LEAST_GIGABYTES = 0.2


class Check(NamedTuple):
    """One line of the diagnosis; state is ok, warn or error."""

    part: str
    state: str
    found: str
    remedy: str = ""


def examine(language: Language, book: Path | None = None) -> list[Check]:
    """Look at the hosts, the readers, the templates, the fonts and the temporary folder.

    Parameters
    ----------
    language : {"ja", "en"}
        Of what is said here; the hosts speak English.
    book : Path, optional
        A workbook that does not work in Excel.
    """
    ja = language == "ja"
    hosts = [*findings(), *(book_findings(book) if book is not None else ())]
    return [
        *(Check(f.host, _STATES[f.level], f.text, f.remedy) for f in hosts),
        *_readers(ja=ja),
        _templates(ja=ja),
        *_fonts(ja=ja),
        _temporary(ja=ja),
    ]


def _readers(*, ja: bool) -> Iterator[Check]:
    for name in _READERS:
        try:
            yield Check("files", "ok", f"{name} {version(name)}")
        except PackageNotFoundError:
            text = f"{name} がありません" if ja else f"{name} is not installed"
            yield Check("files", "error", text, "python -m pip install xlplugin")
    for name, (extra, module) in _EXTRAS.items():
        if find_spec(module) is not None:
            yield Check(extra, "ok", f"{name} {version(name)}")
        else:
            text = f"{name} はありません(任意)" if ja else f"{name} is not installed (optional)"
            yield Check(extra, "ok", text, f"python -m pip install 'xlplugin[{extra}]'")


def _templates(*, ja: bool) -> Check:
    found = [path.name for path in templates()]
    if found:
        return Check("templates", "ok", ", ".join(found))
    text = "テンプレートがありません" if ja else "no template is installed"
    return Check("templates", "error", text, "python -m pip install --force-reinstall xlplugin")


def _fonts(*, ja: bool) -> Iterator[Check]:
    lister = shutil.which("fc-list")
    if lister is None:  # Windows and macOS bring their own
        return
    listed = subprocess.run([lister, ":", "family"], capture_output=True, text=True, check=False).stdout
    have = {
        "fonts-noto-cjk": any(font in listed for font in _JAPANESE_FONTS),
        "fonts-crosextra-carlito": any(font in listed for font in ("Carlito", "Calibri")),
    }
    for package, there in have.items():
        if there:
            yield Check("fonts", "ok", package)
        else:
            text = (
                f"{package} がなくPDFの見た目が変わります"
                if ja
                else f"{package}: PDF pages look different without"
            )
            yield Check("fonts", "warn", text, f"apt install {package}")


def _temporary(*, ja: bool) -> Check:
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free / 1e9
    text = f"{folder}, {free:.1f} GB"
    if not os.access(folder, os.W_OK) or free < _LEAST_GIGABYTES:
        return Check(
            "disk", "error", text, "空きを作るか TMPDIR を変える" if ja else "free some space or set TMPDIR"
        )
    return Check("disk", "ok", text)
