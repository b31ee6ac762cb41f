"""`pytest tests/golden --vectors DIR`: every vector file in DIR, each kind through one adapter.

A kind without an adapter fails; nothing is skipped.
"""

from tests.golden import adapters_jp, adapters_us
from tests.golden.compare import assert_fields, assert_like, assert_vector, cell_value
from tests.tax.test_tables import as_written, same
from xlplugin.errors import XlPluginError
from xlplugin.tax.tables import table
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.registry import load

ADAPTERS = {**adapters_us.ADAPTERS, **adapters_jp.ADAPTERS}


def of(schema):
    def mark(test):
        test.schema = schema
        return test

    return mark


@of("calls")
def test_the_worksheet_call_gives_the_expected_block(golden_case):
    vector, registry = golden_case.vector, load()
    assert golden_case.kind in registry, f"no worksheet function is called {golden_case.kind}"
    function = registry[golden_case.kind]
    names = [argument.name for argument in function.arguments]
    assert set(vector["args"]) <= set(names), f"arguments differ: {vector['args'].keys()} and {names}"
    given = [cell_value(vector["args"].get(name)) for name in names]
    try:
        got = call(function, *given)
    except XlPluginError as error:
        got = [[error.cell_error]]
    assert_vector(vector, function, got)


@of("kinds")
def test_the_tax_case_gives_the_expected_fields(golden_case):
    schema = golden_case.document["schema"]
    assert golden_case.kind in ADAPTERS, f"no adapter for the kind {golden_case.kind}"
    got = ADAPTERS[golden_case.kind](golden_case.vector)
    fields = schema["kinds"][golden_case.kind]["expected"]
    assert_fields(got, golden_case.vector["expected"], fields, schema.get("records", {}), "expected")


@of("cases")
def test_the_wash_sale_case_gives_the_expected_ledger(golden_case):
    assert golden_case.kind in ADAPTERS, f"no adapter for the kind {golden_case.kind}"
    assert_like(ADAPTERS[golden_case.kind](golden_case.vector), golden_case.vector["expected"], "expected")


@of("tables")
def test_the_dated_table_of_the_package_holds_every_row(golden_case):
    rows = table(golden_case.vector["name"]).rows
    for wanted in golden_case.vector["rows"]:
        assert any(_holds(row, wanted, golden_case.vector) for row in rows), f"no row equals {wanted}"


def _holds(row, wanted, vector) -> bool:
    if (row.valid_from.isoformat(), row.status) != (wanted["valid_from"], wanted["status"]):
        return False
    if row.key != tuple(wanted[name] for name in vector["key"]):
        return False
    published = [name for name in vector["values"] if wanted.get(name) is not None]
    return all(name in row.values and same(as_written(row.values[name]), wanted[name]) for name in published)
