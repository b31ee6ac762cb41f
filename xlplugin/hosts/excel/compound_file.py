"""Compound files ([MS-CFB], version 3: sectors of 512 bytes), written from a tree of names.

The container of a VBA project. Streams under 4,096 bytes lie in 64-byte pieces of the mini stream.
"""

from __future__ import annotations

import struct
from math import ceil
from typing import Union

__all__ = ["Tree", "compound_file"]

Tree = dict[str, Union["Tree", bytes]]

_FREE, _END, _FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_STORAGE, _STREAM, _ROOT, _UNUSED = 1, 2, 5, 0
_HEADER_FAT_SECTORS = 109


class _Entry:
    """One directory entry of 128 bytes ([MS-CFB] 2.6)."""

    def __init__(self, name: str, type_: int, data: bytes = b"") -> None:
        self.name, self.type, self.data = name, type_, data
        self.left = self.right = self.child = _FREE
        self.is_black, self.start, self.size = True, 0, len(data)

    def packed(self) -> bytes:
        name = self.name.encode("utf-16-le") + b"\0\0" if self.name else b""
        return (
            name.ljust(64, b"\0")
            + struct.pack("<HBB", len(name), self.type, self.is_black)
            + struct.pack("<III", self.left, self.right, self.child)
            + bytes(16 + 4 + 8 + 8)  # class id, state bits, two times: all zero, for equal bytes
            + struct.pack("<IQ", self.start, self.size)
        )


class _Sectors:
    """Sectors in the order they are stored, and the chain that joins them (the FAT)."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.chain: list[int] = []

    def store(self, data: bytes) -> int:
        """Append `data`; the number of its first sector is given back."""
        if not data:
            return _END
        first, count = len(self.chain), ceil(len(data) / _SECTOR)
        for k in range(count):
            self.data.append(data[k * _SECTOR : (k + 1) * _SECTOR].ljust(_SECTOR, b"\0"))
            self.chain.append(first + k + 1 if k < count - 1 else _END)
        return first


def compound_file(tree: Tree) -> bytes:
    """The bytes of a compound file.

    Parameters
    ----------
    tree : dict
        Name -> bytes (a stream) or another tree (a storage).

    Raises
    ------
    ValueError
        If the content passes what the header alone can address, about 6.8 MB.
    """
    entries = [_Entry("Root Entry", _ROOT)]
    _enter(entries, 0, tree)
    sectors = _Sectors()
    mini_chain = _store_streams(entries, sectors)
    mini_table = struct.pack(f"<{len(mini_chain)}I", *mini_chain)
    mini_table += b"\xff" * (-len(mini_table) % _SECTOR)
    mini_start = sectors.store(mini_table)
    while len(entries) % 4:
        entries.append(_Entry("", _UNUSED))
    directory_start = sectors.store(b"".join(entry.packed() for entry in entries))
    return _assembled(sectors, directory_start, mini_start, len(mini_table) // _SECTOR)


def _store_streams(entries: list[_Entry], sectors: _Sectors) -> list[int]:
    """Place every stream; the chain of the mini stream's pieces is given back."""
    mini_chain: list[int] = []
    mini = bytearray()
    for entry in entries:
        if entry.type != _STREAM:
            continue
        if not entry.data:
            entry.start = _END
        elif len(entry.data) >= _CUTOFF:
            entry.start = sectors.store(entry.data)
        else:
            entry.start, count = len(mini_chain), ceil(len(entry.data) / _MINI)
            mini_chain += [*range(entry.start + 1, entry.start + count), _END]
            mini += entry.data.ljust(count * _MINI, b"\0")
    entries[0].start, entries[0].size = sectors.store(bytes(mini)), len(mini)
    return mini_chain


def _assembled(sectors: _Sectors, directory: int, mini_start: int, mini_sectors: int) -> bytes:
    used, count = len(sectors.chain), 1
    while count * (_SECTOR // 4) < used + count:  # the table describes its own sectors too
        count += 1
    if count > _HEADER_FAT_SECTORS:
        raise ValueError("more than 6.8 MB: the header of a compound file cannot address it")
    fat = [*sectors.chain, *[_FAT_SECTOR] * count]
    fat += [_FREE] * (count * (_SECTOR // 4) - len(fat))
    places = [*range(used, used + count), *[_FREE] * (_HEADER_FAT_SECTORS - count)]
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIII", 0, count, directory, 0, _CUTOFF)
    header += struct.pack("<IIII", mini_start, mini_sectors, _END, 0)
    header += struct.pack(f"<{_HEADER_FAT_SECTORS}I", *places)
    return header + b"".join(sectors.data) + struct.pack(f"<{len(fat)}I", *fat)


def _enter(entries: list[_Entry], parent: int, tree: Tree) -> None:
    """Append the members of one storage and hang them under it as a red-black tree."""
    ids = []
    for name, value in tree.items():
        ids.append(len(entries))
        if isinstance(value, bytes):
            entries.append(_Entry(name, _STREAM, value))
        else:
            entries.append(_Entry(name, _STORAGE))
            _enter(entries, ids[-1], value)
    ids.sort(key=lambda i: (len(entries[i].name), entries[i].name.upper()))
    full_levels = (len(ids) + 1).bit_length() - 1

    def hang(part: list[int], depth: int) -> int:
        if not part:
            return _FREE
        middle = len(part) // 2
        entry = entries[part[middle]]
        entry.is_black = depth < full_levels  # only the incomplete last level is red
        entry.left = hang(part[:middle], depth + 1)
        entry.right = hang(part[middle + 1 :], depth + 1)
        return part[middle]

    entries[parent].child = hang(ids, 0)
