"""Puts a whole book together: first every place, then every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from workbooks.builder.blocks import place_block, write_block
from workbooks.builder.book import Book, place
from workbooks.builder.charts import write_chart
from workbooks.builder.checks import checks_block
from workbooks.builder.frame import list_frame, page_frame
from workbooks.builder.hidden import (
    place_calculations,
    place_charts,
    place_lists,
    write_calculations,
    write_charts,
    write_lists,
    write_meta,
)
from workbooks.builder.inputs import place_inputs, write_inputs
from workbooks.builder.lists import define_tests, place_test_data, terms_block, tests_block, write_test_data
from workbooks.builder.package import finish
from workbooks.builder.tables import place_table, write_table
from workbooks.builder.theme import contents_block, in_order, place_logo
from workbooks.builder.words import Words, layout

if TYPE_CHECKING:
    from workbooks.builder.book import Sheet

__all__ = ["assemble"]

_MADE = {"checks": checks_block, "contents": contents_block, "tests": tests_block, "terms": terms_block}


def assemble(name: str, words: Words, theme: dict[str, Any] | None = None) -> bytes:
    """The package of one book in one language."""
    book = Book(name, words, theme)
    entries = in_order(name, book.layout["sheet"], theme)
    visible = [book.add_sheet(entry["key"], entry["grid"], entry) for entry in entries]
    sheets = _hidden_sheets(book)
    place_lists(book, sheets["lists"])
    tables = _place_tables(book, visible, sheets)
    blocks = _place_blocks(book, visible)
    here = place_calculations(
        book, sheets["calc"], {entry["key"] for entries in blocks.values() for entry in entries}
    )
    place_charts(book, sheets["chart"])
    if "self_tests" in book.resolver.blocks:
        place_test_data(book, book.sheets["checks"])
        define_tests(book)
    for key, text in book.calc["names"].items():
        book.define(key, book.resolver(text))
    for sheet in visible:
        _write_sheet(book, sheet, blocks[sheet.key])
    if "self_tests" in book.resolver.blocks:
        write_test_data(book, book.sheets["checks"])
    for sheet, names in tables:
        for table in names:
            write_table(book, sheet, table)
    if "in" in sheets:
        write_inputs(book, sheets["in"])
    write_calculations(book, sheets["calc"], here)
    write_charts(book, sheets["chart"])
    write_meta(book, sheets["meta"])
    write_lists(book, sheets["lists"])
    place_logo(book)
    return finish(book.close())


def _hidden_sheets(book: Book) -> dict[str, Sheet]:
    keys = ["calc", "chart", "lists", "meta"]
    if not any(sheet.entry.get("inputs") for sheet in book.sheets.values()):
        keys = ["in", "data", *keys]
    return {key: book.add_sheet(key, "list", hidden=True) for key in keys}


def _place_tables(
    book: Book, visible: list[Sheet], sheets: dict[str, Sheet]
) -> list[tuple[Sheet, list[str]]]:
    out = []
    for sheet in visible:
        if sheet.entry.get("inputs"):
            place_inputs(book, sheet)
        entries = sheet.entry.get("tables", ())
        for entry in entries:
            place_table(book, sheet, entry["name"], entry["at"])
        out.append((sheet, [entry["name"] for entry in entries]))
    if "in" in sheets:
        place_inputs(book, sheets["in"])
        column, names = 0, []
        for table in layout("inputs")["table"]:
            if table.get("book", book.name) == book.name and table["name"] not in book.tables:
                place_table(book, sheets["data"], table["name"], xl_rowcol_to_cell(3, column))
                column = book.tables[table["name"]].last_column + 2
                names.append(table["name"])
        out.append((sheets["data"], names))
    return out


def _place_blocks(book: Book, visible: list[Sheet]) -> dict[str, list[dict[str, Any]]]:
    shared = {entry["key"]: entry for entry in (*book.calc["block"], *layout("views")["block"])}
    out: dict[str, list[dict[str, Any]]] = {}
    for sheet in visible:
        out[sheet.key] = []
        for given in sheet.entry.get("blocks", ()):
            entry = shared[given["use"]] | given if "use" in given else given
            if make := _MADE.get(entry.get("kind", "")):
                entry = make(book, entry)
            place_block(book, sheet, entry)
            out[sheet.key].append(entry)
    return out


def _write_sheet(book: Book, sheet: Sheet, blocks: list[dict[str, Any]]) -> None:
    (page_frame if sheet.grid == "page" else list_frame)(book, sheet)
    for letters, pixels in sheet.entry.get("column_widths", {}).items():
        book.width(sheet, place(f"{letters}1").column, pixels)
    if sheet.entry.get("inputs"):
        write_inputs(book, sheet)
    for entry in sheet.entry.get("kpis", ()):
        _kpi(book, sheet, entry)
    for entry in sheet.entry.get("texts", ()):
        _text(book, sheet, entry)
    for entry in blocks:
        write_block(book, sheet, entry)
    for entry in sheet.entry.get("charts", ()):
        write_chart(book, sheet, entry)
    if sheet.entry.get("protect", sheet.grid == "page"):
        sheet.worksheet.protect("", {"objects": False, "format_columns": True, "format_rows": True})


def _kpi(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    """Label, value and note over the width of `at`, in three rows."""
    at, small = place(entry["at"]), sheet.grid == "list"
    sheet.worksheet.set_row_pixels(at.row + 1, book.formats.theme["page"]["kpi_row"])
    lines = ((entry["label"], "kpi_label", "g"), (entry["value"], "kpi_value", entry.get("format", "m")))
    rows = [*lines, (entry.get("note"), "kpi_note", "g")]
    for offset, (content, role, code) in enumerate(rows):
        more = {} if code == "g" else {"align": "left"}
        style = book.formats.cell(role, code, small=small, **more)
        row = at.row + offset
        if at.last_column > at.column:
            sheet.worksheet.merge_range(row, at.column, row, at.last_column, "", style)
        book.write(sheet, row, at.column, content, style)


def _text(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    at = place(entry["at"])
    role, code = entry.get("role", "body"), entry.get("format", "g")
    more: dict[str, Any] = {}
    if "align" in entry:
        more["align"] = entry["align"]
    if entry.get("fill"):
        more["bg_color"] = book.formats.color[entry["fill"]]
    style = book.formats.cell(role, code, small=sheet.grid == "list", **more)
    if height := entry.get("height"):
        sheet.worksheet.set_row_pixels(at.row, height)
    if link := entry.get("link"):
        target = book.sheets[link].name.replace("'", "''")
        sheet.worksheet.write_url(
            at.row, at.column, f"internal:'{target}'!A1", style, book.words(entry["text"][2:])
        )
        return
    content = entry["text"]
    if isinstance(content, dict) and "regime" in content:
        content = _by_regime(content["regime"])
    book.text(sheet, at, content, style)


def _by_regime(codes: dict[str, list[str]]) -> str:
    """The notices of the client's regime, joined: `{"jp": ["J01"], "corporate": ["C08"], "us": ["U01"]}`."""
    texts = {key: '&"  "&'.join("{T:n." + code + "}" for code in group) for key, group in codes.items()}
    return f"=IF(out_is_us=1,{texts['us']},IF(out_is_corporate=1,{texts['corporate']},{texts['jp']}))"
