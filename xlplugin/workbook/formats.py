"""Number formats of a workbook, as far as the engine has to know them.

Chart caches carry the format of their first cell, and a date column needs a date format. Source:
ECMA-376 part 1, sections 18.8.30 (numFmt, with the built-in ids) and 18.8.31.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from xlplugin.workbook.number_format import NotShownError, formatted, general
from xlplugin.workbook.parts import main

if TYPE_CHECKING:
    from xlplugin.workbook.package import Package

__all__ = ["Formats", "display", "is_date_format"]

GENERAL: Final = "General"
_BUILT_IN: Final = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
    48: "##0.0E+0",
    49: "@",
    **dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy/m/d"),  # dates of the Far East editions
}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_DATE_CODE = re.compile(r"[ymdhsge]", re.I)


class Formats:
    """The cell formats of one workbook."""

    def __init__(self, package: Package) -> None:
        self.codes: list[str] = []
        related = package.related(package.main, "styles")
        if not related:
            return
        root = package.xml(related[0].target)
        own = {
            int(element.get("numFmtId", "0")): element.get("formatCode", GENERAL)
            for element in root.iterfind(f"{main('numFmts')}/{main('numFmt')}")
        }
        for element in root.iterfind(f"{main('cellXfs')}/{main('xf')}"):
            identity = int(element.get("numFmtId", "0"))
            self.codes.append(own.get(identity) or _BUILT_IN.get(identity, GENERAL))

    def code(self, style: str | None) -> str:
        """The number format of a cell format index."""
        index = int(style) if style is not None and style.isdigit() else 0
        return self.codes[index] if index < len(self.codes) else GENERAL


def is_date_format(code: str) -> bool:
    """Whether a format shows a date or a time."""
    bare = _LITERAL.sub("", code.split(";")[0])
    return bare.lower() != "general" and _DATE_CODE.search(bare) is not None


def display(value: float, code: str, *, date1904: bool = False) -> str:
    """A number as its cell shows it; one that its format cannot show, as General.

    Examples
    --------
    >>> display(0.1234, "0.0%"), display(1234567.0, "#,##0"), display(46346.0, "yyyy-mm-dd")
    ('12.3%', '1,234,567', '2026-11-20')
    """
    try:
        return formatted(value, code, date1904=date1904)
    except NotShownError:
        return general(value)
