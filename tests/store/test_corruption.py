"""Any single spoiled cell is refused with its place, or is handled as its format documents.

What each format documents: labels (names, sectors, classes) are kept as they stand; a price,
a distribution or net assets may be blank and is then missing in that place; another valid
number or code in a place that has no check of its own stays in that place. Never is a row dropped,
a neighbour changed, or a value filled in.
"""

from dataclasses import fields
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xlplugin.store.files import open_grid
from xlplugin.store.format import FORMATS
from xlplugin.store.grids import BadCellError, Grid

SAMPLE = Path(__file__).resolve().parents[2] / "workbooks" / "sample"
CASES = {
    "topix_weights": "market/topixweight_j.csv",
    "listed_issues": "market/jp_listed_info.csv",
    "price_factors": "market/price_adjustment_factor.csv",
    "sectors": "market/us_sectors.csv",
    "fund_series": "funds/library_nav.csv",
    "prices": "market/jp_history.csv",
}
JUNK = (
    "",
    " ",
    "x",
    "?",
    "-1",
    "0",
    "1e400",
    "inf",
    "nan",
    "#N/A",
    "1,2",
    "12:30",
    "２０２６",
    "2026-99-99",
    "9",
    "99999999",
)
LABELS = {
    "topix_weights": {"names", "sectors", "sizes"},
    "listed_issues": {"names", "names_en", "sector_codes", "sectors", "sizes", "markets"},
    "price_factors": {"names", "industries", "sectors"},
    "sectors": {"names", "sub_industries"},
    "fund_series": set(),
    "prices": set(),
}
NUMBERS = {
    "prices": {"values"},
    "fund_series": {"nav", "distribution", "net_assets"},
    "price_factors": {"exact"},
}


@cache
def opened(name: str) -> Grid:
    """The look-alike of a kind; of the prices the first days, which is faster and no less strict."""
    grid = open_grid(SAMPLE / CASES[name], encodings=FORMATS[name].encodings)
    last = 60 if name == "prices" else None
    return Grid(grid.where, grid.rows[:last], grid.numbers[:last], grid.word)


def parts(value: object) -> dict[str, object]:
    return {f.name: getattr(value, f.name) for f in fields(value)}  # type: ignore[arg-type]


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=True))
    return a == b


def changed_places(a: object, b: object) -> int:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return int((~((a == b) | (np.isnan(a) & np.isnan(b)))).sum())
    return sum(x != y for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]


def refusal(kind, grid: Grid) -> BadCellError | None:
    try:
        kind.read(grid)
    except BadCellError as error:
        return error
    return None


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoiled_cell_is_refused_with_its_place_or_changes_only_its_own_place(name, data):
    kind, file = FORMATS[name], CASES[name]
    grid = opened(name)
    before = parts(kind.read(grid))
    filled = [i for i, row in enumerate(grid.rows) if i and sum(bool(c) for c in row) > 1]
    row = data.draw(st.sampled_from(filled))
    column = data.draw(st.integers(0, len(grid.rows[row]) - 1))
    junk = data.draw(st.sampled_from(JUNK))
    rows = [list(r) for r in grid.rows]
    original = rows[row][column]
    rows[row][column] = junk
    spoiled = Grid(grid.where, rows, grid.numbers, grid.word)
    if (error := refusal(kind, spoiled)) is not None:
        # The very line; or the whole file, whose weights no longer add up; or a line that now disagrees.
        assert file.rsplit("/", 1)[-1] in str(error)
        disagrees = any(w in str(error) for w in ("date of the first row", "in order", "each value once"))
        assert error.place == ("line", grid.numbers[row]) or error.place == ("", "") or disagrees
        return
    after = parts(kind.read(spoiled))
    different = {key for key in before if not same(before[key], after[key])}
    if junk == original or not different:
        return
    assert different <= {"codes"} | LABELS[name] | NUMBERS.get(name, set()), (
        f"{junk!r} for {original!r} changed {different}"
    )
    assert len(different) == 1
    key = different.pop()
    assert changed_places(before[key], after[key]) == 1


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_line_that_lost_or_gained_a_cell_is_refused_with_its_line(name, data):
    kind, grid = FORMATS[name], opened(name)
    filled = [i for i, row in enumerate(grid.rows) if i and sum(bool(c) for c in row) > 1]
    row = data.draw(st.sampled_from(filled))
    longer = data.draw(st.booleans())
    rows = [list(r) for r in grid.rows]
    rows[row] = [*rows[row], "stray"] if longer else rows[row][: data.draw(st.integers(1, 2))]
    with pytest.raises(BadCellError, match=rf"line {grid.numbers[row]}\b"):
        kind.read(Grid(grid.where, rows, grid.numbers, grid.word))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_repeated_or_misplaced_day_of_prices_is_refused(data):
    kind = FORMATS["prices"]
    grid = opened("prices")
    rows = [list(r) for r in grid.rows]
    first = data.draw(st.integers(2, len(rows) - 1))
    other = data.draw(st.integers(1, len(rows) - 1).filter(lambda n: n != first))
    rows[first][0] = rows[other][0]
    with pytest.raises(BadCellError, match="days in order, each once"):
        kind.read(Grid(grid.where, rows, grid.numbers, grid.word))


def test_the_lines_of_a_file_are_counted_as_an_editor_counts_them(tmp_path):
    file = tmp_path / "q.csv"
    file.write_bytes(
        b'Symbol,Security,GICS Sector,GICS Sub-Industry\nZZA,"two\nlines",Energy,x\nZZB,b,Nowhere,x\n'
    )
    with pytest.raises(BadCellError, match="line 4, column GICS Sector: expected one of the eleven"):
        FORMATS["sectors"].read_file(file)


def test_numbers_of_lines_ascend():
    grid = open_grid(SAMPLE / "market" / "topixweight_j.csv", encodings=("cp932",))
    assert all(a < b for a, b in pairwise(grid.numbers))
