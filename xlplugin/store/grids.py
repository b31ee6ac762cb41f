"""Rows of cells with the place where a person finds each: what every kind of file becomes first.

A `Shape` names the columns a table may have; `match` finds them by header, in any order, and
reads every cell. What cannot be read is a `CellProblem` with its place. `strict` raises the
first one; a lenient caller collects them row by row (one client's bad row is that client's).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store.cells import Cell, UnreadableError, Wanted, is_blank, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_UNIT = re.compile(
    r"(.+?)\s*[(\[](?:円|千円|百万円|億円|円/口|税込|税抜|税引前|税引後|%|bp|株|口|usd|jpy|us\$|\$|tts|ttb)[)\]]"
)

__all__ = ["BadCellError", "Field", "Grid", "Matched", "Shape", "match", "plain_header"]


def plain_header(word: object) -> str:
    """A header as it is compared: half-width, no case, no blanks, no unit in brackets at its end.

    Other words in brackets stay, because they change the meaning.

    Examples
    --------
    >>> plain_header("手数料（税込）"), plain_header("Cost Basis"), plain_header("cost_basis")
    ('手数料', 'costbasis', 'costbasis')
    >>> plain_header("基準価額（分配金再投資）(円)")
    '基準価額(分配金再投資)'
    """
    folded = unicodedata.normalize("NFKC", str(word)).strip().casefold()
    while match := _UNIT.fullmatch(folded):
        folded = match[1]
    return "".join(c for c in folded if c not in " _-\n\t\r\ufeff")


class BadCellError(FileError):
    """One cell, or one place, of a file that is not as expected; the sentence in two languages.

    Parameters
    ----------
    where : str
        The file, with sheet or table where there is one.
    place : tuple of (str, int or str)
        ("line", 12), ("row", 12) or ("", "") for the whole file.
    column : str
        The header as the file writes it, or "".
    expected : Wanted
        What the column promises.
    got : str
        What the cell holds, already quoted.
    """

    def __init__(
        self, where: str, place: tuple[str, int | str], column: str, expected: Wanted, got: str = ""
    ) -> None:
        self.where, self.place, self.column, self.expected, self.got = where, place, column, expected, got
        super().__init__(self.sentence("en"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.where, self.place, self.column, self.expected, self.got))

    def sentence(self, language: str) -> str:
        """The sentence in "ja" or "en"."""
        word, number = self.place
        if language == "ja":
            ja = {"line": "行目", "row": "行目"}.get(word, word)
            spot = [
                self.where,
                f"{number}{ja}" if word else "",
                f"列「{self.column}」" if self.column else "",
            ]
            got = f"が必要ですが、{self.got} でした" if self.got else "が必要です"
            return "、".join(s for s in spot if s) + f": {self.expected.ja}{got}。"
        spot = [
            self.where,
            f"{word} {number}" if word else "",
            f"column {self.column}" if self.column else "",
        ]
        return (
            ", ".join(s for s in spot if s)
            + f": expected {self.expected.en}"
            + (f", got {self.got}" if self.got else "")
        )


@dataclass(frozen=True)
class Grid:
    """Rows of cells as a file holds them.

    `numbers` holds, for each row, the number under which a person finds it: the line of a text
    file, the row of a sheet, the record of a database table or Parquet file.
    """

    where: str
    rows: list[list[Cell]]
    numbers: list[int]
    word: str = "row"
    encoding: str | None = None

    def fail(self, index: int | None, column: str, expected: Wanted, got: Cell = "") -> BadCellError:
        """The error for row `index` of `rows` (None: the whole file)."""
        place: tuple[str, int | str] = ("", "") if index is None else (self.word, self.numbers[index])
        return BadCellError(self.where, place, column, expected, shown(got) if got != "" else "")

    def header_index(self, known: Callable[[list[Cell]], bool], within: int = 30) -> int | None:
        """The first of the top rows that `known` takes for the header, or None."""
        return next((i for i, row in enumerate(self.rows[:within]) if known(row)), None)


@dataclass(frozen=True)
class Field:
    """One column: its key, the headers that mean it, how a cell is read, whether it must be there.

    A `needed` cell may not be blank; a column that is not `required` may be absent.
    """

    key: str
    words: tuple[str, ...]
    read: Callable[[Cell], Any]
    required: bool = False
    needed: bool = False

    @property
    def title(self) -> str:
        """The key, with the first other header beside it."""
        return f"{self.key} / {self.words[0]}" if self.words else self.key


@dataclass(frozen=True)
class Shape:
    """The columns one kind of table may have. An `extra` reader takes the columns not named."""

    name: str
    fields: tuple[Field, ...]
    extra: Callable[[str], Field | None] | None = None

    def find(self, header: Cell) -> Field | None:
        """The column that a header means, or None."""
        if header is None:
            return None
        found = _by_word(self).get(plain_header(header))
        return self.extra(str(header)) if found is None and self.extra else found

    def is_header(self, row: Sequence[Cell]) -> bool:
        """Whether a row names every required column."""
        found = {f.key for cell in row if (f := self.find(cell)) is not None}
        return all(f.key in found for f in self.fields if f.required)


@lru_cache(maxsize=128)
def _by_word(shape: Shape) -> dict[str, Field]:
    return {plain_header(word): f for f in shape.fields for word in (f.key, *f.words)}


@dataclass
class Matched:
    """The records of one table: values by key, with the place of every row.

    Attributes
    ----------
    columns : dict of str to list
        Value or None of every row, for every key of the shape.
    headers : dict of str to str
        Header of every column that is really there, as the file writes it.
    header : list of cells
        The header row.
    index : list of int
        The place of each record in the grid's rows.
    problems : dict of int to list of BadCellError
        What could not be read, by record.
    """

    grid: Grid
    columns: dict[str, list[Any]]
    headers: dict[str, str]
    header: list[Cell]
    index: list[int]
    problems: dict[int, list[BadCellError]] = field(default_factory=dict)

    @property
    def unread(self) -> tuple[str, ...]:
        """Headers that mean no column of the shape."""
        known = set(self.headers.values())
        return tuple(str(c).strip() for c in self.header if not is_blank(c) and str(c).strip() not in known)

    @property
    def present(self) -> frozenset[str]:
        """Keys of the columns that are really there."""
        return frozenset(self.headers)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: str) -> list[Any]:
        return self.columns[key]

    def fail(self, record: int, key: str, expected: Wanted, got: Cell = "") -> BadCellError:
        """The error for one cell of one record."""
        return self.grid.fail(self.index[record], self.headers.get(key, key), expected, got)

    def refuse_second_date(self, key: str = "date") -> None:
        """Raise if the rows do not all have the date of the first."""
        for i, found in enumerate(self[key]):
            if found != self[key][0]:
                first = self[key][0].isoformat()
                expected = Wanted(f"{first}, the date of the first row", f"先頭行と同じ日付 {first}")
                raise self.fail(i, key, expected, found)

    def refuse_repeated(self, key: str) -> None:
        """Raise if a value of a column stands in two rows."""
        seen: dict[Any, int] = {}
        for i, value in enumerate(self[key]):
            if value in seen:
                number, word = self.grid.numbers[self.index[seen[value]]], self.grid.word
                expected = Wanted(
                    f"each value once; this one stands in {word} {number} already",
                    f"同じ値は一度だけ({number}行目にもあります)",
                )
                raise self.fail(i, key, expected, value)
            seen[value] = i

    def records(self) -> Iterator[dict[str, Any]]:
        """Every row as key -> value, without the keys whose column is absent."""
        keys = [k for k in self.columns if k in self.headers]
        for values in zip(*(self.columns[k] for k in keys), strict=True):
            yield dict(zip(keys, values, strict=True))


_NOT_BLANK = Wanted("a value; the cell is empty", "値(セルが空です)")


def match(
    grid: Grid,
    shape: Shape,
    *,
    strict: bool = True,
    header: int | None = None,
    stop: Callable[[list[Cell]], bool] | None = None,
) -> Matched:
    """Read a grid as the table that `shape` describes.

    Parameters
    ----------
    grid : Grid
        Rows as the file holds them; titles above the header are skipped.
    shape : Shape
        The columns.
    strict : bool
        Whether the first unreadable cell ends the reading.
    header : int, optional
        The place of the header row where the caller knows it.
    stop : callable, optional
        Says of a row that the table has ended (notes below the data).

    Raises
    ------
    BadCellError
        If no row is the header, a required column is missing, two columns mean the same, a row
        has more cells than the header, or (strict) a cell cannot be read.
    """
    top = grid.header_index(shape.is_header) if header is None else header
    if top is None:
        raise _no_header(grid, shape)
    where, headers = _places(grid, shape, top)
    width = max(where.values()) + 1
    columns: dict[str, list[Any]] = {f.key: [] for f in shape.fields} | {k: [] for k in where}
    by_key = {f.key: f for f in shape.fields} | {
        k: f for k, n in where.items() if (f := shape.find(grid.rows[top][n])) is not None
    }
    result = Matched(grid, columns, headers, grid.rows[top], [])
    for i in range(top + 1, len(grid.rows)):
        row = grid.rows[i]
        if stop is not None and stop(row):
            break
        if all(is_blank(c) for c in row):
            continue
        result.index.append(i)
        record = len(result.index) - 1
        if len(row) < width or any(not is_blank(c) for c in row[len(grid.rows[top]) :]):
            error = grid.fail(
                i,
                "",
                Wanted(f"{len(grid.rows[top])} cells", f"{len(grid.rows[top])}個の値"),
                f"{len(row)} cells",
            )
            _note(result, record, error, strict=strict)
        for key, column in by_key.items():
            columns[key].append(_one(result, record, row, where.get(key), column, strict=strict))
    return result


def _one(
    result: Matched, record: int, row: list[Cell], place: int | None, column: Field, *, strict: bool
) -> Any:
    if place is None or place >= len(row):
        return None
    cell = row[place]
    try:
        if is_blank(cell):
            if column.needed:
                raise UnreadableError(_NOT_BLANK)
            return None
        return column.read(cell)
    except UnreadableError as error:
        got = "" if is_blank(cell) else cell
        _note(result, record, result.fail(record, column.key, error.wanted, got), strict=strict)
        return None


def _note(result: Matched, record: int, error: BadCellError, *, strict: bool) -> None:
    if strict:
        raise error
    result.problems.setdefault(record, []).append(error)


def _places(grid: Grid, shape: Shape, top: int) -> tuple[dict[str, int], dict[str, str]]:
    where: dict[str, int] = {}
    headers: dict[str, str] = {}
    for place, cell in enumerate(grid.rows[top]):
        column = None if is_blank(cell) else shape.find(cell)
        if column is None:
            continue
        if column.key in where:
            raise grid.fail(
                top,
                str(cell),
                Wanted(
                    f"one column for {column.key}; {headers[column.key]} means the same",
                    f"{column.key} の列は一つ(「{headers[column.key]}」と同じ意味です)",
                ),
            )
        where[column.key], headers[column.key] = place, str(cell).strip()
    return where, headers


def _no_header(grid: Grid, shape: Shape) -> BadCellError:
    required = [f for f in shape.fields if f.required]
    best: list[Field] = []
    for row in grid.rows[:30]:
        found = {f.key for cell in row if (f := shape.find(cell)) is not None}
        missing = [f for f in required if f.key not in found]
        if not best or len(missing) < len(best):
            best = missing or required
    names = ", ".join(f.title for f in (best or required))
    if best and len(best) < len(required):
        return grid.fail(None, "", Wanted(f"a column {names}", f"列 {names}"), "none")
    first = ", ".join(str(c) for c in (grid.rows[0] if grid.rows else []) if not is_blank(c))[:80]
    return grid.fail(
        None,
        "",
        Wanted(f"a header row with {names}", f"{names} を含む見出し行"),
        first or "an empty file",
    )
