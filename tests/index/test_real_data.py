"""Real constituent files, read in place from the folder `shared` beside the repository.

The owners forbid copying, so nothing of them is in the repository; without the folder the tests
skip. What the files do not hold is said where it matters.
"""

import csv
import io
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from xlplugin.index.capping import cap_test, cap_weights
from xlplugin.index.changes import concentration, group_weights
from xlplugin.index.divisor import contribution, index_level
from xlplugin.index.scheme import SCHEMES, index_weights
from xlplugin.index.selection import cumulative_share, select_by_coverage

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TOPIX = DATA / "jp" / "topixweight_j_2026-04-30_cp932.csv"
NIKKEI = DATA / "jp" / "nikkei225_price_adjustment_factor_2025-08-01.csv"
CLOSES = DATA / "jp" / "jp_close_2016_2026.parquet"
SECTORS = DATA / "us" / "sp500_constituents_sector_2026-08.csv"
FUNDAMENTALS = DATA / "us" / "sp500_fundamentals_2026.parquet"

pytestmark = pytest.mark.usefixtures("shared_data")


# -- TOPIX ---------------------------------------------------------------------------------------
#
# The file prints name, code, sector, weight to 0.0001 % and size class of 1,650 names. It holds no
# price, share count or float factor, and the price file ends three months before, so a weight
# cannot be recomputed from its inputs. What can be recomputed: weights from weights (renormalised,
# capped), group sums, and the tests of the review of October 2026 on the printed weights.


@pytest.fixture(scope="module")
def topix():
    text = TOPIX.read_bytes().decode("cp932")
    rows = [r for r in csv.reader(io.StringIO(text)) if len(r) > 4 and r[2].strip()][1:]
    printed = [r[4] for r in rows]
    return {
        "printed": printed,
        "weights": np.array([float(p.rstrip("%")) for p in printed]) / 100.0,
        "sector": [r[3] for r in rows],
        "size": [r[5] for r in rows],
    }


def test_topix_weights_come_back_to_the_printed_digits_where_the_sum_allows(topix):
    weights = index_weights(SCHEMES["CUSTOM"], {"weight": topix["weights"]})
    assert math.fsum(weights) == pytest.approx(1.0, abs=1e-12)
    again = [f"{100 * w:.4f}%" for w in weights]
    same = sum(a == b for a, b in zip(again, topix["printed"], strict=True))
    # The printed weights sum to 99.9984 %: bringing them to 100 % moves every weight by its
    # 0.0016 %, half a unit of the last digit for weights of 3.1 % and more.
    assert math.fsum(topix["weights"]) == pytest.approx(0.999984, abs=5e-7)
    assert same >= 0.98 * len(again)
    assert np.abs(weights - topix["weights"]).max() < 0.6e-6


def test_no_topix_name_meets_the_cap_so_capping_changes_no_printed_digit(topix):
    total = math.fsum(topix["weights"])
    capped = cap_weights(topix["weights"], 0.10) * total
    assert [f"{100 * w:.4f}%" for w in capped] == topix["printed"]
    assert cap_test(capped / total, 0.10, 0.10, 1.0)[1].passed


def test_topix_size_classes_sum_to_the_index(topix):
    groups = group_weights(topix["weights"], topix["size"])
    assert math.fsum(groups.values()) == pytest.approx(math.fsum(topix["weights"]), abs=1e-12)
    names = Counter(topix["size"])
    # The list is a month-end one between reviews: classes have the counts of their names, give or
    # take a merger or a delisting since October.
    for size, count in (("TOPIX Core30", 30), ("TOPIX Large70", 70), ("TOPIX Mid400", 400)):
        assert abs(names[size] - count) <= 5
    assert 0.40 < groups["TOPIX Core30"] < 0.44
    assert len(group_weights(topix["weights"], topix["sector"])) == 33


def test_the_october_review_keeps_and_enters_by_cumulative_float_capitalisation(topix):
    # The share test of the 2026 rules on today's names only (the new universe has more of them, and
    # the turnover test needs traded values): the boundary is where the printed weights cross it.
    weights = topix["weights"]
    member = np.ones(len(weights), dtype=bool)
    entering = select_by_coverage(weights, 0.96)
    staying = select_by_coverage(weights, 0.96, member, 0.97)
    ordered = np.sort(weights)[::-1]
    crossing = np.cumsum(ordered) / weights.sum()
    assert entering.sum() == int((crossing <= 0.96).sum())
    assert staying.sum() == int((crossing <= 0.97).sum())
    assert (staying | ~entering).all()
    assert cumulative_share(weights)[staying].max() <= 0.97


# -- Nikkei 225 ----------------------------------------------------------------------------------
#
# Prices are adjusted for later splits; these are taken back with the ratios the companies announced
# between August 2025 and February 2026. One name of 225 (6594, factor 0.8) has no price series: it
# is worth about 0.06 of the divisor. The published divisor of the day is not in the files.

SPLITS_SINCE = {
    "2501": 5,
    "4183": 2,
    "5108": 2,
    "5401": 5,
    "7013": 7,
    "7453": 2,
    "8001": 5,
    "8267": 3,
    "8830": 2,
    "9843": 5,
    "9984": 4,
}


@pytest.fixture(scope="module")
def nikkei():
    import pandas as pd

    with NIKKEI.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.reader(file) if len(r) == 6][1:]
    factors = {r[1]: float(r[3]) for r in rows}
    closes = pd.read_parquet(CLOSES).loc["2025-07-07":"2025-08-29"].dropna(subset=["001"])
    codes = [code for code in factors if code in closes.columns]
    splits = np.array([SPLITS_SINCE.get(code, 1) for code in codes])
    return {
        "factors": factors,
        "codes": codes,
        "paf": np.array([factors[code] for code in codes]),
        "prices": closes[codes].to_numpy(dtype=float) * splits,
        "level": closes["001"].to_numpy(dtype=float),
        "row": list(closes.index.strftime("%Y-%m-%d")).index("2025-08-01"),
    }


def test_the_nikkei_file_has_225_names_on_the_grid_of_factors(nikkei):
    assert len(nikkei["factors"]) == 225
    assert set(nikkei["factors"]) - set(nikkei["codes"]) == {"6594"}
    assert all(abs(f * 10 - round(f * 10)) < 1e-9 for f in nikkei["factors"].values())
    assert nikkei["factors"]["9983"] == 2.4  # 3.0 x cap ratio 0.8 since April 2025


def test_the_implied_divisor_is_one_number_through_eight_weeks(nikkei):
    implied = np.array(
        [
            index_level(price, nikkei["paf"], level)  # sum of adopted prices over the index
            for price, level in zip(nikkei["prices"], nikkei["level"], strict=True)
        ]
    )
    # 29.50 without 6594 (and about 29.56 with it); the index moved by 9 % in these weeks.
    assert implied[nikkei["row"]] == pytest.approx(29.503, abs=0.01)
    assert (implied.max() - implied.min()) / implied.mean() < 7e-4
    assert nikkei["level"].max() / nikkei["level"].min() > 1.08


def test_the_nikkei_recomputed_day_by_day_follows_the_published_one(nikkei):
    row = nikkei["row"]
    divisor = index_level(nikkei["prices"][row], nikkei["paf"], nikkei["level"][row])
    assert index_level(nikkei["prices"][row], nikkei["paf"], divisor) == pytest.approx(nikkei["level"][row])
    points = contribution(nikkei["prices"][row - 1], nikkei["prices"][row], nikkei["paf"], divisor)
    moved = nikkei["level"][row] - nikkei["level"][row - 1]
    # 224 of 225 names explain the move of the day to a point or two.
    assert math.fsum(points) == pytest.approx(moved, abs=3.0)


def test_the_largest_nikkei_weights_are_those_of_the_capped_factors(nikkei):
    row = nikkei["row"]
    weights = index_weights(SCHEMES["PRICE"], {"price": nikkei["prices"][row], "shares": nikkei["paf"]})
    order = np.argsort(-weights)
    assert [nikkei["codes"][i] for i in order[:4]] == ["9983", "6857", "9984", "8035"]
    assert weights.max() == pytest.approx(0.0935, abs=5e-4)  # below the cap of 10 %
    assert concentration(weights).top_ten > 0.35


# -- S&P 500 -------------------------------------------------------------------------------------


def test_an_equal_weight_sp500_weighs_sectors_by_their_companies():
    with SECTORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 503
    # Share lines of one company share its CIK: 500 companies.
    company = np.unique([r["CIK"] for r in rows], return_inverse=True)[1].astype(float)
    assert len(set(company)) == 500
    weights = index_weights(SCHEMES["EQUAL"], {"price": np.ones(503), "company": company})
    sectors = group_weights(weights, [r["GICS Sector"] for r in rows])
    assert len(sectors) == 11
    assert math.fsum(sectors.values()) == pytest.approx(1.0, abs=1e-12)
    for sector, weight in sectors.items():
        companies = {r["CIK"] for r in rows if r["GICS Sector"] == sector}
        assert weight == pytest.approx(len(companies) / 500, abs=1e-12)


def test_sp500_sector_totals_by_capitalisation_sum_to_the_index():
    # The snapshot gives each line the capitalisation of its whole company, so the lines of one
    # company share it. Float factors are not in the file: these are full-capitalisation weights.
    import pandas as pd

    with SECTORS.open(encoding="utf-8", newline="") as file:
        rows = {r["Symbol"].replace(".", "-"): r for r in csv.DictReader(file)}
    snapshot = pd.read_parquet(FUNDAMENTALS).set_index("ticker")["marketCap"]
    tickers = [t for t in snapshot.index if t in rows]
    lines = Counter(rows[t]["CIK"] for t in tickers)
    value = np.array([snapshot[t] / lines[rows[t]["CIK"]] for t in tickers])
    weights = index_weights(SCHEMES["CAP"], {"price": value})
    sectors = group_weights(weights, [rows[t]["GICS Sector"] for t in tickers])
    by_hand = pd.Series(value).groupby([rows[t]["GICS Sector"] for t in tickers]).sum() / value.sum()
    assert len(tickers) >= 490
    assert sectors == pytest.approx(by_hand.to_dict(), abs=1e-12)
    assert max(sectors, key=sectors.get) == "Information Technology"
    assert math.fsum(sectors.values()) == pytest.approx(1.0, abs=1e-12)
