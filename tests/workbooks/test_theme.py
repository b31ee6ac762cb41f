"""A firm's theme: its logo, its words, the order of its pages, without touching code; a batch keeps it."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from tests.workbook.books import DAY
from workbooks.build import build, main
from workbooks.builder.theme import read_theme
from xlplugin.hosts.headless import compile_book
from xlplugin.workbook import Book, lint_package

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [
    "cover", "summary", "costs", "today", "proposed", "transition", "harvest", "after_tax", "tax", "risks",
    "appendix", "assumptions",
]  # fmt: skip


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x7f" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + packed


def theme_file(folder: Path, text: str) -> Path:
    (folder / "firm.png").write_bytes(png(900, 300))
    path = folder / "firm.toml"
    path.write_text(text, encoding="utf-8")
    return path


def listed() -> str:
    return "[" + ", ".join(f'"{page}"' for page in PAGES) + "]"


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> bytes:
    path = theme_file(tmp_path_factory.mktemp("firm"), f'logo = "firm.png"\n[pages]\nproposal = {listed()}\n')
    return build("proposal", "en", read_theme(path))


def cover(data: bytes) -> dict[float, str]:
    """Page number -> title, as the contents list them."""
    book = Book(data)
    values = book.values(book.sheets[0])
    return {
        values[row, 7]: values[row, 8] for row in range(14, 27) if isinstance(values.get((row, 7)), float)
    }


def test_pages_stand_in_the_order_of_the_firm_and_are_numbered_by_it(own):
    visible = [name for name in Book(own).sheets if not name.startswith("_")]
    assert [name[:2] for name in visible] == [f"{n:02d}" for n in range(1, 12)] + ["11", "11", "12"]
    assert [visible[2][3:8], visible[10][3:11], visible[13][3:14]] == ["Costs", "Appendix", "Assumptions"]
    assert [name[:3] for name in visible[11:13]] == ["11b", "11c"]


def test_the_contents_on_the_cover_follow(own):
    ours = cover(build("proposal", "en"))
    assert cover(own)[3] == ours[7]  # costs was the seventh page
    assert cover(own)[12] == ours[11]
    assert sorted(cover(own)) == list(range(2, 13))


def test_a_computed_book_keeps_logo_and_order_and_its_checks_hold(own):
    result = compile_book(own).run(as_of=DAY, edition="values")
    standard = compile_book(build("proposal", "en")).run(as_of=DAY, edition="values")
    with zipfile.ZipFile(BytesIO(result.data)) as archive:
        assert archive.read("xl/media/image1.png") == png(900, 300)
        drawing = archive.read("xl/drawings/drawing1.xml").decode()
    assert 'descr="Logo of the firm"' in drawing
    width, height = map(int, re.findall(r'<a:ext cx="(\d+)" cy="(\d+)"', drawing)[0])
    assert width / height == pytest.approx(3, abs=0.02)
    assert width <= 336 * 9525
    assert height <= 88 * 9525 + 9525
    assert not lint_package(result.data)
    by_page = [dict(one.book.values(one.book.sheets[place])) for one, place in ((result, 2), (standard, 6))]
    assert by_page[0] == by_page[1]  # the cost page shows what it shows in our order


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[pages]\nproposal = ["cover"]\n', "must name each of cover, summary"),
        ('logo = "none.png"\n', "there is no picture 'none.png' beside it"),
        ('logo = "firm.toml"\n', "no PNG or JPEG"),
        ("[pages\n", "is not TOML"),
    ],
)
def test_a_wrong_theme_is_one_sentence_and_writes_nothing(tmp_path, capsys, text, sentence):
    theme = theme_file(tmp_path, text)
    with pytest.raises(SystemExit):
        main(["proposal", "--lang", "en", "--theme", str(theme), "--out", str(tmp_path)])
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.glob("*.xlsx"))
