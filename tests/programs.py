"""Programs that tests drive for real, and the one rule for a machine that lacks one.

A user's machine need not have them: the test skips and says what to install. The gate installs them
and sets `XLPLUGIN_CI`: there a missing one fails the test, so that nothing is left out unseen.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["absent", "node_package", "program"]


def absent(reason: str) -> NoReturn:
    """Skip the calling test for `reason`; fail it in the gate."""
    if os.environ.get("XLPLUGIN_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str, package: str) -> str:
    """Path of the first of `names` on PATH; without one the calling test skips, or fails in the gate."""
    for name in names:
        if found := shutil.which(name):
            return found
    absent(f"not on PATH: {' or '.join(names)}; install {package} to run this test")


def node_package(name: str) -> Path:
    """Folder of an npm package; without it the calling test skips, or fails in the gate.

    Looked for in the folder that `XLPLUGIN_NODE_MODULES` names, else in `node_modules` of the checkout.
    """
    default = Path(__file__).resolve().parents[1] / "node_modules"
    folder = Path(os.environ.get("XLPLUGIN_NODE_MODULES", default)) / name
    if not folder.is_dir():
        absent(f"the npm package {name} is absent; `npm install {name}` in the checkout to run this test")
    return folder
