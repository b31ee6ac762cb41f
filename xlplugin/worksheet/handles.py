"""A big result behind a short text in a cell.

A covariance of 500 names is 250,000 cells; as a *handle* it is one text such as
``DI:RISK:500:1f0c9a2b7d3e4f56``. The last part is a hash of the content, so a handle always means
the same numbers, on every machine, and equal results share one handle. What stands behind a handle
is kept in the store of the process; a host may attach a store on disk so that it survives closing
the workbook. A handle whose content is not at hand is #N/A with the remedy, never another value.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from xlplugin.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Kept", "MemoryStore", "Store", "attach", "fetch", "is_handle", "keep"]

_PREFIX = "DI:"
_HASH_LETTERS = 16


@dataclass(frozen=True)
class Kept:
    """What stands behind a handle: named arrays (numbers or text) and what they are.

    Attributes
    ----------
    kind : str
        One upper-case word: RISK, COVARIANCE, HISTORY.
    arrays : mapping of str to ndarray
        Numbers are float64, texts are numpy unicode arrays.
    """

    kind: str
    arrays: Mapping[str, NDArray[np.generic]]

    def handle(self) -> str:
        """The text for the cell: kind, size and a hash of the content."""
        digest = hashlib.sha256(self.kind.encode())
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            digest.update(f"|{name}|{array.dtype.kind}|{array.shape}|".encode())
            digest.update(
                "\n".join(array.ravel().tolist()).encode() if array.dtype.kind == "U" else array.tobytes()
            )
        size = (
            len(self.arrays["codes"]) if "codes" in self.arrays else sum(a.size for a in self.arrays.values())
        )
        return f"{_PREFIX}{self.kind}:{size}:{digest.hexdigest()[:_HASH_LETTERS]}"


class Store(Protocol):
    """Keeps content by handle."""

    def put(self, handle: str, content: Kept) -> None:
        """Keep `content`; keeping it again changes nothing."""

    def get(self, handle: str) -> Kept | None:
        """The content, or None when it is not at hand."""


class MemoryStore:
    """Keeps the last contents of this process, up to a number of bytes; the oldest goes first."""

    def __init__(self, limit: int = 512 * 2**20) -> None:
        self._limit, self._size = limit, 0
        self._contents: OrderedDict[str, Kept] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes held now."""
        return self._size

    def put(self, handle: str, content: Kept) -> None:
        """Keep `content`, let the oldest go when the limit is passed."""
        if handle in self._contents:
            self._contents.move_to_end(handle)
            return
        self._contents[handle] = content
        self._size += _bytes(content)
        while self._size > self._limit and len(self._contents) > 1:
            self._size -= _bytes(self._contents.popitem(last=False)[1])

    def get(self, handle: str) -> Kept | None:
        """The content, or None when it was never kept or had to go."""
        content = self._contents.get(handle)
        if content is not None:
            self._contents.move_to_end(handle)
        return content


def _bytes(content: Kept) -> int:
    return sum(array.nbytes for array in content.arrays.values())


_STORES: list[Store] = [MemoryStore()]


def attach(store: Store) -> None:
    """Add a store behind the memory of the process, for example a folder on disk (hosts do this)."""
    _STORES.append(store)


def is_handle(value: object) -> bool:
    """Whether a cell holds a handle."""
    return isinstance(value, str) and value.startswith(_PREFIX) and value.count(":") == 3


def keep(content: Kept) -> str:
    """Keep `content` in every store and give its handle back.

    Examples
    --------
    >>> import numpy as np
    >>> handle = keep(Kept("COVARIANCE", {"matrix": np.eye(2)}))
    >>> handle[:13], fetch("covariance", handle).arrays["matrix"].tolist()
    ('DI:COVARIANCE', [[1.0, 0.0], [0.0, 1.0]])
    """
    handle = content.handle()
    for store in _STORES:
        store.put(handle, content)
    return handle


def fetch(name: str, handle: str) -> Kept:
    """What stands behind `handle`.

    Raises
    ------
    MissingError
        If no store holds it; `name` is the argument, for the sentence.
    """
    for place, store in enumerate(_STORES):
        content = store.get(handle)
        if content is not None:
            for nearer in _STORES[:place]:
                nearer.put(handle, content)
            return content
    raise MissingError(f"{name}: what {handle} stands for is not at hand; recalculate the cell that made it")
