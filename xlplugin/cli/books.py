"""Commands on one workbook: calc, check, lint, verify, freeze, diff. Nothing is written over its source."""

from __future__ import annotations

import datetime as dt
import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError, InputError, WordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xlplugin.workbook import Book, Finding, Result
    from xlplugin.workbook.formula import Flavour

__all__ = [
    "BookFile",
    "Day",
    "Out",
    "calc",
    "check",
    "day_of",
    "diff",
    "freeze",
    "given_day",
    "lint",
    "verify",
    "write_beside",
]

BookFile = Annotated[Path, typer.Argument(metavar="BOOK.xlsx", help=say("help.book", HELP))]
Day = Annotated[str | None, option("--as-of", "help.as_of", metavar="YYYY-MM-DD")]
Out = Annotated[Path | None, option("--out", "help.out")]


def calc(
    book: BookFile,
    *,
    out: Out = None,
    as_of: Day = None,
    edition: Annotated[str, option("--edition", "help.edition")] = "live",
    host: Annotated[str, option("--host", "help.calc.host")] = "excel",
    market: Annotated[Path | None, option("--market", "help.calc.market")] = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Compute a workbook into a copy; exit code 1 when a worksheet function failed."""
    console = Console.of(lang, as_json=as_json)
    if edition not in {"live", "values", "oracle"}:
        raise InputError(f"--edition {edition}: expected live, values or oracle")
    if host not in _SPELLINGS:
        raise WordError("--host", got=host, choices=tuple(_SPELLINGS))
    if market is not None:
        if not market.is_dir():
            raise FileError(f"{market}: there is no such folder of prices; check the path")
        os.environ["XLPLUGIN_MARKET"] = str(market)
    target = out or book.with_name(f"{book.stem}.computed{book.suffix}")
    result = _computed(console, book, as_of, edition, _SPELLINGS[host])
    write_beside(book, target, result.data)
    _print_failures(console, result)
    console.line(console.say("calc.done", path=target, failures=len(result.log)))
    console.data(
        {
            "file": str(target),
            "failures": [f.__dict__ for f in result.log],
            "errors": [e.__dict__ for e in result.errors],
        }
    )
    if result.log:
        raise typer.Exit(Exit.FINDINGS)


def freeze(
    book: BookFile, *, out: Out = None, as_of: Day = None, lang: Lang = HELP, as_json: Json = False
) -> None:
    """Write a copy in which our functions are values; native formulas stay."""
    console = Console.of(lang, as_json=as_json)
    target = out or book.with_name(f"{book.stem}.values.xlsx")
    result = _computed(console, book, as_of, "values")
    write_beside(book, target, result.data)
    console.line(console.say("freeze.done", path=target))
    console.data({"file": str(target), "failures": [f.__dict__ for f in result.log]})
    if result.log:
        _print_failures(console, result)
        raise typer.Exit(Exit.FINDINGS)


def check(book: BookFile, *, as_of: Day = None, lang: Lang = HELP, as_json: Json = False) -> None:
    """Recompute the checks and self-tests of a book and lint it; exit code 1 when one fails."""
    from xlplugin.cli.places import language_of  # noqa: PLC0415  (the light start)
    from xlplugin.hosts.headless import RegistryFunctions  # noqa: PLC0415
    from xlplugin.workbook import Book, lint_package, lint_template  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    result = _computed(console, book, as_of, "live")
    functions = RegistryFunctions(language_of(book, console.language))
    tests = list(_tests(Book(result.data)))
    findings = [f for f in (*lint_template(book, functions), *lint_package(book)) if f.level != "info"]
    levels = _check_levels()
    failed = [t for t in tests if t[1] is not True and levels.get(t[0]) != "warn"]
    warned = [t for t in tests if t[1] is not True and levels.get(t[0]) == "warn"]
    errors = [f for f in findings if f.level == "error"]
    header = [console.say(f"column.{c}") for c in ("part", "state", "found")]
    rows = [(name, console.say("state.error"), _shown(value)) for name, value in failed]
    rows += [(name, console.say("state.warn"), _shown(value)) for name, value in warned]
    rows += [
        (f"{f.rule} {f.place}", console.say(_LEVELS[f.level]), f.message(console.language)) for f in findings
    ]
    if rows:
        console.table(console.say("title.check"), header, rows)
    facts = {"failed": len(failed), "warned": len(warned), "errors": len(errors)}
    said = console.lines([console.say("check.done", tests=len(tests), **facts)])
    console.data(
        {
            **facts,
            "tests": {name: value if isinstance(value, bool) else _shown(value) for name, value in tests},
            "findings": [_finding(f, console) for f in findings],
            "said": [*said, *(f"{state} {part}: {found}" for part, state, found in rows)],
        }
    )
    if failed or errors:
        raise typer.Exit(Exit.FINDINGS)


def lint(
    book: BookFile,
    *,
    as_of: Day = None,
    every: Annotated[bool, option("--all", "help.lint.all")] = False,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Look for what would go wrong in Excel or a viewer; exit code 1 when something is an error.

    With a day the book is computed too, and its values are looked at.
    """
    from xlplugin.cli.places import language_of  # noqa: PLC0415  (the light start)
    from xlplugin.hosts.headless import RegistryFunctions  # noqa: PLC0415
    from xlplugin.workbook import LintOptions, PackageError, lint_package, lint_template  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    _there(book)
    functions = RegistryFunctions(language_of(book, console.language))
    try:
        found = [
            *lint_template(book, functions, LintOptions(as_of=given_day(as_of))),
            *lint_package(book, functions=functions.names),
        ]
    except PackageError as error:
        raise FileError(f"{book}: {error}") from None
    findings = [f for f in found if every or f.level != "info"]
    if findings:
        header = [console.say(f"column.{c}") for c in ("rule", "state", "place", "found")]
        rows = [
            (f.rule, console.say(_LEVELS[f.level]), f.place, f.message(console.language)) for f in findings
        ]
        console.table(console.say("title.lint"), header, rows)
    count = {level: sum(f.level == level for f in findings) for level in ("error", "warning")}
    said = console.lines([console.say("lint.done", errors=count["error"], warnings=count["warning"])])
    console.data(
        {
            "errors": count["error"],
            "warnings": count["warning"],
            "findings": [_finding(f, console) for f in findings],
            "said": [*said, *(f"{f.rule} {f.place}: {f.message(console.language)}" for f in findings)],
        }
    )
    if count["error"]:
        raise typer.Exit(Exit.FINDINGS)


def verify(
    book: BookFile,
    *,
    as_of: Day = None,
    functions_only: Annotated[bool, option("--functions-only", "help.functions_only")] = False,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Recompute every stored number of a finished book; exit code 1 when one differs."""
    from xlplugin.cli.places import language_of  # noqa: PLC0415  (the light start)
    from xlplugin.hosts.headless import RegistryFunctions  # noqa: PLC0415
    from xlplugin.workbook import verify as recompute  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    _there(book)
    functions = RegistryFunctions(language_of(book, console.language))
    done = recompute(book, functions, as_of=given_day(as_of), only_functions=functions_only)
    if done.differences:
        header = [console.say(f"column.{c}") for c in ("place", "stored", "computed", "formula")]
        rows = [
            (f"{d.sheet}!{d.cell}", _shown(d.stored), _shown(d.computed), d.formula[:60])
            for d in done.differences[:50]
        ]
        console.table(console.say("title.verify"), header, rows)
    facts = {"cells": done.cells, "functions": done.functions, "differing": len(done.differences)}
    console.line(console.say("verify.done", largest=f"{done.largest:.1e}", kept=len(done.kept), **facts))
    console.data(
        {
            **facts,
            "largest": done.largest,
            "kept": done.kept,
            "differences": [
                {**d.__dict__, "stored": _shown(d.stored), "computed": _shown(d.computed)}
                for d in done.differences
            ],
        }
    )
    if done.differences:
        raise typer.Exit(Exit.FINDINGS)


def diff(
    first: Annotated[Path, typer.Argument(metavar="A.xlsx", help=say("help.diff.first", HELP))],
    second: Annotated[Path, typer.Argument(metavar="B.xlsx", help=say("help.diff.second", HELP))],
    *,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Say in words what changed between two books of one client; exit code 1 when something did."""
    from xlplugin.cli.comparing import changes  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    _there(first)
    _there(second)
    found = changes(first, second, console.language)
    header = [console.say(f"column.{c}") for c in ("part", "item", "before", "now")]
    if found:
        console.table(console.say("title.diff"), header, [(c.part, c.item, c.before, c.now) for c in found])
    console.line(console.say("diff.done", count=len(found)))
    console.data([c._asdict() for c in found])
    if found:
        raise typer.Exit(Exit.FINDINGS)


# -- helpers -------------------------------------------------------------------------------------

_SPELLINGS: dict[str, Flavour] = {"excel": "vba", "office-add-in": "officejs", "libreoffice": "addin"}
_LEVELS = {"error": "state.error", "warning": "state.warn", "info": "state.ok"}


def _there(book: Path) -> None:
    if not book.is_file():
        raise FileError(f"{book}: there is no such workbook; check the path")


def given_day(text: str | None) -> dt.date | None:
    """The day in an option, or None.

    Raises
    ------
    InputError
        If it is not written as 2026-11-20.
    """
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text}: expected a date such as 2026-11-20") from None


def _check_levels() -> dict[str, str]:
    """The level of each check of the templates, by the name of its cell."""
    found: dict[str, str] = {}
    for path in sorted((files("workbooks") / "layout").iterdir(), key=lambda p: p.name):
        if path.name.endswith("checks.toml"):
            listed = tomllib.loads(path.read_text("utf-8")).get("check", ())
            for check in listed:  # an error in one book is an error
                name = f"chk_{check['id']}"
                found[name] = "error" if found.get(name) == "error" else check["level"]
    return found


def _computed(
    console: Console, book: Path, as_of: str | None, edition: Any, flavour: Flavour = "vba"
) -> Result:
    from xlplugin.cli.places import compiled, language_of  # noqa: PLC0415  (the light start)

    _there(book)
    template = compiled(book, language_of(book, console.language))
    return template.run(as_of=day_of(book, as_of), edition=edition, flavour=flavour)


def day_of(book: Path, as_of: str | None) -> dt.date:
    """The day to compute a book for: the one given, else the one in its cell in_as_of.

    Raises
    ------
    InputError
        If there is neither.
    """
    from xlplugin.store.books import BookReader  # noqa: PLC0415  (the light start)

    _there(book)
    day = given_day(as_of)
    if day is None:
        reader = BookReader(book)
        place = reader.package.names.get("in_as_of")
        day = _as_day(reader.cell(place)) if place is not None else None
    if day is None:
        raise InputError(f"{book}: it has no date in a cell named in_as_of; give --as-of YYYY-MM-DD")
    return day


def _as_day(held: object) -> dt.date | None:
    """The date in a cell, also where its format does not say that it is one."""
    if isinstance(held, float) and held >= 61:
        return dt.date(1899, 12, 30) + dt.timedelta(days=int(held))
    return held if isinstance(held, dt.date) else None


def write_beside(source: Path, target: Path, data: bytes) -> None:
    """Write a new book; never over the one it was made from.

    Raises
    ------
    FileError
        If the two are one file.
    """
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)

    if target.resolve() == source.resolve():
        raise FileError(f"{target}: this is the source itself; give another name with --out")
    write_whole(target, data)


def _print_failures(console: Console, result: Result) -> None:
    if result.log:
        header = [console.say(f"column.{c}") for c in ("place", "function", "error", "found")]
        rows = [(f"{f.sheet}!{f.cell}", f.function, f.error, f.sentence) for f in result.log]
        console.table(console.say("title.failures"), header, rows)


def _tests(book: Book) -> Iterator[tuple[str, Any]]:
    """Name and value of every check and self-test, in the order of their names."""
    from xlplugin.cli.comparing import named_cells  # noqa: PLC0415  (the light start)

    cells = named_cells(book)
    for name in sorted(cells):
        if name.startswith(("chk_", "test_")):
            value = cells[name]
            yield name, (value == 1.0 if isinstance(value, float) else value)


def _shown(value: object) -> str:
    if value is None:
        return ""
    text = getattr(value, "value", value)
    return f"{text:.10g}" if isinstance(text, float) else str(text)


def _finding(finding: Finding, console: Console) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "level": finding.level,
        "place": finding.place,
        "sentence": finding.message(console.language),
    }
