"""The commands, registered; each imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import Annotated

import typer

from xlplugin.cli import (
    audit,
    batch,
    books,
    editing,
    explaining,
    functions,
    hosts,
    index,
    making,
    orders,
    translating,
    yearend,
)
from xlplugin.cli.console import HELP, Console, Exit, Json, Lang
from xlplugin.cli.words import preferred, say
from xlplugin.errors import XlPluginError

__all__ = ["app", "run"]

app = typer.Typer(
    help=say("app", HELP), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(functions.app, name="functions")
app.add_typer(index.app, name="index")
app.add_typer(hosts.excel, name="excel")
app.add_typer(hosts.libreoffice, name="libreoffice")
app.add_typer(hosts.officejs, name="officejs")
for _verb in (
    making.demo,
    making.new,
    books.calc,
    books.check,
    books.lint,
    books.verify,
    making.proposal,
    books.freeze,
    books.diff,
    editing.refresh,
    editing.harvest,
    translating.translate,
    explaining.explain,
):
    app.command(_verb.__name__, help=say(f"help.{_verb.__name__}", HELP))(_verb)
app.command("import", help=say("help.import", HELP))(editing.import_)
app.command("batch", help=say("help.batch", HELP))(batch.batch)
app.command("yearend", help=say("help.yearend", HELP))(yearend.yearend)
app.command("orders", help=say("help.orders", HELP))(orders.orders)
app.command("audit", help=say("help.audit", HELP))(audit.audit)


@app.command("doctor", help=say("help.doctor", HELP))
def doctor(
    book: Annotated[Path | None, typer.Argument(help=say("help.doctor.book", HELP))] = None,
    *,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Look at this machine; exit code 5 if something that was meant to work does not."""
    from xlplugin.cli.doctor import examine  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    checks = examine(console.language, book)
    console.table(
        console.say("title.doctor"),
        [console.say(f"column.{c}") for c in ("part", "state", "found", "remedy")],
        [(c.part, console.say(f"state.{c.state}"), c.found, c.remedy) for c in checks],
    )
    console.data([c._asdict() for c in checks])
    if any(c.state == "error" for c in checks):
        raise typer.Exit(Exit.ENVIRONMENT)


def run() -> None:
    """Run the command line; a user's error is one sentence and an exit code."""
    try:
        app()
    except XlPluginError as error:
        console = Console.of(preferred(), as_json="--json" in sys.argv)
        sys.exit(console.fail(error))
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.exit(Exit.DONE)
