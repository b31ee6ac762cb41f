"""Orders of a plan: shares are kept, accounts can deliver, rules refuse; worked by hand and for any book."""

import csv
import datetime as dt
import io
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlplugin.batch.orders import COLUMNS, PlanRow, orders_csv, orders_of
from xlplugin.store.clients import Client

DAY = dt.date(2026, 11, 20)
UNITS = {"1001": Decimal(100), "1002": Decimal(100)}


def client(kinds, lots, *, cash=0, trades=(), restrictions=()) -> Client:
    return Client(
        "T0001",
        {"cash": Decimal(cash)},
        {
            "accounts": tuple({"account": a, "account_kind": k} for a, k in kinds),
            "lots": tuple(lots),
            "trades": tuple(trades),
            "restrictions": tuple(restrictions),
        },
    )


def lot(account, code, quantity, cost, **more):
    return {
        "account": account,
        "code": code,
        "quantity": Decimal(quantity),
        "cost_basis": Decimal(cost),
        **more,
    }


def row(side, code, quantity, price=1000) -> PlanRow:
    return PlanRow(side, code, f"Name {code}", Decimal(quantity), Decimal(price))


JAPAN = (("A", "JP_TOKUTEI_WH"), ("N", "JP_NISA"), ("B", "JP_TOKUTEI_WH"))


def rules(breaches):
    return [b.rule for b in breaches]


# -- by hand --------------------------------------------------------------


def test_a_japanese_sale_takes_the_account_with_the_highest_average_cost_and_never_nisa():
    # Averages: A (100*900 + 100*1100) / 200 = 1000; B 1200; N 2000 but its loss does not count.
    held = [
        lot("A", "1001", 100, 90_000),
        lot("A", "1001", 100, 110_000),
        lot("N", "1001", 300, 600_000),
        lot("B", "1001", 200, 240_000),
    ]
    made, breaches = orders_of([row("SELL", "1001", 300)], client(JAPAN, held), DAY, UNITS)
    assert not breaches
    assert [(o.account, o.quantity) for o in made] == [("B", 200), ("A", 100)]
    assert all(not o.lot for o in made)


def test_an_american_sale_names_its_lots_highest_cost_first():
    held = [
        lot("T", "ABC", 10, 500, lot="L1", acquired=dt.date(2020, 1, 2)),  # 50 a share
        lot("T", "ABC", 4, 320, lot="L2", acquired=dt.date(2026, 1, 2)),  # 80
        lot("I", "ABC", 50, 9000, lot="L3"),  # an IRA
    ]
    who = client((("T", "US_TAXABLE"), ("I", "US_IRA")), held)
    made, breaches = orders_of([row("SELL", "ABC", 6, 60)], who, DAY, {})
    assert not breaches
    assert [(o.lot["lot"], o.quantity, o.lot["unit_cost"]) for o in made] == [("L2", 4, 80), ("L1", 2, 50)]


def test_a_purchase_goes_where_the_sales_bring_most():
    held = [lot("A", "1001", 100, 90_000), lot("B", "1002", 300, 240_000)]
    plan = [
        row("SELL", "1001", 100),
        row("SELL", "1002", 300),
        row("BUY", "1003", 200),
        row("BUY", "1004", 150),
    ]
    made, breaches = orders_of(plan, client(JAPAN, held), DAY, UNITS)
    assert not breaches
    # B has 300,000 and A 100,000 to spend: B buys for 200,000, then A and B are equal and A comes first.
    assert [(o.row.code, o.account) for o in made if o.row.side == "BUY"] == [("1003", "B"), ("1004", "A")]


def test_a_loss_on_a_security_the_household_has_just_bought_is_noted():
    held = [lot("T", "ABC", 10, 900, lot="L1"), lot("T", "DEF", 10, 900, lot="L2")]
    bought = {"account": "T", "code": "ABC", "side": "BUY", "trade_state": "filled"}
    kinds = (("T", "US_TAXABLE"),)
    plan = [row("SELL", "ABC", 10, 60), row("SELL", "DEF", 10, 60)]
    inside = client(kinds, held, trades=[{**bought, "trade_date": dt.date(2026, 10, 21)}])
    outside = client(kinds, held, trades=[{**bought, "trade_date": dt.date(2026, 10, 20)}])
    assert [o.note for o in orders_of(plan, inside, DAY, {})[0]] == ["RECENT_BUY", ""]
    assert [o.note for o in orders_of(plan, outside, DAY, {})[0]] == ["", ""]


@pytest.mark.parametrize(
    ("more", "plan", "rule"),
    [
        ({}, row("SELL", "1001", 500), "lots"),
        ({}, row("BUY", "1001", 150), "unit"),
        ({}, row("BUY", "1001", 10_000), "cash"),
        ({"restrictions": [("do_not_sell", None, None)]}, row("SELL", "1001", 100), "do_not_sell"),
        ({"restrictions": [("do_not_buy", None, DAY)]}, row("BUY", "1001", 100), "do_not_buy"),
        ({"trades": [("A", "BUY")]}, row("SELL", "1001", 100), "same_day"),
        ({"trades": [("B", "BUY")]}, row("SELL", "1001", 100), "crossing"),
        ({"trades": [("A", "SELL")]}, row("BUY", "1001", 100), "same_day"),
    ],
)
def test_a_broken_rule_is_named(more, plan, rule):
    who = client(
        JAPAN,
        [lot("A", "1001", 200, 90_000), lot("N", "1001", 900, 1)],
        cash=1_000_000,
        trades=[
            {"account": a, "code": "1001", "side": s, "trade_state": "planned", "trade_date": DAY}
            for a, s in more.get("trades", ())
        ],
        restrictions=[
            {"rule_target": "1001", "rule_kind": k, "rule_reason": "why", "valid_from": b, "valid_to": e}
            for k, b, e in more.get("restrictions", ())
        ],
    )
    assert rules(orders_of([plan], who, DAY, UNITS)[1]) == [rule]


def test_a_rule_that_has_ended_or_another_securitys_rule_forbids_nothing():
    gone = {"rule_target": "1001", "rule_kind": "do_not_sell", "valid_to": dt.date(2026, 11, 19)}
    other = {"rule_target": "1002", "rule_kind": "do_not_sell"}
    who = client(JAPAN, [lot("A", "1001", 200, 90_000)], restrictions=[gone, other])
    assert not orders_of([row("SELL", "1001", 100)], who, DAY, UNITS)[1]


def test_a_lot_that_must_not_be_sold_is_not_there_to_sell():
    who = client(JAPAN, [lot("A", "1001", 200, 90_000, restriction="pledged"), lot("A", "1001", 100, 1)])
    assert rules(orders_of([row("SELL", "1001", 200)], who, DAY, UNITS)[1]) == ["lots"]


def test_shares_that_no_account_can_deliver_in_whole_units_are_named():
    # 150 + 150 shares in two accounts: 200 cannot be sold without leaving or selling an odd part.
    held = [lot("A", "1001", 150, 1_000), lot("B", "1001", 150, 2_000)]
    made, breaches = orders_of([row("SELL", "1001", 200)], client(JAPAN, held), DAY, UNITS)
    assert [(o.account, o.quantity) for o in made] == [("B", 150)]
    assert rules(breaches) == ["unit"]
    assert breaches[0].facts == {"code": "1001", "quantity": "200", "left": "50"}


def test_without_a_taxable_account_nothing_can_be_bought():
    who = client((("N", "JP_NISA"),), [], cash=10**6)
    assert rules(orders_of([row("BUY", "1001", 100)], who, DAY, UNITS)[1]) == ["account"]


def test_the_file_has_one_order_a_line_with_the_lot_where_the_law_knows_lots():
    held = [lot("T", "ABC", 10, 905, lot="L1", acquired=dt.date(2020, 1, 2))]
    plan = [row("SELL", "ABC", "2.5", "60.25")]
    made, _ = orders_of(plan, client((("T", "US_TAXABLE"),), held), DAY, {})
    data = orders_csv("T0001", made, DAY, {"ABC": "USD"})
    assert data.startswith(b"\xef\xbb\xbf")
    (line,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert tuple(line) == COLUMNS
    assert line == {
        "order_no": "1",
        "client_id": "T0001",
        "account": "T",
        "account_kind": "US_TAXABLE",
        "side": "SELL",
        "code": "ABC",
        "name": "Name ABC",
        "quantity": "2.5",
        "reference_price": "60.25",
        "reference_date": "2026-11-20",
        "amount": "150.625",
        "ccy": "USD",
        "lot": "L1",
        "acquired": "2020-01-02",
        "unit_cost": "90.5",
        "note": "",
    }


# -- for any book ---------------------------------------------------------

quantities = st.integers(1, 60).map(lambda n: Decimal(n * 50))
any_lots = st.lists(
    st.tuples(st.sampled_from("ANB"), st.sampled_from(["1001", "1002"]), quantities, st.integers(0, 10**6)),
    max_size=8,
)
any_plan = st.lists(
    st.tuples(st.sampled_from(["BUY", "SELL"]), quantities),
    max_size=2,
)


@settings(deadline=None, max_examples=300)
@given(any_lots, any_plan, st.booleans())
def test_orders_keep_the_shares_of_the_plan_and_no_account_sells_more_than_it_holds(held, plan, american):
    kinds = (("A", "US_TAXABLE"), ("N", "US_IRA"), ("B", "US_TAXABLE")) if american else JAPAN
    rows = [row(side, code, q) for (side, q), code in zip(plan, ("1001", "1002"), strict=False)]
    who = client(kinds, [lot(*each) for each in held], cash=10**9)
    made, breaches = orders_of(rows, who, DAY, {} if american else UNITS)
    sold, have = Counter(), Counter()
    for account, code, quantity, _ in held:
        have[account, code] += quantity
    for order in made:
        assert order.quantity > 0
        assert order.account != "N"
        if order.row.side == "SELL":
            sold[order.account, order.row.code] += order.quantity
    assert all(quantity <= have[place] for place, quantity in sold.items())
    if not breaches:
        traded = Counter()
        for order in made:
            traded[order.row.side, order.row.code] += order.quantity
        assert traded == Counter({(r.side, r.code): r.quantity for r in rows})
        if not american:
            for order in made:
                whole = order.quantity % 100 == 0
                assert whole or order.quantity == have[order.account, order.row.code]
