"""A workbook made ready to be computed many times: read, lowered and taken apart once.

`CompiledTemplate` is immutable for its users and survives pickling; `run` is pure: the same
template, inputs and date give the same bytes. Specification, sections 3 and 12.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xlplugin.workbook import running
from xlplugin.workbook.findings import Finding
from xlplugin.workbook.fixed import MAIN_TYPES, Plumbing, dynamic_record, with_calculation
from xlplugin.workbook.formula import file_form, in_flavour, mentions, needs_file_form, table_of_spellings
from xlplugin.workbook.lowering import Lowering, is_simple_name
from xlplugin.workbook.package import Package
from xlplugin.workbook.parts import part_bytes
from xlplugin.workbook.refusals import Refusals
from xlplugin.workbook.replacements import REPLACED
from xlplugin.workbook.sheets import Cell, Sheet, Way, scan
from xlplugin.workbook.strings import StringTable
from xlplugin.workbook.tokens import NAME, address, tokens
from xlplugin.workbook.view import sheet_view, view_strings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    from xlplugin.workbook.bind import Inputs
    from xlplugin.workbook.calc import Functions
    from xlplugin.workbook.formula import Flavour
    from xlplugin.workbook.running import Edition, Result
    from xlplugin.workbook.structured import Table

__all__ = ["CompiledTemplate", "compile_template"]


@dataclass
class CompiledTemplate:
    """Everything about a workbook that is the same for every client.

    Made by `compile_template`. `findings` are those of the template's linter that need no values.
    """

    package: Package
    functions: Functions
    sheets: dict[str, Sheet]
    lowering: Lowering
    spelled: Mapping[str, str]
    strings: StringTable
    strings_part: str | None
    sites: list[tuple[str, str]]
    dynamic_record: int
    fixed: dict[str, bytes]
    dropped: frozenset[str]
    digest: str
    lenient: bool
    findings: list[Finding] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    strings_view: bytes | None = None

    def run(
        self,
        inputs: Inputs | None = None,
        *,
        edition: Edition = "live",
        flavour: Flavour = "vba",
        as_of: dt.date,
        level: int = 6,
    ) -> Result:
        """Compute the workbook for one client.

        Parameters
        ----------
        inputs : Inputs, optional
            Values by defined name, table or address; none leaves the template's own.
        edition : {"live", "values", "oracle"}
            Formulas with values; our functions frozen; for an independent application.
        flavour : {"vba", "officejs", "xll"}
            How our functions are spelled in the file.
        as_of : date
            TODAY() and the dates in the document properties.
        level : int
            Compression of changed parts, 1 (fast) to 9.

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
        return running.run(self, inputs, edition=edition, flavour=flavour, as_of=as_of, level=level)


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
    package = Package.open(source)
    spelled = table_of_spellings(functions.names)
    lowering = Lowering(package.tables, spelled, package.names, REPLACED, functions.explaining)
    sheets = {
        part.name: scan(part.name, part.part, package.data(part.part))
        for part in package.sheets
        if part.is_worksheet
    }
    compiler = _Compiler(package, lowering, spelled)
    for sheet in sheets.values():
        for one in sheet.formulas():
            compiler.cell(sheet, one)
        sheet.find_children()
    plumbing = Plumbing(package)
    record = 0
    if any(one.way is Way.DYNAMIC for sheet in sheets.values() for one in sheet.formulas()):
        record = dynamic_record(package, plumbing)
    for relation in package.related(package.main, "calcChain"):
        plumbing.drop(relation.target)
    kind = package.content_type(package.main)
    if kind in MAIN_TYPES:
        plumbing.set_type(package.main, MAIN_TYPES[kind])
    fixed = plumbing.parts()
    root = package.xml(package.main)
    if with_calculation(root):
        fixed = {package.main: part_bytes(root), **fixed}
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
        dynamic_record=record,
        fixed=fixed,
        dropped=frozenset(plumbing.dropped),
        digest=_digest(package, functions),
        lenient=lenient,
        findings=compiler.findings,
    )
    template.views = {sheet.name: sheet_view(sheet) for sheet in sheets.values()}
    if strings_data is not None:
        template.strings_view = view_strings(template.strings.content.encode())
    return template


class _Compiler:
    """What is known while the formulas of one workbook are read."""

    def __init__(self, package: Package, lowering: Lowering, spelled: Mapping[str, str]) -> None:
        self.lowering, self.spelled = lowering, spelled
        self.sites: list[tuple[str, str]] = []
        self.findings: list[Finding] = []
        self._refusals = Refusals(spelled, lowering.replaced, package.names, package.tables)
        self._tables = package.tables
        # Names through which a formula calls one of our functions without naming it.
        self._calling = {
            name.name.upper()
            for name in package.names
            if not is_simple_name(name.text) and mentions(name.text, spelled)
        }

    def cell(self, sheet: Sheet, one: Cell) -> None:
        """Stored form, spelling, way and engine text of one formula."""
        formula, place = one.formula, address(one.row, one.column)
        if formula is None:
            return
        if one.way is Way.KEPT:
            self.findings.append(Finding("T16", "error", sheet.name, place))
            return
        if needs_file_form(formula):
            table = self._own_table(sheet, one) if "[" in formula and "@" in formula else None
            formula = file_form(formula, table.name if table else None)
        if found := self._refusals.of(formula, sheet.name, one.row, place):
            self.findings.append(found)
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
        lowered = self.lowering(formula, sheet.name, one.row, one.column, one.site)
        one.lowered, one.tables = lowered.text, lowered.tables

    def _own_table(self, sheet: Sheet, one: Cell) -> Table | None:
        return next((t for t in self._tables if t.holds(sheet.name, one.row, one.column)), None)

    def _is_ours(self, formula: str) -> bool:
        if mentions(formula, self.spelled):
            return True
        if not self._calling:
            return False
        return any(kind == NAME and part.upper() in self._calling for kind, part in tokens(formula))


def _digest(package: Package, functions: Functions) -> str:
    total = hashlib.sha256(functions.version.encode())
    for name, entry in package.entries.items():
        total.update(f"{name}\0{entry.crc}\0{entry.size}\n".encode())
        total.update(hashlib.sha256(entry.packed).digest())
    return total.hexdigest()
