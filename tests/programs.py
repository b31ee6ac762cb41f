"""Programs that tests drive for real, and the one rule for a machine that lacks one.

A user's machine need not have them: the test skips and says what to install. The gate installs them
and sets `XLPLUGIN_CI`: there a missing one fails the test, so that nothing is left out unseen.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

__all__ = ["absent", "program"]


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
