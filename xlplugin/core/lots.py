"""Tax lots, positions and disposals: what the tax ledger holds and what leaves it.

A lot stores its TOTAL cost; a unit cost is always derived. Quantities and money are exact
rationals (`fractions.Fraction`), so that a third of a lot is a third and sums come out even;
`exact` is the way in and `rounded` the way out, with the rounding named. Money is in the tax
currency of the regime. A gain is positive and a loss negative. See SPEC.md, "Lots".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt

    from xlplugin.core.accounts import AccountKind

__all__ = [
    "CENT",
    "FIFO",
    "ZERO",
    "Bucket",
    "Disposal",
    "DisposalKind",
    "LossAdjustment",
    "LotPick",
    "Part",
    "PoolKey",
    "Position",
    "PositionKey",
    "Realization",
    "TaxLot",
    "exact",
    "rounded",
    "shown",
]

CENT = Decimal("0.01")
ZERO = Fraction(0)


def exact(value: Decimal | Fraction | int | str) -> Fraction:
    """An exact rational; a float is refused, because it is not what the user typed.

    Examples
    --------
    >>> exact("0.1") + exact(Decimal("0.2")) == exact("0.3")
    True
    """
    if isinstance(value, float):
        raise TypeError(f"{value!r}: money and quantities are never binary floats")
    return Fraction(value)


def rounded(value: Fraction, unit: Decimal = CENT, mode: str = ROUND_HALF_UP) -> Decimal:
    """`value` as a decimal multiple of `unit`; the rational is rounded once, exactly.

    Parameters
    ----------
    value : Fraction
        An amount, a quantity or a unit cost.
    unit : Decimal
        The smallest step of the result, for example 0.01 dollar, 1 yen or 1,000 yen.
    mode : str
        ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN (towards zero) or ROUND_CEILING of `decimal`.

    Examples
    --------
    >>> rounded(Fraction(60, 7)), rounded(Fraction(5700000, 7000), Decimal(1), ROUND_CEILING)
    (Decimal('8.57'), Decimal('815'))
    """
    steps = value / Fraction(unit)
    whole, over = divmod(steps.numerator, steps.denominator)
    if over:
        twice = 2 * over - steps.denominator
        if mode == ROUND_CEILING:
            up = True
        elif mode == ROUND_DOWN:
            up = steps < 0
        elif mode == ROUND_HALF_UP:
            up = twice > 0 or (twice == 0 and steps > 0)
        elif mode == ROUND_HALF_EVEN:
            up = twice > 0 or (twice == 0 and whole % 2 == 1)
        else:
            raise ValueError(f"rounding mode {mode} is not one of the ledger's")
        whole += up
    return whole * unit


def shown(value: Fraction) -> str:
    """A number as a sentence prints it: thousands apart, at most eight decimals, no trailing zeros.

    Examples
    --------
    >>> shown(Fraction(2_500_000)), shown(Fraction(3, 2)), shown(Fraction(-1, 3))
    ('2,500,000', '1.5', '-0.33333333')
    """
    text = f"{rounded(value, Decimal('0.00000001')):,f}"
    return text.rstrip("0").rstrip(".")


class Bucket(StrEnum):
    """Where a result enters the netting of its regime."""

    LISTED = "LISTED"
    UNLISTED = "UNLISTED"
    DIVIDEND = "DIVIDEND"
    ORDINARY = "ORDINARY"
    EXCLUDED_DIVIDEND = "EXCLUDED_DIVIDEND"
    ST = "ST"
    LT = "LT"
    QUALIFIED = "QUALIFIED"
    VOID = "VOID"  # counts nowhere: NISA, iDeCo, retirement accounts


class DisposalKind(StrEnum):
    """The legal nature of what leaves a position."""

    SALE = "sale"
    DEEMED_SALE = "deemed_sale"
    GIFT = "gift"
    CAPITAL_RETURN = "capital_return"


class PoolKey(NamedTuple):
    """Who holds a cost: `holder` is an account id or an owner id, as the regime says."""

    regime: str
    holder: str
    kind: AccountKind


class PositionKey(NamedTuple):
    """One security of one pool."""

    pool: PoolKey
    instrument_id: str


@dataclass(frozen=True, slots=True)
class TaxLot:
    """A quantity with one acquisition and one TOTAL cost (Japan: the whole pool).

    `held_from` starts the holding period; a wash sale moves it back. `seq` orders purchases of
    one day and `order_id` names the purchase order. `can_replace` is false for shares that have
    already replaced others sold at a loss, and for shares that were not bought. `gift_value` is
    the value at the gift where it was below the donor's cost. `always_long` marks inherited shares.
    """

    id: str
    acquired: dt.date
    quantity: Fraction
    cost: Fraction
    held_from: dt.date
    seq: int = 0
    order_id: str = ""
    wash_added: Fraction = ZERO
    can_replace: bool = True
    gift_value: Fraction | None = None
    always_long: bool = False

    @property
    def unit_cost(self) -> Fraction:
        """Cost of one share, derived."""
        return self.cost / self.quantity

    def split(self, quantity: Fraction) -> tuple[TaxLot, TaxLot | None]:
        """`quantity` shares with their part of the cost, and the rest (None if nothing is left)."""
        if quantity == self.quantity:
            return self, None
        share = quantity / self.quantity
        cost = self.cost * share
        added = self.wash_added * share if self.wash_added else ZERO
        gift = None if self.gift_value is None else self.gift_value * share
        first = self.having(quantity, cost, added, gift)
        rest = self.having(
            self.quantity - quantity,
            self.cost - cost,
            self.wash_added - added if added else self.wash_added,
            None if self.gift_value is None or gift is None else self.gift_value - gift,
        )
        return first, rest

    def having(
        self, quantity: Fraction, cost: Fraction, wash_added: Fraction, gift_value: Fraction | None
    ) -> TaxLot:
        """The lot with other amounts; quicker than `dataclasses.replace`, because a ledger does it most."""
        return TaxLot(
            self.id,
            self.acquired,
            quantity,
            cost,
            self.held_from,
            self.seq,
            self.order_id,
            wash_added,
            self.can_replace,
            gift_value,
            self.always_long,
        )


@dataclass(frozen=True, slots=True)
class Position:
    """All lots of one security in one pool; in Japan at most one lot."""

    key: PositionKey
    lots: tuple[TaxLot, ...] = ()

    @property
    def quantity(self) -> Fraction:
        """Shares held."""
        if len(self.lots) == 1:
            return self.lots[0].quantity
        return sum((lot.quantity for lot in self.lots), ZERO)

    @property
    def cost(self) -> Fraction:
        """TOTAL cost of what is held."""
        if len(self.lots) == 1:
            return self.lots[0].cost
        return sum((lot.cost for lot in self.lots), ZERO)


@dataclass(frozen=True, slots=True)
class LotPick:
    """Which lots a sale takes, where the regime has lots: a standing order or named lots."""

    method: str = "FIFO"
    named: tuple[tuple[str, Fraction], ...] = ()
    short_rate: Fraction = ZERO
    long_rate: Fraction = ZERO


FIFO = LotPick()


@dataclass(frozen=True, slots=True)
class Disposal:
    """Everything that leaves a position by one legal disposal; money as TOTALS."""

    id: str
    account_id: str
    instrument_id: str
    quantity: Fraction
    proceeds: Fraction
    trade_date: dt.date
    settle_date: dt.date
    expenses: Fraction = ZERO
    kind: DisposalKind = DisposalKind.SALE
    seq: int = 0
    order_id: str = ""
    pick: LotPick = FIFO
    fill_ids: tuple[str, ...] = ()
    source_row: str = ""

    @property
    def row(self) -> str:
        """The row as the user knows it, for error sentences."""
        return self.source_row or f"sale {self.id}"


@dataclass(frozen=True, slots=True)
class Part:
    """What one lot (Japan: the pool) contributed to a disposal.

    `gain` is proceeds less expenses less cost; negative for a loss.
    """

    lot_id: str
    quantity: Fraction
    proceeds: Fraction
    expenses: Fraction
    cost: Fraction
    bucket: Bucket
    acquired: dt.date
    held_from: dt.date
    order_id: str = ""
    seq: int = 0
    gain: Fraction = field(init=False, compare=False)

    def __post_init__(self) -> None:
        net = self.proceeds - self.expenses if self.expenses else self.proceeds
        object.__setattr__(self, "gain", net - self.cost)


@dataclass(frozen=True, slots=True)
class Realization:
    """The result of a whole disposal.

    Laws: the parts' quantities add up to the disposal's; gain = proceeds - expenses - cost, per
    part and in total; cost of the parts + cost left = cost before + `rounding_diff` -
    `basis_lost`; nothing left carries exactly no cost. `basis_lost` is what the double basis of
    a gift takes away. Until `provisional_until` a purchase can still change the result.
    """

    disposal: Disposal
    parts: tuple[Part, ...]
    position_after: Position
    recognised_on: dt.date
    rounding_diff: Fraction = ZERO
    basis_lost: Fraction = ZERO
    provisional_until: dt.date | None = None

    @property
    def gain(self) -> Fraction:
        """Result of the whole disposal, before any loss adjustment."""
        if len(self.parts) == 1:
            return self.parts[0].gain
        return sum((part.gain for part in self.parts), ZERO)

    @property
    def cost(self) -> Fraction:
        """Cost of what left."""
        if len(self.parts) == 1:
            return self.parts[0].cost
        return sum((part.cost for part in self.parts), ZERO)


@dataclass(frozen=True, slots=True)
class LossAdjustment:
    """A loss that the law does not count now: `disallowed` = `deferred` + `lost_forever`, all >= 0.

    `part` is the place of the part in the realization of `disposal_id`; `quantity` are the
    shares concerned. A deferred loss went into the cost of `to_lot_id` in `to_account_id`; where the
    regime has lots, `new_cost` and `new_held_from` are those of the shares that replace.
    """

    disposal_id: str
    part: int
    quantity: Fraction
    disallowed: Fraction
    deferred: Fraction
    lost_forever: Fraction
    reason: str
    rule: str
    on: dt.date
    to_lot_id: str = ""
    to_account_id: str = ""
    new_cost: Fraction | None = None
    new_held_from: dt.date | None = None
