"""What every rule card promises; a card is tested here by being there."""

import datetime as dt
import shutil
from importlib import resources

import numpy as np
import pytest

from xlplugin.errors import InputError, NoTableError, WordError
from xlplugin.index.review import review
from xlplugin.index.rulebook import card_rows, rule_book
from xlplugin.index.rulecard import KINDS, MARKS, rule_card, rule_cards
from xlplugin.index.scheme import SCHEMES
from xlplugin.index.universe import Universe

CARDS = rule_cards()
TODAY = dt.date(2026, 11, 2)
cards = pytest.mark.parametrize("card", list(CARDS.values()), ids=list(CARDS))
built = pytest.mark.parametrize(
    "card", [c for c in CARDS.values() if c.build], ids=[c.id for c in CARDS.values() if c.build]
)

# Every provider and index that the coverage table of the methodology (8.B, 8.C) and section 2 name.
NAMED = """
    sp500 sp500_equal_weight sp_select_sector sp500_information_technology sp_global_clean_energy
    sp_developed_reit djia nikkei225 nikkei_jasdaq topix topix_core30 jpx_nikkei400 tse_reit
    msci_world msci_em msci_acwi msci_kokusai msci_energy msci_asia_pacific msci_momentum
    ftse100 ftse_all_world russell2000 eurostoxx50 stoxx600 crsp_total_market crsp_small_cap
    nasdaq_composite nasdaq100 bloomberg_global_aggregate bcom nomura_bpi ftse_wgbi jpm_gbi_em
    ucits_limits us_ric_limits esg_exclusions
""".split()


def test_every_index_that_the_coverage_table_names_has_a_card():
    assert set(NAMED) <= set(CARDS)


@cards
def test_a_card_says_what_it_is_in_both_languages(card):
    assert card.kind in KINDS
    for words in (card.name, card.objective):
        assert words.en
        assert words.ja
    assert card.provider


@cards
def test_every_value_has_a_day_a_mark_and_a_source(card):
    for parameter in card.parameters.values():
        for row in parameter.values.rows:
            assert row.value.mark in MARKS
            assert row.source
            assert all(row.source)
            assert row.valid_from <= TODAY
            # What was only known by heart must be shown with a warning.
            assert row.needs_banner == (row.value.mark == "known")


@cards
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_rule_book_prints_every_parameter_and_source(card, language):
    text = rule_book(card, language)
    for parameter in card.parameters.values():
        assert f"{card.id}.{parameter.key}: {parameter.title.say(language)}" in text
        assert text.count(f"{card.id}.{parameter.key}: ") == len(parameter.values.rows)
        for row in parameter.values.rows:
            assert row.valid_from.isoformat() in text
    for source in card.sources.values():
        assert source in text
    assert "@" not in text


@cards
def test_the_table_of_cards_holds_every_dated_value(card):
    rows = card_rows({card.id: card}, "ja")
    assert len(rows) == sum(len(p.values.rows) for p in card.parameters.values())
    assert all(row.entry and row.source and row.rule_id.startswith(f"{card.id}.") for row in rows)


def test_a_day_before_a_value_is_known_is_an_error_not_a_guess():
    with pytest.raises(NoTableError, match="market_cap_minimum"):
        CARDS["sp500"].figure("market_cap_minimum", dt.date(2010, 1, 4))


@pytest.mark.parametrize(
    ("day", "cap"),
    [(dt.date(2023, 4, 3), 0.12), (dt.date(2024, 4, 1), 0.11), (dt.date(2024, 10, 1), 0.10)],
)
def test_the_cap_of_the_nikkei_falls_by_a_point_a_year(day, cap):
    # Announced in 2022: 12 %, from October 2023 11 %, from October 2024 10 %.
    assert CARDS["nikkei225"].figure("cap", day) == cap


def test_the_size_threshold_of_the_sp500_is_the_one_in_force():
    # S&P releases: 20.5 from 2 January 2025, 22.7 from 1 July 2025 (US$ bn).
    card = CARDS["sp500"]
    assert card.figure("market_cap_minimum", dt.date(2025, 6, 30)) == 20.5e9
    assert card.figure("market_cap_minimum", dt.date(2025, 7, 1)) == 22.7e9


def test_an_unknown_card_or_parameter_names_the_known_ones():
    with pytest.raises(WordError, match="topix"):
        CARDS["dax"]
    with pytest.raises(WordError, match="cap"):
        CARDS["topix"].figure("colour", TODAY)


def test_a_documented_family_builds_nothing_and_says_so():
    with pytest.raises(InputError, match="documents rules and builds no index"):
        CARDS["bcom"].recipe(TODAY)


# -- every card that builds an index can be run --------------------------------------------------


def universe(seed=0, n=1400):
    """A synthetic market with every column that the cards name; half of it is in the index."""
    rng = np.random.default_rng(seed)
    size = np.sort(rng.pareto(1.1, n) + 0.02)[::-1]
    pick = lambda *words: [words[i] for i in rng.integers(0, len(words), n)]  # noqa: E731
    columns = {
        "code": [f"X{i}" for i in range(n)],
        "price": rng.uniform(5, 500, n).tolist(),
        "free_float": rng.uniform(0.1, 1.0, n).tolist(),
        "company": [f"C{i // 2 * 2 if i % 40 == 1 else i}" for i in range(n)],
        "score": rng.uniform(0.5, 2.0, n).tolist(),
        "incumbent": [float(i < n // 2) for i in range(n)],
        "sector": pick("Energy", "Information Technology", "Utilities", "Consumer", "Materials", "Capital"),
        "country": pick("JP", "US", "DE"),
        "domicile": pick("US", "US", "IE"),
        "market": pick("Prime", "Standard", "Growth"),
        "market_class": pick("developed", "developed", "emerging"),
        "region": pick("Asia Pacific", "Europe"),
        "listing_status": pick("normal", "normal", "整理"),
        "turnover_ratio": rng.uniform(0.05, 2.0, n).tolist(),
        "liquidity_ratio": rng.uniform(0.3, 3.0, n).tolist(),
        "shares_traded": rng.uniform(1e5, 1e7, n).tolist(),
        "listed_months": rng.integers(3, 400, n).astype(float).tolist(),
        "listed_years": rng.integers(0, 40, n).astype(float).tolist(),
        "earnings_positive": rng.integers(0, 2, n).astype(float).tolist(),
        "liquidity": rng.permutation(size).tolist(),
        "traded_value_rank": (np.arange(n) + 1.0).tolist(),
        "traded_value_3y": size.tolist(),
        "roe_3y": rng.normal(0.1, 0.05, n).tolist(),
        "operating_profit_3y": size.tolist(),
        "equity_negative_3y": rng.integers(0, 2, n).astype(float).tolist(),
        "op_loss_3y": [0.0] * n,
        "net_loss_3y": [0.0] * n,
        "selection_list": [float(i < 90) for i in range(n)],
        "adv": rng.uniform(1e5, 1e9, n).tolist(),
    }
    columns["shares"] = (size * 2e9 / np.array(columns["price"]) * 50).tolist()
    return Universe.of(columns)


@built
def test_a_card_that_builds_an_index_reviews_a_market(card):
    recipe = card.recipe(TODAY)
    market = universe()
    if recipe.selection.method == "SECTOR_BALANCE":
        member = np.zeros(len(market), dtype=bool)
        member[:225] = True
        done = review(recipe, market, incumbent=member)
    elif recipe.scheme == "PRICE":
        done = review(recipe, market, incumbent=np.arange(len(market)) < 30)
    else:
        done = review(recipe, market)
    assert done.weights.sum() == pytest.approx(1.0, abs=1e-9)
    assert (done.weights[~done.selected] == 0.0).all()
    assert done.selected.sum() > 0
    count = card.parameters.get("count")
    if count is not None and recipe.selection.method in ("RANK", "SECTOR_BALANCE"):
        assert done.selected.sum() <= count.values.at(TODAY).value.figure
    cap = recipe.capping.settings.get("cap")
    if recipe.capping.method == "SINGLE":
        assert done.weights.max() <= cap + 1e-9
    for row in np.flatnonzero(~done.selected):
        assert done.reasons[row] or recipe.selection.method == "INCUMBENTS"


@built
def test_the_scheme_of_a_card_is_in_the_catalogue(card):
    assert card.scheme in SCHEMES.names


# -- the format ----------------------------------------------------------------------------------

OWN_CARD = """
kind = "equity"
provider = "The adviser"
scheme = "EQUAL"
build = true
name = { en = "Ten large names", ja = "大型十銘柄" }
objective = { en = "The ten largest names", ja = "時価総額上位十銘柄" }
[sources]
us = "Decided by the adviser on 1 January 2026"
[[parameters]]
key = "count"
value = 10
from = 2026-01-01
mark = "judgement"
source = "us"
[[parameters]]
key = "luck"
title = { en = "Lucky number", ja = "ラッキーナンバー" }
value = 7
from = 2026-01-01
mark = "judgement"
source = "us"
[[review]]
from = 2026-01-01
selection = { method = "RANK", metric = "full_cap", count = "@count" }
"""


def test_dropping_one_file_into_the_folder_is_all_it_takes(tmp_path):
    (tmp_path / "ten.toml").write_text(OWN_CARD, encoding="utf-8")
    shutil.copy(str(resources.files("xlplugin.index") / "rulecards" / "djia.toml"), tmp_path)
    mine = rule_cards(tmp_path)
    assert list(mine) == ["djia", "ten"]
    done = review(mine["ten"].recipe(TODAY), universe())
    assert done.selected.sum() == 10
    assert "Lucky number" in rule_book(mine["ten"], "en")
    assert "ラッキーナンバー" in rule_book(mine["ten"], "ja")


BASE = {
    "kind": "equity",
    "provider": "x",
    "scheme": "CAP",
    "build": True,
    "name": {"en": "x", "ja": "x"},
    "objective": {"en": "x", "ja": "x"},
    "sources": {"s": "a source"},
    "parameters": [
        {"key": "count", "value": 3, "from": dt.date(2020, 1, 1), "mark": "read", "source": "s"},
        {"key": "cap", "value": 0.1, "from": dt.date(2020, 1, 1), "mark": "read", "source": "s"},
    ],
    "review": [
        {
            "from": dt.date(2020, 1, 1),
            "selection": {"method": "RANK", "metric": "full_cap", "count": "@count"},
            "capping": {"method": "SINGLE", "cap": "@cap"},
        }
    ],
}


def changed(**changes):
    return {**BASE, **changes}


def parameter(**changes):
    return changed(parameters=[{**BASE["parameters"][0], **changes}, BASE["parameters"][1]])


def step(**changes):
    return changed(review=[{**BASE["review"][0], **changes}])


def test_the_base_of_the_broken_cards_is_sound():
    assert rule_card("x", BASE).recipe(TODAY).selection.settings["count"] == 3.0


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        (changed(kind="crypto"), "kind"),
        (changed(colour="red"), "colour is not known"),
        (changed(name={"en": "x"}), "name needs a text in en and one in ja"),
        (changed(parameters=[]), "there is no parameter"),
        (changed(sources={"s": "a source", "t": "idle"}), "source t is never cited"),
        (parameter(source="z"), "source z is not under"),
        (parameter(mark="guess"), "mark is 'guess'"),
        (parameter(key="luck"), "luck has no title"),
        (parameter(value=[1, "a"]), "no number, word, or list of one kind"),
        (parameter(**{"from": "2020"}), "write a day"),
        (parameter(colour="red"), "colour is not known"),
        (changed(parameters=[*BASE["parameters"], BASE["parameters"][0]]), "starts twice"),
        (changed(scheme="MAGIC"), "scheme 'MAGIC' is not known"),
        (changed(review=[]), "needs kind equity or reit, a scheme and a review"),
        (step(selection={"method": "RANK", "metric": "full_cap", "count": 10}), "name a parameter"),
        (step(selection={"method": "DICE"}), "method 'DICE' is not known"),
        (step(selection={"method": "RANK", "size": "@count"}), "size is not known"),
        (step(capping={"method": "SINGLE", "cap": "@limit"}), "@limit"),
        (step(screens=[{"field": "x", "operator": "~", "entry": "@cap"}]), "operator '~'"),
        (step(screens=[{"field": "x", "operator": ">", "entry": 5}]), "name a parameter"),
        (step(calendar={"months": "@count", "effective": "full_moon"}), "full_moon"),
        (
            step(
                calendar={
                    "months": "@count",
                    "effective": "last_session",
                    "exceptions": {"13": "last_session"},
                }
            ),
            "1 to 12",
        ),
        (step(calendar={"months": 3, "effective": "last_session"}), "months names a parameter"),
    ],
)
def test_a_card_that_breaks_the_format_is_refused_with_its_name_and_place(card, sentence):
    with pytest.raises(InputError, match=f"rule card x: .*{sentence}"):
        rule_card("x", card)


def test_a_language_without_texts_is_refused():
    with pytest.raises(InputError, match="use en or ja"):
        rule_book(CARDS["topix"], "fr")
