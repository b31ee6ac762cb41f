"""An adviser's book with new rows: what an import or a refresh puts into its tables.

Rows meet by their key: lots are replaced account by account, index members as a whole, everything else
row by row. Afterwards the price table is put in order as the book wants it: one row per security held,
in the index or priced, each with its risk.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xlplugin import __version__
from xlplugin.batch.binding import as_cell, bench, completed_lot, headers_of, own_bench, price_rows
from xlplugin.batch.carrying import Row, calculated_columns, input_names, table_rows
from xlplugin.errors import ErrorValue, InputError, MissingError
from xlplugin.store.books import without_id
from xlplugin.store.cells import is_blank
from xlplugin.store.clients import Client
from xlplugin.store.dictionary import client_tables, market_tables
from xlplugin.store.grids import Grid, match
from xlplugin.store.market import Market, completed
from xlplugin.workbook import Book, Inputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xlplugin.batch.importing import Part
    from xlplugin.store.clients import Record
    from xlplugin.store.formats.prices import PriceHistory
    from xlplugin.workbook import CompiledTemplate

__all__ = ["Tables", "choose", "imported", "logged", "refreshed"]

_KEYS = {
    "accounts": ("account",),
    "trades": ("account", "code", "side", "trade_date", "quantity", "trade_price"),
    "realized": ("account", "code", "trade_date", "quantity", "gain_realized"),
    "carry": ("carry_year",),
    "restrictions": ("rule_target", "rule_kind"),
    "wishes": ("wish_kind", "wish_target"),
    "pairs": ("sold_code", "buy_code"),
    "choices": ("account", "sold_code", "lot"),
    "history": ("obs_date",),
    "td_items": ("td_item",),
    "requests": ("request",),
    "reviews": ("due_date", "what"),
    "prices": ("code",),
    "events": ("code", "event", "ex_date"),
    "sources": ("item",),
}
_OWN_ID = {"trades": "trade_id", "realized": "trade_id"}
_RISK = frozenset(("specific_variance", *(f"f{n:02d}" for n in range(1, 11))))
_LOG_ROWS = 200


@dataclass
class Tables:
    """The input tables of one book while rows are put into them.

    Parameters
    ----------
    template : CompiledTemplate
        The book itself, compiled.
    changed : set of str
        The tables that hold something new, by their plain plural.

    Raises
    ------
    InputError
        If the book has no table of lots.
    """

    template: CompiledTemplate
    changed: set[str] = field(default_factory=set)
    names: dict[str, Any] = field(default_factory=dict)
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._book = Book(self.template.package)
        self._tables = {t.name.removeprefix("tbl_"): t for t in self.template.package.tables}
        if "lots" not in self._tables:
            raise InputError("this book has no table of lots; give the workbook of one client")

    def has(self, name: str) -> bool:
        """Whether the book has a table."""
        return name in self._tables

    def header(self, name: str) -> dict[str, str]:
        """Key -> header of the columns of a table."""
        return headers_of(name, self._tables[name].columns)

    def rows(self, name: str) -> list[Row]:
        """The rows of a table by header."""
        if name not in self._rows:
            table = self._tables[name]
            rows = table_rows(self._book, table, calculated_columns(self.template, table))
            self._rows[name] = [row for row in rows if not all(map(is_blank, row.values()))]
        return self._rows[name]

    def put(self, name: str, rows: list[Row]) -> None:
        """Replace the rows of a table."""
        self._rows[name] = rows
        self.changed.add(name)

    def records(self, name: str) -> tuple[Record, ...]:
        """The rows of a table, read; an unreadable cell ends the reading with its place.

        Raises
        ------
        FileError
            With table, row and column of the cell.
        """
        if name not in self._tables:
            return ()
        columns = list(self._tables[name].columns)
        cells: list[list[object]] = [
            list(columns),
            *([_written(row.get(c)) for c in columns] for row in self.rows(name)),
        ]
        shape = market_tables().get(name) or without_id(client_tables()[name])
        first = self._tables[name].corners[0]
        grid = Grid(f"the book, table tbl_{name}", cells, list(range(first, first + len(cells))))
        return tuple(match(grid, shape, header=0).records())

    def row_of(self, name: str, record: Mapping[str, Any]) -> Row:
        """A record by key as a row by header; what the book has no column for, or is empty, is left out."""
        header = self.header(name)
        return {header[k]: as_cell(v) for k, v in record.items() if k in header and v is not None}

    def set_inputs(self, settings: Mapping[str, Any]) -> None:
        """Fill the input cells that a setting has; a setting without a value leaves its cell alone."""
        cells = input_names(self.template.package)
        for key, value in settings.items():
            for name in (f"in_{key}", f"cfg_{key}"):
                if name in cells and value is not None:
                    self.names[name] = as_cell(value)

    def inputs(self) -> Inputs:
        """What is to be bound into the book."""
        return Inputs(self.names, {f"tbl_{name}": self._rows[name] for name in sorted(self.changed)})


# -- merging -------------------------------------------------------------------------------------


def imported(tables: Tables, parts: Sequence[Part], as_of: dt.date, *, whole: bool = False) -> list[str]:
    """Put the rows of files into the tables of a book.

    Parameters
    ----------
    tables : Tables
        Changed in place.
    parts : sequence of Part
        What the files hold.
    as_of : date
        The day of the book.
    whole : bool
        Whether a file replaces all rows of its table.

    Returns
    -------
    list of str
        Codes without a row of their own in the risk model, which take the average; ["*"] if the book has
        no risk at all.
    """
    begun: set[str] = set()
    quoted = {str(r["code"]) for p in parts if p.table == "prices" and p.history is None for r in p.records}
    for part in parts:
        if part.table == "clients":
            for record in part.records:
                tables.set_inputs(record)
            continue
        if not tables.has(part.table):
            raise InputError(f"{part.file}: this book has no table of {part.table}")
        before = tables.rows(part.table)
        if part.table not in begun and (whole or part.table == "constituents"):
            before = []
        begun.add(part.table)
        records = part.records
        if part.history is not None:  # a file of prices is nearer to the day than the end of a history
            records = tuple(r for r in records if str(r["code"]) not in quoted)
        tables.put(part.table, _merged(tables, part.table, before, records))
        if tables.has("sources"):
            source = {"item": part.table, "source": part.file, "obs_date": as_of, "status": "read"}
            tables.put("sources", _merged(tables, "sources", tables.rows("sources"), (source,)))
    history = next((part.history for part in parts if part.history is not None), None)
    priced = {str(r["code"]) for p in parts if p.table == "prices" for r in p.records}
    if not begun & {"lots", "prices", "constituents"}:
        return []
    return _settled(tables, as_of, history, set() if "constituents" in begun else priced)


def refreshed(tables: Tables, market: Market, sources: Iterable[Record]) -> list[str]:
    """Put a whole market of one day into a book; the day and the tax year of the book follow.

    Returns
    -------
    list of str
        As `imported`.
    """
    before = Book(tables.template.package)
    for name, records in (("constituents", market.constituents), ("events", market.events)):
        if tables.has(name) and records:
            tables.put(name, [tables.row_of(name, r) for r in records])
    known = {_key(tables.row_of("prices", r), tables.header("prices"), ("code",)): r for r in market.prices}
    kept = {"restricted", *_RISK}  # of the book, not of the market
    header = tables.header("prices")
    old = {_key(r, header, ("code",)): r for r in tables.rows("prices")}
    rows = []
    for key, record in known.items():
        mine = {header[k]: old.get(key, {}).get(header[k]) for k in kept if k in header}
        rows.append({c: v for c, v in mine.items() if v is not None} | tables.row_of("prices", record))
    tables.put("prices", rows)
    if tables.has("sources"):
        tables.put("sources", _merged(tables, "sources", tables.rows("sources"), tuple(sources)))
    _move_the_day(tables, before, market.as_of)
    return _settled(tables, market.as_of, market.history, set())


def _move_the_day(tables: Tables, book: Book, as_of: dt.date) -> None:
    places = input_names(book.package)
    tables.names["in_as_of"] = as_of
    place = places.get("in_tax_year")
    day = places.get("in_as_of")
    if place is None or day is None:
        return
    held = book.values(day.sheet).get((day.row, day.column))
    year = book.values(place.sheet).get((place.row, place.column))
    then = dt.date(1899, 12, 30) + dt.timedelta(days=int(held)) if isinstance(held, float) else None
    if year is None or then is None or year == then.year:  # a year chosen on purpose stays
        tables.names["in_tax_year"] = float(as_of.year)


def _merged(tables: Tables, name: str, before: list[Row], records: Sequence[Mapping[str, Any]]) -> list[Row]:
    rows = [tables.row_of(name, record) for record in records]
    header = tables.header(name)
    if name == "constituents":
        return [*before, *rows]
    if name == "lots":
        column = header["account"]
        accounts = {_plain(row.get(column)) for row in rows}
        return [*(row for row in before if _plain(row.get(column)) not in accounts), *rows]
    own = _OWN_ID.get(name)
    keys = _KEYS[name]

    def key_of(row: Row) -> tuple[Any, ...]:
        if own is not None and row.get(header.get(own, "")) is not None:
            return (_plain(row[header[own]]),)
        return _key(row, header, keys)

    merged = {key_of(row): row for row in before}
    for row in rows:
        merged[key_of(row)] = merged.get(key_of(row), {}) | row
    return list(merged.values())


def _key(row: Row, header: Mapping[str, str], keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_plain(row.get(header[key])) for key in keys)


def _written(value: Any) -> Any:
    """A cell as the readers of files see it: an error is its text."""
    return value.value if isinstance(value, ErrorValue) else value


def _plain(value: Any) -> Any:
    """A cell as it is compared: days as serials, whole numbers and codes alike as text."""
    if isinstance(value, dt.date):
        value = float((value - dt.date(1899, 12, 30)).days)
    if isinstance(value, (int, float)) and value == int(value):
        return str(int(value))
    return value.strip() if isinstance(value, str) else value


# -- prices and risk -----------------------------------------------------------------------------


def _settled(tables: Tables, as_of: dt.date, history: PriceHistory | None, new_prices: set[str]) -> list[str]:
    """Complete members, lots and prices by what the others know, and give every price row its risk."""
    members = [
        {**r, "index_price": None} if str(r["code"]) in new_prices else r
        for r in tables.records("constituents")
    ]
    members, prices = completed(members, list(tables.records("prices")))
    if history is not None:
        prices = [{k: v for k, v in r.items() if k not in _RISK} for r in prices]
    lots = tables.records("lots")
    market = Market(as_of, tuple(members), tuple(prices), (), history, ())
    by_code = market.price_rows
    lots = tuple(completed_lot(lot, by_code) for lot in lots)
    tables.put(
        "lots",
        [_over(row, tables.row_of("lots", r)) for row, r in zip(tables.rows("lots"), lots, strict=True)],
    )
    if members:
        tables.put("constituents", [tables.row_of("constituents", r) for r in members])
    try:
        if history is not None:
            shared = bench(market, (str(lot["code"]) for lot in lots))
        else:
            client = Client("", {}, {"lots": lots, "constituents": tuple(members), "prices": tuple(prices)})
            shared = own_bench(client, as_of)
    except MissingError:
        tables.put("prices", [tables.row_of("prices", r) for r in prices])
        return ["*"]
    rows = list(price_rows(lots, shared))
    tables.put("prices", [tables.row_of("prices", r) for r in rows])
    without = {str(r["code"]) for r in prices if r.get("specific_variance") is None}
    return sorted(
        shared.risk.estimated & ({str(r["code"]) for r in rows} if history is not None else without)
    )


def _over(row: Row, completed_row: Row) -> Row:
    """The row as it was, with the cells that were empty filled."""
    return completed_row | row


# -- choices and the log -------------------------------------------------------------------------


def choose(tables: Tables, picked: Iterable[Mapping[str, Any]]) -> int:
    """Add a choice for every sale that has none; how many were added. An adviser's own choice stays."""
    header = tables.header("choices")
    keys = _KEYS["choices"]
    before = tables.rows("choices")
    known = {_key(row, header, keys) for row in before}
    rows = [tables.row_of("choices", record) for record in picked]
    new = [row for row in rows if _key(row, header, keys) not in known]
    tables.put("choices", [*before, *new])
    return len(new)


def logged(tables: Tables, command: str, result: str, now: dt.datetime) -> None:
    """Write what was done into the log of the book, newest first; the book keeps 200 rows."""
    if not tables.has("log"):
        return
    digest = hashlib.sha256(repr(sorted(tables.inputs().tables.items())).encode()).hexdigest()
    record = {
        "time": now.strftime("%Y-%m-%d %H:%M"),
        "command": command,
        "run_id": digest[:16],
        "version": __version__,
        "input_hash": f"sha256:{digest}",
        "result": result,
    }
    tables.put("log", [tables.row_of("log", record), *tables.rows("log")][:_LOG_ROWS])
