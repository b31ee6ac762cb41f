"""Formulas of real workbooks through the headless engine; expected values worked out by hand.

`capability.json` lists for each engine, as it was first measured, which vectors fail. Those that
fail in ours stand in SPEC.md of `xlplugin.workbook`, with the reason; today none does.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import xlsxwriter

from tests.golden.test_golden import of
from xlplugin.errors import ErrorValue
from xlplugin.hosts.headless import RegistryFunctions
from xlplugin.workbook import compile_template
from xlplugin.workbook.formula import file_form
from xlplugin.workbook.reading import Book
from xlplugin.workbook.tokens import address
from xlplugin.worksheet.kinds import Cells, Help, OptionalCells
from xlplugin.worksheet.registry import Registry, worksheet_function

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = json.loads(Path(__file__).with_name("capability.json").read_text(encoding="utf-8"))

RESULT, HELPER = 3, 14  # columns D and O, counted from zero

STUBS = Registry()


def stub(name: str) -> Any:
    return worksheet_function(name, category="Test", ja="試験", registry=STUBS)


Given = Annotated[Cells, Help("Any cells", "値")]
Optional = Annotated[OptionalCells, Help("Any cells", "値")]


@stub("UDF_SUM")
def udf_sum(x: Given) -> float:
    """Sum of the numbers."""
    return sum(c for row in x for c in row if type(c) is float)


@stub("UDF_SHAPE")
def udf_shape(x: Given) -> str:
    """Rows and columns."""
    return f"{len(x)}x{len(x[0])}"


@stub("UDF_TYPES")
def udf_types(x: Given) -> str:
    """One letter for each cell."""

    def letter(value: Any) -> str:
        if value is None or value == "":
            return "-"
        kinds = ((ErrorValue, "X"), (bool, "B"), (dt.date, "D"), (float, "N"))
        return next((mark for kind, mark in kinds if isinstance(value, kind)), "T")

    return "".join(letter(c) for row in x for c in row)


@stub("UDF_OMIT")
def udf_omit(a: Optional = None, b: Optional = None, c: Optional = None) -> str:
    """Which of three arguments were left out."""

    def shown(block: Any) -> str:
        value = None if block is None else block[0][0]
        return "~" if value is None else str(int(value)) if isinstance(value, float) else str(value)

    return "|".join(map(shown, (a, b, c)))


@stub("UDF_SPILL")
def udf_spill(r: Given, c: Given) -> list[list[float]]:
    """Rows by columns; 10 i + j."""
    return [[10.0 * i + j for j in range(int(c[0][0]))] for i in range(int(r[0][0]))]


@stub("UDF_ERR")
def udf_err() -> ErrorValue:
    """Always #N/A."""
    return ErrorValue.NA


@stub("UDF_ERRARR")
def udf_errarr() -> list[list[Any]]:
    """A block with errors in it."""
    example = next(s for s in SUITE["stubs"] if s["name"] == "UDF_ERRARR")["examples"][0]
    return [[plain(v) for v in row] for row in example["result"]["array"]]


@stub("UDF_ZERO")
def udf_zero() -> list[list[float]]:
    """A block without rows."""
    return []


@stub("UDF_JP")
def udf_jp(s: Given) -> str:
    """A greeting."""
    return f"こんにちは{s[0][0]}"


@stub("UDF_RAISE")
def udf_raise() -> float:
    """Always raises."""
    raise RuntimeError("on purpose")


class Stubs(RegistryFunctions):
    registry = STUBS  # type: ignore[assignment]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return ErrorValue(value["error"])
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


# -- the book ------------------------------------------------------------------------------------


def arrays(expected: dict[str, Any]) -> list[list[list[Any]]]:
    if "any_of" in expected:
        return [array for choice in expected["any_of"] for array in arrays(choice)]
    return [expected["array"]] if "array" in expected else []


def placed(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """Every vector and the row of its result, as many rows apart as results may fill."""
    row = 1
    for vector in document["vectors"]:
        yield vector, row
        heights = [len(array) for array in arrays(vector["expected"])]
        heights += [helper["extent"][0] for helper in vector.get("with", ())]
        row += max(heights, default=1) + 1


def build(document: dict[str, Any]) -> bytes:
    setup, memory = document["setup"], BytesIO()
    book = xlsxwriter.Workbook(memory)
    dates = book.add_format({"num_format": "yyyy-mm-dd"})
    tests = book.add_worksheet(setup["test_sheet"])
    for described in setup["sheets"]:
        sheet = book.add_worksheet(described["name"])
        for place, value in described["cells"].items():
            if isinstance(value, dict) and "date" in value:
                sheet.write_datetime(place, dt.datetime.fromisoformat(value["date"]), dates)
            elif isinstance(value, dict):
                sheet.write_formula(place, f"={value['formula']}")
            else:
                sheet.write(place, value)
        for table in setup["tables"]:
            if table["sheet"] == described["name"]:
                columns = [{"header": header} for header in table["columns"]]
                sheet.add_table(table["ref"], {"name": table["name"], "columns": columns})
    for name in setup["names"]:
        book.define_name(name["name"], f"={name['refers_to']}")
    for vector, row in placed(document):
        stored = vector["stored"]
        for helper in vector.get("with", ()):
            stored = stored.replace(f"{{{helper['name']}}}", address(row + 1, HELPER + 1))
            tests.write_dynamic_array_formula(row, HELPER, row, HELPER, f"={helper['stored']}")
        if vector["dynamic"]:
            tests.write_dynamic_array_formula(row, RESULT, row, RESULT, f"={stored}")
        else:
            tests.write_formula(row, RESULT, f"={stored}")
    book.close()
    return memory.getvalue()


COMPUTED: dict[int, tuple[dict[str, int], dict[tuple[int, int], Any]]] = {}


def computed(document: dict[str, Any]) -> tuple[dict[str, int], dict[tuple[int, int], Any]]:
    """The row of every vector and the values of the test sheet; one book per file, computed once."""
    if id(document) not in COMPUTED:
        result = compile_template(build(document), Stubs(), lenient=True).run(as_of=dt.date(2026, 11, 20))
        values = Book(result.data).values(document["setup"]["test_sheet"])
        COMPUTED[id(document)] = {vector["id"]: row for vector, row in placed(document)}, values
    return COMPUTED[id(document)]


def same(got: Any, want: Any, vector: dict[str, Any]) -> bool:
    if got is None or got == "":
        return want is None or want == ""
    if isinstance(want, dict):
        return isinstance(got, ErrorValue) and got.value in (want["error"], vector.get("stored_error"))
    if isinstance(want, bool) or isinstance(got, bool):
        return got is want
    if isinstance(want, (int, float)):
        allowed = vector.get("tolerance", {"rel": 1e-9, "abs": 1e-12})
        return isinstance(got, float) and math.isclose(
            got, want, rel_tol=allowed["rel"], abs_tol=allowed["abs"]
        )
    return bool(got == want)


def agrees(values: dict[tuple[int, int], Any], row: int, expected: Any, vector: Any) -> bool:
    first = values.get((row + 1, RESULT + 1))
    if "any_of" in expected:
        return any(agrees(values, row, choice, vector) for choice in expected["any_of"])
    if "match" in expected:
        return isinstance(first, str) and re.search(expected["match"], first) is not None
    if "error" in expected:
        return same(first, {"error": expected["error"]}, vector)
    if "value" in expected:
        return same(first, expected["value"], vector)
    array = expected["array"]
    height, width = len(array), len(array[0])
    beside = [(height, j) for j in range(width)] + [(i, width) for i in range(height)]
    return all(
        same(values.get((row + 1 + i, RESULT + 1 + j)), want, vector)
        for i, line in enumerate(array)
        for j, want in enumerate(line)
    ) and all(values.get((row + 1 + i, RESULT + 1 + j)) in (None, "") for i, j in beside)


@of("formulas")
def test_formula_gives_what_excel_documents(golden_case: Any) -> None:
    vector = golden_case.vector
    rows, values = computed(golden_case.document)
    row = rows[vector["id"]]
    assert agrees(values, row, vector["expected"], vector), values.get((row + 1, RESULT + 1))


@of("formulas")
def test_a_typed_formula_is_stored_as_excel_stores_it(golden_case: Any) -> None:
    for given in (golden_case.vector, *golden_case.vector.get("with", ())):
        typed, stored = (re.sub(r"\{[A-Z]+\}", "O2", given[key]) for key in ("formula", "stored"))
        assert file_form(typed) == stored
        assert file_form(stored) == stored
