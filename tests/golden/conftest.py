"""Turns every vector of the folder given by --vectors into one test."""

from pathlib import Path

from tests.golden.vectors import read


def pytest_generate_tests(metafunc):
    if "golden_case" in metafunc.fixturenames:
        schema = metafunc.function.schema
        cases = [c for c in read(Path(metafunc.config.getoption("--vectors"))) if c.schema == schema]
        metafunc.parametrize("golden_case", cases, ids=[case.vector["id"] for case in cases])
