"""Files that are read, and files that are refused with their sentence."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbook.books import (
    MAIN,
    PACKAGE,
    REL,
    changed,
    compiled,
    minimal,
    parts_of,
    run,
    simple,
    value,
    zipped,
)
from xlplugin.errors import XlPluginError
from xlplugin.workbook import PackageError
from xlplugin.workbook.package import Package
from xlplugin.workbook.zipped import content_digest, new_entry, read_zip, write_zip

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = simple({"A1": 1, "A2": "=A1+1", "A3": "{=TEST_SPILL(2,2)"})


def twice() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("xl/a.xml", "x")
        archive.writestr("XL/A.xml", "y")
    return memory.getvalue()


def without(part: str) -> bytes:
    parts = parts_of(GOOD)
    del parts[part]
    return zipped(parts)


def bomb() -> bytes:
    return zipped({**parts_of(GOOD), "xl/media/x.bin": b"\0" * (2 << 20)})


REFUSED: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "encrypted or old": ("R01", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old .xls format"),
    "no zip": ("R02", lambda: b"hello", "damaged"),
    "cut off": ("R02", lambda: GOOD[: len(GOOD) // 2], "damaged"),
    "binary": ("R03", lambda: zipped({**parts_of(GOOD), "xl/workbook.bin": b"x"}), ".xlsb is not supported"),
    "strict": (
        "R04",
        lambda: changed(
            GOOD,
            "xl/workbook.xml",
            lambda t: t.replace(MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main"),
        ),
        "Strict Open XML",
    ),
    "bomb": ("R05", bomb, "too large or suspicious: xl/media/x.bin"),
    "two parts of one name": ("R06", twice, "malformed: XL/A.xml"),
    "a path upwards": ("R06", lambda: zipped({"xl/../../x": "y"}), "malformed"),
    "missing sheet": (
        "R07",
        lambda: without("xl/worksheets/sheet1.xml"),
        "incomplete: xl/worksheets/sheet1.xml",
    ),
    "missing content types": ("R07", lambda: without("[Content_Types].xml"), "incomplete"),
    "signed": ("R08", lambda: zipped({**parts_of(GOOD), "_xmlsignatures/sig1.xml": "<a/>"}), "signed"),
    "document type": (
        "R09",
        lambda: changed(GOOD, "xl/workbook.xml", lambda t: t.replace("<workbook", "<!DOCTYPE x><workbook")),
        "xl/workbook.xml has a document type",
    ),
    "entity in a sheet": (
        "R09",
        lambda: changed(
            GOOD,
            "xl/worksheets/sheet1.xml",
            lambda t: t.replace("<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet'),
        ),
        "xl/worksheets/sheet1.xml",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_we_cannot_take_is_refused_with_its_sentence(name: str) -> None:
    rule, make, sentence = REFUSED[name]
    with pytest.raises(PackageError, match=sentence.replace(".", r"\.")) as caught:
        compiled(make())
    assert caught.value.rule == rule


def test_a_wrong_checksum_names_the_part() -> None:
    data = bytearray(GOOD)
    entry = next(i for i in zipfile.ZipFile(io.BytesIO(GOOD)).infolist() if "sheet1" in i.filename)
    for offset in (
        entry.header_offset + 14,
        data.find(struct.pack("<I", entry.CRC), entry.header_offset + 18),
    ):
        data[offset] ^= 1
    with pytest.raises(PackageError, match=r"damaged: xl/worksheets/sheet1\.xml"):
        compiled(bytes(data))


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=150)
def test_a_file_with_changed_bytes_is_computed_or_refused_but_never_a_fault(
    edits: list[tuple[int, int]],
) -> None:
    data = bytearray(GOOD)
    for place, byte in edits:
        data[place] = byte
    with contextlib.suppress(XlPluginError):  # its sentence; any other exception is a fault
        run(bytes(data), lenient=True)


SHEET = parts_of(GOOD)["xl/worksheets/sheet1.xml"].decode()


@given(
    st.integers(0, len(SHEET) - 2), st.sampled_from(["", "<", ">", '"', "&", "]]>", "/", " x", "<c/>", "0"])
)
@settings(deadline=None, max_examples=250)
def test_a_sheet_with_changed_text_is_computed_or_refused_but_never_a_fault(place: int, text: str) -> None:
    data = zipped({**parts_of(GOOD), "xl/worksheets/sheet1.xml": SHEET[:place] + text + SHEET[place + 1 :]})
    with contextlib.suppress(XlPluginError):
        run(data, lenient=True)


# -- odd but sound files ---------------------------------------------------------------------------


def test_cells_and_rows_without_places_are_counted_and_written_explicitly() -> None:
    data = minimal(
        '<row><c><v>1</v></c><c><v>2</v></c></row><row><c><f>SUM(A1:B1)</f></c><c t="str"><v>x</v></c></row>'
    )
    result = run(data)
    assert result.cells("S", "A1:B2") == [[1.0, 2.0], [3.0, "x"]]
    sheet = parts_of(result.data)["xl/worksheets/sheet1.xml"].decode()
    assert '<row r="2">' in sheet
    assert '<c r="B1">' in sheet


TWO = '<row r="1"><c r="A1"><v>2</v></c>'
UNUSUAL: dict[str, str] = {
    "prefixed": f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>2</x:v></x:c>'
    '<x:c r="B1"><x:f>A1*3</x:f><x:v>0</x:v></x:c></x:row></x:sheetData></x:worksheet>',
    "CDATA": f'<worksheet xmlns="{MAIN}"><sheetData>{TWO}<c r="B1">'
    "<f><![CDATA[A1*IF(2>1,3,0)]]></f></c></row></sheetData></worksheet>",
    "comments": f'<worksheet xmlns="{MAIN}"><sheetData><!-- a -->{TWO}<!-- b -->'
    '<c r="B1"><f> A1*3 </f></c></row></sheetData></worksheet>',
    "bare > and quotes": f'<worksheet xmlns="{MAIN}"><sheetData>{TWO}'
    "<c r='B1' t='s'><f xml:space='preserve'>  IF(A1>1,\"6\"*1,0)</f><v></v></c></row>"
    "</sheetData></worksheet>",
    "UTF-16": f'<worksheet xmlns="{MAIN}"><sheetData>{TWO}<c r="B1"><f>A1*3</f></c></row>'
    "</sheetData></worksheet>",
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_xml_is_read_right_and_written_escaped(name: str) -> None:
    encoding = "UTF-16" if name == "UTF-16" else "UTF-8"
    content = f'<?xml version="1.0" encoding="{encoding}"?>{UNUSUAL[name]}'.encode(encoding)
    data = zipped({**parts_of(minimal("")), "xl/worksheets/sheet1.xml": content})
    assert run(data).cells("S", "A1:B1") == [[2.0, 6.0]]
    assert run(run(data).data).data == run(data).data


def test_absolute_targets_and_other_folders_are_followed() -> None:
    parts = parts_of(minimal('<row r="1"><c r="A1"><f>1+1</f></c></row>'))
    parts["Sheets/ONE.xml"] = parts.pop("xl/worksheets/sheet1.xml")
    rels = parts["xl/_rels/workbook.xml.rels"].decode().replace("worksheets/sheet1.xml", "/sheets/one.xml")
    parts["xl/_rels/workbook.xml.rels"] = rels.encode()
    assert run(zipped(parts)).cells("S", "A1") == [[2.0]]


def test_empty_sheets_keep_their_bytes() -> None:
    parts = parts_of(minimal(""))
    empty = f'<?xml version="1.0"?>\r\n<worksheet xmlns="{MAIN}"><sheetData/></worksheet>'.encode()
    data = zipped({**parts, "xl/worksheets/sheet1.xml": empty})
    assert parts_of(run(data).data)["xl/worksheets/sheet1.xml"] == empty


def test_missing_styles_strings_theme_and_properties_are_no_hindrance() -> None:
    assert value(minimal('<row r="1"><c r="A1"><f>"a"&amp;1</f></c></row>'), "A1") == "a1"


def test_shared_formulas_are_written_out_per_cell() -> None:
    data = minimal(
        '<row r="1"><c r="A1"><v>1</v></c>'
        '<c r="B1"><f t="shared" ref="B1:B3" si="0">TEST_SUM(A1,$A$1)</f><v>0</v></c></row>'
        '<row r="2"><c r="A2"><v>5</v></c><c r="B2"><f t="shared" si="0"/><v>0</v></c></row>'
        '<row r="3"><c r="B3"><f t="shared" si="0"/></c></row>'
    )
    result = run(data)
    assert result.cells("S", "B1:B3") == [[2.0], [6.0], [1.0]]
    assert 't="shared"' not in parts_of(result.data)["xl/worksheets/sheet1.xml"].decode()


def test_names_of_the_workbook_and_of_a_sheet_are_told_apart() -> None:
    names = (
        '<definedNames><definedName name="k">5</definedName>'
        '<definedName name="k" localSheetId="0">7</definedName></definedNames>'
    )
    assert value(minimal('<row r="1"><c r="A1"><f>k</f></c></row>', book=names), "A1") == 7.0


def test_a_name_of_a_sheet_that_is_gone_is_left_out() -> None:
    names = '<definedNames><definedName name="k" localSheetId="9">7</definedName></definedNames>'
    assert Package.open(minimal("", book=names)).names == []


def test_chart_sheets_do_not_shift_the_sheets_of_names() -> None:
    extra = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>'
        '<sheet name="C" sheetId="2" r:id="rId2"/><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
        '<definedNames><definedName name="k" localSheetId="1">7</definedName></definedNames></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{REL}/chartsheet" Target="chartsheets/sheet1.xml"/></Relationships>',
        "xl/chartsheets/sheet1.xml": f'<chartsheet xmlns="{MAIN}"/>',
    }
    assert value(minimal('<row r="1"><c r="A1"><f>k+1</f></c></row>', extra=extra), "A1") == 8.0


def test_dates_of_the_1904_system_reach_formulas_and_functions() -> None:
    book = '<workbookPr date1904="1"/>'
    parts = parts_of(
        minimal('<row r="1"><c r="A1"><f>DATE(2024,1,5)</f></c><c r="B1"><f>TEST_DATES()</f></c></row>')
    )
    main = parts["xl/workbook.xml"].decode().replace("<sheets>", f"{book}<sheets>")
    result = run(zipped({**parts, "xl/workbook.xml": main}))
    assert result.cells("S", "A1") == [[45296.0 - 1462]]
    assert result.cells("S", "B2") == [[46027.0 - 1462]]


# -- zip -------------------------------------------------------------------------------------------


NAMES = st.lists(
    st.text("abcアイ_/. ", min_size=1, max_size=8).filter(
        lambda n: not n.startswith("/") and ".." not in n and not n.endswith("/")
    ),
    unique_by=lambda n: n.lower(),
    max_size=5,
)


@given(NAMES, st.data())
@settings(deadline=None)
def test_what_we_pack_every_reader_unpacks(names: list[str], data: st.DataObject) -> None:
    contents = {name: data.draw(st.binary(max_size=200)) for name in names}
    blob = write_zip(
        new_entry(name, content, level=data.draw(st.sampled_from([0, 1, 6])))
        for name, content in contents.items()
    )
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
    assert content_digest(read_zip(blob)) == content_digest(read_zip(write_zip(read_zip(blob).values())))


def test_zips_of_other_programs_are_read_and_written_plain() -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"made elsewhere"
        for name, content in parts_of(GOOD).items():
            info = zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 5))
            info.extra = b"\x99\x99\x04\x00abcd"
            info.compress_type = zipfile.ZIP_STORED if "theme" in name else zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:  # descriptors and a zip64 header
                member.write(content)
    result = run(memory.getvalue())
    assert result.cells("S", "A2") == [[2.0]]
    for info in zipfile.ZipFile(io.BytesIO(result.data)).infolist():
        assert (info.extra, info.date_time, info.flag_bits & 8, info.external_attr) == (
            b"",
            (1980, 1, 1, 0, 0, 0),
            0,
            0,
        )


def test_content_types_come_first_and_the_rest_keeps_its_order() -> None:
    before, after = list(parts_of(GOOD)), list(parts_of(run(GOOD).data))
    assert after[0] == "[Content_Types].xml"
    kept = [name for name in before if name in after and name != "[Content_Types].xml"]
    assert [name for name in after if name in kept] == kept
