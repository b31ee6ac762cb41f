"""Candidates of an index from a table: known columns under their names in the rules, others as they are.

The table may be CSV, Excel or Parquet. A header of the column dictionary (`shares_out`, 上場株式数,
Shares outstanding) means the column of the rules (`shares`); any other header is a column of its
own, so that a rule card can name it (`turnover_ratio`). A column is numbers or words: one text
among numbers is refused with its place. Prices may come from a wide history instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.index.universe import Universe
from xlplugin.store.cells import Cell, UnreadableError, Wanted, is_blank, number, text, ticker
from xlplugin.store.dictionary import market_tables
from xlplugin.store.files import open_grid
from xlplugin.store.format import read
from xlplugin.store.formats.prices import PriceHistory

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from xlplugin.store.grids import Grid

__all__ = ["read_history", "read_universe"]

_RENAMED = {"shares_out": "shares", "index_price": "price"}
_WORDS = frozenset(
    ("name", "isin", "sector", "size", "country", "ccy", "source", "identity_group", "company")
)


def read_universe(path: Path, prices: PriceHistory | None = None, as_of: dt.date | None = None) -> Universe:
    """The candidates in a table.

    Parameters
    ----------
    path : Path
        One row per security, with a code column.
    prices : PriceHistory, optional
        Where the table has no price: the last one on or before `as_of`.
    as_of : date, optional
        Needed with `prices`.

    Raises
    ------
    FileError
        With the place, if a cell cannot be read or a code stands twice.
    """
    grid = open_grid(path)
    if not grid.rows:
        raise grid.fail(None, "", Wanted("a header row with a code", "コードを含む見出し行"), "an empty file")
    keys = [_key(cell) for cell in grid.rows[0]]
    if "code" not in keys:
        raise grid.fail(0, "", Wanted("a column code / コード", "列 コード"), ", ".join(filter(None, keys)))
    rows = [i for i in range(1, len(grid.rows)) if any(not is_blank(c) for c in grid.rows[i])]
    columns: dict[str, list[Any]] = {}
    for place, key in enumerate(keys):
        if key is None:
            continue
        if key in columns:
            raise grid.fail(0, str(grid.rows[0][place]), Wanted(f"one column for {key}", f"{key} の列は一つ"))
        columns[key] = _column(grid, rows, place, key)
    if prices is not None and as_of is not None and "price" not in columns:
        latest = prices.latest(as_of)
        columns["price"] = [latest[c][1] if c in latest else None for c in columns["code"]]
    return Universe.of(columns)


def read_history(path: Path) -> PriceHistory:
    """A wide price history.

    Raises
    ------
    FileError
        If the file is of another kind.
    """
    kind, found = read(path)
    if not isinstance(found, PriceHistory):
        raise FileError(f"{path}: expected a wide price history, found {kind.title.en}")
    return found


def _key(header: Cell) -> str | None:
    if is_blank(header):
        return None
    for table in ("constituents", "prices"):
        column = market_tables()[table].find(header)
        if column is not None:
            return _RENAMED.get(column.key, column.key)
    return str(header).strip().lower().replace(" ", "_")


def _column(grid: Grid, rows: list[int], place: int, key: str) -> list[Any]:
    cells = [grid.rows[i][place] if place < len(grid.rows[i]) else None for i in rows]
    if key == "code":
        return [_code(grid, i, c) for i, c in zip(rows, cells, strict=True)]
    if key in _WORDS:
        return [None if is_blank(c) else text(c) for c in cells]
    values: list[float | None] = []
    wrong: list[int] = []
    for i, cell in zip(rows, cells, strict=True):
        if is_blank(cell):
            values.append(None)
            continue
        try:
            values.append(float(number(cell)))
        except UnreadableError:
            values.append(None)
            wrong.append(i)
    if not wrong:
        return values
    filled = sum(not is_blank(c) for c in cells)
    if len(wrong) * 2 > filled:  # a column of words
        return [None if is_blank(c) else text(c) for c in cells]
    first = wrong[0]
    raise grid.fail(first, str(grid.rows[0][place]), Wanted("a number", "数値"), grid.rows[first][place])


def _code(grid: Grid, row: int, cell: Cell) -> str:
    try:
        return ticker("" if cell is None else cell)
    except UnreadableError as error:
        raise grid.fail(row, "code", error.wanted, cell or "") from None
