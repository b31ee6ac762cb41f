import pytest

from xlplugin.core.accounts import AccountKind
from xlplugin.errors import WordError


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("JP_TOKUTEI_WH", AccountKind.JP_TOKUTEI_WH),
        ("特定", AccountKind.JP_TOKUTEI_WH),
        ("特定（源泉なし）", AccountKind.JP_TOKUTEI_NO_WH),
        ("一般口座", AccountKind.JP_IPPAN),
        ("ＮＩＳＡ", AccountKind.JP_NISA),
        ("つみたて投資枠", AccountKind.JP_NISA),
        ("ideco", AccountKind.JP_IDECO),
        ("法人", AccountKind.JP_CORP),
        ("Taxable", AccountKind.US_TAXABLE),
        ("401(K)", AccountKind.US_401K),
    ],
)
def test_the_words_people_write_name_the_kind(word, kind):
    assert AccountKind.of(word) is kind


def test_an_unknown_word_is_refused_and_the_kinds_are_listed():
    with pytest.raises(WordError, match="'jp' is not known; use one of JP_IPPAN"):
        AccountKind.of("jp")


def test_every_kind_says_its_regime_currency_and_market():
    assert {k.facts.regime for k in AccountKind} == {"jp.individual", "jp.corporate", "us.taxable"}
    assert all((k.facts.currency == "JPY") == k.is_japanese for k in AccountKind)
