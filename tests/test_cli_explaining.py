"""Where the value of a cell comes from, and faults of form in a workbook."""

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName

from tests.cli_calls import answer, called
from xlplugin.cli.places import built, compiled
from xlplugin.workbook import Book, Inputs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
DAY = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def adviser(tmp_path_factory) -> Path:
    """An adviser's book: a lot of a taxable account and one of a retirement account, both at a loss."""
    names = {"in_client_id": "T0001", "in_as_of": DAY, "in_tax_year": 2026.0}
    names |= {"in_rate_short": 0.35, "in_rate_long": 0.2, "in_outside_accounts": "seen"}
    accounts = [{"Account": "A", "Account kind": "US_TAXABLE"}, {"Account": "B", "Account kind": "US_IRA"}]
    lot = {
        "Account": "A",
        "Code": "ZZAA",
        "Quantity": 100.0,
        "Cost basis": 9000.0,
        "Acquired": dt.date(2026, 1, 5),
    }
    price = {
        "Code": "ZZAA",
        "Name": "Z",
        "Sector": "S",
        "Price": 50.0,
        "Price date": DAY,
        "Specific variance": 0.04,
    }
    tables = {
        "tbl_accounts": accounts,
        "tbl_lots": [lot, lot | {"Account": "B"}],
        "tbl_prices": [price],
        "tbl_sources": [{"Item": "prices", "Source": "quotes.csv", "Date": DAY}],
    }
    path = tmp_path_factory.mktemp("adviser") / "client.xlsx"
    path.write_bytes(compiled(built()["advisor", "en"], "en").run(Inputs(names, tables), as_of=DAY).data)
    return path


def test_a_cell_of_a_result_is_explained_by_formula_arguments_inputs_files_and_rule(adviser):
    found = answer("explain", adviser, "Harvest!L11", "--lang", "en")
    assert found["first"] == "Harvest!B11"
    assert found["formula"].startswith("=HARVEST(lots,prices,in_as_of")
    assert found["value"] == "4000"  # 100 x (90 - 50)
    assert "26 USC 1091" in found["source"]
    by_name = {r["name"]: r for r in (*found["arguments"], *found["inputs"])}
    assert by_name["as_of"]["holds"] == "2026-11-20"
    assert by_name["in_rate_short"]["holds"] == "0.35"
    assert by_name["tbl_prices"]["holds"] == "quotes.csv 2026-11-20"


def test_a_cell_whose_formula_was_frozen_into_a_value_is_explained_by_that_formula(adviser, tmp_path):
    frozen = tmp_path / "values.xlsx"
    answer("freeze", adviser, "--out", frozen, code=1)  # this small book lacks a market: other functions fail
    assert openpyxl.load_workbook(frozen)["Harvest"]["L11"].value == 4000
    live, found = (answer("explain", book, "Harvest!L11", "--lang", "en") for book in (adviser, frozen))
    assert found["formula"].startswith("=HARVEST(lots,prices,in_as_of")
    assert found == live


@pytest.mark.parametrize(("language", "word"), [("en", "retirement"), ("ja", "退職口座")])
def test_the_status_of_a_row_is_said_in_words(adviser, language, word):
    found = answer("explain", adviser, "--cell", "Harvest!L12", "--lang", language)
    assert any(word in sentence for sentence in found["sentences"])
    assert any(word in line for line in found["said"])


def test_an_input_is_named_as_the_sheet_of_inputs_names_it(adviser):
    text = next(n.text for n in Book(adviser).package.names if n.name == "in_rate_short")
    found = answer("explain", adviser, text.replace("$", ""), "--lang", "en")
    assert (found["value"], found["names"], found["does"]) == ("0.35", ["in_rate_short"], "Rate, short term")
    assert found["formula"] == ""


def test_a_failed_call_has_its_sentence(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Page"
    sheet["A1"], sheet["B1"] = DAY, '=COST_LENDING("much",0.5)'
    book.defined_names["in_as_of"] = DefinedName("in_as_of", attr_text="Page!$A$1")
    book.save(tmp_path / "book.xlsx")
    found = answer("explain", tmp_path / "book.xlsx", "Page!B1", "--lang", "en")
    assert found["value"] == "#VALUE!"
    assert found["function"].startswith("COST_LENDING(")
    assert found["sentences"][0].startswith("DI-110 COST_LENDING: ")


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("", "which cell? Give it as SHEET!CELL"),
        ("B5", "expected a sheet and a cell; the sheets are Start"),
        ("Nowhere!B5", "expected a sheet and a cell; the sheets are Start"),
        ("Start!Hello", "expected a cell such as Start!B5"),
    ],
)
def test_a_cell_that_is_none_is_refused_in_one_sentence(adviser, cell, sentence):
    code, out, err = called("explain", adviser, cell, "--lang", "en")
    assert (code, out) == (3, "")
    assert sentence in err
    assert err.count("\n") == 1


# -- lint --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "template",
    [
        "advisor",
        "proposal",
        *(pytest.param(b, marks=pytest.mark.slow) for b in ("fund_audit", "index_method")),
    ],
)
def test_our_templates_have_no_fault_of_form(template):
    assert answer("lint", built()[template, "ja"])["errors"] == 0


def test_a_fault_is_named_with_its_rule_and_place(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Page"
    sheet["A1"] = "=COST_LENDING(RAND(),0.5)"
    sheet["A2"] = "=SUM([1]Other!A1)"
    book.save(tmp_path / "book.xlsx")
    found = answer("lint", tmp_path / "book.xlsx", code=1)
    assert {("T05", "Page!A2"), ("T04", "Page!A1")} <= {(f["rule"], f["place"]) for f in found["findings"]}
    assert found["errors"] >= 1
