from typing import Annotated

import numpy as np
import pytest

from xlplugin.worksheet.kinds import Help, Number, OptionalVector, Vector
from xlplugin.worksheet.registry import Registry, load, worksheet_function


def register(name="SAMPLE_RATE", function=None, **more):
    registry = Registry()

    def sample_rate(rate: Annotated[Number, Help("A rate", "率")]) -> float:
        """A rate, given back."""
        return rate

    worksheet_function(name, category="Test", ja="見本", registry=registry, **more)(function or sample_rate)
    return registry


def test_the_decorated_function_is_given_back_unchanged():
    def twice(x: Annotated[Vector, Help("Numbers", "数")]) -> object:
        """Twice the numbers."""
        return 2 * x

    decorated = worksheet_function("TWICE_IT", category="Test", ja="二倍", registry=Registry())(twice)
    assert decorated is twice
    assert decorated(np.array([1.0])).tolist() == [2.0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sample_rate", "upper-case"),
        ("TE1", "upper-case"),  # a cell address
        ("AB", "upper-case"),
        ("SUM", "belongs to"),
        ("XLOOKUP", "belongs to"),
        ("RESULT", "belongs to"),  # Excel 4.0 macro function
        ("ERASE", "belongs to"),  # VBA
    ],
)
def test_a_name_that_some_host_cannot_take_is_refused(name, reason):
    with pytest.raises(ValueError, match=reason):
        register(name)


def test_two_names_that_differ_by_underscores_only_are_refused():
    registry = register("SAMPLE_RATE")
    with pytest.raises(ValueError, match="but for underscores"):
        registry.add(next(iter(register("SAMPLERATE"))))


@pytest.mark.parametrize("length", [0, 256])
def test_a_help_text_has_1_to_255_characters_or_registration_fails(length):
    def sample(rate: Annotated[Number, Help("x" * length, "率")]) -> float:
        """A rate."""
        return rate

    with pytest.raises(ValueError, match=f"a help text has {length} characters"):
        register(function=sample)


def test_a_help_text_of_255_characters_is_accepted_in_both_languages():
    def sample(rate: Annotated[Number, Help("x" * 255, "率" * 255)]) -> float:
        """A rate."""
        return rate

    assert len(register(function=sample)) == 1


def test_a_missing_japanese_help_is_refused():
    def sample(rate: Annotated[Number, Help("A rate")]) -> float:
        """A rate."""
        return rate

    with pytest.raises(ValueError, match="has 0 characters"):
        register(function=sample)


def test_an_argument_called_caller_is_refused():
    def sample(caller: Annotated[Number, Help("A rate", "率")]) -> float:
        """A rate."""
        return caller

    with pytest.raises(ValueError, match="caller"):
        register(function=sample)


def test_an_argument_without_help_is_refused_by_name():
    def sample(rate: float) -> float:
        """A rate."""
        return rate

    with pytest.raises(TypeError, match="say what 'rate' is"):
        register(function=sample)


def test_keyword_only_arguments_are_refused():
    def sample(*, rate: Annotated[Number, Help("A rate", "率")]) -> float:
        """A rate."""
        return rate

    with pytest.raises(TypeError, match="must be positional"):
        register(function=sample)


def test_a_python_keyword_is_shown_without_its_underscore():
    def sample(
        from_: Annotated[Number, Help("Start", "始")], to: Annotated[OptionalVector, Help("End", "終")] = None
    ) -> float:
        """From and to."""
        return from_

    function = next(iter(register(function=sample)))
    assert [(a.name, a.is_optional) for a in function.arguments] == [("from", False), ("to", True)]


def test_every_installed_function_has_help_a_title_and_a_source():
    for function in load():
        assert function.help.en.endswith("."), f"{function.name}: the wizard text is a sentence"
        assert function.help.ja, f"{function.name}: no Japanese help"
        assert function.title.ja, f"{function.name}: no Japanese title"
        assert function.source, f"{function.name}: no source"
        assert "Examples" in (function.call.__doc__ or ""), f"{function.name}: no example that runs"


def test_japanese_titles_of_one_function_are_all_different():
    for function in load():
        titles = list(function.columns.values())
        assert len(set(titles)) == len(titles), function.name
