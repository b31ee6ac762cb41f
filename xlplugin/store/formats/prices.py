"""Wide price files: one row per day, one column per security, as CSV, Excel or Parquet.

The date column comes first, or is the index that pandas wrote; every other header is a code.
Days ascend or descend without a repeat; a price is above zero; an empty cell is a missing
price and stays NaN: it is never filled or averaged. A zero before the first price of a security
(listed, not traded yet) is a missing price; any other zero is refused. A price that is a valid
number but wrong cannot be told from a true one; `PriceHistory.jumps` lists the moves too large
to be believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import MissingError
from xlplugin.store.cells import Cell, UnreadableError, Wanted, day, is_blank, non_negative, ticker
from xlplugin.store.files import arrow_table
from xlplugin.store.format import Format
from xlplugin.store.grids import BadCellError, Grid, plain_header

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from xlplugin.aliases import FloatArray

__all__ = ["FORMAT", "Jump", "PriceHistory", "Prices"]

_DATE_WORDS = frozenset(("date", "日付", "年月日", "基準日", "indexlevel0", "day", ""))
_CODE_HEADER = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^ /]*")
_PLAIN = re.compile(r"\d+(\.\d+)?")
_PRICE = Wanted("a price above 0, or an empty cell", "0より大きい価格(なければ空欄)")
_ORDER = Wanted("days in order, each once", "日付順(同じ日は一度だけ)")


class Jump(NamedTuple):
    """A move from one price to the next that is larger than a limit."""

    code: str
    day: dt.date
    move: float


@dataclass(frozen=True)
class PriceHistory:
    """Prices of securities over time.

    Attributes
    ----------
    dates : tuple of date
        Ascending.
    codes : tuple of str
        One per column.
    values : ndarray of shape (n_days, n_codes)
        Prices in the currency of each security; NaN where there is none.
    """

    dates: tuple[dt.date, ...]
    codes: tuple[str, ...]
    values: FloatArray

    def latest(self, as_of: dt.date) -> dict[str, tuple[dt.date, float]]:
        """The last price of each security on or before a day, with its day; no price, no entry.

        Raises
        ------
        MissingError
            If the history begins after `as_of`.
        """
        rows = sum(d <= as_of for d in self.dates)
        if not rows:
            raise MissingError(f"prices: the history begins on {self.dates[0]}, after {as_of}")
        found: dict[str, tuple[dt.date, float]] = {}
        for column, code in enumerate(self.codes):
            known = np.flatnonzero(~np.isnan(self.values[:rows, column]))
            if known.size:
                row = int(known[-1])
                found[code] = (self.dates[row], float(self.values[row, column]))
        return found

    def until(self, as_of: dt.date, days: int | None = None) -> PriceHistory:
        """The same history up to a day, and at most the last `days` of it."""
        rows = sum(d <= as_of for d in self.dates)
        start = 0 if days is None else max(0, rows - days)
        return PriceHistory(self.dates[start:rows], self.codes, self.values[start:rows])

    def of(self, codes: Sequence[str]) -> PriceHistory:
        """The same history of some securities, in the order asked.

        Raises
        ------
        MissingError
            If a code is not in the history.
        """
        place = {code: n for n, code in enumerate(self.codes)}
        if missing := [code for code in codes if code not in place]:
            raise MissingError(f"prices: no history for {', '.join(missing[:5])}; add the columns")
        return PriceHistory(self.dates, tuple(codes), self.values[:, [place[c] for c in codes]])

    def jumps(self, limit: float = 0.45) -> list[Jump]:
        """Moves between neighbouring prices larger than `limit` (a fraction), by code then day."""
        found = []
        for column, code in enumerate(self.codes):
            known = np.flatnonzero(~np.isnan(self.values[:, column]))
            prices = self.values[known, column]
            moves = prices[1:] / prices[:-1] - 1.0
            for n in np.flatnonzero(np.abs(moves) > limit):
                found.append(Jump(code, self.dates[known[n + 1]], float(moves[n])))
        return found


class Prices(Format[PriceHistory]):
    """A wide file of prices."""

    name = "prices"
    title = Wanted(
        "a wide price file (date, then one column per code)", "横持ちの価格表(日付と銘柄コードの列)"
    )

    def recognises(self, grid: Grid) -> bool:
        """Whether the header is a date and codes, and the first row starts with a date."""
        if len(grid.rows) < 2 or len(grid.rows[0]) < 2:
            return False
        place = _date_column(grid.rows[0])
        others = [c for n, c in enumerate(grid.rows[0]) if n != place]
        if place is None or not all(
            isinstance(c, str) and _CODE_HEADER.fullmatch(c) for c in map(_header, others)
        ):
            return False
        try:
            day(grid.rows[1][place])
        except (UnreadableError, IndexError):
            return False
        return True

    def read_file(self, path: Path) -> PriceHistory:
        """The history in the file at `path`; a Parquet file is read column by column."""
        if path.suffix.lower() == ".parquet":
            return _from_parquet(path)
        return super().read_file(path)

    def read(self, grid: Grid) -> PriceHistory:
        """The history of a grid whose first row is the header."""
        if len(grid.rows) < 2:
            raise grid.fail(
                None, "", Wanted("a header row and at least one day", "見出し行と1日分以上の価格")
            )
        header = grid.rows[0]
        place = _date_column(header)
        if place is None:
            raise grid.fail(0, "", Wanted("a date column first", "最初の列が日付"), str(header[0]))
        columns = [n for n in range(len(header)) if n != place]
        codes = _codes(grid.where, (grid.word, grid.numbers[0]), [header[n] for n in columns])
        dates: list[dt.date] = []
        lines: list[int] = []
        values: list[list[float]] = []
        for i in range(1, len(grid.rows)):
            row = grid.rows[i]
            if all(is_blank(c) for c in row):
                continue
            if len(row) != len(header):
                wanted = Wanted(f"{len(header)} cells", f"{len(header)}個の値")
                raise grid.fail(i, "", wanted, f"{len(row)} cells")
            try:
                dates.append(day(row[place]))
            except UnreadableError as error:
                raise grid.fail(i, str(header[place] or "date"), error.wanted, row[place] or "") from None
            lines.append(i)
            values.append([_price(grid, i, code, row[n]) for n, code in zip(columns, codes, strict=True)])
        order = _in_order(dates)
        if isinstance(order, int):
            raise grid.fail(lines[order], str(header[place] or "date"), _ORDER, dates[order])
        found = np.array(values, dtype=np.float64)
        zero = _without_leading_zeros(dates, found)
        if zero is not None:
            raise grid.fail(lines[zero[0]], codes[zero[1]], _PRICE, "0")
        return _history(dates, codes, found)


def _header(cell: Cell) -> Cell:
    return str(int(cell)) if isinstance(cell, float) and cell == int(cell) else cell


def _date_column(header: Sequence[Cell]) -> int | None:
    for place in (0, len(header) - 1):
        cell = header[place]
        if plain_header("" if cell is None else cell) in _DATE_WORDS:
            return place
    return None


def _codes(where: str, place: tuple[str, int | str], headers: Sequence[Cell]) -> tuple[str, ...]:
    wanted = Wanted("a security code in capitals, each once", "銘柄コード(重複なし)")
    codes: list[str] = []
    for header in map(_header, headers):
        try:
            code = ticker(header) if header is not None else ""
        except UnreadableError:
            code = ""
        if not code or not _CODE_HEADER.fullmatch(code) or code in codes:
            raise BadCellError(where, place, str(header), wanted, repr("" if header is None else str(header)))
        codes.append(code)
    return tuple(codes)


def _price(grid: Grid, i: int, code: str, cell: Cell) -> float:
    if isinstance(cell, str) and _PLAIN.fullmatch(cell):
        return float(cell)
    if is_blank(cell):
        return float("nan")
    try:
        return float(non_negative(cell))
    except UnreadableError:
        raise grid.fail(i, code, _PRICE, cell) from None


def _in_order(dates: Sequence[dt.date]) -> int | None:
    """The place of the first day out of order, or None."""
    falling = len(dates) > 1 and dates[1] < dates[0]
    for n in range(1, len(dates)):
        if (dates[n] >= dates[n - 1]) if falling else (dates[n] <= dates[n - 1]):
            return n
    return None


def _without_leading_zeros(dates: Sequence[dt.date], values: FloatArray) -> tuple[int, int] | None:
    """Make zeros before a security's first price NaN; row and column of the first other zero."""
    falling = len(dates) > 1 and dates[1] < dates[0]
    others = []
    for column in np.flatnonzero((values == 0.0).any(axis=0)):
        prices = values[::-1, column] if falling else values[:, column]
        traded = np.flatnonzero(prices > 0.0)
        first = int(traded[0]) if traded.size else len(prices)
        prices[:first][prices[:first] == 0.0] = np.nan
        others += [(int(row), int(column)) for row in np.flatnonzero(values[:, column] == 0.0)]
    return min(others) if others else None


def _history(dates: Sequence[dt.date], codes: tuple[str, ...], values: FloatArray) -> PriceHistory:
    if len(dates) > 1 and dates[1] < dates[0]:
        dates, values = dates[::-1], values[::-1]
    return PriceHistory(tuple(dates), codes, np.ascontiguousarray(values))


def _from_parquet(path: Path) -> PriceHistory:
    from pyarrow import types  # noqa: PLC0415  (the light start)

    where, table = str(path), arrow_table(path)
    names = list(table.column_names)
    place = next((n for n, f in enumerate(table.schema) if types.is_temporal(f.type)), _date_column(names))
    if place is None or not table.num_rows or len(names) < 2:
        wanted = Wanted("a date column, a column per code and at least one row", "日付列・銘柄列・1行以上")
        raise BadCellError(where, ("", ""), "", wanted, f"{table.num_rows} rows x {len(names)} columns")
    codes = _codes(where, ("", ""), [name for n, name in enumerate(names) if n != place])
    dates: list[dt.date] = []
    for row, cell in enumerate(table.column(place).to_pylist()):
        try:
            dates.append(day(cell))
        except UnreadableError as error:
            raise BadCellError(where, ("record", row + 1), names[place], error.wanted, repr(cell)) from None
    values = np.empty((table.num_rows, len(codes)))
    for column, (code, name) in enumerate(
        zip(codes, (n for k, n in enumerate(names) if k != place), strict=True)
    ):
        values[:, column] = _arrow_prices(where, code, table.column(name))
    if (bad := _in_order(dates)) is not None:
        raise BadCellError(where, ("record", bad + 1), names[place], _ORDER, repr(str(dates[bad])))
    if (zero := _without_leading_zeros(dates, values)) is not None:
        raise BadCellError(where, ("record", zero[0] + 1), codes[zero[1]], _PRICE, "'0'")
    return _history(dates, codes, values)


def _arrow_prices(where: str, code: str, column: object) -> FloatArray:
    from pyarrow import ChunkedArray, float64, types  # noqa: PLC0415

    if not isinstance(column, ChunkedArray):
        raise TypeError("a column of an Arrow table was expected")
    if not (types.is_floating(column.type) or types.is_integer(column.type) or types.is_null(column.type)):
        raise BadCellError(
            where, ("", ""), code, Wanted("a column of numbers", "数値の列"), repr(str(column.type))
        )
    prices: FloatArray = np.array(column.cast(float64()).to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(~(np.isnan(prices) | ((prices >= 0) & np.isfinite(prices))))
    if bad.size:
        raise BadCellError(where, ("record", int(bad[0]) + 1), code, _PRICE, repr(float(prices[bad[0]])))
    return prices


FORMAT = Prices()
