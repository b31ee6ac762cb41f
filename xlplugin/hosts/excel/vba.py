"""The VBA module through which Excel for Windows calls the registry, and the macros. Text only.

The text differs from what xlwings itself would generate: whole-call failures become real error
values, the sentence of a failure is kept by the cell's address for WHY, help texts are attributes in
the text, and nothing needs access to the VBA project at run time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlplugin.errors import CODE_PREFIX
from xlplugin.worksheet.reserved import VBA_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xlplugin.worksheet.registry import WorksheetFunction

__all__ = ["COMMANDS_MODULE", "FIRST_CUSTOM_CATEGORY", "MODULE", "command_source", "parameter_name", "source"]

MODULE = "xlwings_udfs"  # what xlwings' own Import Functions would replace, so no second copy can arise
COMMANDS_MODULE = "xlplugin_commands"
RIBBON_CALLBACK = "Xlplugin_Ribbon"
FIRST_CUSTOM_CATEGORY = 20  # behind builtInGroupCount="19" of the workbook part
_USED_BY_THE_TEXT = frozenset(  # and "local", which the Basic of LibreOffice keeps for itself
    "application asresult err failed left local recorded remember thisworkbook xlpy".split()
)

# Signs that the code pages of Windows lack, as they are written in the wizard.
_SIGNS = str.maketrans({"\u2212": "-", "≤": "<=", "≥": ">=", "·": "*", "√": "sqrt ", "Σ": "sum ", "∞": "inf"})

_PRELUDE = f"""\
'Generated from the function registry. Changes are lost.
Private Messages As Collection

Private Sub Remember(ByVal sentence As String)
    Dim key As String
    On Error Resume Next
    If Messages Is Nothing Then Set Messages = New Collection
    key = Application.Caller.Address(External:=True)
    Messages.Remove key
    If sentence <> "" Then Messages.Add sentence, key
End Sub

Private Function Recorded(ByVal failed As Variant) As String
    On Error Resume Next
    Recorded = Messages(failed.Address(External:=True))
End Function

Private Function AsCell(ByVal item As Variant) As Variant
    AsCell = item
    If VarType(item) <> vbString Then Exit Function
    If Left(item, 1) <> "#" Then Exit Function
    Select Case item
        Case "#NULL!": AsCell = CVErr(2000)
        Case "#DIV/0!": AsCell = CVErr(2007)
        Case "#VALUE!": AsCell = CVErr(2015)
        Case "#REF!": AsCell = CVErr(2023)
        Case "#NAME?": AsCell = CVErr(2029)
        Case "#NUM!": AsCell = CVErr(2036)
        Case "#N/A": AsCell = CVErr(2042)
    End Select
End Function

Private Function AsResult(ByVal result As Variant) As Variant
    Dim i As Long, j As Long, width As Long, at As Long, block() As Variant
    Remember ""
    If Not IsArray(result) Then
        at = 0
        If VarType(result) = vbString Then at = InStr(result, " {CODE_PREFIX}-")
        If at > 0 And Left(result, 1) = "#" Then
            Remember Mid(result, at + 1)
            AsResult = AsCell(Left(result, at - 1))
        Else
            AsResult = AsCell(result)
        End If
        Exit Function
    End If
    width = 0
    On Error Resume Next
    width = UBound(result, 2) - LBound(result, 2) + 1
    On Error GoTo 0
    If width = 0 Then
        ReDim block(0 To 0, 0 To UBound(result) - LBound(result))
        For j = LBound(result) To UBound(result)
            block(0, j - LBound(result)) = AsCell(result(j))
        Next j
    Else
        ReDim block(LBound(result, 1) To UBound(result, 1), LBound(result, 2) To UBound(result, 2))
        For i = LBound(result, 1) To UBound(result, 1)
            For j = LBound(result, 2) To UBound(result, 2)
                block(i, j) = AsCell(result(i, j))
            Next j
        Next i
    End If
    AsResult = block
End Function
"""

_FUNCTION = """
Public Function {name}({parameters}) As Variant
Attribute {name}.VB_Description = "{summary}"
Attribute {name}.VB_ProcData.VB_Invoke_Func = " \\n{category}"
    On Error GoTo failed{before}
    {name} = AsResult(XLPy.CallUDF("{module}", "{name}", Array({names}), ThisWorkbook, Application.Caller))
    Exit Function
failed:
    Remember "{prefix}-900 {name}: " & Left(Err.Description, 200)
    {name} = CVErr(2015)
End Function
"""

# WHY knows the sentences of failed cells only here, where cells have addresses.
_RECORDED_FIRST = """
    WHY = Recorded({first})
    If WHY <> "" Then Exit Function"""

_COMMAND = """
Public Sub {name}()
    On Error GoTo failed
    XLPy.CallUDF "{module}", "{name}", Array(), ThisWorkbook, Application.Caller
    Exit Sub
failed:
    MsgBox Left(Err.Description, 900), vbExclamation, "xlplugin"
End Sub
"""


def parameter_name(function: str, argument: str) -> str:
    """An argument name as VBA can bear it: `to_` for `to`. Only the wizard shows it."""
    taken = argument in VBA_WORDS | _USED_BY_THE_TEXT or argument == function.lower()
    return f"{argument}_" if taken else argument


def source(
    functions: Iterable[WorksheetFunction], *, module: str, categories: Sequence[str], language: str
) -> str:
    """The text of the wrapper module.

    Parameters
    ----------
    functions : iterable of WorksheetFunction
        In the order in which they are written.
    module : str
        The Python module that the text calls, by its full dotted name.
    categories : sequence of str
        The categories of the function wizard in the order of the workbook part.
    language : str
        "ja" or "en": the language of the help texts.
    """
    text = _PRELUDE
    for function in functions:
        names = [parameter_name(function.name, a.name) for a in function.arguments]
        parameters = [
            f"Optional {name}" if a.is_optional else name
            for name, a in zip(names, function.arguments, strict=True)
        ]
        text += _FUNCTION.format(
            name=function.name,
            parameters=", ".join(parameters),
            names=", ".join(names),
            summary=function.help.text(language).translate(_SIGNS).replace('"', '""'),
            category=FIRST_CUSTOM_CATEGORY + categories.index(function.category),
            before=_RECORDED_FIRST.format(first=names[0]) if function.name == "WHY" else "",
            module=module,
            prefix=CODE_PREFIX,
        )
    return text


_RIBBON = """
Public Sub {ribbon}(ByVal control As Object)
    Application.Run control.Tag
End Sub
"""


def command_source(commands: Iterable[str], *, module: str) -> str:
    """The text of the module with one macro per command; a macro takes no argument, so it is listed.

    Buttons carry the name of their macro as a tag and call it through one callback, which takes an argument
    and so stays out of the macro list.
    """
    macros = "".join(_COMMAND.format(name=name, module=module) for name in commands)
    return f"'Generated. Changes are lost.\n{macros}{_RIBBON.format(ribbon=RIBBON_CALLBACK)}"
