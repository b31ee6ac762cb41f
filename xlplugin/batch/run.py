"""Runs a plan on any `concurrent.futures.Executor`; a pool of spawned processes by default.

Work goes out in chunks, three per worker in flight, so memory does not grow with the book. A
worker that dies takes its chunk with it: the clients of all lost chunks that have no record yet
are run again one at a time, and the one at which a worker dies again is marked as the culprit.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from xlplugin.batch.records import Fault, Record, is_done, load_records, save_record, withdraw
from xlplugin.batch.task import SharedFile, Task, run_tasks, share
from xlplugin.batch.writing import leftovers, made_folder
from xlplugin.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from xlplugin.batch.plan import Plan

__all__ = ["Inline", "cluster", "execute"]

MOST_IN_CHUNK = 25
AHEAD = 3
T = TypeVar("T")

_DIED = "the process that computed this client died; it may need more memory than the machine has"
_DIED_REMEDY = "run it alone with --only, or with fewer workers"


class Inline(Executor):
    """Does the work at once in this process: no start-up, no second process."""

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        """The finished future."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _spawned(workers: int) -> ProcessPoolExecutor:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # inherited by the workers before they import numpy
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def cluster(address: str) -> tuple[Executor, int, AbstractContextManager[object]]:
    """The executor of a dask.distributed scheduler, its threads, and the client to close.

    Raises
    ------
    HostError
        If distributed is not installed or nobody answers.
    """
    try:
        from distributed import Client  # noqa: PLC0415  (an optional extra)
    except ImportError:
        raise HostError('a cluster needs dask.distributed; install "xlplugin[cluster]"') from None
    try:
        client = Client(address, timeout="5s")
    except OSError:
        raise HostError(f"{address}: no scheduler answers; start it with: dask scheduler") from None
    threads = sum(client.nthreads().values())
    if not threads:
        client.close()
        raise HostError(f"{address}: the scheduler has no workers; start some with: dask worker {address}")
    return client.get_executor(pure=False), threads, client


def execute(plan: Plan, executor: Executor | None = None, *, workers: int | None = None) -> Iterator[Record]:
    """Make the books of every task of a plan; records come as clients finish, in any order.

    Parameters
    ----------
    plan : Plan
        What is to be done.
    executor : Executor, optional
        Where; a pool of spawned processes (or this process, with one worker) if left out.
    workers : int, optional
        How many work at the same time.

    Raises
    ------
    StorageError
        If the output folder cannot be written; nothing is half written.
    """
    folder = made_folder(plan.shared.folder)
    for path in leftovers(folder):
        path.unlink(missing_ok=True)
    for record in plan.failed:
        withdraw(folder, record, plan.job.make)
        save_record(folder, record)
        yield record
    if not plan.tasks:
        return
    count = workers or plan.job.workers or os.cpu_count() or 1
    file = share(plan.shared)
    try:
        for record in _Runner(file, folder, plan.tasks, executor, min(count, len(plan.tasks))).records():
            yield record
            if record.status == "failed" and plan.job.on_error == "stop":
                return
    finally:
        file.path.unlink(missing_ok=True)


class _Runner:
    """The loop that keeps the workers busy."""

    def __init__(
        self, file: SharedFile, folder: Path, tasks: tuple[Task, ...], executor: Executor | None, workers: int
    ) -> None:
        self.file, self.folder, self.workers, self.given = file, folder, workers, executor
        size = max(1, min(MOST_IN_CHUNK, len(tasks) // (workers * 8)))
        self.chunks = deque(tuple(tasks[i : i + size]) for i in range(0, len(tasks), size))
        self.lost: list[Task] = []

    def _pool(self) -> Executor:
        if self.given is not None:
            return self.given
        return Inline() if self.workers == 1 else _spawned(self.workers)

    def records(self) -> Iterator[Record]:
        pool = self._pool()
        waiting: dict[Future[list[Record]], tuple[Task, ...]] = {}
        try:
            while self.chunks or waiting:
                while self.chunks and len(waiting) < AHEAD * self.workers:
                    chunk = self.chunks.popleft()
                    waiting[self._submit(pool, chunk)] = chunk
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                broken = False
                for future in sorted(done, key=lambda one: waiting[one][0].client_id):
                    chunk = waiting.pop(future)
                    try:
                        yield from future.result()
                    except BrokenExecutor:
                        self.lost += chunk
                        broken = True
                if broken:
                    self.lost += [task for chunk in waiting.values() for task in chunk]
                    waiting.clear()
                    pool.shutdown(wait=False, cancel_futures=True)
                    yield from self._one_by_one()
                    pool = self._pool()
        finally:
            if self.given is None:
                pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pool: Executor, chunk: tuple[Task, ...]) -> Future[list[Record]]:
        try:
            return pool.submit(run_tasks, self.file, chunk)
        except BrokenExecutor as error:
            future: Future[list[Record]] = Future()
            future.set_exception(error)
            return future

    def _one_by_one(self) -> Iterator[Record]:
        """Run again what was lost, one client at a time, so that the next death names its client."""
        if self.given is not None:
            raise HostError("the executor has stopped; start it again and run the same command")
        known = load_records(self.folder)
        lost, self.lost = self.lost, []
        pool: Executor | None = None
        try:
            for task in lost:
                record = known.get(task.client_id)
                if record is not None and is_done(self.folder, record, task.input_hash):
                    yield record
                    continue
                pool = pool or _spawned(1)
                try:
                    yield from pool.submit(run_tasks, self.file, (task,)).result()
                except BrokenExecutor:
                    pool = None
                    fault = Fault("DI-198", _DIED, "", _DIED_REMEDY)
                    dead = Record(task.client_id, "failed", task.input_hash, task.inputs, fault=fault)
                    withdraw(self.folder, dead, (book for book, _ in task.books))
                    save_record(self.folder, dead)
                    yield dead
        finally:
            if pool is not None:
                pool.shutdown()
