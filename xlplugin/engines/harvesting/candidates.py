"""Which lots and pools could be sold at a loss, and what the law makes of each one.

One candidate per pool and account (Japan) or per lot (United States). The whole pool or lot is
sold at the price of the day, and each candidate is judged as if it alone were sold: the regime of
its account kind gives the verdict, so that this module knows no country. Methodology 6.1, 6.5.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xlplugin.core.accounts import Taxpayer
from xlplugin.core.calendars import calendar
from xlplugin.core.lots import FIFO, ZERO, Bucket, Disposal, LotPick, PositionKey
from xlplugin.core.trades import Fill, FillKind
from xlplugin.engines.harvesting.holdings import (
    BY_LOT,
    Holding,
    Quote,
    books_of,
    home_price,
    rows_of,
    unclear_groups,
)
from xlplugin.engines.harvesting.order_rules import CASH_RULE, cash_rule_forbids, sides_of_the_day
from xlplugin.tax.regime import REGIMES, HarvestQuestion, HarvestStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.calendars import Calendar
    from xlplugin.engines.harvesting.holdings import Row
    from xlplugin.tax.regime import Book, HarvestCheck, Period, TaxRegime

__all__ = [
    "BELOW_MIN",
    "Candidate",
    "Limits",
    "Rebuy",
    "find_candidates",
]

BELOW_MIN = "BELOW_MIN"
BY_OWNER = "owner"
CASH_MARKET = "XTKS"


class Rebuy:
    """What is bought after the sale: nothing, the same issue next day, or on the same day."""

    NONE, NEXT_DAY, SAME_DAY = "NONE", "NEXT_DAY", "SAME_DAY"


@dataclass(frozen=True)
class Limits:
    """What the adviser sets for one list; money in the account's currency, rates as fractions."""

    min_loss: Fraction = ZERO
    threshold: Fraction = ZERO
    fee_rate: Fraction = ZERO
    rebuy: str = Rebuy.NEXT_DAY
    household_complete: bool = False
    period_end: dt.date | None = None
    unseen: tuple[Account, ...] = ()
    holidays: frozenset[dt.date] | None = None
    blocked_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the list: what would be sold, and the verdict. Amounts None: they are unknown."""

    row: int
    account: Account | None
    code: str
    name: str
    lot: str
    quantity: Fraction | None
    status: HarvestStatus
    reasons: tuple[str, ...]
    price: Fraction | None = None
    cost: Fraction | None = None
    value: Fraction | None = None
    check: HarvestCheck | None = None
    quote: Quote | None = None

    @property
    def term(self) -> str:
        """ST or LT where the regime has terms."""
        bucket = self.check.bucket if self.check else None
        return bucket.value if bucket in (Bucket.ST, Bucket.LT) else ""

    @property
    def counts(self) -> bool:
        """Whether a loss of this account can count at all."""
        return self.account is not None and self.account.kind.facts.loss_counts


@dataclass(frozen=True)
class _Desk:
    """What all rows of one list share; answers that many rows need are kept."""

    as_of: dt.date
    limits: Limits
    books: Mapping[str, Book]
    fills: Mapping[str, tuple[Fill, ...]]
    calendars: Mapping[str, Calendar]
    quotes: Mapping[str, Quote]
    groups: Mapping[str, str]
    unclear: frozenset[str]
    held: Mapping[str, tuple[Fill, ...]]
    sides: Mapping[tuple[str, str], str]
    _parts: dict[tuple[str, str], Book] = field(default_factory=dict)
    _questions: dict[tuple[object, ...], HarvestQuestion] = field(default_factory=dict)
    _settlements: dict[str, dt.date] = field(default_factory=dict)

    def book(self, regime: str, code: str) -> Book:
        """The part of the regime's book that can matter for `code`."""
        place = (regime, self.groups.get(code, code))
        found = self._parts.get(place)
        if found is None:
            found = self._parts[place] = self.books[regime].only(code)
        return found

    def settlement(self, account: Account) -> dt.date:
        """The day on which a sale of `as_of` settles."""
        market = account.kind.facts.market
        if market not in self._settlements:
            self._settlements[market] = self.calendars[market].settlement(self.as_of)
        return self._settlements[market]

    def question(
        self, account: Account, code: str, regime: TaxRegime, *, restricted: bool
    ) -> HarvestQuestion:
        """What is asked about a row; rows of one account mostly ask the same."""
        unclear = account.kind.facts.pooled_by == BY_LOT and self.groups.get(code, code) in self.unclear
        held = self.held.get(code, ()) if account.kind.facts.pooled_by == BY_OWNER else ()
        place = (account.id, restricted, unclear, code if held else "")
        found = self._questions.get(place)
        if found is None:
            taxpayer = _taxpayer(account, self.limits)
            found = self._questions[place] = HarvestQuestion(
                _period(regime, taxpayer, self),
                taxpayer,
                self.calendars[account.kind.facts.market],
                coverage_complete=not unclear and _complete(account, regime, self.limits),
                restricted=restricted,
                held=held,
            )
        return found


def find_candidates(
    holdings: Sequence[Holding],
    quotes: Mapping[str, Quote],
    as_of: dt.date,
    *,
    accounts: Mapping[str, Account],
    fills: Iterable[Fill] = (),
    identity_groups: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> list[Candidate]:
    """Judge every pool or lot as if it alone were sold on `as_of`.

    Parameters
    ----------
    holdings : sequence of Holding
        In the order of the user's table.
    quotes : mapping of str to Quote
        By security code.
    as_of : datetime.date
        Intended trade date.
    accounts : mapping of str to Account
        Every account seen: of the holdings and of the fills.
    fills : iterable of Fill
        Done and planned, of the whole household. A purchase that is in the holdings (same account,
        code and day) is not counted twice; sales are left out, because each row is judged alone.
    identity_groups : mapping of str to str, optional
        Security code to group of substantially identical ones.

    Returns
    -------
    list of Candidate
        In the order of the holdings, Japanese pools at the place of their first row. A row that
        cannot be judged is UNKNOWN with its reason and stops no other.

    Raises
    ------
    NoTableError
        If the law of the year is not in the tables.
    """
    limits, fills = limits or Limits(), list(fills)
    groups = dict(identity_groups or {})
    rows = rows_of(holdings)
    bought = {
        (h.account.id, h.code, h.acquired)
        for h in holdings
        if h.account is not None and h.acquired is not None
    }
    nearby: dict[str, list[Fill]] = defaultdict(list)
    held: dict[str, list[Fill]] = defaultdict(list)
    for fill in fills:
        if not fill.kind.enters:
            if not fill.planned:
                held[fill.instrument_id].append(fill)
        elif (fill.account_id, fill.instrument_id, fill.trade_date) in bought:
            held[fill.instrument_id].append(fill)
        else:
            nearby[groups.get(fill.instrument_id, fill.instrument_id)].append(fill)
    desk = _Desk(
        as_of,
        limits,
        books_of(rows, accounts, groups),
        {group: tuple(found) for group, found in nearby.items()},
        {market: calendar(market, limits.holidays) for market in _markets(rows)},
        quotes,
        groups,
        unclear_groups(rows, groups),
        {code: _not_sold_since(found, as_of) for code, found in held.items()},
        sides_of_the_day(fills, as_of),
    )
    return [_judge(row, desk) for row in rows]


def _not_sold_since(fills: list[Fill], as_of: dt.date) -> tuple[Fill, ...]:
    """Purchases up to `as_of`, the arranged ones only as long as no sale has followed them."""
    sold = [fill.trade_date for fill in fills if not fill.kind.enters and fill.trade_date <= as_of]
    last = max(sold, default=dt.date.min)
    return tuple(
        fill
        for fill in fills
        if fill.kind.enters and fill.trade_date <= as_of and not (fill.arranged and fill.trade_date <= last)
    )


def _markets(rows: Iterable[Row]) -> set[str]:
    return {row.account.kind.facts.market for row in rows if row.account is not None}


def _judge(row: Row, desk: _Desk) -> Candidate:
    first, quote = row.first, desk.quotes.get(row.first.code)
    price = home_price(first, quote)
    problems = set(row.problems)
    if not row.pooled and first.acquired is not None and first.acquired > desk.as_of:
        problems.add("NO_DATE")  # not held yet: it can replace a loss, but not be sold
    if first.code and isinstance(price, str):
        problems.add(price)
    ruled = _order_rule(row, desk)
    restricted = row.restricted or first.code in desk.limits.blocked_codes or bool(ruled)
    unknown = Candidate(
        first.row,
        row.account,
        first.code,
        first.name,
        "" if row.pooled else first.lot,
        row.quantity,
        HarvestStatus.BLOCKED if restricted else HarvestStatus.UNKNOWN,
        tuple(sorted(problems | ruled | ({"RESTRICTED"} if restricted else set()))),
        quote.price if quote else None,
        quote=quote,
    )
    if problems or row.account is None or row.quantity is None or isinstance(price, str):
        return unknown
    regime = REGIMES[row.account.regime]
    book = desk.book(regime.name, first.code) if regime.name in desk.books else None
    key = PositionKey(regime.pool_key(row.account), first.code)
    if book is None or key not in book.positions:
        # Another row of the same pool has no cost: the average of the pool is not known.
        return replace(unknown, reasons=tuple(sorted({*unknown.reasons, "NO_COST"})))
    return _checked(unknown, row, regime, book, price, desk, ruled, restricted=restricted)


def _order_rule(row: Row, desk: _Desk) -> set[str]:
    """The reason code of a broker's rule that forbids the order, if one does."""
    account = row.account
    if account is None or account.kind.facts.market != CASH_MARKET:
        return set()
    sides = desk.sides.get((account.id, row.first.code), "")
    rebuys = desk.limits.rebuy == Rebuy.SAME_DAY
    return {CASH_RULE} if cash_rule_forbids(sides, rebuys=rebuys) else set()


def _checked(
    shown: Candidate,
    row: Row,
    regime: TaxRegime,
    book: Book,
    price: Fraction,
    desk: _Desk,
    ruled: set[str],
    *,
    restricted: bool,
) -> Candidate:
    account, quantity = row.account, row.quantity
    if account is None or quantity is None:
        raise TypeError("a row without account or quantity is not judged")
    limits = desk.limits
    value = price * quantity
    disposal = Disposal(
        "harvest",
        account.id,
        shown.code,
        quantity,
        value,
        desk.as_of,
        desk.settlement(account),
        expenses=value * limits.fee_rate if limits.fee_rate else ZERO,
        seq=10**9,  # after every fill of the day
        pick=FIFO if row.pooled else LotPick("SPEC", tuple((lot.id, lot.quantity) for lot in row.lots)),
        source_row=f"lots, row {shown.row}",
    )
    question = desk.question(account, shown.code, regime, restricted=restricted)
    check = regime.harvestable(book, disposal, _nearby(disposal, account, desk), question)
    cost = check.cost
    status, reasons = check.status, ruled.union(map(str, check.reasons))
    if check.gross_loss > 0 and _is_small(check.gross_loss, cost, limits):
        status = HarvestStatus.BLOCKED
        reasons.add(BELOW_MIN)
    return replace(shown, status=status, reasons=tuple(sorted(reasons)), cost=cost, value=value, check=check)


def _is_small(loss: Fraction, cost: Fraction, limits: Limits) -> bool:
    return loss < limits.min_loss or (bool(limits.threshold) and loss < limits.threshold * cost)


def _nearby(disposal: Disposal, account: Account, desk: _Desk) -> tuple[Fill, ...]:
    code = disposal.instrument_id
    found = tuple(
        fill
        for fill in desk.fills.get(desk.groups.get(code, code), ())
        if _regime_of(fill, desk) == account.regime
    )
    if desk.limits.rebuy != Rebuy.SAME_DAY:
        return found
    rebuy = Fill(
        id="rebuy",
        trade_date=disposal.trade_date,
        settle_date=disposal.settle_date,
        seq=disposal.seq + 1,
        account_id=account.id,
        instrument_id=code,
        kind=FillKind.BUY,
        quantity=disposal.quantity,
        amount=disposal.proceeds,
        planned=True,
        arranged=True,
    )
    return (*found, rebuy)


def _regime_of(fill: Fill, desk: _Desk) -> str:
    book = next(iter(desk.books.values()))
    return book.accounts[fill.account_id].regime


def _taxpayer(account: Account, limits: Limits) -> Taxpayer:
    corporation = account.kind.facts.regime == "jp.corporate"
    end = limits.period_end or dt.date(2000, 12, 31)
    return Taxpayer(
        account.owner_id,
        corporation=corporation,
        fiscal_year_end=(end.month, end.day) if corporation else (12, 31),
    )


def _period(regime: TaxRegime, taxpayer: Taxpayer, desk: _Desk) -> Period:
    end = desk.limits.period_end
    return regime.period(end if taxpayer.corporation and end is not None else desk.as_of, taxpayer)


def _complete(account: Account, regime: TaxRegime, limits: Limits) -> bool:
    """Whether no purchase that could change the result can hide in an account not seen."""
    lots = account.kind.facts.pooled_by == BY_LOT
    for other in limits.unseen:
        if lots and other.regime == account.regime and other.household_id == account.household_id:
            return False
        if not lots and other.regime == account.regime and regime.pool_key(other) == regime.pool_key(account):
            return False
    return limits.household_complete if lots else True
