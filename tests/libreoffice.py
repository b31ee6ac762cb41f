"""A real LibreOffice for tests that open what we wrote.

Every call uses its own profile, so that an open office window of the user is left alone.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.programs import program

__all__ = ["convert"]

SECONDS = 180


def convert(book: Path, target: str, folder: Path) -> Path:
    """`book` opened and stored in another format (xlsx, pdf, csv) in `folder`.

    Raises
    ------
    AssertionError
        If LibreOffice writes no file; with what it said.
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
                str(book),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    written = folder / f"{book.stem}.{target.partition(':')[0]}"
    assert written.exists(), f"LibreOffice wrote nothing: {done.stdout} {done.stderr}"
    return written
