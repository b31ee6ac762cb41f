"""Tax-aware rebalance of a problem folder under a cap on tracking risk: value, risk, proof, seconds.

``python -m tests.benchmarks rebalance --problem DIR --te 0.0105 [--units 1 --min-trade 500]
[--plan plan.csv] [--json OUT]``. The folder is written by any maker of the same layout; the plan is
what an outside scorer reads. `seconds` is one rebalance from arrays to plan; `seconds_with_files`
adds reading the folder. Both are the best of `--repeat` runs, `seconds_first` is the first one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import problem_files
from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.pipeline import Units, rebalance

_GAP = 1e-3  # below the quarter of a per cent that is promised
_NODES, _NODES_UNITS = 200, 48


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    folder, seconds, reading, cpu = Path(asked.problem), [], [], []
    for _ in range(max(1, asked.repeat)):
        started = time.perf_counter()
        files = problem_files.read(folder)
        read, busy = time.perf_counter(), time.process_time()
        problem = problem_files.problem(files, cash_low=asked.cash_low, cash_high=asked.cash_high)
        units = None
        if asked.units > 0.0 or asked.min_trade > 0.0:
            unit = (asked.units or 1e-4) * files.price / files.total
            smallest = np.full(len(unit), asked.min_trade / files.total)
            units = Units(unit, smallest, whole_orders=asked.whole == "order")
        nodes = _NODES if units is None else _NODES_UNITS
        effort = Effort(gap=asked.gap or _GAP, nodes=asked.nodes or nodes)
        plan = rebalance(problem, risk=asked.te, gamma=asked.gamma, effort=effort, units=units)
        done = time.perf_counter()
        cpu.append(time.process_time() - busy)
        seconds.append(done - read)
        reading.append(done - started)
    listed = None
    if asked.plan:
        whole = asked.whole == "order"
        listed = problem_files.write_plan(Path(asked.plan), plan, files, asked.units, whole_orders=whole)
    measured: dict[str, Any] = {
        "benchmark": "rebalance",
        "names": len(problem.names),
        "lots": len(problem.lots),
        "tax_value": round(plan.tax_value * problem.nav, 2),
        "trading_cost": round(plan.trading_cost * problem.nav, 2),
        "harvested_loss": round((plan.losses - plan.gains) * problem.nav, 2),
        "te_ex_ante": round(plan.tracking_risk_invested, 8),
        "te_ex_ante_with_cash": round(plan.tracking_risk, 8),
        "cash": round(plan.cash, 8),
        "turnover": round(plan.turnover, 6),
        "gamma": plan.gamma,
        "objective": plan.objective,
        "lower_bound": plan.bound,
        "gap": plan.gap,
        "kkt_residual": plan.residual,
        "duality_gap": plan.duality_gap,
        "nodes": plan.nodes,
        "kernel_solves": plan.solves,
        "undecided": len(plan.undecided),
        "trades": None if listed is None else len(listed),
        "seconds": round(min(seconds), 4),
        "cpu_seconds": round(min(cpu), 4),
        "seconds_first": round(seconds[0], 4),
        "seconds_with_files": round(min(reading), 4),
    }
    text = json.dumps(measured, indent=1)
    print(text)
    if asked.json:
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return measured


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rebalance", description=__doc__)
    parser.add_argument("--problem", required=True, help="folder of the problem")
    parser.add_argument("--te", type=float, help="cap on forecast tracking risk of the invested part")
    parser.add_argument("--gamma", type=float, help="price of variance instead of a cap")
    parser.add_argument("--cash-low", type=float, default=0.0, help="least cash, share of the account")
    parser.add_argument("--cash-high", type=float, default=0.0029, help="most cash")
    parser.add_argument("--units", type=float, default=0.0, help="trading unit in shares; 0: fractional")
    parser.add_argument("--min-trade", type=float, default=0.0, help="smallest trade in money")
    parser.add_argument(
        "--whole", choices=("position", "order"), default="position", help="what is a whole number of units"
    )
    parser.add_argument("--gap", type=float, help="stop at this proved gap; 0.001")
    parser.add_argument("--nodes", type=int, help="most nodes of the search; 200, with units 48")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--plan", help="where to write the trade list")
    parser.add_argument("--json", help="where to write the figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
