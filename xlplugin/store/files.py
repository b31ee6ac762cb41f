"""Files as grids: delimited text in whatever encoding it has, Excel sheets and tables, Parquet.

Encodings are tried, never asked for: a byte-order mark decides; else strict UTF-8, then the
other encodings of the country. Excel values are read with calamine, which reads .xlsx, .xlsm,
.xls and .ods alike; an error cell such as ``#N/A`` reads as its text, which no
column of numbers, dates or codes accepts. Formulas are read by their stored values.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store.cells import Wanted
from xlplugin.store.grids import BadCellError, Grid
from xlplugin.store.package import Package

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ENCODINGS", "EXCEL_SUFFIXES", "arrow_table", "decoded", "open_grid", "read_bytes", "sheet_names"]

ENCODINGS = ("utf-8", "cp932")
EXCEL_SUFFIXES = frozenset((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"))
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file.

    Raises
    ------
    FileError
        If it is not there, is a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise FileError(f"{path}: this is a folder; give a file") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def decoded(where: str, data: bytes, encodings: tuple[str, ...] = ENCODINGS) -> tuple[str, str]:
    """The text of a file and the encoding that fits all of it.

    Raises
    ------
    BadCellError
        If none fits, with the first line that the best one cannot read.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    furthest = 0
    for encoding in (marked,) if marked else encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            furthest = max(furthest, error.start)
    names = " or ".join(encodings)
    raise BadCellError(
        where,
        ("line", data.count(b"\n", 0, furthest) + 1),
        "",
        Wanted(f"text in {names}", f"{names} の文字"),
        repr(data[furthest : furthest + 4])[1:],
    )


def open_grid(
    path: Path,
    *,
    sheet: str | None = None,
    encodings: tuple[str, ...] = ENCODINGS,
    first: int | None = None,
) -> Grid:
    """A file as a grid.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.tsv``, ``.txt``, ``.parquet`` or an Excel file.
    sheet : str, optional
        Sheet or table of an Excel file; its first sheet if left out.
    encodings : tuple of str
        Tried in this order when the file has no byte-order mark.
    first : int, optional
        At most so many records of a Parquet file.

    Raises
    ------
    FileError
        If the file cannot be read, with its place.
    """
    suffix = path.suffix.lower()
    if suffix in EXCEL_SUFFIXES:
        return _excel(path, sheet)
    if suffix == ".parquet":
        return _parquet(path, first)
    return _delimited(path, encodings)


def _delimited(path: Path, encodings: tuple[str, ...]) -> Grid:
    where = str(path)
    text, encoding = decoded(where, read_bytes(path), encodings)
    first = text.split("\n", 1)[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" or first.count("\t") > first.count(",") else ","
    rows: list[list[object]] = []
    numbers: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    try:
        for row in reader:
            rows.append(list(row))
            numbers.append(before + 1)
            before = reader.line_num
    except csv.Error as error:
        expected = Wanted(f"well-formed values ({error})", "正しい形の値(引用符の誤りなど)")
        raise BadCellError(where, ("line", before + 1), "", expected) from None
    return Grid(where, rows, numbers, "line", encoding)


def sheet_names(path: Path) -> tuple[str, ...]:
    """The sheets of an Excel file, then its tables."""
    book = _book(path)
    return (*book.sheet_names, *_tables(book))


def _tables(book: Any) -> tuple[str, ...]:
    from python_calamine import CalamineError  # noqa: PLC0415  (the light start)

    try:
        return tuple(book.table_names)
    except CalamineError:  # formats other than .xlsx have none
        return ()


def _book(path: Path) -> Any:
    from python_calamine import CalamineError, load_workbook  # noqa: PLC0415  (the light start)

    data = read_bytes(path)
    try:
        return load_workbook(io.BytesIO(data), load_tables=True)
    except CalamineError as error:
        if "password" in str(error).lower() or (
            data.startswith(b"\xd0\xcf\x11\xe0") and path.suffix.lower() in {".xlsx", ".xlsm"}
        ):
            raise FileError(f"{path}: the workbook has a password; save a copy without one") from None
        raise FileError(f"{path}: this is not a workbook that can be read; save it again as .xlsx") from None


def _excel(path: Path, name: str | None) -> Grid:
    book = _book(path)
    tables = _tables(book)
    if name is not None and name in tables:
        table = book.get_table_by_name(name)
        top = _first_row_of(table)
        rows = [list(table.columns), *(list(row) for row in table.to_python())]
        left = table.start[1] + 1 if table.start else 1
        _put_errors(path, table.sheet, rows, top, left)
        return _trimmed(Grid(f"{path}, table {name}", rows, [top + i for i in range(len(rows))]))
    if name is not None and name not in book.sheet_names:
        known = ", ".join((*book.sheet_names, *tables))
        raise FileError(f"{path}: there is no sheet or table {name!r}; it has {known}")
    sheet = book.get_sheet_by_name(name if name is not None else book.sheet_names[0])
    rows = [list(row) for row in sheet.to_python(skip_empty_area=False)]
    _put_errors(path, sheet.name, rows, 1, 1)
    return _trimmed(Grid(f"{path}, sheet {sheet.name}", rows, list(range(1, len(rows) + 1))))


def _put_errors(path: Path, sheet: str, rows: list[list[object]], top: int, left: int) -> None:
    """Write error cells, which calamine reads as empty, into `rows` as their text."""
    if path.suffix.lower() not in {".xlsx", ".xlsm"}:
        return
    for (row, column), error in Package(path, read_bytes(path)).error_cells(sheet).items():
        i, j = row - top, column - left
        if 0 <= i < len(rows) and 0 <= j < len(rows[i]):
            rows[i][j] = error


def _first_row_of(table: Any) -> int:
    # calamine gives where the data starts (0-based); the header stands one row above.
    start: tuple[int, int] | None = table.start
    return start[0] if start else 1


def _trimmed(grid: Grid) -> Grid:
    """Empty text cells as None, and no empty rows at the end."""
    rows = [[None if cell == "" else cell for cell in row] for row in grid.rows]
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    return Grid(grid.where, rows, grid.numbers[: len(rows)], grid.word)


def arrow_table(path: Path) -> Any:
    """A Parquet file as an Arrow table.

    Raises
    ------
    FileError
        If it is not one.
    """
    from pyarrow import ArrowInvalid, BufferReader  # noqa: PLC0415  (the light start)
    from pyarrow.parquet import read_table  # noqa: PLC0415

    data = read_bytes(path)
    try:
        # A Python file object read by Arrow's threads aborts the interpreter at exit (pyarrow 26).
        return read_table(BufferReader(data), use_threads=False)
    except (ArrowInvalid, OSError):
        raise FileError(f"{path}: this is not a Parquet file; write it again") from None


def _parquet(path: Path, first: int | None) -> Grid:
    table = arrow_table(path)
    columns = [column.to_pylist() for column in table.slice(0, first).columns]
    rows: list[list[object]] = [list(table.column_names), *map(list, zip(*columns, strict=True))]
    return Grid(str(path), rows, list(range(len(rows))), "record")
