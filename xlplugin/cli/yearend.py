"""``xlplugin yearend``: the year-end workbooks of the clients of a book, per tax regime and language."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option, sentence
from xlplugin.cli.words import say
from xlplugin.errors import FileError, InputError, WordError, XlPluginError

if TYPE_CHECKING:
    from xlplugin.store.log_tables import LogTables

__all__ = ["yearend"]

DEFAULT_REGIMES = {"us_taxable": "us", "dual": "jp,us"}


def yearend(
    source: Annotated[Path, typer.Argument(metavar="BOOK", help=say("help.yearend.source", HELP))],
    *,
    regime: Annotated[str, option("--regime", "help.yearend.regime")] = "",
    year: Annotated[int | None, option("--year", "help.yearend.year", min=2014, max=2047)] = None,
    client: Annotated[list[str] | None, option("--client", "help.yearend.client")] = None,
    as_of: Annotated[str | None, option("--as-of", "help.as_of", metavar="YYYY-MM-DD")] = None,
    languages: Annotated[str, option("--languages", "help.yearend.languages")] = "ja,en",
    filing_status: Annotated[str, option("--filing-status", "help.yearend.status")] = "",
    left_out: Annotated[list[str] | None, option("--left-out", "help.yearend.left_out")] = None,
    out: Annotated[Path | None, option("--out", "help.out")] = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Write the year-end workbook of every client asked for; exit code 1 if one could not be made."""
    from xlplugin.store.log_tables import read_log_tables  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    tongues = tuple(word.strip() for word in languages.split(",") if word.strip())
    for word in tongues:
        if word not in {"ja", "en"}:
            raise WordError("--languages", got=word, choices=("ja", "en"))
    tables = read_log_tables(source)
    chosen = client or list(tables)
    for name in chosen:
        if name not in tables:
            raise WordError("--client", got=name, choices=tuple(tables))
    made: list[Path] = []
    failures: list[dict[str, str]] = []
    for name in chosen:
        wanted = regime or DEFAULT_REGIMES.get(str(tables[name].settings.get("regime")), "jp")
        for country in (word.strip() for word in wanted.split(",")):
            try:
                made += _make(
                    tables[name],
                    country,
                    year,
                    as_of,
                    tongues,
                    out or Path(),
                    filing_status,
                    tuple(left_out or ()),
                )
            except XlPluginError as error:
                if len(chosen) == 1:
                    raise
                text = sentence(error, console.language)
                failures.append({"client_id": name, "code": error.code, "sentence": text})
    for path in made:
        console.line(console.say("made", path=path))
    for failure in failures:
        console.line(f"{failure['client_id']} {failure['code']}: {failure['sentence']}")
    console.data({"files": [str(path) for path in made], "failures": failures})
    if failures:
        raise typer.Exit(Exit.FINDINGS)


def _make(
    tables: LogTables,
    country: str,
    year: int | None,
    as_of: str | None,
    languages: tuple[str, ...],
    folder: Path,
    filing_status: str,
    left_out: tuple[str, ...],
) -> list[Path]:
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)
    from xlplugin.batch.year_end.making import year_end, year_end_workbook  # noqa: PLC0415
    from xlplugin.store.event_log import event_log  # noqa: PLC0415

    if year is None:
        held = tables.settings.get("tax_year")
        if not isinstance(held, int):
            raise InputError(f"--year is missing, and the book of {tables.client_id} names no tax year")
        year = held
    done = year_end(
        event_log(tables, year),
        country,
        year,
        _day(as_of, tables),
        filing_status=filing_status,
        left_out=left_out,
    )
    made = []
    books = [(folder / done.file_name(word), year_end_workbook(done, word)) for word in languages]
    for path, data in books:
        write_whole(path, data)
        made.append(path)
    return made


def _day(text: str | None, tables: LogTables) -> dt.date:
    """The day given, else that of the book, else today."""
    if text is not None:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise FileError(f"{text}: expected a date such as 2027-02-01") from None
    held = tables.settings.get("as_of")
    return held if isinstance(held, dt.date) else dt.date.today()  # noqa: DTZ011  (the day of this machine)
