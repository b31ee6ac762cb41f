from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlplugin.core.securities import security_code
from xlplugin.errors import InputError


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (7203, "7203"),
        (7203.0, "7203"),
        (Decimal(7203), "7203"),
        ("7203", "7203"),
        ("7203.0", "7203"),
        ("７２０３", "7203"),
        (" 7203 ", "7203"),
        ("7203.T", "7203"),
        ("130A.T", "130A"),
        ("BRK.B", "BRK.B"),
        ("VOD.T", "VOD.T"),  # not a four-character Japanese code: kept
        ("0050", "0050"),  # a leading zero of a text stays
    ],
)
def test_a_code_is_the_same_text_however_a_cell_holds_it(cell, code):
    assert security_code(cell) == code


@given(st.integers(min_value=0, max_value=99999))
def test_a_whole_number_and_its_text_are_one_code(number):
    assert security_code(float(number)) == security_code(number) == security_code(str(number))


@pytest.mark.parametrize("cell", [7203.5, float("nan"), float("inf"), True, "", "　"])
def test_what_is_no_code_is_refused_with_a_sentence(cell):
    with pytest.raises(InputError, match="security code"):
        security_code(cell)
