"""A real LibreOffice for tests that open what we wrote.

Without it a test is skipped with the reason; where `XLPLUGIN_CI` is set it fails instead. Every call
uses its own profile, so that an open office window of the user is left alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

__all__ = ["convert", "soffice"]

SECONDS = 180


def soffice() -> str:
    """Path of the program; the calling test skips, or fails in CI, where there is none."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is not None:
        return found
    reason = "LibreOffice (soffice) is not on PATH; install libreoffice-calc to run this test"
    if os.environ.get("XLPLUGIN_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def convert(book: Path, target: str, folder: Path) -> Path:
    """`book` opened and stored in another format (xlsx, pdf, csv) in `folder`.

    Raises
    ------
    AssertionError
        If LibreOffice writes no file; with what it said.
    """
    program = soffice()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xlplugin-office-") as profile:
        done = subprocess.run(
            [
                program,
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
