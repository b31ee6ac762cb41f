"""Parts that change once per template: workbook settings, metadata of dynamic arrays, relations.

Excel recalculates a file on load when ``calcId`` is older than itself, and rebuilds a missing
calcChain. Source: ECMA-376 part 1, 18.2.2 (calcPr) and 18.9; [MS-XLSX] 2.3.6 (dynamic arrays).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from xlplugin.errors import InputError
from xlplugin.workbook.package import relations_part
from xlplugin.workbook.parts import (
    CONTENT_TYPES,
    MAIN,
    RELATIONS,
    RELATIONSHIPS,
    local,
    main,
    parse,
    part_bytes,
)
from xlplugin.workbook.xmltext import xml

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from lxml.etree import _Element as Element

    from xlplugin.workbook.package import Package

__all__ = [
    "CALCULATION_ID",
    "FORMULA_SHEET",
    "FixedParts",
    "Plumbing",
    "dynamic_record",
    "fixed_parts",
    "with_calculation",
    "with_dates",
    "with_names",
]

CALCULATION_ID: Final = "191029"
METADATA: Final = "xl/metadata.xml"
SHARED_STRINGS: Final = "xl/sharedStrings.xml"

_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml."
METADATA_TYPE: Final = f"{_SPREADSHEET}sheetMetadata+xml"
STRINGS_TYPE: Final = f"{_SPREADSHEET}sharedStrings+xml"
WORKSHEET_TYPE: Final = f"{_SPREADSHEET}worksheet+xml"
WORKBOOK_TYPE: Final = f"{_SPREADSHEET}sheet.main+xml"
FORMULA_SHEET: Final = "_formulas"
MAIN_TYPES: Final = {
    f"{_SPREADSHEET}sheet.main+xml": f"{_SPREADSHEET}sheet.main+xml",
    f"{_SPREADSHEET}template.main+xml": f"{_SPREADSHEET}sheet.main+xml",
    "application/vnd.ms-excel.sheet.macroEnabled.main+xml": (
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    ),
    "application/vnd.ms-excel.template.macroEnabled.main+xml": (
        "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    ),
}

_BEHIND_SETTINGS: Final = frozenset(
    """oleSize customWorkbookViews pivotCaches smartTagPr smartTagTypes webPublishing fileRecoveryPr
    webPublishObjects extLst""".split()
)
_PROPERTIES: Final = {
    "title": "dc:title",
    "subject": "dc:subject",
    "creator": "dc:creator",
    "keywords": "cp:keywords",
    "description": "dc:description",
}
_NO_STRINGS: Final = f'<sst xmlns="{MAIN}"/>'.encode()
_TIMES: Final = re.compile(r"(<dcterms:(?:modified|created)\b[^>]*>)[^<]*(</dcterms:)")
_DYNAMIC: Final = "http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray"
_FRESH: Final = f"""<metadata xmlns="{MAIN}" xmlns:xda="{_DYNAMIC}">\
<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000" copy="1" pasteAll="1" \
pasteValues="1" merge="1" splitFirst="1" rowColShift="1" clearFormats="1" clearComments="1" assign="1" \
coerce="1" cellMeta="1"/></metadataTypes>\
<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext uri="{{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}}">\
<xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/></ext></extLst></bk></futureMetadata>\
<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>"""


class Plumbing:
    """Content types and relations of the package and the workbook while parts come and go."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._types_part = package.find("[Content_Types].xml") or "[Content_Types].xml"
        self._types = package.xml(self._types_part)
        self._relations: dict[str, tuple[str, Element]] = {}
        for source in ("", package.main):
            part = package.find(relations_part(source))
            if part is not None:
                self._relations[source] = part, package.xml(part)
        self._changed: dict[str, Element] = {}
        self.dropped: set[str] = set()
        self.added: dict[str, bytes] = {}

    def parts(self) -> dict[str, bytes]:
        """The parts that changed, new ones last."""
        return {**{part: part_bytes(root) for part, root in self._changed.items()}, **self.added}

    def drop(self, part: str) -> None:
        """Take a part out, with what only it refers to, its content type and the relations to it."""
        self.dropped.add(part)
        for relation in self._package.relations(part):
            if not relation.external and relation.target not in self.dropped:
                self.drop(relation.target)
        if own := self._package.find(relations_part(part)):
            self.dropped.add(own)
        for element in list(self._types):
            if element.get("PartName", "").lstrip("/").lower() == part.lower():
                self._types.remove(element)
                self._changed[self._types_part] = self._types
        for source, (where, root) in self._relations.items():
            gone = {r.id for r in self._package.relations(source) if r.target == part and not r.external}
            for element in list(root):
                if element.get("Id") in gone:
                    root.remove(element)
                    self._changed[where] = root

    def add(self, part: str, data: bytes, content_type: str, kind: str) -> str:
        """Put a part in, related to the workbook; the id of the relation is given back."""
        self.added[part] = data
        self.set_type(part, content_type)
        where, root = self._relations[self._package.main]
        used = {element.get("Id") for element in root}
        number = 1
        while f"rId{number}" in used:
            number += 1
        relation = etree.SubElement(root, f"{{{RELATIONS}}}Relationship")
        relation.set("Id", f"rId{number}")
        relation.set("Type", f"{RELATIONSHIPS}/{kind}")
        relation.set("Target", posixpath.relpath(part, posixpath.dirname(self._package.main) or "."))
        self._changed[where] = root
        return f"rId{number}"

    def set_type(self, part: str, content_type: str) -> None:
        """Say what kind of part it is."""
        for element in self._types:
            if element.get("PartName", "").lstrip("/").lower() == part.lower():
                if element.get("ContentType") != content_type:
                    element.set("ContentType", content_type)
                    self._changed[self._types_part] = self._types
                return
        override = etree.SubElement(self._types, f"{{{CONTENT_TYPES}}}Override")
        override.set("PartName", f"/{part}")
        override.set("ContentType", content_type)
        self._changed[self._types_part] = self._types


@dataclass(frozen=True)
class FixedParts:
    """What every run of one edition writes in the same bytes.

    `workbook` is the main part before names are rewritten for a client; `formulas_part` is the
    hidden sheet that lists the frozen formulas of a values edition.
    """

    parts: dict[str, bytes]
    dropped: frozenset[str]
    dynamic_record: int
    workbook: bytes
    strings_part: str | None
    formulas_part: str | None = None


def fixed_parts(package: Package, *, dynamic: bool, values: bool) -> FixedParts:
    """The parts of one edition.

    Parameters
    ----------
    package : Package
    dynamic : bool
        Whether a cell is a dynamic array.
    values : bool
        For a client: no macros, no ribbon, a hidden list of the formulas that were frozen.
    """
    plumbing = Plumbing(package)
    root = package.xml(package.main)
    changed = with_calculation(root)
    record = dynamic_record(package, plumbing) if dynamic else 0
    for relation in package.related(package.main, "calcChain"):
        plumbing.drop(relation.target)
    strings = next((r.target for r in package.related(package.main, "sharedStrings")), None)
    kind = MAIN_TYPES.get(package.content_type(package.main))
    formulas_part = None
    if values:
        kind = WORKBOOK_TYPE
        for source, dropped in (("", "extensibility"), ("", "ui"), (package.main, "vbaProject")):
            for relation in package.relations(source):
                if relation.kind == dropped and not relation.external:
                    plumbing.drop(relation.target)
        if strings is None:
            strings = SHARED_STRINGS
            plumbing.add(strings, _NO_STRINGS, STRINGS_TYPE, "sharedStrings")
        formulas_part = _add_formula_sheet(package, plumbing, root)
        _drop_macro_names(root)
        changed = True
    if kind is not None:
        plumbing.set_type(package.main, kind)
    workbook = part_bytes(root) if changed else package.data(package.main)
    return FixedParts(plumbing.parts(), frozenset(plumbing.dropped), record, workbook, strings, formulas_part)


def _add_formula_sheet(package: Package, plumbing: Plumbing, root: Element) -> str | None:
    if any(sheet.name == FORMULA_SHEET for sheet in package.sheets):
        return None  # a values edition already
    number = 1
    while package.find(f"xl/worksheets/sheet{number}.xml"):
        number += 1
    part = f"xl/worksheets/sheet{number}.xml"
    identity = plumbing.add(part, b"", WORKSHEET_TYPE, "worksheet")
    sheets = root.find(main("sheets"))
    if sheets is None:
        return None
    used = [int(element.get("sheetId", "0")) for element in sheets]
    element = etree.SubElement(sheets, main("sheet"))
    element.set("name", FORMULA_SHEET)
    element.set("sheetId", str(max(used, default=0) + 1))
    element.set("state", "veryHidden")
    element.set(f"{{{RELATIONSHIPS}}}id", identity)
    return part


def _drop_macro_names(root: Element) -> None:
    names = root.find(main("definedNames"))
    if names is None:
        return
    for element in list(names):
        if any(element.get(key) in ("1", "true") for key in ("function", "vbProcedure", "xlm")):
            names.remove(element)
    if not len(names):
        root.remove(names)


def with_names(workbook: bytes, part: str, rewritten: Callable[[str], str]) -> bytes:
    """The main part with the text of every defined name rewritten; the same bytes if none changes."""
    root = parse(workbook, part)
    changed = False
    for element in root.iterfind(f"{main('definedNames')}/{main('definedName')}"):
        old = element.text or ""
        new = rewritten(old)
        if new != old:
            element.text, changed = new, True
    return part_bytes(root) if changed else workbook


def with_dates(core: bytes, as_of: dt.date, properties: Mapping[str, str]) -> bytes:
    """Document properties whose times are the day of the figures: equal inputs give equal bytes.

    Raises
    ------
    InputError
        For a property that is not one of title, subject, creator, keywords, description.
    """
    content = core.decode("utf-8-sig")
    content = _TIMES.sub(lambda match: f"{match[1]}{as_of.isoformat()}T00:00:00Z{match[2]}", content)
    for key, value in properties.items():
        tag = _PROPERTIES.get(key)
        if tag is None:
            raise InputError(f"{key!r} is no document property; use one of {', '.join(_PROPERTIES)}")
        element = f"<{tag}>{xml(value)}</{tag}>"
        pattern = re.compile(rf"<{tag}(?:\s[^>]*)?(?:/>|>[^<]*</{tag}>)")
        if pattern.search(content):
            content = pattern.sub(lambda _, element=element: element, content, count=1)  # type: ignore[misc]
        else:
            end = content.rfind("</")
            content = content[:end] + element + content[end:]
    return content.encode()


def with_calculation(root: Element) -> bool:
    """Settings with which Excel shows what is in the file; whether anything changed.

    A client without the functions would see ``#NAME?`` everywhere after a recalculation.
    """
    element = root.find(main("calcPr"))
    if element is None:
        element = etree.Element(main("calcPr"))
        place = next((n for n, child in enumerate(root) if local(child) in _BEHIND_SETTINGS), len(root))
        root.insert(place, element)
    before = element.items()
    element.set("calcId", CALCULATION_ID)
    for key in ("fullCalcOnLoad", "forceFullCalc", "calcCompleted"):
        if key in element.attrib:
            del element.attrib[key]
    return element.items() != before


def dynamic_record(package: Package, plumbing: Plumbing) -> int:
    """The ``cm`` of a dynamic array: found in the template, else added to it."""
    related = package.related(package.main, "sheetMetadata")
    if not related:
        plumbing.add(METADATA, part_bytes(etree.fromstring(_FRESH)), METADATA_TYPE, "sheetMetadata")
        return 1
    root = package.xml(related[0].target)
    index, changed = _record(root)
    if changed:
        plumbing.added[related[0].target] = part_bytes(root)
    return index


def _record(root: Element) -> tuple[int, bool]:
    fresh = etree.fromstring(_FRESH)
    types, cells = root.find(main("metadataTypes")), root.find(main("cellMetadata"))
    names = [element.get("name", "") for element in types] if types is not None else []
    future = next((e for e in root.findall(main("futureMetadata")) if e.get("name") == "XLDAPR"), None)
    if "XLDAPR" in names and future is not None and cells is not None:
        good = {index for index, block in enumerate(future.findall(main("bk"))) if _is_dynamic(block)}
        for index, block in enumerate(cells.findall(main("bk")), start=1):
            record = block.find(main("rc"))
            if record is None or record.get("t") != str(names.index("XLDAPR") + 1):
                continue
            if int(record.get("v", "-1")) in good:
                return index, False
    if types is None:
        types = etree.Element(main("metadataTypes"))
        root.insert(0, types)
    if "XLDAPR" not in names:
        types.append(fresh[0][0])
        names.append("XLDAPR")
    types.set("count", str(len(types)))
    if future is None:
        future, block_index = fresh.find(main("futureMetadata")), 0
        if future is not None:
            root.insert(
                _after(root, "metadataTypes", "metadataStrings", "mdxMetadata", "futureMetadata"), future
            )
    else:
        block_index = len(future.findall(main("bk")))
        future.append(fresh[1][0])
        future.set("count", str(block_index + 1))
    if cells is None:
        cells = etree.Element(main("cellMetadata"))
        root.insert(_after(root, "futureMetadata"), cells)
    record = etree.SubElement(etree.SubElement(cells, main("bk")), main("rc"))
    record.set("t", str(names.index("XLDAPR") + 1))
    record.set("v", str(block_index))
    cells.set("count", str(len(cells)))
    return len(cells), True


def _is_dynamic(block: Element) -> bool:
    properties = block.iter(f"{{{_DYNAMIC}}}dynamicArrayProperties")
    return any(element.get("fDynamic") in ("1", "true") for element in properties)


def _after(root: Element, *tags: str) -> int:
    wanted = {main(tag) for tag in tags}
    return max((index for index, element in enumerate(root) if element.tag in wanted), default=-1) + 1
