"""Run by the Python that LibreOffice's bridge belongs to: open an .xlsm, let its VBA run, print cells.

The module `xlwings` of the book is a stand-in whose XLPy.CallUDF reaches this process over UNO;
the wrappers are the shipped ones. Arguments: book, pipe name, JSON of [sheet, cell] to read.
"""

import datetime as dt
import json
import sys
import time

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


class Python(unohelper.Base, XFunctionAccess):
    """Stands in for xlwings' COM server."""

    def callFunction(self, name, arguments):  # noqa: N802
        given = []
        for a in arguments:
            value = a.Value if hasattr(a, "getImplementationName") else a  # a VBA Range
            value = getattr(value, "Array", value)
            given.append(None if isinstance(value, uno.Enum) else value)
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
    for sheet, cell in json.loads(wanted):
        place = document.Sheets.getByName(sheet).getCellRangeByName(cell)
        found.append(
            place.String if place.FormulaResultType2 == 2 or place.Type.value == "TEXT" else place.Value
        )
    modules = list(document.BasicLibraries.getByName("VBAProject").ElementNames)
    document.close(True)
    try:
        desktop.terminate()
    finally:
        print(json.dumps({"cells": found, "modules": modules}))


if __name__ == "__main__":
    main(*sys.argv[1:])
