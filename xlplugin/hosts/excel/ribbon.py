"""The ribbon tab of the macro book: one button per command, in groups; and the menu of a cell. Text only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from xlplugin.hosts.commands import GROUPS
from xlplugin.hosts.excel.vba import RIBBON_CALLBACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.hosts.commands import Command

__all__ = ["ribbon"]

_PICTURES = {  # of Office's own gallery
    "Xlplugin_Import": "GetExternalDataFromText",
    "Xlplugin_Refresh": "RefreshAll",
    "Xlplugin_Harvest": "SortDialog",
    "Xlplugin_Explain": "TracePrecedents",
    "Xlplugin_Lint": "Spelling",
    "Xlplugin_Language": "TranslationPane",
    "Xlplugin_Recalculate": "CalculateNow",
    "Xlplugin_Proposal": "FileSaveAsPdfOrXps",
    "Xlplugin_Batch": "FilePrintQuick",
    "Xlplugin_Checks": "AcceptInvitation",
    "Xlplugin_Verify": "ReviewCompareMenu",
    "Xlplugin_Freeze": "PasteValues",
    "Xlplugin_Doctor": "Help",
}


def ribbon(commands: Sequence[Command], language: str) -> bytes:
    """The part that describes the tab and the menu of a cell, in "ja" or "en"."""
    groups = []
    for key, (ja, en) in GROUPS.items():
        buttons = "".join(_button(c, language, size="large") for c in commands if c.group == key)
        if buttons:
            label = quoteattr(ja if language == "ja" else en)
            groups.append(f'<group id="Xlplugin_{key}" label={label}>{buttons}</group>')
    of_a_cell = "".join(_button(c, language) for c in commands if "{cell}" in c.verb)
    menu = f'<contextMenu idMso="ContextMenuCell">{of_a_cell}</contextMenu>' if of_a_cell else ""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<customUI xmlns="http://schemas.microsoft.com/office/2009/07/customui"><ribbon><tabs>'
        f'<tab id="XlpluginTab" label="xlplugin">{"".join(groups)}</tab></tabs></ribbon>'
        f"{f'<contextMenus>{menu}</contextMenus>' if menu else ''}</customUI>"
    ).encode()


def _button(command: Command, language: str, *, size: str = "") -> str:
    """A button of the ribbon, with a size, or of a menu, without one; its tag is the macro that it runs."""
    name = command.name if size else f"{command.name}_Menu"
    stated = f' size="{size}"' if size else ""
    return (
        f'<button id="{name}" tag="{command.name}" label={quoteattr(command.label(language))}{stated} '
        f'onAction="{RIBBON_CALLBACK}" imageMso="{_PICTURES.get(command.name, "MacroPlay")}"/>'
    )
