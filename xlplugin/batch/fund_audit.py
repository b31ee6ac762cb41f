"""One fund cost audit: the workbook computed from its inputs, this year's rows appended to the record.

The rows of the record are read from the computed cells, so that the book, the command line and the
record cannot differ. The record is only appended: see `xlplugin.engines.fund_audit.records`.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from xlplugin.engines.fund_audit import Change, Fault, Limits, append, changes, compare, control_sum, figures
from xlplugin.errors import ErrorValue, InputError, LedgerError
from xlplugin.store.grids import plain_header
from xlplugin.store.package import single_cell
from xlplugin.workbook import Book, Inputs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from xlplugin.store.fund_audit import AuditInputs
    from xlplugin.workbook import CompiledTemplate

__all__ = ["MAX_FUNDS", "Audit", "Refused", "column_title", "make_audit", "named_rows"]

MAX_FUNDS = 30
_DECISION_KEYS = ("rank", "peers", "quartile", "best", "saving", "switch_cost", "breakeven", "decision")
_TRACKING_KEYS = (
    "months",
    "td_one",
    "td_three",
    "td_five",
    "td_one_net",
    "td_three_net",
    "td_five_net",
    "td_sd",
    "worst_year",
    "te",
    "status",
    "reason",
)


@dataclass(frozen=True)
class Refused:
    """A fund without figures, or a remark beside them: the fund, and what is wrong where."""

    fund_code: str
    fault: Fault


@dataclass(frozen=True)
class Audit:
    """A computed audit.

    Attributes
    ----------
    data : bytes
        The workbook.
    rows : list of dict
        One per fund: identity, tracking, decision.
    record : list of mapping
        This year's rows as they were appended.
    changed : list of Change
        What differs from the audit before.
    faults : list of Refused
        Everything that is wrong with the series, with its place in the files.
    year_before : int or None
        The audit that `changed` compares with.
    """

    data: bytes
    rows: list[dict[str, Any]]
    record: list[Mapping[str, Any]]
    changed: list[Change]
    faults: list[Refused]
    year_before: int | None


def make_audit(
    inputs: AuditInputs,
    template: CompiledTemplate,
    language: str,
    as_of: dt.date,
    names: Mapping[str, Any],
) -> Audit:
    """Compute the workbook, append this year's rows to its record, compute it again.

    Parameters
    ----------
    inputs : AuditInputs
        What the files hold.
    template : CompiledTemplate
        Of the fund audit.
    language : str
        Of the template, "ja" or "en".
    as_of : date
        The day of the audit.
    names : mapping
        Input cells by defined name, over those of the inputs; `in_audit_year` must be among them.

    Raises
    ------
    InputError
        With more funds than the book can show, or a year that is on record already.
    LedgerError
        If an earlier row of the record is not what it was when it was recorded.
    """
    if len(inputs.tables["funds"]) > MAX_FUNDS:
        raise InputError(
            f"funds: {len(inputs.tables['funds'])} rows; a book shows {MAX_FUNDS}: split the table, "
            "for example by account"
        )
    year = int(names["in_audit_year"])
    history = _sealed(_with_quartiles(inputs, year))
    append(history, [{"audit_year": year, "fund_code": f["fund_code"]} for f in inputs.tables["funds"]])
    given = {**inputs.names, **names, "in_as_of": as_of}
    first = template.run(_bound(inputs, history, given, language), as_of=as_of)
    book = Book(first.data)
    record = _record(book, inputs, str(given.get("in_reviewer") or ""))
    everything = append(history, record)
    runs = [_run(inputs, given, len(record), language)]
    last = template.run(_bound(inputs, everything, given, language, runs), as_of=as_of)
    year_before = max((row["audit_year"] for row in history if row["audit_year"] < year), default=None)
    before = [row for row in history if row["audit_year"] == year_before]
    return Audit(
        last.data,
        _rows(inputs, Book(last.data)),
        record,
        changes(before, record) if before else [],
        _faults(inputs, as_of, given),
        year_before,
    )


# -- the record --------------------------------------------------------------------------------------------


def _with_quartiles(inputs: AuditInputs, year: int) -> list[dict[str, Any]]:
    """The record, with last year's quartiles where the fund table holds them in a column of its own."""
    history = [dict(row) for row in inputs.tables["audits"]]
    known = {(row["audit_year"], row["fund_code"]) for row in history}
    for fund in inputs.tables["funds"]:
        quartile = fund.pop("quartile_prior", None)
        if quartile is not None and (year - 1, fund["fund_code"]) not in known:
            history.append({"audit_year": year - 1, "fund_code": fund["fund_code"], "quartile": quartile})
    return history


def _sealed(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every row with its control sum; one that has another is refused."""
    for row in history:
        row["audit_year"] = int(row["audit_year"])
        seal, now = row.get("seal"), control_sum(row)
        if seal is not None and abs(seal - now) > 1.5e-6:
            raise LedgerError(
                f"audits: the row of {row['fund_code']} for {row['audit_year']} was changed after it was "
                f"recorded (control sum {now:.6f}, recorded {seal:.6f}); restore the record as it was"
            )
        row["seal"] = now
    return history


def _record(book: Book, inputs: AuditInputs, reviewer: str) -> list[Mapping[str, Any]]:
    """Rows of the year as the book shows them, under the full name of the fund, sealed."""
    names = {fund["fund_code"]: fund["fund_name"] for fund in inputs.tables["funds"]}
    rows: list[Mapping[str, Any]] = []
    for row in named_rows(book, "out_audit_rows"):
        if not row.get("fund_code"):
            continue
        made: dict[str, Any] = {key: None if value == "" else value for key, value in row.items()}
        made |= {"audit_year": int(row["audit_year"]), "fund_name": names.get(row["fund_code"])}
        made["reviewer"] = reviewer or None
        rows.append(made | {"seal": control_sum(made)})
    return rows


# -- inputs ------------------------------------------------------------------------------------------------


def _bound(
    inputs: AuditInputs,
    audits: Sequence[Mapping[str, Any]],
    names: Mapping[str, Any],
    language: str,
    runs: Sequence[Mapping[str, Any]] = (),
) -> Inputs:
    tables: dict[str, list[Mapping[str, Any]]] = {
        name: list(rows) for name, rows in inputs.tables.items() if name != "audits"
    }
    sources: list[Mapping[str, Any]] = list(_sources(inputs))
    tables |= {"audits": list(audits), "runs": list(runs), "sources": sources}
    words = _columns(language)
    bound = {
        f"tbl_{name}": [
            {words[key]: value for key, value in row.items() if value is not None and key in words}
            for row in rows
        ]
        for name, rows in tables.items()
    }
    sealed = sum(1 for row in audits if row.get("seal") is not None)
    return Inputs(names={**names, "in_sealed_rows": sealed}, tables=bound)


def _sources(inputs: AuditInputs) -> list[dict[str, Any]]:
    """Every series with where it comes from and its last day."""
    last: dict[str, dict[str, Any]] = {}
    for row in inputs.tables["series"]:
        last[row["series_id"]] = row
    return [
        {"item": name, "source": row.get("source"), "obs_date": row["obs_date"]} for name, row in last.items()
    ]


def _run(inputs: AuditInputs, names: Mapping[str, Any], count: int, language: str) -> dict[str, Any]:
    """The line of the log: what was run on which inputs. The time is the day of the audit."""
    digest = hashlib.sha256(repr((sorted(names.items(), key=str), inputs.tables)).encode()).hexdigest()
    shown = f"{count}本" if language == "ja" else f"{count} funds"
    return {
        "time": str(names["in_as_of"]),
        "command": "xlplugin audit",
        "run_id": digest[:16],
        "result": shown,
    }


@lru_cache(maxsize=2)
def _columns(language: str) -> dict[str, str]:
    """Key -> header of every column of the dictionary."""
    text = (files("workbooks") / "layout" / "columns.toml").read_text("utf-8")
    return {key: words[0 if language == "ja" else 1] for key, words in tomllib.loads(text).items()}


def column_title(key: str, language: str) -> str:
    """The header of a column in a language; the key itself where the dictionary has none."""
    return _columns(language).get(key, key)


# -- results -----------------------------------------------------------------------------------------------


def named_rows(book: Book, name: str, wanted: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a named block by key; its first row is the header, in either language.

    Some headers mean two keys of the dictionary: `wanted` says which are meant, and line breaks in a
    header do not matter then.
    """
    text = next(n.text for n in book.package.names if n.name == name)
    place = single_cell(text)
    if place is None:
        raise InputError(f"{name}: the name does not stand for a block of cells")
    block = book.block(place.sheet, (place.row, place.column, place.last_row, place.last_column))
    plain: Callable[[object], str] = str if wanted is None else plain_header
    keys = {
        plain(word): key
        for language in ("ja", "en")
        for key, word in _columns(language).items()
        if wanted is None or key in wanted
    }
    header = [keys.get(plain(title), str(title)) for title in block[0]]
    return [dict(zip(header, row, strict=True)) for row in block[1:]]


def _rows(inputs: AuditInputs, book: Book) -> list[dict[str, Any]]:
    """One row per fund, in the order of the table."""
    tracking = {row["fund_code"]: row for row in named_rows(book, "out_audit")}
    decided = {row["fund_code"]: row for row in named_rows(book, "out_decisions")}
    real = {row["fund_code"]: row for row in named_rows(book, "out_real_cost")}
    rows = []
    for fund in inputs.tables["funds"]:
        code = fund["fund_code"]
        row = {key: fund.get(key) for key in ("fund_code", "fund_name", "asset_class", "index_name")}
        row |= {key: _plain(tracking[code].get(key)) for key in _TRACKING_KEYS}
        row |= {key: _plain(decided[code].get(key)) for key in _DECISION_KEYS}
        row |= {key: _plain(real[code].get(key)) for key in ("real_cost", "residual")}
        row["reasons"] = "; ".join(
            sorted(
                {c for part in (tracking, decided) for c in str(part[code]["reason"] or "").split("; ") if c}
            )
        )
        row["traps"] = _plain(decided[code].get("traps")) or ""
        rows.append(row)
    return rows


def _plain(value: Any) -> Any:
    """A cell as data: errors, dashes and empty texts are None; whole numbers are whole."""
    if isinstance(value, ErrorValue) or value in ("", "–"):
        return None
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) >= 1.0 else value


def _faults(inputs: AuditInputs, as_of: dt.date, names: Mapping[str, Any]) -> list[Refused]:
    """What is wrong with every pair of series, with places in the files."""
    limits = Limits(jump=float(names.get("in_jump", 0.10)), outlier=float(names.get("in_outlier", 8.0)))
    found = []
    for fund in inputs.tables["funds"]:
        code, index = fund["fund_code"], fund.get("index_name") or ""
        missing = [name for name in (code, index) if not inputs.observations(name)]
        if missing:
            found += [Refused(code, Fault("NO_SERIES", "", "series_id", name)) for name in missing]
            continue
        pair = compare(
            inputs.observations(code),
            inputs.observations(index),
            str(fund.get("ccy") or "").upper(),
            as_of,
            tax=float(names.get("in_tax_rate", 0.20315)),
            limits=limits,
        )
        faults = figures(pair).faults
        found += [Refused(code, fault) for fault in faults if fault.code != "SHORT_HISTORY"]
    return found
