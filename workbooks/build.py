"""Builds the template workbooks from the layout.

`python -m workbooks.build` writes every template beside this file; the committed files must equal
its result, which a test holds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from workbooks.builder.assemble import assemble
from workbooks.builder.fund_audit import build_fund_audit
from workbooks.builder.index_method import MethodWords, assemble_index_method
from workbooks.builder.theme import read_theme
from workbooks.builder.words import LANGUAGES, Words, layout

__all__ = ["ALL_BOOKS", "BOOKS", "build", "main"]

BOOKS = ("advisor", "proposal")
"""The books that clients' data are bound to."""
ALL_BOOKS = (*BOOKS, "index_method", "fund_audit")


def _merged(base: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in other.items():
        out[key] = _merged(out[key], value) if isinstance(value, dict) and key in out else value
    return out


def build(book: str, language: str, theme: dict[str, Any] | None = None) -> bytes:
    """One template as a package.

    Parameters
    ----------
    book : str
        One of `ALL_BOOKS`.
    language : str
        "ja", "en" or the pseudo-language "xx" that shows untranslated text.
    theme : dict, optional
        Values of a firm that replace those of `layout/theme.toml`; its table `label` replaces labels,
        `pages` the order of pages, `logo` puts a picture on the first one (`builder.theme`).

    Examples
    --------
    >>> build("proposal", "en")[:2]
    b'PK'
    """
    given = dict(theme or {})
    labels = {key: str(text) for key, text in given.pop("label", {}).items()}
    if book == "fund_audit":
        return build_fund_audit(language, labels, _merged(layout("theme"), given))
    if book == "index_method":
        return assemble_index_method(MethodWords(language, labels), _merged(layout("theme"), given))
    return assemble(book, Words(language, labels), _merged(layout("theme"), given))


def main(arguments: list[str] | None = None) -> int:
    """Write templates; see `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m workbooks.build", description="Build the template workbooks."
    )
    parser.add_argument("books", nargs="*", help=f"which of {', '.join(ALL_BOOKS)}; all when none is named")
    parser.add_argument("--lang", default=",".join(LANGUAGES), help="languages, separated by commas")
    parser.add_argument(
        "--theme", type=Path, help="a TOML file with a firm's fonts, colours, labels, logo and order of pages"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    given = parser.parse_args(arguments)
    try:
        theme = read_theme(given.theme) if given.theme else None
        made = {
            given.out / f"{book}.{language}.xlsx": build(book, language, theme)
            for book in given.books or ALL_BOOKS
            for language in given.lang.split(",")
        }
    except (OSError, ValueError) as fault:
        parser.error(str(fault))
    for path, data in made.items():
        path.write_bytes(data)
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
