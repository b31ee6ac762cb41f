"""The layout files agree with each other, with the dictionary and with the worksheet functions."""

import re
import tomllib
from pathlib import Path

import pytest

import workbooks
from workbooks.build import BOOKS
from workbooks.builder.checks import book_checks
from workbooks.builder.words import Words, layout
from xlplugin.worksheet import tables
from xlplugin.worksheet.registry import load

LAYOUT = Path(workbooks.__file__).parent / "layout"
LANGUAGES = ("ja", "en")

# Which function table each Excel table is passed as, and the columns of it that must be offered.
PASSED = {
    "tbl_lots": (
        tables.LOTS,
        ("account", "code", "quantity", "cost", "acquired", "lot", "unit_cost", "currency", "restricted"),
    ),
    "tbl_trades": (
        tables.TRADES,
        (
            "account",
            "code",
            "side",
            "trade_date",
            "settle_date",
            "quantity",
            "price",
            "fee",
            "planned",
            "lot",
        ),
    ),
    "tbl_accounts": (tables.ACCOUNTS, ("account", "account_kind", "owner", "broker", "seen")),
    "tbl_realized": (tables.REALISED, ("recognised_on", "trade_date", "gain", "account_kind", "term")),
    "tbl_carry": (tables.CARRY, ("year", "amount")),
    "tbl_restrictions": (tables.RESTRICTIONS, ("code", "rule", "why")),
    "tbl_pairs": (tables.PAIRS, ("sold_code", "code", "allowed")),
}
# Parts of the table of prices that stand for a table of their own.
PARTS = {
    ("code", "identity_group"): (tables.PRICES, ("code", "price", "currency", "fx", "date", "spread")),
    ("code", "holding"): (
        tables.UNIVERSE,
        ("code", "name", "weight", "holding", "sector", "price", "restricted", "identity_group"),
    ),
    ("code", "held_unit_cost"): (
        tables.HOLDINGS,
        ("code", "name", "quantity", "price", "unit_cost", "lot_size", "restricted"),
    ),
    ("code_target", "weight_target"): (tables.TARGETS, ("code", "weight")),
}


def flat(tree: dict, prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in tree.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return out


def labels(language: str) -> dict[str, str]:
    return flat(tomllib.loads((LAYOUT / f"{language}.toml").read_text("utf-8")))


def table(name: str) -> dict:
    return next(t for t in layout("inputs")["table"] if t["name"] == name)


def all_columns(name: str) -> list[str]:
    return [*table(name)["columns"], *table(name).get("derived", ())]


def test_both_languages_have_the_same_labels():
    assert labels("ja").keys() == labels("en").keys()


def test_both_languages_put_the_same_figures_into_a_sentence():
    def places(text: str) -> set[str]:
        return set(re.findall(r"\{([a-z_]+)\}", text))

    different = [key for key, text in labels("ja").items() if places(text) != places(labels("en")[key])]
    assert different == []


def test_every_notice_and_choice_has_both_languages():
    assert all({"ja", "en"} <= notice.keys() for notice in layout("notices").values())
    assert all(len(pair) == 2 for choices in layout("lists").values() for pair in choices.values())


def test_every_column_of_a_table_is_in_the_dictionary():
    unknown = {key for t in layout("inputs")["table"] for key in all_columns(t["name"])} - layout(
        "columns"
    ).keys()
    assert unknown == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_headers_of_a_table_are_different_words(language):
    for entry in layout("inputs")["table"]:
        headers = [Words(language).column(key).casefold() for key in all_columns(entry["name"])]
        assert len(headers) == len(set(headers)), entry["name"]


def test_every_calculated_column_has_its_formula():
    for entry in layout("inputs")["table"]:
        assert set(entry.get("derived", ())) == set(layout("calc")["derived"].get(entry["name"], {})), entry[
            "name"
        ]


def found(schema, headers: list[str]) -> list[str]:
    return [column.key for header in headers if (column := schema.find(header)) is not None]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PASSED)
def test_functions_find_their_columns_in_a_table_of_the_book(name, language):
    schema, wanted = PASSED[name]
    keys = found(schema, [Words(language).column(key) for key in table(name)["columns"]])
    assert sorted(keys) == sorted(set(keys)), "two headers mean one column"
    assert set(wanted) <= set(keys)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_functions_find_their_columns_in_a_part_of_the_price_table(part, language):
    schema, wanted = PARTS[part]
    keys = all_columns("tbl_prices")
    first, last = part
    headers = [Words(language).column(key) for key in keys[keys.index(first) : keys.index(last) + 1]]
    seen = found(schema, headers)
    assert sorted(seen) == sorted(set(seen)), "two headers mean one column"
    assert set(wanted) <= set(seen)


def test_every_function_of_the_books_is_registered():
    assert set(layout("functions")["worksheet"]) <= load().names


@pytest.mark.parametrize("book", BOOKS)
def test_every_check_has_a_text_and_a_name_of_its_own(book):
    checks = [entry["id"] for entry in book_checks(book)]
    assert len(checks) == len(set(checks))
    assert {f"check.{name}" for name in checks} <= labels("ja").keys()


def test_defaults_of_inputs_lie_in_their_range():
    for entry in layout("inputs")["input"]:
        for country in ("jp", "us"):
            value = entry.get(country)
            if value is None:
                continue
            if "between" in entry:
                assert entry["between"][0] <= value <= entry["between"][1], entry["name"]
            if "list" in entry:
                assert str(value) in layout("lists")[entry["list"]], entry["name"]


def test_colours_of_text_stand_out_from_their_ground():
    color = layout("theme")["color"]

    def luminance(text: str) -> float:
        parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:  # WCAG 2.1, relative luminance
        light, dark = sorted((luminance(color[one]), luminance(color[other])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for ink, ground in (
        ("ink", "white"), ("sub", "white"), ("sub", "band"), ("white", "navy"), ("input_font", "input_fill"),
        ("ok_font", "ok_fill"), ("warn_font", "warn_fill"), ("error_font", "error_fill"),
        ("link_font", "white"),
    ):  # fmt: skip
        assert contrast(ink, ground) >= 4.5, (ink, ground)
    for series in ("before", "blue", "loss", "net", "sixth", "ink"):
        assert contrast(series, "white") >= 3.0, series
