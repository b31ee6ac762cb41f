"""Excel tables, and structured references as plain ranges.

Grammar of a reference in brackets: nothing | Column | #Item | @ | @Column | @[Column] |
[item] {, [item]}, where an item is #All #Data #Headers #Totals #This Row, a column, or
column:column. Column names match without case; ``'`` escapes ``[ ] # ' @``.
Source: ECMA-376 part 1, 18.17.2.4 and 18.5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from xlplugin.workbook.tokens import Box, box, column_name, plain_sheet, quoted_sheet

__all__ = ["InvalidReferenceError", "Table", "following_range", "moved_reference", "structured"]

_ITEM = re.compile(r"\[((?:'.|[^\[\]'])*)\]", re.S)
_ESCAPED = re.compile(r"'(.)", re.S)
_ABSOLUTE = re.compile(
    r"('(?:[^']|'')+'|[^\W\d][\w.・]*)!(\$?)([A-Z]{1,3})(\$?)([0-9]+):(\$?)([A-Z]{1,3})(\$?)([0-9]+)", re.I
)
_ITEMS: Final = frozenset({"#all", "#data", "#headers", "#totals", "#this row"})


class InvalidReferenceError(ValueError):
    """A text in brackets that is no structured reference at all (template rule T13)."""


@dataclass(frozen=True)
class Table:
    """One Excel table: where it stands and what its columns are called."""

    name: str
    sheet: str
    corners: Box
    has_header: bool
    has_totals: bool
    columns: tuple[str, ...]
    part: str = ""
    folded: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", tuple(column.lower() for column in self.columns))

    @property
    def first_data_row(self) -> int:
        """Row number of the first record."""
        return self.corners[0] + self.has_header

    @property
    def last_data_row(self) -> int:
        """Row number of the last record."""
        return self.corners[2] - self.has_totals

    def holds(self, sheet: str, row: int, column: int) -> bool:
        """Whether a cell stands in the table, its header and totals rows included."""
        r1, c1, r2, c2 = self.corners
        return sheet == self.sheet and r1 <= row <= r2 and c1 <= column <= c2


def structured(table: Table, inner: str, sheet: str, row: int) -> str:
    """The range behind ``Table[inner]``, or an error literal.

    Parameters
    ----------
    table : Table
    inner : str
        The text between the outer brackets; empty for the bare table name.
    sheet : str
        Sheet of the formula; another sheet's range is written with its name.
    row : int
        Row of the formula, for ``@`` and ``#This Row``.

    Raises
    ------
    InvalidReferenceError
        If the text is none of the forms of the grammar.

    Examples
    --------
    >>> lots = Table("Lots", "L", (1, 1, 4, 2), True, False, ("Code", "Cost"))
    >>> structured(lots, "Cost", "L", 9), structured(lots, "#All", "S", 9)
    ('$B$2:$B$4', "'L'!$A$1:$B$4")
    """
    keys, columns = _items(inner)
    rows = _rows(table, keys, row)
    if isinstance(rows, str):
        return rows
    first, last = table.corners[1], table.corners[3]
    if columns:
        folded = [column.lower() for column in columns]
        if any(column not in table.folded for column in folded):
            return "#REF!"
        places = [table.folded.index(column) for column in folded]
        first, last = first + min(places), first + max(places)
    return _absolute(table, sheet, (rows[0], first, rows[1], last))


def _items(inner: str) -> tuple[set[str], list[str]]:
    """Keys such as ``#all`` in lower case, and column names."""
    body, keys = inner.strip(), set()
    if body.startswith("@"):
        keys.add("#this row")
        body = body[1:].strip()
    if body and not body.startswith("["):
        body = f"[{body}]"
    items = _ITEM.findall(body)
    rest = _ITEM.sub("", body)
    if rest.strip(" ,:") or rest.count(":") > 1:
        raise InvalidReferenceError(inner)
    keys |= {item.strip().lower() for item in items if item.strip().startswith("#")}
    columns = [_ESCAPED.sub(r"\1", item) for item in items if not item.strip().startswith("#")]
    if keys - _ITEMS or len(columns) > 2 or (len(columns) == 2 and ":" not in rest):
        raise InvalidReferenceError(inner)
    return keys, columns


def _rows(table: Table, keys: set[str], row: int) -> tuple[int, int] | str:
    top, bottom = table.corners[0], table.corners[2]
    first, last = table.first_data_row, table.last_data_row
    if "#this row" in keys:
        return (row, row) if first <= row <= last else "#VALUE!"
    if "#all" in keys:
        return top, bottom
    if "#headers" in keys:
        if not table.has_header:
            return "#REF!"
        return top, last if "#data" in keys else top
    if "#totals" in keys:
        if not table.has_totals:
            return "#REF!"
        return (first if "#data" in keys else bottom), bottom
    return first, last


def _absolute(table: Table, sheet: str, corners: Box) -> str:
    r1, c1, r2, c2 = corners
    start = f"${column_name(c1)}${r1}"
    if (r1, c1) != (r2, c2):
        start = f"{start}:${column_name(c2)}${r2}"
    return start if table.sheet == sheet else f"{quoted_sheet(table.sheet)}!{start}"


# -- tables of another size ----------------------------------------------------------------------


def following_range(reference: str, old: Table, new: Table) -> str:
    """A range that ends at the old last record and lies inside the table ends at the new one."""
    try:
        r1, c1, r2, c2 = box(reference.replace("$", ""))
    except ValueError:
        return reference
    first, last = old.corners[1], old.corners[3]
    if r2 != old.last_data_row or r1 < old.corners[0] or c1 < first or c2 > last:
        return reference
    start, _, end = reference.partition(":")
    end = re.sub(r"[0-9]+$", str(new.last_data_row), end or start)
    return f"{start}:{end}" if start.replace("$", "") != end.replace("$", "") else start


def moved_reference(formula: str, old: Table, new: Table) -> str:
    """The same for every sheet-qualified range in the text of a name or a chart."""

    def moved(match: re.Match[str]) -> str:
        if plain_sheet(match[1]) != old.sheet:
            return match[0]
        _, _, reference = match[0].rpartition("!")
        return f"{match[1]}!{following_range(reference, old, new)}"

    return _ABSOLUTE.sub(moved, formula)
