"""A workbook made ready to be computed many times: read, lowered and taken apart once.

`CompiledTemplate` is immutable for its users and survives pickling; `run` is pure: the same
template, inputs and date give the same bytes. Specification, sections 3 and 12.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from xlplugin.workbook import running
from xlplugin.workbook.charts import Chart, area_of, chart_parts, take_apart
from xlplugin.workbook.findings import Finding
from xlplugin.workbook.fixed import FixedParts, fixed_parts
from xlplugin.workbook.formats import Formats
from xlplugin.workbook.formula import file_form, in_flavour, mentions, needs_file_form, table_of_spellings
from xlplugin.workbook.known import ALTERNATIVES
from xlplugin.workbook.lowering import Lowering, is_simple_name
from xlplugin.workbook.package import Package
from xlplugin.workbook.refusals import Refusals
from xlplugin.workbook.replacements import REPLACED
from xlplugin.workbook.sheets import Cell, Sheet, Way, scan
from xlplugin.workbook.sized import SizedFormulas
from xlplugin.workbook.strings import StringTable
from xlplugin.workbook.tokens import NAME, address, tokens
from xlplugin.workbook.view import sheet_view, view_strings
from xlplugin.workbook.zipped import Entry, new_entry

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from xlplugin.workbook.bind import Inputs
    from xlplugin.workbook.calc import Functions
    from xlplugin.workbook.editions import Edition
    from xlplugin.workbook.findings import Level
    from xlplugin.workbook.formula import Flavour
    from xlplugin.workbook.running import Result
    from xlplugin.workbook.spills import Place
    from xlplugin.workbook.structured import Table

__all__ = ["CompiledTemplate", "compile_package", "compile_template"]


@dataclass
class CompiledTemplate:
    """Everything about a workbook that is the same for every client.

    Made by `compile_template`. `findings` are those of the template's linter that need no values;
    `large` remembers which results needed a second pass, so that the next client starts there;
    `much_read` which ones hundreds of formulas read, by which tables are long.
    """

    package: Package
    functions: Functions
    sheets: dict[str, Sheet]
    lowering: Lowering
    spelled: Mapping[str, str]
    strings: StringTable
    strings_part: str | None
    sites: list[tuple[str, str]]
    charts: list[Chart]
    formats: Formats
    digest: str
    lenient: bool
    sized: SizedFormulas
    findings: list[Finding] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    strings_view: bytes | None = None
    large: set[Place] = field(default_factory=set)
    much_read: dict[tuple[tuple[str, bool], ...], frozenset[Place]] = field(default_factory=dict)
    _fixed: dict[bool, FixedParts] = field(default_factory=dict)
    _packed: dict[tuple[bytes, int], Entry] = field(default_factory=dict)

    def run(
        self,
        inputs: Inputs | None = None,
        *,
        edition: Edition = "live",
        flavour: Flavour = "vba",
        as_of: dt.date,
        level: int = 6,
        freeze_dynamic: bool = True,
        properties: Mapping[str, str] | None = None,
    ) -> Result:
        """Compute the workbook for one client.

        Parameters
        ----------
        inputs : Inputs, optional
            Values by defined name, table or address; none leaves the template's own.
        edition : {"live", "values", "oracle"}
            Formulas with values; our functions frozen; for an independent application.
        flavour : {"vba", "officejs", "xll", "addin"}
            How our functions are spelled in the file.
        as_of : date
            TODAY() and the dates in the document properties.
        level : int
            Compression of changed parts, 1 (fast) to 9.
        freeze_dynamic : bool
            Whether a values edition freezes native dynamic arrays too; viewers ignore their values.
        properties : mapping, optional
            Document properties to set: title, subject, creator, keywords, description.

        Returns
        -------
        Result
            The bytes of the workbook, its values, errors, failures and findings.

        Raises
        ------
        TemplateError
            If a formula cannot be calculated without Excel, with every such cell.
        InputError
            If an input does not fit the template.
        """
        return running.run(
            self,
            inputs,
            edition=edition,
            flavour=flavour,
            as_of=as_of,
            level=level,
            freeze_dynamic=freeze_dynamic,
            properties=properties or {},
        )

    def fixed_parts(self, edition: Edition) -> FixedParts:
        """What every run of an edition writes in the same bytes; made once."""
        values = edition == "values"
        if values not in self._fixed:
            cells = (one for sheet in self.sheets.values() for one in sheet.formulas())
            dynamic = any(one.way is Way.DYNAMIC for one in cells)
            self._fixed[values] = fixed_parts(self.package, dynamic=dynamic, values=values)
        return self._fixed[values]

    def packed(self, fixed: FixedParts, part: str, level: int) -> Entry:
        """A fixed part, packed once."""
        data = fixed.parts[part]
        key = part.encode() + b"\0" + data, level
        if key not in self._packed:
            self._packed[key] = new_entry(part, data, level)
        return self._packed[key]


def compile_template(
    source: bytes | Path, functions: Functions, *, lenient: bool = False
) -> CompiledTemplate:
    """Read a workbook once, so that it can be computed for any number of clients.

    Parameters
    ----------
    source : bytes or Path
        An .xlsx, .xlsm, .xltx or .xltm file.
    functions : Functions
        The worksheet functions; `xlplugin.hosts.headless` joins the registry.
    lenient : bool
        Keep the stored value of a formula that cannot be calculated without Excel, and report
        it, instead of refusing the workbook.

    Raises
    ------
    PackageError
        R01 to R09: the file is no workbook we can take.
    """
    return compile_package(Package.open(source), functions, lenient=lenient)


def compile_package(
    package: Package,
    functions: Functions,
    *,
    lenient: bool = False,
    restored: Sequence[tuple[str, str, str, str]] = (),
) -> CompiledTemplate:
    """See `compile_template`; `restored` puts frozen formulas back: sheet, cell, range, formula."""
    spelled = table_of_spellings(functions.names)
    sheets = {
        part.name: scan(part.name, part.part, package.data(part.part))
        for part in package.sheets
        if part.is_worksheet
    }
    for name, place, reach, formula in restored:
        if name in sheets:
            sheets[name].restore(place, reach, formula)
    calling = _calling_names(package, spelled)
    dynamic = [
        (sheet.name, one.row, one.column)
        for sheet in sheets.values()
        for one in sheet.formulas()
        if one.way is Way.DYNAMIC or (one.way is Way.PLAIN and _is_ours(one.formula or "", spelled, calling))
    ]
    lowering = Lowering(
        package.tables, spelled, package.names, REPLACED, functions.explaining, frozenset(dynamic)
    )
    compiler = _Compiler(package, lowering, spelled, lenient=lenient)
    for sheet in sheets.values():
        for one in sheet.formulas():
            compiler.cell(sheet, one)
        sheet.find_children()
    strings = package.related(package.main, "sharedStrings")
    strings_part = strings[0].target if strings else None
    strings_data = package.data(strings_part) if strings_part else None
    template = CompiledTemplate(
        package=package,
        functions=functions,
        sheets=sheets,
        lowering=lowering,
        spelled=spelled,
        strings=StringTable(strings_data),
        strings_part=strings_part,
        sites=compiler.sites,
        charts=_charts(package),
        formats=Formats(package),
        digest=_digest(package, functions),
        lenient=lenient,
        sized=SizedFormulas(lowering),
        findings=compiler.findings,
    )
    template.views = {sheet.name: sheet_view(sheet) for sheet in sheets.values()}
    if strings_data is not None:
        template.strings_view = view_strings(template.strings.texts)
    return template


class _Compiler:
    """What is known while the formulas of one workbook are read."""

    def __init__(
        self, package: Package, lowering: Lowering, spelled: Mapping[str, str], *, lenient: bool
    ) -> None:
        self.lowering, self.spelled = lowering, spelled
        self._level: Level = "warning" if lenient else "error"
        self.sites: list[tuple[str, str]] = []
        self.findings: list[Finding] = []
        self._refusals = Refusals(spelled, lowering.replaced, package.names, package.tables)
        self._tables = package.tables
        self._calling = _calling_names(package, spelled)
        # A calculated column repeats its formula in thousands of rows.
        self._file_form = cache(file_form)
        self._is_ours = cache(lambda formula: _is_ours(formula, spelled, self._calling))

    def cell(self, sheet: Sheet, one: Cell) -> None:
        """Stored form, spelling, way and engine text of one formula."""
        formula, place = one.formula, address(one.row, one.column)
        if formula is None:
            return
        if one.way is Way.KEPT:
            self.findings.append(Finding("T16", self._level, sheet.name, place))
            return
        if needs_file_form(formula):
            table = self._own_table(sheet, one) if "[" in formula and "@" in formula else None
            typed, formula = formula, self._file_form(formula, table.name if table else None)
            if formula != typed:
                self.findings.append(Finding("T14", "info", sheet.name, place))
        if found := self._refusals.of(formula, sheet.name, one.row, place):
            self.findings.append(replace(found, level=self._level))
            one.way = Way.KEPT
            return
        one.is_ours = self._is_ours(formula)
        if one.is_ours:
            formula = in_flavour(formula, "vba", self.spelled)
            if one.way is Way.PLAIN:
                one.way = Way.DYNAMIC
                one.extent = (one.row, one.column, one.row, one.column)
        one.formula = formula
        one.site = len(self.sites) if one.is_ours else -1
        if one.is_ours:
            self.sites.append((sheet.name, place))
        one_cell = one.way is Way.PLAIN
        lowered = self.lowering(formula, sheet.name, one.row, one.column, one.site, one_cell=one_cell)
        if lowered.refused is not None:
            alternative = ALTERNATIVES.get(lowered.refused, "other functions")
            facts = {"function": lowered.refused, "alternative": alternative}
            self.findings.append(Finding("T01", self._level, sheet.name, place, facts))
            one.way = Way.KEPT
            return
        one.lowered, one.tables = lowered.text, lowered.tables

    def _own_table(self, sheet: Sheet, one: Cell) -> Table | None:
        return next((t for t in self._tables if t.holds(sheet.name, one.row, one.column)), None)


def _calling_names(package: Package, spelled: Mapping[str, str]) -> frozenset[str]:
    """Names through which a formula calls one of our functions without naming it."""
    return frozenset(
        name.name.upper()
        for name in package.names
        if not is_simple_name(name.text) and mentions(name.text, spelled)
    )


def _is_ours(formula: str, spelled: Mapping[str, str], calling: Collection[str]) -> bool:
    if mentions(formula, spelled):
        return True
    return bool(calling) and any(k == NAME and part.upper() in calling for k, part in tokens(formula))


def _charts(package: Package) -> list[Chart]:
    """Charts with at least one reference that can be read."""
    names = {name.name.upper(): name for name in package.names}

    def readable(formula: str) -> bool:
        # Extents are known after a calculation only; any will do for this question.
        return area_of(formula, names, lambda _, row, column: (row, column, row, column)) is not None

    charts = [take_apart(part, package.data(part), readable) for part in chart_parts(package)]
    return [chart for chart in charts if chart.slots]


def _digest(package: Package, functions: Functions) -> str:
    total = hashlib.sha256(functions.version.encode())
    for name, entry in package.entries.items():
        total.update(f"{name}\0{entry.crc}\0{entry.size}\n".encode())
        total.update(hashlib.sha256(entry.packed).digest())
    return total.hexdigest()
