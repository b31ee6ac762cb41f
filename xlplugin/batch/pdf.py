"""Pages as PDF, printed by a real LibreOffice with a profile of its own per process."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

from xlplugin.batch.writing import write_whole
from xlplugin.errors import HostError

__all__ = ["office_program", "to_pdf"]


def office_program() -> str:
    """The LibreOffice of this machine.

    Raises
    ------
    HostError
        If there is none.
    """
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        raise HostError("LibreOffice is not found; install it (Debian: libreoffice-calc) or leave out pdf")
    return found


@lru_cache(maxsize=1)
def _profile(process: int) -> Path:
    made = Path(tempfile.mkdtemp(prefix=f"xlplugin-office-{process}-"))
    Finalize(None, shutil.rmtree, args=(made, True), exitpriority=1)  # in workers, atexit does not run
    return made


def to_pdf(book: Path) -> Path:
    """Print a workbook into a PDF file beside it.

    Raises
    ------
    HostError
        If LibreOffice is missing or refuses.
    """
    profile = _profile(os.getpid()).as_uri()
    with tempfile.TemporaryDirectory() as folder:
        command = [office_program(), "--headless", "--norestore", f"-env:UserInstallation={profile}"]
        command += ["--convert-to", "pdf", "--outdir", folder, str(book)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        page = Path(folder) / f"{book.stem}.pdf"
        if done.returncode or not page.is_file():
            raise HostError(
                f"LibreOffice did not print {book.name}: {(done.stderr or done.stdout).strip()[:200]}"
            )
        target = book.with_suffix(".pdf")
        write_whole(target, page.read_bytes())
    return target
