"""Sentences for status words, reason codes and error cells, in two languages.

The texts are data (`reasons.toml`). The sentence of one failed call is known to the host that
made the call, by the cell's address; hosts put it in front of what this module says.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from xlplugin.errors import ErrorValue, MissingError

__all__ = ["REASON_CODES", "explain", "status_word"]

Texts = dict[str, dict[str, dict[str, str]]]


@cache
def _texts() -> Texts:
    text = (files("xlplugin.worksheet") / "reasons.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


REASON_CODES: Final = frozenset(_texts()["reason"])


def status_word(status: str, language: str) -> str:
    """The word a sheet shows for a status: 縮小 for REDUCED in Japanese; the code itself in English.

    Examples
    --------
    >>> status_word("REDUCED", "ja"), status_word("REDUCED", "en")
    ('縮小', 'REDUCED')
    """
    return _texts()["status"][status]["word_ja"] if language == "ja" else status


def explain(value: Any, language: str) -> str:
    """What a status, one or several reason codes, or an error value means.

    Parameters
    ----------
    value : str or ErrorValue
        ``"REDUCED"``, ``"POOL_AVERAGE; SAME_DAY_BUY"`` or an error cell.
    language : str
        "ja" or "en".

    Returns
    -------
    str
        One sentence per code, joined by " / ".

    Raises
    ------
    MissingError
        If nothing is known about the value.

    Examples
    --------
    >>> explain("RESTRICTED", "en")
    'The security is marked as restricted.'
    """
    texts = _texts()
    if isinstance(value, ErrorValue):
        return texts["error"][value.value][language]
    by_word = {entry["word_ja"]: code for code, entry in texts["status"].items()}
    sentences = []
    for code in (part.strip() for part in str(value or "").split(";")):
        known = by_word.get(code, code)
        entry = texts["reason"].get(known) or texts["status"].get(known)
        if entry is None:
            raise MissingError(
                f"value: nothing is known about {code!r}; give a cell with a status, a code or an error"
            )
        sentences.append(entry[language])
    return " / ".join(sentences)
