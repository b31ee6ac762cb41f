"""The finished year-end workbook: printed examples in its cells, its checks, its looks, a second opinion."""

import datetime as dt
import re
import subprocess
import sys
import zipfile
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.batch.year_end_logs import (
    FINAL,
    GENERAL,
    NISA,
    NTA_1466,
    PUBLICATION_550,
    REGULATION_1091,
    SETTINGS,
    TAXABLE,
    buy,
    day,
    everything_american,
    everything_japanese,
    log,
    sell,
)
from tests.libreoffice import convert
from xlplugin.batch.year_end.making import NoFunctions, year_end, year_end_workbook
from xlplugin.batch.year_end.words import layout
from xlplugin.core.accounts import Account, AccountKind
from xlplugin.errors import InputError, LedgerError, WordError
from xlplugin.tax.notices import forbidden_words, notices
from xlplugin.workbook import compile_template, lint_package
from xlplugin.worksheet.registry import load

CASES = {"jp": everything_japanese, "us": everything_american}
EACH = pytest.mark.parametrize(("country", "language"), [(c, lang) for c in CASES for lang in ("ja", "en")])
SHEETS = "realized summary dividends carry adjustments reconcile filing checks".split()


@cache
def built(country: str, language: str) -> bytes:
    return year_end_workbook(year_end(CASES[country](), country, 2026, FINAL), language)


def opened(data: bytes, *, formulas: bool = False):
    return openpyxl.load_workbook(BytesIO(data), data_only=not formulas)


def rows_of(data: bytes, sheet: str) -> list[list[object]]:
    """The filled cells of the first sheet with `sheet` in its name, row by row; days as text."""
    book = opened(data)
    page = book[next(name for name in book.sheetnames if sheet in name)]
    found = (
        [str(v.date()) if isinstance(v, dt.datetime) else v for v in row if v not in (None, "")]
        for row in page.iter_rows(min_col=2, values_only=True)
    )
    return [row for row in found if row]


def made(
    *events,
    country: str,
    language: str = "en",
    year: int = 2026,
    as_of: dt.date = FINAL,
    options=None,
    **more,
) -> bytes:
    return year_end_workbook(
        year_end(log(*events, **more), country, year, as_of, **(options or {})), language
    )


def row_with(rows: list[list[object]], word: str) -> list[object]:
    return next(row for row in rows if any(isinstance(cell, str) and word in cell for cell in row))


# -- authority: Japan -----------------------------------------------------------------------------------


def test_the_example_of_the_tax_agency_stands_in_the_list_of_sales():
    # Tax Answer No. 1466: 815 yen x 3,000 = 2,445,000; 846 yen x 6,000 = 5,076,000.
    first = row_with(
        rows_of(made(*NTA_1466, country="jp", year=2025, as_of=day("2026-02-02")), "Realized"), "S1"
    )
    second = row_with(rows_of(made(*NTA_1466, country="jp"), "Realized"), "S2")
    assert first[6:9] == [2_700_000, 2_445_000, 255_000]
    assert second[6:9] == [5_700_000, 5_076_000, 624_000]


def test_the_published_chain_of_a_carried_loss_runs_through_three_books():
    # A loss of 1,000,000, then gains of 400,000, 300,000 and 700,000: taxed are 0, 0 and 400,000.
    carry, taxed, left = {("LISTED", 2023): Decimal(1_000_000)}, [], []
    for year, gain in ((2024, 400_000), (2025, 300_000), (2026, 700_000)):
        events = (
            buy("B", f"{year}-03-01", 100, 1_000_000),
            sell("S", f"{year}-06-03", 100, 1_000_000 + gain),
        )
        data = made(*events, country="jp", year=year, as_of=dt.date(year + 1, 2, 2), carry=carry)
        rows = rows_of(data, "Carry")
        taxed.append(row_with(rows, "Gain of this year after")[-1])
        closing = row_with(rows, "Total")[-1]
        left.append(closing)
        carry = {("LISTED", 2023): Decimal(closing)} if closing else {}
    assert taxed == [0, 0, 400_000]
    assert left == [600_000, 300_000, 0]


def test_selling_costs_are_part_of_the_second_column():
    # JP-CB-002: unit 2,347, so ② = 234,700 + 110 and ③ = 15,190.
    data = made(
        buy("B", "2026-03-02", 100, 234_500, fee=110),
        sell("S", "2026-06-01", 100, 250_000, fee=110),
        country="jp",
    )
    line = next(row for row in rows_of(data, "Realized") if row[0] == "A-1" and "S" in row)
    assert line[6:9] == [250_000, 234_810, 15_190]


def test_nisa_stands_apart_and_in_no_total():
    rows = rows_of(built("jp", "en"), "Realized")
    heading = next(n for n, row in enumerate(rows) if str(row[0]).startswith("NISA"))
    parts = rows[:heading], rows[heading:]
    accounts = [{row[0] for row in part if str(row[0]).startswith("A-")} for part in parts]
    assert accounts == [{"A-1", "A-2"}, {"A-3"}]
    taxable = [row for row in rows[:heading] if row[0] in ("A-1", "A-2")]
    total = rows[heading - 1]
    assert total[0] == "Grand total"
    assert total[1:4] == [pytest.approx(sum(row[k] for row in taxable)) for k in (6, 7, 8)]


def test_the_dividend_page_ties_to_the_summary_with_the_tax_kept_and_given_back():
    rows = rows_of(built("jp", "en"), "Summary")
    # 21,000 + 11,910 deemed (600 shares x 19.85) + 6,000 (40 dollars at 150): gross 38,910.
    total = next(row for row in rows if row[0] == "Total" and 38_910 in row)
    assert total[1] == 38_910
    assert row_with(rows_of(built("jp", "en"), "Dividends"), "Total")[1] == 38_910


# -- authority: United States ---------------------------------------------------------------------------


def us(*events, **more) -> bytes:
    return made(
        *events, country="us", accounts=(TAXABLE,), settings=SETTINGS | {"regime": "us_taxable"}, **more
    )


def test_the_wash_sale_of_publication_550_has_code_w_and_a_positive_adjustment():
    data = us(*PUBLICATION_550)
    line = row_with(rows_of(data, "Realized"), "100 sh. Example Corp.")
    assert line[1:3] == ["2026-03-02", "2026-09-01"]
    assert line[3:8] == [750, 1000, "W", 250, 0]
    adjusted = row_with(rows_of(data, "Adjustments"), "WASH_TAXABLE")
    assert adjusted[2:6] == [100, 250, 0, 250]
    assert adjusted[-2:] == ["R1", 1050]


def test_the_regulations_example_disallows_750_of_1000_and_moves_it_into_two_bases():
    data = us(*REGULATION_1091)
    washed, kept = (row for row in rows_of(data, "Realized") if "sh. Example" in str(row[0]))
    assert (washed[0], washed[3:8]) == ("75 sh. Example Corp.", [3000, 3750, "W", 750, 0])
    assert (kept[0], kept[3:7]) == ("25 sh. Example Corp.", [1000, 1250, 0, -250])
    lots = {row[-2]: row[-1] for row in rows_of(data, "Adjustments") if "WASH_TAXABLE" in row}
    assert lots == {"R1": 3250, "R2": 1375}
    total = row_with(rows_of(data, "Realized"), "Total")
    assert total[1:] == [4000, 5000, 750, -250]


def test_form_8949_columns_are_lettered_and_boxes_stand_in_their_order():
    rows = rows_of(built("us", "en"), "Realized")
    assert rows[4] == ["(a)", "(b)", "(c)", "(d)", "(e)", "(f)", "(g)", "(h)"]
    boxes = [str(row[0])[4] for row in rows if str(row[0]).startswith("Box ")]
    assert boxes == list("ABCDEF")


def test_schedule_d_totals_and_carryovers_follow_the_worksheet():
    # Short -8,601.12 and long -1,550.00 with carries of 1,200.50 and 4,000: 3,000 are set against other
    # income, short-term first (Schedule D, capital loss carryover worksheet).
    rows = rows_of(built("us", "en"), "Summary")
    short = row_with(rows, "Net short-term gain or loss")[-1]
    long = row_with(rows, "Net long-term gain or loss")[-1]
    assert (round(short, 2), round(long, 2)) == (-8601.12, -1550)
    assert row_with(rows, "Set against other")[-1] == 3000
    assert round(row_with(rows, "Short-term loss carried")[-1], 2) == 5601.12
    assert row_with(rows, "Long-term loss carried")[-1] == 1550


def test_a_loss_of_december_stays_marked_until_30_january():
    early = year_end_workbook(year_end(everything_american(), "us", 2026, day("2026-12-31")), "en")
    assert row_with(rows_of(early, "Realized"), "40 sh. Glen Power")[-1] == "▲ Provisional"
    assert "▲ Provisional (final after 30 Jan 2027)" in [
        cell for row in rows_of(early, "Cover") for cell in row
    ]
    assert "✔ Final" in [cell for row in rows_of(built("us", "en"), "Cover") for cell in row]


# -- what every client book must be ---------------------------------------------------------------------


@EACH
def test_a_second_run_gives_the_same_bytes(country, language):
    assert year_end_workbook(year_end(CASES[country](), country, 2026, FINAL), language) == built(
        country, language
    )


@EACH
def test_no_cell_shows_an_error_and_every_formula_is_excels_own(country, language):
    book, plain = opened(built(country, language), formulas=True), opened(built(country, language))
    ours = load().names
    native = set(layout("functions")["native"]) | {"SUMIFS", "COUNTIFS", "COUNTIF", "COUNTA", "MIN", "MAX"}
    count = 0
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                shown = plain[sheet.title][cell.coordinate].value
                assert not (isinstance(shown, str) and shown.startswith("#")), (sheet.title, cell.coordinate)
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    count += 1
                    called = set(re.findall(r"([A-Z][A-Z_.]+)\(", cell.value))
                    assert called <= native, (cell.coordinate, called - native)
                    assert not called & ours
                    assert shown is not None, (sheet.title, cell.coordinate)
    assert count > 100


@EACH
def test_every_check_passes_but_the_difference_to_the_broker(country, language):
    book = opened(built(country, language))
    failed = {name for name, cell in named(book).items() if name.startswith("chk_") and cell is not True}
    assert failed == {"chk_broker_difference"}
    assert [cell for name, cell in named(book).items() if name.startswith("test_")] == [True]


def named(book) -> dict[str, object]:
    found = {}
    for name, defined in book.defined_names.items():
        sheet, _, cell = defined.attr_text.rpartition("!")
        if ":" not in cell:
            found[name] = book[sheet.strip("'").replace("''", "'")][cell.replace("$", "")].value
    return found


@EACH
def test_every_notice_that_applies_is_printed_by_its_code_and_no_word_is_forbidden(country, language):
    texts = [cell for row in rows_of(built(country, language), "08_") for cell in row]
    regime = {"jp": "jp.individual", "us": "us.taxable"}[country]
    for notice in notices(regime, "year_end", language, day=FINAL):
        assert notice.code in texts
        assert notice.text in texts
    book = opened(built(country, language))
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str):
                    assert forbidden_words(cell.value) == []


@EACH
def test_every_page_says_that_it_is_no_tax_form(country, language):
    sentence = {"ja": "計算資料(申告書ではありません)", "en": "Worksheet, not a tax form"}[language]
    book = opened(built(country, language))
    visible = [sheet for sheet in book if sheet.sheet_state == "visible"]
    assert len(visible) == 9
    for sheet in visible:
        assert any(sentence in str(cell.value) for row in sheet["B1:B10"] for cell in row), sheet.title


@EACH
def test_pages_print_on_a4_landscape_with_a_footer_and_hidden_sheets_hold_chart_data_only(country, language):
    book = opened(built(country, language))
    for sheet in book:
        if sheet.sheet_state == "visible":
            assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
            assert sheet.print_area
            assert "Page" in sheet.oddFooter.center.text or "&P" in sheet.oddFooter.center.text
            assert sheet.protection.sheet
    assert [s.title for s in book if s.sheet_state != "visible"] == ["_chart"]


@EACH
def test_charts_have_their_values_stored_a_title_with_the_unit_and_a_description(country, language):
    with zipfile.ZipFile(BytesIO(built(country, language))) as package:
        charts = [
            package.read(n).decode()
            for n in package.namelist()
            if re.fullmatch(r"xl/charts/chart\d+\.xml", n)
        ]
        drawings = "".join(package.read(n).decode() for n in package.namelist() if "drawings/drawing" in n)
    assert len(charts) == 2
    unit = {("jp", "ja"): "円", ("jp", "en"): "yen", ("us", "ja"): "ドル", ("us", "en"): "dollars"}[
        country, language
    ]
    for chart in charts:
        values = [
            float(v)
            for v in re.findall(r"<c:val>.*?</c:val>", chart, re.S)
            for v in re.findall(r"<c:v>([^<]+)</c:v>", v)
        ]
        assert any(values), "an empty chart"
        assert unit in chart
    assert drawings.count('descr="') == 2


@EACH
def test_the_package_lint_finds_nothing(country, language):
    assert [str(finding) for finding in lint_package(built(country, language))] == []


@pytest.mark.parametrize("country", CASES)
def test_both_languages_hold_the_same_numbers(country):
    def numbers(language):
        return [
            [cell for cell in row if isinstance(cell, (int, float, dt.datetime))]
            for sheet in opened(built(country, language))
            for row in sheet.iter_rows(values_only=True)
        ]

    ja, en = ([row for row in numbers(language) if row] for language in ("ja", "en"))
    assert ja == en


# -- a second opinion -----------------------------------------------------------------------------------


@pytest.mark.parametrize("country", CASES)
def test_libreoffice_recomputes_every_formula_to_the_same_value(country, tmp_path):
    data = built(country, "en")
    template = compile_template(data, NoFunctions())
    bare = tmp_path / "bare.xlsx"
    bare.write_bytes(template.run(as_of=FINAL, edition="oracle").data)
    theirs = openpyxl.load_workbook(convert(bare, "xlsx", tmp_path / "out"), data_only=True)
    formulas, ours, compared = opened(data, formulas=True), opened(data), 0
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    mine, other = (b[sheet.title][cell.coordinate].value for b in (ours, theirs))
                    compared += 1
                    if isinstance(mine, (int, float)) and not isinstance(mine, bool):
                        assert other == pytest.approx(mine, abs=1e-6), (sheet.title, cell.coordinate)
                    else:
                        assert other == mine or bool(other) == mine, (sheet.title, cell.coordinate)
    assert compared > 100


# -- against the ledger, whatever the trades ------------------------------------------------------------

SALES = st.lists(
    st.tuples(st.integers(1, 28), st.integers(1, 400), st.integers(500, 2000), st.booleans()),
    min_size=1,
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(SALES, st.integers(0, 400_000), st.integers(0, 400_000))
def test_the_native_carry_of_japan_agrees_with_the_ledger(sales, old, newer):
    events = [buy("B1", "2026-01-05", 4000, 4_000_000), buy("B2", "2026-01-05", 4000, 4_000_000, GENERAL)]
    for number, (on, quantity, price, general) in enumerate(sales):
        account = GENERAL if general else events[0].account_id
        more = {"account": GENERAL} if account is GENERAL else {}
        events.append(sell(f"S{number}", f"2026-02-{on:02d}", quantity, quantity * price, **more))
    carry = {("LISTED", 2023): Decimal(old), ("LISTED", 2025): Decimal(newer)}
    check_all(made(*events, country="jp", carry=carry))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(SALES, st.integers(0, 9000), st.integers(0, 9000))
def test_the_native_schedule_of_the_united_states_agrees_with_the_ledger(sales, short, long):
    events = [
        buy("L", "2020-01-06", 4000, 40_000, TAXABLE, "XYZ"),
        buy("S", "2026-01-05", 4000, 40_000, TAXABLE, "ABC"),
    ]
    for number, (on, quantity, cents, is_long) in enumerate(sales):
        code = "XYZ" if is_long else "ABC"
        amount = Decimal(quantity * cents) / 100
        events.append(sell(f"T{number}", f"2026-07-{on:02d}", quantity, amount, TAXABLE, code))
    carry = {("ST", 2025): Decimal(short), ("LT", 2025): Decimal(long)}
    check_all(us(*events, carry=carry))


def check_all(data: bytes) -> None:
    cells = named(opened(data))
    failed = [name for name, cell in cells.items() if name.startswith(("chk_", "test_")) and cell is not True]
    assert failed == []


# -- requests that cannot be met ------------------------------------------------------------------------


def test_a_company_another_country_and_a_spouse_without_status_are_refused():
    company = Account("K", AccountKind.JP_CORP, "K.K.", "C1")
    with pytest.raises(InputError, match="C1 is a company"):
        year_end(log(accounts=(company,)), "jp", 2026, FINAL)
    with pytest.raises(InputError, match=r"no account under the rules of us\.taxable"):
        year_end(log(), "us", 2026, FINAL)
    with pytest.raises(WordError, match="'uk' is not known; use one of jp, us"):
        year_end(log(), "uk", 2026, FINAL)
    spouse = Account("V", AccountKind.US_TAXABLE, "other", "C1")
    pair = log(accounts=(TAXABLE, spouse), relation={"U-1": "self", "V": "spouse"})
    with pytest.raises(InputError, match=r"say MFJ .* or MFS"):
        year_end(pair, "us", 2026, FINAL)
    assert year_end(pair, "us", 2026, FINAL, filing_status="MFS").request.taxpayer.spouse_id == "other"
    with pytest.raises(WordError, match="filing_status"):
        year_end(pair, "us", 2026, FINAL, filing_status="JOINT")


def test_accounts_of_somebody_else_are_named_and_left_out_in_japan():
    other = Account("Z", AccountKind.JP_TOKUTEI_WH, "spouse", "C1")
    events = (buy("B", "2026-03-02", 100, 100_000, other), sell("S", "2026-06-01", 100, 90_000, other))
    found = log(
        *events, accounts=(NISA, GENERAL, other), relation={"A-3": "self", "A-2": "self", "Z": "spouse"}
    )
    done = year_end(found, "jp", 2026, FINAL)
    assert done.other_owners == ("Z",)
    assert done.data.realized == ()


def test_a_name_that_promises_too_much_stops_the_book():
    with pytest.raises(InputError, match="may not stand on a client's page"):
        made(
            buy("B", "2026-03-02", 100, 100_000),
            sell("S", "2026-06-01", 100, 90_000),
            country="jp",
            names={"7203": "no wash sales fund"},
        )


def test_a_row_the_ledger_refuses_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "accounts.csv").write_text("account,account_kind\nU,taxable\n")
    (tmp_path / "trades.csv").write_text(
        "trade_id,account,code,side,trade_date,settle_date,quantity,trade_price\n"
        "S,U,XYZ,SELL,2026-05-04,2026-05-05,10,5\n"
    )
    done = command(
        "yearend",
        tmp_path,
        "--regime",
        "us",
        "--year",
        2026,
        "--as-of",
        "2027-02-01",
        "--out",
        tmp_path / "o",
    )
    assert done.returncode == 3
    assert "trades.csv, line 2" in done.stderr
    assert not (tmp_path / "o").exists()
    with pytest.raises(LedgerError, match="sold"):
        year_end(log(sell("S", "2026-05-04", 10, 50, TAXABLE), accounts=(TAXABLE,)), "us", 2026, FINAL)


# -- the command ----------------------------------------------------------------------------------------

SAMPLE = Path(__file__).resolve().parents[2] / "workbooks" / "sample" / "clients"


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "from xlplugin.cli import main; main()", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, encoding="utf-8")


def test_the_command_writes_both_languages_and_the_books_pass_check(tmp_path):
    given = (
        "yearend",
        SAMPLE,
        "--client",
        "C0001",
        "--year",
        2026,
        "--as-of",
        "2027-02-01",
        "--out",
        tmp_path,
    )
    done = command(*given)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["year_end_C0001_jp_2026_en.xlsx", "year_end_C0001_jp_2026_ja.xlsx"]
    first = (tmp_path / names[0]).read_bytes()
    checked = command("check", tmp_path / names[0], "--lang", "en")
    assert checked.returncode == 1, "the sample's broker rounds otherwise, which is a finding"
    assert "1 failed" in checked.stdout
    assert "chk_broker_difference" in checked.stdout
    assert command(*given).returncode == 0
    assert (tmp_path / names[0]).read_bytes() == first
    properties = opened(first).custom_doc_props
    assert {p.name: p.value for p in properties.props}["state"] == "values"


def test_one_client_that_cannot_be_made_does_not_stop_the_others(tmp_path):
    done = command(
        "yearend", SAMPLE, "--client", "C0003", "--client", "C0008", "--year", 2026, "--as-of", "2027-02-01",
        "--languages", "ja", "--out", tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "C0003 DI-110" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["year_end_C0008_jp_2026_ja.xlsx"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--client", "C9999"), "'C9999' is not known"),
        (("--client", "C0001", "--languages", "fr"), "'fr' is not known"),
        (("--client", "C0001"), "--year is missing"),
        (("--client", "C0001", "--year", "2026", "--as-of", "soon"), "expected a date"),
        (("--client", "C0004", "--year", "2026", "--regime", "us"), "has an account of a spouse"),
    ],
)
def test_a_wrong_request_is_one_sentence(tmp_path, arguments, sentence):
    done = command("yearend", SAMPLE, "--lang", "en", "--out", tmp_path, *arguments)
    assert done.returncode == 3
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []
