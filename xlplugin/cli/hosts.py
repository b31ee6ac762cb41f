"""``xlplugin excel``, ``libreoffice``, ``officejs``: join the functions to a program on this machine."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from xlplugin.cli.books import Day, day_of
from xlplugin.cli.console import HELP, Console, Exit, Json, Lang, option
from xlplugin.cli.translating import rebuilt
from xlplugin.cli.words import say
from xlplugin.errors import FileError, HostError

__all__ = ["excel", "libreoffice", "officejs"]

excel = typer.Typer(help=say("help.excel", HELP), no_args_is_help=True)
_STATES = {"ok": "ok", "missing": "warn", "broken": "error"}
libreoffice = typer.Typer(help=say("help.libreoffice", HELP), no_args_is_help=True)
officejs = typer.Typer(help=say("help.officejs", HELP), no_args_is_help=True)


@excel.command("new", help=say("help.excel.new", HELP))
def excel_new(
    target: Annotated[Path, typer.Argument(metavar="BOOK.xlsm", help=say("help.out", HELP))],
    *,
    source: Annotated[Path | None, option("--from", "help.excel.from")] = None,
    as_of: Day = None,
    lang: Lang = HELP,
    as_json: Json = False,
) -> None:
    """A macro workbook for this machine's Excel, from a template, any .xlsx, or a macro book made before.

    A macro book is built anew, inputs carried over: the way after xlwings was upgraded.
    """
    from xlplugin.batch.writing import write_whole  # noqa: PLC0415  (the light start)
    from xlplugin.cli.making import with_macros  # noqa: PLC0415
    from xlplugin.cli.places import built, language_of  # noqa: PLC0415
    from xlplugin.store.files import read_bytes  # noqa: PLC0415

    console = Console.of(lang, as_json=as_json)
    if target.suffix.lower() != ".xlsm":
        raise FileError(f"{target}: a workbook with macros ends in .xlsm")
    if target.exists():
        raise FileError(f"{target}: there is a file already; give another name")
    path = source or built().get(("advisor", console.language))
    if path is None:
        raise FileError("no advisor template is installed; give a workbook with --from")
    language = language_of(path, console.language)
    data, left = read_bytes(path), list[str]()
    if path.suffix.lower() == ".xlsm":
        data, found = rebuilt(path, language, language, day_of(path, as_of))
        left = found.left
    write_whole(target, with_macros(data, language))
    console.line(console.say("made", path=target))
    if left:
        console.table(console.say("title.left"), [console.say("column.place")], [(part,) for part in left])
    console.data({"file": str(target), "stays": left})


@excel.command("install", help=say("help.excel.install", HELP))
def excel_install(*, lang: Lang = HELP) -> None:
    """Put xlwings' own add-in into Excel, for books that were not made by `excel new`."""
    from xlplugin.hosts.excel.addin import install, places  # noqa: PLC0415  (the light start)

    Console.of(lang, as_json=False).line(install(places()))


@excel.command("uninstall", help=say("help.excel.uninstall", HELP))
def excel_uninstall(*, lang: Lang = HELP) -> None:
    """Remove xlwings' add-in and our settings from Excel."""
    from xlplugin.hosts.excel.addin import places, uninstall  # noqa: PLC0415  (the light start)

    Console.of(lang, as_json=False).line(uninstall(places()))


@excel.command("status", help=say("help.excel.status", HELP))
def excel_status(*, lang: Lang = HELP, as_json: Json = False) -> None:
    """Say what of xlwings' add-in is there; exit code 5 when something is of another version or place."""
    from xlplugin.hosts.excel.addin import places, status  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=as_json)
    found = status(places())
    rows = [(console.say(f"state.{_STATES[level]}"), text, remedy) for level, text, remedy in found]
    console.table(
        console.say("help.excel"), [console.say(f"column.{c}") for c in ("state", "found", "remedy")], rows
    )
    console.data([{"state": level, "found": text, "remedy": remedy} for level, text, remedy in found])
    if any(level == "broken" for level, _, _ in found):
        raise typer.Exit(Exit.ENVIRONMENT)


@libreoffice.command("install", help=say("help.libreoffice.install", HELP))
def libreoffice_install(*, lang: Lang = HELP) -> None:
    """Install the add-in for the user's LibreOffice."""
    from xlplugin.hosts.libreoffice.install import install  # noqa: PLC0415  (the light start)

    Console.of(lang, as_json=False).line(install())


@libreoffice.command("uninstall", help=say("help.libreoffice.uninstall", HELP))
def libreoffice_uninstall(*, lang: Lang = HELP) -> None:
    """Remove the add-in from the user's LibreOffice."""
    from xlplugin.hosts.libreoffice.install import uninstall  # noqa: PLC0415  (the light start)

    Console.of(lang, as_json=False).line(uninstall())


@officejs.command("serve", help=say("help.officejs.serve", HELP))
def officejs_serve(
    *,
    port: Annotated[int, option("--port", "help.officejs.port", min=1, max=65535)] = 8443,
    host: Annotated[str, option("--host", "help.officejs.host")] = "localhost",
    token: Annotated[str, option("--token", "help.officejs.token", envvar="XLPLUGIN_TOKEN")] = "",
    folder: Annotated[Path | None, option("--folder", "help.officejs.folder")] = None,
    lang: Lang = HELP,
) -> None:
    """Serve the functions to Excel on this machine until interrupted."""
    try:
        from xlplugin.hosts.officejs.server import serve  # noqa: PLC0415  (an optional extra)
    except ImportError:
        raise HostError('the server needs more packages; install "xlplugin[server]"') from None
    from xlplugin.worksheet.registry import load  # noqa: PLC0415  (the light start)

    console = Console.of(lang, as_json=False)
    place = folder or _own_folder()
    console.line(console.say("officejs.at", address=f"https://{host}:{port}", folder=place))
    serve(
        load(),
        port=port,
        folder=place,
        today=dt.datetime.now(dt.UTC).date(),
        language=console.language,
        token=token,
        host=host,
    )


def _own_folder() -> Path:
    """Where certificates are kept for the user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "xlplugin"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "xlplugin"
