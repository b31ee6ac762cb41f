"""Month-end series for the tests of the fund audit, written out plainly."""

from __future__ import annotations

import calendar
import datetime as dt

import numpy as np

from xlplugin.engines.fund_audit import Observation

__all__ = ["month_ends", "rows", "tracked"]

LAST = (2026, 10)


def month_ends(count: int, last: tuple[int, int] = LAST) -> list[dt.date]:
    """The last `count` month-ends up to `last`."""
    months = range(last[0] * 12 + last[1] - count, last[0] * 12 + last[1])
    return [dt.date(m // 12, m % 12 + 1, calendar.monthrange(m // 12, m % 12 + 1)[1]) for m in months]


def rows(levels, first_place: int = 2, **columns) -> list[Observation]:
    """One observation per month-end; a column is a mapping from month to value."""
    days = month_ends(len(levels))
    return [
        Observation(
            str(first_place + k),
            days[k],
            float(level),
            **{key: cells.get(k, 0.0) for key, cells in columns.items()},
        )
        for k, level in enumerate(levels)
    ]


def tracked(months: int, seed: int = 7, cost: float = 0.002, noise: float = 0.0004):
    """Levels of an index and of a fund that follows it at a cost."""
    rng = np.random.default_rng(seed)
    index = 1000.0 * np.cumprod(np.concatenate([[1.0], 1.0 + rng.normal(0.006, 0.04, months)]))
    active = np.concatenate([[0.0], rng.normal(-cost / 12, noise, months)])
    fund = 10.0 * index * np.exp(np.cumsum(active))
    return index, fund
