"""Where the files that come with the package lie, and templates made ready with our functions."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from xlplugin.errors import FileError

if TYPE_CHECKING:
    from xlplugin.cli.words import Language
    from xlplugin.workbook import CompiledTemplate
    from xlplugin.workbook.package import Package

__all__ = ["built", "compiled", "kind_of", "language_of", "sample_folder", "templates"]


def _workbooks() -> Path:
    # The package that holds the templates; a name, not an import: nothing in xlplugin imports it.
    return Path(str(files("workbooks")))


def templates() -> list[Path]:
    """The built template workbooks, called BOOK.LANGUAGE.xlsx."""
    return sorted(p for p in _workbooks().iterdir() if p.suffix in {".xlsx", ".xlsm"})


def built() -> dict[tuple[str, str], Path]:
    """The built templates by book and language."""
    found = {}
    for path in templates():
        book, dot, language = path.stem.rpartition(".")
        if dot:
            found[book, language] = path
    return found


def compiled(path: Path, language: str) -> CompiledTemplate:
    """A template joined to the worksheet functions, ready to be computed many times.

    Raises
    ------
    FileError
        If it is no workbook.
    """
    from xlplugin.hosts.headless import compile_book  # noqa: PLC0415  (the light start)
    from xlplugin.workbook import PackageError  # noqa: PLC0415

    try:
        return compile_book(path, language=language)
    except PackageError as error:
        raise FileError(f"{path}: {error}") from None


def language_of(path: Path, otherwise: Language) -> Language:
    """The language a book was built in, for column titles and sentences; `otherwise` if it does not say.

    Raises
    ------
    FileError
        If it is no workbook.
    """
    from xlplugin.store.files import read_bytes  # noqa: PLC0415  (the light start)
    from xlplugin.store.package import Package  # noqa: PLC0415

    word = Package(path, read_bytes(path)).properties.get("language")
    return "ja" if word == "ja" else "en" if word == "en" else otherwise


def kind_of(path: Path, package: Package) -> str:
    """Which of our books a workbook is, by the names it defines.

    Raises
    ------
    FileError
        If it shares less than half of its names with any template.
    """
    from xlplugin.workbook.package import Package  # noqa: PLC0415  (the light start)

    mine = {name.name for name in package.names}

    def likeness(template: Path) -> float:
        theirs = {name.name for name in Package.open(template).names}
        return len(mine & theirs) / max(1, len(mine | theirs))

    alike = {kind: likeness(template) for (kind, language), template in built().items() if language == "en"}
    best = max(alike, key=lambda kind: alike[kind], default="")
    if alike.get(best, 0.0) < 0.5:
        raise FileError(f"{path}: this is none of our workbooks; give one made with xlplugin new")
    return best


def sample_folder() -> Path:
    """The sample market and the sample clients."""
    return _workbooks() / "sample"
