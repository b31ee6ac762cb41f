"""The candidates of an index: one row per security, columns of numbers and of words.

Blank, zero and unknown stay apart: a missing number is NaN, a missing word is "". Sizes that are
not given are derived: `full_cap` = price·shares·fx and `float_cap` = full_cap·free_float.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.securities import security_code
from xlplugin.errors import InputError, MissingError
from xlplugin.index.arrays import group_numbers, same_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["Universe"]


@dataclass(frozen=True)
class Universe:
    """Securities in a fixed order.

    Attributes
    ----------
    codes : tuple of str
        One per row, each once.
    numbers : mapping of str to ndarray of shape (n,)
        Numeric columns; NaN where missing.
    words : mapping of str to tuple of str
        Text columns; "" where missing.
    """

    codes: tuple[str, ...]
    numbers: Mapping[str, FloatArray]
    words: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for row, code in enumerate(self.codes, start=1):
            if code in seen:
                raise InputError(f"universe, row {row}: {code} is there twice; remove one")
            seen.add(code)
        for name, column in self.numbers.items():
            same_length(len(self.codes), **{name: column})
        for name, texts in self.words.items():
            same_length(len(self.codes), **{name: texts})

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[object]]) -> Universe:
        """From columns of cells as a table holds them; the column `code` is required.

        Raises
        ------
        InputError
            If there is no code column, a code is missing or twice, or columns differ in length.

        Examples
        --------
        >>> u = Universe.of({"code": ["A", 7203.0], "price": [10.0, None], "sector": ["IT", ""]})
        >>> u.codes, u.numbers["price"].tolist(), u.words["sector"]
        (('A', '7203'), [10.0, nan], ('IT', ''))
        """
        if "code" not in columns:
            raise InputError("universe: the column code is missing; give every row its code")
        numbers: dict[str, FloatArray] = {}
        words: dict[str, tuple[str, ...]] = {}
        for name, cells in columns.items():
            if name == "code":
                continue
            if all(cell is None or isinstance(cell, (int, float)) for cell in cells):
                numbers[name] = np.array([np.nan if c is None else c for c in cells], dtype=np.float64)
            else:
                words[name] = tuple("" if cell is None else _word(cell) for cell in cells)
        return cls(tuple(security_code(cell) for cell in columns["code"]), numbers, words)

    def number(self, name: str) -> FloatArray:
        """A numeric column, derived if it is a size that is not given.

        Raises
        ------
        MissingError
            If the column is not there and cannot be derived.
        """
        if name in self.numbers:
            return self.numbers[name]
        if name == "full_cap" and {"price", "shares"} <= set(self.numbers):
            value: FloatArray = self.numbers["price"] * self.numbers["shares"]
            return value * self.numbers["fx"] if "fx" in self.numbers else value
        if name == "float_cap":
            cap = self.number("full_cap")
            return cap * self.numbers["free_float"] if "free_float" in self.numbers else cap
        if name == "company" and name in self.words:
            return group_numbers(self.words[name], len(self), name).astype(np.float64)
        raise MissingError(
            f"universe: the column {name} is needed; it has {', '.join(self._names()) or 'none'}"
        )

    def word(self, name: str) -> tuple[str, ...]:
        """A text column.

        Raises
        ------
        MissingError
            If it is not there.
        """
        if name not in self.words:
            raise MissingError(
                f"universe: the column {name} is needed; it has {', '.join(self._names()) or 'none'}"
            )
        return self.words[name]

    def has(self, name: str) -> bool:
        """Whether `number` or `word` would find the column."""
        if name in self.numbers or name in self.words:
            return True
        if name == "float_cap":
            name = "full_cap"
        return name == "full_cap" and (name in self.numbers or {"price", "shares"} <= set(self.numbers))

    def cells(self, name: str) -> list[object]:
        """A column as a screen sees it: None where missing."""
        if name in self.words:
            return [word or None for word in self.words[name]]
        return [None if value != value else value for value in self.number(name).tolist()]

    def rows(self, keep: BoolArray) -> Universe:
        """Only the rows where `keep` is true."""
        places = np.flatnonzero(keep)
        return Universe(
            tuple(self.codes[p] for p in places),
            {name: column[places] for name, column in self.numbers.items()},
            {name: tuple(column[p] for p in places) for name, column in self.words.items()},
        )

    def with_number(self, name: str, column: FloatArray) -> Universe:
        """The same with a numeric column added or replaced."""
        return replace(self, numbers={**self.numbers, name: column})

    def _names(self) -> list[str]:
        return [*self.numbers, *self.words]


def _word(cell: object) -> str:
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell).strip()
