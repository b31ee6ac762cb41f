"""The worked example of every function in a workbook that the headless engine computes."""

import datetime as dt
import io

import pytest
import xlsxwriter

from tests.golden.compare import as_block, assert_vector, cell_value, with_keys
from tests.hosts.calls import CALLS, Dates, invented, with_dates, write_call
from xlplugin.hosts.common import Failure, answer
from xlplugin.hosts.headless import compile_book
from xlplugin.workbook.tokens import address
from xlplugin.worksheet.registry import load


def test_every_registered_function_has_a_worked_example_that_all_hosts_answer():
    assert {vector["function"] for vector in CALLS} == load().names
    assert len({vector["id"] for vector in CALLS}) == len(CALLS)


def test_an_invented_call_gives_every_required_argument_a_value_of_its_kind():
    """So that a function dropped into the folder is compared in all hosts without a test of its own."""
    for function in load():
        args = invented(function)
        assert args.keys() == {a.name for a in function.arguments if not a.is_optional}
        given = [cell_value(args.get(a.name)) for a in function.arguments]
        answered = answer(function, *given)
        assert not isinstance(answered, Failure) or "-900 " not in answered.sentence, answered


@pytest.fixture(scope="module")
def answers():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    dates = Dates(book)
    sizes = {vector["id"]: write_call(book, dates, vector, str) for vector in CALLS}
    book.close()
    computed = compile_book(out.getvalue()).run(as_of=dt.date(2026, 11, 20))
    return {name: computed.cells(name[:31], f"A1:{address(*size)}") for name, size in sizes.items()}


@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_the_headless_engine_gives_the_same_answer(vector, answers):
    function = load()[vector["function"]]
    got = with_keys(function, answers[vector["id"]])
    assert_vector(vector, function, with_dates(got, as_block(cell_value(vector["expected"]))))
