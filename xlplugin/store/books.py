"""A client in a workbook of the templates: the input cells by name, the input tables by name.

One advisor workbook is one client. Cells are found by their defined names (``in_as_of``), tables
by theirs (``tbl_lots``), so that sheets may be moved and columns reordered. What a book does not
hold is absent; an empty cell is no setting.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store.cells import UnreadableError, is_blank
from xlplugin.store.clients import Client, ClientBook, ClientFailure, Record, row_faults
from xlplugin.store.dictionary import PER_CLIENT, client_tables, market_tables, setting_of, settings
from xlplugin.store.files import read_bytes
from xlplugin.store.grids import BadCellError, Field, Grid, Matched, Shape, match
from xlplugin.store.package import Address, Package

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BookReader", "read_folder", "without_id"]


class BookReader:
    """The cells and tables of one workbook.

    Raises
    ------
    FileError
        If the file is not a workbook.
    """

    def __init__(self, path: Path) -> None:
        from python_calamine import CalamineError, load_workbook  # noqa: PLC0415  (the light start)

        data = read_bytes(path)
        self.path, self.package = path, Package(path, data)
        try:
            self._book = load_workbook(io.BytesIO(data), load_tables=True)
        except CalamineError:
            raise FileError(
                f"{path}: this is not a workbook that can be read; save it again as .xlsx"
            ) from None
        self._sheets: dict[str, list[list[Any]]] = {}

    def cell(self, place: Address) -> Any:
        """The value of the first cell of an address; None if it is empty."""
        if place.sheet not in self._sheets:
            rows: list[list[Any]] = self._book.get_sheet_by_name(place.sheet).to_python(skip_empty_area=False)
            for (row, column), error in self.package.error_cells(place.sheet).items():
                if row <= len(rows) and column <= len(rows[row - 1]):
                    rows[row - 1][column - 1] = error
            self._sheets[place.sheet] = rows
        held = self._sheets[place.sheet]
        if place.row > len(held) or place.column > len(held[place.row - 1]):
            return None
        value = held[place.row - 1][place.column - 1]
        return None if value == "" else value

    def rows(self, place: Address, columns: int) -> list[list[Any]]:
        """The rows of a list in an address: from its first filled row down to the next empty one."""
        found: list[list[Any]] = []
        for row in range(place.row, place.last_row + 1):
            cells = [
                self.cell(Address(place.sheet, row, column, row, column))
                for column in range(place.column, place.column + columns)
            ]
            if cells[0] is not None:
                found.append(cells)
            elif found:
                break
        return found

    def table(self, name: str) -> Grid | None:
        """The rows of an Excel table with its header, or None."""
        if name not in (self._book.table_names or ()):
            return None
        table: Any = self._book.get_table_by_name(name)
        top, left = table.start or (1, 0)
        rows: list[list[Any]] = [list(table.columns), *(list(row) for row in table.to_python())]
        for (number, column), error in self.package.error_cells(table.sheet).items():
            if 0 <= number - top < len(rows) and 0 <= column - left - 1 < len(rows[0]):
                rows[number - top][column - left - 1] = error
        cleared = [[None if c == "" else c for c in row] for row in rows]
        return Grid(f"{self.path}, table {name}", cleared, list(range(top, top + len(rows))))

    def client(self) -> tuple[str, Client | None, list[FileError]]:
        """The id, the client where it can be read, and every fault found."""
        faults: list[FileError] = []
        given: dict[str, Any] = {}
        known = settings()
        for name, place in self.package.names.items():
            key = setting_of(name)
            if not name.startswith(("in_", "cfg_")) or key not in known:
                continue
            value = self.cell(place)
            if is_blank(value):
                continue
            try:
                given[key] = known[key].read(value)
            except UnreadableError as error:
                where = f"{self.path}, sheet {place.sheet}"
                faults.append(BadCellError(where, ("row", place.row), name, error.wanted, repr(value)))
        client_id = str(given.pop("client_id", "") or self.path.stem.upper())
        if "in_client_id" not in self.package.names:
            faults.append(
                FileError(f"{self.path}: this is not a client workbook: it has no cell named in_client_id")
            )
            return client_id, None, faults
        tables: dict[str, tuple[Record, ...]] = {}
        for name in (*PER_CLIENT, *market_tables()):
            shape = without_id(client_tables()[name]) if name in PER_CLIENT else market_tables()[name]
            rows, problems = self._rows(name, shape, given)
            tables[name] = rows
            faults += problems
        return client_id, Client(client_id, given, tables), faults

    def _rows(self, name: str, shape: Shape, given: Record) -> tuple[tuple[Record, ...], list[FileError]]:
        grid = self.table(f"tbl_{name}")
        if grid is None:
            return (), []
        try:
            table: Matched = match(grid, shape, strict=False)
        except FileError as error:
            return (), [error]
        rows = tuple(table.records())
        faults: list[FileError] = []
        for n, row in enumerate(rows):
            faults += table.problems.get(n, ())
            faults += row_faults(table, name, n, row, given)
        return rows, faults


def without_id(shape: Shape) -> Shape:
    """The shape of a table that holds one client only."""
    fields: tuple[Field, ...] = tuple(f for f in shape.fields if f.key != "client_id")
    return Shape(shape.name, fields)


def read_folder(folder: Path, pattern: str = "*.xlsx") -> ClientBook:
    """Every client workbook of a folder; a book that cannot be read is a failure of its own.

    Raises
    ------
    FileError
        If there is no such folder, no workbook in it, or two books hold one client id.
    """
    if not folder.is_dir():
        raise FileError(f"{folder}: there is no such folder; check the path")
    # Excel leaves ~$ files beside open workbooks.
    paths = sorted(p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith("~$"))
    if not paths:
        raise FileError(f"{folder}: no file matches {pattern}; put one workbook per client there")
    clients: list[Client] = []
    failures: list[ClientFailure] = []
    seen: dict[str, Path] = {}
    for path in paths:
        try:
            client_id, client, faults = BookReader(path).client()
        except FileError as error:
            client_id, client, faults = path.stem.upper(), None, [error]
        if client_id in seen:
            raise FileError(
                f"{path}: the client {client_id} is in {seen[client_id].name} already; one book per client"
            )
        seen[client_id] = path
        if client is not None and not faults and not client.rows("lots"):
            faults = [FileError(f"{path}: the table tbl_lots has no row; add the client's lots")]
        if client is None or faults:
            failures.append(ClientFailure(client_id, tuple(faults)))
        else:
            clients.append(client)
    clients.sort(key=lambda c: c.client_id)
    failures.sort(key=lambda f: f.client_id)
    return ClientBook(tuple(clients), tuple(failures))
