"""Calibration of risk models: realised over forecast active risk, out of sample, on given prices.

``python -m tests.benchmarks calibration --prices FILE [--caps FILE] [--sectors FILE]
[--models default,structured,pca] [--window 504] [--hold 126] [--step 126] [--json OUT]``

FILE of prices: Parquet or CSV, dates down, securities across. Caps: a table with a security column
and a column of capitalisations or index weights as of the last date; they are carried back with the
prices. Sectors: a table with a security column and a sector column. Without caps the index is a
seeded power law. On every date the model is fitted to the window before it, five portfolios are
built with it, and their active risk over the days after it is measured:

random     the index with every weight disturbed, nothing optimised
excluded   a fifth of the names left out at random, the rest optimised
losers     every name that is below a random purchase date's price by 5 % left out, the rest optimised
tax        the value of selling losers traded off against risk, as a harvesting plan does
few        the fifty best names
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlplugin.engines.replication.optimal import WeightProblem
from xlplugin.engines.replication.quadratic import Programme, solve
from xlplugin.engines.replication.subset import best_subset
from xlplugin.risk import covariance as estimators
from xlplugin.risk.calibration import calibrate, realised_risk
from xlplugin.risk.models import default_model, structured_model

RATE, GAMMA, JUMP = 0.238, 160.0, 0.45
KINDS = ("random", "excluded", "losers", "tax", "few")


def _default(returns, caps, sectors):
    return default_model(returns, caps, sectors).covariance()


def _structured(returns, caps, sectors):
    return structured_model(returns, caps, sectors).covariance()


def _components(returns, caps, sectors):
    return estimators.statistical_model(returns, 15).covariance()


def _shrunk(returns, caps, sectors):
    return estimators.covariance(returns, "LW")


MODELS = {"default": _default, "structured": _structured, "pca": _components, "lw": _shrunk}


def main(argv: list[str]) -> dict[str, Any]:
    """Run, print and return what was measured."""
    asked = _arguments(argv)
    prices, caps, sectors = _data(asked)
    names = [name.strip() for name in asked.models.split(",")]
    found: dict[str, dict[str, list[tuple[float, float]]]] = {m: {k: [] for k in KINDS} for m in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    dates = []
    for start in range(asked.window, len(prices) - asked.hold, asked.step):
        past, future, kept = _windows(prices.to_numpy(), start, asked.window, asked.hold)
        cap = caps[kept] * prices.to_numpy()[start, kept]
        index, own = cap / cap.sum(), [sectors[k] for k in kept] if sectors else None
        dates.append(str(prices.index[start])[:10])
        for name in names:
            began = time.perf_counter()
            risk = MODELS[name](past, cap, own)
            seconds[name].append(time.perf_counter() - began)
            for kind, weights in _portfolios(risk, index, past, start + asked.seed).items():
                active = weights - index
                forecast = float(np.sqrt(active @ risk @ active))
                found[name][kind].append((realised_risk(weights, index, future), forecast))
    report: dict[str, Any] = {
        "benchmark": "calibration",
        "prices": Path(asked.prices).name,
        "names": prices.shape[1],
        "window": asked.window,
        "hold": asked.hold,
        "dates": dates,
        "seconds_to_fit": {name: round(float(np.median(seconds[name])), 3) for name in names},
        "models": {},
    }
    print(f"{Path(asked.prices).name}: {len(dates)} dates, {dates[0]} to {dates[-1]}; realised / forecast")
    for name in names:
        rows = {}
        for kind in KINDS:
            realised, forecast = zip(*found[name][kind], strict=True)
            done = calibrate(realised, forecast)
            rows[kind] = {
                "median": round(done.median, 3),
                "quartiles": [round(done.lower_quartile, 3), round(done.upper_quartile, 3)],
                "forecast": round(float(np.median(forecast)), 5),
                "within_target": done.is_within_target,
            }
        report["models"][name] = rows
        print(f"{name:12}" + "  ".join(f"{kind} {row['median']:.2f}" for kind, row in rows.items()))
    return report


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="calibration", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--prices", required=True, help="Parquet or CSV, dates down, securities across")
    parser.add_argument("--caps", help="table of capitalisations or index weights")
    parser.add_argument("--sectors", help="table of sectors")
    parser.add_argument("--models", default="default,structured,pca", help=f"out of {', '.join(MODELS)}")
    parser.add_argument("--window", type=int, default=504)
    parser.add_argument("--hold", type=int, default=126)
    parser.add_argument("--step", type=int, default=126)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


# -- data ----------------------------------------------------------------------------------------


def _data(asked: argparse.Namespace) -> tuple[pd.DataFrame, np.ndarray, list[str] | None]:
    """Prices, shares (caps over the last price) and sectors of the same securities."""
    prices = _table(asked.prices)
    if not isinstance(prices.index, pd.DatetimeIndex):
        prices = prices.set_index(prices.columns[0])
        prices.index = pd.to_datetime(prices.index)
    prices = prices.sort_index()
    prices = prices[prices.isna().mean(axis=1) < 0.9].ffill(limit=5)  # days on which nothing traded
    prices = prices[prices.columns[prices.iloc[-1].notna()]]
    prices.columns = [_code(c) for c in prices.columns]
    if asked.caps:
        caps = _mapped(asked.caps, number=True)
        prices = prices[[c for c in prices.columns if caps.get(c, 0.0) > 0.0]]
        shares = np.array([caps[c] for c in prices.columns]) / prices.iloc[-1].to_numpy()
    else:
        rank = np.random.default_rng(asked.seed).permutation(prices.shape[1]) + 1.0
        shares = rank**-1.1 / prices.iloc[-1].to_numpy()
    if not asked.sectors:
        return prices, shares, None
    sectors = _mapped(asked.sectors, number=False)
    return prices, shares, [str(sectors.get(c, "unknown")) for c in prices.columns]


def _table(path: str) -> pd.DataFrame:
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return pd.read_csv(path, encoding=encoding, dtype=str if "weight" in path else None)
        except UnicodeDecodeError:
            continue
    raise SystemExit(f"{path}: neither UTF-8 nor cp932")


def _mapped(path: str, *, number: bool) -> dict[str, Any]:
    """Security -> value: the first column that looks like a key, the first that looks like a value."""
    table = _table(path)
    if table.index.name:
        table = table.reset_index()
    keys = ("ticker", "symbol", "code", "コード", "銘柄コード")
    values = ("marketcap", "cap", "weight", "topixに占める個別銘柄のウエイト") if number else (
        "gics sector", "sector", "業種",
    )  # fmt: skip
    low = {str(c).strip().casefold(): c for c in table.columns}
    key = next(low[k] for k in keys if k in low)
    value = next(low[v] for v in values if v in low)
    table = table[table[key].notna()]
    texts = table[value]
    if number:
        texts = pd.to_numeric(texts.astype(str).str.rstrip("%"), errors="coerce").fillna(0.0)
    return dict(zip([_code(k) for k in table[key]], texts, strict=True))


def _code(value: object) -> str:
    return str(value).strip().replace(".", "-")


def _windows(
    prices: np.ndarray, start: int, window: int, hold: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns before and after `start` of the securities that have all of them, without jumps."""
    span = prices[start - window : start + hold + 1]
    with np.errstate(invalid="ignore", divide="ignore"):  # before a listing there is no price
        returns = span[1:] / span[:-1] - 1.0
    kept = np.flatnonzero(~np.isnan(span).any(axis=0) & (np.abs(np.nan_to_num(returns)) < JUMP).all(axis=0))
    return returns[:window, kept], returns[window:, kept], kept


# -- portfolios ----------------------------------------------------------------------------------


def _portfolios(risk: np.ndarray, index: np.ndarray, past: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    n, rng = index.size, np.random.default_rng(seed)
    disturbed = index * np.exp(0.3 * rng.standard_normal(n))
    excluded = rng.random(n) < 0.2
    age = rng.integers(20, 252, n)
    worth = np.array([np.prod(1.0 + past[-days:, k]) for k, days in enumerate(age)])  # of one paid
    free, none = np.full(n, np.inf), np.zeros(n)
    few = WeightProblem(index, risk, 1.0, none, free)
    return {
        "random": disturbed / disturbed.sum(),
        "excluded": _least(risk, index, np.where(excluded, 0.0, np.inf)),
        "losers": _least(risk, index, np.where(worth < 0.95, 0.0, np.inf)),
        "tax": _least(risk, index, free, RATE * np.maximum(1.0 / worth - 1.0, 0.0) / GAMMA),
        "few": best_subset(few, min(50, n), np.zeros(n, dtype=bool)),
    }


def _least(
    risk: np.ndarray, index: np.ndarray, upper: np.ndarray, price: np.ndarray | None = None
) -> np.ndarray:
    """Least half active variance plus what holding costs."""
    n = index.size
    linear = -risk @ index + (0.0 if price is None else price)
    rows = (np.zeros((0, n)), np.zeros(0), np.zeros(n), upper)
    return solve(Programme(risk, linear, np.ones((1, n)), np.ones(1), *rows)).w
