"""What a recalculation need not do twice: read one range again, or answer one call again.

A workbook passes the same lots, prices and covariance to many cells. Ranges are known by their
content, not by their address, so a memory can serve several books and never gives a stale answer.
The functions are pure; what they are given from here is shared, and arrays are read-only.
"""

from __future__ import annotations

import hashlib
import marshal
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.worksheet import convert

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from xlplugin.worksheet.registry import Argument

__all__ = ["Memory", "fingerprint"]

_MARSHAL_BY_VALUE = 2  # later versions write references, so equal contents could differ in bytes


def fingerprint(raw: Any) -> Hashable:
    """A key that two arguments share exactly when they hold the same values of the same types."""
    if not isinstance(raw, (list, tuple, np.ndarray)):
        return (type(raw), raw) if isinstance(raw, (str, float, int, bool, type(None))) else repr(raw)
    value = raw.tolist() if isinstance(raw, np.ndarray) else raw
    try:
        data = marshal.dumps(value, _MARSHAL_BY_VALUE)
    except ValueError:  # dates and error values
        data = repr(value).encode()
    return hashlib.blake2b(data, digest_size=20).digest()


class Memory:
    """Bounded memory of read arguments and of answers; the least recently used goes first.

    Parameters
    ----------
    cells : int
        About how many cells the remembered arguments and answers may hold together.
    """

    def __init__(self, cells: int = 8_000_000) -> None:
        self._limit, self._held = cells, 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.hits = self.misses = 0

    @property
    def cells(self) -> tuple[int, int]:
        """How many cells are held, and how many may be."""
        return self._held, self._limit

    def remembered(self, key: Hashable, make: Callable[[], Any], size: int) -> Any:
        """The value under `key`, made now if it is not there; `size` is its number of cells."""
        if key in self._entries:
            self.hits += 1
            self._entries.move_to_end(key)
            return self._entries[key][0]
        self.misses += 1
        value = make()
        self._entries[key] = (value, size)
        self._held += size
        while self._held > self._limit and len(self._entries) > 1:
            self._held -= self._entries.popitem(last=False)[1][1]
        return value

    def read(self, argument: Argument, raw: Any, key: Hashable) -> Any:
        """`convert.read`, remembered for ranges."""
        if not isinstance(raw, (list, tuple)) or cells_of(raw) <= 1:
            return convert.read(argument, raw)  # cheaper than remembering

        def make() -> Any:
            value = convert.read(argument, raw)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            return value

        schema = argument.schema or argument.options
        place = (argument.name, argument.kind, argument.keeps_blanks, argument.is_optional, id(schema), key)
        return self.remembered(place, make, cells_of(raw))


def cells_of(raw: Any) -> int:
    """How many cells a host handed over."""
    if not isinstance(raw, (list, tuple)):
        return 1
    return sum(len(row) if isinstance(row, (list, tuple)) else 1 for row in raw)
