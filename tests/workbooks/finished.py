"""Finished workbooks of every kind, as an adviser makes them, for tests that open them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.batch.tiny import job as tiny_job
from tests.batch.year_end_logs import FINAL, everything_american, everything_japanese
from xlplugin.batch.finish import finish
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import make_plan
from xlplugin.batch.run import execute
from xlplugin.batch.year_end.making import year_end, year_end_workbook
from xlplugin.cli.making import with_macros
from xlplugin.hosts.headless import compile_book

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["TEMPLATES", "small_books", "whole_books"]

FOLDER = Path(__file__).resolve().parents[2] / "workbooks"
TEMPLATES = {path.stem: path for path in sorted(FOLDER.glob("*.xlsx"))}
"""The built books of the project by name; the self-test, fund audit and index method are computed ones."""

LANGUAGES = {"C0001": "ja", "C0004": "en"}
YEAR_ENDS = {"jp": (everything_japanese, "ja"), "us": (everything_american, "en")}


def small_books(folder: Path) -> dict[str, Path]:
    """Books that take a second: year ends of both countries, and the summary of a small batch."""
    _run(tiny_job(folder, 3), {})
    made = {"summary": folder / "out" / "summary.xlsx"}
    for country, (log, language) in YEAR_ENDS.items():
        made[f"year end {country}"] = path = folder / f"year_end_{country}.xlsx"
        path.write_bytes(year_end_workbook(year_end(log(), country, 2026, FINAL), language))
    return made


def whole_books(folder: Path) -> dict[str, Path]:
    """Proposals and adviser's books of a Japanese and an American client, and their summary.

    Of the adviser's books every edition: "advisor" (live), "values", "oracle", "addin" (the oracle
    edition for LibreOffice), "officejs" and "macros".
    """
    templates = {
        (book, language): TEMPLATES[f"{book}.{language}"]
        for book in ("proposal", "advisor")
        for language in LANGUAGES.values()
    }
    settings = [
        'job.make=["proposal", "advisor"]',
        f'output.folder="{folder}"',
        f"run.only={list(LANGUAGES)}",
    ]
    day = _run(FOLDER / "sample" / "job.toml", templates, *settings)
    made = {"summary": folder / "summary.xlsx"}
    for client, language in LANGUAGES.items():
        own = folder / "clients" / client
        for book in ("proposal", "advisor"):
            made[f"{book} {language}"] = own / f"{book}_{client}_{language}.xlsx"
        made |= _editions(made[f"advisor {language}"], language, day)
    return made


def _run(job: Path, templates: dict[tuple[str, str], Path], *settings: str) -> dt.date:
    loaded = load_job(job, settings)
    plan = make_plan(loaded, templates, lambda path, language: compile_book(path, language=language))
    counts = finish(plan, list(execute(plan, None, workers=1)), "en")
    assert counts["failed"] == 0
    return loaded.as_of


def _editions(book: Path, language: str, day: dt.date) -> dict[str, Path]:
    template = compile_book(book, language=language)
    data = {
        "values": template.run(as_of=day, edition="values").data,
        "oracle": template.run(as_of=day, edition="oracle").data,
        "addin": template.run(as_of=day, edition="oracle", flavour="addin").data,
        "officejs": template.run(as_of=day, flavour="officejs").data,
        "macros": with_macros(book.read_bytes(), language),
    }
    made = {}
    for edition, content in data.items():
        suffix = ".xlsm" if edition == "macros" else ".xlsx"
        made[f"{edition} {language}"] = path = book.with_name(f"{book.stem}_{edition}{suffix}")
        path.write_bytes(content)
    return made
