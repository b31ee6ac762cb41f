"""One formula in the spelling of each host; and nothing of the paid part of xlwings."""

import ast
from pathlib import Path

import pytest

from tests.cli_calls import called

REPOSITORY = Path(__file__).resolve().parents[2]
SPELLED = {
    "excel": '=IF(A1="HARVEST(x)",INDEX_WEIGHTS(A1:C9,,2),HARVEST(a,b))',
    "office-add-in": '=IF(A1="HARVEST(x)",DI.INDEX_WEIGHTS(A1:C9,,2),DI.HARVEST(a,b))',
    "office-add-in-file": '=IF(A1="HARVEST(x)",_xldudf_DI_INDEX_WEIGHTS(A1:C9,,2),_xldudf_DI_HARVEST(a,b))',
    "libreoffice-file": (
        '=IF(A1="HARVEST(x)",ORG.XLPLUGIN.ADDIN.INDEXWEIGHTS(A1:C9,,2),ORG.XLPLUGIN.ADDIN.HARVEST(a,b))'
    ),
}


@pytest.mark.parametrize("start", SPELLED)
@pytest.mark.parametrize("host", SPELLED)
def test_a_formula_goes_from_every_spelling_to_every_other_and_texts_stay(start, host):
    code, out, err = called("functions", "spell", SPELLED[start], "--host", host)
    assert (code, err) == (0, "")
    assert out.strip() == SPELLED[host]


def test_a_host_that_is_none_is_said_with_those_there_are():
    code, out, err = called("functions", "spell", "=WHY(A1)", "--host", "lotus", "--lang", "en")
    assert (code, out) == (3, "")
    assert "'lotus' is not known; use one of excel, office-add-in" in err


def imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_only_the_host_excel_knows_xlwings_and_nothing_knows_its_paid_part():
    files = [
        p
        for folder in ("xlplugin", "udfs", "workbooks", "tests")
        for p in (REPOSITORY / folder).rglob("*.py")
    ]
    assert len(files) > 300
    for path in files:
        named = {name for name in imports(path) if name.split(".")[0] == "xlwings"}
        assert not {n for n in named if n.startswith(("xlwings.pro", "xlwings.server", "xlwings.reports"))}, (
            path
        )
        inside = path.relative_to(REPOSITORY).as_posix()
        assert not named or inside.startswith(("xlplugin/hosts/excel/", "tests/hosts/")), path
