"""Chart caches: the numbers and texts from which viewers and PDF converters draw.

A chart part is taken apart once per template; per client only the caches are written. Source:
ECMA-376 part 1, section 21.2.2 (numCache, strCache, multiLvlStrCache); [MS-ODRAWXML] 2.24.3 for
the newer charts (waterfall, treemap).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from xlplugin.workbook.formats import GENERAL, display
from xlplugin.workbook.parts import local, parse, part_bytes
from xlplugin.workbook.tokens import box, plain_sheet
from xlplugin.workbook.values import error_text
from xlplugin.workbook.xmltext import number_text, quoted, xml, xstring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lxml.etree import _Element as Element

    from xlplugin.workbook.package import DefinedName, Package
    from xlplugin.workbook.tokens import Box

__all__ = ["Area", "Chart", "Reader", "area_of", "chart_parts", "take_apart"]

Area = tuple[str, "Box"]
Reader = "Callable[[Area], tuple[list[list[Any]], str]]"

_REFERENCES: Final = ("numRef", "strRef", "multiLvlStrRef")
_SLOT: Final = "xlplugin-slot"
_SPLIT = re.compile(rb"<\?xlplugin-slot ([0-9]+)\?>")
_RANGE = re.compile(
    r"('(?:[^']|'')+'|[^\W\d][\w.・]*)!(\$?[A-Z]{1,3}\$?[0-9]+(?::\$?[A-Z]{1,3}\$?[0-9]+)?)", re.I
)
_SPILL = re.compile(
    r"_xlfn\.ANCHORARRAY\(((?:'(?:[^']|'')+'|[^\W\d][\w.・]*)!\$?[A-Z]{1,3}\$?[0-9]+)\)", re.I
)
_NAME = re.compile(r"(?:(?:'(?:[^']|'')+'|\[[0-9]+\]|[^\W\d][\w.・]*)!)?([^\W\d][\w.\\?・]*)")


@dataclass(frozen=True)
class _Slot:
    """One reference of a chart; `kept` is its XML as it stood, for ranges that cannot be read."""

    kind: str  # num, str, levels, cxnum, cxstr
    prefix: str
    formula: str
    format_code: str
    kept: str
    is_category: bool = False  # texts are allowed
    extensions: str = ""
    direction: str = ""
    attributes: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart part as constant pieces with references between them."""

    part: str
    pieces: tuple[bytes, ...]
    slots: tuple[_Slot, ...]

    def formulas(self) -> Iterator[str]:
        """The text of every reference."""
        return (slot.formula for slot in self.slots)

    def render(
        self,
        read: Callable[[str], tuple[list[list[Any]], str] | None],
        moved: Callable[[str], str],
        *,
        date1904: bool,
    ) -> bytes:
        """The part with caches from this client's values.

        Parameters
        ----------
        read : callable
            Text of a reference -> rows of values and the format of the first cell; None where the
            reference is no range of one sheet.
        moved : callable
            Text of a reference -> the same after tables grew.
        date1904 : bool
            For dates that are shown as text.
        """
        out = [self.pieces[0]]
        for slot, piece in zip(self.slots, self.pieces[1:], strict=True):
            formula = moved(slot.formula)
            found = read(formula)
            written = slot.kept if found is None else _written(slot, formula, *found, date1904=date1904)
            out += (written.encode(), piece)
        return b"".join(out)


def chart_parts(package: Package) -> list[str]:
    """Every chart that a sheet shows, found by relations, each once."""
    found: dict[str, None] = {}
    for sheet in package.sheets:
        for drawing in package.related(sheet.part, "drawing"):
            for relation in package.relations(drawing.target):
                if relation.kind in ("chart", "chartEx") and not relation.external:
                    found[relation.target] = None
    return list(found)


def take_apart(part: str, data: bytes, readable: Callable[[str], bool]) -> Chart:
    """A chart part with those references taken out that `readable` accepts."""
    root = parse(data, part)
    slots: list[_Slot] = []
    for element in list(root.iter()):
        tag = local(element)
        if tag in _REFERENCES:
            slot = _reference(element, tag)
        elif tag in ("strDim", "numDim"):
            slot = _dimension(element, tag)
        else:
            continue
        if slot is None or not readable(slot.formula):
            continue
        marker = etree.ProcessingInstruction(_SLOT, str(len(slots)))
        marker.tail, element.tail = element.tail, None
        parent = element.getparent()
        if parent is None:
            continue
        parent.replace(element, marker)
        slots.append(slot)
    pieces = _SPLIT.split(part_bytes(root))
    return Chart(part, tuple(pieces[::2]), tuple(slots))


def _reference(element: Element, tag: str) -> _Slot | None:
    formula = _child(element, "f")
    if formula is None:
        return None
    cache = _child(element, tag.replace("Ref", "Cache"))
    code = _child(cache, "formatCode") if cache is not None else None
    extensions = _child(element, "extLst")
    kind = {"numRef": "num", "strRef": "str", "multiLvlStrRef": "levels"}[tag]
    return _Slot(
        kind,
        f"{element.prefix}:" if element.prefix else "",
        formula.text or "",
        (code.text or "") if code is not None else "",
        _text(element),
        is_category=(parent := element.getparent()) is not None and local(parent) in ("cat", "xVal"),
        extensions=_text(extensions) if extensions is not None else "",
    )


def _dimension(element: Element, tag: str) -> _Slot | None:
    formula = _child(element, "f")
    if formula is None:
        return None
    level = _child(element, "lvl")
    direction = formula.get("dir")
    return _Slot(
        "cxnum" if tag == "numDim" else "cxstr",
        f"{element.prefix}:" if element.prefix else "",
        formula.text or "",
        level.get("formatCode", "") if level is not None else "",
        _text(element),
        direction=f' dir="{direction}"' if direction else "",
        attributes=f' type="{element.get("type")}"',
    )


def _child(element: Element, tag: str) -> Element | None:
    return next((child for child in element if local(child) == tag), None)


def _text(element: Element) -> str:
    return str(etree.tostring(element, encoding="unicode", with_tail=False))


# -- which cells ---------------------------------------------------------------------------------


def area_of(
    formula: str, names: Mapping[str, DefinedName], extent: Callable[[str, int, int], Box | None]
) -> Area | None:
    """Sheet and corners behind the text of a reference, through at most a few names.

    Parameters
    ----------
    formula : str
        Text of ``c:f``.
    names : mapping
        Name in capitals -> defined name.
    extent : callable
        Sheet, row and column of an array formula -> its extent.
    """
    text = formula.strip()
    for _ in range(4):
        if text.startswith("(") and text.endswith(")"):
            text = text[1:-1]
        if match := _RANGE.fullmatch(text):
            return plain_sheet(match[1]), box(match[2].replace("$", ""))
        if match := _SPILL.fullmatch(text):
            sheet, _, place = match[1].rpartition("!")
            row, column, _, _ = box(place.replace("$", ""))
            corners = extent(plain_sheet(sheet), row, column)
            return None if corners is None else (plain_sheet(sheet), corners)
        match = _NAME.fullmatch(text)
        name = names.get(match[1].upper()) if match else None
        if name is None:
            return None
        text = name.text
    return None


# -- caches --------------------------------------------------------------------------------------


def _written(slot: _Slot, formula: str, rows: list[list[Any]], code: str, *, date1904: bool) -> str:
    p, kind = slot.prefix, slot.kind
    # Libraries write General without having looked at the cells.
    code = code if slot.format_code in ("", GENERAL) else slot.format_code
    flat = [value for row in rows for value in row]
    if kind == "num" and slot.is_category:
        if len(rows) > 1 and len(rows[0]) > 1:
            kind = "levels"
        elif any(isinstance(value, str) and value for value in flat):
            kind = "str"  # text categories that a library declared as numbers
    head = f"<{p}f>{xml(formula)}</{p}f>"
    if kind == "num":
        points = "".join(
            f'<{p}pt idx="{n}"><{p}v>{shown}</{p}v></{p}pt>'
            for n, value in enumerate(flat)
            if (shown := _number(value)) is not None
        )
        inner = f'<{p}formatCode>{xml(code)}</{p}formatCode><{p}ptCount val="{len(flat)}"/>{points}'
        return f"<{p}numRef>{head}<{p}numCache>{inner}</{p}numCache>{slot.extensions}</{p}numRef>"
    if kind == "str":
        inner = f'<{p}ptCount val="{len(flat)}"/>{_points(p, flat, code, date1904=date1904)}'
        return f"<{p}strRef>{head}<{p}strCache>{inner}</{p}strCache>{slot.extensions}</{p}strRef>"
    if kind == "levels":
        levels = rows if len(rows) < len(rows[0]) else [list(level) for level in zip(*rows, strict=True)]
        inner = f'<{p}ptCount val="{len(levels[0])}"/>' + "".join(
            f"<{p}lvl>{_points(p, level, code, date1904=date1904)}</{p}lvl>" for level in reversed(levels)
        )
        cache = f"<{p}multiLvlStrCache>{inner}</{p}multiLvlStrCache>"
        return f"<{p}multiLvlStrRef>{head}{cache}{slot.extensions}</{p}multiLvlStrRef>"
    return _written_newer(slot, formula, rows, code, date1904=date1904)


def _points(p: str, values: list[Any], code: str, *, date1904: bool) -> str:
    return "".join(
        f'<{p}pt idx="{n}"><{p}v>{xml(xstring(shown))}</{p}v></{p}pt>'
        for n, value in enumerate(values)
        if (shown := _shown(value, code, date1904=date1904))
    )


def _written_newer(slot: _Slot, formula: str, rows: list[list[Any]], code: str, *, date1904: bool) -> str:
    p = slot.prefix
    tag = "numDim" if slot.kind == "cxnum" else "strDim"
    by_row = "row" in slot.direction
    levels = rows if by_row else [list(level) for level in zip(*rows, strict=True)]
    written = []
    for level in reversed(levels):
        points = "".join(
            f'<{p}pt idx="{n}">{xml(xstring(shown))}</{p}pt>'
            for n, value in enumerate(level)
            if (shown := _number(value) if tag == "numDim" else _shown(value, code, date1904=date1904))
        )
        fmt = f' formatCode="{quoted(code)}"' if tag == "numDim" else ""
        written.append(f'<{p}lvl ptCount="{len(level)}"{fmt}>{points}</{p}lvl>')
    head = f"<{p}f{slot.direction}>{xml(formula)}</{p}f>"
    return f"<{p}{tag}{slot.attributes}>{head}{''.join(written)}</{p}{tag}>"


def _number(value: Any) -> str | None:
    kind = type(value)
    if kind is float:
        return number_text(value)
    if kind is bool:
        return "1" if value else "0"
    return "#N/A" if kind is dict else None


def _shown(value: Any, code: str, *, date1904: bool) -> str:
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is float:
        return display(value, code, date1904=date1904)
    if kind is bool:
        return "TRUE" if value else "FALSE"
    return error_text(value) if kind is dict else ""
