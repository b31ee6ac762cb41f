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

__all__ = ["COMMANDS", "GROUPS", "BookPort", "Command", "FilePort", "run", "run_verb"]

After = Literal["tell", "open", "recalculate"]
Files = Literal["job", "data"]
_TIMEOUT = 3600
_MESSAGE = 900  # a message box of Windows shows about a thousand characters

GROUPS = {
    "data": ("データ", "Data"),
    "analyze": ("分析", "Analyze"),
    "output": ("出力", "Output"),
    "review": ("確認", "Review"),
    "help": ("ヘルプ", "Help"),
}
"""The groups of the ribbon tab, in order, with their labels in Japanese and English."""


@dataclass(frozen=True)
class Command:
    """One button.

    Attributes
    ----------
    name : str
        Of the macro, in Excel's macro list.
    group : str
        A key of `GROUPS`.
    ja, en : str
        The label.
    verb : tuple of str
        Words of the command line; ``{book}`` is a copy of the open book, ``{folder}`` its folder,
        ``{stem}`` and ``{suffix}`` the parts of its name, ``{cell}`` the selected cell, ``{files}`` what
        the user chooses, ``{other}`` the language that the book does not have.
    after : {"tell", "open", "recalculate"}
        What is done with the result: say it, open the file it wrote, or let Excel calculate.
    files : {"job", "data"}, optional
        The kind of files that ``{files}`` asks for: one job file, or any number of tables.
    """

    name: str
    group: str
    ja: str
    en: str
    verb: tuple[str, ...]
    after: After
    files: Files | None = None

    def label(self, language: str) -> str:
        """The label in `language`."""
        return self.ja if language == "ja" else self.en


def _beside(ending: str) -> str:
    return "{folder}/{stem}." + ending + "{suffix}"


COMMANDS = (
    Command(
        "Xlplugin_Import",
        "data",
        "取込",
        "Import",
        ("import", "{book}", "{files}", "--out", _beside("imported")),
        "open",
        "data",
    ),
    Command(
        "Xlplugin_Refresh",
        "data",
        "更新",
        "Refresh",
        ("refresh", "{book}", "--market", "{files}", "--out", _beside("refreshed")),
        "open",
        "job",
    ),
    Command("Xlplugin_Recalculate", "analyze", "再計算", "Recalculate", (), "recalculate"),
    Command(
        "Xlplugin_Harvest",
        "analyze",
        "損出し",
        "Harvest",
        ("harvest", "{book}", "--out", _beside("harvest")),
        "open",
    ),
    Command(
        "Xlplugin_Proposal",
        "output",
        "提案書",
        "Proposal",
        ("proposal", "{book}", "--out", "{folder}/proposal"),
        "open",
    ),
    Command("Xlplugin_Batch", "output", "一括作成", "Batch", ("batch", "{files}"), "tell", "job"),
    Command(
        "Xlplugin_Freeze",
        "output",
        "値で固定",
        "Freeze",
        ("freeze", "{book}", "--out", "{folder}/{stem}.values.xlsx"),
        "open",
    ),
    Command("Xlplugin_Checks", "review", "チェック", "Checks", ("check", "{book}"), "tell"),
    Command("Xlplugin_Explain", "review", "根拠", "Explain", ("explain", "{book}", "{cell}"), "tell"),
    Command("Xlplugin_Verify", "review", "照合", "Verify", ("verify", "{book}", "--functions-only"), "tell"),
    Command("Xlplugin_Lint", "review", "体裁", "Lint", ("lint", "{book}"), "tell"),
    Command(
        "Xlplugin_Language",
        "help",
        "言語",
        "Language",
        ("translate", "{book}", "--lang", "{other}", "--out", _beside("{other}")),
        "open",
    ),
    Command("Xlplugin_Doctor", "help", "診断", "Doctor", ("doctor",), "tell"),
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

    def ask_for_files(self, title: str, kind: Files) -> list[Path]:
        """What the user chooses: one job file, or any number of tables; nothing if it is cancelled."""

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
    spoken = [] if "--lang" in words else ["--lang", port.language]
    code, output = run_verb([*words, *spoken, "--json"])
    path = _first_file(output) if command.after == "open" else None
    if path is not None:
        port.open(path)
    if path is None or code != 0:
        port.tell(command.label(port.language), _said(output) or output[:_MESSAGE])


def _filled(command: Command, port: BookPort) -> list[str] | None:
    """The words of the command line, or None where the user has cancelled."""
    needed = " ".join(command.verb)
    facts: dict[str, str] = {"folder": str(port.folder), "other": "en" if port.language == "ja" else "ja"}
    files: list[Path] = []
    if "{book}" in needed:
        book = port.snapshot()
        facts |= {"book": str(book), "stem": book.stem, "suffix": book.suffix}
    if "{cell}" in needed:
        facts["cell"] = port.selected()
    if command.files is not None:
        files = port.ask_for_files(command.label(port.language), command.files)
        if not files:
            return None
    words: list[str] = []
    for word in command.verb:
        if word == "{files}":
            words += map(str, files)
        elif words and words[-1] == "--out":
            words.append(str(_free(Path(word.format(**facts)))))
        else:
            words.append(word.format(**facts))
    return words


def _free(path: Path) -> Path:
    """The path, or the next one with a number where a workbook has that name already."""
    if not path.suffix.startswith(".xls"):  # a folder
        return path
    numbered = (path.with_name(f"{path.stem} ({n}){path.suffix}") for n in range(2, 1000))
    return path if not path.exists() else next(p for p in numbered if not p.exists())


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
    """What the verb found, as lines for a message: its own words, or names and values."""
    data = _parsed(output)
    if data is None:
        return output.strip()[:_MESSAGE]
    if isinstance(data, dict) and isinstance(data.get("error"), dict):
        return str(data["error"].get("sentence", ""))
    said = data.get("said") if isinstance(data, dict) else None
    return "\n".join(said if isinstance(said, list) else _lines(data))[:_MESSAGE]


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

    def __init__(self, book: Path, *, language: str, cell: str = "", files: Sequence[Path] = ()) -> None:
        if not book.is_file():
            raise InputError(f"{book}: there is no such workbook; check the path")
        self._book, self._language, self._cell, self._files = book, language, cell, list(files)
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

    def ask_for_files(self, title: str, kind: Files) -> list[Path]:
        """The files given."""
        return self._files

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
