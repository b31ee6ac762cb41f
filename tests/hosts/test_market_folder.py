import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from xlplugin.errors import FileError, MissingError
from xlplugin.hosts.kept import HandleFolder
from xlplugin.hosts.market import MarketFolder, connect
from xlplugin.worksheet import handles, market
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.handles import Kept, MemoryStore
from xlplugin.worksheet.registry import load

FIRST, LAST = dt.date(2025, 1, 1), dt.date(2026, 11, 20)


@pytest.fixture(autouse=True)
def own_state(monkeypatch):
    monkeypatch.setattr(handles, "_STORES", [MemoryStore()])
    monkeypatch.setattr(market, "_SOURCE", [])


@pytest.fixture
def folder(tmp_path):
    """A market of three securities that walk at random; the third follows the first."""
    rng, days = (
        np.random.default_rng(7),
        [FIRST + dt.timedelta(days=n) for n in range((LAST - FIRST).days + 1)],
    )
    days = [day for day in days if day.weekday() < 5]
    steps = rng.normal(0.0, 0.01, (len(days), 3))
    steps[:, 2] = steps[:, 0] + 0.2 * steps[:, 2]
    prices = 100 * np.exp(steps.cumsum(axis=0))
    lines = ["date,1001,1002,1003"]
    lines += [f"{day},{a:.4f},{b:.4f},{c:.4f}" for day, (a, b, c) in zip(days, prices, strict=True)]
    (tmp_path / "SAMPLE.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_a_risk_model_behind_a_handle_gives_the_tracking_risk_of_its_covariance(folder):
    market.attach(MarketFolder(folder))
    ((handle,),) = call(load()["RISK_MODEL"], "sample", LAST, [["method", "PCA"], ["factors", 2]])
    portfolio, benchmark = [[0.5], [0.3], [0.2]], [[0.4], [0.4], [0.2]]
    ((risk,),) = call(load()["TRACKING_RISK"], portfolio, benchmark, handle)
    arrays = handles.fetch("risk", handle).arrays
    exposures, factors = arrays["exposures"], arrays["factor_covariance"]
    dense = exposures @ factors @ exposures.T + np.diag(arrays["specific_variance"])
    active = np.array([0.1, -0.1, 0.0])
    assert risk == pytest.approx(float(np.sqrt(active @ dense @ active)), rel=1e-12)
    # Two independent walks of 1 % a day, 0.1 apart: about 0.1 x sqrt(2) x 16 % a year.
    assert risk == pytest.approx(0.1 * np.sqrt(2) * 0.01 * np.sqrt(261), rel=0.15)


def test_the_order_of_the_codes_asked_for_is_the_order_of_the_model(folder):
    market.attach(MarketFolder(folder))
    ((handle,),) = call(load()["RISK_MODEL"], "SAMPLE", LAST, [["method", "PCA"]], [["1003"], ["1001"]])
    assert handles.fetch("risk", handle).arrays["codes"].tolist() == ["1003", "1001"]


def test_equal_prices_give_equal_handles(folder):
    market.attach(MarketFolder(folder))
    one, other = (call(load()["PRICE_HISTORY"], "SAMPLE", FIRST, LAST) for _ in range(2))
    assert one == other


def test_without_a_source_the_sentence_says_how_to_name_one():
    with pytest.raises(MissingError, match="no price history of SAMPLE is at hand; name the market folder"):
        call(load()["RISK_MODEL"], "SAMPLE", LAST)


def test_an_index_that_the_folder_lacks_is_named_with_those_it_has(folder):
    market.attach(MarketFolder(folder))
    with pytest.raises(MissingError, match="has no prices of TOPIX; it has SAMPLE"):
        call(load()["RISK_MODEL"], "TOPIX", LAST)


def test_too_short_a_history_is_missing_not_estimated(folder):
    market.attach(MarketFolder(folder))
    with pytest.raises(MissingError, match="common days of prices up to 2025-02-03"):
        call(load()["RISK_MODEL"], "SAMPLE", dt.date(2025, 2, 3))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileError, match="no such folder of prices"):
        MarketFolder(tmp_path / "none")


def test_a_handle_survives_the_end_of_the_program(tmp_path):
    content = Kept("COVARIANCE", {"codes": np.array(["A", "B"]), "matrix": np.eye(2)})
    handles.attach(HandleFolder(tmp_path))
    handle = handles.keep(content)
    handles._STORES[:] = [MemoryStore(), HandleFolder(tmp_path)]  # a new process
    assert handles.fetch("covariance", handle).arrays["matrix"].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_file_that_does_not_hold_what_its_name_says_is_ignored(tmp_path):
    folder = HandleFolder(tmp_path)
    one = Kept("COVARIANCE", {"matrix": np.eye(2)})
    other = Kept("COVARIANCE", {"matrix": np.eye(3)})
    folder.put(one.handle(), one)
    next(tmp_path.glob("*.npz")).rename(folder._path(other.handle()))
    assert folder.get(other.handle()) is None
    folder._path(one.handle()).write_bytes(b"not an archive")
    assert folder.get(one.handle()) is None


def test_a_folder_that_cannot_be_written_does_not_stop_the_call(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    HandleFolder(blocked / "below").put("DI:COVARIANCE:4:0", Kept("COVARIANCE", {"matrix": np.eye(2)}))


def test_the_environment_names_the_market_and_the_place_of_kept_handles(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XLPLUGIN_MARKET", str(folder))
    monkeypatch.setenv("XLPLUGIN_DATA", str(tmp_path / "data"))
    connect.cache_clear()
    connect()
    ((handle,),) = call(load()["RISK_MODEL"], "SAMPLE", LAST, [["method", "PCA"]])
    assert list((tmp_path / "data" / "handles").glob("*.npz"))
    handles._STORES[0] = MemoryStore()
    assert handles.fetch("risk", handle).kind == "RISK"


def test_a_folder_of_another_user_does_not_stop_the_call(tmp_path, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    content = Kept("RISK", {"a": np.ones(2)})
    HandleFolder(tmp_path / "handles").put(content.handle(), content)
