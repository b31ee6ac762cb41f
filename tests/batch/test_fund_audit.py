"""The fund audit in batch: figures by other arithmetic, a record only appended, sentences with a place."""

import csv
import datetime as dt
import io
import json
import shutil
import warnings
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

import workbooks
from xlplugin.batch.fund_audit import make_audit
from xlplugin.cli.app import app
from xlplugin.errors import InputError, LedgerError
from xlplugin.hosts.headless import compile_book
from xlplugin.store.fund_audit import AuditInputs, read_audit

FOLDER = Path(workbooks.__file__).parent
SAMPLE = FOLDER / "sample" / "audit"
AS_OF = dt.date(2026, 11, 20)


@cache
def template():
    return compile_book(FOLDER / "fund_audit.en.xlsx", language="en")


def audited(inputs: AuditInputs, year: int = 2026):
    return make_audit(inputs, template(), "en", AS_OF, {"in_audit_year": year})


@cache
def sample():
    return audited(read_audit(SAMPLE / "funds.csv"))


def levels(name: str) -> list[tuple[str, float, float, float]]:
    """Day, level, distribution, split of a series, straight from the file."""
    rows = csv.DictReader(io.StringIO((SAMPLE / "series.csv").read_text("utf-8-sig")))
    return [
        (
            r["obs_date"],
            float(r["level_value"]),
            float(r["distribution_paid"] or 0),
            float(r["unit_split"] or 1),
        )
        for r in rows
        if r["series_id"] == name
    ]


def growth(name: str, first: str, last: str, tax: float) -> float:
    """Wealth of one unit with distributions reinvested after tax on their own row."""
    units, start = 1.0, 0.0
    for day, level, paid, split in levels(name):
        if day[:7] <= first:
            start = level
            continue
        if day[:7] <= last:
            units *= split * (1 + paid * (1 - tax) / level)
            end = level
    return units * end / start


@pytest.mark.parametrize(("code", "index"), [("JP-A", "Sample Japan Index"), ("DV-E", "Sample World Index")])
@pytest.mark.parametrize(("key", "tax"), [("td_three", 0.0), ("td_three_net", 0.20315)])
def test_the_difference_agrees_with_arithmetic_from_the_file(code, index, key, tax):
    row = next(row for row in sample().rows if row["fund_code"] == code)
    fund, benchmark = (growth(n, "2023-10", "2026-10", t) for n, t in ((code, tax), (index, 0.0)))
    assert row[key] == pytest.approx(fund ** (1 / 3) - benchmark ** (1 / 3), abs=1e-9)


def test_the_record_gains_one_row_per_fund_and_keeps_what_was_there():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        book = openpyxl.load_workbook(io.BytesIO(sample().data), data_only=True)
    table = next(s.tables["tbl_audits"] for s in book if "tbl_audits" in s.tables)
    sheet = next(s for s in book if "tbl_audits" in s.tables)
    rows = [[cell.value for cell in row[:3]] for row in sheet[table.ref][1:] if row[0].value]
    old = list(csv.reader(io.StringIO((SAMPLE / "audits.csv").read_text("utf-8-sig"))))[1:]
    assert [r[1] for r in rows[: len(old)]] == [r[1] for r in old]
    assert [r[1] for r in rows[len(old) :]] == [row["fund_code"] for row in sample().rows]
    assert {r[0] for r in rows[len(old) :]} == {2026}


def test_the_changes_since_last_year_are_those_between_the_two_records():
    before = {
        (r["fund_code"], "ter"): float(r["ter"])
        for r in csv.DictReader(io.StringIO((SAMPLE / "audits.csv").read_text("utf-8-sig")))
    }
    now = {(r["fund_code"], "ter"): r["ter"] for r in sample().record}
    moved = {
        k[0] for k in before.keys() & now.keys() if now[k] is not None and abs(before[k] - now[k]) > 5e-6
    }
    assert sample().year_before == 2025
    assert {c.fund_code for c in sample().changed if c.field == "ter"} == moved


def test_a_year_on_record_is_refused():
    with pytest.raises(InputError, match="2025"):
        audited(read_audit(SAMPLE / "funds.csv"), 2025)


def test_a_record_that_was_changed_afterwards_is_refused(tmp_path):
    path = tmp_path / "last.xlsx"
    path.write_bytes(sample().data)
    inputs = read_audit(path)
    sealed = [row for row in inputs.tables["audits"] if row["audit_year"] == 2026]
    assert len(sealed) == 14
    sealed[3]["ter"] = sealed[3]["ter"] + 0.001
    with pytest.raises(LedgerError, match="JP-E"):
        audited(inputs, 2027)


def test_a_book_of_last_year_is_audited_again_with_its_own_record(tmp_path):
    path = tmp_path / "last.xlsx"
    path.write_bytes(sample().data)
    done = audited(read_audit(path), 2027)
    assert done.year_before == 2026
    # The same series again: only a fund that was in the worst quartile twice is judged anew.
    assert {c.field for c in done.changed} <= {"decision"}
    assert [r["fund_code"] for r in done.rows] == [r["fund_code"] for r in sample().rows]


def test_more_funds_than_a_book_shows_are_refused():
    inputs = read_audit(SAMPLE / "funds.csv")
    many = [row | {"fund_code": f"X{n}"} for n in range(31) for row in inputs.tables["funds"][:1]]
    with pytest.raises(InputError, match="31 rows; a book shows 30"):
        audited(AuditInputs(inputs.tables | {"funds": many}, inputs.places))


# -- the command -------------------------------------------------------------------------------------------


def command(*arguments: object):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAMPLE, tmp_path / "audit"))


def broken(folder: Path, change) -> int:
    """Change the twentieth row of JP-A in the series; the line of that row."""
    path = folder / "series.csv"
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    at = next(n for n, row in enumerate(rows) if row[0] == "JP-A") + 20
    change(rows, at, {key: k for k, key in enumerate(rows[0])})
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), "utf-8")
    return at + 1


def drop(rows, at, _):
    del rows[at]


def repeat(rows, at, _):
    rows.insert(at, rows[at])


def split(rows, at, key):
    for row in rows[at:]:
        if row[0] == "JP-A":
            row[key["level_value"]] = repr(float(row[key["level_value"]]) / 10)


@pytest.mark.parametrize(
    ("change", "after", "words"),
    [
        (drop, 0, {"en": "month", "ja": "月"}),
        (repeat, 1, {"en": "date", "ja": "日付"}),
        (split, 0, {"en": "split", "ja": "分割"}),
    ],
)
@pytest.mark.parametrize("language", ["ja", pytest.param("en", marks=pytest.mark.slow)])
def test_a_fault_of_a_series_is_a_sentence_with_its_line(folder, change, after, words, language):
    line = broken(folder, change) + after
    done = command(folder / "funds.csv", "--as-of", AS_OF, "--out", folder / "out.xlsx", "--lang", language)
    assert done.exit_code == 1
    sentence = next(text for text in done.stdout.splitlines() if text.startswith("JP-A:"))
    assert f"line {line} " in sentence
    assert words[language] in sentence
    assert (folder / "out.xlsx").is_file()


def test_a_corrupted_cell_is_an_error_with_its_place_and_nothing_is_written(folder):
    def corrupt(rows, at, key):
        rows[at][key["level_value"]] = "1O2.5"

    line = broken(folder, corrupt)
    done = command(folder / "funds.csv", "--as-of", AS_OF, "--out", folder / "out.xlsx")
    assert done.exit_code != 0
    assert f"line {line}" in str(done.exception)
    assert "1O2.5" in str(done.exception)
    assert not (folder / "out.xlsx").exists()


@pytest.mark.slow
def test_the_command_tells_machines_the_same_as_the_book(folder):
    done = command(
        folder / "funds.csv", "--as-of", AS_OF, "--out", folder / "out.xlsx", "--json", "--lang", "en"
    )
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [f["td_three_net"] for f in found["funds"]] == [row["td_three_net"] for row in sample().rows]
    assert {c["fund_code"] for c in found["changes"]} == {c.fund_code for c in sample().changed}
