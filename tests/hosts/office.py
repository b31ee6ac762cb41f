"""A real LibreOffice for tests: its own user, its own profile, never the tester's.

LibreOffice's tool for extensions refuses to work for root, so a root tester becomes nobody.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.programs import program


def require_libreoffice() -> None:
    """Skip where LibreOffice or its tool for extensions is absent; fail in the gate."""
    for name in ("soffice", "unopkg"):
        program(name, package="libreoffice-calc and python3-uno")


class Office:
    """One LibreOffice profile in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.run_as: tuple[str, ...] = ()
        if os.geteuid() == 0:
            for path in (folder, *folder.parents):
                if path.stat().st_uid == 0 and path != Path(path.anchor) and not path.stat().st_mode & 0o005:
                    path.chmod(path.stat().st_mode | 0o755)
            os.chown(folder, 65534, 65534)
            self.run_as = (
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "env",
                f"HOME={folder}",
            )

    @property
    def profile(self) -> Path:
        return self.folder / "profile"

    def convert(self, path: Path, to: str) -> Path:
        """Open `path` (recalculating what it must) and save it in the format `to` in our folder."""
        copied = self.folder / path.name
        if copied != path:
            shutil.copyfile(path, copied)
        copied.chmod(0o644)
        out = self.folder / "out"
        command = [
            *self.run_as,
            "soffice",
            "--headless",
            "--norestore",
            "--nologo",
            f"-env:UserInstallation={self.profile.as_uri()}",
            "--convert-to",
            to,
            "--outdir",
            str(out),
            str(copied),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
        result = out / f"{path.stem}.{to.split(':')[0]}"
        assert result.is_file(), f"LibreOffice wrote nothing: {done.stdout} {done.stderr}"
        return result
