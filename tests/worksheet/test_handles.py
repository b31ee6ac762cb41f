from typing import Annotated

import numpy as np
import pytest

from xlplugin.errors import InputError, MissingError
from xlplugin.worksheet import convert, handles
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.handles import Kept, MemoryStore
from xlplugin.worksheet.kinds import Help, Kind, Matrix, Records, Rows
from xlplugin.worksheet.registry import Argument, Registry, worksheet_function
from xlplugin.worksheet.tables import UNIVERSE


@pytest.fixture(autouse=True)
def own_stores(monkeypatch):
    monkeypatch.setattr(handles, "_STORES", [MemoryStore()])


def risk(scale=1.0):
    return Kept(
        "RISK",
        {
            "codes": np.array(["7203", "6758", "9984"]),
            "exposures": np.array([[1.0], [0.5], [2.0]]) * scale,
            "factor_covariance": np.array([[0.04]]),
            "specific_variance": np.array([0.01, 0.02, 0.03]),
        },
    )


def matrix(raw):
    value = convert.read(Argument("covariance", Kind.MATRIX, Help("Covariance", "共分散")), raw)
    return value.matrix if isinstance(value, convert.Coded) else value


def test_equal_content_has_one_handle_and_other_content_another():
    assert risk().handle() == risk().handle()
    assert risk().handle() != risk(1.0000001).handle()


def test_a_handle_is_short_and_says_what_it_is():
    assert handles.is_handle(risk().handle())
    assert risk().handle().startswith("DI:RISK:3:")
    assert len(risk().handle()) < 40


@pytest.mark.parametrize("cell", ["DI-130", "7203", 3.0, None, "DI:RISK"])
def test_other_cells_are_no_handles(cell):
    assert not handles.is_handle(cell)


def test_a_matrix_argument_takes_the_handle_of_a_risk_model():
    # By hand: X F X' + D with X = (1, .5, 2), F = .04.
    expected = [[0.05, 0.02, 0.08], [0.02, 0.03, 0.04], [0.08, 0.04, 0.19]]
    np.testing.assert_allclose(matrix(handles.keep(risk())), expected, rtol=1e-14)


def test_a_handle_that_nobody_kept_is_missing_with_the_remedy():
    with pytest.raises(
        MissingError, match=r"covariance: what DI:RISK:3:.* recalculate the cell that made it"
    ):
        matrix(risk().handle())


def test_a_risk_model_too_large_for_a_dense_matrix_is_refused_with_advice():
    n = 4001
    large = Kept(
        "RISK",
        {"exposures": np.ones((n, 1)), "factor_covariance": np.eye(1), "specific_variance": np.ones(n)},
    )
    with pytest.raises(InputError, match=r"4001 names .* use the factor form"):
        matrix(handles.keep(large))


def test_a_full_memory_lets_the_oldest_go():
    small = MemoryStore(limit=2 * 8 * 10)
    for value in range(3):
        small.put(f"h{value}", Kept("COVARIANCE", {"matrix": np.full(10, float(value))}))
    assert [small.get(f"h{v}") is not None for v in range(3)] == [False, True, True]
    assert small.size == 160


def test_a_second_store_answers_after_the_memory_was_lost():
    disk = MemoryStore()
    handles.attach(disk)
    handle = handles.keep(risk())
    handles._STORES[0] = MemoryStore()
    assert handles.fetch("risk", handle).handle() == handle


# -- order ---------------------------------------------------------------------------------------


def ordering(rows):
    registry = Registry()

    def first_risk(
        table: Annotated[Records, Help("Securities", "銘柄"), UNIVERSE],
        covariance: Annotated[Matrix, Help("Covariance", "共分散"), *rows],
    ) -> float:
        """The variance of the first security of the table."""
        return float(covariance[0, 0])

    worksheet_function("FIRST_RISK", category="Test", ja="先頭", registry=registry)(first_risk)
    return registry["FIRST_RISK"]


TABLE = [["code", "weight"], ["9984", 0.5], ["7203", 0.5]]


def test_a_risk_model_behind_a_handle_is_put_into_the_order_of_the_table():
    assert call(ordering([Rows("table")]), TABLE, handles.keep(risk())) == [[pytest.approx(0.19)]]


def test_a_security_that_the_risk_model_does_not_know_is_named():
    table = [["code", "weight"], ["1301", 1.0]]
    with pytest.raises(MissingError, match="the risk model has no row for 1301"):
        call(ordering([Rows("table")]), table, handles.keep(risk()))


def test_a_handle_is_refused_where_nothing_says_its_order():
    with pytest.raises(InputError, match="cannot put a handle in its order"):
        call(ordering([]), TABLE, handles.keep(risk()))


def test_a_covariance_in_cells_above_800_names_is_refused_with_the_way_out():
    cells = np.zeros((801, 801)).tolist()
    with pytest.raises(InputError, match=r"801 names make too large a covariance for cells .* RISK_HANDLE"):
        call(ordering([Rows("table")]), TABLE, cells)


def test_replacements_are_ranked_in_an_index_of_a_thousand_names_through_a_handle():
    from xlplugin.worksheet.registry import load

    registry, n = load(), 1000
    rng = np.random.default_rng(3)
    codes = [f"{1000 + k}" for k in range(n)]
    exposures = rng.normal(0.0, 0.2, (n, 2))
    specific = np.full(n, 0.04)
    exposures[7], specific[7] = exposures[0], 0.01  # the twin of the first, with less risk of its own
    ((handle,),) = call(
        registry["RISK_HANDLE"], [[c] for c in codes], exposures, np.eye(2), specific.reshape(-1, 1)
    )
    universe = [["code", "weight"], *([code, 1.0 / n] for code in codes)]
    best = call(registry["REPLACEMENTS"], codes[0], universe, handle, None, [["count", 1]])
    assert best[1][best[0].index("code")] == codes[7]
