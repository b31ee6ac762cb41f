"""Single values as a worksheet part stores them, and how an edition wants its cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.tokens import Box, address
from xlplugin.workbook.values import FATAL, error_text
from xlplugin.workbook.xmltext import number_text, number_texts, xml, xstring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xlplugin.workbook.sheets import Cell, Sheet
    from xlplugin.workbook.strings import StringPool

__all__ = ["Grid", "Policy", "SheetResult", "UncalculatedError", "checked", "stored", "stored_all"]

Block = list[list[Any]]


class UncalculatedError(Exception):
    """The calculator answered with something that is no Excel value; the caller names the cell."""


@dataclass(frozen=True)
class Grid:
    """The values of a rectangle of one sheet."""

    corners: Box
    rows: Block

    def at(self, row: int, column: int) -> Any:
        """The value of one cell."""
        return self.rows[row - self.corners[0]][column - self.corners[1]]


@dataclass(frozen=True)
class SheetResult:
    """What the calculation found on one sheet.

    `extents` and `blocks` are by the first cell of each array; a block covers its extent.
    """

    grid: Grid | None
    extents: Mapping[tuple[int, int], Box] = field(default_factory=dict)
    blocks: Mapping[tuple[int, int], Block] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """How one edition writes formulas and values.

    `formula` gives the text of ``<f>`` of a cell, or None where the formula is frozen. `variant`
    names the prepared pieces; None renders every row cell by cell. `pool` takes the texts of
    frozen cells. `needs_care` says which plain cells depend on this run. `freezes_blanks`: an empty
    text of a formula that names a table stands without its formula, for there are viewers which
    calculate empty texts anew and know no tables.
    """

    variant: str | None
    formula: Callable[[Cell], str | None]
    dynamic_record: int
    pool: StringPool | None = None
    keeps_values: bool = True
    needs_care: Callable[[Cell], bool] | None = None
    freezes_blanks: bool = False

    def is_fragile(self, one: Cell) -> bool:
        """Whether an empty result of the cell is written without its formula."""
        return self.freezes_blanks and "[" in (one.formula or "")


def stored(value: Any) -> tuple[str, str]:
    """A computed value as type attribute and text of ``<v>``.

    Raises
    ------
    UncalculatedError
        For an engine condition that is no Excel value.
    """
    kind = type(value)
    if kind is float:
        return "", number_text(value)
    if kind is str:
        return ' t="str"', xml(xstring(value))
    if value is None:
        return "", "0"  # =B1 on a blank shows 0
    if kind is bool:
        return ' t="b"', "1" if value else "0"
    if kind is dict:
        if value["kind"] in FATAL:
            raise UncalculatedError(value["kind"])
        return ' t="e"', error_text(value)
    return "", number_text(float(value))


_KIND_OF: Final = {float: "", str: ' t="str"', bool: ' t="b"', dict: ' t="e"', type(None): ""}


def stored_all(values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """`stored` of many values at once: type attributes and texts."""
    types = list(map(type, values))
    if set(types) <= {float}:
        return [""] * len(types), number_texts(list(values))
    numbers = iter(number_texts([value for value, kind in zip(values, types, strict=True) if kind is float]))
    known: dict[str, str] = {}  # names and words repeat
    texts: list[str] = []
    for value, kind in zip(values, types, strict=True):
        if kind is float:
            texts.append(next(numbers))
        elif kind is str:
            text = known.get(value)
            if text is None:
                text = known[value] = xml(xstring(value))
            texts.append(text)
        else:
            texts.append(stored(value)[1])
    return [_KIND_OF.get(kind, "") for kind in types], texts


def checked(sheet: Sheet, one: Cell, value: Any) -> tuple[str, str]:
    """`stored` of the value of one cell; its error names the cell."""
    try:
        return stored(value)
    except UncalculatedError as condition:
        raise UncalculatedError(condition.args[0], sheet.name, address(one.row, one.column)) from None
