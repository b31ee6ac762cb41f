"""Move an existing tracking portfolio under a cost limit: the published problems of the OR-Library.

``python -m tests.benchmarks transition FILE [--k 10] [--published CSV] [--json OUT]``. FILE has the layout of
OR-Library's index-tracking files: ``N T``, the index for t = 0..T, then every stock. Decision in the
middle (T // 2); the start is the first K stocks, equal money at t = 0. One row per cost limit.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from xlplugin.engines.rebalancing.revision import log_error, revise


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    path = Path(asked.file)
    numbers = np.array(path.read_text(encoding="utf-8").split(), dtype=float)
    n, last = int(numbers[0]), int(numbers[1])
    series = numbers[2:].reshape(n + 1, last + 1)
    index, prices = series[0], series[1:].T
    decision = last // 2
    units = np.zeros(n)
    units[: asked.k] = asked.amount / asked.k / prices[0, : asked.k]
    published = _published(path, Path(asked.published) if asked.published else None)
    rows = []
    for limit in map(float, asked.limits.split(",")):
        started = time.perf_counter()
        made = revise(
            prices[: decision + 1],
            index[: decision + 1],
            units,
            asked.k,
            limit,
            cost_rate=asked.cost,
            smallest=asked.smallest,
        )
        seconds = time.perf_counter() - started
        worth = prices[decision] @ units
        inside = published.get(limit)
        rows.append({
            "limit": limit,
            "in_sample": made.error,
            "out_of_sample": log_error(prices, index, made.units, decision, last),
            "published_in_sample": inside,
            "below_published": bool(made.error < inside) if inside is not None and limit > 0.0 else None,
            "reproduces_published": (
                bool(abs(made.error / inside - 1.0) < 5e-4) if inside is not None and limit == 0.0 else None
            ),
            "names": int((made.units > 0.0).sum()),
            "smallest_weight": float(
                (prices[decision] * made.units)[made.units > 0.0].min() / worth
            ),
            "cost_share": made.cost / worth,
            "money_left_over": float(worth - made.cost - prices[decision] @ made.units),
            "rounds": made.rounds,
            "seconds": round(seconds, 3),
        })  # fmt: skip
    measured: dict[str, Any] = {
        "benchmark": "transition",
        "file": path.name,
        "names": n,
        "periods": last,
        "decision": decision,
        "k": asked.k,
        "rows": rows,
        "slowest_seconds": max(row["seconds"] for row in rows),
    }
    text = json.dumps(measured, indent=1)
    print(text)
    if asked.json:
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return measured


def _published(path: Path, table: Path | None) -> dict[float, float]:
    """Published in-sample errors by cost limit, for a file called indtrackN.txt."""
    table = table or path.parent / "published_bmc2003_1_3.csv"
    number = "".join(c for c in path.stem if c.isdigit())
    if not table.is_file() or not number:
        return {}
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        float(row["gamma"]): float(row["in_sample_E"])
        for row in rows
        if row["table"] == "2" and row["instance"] == number
    }


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="transition", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--k", type=int, default=10, help="names held, exactly")
    parser.add_argument("--limits", default="0,0.0025,0.005,0.0075,0.01", help="cost limits, shares")
    parser.add_argument("--cost", type=float, default=0.01, help="cost per unit traded")
    parser.add_argument("--smallest", type=float, default=0.01, help="smallest weight")
    parser.add_argument("--amount", type=float, default=1e6)
    parser.add_argument("--published", help="table of published errors")
    parser.add_argument("--json", help="where to write the figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
