"""What the command line says, in Japanese and English."""

from __future__ import annotations

import os
import sys
from typing import Literal

__all__ = ["Language", "preferred", "say"]

Language = Literal["ja", "en"]

WORDS: dict[str, tuple[str, str]] = {
    # help
    "app": ("Excelでのダイレクト・インデックス。", "Direct indexing in Excel."),
    "help.lang": ("表示言語(ja または en)", "language of the output (ja or en)"),
    "help.json": ("機械が読むJSONを出力", "print JSON for machines"),
    "help.out": ("出力先", "where to write"),
    "help.functions": ("ワークシート関数", "worksheet functions"),
    "help.functions.list": ("関数の一覧", "list the functions"),
    "help.functions.docs": ("例のある参照文書(Markdown)", "the reference (Markdown)"),
    "help.functions.name": ("この関数だけ", "only this function"),
    "help.doctor": ("この端末の状態を調べ、直し方を示す", "look at this machine and say what to mend"),
    "help.batch": ("ジョブファイルから多数の顧客分を作成", "make the books of many clients from a job file"),
    "help.batch.job": ("ジョブファイル", "the job file"),
    "help.batch.set": ("値を一つ置き換える(run.workers=2)", "replace one value, as in run.workers=2"),
    "help.batch.only": ("この顧客だけ(複数可)", "only this client (may be repeated)"),
    "help.batch.failed": ("前回失敗した顧客だけ", "only clients that failed last time"),
    "help.batch.resume": ("作成済みの顧客を飛ばす", "skip clients that are done on the same inputs"),
    "help.batch.dry": ("読込みと計画だけ行い、何も書かない", "read and plan, write nothing"),
    "help.batch.workers": ("同時に働くプロセス数", "processes at the same time"),
    "help.batch.scheduler": ("dask.distributed のスケジューラー", "address of a dask.distributed scheduler"),
    "help.batch.shard": ("N分割のI番目だけ", "only part I of N"),
    "help.batch.pdf": ("LibreOfficeでPDFも作る", "print PDF as well, with LibreOffice"),
    "batch.unread": ("読まなかった列 {header}", "column left alone: {header}"),
    "batch.end": (
        "作成 {done}、失敗 {failed}、作成済みのため省略 {skipped}。",
        "{done} done, {failed} failed, {skipped} skipped because they were done already.",
    ),
    "batch.open": ("まず開くファイル: {path}", "Open first: {path}"),
    "title.plan": ("計画", "Plan"),
    "title.failed": ("失敗した顧客", "Clients that failed"),
    "status.done": ("✔ 作成済", "✔ done"),
    "status.failed": ("✖ 失敗", "✖ failed"),
    "status.todo": ("作成する", "to do"),
    "status.skipped": ("作成済み", "done already"),
    "column.client": ("顧客", "Client"),
    "column.code": ("コード", "Code"),
    "help.doctor.book": ("Excelで動かないブック", "a workbook that does not work in Excel"),
    # functions
    "title.functions": ("ワークシート関数", "Worksheet functions"),
    "column.function": ("関数", "Function"),
    "column.category": ("分類", "Category"),
    "column.meaning": ("内容", "What it does"),
    # doctor
    "title.doctor": ("診断", "Doctor"),
    "column.part": ("項目", "Part"),
    "column.state": ("状態", "State"),
    "column.found": ("結果", "Found"),
    "column.remedy": ("直し方", "Remedy"),
    "state.ok": ("✔ OK", "✔ OK"),
    "state.warn": ("▲ 注意", "▲ WARN"),
    "state.error": ("✖ エラー", "✖ ERROR"),
    # errors
    "error": ("エラー", "Error"),
}


def say(key: str, language: Language, /, **facts: object) -> str:
    """A text by its key, with facts filled in.

    Examples
    --------
    >>> say("error", "ja"), say("error", "en")
    ('エラー', 'Error')
    """
    text = WORDS[key][0 if language == "ja" else 1]
    return text.format(**facts) if facts else text


def preferred(arguments: list[str] | None = None) -> Language:
    """The language asked for by ``--lang``, XLPLUGIN_LANG or the locale; English if none does.

    Examples
    --------
    >>> preferred(["functions", "list", "--lang", "ja"]), preferred(["--lang=en"])
    ('ja', 'en')
    """
    given = sys.argv[1:] if arguments is None else arguments
    for place, word in enumerate(given):
        if word == "--lang" and place + 1 < len(given):
            return "ja" if given[place + 1] == "ja" else "en"
        if word.startswith("--lang="):
            return "ja" if word == "--lang=ja" else "en"
    locale = next(
        (v for name in ("XLPLUGIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(name))), ""
    )
    return "ja" if locale.lower().startswith("ja") else "en"
