"""What a firm's theme changes beyond looks: the order of the pages, and its logo on the cover.

A theme is a TOML file of the shape of `layout/theme.toml` with only what differs, and besides::

    logo = "firm.png"                       # beside the theme file, PNG or JPEG
    [pages]
    proposal = ["cover", "summary", ...]    # every page once
    [label]
    "cover.title" = "Plan for the family"
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from xlsxwriter.exceptions import UndefinedImageSize, UnsupportedImageFormat
from xlsxwriter.image import Image

if TYPE_CHECKING:
    from pathlib import Path

    from workbooks.builder.book import Book

__all__ = ["contents_block", "in_order", "numbered", "place_logo", "read_theme"]

_NUMBER = re.compile(r"^[0-9]{2}(?=[a-z]?_)")
_LOGO_AT = "I3"
_LOGO_BOX = (336, 88)  # pixels: three columns of the page grid, four rows
_DPI = 96


def read_theme(path: Path) -> dict[str, Any]:
    """A theme file; a logo is looked for beside it.

    Raises
    ------
    ValueError
        If it is not TOML, or the logo is missing or no picture.
    """
    try:
        theme = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path.name} is not TOML: {fault}") from None
    if "logo" in theme:
        logo = path.parent / str(theme["logo"])
        if not logo.is_file():
            raise ValueError(
                f"{path.name}: there is no picture {theme['logo']!r} beside it; put it there or correct logo"
            )
        try:
            Image(str(logo))
        except (UnsupportedImageFormat, UndefinedImageSize):
            raise ValueError(f"{path.name}: {theme['logo']!r} is no PNG or JPEG; convert it") from None
        theme["logo"] = str(logo)
    return theme


def in_order(name: str, entries: list[dict[str, Any]], theme: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The visible sheets of a book in the order of the firm.

    Raises
    ------
    ValueError
        If the theme does not name every page once: pages read each other, so none can be left out.
    """
    wanted = (theme or {}).get("pages", {}).get(name)
    if wanted is None:
        return entries
    pages: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        if not entry.get("is_continued"):
            pages[entry["key"]] = []
        pages[next(reversed(pages))].append(entry)  # a continued page stays behind its first one
    if sorted(wanted) != sorted(pages):
        raise ValueError(
            f"pages.{name} of the theme lists {', '.join(wanted)}; "
            f"it must name each of {', '.join(pages)} once"
        )
    return [entry for key in wanted for entry in pages[key]]


def numbered(label: str, place: int) -> str:
    """A sheet name such as ``05_Costs`` with the number of its page; names without one stay."""
    return _NUMBER.sub(f"{place:02d}", label)


def contents_block(book: Book, entry: dict[str, Any]) -> dict[str, Any]:
    """The list of pages on the cover: every visible page but its own."""
    pages = [s.key for s in book.sheets.values() if s.entry and not s.entry.get("is_continued")]
    lines = [
        {"no": number, "what": f"t:title.{book.name}.{key}"}
        for number, key in enumerate(pages, start=1)
        if key != entry["on"]
    ]
    return {**entry, "lines": lines}


def place_logo(book: Book) -> None:
    """The logo in the upper right corner of the first page, as large as its box allows."""
    file = book.formats.theme.get("logo")
    if not file:
        return
    picture = Image(str(file))
    width, height = picture.width * _DPI / picture.x_dpi, picture.height * _DPI / picture.y_dpi
    scale = min(_LOGO_BOX[0] / width, _LOGO_BOX[1] / height)
    first = next(iter(book.sheets.values()))
    first.worksheet.insert_image(
        _LOGO_AT,
        str(file),
        {
            "x_offset": _LOGO_BOX[0] - width * scale,
            "x_scale": scale,
            "y_scale": scale,
            "object_position": 3,
            "description": book.words("cover.logo"),
        },
    )
