"""The files of a fund audit: a single corrupted cell is refused with its place, or leaves no figure."""

import csv
import datetime as dt
import io
import shutil
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbooks.sample.audit import write
from xlplugin.engines.fund_audit import Limits, compare, figures
from xlplugin.errors import FileError
from xlplugin.store.fund_audit import read_audit, read_history

SAMPLE = Path(__file__).resolve().parents[2] / "workbooks" / "sample" / "audit"
AS_OF = dt.date(2026, 11, 20)


@cache
def lines(table: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(row) for row in csv.reader(io.StringIO((SAMPLE / f"{table}.csv").read_text("utf-8-sig")))
    )


def written(folder: Path, table: str, rows) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    (folder / f"{table}.csv").write_text(text.getvalue(), "utf-8")


def tracking(inputs, code: str):
    """The figures of one fund, with every fault."""
    fund = next(row for row in inputs.tables["funds"] if row["fund_code"] == code)
    pair = compare(
        inputs.observations(code),
        inputs.observations(fund["index_name"]),
        fund["ccy"],
        AS_OF,
        tax=0.20315,
        limits=Limits(),
    )
    return figures(pair)


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAMPLE, tmp_path / "audit"))


def test_the_sample_holds_every_table():
    inputs = read_audit(SAMPLE / "funds.csv")
    counts = {name: len(rows) for name, rows in inputs.tables.items()}
    assert counts == {name: len(lines(name)) - 1 for name in counts}
    assert counts["funds"] == 14
    assert inputs.unread == ()


def test_the_sample_files_are_what_their_generator_writes(tmp_path):
    write(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in SAMPLE.glob("*.csv")}


def test_a_row_keeps_its_place_in_the_file():
    inputs = read_audit(SAMPLE / "funds.csv")
    first = inputs.observations("JP-F")[0]
    number = next(n for n, row in enumerate(lines("series"), start=1) if row[0] == "JP-F")
    assert first.place.endswith(f"series.csv line {number}")
    assert first.date == dt.date.fromisoformat(lines("series")[number - 1][1])


# -- corruption of one cell of the series -------------------------------------------------------------

# "-", "N/A" and "nan" are blanks to the store: a blank level is refused, a blank distribution is none.
UNREADABLE = ("abc", "#N/A", "#REF!", "=1+1", "inf", "1,2,3", "12e", "—")
SERIES_KEYS = lines("series")[0]
PAIR = tuple(row for row in lines("series") if row[0] in {"series_id", "JP-A", "Sample Japan Index"})
NUMBERS = [
    k
    for k, key in enumerate(SERIES_KEYS)
    if key in {"obs_date", "level_value", "distribution_paid", "unit_split"}
]
ROWS = st.integers(1, len(PAIR) - 1)


@settings(max_examples=120, deadline=None)
@given(row=ROWS, column=st.sampled_from(NUMBERS), text=st.sampled_from(UNREADABLE))
def test_a_cell_of_a_series_that_cannot_be_read_is_refused_with_its_line(tmp_path_factory, row, column, text):
    folder = tmp_path_factory.mktemp("cell")
    shutil.copy(SAMPLE / "funds.csv", folder)
    rows = [list(line) for line in PAIR]
    rows[row][column] = text
    written(folder, "series", rows)
    with pytest.raises(FileError) as refused:
        read_audit(folder / "funds.csv")
    assert f"line {row + 1}" in str(refused.value)


@pytest.mark.parametrize("key", ["series_id", "obs_date", "level_value"])
def test_a_blank_cell_that_is_needed_is_refused_with_its_line(folder, key):
    rows = [list(line) for line in PAIR]
    rows[40][SERIES_KEYS.index(key)] = ""
    written(folder, "series", rows)
    with pytest.raises(FileError, match="line 41"):
        read_audit(folder / "funds.csv")


@settings(max_examples=60, deadline=None)
@given(
    month=st.integers(0, 61),
    factor=st.sampled_from([0.1, 0.01, 0.5, 2.0, 10.0, 100.0, 1000.0]),
    index=st.booleans(),
)
def test_a_wrong_level_that_can_be_read_is_refused_with_its_line_and_leaves_no_figure(
    tmp_path_factory, month, factor, index
):
    rows = [list(line) for line in PAIR]
    name = "Sample Japan Index" if index else "JP-A"
    own = [n for n, row in enumerate(rows) if row[0] == name]
    at = own[month % len(own)]
    level = SERIES_KEYS.index("level_value")
    rows[at][level] = repr(float(rows[at][level]) * factor)
    folder = tmp_path_factory.mktemp("level")
    shutil.copy(SAMPLE / "funds.csv", folder)
    written(folder, "series", rows)
    found = tracking(read_audit(folder / "funds.csv"), "JP-A")
    dates = [row[1] for row in rows if row[0] == name]
    if rows[at][1][:7] == "2026-11" and dates[-1] == rows[at][1]:
        return  # the month that is not over is not used at all
    fatal = [fault for fault in found.faults if fault.fatal]
    assert fatal
    near = {f"line {at + 1}", f"line {at + 2}", f"line {own[0] + 1}", f"line {own[0] + 2}"}
    assert any(fault.place.endswith(tuple(near)) for fault in fatal), fatal
    assert (*found.td, *found.td_net, found.error) == (None,) * 7


def test_a_missing_month_a_repeated_day_and_another_currency_are_named_with_their_line(folder):
    sound = [list(line) for line in PAIR]
    at = next(n for n, row in enumerate(sound) if row[0] == "JP-A") + 20
    ccy = SERIES_KEYS.index("ccy")

    def code_of(rows):
        written(folder, "series", rows)
        fault = next(f for f in tracking(read_audit(folder / "funds.csv"), "JP-A").faults if f.fatal)
        return fault.code, fault.place.rpartition("line ")[2]

    assert code_of(sound[:at] + sound[at + 1 :]) == ("MISSING_MONTH", str(at + 1))
    twice = [*sound[: at + 1], *sound[at:]]
    assert code_of(twice) == ("DUPLICATE_DATE", str(at + 2))
    other = [list(row) for row in sound]
    for row in other:
        if row[0] == "Sample Japan Index":
            row[ccy] = "USD"
    first = next(n for n, row in enumerate(other, start=1) if row[0] == "Sample Japan Index")
    assert code_of(other) == ("OTHER_CURRENCY", str(first))


# -- corruption of one cell of the fund table ---------------------------------------------------------

FUND_KEYS = lines("funds")[0]
TEXTS = {
    "fund_code",
    "fund_name",
    "index_name",
    "asset_class",
    "manager",
    "hedge_reason",
    "domicile",
    "source",
    "ccy",
}


@settings(max_examples=150, deadline=None)
@given(
    row=st.integers(1, len(lines("funds")) - 1),
    column=st.sampled_from([k for k, key in enumerate(FUND_KEYS) if key not in TEXTS]),
    text=st.sampled_from(("abc", "#N/A", "inf", "12e", "?")),
)
def test_a_cell_of_a_fund_that_cannot_be_read_is_refused_with_its_line(tmp_path_factory, row, column, text):
    folder = tmp_path_factory.mktemp("fund")
    rows = [list(line) for line in lines("funds")]
    rows[row][column] = text
    written(folder, "funds", rows)
    with pytest.raises(FileError) as refused:
        read_audit(folder / "funds.csv")
    assert f"line {row + 1}" in str(refused.value)


def test_a_fund_that_stands_twice_is_refused(folder):
    rows = [list(line) for line in lines("funds")]
    written(folder, "funds", [*rows, rows[1]])
    with pytest.raises(FileError, match="JP-A"):
        read_audit(folder / "funds.csv")


def test_two_tables_of_one_kind_are_refused(folder):
    shutil.copy(folder / "series.csv", folder / "series.tsv")
    with pytest.raises(FileError, match="keep one"):
        read_audit(folder / "funds.csv")


def test_a_record_from_elsewhere_replaces_the_one_beside_the_funds(folder, tmp_path):
    written(tmp_path, "record", lines("audits")[:3])
    assert len(read_audit(folder / "funds.csv", tmp_path / "record.csv").tables["audits"]) == 2
    assert [row["fund_code"] for row in read_history(tmp_path / "record.csv")] == ["JP-A", "JP-B"]
