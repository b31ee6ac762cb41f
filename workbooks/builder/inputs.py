"""The Inputs sheet: every assumption with its name, unit, range, word and source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbooks.builder.references import sheet_ref
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["input_rows", "place_inputs", "validate", "write_inputs"]

_COLUMNS = ("item", "key", "entry", "unit", "allowed_range", "note", "source")
_WIDTHS = (190, 150, 200, 80, 200, 220, 200)
_CODES = {
    "date": "d",
    "rate": "w",
    "money": "i",
    "number": "x2",
    "whole": "y",
    "text": "t",
    "choice": "g",
    "yesno": "g",
}
FIRST_ROW = 5


def input_rows() -> list[tuple[str, list[dict[str, Any]]]]:
    """The inputs by group, in the order of the layout."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in layout("inputs")["input"]:
        groups.setdefault(entry["group"], []).append(entry)
    return list(groups.items())


def place_inputs(book: Book, sheet: Sheet) -> None:
    """Define the name of every input cell."""
    row = FIRST_ROW
    for offset, pixels in enumerate(_WIDTHS):
        book.width(sheet, 1 + offset, pixels)
    for _, entries in input_rows():
        row += 2
        for entry in entries:
            book.define(entry["name"], f"{sheet_ref(sheet.name)}!$D${row + 1}")
            row += 1
        row += 1


def write_inputs(book: Book, sheet: Sheet) -> None:
    """Headings, header rows and input rows."""
    worksheet, formats = sheet.worksheet, book.formats
    row = FIRST_ROW
    for group, entries in input_rows():
        book.write(sheet, row, 1, f"t:group.{group}", formats.cell("heading"))
        for offset, key in enumerate(_COLUMNS):
            worksheet.write_string(row + 1, 1 + offset, book.words.column(key), formats.cell("header", "t"))
        row += 2
        for entry in entries:
            _row(book, sheet, row, entry)
            row += 1
        row += 1


def _row(book: Book, sheet: Sheet, row: int, entry: dict[str, Any]) -> None:
    worksheet, formats, words = sheet.worksheet, book.formats, book.words
    text = formats.cell("body", "t", small=True)
    kind, name = entry["kind"], entry["name"]
    worksheet.write_string(row, 1, words.pair(entry), text)
    worksheet.write_string(
        row, 2, name, formats.cell("body", "t", small=True, font_color=formats.color["sub"])
    )
    default = entry.get("us" if words.language == "en" else "jp")
    style = formats.cell("input", _CODES[kind], small=True, align="left")
    if default is None:
        worksheet.write_blank(row, 3, None, style)
    elif isinstance(default, str):
        worksheet.write_string(row, 3, default, style)
    else:
        worksheet.write_number(row, 3, default, style)
    book.write(sheet, row, 4, f"t:kind.{kind}", text)
    worksheet.write_string(row, 5, _allowed(book, entry), formats.cell("body", "t", small=True))
    if kind == "choice" and entry["list"] != "unit":
        book.write(sheet, row, 6, f"={{word:{entry['list']}:{name}}}", text)
    else:
        worksheet.write_blank(row, 6, None, text)
    book.write(sheet, row, 7, _source(entry, row), formats.cell("input", "g", small=True))
    if kind != "text":
        validate(book, sheet, row, 3, entry, _allowed(book, entry))
    if entry.get("required"):
        look = book.workbook.add_format({"bg_color": formats.color["error_fill"]})
        worksheet.conditional_format(row, 3, row, 3, {"type": "blanks", "format": look})


def _source(entry: dict[str, Any], row: int) -> str:
    """Where a value comes from, unless a person writes over it: the template's default, or the client."""
    cell, given = f"D{row + 1}", "{t:inputs.source_given}"
    if "jp" in entry and "us" in entry:
        japan, us = (f'"{x}"' if isinstance(x, str) else f"{x}" for x in (entry["jp"], entry["us"]))
        given = f"IF({cell}=IF(out_is_us=1,{us},{japan}),{{t:inputs.source_default}},{given})"
    return f'=IF({cell}="","",{given})'


def _allowed(book: Book, entry: dict[str, Any]) -> str:
    words, parts = book.words, []
    if entry.get("required"):
        parts.append(words("inputs.required"))
    if entry["kind"] == "choice":
        parts.append(words("inputs.from_list"))
    elif entry["kind"] == "yesno":
        parts.append(words("inputs.yes_no"))
    elif between := entry.get("between"):
        low, high = (f"{100 * x:g} %" if entry["kind"] == "rate" else f"{x:,.10g}" for x in between)
        if between[1] >= 1e12:
            parts.append(words("inputs.at_least").format(low=low))
        else:
            parts.append(words("inputs.between").format(low=low, high=high))
    return words("frame.separator").join(parts)


def validate(book: Book, sheet: Sheet, row: int, column: int, entry: dict[str, Any], allowed: str) -> None:
    """The list or bounds of an input cell, and what it says when it is entered or refused."""
    words = book.words
    rule: dict[str, Any] = {"validate": "any"}
    if entry["kind"] in ("choice", "yesno"):
        rule = {"validate": "list", "source": f"=lst_{entry.get('list', 'yesno')}"}
    elif between := entry.get("between"):
        rule = {"validate": "decimal", "criteria": "between", "minimum": between[0], "maximum": between[1]}
    elif entry["kind"] == "date":
        rule = {"validate": "decimal", "criteria": "between", "minimum": 36526, "maximum": 73050}
    message = {
        "input_title": words.pair(entry)[:32],
        "input_message": (allowed or words(f"kind.{entry['kind']}"))[:255],
        "error_title": words("inputs.error_title")[:32],
        "error_message": words("inputs.error")[:255],
    }
    sheet.worksheet.data_validation(row, column, row, column, rule | message)
