"""Inert modules with pywin32's names, so that xlwings' BSD code for Windows runs on Linux.

Proves: xlwings' decorators, converters, omitted arguments, module path. Does not prove: COM,
SAFEARRAYs, dates as pywintypes, the DLL, Excel.
"""

import ctypes
import datetime as dt
import sys
import types

NAMES = """pythoncom pywintypes win32api win32con win32event win32gui win32process
win32timezone win32com win32com.client win32com.server win32com.server.util
win32com.server.policy win32com.server.dispatcher""".split()
OMITTED = -2147352572  # the COM code of an argument that a formula leaves out


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {})
        setattr(self, name, made)
        return made


class _Library:
    """ctypes.windll and friends: every attribute, every call, zero."""

    def __getattr__(self, name):
        return self

    def __call__(self, *arguments):
        return 0


def install():
    """xlwings and its udfs module, with the COM decorators in place of the no-ops."""
    for name in NAMES:
        sys.modules[name] = _Module(name)
    for name in NAMES:
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    com, types_ = sys.modules["pythoncom"], sys.modules["pywintypes"]
    com.CoInitialize = lambda *arguments: None
    com.TypeIIDs = {com.IID_IDispatch: type("PyIDispatch", (), {})}
    com.__file__ = "none.dll"
    types_.com_error = type("com_error", (Exception,), {})
    sys.modules["win32timezone"].TimeZoneInfo.utc = staticmethod(lambda: dt.UTC)
    real = ctypes.PyDLL
    ctypes.windll = ctypes.oledll = _Library()
    ctypes.PyDLL = lambda *arguments, **named: _Library()
    try:
        import xlwings as xw
        import xlwings._xlwindows as windows
        import xlwings.udfs as com_udfs
    finally:
        ctypes.PyDLL = real
    xw._xlwindows = windows
    if "excel" not in xw.engines.engines_by_name:
        xw.engines.add(xw.Engine(impl=windows.engine))
    xw.func, xw.arg, xw.ret = com_udfs.xlfunc, com_udfs.xlarg, com_udfs.xlret
    xw.script = xw.sub = com_udfs.xlsub
    return xw, com_udfs
