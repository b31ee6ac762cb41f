"""What every weighting scheme promises; a scheme file is tested here by being there."""

import importlib
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.core.catalogue import Catalogue
from xlplugin.errors import MissingError, WordError
from xlplugin.index.scheme import SCHEMES, index_weights

schemes = pytest.mark.parametrize("scheme", list(SCHEMES), ids=lambda s: s.name)
ALL_COLUMNS = (
    *("price", "shares", "free_float", "cap_factor", "fx", "company", "score", "weight"),
    *("volatility", "sales", "cash_flow", "book_value", "dividends"),
)


class Spy(dict):
    """Columns that remember which were read."""

    def __init__(self, *args):
        super().__init__(*args)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)


def universe(rows, scheme):
    names = [*scheme.needs, *scheme.may_read]
    columns = {}
    for place, name in enumerate(ALL_COLUMNS):
        column = np.array([row[place] for row in rows])
        columns[name] = np.floor(column * 3) if name == "company" else column
    return columns, {name: columns[name] for name in names}


rows_of = st.lists(st.tuples(*[st.floats(0.05, 3.0)] * len(ALL_COLUMNS)), min_size=1, max_size=15)


@schemes
@given(rows=rows_of)
@settings(deadline=None, max_examples=25)
def test_weights_are_not_negative_and_sum_to_one(scheme, rows):
    weights = index_weights(scheme, universe(rows, scheme)[0])
    assert weights.shape == (len(rows),)
    assert weights.min() >= 0.0
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-12)


@schemes
@given(rows=rows_of, random=st.randoms())
@settings(deadline=None, max_examples=25)
def test_the_order_of_the_rows_does_not_matter(scheme, rows, random):
    columns, _ = universe(rows, scheme)
    order = list(range(len(rows)))
    random.shuffle(order)
    weights = index_weights(scheme, columns)
    again = index_weights(scheme, {name: column[order] for name, column in columns.items()})
    np.testing.assert_allclose(again, weights[order], rtol=1e-13, atol=0)


@schemes
@given(rows=rows_of)
@settings(deadline=None, max_examples=25)
def test_only_the_declared_columns_are_read_and_none_is_changed(scheme, rows):
    everything, declared = universe(rows, scheme)
    copies = {name: column.copy() for name, column in everything.items()}
    assert index_weights(scheme, everything).tolist() == index_weights(scheme, declared).tolist()
    spied = Spy(declared)
    scheme.weights(spied)
    assert spied.read <= {*scheme.needs, *scheme.may_read}
    for name, column in everything.items():
        np.testing.assert_array_equal(column, copies[name])


@schemes
def test_each_column_that_is_needed_is_missed_by_name(scheme):
    columns, _ = universe([(1.0,) * len(ALL_COLUMNS)] * 3, scheme)
    for name in scheme.needs:
        with pytest.raises(MissingError, match=name):
            index_weights(scheme, {k: v for k, v in columns.items() if k != name})


@schemes
def test_a_missing_item_is_not_a_weight_of_zero(scheme):
    columns, _ = universe([(1.0,) * len(ALL_COLUMNS)] * 3, scheme)
    columns[scheme.needs[0]] = np.array([1.0, np.nan, 1.0])
    with pytest.raises(MissingError, match="row 2"):
        index_weights(scheme, columns)


@schemes
def test_a_scheme_says_its_formula_in_both_languages(scheme):
    assert scheme.formula.en
    assert scheme.formula.ja
    assert scheme.formula.en != scheme.formula.ja
    assert scheme.name == scheme.name.upper()


def test_the_five_weightings_of_the_catalogue_are_there():
    assert {"CAP", "FLOAT", "PRICE", "EQUAL", "SCORE"} <= set(SCHEMES.names)


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(WordError, match="FLOAT"):
        SCHEMES["MAGIC"]


TINY_SCHEME = """
from dataclasses import dataclass
import numpy as np
from xlplugin.index.words import Words

@dataclass(frozen=True)
class Rank:
    name: str = "RANK"
    formula: Words = Words("rank of the price", "株価の順位")
    needs: tuple = ("price",)
    may_read: tuple = ()

    def weights(self, columns):
        place = np.argsort(np.argsort(columns["price"])) + 1.0
        return place / place.sum()

SCHEME = Rank()
"""


def test_dropping_one_file_into_the_folder_is_all_it_takes(tmp_path, monkeypatch):
    package = tmp_path / "borrowed_schemes"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "rank.py").write_text(TINY_SCHEME)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    catalogue = Catalogue("borrowed_schemes", "SCHEME")
    weights = index_weights(catalogue["RANK"], {"price": np.array([30.0, 10.0, 20.0])})
    np.testing.assert_allclose(weights, [3 / 6, 1 / 6, 2 / 6])
    for name in [m for m in sys.modules if m.startswith("borrowed_schemes")]:
        del sys.modules[name]


# -- calculations by hand, one per scheme --------------------------------------------------------

BY_HAND = {
    "CAP": ({"price": [2.0, 1.0], "shares": [1.0, 2.0]}, [0.5, 0.5]),
    "FLOAT": ({"price": [2.0, 1.0], "shares": [1.0, 2.0], "free_float": [0.5, 1.0]}, [1 / 3, 2 / 3]),
    "PRICE": ({"price": [2.0, 1.0], "shares": [1.0, 2.0], "cap_factor": [1.0, 0.5]}, [2 / 3, 1 / 3]),
    # Companies 0 and 1: half each; the lines of 0 are worth 1 and 3.
    "EQUAL": ({"price": [1.0, 3.0, 9.0], "company": [0.0, 0.0, 1.0]}, [0.125, 0.375, 0.5]),
    "SCORE": ({"price": [2.0, 1.0], "shares": [1.0, 2.0], "score": [1.0, 3.0]}, [0.25, 0.75]),
    # Multipliers 2 and 1/2 on equal capitalisation.
    "FACTOR": ({"price": [1.0, 1.0], "score": [1.0, -1.0]}, [0.8, 0.2]),
    # Shares of sales 1/4, 3/4; of book value 1, 0 (a negative one counts as zero).
    "FUNDAMENTAL": ({"sales": [1.0, 3.0], "book_value": [5.0, -2.0]}, [0.625, 0.375]),
    "INVERSE_VOLATILITY": ({"volatility": [0.1, 0.3]}, [0.75, 0.25]),
    "CUSTOM": ({"weight": [2.0, 6.0]}, [0.25, 0.75]),
}


@schemes
def test_a_calculation_by_hand_agrees(scheme):
    columns, expected = BY_HAND[scheme.name]
    weights = index_weights(scheme, {name: np.array(column) for name, column in columns.items()})
    np.testing.assert_allclose(weights, expected, rtol=1e-12)
