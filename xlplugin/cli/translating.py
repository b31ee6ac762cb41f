"""``xlplugin translate``: a book made anew in the other language, inputs carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.books import BookFile, Day, Out, day_of, write_beside
from xlplugin.cli.console import Console, Exit, Json, option
from xlplugin.errors import InputError

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from xlplugin.batch.carrying import Carried
    from xlplugin.cli.words import Language

__all__ = ["rebuilt", "translate"]


def translate(
    book: BookFile,
    *,
    lang: Annotated[str | None, option("--lang", "help.translate.lang")] = None,
    out: Out = None,
    as_of: Day = None,
    as_json: Json = False,
) -> None:
    """Build a book anew in the other language with its inputs; exit code 1 when something stays behind."""
    from xlplugin.cli.making import with_macros  # noqa: PLC0415  (the light start)
    from xlplugin.cli.places import language_of  # noqa: PLC0415

    if lang not in (None, "ja", "en"):
        raise InputError(f"--lang {lang}: expected ja or en")
    day = day_of(book, as_of)
    own = language_of(book, "en" if lang == "ja" else "ja")
    wanted: Language = "ja" if lang == "ja" or (lang is None and own == "en") else "en"
    console = Console.of(wanted, as_json=as_json)
    if wanted == own:
        raise InputError(f"{book}: the book is in this language already ({own}); give the other with --lang")
    data, found = rebuilt(book, own, wanted, day)
    stem = book.stem.removesuffix(f".{own}").removesuffix(f"_{own}")
    target = out or book.with_name(f"{stem}.{wanted}{book.suffix}")
    write_beside(book, target, with_macros(data, wanted) if target.suffix.lower() == ".xlsm" else data)
    if found.left:
        console.table(
            console.say("title.left"), [console.say("column.place")], [(part,) for part in found.left]
        )
    facts = {"cells": found.names, "rows": found.rows, "left": len(found.left)}
    said = console.lines([console.say("translate.done", path=target, **facts)])
    console.data({"file": str(target), **facts, "stays": found.left, "said": [*said, *found.left]})
    if found.left:
        raise typer.Exit(Exit.FINDINGS)


def rebuilt(book: Path, own: Language, wanted: Language, day: dt.date) -> tuple[bytes, Carried]:
    """A book made anew from its template in a language, with its inputs; and what was carried over.

    Raises
    ------
    FileError
        If the book is none of ours.
    """
    from xlplugin.batch.carrying import carried, without_formulas  # noqa: PLC0415  (the light start)
    from xlplugin.cli.places import built, compiled, kind_of  # noqa: PLC0415
    from xlplugin.hosts.headless import compile_book  # noqa: PLC0415
    from xlplugin.workbook import Book  # noqa: PLC0415

    old = Book(book)
    kind = kind_of(book, old.package)
    new = compiled(built()[kind, wanted], wanted)
    found = carried(old, new if own == wanted else compiled(built()[kind, own], own), new)
    if found.over:
        new = compile_book(without_formulas(new.package, found.over), language=wanted)
    return new.run(found.inputs, as_of=day).data, found
