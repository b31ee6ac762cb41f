"""Event logs from the tables of a client book: whole, worked back, or refused in one sentence."""

import csv
import datetime as dt
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table

from xlplugin.core.accounts import AccountKind
from xlplugin.core.trades import (
    CapitalReturn,
    Dividend,
    Fill,
    FillKind,
    Gift,
    Merger,
    Rights,
    SpinOff,
    Split,
    Transfer,
)
from xlplugin.errors import FileError
from xlplugin.store.event_log import event_log
from xlplugin.store.grids import BadCellError
from xlplugin.store.log_tables import read_log_tables
from xlplugin.tax.ledger import opening_book, replay
from xlplugin.tax.regime import REGIMES

ACCOUNTS = "account,account_kind,owner,owner_relation,broker,seen\n"
TRADES = "trade_id,account,code,side,trade_state,trade_date,settle_date,quantity,trade_price,fee,ccy,lot\n"
LOTS = "account,code,lot,acquired,quantity,cost_basis\n"
REALIZED = (
    "trade_id,account,account_kind,code,acquired,trade_date,recognized_on,proceeds,expense_basis,"
    "gain_realized,term\n"
)
OTHERS = (
    "trade_id,event,account,to_account,code,to_code,trade_date,settle_date,quantity,amount,foreign_tax,ccy,fx,"
    "ratio,price,cash,dividend,cost_share,value,cost_basis,acquired,inherited\n"
)
JP = ACCOUNTS + "T,特定(源泉あり),me,self,,seen\n"
US = ACCOUNTS + "U,taxable,me,self,,seen\n"


def book(folder: Path, **tables: str) -> Path:
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def log(folder: Path, year: int = 2026, **tables: str):
    (only,) = read_log_tables(book(folder, **tables)).values()
    return event_log(only, year)


def trade(id_: str, side: str, day: str, quantity: int, price: float, account: str = "U", **more: str) -> str:
    row = {"fee": "", "ccy": "", "lot": "", "state": "filled", "code": "XYZ"} | more
    return (
        f"{id_},{account},{row['code']},{side},{row['state']},{day},{day},{quantity},{price},{row['fee']},"
        f"{row['ccy']},{row['lot']}\n"
    )


# -- the sample clients: what was worked back leads to what is held --------------------------------------


def held_in(sample: Path, client: str) -> dict[tuple[str, str], Decimal]:
    """The lots table added up, read by nothing of ours."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with (sample / "clients" / "lots.csv").open(encoding="utf-8-sig") as handle:
        for row in csv.DictReader(handle):
            if row["client_id"] == client:
                found[row["account"], row["code"]] += Decimal(row["quantity"])
    return dict(found)


@pytest.mark.parametrize(
    ("client", "regime"), [("C0001", "jp.individual"), ("C0004", "us.taxable"), ("C0005", "us.taxable")]
)
def test_the_log_with_its_opening_lots_ends_in_the_lots_that_are_held(sample, client, regime):
    tables = read_log_tables(sample / "clients")[client]
    found = event_log(tables, 2026)
    ledger = replay(REGIMES[regime], found.events, opening_book(found.accounts))
    ours: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for key, position in ledger.book.positions.items():
        if position.quantity:
            ours[key.pool.holder, key.instrument_id] += position.quantity
    general = {a.owner_id: a.id for a in found.accounts if a.kind is AccountKind.JP_IPPAN}
    renamed = {(general.get(holder, holder), code): quantity for (holder, code), quantity in ours.items()}
    assert renamed == {key: Fraction(value) for key, value in held_in(sample, client).items()}


def test_every_lot_of_the_united_states_keeps_its_own_cost(sample):
    found = event_log(read_log_tables(sample / "clients")["C0004"], 2026)
    ledger = replay(REGIMES["us.taxable"], found.events, opening_book(found.accounts))
    with (sample / "clients" / "lots.csv").open(encoding="utf-8-sig") as handle:
        rows = [r for r in csv.DictReader(handle) if r["client_id"] == "C0004" and r["account"] == "I-1"]
    lots = {
        lot.id: lot.cost
        for key, position in ledger.book.positions.items()
        if key.pool.holder == "I-1"
        for lot in position.lots
    }
    opening = [r for r in rows if r["lot"] in lots]
    assert opening
    assert all(lots[r["lot"]] == Fraction(r["cost_basis"]) for r in opening)


# -- where the opening comes from -----------------------------------------------------------------------


def test_a_whole_log_needs_no_opening_lots(tmp_path):
    rows = trade("B", "BUY", "2026-01-05", 100, 10, lot="L1") + trade(
        "S", "SELL", "2026-02-05", 40, 9, lot="L1"
    )
    found = log(tmp_path, accounts=US, trades=TRADES + rows, lots=LOTS + "U,XYZ,L1,2026-01-05,60,600\n")
    assert found.opening == "none"
    buy, sell = found.events
    assert (buy.id, sell.pick.named) == ("B", (("B", 40),))


def test_opening_lots_that_are_given_are_taken_as_they_stand(tmp_path):
    found = log(
        tmp_path,
        accounts=US,
        trades=TRADES + trade("S", "SELL", "2026-02-05", 40, 9, lot="OLD"),
        opening_lots=LOTS + "U,XYZ,OLD,2020-03-02,100,1234.56\n",
        lots=LOTS + "U,XYZ,OLD,2020-03-02,60,740.74\n",
    )
    opening, sell = found.events
    assert found.opening == "given"
    assert (opening.id, opening.trade_date, opening.cost) == ("OLD", dt.date(2020, 3, 2), Fraction("1234.56"))
    assert sell.pick.named == (("OLD", 40),)


def test_a_lot_that_was_sold_out_comes_back_from_what_the_broker_realized(tmp_path):
    found = log(
        tmp_path,
        accounts=US,
        trades=TRADES + trade("S", "SELL", "2026-02-05", 40, 9, lot="GONE", fee="1.50"),
        lots=LOTS + "U,ABC,X,2020-01-02,1,1\n",
        realized=REALIZED + "S,U,taxable,XYZ,2024-09-10,2026-02-05,2026-02-05,360,501.50,-141.50,LT\n",
    )
    gone = next(e for e in found.events if e.id == "GONE")
    assert (gone.trade_date, gone.quantity, gone.cost) == (dt.date(2024, 9, 10), 40, 500)
    # 1099-B: proceeds after the fee, and the cost without it.
    assert (found.broker["U", "proceeds"], found.broker["U", "cost"]) == (Decimal("358.5"), Decimal(500))


def test_a_pool_is_turned_back_through_the_sales_and_purchases_of_the_log(tmp_path):
    # 100 at 1,000 yen before the log; 50 bought at 1,300; 30 sold with cost 33,000 and fee 50.
    rows = trade("B", "BUY", "2026-03-02", 50, 1300, "T", code="7203") + trade(
        "S", "SELL", "2026-04-02", 30, 1500, "T", code="7203", fee="50"
    )
    found = log(
        tmp_path,
        accounts=JP,
        trades=TRADES + rows,
        lots=LOTS + "T,7203,,2025-05-01,120,132000\n",
        realized=REALIZED + "S,T,特定(源泉あり),7203,2025-05-01,2026-04-02,2026-04-06,45000,33050,11950,\n",
    )
    opening = found.events[0]
    assert (opening.id, opening.quantity, opening.cost) == ("OPEN-T-7203", 100, 100_000)
    assert found.opening == "derived"


def test_a_log_with_a_split_cannot_be_turned_back(tmp_path):
    tables = {
        "accounts": US,
        "trades": TRADES,
        "lots": LOTS + "U,XYZ,L,2020-01-02,200,1000\n",
        "other_events": OTHERS + "X,SPLIT,,,XYZ,,2026-05-01,2026-05-01,,,,,,2,,,,,,,,\n",
    }
    with pytest.raises(FileError, match=r"the log has a split.*add a table opening_lots"):
        log(tmp_path, **tables)
    found = log(tmp_path, **tables, opening_lots=LOTS + "U,XYZ,L,2020-01-02,100,1000\n")
    assert [type(e) for e in found.events] == [Fill, Split]


@pytest.mark.parametrize(
    ("rows", "lots", "sentence"),
    [
        (trade("S", "SELL", "2026-02-05", 40, 9, lot="Q"), "", "column lot: expected a lot that is held"),
        (
            trade("B", "BUY", "2026-02-05", 40, 9, "T", code="7203"),
            "T,7203,,2025-01-06,10,90\n",
            "in T the log bought 30 more of 7203 than is held",
        ),
        (
            trade("S", "SELL", "2026-02-05", 40, 9, "T", code="7203"),
            "T,7203,,2025-01-06,10,90\n",
            "expected a row of realized with this trade_id",
        ),
    ],
)
def test_a_hole_in_the_log_is_said_with_its_row(tmp_path, rows, lots, sentence):
    accounts = US + "T,特定(源泉あり),me,self,,seen\n"
    with pytest.raises(FileError, match=sentence):
        log(
            tmp_path,
            accounts=accounts,
            trades=TRADES + rows,
            lots=LOTS + (lots or "U,ABC,X,2020-01-02,1,1\n"),
        )


# -- rows -----------------------------------------------------------------------------------------------


def test_nothing_is_completed_a_missing_date_or_rate_is_asked_for(tmp_path):
    undated = TRADES + "B,T,7203,BUY,filled,2026-03-02,,100,1000,,,\n"
    with pytest.raises(BadCellError, match="line 2, column settle_date: expected a value"):
        log(tmp_path, accounts=JP, trades=undated)
    foreign = (
        TRADES.replace("lot", "lot,fx_buy") + "B,T,XYZ,BUY,filled,2026-03-02,2026-03-04,100,10,,USD,,{}\n"
    )
    with pytest.raises(BadCellError, match="column fx_buy: expected a value"):
        log(tmp_path, accounts=JP, trades=foreign.format(""))
    (fill,) = log(tmp_path, accounts=JP, trades=foreign.format("151.5")).events
    assert (fill.cost, fill.currency) == (Fraction(151_500), "USD")


def test_planned_trades_are_marked_and_cancelled_ones_are_gone(tmp_path):
    rows = (
        trade("A", "BUY", "2026-01-05", 1, 10)
        + trade("P", "BUY", "2026-12-05", 2, 10, state="planned")
        + trade("C", "BUY", "2026-01-06", 3, 10, state="cancelled")
    )
    found = log(tmp_path, accounts=US, trades=TRADES + rows)
    assert [(e.id, e.planned) for e in found.events] == [("A", False), ("P", True)]


def test_an_account_that_is_not_seen_is_named_and_has_no_part(tmp_path):
    accounts = US + "V,taxable,spouse,spouse,Other Broker,not_seen\n"
    found = log(tmp_path, accounts=accounts, trades=TRADES)
    assert found.not_seen == ("V (Other Broker)",)
    assert [a.id for a in found.accounts] == ["U"]
    with pytest.raises(BadCellError, match="expected an account of the accounts table, got 'W'"):
        log(tmp_path, accounts=accounts, trades=TRADES + trade("A", "BUY", "2026-01-05", 1, 10, "W"))


def test_every_kind_of_event_becomes_its_own(tmp_path):
    day = "2026-05-01,2026-05-07"
    rows = [
        f"E01,REINVEST,T,,7203,,{day},1,1000,,,,,,,,,,,,",
        f"E02,MARGIN_OPEN,T,,7203,,{day},100,100000,,,,,,,,,,,,",
        f"E03,MARGIN_CLOSE,T,,7203,,{day},50,60000,,,,,,,,,,,,",
        f"E04,GENBIKI,T,,7203,,{day},50,50000,,,,,,,,,,,,",
        f"E05,DIVIDEND,T,,XYZ,,{day},100,50,5,USD,150,,,,,,,,,",
        f"E06,SPLIT,,,7203,,{day},,,,,,1.5,,,,,,,,",
        f"E07,MERGER,,,7203,7204,{day},,,,,,0.5,,10,4,,,,,",
        f"E08,SPIN_OFF,,,7203,7205,{day},,,,,,1,,,,0.25,,,,",
        f"E09,RIGHTS,,,7203,,{day},,,,,,0.1,500,,,,,,,",
        f"E10,CAPITAL_RETURN,,,7203,,{day},,,,,,,,50,19.85,,,,,",
        f"E11,TRANSFER,T,G,7203,,{day},10,,,,,,,,,,,,,",
        f"E12,GIFT,T,,7203,,{day},10,,,,,,,,,,12000,9000,2001-02-03,1",
    ]
    accounts = JP + "G,一般,me,self,,seen\n"
    found = log(
        tmp_path, accounts=accounts, trades=TRADES, other_events=OTHERS + "\n".join(rows) + "\n"
    ).events
    kinds = [Fill, Fill, Fill, Fill, Dividend, Split, Merger, SpinOff, Rights, CapitalReturn, Transfer, Gift]
    assert [type(e) for e in found] == kinds
    assert [e.kind for e in found[:4]] == [
        FillKind.REINVEST,
        FillKind.MARGIN_OPEN,
        FillKind.MARGIN_CLOSE,
        FillKind.GENBIKI,
    ]
    dividend, split, merger, spun, rights, back, moved, gift = found[4:]
    assert (dividend.amount, dividend.foreign_tax, dividend.fx) == (50, 5, 150)
    assert split.ratio == Fraction(3, 2)
    assert (merger.into_id, merger.ratio, merger.cash, merger.dividend) == ("7204", Fraction(1, 2), 10, 4)
    assert (spun.new_id, spun.cost_share) == ("7205", Fraction(1, 4))
    assert (rights.ratio, rights.price) == (Fraction(1, 10), 500)
    assert (back.cash, back.dividend) == (50, Fraction("19.85"))
    assert (moved.from_account_id, moved.to_account_id, moved.quantity) == ("T", "G", 10)
    assert (gift.value, gift.cost, gift.acquired, gift.inherited) == (12_000, 9000, dt.date(2001, 2, 3), True)
    assert all(e.source_row.endswith(f"line {n}") for n, e in enumerate(found, start=2))


def test_an_event_without_what_its_kind_needs_is_refused(tmp_path):
    row = "E1,SPLIT,,,7203,,2026-05-01,2026-05-01,,,,,,,,,,,,,,\n"
    with pytest.raises(BadCellError, match="line 2, column ratio: expected a value"):
        log(tmp_path, accounts=JP, trades=TRADES, other_events=OTHERS + row)


# -- carry, broker, clients -----------------------------------------------------------------------------


def test_a_carried_loss_of_the_united_states_says_its_term(tmp_path):
    clients = "client_id,regime\nC1,us_taxable\n"
    carry = "client_id,carry_year,carry_amount,term\nC1,2025,500,{}\n"
    with pytest.raises(BadCellError, match="column term: expected ST or LT"):
        log(tmp_path, clients=clients, accounts=US, trades=TRADES, carry=carry.format(""))
    found = log(tmp_path, clients=clients, accounts=US, trades=TRADES, carry=carry.format("ST"))
    assert found.carry == {("ST", 2025): Decimal(500)}


def test_the_templates_row_of_a_carried_loss_is_read_as_one(sample):
    found = event_log(read_log_tables(sample / "clients")["C0004"], 2026)
    assert found.carry == {("LT", 2025): Decimal(6200)}
    assert ("T-1", "proceeds") in found.broker


def test_totals_that_the_broker_reports_go_before_those_added_up(tmp_path):
    totals = "account,item,amount\nT,withheld,20315\nT,gain,100000\n"
    found = log(tmp_path, accounts=JP, trades=TRADES, broker_totals=totals)
    assert found.broker == {("T", "withheld"): Decimal(20_315), ("T", "gain"): Decimal(100_000)}


def test_a_fault_in_one_clients_rows_is_that_clients(sample):
    tables = read_log_tables(sample / "clients")
    assert event_log(tables["C0001"], 2026).events
    with pytest.raises(BadCellError, match="column quantity: expected a number above 0"):
        event_log(tables["C0006"], 2026)


def test_a_source_without_trades_or_of_another_kind_is_one_sentence(tmp_path):
    with pytest.raises(FileError, match="no table trades; an event log needs accounts and trades"):
        read_log_tables(book(tmp_path, accounts=US))
    with pytest.raises(FileError, match="expected a folder of tables or a workbook"):
        read_log_tables(tmp_path / "accounts.csv")
    book(tmp_path, trades="client_id," + TRADES + "C9," + trade("A", "BUY", "2026-01-05", 1, 10))
    book(tmp_path, clients="client_id,regime\nC1,us_taxable\n")
    with pytest.raises(BadCellError, match="expected an id of the clients table, got 'C9'"):
        read_log_tables(tmp_path)


def test_the_workbook_of_one_client_reads_as_the_folder_does(tmp_path):
    path = tmp_path / "client.xlsx"
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Inputs"
    for row, (name, value) in enumerate(
        (("in_client_id", "C1"), ("in_regime", "us_taxable"), ("in_tax_year", 2026)), start=1
    ):
        sheet.cell(row, 2, value)
        made.defined_names[name] = DefinedName(name, attr_text=f"Inputs!$B${row}")
    for name, text in (("accounts", US), ("trades", TRADES + trade("A", "BUY", "2026-01-05", 3, 10))):
        rows = list(csv.reader(text.splitlines()))
        page = made.create_sheet(name)
        for values in rows:
            page.append(values)
        corner = f"{openpyxl.utils.get_column_letter(len(rows[0]))}{len(rows)}"
        page.add_table(Table(displayName=f"tbl_{name}", ref=f"A1:{corner}"))
    made.save(path)
    (tables,) = read_log_tables(path).values()
    found = event_log(tables, 2026)
    assert (found.client_id, found.settings["tax_year"]) == ("C1", 2026)
    assert [(e.id, e.quantity) for e in found.events] == [("A", 3)]
