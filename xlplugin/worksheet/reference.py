"""The printed reference of all worksheet functions, in Markdown and as rows for a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlplugin.worksheet.kinds import Choice, Kind, OptionSchema, TableSchema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.worksheet.registry import Argument, WorksheetFunction

__all__ = ["markdown", "sheet_rows", "signature"]

_WORDS = {
    "en": {
        "title": "Worksheet functions",
        "argument": "Argument",
        "kind": "Kind",
        "meaning": "Meaning",
        "default": "Default",
        "required": "required",
        "none": "none",
        "columns": "Columns",
        "source": "Source",
        "options": "Options",
        "words": "words",
        "category": "Category",
        "function": "Function",
    },
    "ja": {
        "title": "ワークシート関数",
        "argument": "引数",
        "kind": "種類",
        "meaning": "意味",
        "default": "既定値",
        "required": "必須",
        "none": "なし",
        "columns": "列",
        "source": "根拠",
        "options": "設定",
        "words": "語",
        "category": "分類",
        "function": "関数",
    },
}
_KINDS_JA = {
    Kind.NUMBER: "数値",
    Kind.WHOLE: "整数",
    Kind.DECIMAL: "金額",
    Kind.TEXT: "文字列",
    Kind.CODE: "銘柄コード",
    Kind.DAY: "日付",
    Kind.FLAG: "0/1",
    Kind.VECTOR: "列または行",
    Kind.NUMBERS: "値または列",
    Kind.MATRIX: "行列",
    Kind.LABELS: "文字列の列",
    Kind.DAYS: "日付の列",
    Kind.FLAGS: "0/1の列",
    Kind.CELLS: "範囲",
    Kind.TABLE: "表",
    Kind.OPTIONS: "設定",
    Kind.ANY: "任意",
}


def signature(function: WorksheetFunction) -> str:
    """The call as it is typed, optional arguments in brackets.

    Examples
    --------
    >>> from xlplugin.worksheet.registry import load
    >>> signature(load()["WHY"])
    'WHY(value, [language])'
    """
    names = (f"[{a.name}]" if a.is_optional else a.name for a in function.arguments)
    return f"{function.name}({', '.join(names)})"


def sheet_rows(functions: Iterable[WorksheetFunction], language: str) -> list[list[str]]:
    """One row per function and per argument: category, function, argument, meaning; first row a header."""
    words = _WORDS[language]
    rows = [[words["category"], words["function"], words["argument"], words["meaning"]]]
    for function in functions:
        rows.append([function.category, signature(function), "", function.help.text(language)])
        rows += [["", function.name, a.name, a.help.text(language)] for a in function.arguments]
    return rows


def markdown(functions: Iterable[WorksheetFunction], language: str) -> str:
    """The whole reference as one Markdown document in `language` ("ja" or "en")."""
    words = _WORDS[language]
    parts = [f"# {words['title']}\n"]
    category = None
    for function in sorted(functions, key=lambda f: (f.category, f.name)):
        if function.category != category:
            category = function.category
            parts.append(f"## {category}\n")
        parts.append(_one(function, language, words))
    return "\n".join(parts)


def _one(function: WorksheetFunction, language: str, words: dict[str, str]) -> str:
    title = function.title.text(language)
    lines = [f"### `{signature(function)}`", "", f"**{title}**. {function.help.text(language)}", ""]
    if function.arguments:
        lines += [
            f"| {words['argument']} | {words['kind']} | {words['default']} | {words['meaning']} |",
            "|---|---|---|---|",
        ]
        lines += [_argument_row(a, language, words) for a in function.arguments]
        lines.append("")
    if function.columns:
        titles = (f"`{key}` {ja}" if language == "ja" else f"`{key}`" for key, ja in function.columns.items())
        lines += [f"{words['columns']}: {' · '.join(titles)}", ""]
    for argument in function.arguments:
        if argument.options is not None:
            lines += [f"{words['options']}: {_options(argument.options, language)}", ""]
    if function.source:
        lines += [f"{words['source']}: {function.source}", ""]
    return "\n".join(lines)


def _argument_row(argument: Argument, language: str, words: dict[str, str]) -> str:
    kind = _KINDS_JA[argument.kind] if language == "ja" else argument.kind.value
    if isinstance(argument.schema, TableSchema):
        kind += f" {argument.schema.ja if language == 'ja' else argument.schema.name}"
    default = words["required"]
    if argument.is_optional:
        default = words["none"] if argument.default is None else str(argument.default)
    meaning = argument.help.text(language)
    if isinstance(argument.choice, Choice):
        meaning += f" ({words['words']}: {', '.join(argument.choice.words)})"
    return f"| `{argument.name}` | {kind} | {default} | {meaning.replace('|', '&#124;')} |"


def _options(schema: OptionSchema, language: str) -> str:
    return ", ".join(
        f"`{option.key}` {option.ja[0]}" if language == "ja" and option.ja else f"`{option.key}`"
        for option in schema.options
    )
