"""The headless engine: template workbooks computed, filled and checked without Excel."""

from xlplugin.workbook.bind import Inputs
from xlplugin.workbook.calc import Failed, FunctionFailure, Functions
from xlplugin.workbook.compile import CompiledTemplate, compile_template
from xlplugin.workbook.findings import Finding, TemplateError
from xlplugin.workbook.lint import LintOptions, lint_template
from xlplugin.workbook.lint_package import lint_package
from xlplugin.workbook.reading import Book
from xlplugin.workbook.running import CellError, Result
from xlplugin.workbook.verify import Difference, Verification, verify
from xlplugin.workbook.writing import oracle_edition, values_edition
from xlplugin.workbook.zipped import PackageError

__all__ = [
    "Book",
    "CellError",
    "CompiledTemplate",
    "Difference",
    "Failed",
    "Finding",
    "FunctionFailure",
    "Functions",
    "Inputs",
    "LintOptions",
    "PackageError",
    "Result",
    "TemplateError",
    "Verification",
    "compile_template",
    "lint_package",
    "lint_template",
    "oracle_edition",
    "values_edition",
    "verify",
]
