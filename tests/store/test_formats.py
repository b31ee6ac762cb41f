"""Provider files: the real ones where they are, look-alikes of the same layout everywhere."""

import csv
import datetime as dt
import io
import shutil
from decimal import Decimal

import numpy as np
import pytest

from xlplugin.errors import FileError
from xlplugin.store.format import FORMATS, read
from xlplugin.store.formats.fund_series import FORMAT as FUND
from xlplugin.store.formats.listed_issues import FORMAT as LISTED
from xlplugin.store.formats.price_factors import FORMAT as FACTORS
from xlplugin.store.formats.prices import FORMAT as PRICES
from xlplugin.store.formats.sectors import FORMAT as SECTORS
from xlplugin.store.formats.topix_weights import FORMAT as WEIGHTS

# -- the real files (read in place, never copied) ----------------------------------------------------


def test_the_real_topix_file_has_1650_names_and_its_weights_add_up(shared_data):
    found = WEIGHTS.read_file(shared_data / "jp" / "topixweight_j_2026-04-30_cp932.csv")
    assert (len(found.codes), found.as_of) == (1650, dt.date(2026, 4, 30))
    assert sum(found.exact) == Decimal("0.999984")  # 99.9984 %, as SOURCES.md says: 99.998 %
    assert len(set(found.sectors)) == 33


def test_the_real_list_of_issues_has_4241_rows_and_one_class_of_preferred_shares(shared_data):
    found = LISTED.read_file(shared_data / "jp" / "jpx_listed_info_2023-03-14.csv")
    assert len(found.codes) == 4241
    assert [c for c in found.codes if len(c) == 5] == ["25935"]


def test_the_real_price_factors_are_225(shared_data):
    found = FACTORS.read_file(shared_data / "jp" / "nikkei225_price_adjustment_factor_2025-08-01.csv")
    assert (len(found.codes), found.as_of) == (225, dt.date(2025, 8, 1))
    assert min(found.exact) == Decimal("0.1")


def test_the_real_sectors_join_489_of_the_real_price_columns(shared_data):
    sectors = SECTORS.read_file(shared_data / "us" / "sp500_constituents_sector_2026-08.csv")
    prices = PRICES.read_file(shared_data / "us" / "sp500_adjclose_2023_2026.parquet")
    assert len(sectors.codes) == 503
    assert prices.values.shape == (772, 498)
    assert len(set(prices.codes) & set(sectors.codes)) == 489


def test_the_real_japanese_prices_keep_their_gaps_and_497_names_join_the_index(shared_data):
    prices = PRICES.read_file(shared_data / "jp" / "jp_close_2016_2026.parquet")
    weights = WEIGHTS.read_file(shared_data / "jp" / "topixweight_j_2026-04-30_cp932.csv")
    assert prices.values.shape == (2470, 506)
    # The file has rows on Japanese holidays, for its one American index only.
    tokyo = ~np.isnan(prices.values[:, prices.codes.index("000")])
    recent = prices.values[tokyo][-504:]
    complete = {c for n, c in enumerate(prices.codes) if not np.isnan(recent[:, n]).any()}
    joined = [w for c, w in zip(weights.codes, weights.exact, strict=True) if c in complete]
    # SOURCES.md: 497 names hold 91.1 % of TOPIX.
    assert (len(joined), round(float(sum(joined)), 3)) == (497, 0.911)


def test_the_zero_of_a_share_on_its_first_day_is_a_missing_price_in_the_real_file(shared_data):
    prices = PRICES.read_file(shared_data / "jp" / "jp_close_2016_2026.parquet")
    column = prices.values[:, prices.codes.index("5032")]
    assert np.isnan(column[prices.dates.index(dt.date(2022, 6, 8))])
    assert column[prices.dates.index(dt.date(2022, 6, 9))] == 2755.0


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("jp/topixweight_j_2026-04-30_cp932.csv", "topix_weights"),
        ("jp/jpx_listed_info_2023-03-14.csv", "listed_issues"),
        ("jp/nikkei225_price_adjustment_factor_2025-08-01.csv", "price_factors"),
        ("jp/jp_close_2016_2026.parquet", "prices"),
        ("us/sp500_constituents_sector_2026-08.csv", "sectors"),
        ("us/sp500_adjclose_2023_2026.parquet", "prices"),
    ],
)
def test_every_real_file_is_recognised_by_its_header(shared_data, file, name):
    assert read(shared_data / file)[0].name == name


def test_a_file_of_returns_is_not_taken_for_prices(shared_data):
    with pytest.raises(FileError, match="expected a price above 0"):
        read(shared_data / "us" / "gspc_returns_2010_2026.parquet")


# -- look-alikes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("market/topixweight_j.csv", "topix_weights"),
        ("market/jp_listed_info.csv", "listed_issues"),
        ("market/price_adjustment_factor.csv", "price_factors"),
        ("market/jp_history.csv", "prices"),
        ("market/us_history.parquet", "prices"),
        ("market/us_sectors.csv", "sectors"),
        ("funds/library_nav.csv", "fund_series"),
        ("funds/manager_nav.csv", "fund_series"),
        ("funds/sponsor_nav.csv", "fund_series"),
        ("funds/sponsor_history.csv", "fund_series"),
        ("funds/distributions.csv", "fund_series"),
    ],
)
def test_every_look_alike_is_recognised_by_its_header(sample, file, name):
    assert read(sample / file)[0].name == name


def test_the_look_alike_of_the_topix_file_has_the_quirks_of_the_real_one(sample):
    data = (sample / "market" / "topixweight_j.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    text = data.decode("cp932")
    assert text.count("\r\n") == text.count("\n")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][4] == "TOPIXに占める個別銘柄のウエイト"
    assert {len(r) for r in rows} == {6}
    assert sum(not any(r[1:]) for r in rows[1:]) >= 5  # notes below


def test_weights_that_do_not_add_up_are_refused(sample, tmp_path):
    lines = (sample / "market" / "topixweight_j.csv").read_bytes().split(b"\r\n")
    spoiled = tmp_path / "weights.csv"
    spoiled.write_bytes(b"\r\n".join(lines[:40] + lines[41:]))  # one member is missing
    with pytest.raises(FileError, match=r"weights that add up to 100%, got '\d\d\.\d+%'"):
        WEIGHTS.read_file(spoiled)


def test_rows_below_the_notes_are_refused(sample, tmp_path):
    data = (sample / "market" / "topixweight_j.csv").read_bytes()
    line = data.split(b"\r\n")[3]
    spoiled = tmp_path / "weights.csv"
    spoiled.write_bytes(data + line.replace(b"1003", b"1099") + b"\r\n")
    with pytest.raises(FileError, match=r"line \d+: expected notes only"):
        WEIGHTS.read_file(spoiled)


def test_price_factors_are_read_from_both_encodings_that_are_in_use(sample, tmp_path):
    original = sample / "market" / "price_adjustment_factor.csv"
    other = tmp_path / "utf8.csv"
    other.write_bytes(original.read_bytes().decode("cp932").encode("utf-8"))
    assert FACTORS.read_file(original) == FACTORS.read_file(other)


def test_the_second_interface_of_the_listed_issues_reads_as_the_first(sample, tmp_path):
    text = (sample / "market" / "jp_listed_info.csv").read_text("utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    rows[0] = "Date Code CoName CoNameEn S17 S17Nm S33 S33Nm ScaleCat Mkt MktNm".split()
    second = tmp_path / "second.csv"
    with second.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    assert LISTED.read_file(second) == LISTED.read_file(sample / "market" / "jp_listed_info.csv")


def test_prices_are_the_same_from_csv_parquet_and_excel(sample, tmp_path):
    import openpyxl
    import pyarrow as pa
    from pyarrow.parquet import write_table

    history = PRICES.read_file(sample / "market" / "jp_history.csv")
    columns = {c: history.values[:, n] for n, c in enumerate(history.codes)}
    days = pa.array(history.dates, pa.date32()).cast(pa.timestamp("ms"))
    write_table(pa.table({**columns, "Date": days}), tmp_path / "p.parquet")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("prices")
    sheet.append(["Date", *history.codes])
    for day, row in zip(history.dates, history.values, strict=True):
        sheet.append([day, *(None if np.isnan(v) else float(v) for v in row)])
    book.save(tmp_path / "p.xlsx")
    for name in ("p.parquet", "p.xlsx"):
        other = PRICES.read_file(tmp_path / name)
        assert (other.dates, other.codes) == (history.dates, history.codes)
        np.testing.assert_array_equal(other.values, history.values)


def test_a_descending_price_file_is_turned_round(sample, tmp_path):
    lines = (sample / "market" / "jp_history.csv").read_text("utf-8").splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]), "utf-8")
    first, second = PRICES.read_file(sample / "market" / "jp_history.csv"), PRICES.read_file(turned)
    assert first.dates == second.dates
    np.testing.assert_array_equal(first.values, second.values)


def test_the_last_price_is_never_from_after_the_day(sample):
    history = PRICES.read_file(sample / "market" / "jp_history.csv")
    latest = history.latest(dt.date(2026, 11, 15))  # a Sunday
    assert {day for day, _ in latest.values()} == {dt.date(2026, 11, 13)}
    early = history.latest(history.dates[3])
    assert "109Q" not in early or early["109Q"][0] <= history.dates[3]
    assert len(early) < len(history.codes)  # one security was not listed yet: no price, no entry


def test_a_move_too_large_to_be_believed_is_listed_and_kept(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("Date,1001,1002\n2026-01-05,100,200\n2026-01-06,1000,201\n2026-01-07,101,202\n")
    history = PRICES.read_file(file)
    jumps = history.jumps()
    assert [(j.code, j.day, round(j.move, 3)) for j in jumps] == [
        ("1001", dt.date(2026, 1, 6), 9.0),
        ("1001", dt.date(2026, 1, 7), -0.899),
    ]
    assert history.values[1, 0] == 1000.0


@pytest.mark.parametrize(
    "file", ["library_nav.csv", "manager_nav.csv", "sponsor_nav.csv", "sponsor_history.csv"]
)
def test_a_fund_series_ascends_and_has_a_value_every_day(sample, file):
    series = FUND.read_file(sample / "funds" / file)
    assert list(series.dates) == sorted(set(series.dates))
    assert (series.nav > 0).all()
    assert (series.distribution >= 0).all()


def test_a_reinvested_series_is_never_taken_for_the_net_asset_value(tmp_path):
    file = tmp_path / "f.csv"
    header = "基準日,基準価額（分配金再投資）(円),基準価額(円),分配金（税引前）(円),純資産総額（億円）"
    text = f"見本ファンド\n{header}\n"
    file.write_text(
        text + '2026/11/19,"12,100","10,050","",1.5\n2026/11/20,"12,160","10,000","100",1.6\n', "cp932"
    )
    series = FUND.read_file(file)
    assert series.nav.tolist() == [10050.0, 10000.0]
    assert series.distribution.tolist() == [0.0, 100.0]
    assert series.net_assets.tolist() == [150_000_000.0, 160_000_000.0]
    assert series.name == "見本ファンド"


def test_distributions_of_another_file_join_by_day_or_not_at_all(sample):
    series = FUND.read_file(sample / "funds" / "sponsor_history.csv")
    paid = FUND.read_file(sample / "funds" / "distributions.csv")
    joined = series.with_distributions(paid)
    assert joined.distribution.sum() == pytest.approx(paid.distribution.sum())
    assert np.flatnonzero(joined.distribution).size == len(paid.dates)


def test_a_us_file_with_slashes_is_read_month_first(tmp_path):
    file = tmp_path / "f.csv"
    file.write_text("Date,NAV\n11/09/2026,10.00\n11/10/2026,10.10\n")
    assert FUND.read_file(file).dates == (dt.date(2026, 11, 9), dt.date(2026, 11, 10))


# -- files that are not what they seem ---------------------------------------------------------------


def test_an_unknown_file_is_told_what_would_be_known(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(
        FileError, match=r"x\.csv: expected a known kind of file: .*TOPIX weights, got 'a, b'"
    ):
        read(file)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("absent.csv", None, "there is no such file"),
        ("empty.csv", b"", "got 'an empty file'"),
        ("binary.csv", b"Date,\x81\x00\xff\xff\xfe\n", "line 1: expected text in utf-8 or cp932"),
        ("broken.csv", b'Date,1001\n2026-01-05,"12', "line 2: expected well-formed values"),
        ("not.xlsx", b"PK\x03\x04 nothing", "not a workbook that can be read"),
        ("not.parquet", b"PAR1 nothing", "not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_opened_gets_one_sentence(tmp_path, name, data, sentence):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(FileError, match=sentence) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileError, match="this is a folder"):
        read(tmp_path / "folder.csv")


def test_kinds_have_names_of_their_own():
    assert len(FORMATS.names) == len(set(FORMATS.names)) == 6


def test_the_sample_is_what_its_generator_writes(sample, tmp_path):
    from pyarrow.parquet import read_table

    from workbooks.sample.make import main

    main(tmp_path)
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    folders = {name.parts[0] for name in made}  # the fund audit has a generator and a test of its own
    kept = sorted(p.relative_to(sample) for f in folders for p in (sample / f).rglob("*") if p.is_file())
    assert made == kept
    for name in made:
        if name.suffix == ".parquet":
            assert read_table(tmp_path / name).equals(read_table(sample / name))
        else:
            assert (tmp_path / name).read_bytes() == (sample / name).read_bytes(), name


def test_the_sample_is_small(sample):
    total = sum(p.stat().st_size for p in sample.rglob("*") if p.suffix in {".csv", ".parquet"})
    assert total < 1_000_000


def test_a_copy_under_another_name_reads_the_same(sample, tmp_path):
    shutil.copy(sample / "market" / "topixweight_j.csv", tmp_path / "weights of April.csv")
    assert WEIGHTS.read_file(tmp_path / "weights of April.csv") == WEIGHTS.read_file(
        sample / "market" / "topixweight_j.csv"
    )
