"""Single figures in A:B and options in D:E of the calculation sheet, the same in every book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbooks.builder.references import sheet_ref

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = ["place_figures", "write_figures"]


def place_figures(book: Book, sheet: Sheet, top: int) -> int:
    """Name every single figure and options range from row `top` (0-based) on; the row below the options."""
    here = sheet_ref(sheet.name)
    for offset, scalar in enumerate(book.calc["scalar"], start=top + 1):
        book.define(scalar["name"], f"{here}!$B${offset}")
    row = top
    for options in book.calc["options"]:
        last = row + len(options["rows"])
        book.define(options["name"], f"{here}!$D${row + 1}:$E${last}")
        row = last + 1
    return row


def write_figures(book: Book, sheet: Sheet, top: int) -> int:
    """Write what `place_figures` reserved; the row below the options."""
    hidden = book.formats.cell("hidden")
    sheet.worksheet.set_column_pixels(0, 0, 160)
    for row, scalar in enumerate(book.calc["scalar"], start=top):
        sheet.worksheet.write_string(row, 0, scalar["name"], hidden)
        style = book.formats.cell("hidden", scalar.get("fmt", "g"))
        book.write(sheet, row, 1, scalar.get("formula", scalar.get("value")), style)
    row = top
    for options in book.calc["options"]:
        for name, value in options["rows"]:
            sheet.worksheet.write_string(row, 3, name, hidden)
            book.write(sheet, row, 4, "=" + value, hidden)
            row += 1
        row += 1
    return row
