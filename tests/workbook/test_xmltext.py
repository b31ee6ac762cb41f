"""Numbers and texts survive a file."""

from __future__ import annotations

import math
from io import BytesIO

import openpyxl
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.workbook.books import simple
from xlplugin.workbook import Inputs
from xlplugin.workbook.xmltext import (
    attributes,
    number_text,
    number_texts,
    quoted,
    unxml,
    unxstring,
    xml,
    xstring,
)

from .books import DAY, compiled

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=40)


@given(FINITE)
def test_a_number_reads_back_as_the_same_double(value: float) -> None:
    assert float(number_text(value)) == value
    assert number_text(value) != "-0"


@given(st.lists(FINITE, max_size=20))
def test_many_numbers_are_written_like_one(values: list[float]) -> None:
    assert number_texts(values) == [number_text(value) for value in values]


def test_the_shortest_texts() -> None:
    values = [-0.0, 1e-320, 1.7e308, 0.1, 1e15, 1e16, 12.0, -3.0, 1 / 3]
    shown = ["0", "1e-320", "1.7e+308", "0.1", "1000000000000000", "1e+16", "12", "-3", "0.3333333333333333"]
    assert [number_text(v) for v in values] == shown


@given(TEXTS)
@settings(deadline=None)
def test_a_text_reads_back_as_itself(text: str) -> None:
    element = etree.fromstring(f"<v xml:space='preserve'>{xml(xstring(text))}</v>")
    assert unxstring(element.text or "") == text
    assert unxstring(unxml(xml(xstring(text)))) == text


@given(TEXTS)
def test_an_attribute_reads_back_as_itself(text: str) -> None:
    plain = "".join(c for c in text if c >= " " or c in "\t\n\r")
    element = etree.fromstring(f'<a b="{quoted(plain)}"/>')
    assert element.get("b") == plain


def test_a_lone_half_of_a_character_becomes_the_replacement_character() -> None:
    assert xstring("a\ud83d") == "a\ufffd"
    assert unxstring("_xD83D__xDE00_") == "😀"
    assert unxstring("_xD83D_") == "\ufffd"


def test_a_literal_escape_is_escaped() -> None:
    assert xstring("_x0041_") == "_x005F_x0041_"
    assert xstring("_x41_") == "_x41_"


def test_attributes_in_either_quotes() -> None:
    assert attributes("""r="A1" s='3' xml:space = "preserve" """) == {
        "r": "A1",
        "s": "3",
        "xml:space": "preserve",
    }


def test_two_readers_see_the_texts_we_wrote() -> None:
    texts = ["a ", "  b", "l1\nl2", "<&>\"'", "_x0041_", "☃😀", "日本語", "=1+1", "x" * 32_767]
    cells = {("S", f"A{row}"): text for row, text in enumerate(texts, start=1)}
    data = compiled(simple({"B1": "=LEN(A1)"})).run(Inputs(cells=cells), as_of=DAY).data
    sheet = openpyxl.load_workbook(BytesIO(data), data_only=True)["S"]
    rows = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data)).get_sheet_by_name("S").to_python()
    for row, text in enumerate(texts, start=1):
        # openpyxl leaves the escape of a literal escape in place; a limit of that reader.
        assert sheet.cell(row, 1).value in (text, xstring(text))
        assert rows[row - 1][0] in (text, xstring(text))
    assert not math.isnan(float(sheet["B1"].value))
