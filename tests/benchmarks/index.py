"""How fast an index is replayed and how fast its worksheet functions answer.

Two questions of the specification: a daily backtest of 2,000 names over ten years with a quarterly
review in less than 2 s, and every function of a cell on 2,000 names in less than 20 ms through
`calling.call` (no memory of earlier answers). Synthetic data from a seed. Times are CPU time of the
process, the least of the rounds, because a shared machine stretches wall time; run it with one BLAS
thread (``OPENBLAS_NUM_THREADS=1``), else waiting threads count.

Run: ``python -m tests.benchmarks.index [--names 2000] [--years 10] [--rounds 5]``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.index.backtest import History, backtest
from xlplugin.index.recipe import Calendar, Recipe, Step
from xlplugin.index.screening import Rule
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIMIT_BACKTEST_SECONDS = 2.0
LIMIT_FUNCTION_MILLISECONDS = 20.0
COVARIANCE_NAMES = 200  # OPTIMIZED takes a covariance, at most 800 x 800; reported beside the others


def history(names: int, years: int, seed: int = 1) -> tuple[History, Recipe]:
    """A market with drifting shares, and the rules of a buffered, screened, capped index."""
    rng = np.random.default_rng(seed)
    days, day = [], dt.date(2015, 1, 1)
    while len(days) < years * 252:
        if day.weekday() < 5:
            days.append(day)
        day += dt.timedelta(1)
    rows = len(days)
    prices = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, (rows, names)), axis=0))
    prices[: rows // 2, : names // 20] = np.nan  # listed later
    prices[rows // 2 :, names // 20 : names // 10] = np.nan  # delisted
    shares = rng.pareto(1.1, names) * 1e7 + 1e5
    market = History(
        tuple(days),
        tuple(f"X{i}" for i in range(names)),
        prices,
        {
            "shares": shares,
            "free_float": rng.uniform(0.2, 1.0, names),
            "turnover": rng.uniform(0.1, 2.0, names),
        },
        {"sector": tuple(f"S{i % 11}" for i in range(names))},
        dividends=np.where(rng.uniform(size=(rows, names)) < 0.004, 0.5, 0.0),
    )
    recipe = Recipe(
        "FLOAT",
        (Rule("turnover", ">=", 0.2, 0.14, "LIQUIDITY"),),
        Step("COVERAGE", {"metric": "float_cap", "target": 0.96, "keep": 0.97}),
        Step("SINGLE", {"cap": 0.05}),
        1,
        Calendar((3, 6, 9, 12), "third_friday", "close", "second_friday", 0),
    )
    return market, recipe


def calls(names: int, seed: int = 2) -> dict[str, tuple[Any, ...]]:
    """One call per function, with blocks of cells as a host hands them over."""
    rng = np.random.default_rng(seed)

    def column(low: float, high: float, n: int = names) -> list[list[float]]:
        return [[v] for v in rng.uniform(low, high, n).tolist()]

    def matrix(rows: int, columns: int, low: float, high: float) -> list[list[float]]:
        return rng.uniform(low, high, (rows, columns)).tolist()

    price, shares = column(5, 500), column(1e5, 1e9)
    size = [[v] for v in (rng.pareto(1.1, names) + 0.02).tolist()]
    weights = [[w / sum(x[0] for x in size)] for (w,) in size]
    flags = [[float(i % 2)] for i in range(names)]
    sector = [[f"S{i % 33}"] for i in range(names)]
    company = [[f"C{i - (i % 50 == 1)}"] for i in range(names)]
    codes = [[float(1000 + i)] for i in range(names)]
    covariance = np.diag(rng.uniform(0.02, 0.1, COVARIANCE_NAMES)) + 0.02
    screen = [["code", "size", "roe", "sector"]] + [
        [codes[i][0], size[i][0], float(rng.normal(0.1, 0.1)), sector[i][0]] for i in range(names)
    ]
    rules = [
        ["field", "operator", "entry", "keep", "code"],
        ["size", ">=", 0.1, 0.05, "SIZE"],
        ["roe", ">", 0.0, None, "ROE"],
        ["sector", "NOT_IN", "S1|S2", None, "SECTOR"],
    ]
    now = [["code", "name", "sector", "adv", "current_weight"]] + [
        [codes[i][0], f"Name {i}", sector[i][0], 1e8, weights[i][0]] for i in range(names)
    ]
    new = [["code", "weight"], *([codes[i][0], weights[-i][0]] for i in range(names))]
    half = price[: names // 2], shares[: names // 2]
    return {
        "INDEX_WEIGHTS": ("EQUAL", price, shares, column(0, 1), None, None, company),
        "INDEX_LEVEL": (price, shares, 1e6),
        "INDEX_DIVISOR": (1e6, price, shares),
        "INDEX_EVENT": ("RIGHTS", 500, 1e9, 0.8, [[1, 4, 300]]),
        "INDEX_SERIES": (matrix(13, names, 5, 500), [[v[0] for v in shares]], 1000),
        "INDEX_TOTAL_RETURN": (price, column(0, 1)),
        "INDEX_DIVIDEND_POINTS": (column(0, 5), shares, 1e6),
        "INDEX_CONTRIBUTION": (price, column(5, 500), shares, 1e6),
        "INDEX_AWF": (price, shares, column(0.1, 1), weights),
        "INDEX_PAF": (price, 1e6),
        "INDEX_PAF_CAP": (0.12, 0.9),
        "INDEX_FREE_FLOAT": (column(0, 1e5), shares, "MSCI"),
        "INDEX_TRANSITION": ([[float(i % 9)] for i in range(names)], 8),
        "INDEX_TERP": (500, 1, 4, 300),
        "INDEX_ADJUST": (price, column(0.5, 1)),
        "INDEX_HEDGED": (price, column(100, 150), column(100, 150)),
        "INDEX_CHANGES": (now, new, [["amount", 1e12]]),
        "INDEX_PROFILE": (new, now),
        "SELECT_RULES": (screen, rules, flags),
        "SELECT_RANK": (size, names // 2, flags, names // 2 - 50, names // 2 + 50),
        "SELECT_COVERAGE": (size, 0.96, flags, 0.97),
        "SELECT_BANDS": (size, [[0.7], [0.85], [0.98]], [[1.0 + i % 4] for i in range(names)], 0.02, 0.02),
        "SELECT_PACKET": (flags, column(0, 1)),
        "SELECT_SCORE": (matrix(names, 4, 0, 1), [[1.0]] * 4),
        "SELECT_RANK_POINTS": (matrix(names, 3, 0, 1), [[0.4], [0.4], [0.2]]),
        "SELECT_TURNOVER": (weights, weights[::-1]),
        "LIQUIDITY_TURNOVER": (half[0], half[1], 1e9),
        "LIQUIDITY_RATIO": (half[0], 1e9, "ATVR", half[1]),
        "LIQUIDITY_DAYS": (price, shares),
        "CAP_WEIGHTS": (weights, 0.01, company),
        "CAP_TIERS": (weights, 0.1, 0.05, 0.4, company),
        "CAP_GROUPS": (weights, sector, 0.04, 0.02),
        "CAP_FACTORS": (weights, weights[::-1]),
        "CAP_CHECK": (weights, 0.1, 0.05, 0.4, company),
        "TILT_EXCLUDE": (weights, flags, "SECTOR", sector),
        "TILT_EXCLUDE, 200 names OPTIMIZED": (
            weights[:COVARIANCE_NAMES],
            [[float(i < 10)] for i in range(COVARIANCE_NAMES)],
            "OPTIMIZED",
            None,
            covariance.tolist(),
        ),
        "TILT_ZSCORE": (column(0, 1), 3, sector),
        "TILT_MULTIPLIER": (column(-3, 3),),
        "TILT_WEIGHTS": (weights, column(0.5, 2), 1, sector, 0.05),
        "TILT_MOMENTUM": (matrix(14, names, 50, 150),),
        "TILT_QUALITY": (column(0, 1), column(0, 1), column(0, 1), sector),
        "TILT_VALUE": (matrix(names, 3, -1, 20), None, sector),
        "TILT_CARBON": (weights, column(0, 500)),
        "TILT_EXPOSURE": (weights, matrix(names, 10, -1, 1), weights[::-1]),
    }


def best(run: Callable[[], object], rounds: int) -> float:
    """The shortest of several runs, in seconds of CPU time."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure and give back seconds, milliseconds and which limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=2000)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(argv)
    market, recipe = history(given.names, given.years)
    result = backtest(market, recipe)
    seconds = best(lambda: backtest(market, recipe), max(given.rounds // 2, 1))
    registry = load()
    timed = {
        name: 1000.0 * best(lambda n=name, a=arguments: call(registry[n.split(",")[0]], *a), given.rounds)
        for name, arguments in calls(given.names).items()
    }
    slow = {name: ms for name, ms in timed.items() if ms >= LIMIT_FUNCTION_MILLISECONDS}
    return {
        "names": given.names,
        "days": len(market.days),
        "reviews": len(result.reviews),
        "backtest_seconds": seconds,
        "backtest_within_limit": seconds < LIMIT_BACKTEST_SECONDS,
        "milliseconds": dict(sorted(timed.items(), key=lambda item: -item[1])),
        "slowest": max(timed, key=lambda name: timed[name]),
        "functions_over_limit": slow,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=2))
