"""The frame of a sheet: grid, title band, lines below it, print set-up, footer, protection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from workbooks.builder.book import Place, place
from workbooks.builder.references import sheet_ref

if TYPE_CHECKING:
    from workbooks.builder.book import Book, Sheet

__all__ = [
    "LIGHTS",
    "lights",
    "list_frame",
    "page_frame",
    "page_grid",
    "print_setup",
    "status_formats",
    "word_formats",
]

_CLIENT_LINE = (
    '={t:frame.client}&in_client_name&IF(in_regime="us_taxable","",'
    'IF(in_regime="jp_corporate",{t:frame.honorific_company},{t:frame.honorific}))'
)
_DATE_LINE = (
    '=IF(in_document_id="","",{t:frame.document}&in_document_id&{t:frame.separator})'
    "&{t:frame.as_of}&TEXT(in_as_of,{t:frame.date_code})&{t:frame.separator}&out_unit_label"
)
_STATE_LINE = (
    "={t:frame.as_of}&TEXT(in_as_of,{t:frame.date_code})&{t:frame.separator}&{t:frame.tax_year}&in_tax_year"
    "&{t:frame.separator}&{t:frame.seen}&out_accounts_seen&{t:frame.not_seen}&out_accounts_not_seen"
)
_LAST_ROW = 1_048_575
_LEVELS = {"✔": "ok", "▲": "warn", "✖": "error"}
LIGHTS = ("data", "checks", "functions")


def _title(book: Book, sheet: Sheet, last_column: int) -> None:
    worksheet, formats = sheet.worksheet, book.formats
    title = sheet.entry.get("title", f"t:title.{book.name}.{sheet.key}")
    topic = f"t:title.{book.name}.{sheet.key}"
    worksheet.set_row_pixels(0, formats.theme["page"]["first_row"])
    band = formats.cell("title")
    for column in range(2, last_column + 1):
        worksheet.write_blank(0, column, None, band)
    book.write(sheet, 0, 0, topic, formats.make(num_format=";;;", font_size=8))
    book.write(sheet, 0, 1, title, band)


def page_grid(book: Book, sheet: Sheet) -> None:
    """Ten equal columns and 34 equal rows, but for the heights that the layout gives."""
    page, worksheet = book.formats.theme["page"], sheet.worksheet
    worksheet.set_default_row(page["row"] * 0.75)
    worksheet.set_column_pixels(0, 0, page["gutter"])
    worksheet.set_column_pixels(1, page["columns"], page["column"])
    for row in range(1, page["rows"]):
        worksheet.set_row_pixels(row, page["row"])
    for row, pixels in sheet.entry.get("heights", {}).items():
        worksheet.set_row_pixels(int(row) - 1, pixels)


def page_frame(book: Book, sheet: Sheet) -> None:
    """A page: the grid, title, client and date, printed on one sheet of A4 landscape."""
    page, worksheet = book.formats.theme["page"], sheet.worksheet
    page_grid(book, sheet)
    if not sheet.entry.get("bare"):  # the notice at the foot may take two lines; row 3 gives up the room
        worksheet.set_row_pixels(page["rows"] - 1, page["notice_row"])
        if not sheet.entry.get("sign_line"):
            worksheet.set_row_pixels(2, 2 * page["row"] - page["notice_row"])
    _title(book, sheet, page["columns"])
    if not sheet.entry.get("bare"):
        subtitle = book.formats.cell("subtitle")
        book.write(sheet, 1, 1, _CLIENT_LINE, subtitle)
        book.write(sheet, 1, page["columns"], _DATE_LINE, book.formats.cell("subtitle", align="right"))
        if sheet.entry.get("sign_line"):
            book.write(sheet, 2, 1, "t:frame.sign_line", subtitle)
        if at := sheet.entry.get("lights"):
            lights(book, sheet, place(at).row, place(at).column)
    print_setup(book, sheet, [Place(0, 1, page["rows"] - 1, page["columns"])], pages=(1, 1))


def list_frame(book: Book, sheet: Sheet) -> None:
    """Free column widths; title, purpose, state of the data and three lights."""
    page, worksheet, formats = book.formats.theme["page"], sheet.worksheet, book.formats
    worksheet.set_default_row(formats.theme["list"]["row"] * 0.75)
    worksheet.set_column_pixels(0, 0, page["gutter"])
    last = max(int(sheet.entry.get("last_column", 10)), 6)
    _title(book, sheet, last)
    subtitle = formats.cell("subtitle")
    if sheet.entry.get("client"):
        book.write(sheet, 1, 1, _CLIENT_LINE, subtitle)
    else:
        book.write(sheet, 1, 1, f"t:purpose.{book.name}.{sheet.key}", subtitle)
        book.write(sheet, 2, 1, _STATE_LINE, subtitle)
        lights(book, sheet, 2, last - 2)
    if sheet.entry.get("client"):
        book.write(sheet, 1, last, _DATE_LINE, formats.cell("subtitle", align="right"))
    if sheet.entry.get("open_end"):  # the list grows; what is filled is printed
        print_setup(book, sheet, [], pages=(1, 0))
    else:
        areas = [_area(text) for text in sheet.entry.get("print", "B:K").split(",")]
        print_setup(book, sheet, areas, pages=tuple(sheet.entry.get("fit", (1, 0))))
    if header := sheet.entry.get("header_row"):
        worksheet.repeat_rows(0, header - 1)
        worksheet.freeze_panes(header, 0)
    if freeze := sheet.entry.get("freeze"):
        at = place(freeze)
        worksheet.freeze_panes(at.row, at.column)
        worksheet.repeat_rows(at.row - 1)


def lights(book: Book, sheet: Sheet, row: int, column: int) -> None:
    """Data, checks and functions, each with glyph, word and colour."""
    rule = book.formats.color["rule"]
    style = book.formats.cell("subtitle", align="center", border=1, border_color=rule, shrink=True)
    for offset, light in enumerate(LIGHTS):
        book.write(sheet, row, column + offset, f"=out_light_{light}", style)
    status_formats(book, sheet, row, column, row, column + len(LIGHTS) - 1)


def status_formats(book: Book, sheet: Sheet, row: int, column: int, last_row: int, last_column: int) -> None:
    """Colour words by their first glyph: ✔ passed, ▲ warning, ✖ error."""
    color, worksheet = book.formats.color, sheet.worksheet
    for glyph, level in _LEVELS.items():
        look = book.workbook.add_format(
            {"bg_color": color[f"{level}_fill"], "font_color": color[f"{level}_font"], "bold": True}
        )
        worksheet.conditional_format(
            row,
            column,
            last_row,
            last_column,
            {"type": "text", "criteria": "begins with", "value": glyph, "format": look},
        )


def word_formats(book: Book, sheet: Sheet, choices: str, area: tuple[int, int, int, int]) -> None:
    """Show the word of a choice list where a cell holds its code; the cell keeps the code.

    A number format of a conditional format does it, so that formulas and functions read the code in
    every language while a person reads the word. A word that begins with a mark takes its colour too,
    because LibreOffice applies one of several formats that hold for a cell.
    """
    cell, color = xl_rowcol_to_cell(area[0], area[1]), book.formats.color
    for code in book.lists[choices]:
        word = book.words.choice(choices, code).replace('"', "")
        number = code.isdigit()
        holds = f"=AND(ISNUMBER({cell}),{cell}={code})" if number else f'={cell}="{code}"'
        look: dict[str, Any] = {"num_format": f'"{word}";"{word}";"{word}"' if number else f';;;"{word}"'}
        if level := _LEVELS.get(word[:1]):
            look |= {"bg_color": color[f"{level}_fill"], "font_color": color[f"{level}_font"], "bold": True}
        sheet.worksheet.conditional_format(
            *area, {"type": "formula", "criteria": holds, "format": book.workbook.add_format(look)}
        )


def _area(text: str) -> Place:
    """A rectangle such as B1:K40, or whole columns such as B:K, which print as far as they are filled."""
    first, _, last = text.partition(":")
    if first[-1].isdigit():
        return place(text)
    return Place(0, place(f"{first}1").column, _LAST_ROW, place(f"{last}1").column)


def print_setup(book: Book, sheet: Sheet, areas: list[Place], *, pages: tuple[int, ...]) -> None:
    """A4 landscape, the margins of the theme, a footer, no header; each area starts a new page."""
    page, worksheet = book.formats.theme["page"], sheet.worksheet
    worksheet.set_landscape()
    worksheet.set_paper(page["paper"])
    worksheet.set_margins(
        page["margin_left"], page["margin_right"], page["margin_top"], page["margin_bottom"]
    )
    worksheet.center_horizontally()
    worksheet.fit_to_pages(*pages)
    if len(areas) == 1:
        worksheet.print_area(areas[0].row, areas[0].column, areas[0].last_row, areas[0].last_column)
    elif areas:
        quoted = sheet_ref(sheet.name)
        text = ",".join(f"{quoted}!{_columns(area)}" for area in areas)
        book.workbook.define_name(f"{quoted}!_xlnm.Print_Area", "=" + text)
    family = book.formats.font
    worksheet.set_footer(f'&L&"{family}"&8&F&C&"{family}"&8&P / &N&R&"{family}"&8&A', {"margin": 0.2})


def _columns(area: Place) -> str:
    return f"${xl_col_to_name(area.column)}:${xl_col_to_name(area.last_column)}"
