"""What a book of ours holds as inputs, and how it goes into the same book in the other language.

Inputs are the cells with a name ``in_`` or ``cfg_``, the tables, and the unlocked cells beside them
(notes, approvals). Names are the same in both languages; table columns and sheets are matched by their
place in the two templates, so that nothing here depends on a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xlplugin.errors import ErrorValue, InputError
from xlplugin.store.dictionary import client_tables, coded, market_tables, setting_of
from xlplugin.store.grids import plain_header
from xlplugin.store.package import Address, single_cell
from xlplugin.workbook import Book, Inputs
from xlplugin.workbook.parts import main
from xlplugin.workbook.sheets import scan
from xlplugin.workbook.tokens import address
from xlplugin.workbook.xmltext import attribute_text, attributes
from xlplugin.workbook.zipped import new_entry, write_zip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.workbook import CompiledTemplate
    from xlplugin.workbook.package import Package
    from xlplugin.workbook.structured import Table

__all__ = ["Carried", "Row", "calculated_columns", "carried", "input_names", "table_rows", "without_formulas"]

Row = dict[str, Any]
"""The cells of one table row by the header of their column; numbers are doubles, dates are serials."""

_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>.*?</c>)", re.S)
_OF_MACROS = frozenset(("xlwings.conf", "_IntelliSense_", "関数一覧", "Functions"))  # made anew
_FIXED = frozenset(("cfg_language", "cfg_state"))  # of the book, not of the client


@dataclass(frozen=True)
class Carried:
    """The inputs of one book, as they are put into another, and what stays behind.

    Attributes
    ----------
    inputs : Inputs
        For the other template.
    over : frozenset of (str, str)
        Cells in which a person wrote over a formula of the template: see `without_formulas`.
    names, rows : int
        How many filled cells and table rows go over.
    left : list of str
        Cells, columns and sheets that the other template has no place for, or that hold an error.
    """

    inputs: Inputs
    over: frozenset[tuple[str, str]] = frozenset()
    names: int = 0
    rows: int = 0
    left: list[str] = field(default_factory=list)


def input_names(package: Package) -> dict[str, Address]:
    """The cells that a person fills in, by defined name."""
    found = {}
    for name in package.names:
        place = single_cell(name.text) if name.sheet is None and not name.is_builtin else None
        if place is None or name.name in _FIXED or not name.name.startswith(("in_", "cfg_")):
            continue
        if (place.row, place.column) == (place.last_row, place.last_column):
            found[name.name] = place
    return found


def calculated_columns(template: CompiledTemplate, table: Table) -> frozenset[str]:
    """The columns of a table that the book fills itself, by their formula in the first row."""
    row = template.sheets[table.sheet].rows.get(table.first_data_row)
    with_formula = {one.column for one in row.parsed() if one.formula is not None} if row else set()
    left = table.corners[1]
    return frozenset(c for n, c in enumerate(table.columns) if left + n in with_formula)


def table_rows(book: Book, table: Table, without: frozenset[str] = frozenset()) -> list[Row]:
    """The filled rows of a table; columns of `without` and empty cells are left out."""
    found = []
    top, bottom = table.first_data_row, table.last_data_row
    _, left, _, right = table.corners
    for cells in book.block(table.sheet, (top, left, bottom, right)):
        pairs = zip(table.columns, cells, strict=True)
        row = {c: v for c, v in pairs if c not in without and v is not None and v != ""}
        if row:
            found.append(row)
    return found


# -- to the other language -----------------------------------------------------------------------------


def carried(old: Book, of_old: CompiledTemplate, new: CompiledTemplate) -> Carried:
    """The inputs of a book for the template in the other language.

    A text or a table row that is the template's own sample stays the sample of the new template, in
    its language; a client's book has no samples, its defaults are those of a country and go over.

    Parameters
    ----------
    old : Book
        The filled book.
    of_old : CompiledTemplate
        The empty template in the language of the filled book.
    new : CompiledTemplate
        The empty template in the language wanted.

    Raises
    ------
    InputError
        If the old book counts its days from 1904.
    """
    if old.package.date1904 != new.package.date1904:
        raise InputError("the book counts its days from 1904; set it to the 1900 date system in Excel first")
    return _Carrier(old, of_old, new).carried()


class _Carrier:
    """Three books side by side: the filled one, its template, the template wanted."""

    def __init__(self, old: Book, of_old: CompiledTemplate, new: CompiledTemplate) -> None:
        self.old, self.new = old, new
        self.source, self.target = Book(of_old.package), Book(new.package)
        self.sheet_of = dict(zip(self.source.sheets, self.target.sheets, strict=False))
        self.left: list[str] = []

    def carried(self) -> Carried:
        names = self._names()
        tables = self._tables()
        cells, over = self._free_cells()
        unknown = [s for s in self.old.sheets if s not in self.sheet_of and s not in _OF_MACROS]
        self.left += unknown
        filled = sum(value is not None for value in (*names.values(), *cells.values()))
        rows = sum(map(len, tables.values()))
        return Carried(Inputs(names, tables, cells), over, filled, rows, self.left)

    def _names(self) -> dict[str, Any]:
        here, there = input_names(self.old.package), input_names(self.new.package)
        own = input_names(self.source.package)
        is_client = "in_regime" in there
        found = {}
        for name, place in here.items():
            value = _value(self.old, place)
            if name not in there:
                self.left += [name] if value is not None else []
            elif isinstance(value, ErrorValue):
                self.left.append(f"{name} {value.value}")
            elif is_client or not self._is_sample(value, name, own, there):
                found[name] = coded(setting_of(name), value)
        return found

    def _is_sample(self, value: Any, name: str, own: dict[str, Address], there: dict[str, Address]) -> bool:
        if not isinstance(value, str) or name not in own:
            return False
        return value == _value(self.source, own[name]) and isinstance(_value(self.target, there[name]), str)

    # -- tables ------------------------------------------------------------------------------------

    def _tables(self) -> dict[str, list[Row]]:
        own = {table.name: table for table in self.source.package.tables}
        there = {table.name: table for table in self.new.package.tables}
        found = {}
        for table in self.old.package.tables:
            if table.name not in there or table.name not in own:
                self.left.append(table.name)
                continue
            rows = self._rows(table, own[table.name], there[table.name])
            if rows is not None:
                found[table.name] = rows
        return found

    def _rows(self, table: Table, own: Table, there: Table) -> list[Row] | None:
        """The rows under the new headers; None for a table that nobody has touched."""
        computed = calculated_columns(self.new, there)
        header = {plain_header(c): t for c, t in zip(own.columns, there.columns, strict=True)}
        known = {c: header[plain_header(c)] for c in table.columns if plain_header(c) in header}
        rows = table_rows(self.old, table)
        foreign = {c for row in rows for c in row} - known.keys()
        self.left += [f"{table.name}[{c}]" for c in sorted(foreign)]
        over = [new for row in rows if (new := self._row(table, row, known, computed))]
        before = table_rows(self.source, own)
        samples = table_rows(self.target, there, computed)
        renamed = [{header[plain_header(c)]: v for c, v in row.items()} for row in before]
        mine = [own_ for row in renamed if (own_ := {c: v for c, v in row.items() if c not in computed})]
        if over == mine:
            return None
        by_row = {_key(row): sample for row, sample in zip(mine, samples, strict=False)}
        return [by_row.get(_key(row), row) for row in over]

    def _row(self, table: Table, row: Row, known: dict[str, str], computed: frozenset[str]) -> Row:
        new = {}
        for column, value in row.items():
            title = known.get(column)
            if title is None or title in computed:
                continue
            if isinstance(value, ErrorValue):
                self.left.append(f"{table.name}[{column}] {value.value}")
            else:
                new[title] = coded(_column_key(table.name, column), value)
        return new

    # -- cells beside ------------------------------------------------------------------------------

    def _free_cells(self) -> tuple[dict[tuple[str, str], Any], frozenset[tuple[str, str]]]:
        """Unlocked cells that were changed, on sheets where nothing has moved; and those with a formula."""
        named = {(p.sheet, p.row, p.column) for p in input_names(self.new.package).values()}
        found: dict[tuple[str, str], Any] = {}
        over = set()
        for before, after in self.sheet_of.items():
            if before not in self.old.sheets:
                continue
            free = {
                place: f for place, f in _unlocked(self.new, after).items() if (after, *place) not in named
            }
            formulas = _formula_cells(self.old.package, before) if any(free.values()) else set()
            held, own = self.old.values(before), self.source.values(before)
            changed = {
                place: held.get(place)
                for place, has_formula in free.items()
                if held.get(place) != own.get(place)
                and not (has_formula and (place in formulas or held.get(place) is None))
            }
            if changed and self._moved(before):
                self.left.append(f"{before}: {', '.join(address(*place) for place in sorted(changed))}")
                continue
            found |= {(after, address(*place)): value for place, value in changed.items()}
            over |= {(after, address(*place)) for place in changed if free[place]}
        kept = {place: value for place, value in found.items() if not isinstance(value, ErrorValue)}
        return kept, frozenset(over & kept.keys())

    def _moved(self, sheet: str) -> bool:
        """Whether a named cell of the sheet stands elsewhere than in the template."""
        return _places(self.old.package, sheet) != _places(self.source.package, sheet)


def _value(book: Book, place: Address) -> Any:
    value = book.values(place.sheet).get((place.row, place.column)) if place.sheet in book.sheets else None
    return None if value == "" else value


def _column_key(table: str, header: str) -> str:
    """The key of a column of a client's table; "" for the other books, whose lists hold codes already."""
    name = table.removeprefix("tbl_")
    shape = market_tables().get(name) or client_tables().get(name)
    found = shape.find(header) if shape is not None else None
    return found.key if found is not None else ""


def _key(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(row.items()))


def _places(package: Package, sheet: str) -> dict[str, tuple[int, int]]:
    found = {}
    for name in package.names:
        place = single_cell(name.text)
        if place is not None and place.sheet == sheet and (place.row, place.column) == place[3:]:
            found[name.name] = place.row, place.column
    return found


def _unlocked(template: CompiledTemplate, sheet: str) -> dict[tuple[int, int], bool]:
    """The cells outside tables that a person may write into, and whether they hold a formula."""
    styles = _unlocked_styles(template.package)
    tables: Sequence[Table] = [t for t in template.package.tables if t.sheet == sheet]
    return {
        (one.row, one.column): one.formula is not None
        for row in template.sheets[sheet].rows.values()
        for one in row.parsed()
        if one.style in styles and not any(t.holds(sheet, one.row, one.column) for t in tables)
    }


def _formula_cells(package: Package, sheet: str) -> set[tuple[int, int]]:
    part = next(s.part for s in package.sheets if s.name == sheet)
    return {(one.row, one.column) for one in scan(sheet, part, package.data(part)).formulas()}


def without_formulas(package: Package, cells: frozenset[tuple[str, str]]) -> bytes:
    """A template in which some cells are empty instead of holding a formula, so that they take a value."""
    changed = {}
    for sheet in package.sheets:
        wanted = {place for name, place in cells if name == sheet.name}
        if wanted:
            text = package.data(sheet.part).decode("utf-8")
            changed[sheet.part] = _CELL.sub(lambda m, w=wanted: _emptied(m, w), text).encode()  # type: ignore[misc]
    return write_zip(
        [new_entry(n, changed[n]) if n in changed else entry for n, entry in package.entries.items()]
    )


def _emptied(match: re.Match[str], wanted: set[str]) -> str:
    given = attributes(match[1])
    if given.get("r") not in wanted:
        return match[0]
    return f"<c{attribute_text({k: v for k, v in given.items() if k in ('r', 's')})}/>"


def _unlocked_styles(package: Package) -> frozenset[str]:
    related = package.related(package.main, "styles")
    if not related:
        return frozenset()
    root = package.xml(related[0].target)
    found = set()
    for number, element in enumerate(root.iterfind(f"{main('cellXfs')}/{main('xf')}")):
        protection = element.find(main("protection"))
        if protection is not None and protection.get("locked") in ("0", "false"):
            found.add(str(number))
    return frozenset(found)
