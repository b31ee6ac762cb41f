"""Blocks of the index methodology book made from a list: inputs, tests, cards, parameters, governance."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from workbooks.builder.checks import checks_block
from workbooks.builder.index_method_data import card_facts, card_rows
from workbooks.builder.lists import tests_block
from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book

__all__ = ["MAKERS", "allowed", "test_state"]

_EPOCH = dt.date(1899, 12, 30)
_CODES = {"text": "g", "date": "d", "number": "q", "whole": "i", "rate": "r3", "money": "i", "choice": "g"}
_EXCEPTIONS, _PRINCIPLES = 5, 8


def _pair(book: Book, value: Any) -> Any:
    return book.words.pick(value) if isinstance(value, list) else value


def _spec_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """One line per input: item, name, the cell, unit, range, source."""
    lines = []
    for given in layout("index_method_inputs")["input"]:
        default = _pair(book, given["default"])
        if isinstance(default, dt.date):
            default = (default - _EPOCH).days
        lines.append(
            {
                "item": "'" + book.words.pair(given),
                "key": "'" + given["name"],
                "entry": f"'{default}" if isinstance(default, str) else default,
                "entry_format": _CODES[given["kind"]],
                "unit": "'"
                + (_pair(book, given["unit"]) if "unit" in given else book.words(f"kind.{given['kind']}")),
                "allowed_range": "'" + allowed(book, given),
                "source": "'" + _pair(book, given["source"]),
            }
        )
    return entry | {"lines": lines, "roles": {"entry": "input"}, "align": {"entry": "left"}}


def allowed(book: Book, given: dict[str, Any]) -> str:
    """What an input accepts, in words."""
    if given["kind"] == "choice":
        return book.words("inputs.from_list")
    if between := given.get("between"):
        low, high = (f"{100 * x:g} %" if given["kind"] == "rate" else f"{x:,.10g}" for x in between)
        return book.words("inputs.between").format(low=low, high=high)
    return ""


def _tests_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """One line per self-test; the calls themselves stand on the calculation sheet."""
    lines = [
        line
        | {
            "found": f"={{test_state.found@{number}}}",
            "result": f"=IF({{test_state.passed@{number}}},{{t:result.ok}},{{t:result.error}})",
        }
        for number, line in enumerate(tests_block(book, entry)["lines"], start=1)
    ]
    return entry | {"lines": lines}


def test_state(book: Book) -> dict[str, Any]:
    """The hidden block with the call of every self-test, what was expected and whether they agree."""
    lines = [
        {key: line[key] for key in ("found", "expected", "passed", "score")}
        for line in tests_block(book, {"key": "test_state"})["lines"]
    ]
    return {"key": "test_state", "columns": ["found", "expected", "passed", "score"], "lines": lines}


def _cards_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """Every card: id, name, kind, number of dated values."""
    rows, words = card_rows(), book.words
    lines = [
        {
            "card": "'" + card.id,
            "index_name": "'" + words.pick([card.name.ja, card.name.en]),
            "card_kind": "'" + words.choice("card_kind", card.kind),
            "values": sum(1 for row in rows if row.card == card.id),
        }
        for card in card_facts()
    ]
    return entry | {"lines": lines}


_PARAMETERS = (
    *("in_count", "in_rank_in", "in_rank_out", "in_cap_single", "in_cap_group", "in_cap_threshold"),
    *("in_cap_aggregate", "in_withholding", "in_base_level", "in_hedge_ratio"),
)


def _parameters_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The figures of the rule book with their sources."""
    given = {one["name"]: one for one in layout("index_method_inputs")["input"]}
    lines = [
        {
            "parameter": "'" + book.words.pair(given[name]),
            "figure": f"={name}",
            "figure_format": _CODES[given[name]["kind"]],
            "card_source": "'" + _pair(book, given[name]["source"]),
        }
        for name in _PARAMETERS
    ]
    return entry | {"lines": lines}


def _exceptions_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [{"no": number} for number in range(1, _EXCEPTIONS + 1)]
    until = (dt.date(2027, 10, 29) - _EPOCH).days
    lines[0] |= {
        "item": "t:exception.item",
        "reason": "t:exception.reason",
        "expires": until,
    }
    return entry | {"lines": lines}


def _principles_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    lines = [
        {"no": n, "principle": f"t:principle.{n}", "done": "'✔", "finding": f"t:principle.found.{n}"}
        for n in range(1, _PRINCIPLES + 1)
    ]
    return entry | {"lines": lines}


MAKERS = {
    "checks": checks_block,
    "tests": _tests_block,
    "spec": _spec_block,
    "cards": _cards_block,
    "parameters": _parameters_block,
    "exceptions": _exceptions_block,
    "principles": _principles_block,
}
"""What makes the lines of a block, by its kind."""
