"""Import and cold start beside an interpreter that imports numpy alone.

``python -m tests.benchmarks start [--rounds 15] [--json OUT]``. Every figure is the wall time of a
fresh process (start-up cannot be measured otherwise); the sides are called in turn, the order
reversed every other round; a ratio is the median over rounds of the ratio within a round. The
first run of every command is thrown away: it writes byte code.

The rebalance gets its problem as a worker of a pool gets its task: pickled. `made first` draws the
synthetic problem inside the clock, which imports numpy's random numbers as well.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import synthetic

BASE, REBALANCE = "numpy", "rebalance 500 names"
MADE_FIRST = f"{REBALANCE}, made first"
MADE = (
    "from tests.benchmarks import synthetic\n"
    "problem = synthetic.rebalance(500, 0, variant='tax', turnover=0.4)"
)
SOLVED = (
    "from xlplugin.engines.rebalancing.kernel import solve\n"
    "from xlplugin.engines.rebalancing.modes import BUY\n"
    "from xlplugin.engines.rebalancing.relaxation import Relaxation\n"
    "made = Relaxation.of(problem)\n"
    "allowed = made.modes.open.copy(); allowed[made.modes.dented, BUY] = False\n"
    "assert solve(made.envelope(5.0, allowed).program).status == 'solved'"
)
COMMANDS = {
    BASE: "import numpy",
    "import xlplugin": "import xlplugin",
    "register all functions": "from xlplugin.worksheet.registry import load; load()",
    "command line, --help": (
        "import sys; sys.argv = ['xlplugin', '--help']; from xlplugin.cli import main; main()"
    ),
    "first cell": (
        "from xlplugin.worksheet.registry import load; from xlplugin.worksheet.calling import call; "
        "call(load()['ACTIVE_SHARE'], [[0.5], [0.5]], [[0.6], [0.4]])"
    ),
    REBALANCE: f"import pickle, sys\nproblem = pickle.load(open(sys.argv[1], 'rb'))\n{SOLVED}",
    MADE_FIRST: f"{MADE}\n{SOLVED}",
    "headless engine": "from xlplugin.hosts.headless import compile_book",
    "xlwings": "import xlwings",
    "openpyxl": "import openpyxl",
    "pandas": "import pandas",
}


def seconds(code: str, environment: dict[str, str], task: str = "") -> float:
    """Wall time of a fresh process that runs `code` on `task`; infinity where it cannot."""
    began = time.perf_counter()
    command = [sys.executable, "-c", code, task]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    return time.perf_counter() - began if done.returncode == 0 else float("inf")


def main(argv: list[str]) -> dict[str, Any]:
    """Measure every command against numpy alone."""
    parser = argparse.ArgumentParser(prog="start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args(argv)
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        # As after an installation: byte code exists, wherever this interpreter was told to put it.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        task = Path(folder, "problem.pickle")
        task.write_bytes(pickle.dumps(synthetic.rebalance(500, 0, variant="tax", turnover=0.4)))

        def taken(name: str) -> float:
            return seconds(COMMANDS[name], environment, str(task))

        usable = [name for name in COMMANDS if taken(name) != float("inf")]
        for number in range(given.rounds):
            order = usable if number % 2 == 0 else usable[::-1]
            rounds.append({name: taken(name) for name in order})
    found: dict[str, Any] = {}
    for name in usable:
        ratios = sorted(one[name] / one[BASE] for one in rounds)
        found[name] = {
            "seconds": round(statistics.median(one[name] for one in rounds), 4),
            "ratio_to_numpy": round(statistics.median(ratios), 3),
            "lowest": round(ratios[0], 3),
            "highest": round(ratios[-1], 3),
        }
    return {
        "rounds": given.rounds,
        "not_installed": sorted(set(COMMANDS) - set(usable)),
        "commands": found,
        "target": f"{REBALANCE}, made first as well: at most 1.5 times numpy alone",
        "held": all(found[name]["ratio_to_numpy"] <= 1.5 for name in (REBALANCE, MADE_FIRST)),
    }
