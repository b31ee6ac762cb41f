"""The add-in component: runs inside LibreOffice's own Python, copied into the .oxt as it stands.

It is never imported by the package. LibreOffice's Python rarely has numpy: `packages.txt` beside
this file names the folders that `xlplugin libreoffice install` recorded, and XLPLUGIN_PATH may name
more (of the same minor version of Python).
"""

import datetime as dt
import os
import struct
import sys

import uno
import unohelper

_HERE = os.path.dirname(__file__)
_recorded = os.path.join(_HERE, "packages.txt")
if os.path.exists(_recorded):
    with open(_recorded, encoding="utf-8") as _lines:
        sys.path.extend(line.strip() for line in _lines if line.strip())
sys.path[:0] = [path for path in os.environ.get("XLPLUGIN_PATH", "").split(os.pathsep) if path]

from org.xlplugin import XFunctions  # noqa: E402  (made by LibreOffice from addin.idl)

from xlplugin.errors import ErrorValue  # noqa: E402
from xlplugin.hosts.common import Failure, answer  # noqa: E402
from xlplugin.hosts.market import connect  # noqa: E402
from xlplugin.worksheet.convert import serial  # noqa: E402
from xlplugin.worksheet.registry import load  # noqa: E402

_ERRORS = {
    "#NULL!": 521,
    "#DIV/0!": 532,
    "#VALUE!": 519,
    "#REF!": 524,
    "#NAME?": 525,
    "#NUM!": 503,
    "#N/A": 32767,
}


def _error(value):
    """A number that Calc shows as an error: a NaN whose low word is the error code."""
    return struct.unpack("<d", struct.pack("<II", _ERRORS[value.value], 0x7FF80000))[0]


def _out(cell):
    if cell is None:
        return ""
    if isinstance(cell, ErrorValue):
        return _error(cell)
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, dt.date):
        return serial(cell)
    return cell


def _run(function, arguments):
    given = [None if isinstance(a, uno.Enum) else a for a in arguments]
    result = answer(function, *given)
    if isinstance(result, Failure):
        return ((_error(result.error),),)
    return tuple(tuple(_out(cell) for cell in row) for row in result)


class AddIn(unohelper.Base, XFunctions):
    """One method per worksheet function, added below."""

    def __init__(self, context):
        pass


connect()
for _function in load():
    _method = _function.name.replace("_", "").lower()
    setattr(AddIn, _method, lambda self, *given, _f=_function: _run(_f, given))

g_ImplementationHelper = unohelper.ImplementationHelper()  # noqa: N816  (the name LibreOffice looks for)
g_ImplementationHelper.addImplementation(
    AddIn, "org.xlplugin.AddIn", ("org.xlplugin.AddIn", "com.sun.star.sheet.AddIn")
)
