"""Another library on the same problem: ``python -m tests.benchmarks peer cvxportfolio --n 500 --seed 0``.

The library runs as a script in a virtual environment of its own, made from `peers/NAME/requirements.txt` in
a temporary folder, or given as ``--python FILE`` (the interpreter of one made before). It is never installed
beside the product: some are GPL. Both sides solve the same mathematics: factor and specific risk, trading
costs in the objective, no cash, sector bands, turnover. We compute the objective of its weights with our own
code and store no time unless it equals ours. The kernel runs directly before and after the script and once
more if these two differ by more than 15 %. CPU time on both sides; ours includes cutting the problem
into segments, theirs (`first`) compiling the policy. `again` solves a compiled policy anew, beside our solve.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import synthetic
from xlplugin.engines.rebalancing.kernel import Program, solve
from xlplugin.engines.rebalancing.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import FloatArray
    from xlplugin.engines.rebalancing.problem import Problem

PEERS = Path(__file__).parent / "peers"
TARGETS = {500: 1 / 30, 2000: 1 / 60}
SAME, KEPT = 1e-5, 1e-6  # objective, relative; limits, in weight: what the library's solvers reach
STEADY = 0.15
SHORTEST = 0.2


def problem(names: int, seed: int, turnover: float) -> Problem:
    """Trading costs only, nothing excluded: what the library can express."""
    made = synthetic.rebalance(names, seed, variant="cost", turnover=turnover)
    return replace(made, highest=np.ones(names))


def program(made: Problem, gamma: float) -> Program:
    """Ours, with trading costs in the objective but not taken out of the money that is invested."""
    relaxation = Relaxation.of(made)
    built = relaxation.envelope(gamma, relaxation.modes.open).program
    count, base = built.rules.count.copy(), built.rules.base.copy()
    count[built.rules.counted.index(0)], base[0] = 0.0, 0.0
    return replace(built, rules=replace(built.rules, count=count, base=base))


def objective(made: Problem, gamma: float, weights: FloatArray) -> float:
    """Priced variance plus trading costs."""
    return gamma * made.variance(weights) + float(made.sell_cost @ np.abs(weights - made.held))


def violation(made: Problem, weights: FloatArray) -> float:
    """The worst broken limit, in weight."""
    active = weights - made.target
    bands = [max(x.loading @ active - x.high, x.low - x.loading @ active) for x in made.limits]
    turnover = np.abs(weights - made.held).sum() - made.tallies[0].high
    return float(max(*bands, turnover, -weights.min(), abs(weights.sum() - 1.0)))


def main(argv: list[str]) -> dict[str, Any]:
    """Run the script between two runs of ours."""
    asked = _arguments(argv)
    made = problem(asked.n, asked.seed, asked.turnover)
    ours = solve(program(made, asked.gamma))
    best = objective(made, asked.gamma, ours.weights)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        interpreter = asked.python or _environment(asked.name, folder / "environment")
        data = folder / "problem.npz"
        _save(data, made, asked.gamma)
        before, theirs, after = _between(asked, made, interpreter, data)
        if abs(after[0] / before[0] - 1.0) > STEADY:
            before, theirs, after = _between(asked, made, interpreter, data)
    with_assembly, alone = (0.5 * (b + a) for b, a in zip(before, after, strict=True))
    rows, usable = {}, {}
    for solver, found in theirs["solvers"].items():
        if "error" in found:
            rows[solver] = found
            continue
        weights = np.array(found.pop("weights"))
        worse = objective(made, asked.gamma, weights) / best - 1.0
        broken = violation(made, weights)
        rows[solver] = {
            "objective_above_ours": worse,
            "worst_violation": broken,
            "same_answer": bool(abs(worse) <= SAME and broken <= KEPT),
        }
        if rows[solver]["same_answer"]:
            rows[solver] |= {
                "milliseconds_first": round(1e3 * found["first"], 2),
                "milliseconds_again": round(1e3 * found["again"], 2),
            }
            usable[solver] = found
    result: dict[str, Any] = {
        "peer": asked.name,
        "version": theirs["version"],
        "n": asked.n,
        "seed": asked.seed,
        "gamma": asked.gamma,
        "turnover": asked.turnover,
        "residual": ours.residual,
        "objective": best,
        "solvers": rows,
        "milliseconds_ours_with_assembly": round(1e3 * with_assembly, 3),
        "milliseconds_ours": round(1e3 * alone, 3),
        "ours_before_and_after_differ": round(after[0] / before[0] - 1.0, 3),
    }
    if usable:
        ratio = with_assembly / min(found["first"] for found in usable.values())
        again = min(found["again"] for found in usable.values())
        result["ours/theirs"] = round(ratio, 5)
        result["times_faster"] = round(1.0 / ratio, 1)
        result["times_faster_than_solving_again"] = round(again / alone, 1)
        if asked.n in TARGETS:
            result["target"] = f"at most 1/{1 / TARGETS[asked.n]:.0f}"
            result["held"] = bool(ratio <= TARGETS[asked.n])
    return result


def _between(
    asked: argparse.Namespace, made: Problem, interpreter: str, data: Path
) -> tuple[tuple[float, float], dict[str, Any], tuple[float, float]]:
    """Ours, the script, ours again."""
    before = _ours(made, asked.gamma)
    return before, _script(asked.name, interpreter, data, asked.rounds), _ours(made, asked.gamma)


def _save(path: Path, made: Problem, gamma: float) -> None:
    loading = np.vstack([limit.loading for limit in made.limits])
    base = loading @ made.target
    np.savez(
        path,
        target=made.target,
        exposures=made.exposures,
        specific=made.specific,
        held=made.held,
        cost=made.sell_cost,
        loading=loading,
        low=base + [limit.low for limit in made.limits],
        high=base + [limit.high for limit in made.limits],
        turnover=made.tallies[0].high,
        gamma=gamma,
    )


def _ours(made: Problem, gamma: float) -> tuple[float, float]:
    """CPU seconds of a solve with and without the assembly of its segments."""
    built = program(made, gamma)
    return _seconds(lambda: solve(program(made, gamma))), _seconds(lambda: solve(built))


def _seconds(run: Callable[[], object]) -> float:
    run()
    taken: list[float] = []
    while sum(taken) < SHORTEST:
        began = time.process_time()
        run()
        taken.append(time.process_time() - began)
    return float(np.median(taken))


def _environment(name: str, folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    needs = ["-r", str(PEERS / name / "requirements.txt")]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *needs], check=True)
    return str(python)


def _script(name: str, interpreter: str, data: Path, rounds: int) -> dict[str, Any]:
    command = [interpreter, str(PEERS / name / "run.py"), str(data), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr.strip()[-500:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="peer", description=__doc__)
    parser.add_argument("name", choices=sorted(p.name for p in PEERS.iterdir() if (p / "run.py").exists()))
    parser.add_argument("--n", type=int, default=500, help="names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gamma", type=float, default=5.0, help="price of variance")
    parser.add_argument("--turnover", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", help="interpreter of an environment that has the library")
    return parser.parse_args(argv)
