"""One rebalance by cvxportfolio: ``python run.py PROBLEM.npz ROUNDS`` prints one line of JSON.

The best case for the library: factor form, a policy made before the clock starts, the fastest of the
solvers that can do it. `first` is a call of `execute`, which compiles and solves; `again` is the solve of a
compiled policy with new parameters. CPU seconds of this process, medians. Runs in an environment of its
own (requirements.txt beside this file) with one BLAS thread, as its caller sets it; knows nothing of ours
and returns the weights for us to judge.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import cvxportfolio as cvx
import cvxpy as cp
import numpy as np
import pandas as pd

SOLVERS = ("PIQP", "CLARABEL", "OSQP")
TIME = pd.Timestamp("2026-11-20")


def main(path: str, rounds: int) -> dict[str, object]:
    """Measure every solver; the caller takes the fastest whose weights are good enough."""
    given = np.load(path)
    names = [f"n{place}" for place in range(len(given["target"]))]
    index = pd.Index([*names, "cash"])
    held = pd.Series(np.append(given["held"], 1.0 - given["held"].sum()), index)
    benchmark = pd.Series(np.append(given["target"], 0.0), index)
    risk = cvx.FactorModelCovariance(
        F=pd.DataFrame(given["exposures"].T, columns=names), d=pd.Series(given["specific"], names)
    )
    cost = cvx.TransactionCost(a=pd.Series(given["cost"], names), b=None)
    sectors = pd.DataFrame(given["loading"].T, index=names)
    limits = [
        cvx.LongOnly(),
        cvx.NoCash(),
        cvx.TurnoverLimit(float(given["turnover"]) / 2.0),  # the library counts half of what is traded
        cvx.FactorMaxLimit(sectors, pd.Series(given["high"])),
        cvx.FactorMinLimit(sectors, pd.Series(given["low"])),
    ]
    measured = {}
    for solver in SOLVERS:
        policy = cvx.SinglePeriodOptimization(
            -float(given["gamma"]) * risk - cost,
            limits,
            include_cash_return=False,
            benchmark=benchmark,
            solver=solver,
            fallback_solver=None,
        )
        try:
            measured[solver] = _timed(policy, held, rounds)
        except cp.error.SolverError as error:  # that one cannot do it: a finding, not the end
            measured[solver] = {"error": f"{type(error).__name__}: {error}"[:200]}
    return {"version": cvx.__version__, "solvers": measured}


def _timed(policy: cvx.Policy, held: pd.Series, rounds: int) -> dict[str, object]:
    first, again, trade = [], [], None
    for _ in range(rounds):
        began = time.process_time()
        trade, _, _ = policy.execute(held, market_data=None, t=TIME)
        first.append(time.process_time() - began)
    calendar = pd.DatetimeIndex([TIME])
    policy.initialize_estimator_recursive(universe=held.index, trading_calendar=calendar)
    for _ in range(rounds + 1):
        began = time.process_time()
        policy.values_in_time_recursive(
            t=TIME, past_returns=None, past_volumes=None, current_weights=held,
            current_portfolio_value=1.0, current_prices=None,
        )  # fmt: skip
        again.append(time.process_time() - began)
    policy.finalize_estimator_recursive()
    return {
        "first": statistics.median(first),
        "again": statistics.median(again[1:]),  # the first of them compiles
        "weights": (held + trade).to_numpy()[:-1].tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
