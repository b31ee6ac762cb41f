"""Notices that go with tax figures, and words that may not stand beside them: data by code and language.

The texts are in `warnings.toml` (section 13 of the tax specification). Which notices apply is decided by
the caller's facts; what is printed is decided here: filled where the facts are known, else the plain
form. A candidate list without its header is a defect.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

from xlplugin.errors import WordError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

__all__ = [
    "LANGUAGES",
    "REGIMES",
    "TOPICS",
    "Notice",
    "forbidden_words",
    "header",
    "notice",
    "notice_codes",
    "notices",
]

LANGUAGES = ("ja", "en")
REGIMES = ("jp.individual", "jp.corporate", "us.taxable")
TOPICS = ("general", "harvest", "tax", "proposal", "year_end", "header")
ALWAYS = "always"


class Notice(NamedTuple):
    """One line of a notice block."""

    code: str
    text: str


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("xlplugin.tax") / "warnings.toml").read_text(encoding="utf-8"))


@cache
def _forbidden() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["pattern"], re.IGNORECASE), row["why"]) for row in _data()["forbidden"])


def notice_codes() -> tuple[str, ...]:
    """All codes, in the order of the specification."""
    return tuple(_data()["notice"])


def notice(code: str, language: str, facts: Mapping[str, object] | None = None) -> str:
    """The text of one code.

    Parameters
    ----------
    code : str
        ``"J02"`` and so on.
    language : str
        "ja" or "en".
    facts : mapping of str to object, optional
        Values of the fields in the text. ``included`` is True or False. With a field missing the
        plain form is given.

    Raises
    ------
    WordError
        If the code or the language is not known.

    Examples
    --------
    >>> notice("J02", "en", {"year": 2026, "last_trade_date": "2026-12-28"})
    'A result belongs to the year of its settlement. The last trade date that counts for 2026 is 2026-12-28.'
    >>> notice("J02", "en")
    'A result belongs to the year of its settlement. Mind the last trade date of the year.'
    """
    if code not in _data()["notice"]:
        raise WordError("code", got=code, choices=notice_codes())
    if language not in LANGUAGES:
        raise WordError("language", got=language, choices=LANGUAGES)
    entry = _data()["notice"][code]
    text: str = entry[language]
    fields = _fields(text)
    known: dict[str, object] = dict(facts or {})
    if f"included_{language}" in entry and isinstance(known.get("included"), bool):
        known["included"] = entry[f"included_{language}"][0 if known["included"] else 1]
    if fields <= set(known):
        return text.format_map(known)
    plain: str | None = entry.get(f"plain_{language}")
    if plain is None:
        missing = ", ".join(sorted(fields - set(known)))
        raise WordError(f"facts of {code}", got=missing, choices=tuple(sorted(fields)))
    return plain


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def notices(
    regime: str,
    topic: str,
    language: str,
    *,
    facts: Mapping[str, object] | None = None,
    leave_out: Collection[str] = (),
    day: dt.date | None = None,
) -> tuple[Notice, ...]:
    """The notices of one page: what always applies, and what may apply to its topic.

    Parameters
    ----------
    regime : str
        One of `REGIMES`.
    topic : str
        One of `TOPICS`.
    language : str
        "ja" or "en".
    facts : mapping of str to object, optional
        See `notice`.
    leave_out : collection of str
        Codes whose condition is known to be false. One that always applies cannot be left out.
    day : datetime.date, optional
        Notices that start later are left out.

    Returns
    -------
    tuple of Notice
        In the order of the codes.

    Examples
    --------
    >>> [n.code for n in notices("jp.corporate", "proposal", "ja")]
    ['C01', 'C02', 'C06', 'C07', 'C08']
    """
    if regime not in REGIMES:
        raise WordError("regime", got=regime, choices=REGIMES)
    if topic not in TOPICS:
        raise WordError("topic", got=topic, choices=TOPICS)
    found = []
    for code, entry in _data()["notice"].items():
        if regime not in entry["regimes"] or topic not in entry["topics"]:
            continue
        if code in leave_out and entry["when"] != ALWAYS:
            continue
        if day is not None and "valid_from" in entry and day < entry["valid_from"]:
            continue
        found.append(Notice(code, notice(code, language, facts)))
    return tuple(found)


def header(regime: str, language: str, facts: Mapping[str, object]) -> tuple[Notice, ...]:
    """The five lines in front of every candidate list.

    Parameters
    ----------
    regime, language : str
        See `notices`.
    facts : mapping of str to object
        asof, price_source, price_time, table_version, unconfirmed_rows, accounts,
        accounts_not_seen, adviser, registration, conflicts.

    Raises
    ------
    WordError
        Naming the facts that are missing: a header is never printed with a hole.
    """
    return notices(regime, "header", language, facts=facts)


def forbidden_words(text: str) -> list[tuple[str, str]]:
    """What in `text` may not stand on a client's page, and why (section 13.5).

    Examples
    --------
    >>> [found for found, why in forbidden_words("We scan your account every day: no wash sales.")]
    ['no wash sales', 'scan your account every day']
    >>> forbidden_words("Estimated tax deferred. No future result is promised.")
    []
    """
    return [(match[0], why) for pattern, why in _forbidden() for match in pattern.finditer(text)]
