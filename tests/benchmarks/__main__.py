"""Runs one benchmark: ``python -m tests.benchmarks NAME ... [--json OUT]``.

A benchmark is a module of this folder with ``main(argv) -> dict``; the rest of the line is its own.
The figures are printed, and written to OUT as JSON together with the machine they were taken on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import io
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before anybody imports numpy

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The modules that are benchmarks."""
    return sorted(
        p.stem for p in FOLDER.glob("*.py") if "def main(" in p.read_text("utf-8") and p.stem != "__main__"
    )


def run(arguments: list[str]) -> int:
    """Run the benchmark that the first argument names."""
    out = None
    rest = list(arguments)
    if "--json" in rest:
        place = rest.index("--json")
        if place + 1 >= len(rest):
            print("--json: give the file to write")
            return 2
        out = Path(rest[place + 1])
        del rest[place : place + 2]
    if not rest or rest[0] not in names():
        print(f"usage: python -m tests.benchmarks NAME ... [--json OUT]; NAME is one of {', '.join(names())}")
        return 2
    module = importlib.import_module(f"tests.benchmarks.{rest[0]}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        figures = module.main(rest[1:])
    text = json.dumps(figures, indent=1, ensure_ascii=False, default=str)
    print(printed.getvalue().rstrip() or text)
    if out is not None:
        machine = {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cpus": os.cpu_count(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "numpy": version("numpy"),
            "xlplugin": version("xlplugin"),
        }
        result = {"benchmark": rest[0], "arguments": rest[1:], "machine": machine, "figures": figures}
        out.write_text(json.dumps(result, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
