"""Samples, and templates made ready with the installed worksheet functions."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of sample files."""
    return Path(__file__).resolve().parents[2] / "workbooks" / "sample"
