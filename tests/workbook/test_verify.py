"""A finished book recomputed: nothing differs, and one changed value is always found."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from tests.workbook.books import DAY, FUNCTIONS, changed, minimal, rich, run, simple
from xlplugin.errors import InputError
from xlplugin.workbook import Book, Difference, verify
from xlplugin.workbook.editions import result_hash
from xlplugin.workbook.tokens import box
from xlplugin.workbook.verify import same_value

RICH = rich()
editions = pytest.mark.parametrize("edition", ["live", "values"])


@editions
def test_a_finished_book_agrees_with_itself(edition: str) -> None:
    outcome = verify(run(RICH, edition=edition).data, FUNCTIONS)
    assert outcome.differences == []
    assert outcome.cells > 20
    assert outcome.functions == 13  # TEST_SUM and the 4 x 3 cells of TEST_SPILL
    assert outcome.largest == 0.0


@editions
@pytest.mark.parametrize("cell", ["A1", "A3", "B7"])
def test_one_changed_value_is_found(edition: str, cell: str) -> None:
    pattern = rf'(<c r="{cell}"[^>]*>(?:<f.*?</f>)?<v>)[^<]*'
    data = changed(
        run(RICH, edition=edition).data,
        "xl/worksheets/sheet2.xml",
        lambda text: re.sub(pattern, lambda m: f"{m[1]}12345", text, count=1),
    )
    found = verify(data, FUNCTIONS).differences
    assert [(d.sheet, d.cell, d.stored) for d in found] == [("計算", cell, 12345.0)]
    assert "the file holds 12345.0" in str(found[0])


def test_only_our_functions_can_be_asked_for() -> None:
    assert verify(run(RICH).data, FUNCTIONS, only_functions=True).cells == 13


def test_what_cannot_be_calculated_is_listed_and_not_compared() -> None:
    data = minimal(
        '<row r="1"><c r="A1"><f>WEBSERVICE("x")</f><v>7</v></c><c r="B1"><f>A1*2</f><v>14</v></c></row>'
    )
    outcome = verify(data, FUNCTIONS, as_of=DAY)
    assert outcome.kept == ["S!A1"]
    assert outcome.differences == []


def test_the_day_is_read_from_the_book() -> None:
    data = run(simple({"A1": "=TODAY()", "B1": "=TEST_SUM(A1)"})).data
    assert verify(data, FUNCTIONS).differences == []
    other = verify(data, FUNCTIONS, as_of=dt.date(2026, 11, 21))
    assert {d.cell for d in other.differences} == {"A1", "B1"}
    with pytest.raises(InputError, match="does not say for which day"):
        verify(minimal(""), FUNCTIONS)


def test_the_hashes_of_a_values_edition_are_those_of_its_cells() -> None:
    book = Book(run(RICH, edition="values").data)
    rows = [row for row in book.block("_formulas", (2, 1, 9, 5)) if row[0]]
    assert len(rows) >= 3
    for sheet, _, reach, _, stated in rows:
        assert result_hash(book.block(sheet, box(reach))) == stated


def test_values_that_were_changed_on_both_sides_are_still_found_by_their_hash() -> None:
    data = run(simple({"A1": 5, "B1": "=TEST_SUM(A1)"}), edition="values").data
    both = changed(data, "xl/worksheets/sheet1.xml", lambda t: t.replace("<v>5</v>", "<v>6</v>"))
    found = verify(both, FUNCTIONS).differences
    assert [d.stored for d in found] == ["values changed after the computation"]


@pytest.mark.parametrize(
    ("stored", "computed", "same"),
    [
        (1.0, 1.0 + 1e-10, True),
        (1.0, 1.0 + 1e-8, False),
        (0.0, 1e-13, True),
        (0.0, 1e-11, False),
        (True, 1.0, True),
        (None, "", True),
        ("", 0.0, False),
        ("a", "A", False),
    ],
)
def test_values_are_compared_as_the_specification_says(stored: object, computed: object, same: bool) -> None:
    assert same_value(stored, computed)[0] is same


def test_a_difference_names_its_formula() -> None:
    difference = Difference("S", "A1", "SUM(B1)", 1.0, None, is_function=False)
    assert str(difference) == "S!A1: the file holds 1.0, SUM(B1) gives nothing"
