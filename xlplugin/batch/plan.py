"""What a run will do: clients read, markets and risk made, templates compiled, hashes taken.

A client whose record has the input hash of now, and whose files still have their checksums, is
not made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from xlplugin import __version__
from xlplugin.batch.binding import Bench, Resolved, bench, own_bench, resolved
from xlplugin.batch.hashes import input_hash, table_hashes
from xlplugin.batch.pdf import office_program
from xlplugin.batch.records import Fault, Record, RunFacts, is_done, load_records
from xlplugin.batch.task import Shared, Task
from xlplugin.batch.writing import digest
from xlplugin.batch.year_ends import YearEndTask, read_logs, year_end_task
from xlplugin.errors import FileError, XlPluginError
from xlplugin.store.books import read_folder
from xlplugin.store.clients import read_clients
from xlplugin.store.files import EXCEL_SUFFIXES, read_bytes
from xlplugin.store.market import Market, read_market
from xlplugin.store.sources import DatabaseTables, FileTables, WorkbookTables
from xlplugin.tax.tables import table_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from xlplugin.batch.job import Job
    from xlplugin.store.clients import Client, ClientBook, ClientFailure
    from xlplugin.store.clients import Record as Row
    from xlplugin.store.log_tables import LogTables
    from xlplugin.store.sources import TableSource
    from xlplugin.workbook import CompiledTemplate

__all__ = ["Plan", "make_plan", "market_of", "read_book", "shard_of", "sources_of"]

_YEAR_END = "year_end"
REGIMES = ("jp.individual", "jp.corporate", "us.taxable")
Template = tuple[str, str]  # book and language


@dataclass(frozen=True)
class Plan:
    """A run before it runs.

    Attributes
    ----------
    tasks : tuple of Task
        Clients to make, in the order of their ids.
    skipped : tuple of Record
        Clients that are done already.
    failed : tuple of Record
        Clients that cannot be made: their rows cannot be read, or they have no market.
    unread : tuple of str
        Columns of the input that were left alone.
    names : mapping
        Client id to client name, for the summary workbook only.
    """

    job: Job
    facts: RunFacts
    shared: Shared
    tasks: tuple[Task, ...]
    skipped: tuple[Record, ...]
    failed: tuple[Record, ...]
    unread: tuple[str, ...]
    names: Mapping[str, str]

    @property
    def total(self) -> int:
        """How many clients the run is about."""
        return len(self.tasks) + len(self.skipped) + len(self.failed)


class _Ready(NamedTuple):
    """A client with its market, its settings and the books it gets.

    `own` is a market of its own, `year_end` its event log where a year-end workbook is made.
    """

    client: Resolved
    market: str
    own: Bench | None
    books: tuple[Template, ...]
    year_end: YearEndTask | None


def shard_of(keys: Iterable[str], part: int, parts: int) -> list[str]:
    """Part `part` of `parts` (counted from 1) of the sorted keys: disjoint, complete, the same everywhere.

    Examples
    --------
    >>> shard_of("dacbe", 1, 2), shard_of("dacbe", 2, 2)
    (['a', 'c', 'e'], ['b', 'd'])
    """
    return sorted(keys)[part - 1 :: parts]


def read_book(job: Job) -> ClientBook:
    """The clients of a job, from its tables, its folder or its database."""
    if job.form == "folder":
        return read_folder(Path(str(job.source)), job.pattern)
    return read_clients(_source(job))


def _source(job: Job) -> TableSource:
    """Where the tables of a job come from."""
    if job.form == "database":
        return DatabaseTables(str(job.source))
    clients = job.tables["clients"]
    if set(job.tables) == {"clients"} and clients.suffix.lower() in EXCEL_SUFFIXES:
        return WorkbookTables(clients)
    return FileTables(job.tables)


def make_plan(
    job: Job,
    templates: Mapping[Template, Path],
    compiled: Callable[[Path, str], CompiledTemplate],
    *,
    shard: tuple[int, int] = (1, 1),
    only_failed: bool = False,
) -> Plan:
    """Read everything a run needs and decide what is to be done.

    Parameters
    ----------
    job : Job
        As read.
    templates : mapping of (str, str) to Path
        The template of each book and language.
    compiled : callable
        Makes a template ready; the caller joins it to the worksheet functions.
    shard : tuple of (int, int)
        Part and number of parts.
    only_failed : bool
        Whether only clients whose last record is a failure are made.

    Raises
    ------
    FileError
        If the book, a market or a template cannot be read, or `only` names an unknown client.
    """
    if "pdf" in job.render:
        office_program()
    book = read_book(job)
    logs = _logs(job) if _YEAR_END in job.make else {}
    known = load_records(job.folder)
    wanted = _wanted(job, book, known, shard, only_failed=only_failed)
    markets = {name: read_market(files, job.as_of) for name, files in job.markets.items()}
    settled = [_settled(job, markets, logs, c) for c in book.clients if c.client_id in wanted]
    ready = [one for one in settled if isinstance(one, _Ready)]
    failed = [one for one in settled if isinstance(one, Record)]
    failed += [_unreadable(one) for one in book.failures if one.client_id in wanted]
    made = _templates(job, templates, compiled, {b for one in ready for b in one.books if b[0] != _YEAR_END})
    facts = _facts(job, made)
    tasks = [_task(job, facts, made, one, logs.get(one.client.client.client_id)) for one in ready]
    done = {
        task.client_id: record
        for task in tasks
        if job.resume
        and (record := known.get(task.client_id)) is not None
        and is_done(job.folder, record, task.input_hash)
    }
    shared = Shared(
        templates=made,
        benches=_benches(markets, ready),
        sources={name: sources_of(market) for name, market in markets.items()},
        as_of=job.as_of,
        folder=job.folder,
        render=job.render,
        timeout_s=job.timeout_s,
    )
    return Plan(
        job,
        facts,
        shared,
        tuple(task for task in tasks if task.client_id not in done),
        tuple(done.values()),
        tuple(sorted(failed, key=lambda record: record.client_id)),
        book.unread,
        {
            **{c.client_id: str(c.setting("client_name", c.client_id)) for c in book.clients},
            **{f.client_id: f.client_name for f in book.failures},
        },
    )


def _wanted(
    job: Job, book: ClientBook, known: Mapping[str, Record], shard: tuple[int, int], *, only_failed: bool
) -> set[str]:
    if unknown := [cid for cid in job.only if cid not in book.client_ids]:
        some = ", ".join(book.client_ids[:8])
        raise FileError(f"{job.file}: there is no client {', '.join(unknown)}; known are {some}")
    wanted = set(shard_of(book.client_ids, *shard))
    if job.only:
        wanted &= set(job.only)
    if only_failed:
        wanted &= {cid for cid, record in known.items() if record.status == "failed"}
    return wanted


def _unreadable(failure: ClientFailure) -> Record:
    first, more = Fault.of(failure.errors[0]), len(failure.errors) - 1
    what = first.what + (f" (and {more} more)" if more else "")
    fault = Fault(first.code, what, first.where, first.remedy)
    return Record(failure.client_id, "failed", warnings=tuple(map(str, failure.errors)), fault=fault)


def _logs(job: Job) -> dict[str, LogTables]:
    """The event logs of the clients, from where the clients come."""
    if job.form == "folder":
        return read_logs(None, Path(str(job.source)), job.pattern)
    return read_logs(_source(job), None, "")


def _settled(
    job: Job, markets: Mapping[str, Market], logs: Mapping[str, LogTables], client: Client
) -> _Ready | Record:
    """A client with its market and settings, or the record of why it has none."""
    given = {k: v for k, v in (("firm", job.firm), ("user_role", job.user_role)) if v is not None}
    try:
        own, name, market = None, "", Market(job.as_of, (), (), (), None, ())
        if job.make != (_YEAR_END,):  # a year end needs no market
            own = None if markets else own_bench(client, job.as_of)
            name = market_of(client, markets) if own is None else ""
            market = markets[name] if own is None else own.market
        one = resolved(client, market, job.defaults, given)
        year_end = (
            year_end_task(client.client_id, logs, one.settings, given) if _YEAR_END in job.make else None
        )
    except XlPluginError as error:
        return Record(client.client_id, "failed", fault=Fault.of(error))
    language = str(one.settings.get("language") or ("en" if one.country == "us" else "ja"))
    languages = dict.fromkeys(language if word == "client" else word for word in job.languages)
    return _Ready(one, name, own, tuple((book, word) for book in job.make for word in languages), year_end)


def market_of(client: Client, markets: Mapping[str, object]) -> str:
    """The name of the market of a client: the only one, its own word for it, or that of its country.

    Raises
    ------
    FileError
        If there is no such market.
    """
    if len(markets) == 1:
        return next(iter(markets))
    name = client.setting("market")
    if name is None:
        name = "us" if str(client.setting("regime", "")).startswith("us") else "jp"
    if name not in markets:
        raise FileError(f"the job has no market {name!r}; it has {', '.join(sorted(markets))}")
    return str(name)


def _benches(markets: Mapping[str, Market], ready: Iterable[_Ready]) -> dict[str, Bench]:
    held: dict[str, set[str]] = {}
    for one in ready:
        if one.own is None and one.market in markets:
            held.setdefault(one.market, set()).update(
                str(lot["code"]) for lot in one.client.client.rows("lots")
            )
    return {name: bench(markets[name], codes) for name, codes in held.items()}


def _templates(
    job: Job,
    built: Mapping[Template, Path],
    compiled: Callable[[Path, str], CompiledTemplate],
    wanted: set[Template],
) -> dict[Template, CompiledTemplate]:
    found = {}
    for book, language in sorted(wanted):
        path = job.templates.get(f"{book}.{language}") or built.get((book, language))
        if path is None or not path.is_file():
            where = path or f"[templates] {book}.{language}"
            raise FileError(f"{where}: there is no such template; give the path of a workbook")
        found[book, language] = compiled(path, language)
    return found


def _facts(job: Job, templates: Mapping[Template, CompiledTemplate]) -> RunFacts:
    market = {
        f"{name}.{key}".lstrip("."): digest(read_bytes(path))
        for name, files in job.markets.items()
        for key, path in files.paths.items()
    }
    return RunFacts(
        job=job.name,
        as_of=job.as_of.isoformat(),
        xlplugin=__version__,
        templates={f"{book}.{language}": made.digest for (book, language), made in templates.items()},
        functions=next((made.functions.version for made in templates.values()), ""),
        tax_tables={regime: table_version(regime).isoformat() for regime in REGIMES},
        job_hash=digest(read_bytes(job.file)),
        market=market,
    )


def _task(
    job: Job,
    facts: RunFacts,
    templates: Mapping[Template, CompiledTemplate],
    one: _Ready,
    log: LogTables | None,
) -> Task:
    hashes = table_hashes(one.client, log)
    books = {
        f"{book}.{language}": "" if book == _YEAR_END else templates[book, language].digest
        for book, language in one.books
    }
    options = {"render": job.render, "redact_name": job.redact_name}
    hidden = one.client.client.client_id if job.redact_name else None
    whole = input_hash(hashes, facts, one.market, books, options)
    return Task(one.client, one.market, one.books, whole, hashes, hidden, one.own, one.year_end)


def sources_of(market: Market) -> tuple[Row, ...]:
    """The sources table of the books: the files, and the tax tables with the day they were checked."""
    rows: list[Row] = [
        {"item": p.item, "source": p.file, "obs_date": p.day, "status": "read"} for p in market.provenance
    ]
    version = f"xlplugin {__version__}"
    for regime in REGIMES:
        day = table_version(regime)
        rows.append({"item": f"tax tables {regime}", "source": version, "obs_date": day, "status": "checked"})
    return tuple(rows)
