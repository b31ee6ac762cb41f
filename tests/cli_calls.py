"""The command line inside this process: the same parsing, printing and exit codes, without its start."""

import contextlib
import io
import json
import sys
from typing import Any
from unittest import mock

__all__ = ["answer", "called"]


def called(*words: object) -> tuple[int, str, str]:
    """Exit code, output and error output."""
    from xlplugin.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["xlplugin", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return code, out.getvalue(), err.getvalue()


def answer(*words: object, code: int = 0) -> Any:
    """What the command says to machines."""
    found, out, err = called(*words, "--json")
    assert found == code, err or out
    return json.loads(out)
