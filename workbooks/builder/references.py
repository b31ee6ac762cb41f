"""Where blocks stand, and formulas written with keys turned into the formulas of one book.

The notation is explained on top of `layout/calc.toml`. Sheet names, table headers and addresses
are put in last, so that one description gives the same book in every language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbooks.builder.words import Words

__all__ = ["Block", "Resolver", "quoted", "sheet_ref"]

_TABLE = re.compile(r"\b(tbl_[a-z_]+)\[([#@^]?)([a-z0-9_]*)(?::([a-z0-9_]+))?\]")
_TOKEN = re.compile(r"\{([^{}\"]+)\}")
_PLAIN_HEADER = re.compile(r"[\w 　]+")
_SAME_SHEET = re.compile(r"('[^']+'!)(\$[A-Z]+\$\d+):\1(\$[A-Z]+\$\d+)")
_CALL_START = re.compile(r"\{(word|short):")
_CELL_AT = re.compile(r"([a-z0-9_]+)\.([a-z0-9_]+)(?:(@)([a-z0-9]+)|~([a-z]+))?")


def quoted(text: str) -> str:
    """`text` as a literal of a formula."""
    return '"' + text.replace('"', '""') + '"'


def sheet_ref(name: str) -> str:
    """A sheet name as a formula holds it."""
    return "'" + name.replace("'", "''") + "'"


@dataclass(frozen=True)
class Block:
    """A header row and the rows below it, at one place of the book.

    `row` (from 0) is the place of the header; `columns` are places by key, since a column of a page
    may be several cells wide. A block that one function spills into is read with INDEX over a
    range that holds the first cell of the spill: the calculation then knows what comes first.
    """

    key: str
    sheet: str
    row: int
    columns: Mapping[str, int]
    rows: int
    spilled: bool = False
    prints_header: bool = False

    def read(self, column: str, row: str) -> str:
        """A row (0: all rows) of a column of a spill, by way of INDEX."""
        left, right = min(self.columns.values()), max(self.columns.values())
        first = self.row + (0 if self.prints_header else 1)
        area = (
            f"{sheet_ref(self.sheet)}!{xl_rowcol_to_cell(first, left, True, True)}"
            f":{xl_rowcol_to_cell(self.row + self.rows, right, True, True)}"
        )
        if self.prints_header and row != "0":
            row = f"{row}+1" if not row.isdigit() else str(int(row) + 1)
        return f"INDEX({area},{row},{self.columns[column] - left + 1})"

    def cell(self, column: str, index: int) -> str:
        """The absolute address of a row (from 1) of a column; row 0 is the header."""
        return (
            f"{sheet_ref(self.sheet)}!{xl_rowcol_to_cell(self.row + index, self.columns[column], True, True)}"
        )

    def whole(self, column: str) -> str:
        """The absolute address of all rows of a column, without the header."""
        name = xl_col_to_name(self.columns[column], True)
        first, last = self.row + 2, self.row + 1 + self.rows
        if first == last:
            return f"{sheet_ref(self.sheet)}!{name}${first}"
        return f"{sheet_ref(self.sheet)}!{name}${first}:{name}${last}"

    @property
    def all(self) -> str:
        """The absolute address of header and rows."""
        left, right = min(self.columns.values()), max(self.columns.values())
        return (
            f"{sheet_ref(self.sheet)}!{xl_rowcol_to_cell(self.row, left, True, True)}"
            f":{xl_rowcol_to_cell(self.row + self.rows, right, True, True)}"
        )


_LATIN = 15  # letters of a Latin name that fit one column of a page in the Japanese font


@dataclass
class Resolver:
    """Turns the notation of the layout into formulas.

    Attributes
    ----------
    words : Words
        The language.
    blocks : dict
        Blocks of the book by key.
    texts : dict
        Label key -> address of the hidden cell that holds it, for `{T:key}`; filled on demand.
    fragments : dict
        Parts of formulas by name.
    name_length : int
        Characters of a name that fit one column of a page.
    """

    words: Words
    blocks: dict[str, Block] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, str]] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    name_length: int = 20

    def header(self, key: str) -> str:
        """A column name as a structured reference holds it, without brackets."""
        return re.sub(r"([\[\]#'@])", r"'\1", self.words.column(key))

    def _structured(self, match: re.Match[str]) -> str:
        table, mark, first, last = match.groups()
        columns = f"[{self.header(first)}]" + (f":[{self.header(last)}]" if last else "") if first else ""
        if mark == "@":
            return f"{table}[[#This Row],{columns}]"
        if mark == "^":
            return f"{table}[[#Headers],{columns}]"
        if mark == "#":
            return f"{table}[[#Headers],[#Data]" + (f",{columns}]" if columns else "]")
        if last or not _PLAIN_HEADER.fullmatch(self.words.column(first)):
            return f"{table}[{columns}]"
        return f"{table}{columns}"

    def _reference(self, text: str, own: Block | None, index: int) -> str:
        match = _CELL_AT.fullmatch(text)
        if match is None:
            if text not in self.blocks:
                raise KeyError(f"no block {text!r}")
            return self.blocks[text].all
        key, column, at, which, beside = match.groups()
        block = own if key == "self" else self.blocks[key]
        if block is None:
            raise KeyError("self stands outside a block")
        if beside:
            return block.read(column, f"tbl_{beside}[@no]")
        if key == "self" and not at:
            return self._local(block, column, index)
        if not at:
            return block.read(column, "0") if block.spilled else block.whole(column)
        if which == "up0" and index == 1:
            return "0"
        row = {"i": index, "up": index - 1, "up0": index - 1, "down": index + 1}.get(which)
        number = int(which) if row is None else row
        if number > block.rows:
            return "0"
        if block.spilled:
            return block.read(column, str(number))
        return self._local(block, column, number) if key == "self" else block.cell(column, number)

    @staticmethod
    def _local(block: Block, column: str, index: int) -> str:
        return str(xl_rowcol_to_cell(block.row + index, block.columns[column]))

    def __call__(self, formula: str, own: Block | None = None, index: int = 0) -> str:
        """The formula of one cell: row `index` (from 1) of the block `own`."""

        def token(match: re.Match[str]) -> str:
            text = match[1]
            if text == "i":
                return str(index)
            if text == "language":
                return self.words.language
            if text in self.fragments:
                return self(self.fragments[text], own, index)
            kind, colon, rest = text.partition(":")
            if colon and kind in ("t", "col", "T", "n"):
                if kind == "t":
                    return quoted(self.words(rest))
                if kind == "col":
                    return quoted(self.words.column(rest))
                return self.texts[rest]
            return self._reference(text, own, index)

        formula = _calls(formula, self.lists, self.name_length)
        return _SAME_SHEET.sub(r"\1\2:\3", _TABLE.sub(self._structured, _TOKEN.sub(token, formula)))

    def message(
        self, key: str, arguments: Mapping[str, str], own: Block | None = None, index: int = 0
    ) -> str:
        """A label with `{name}` places as a formula that joins its parts."""
        parts: list[str] = []
        for place, piece in enumerate(self.words.pieces(key)):
            if place % 2:
                parts.append(self(arguments[piece], own, index))
            elif piece:
                parts += [quoted(piece[at : at + 250]) for at in range(0, len(piece), 250)]
        return "=" + "&".join(parts) if parts else '=""'


def _calls(formula: str, lists: Mapping[str, tuple[str, str]], name_length: int) -> str:
    """`{word:list:expression}` as a look-up in the hidden lists, `{short:expression}` as a name cut to fit.

    The expression may hold tokens, so that braces are counted.
    """
    while (found := _CALL_START.search(formula)) is not None:
        start = end = found.start()
        depth = 0
        for end in range(start, len(formula)):
            depth += {"{": 1, "}": -1}.get(formula[end], 0)
            if depth == 0:
                break
        inside = formula[found.end() : end]
        if found[1] == "short":
            most = f"IF(out_is_us=1,{max(name_length, _LATIN)},{name_length})"
            call = f'IF(LEN({inside}&"")>{most},LEFT({inside},{most}-1)&"…",{inside}&"")'
        else:
            name, _, expression = inside.partition(":")
            codes, words = lists[name]
            call = f'IFERROR(INDEX({words},MATCH({expression}&"",{codes},0)),{expression}&"")'
        formula = formula[:start] + call + formula[end + 1 :]
    return formula
