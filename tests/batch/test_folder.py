"""A folder of client workbooks: what a run wrote is read again and gives the same books."""

import shutil

import openpyxl
import pytest

from tests.batch.test_run import books, run
from tests.batch.tiny import job as tiny_job
from xlplugin.batch.job import load_job
from xlplugin.batch.plan import read_book
from xlplugin.errors import FileError
from xlplugin.store.books import BookReader, read_folder

JOB = """
[job]
as_of = 2026-10-28
firm = "Sample"
languages = ["en"]
[input]
form = "folder"
folder = "books"
[templates]
"proposal.en" = "tiny.xlsx"
[output]
folder = "again"
"""


@pytest.fixture
def folder(tmp_path):
    run(tiny_job(tmp_path, 3))
    (tmp_path / "books").mkdir()
    for path in (tmp_path / "out" / "clients").rglob("*.xlsx"):
        shutil.copy(path, tmp_path / "books" / f"{path.parent.name}.xlsx")
    (tmp_path / "folder.toml").write_text(JOB.lstrip(), "utf-8")
    return tmp_path


def test_a_book_is_read_by_its_names_and_tables(folder):
    client_id, client, faults = BookReader(folder / "books" / "T0002.xlsx").client()
    assert (client_id, faults) == ("T0002", [])
    assert client.settings["client_name"] == "Client T0002"
    assert [(r["code"], int(r["quantity"]), int(r["cost_basis"])) for r in client.rows("lots")] == [
        ("1001", 100, 2000),
        ("1002", 200, 3000),
    ]
    assert len(client.rows("constituents")) == 4
    assert all(row["specific_variance"] is not None for row in client.rows("prices"))


def test_books_that_bring_their_market_give_the_same_figures_again(folder):
    _, records, counts = run(folder / "folder.toml")
    assert counts == {"done": 3, "failed": 0, "skipped": 0}
    for n in (1, 2, 3):
        name = f"clients/T000{n}/proposal_T000{n}_en.xlsx"
        first = openpyxl.load_workbook(folder / "out" / name, data_only=True)
        again = openpyxl.load_workbook(folder / "again" / name, data_only=True)
        for sheet in ("Page", "lots", "prices", "constituents"):
            assert list(again[sheet].values) == list(first[sheet].values)
    assert all(r.figures["value"] > 0 for r in records)
    assert len(books(folder / "again" / "clients")) == 3


def test_a_workbook_of_another_kind_is_a_failure_of_its_own(folder):
    other = openpyxl.Workbook()
    other.save(folder / "books" / "notes.xlsx")
    (folder / "books" / "broken.xlsx").write_bytes(b"nothing")
    (folder / "books" / "~$T0001.xlsx").write_bytes(b"left by Excel")
    book = read_folder(folder / "books")
    assert [c.client_id for c in book.clients] == ["T0001", "T0002", "T0003"]
    sentences = {f.client_id: str(f.errors[0]) for f in book.failures}
    assert "it has no cell named in_client_id" in sentences["NOTES"]
    assert "not a workbook that can be read" in sentences["BROKEN"]


def test_two_books_of_one_client_are_refused(folder):
    shutil.copy(folder / "books" / "T0001.xlsx", folder / "books" / "copy.xlsx")
    with pytest.raises(FileError, match=r"the client T0001 is in .* already; one book per client"):
        read_folder(folder / "books")


def test_a_folder_that_is_not_there_or_empty_is_said(tmp_path):
    with pytest.raises(FileError, match="there is no such folder"):
        read_folder(tmp_path / "absent")
    with pytest.raises(FileError, match=r"no file matches \*\.xlsx"):
        read_folder(tmp_path)


def test_an_error_in_an_input_cell_is_refused_with_its_place(folder):
    path = folder / "books" / "T0001.xlsx"
    book = openpyxl.load_workbook(path)
    place = book.defined_names["in_te_limit"].attr_text.split("!")[1].replace("$", "")
    book["Inputs"][place] = "#N/A"
    book["Inputs"][place].data_type = "e"
    book.save(path)
    failures = read_folder(folder / "books").failures
    assert "sheet Inputs, row" in str(failures[0].errors[0])
    assert "column in_te_limit: expected a fraction" in str(failures[0].errors[0])


def test_a_job_of_a_database_reads_its_clients(tmp_path):
    import csv
    import sqlite3
    from contextlib import closing

    path = tiny_job(tmp_path, 3)
    with closing(sqlite3.connect(tmp_path / "book.sqlite")) as base:
        for name in ("clients", "accounts", "lots"):
            with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
                header, *rows = csv.reader(handle)
            base.execute(f"CREATE TABLE {name} ({', '.join(header)})")
            base.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(header))})", rows)
        base.commit()
    text = path.read_text("utf-8")
    start, end = text.index("[input]"), text.index("[market]")
    other = tmp_path / "database.toml"
    other.write_text(
        text[:start] + '[input]\nform = "database"\nurl = "book.sqlite"\n\n' + text[end:], "utf-8"
    )
    run(path)
    first = books(tmp_path / "out" / "clients")
    assert len(read_book(load_job(other)).clients) == 3
    run(other, 'output.folder="database-out"')
    assert books(tmp_path / "database-out" / "clients") == first
