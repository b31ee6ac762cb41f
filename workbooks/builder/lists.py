"""Blocks made from a list of their own: self-tests with their fixed inputs, and the terms."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_range_abs

from workbooks.builder.references import sheet_ref
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["define_tests", "place_test_data", "terms_block", "tests_block", "write_test_data"]

_FIRST_COLUMN = 11  # to the right of the list of checks, unless the layout says where
_FIRST_ROW = 7
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TRUE = "=IFERROR(ABS({self.found}-{self.expected})<0.0000001,FALSE)"
_PASSED = "=IF({self.passed},{t:result.ok},{t:result.error})"


def _tests(book: Book) -> list[dict[str, Any]]:
    """The self-tests of `selftests.toml`, or of the file that the book's layout names."""
    return list(layout(book.layout.get("tests", "selftests"))["test"])


def define_tests(book: Book, block: str = "self_tests") -> None:
    """A name `test_...` for the result of every self-test in the block."""
    results = book.resolver.blocks[block]
    for index, test in enumerate(_tests(book), start=1):
        book.define(f"test_{test['id']}", results.cell("passed", index))


def place_test_data(book: Book, sheet: Sheet) -> None:
    """Name the fixed block `tst_<id>` of every self-test; they stand one below the other."""
    row, left = _FIRST_ROW, int(book.layout.get("test_data_column", _FIRST_COLUMN))
    for test in _tests(book):
        data = test["data"]
        last = row + len(data) - 1
        area = xl_range_abs(row, left, last, left + len(data[0]) - 1)
        book.define(f"tst_{test['id']}", f"{sheet_ref(sheet.name)}!{area}")
        row = last + 2
    for column in range(left, left + 8):
        book.width(sheet, column, 90)


def write_test_data(book: Book, sheet: Sheet) -> None:
    """Write the fixed blocks."""
    row, style, day = _FIRST_ROW, book.formats.cell("hidden"), book.formats.cell("hidden", "d")
    left = int(book.layout.get("test_data_column", _FIRST_COLUMN))
    book.write(sheet, row - 1, left, "t:checks.data", book.formats.cell("heading"))
    for test in _tests(book):
        for line in test["data"]:
            for offset, value in enumerate(line):
                column = left + offset
                if isinstance(value, str) and _DATE.fullmatch(value):
                    sheet.worksheet.write_datetime(row, column, dt.datetime.fromisoformat(value), day)
                elif isinstance(value, str):
                    sheet.worksheet.write_string(row, column, value, style)
                else:
                    sheet.worksheet.write_number(row, column, value, style)
            row += 1
        row += 1


def tests_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The block `entry` with one line per self-test."""
    lines = [
        {
            "no": number,
            "check": f"t:test.{test['id']}",
            "source": "'" + book.words.pick(test["source"]),
            "found": test["found"].replace("{block}", f"tst_{test['id']}"),
            "expected": test["expected"],
            "found_format": _figure(test["expected"]),
            "expected_format": _figure(test["expected"]),
            "result": _PASSED,
            "passed": _TRUE,
            "score": "=IF({self.passed},1,0)",
        }
        for number, test in enumerate(_tests(book), start=1)
    ]
    return entry | {"lines": lines}


def _figure(expected: Any) -> str:
    """The format of a result: whole numbers without decimals."""
    return "i" if isinstance(expected, int | float) and float(expected).is_integer() else "fs"


def terms_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The block `entry` with one line per term of the label files."""
    keys = sorted({key.split(".")[1] for key in book.words.labels if key.startswith("term.")})
    lines = [{"term_name": f"t:term.{key}.name", "definition": f"t:term.{key}.short"} for key in keys]
    return entry | {"lines": lines}
