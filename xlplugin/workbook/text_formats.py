"""Which formats of TEXT the calculator prints as Excel does (rule T21).

Checked: digits ``0 # , .`` with ``%`` and scaling commas, literal text, sections, colours,
``[$-409]``, and ``y m d h s AM/PM`` codes. Refused: fractions, exponents, conditions, eras.
"""

from __future__ import annotations

import re

__all__ = ["is_supported"]

_LITERAL = re.compile(r'"[^"]*"|\\.')
_BRACKET = re.compile(r"\[([^\]]*)\]")
_COLOURS = frozenset("black blue cyan green magenta red white yellow".split())
_NUMBER = re.compile(r"[-+$¥€£() ]*(?:[#0,]+(?:\.[0#]*)?|\.[0#]+)?,*%?[-+$¥€£()% ]*")
_DATE = re.compile(
    r"(?:yyyy|yy|mmmm|mmm|mm|m|dddd|ddd|dd|d|hh|h|ss|s|am/pm|a/p|[-/: .,年月日時分秒()])+", re.I
)


def is_supported(text_format: str) -> bool:
    """Whether every section of a format is one of the checked forms.

    Examples
    --------
    >>> is_supported("#,##0.0%"), is_supported("yyyy/mm/dd"), is_supported("# ?/?"), is_supported("ggge")
    (True, True, False, False)
    """
    if text_format == "" or text_format.lower() == "@":
        return True
    bare = _LITERAL.sub("", text_format)
    for inside in _BRACKET.findall(bare):
        word = inside.lower()
        if word not in _COLOURS and not re.fullmatch(r"\$[^\]]*(-[0-9a-f]+)?|h+|m+|s+", word):
            return False
    bare = _BRACKET.sub("", bare)
    sections = bare.split(";")
    return len(sections) <= 4 and all(
        not s or _NUMBER.fullmatch(s) is not None or _DATE.fullmatch(s) is not None or s == "@"
        for s in sections
    )
