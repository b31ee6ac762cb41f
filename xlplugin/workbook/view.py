"""The engine view: the same sheets with lowered formulas and nothing that a calculation can do without.

No cached values, no old spill cells (they would block the new ones), no charts, no styles. Built
once per template and loaded afresh for every client; never written to a file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xlplugin.workbook.lowering import FIXED, is_simple_name
from xlplugin.workbook.sheets import Way, stored_value
from xlplugin.workbook.tokens import address
from xlplugin.workbook.values import error_text
from xlplugin.workbook.xmltext import number_text, quoted, unxml, unxstring, xml
from xlplugin.workbook.zipped import new_entry, write_zip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.workbook.package import DefinedName
    from xlplugin.workbook.sheets import Cell, Row, Sheet

__all__ = ["literal_view", "row_view", "sheet_view", "view_package", "view_strings"]

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RUNS = re.compile(r"<rPh\b.*?</rPh>|<t\b[^>]*(?<!/)>([^<]*)</t>", re.S)
_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.sheet.main+xml"/></Types>'
)
_ROOT = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)


def sheet_view(sheet: Sheet) -> str:
    """The worksheet part of one sheet."""
    rows = "".join(row_view(row, sheet.children.get(row.number)) for row in sheet.rows.values())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>'
    )


def row_view(row: Row, children: set[int] | None) -> str:
    """One row; kept on the row, since most rows are the same for every client."""
    if row.view is None:
        if row.cells is None and not children and "_x" not in row.raw and "<is" not in row.raw:
            row.view = row.raw
        else:
            inner = "".join(
                _cell_view(one)
                for one in row.parsed()
                if not (children and one.column in children and one.formula is None)
            )
            row.view = f'<row r="{row.number}">{inner}</row>'
    return row.view


def _cell_view(one: Cell) -> str:
    if one.formula is None or one.way is Way.KEPT:
        return one.view if one.view is not None else _literal(one)
    lowered = one.lowered
    if one.way is Way.FIXED and one.extent is not None:
        r1, c1, r2, c2 = one.extent
        lowered = f"{FIXED}({lowered},{r2 - r1 + 1},{c2 - c1 + 1})"
    return f'<c r="{address(one.row, one.column)}"><f>{xml(lowered)}</f></c>'


def _literal(one: Cell) -> str:
    if one.formula is None and "_x" not in one.raw and "<is" not in one.raw:
        return one.raw
    kind, value = stored_value(one.raw)
    place = address(one.row, one.column)
    if kind == "inlineStr":
        text = "".join(m[1] or "" for m in _RUNS.finditer(one.raw))
        return f'<c r="{place}" t="str"><v>{_unescaped(text)}</v></c>'
    if kind == "str":
        return f'<c r="{place}" t="str"><v>{_unescaped(value or "")}</v></c>'
    return "" if value is None else f'<c r="{place}" t="{kind}"><v>{value}</v></c>'


def _unescaped(content: str) -> str:
    """The calculator does not decode ``_xHHHH_``; what XML cannot hold stays escaped."""
    plain = unxstring(unxml(content))
    allowed = all(character in "\t\n\r" or character >= " " for character in plain)
    return xml(plain).replace("\r", "&#13;") if allowed else content


def literal_view(row: int, column: int, value: object) -> str:
    """An input, or a value of the calculator itself, as the calculator reads it."""
    place = address(row, column)
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, dict):
        return f'<c r="{place}" t="e"><v>{xml(error_text(value))}</v></c>'
    if isinstance(value, str):
        return f'<c r="{place}" t="str"><v>{_unescaped(xml(value))}</v></c>'
    return f'<c r="{place}"><v>{number_text(float(str(value)))}</v></c>'


def view_package(
    sheets: Sequence[tuple[str, str]], names: Sequence[DefinedName], shared_strings: bytes | None
) -> bytes:
    """The whole view, stored without compression.

    Parameters
    ----------
    sheets : sequence of (name, text)
        In the order of the workbook.
    names : sequence of DefinedName
        Only those that the calculator resolves by itself are put in.
    shared_strings : bytes, optional
        The part of the template.
    """
    folded = {name.lower() for name, _ in sheets}
    if "sheet1" in folded and "Sheet1" not in dict(sheets):
        # The calculator would add a "Sheet1" of its own and lose the formulas of that one.
        free = next(name for n in range(99) if (name := f"_{n}") not in folded)
        sheets = [(free, f"<worksheet {_MAIN}><sheetData/></worksheet>"), *sheets]
    order = {name: index for index, (name, _) in enumerate(sheets)}
    tabs = "".join(
        f'<sheet name="{quoted(name)}" sheetId="{index + 1}" r:id="rId{index + 1}"/>'
        for name, index in order.items()
    )
    defined = "".join(_name(name, order) for name in names if _is_kept(name, order))
    workbook = (
        f'<?xml version="1.0" encoding="UTF-8"?><workbook {_MAIN} xmlns:r="{_RELATIONS}">'
        f"<sheets>{tabs}</sheets>{f'<definedNames>{defined}</definedNames>' if defined else ''}</workbook>"
    )
    targets = [
        f'<Relationship Id="rId{index + 1}" Type="{_RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{index + 1}.xml"/>'
        for index in order.values()
    ]
    parts = {
        "[Content_Types].xml": _CONTENT_TYPES.encode(),
        "_rels/.rels": _ROOT.encode(),
        "xl/workbook.xml": workbook.encode(),
    }
    if shared_strings is not None:
        targets.append(
            f'<Relationship Id="rId0" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
        )
        parts["xl/sharedStrings.xml"] = shared_strings
    parts["xl/_rels/workbook.xml.rels"] = (
        '<?xml version="1.0" encoding="UTF-8"?><Relationships '
        f'xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{"".join(targets)}</Relationships>'
    ).encode()
    for index, (_, content) in enumerate(sheets):
        parts[f"xl/worksheets/sheet{index + 1}.xml"] = content.encode("utf-8", "replace")
    return write_zip(new_entry(name, data, level=0) for name, data in parts.items())


def view_strings(texts: Sequence[str]) -> bytes:
    """Shared strings as plain texts: the calculator loses one that has a reading (furigana)."""
    items = "".join(f'<si><t xml:space="preserve">{_unescaped(xml(text))}</t></si>' for text in texts)
    return f'<?xml version="1.0" encoding="UTF-8"?><sst {_MAIN}>{items}</sst>'.encode("utf-8", "replace")


def _is_kept(name: DefinedName, order: Mapping[str, int]) -> bool:
    known = name.sheet is None or name.sheet in order
    return known and not (name.is_builtin or name.is_macro) and is_simple_name(name.text)


def _name(name: DefinedName, order: Mapping[str, int]) -> str:
    local = "" if name.sheet is None else f' localSheetId="{order[name.sheet]}"'
    return f'<definedName name="{quoted(name.name)}"{local}>{xml(name.text)}</definedName>'
