"""How a United States case of tax.json and washsale.json becomes a call of the package.

Each function takes one vector as it stands in the file and gives a result in the shape of its
`expected`: amounts are Decimal or Fraction, dates are dates.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.lots import (
    Bucket,
    Disposal,
    LotPick,
    PoolKey,
    Position,
    PositionKey,
    TaxLot,
    exact,
    rounded,
)
from xlplugin.core.trades import Fill, FillKind, Gift
from xlplugin.tax import us_netting
from xlplugin.tax.holding_period import qualified_dividend, term
from xlplugin.tax.ledger import opening_book, recognised, replay
from xlplugin.tax.regime import REGIMES, Book, HarvestQuestion, Period, Reason
from xlplugin.tax.regimes.us_taxable import REGIME, UsTaxable
from xlplugin.tax.us_report import cents, form_8949, sale_lines
from xlplugin.tax.wash_sales import WashPolicy, window

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ADAPTERS"]

day = dt.date.fromisoformat
US = AccountKind.US_TAXABLE
ME = Taxpayer("me", residence="US", us_person=True)


def _fill(kind: FillKind, id: str, on: dt.date, account: str, qty: Any, amount: Any, **more: Any) -> Fill:
    more.setdefault("instrument_id", "XYZ")
    return Fill(
        id=id,
        trade_date=on,
        settle_date=more.pop("settle_date", on),
        account_id=account,
        kind=kind,
        quantity=exact(qty),
        amount=exact(amount),
        **more,
    )


def _position(lots: list[dict[str, Any]], kind: AccountKind = US) -> Position:
    key = PositionKey(PoolKey("us.taxable", "A", kind), "XYZ")
    return Position(
        key,
        tuple(
            TaxLot(
                lot["id"],
                day(lot["acquired"]),
                exact(lot["qty"]),
                exact(lot["cost"]),
                day(lot["acquired"]),
                seq=number,
                order_id=lot["id"],
            )
            for number, lot in enumerate(lots)
        ),
    )


def _disposal(on: dt.date, qty: Any, proceeds: Any, pick: LotPick, **more: Any) -> Disposal:
    return Disposal(
        "S", "A", "XYZ", exact(qty), exact(proceeds), on, more.pop("settle_date", on), pick=pick, **more
    )


# -- tax.json ------------------------------------------------------------------------------------


def us_holding(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {"term": term(day(i["acquired"]), day(i["sold"])).value}


def us_wash(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    accounts = {"A": Account("A", US, household_id="H")}
    events: list[Fill] = [
        _fill(FillKind.BUY, lot["id"], day(lot["acquired"]), "A", lot["qty"], lot["cost"], seq=n)
        for n, lot in enumerate(i["lots"])
    ]
    for n, buy in enumerate(i["purchases"], start=1000):
        name = buy["account_kind"]
        accounts.setdefault(name, Account(name, AccountKind(name), household_id="H"))
        account = "A" if name == US else name
        events.append(
            _fill(FillKind.BUY, buy["id"], day(buy["date"]), account, buy["qty"], buy["cost"], seq=n)
        )
    for n, sale in enumerate(i["sales"]):
        pick = LotPick("SPEC", ((sale["lot"], exact(sale["qty"])),))
        events.append(
            _fill(
                FillKind.SELL,
                f"S{n}",
                day(sale["date"]),
                "A",
                sale["qty"],
                sale["proceeds"],
                seq=2000 + n,
                pick=pick,
            )
        )
    ledger = replay(REGIME, events, opening_book(accounts.values()))
    # A purchase may be sold again, so its basis is not always in the book at the end.
    basis = {
        buy["id"]: exact(buy["cost"])
        + sum((a.deferred for a in ledger.adjustments if a.to_lot_id == buy["id"]), Fraction(0))
        for buy in i["purchases"]
    }
    return {
        "sales": [
            {
                "gain": done.gain,
                "disallowed": sum(
                    (a.disallowed for a in ledger.adjustments_of(done.disposal.id)), Fraction(0)
                ),
                "allowed": recognised(done, ledger.adjustments),
                "lost_forever": sum(
                    (a.lost_forever for a in ledger.adjustments_of(done.disposal.id)), Fraction(0)
                ),
            }
            for done in ledger.realizations
        ],
        "basis": [{"id": buy["id"], "basis": basis[buy["id"]]} for buy in i["purchases"]],
    }


def _trigger(
    sale: dt.date,
    bought: dt.date,
    account: Account,
    instrument: str,
    group: dict[str, str],
    loss: Fraction = Fraction(5000),
) -> Any:
    """Sell 10 of XYZ at a loss and buy 10 of something in `account`."""
    mine = Account("A", US, "self", "H")
    events = [
        _fill(FillKind.BUY, "L", sale - dt.timedelta(days=400), "A", 10, 2 * loss),
        _fill(FillKind.SELL, "S", sale, "A", 10, loss, seq=1),
        _fill(FillKind.BUY, "R", bought, account.id, 10, 6000, seq=2, instrument_id=instrument),
    ]
    accounts = [mine] if account.id == "A" else [mine, account]
    return replay(REGIME, events, opening_book(accounts, group))


def us_wash_window(vector: dict[str, Any]) -> dict[str, Any]:
    sale = day(vector["inputs"]["sale"])
    first, last = window(sale)
    mine = Account("A", US, "self", "H")
    inside = []
    for bought in map(day, vector["inputs"]["buys"]):
        washed = bool(_trigger(sale, bought, mine, "XYZ", {}).adjustments)
        assert washed == (first <= bought <= last)
        inside.append(washed)
    return {"inside": inside}


def us_wash_year_end(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    mine = Account("A", US, "self", "H")
    ledger = _trigger(day(i["sale"]), day(i["buy"]), mine, "XYZ", {}, exact(i["loss"]))
    sale = ledger.realizations[0]
    year = REGIME.period(sale.recognised_on, ME)
    net = REGIME.net(year, ledger.realizations, ledger.adjustments, {}, (), ME)
    wash = bool(ledger.adjustments)
    lot = next(lot for p in ledger.book.positions.values() for lot in p.lots)
    return {
        "wash": wash,
        "deductible_in_sale_year": -net.figures["net_lt"] - net.figures["net_st"],
        "disallowed_year": sale.recognised_on.year if wash else None,
        "basis_added_year": lot.acquired.year if lot.wash_added else None,
    }


def us_wash_tacking(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: day(value) for name, value in vector["inputs"].items()}
    events = [
        _fill(FillKind.BUY, "L", i["acquired"], "A", 10, 1000),
        _fill(FillKind.SELL, "S", i["sold"], "A", 10, 900),
        _fill(FillKind.BUY, "R", i["replaced"], "A", 10, 950),
        _fill(FillKind.SELL, "F", i["final_sale"], "A", 10, 1200),
    ]
    ledger = replay(REGIME, events, opening_book([Account("A", US)]))
    part = ledger.realizations[1].parts[0]
    return {
        "tacked_days": (part.acquired - part.held_from).days,
        "deemed_acquired": part.held_from,
        "term": part.bucket.value,
    }


def us_wash_trigger(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    buy = i["acquisition"]
    account = Account(
        "B", AccountKind(buy["account_kind"]), buy["owner"], "" if buy["owner"] == "unrelated" else "H"
    )
    instrument = "XYZ call" if buy["instrument"] == "call_option" else "XYZ" if buy["identical"] else "ABC"
    groups = {"XYZ": "issuer", instrument: "issuer" if buy["identical"] else "other"}
    return {"wash": bool(_trigger(day(i["sale"]), day(buy["date"]), account, instrument, groups).adjustments)}


def us_net(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    return us_netting.net_capital(i.pop("st"), i.pop("lt"), **i)._asdict()


def us_ltcg(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    done = us_netting.preferential_tax(Decimal(i["ordinary"]), Decimal(i["ltcg"]), i["tax_year"], i["status"])
    return {"at0": done.at_zero, "at15": done.at_fifteen, "at20": done.at_twenty, "tax": done.tax}


def us_niit(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return us_netting.investment_tax(Decimal(i["magi"]), Decimal(i["nii"]), 2026, i["status"])._asdict()


def us_ordinary(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {"tax": us_netting.ordinary_tax(Decimal(i["taxable"]), i["tax_year"], i["status"])}


def us_harvest_value(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    return {
        "vs_short": us_netting.harvest_value(i["loss"], i["st_rate"]),
        "vs_long": us_netting.harvest_value(i["loss"], i["lt_rate"]),
    }


def us_lots(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    named = tuple((pick["lot"], exact(pick["qty"])) for pick in i.get("spec", ()))
    pick = LotPick(i["method"], named, exact(i.get("st_rate", 0)), exact(i.get("lt_rate", 0)))
    proceeds = exact(i["qty"]) * exact(i["price"])
    return _picked(_position(i["lots"]), _disposal(day(i["sale_date"]), i["qty"], proceeds, pick))


def _picked(position: Position, disposal: Disposal) -> dict[str, Any]:
    done = REGIME.dispose(position, disposal)
    sums = {
        b: sum((p.gain for p in done.parts if p.bucket is b), Fraction(0)) for b in (Bucket.ST, Bucket.LT)
    }
    return {
        "picked": [{"lot": part.lot_id, "qty": part.quantity} for part in done.parts],
        "st": sums[Bucket.ST],
        "lt": sums[Bucket.LT],
    }


def us_average(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    lots = [{"id": str(n), "acquired": f"2024-01-{n + 1:02}", **lot} for n, lot in enumerate(i["lots"])]
    proceeds = exact(i["sell_qty"]) * exact(i["price"])
    done = REGIME.dispose(
        _position(lots), _disposal(dt.date(2026, 6, 1), i["sell_qty"], proceeds, LotPick("AVERAGE"))
    )
    return {"unit": done.cost / done.disposal.quantity, "gain": done.gain}


def us_qualified(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: day(value) for name, value in vector["inputs"].items()}
    return qualified_dividend(i["bought"], i["ex"], i["sold"])._asdict()


def _given(gift: Gift, sale: Any) -> Any:
    events = [gift, _fill(FillKind.SELL, "S", dt.date(2026, 5, 1), "A", gift.quantity, sale)]
    return replay(REGIME, events, opening_book([Account("A", US)])).realizations[0]


def us_gift_basis(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    received = dt.date(2026, 3, 2)
    gift = Gift(
        id="G",
        trade_date=received,
        settle_date=received,
        instrument_id="XYZ",
        quantity=Fraction(100),
        value=exact(i["fmv"]),
        to_account_id="A",
        cost=exact(i["donor_basis"]),
        acquired=dt.date(2020, 1, 6),
    )
    return {"gain": _given(gift, i["sale"]).gain}


def us_step_up(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    died = dt.date(2026, 3, 1)
    gift = Gift(
        id="G",
        trade_date=died,
        settle_date=died,
        instrument_id="XYZ",
        quantity=Fraction(1),
        value=exact(i["fmv"]),
        to_account_id="A",
        cost=exact(i["old_basis"]),
        inherited=True,
    )
    done = _given(gift, i["sale"])
    return {"gain": done.gain, "term": done.parts[0].bucket.value}


def us_charity(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    done = us_netting.charity_gift(
        agi=i["agi"],
        value=i["gift"],
        basis=i["basis"],
        # benefit_rate_pct is already min(marginal rate, cap); at the cap any higher bracket gives it.
        marginal_rate=Decimal("0.37") if i["benefit_rate_pct"] == 35 else i["benefit_rate_pct"] / 100,
        gain_rate=i["ltcg_rate"],
        year=2026 if i["floor_pct"] else 2025,
    )
    assert done.floor == i["agi"] * i["floor_pct"] / 100
    assert done.tax_saving == done.deductible * i["benefit_rate_pct"] / 100
    return done._asdict()


def us_8949(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    # As many shares are bought back as the disallowed part of the loss asks for.
    replaced = 100 * exact(i["adjustment"]) / (exact(i["basis"]) - exact(i["proceeds"]))
    events = [
        _fill(FillKind.BUY, "L", dt.date(2026, 2, 2), "A", 100, i["basis"]),
        _fill(FillKind.SELL, "S", dt.date(2026, 3, 2), "A", 100, i["proceeds"]),
        _fill(FillKind.BUY, "R", dt.date(2026, 3, 10), "A", replaced, 800),
    ]
    rows = form_8949(replay(REGIME, events, opening_book([Account("A", US)])), 2026)
    assert sum(row.proceeds for row in rows) == Decimal(i["proceeds"])
    assert sum(row.basis for row in rows) == Decimal(i["basis"])
    return {
        "code": "".join(row.code for row in rows),
        "col_g": sum(row.adjustment for row in rows),
        "col_h": sum(row.gain for row in rows),
    }


def us_tax_year(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {
        "tax_year": REGIME.recognition_basis(i["position"], day(i["trade_date"]), day(i["settle_date"])).year
    }


def harvest_check(vector: dict[str, Any]) -> dict[str, Any]:
    """All regimes: the account kind chooses one."""
    i = vector["inputs"]
    kind = AccountKind(i["account_kind"])
    regime = REGIMES[kind.facts.regime]
    accounts = {i["account_id"]: Account(i["account_id"], kind, "self", "H")}
    nearby = []
    for n, buy in enumerate(i["acquisitions"]):
        owner = buy["owner"]
        accounts.setdefault(
            buy["account_id"], Account(buy["account_id"], AccountKind(buy["account_kind"]), owner, "H")
        )
        on = day(buy["trade_date"])
        # The cases give no settlement day of a purchase: it lags behind the trade as that of the sale does,
        # so that a purchase settles with the sale only if it is traded on its day.
        settles = day(i["sale"]["settle_date"]) + (on - day(i["sale"]["trade_date"]))
        nearby.append(
            _fill(
                FillKind.BUY,
                f"R{n}",
                on,
                buy["account_id"],
                buy["qty"],
                exact(buy["qty"]) * exact(buy["price"]),
                seq=n,
                settle_date=settles,
                fee=exact(buy["fee"]),
                planned=buy["planned"],
                arranged=buy["arranged"],
            )
        )
    key = PositionKey(regime.pool_key(accounts[i["account_id"]]), "XYZ")
    book = Book(accounts, {key: Position(key, _position(i["lots"], kind).lots)})
    sale = i["sale"]
    disposal = Disposal(
        "S",
        i["account_id"],
        "XYZ",
        exact(sale["qty"]),
        exact(sale["qty"]) * exact(sale["price"]),
        day(sale["trade_date"]),
        day(sale["settle_date"]),
        expenses=exact(sale["fee"]),
        seq=1000,
    )
    end = day(i["period_end"])
    taxpayer = Taxpayer("self", corporation=kind is AccountKind.JP_CORP, fiscal_year_end=(end.month, end.day))
    check = regime.harvestable(
        book,
        disposal,
        nearby,
        HarvestQuestion(
            Period(end.year, day(i["period_start"]), end),
            taxpayer,
            coverage_complete=i["coverage_complete"],
            restricted=i["restricted"],
        ),
    )
    return {
        "status": check.status.value,
        "gross_loss": check.gross_loss,
        "recognised_now": check.recognised_now,
        "recognised_later": check.recognised_later,
        "deferred_to_basis": check.deferred_to_basis,
        "lost_forever": check.lost_forever,
        "reasons": [reason.value for reason in check.reasons if reason in RULE_REASONS],
    }


# Section 10 of the tax rules; the worksheet functions know more, such as FIVE_BUSINESS_DAYS.
RULE_REASONS = frozenset(
    {
        Reason.SAME_DAY_BUY,
        Reason.NON_TAXABLE_ACCOUNT,
        Reason.SETTLES_NEXT_PERIOD,
        Reason.NO_LOSS_IN_TAX_CURRENCY,
        Reason.CROSS_TRADE,
        Reason.WASH_TAXABLE,
        Reason.WASH_IRA,
        Reason.COVERAGE_INCOMPLETE,
        Reason.RESTRICTED,
    }
)


# -- washsale.json -------------------------------------------------------------------------------


def _events(case: dict[str, Any]) -> list[Fill]:
    kinds = {"buy": FillKind.BUY, "sell": FillKind.SELL}
    return [
        _fill(
            FillKind.REINVEST if trade.get("via") == "drip" else kinds[trade["side"]],
            trade["id"],
            day(trade["date"]),
            trade["account"],
            trade["qty"],
            trade["amount"],
            seq=trade["seq"],
            instrument_id=trade["security"],
            order_id=trade.get("order", ""),
            used=exact(trade.get("used", 0)),
            pick=LotPick("SPEC", tuple((p["lot"], exact(p["qty"])) for p in trade["picks"]))
            if "picks" in trade
            else LotPick(),
        )
        for trade in case["trades"]
    ]


def _accounts(case: dict[str, Any]) -> list[Account]:
    return [
        Account(a["id"], AccountKind(a["kind"]), a["owner"], "other" if a["owner"] == "unrelated" else "H")
        for a in case["accounts"]
    ]


def us_ledger(case: dict[str, Any]) -> dict[str, Any]:
    policy = case["policy"]
    assert policy["sold_before_loss"] == "excluded"
    regime = UsTaxable(WashPolicy(same_sale=policy["same_sale"]))
    ledger = replay(regime, _events(case), opening_book(_accounts(case), case["identity_groups"]))
    sales = []
    for done in ledger.realizations:
        lines = sale_lines(done, ledger.adjustments)
        for lot_id in dict.fromkeys(line.lot_id for line in lines):
            mine = [line for line in lines if line.lot_id == lot_id]
            names = ("quantity", "proceeds", "basis", "gain", "disallowed", "lost_forever", "recognised")
            total = {name: sum(getattr(line, name) for line in mine) for name in names}
            sales.append(
                {
                    "trade": done.disposal.id,
                    "lot": lot_id,
                    "qty": total.pop("quantity"),
                    **total,
                    "lines": [
                        {
                            "qty": line.quantity,
                            "hp_start": line.held_from,
                            "term": line.bucket.value,
                            "proceeds": line.proceeds,
                            "basis": line.basis,
                            "gain": line.gain,
                            "disallowed": line.disallowed,
                            "recognised": line.recognised,
                        }
                        for line in mine
                    ],
                }
            )
    lots = []
    for position in ledger.book.positions.values():
        for lot_id in dict.fromkeys(lot.id for lot in position.lots):
            parts = [lot for lot in position.lots if lot.id == lot_id]
            starts = sorted({lot.held_from for lot in parts})
            groups = [[lot for lot in parts if lot.held_from == start] for start in starts]
            bases = cents([sum((lot.cost for lot in group), Fraction(0)) for group in groups])
            lots.append(
                {
                    "lot": lot_id,
                    "account": position.key.pool.holder,
                    "qty": sum(lot.quantity for lot in parts),
                    "basis": sum(bases, Decimal(0)),
                    "lines": [
                        {"qty": sum(lot.quantity for lot in group), "basis": basis, "hp_start": start}
                        for group, basis, start in zip(groups, bases, starts, strict=True)
                    ],
                }
            )
    names = ("gain", "disallowed", "lost_forever", "recognised")
    totals = {name: sum((sale[name] for sale in sales), Decimal(0)) for name in names}
    totals["open_basis"] = rounded(sum((p.cost for p in ledger.book.positions.values()), Fraction(0)))
    return {"sales": sales, "lots": sorted(lots, key=lambda lot: str(lot["lot"])), "totals": totals}


def us_pick(case: dict[str, Any]) -> dict[str, Any]:
    book = opening_book(_accounts(case))
    events = _events(case)
    sale = next(trade for trade in case["trades"] if trade["side"] == "sell")
    ledger = replay(REGIME, [event for event in events if event.kind is FillKind.BUY], book)
    (position,) = ledger.book.positions.values()
    short, long = exact(case["policy"]["st_rate"]), exact(case["policy"]["lt_rate"])
    pick = LotPick(sale["method"], (), short, long)
    done = _picked(position, _disposal(day(sale["date"]), sale["qty"], sale["amount"], pick))
    return {**done, "tax": rounded(done["st"] * short + done["lt"] * long)}


ADAPTERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    function.__name__: function
    for function in (
        us_holding,
        us_wash,
        us_wash_window,
        us_wash_year_end,
        us_wash_tacking,
        us_wash_trigger,
        us_net,
        us_ltcg,
        us_niit,
        us_ordinary,
        us_harvest_value,
        us_lots,
        us_average,
        us_qualified,
        us_gift_basis,
        us_step_up,
        us_charity,
        us_8949,
        us_tax_year,
        harvest_check,
        us_ledger,
        us_pick,
    )
}
