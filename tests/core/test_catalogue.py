import sys

import pytest

from xlplugin.core.catalogue import Catalogue
from xlplugin.errors import WordError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    package = tmp_path / "plugs"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name in ("beta", "alpha"):
        (package / f"{name}.py").write_text(f"class P:\n    name = {name!r}\n\nPLUG = P()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for module in [m for m in sys.modules if m == "plugs" or m.startswith("plugs.")]:
        del sys.modules[module]


def test_a_file_in_the_folder_is_a_plug_in(folder):
    assert Catalogue("plugs", "PLUG").names == ("alpha", "beta")


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(folder):
    with pytest.raises(WordError, match="'gamma' is not known; use one of alpha, beta"):
        Catalogue("plugs", "PLUG")["gamma"]


def test_two_plug_ins_of_one_name_are_refused(folder):
    (folder / "copy.py").write_text("class P:\n    name = 'beta'\n\nPLUG = P()\n")
    with pytest.raises(ValueError, match="two plug-ins in plugs are called beta"):
        _ = Catalogue("plugs", "PLUG").names
