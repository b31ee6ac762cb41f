"""The words of a book: labels, column headers, choices and number formats of one language.

`language` is "ja" or "en". The pseudo-language "xx" wraps every word in brackets and makes it a
third longer, so that a text that is not in a label file, or does not fit, can be seen.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

__all__ = ["LANGUAGES", "Words", "layout"]

LANGUAGES = ("ja", "en")
_PLACE = {"ja": 0, "en": 1, "xx": 1}


@cache
def layout(name: str) -> dict[str, Any]:
    """A layout file by its name without extension; read once, never changed."""
    text = (files("workbooks") / "layout" / f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = str(value)
    return out


def _pseudo(text: str) -> str:
    """`text` in brackets and 30 % longer; numbers and placeholders stay."""
    return f"[xx{text}{'x' * (len(text) * 3 // 10)}xx]" if text.strip() else text


@dataclass(frozen=True)
class Words:
    """Every text of one language.

    Attributes
    ----------
    language : str
        "ja", "en" or the pseudo-language "xx".
    overrides : mapping
        Labels of a firm that replace ours, dotted key -> text.
    """

    language: str
    overrides: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> int:
        """0 for Japanese, 1 for English: the place of a word in a [ja, en] pair."""
        return _PLACE[self.language]

    @property
    def labels(self) -> dict[str, str]:
        """All labels by dotted key."""
        return _flat(layout("en" if self.language == "xx" else self.language)) | self.overrides

    def __call__(self, key: str) -> str:
        """The label `key`.

        Raises
        ------
        KeyError
            If no label file holds it.
        """
        text = self.labels[key]
        return _pseudo(text) if self.language == "xx" else text

    def pieces(self, key: str) -> list[str]:
        """A label cut at its `{name}` places: text, name, text, name, text."""
        pieces = re.split(r"\{([a-z_]+)\}", self.labels[key])
        if self.language == "xx":
            pieces = [piece if place % 2 else _pseudo(piece) for place, piece in enumerate(pieces)]
        return pieces

    def sheet(self, book: str, key: str) -> str:
        """The name of a visible sheet; Excel allows 31 characters and no square brackets."""
        return self(f"sheet.{book}.{key}").replace("[", "").replace("]", "")[:31]

    def column(self, key: str) -> str:
        """The header of a column of the dictionary."""
        text = str(layout("columns")[key][self.place])
        return _pseudo(text) if self.language == "xx" else text

    def choice(self, name: str, code: str) -> str:
        """The word of one choice of a list."""
        text = str(layout("lists")[name][code][self.place])
        return _pseudo(text) if self.language == "xx" else text

    def pair(self, entry: dict[str, Any]) -> str:
        """The text of a layout entry that holds `ja` and `en` itself."""
        text = str(entry["ja" if self.language == "ja" else "en"])
        return _pseudo(text) if self.language == "xx" else text

    def pick(self, pair: list[str]) -> str:
        """The word of a [ja, en] pair."""
        return _pseudo(pair[self.place]) if self.language == "xx" else pair[self.place]

    def number(self, code: str) -> str:
        """The number format of a format code of the theme."""
        return str(layout("theme")["number"][code][self.place])

    def notice(self, code: str) -> str:
        """The text of a notice the tax rules demand."""
        return self.pair(layout("notices")[code])
