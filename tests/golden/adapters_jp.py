"""Translate the Japanese cases of tax.json and washsale.json into calls of the package, and back.

Nothing is computed here beyond totals from prices per share and the choice of which result to show.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from xlplugin.core.accounts import Account, AccountKind, Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import Bucket, PositionKey, exact
from xlplugin.core.trades import CapitalReturn, Fill, FillKind, Gift, Rights, SpinOff, Split
from xlplugin.tax import corporate, dividends, nisa, transfers, withholding
from xlplugin.tax.jp_day import pool_of
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.minimum_tax import minimum_tax
from xlplugin.tax.pools import EMPTY, average_unit, buy_rounding_up
from xlplugin.tax.regime import REGIMES, Carry
from xlplugin.tax.regimes.jp_corporate import JpCorporate, total_average_year
from xlplugin.tax.rounding import as_decimal
from xlplugin.tax.tables import Bracket, TaxTable

if TYPE_CHECKING:
    from collections.abc import Callable

INDIVIDUAL = REGIMES["jp.individual"]
CORPORATE = REGIMES["jp.corporate"]
TOKYO = calendar("XTKS")
TOKUTEI = AccountKind.JP_TOKUTEI_WH
CODE = "7000"
START = dt.date(2026, 1, 5)

day = dt.date.fromisoformat


def fill(kind: FillKind, id_: str, on: dt.date, account: str, qty: Any, amount: Any, **more: Any) -> Fill:
    """A trade; the cases give one date, which stands for both: some are no trading days."""
    return Fill(
        id=id_,
        kind=kind,
        trade_date=on,
        settle_date=on,
        account_id=account,
        instrument_id=more.pop("instrument_id", CODE),
        quantity=exact(qty),
        amount=exact(amount),
        **more,
    )


def year_of(year: int) -> dt.date:
    return dt.date(year, 6, 30)


def unit_left(position: Any, on: dt.date = dt.date(2026, 12, 31)) -> Fraction | None:
    """Cost per share as the account shows it: up to a yen."""
    return average_unit(pool_of(position), on) if position and position.quantity else None


# -- tax of a year -------------------------------------------------------------------------------


def jp_withholding(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    done = withholding.withheld(Decimal(i["amount"]), year_of(i["tax_year"]))
    return {
        "income_tax_and_surtax": done.national,
        "resident_tax": done.resident,
        "total": done.total,
    }


def jp_withholding_components(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {
        **withholding.components(Decimal(i["amount"]), year_of(i["tax_year"])),
        **jp_withholding(vector),
    }


def jp_filing(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    done = withholding.filed_tax(
        [Decimal(i["taxable_income"])],
        i["tax_year"],
        city=Decimal(i["resident_city_pct"]) / 100,
        prefecture=Decimal(i["resident_pref_pct"]) / 100,
    )
    return {
        "base": done.base,
        "income_tax": done.income_tax,
        "surtax": done.surtax,
        "national_payable": done.national_payable,
        "resident_city": done.resident_city,
        "resident_pref": done.resident_prefecture,
        "resident_total": done.resident,
    }


def jp_withholding_sequence(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    flows = withholding.sequence((year_of(i["tax_year"]), Decimal(gain)) for gain in i["realized"])
    return {
        "income_tax_flows": [flow.national for flow in flows],
        "resident_flows": [flow.resident for flow in flows],
        "net_income_tax": sum(flow.national for flow in flows),
        "net_resident": sum(flow.resident for flow in flows),
    }


def jp_dividend_yearend_netting(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    paid = [(year_of(i["tax_year"]), Decimal(i["dividends"]))]
    done = withholding.net_dividends_at_year_end(paid, Decimal(i["capital_result"]), i["tax_year"])
    return {
        "withheld_income": done.withheld.national,
        "withheld_resident": done.withheld.resident,
        "final_income": done.final.national,
        "final_resident": done.final.resident,
        "refund_income": done.refund.national,
        "refund_resident": done.refund.resident,
    }


def jp_nisa_void(vector: dict[str, Any]) -> dict[str, Any]:
    """A taxable gain and a NISA loss played through the ledger, netted and withheld."""
    i = vector["inputs"]
    gain, loss = exact(i["tokutei_gain"]), exact(i["nisa_loss"])
    events = [
        fill(FillKind.BUY, "a", START, "T", 100, 1_000_000),
        fill(FillKind.SELL, "b", dt.date(2026, 3, 2), "T", 100, 1_000_000 + gain),
        fill(FillKind.BUY, "c", START, "N", 100, 1_000_000),
        fill(FillKind.SELL, "d", dt.date(2026, 4, 1), "N", 100, 1_000_000 + loss),
    ]
    book = opening_book([Account("T", TOKUTEI), Account("N", AccountKind.JP_NISA)])
    ledger = replay(INDIVIDUAL, events, book)
    period = INDIVIDUAL.period(dt.date(i["tax_year"], 6, 1), Taxpayer())
    net = INDIVIDUAL.net(period, ledger.realizations, (), {}, (), Taxpayer())
    done = withholding.withheld(net.taxable[Bucket.LISTED], year_of(i["tax_year"]))
    return {
        "taxable": net.taxable[Bucket.LISTED],
        "income_tax_and_surtax": done.national,
        "resident_tax": done.resident,
        "total": done.total,
    }


def jp_bucket(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    period = INDIVIDUAL.period(year_of(2026), Taxpayer())
    income = {"LISTED": Decimal(i["listed"]), "UNLISTED": Decimal(i["unlisted"])}
    net = INDIVIDUAL.net(period, (), (), income, (), Taxpayer())
    return {
        "taxable_listed": net.taxable[Bucket.LISTED],
        "taxable_unlisted": net.taxable[Bucket.UNLISTED],
    }


def _net(
    year: int,
    gain: Decimal,
    dividends_: Decimal,
    carry: list[tuple[int, Decimal]],
    unfiled: int | None = None,
) -> Any:
    taxpayer = Taxpayer(files_each_year={} if unfiled is None else {unfiled: False})
    return INDIVIDUAL.net(
        INDIVIDUAL.period(year_of(year), taxpayer),
        (),
        (),
        {"LISTED": gain, "DIVIDEND": dividends_},
        [Carry(Bucket.LISTED, origin, amount) for origin, amount in carry],
        taxpayer,
    )


def jp_carry(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    net = _net(
        i["year"],
        Decimal(i["gain"]),
        Decimal(i["dividends"]),
        [(c["year"], Decimal(c["amount"])) for c in i["carry"]],
        None if i["filed_each_year"] else i["year"] - 1,
    )
    return {
        "taxable_gain": net.taxable[Bucket.LISTED],
        "taxable_dividends": net.taxable[Bucket.DIVIDEND],
        "carry_out": [{"year": c.origin_year, "amount": c.amount} for c in net.carry_out],
    }


def jp_carry_chain(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    carry = [(i["loss_year"], Decimal(i["loss"]))]
    years = []
    for row in i["gains"]:
        net = _net(row["year"], Decimal(row["gain"]), Decimal(0), carry)
        carry = [(c.origin_year, c.amount) for c in net.carry_out]
        left = sum((amount for _, amount in carry), Decimal(0))
        years.append({"year": row["year"], "taxable": net.taxable[Bucket.LISTED], "carry_after": left})
    return {"years": years}


def jp_minimum_tax(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {"topup": minimum_tax(Decimal(i["base_income"]), Decimal(i["regular_income_tax"]), i["tax_year"])}


# -- average cost --------------------------------------------------------------------------------

SIDES = {
    "buy": FillKind.BUY,
    "sell": FillKind.SELL,
    "margin_buy": FillKind.MARGIN_OPEN,
    "genbiki": FillKind.GENBIKI,
}


def _fills(account: str, events: list[dict[str, Any]]) -> list[Fill]:
    return [
        fill(
            SIDES[e["side"]],
            f"{account}{n}",
            day(e["date"]),
            account,
            e["qty"],
            exact(e["qty"]) * exact(e["price"]),
            seq=n,
            fee=exact(e["fee"]),
        )
        for n, e in enumerate(events)
    ]


def _left(ledger: Any, account: Account) -> dict[str, Any]:
    position = ledger.book.positions.get(PositionKey(INDIVIDUAL.pool_key(account), CODE))
    return {
        "remaining_qty": position.quantity if position else 0,
        "remaining_cost": position.cost if position else 0,
        "remaining_unit": unit_left(position),
    }


def _sales(ledger: Any) -> list[Any]:
    return sorted(ledger.realizations, key=lambda r: r.disposal.seq)


def jp_average(vector: dict[str, Any]) -> dict[str, Any]:
    if "trades" in vector:
        return jp_average_case(vector)
    i = vector["inputs"]
    account = Account("A", AccountKind(i["account_kind"]))
    ledger = replay(INDIVIDUAL, _fills("A", i["events"]), opening_book([account]))
    return {
        "sales": [
            {"unit": r.cost / r.disposal.quantity, "cost": r.cost, "gain": r.gain} for r in _sales(ledger)
        ],
        **_left(ledger, account),
    }


def jp_average_multi(vector: dict[str, Any]) -> dict[str, Any]:
    given = vector["inputs"]["accounts"]
    accounts = {a["id"]: Account(a["id"], AccountKind(a["account_kind"]), "me") for a in given}
    fills = [f for a in given for f in _fills(a["id"], a["events"])]
    ledger = replay(INDIVIDUAL, fills, opening_book(accounts.values()))
    results = []
    for id_, account in accounts.items():
        bought = [f.amount for f in fills if f.account_id == id_ and f.kind is FillKind.BUY]
        is_nisa = account.kind is AccountKind.JP_NISA
        used = nisa.quota(2026, opening_cost=0, bought=bought).annual_used if is_nisa else None
        gains = [r.gain for r in _sales(ledger) if r.disposal.account_id == id_]
        results.append({"id": id_, "gains": gains, **_left(ledger, account), "quota_used": used})
    return {"accounts": results}


def jp_average_case(case: dict[str, Any]) -> dict[str, Any]:
    """The kind of washsale.json."""
    kinds = {"JP_TOKUTEI": TOKUTEI, "JP_IPPAN": AccountKind.JP_IPPAN}
    accounts = [Account(a["id"], kinds[a["kind"]], a["owner"]) for a in case["accounts"]]
    trades = [
        fill(
            SIDES[t["side"]],
            t["id"],
            day(t["date"]),
            t["account"],
            t["qty"],
            t["amount"],
            seq=t["seq"] + 10_000 * (t["side"] == "sell"),  # the file takes all buys of a day first
            instrument_id=t["security"],
        )
        for t in case["trades"]
    ]
    ledger = replay(INDIVIDUAL, trades, opening_book(accounts))
    pools = {INDIVIDUAL.pool_key(account): account for account in accounts}
    remaining = []
    for pool, account in pools.items():
        position = ledger.book.positions.get(PositionKey(pool, trades[0].instrument_id))
        general = account.kind is AccountKind.JP_IPPAN
        remaining.append(
            {
                "pool": f"{pool.holder}:{account.kind.value}" if general else pool.holder,
                "qty": position.quantity if position else Fraction(0),
                "cost": position.cost if position else Fraction(0),
                "unit": unit_left(position),
            }
        )
    return {
        "sales": [
            {"trade": r.disposal.id, "unit": r.cost / r.disposal.quantity, "cost": r.cost, "gain": r.gain}
            for r in _sales(ledger)
        ],
        "remaining": remaining,
    }


def jp_rounding_modes(vector: dict[str, Any]) -> dict[str, Any]:
    once = each = EMPTY
    for buy in vector["inputs"]["buys"]:
        quantity, cost = exact(buy["qty"]), exact(buy["qty"]) * exact(buy["price"])
        once, each = once.bought(quantity, cost), buy_rounding_up(each, quantity, cost, START)
    return {
        "unit_round_at_sale": average_unit(once, START),
        "unit_round_each_buy": average_unit(each, START),
    }


def jp_gaisan5(vector: dict[str, Any]) -> dict[str, Any]:
    return {"cost": transfers.unknown_cost(Decimal(vector["inputs"]["proceeds"]), START)}


def jp_fx(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    events = [
        fill(FillKind.BUY, "b", START, "A", 100, i["buy_usd"], currency="USD", fx=exact(i["tts"])),
        fill(
            FillKind.SELL,
            "s",
            dt.date(2026, 6, 1),
            "A",
            100,
            i["sell_usd"],
            currency="USD",
            fx=exact(i["ttb"]),
        ),
    ]
    (done,) = replay(INDIVIDUAL, events, opening_book([Account("A", TOKUTEI)])).realizations
    return {"cost_jpy": done.cost, "proceeds_jpy": done.disposal.proceeds, "gain_jpy": done.gain}


# -- corporate actions, gifts --------------------------------------------------------------------


def _held(qty: Any, cost: Any, *events: Any) -> Any:
    buy = fill(FillKind.BUY, "b", START, "A", qty, cost)
    return replay(INDIVIDUAL, [buy, *events], opening_book([Account("A", TOKUTEI)]))


def _on(**more: Any) -> dict[str, Any]:
    date = dt.date(2026, 6, 1)
    return {"id": "x", "trade_date": date, "settle_date": date, "instrument_id": CODE, **more}


def jp_split(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    ledger = _held(i["qty"], i["cost"], Split(**_on(ratio=exact(i["new_qty"]) / exact(i["qty"]))))
    (position,) = ledger.book.positions.values()
    return {"cost": position.cost, "unit": position.lots[0].unit_cost}


def jp_rights(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    rights = Rights(**_on(ratio=exact(i["ratio"]), price=exact(i["pay"])))
    (position,) = _held(i["qty"], i["cost"], rights).book.positions.values()
    unit = position.lots[0].unit_cost
    sale = fill(FillKind.SELL, "s", dt.date(2026, 9, 1), "A", 1, 900)
    (sold,) = _held(i["qty"], i["cost"], rights, sale).realizations
    return {
        "new_qty": position.quantity,
        "new_cost": position.cost,
        "unit": Decimal(unit.numerator) / unit.denominator,
        "unit_at_sale": sold.cost,
    }


def jp_capital_return(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    shares = exact(i["qty"])
    event = CapitalReturn(
        **_on(
            cash=exact(i["cash"]) / shares,
            dividend=exact(i["deemed_dividend"]) / shares,
            reduction=exact(i["ratio"]),
        )
    )
    ledger = _held(i["qty"], i["cost"], event)
    (done,), (position,) = ledger.realizations, ledger.book.positions.values()
    return {
        "deemed_proceeds": done.disposal.proceeds,
        "deemed_cost": done.cost,
        "gain": done.gain,
        "new_cost": position.cost,
        "new_unit": position.lots[0].unit_cost,
    }


def jp_spinoff(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    event = SpinOff(**_on(new_id="9000", ratio=exact(i["child_per_parent"]), cost_share=exact(i["ratio"])))
    held = {k.instrument_id: p for k, p in _held(i["qty"], i["cost"], event).book.positions.items()}
    parent, child = held[CODE], held["9000"]
    return {
        "parent_cost": parent.cost,
        "parent_unit": parent.lots[0].unit_cost,
        "child_qty": child.quantity,
        "child_cost": child.cost,
        "child_unit": child.lots[0].unit_cost,
    }


def jp_carryover_basis(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    gift = Gift(
        **_on(
            quantity=exact(i["qty"]),
            value=exact(i["fmv"]),
            cost=exact(i["old_cost"]),
            to_account_id="A",
            acquired=dt.date(2010, 1, 4),
            inherited=True,
        )
    )
    sale = fill(FillKind.SELL, "s", dt.date(2026, 9, 1), "A", i["qty"], i["proceeds"])
    (done,) = replay(INDIVIDUAL, [gift, sale], opening_book([Account("A", TOKUTEI)])).realizations
    return {"gain": done.gain}


def jp_shutokuhi_kasan(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    return {"addition": transfers.inheritance_addition(**i)}


def jp_donation(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    gain = transfers.deemed_gain_of_donation(Decimal(i["cost"]), Decimal(i["fmv"]), approved=i["art40"])
    done = withholding.withheld(max(Fraction(0), gain), year_of(i["tax_year"]))
    return {
        "deemed_gain": gain,
        "income_tax_and_surtax": done.national,
        "resident_tax": done.resident,
        "total": done.total,
    }


# -- dates, NISA, dividends ----------------------------------------------------------------------


def jp_settle(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    settles = calendar(i["market"]).settlement(day(i["trade_date"]))
    recognised = INDIVIDUAL.recognition_date(day(i["trade_date"]), settles, Account("A", TOKUTEI), Taxpayer())
    return {"settlement_date": settles, "tax_year": INDIVIDUAL.period(recognised, Taxpayer()).label}


def jp_tax_year_choice(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    elects = Taxpayer(elects_contract_date=True)

    def year(kind: AccountKind) -> int:
        dates = day(i["trade_date"]), day(i["settlement_date"])
        return INDIVIDUAL.period(
            INDIVIDUAL.recognition_date(*dates, Account("A", kind), elects), elects
        ).label

    return {"tokutei_withholding": year(TOKUTEI), "ippan_elect_contract": year(AccountKind.JP_IPPAN)}


def jp_nisa_quota(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    back = nisa.restored_next_year(Decimal(i["cost"]), Decimal(i["fraction_sold"]))
    done = nisa.quota(2026, opening_cost=0, bought=[Decimal(i["cost"])], sold_at_cost=[back])
    same_year = done.annual_left - (3_600_000 - Decimal(i["cost"]))
    return {"restored_next_year": done.restored, "restored_same_year": same_year}


def jp_nisa_capacity(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return {
        "usable_next_year": nisa.usable(
            Decimal(i["lifetime_limit"]), Decimal(i["used_cost_end_of_year"]), Decimal(i["annual_limit"])
        )
    }


def jp_us_dividend(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    done = dividends.dividend_tax(
        Decimal(i["gross_usd"]),
        year_of(i["tax_year"]),
        source_rate=Decimal(i["us_rate_pct"]) / 100,
        kind=TOKUTEI,
        fx=Decimal(i["ttb"]),
    )
    return {
        "gross_jpy": done.gross,
        "us_tax_jpy": done.source_tax,
        "jp_base": done.base,
        "jp_income": done.national,
        "jp_resident": done.resident,
        "net_jpy": done.net,
    }


def jp_ftc_limit(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    done = dividends.foreign_tax_credit(
        i["income_tax"],
        i["foreign_income"],
        i["total_income"],
        i["foreign_tax"],
        surtaxes=i["surtax_pct"] / 100,
        resident_share=i["resident_pct"] / 100,
    )
    return {
        "limit_income": done.national_limit,
        "limit_surtax": done.surtax_limit,
        "limit_resident": done.resident_limit,
        "credit": done.used,
        "carry": done.carry,
    }


def jp_large_holder(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    done = dividends.large_holder(
        Decimal(i["own_pct"]) / 100, Decimal(i["family_company_pct"]) / 100, day(i["payment_due_date"])
    )
    return {
        "tested_pct": done.tested * 100,
        "comprehensive_taxation": done.comprehensive,
        "dividend_withholding_pct": None if done.withholding is None else done.withholding * 100,
    }


# -- companies -----------------------------------------------------------------------------------

COMPANY = Account("C", AccountKind.JP_CORP, "K.K.")


def corp_average(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    fills = [
        fill(SIDES[e["side"]], f"e{n}", day(e["date"]), "C", e["qty"], e["amount"] or 0, seq=n)
        for n, e in enumerate(i["events"])
    ]
    if i["method"] == "total_average":
        year = total_average_year(opening_book([COMPANY]), fills)
        realizations, positions = year.realizations, year.positions
    else:
        ledger = replay(CORPORATE, fills, opening_book([COMPANY]))
        realizations, positions = ledger.realizations, ledger.book.positions
    return {
        "sales": [{"unit": r.cost / r.disposal.quantity, "cost": r.cost} for r in realizations],
        "closing_qty": sum((p.quantity for p in positions.values()), Fraction(0)),
        "closing_book": sum((p.cost for p in positions.values()), Fraction(0)),
    }


def corp_cross(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    half = exact(i["commissions"]) / 2
    sold, bought = dt.date(2026, 12, 1), dt.date(2026, 12, 1)
    if not i["simultaneous_or_planned"]:
        bought = TOKYO.after(sold, 6)
    price = {name: exact(i[name]) for name in ("sell_price", "rebuy_price")}
    events = [
        fill(FillKind.BUY, "a", START, "C", i["qty"], i["book_cost"]),
        fill(FillKind.SELL, "s", sold, "C", i["qty"], exact(i["qty"]) * price["sell_price"], seq=1, fee=half),
        fill(
            FillKind.BUY,
            "r",
            bought,
            "C",
            i["rebuy_qty"],
            exact(i["rebuy_qty"]) * price["rebuy_price"],
            seq=2,
            fee=half,
            arranged=i["simultaneous_or_planned"],
        ),
    ]
    if not exact(i["rebuy_qty"]):
        del events[-1]
    ledger = replay(JpCorporate(trading=i["trading_security"]), events, opening_book([COMPANY]))
    result = sum((r.gain for r in ledger.realizations), Fraction(0))
    result += sum((a.disallowed for a in ledger.adjustments), Fraction(0))
    # Of the part that is ignored nothing is left in the result but its commissions of both legs.
    expense = Fraction(0)
    if i["simultaneous_or_planned"] and not i["trading_security"] and exact(i["rebuy_qty"]):
        ignored = min(exact(i["qty"]), exact(i["rebuy_qty"]))
        expense = half * ignored / exact(i["qty"]) + half * ignored / exact(i["rebuy_qty"])
    return {
        "recognised_loss": result + expense,
        "book_after": sum((p.cost for p in ledger.book.positions.values()), Fraction(0)),
        "expense": expense,
    }


def corp_recognition(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    month, last = map(int, i["fy_end"].split("-"))
    taxpayer = Taxpayer(corporation=True, fiscal_year_end=(month, last))
    dates = day(i["trade_date"]), day(i["settlement_date"])
    return {
        "fiscal_year_end": CORPORATE.period(
            CORPORATE.recognition_date(*dates, COMPANY, taxpayer), taxpayer
        ).end
    }


def corp_mtm(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    valuation, reversal = corporate.valuation(Decimal(i["book"]), Decimal(i["market"]))
    return {"valuation": valuation, "next_year_reversal": reversal}


FISCAL_YEAR = dt.date(2026, 4, 1)


def corp_dividend(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    return corporate.dividend_exclusion(
        Decimal(i["dividend"]), i["category"], FISCAL_YEAR, interest_paid=Decimal(i["interest_paid"])
    )._asdict()


def corp_short_term(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name: Decimal(value) for name, value in vector["inputs"].items()}
    return {"short_term_shares": corporate.short_term_shares(**i)}


def corp_dividend_withholding(vector: dict[str, Any]) -> dict[str, Any]:
    gross = Decimal(vector["inputs"]["dividend"])
    done = dividends.dividend_tax(gross, year_of(2026), source_rate=0, kind=AccountKind.JP_CORP)
    assert done.national == corporate.dividend_withheld(gross, year_of(2026))
    return {"withheld": done.national, "resident": done.resident}


def corp_deemed_dividend(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    numbers = (Decimal(i[name]) for name in ("qty", "book", "cash", "capital_per_share"))
    done = corporate.deemed_dividend(*numbers, i["category"], FISCAL_YEAR)
    return {
        "deemed_dividend": done.dividend,
        "transfer_proceeds": done.proceeds,
        "transfer_result": done.result,
        "dividend_excluded": done.excluded,
    }


def corp_eff_rate(vector: dict[str, Any]) -> dict[str, Any]:
    i = {name.removesuffix("_pct"): Decimal(value) / 100 for name, value in vector["inputs"].items()}
    rate = corporate.EffectiveRate(
        corporate=i["corporate_tax"],
        local=i["local_corporate_tax"],
        defence=i["defence_tax"],
        resident=i["resident_tax"],
        enterprise=i["enterprise_tax"],
        enterprise_standard=i["enterprise_tax_standard"],
        special=i["special_enterprise_tax"],
    ).rate
    return {"rate_pct": 100 * Decimal(rate.numerator) / rate.denominator}


def corp_defence_tax(vector: dict[str, Any]) -> dict[str, Any]:
    i = vector["inputs"]
    start = day(i["fiscal_year_start"])
    tax = corporate.sme_corporate_tax(Decimal(i["income"]), start)
    return {"corporate_tax": tax, "defence_tax": corporate.defence_tax(tax, start)}


def shown(value: Any) -> Any:
    """Exact rationals as decimals, everything else as it is."""
    if isinstance(value, Fraction):
        return as_decimal(value)
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    return [shown(one) for one in value] if isinstance(value, list) else value


def _showing(
    adapter: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda vector: shown(adapter(vector))


ADAPTERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    function.__name__: _showing(function)
    for function in (
        jp_withholding,
        jp_withholding_components,
        jp_filing,
        jp_withholding_sequence,
        jp_dividend_yearend_netting,
        jp_nisa_void,
        jp_bucket,
        jp_carry,
        jp_carry_chain,
        jp_minimum_tax,
        jp_average,
        jp_average_multi,
        jp_rounding_modes,
        jp_gaisan5,
        jp_fx,
        jp_split,
        jp_rights,
        jp_capital_return,
        jp_spinoff,
        jp_carryover_basis,
        jp_shutokuhi_kasan,
        jp_donation,
        jp_settle,
        jp_tax_year_choice,
        jp_nisa_quota,
        jp_nisa_capacity,
        jp_us_dividend,
        jp_ftc_limit,
        jp_large_holder,
        corp_average,
        corp_cross,
        corp_recognition,
        corp_mtm,
        corp_dividend,
        corp_short_term,
        corp_dividend_withholding,
        corp_deemed_dividend,
        corp_eff_rate,
        corp_defence_tax,
    )
}

CASE_ADAPTERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "jp_average": _showing(jp_average_case)
}


# -- tax-tables.json -----------------------------------------------------------------------------


def _written(value: Any) -> Any:
    """A value of the package in the form in which the file writes it; numbers stay numbers."""
    if isinstance(value, tuple):
        return [{"upto": v.upto, "rate": v.rate} if isinstance(v, Bracket) else v for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, dict):
        return all(_same(ours[name], theirs[name]) for name in theirs)
    if isinstance(ours, Decimal):
        return isinstance(theirs, str) and ours == Decimal(theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


def assert_table(ours: TaxTable, theirs: dict[str, Any]) -> None:
    """Every row of the file is in the package: key, days, values, status, confidence and source."""
    assert ours.key == tuple(theirs["key"])
    assert ours.key_date == theirs["key_date"]
    assert len(ours.rows) == len(theirs["rows"])
    for row, want in zip(ours.rows, theirs["rows"], strict=True):
        assert row.valid_from.isoformat() == want["valid_from"]
        assert (row.valid_to and row.valid_to.isoformat()) == want["valid_to"]
        assert row.key == tuple(want[name] for name in theirs["key"])
        assert (row.status, row.confidence) == (want["status"], want["confidence"])
        assert list(row.source) == want["source"]
        for column in dict.fromkeys([*theirs["values"], *ours.columns]):
            if want[column] is None:
                assert column not in row.values, f"{row.title}: {column} is not published"
            else:
                got = _written(row.values[column])
                assert _same(got, want[column]), f"{row.title}: {column} is {got}, not {want[column]}"
