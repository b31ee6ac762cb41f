"""The command line: ``xlplugin COMMAND``. Every command works without Excel, offline.

Exit codes: 0 done; 1 findings, or some clients failed; 2 wrong usage; 3 data that cannot be used;
4 limits that cannot hold together; 5 something missing on this machine. A user's error is one
sentence, never a traceback. Commands import what they need when they run.
"""

from __future__ import annotations

import os

# One thread per process: our arrays are small, and workers inherit this before they import numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments of the process name."""
    from xlplugin.cli.app import run  # noqa: PLC0415  (after the environment is set)

    run()
