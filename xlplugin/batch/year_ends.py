"""Year-end workbooks in a batch: the event logs of the clients, and the books of one client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import AccountKind
from xlplugin.errors import FileError, MissingError
from xlplugin.store.event_log import EventLog, event_log
from xlplugin.store.log_tables import LogTables, log_tables_of, read_log_tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from xlplugin.store.sources import TableSource

__all__ = ["YearEndTask", "read_logs", "year_end_books", "year_end_task"]

_COUNTRIES = {"us_taxable": ("us",), "dual": ("jp", "us")}


@dataclass(frozen=True)
class YearEndTask:
    """The log of one client, the tax year, the countries whose rules apply."""

    log: EventLog
    year: int
    countries: tuple[str, ...]
    filing_status: str = ""

    @property
    def is_company(self) -> bool:
        """Whether the client is a company, for whom there is no year-end workbook."""
        return any(account.kind is AccountKind.JP_CORP for account in self.log.accounts)


def read_logs(source: TableSource | None, folder: Path | None, pattern: str) -> dict[str, LogTables]:
    """The log tables by client, from the tables of a job or from a folder of client workbooks.

    A workbook without an event log has no entry.

    Raises
    ------
    FileError
        If the tables are no event log.
    """
    if folder is None:
        return {} if source is None else log_tables_of(source, "the tables of the job")
    found: dict[str, LogTables] = {}
    for path in sorted(folder.glob(pattern)):
        try:
            found |= read_log_tables(path)
        except FileError:  # the client gets its own sentence when the log is asked for
            continue
    return found


def year_end_task(
    client_id: str, logs: Mapping[str, LogTables], settings: Mapping[str, Any], given: Mapping[str, Any]
) -> YearEndTask:
    """What is to be made for one client.

    Parameters
    ----------
    client_id : str
        The client.
    logs : mapping of str to LogTables
        From `read_logs`.
    settings : mapping
        The client's settings, decided.
    given : mapping
        What the job decides for every client (firm, role).

    Raises
    ------
    MissingError
        If the client has no event log.
    FileError
        If a row of it cannot be used.
    """
    if client_id not in logs:
        raise MissingError(f"{client_id} has no event log; a year-end workbook needs its accounts and trades")
    year = int(settings["tax_year"])
    log = event_log(logs[client_id], year)
    countries = _COUNTRIES.get(str(settings.get("regime")), ("jp",))
    known = {**given, **log.settings}
    return YearEndTask(
        replace(log, settings=known), year, countries, str(settings.get("filing_status") or "")
    )


def year_end_books(
    task: YearEndTask, language: str, as_of: dt.date, client_name: str | None
) -> Iterator[tuple[str, bytes]]:
    """File name without its ending, and bytes, of each country's workbook.

    Raises
    ------
    XlPluginError
        As its sentence says.
    """
    from xlplugin.batch.year_end.making import year_end, year_end_workbook  # noqa: PLC0415  (the light start)

    log = task.log
    if client_name is not None:
        log = replace(log, settings={**log.settings, "client_name": client_name})
    for country in task.countries:
        done = year_end(log, country, task.year, as_of, filing_status=task.filing_status)
        yield Path(done.file_name(language)).stem, year_end_workbook(done, language)
