import tomllib
from importlib.resources import files

import pytest

from xlplugin.errors import ErrorValue, MissingError
from xlplugin.worksheet.calling import call
from xlplugin.worksheet.explain import REASON_CODES, explain, status_word
from xlplugin.worksheet.registry import load

TEXTS = tomllib.loads((files("xlplugin.worksheet") / "reasons.toml").read_text(encoding="utf-8"))


def test_every_code_has_a_sentence_in_both_languages():
    for group in TEXTS.values():
        for code, entry in group.items():
            assert entry["en"].endswith("."), code
            assert entry["ja"].endswith("。"), code


def test_the_wash_sale_codes_of_the_tax_rules_are_known():
    assert {"SAME_DAY_BUY", "WASH_TAXABLE", "WASH_IRA", "CROSS_TRADE", "SETTLES_NEXT_PERIOD"} <= REASON_CODES


@pytest.mark.parametrize("error", list(ErrorValue))
def test_every_error_a_cell_can_hold_is_explained(error):
    assert explain(error, "en")
    assert explain(error, "ja")


def test_a_japanese_status_word_is_explained_like_its_code():
    assert explain("縮小", "ja") == explain("REDUCED", "ja")
    assert status_word("REDUCED", "ja") == "縮小"


def test_several_codes_give_several_sentences():
    assert explain("NO_PRICE; RESTRICTED", "en").count(" / ") == 1


def test_an_unknown_word_is_missing_not_invented():
    with pytest.raises(MissingError, match="nothing is known about 'HELLO'"):
        explain("HELLO", "en")


def test_why_explains_an_error_cell_instead_of_passing_it_on():
    assert call(load()["WHY"], "#N/A", "en") == [[TEXTS["error"]["#N/A"]["en"]]]


def test_plugin_status_says_that_the_functions_are_loaded_and_which_version():
    from xlplugin import __version__

    assert call(load()["PLUGIN_STATUS"]) == [["READY", __version__]]
