"""Run by the Python that LibreOffice's bridge belongs to: open an .xlsm, let its VBA run, print cells.

The module `xlwings` of the book is a stand-in whose XLPy.CallUDF reaches this process over UNO;
the wrappers are the shipped ones. Arguments: book, pipe name, a JSON file of [sheet, range] to read.
"""

import datetime as dt
import json
import sys
import time
from pathlib import Path

import uno
import unohelper
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.sheet import XFunctionAccess

from xlplugin.errors import ErrorValue
from xlplugin.hosts.common import Failure, answer
from xlplugin.worksheet.convert import serial
from xlplugin.worksheet.registry import load


def flat(cell):
    if cell is None:
        return ""
    if isinstance(cell, ErrorValue):
        return cell.value
    return serial(cell) if isinstance(cell, dt.date) else cell


def plain(cell):
    """A cell as VBA holds it: dates are structures with a serial number, an omitted argument is an enum."""
    if isinstance(cell, uno.Enum):
        return None
    return getattr(cell, "Value", cell)


class Python(unohelper.Base, XFunctionAccess):
    """Stands in for xlwings' COM server."""

    def callFunction(self, name, arguments):  # noqa: N802
        given = []
        for a in arguments:
            value = a.Value if hasattr(a, "getImplementationName") else a  # a VBA Range
            value = getattr(value, "Array", value)
            rows = isinstance(value, tuple)
            given.append(tuple(tuple(map(plain, row)) for row in value) if rows else plain(value))
            if type(given[-1]) is int and given[-1] == 0:  # left out in the middle; Excel says "missing"
                given[-1] = None
        result = answer(load()[name], *given)
        if isinstance(result, Failure):
            return str(result)
        rows = tuple(tuple(flat(cell) for cell in row) for row in result)
        return rows[0][0] if len(rows) == len(rows[0]) == 1 else rows


def connected(pipe):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(120):
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except NoConnectException:
            time.sleep(0.5)
    raise SystemExit("LibreOffice did not answer")


def shown(cell):
    if cell.Error:
        return {"error": cell.Error}
    return cell.String if cell.FormulaResultType2 == 2 or cell.Type.value == "TEXT" else cell.Value


def main(book, pipe, wanted):
    context = connected(pipe)
    desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
    options = []
    for name, value in (("Hidden", True), ("MacroExecutionMode", 4)):
        option = PropertyValue()
        option.Name, option.Value = name, value
        options.append(option)
    document = desktop.loadComponentFromURL(uno.systemPathToFileUrl(book), "_blank", 0, tuple(options))
    script = "vnd.sun.star.script:VBAProject.xlwings.SetBridge?language=Basic&location=document"
    document.getScriptProvider().getScript(script).invoke((Python(),), (), ())
    document.calculateAll()
    found = []
    places = json.loads(Path(wanted).read_text(encoding="utf-8"))
    for sheet, cells in places:
        area = document.Sheets.getByName(sheet).getCellRangeByName(cells)
        columns, rows = range(area.Columns.Count), range(area.Rows.Count)
        found.append([[shown(area.getCellByPosition(c, r)) for c in columns] for r in rows])
    modules = list(document.BasicLibraries.getByName("VBAProject").ElementNames)
    document.close(True)
    try:
        desktop.terminate()
    finally:
        print(json.dumps({"cells": found, "modules": modules}))


if __name__ == "__main__":
    main(*sys.argv[1:])
