"""Arrays of one call fit each other: vectors of one length, scalars repeated, squares square.

Sums that must not depend on the order of the rows go through `math.fsum`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import InputError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from xlplugin.aliases import FloatArray

__all__ = ["broadcast", "exact_sum", "same_length", "square"]


def broadcast(**arrays: ArrayLike) -> tuple[FloatArray, ...]:
    """Scalars beside vectors of one length, as arrays of one common shape.

    Parameters
    ----------
    **arrays : float or array_like of shape (n,)
        By the name the user knows them under.

    Returns
    -------
    tuple of ndarray
        In the order given, all of shape (n,), or all of shape () if every one is a scalar.

    Raises
    ------
    ShapeError
        If two vectors have different lengths.

    Examples
    --------
    >>> cost, share = broadcast(cost=[0.001, 0.002], share=0.5)
    >>> share.tolist()
    [0.5, 0.5]
    """
    given = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    expected: tuple[int, ...] = ()
    for name, array in given.items():
        if array.ndim > 1:
            raise ShapeError(name, got=array.shape, expected=(array.size,))
        if array.ndim == 1 and array.shape != expected:
            if expected:
                raise ShapeError(name, got=array.shape, expected=expected)
            expected = array.shape
    return tuple(np.broadcast_to(array, expected) for array in given.values())


def same_length(**vectors: FloatArray) -> int:
    """The common length of the vectors.

    Raises
    ------
    ShapeError
        If one differs from the first, or is no vector.
    """
    length = -1
    for name, vector in vectors.items():
        if length < 0:
            length = vector.shape[0] if vector.ndim == 1 else vector.size
        if vector.shape != (length,):
            raise ShapeError(name, got=vector.shape, expected=(length,))
    return length


def square(name: str, matrix: FloatArray, n: int | None = None, *, tolerance: float = 1e-9) -> FloatArray:
    """`matrix` if it is square, symmetric and, where `n` is given, n by n.

    Raises
    ------
    ShapeError
        If it is not square or not n by n.
    InputError
        If it is not symmetric to `tolerance` of its largest entry; the sentence names a pair.
    """
    rows = matrix.shape[0]
    wanted = rows if n is None else n
    if matrix.ndim != 2 or matrix.shape != (wanted, wanted):
        raise ShapeError(name, got=matrix.shape, expected=(wanted, wanted))
    gap = np.abs(matrix - matrix.T)
    if gap.size and gap.max() > tolerance * max(float(np.abs(matrix).max()), np.finfo(np.float64).tiny):
        i, j = (int(place) for place in np.unravel_index(int(gap.argmax()), gap.shape))
        raise InputError(
            f"{name}: row {i + 1}, column {j + 1} holds {matrix[i, j]:.6g} but row {j + 1}, column {i + 1} "
            f"holds {matrix[j, i]:.6g}; expected a symmetric matrix, check the range"
        )
    return matrix


def exact_sum(values: Iterable[float]) -> float:
    """The correctly rounded sum, the same in every order of the values.

    Examples
    --------
    >>> exact_sum([0.1] * 10)
    1.0
    """
    return math.fsum(values)
