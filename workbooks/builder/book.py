"""One book in the making: sheets, places of blocks, defined names, and the writing of single cells."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_cell_to_rowcol, xl_range_abs, xl_rowcol_to_cell

from workbooks.builder.formats import Formats
from workbooks.builder.references import Block, Resolver, sheet_ref
from workbooks.builder.theme import numbered
from workbooks.builder.words import Words, layout

__all__ = ["Book", "Place", "Sheet", "place"]

CREATED = dt.datetime(2026, 11, 20, tzinfo=dt.UTC).replace(tzinfo=None)
TEMPLATE_VERSION = "2026.11"
_CALL = re.compile(r"\b([A-Z][A-Z_]*[A-Z])\(")


@dataclass(frozen=True)
class Place:
    """A cell or a rectangle, from 0."""

    row: int
    column: int
    last_row: int
    last_column: int


def place(at: str) -> Place:
    """A place from an address such as B4 or B4:K6."""
    first, _, last = at.partition(":")
    row, column = xl_cell_to_rowcol(first)
    last_row, last_column = xl_cell_to_rowcol(last) if last else (row, column)
    return Place(row, column, last_row, last_column)


@dataclass
class Sheet:
    """A worksheet with its layout entry."""

    key: str
    name: str
    grid: str
    entry: dict[str, Any]
    worksheet: Any
    widths: dict[int, int] = field(default_factory=dict)
    last_column: int = 0


class Book:
    """Collects what a book holds, then writes it.

    Parameters
    ----------
    name : str
        "advisor", "proposal" ...: the layout file.
    words : Words
        The language.
    theme : dict, optional
        A theme that replaces the shipped one.
    """

    def __init__(self, name: str, words: Words, theme: dict[str, Any] | None = None) -> None:
        self.name, self.words = name, words
        self.layout = layout(name)
        self.calc = layout("calc")
        self.functions = frozenset(layout("functions")["worksheet"])
        wanted = self.layout.get("lists")  # a book names its drop-down lists, or takes them all
        self.lists = {key: value for key, value in layout("lists").items() if wanted is None or key in wanted}
        self.target = BytesIO()
        self.workbook = xlsxwriter.Workbook(
            self.target, {"in_memory": True, "strings_to_numbers": False, "strings_to_urls": False}
        )
        self.formats = Formats(self.workbook, words, theme)
        self.resolver = Resolver(words, fragments=dict(self.calc["fragments"]))
        self.resolver.name_length = self.formats.theme["page"]["name_length"][words.place]
        self.sheets: dict[str, Sheet] = {}
        self.tables: dict[str, Place] = {}
        self.names: dict[str, str] = {}

    # -- sheets --------------------------------------------------------------------------------

    def add_sheet(
        self, key: str, grid: str, entry: dict[str, Any] | None = None, *, hidden: bool = False
    ) -> Sheet:
        """A new sheet at the end; hidden sheets are called `_key` in every language."""
        page = sum(not one.entry.get("is_continued") for one in self.sheets.values())
        page += not (entry or {}).get("is_continued")
        name = f"_{key}" if hidden else numbered(self.words.sheet(self.name, key), page)
        worksheet = self.workbook.add_worksheet(name)
        sheet = Sheet(key, name, grid, entry or {}, worksheet)
        self.sheets[key] = sheet
        if hidden:
            worksheet.very_hidden()
        else:
            worksheet.set_tab_color(
                self.formats.color[self.formats.theme["tab"][sheet.entry.get("tab", "output")]]
            )
        worksheet.hide_gridlines(2)
        return sheet

    # -- places and names ----------------------------------------------------------------------

    def add_block(
        self,
        key: str,
        sheet: Sheet,
        row: int,
        columns: dict[str, int],
        rows: int,
        entry: dict[str, Any] | None = None,
    ) -> Block:
        """Record where a block stands, for formulas of other sheets."""
        entry = entry or {}
        if key in self.resolver.blocks:
            raise ValueError(f"two blocks are called {key!r}")
        block = Block(key, sheet.name, row, columns, rows, "spill" in entry, bool(entry.get("prints_header")))
        self.resolver.blocks[key] = block
        return block

    def define(self, name: str, text: str) -> None:
        """A defined name of the book."""
        if name in self.names:
            raise ValueError(f"two names {name!r}")
        self.names[name] = text
        self.workbook.define_name(name, "=" + text)

    def address(self, sheet: Sheet, at: Place) -> str:
        """The absolute address of a place, with the sheet."""
        return f"{sheet_ref(sheet.name)}!{xl_range_abs(at.row, at.column, at.last_row, at.last_column)}"

    # -- cells ---------------------------------------------------------------------------------

    def is_function_cell(self, formula: str) -> bool:
        """Whether a formula calls a worksheet function of ours."""
        return any(name in self.functions for name in _CALL.findall(formula))

    def write(
        self,
        sheet: Sheet,
        row: int,
        column: int,
        content: Any,
        cell_format: Any,
        *,
        own: Block | None = None,
        index: int = 0,
        span: int = 1,
    ) -> None:
        """One cell: a formula in the notation of the layout, `t:label`, `n:notice`, a number or nothing."""
        worksheet = sheet.worksheet
        if span > 1:
            worksheet.merge_range(row, column, row, column + span - 1, "", cell_format)
        if content is None or content == "":
            worksheet.write_blank(row, column, None, cell_format)
        elif isinstance(content, dict) and "link" in content:
            target = self.sheets[content["link"]].name
            worksheet.write_url(row, column, f"internal:{sheet_ref(target)}!A1", cell_format, target)
        elif isinstance(content, dict):
            formula = self.resolver.message(content["key"], content.get("with", {}), own, index)
            worksheet.write_formula(row, column, formula, cell_format, "")
        elif isinstance(content, bool | int | float):
            worksheet.write_number(row, column, content, cell_format)
        elif content.startswith("="):
            formula = self.resolver(content, own, index)
            if self.is_function_cell(formula) or "TRANSPOSE(" in formula:
                where = xl_rowcol_to_cell(row, column)
                worksheet.write_dynamic_array_formula(f"{where}:{where}", formula, cell_format, "")
            else:
                worksheet.write_formula(row, column, formula, cell_format, "")
        elif content.startswith("t:"):
            worksheet.write_string(row, column, self.words(content[2:]), cell_format)
        elif content.startswith("n:"):
            worksheet.write_string(row, column, self.words.notice(content[2:]), cell_format)
        elif content.startswith("'"):
            worksheet.write_string(row, column, content[1:].format(version=TEMPLATE_VERSION), cell_format)
        else:
            worksheet.write_string(row, column, content.format(language=self.words.language), cell_format)

    def text(self, sheet: Sheet, at: Place, content: Any, cell_format: Any) -> None:
        """A text in one cell or, merged, over a rectangle."""
        if (at.last_row, at.last_column) != (at.row, at.column):
            sheet.worksheet.merge_range(at.row, at.column, at.last_row, at.last_column, "", cell_format)
        self.write(sheet, at.row, at.column, content, cell_format)

    def width(self, sheet: Sheet, column: int, pixels: int) -> None:
        """Widen a column of a list; the widest wish of its blocks wins."""
        sheet.widths[column] = max(sheet.widths.get(column, 0), pixels)
        sheet.last_column = max(sheet.last_column, column)

    # -- end -----------------------------------------------------------------------------------

    def close(self) -> bytes:
        """The finished package of the authoring library."""
        for sheet in self.sheets.values():
            for column, pixels in sorted(sheet.widths.items()):
                sheet.worksheet.set_column_pixels(column, column, pixels)
        self.workbook.set_properties(
            {
                "title": self.words(f"book.{self.name}"),
                "subject": self.words("book.subject"),
                "author": "xlplugin",
                "created": CREATED,
            }
        )
        self.workbook.set_custom_property("template_version", TEMPLATE_VERSION)
        self.workbook.set_custom_property("language", self.words.language)
        self.workbook.set_custom_property("state", "live")
        self.workbook.set_calc_mode("auto", 191029)
        self.workbook.close()
        return self.target.getvalue()
