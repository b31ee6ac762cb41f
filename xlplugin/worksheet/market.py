"""The port through which worksheet functions reach price history that is not in the book.

A host attaches a source (a folder of price files, a database); without one, the functions that
need it say so. What they return is a handle made from the content, so everything computed from it
is a pure function of cells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from xlplugin.errors import MissingError

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.aliases import FloatArray

__all__ = ["MarketSource", "PriceHistory", "attach", "history"]


class PriceHistory(NamedTuple):
    """Closing prices adjusted for splits and distributions.

    Attributes
    ----------
    dates : tuple of date
        Ascending.
    codes : tuple of str
        Security codes, one per column.
    prices : ndarray of shape (n_dates, n_codes)
        NaN where a price is missing.
    """

    dates: tuple[dt.date, ...]
    codes: tuple[str, ...]
    prices: FloatArray


class MarketSource(Protocol):
    """Something that knows the price history of the constituents of an index."""

    def history(self, index_id: str, start: dt.date, end: dt.date) -> PriceHistory:
        """Prices from `start` to `end`, both inclusive; MissingError when the index is unknown."""


_SOURCE: list[MarketSource] = []


def attach(source: MarketSource | None) -> None:
    """Use `source` from now on in this process (None: no source)."""
    _SOURCE[:] = [] if source is None else [source]


def history(index_id: str, start: dt.date, end: dt.date) -> PriceHistory:
    """Prices of the constituents of `index_id` from the attached source.

    Raises
    ------
    MissingError
        If no source is attached, the index is unknown, or the period holds no prices.
    """
    if not _SOURCE:
        raise MissingError(
            f"index_id: no price history of {index_id} is at hand; "
            "name the market folder in the job file, with calc --market, or in the settings"
        )
    found = _SOURCE[0].history(index_id, start, end)
    if not found.dates:
        raise MissingError(f"index_id: {index_id} has no prices from {start} to {end}")
    return found
