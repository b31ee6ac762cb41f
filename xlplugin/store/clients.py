"""Clients of a book: settings and tables, read from any source, checked one by one.

A fault in one client's rows is that client's: it becomes a `ClientFailure` with its sentences
and place, and the others are read. Only what makes the whole book unreadable (no clients table,
a missing column, a client id that cannot be read, one id with two names) is an error.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from xlplugin.errors import FileError
from xlplugin.store.cells import Wanted
from xlplugin.store.dictionary import PER_CLIENT, client_tables
from xlplugin.store.grids import Matched, match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xlplugin.store.sources import TableSource

__all__ = [
    "KNOWN_ACCOUNT",
    "LOT_ONCE",
    "Client",
    "ClientBook",
    "ClientFailure",
    "Record",
    "Value",
    "read_clients",
    "row_faults",
]

Value = str | bool | int | float | Decimal | dt.date | None
Record = dict[str, Value]

NEEDED = ("accounts", "lots")


@dataclass(frozen=True)
class Client:
    """One client: settings by key, rows of each table by key, as read.

    Money and quantities are exact (`Decimal`), days are dates, codes are text.
    """

    client_id: str
    settings: Mapping[str, Value]
    tables: Mapping[str, tuple[Record, ...]]

    def rows(self, table: str) -> tuple[Record, ...]:
        """The rows of a table; none if the source has no such table."""
        return self.tables.get(table, ())

    def setting(self, key: str, default: Value = None) -> Value:
        """A setting, or the default where it is blank."""
        value = self.settings.get(key)
        return default if value is None else value


@dataclass(frozen=True)
class ClientFailure:
    """A client that could not be read, with every fault found and the name as far as it is known."""

    client_id: str
    errors: tuple[FileError, ...]
    client_name: str = ""


@dataclass(frozen=True)
class ClientBook:
    """All clients of a source in the order of their ids.

    Attributes
    ----------
    clients : tuple of Client
        Those that could be read.
    failures : tuple of ClientFailure
        Those that could not.
    unread : tuple of str
        Columns that were left alone, as "table: header".
    """

    clients: tuple[Client, ...]
    failures: tuple[ClientFailure, ...]
    unread: tuple[str, ...] = field(default=())

    @property
    def client_ids(self) -> tuple[str, ...]:
        """All ids, read or not, in order."""
        return tuple(sorted({c.client_id for c in self.clients} | {f.client_id for f in self.failures}))


def read_clients(source: TableSource) -> ClientBook:
    """Read every client of a source.

    Raises
    ------
    FileError
        If the book as a whole cannot be read.
    """
    found = {name: _table(source, name) for name in ("clients", *PER_CLIENT)}
    clients = found["clients"]
    if clients is None:
        raise FileError("the book has no clients table; add one with the column client_id")
    faults: dict[str, list[FileError]] = defaultdict(list)
    settings = _settings(clients, faults)
    rows: dict[str, dict[str, list[Record]]] = {cid: defaultdict(list) for cid in settings}
    for name in PER_CLIENT:
        table = found[name]
        if table is not None:
            _distribute(table, name, settings, rows, faults)
    read = []
    for cid in sorted(settings):
        client = Client(cid, settings[cid], {name: tuple(rows[cid][name]) for name in PER_CLIENT})
        faults[cid] += [
            FileError(f"{cid}: the table {name} has no row for this client; add its {name}")
            for name in NEEDED
            if not client.rows(name)
        ]
        if not faults[cid]:
            read.append(client)
    failures = [
        ClientFailure(cid, tuple(faults[cid]), str(settings[cid].get("client_name") or ""))
        for cid in sorted(settings)
        if faults[cid]
    ]
    return ClientBook(tuple(read), tuple(failures), _unread(found))


def _table(source: TableSource, name: str) -> Matched | None:
    grid = source.read(name)
    return None if grid is None else match(grid, client_tables()[name], strict=False)


def _unread(found: Mapping[str, Matched | None]) -> tuple[str, ...]:
    names = []
    for name, table in found.items():
        if table is not None:
            names += [f"{name}: {header}" for header in table.unread]
    return tuple(names)


def _id_of(table: Matched, record: int) -> str:
    client_id = table["client_id"][record]
    if client_id is None:  # nobody's row: the book itself is at fault
        raise next(e for e in table.problems[record] if e.column == table.headers["client_id"])
    return str(client_id)


def _settings(table: Matched, faults: dict[str, list[FileError]]) -> dict[str, Record]:
    settings: dict[str, Record] = {}
    first: dict[str, int] = {}
    for record, row in enumerate(table.records()):
        cid = _id_of(table, record)
        if cid in first:
            number = table.grid.numbers[table.index[first[cid]]]
            raise table.fail(
                record,
                "client_id",
                Wanted(
                    f"each client once; this one stands in {table.grid.word} {number} already",
                    f"顧客は1行ずつ({number}行目にもあります)",
                ),
                cid,
            )
        first[cid] = record
        settings[cid] = {key: value for key, value in row.items() if key != "client_id"}
        faults[cid] += table.problems.get(record, [])
    return settings


def _distribute(
    table: Matched,
    name: str,
    settings: Mapping[str, Record],
    rows: dict[str, dict[str, list[Record]]],
    faults: dict[str, list[FileError]],
) -> None:
    seen: set[tuple[Value, ...]] = set()
    for record, row in enumerate(table.records()):
        cid = _id_of(table, record)
        row.pop("client_id")
        if cid != "*" and cid not in settings:
            raise table.fail(
                record, "client_id", Wanted("an id of the clients table", "顧客表にある顧客ID"), cid
            )
        errors: list[FileError] = list(table.problems.get(record, ()))
        errors += row_faults(table, name, record, row, settings.get(cid, {}))
        if name == "lots":
            key = (cid, row.get("account"), row.get("code"), row.get("lot"))
            if row.get("lot") is not None and key in seen:
                errors.append(table.fail(record, "lot", LOT_ONCE, row["lot"]))
            seen.add(key)
        if name in {"lots", "trades"} and rows[cid]["accounts"] and row.get("account") is not None:
            known = {r["account"] for r in rows[cid]["accounts"]}
            if row["account"] not in known:
                errors.append(table.fail(record, "account", KNOWN_ACCOUNT, row["account"]))
        for owner in settings if cid == "*" else (cid,):
            rows[owner][name].append(row)
            faults[owner] += errors


_KNOWN_CLIENT = Wanted("an id of the clients table", "顧客表にある顧客ID")
LOT_ONCE = Wanted("each lot once in an account and code", "ロット番号は口座・銘柄ごとに一度だけ")
KNOWN_ACCOUNT = Wanted("an account of the accounts table", "口座表にある口座")
_SOME_COST = Wanted("a cost basis or a unit cost", "取得価額または取得単価")
_US_DAY = Wanted("the day bought, from which a US lot's holding period runs", "取得日(米国のロットに必要)")


def row_faults(table: Matched, name: str, record: int, row: Record, settings: Record) -> Iterator[FileError]:
    """What a row of a client's table says against itself or the client's settings."""
    if name == "lots":
        yield from _lot_faults(table, record, row, settings)
    if name == "trades":
        yield from _trade_faults(table, record, row)


def _lot_faults(table: Matched, record: int, row: Record, settings: Record) -> Iterator[FileError]:
    """What a lot says against itself or its client."""
    cost, unit, quantity = row.get("cost_basis"), row.get("unit_cost"), row.get("quantity")
    if cost is None and unit is None:
        yield table.fail(record, "cost_basis", _SOME_COST)
    if isinstance(cost, Decimal) and isinstance(unit, Decimal) and isinstance(quantity, Decimal):
        product = quantity * unit
        if abs(product - cost) > quantity:  # a unit cost is rounded: at most one unit of currency a share
            wanted = Wanted(f"about quantity x unit cost = {product:,f}", f"数量×単価に近い額 {product:,f}")
            yield table.fail(record, "cost_basis", wanted, cost)
    acquired, as_of = row.get("acquired"), settings.get("as_of")
    if isinstance(as_of, dt.date) and isinstance(acquired, dt.date) and acquired > as_of:
        yield table.fail(record, "acquired", Wanted(f"a day up to {as_of}", f"{as_of} までの日付"), acquired)
    if settings.get("regime") == "us_taxable" and acquired is None:
        yield table.fail(record, "acquired", _US_DAY)


def _trade_faults(table: Matched, record: int, row: Record) -> Iterator[FileError]:
    """What a trade says against itself."""
    traded, settled = row.get("trade_date"), row.get("settle_date")
    if isinstance(traded, dt.date) and isinstance(settled, dt.date) and settled < traded:
        wanted = Wanted(f"a day from {traded}", f"{traded} 以後の日付")
        yield table.fail(record, "settle_date", wanted, settled)
