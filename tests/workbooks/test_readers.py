"""Finished workbooks in five other programs: every stored value is read, and a wrong one is found."""

import re

import pytest

from tests.workbook.books import changed, parts_of
from tests.workbooks.finished import TEMPLATES
from tests.workbooks.readers import READERS, calculated, differences, stored
from xlplugin.errors import ErrorValue

EACH = pytest.mark.parametrize("reader", READERS)
CALCULATING = ("gnumeric", "LibreOffice")
COMPUTED = [f"{book}.{language}" for book in ("fund_audit", "index_method") for language in ("ja", "en")]


def found(reader, books, folder):
    """Differences of all books, and how many cells were compared."""
    held = {name: stored(path) for name, path in books.items()}
    read = dict(zip(books, READERS[reader](list(books.values()), folder), strict=True))
    wrong = [f"{name}: {text}" for name in books for text in differences(reader, held[name], read[name])]
    return wrong, sum(map(len, held.values()))


@EACH
def test_year_ends_and_a_summary_read_alike_everywhere(reader, small, tmp_path):
    wrong, cells = found(reader, small, tmp_path)
    assert wrong == []
    assert cells > 1000


@pytest.mark.slow
@EACH
def test_proposals_and_frozen_books_read_alike_everywhere(reader, whole, tmp_path):
    names = [f"{book} {language}" for book in ("proposal", "values") for language in ("ja", "en")]
    wrong, cells = found(reader, {name: whole[name] for name in [*names, "summary"]}, tmp_path)
    assert wrong == []
    assert cells > 40_000


@pytest.mark.slow
@pytest.mark.parametrize("reader", sorted(READERS.keys() - set(CALCULATING)))
def test_live_books_show_their_stored_values_where_nothing_is_calculated(reader, whole, tmp_path):
    live = {name: whole[name] for name in whole if name.split()[0] in ("advisor", "officejs", "macros")}
    wrong, cells = found(reader, live | {name: TEMPLATES[name] for name in COMPUTED}, tmp_path)
    assert wrong == []
    assert cells > 80_000


@pytest.mark.slow
@pytest.mark.parametrize("reader", CALCULATING)
def test_a_program_without_our_functions_keeps_all_that_no_formula_gave(reader, whole, tmp_path):
    """It calculates a live book anew when it opens it, and shows #NAME? where our functions stand."""
    books = {name: whole[name] for name in ("advisor ja", "advisor en", "macros ja", "macros en")}
    for name, read in zip(books, READERS[reader](list(books.values()), tmp_path), strict=True):
        formulas = calculated(books[name])
        held = {p: v for p, v in stored(books[name]).items() if p not in formulas}
        assert len(held) > 5000
        assert differences(reader, held, {p: v for p, v in read.items() if p not in formulas}) == [], name


@EACH
def test_one_wrong_value_in_a_file_is_found(reader, small, tmp_path):
    """A computed amount is raised by a thousandth; a program that calculates anew would not show it."""
    book, amount = small["year end jp"], re.compile(r"(</f><v>[1-9]\d{3,})(</v>)")
    sheet = next(name for name, part in parts_of(book.read_bytes()).items() if amount.search(part.decode()))
    spoiled = tmp_path / "spoiled.xlsx"
    spoiled.write_bytes(
        changed(book.read_bytes(), sheet, lambda text: amount.sub(r"\1.001\2", text, count=1))
    )
    (read,) = READERS[reader]([spoiled], tmp_path / "read")
    assert len(differences(reader, stored(book), read)) == 1


HELD = {("S", 1, 1): 0.1, ("S", 2, 1): "text", ("S", 3, 1): True, ("S", 4, 1): ErrorValue.NA}


@EACH
@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("S", 1, 1), 0.1 + 1e-9),
        (("S", 1, 1), None),
        (("S", 1, 1), "0.1"),
        (("S", 2, 1), "text "),
        (("S", 2, 1), None),
        (("S", 3, 1), False),
        (("S", 3, 1), 0.0),
        (("S", 4, 1), ErrorValue.NUM),
        (("S", 4, 1), "#N/A"),
        (("S", 5, 1), 0.0),
        (("T", 1, 1), 0.1),
    ],
)
def test_every_kind_of_wrong_value_is_a_difference(reader, place, value):
    read = {**HELD, place: value} if value is not None else {p: v for p, v in HELD.items() if p != place}
    assert len(differences(reader, HELD, read)) == 1
    assert differences(reader, HELD, HELD | {("S", 1, 1): 0.1 * (1 + 1e-12)}) == []
