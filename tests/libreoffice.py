"""A real LibreOffice for tests that open what we wrote.

Every call uses its own profile, so that an open office window of the user is left alone.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["convert", "convert_all"]

SECONDS = 180


def convert(book: Path, target: str, folder: Path) -> Path:
    """`book` opened and stored in another format (xlsx, pdf, csv) in `folder`.

    Raises
    ------
    AssertionError
        If LibreOffice writes no file; with what it said.
    """
    return convert_all([book], target, folder)[0]


def convert_all(books: Sequence[Path], target: str, folder: Path) -> list[Path]:
    """Several books in one start of LibreOffice, which takes longer than a book does.

    The books need names that differ before the last dot.

    Raises
    ------
    AssertionError
        If LibreOffice leaves out a file; with what it said.
    """
    office = program("soffice", "libreoffice", package="libreoffice-calc")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xlplugin-office-") as profile:
        done = subprocess.run(
            [
                office,
                "--headless",
                "--norestore",
                f"-env:UserInstallation={Path(profile).as_uri()}",
                "--convert-to",
                target,
                "--outdir",
                str(folder),
                *map(str, books),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    written = [folder / f"{book.stem}.{target.partition(':')[0]}" for book in books]
    missing = [path.name for path in written if not path.exists()]
    assert not missing, f"LibreOffice did not write {missing}: {done.stdout} {done.stderr}"
    return written
