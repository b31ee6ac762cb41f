"""The tax cases varied: other inputs of the same kinds, expected values by hand.

Vector files of the same schemas may come from elsewhere (`--vectors DIR`); every kind takes whatever its
schema allows: parts, gains instead of losses, empty lists, ties, sales of a purchase, other rates.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden import adapters_jp, adapters_us
from tests.golden.compare import assert_fields, assert_like

ADAPTERS = {**adapters_us.ADAPTERS, **adapters_jp.ADAPTERS}
SCHEMA = json.loads((Path(__file__).parent / "tax.json").read_text(encoding="utf-8"))["schema"]


def cross(**more):
    return {
        "book_cost": "1000000",
        "qty": "1000",
        "sell_price": "700",
        "rebuy_qty": "1000",
        "rebuy_price": "700",
        "simultaneous_or_planned": True,
        "commissions": "0",
        "trading_security": False,
        **more,
    }


def judged(kind, trade_date, settle_date, *bought, **more):
    return {
        "account_id": "A",
        "account_kind": kind,
        "lots": [{"id": "P", "acquired": "2026-01-05", "qty": "1000", "cost": "1000000"}],
        "sale": {
            "trade_date": trade_date,
            "settle_date": settle_date,
            "qty": "1000",
            "price": "700",
            "fee": "0",
        },
        "acquisitions": list(bought),
        "period_start": "2026-01-01",
        "period_end": "2026-12-31",
        "coverage_complete": True,
        "restricted": False,
        **more,
    }


def bought(day, qty, kind="JP_TOKUTEI_WH", account="A", price="700", arranged=False, planned=True):
    return {
        "trade_date": day,
        "qty": qty,
        "price": price,
        "fee": "0",
        "account_id": account,
        "account_kind": kind,
        "owner": "self",
        "planned": planned,
        "arranged": arranged,
    }


LOT = {"id": "L", "acquired": "2025-01-06", "qty": "100", "cost": "1000"}
WASH = {"account_kind": "US_TAXABLE"}

CASES = {
    # -- companies: half is bought back, half of 300,000 counts, 500 x 1,000 stay
    "half a cross": (
        "corp_cross",
        cross(rebuy_qty="500"),
        {"recognised_loss": "-150000", "book_after": "500000"},
    ),
    "half a cross costs": (
        "corp_cross",
        cross(rebuy_qty="500", commissions="2000"),  # 1,000 each way: 500 of the sale and all of the purchase
        {"recognised_loss": "-150500", "book_after": "500000", "expense": "1500"},
    ),
    "a crossed gain": (
        "corp_cross",
        cross(sell_price="1300", rebuy_price="1300"),
        {"recognised_loss": "0", "book_after": "1000000", "expense": "0"},
    ),
    "nothing bought back": (
        "corp_cross",
        cross(rebuy_qty="0"),
        {"recognised_loss": "-300000", "book_after": "0", "expense": "0"},
    ),
    "everything sold": (
        "corp_average",
        {
            "method": "total_average",
            "events": [
                {"date": "2026-05-11", "side": "buy", "qty": "3", "amount": "100"},
                {"date": "2026-06-01", "side": "sell", "qty": "3", "amount": None},
            ],
        },
        {"sales": [{"unit": "33.333333", "cost": "100"}], "closing_qty": "0", "closing_book": "0"},
    ),
    "no defence tax yet": (
        "corp_defence_tax",
        {"income": "50000000", "fiscal_year_start": "2025-04-01", "company": "sme"},
        {"corporate_tax": "10944000", "defence_tax": "0"},
    ),
    # -- harvest checks
    "settles with a purchase of another day": (
        # A purchase traded on the settlement day of the sale settles later: no batch.
        "harvest_check",
        judged("JP_TOKUTEI_WH", "2026-12-01", "2026-12-03", bought("2026-12-03", "1000")),
        {"status": "OK", "recognised_now": "300000", "reasons": []},
    ),
    "half arranged": (
        "harvest_check",
        judged("JP_CORP", "2026-12-01", "2026-12-03", bought("2026-12-01", "500", "JP_CORP", arranged=True)),
        {
            "status": "REDUCED",
            "gross_loss": "300000",
            "recognised_now": "150000",
            "deferred_to_basis": "150000",
            "reasons": ["CROSS_TRADE"],
        },
    ),
    "bought two days later without arrangement": (
        "harvest_check",
        judged("JP_CORP", "2026-12-01", "2026-12-03", bought("2026-12-03", "1000", "JP_CORP")),
        {"status": "OK", "recognised_now": "300000", "reasons": []},
    ),
    "first bought, first matched, part lost": (
        # 600 in the IRA come first, then 500 of 1,000 meet the other 400: nothing is recognised.
        "harvest_check",
        judged(
            "US_TAXABLE",
            "2026-12-01",
            "2026-12-02",
            bought("2026-12-08", "500", "US_TAXABLE"),
            bought("2026-12-07", "600", "US_ROTH", "R"),
        ),
        {
            "status": "DEFERRED",
            "recognised_now": "0",
            "deferred_to_basis": "120000",
            "lost_forever": "180000",
            "reasons": ["WASH_IRA", "WASH_TAXABLE"],
        },
    ),
    "bought above cost": (
        # (1,000,000 + 1,000 x 1,200) / 2,000 = 1,100: the loss grows, and the cost left falls by as much.
        "harvest_check",
        judged(
            "JP_TOKUTEI_NO_WH",
            "2026-12-01",
            "2026-12-03",
            bought("2026-12-01", "1000", "JP_TOKUTEI_NO_WH", price="1200"),
        ),
        {"gross_loss": "300000", "recognised_now": "400000", "deferred_to_basis": "-100000"},
    ),
    # -- wash sales
    "a replacement that is sold again": (
        # L: loss 400, all in R's cost, 600 + 400; R sold for 900: loss 100, no purchase near it.
        "us_wash",
        {
            "lots": [LOT],
            "sales": [
                {"date": "2026-03-02", "lot": "L", "qty": "100", "proceeds": "600"},
                {"date": "2026-09-01", "lot": "R", "qty": "100", "proceeds": "900"},
            ],
            "purchases": [{"id": "R", "date": "2026-03-10", "qty": "100", "cost": "600", **WASH}],
        },
        {
            "sales": [
                {"gain": "-400", "disallowed": "400", "allowed": "0", "lost_forever": "0"},
                {"gain": "-100", "disallowed": "0", "allowed": "-100", "lost_forever": "0"},
            ],
            "basis": [{"id": "R", "basis": "1000"}],
        },
    ),
    "two purchases of one day in the order of the list": (
        # "b10" stands first and is matched first, whatever its name.
        "us_wash",
        {
            "lots": [LOT],
            "sales": [{"date": "2026-03-02", "lot": "L", "qty": "100", "proceeds": "600"}],
            "purchases": [
                {"id": "b9", "date": "2026-03-10", "qty": "60", "cost": "360", **WASH},
                {"id": "b10", "date": "2026-03-10", "qty": "60", "cost": "360", **WASH},
            ],
        },
        {"basis": [{"id": "b9", "basis": "600"}, {"id": "b10", "basis": "520"}]},
    ),
    "another loss over the year end": (
        "us_wash_year_end",
        {"sale": "2026-12-31", "loss": "1234.5", "buy": "2027-02-01"},
        {"wash": False, "deductible_in_sale_year": "1234.5", "disallowed_year": None},
    ),
    "stock of another issuer": (
        "us_wash_trigger",
        {
            "sale": "2026-03-31",
            "acquisition": {
                "date": "2026-04-01",
                "owner": "self",
                "account_kind": "US_TAXABLE",
                "instrument": "stock",
                "identical": False,
            },
        },
        {"wash": False},
    ),
    "ties keep the order of the list": (
        "us_lots",
        {
            "lots": [
                {"id": "new", "acquired": "2025-05-11", "qty": "100", "cost": "6000"},
                {"id": "old", "acquired": "2023-01-10", "qty": "100", "cost": "6000"},
            ],
            "method": "HIFO",
            "qty": "150",
            "price": "50",
            "sale_date": "2026-09-15",
        },
        {"picked": [{"lot": "new", "qty": "100"}, {"lot": "old", "qty": "50"}], "lt": "-1500", "st": "0"},
    ),
    "a lower bracket": (
        # 0.5 % of 400,000; 98,000 x 24 %; 60,000 x 15 %.
        "us_charity",
        {
            "agi": "400000",
            "gift": "100000",
            "basis": "40000",
            "floor_pct": "0.5",
            "benefit_rate_pct": "24",
            "ltcg_rate": "0.15",
        },
        {"floor": "2000", "deductible": "98000", "tax_saving": "23520", "gain_tax_avoided": "9000"},
    ),
    "part of a loss in column g": (
        "us_8949",
        {"proceeds": "600", "basis": "1000", "adjustment": "100"},
        {"code": "W", "col_g": "100", "col_h": "-300"},
    ),
    # -- Japan
    "a return of 2015": (
        "jp_filing",
        {"taxable_income": "1234567", "tax_year": 2015, "resident_city_pct": "4", "resident_pref_pct": "1"},
        # 1,234,000 x 4 % = 49,360 and x 1 % = 12,340, each cut to 100.
        {
            "national_payable": "188900",
            "resident_city": "49300",
            "resident_pref": "12300",
            "resident_total": "61600",
        },
    ),
    "given at a loss": (
        "jp_donation",
        {"cost": "5000000", "fmv": "1000000", "art40": False, "tax_year": 2026},
        {"deemed_gain": "-4000000", "total": "0"},
    ),
    "a day that is no trading day": (
        # 2026-09-19 is a Saturday: still a day of its own behind Friday the 18th.
        "jp_average",
        {
            "account_kind": "JP_TOKUTEI_WH",
            "events": [
                {"date": "2026-09-18", "side": "buy", "qty": "10", "price": "100", "fee": "0"},
                {"date": "2026-09-18", "side": "sell", "qty": "5", "price": "90", "fee": "0"},
                {"date": "2026-09-19", "side": "buy", "qty": "5", "price": "50", "fee": "0"},
            ],
        },
        {
            "sales": [{"unit": "100", "cost": "500", "gain": "-50"}],
            "remaining_cost": "750",
            "remaining_unit": "75",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_of_the_same_kind_with_other_inputs_comes_out_as_by_hand(name):
    kind, inputs, expected = CASES[name]
    got = ADAPTERS[kind]({"id": name, "kind": kind, "inputs": inputs})
    assert_fields(got, expected, SCHEMA["kinds"][kind]["expected"], SCHEMA["records"], name)


def trade(id_, seq, day, side, qty, amount, **more):
    return {
        "id": id_,
        "seq": seq,
        "date": day,
        "account": more.pop("account", "A"),
        "security": "AAA",
        "side": side,
        "qty": qty,
        "amount": amount,
        **more,
    }


def test_a_general_account_of_the_wash_sale_file_takes_the_purchases_of_a_day_first():
    case = {
        "accounts": [{"id": "I1", "owner": "client", "kind": "JP_IPPAN"}],
        "trades": [
            trade("P1", 1, "2026-02-02", "buy", "100", "100000", account="I1"),
            trade("S1", 2, "2026-03-02", "sell", "100", "70000", account="I1"),
            trade("P2", 3, "2026-03-02", "buy", "100", "70000", account="I1"),
        ],
    }
    want = {
        "sales": [{"trade": "S1", "unit": "850", "cost": "85000", "gain": "-15000"}],
        "remaining": [{"pool": "client:JP_IPPAN", "qty": "100", "cost": "85000", "unit": "850"}],
    }
    assert_like(adapters_jp.CASE_ADAPTERS["jp_average"](case), want, "expected")


def test_open_lots_are_grouped_by_the_start_of_their_holding_period():
    # 4 of 10 shares replaced others before: one line, since their holding period starts the same day.
    case = {
        "policy": {"same_sale": "netted", "sold_before_loss": "excluded"},
        "accounts": [{"id": "A", "owner": "client", "kind": "US_TAXABLE"}],
        "identity_groups": {},
        "trades": [trade("R", 1, "2026-02-02", "buy", "10", "100.00", used="4")],
    }
    (lot,) = ADAPTERS["us_ledger"](case)["lots"]
    want = {"lot": "R", "qty": "10", "lines": [{"qty": "10", "basis": "100.00", "hp_start": "2026-02-02"}]}
    assert_like(lot, want, "lots")
