"""The tables of a tax event log: those of a client book, and what a year end needs beyond them.

`accounts`, `lots`, `trades`, `carry` and `realized` are the tables of the templates, with a few columns
more. `other_events` holds what is no plain purchase or sale, `opening_lots` what was held before the
first row of the log, `broker_totals` the broker's yearly figures, `missed` losses that were not used.
Every table has a column ``client_id`` where a book holds several clients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store import cells
from xlplugin.store.books import BookReader
from xlplugin.store.cells import Wanted, is_blank
from xlplugin.store.dictionary import client_tables, setting_of, settings
from xlplugin.store.files import EXCEL_SUFFIXES
from xlplugin.store.grids import Field, Matched, Shape, match
from xlplugin.store.sources import FileTables, WorkbookTables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xlplugin.store.clients import Record
    from xlplugin.store.grids import BadCellError, Grid
    from xlplugin.store.sources import TableSource

__all__ = ["KINDS", "LOG_TABLES", "LogTables", "Row", "log_tables_of", "read_log_tables", "refuse_faults"]

NOT_BLANK = Wanted("a value; the cell is empty", "値(セルが空です)")

KINDS: dict[str, tuple[str, ...]] = {
    "REINVEST": ("account", "code", "quantity", "amount"),
    "MARGIN_OPEN": ("account", "code", "quantity", "amount"),
    "MARGIN_CLOSE": ("account", "code", "quantity", "amount"),
    "GENBIKI": ("account", "code", "quantity", "amount"),
    "DIVIDEND": ("account", "code", "quantity", "amount"),
    "SPLIT": ("code", "ratio"),
    "MERGER": ("code", "to_code", "ratio"),
    "SPIN_OFF": ("code", "to_code", "ratio", "cost_share"),
    "RIGHTS": ("code", "ratio"),
    "CAPITAL_RETURN": ("code", "cash"),
    "TRANSFER": ("account", "to_account", "code", "quantity"),
    "GIFT": ("code", "quantity", "value"),
}
"""What may stand in `other_events`, and the columns each kind needs."""

LOG_TABLES = ("other_events", "opening_lots", "broker_totals", "missed")
"""Tables that only an event log has."""

_WORDS = {
    "REINVEST": ("再投資", "Reinvestment"),
    "MARGIN_OPEN": ("信用新規", "Margin open"),
    "MARGIN_CLOSE": ("信用返済", "Margin close"),
    "GENBIKI": ("現引", "Delivery"),
    "DIVIDEND": ("配当", "Dividend"),
    "SPLIT": ("分割・併合", "Split"),
    "MERGER": ("合併・株式交換", "Merger"),
    "SPIN_OFF": ("分割型分割", "Spin-off"),
    "RIGHTS": ("株主割当", "Rights"),
    "CAPITAL_RETURN": ("資本の払戻し", "Capital return"),
    "TRANSFER": ("移管", "Transfer"),
    "GIFT": ("贈与・相続", "Gift"),
}
_SEQ = Field("seq", ("日内の順番", "Order in the day"), cells.whole)
_FX_BUY = Field("fx_buy", ("TTS", "FX buy (TTS)"), cells.positive)
_FX_SELL = Field("fx_sell", ("TTB", "FX sell (TTB)"), cells.positive)


def _other_events() -> Shape:
    number, positive, text = cells.number, cells.positive, cells.text
    fields = (
        Field("trade_id", ("約定番号", "Trade ID"), text, required=True, needed=True),
        Field("event", ("権利・事象", "Event"), cells.choice(_WORDS), required=True, needed=True),
        Field("account", ("口座", "Account"), text),
        Field("to_account", ("移管先口座", "To account"), text),
        Field("code", ("コード", "Code"), cells.ticker, required=True, needed=True),
        Field("to_code", ("新しいコード", "New code"), cells.ticker),
        Field("trade_date", ("約定日", "Trade date"), cells.day, required=True, needed=True),
        Field("settle_date", ("受渡日", "Settlement date"), cells.day, required=True, needed=True),
        Field("quantity", ("数量", "Quantity"), positive),
        Field("amount", ("金額", "Amount"), cells.non_negative),
        Field("fee", ("手数料(税込)", "Fee"), cells.non_negative),
        Field("foreign_tax", ("外国源泉税", "Foreign tax"), cells.non_negative),
        Field("ccy", ("通貨", "Currency"), text),
        Field("fx", ("為替レート", "FX rate"), positive),
        Field("lot", ("ロット", "Lot"), text),
        Field("ratio", ("比率", "Ratio"), positive),
        Field("price", ("払込価額", "Price"), cells.non_negative),
        Field("cash", ("1株当たり金銭", "Cash per share"), cells.non_negative),
        Field("dividend", ("1株当たりみなし配当", "Deemed dividend per share"), cells.non_negative),
        Field("added_cost", ("1株当たり取得費加算", "Cost added per share"), cells.non_negative),
        Field("cost_share", ("取得費の移転割合", "Share of cost"), cells.fraction),
        Field("reduction", ("純資産減少割合", "Net asset reduction"), cells.fraction),
        Field("value", ("時価", "Value"), number),
        Field("cost_basis", ("取得価額", "Cost basis"), cells.non_negative),
        Field("acquired", ("取得日", "Acquired"), cells.day),
        Field("inherited", ("相続", "Inherited"), cells.flag),
        _SEQ,
    )
    return Shape("other_events", fields)


_BROKER_ITEMS = {
    "proceeds": ("譲渡の対価", "Proceeds"),
    "cost": ("取得費等", "Cost"),
    "gain": ("差引金額", "Gain"),
    "withheld": ("源泉徴収税額", "Withheld"),
    "dividends": ("配当等", "Dividends"),
}
_REPORTS = {
    "basis": ("取得費の報告あり", "Basis reported"),
    "no_basis": ("取得費の報告なし", "Basis not reported"),
    "nothing": ("1099-B なし", "No 1099-B"),
}


@lru_cache(maxsize=1)
def _shapes() -> dict[str, Shape]:
    """Every table by name, without the column of the client."""

    def plain(name: str, *more: Field) -> Shape:
        own = tuple(f for f in client_tables()[name].fields if f.key != "client_id")
        known = {f.key for f in own}
        return Shape(name, (*own, *(f for f in more if f.key not in known)))

    term = Field("term", ("保有区分", "Term"), cells.choice({"ST": ("短期",), "LT": ("長期",)}))
    account = Field("account", ("口座", "Account"), cells.text, required=True, needed=True)
    lots = plain("lots")
    return {
        "accounts": plain("accounts", Field("reports", ("1099-B の報告", "Reports"), cells.choice(_REPORTS))),
        "lots": lots,
        "opening_lots": Shape("opening_lots", lots.fields),
        "trades": plain("trades", _FX_BUY, _FX_SELL, _SEQ),
        "other_events": _other_events(),
        "carry": plain("carry", term),
        "realized": plain("realized"),
        "broker_totals": Shape(
            "broker_totals",
            (
                account,
                Field("item", ("項目", "Item"), cells.choice(_BROKER_ITEMS), required=True, needed=True),
                Field("amount", ("金額", "Amount"), cells.number, required=True, needed=True),
            ),
        ),
        "missed": Shape(
            "missed",
            (
                Field("obs_date", ("日付", "Date"), cells.day, required=True, needed=True),
                account,
                Field("code", ("コード", "Code"), cells.ticker, required=True, needed=True),
                Field("loss", ("損失", "Loss"), cells.positive, required=True, needed=True),
                Field("reason", ("理由", "Reason"), cells.text, required=True, needed=True),
            ),
        ),
    }


@dataclass(frozen=True)
class Row:
    """One row of a table: its values by key, and where a person finds it."""

    values: Record
    table: Matched
    record: int

    def __getitem__(self, key: str) -> Any:
        return self.values.get(key)

    @property
    def place(self) -> str:
        """The table and the number of the row, for error sentences."""
        grid = self.table.grid
        return f"{grid.where}, {grid.word} {grid.numbers[self.table.index[self.record]]}"

    def need(self, key: str) -> Any:
        """The value of a cell that may not be blank.

        Raises
        ------
        BadCellError
            If it is blank.
        """
        value = self.values.get(key)
        if value is None:
            raise self.table.fail(self.record, key, NOT_BLANK)
        return value

    def fail(self, key: str, expected: Wanted, got: object = "") -> BadCellError:
        """The error for one cell of this row."""
        return self.table.fail(self.record, key, expected, str(got))


@dataclass(frozen=True)
class LogTables:
    """The tables of one client as read, and the client's settings."""

    client_id: str
    settings: Record
    rows: dict[str, tuple[Row, ...]]

    def __getitem__(self, table: str) -> tuple[Row, ...]:
        return self.rows.get(table, ())

    def has(self, table: str) -> bool:
        """Whether the source has such a table, be it empty."""
        return table in self.rows


class _BookTables:
    """The tables of one client's workbook, called ``tbl_NAME``."""

    def __init__(self, reader: BookReader) -> None:
        self.read = lambda table: reader.table(f"tbl_{table}")


def read_log_tables(path: Path) -> dict[str, LogTables]:
    """The log tables of every client of a source, by client id.

    Parameters
    ----------
    path : Path
        A folder with one file per table (``accounts.csv``, ``trades.csv`` ...), a workbook with one
        sheet or table per table, or the advisor workbook of one client.

    Raises
    ------
    FileError
        If the source cannot be read, or has no accounts or no trades. A cell that cannot be read
        is an error of its own client: it is raised when that client's rows are asked for.
    """
    if path.is_dir():
        found = {
            file.stem: file
            for file in sorted(path.iterdir())
            if file.suffix.lower() in {".csv", *EXCEL_SUFFIXES}
        }
        return _of_source(FileTables(found), str(path))
    if path.suffix.lower() not in EXCEL_SUFFIXES:
        raise FileError(f"{path}: expected a folder of tables or a workbook")
    reader = BookReader(path)
    if "in_client_id" not in reader.package.names:
        return _of_source(WorkbookTables(path), str(path))
    given: Record = {}
    for name, place in reader.package.names.items():
        key = setting_of(name)
        if key in settings() and name.startswith(("in_", "cfg_")) and not is_blank(reader.cell(place)):
            given[key] = settings()[key].read(reader.cell(place))
    client_id = str(given.pop("client_id", "") or path.stem.upper())
    return _of_source(_BookTables(reader), str(path), {client_id: given})


def log_tables_of(source: TableSource, where: str) -> dict[str, LogTables]:
    """The log tables of every client of a source; `where` names it in sentences.

    Raises
    ------
    FileError
        As `read_log_tables`.
    """
    return _of_source(source, where)


def _of_source(source: Any, where: str, known: dict[str, Record] | None = None) -> dict[str, LogTables]:
    grids: dict[str, Grid] = {name: grid for name in _shapes() if (grid := source.read(name)) is not None}
    for needed in ("accounts", "trades"):
        if needed not in grids:
            raise FileError(f"{where}: there is no table {needed}; an event log needs accounts and trades")
    clients = known if known is not None else _clients(source)
    tables = {name: _matched(grid, _shapes()[name]) for name, grid in grids.items()}
    rows: dict[str, dict[str, list[Row]]] = {client: {name: [] for name in tables} for client in clients}
    for name, table in tables.items():
        for client, row in _distributed(table, next(iter(clients), "CLIENT")):
            if client not in rows:
                if clients:
                    wanted = Wanted("an id of the clients table", "顧客表にある顧客ID")
                    raise row.fail("client_id", wanted, client)
                rows[client] = {each: [] for each in tables}
            rows[client][name].append(row)
    return {
        client: LogTables(client, clients.get(client, {}), {k: tuple(v) for k, v in found.items()})
        for client, found in sorted(rows.items())
    }


def _clients(source: Any) -> dict[str, Record]:
    grid = source.read("clients")
    if grid is None:
        return {}
    table = match(grid, client_tables()["clients"], strict=False)
    return {
        str(row["client_id"]): {k: v for k, v in row.items() if k != "client_id" and v is not None}
        for row in table.records()
    }


def _matched(grid: Grid, shape: Shape) -> Matched:
    client = replace(client_tables()["accounts"].fields[0], required=False, needed=False)
    return match(grid, Shape(shape.name, (client, *shape.fields)), strict=False)


def _distributed(table: Matched, only: str) -> Iterator[tuple[str, Row]]:
    for record, values in enumerate(table.records()):
        client = values.pop("client_id", None)
        yield str(client if client is not None else only), Row(values, table, record)


def refuse_faults(rows: tuple[Row, ...]) -> None:
    """Raise the first cell of these rows that could not be read."""
    for row in rows:
        for error in row.table.problems.get(row.record, ()):
            raise error
