"""What a fund cost audit reads: the table of funds, and beside it series, quotes, fills, marks, the record.

`FUNDS` is a table (CSV, Excel, Parquet) or a filled audit workbook. Its columns are those of the
workbook (``workbooks/layout/fund_audit_inputs.toml``), under their key or either title. Tables with
the names series, quotes, fills, marks and audits are taken from the same folder, or from the
workbook. Where a fund names files (`nav_file`, `distributions_file`, `index_file`, `index_column`;
see `fund_table`), its series come from these: daily files are kept at month-ends and ex-dates.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin.engines.fund_audit.series import Observation
from xlplugin.errors import FileError
from xlplugin.store import cells
from xlplugin.store.books import BookReader
from xlplugin.store.cells import Cell, Wanted
from xlplugin.store.files import EXCEL_SUFFIXES, open_grid
from xlplugin.store.fund_table import index_series, nav_series
from xlplugin.store.grids import Field, Matched, Shape, match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from xlplugin.store.formats.fund_series import FundSeries
    from xlplugin.store.grids import Grid

__all__ = ["AuditInputs", "COMPANIONS", "read_audit", "read_history"]

COMPANIONS = ("series", "quotes", "fills", "marks", "audits")
_SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
_FILES = ("nav_file", "distributions_file", "index_file", "index_column")

Record = dict[str, Any]


@dataclass(frozen=True)
class AuditInputs:
    """Everything one audit brings, by table: rows with the keys of the columns.

    Attributes
    ----------
    tables : dict
        "funds", "series", "quotes", "fills", "marks", "audits" -> rows.
    places : list of str
        Where each row of "series" stands: file and line.
    names : dict
        Input cells of the workbook that was given, by defined name.
    unread : tuple of str
        Headers of the fund table that mean no column.
    """

    tables: dict[str, list[Record]]
    places: list[str]
    names: dict[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    def observations(self, series: str) -> list[Observation]:
        """The rows of one series, each with its place in the files."""
        return [
            Observation(
                place,
                row["obs_date"],
                row["level_value"],
                row.get("distribution_paid") or 0.0,
                row.get("special_paid") or 0.0,
                1.0 if row.get("unit_split") is None else row["unit_split"],
                str(row.get("ccy") or "").upper(),
            )
            for row, place in zip(self.tables["series"], self.places, strict=True)
            if row["series_id"] == series
        ]


# -- columns -------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _layout(name: str) -> dict[str, Any]:
    return tomllib.loads((files("workbooks") / "layout" / f"{name}.toml").read_text("utf-8"))


def _number(cell: Cell) -> float:
    return float(cells.number(cell))


def _rate(cell: Cell) -> float:
    return float(cells.fraction(cell))


def _positive(cell: Cell) -> float:
    return float(cells.positive(cell))


def _non_negative(cell: Cell) -> float:
    return float(cells.non_negative(cell))


def _flag(cell: Cell) -> int:
    return int(cells.flag(cell))


def _class(cell: Cell) -> str:
    """The code of an asset class; another word stays, as a class of its own."""
    word = cells.text(cell)
    known = {w: code for code, words in _layout("lists")["asset_class"].items() for w in (code, *words)}
    return str(known.get(word, word))


def _whole(cell: Cell) -> int:
    return cells.whole(cell)


_BY_FORMAT: dict[str, Callable[[Cell], Any]] = {
    "t": cells.text,
    "d": cells.day,
    "w": _rate,
    "r3": _rate,
    "pc": _rate,
    "y": _whole,
    "i": _number,
}
_STRICT: dict[str, Callable[[Cell], Any]] = {
    "asset_class": _class,
    "account_kind": cells.account_kind,
    "average_nav": _positive,
    "distribution_paid": _non_negative,
    "level_value": _positive,
    "mid": _positive,
    "quantity": _positive,
    "special_paid": _non_negative,
    "trade_price": _positive,
    "unit_split": _positive,
    "vwap_market": _positive,
}


@lru_cache(maxsize=16)
def _shape(table: str) -> Shape:
    given = next(t for t in _layout("fund_audit_inputs")["table"] if t["block"] == table)
    fields = [_field(key, required=key in given["required"]) for key in given["columns"]]
    if table == "funds":
        fields = [_optional(f) if f.key in ("fund_name", "index_name", "vehicle") else f for f in fields]
        more = {
            "nav_file": (("基準価額ファイル", "NAV file"), cells.text),
            "distributions_file": (("分配金ファイル", "Distributions file"), cells.text),
            "index_file": (("指数ファイル", "Index file"), cells.text),
            "index_column": (("指数の列", "Index column"), cells.text),
            "gain_pct": (("損益率", "Gain %"), _rate),
            "quoted_spread": (("気配スプレッド", "Quoted spread"), _rate),
            "quartile_prior": (("前回四分位", "Prior quartile"), _whole),
        }
        fields += [Field(key, words, read) for key, (words, read) in more.items()]
    return Shape(table, tuple(fields))


def _field(key: str, *, required: bool) -> Field:
    ja, en, code, *_ = _layout("columns")[key]
    lists = _layout("fund_audit_inputs")["column_lists"]
    read: Callable[[Cell], Any]
    if key in _STRICT:
        read = _STRICT[key]
    elif lists.get(key) == "yesno":
        read = _flag
    elif key in lists:
        words = {code: tuple(also) for code, also in _layout("lists")[lists[key]].items()}
        words = {c: (*w, *_MORE.get(c, ())) for c, w in words.items()}
        read = cells.choice(words)
    else:
        read = _BY_FORMAT.get(code, _number)
    return Field(key, (ja, en), read, required=required, needed=required)


_MORE = {"FUND": ("投資信託", "index fund"), "ETF": ("上場投信",), "BUY": ("買付",), "SELL": ("売却",)}


def _optional(column: Field) -> Field:
    return Field(column.key, column.words, column.read)


# -- reading -------------------------------------------------------------------------------------------


def read_audit(funds: Path, history: Path | None = None) -> AuditInputs:
    """Everything an audit brings.

    Parameters
    ----------
    funds : Path
        The table of funds, or a filled audit workbook.
    history : Path, optional
        The record of earlier audits: a table, or last year's workbook. Without it, the table `audits`
        beside the fund table.

    Raises
    ------
    FileError
        If a file cannot be read, with the file, the place and what was expected.
    """
    book = _book(funds)
    matched = match(_grid_of(book, "funds") if book else open_grid(funds), _shape("funds"))
    if not len(matched):
        raise matched.grid.fail(None, "", Wanted("at least one fund", "1本以上のファンド"), "none")
    matched.refuse_repeated("fund_code")
    tables: dict[str, list[Record]] = {"funds": list(matched.records())}
    places: list[str] = []
    for name in COMPANIONS:
        grid = _grid_of(book, name) if book else _beside(funds, name)
        if name == "audits" and history is not None:
            grid = _history_grid(history)
        tables[name] = []
        if grid is None:
            continue
        found = match(grid, _shape(name))
        tables[name] = list(found.records())
        if name == "series":
            places = [_place(found, record) for record in range(len(found))]
    _from_files(funds, matched, tables, places)
    _from_columns(tables)
    _fill(tables["funds"])
    return AuditInputs(tables, places, _names(book) if book else {}, matched.unread)


def read_history(path: Path) -> list[Record]:
    """The record of earlier audits from a table or a workbook."""
    grid = _history_grid(path)
    return [] if grid is None else list(match(grid, _shape("audits")).records())


def _book(path: Path) -> BookReader | None:
    """A reader where the path is an audit workbook, not a plain table."""
    if path.suffix.lower() not in EXCEL_SUFFIXES:
        return None
    reader = BookReader(path)
    return reader if reader.table("tbl_funds") is not None else None


def _grid_of(book: BookReader, name: str) -> Grid:
    grid = book.table(f"tbl_{name}")
    if grid is None:
        raise FileError(f"{book.path}: it has no table tbl_{name}; is it a fund audit workbook?")
    return grid


def _beside(funds: Path, name: str) -> Grid | None:
    found = [p for suffix in _SUFFIXES if (p := funds.parent / f"{name}{suffix}").is_file() and p != funds]
    if len(found) > 1:
        raise FileError(f"{found[0]} and {found[1].name}: two tables {name}; keep one")
    return open_grid(found[0]) if found else None


def _history_grid(path: Path) -> Grid | None:
    book = _book(path)
    return book.table("tbl_audits") if book else open_grid(path)


def _place(found: Matched, record: int) -> str:
    grid = found.grid
    return f"{grid.where} {grid.word} {grid.numbers[found.index[record]]}"


def _names(book: BookReader) -> dict[str, Any]:
    """Filled input cells of the book."""
    values: dict[str, Any] = {}
    for entry in _layout("fund_audit_inputs")["input"]:
        place = book.package.names.get(entry["name"])
        value = book.cell(place) if place is not None else None
        if value is not None:
            values[entry["name"]] = value
    return values


# -- series from files -----------------------------------------------------------------------------------


def _from_files(funds: Path, matched: Matched, tables: dict[str, list[Record]], places: list[str]) -> None:
    """Add the series of funds that name files; an index is added once."""
    known = {row["series_id"] for row in tables["series"]}
    for record, row in enumerate(tables["funds"]):
        given = {key: row.pop(key, None) for key in _FILES}
        currency = str(row.get("ccy") or "JPY")
        if given["nav_file"]:
            series = nav_series(funds.parent, given["nav_file"], given["distributions_file"])
            row.setdefault("fund_name", series.name or None)
            _add(tables, places, known, row["fund_code"], series, currency, given["nav_file"])
        if given["index_file"]:
            path = funds.parent / given["index_file"]
            series = index_series(matched, record, path, given["index_column"])
            name = row.get("index_name") or series.name
            row["index_name"] = name
            _add(tables, places, known, name, series, currency, given["index_file"])


def _add(
    tables: dict[str, list[Record]],
    places: list[str],
    known: set[str],
    name: str,
    series: FundSeries,
    currency: str,
    file: str,
) -> None:
    if name in known:
        return
    known.add(name)
    for k in _kept(series):
        day = series.dates[k]
        row: Record = {"series_id": name, "obs_date": day, "level_value": float(series.nav[k])}
        if series.distribution[k]:
            row["distribution_paid"] = float(series.distribution[k])
        tables["series"].append(row | {"ccy": currency, "source": file})
        places.append(f"{file} {day}")


def _kept(series: FundSeries) -> Iterable[int]:
    """Month-ends and days with a distribution."""
    dates = series.dates
    last = {(day.year, day.month): k for k, day in enumerate(dates) if series.nav[k] == series.nav[k]}
    paid = {k for k in range(len(dates)) if series.distribution[k]}
    return sorted({*last.values(), *paid})


# -- what a plain table of funds says in columns of its own -------------------------------------------------


def _from_columns(tables: dict[str, list[Record]]) -> None:
    """A spread, a gain and last year's quartile in the fund table become rows where the book reads them."""
    quoted = {row["fund_code"] for row in tables["quotes"]}
    for row in tables["funds"]:
        code, gain = row["fund_code"], row.pop("gain_pct", None)
        spread, quartile = row.pop("quoted_spread", None), row.pop("quartile_prior", None)
        if spread and code not in quoted:
            tables["quotes"].append({"fund_code": code, "quoted_spread": spread})
        if gain is not None and row.get("value") is None:
            row["value"], row["cost_basis"] = 1.0, 1.0 - gain
        if quartile is not None:
            row["quartile_prior"] = quartile  # the year is known to the command


def _fill(funds: Sequence[Record]) -> None:
    """What a row may leave out."""
    for row in funds:
        row["fund_name"] = row.get("fund_name") or row["fund_code"]
        row["index_name"] = row.get("index_name") or ""
        row["vehicle"] = row.get("vehicle") or "FUND"
        row["ccy"] = str(row.get("ccy") or "JPY").upper()
