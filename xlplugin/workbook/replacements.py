"""Functions the calculator lacks or computes otherwise than Excel, in plain Python.

Registered under their own names, where a built-in exists in its place. Values are those of the
calculator: float, str, bool, None, error objects, rows of these. Source of each: Microsoft's page
of the function (support.microsoft.com), read November 2026.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xlplugin.workbook.comparing import DIFFERENT, SAME, different, same
from xlplugin.workbook.values import OMITTED, error, is_error, serial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["REPLACED", "REPLACEMENTS"]

Block = list[list[Any]]

_SMALL: Final = 50_000  # multiplications up to which plain Python is used: the same on every machine


class _ExcelError(Exception):
    """Ends a replacement with an error value."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


def _block(value: Any) -> Block:
    return value if isinstance(value, list) else [[value]]


def _given(value: Any) -> Any:
    return None if value == OMITTED else value


def _number(value: Any) -> float:
    """A number as an operator reads it."""
    if type(value) is float:
        return value
    if type(value) is bool:
        return float(value)
    if value is None:
        return 0.0
    if is_error(value):
        raise _ExcelError(value["kind"])
    found = value_of_text(str(value))
    if is_error(found):
        raise _ExcelError("Value")
    return float(found)


def _whole(value: Any) -> int:
    return math.floor(_number(_block(value)[0][0]))


def _matrix(value: Any) -> list[list[float]]:
    """Numbers only: blanks and texts are #VALUE! in the matrix functions."""
    rows = _block(value)
    for row in rows:
        for cell in row:
            if is_error(cell):
                raise _ExcelError(cell["kind"])
            if type(cell) is not float:
                raise _ExcelError("Value")
    return rows


def _square(value: Any) -> list[list[float]]:
    rows = _matrix(value)
    if len(rows) != len(rows[0]):
        raise _ExcelError("Value")
    return rows


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        try:
            return function(*given)
        except _ExcelError as condition:
            return error(condition.kind)
        except TypeError:
            return error("Value")  # a wrong number of arguments

    return call


# -- matrices ------------------------------------------------------------------------------------


def mmult(left: Any, right: Any) -> Any:
    """MMULT: the matrix product."""
    a, b = _matrix(left), _matrix(right)
    if len(a[0]) != len(b):
        raise _ExcelError("Value")
    if len(a) * len(b) * len(b[0]) <= _SMALL:
        columns = list(zip(*b, strict=True))
        return [
            [math.fsum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in a
        ]
    product: Block = (np.array(a) @ np.array(b)).tolist()
    return product


def minverse(matrix: Any) -> Any:
    """MINVERSE: #NUM! for a matrix without an inverse."""
    try:
        inverse: Block = np.linalg.inv(np.array(_square(matrix))).tolist()
    except np.linalg.LinAlgError:
        raise _ExcelError("Num") from None
    return inverse


def mdeterm(matrix: Any) -> float:
    """MDETERM: the determinant."""
    return float(np.linalg.det(np.array(_square(matrix))))


def munit(size: Any) -> Block:
    """MUNIT: the unit matrix."""
    n = _whole(size)
    if n < 1:
        raise _ExcelError("Value")
    return [[1.0 if row == column else 0.0 for column in range(n)] for row in range(n)]


# -- shapes --------------------------------------------------------------------------------------


def _vector(value: Any) -> list[Any]:
    rows = _block(value)
    if len(rows) > 1 and len(rows[0]) > 1:
        raise _ExcelError("Value")
    return [cell for row in rows for cell in row]


def _pad(value: Any) -> Any:
    value = _given(value)
    return error("Na") if value is None else _block(value)[0][0]


def wraprows(vector: Any, count: Any, pad: Any = OMITTED) -> Block:
    """WRAPROWS: a vector as rows of `count` cells; the last row is filled up, #N/A if not said."""
    values, width = _vector(vector), _whole(count)
    if width < 1:
        raise _ExcelError("Num")
    width = min(width, len(values))
    filled = [*values, *[_pad(pad)] * (-len(values) % width)]
    return [filled[start : start + width] for start in range(0, len(filled), width)]


def wrapcols(vector: Any, count: Any, pad: Any = OMITTED) -> Block:
    """WRAPCOLS: a vector as columns of `count` cells."""
    return [list(row) for row in zip(*wraprows(vector, count, pad), strict=True)]


def expand(array: Any, rows: Any = OMITTED, columns: Any = OMITTED, pad: Any = OMITTED) -> Block:
    """EXPAND: an array made larger; #VALUE! when it is larger already."""
    given = _block(array)
    height = len(given) if _given(rows) is None else _whole(rows)
    width = len(given[0]) if _given(columns) is None else _whole(columns)
    if height < len(given) or width < len(given[0]):
        raise _ExcelError("Value")
    fill = _pad(pad)
    widened = [[*row, *[fill] * (width - len(row))] for row in given]
    return [*widened, *([fill] * width for _ in range(height - len(given)))]


# -- text to number ------------------------------------------------------------------------------

_NUMBER_TEXT = re.compile(
    r"""(?P<open>\()?\s*(?P<sign>[+-])?\s*(?P<currency>[$¥￥€£])?\s*(?P<sign_after>[+-])?
    (?P<digits>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+|(?=\.[0-9]))(?P<fraction>\.[0-9]*)?(?P<exponent>[eE][+-]?[0-9]+)?
    \s*(?P<percent>%+)?\s*(?P<close>\))?""",
    re.X,
)
_DATE_TEXT = re.compile(r"([0-9]{4})[-/年]([0-9]{1,2})[-/月]([0-9]{1,2})日?(?:[ T](.+))?")
_TIME_TEXT = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?\s*([AaPp][Mm])?")


def value_of_text(text: str) -> Any:
    """The number a text stands for: separators, currency signs, per cent, dates, times."""
    text = text.strip()
    match = _NUMBER_TEXT.fullmatch(text)
    if match and bool(match["open"]) == bool(match["close"]) and not (match["sign"] and match["sign_after"]):
        plain = match["digits"].replace(",", "") + (match["fraction"] or "") + (match["exponent"] or "")
        number = float(plain) / 100.0 ** len(match["percent"] or "")
        is_negative = "-" in ((match["sign"] or "") + (match["sign_after"] or "")) or bool(match["open"])
        return (-number if is_negative else number) if math.isfinite(number) else error("Value")
    if match := _DATE_TEXT.fullmatch(text):
        try:
            day = serial(dt.date(int(match[1]), int(match[2]), int(match[3])))
        except ValueError:
            return error("Value")
        time = _time_of(match[4]) if match[4] else 0.0
        return error("Value") if time is None else day + time
    time = _time_of(text)
    return error("Value") if time is None else time


def _time_of(text: str) -> float | None:
    match = _TIME_TEXT.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), float(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    if minute > 59 or second >= 60:
        return None
    return (hour * 3600 + minute * 60 + second) / 86400


def value(text: Any) -> Any:
    """VALUE: a text as a number; numbers pass, logicals are #VALUE!."""
    if isinstance(text, list):
        return [[value(cell) for cell in row] for row in text]
    if is_error(text) or type(text) is float:
        return text
    if text is None:
        return 0.0
    return error("Value") if type(text) is bool else value_of_text(text)


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
    wanted, found = _block(keys), _vector(where)
    columns = _block(answers)
    across = len(_block(where)) == 1 and len(found) > 1
    lines = [list(line) for line in zip(*columns, strict=True)] if across else columns
    if len(lines) != len(found):
        raise _ExcelError("Value")
    mode = 0 if _given(match_mode) is None else _whole(match_mode)
    search = 1 if _given(search_mode) is None else _whole(search_mode)
    if mode not in (-1, 0, 1, 2) or search not in (-2, -1, 1, 2):
        raise _ExcelError("Value")

    def answer(key: Any) -> Any:
        if is_error(key):
            return [key]
        place = _match(key, found, mode, backwards=search < 0)
        if place is not None:
            return lines[place]
        return [error("Na") if _given(missing) is None else _block(missing)[0][0]]

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


# -- sizes ---------------------------------------------------------------------------------------


def rows(array: Any) -> Any:
    """ROWS of a result: an error stays an error, which the calculator counts as one row."""
    return array if is_error(array) else float(len(_block(array)))


def columns(array: Any) -> Any:
    """COLUMNS of a result."""
    return array if is_error(array) else float(len(_block(array)[0]))


# -- the tables ----------------------------------------------------------------------------------

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "EXPAND": expand,
    "MDETERM": mdeterm,
    "MINVERSE": minverse,
    "MMULT": mmult,
    "MUNIT": munit,
    "VALUE": value,
    "WRAPCOLS": wrapcols,
    "WRAPROWS": wraprows,
    "__COLUMNS": columns,
    "__ROWS": rows,
    "__XLOOKUP": xlookup,
}
REPLACEMENTS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: _checked(function) for name, function in _FUNCTIONS.items()},
    DIFFERENT: different,
    SAME: same,
}
# Stored name in capitals -> registered name.
REPLACED: Final[Mapping[str, str]] = {
    prefix + name.removeprefix("__"): name for name in _FUNCTIONS for prefix in ("", "_XLFN.")
}
