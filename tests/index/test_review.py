import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import InfeasibleError, InputError, MissingError
from xlplugin.index.changes import change_list, concentration, group_weights
from xlplugin.index.recipe import Recipe, Step
from xlplugin.index.review import review
from xlplugin.index.screening import Rule
from xlplugin.index.universe import Universe

ALL, NONE = Step("ALL"), Step("NONE")


def recipe(selection=ALL, capping=NONE, screens=(), scheme="CAP", stages=1):
    return Recipe(scheme, tuple(screens), selection, capping, stages, None)


def names(n=6, **columns):
    base = {
        "code": [f"X{i}" for i in range(n)],
        "price": [10.0] * n,
        "shares": [float(n - i) for i in range(n)],
    }
    return Universe.of({**base, **columns})


def test_a_review_passes_screens_ranks_weights_and_caps_in_this_order():
    # Shares 6..1, the largest fails the screen, the next three are taken: 5, 4, 3 of 12.
    market = names(good=[0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    done = review(
        recipe(
            Step("RANK", {"metric": "full_cap", "count": 3.0}),
            Step("SINGLE", {"cap": 0.4}),
            [Rule("good", "=", 1.0, code="BAD")],
        ),
        market,
    )
    np.testing.assert_allclose(done.raw_weights, [0, 5 / 12, 4 / 12, 3 / 12, 0, 0])
    # 5/12 capped to 0.4, the rest keep 4 to 3 of 0.6.
    np.testing.assert_allclose(done.weights, [0, 0.4, 0.6 * 4 / 7, 0.6 * 3 / 7, 0, 0])
    assert done.reasons == ("BAD", "", "", "", "RANK", "RANK")
    assert np.nanmax(done.cap_factors) == 1.0


def test_a_newcomer_without_a_datum_stays_out_and_a_constituent_stays_in():
    market = names(2, turnover=[None, None])
    rules = [Rule("turnover", ">=", 0.2)]
    done = review(recipe(screens=rules), market, incumbent=np.array([True, False]))
    assert done.selected.tolist() == [True, False]
    assert done.reasons == ("MISSING:turnover", "MISSING:turnover")


def test_a_name_without_a_price_cannot_be_weighted_and_says_so():
    market = names(2, price=[10.0, None])
    done = review(recipe(), market)
    assert done.weights.tolist() == [1.0, 0.0]
    assert done.reasons[1] == "MISSING:price"


def test_a_column_that_the_recipe_needs_is_missed_by_name():
    with pytest.raises(MissingError, match="column adv is needed"):
        review(recipe(Step("RANK", {"metric": "adv", "count": 1})), names())


def test_nothing_left_is_an_error_with_a_reason():
    with pytest.raises(InfeasibleError, match="SMALL"):
        review(recipe(screens=[Rule("full_cap", ">", 1e9, code="SMALL")]), names())


def test_turnover_and_changes_start_from_the_weights_before():
    before = np.array([0.5, 0.5, 0, 0, 0, 0])
    done = review(recipe(Step("RANK", {"metric": "full_cap", "count": 2.0})), names(), before)
    # New weights 6/11 and 5/11.
    assert done.turnover == pytest.approx(6 / 11 - 0.5)
    assert {c.kind for c in done.changes} == {"UP", "DOWN"}


def test_leavers_decline_step_by_step():
    # TOPIX from October 2026: eight steps. Equal names, one leaves; after 2 steps it counts 6/8.
    market = names(3, shares=[1.0, 1.0, 1.0], good=[1.0, 1.0, 0.0])
    rule = recipe(screens=[Rule("good", "=", 1.0)], stages=8)
    member = np.array([True, True, True])
    two = review(rule, market, incumbent=member, stage=2)
    np.testing.assert_allclose(two.weights, [1 / 2.75, 1 / 2.75, 0.75 / 2.75])
    assert two.selected.tolist() == [True, True, False]
    assert review(rule, market, incumbent=member, stage=8).weights.tolist() == [0.5, 0.5, 0.0]
    assert review(rule, market, incumbent=member).weights.tolist() == [0.5, 0.5, 0.0]


def test_a_cap_ratio_steps_down_for_the_name_above_the_cap():
    market = names(3, price=[70.0, 20.0, 10.0], shares=[1.0, 1.0, 1.0])
    done = review(recipe(ALL, Step("STEPS", {"cap": 0.5, "step": 0.1}), scheme="PRICE"), market)
    assert done.cap_factors.tolist() == [0.9, 1.0, 1.0]
    np.testing.assert_allclose(done.weights, np.array([63.0, 20.0, 10.0]) / 93.0)


def test_bands_keep_a_constituent_of_the_segment_inside_them():
    # Shares of the total: 6/21, 11/21, 15/21, 18/21 = 0.857, ...; break at 0.8, band 0.1.
    step = Step(
        "BANDS",
        {"metric": "full_cap", "breaks": (0.8,), "lower": 0.1, "upper": 0.1, "segments": (1.0,)},
    )
    member = np.array([True, True, True, True, False, False])
    assert review(recipe(step), names(), incumbent=member).selected.tolist() == [True] * 4 + [False] * 2
    newcomers = np.array([True, True, True, False, False, False])
    assert review(recipe(step), names(), incumbent=newcomers).selected.tolist() == [True] * 3 + [False] * 3


def test_points_rank_within_the_pool_only():
    # Pool of 4 by shares; scores by the second measure; two names with the best points.
    step = Step(
        "POINTS",
        {
            "pool_metric": "shares",
            "pool": 4.0,
            "metrics": ["roe"],
            "weights": (1.0,),
            "count": 2.0,
            "rank_out": 2.0,
        },
    )
    done = review(recipe(step), names(roe=[0.1, 0.4, 0.3, 0.2, 0.9, 0.8]))
    assert done.selected.tolist() == [False, True, True, False, False, False]


def test_group_caps_need_the_group_column():
    step = Step("GROUPS", {"group": "sector", "group_cap": 0.5})
    market = names(3, shares=[8.0, 1.0, 1.0], sector=["A", "B", "B"])
    np.testing.assert_allclose(review(recipe(ALL, step), market).weights, [0.5, 0.25, 0.25])
    with pytest.raises(MissingError, match="sector"):
        review(recipe(ALL, step), names(3))


sizes = st.lists(st.integers(1, 1000), min_size=5, max_size=20, unique=True)


@given(sizes, st.randoms(), st.data())
@settings(deadline=None, max_examples=50)
def test_the_order_of_the_rows_does_not_matter_for_a_review(shares, random, data):
    n = len(shares)
    member = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    codes = [f"X{i}" for i in range(n)]
    order = list(range(n))
    random.shuffle(order)
    rule = recipe(
        Step("COVERAGE", {"metric": "full_cap", "target": 0.8, "keep": 0.9}), Step("SINGLE", {"cap": 0.6})
    )

    def run(rows):
        market = Universe.of(
            {
                "code": [codes[r] for r in rows],
                "price": [1.0] * n,
                "shares": [float(shares[r]) for r in rows],
            }
        )
        try:
            done = review(rule, market, incumbent=member[rows])
        except InfeasibleError:
            return None
        return dict(zip(market.codes, done.weights.tolist(), strict=True))

    assert run(order) == pytest.approx(run(list(range(n)))) or run(order) is None


# -- changes and concentration -------------------------------------------------------------------

weight_pairs = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12)


@given(weight_pairs, st.integers(1, 5))
@settings(deadline=None)
def test_before_plus_changes_is_after_and_the_last_step_lands_exactly(rows, stages):
    before, after = (np.array(x) for x in zip(*rows, strict=True))
    listed = change_list(before, after, stages=stages, show_all=True)
    moved = np.zeros(len(rows))
    for change in listed:
        moved[change.row] += change.weight_after - change.weight_before
        if change.step == stages:
            assert change.weight_after == after[change.row]
    np.testing.assert_allclose(before + moved, after, atol=1e-12)


def test_small_reweightings_are_left_out_but_never_an_addition_or_deletion():
    before, after = np.array([0.5, 0.5, 0.0, 0.001]), np.array([0.5004, 0.4986, 0.001, 0.0])
    kinds = [c.kind for c in change_list(before, after, min_change=0.002)]
    assert kinds == ["ADD", "DELETE"]


def test_equal_weights_have_as_many_effective_names_as_names():
    profile = concentration(np.full(25, 0.04))
    assert profile.effective_names == pytest.approx(25.0)
    assert profile.top_ten == pytest.approx(0.4)


def test_group_weights_sum_to_the_whole():
    groups = group_weights(np.array([0.2, 0.3, 0.5]), ["A", "B", "A"])
    assert groups == pytest.approx({"A": 0.7, "B": 0.3})


# -- universe ------------------------------------------------------------------------------------


def test_a_code_twice_is_refused_with_its_row():
    with pytest.raises(InputError, match="row 2: 7203 is there twice"):
        Universe.of({"code": ["7203", 7203.0], "price": [1.0, 2.0]})


def test_sizes_are_derived_when_they_are_not_given():
    market = Universe.of({"code": ["A"], "price": [2.0], "shares": [3.0], "free_float": [0.5], "fx": [10.0]})
    assert market.number("full_cap").tolist() == [60.0]
    assert market.number("float_cap").tolist() == [30.0]


def test_a_missing_number_is_not_zero_and_a_missing_word_is_blank():
    market = Universe.of({"code": ["A", "B"], "price": [None, 2.0], "sector": [None, "IT"]})
    assert market.cells("price") == [None, 2.0]
    assert market.cells("sector") == [None, "IT"]
