"""Finished workbooks that several tests open."""

from pathlib import Path

import pytest

from tests.workbooks.finished import small_books, whole_books


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> dict[str, Path]:
    """Books that take a second to make."""
    return small_books(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> dict[str, Path]:
    """Proposals, adviser's books in every edition, and a summary, of two sample clients."""
    return whole_books(tmp_path_factory.mktemp("whole"))
