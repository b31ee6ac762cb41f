"""Handles on disk, so that a workbook finds its risk model again after it was closed.

One file per handle, written under a temporary name and then renamed. The file's name is made of the
content, so a file is never changed, and one that does not hold what its name says is ignored.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.worksheet.handles import Kept

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HandleFolder"]


class HandleFolder:
    """A `worksheet.handles.Store` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, handle: str) -> Path:
        return self.folder / f"{handle.replace(':', '-')}.npz"

    def put(self, handle: str, content: Kept) -> None:
        """Write the content, unless it is there; a folder that cannot be written is passed over."""
        path = self._path(handle)
        try:
            if path.is_file():  # a folder of another user refuses to tell
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            arrays: dict[str, Any] = dict(content.arrays)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as out:
                np.savez_compressed(out, **arrays)
            os.replace(out.name, path)  # noqa: PTH105  (the temporary file has only a name)
        except OSError:
            return  # memory still holds it; only closing the program loses it

    def get(self, handle: str) -> Kept | None:
        """What the file holds, if it holds what its name says."""
        try:
            with np.load(self._path(handle), allow_pickle=False) as stored:
                content = Kept(handle.split(":")[1], {name: stored[name] for name in stored.files})
        except (OSError, ValueError, zipfile.BadZipFile, EOFError):
            return None
        return content if content.handle() == handle else None
