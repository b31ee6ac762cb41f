"""What calamine does not tell about an .xlsx: defined names, and which cells hold an error.

Both are read from the package itself: a few parts of XML in a zip archive (ECMA-376).
"""

from __future__ import annotations

import io
import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile, ZipFile

from xlplugin.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from lxml.etree import _Element

__all__ = ["Address", "Package", "column_number", "single_cell"]

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ONE_CELL = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Z]{1,3})\$?(\d+)(?::\$?([A-Z]{1,3})\$?(\d+))?")
_ERROR_CELL = re.compile(rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})(\d+)"[^>]*>.*?<v>([^<]+)</v>', re.S)


class Address(NamedTuple):
    """A rectangle on a sheet, rows and columns counted from 1, both ends inside."""

    sheet: str
    row: int
    column: int
    last_row: int
    last_column: int


def column_number(letters: str) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def single_cell(formula: str) -> Address | None:
    """The rectangle that the text of a defined name means; None if it means something else.

    Examples
    --------
    >>> single_cell("='My sheet'!$B$5")
    Address(sheet='My sheet', row=5, column=2, last_row=5, last_column=2)
    """
    match = _ONE_CELL.fullmatch(formula.lstrip("="))
    if match is None:
        return None
    quoted, plain, left, top, right, bottom = match.groups()
    sheet = quoted.replace("''", "'") if quoted else plain
    column, row = column_number(left), int(top)
    return Address(sheet, row, column, int(bottom or row), column_number(right) if right else column)


class Package:
    """The parts of one workbook that are read here.

    Raises
    ------
    FileError
        If the file is not an .xlsx or .xlsm package.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        from lxml.etree import XMLSyntaxError  # noqa: PLC0415  (the light start)

        try:
            self._zip = ZipFile(io.BytesIO(data))
            workbook = self._parse("xl/workbook.xml")
            relations = self._parse("xl/_rels/workbook.xml.rels")
        except (BadZipFile, KeyError, XMLSyntaxError):
            raise FileError(
                f"{path}: this is not a workbook that can be read; save it again as .xlsx"
            ) from None
        target = {r.get("Id"): r.get("Target", "") for r in relations}
        self._part = {
            sheet.get("name", ""): posixpath.normpath(
                posixpath.join("/xl", target.get(sheet.get(_RELATION), ""))
            ).lstrip("/")
            for sheet in workbook.iter(f"{_MAIN}sheet")
        }
        self._names = {n.get("name", ""): n.text or "" for n in workbook.iter(f"{_MAIN}definedName")}

    def _parse(self, part: str) -> _Element:
        from lxml.etree import XMLParser, fromstring  # noqa: PLC0415

        return fromstring(self._zip.read(part), XMLParser(resolve_entities=False, no_network=True))

    @property
    def properties(self) -> dict[str, str]:
        """The custom properties of the document; those of our books name language and state."""
        try:
            root = self._parse("docProps/custom.xml")
        except KeyError:
            return {}
        return {one.get("name", ""): "".join(map(str, one.itertext())) for one in root}

    @property
    def names(self) -> dict[str, Address]:
        """Defined names that mean one rectangle of one sheet."""
        found = {name: single_cell(formula) for name, formula in self._names.items()}
        return {name: place for name, place in found.items() if place is not None}

    def error_cells(self, sheet: str) -> dict[tuple[int, int], str]:
        """Row and column (from 1) of every cell of a sheet that holds an Excel error."""
        part = self._part.get(sheet)
        if part is None:
            return {}
        try:
            xml = self._zip.read(part)
        except KeyError:
            return {}
        if b't="e"' not in xml:
            return {}
        return {
            (int(row), column_number(letters.decode())): error.decode()
            for letters, row, error in _ERROR_CELL.findall(xml)
        }
