import datetime as dt
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.errors import DomainError, InputError, MissingError, WordError
from xlplugin.index.actions import (
    EVENTS,
    METHODS,
    Event,
    Line,
    event_chain,
    event_effect,
    theoretical_ex_rights_price,
)
from xlplugin.index.divisor import adjusted_divisor

lines = st.builds(Line, st.floats(1.0, 1e5), st.floats(0.1, 1e9), st.floats(0.05, 1.0))
methods = st.sampled_from(METHODS)
DAY = dt.date(2026, 3, 2)


@given(lines, st.floats(0.1, 20.0), st.sampled_from(["CAP", "PAF", "EQUAL"]))
@settings(deadline=None)
def test_a_split_has_no_economic_effect(line, ratio, method):
    effect = event_effect("SPLIT", line, [ratio], method)
    assert effect.value_change == 0.0
    assert effect.after.value == pytest.approx(line.value)
    assert effect.price_factor == pytest.approx(1.0 / ratio)


@given(lines, st.floats(0.0, 1.0))
@settings(deadline=None)
def test_an_ordinary_dividend_is_the_markets_business(line, part):
    effect = event_effect("CASHDIV", line, [line.price * part * 0.99])
    assert effect.after == line
    assert effect.value_change == 0.0


@given(lines, st.floats(0.01, 0.9))
@settings(deadline=None)
def test_a_special_dividend_takes_what_is_paid_out(line, part):
    paid = line.price * part
    for method in ("CAP", "EQUAL"):
        effect = event_effect("SPECIAL", line, [paid], method)
        assert effect.value_change == pytest.approx(-paid * line.shares * line.free_float)


@given(lines, st.integers(1, 5), st.integers(1, 10), st.floats(0.0, 0.99))
@settings(deadline=None)
def test_rights_below_the_price_add_what_is_paid_in(line, new, old, part):
    subscription = line.price * part
    effect = event_effect("RIGHTS", line, [new, old, subscription])
    paid_in = line.shares * new / old * subscription * line.free_float
    assert effect.value_change == pytest.approx(paid_in, rel=1e-6, abs=1e-6 * line.value)
    # The holder is as rich as before: old shares at the new price plus the value of the rights.
    terp = theoretical_ex_rights_price(line.price, new, old, subscription)
    assert old * line.price + new * subscription == pytest.approx((old + new) * terp)


@given(lines, methods)
@settings(deadline=None)
def test_rights_at_or_above_the_price_do_nothing_until_they_are_taken_up(line, method):
    effect = event_effect("RIGHTS", line, [1, 4, line.price], method)
    assert effect.after == line


@given(lines, st.floats(0.0, 1e9), methods)
@settings(deadline=None)
def test_new_shares_matter_to_a_capitalisation_index_only(line, count, method):
    change = event_effect("SHARES", line, [count], method).value_change
    if method == "CAP":
        assert change == pytest.approx((count - line.shares) * line.price * line.free_float)
    else:
        assert change == 0.0


@given(lines, st.floats(0.05, 1.0))
@settings(deadline=None)
def test_the_weight_factor_offsets_shares_float_rights_and_mergers(line, factor):
    for event, terms in (
        ("SHARES", [1e6]),
        ("FLOAT", [factor]),
        ("RIGHTS", [1, 2, line.price / 2]),
        ("MERGER", [1e6]),
    ):
        effect = event_effect(event, line, terms, "EQUAL")
        assert effect.value_change == 0.0
        if event in ("FLOAT", "RIGHTS"):
            assert effect.after.value == pytest.approx(line.value)


@given(lines)
@settings(deadline=None)
def test_one_share_each_lets_every_price_step_move_the_divisor(line):
    line = Line(line.price, 1.0, 1.0)
    assert event_effect("SPLIT", line, [2.0], "DIVISOR").value_change == pytest.approx(-line.price / 2)
    assert event_effect("BONUS", line, [1.0], "DIVISOR").value_change == pytest.approx(-line.price / 2)


@given(lines)
@settings(deadline=None)
def test_a_spun_off_child_at_zero_price_changes_nothing(line):
    assert event_effect("SPINOFF0", line, [0.0]).after == line


def test_an_addition_brings_its_value_and_a_deletion_takes_it():
    line = Line(100.0, 10.0, 0.5)
    assert event_effect("ADD", line, [0.0]).value_change == 500.0
    assert event_effect("DELETE", line, [0.0]).value_change == -500.0


@pytest.mark.parametrize(
    ("event", "terms", "sentence"),
    [
        ("SPLIT", [0.0], "above zero"),
        ("BONUS", [-1.0], "above zero"),
        ("SPECIAL", [100.0], "less than the price"),
        ("FLOAT", [1.2], "0 to 1"),
        ("SHARES", [-1.0], "zero or more"),
        ("MERGER", [-1.0], "zero or more"),
        ("RIGHTS", [0.0, 4.0, 60.0], "above zero"),
    ],
)
def test_impossible_terms_are_refused(event, terms, sentence):
    with pytest.raises(DomainError, match=sentence):
        event_effect(event, Line(100.0, 1.0, 1.0), terms)


def test_the_number_of_terms_is_checked_and_explained():
    with pytest.raises(InputError, match=r"RIGHTS takes 3 \(new shares, old shares, subscription price\)"):
        event_effect("RIGHTS", Line(100.0, 1.0, 1.0), [1.0])


def test_an_unknown_event_or_method_is_refused():
    with pytest.raises(WordError, match="event"):
        event_effect("STOCKSPLIT", Line(1.0, 1.0, 1.0), [1.0])
    with pytest.raises(WordError, match="method"):
        event_effect("SPLIT", Line(1.0, 1.0, 1.0), [1.0], "FREE")


def test_every_event_of_the_table_works_with_every_method():
    line, terms = Line(100.0, 10.0, 0.5), {"RIGHTS": [1, 4, 60.0], "FLOAT": [0.4]}
    for event in EVENTS:
        for method in METHODS:
            effect = event_effect(event, line, terms.get(event, [2.0]), method)
            assert math.isfinite(effect.value_after)
            assert effect.after.price >= 0.0


# -- chain ---------------------------------------------------------------------------------------


def level(held, divisor):
    return math.fsum(line.value for line in held.values()) / divisor


def test_a_chain_of_events_hands_the_divisor_on_and_keeps_the_level():
    book = {"A": Line(3000.0, 1e9, 0.6), "B": Line(500.0, 5e9, 0.8), "C": Line(12000.0, 1e8, 0.3)}
    book["N"] = Line(700.0, 2e9, 0.5)
    events = [
        Event("N", "ADD", DAY + dt.timedelta(3), (0.0,)),
        Event("A", "SHARES", DAY, (1.1e9,)),
        Event("B", "RIGHTS", DAY + dt.timedelta(1), (1.0, 4.0, 300.0)),
        Event("C", "SPECIAL", DAY + dt.timedelta(2), (200.0,)),
        Event("A", "SPLIT", DAY + dt.timedelta(4), (3.0,)),
        Event("C", "DELETE", DAY + dt.timedelta(5), (0.0,)),
    ]
    links, after = event_chain(events, book, 6e9)
    assert [link.event.code for link in links] == ["A", "B", "C", "N", "A", "C"]
    for earlier, later in itertools.pairwise(links):
        assert later.divisor_before == earlier.divisor_after
    for link in links:
        assert link.value_before / link.divisor_before == pytest.approx(link.value_after / link.divisor_after)
        before, change = np.array([link.value_before]), link.effect.value_change
        expected = adjusted_divisor(link.divisor_before, before, before + change)
        assert link.divisor_after == pytest.approx(expected)
    assert set(after) == {"A", "B", "N"}
    assert level(after, links[-1].divisor_after) == pytest.approx(
        links[-1].value_after / links[-1].divisor_after
    )


def test_an_event_of_a_name_that_is_not_there_is_refused():
    with pytest.raises(MissingError, match=r"X \(SPLIT\)"):
        event_chain([Event("X", "SPLIT", DAY, (2.0,))], {"A": Line(1.0, 1.0, 1.0)}, 1.0)


def test_an_index_cannot_lose_its_last_name():
    with pytest.raises(DomainError, match="hold nothing"):
        event_chain([Event("A", "DELETE", DAY, (0.0,))], {"A": Line(1.0, 1.0, 1.0)}, 1.0)
