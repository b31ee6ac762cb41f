"""What a client's books depend on, as checksums: equal hashes mean equal books."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlplugin.batch.binding import Resolved
    from xlplugin.batch.records import RunFacts
    from xlplugin.store.log_tables import LogTables

__all__ = ["input_hash", "table_hashes"]


def table_hashes(client: Resolved, log: LogTables | None = None) -> dict[str, str]:
    """The checksum of a client's settings and of each of its tables that has rows."""
    more = {} if log is None else {f"log.{name}": [r.values for r in rows] for name, rows in log.rows.items()}
    tables = sorted({**client.client.tables, **more}.items())
    return {
        "client": _digest(dict(client.settings)),
        **{name: _digest(rows) for name, rows in tables if rows},
    }


def input_hash(
    tables: Mapping[str, str],
    facts: RunFacts,
    market: str,
    books: Mapping[str, str],
    options: Mapping[str, Any],
) -> str:
    """The checksum of everything that a client's books depend on.

    Parameters
    ----------
    tables : mapping
        See `table_hashes`.
    facts : RunFacts
        Versions of functions and tax tables, checksums of the market's files.
    market : str
        The name of the client's market; "" for the only one.
    books : mapping
        Checksum of the template of every book to be made.
    options : mapping
        What else changes the output.
    """
    own = {k: v for k, v in facts.market.items() if not market or k.startswith(f"{market}.")}
    everything = {
        "tables": dict(tables),
        "market": own,
        "books": dict(books),
        "options": dict(options),
        "functions": facts.functions,
        "tax_tables": dict(facts.tax_tables),
        "xlplugin": facts.xlplugin,
        "as_of": facts.as_of,
    }
    return _digest(everything)


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"  # 1.0 from a CSV is 1 from a workbook
    return value.isoformat() if isinstance(value, dt.date) else str(value)
