"""TILT_... as a cell sees them."""

import pytest

from xlplugin.errors import DomainError, ErrorValue, InputError, WordError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_exclusion_flags_and_words_come_in_japanese():
    kept = in_a_cell("TILT_EXCLUDE", [[0.5], [0.3], [0.2]], [["はい"], ["いいえ"], [None]], "按分")
    assert [row[0] for row in kept] == pytest.approx([0.0, 0.6, 0.4])


def test_sector_refill_without_sectors_says_what_is_missing():
    with pytest.raises(InputError, match="sector of every name"):
        in_a_cell("TILT_EXCLUDE", [[0.5], [0.5]], [[1], [0]], "SECTOR")


def test_a_blank_value_stays_not_available_in_its_row_only():
    block = in_a_cell("TILT_ZSCORE", [[1.0], [None], [3.0]])
    assert block == [[-1.0], [ErrorValue.NA], [1.0]]


def test_a_sector_without_spread_shows_a_division_error_in_its_rows_only():
    block = in_a_cell("TILT_ZSCORE", [[1.0], [3.0], [7.0]], 3, [["A"], ["A"], ["B"]])
    assert block == [[-1.0], [1.0], [ErrorValue.DIV0]]


def test_a_text_score_is_refused():
    with pytest.raises(InputError, match="expected a number"):
        in_a_cell("TILT_MULTIPLIER", [["high"]])


def test_one_score_gives_one_cell():
    assert in_a_cell("TILT_MULTIPLIER", 0.5) == [[1.5]]


def test_a_negative_multiplier_points_to_the_function_that_makes_one():
    with pytest.raises(DomainError, match="TILT_MULTIPLIER"):
        in_a_cell("TILT_WEIGHTS", [[0.5], [0.5]], [[1.0], [-1.0]])


def test_an_uncovered_name_is_left_out_of_carbon_intensity():
    assert in_a_cell("TILT_CARBON", [[0.5], [0.5]], [[100.0], [None]]) == [[100.0]]


def test_value_scores_leave_losses_out():
    block = in_a_cell("TILT_VALUE", [[1.0, 10.0], [2.0, None], [3.0, 30.0], [-1.0, -5.0]])
    assert block[3] == [ErrorValue.NA]
    assert block[1][0] == pytest.approx(0.0)


def test_an_unknown_mode_names_the_choices():
    with pytest.raises(WordError, match="PRORATA, SECTOR, OPTIMIZED"):
        in_a_cell("TILT_EXCLUDE", [[0.5], [0.5]], [[1], [0]], "RANDOM")


def test_exposures_have_a_header():
    block = in_a_cell("TILT_EXPOSURE", [[0.5], [0.5]], [[1.0], [0.0]], [[1.0], [0.0]])
    assert block == [["portfolio", "benchmark", "active"], [0.5, 1.0, -0.5]]


def test_momentum_needs_fourteen_months():
    from xlplugin.errors import MissingError

    with pytest.raises(MissingError, match="14 month-end closes"):
        in_a_cell("TILT_MOMENTUM", [[100.0, 90.0]] * 13)


def test_quality_takes_blanks():
    block = in_a_cell("TILT_QUALITY", [[0.1], [0.2]], [[None], [None]], [[0.3], [0.1]])
    # Leverage is missing everywhere: nothing to standardise.
    assert [row[0] for row in block] == pytest.approx([-1.0, 1.0])
