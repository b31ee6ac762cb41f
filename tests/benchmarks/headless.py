"""Load, calculate, patch and write one workbook, side by side with other programs in one run.

``python -m tests.benchmarks headless [BOOK.xlsx] [--names 500] [--lots 3000] [--repeat 5]
[--level 1] [--edition values] [--libreoffice] [--json OUT]``. Without a book a proposal-like one of
that size is built, with functions of its own. Figures are CPU seconds of one process, the median of
`--repeat` runs after one to warm up; `result` is a hash of the values, so that a fast wrong answer
does not pass. Peers: formualizer alone (its own load, calculation and lossy save), openpyxl load
and save (which computes nothing), LibreOffice on request.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.books import FUNCTIONS, proposal_book
from xlplugin.hosts.headless import RegistryFunctions
from xlplugin.workbook import Inputs, compile_template
from xlplugin.workbook.bind import bind
from xlplugin.workbook.calc import Formualizer, Recorder, Session
from xlplugin.workbook.running import calculate
from xlplugin.workbook.view import view_package
from xlplugin.workbook.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.workbook import CompiledTemplate, Result

DAY = dt.date(2026, 11, 20)


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    data = Path(asked.book).read_bytes() if asked.book else proposal_book(asked.names, asked.lots)
    functions: Any = RegistryFunctions() if asked.book else FUNCTIONS
    template, compiling = _timed(lambda: compile_template(data, functions, lenient=True))
    client, whole = _median(
        lambda: template.run(as_of=DAY, edition=asked.edition, level=asked.level), asked.repeat
    )
    stages = _stages(template, asked)
    measured: dict[str, Any] = {
        "benchmark": "headless",
        "book": asked.book or f"{asked.names} names, {asked.lots} lots",
        "sheets": len(template.sheets),
        "formulas": sum(1 for sheet in template.sheets.values() for _ in sheet.formulas()),
        "function_cells": len(template.sites),
        "bytes": len(client.data),
        "result": _digest(client),
        "cpu_compile": round(compiling, 4),
        "cpu_per_client": round(whole, 4),
        **stages,
        "memory_mb": _memory(),
        "peer_formualizer": round(_median(lambda: _formualizer_alone(template), asked.repeat)[1], 4),
        "peer_openpyxl_load_save": round(_timed(lambda: _openpyxl(data))[1], 4),
    }
    if asked.libreoffice:
        measured["wall_peer_libreoffice"] = round(_libreoffice(client.data), 3)
    engine = measured["cpu_engine"]
    measured["ratio_to_engine"] = round(whole / engine, 3)
    measured["ratio_to_openpyxl"] = round(measured["peer_openpyxl_load_save"] / whole, 2)
    print(
        f"{measured['book']}: {measured['cpu_per_client']:.3f} s CPU per client "
        f"(engine {engine:.3f}, write {stages['cpu_write']:.3f}), compile {compiling:.3f} s; "
        f"openpyxl load-save {measured['peer_openpyxl_load_save']:.2f} s; {measured['memory_mb']} MB"
    )
    return measured


def _stages(template: CompiledTemplate, asked: argparse.Namespace) -> dict[str, float]:
    """CPU seconds of the parts of one client."""
    package = template.package
    clock = dt.datetime(DAY.year, DAY.month, DAY.day, tzinfo=dt.UTC)
    view, viewing = _median(
        lambda: view_package(list(template.views.items()), package.names, template.strings_view), asked.repeat
    )

    def loaded() -> Formualizer:
        calculator = Formualizer()
        calculator.load(view, date1904=package.date1904, clock=clock)
        return calculator

    session = Session(template.functions, Recorder(template.sites), package.date1904, clock)
    state = calculate(template, bind(template, Inputs()), DAY)

    def written() -> bytes:
        return write(state, edition=asked.edition, flavour="vba", level=asked.level)

    return {
        "cpu_view": round(viewing, 4),
        "cpu_load": round(_median(loaded, asked.repeat)[1], 4),
        "cpu_engine": round(_median(lambda: session.evaluate(view), asked.repeat)[1], 4),
        "cpu_calculate": round(
            _median(lambda: calculate(template, bind(template, Inputs()), DAY), asked.repeat)[1], 4
        ),
        "cpu_write": round(_median(written, asked.repeat)[1], 4),
    }


def _formualizer_alone(template: CompiledTemplate) -> bytes:
    """The calculator with its own file reader and writer, on formulas it can read."""
    package = template.package
    clock = dt.datetime(DAY.year, DAY.month, DAY.day, tzinfo=dt.UTC)
    session = Session(template.functions, Recorder(template.sites), package.date1904, clock)
    view = view_package(list(template.views.items()), package.names, template.strings_view)
    saved: bytes = session.evaluate(view)._book.to_xlsx_bytes()  # type: ignore[attr-defined]
    return saved


def _openpyxl(data: bytes) -> int:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data))
    memory = io.BytesIO()
    book.save(memory)
    return len(memory.getvalue())


def _libreoffice(data: bytes) -> float:
    from tests.libreoffice import convert

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        path.write_bytes(data)
        started = time.perf_counter()
        convert(path, "xlsx", Path(folder) / "out")
        return time.perf_counter() - started


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    done = work()
    return done, time.process_time() - started


def _median(work: Callable[[], Any], repeat: int) -> tuple[Any, float]:
    done = work()
    times = []
    for _ in range(repeat):
        done, seconds = _timed(work)
        times.append(seconds)
    return done, statistics.median(times)


def _digest(result: Result) -> str:
    total = hashlib.sha256()
    for sheet in result.book.sheets:
        total.update(repr(sorted(result.book.values(sheet).items())).encode())
    return total.hexdigest()[:16]


def _memory() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks headless", description=__doc__)
    parser.add_argument("book", nargs="?", help="an .xlsx or .xlsm; a book is built when left out")
    parser.add_argument("--names", type=int, default=500)
    parser.add_argument("--lots", type=int, default=3000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--level", type=int, default=6, help="compression, 1 to 9")
    parser.add_argument("--edition", default="live", choices=("live", "values", "oracle"))
    parser.add_argument("--libreoffice", action="store_true", help="time a headless LibreOffice as well")
    return parser.parse_args(argv)
