"""Formulas made ready for tables of any size equal what the lowering gives from the beginning."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbook.books import DAY, compiled, simple
from xlplugin.cli.places import built
from xlplugin.cli.places import compiled as built_template
from xlplugin.workbook import Inputs
from xlplugin.workbook.sheets import Way
from xlplugin.workbook.sized import SizedFormulas

if TYPE_CHECKING:
    from xlplugin.workbook import CompiledTemplate
    from xlplugin.workbook.sheets import Cell

LOTS = {"columns": [{"header": "Code"}, {"header": "Cost"}], "name": "Lots"}
PRICES = {"columns": [{"header": "Code"}, {"header": "Price"}], "name": "Prices"}
BOOK = simple(
    {
        "A2": "a", "B2": 5, "A3": "b", "B3": 7, "E2": "a", "F2": 11, "E3": "b", "F3": 13,
        "H1": "=SUM(Lots[Cost])+SUM(Prices[Price])",
        "H2": "=SUMIFS(Lots[Cost],Lots[Code],INDEX(Prices[Code],2))",
        "H3": "=ROWS(Lots[#All])*100+COLUMNS(Lots)",
        "H4": "=SUM(in_costs)",
        "H5": "=Lots[Cost]*1",
        "H6": '=SUMPRODUCT((Lots[Code]="b")*Lots[Cost])',
        "H7": "=TEST_SUM(Lots[Cost],Prices[Price])",
    },
    names={"in_costs": "S!$B$2:$B$3"},
    tables={"A1:B3": LOTS, "E1:F3": PRICES},
)  # fmt: skip


@cache
def template(name: str) -> CompiledTemplate:
    book, _, language = name.partition(".")
    return compiled(BOOK) if name == "small" else built_template(built()[book, language], language)


def formulas(of: CompiledTemplate) -> list[tuple[str, Cell]]:
    return [
        (name, one)
        for name, sheet in of.sheets.items()
        for one in sheet.formulas()
        if one.way is not Way.KEPT and one.tables
    ]


@pytest.mark.parametrize("name", ["small", "proposal.ja", "advisor.en"])
@given(st.data())
@settings(deadline=None, max_examples=2)
def test_a_formula_made_ready_equals_the_lowering_for_tables_of_any_size(
    name: str, data: st.DataObject
) -> None:
    of = template(name)
    sized = SizedFormulas(of.lowering)
    ready = 0
    for _ in range(3):
        tables = []
        for table in of.lowering.tables.values():
            r1, c1, _, c2 = table.corners
            records = data.draw(st.sampled_from([1, 2, 3, 7, 60, 1650, 3000]))
            last = table.first_data_row + records - 1 + table.has_totals
            tables.append(replace(table, corners=(r1, c1, last, c2)))
        lowering = of.lowering.with_tables(tables)
        for sheet, one in formulas(of):
            wanted = lowering(
                one.formula or "", sheet, one.row, one.column, one.site, one_cell=one.way is Way.PLAIN
            )
            assert sized.lowered(one, sheet, lowering) == wanted
        ready = sum(found is not None for found in sized._ready.values())
    assert ready >= len(formulas(of)) // 3  # or the test would compare the lowering with itself


def test_clients_of_other_sizes_after_each_other_get_their_own_values() -> None:
    of = template("small")
    for count in (2, 5, 1, 3, 400, 2):
        lots = [{"Code": "b" if n % 2 else "a", "Cost": float(n + 1)} for n in range(count)]
        result = of.run(Inputs(tables={"Lots": lots}), as_of=DAY)
        costs = [lot["Cost"] for lot in lots]
        of_b = sum(cost for cost in costs if costs.index(cost) % 2)
        total, reach = sum(costs), (count + 1) * 100.0 + 2
        assert result.cells("S", "H1:H4") == [[total + 24], [of_b], [reach], [total]]
        assert result.cells("S", "H6:H7") == [[of_b], [sum(costs) + 24]]
