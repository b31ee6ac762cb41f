"""What holds for every registered function, whatever cells it is given."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import GOLDEN
from tests.golden.compare import cell_value
from tests.golden.vectors import read
from xlplugin.errors import ErrorValue, XlPluginError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

NAMES = load().names
CALLS = {}
for _case in read(GOLDEN):
    if _case.schema == "calls":
        CALLS.setdefault(_case.kind, []).append(_case.vector)

CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "#N/A", "#DIV/0!", "abc", "はい", "7203", "2026-12-28", "CAP", "BUY", "特定", "=1", " "]
    ),
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-12, 1e12, 46000.0, 7203.0, 3.0, 2026.0, True, False]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.just(dt.date(2026, 11, 20)),
)


def blocks():
    size = st.tuples(st.integers(1, 4), st.integers(1, 4))
    return size.flatmap(
        lambda s: st.lists(st.lists(CELLS, min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0])
    )


def titles(argument):
    keys = [column.key for column in argument.schema.columns]
    return st.lists(st.sampled_from([*keys, "free", "size"]), min_size=1, max_size=len(keys) + 2, unique=True)


@st.composite
def any_argument(draw, argument):
    """Any cells, or for a table and for options any cells under headers that are known."""
    if argument.schema is not None and draw(st.booleans()):
        required = [c.key for c in argument.schema.columns if c.required]
        header = list(dict.fromkeys([*required, *draw(titles(argument))]))
        rows = draw(
            st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), min_size=1, max_size=4)
        )
        return [header, *rows]
    if argument.options is not None and draw(st.booleans()):
        names = [option.key for option in argument.options.options]
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
        return [[name, draw(CELLS)] for name in chosen]
    if argument.choice is not None and draw(st.booleans()):
        return draw(st.sampled_from(argument.choice.words))
    return draw(st.one_of(CELLS, blocks()))


def assert_answer(function, given_):
    """A clean block, or an error of a user with its sentence; nothing else may come out."""
    try:
        block = call(function, *given_)
    except XlPluginError as error:
        block = [[str(error)]]
        assert block[0][0].strip(), f"{function.name}: an error without a sentence"
    assert_block(function, block)


def assert_block(function, block):
    assert block, f"{function.name}: no rows"
    assert len({len(row) for row in block}) == 1, f"{function.name}: ragged"
    for row in block:
        for cell in row:
            assert cell is None or isinstance(cell, (float, str, bool, dt.date, ErrorValue)), f"{cell!r}"
            assert not isinstance(cell, (int, np.generic)) or isinstance(cell, bool), f"{cell!r}"
            assert not isinstance(cell, float) or math.isfinite(cell), function.name


@pytest.mark.parametrize("name", sorted(NAMES))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_cells_give_a_clean_block_or_one_sentence(name, data):
    function = load()[name]
    given_ = [data.draw(any_argument(a)) for a in function.arguments]
    assert_answer(function, given_)


def spoilt(value, draw):
    """A copy of an argument with one cell replaced."""
    if not isinstance(value, list) or not value:
        return draw(CELLS)
    rows = [list(row) if isinstance(row, list) else [row] for row in value]
    r = draw(st.integers(0, len(rows) - 1))
    c = draw(st.integers(0, len(rows[r]) - 1))
    rows[r][c] = draw(CELLS)
    return rows


@pytest.mark.parametrize("name", sorted(NAMES & CALLS.keys()))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_spoilt_cell_in_a_good_call_gives_a_clean_block_or_one_sentence(name, data):
    function = load()[name]
    vector = data.draw(st.sampled_from(CALLS[function.name]))
    given_ = [cell_value(vector["args"].get(a.name)) for a in function.arguments]
    place = data.draw(st.sampled_from([n for n, v in enumerate(given_) if v is not None]))
    given_[place] = spoilt(given_[place], data.draw)
    assert_answer(function, given_)


@pytest.mark.parametrize("name", sorted(NAMES & CALLS.keys()))
def test_a_call_twice_gives_the_same_block_and_leaves_its_arguments_alone(name):
    function = load()[name]
    for vector in CALLS[function.name]:
        given_ = [cell_value(vector["args"].get(a.name)) for a in function.arguments]
        before = repr(given_)
        answers = []
        for _ in range(2):
            try:
                answers.append(call(function, *given_))
            except XlPluginError as error:
                answers.append(str(error))
        assert answers[0] == answers[1]
        assert repr(given_) == before
