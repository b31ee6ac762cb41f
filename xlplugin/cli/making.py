"""Commands that make workbooks: new (a template on this machine), proposal (of one client), demo."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError, WordError

if TYPE_CHECKING:
    from xlplugin.batch.plan import Plan
    from xlplugin.batch.records import Record

__all__ = ["demo", "new", "proposal", "with_macros"]

Out = Annotated[Path | None, option("--out", "help.out")]


# -- new -----------------------------------------------------------------------------------------


def new(
    what: Annotated[str, typer.Argument(help=say("help.new.what", HELP))],
    *,
    out: Out = None,
    macros: Annotated[bool, option("--macros", "help.new.macros")] = False,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Write an empty template, or an empty client book in tables with its job file."""
    console = Console.of(lang, as_json=as_json)
    if what == "clients":
        made = _new_clients(out or Path("clients"), console)
    else:
        made = [_new_book(what, out, console, macros=macros)]
    for path in made:
        console.line(console.say("made", path=path))
    console.data({"files": [str(path) for path in made]})


def _new_book(what: str, out: Path | None, console: Console, *, macros: bool) -> Path:
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)
    from xlplugin.cli.places import built  # noqa: PLC0415

    found = built()
    kinds = sorted({book for book, _ in found})
    # The book of one client is the adviser's book.
    source = found.get(("advisor" if what == "client" else what.replace("-", "_"), console.language))
    if source is None:
        raise WordError("new", got=what, choices=(*kinds, "client", "clients"))
    target = out or Path(f"{what}.{console.language}.{'xlsm' if macros else 'xlsx'}")
    if target.exists():
        raise FileError(f"{target}: there is a file already; give another name with --out")
    data = source.read_bytes()
    write_whole(target, with_macros(data, console.language) if macros else data)
    return target


def with_macros(data: bytes, language: str) -> bytes:
    """The book with wrappers for this machine's Python, as Excel wants them."""
    import sys  # noqa: PLC0415

    from xlplugin.hosts.commands import COMMANDS  # noqa: PLC0415
    from xlplugin.hosts.excel.xlsm import macro_workbook  # noqa: PLC0415  (the light start)
    from xlplugin.worksheet.registry import load  # noqa: PLC0415

    own = sys.executable if sys.platform == "win32" else None
    return macro_workbook(data, list(load()), COMMANDS, language=language, interpreter=own)


def _new_clients(folder: Path, console: Console) -> list[Path]:
    """Empty tables with the headers that are read, and a job file that names them."""
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)
    from xlplugin.store.dictionary import client_tables  # noqa: PLC0415

    if folder.exists() and any(folder.iterdir()):
        raise FileError(f"{folder}: the folder is not empty; give another with --out")
    side = 0 if console.language == "ja" else 1
    made = []
    for name, shape in client_tables().items():
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerow([f.words[side] for f in shape.fields])
        path = folder / f"{name}.csv"
        write_whole(path, text.getvalue().encode("utf-8-sig"))  # with the mark, Excel opens it as UTF-8
        made.append(path)
    names = "\n".join(f'{name} = "{name}.csv"' for name in client_tables())
    job = folder / "job.toml"
    write_whole(job, console.say("new.job", tables=names).encode())
    return [*made, job]


# -- proposal ------------------------------------------------------------------------------------


def proposal(
    book: Annotated[Path, typer.Argument(metavar="CLIENT.xlsx", help=say("help.proposal.book", HELP))],
    *,
    languages: Annotated[str, option("--languages", "help.proposal.languages")] = "",
    out: Out = None,
    pdf: Annotated[bool, option("--pdf", "help.batch.pdf")] = False,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Make the proposal of the client in one advisor book."""
    from xlplugin.batch.job import Job  # noqa: PLC0415  (the light start)
    from xlplugin.batch.plan import make_plan  # noqa: PLC0415
    from xlplugin.cli.batch import run_plan  # noqa: PLC0415
    from xlplugin.cli.books import day_of  # noqa: PLC0415
    from xlplugin.cli.places import built, compiled, language_of  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    if not book.is_file():
        raise FileError(f"{book}: there is no such workbook; check the path")
    given = tuple(word.strip() for word in languages.split(",") if word.strip())
    chosen = given or (language_of(book, console.language),)
    for word in chosen:
        if word not in {"ja", "en"}:
            raise WordError("--languages", got=word, choices=("ja", "en"))
    job = Job(
        file=book,
        name=book.stem,
        as_of=day_of(book, None),
        folder=(out or book.parent / f"{book.stem}-proposal").absolute(),
        markets={},
        form="folder",
        source=book.parent,
        pattern=book.name,
        languages=chosen,
        render=("pdf",) if pdf else (),
        workers=1,
    )
    plan = make_plan(job, built(), compiled)
    counts, records = run_plan(console, plan, workers=1)
    made = [job.folder / o.file for r in (*records, *plan.skipped) for o in r.outputs]
    for path in made:
        console.line(console.say("made", path=path))
    for record in records:
        if record.fault is not None:
            console.line(f"{record.client_id} {record.fault.code}: {record.fault.what}")
    console.data(
        {"files": [str(path) for path in made], "failures": [r.as_dict() for r in records if r.fault]}
    )
    if counts["failed"]:
        raise typer.Exit(Exit.FINDINGS)


# -- demo ----------------------------------------------------------------------------------------


def demo(
    *,
    out: Annotated[Path, option("--out", "help.out")] = Path("xlplugin-demo"),
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Make every kind of book from the sample clients: offline, in seconds, the same every time."""
    from xlplugin.batch.job import load_job  # noqa: PLC0415  (the light start)
    from xlplugin.batch.plan import make_plan  # noqa: PLC0415
    from xlplugin.cli.batch import run_plan  # noqa: PLC0415
    from xlplugin.cli.places import built, compiled, sample_folder  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    folder = out.absolute()
    job = replace(load_job(sample_folder() / "job.toml"), folder=folder, resume=False)
    templates = built()
    _, records = run_plan(console, make_plan(job, templates, compiled))
    live = replace(job, make=("advisor",), only=_WITH_ADVISERS_BOOK)
    adviser = _advisers_books(make_plan(live, templates, compiled), folder)
    _print_demo(console, folder, adviser, records)
    if any(r.fault is not None and r.client_id not in _FAULTY for r in records):
        raise typer.Exit(Exit.FINDINGS)


_WITH_ADVISERS_BOOK = ("C0001", "C0002")  # one in Japanese, one in English
_FAULTY = frozenset(("C0006", "C0008"))  # with faults on purpose: workbooks/sample/README.md


def _advisers_books(plan: Plan, folder: Path) -> list[Path]:
    """The adviser's book of each task, computed here and written beside the proposal."""
    from xlplugin.batch.task import make_book  # noqa: PLC0415  (the light start)
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415

    made = []
    for task in plan.tasks:
        for book, language in task.books:
            path = folder / "clients" / task.client_id / f"{book}_{task.client_id}_{language}.xlsx"
            write_whole(path, make_book(plan.shared, task, book, language).data)
            made.append(path)
    return made


def _print_demo(console: Console, folder: Path, adviser: list[Path], records: list[Record]) -> None:
    proposals = [folder / o.file for r in sorted(records, key=lambda r: r.client_id) for o in r.outputs]
    failed = [r for r in records if r.fault is not None]
    console.line(console.say("demo.where", folder=folder))
    for path in (*adviser, *proposals):
        console.line(f"  {path.relative_to(folder)}")
    for record in failed:
        what = record.fault.what if record.fault else ""
        key = "demo.refused" if record.client_id in _FAULTY else "demo.failed"
        console.line(console.say(key, client=record.client_id, what=what))
    console.line(console.say("batch.open", path=folder / "summary.xlsx"))
    for path in (*proposals[:1], *adviser[:1]):
        console.line(console.say("demo.then", path=path))
    console.data(
        {
            "folder": str(folder),
            "summary": str(folder / "summary.xlsx"),
            "advisor": [str(path) for path in adviser],
            "proposals": [str(path) for path in proposals],
            "refused": [r.as_dict() for r in failed],
        }
    )
