"""Reading and writing single XML parts: no document types, no entities, no network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lxml import etree

from xlplugin.workbook.zipped import PackageError

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

__all__ = [
    "CONTENT_TYPES",
    "MAIN",
    "RELATIONS",
    "RELATIONSHIPS",
    "local",
    "main",
    "parse",
    "part_bytes",
    "plain_text",
]

MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT_TYPES: Final = "http://schemas.openxmlformats.org/package/2006/content-types"

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PREFIXED = re.compile(r"<(\w+):(?:worksheet|sst)[\s>]")
_ENCODING = re.compile(rb"""^<\?xml[^>]*encoding\s*=\s*["']([\w-]+)""", re.I)
_DOCUMENT_TYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.I)


def parse(data: bytes, part: str) -> Element:
    """The root element of a part.

    Raises
    ------
    PackageError
        R09 for a document type, R02 for broken XML.
    """
    if _DOCUMENT_TYPE.search(data) or _DOCUMENT_TYPE.search(data.replace(b"\0", b"")):
        raise PackageError("R09", part)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise PackageError("R02", part) from None


def part_bytes(root: Element) -> bytes:
    """A part as bytes, with the declaration Excel writes."""
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def main(tag: str) -> str:
    """A tag of the spreadsheet namespace."""
    return f"{{{MAIN}}}{tag}"


def local(element: Element) -> str:
    """A tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def plain_text(data: bytes, part: str) -> str:
    """A sheet or string part as text: no prefixes, no CDATA sections, no comments.

    Most parts are decoded and nothing else; only odd ones go through the parser.
    """
    declared = _ENCODING.match(data)
    is_utf8 = not data.startswith((b"\xff\xfe", b"\xfe\xff")) and (
        declared is None or declared[1].lower() in (b"utf-8", b"us-ascii", b"ascii")
    )
    if not is_utf8 or b"<!" in data:
        return _serialized(data, part)
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PackageError("R02", part) from None
    return _serialized(data, part) if _PREFIXED.search(content[:2000]) else content


def _serialized(data: bytes, part: str) -> str:
    root = parse(data, part)
    content = str(etree.tostring(root, encoding="unicode"))
    if (prefix := root.prefix) is not None:
        content = re.sub(rf"<(/?){prefix}:", r"<\1", content)
        content = content.replace(f'xmlns:{prefix}="{MAIN}"', f'xmlns="{MAIN}"')
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{content}'
