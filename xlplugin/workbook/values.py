"""Cell values on their way into a worksheet function and out of it again.

The calculator speaks float, str, bool, None, lists of rows and error objects. A function sees and
returns what every other host shows it (specification, section 8.2): NaN and infinity become
``#NUM!``, a ragged block is filled with ``#N/A``, no rows at all is ``#CALC!``.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, Final

from xlplugin.errors import ErrorValue

__all__ = [
    "FATAL",
    "MISSING",
    "OMITTED",
    "error",
    "error_text",
    "fixed_array",
    "is_error",
    "serial",
    "value_in",
    "value_out",
]

MAX_TEXT: Final = 32_767
OMITTED: Final = "\x02omit\x02"  # what the calculator hands over for an argument left out
FATAL: Final = frozenset({"NImpl", "Circ", "Error", "Cancelled"})  # engine conditions, no Excel values

_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001  cells know no zones
_DAY = dt.timedelta(days=1)
_1904: Final = 1462  # days between the two date systems

_TEXTS: Final = {
    "Div": "#DIV/0!",
    "Na": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "Spill": "#SPILL!",
    "Calc": "#CALC!",
}
_KINDS: Final = {text: kind for kind, text in _TEXTS.items()}
# A file can hold the seven classic codes only; one reader refuses a sheet with the newer ones.
_STORED: Final = {**_TEXTS, "Spill": "#VALUE!", "Calc": "#VALUE!"}


class _Missing:
    """An argument that the formula left out."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


def error(kind: str) -> dict[str, str]:
    """An error as the calculator takes it: Div, Na, Name, Null, Num, Ref, Value, Spill, Calc."""
    return {"type": "Error", "kind": kind}


def is_error(value: object) -> bool:
    """Whether a value of the calculator is an error."""
    return type(value) is dict


def error_text(value: dict[str, str], *, stored: bool = True) -> str:
    """The code of an error; `stored`, as a file may hold it: ``#CALC!`` is ``#VALUE!`` there."""
    table = _STORED if stored else _TEXTS
    return table.get(value["kind"], f"#{value['kind'].upper()}!")


# -- in ------------------------------------------------------------------------------------------


def value_in(value: Any) -> Any:
    """One argument as a function sees it: a scalar or rows of cells; errors are `ErrorValue`."""
    if type(value) is list:
        return [[_cell_in(cell) for cell in row] for row in value]
    return _cell_in(value)


def _cell_in(value: Any) -> Any:
    kind = type(value)
    if kind is float or value is None or kind is bool:
        return value
    if kind is str:
        return MISSING if value == OMITTED else value
    if kind is dict:
        return ErrorValue(error_text(value)) if value["kind"] in _STORED else ErrorValue.VALUE
    return value


# -- out -----------------------------------------------------------------------------------------


def serial(value: dt.date, *, date1904: bool = False) -> float:
    """The serial number of a date or time in the date system of the book; zones are dropped."""
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001
    days = (value.replace(tzinfo=None) - _EPOCH) / _DAY
    return days - _1904 if date1904 else days


def value_out(value: Any, *, date1904: bool = False) -> Any:
    """A result as the calculator takes it: a scalar, or rows of equal length."""
    if hasattr(value, "tolist") and getattr(value, "ndim", None):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        return _cell_out(value, date1904=date1904)
    rows = [list(row) if isinstance(row, (list, tuple)) else [row] for row in value]
    width = max(map(len, rows), default=0)
    if not width:
        return error("Calc")
    return [
        [_cell_out(cell, date1904=date1904) for cell in row] + [error("Na")] * (width - len(row))
        for row in rows
    ]


def _cell_out(value: Any, *, date1904: bool) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else error("Num")
    if kind is str:
        return value if len(value) <= MAX_TEXT else error("Value")
    if kind is bool:
        return value
    if value is None:
        return ""
    if kind is ErrorValue:
        return error(_KINDS[value.value])
    if isinstance(value, dt.date):
        days = serial(value, date1904=date1904)
        return days if days >= 0 else error("Num")
    if isinstance(value, dt.timedelta):
        return value / _DAY
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _cell_out(value.item(), date1904=date1904)
    try:
        return _cell_out(float(value), date1904=date1904)  # int, Decimal, Fraction
    except (TypeError, ValueError, OverflowError):
        return error("Value")


def fixed_array(value: Any, rows: float, columns: float) -> list[list[Any]]:
    """A ``{...}`` array over a fixed range: one row or column repeats, what is missing is ``#N/A``."""
    given = value if isinstance(value, list) else [[value]]
    height, width = len(given), len(given[0])

    def at(row: int, column: int) -> Any:
        row, column = (0 if height == 1 else row), (0 if width == 1 else column)
        return given[row][column] if row < height and column < width else error("Na")

    return [[at(row, column) for column in range(int(columns))] for row in range(int(rows))]
