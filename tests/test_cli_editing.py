"""Files go into a client's book, a market is renewed, losses are noted, a book changes its language."""

import csv
import datetime as dt
from collections import Counter
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cli_calls import answer, called
from xlplugin.batch.carrying import carried, input_names, table_rows, without_formulas
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import make_plan
from xlplugin.batch.task import make_book
from xlplugin.cli.comparing import named_cells
from xlplugin.cli.places import built, compiled
from xlplugin.hosts.headless import compile_book
from xlplugin.workbook import Book, Inputs
from xlplugin.workbook.tokens import box

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
SAMPLE = Path(__file__).resolve().parents[1] / "workbooks" / "sample"
CLIENTS, MARKET = SAMPLE / "clients", SAMPLE / "market"
DAY = dt.date(2026, 11, 20)
OF_C0001 = ("accounts", "lots", "trades", "realized", "carry", "restrictions", "wishes", "pairs", "history")


@pytest.fixture(scope="module")
def templates():
    """The adviser's book in both languages, compiled once."""
    return {word: compiled(built()["advisor", word], word) for word in ("ja", "en")}


@pytest.fixture(scope="module")
def filled(templates, tmp_path_factory) -> Path:
    """A new Japanese book of the client C0001 after everything was imported into it."""
    folder = tmp_path_factory.mktemp("filled")
    names = {"in_client_id": "C0001", "in_client_name": "見本 太郎", "in_cash": 2_500_000.0, "in_as_of": DAY}
    names |= {"in_tax_year": 2026.0, "in_budget": 600_000.0, "in_gains_base": 800_000.0}
    empty = folder / "c0001.ja.xlsx"
    empty.write_bytes(templates["ja"].run(Inputs(names), as_of=DAY).data)
    files = [CLIENTS / f"{name}.csv" for name in OF_C0001]
    market = [MARKET / f"jp_{name}.csv" for name in ("constituents", "prices", "history")]
    found = answer("import", empty, *files, *market, "--out", folder / "full.ja.xlsx")
    assert found["rejected"] == []
    return folder / "full.ja.xlsx"


@pytest.fixture(scope="module")
def free_cell() -> str:
    """An unlocked empty cell of the sheet of trades, where a reviewer signs."""
    sheet = openpyxl.load_workbook(built()["advisor", "ja"])["売買"]
    tables = [t.ref for t in sheet.tables.values()]
    assert tables == []
    cells = (cell for row in sheet.iter_rows() for cell in row)
    return next(c.coordinate for c in cells if not c.protection.locked and c.value is None)


def rows_of(path: Path, table: str) -> list[dict]:
    book = Book(path)
    return table_rows(book, next(t for t in book.package.tables if t.name == f"tbl_{table}"))


def written(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


# -- import ------------------------------------------------------------------------------------


def test_an_imported_table_holds_the_rows_of_the_client_and_of_no_other(filled):
    with (CLIENTS / "lots.csv").open(encoding="utf-8-sig") as handle:
        wanted = [row for row in csv.DictReader(handle) if row["client_id"] == "C0001"]
    held = rows_of(filled, "lots")
    assert len(wanted) > 50
    assert Counter((r["口座"], r["コード"], r["数量"]) for r in held) == Counter(
        (r["account"], r["code"], float(r["quantity"])) for r in wanted
    )
    assert sum(r["取得価額"] for r in held) == sum(float(r["cost_basis"]) for r in wanted)


def test_every_price_row_has_a_risk_and_members_have_the_price_of_the_price_file(filled):
    prices = {r["コード"]: r for r in rows_of(filled, "prices")}
    with (MARKET / "jp_prices.csv").open(encoding="utf-8-sig") as handle:
        quoted = {r["コード"]: float(r["株価"]) for r in csv.DictReader(handle) if r["株価"]}
    assert all(r["固有分散"] > 0 for r in prices.values())
    assert {code: prices[code]["株価"] for code in quoted} == quoted
    assert all(r["指数採用株価"] == quoted[r["コード"]] for r in rows_of(filled, "constituents"))


def test_a_row_that_cannot_be_read_is_left_out_and_named_with_file_line_and_column(filled, tmp_path):
    source = written(
        tmp_path / "broker.csv",
        "口座,銘柄コード,保有数量,取得単価,現在値",
        "A-1,1005,100,1200,1300",
        "A-1,1008,many,1200,1300",
        "A-9,1005,100,1200,1300",
    )
    found = answer("import", filled, source, "--out", tmp_path / "out.xlsx", code=1)
    assert found["rows"] == 1
    assert [s.removeprefix(str(tmp_path) + "/") for s in found["rejected"]] == [
        "broker.csv, line 3, column 保有数量: expected a number above 0, got 'many'",
        "broker.csv, line 4, column 口座: expected an account of the accounts table, got 'A-9'",
    ]
    assert found["parts"] == [{"file": "broker.csv", "table": "lots", "rows": 1, "unread": ["現在値"]}]


def test_the_row_of_the_client_in_the_table_of_clients_fills_the_input_cells(filled, tmp_path):
    with (CLIENTS / "clients.csv").open(encoding="utf-8-sig") as handle:
        wanted = next(row for row in csv.DictReader(handle) if row["client_id"] == "C0001")
    found = answer("import", filled, CLIENTS / "clients.csv", "--out", tmp_path / "out.xlsx")
    assert found["rows"] == 1
    cells = named_cells(Book(tmp_path / "out.xlsx"))
    for key in ("client_name", "household", "goal", "adviser", "index_name", "scenario"):
        assert cells[f"in_{key}"] == wanted[key]
    for key in ("horizon_years", "te_limit", "cash", "gains_high", "budget"):
        assert cells[f"in_{key}"] == float(wanted[key])
    assert rows_of(tmp_path / "out.xlsx", "lots") == rows_of(filled, "lots")


def test_a_budget_as_a_share_of_the_gain_is_left_alone_and_told(filled, tmp_path):
    source = written(tmp_path / "clients.csv", "client_id,client_name,budget", "C0001,New name,10%")
    found = answer("import", filled, source, "--out", tmp_path / "out.xlsx")
    assert found["parts"][0]["unread"] == ["budget 10%"]
    assert named_cells(Book(tmp_path / "out.xlsx"))["in_client_name"] == "New name"
    assert named_cells(Book(tmp_path / "out.xlsx"))["in_budget"] == 600_000.0


def test_a_file_of_refused_rows_alone_writes_nothing(filled, tmp_path):
    source = written(tmp_path / "bad.csv", "account,code,quantity,cost", "A-9,1005,1,2", "A-1,1005,x,2")
    found = answer("import", filled, source, "--out", tmp_path / "out.xlsx", code=1)
    assert (found["file"], found["rows"]) == (None, 0)
    assert [s.partition(", line ")[2][:1] for s in found["rejected"]] == ["2", "3"]
    assert not (tmp_path / "out.xlsx").exists()


def test_lots_replace_those_of_their_account_only_and_the_book_itself_stays(filled, tmp_path):
    before, source_bytes = rows_of(filled, "lots"), filled.read_bytes()
    source = written(tmp_path / "a1.csv", "code,quantity,cost", "1005,100,120000")
    answer("import", filled, source, "--account", "A-1", "--out", tmp_path / "out.xlsx")
    after = rows_of(tmp_path / "out.xlsx", "lots")
    assert [(r["コード"], r["取得単価"]) for r in after if r["口座"] == "A-1"] == [("1005", 1200.0)]
    assert [r for r in after if r["口座"] != "A-1"] == [r for r in before if r["口座"] != "A-1"]
    assert filled.read_bytes() == source_bytes


def test_a_bad_cell_of_the_book_itself_is_named_and_nothing_is_written(templates, tmp_path):
    names = {"in_client_id": "X", "in_as_of": DAY, "in_tax_year": 2026.0}
    rows = [{"口座": "A", "コード": "1001", "数量": "many", "取得価額": 5.0}, {"口座": "-"}]
    tables = {"tbl_lots": rows, "tbl_accounts": [{"口座": "A", "口座区分": "JP_IPPAN"}]}
    book = tmp_path / "x.xlsx"
    book.write_bytes(templates["ja"].run(Inputs(names, tables), as_of=DAY).data)
    quotes = written(tmp_path / "quotes.csv", "code,price", "1001,100")
    code, _, err = called("import", book, quotes, "--lang", "en")
    assert code == 3
    assert "table tbl_lots, row 9, column 数量: expected a number above 0, got 'many'" in err
    assert not (tmp_path / "x.imported.xlsx").exists()


def test_a_new_code_without_history_takes_the_average_risk_and_is_named(filled, tmp_path):
    source = written(
        tmp_path / "quotes.csv", "code,price,price_date", "9999,100,2026-11-20", "1005,1,2026-11-20"
    )
    found = answer("import", filled, source, "--out", tmp_path / "out.xlsx")
    assert found["average_risk"] == ["9999"]
    prices = {r["コード"]: r for r in rows_of(tmp_path / "out.xlsx", "prices")}
    assert prices["1005"]["株価"] == 1.0
    assert prices["9999"]["固有分散"] > 0
    members = {r["コード"]: r for r in rows_of(tmp_path / "out.xlsx", "constituents")}
    assert members["1005"]["指数採用株価"] == 1.0


def test_a_file_of_prices_wins_over_the_end_of_a_history_in_any_order(filled, tmp_path):
    quotes = written(tmp_path / "quotes.csv", "code,price", "1005,7")
    for n, files in enumerate(((quotes, MARKET / "jp_history.csv"), (MARKET / "jp_history.csv", quotes))):
        answer("import", filled, *files, "--out", tmp_path / f"{n}.xlsx")
        prices = {r["コード"]: r["株価"] for r in rows_of(tmp_path / f"{n}.xlsx", "prices") if "株価" in r}
        assert prices["1005"] == 7.0
        assert prices["1001"] > 7.0


def test_what_an_import_did_is_written_into_the_log_and_the_sources_of_the_book(filled):
    log, sources = rows_of(filled, "log"), rows_of(filled, "sources")
    assert log[0]["操作"] == "xlplugin import"
    assert "lots.csv" in log[0]["結果"]
    assert {(r["項目"], r["出所"]) for r in sources} >= {("lots", "lots.csv"), ("trades", "trades.csv")}


@pytest.mark.parametrize(
    ("header", "options", "sentence"),
    [
        ("nothing,known", [], "no table of the book has these columns"),
        ("code,quantity,cost", [], "no table of the book has these columns"),
        ("code,quantity,cost", ["--account", "Z"], "--account: 'Z' is not known; use one of A-1"),
        (
            "code,quantity,cost",
            ["--table", "lotz"],
            "--table: 'lotz' is not known; use one of clients, accounts",
        ),
        ("client_id,account,code,quantity,cost", [], "its rows are of X, and this book is of C0001"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_one_sentence(filled, tmp_path, header, options, sentence):
    row = ",".join(
        {"client_id": "X", "account": "A-1", "code": "1005"}.get(c, "100") for c in header.split(",")
    )
    source = written(tmp_path / "file.csv", header, row)
    code, out, err = called("import", filled, source, *options, "--lang", "en")
    assert code == 3
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""


def test_a_book_filled_by_import_has_the_results_that_the_batch_gives(templates, tmp_path):
    empty = tmp_path / "c0001.xlsx"
    empty.write_bytes(templates["ja"].run(Inputs({"in_client_id": "C0001"}), as_of=DAY).data)
    files = [CLIENTS / f"{name}.csv" for name in ("clients", *OF_C0001, "td_items")]
    market = [MARKET / f"jp_{name}.csv" for name in ("constituents", "prices", "history")]
    answer("import", empty, *files, *market, "--as-of", DAY, "--out", tmp_path / "full.xlsx")
    job = replace(load_job(SAMPLE / "job.toml"), folder=tmp_path, make=("advisor",), only=("C0001",))
    plan = make_plan(job, built(), lambda path, language: templates[language])
    (task,) = plan.tasks
    by_batch = named_cells(Book(make_book(plan.shared, task, "advisor", "ja").data))
    by_import = named_cells(Book(tmp_path / "full.xlsx"))
    results = {name: value for name, value in by_batch.items() if name.startswith("out_")}
    assert len(results) > 50
    assert {n: by_import[n] for n in results if not isinstance(results[n], float)} == {
        n: v for n, v in results.items() if not isinstance(v, float)
    }
    for name, value in results.items():
        if isinstance(value, float):
            assert by_import[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


# -- refresh -----------------------------------------------------------------------------------


def test_a_refresh_moves_the_day_and_keeps_the_client(filled, tmp_path):
    job = SAMPLE / "job.toml"
    found = answer(
        "refresh", filled, "--market", job, "--as-of", "2027-01-15", "--out", tmp_path / "out.xlsx"
    )
    assert (found["members"], found["latest_price"]) == (60, "2026-11-20")
    cells = named_cells(Book(tmp_path / "out.xlsx"))
    assert cells["in_as_of"] == (dt.date(2027, 1, 15) - dt.date(1899, 12, 30)).days
    assert cells["in_tax_year"] == 2027
    assert rows_of(tmp_path / "out.xlsx", "lots") == rows_of(filled, "lots")


def test_prices_of_a_later_day_are_refused(filled, tmp_path):
    code, _, err = called("refresh", filled, "--market", SAMPLE / "job.toml", "--as-of", "2026-11-19")
    assert code == 3
    assert "the file of prices is of 2026-11-20, a later day" in err


def test_a_folder_with_two_markets_asks_for_the_name(filled, tmp_path):
    code, _, err = called("refresh", filled, "--market", MARKET, "--as-of", "2026-11-20")
    assert code == 3
    assert "say which market with --name" in err
    words = ("--market", MARKET, "--name", "jp", "--as-of", "2026-11-20")
    assert answer("refresh", filled, *words, "--out", tmp_path / "out.xlsx")["prices"] == 64


# -- harvest -----------------------------------------------------------------------------------


def test_the_losses_worth_realizing_become_choices_once(filled, tmp_path):
    first, second = tmp_path / "first.xlsx", tmp_path / "second.xlsx"
    found = answer("harvest", filled, "--out", first)
    assert found["rows"] == found["added"] > 5
    chosen = rows_of(first, "choices")
    assert [r["売却銘柄"] for r in chosen] == [r["code"] for r in found["list"]]
    assert all(r["recognized"] > 0 and r["net_benefit"] > 0 for r in found["list"])
    assert not {r["buy_code"] for r in found["list"]} & {r["code"] for r in found["list"]} - {None}
    assert answer("harvest", first, "--out", second)["added"] == 0
    assert rows_of(second, "choices") == chosen


# -- translate ---------------------------------------------------------------------------------


def inputs_of(book: Book) -> tuple[dict, dict]:
    """Named inputs and tables by the place of their columns, without the log of the commands."""
    names = {
        name: value
        for name, p in input_names(book.package).items()
        if (value := book.values(p.sheet).get((p.row, p.column))) not in (None, "")
    }
    tables = {}
    for table in book.package.tables:
        if table.name != "tbl_log":
            rows = table_rows(book, table)
            tables[table.name] = [{table.columns.index(c): v for c, v in row.items()} for row in rows]
    return names, tables


def test_a_translated_book_holds_the_same_inputs_and_the_same_results(filled, tmp_path):
    target = tmp_path / "full.en.xlsx"
    found = answer("translate", filled, "--out", target)
    assert found["stays"] == []
    assert inputs_of(Book(target)) == inputs_of(Book(filled))
    assert "Inputs" in Book(target).sheets
    here, there = named_cells(Book(filled)), named_cells(Book(target))
    for name in ("out_value", "out_recognized", "out_te_forecast", "out_net_benefit", "out_plan_cost"):
        assert here[name]
        assert there[name] == pytest.approx(here[name], rel=1e-12)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=12).filter(
    str.strip
)
codes = st.from_regex(r"[1-9][0-9]{2}[0-9A-Z]", fullmatch=True)
amounts = st.floats(0.01, 1e9).map(lambda x: round(x, 2))
lots = st.fixed_dictionaries(
    {"口座": texts, "コード": codes, "数量": amounts, "取得価額": amounts},
    optional={"銘柄名": texts, "取得日": st.dates(dt.date(2000, 1, 1), DAY), "ロット": texts},
)


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # an example takes seconds: shrinking would take minutes
)
@given(
    names=st.fixed_dictionaries(
        {"in_client_id": texts, "in_te_limit": amounts, "in_as_of": st.dates(dt.date(2001, 1, 1), DAY)},
        optional={"in_client_name": texts, "in_index_name": texts, "in_firm": texts, "in_cash": amounts},
    ),
    rows=st.lists(lots, max_size=4),
    note=st.none() | texts,
)
def test_there_and_back_a_book_keeps_every_input(templates, free_cell, names, rows, note):
    own = {"in_weighting": "EQUAL", "in_regime": "jp_corporate"}
    wishes = [{"希望の種類": "sector", "外す銘柄・業種": "x", "理由・根拠": note}] if note else []
    notes = {("売買", free_cell): note}
    inputs = Inputs(names | own, {"tbl_lots": rows, "tbl_wishes": wishes}, notes)
    first = Book(templates["ja"].run(inputs, as_of=DAY).data)
    over = carried(first, templates["ja"], templates["en"])
    english = Book(templates["en"].run(over.inputs, as_of=DAY).data)
    back = carried(english, templates["en"], templates["ja"])
    last = Book(templates["ja"].run(back.inputs, as_of=DAY).data)
    assert (over.left, back.left) == ([], [])
    for held, wanted in zip(inputs_of(last), inputs_of(first), strict=True):
        assert held == wanted
    assert last.block("売買", box(free_cell)) == [[note]]


def test_a_note_over_a_formula_goes_over_and_the_other_formulas_stay(templates, tmp_path):
    over = frozenset({("入力", "H10")})
    mine = compile_book(without_formulas(templates["ja"].package, over), language="ja")
    old = tmp_path / "mine.ja.xlsx"
    inputs = Inputs({"in_as_of": DAY}, {}, {("入力", "H10"): "面談記録"})
    old.write_bytes(mine.run(inputs, as_of=DAY).data)
    assert answer("translate", old)["stays"] == []
    sheet = openpyxl.load_workbook(tmp_path / "mine.en.xlsx")["Inputs"]
    template = openpyxl.load_workbook(built()["advisor", "en"])["Inputs"]
    assert sheet["H10"].value == "面談記録"
    assert sheet["H11"].value == template["H11"].value
    assert str(sheet["H11"].value).startswith("=")


def test_a_word_of_a_list_becomes_its_code_in_the_other_book(templates):
    accounts = [{"口座": "A", "口座区分": "特定(源泉あり)"}]
    first = Book(templates["ja"].run(Inputs({}, {"tbl_accounts": accounts}), as_of=DAY).data)
    over = carried(first, templates["ja"], templates["en"])
    assert over.inputs.tables["tbl_accounts"] == [{"Account": "A", "Account kind": "JP_TOKUTEI_WH"}]


def test_what_the_other_book_has_no_place_for_is_told(filled, tmp_path):
    book = openpyxl.load_workbook(filled)
    book.create_sheet("My notes")["A1"] = "mine"
    book.save(tmp_path / "mine.ja.xlsx")
    found = answer("translate", tmp_path / "mine.ja.xlsx", code=1)
    assert found["stays"] == ["My notes"]
    assert found["file"] == str(tmp_path / "mine.en.xlsx")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fund_audit", "index_method"])
def test_a_sample_of_a_template_becomes_the_sample_of_the_other_language(kind, tmp_path):
    for word, other in (("ja", "en"), ("en", "ja")):
        target = tmp_path / f"{kind}.{other}.xlsx"
        answer("translate", built()[kind, word], "--as-of", "2026-11-20", "--out", target)
        found, wanted = Book(target), Book(built()[kind, other])
        assert inputs_of(found) == inputs_of(wanted)


def test_a_book_is_not_translated_into_its_own_language(filled):
    code, _, err = called("translate", filled, "--lang", "ja")
    assert code == 3
    assert "(ja)" in err


def test_a_macro_book_is_built_anew_with_its_inputs(filled, tmp_path):
    old, new = tmp_path / "old.xlsm", tmp_path / "new.xlsm"
    answer("excel", "new", old, "--from", filled, "--lang", "en")
    assert answer("excel", "new", new, "--from", old)["stays"] == []
    assert inputs_of(Book(new)) == inputs_of(Book(filled))
    assert Book(new).sheets[-1] == "関数一覧"  # the book keeps its language, whatever the console speaks
