"""Number formats: what a cell shows, and what TEXT gives, for numbers, dates and texts.

Sections, conditions, digits, grouping, scaling, per cent, exponents, fractions, dates, elapsed
times, Japanese eras and weekdays. Colours and column fills leave no trace in a text. Source:
ECMA-376 part 1, section 18.8.31; eras by the Cabinet orders of 1868 to 2019.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

__all__ = ["NotShownError", "formatted", "formatted_text", "general", "is_supported"]

_PIECE = re.compile(
    r"""
 (?P<literal>"[^"]*"|\\.)
|(?P<space>_.)
|(?P<fill>\*.)
|(?P<elapsed>\[(?:h+|m+|s+)\](?:\.0+)?)
|(?P<bracket>\[[^\]]*\])
|(?P<general>General)
|(?P<half>AM/PM|am/pm|A/P|a/p)
|(?P<exponent>[Ee][+-])
|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|a{3,4}|g+|e+|b+)
|(?P<digit>[0\#?])
|(?P<mark>[.,%/@])
|(?P<other>[\s\S])""",
    re.X | re.I,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9.]+)")
_COMPARE: Final = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}
_MONTHS: Final = (
    "January February March April May June July August September October November December".split()
)
_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_WEEK: Final = "月火水木金土日"
_ERAS: Final = (
    (dt.date(2019, 5, 1), "R", "令和"),
    (dt.date(1989, 1, 8), "H", "平成"),
    (dt.date(1926, 12, 25), "S", "昭和"),
    (dt.date(1912, 7, 30), "T", "大正"),
    (dt.date(1868, 1, 25), "M", "明治"),
)
_LANGUAGES: Final = ("409", "809", "411", "en", "ja", "f800", "f400", "1")  # English, Japanese, system
_LAST_DAY: Final = 2_958_466


class NotShownError(ValueError):
    """A number that the format cannot show: a date before the first day, or after the last one."""


@dataclass(frozen=True)
class _Section:
    pieces: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None = None
    japanese: bool = False
    kinds: frozenset[str] = field(default=frozenset())

    @property
    def is_date(self) -> bool:
        return bool(self.kinds & {"date", "elapsed", "half"})


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Section, ...]:
    """A format cut at its semicolons."""
    found: list[list[tuple[str, str]]] = [[]]
    for match in _PIECE.finditer(code):
        kind, part = match.lastgroup or "other", match[0]
        if kind == "other" and part == ";":
            found.append([])
        else:
            found[-1].append((kind, part))
    return tuple(_section(pieces) for pieces in found)


def _section(pieces: list[tuple[str, str]]) -> _Section:
    condition, japanese, kept = None, False, []
    for kind, part in pieces:
        if kind != "bracket":
            kept.append((kind, part))
            continue
        inside = part[1:-1]
        if match := _CONDITION.fullmatch(inside):
            condition = match[1], float(match[2])
        elif inside.startswith("$"):
            symbol, _, locale = inside[1:].partition("-")
            japanese = japanese or locale.lower().startswith(("411", "ja", "11"))
            if symbol:
                kept.append(("literal", f'"{symbol}"'))
    kinds = frozenset(kind for kind, _ in kept)
    if "date" in kinds and not _has_date(kept):
        kept = [("other" if kind == "date" else kind, part) for kind, part in kept]
        kinds = frozenset(kind for kind, _ in kept)
    return _Section(tuple(kept), condition, japanese, kinds)


def _has_date(pieces: list[tuple[str, str]]) -> bool:
    """A lone b or e beside digits is no date."""
    return any(kind == "date" and part[0].lower() in "ymdhsage" for kind, part in pieces)


def formatted(value: float, code: str, *, date1904: bool = False) -> str:
    """A number as text.

    Parameters
    ----------
    value : float
    code : str
        The format, as it stands in the file.
    date1904 : bool
        Whether dates count from 1904.

    Raises
    ------
    NotShownError
        For a date format and a number that is no date.

    Examples
    --------
    >>> formatted(1234.5, "#,##0.00"), formatted(-0.05, "0.0%;(0.0%)"), formatted(46346.0, "ggge年m月d日")
    ('1,234.50', '(5.0%)', '令和8年11月20日')
    """
    sections = _sections(code)
    section, shown, sign = _chosen(sections, value)
    if section is None:
        return general(value) if len(sections) == 1 else "#"
    if not section.pieces:
        return "-" if sign and not (section.pieces or len(sections) > 1) else ""
    if section.is_date:
        return _date(section, value, date1904=date1904)
    if "general" in section.kinds or (section.kinds == {"mark"} and ("mark", "@") in section.pieces):
        text = general(shown)
        return sign + "".join(
            text if kind == "general" or part == "@" else _plain(kind, part) for kind, part in section.pieces
        )
    if ("mark", "@") in section.pieces and not section.kinds & {"digit"}:
        return sign + "".join(
            general(shown) if part == "@" else _plain(kind, part) for kind, part in section.pieces
        )
    if not section.kinds & {"digit"}:
        return sign + "".join(_plain(kind, part) for kind, part in section.pieces)
    return _number(section, shown, sign)


def formatted_text(value: str, code: str) -> str:
    """A text in a format: the fourth section, or one with ``@``; else the text itself."""
    sections = _sections(code)
    section = sections[3] if len(sections) > 3 else None
    if section is None:
        section = next((s for s in sections if ("mark", "@") in s.pieces), None)
    if section is None:
        return value
    return "".join(value if part == "@" else _plain(kind, part) for kind, part in section.pieces)


def is_supported(code: str) -> bool:
    """Whether every part of a format is understood (rule T21).

    Not: Chinese and Japanese numerals, and names of months and days in other languages.

    Examples
    --------
    >>> [is_supported(code) for code in ("#,##0.0%", "ggge年", "[DBNum1]0", "[$-40C]mmmm")]
    [True, True, False, False]
    """
    if len(code.split(";")) > 4 + code.count('"') + code.count("\\"):
        return False
    for match in _PIECE.finditer(code):
        inside = match[0][1:-1].lower() if match.lastgroup == "bracket" else ""
        if inside.startswith("dbnum"):
            return False
        locale = inside.partition("-")[2] if inside.startswith("$") else ""
        if locale and not locale.startswith(_LANGUAGES) and re.search("mmm|ddd", code, re.I):
            return False
    return True


def _chosen(sections: tuple[_Section, ...], value: float) -> tuple[_Section | None, float, str]:
    """The section, the number it shows, and a sign where the section does not show it itself."""
    numeric = sections[:3]
    if any(section.condition for section in numeric):
        for section in numeric:
            if section.condition and not _COMPARE[section.condition[0]](value, section.condition[1]):
                continue
            covers_negatives = section.condition is not None and section is not numeric[0]
            is_own = section.condition is not None and section.condition[0] in ("<", "<=")
            sign = "-" if value < 0 and not (covers_negatives or is_own) else ""
            return section, abs(value), sign
        return None, value, ""
    if value < 0 and len(numeric) > 1:
        return numeric[1], abs(value), ""
    if value == 0 and len(numeric) > 2:
        return numeric[2], 0.0, ""
    return numeric[0], abs(value), "-" if value < 0 else ""


def _plain(kind: str, part: str) -> str:
    if kind == "literal":
        return part[1:] if part[0] == "\\" else part[1:-1]
    if kind == "space":
        return " "
    return "" if kind in ("fill", "digit") else part


# -- General -------------------------------------------------------------------------------------


def general(value: float) -> str:
    """A number in the format General, eleven characters wide as in a cell.

    Examples
    --------
    >>> general(1 / 3), general(1e11), general(123456789012.0), general(0.1 + 0.2), general(1e-12)
    ('0.333333333', '1E+11', '1.23457E+11', '0.3', '1E-12')
    """
    if value == 0:
        return "0"
    size = abs(value)
    sign = "-" if value < 0 else ""
    exponent = math.floor(math.log10(size))
    if -10 < exponent < 11:
        places = max(0, 9 - max(exponent, 0))
        rounded = _rounded(size, places)
        shown = f"{rounded:f}"
        shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
        # A small number keeps its decimals as long as none is lost.
        if len(shown) <= 11 and (exponent > -5 or rounded == Decimal(f"{size:.15g}")):
            return sign + shown
    mantissa, _, power = f"{Decimal(repr(size)):.5E}".partition("E")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{sign}{mantissa}E{power[0]}{power[1:].zfill(2)}"


def _rounded(size: float, places: int) -> Decimal:
    """Half away from zero on the fifteen digits that Excel keeps."""
    exact = Decimal(f"{size:.15g}")
    return exact.quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_UP)


# -- digits --------------------------------------------------------------------------------------


def _number(section: _Section, size: float, sign: str) -> str:
    pieces = list(section.pieces)
    if any(kind == "exponent" for kind, _ in pieces):
        return sign + _scientific(pieces, size)
    for _ in range(sum(1 for kind, part in pieces if kind == "mark" and part == "%")):
        size *= 100
    if (bar := _fraction_bar(pieces)) is not None:
        return sign + _fraction(pieces, bar, size)
    point = next((at for at, piece in enumerate(pieces) if piece == ("mark", ".")), len(pieces))
    digits = [at for at, (kind, _) in enumerate(pieces) if kind == "digit"]
    whole_digits = [at for at in digits if at < point]
    for last in {whole_digits[-1] if whole_digits else -1, digits[-1]} - {-1}:
        at = last + 1
        while at < len(pieces) and pieces[at] == ("mark", ","):  # behind the last digit: thousands
            size /= 1000
            pieces[at] = "fill", "*,"
            at += 1
    grouped = False
    if whole_digits:
        inside = range(whole_digits[0], whole_digits[-1])
        grouped = any(pieces[at] == ("mark", ",") for at in inside)
        for at in inside:
            if pieces[at] == ("mark", ","):
                pieces[at] = "fill", "*,"
    whole, fraction = pieces[:point], pieces[point:]
    places = sum(1 for kind, _ in fraction if kind == "digit")
    shown = f"{_rounded(size, places):f}"
    integer, _, decimals = shown.partition(".")
    if not any(c not in "0." for c in shown):
        sign = ""  # nothing is left of the number after rounding
    return sign + _integer(whole, integer, grouped=grouped) + _decimals(fraction, decimals)


def _integer(pieces: list[tuple[str, str]], integer: str, *, grouped: bool) -> str:
    """Digits into their places from the right; what is left over stands before the first place."""
    places = [at for at, (kind, _) in enumerate(pieces) if kind == "digit"]
    digits = integer.lstrip("0")
    out: list[str] = []
    used = 0
    for at in range(len(pieces) - 1, -1, -1):
        kind, part = pieces[at]
        if kind != "digit":
            out.append(_plain(kind, part))
            continue
        take = digits if at == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(take)]
        if not take:
            take = {"0": "0", "?": " "}.get(part, "")
        for digit in reversed(take):
            if grouped and used and used % 3 == 0:
                out.append("," if digit != " " else " ")
            out.append(digit)
            used += 1
    if digits and not places:
        out.append(integer)
    return "".join(reversed(out)) if places or not digits else integer + "".join(reversed(out))


def _decimals(pieces: list[tuple[str, str]], decimals: str) -> str:
    places = [part for kind, part in pieces if kind == "digit"]
    # Trailing zeros are shown as far as a place asks for them.
    keep = len(decimals.rstrip("0"))
    out, used = [], 0
    for kind, part in pieces:
        if kind != "digit":
            out.append(_plain(kind, part))
            continue
        digit = decimals[used] if used < len(decimals) else "0"
        needed = used < keep or ("0" in places[used:] and part == "0")
        out.append(digit if needed or used < keep else {"?": " ", "0": digit}.get(part, ""))
        used += 1
    return "".join(out)


def _scientific(pieces: list[tuple[str, str]], size: float) -> str:
    at = next(k for k, (kind, _) in enumerate(pieces) if kind == "exponent")
    mantissa, power = pieces[:at], pieces[at + 1 :]
    last = max((k for k, (kind, _) in enumerate(mantissa) if kind == "digit"), default=-1)
    mantissa = [("fill", "*,") if p == ("mark", ",") and k > last else p for k, p in enumerate(mantissa)]
    power = [("fill", "*,") if p == ("mark", ",") else p for p in power]
    point = next((k for k, piece in enumerate(mantissa) if piece == ("mark", ".")), len(mantissa))
    whole = max(1, sum(1 for kind, _ in mantissa[:point] if kind == "digit"))
    places = sum(1 for kind, _ in mantissa[point:] if kind == "digit")
    exponent = 0 if size == 0 else math.floor(math.log10(size))
    exponent -= exponent % whole if whole > 1 else 0
    scaled = Decimal(f"{size:.15g}").scaleb(-exponent) if size else Decimal(0)
    shown = scaled.quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_UP)
    if shown >= 10**whole:
        exponent += whole
        shown = (scaled.scaleb(-whole)).quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_UP)
    integer, _, decimals = f"{shown:f}".partition(".")
    mark = pieces[at][1]  # e or E, as it is written
    sign = "-" if exponent < 0 else "+" if mark[1] == "+" else ""
    first = next((k for k, (kind, _) in enumerate(power) if kind == "digit"), len(power))
    digits = (
        _integer(power[first:], str(abs(exponent)), grouped=False) if exponent else _forced(power[first:])
    )
    inside = [k for k, (kind, _) in enumerate(mantissa[:point]) if kind == "digit"]
    comma = ("mark", ",")
    grouped = bool(inside) and comma in mantissa[inside[0] : inside[-1]]
    front = [("fill", "*,") if piece == comma else piece for piece in mantissa[:point]]
    body = _integer(front, integer, grouped=grouped) + _decimals(mantissa[point:], decimals)
    return f"{body}{mark[0]}{_rest(power[:first])}{sign}{digits}"


def _fraction_bar(pieces: list[tuple[str, str]]) -> int | None:
    for at, piece in enumerate(pieces):
        if piece == ("mark", "/") and 0 < at < len(pieces) - 1 and pieces[at - 1][0] == "digit":
            return at
    return None


def _fraction(pieces: list[tuple[str, str]], bar: int, size: float) -> str:
    start = bar
    while start > 0 and pieces[start - 1][0] == "digit":
        start -= 1
    end = bar + 1
    while end < len(pieces) and (pieces[end][0] == "digit" or pieces[end][1].isdigit()):
        end += 1
    denominator = "".join(part for _, part in pieces[bar + 1 : end])
    has_whole = any(kind == "digit" for kind, _ in pieces[:start])
    whole = math.floor(size) if has_whole else 0
    rest = Fraction(repr(size)) - whole
    if denominator.strip("0#?") or (denominator.isdigit() and denominator.strip("0")):
        fixed = int(denominator)
        part = Fraction(math.floor(rest * fixed + Fraction(1, 2)), fixed)
        top, bottom = int(part * fixed), fixed
    else:
        part = rest.limit_denominator(10 ** len(denominator) - 1)
        top, bottom = part.numerator, part.denominator
    if has_whole and top == bottom:
        whole, top = whole + 1, 0
    pads = any(part == "?" for _, part in pieces[start:end])
    width_top, width_bottom = (bar - start, len(denominator)) if pads else (0, 0)
    lead: list[tuple[str, str]] = pieces[:start]
    gap: list[tuple[str, str]] = []
    while lead and lead[-1][0] != "digit" and has_whole:  # what stands between number and fraction
        gap.insert(0, lead.pop())
    between = "".join(_plain(kind, part) for kind, part in gap)
    tail = _rest(pieces[end:])
    if top == 0 and has_whole:
        shown = " " * (len(between) + width_top + 1 + width_bottom) if pads else ""
        number = _integer(lead, str(whole), grouped=False) if whole else _forced(lead)
        return f"{number}{shown}{tail}"
    front = _integer(lead, str(whole), grouped=False) if has_whole else _rest(lead)
    if has_whole and whole == 0 and "0" not in {part for kind, part in lead if kind == "digit"}:
        between = between if pads else ""
    return f"{front}{between}{str(top).rjust(width_top)}/{str(bottom).ljust(width_bottom)}{tail}"


def _forced(pieces: list[tuple[str, str]]) -> str:
    """A zero that is shown although no place asks for it."""
    places = [at for at, (kind, _) in enumerate(pieces) if kind == "digit"]
    if not places:
        return _rest(pieces)
    forced = [*pieces[: places[-1]], ("digit", "0"), *pieces[places[-1] + 1 :]]
    return _integer(forced, "0", grouped=False)


def _rest(pieces: list[tuple[str, str]]) -> str:
    return "".join(_plain(kind, part) for kind, part in pieces)


# -- dates ---------------------------------------------------------------------------------------


def _date(section: _Section, value: float, *, date1904: bool) -> str:
    has_elapsed = "elapsed" in section.kinds
    if not has_elapsed and not 0 <= value < _LAST_DAY:
        raise NotShownError(f"{value:g} is no date")
    sign = "-" if value < 0 else ""
    size = abs(value)
    places = max((len(p.partition(".")[2]) for k, p in section.pieces if k in ("date", "elapsed")), default=0)
    unit = 86_400 * 10**places
    ticks = math.floor(size * unit + 0.5)
    shows_time = any(k == "elapsed" or (k == "date" and p[0].lower() in "hs") for k, p in section.pieces)
    days = ticks // unit if shows_time else math.floor(size)
    seconds, fraction = divmod(ticks % unit if shows_time else 0, 10**places)
    year, month, day, weekday = _calendar(days, date1904=date1904)
    total = days * 86_400 + seconds
    hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
    has_half = "half" in section.kinds
    # Beside [h] a plain h counts on as well; the same for minutes and seconds.
    units = {part[1].lower() for kind, part in section.pieces if kind == "elapsed"}
    hour = total // 3600 if "h" in units else hour
    minute = total // 60 if "m" in units else minute
    second = total if "s" in units else second
    out: list[str] = []
    for at, (kind, part) in enumerate(section.pieces):
        lower = part.lower()
        if kind == "elapsed":
            amount = total // {"h": 3600, "m": 60, "s": 1}[lower[1]]
            out.append(str(amount).zfill(part.index("]") - 1))
            if places and "." in part:
                out.append("." + str(fraction).zfill(places)[: len(part.partition(".")[2])])
        elif kind == "half":
            both = part.upper().split("/") if len(part) > 3 else part.split("/")
            out.append(both[0] if hour < 12 else both[1])
        elif kind != "date":
            out.append(_plain(kind, part))
        elif lower[0] == "h":
            shown = (hour % 12 or 12) if has_half else hour
            out.append(str(shown).zfill(min(len(part), 2)))
        elif lower[0] == "s":
            out.append(str(second).zfill(min(len(part.partition(".")[0]), 2)))
            if places:
                out.append("." + str(fraction).zfill(places)[: len(part.partition(".")[2])])
        elif lower[0] == "m" and _is_minute(section.pieces, at):
            out.append(str(minute).zfill(min(len(part), 2)))
        else:
            out.append(_calendar_part(section, lower, year, month, day, weekday))
    return sign + "".join(out)


def _calendar(days: int, *, date1904: bool) -> tuple[int, int, int, int]:
    """Year, month, day and weekday of a serial number, with Excel's 29 February 1900."""
    if date1904:
        found = dt.date(1904, 1, 1) + dt.timedelta(days=days)
        return found.year, found.month, found.day, found.weekday()
    weekday = (days + 5) % 7
    if days == 60:
        return 1900, 2, 29, weekday
    if days == 0:
        return 1900, 1, 0, weekday
    found = dt.date(1899, 12, 30 if days > 60 else 31) + dt.timedelta(days=days)
    return found.year, found.month, found.day, weekday


def _calendar_part(section: _Section, code: str, year: int, month: int, day: int, weekday: int) -> str:
    kind, length = code[0], len(code)
    if kind == "y":
        return str(year % 100).zfill(2) if length < 3 else str(year).zfill(4)
    if kind == "m":
        name = _MONTHS[month - 1]
        return {1: str(month), 2: f"{month:02d}", 3: name[:3], 5: name[0]}.get(length, name)
    if kind == "d":
        return {1: str(day), 2: f"{day:02d}", 3: _DAYS[weekday][:3]}.get(length, _DAYS[weekday])
    if kind == "a":
        return _WEEK[weekday] + ("曜日" if length > 3 else "")
    if kind == "b":
        return str(year + 543).zfill(4) if length > 2 else str((year + 543) % 100).zfill(2)
    start, letter, name = next(
        (era for era in _ERAS if (year, month, max(day, 1)) >= (era[0].year, era[0].month, era[0].day)),
        _ERAS[-1],
    )
    if kind == "g":
        return {1: letter, 2: name[0]}.get(length, name)
    is_era = section.japanese or any(k == "date" and p[0] in "gG" for k, p in section.pieces)
    number = year - start.year + 1 if is_era else year
    return str(number).zfill(length if is_era else 4)


def _is_minute(pieces: tuple[tuple[str, str], ...], at: int) -> bool:
    """An m behind hours or before seconds; other dates in between end the search."""
    if len(pieces[at][1]) > 2:
        return False
    before = next((p.strip("[]").lower()[0] for k, p in pieces[at - 1 :: -1] if k in ("date", "elapsed")), "")
    after = next((p.strip("[]").lower()[0] for k, p in pieces[at + 1 :] if k in ("date", "elapsed")), "")
    return (at > 0 and before in ("h", "s")) or after == "s"
