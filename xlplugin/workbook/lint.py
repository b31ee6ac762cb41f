"""The template linter: what would go wrong in Excel, in a viewer or in this engine.

Static rules look at the workbook; value rules look at a calculation of it. Specification, section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.compile import compile_template
from xlplugin.workbook.findings import Finding, Severity
from xlplugin.workbook.formula import bare, called_names, mentions
from xlplugin.workbook.known import EXCEL, VOLATILE
from xlplugin.workbook.lint_formulas import FormulaRules
from xlplugin.workbook.lint_values import value_findings
from xlplugin.workbook.lowering import MAX_DEPTH, is_simple_name
from xlplugin.workbook.parts import local
from xlplugin.workbook.precedents import Precedents, ranges_of
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.tokens import BRACKET, NAME, address, box, box_text, tokens
from xlplugin.workbook.xmltext import unxml

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from xlplugin.workbook.calc import Functions
    from xlplugin.workbook.compile import CompiledTemplate
    from xlplugin.workbook.findings import Level

__all__ = ["LintOptions", "lint_template"]

_CELL_LIKE = re.compile(r"[A-Z]{1,3}[0-9]+|R[0-9]*C[0-9]*")
_FORMULAS_BESIDE_CELLS = re.compile(
    r"<(?:x14:)?(conditionalFormatting|dataValidation|hyperlink)\b"
    r".*?(?=<(?:x14:)?(?:conditionalFormatting|dataValidation|hyperlink)\b|$)",
    re.S,
)
_INNER_FORMULA = re.compile(r"<(?:formula[12]?|xm:f)>(.*?)</", re.S)
_WHERE: Final = {
    "conditionalFormatting": "a conditional format",
    "dataValidation": "a data validation",
    "hyperlink": "a link",
}


@dataclass(frozen=True)
class LintOptions:
    """What the linter cannot see in the workbook.

    Attributes
    ----------
    client_sheets : collection of str
        Sheets that a client sees (T04, T11).
    inputs : collection of str
        Defined names that are set per client (T30); None: every name that starts with ``in_``.
    bound_tables : collection of str
        Tables whose records are set per client (T31).
    as_of : date
        Calculate the template for this day and check its values too; None: static rules only.
    """

    client_sheets: Collection[str] = field(default_factory=tuple)
    inputs: Collection[str] | None = None
    bound_tables: Collection[str] = field(default_factory=tuple)
    as_of: dt.date | None = None


def lint_template(
    source: bytes | Path, functions: Functions, options: LintOptions | None = None
) -> list[Finding]:
    """Every finding about a template, the gravest first.

    Raises
    ------
    PackageError
        If the file is no workbook.
    """
    options = options or LintOptions()
    template = compile_template(source, functions, lenient=True)
    linter = _Linter(template, options)
    found = [replace(finding, level=_level(finding)) for finding in template.findings]
    found += linter.static()
    if options.as_of is not None:
        found += value_findings(template, options.as_of, options.client_sheets)
    unique = {(f.rule, f.place, f.message()): f for f in found}
    return sorted(unique.values(), key=lambda f: (Severity[f.level], f.rule, f.sheet, f.cell))


def _level(finding: Finding) -> Level:  # a lenient compilation calls its errors warnings
    return finding.level if finding.rule == "T14" else "error"


class _Linter:
    def __init__(self, template: CompiledTemplate, options: LintOptions) -> None:
        self.template, self.options = template, options
        self.package = template.package
        self.names = {name.name.upper(): name for name in self.package.names}
        self.precedents = Precedents(template.sheets, self.names)

    def static(self) -> Iterator[Finding]:
        """The rules that need no values."""
        yield from self._settings()
        yield from self._functions()
        yield from self._names()
        yield from self._cells()
        yield from self._volatile()
        yield from self._beside_cells()
        yield from self._client_sheets()
        yield from self._pivots()
        yield from self._inputs()
        yield from self._bound_tables()

    # -- the whole workbook ----------------------------------------------------------------------

    def _settings(self) -> Iterator[Finding]:
        calculation = self.package.calculation
        if calculation.iterates:
            yield Finding("T17", "error", "", "", {"cells": "the workbook asks for it"})
        if self.package.date1904:
            yield Finding("T18", "warning", "", "")
        if not calculation.full_precision:
            yield Finding("T26", "error", "", "", {"mode": "precision as displayed"})
        if calculation.mode == "manual":
            yield Finding("T26", "warning", "", "", {"mode": "manual"})

    def _functions(self) -> Iterator[Finding]:
        seen: dict[str, str] = {}
        for name in sorted(self.template.functions.names):
            upper = name.upper()
            reason = ""
            if _CELL_LIKE.fullmatch(upper):
                reason = "it reads as a cell"
            elif upper in EXCEL:
                reason = "Excel has a function of that name"
            elif upper in seen:
                reason = f"it differs from {seen[upper]} by case only"
            seen.setdefault(upper, name)
            if reason:
                yield Finding("T36", "error", "", "", {"name": name, "reason": reason})

    def _names(self) -> Iterator[Finding]:
        for name in self.package.names:
            if name.is_builtin:
                continue
            facts: dict[str, object] = {"name": name.name, "text": name.text}
            external = any(k == BRACKET and p[1:-1].isdigit() for k, p in tokens(name.text))
            if external:
                yield Finding("T05", "error", "", name.name, {"target": name.text})
            elif (name.is_macro and not is_simple_name(name.text)) or self._is_circular(name.name.upper()):
                yield Finding("T34", "error", "", "", facts)
            elif mentions(name.text, self.template.spelled):
                continue
            elif not is_simple_name(name.text) and re.match(r"\$?[A-Z]{1,3}\$?[0-9]+", name.text, re.I):
                yield Finding("T34", "error", "", "", facts)  # a reference without its sheet

    def _is_circular(self, upper: str) -> bool:
        reached = {upper}
        for _ in range(MAX_DEPTH + 1):
            words = {
                part.upper()
                for name in reached
                for kind, part in tokens(self.names[name].text)
                if kind == NAME and part.upper() in self.names
            }
            if upper in words:
                return True
            if not words:
                return False
            reached = words
        return True

    # -- formulas --------------------------------------------------------------------------------

    def _cells(self) -> Iterator[Finding]:
        rules = FormulaRules(self.template.spelled, self.names, self.template.sheets)
        for sheet in self.template.sheets.values():
            for one in sheet.formulas():
                yield from rules.check(sheet, one)

    def _volatile(self) -> Iterator[Finding]:
        client = bool(self.options.client_sheets)
        for sheet in self.template.sheets.values():
            for one in sheet.formulas():
                if not one.is_ours:
                    continue
                target = f"{sheet.name}!{address(one.row, one.column)}"
                for where, cell in self.precedents.upstream(sheet.name, one):
                    if function := _volatile_in(cell.formula or ""):
                        facts = {"function": function, "target": target}
                        place = address(cell.row, cell.column)
                        yield Finding("T04", "error" if client else "warning", where, place, facts)
        for name in self.options.client_sheets:
            known = self.template.sheets.get(name)
            for one in known.formulas() if known is not None else ():
                if function := _volatile_in(one.formula or ""):
                    facts = {"function": function, "target": f"the client sheet {name}"}
                    yield Finding("T04", "error", name, address(one.row, one.column), facts)

    # -- beside the cells ------------------------------------------------------------------------

    def _beside_cells(self) -> Iterator[Finding]:
        spelled = self.template.spelled
        for sheet in self.template.sheets.values():
            for match in _FORMULAS_BESIDE_CELLS.finditer(sheet.tail):
                for inner in _INNER_FORMULA.findall(match[0]):
                    formula = unxml(inner)
                    if mentions(formula, spelled):
                        function = next(spelled[n] for n in sorted(called_names(formula)) if n in spelled)
                        facts = {"function": function, "where": _WHERE[match[1]]}
                        yield Finding("T15", "error", sheet.name, "", facts)
        for chart in self.template.charts:
            for formula in chart.formulas():
                if any(k == BRACKET and p[1:-1].isdigit() for k, p in tokens(formula)):
                    yield Finding("T05", "error", "", chart.part, {"target": formula})

    def _client_sheets(self) -> Iterator[Finding]:
        for name in self.options.client_sheets:
            sheet = self.template.sheets.get(name)
            for one in sheet.formulas() if sheet is not None else ():
                if one.way in (Way.DYNAMIC, Way.FIXED):
                    yield Finding("T11", "error", name, address(one.row, one.column))

    def _pivots(self) -> Iterator[Finding]:
        for relation in self.package.related(self.package.main, "pivotCacheDefinition"):
            root = self.package.xml(relation.target)
            if root.get("refreshOnLoad") in ("1", "true"):
                continue
            for source in (e for e in root.iter() if local(e) == "worksheetSource"):
                sheet, reference = source.get("sheet", ""), source.get("ref", "")
                table = next((t for t in self.package.tables if t.name == source.get("name")), None)
                if table is not None:
                    sheet, reference = table.sheet, box_text(table.corners)
                if not reference:
                    continue
                area = sheet, box(reference.replace("$", ""))
                if next(self.precedents.inside(area), None) is not None:
                    yield Finding("T29", "warning", sheet, reference)

    def _inputs(self) -> Iterator[Finding]:
        wanted = self.options.inputs
        names = [n.name for n in self.package.names if n.name.lower().startswith("in_")]
        for label in names if wanted is None else wanted:
            name = self.names.get(label.upper())
            if name is None:
                yield Finding("T30", "error", "", label, {"name": label, "reason": "is not defined"})
                continue
            for sheet, corners in ranges_of(name.text, "", {})[:1]:
                known = self.template.sheets.get(sheet)
                row = known.rows.get(corners[0]) if known is not None else None
                place = address(corners[0], corners[1])
                cell = next((c for c in row.parsed() if c.column == corners[1]), None) if row else None
                if cell is not None and cell.formula is not None:
                    reason = "holds a formula"
                elif known is not None and corners[1] in known.children.get(corners[0], ()):
                    reason = "is inside a spill"
                else:
                    continue
                yield Finding("T30", "error", sheet, place, {"name": label, "reason": reason})

    def _bound_tables(self) -> Iterator[Finding]:
        wanted = {name.upper() for name in self.options.bound_tables}
        for table in self.package.tables:
            if table.name.upper() not in wanted:
                continue
            sheet = self.template.sheets[table.sheet]
            _, c1, bottom, c2 = table.corners
            for number, row in sheet.rows.items():
                below = [
                    one
                    for one in (row.parsed() if number > bottom else ())
                    if c1 <= one.column <= c2 and (one.formula or "<v" in one.raw or "<is" in one.raw)
                ]
                if below:
                    place = address(number, below[0].column)
                    yield Finding("T31", "error", table.sheet, place, {"table": table.name})
                    break


def _volatile_in(formula: str) -> str | None:
    called = {bare(name) for name in called_names(formula)} & VOLATILE
    if not called:
        return None
    real = {bare(part).upper() for kind, part in tokens(formula) if kind == NAME}
    return next(iter(sorted(called & real)), None)
