"""Where the tables of a client book lie: files, one workbook, or a database.

All three have one method, `read`: the rows of a table by its key, or None where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xlplugin.errors import FileError, HostError
from xlplugin.store.files import EXCEL_SUFFIXES, open_grid, sheet_names
from xlplugin.store.grids import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["DatabaseTables", "FileTables", "TableSource", "WorkbookTables"]


class TableSource(Protocol):
    """Tables by key: "clients", "accounts", "lots", ..."""

    def read(self, table: str) -> Grid | None:
        """The rows of a table with its header, or None if the source has no such table."""


class FileTables:
    """One file per table; an Excel file may hold several, each on a sheet or in a table of that name."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)

    def read(self, table: str) -> Grid | None:
        """The rows of a table."""
        path = self._paths.get(table)
        if path is None:
            return None
        if path.suffix.lower() in EXCEL_SUFFIXES:
            return open_grid(path, sheet=_named(sheet_names(path), table))
        return open_grid(path)


class WorkbookTables:
    """All tables in one workbook, each an Excel table ``tbl_NAME`` or a sheet called NAME."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = sheet_names(path)

    def read(self, table: str) -> Grid | None:
        """The rows of a table."""
        name = _named(self._names, table)
        return None if name is None else open_grid(self._path, sheet=name)


def _named(names: tuple[str, ...], table: str) -> str | None:
    wanted = {table, f"tbl_{table}"}
    return next((n for n in reversed(names) if n.casefold() in wanted), None)


class DatabaseTables:
    """Tables of a SQL database, each called as its key.

    Parameters
    ----------
    url : str
        A path to a SQLite file (``book.sqlite``, ``sqlite:///book.sqlite``), read with what
        Python brings; or any URL of SQLAlchemy such as ``postgresql+pg8000://user@host/book``,
        which needs the extra ``xlplugin[sql]``. A password may be left out of the URL and given
        as the driver allows (PGPASSWORD, a password file).
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self, table: str) -> Grid | None:
        """The rows of a table, in the order of its first columns."""
        path = self._sqlite_path()
        return _from_sqlite(path, table) if path is not None else _from_sqlalchemy(self._url, table)

    def _sqlite_path(self) -> str | None:
        if self._url.startswith("sqlite:///"):
            return self._url[len("sqlite:///") :]
        return None if "://" in self._url else self._url


def _from_sqlite(path: str, table: str) -> Grid | None:
    import sqlite3  # noqa: PLC0415  (the light start)
    from contextlib import closing  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    if not Path(path).is_file():
        raise FileError(f"{path}: there is no such database; check the path")
    try:
        with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as base:
            found = base.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = ?", (table,)
            ).fetchone()
            if found is None:
                return None
            cursor = base.execute('SELECT * FROM "' + found[0].replace('"', '""') + '"')
            header = [d[0] for d in cursor.description]
            rows = sorted((list(row) for row in cursor), key=_order)
    except sqlite3.DatabaseError as error:
        raise FileError(f"{path}: this database cannot be read: {error}") from None
    return _grid(f"{path}, table {table}", header, rows)


def _from_sqlalchemy(url: str, table: str) -> Grid | None:
    try:
        import sqlalchemy as sql  # noqa: PLC0415  (an optional extra)
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    except ImportError:
        raise HostError('reading this database needs SQLAlchemy; install "xlplugin[sql]"') from None
    shown = url.split("://", 1)[0] + "://…"  # a URL may hold a password
    try:
        engine = sql.create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise FileError(f"{shown}: this database address cannot be used: {_first_line(error)}") from None
    try:
        names = {
            n.casefold(): n
            for n in (*sql.inspect(engine).get_table_names(), *sql.inspect(engine).get_view_names())
        }
        if table not in names:
            return None
        with engine.connect() as connection:
            result = connection.execute(
                sql.text(f"SELECT * FROM {engine.dialect.identifier_preparer.quote(names[table])}")
            )
            header = list(result.keys())
            rows = sorted((list(row) for row in result), key=_order)
    except SQLAlchemyError as error:
        raise FileError(f"{shown}: this database cannot be read: {_first_line(error)}") from None
    finally:
        engine.dispose()
    return _grid(f"{shown}, table {table}", header, rows)


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _order(row: list[object]) -> tuple[str, ...]:
    """SQL rows have no order of their own; sorting makes two runs the same."""
    return tuple("" if cell is None else str(cell) for cell in row)


def _grid(where: str, header: list[str], rows: list[list[object]]) -> Grid:
    return Grid(where, [list(header), *rows], list(range(len(rows) + 1)), "record")
