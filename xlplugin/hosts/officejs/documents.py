"""The documents that Excel fetches: function metadata, script, task pane page and add-in manifest.

Source: Microsoft's documentation of custom functions for Office Add-ins. Every argument and result
is declared a matrix of any, so there is one shape and errors arrive as values. The `DI` namespace
keeps our names apart from those of other add-ins: users type ``=DI.HARVEST(...)``.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from xlplugin.errors import CODE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["NAMESPACE", "manifest", "metadata", "script", "task_pane"]

NAMESPACE = "DI"
_ADD_IN_ID = "6c0d9a5e-3b1f-4a7e-9a55-0f2f6c1d7b42"


def metadata(functions: Iterable[WorksheetFunction], language: str) -> dict[str, Any]:
    """functions.json in `language` ("ja" or "en")."""
    any_matrix = {"type": "any", "dimensionality": "matrix"}
    return {
        "allowCustomDataForDataTypeAny": True,
        "allowErrorForDataTypeAny": True,
        "functions": [
            {
                "id": function.name,
                "name": function.name,
                "description": function.help.text(language),
                "parameters": [
                    {"name": a.name, "description": a.help.text(language), **any_matrix}
                    | ({"optional": True} if a.is_optional else {})
                    for a in function.arguments
                ],
                "result": dict(any_matrix),
                "options": {"requiresAddress": True, "requiresParameterAddresses": True},
            }
            for function in functions
        ],
    }


def script(functions: Iterable[WorksheetFunction], *, token: str = "") -> str:
    """functions.js: one association per function; calls are gathered for 20 ms and sent as one POST."""
    client = (files("xlplugin.hosts.officejs") / "client.js").read_text(encoding="utf-8")
    settings = json.dumps({"url": "/call", "token": token, "prefix": CODE_PREFIX})
    associations = "".join(
        f'CustomFunctions.associate("{f.name}", function () {{ return enqueue("{f.name}", arguments); }});\n'
        for f in functions
    )
    return f"const SETTINGS = {settings};\n{client}{associations}"


def task_pane(language: str) -> str:
    """The page of the task pane: explains the selected cell and runs the checks of the book."""
    page = (files("xlplugin.hosts.officejs") / "taskpane.html").read_text(encoding="utf-8")
    texts = {
        "en": {
            "LANGUAGE": "en",
            "TITLE": "Direct indexing",
            "EXPLAIN": "Explain the selected cell",
            "CHECK": "Run the checks",
            "EMPTY": "Select a cell.",
            "PASSED": "All checks passed",
            "FAILED": "Checks that failed",
            "NONE": "This book has no checks.",
        },
        "ja": {
            "LANGUAGE": "ja",
            "TITLE": "ダイレクト・インデックス",
            "EXPLAIN": "選択したセルを説明する",
            "CHECK": "チェックを実行する",
            "EMPTY": "セルを選んでください。",
            "PASSED": "すべてのチェックに合格しました",
            "FAILED": "合格しなかったチェック",
            "NONE": "このブックにはチェックがありません。",
        },
    }[language]
    for name, text in texts.items():
        page = page.replace(f"%{name}%", escape(text))
    return page


def manifest(address: str, *, version: str, language: str) -> str:
    """The add-in manifest for the server at `address`, for example ``https://localhost:8443``."""
    text = (files("xlplugin.hosts.officejs") / "manifest.xml").read_text(encoding="utf-8")
    values = {
        "ID": _ADD_IN_ID,
        "VERSION": _four_parts(version),
        "HOST": address.rstrip("/"),
        "NAMESPACE": NAMESPACE,
        "LANGUAGE": language,
    }
    for name, value in values.items():
        text = text.replace(f"%{name}%", escape(value))
    return text


def _four_parts(version: str) -> str:
    numbers = [part for part in version.split(".") if part.isdigit()]
    return ".".join([*numbers, "0", "0", "0", "0"][:4])
