"""What five other programs read in a finished workbook, and what its XML holds.

A reader takes books and an empty folder, and gives for each book {(sheet, row, column): value} with rows and
columns from 1. A value is a float, a bool, a text or an `ErrorValue`; dates are serial numbers. Empty cells
and empty texts are left out: no program tells them apart.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import posixpath
import subprocess
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, TypeAlias

import openpyxl
from lxml import etree
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string, range_boundaries
from openpyxl.utils.datetime import to_excel
from python_calamine import CalamineWorkbook

from tests.libreoffice import convert_all
from tests.programs import node_package, program
from xlplugin.errors import ErrorValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["READERS", "Values", "calculated", "differences", "stored"]

Place: TypeAlias = tuple[str, int, int]
Values: TypeAlias = dict[Place, Any]

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERRORS = {error.value: error for error in ErrorValue}


# -- the file itself ---------------------------------------------------------------------------------------


def stored(book: Path) -> Values:
    """The values in the XML, read without the project's own reader."""
    with zipfile.ZipFile(book) as parts:
        shared: list[str] = []
        if "xl/sharedStrings.xml" in parts.namelist():
            shared = [_text(item) for item in etree.fromstring(parts.read("xl/sharedStrings.xml"))]
        found = {place: _value(cell, shared) for place, cell in _cells(parts)}
    return {place: value for place, value in found.items() if value not in (None, "")}


def calculated(book: Path) -> set[Place]:
    """The cells with a formula, and those that the result of one fills."""
    found: set[Place] = set()
    with zipfile.ZipFile(book) as parts:
        for (sheet, row, column), cell in _cells(parts):
            formula = cell.find(f"{MAIN}f")
            if formula is not None:
                found.add((sheet, row, column))
                if formula.get("ref"):
                    left, top, right, bottom = range_boundaries(formula.get("ref"))
                    found |= {(sheet, r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)}
    return found


def _cells(parts: zipfile.ZipFile) -> Iterator[tuple[Place, Any]]:
    book = etree.fromstring(parts.read("xl/workbook.xml"))
    links = etree.fromstring(parts.read("xl/_rels/workbook.xml.rels"))
    targets = {link.get("Id"): posixpath.join("/xl", link.get("Target")).lstrip("/") for link in links}
    for sheet in book.iter(f"{MAIN}sheet"):
        for cell in etree.fromstring(parts.read(targets[sheet.get(LINK)])).iter(f"{MAIN}c"):
            letters, row = coordinate_from_string(cell.get("r"))
            yield (sheet.get("name"), row, column_index_from_string(letters)), cell


def _text(item: Any) -> str:
    """A string item without its reading aids."""
    return "".join(t.text or "" for t in item.iter(f"{MAIN}t") if t.getparent().tag != f"{MAIN}rPh")


def _value(cell: Any, shared: list[str]) -> Any:
    kind, value = cell.get("t", "n"), cell.findtext(f"{MAIN}v")
    if kind == "inlineStr":
        return _text(cell)
    if value is None:
        return None
    if kind == "s":
        return shared[int(value)]
    if kind == "b":
        return value == "1"
    if kind == "e":
        return ERRORS.get(value, value)
    return float(value) if kind == "n" else value


# -- the programs ------------------------------------------------------------------------------------------


def by_openpyxl(books: Sequence[Path], _: Path) -> list[Values]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says which extensions it drops
        opened = [openpyxl.load_workbook(book, data_only=True) for book in books]
    return [
        {
            (sheet.title, cell.row, cell.column): value
            for sheet in book.worksheets
            for row in sheet.iter_rows()
            for cell in row
            if (value := ERRORS[cell.value] if cell.data_type == "e" else _plain(cell.value)) != ""
        }
        for book in opened
    ]


def by_calamine(books: Sequence[Path], _: Path) -> list[Values]:
    opened = [CalamineWorkbook.from_path(str(book)) for book in books]
    return [
        {
            (name, r, c): value
            for name in book.sheet_names
            for r, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), 1)
            for c, cell in enumerate(row, 1)
            if (value := _plain(cell)) != ""
        }
        for book in opened
    ]


def _plain(value: Any) -> Any:
    """A number where Python's reader made a date of it, a float where it made a whole number."""
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return float(to_excel(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return "" if value is None else value


SHEETJS = """
const xlsx = require(process.argv[1]);
const errors = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"};
const read = file => {
    const book = xlsx.readFile(file, {cellText: false, cellHTML: false});
    return book.SheetNames.flatMap(name => Object.entries(book.Sheets[name])
        .filter(([place, cell]) => place[0] !== "!" && cell.t !== "z" && (cell.v ?? "") !== "")
        .map(([place, cell]) => {
            const {r, c} = xlsx.utils.decode_cell(place);
            return [name, r + 1, c + 1, cell.t, cell.t === "e" ? errors[cell.v] : cell.v];
        }));
};
console.log(JSON.stringify(process.argv.slice(2).map(read)));
"""


def by_sheetjs(books: Sequence[Path], _: Path) -> list[Values]:
    command = [program("node", package="Node.js"), "-e", SHEETJS, str(node_package("xlsx"))]
    done = subprocess.run(
        [*command, *map(str, books)], capture_output=True, text=True, encoding="utf-8", check=True
    )
    kinds: dict[str, Callable[[Any], Any]] = {"e": ERRORS.__getitem__, "n": float}
    return [
        {(sheet, r, c): kinds.get(kind, lambda same: same)(value) for sheet, r, c, kind, value in book}
        for book in json.loads(done.stdout)
    ]


def by_gnumeric(books: Sequence[Path], folder: Path) -> list[Values]:
    """As it stores them again."""
    ssconvert = program("ssconvert", package="gnumeric")
    folder.mkdir(exist_ok=True)
    return [stored(_by_ssconvert(ssconvert, book, folder / f"{book.stem}.xlsx")) for book in books]


def _by_ssconvert(ssconvert: str, book: Path, out: Path) -> Path:
    done = subprocess.run(
        [ssconvert, str(book), str(out)],
        env={**os.environ, "HOME": str(out.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.exists(), f"gnumeric wrote nothing: {done.stderr[-2000:]}"
    return out


def by_libreoffice(books: Sequence[Path], folder: Path) -> list[Values]:
    """As it stores them again, in a profile without our add-in."""
    return [stored(path) for path in convert_all(books, "xlsx:Calc MS Excel 2007 XML", folder)]


READERS: dict[str, Callable[[Sequence[Path], Path], list[Values]]] = {
    "openpyxl": by_openpyxl,
    "calamine": by_calamine,
    "SheetJS": by_sheetjs,
    "gnumeric": by_gnumeric,
    "LibreOffice": by_libreoffice,
}


# -- the comparison ----------------------------------------------------------------------------------------


def _calamine_reads_an_error_as_empty(held: Any, read: Any) -> bool:
    return isinstance(held, ErrorValue) and read is None


def _libreoffice_stores_a_logical_value_as_a_number(held: Any, read: Any) -> bool:
    return isinstance(held, bool) and type(read) is float and read == held


KNOWN: dict[str, Callable[[Any, Any], bool]] = {
    "calamine": _calamine_reads_an_error_as_empty,
    "LibreOffice": _libreoffice_stores_a_logical_value_as_a_number,
}


def differences(reader: str, held: Values, read: Values) -> list[str]:
    """Cells that `reader` reads otherwise than the file holds them, but for what is known of it."""
    known = KNOWN.get(reader, lambda *_: False)
    return [
        f"{sheet}!R{row}C{column}: the file holds {a!r}, {reader} reads {b!r}"
        for sheet, row, column in sorted(held.keys() | read.keys())
        if not _same(a := held.get((sheet, row, column)), b := read.get((sheet, row, column)))
        and not known(a, b)
    ]


def _same(a: Any, b: Any) -> bool:
    if type(a) is float and type(b) is float:
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return type(a) is type(b) and a == b
