"""What fails silently when forgotten: held here over the whole tree."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import absent, program
from xlplugin import __version__
from xlplugin.worksheet.registry import load

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT_SUFFIXES = {
    ".py",
    ".toml",
    ".md",
    ".txt",
    ".yaml",
    ".cfg",
    ".json",
    ".csv",
    ".bas",
    ".js",
    ".html",
    ".xml",
}


def tracked() -> list[Path]:
    listing = subprocess.run(
        [program("git", package="git"), "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        absent("git does not list the files here; run this test in a git checkout")
    return [
        REPOSITORY / name for name in listing.stdout.split("\0") if name and (REPOSITORY / name).is_file()
    ]


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; import json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_registering_all_functions_loads_numpy_and_nothing_heavier():
    loaded = modules_after("from xlplugin.worksheet.registry import load; load()")
    heavy = {
        "pandas",
        "scipy",
        "cvxpy",
        "xlwings",
        "openpyxl",
        "xlsxwriter",
        "lxml",
        "exchange_calendars",
        "formualizer",
        "clarabel",
        "highspy",
        "typer",
        "rich",
        "sqlalchemy",
        "pyarrow",
    }
    assert "numpy" in loaded
    assert not heavy & loaded


def test_no_module_of_ours_needs_the_paid_part_of_xlwings():
    paid = re.compile(
        r"^\s*(import|from) xlwings\.(pro|server)|^\s*from xlwings import .*\b(pro|server)\b", re.M
    )
    ours = ("xlplugin", "udfs", "workbooks")
    sources = [p for p in tracked() if p.suffix == ".py" and p.relative_to(REPOSITORY).parts[0] in ours]
    found = [p.name for p in sources if paid.search(p.read_text(encoding="utf-8"))]
    assert not found


def test_the_version_is_the_top_entry_of_the_changelog():
    entries = re.findall(
        r"^## \[(\d[^\]]*)\]", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.M
    )
    assert entries[0] == __version__


def test_versions_are_pinned_by_name_and_number_only():
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").split()
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9_.\-]+==[A-Za-z0-9.+]+", line) for line in lines)


def test_nothing_but_the_agreed_names_stands_on_the_top_level():
    allowed = {
        "pyproject.toml",
        "README.md",
        "xlplugin",
        "udfs",
        "workbooks",
        "tests",
        "CHANGELOG.md",
        "LICENSE",
        "CONTRIBUTING.md",
        "constraints.txt",
        ".ci",
        ".pre-commit-config.yaml",
        ".gitignore",
        ".gitattributes",
    }
    assert {p.relative_to(REPOSITORY).parts[0] for p in tracked()} <= allowed


def test_no_file_is_larger_than_a_reader_or_a_clone_should_bear():
    large = [p.name for p in tracked() if p.stat().st_size > 1_500_000]
    assert not large


def test_every_package_of_the_domain_states_its_rules_in_a_specification():
    for package in ("core", "index", "tax", "risk", "cost", "workbook"):
        assert (REPOSITORY / "xlplugin" / package / "SPEC.md").is_file(), package


@pytest.mark.parametrize("package", ["core", "index", "tax", "risk", "cost"])
def test_every_test_that_a_specification_names_exists(package):
    text = (REPOSITORY / "xlplugin" / package / "SPEC.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_[a-z0-9_]{12,})`", text))
    written = "\n".join(p.read_text(encoding="utf-8") for p in (REPOSITORY / "tests").rglob("test_*.py"))
    missing = {name for name in named if f"def {name}" not in written and f"{name}.py" not in written}
    missing -= {p.stem for p in (REPOSITORY / "tests").rglob("test_*.py")}
    assert not missing


def test_broad_excepts_live_in_hosts_and_in_the_isolation_of_batch_clients_only():
    offenders = [
        str(p.relative_to(REPOSITORY))
        for p in tracked()
        if p.suffix == ".py"
        and p.is_relative_to(REPOSITORY / "xlplugin")
        and not p.is_relative_to(REPOSITORY / "xlplugin" / "hosts")
        and p != REPOSITORY / "xlplugin" / "batch" / "isolation.py"  # one client is a row, whatever fails
        and re.search(r"except Exception\b|except:", p.read_text(encoding="utf-8"))
    ]
    assert not offenders


def test_no_float_enters_the_tax_rules():
    offenders = [
        f"{p.relative_to(REPOSITORY)}: {line.strip()}"
        for p in (REPOSITORY / "xlplugin" / "tax").rglob("*.py")
        if p.name != "screen.py"  # the vectorised screen of candidates, checked against the exact ledger
        for line in p.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bfloat\(|: float\b|-> float\b", line.split("#")[0])
    ]
    assert not offenders


def test_every_function_of_the_catalogue_file_is_called_by_a_golden_vector_or_a_test():
    vectors = json.loads((REPOSITORY / "tests" / "golden" / "methodology.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    called = {v["function"] for v in vectors}
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (REPOSITORY / "tests").rglob("*.py"))
    untested = [f.name for f in load() if f.name not in called and f.name not in tests]
    assert not untested
