"""Builds the fund cost audit: its own inputs, tables with preset rows, pages side by side on one sheet.

The blocks, charts, checks and formats are those of the other books. What differs is said in
`layout/fund_audit.toml`: a table may be wider than a page and then prints on several, lists have charts
below them, and single-result functions stand in the cells that show them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_rowcol_to_cell

from workbooks.builder.blocks import columns_of, place_block, write_block
from workbooks.builder.book import Book, Place, place
from workbooks.builder.calculations import place_figures, write_figures
from workbooks.builder.charts import write_chart
from workbooks.builder.checks import check_state, checks_block, define_checks
from workbooks.builder.frame import lights, page_grid, print_setup
from workbooks.builder.fund_audit_inputs import (
    inputs_block,
    name_inputs,
    place_table,
    validate_inputs,
    write_table,
)
from workbooks.builder.hidden import place_charts, place_lists, write_charts, write_lists
from workbooks.builder.lists import define_tests, place_test_data, tests_block, write_test_data
from workbooks.builder.package import finish
from workbooks.builder.words import Words, layout

if TYPE_CHECKING:
    from workbooks.builder.book import Sheet

__all__ = ["NAME", "assemble_fund_audit", "build_fund_audit", "fund_audit_words"]

NAME = "fund_audit"
BUILT_AS_OF = dt.date(2026, 11, 20)
"""The day the values in the empty book stand for; a filled `in_as_of` replaces it."""
_FUNCTIONS = (
    "COST_FILLS",
    "COST_FORWARD",
    "COST_IMPACT",
    "COST_VEHICLES",
    "FUND_AUDIT",
    "FUND_DECISION",
    "FUND_DECISIONS",
    "FUND_RANK",
    "FUND_SCORE",
    "FUND_TOTAL_RETURN",
    "FUND_YEARS",
    "HARVEST_STATISTICS",
)
_CALC_TOP = 3  # row of the block headers on _calc
_PAGE_PIXELS = 1046  # of an A4 landscape page within its margins, at 100 %; 92 % of it holds in every program
_PAGE_HEIGHT = 699
_LIGHT = 72  # pixels that a light needs
_BESIDE = 7  # columns that the state line needs
_STATE = (
    "={t:frame.as_of}&TEXT(in_as_of,{t:frame.date_code})&{t:frame.separator}&{t:frame.audit}&in_audit_year"
    '&{t:frame.separator}&{t:frame.last_month}&IF(out_last_month="","–",TEXT(out_last_month,{t:frame.date_code}))'
    "&{t:frame.separator}&{t:frame.funds}&out_funds&{t:frame.held}&out_held&{t:frame.close}"
)


class AuditBook(Book):
    """The book; a function with one result is a plain formula, which every program shows as stored."""

    def __init__(self, words: Words, theme: dict[str, Any] | None = None) -> None:
        super().__init__(NAME, words, theme)
        self.calc = layout("fund_audit_calc")
        self.resolver.fragments = dict(self.calc["fragments"])
        self.functions |= frozenset(_FUNCTIONS)
        self.hidden_cell = False

    def is_function_cell(self, formula: str) -> bool:
        """Whether a cell must be stored as one that spills."""
        return self.hidden_cell and super().is_function_cell(formula)

    def write(self, sheet: Sheet, row: int, column: int, content: Any, cell_format: Any, **more: Any) -> None:
        """One cell; see `Book.write`."""
        self.hidden_cell = sheet.name.startswith("_")
        super().write(sheet, row, column, content, cell_format, **more)


def fund_audit_words(language: str, overrides: dict[str, str] | None = None) -> Words:
    """The words of the other books, with those of this one over them."""
    file = layout(f"fund_audit.{'ja' if language == 'ja' else 'en'}")
    own = {f"{part}.{key}": text for part, texts in file.items() for key, text in _leaves(texts)}
    return Words(language, own | (overrides or {}))


def _leaves(tree: dict[str, Any]) -> list[tuple[str, str]]:
    out = []
    for key, value in tree.items():
        if isinstance(value, dict):
            out += [(f"{key}.{inner}", text) for inner, text in _leaves(value)]
        elif isinstance(value, str):
            out.append((key, value))
    return out


def assemble_fund_audit(words: Words, theme: dict[str, Any] | None = None) -> bytes:
    """The package of the fund cost audit in one language."""
    book = AuditBook(words, theme)
    visible = [book.add_sheet(entry["key"], entry["grid"], entry) for entry in book.layout["sheet"]]
    hidden = {key: book.add_sheet(key, "list", hidden=True) for key in ("calc", "chart", "lists", "meta")}
    place_lists(book, hidden["lists"])
    for sheet in visible:
        for entry in sheet.entry.get("tables", ()):
            place_table(book, sheet, entry)
    blocks = {sheet.key: _place_blocks(book, sheet) for sheet in visible}
    here = _place_calculations(book, hidden["calc"])
    place_charts(book, hidden["chart"])
    place_test_data(book, book.sheets["checks"])
    _define_names(book)
    for sheet in visible:
        _write_sheet(book, sheet, blocks[sheet.key])
    write_test_data(book, book.sheets["checks"])
    _write_calculations(book, hidden["calc"], here)
    write_charts(book, hidden["chart"])
    _write_meta(book, hidden["meta"])
    write_lists(book, hidden["lists"])
    return finish(book.close())


def build_fund_audit(
    language: str, overrides: dict[str, str] | None = None, theme: dict[str, Any] | None = None
) -> bytes:
    """The package in one language with every formula computed: live cells that hold their values."""
    from xlplugin.hosts.headless import compile_book  # noqa: PLC0415  (only when the book is built)

    package = assemble_fund_audit(fund_audit_words(language, overrides), theme)
    template = compile_book(package, language="ja" if language == "ja" else "en")
    return template.run(edition="live", as_of=BUILT_AS_OF).data


def _place_blocks(book: Book, sheet: Sheet) -> list[dict[str, Any]]:
    make = {"checks": checks_block, "tests": tests_block, "terms": _terms_block, "inputs": inputs_block}
    placed = []
    for given in sheet.entry.get("blocks", ()):
        entry = make[given["kind"]](book, given) if "kind" in given else given
        if entry.get("shared_widths"):  # the columns are as wide as another block wants them
            entry = entry | {"widths": dict.fromkeys((key for key, _ in columns_of(entry)), 1)}
        place_block(book, sheet, entry)
        if entry.get("kind") == "inputs":
            name_inputs(book, entry)
        placed.append(entry)
    return placed


def _define_names(book: Book) -> None:
    for table in layout("fund_audit_inputs")["table"]:
        book.define(table["block"], f"{table['name']}[[#Headers],[#Data]]")
    define_checks(book)
    define_tests(book)


# -- visible sheets ----------------------------------------------------------------------------------


def _write_sheet(book: AuditBook, sheet: Sheet, blocks: list[dict[str, Any]]) -> None:
    (_page_frame if sheet.grid == "page" else _list_frame)(book, sheet)
    for entry in sheet.entry.get("texts", ()):
        at = place(entry["at"])
        if sheet.grid == "list" and at.column == 1 and at.row < 7:
            at = _beside_frozen(sheet, at)
        style = book.formats.cell(entry.get("role", "body"), small=sheet.grid == "list")
        book.text(sheet, at, entry["text"], style)
    _group_headings(book, sheet)
    for entry in blocks:
        write_block(book, sheet, entry)
        if entry.get("kind") == "inputs":
            validate_inputs(book, sheet, entry)
    for entry in sheet.entry.get("tables", ()):
        write_table(book, sheet, entry)
    for entry in sheet.entry.get("charts", ()):
        write_chart(book, sheet, entry)
    if sheet.grid == "page":
        sheet.worksheet.protect("", {"objects": False, "format_columns": True, "format_rows": True})


def _beside_frozen(sheet: Sheet, at: Place) -> Place:
    """Where a note on top of a list stands: right of the columns that print on every page."""
    entry = sheet.entry
    if "freeze" not in entry or not (entry.get("breaks_after") or entry.get("column_breaks")):
        return at
    column = max(1, place(entry["freeze"]).column)
    return Place(at.row, column, at.row, column)


def _title(book: Book, sheet: Sheet, first: int, last: int, at: int) -> None:
    """The title band over one page: columns `first` to `last`, the text in column `at`."""
    worksheet, topic = sheet.worksheet, f"t:title.{NAME}.{sheet.key}"
    worksheet.set_row_pixels(0, book.formats.theme["page"]["first_row"])
    band = book.formats.cell("title")
    for column in range(first, last + 1):
        worksheet.write_blank(0, column, None, band)
    book.write(sheet, 0, 0, topic, book.formats.make(num_format=";;;", font_size=8))
    book.write(sheet, 0, at, topic, band)


def _lights(book: Book, sheet: Sheet, first: int, last: int) -> None:
    """The lights in the last three columns of the page that are wide enough, beside or below the state."""
    wide = [all(sheet.widths.get(c + k, 64) >= _LIGHT for k in range(3)) for c in range(last - 1)]
    start = next((c for c in range(last - 2, first, -1) if wide[c]), first)
    lights(book, sheet, 1 if start > _BESIDE else 3, start)


def _page_frame(book: Book, sheet: Sheet) -> None:
    page, worksheet = book.formats.theme["page"], sheet.worksheet
    page_grid(book, sheet)
    worksheet.set_row_pixels(page["rows"] - 1, page["notice_row"])
    _title(book, sheet, 1, page["columns"], 1)
    subtitle = book.formats.cell("subtitle")
    book.write(sheet, 1, 1, _STATE, subtitle)
    lights(book, sheet, 1, page["columns"] - 2)
    book.write(sheet, 2, 1, "t:frame.sign_line", subtitle)
    print_setup(book, sheet, [Place(0, 1, page["rows"] - 1, page["columns"])], pages=(1, 1))


def _list_frame(book: Book, sheet: Sheet) -> None:
    """A list: the title band over everything, pages cut where the layout says, at one scale."""
    page, worksheet, entry = book.formats.theme["page"], sheet.worksheet, sheet.entry
    worksheet.set_default_row(book.formats.theme["list"]["row"] * 0.75)
    worksheet.set_column_pixels(0, 0, page["gutter"])
    sheets_of_paper = _columns_of_pages(book, sheet)
    several = len(sheets_of_paper) > 1 and "freeze" in entry
    frozen = (
        max(1, place(entry["freeze"]).column) if several else 1
    )  # printed again on every page: without titles
    for number, (first, end) in enumerate(sheets_of_paper):
        _title(book, sheet, first if number else 1, end, frozen if number == 0 else first)
    subtitle = book.formats.cell("subtitle")
    book.write(sheet, 1, frozen, _STATE, subtitle)
    book.write(sheet, 2, frozen, "t:frame.sign_line", subtitle)
    _lights(book, sheet, frozen, sheets_of_paper[0][1])
    last = 0 if entry.get("open_end") else _last_row(book, sheet)
    area = Place(0, 1, last - 1, sheets_of_paper[-1][1])
    if wide := entry.get("one_wide"):  # the list grows: its columns print, one page wide
        first_area = Place(0, 1, 1_048_575, place(f"{wide}1").column)
        print_setup(book, sheet, [first_area], pages=(1, 0))
        return
    print_setup(book, sheet, [area] if last else [], pages=(0, 0))
    again = sum(sheet.widths.get(c, 64) for c in range(1, frozen))  # columns that print on every page
    widest = max(
        sum(sheet.widths.get(c, 64) for c in range(first, end + 1)) + (again if first > 1 else 0)
        for first, end in sheets_of_paper
    )
    scale = min(95, 92 * _PAGE_PIXELS / widest)
    if last:
        ends = [*entry.get("row_breaks", ()), last]
        tallest = max(end - start for start, end in zip([0, *ends[:-1]], ends, strict=True))
        row = book.formats.theme["list"]["row"]
        scale = min(scale, 94 * _PAGE_HEIGHT / (tallest * row + page["first_row"] + row))
    worksheet.set_print_scale(max(40, int(scale)))
    if breaks := entry.get("row_breaks"):
        worksheet.set_h_pagebreaks(breaks)
    if len(sheets_of_paper) > 1:
        worksheet.set_v_pagebreaks([first for first, _ in sheets_of_paper[1:]])
    if entry.get("repeat"):
        worksheet.repeat_rows(entry["header_row"] - 1)
    if freeze := entry.get("freeze"):
        at = place(freeze)
        worksheet.freeze_panes(at.row, at.column)
        if frozen > 1:
            worksheet.repeat_columns(1, frozen - 1)


def _columns_of_pages(book: Book, sheet: Sheet) -> list[tuple[int, int]]:
    """First and last column of every page, side by side, from 0."""
    ends = [place(f"{column}1").column for column in sheet.entry.get("breaks_after", ())]
    if keys := sheet.entry.get("column_breaks"):
        name = sheet.entry["tables"][0]["name"]
        first = book.tables[name].column
        columns = next(t["columns"] for t in layout("fund_audit_inputs")["table"] if t["name"] == name)
        ends += [first + columns.index(key) - 1 for key in keys]
    if sheet.entry.get("first_page_only"):  # what stands to the right grows, or is for the functions only
        return [(1, ends[0])]
    ends.append(place(f"{wide}1").column if (wide := sheet.entry.get("one_wide")) else sheet.last_column)
    return [(first, end) for first, end in zip([1, *(e + 1 for e in ends[:-1])], ends, strict=True)]


def _last_row(book: Book, sheet: Sheet) -> int:
    """The last row that prints: the deepest block, chart or the wish of the layout."""
    rows = [int(sheet.entry.get("print_rows", 0))]
    for block in book.resolver.blocks.values():
        if block.sheet == sheet.name:
            rows.append(block.row + block.rows + 2)
    rows += [place(chart["at"]).row + 14 for chart in sheet.entry.get("charts", ())]
    return max(rows)


def _group_headings(book: Book, sheet: Sheet) -> None:
    """Headings over groups of columns, of a table or of a block."""
    given = [*sheet.entry.get("group_rows", ())]
    if groups := sheet.entry.get("groups"):
        given.append(groups)
    size = book.formats.size["list"]
    style = book.formats.cell("heading", font_size=size, bottom=1, bottom_color=book.formats.color["blue"])
    for entry in given:
        if "of" in entry:
            columns = next(
                t["columns"] for t in layout("fund_audit_inputs")["table"] if t["name"] == entry["of"]
            )
            first = book.tables[entry["of"]].column
            places = {key: first + offset for offset, key in enumerate(columns)}
        else:
            places = dict(book.resolver.blocks[entry["block"]].columns)
        starts = list(entry["starts"].items())
        last = max(places.values())
        for number, (key, label) in enumerate(starts):
            end = places[starts[number + 1][0]] - 1 if number + 1 < len(starts) else last
            for column in range(places[key], end + 1):
                sheet.worksheet.write_blank(entry["row"] - 1, column, None, style)
            book.write(sheet, entry["row"] - 1, places[key], f"t:{label}", style)


def _terms_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The glossary, one row per term of the label file."""
    terms = layout(f"fund_audit.{'ja' if book.words.language == 'ja' else 'en'}")["terms"]
    pick = book.words.pick
    lines = [
        {
            "term_name": "'" + pick([name, name]),
            "definition": "'" + pick([text, text]),
            "function": f"'{function}" if function else "",
        }
        for name, text, function in terms.values()
    ]
    return entry | {"lines": lines}


# -- hidden sheets -------------------------------------------------------------------------------------


def _place_calculations(book: Book, sheet: Sheet) -> list[dict[str, Any]]:
    """Single figures in A:B, options in D:E, then every block with its header side by side."""
    place_figures(book, sheet, _CALC_TOP)
    column, here = 6, []
    for entry in [*book.calc["block"], check_state(book)]:
        plain = {key: f"'{key}" for key, _ in columns_of(entry) if key not in layout("columns")}
        own = entry | {"at": xl_rowcol_to_cell(_CALC_TOP, column), "labels": plain}
        block = place_block(book, sheet, own)
        column = max(block.columns.values()) + 2
        here.append(own)
    return here


def _write_calculations(book: Book, sheet: Sheet, here: list[dict[str, Any]]) -> None:
    write_figures(book, sheet, _CALC_TOP)
    for entry in here:
        write_block(book, sheet, entry)


def _write_meta(book: Book, sheet: Sheet) -> None:
    """Header -> key of every table column."""
    hidden = book.formats.cell("hidden")
    rows = [("book", NAME), ("language", book.words.language)]
    for table in layout("fund_audit_inputs")["table"]:
        rows += [(f"{table['name']}.{key}", book.words.column(key)) for key in table["columns"]]
    for row, (key, value) in enumerate(rows):
        sheet.worksheet.write_string(row, 0, key, hidden)
        sheet.worksheet.write_string(row, 1, value, hidden)
