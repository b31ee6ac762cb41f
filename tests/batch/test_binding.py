"""One client as the inputs of a template: whose value wins, and what stands in which row."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest

from tests.batch.tiny import template
from xlplugin.batch.binding import bench, inputs_for, own_bench, resolved
from xlplugin.batch.risk import FACTORS, risk_rows
from xlplugin.errors import MissingError
from xlplugin.hosts.headless import compile_book
from xlplugin.store.clients import Client, read_clients
from xlplugin.store.formats.prices import PriceHistory
from xlplugin.store.market import MarketFiles, read_market
from xlplugin.store.sources import FileTables

AS_OF = dt.date(2026, 11, 20)


@pytest.fixture(scope="module")
def japan(sample):
    folder = sample / "market"
    return read_market(
        MarketFiles(folder / "jp_constituents.csv", folder / "jp_prices.csv", folder / "jp_history.csv"),
        AS_OF,
    )


@pytest.fixture(scope="module")
def clients(sample):
    book = read_clients(FileTables({p.stem: p for p in (sample / "clients").glob("*.csv")}))
    return {c.client_id: c for c in book.clients}


def test_the_clients_own_setting_wins_over_the_job_and_the_job_over_the_regime(japan, clients):
    one = clients["C0001"]
    bare = Client(one.client_id, {**one.settings, "te_limit": None}, one.tables)
    assert resolved(one, japan, {"te_limit": Decimal("0.05")}, {}).settings["te_limit"] == Decimal("0.02")
    assert resolved(bare, japan, {"te_limit": Decimal("0.05")}, {}).settings["te_limit"] == Decimal("0.05")
    assert resolved(bare, japan, {}, {}).settings["te_limit"] == 0.012  # layout/inputs.toml


def test_defaults_follow_the_regime(japan, clients):
    japanese = resolved(clients["C0001"], japan, {}, {}).settings
    american = resolved(clients["C0004"], japan, {}, {}).settings
    assert (japanese["min_trade"], american["min_trade"]) == (30000, 200)  # layout/inputs.toml
    assert (japanese["currency"], american["currency"]) == ("JPY", "USD")


def test_the_firm_of_the_job_stands_behind_the_clients_own(japan, clients):
    one = clients["C0001"]
    assert resolved(one, japan, {}, {"firm": "Other"}).settings["firm"] == "見本アドバイザリー株式会社"
    bare = Client(one.client_id, {}, one.tables)
    assert resolved(bare, japan, {}, {"firm": "Other"}).settings["firm"] == "Other"


def test_a_budget_in_per_cent_is_a_share_of_the_gains_in_taxable_accounts(japan):
    tables = {
        "accounts": (
            {"account": "A", "account_kind": "JP_TOKUTEI_WH"},
            {"account": "N", "account_kind": "JP_NISA"},
        ),
        "lots": (
            {"account": "A", "code": "1001", "quantity": Decimal(100), "cost_basis": Decimal(100000)},
            {"account": "A", "code": "1002", "quantity": Decimal(100), "cost_basis": Decimal(99000000)},
            {"account": "N", "code": "1001", "quantity": Decimal(100), "cost_basis": Decimal(1)},
        ),
    }
    client = Client("X", {"budget": "10%"}, tables)
    price = Decimal(str(japan.price_rows["1001"]["price"]))
    # By hand: only the first lot gains and counts; the second loses, the third is exempt.
    assert resolved(client, japan, {}, {}).settings["budget"] == ((100 * price - 100000) / 10)


def test_held_securities_stand_first_by_value_then_members_by_weight(japan, clients, tmp_path):
    one = resolved(clients["C0001"], japan, {}, {})
    held = {str(lot["code"]) for lot in one.client.rows("lots")}
    made = compile_book(template(tmp_path / "t.xlsx"), language="en")
    inputs, _ = inputs_for(made, one, bench(japan, held), document_id="D", input_hash="H")
    rows = inputs.tables["tbl_prices"]
    codes = [row["Code"] for row in rows]
    assert set(codes[: len(held)]) == held
    assert set(codes) == {str(r["code"]) for r in japan.prices if r["price"] is not None}
    value = dict.fromkeys(held, 0.0)
    for lot in one.client.rows("lots"):
        price = japan.price_rows[str(lot["code"])]["price"]
        value[str(lot["code"])] += float(lot["quantity"]) * float(price)
    assert codes[: len(held)] == sorted(held, key=lambda c: -value[c])
    assert all(row["Specific variance"] > 0 for row in rows)


def test_a_japanese_template_gets_japanese_headers(japan, clients, tmp_path):
    one = resolved(clients["C0001"], japan, {}, {})
    held = {str(lot["code"]) for lot in one.client.rows("lots")}
    shared = bench(japan, held)
    english = compile_book(template(tmp_path / "e.xlsx", "en"), language="en")
    japanese = compile_book(template(tmp_path / "j.xlsx", "ja"), language="ja")
    a, _ = inputs_for(english, one, shared, document_id="D", input_hash="H")
    b, _ = inputs_for(japanese, one, shared, document_id="D", input_hash="H")
    assert [r["数量"] for r in b.tables["tbl_lots"]] == [r["Quantity"] for r in a.tables["tbl_lots"]]
    assert a.names == b.names


def test_a_lot_gets_the_cost_it_lacks(japan, tmp_path):
    tables = {
        "accounts": ({"account": "A", "account_kind": "JP_TOKUTEI_WH"},),
        "lots": (
            {"account": "A", "code": "1001", "quantity": Decimal(300), "unit_cost": Decimal(700)},
            {"account": "A", "code": "1002", "quantity": Decimal(200), "cost_basis": Decimal(50000)},
        ),
    }
    made = compile_book(template(tmp_path / "t.xlsx"), language="en")
    one = resolved(Client("X", {}, tables), japan, {}, {})
    inputs, _ = inputs_for(made, one, bench(japan, {"1001", "1002"}), document_id="D", input_hash="H")
    first, second = inputs.tables["tbl_lots"]
    assert (first["Cost basis"], second["Unit cost"]) == (210000.0, 250.0)
    assert first["Name"] == "見本水産"


def test_inputs_the_client_gave_and_the_template_lacks_are_named(japan, clients, tmp_path):
    made = compile_book(template(tmp_path / "t.xlsx"), language="en")
    one = resolved(clients["C0001"], japan, {}, {})
    _, without = inputs_for(made, one, bench(japan, {"1001"} | held_by(one)), document_id="D", input_hash="H")
    assert "in_goal" in without
    assert "tbl_wishes" in without
    assert "in_min_trade" not in without  # a default of the regime, not the client's


def held_by(one):
    return {str(lot["code"]) for lot in one.client.rows("lots")}


# -- risk ------------------------------------------------------------------------------------------------


def test_the_factor_rows_rebuild_the_variance_of_every_security(japan):
    risk = risk_rows(japan.history, [str(r["code"]) for r in japan.constituents])
    prices = japan.history.values[-504:]
    complete = [n for n, c in enumerate(japan.history.codes) if not np.isnan(prices[:, n]).any()]
    returns = prices[1:, complete] / prices[:-1, complete] - 1.0
    days = (japan.history.dates[-1] - japan.history.dates[-504]).days
    annual = returns.var(axis=0, ddof=1) * 503 / (days / 365.25)
    for place, n in enumerate(complete):
        code = japan.history.codes[n]
        if code in risk.loadings and code not in risk.estimated:
            model = sum(x * x for x in risk.loadings[code]) + risk.specific[code]
            # One security misses one day, which merges two days of all: a little noise, no bias.
            assert model == pytest.approx(annual[place], rel=0.03)


def test_a_security_without_history_takes_the_average_and_is_named(japan):
    risk = risk_rows(japan.history, ["1001", "0000"])
    assert risk.estimated == {"0000"}
    assert len(risk.loadings["0000"]) == FACTORS
    assert risk.specific["0000"] > 0


def test_the_sum_of_every_factor_is_not_negative(japan):
    risk = risk_rows(japan.history, japan.history.codes)
    rows = np.array([risk.loadings[c] for c in japan.history.codes if c not in risk.estimated])
    assert (rows.sum(axis=0) >= -1e-6).all()


def test_too_little_history_is_an_error_and_not_a_guess():
    days = tuple(dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(20))
    history = PriceHistory(days, ("A", "B"), np.arange(40, dtype=float).reshape(20, 2) + 100)
    with pytest.raises(MissingError, match="needs at least 2 securities and 60 days"):
        risk_rows(history, ["A"])


def test_a_market_without_history_is_an_error(sample):
    folder = sample / "market"
    market = read_market(MarketFiles(folder / "jp_constituents.csv", folder / "jp_prices.csv"), AS_OF)
    with pytest.raises(MissingError, match="add history to"):
        bench(market, set())


def test_a_book_that_brings_its_own_market_needs_members_with_risk():
    with pytest.raises(MissingError, match="no index members with risk"):
        own_bench(Client("X", {}, {"lots": ()}), AS_OF)
    price = {
        "code": "1001",
        "price": Decimal(10),
        "specific_variance": Decimal("0.04"),
        "f01": Decimal("0.2"),
    }
    rows = {
        "constituents": ({"code": "1001", "name": "a", "sector": "s", "published_weight": Decimal(1)},),
        "prices": (price,),
        "lots": ({"account": "A", "code": "9999", "quantity": Decimal(1), "cost_basis": Decimal(1)},),
    }
    found = own_bench(Client("X", {}, rows), AS_OF)
    assert found.risk.estimated == {"9999"}
    assert found.risk.loadings["9999"][0] == 0.2
