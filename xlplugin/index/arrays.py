"""Sums and groups that give the same number whatever the order of the rows.

Two people must get the same index from the same list sorted differently, so sums here are exact
(`math.fsum`) and groups are added in the order of their values, not of their rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import DomainError, EmptyBaseError, InputError, MissingError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import BoolArray, FloatArray, IntArray

__all__ = [
    "aligned",
    "check_amounts",
    "descending",
    "exact_sum",
    "filled",
    "group_numbers",
    "group_sums",
    "normalised",
    "positive",
    "same_length",
    "sector_numbers",
]


def exact_sum(values: FloatArray) -> float:
    """The sum, rounded once: it does not depend on the order of the values."""
    return math.fsum(values.tolist())


def same_length(length: int, **arrays: FloatArray | BoolArray | IntArray | Sequence[object] | None) -> None:
    """Refuse a named vector whose length is not `length`; None and single values pass.

    Raises
    ------
    ShapeError
        With the name of the first vector that does not fit.
    """
    for name, array in arrays.items():
        if array is None or (isinstance(array, np.ndarray) and array.ndim == 0):
            continue
        if len(array) != length:
            raise ShapeError(name, got=(len(array),), expected=(length,))


def aligned(**values: FloatArray | float) -> list[FloatArray]:
    """Named single values and vectors as arrays; the vectors are of one length.

    Raises
    ------
    ShapeError
        If two vectors differ in length.
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    vectors = [array for array in arrays.values() if array.ndim]
    if vectors:
        same_length(len(vectors[0]), **arrays)
    return list(arrays.values())


def filled(name: str, value: FloatArray | float | None, length: int, default: float) -> FloatArray:
    """A vector of `length`: the one given, one value repeated, or the default.

    Raises
    ------
    ShapeError
        If a vector of another length is given.
    """
    array = np.asarray(default if value is None else value, dtype=np.float64)
    if array.ndim == 0 or (array.shape == (1,) and length != 1):
        return np.full(length, float(array.reshape(-1)[0]))
    same_length(length, **{name: array})
    return array


def check_amounts(name: str, values: FloatArray) -> None:
    """Refuse a missing, negative or infinite amount.

    Raises
    ------
    MissingError
        A value is missing (NaN).
    DomainError
        A value is negative or not finite.
    """
    if not values.size:
        return
    low = values.min()  # NaN if one is missing
    if low >= 0.0 and values.max() < np.inf:
        return
    if np.isnan(low):
        row = int(np.flatnonzero(np.isnan(values))[0]) + 1
        raise MissingError(f"{name}: row {row} is missing; a missing value is not zero, enter it")
    row = int(np.flatnonzero((values < 0.0) | np.isinf(values))[0])
    raise DomainError(f"{name}: row {row + 1} is {values[row]:g}; expected zero or more")


def normalised(name: str, values: FloatArray) -> FloatArray:
    """The values divided by their sum.

    Raises
    ------
    MissingError
        A value is missing (NaN).
    DomainError
        A value is negative or not finite, or the total is not above zero.

    Examples
    --------
    >>> normalised("weights", np.array([2.0, 6.0])).tolist()
    [0.25, 0.75]
    """
    check_amounts(name, values)
    total = exact_sum(values)
    if not total > 0.0:
        raise DomainError(f"{name}: the total is {total:g}; at least one value must be above zero")
    return values / total


def descending(values: FloatArray) -> IntArray:
    """Row numbers from the largest value to the smallest; equal values keep their row order."""
    order: IntArray = np.argsort(-values, kind="stable")
    return order


def group_numbers(labels: Sequence[str] | None, length: int, name: str = "group") -> IntArray:
    """A number per row, equal for rows with one label; a blank label is a row of its own.

    Raises
    ------
    ShapeError
        If there is not one label per row.
    """
    if labels is None:
        return np.arange(length, dtype=np.int64)
    same_length(length, **{name: labels})
    number: dict[str, int] = {}
    rows = [number.setdefault(label, len(number)) if label else -1 for label in labels]
    blank = len(number)
    for row, value in enumerate(rows):
        if value < 0:
            rows[row] = blank
            blank += 1
    return np.array(rows, dtype=np.int64)


def sector_numbers(labels: Sequence[str], length: int, name: str = "group") -> tuple[IntArray, list[str]]:
    """A number per row and the labels in order of appearance; every row must have a label.

    Raises
    ------
    ShapeError
        If there is not one label per row.
    MissingError
        If a label is blank: a name without a sector cannot be kept sector neutral.
    """
    same_length(length, **{name: labels})
    number: dict[str, int] = {}
    for row, label in enumerate(labels):
        if not label:
            raise MissingError(f"{name}: row {row + 1} is blank; give every name its {name}")
        number.setdefault(label, len(number))
    return np.array([number[label] for label in labels], dtype=np.int64), list(number)


def group_sums(groups: IntArray, values: FloatArray) -> FloatArray:
    """The sum of each group, added in ascending order of the values.

    Raises
    ------
    InputError
        If there is no row.

    Examples
    --------
    >>> group_sums(np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0])).tolist()
    [4.0, 2.0]
    """
    if not groups.size:
        raise InputError("no rows were given; give at least one")
    count = int(groups.max()) + 1
    if count == len(groups):  # every row its own group
        sums = np.empty(count)
        sums[groups] = values
        return sums
    order = np.lexsort((values, groups))
    starts = np.searchsorted(groups[order], np.arange(count))
    total: FloatArray = np.add.reduceat(values[order], starts)
    return total


def positive(name: str, value: float) -> float:
    """The value, if it is above zero.

    Raises
    ------
    EmptyBaseError
        If it is zero.
    DomainError
        If it is negative.
    """
    if value == 0.0:
        raise EmptyBaseError(f"{name}: it is zero; nothing can be divided by it")
    if value < 0.0:
        raise DomainError(f"{name}: it is {value:g}; expected a number above zero")
    return value
