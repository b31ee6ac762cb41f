"""Results that hundreds of formulas read are taken out of the calculator; nobody can tell by the values.

The independent slow version is the calculator's own spilling (`MUCH_READ` out of reach).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbook.books import DAY, compiled, simple
from xlplugin.errors import ConvergenceError, DomainError, ErrorValue
from xlplugin.workbook import Inputs, spills
from xlplugin.workbook.findings import TemplateError

if TYPE_CHECKING:
    from xlplugin.workbook.running import Result

ROWS = 260  # readers of each range; more than MUCH_READ


def chain(rows: int, *, more: dict[str, object] | None = None) -> bytes:
    """A result read row by row, a second one made of these rows, and rows that read the second.

    Column A holds the first result, C reads it, E depends on C; H is a result over E, J reads that.
    """
    cells: dict[str, object] = {"A1": "{=TEST_SPILL(T!A1,2,5)", "H1": "{=TEST_SAME(E1:E40*T!A2)"}
    for row in range(1, rows + 1):
        cells[f"C{row}"] = f"=INDEX($A$1:$B$400,{row},1)"
        cells[f"E{row}"] = f"=$C{row}+1"
        cells[f"J{row}"] = f"=SUM($H$1:$H$400)+$E{row}"
    return simple({**cells, **(more or {})}, other={"A1": 40, "A2": 2})


def by_the_calculator(data: bytes, inputs: Inputs | None = None) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spills, "MUCH_READ", 10**9)
        return compiled(data).run(inputs, as_of=DAY)


def same(data: bytes, inputs: Inputs | None = None) -> Result:
    """The result, after a look that the calculator alone gives the same book, findings and log."""
    result, slow = compiled(data).run(inputs, as_of=DAY), by_the_calculator(data, inputs)
    assert result.data == slow.data
    assert result.log == slow.log
    assert result.findings == slow.findings
    return result


def test_results_that_read_each_other_are_calculated_in_their_order() -> None:
    result = same(chain(ROWS))
    # rows 1-40: A = 5, 15, ..., 395; E = A + 1; H = 2 E; J = sum of H + E
    total = 2 * sum(10.0 * i + 6 for i in range(40))
    assert result.cells("S", "J1:J3") == [[total + 6], [total + 16], [total + 26]]
    assert result.cells("S", f"J{ROWS}") == [[total + 1]]  # beyond the result INDEX gives 0


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(-3, 3)), min_size=1, max_size=3))
@settings(deadline=None, max_examples=6)
def test_clients_of_any_size_get_what_the_calculator_alone_would_give(sizes: list[tuple[int, int]]) -> None:
    data = chain(ROWS)
    template = compiled(data)
    for rows, factor in sizes:
        inputs = Inputs(cells={("T", "A1"): rows, ("T", "A2"): factor})
        assert template.run(inputs, as_of=DAY).data == by_the_calculator(data, inputs).data


def test_a_function_is_called_in_vain_at_most_while_its_inputs_are_not_there_and_leaves_no_failure() -> None:
    # 1/(E2-1) is a division by zero until the first result is shown: TEST_SPILL fails at first.
    result = same(chain(ROWS, more={"L1": "{=TEST_SPILL(10/(E2-1)*1.5+1,1)", "L9": "=WHY(L1)"}))
    assert result.log == []
    assert result.cells("S", "L1:L2") == [[0.0], [10.0]]


def test_a_failure_that_stays_is_logged_once_and_explained() -> None:
    result = same(chain(ROWS, more={"L1": "{=TEST_SPILL(1/(C1-5),1)", "L2": "=WHY(L1)"}))
    assert [(f.cell, f.function) for f in result.log] == [("L1", "TEST_SPILL")]
    assert result.cells("S", "L1:L2") == [[ErrorValue.DIV0], ["TEST_SPILL: a size is an error"]]


def test_a_failure_of_the_first_round_that_is_not_called_again_is_not_logged() -> None:
    # While A is not shown C2 is 0 and TEST_FAIL is called; then C2 is 15 and it is not.
    result = same(chain(ROWS, more={"L1": "=IF(C2=0,TEST_FAIL(),7)"}))
    assert result.log == []
    assert result.cells("S", "L1") == [[7.0]]


@pytest.mark.parametrize(
    ("more", "blocker"),
    [({"B3": 7}, "B3"), ({"A30": "{=TEST_SPILL(2,2)"}, "A30"), ({"B5": "=1+1"}, "B5")],
)
def test_what_is_in_the_way_of_a_much_read_result_stays_and_is_named(
    more: dict[str, object], blocker: str
) -> None:
    result = same(chain(ROWS, more=more))
    assert [f.facts["blocker"] for f in result.findings if f.rule == "T08"] == [blocker]
    assert result.cells("S", "A1") == [[ErrorValue.VALUE]]


def test_the_range_of_a_much_read_result_can_be_asked_for() -> None:
    result = same(chain(ROWS, more={"L1": "=SUM(A1#)", "L2": "=ROWS(H1#)"}))
    assert result.cells("S", "L1:L2") == [
        [sum(10.0 * i + j + 5 for i in range(40) for j in range(2))],
        [40.0],
    ]


def test_a_much_read_result_above_the_calculators_limit_is_complete() -> None:
    result = same(chain(ROWS), Inputs(cells={("T", "A1"): 6000}))
    assert result.cells("S", "B6000") == [[5 + 10.0 * 5999 + 1]]
    assert {f.rule for f in result.findings} == {"T32"}


@pytest.mark.parametrize("first", [1, 2])
def test_a_result_that_reads_what_it_shows_is_refused(first: int) -> None:
    cells = {f"C{row}": f"=SUM($A${first}:$A$400)+{row}" for row in range(1, ROWS + 1)}
    data = simple({**cells, "A1": "{=TEST_SAME(C1:C40+1)"})
    for calculated in (by_the_calculator, lambda book: compiled(book).run(as_of=DAY)):
        with pytest.raises((TemplateError, ConvergenceError, DomainError), match=r"Circ|converge|settle"):
            calculated(data)


def test_a_result_that_turns_from_one_to_true_is_shown_as_true() -> None:
    # K1 is 1 while A is not shown (C2 = 0), and TRUE afterwards.
    readers = {f"M{row}": f"=INDEX($K$1:$K$400,{row},1)" for row in range(1, ROWS + 1)}
    cells: dict[str, object] = {**readers, "K1": "{=TEST_SAME(O1:O2)", "O1": 5, "O2": "=IF(C2=0,1,TRUE)"}
    result = same(chain(ROWS, more=cells))
    assert result.cells("S", "M1:M3") == [[5.0], [True], [0.0]]


def test_a_failure_before_a_lambda_is_logged_once() -> None:
    cells = {"A1": "=TEST_FAIL()", "B1": "{=MAP(D1:D2,LAMBDA(x,x+1))", "D1": 1, "D2": 2}
    result = compiled(simple(cells)).run(as_of=DAY)
    assert [(f.cell, f.function) for f in result.log] == [("A1", "TEST_FAIL")]
    assert result.cells("S", "B1:B2") == [[2.0], [3.0]]
