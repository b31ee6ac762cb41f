"""PLUGIN_NOTICES: the sentences that go with a page that touches tax."""

from __future__ import annotations

from typing import Annotated

from xlplugin.tax import notices
from xlplugin.worksheet.kinds import Choice, Help, Spill, Text
from xlplugin.worksheet.registry import worksheet_function

__all__ = ["plugin_notices"]

NOTICE_COLUMNS = {"code": "コード", "text": "文言"}
_TOPICS = Choice(
    *(topic for topic in notices.TOPICS if topic != "header"),  # the header needs the facts of a list
    japanese={
        "共通": "general",
        "損出し": "harvest",
        "税金": "tax",
        "提案": "proposal",
        "年末": "year_end",
    },
)


@worksheet_function(
    "PLUGIN_NOTICES",
    category="Explain",
    ja="注意事項",
    help_ja="税に触れる一覧に添える注意事項を、税制と場面ごとに返します。",
    columns=NOTICE_COLUMNS,
    source="tax rules 13; workbook brief, section 2.11",
)
def plugin_notices(
    regime: Annotated[
        Text,
        Help("jp.individual, jp.corporate or us.taxable", "税制(jp.individual・jp.corporate・us.taxable)"),
        Choice(
            *notices.REGIMES,
            japanese={"個人": "jp.individual", "法人": "jp.corporate", "米国": "us.taxable"},
        ),
    ],
    topic: Annotated[
        Text,
        Help("general, harvest, tax, proposal or year_end", "場面(共通・損出し・税金・提案・年末)"),
        _TOPICS,
    ] = "general",
    language: Annotated[
        Text, Help("ja or en", "言語"), Choice("ja", "en", japanese={"日本語": "ja", "英語": "en"})
    ] = "ja",
) -> Spill:
    """The notices that go with a page that touches tax: code and text, in the order of the codes.

    Texts that need a figure of the page are given in their plain form.

    Examples
    --------
    >>> [row[0] for row in plugin_notices("jp.individual", "general", "en").rows]
    ['J01', 'J02', 'J04']
    """
    return Spill(tuple(NOTICE_COLUMNS), [list(n) for n in notices.notices(regime, topic, language)])
