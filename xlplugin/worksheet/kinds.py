"""What an argument of a worksheet function can be.

A function writes ``Annotated[Vector, Help("Price per share", "価格")]``; the kind says how
`convert.read` turns cells into the value the function sees. An optional argument takes the
`Optional...` form and ``= None`` (or a plain default for scalars).

======================  ==========================================================  =============
written                 the function sees                                           blank cell
======================  ==========================================================  =============
``Number``              float                                                       #N/A, or default
``Whole``               int                                                         same
``Text``                str                                                         same
``Code``                str, a security code                                        same
``Day``                 datetime.date                                               same
``Flag``                bool                                                        same
``Money``               Decimal, exact                                              same
``Vector``              float array of shape (n,)                                   #N/A
``Numbers``             float array of shape () or (n,): scalar or vector           #N/A
``Matrix``              float array of shape (rows, columns)                        #N/A
``Labels``              tuple of str (a number reads as a code: 7203.0 -> "7203")   ""
``Days``                tuple of datetime.date                                      #N/A
``Flags``               bool array of shape (n,)                                    False
``Cells``               block: list of rows of cells, as they are                   None
``Records``             `Table` read with the `TableSchema` in the annotation       see there
``Settings``            dict of the options given, read with its `OptionSchema`     default
======================  ==========================================================  =============

`Blank.NAN` in the annotation keeps blanks of a vector or matrix as NaN instead. `Rows("universe")`
says that the rows of a covariance stand in the order of the table argument `universe`: a risk model
given as a handle is put into that order by its codes.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

from xlplugin.aliases import BoolArray, FloatArray

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Blank",
    "Cells",
    "Choice",
    "Code",
    "Column",
    "Day",
    "Days",
    "Flag",
    "Flags",
    "Help",
    "Kind",
    "Labels",
    "Matrix",
    "Money",
    "Number",
    "Numbers",
    "Option",
    "OptionSchema",
    "OptionalCells",
    "OptionalDay",
    "OptionalDays",
    "OptionalFlags",
    "OptionalLabels",
    "OptionalMatrix",
    "OptionalMoney",
    "OptionalNumber",
    "OptionalNumbers",
    "OptionalRecords",
    "OptionalSettings",
    "OptionalText",
    "OptionalVector",
    "Records",
    "Rows",
    "Settings",
    "Spill",
    "Table",
    "TableSchema",
    "Text",
    "Vector",
    "Whole",
    "plain",
]


class Kind(Enum):
    """How cells become the value of one argument or one table column."""

    NUMBER = "number"
    WHOLE = "whole number"
    DECIMAL = "exact decimal"
    TEXT = "text"
    CODE = "security code"
    DAY = "date"
    FLAG = "0/1"
    ANY = "any"
    VECTOR = "vector"
    NUMBERS = "scalar or vector"
    MATRIX = "matrix"
    LABELS = "text vector"
    DAYS = "date vector"
    FLAGS = "0/1 vector"
    CELLS = "block"
    TABLE = "table"
    OPTIONS = "options"


class Blank(Enum):
    """What a blank in a vector or matrix means."""

    NAN = "kept as NaN"


class Rows:
    """What orders a covariance: the codes of these table arguments, each once, as they first appear."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments


@dataclass(frozen=True)
class Help:
    """What the wizard shows beside an argument, in two languages, and the bounds of a number."""

    en: str
    ja: str = ""
    between: tuple[float, float] | None = None

    def text(self, language: str) -> str:
        """The text in `language` ("ja" or "en"), or the English one."""
        return self.ja if language == "ja" and self.ja else self.en


def plain(word: object) -> str:
    """A header or choice word as it is compared: half-width, no case, no blanks, no unit."""
    text = unicodedata.normalize("NFKC", str(word)).strip().casefold()
    if text.endswith((")", "]")):
        opening = max(text.rfind("("), text.rfind("["))
        if opening > 0:
            text = text[:opening]
    return "".join(c for c in text if c not in " _-\n\t")


class Choice:
    """The words an argument accepts; Japanese words come from section 5 of the catalogue."""

    def __init__(self, *words: str, japanese: Mapping[str, str] | None = None) -> None:
        self.words = words
        self._by_plain = {plain(word): word for word in words}
        for word in words:
            for other in JAPANESE_WORDS.get(word, ()):
                self._by_plain.setdefault(plain(other), word)
        for other, word in (japanese or {}).items():
            self._by_plain[plain(other)] = word

    def find(self, value: object) -> str | None:
        """The word meant by `value`, or None."""
        return self._by_plain.get(plain(value))


@dataclass(frozen=True)
class Column:
    """One column of a table: its key, the Japanese words accepted, and how its cells are read."""

    key: str
    ja: tuple[str, ...]
    kind: Kind
    required: bool = False
    default: Any = None
    choice: Choice | None = None
    also: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every header that means this column."""
        return (self.key, *self.ja, *self.also)


@dataclass(frozen=True)
class TableSchema:
    """The columns of one kind of table.

    In a lenient table an unreadable cell is None and stands in `Table.problems`, for the
    function to report in the row's status; in a strict one it is an error that names the row.
    An `open` table keeps unknown columns too (kind ANY).
    """

    name: str
    ja: str
    columns: tuple[Column, ...]
    lenient: bool = True
    open: bool = False

    def find(self, header: object) -> Column | None:
        """The column that `header` means, or None."""
        return self.by_word.get(plain(header))

    @property
    def by_word(self) -> dict[str, Column]:
        """Columns by every plain word that means them."""
        cache: dict[str, Column] | None = self.__dict__.get("_by_word")
        if cache is None:
            cache = {plain(word): c for c in self.columns for word in c.words}
            object.__setattr__(self, "_by_word", cache)
        return cache


@dataclass(frozen=True)
class Option:
    """One row of an options range."""

    key: str
    ja: tuple[str, ...]
    kind: Kind
    default: Any = None
    choice: Choice | None = None
    between: tuple[float, float] | None = None
    help: Help | None = None


@dataclass(frozen=True)
class OptionSchema:
    """The options one function accepts. `header` and `columns` are obeyed by the registry."""

    options: tuple[Option, ...]
    shapes_output: bool = False

    def find(self, name: object) -> Option | None:
        """The option that `name` means, or None."""
        wanted = plain(name)
        for option in self.options:
            if wanted in (plain(option.key), *map(plain, option.ja)):
                return option
        return None

    def defaults(self) -> dict[str, Any]:
        """All options at their defaults."""
        return {option.key: option.default for option in self.options}


class Table:
    """A range with a header row, read with a schema: columns by key, blank rows dropped.

    Attributes
    ----------
    columns : dict
        Key -> list of values, one per row. A column that is not there holds its default in
        every row. A blank, error or unreadable cell is the default too (None if there is none).
    row_numbers : list of int
        The place of each row in the range as the user sees it; the header is row 1.
    present : frozenset of str
        Keys of the columns that are really there.
    problems : list of (int, str, str)
        Row number, key and sentence of every cell that could not be read.
    japanese : bool
        Whether most recognised headers are Japanese.
    """

    def __init__(
        self,
        name: str,
        columns: dict[str, list[Any]],
        row_numbers: list[int],
        present: frozenset[str],
        problems: list[tuple[int, str, str]],
        *,
        japanese: bool = False,
    ) -> None:
        self.name, self.columns, self.row_numbers = name, columns, row_numbers
        self.present, self.problems, self.japanese = present, problems, japanese

    def __len__(self) -> int:
        return len(self.row_numbers)

    def __getitem__(self, key: str) -> list[Any]:
        return self.columns[key]

    def records(self) -> list[dict[str, Any]]:
        """Every row as key -> value, with the key `row` for its number in the range."""
        keys = list(self.columns)
        return [
            {"row": number, **dict(zip(keys, values, strict=True))}
            for number, values in zip(self.row_numbers, zip(*self.columns.values(), strict=True), strict=True)
        ]

    def problem(self, row: int, key: str) -> str | None:
        """Why the cell of `key` in `row` could not be read, or None."""
        return next((s for r, k, s in self.problems if r == row and k == key), None)


@dataclass(frozen=True)
class Spill:
    """A result with named columns: the first row of the block is the header."""

    keys: tuple[str, ...]
    rows: list[list[Any]] = field(default_factory=list)


Number = Annotated[float, Kind.NUMBER]
Whole = Annotated[int, Kind.WHOLE]
Money = Annotated[Decimal, Kind.DECIMAL]
Text = Annotated[str, Kind.TEXT]
Code = Annotated[str, Kind.CODE]
Day = Annotated[dt.date, Kind.DAY]
Flag = Annotated[bool, Kind.FLAG]
Vector = Annotated[FloatArray, Kind.VECTOR]
Numbers = Annotated[FloatArray, Kind.NUMBERS]
Matrix = Annotated[FloatArray, Kind.MATRIX]
Labels = Annotated[tuple[str, ...], Kind.LABELS]
Days = Annotated[tuple[dt.date, ...], Kind.DAYS]
Flags = Annotated[BoolArray, Kind.FLAGS]
Cells = Annotated[list[list[Any]], Kind.CELLS]
Records = Annotated[Table, Kind.TABLE]
Settings = Annotated[dict[str, Any], Kind.OPTIONS]
OptionalNumber = Annotated[float | None, Kind.NUMBER]
OptionalMoney = Annotated[Decimal | None, Kind.DECIMAL]
OptionalText = Annotated[str | None, Kind.TEXT]
OptionalDay = Annotated[dt.date | None, Kind.DAY]
OptionalVector = Annotated[FloatArray | None, Kind.VECTOR]
OptionalNumbers = Annotated[FloatArray | None, Kind.NUMBERS]
OptionalMatrix = Annotated[FloatArray | None, Kind.MATRIX]
OptionalLabels = Annotated[tuple[str, ...] | None, Kind.LABELS]
OptionalDays = Annotated[tuple[dt.date, ...] | None, Kind.DAYS]
OptionalFlags = Annotated[BoolArray | None, Kind.FLAGS]
OptionalCells = Annotated[list[list[Any]] | None, Kind.CELLS]
OptionalRecords = Annotated[Table | None, Kind.TABLE]
OptionalSettings = Annotated[dict[str, Any] | None, Kind.OPTIONS]

JAPANESE_WORDS: dict[str, tuple[str, ...]] = {
    "CAP": ("時価総額",),
    "FLOAT": ("浮動株",),
    "PRICE": ("株価",),
    "EQUAL": ("均等",),
    "SCORE": ("スコア",),
    "SPLIT": ("分割",),
    "BONUS": ("無償割当",),
    "RIGHTS": ("有償割当", "株主割当"),
    "CASHDIV": ("普通配当",),
    "SPECIAL": ("特別配当",),
    "CAPRETURN": ("資本の払戻し",),
    "SPINOFF": ("分離独立",),
    "SHARES": ("株数変更",),
    "ADD": ("採用",),
    "DELETE": ("除外",),
    "MERGER": ("合併",),
    "full": ("完全法",),
    "stratified": ("層化抽出法",),
    "optimized": ("最適化法",),
    "PRORATA": ("按分",),
    "SECTOR": ("業種内",),
    "OPTIMIZED": ("最適化",),
    "STD": ("標準偏差",),
    "RMS": ("二乗平均",),
    "RESID": ("残差",),
    "CAGR": ("年率複利",),
    "ARITH": ("算術平均",),
    "RATIO": ("比率",),
    "TOTAL": ("全期間",),
    "FULL": ("往復",),
    "HALF": ("片道",),
    "DIRECT": ("直接",),
    "CREDIT": ("外国税額控除",),
    "ACCUMULATE": ("累積",),
    "FUND": ("投信",),
    "NEAREST": ("四捨五入",),
    "DOWN": ("切捨て",),
    "BUY": ("買", "買付", "現引", "再投資", "DRIP"),
    "SELL": ("売", "売却"),
    "ANY": ("制限なし",),
    "LOSS_ONLY": ("損失のみ",),
    "BUDGET": ("予算内",),
    "NEXT_DAY": ("翌営業日",),
    "SAME_DAY": ("同日",),
    "LW": ("縮小推定",),
    "LWCC": ("一定相関",),
    "EWMA": ("指数加重",),
    "PCA": ("主成分",),
    "FACTOR": ("因子",),
}
