"""``xlplugin functions``: what can be typed into a cell, from the registry."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.console import HELP, Console, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError, WordError

if TYPE_CHECKING:
    from xlplugin.workbook.formula import Flavour

__all__ = ["app"]

# What a person writes for each host, and what the files of the web add-in and of LibreOffice hold.
_FLAVOURS: dict[str, Flavour] = {
    "excel": "vba",
    "office-add-in": "namespace",
    "office-add-in-file": "officejs",
    "libreoffice-file": "addin",
}

app = typer.Typer(help=say("help.functions", HELP), no_args_is_help=True)


@app.command("list", help=say("help.functions.list", HELP))
def list_(*, lang: Lang = HELP, as_json: Json = False) -> None:
    """Names, categories and wizard texts of all functions."""
    from xlplugin.worksheet.reference import signature  # noqa: PLC0415  (the light start)
    from xlplugin.worksheet.registry import load  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    functions = list(load())
    console.table(
        f"{console.say('title.functions')} ({len(functions)})",
        [console.say("column.function"), console.say("column.category"), console.say("column.meaning")],
        [(f.name, f.category, f.help.text(console.language)) for f in functions],
    )
    console.data(
        [
            {
                "name": f.name,
                "category": f.category,
                "signature": signature(f),
                "title": f.title.text(console.language),
                "help": f.help.text(console.language),
                "source": f.source,
                "arguments": [
                    {
                        "name": a.name,
                        "kind": a.kind.value,
                        "optional": a.is_optional,
                        "help": a.help.text(console.language),
                    }
                    for a in f.arguments
                ],
                "columns": dict(f.columns),
            }
            for f in functions
        ]
    )


@app.command("docs", help=say("help.functions.docs", HELP))
def docs(
    name: Annotated[str | None, typer.Argument(help=say("help.functions.name", HELP))] = None,
    *,
    out: Annotated[Path | None, option("--out", "help.out")] = None,
    lang: Lang = HELP,
) -> None:
    """The reference of all functions, or of one."""
    from xlplugin.worksheet.reference import markdown  # noqa: PLC0415  (the light start)
    from xlplugin.worksheet.registry import load  # noqa: PLC0415

    registry = load()
    if name is not None and name.upper() not in registry:
        near = get_close_matches(name.upper(), registry.names, 3, 0.4) or sorted(registry.names)[:3]
        raise WordError("function", got=name, choices=tuple(near))
    chosen = list(registry) if name is None else [registry[name.upper()]]
    console = Console.of(lang, as_json=False)
    text = markdown(chosen, console.language)
    if out is None:
        console.line(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{out}: cannot be written: {error.strerror}") from None
    console.line(str(out))


@app.command("spell", help=say("help.functions.spell", HELP))
def spell(
    formula: Annotated[str, typer.Argument(help=say("help.functions.formula", HELP))],
    *,
    host: Annotated[str, option("--host", "help.functions.host")] = "excel",
    lang: Lang = HELP,
) -> None:
    """One formula as another host writes it; nothing but the names of our functions changes."""
    from xlplugin.workbook.formula import in_flavour, table_of_spellings  # noqa: PLC0415  (the light start)
    from xlplugin.worksheet.registry import load  # noqa: PLC0415

    if host not in _FLAVOURS:
        raise WordError("--host", got=host, choices=tuple(_FLAVOURS))
    sign, text = ("=", formula[1:]) if formula.startswith("=") else ("", formula)
    written = in_flavour(text, _FLAVOURS[host], table_of_spellings(load().names))
    Console.of(lang, as_json=False).line(sign + written)
