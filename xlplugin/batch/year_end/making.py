"""From an event log to the year-end workbook: the request, the pages, the computed formulas, the bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlplugin import __version__
from xlplugin.batch.year_end.book import YearEndBook
from xlplugin.batch.year_end.japan import japan_pages
from xlplugin.batch.year_end.shared import Facts
from xlplugin.batch.year_end.united_states import us_pages
from xlplugin.batch.year_end.words import Words
from xlplugin.core.accounts import AccountKind, Taxpayer
from xlplugin.engines.year_end import YearEndRequest
from xlplugin.engines.year_end_japan import JapanYearEnd, japan
from xlplugin.engines.year_end_us import UnitedStatesYearEnd, united_states
from xlplugin.errors import InputError, WordError
from xlplugin.tax.notices import notices
from xlplugin.tax.tables import table_version

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection

    from xlplugin.core.accounts import Account
    from xlplugin.core.trades import Event
    from xlplugin.store.event_log import EventLog
    from xlplugin.tax.regime import Book

__all__ = ["COUNTRIES", "FILING_STATUSES", "YearEnd", "year_end", "year_end_request", "year_end_workbook"]

COUNTRIES = {"jp": "jp.individual", "us": "us.taxable"}
FILING_STATUSES = ("SINGLE", "MFJ", "MFS", "HOH", "QSS")


@dataclass(frozen=True)
class YearEnd:
    """One client's year: what was asked, and the pages as data."""

    log: EventLog
    country: str
    request: YearEndRequest
    data: JapanYearEnd | UnitedStatesYearEnd
    other_owners: tuple[str, ...] = ()

    def file_name(self, language: str) -> str:
        """``year_end_{client}_{regime}_{year}_{lang}.xlsx``."""
        return f"year_end_{self.log.client_id}_{self.country}_{self.request.year}_{language}.xlsx"


# -- request -------------------------------------------------------------------------------------


def year_end_request(
    log: EventLog,
    country: str,
    year: int,
    as_of: dt.date,
    *,
    filing_status: str = "",
    left_out: Collection[str] = (),
    dividends_filed: bool = True,
    book: Book | None = None,
) -> tuple[YearEndRequest, tuple[str, ...]]:
    """The question for the ledger, and the accounts of other owners that are not part of it.

    Parameters
    ----------
    log : EventLog
        The client's log.
    country : str
        ``jp`` or ``us``.
    year : int
        Tax year.
    as_of : datetime.date
        The day the workbook is made.
    filing_status : str
        United States: one of `FILING_STATUSES`; must be given where a spouse has an account.
    left_out : collection of str
        Japan: withholding accounts that stay off the return.
    dividends_filed : bool
        Japan: whether listed dividends go on the return under separate taxation.

    Raises
    ------
    WordError
        For an unknown country or status.
    InputError
        If the client has no account under this country's rules, is a company, or has a spouse's
        account and no status.
    """
    if country not in COUNTRIES:
        raise WordError("regime", got=country, choices=tuple(COUNTRIES))
    japanese = country == "jp"
    mine = [a for a in log.accounts if a.kind.is_japanese == japanese]
    if any(a.kind is AccountKind.JP_CORP for a in mine):
        raise InputError(f"{log.client_id} is a company; the year-end workbook is for individuals")
    if not mine:
        raise InputError(f"{log.client_id} has no account under the rules of {COUNTRIES[country]}")
    owners = {a.id: log.relation.get(a.id, "self") for a in mine}
    accounts = [a for a in mine if owners[a.id] == "self"] if japanese else mine
    if not accounts:
        raise InputError(
            f"{log.client_id}: every account belongs to somebody else; one must be the client's own"
        )
    request = YearEndRequest(
        events=_concerned(log.events, {a.id for a in accounts}),
        accounts=accounts,
        year=year,
        as_of=as_of,
        taxpayer=_taxpayer(log, year, accounts, owners, filing_status, japanese=japanese),
        carry=dict(log.carry),
        names=log.names,
        dividends_filed=dividends_filed,
        left_out=frozenset(left_out),
        boxes=log.reports,
        broker={k: v for k, v in log.broker.items() if k[0] in {a.id for a in accounts}},
        not_seen=log.not_seen,
        missed=log.missed,
        book=book,
    )
    kept = {a.id for a in accounts}
    return request, tuple(a.id for a in log.accounts if a.id not in kept)


def _concerned(events: tuple[Event, ...], accounts: set[str]) -> tuple[Event, ...]:
    """Events of these accounts, and those of no account (corporate actions)."""
    found = []
    for event in events:
        names = {getattr(event, key, "") for key in ("account_id", "from_account_id", "to_account_id")} - {""}
        if not names or names & accounts:
            found.append(event)
    return tuple(found)


def _taxpayer(
    log: EventLog,
    year: int,
    accounts: list[Account],
    owners: dict[str, str],
    filing_status: str,
    *,
    japanese: bool,
) -> Taxpayer:
    if japanese:
        filed = log.settings.get("files_every_year")
        return Taxpayer(files_each_year={} if filed in (None, True, 1) else {year - 1: False})
    own = next((a.owner_id for a in accounts if owners[a.id] == "self"), accounts[0].owner_id)
    spouse = next((a.owner_id for a in accounts if owners[a.id] == "spouse"), "")
    if filing_status and filing_status not in FILING_STATUSES:
        raise WordError("filing_status", got=filing_status, choices=FILING_STATUSES)
    if spouse and not filing_status:
        raise InputError(
            f"{log.client_id} has an account of a spouse; say MFJ (one return) or MFS (separate returns)"
        )
    return Taxpayer(own, filing_status=filing_status or "SINGLE", spouse_id=spouse)


def year_end(log: EventLog, country: str, year: int, as_of: dt.date, **options: Any) -> YearEnd:
    """Play the log and prepare the pages; options are those of `year_end_request`."""
    request, others = year_end_request(log, country, year, as_of, **options)
    data = japan(request) if country == "jp" else united_states(request)
    return YearEnd(log, country, request, data, others)


# -- pages ---------------------------------------------------------------------------------------


def input_hash(done: YearEnd) -> str:
    """SHA-256 over everything the pages are made from, in an order that no run changes."""
    request, log = done.request, done.log
    lines = [
        __version__,
        done.country,
        str(request.year),
        request.as_of.isoformat(),
        repr(table_version(COUNTRIES[done.country])),
        *sorted(repr(event) for event in request.events),
        *sorted(repr(account) for account in request.accounts),
        repr(request.taxpayer.filing_status),
        repr(sorted(request.taxpayer.files_each_year.items())),
        repr(sorted(request.carry.items())),
        repr(sorted(request.names.items())),
        repr(sorted(request.boxes.items())),
        repr(sorted(request.broker.items())),
        repr((request.dividends_filed, sorted(request.left_out), request.not_seen, request.missed)),
        repr(sorted((k, str(v)) for k, v in log.settings.items())),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _left_out_notices(done: YearEnd) -> frozenset[str]:
    """Codes of notices whose condition is known not to hold."""
    request, data = done.request, done.data
    kinds = {account.kind for account in request.accounts}
    out = set()
    if not kinds & {AccountKind.JP_NISA, AccountKind.JP_IDECO}:
        out.add("J08")
    if AccountKind.JP_TOKUTEI_WH not in kinds:
        out.add("J06")
    if isinstance(data, JapanYearEnd):
        lines = (*data.realized, *data.nisa)
        if all(line.fx_sell is None for line in lines) and not any(
            d.kind == "foreign" for d in data.dividends
        ):
            out.add("J09")
        if not any(row.opening or row.closing for row in data.carry.rows):
            out.add("J05")
    elif data.schedule.combined >= 0:
        out.add("U06")
    return frozenset(out)


def _facts(done: YearEnd, language: str) -> Facts:
    words, log, request = Words(language), done.log, done.request
    digest = input_hash(done)
    setting = {key: "" if value is None else str(value) for key, value in log.settings.items()}
    regime = COUNTRIES[done.country]
    return Facts(
        words=words,
        country=done.country,
        year=request.year,
        as_of=request.as_of,
        client_name=setting.get("client_name") or log.client_id,
        firm=setting.get("firm", ""),
        adviser=setting.get("adviser", ""),
        registration=setting.get("registration", ""),
        professional=setting.get("user_role") == "tax_professional",
        document_id=f"{log.client_id}-{done.country}{request.year}-{request.as_of:%Y%m%d}-{digest[:8]}",
        input_hash=digest,
        opening=log.opening,
        elsewhere_unseen=setting.get("outside_accounts") == "not_seen",
        other_owners=done.other_owners,
        notices=notices(regime, "year_end", language, leave_out=_left_out_notices(done), day=request.as_of),
    )


def year_end_workbook(done: YearEnd, language: str) -> bytes:
    """The finished workbook: values and native formulas with their results, the same bytes every time.

    Parameters
    ----------
    done : YearEnd
        From `year_end`.
    language : str
        "ja" or "en".

    Raises
    ------
    InputError
        If a text holds a word that may not stand on a client's page, or a cell would show an error.
    """
    from xlplugin.workbook import compile_template  # noqa: PLC0415  (the light start)

    facts = _facts(done, language)
    words = facts.words
    title = words("cover.title", year=facts.year)
    version = table_version(COUNTRIES[done.country]).isoformat()
    gap = words("frame.separator")
    book = YearEndBook(
        words,
        title=title,
        author=facts.firm or "xlplugin",
        subtitle=words("frame.worksheet") + gap + words("frame.client", name=facts.client_name),
        edge=words("frame.as_of", day=words.day(facts.as_of)) + gap + words("frame.unit", unit=facts.unit),
        footer=(facts.firm.replace("&", "&&"), facts.document_id),
        created=facts.as_of,
        properties={
            "client_id": done.log.client_id,
            "document_id": facts.document_id,
            "input_hash": facts.input_hash,
            "tax_table_version": version,
            "language": language,
            "as_of": facts.as_of.isoformat(),
            "state": "values",
        },
    )
    if isinstance(done.data, JapanYearEnd):
        japan_pages(book, facts, done.data, done.request)
    else:
        us_pages(book, facts, done.data, done.request)
    template = compile_template(book.close(), NoFunctions())
    result = template.run(edition="live", as_of=facts.as_of)
    if result.errors:
        first = result.errors[0]
        raise InputError(
            f"the year-end workbook of {done.log.client_id} shows {first.error} in {first.sheet}!"
            f"{first.cell}; a client's book may not hold an error cell"
        )
    return result.data


class NoFunctions:
    """A book without worksheet functions: only Excel's own are calculated."""

    names: frozenset[str] = frozenset()
    explaining: frozenset[str] = frozenset()
    version = "none"

    def answer(
        self, name: str, arguments: Any, *, recorded: str | None = None, date1904: bool = False
    ) -> Any:
        """Never called: no name is known."""
        raise LookupError(name)
