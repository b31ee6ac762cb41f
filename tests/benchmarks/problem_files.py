"""Reading and writing the files of a rebalancing problem: the layout that the scorer reads too.

A folder holds problem.json, lots.csv, prices.csv, benchmark.csv, exposures.csv and specific.csv.
Only numpy and the standard library, so that reading costs milliseconds.
"""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.engines.rebalancing.problem import Lots, Problem
from xlplugin.engines.rebalancing.rounding import Order, orders
from xlplugin.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

    from xlplugin.aliases import FloatArray
    from xlplugin.engines.rebalancing.plan import Plan


class Files(NamedTuple):
    """A problem as its folder holds it, in money and shares."""

    codes: tuple[str, ...]
    price: FloatArray
    weight: FloatArray
    exposures: FloatArray
    specific: FloatArray
    owner: FloatArray
    quantity: FloatArray
    basis: FloatArray
    rate: FloatArray
    idents: tuple[str, ...]
    total: float
    cost: float
    invested: float


def read(folder: Path) -> Files:
    """Every file of one folder; rows are put into the order of the benchmark."""
    facts = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
    codes, weight = _numbers(folder / "benchmark.csv")
    place = {code: row for row, code in enumerate(codes)}

    def ordered(name: str) -> FloatArray:
        keys, values = _numbers(folder / name)
        if set(keys) != set(codes):
            raise FileError(f"{folder / name}: its names are not those of benchmark.csv")
        table = np.empty_like(values)
        table[[place[key] for key in keys]] = values
        return table

    with (folder / "lots.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    column = {name: at for at, name in enumerate(rows[0])}

    def of_lots(name: str) -> FloatArray:
        return np.array([float(row[column[name]]) for row in rows[1:]])

    return Files(
        codes=tuple(codes),
        price=ordered("prices.csv")[:, 0],
        weight=weight[:, 0],
        exposures=ordered("exposures.csv"),
        specific=ordered("specific.csv")[:, 0],
        owner=np.array([place[row[column["identifier"]]] for row in rows[1:]], dtype=np.int64),
        quantity=of_lots("quantity"),
        basis=of_lots("cost_basis"),
        rate=of_lots("rate"),
        idents=tuple(row[column["tax_lot_id"]] for row in rows[1:]),
        total=float(facts["total"]),
        cost=float(facts["cost"]),
        invested=float(facts["target_invested"]),
    )


def problem(files: Files, *, cash_low: float, cash_high: float) -> Problem:
    """The problem in fractions of net asset value."""
    value = files.quantity * files.price[files.owner]
    lots = Lots.of(
        files.owner, value / files.total, (value - files.basis) / value, files.rate, idents=files.idents
    )
    return Problem.of(
        files.invested * files.weight,
        files.exposures,
        files.specific,
        lots,
        cost=files.cost,
        names=files.codes,
        cash_low=cash_low,
        cash_high=cash_high,
        price=files.price / files.total,
        nav=files.total,
    )


def write_plan(
    path: Path, plan: Plan, files: Files, unit: float = 0.0, *, whole_orders: bool = False
) -> list[Order]:
    """The trade list as side, identifier, lot and shares; in whole units if there is one."""
    if unit > 0.0:
        listed = orders(
            plan,
            [Fraction(float(q)) for q in files.quantity],
            [Fraction(float(p)) for p in files.price],
            Fraction(files.total),
            [Fraction(repr(unit))] * len(files.codes),
            whole_orders=whole_orders,
        )
    else:
        listed = _fractions(plan, files)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("side", "identifier", "tax_lot_id", "quantity"))
        writer.writerows((*order[:3], repr(float(order.quantity))) for order in listed)
    return listed


def _fractions(plan: Plan, files: Files) -> list[Order]:
    listed = []
    for lot in np.flatnonzero(plan.sold):
        whole = plan.sold[lot] >= plan.problem.lots.weight[lot]
        shares = files.quantity[lot] * (1.0 if whole else plan.sold[lot] / plan.problem.lots.weight[lot])
        code, ident = files.codes[files.owner[lot]], files.idents[lot]
        listed.append(Order("sell", code, ident, Fraction(float(shares))))
    for name in np.flatnonzero(plan.bought):
        shares = plan.bought[name] * files.total / files.price[name]
        listed.append(Order("buy", files.codes[name], "", Fraction(float(shares))))
    return listed


def _numbers(path: Path) -> tuple[list[str], FloatArray]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [row[0] for row in rows], np.array([[float(cell) for cell in row[1:]] for row in rows])
