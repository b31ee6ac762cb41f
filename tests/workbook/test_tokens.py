"""Tokens and references: nothing gets lost, everything moves as in Excel."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.workbook import tokens as t

REFERENCES = st.sampled_from(
    [
        "A1",
        "$B$2",
        "XFD1048576",
        "C:C",
        "$3:5",
        "'x y'!A1",
        "データ!$A1:B2",
        "Lots[[#This Row],[a'#b]]",
        "[1]S!A1",
    ]
)
PIECES = st.one_of(
    REFERENCES,
    st.sampled_from(
        [
            '"a ""q"" #@["',
            "SUM(",
            ")",
            "{1,2;3,4}",
            "+",
            "<=",
            "<>",
            "#N/A",
            "#",
            "@",
            " ",
            ",",
            "%",
            "1.5E+3",
            ".5",
        ]
    ),
    st.sampled_from(["名前", "_xlfn.LET(", "_xlpm.x", "TRUE", "\\name", "A・B"]),
)
FORMULAS = st.lists(PIECES, max_size=12).map("".join)


@given(st.one_of(FORMULAS, st.text(max_size=60)))
@settings(deadline=None, max_examples=400)
def test_joining_the_tokens_of_any_text_gives_the_text(formula: str) -> None:
    assert t.text(t.tokens(formula)) == formula


@pytest.mark.parametrize(
    ("formula", "kinds"),
    [
        ('"A1#"', [t.STR]),
        ("'A1'!B2", [t.QUOTED, t.OTHER, t.CELL]),
        ("LOG10(A1)", [t.NAME, t.OTHER, t.CELL, t.OTHER]),
        ("XFE1", [t.NAME]),  # columns end at XFD
        ("A1048577", [t.NAME]),
        ("A:B", [t.COLS]),
        ("3:$5", [t.ROWS]),
        ("A1!B2", [t.NAME, t.OTHER, t.CELL]),  # a sheet called A1
        ("T[[a']b]]", [t.NAME, t.BRACKET]),
        ("#DIV/0!", [t.ERR]),
        ("損益A1", [t.NAME]),
    ],
)
def test_a_text_is_cut_where_excel_cuts_it(formula: str, kinds: list[int]) -> None:
    assert [kind for kind, _ in t.tokens(formula)] == kinds


CELLS = st.tuples(st.integers(200, 400), st.integers(200, 300), st.booleans(), st.booleans()).map(
    lambda c: f"{'$' if c[2] else ''}{t.column_name(c[1])}{'$' if c[3] else ''}{c[0]}"
)
MOVES = st.tuples(st.integers(-100, 100), st.integers(-100, 100))


@given(st.lists(CELLS, min_size=1, max_size=4), MOVES)
@settings(deadline=None)
def test_moving_there_and_back_changes_nothing_away_from_the_edges(
    cells: list[str], move: tuple[int, int]
) -> None:
    formula = "+".join([*cells, '"A1"', "B:C", "4:5"])
    there = t.shift(t.tokens(formula), *move)
    assert t.text(t.shift(there, -move[0], -move[1])) == formula


def test_a_reference_that_leaves_the_sheet_is_an_error() -> None:
    assert t.text(t.shift(t.tokens("A1+B$2+$A$1"), -1, 0)) == "#REF!+B$2+$A$1"
    assert t.text(t.shift(t.tokens("XFD1"), 0, 1)) == "#REF!"
    assert t.text(t.shift(t.tokens("A1048576"), 1, 0)) == "#REF!"


def test_whole_columns_and_rows_move_with_the_cell() -> None:
    assert t.text(t.shift(t.tokens("B:$C+2:$3"), 5, 2)) == "D:$C+7:$3"


@given(st.integers(1, t.LAST_COLUMN))
def test_letters_and_numbers_of_columns_are_two_writings(number: int) -> None:
    assert t.column_number(t.column_name(number)) == number


def test_corners_are_ordered_and_a_single_cell_is_a_range() -> None:
    assert t.box("D9:B2") == (2, 2, 9, 4)
    assert t.box_text((2, 2, 2, 2)) == "B2"
    assert t.box_text(t.box("$B$2:$D$9")) == "B2:D9"
