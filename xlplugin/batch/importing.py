"""Files of brokers and of index providers as rows for the tables of an adviser's book.

A file is recognised by its headers, in either language. A row that cannot be read is left out with the
sentence that names file, line and column; the others are taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError, WordError
from xlplugin.store.clients import KNOWN_ACCOUNT, LOT_ONCE, row_faults
from xlplugin.store.dictionary import PER_CLIENT, client_tables, market_tables
from xlplugin.store.files import EXCEL_SUFFIXES, open_grid, sheet_names
from xlplugin.store.format import FORMATS, read
from xlplugin.store.formats.prices import PriceHistory
from xlplugin.store.grids import Shape, match
from xlplugin.store.market import latest_rows, members_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from xlplugin.store.clients import Record
    from xlplugin.store.grids import Grid, Matched

__all__ = ["Part", "read_parts"]

# What a file must say besides its required columns, to be taken for one of these.
_TELLING = {
    "constituents": frozenset(("published_weight", "shares_out", "index_price", "free_float", "cap_factor")),
    "prices": frozenset(("price",)),
}
_OF_ACCOUNTS = frozenset(("lots", "trades", "realized", "choices"))


@dataclass(frozen=True)
class Part:
    """What one file, or one sheet of a file, brings for one table.

    Attributes
    ----------
    file : str
        Its name.
    table : str
        The plain plural of the table, as "lots"; "clients" for settings of the client.
    records : tuple of records
        Rows by key.
    rejected : tuple of FileError
        One per row that was left out.
    unread : tuple of str
        Headers that mean no column of the table.
    others : int
        How many rows belong to other clients.
    history : PriceHistory or None
        Up to the day asked for, where the file is one.
    """

    file: str
    table: str
    records: tuple[Record, ...]
    rejected: tuple[FileError, ...] = ()
    unread: tuple[str, ...] = ()
    others: int = 0
    history: PriceHistory | None = None
    matched: Matched | None = None
    places: tuple[int, ...] = ()  # of the records in `matched`


def read_parts(
    paths: Sequence[Path],
    *,
    as_of: dt.date,
    client_id: str,
    settings: Record,
    accounts: frozenset[str],
    table: str | None = None,
    account: str | None = None,
) -> list[Part]:
    """Read every file.

    Parameters
    ----------
    paths : sequence of Path
        Text, Excel or Parquet files.
    as_of : date
        The last day of a price history that is taken.
    client_id : str
        Whose rows are taken from a file of several clients.
    settings : record
        Of the client, for the rules between a row and its client.
    accounts : frozenset of str
        The accounts that the book has already.
    table : str, optional
        What all files are; recognised by their headers when left out.
    account : str, optional
        The account of rows in files without such a column.

    Raises
    ------
    FileError
        If a file cannot be read or recognised.
    WordError
        If there is no such table, or no such account.
    """
    shapes = _shapes()
    if table is not None and table not in shapes:
        raise WordError("--table", got=table, choices=tuple(shapes))
    whose = settings | {"client_id": client_id}
    found = [p for path in paths for p in _parts(path, as_of, table, account, whose)]
    known = accounts | {str(r["account"]) for p in found if p.table == "accounts" for r in p.records}
    if account is not None and account not in known:
        raise WordError(
            "--account", got=account, choices=tuple(sorted(known)) or ("a row of accounts first",)
        )
    return [_of_known_accounts(p, known) if known else p for p in found]


def _shapes() -> dict[str, Shape]:
    """Every table by name; the client of a row need not be said, but for the table of clients itself."""
    own = {name: _lenient(client_tables()[name], "client_id") for name in PER_CLIENT}
    return {"clients": client_tables()["clients"]} | own | market_tables()


def _lenient(shape: Shape, key: str) -> Shape:
    """The shape, without asking for one of its columns."""
    fields = (replace(f, required=False, needed=False) if f.key == key else f for f in shape.fields)
    return Shape(shape.name, tuple(fields))


def _parts(
    path: Path, as_of: dt.date, table: str | None, account: str | None, settings: Record
) -> Iterator[Part]:
    shapes = _shapes()
    if table is None and path.suffix.lower() in EXCEL_SUFFIXES:
        names = [n for n in sheet_names(path) if n.casefold().removeprefix("tbl_") in shapes]
        for name in names:
            shape = shapes[name.casefold().removeprefix("tbl_")]
            filled = _table(path, open_grid(path, sheet=name), _open(shape, account), account, settings)
            if filled.records or filled.rejected:
                yield filled
        if names:
            return
    grid = open_grid(path)
    if table is None:
        kind = next((k for k in FORMATS if k.recognises(grid)), None)
        part = None if kind is None else _of_provider(path, as_of)
        if part is not None:
            yield part
            return
    shape = _open(shapes[table], account) if table is not None else _recognised(grid, account)
    yield _table(path, grid, shape, account, settings)


def _open(shape: Shape, account: str | None) -> Shape:
    """The shape, without asking for the account column where the account is given."""
    return shape if account is None or shape.name not in _OF_ACCOUNTS else _lenient(shape, "account")


def _of_provider(path: Path, as_of: dt.date) -> Part | None:
    """A price history or the members of an index; None for files that a book has no table for."""
    _, found = read(path)
    if isinstance(found, PriceHistory):
        return Part(path.name, "prices", tuple(latest_rows(found, as_of)), history=found.until(as_of))
    members = members_of(found)
    return None if members is None else Part(path.name, "constituents", tuple(members[0]))


def _recognised(grid: Grid, account: str | None) -> Shape:
    """The table whose columns the file has most of."""
    best: list[tuple[int, Shape]] = []
    for shape in (_open(s, account) for s in _shapes().values()):
        top = grid.header_index(shape.is_header)
        if top is None:
            continue
        keys = {f.key for cell in grid.rows[top] if (f := shape.find(cell)) is not None}
        if keys and keys & _TELLING.get(shape.name, keys):
            best.append((len(keys), shape))
    most = max((count for count, _ in best), default=0)
    names = [shape for count, shape in best if count == most]
    if len(names) == 1:
        return names[0]
    if names:
        words = " or ".join(shape.name for shape in names)
        raise FileError(f"{grid.where}: this may be {words}; say which with --table")
    first = ", ".join(str(c) for c in (grid.rows[0] if grid.rows else []) if c not in (None, ""))[:60]
    raise FileError(
        f"{grid.where}: no table of the book has these columns ({first or 'an empty file'}); "
        "say what the file is with --table, or which account it belongs to with --account"
    )


def _table(path: Path, grid: Grid, shape: Shape, account: str | None, settings: Record) -> Part:
    table = match(grid, shape, strict=False)
    good: dict[int, Record] = {}
    rejected: list[FileError] = []
    seen: set[tuple[Any, ...]] = set()
    others: set[str] = set()
    unread = list(table.unread)
    left_out = 0
    for n, row in enumerate(table.records()):
        owner = row.pop("client_id", None)
        if owner not in (None, "*", settings["client_id"]):
            others.add(str(owner))
            left_out += 1
            continue
        if account is not None and shape.name in _OF_ACCOUNTS and row.get("account") is None:
            row["account"] = account
        if isinstance(budget := row.get("budget"), str):  # a share of the gain, which only a batch works out
            unread.append(f"{table.headers['budget']} {budget}")
            row["budget"] = None
        fault = next(iter(_faults(table, shape.name, n, row, settings, seen)), None)
        if fault is None:
            good[n] = row
        else:
            rejected.append(fault)
    records, places = tuple(good.values()), tuple(good)
    if others and not (records or rejected):
        names = ", ".join(sorted(others)[:5])
        raise FileError(
            f"{path}: its rows are of {names}, and this book is of {settings['client_id']} (in_client_id)"
        )
    return Part(
        path.name, shape.name, records, tuple(rejected), tuple(unread), left_out, matched=table, places=places
    )


def _faults(
    table: Matched, name: str, n: int, row: Record, settings: Record, seen: set[tuple[Any, ...]]
) -> Iterator[FileError]:
    yield from table.problems.get(n, ())
    yield from row_faults(table, name, n, row, settings)
    if name == "lots" and row.get("lot") is not None:
        key = (row.get("account"), row.get("code"), row["lot"])
        if key in seen:
            yield table.fail(n, "lot", LOT_ONCE, row["lot"])
        seen.add(key)


def _of_known_accounts(part: Part, known: frozenset[str]) -> Part:
    """The part without the rows of accounts that the book does not have."""
    if part.table not in _OF_ACCOUNTS or part.matched is None:
        return part
    kept = [str(r["account"]) in known for r in part.records]
    foreign = tuple(
        part.matched.fail(place, "account", KNOWN_ACCOUNT, record["account"])
        for record, place, is_known in zip(part.records, part.places, kept, strict=True)
        if not is_known
    )
    records = tuple(r for r, is_known in zip(part.records, kept, strict=True) if is_known)
    return replace(part, records=records, rejected=tuple(sorted((*part.rejected, *foreign), key=_line)))


def _line(error: FileError) -> int:
    """Where in its file a row stands."""
    number = getattr(error, "place", ("", 0))[1]
    return number if isinstance(number, int) else 0
