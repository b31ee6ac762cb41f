"""Text, numbers and attributes as they stand in a spreadsheet part.

Escaping follows ECMA-376 part 1, section 22.9.2.19 (ST_Xstring): control characters and a literal
``_x0041_`` are written ``_xHHHH_``.
"""

from __future__ import annotations

import re

__all__ = [
    "attribute_text",
    "attributes",
    "number_text",
    "number_texts",
    "quoted",
    "unxml",
    "unxstring",
    "xml",
    "xstring",
]

_ESCAPED = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATES = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")
_REFERENCE = re.compile(r"&(?:#[xX]([0-9A-Fa-f]+)|#([0-9]+)|(\w+));")
_ENTITY = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def xstring(value: str) -> str:
    """Cell text with control characters escaped; a lone surrogate becomes U+FFFD."""
    return _ESCAPED.sub(_escape, value) if _ESCAPED.search(value) else value


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return "\ufffd" if "\ud800" <= character <= "\udfff" else f"_x{ord(character):04X}_"


def unxstring(value: str) -> str:
    """The text behind `xstring`."""
    if "_x" not in value:
        return value
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value)
    # Two escapes may be the halves of one character; a half alone is no text.
    return _SURROGATES.sub(_joined, plain) if _SURROGATES.search(plain) else plain


def _joined(match: re.Match[str]) -> str:
    if match[1] is None:
        return "\ufffd"
    return chr(0x10000 + (ord(match[1]) - 0xD800) * 0x400 + ord(match[2]) - 0xDC00)


def xml(value: str) -> str:
    """Text as element content."""
    if "&" in value or "<" in value or ">" in value:
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value


def quoted(value: str) -> str:
    """Text as the value of an attribute in double quotes."""
    return (
        xml(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")
    )


def unxml(value: str) -> str:
    """The text behind element content or an attribute value; an unknown entity stays as it is."""
    return _REFERENCE.sub(_character, value) if "&" in value else value


def _character(match: re.Match[str]) -> str:
    if match[1] or match[2]:
        point = int(match[1], 16) if match[1] else int(match[2])
        return chr(point) if point <= 0x10FFFF else "\ufffd"
    return _ENTITY.get(match[3], match[0])


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a tag, values as written (still escaped)."""
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(tag)}


def attribute_text(given: dict[str, str], *left_out: str) -> str:
    """Attributes as text, each with a blank before it."""
    return "".join(
        f' {name}="{value}"' if '"' not in value else f" {name}='{value}'"
        for name, value in given.items()
        if name not in left_out
    )


def number_text(value: float) -> str:
    """The shortest text that reads back as the same double; -0.0 is 0.

    Examples
    --------
    >>> number_text(12.0), number_text(0.1), number_text(-0.0), number_text(1e16)
    ('12', '0.1', '0', '1e+16')
    """
    shown = repr(value)
    if shown.endswith(".0"):
        shown = shown[:-2]
    return shown if shown != "-0" else "0"


def number_texts(values: list[float]) -> list[str]:
    """`number_text` of many doubles at once."""
    if not values:
        return []
    joined = "\n".join(map(repr, values)) + "\n"
    return joined.replace(".0\n", "\n").replace("-0\n", "0\n")[:-1].split("\n")
