"""The market that clients share: index members, prices, events, price history.

Members come from a constituents table of the templates, or straight from a file of a provider
(TOPIX weights, price adjustment factors, GICS sectors). Prices come from a prices table, or as
the last price on or before the day from a wide history. What one file lacks and another has is
filled in (name and sector of a price row, index price of a member); nothing is made up: a
security without a price has none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store.cells import Wanted
from xlplugin.store.dictionary import market_tables
from xlplugin.store.files import open_grid
from xlplugin.store.format import read
from xlplugin.store.formats.price_factors import PriceFactors
from xlplugin.store.formats.prices import PriceHistory
from xlplugin.store.formats.sectors import Sectors
from xlplugin.store.formats.topix_weights import IndexWeights
from xlplugin.store.grids import match

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from xlplugin.store.clients import Record

__all__ = ["Market", "MarketFiles", "Provenance", "completed", "latest_rows", "members_of", "read_market"]


@dataclass(frozen=True)
class MarketFiles:
    """The files of one market; `constituents` and one of `prices` and `history` are needed."""

    constituents: Path
    prices: Path | None = None
    history: Path | None = None
    events: Path | None = None

    @property
    def paths(self) -> dict[str, Path]:
        """The files that are given, by name."""
        named = {"constituents": self.constituents, "prices": self.prices, "history": self.history}
        named["events"] = self.events
        return {name: path for name, path in named.items() if path is not None}


@dataclass(frozen=True)
class Provenance:
    """What a figure was read from, and the day it is of."""

    item: str
    file: str
    day: dt.date | None


@dataclass(frozen=True)
class Market:
    """One market on one day.

    Attributes
    ----------
    constituents, prices, events : tuple of records
        Rows by key; `prices` has one row per security, without ``price`` where there is none.
    history : PriceHistory or None
        Up to `as_of`.
    """

    as_of: dt.date
    constituents: tuple[Record, ...]
    prices: tuple[Record, ...]
    events: tuple[Record, ...]
    history: PriceHistory | None
    provenance: tuple[Provenance, ...]

    @property
    def price_rows(self) -> dict[str, Record]:
        """The price row of each security by code."""
        return {str(row["code"]): row for row in self.prices}


def read_market(files: MarketFiles, as_of: dt.date) -> Market:
    """Read the market of one day.

    Raises
    ------
    FileError
        If a file cannot be read, a code stands twice, or neither prices nor a history is given.
    MissingError
        If the history begins after `as_of`.
    """
    if files.prices is None and files.history is None:
        raise FileError("the market has neither a prices file nor a price history; give one of them")
    members, member_day = _constituents(files.constituents)
    history = _history(files.history, as_of) if files.history is not None else None
    provenance = [Provenance("constituents", files.constituents.name, member_day or as_of)]
    if files.prices is not None:
        prices = list(_table(files.prices, "prices"))
        days = [day for r in prices if isinstance(day := r.get("price_date"), dt.date)]
        provenance.append(Provenance("prices", files.prices.name, max(days, default=as_of)))
    elif history is not None:
        prices = latest_rows(history, as_of)
    else:
        prices = []
    if files.history is not None and history is not None:
        provenance.append(Provenance("history", files.history.name, history.dates[-1]))
    events = tuple(_table(files.events, "events")) if files.events is not None else ()
    members, prices = completed(members, prices)
    return Market(as_of, tuple(members), tuple(prices), events, history, tuple(provenance))


def _table(path: Path, name: str) -> Iterable[Record]:
    table = match(open_grid(path), market_tables()[name])
    if name != "events":
        table.refuse_repeated("code")
    return table.records()


def _history(path: Path, as_of: dt.date) -> PriceHistory:
    kind, history = read(path)
    if not isinstance(history, PriceHistory):
        raise FileError(f"{path}: expected a wide price history, found {kind.title.en}")
    history.latest(as_of)  # raises when it begins later
    return history.until(as_of)


def latest_rows(history: PriceHistory, as_of: dt.date) -> list[Record]:
    """One price row per security of a history: the last price on or before a day, if there is one."""
    latest = history.latest(as_of)
    rows: list[Record] = []
    for code in history.codes:
        row: Record = {"code": code}
        if code in latest:
            day, price = latest[code]
            row |= {"price": Decimal(repr(price)), "price_date": day}
        rows.append(row)
    return rows


def _constituents(path: Path) -> tuple[list[Record], dt.date | None]:
    grid = open_grid(path, first=2)
    shape = market_tables()["constituents"]
    own = {"published_weight", "shares_out", "index_price", "free_float"}
    header = next((row for row in grid.rows[:30] if shape.is_header(row)), [])
    if own & {f.key for c in header if (f := shape.find(c)) is not None}:
        return list(_table(path, "constituents")), None
    kind, found = read(path)
    rows = members_of(found)
    if rows is None:
        raise grid.fail(None, "", Wanted("index constituents", "指数の構成銘柄"), kind.title.en)
    return rows


def members_of(found: Any) -> tuple[list[Record], dt.date | None] | None:
    """Index members from the file of a provider, and their day; None for another kind of file."""
    if isinstance(found, IndexWeights):
        columns = zip(found.codes, found.names, found.sectors, found.sizes, found.exact, strict=True)
        return [
            {"code": c, "name": n, "sector": s, "size": z, "country": "JP", "published_weight": w}
            for c, n, s, z, w in columns
        ], found.as_of
    if isinstance(found, PriceFactors):
        columns_ = zip(found.codes, found.names, found.industries, found.exact, strict=True)
        return [
            {"code": c, "name": n, "sector": s, "country": "JP", "cap_factor": f} for c, n, s, f in columns_
        ], found.as_of
    if isinstance(found, Sectors):
        return [
            {"code": c, "name": n, "sector": s, "country": "US"}
            for c, n, s in zip(found.codes, found.names, found.sectors, strict=True)
        ], None
    return None


def completed(members: list[Record], prices: list[Record]) -> tuple[list[Record], list[Record]]:
    """Names, sectors and prices that one side has and the other lacks."""
    member = {row["code"]: row for row in members}
    price = {row["code"]: row for row in prices}
    full_prices = [_filled(row, member.get(row["code"], {}), ("name", "sector")) for row in prices]
    full_members = []
    for row in members:
        other = price.get(row["code"], {})
        filled = _filled(row, other, ("name", "sector"))
        if filled.get("index_price") is None and other.get("price") is not None:
            filled["index_price"] = other["price"]
        full_members.append(filled)
    return full_members, full_prices


def _filled(row: Record, other: Record, keys: tuple[str, ...]) -> Record:
    return row | {k: other[k] for k in keys if row.get(k) is None and other.get(k) is not None}
