"""The books of sample clients, computed: no error shown, figures as by hand from the client's files."""

import csv
import io
import math
import re
import warnings
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from workbooks.builder.words import Words, layout
from xlplugin import __version__
from xlplugin.batch.finish import finish
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import make_plan
from xlplugin.batch.run import execute
from xlplugin.hosts.headless import compile_book
from xlplugin.workbook.bind import Inputs

JOB = Path(__file__).resolve().parents[2] / "workbooks" / "sample" / "job.toml"
CLIENTS = ("C0001", "C0004")


def opened(path):
    """A computed book; openpyxl says that it drops extended formats and print areas of whole columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return openpyxl.load_workbook(path, data_only=True)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """Every book of two clients in both languages, as Excel would show it."""
    folder = tmp_path_factory.mktemp("computed")
    job = load_job(
        JOB,
        [
            f'output.folder="{folder}"',
            'job.make=["proposal", "advisor"]',
            'job.languages=["ja", "en"]',
            f"run.only={list(CLIENTS)}",
        ],
    )
    built = {
        (book, language): JOB.parents[1] / f"{book}.{language}.xlsx"
        for book in ("proposal", "advisor")
        for language in ("ja", "en")
    }
    plan = make_plan(job, built, lambda path, language: compile_book(path, language=language))
    finish(plan, list(execute(plan, None, workers=1)), "en")
    found = {
        (client, book, language): opened(folder / f"clients/{client}/{book}_{client}_{language}.xlsx")
        for client in CLIENTS
        for book in ("proposal", "advisor")
        for language in ("ja", "en")
    }
    assert len(found) == 8
    return found


def named(book, name):
    ((sheet, address),) = book.defined_names[name].destinations
    return book[sheet][address.replace("$", "")].value


def table(book, name, language):
    """Rows of a table of the hidden or visible sheets, by column key."""
    words = Words(language)
    spec = next(entry for entry in layout("inputs")["table"] if entry["name"] == name)
    keys = {words.column(key): key for key in [*spec["columns"], *spec.get("derived", ())]}
    for sheet in book.worksheets:
        if name in sheet.tables:
            header, *rows = sheet[sheet.tables[name].ref]
            titles = [keys[cell.value] for cell in header]
            return [dict(zip(titles, (cell.value for cell in row), strict=True)) for row in rows]
    raise AssertionError(f"no table {name}")


def test_no_visible_cell_shows_an_error(books):
    for key, book in books.items():
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                errors = [
                    f"{cell.coordinate} {cell.value}"
                    for row in sheet.iter_rows()
                    for cell in row
                    if cell.data_type == "e"
                ]
                assert not errors, f"{key} {sheet.title}: {errors[:5]}"


def test_every_check_that_stops_a_proposal_passes(books):
    for (client, book, language), workbook in books.items():
        failed = [
            check["id"]
            for check in layout("checks")["check"]
            if book in check["books"]
            and check["level"] == "error"
            and named(workbook, f"chk_{check['id']}") is not True
        ]
        assert not failed, f"{client} {book} {language}: {failed}"


def test_the_two_languages_show_the_same_figures(books):
    scalars = [entry["name"] for entry in layout("calc")["scalar"]]
    for client in CLIENTS:
        for book in ("proposal", "advisor"):
            ja, en = books[client, book, "ja"], books[client, book, "en"]
            for name in scalars:
                one, other = named(ja, name), named(en, name)
                if isinstance(one, int | float) and not isinstance(one, bool):
                    assert other == pytest.approx(one, rel=1e-12, abs=1e-12), name


def read(path):
    with (JOB.parent / path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_value_and_gain_are_those_of_the_clients_own_files(books):
    """By hand; Japan rounds the average cost of an account's shares of a name up to a whole yen."""
    for client, market, code, price in (("C0001", "jp", "コード", "株価"), ("C0004", "us", "code", "price")):
        prices = {row[code]: Decimal(row[price]) for row in read(f"market/{market}_prices.csv") if row[price]}
        held: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        for row in read("clients/lots.csv"):
            if row["client_id"] == client:
                quantity, cost = held.get((row["account"], row["code"]), (Decimal(0), Decimal(0)))
                held[row["account"], row["code"]] = (
                    quantity + Decimal(row["quantity"]),
                    cost + Decimal(row["cost_basis"]),
                )
        value = sum(quantity * prices[name] for (_, name), (quantity, _) in held.items())
        if market == "jp":
            cost = sum(quantity * math.ceil(cost / quantity) for quantity, cost in held.values())
        else:
            cost = sum(cost for _, cost in held.values())
        book = books[client, "proposal", "en"]
        assert named(book, "out_value_lots") == pytest.approx(float(value), rel=1e-9)
        assert named(book, "out_unrealized") == pytest.approx(float(value - cost), rel=1e-9)


def test_tracking_risk_of_the_plan_is_that_of_the_weights_shown(books):
    """Factors times active weights, squared and summed, plus each name's own variance."""
    for (client, book, language), workbook in books.items():
        rows = table(workbook, "tbl_prices", language)
        active = [row["weight_plan"] - row["weight_index"] for row in rows]
        factors = [
            sum(a * (row[f"f{i:02d}"] or 0.0) for a, row in zip(active, rows, strict=True))
            for i in range(1, 11)
        ]
        own = sum(a * a * row["specific_variance"] for a, row in zip(active, rows, strict=True))
        expected = (sum(f * f for f in factors) + own) ** 0.5
        assert named(workbook, "out_te_forecast") == pytest.approx(expected, rel=1e-9), (client, book)


def test_the_plan_spends_no_more_than_there_is(books):
    for (client, book, language), workbook in books.items():
        weights = [row["weight_plan"] for row in table(workbook, "tbl_prices", language)]
        assert min(weights) >= 0.0, (client, book)
        assert 0.9 < sum(weights) <= 1.0 + 1e-9, (client, book)


def test_self_tests_of_the_advisers_book_pass(books):
    for (client, book, language), workbook in books.items():
        if book == "advisor":
            states = [n for n in workbook.defined_names if n.startswith("test_")]
            assert states, "the book has self-tests"
            assert all(named(workbook, name) is True for name in states), (client, language)


def test_the_log_of_an_advisers_book_names_the_run_that_made_it(books):
    for (client, book, language), workbook in books.items():
        if book == "advisor":
            (row,) = table(workbook, "tbl_log", language)
            assert (row["time"], row["command"], row["version"]) == ("2026-11-20", "batch", __version__)
            assert row["input_hash"] == named(workbook, "in_input_hash")
            assert row["run_id"] == named(workbook, "in_document_id"), client


def advisor_book(tmp_path, *overrides):
    """The advisor book of the first client, made by the whole batch; and the day it is made for."""
    job = load_job(
        JOB,
        [
            f'output.folder="{tmp_path / "out"}"',
            'job.make=["advisor"]',
            'job.languages=["en"]',
            'run.only=["C0001"]',
            *overrides,
        ],
    )
    built = {("advisor", "en"): JOB.parents[1] / "advisor.en.xlsx"}
    plan = make_plan(job, built, lambda path, language: compile_book(path, language=language))
    finish(plan, list(execute(plan, None, workers=1)), "en")
    return tmp_path / "out/clients/C0001/advisor_C0001_en.xlsx", job.as_of


def test_the_pages_of_an_advisers_book_are_printed_from_its_values(tmp_path, monkeypatch):
    """LibreOffice without our functions shows #NAME? for their cells, so it is given the values."""
    printed = {}

    def to_pdf(path):
        printed[path.name] = path.read_bytes()
        page = path.with_suffix(".pdf")
        page.write_bytes(b"%PDF-1.7")
        return page

    monkeypatch.setattr("xlplugin.batch.task.to_pdf", to_pdf)
    monkeypatch.setattr("xlplugin.batch.plan.office_program", lambda: "soffice")
    path, _ = advisor_book(tmp_path, 'output.render=["pdf"]')
    assert path.with_suffix(".pdf").read_bytes() == b"%PDF-1.7"

    def formulas(data):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            sheets = [package.read(name) for name in package.namelist() if "/worksheets/sheet" in name]
        return b"".join(re.findall(rb"<f[^>]*>[^<]*</f>", b"".join(sheets)))

    assert b"HARVEST(" in formulas(path.read_bytes()), "the book itself stays live"
    assert b"HARVEST(" not in formulas(printed[path.name])


def test_raised_cash_of_the_advisers_book_is_what_was_asked(books):
    """By hand from the list of orders: their amounts less half a spread and the commission."""
    for (client, book, language), workbook in books.items():
        if book != "advisor":
            continue
        asked = named(workbook, "in_cash_raise")
        assert asked == {"C0001": 5_000_000.0, "C0004": 30_000.0}[client]
        rate = (named(workbook, "in_spread") or 0.0) / 2 + (named(workbook, "in_commission") or 0.0)
        sheet = workbook[Words(language).sheet("advisor", "transition")]
        for column in ("AB", "AN"):  # the amounts of the two lists
            amounts = [cell.value for cell in sheet[column][7:] if isinstance(cell.value, float | int)]
            assert amounts
            assert sum(amounts) * (1.0 - rate) >= asked - 0.01, (client, language)
            assert (sum(amounts) - max(amounts)) * (1.0 - rate) < asked, "no sale is needless"
        raised = [sheet.cell(row, 11).value for row in (36, 37)]
        unit = named(workbook, "cfg_unit")
        assert all(value * unit >= asked - 0.01 for value in raised)


def test_a_client_without_a_history_sees_no_realized_tracking_figure_rather_than_zero(tmp_path):
    """An empty cell read through INDEX is zero, and zero per cent would be a figure nobody measured."""
    header = (JOB.parent / "clients/history.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    (tmp_path / "history.csv").write_text(header + "\n", encoding="utf-8")
    path, _ = advisor_book(tmp_path, f'input.history="{tmp_path / "history.csv"}"')
    book = opened(path)
    assert named(book, "out_te_realized") in (None, "")
    assert named(book, "out_td_realized") in (None, "")
    words = Words("en")
    titles = {words.column(key) for key in ("return_portfolio", "return_index", "worst_year")}
    shown = 0
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            for row in sheet.iter_rows():
                for head in row:
                    if head.value in titles:
                        below = [sheet.cell(head.row + step, head.column).value for step in range(1, 4)]
                        assert below == ["–"] * 3
                        shown += 1
    assert shown == 3


def test_options_that_cannot_be_computed_show_their_error_rather_than_zero_tax(books, tmp_path):
    """The cells below a failed function are empty, and an empty cell read through INDEX is zero."""
    path, as_of = advisor_book(tmp_path)
    template = compile_book(path, language="en")
    path.write_bytes(template.run(Inputs(names={"in_min_trade": -5.0}), as_of=as_of).data)
    book = opened(path)
    for name in ("out_plan_net", "out_plan_tax", "out_plan_tax_low", "out_plan_tax_high", "out_te_forecast"):
        assert isinstance(named(books["C0001", "advisor", "en"], name), int | float), name
        assert named(book, name) == "#NUM!", name
