"""Notices are complete in both languages, and nothing we print uses a word that may not appear."""

from __future__ import annotations

import datetime as dt
from string import Formatter

import pytest

from xlplugin.errors import WordError
from xlplugin.tax import notices
from xlplugin.tax.notices import _data, forbidden_words, header, notice, notice_codes

CODES = [f"H{n:02}" for n in range(1, 6)]
CODES += [f"J{n:02}" for n in range(1, 17)]
CODES += [f"C{n:02}" for n in range(1, 9)]
CODES += [f"U{n:02}" for n in range(1, 13)]
FACTS = {
    "asof": "2026-11-24",
    "price_source": "JPX",
    "price_time": "15:30",
    "table_version": "2026-11-22",
    "unconfirmed_rows": "-",
    "accounts": "T1",
    "accounts_not_seen": "-",
    "adviser": "A",
    "registration": "1",
    "conflicts": "-",
}


def fields(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_code_of_the_specification_is_there_once():
    assert list(notice_codes()) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_notice_says_the_same_fields_in_both_languages_and_has_a_plain_form(code):
    entry = _data()["notice"][code]
    assert entry["ja"].strip()
    assert entry["en"].strip()
    assert fields(entry["ja"]) == fields(entry["en"])
    assert set(entry["regimes"]) <= set(notices.REGIMES)
    assert set(entry["topics"]) <= set(notices.TOPICS)
    assert entry["when"]
    has_plain = {language for language in ("ja", "en") if f"plain_{language}" in entry}
    needs_plain = bool(fields(entry["ja"])) and "header" not in entry["topics"]
    assert has_plain == ({"ja", "en"} if needs_plain else set())
    for language in has_plain:
        assert not fields(entry[f"plain_{language}"])


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("code", CODES)
def test_no_notice_uses_a_word_that_may_not_appear(code, language):
    entry = _data()["notice"][code]
    for text in (entry[language], entry.get(f"plain_{language}", "")):
        assert forbidden_words(text) == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("regime", notices.REGIMES)
def test_every_page_of_every_regime_has_notices_without_holes(regime, language):
    for topic in notices.TOPICS:
        found = notices.notices(regime, topic, language, facts=FACTS)
        assert found, (regime, topic)
        assert not any("{" in n.text for n in found)


def test_the_first_page_has_room_for_its_notices():
    for regime in notices.REGIMES:
        # The start page of the advisor workbook reserves six rows, the header of the spill included.
        assert len(notices.notices(regime, "general", "ja")) + 1 <= 6


def test_a_header_is_never_printed_with_a_hole():
    assert [n.code for n in header("jp.individual", "ja", FACTS)] == ["H01", "H02", "H03", "H04", "H05"]
    with pytest.raises(WordError, match="conflicts"):
        header("jp.individual", "ja", {k: v for k, v in FACTS.items() if k != "conflicts"})


def test_facts_fill_a_text_and_a_choice_is_worded():
    assert "300000 円から 150000 円" in notice("J03", "ja", {"gross_loss": 300000, "recognised_now": 150000})
    assert notice("J13", "en", {"included": True}).endswith("is included in this estimate.")
    assert "含んでいません" in notice("J13", "ja", {"included": False})


def test_conditions_known_to_be_false_drop_their_notice_but_never_one_that_always_applies():
    codes = {n.code for n in notices.notices("jp.individual", "harvest", "en", leave_out={"J09", "J01"})}
    assert "J09" not in codes
    assert "J01" in codes


def test_a_notice_with_a_start_is_not_printed_before_it():
    before = notices.notices("jp.individual", "tax", "en", day=dt.date(2024, 12, 31))
    assert "J13" not in {n.code for n in before}


@pytest.mark.parametrize(
    "bad",
    [
        "あなたの税額は 100,000 円です",
        "節税額を保証します。",
        "この銘柄は必ず上がります",
        "節税額 120,000 円",
        "Your tax is 1,200 dollars",
        "You had no wash sales",
        "Accounts are monitored daily",
        "We always scan all accounts",
        "Guaranteed savings",
        "Tax saved: 100",
    ],
)
def test_words_of_the_list_are_found(bad):
    assert forbidden_words(bad), bad


@pytest.mark.parametrize(
    "good",
    [
        "課税の繰延べ 120,000 円(試算)",
        "将来の成果を保証するものではありません。",
        "Tax deferred (estimate) 1,200",
        "Accounts are scanned weekly.",
        "This does not guarantee results.",
        "The wash-sale check covers the accounts listed.",
    ],
)
def test_what_may_be_said_is_left_alone(good):
    assert forbidden_words(good) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: notices.notices("jp", "tax", "ja"),
        lambda: notices.notices("jp.individual", "taxes", "ja"),
        lambda: notice("J01", "fr"),
        lambda: notice("Z99", "ja"),
    ],
)
def test_an_unknown_word_is_named_with_the_choices(call):
    with pytest.raises(WordError, match="use one of"):
        call()
