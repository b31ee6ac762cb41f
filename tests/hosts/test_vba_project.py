"""vbaProject.bin, read back by olefile and by a decompressor written from the specification."""

import io
import random
import struct

import olefile
import pytest

from xlplugin.hosts.excel import vba
from xlplugin.hosts.excel.compound_file import compound_file
from xlplugin.hosts.excel.vba_project import Module, class_module, compress, document, obfuscate, vba_project
from xlplugin.worksheet.registry import load


def decompress(container: bytes) -> bytes:
    """[MS-OVBA] 2.4.1.3, written from the specification, independent of the compressor."""
    assert container[0] == 1
    out, at = bytearray(), 1
    while at < len(container):
        (header,) = struct.unpack_from("<H", container, at)
        end, start = at + 2 + (header & 0x0FFF) + 1, len(out)
        at += 2
        if not header & 0x8000:
            out += container[at : at + 4096]
            at += 4096
            continue
        while at < end:
            flags = container[at]
            at += 1
            for bit in range(8):
                if at >= end:
                    break
                if flags >> bit & 1:
                    (token,) = struct.unpack_from("<H", container, at)
                    at += 2
                    position = len(out) - start
                    bits = next(n for n in range(4, 13) if 1 << n >= position)
                    for _ in range((token & (0xFFFF >> bits)) + 3):
                        out.append(out[-((token >> (16 - bits)) + 1)])
                else:
                    out.append(container[at])
                    at += 1
    return bytes(out)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        # The worked examples of [MS-OVBA] 3.2.
        ("abcdefghijklmnopqrstuv.", "0119B000616263646566676800696A6B6C6D6E6F700071727374757 62E"),
        ("a" * 73, "0103B002614500"),
    ],
)
def test_the_published_examples_of_compression_come_out_byte_for_byte(text, stored):
    assert compress(text.encode()) == bytes.fromhex(stored.replace(" ", ""))


def test_the_normal_compression_example_is_decoded_to_its_text():
    stored = bytes.fromhex(
        "01 2F B0 00 23 61 61 61 62 63 64 65 82 66 00 70 61 67 68 69 6A 01 38 08 61 6B 6C 00 30 6D 6E 6F"
        " 70 06 71 02 70 04 10 72 73 74 75 76 10 77 78 79 7A 00 3C"
    )
    assert decompress(stored) == b"#aaabcdefaaaaghijaaaaaklaaamnopqaaaaaaaaaaaarstuvwxyzaaa"


@pytest.mark.parametrize(
    "length", [0, 1, 2, 3, 8, 9, 17, 100, 3000, 4093, 4094, 4095, 4096, 4097, 8192, 20000]
)
@pytest.mark.parametrize("kind", ["text", "letter", "pairs"])
def test_compression_is_undone_by_an_independent_reader(length, kind):
    words = {"text": b"Attribute VB_Name = HARVEST\r\n If x Then ", "letter": b"a", "pairs": b"ab"}[kind]
    data = (words * (length // len(words) + 1))[:length]
    assert decompress(compress(data)) == data


def test_a_short_last_chunk_that_does_not_compress_is_refused():
    noise = random.Random(1).randbytes(4095)
    with pytest.raises(ValueError, match="does not compress"):
        compress(noise)
    full = random.Random(1).randbytes(4096)
    assert decompress(compress(full)) == full


def revealed(text: str, project_id: str) -> bytes:
    """The inverse of the obfuscation, by [MS-OVBA] 2.4.3.3."""
    raw = bytes.fromhex(text)
    seed, key = raw[0], raw[2] ^ raw[0]
    assert raw[1] ^ seed == 2
    assert key == sum(project_id.encode()) & 0xFF
    plain, last, two_back, one_back = bytearray(), key, raw[1], raw[2]
    for cipher in raw[3:]:
        byte = cipher ^ ((two_back + last) & 0xFF)
        plain.append(byte)
        last, two_back, one_back = byte, one_back, cipher
    filler = (seed & 6) // 2
    (length,) = struct.unpack_from("<I", plain, filler)
    return bytes(plain[filler + 4 : filler + 4 + length])


@pytest.mark.parametrize("seed", [0x11, 0x36, 0xFF])
def test_the_obfuscated_strings_are_undone_by_the_published_inverse(seed):
    identifier = "{5A0F7C31-6D0E-4B52-9D4B-7C2A4C1E9B10}"
    for data in (bytes(4), bytes(1), b"\xff"):
        assert revealed(obfuscate(data, identifier, seed), identifier) == data


def test_the_inverse_reads_a_string_that_excel_wrote():
    assert revealed("EDEFFDA305FE06FE06FE", "{7D171A96-F4F8-46CC-8C9E-904B2DA346FF}") == b"\x00"


def streams(data: bytes) -> dict[str, bytes]:
    with olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT) as ole:
        assert ole.parsing_issues == []
        return {"/".join(path): ole.openstream(path).read() for path in ole.listdir()}


@pytest.mark.parametrize("sizes", [[0, 1, 63, 64, 65], [4095, 4096, 4097], [0] * 40, [100_000, 5, 300_000]])
def test_a_compound_file_gives_back_every_stream_of_every_size(sizes):
    tree = {f"S{n}": bytes([n % 251]) * size for n, size in enumerate(sizes)}
    assert streams(compound_file({"Folder": dict(tree), **tree})) == {
        **tree,
        **{f"Folder/{name}": data for name, data in tree.items()},
    }


def test_equal_modules_give_equal_bytes():
    modules = [document("ThisWorkbook"), document("Sheet1"), Module("code", "standard", "Sub A()\nEnd Sub\n")]
    assert vba_project(modules) == vba_project(modules)


def test_every_module_comes_back_character_for_character_in_japanese_too():
    text = "'損出し候補\nPublic Sub A()\nEnd Sub\n"
    stored = streams(
        vba_project([document("ThisWorkbook"), Module("code", "standard", text)], codepage=932, lcid=0x411)
    )
    back = decompress(stored["VBA/code"]).decode("cp932").replace("\r\n", "\n")
    assert back == 'Attribute VB_Name = "code"\n' + text


def test_the_records_of_the_dir_stream_stand_in_the_order_of_the_specification():
    data = decompress(
        streams(vba_project([document("ThisWorkbook"), Module("code", "standard", "\n")]))["VBA/dir"]
    )
    found, at = [], 0
    while at < len(data):
        id_, size = struct.unpack_from("<HI", data, at)
        found.append(id_)
        at += 12 if id_ == 0x09 else 6 + size  # the version record has no size
    module = [0x19, 0x47, 0x1A, 0x32, 0x1C, 0x48, 0x31, 0x1E, 0x2C]
    assert found == [
        0x01,
        0x02,
        0x14,
        0x03,
        0x04,
        0x05,
        0x40,
        0x06,
        0x3D,
        0x07,
        0x08,
        0x09,
        0x0C,
        0x3C,
        0x16,
        0x3E,
        0x0D,
        0x16,
        0x3E,
        0x0D,
        0x0F,
        0x13,
        *module,
        0x22,
        0x2B,
        *module,
        0x21,
        0x2B,
        0x10,
    ]


def test_a_line_too_long_for_the_editor_is_refused():
    with pytest.raises(ValueError, match="code: a line of 1100 characters is too long"):
        vba_project([document("ThisWorkbook"), Module("code", "standard", "x" * 1100)])


def test_an_exported_class_loses_its_head_and_gains_its_base():
    exported = (
        'VERSION 1.0 CLASS\r\nBEGIN\r\n  MultiUse = -1\r\nEND\r\nAttribute VB_Name = "Box"\r\n'
        "Attribute VB_Exposed = False\r\nOption Explicit\r\n"
    )
    lines = class_module("Box", exported).source.split("\n")
    assert lines[0] == 'Attribute VB_Name = "Box"'
    assert lines[1].startswith('Attribute VB_Base = "0{FCFB3D2A')
    assert "Attribute VB_Customizable = False" in lines
    assert "VERSION" not in "".join(lines)


def wrappers(language="en"):
    functions = list(load())
    return functions, vba.source(
        functions,
        module="xlplugin.hosts.excel.functions",
        categories=sorted({f.category for f in functions}),
        language=language,
    )


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_registered_function_has_a_wrapper_with_help_and_short_lines(language):
    functions, text = wrappers(language)
    for function in functions:
        assert f"Public Function {function.name}(" in text
        assert f"Attribute {function.name}.VB_Description" in text
    assert max(len(line) for line in text.split("\n")) <= 1023
    text.encode("cp932" if language == "ja" else "cp1252")


def test_only_the_functions_themselves_are_public():
    functions, text = wrappers()
    assert text.count("Public ") == len(functions)


@pytest.mark.parametrize("word", ["to", "return", "err", "left", "harvest"])
def test_words_that_vba_or_the_wrapper_uses_get_an_underscore(word):
    assert vba.parameter_name("HARVEST", word) == f"{word}_"


def test_other_argument_names_stay_as_they_are():
    assert vba.parameter_name("HARVEST", "lots") == "lots"
