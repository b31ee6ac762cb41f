"""VALUE and TEXT as Excel computes them, on the number formats of `number_format`."""

from __future__ import annotations

from functools import partial
from typing import Any

from xlplugin.workbook.excel_values import each_cell, value_of_text
from xlplugin.workbook.number_format import NotShownError, formatted, formatted_text, general
from xlplugin.workbook.values import error, is_error

__all__ = ["text", "value"]


def value(text: Any) -> Any:
    """VALUE: a text as a number; numbers pass, logicals are #VALUE!."""
    if isinstance(text, list):
        return [[value(cell) for cell in row] for row in text]
    if is_error(text) or type(text) is float:
        return text
    if text is None:
        return 0.0
    return error("Value") if type(text) is bool else value_of_text(text)


def text(value: Any, code: Any, *, date1904: bool = False) -> Any:
    """TEXT: a value in a number format; arrays cell by cell."""
    if isinstance(value, list) or isinstance(code, list):
        return each_cell(partial(text, date1904=date1904), value, code)
    for given in (value, code):
        if is_error(given):
            return given
    shown = "" if code is None else general(code) if type(code) is float else str(code)
    if type(value) is str:
        number = value_of_text(value)
        if is_error(number):
            return formatted_text(value, shown)
        value = number
    if type(value) is bool:
        return formatted_text("TRUE" if value else "FALSE", shown)
    try:
        return formatted(value or 0.0, shown, date1904=date1904)
    except NotShownError:
        return error("Value")
