"""What commands print and how they end: tables for people, JSON for machines, exit codes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.words import Language, preferred, say
from xlplugin.errors import HostError, InfeasibleError, XlPluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Console", "Exit", "Json", "Lang", "code_of", "option", "sentence"]

HELP = preferred()
"""The language of help texts, which exist before a command has read its options."""


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    DATA = 3
    INFEASIBLE = 4
    ENVIRONMENT = 5


def _language(value: str) -> str:
    if value not in {"ja", "en"}:
        raise typer.BadParameter("ja | en")
    return value


def option(name: str, key: str, **more: Any) -> Any:
    """An option with its help text by key."""
    return typer.Option(name, help=say(key, HELP), **more)


Lang = Annotated[str, option("--lang", "help.lang", callback=_language)]
Json = Annotated[bool, option("--json", "help.json")]


def code_of(error: XlPluginError) -> Exit:
    """The exit code for an error of a user."""
    if isinstance(error, HostError):
        return Exit.ENVIRONMENT
    return Exit.INFEASIBLE if isinstance(error, InfeasibleError) else Exit.DATA


def sentence(error: XlPluginError, language: Language) -> str:
    """The sentence of an error, in `language` where the error speaks it."""
    speak = getattr(error, "sentence", None)
    return str(speak(language)) if callable(speak) else str(error)


@dataclass(frozen=True)
class Console:
    """Where one command speaks: the language, and whether to people or to machines."""

    language: Language
    json: bool = False

    @classmethod
    def of(cls, lang: str, *, as_json: bool) -> Console:
        """The console for the options of a command."""
        return cls("ja" if lang == "ja" else "en", as_json)

    def say(self, key: str, /, **facts: object) -> str:
        """A text in the language of the command."""
        return say(key, self.language, **facts)

    def line(self, text: str = "") -> None:
        """One line for people; nothing for machines."""
        if not self.json:
            sys.stdout.write(text + "\n")

    def lines(self, said: list[str]) -> list[str]:
        """Several lines for people; given back, so that a message box of Excel can show them too."""
        for text in said:
            self.line(text)
        return said

    def data(self, value: Any) -> None:
        """The result for machines; nothing for people."""
        if self.json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + "\n")

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people; nothing for machines."""
        if self.json:
            return
        from rich.console import Console as RichConsole  # noqa: PLC0415  (the light start)
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        for name in header:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        RichConsole(file=sys.stdout, highlight=False).print(table)

    def fail(self, error: XlPluginError) -> Exit:
        """Print the sentence of an error; the exit code that belongs to it."""
        code = code_of(error)
        text = sentence(error, self.language)
        if self.json:
            self.data({"error": {"code": error.code, "sentence": text, "exit": int(code)}})
        else:
            sys.stderr.write(f"{self.say('error')} {error.code}: {text}\n")
        return code
