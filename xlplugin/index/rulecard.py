"""Rule cards: the rules of an index as dated data, each figure with its source.

A card is one TOML file in `rulecards/`; dropping the file in is the registration. Every figure is
a parameter with the day from which it holds, a source, and a mark that says how far to trust it:

=========  ==================================================================================
read       the named public source was read
known      a rule of a public document, quoted from general knowledge; check before quoting it
computed   calculated for this product
judgement  a choice of this product where the rule is not public or leaves room
=========  ==================================================================================

A recipe of a review (`recipe.py`) holds no figure of its own: it names parameters as ``@key``, so
that nothing is used that has no source. A day for which a parameter is not known is an error, never
the neighbouring figure. Source of the cards: methodology 2.1-2.8.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from xlplugin.core.dated import Dated, Row
from xlplugin.errors import InputError, WordError
from xlplugin.index.recipe import Recipe, RecipeText, recipe_text
from xlplugin.index.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

__all__ = ["KINDS", "MARKS", "Parameter", "RuleCard", "RuleCards", "Value", "rule_card", "rule_cards"]

KINDS = ("equity", "reit", "bond", "commodity", "limits", "screens")
"""What a card describes. Bonds and commodities are documented only; no portfolio is built from them."""

MARKS = ("read", "known", "computed", "judgement")

Figure = float | str | bool | tuple[float, ...] | tuple[str, ...]
"""What a parameter can be: a number, a word, yes or no, or a list of numbers or words."""

_CONFIDENCE = {"read": "authority_text", "known": "memory", "computed": "computed", "judgement": "judgement"}


@dataclass(frozen=True)
class Value:
    """One value of a parameter."""

    figure: Figure
    mark: str
    note: Words


@dataclass(frozen=True)
class Parameter:
    """One parameter of a card: its values in force from day to day."""

    key: str
    title: Words
    unit: str
    values: Dated[Value]


@dataclass(frozen=True)
class RuleCard:
    """The rules of one index, or a set of limits or screens."""

    id: str
    kind: str
    name: Words
    provider: str
    objective: Words
    scheme: str | None
    build: bool
    event_method: str
    sources: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    recipes: Dated[RecipeText]
    discretion: Words = field(default=Words("", ""))

    def row(self, key: str, day: dt.date) -> Row[Value]:
        """The row of a parameter in force on a day, with its sources.

        Raises
        ------
        WordError
            If the card has no such parameter.
        NoTableError
            If no value is known for the day.
        """
        if key not in self.parameters:
            raise WordError(f"rule card {self.id}", got=key, choices=tuple(self.parameters))
        return self.parameters[key].values.at(day)

    def figure(self, key: str, day: dt.date) -> Figure:
        """The value of a parameter in force on a day.

        Raises
        ------
        WordError, NoTableError
            As for `row`.
        """
        return self.row(key, day).value.figure

    def recipe(self, day: dt.date) -> Recipe:
        """How a review on a day works, with the figures in force on that day.

        Raises
        ------
        InputError
            If no portfolio is built from this card.
        NoTableError
            If no recipe, or no value of a parameter it names, is known for the day.
        """
        if not self.build:
            raise InputError(
                f"rule card {self.id}: it documents rules and builds no index; "
                "choose a card of listed equities or REITs that does"
            )
        return self.recipes.at(day).value.resolved(lambda key: self.figure(key, day))


class RuleCards(Mapping[str, RuleCard]):
    """Rule cards by id, in the order of their ids."""

    def __init__(self, cards: Mapping[str, RuleCard]) -> None:
        self._cards = dict(sorted(cards.items()))

    def __getitem__(self, name: str) -> RuleCard:
        try:
            return self._cards[name]
        except KeyError:
            raise WordError("rule card", got=name, choices=tuple(self._cards)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._cards)

    def __len__(self) -> int:
        return len(self._cards)

    def __contains__(self, name: object) -> bool:
        return name in self._cards


def rule_cards(folder: Traversable | None = None) -> RuleCards:
    """All rule cards of a folder; those of the product if none is given.

    Parameters
    ----------
    folder : pathlib.Path or Traversable, optional
        Every ``*.toml`` in it is a card named after its file.

    Raises
    ------
    InputError
        If a card breaks a rule of the format; the sentence names the card and the place.

    Examples
    --------
    >>> import datetime as dt
    >>> rule_cards()["topix"].figure("cap", dt.date(2026, 12, 1))
    0.1
    """
    place = resources.files("xlplugin.index") / "rulecards" if folder is None else folder
    terms = _terms()
    cards = {}
    for entry in sorted(place.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            cards[name] = rule_card(name, tomllib.loads(entry.read_text(encoding="utf-8")), terms)
    return RuleCards(cards)


def _terms() -> dict[str, Any]:
    text = (resources.files("xlplugin.index") / "terms.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def rule_card(name: str, data: Mapping[str, Any], terms: Mapping[str, Any] | None = None) -> RuleCard:
    """A rule card from the content of its file, checked.

    Parameters
    ----------
    name : str
        The id, which is the name of the file.
    data : mapping
        The parsed TOML.
    terms : mapping, optional
        Titles of common parameter keys; those of the product if left out.

    Raises
    ------
    InputError
        With the card and the place.
    """
    reader = _Reader(name, data, _terms() if terms is None else terms)
    return reader.card()


class _Reader:
    """Checks one card while it reads it."""

    _TOP = frozenset(
        "kind name provider objective scheme build event_method sources parameters review discretion".split()
    )
    _ROW = frozenset("key value unit from to mark source note title".split())

    def __init__(self, name: str, data: Mapping[str, Any], terms: Mapping[str, Any]) -> None:
        self.name, self.data, self.terms = name, data, terms

    def fail(self, sentence: str) -> InputError:
        return InputError(f"rule card {self.name}: {sentence}")

    def card(self) -> RuleCard:
        self._only(self.data, self._TOP, "top level")
        kind = self._word("kind", KINDS)
        sources = self.data.get("sources", {})
        parameters = self._parameters(sources)
        build = bool(self.data.get("build", False))
        recipes = self._recipes(parameters)
        scheme = self.data.get("scheme")
        if build and (scheme is None or not recipes.rows or kind not in ("equity", "reit")):
            raise self.fail("it builds an index and needs kind equity or reit, a scheme and a review")
        return RuleCard(
            id=self.name,
            kind=kind,
            name=self._words(self.data, "name"),
            provider=self._text("provider"),
            objective=self._words(self.data, "objective"),
            scheme=scheme,
            build=build,
            event_method=self.data.get("event_method", "CAP"),
            sources=sources,
            parameters=parameters,
            recipes=recipes,
            discretion=self._words(self.data, "discretion") if "discretion" in self.data else Words("", ""),
        )

    def _only(self, given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
        if unknown := sorted(set(given) - known):
            raise self.fail(f"{where}: {', '.join(unknown)} is not known; use {', '.join(sorted(known))}")

    def _word(self, key: str, choices: tuple[str, ...]) -> str:
        word = self.data.get(key)
        if word not in choices:
            raise self.fail(f"{key} is {word!r}; use one of {', '.join(choices)}")
        return str(word)

    def _text(self, key: str) -> str:
        text = self.data.get(key)
        if not isinstance(text, str) or not text:
            raise self.fail(f"{key} is missing; write a text")
        return text

    def _words(self, table: Mapping[str, Any], key: str) -> Words:
        pair = table.get(key)
        if not isinstance(pair, Mapping) or not pair.get("en") or not pair.get("ja"):
            raise self.fail(f"{key} needs a text in en and one in ja")
        return Words(str(pair["en"]), str(pair["ja"]))

    def _parameters(self, sources: Mapping[str, str]) -> dict[str, Parameter]:
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.data.get("parameters", []):
            self._only(row, self._ROW, f"parameter {row.get('key')}")
            rows.setdefault(str(row.get("key")), []).append(row)
        if not rows:
            raise self.fail("there is no parameter; a card holds at least one")
        used = {name for group in rows.values() for row in group for name in self._source_names(row)}
        if unknown := sorted(used - set(sources)):
            raise self.fail(f"source {', '.join(unknown)} is not under [sources]")
        if idle := sorted(set(sources) - used):
            raise self.fail(f"source {', '.join(idle)} is never cited; cite it or remove it")
        return {key: self._parameter(key, group, sources) for key, group in rows.items()}

    @staticmethod
    def _source_names(row: Mapping[str, Any]) -> tuple[str, ...]:
        source = row.get("source", "")
        return tuple(source) if isinstance(source, list) else (str(source),)

    def _parameter(self, key: str, rows: list[Mapping[str, Any]], sources: Mapping[str, str]) -> Parameter:
        rows = sorted(rows, key=lambda row: self._day(key, row, "from"))
        term = next((row["title"] for row in rows if "title" in row), self.terms.get(key))
        if term is None:
            raise self.fail(
                f"parameter {key} has no title; write title = {{en, ja}}, or add it to terms.toml"
            )
        dated: list[Row[Value]] = []
        for place, row in enumerate(rows):
            start = self._day(key, row, "from")
            end = self._day(key, row, "to") if "to" in row else None
            if end is None and place + 1 < len(rows):
                end = self._day(key, rows[place + 1], "from") - dt.timedelta(days=1)
            if end is not None and end < start:
                raise self.fail(
                    f"parameter {key}: the value from {start} ends before it starts, or starts twice"
                )
            mark = row.get("mark")
            if mark not in MARKS:
                raise self.fail(f"parameter {key}: mark is {mark!r}; use one of {', '.join(MARKS)}")
            note = self._words(row, "note") if "note" in row else Words("", "")
            value = Value(self._figure(key, row), mark, note)
            cited = tuple(sources[name] for name in self._source_names(row))
            dated.append(Row(start, end, value, cited, confidence=_CONFIDENCE[mark]))
        try:
            values = Dated(f"rule card {self.name}, {key}", dated)
        except ValueError as error:
            raise self.fail(f"parameter {key}: {error}") from None
        unit = next((str(row["unit"]) for row in rows if "unit" in row), str(term.get("unit", "")))
        return Parameter(key, self._words({"title": term}, "title"), unit, values)

    def _day(self, key: str, row: Mapping[str, Any], name: str) -> dt.date:
        day = row.get(name)
        if not isinstance(day, dt.date) or isinstance(day, dt.datetime):
            raise self.fail(f"parameter {key}: {name} is {day!r}; write a day such as 2026-10-30")
        return day

    def _figure(self, key: str, row: Mapping[str, Any]) -> Figure:
        value = row.get("value")
        if isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, list) and value:
            if all(isinstance(v, str) for v in value):
                return tuple(value)
            if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value):
                return tuple(float(v) for v in value)
        raise self.fail(f"parameter {key}: the value {value!r} is no number, word, or list of one kind")

    def _recipes(self, parameters: Mapping[str, Parameter]) -> Dated[RecipeText]:
        reviews = sorted(self.data.get("review", []), key=lambda r: self._day("review", r, "from"))
        rows: list[Row[RecipeText]] = []
        for place, review in enumerate(reviews):
            start = self._day("review", review, "from")
            end = self._day("review", review, "to") if "to" in review else None
            if end is None and place + 1 < len(reviews):
                end = self._day("review", reviews[place + 1], "from") - dt.timedelta(days=1)
            try:
                text = recipe_text(str(self.data.get("scheme", "")), review)
            except InputError as error:
                raise self.fail(f"review from {start}: {error}") from None
            if missing := sorted(text.keys - set(parameters)):
                raise self.fail(f"review from {start} names @{', @'.join(missing)}, which has no parameter")
            rows.append(Row(start, end, text, tuple(self.data.get("sources", {}).values())))
        return Dated(f"rule card {self.name}, review", rows)
