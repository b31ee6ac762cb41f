"""What a weighting scheme is, and the catalogue of those that lie in `schemes/`.

A scheme turns columns of numbers, one row per security, into weights that sum to one. It says
which columns it needs and which it may read besides; it reads no other, changes nothing, and does
not depend on the order of the rows. Companies and groups arrive as whole numbers.

Column names: price, shares, free_float, cap_factor, fx, company, score, weight, volatility, sales,
cash_flow, book_value, dividends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from xlplugin.core.catalogue import Catalogue
from xlplugin.errors import MissingError, ShapeError
from xlplugin.index.arrays import check_amounts

if TYPE_CHECKING:
    from xlplugin.aliases import FloatArray
    from xlplugin.index.words import Words

__all__ = ["SCHEMES", "Columns", "Scheme", "index_weights", "product"]

Columns = Mapping[str, "FloatArray"]


class Scheme(Protocol):
    """One way to weight an index."""

    @property
    def name(self) -> str:
        """The word by which users ask for it, in capitals."""

    @property
    def formula(self) -> Words:
        """What the weight is proportional to, in one line."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns without which there is no weight."""

    @property
    def may_read(self) -> tuple[str, ...]:
        """Further columns that are read when they are there."""

    def weights(self, columns: Columns) -> FloatArray:
        """Weights that sum to one, one per row."""


_NEVER_NEGATIVE = frozenset({"price", "shares", "free_float", "cap_factor", "fx"})

SCHEMES: Catalogue[Scheme] = Catalogue("xlplugin.index.schemes", "SCHEME")


def product(columns: Columns, *names: str) -> FloatArray:
    """The columns that are there, multiplied row by row."""
    there = [columns[name] for name in names if name in columns]
    result = np.array(there[0], dtype=np.float64)
    for column in there[1:]:
        result = result * column
    return result


def index_weights(scheme: Scheme, columns: Columns) -> FloatArray:
    """Weights of an index by one scheme.

    Parameters
    ----------
    scheme : Scheme
        From `SCHEMES`.
    columns : mapping of str to ndarray of shape (n_securities,)
        Only those that the scheme names are handed on.

    Returns
    -------
    ndarray of shape (n_securities,)
        Fractions of the index, in the order of the rows; they sum to one.

    Raises
    ------
    MissingError
        If a column that the scheme needs is not there, or holds a missing value.
    ShapeError
        If the columns are not of one length.
    DomainError
        If an item is negative or the total is not above zero.

    Examples
    --------
    >>> index_weights(SCHEMES["PRICE"], {"price": np.array([30.0, 10.0])}).tolist()
    [0.75, 0.25]
    """
    read = {name: columns[name] for name in (*scheme.needs, *scheme.may_read) if name in columns}
    for name in scheme.needs:
        if name not in read:
            raise MissingError(f"{name}: {scheme.name} needs it for every security; give one value per row")
    length = len(read[scheme.needs[0]])
    for name, column in read.items():
        if column.shape != (length,):
            raise ShapeError(name, got=column.shape, expected=(length,))
        if name in _NEVER_NEGATIVE:
            check_amounts(name, column)
    return scheme.weights(read)
