"""Input cells and tables of the fund cost audit, from `layout/fund_audit_inputs.toml`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from workbooks.builder.book import Place, place
from workbooks.builder.frame import word_formats
from workbooks.builder.inputs import validate
from workbooks.builder.tables import add_table
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["inputs_block", "name_inputs", "place_table", "validate_inputs", "write_table"]

_EPOCH = dt.date(1899, 12, 30)
_CODES = {
    "text": "t",
    "date": "d",
    "whole": "y",
    "number": "q",
    "rate": "r3",
    "money": "i",
    "choice": "g",
    "yesno": "g",
}


def _input(name: str) -> dict[str, Any]:
    return next(dict(entry) for entry in layout("fund_audit_inputs")["input"] if entry["name"] == name)


def _table(name: str) -> dict[str, Any]:
    return next(dict(entry) for entry in layout("fund_audit_inputs")["table"] if entry["name"] == name)


# -- input cells ---------------------------------------------------------------------------------------


def inputs_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """A block that lists input cells: what, the cell, what it accepts."""
    lines = []
    for name in entry["inputs"]:
        given = _input(name)
        default = given.get("default")
        if isinstance(default, dt.date):
            default = (default - _EPOCH).days
        lines.append(
            {
                "item": "'" + book.words.pair(given),
                "entry": f"'{default}" if isinstance(default, str) else default,
                "entry_format": given.get("format", _CODES[given["kind"]]),
                "allowed_range": "'" + _allowed(book, given),
            }
        )
    formats = {"item": "g", "entry": "g", "allowed_range": "g"}
    return entry | {
        "lines": lines,
        "roles": {"entry": "input"},
        "formats": formats,
        "align": {"entry": "left"},
    }


def name_inputs(book: Book, entry: dict[str, Any]) -> None:
    """A defined name for every cell of the block."""
    block = book.resolver.blocks[entry["key"]]
    for index, name in enumerate(entry["inputs"], start=1):
        book.define(name, block.cell("entry", index))


def validate_inputs(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """Lists, bounds and messages of the input cells of a block."""
    block = book.resolver.blocks[entry["key"]]
    for index, name in enumerate(entry["inputs"], start=1):
        given = _input(name)
        row, column = block.row + index, block.columns["entry"]
        validate(book, sheet, row, column, given, _allowed(book, given))
        if given.get("required"):
            look = book.workbook.add_format({"bg_color": book.formats.color["error_fill"]})
            sheet.worksheet.conditional_format(row, column, row, column, {"type": "blanks", "format": look})


def _allowed(book: Book, given: dict[str, Any]) -> str:
    words = book.words
    if given["kind"] == "choice":
        return words("inputs.from_list")
    if given["kind"] == "yesno":
        return "1 / 0"
    if between := given.get("between"):
        low, high = (f"{100 * x:g} %" if given["kind"] == "rate" else f"{x:,.10g}" for x in between)
        if between[1] >= 1e12:
            return words("inputs.at_least").format(low=low)
        return words("inputs.between").format(low=low, high=high)
    return ""


# -- tables ----------------------------------------------------------------------------------------------


def place_table(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """Reserve the header row and the rows of a table: its preset rows, or one."""
    start, given = place(entry["at"]), _table(entry["name"])
    keys = [*given["columns"], *given.get("derived", ())]
    wanted = entry.get("widths", {})
    for offset, key in enumerate(keys):
        book.width(sheet, start.column + offset, wanted.get(key, layout("columns")[key][3]))
    rows = len(layout("fund_audit_inputs")["preset"]) if entry.get("preset") else 1
    book.tables[entry["name"]] = Place(
        start.row, start.column, start.row + rows, start.column + len(keys) - 1
    )


def write_table(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """Header, rows, calculated columns, drop-down lists and the colour of missing required cells."""
    given, at = _table(entry["name"]), book.tables[entry["name"]]
    derived = book.calc["derived"].get(entry["name"], {})
    lists = layout("fund_audit_inputs")["column_lists"]
    keys = [*given["columns"], *given.get("derived", ())]
    columns: list[dict[str, Any]] = []
    number_before = False
    for key in keys:
        code = layout("columns")[key][2]
        more: dict[str, Any] = {"indent": 1} if code == "t" and number_before else {}
        number_before = code != "t"
        shrunk = {"shrink": True} if code == "t" and not more else {}  # the two exclude each other
        role = "body" if key in derived else "input"
        style = book.formats.cell(role, code, small=True, **more, **shrunk)
        column = {
            "header": book.words.column(key),
            "header_format": book.formats.cell("header", code, **more),
            "format": style,
        }
        if key in derived:
            column["formula"] = book.resolver(derived[key])
        columns.append(column)
    add_table(book, sheet, entry["name"], columns)
    sheet.worksheet.set_row_pixels(at.row, 46)
    preset = layout("fund_audit_inputs")["preset"] if entry.get("preset") else [{}]
    for number, row in enumerate(preset, start=1):
        _write_row(book, sheet, at.row + number, at.column, keys, columns, _preset(book, row))
    for offset, key in enumerate(keys):
        area = (at.row + 1, at.column + offset, at.last_row, at.column + offset)
        if key in lists:
            rule = {"validate": "list", "source": f"=lst_{lists[key]}"}
            sheet.worksheet.data_validation(*area, rule)
            word_formats(book, sheet, lists[key], area)
        if key in given["required"]:
            look = book.workbook.add_format({"bg_color": book.formats.color["error_fill"]})
            sheet.worksheet.conditional_format(
                *area, {"type": "formula", "criteria": _missing(at, at.column + offset), "format": look}
            )


def _preset(book: Book, row: dict[str, Any]) -> dict[str, Any]:
    """A preset row with the words of the language; all of them Japanese funds that are not held."""
    if not row:
        return {}
    same = {"vehicle": "FUND", "ccy": "JPY", "hedged": 0, "domicile": "JP", "held": 0}
    return same | {k: book.words.pick(v) if isinstance(v, list) else v for k, v in row.items()}


def _write_row(
    book: Book,
    sheet: Sheet,
    row: int,
    column: int,
    keys: list[str],
    columns: list[dict[str, Any]],
    values: dict[str, Any],
) -> None:
    for offset, key in enumerate(keys):
        style = columns[offset]["format"]
        if "formula" in columns[offset]:
            sheet.worksheet.write_formula(row, column + offset, columns[offset]["formula"], style, "")
        elif (value := values.get(key)) is None:
            sheet.worksheet.write_blank(row, column + offset, None, style)
        elif isinstance(value, str):
            sheet.worksheet.write_string(row, column + offset, value, style)
        else:
            sheet.worksheet.write_number(row, column + offset, value, style)


def _missing(at: Place, column: int) -> str:
    """A required cell is empty while another cell of its row is filled."""
    own = xl_rowcol_to_cell(at.row + 1, column)
    left = xl_rowcol_to_cell(at.row + 1, at.column, col_abs=True)
    right = xl_rowcol_to_cell(at.row + 1, at.last_column, col_abs=True)
    return f'=AND({own}="",COUNTA({left}:{right})>0)'
