"""Arguments of the replaced functions as Excel reads them: numbers from texts, arrays cell by cell."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any

from xlplugin.workbook.values import OMITTED, error, is_error, serial

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Block",
    "ExcelError",
    "block_of",
    "checked",
    "each_cell",
    "given_of",
    "number_of",
    "value_of_text",
    "vector_of",
    "whole_of",
]

Block = list[list[Any]]


class ExcelError(Exception):
    """Ends a replacement with an error value."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


def block_of(value: Any) -> Block:
    """Rows of cells; a single value is one row of one."""
    return value if isinstance(value, list) else [[value]]


def given_of(value: Any) -> Any:
    """None for an argument that was left out."""
    return None if value == OMITTED else value


def number_of(value: Any) -> float:
    """A number as an operator reads it."""
    if type(value) is float:
        return value
    if type(value) is bool:
        return float(value)
    if value is None:
        return 0.0
    if is_error(value):
        raise ExcelError(value["kind"])
    found = value_of_text(str(value))
    if is_error(found):
        raise ExcelError("Value")
    return float(found)


def whole_of(value: Any) -> int:
    """A number cut to a whole one, as sizes and modes are."""
    return math.floor(number_of(block_of(value)[0][0]))


def vector_of(value: Any) -> list[Any]:
    """The cells of one row or column; #VALUE! for a wider block."""
    rows = block_of(value)
    if len(rows) > 1 and len(rows[0]) > 1:
        raise ExcelError("Value")
    return [cell for row in rows for cell in row]


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that answers with error values instead of raising."""

    def call(*given: Any, **options: Any) -> Any:
        try:
            return function(*given, **options)
        except ExcelError as condition:
            return error(condition.kind)
        except TypeError:
            return error("Value")  # a wrong number of arguments

    return call


def each_cell(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Block:
    """A function of two values over two arrays; one row, column or value is used again."""
    a, b = block_of(left), block_of(right)
    height, width = max(len(a), len(b)), max(len(a[0]), len(b[0]))

    def at(block: Block, row: int, column: int) -> Any:
        row, column = (0 if len(block) == 1 else row), (0 if len(block[0]) == 1 else column)
        inside = row < len(block) and column < len(block[0])
        return block[row][column] if inside else error("Na")

    return [[function(at(a, r, c), at(b, r, c)) for c in range(width)] for r in range(height)]


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
