"""One function, several spellings: how each host names a worksheet function in a file.

The reader matches whole spellings from a closed table; cutting prefixes off by pattern goes wrong
as soon as one name ends like another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FLAVOURS", "NAMESPACE", "rewrite", "spelling", "spelling_table"]

NAMESPACE = "DI"
_LITE_NAMESPACE = "XLW"
_ADD_IN_SERVICE = "ORG.XLPLUGIN.ADDIN"
FLAVOURS = ("vba", "officejs", "libreoffice", "lite", "xll")
_TEXT_OR_NAME = re.compile(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'|[A-Za-z_][A-Za-z0-9_.]*(?=\()')


def spelling(name: str, flavour: str) -> str:
    """How `flavour` stores the function `name` in a file.

    Examples
    --------
    >>> [spelling("INDEX_WEIGHTS", f) for f in ("vba", "officejs", "libreoffice")]
    ['INDEX_WEIGHTS', '_xldudf_DI_INDEX_WEIGHTS', 'ORG.XLPLUGIN.ADDIN.INDEXWEIGHTS']
    """
    forms = {
        "vba": name,
        "officejs": f"_xldudf_{NAMESPACE}_{name}",
        "lite": f"_xldudf_{_LITE_NAMESPACE}_{name}",
        "libreoffice": f"{_ADD_IN_SERVICE}.{name.replace('_', '')}",
        "xll": f"_xll.{name}",
    }
    return forms[flavour]


def spelling_table(names: Iterable[str]) -> dict[str, str]:
    """Upper-cased spelling -> name, over all flavours and the typed namespace form.

    Raises
    ------
    ValueError
        If two names meet in one spelling.
    """
    found: dict[str, str] = {}
    for name in names:
        for form in (*(spelling(name, flavour) for flavour in FLAVOURS), f"{NAMESPACE}.{name}"):
            if found.setdefault(form.upper(), name) != name:
                raise ValueError(f"{form} is both {found[form.upper()]} and {name}")
    return found


def rewrite(formula: str, names: Iterable[str], flavour: str) -> str:
    """`formula` with every worksheet function, in whatever spelling, written as `flavour` stores it.

    Text in quotes and sheet names in quotes stay as they are.

    Examples
    --------
    >>> rewrite('=SUM(DI.HARVEST(A1:C9))&"HARVEST("', ["HARVEST"], "libreoffice")
    '=SUM(ORG.XLPLUGIN.ADDIN.HARVEST(A1:C9))&"HARVEST("'
    """
    table = spelling_table(names)

    def replaced(match: re.Match[str]) -> str:
        name = table.get(match[0].upper())
        return match[0] if name is None else spelling(name, flavour)

    return _TEXT_OR_NAME.sub(replaced, formula)
