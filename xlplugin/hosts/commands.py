"""The commands an advisor presses: each is a command-line verb on a copy of the open book.

A command is data: its labels, the verb it runs and what is done with the result. It sees the book
through a small port with two sides: a workbook file (command line, tests) and an open Excel
(`hosts/excel/commands.py`). The verb runs in a process of its own, so a macro gives the numbers that
the command line gives, and a long one never blocks the calculation of the book.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from xlplugin.errors import HostError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "BookPort", "Command", "FilePort", "run", "run_verb"]

After = Literal["tell", "open", "recalculate"]
_TIMEOUT = 3600


@dataclass(frozen=True)
class Command:
    """One button.

    Attributes
    ----------
    name : str
        Of the macro, in Excel's macro list.
    ja, en : str
        The label.
    verb : tuple of str
        Words of the command line; ``{book}`` is a copy of the open book, ``{folder}`` its folder,
        ``{cell}`` the selected cell, ``{file}`` a file the user chooses, ``{language}`` the book's.
    after : {"tell", "open", "recalculate"}
        What is done with the result: say it, open the file it wrote, or let Excel calculate.
    """

    name: str
    ja: str
    en: str
    verb: tuple[str, ...]
    after: After

    def label(self, language: str) -> str:
        """The label in `language`."""
        return self.ja if language == "ja" else self.en


COMMANDS = (
    Command("Xlplugin_Recalculate", "再計算", "Recalculate", (), "recalculate"),
    Command(
        "Xlplugin_Proposal",
        "提案書",
        "Proposal",
        ("proposal", "{book}", "--out", "{folder}/proposal"),
        "open",
    ),
    Command("Xlplugin_Batch", "一括作成", "Batch", ("batch", "{file}"), "tell"),
    Command("Xlplugin_Checks", "チェック", "Checks", ("check", "{book}"), "tell"),
    Command("Xlplugin_Verify", "照合", "Verify", ("verify", "{book}", "--functions-only"), "tell"),
    Command(
        "Xlplugin_Freeze",
        "値で固定",
        "Freeze",
        ("freeze", "{book}", "--out", "{folder}/{stem}.values.xlsx"),
        "open",
    ),
    Command("Xlplugin_Doctor", "診断", "Doctor", ("doctor",), "tell"),
)


class BookPort(Protocol):
    """What a command may ask of the book in front of the user."""

    @property
    def language(self) -> str:
        """The language of the book, "ja" or "en"."""

    @property
    def folder(self) -> Path:
        """Where the book lies."""

    def snapshot(self) -> Path:
        """A copy of the book as it is now; the book itself is never written over."""

    def selected(self) -> str:
        """The selected cell as ``Sheet!A1``."""

    def ask_for_file(self, title: str) -> Path | None:
        """A file the user chooses, or None."""

    def tell(self, title: str, text: str) -> None:
        """Show a text."""

    def open(self, path: Path) -> None:
        """Open another workbook."""

    def recalculate(self) -> None:
        """Calculate the book where it is; the calculation mode is left as it was."""


def run(command: Command, port: BookPort) -> None:
    """Press the button.

    Raises
    ------
    HostError
        If the command line cannot be started.
    """
    if command.after == "recalculate":
        port.recalculate()
        return
    words = _filled(command, port)
    if words is None:
        return
    code, output = run_verb([*words, "--lang", port.language, "--json"])
    title = command.label(port.language)
    text = _said(output)
    path = _first_file(output)
    if command.after == "open" and path is not None:
        port.open(path)
    else:
        port.tell(title, text if code in (0, 1) else text or output[:900])


def _filled(command: Command, port: BookPort) -> list[str] | None:
    needed = " ".join(command.verb)
    facts: dict[str, str] = {"language": port.language, "folder": str(port.folder), "stem": ""}
    if "{book}" in needed:
        book = port.snapshot()
        facts |= {"book": str(book), "stem": book.stem}
    if "{cell}" in needed:
        facts["cell"] = port.selected()
    if "{file}" in needed:
        file = port.ask_for_file(command.label(port.language))
        if file is None:
            return None
        facts["file"] = str(file)
    return [word.format(**facts) for word in command.verb]


def run_verb(words: Sequence[str]) -> tuple[int, str]:
    """Run the command line in a process of its own; its exit code and what it printed."""
    command = [sys.executable, "-c", "import sys; from xlplugin.cli import main; sys.exit(main())", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT, check=False
        )
    except OSError as error:
        raise HostError(
            f"{sys.executable} cannot be started: {error.strerror}; run xlplugin doctor"
        ) from None
    return done.returncode, done.stdout or done.stderr


def _parsed(output: str) -> Any:
    try:
        return json.loads(output)
    except json.JSONDecodeError:
        return None


def _first_file(output: str) -> Path | None:
    data = _parsed(output)
    if isinstance(data, dict):
        named = data.get("file") or next(iter(data.get("files", [])), None)
        return Path(named) if named else None
    return None


def _said(output: str) -> str:
    """What the verb found, as lines for a message: names and values, or the sentence of its error."""
    data = _parsed(output)
    if data is None:
        return output.strip()[:900]
    if isinstance(data, dict) and isinstance(data.get("error"), dict):
        return str(data["error"].get("sentence", ""))
    return "\n".join(_lines(data))[:900]


def _lines(data: Any, indent: str = "") -> list[str]:
    if isinstance(data, dict):
        lines = []
        for key, value in data.items():
            nested = isinstance(value, (dict, list))
            lines.append(f"{indent}{key}:" if nested else f"{indent}{key}: {value}")
            if nested:
                lines += _lines(value, indent + "  ")
        return lines
    if isinstance(data, list):
        return [line for item in data for line in _lines(item, indent)]
    return [f"{indent}{data}"]


class FilePort:
    """The side of a workbook file: what is told and opened is kept for the caller to print."""

    def __init__(self, book: Path, *, language: str, cell: str = "", file: Path | None = None) -> None:
        if not book.is_file():
            raise InputError(f"{book}: there is no such workbook; check the path")
        self._book, self._language, self._cell, self._file = book, language, cell, file
        self.told: list[tuple[str, str]] = []
        self.opened: list[Path] = []

    @property
    def language(self) -> str:
        """The language given."""
        return self._language

    @property
    def folder(self) -> Path:
        """Where the file lies."""
        return self._book.parent

    def snapshot(self) -> Path:
        """The file itself: verbs write beside it, never over it."""
        return self._book

    def selected(self) -> str:
        """The cell given."""
        return self._cell

    def ask_for_file(self, title: str) -> Path | None:
        """The file given."""
        return self._file

    def tell(self, title: str, text: str) -> None:
        """Keep the text."""
        self.told.append((title, text))

    def open(self, path: Path) -> None:
        """Keep the path."""
        self.opened.append(path)

    def recalculate(self) -> None:
        """Compute the file into a copy."""
        code, output = run_verb(["calc", str(self._book), "--lang", self._language, "--json"])
        path = _first_file(output)
        if path is not None:
            self.opened.append(path)
        elif code:
            self.told.append(("calc", _said(output)))
