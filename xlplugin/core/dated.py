"""Values in force from a day to a day, each with its source; outside the range is an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from xlplugin.errors import NoTableError

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["Dated", "Row"]

T = TypeVar("T")


@dataclass(frozen=True)
class Row(Generic[T]):
    """One value, in force on every day from `valid_from` to `valid_to` (both inclusive)."""

    valid_from: dt.date
    valid_to: dt.date | None
    value: T
    source: tuple[str, ...]
    status: str = "enacted"
    confidence: str = "authority_text"

    @property
    def needs_banner(self) -> bool:
        """Whether a figure that uses this row must be shown with a warning beside it."""
        return self.status in {"outline_only", "memory", "to_publish"} or self.confidence == "memory"


class Dated(Generic[T]):
    """A table of rows that do not overlap, asked by day.

    Raises
    ------
    NoTableError
        From `at`, when no row covers the day: a neighbouring year is never used instead.

    Examples
    --------
    >>> import datetime as dt
    >>> rate = Dated("rate", [Row(dt.date(2014, 1, 1), dt.date(2026, 12, 31), 0.021, ("a law",))])
    >>> rate.at(dt.date(2026, 5, 1)).value
    0.021
    """

    def __init__(self, title: str, rows: list[Row[T]]) -> None:
        self.title = title
        self.rows = tuple(sorted(rows, key=lambda row: row.valid_from))
        for earlier, later in zip(self.rows, self.rows[1:], strict=False):
            if earlier.valid_to is None or earlier.valid_to >= later.valid_from:
                raise ValueError(f"{title}: rows overlap on {later.valid_from}")

    def at(self, day: dt.date) -> Row[T]:
        """The row in force on `day`."""
        for row in self.rows:
            if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return row
        known = (
            f"known from {self.rows[0].valid_from} to {self.rows[-1].valid_to or 'today'}"
            if self.rows
            else "no row is known"
        )
        raise NoTableError(f"{self.title}: no row for {day}; {known}. Add a dated row with its source")
