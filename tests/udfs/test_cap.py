"""CAP_... as a cell sees them."""

import pytest

from xlplugin.errors import ErrorValue, InputError, MissingError, NotFoundError, XlPluginError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

REGISTRY = load()
WEIGHTS = [[0.5], [0.3], [0.2]]


def in_a_cell(name, *arguments, **options):
    return call(REGISTRY[name], *arguments, **options)


def test_a_column_and_a_row_of_weights_give_the_same_column():
    column = in_a_cell("CAP_WEIGHTS", WEIGHTS, 0.4)
    assert column == in_a_cell("CAP_WEIGHTS", [[0.5, 0.3, 0.2]], 0.4)
    assert [len(row) for row in column] == [1, 1, 1]


def test_issuers_given_as_numbers_are_labels():
    capped = in_a_cell("CAP_WEIGHTS", [[0.4], [0.2], [0.4]], 0.5, [[7203.0], ["7203"], ["6758"]])
    assert [row[0] for row in capped] == pytest.approx([1 / 3, 1 / 6, 0.5])


def test_a_blank_weight_is_not_available():
    with pytest.raises(MissingError, match="row 2") as caught:
        in_a_cell("CAP_WEIGHTS", [[0.5], [None]], 0.6)
    assert caught.value.cell_error is ErrorValue.NA


def test_labels_of_another_length_are_refused():
    with pytest.raises(InputError, match="group"):
        in_a_cell("CAP_WEIGHTS", WEIGHTS, 0.5, [["A"], ["B"]])


def test_group_caps_come_as_a_table_in_either_language_or_as_one_number():
    groups = [["金融"], ["情報"], ["情報"]]
    table = [["業種", "上限(%)"], ["金融", 0.4]]
    as_table = in_a_cell("CAP_GROUPS", WEIGHTS, groups, table)
    assert [row[0] for row in as_table] == pytest.approx([0.4, 0.36, 0.24])
    as_number = in_a_cell("CAP_GROUPS", WEIGHTS, groups, 0.6)
    assert [row[0] for row in as_number] == pytest.approx([0.5, 0.3, 0.2])


def test_a_table_of_caps_without_its_columns_is_not_found():
    with pytest.raises(NotFoundError, match="cap"):
        in_a_cell("CAP_GROUPS", WEIGHTS, [["A"], ["B"], ["B"]], [["group", "limit"], ["A", 0.4]])


@pytest.mark.parametrize(
    "table", [[["group", "cap"], ["A", None]], [["group", "cap"], ["A", 0.5], ["A", 0.4]]]
)
def test_a_row_of_caps_that_is_empty_or_twice_is_refused(table):
    with pytest.raises(XlPluginError, match=r"row [23]"):
        in_a_cell("CAP_GROUPS", WEIGHTS, [["A"], ["B"], ["B"]], table)


def test_a_check_prints_a_breach_and_its_header_in_japanese_on_request():
    block = in_a_cell("CAP_CHECK", WEIGHTS, 0.4, 0.25, 0.9, titles="ja")
    assert block[0] == ["規則", "上限", "実績", "判定"]
    assert [row[3] for row in block[1:]] == ["OK", "BREACH", "OK", "OK"]


def test_an_infeasible_cap_is_a_number_error():
    with pytest.raises(XlPluginError) as caught:
        in_a_cell("CAP_WEIGHTS", WEIGHTS, 0.3)
    assert caught.value.cell_error is ErrorValue.NUM
