"""Shapes and lookups: functions the calculator lacks or answers otherwise than Excel.

Source of each: Microsoft's page of the function, read November 2026.
"""

from __future__ import annotations

import re
from typing import Any

from xlplugin.workbook.excel_values import Block, ExcelError, block_of, given_of, vector_of, whole_of
from xlplugin.workbook.values import OMITTED, error, is_error

__all__ = ["columns", "expand", "rows", "wrapcols", "wraprows", "xlookup"]


# -- shapes --------------------------------------------------------------------------------------


def _pad(value: Any) -> Any:
    value = given_of(value)
    return error("Na") if value is None else block_of(value)[0][0]


def wraprows(vector: Any, count: Any, pad: Any = OMITTED) -> Block:
    """WRAPROWS: a vector as rows of `count` cells; the last row is filled up, #N/A if not said."""
    values, width = vector_of(vector), whole_of(count)
    if width < 1:
        raise ExcelError("Num")
    width = min(width, len(values))
    filled = [*values, *[_pad(pad)] * (-len(values) % width)]
    return [filled[start : start + width] for start in range(0, len(filled), width)]


def wrapcols(vector: Any, count: Any, pad: Any = OMITTED) -> Block:
    """WRAPCOLS: a vector as columns of `count` cells."""
    return [list(row) for row in zip(*wraprows(vector, count, pad), strict=True)]


def expand(array: Any, rows: Any = OMITTED, columns: Any = OMITTED, pad: Any = OMITTED) -> Block:
    """EXPAND: an array made larger; #VALUE! when it is larger already."""
    given = block_of(array)
    height = len(given) if given_of(rows) is None else whole_of(rows)
    width = len(given[0]) if given_of(columns) is None else whole_of(columns)
    if height < len(given) or width < len(given[0]):
        raise ExcelError("Value")
    fill = _pad(pad)
    widened = [[*row, *[fill] * (width - len(row))] for row in given]
    return [*widened, *([fill] * width for _ in range(height - len(given)))]


# -- sizes ---------------------------------------------------------------------------------------


def rows(array: Any) -> Any:
    """ROWS of a result: an error stays an error, which the calculator counts as one row."""
    return array if is_error(array) else float(len(block_of(array)))


def columns(array: Any) -> Any:
    """COLUMNS of a result."""
    return array if is_error(array) else float(len(block_of(array)[0]))


# -- lookup by an array of keys --------------------------------------------------------------------


def xlookup(
    keys: Any,
    where: Any,
    answers: Any,
    missing: Any = OMITTED,
    match_mode: Any = OMITTED,
    search_mode: Any = OMITTED,
) -> Any:
    """XLOOKUP for an array of lookup values; one answer cell for each."""
    wanted, found = block_of(keys), vector_of(where)
    columns = block_of(answers)
    across = len(block_of(where)) == 1 and len(found) > 1
    lines = [list(line) for line in zip(*columns, strict=True)] if across else columns
    if len(lines) != len(found):
        raise ExcelError("Value")
    mode = 0 if given_of(match_mode) is None else whole_of(match_mode)
    search = 1 if given_of(search_mode) is None else whole_of(search_mode)
    if mode not in (-1, 0, 1, 2) or search not in (-2, -1, 1, 2):
        raise ExcelError("Value")

    def answer(key: Any) -> Any:
        if is_error(key):
            return [key]
        place = _match(key, found, mode, backwards=search < 0)
        if place is not None:
            return lines[place]
        return [error("Na") if given_of(missing) is None else block_of(missing)[0][0]]

    if len(wanted) == 1 and len(wanted[0]) == 1:
        line = answer(wanted[0][0])
        return [[cell] for cell in line] if across else [line]
    return [[answer(key)[0] for key in row] for row in wanted]


def _rank(value: Any) -> int:
    """Numbers before texts before logicals, as Excel sorts."""
    kind = type(value)
    return 1 if kind is float or value is None else 2 if kind is str else 3 if kind is bool else 4


def _folded(value: Any) -> Any:
    return value.lower() if type(value) is str else value


def _match(key: Any, found: list[Any], mode: int, *, backwards: bool) -> int | None:
    places = range(len(found) - 1, -1, -1) if backwards else range(len(found))
    sought, rank = _folded("" if key is None else key), _rank(key)
    if mode == 2 and type(key) is str:
        pattern = _wildcards(key)
        return next((n for n in places if type(found[n]) is str and pattern.fullmatch(found[n])), None)
    best: int | None = None
    for n in places:
        cell = found[n]
        if _rank(cell) != rank or (cell is None) != (key is None):
            continue
        here = _folded(cell)
        if here == sought:
            return n
        closer = (mode == -1 and here < sought) or (mode == 1 and here > sought)
        if closer and (
            best is None or (here > _folded(found[best]) if mode == -1 else here < _folded(found[best]))
        ):
            best = n
    return best


def _wildcards(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"~[*?~]|[*?]|[^*?~]+|~", pattern)
    written = [
        ".*" if p == "*" else "." if p == "?" else re.escape(p[1:] if p[0] == "~" and len(p) > 1 else p)
        for p in parts
    ]
    return re.compile("".join(written), re.I | re.S)
