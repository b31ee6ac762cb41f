"""REPLACEMENTS as a cell sees it."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.harvesting.replacements import swap_risk
from xlplugin.errors import ErrorValue, InputError, MissingError, PassedOnError, ShapeError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REPLACEMENTS = load()["REPLACEMENTS"]
S = [[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]]
UNIVERSE = [["code", "weight"], ["A", 0.4], ["B", 0.4], ["C", 0.2]]
DAY = dt.date(2026, 11, 24)


def replacements(codes="A", universe=UNIVERSE, covariance=S, pairs=None, options=None, trades=None):
    rows = None if options is None else [list(pair) for pair in options.items()]
    header, *found = call(REPLACEMENTS, codes, universe, covariance, pairs, rows, trades)
    return [dict(zip(header, row, strict=True)) for row in found]


def widened(column, *values):
    return [[*row, value] for row, value in zip(UNIVERSE, (column, *values), strict=True)]


def sold(code, day, **more):
    cells = {"trade_date": day, "code": code, "side": "SELL", "quantity": 1.0, **more}
    return [list(cells), list(cells.values())]


@settings(deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(2, 9))
def test_the_risk_of_a_swap_is_the_risk_of_the_portfolio_after_it(seed, n):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, n))
    covariance = factors @ factors.T
    weights, holdings = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n))
    for sold_name in range(n):
        risk = swap_risk(sold_name, weights, holdings, covariance)
        for bought in range(n):
            after = holdings.copy()
            after[bought] += after[sold_name]
            after[sold_name] -= holdings[sold_name]
            active = after - weights
            direct = np.sqrt(max(active @ covariance @ active, 0.0))
            assert risk.tracking_error[bought] == pytest.approx(direct, rel=1e-9, abs=1e-9)


def test_correlation_and_beta_are_those_of_the_covariance():
    (b, c) = replacements()
    assert (b["correlation"], b["beta"]) == (
        pytest.approx(0.018 / (0.2 * 0.25)),
        pytest.approx(0.018 / 0.0625),
    )
    assert (c["code"], c["rank"]) == ("C", 2)


@pytest.mark.parametrize(
    ("word", "codes"),
    [("PREFER", ["C", "B"]), ("優先", ["C", "B"]), ("REQUIRE", ["C"]), ("IGNORE", ["B", "C"])],
)
def test_the_same_sector_comes_first_or_alone_or_does_not_matter(word, codes):
    rows = replacements(universe=widened("sector", "x", "y", "x"), options={"same_sector": word})
    assert [row["code"] for row in rows] == codes


def test_a_code_without_any_candidate_says_why():
    (row,) = replacements(universe=widened("sector", "x", "y", "y"), options={"same_sector": "REQUIRE"})
    assert (row["sold_code"], row["code"], row["status"], row["reason"]) == (
        "A",
        None,
        "BLOCKED",
        "OTHER_SECTOR",
    )


@pytest.mark.parametrize(("kind", "status"), [("US_TAXABLE", "BLOCKED"), (None, "BLOCKED"), ("特定", "OK")])
def test_one_identity_group_blocks_in_the_united_states_and_is_shown_in_japan(kind, status):
    options = {"account_kind": kind} if kind else None
    rows = replacements(universe=widened("identity_group", "g", "g", ""), options=options)
    row = next(r for r in rows if r["code"] == "B")
    assert (row["status"], row["reason"]) == (status, "IDENTICAL_SECURITY")


def test_a_pair_the_adviser_allows_passes_and_the_judgement_is_printed():
    pairs = [["sold_code", "code", "allowed"], ["A", "B", 1.0]]
    (first, _) = replacements(universe=widened("identity_group", "g", "g", ""), pairs=pairs)
    assert (first["code"], first["status"], first["reason"]) == ("B", "OK", "IDENTICAL_SECURITY")


def test_a_pair_counts_in_its_own_direction_only():
    pairs = [["sold_code", "code", "allowed"], ["B", "A", 0.0]]
    assert [row["status"] for row in replacements(pairs=pairs)] == ["OK", "OK"]


@pytest.mark.parametrize(("days", "blocked"), [(-31, False), (-30, True), (30, True), (31, False)])
def test_a_name_sold_at_a_loss_within_thirty_days_is_not_bought(days, blocked):
    rows = replacements(options={"as_of": DAY}, trades=sold("B", DAY + dt.timedelta(days=days)))
    row = next(r for r in rows if r["code"] == "B")
    assert (row["status"] == "BLOCKED") == blocked == (row["reason"] == "RECENTLY_SOLD")


def test_a_cancelled_sale_does_not_count():
    assert [r["reason"] for r in replacements(trades=sold("B", DAY, planned="取消"))] == ["", ""]


def test_restricted_names_stand_at_the_end():
    rows = replacements(universe=widened("restricted", 0.0, 1.0, 0.0))
    assert [(r["code"], r["rank"], r["reason"]) for r in rows] == [("C", 1, ""), ("B", None, "RESTRICTED")]


def test_codes_come_as_a_cell_a_column_or_a_block_with_a_header():
    many = [replacements(codes) for codes in ([["A"], ["B"]], [["rank", "code"], [1.0, "A"], [2.0, "B"]])]
    assert many[0] == many[1]
    assert [r["sold_code"] for r in many[0]] == ["A", "A", "B", "B"]
    assert replacements([["A"], ["A"], [None]]) == replacements("A")


def test_numbers_are_codes_too():
    universe = [["code", "weight"], [7203.0, 0.5], ["6758", 0.5]]
    (row,) = replacements(7203.0, universe, [[0.04, 0.01], [0.01, 0.04]])
    assert (row["sold_code"], row["code"]) == ("7203", "6758")


def test_no_more_candidates_are_shown_than_asked_for():
    assert len(replacements(options={"count": 1.0})) == 1


def test_an_unknown_code_is_a_row_unless_there_is_no_other():
    rows = replacements([["Z"], ["A"]])
    assert (rows[0]["status"], rows[0]["reason"]) == ("UNKNOWN", "NOT_IN_UNIVERSE")
    with pytest.raises(MissingError, match="Z is not in the universe"):
        replacements("Z")


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"covariance": [[1.0]]}, ShapeError, "covariance: expected 3 x 3"),
        ({"codes": [["x", "y"], ["A", "B"]]}, InputError, "without a header named code"),
        ({"codes": ErrorValue.REF}, PassedOnError, "#REF!"),
        ({"codes": None}, MissingError, "codes"),
        (
            {"universe": [["code", "weight"], ["A", None], ["B", 0.4], ["C", 0.2]]},
            MissingError,
            "row 2, weight",
        ),
    ],
)
def test_a_call_that_cannot_be_answered_says_what_to_do(change, error, sentence):
    with pytest.raises(error, match=sentence):
        replacements(**change)


def test_a_name_without_risk_has_no_correlation():
    rows = replacements("A", [["code", "weight"], ["A", 0.5], ["cash", 0.5]], [[0.04, 0.0], [0.0, 0.0]])
    assert rows[0]["correlation"] is ErrorValue.NA
    assert rows[0]["tracking_error"] == pytest.approx(0.1)
