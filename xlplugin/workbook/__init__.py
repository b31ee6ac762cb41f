"""The headless engine: template workbooks computed, filled and checked without Excel."""

from xlplugin.workbook.bind import Inputs
from xlplugin.workbook.calc import Failed, FunctionFailure, Functions
from xlplugin.workbook.compile import CompiledTemplate, compile_template
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.running import CellError, Result
from xlplugin.workbook.zipped import PackageError

__all__ = [
    "CellError",
    "CompiledTemplate",
    "Failed",
    "Finding",
    "FunctionFailure",
    "Functions",
    "Inputs",
    "PackageError",
    "Result",
    "TemplateError",
    "compile_template",
]
