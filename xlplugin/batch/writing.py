"""Files that are whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
from typing import TYPE_CHECKING

from xlplugin.errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["StorageError", "append", "digest", "leftovers", "made_folder", "part_of", "write_whole"]

_ENDING = ".part"
_HOST = "".join(c for c in platform.node() if c.isalnum() or c == "-") or "host"


class StorageError(FileError):
    """The disk is full or the folder may not be written: no client can go on."""


def digest(data: bytes) -> str:
    """The checksum of some bytes, as the manifest writes it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def made_folder(path: Path) -> Path:
    """The folder, made if it is not there.

    Raises
    ------
    StorageError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _storage(path, error) from None
    return path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file; on failure nothing of it is left and an older one is unchanged.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    made_folder(path.parent)
    part = part_of(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise _storage(path, error) from None


def append(path: Path, text: str) -> None:
    """Add lines to a text file.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise _storage(path, error) from None


def _storage(path: Path, error: OSError) -> StorageError:
    reasons = {
        errno.ENOSPC: "the disk is full; free some space and run the same command again",
        errno.EFBIG: "the disk takes no more; raise the limit on file sizes and run the same command again",
        errno.EDQUOT: "the quota is used up; free some space and run the same command again",
        errno.EACCES: "the folder may not be written; choose another or change its rights",
        errno.EPERM: "the folder may not be written; choose another or change its rights",
        errno.EROFS: "the file system is read-only; choose another folder",
        errno.ENOTDIR: "a file stands where a folder is needed; choose another folder",
        errno.EEXIST: "a file stands where a folder is needed; choose another folder",
    }
    reason = reasons.get(error.errno or 0, f"{error.strerror}; mend that and run the same command again")
    return StorageError(f"{path}: cannot be written: {reason}")


def part_of(path: Path) -> Path:
    """The temporary name beside a file; it says which process on which machine is writing."""
    return path.with_name(f".{path.name}.{_HOST}.{os.getpid()}{_ENDING}")


def leftovers(folder: Path) -> list[Path]:
    """Temporary files of interrupted runs: of processes of this machine that are no more."""
    found = []
    for path in folder.rglob(f".*{_ENDING}"):
        host, _, process = path.name.removesuffix(_ENDING).rpartition(".")
        if host.endswith(f".{_HOST}") and process.isdigit() and not _lives(int(process)):
            found.append(path)
    return sorted(found)


def _lives(process: int) -> bool:
    if os.name == "nt":  # signal 0 means something else there
        return process == os.getpid()  # the folder is this run's own
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives and belongs to somebody else
        return True
    return True
