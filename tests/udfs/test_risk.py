"""RISK_... as a cell sees them."""

import doctest

import pytest

import udfs.risk
from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
RETURNS = [[0.01, 0.02, -0.01], [-0.02, -0.01, 0.0], [0.015, 0.01, 0.02], [-0.005, 0.0, 0.01]]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_the_examples_in_the_wizard_texts_run():
    assert doctest.testmod(udfs.risk).failed == 0


def test_the_default_is_shrunk_and_daily():
    assert in_a_cell("RISK_COVARIANCE", RETURNS) == in_a_cell("RISK_COVARIANCE", RETURNS, "縮小推定", 252)


def test_more_factors_than_names_are_cut_to_the_names():
    few = in_a_cell("RISK_COVARIANCE", RETURNS, "PCA")
    sample = in_a_cell("RISK_COVARIANCE", RETURNS, "SAMPLE")
    for one, other in zip(few, sample, strict=True):
        assert one == pytest.approx(other)


def test_a_gap_in_the_returns_is_named_by_row_and_column():
    with pytest.raises(MissingError, match="row 2, column 3"):
        in_a_cell("RISK_COVARIANCE", [RETURNS[0], [0.01, 0.02, None]])


def test_one_row_is_too_few_and_a_method_must_be_known():
    with pytest.raises(MissingError, match="two periods"):
        in_a_cell("RISK_COVARIANCE", [RETURNS[0]])
    with pytest.raises(WordError, match="SAMPLE, LW"):
        in_a_cell("RISK_COVARIANCE", RETURNS, "GARCH")


def test_more_names_than_a_sheet_holds_are_refused():
    wide = [[0.01 * ((i * j) % 3) for j in range(801)] for i in range(2)]
    for name in ("RISK_COVARIANCE", "RISK_PCA"):
        with pytest.raises(InputError, match="801 names"):
            in_a_cell(name, wide, 1 if name == "RISK_PCA" else None)


def test_components_show_shares_above_loadings():
    block = in_a_cell("RISK_PCA", RETURNS, 2)
    assert (len(block), len(block[0])) == (4, 2)
    assert block[0][0] >= block[0][1] >= 0
    with pytest.raises(DomainError):
        in_a_cell("RISK_PCA", RETURNS, 4)


def test_a_volatility_row_has_one_cell_per_security():
    assert len(in_a_cell("RISK_EWMA", RETURNS)[0]) == 3
    with pytest.raises(DomainError):
        in_a_cell("RISK_EWMA", RETURNS, 0)


def test_factor_returns_come_in_a_column():
    block = in_a_cell("RISK_FACTOR_RETURNS", [[0.01], [0.03]], [[1.0], [1.0]])
    assert block == [[pytest.approx(0.02)]]
    with pytest.raises(DomainError):
        in_a_cell("RISK_FACTOR_RETURNS", [[0.01], [0.03]], [[1.0, 1.0], [1.0, 1.0]])


def test_a_matrix_of_zero_variance_has_no_correlation():
    with pytest.raises(EmptyBaseError):
        in_a_cell("RISK_CORRELATION", [[0.04, 0.0], [0.0, 0.0]])


def test_a_repaired_matrix_can_be_used():
    broken = [[1.0, 0.9, 0.2], [0.9, 1.0, 0.9], [0.2, 0.9, 1.0]]
    weights = [[1.0], [-1.5], [1.0]]
    with pytest.raises(DomainError, match="RISK_NEAREST_PSD"):
        in_a_cell("RISK_VOLATILITY", weights, broken)
    assert in_a_cell("RISK_VOLATILITY", weights, in_a_cell("RISK_NEAREST_PSD", broken))[0][0] >= 0
