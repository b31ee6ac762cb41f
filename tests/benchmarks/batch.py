"""Many clients: seconds per client, memory of a worker, and how much two processes gain over one.

``python -m tests.benchmarks batch [--clients 60] [--workers 2] [--book proposal] [--template FILE]
[--json OUT]``. The sample clients of Japan are repeated under new ids. One process and N
processes run in turn on the same job, the order reversed every other round; the books must be the
same bytes, or nothing is reported. Wall time, because the pool is measured (on a busy machine the
gain says nothing); the figure per client is CPU time, of this process and of the workers. The start
of the workers is inside the clock.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from xlplugin.batch.finish import finish
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import make_plan
from xlplugin.batch.run import execute
from xlplugin.batch.writing import digest
from xlplugin.cli.places import built, compiled, sample_folder

BASE = ("C0001", "C0002", "C0003")


def repeated(folder: Path, clients: int, template: Path | None, book: str) -> Path:
    """A job with the sample clients of Japan repeated to `clients` of them."""
    sample = sample_folder()
    ids = [f"R{n:05d}" for n in range(clients)]
    for path in sorted((sample / "clients").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            header, *rows = csv.reader(handle)
        by_client = {cid: [r[1:] for r in rows if r[0] == cid] for cid in BASE}
        with (folder / path.name).open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(header)
            for n, cid in enumerate(ids):
                writer.writerows([cid, *row] for row in by_client[BASE[n % len(BASE)]])
    shutil.copytree(sample / "market", folder / "market")
    tables = "\n".join(f'{p.stem} = "{p.name}"' for p in sorted(folder.glob("*.csv")))
    own = "" if template is None else f'[templates]\n"{book}.ja" = "{template}"\n"{book}.en" = "{template}"\n'
    job = folder / "job.toml"
    job.write_text(
        f"""
[job]
name = "benchmark"
as_of = 2026-11-20
make = ["{book}"]
languages = ["ja"]
[input]
{tables}
[market]
constituents = "market/jp_constituents.csv"
prices = "market/jp_prices.csv"
history = "market/jp_history.csv"
[output]
folder = "out"
{own}""",
        encoding="utf-8",
    )
    return job


def cpu_seconds() -> float:
    """CPU time of this process and of the workers that have ended."""
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + workers.ru_utime + workers.ru_stime


def once(job_file: Path, folder: Path, workers: int) -> tuple[float, float, list[Any], dict[str, str]]:
    """Wall and CPU seconds of one run into an empty folder, its records, the checksums of its books."""
    shutil.rmtree(folder, ignore_errors=True)
    job = load_job(job_file, [f'output.folder="{folder}"'])
    plan = make_plan(job, built(), compiled)
    began, cpu = time.perf_counter(), cpu_seconds()
    records = list(execute(plan, workers=workers))
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    finish(plan, records, "en")
    books = {p.name: digest(p.read_bytes()) for p in sorted((folder / "clients").rglob("*.xlsx"))}
    return seconds, cpu, records, books


def main(argv: list[str]) -> dict[str, Any]:
    """Measure one process against several on the same job."""
    parser = argparse.ArgumentParser(prog="batch", description=__doc__)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--book", default="proposal")
    parser.add_argument("--template", type=Path)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = repeated(folder, given.clients, given.template, given.book)
        singles: list[float] = []
        pools: list[float] = []
        cpus: dict[int, list[float]] = {1: [], given.workers: []}
        books: list[dict[str, str]] = []
        records: list[Any] = []
        for number in range(given.rounds):
            order = (1, given.workers) if number % 2 == 0 else (given.workers, 1)
            for workers in order:
                seconds, cpu, records, made = once(job, folder / "out", workers)
                cpus[workers].append(cpu / given.clients)
                (singles if workers == 1 else pools).append(seconds)
                books.append(made)
        if any(made != books[0] for made in books):
            raise SystemExit("the books differ between runs: nothing is reported")
    failed = [r for r in records if r.status != "done"]
    gain = statistics.median(one / many for one, many in zip(singles, pools, strict=True))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "clients": given.clients,
        "workers": given.workers,
        "books": len(books[0]),
        "failed": len(failed),
        "first_failure": failed[0].fault.what if failed else None,
        "seconds_one_process": round(statistics.median(singles), 2),
        "seconds_processes": round(statistics.median(pools), 2),
        "gain": round(gain, 3),
        "cpu_per_client_one_process": round(statistics.median(cpus[1]), 4),
        "cpu_per_client_processes": round(statistics.median(cpus[given.workers]), 4),
        "load": round(os.getloadavg()[0], 1),
        "clients_per_hour": round(3600 * given.clients / statistics.median(pools)),
        "worker_memory_mb": round(children, 1),
        "same_bytes": True,
    }
