"""A batch job: what to make for whom, read from TOML. Unknown keys are errors with the nearest known one.

Paths are relative to the job file. One value is overridden with ``section.key=value``.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from xlplugin.errors import FileError
from xlplugin.store.cells import UnreadableError
from xlplugin.store.dictionary import PER_CLIENT, settings
from xlplugin.store.log_tables import LOG_TABLES
from xlplugin.store.market import MarketFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["MAKES", "Job", "load_job", "load_markets", "overridden"]

MAKES = ("proposal", "advisor", "year_end")
"""The books that a job can make."""

_JOB = ("name", "as_of", "make", "languages", "paper", "firm", "user_role")
_RUN = ("workers", "timeout_s", "on_error", "resume", "only", "dry_run")
_TABLES = ("clients", *PER_CLIENT, *LOG_TABLES)
_INPUT = ("form", "folder", "pattern", "url", *_TABLES)
_OUTPUT = ("folder", "render", "redact_name")
_MARKET = ("constituents", "prices", "history", "events", "risk")
_SECTIONS = ("job", "input", "market", "defaults", "output", "run", "templates")
_ROLES = ("tax_professional", "advisor", "discretionary_manager", "internal")


@dataclass(frozen=True)
class Job:
    """Everything a run needs to know, checked.

    Attributes
    ----------
    file : Path
        Where it was read.
    as_of : date
        The day of prices, lots and law.
    make : tuple of str
        Of `MAKES`.
    languages : tuple of str
        "client", or some of "ja" and "en".
    form : str
        "tables", "folder" or "database".
    tables : dict of str to Path
        For "tables": the file of each table.
    source : Path or str or None
        The folder, or the address of the database.
    markets : dict of str to MarketFiles
        By name; one market is called "".
    defaults : dict
        Settings of clients that have none of their own; lowest priority.
    templates : dict of str to Path
        A firm's own templates, as "proposal.ja"; the built ones are used otherwise.
    """

    file: Path
    name: str
    as_of: dt.date
    folder: Path
    markets: Mapping[str, MarketFiles]
    form: str
    tables: Mapping[str, Path] = field(default_factory=dict)
    source: Path | str | None = None
    pattern: str = "*.xlsx"
    make: tuple[str, ...] = ("proposal",)
    languages: tuple[str, ...] = ("client",)
    firm: str | None = None
    user_role: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    render: tuple[str, ...] = ()
    redact_name: bool = False
    workers: int | None = None
    timeout_s: float | None = None
    on_error: str = "continue"
    resume: bool = True
    only: tuple[str, ...] = ()
    dry_run: bool = False
    templates: Mapping[str, Path] = field(default_factory=dict)


def load_job(path: Path, overrides: Iterable[str] = ()) -> Job:
    """Read and check a job file.

    Raises
    ------
    FileError
        If it cannot be read, a key is unknown, or a value is not what it must be.
    """
    return _Reader(path, overridden(path, _parsed(path), overrides)).job()


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such job file; check the path") from None
    except (OSError, UnicodeDecodeError):
        raise FileError(f"{path}: cannot be read; a job file is UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path}: this is not TOML: {error}") from None


def load_markets(path: Path) -> dict[str, MarketFiles]:
    """The markets that a job file names; nothing else of it is looked at.

    Raises
    ------
    FileError
        As `load_job`.
    """
    return _Reader(path, _parsed(path)).markets()


def overridden(path: Path, data: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    r"""The job with single values replaced: "run.workers=2", "job.make=[\"advisor\"]".

    Raises
    ------
    FileError
        If an override is not section.key=value.
    """
    result = {k: dict(v) if isinstance(v, dict) else v for k, v in data.items()}
    for text in overrides:
        key, sign, value = text.partition("=")
        section, dot, name = key.strip().rpartition(".")
        if not (sign and dot):
            raise FileError(f"--set {text}: expected section.key=value, for example run.workers=2")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parsed = value
        target = result
        for part in section.split("."):
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise FileError(f"--set {text}: {part} is not a section of {path}")
        target[name] = parsed
    return result


class _Reader:
    """Takes a parsed job apart."""

    def __init__(self, path: Path, data: Mapping[str, Any]) -> None:
        self.path, self.base = path, path.parent
        self.known(data, _SECTIONS, "a section of a job")
        self.sections = {name: dict(data.get(name, {})) for name in _SECTIONS}

    def error(self, sentence: str) -> FileError:
        return FileError(f"{self.path}: {sentence}")

    def known(self, found: Mapping[str, Any], known: Iterable[str], what: str) -> None:
        names = tuple(known)
        for name in found:
            if name not in names:
                near = get_close_matches(name, names, 1, 0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
                raise self.error(f"{name} is not {what}; {hint}")

    def job(self) -> Job:
        job, run, out = (self.sections[n] for n in ("job", "run", "output"))
        self.known(job, _JOB, "a key of [job]")
        self.known(run, _RUN, "a key of [run]")
        self.known(out, _OUTPUT, "a key of [output]")
        form, tables, source = self.input()
        if "as_of" not in job or not isinstance(job["as_of"], dt.date):
            raise self.error("[job] as_of must be a date such as 2026-11-20")
        if "folder" not in out:
            raise self.error("[output] folder is missing; say where the workbooks go")
        redact = self.flag(out, "redact_name", default=False)
        return Job(
            file=self.path,
            name=str(job.get("name", self.path.stem)),
            as_of=job["as_of"],
            folder=(self.base / str(out["folder"])).absolute(),
            markets=self.markets(),
            form=form,
            tables=tables,
            source=source,
            pattern=str(self.sections["input"].get("pattern", "*.xlsx")),
            make=self.several(job, "make", MAKES, ("proposal",)),
            languages=self.several(job, "languages", ("client", "ja", "en"), ("client",)),
            firm=self.text(job, "firm"),
            user_role=self.one_of(job, "user_role", _ROLES),
            defaults=self.defaults(),
            render=self.several(out, "render", ("pdf",), ()),
            redact_name=redact,
            workers=self.number(run, "workers", 1),
            timeout_s=self.number(run, "timeout_s", 1),
            on_error=self.one_of(run, "on_error", ("continue", "stop")) or "continue",
            resume=self.flag(run, "resume", default=True),
            only=tuple(str(c) for c in run.get("only", ())),
            dry_run=self.flag(run, "dry_run", default=False),
            templates={k: self.path_of(v) for k, v in self.sections["templates"].items()},
        )

    # -- values ------------------------------------------------------------------------------------

    def path_of(self, value: Any) -> Path:
        return self.base / str(value)

    def text(self, section: Mapping[str, Any], key: str) -> str | None:
        return None if section.get(key) is None else str(section[key])

    def flag(self, section: Mapping[str, Any], key: str, *, default: bool) -> bool:
        value = section.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false, got {value!r}")
        return value

    def number(self, section: Mapping[str, Any], key: str, least: int) -> int | None:
        value = section.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.error(f"{key} must be a whole number from {least}, got {value!r}")
        return value

    def one_of(self, section: Mapping[str, Any], key: str, words: tuple[str, ...]) -> str | None:
        value = section.get(key)
        if value is not None and value not in words:
            raise self.error(f"{key} must be one of {', '.join(words)}, got {value!r}")
        return None if value is None else str(value)

    def several(
        self, section: Mapping[str, Any], key: str, words: tuple[str, ...], default: tuple[str, ...]
    ) -> tuple[str, ...]:
        value = section.get(key, default)
        given = [value] if isinstance(value, str) else list(value)
        for word in given:
            if word not in words:
                raise self.error(f"{key} must be some of {', '.join(words)}, got {word!r}")
        return tuple(dict.fromkeys(str(word) for word in given))

    # -- sections ------------------------------------------------------------------------------------

    def input(self) -> tuple[str, dict[str, Path], Path | str | None]:
        section = self.sections["input"]
        self.known(section, _INPUT, "a key of [input]")
        form = self.one_of(section, "form", ("tables", "folder", "database")) or "tables"
        if form == "folder":
            if "folder" not in section:
                raise self.error("[input] folder is missing; give the folder of client workbooks")
            return form, {}, self.path_of(section["folder"])
        if form == "database":
            if "url" not in section:
                raise self.error("[input] url is missing; give a SQLite file or a database address")
            url = str(section["url"])
            return form, {}, url if "://" in url and not url.startswith("sqlite:///") else self.sqlite(url)
        tables = {name: self.path_of(section[name]) for name in _TABLES if name in section}
        if "clients" not in tables:
            raise self.error("[input] clients is missing; give the file of the clients table")
        return form, tables, None

    def sqlite(self, url: str) -> str:
        return str(self.path_of(url.removeprefix("sqlite:///")))

    def markets(self) -> dict[str, MarketFiles]:
        section = self.sections["market"]
        if section and all(isinstance(v, dict) for v in section.values()):
            return {name: self.market(name, one) for name, one in section.items()}
        return {"": self.market("", section)} if section else {}

    def market(self, name: str, section: Mapping[str, Any]) -> MarketFiles:
        title = f"[market.{name}]" if name else "[market]"
        self.known(section, _MARKET, f"a key of {title}")
        if "constituents" not in section:
            raise self.error(f"{title} constituents is missing; give the file of the index members")
        paths = {k: self.path_of(v) for k, v in section.items()}
        return MarketFiles(
            paths["constituents"],
            paths.get("prices"),
            paths.get("history") or paths.get("risk"),
            paths.get("events"),
        )

    def defaults(self) -> dict[str, Any]:
        section = self.sections["defaults"]
        known = settings()
        self.known(section, known, "a setting")
        read = {}
        for key, value in section.items():
            cell = Decimal(repr(value)) if isinstance(value, float) else value
            try:
                read[key] = known[key].read(cell)
            except UnreadableError as error:
                raise self.error(f"[defaults] {key}: {error}, got {value!r}") from None
        return read
