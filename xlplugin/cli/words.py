"""What the command line says, in Japanese and English: the texts of `words.toml`."""

from __future__ import annotations

import os
import sys
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["Language", "preferred", "say"]

Language = Literal["ja", "en"]


@cache
def _words() -> dict[str, list[str]]:
    return tomllib.loads((files("xlplugin.cli") / "words.toml").read_text("utf-8"))


def say(key: str, language: Language, /, **facts: object) -> str:
    """A text by its key, with facts filled in.

    Examples
    --------
    >>> say("error", "ja"), say("error", "en")
    ('エラー', 'Error')
    """
    text = _words()[key][0 if language == "ja" else 1]
    return text.format(**facts) if facts else text


def preferred(arguments: list[str] | None = None) -> Language:
    """The language asked for by ``--lang``, XLPLUGIN_LANG or the locale; English if none does.

    Examples
    --------
    >>> preferred(["functions", "list", "--lang", "ja"]), preferred(["--lang=en"])
    ('ja', 'en')
    """
    given = sys.argv[1:] if arguments is None else arguments
    for place, word in enumerate(given):
        if word == "--lang" and place + 1 < len(given):
            return "ja" if given[place + 1] == "ja" else "en"
        if word.startswith("--lang="):
            return "ja" if word == "--lang=ja" else "en"
    locale = next(
        (v for name in ("XLPLUGIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(name))), ""
    )
    return "ja" if locale.lower().startswith("ja") else "en"
