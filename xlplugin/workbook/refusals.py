"""Formulas that cannot be calculated without Excel: rules T01, T02, T05, T13, T16 and T24.

One look per formula at compile time; what it finds is refused, or kept at its stored value where
the caller is lenient.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.findings import Finding
from xlplugin.workbook.formula import bare, called_names
from xlplugin.workbook.known import ALTERNATIVES, EXCEL, LACKING
from xlplugin.workbook.lambdas import HELPERS
from xlplugin.workbook.lowering import MAX_DEPTH
from xlplugin.workbook.structured import InvalidReferenceError, structured
from xlplugin.workbook.tokens import BRACKET, CELL, NAME, OTHER, QUOTED, tokens
from xlplugin.workbook.tokens import cell as cell_place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.structured import Table
    from xlplugin.workbook.tokens import Token

__all__ = ["Refusals"]

_LET: Final = "_XLPM."
_DUMMY: Final = "__XLUDF.DUMMYFUNCTION"


class Refusals:
    """The rules for the formulas of one workbook.

    Parameters
    ----------
    spelled : collection of str
        Spellings of our functions in capitals.
    replaced : mapping of str to str
        Functions that a replacement computes.
    names : iterable of DefinedName
        A name may hold a LAMBDA and is called like a function then.
    tables : iterable of Table
        For structured references.
    """

    def __init__(
        self,
        spelled: Collection[str],
        replaced: Mapping[str, str],
        names: Iterable[DefinedName],
        tables: Iterable[Table],
    ) -> None:
        names = list(names)
        self._spelled = spelled
        self._tables = {table.name.upper(): table for table in tables}
        self._lambdas = {name.name.upper() for name in names if "LAMBDA(" in name.text.upper()}
        self._names = {name.name.upper(): name.text for name in names}
        self._computed = (EXCEL - LACKING) | {bare(name) for name in replaced} | HELPERS | {"ISOMITTED"}
        self._fine = frozenset(self._computed | set(spelled) | self._lambdas | {"_XLFN.SINGLE", "SINGLE"})
        self._fine |= {"_XLFN.ANCHORARRAY", "ANCHORARRAY"}
        self._refused_names: dict[str, Finding | None] = {}
        self._clean: set[tuple[str, str, str]] = set()  # a calculated column repeats its formula

    def of(self, formula: str, sheet: str, row: int, cell: str, depth: int = 0) -> Finding | None:
        """The first reason against a stored formula, or None."""
        own = self._own_table(sheet, row, cell)
        key = formula, sheet, own.name if own else ""
        if key in self._clean:
            return None
        found = self._first(formula, sheet, row, cell, own, depth)
        if found is None and depth == 0:
            self._clean.add(key)
        return found

    def _first(
        self, formula: str, sheet: str, row: int, cell: str, own: Table | None, depth: int
    ) -> Finding | None:
        called = called_names(formula) if "(" in formula else set()
        odd = [name for name in called if name not in self._fine and bare(name).upper() not in self._fine]
        if not odd and "[" not in formula and not self._refused_name(formula, depth):
            return None
        parts = tokens(formula)
        for at, (kind, part) in enumerate(parts):
            following = parts[at + 1] if at + 1 < len(parts) else (OTHER, "")
            if kind == NAME and following[1] == "(":
                if found := self._function(part, sheet, cell):
                    return found
            elif kind == BRACKET:
                if found := self._bracket(parts, at, sheet, row, cell, own):
                    return found
            elif kind == QUOTED and "[" in part and following[1] == "!":
                return Finding("T05", "error", sheet, cell, {"target": part})
            elif kind == NAME and (found := self._name(part.upper(), depth)):
                return Finding(found.rule, found.level, sheet, cell, found.facts)
        return None

    def _function(self, part: str, sheet: str, cell: str) -> Finding | None:
        upper = part.upper()
        if upper in self._fine or upper.startswith(_LET):
            return None
        plain = bare(part).upper()
        if plain in self._fine or plain.startswith(_LET):
            return None
        if upper == _DUMMY:
            return Finding("T24", "error", sheet, cell)
        if plain in EXCEL:
            alternative = ALTERNATIVES.get(plain, "an input cell or other functions")
            return Finding("T01", "error", sheet, cell, {"function": plain, "alternative": alternative})
        return Finding("T02", "error", sheet, cell, {"function": plain})

    def _bracket(
        self, parts: list[Token], at: int, sheet: str, row: int, cell: str, own: Table | None
    ) -> Finding | None:
        part = parts[at][1]
        following = parts[at + 1] if at + 1 < len(parts) else (OTHER, "")
        before = parts[at - 1] if at else (OTHER, "")
        if part[1:-1].isdigit() or following[1] == "!" or following[0] in (NAME, CELL):
            if following[1] == "!" and at + 2 < len(parts) and parts[at + 2][1].upper() in self._spelled:
                return None
            return Finding("T05", "error", sheet, cell, {"target": part})
        if part.startswith("[_xlpm."):
            return None  # an optional parameter of LAMBDA
        table = self._tables.get(before[1].upper()) if before[0] == NAME else own
        shown = f"{before[1]}{part}" if before[0] == NAME else part
        if table is None:
            facts = {"text": shown, "table": before[1] or "Table", "column": "Column"}
            return Finding("T13", "error", sheet, cell, facts)
        try:
            answer = structured(table, part[1:-1], sheet, row)
        except InvalidReferenceError:
            answer = "#REF!"
        if answer != "#REF!" or not _names_a_column(part):
            return None
        facts = {"text": shown, "table": table.name, "column": table.columns[0]}
        return Finding("T13", "error", sheet, cell, facts)

    def _refused_name(self, formula: str, depth: int) -> bool:
        if not self._names:
            return False
        words = set(re.findall(r"[^\W\d][\w.?\\・]*", formula.upper()))
        return any(word in self._names and self._name(word, depth) is not None for word in words)

    def _name(self, upper: str, depth: int) -> Finding | None:
        """What speaks against the text of a name; names may refer to names."""
        if upper not in self._names or depth >= MAX_DEPTH:
            return None
        if upper not in self._refused_names:
            self._refused_names[upper] = None  # a cycle ends here
            self._refused_names[upper] = self.of(self._names[upper], "", 0, "", depth + 1)
        return self._refused_names[upper]

    def _own_table(self, sheet: str, row: int, cell: str) -> Table | None:

        if not cell:
            return None
        column = cell_place(cell)[1]
        return next((t for t in self._tables.values() if t.holds(sheet, row, column)), None)


def _names_a_column(part: str) -> bool:
    """Whether a bracket asks for more than the fixed items: ``Table[#Headers]`` may well be #REF!."""
    return re.search(r"\[\s*(?:#(?:All|Data|Headers|Totals|This Row))\s*\]$", part, re.I) is None
