"""One cell of a file as the value its column promises, or a sentence saying what was expected.

A cell is what a reader hands over: text (CSV), or text, number, date, logical or None (Excel,
Parquet, SQL). Text is folded to half-width first. A number in text may have thousands
separators in their right places, a currency sign, a per cent sign where a rate is expected, and
the three ways of writing a negative: ``-1``, ``△1`` and ``(1)``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.accounts import AccountKind
from xlplugin.core.securities import security_code
from xlplugin.errors import XlPluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "Cell",
    "UnreadableError",
    "Wanted",
    "account_kind",
    "choice",
    "day",
    "flag",
    "fraction",
    "is_blank",
    "is_day",
    "japanese_code",
    "non_negative",
    "number",
    "percent",
    "positive",
    "shown",
    "text",
    "ticker",
    "us_day",
    "whole",
]

Cell = object
"""Anything a reader hands over."""

_BLANK = frozenset(("", "-", "--", "N/A", "n/a", "nan", "NaN"))  # not "NA": that is a ticker
_DIGITS = re.compile(r"(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][-+]?\d+)?|\.\d+")
_CODE = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.\-=]{0,19}")
_JAPANESE_CODE = re.compile(r"[0-9][0-9A-Z][0-9][0-9A-Z][0-9]?")
_SHARE_CLASS = re.compile(r"([A-Z]+)[-/ ]([A-Z])")
_NUMERIC_DATE = re.compile(
    r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?(?:[T ]00:00(?::00(?:\.0+)?)?)?"
)
_SOLID_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}), ?(\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3,9})[- ](\d{4})")
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = "january february march april may june july august september october november december".split()


class Wanted(NamedTuple):
    """What a column promises, in two languages, as it stands after "expected"."""

    en: str
    ja: str


class UnreadableError(XlPluginError):
    """One cell that is not what its column promises; the reader adds the place."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        super().__init__(f"expected {wanted.en}")


def shown(cell: Cell) -> str:
    """A cell as a sentence quotes it, cut to a readable length."""
    written = cell if isinstance(cell, str) else ("" if cell is None else str(cell))
    return repr(written if len(written) <= 40 else written[:37] + "...")


def is_blank(cell: Cell) -> bool:
    """Whether a cell holds nothing: empty, NaN, or a word that files write for nothing."""
    if cell is None:
        return True
    if isinstance(cell, float):
        return math.isnan(cell)
    return isinstance(cell, str) and _folded(cell) in _BLANK


def _folded(written: str) -> str:
    return unicodedata.normalize("NFKC", written).replace("−", "-").replace("―", "-").strip()


# -- text and codes ------------------------------------------------------------------------------


def text(cell: Cell) -> str:
    """Text as it stands, without blanks around it; a whole number loses its ``.0``."""
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return str(cell).strip()


def _coded(cell: Cell, wanted: Wanted) -> str:
    try:
        return security_code(cell)
    except XlPluginError:
        raise UnreadableError(wanted) from None


def ticker(cell: Cell) -> str:
    """The code of a security; share classes are written with a dot.

    Examples
    --------
    >>> ticker(7203.0), ticker("BRK-B"), ticker("７２０３")
    ('7203', 'BRK.B', '7203')
    """
    wanted = Wanted("a security code such as 7203 or BRK.B", "7203 や BRK.B のような銘柄コード")
    code = _coded(cell, wanted)
    if match := _SHARE_CLASS.fullmatch(code):
        code = f"{match[1]}.{match[2]}"
    if not _CODE.fullmatch(code):
        raise UnreadableError(wanted)
    return code


def japanese_code(cell: Cell) -> str:
    """A code of the Tokyo exchange, four characters; of a five-character one a final 0 is dropped.

    Examples
    --------
    >>> japanese_code("13010"), japanese_code("25935"), japanese_code("130A0")
    ('1301', '25935', '130A')
    """
    wanted = Wanted(
        "a code of four or five characters such as 7203, 130A or 72030",
        "7203・130A・72030 のような4〜5文字の銘柄コード",
    )
    code = _coded(cell, wanted)
    if not _JAPANESE_CODE.fullmatch(code):
        raise UnreadableError(wanted)
    return code[:4] if len(code) == 5 and code[4] == "0" else code


def account_kind(cell: Cell) -> str:
    """The code of an account kind from the code or one of the words for it."""
    try:
        return AccountKind.of(text(cell)).value
    except XlPluginError:
        raise UnreadableError(
            Wanted(
                f"an account kind: {', '.join(k.value for k in AccountKind)} or the Japanese word",
                "口座区分(特定(源泉あり)、一般、NISA、法人、taxable、IRA など)",
            )
        ) from None


def choice(words: Mapping[str, tuple[str, ...]]) -> Callable[[Cell], str]:
    """A reader of one of a few codes, each with the words that also mean it."""
    by_word = {_folded(w).casefold(): code for code, also in words.items() for w in (code, *also)}
    wanted = Wanted("one of " + ", ".join(words), "次のいずれか: " + "、".join(words))

    def read(cell: Cell) -> str:
        found = by_word.get(_folded(text(cell)).casefold())
        if found is None:
            raise UnreadableError(wanted)
        return found

    return read


_YES = frozenset(("1", "true", "yes", "seen", "はい", "有", "あり", "○", "済", "確認済み"))
_NO = frozenset(("0", "false", "no", "not_seen", "いいえ", "無", "なし", "×", "未", "未確認"))


def flag(cell: Cell) -> bool:
    """Yes or no."""
    word = _folded(text(cell)).casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise UnreadableError(Wanted("1 or 0, yes or no", "1 または 0(はい・いいえ)"))


# -- numbers -------------------------------------------------------------------------------------

_NUMBER = Wanted("a number", "数値")


def _decimal(cell: Cell, wanted: Wanted, *, per_cent: bool = False) -> Decimal:
    if isinstance(cell, bool):
        raise UnreadableError(wanted)
    if isinstance(cell, Decimal):
        return _finite(cell, wanted)
    if isinstance(cell, int):
        return Decimal(cell)
    if isinstance(cell, float):
        return _finite(Decimal(repr(cell)), wanted)
    if not isinstance(cell, str):
        raise UnreadableError(wanted)
    written = _folded(cell)
    negative = False
    if written.startswith("(") and written.endswith(")"):
        negative, written = True, written[1:-1]
    for sign in ("-", "△", "▲", "+"):
        if written.startswith(sign):
            negative, written = negative ^ (sign != "+"), written[1:].strip()
            break
    written = written.lstrip("¥$\\").removesuffix("円").strip()
    scale = Decimal(1)
    if per_cent and written.endswith("%"):
        written, scale = written[:-1].strip(), Decimal("0.01")
    if not _DIGITS.fullmatch(written):
        raise UnreadableError(wanted)
    try:
        value = Decimal(written.replace(",", "")) * scale
    except InvalidOperation:
        raise UnreadableError(wanted) from None
    return -value if negative else value


def _finite(value: Decimal, wanted: Wanted) -> Decimal:
    if not value.is_finite():
        raise UnreadableError(wanted)
    return value


def number(cell: Cell) -> Decimal:
    """A number, exactly as written.

    Examples
    --------
    >>> [str(number(c)) for c in ("1,234.50", "△1,234", "(5)", 0.1, "￥2,500")]
    ['1234.50', '-1234', '-5', '0.1', '2500']
    """
    return _decimal(cell, _NUMBER)


def positive(cell: Cell) -> Decimal:
    """A number above zero."""
    wanted = Wanted("a number above 0", "0より大きい数値")
    value = _decimal(cell, wanted)
    if value <= 0:
        raise UnreadableError(wanted)
    return value


def non_negative(cell: Cell) -> Decimal:
    """A number of at least zero."""
    wanted = Wanted("a number of at least 0", "0以上の数値")
    value = _decimal(cell, wanted)
    if value < 0:
        raise UnreadableError(wanted)
    return value


def whole(cell: Cell) -> int:
    """A whole number of at least zero."""
    wanted = Wanted("a whole number", "整数")
    value = _decimal(cell, wanted)
    if value < 0 or value != value.to_integral_value():
        raise UnreadableError(wanted)
    return int(value)


def fraction(cell: Cell) -> Decimal:
    """A rate or weight as a fraction: 0.012, or 1.2% in text."""
    return _decimal(
        cell, Wanted("a fraction such as 0.012 or 1.2%", "0.012 または 1.2% のような比率"), per_cent=True
    )


def percent(cell: Cell) -> Decimal:
    """A percentage written with its sign, as a fraction between 0 and 1.

    Examples
    --------
    >>> str(percent("0.0050%"))
    '0.000050'
    """
    wanted = Wanted("a percentage from 0% to 100% such as 0.0050%", "0.0050% のような0〜100%の百分率")
    if not isinstance(cell, str) or not _folded(cell).endswith("%"):
        raise UnreadableError(wanted)
    value = _decimal(cell, wanted, per_cent=True)
    if not 0 <= value <= 1:
        raise UnreadableError(wanted)
    return value


# -- dates ---------------------------------------------------------------------------------------

_DAY = Wanted("a date such as 2026-11-20", "2026/11/20 のような日付")
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
_EPOCH, _FIRST_SERIAL, _LAST_SERIAL = dt.date(1899, 12, 30), 61, 2_958_465


def day(cell: Cell) -> dt.date:
    """A date in one of the forms that have one reading only; a number is a serial of Excel (1900 system).

    Examples
    --------
    >>> [day(d).isoformat() for d in ("20260430", "2026年9月2日", "Nov 20, 2025", "20-Nov-2025")]
    ['2026-04-30', '2026-09-02', '2025-11-20', '2025-11-20']
    """
    return _checked(_read_day(cell), _DAY)


def us_day(cell: Cell) -> dt.date:
    """As `day`, and also month/day/year, for files of US providers only."""
    wanted = Wanted("a date such as 11/20/2026 or Nov 20, 2026", "11/20/2026(月/日/年)のような日付")
    if isinstance(cell, str) and (match := _SLASHES.fullmatch(_folded(cell))):
        month, day_, year = map(int, match.groups())
        return _checked(_made(year, month, day_), wanted)
    return _checked(_read_day(cell), wanted)


def is_day(cell: Cell) -> bool:
    """Whether a cell can be read as a date."""
    try:
        us_day(cell)
    except UnreadableError:
        return False
    return True


def _checked(found: dt.date | None, wanted: Wanted) -> dt.date:
    if found is None or not _FIRST <= found <= _LAST:
        raise UnreadableError(wanted)
    return found


def _read_day(cell: Cell) -> dt.date | None:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell == int(cell):
        if _FIRST_SERIAL <= cell <= _LAST_SERIAL:  # a date in a cell of Excel that is not formatted as one
            return _EPOCH + dt.timedelta(days=int(cell))
        cell = str(int(cell))  # 20260430 typed as a number
    if not isinstance(cell, str):
        return None
    written = _folded(cell)
    if match := _NUMERIC_DATE.fullmatch(written) or _SOLID_DATE.fullmatch(written):
        return _made(*map(int, match.groups()))
    if match := _MONTH_FIRST.fullmatch(written):
        return _made(int(match[3]), _month(match[1]), int(match[2]))
    if match := _DAY_FIRST.fullmatch(written):
        return _made(int(match[3]), _month(match[2]), int(match[1]))
    return None


def _month(word: str) -> int:
    word = word.casefold()
    if word in _MONTHS:
        return _MONTHS.index(word) + 1
    return _MONTH_NAMES.index(word) + 1 if word in _MONTH_NAMES else 0


def _made(year: int, month: int, day_: int) -> dt.date | None:
    try:
        return dt.date(year, month, day_)
    except ValueError:
        return None
