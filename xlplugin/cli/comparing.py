"""What changed between two books of one client, in words: inputs, results, rows of tables."""

from __future__ import annotations

import datetime as dt
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.errors import ErrorValue
from xlplugin.workbook import Book

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xlplugin.cli.words import Language

__all__ = ["Change", "changes", "named_cells"]

_KEYS = (
    "account",
    "code",
    "lot",
    "trade_id",
    "sold_code",
    "rule_target",
    "wish_target",
    "carry_year",
    "obs_date",
)
_SAME = 1e-9


class Change(NamedTuple):
    """One difference: where, what, what it was, what it is."""

    part: str
    item: str
    before: str
    now: str


def named_cells(book: Book) -> dict[str, Any]:
    """The value of every defined name that means one cell."""
    from xlplugin.store.package import single_cell  # noqa: PLC0415  (the light start)

    found = {}
    for name in book.package.names:
        place = single_cell(name.text) if name.sheet is None else None
        if place is not None and place.sheet in book.sheets:
            found[name.name] = book.values(place.sheet).get((place.row, place.column))
    return found


def changes(first: Path, second: Path, language: Language) -> list[Change]:
    """Every difference between two books, inputs first, then results, then tables.

    Dates of documents and checksums differ always and are left out.
    """
    a, b = Book(first), Book(second)
    side = 0 if language == "ja" else 1
    return [*_named(named_cells(a), named_cells(b), side), *_tables(a, b, side)]


def _named(a: dict[str, Any], b: dict[str, Any], side: int) -> Iterator[Change]:
    titles = _titles()
    for prefix, part in (("in_", ("入力", "Input")), ("out_", ("結果", "Result"))):
        for name in sorted({*a, *b}):
            if not name.startswith(prefix) or name in {"in_document_id", "in_input_hash"}:
                continue
            before, now = a.get(name), b.get(name)
            if not _same(before, now):
                kind, title = titles.get(name, ("", (name, name)))
                yield Change(part[side], title[side], _shown(before, kind), _shown(now, kind))


def _tables(a: Book, b: Book, side: int) -> Iterator[Change]:
    tables = {t.name: t for t in a.package.tables}
    for table in b.package.tables:
        old = tables.get(table.name)
        if old is None or not table.name.startswith("tbl_"):
            continue
        before, now = _rows(a, old), _rows(b, table)
        for key in sorted({*before, *now}):
            if key not in before:
                yield Change(table.name, key, ("なし", "absent")[side], ("追加", "added")[side])
            elif key not in now:
                yield Change(table.name, key, ("あり", "there")[side], ("削除", "removed")[side])
            else:
                for column, value in now[key].items():
                    held = before[key].get(column)
                    if not _same(held, value):
                        kind = "date" if column in _words()[1] else ""
                        yield Change(table.name, f"{key} {column}", _shown(held, kind), _shown(value, kind))


def _rows(book: Book, table: Any) -> dict[str, dict[str, Any]]:
    """The rows of a table by what identifies them: account, code and lot, or their number."""
    values = book.values(table.sheet)
    words, days = _words()
    _, left, _, _ = table.corners
    places = [n for n, title in enumerate(table.columns) if title in words]
    found: dict[str, dict[str, Any]] = {}
    for row in range(table.first_data_row, table.last_data_row + 1):
        cells = {title: values.get((row, left + n)) for n, title in enumerate(table.columns)}
        if all(v is None for v in cells.values()):
            continue
        parts = [
            _shown(values.get((row, left + n)), "date" if table.columns[n] in days else "") for n in places
        ]
        key = " ".join(p for p in parts if p) or f"#{row - table.first_data_row + 1}"
        while key in found:  # equal keys are told apart by their order
            key += " +"
        found[key] = cells
    return found


def _layout(name: str) -> dict[str, Any]:
    return tomllib.loads((files("workbooks") / "layout" / f"{name}.toml").read_text("utf-8"))


def _titles() -> dict[str, tuple[str, tuple[str, str]]]:
    return {i["name"]: (i["kind"], (i["ja"], i["en"])) for i in _layout("inputs")["input"]}


@lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], frozenset[str]]:
    """The headers that identify a row, and those of dates."""
    columns = _layout("columns")
    keys = frozenset(word for key in _KEYS for word in columns[key][:2])
    return keys, frozenset(word for ja, en, kind, *_ in columns.values() if kind == "d" for word in (ja, en))


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= _SAME * max(1.0, abs(a), abs(b))
    return a == b


def _shown(value: object, kind: str = "") -> str:
    if value is None:
        return ""
    if isinstance(value, ErrorValue):
        return value.value
    if isinstance(value, float):
        if kind == "rate":
            return f"{value:.4%}"
        if kind == "date":
            return (dt.date(1899, 12, 30) + dt.timedelta(days=int(value))).isoformat()
        return f"{value:,.10g}"
    return str(value)
