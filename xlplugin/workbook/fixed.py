"""Parts that change once per template: workbook settings, metadata of dynamic arrays, relations.

Excel recalculates a file on load when ``calcId`` is older than itself, and rebuilds a missing
calcChain. Source: ECMA-376 part 1, 18.2.2 (calcPr) and 18.9; [MS-XLSX] 2.3.6 (dynamic arrays).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from lxml import etree

from xlplugin.workbook.package import relations_part
from xlplugin.workbook.parts import CONTENT_TYPES, MAIN, RELATIONS, RELATIONSHIPS, local, main, part_bytes

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from xlplugin.workbook.package import Package

__all__ = ["CALCULATION_ID", "MAIN_TYPES", "Plumbing", "dynamic_record", "with_calculation"]

CALCULATION_ID: Final = "191029"
METADATA: Final = "xl/metadata.xml"
SHARED_STRINGS: Final = "xl/sharedStrings.xml"

_SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml."
METADATA_TYPE: Final = f"{_SPREADSHEET}sheetMetadata+xml"
STRINGS_TYPE: Final = f"{_SPREADSHEET}sharedStrings+xml"
WORKSHEET_TYPE: Final = f"{_SPREADSHEET}worksheet+xml"
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
_DYNAMIC: Final = "http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray"
_FRESH: Final = f"""<metadata xmlns="{MAIN}" xmlns:xda="{_DYNAMIC}">\
<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000" copy="1" pasteAll="1" \
pasteValues="1" merge="1" splitFirst="1" rowColShift="1" clearFormats="1" clearComments="1" assign="1" \
coerce="1" cellMeta="1"/></metadataTypes>\
<futureMetadata name="XLDAPR" count="1"><bk><extLst><ext uri="{{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}}">\
<xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/></ext></extLst></bk></futureMetadata>\
<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>"""


class Plumbing:
    """Content types and workbook relations while parts come and go."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._types_part = package.find("[Content_Types].xml") or "[Content_Types].xml"
        self._types = package.xml(self._types_part)
        self._relations_part = relations_part(package.main)
        self._relations_part = package.find(self._relations_part) or self._relations_part
        self._relations = package.xml(self._relations_part)
        self._changed: set[str] = set()
        self.dropped: set[str] = set()
        self.added: dict[str, bytes] = {}

    def parts(self) -> dict[str, bytes]:
        """The parts that changed, new ones last."""
        found = {}
        if self._types_part in self._changed:
            found[self._types_part] = part_bytes(self._types)
        if self._relations_part in self._changed:
            found[self._relations_part] = part_bytes(self._relations)
        return {**found, **self.added}

    def drop(self, part: str) -> None:
        """Take a part out, with its content type and the workbook's relation to it."""
        self.dropped.add(part)
        own = relations_part(part)
        if found := self._package.find(own):
            self.dropped.add(found)
        for element in list(self._types):
            if element.get("PartName", "").lstrip("/").lower() == part.lower():
                self._types.remove(element)
                self._changed.add(self._types_part)
        for relation in self._package.relations(self._package.main):
            if relation.target == part and not relation.external:
                self._remove_relation(relation.id)

    def _remove_relation(self, identity: str) -> None:
        for element in list(self._relations):
            if element.get("Id") == identity:
                self._relations.remove(element)
                self._changed.add(self._relations_part)

    def add(self, part: str, data: bytes, content_type: str, kind: str) -> str:
        """Put a part in, related to the workbook; the id of the relation is given back."""
        self.added[part] = data
        override = etree.SubElement(self._types, f"{{{CONTENT_TYPES}}}Override")
        override.set("PartName", f"/{part}")
        override.set("ContentType", content_type)
        used = {element.get("Id") for element in self._relations}
        number = 1
        while f"rId{number}" in used:
            number += 1
        relation = etree.SubElement(self._relations, f"{{{RELATIONS}}}Relationship")
        relation.set("Id", f"rId{number}")
        relation.set("Type", f"{RELATIONSHIPS}/{kind}")
        relation.set("Target", posixpath.relpath(part, posixpath.dirname(self._package.main) or "."))
        self._changed |= {self._types_part, self._relations_part}
        return f"rId{number}"

    def set_type(self, part: str, content_type: str) -> None:
        """Give an existing part another content type."""
        for element in self._types:
            if element.get("PartName", "").lstrip("/").lower() == part.lower():
                if element.get("ContentType") != content_type:
                    element.set("ContentType", content_type)
                    self._changed.add(self._types_part)
                return
        override = etree.SubElement(self._types, f"{{{CONTENT_TYPES}}}Override")
        override.set("PartName", f"/{part}")
        override.set("ContentType", content_type)
        self._changed.add(self._types_part)


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
