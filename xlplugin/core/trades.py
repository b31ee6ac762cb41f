"""Events: what happened in the accounts. The event log is the only source of truth.

Positions, realizations and carries are derived from it and can be rebuilt. Amounts are TOTALS in
`currency`; `fx` turns them into the tax currency (Japan: TTS for what comes in, TTB for what goes
out). `settle_date` is recorded, not derived. Order inside a day comes from `seq`, never from the
place of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from xlplugin.core.lots import FIFO, ZERO, LotPick

if TYPE_CHECKING:
    import datetime as dt

__all__ = [
    "ONE",
    "CapitalReturn",
    "Dividend",
    "Event",
    "Fill",
    "FillKind",
    "Gift",
    "Merger",
    "Rights",
    "SpinOff",
    "Split",
    "Transfer",
]

ONE = Fraction(1)


class FillKind(StrEnum):
    """What a fill does. `GENBIKI` is the delivery (現引) that turns a margin purchase into shares."""

    BUY = "buy"
    SELL = "sell"
    REINVEST = "reinvest"
    MARGIN_OPEN = "margin_open"
    MARGIN_CLOSE = "margin_close"
    GENBIKI = "genbiki"

    @property
    def enters(self) -> bool:
        """Whether shares enter a position at a cost."""
        return self in {FillKind.BUY, FillKind.REINVEST, FillKind.GENBIKI}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    id: str
    trade_date: dt.date
    settle_date: dt.date
    seq: int = 0
    source_row: str = ""

    @property
    def row(self) -> str:
        """The row as the user knows it, for error sentences."""
        return self.source_row or f"event {self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(_Base):
    """One execution, or an order that will exist (`planned`).

    `fee` and `fee_tax` (consumption tax on it) are costs: added to a purchase, taken from a sale.
    `arranged` (companies in Japan): contracted together with the sale or planned at its price.
    `used` are shares of a purchase that already replaced a loss outside the log.
    """

    account_id: str
    instrument_id: str
    kind: FillKind
    quantity: Fraction
    amount: Fraction
    fee: Fraction = ZERO
    fee_tax: Fraction = ZERO
    currency: str = ""
    fx: Fraction = ONE
    order_id: str = ""
    pick: LotPick = FIFO
    planned: bool = False
    arranged: bool = False
    used: Fraction = ZERO

    @property
    def cost(self) -> Fraction:
        """What a purchase costs, in the tax currency: amount, fee and tax on the fee."""
        return self._home(self.amount + self._costs if self._costs else self.amount)

    @property
    def proceeds(self) -> Fraction:
        """What a sale brings before expenses, in the tax currency."""
        return self._home(self.amount)

    @property
    def expenses(self) -> Fraction:
        """What a sale costs, in the tax currency."""
        return self._home(self._costs)

    @property
    def _costs(self) -> Fraction:
        return self.fee + self.fee_tax if self.fee_tax else self.fee

    def _home(self, amount: Fraction) -> Fraction:
        return amount if self.fx is ONE else amount * self.fx

    @property
    def order(self) -> str:
        """The order the fill belongs to; its own id where none is given."""
        return self.order_id or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(_Base):
    """`ratio` new shares for one old share; below one it is a reverse split. TOTAL cost stays."""

    instrument_id: str
    ratio: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Merger(_Base):
    """Shares of `instrument_id` become `ratio` shares of `into_id`; cost and dates are carried.

    `cash` is paid per old share (boot), `dividend` is the part of it that is a deemed dividend,
    and `added_cost` per old share joins the cost (Japan: the deemed-dividend part of a share deal).
    `value` of one new share is needed where cash is paid in the US.
    """

    instrument_id: str
    into_id: str
    ratio: Fraction
    cash: Fraction = ZERO
    dividend: Fraction = ZERO
    added_cost: Fraction = ZERO
    value: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpinOff(_Base):
    """`ratio` shares of `new_id` per old share; `cost_share` of the cost moves to them."""

    instrument_id: str
    new_id: str
    ratio: Fraction
    cost_share: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights(_Base):
    """`ratio` new shares per old share for `price` each; `price` 0 is a free allotment."""

    instrument_id: str
    ratio: Fraction
    price: Fraction = ZERO
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalReturn(_Base):
    """`cash` per share out of capital, of which `dividend` is a deemed dividend.

    `reduction` is the notified share of net assets paid out (純資産減少割合); unused in the US.
    """

    instrument_id: str
    cash: Fraction
    dividend: Fraction = ZERO
    reduction: Fraction = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(_Base):
    """Shares move between two accounts of one owner with their cost and dates.

    `value` per share is needed only where the law resets the cost: leaving NISA, or a US retirement
    account.
    """

    from_account_id: str
    to_account_id: str
    instrument_id: str
    quantity: Fraction
    value: Fraction | None = None
    pick: LotPick = FIFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift(_Base):
    """Shares change owner without a price.

    `from_account_id` empty: they come from outside the log with `cost` and `acquired` of the donor
    or of the dead; `to_account_id` empty: they leave. `value` is the TOTAL value on the day.
    """

    instrument_id: str
    quantity: Fraction
    value: Fraction
    from_account_id: str = ""
    to_account_id: str = ""
    cost: Fraction = ZERO
    acquired: dt.date | None = None
    inherited: bool = False
    pick: LotPick = FIFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend(_Base):
    """A cash dividend: TOTAL before any tax, and the tax kept at its source, in `currency`."""

    account_id: str
    instrument_id: str
    quantity: Fraction
    amount: Fraction
    foreign_tax: Fraction = ZERO
    currency: str = ""
    fx: Fraction = ONE


Event = Fill | Split | Merger | SpinOff | Rights | CapitalReturn | Transfer | Gift | Dividend
