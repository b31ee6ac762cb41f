"""The sample files, and copies that a test may spoil."""

from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "workbooks" / "sample"


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of sample files."""
    return SAMPLE
