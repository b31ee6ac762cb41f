"""Blocks: a header row with rows of formulas, of inputs or of one spilling function below it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from workbooks.builder.book import place
from workbooks.builder.frame import status_formats, word_formats
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet
    from workbooks.builder.references import Block

_TOP_ROWS = 11

__all__ = ["columns_of", "place_block", "write_block"]


def columns_of(entry: dict[str, Any]) -> list[tuple[str, int]]:
    """Key and width in cells of each column; `name*2` is two cells wide."""
    out = []
    for text in entry["columns"]:
        key, _, span = text.partition("*")
        out.append((key, int(span or 1)))
    return out


def _format_code(entry: dict[str, Any], key: str) -> str:
    given = entry.get("formats", {}).get(key)
    columns = layout("columns")
    return str(given or (columns[key][2] if key in columns else "g"))


def place_block(book: Book, sheet: Sheet, entry: dict[str, Any]) -> Block:
    """Reserve the cells of a block; formulas elsewhere may name it from now on."""
    at = place(entry["at"])
    column, places, dictionary = at.column, {}, layout("columns")
    wanted = entry.get("widths", {})
    for key, span in columns_of(entry):
        places[key] = column
        if sheet.grid == "list":
            pixels = wanted.get(key) or (dictionary[key][3] if key in dictionary else 64)
            book.width(sheet, column, pixels)
        column += span
    rows = int(entry.get("rows") or entry.get("reserve") or len(entry["lines"]))
    block = book.add_block(entry["key"], sheet, at.row, places, rows, entry)
    if name := entry.get("name"):
        book.define(name, block.all)
    return block


def write_block(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """Header, rows, total row, colours."""
    block = book.resolver.blocks[entry["key"]]
    small = sheet.grid == "list"
    _heading(book, sheet, entry, block)
    if not entry.get("prints_header"):
        _header(book, sheet, entry, block)
    if "spill" in entry:
        _spill(book, sheet, entry, block, small=small)
    else:
        for index in range(1, block.rows + 1):
            _row(book, sheet, entry, block, index, small=small)
    if total := entry.get("total"):
        _total(book, sheet, entry, block, total, small=small)
    _colours(book, sheet, entry, block)


def _heading(book: Book, sheet: Sheet, entry: dict[str, Any], block: Block) -> None:
    if not (key := entry.get("heading")) or block.row == 0:
        return
    first, last = min(block.columns.values()), _last_column(entry, block)
    book.write(sheet, block.row - 1, first, key, book.formats.cell("heading"))
    if entry.get("unit"):
        unit = entry["unit"] if isinstance(entry["unit"], str) else "=out_unit_label"
        style = book.formats.cell("subtitle", align="right")
        book.write(sheet, block.row - 1, last, unit, style)


def _last_column(entry: dict[str, Any], block: Block) -> int:
    key, span = columns_of(entry)[-1]
    return block.columns[key] + span - 1


def _header(book: Book, sheet: Sheet, entry: dict[str, Any], block: Block) -> None:
    if entry.get("plain"):
        return
    labels, numbers_before = entry.get("labels", {}), False
    for key, span in columns_of(entry):
        code = _format_code(entry, key)
        more: dict[str, Any] = {"indent": 1} if code in ("t", "g") and numbers_before else {}
        if aligned := entry.get("align", {}).get(key):
            more = {"align": aligned}
        style = book.formats.cell("header", code, **more)
        label = labels.get(key)
        if label is None:
            text = book.words.column(key)
            if span > 1:
                sheet.worksheet.merge_range(
                    block.row, block.columns[key], block.row, block.columns[key] + span - 1, text, style
                )
            else:
                sheet.worksheet.write_string(block.row, block.columns[key], text, style)
        else:
            book.write(sheet, block.row, block.columns[key], label, style, own=block, span=span)
        numbers_before = code not in ("t", "g")
    height = entry.get("header_height") or (32 if sheet.grid == "list" and block.row <= _TOP_ROWS else 0)
    if height:  # blocks further down share their rows with other blocks: these keep the height of a row
        sheet.worksheet.set_row_pixels(block.row, int(height))


def _row(book: Book, sheet: Sheet, entry: dict[str, Any], block: Block, index: int, *, small: bool) -> None:
    cells = entry.get("cells", {}) | (entry["lines"][index - 1] if "lines" in entry else {})
    if index == block.rows:  # the last row may be another one: "other", the rest
        cells |= entry.get("final", {})
    role = "hidden" if entry.get("plain") else entry.get("role", "body")
    numbers_before = False
    for key, span in columns_of(entry):
        code = str(cells.get(f"{key}_format") or _format_code(entry, key))
        own_role = entry.get("roles", {}).get(key, role)
        more: dict[str, Any] = {"indent": 1} if code in ("t", "g") and numbers_before else {}
        if entry.get("wrap", {}).get(key):
            more |= {"text_wrap": True}
        if aligned := entry.get("align", {}).get(key):
            more |= {"align": aligned}
        if entry.get("shrink", {}).get(key) and "indent" not in more:  # the two exclude each other
            more |= {"shrink": True}
        if index == block.rows and entry.get("strong_last"):
            own_role, more = "total", more
        style = book.formats.cell(own_role, code, small=small, **more)
        content = cells.get(key)
        book.write(
            sheet, block.row + index, block.columns[key], content, style, own=block, index=index, span=span
        )
        numbers_before = code not in ("t", "g")


def _spill(book: Book, sheet: Sheet, entry: dict[str, Any], block: Block, *, small: bool) -> None:
    """The anchor, and the formats that the rows below take from the first row of values."""
    headed, plain = bool(entry.get("prints_header")), bool(entry.get("plain"))
    if headed and entry.get("header_height"):
        sheet.worksheet.set_row_pixels(block.row, int(entry["header_height"]))
    first_row = block.row if headed else block.row + 1
    numbers_before = False
    for place_in_row, (key, _) in enumerate(columns_of(entry)):
        role = "hidden" if plain else ("first" if place_in_row == 0 else "body")
        code, column = _format_code(entry, key), block.columns[key]
        more: dict[str, Any] = {"indent": 1} if code in ("t", "g") and numbers_before and not plain else {}
        title = dict(more)
        if entry.get("wrap", {}).get(key):
            more |= {"text_wrap": True}
        if entry.get("shrink", {}).get(key) and "indent" not in more:
            more |= {"shrink": True}
        style = first = book.formats.cell(role, code, small=small, **more)
        numbers_before = code not in ("t", "g")
        if headed and not plain and key in layout("columns"):
            label = str(entry.get("labels", {}).get(key, ""))
            word = book.words(label[2:]) if label.startswith("t:") else book.words.column(key)
            first = _title_of_spill(book, word, code, title, anchor=not place_in_row)
        if place_in_row:
            sheet.worksheet.write_blank(first_row, column, None, first)
        else:
            book.write(sheet, first_row, column, entry["spill"], first, own=block, index=1)
        if headed:
            sheet.worksheet.write_blank(first_row + 1, column, None, style)


def _title_of_spill(book: Book, word: str, code: str, more: dict[str, Any], *, anchor: bool) -> Any:
    """A header whose number format shows a word over the key that the function returns."""
    word = word.replace('"', "")
    if anchor:
        more = more | {"left": 2, "left_color": book.formats.color["blue"]}
    return book.formats.cell("header", code, num_format=f';;;"{word}"', **more)


def _total(
    book: Book, sheet: Sheet, entry: dict[str, Any], block: Block, total: dict[str, Any], *, small: bool
) -> None:
    row = block.row + block.rows + 1
    for key, span in columns_of(entry):
        code = _format_code(entry, key)
        content = total.get(key)
        if content == "sum":
            top = xl_rowcol_to_cell(block.row + 1, block.columns[key])
            bottom = xl_rowcol_to_cell(block.row + block.rows, block.columns[key])
            content = f"=ROUND(SUM({top}:{bottom}),9)"
        style = book.formats.cell(
            "total", "t" if isinstance(content, str) and content[:2] == "t:" else code, small=small
        )
        book.write(sheet, row, block.columns[key], content, style, own=block, index=block.rows + 1, span=span)


def _colours(book: Book, sheet: Sheet, entry: dict[str, Any], block: Block) -> None:
    first, last = block.row + 1, block.row + block.rows
    worksheet, color = sheet.worksheet, book.formats.color
    if height := entry.get("row_height"):
        for row in range(first, last + 1):
            worksheet.set_row_pixels(row, height)
    for key in entry.get("status", ()):
        column = block.columns[key]
        status_formats(book, sheet, first, column, last, column)
    for key, choices in entry.get("words", {}).items():
        column = block.columns[key]
        word_formats(book, sheet, choices, (first, column, last, column))
    for key in entry.get("bars", ()):
        column = block.columns[key]
        worksheet.conditional_format(
            first,
            column,
            last,
            column,
            {
                "type": "data_bar",
                "bar_color": color["sky"],
                "bar_solid": True,
                "min_type": "num",
                "min_value": 0,
                "max_type": "num",
                "max_value": 1,
                "bar_border_color": color["sky"],
            },
        )
    left, right = min(block.columns.values()), _last_column(entry, block)
    for rule in entry.get("marks", ()):
        look = book.workbook.add_format(
            {"bg_color": color[f"{rule['look']}_fill"], "font_color": color[f"{rule['look']}_font"]}
            | ({"bold": True} if rule.get("bold") else {})
        )
        formula = book.resolver(rule["when"], block, 1)
        area = (first, left, last, right)
        if key := rule.get("column"):
            area = (first, block.columns[key], last, block.columns[key])
        worksheet.conditional_format(
            *area, {"type": "formula", "criteria": _column_fixed(formula), "format": look}
        )
    if entry.get("marks_missing"):
        look = book.workbook.add_format({"font_color": color["sub"], "italic": True})
        cell = xl_rowcol_to_cell(first, left)
        worksheet.conditional_format(
            first, left, last, right, {"type": "formula", "criteria": f"=ISNA({cell})", "format": look}
        )


def _column_fixed(formula: str) -> str:
    """Relative cells with a fixed column, so that one rule serves a whole row."""
    return re.sub(r"(?<![A-Za-z$!_'])([A-Z]{1,3})(\d+)(?![\d(])", r"$\1\2", formula)
