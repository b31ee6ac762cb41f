"""The end of a run: manifest, summary workbook, failures file, event log."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import TYPE_CHECKING

from xlplugin.batch.records import Record, load_records, manifest, previous_manifest
from xlplugin.batch.summary import Summary, summary_workbook
from xlplugin.batch.writing import append, made_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from xlplugin.batch.plan import Plan

__all__ = ["EventLog", "finish"]


class EventLog:
    """`run.jsonl`: what happened when, one line per event, without client names."""

    def __init__(self, folder: Path) -> None:
        self._path = made_folder(folder) / "run.jsonl"

    def add(self, event: str, **facts: object) -> None:
        """Append one event with the time of now."""
        line = {"time": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
        append(self._path, json.dumps(line, ensure_ascii=False) + "\n")


def finish(plan: Plan, records: Iterable[Record], language: str) -> dict[str, int]:
    """Write what the firm reads after a run; the counts by status.

    Clients of other shards or earlier runs of the same folder stay in the manifest.
    """
    folder = plan.shared.folder
    now = {record.client_id: record for record in (*plan.skipped, *records)}
    known = {cid: record for cid, record in load_records(folder).items() if cid in plan.names or cid in now}
    everyone = sorted({**known, **now}.values(), key=lambda record: record.client_id)
    previous = previous_manifest(folder)
    summary = Summary(plan.facts, everyone, plan.names, folder, previous, language)
    write_whole(folder / "summary.xlsx", summary_workbook(summary))
    write_whole(folder / "failures.csv", _failures(everyone))
    write_whole(folder / "manifest.json", manifest(plan.facts, everyone, skipped=len(plan.skipped)))
    return {
        "done": sum(r.status == "done" for r in now.values()) - len(plan.skipped),
        "failed": sum(r.status == "failed" for r in now.values()),
        "skipped": len(plan.skipped),
    }


def _failures(records: Iterable[Record]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["client_id", "code", "what", "where", "remedy"])
    for record in records:
        if record.fault is not None:
            fault = record.fault
            writer.writerow([record.client_id, fault.code, fault.what, fault.where, fault.remedy])
    return out.getvalue().encode("utf-8-sig")  # with the mark, Excel opens it as UTF-8
