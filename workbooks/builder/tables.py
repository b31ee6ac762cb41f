"""Excel tables that a person or a store fills, with their calculated columns and drop-down lists."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from workbooks.builder.book import Place, place
from workbooks.builder.frame import word_formats
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["add_table", "place_table", "table_columns", "write_table"]


@cache
def _specification(name: str) -> dict[str, Any]:
    return next(dict(table) for table in layout("inputs")["table"] if table["name"] == name)


def table_columns(name: str) -> list[str]:
    """Keys of the columns of a table, the calculated ones last."""
    specification = _specification(name)
    return [*specification["columns"], *specification.get("derived", ())]


def place_table(book: Book, sheet: Sheet, name: str, at: str) -> None:
    """Reserve the place of a table: its header row and one row."""
    start, keys = place(at), table_columns(name)
    for offset, key in enumerate(keys):
        if sheet.grid == "list":
            book.width(sheet, start.column + offset, layout("columns")[key][3])
    book.tables[name] = Place(start.row, start.column, start.row + 1, start.column + len(keys) - 1)


def write_table(book: Book, sheet: Sheet, name: str) -> None:
    """The header, one empty row, formulas of the calculated columns, lists and colours of required cells."""
    at, specification = book.tables[name], _specification(name)
    derived = layout("calc")["derived"].get(name, {})
    lists = layout("inputs")["column_lists"]
    columns: list[dict[str, Any]] = []
    after_number = False
    for key in table_columns(name):
        code = layout("columns")[key][2]
        more: dict[str, Any] = {"indent": 1} if code in ("t", "g") and after_number else {}
        after_number = code not in ("t", "g")
        header = book.formats.cell("header", code, **more)
        style = book.formats.cell("body" if key in derived else "input", code, small=True, **more)
        column: dict[str, Any] = {"header": book.words.column(key), "header_format": header, "format": style}
        if key in derived:
            column["formula"] = book.resolver(derived[key])
        columns.append(column)
    add_table(book, sheet, name, columns)
    sheet.worksheet.set_row_pixels(at.row, 32)
    for offset, key in enumerate(table_columns(name)):
        row, column_number = at.row + 1, at.column + offset
        if key in derived:
            style = columns[offset]["format"]
            sheet.worksheet.write_formula(row, column_number, columns[offset]["formula"], style, "")
        else:
            sheet.worksheet.write_blank(row, column_number, None, columns[offset]["format"])
        if key in lists:
            sheet.worksheet.data_validation(
                row, column_number, row, column_number, {"validate": "list", "source": f"=lst_{lists[key]}"}
            )
            word_formats(book, sheet, lists[key], (row, column_number, row, column_number))
        elif key in specification.get("words", {}):
            word_formats(book, sheet, specification["words"][key], (row, column_number, row, column_number))
        if key in specification["required"]:
            first = sheet.worksheet
            look = book.workbook.add_format({"bg_color": book.formats.color["error_fill"]})
            first.conditional_format(
                row,
                column_number,
                row,
                column_number,
                {"type": "formula", "criteria": _missing(at, row, column_number), "format": look},
            )


def add_table(book: Book, sheet: Sheet, name: str, columns: list[dict[str, Any]]) -> None:
    """The table at its place, without a style or filter of Excel's: the columns carry the looks."""
    at = book.tables[name]
    settings = {"name": name, "columns": columns, "style": None, "autofilter": False}
    sheet.worksheet.add_table(at.row, at.column, at.last_row, at.last_column, settings)


def _missing(at: Place, row: int, column: int) -> str:
    """A required cell is empty while another cell of its row is filled."""
    own = xl_rowcol_to_cell(row, column)
    left = xl_rowcol_to_cell(row, at.column, col_abs=True)
    right = xl_rowcol_to_cell(row, at.last_column, col_abs=True)
    return f'=AND({own}="",COUNTA({left}:{right})>0)'
