"""The registry as xlwings functions: the COM server on Windows, xlwings Lite, xlwings Server.

xlwings looks for decorated functions among the attributes of a module; this one grows an attribute
per registered function. Nothing of xlwings' paid part is imported here: under Lite and Server the
same import gives the decorators of their own licence.
"""

from __future__ import annotations

import datetime as dt
import inspect
from typing import TYPE_CHECKING, Any

import xlwings as xw

from xlplugin.errors import ErrorValue
from xlplugin.hosts.common import Failure, answer
from xlplugin.hosts.excel.vba import parameter_name
from xlplugin.hosts.market import connect
from xlplugin.worksheet import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.worksheet.convert import Block
    from xlplugin.worksheet.registry import WorksheetFunction

_COM, _WEB = "xlwings.udfs", "xlwings.pro.udfs_officejs"  # where xlwings took its decorators from
FLAVOUR = xw.func.__module__
_MAX_TEXT = 255  # longer strings inside a returned array have shown #VALUE! in Excel
_MAX_CELL = 32767


def _rows_out(block: Block) -> Block:
    if len(block) == len(block[0]) == 1:
        return [[_out(block[0][0], longest=_MAX_CELL)]]  # one value travels as a scalar
    return [[_out(cell, longest=_MAX_TEXT) for cell in row] for row in block]


def _out(cell: Any, *, longest: int) -> Any:
    if isinstance(cell, ErrorValue):
        return cell.value  # the VBA text or the web client makes a real error of it
    if isinstance(cell, str):
        return cell if len(cell) <= longest else cell[: longest - 1] + "…"
    if isinstance(cell, dt.date) and FLAVOUR == _COM:
        return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  (Excel knows no time zone)
    return cell


def _dressed(function: WorksheetFunction) -> Callable[..., Any]:
    """A function that xlwings understands: blocks in, a block or an error text out."""

    def call(*blocks):  # type: ignore[no-untyped-def]
        result = answer(function, *blocks)
        if not isinstance(result, Failure):
            return _rows_out(result)
        if FLAVOUR == _WEB:
            raise xw.XlwingsError(str(result))
        return str(result)

    # xlwings reads name, help and arguments while it decorates: they must be there before.
    call.__name__ = call.__qualname__ = function.name
    call.__module__ = __name__
    call.__doc__ = function.help.en
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # Import Functions of xlwings makes VBA parameters of these names: words of VBA get an underscore.
    names = [
        parameter_name(function.name, a.parameter) if FLAVOUR == _COM else a.parameter
        for a in function.arguments
    ]
    pairs = list(zip(names, function.arguments, strict=True))
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, kind, default=None) if a.is_optional else inspect.Parameter(name, kind)
            for name, a in pairs
        ]
    )
    dressed: Callable[..., Any] = call
    for name, a in pairs:
        # ndim=2 keeps a cell, row or column from collapsing; err_to_str keeps errors visible.
        dressed = xw.arg(name, ndim=2, err_to_str=True, doc=a.help.en)(dressed)
    # Last, because xw.arg() applied after xw.func() would reset category and volatile.
    offered: Callable[..., Any] = (
        xw.func(category=function.category)(dressed) if FLAVOUR == _COM else xw.func(dressed)
    )
    return offered


connect()
_functions = {function.name: _dressed(function) for function in registry.load()}
globals().update(_functions)
__all__ = sorted(_functions)
