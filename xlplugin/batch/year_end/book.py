"""A value book in the making: pages and lists in one look, tables with native totals, charts.

A page is ten columns of equal width and prints on one sheet of A4; a list has widths of its own and
prints one page wide. Formulas name cells of their own row by key in braces. Every text that is written
is looked at for words that may not stand on a client's page.
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from xlplugin.batch.year_end.words import Column, Words, layout
from xlplugin.errors import InputError
from xlplugin.tax.notices import forbidden_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Page", "Placed", "YearEndBook"]

COLUMNS = 10
CHART_SHEET = "_chart"
PAPER = (1047, 699)  # pixels inside the margins of A4 landscape
TRUTH = '[=1]"TRUE";[=0]"FALSE"'


@dataclass(frozen=True)
class Placed:
    """Where a table stands: its rows (from 0, both included) and its columns by key."""

    sheet: str
    first: int
    last: int
    columns: Mapping[str, int]
    right: int

    def cell(self, key: str, row: int) -> str:
        """The absolute address of row `row` (from 1; one more than the rows: the total)."""
        return f"{_quoted(self.sheet)}!{_address(self.first + row - 1, self.columns[key])}"

    def column(self, key: str) -> str:
        """The absolute address of all rows of a column."""
        return self.span(key, self.last)

    def span(self, key: str, last: int) -> str:
        """The absolute address of a column down to a row of the sheet."""
        place = self.columns[key]
        return f"{_quoted(self.sheet)}!{_address(self.first, place)}:{_address(last, place)}"

    def total(self, key: str) -> str:
        """The absolute address of the cell below the last row."""
        return f"{_quoted(self.sheet)}!{_address(self.last + 1, self.columns[key])}"


@dataclass
class Page:
    """One sheet: its name, its grid, the next free row, and what was written for reading back."""

    key: str
    name: str
    sheet: Any
    widths: list[int]
    row: int = 3
    is_list: bool = False
    areas: list[str] = field(default_factory=list)
    heights: dict[int, int] = field(default_factory=dict)

    def height(self, row: int, pixels: int) -> None:
        """At least this height for a row: of tables side by side the higher header wins."""
        self.heights[row] = max(pixels, self.heights.get(row, 0))
        self.sheet.set_row_pixels(row, self.heights[row])

    @property
    def last_column(self) -> int:
        """The right edge, from 0."""
        return len(self.widths) - 1


def _address(row: int, column: int) -> str:
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415  (the light start)

    return str(xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True))


def _quoted(sheet: str) -> str:
    return "'" + sheet.replace("'", "''") + "'"


class YearEndBook:
    """The workbook and its formats.

    Parameters
    ----------
    words : Words
        The language.
    subtitle, edge : str
        What stands in row 2 of every page: at the left, and at the right edge.
    footer : tuple of str
        Left and right part of the footer.
    created : datetime.date
        The creation day written into the file.
    properties : mapping of str to str
        Custom properties of the document.
    """

    def __init__(
        self,
        words: Words,
        *,
        title: str,
        author: str,
        subtitle: str,
        edge: str,
        footer: tuple[str, str],
        created: dt.date,
        properties: Mapping[str, str],
    ) -> None:
        import xlsxwriter  # noqa: PLC0415  (the light start)

        self.words, self.subtitle, self.edge, self.footer = words, subtitle, edge, footer
        self.data = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.data, {"in_memory": True, "strings_to_urls": False})
        midnight = dt.datetime(created.year, created.month, created.day)  # noqa: DTZ001  (a day, no clock)
        self.book.set_properties({"title": title, "author": author, "subject": title, "created": midnight})
        for name, value in properties.items():
            self.book.set_custom_property(name, value, "text")
        self.book.set_calc_mode("auto", 191029)
        self.theme = layout("theme")
        self.color: dict[str, str] = self.theme["color"]
        self.pages: dict[str, Page] = {}
        self.names: dict[str, str] = {}
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._blocks: list[tuple[int, Sequence[Sequence[Any]]]] = []
        self._chart_row = 0

    # -- formats ---------------------------------------------------------------------------------

    def format(self, **more: Any) -> Any:
        """A format; the same one for the same properties."""
        font = self.theme["font"][self.words.language]
        given = {
            "font_name": font,
            "font_size": 10,
            "font_color": self.color["ink"],
            "valign": "vcenter",
        } | more
        key = tuple(sorted(given.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(given)
        return self._formats[key]

    def _cell(self, page: Page, code: str, role: str, **more: Any) -> Any:
        given: dict[str, Any] = {"font_size": self.theme["size"]["list" if page.is_list else "body"]}
        if code == "g":
            given |= {"align": "left", "text_wrap": True}
        elif code == "truth":  # Excel prints a logical value whatever the format; others print 1 and 0
            given |= {"align": "left", "num_format": TRUTH}
        else:
            given |= {"num_format": self.words.number(code), "align": "right"}
        if role == "total":
            given |= {"bold": True, "top": 1, "top_color": self.color["ink"]}
        elif role == "header":
            given |= {
                "font_size": self.theme["size"]["list"],
                "bold": True,
                "font_color": self.color["navy"],
                "text_wrap": True,
                "bottom": 2,
                "bottom_color": self.color["navy"],
                "num_format": "General",
            }
        else:
            given |= {"bottom": 1, "bottom_color": self.color["rule"]}
        return self.format(**(given | more))

    # -- pages -----------------------------------------------------------------------------------

    def page(self, key: str, title: str, *, tables: Sequence[str] = (), bare: bool = False) -> Page:
        """A new sheet; with `tables` it is a list as wide as the widest of them."""
        name, theme = self.words(f"sheet.{key}"), self.theme["page"]
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_tab_color(self.color["navy" if key in ("cover", "checks") else "blue"])
        if tables:
            widths = [theme["gutter"], *self._widths(tables)]
        else:
            widths = [theme["gutter"], *[theme["column"]] * COLUMNS]
        page = Page(key, name, sheet, widths, is_list=bool(tables))
        self.pages[key] = page
        sheet.set_default_row((self.theme["list"] if page.is_list else theme)["row"] * 0.75)
        for place, pixels in enumerate(widths):
            sheet.set_column_pixels(place, place, pixels)
        page.height(0, theme["first_row"])
        band = self.format(
            font_size=16, bold=True, font_color="#FFFFFF", bg_color=self.color["navy"], indent=1
        )
        sheet.write_string(0, 0, self.words(f"topic.{key}"), self.format(num_format=";;;", font_size=8))
        for place in range(2, page.last_column + 1):
            sheet.write_blank(0, place, None, band)
        self.put(page, 0, 1, title, band)
        if not bare:
            small = {"font_size": 9, "font_color": self.color["sub"]}
            self.put(page, 1, 1, self.subtitle, self.format(**small))
            self.put(page, 1, page.last_column, self.edge, self.format(align="right", **small))
        return page

    def _widths(self, tables: Sequence[str]) -> list[int]:
        columns = [self.words.columns(name) for name in tables]
        count = max(len(each) for each in columns)
        return [max(each[n].pixels for each in columns if n < len(each)) for n in range(count)]

    def finish_page(self, page: Page, *, header: int | None = None) -> None:
        """Print set-up and protection, when everything is on the page."""
        sheet, theme = page.sheet, self.theme["page"]
        last = max(page.row, 0 if page.is_list else theme["rows"] - 1)
        sheet.print_area(0, 1, last, page.last_column)
        sheet.set_landscape()
        sheet.set_paper(theme["paper"])
        sheet.set_margins(
            theme["margin_left"], theme["margin_right"], theme["margin_top"], theme["margin_bottom"]
        )
        sheet.center_horizontally()
        sheet.fit_to_pages(1, 1 if self._one_sheet(page, last) else 0)
        if header is not None:
            sheet.repeat_rows(0, header)
            sheet.freeze_panes(header + 1, 0)
        elif page.is_list:
            sheet.repeat_rows(0, 1)
            sheet.freeze_panes(2, 0)
        left, right = self.footer
        font = f'&"{self.theme["font"][self.words.language]}"&8'
        sheet.set_footer(f"&L{font}{left}&C{font}&P / &N&R{font}{right}", {"margin": 0.2})
        sheet.protect("", {"objects": False, "format_columns": True, "format_rows": True})
        page.areas.append(f"{_quoted(page.name)}!{_address(0, 1)}:{_address(last, page.last_column)}")

    def _one_sheet(self, page: Page, last: int) -> bool:
        """Whether the rows go on one sheet of paper without becoming too small to read."""
        usual = (self.theme["list"] if page.is_list else self.theme["page"])["row"]
        height = sum(page.heights.get(row, usual) for row in range(last + 1))
        scale = min(1.0, PAPER[0] / sum(page.widths[1:]))
        return bool(height * scale <= PAPER[1] * (1.05 if page.is_list else 1.25))

    # -- cells -----------------------------------------------------------------------------------

    def put(
        self, page: Page, row: int, column: int, value: Any, style: Any, *, right: int | None = None
    ) -> None:
        """One cell, merged to the column `right` where that is given; formulas start with ``=``."""
        sheet = page.sheet
        if right is not None and right > column:
            sheet.merge_range(row, column, row, right, "", style)
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value, style)
        elif isinstance(value, dt.date):
            sheet.write_datetime(row, column, dt.datetime(value.year, value.month, value.day), style)  # noqa: DTZ001
        elif isinstance(value, (int, float, Decimal, Fraction)):
            sheet.write_number(row, column, float(value), style)
        elif str(value).startswith("="):
            sheet.write_formula(row, column, str(value), style)
        else:
            sheet.write_string(row, column, self.seemly(str(value)), style)

    def seemly(self, text: str) -> str:
        """The text, if it may stand on a client's page."""
        for word, why in forbidden_words(text):
            raise InputError(f"{text[:60]!r} holds {word!r}, which may not stand on a client's page: {why}")
        return text

    def heading(
        self, page: Page, row: int, text: str, *, column: int = 1, unit: str = "", right: int = 0
    ) -> None:
        """A heading, with a unit at the right end of its block."""
        self.put(page, row, column, text, self.format(font_size=11, bold=True, font_color=self.color["navy"]))
        if unit:
            style = self.format(font_size=9, font_color=self.color["sub"], align="right")
            self.put(page, row, right or page.last_column, unit, style)

    def note(self, page: Page, row: int, text: str, *, column: int = 1, right: int | None = None) -> None:
        """A note over the width of the page, as high as its lines need."""
        end = page.last_column if right is None else right
        style = self.format(font_size=9, font_color=self.color["sub"], text_wrap=True, valign="top")
        self.put(page, row, column, text, style, right=end)
        lines = lines_needed(text, sum(page.widths[column : end + 1]))
        page.height(row, 6 + 15 * lines)

    def foot(self, page: Page, text: str) -> None:
        """The notice of a page: in its last row, or below the list."""
        row = page.row + 1 if page.is_list else max(page.row, self.theme["page"]["rows"] - 1)
        style = self.format(
            font_size=8.5, font_color=self.color["sub"], text_wrap=True, top=1, top_color=self.color["rule"]
        )
        self.put(page, row, 1, text, style, right=page.last_column)
        page.height(row, max(22, 6 + 15 * lines_needed(text, sum(page.widths[1:]))))
        page.row = row

    # -- tables ----------------------------------------------------------------------------------

    def table(
        self,
        page: Page,
        name: str,
        row: int,
        rows: Sequence[Mapping[str, Any]],
        *,
        column: int = 1,
        formulas: Mapping[str, str] | None = None,
        total: Mapping[str, Any] | None = None,
        letters: Mapping[str, str] | None = None,
        strong: frozenset[int] = frozenset(),
        header: bool = True,
    ) -> Placed:
        """Header and rows from `row` on (a row of letters above the header if given), then a total row.

        `formulas` are cells of every row; ``{key}`` is the cell of that key in the same row,
        ``{above_key}`` and ``{above2_key}`` those one and two rows higher. In `total` ``sum`` adds the
        column and ``{all_key}`` is its range. Rows whose number (from 0) is in `strong` look like totals.
        """
        columns = self.words.columns(name)
        places, at = {}, column
        for each in columns:
            places[each.key] = at
            at += each.span
        right = at - 1
        if letters is not None:
            self._letters(page, row, columns, places, letters)
            page.height(row, 15)
            row += 1
        if header:
            self._header(page, row, columns, places)
        first = row + (1 if header else 0)
        for number, values in enumerate(rows):
            own = _addresses(first + number, places)
            for each in columns:
                value = values.get(each.key)
                if value is None and formulas and each.key in formulas:
                    value = formulas[each.key].format_map(own)
                elif isinstance(value, str) and value.startswith("="):
                    value = value.format_map(own)
                role = "total" if number in strong else "body"
                self._value(page, first + number, each, places, value, role, columns)
            if page.is_list:
                self._height(page, first + number, columns, places, values)
        last = first + len(rows) - 1
        placed = Placed(page.name, first, last, places, right)
        if total is not None:
            for each in columns:
                value = total.get(each.key)
                if value == "sum":
                    value = f"=ROUND(SUM({{all_{each.key}}}),4)" if rows else 0
                if isinstance(value, str) and value.startswith("="):
                    value = value.format_map(
                        {f"all_{key}": placed.column(key).rpartition("!")[2] for key in places}
                    )
                self._value(page, last + 1, each, places, value, "total", columns)
        page.row = max(page.row, last + (1 if total is None else 2))
        return placed

    def _letters(
        self, page: Page, row: int, columns: list[Column], places: dict[str, int], letters: Mapping[str, str]
    ) -> None:
        for each in columns:
            style = self.format(
                font_size=9, font_color=self.color["sub"], align="left" if each.is_text else "right"
            )
            self.put(page, row, places[each.key], letters.get(each.key), style)

    def _header(self, page: Page, row: int, columns: list[Column], places: dict[str, int]) -> None:
        lines = 1
        for number, each in enumerate(columns):
            place, text = places[each.key], each.header
            more = self._indent(columns, number)
            style = self._cell(page, each.code, "header", **more)
            self.put(page, row, place, text, style, right=place + each.span - 1)
            lines = max(lines, lines_needed(text, sum(page.widths[place : place + each.span])))
        page.height(row, max(20, 8 + 14 * lines))

    def _value(
        self,
        page: Page,
        row: int,
        column: Column,
        places: dict[str, int],
        value: Any,
        role: str,
        columns: list[Column],
    ) -> None:
        code, place = column.code, places[column.key]
        if isinstance(value, str) and not value.startswith("=") and code != "g":
            code = "g"  # a word where a number is expected
        more = self._indent(columns, columns.index(column))
        if isinstance(value, dt.date) and code == "g":
            code, more = "dl", more | {"align": "left"}
        style = self._cell(page, code, role, **more)
        self.put(page, row, place, value, style, right=place + column.span - 1)

    def _indent(self, columns: list[Column], number: int) -> dict[str, Any]:
        """Text right of a number keeps its distance."""
        left = columns[number].is_text or columns[number].code == "truth"
        return {"indent": 1} if number and left and not columns[number - 1].is_text else {}

    def _height(
        self, page: Page, row: int, columns: list[Column], places: dict[str, int], values: Mapping[str, Any]
    ) -> None:
        lines = 1
        for each in columns:
            value = values.get(each.key)
            if isinstance(value, str) and not value.startswith("="):
                lines = max(lines, lines_needed(value, page.widths[places[each.key]]))
        page.height(row, max(self.theme["list"]["row"], 6 + 15 * lines))

    # -- names, colours, charts ------------------------------------------------------------------

    def define(self, name: str, address: str) -> str:
        """Name a cell; the name is given back."""
        self.names[name] = address
        self.book.define_name(name, "=" + address)
        return name

    def status_colours(self, page: Page, first: int, last: int, column: int) -> None:
        """Colour words by their first glyph."""
        for glyph, level in (("✔", "ok"), ("▲", "warn"), ("✖", "error")):
            look = self.book.add_format(
                {
                    "bg_color": self.color[f"{level}_fill"],
                    "font_color": self.color[f"{level}_font"],
                    "bold": True,
                }
            )
            rule = {"type": "text", "criteria": "begins with", "value": glyph, "format": look}
            page.sheet.conditional_format(first, column, last, column, rule)

    def hidden_block(self, rows: Sequence[Sequence[Any]]) -> tuple[str, int]:
        """Data of a chart on the hidden sheet: the name of the sheet and the first row."""
        first = self._chart_row
        self._blocks.append((first, rows))
        self._chart_row += len(rows) + 2
        return CHART_SHEET, first

    def close(self) -> bytes:
        """The package as the authoring library writes it, formulas without values."""
        if self._blocks:
            hidden = Page(CHART_SHEET, CHART_SHEET, self.book.add_worksheet(CHART_SHEET), [64])
            hidden.sheet.very_hidden()
            for first, rows in self._blocks:
                for offset, row in enumerate(rows):
                    for column, value in enumerate(row):
                        self.put(hidden, first + offset, column, value, self.format())
        self.book.close()
        return self.data.getvalue()


def _addresses(row: int, places: Mapping[str, int]) -> dict[str, str]:
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415  (the light start)

    return {
        f"{prefix}{key}": str(xl_rowcol_to_cell(row - up, place))
        for prefix, up in (("", 0), ("above_", 1), ("above2_", 2))
        for key, place in places.items()
    }


def lines_needed(text: str, pixels: int) -> int:
    """How many lines a text takes in a width, at 9 points; a Japanese sign is two wide."""
    lines = 0
    for part in text.split("\n"):
        width = sum(11.5 if east_asian_width(sign) in "WFA" else 6.2 for sign in part)
        lines += max(1, ceil(width / max(20, pixels - 12)))
    return lines
