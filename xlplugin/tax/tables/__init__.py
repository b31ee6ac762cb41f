"""Dated tax tables: rates, limits and windows as rows with their days, status and source.

The rows are TOML beside this module, one file per regime: table ``jp.individual.nisa`` is the
section ``nisa`` of ``jp_individual.toml``. Numbers become exact decimals, counts of days and years
become int. A day without a row, or a row whose figures are not published yet, is a `NoTableError`:
a neighbouring year is never used instead.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from xlplugin.core.dated import Dated, Row
from xlplugin.errors import NoTableError

__all__ = [
    "Bracket",
    "TaxRow",
    "TaxTable",
    "Value",
    "last_day",
    "table",
    "table_names",
    "table_version",
]

REGIMES = ("jp.individual", "jp.corporate", "us.taxable")


class Bracket(NamedTuple):
    """One band of a rate schedule: `rate` on income up to `upto` (None: without end)."""

    upto: Decimal | None
    rate: Decimal


Value = Decimal | int | bool | str | dt.date | tuple[str, ...] | tuple[Bracket, ...]
T = TypeVar("T")

_READ: dict[str, tuple[type | tuple[type, ...], Any]] = {
    "rate": ((Decimal, int), Decimal),
    "amount": ((Decimal, int), Decimal),
    "count": (int, int),
    "flag": (bool, bool),
    "text": (str, str),
    "day": (dt.date, lambda day: day),
    "texts": (list, tuple),
    "any": ((Decimal, int, str), lambda v: v if isinstance(v, str) else Decimal(v)),
    "brackets": (
        list,
        lambda rows: tuple(
            Bracket(Decimal(row["upto"]) if "upto" in row else None, Decimal(row["rate"])) for row in rows
        ),
    ),
}


@dataclass(frozen=True)
class TaxRow(Row[Mapping[str, Value]]):
    """One row of a table; see `core.dated.Row` for its days and `needs_banner`."""

    table: str = ""
    key: tuple[str, ...] = ()
    note: str = ""

    @property
    def values(self) -> Mapping[str, Value]:
        """The figures of the row by name."""
        return self.value

    @property
    def title(self) -> str:
        """What a banner calls the row: its table, key, first day and status."""
        return " ".join((self.table, *self.key, self.valid_from.isoformat(), f"({self.status})"))

    def amount(self, name: str) -> Decimal:
        """A rate or an amount of money."""
        return self._typed(name, Decimal)

    def count(self, name: str) -> int:
        """A count of days or years."""
        return self._typed(name, int)

    def text(self, name: str) -> str:
        """A word or a sentence."""
        return self._typed(name, str)

    def flag(self, name: str) -> bool:
        """A yes or no."""
        return self._typed(name, bool)

    def _typed(self, name: str, kind: type[T]) -> T:
        found = self.value[name]
        if not isinstance(found, kind):
            raise TypeError(f"{self.table}: {name} is {found!r}, not {kind.__name__}")
        return found


class TaxTable:
    """All rows of one table.

    Attributes
    ----------
    name, title, key_date : str
        Identifier, one line for people, and which date chooses the row.
    key : tuple of str
        The names that must be given to `at` beside the day.
    rows : tuple of TaxRow
        In the order of the file.
    """

    def __init__(self, name: str, section: dict[str, Any]) -> None:
        self.name, self.title, self.key_date = name, str(section["title"]), str(section["key_date"])
        self.key: tuple[str, ...] = tuple(section["key"])
        self.columns: Mapping[str, str] = MappingProxyType(dict(section["columns"]))
        self.note = str(section.get("note", ""))
        self.rows = tuple(self._row(row) for row in section["rows"])
        by_key: dict[tuple[str, ...], list[Row[Mapping[str, Value]]]] = {}
        for row in self.rows:
            by_key.setdefault(row.key, []).append(row)
        self._dated = {key: Dated(" ".join((name, *key)), rows) for key, rows in by_key.items()}

    def _row(self, raw: dict[str, Any]) -> TaxRow:
        known = {"valid_from", "valid_to", "status", "confidence", "source", "note", *self.key, *self.columns}
        if unknown := set(raw) - known:
            raise ValueError(f"{self.name}: a row has unknown names {sorted(unknown)}")
        values: dict[str, Value] = {}
        for name, kind in self.columns.items():
            if name not in raw:
                if raw["status"] != "to_publish":
                    raise ValueError(f"{self.name}: a row has no {name}")
                continue
            accepted, convert = _READ[kind]
            if not isinstance(raw[name], accepted) or isinstance(raw[name], bool) != (kind == "flag"):
                raise ValueError(f"{self.name}: {name} is {raw[name]!r}, not a {kind}")
            values[name] = convert(raw[name])
        return TaxRow(
            valid_from=raw["valid_from"],
            valid_to=raw.get("valid_to"),
            value=MappingProxyType(values),
            source=tuple(raw["source"]),
            status=raw["status"],
            confidence=raw["confidence"],
            table=self.name,
            key=tuple(raw[name] for name in self.key),
            note=raw.get("note", ""),
        )

    def at(self, day: dt.date, **key: str) -> TaxRow:
        """The row in force on `day` for the `key` given.

        Raises
        ------
        NoTableError
            If no row covers the day or the key, or the figures are not published yet.
        TypeError
            If other names than those in `key` are given (a programming error).
        """
        if tuple(sorted(key)) != tuple(sorted(self.key)):
            raise TypeError(
                f"{self.name} is asked by {', '.join(self.key) or 'the day alone'}, not {sorted(key)}"
            )
        wanted = tuple(key[name] for name in self.key)
        if wanted not in self._dated:
            words = ", ".join(" ".join(k) for k in self._dated)
            raise NoTableError(f"{self.name}: no row for {' '.join(wanted)!r}; known are {words}")
        row = self._dated[wanted].at(day)
        assert isinstance(row, TaxRow)
        if len(row.values) != len(self.columns):
            raise NoTableError(
                f"{' '.join((self.name, *wanted))}: the figures for {day.year} are not published yet "
                f"({', '.join(row.source)}). Add them to the table when they are"
            )
        return row

    def of_year(self, year: int, **key: str) -> TaxRow:
        """The row in force on 1 January of the tax year."""
        return self.at(last_day(year).replace(month=1, day=1), **key)


def last_day(year: int) -> dt.date:
    """31 December of a tax year.

    Raises
    ------
    NoTableError
        If there is no such year.

    Examples
    --------
    >>> last_day(2026)
    datetime.date(2026, 12, 31)
    """
    if not dt.MINYEAR <= year < dt.MAXYEAR:
        raise NoTableError(f"{year}: there is no such tax year; give a calendar year such as 2026")
    return dt.date(year, 12, 31)


@cache
def _file(regime: str) -> dict[str, Any]:
    name = f"{regime.replace('.', '_')}.toml"
    text = (files(__name__) / name).read_text(encoding="utf-8")
    return tomllib.loads(text, parse_float=Decimal)


@cache
def table(name: str) -> TaxTable:
    """The table called `name`, for example ``"jp.individual.listed_rates"``.

    Raises
    ------
    NoTableError
        If there is no such table.

    Examples
    --------
    >>> import datetime as dt
    >>> row = table("jp.individual.listed_rates").at(dt.date(2027, 3, 1))
    >>> row.amount("income_tax") * (1 + row.amount("surtax_reconstruction") + row.amount("surtax_defence"))
    Decimal('0.15315')
    >>> row.needs_banner
    False
    """
    regime, _, section = name.rpartition(".")
    if regime not in REGIMES or not isinstance(_file(regime).get(section), dict):
        raise NoTableError(f"{name}: there is no such table; known are {', '.join(table_names())}")
    return TaxTable(name, _file(regime)[section])


def table_names() -> tuple[str, ...]:
    """The names of all tables, regime by regime, in the order of the files."""
    return tuple(
        f"{regime}.{section}"
        for regime in REGIMES
        for section, body in _file(regime).items()
        if isinstance(body, dict)
    )


def table_version(regime: str) -> dt.date:
    """The day as of which the tables of `regime` were checked; it is printed on every output.

    Examples
    --------
    >>> table_version("jp.individual")
    datetime.date(2026, 11, 22)
    """
    version: dt.date = _file(regime)["as_of"]
    return version
