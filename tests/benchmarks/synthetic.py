"""Seeded synthetic markets and books: one generator for all benchmarks that need no real data.

Pareto index weights, 20 factors (a market, sectors, the rest noise), 11 sectors; a drifted book with a
quarter of the names missing and one to ten lots per name, two per cent of the names excluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.problem import Limit, Lots, Problem

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray, IntArray

FACTORS, SECTORS = 20, 11
COST = 0.0008


class Market(NamedTuple):
    """An index and its risk model."""

    weight: FloatArray
    exposures: FloatArray
    specific: FloatArray
    sector: IntArray


def market(names: int, seed: int) -> Market:
    """Index weights, exposures scaled to an identity factor covariance, specific variances."""
    rng = np.random.default_rng(seed)
    weight = rng.pareto(1.1, names) + 0.05
    weight = np.sort(weight / weight.sum())[::-1]
    sector = rng.integers(0, SECTORS, names)
    exposures = rng.normal(0.0, 0.03, (names, FACTORS))
    exposures[:, 0] = 0.17 * rng.normal(1.0, 0.2, names)
    exposures[np.arange(names), 1 + sector % (FACTORS - 1)] += 0.08
    return Market(weight, exposures, rng.uniform(0.17, 0.40, names) ** 2, sector)


def rebalance(
    names: int,
    seed: int,
    *,
    variant: str = "tax",
    turnover: float = 0.4,
    band: float = 0.02,
) -> Problem:
    """A drifted book: `tax` with all lots, `cost` with one lot a name and no tax."""
    return account(market(names, seed), seed + 1, variant=variant, turnover=turnover, band=band)


def account(
    made: Market,
    seed: int,
    *,
    variant: str = "tax",
    turnover: float = 0.4,
    band: float = 0.02,
) -> Problem:
    """One of many accounts under one model: its own positions, lots, costs and exclusions."""
    names = len(made.weight)
    rng = np.random.default_rng(seed)
    held = made.weight * rng.uniform(0.5, 1.5, names) * (rng.uniform(size=names) > 0.25)
    held *= 0.995 / held.sum()
    names_held = np.flatnonzero(held > 0.0)
    lots = rng.integers(1, 11, len(names_held)) if variant == "tax" else np.ones(len(names_held), np.int64)
    owner = np.repeat(names_held, lots)
    part = rng.exponential(size=len(owner)) + 0.02
    weight = held[owner] * part / np.bincount(owner, weights=part, minlength=names)[owner]
    count = len(owner)
    gain = np.clip(rng.normal(0.12, 0.3, count), -1.0, 0.9)
    rate = np.where(rng.uniform(size=count) < 0.4, 0.408, 0.238) if variant == "tax" else np.zeros(count)
    lots_ = Lots.of(owner, weight, gain, rate)
    excluded = rng.uniform(size=names) < 0.02
    limits = tuple(
        Limit(f"sector {number}", (made.sector == number).astype(float), -band, band)
        for number in range(SECTORS)
    )
    problem = Problem.of(
        made.weight,
        made.exposures,
        made.specific,
        lots_,
        cost=rng.uniform(0.5, 1.5, names) * COST,
        cash_low=0.0,
        cash_high=0.0,
        highest=np.where(excluded, 0.0, 1.0),
        limits=limits,
    )
    return problem.with_tallies(problem.turnover(turnover))
