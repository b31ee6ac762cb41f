"""The index methodology book: rebuilt and compared, its figures against independent arithmetic, its looks."""

import re
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import openpyxl
import pytest

import workbooks
from tests.libreoffice import convert
from workbooks.build import build
from workbooks.builder.index_method_data import CARDS, card_rows, sample
from workbooks.builder.package import parts
from workbooks.builder.words import layout
from xlplugin.hosts.headless import RegistryFunctions
from xlplugin.workbook import lint_package, lint_template

FOLDER = Path(workbooks.__file__).parent
LANGUAGES = ("ja", "en")
EACH = pytest.mark.parametrize("language", LANGUAGES)
SHEETS = {
    "ja": (
        "はじめに 仕様 母集団 基準 選定 加重と上限 除数と権利 指数値 "
        "特性 変更案 検証 規則カード 方法論書 チェック 記録・統治"
    ).split(),
    "en": (
        "Start Specification Universe Criteria Selection Weights Divisor Levels Profile Changes Backtest "
        "RuleCards RuleBook Checks Governance"
    ).split(),
}
NUMBER = re.compile(rb"-?\d+\.\d{6,}(?:[eE][-+]?\d+)?")


@cache
def committed(language: str) -> bytes:
    return (FOLDER / f"index_method.{language}.xlsx").read_bytes()


@cache
def book(language: str, *, formulas: bool = False):
    return openpyxl.load_workbook(BytesIO(committed(language)), data_only=not formulas)


def named(language: str) -> dict[str, object]:
    found = {}
    for name, defined in book(language).defined_names.items():
        sheet, _, cell = defined.attr_text.rpartition("!")
        if sheet and ":" not in cell:
            found[name] = book(language)[sheet.strip("'")][cell.replace("$", "")].value
    return found


def column(sheet: str, first: str, rows: int, language: str = "en") -> list:
    start = book(language)[sheet][first]
    return [book(language)[sheet].cell(start.row + n, start.column).value for n in range(rows)]


# -- the files ------------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH
def test_the_committed_file_is_what_the_layout_builds(language):
    old, new = parts(committed(language)), parts(build("index_method", language))
    assert old.keys() == new.keys()
    for name, data in new.items():
        # Another processor may round the last digits of a computed number differently.
        assert NUMBER.sub(b"#", data) == NUMBER.sub(b"#", old[name]), f"{name}: run python -m workbooks.build"
        ours, theirs = (np.array([float(x) for x in NUMBER.findall(d)]) for d in (data, old[name]))
        assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-12), name


@pytest.mark.slow
@EACH
def test_both_linters_find_nothing(language):
    assert [str(finding) for finding in lint_package(committed(language))] == []
    found = lint_template(committed(language), RegistryFunctions(language))
    assert [str(finding) for finding in found if finding.level == "error"] == []


@EACH
def test_the_sheets_stand_in_their_order_and_the_rest_is_hidden(language):
    visible = [s.title for s in book(language) if s.sheet_state == "visible"]
    assert visible == SHEETS[language]
    assert all(s.sheet_state == "veryHidden" for s in book(language) if s.title not in visible)


@EACH
def test_no_cell_shows_an_error_and_function_cells_keep_their_values(language):
    live = 0
    functions = re.compile(r"\b(?:SELECT|INDEX|CAP)_[A-Z_]+\(")
    for sheet in book(language, formulas=True):
        for row in sheet.iter_rows():
            for cell in row:
                shown = book(language)[sheet.title][cell.coordinate].value
                assert not (isinstance(shown, str) and shown.startswith("#")), (sheet.title, cell.coordinate)
                text = getattr(cell.value, "text", cell.value)
                if isinstance(text, str) and text.startswith("=") and functions.search(text):
                    live += 1
                    assert shown is not None, (sheet.title, cell.coordinate)
                    assert sheet.title.startswith("_"), "a page reads functions through _calc"
    assert live > 60


@EACH
def test_every_check_and_every_self_test_is_true(language):
    cells = {name: value for name, value in named(language).items() if name.startswith(("chk_", "test_"))}
    assert len(cells) > 30
    assert [name for name, value in cells.items() if value is not True] == []


def test_both_languages_hold_the_same_numbers():
    for ja, en in zip(SHEETS["ja"], SHEETS["en"], strict=True):
        rows = [
            [
                [c for c in row if isinstance(c, (int, float))]
                for row in book(lang)[sheet].iter_rows(values_only=True)
            ]
            for lang, sheet in (("ja", ja), ("en", en))
        ]
        assert rows[0] == rows[1], (ja, en)


@pytest.mark.parametrize("table", ["label", "column"])
def test_every_word_has_two_languages(table):
    for key, pair in layout("index_method_words")[table].items():
        assert all(isinstance(text, str) and text for text in pair[:2]), key
        if table == "label":
            places = [sorted(re.findall(r"\{([a-z_]+)\}", text)) for text in pair]
            assert places[0] == places[1], key


@EACH
def test_each_sheet_prints_on_one_page_and_each_chart_has_data_and_a_description(language):
    for sheet in book(language):
        if sheet.sheet_state == "visible":
            assert sheet.sheet_properties.pageSetUpPr.fitToPage
            assert {sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight} <= {None, 1}  # None: one
            assert sheet.print_area
    with zipfile.ZipFile(BytesIO(committed(language))) as package:
        charts = [package.read(n) for n in package.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", n)]
        drawings = b"".join(package.read(n) for n in package.namelist() if "drawings/drawing" in n)
    assert len(charts) == 8
    assert drawings.count(b'descr="') == 8
    for chart in charts:
        values = b"".join(re.findall(rb"<c:(?:val|yVal)>.*?</c:(?:val|yVal)>", chart, re.S))
        assert any(float(v) for v in re.findall(rb"<c:v>(-?[\d.]+(?:E-?\d+)?)</c:v>", values))


# -- the figures, by arithmetic of our own ---------------------------------------------------------------


def capped(weights: np.ndarray, sectors: list[str], single: float, group: float) -> bool:
    """Whether weights keep both caps."""
    sums = {s: sum(w for w, t in zip(weights, sectors, strict=True) if t == s) for s in set(sectors)}
    return weights.max() <= single + 1e-12 and max(sums.values()) <= group + 1e-12


def test_the_selection_follows_the_criteria_and_the_ranks():
    names = sample().names
    last = np.array(sample().prices[-1])
    value = last * [n.shares * n.free_float for n in names]
    passed = []
    for price, n in zip(last, names, strict=True):
        keeps = n.incumbent == 1
        passed.append(
            n.free_float >= (0.25 if keeps else 0.30)
            and n.adv >= (4e8 if keeps else 5e8)
            and price >= (200 if keeps else 300)
            and n.sector[1] != "Power and gas"
        )
    order = [i for i in np.argsort(-value, kind="stable") if passed[i]]
    taken = set(order[:16])
    for i in order[:24]:
        if names[i].incumbent and len(taken) < 20:
            taken.add(i)
    for i in order:
        if len(taken) < 20:
            taken.add(i)
    listed = zip(column("Selection", "C7", 40), column("Selection", "I7", 40), strict=True)
    assert {code for code, word in listed if word.startswith("✔")} == {names[i].code for i in taken}


def test_the_weights_sum_to_one_keep_the_caps_and_the_order_inside_a_sector():
    weights = np.array([w for w in column("Weights", "G7", 20) if w != ""])
    raw = np.array([w for w in column("Weights", "F7", 20) if w != ""])
    sectors = column("Weights", "E7", 20)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert raw.sum() == pytest.approx(1.0, abs=1e-12)
    assert raw.max() > 0.10, "the cap binds in the sample"
    assert capped(weights, sectors, 0.10, 0.15)
    factors = column("Weights", "H7", 20)
    assert factors == pytest.approx((weights / raw).tolist())


def test_the_levels_are_those_of_a_portfolio_that_holds_the_capped_weights():
    price = column("Levels", "C7", 37)
    prices = np.array(sample().prices)
    universe = book("en")["Universe"]
    titles = {cell.value: cell.column for cell in universe[6]}
    weights = [
        np.array([universe.cell(7 + n, titles[f"capped_{k}"]).value for n in range(40)])
        for k in ("one", "two", "three")
    ]
    level, found = 1000.0, [1000.0]
    for t in range(1, 37):
        start = max(s for s in (0, 12, 24) if s < t)
        held = weights[(0, 12, 24).index(start)]
        base = found[start]
        level = base * float((held * prices[t] / prices[start]).sum())
        found.append(level)
    assert price == pytest.approx(found, rel=1e-12)


def test_gross_adds_the_dividends_and_net_takes_the_tax_off_them():
    price, gross, net, points = (column("Levels", f"{c}7", 37) for c in "CDEG")
    for t in range(1, 37):
        assert gross[t] / gross[t - 1] == pytest.approx((price[t] + points[t]) / price[t - 1], rel=1e-12)
        assert net[t] / net[t - 1] == pytest.approx(
            (price[t] + points[t] * (1 - 0.15315)) / price[t - 1], rel=1e-12
        )
    assert sum(p > 0 for p in points) == 6  # March and September of three years


def test_an_event_moves_the_divisor_and_never_the_level():
    before, after = column("Divisor", "M17", 6), column("Divisor", "N17", 6)
    assert before == pytest.approx([before[0]] * 6, rel=1e-12)
    assert after == pytest.approx(before, rel=1e-12)
    value = list(zip(column("Divisor", "I17", 6), column("Divisor", "J17", 6), strict=True))
    names = {n.code: (n, p) for n, p in zip(sample().names, sample().prices[-1], strict=True)}
    codes = column("Divisor", "C17", 6)
    assert value[0][0] == value[0][1]  # a split
    one, price = names[codes[2]]
    assert value[2][1] - value[2][0] == pytest.approx(
        -40 * one.shares * one.free_float / 1e6
    )  # special dividend
    one, price = names[codes[5]]
    expected = price * one.shares * (0.55 - one.free_float) / 1e6
    assert value[5][1] - value[5][0] == pytest.approx(expected)  # float change


def test_the_changes_lead_from_the_old_weights_to_the_new():
    rows = [
        row
        for row in book("en")["Changes"].iter_rows(
            min_row=7, max_row=32, min_col=2, max_col=8, values_only=True
        )
        if row[0]
    ]
    old = {n.code: n.current_weight for n in sample().names}
    new = dict(zip(column("Weights", "C7", 20), column("Weights", "G7", 20), strict=True))
    for code, _, kind, before, after, flow, _days in rows:
        assert (before, after) == (pytest.approx(old[code]), pytest.approx(new.get(code, 0.0)))
        assert flow == pytest.approx((after - before) * 3e9 / 1e6)
        assert kind == (
            "Add" if before == 0 else "Delete" if after == 0 else "Up" if after > before else "Down"
        )
    flows = [abs(row[5]) for row in rows]
    assert flows == sorted(flows, reverse=True)


# -- rule cards -----------------------------------------------------------------------------------------


def test_the_chosen_card_shows_what_is_known_how_and_since_when():
    rows = [row for row in card_rows() if row.card == "topix"]
    sheet = book("en")["RuleCards"]
    shown = [[sheet.cell(7 + n, c).value for c in range(7, 14)] for n in range(len(rows))]
    for row, cells in zip(rows, shown, strict=True):
        assert cells[:2] == [row.title[1], row.value]
        assert cells[3] == row.mark
        assert cells[4].date() == row.start
        assert str(cells[6]).startswith(row.source)
    assert {row.mark for row in rows} >= {"read", "judgement"}
    listed = column("RuleCards", "B7", len(CARDS))
    assert listed == list(CARDS)
    wanted = "nikkei225 topix jpx_nikkei400 djia sp500 sp500_equal_weight sp_select_sector msci_world ftse100"
    assert set(wanted.split()) | {"russell2000", "stoxx600", "crsp_total_market", "bcom"} <= set(CARDS)


def test_another_card_another_cap_and_another_count_change_the_book():
    from datetime import date

    from xlplugin.hosts.headless import compile_book
    from xlplugin.workbook import Inputs

    template = compile_book(committed("en"), language="en")
    inputs = Inputs({"in_card": "sp500", "in_cap_single": 0.08, "in_count": 18.0, "in_rank_in": 14.0}, {})
    result = template.run(inputs, as_of=date(2026, 11, 20))
    changed = openpyxl.load_workbook(BytesIO(result.data), data_only=True)
    first = next(row for row in card_rows() if row.card == "sp500")
    assert changed["RuleCards"]["G7"].value == first.title[1]
    weights = [w for w in (changed["Weights"].cell(7 + n, 7).value for n in range(24)) if w]
    assert len(weights) == 18
    assert max(weights) == pytest.approx(0.08)
    assert sum(weights) == pytest.approx(1.0)


# -- pages ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH
def test_libreoffice_prints_fifteen_pages_without_an_error_word(language, tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(committed(language))
    plain = openpyxl.load_workbook(convert(path, "xlsx", tmp_path / "out"), data_only=True)
    for sheet in plain:
        if not sheet.title.startswith("_"):
            for row in sheet.iter_rows(max_col=20):
                for cell in row:
                    assert not (isinstance(cell.value, str) and cell.value.startswith("#")), (
                        sheet.title,
                        cell.coordinate,
                    )
