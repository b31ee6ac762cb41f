"""What POST /call takes and returns: one result per call, in order.

``{"calls": [{"id": "HARVEST", "args": [...]}]}`` gives
``{"results": [{"value": [[...]]} | {"error": "#NUM!", "text": "DI-140 ..."}]}``.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from xlplugin.errors import CODE_PREFIX, ErrorValue, InputError
from xlplugin.hosts.common import Failure, answer
from xlplugin.worksheet.convert import serial

if TYPE_CHECKING:
    from xlplugin.worksheet.registry import Registry

__all__ = ["MAX_CALLS", "respond"]

MAX_CALLS = 1000
_ERROR_TYPE = {
    ErrorValue.NULL: "Null",
    ErrorValue.DIV0: "Div0",
    ErrorValue.VALUE: "Value",
    ErrorValue.REF: "Ref",
    ErrorValue.NAME: "Name",
    ErrorValue.NUM: "Num",
    ErrorValue.NA: "NotAvailable",
}


def respond(request: Any, registry: Registry) -> dict[str, Any]:
    """The answer to one request.

    Raises
    ------
    InputError
        If the request is not of the form above; nothing was called then.
    """
    calls = _checked(request)
    return {"results": [_one(call["id"], call["args"], registry) for call in calls]}


def _checked(request: Any) -> list[dict[str, Any]]:
    if not isinstance(request, dict) or not isinstance(request.get("calls"), list):
        raise InputError('expected an object {"calls": [...]}')
    calls: list[Any] = request["calls"]
    if len(calls) > MAX_CALLS:
        raise InputError(f"{len(calls)} calls in one request; at most {MAX_CALLS}")
    for number, call in enumerate(calls, start=1):
        if not isinstance(call, dict) or not isinstance(call.get("id"), str):
            raise InputError(f"call {number} has no text under id")
        if not isinstance(call.get("args"), list) or not all(map(_is_argument, call["args"])):
            raise InputError(f"call {number}: args is a list of cells or of rows of cells")
    return calls


def _is_argument(value: Any) -> bool:
    if not isinstance(value, list):
        return _is_cell(value)
    return all(
        isinstance(row, list) and len(row) == len(value[0]) and all(map(_is_cell, row)) for row in value
    )


def _is_cell(value: Any) -> bool:
    if isinstance(value, dict):  # an error, a formatted number or an entity of Excel
        return not isinstance(value.get("basicValue"), (dict, list))
    return value is None or isinstance(value, (str, float, int, bool))


def _one(name: str, arguments: list[Any], registry: Registry) -> dict[str, Any]:
    if name not in registry:
        text = f"{CODE_PREFIX}-901 {name[:60]}: not known here; reload the add-in"
        return {"error": ErrorValue.NAME.value, "text": text}
    result = answer(registry[name], *arguments)
    if isinstance(result, Failure):
        return {"error": result.error.value, "text": result.sentence}
    return {"value": [[_out(cell) for cell in row] for row in result]}


def _out(cell: Any) -> Any:
    if cell is None:
        return ""  # null would become 0 in Excel
    if isinstance(cell, ErrorValue):
        return {"type": "Error", "errorType": _ERROR_TYPE[cell]}
    if isinstance(cell, dt.date):
        return {"type": "FormattedNumber", "basicValue": serial(cell), "numberFormat": "yyyy-mm-dd"}
    return cell
