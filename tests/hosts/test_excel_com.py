"""xlwings' real conversion pipeline for Excel on Windows, with inert stand-ins for pywin32."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.compare import as_block, assert_vector, cell_value
from tests.hosts.calls import CALLS
from xlplugin.errors import ErrorValue
from xlplugin.worksheet.registry import load

REPOSITORY = Path(__file__).resolve().parents[2]
ERRORS = {error.value: error for error in ErrorValue}


def through_com(calls):
    done = subprocess.run(
        [sys.executable, "-m", "tests.hosts.com_calls"],
        input=json.dumps(calls),
        text=True,
        capture_output=True,
        check=False,
        cwd=REPOSITORY,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def answers():
    calls = []
    for vector in CALLS:
        names = [a.name for a in load()[vector["function"]].arguments]
        calls.append([vector["function"], [vector["args"].get(name, "omitted") for name in names]])
    return dict(zip((v["id"] for v in CALLS), through_com(calls), strict=True))


def as_cells(value):
    """What the VBA text makes of the answer: error texts become errors, "#NUM! DI-140 ..." too."""
    if isinstance(value, str) and value.startswith("#"):
        return ERRORS.get(value.split(" DI-")[0], value)
    if isinstance(value, list):
        return [as_cells(v) for v in value]
    return cell_value(value)


@pytest.mark.parametrize("vector", CALLS, ids=[vector["id"] for vector in CALLS])
def test_the_com_pipeline_gives_the_same_answer(vector, answers):
    got = as_cells(answers[vector["id"]])
    if isinstance(got, list) and got and not isinstance(got[0], list):
        # xlwings hands a single row over as a flat list; the VBA text makes a row of it again.
        expected = as_block(vector["expected"])
        got = [got] if len(expected) == 1 or len(expected[0]) > 1 else [[v] for v in got]
    assert_vector(vector, load()[vector["function"]], got)


def test_a_failure_travels_as_its_error_and_its_sentence():
    (((text,),),) = through_com([["WHY", ["no such code", "en"]]])  # COM makes a scalar of one cell
    assert text.startswith("#N/A DI-130 WHY: value: nothing is known about 'no such code'")


def test_the_functions_load_and_answer_without_what_a_browser_lacks():
    """xlwings Lite runs in the browser: no optimiser but our own, no calculator, no reader of files."""
    lacking = (
        "formualizer python_calamine pyarrow osqp scs ecos cvxpy piqp win32com pythoncom fastapi".split()
    )
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({lacking}))\n"
        "from xlplugin.hosts.excel import functions as f\n"
        "lots = [['account', 'account_kind', 'code', 'quantity', 'unit_cost'],\n"
        "        ['A', 'JP_TOKUTEI_WH', '1001', 100.0, 500.0]]\n"
        "listed = f.HARVEST(lots, [['code', 'price'], ['1001', 400.0]], [[46346.0]])\n"
        "print(len(f.__all__), round(f.COST_HEDGE([[0.005]], [[0.05]], [[0.5]])[0][0], 6), listed[1][1:4])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=2) == [str(len(load())), "0.0225", "['A', 'JP_TOKUTEI_WH', '1001']\n"]


def test_every_function_has_name_category_and_argument_help_for_the_wizard():
    code = (
        "from tests.hosts.pywin32_stand_ins import install; install()\n"
        "from xlplugin.hosts.excel import functions as f\n"
        "import json; print(json.dumps({n: [getattr(f, n).__xlfunc__['category'], "
        "[a['doc'] for a in getattr(f, n).__xlfunc__['args']]] for n in f.__all__}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    shown = json.loads(done.stdout)
    assert shown == {f.name: [f.category, [a.help.en for a in f.arguments]] for f in load()}
