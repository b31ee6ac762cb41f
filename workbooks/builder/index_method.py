"""Builds the index methodology book: specification, universe, selection to rule book, with live functions.

Blocks, charts, checks and formats are those of the other books. Functions spill on `_calc`; calculated
columns of the universe read them by row. After building, the headless engine computes every formula, so
that the file shows its values where our functions are not installed.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from workbooks.builder.blocks import columns_of, place_block, write_block
from workbooks.builder.book import TEMPLATE_VERSION, Book, Place, place
from workbooks.builder.calculations import place_figures, write_figures
from workbooks.builder.charts import write_chart
from workbooks.builder.checks import check_state, define_checks
from workbooks.builder.frame import lights, print_setup
from workbooks.builder.hidden import place_charts, place_lists, write_charts, write_lists
from workbooks.builder.index_method_blocks import MAKERS, allowed, test_state
from workbooks.builder.index_method_data import CARDS, card_facts, card_rows, sample
from workbooks.builder.index_method_tables import fill_tables, place_tables, table_columns
from workbooks.builder.inputs import validate
from workbooks.builder.lists import define_tests, place_test_data, write_test_data
from workbooks.builder.package import finish
from workbooks.builder.references import sheet_ref
from workbooks.builder.words import Words, layout

if TYPE_CHECKING:
    from workbooks.builder.book import Sheet

__all__ = ["NAME", "MethodWords", "assemble_index_method"]

NAME = "index_method"
AS_OF = dt.date(2026, 11, 20)
_FUNCTIONS = (
    *("CAP_CHECK", "CAP_GROUPS", "CAP_WEIGHTS", "INDEX_CHANGES", "INDEX_DIVIDEND_POINTS", "INDEX_DIVISOR"),
    *("INDEX_EVENT", "INDEX_HEDGED", "INDEX_LEVEL", "INDEX_PROFILE", "INDEX_SERIES", "INDEX_TOTAL_RETURN"),
    *("INDEX_WEIGHTS", "SELECT_RANK", "SELECT_RULES", "SELECT_TURNOVER"),
)
_SIZES = {"narrow": 500, "small": 430, "sixteen": 300}
_CALC_TOP = 3
_TWO_LINES = 105  # half-width signs that two lines of the source column hold
_VISIBLE = b'<c:plotVisOnly val="1"/>'
_LIGHT = 94  # pixels that a light needs
_STATE = (
    "={t:m.state}&TEXT(in_as_of,{t:frame.date_code})&{t:frame.separator}&in_index_name&{t:frame.separator}"
    "&{t:m.cut_off}&TEXT(in_cut_off,{t:frame.date_code})"
)


class MethodWords(Words):
    """The words of the other books, with those of `index_method_words.toml` over them."""

    @property
    def labels(self) -> dict[str, str]:
        """All labels by dotted key."""
        return _labels(self.language) | self.overrides

    def column(self, key: str) -> str:
        """The header of a column: ours, the dictionary's, or the key of a calculated column."""
        own = layout("index_method_words")["column"].get(key) or layout("columns").get(key)
        return key if own is None else self.pick(own[:2])

    def choice(self, name: str, code: str) -> str:
        """The word of one choice of a list."""
        if name == "card":
            return code
        return self.pick(layout("index_method_words")["list"][name][code])


@cache
def _labels(language: str) -> dict[str, str]:
    own = layout("index_method_words")["label"]
    side = 0 if language == "ja" else 1
    shared = Words("ja" if language == "ja" else "en").labels
    return shared | {key: pair[side] for key, pair in own.items()}


class MethodBook(Book):
    """The book; functions with one result stand in plain formulas on visible sheets."""

    def __init__(self, words: Words, theme: dict[str, Any] | None = None) -> None:
        given = theme or layout("theme")
        super().__init__(NAME, words, given | {"chart": given["chart"] | _SIZES})
        self.calc = layout("index_method_calc")
        self.resolver.fragments = dict(self.calc["fragments"])
        self.functions |= frozenset(_FUNCTIONS)
        self.lists = dict(layout("index_method_words")["list"]) | {
            "card": {card: [card, card] for card in CARDS}
        }
        self.spills = False

    def is_function_cell(self, formula: str) -> bool:
        """Whether a cell must be stored as one that spills."""
        return self.spills and super().is_function_cell(formula)

    def write(self, sheet: Sheet, row: int, column: int, content: Any, cell_format: Any, **more: Any) -> None:
        """One cell; see `Book.write`."""
        own = more.get("own")
        self.spills = sheet.key == "calc" and own is not None and own.spilled
        if isinstance(content, str) and not self.spills and content.startswith("="):
            formula = self.resolver(content, own, more.get("index", 0))
            if (span := more.get("span", 1)) > 1:
                sheet.worksheet.merge_range(row, column, row, column + span - 1, "", cell_format)
            sheet.worksheet.write_formula(row, column, formula, cell_format, "")
            return
        super().write(sheet, row, column, content, cell_format, **more)


def assemble_index_method(words: Words, theme: dict[str, Any] | None = None) -> bytes:
    """The package of the book in one language, with every formula computed."""
    from xlplugin.hosts.headless import compile_book  # noqa: PLC0415  (only this book is computed when built)

    book = MethodBook(words, theme)
    visible = [book.add_sheet(entry["key"], entry["grid"], entry) for entry in book.layout["sheet"]]
    hidden = {
        key: book.add_sheet(key, "list", hidden=True) for key in ("calc", "chart", "rules", "lists", "meta")
    }
    place_lists(book, hidden["lists"])
    place_tables(book)
    blocks = {
        sheet.key: [_place(book, sheet, entry) for entry in sheet.entry.get("blocks", ())]
        for sheet in visible
    }
    here = _place_calculations(book, hidden["calc"])
    place_charts(book, hidden["chart"])
    place_test_data(book, hidden["meta"])
    _define_names(book)
    for sheet in visible:
        _write_sheet(book, sheet, blocks[sheet.key])
    fill_tables(book)
    _write_cards(book, hidden["rules"])
    _write_calculations(book, hidden["calc"], here)
    write_charts(book, hidden["chart"])
    write_test_data(book, hidden["meta"])
    _write_meta(book, hidden["meta"])
    write_lists(book, hidden["lists"])
    package = _with_gaps(finish(book.close()))
    language = "ja" if words.language == "ja" else "en"
    return compile_book(package, language=language).run(edition="live", as_of=AS_OF).data


def _with_gaps(package: bytes) -> bytes:
    """Charts that say how a missing value is drawn: programs differ in what they take for the usual way."""
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(package)) as source, zipfile.ZipFile(target, "w") as out:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename.startswith("xl/charts/chart") and b"<c:dispBlanksAs" not in data:
                data = data.replace(_VISIBLE, _VISIBLE + b'<c:dispBlanksAs val="gap"/>')
            out.writestr(entry, data)
    return target.getvalue()


# -- places ------------------------------------------------------------------------------------------


def _place(book: Book, sheet: Sheet, given: dict[str, Any]) -> dict[str, Any]:
    entry = MAKERS[given["kind"]](book, given) if "kind" in given else given
    own = layout("index_method_words")["column"]
    keys = [key for key, _ in columns_of(entry)]
    formats = {key: own[key][2] for key in keys if key in own} | entry.get("formats", {})
    widths = {key: own[key][3] for key in keys if key in own} | entry.get("widths", {})
    if entry.get("shared_widths"):
        widths = dict.fromkeys(keys, 1)
    entry = entry | {"formats": formats, "widths": widths}
    place_block(book, sheet, entry)
    return entry


def _place_calculations(book: Book, sheet: Sheet) -> list[dict[str, Any]]:
    """Single figures in A:B, options in D:E, then every block side by side."""
    place_figures(book, sheet, _CALC_TOP)
    column, here = 6, []
    for entry in [*book.calc["block"], check_state(book), test_state(book)]:
        keys = [key for key, _ in columns_of(entry)]
        own = entry | {
            "at": xl_rowcol_to_cell(_CALC_TOP, column),
            "labels": {key: f"'{key}" for key in keys},
            "formats": dict.fromkeys(keys, "g"),
            "role": "hidden",
        }
        block = place_block(book, sheet, own)
        column = max(block.columns.values()) + 2
        here.append(own)
    return here


def _define_names(book: Book) -> None:
    inputs = book.resolver.blocks["spec_inputs"]
    for index, given in enumerate(layout("index_method_inputs")["input"], start=1):
        book.define(given["name"], inputs.cell("entry", index))
    rows, sheet = len(card_rows()), sheet_ref(book.sheets["rules"].name)
    for offset, key in enumerate(("id", "title", "value", "unit", "mark", "from", "to", "source")):
        book.define(f"card_{key}", f"{sheet}!{xl_range_abs(1, offset, rows, offset)}")
    for offset, key in enumerate(("id", "provider", "objective", "discretion"), start=9):
        book.define(f"cards_{key}", f"{sheet}!{xl_range_abs(1, offset, len(CARDS), offset)}")
    define_checks(book)
    define_tests(book, "test_state")


# -- visible sheets ----------------------------------------------------------------------------------


def _write_sheet(book: Book, sheet: Sheet, blocks: list[dict[str, Any]]) -> None:
    _frame(book, sheet)
    for entry in sheet.entry.get("texts", ()):
        at = place(entry["at"])
        more: dict[str, Any] = {"text_wrap": True} if at.last_row > at.row or "height" in entry else {}
        style = book.formats.cell(entry.get("role", "body"), small=sheet.grid == "list", **more)
        if height := entry.get("height"):
            sheet.worksheet.set_row_pixels(at.row, height)
        book.text(sheet, at, entry["text"], style)
    for entry in blocks:
        write_block(book, sheet, entry)
        if entry.get("kind") == "spec":
            _validate(book, sheet, entry)
    for entry in sheet.entry.get("charts", ()):
        write_chart(book, sheet, entry)
        if entry.get("months"):
            sheet.worksheet.charts[-1][2].x_axis["num_format"] = book.words("m.month_code")
        if "hide_after" in entry:  # the solid part of a line stands beside its dashed part in the legend
            chart = sheet.worksheet.charts[-1][2]
            font = {"name": book.formats.font, "size": 9, "color": book.formats.color["ink"]}
            first = entry["hide_after"]
            chart.set_legend(
                {
                    "position": "bottom",
                    "font": font,
                    "delete_series": list(range(first, len(entry["series"]))),
                }
            )
    if sheet.grid == "page":
        sheet.worksheet.protect("", {"objects": False, "format_columns": True, "format_rows": True})


def _frame(book: Book, sheet: Sheet) -> None:
    """Title band, state line, lights, grid and print set-up: one sheet of paper."""
    page, worksheet, entry = book.formats.theme["page"], sheet.worksheet, sheet.entry
    is_page = sheet.grid == "page"
    if is_page:
        area = Place(0, 1, int(entry.get("last_row", page["rows"])) - 1, page["columns"])
        worksheet.set_column_pixels(1, page["columns"], page["column"])
        for row in range(1, page["rows"]):
            worksheet.set_row_pixels(row, page["row"])
        if "last_row" not in entry:
            worksheet.set_row_pixels(page["rows"] - 1, page["notice_row"])
    else:
        area = place(entry["print"])
    worksheet.set_default_row((page["row"] if is_page else entry.get("row", 20)) * 0.75)
    worksheet.set_column_pixels(0, 0, page["gutter"])
    for row, pixels in entry.get("heights", {}).items():
        worksheet.set_row_pixels(int(row) - 1, pixels)
    worksheet.set_row_pixels(0, page["first_row"])
    band, topic = book.formats.cell("title"), f"t:title.{NAME}.{sheet.key}"
    for column in range(2, area.last_column + 1):
        worksheet.write_blank(0, column, None, band)
    book.write(sheet, 0, 0, topic, book.formats.make(num_format=";;;", font_size=8))
    book.write(sheet, 0, 1, topic, band)
    subtitle = book.formats.cell("subtitle")
    book.write(sheet, 1, 1, f"t:purpose.{sheet.key}", subtitle)
    book.write(sheet, 2, 1, _STATE, subtitle)
    for column, pixels in entry.get("columns", {}).items():
        book.width(sheet, place(f"{column}1").column, pixels)
    if not is_page:
        for column in range(area.last_column - 2, area.last_column + 1):
            book.width(sheet, column, _LIGHT)
    lights(book, sheet, 2, area.last_column - 2)
    print_setup(book, sheet, [area], pages=(1, 1))


def _validate(book: Book, sheet: Sheet, entry: dict[str, Any]) -> None:
    block = book.resolver.blocks[entry["key"]]
    for index, given in enumerate(layout("index_method_inputs")["input"], start=1):
        row, column = block.row + index, block.columns["entry"]
        validate(book, sheet, row, column, given, allowed(book, given))


# -- hidden sheets -----------------------------------------------------------------------------------


def _write_calculations(book: Book, sheet: Sheet, here: list[dict[str, Any]]) -> None:
    write_figures(book, sheet, _CALC_TOP)
    for entry in here:
        write_block(book, sheet, entry)


def _write_cards(book: Book, sheet: Sheet) -> None:
    """Every dated value of every card, then the cards with provider, objective and discretion."""
    worksheet, words = sheet.worksheet, book.words
    style, day = book.formats.cell("hidden"), book.formats.cell("hidden", "d")
    for offset, key in enumerate(("id", "title", "value", "unit", "mark", "from", "to", "source")):
        worksheet.write_string(0, offset, key, style)
    for number, row in enumerate(card_rows(), start=1):
        note = words.pick(list(row.note))
        source = row.source + (f" ({note})" if note and _width(row.source + note) <= _TWO_LINES else "")
        for offset, text in enumerate((row.card, words.pick(list(row.title)), row.value, row.unit, row.mark)):
            worksheet.write_string(number, offset, text, style)
        worksheet.write_datetime(number, 5, row.start, day)
        if row.end is not None:
            worksheet.write_datetime(number, 6, row.end, day)
        worksheet.write_string(number, 7, source, style)
    for number, card in enumerate(card_facts(), start=1):
        discretion = words.pick([card.discretion.ja, card.discretion.en])
        facts = (card.id, card.provider, words.pick([card.objective.ja, card.objective.en]), discretion)
        for offset, text in enumerate(facts, start=9):
            worksheet.write_string(number, offset, text, style)


def _width(text: str) -> int:
    """The width of a text in half-width signs."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)


def _write_meta(book: Book, sheet: Sheet) -> None:
    """What the book says about itself, and header -> key of the tables."""
    hidden = book.formats.cell("hidden")
    rows = [("book", NAME), ("language", book.words.language), ("template_version", TEMPLATE_VERSION)]
    rows += [("names", str(len(sample().names)))]
    for name in ("universe", "criteria", "events"):
        rows += [(f"tbl_{name}.{key}", book.words.column(key)) for key in table_columns(name)]
    for row, (key, value) in enumerate(rows):
        sheet.worksheet.write_string(row, 0, key, hidden)
        sheet.worksheet.write_string(row, 1, value, hidden)
