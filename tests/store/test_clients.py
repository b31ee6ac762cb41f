"""Client books: the same clients from files, a workbook, SQLite and PostgreSQL; faults stay one client's."""

import csv
import datetime as dt
import io
import sqlite3
import tomllib
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.store.postgres import server
from xlplugin.errors import FileError
from xlplugin.store.clients import read_clients
from xlplugin.store.dictionary import (
    PER_CLIENT,
    client_tables,
    columns_of,
    market_tables,
    setting_of,
    settings,
)
from xlplugin.store.sources import DatabaseTables, FileTables, WorkbookTables

SAMPLE = Path(__file__).resolve().parents[2] / "workbooks" / "sample"
LAYOUT = SAMPLE.parent / "layout"


def files(folder: Path = SAMPLE / "clients") -> FileTables:
    return FileTables({p.stem: p for p in sorted(folder.glob("*.csv"))})


def rows_of(table: str) -> list[list[str]]:
    text = (SAMPLE / "clients" / f"{table}.csv").read_text("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))


def copied(tmp_path: Path, **changed: list[list[str]]) -> FileTables:
    for name in ("clients", *PER_CLIENT):
        source = SAMPLE / "clients" / f"{name}.csv"
        if name in changed or source.exists():
            with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
                csv.writer(handle).writerows(changed.get(name) or rows_of(name))
    return files(tmp_path)


def as_text(book):
    return [
        (c.client_id, sorted((k, str(v)) for k, v in c.settings.items() if v is not None))
        for c in book.clients
    ]


def lots_as_text(book):
    return {
        c.client_id: sorted(
            str(sorted((k, str(v)) for k, v in row.items() if v is not None)) for row in c.rows("lots")
        )
        for c in book.clients
    }


# -- the list of the templates is the list of the store ----------------------------------------------


def test_every_input_cell_of_the_templates_is_a_setting_that_can_be_read():
    inputs = tomllib.loads((LAYOUT / "inputs.toml").read_text("utf-8"))
    assert {setting_of(i["name"]) for i in inputs["input"]} <= set(settings())


def test_every_table_of_the_templates_is_a_client_table_a_market_table_or_written_by_commands():
    inputs = tomllib.loads((LAYOUT / "inputs.toml").read_text("utf-8"))
    known = set(PER_CLIENT) | set(market_tables()) | {"log"}
    assert {t["block"] for t in inputs["table"]} == known
    for table in inputs["table"]:
        if table["block"] in client_tables():
            keys = {f.key for f in client_tables()[table["block"]].fields}
            assert keys == {*table["columns"], "client_id"}
        assert list(columns_of(table["block"])) == table["columns"]


def test_no_header_word_means_two_columns_of_one_table():
    from xlplugin.store.grids import plain_header

    for shape in (*client_tables().values(), *market_tables().values()):
        words = [w for f in shape.fields for w in {plain_header(x) for x in (f.key, *f.words)}]
        assert len(words) == len(set(words)), shape.name


# -- reading -----------------------------------------------------------------------------------------------


def test_the_sample_book_reads_and_only_the_client_with_faults_fails():
    book = read_clients(files())
    assert [c.client_id for c in book.clients] == [
        "C0001",
        "C0002",
        "C0003",
        "C0004",
        "C0005",
        "C0007",
        "C0008",
    ]
    assert [f.client_id for f in book.failures] == ["C0006"]
    assert book.client_ids == tuple(f"C000{n}" for n in range(1, 9))
    sentences = [str(e).split("lots.csv, ")[1] for e in book.failures[0].errors]
    assert sentences == [
        "line 421, column quantity: expected a number above 0, got '-100'",
        "line 422, column cost_basis: expected a cost basis or a unit cost",
        "line 422, column account: expected an account of the accounts table, got 'E-9'",
    ]


def test_money_is_exact_and_days_are_dates():
    client = next(c for c in read_clients(files()).clients if c.client_id == "C0004")
    lot = client.rows("lots")[0]
    assert isinstance(lot["cost_basis"], Decimal)
    assert isinstance(lot["acquired"], dt.date)
    assert client.settings["rate_short"] == Decimal("0.408")
    kinds = {str(r["account_kind"]) for r in client.rows("accounts")}
    assert kinds == {"US_TAXABLE", "US_IRA"}


def test_the_sentence_comes_in_japanese_too():
    error = read_clients(files()).failures[0].errors[0]
    assert "421行目、列「quantity」: 0より大きい数値が必要ですが、'-100' でした。" in error.sentence("ja")


def test_japanese_headers_read_as_the_keys_do(tmp_path):
    rows = rows_of("lots")
    titles = columns_of("lots")
    rows[0] = ["顧客ID" if key == "client_id" else titles[key][0] for key in rows[0]]
    assert lots_as_text(read_clients(copied(tmp_path, lots=rows))) == lots_as_text(read_clients(files()))


def test_columns_may_stand_in_any_order_and_unknown_ones_are_listed(tmp_path):
    rows = [[*reversed(row), "x" if n else "memo"] for n, row in enumerate(rows_of("lots"))]
    book = read_clients(copied(tmp_path, lots=rows))
    assert lots_as_text(book) == lots_as_text(read_clients(files()))
    assert book.unread == ("lots: memo",)


def test_one_workbook_with_tables_reads_as_the_files_do(tmp_path):
    import openpyxl
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.table import Table

    book = openpyxl.Workbook()
    for name in ("clients", *PER_CLIENT):
        if not (SAMPLE / "clients" / f"{name}.csv").exists():
            continue
        sheet = book.create_sheet(f"page {name}")
        sheet.append([])
        rows = rows_of(name)
        for n, row in enumerate(rows):
            sheet.append([None, *(number_or_text(rows[0][k], c) if n else c for k, c in enumerate(row))])
        last = f"{get_column_letter(len(rows[0]) + 1)}{max(3, len(rows) + 1)}"
        sheet.add_table(Table(displayName=f"tbl_{name}", ref=f"B2:{last}"))
    book.save(tmp_path / "book.xlsx")
    found, wanted = read_clients(WorkbookTables(tmp_path / "book.xlsx")), read_clients(files())
    assert [c.client_id for c in found.clients] == [c.client_id for c in wanted.clients]
    for one, other in zip(found.clients, wanted.clients, strict=True):
        assert one.rows("lots") == other.rows("lots")
        assert one.settings == other.settings
    assert "table tbl_lots, row 422, column quantity: expected a number above 0" in str(
        found.failures[0].errors[0]
    )


def number_or_text(key: str, text: str) -> object:
    """As a person's Excel would hold it: numbers as numbers, dates as dates, codes as numbers."""
    if not text:
        return None
    if key in {"acquired", "trade_date", "settle_date", "recognized_on", "obs_date", "due_date", "opened"}:
        return dt.date.fromisoformat(text)
    try:
        return float(text) if "%" not in text else text
    except ValueError:
        return text


def test_an_error_cell_in_excel_is_refused_and_not_read_as_empty(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "lots"
    for row in rows_of("lots")[:3]:
        sheet.append(row)
    sheet["H2"] = "#N/A"  # unit_cost; the cost basis beside it would do, but the cell is broken
    sheet["H2"].data_type = "e"
    book.save(tmp_path / "lots.xlsx")
    copied(tmp_path)
    paths = {p.stem: p for p in tmp_path.glob("*.csv")} | {"lots": tmp_path / "lots.xlsx"}
    failures = {f.client_id: f for f in read_clients(FileTables(paths)).failures}
    assert any(
        "row 2, column unit_cost: expected" in str(e) and "#N/A" in str(e) for e in failures["C0001"].errors
    )


def database_rows(table: str) -> tuple[list[str], list[list[object]]]:
    rows = rows_of(table)
    return rows[0], [[c or None for c in row] for row in rows[1:]]


def test_a_sqlite_book_reads_as_the_files_do(tmp_path):
    path = tmp_path / "book.sqlite"
    with closing(sqlite3.connect(path)) as base:
        for name in ("clients", *PER_CLIENT):
            if (SAMPLE / "clients" / f"{name}.csv").exists():
                header, rows = database_rows(name)
                quoted = ", ".join(f'"{h}"' for h in header)
                base.execute(f"CREATE TABLE {name} ({quoted})")
                base.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(header))})", rows)
        base.commit()
    for url in (str(path), f"sqlite:///{path}"):
        book = read_clients(DatabaseTables(url))
        assert as_text(book) == as_text(read_clients(files()))
        assert lots_as_text(book) == lots_as_text(read_clients(files()))
    assert DatabaseTables(str(path)).read("orders") is None


def test_a_book_on_a_real_postgresql_server_reads_as_the_files_do():
    import sqlalchemy as sql

    kinds = {
        "quantity": sql.Numeric,
        "cost_basis": sql.Numeric,
        "acquired": sql.Date,
        "unit_cost": sql.Numeric,
    }
    with server() as url:
        engine = sql.create_engine(url)
        meta = sql.MetaData()
        for name in ("clients", *PER_CLIENT):
            if not (SAMPLE / "clients" / f"{name}.csv").exists():
                continue
            header, rows = database_rows(name)
            types = kinds if name == "lots" else {}
            table = sql.Table(name, meta, *(sql.Column(h, types.get(h, sql.Text)) for h in header))
            table.create(engine)
            with engine.begin() as connection:
                records = [dict(zip(header, row, strict=True)) for row in rows]
                if name == "lots":
                    for record in records:
                        if record["acquired"]:
                            record["acquired"] = dt.date.fromisoformat(str(record["acquired"]))
                if records:
                    connection.execute(table.insert(), records)
        engine.dispose()
        book = read_clients(DatabaseTables(url))
        assert DatabaseTables(url).read("orders") is None
    wanted = read_clients(files())
    assert as_text(book) == as_text(wanted)
    assert lots_as_text(book) == lots_as_text(wanted)
    assert [f.client_id for f in book.failures] == ["C0006"]


def test_an_unreachable_database_is_one_sentence_without_the_password():
    with pytest.raises(FileError, match="this database cannot be read") as caught:
        DatabaseTables("postgresql+pg8000://xlplugin:hidden@127.0.0.1:1/nothing").read("clients")
    assert "hidden" not in str(caught.value)


def test_a_missing_or_foreign_database_file_is_one_sentence(tmp_path):
    with pytest.raises(FileError, match="there is no such database"):
        DatabaseTables(str(tmp_path / "absent.sqlite")).read("clients")
    (tmp_path / "text.sqlite").write_text("this is no database, only a text that is long enough" * 20)
    with pytest.raises(FileError, match="this database cannot be read"):
        DatabaseTables(str(tmp_path / "text.sqlite")).read("clients")


# -- faults ------------------------------------------------------------------------------------------------


def spoiled(tmp_path: Path, table: str, line: int, key: str, value: str) -> FileTables:
    rows = rows_of(table)
    rows[line - 1][rows[0].index(key)] = value
    return copied(tmp_path, **{table: rows})


@pytest.mark.parametrize(
    ("table", "line", "key", "value", "sentence"),
    [
        ("lots", 2, "quantity", "many", "line 2, column quantity: expected a number above 0, got 'many'"),
        ("lots", 3, "acquired", "2026-11-31", "line 3, column acquired: expected a date"),
        ("lots", 3, "code", "", "line 3, column code: expected a value; the cell is empty"),
        ("lots", 2, "cost_basis", "1", "line 2, column cost_basis: expected about quantity x unit cost = "),
        ("accounts", 2, "account_kind", "貯金", "line 2, column account_kind: expected an account kind"),
        ("trades", 2, "settle_date", "2020-01-06", "line 2, column settle_date: expected a day from 20"),
        ("trades", 2, "side", "short", "line 2, column side: expected one of BUY, SELL, got 'short'"),
        ("clients", 2, "rate_short", "high", "line 2, column rate_short: expected a fraction"),
        ("clients", 2, "regime", "moon", "line 2, column regime: expected one of jp_individual"),
    ],
)
def test_a_fault_of_one_client_is_that_clients_and_the_others_are_read(
    tmp_path, table, line, key, value, sentence
):
    book = read_clients(spoiled(tmp_path, table, line, key, value))
    failures = {f.client_id: f for f in book.failures}
    assert set(failures) == {"C0001", "C0006"}
    assert any(sentence in str(e) for e in failures["C0001"].errors)


@pytest.mark.parametrize(
    ("table", "line", "key", "value", "sentence"),
    [
        ("lots", 5, "client_id", "c 1", "line 5, column client_id: expected an id of capitals"),
        ("lots", 5, "client_id", "", "line 5, column client_id: expected a value; the cell is empty"),
        ("lots", 5, "client_id", "C9999", "line 5, column client_id: expected an id of the clients table"),
        ("clients", 3, "client_id", "C0001", "line 3, column client_id: expected each client once"),
    ],
)
def test_a_row_that_belongs_to_nobody_is_an_error_of_the_book(tmp_path, table, line, key, value, sentence):
    with pytest.raises(FileError, match=sentence):
        read_clients(spoiled(tmp_path, table, line, key, value))


def test_a_book_without_a_needed_column_says_which(tmp_path):
    rows = [[c for k, c in enumerate(row) if k != 6] for row in rows_of("lots")]
    with pytest.raises(FileError, match=r"lots\.csv: expected a column quantity / 数量"):
        read_clients(copied(tmp_path, lots=rows))


def test_two_columns_that_mean_the_same_are_refused(tmp_path):
    rows = [[*row, "数量" if not n else "1"] for n, row in enumerate(rows_of("lots"))]
    with pytest.raises(
        FileError, match="column 数量: expected one column for quantity; quantity means the same"
    ):
        read_clients(copied(tmp_path, lots=rows))


def test_a_client_without_lots_fails_alone(tmp_path):
    rows = [row for row in rows_of("lots") if row[0] != "C0002"]
    failures = {f.client_id: f for f in read_clients(copied(tmp_path, lots=rows)).failures}
    assert "the table lots has no row for this client" in str(failures["C0002"].errors[0])


def test_a_us_lot_without_its_day_fails_and_a_japanese_one_does_not(tmp_path):
    rows = rows_of("lots")
    place = rows[0].index("acquired")
    american = next(r for r in rows if r[0] == "C0004")
    japanese = next(r for r in rows if r[0] == "C0001")
    american[place] = japanese[place] = ""
    failures = {f.client_id for f in read_clients(copied(tmp_path, lots=rows)).failures}
    assert failures == {"C0004", "C0006"}


def test_a_lot_number_stands_once_in_an_account_and_code(tmp_path):
    rows = rows_of("lots")
    rows.append(list(next(r for r in rows if r[0] == "C0004")))
    failures = {f.client_id: f for f in read_clients(copied(tmp_path, lots=rows)).failures}
    assert "column lot: expected each lot once" in str(failures["C0004"].errors[0])


def test_a_wish_of_all_clients_is_a_wish_of_each(tmp_path):
    rows = rows_of("wishes")
    rows.append(["*", "sector", "鉄鋼", "方針", "規程"])
    book = read_clients(copied(tmp_path, wishes=rows))
    assert all(any(w["wish_target"] == "鉄鋼" for w in c.rows("wishes")) for c in book.clients)


def test_without_a_clients_table_there_is_no_book():
    with pytest.raises(FileError, match="no clients table"):
        read_clients(FileTables({"lots": SAMPLE / "clients" / "lots.csv"}))
