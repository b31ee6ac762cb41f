"""Lot scan: candidates, tax value and wash window over every lot, against plain pandas.

``python -m tests.benchmarks lots --accounts 1000 --names 500 --lots 10 --json OUT``. Both sides run in
one process, in turn, with process time; the answers are compared before any time is kept. A memory
pass is the time to read the lots once with numpy: every column of the table of lots (`pass`), or only
the columns the scan needs (`pass_of_columns_read`). Preparation of both sides is outside the clock.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xlplugin.tax.holding_period import long_from
from xlplugin.tax.lot_arrays import LotArrays
from xlplugin.tax.screen import Screened, scan
from xlplugin.tax.wash_sales import window

if TYPE_CHECKING:
    from collections.abc import Callable

    from xlplugin.aliases import FloatArray

__all__ = ["made_up_lots", "main"]

TODAY = dt.date(2026, 11, 24)
SHORT, LONG = 0.408, 0.238
YEARS_BACK = 1826


class Case(NamedTuple):
    lots: LotArrays
    prices: FloatArray
    acquired: np.ndarray[Any, np.dtype[np.int32]]


def made_up_lots(accounts: int, names: int, lots: int, seed: int = 7) -> Case:
    """A book of clients on one index: lots bought evenly over five years along random price paths."""
    rng = np.random.default_rng(seed)
    positions, today = accounts * names, TODAY.toordinal()
    n = positions * lots
    security = np.tile(np.arange(names, dtype=np.int32), accounts)
    prices = np.round(50.0 * np.exp(rng.normal(0.25, 0.6, names)), 2)
    age = np.sort(rng.integers(1, YEARS_BACK, (positions, lots)), axis=1)[:, ::-1].ravel()
    walk = np.exp(-0.05 * age / 365.0 + 0.3 * np.sqrt(age / 365.0) * rng.normal(size=n))
    quantity = rng.integers(1, 500, n) * 1_000_000
    cost = np.round(np.repeat(prices[security], lots) * walk * quantity / 10_000).astype(np.int64)
    acquired = (today - age).astype(np.int32)
    first = today - YEARS_BACK
    turn = np.array([long_from(dt.date.fromordinal(first + d)).toordinal() for d in range(YEARS_BACK + 1)])
    latest = acquired.reshape(positions, lots)[:, -1].copy()
    return Case(
        LotArrays(
            np.repeat(np.arange(accounts, dtype=np.int32), names),
            security,
            np.arange(positions, dtype=np.int32),
            np.ones(positions, dtype=np.bool_),
            latest,
            np.arange(0, n + 1, lots),
            quantity,
            cost,
            cost / 100.0 / (quantity / 1e6),
            quantity / 1e6,
            turn[acquired - first].astype(np.int32),
            acquired,
            np.arange(n, dtype=np.int32),
        ),
        prices,
        acquired,
    )


def in_pandas(case: Case) -> Callable[[], Any]:
    """The same scan as people write it, on columns of the right types, vectorised throughout."""
    import pandas as pd

    lots = case.lots
    counts = np.diff(lots.start)
    frame = pd.DataFrame(
        {
            "account": np.repeat(lots.account, counts),
            "security": np.repeat(lots.security, counts),
            "kin": np.repeat(lots.kin, counts),
            "basis": lots.basis,
            "shares": lots.shares,
            "bought": lots.bought,
            "long_from": lots.long_from,
        }
    )
    prices = pd.Series(case.prices)
    today, first = TODAY.toordinal(), window(TODAY)[0].toordinal()

    def run() -> Any:
        price = frame["security"].map(prices)
        per_share = (frame["basis"] - price).clip(lower=0.0)
        fresh = frame["shares"].where((frame["bought"] >= first) & (frame["bought"] <= today), 0.0)
        held = fresh.groupby(frame["kin"], sort=False).transform("sum")
        gross = per_share * frame["shares"]
        lost = per_share * np.minimum(frame["shares"], held - fresh)
        recognised = gross - lost
        rate = np.where(frame["long_from"] <= today, LONG, SHORT)
        table = pd.DataFrame({"gross": gross, "recognised": recognised, "tax_value": recognised * rate})
        return table.groupby([frame["account"], frame["security"]], sort=False).sum()

    return run


def _read_once(*columns: np.ndarray[Any, Any]) -> None:
    for column in columns:
        column.max() if column.dtype == np.int32 else column.sum()


def _timed(call: Callable[[], Any]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def _agree(ours: Screened, table: Any) -> None:
    for name in ("gross", "recognised", "tax_value"):
        np.testing.assert_allclose(getattr(ours, name), table[name].to_numpy(), rtol=1e-9, atol=1e-6)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Run the benchmark and give its figures back; also written to ``--json``."""
    parser = argparse.ArgumentParser(prog="lots", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--names", type=int, default=500)
    parser.add_argument("--lots", type=int, default=10, help="lots per position")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    case = made_up_lots(given.accounts, given.names, given.lots)
    lots = case.lots
    read = (lots.basis, lots.shares, lots.long_from, lots.bought)
    every = (*read, lots.quantity, lots.cost, lots.order)

    def ours() -> Screened:
        return scan(lots, case.prices, TODAY, short_rate=SHORT, long_rate=LONG)

    theirs = in_pandas(case)
    found = ours()  # also sorts by age once, as loading the lots does
    _agree(found, theirs())
    rows = []
    for number in range(given.rounds):
        sides: list[Callable[[], Any]] = [ours, theirs]
        times = {side: _timed(side) for side in (sides if number % 2 == 0 else reversed(sides))}
        rows.append(
            {
                "ours": times[ours],
                "pandas": times[theirs],
                "pass": min(_timed(lambda: _read_once(*every)) for _ in range(3)),
                "pass_of_columns_read": min(_timed(lambda: _read_once(*read)) for _ in range(3)),
            }
        )
    result = {
        "what": "lot scan",
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "accounts": given.accounts,
        "names": given.names,
        "lots_per_position": given.lots,
        "lots": len(lots.basis),
        "bytes_per_lot": sum(column.itemsize for column in every),
        "positions_with_a_loss": float((found.gross > 0).mean()),
        "positions_near_a_purchase": float(found.washed.mean()),
        "same_answer": True,
        "pandas_over_ours": _spread([row["pandas"] / row["ours"] for row in rows]),
        "memory_passes": _spread([row["ours"] / row["pass"] for row in rows]),
        "memory_passes_of_columns_read": _spread([row["ours"] / row["pass_of_columns_read"] for row in rows]),
        "seconds": statistics.median(row["ours"] for row in rows),
        "rounds": rows,
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _spread(ratios: list[float]) -> dict[str, float]:
    """Median and 10th and 90th percentile of per-round ratios."""
    low, high = np.percentile(ratios, [10, 90])
    return {"median": statistics.median(ratios), "p10": float(low), "p90": float(high)}


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
