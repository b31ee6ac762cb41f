"""What a status, a reason code or an error means, and whether the functions are at work."""

from __future__ import annotations

from typing import Annotated, Any

from xlplugin import __version__
from xlplugin.errors import InputError
from xlplugin.worksheet.explain import explain
from xlplugin.worksheet.kinds import Cells, Choice, Help, Text
from xlplugin.worksheet.registry import worksheet_function

_LANGUAGES = Choice("ja", "en", japanese={"日本語": "ja", "英語": "en"})


@worksheet_function(
    "WHY",
    category="Explain",
    ja="理由",
    help_ja="判定・理由コード・エラーの意味を文章で返します。",
    source="catalogue of worksheet functions, section 3",
)
def why(
    value: Annotated[Cells, Help("A cell with a status, one or several reason codes, or an error", "値")],
    language: Annotated[Text, Help("ja or en", "言語"), _LANGUAGES] = "ja",
) -> str:
    """What a status, a reason code or an error value means, in a sentence.

    Examples
    --------
    >>> why([["NO_PRICE"]], "en")
    'There is no price for this code.'
    """
    if len(value) != 1 or len(value[0]) != 1:
        raise InputError(f"value: expected one cell, got {len(value)} rows x {len(value[0])} columns")
    return explain(value[0][0], language)


@worksheet_function(
    "PLUGIN_STATUS",
    category="Explain",
    ja="関数の状態",
    help_ja="ワークシート関数が読み込まれているか、その版を返します。",
    source="workbook brief, section 2.12",
)
def plugin_status() -> list[list[Any]]:
    """Whether the worksheet functions are loaded, and their version: one row of two cells.

    Examples
    --------
    >>> plugin_status()[0][0]
    'READY'
    """
    return [["READY", __version__]]
