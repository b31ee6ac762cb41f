"""The command line as a user meets it: real processes, exit codes, one sentence per mistake."""

import csv
import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table
from python_calamine import SheetVisibleEnum, load_workbook

from tests.batch.tiny import job as tiny_job
from tests.batch.tiny import write_csv
from xlplugin.cli.console import Console, Exit, code_of
from xlplugin.cli.words import preferred, say
from xlplugin.errors import FileError, HostError, InfeasibleError, InputError

MARKET = Path(__file__).resolve().parents[1] / "workbooks" / "sample" / "market"
FUNDS = MARKET.parent / "funds" / "funds.csv"


def xlplugin(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from xlplugin.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, encoding="utf-8")


def answer(*arguments: object, code: int = 0) -> dict | list:
    done = xlplugin(*arguments, "--json")
    assert done.returncode == code, done.stderr or done.stdout
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The output of a small batch run."""
    folder = tmp_path_factory.mktemp("cli")
    path = tiny_job(folder, 2)
    done = xlplugin("batch", path, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def book(made: Path, client: str = "T0001") -> Path:
    return made / "clients" / client / f"proposal_{client}_en.xlsx"


# -- the frame ------------------------------------------------------------


def test_help_names_every_command_in_the_language_asked_for():
    english, japanese = xlplugin("--help").stdout, xlplugin("--help", "--lang", "ja")
    commands = "demo new calc check lint verify proposal freeze diff import refresh harvest translate explain"
    for command in (*commands.split(), "batch", "functions", "index", "doctor"):
        assert command in english
    assert japanese.returncode in {0, 2}
    assert "ジョブファイル" in xlplugin("batch", "--lang", "ja", "--help").stdout


def test_a_wrong_option_is_wrong_usage():
    assert xlplugin("functions", "list", "--nonsense").returncode == Exit.USAGE
    assert xlplugin("batch").returncode == Exit.USAGE
    assert xlplugin("functions", "list", "--lang", "fr").returncode == Exit.USAGE


def test_errors_end_with_the_code_of_their_kind():
    assert code_of(FileError("x")) == code_of(InputError("x")) == Exit.DATA
    assert code_of(InfeasibleError("x")) == Exit.INFEASIBLE
    assert code_of(HostError("x")) == Exit.ENVIRONMENT


@pytest.mark.parametrize(
    "arguments",
    [
        ("calc", "absent.xlsx"),
        ("check", "absent.xlsx"),
        ("verify", "absent.xlsx"),
        ("freeze", "absent.xlsx"),
        ("diff", "a.xlsx", "b.xlsx"),
        ("proposal", "absent.xlsx"),
        ("batch", "absent.toml"),
        ("new", "castle"),
        ("functions", "docs", "CASTLE"),
        ("index", "rulebook", "castle"),
        ("index", "review", "topix", "absent.csv", "--day", "2026-11-20"),
        ("excel", "new", "book.xlsx"),
        ("import", "absent.xlsx", "absent.csv"),
        ("refresh", "absent.xlsx"),
        ("harvest", "absent.xlsx"),
        ("translate", "absent.xlsx"),
        ("explain", "absent.xlsx", "A!B5"),
        ("lint", "absent.xlsx"),
    ],
)
def test_a_users_mistake_is_one_sentence_and_never_a_traceback(arguments, tmp_path):
    done = xlplugin(*arguments, cwd=tmp_path)
    assert done.returncode == Exit.DATA
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error DI-")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_mistake_is_json_for_machines():
    done = xlplugin("calc", "absent.xlsx", "--json")
    assert done.returncode == Exit.DATA
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "DI-170"
    assert "absent.xlsx" in error["sentence"]


def test_the_sentence_of_a_bad_cell_is_in_the_users_language(tmp_path):
    tiny_job(tmp_path, 1)
    members = (tmp_path / "members.csv").read_text().replace("0.25", "heavy", 1)
    (tmp_path / "members.csv").write_text(members)
    japanese = xlplugin("batch", tmp_path / "job.toml", "--lang", "ja").stderr
    assert "members.csv、2行目、列「published_weight」" in japanese
    assert "line 2, column published_weight: expected" in xlplugin("batch", tmp_path / "job.toml").stderr


def test_every_text_of_the_command_line_is_there_in_both_languages():
    from xlplugin.cli.words import _words

    for key, (ja, en) in _words().items():
        assert ja.strip(), key
        assert en.strip(), key
        facts = [sorted(part.split("}")[0] for part in text.split("{")[1:]) for text in (ja, en)]
        assert facts[0] == facts[1], key


def test_every_text_that_a_command_says_exists():
    from xlplugin.cli.words import _words

    folder = Path(__file__).resolve().parents[1] / "xlplugin" / "cli"
    said = set()
    for path in folder.glob("*.py"):
        text = path.read_text("utf-8")
        said |= set(re.findall(r'say\("([a-z_.]+)"', text))
        said |= set(re.findall(r'option\(\s*"[^"]+", "([a-z_.]+)"', text))
    rules = (folder.parent / "batch" / "orders.py").read_text("utf-8")
    said |= {f"orders.{rule}" for rule in re.findall(r'_breach\("([a-z_]+)"', rules)}
    said |= {f"orders.{rule}" for rule in ("do_not_sell", "do_not_buy", "same_day", "crossing")}
    assert said
    assert said <= set(_words())


def test_the_language_comes_from_the_option_then_the_environment(monkeypatch):
    for name in ("XLPLUGIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert preferred([]) == "en"
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")
    assert preferred([]) == "ja"
    assert preferred(["--lang", "en"]) == "en"
    monkeypatch.setenv("XLPLUGIN_LANG", "en")
    assert preferred([]) == "en"
    assert say("error", "ja") == "エラー"


def test_a_console_for_machines_prints_json_only(capsys):
    console = Console("en", json=True)
    console.line("words")
    console.table("title", ["a"], [("b",)])
    console.data({"x": 1})
    assert json.loads(capsys.readouterr().out) == {"x": 1}


def test_help_starts_without_numpy_or_anything_heavier():
    code = "import sys, json; from xlplugin.cli.app import app; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    heavy = {"numpy", "pandas", "scipy", "openpyxl", "lxml", "formualizer", "pyarrow", "xlsxwriter", "cvxpy"}
    assert not heavy & loaded


# -- functions, doctor, index ------------------------------------------------------------


def test_functions_are_listed_from_the_registry():
    from xlplugin.worksheet.registry import load

    found = answer("functions", "list")
    assert [f["name"] for f in found] == [f.name for f in load()]
    assert all(f["help"] for f in found)
    assert "ACTIVE_SHARE" in xlplugin("functions", "list").stdout


def test_the_reference_is_written_to_a_file_in_both_languages(tmp_path):
    for language, word in (("en", "Argument"), ("ja", "引数")):
        target = tmp_path / f"{language}.md"
        done = xlplugin("functions", "docs", "--out", target, "--lang", language)
        assert done.returncode == 0
        text = target.read_text("utf-8")
        assert "### `ACTIVE_SHARE(portfolio, benchmark)`" in text
        assert word in text


def test_a_mistyped_function_gets_the_nearest_names():
    assert "ACTIVE_SHARE" in xlplugin("functions", "docs", "ACTIV_SHARE").stderr


def test_the_doctor_says_what_is_there_and_how_to_mend_the_rest():
    done = xlplugin("doctor", "--json")
    found = json.loads(done.stdout)
    assert {"python", "headless", "files", "disk"} <= {check["part"] for check in found}
    assert all(check["remedy"] for check in found if check["state"] == "error")
    assert done.returncode == (Exit.ENVIRONMENT if any(c["state"] == "error" for c in found) else Exit.DONE)


def test_a_rule_book_is_text_with_its_sources():
    done = xlplugin("index", "rulebook", "topix")
    assert done.returncode == 0
    assert done.stdout.startswith("Rule book: TOPIX")
    assert "TOPIX" in xlplugin("index", "cards").stdout


def test_a_review_gives_every_name_the_same_weight_where_the_rule_says_so(tmp_path):
    universe, history = MARKET / "us_constituents.csv", MARKET / "us_history.parquet"
    words = ("index", "review", "sp500_equal_weight", universe, "--prices", history, "--day", "2026-11-20")
    found = answer(*words)
    weights = [row["weight"] for row in found["rows"]]
    assert found["names"] == 60
    assert weights == pytest.approx([1 / 60] * 60)
    target = tmp_path / "review.csv"
    xlplugin(*words, "--out", target)
    rows = list(csv.DictReader(target.read_text("utf-8").splitlines()))
    assert [float(r["weight"]) for r in rows] == pytest.approx(weights)


def test_a_review_without_its_day_is_refused():
    done = xlplugin("index", "review", "sp500_equal_weight", MARKET / "us_constituents.csv")
    assert done.returncode == Exit.DATA
    assert "--day is missing" in done.stderr


def test_a_backtest_says_that_every_level_is_backtested(tmp_path):
    target = tmp_path / "levels.csv"
    universe, history = MARKET / "us_constituents.csv", MARKET / "us_history.parquet"
    done = xlplugin("index", "backtest", "sp500_equal_weight", universe, history, "--out", target)
    assert done.returncode == 0, done.stderr
    assert "Every level is backtested" in done.stdout
    rows = list(csv.DictReader(target.read_text("utf-8").splitlines()))
    assert {row["backtested"] for row in rows} == {"1"}
    assert float(rows[0]["gross"]) == pytest.approx(1000.0)


@pytest.mark.slow
def test_an_audit_decides_by_the_three_year_difference_after_tax(tmp_path):
    target = tmp_path / "audit.csv"
    found = answer("audit", FUNDS, "--as-of", "2026-10-31", "--out", target)
    by_code = {f["fund_code"]: f for f in found["funds"]}
    assert by_code["F1"]["decision"] == "KEEP"
    assert (by_code["F2"]["quartile"], by_code["F2"]["decision"]) == (4, "REPLACE")
    assert by_code["F3"]["decision"] is None  # not held: ranked, not judged
    assert by_code["U1"]["quartile"] is None  # fewer than four peers
    rows = list(csv.DictReader(target.read_text("utf-8").splitlines()))
    assert [r["fund_code"] for r in rows] == list(by_code)
    assert "TD = fund − index" in xlplugin("audit", FUNDS, "--as-of", "2026-10-31", cwd=tmp_path).stdout


# -- one workbook ------------------------------------------------------------


def test_a_computed_copy_has_the_values_and_leaves_its_source_alone(made, tmp_path):
    source, target = book(made), tmp_path / "computed.xlsx"
    before = source.read_bytes()
    found = answer("calc", source, "--out", target)
    assert found["failures"] == []
    assert source.read_bytes() == before
    page = openpyxl.load_workbook(target, data_only=True)["Page"]
    assert [page[f"B{n}"].value for n in (2, 3)] == [3000, 300]


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("excel", "=COST_LENDING("),
        ("office-add-in", "=_xldudf_DI_COST_LENDING("),
        ("libreoffice", "=ORG.XLPLUGIN.ADDIN.COSTLENDING("),
    ],
)
def test_a_computed_copy_spells_our_functions_for_its_host(made, tmp_path, host, start):
    target = tmp_path / "computed.xlsx"
    words = ("calc", made.parent / "tiny.xlsx", "--as-of", "2026-10-28", "--out", target)
    answer(*words, "--host", host)
    written = openpyxl.load_workbook(target)["Page"]["B5"].value
    assert getattr(written, "text", written).startswith(start)
    assert xlplugin(*words, "--host", "lotus").returncode == Exit.DATA


def test_a_market_folder_given_to_calc_is_where_prices_come_from(tmp_path):
    days = [dt.date(2026, 1, 5) + dt.timedelta(days=n) for n in range(3)]
    write_csv(
        tmp_path / "TWO.csv", [["date", "1001", "1002"], *([d, 100 + n, 50 - n] for n, d in enumerate(days))]
    )
    page = openpyxl.Workbook()
    page.active.title = "Page"
    page.active["A1"] = '=PRICE_HISTORY("TWO",DATE(2026,1,5),DATE(2026,1,7))'
    page.save(tmp_path / "book.xlsx")
    words = ("calc", tmp_path / "book.xlsx", "--as-of", "2026-01-07", "--out", tmp_path / "out.xlsx")
    assert answer(*words, "--market", tmp_path)["failures"] == []
    assert "no price history of TWO" in answer(*words, code=Exit.FINDINGS)["failures"][0]["sentence"]
    assert xlplugin(*words, "--market", tmp_path / "none").returncode == Exit.DATA


def test_a_book_is_never_written_over_itself(made):
    done = xlplugin("calc", book(made), "--out", book(made))
    assert done.returncode == Exit.DATA
    assert "this is the source itself" in done.stderr


def test_a_function_that_fails_in_a_book_is_named_with_its_cell(made, tmp_path):
    spoiled = tmp_path / "spoiled.xlsx"
    page = openpyxl.load_workbook(made.parent / "tiny.xlsx")
    page["Page"]["B5"] = '=COST_LENDING("much",0.5)'
    page.save(spoiled)
    done = xlplugin("calc", spoiled, "--as-of", "2026-10-28", "--out", tmp_path / "c.xlsx")
    assert done.returncode == Exit.FINDINGS
    assert "Page!B5" in done.stdout
    assert "expected a number" in done.stdout


def test_a_finished_book_verifies_and_a_changed_number_is_found(made, tmp_path):
    assert answer("verify", book(made))["differing"] == 0
    changed = tmp_path / "changed.xlsx"
    with_other_value(book(made), changed, "B2", 9999)
    found = answer("verify", changed, code=Exit.FINDINGS)
    assert [(d["sheet"], d["cell"]) for d in found["differences"]] == [("Page", "B2")]


def with_other_value(source: Path, target: Path, cell: str, value: float) -> None:
    """The package with the cached value of one formula cell of the first sheet replaced."""
    import re
    import zipfile

    with zipfile.ZipFile(source) as package, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name in package.namelist():
            data = package.read(name)
            if name == "xl/worksheets/sheet1.xml":
                pattern = rf'(<c r="{cell}"[^>]*>.*?<v>)[^<]*(</v>)'
                data, count = re.subn(pattern.encode(), rb"\g<1>%g\g<2>" % value, data, count=1)
                assert count == 1
            out.writestr(name, data)


def test_a_frozen_copy_holds_no_function_of_ours_and_verifies(made, tmp_path):
    target = tmp_path / "values.xlsx"
    assert answer("freeze", book(made), "--out", target)["failures"] == []
    formula = openpyxl.load_workbook(target)["Page"]["B5"].value
    assert formula == pytest.approx(300 / 1_000_000 * 0.5)
    assert answer("verify", target)["differing"] == 0


def test_checks_of_a_book_are_run_and_lint_findings_told(made, tmp_path):
    checked = tmp_path / "checked.xlsx"
    page = openpyxl.load_workbook(made.parent / "tiny.xlsx")
    from openpyxl.workbook.defined_name import DefinedName

    page["Page"]["D1"], page["Page"]["D2"] = "=1=1", "=1=2"
    page.defined_names["chk_good"] = DefinedName("chk_good", attr_text="Page!$D$1")
    page.defined_names["test_bad"] = DefinedName("test_bad", attr_text="Page!$D$2")
    page.save(checked)
    found = answer("check", checked, "--as-of", "2026-10-28", code=Exit.FINDINGS)
    assert found["tests"] == {"chk_good": True, "test_bad": False}


def test_a_check_that_only_warns_is_shown_and_fails_nothing(made, tmp_path):
    checked = tmp_path / "checked.xlsx"
    page = openpyxl.load_workbook(made.parent / "tiny.xlsx")
    page["Page"]["D1"] = "=1=2"
    page.defined_names["chk_te_limit"] = DefinedName("chk_te_limit", attr_text="Page!$D$1")
    page.save(checked)
    # openpyxl leaves the book in a form that the lint does not accept: that, and only that, is found.
    found = answer("check", checked, "--as-of", "2026-10-28", code=Exit.FINDINGS)
    assert found["tests"] == {"chk_te_limit": False}
    assert (found["failed"], found["warned"]) == (0, 1)


def test_a_book_keeps_its_language_whoever_works_with_it(tmp_path):
    from xlplugin.cli.places import built, language_of

    for language in ("ja", "en"):
        assert language_of(built()["proposal", language], "en" if language == "ja" else "ja") == language
    blank = tmp_path / "blank.xlsx"
    openpyxl.Workbook().save(blank)
    assert language_of(blank, "ja") == "ja"


def test_a_difference_between_two_books_is_told_in_words(made):
    same = answer("diff", book(made), book(made))
    assert same == []
    found = answer("diff", book(made), book(made, "T0002"), code=Exit.FINDINGS)
    by_item = {c["item"]: c for c in found}
    assert by_item["Client ID"] == {"part": "Input", "item": "Client ID", "before": "T0001", "now": "T0002"}
    assert by_item["A 1001 Cost basis"]["now"] == "2,000"
    japanese = answer("diff", book(made), book(made, "T0002"), "--lang", "ja", code=Exit.FINDINGS)
    assert {c["part"] for c in japanese} >= {"入力", "結果"}


# -- the demonstration ----------------------------------------------------


@pytest.mark.slow
def test_the_demonstration_makes_every_kind_of_book_in_both_languages(tmp_path):
    made = answer("demo", "--out", tmp_path / "demo")
    proposals = [Path(p).stem for p in made["proposals"]]
    assert len(proposals) >= 5
    assert {p[-2:] for p in proposals} == {Path(p).stem[-2:] for p in made["advisor"]} == {"ja", "en"}
    assert Path(made["summary"]).is_file()
    clients = json.loads((tmp_path / "demo" / "manifest.json").read_text("utf-8"))["clients"]
    regimes = {c["figures"]["regime"] for c in clients if c["status"] == "done"}
    assert regimes == {"jp_individual", "jp_corporate", "us_taxable"}
    # The sample clients that are wrong on purpose, and only they, are refused.
    assert [c["client_id"] for c in made["refused"]] == ["C0006", "C0008"]
    for path in made["advisor"]:
        named = re.findall(rb">(#[A-Z]+[!?/0]+)<", b"".join(sheets(Path(path))))
        assert not named
    for path in (made["advisor"][0], made["proposals"][0]):  # Japanese books, whatever the console speaks
        assert answer("verify", path)["differing"] == 0
        assert answer("check", path)["failed"] == 0


def sheets(path: Path) -> list[bytes]:
    """The visible sheets of a workbook, as they lie in it."""
    book = load_workbook(path)
    with ZipFile(path) as parts:
        return [
            parts.read(f"xl/worksheets/sheet{n}.xml")
            for n, sheet in enumerate(book.sheets_metadata, 1)
            if sheet.visible is SheetVisibleEnum.Visible
        ]


# -- orders ---------------------------------------------------------------

TRADES = "code name side quantity price amount".split()


def traded(path: Path, rows: list[list[object]], *, errors: int = 0) -> Path:
    """A computed book of one client with 200 shares of 1001, and a trade list as the templates keep it."""
    made = openpyxl.Workbook()
    inputs, calc, lots, accounts = made.active, *(made.create_sheet(n) for n in ("calc", "lots", "accounts"))
    for n, (name, value) in enumerate(
        {"in_client_id": "T0001", "in_as_of": dt.date(2026, 11, 20), "in_cash": 50_000}.items(), 1
    ):
        inputs.cell(n, 1, value)
        made.defined_names[name] = DefinedName(name, attr_text=f"Sheet!$A${n}")
    for r, row in enumerate(rows, 3):  # row 2 is the empty row above a spilled list
        for c, value in enumerate(row, 1):
            calc.cell(r, c, value)
    calc["Z1"] = errors
    made.defined_names["out_trades"] = DefinedName("out_trades", attr_text="calc!$A$2:$M$100")
    made.defined_names["out_check_errors"] = DefinedName("out_check_errors", attr_text="calc!$Z$1")
    for sheet, name, header, row in (
        (lots, "tbl_lots", ["Account", "Code", "Quantity", "Cost"], ["A", "1001", 200, 180_000]),
        (accounts, "tbl_accounts", ["Account", "Account kind"], ["A", "JP_TOKUTEI_WH"]),
    ):
        sheet.append(header)
        sheet.append(row)
        sheet.add_table(Table(displayName=name, ref=f"A1:{chr(64 + len(header))}2"))
    made.save(path)
    return path


def test_planned_trades_become_orders_of_an_account(tmp_path):
    rows = [["1001", "One", "SELL", 200, 950.5, 190_100], ["1002", "Two", "BUY", 100, 2000, 200_000]]
    found = answer("orders", traded(tmp_path / "book.xlsx", rows))
    assert found["orders"] == 2
    with Path(found["file"]).open(encoding="utf-8-sig", newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [(o["account"], o["side"], o["code"], o["quantity"]) for o in lines] == [
        ("A", "SELL", "1001", "200"),
        ("A", "BUY", "1002", "100"),
    ]
    assert lines[0]["amount"] == "190100"


@pytest.mark.parametrize(
    ("quantity", "errors", "word"), [(300, 0, "only 200 in taxable accounts"), (200, 2, "failed checks")]
)
def test_no_order_is_written_while_a_rule_or_a_check_is_broken(tmp_path, quantity, errors, word):
    book = traded(tmp_path / "book.xlsx", [["1001", "One", "SELL", quantity, 900, 0]], errors=errors)
    done = xlplugin("orders", book, "--lang", "en")
    assert done.returncode == Exit.FINDINGS
    assert word in done.stdout
    assert not list(tmp_path.glob("*.csv"))


def test_a_book_without_trades_gives_no_file(tmp_path):
    assert answer("orders", traded(tmp_path / "book.xlsx", []))["file"] is None


# -- batch ------------------------------------------------------------


def test_a_dry_run_plans_and_writes_nothing(tmp_path):
    path = tiny_job(tmp_path, 3)
    found = answer("batch", path, "--dry-run")
    assert found["todo"] == ["T0001", "T0002", "T0003"]
    assert not (tmp_path / "out").exists()


def test_a_batch_with_a_failed_client_ends_with_one_and_names_it(tmp_path):
    path = tiny_job(tmp_path, 3)
    lots = [line.split(",") for line in (tmp_path / "lots.csv").read_text().splitlines()]
    lots[1][3] = "many"
    write_csv(tmp_path / "lots.csv", lots)
    found = answer("batch", path, "--workers", "1", code=Exit.FINDINGS)
    assert (found["done"], found["failed"]) == (2, 1)
    assert found["failures"][0]["client_id"] == "T0001"
    again = answer("batch", path, "--workers", "1", "--only", "T0002")
    assert again["skipped"] == 1


@pytest.mark.parametrize("text", ["3/2", "0/2", "x"])
def test_a_shard_is_a_part_of_a_whole(tmp_path, text):
    done = xlplugin("batch", tiny_job(tmp_path, 1), "--shard", text)
    assert done.returncode == Exit.DATA
    assert "expected I/N with 1 <= I <= N" in done.stderr


def test_the_book_of_a_new_client_is_the_advisers(tmp_path):
    target = tmp_path / "new.xlsx"
    assert answer("new", "client", "--out", target)["files"] == [str(target)]
    with ZipFile(target) as parts:
        names = set(re.findall(r'<definedName name="(\w+)"', parts.read("xl/workbook.xml").decode()))
    assert {"in_client_id", "in_as_of", "accounts", "lots", "trades"} <= names
    assert xlplugin("new", "client", "--out", target).returncode == Exit.DATA
    assert answer("new", "index-method", "--out", tmp_path / "index.xlsx")["files"]


def test_an_empty_client_book_has_the_headers_that_are_read(tmp_path):
    for language, header in (("en", "Client ID"), ("ja", "顧客ID")):
        folder = tmp_path / language
        assert xlplugin("new", "clients", "--out", folder, "--lang", language).returncode == 0
        assert (folder / "lots.csv").read_text("utf-8-sig").startswith(header)
        assert "job.toml" in {p.name for p in folder.iterdir()}
    assert xlplugin("new", "clients", "--out", tmp_path / "en").returncode == Exit.DATA
