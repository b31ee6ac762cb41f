"""The very hidden sheets: calculations, chart data, lists and texts, and what the book says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from workbooks.builder.blocks import place_block, write_block
from workbooks.builder.book import TEMPLATE_VERSION
from workbooks.builder.calculations import place_figures, write_figures
from workbooks.builder.checks import check_state, define_checks
from workbooks.builder.references import Block, sheet_ref
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = [
    "place_calculations",
    "place_charts",
    "place_lists",
    "write_calculations",
    "write_charts",
    "write_lists",
    "write_meta",
]

_HEADER = 3  # row of the block headers on _calc and _chart
_FACTORS = 10


# -- calculations ----------------------------------------------------------------------------------


def place_calculations(book: Book, sheet: Sheet, placed: set[str]) -> list[dict[str, Any]]:
    """Put single figures, options and every block that no visible sheet shows side by side.

    Returns the blocks that stand here.
    """
    row = place_figures(book, sheet, _HEADER)
    book.define(
        "factor_covariance",
        f"{sheet_ref(sheet.name)}!{xl_range_abs(row, 3, row + _FACTORS - 1, 2 + _FACTORS)}",
    )
    column, here = 15, []
    for entry in [*book.calc["block"], check_state(book)]:
        if entry["key"] in placed:
            continue
        own = entry | {"at": xl_rowcol_to_cell(_HEADER, column), "plain": True}
        block = place_block(book, sheet, own)
        column = max(block.columns.values()) + 2
        here.append(own)
    define_checks(book)
    return here


def write_calculations(book: Book, sheet: Sheet, here: list[dict[str, Any]]) -> None:
    """Write what `place_calculations` reserved."""
    hidden = book.formats.cell("hidden")
    sheet.worksheet.set_column_pixels(1, 1, 110)
    row = write_figures(book, sheet, _HEADER)
    for i in range(_FACTORS):
        for j in range(_FACTORS):
            sheet.worksheet.write_number(row + i, 3 + j, 1 if i == j else 0, hidden)
    for entry in here:
        write_block(book, sheet, entry)


# -- chart data ------------------------------------------------------------------------------------


def place_charts(book: Book, sheet: Sheet) -> None:
    """Fixed-size blocks that charts read, and one cell with the title of each chart."""
    charts = _charts_of(book)
    book.resolver.blocks["chart_titles"] = Block(
        "chart_titles", sheet.name, 0, {entry["key"]: offset for offset, entry in enumerate(charts)}, 1
    )
    column = 0
    for entry in book.layout.get("chart_block", ()):
        block = place_block(book, sheet, entry | {"at": xl_rowcol_to_cell(_HEADER, column)})
        column = max(block.columns.values()) + 2


def _charts_of(book: Book) -> list[dict[str, Any]]:
    return [chart for sheet in book.layout["sheet"] for chart in sheet.get("charts", ())]


def write_charts(book: Book, sheet: Sheet) -> None:
    """Write titles and data."""
    hidden, column = book.formats.cell("hidden"), 0
    for offset, chart in enumerate(_charts_of(book)):
        title = chart.get("title") or {"key": f"chart.{chart['key']}", "with": {"unit": "out_unit_text"}}
        book.write(sheet, 1, offset, title, hidden)
    for entry in book.layout.get("chart_block", ()):
        own = entry | {"at": xl_rowcol_to_cell(_HEADER, column), "plain": True}
        write_block(book, sheet, own)
        column = max(book.resolver.blocks[entry["key"]].columns.values()) + 2


# -- lists and texts -------------------------------------------------------------------------------


class _Texts(dict[str, str]):
    """Label key -> address of the hidden cell that holds the label; a new key takes the next row."""

    def __init__(self, sheet: str) -> None:
        super().__init__()
        self.sheet = sheet

    def __missing__(self, key: str) -> str:
        address = f"{sheet_ref(self.sheet)}!$A${len(self) + 2}"
        self[key] = address
        return address


def place_lists(book: Book, sheet: Sheet) -> None:
    """Name the code and the word column of every choice list."""
    book.resolver.texts = _Texts(sheet.name)
    column = 2
    for name, choices in book.lists.items():
        rows = len(choices)
        codes = f"{sheet_ref(sheet.name)}!{xl_range_abs(1, column, rows, column)}"
        words = f"{sheet_ref(sheet.name)}!{xl_range_abs(1, column + 1, rows, column + 1)}"
        book.define(f"lst_{name}", codes)
        book.define(f"wrd_{name}", words)
        book.resolver.lists[name] = (f"lst_{name}", f"wrd_{name}")
        column += 2


def write_lists(book: Book, sheet: Sheet) -> None:
    """Write choices and every text that a formula asked for."""
    hidden, column = book.formats.cell("hidden"), 2
    for name, choices in book.lists.items():
        sheet.worksheet.write_string(0, column, name, hidden)
        for row, code in enumerate(choices, start=1):
            if code.isdigit():
                sheet.worksheet.write_number(row, column, int(code), hidden)
            else:
                sheet.worksheet.write_string(row, column, code, hidden)
            sheet.worksheet.write_string(row, column + 1, book.words.choice(name, code), hidden)
        column += 2
    for row, key in enumerate(book.resolver.texts, start=1):
        text = book.words.notice(key[2:]) if key.startswith("n.") else book.words(key)
        sheet.worksheet.write_string(row, 0, text, hidden)


def write_meta(book: Book, sheet: Sheet) -> None:
    """Header -> key of every table column, and the version of the template."""
    hidden = book.formats.cell("hidden")
    rows = [("book", book.name), ("language", book.words.language), ("template_version", TEMPLATE_VERSION)]
    for table in layout("inputs")["table"]:
        for key in [*table["columns"], *table.get("derived", ())]:
            rows.append((f"{table['name']}.{key}", book.words.column(key)))
    for row, (key, value) in enumerate(rows):
        sheet.worksheet.write_string(row, 0, key, hidden)
        sheet.worksheet.write_string(row, 1, value, hidden)
