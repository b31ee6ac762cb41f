import datetime as dt
from typing import Annotated

import numpy as np
import pytest

from xlplugin.errors import ErrorValue
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.kinds import Help, Vector
from xlplugin.worksheet.memory import Memory, fingerprint
from xlplugin.worksheet.registry import Registry, worksheet_function


def counting():
    calls, registry = [], Registry()

    def twice_it(x: Annotated[Vector, Help("Numbers", "数")]) -> object:
        """Twice the numbers."""
        calls.append(x)
        return 2 * x

    worksheet_function("TWICE_IT", category="Test", ja="二倍", registry=registry)(twice_it)
    return registry["TWICE_IT"], calls


def test_a_call_with_equal_arguments_is_answered_without_calling_again():
    function, calls = counting()
    memory = Memory()
    first = call(function, [[1.0], [2.0]], memory=memory)
    second = call(function, [[1.0], [2.0]], memory=memory)
    assert first == second == [[2.0], [4.0]]
    assert len(calls) == 1


def test_changing_an_answer_does_not_change_the_memory():
    function, _ = counting()
    memory = Memory()
    call(function, [[1.0], [2.0]], memory=memory)[0][0] = 99.0
    assert call(function, [[1.0], [2.0]], memory=memory) == [[2.0], [4.0]]


def test_a_function_cannot_change_an_argument_that_others_share():
    registry = Registry()

    def spoil_it(x: Annotated[Vector, Help("Numbers", "数")]) -> object:
        """Change the argument."""
        x[0] = 0.0
        return x

    worksheet_function("SPOIL_IT", category="Test", ja="破壊", registry=registry)(spoil_it)
    with pytest.raises(ValueError, match="read-only"):
        call(registry["SPOIL_IT"], [[1.0], [2.0]], memory=Memory())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([[1.0]], [[True]]),
        ([[1.0]], [["1.0"]]),
        ([[None]], [[""]]),
        ([[1.0], [2.0]], [[1.0, 2.0]]),
        ([[dt.date(2026, 1, 1)]], [[dt.date(2026, 1, 2)]]),
        ([[ErrorValue.NA]], [[ErrorValue.NUM]]),
        (1.0, True),
    ],
)
def test_different_contents_have_different_fingerprints(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_equal_contents_have_equal_fingerprints_whatever_objects_hold_them():
    texts = ["".join(["72", "03"]), "7203"]
    assert fingerprint([[texts[0], texts[0]]]) == fingerprint([[texts[1], "".join("7203")]])
    assert fingerprint(np.array([[1.0, 2.0]])) == fingerprint([[1.0, 2.0]])


def test_a_full_memory_forgets_the_least_recently_used():
    memory = Memory(cells=20)
    for key in ("a", "b", "a", "c"):
        memory.remembered(key, lambda: 0, 10)
    hits = memory.hits
    memory.remembered("a", lambda: 0, 10)
    assert memory.hits == hits + 1
    memory.remembered("b", lambda: 0, 10)
    assert memory.misses == 4  # a, b, c, and b again


def test_a_range_is_read_once_for_many_cells(monkeypatch):
    from xlplugin.worksheet import convert

    function, _ = counting()
    reads, real = [], convert.read
    monkeypatch.setattr(convert, "read", lambda argument, raw: reads.append(1) or real(argument, raw))
    memory = Memory()
    for _ in range(500):
        call(function, [[float(n)] for n in range(100)], memory=memory)
    assert len(reads) == 1
