"""Many different accounts under one model: the kernel with assembly beside raw PIQP with assembly.

``python -m tests.benchmarks accounts --accounts 1000 --n 500 --seed 0 [--json OUT]``. Every account has
its own positions, lots, costs and exclusions; index, risk model and limits are shared. Both sides start
from arrays: ours makes and checks the problem, cuts it into segments and solves it; the other side makes its
matrices and solves them. `piqp` stacks blocks of scipy.sparse, as its users do; `piqp_columns` is the best
that can be done: columns written by hand, all that the accounts share made once, outside its clock. The
sides are called in turn, the order reversed for every other account; clock is CPU time of the process; the
figure is the median over the accounts of the ratio. Objectives are compared before a time counts.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import synthetic
from tests.benchmarks.raw import Raw, Shared
from xlplugin.engines.rebalancing.kernel import Solution, solve
from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.engines.rebalancing.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import BoolArray
    from xlplugin.engines.rebalancing.problem import Problem

TARGET = 0.25
SAME = 5e-6  # relative: raw solvers stop at 1e-8 of their own scale; our gap says whose error it is


def ours(problem: Problem, gamma: float) -> Solution:
    """From arrays to weights: names with a loss worth taking are not bought, as in `kernel`."""
    relaxation = Relaxation.of(replace(problem))  # made anew and checked, as for a new account
    allowed = relaxation.modes.open.copy()
    allowed[relaxation.modes.dented, BUY] = False
    return solve(relaxation.envelope(gamma, allowed).program)


def _sides(
    problem: Problem, may_buy: BoolArray, gamma: float, shared: Shared
) -> dict[str, Callable[[], float]]:
    return {
        "ours": lambda: ours(problem, gamma).objective,
        "piqp": lambda: Raw.of(problem, may_buy, gamma, stacked=True).piqp(),
        "piqp_columns": lambda: Raw.of(problem, may_buy, gamma, shared=shared).piqp(),
    }


def main(argv: list[str]) -> dict[str, Any]:
    """Measure every account once."""
    asked = _arguments(argv)
    market = synthetic.market(asked.n, asked.seed)
    shared, lots = None, 0
    spent: list[dict[str, float]] = []
    worst = {"residual": 0.0, "relative_gap": 0.0, "objective_differs_by": 0.0}
    failed: list[dict[str, Any]] = []
    impossible = 0
    for number in range(-1, asked.accounts):  # the first one warms both sides up
        problem = synthetic.account(market, asked.seed + 2 + number, turnover=asked.turnover)
        relaxation = Relaxation.of(problem)
        may_buy = relaxation.modes.open[:, BUY] & ~relaxation.modes.dented
        shared = shared or Shared.of(problem)
        sides = _sides(problem, may_buy, asked.gamma, shared)
        taken, found = {}, {}
        for side in list(sides) if number % 2 == 0 else list(sides)[::-1]:
            started = time.process_time()
            found[side] = sides[side]()
            taken[side] = time.process_time() - started
        solution = ours(problem, asked.gamma)
        if solution.status == "infeasible":
            impossible += 1  # proved: these have no objective to compare
            continue
        size = max(abs(found["ours"]), 1e-12)
        differs = max(abs(found[side] - found["ours"]) / size for side in sides)
        if solution.status != "solved" or differs > SAME:
            failed.append({"account": number, "status": solution.status, "objective_differs_by": differs})
            continue
        if number < 0:
            continue
        lots += len(problem.lots)
        worst["residual"] = max(worst["residual"], solution.residual)
        worst["relative_gap"] = max(worst["relative_gap"], abs(solution.relative_gap))
        worst["objective_differs_by"] = max(worst["objective_differs_by"], differs)
        spent.append(taken)
    times = {side: np.array([taken[side] for taken in spent]) for side in spent[0]}
    ratios = {
        f"ours/{side}": [round(float(x), 4) for x in np.percentile(times["ours"] / times[side], [10, 50, 90])]
        for side in ("piqp", "piqp_columns")
    }
    return {
        "accounts": len(spent),
        "n": asked.n,
        "seed": asked.seed,
        "lots_per_account": round(lots / len(spent)),
        "infeasible": impossible,
        "failed": failed,
        **ratios,
        "milliseconds": {side: round(1e3 * float(np.median(t)), 3) for side, t in times.items()},
        "worst": worst,
        "target": f"median of ours/piqp at most {TARGET}",
        "held": ratios["ours/piqp"][1] <= TARGET and not failed,
    }


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="accounts", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--n", type=int, default=500, help="names in the index")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gamma", type=float, default=5.0, help="price of variance")
    parser.add_argument("--turnover", type=float, default=0.8)
    return parser.parse_args(argv)
