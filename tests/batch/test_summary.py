"""The summary workbook: words instead of codes, files instead of this machine's folders."""

import io

import openpyxl
import pytest

from xlplugin.batch.records import Fault, Record, RunFacts
from xlplugin.batch.summary import Summary, summary_workbook

FACTS = RunFacts("job", "2026-11-20", "0.1.0", {}, "f", {"jp.individual": "2026-11-22"}, "h", {})


def sheets(language, *records, folder):
    names = {record.client_id: f"Client {record.client_id}" for record in records}
    data = summary_workbook(Summary(FACTS, records, names, folder, None, language))
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {
        sheet.title: [cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None]
        for sheet in book.worksheets
    }


@pytest.mark.parametrize(
    ("language", "regime", "tongue"),
    [("ja", "個人(日本)", "日本語"), ("en", "Individual, Japan", "Japanese")],
)
def test_settings_of_a_client_stand_there_in_words(language, regime, tongue, tmp_path):
    record = Record("C1", "done", figures={"regime": "jp_individual", "language": "ja", "currency": "JPY"})
    clients, _, totals, _, _ = sheets(language, record, folder=tmp_path).values()
    assert regime in clients
    assert tongue in clients
    assert regime in totals
    assert "jp_individual" not in clients + totals


@pytest.mark.parametrize("folder", ["/home/someone/books/", "C:\\Users\\someone\\books\\", ""])
def test_the_place_of_a_failure_names_the_file_and_no_folder(folder, tmp_path):
    fault = Fault("DI-170", "a quantity below zero", f"{folder}lots.csv, line 7", "mend it")
    _, failures, *_ = sheets("en", Record("C1", "failed", fault=fault), folder=tmp_path).values()
    assert "lots.csv, line 7" in failures
    assert not [text for text in failures if "someone" in str(text)]


def test_a_check_that_fails_says_so_in_a_word(tmp_path):
    *_, checks = sheets("en", Record("C1", "done"), folder=tmp_path).values()
    formulas = [value for value in checks if str(value).startswith("=IF(")]
    assert formulas
    assert all("✖ ERROR" in formula for formula in formulas)
