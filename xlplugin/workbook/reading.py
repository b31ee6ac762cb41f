"""The values a workbook file holds, as they are stored.

Numbers are doubles: dates are not guessed (a date-aware reader shifts serials below 60). Used to
verify, to compare and to show results; bulk reading of client data belongs to `xlplugin.store`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xlplugin.errors import ErrorValue
from xlplugin.workbook.package import Package
from xlplugin.workbook.parts import plain_text
from xlplugin.workbook.strings import StringTable
from xlplugin.workbook.tokens import Box, cell
from xlplugin.workbook.xmltext import attributes, unxml, unxstring

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Book", "cell_value"]

_ROW = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row>)", re.S)
_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.S)
_VALUE = re.compile(r"<v\b[^>]*>(.*?)</v>", re.S)
_TEXTS = re.compile(r"<rPh\b.*?</rPh>|<t\b[^>]*(?<!/)>([^<]*)</t>", re.S)
_ERRORS = {error.value: error for error in ErrorValue}


class Book:
    """A workbook file opened for reading; sheets are read when somebody asks.

    Raises
    ------
    PackageError
        If the file is no workbook.
    """

    def __init__(self, source: bytes | Path | Package) -> None:
        self.package = source if isinstance(source, Package) else Package.open(source)
        related = self.package.related(self.package.main, "sharedStrings")
        self._strings = StringTable(self.package.data(related[0].target) if related else None)
        self._sheets: dict[str, dict[tuple[int, int], Any]] = {}

    @property
    def sheets(self) -> list[str]:
        """Names of the worksheets, in order."""
        return [sheet.name for sheet in self.package.sheets if sheet.is_worksheet]

    def values(self, sheet: str) -> dict[tuple[int, int], Any]:
        """Row and column -> float, str, bool or `ErrorValue`; empty cells are left out."""
        if sheet not in self._sheets:
            part = next(s.part for s in self.package.sheets if s.name == sheet and s.is_worksheet)
            self._sheets[sheet] = _read(plain_text(self.package.data(part), part), self._strings)
        return self._sheets[sheet]

    def block(self, sheet: str, corners: Box) -> list[list[Any]]:
        """Rows of values; None for an empty cell."""
        found = self.values(sheet)
        r1, c1, r2, c2 = corners
        return [[found.get((row, column)) for column in range(c1, c2 + 1)] for row in range(r1, r2 + 1)]


def _read(content: str, strings: StringTable) -> dict[tuple[int, int], Any]:
    found: dict[tuple[int, int], Any] = {}
    number = 0
    for match in _ROW.finditer(content):
        stated = attributes(match[1]).get("r", "")
        number = int(stated) if stated.isdigit() else number + 1
        column = 0
        for inner in _CELL.finditer(match[2] or ""):
            given = attributes(inner[1])
            column = cell(given["r"])[1] if "r" in given else column + 1
            value = cell_value(given.get("t", "n"), inner[2] or "", strings)
            if value is not None:
                found[number, column] = value
    return found


def cell_value(kind: str, inner: str, strings: StringTable) -> Any:
    """The value of one cell from its type and the content of ``<c>``."""
    if kind == "inlineStr":
        return unxstring(unxml("".join(m[1] or "" for m in _TEXTS.finditer(inner))))
    match = _VALUE.search(inner)
    if match is None:
        return None
    text = match[1]
    if kind == "n":
        return float(text) if text.strip() else None
    if kind == "s":
        index = int(text)
        return strings.texts[index] if index < len(strings.texts) else None
    if kind == "str":
        return unxstring(unxml(text))
    if kind == "b":
        return text.strip() in ("1", "true")
    if kind == "e":
        return _ERRORS.get(unxml(text), ErrorValue.VALUE)
    return unxml(text)  # t="d": an ISO date as text
