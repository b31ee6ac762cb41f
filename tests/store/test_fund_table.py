"""The table of an audit: funds with the files of their series, and what the audit makes of them."""

import csv
import datetime as dt
import io
import shutil

import pytest

from xlplugin.engines.fund_audit.series import Limits
from xlplugin.engines.fund_audit.tracking import compare, figures
from xlplugin.errors import FileError
from xlplugin.store.fund_table import read_funds

DAY = dt.date(2026, 10, 31)


@pytest.fixture
def folder(sample, tmp_path):
    shutil.copytree(sample / "funds", tmp_path / "funds")
    return tmp_path / "funds"


def rewritten(folder, row, key, value):
    rows = list(csv.reader(io.StringIO((folder / "funds.csv").read_text("utf-8"), newline="")))
    rows[row][rows[0].index(key)] = value
    with (folder / "funds.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)


@pytest.mark.parametrize(("code", "cost"), [("F2", 0.0042), ("F3", 0.0022), ("F4", 0.0031)])
def test_the_tracking_difference_is_the_cost_the_sample_was_made_with(sample, code, cost):
    fund = next(f for f in read_funds(sample / "funds" / "funds.csv") if f.code == code)
    found = figures(compare(fund.series, fund.index, fund.currency, DAY, tax=0.20315, limits=Limits()))
    first, last = fund.index[0], next(o for o in reversed(fund.index) if o.date <= DAY)
    index_return = (last.level / first.level) ** (1 / 3.04) - 1.0
    # No distributions: the fund is the index times exp(-cost x years), so TD = (1 + r)(exp(-cost) - 1),
    # within the whole yen of the published values and the calendar (245 sessions a year in the generator).
    assert found.td_net[1] == pytest.approx(-(1 + index_return) * cost, rel=0.06)


def test_distributions_of_a_fund_are_reinvested_after_tax(sample):
    fund = next(f for f in read_funds(sample / "funds" / "funds.csv") if f.code == "F1")
    found = figures(compare(fund.series, fund.index, fund.currency, DAY, tax=0.20315, limits=Limits()))
    # Three distributions of 50 on about 11,000, a fifth of each lost to tax: about 0.09 % a year.
    assert found.td[1] - found.td_net[1] == pytest.approx(50 * 0.20315 / 11500, rel=0.25)


def test_a_missing_file_or_a_file_of_another_kind_is_named(folder):
    rewritten(folder, 1, "nav_file", "absent.csv")
    with pytest.raises(FileError, match=r"absent\.csv: there is no such file"):
        read_funds(folder / "funds.csv")
    shutil.copy(folder / "jp_index.csv", folder / "absent.csv")
    with pytest.raises(FileError, match="expected the series of a fund, found a wide price file"):
        read_funds(folder / "funds.csv")


def test_an_index_file_with_several_columns_needs_the_name_of_one(folder):
    lines = (folder / "jp_index.csv").read_text("utf-8").splitlines()
    wide = [line + ("," + ("OTHER" if n == 0 else "100")) for n, line in enumerate(lines)]
    (folder / "jp_index.csv").write_text("\n".join(wide), "utf-8")
    with pytest.raises(FileError, match=r"line 2, column index_column: expected a column of jp_index\.csv"):
        read_funds(folder / "funds.csv")


def test_a_bad_cell_of_the_table_is_refused_with_its_place(folder):
    rewritten(folder, 2, "ter", "cheap")
    with pytest.raises(FileError, match=r"funds\.csv, line 3, column ter: expected a fraction"):
        read_funds(folder / "funds.csv")


def test_a_fund_stands_once(folder):
    rewritten(folder, 2, "fund_code", "F1")
    with pytest.raises(FileError, match="expected each value once"):
        read_funds(folder / "funds.csv")


def test_a_corrupted_level_gives_no_figure_for_its_fund_and_leaves_the_others(folder):
    text = (folder / "manager_nav.csv").read_bytes().decode("cp932")
    line = text.splitlines()[400]
    value = line.split('","')[1]
    (folder / "manager_nav.csv").write_bytes(
        text.replace(line, line.replace(value, "99,999", 1)).encode("cp932")
    )
    found = {
        f.code: figures(compare(f.series, f.index, f.currency, DAY, tax=0.2, limits=Limits()))
        for f in read_funds(folder / "funds.csv")
    }
    assert found["F2"].status == "BLOCKED"
    assert found["F2"].td == (None, None, None)
    assert found["F3"].td_net[1] is not None
