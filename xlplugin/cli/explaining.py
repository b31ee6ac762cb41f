"""``xlplugin explain``: where the value of one cell comes from, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.books import BookFile, Day, day_of
from xlplugin.cli.console import HELP, Console, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from xlplugin.hosts.explaining import Explanation, Read
    from xlplugin.workbook import CompiledTemplate

__all__ = ["explain"]


def explain(
    book: BookFile,
    place: Annotated[str, typer.Argument(metavar="SHEET!CELL", help=say("help.explain.cell", HELP))] = "",
    *,
    cell: Annotated[str, option("--cell", "help.explain.cell", metavar="SHEET!CELL")] = "",
    as_of: Day = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Say where the value of one cell comes from: formula, arguments, inputs, rule, and why it failed."""
    from xlplugin.hosts.explaining import explained  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    wanted = cell or place
    if not wanted:
        raise InputError(f"{book}: which cell? Give it as SHEET!CELL, for example Harvest!B11")
    day = day_of(book, as_of)
    template = _with_formulas(book, console)
    found = explained(template, template.run(as_of=day), wanted, console.language)
    rows = _rows(console, found)
    console.table(found.cell, [console.say("column.part"), console.say("column.found")], rows)
    for key, reads in (("arguments", found.arguments), ("reads", found.reads), ("inputs", found.inputs)):
        if reads:
            _print_reads(console, key, reads)
    console.data(
        {
            **{k: v for k, v in vars(found).items() if k not in ("arguments", "reads", "inputs")},
            **{k: [vars(r) for r in getattr(found, k)] for k in ("arguments", "reads", "inputs")},
            "said": [
                found.cell,
                *(f"{part}: {text}" for part, text in rows),
                *(
                    f"  {r.name} = {r.holds}"
                    for r in (*found.arguments, *found.reads, *found.inputs)
                    if r.holds
                ),
            ],
        }
    )


def _with_formulas(book: Path, console: Console) -> CompiledTemplate:
    """The book ready to be computed; formulas that were frozen into values are put back."""
    from xlplugin.cli.places import compiled, language_of  # noqa: PLC0415  (the light start)
    from xlplugin.hosts.headless import RegistryFunctions  # noqa: PLC0415
    from xlplugin.workbook import Book  # noqa: PLC0415
    from xlplugin.workbook.compile import compile_package  # noqa: PLC0415
    from xlplugin.workbook.verify import frozen_formulas  # noqa: PLC0415

    language = language_of(book, console.language)
    stored = Book(book)
    frozen = [(f["sheet"], f["cell"], f["range"], f["formula"]) for f in frozen_formulas(stored)]
    if not frozen:
        return compiled(book, language)
    return compile_package(stored.package, RegistryFunctions(language), lenient=True, restored=frozen)


def _rows(console: Console, found: Explanation) -> list[tuple[str, str]]:
    parts = {
        "title": found.title,
        "value": found.value or "–",
        "names": ", ".join(found.names),
        "formula": found.formula or console.say("explain.input"),
        "first": found.first,
        "function": found.function,
        "does": found.does,
        "source": found.source,
    }
    rows = [(console.say(f"explain.{key}"), text) for key, text in parts.items() if text]
    return rows + [(console.say("explain.why"), text) for text in found.sentences]


def _print_reads(console: Console, key: str, reads: list[Read]) -> None:
    header = [console.say(f"column.{c}") for c in ("item", "written", "holds", "meaning")]
    rows = [(r.name, r.written, r.holds, r.meaning) for r in reads]
    kept = [n for n in range(4) if any(row[n] for row in rows)]
    console.table(
        console.say(f"explain.{key}"),
        [header[n] for n in kept],
        [tuple(row[n] for n in kept) for row in rows],
    )
