"""A text in the two languages of the product."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Words"]


class Words(NamedTuple):
    """One text in English and Japanese."""

    en: str
    ja: str

    def say(self, language: str) -> str:
        """The text in `language`: "ja" or "en"."""
        return self.ja if language == "ja" else self.en
