"""Stored form and spellings: what Excel expects to find in a file."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings

from tests.workbook.test_tokens import FORMULAS
from xlplugin.workbook.formula import (
    file_form,
    in_flavour,
    mentions,
    needs_file_form,
    spellings,
    table_of_spellings,
)
from xlplugin.workbook.lint_syntax import typed_operator

TABLE = table_of_spellings(["HARVEST", "INDEX_WEIGHTS", "WHY"])


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("=A5#", "_xlfn.ANCHORARRAY(A5)"),
        ("=SUM('x y'!$A$5#)", "SUM(_xlfn.ANCHORARRAY('x y'!$A$5))"),
        ("=データ!A5#", "_xlfn.ANCHORARRAY(データ!A5)"),
        ("=結果#", "_xlfn.ANCHORARRAY(結果)"),
        ("=@A1:A3", "_xlfn.SINGLE(A1:A3)"),
        ("=@INDEX(A1:B2,0,1)", "_xlfn.SINGLE(INDEX(A1:B2,0,1))"),
        ("=SUM(@Lots[Cost])", "SUM(_xlfn.SINGLE(Lots[Cost]))"),
        ("=FILTER(A1:A3,B1:B3)", "_xlfn._xlws.FILTER(A1:A3,B1:B3)"),
        ("=sort(unique(A1:A3))", "_xlfn._xlws.SORT(_xlfn.UNIQUE(A1:A3))"),
        ("=NETWORKDAYS.INTL(A1,A2)", "NETWORKDAYS.INTL(A1,A2)"),
        ("=LET(a,1,b,a+1,a*b)", "_xlfn.LET(_xlpm.a,1,_xlpm.b,_xlpm.a+1,_xlpm.a*_xlpm.b)"),
        ("=LET(a,LET(b,2,b),a)+b", "_xlfn.LET(_xlpm.a,_xlfn.LET(_xlpm.b,2,_xlpm.b),_xlpm.a)+b"),
        ("=LAMBDA(x,[y],x)(1)", "_xlfn.LAMBDA(_xlpm.x,[_xlpm.y],_xlpm.x)(1)"),
        ("=LET(f,LAMBDA(x,x*2),f(3))", "_xlfn.LET(_xlpm.f,_xlfn.LAMBDA(_xlpm.x,_xlpm.x*2),_xlpm.f(3))"),
        ('="A5# @B FILTER("&#N/A', '"A5# @B FILTER("&#N/A'),
        ("=Lots[@Cost]", "Lots[[#This Row],[Cost]]"),
        ("=Lots[@[a b]]", "Lots[[#This Row],[a b]]"),
        ("=Lots[@]", "Lots[#This Row]"),
        ("=HARVEST(Lots,A5#)", "HARVEST(Lots,_xlfn.ANCHORARRAY(A5))"),
    ],
)
def test_a_typed_formula_becomes_the_text_of_the_file(typed: str, stored: str) -> None:
    assert file_form(typed) == stored


def test_an_unqualified_column_belongs_to_the_table_of_the_cell() -> None:
    assert file_form("=[@Cost]*2", table="Lots") == "Lots[[#This Row],[Cost]]*2"


# A word or reference right behind a reference is no formula: nobody can type it.
TOUCHING = re.compile(r"[0-9)\]][A-Za-z_$]")


@given(FORMULAS)
@settings(deadline=None, max_examples=300)
def test_the_stored_form_of_a_stored_form_is_itself(formula: str) -> None:
    assume(not TOUCHING.search(formula))
    once = file_form(formula)
    assert file_form(once) == once


@given(FORMULAS)
@settings(deadline=None)
def test_the_quick_look_never_misses_a_formula_that_changes(formula: str) -> None:
    assume(not TOUCHING.search(formula))
    if not needs_file_form(formula):
        assert file_form(formula) == formula.removeprefix("=")


@pytest.mark.parametrize("typed", ["=A5#+1", "=@A1", "=Lots[@Cost]", "=SUM(B2#,@C3)"])
def test_no_typed_operator_is_left(typed: str) -> None:
    assert typed_operator(file_form(typed)) is None


@pytest.mark.parametrize("flavour", ["officejs", "xll", "addin"])
def test_every_spelling_leads_back_to_the_bare_name(flavour: str) -> None:
    stored = 'IF(A1="HARVEST(",HARVEST(Lots,INDEX_WEIGHTS(B1)),WHY(A1))'
    spelled = in_flavour(stored, flavour, TABLE)  # type: ignore[arg-type]
    assert spelled != stored
    assert in_flavour(spelled, "vba", TABLE) == stored


def test_only_calls_are_spelled_otherwise() -> None:
    stored = "HARVEST(HARVEST[HARVEST],'HARVEST'!A1,HARVEST)&\"HARVEST(\""
    expected = "_xldudf_DI_HARVEST(HARVEST[HARVEST],'HARVEST'!A1,HARVEST)&\"HARVEST(\""
    assert in_flavour(stored, "officejs", TABLE) == expected


def test_a_function_of_an_addin_book_is_the_same_function() -> None:
    assert in_flavour("[1]!HARVEST(A1)+[2]!OTHER(1)", "vba", TABLE) == "HARVEST(A1)+[2]!OTHER(1)"


def test_a_name_that_ends_like_another_is_told_apart() -> None:
    table = table_of_spellings(["WEIGHTS", "INDEX_WEIGHTS"])
    assert in_flavour("_xldudf_DI_INDEX_WEIGHTS(A1)", "vba", table) == "INDEX_WEIGHTS(A1)"


def test_two_functions_with_one_spelling_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ORG\.XLPLUGIN\.ADDIN\.AB is both"):
        table_of_spellings(["A_B", "AB"])


def test_a_name_in_a_string_is_no_call() -> None:
    assert mentions("harvest(A1)", TABLE)
    assert not mentions('"HARVEST(A1)"', TABLE)
    assert not mentions("'HARVEST('!A1", TABLE)


def test_all_spellings_of_a_function_are_known() -> None:
    assert all(TABLE[form.upper()] == "HARVEST" for form in spellings("HARVEST"))
