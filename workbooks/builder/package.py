"""The last step: what the authoring library writes into a package and we do not want there."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

__all__ = ["finish", "parts"]

_FULL_CALCULATION = re.compile(rb' fullCalcOnLoad="1"')
_EPOCH = (1980, 1, 1, 0, 0, 0)


def finish(package: bytes) -> bytes:
    """The package without "calculate everything when opened", with fixed times.

    A client without the worksheet functions would see `#NAME?` in every cell if Excel were told to
    calculate on opening.
    """
    target = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(package)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "xl/workbook.xml":
                data = _FULL_CALCULATION.sub(b"", data)
            info = zipfile.ZipInfo(entry.filename, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0
            info.create_system = 0
            out.writestr(info, data)
    return target.getvalue()


def parts(package: bytes) -> dict[str, bytes]:
    """The parts of a package by name, for comparison."""
    with zipfile.ZipFile(BytesIO(package)) as source:
        return {name: source.read(name) for name in source.namelist()}
