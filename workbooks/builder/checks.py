"""The checks of a book: native formulas that must hold wherever the book is opened.

Their results stand on the hidden calculation sheet (block `check_state`), each with a name
`chk_...`; the list of checks on a visible sheet shows them in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbooks.builder.words import layout

if TYPE_CHECKING:
    from workbooks.builder.book import Book

__all__ = ["book_checks", "check_state", "checks_block", "define_checks"]

_RESULT = (
    "=IF({check_state.failed@i}=0,{t:result.ok},"
    'IF({check_state.level@i}="error",{t:result.error},{t:result.warn}))'
)


def book_checks(name: str) -> list[dict[str, Any]]:
    """The checks that belong to a book, in their order: of `checks.toml`, or of the file its layout names."""
    entries = layout(layout(name).get("checks", "checks"))["check"]
    return [entry for entry in entries if name in entry.get("books", (name,))]


def check_state(book: Book) -> dict[str, Any]:
    """The hidden block with what was found, the limit and the result of every check."""
    lines = [
        {
            "level": f"'{check['level']}",
            "group": f"'{check['group']}",
            "found": check["found"],
            "limit": check["limit"],
            "ok": check["passed"],
            "failed": "=IF(IFERROR({self.ok},FALSE),0,1)",
            "alert": '=IF({self.failed}=0,9999,IF({self.level}="error",0,1000)+{i})',
        }
        for check in book_checks(book.name)
    ]
    return {
        "key": "check_state",
        "columns": ["level", "group", "found", "limit", "ok", "failed", "alert"],
        "lines": lines,
    }


def define_checks(book: Book) -> None:
    """A name `chk_...` for the result of every check."""
    state = book.resolver.blocks["check_state"]
    for index, check in enumerate(book_checks(book.name), start=1):
        book.define(f"chk_{check['id']}", state.cell("ok", index))


def checks_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The block `entry` with one line per check, in words; `part` names the first and the last."""
    first, last = entry.get("part", (1, len(book_checks(book.name))))
    lines = [
        {
            "no": number,
            "check": f"t:check.{check['id']}",
            "level": f"t:level.{check['level']}",
            "found": f'=IFERROR({{check_state.found@{number}}},"–")',
            "limit": f'=IFERROR({{check_state.limit@{number}}},"–")',
            "found_format": check.get("format", "q"),
            "limit_format": check.get("format", "q"),
            "result": _RESULT.replace("@i", f"@{number}"),
            "where": {"link": check["sheet"]} if check["sheet"] in book.sheets else "t:result.data",
        }
        for number, check in enumerate(book_checks(book.name), start=1)
        if first <= number <= last
    ]
    return entry | {"lines": lines}
