"""What a package holds: sheets, tables, names and settings, found by relations and never by file names.

Source: ECMA-376 part 2 (packages) and part 1, sections 12.3 and 18.2.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from xlplugin.workbook.parts import CONTENT_TYPES, RELATIONSHIPS, local, main, parse
from xlplugin.workbook.structured import Table
from xlplugin.workbook.tokens import box
from xlplugin.workbook.xmltext import unxstring
from xlplugin.workbook.zipped import Entry, PackageError, read_zip

if TYPE_CHECKING:
    from pathlib import Path

    from lxml.etree import _Element as Element

__all__ = ["DefinedName", "Package", "Relation", "SheetPart", "relations_part"]

_STRICT: Final = "http://purl.oclc.org/ooxml/spreadsheetml/main"
# Parts that Excel does without and makes anew.
_NOT_NEEDED: Final = frozenset(
    """extended-properties core-properties custom-properties connections printerSettings thumbnail
    calcChain customXml""".split()
)
_BINARY_MAIN: Final = "xl/workbook.bin"


@dataclass(frozen=True)
class Relation:
    """One arrow from a part to another one (`target` is a part name) or to the outside."""

    id: str
    type: str
    target: str
    external: bool

    @property
    def kind(self) -> str:
        """Last word of the type: worksheet, table, chart."""
        return self.type.rpartition("/")[2]


@dataclass(frozen=True)
class SheetPart:
    """One tab, in the order of the workbook; `kind` is worksheet, chartsheet, dialogsheet or macro sheet."""

    name: str
    part: str
    kind: str
    index: int
    state: str

    @property
    def is_worksheet(self) -> bool:
        """Whether it has cells."""
        return self.kind == "worksheet"


@dataclass(frozen=True)
class DefinedName:
    """One name; `sheet` is None for the whole workbook."""

    name: str
    text: str
    sheet: str | None
    hidden: bool = False
    is_macro: bool = False

    @property
    def is_builtin(self) -> bool:
        """Print areas, filters and the like."""
        return self.name.lower().startswith("_xlnm.")


@dataclass(frozen=True)
class Calculation:
    """What the workbook says about recalculation."""

    mode: str = "auto"
    iterates: bool = False
    full_precision: bool = True


@dataclass
class Package:
    """A workbook file, opened and indexed; the entries keep their packed bytes.

    Raises
    ------
    PackageError
        R01 to R09, each with its sentence.
    """

    entries: dict[str, Entry]
    sheets: list[SheetPart] = field(init=False)
    tables: list[Table] = field(init=False)
    names: list[DefinedName] = field(init=False)
    date1904: bool = field(init=False)
    calculation: Calculation = field(init=False)

    @classmethod
    def open(cls, source: bytes | Path) -> Package:
        """From the bytes of a file or from its path."""
        return cls(read_zip(source if isinstance(source, bytes) else source.read_bytes()))

    def __post_init__(self) -> None:
        self._by_folded = {name.lower(): name for name in self.entries}
        self._relations: dict[str, list[Relation]] = {}
        if self.find("[Content_Types].xml") is None:
            raise PackageError("R07", "[Content_Types].xml")
        self._refuse_signed()
        self.main = self._main_part()
        root = self.xml(self.main)
        if root.tag == f"{{{_STRICT}}}workbook":
            raise PackageError("R04")
        if root.tag != main("workbook"):
            raise PackageError("R02", self.main)
        self._check_relations()
        properties = root.find(main("workbookPr"))
        self.date1904 = properties is not None and _is_on(properties.get("date1904"))
        self.calculation = _calculation(root.find(main("calcPr")))
        self.sheets = self._read_sheets(root)
        self.tables = [table for sheet in self.sheets for table in self._read_tables(sheet)]
        self.names = self._read_names(root)

    # -- parts -----------------------------------------------------------------------------------

    def find(self, name: str) -> str | None:
        """The part of that name, whatever its letters' case."""
        return name if name in self.entries else self._by_folded.get(name.lower())

    def data(self, part: str) -> bytes:
        """The unpacked bytes of a part."""
        return self.entries[part].data()

    def xml(self, part: str) -> Element:
        """The root element of a part."""
        return parse(self.data(part), part)

    @cached_property
    def content_types(self) -> dict[str, str]:
        """Content type by part name, in lower case; extensions as ``*.xml``."""
        part = self.find("[Content_Types].xml")
        found: dict[str, str] = {}
        for element in self.xml(part or "").iter(
            f"{{{CONTENT_TYPES}}}Default", f"{{{CONTENT_TYPES}}}Override"
        ):
            kind = element.get("ContentType", "")
            if local(element) == "Default":
                found[f"*.{element.get('Extension', '').lower()}"] = kind
            else:
                found[element.get("PartName", "").lstrip("/").lower()] = kind
        return found

    def content_type(self, part: str) -> str:
        """The content type of one part; empty when the package does not say."""
        extension = part.rpartition(".")[2].lower()
        return self.content_types.get(part.lower()) or self.content_types.get(f"*.{extension}", "")

    def relations(self, part: str) -> list[Relation]:
        """The relations of a part; ``""`` is the package itself."""
        if part not in self._relations:
            self._relations[part] = self._read_relations(part)
        return self._relations[part]

    def related(self, part: str, kind: str) -> list[Relation]:
        """The inner relations of one kind."""
        return [r for r in self.relations(part) if r.kind == kind and not r.external]

    def _read_relations(self, part: str) -> list[Relation]:
        where = self.find(relations_part(part))
        if where is None:
            return []
        folder = posixpath.dirname(part)
        found = []
        for element in self.xml(where):
            target = element.get("Target", "")
            # A link to a place in the book has no part behind it.
            external = element.get("TargetMode") == "External" or target.startswith("#")
            if not external:
                path = unquote(target) if target.startswith("/") else posixpath.join(folder, unquote(target))
                target = posixpath.normpath(path).lstrip("/")
                target = self.find(target) or target
            found.append(Relation(element.get("Id", ""), element.get("Type", ""), target, external))
        return found

    def _main_part(self) -> str:
        if self.find(_BINARY_MAIN):
            raise PackageError("R03")
        for relation in self.relations(""):
            if relation.kind == "officeDocument" and relation.target in self.entries:
                return relation.target
        raise PackageError("R07", "xl/workbook.xml")

    def _refuse_signed(self) -> None:
        if any(name.lower().startswith("_xmlsignatures/") for name in self.entries):
            raise PackageError("R08")
        if any("digital-signature" in relation.type for relation in self.relations("")):
            raise PackageError("R08")

    def _check_relations(self) -> None:
        for name in list(self.entries):
            folder, base = posixpath.split(name)
            if not base.lower().endswith(".rels") or posixpath.basename(folder).lower() != "_rels":
                continue
            source = posixpath.join(posixpath.dirname(folder), base[:-5])
            for relation in self.relations(self.find(source) or source if base != ".rels" else ""):
                # Excel itself leaves a picture's target as NULL when the picture was lost.
                if relation.external or posixpath.basename(relation.target) == "NULL":
                    continue
                if relation.kind in _NOT_NEEDED:
                    continue
                if relation.target not in self.entries:
                    raise PackageError("R07", relation.target)

    # -- workbook --------------------------------------------------------------------------------

    def _read_sheets(self, root: Element) -> list[SheetPart]:
        by_id = {relation.id: relation for relation in self.relations(self.main)}
        found: list[SheetPart] = []
        for index, element in enumerate(root.iterfind(f"{main('sheets')}/{main('sheet')}")):
            name = element.get("name", "")
            relation = by_id.get(element.get(f"{{{RELATIONSHIPS}}}id", ""))
            if relation is None:  # old module sheets have none; they hold no cells
                found.append(SheetPart(name, "", "module", index, element.get("state", "visible")))
                continue
            if relation.target not in self.entries:
                raise PackageError("R07", relation.target)
            found.append(
                SheetPart(name, relation.target, relation.kind, index, element.get("state", "visible"))
            )
        if not found:
            raise PackageError("R02", self.main)
        return found

    def _read_tables(self, sheet: SheetPart) -> list[Table]:
        return [self._read_table(sheet, relation.target) for relation in self.related(sheet.part, "table")]

    def _read_table(self, sheet: SheetPart, part: str) -> Table:
        root = self.xml(part)
        try:
            corners = box(root.get("ref", ""))
        except ValueError:
            raise PackageError("R02", part) from None
        columns = root.findall(f"{main('tableColumns')}/{main('tableColumn')}")
        if not columns:
            raise PackageError("R02", part)
        return Table(
            name=root.get("displayName", root.get("name", "")),
            sheet=sheet.name,
            corners=corners,
            has_header=root.get("headerRowCount", "1") != "0",
            has_totals=root.get("totalsRowCount", "0") != "0",
            columns=tuple(unxstring(column.get("name", "")) for column in columns),
            part=part,
        )

    def _read_names(self, root: Element) -> list[DefinedName]:
        found = []
        for element in root.iterfind(f"{main('definedNames')}/{main('definedName')}"):
            local_id = element.get("localSheetId")
            sheet = None
            if local_id is not None:
                index = int(local_id) if local_id.isdigit() else len(self.sheets)
                if index >= len(self.sheets):
                    continue  # Excel drops such names when it opens the file
                sheet = self.sheets[index].name
            found.append(
                DefinedName(
                    element.get("name", ""),
                    (element.text or "").strip().removeprefix("="),
                    sheet,
                    _is_on(element.get("hidden")),
                    any(_is_on(element.get(key)) for key in ("function", "vbProcedure", "xlm")),
                )
            )
        return found


def relations_part(part: str) -> str:
    """Name of the part that holds the relations of `part`."""
    folder, base = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{base}.rels")


def _is_on(value: str | None) -> bool:
    return value in ("1", "true", "on")


def _calculation(element: Element | None) -> Calculation:
    if element is None:
        return Calculation()
    return Calculation(
        element.get("calcMode", "auto"),
        _is_on(element.get("iterate")),
        element.get("fullPrecision", "1") not in ("0", "false"),
    )
