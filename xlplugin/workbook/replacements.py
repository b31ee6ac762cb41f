"""Functions the calculator lacks or computes otherwise than Excel, by the names a file may use.

Registered under their own names, where a built-in exists in its place; those with two underscores
are put in by the lowering where the built-in would be wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.comparing import DIFFERENT, SAME, different, same
from xlplugin.workbook.excel_arrays import columns, expand, rows, wrapcols, wraprows, xlookup
from xlplugin.workbook.excel_math import (
    ceiling,
    ceiling_math,
    floor,
    floor_math,
    mdeterm,
    minverse,
    mmult,
    munit,
)
from xlplugin.workbook.excel_text import text, value
from xlplugin.workbook.excel_values import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["REPLACED", "REPLACEMENTS", "TEXT"]

TEXT: Final = "TEXT"  # knows the date system of the book, see `calc.Session`

_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "CEILING": ceiling,
    "CEILING.MATH": ceiling_math,
    "CEILING.PRECISE": ceiling_math,
    "EXPAND": expand,
    "FLOOR": floor,
    "FLOOR.MATH": floor_math,
    "FLOOR.PRECISE": floor_math,
    "ISO.CEILING": ceiling_math,
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
    **{name: checked(function) for name, function in _FUNCTIONS.items()},
    DIFFERENT: different,
    SAME: same,
    TEXT: checked(text),
}
# Stored name in capitals -> registered name.
REPLACED: Final[Mapping[str, str]] = {
    prefix + name.removeprefix("__"): name for name in (*_FUNCTIONS, TEXT) for prefix in ("", "_XLFN.")
}
