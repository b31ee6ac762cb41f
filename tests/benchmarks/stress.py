"""The kernel on a grid of hard settings: every case solved to 1e-8, or proved to have no answer.

``python -m tests.benchmarks stress --n 500 --seeds 0,1 [--gammas ... --turnovers ... --bands ...]
[--json OUT]``. Prices of variance from almost none to almost nothing else, tight and loose turnover and
sector bands, with all lots and with trading costs only. KKT residual and relative duality gap are computed
by the kernel from its weights; a proof that limits clash is checked by HiGHS on the limits alone, and so is
every feasible case that did not end as solved. ``--clarabel N`` compares every N-th objective with Clarabel.
"""

from __future__ import annotations

import argparse
import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import synthetic
from tests.benchmarks.raw import Raw
from xlplugin.engines.rebalancing.kernel import solve
from xlplugin.engines.rebalancing.modes import BUY
from xlplugin.engines.rebalancing.relaxation import Relaxation

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = 1e-8


def can_hold(raw: Raw) -> bool:
    """Whether HiGHS finds any trades within the limits."""
    from scipy.optimize import linprog

    free = [(None, None)] * (raw.variables - len(raw.upper))
    bounds = [*zip(np.zeros(len(raw.upper)), raw.upper, strict=True), *free]
    nothing = np.zeros(raw.variables)
    made = linprog(
        nothing, raw.rules, raw.limits, raw.equations, raw.right, bounds=bounds, method="highs"
    )  # fmt: skip
    return bool(made.status == 0)


def main(argv: list[str]) -> dict[str, Any]:
    """Solve the grid."""
    asked = _arguments(argv)
    count = {"solved": 0, "infeasible": 0}
    worst = {"residual": 0.0, "relative_gap": 0.0, "objective_differs_by": 0.0}
    iterations: list[int] = []
    milliseconds: list[float] = []
    wrong: list[dict[str, Any]] = []
    grid = itertools.product(asked.seeds, asked.variants, asked.turnovers, asked.bands)
    for seed, variant, turnover, band in grid:
        problem = synthetic.rebalance(asked.n, int(seed), variant=variant, turnover=turnover, band=band)
        relaxation = Relaxation.of(problem)
        allowed = relaxation.modes.open.copy()
        allowed[relaxation.modes.dented, BUY] = False
        possible: bool | None = None
        for gamma in asked.gammas:
            case = {"seed": int(seed), "variant": variant, "turnover": turnover, "band": band, "gamma": gamma}
            program = relaxation.envelope(gamma, allowed).program
            started = time.process_time()
            made = solve(program)
            milliseconds.append(1e3 * (time.process_time() - started))
            count[made.status] = count.get(made.status, 0) + 1
            if made.status != "solved":
                if possible is None:
                    possible = can_hold(Raw.of(problem, allowed[:, BUY], gamma))
                if possible or made.status != "infeasible":
                    wrong.append({**case, "status": made.status, "has_an_answer": possible})
                continue
            iterations.append(made.iterations)
            worst["residual"] = max(worst["residual"], made.residual)
            worst["relative_gap"] = max(worst["relative_gap"], abs(made.relative_gap))
            if made.residual > SMALL or abs(made.relative_gap) > SMALL:
                wrong.append({**case, "residual": made.residual, "relative_gap": made.relative_gap})
            if asked.clarabel and len(iterations) % asked.clarabel == 0:
                raw = Raw.of(problem, allowed[:, BUY], gamma)
                theirs = raw.clarabel(raw.for_clarabel())
                differs = abs(theirs - made.objective) / max(abs(made.objective), 1e-12)
                worst["objective_differs_by"] = max(worst["objective_differs_by"], differs)
    return {
        "n": asked.n,
        "cases": len(milliseconds),
        "ended": count,
        "worst": worst,
        "wrong": wrong,
        "iterations_median_and_most": [float(np.median(iterations)), int(max(iterations))],
        "milliseconds_median_and_most": [
            round(float(np.median(milliseconds)), 2),
            round(max(milliseconds), 1),
        ],
        "target": "residual and relative gap at most 1e-8 in every case that has an answer",
        "held": not wrong,
    }


def _numbers(text: str) -> Sequence[float]:
    return [float(part) for part in text.split(",")]


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress", description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="names")
    parser.add_argument("--seeds", type=_numbers, default=[0.0, 1.0])
    parser.add_argument("--variants", type=lambda text: text.split(","), default=["tax", "cost"])
    parser.add_argument("--gammas", type=_numbers, default=[0.05, 0.2, 0.5, 2.0, 5.0, 20.0, 50.0, 500.0])
    parser.add_argument("--turnovers", type=_numbers, default=[0.15, 0.3, 0.5, 0.8])
    parser.add_argument("--bands", type=_numbers, default=[0.002, 0.01, 0.02])
    parser.add_argument("--clarabel", type=int, default=0, help="compare every N-th objective; 0: none")
    return parser.parse_args(argv)
