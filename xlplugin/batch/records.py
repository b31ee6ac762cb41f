"""What is known about each client of a run: one small file per client, and the manifest of all.

A worker writes the record of a client after the client's last file, both whole or not at all. So
a run that is killed loses nothing: the next one reads the records, checks the files against their
checksums and repeats nothing that is done. The manifest is the records in client order.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from xlplugin.batch.writing import digest, write_whole
from xlplugin.store.grids import BadCellError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "Fault",
    "Output",
    "Record",
    "RunFacts",
    "is_done",
    "load_records",
    "manifest",
    "save_record",
    "withdraw",
]

WORK = ".xlplugin"
"""The folder inside the output folder that holds the records."""


@dataclass(frozen=True)
class Fault:
    """Why a client failed: a code, what, where and what to do; never a client's name."""

    code: str
    what: str
    where: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """The fault that an error describes."""
        code = str(getattr(error, "code", "DI-100"))
        if isinstance(error, BadCellError):
            word, number = error.place
            where = f"{error.where}, {word} {number}" if word else error.where
            return cls(code, str(error).removeprefix(where).lstrip(":, "), where)
        what, _, remedy = str(error).partition("; ")
        return cls(code, what, "", remedy)


@dataclass(frozen=True)
class Output:
    """One file made for a client, relative to the output folder."""

    file: str
    sha256: str
    bytes: int
    checks: str = ""


@dataclass(frozen=True)
class Record:
    """One client of a run.

    `figures` are the numbers of the summary; `inputs` the checksums of the client's tables;
    `seconds` is left out of comparisons between runs.
    """

    client_id: str
    status: str
    input_hash: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    fault: Fault | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the manifest writes it."""
        data: dict[str, Any] = {
            "client_id": self.client_id,
            "status": self.status,
            "input_hash": self.input_hash,
        }
        if self.fault is not None:
            data |= asdict(self.fault)
        data |= {
            "inputs": dict(self.inputs),
            "outputs": [asdict(o) for o in self.outputs],
            "warnings": list(self.warnings),
            "figures": dict(self.figures),
            "seconds": round(self.seconds, 3),
        }
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """From what the manifest holds."""
        fault = Fault(data["code"], data["what"], data["where"], data["remedy"]) if "code" in data else None
        return cls(
            data["client_id"],
            data["status"],
            data["input_hash"],
            data["inputs"],
            tuple(Output(**o) for o in data["outputs"]),
            tuple(data["warnings"]),
            data["figures"],
            data["seconds"],
            fault,
        )


@dataclass(frozen=True)
class RunFacts:
    """What the manifest says about the run as a whole."""

    job: str
    as_of: str
    xlplugin: str
    templates: Mapping[str, str]
    functions: str
    tax_tables: Mapping[str, str]
    job_hash: str
    market: Mapping[str, str]

    @property
    def run_id(self) -> str:
        """The same for the same job on the same inputs with the same versions."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.as_of.replace('-', '')}-{digest(text.encode())[7:15]}"


def record_path(folder: Path, client_id: str) -> Path:
    """Where the record of a client lies."""
    return folder / WORK / "records" / f"{client_id}.json"


def save_record(folder: Path, record: Record) -> None:
    """Write the record of a client."""
    write_whole(record_path(folder, record.client_id), _json(record.as_dict()))


def withdraw(folder: Path, record: Record, books: Iterable[str]) -> None:
    """Remove books of these kinds that an earlier run made for the client and this record no longer names.

    A proposal on inputs that have changed since, or that cannot be read any more, must not lie where
    it could be sent. A book that a person has changed is left alone.
    """
    kinds = tuple(f"{book}_" for book in books)
    kept = {output.file for output in record.outputs}
    for output in _loaded(record_path(folder, record.client_id)).outputs:
        path = folder / output.file
        with contextlib.suppress(OSError):
            if (
                output.file not in kept
                and path.name.startswith(kinds)
                and digest(path.read_bytes()) == output.sha256
            ):
                path.unlink()


def _loaded(path: Path) -> Record:
    """The record in a file; a damaged one is as none."""
    try:
        return Record.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return Record("", "none")


def load_records(folder: Path) -> dict[str, Record]:
    """The records of earlier runs by client; a damaged one is as none."""
    found = {}
    for path in sorted((folder / WORK / "records").glob("*.json")):
        record = _loaded(path)
        if record.client_id:
            found[record.client_id] = record
    return found


def is_done(folder: Path, record: Record | None, input_hash: str) -> bool:
    """Whether a client was finished on the same inputs and its files are still as they were."""
    if record is None or record.status != "done" or record.input_hash != input_hash:
        return False
    for output in record.outputs:
        try:
            if digest((folder / output.file).read_bytes()) != output.sha256:
                return False
        except OSError:
            return False
    return True


def manifest(facts: RunFacts, records: Iterable[Record], *, skipped: int = 0) -> bytes:
    """The manifest: the run, every client in order, and counts."""
    ordered = sorted(records, key=lambda r: r.client_id)
    counts = {status: sum(r.status == status for r in ordered) for status in ("done", "failed")}
    data = {
        "job": facts.job,
        "run_id": facts.run_id,
        **{k: v for k, v in asdict(facts).items() if k != "job"},
        "clients": [r.as_dict() for r in ordered],
        "counts": {**counts, "skipped": skipped},
    }
    return _json(data)


def previous_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of the last run; None if there is none or it cannot be read."""
    try:
        data: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return data


def _json(data: Any) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
