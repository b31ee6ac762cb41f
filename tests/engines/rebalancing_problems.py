"""Random rebalancing problems for the tests, small enough for slow independent checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from xlplugin.engines.rebalancing.problem import Limit, Lots, Problem

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn


def problem(
    seed: int,
    names: int = 6,
    factors: int = 2,
    most_lots: int = 3,
    *,
    limits: int = 0,
    turnover: float | None = None,
    cash_low: float = 0.0,
    cash_high: float = 0.01,
    loss: float = 0.35,
    cost: float = 0.001,
    unsellable: bool = False,
    bounded: bool = False,
) -> Problem:
    """A book drifted around its index, lots with gains and losses at two rates.

    `bounded`: some names may not fall below or rise above a weight near their own, some have to be
    bought, some sold in part.
    """
    rng = np.random.default_rng(seed)
    index = rng.pareto(1.5, names) + 0.2
    index /= index.sum()
    drift = index * rng.uniform(0.6, 1.4, names) * (rng.uniform(size=names) > 0.15)
    if drift.sum() == 0.0:
        drift = index.copy()
    drift *= 0.98 / drift.sum()
    owner, weight = [], []
    for name in np.flatnonzero(drift > 0.0):
        count = int(rng.integers(1, most_lots + 1))
        for part in rng.dirichlet(np.ones(count)):
            owner.append(name)
            weight.append(max(part, 1e-3) * drift[name])
    weight_ = np.array(weight)
    weight_ *= 0.98 / weight_.sum()
    gain = rng.uniform(-loss, 0.45, len(weight_))
    rate = np.where(rng.uniform(size=len(weight_)) < 0.5, 0.408, 0.238)
    lots = Lots.of(
        np.array(owner),
        weight_,
        gain,
        rate,
        sellable=rng.uniform(size=len(weight_)) > 0.1 if unsellable else None,
    )
    exposures = rng.normal(0.0, 0.08, (names, factors))
    exposures[:, 0] = rng.uniform(0.12, 0.22, names)
    specific = rng.uniform(0.02, 0.09, names)
    bands = []
    for number in range(limits):
        loading = (rng.uniform(size=names) < 0.5).astype(float)
        width = 0.01 + 0.05 * rng.uniform()
        bands.append(Limit(f"band {number}", loading, -width, width))
    made = Problem.of(
        0.995 * index,
        exposures,
        specific,
        lots,
        cost=rng.uniform(0.2, 1.0, names) * cost,
        cash_low=cash_low,
        cash_high=cash_high,
        limits=tuple(bands),
    )
    if bounded:
        kind, part = rng.integers(0, 6, names), rng.uniform(0.4, 1.0, names)
        lowest = np.select([kind == 0, kind == 1], [part * made.held, made.held + 0.01 * part], 0.0)
        highest = np.select([kind == 2, kind == 3], [made.held + 0.02 * part, part * made.held], 1.0)
        kept = np.bincount(lots.name, weights=np.where(lots.sellable, 0.0, lots.weight), minlength=names)
        made = replace(made, lowest=lowest, highest=np.maximum(highest, kept))
    return made if turnover is None else made.with_tallies(made.turnover(turnover))


@st.composite
def problems(draw: DrawFn, *, most_names: int = 10) -> Problem:
    """Any small problem: rules, no rules, tight and loose."""
    names = draw(st.integers(2, most_names))
    return problem(
        draw(st.integers(0, 10**6)),
        names,
        draw(st.integers(1, 4)),
        draw(st.integers(1, 4)),
        limits=draw(st.integers(0, 3)),
        turnover=draw(st.sampled_from([None, 0.9, 0.5])),
        cash_high=draw(st.sampled_from([0.005, 0.02, 0.1])),
        unsellable=draw(st.booleans()),
        bounded=draw(st.booleans()),
    )
