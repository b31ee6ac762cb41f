"""Options and fixtures that several test folders share."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
GOLDEN = Path(__file__).resolve().parent / "golden"


def pytest_addoption(parser):
    parser.addoption(
        "--vectors",
        default=str(GOLDEN),
        help="folder with golden vector files (JSON); default: the copies kept in tests/golden",
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market files, which may not be redistributed with the project."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real market files are not part of the project: shared/data is absent")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory):
    """Handles kept by tests never reach the tester's own data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLPLUGIN_DATA", str(tmp_path_factory.mktemp("data")))
        yield
