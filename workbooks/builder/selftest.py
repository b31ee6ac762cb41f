"""The self-test book: one published example per row; every cell test_<id> must be TRUE in every host."""

from __future__ import annotations

import datetime as dt
import io
import re
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from workbooks.builder.words import layout

__all__ = ["build_selftest"]

_HEADER = ("no", "test", "source", "found", "expected", "passed")
_FIRST_BLOCK = 7  # column H: the fixed inputs stand beside the row
_TOLERANCE = 1e-9
_FIXED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def build_selftest() -> bytes:
    """The book, without computed values: deterministic, one sheet, in English."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": "xlplugin self-test", "created": _FIXED})
    book.set_calc_mode("auto", 191029)
    book.calc_on_load = False
    sheet = book.add_worksheet("Tests")
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, _HEADER, bold)
    sheet.set_column(1, 2, 26)
    sheet.freeze_panes(1, 2)
    top, passed = 1, []
    for number, test in enumerate(layout("selftests")["test"], start=1):
        block = _write_block(sheet, day, top, test["data"])
        found = test["found"].replace("{block}", block)
        sheet.write_row(top, 0, [number, test["id"], test["source"][1]])
        sheet.write_dynamic_array_formula(top, 3, top, 3, found)
        _write_value(sheet, day, top, 4, test["expected"])
        got, wanted = xl_rowcol_to_cell(top, 3), xl_rowcol_to_cell(top, 4)
        same = (
            f"{got}={wanted}" if isinstance(test["expected"], str) else f"ABS({got}-{wanted})<={_TOLERANCE}"
        )
        sheet.write_formula(top, 5, f"=IFERROR({same},FALSE)")
        book.define_name(
            f"test_{test['id']}", f"=Tests!{xl_rowcol_to_cell(top, 5, row_abs=True, col_abs=True)}"
        )
        book.define_name(f"tst_{test['id']}", f"=Tests!{block}")
        passed.append(xl_rowcol_to_cell(top, 5))
        top += max(len(test["data"]), 1) + 1
    sheet.write(top, 1, "all", bold)
    sheet.write_formula(top, 5, f"=AND({','.join(passed)})")
    book.define_name("test_all", f"=Tests!{_fixed(top, 5)}")
    book.close()
    return out.getvalue()


def _fixed(row: int, column: int) -> str:
    cell: str = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    return cell


def _write_block(sheet: Any, day: Any, top: int, rows: list[list[Any]]) -> str:
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            _write_value(sheet, day, top + r, _FIRST_BLOCK + c, value)
    block: str = xl_range_abs(top, _FIRST_BLOCK, top + len(rows) - 1, _FIRST_BLOCK + len(rows[0]) - 1)
    return block


def _write_value(sheet: Any, day: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, str) and _DATE.fullmatch(value):
        sheet.write_datetime(row, column, dt.date.fromisoformat(value), day)
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    elif value is not None:
        sheet.write(row, column, value)
