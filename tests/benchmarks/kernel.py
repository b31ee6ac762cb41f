"""The dual Newton kernel beside raw PIQP and raw Clarabel on the same convex problems.

``python -m tests.benchmarks kernel --n 500 --seed 0 [--variants tax,cost,cap] [--json OUT]``. Calls go in
turn, order reversed every other round; clock is CPU time of the process; the figure is the median over
rounds of the per-round ratio. The matrices of the other side are built outside its clock; ours is shown
without (`kernel`) and with (`kernel_with_assembly`) the assembly of the segments. Objectives are compared
first. One BLAS thread: set OPENBLAS_NUM_THREADS=1 before the start. Needs piqp (extra `model`).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import synthetic
from tests.benchmarks.raw import Raw
from xlplugin.engines.rebalancing.capped import solve_under_cap
from xlplugin.engines.rebalancing.kernel import Program, solve
from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.engines.rebalancing.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.engines.rebalancing.problem import Problem

SHORTEST = 0.02  # seconds a round of one side takes at least


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    rows = []
    kinds = asked.variants.split(",")
    for variant in kinds:
        problem = synthetic.rebalance(
            asked.n,
            asked.seed,
            variant="cost" if variant == "cost" else "tax",
            turnover=asked.turnover,
        )
        for gamma in map(float, asked.gammas.split(",")):
            if variant == "cap":
                rows.append(_capped(problem, gamma, asked.te, asked.rounds))
            else:
                rows.append({"variant": variant, "gamma": gamma, **_plain(problem, gamma, asked.rounds)})
    measured: dict[str, Any] = {
        "benchmark": "kernel",
        "n": asked.n,
        "seed": asked.seed,
        "lots": len(problem.lots),
        "rows": rows,
        "worst_residual": max(row["residual"] for row in rows),
        "worst_relative_gap": max(abs(row["relative_gap"]) for row in rows),
        "medians": _medians(rows),
    }
    text = json.dumps(measured, indent=1)
    print(text)
    if asked.json:
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return measured


def _medians(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Over the cases solved, of the medians of every ratio; under a cap apart from the others."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, ratio in row.items():
            if "/" in name:
                found.setdefault(f"cap {name}" if row["variant"] == "cap" else name, []).append(ratio[1])
    return {name: round(float(np.median(ratios)), 4) for name, ratios in found.items()}


def _decided(problem: Problem) -> tuple[Relaxation, np.ndarray]:
    """Names with a lot worth harvesting may not be bought: the convex variant of the comparison."""
    relaxation = Relaxation.of(problem)
    allowed = relaxation.modes.open.copy()
    allowed[relaxation.modes.dented, BUY] = False
    return relaxation, allowed


def _plain(problem: Problem, gamma: float, rounds: int) -> dict[str, Any]:
    relaxation, allowed = _decided(problem)
    program = relaxation.envelope(gamma, allowed).program
    ours = solve(program)
    if ours.status != "solved":
        return {"status": ours.status, "residual": 0.0, "relative_gap": 0.0}
    raw = Raw.of(problem, allowed[:, BUY], gamma)
    cones = raw.for_clarabel()
    sides: dict[str, Callable[[], float]] = {
        "kernel": lambda: solve(program).objective,
        "kernel_with_assembly": lambda: solve(relaxation.envelope(gamma, allowed).program).objective,
        "piqp": raw.piqp,
        "clarabel": lambda: raw.clarabel(cones),
    }
    worst = {}
    for name, run in sides.items():
        worst[name] = abs(run() - ours.objective) / max(abs(ours.objective), 1e-12)
    return {
        "status": ours.status,
        "iterations": ours.iterations,
        "residual": ours.residual,
        "relative_gap": ours.relative_gap,
        "objective": ours.objective,
        "variables_of_the_others": raw.variables,
        "objective_differs_by": worst,
        **_ratios(sides, rounds),
    }


def _capped(problem: Problem, gamma: float, te: float | None, rounds: int) -> dict[str, Any]:
    """A cap of nine tenths of the risk at a price of variance, unless one is given."""
    relaxation, allowed = _decided(problem)
    program: Program = relaxation.envelope(gamma, allowed).program
    te = te or 0.9 * float(np.sqrt(solve(program).variance))
    ours = solve_under_cap(program, te * te, gamma=5.0)
    if not ours.is_kept(te * te):
        return {"variant": "cap", "te": te, "status": "not met", "residual": 0.0, "relative_gap": 0.0}
    raw = Raw.of(problem, allowed[:, BUY], None, te)
    cones = raw.for_clarabel()
    sides: dict[str, Callable[[], float]] = {
        "kernel": lambda: solve_under_cap(program, te * te, gamma=5.0).solution.cost,
        "clarabel": lambda: raw.clarabel(cones),
    }
    cost = ours.solution.cost
    size = max(abs(cost), 1e-12)
    return {
        "variant": "cap",
        "te": te,
        "gamma": ours.gamma,
        "status": ours.solution.status,
        "inner_solves": ours.solves,
        "residual": ours.solution.residual,
        "relative_gap": (cost - ours.bound) / size,
        "objective_differs_by": {name: abs(run() - cost) / size for name, run in sides.items()},
        **_ratios(sides, rounds),
    }


def _ratios(sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, Any]:
    """Times in turn, and the median and spread of ours over theirs."""
    repeats = {}
    for name, run in sides.items():
        started = time.process_time()
        run()
        repeats[name] = max(1, int(SHORTEST / max(time.process_time() - started, 1e-6)))
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(rounds):
        for name in list(sides) if round_ % 2 == 0 else list(sides)[::-1]:
            started = time.process_time()
            for _ in range(repeats[name]):
                sides[name]()
            taken[name].append((time.process_time() - started) / repeats[name])
    result: dict[str, Any] = {
        "milliseconds": {name: round(1e3 * float(np.median(times)), 3) for name, times in taken.items()}
    }
    for ours in (name for name in sides if name.startswith("kernel")):
        for theirs in ("piqp", "clarabel"):
            if theirs in taken:
                ratio = np.array(taken[ours]) / np.array(taken[theirs])
                low, middle, high = np.percentile(ratio, [10, 50, 90])
                result[f"{ours}/{theirs}"] = [round(float(x), 4) for x in (low, middle, high)]
    return result


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kernel", description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", default="tax,cost,cap")
    parser.add_argument("--gammas", default="0.5,5,50", help="prices of variance")
    parser.add_argument("--turnover", type=float, default=0.4)
    parser.add_argument(
        "--te", type=float, help="cap of the variant cap; default: 0.9 of the risk at each gamma"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="where to write the figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
