"""The package lint: defects that the Open XML validator does not see (specification, section 14).

Run on every file in tests, on the first file of a batch and on demand. Nothing is repaired.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from xlplugin.workbook.findings import Finding, Severity
from xlplugin.workbook.fixed import CALCULATION_ID
from xlplugin.workbook.formula import table_of_spellings
from xlplugin.workbook.lint_syntax import syntax_fault, typed_operator
from xlplugin.workbook.package import Package
from xlplugin.workbook.parts import local, main, plain_text
from xlplugin.workbook.precedents import ranges_of
from xlplugin.workbook.reading import cell_value
from xlplugin.workbook.strings import StringTable
from xlplugin.workbook.tokens import NAME, Box, address, box, box_text, cell, tokens
from xlplugin.workbook.xmltext import attributes, unxml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["lint_package"]

_ROW = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row>)", re.S)
_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.S)
_FORMULA = re.compile(r"<f\b([^>]*?)(?:/>|>(.*?)</f>)", re.S)
_VALUE = re.compile(r"<v\b[^>]*>(.*?)</v>", re.S)
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_MERGED = re.compile(r'<mergeCell\b[^>]*\bref="([^"]+)"')
_LIST = re.compile(r'<dataValidation\b[^>]*type="list".*?<formula1>(.*?)</formula1>', re.S)
_SQREF = re.compile(r'sqref="([^"]*)"')
_ERRORS: Final = frozenset("#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A #GETTING_DATA".split())
_TYPES: Final = frozenset("n s str b e inlineStr d".split())
MAX_TEXT: Final = 32_767
MAX_LIST: Final = 255


def lint_package(
    source: bytes | Path, *, functions: Collection[str] = (), flavour: str = "vba"
) -> list[Finding]:
    """Every defect of a finished workbook.

    Parameters
    ----------
    source : bytes or Path
    functions : collection of str
        Names of our functions, to find one spelled for another host (P20).
    flavour : str
        The spelling that is expected.

    Raises
    ------
    PackageError
        If the file is no workbook at all.
    """
    package = Package.open(source)
    linter = _Linter(package, functions, flavour)
    found = list(linter.all())
    return sorted(found, key=lambda f: (Severity[f.level], f.rule, f.sheet, f.cell))


class _Linter:
    def __init__(self, package: Package, functions: Collection[str], flavour: str) -> None:
        self.package = package
        related = package.related(package.main, "sharedStrings")
        self.strings = StringTable(package.data(related[0].target) if related else None)
        self.formats = self._formats()
        self.spelled = table_of_spellings(functions)
        self.expected = {"officejs": "_XLDUDF_", "xll": "_XLL.", "addin": "ORG."}.get(flavour, "")
        self.sheets = {sheet.name for sheet in package.sheets}

    def _formats(self) -> int:
        related = self.package.related(self.package.main, "styles")
        if not related:
            return 1
        element = self.package.xml(related[0].target).find(main("cellXfs"))
        return len(element) if element is not None else 1

    def all(self) -> Iterator[Finding]:
        """Sheet by sheet, then the workbook."""
        for part in self.package.sheets:
            if part.is_worksheet:
                yield from _Sheet(self, part.name, part.part).check()
        yield from self._tables()
        yield from self._names()
        yield from self._charts()
        yield from self._settings()

    def _tables(self) -> Iterator[Finding]:
        tables = self.package.tables
        for at, table in enumerate(tables):
            _, c1, _, c2 = table.corners
            folded = [column.lower() for column in table.columns]
            if len(folded) != c2 - c1 + 1:
                detail = f"{len(folded)} columns over {box_text(table.corners)}"
                yield Finding("P09", "error", table.sheet, "", {"table": table.name, "name": detail})
            if len(set(folded)) != len(folded):
                detail = "two columns have the same name"
                yield Finding("P10", "error", table.sheet, "", {"table": table.name, "detail": detail})
            for other in tables[at + 1 :]:
                same = other.name.upper() == table.name.upper()
                meets = other.sheet == table.sheet and _meet(other.corners, table.corners)
                if same or meets:
                    detail = f"it has the name of another table or overlaps {other.name}"
                    yield Finding("P10", "error", table.sheet, "", {"table": table.name, "detail": detail})

    def _names(self) -> Iterator[Finding]:
        seen: set[tuple[str, str | None]] = set()
        for name in self.package.names:
            key = name.name.upper(), name.sheet
            if key in seen:
                yield Finding("P11", "error", "", "", {"name": name.name, "detail": "it is defined twice"})
            seen.add(key)
            for sheet, _ in ranges_of(name.text, "", {}):
                if sheet and sheet not in self.sheets and not sheet.startswith("["):
                    detail = f"the sheet {sheet} is not there"
                    yield Finding("P11", "error", "", "", {"name": name.name, "detail": detail})

    def _charts(self) -> Iterator[Finding]:
        for sheet in self.package.sheets:
            for drawing in self.package.related(sheet.part, "drawing"):
                for relation in self.package.relations(drawing.target):
                    if relation.kind not in ("chart", "chartEx") or relation.external:
                        continue
                    for element in self.package.xml(relation.target).iter():
                        if local(element) == "f" and element.text:
                            yield from self._chart_reference(relation.target, element.text)

    def _chart_reference(self, part: str, formula: str) -> Iterator[Finding]:
        for sheet, _ in ranges_of(formula, "", {}):
            if sheet and sheet not in self.sheets:
                yield Finding("P12", "error", "", "", {"part": part, "ref": formula})

    def _settings(self) -> Iterator[Finding]:
        element = self.package.xml(self.package.main).find(main("calcPr"))
        identity = element.get("calcId") if element is not None else None
        if identity is None:
            yield Finding("P16", "error", "", "", {"detail": "calcId is missing"})
        elif identity.isdigit() and int(identity) < int(CALCULATION_ID):
            yield Finding("P16", "error", "", "", {"detail": f"calcId is {identity}"})
        if element is not None and element.get("fullCalcOnLoad") in ("1", "true"):
            yield Finding("P16", "error", "", "", {"detail": "fullCalcOnLoad"})
        for relation in self.package.related(self.package.main, "calcChain"):
            yield Finding("P17", "error", "", "", {"part": relation.target})


class _Sheet:
    """One worksheet while its cells are read in the order of the file."""

    def __init__(self, linter: _Linter, name: str, part: str) -> None:
        self.linter, self.name = linter, name
        self.text = plain_text(linter.package.data(part), part)
        self.arrays: list[tuple[Box, str]] = []
        self.formulas: set[tuple[int, int]] = set()
        self.headers: dict[tuple[int, int], Any] = {}
        self.tables = [t for t in linter.package.tables if t.sheet == name]
        self.wanted = {
            (t.corners[0], column)
            for t in self.tables
            if t.has_header
            for column in range(t.corners[1], t.corners[3] + 1)
        }

    def find(self, rule: str, place: str, **facts: object) -> Finding:
        """A finding on this sheet."""
        return Finding(rule, "error", self.name, place, facts)

    def check(self) -> Iterator[Finding]:
        """Cells in order, then what spans several of them."""
        seen: set[tuple[int, int]] = set()
        last_row = 0
        for match in _ROW.finditer(self.text):
            stated = attributes(match[1]).get("r", "")
            number = int(stated) if stated.isdigit() else last_row + 1
            if number <= last_row:
                yield self.find("P02", f"{number}:{number}")
            last_row = max(last_row, number)
            last_column = 0
            for inner in _CELL.finditer(match[2] or ""):
                given = attributes(inner[1])
                row, column = cell(given["r"]) if "r" in given else (number, last_column + 1)
                place = address(row, column)
                if (row, column) in seen:
                    yield self.find("P01", place)
                elif row != number or column <= last_column:
                    yield self.find("P02", place)
                seen.add((row, column))
                last_column = max(last_column, column)
                yield from self._cell(row, column, given, inner[2] or "")
        yield from self._arrays()
        yield from self._merged()
        yield from self._headers()
        yield from self._lists()

    def _cell(self, row: int, column: int, given: dict[str, str], inner: str) -> Iterator[Finding]:
        place, kind = address(row, column), given.get("t", "n")
        style = given.get("s")
        if style is not None and (not style.isdigit() or int(style) >= self.linter.formats):
            yield self.find("P18", place, style=style)
        formula = _FORMULA.search(inner)
        is_array = False
        if formula is not None:
            self.formulas.add((row, column))
            facts = attributes(formula[1])
            is_array = facts.get("t") == "array"
            if is_array:
                yield from self._array(place, row, column, facts)
            if formula[2]:
                yield from self._formula(place, unxml(formula[2]))
        if "cm" in given and not is_array:
            yield self.find("P05", place, detail="cm without an array formula")
        value = _VALUE.search(inner)
        yield from self._value(place, kind, value[1] if value else None, inner)
        if (row, column) in self.wanted:
            self.headers[row, column] = cell_value(kind, inner, self.linter.strings)

    def _value(self, place: str, kind: str, stored: str | None, inner: str) -> Iterator[Finding]:
        shown = "" if stored is None else unxml(stored)
        if kind not in _TYPES:
            yield self.find("P04", place, value=shown[:40], type=kind)
            return
        if kind == "e" and shown not in _ERRORS:
            yield self.find("P03", place, error=shown)
        wrong = (
            (kind == "n" and shown.strip() != "" and not _NUMBER.fullmatch(shown.strip()))
            or (kind == "b" and shown not in ("0", "1", "true", "false"))
            or (kind == "s" and not (shown.isdigit() and int(shown) < len(self.linter.strings.texts)))
        )
        if wrong:
            yield self.find("P04", place, value=shown[:40], type=kind)
        elif kind in ("str", "inlineStr"):
            text = cell_value(kind, inner, self.linter.strings) or ""
            if len(text) > MAX_TEXT:
                yield self.find("P14", place, n=len(text))

    def _array(self, place: str, row: int, column: int, facts: dict[str, str]) -> Iterator[Finding]:
        try:
            corners = box(facts.get("ref", ""))
        except ValueError:
            yield self.find("P05", place, detail="no range")
            return
        if corners[:2] != (row, column):
            yield self.find("P05", place, detail=f"its range is {facts['ref']}")
        self.arrays.append((corners, place))

    def _formula(self, place: str, formula: str) -> Iterator[Finding]:
        if operator := typed_operator(formula):
            yield self.find("P08", place, operator=operator)
        elif fault := syntax_fault(formula):
            yield self.find("P07", place, detail=fault)
        if not self.linter.spelled:
            return
        parts = tokens(formula)
        for at, (kind, part) in enumerate(parts[:-1]):
            if kind == NAME and parts[at + 1][1] == "(" and part.upper() in self.linter.spelled:
                expected = self.linter.expected
                is_bare = part.upper() == self.linter.spelled[part.upper()]
                if not (part.upper().startswith(expected) if expected else is_bare):
                    yield self.find("P20", place, function=part)

    def _arrays(self) -> Iterator[Finding]:
        ordered = sorted(self.arrays)
        for at, (corners, place) in enumerate(ordered):
            for other, other_place in ordered[at + 1 :]:
                if other[0] > corners[2]:
                    break
                if _meet(corners, other):
                    yield self.find("P06", place, range=box_text(corners), other=other_place)
            inside = [f for f in self.formulas if f != corners[:2] and _meet((*f, *f), corners)]
            anchors = {a[:2] for a, _ in ordered}
            for row, column in inside:
                if (row, column) not in anchors:
                    yield self.find("P06", place, range=box_text(corners), other=address(row, column))

    def _merged(self) -> Iterator[Finding]:
        merged = []
        for reference in _MERGED.findall(self.text):
            try:
                merged.append(box(reference))
            except ValueError:
                continue
        merged.sort()
        for at, corners in enumerate(merged):
            for other in merged[at + 1 :]:
                if other[0] > corners[2]:
                    break
                if _meet(corners, other):
                    yield self.find("P19", "", range=box_text(corners), other=box_text(other))
            for array, _ in self.arrays:
                if array[:2] != array[2:] and _meet(array, corners):
                    yield self.find("P19", "", range=box_text(corners), other=box_text(array))

    def _headers(self) -> Iterator[Finding]:
        for table in self.tables:
            if not table.has_header:
                continue
            for at, name in enumerate(table.columns):
                place = table.corners[0], table.corners[1] + at
                found = self.headers.get(place)
                if not isinstance(found, str) or found.lower() != name.lower():
                    facts = {"table": table.name, "name": repr(name)}
                    yield Finding("P09", "error", self.name, address(*place), facts)

    def _lists(self) -> Iterator[Finding]:
        for match in _LIST.finditer(self.text):
            listed = unxml(match[1])
            if listed.startswith('"') and len(listed) - 2 > MAX_LIST:
                where = _SQREF.search(match[0])
                yield self.find("P13", where[1] if where else "", n=len(listed) - 2)


def _meet(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]
