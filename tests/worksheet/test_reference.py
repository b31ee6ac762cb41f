import pytest

from xlplugin.worksheet.reference import markdown, sheet_rows, signature
from xlplugin.worksheet.registry import load


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_reference_prints_every_function_and_every_argument(language):
    text = markdown(load(), language)
    for function in load():
        assert f"### `{signature(function)}`" in text
        for argument in function.arguments:
            assert f"| `{argument.name}` |" in text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_sheet_of_functions_is_rectangular_and_has_help_in_every_row(language):
    rows = sheet_rows(load(), language)
    assert {len(row) for row in rows} == {4}
    assert all(row[3] for row in rows)
    assert len(rows) == 1 + sum(1 + len(f.arguments) for f in load())
