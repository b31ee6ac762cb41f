"""The macros of the book: `hosts.commands` on an Excel that is open. Only this side knows xlwings."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xlwings as xw

from xlplugin.hosts import commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.hosts.commands import Command

_TABLES = "*.csv;*.tsv;*.txt;*.xlsx;*.xlsm;*.xls;*.parquet"
_FILTERS = {"job": "TOML (*.toml),*.toml", "data": f"CSV, Excel, Parquet ({_TABLES}),{_TABLES}"}


class ExcelPort:
    """The book from which a macro was started."""

    def __init__(self, book: Any) -> None:
        self._book = book

    @property
    def language(self) -> str:
        """The language that the book names in its cell cfg_language; English if it names none."""
        try:
            value = self._book.names["cfg_language"].refers_to_range.value
        except (KeyError, AttributeError, TypeError):
            return "en"
        return "ja" if value == "ja" else "en"

    @property
    def folder(self) -> Path:
        """Where the book lies; the user's temporary folder for a book not saved yet."""
        path = Path(self._book.fullname)
        return path.parent if path.parent.is_dir() and path.is_absolute() else Path(tempfile.gettempdir())

    def snapshot(self) -> Path:
        """A copy in a temporary folder; cells as they are now, saved or not."""
        folder = Path(tempfile.mkdtemp(prefix="xlplugin-"))
        path = folder / Path(self._book.name).name
        self._book.api.SaveCopyAs(str(path))
        return path

    def selected(self) -> str:
        """The active cell as Sheet!A1."""
        cell = self._book.app.api.ActiveCell
        return f"{cell.Worksheet.Name}!{cell.Address(False, False)}"

    def ask_for_files(self, title: str, kind: str) -> list[Path]:
        """Excel's own dialog; it gives False where it was cancelled."""
        chosen = self._book.app.api.GetOpenFilename(
            FileFilter=_FILTERS[kind], Title=title, MultiSelect=kind == "data"
        )
        if isinstance(chosen, str):
            return [Path(chosen)]
        return [Path(name) for name in chosen] if isinstance(chosen, (list, tuple)) else []

    def tell(self, title: str, text: str) -> None:
        """A message box."""
        self._book.app.alert(text, title)

    def open(self, path: Path) -> None:
        """Open the workbook in the same Excel."""
        self._book.app.books.open(str(path))

    def recalculate(self) -> None:
        """Calculate everything; the calculation mode is restored."""
        app = self._book.app
        mode = app.calculation
        try:
            app.api.CalculateFull()
        finally:
            app.calculation = mode


def _macro(command: Command) -> Callable[[], None]:
    def press() -> None:
        commands.run(command, ExcelPort(xw.Book.caller()))

    press.__name__ = press.__qualname__ = command.name
    press.__module__ = __name__
    press.__doc__ = command.en
    macro: Callable[[], None] = xw.sub(press)
    return macro


_macros = {command.name: _macro(command) for command in commands.COMMANDS}
globals().update(_macros)
__all__ = ["ExcelPort", *sorted(_macros)]
