"""One client is one task: a pure function of template, client and market, and the files it writes.

What all clients share (compiled templates, markets with their risk) lies in one file in the
output folder; a task carries its checksum, and each worker reads it once. So any executor will
do: processes, threads, or workers on other machines that see the folder.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlplugin.batch.binding import inputs_for
from xlplugin.batch.checks import UnsoundBookError, named_value, refuse_unsound
from xlplugin.batch.isolation import attempt, time_limit
from xlplugin.batch.pdf import to_pdf
from xlplugin.batch.records import WORK, Fault, Output, Record, save_record, withdraw
from xlplugin.batch.writing import digest, part_of, write_whole
from xlplugin.batch.year_ends import YearEndTask, year_end_books
from xlplugin.errors import FileError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from xlplugin.batch.binding import Bench, Resolved
    from xlplugin.store.clients import Record as Row
    from xlplugin.workbook import CompiledTemplate, Result

__all__ = [
    "FIGURES",
    "Made",
    "Shared",
    "SharedFile",
    "Task",
    "make_book",
    "run_tasks",
    "share",
]

FIGURES = {
    "value": "out_value",
    "gain": "out_unrealized",
    "realized": "out_realized",
    "recognized": "out_recognized",
    "tax_value": "out_tax_base",
    "te_forecast": "out_te_forecast",
    "te_planning": "out_te_planning",
    "plan_net": "out_plan_net",
    "plan_cost": "out_plan_cost",
    "harvest_rows": "out_harvest_rows",
    "harvest_unknown": "out_harvest_unknown",
    "check_errors": "out_check_errors",
    "check_warnings": "out_check_warnings",
    "check_count": "out_check_count",
}
"""Figures of the summary, and the defined names of the books that hold them."""


@dataclass(frozen=True)
class Shared:
    """What every task of a run reads and none changes.

    Attributes
    ----------
    templates : mapping of (str, str) to CompiledTemplate
        By book and language.
    benches : mapping of str to Bench
        By the name of the market.
    sources : mapping of str to rows
        The sources table of each market.
    """

    templates: Mapping[tuple[str, str], CompiledTemplate]
    benches: Mapping[str, Bench]
    sources: Mapping[str, tuple[Row, ...]]
    as_of: dt.date
    folder: Path
    render: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True)
class SharedFile:
    """Where the shared things lie, and their checksum."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Task:
    """One client to make books for; `bench` is set where the client's book brings its own market."""

    client: Resolved
    market: str
    books: tuple[tuple[str, str], ...]
    input_hash: str
    inputs: Mapping[str, str]
    display_name: str | None = None
    bench: Bench | None = None
    year_end: YearEndTask | None = None

    @property
    def client_id(self) -> str:
        """The client's id."""
        return self.client.client.client_id


@dataclass(frozen=True)
class Made:
    """One computed book: its bytes, its figures, and what a reader should know.

    `without` names inputs of the client that the book has no place for. `printed` is what to print
    instead of `data`: a program without our functions shows #NAME? for the cells of a live book.
    """

    data: bytes
    figures: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    checks: str = ""
    printed: bytes | None = None


def share(shared: Shared) -> SharedFile:
    """Write what the tasks share into the output folder."""
    data = pickle.dumps(shared, protocol=pickle.HIGHEST_PROTOCOL)
    sha256 = hashlib.sha256(data).hexdigest()
    path = part_of(shared.folder / WORK / f"shared-{sha256[:16]}")  # removed like any temporary file
    write_whole(path, data)
    return SharedFile(path, sha256)


@lru_cache(maxsize=2)
def _shared(file: SharedFile) -> Shared:
    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise FileError(f"{file.path}: a worker cannot read it: {error.strerror}; share the folder") from None
    if hashlib.sha256(data).hexdigest() != file.sha256:  # never unpickle what we did not write
        raise FileError(f"{file.path}: changed since the run began; start it again")
    found: Shared = pickle.loads(data)
    return found


def make_book(shared: Shared, task: Task, book: str, language: str) -> Made:
    """Compute one book for one client.

    Raises
    ------
    XlPluginError
        As its sentence says; `UnsoundBookError` when the book's own checks found errors.
    """
    template = shared.templates[book, language]
    document_id = f"{task.client_id}-{shared.as_of:%Y%m%d}-{task.input_hash[7:15]}"
    client = task.client
    if task.display_name is not None:
        client = replace(client, settings={**client.settings, "client_name": task.display_name})
    inputs, without = inputs_for(
        template,
        client,
        task.bench or shared.benches[task.market],
        document_id=document_id,
        input_hash=task.input_hash[7:15],
        sources=shared.sources.get(task.market) or task.client.client.rows("sources"),
    )
    edition: Any = "values" if book == "proposal" else "live"
    result = template.run(inputs, edition=edition, as_of=shared.as_of)
    figures = {
        key: value for key, name in FIGURES.items() if (value := _figure(template, result, name)) is not None
    }
    warnings = sorted(
        {f"{failure.function} {failure.sheet}!{failure.cell}: {failure.error}" for failure in result.log}
    )
    count, errors = int(figures.get("check_count", 0)), int(figures.get("check_errors", 0))
    checks = f"{count - errors}/{count}" if count else ""
    if book == "proposal":
        refuse_unsound(template, result, errors)
    printed = None
    if edition == "live" and "pdf" in shared.render:
        printed = template.run(inputs, edition="values", as_of=shared.as_of).data
    return Made(result.data, figures, tuple(warnings), frozenset(without), checks, printed)


def _figure(template: CompiledTemplate, result: Result, name: str) -> float | None:
    """The number that a defined name holds after the calculation."""
    value = named_value(template, result, name)
    return value if isinstance(value, float) else None


def _make(shared: Shared, task: Task) -> Record:
    """Every book of a client, each written whole; the record of what was made.

    A proposal that is unsound is not written; the adviser's book, if it is wanted, still is, for
    there the cause is found.
    """
    started = time.perf_counter()
    outputs: list[Output] = []
    figures: dict[str, Any] = {}
    made_books: list[Made] = []
    warnings: list[str] = []
    fault: Fault | None = None
    with time_limit(shared.timeout_s):
        for book, language in task.books:
            if task.year_end is not None and book == "year_end":
                if task.year_end.is_company and len(task.books) > 1:
                    warnings.append("NO_YEAR_END the client is a company")
                    continue
                for name, data in year_end_books(task.year_end, language, shared.as_of, task.display_name):
                    outputs += _written(shared, f"clients/{task.client_id}/{name}", Made(data))
                continue
            try:
                made = make_book(shared, task, book, language)
            except UnsoundBookError as error:
                fault = fault or Fault.of(error)
                continue
            made_books.append(made)
            outputs += _written(shared, f"clients/{task.client_id}/{book}_{task.client_id}_{language}", made)
            figures = {**made.figures, **figures}
    settings = task.client.settings
    figures |= {k: str(settings[k]) for k in ("regime", "language", "scenario", "currency") if k in settings}
    without = frozenset.intersection(*(made.without for made in made_books)) if made_books else frozenset()
    warnings += [f"NOT_IN_TEMPLATE {name}" for name in sorted(without)]
    warnings += [text for made in made_books for text in made.warnings]
    return Record(
        task.client_id,
        "done" if fault is None else "failed",
        task.input_hash,
        task.inputs,
        tuple(outputs),
        tuple(dict.fromkeys(warnings)),
        figures,
        time.perf_counter() - started,
        fault,
    )


def _written(shared: Shared, name: str, made: Made) -> list[Output]:
    """Write one book, and its pages where they are wanted."""
    path = shared.folder / f"{name}.xlsx"
    write_whole(path, made.data)
    outputs = [Output(f"{name}.xlsx", digest(made.data), len(made.data), made.checks)]
    if "pdf" in shared.render:
        data = _pages(path, made.printed)
        outputs.append(Output(f"{name}.pdf", digest(data), len(data)))
    return outputs


def _pages(path: Path, printed: bytes | None) -> bytes:
    """Print a book beside itself; from `printed`, under the same name, where that is given."""
    if printed is None:
        return to_pdf(path).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(printed)
        data = to_pdf(copy).read_bytes()
    write_whole(path.with_suffix(".pdf"), data)
    return data


def run_tasks(file: SharedFile, tasks: tuple[Task, ...]) -> list[Record]:
    """Make the books of some clients, in a worker; a failure is a record like any other.

    Raises
    ------
    StorageError
        If the output folder cannot be written.
    """
    shared = _shared(file)
    records = []
    for task in tasks:
        made, fault = attempt(lambda one: _make(shared, one), task, task.client_id)
        record: Record = made if fault is None else _failed(task, fault)
        withdraw(shared.folder, record, (book for book, _ in task.books))
        save_record(shared.folder, record)
        records.append(record)
    return records


def _failed(task: Task, fault: Fault) -> Record:
    settings = task.client.settings
    figures = {k: str(settings[k]) for k in ("regime", "language") if k in settings}
    return Record(task.client_id, "failed", task.input_hash, task.inputs, figures=figures, fault=fault)
