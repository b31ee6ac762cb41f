"""The fund cost audit book: rebuilt and compared, the figures of the source articles in its own cells."""

import json
import math
import re
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

import workbooks
from workbooks.build import build
from workbooks.builder.package import parts
from workbooks.builder.words import layout
from xlplugin.hosts.headless import RegistryFunctions
from xlplugin.workbook import lint_package, lint_template

FOLDER = Path(workbooks.__file__).parent
LANGUAGES = ("ja", "en")
EACH = pytest.mark.parametrize("language", LANGUAGES)
VECTORS = {
    vector["id"]: vector
    for vector in json.loads((Path(__file__).parents[1] / "golden/methodology.json").read_text("utf-8"))[
        "vectors"
    ]
}
NUMBER = re.compile(rb"-?\d+\.\d{6,}(?:[eE][-+]?\d+)?")

# Self-test of the book -> the vector with a figure of a source article, and where the figure stands in it.
SEEDS = {
    "tracking_difference": ("K02c", ()),
    "real_cost": ("X01", ()),
    "execution": ("X02a", ()),
    "hedge_cost": ("X06", ()),
    "lending": ("X09", ()),
    "break_even": ("F03a", (1, 4)),
    "score": ("F04", ()),
    "growth": ("X10a", (11, 3)),
    "growth_wealth": ("X10a", (11, 1)),
    "growth_small": ("X10b", (11, 3)),
    "case_a": ("X13a", ()),
    "case_b": ("X13b", ()),
    "hidden_a": ("A03b", (2, 1)),
    "hidden_b": ("A03c", (2, 1)),
    "residual_b": ("A03a", (8, 1)),
    "netting_shares": ("Y04a", (1, 3)),
    "netting_again": ("Y04b", (1, 3)),
    "full_copy": ("R01a", (1, 1)),
    "full_weights": ("R01b", (1,)),
    "stratified": ("R04", (0,)),
}
ROUNDED = {"break_even": 6, "growth": 0, "growth_wealth": 0, "growth_small": 0}
# The same figure by another call, or two figures in one cell: held by tests of their own below.
FOUND = -3  # the columns of a self-test: computed, expected, state, passed (which has the name)
ELSEWHERE = {"K02a": "tracking_difference", "Q02": "names_down"}


@cache
def committed(language: str) -> bytes:
    return (FOLDER / f"fund_audit.{language}.xlsx").read_bytes()


def opened(data: bytes, *, values: bool = True):
    """A book; openpyxl says that it drops print areas of whole columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return openpyxl.load_workbook(BytesIO(data), data_only=values)


@cache
def book(language: str):
    return opened(committed(language))


def at(workbook, name: str, right: int = 0):
    """The cell of a name, or one so many columns to its right."""
    sheet, _, cell = workbook.defined_names[name].attr_text.rpartition("!")
    found = workbook[sheet.strip("'")][cell.replace("$", "")]
    return found.offset(0, right).value


# -- the files ------------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH
def test_the_committed_file_is_what_the_layout_builds(language):
    old, new = parts(committed(language)), parts(build("fund_audit", language))
    assert old.keys() == new.keys()
    for name, data in new.items():
        # Another processor may round the last digits of a computed number differently.
        assert NUMBER.sub(b"#", data) == NUMBER.sub(b"#", old[name]), f"{name}: run python -m workbooks.build"
        for ours, theirs in zip(NUMBER.findall(data), NUMBER.findall(old[name]), strict=True):
            assert math.isclose(float(ours), float(theirs), rel_tol=1e-9, abs_tol=1e-12), name


@pytest.mark.slow
def test_two_builds_are_equal_byte_for_byte():
    assert build("fund_audit", "en") == build("fund_audit", "en")


@pytest.mark.slow
@EACH
def test_both_linters_find_nothing(language):
    assert [str(finding) for finding in lint_package(committed(language))] == []
    assert [str(finding) for finding in lint_template(committed(language), RegistryFunctions(language))] == []


def leaves(tree: dict, prefix: str = "") -> dict[str, object]:
    found = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= leaves(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def test_both_label_files_have_the_same_keys_and_the_same_places():
    ja, en = (leaves(layout(f"fund_audit.{language}")) for language in LANGUAGES)
    assert ja.keys() == en.keys()
    for key, text in ja.items():
        if isinstance(text, str):
            places = [sorted(re.findall(r"\{([a-z_]+)\}", one)) for one in (text, en[key])]
            assert places[0] == places[1], key
            assert bool(text) == bool(en[key]), key


def test_no_japanese_stands_in_the_english_book():
    shared = parts(committed("en"))["xl/sharedStrings.xml"].decode()
    words = [
        t for t in re.findall(r"<t[^>]*>([^<]*)</t>", shared) if re.search("[\u3040-\u30ff\u4e00-\u9fff]", t)
    ]
    assert words == []


@EACH
def test_a_chart_has_a_description(language):
    drawings = b"".join(
        data for name, data in parts(committed(language)).items() if "drawings/drawing" in name
    )
    charts = [name for name in parts(committed(language)) if re.fullmatch(r"xl/charts/chart\d+\.xml", name)]
    assert len(charts) >= 10
    assert len(re.findall(rb'descr="[^"]{12,}', drawings)) == len(charts)


@EACH
def test_no_visible_cell_shows_an_error_and_functions_spill_on_hidden_sheets_only(language):
    formulas = opened(committed(language), values=False)
    live = 0
    for sheet in formulas:
        shown = book(language)[sheet.title]
        for row in sheet.iter_rows():
            for cell in row:
                if sheet.sheet_state == "visible":
                    assert shown[cell.coordinate].data_type != "e", (sheet.title, cell.coordinate)
                    assert getattr(cell.value, "ref", cell.coordinate) == cell.coordinate, sheet.title
                else:
                    live += hasattr(cell.value, "ref")
    assert live >= 10


# -- the figures of the source articles --------------------------------------------------------------------


def test_every_vector_of_a_source_article_is_held_by_a_self_test_of_the_book():
    seeds = {key for key, vector in VECTORS.items() if "seed" in str(vector.get("source", ""))}
    assert seeds == {vector for vector, _ in SEEDS.values()} | ELSEWHERE.keys()


@EACH
@pytest.mark.parametrize("test", SEEDS)
def test_a_figure_of_a_source_article_stands_in_a_cell(test, language):
    vector, path = SEEDS[test]
    expected = VECTORS[vector]["expected"]
    for step in path:
        expected = expected[step]
    found = at(book(language), f"test_{test}", FOUND)
    assert found == pytest.approx(round(expected, ROUNDED.get(test, 12)), rel=1e-9, abs=1e-12)


@EACH
def test_the_count_of_falling_names_is_that_of_the_article(language):
    down, _, deep, _ = VECTORS["Q02"]["expected"][1]
    assert at(book(language), "test_names_down", FOUND) == down + 10 * deep


@EACH
def test_the_switch_of_the_article_is_a_replacement(language):
    assert VECTORS["F03a"]["expected"][1][0] == "REPLACE"
    assert at(book(language), "test_replace", FOUND) == 1


@EACH
def test_every_self_test_passes_and_only_the_empty_tables_warn(language):
    names = book(language).defined_names
    tests = [name for name in names if name.startswith("test_")]
    checks = [name for name in names if name.startswith("chk_")]
    assert len(tests) == len(layout("fund_audit_tests")["test"]) == 30
    assert [name for name in tests if at(book(language), name) is not True] == []
    # No fund has a series yet, so there is no candidate, and that is the one warning.
    assert {name for name in checks if at(book(language), name) is not True} == {
        "chk_candidates",
        "chk_warnings",
    }


def test_both_languages_hold_the_same_numbers():
    sheets = [[s for s in book(language) if s.sheet_state == "visible"] for language in LANGUAGES]
    assert len(sheets[0]) == len(sheets[1]) == 14
    for ja, en in zip(*sheets, strict=True):
        numbers = [
            [c for row in sheet.iter_rows(values_only=True) for c in row if isinstance(c, int | float)]
            for sheet in (ja, en)
        ]
        assert numbers[0] == pytest.approx(numbers[1]), (ja.title, en.title)
