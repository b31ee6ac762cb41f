"""Year-end workbooks in a batch: who gets one, who does not and why, what makes it again."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.batch.test_run import run
from tests.batch.tiny import job as tiny_job
from tests.batch.tiny import write_csv

TABLES = ("clients", "accounts", "lots", "trades", "realized", "carry")


@pytest.fixture
def job(tmp_path, sample) -> Path:
    """A job of year ends for a Japanese individual, a Japanese company and an American household."""
    for name in TABLES:
        shutil.copy(sample / "clients" / f"{name}.csv", tmp_path)
    inputs = "\n".join(f'{name} = "{name}.csv"' for name in TABLES)
    path = tmp_path / "job.toml"
    path.write_text(
        f"""
[job]
as_of = 2027-02-01
make = ["year_end"]
user_role = "advisor"
[input]
{inputs}
[defaults]
tax_year = 2026
filing_status = "MFJ"
[output]
folder = "out"
[run]
only = ["C0001", "C0003", "C0004"]
""",
        "utf-8",
    )
    return path


def made(records) -> dict[str, list[str]]:
    return {r.client_id: [Path(o.file).name for o in r.outputs] for r in records}


def test_individuals_get_their_workbooks_and_a_company_its_sentence(job):
    _, records, counts = run(job)
    assert counts == {"done": 2, "failed": 1, "skipped": 0}
    assert made(records) == {
        "C0001": ["year_end_C0001_jp_2026_ja.xlsx"],
        "C0003": [],
        "C0004": ["year_end_C0004_us_2026_en.xlsx"],
    }
    (failed,) = (r for r in records if r.fault is not None)
    assert failed.fault.what == "C0003 is a company"


def test_a_spouse_needs_a_filing_status(job):
    job.write_text(job.read_text("utf-8").replace('filing_status = "MFJ"\n', ""), "utf-8")
    _, records, _ = run(job)
    faults = {r.client_id: r.fault.what for r in records if r.fault is not None}
    assert "has an account of a spouse" in faults["C0004"]


def test_a_changed_trade_makes_its_own_client_again_and_nothing_else(job):
    run(job)
    table = job.parent / "trades.csv"
    with table.open(encoding="utf-8", newline="") as handle:
        header, *rows = csv.reader(handle)
    mine = next(row for row in rows if row[0] == "C0001")
    mine[header.index("fee")] = str(int(mine[header.index("fee")]) + 1)
    write_csv(table, [header, *rows])
    _, records, counts = run(job)
    assert [r.client_id for r in records if r.status == "done"] == ["C0001"]
    assert counts["skipped"] == 1


def test_an_event_that_only_the_log_knows_makes_its_client_again(job):
    run(job)
    head = "client_id trade_id event account code trade_date settle_date quantity amount".split()
    paid = ["C0001", "D1", "DIVIDEND", "A-1", "1005", "2026-06-30", "2026-06-30", "100", "5000"]
    write_csv(job.parent / "events.csv", [head, paid])
    text = job.read_text("utf-8").replace("[input]\n", '[input]\nother_events = "events.csv"\n')
    job.write_text(text, "utf-8")
    _, records, _ = run(job)
    assert [r.client_id for r in records if r.status == "done"] == ["C0001"]


def test_a_client_whose_log_cannot_be_read_is_a_row_with_its_place(job):
    table = job.parent / "trades.csv"
    text = table.read_text("utf-8").replace("C0001,T0001,A-1,1005", "C0001,T0001,A-9,1005")
    table.write_text(text, "utf-8")
    _, records, _ = run(job)
    (failed,) = (r for r in records if r.client_id == "C0001")
    assert "trades.csv, line 2" in str(failed.fault)


def test_a_redacted_run_prints_the_id_instead_of_the_name(job):
    from python_calamine import load_workbook

    run(job, "output.redact_name=true")
    book = load_workbook(job.parent / "out/clients/C0001/year_end_C0001_jp_2026_ja.xlsx")
    text = str([book.get_sheet_by_name(name).to_python() for name in book.sheet_names])
    assert "C0001" in text
    assert "見本 太郎" not in text


def test_a_company_gets_its_proposal_and_a_warning_that_it_has_no_year_end(tmp_path):
    path = tiny_job(tmp_path, 2)
    for name, old, new in (
        ("clients.csv", "T0002,jp_individual", "T0002,jp_corporate"),
        ("accounts.csv", "T0002,A,JP_TOKUTEI_WH", "T0002,A,JP_CORP"),
        ("job.toml", "[input]\n", '[input]\ntrades = "trades.csv"\n'),
    ):
        text = (tmp_path / name).read_text("utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new), "utf-8")
    head = "client_id trade_id account code side trade_date settle_date quantity trade_price fee".split()
    day = "2026-01-05"
    write_csv(
        tmp_path / "trades.csv",
        [head, *([c, "T1", "A", "1001", "BUY", day, day, 100, 10, 0] for c in ("T0001", "T0002"))],
    )
    _, records, counts = run(path, 'job.make=["proposal", "year_end"]')
    assert counts == {"done": 2, "failed": 0, "skipped": 0}, [r.fault for r in records]
    assert made(records)["T0002"] == ["proposal_T0002_en.xlsx"]
    assert made(records)["T0001"] == ["proposal_T0001_en.xlsx", "year_end_T0001_jp_2026_en.xlsx"]
    manifest = json.loads((tmp_path / "out/manifest.json").read_text("utf-8"))
    warned = {
        c["client_id"]: "NO_YEAR_END the client is a company" in c["warnings"] for c in manifest["clients"]
    }
    assert warned == {"T0001": False, "T0002": True}
