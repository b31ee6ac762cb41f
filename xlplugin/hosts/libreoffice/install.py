"""Installing and removing the add-in with LibreOffice's own tool, unopkg."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from xlplugin import __version__
from xlplugin.errors import HostError
from xlplugin.hosts.libreoffice.oxt import IDENTIFIER, build
from xlplugin.worksheet.registry import load

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_program", "install", "package_folders", "uninstall"]

_PLACES = (
    "/usr/bin",
    "/usr/lib/libreoffice/program",
    "/opt/libreoffice/program",
    "/Applications/LibreOffice.app/Contents/MacOS",
    r"C:\Program Files\LibreOffice\program",
)


def find_program(name: str) -> Path | None:
    """The path of LibreOffice's program `name` ("soffice", "unopkg"), or None."""
    if found := shutil.which(name):
        return Path(found)
    for place in _PLACES:
        for ending in ("", ".exe", ".com"):
            path = Path(place) / f"{name}{ending}"
            if path.is_file():
                return path
    return None


def package_folders() -> list[str]:
    """The folders in which LibreOffice's Python finds this installation and what it needs."""
    folders = []
    for package in ("udfs", "xlplugin", "numpy", "scipy", "pandas"):  # a firm's own functions first
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            folder = str(Path(spec.origin).parents[1])
            if folder not in folders:
                folders.append(folder)
    return folders


def install(*, profile: Path | None = None, run_as: Sequence[str] = ()) -> str:
    """Install the add-in for the user; what was done is given back in a sentence.

    Parameters
    ----------
    profile : Path, optional
        Another LibreOffice profile than the user's own.
    run_as : sequence of str
        A command put in front, for example to become another user.

    Raises
    ------
    HostError
        If LibreOffice is not found or refuses.
    """
    program = find_program("unopkg")
    if program is None:
        raise HostError("LibreOffice's unopkg is not found; install LibreOffice Calc, then run this again")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # another user may have to read it
        path = Path(folder) / "xlplugin.oxt"
        path.write_bytes(build(load(), version=__version__, packages=package_folders()))
        path.chmod(0o644)
        _run([*run_as, str(program), "add", "-f", *_profile(profile), str(path)])
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        f"{len(load())} worksheet functions installed for LibreOffice; restart it. "
        f"They run in LibreOffice's Python, which must be {version} like this one"
    )


def uninstall(*, profile: Path | None = None, run_as: Sequence[str] = ()) -> str:
    """Remove the add-in of the user.

    Raises
    ------
    HostError
        If LibreOffice is not found or the add-in was not installed.
    """
    program = find_program("unopkg")
    if program is None:
        raise HostError("LibreOffice's unopkg is not found; nothing to remove")
    _run([*run_as, str(program), "remove", *_profile(profile), IDENTIFIER])
    return "the add-in is removed from LibreOffice"


def _profile(profile: Path | None) -> list[str]:
    return [] if profile is None else [f"-env:UserInstallation={profile.as_uri()}"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        words = " ".join((done.stderr or done.stdout).split())[:300]
        raise HostError(f"LibreOffice's unopkg refused: {words}")
