"""Zip members copied without unpacking them, and packages that always come out in the same bytes.

The standard library cannot copy a compressed member, so both directions are here. Times are 1980,
host is MS-DOS, attributes are zero: the bytes depend on the contents only (and on the zlib build;
across machines compare `content_digest`). Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.4.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from xlplugin.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Entry", "PackageError", "content_digest", "new_entry", "read_zip", "write_zip"]

MAX_PARTS: Final = 10_000
MAX_PART: Final = 256 * 2**20
MAX_TOTAL: Final = 2**30
MAX_RATIO: Final = 200
RATIO_FROM: Final = 2**20  # a small part may be as repetitive as it likes

_STORED, _DEFLATED = 0, 8
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNSAFE_NAME = re.compile(r"(^|/)\.\.(/|$)|\\|^[A-Za-z]:|^/")

_SENTENCES: Final = {
    "R01": "The workbook is encrypted or in the old .xls format. "
    "Save it in Excel as .xlsx without a password.",
    "R02": "The file is damaged: {part}. Open it in Excel and save it again.",
    "R03": ".xlsb is not supported. Save as .xlsx or .xlsm.",
    "R04": '"Strict Open XML" is not supported. Save as "Excel Workbook (.xlsx)".',
    "R05": "The package is too large or suspicious: {part}.",
    "R06": "The package is malformed: {part}.",
    "R07": "The package is incomplete: {part} is missing.",
    "R08": "The workbook is signed; computing it would break the signature. Remove the signature first.",
    "R09": "The part {part} has a document type; refused.",
}


class PackageError(FileError):
    """A file that is no workbook we can take. `rule` is R01 to R09 of the specification."""

    def __init__(self, rule: str, part: str = "") -> None:
        self.rule, self.part = rule, part
        super().__init__(_SENTENCES[rule].format(part=part))

    def __reduce__(self) -> tuple[type[PackageError], tuple[str, str]]:
        return PackageError, (self.rule, self.part)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a package as it lies in the file."""

    name: str
    method: int
    crc: int
    packed: bytes
    size: int

    def data(self) -> bytes:
        """The unpacked bytes."""
        return self.packed if self.method == _STORED else zlib.decompress(self.packed, -15)


def read_zip(blob: bytes) -> dict[str, Entry]:
    """The members of a package by name, in the order of its directory.

    Raises
    ------
    PackageError
        R01, R02, R05 or R06.
    """
    if blob.startswith(_OLD_OR_ENCRYPTED):
        raise PackageError("R01")
    try:
        directory = zipfile.ZipFile(BytesIO(blob)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, UnicodeDecodeError, OverflowError):
        raise PackageError("R02", "it is not a zip package") from None
    if len(directory) > MAX_PARTS:
        raise PackageError("R05", f"{len(directory)} parts")
    entries: dict[str, Entry] = {}
    seen: set[str] = set()
    total = 0
    for member in directory:
        name = member.filename
        if member.is_dir():
            continue
        if name.lower() in seen or _UNSAFE_NAME.search(member.orig_filename):
            raise PackageError("R06", name)
        seen.add(name.lower())
        total += member.file_size
        ratio = member.file_size / max(1, member.compress_size)
        if member.file_size > MAX_PART or total > MAX_TOTAL:
            raise PackageError("R05", name)
        if member.file_size > RATIO_FROM and ratio > MAX_RATIO:
            raise PackageError("R05", name)
        entries[name] = _entry(blob, member)
    return entries


def _entry(blob: bytes, member: zipfile.ZipInfo) -> Entry:
    damaged = PackageError("R02", member.filename)
    header = blob[member.header_offset : member.header_offset + 30]
    if len(header) < 30 or header[:4] != b"PK\x03\x04" or member.flag_bits & 1:
        raise damaged
    # The directory and the member state their extra fields apart; only the latter is before the data.
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    start = member.header_offset + 30 + name_length + extra_length
    packed = blob[start : start + member.compress_size]
    if len(packed) != member.compress_size or member.compress_type not in (_STORED, _DEFLATED):
        raise damaged
    entry = Entry(member.filename, member.compress_type, member.CRC, packed, member.file_size)
    if entry.method == _STORED:
        plain = packed
    else:
        unpack = zlib.decompressobj(-15)
        try:
            # One byte more than stated: a member that says it is small cannot fill the memory.
            plain = unpack.decompress(packed, member.file_size + 1)
        except zlib.error:
            raise damaged from None
    if len(plain) != member.file_size or zlib.crc32(plain) != member.CRC:
        raise damaged
    return entry


def new_entry(name: str, data: bytes, level: int = 6) -> Entry:
    """A member with new contents; `level` is zlib's, 0 stores."""
    if level == 0:
        return Entry(name, _STORED, zlib.crc32(data), data, len(data))
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return Entry(name, _DEFLATED, zlib.crc32(data), packer.compress(data) + packer.flush(), len(data))


def write_zip(entries: Iterable[Entry]) -> bytes:
    """A package from its members, in the order given.

    Raises
    ------
    FileError
        Above 4 GB or 65,535 members: the larger form of zip is not written.
    """
    out: list[bytes] = []
    directory: list[bytes] = []
    position = 0
    for entry in entries:
        name = entry.name.encode()
        flags = 0x800 if not name.isascii() else 0
        common = (flags, entry.method, 0, 0x21, entry.crc, len(entry.packed), entry.size, len(name), 0)
        header = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, *common) + name
        directory.append(
            struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, *common, 0, 0, 0, 0, position) + name
        )
        out.append(header)
        out.append(entry.packed)
        position += len(header) + len(entry.packed)
        if position >= 2**32 - 1 or len(directory) > 65_535:
            raise FileError(
                "The computed workbook has 4 GB or 65,536 parts; a package of that size is not written. "
                "Split the workbook."
            )
    tail = b"".join(directory)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(directory), len(directory), len(tail), position, 0)
    return b"".join((*out, tail, end))


def content_digest(entries: Mapping[str, Entry]) -> str:
    """SHA-256 over the sorted names and contents: equal on every machine for equal contents."""
    total = hashlib.sha256()
    for name in sorted(entries):
        total.update(f"{name}\0{hashlib.sha256(entries[name].data()).hexdigest()}\n".encode())
    return total.hexdigest()
