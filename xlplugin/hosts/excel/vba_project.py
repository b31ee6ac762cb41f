"""vbaProject.bin from VBA source text ([MS-OVBA] in a compound file).

A source-only project: no compiled code and no caches, so the program that opens it compiles the
text. Equal modules give equal bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xlplugin.hosts.excel.compound_file import compound_file

__all__ = ["MAX_LINE", "Module", "class_module", "compress", "document", "obfuscate", "vba_project"]

MAX_LINE = 1023  # characters that the VBA editor takes on one line
_CHUNK = 4096
_NEWEST = 64  # earlier places of a byte triple that are tried as a match
_SOURCE_ONLY = bytes.fromhex("CC61FFFF000000")
_PROJECT_ID = "{5A0F7C31-6D0E-4B52-9D4B-7C2A4C1E9B10}"
_BASES = {
    "workbook": "0{00020819-0000-0000-C000-000000000046}",
    "sheet": "0{00020820-0000-0000-C000-000000000046}",
    "class": "0{FCFB3D2A-A0FA-1068-A738-08002B3371B5}",
}
_REFERENCES = {
    "stdole": r"*\G{00020430-0000-0000-C000-000000000046}#2.0#0#"
    r"C:\Windows\System32\stdole2.tlb#OLE Automation",
    "Office": r"*\G{2DF8D04C-5BFA-101B-BDE5-00AA0044DE52}#2.0#0#"
    r"C:\Program Files\Common Files\Microsoft Shared\OFFICE16\MSO.DLL"
    r"#Microsoft Office 16.0 Object Library",
}


@dataclass(frozen=True)
class Module:
    """One module: kind is "document" (the workbook, a sheet), "standard" or "class"."""

    name: str
    kind: str
    source: str


# -- compression (2.4.1) ---------------------------------------------------------------------------


def compress(data: bytes) -> bytes:
    """A compressed container: the byte 1, then one chunk per 4,096 bytes.

    Raises
    ------
    ValueError
        If a short last chunk does not compress; stored raw it would append NUL bytes to the text.
    """
    out = bytearray(b"\x01")
    for start in range(0, len(data), _CHUNK):
        piece = data[start : start + _CHUNK]
        tokens = _tokens(piece)
        if len(tokens) <= _CHUNK:
            out += struct.pack("<H", (len(tokens) - 1) | 0xB000) + tokens
        elif len(piece) == _CHUNK:
            out += struct.pack("<H", 0x3FFF) + piece
        else:
            raise ValueError("the last chunk does not compress; is this VBA text?")
    return bytes(out)


def _tokens(piece: bytes) -> bytes:
    """Flag bytes, each followed by eight literals or copy tokens."""
    out = bytearray()
    seen: dict[bytes, list[int]] = {}
    at = 0
    while at < len(piece):
        flag_at = len(out)
        out.append(0)
        for bit in range(8):
            if at >= len(piece):
                break
            bits = max(4, (at - 1).bit_length())  # width of the offset field at this place
            length, offset = _longest_match(piece, at, (0xFFFF >> bits) + 3, seen)
            if length >= 3:
                out += struct.pack("<H", (offset - 1) << (16 - bits) | (length - 3))
                out[flag_at] |= 1 << bit
            else:
                length = 1
                out.append(piece[at])
            for k in range(at, at + length):
                seen.setdefault(piece[k : k + 3], []).append(k)
            at += length
    return bytes(out)


def _longest_match(piece: bytes, at: int, longest: int, seen: dict[bytes, list[int]]) -> tuple[int, int]:
    best, offset = 0, 0
    limit = min(longest, len(piece) - at)
    for start in reversed(seen.get(piece[at : at + 3], [])[-_NEWEST:]):
        n = 0
        while n < limit and piece[start + n] == piece[at + n]:
            n += 1
        if n > best:
            best, offset = n, at - start
    return best, offset


# -- the three obfuscated strings of the PROJECT stream (2.4.3) --------------------------------------


def obfuscate(data: bytes, project_id: str, seed: int = 0x11) -> str:
    """CMG, DPB or GC as hexadecimal text; `project_id` with its braces gives the key."""
    key = sum(project_id.encode("ascii")) & 0xFF
    out = [seed, seed ^ 2, seed ^ key]
    last, one_back, two_back = key, seed ^ key, seed ^ 2
    filler = bytes((seed & 6) // 2)
    for byte in filler + struct.pack("<I", len(data)) + data:
        cipher = byte ^ ((two_back + last) & 0xFF)
        out.append(cipher)
        last, two_back, one_back = byte, one_back, cipher
    return bytes(out).hex().upper()


# -- modules -----------------------------------------------------------------------------------------


def document(name: str) -> Module:
    """The module behind the workbook (called ThisWorkbook) or behind a sheet."""
    base = _BASES["workbook" if name == "ThisWorkbook" else "sheet"]
    flags = {
        "GlobalNameSpace": False,
        "Creatable": False,
        "PredeclaredId": True,
        "Exposed": True,
        "TemplateDerived": False,
        "Customizable": True,
    }
    lines = [f'Attribute VB_Name = "{name}"', f'Attribute VB_Base = "{base}"']
    lines += [f"Attribute VB_{flag} = {value}" for flag, value in flags.items()]
    return Module(name, "document", "\n".join(lines) + "\n")


def class_module(name: str, exported: str) -> Module:
    """A class module from an exported .cls text, with the attributes that a project stores."""
    text = exported.replace("\r\n", "\n")
    text = text[text.index("Attribute VB_Name") :]  # the VERSION ... END head is not in a project
    first = f'Attribute VB_Name = "{name}"\n'
    text = text.replace(first, f'{first}Attribute VB_Base = "{_BASES["class"]}"\n', 1)
    more = "Attribute VB_TemplateDerived = False\nAttribute VB_Customizable = False\n"
    for exposed in ("True", "False"):
        line = f"Attribute VB_Exposed = {exposed}\n"
        text = text.replace(line, line + more, 1)
    return Module(name, "class", text)


# -- the project -------------------------------------------------------------------------------------


def vba_project(
    modules: list[Module],
    *,
    codepage: int = 1252,
    lcid: int = 0x409,
    project_id: str = _PROJECT_ID,
    name: str = "VBAProject",
) -> bytes:
    """The bytes of xl/vbaProject.bin.

    Parameters
    ----------
    modules : list of Module
        ThisWorkbook first, then the sheets, then code.
    codepage, lcid : int
        1252 and 0x409 for English books, 932 and 0x411 for Japanese ones.

    Raises
    ------
    ValueError
        If a line is longer than the VBA editor takes.
    """
    encoding = f"cp{codepage}"
    streams: dict[str, bytes] = {"_VBA_PROJECT": _SOURCE_ONLY}
    for module in modules:
        streams[module.name] = compress(_stored_text(module).encode(encoding))
    streams["dir"] = compress(_dir_stream(modules, name, codepage, lcid))
    return compound_file(
        {
            "VBA": dict(streams),
            "PROJECT": _project_stream(modules, name, project_id).encode(encoding),
            "PROJECTwm": b"".join(
                m.name.encode(encoding) + b"\0" + m.name.encode("utf-16-le") + b"\0\0" for m in modules
            )
            + b"\0\0",
        }
    )


def _stored_text(module: Module) -> str:
    text = module.source.replace("\r\n", "\n").rstrip("\n") + "\n"
    if not text.startswith("Attribute VB_Name"):
        text = f'Attribute VB_Name = "{module.name}"\n' + text
    for line in text.split("\n"):
        if len(line) > MAX_LINE:
            raise ValueError(
                f"{module.name}: a line of {len(line)} characters is too long for VBA: {line[:60]}"
            )
    return text.replace("\n", "\r\n")


def _project_stream(modules: list[Module], name: str, project_id: str) -> str:
    entry = {"document": "Document={}/&H00000000", "standard": "Module={}", "class": "Class={}"}
    lines = [f'ID="{project_id}"', *(entry[m.kind].format(m.name) for m in modules)]
    lines += [f'Name="{name}"', 'HelpContextID="0"', 'VersionCompatible32="393222000"']
    lines += [f'CMG="{obfuscate(bytes(4), project_id)}"']  # not protected
    lines += [f'DPB="{obfuscate(bytes(1), project_id)}"']  # no password
    lines += [f'GC="{obfuscate(bytes([0xFF]), project_id)}"', ""]  # visible
    lines += ["[Host Extender Info]", "&H00000001={3832D640-CF90-11CF-8E43-00A0C911005A};VBE;&H00000000", ""]
    lines += ["[Workspace]", *(f"{m.name}=0, 0, 0, 0, C" for m in modules), ""]
    return "\r\n".join(lines)


def _record(id_: int, payload: bytes) -> bytes:
    return struct.pack("<HI", id_, len(payload)) + payload


def _u16(number: int) -> bytes:
    return struct.pack("<H", number)


def _u32(number: int) -> bytes:
    return struct.pack("<I", number)


def _twice(id_: int, unicode_id: int, text: str, encoding: str) -> bytes:
    """A text in the code page, then in UTF-16."""
    return _record(id_, text.encode(encoding)) + _record(unicode_id, text.encode("utf-16-le"))


def _dir_stream(modules: list[Module], name: str, codepage: int, lcid: int) -> bytes:
    """The dir stream before compression (2.3.4.2)."""
    encoding = f"cp{codepage}"
    out = _record(0x01, _u32(3))  # system kind: 64-bit Windows
    out += _record(0x02, _u32(lcid)) + _record(0x14, _u32(lcid))
    out += _record(0x03, _u16(codepage)) + _record(0x04, name.encode(encoding))
    out += _twice(0x05, 0x40, "", encoding)  # description
    out += _record(0x06, b"") + _record(0x3D, b"")  # help file, twice
    out += _record(0x07, _u32(0)) + _record(0x08, _u32(0))  # help context, library flags
    out += struct.pack("<HIIH", 0x09, 4, 1, 0)  # the version has no size; 4 is reserved
    out += _twice(0x0C, 0x3C, "", encoding)  # constants
    for reference, library in _REFERENCES.items():
        text = library.encode(encoding)
        out += _twice(0x16, 0x3E, reference, encoding)
        out += _record(0x0D, _u32(len(text)) + text + struct.pack("<IH", 0, 0))
    out += _record(0x0F, _u16(len(modules))) + _record(0x13, _u16(0xFFFF))
    for module in modules:
        out += _twice(0x19, 0x47, module.name, encoding)
        out += _twice(0x1A, 0x32, module.name, encoding)  # the stream is named like the module
        out += _twice(0x1C, 0x48, "", encoding)
        out += _record(0x31, _u32(0))  # the text starts at byte 0: no cache stands before it
        out += _record(0x1E, _u32(0)) + _record(0x2C, _u16(0xFFFF))
        out += _record(0x21 if module.kind == "standard" else 0x22, b"")
        out += _record(0x2B, b"")
    return out + _record(0x10, b"")
