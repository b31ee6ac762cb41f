"""``xlplugin batch JOB.toml``: many clients from one job file, with progress, resume and shards."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003  (typer reads it)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.words import say
from xlplugin.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from xlplugin.batch.plan import Plan
    from xlplugin.batch.records import Record

__all__ = ["batch", "run_plan"]


def batch(
    job_file: Annotated[Path, typer.Argument(metavar="JOB.toml", help=say("help.batch.job", HELP))],
    *,
    sets: Annotated[list[str] | None, option("--set", "help.batch.set")] = None,
    only: Annotated[list[str] | None, option("--only", "help.batch.only")] = None,
    failed: Annotated[bool, option("--failed", "help.batch.failed")] = False,
    resume: Annotated[bool | None, option("--resume/--no-resume", "help.batch.resume")] = None,
    dry_run: Annotated[bool, option("--dry-run", "help.batch.dry")] = False,
    workers: Annotated[int | None, option("--workers", "help.batch.workers", min=1)] = None,
    scheduler: Annotated[str | None, option("--scheduler", "help.batch.scheduler")] = None,
    shard: Annotated[str, option("--shard", "help.batch.shard", metavar="I/N")] = "1/1",
    pdf: Annotated[bool, option("--pdf", "help.batch.pdf")] = False,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """Make the books of every client of a job; exit code 1 when some clients failed."""
    from dataclasses import replace  # noqa: PLC0415  (the light start)

    from xlplugin.batch.job import load_job  # noqa: PLC0415
    from xlplugin.batch.plan import make_plan  # noqa: PLC0415
    from xlplugin.cli.places import built, compiled  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    job = load_job(job_file, sets or ())
    if only:
        job = replace(job, only=tuple(only))
    if resume is not None:
        job = replace(job, resume=resume)
    if pdf and "pdf" not in job.render:
        job = replace(job, render=(*job.render, "pdf"))
    plan = make_plan(job, built(), compiled, shard=_shard(shard), only_failed=failed)
    for header in plan.unread:
        console.line(console.say("batch.unread", header=header))
    if dry_run or job.dry_run:
        _print_plan(console, plan)
        return
    counts, records = run_plan(console, plan, workers=workers, scheduler=scheduler)
    _print_end(console, plan, counts, records)
    if counts["failed"]:
        raise typer.Exit(Exit.FINDINGS)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise FileError(f"--shard {text}: expected I/N with 1 <= I <= N, for example 2/4")
    return part, parts


def run_plan(
    console: Console, plan: Plan, *, workers: int | None = None, scheduler: str | None = None
) -> tuple[dict[str, int], list[Record]]:
    """Run a plan with progress on the console; counts by status, and the records."""
    from xlplugin.batch.finish import EventLog, finish  # noqa: PLC0415  (the light start)
    from xlplugin.batch.run import cluster, execute  # noqa: PLC0415

    executor, count, closing = None, workers, nullcontext()
    if scheduler is not None:
        executor, threads, closing = cluster(scheduler)  # type: ignore[assignment]
        count = workers or threads
    log = EventLog(plan.shared.folder)
    log.add("start", run_id=plan.facts.run_id, clients=plan.total, skipped=len(plan.skipped))
    records: list[Record] = []
    with closing, _progress(console, plan) as step:
        for record in execute(plan, executor, workers=count):
            records.append(record)
            fault = record.fault.code if record.fault else None
            log.add(
                "client", client_id=record.client_id, status=record.status, seconds=record.seconds, code=fault
            )
            step(record)
    counts = finish(plan, records, console.language)
    log.add("end", **counts)
    return counts, records


def _progress(console: Console, plan: Plan) -> AbstractContextManager[Callable[[Record], None]]:
    """A live bar with the time left; plain lines where nobody watches; nothing for machines."""
    from contextlib import contextmanager  # noqa: PLC0415  (the light start)

    from rich import progress  # noqa: PLC0415
    from rich.console import Console as RichConsole  # noqa: PLC0415

    @contextmanager
    def shown() -> Iterator[Callable[[Record], None]]:
        screen = RichConsole(stderr=True)
        if console.json or not screen.is_terminal:
            yield lambda record: console.line(f"{record.client_id} {console.say(f'status.{record.status}')}")
            return
        columns: list[Any] = [progress.TextColumn("{task.description}"), progress.BarColumn()]
        columns += [progress.MofNCompleteColumn(), progress.TimeRemainingColumn()]
        with progress.Progress(*columns, console=screen) as bar:
            task = bar.add_task(plan.job.name, total=len(plan.tasks) + len(plan.failed))

            def step(record: Record) -> None:
                bar.update(task, advance=1, description=record.client_id)

            yield step

    return shown()


def _what(record: Record) -> str:
    return record.fault.what if record.fault else ""


def _print_plan(console: Console, plan: Plan) -> None:
    todo, skipped, failed = (console.say(f"status.{word}") for word in ("todo", "skipped", "failed"))
    rows = [(t.client_id, todo, ", ".join("/".join(book) for book in t.books)) for t in plan.tasks]
    rows += [(r.client_id, skipped, "") for r in plan.skipped]
    rows += [(r.client_id, failed, _what(r)) for r in plan.failed]
    header = [console.say(f"column.{c}") for c in ("client", "state", "found")]
    console.table(console.say("title.plan"), header, sorted(rows))
    console.data(
        {
            "folder": str(plan.shared.folder),
            "todo": [t.client_id for t in plan.tasks],
            "skipped": [r.client_id for r in plan.skipped],
            "failed": [{"client_id": r.client_id, "what": _what(r)} for r in plan.failed],
            "unread": list(plan.unread),
        }
    )


def _print_end(console: Console, plan: Plan, counts: dict[str, int], records: list[Record]) -> None:
    failed = [r for r in records if r.fault is not None]
    if failed:
        header = [console.say(f"column.{c}") for c in ("client", "code", "found", "remedy")]
        rows = [(r.client_id, r.fault.code, r.fault.what, r.fault.remedy) for r in failed if r.fault]
        console.table(console.say("title.failed"), header, rows)
    console.line(console.say("batch.end", **counts))
    console.line(console.say("batch.open", path=plan.shared.folder / "summary.xlsx"))
    folder = plan.shared.folder
    console.data(
        {
            **counts,
            "folder": str(folder),
            "summary": str(folder / "summary.xlsx"),
            "manifest": str(folder / "manifest.json"),
            "failures": [r.as_dict() for r in failed],
        }
    )
