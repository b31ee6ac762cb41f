"""Shared strings: the entries of the template stay as they are, new texts are appended.

Source: ECMA-376 part 1, sections 18.4.8 (si) and 18.4.9 (sst).
"""

from __future__ import annotations

import re

from xlplugin.workbook.parts import plain_text
from xlplugin.workbook.xmltext import unxml, unxstring, xml, xstring

__all__ = ["StringPool", "StringTable"]

_ITEM = re.compile(r"<si\b[^>]*?(?:/>|>(.*?)</si>)", re.S)
_PLAIN = re.compile(r"<t\b[^>]*(?<!/)>([^<]*)</t>|<t\b[^>]*/>")
_RUNS = re.compile(r"<rPh\b.*?</rPh>|<t\b[^>]*(?<!/)>([^<]*)</t>", re.S)
_ROOT = re.compile(r"<sst\b[^>]*?(/?)>")
_COUNTS = re.compile(r'\s(?:count|uniqueCount)="[^"]*"')
_EMPTY = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"></sst>'


class StringTable:
    """The shared strings of a template, read once."""

    def __init__(self, part: bytes | None) -> None:
        content = plain_text(part, "sharedStrings.xml") if part is not None else _EMPTY
        root = _ROOT.search(content)
        if root is not None and root[1]:  # <sst/>: open it
            content = f"{content[: root.end() - 2]}></sst>{content[root.end() :]}"
            root = _ROOT.search(content)
        self.content = content
        self.texts: list[str] = []
        self.plain: dict[str, int] = {}
        for index, match in enumerate(_ITEM.finditer(content)):
            inner = match[1] or ""
            whole = _PLAIN.fullmatch(inner.strip())
            pieces = [whole[1] or ""] if whole else [m[1] or "" for m in _RUNS.finditer(inner)]
            text = unxstring(unxml("".join(pieces)))
            self.texts.append(text)
            if whole:
                self.plain.setdefault(text, index)


class StringPool:
    """The table of one run: equal plain entries are used again, others appended."""

    def __init__(self, table: StringTable) -> None:
        self._table = table
        self._added: dict[str, int] = {}

    def __copy__(self) -> StringPool:
        other = StringPool(self._table)
        other._added = dict(self._added)
        return other

    def index(self, text: str) -> int:
        """Where the text stands."""
        known = self._table.plain.get(text)
        if known is not None:
            return known
        return self._added.setdefault(text, len(self._table.texts) + len(self._added))

    @property
    def grew(self) -> bool:
        """Whether a text was appended."""
        return bool(self._added)

    def part(self) -> bytes:
        """The part with the new entries; the optional counts are left out where it grew."""
        content = self._table.content
        if not self._added:
            return content.encode()
        root = _ROOT.search(content)
        end = content.rfind("</sst>")
        if root is None or end < 0:
            raise ValueError("shared strings without a root element")
        start = _COUNTS.sub("", root[0])
        total = len(self._table.texts) + len(self._added)
        start = f'{start[:-1]} uniqueCount="{total}">'
        items = "".join(f'<si><t xml:space="preserve">{xml(xstring(text))}</t></si>' for text in self._added)
        return f"{content[: root.start()]}{start}{content[root.end() : end]}{items}{content[end:]}".encode()
