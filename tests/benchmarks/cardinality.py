"""At most K names: tracking risk above the best known, proved gap, seconds.

``python -m tests.benchmarks cardinality --n 500 --k 50 --seed 0 [--json OUT]``. The market is synthetic
(`synthetic.market`). Measured after `--budgets` seconds of restarts; the best known value is the best
of a long run in the same call, so it can only be too low for us, never too high.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks import synthetic
from xlplugin.engines.replication.cardinality import Fewest, fewest_names, proved_bound

if TYPE_CHECKING:
    from collections.abc import Callable


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    market = synthetic.market(asked.n, asked.seed)

    def within(seconds: float, seed: int) -> tuple[Fewest, float]:
        started = time.perf_counter()
        made = fewest_names(
            market.exposures,
            market.specific,
            market.weight,
            asked.k,
            restarts=10**9,
            seed=seed,
            stop=_after(seconds),
            bound=False,
        )
        return made, time.perf_counter() - started

    fewest_names(market.exposures, market.specific, market.weight, asked.k, restarts=0, bound=False)
    runs = {budget: within(budget, asked.seed) for budget in map(float, asked.budgets.split(","))}
    start, start_seconds = within(0.0, asked.seed)
    longest, _ = within(asked.long, asked.seed + 1)
    started = time.perf_counter()
    bound = proved_bound(market.exposures, market.specific, market.weight, asked.k)
    bound_seconds = time.perf_counter() - started
    best = min(
        [longest.tracking_risk, start.tracking_risk, *(made.tracking_risk for made, _ in runs.values())]
    )
    measured: dict[str, Any] = {
        "benchmark": "cardinality",
        "n": asked.n,
        "k": asked.k,
        "seed": asked.seed,
        "best_known": best,
        "bound": bound,
        "proved_gap_of_best": best / bound - 1.0,
        "bound_seconds": round(bound_seconds, 4),
        "without_restarts": {
            "tracking_risk": start.tracking_risk,
            "above_best": start.tracking_risk / best - 1.0,
            "seconds": round(start_seconds, 4),
        },
        "budgets": [
            {
                "budget": budget,
                "tracking_risk": made.tracking_risk,
                "above_best": made.tracking_risk / best - 1.0,
                "proved_gap": made.tracking_risk / bound - 1.0,
                "names": int((made.weights > 0.0).sum()),
                "restarts": made.restarts,
                "seconds": round(seconds, 4),
            }
            for budget, (made, seconds) in runs.items()
        ],
    }
    text = json.dumps(measured, indent=1)
    print(text)
    if asked.json:
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return measured


def _after(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cardinality", description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="names in the index")
    parser.add_argument("--k", type=int, default=50, help="most names held")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budgets", default="0.25,1.0", help="seconds, separated by commas")
    parser.add_argument("--long", type=float, default=5.0, help="seconds of the run for the best known value")
    parser.add_argument("--json", help="where to write the figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
