"""The LibreOffice Calc add-in as an .oxt: a zip of text, generated from the registry.

LibreOffice takes the plain IDL source as a type library, so neither SDK nor compiler is needed.
UNO method names cannot hold underscores: INDEX_WEIGHTS is the method `indexweights`, shown to users
as INDEX_WEIGHTS and stored in files as ORG.XLPLUGIN.ADDIN.INDEXWEIGHTS.
"""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["IDENTIFIER", "build", "method_name", "stored_name"]

IDENTIFIER = "org.xlplugin.addin"
_SERVICE = "org.xlplugin.AddIn"
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # equal content gives equal bytes
_UNO = "application/vnd.sun.star.uno"

_MANIFEST = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">
 <manifest:file-entry manifest:media-type="{_UNO}-typelibrary;type=RDB" manifest:full-path="addin.idl"/>
 <manifest:file-entry manifest:media-type="application/vnd.sun.star.configuration-data"
  manifest:full-path="CalcAddIns.xcu"/>
 <manifest:file-entry manifest:media-type="{_UNO}-component;type=Python" manifest:full-path="addin.py"/>
</manifest:manifest>
"""

_DESCRIPTION = """\
<?xml version="1.0" encoding="UTF-8"?>
<description xmlns="http://openoffice.org/extensions/description/2006">
 <identifier value="{identifier}"/><version value="{version}"/>
 <display-name>
  <name lang="en">Direct indexing</name><name lang="ja">ダイレクト・インデックス</name>
 </display-name>
</description>
"""


def method_name(name: str) -> str:
    """The UNO method behind a worksheet function.

    Examples
    --------
    >>> method_name("INDEX_WEIGHTS")
    'indexweights'
    """
    return name.replace("_", "").lower()


def stored_name(name: str) -> str:
    """How LibreOffice writes a worksheet function into a file.

    Examples
    --------
    >>> stored_name("INDEX_WEIGHTS")
    'ORG.XLPLUGIN.ADDIN.INDEXWEIGHTS'
    """
    return f"{_SERVICE.upper()}.{method_name(name).upper()}"


def build(functions: Iterable[WorksheetFunction], *, version: str, packages: Iterable[str]) -> bytes:
    """The bytes of the add-in.

    Parameters
    ----------
    functions : iterable of WorksheetFunction
        What the add-in offers.
    version : str
        Shown in the extension manager.
    packages : iterable of str
        Folders that LibreOffice's Python searches for xlplugin, numpy and the rest.
    """
    offered = list(functions)
    parts = {
        "META-INF/manifest.xml": _MANIFEST,
        "description.xml": _DESCRIPTION.format(identifier=IDENTIFIER, version=version),
        "addin.idl": _idl(offered),
        "CalcAddIns.xcu": _configuration(offered),
        "addin.py": (files("xlplugin.hosts.libreoffice") / "addin.py").read_text(encoding="utf-8"),
        "packages.txt": "\n".join(packages) + "\n",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.encode("utf-8"))
    return out.getvalue()


def _idl(functions: list[WorksheetFunction]) -> str:
    methods = []
    for function in functions:
        arguments = ", ".join(f"[in] any a{k}" for k in range(len(function.arguments)))
        methods.append(f"  sequence< sequence<any> > {method_name(function.name)}({arguments});\n")
    return (
        "module org { module xlplugin {\n interface XFunctions {\n"
        + "".join(methods)
        + " };\n service AddIn : XFunctions;\n}; };\n"
    )


def _property(name: str, en: str, ja: str = "") -> str:
    values = f'<value xml:lang="en-US">{escape(en)}</value>'
    if ja:
        values += f'<value xml:lang="ja">{escape(ja)}</value>'
    return f'<prop oor:name="{name}">{values}</prop>'


def _configuration(functions: list[WorksheetFunction]) -> str:
    nodes = "".join(_function_node(function) for function in functions)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:component-data '
        'xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'oor:name="CalcAddIns" oor:package="org.openoffice.Office">\n'
        f'<node oor:name="AddInInfo"><node oor:name="{_SERVICE}" oor:op="replace">'
        f'<node oor:name="AddInFunctions">\n{nodes}</node></node></node>\n</oor:component-data>\n'
    )


def _function_node(function: WorksheetFunction) -> str:
    arguments = "".join(
        f'<node oor:name="a{k}" oor:op="replace">{_property("DisplayName", a.name)}'
        f"{_property('Description', a.help.en, a.help.ja)}</node>"
        for k, a in enumerate(function.arguments)
    )
    return (
        f'<node oor:name="{method_name(function.name)}" oor:op="replace">'
        f"{_property('DisplayName', function.name)}"
        f"{_property('Description', function.help.en, function.help.ja)}"
        '<prop oor:name="Category"><value>Add-In</value></prop>'
        f"{_property('CompatibilityName', function.name)}"
        f'<node oor:name="Parameters">{arguments}</node></node>\n'
    )
