"""INDEX_... as a cell sees them."""

import pytest

from xlplugin.errors import (
    DomainError,
    EmptyBaseError,
    ErrorValue,
    InputError,
    MissingError,
    NotFoundError,
    WordError,
)
from xlplugin.index.scheme import SCHEMES
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_every_scheme_whose_columns_the_function_has_can_be_asked_for():
    words = REGISTRY["INDEX_WEIGHTS"].arguments[0].choice.words
    assert {"CAP", "FLOAT", "PRICE", "EQUAL", "SCORE", "FACTOR"} <= set(words)
    assert "FUNDAMENTAL" in SCHEMES.names
    assert "FUNDAMENTAL" not in words  # its columns are no arguments of the function


def test_the_method_may_be_a_japanese_word():
    assert in_a_cell("INDEX_WEIGHTS", "均等", [[1.0], [2.0]]) == [[0.5], [0.5]]


def test_companies_with_several_lines_weigh_once():
    block = in_a_cell(
        "INDEX_WEIGHTS", "EQUAL", [[1.0], [3.0], [8.0]], None, None, None, None, [["A"], ["A"], ["B"]]
    )
    assert [row[0] for row in block] == pytest.approx([0.125, 0.375, 0.5])


def test_a_single_exchange_rate_counts_for_every_row():
    same = in_a_cell("INDEX_WEIGHTS", "CAP", [[1.0], [3.0]], [[1.0], [1.0]], None, None, 150.0)
    assert [row[0] for row in same] == pytest.approx([0.25, 0.75])


def test_an_unknown_method_names_the_choices():
    with pytest.raises(WordError, match="FLOAT"):
        in_a_cell("INDEX_WEIGHTS", "RANDOM", [[1.0]])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("CAP", [[1.0], [None]]), MissingError),
        (("CAP", [[1.0], [2.0]], [[1.0], [None]]), MissingError),
        (("CAP", [[1.0], [-2.0]]), DomainError),
        (("CAP", [[0.0], [0.0]]), DomainError),
        (("CAP", [[1.0], [2.0]], [[1.0]]), InputError),
        (("EQUAL", [[1.0], [2.0]], None, None, None, None, [["A"]]), InputError),
        (("FACTOR", [[1.0], [2.0]]), MissingError),
    ],
)
def test_errors_are_of_the_kind_the_catalogue_says(arguments, error):
    with pytest.raises(error):
        in_a_cell("INDEX_WEIGHTS", *arguments)


def test_an_event_prints_one_row_under_its_header():
    block = in_a_cell("INDEX_EVENT", "分割", 4500, 1, 1, 3, "PAF")
    assert block[0][:3] == ["price", "shares", "free_float"]
    assert block[1][:3] == [1500.0, 3.0, 1.0]
    assert in_a_cell("INDEX_EVENT", "SPLIT", 4500, 1, 1, 3, "PAF", titles="ja")[0][0] == "価格"


def test_terms_of_rights_come_as_a_row_or_a_column():
    row = in_a_cell("INDEX_EVENT", "RIGHTS", 500, 100, 1, [[1, 4, 300]])
    assert row == in_a_cell("INDEX_EVENT", "RIGHTS", 500, 100, 1, [[1], [4], [300]])
    with pytest.raises(InputError, match="takes 3"):
        in_a_cell("INDEX_EVENT", "RIGHTS", 500, 100, 1, 4)


def test_a_series_with_a_rebalance_needs_a_second_row_of_quantities():
    prices = [[100.0, 50.0], [110.0, 45.0], [121.0, 45.0]]
    quantity = [[1.0, 2.0], [2.0, 0.0]]
    block = in_a_cell("INDEX_SERIES", prices, quantity, 1000, [[0], [1], [0]])
    assert [row[0] for row in block] == pytest.approx([1000.0, 1000.0, 1100.0])
    with pytest.raises(InputError, match="expected 2 rows"):
        in_a_cell("INDEX_SERIES", prices, [[1.0, 2.0]], 1000, [[0], [1], [0]])


def test_one_price_gives_one_factor_and_many_give_a_column():
    assert in_a_cell("INDEX_PAF", 13000, 1200000) == [[0.9]]
    assert len(in_a_cell("INDEX_PAF", [[13000], [5000]], 1200000)) == 2


def test_a_divisor_of_zero_is_a_division_error():
    with pytest.raises(EmptyBaseError) as caught:
        in_a_cell("INDEX_CONTRIBUTION", [[1.0]], [[2.0]], [[1.0]], 0)
    assert caught.value.cell_error is ErrorValue.DIV0


# -- changes and profile -------------------------------------------------------------------------

NOW = [
    ["コード", "銘柄名", "業種", "平均売買代金", "現在ウェイト", "指数ウェイト"],
    ["7203", "甲自動車", "輸送用機器", 5e9, 0.6, 0.5],
    ["6758", "乙電機", "電気機器", 1e9, 0.4, 0.3],
    ["9984", "丙通信", "情報・通信業", 2e9, None, 0.2],
]
NEW = [["コード", "ウェイト"], [7203.0, 0.5], ["9984", 0.3], ["1111", 0.2]]


def test_a_change_list_names_additions_deletions_and_what_moves():
    block = in_a_cell("INDEX_CHANGES", NOW, NEW, [["amount", 1e10], ["header", 0]])
    rows = {row[0]: row for row in block}
    assert {code: row[2] for code, row in rows.items()} == {
        "6758": "DELETE",
        "9984": "ADD",
        "1111": "ADD",
        "7203": "DOWN",
    }
    # 4bn at 10 % of 1bn a day: 40 days; the unknown name has no volume and says why.
    assert rows["6758"][5:] == [pytest.approx(-4e9), pytest.approx(40.0), "1/1", "OK", "LARGE_ORDER"]
    assert rows["1111"][6:] == [ErrorValue.NA, "1/1", "UNKNOWN", "NOT_IN_UNIVERSE"]


def test_changes_tie_to_the_new_weights_and_print_japanese_titles():
    block = in_a_cell("INDEX_CHANGES", NOW, NEW, [["stages", 4], ["show_all", 1]], titles="en")
    assert block[0][:3] == ["銘柄コード", "銘柄名", "変更"]
    moved = sum(row[4] - row[3] for row in block[1:])
    assert moved == pytest.approx(0.0)  # both lists sum to one
    assert len(block) == 1 + 4 * 4
    assert all(row[6] is None for row in block[1:])  # no amount: no days


def test_a_list_without_changes_is_its_header():
    same = [["code", "weight"], ["A", 1.0]]
    block = in_a_cell("INDEX_CHANGES", [["code", "current_weight"], ["A", 1.0]], same)
    assert block == [
        [
            *("code", "name", "change", "weight_before", "weight_after"),
            *("flow", "days_to_trade", "period", "status", "reason"),
        ]
    ]


def test_tables_that_cannot_be_compared_are_refused():
    with pytest.raises(NotFoundError, match="current_weight"):
        in_a_cell("INDEX_CHANGES", [["code"], ["A"]], [["code", "weight"], ["A", 1.0]])
    now = [["code", "current_weight"], ["A", 1.0]]
    with pytest.raises(InputError, match="row 3: A is there twice"):
        in_a_cell("INDEX_CHANGES", now, [["code", "weight"], ["A", 1.0], ["A", 0.1]])
    with pytest.raises(MissingError, match="row 2"):
        in_a_cell("INDEX_CHANGES", now, [["code", "weight"], ["A", None]])


def test_a_profile_compares_concentration_and_sectors_with_the_parent():
    block = in_a_cell("INDEX_PROFILE", NEW, NOW)
    rows = {(row[0], row[1]): row for row in block[1:]}
    assert rows["CONCENTRATION", "NAMES"][2:5] == [3.0, 3.0, 0.0]
    # 0.5² + 0.3² + 0.2² = 0.38, the parent the same.
    assert rows["CONCENTRATION", "HERFINDAHL"][2] == pytest.approx(0.38)
    assert rows["SECTOR", "輸送用機器"][2:5] == [0.5, 0.5, 0.0]
    assert rows["SECTOR", "電気機器"][2:4] == [0.0, 0.3]
    assert rows["SECTOR", "?"][5:] == ["UNKNOWN", "NOT_IN_UNIVERSE"]


def test_a_profile_without_a_parent_leaves_its_columns_blank():
    names = [["code", "size"], ["A", "Large"]]
    block = in_a_cell("INDEX_PROFILE", [["code", "weight"], ["A", 1.0]], names)
    assert all(row[3] is None and row[4] is None for row in block[1:])
    assert block[-1][:3] == ["SIZE", "Large", 1.0]
