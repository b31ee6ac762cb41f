"""Texts, columns and number formats of the year-end workbook in one language: data of the layout."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

__all__ = ["Column", "Words", "layout"]

_TEXT = "g"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@cache
def layout(name: str) -> dict[str, Any]:
    """A layout file of the workbooks by its name; read once, never changed."""
    return tomllib.loads((files("workbooks") / "layout" / f"{name}.toml").read_text("utf-8"))


class Column(NamedTuple):
    """One column of a table: key, header, format code, width in pixels on a list, cells on a page."""

    key: str
    header: str
    code: str
    pixels: int
    span: int

    @property
    def is_text(self) -> bool:
        """Whether its cells are text."""
        return self.code == _TEXT


@dataclass(frozen=True)
class Words:
    """Every text in one language, "ja" or "en"."""

    language: str

    @property
    def _place(self) -> int:
        return 0 if self.language == "ja" else 1

    def __call__(self, key: str, **facts: object) -> str:
        """The text `key`, with facts filled in."""
        text = str(layout("year_end")["word"][key][self._place])
        return text.format(**facts) if facts else text

    def columns(self, table: str) -> list[Column]:
        """The columns of a table in their order."""
        found = []
        for text in layout("year_end")["table"][table]:
            key, _, span = text.partition("*")
            entry = layout("year_end")["column"][key]
            found.append(Column(key, str(entry[self._place]), entry[2], entry[3], int(span or 1)))
        return found

    def number(self, code: str) -> str:
        """The number format of a code."""
        if code == "mp":  # carried losses are printed without their sign
            return '#,##0;#,##0;"–"'
        return str(layout("theme")["number"][code][self._place])

    def check(self, name: str) -> tuple[str, str]:
        """Level and text of a check."""
        level, *texts = layout("year_end")["check"][name]
        return level, texts[self._place]

    def day(self, day: dt.date) -> str:
        """A date in a sentence."""
        if self.language == "ja":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def month(self, number: int) -> str:
        """A month as a chart names it."""
        return f"{number}月" if self.language == "ja" else _MONTHS[number - 1]

    def money(self, amount: Decimal, digits: int = 0) -> str:
        """An amount in a sentence: △ or a minus sign before a loss."""
        text = f"{abs(amount):,.{digits}f}"
        if amount >= 0:
            return text
        return f"△{text}" if self.language == "ja" else f"−{text}"
