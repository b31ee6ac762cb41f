"""A kind of market file: how it is recognised and what is read from it.

Dropping a module with a `FORMAT` into `xlplugin/store/formats` adds a kind; `read` then knows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from xlplugin.core.catalogue import Catalogue
from xlplugin.store.cells import Wanted
from xlplugin.store.files import ENCODINGS, EXCEL_SUFFIXES, open_grid

if TYPE_CHECKING:
    from pathlib import Path

    from xlplugin.store.grids import Grid

__all__ = ["FORMATS", "Format", "read"]

T_co = TypeVar("T_co", covariant=True)


class Format(ABC, Generic[T_co]):
    """One kind of market file."""

    name: str
    title: Wanted
    encodings: tuple[str, ...] = ENCODINGS

    @abstractmethod
    def recognises(self, grid: Grid) -> bool:
        """Whether the header is the one of this kind."""

    @abstractmethod
    def read(self, grid: Grid) -> T_co:
        """What the file says; raises `FileError` with the place of the first fault."""

    def read_file(self, path: Path) -> T_co:
        """What the file at `path` says."""
        return self.read(open_grid(path, encodings=self.encodings))


FORMATS: Catalogue[Format[Any]] = Catalogue("xlplugin.store.formats", "FORMAT")


def read(path: Path, *, sheet: str | None = None) -> tuple[Format[Any], Any]:
    """Recognise a market file by its header and read it.

    Returns
    -------
    tuple of (Format, object)
        The kind, and what it read.

    Raises
    ------
    FileError
        If no kind recognises the file, or the one that does cannot read it.
    """
    grid = open_grid(path, sheet=sheet, first=2)
    for kind in FORMATS:
        if kind.recognises(grid):
            # A workbook is read already; a text file may need the encodings of its kind.
            return kind, kind.read(grid) if path.suffix.lower() in EXCEL_SUFFIXES else kind.read_file(path)
    titles = Wanted(
        "a known kind of file: " + ", ".join(k.title.en for k in FORMATS),
        "次のいずれかのファイル: " + "、".join(k.title.ja for k in FORMATS),
    )
    first = ", ".join(str(c) for c in (grid.rows[0] if grid.rows else []) if c is not None)
    raise grid.fail(None, "", titles, first[:60] or "an empty file")
