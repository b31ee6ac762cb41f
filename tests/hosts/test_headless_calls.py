"""The worked example of every function in a workbook that the headless engine computes."""

import datetime as dt
import io

import pytest
import xlsxwriter

from tests.golden.compare import as_block, assert_vector, cell_value, with_keys
from tests.hosts.calls import CALLS, Dates, with_dates, write_call
from xlplugin.hosts.headless import compile_book
from xlplugin.workbook.tokens import address
from xlplugin.worksheet.registry import load


def test_every_registered_function_has_a_worked_example_that_all_hosts_answer():
    assert {vector["function"] for vector in CALLS} == load().names
    assert len({vector["id"] for vector in CALLS}) == len(CALLS)


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
