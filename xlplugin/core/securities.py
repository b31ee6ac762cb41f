"""What a security is called. A code is text, however a spreadsheet hands it over."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal

from xlplugin.errors import InputError

__all__ = ["security_code"]

_JAPANESE_WITH_MARKET = re.compile(r"([0-9][0-9A-Z][0-9][0-9A-Z])\.T")


def security_code(value: object) -> str:
    """The code of a security as text.

    Parameters
    ----------
    value : object
        What a cell holds: 7203, 7203.0, "7203.0", "７２０３", "7203.T" or "BRK.B".

    Returns
    -------
    str
        Half-width text; a leading zero of a text stays.

    Raises
    ------
    InputError
        If a number has decimals other than zero, is not finite, is a logical value, or the
        text is empty.

    Examples
    --------
    >>> [security_code(c) for c in (7203.0, "７２０３", "7203.T", "130A", "BRK.B", "0050")]
    ['7203', '7203', '7203', '130A', 'BRK.B', '0050']
    """
    if isinstance(value, bool):
        raise InputError(f"{value} is not a security code; give text such as 7203 or BRK.B")
    if isinstance(value, (int, float, Decimal)):
        if not math.isfinite(value) or value != int(value):
            raise InputError(f"{value} is not a security code; a code has no decimals")
        return str(int(value))
    text = unicodedata.normalize("NFKC", str(value)).strip()
    if re.fullmatch(r"\d+\.0+", text):
        text = text.split(".")[0]
    if match := _JAPANESE_WITH_MARKET.fullmatch(text):
        text = match[1]
    if not text:
        raise InputError("a security code is empty; give text such as 7203 or BRK.B")
    return text
