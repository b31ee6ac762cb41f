"""Three ways to write one computed book: live, values and oracle (specification, section 13).

Live keeps every formula. Values is what a client gets: our functions are frozen, native formulas
stay, a hidden sheet lists what was frozen. Oracle holds no value under a formula, so that another
program has to calculate it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from xlplugin.errors import ErrorValue
from xlplugin.workbook.cells import Policy, stored
from xlplugin.workbook.formula import Flavour, in_flavour
from xlplugin.workbook.sheets import Cell, Way
from xlplugin.workbook.tokens import address, box, box_text, closing, plain_sheet, text, tokens
from xlplugin.workbook.xmltext import xml, xstring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xlplugin.workbook.cells import SheetResult
    from xlplugin.workbook.sheets import Sheet
    from xlplugin.workbook.strings import StringPool
    from xlplugin.workbook.tokens import Box, Token

__all__ = ["Edition", "FrozenFormula", "formula_sheet", "frozen_formulas", "name_rewriter", "policy_of"]

Edition = Literal["live", "values", "oracle"]

_ANCHOR = "_XLFN.ANCHORARRAY"
_SINGLE = "_XLFN.SINGLE"
_ROOT = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@dataclass(frozen=True)
class FrozenFormula:
    """One formula that a values edition shows as its values only."""

    sheet: str
    cell: str
    range: str
    formula: str
    result_hash: str


def policy_of(
    edition: Edition,
    flavour: Flavour,
    spelled: Mapping[str, str],
    extent: Callable[[str, int, int], Box | None],
    pool: StringPool,
    dynamic_record: int,
    sheet: str,
    *,
    freeze_dynamic: bool,
) -> Policy:
    """How the cells of one sheet are written."""
    if edition == "oracle":
        return Policy(
            None,
            lambda one: for_oracle(one.formula or "", sheet, extent, flavour, spelled),
            dynamic_record,
            keeps_values=False,
        )
    if edition == "values":

        def shown(one: Cell) -> str | None:
            if is_frozen(one, freeze_dynamic=freeze_dynamic):
                return None
            return with_extents(one.formula or "", sheet, extent)

        return Policy(
            f"values:{freeze_dynamic}",
            shown,
            dynamic_record,
            pool=pool,
            needs_care=lambda one: one.way is Way.KEPT or _ANCHOR in (one.formula or "").upper(),
            freezes_blanks=True,
        )
    return Policy(f"live:{flavour}", lambda one: spelling(one, flavour, spelled), dynamic_record)


def spelling(one: Cell, flavour: Flavour, spelled: Mapping[str, str]) -> str:
    """The stored formula as one host spells it."""
    formula = one.formula or ""
    return in_flavour(formula, flavour, spelled) if one.is_ours and flavour != "vba" else formula


def is_frozen(one: Cell, *, freeze_dynamic: bool) -> bool:
    """Whether a values edition shows the cell without its formula.

    Viewers ignore the cached values of arrays, so native dynamic arrays are frozen as well; what
    could not be calculated here cannot be by a client either.
    """
    return one.is_ours or one.way is Way.KEPT or (freeze_dynamic and one.way is Way.DYNAMIC)


# -- references that need the extents of this file -----------------------------------------------


def with_extents(
    formula: str, sheet: str, extent: Callable[[str, int, int], Box | None], *, keep: bool = False
) -> str:
    """``ANCHORARRAY(A5)`` as the range the result has in this file.

    Where there is none it becomes ``#REF!``, or stays as it is with `keep`.
    """
    if _ANCHOR not in formula.upper():
        return formula
    parts = tokens(formula)
    out: list[str] = []
    at = 0
    while at < len(parts):
        if parts[at][1].upper() == _ANCHOR and at + 1 < len(parts) and parts[at + 1][1] == "(":
            end = closing(parts, at + 1)
            found = _extent_text(parts[at + 2 : end], sheet, extent)
            out.append(text(parts[at : end + 1]) if keep and found == "#REF!" else found)
            at = end + 1
            continue
        out.append(parts[at][1])
        at += 1
    return "".join(out)


def _extent_text(inside: list[Token], sheet: str, extent: Callable[[str, int, int], Box | None]) -> str:
    qualifier = ""
    if len(inside) == 3 and inside[1][1] == "!":
        qualifier, inside = f"{inside[0][1]}!", inside[2:]
        sheet = plain_sheet(qualifier[:-1])
    place = text(inside).replace("$", "")
    try:
        row, column, _, _ = box(place)
    except ValueError:
        return "#REF!"
    corners = extent(sheet, row, column)
    if corners is None:
        return "#REF!"
    r1, c1, r2, c2 = corners
    fixed = box_text((r1, c1, r2, c2))
    return qualifier + ":".join(re.sub(r"([A-Z]+)([0-9]+)", r"$\1$\2", side) for side in fixed.split(":"))


def for_oracle(
    formula: str,
    sheet: str,
    extent: Callable[[str, int, int], Box | None],
    flavour: Flavour,
    spelled: Mapping[str, str],
) -> str:
    """A formula as LibreOffice reads it: no spill operator, no ``@``."""
    formula = in_flavour(with_extents(formula, sheet, extent), flavour, spelled)
    if _SINGLE not in formula.upper():
        return formula
    parts = tokens(formula)
    kept = [p for at, (_, p) in enumerate(parts) if not (p.upper() == _SINGLE and at + 1 < len(parts))]
    return "".join(kept)


def name_rewriter(
    edition: Edition,
    flavour: Flavour,
    spelled: Mapping[str, str],
    extent: Callable[[str, int, int], Box | None],
    moved: Callable[[str], str],
) -> Callable[[str], str]:
    """How the text of a defined name is written in one edition."""

    def rewritten(definition: str) -> str:
        definition = moved(definition)
        if edition == "oracle":
            return for_oracle(definition, "", extent, flavour, spelled)
        if edition == "values":
            return with_extents(definition, "", extent)
        return in_flavour(definition, flavour, spelled)

    return rewritten


# -- the list of frozen formulas -----------------------------------------------------------------


def frozen_formulas(
    sheets: Iterable[tuple[Sheet, SheetResult | None]], *, freeze_dynamic: bool
) -> list[FrozenFormula]:
    """Every formula that a values edition freezes, with a hash of what it shows."""
    found = []
    for sheet, result in sheets:
        for one in sheet.formulas():
            if not is_frozen(one, freeze_dynamic=freeze_dynamic) or one.way is Way.KEPT or result is None:
                continue
            place = one.row, one.column
            corners = result.extents.get(place, (*place, *place))
            block = result.blocks.get(place) or [[result.grid.at(*place) if result.grid else None]]
            found.append(
                FrozenFormula(
                    sheet.name,
                    address(*place),
                    box_text(corners),
                    one.formula or "",
                    result_hash(block),
                )
            )
    return found


def result_hash(block: list[list[Any]]) -> str:
    """First 16 hex digits of SHA-256 over the values as a file holds them, rows of [type, text]."""
    rows = [
        [_hashed(value, first=not (down or right)) for right, value in enumerate(row)]
        for down, row in enumerate(block)
    ]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()[:16]


def _hashed(value: Any, *, first: bool) -> list[str]:
    if value is None and not first:
        value = ""  # a blank in a spill is written as an empty text
    if isinstance(value, ErrorValue):
        return ["e", value.value]
    kind, shown = stored(value)
    return [kind.removeprefix(' t="').removesuffix('"'), shown]


def formula_sheet(formulas: Iterable[FrozenFormula]) -> bytes:
    """The hidden sheet: sheet, cell, range, formula, result hash."""
    lines = [("sheet", "cell", "range", "formula", "result hash")]
    lines += [(f.sheet, f.cell, f.range, f.formula, f.result_hash) for f in formulas]
    rows = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{address(number, column)}" t="inlineStr"><is><t xml:space="preserve">'
            f"{xml(xstring(value))}</t></is></c>"
            for column, value in enumerate(line, start=1)
        )
        + "</row>"
        for number, line in enumerate(lines, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet {_ROOT}><dimension ref="A1:E{len(lines)}"/><sheetData>{rows}</sheetData></worksheet>'
    ).encode()
