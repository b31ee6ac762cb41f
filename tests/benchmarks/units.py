"""Index in whole trading units: tracking risk and proved bound by account size.

``python -m tests.benchmarks units --weights FILE --prices FILE --amounts 5e6 1e7 --unit 100 [--json OUT]``.
Weights: a month-end file of TOPIX weights as published (cp932), or a table with the columns code and
weight. Prices: wide daily closes as Parquet or CSV. Risk: 15 principal components of 504 daily returns.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.engines.rebalancing.branching import Effort
from xlplugin.engines.rebalancing.sizes import Size, account_sizes

if TYPE_CHECKING:
    import pandas as pd

    from xlplugin.aliases import FloatArray

WINDOW, COMPONENTS, DAYS = 504, 15, 252


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    weights, prices = _weights(Path(asked.weights)), _prices(Path(asked.prices))
    known = [code for code in weights.index if code in prices.columns]
    # Days on which none of the shares traded belong to other markets in the same table.
    window = prices[prices[known].notna().any(axis=1)].iloc[-(WINDOW + 1) :]
    codes = [code for code in known if window[code].notna().all()]
    covered = float(weights[codes].sum() / weights.sum())
    target = (weights[codes] / weights[codes].sum()).to_numpy()
    returns = window[codes].to_numpy()
    exposures, specific = principal_components(returns[1:] / returns[:-1] - 1.0)
    unit_price = asked.unit * returns[-1]
    amounts = [float(amount) for part in asked.amounts for amount in part.split(",")]
    effort = Effort(gap=asked.gap, nodes=asked.nodes)

    def best(wanted: list[float]) -> list[Size]:
        return account_sizes(target, exposures, specific, unit_price, wanted, effort=effort)

    taken = []
    for _ in range(max(1, asked.repeat)):
        started = time.perf_counter()
        sizes = best(amounts)
        taken.append(time.perf_counter() - started)
    rows = []
    for size in sizes:
        started = time.perf_counter()
        alone = best([size.amount])[0]
        seconds = time.perf_counter() - started
        rows.append({
            "amount": size.amount,
            "tracking_risk": round(size.tracking_risk, 8),
            "bound": round(size.bound, 8),
            "above_bound_points": round(100.0 * (size.tracking_risk - size.bound), 5),
            "names": size.names,
            "cash": round(size.cash, 6),
            "tracking_risk_alone": round(alone.tracking_risk, 8),
            "seconds_alone": round(seconds, 4),
        })  # fmt: skip
    pairs = pairwise(row["tracking_risk"] for row in rows)
    measured: dict[str, Any] = {
        "benchmark": "units",
        "names": len(codes),
        "covered": round(covered, 6),
        "unit": asked.unit,
        "rows": rows,
        "never_worse": all(smaller >= larger for smaller, larger in pairs),
        "worst_above_bound_points": max(row["above_bound_points"] for row in rows),
        "seconds_all_amounts": round(min(taken), 4),
    }
    text = json.dumps(measured, indent=1)
    print(text)
    if asked.json:
        Path(asked.json).write_text(text + "\n", encoding="utf-8")
    return measured


def principal_components(returns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Exposures and specific variances per year from daily returns, time down."""
    centred = returns - returns.mean(axis=0)
    days = len(centred)
    left, size, right = np.linalg.svd(centred, full_matrices=False)
    k = COMPONENTS
    exposures = right[:k].T * size[:k] / np.sqrt(days - 1)
    rest = centred - (left[:, :k] * size[:k]) @ right[:k]
    specific = rest.var(axis=0) * days / (days - k - 1)
    return exposures * np.sqrt(DAYS), specific * DAYS


def _weights(path: Path) -> pd.Series[float]:
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8")
    except UnicodeDecodeError:
        table = pd.read_csv(path, dtype=str, encoding="cp932")
    code = "code" if "code" in table.columns else "コード"
    weight = next(c for c in table.columns if c == "weight" or "ウエイト" in c)
    table = table[table[code].notna() & table[weight].notna()]
    numbers = table[weight].str.rstrip("%").astype(float).to_numpy()
    return pd.Series(numbers, index=table[code].str.strip().to_numpy())


def _prices(path: Path) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, index_col=0)
    table.columns = [str(column) for column in table.columns]
    return table


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="units", description=__doc__)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--prices", required=True)
    sizes = ["5e6", "1e7", "3e7", "1e8", "3e8"]
    parser.add_argument("--amounts", nargs="+", default=sizes, help="money, by spaces or commas")
    parser.add_argument("--unit", type=float, default=100.0, help="shares of one trading unit")
    parser.add_argument("--gap", type=float, default=2e-3, help="stop at this proved gap of the variance")
    parser.add_argument("--nodes", type=int, default=12, help="most nodes of the search")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json", help="where to write the figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
