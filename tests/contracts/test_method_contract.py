"""What every replication method promises, tested by the method's lying in its folder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.engines.replication.request import METHODS, ReplicationRequest

methods = pytest.mark.parametrize("method", list(METHODS), ids=lambda m: m.name)


@st.composite
def requests(draw):
    """An index of a few names with a risk model, cells and, sometimes, limits."""
    n = draw(st.integers(3, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    loadings = rng.normal(size=(n, 3)) * 0.2
    risk = loadings @ loadings.T + np.diag(rng.uniform(0.01, 0.1, n))
    count = draw(st.integers(2, n))
    upper = None
    if draw(st.booleans()):
        upper = np.full(n, np.inf)
        upper[rng.integers(0, n)] = 0.0  # one name excluded
        upper[rng.integers(0, n)] = rng.choice([0.0, 0.05])
    return ReplicationRequest(
        rng.dirichlet(np.ones(n)),
        count=count,
        risk=(risk + risk.T) / 2,
        cells=tuple(rng.choice(["a|L", "a|S", "b|L"], n)),
        upper=upper,
        cash=draw(st.sampled_from([0.0, 0.02])),
    )


@methods
@settings(deadline=None, max_examples=40)
@given(request=requests())
def test_weights_are_not_negative_sum_to_the_budget_and_respect_the_limits(method, request):
    weights = method.weights(request)
    assert weights.shape == request.benchmark.shape
    assert np.all(weights >= 0.0)
    assert weights.sum() == pytest.approx(1.0 - request.cash, abs=1e-9)
    assert np.all(weights <= request.ceiling + 1e-12)
    assert not np.any(weights[~request.eligible])
    if method.name != "full":
        assert np.count_nonzero(weights) <= request.count


@methods
@settings(deadline=None, max_examples=40)
@given(request=requests(), order=st.randoms())
def test_the_row_order_does_not_matter(method, request, order):
    places = list(range(request.size))
    order.shuffle(places)
    shuffled = ReplicationRequest(
        request.benchmark[places],
        count=request.count,
        risk=request.risk[np.ix_(places, places)],
        cells=tuple(request.cells[k] for k in places),
        upper=None if request.upper is None else request.upper[places],
        cash=request.cash,
    )
    assert method.weights(shuffled) == pytest.approx(method.weights(request)[places], abs=1e-7)


@methods
@settings(deadline=None, max_examples=20)
@given(request=requests())
def test_the_request_is_left_as_it_was(method, request):
    before = [request.benchmark.copy(), request.risk.copy()]
    method.weights(request)
    assert np.array_equal(request.benchmark, before[0])
    assert np.array_equal(request.risk, before[1])


@methods
def test_the_whole_index_without_limits_is_held_as_it_is(method):
    index = np.array([0.4, 0.3, 0.2, 0.1])
    request = ReplicationRequest(index, count=4, risk=np.diag([0.04, 0.05, 0.06, 0.07]), cells=("a",) * 4)
    assert method.weights(request) == pytest.approx(index, abs=1e-9)


@methods
def test_a_method_is_named_in_lower_case_and_explained(method):
    assert method.name == method.name.lower()
    assert type(method).__doc__
    assert type(method).weights.__doc__
