"""A folder of price files as the market source of worksheet functions.

The history of the index TOPIX is the file ``TOPIX.parquet`` or ``TOPIX.csv`` in the folder: one row
per day, one column per security.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import FileError, MissingError
from xlplugin.hosts.kept import HandleFolder
from xlplugin.store.formats.prices import PriceHistory as StoredHistory
from xlplugin.store.formats.prices import Prices
from xlplugin.worksheet import handles, market

if TYPE_CHECKING:
    import datetime as dt

__all__ = ["MarketFolder", "connect", "data_folder"]

_ENDINGS = (".parquet", ".csv", ".xlsx")


class MarketFolder:
    """A `worksheet.market.MarketSource` in a folder."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileError(f"{folder}: there is no such folder of prices; check XLPLUGIN_MARKET")
        self.folder = folder

    def history(self, index_id: str, start: dt.date, end: dt.date) -> market.PriceHistory:
        """Prices from `start` to `end`.

        Raises
        ------
        MissingError
            If the folder has no file of that name.
        """
        path = self._file(index_id)
        found = _read(path, path.stat().st_mtime_ns)
        rows = np.array([start <= day <= end for day in found.dates], dtype=bool)
        dates = tuple(day for day, keep in zip(found.dates, rows, strict=True) if keep)
        return market.PriceHistory(dates, found.codes, found.values[rows])

    def _file(self, index_id: str) -> Path:
        names = {path.name.lower(): path for path in self.folder.iterdir()}
        for ending in _ENDINGS:
            if path := names.get(f"{index_id}{ending}".lower()):
                return path
        known = sorted({path.stem for path in self.folder.iterdir() if path.suffix in _ENDINGS})
        raise MissingError(
            f"index_id: {self.folder} has no prices of {index_id}; it has {', '.join(known) or 'none'}"
        )


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> StoredHistory:
    return Prices().read_file(path)


def data_folder() -> Path:
    """Where this user's files of xlplugin lie: XLPLUGIN_DATA, or the place of the operating system."""
    if given := os.environ.get("XLPLUGIN_DATA"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "xlplugin"
    return Path(os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "xlplugin"


@lru_cache(maxsize=1)
def connect() -> None:
    """Attach, once per process, this user's kept handles and the folder XLPLUGIN_MARKET if it is set."""
    handles.attach(HandleFolder(data_folder() / "handles"))
    if folder := os.environ.get("XLPLUGIN_MARKET"):
        market.attach(MarketFolder(Path(folder)))
