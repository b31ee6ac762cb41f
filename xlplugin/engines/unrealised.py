"""What is held against the prices of a day: cost, value, gain, and whether a loss could count.

Japan: rows of one pool are one line, at the average the law would use at a sale; general accounts of
one owner share it, one line per account. United States: one line per lot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlplugin.core.accounts import AccountKind
from xlplugin.core.lots import ZERO, TaxLot, exact
from xlplugin.engines.harvesting.holdings import home_price
from xlplugin.tax.lot_picks import lot_term
from xlplugin.tax.pools import Pool, average_unit
from xlplugin.tax.regime import REGIMES
from xlplugin.tax.tables import table_version

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence
    from fractions import Fraction

    from xlplugin.core.accounts import Account
    from xlplugin.core.lots import PoolKey
    from xlplugin.engines.harvesting.holdings import Holding, Quote

__all__ = ["Unrealised", "highest_gains", "unrealised"]


@dataclass(frozen=True, slots=True)
class Unrealised:
    """One line; money in the account's currency, None where it is unknown (see `reasons`)."""

    row: int
    account: Account | None
    code: str
    name: str
    lot: str
    quantity: Fraction | None
    unit_cost: Fraction | None = None
    price: Fraction | None = None
    cost: Fraction | None = None
    value: Fraction | None = None
    term: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def gain(self) -> Fraction | None:
        """Value less cost; negative for a loss."""
        return None if self.value is None or self.cost is None else self.value - self.cost

    @property
    def gain_ratio(self) -> Fraction | None:
        """Gain as a fraction of the cost."""
        return None if self.gain is None or not self.cost else self.gain / self.cost

    @property
    def harvestable(self) -> bool:
        """Whether there is a loss, in an account where a loss counts."""
        counts = self.account is not None and self.account.kind.facts.loss_counts
        return counts and self.gain is not None and self.gain < 0


def unrealised(
    holdings: Sequence[Holding], quotes: Mapping[str, Quote], as_of: dt.date | None = None
) -> list[Unrealised]:
    """Value what is held.

    Parameters
    ----------
    holdings : sequence of Holding
        Rows of what is held, cost in the account's currency.
    quotes : mapping of str to Quote
        Price by code.
    as_of : datetime.date, optional
        Chooses the rounding rule and the term; without it the rule of the day the tables were
        checked is used and terms are blank.

    Returns
    -------
    list of Unrealised
        In the order in which pools and lots first appear.
    """
    day = as_of or table_version("jp.individual")
    lines: dict[object, list[Holding]] = {}
    pools: dict[tuple[PoolKey, str], list[Holding]] = {}
    for holding in holdings:
        account = holding.account
        if account is None or account.kind.facts.pooled_by == "lot" or not holding.code:
            lines[holding.row] = [holding]
            continue
        lines.setdefault((account.id, holding.code), []).append(holding)
        pool = REGIMES[account.regime].pool_key(account)
        pools.setdefault((pool, holding.code), []).append(holding)
    done = []
    for rows in lines.values():
        account, code = rows[0].account, rows[0].code
        same_pool = rows
        if account is not None and (REGIMES[account.regime].pool_key(account), code) in pools:
            same_pool = pools[REGIMES[account.regime].pool_key(account), code]
        done.append(_line(rows, same_pool, quotes.get(code), day, as_of))
    return done


def _line(
    rows: Sequence[Holding],
    same_pool: Sequence[Holding],
    quote: Quote | None,
    day: dt.date,
    as_of: dt.date | None,
) -> Unrealised:
    first, account = rows[0], rows[0].account
    reasons = {reason for row in same_pool for reason in row.problems}
    pooled = account is not None and account.kind.facts.pooled_by != "lot"
    if account is not None and len({r.account.id for r in same_pool if r.account}) > 1:
        reasons.add("POOLED_ACCOUNTS")
    quantity = _sum(row.quantity for row in rows)
    total = Pool(_sum(r.quantity for r in same_pool) or ZERO, _sum(r.cost for r in same_pool) or ZERO)
    broken = bool(reasons - {"POOLED_ACCOUNTS", "NO_DATE"}) or account is None or not total.quantity
    unit = None
    if not broken and account is not None:
        individual = pooled and account.kind is not AccountKind.JP_CORP
        unit = average_unit(total, day) if individual else total.cost / total.quantity
    price = home_price(first, quote)
    if isinstance(price, str):
        reasons.add(price)
    return Unrealised(
        first.row,
        account,
        first.code,
        next((row.name for row in rows if row.name), ""),
        "" if pooled else first.lot,
        quantity,
        unit,
        quote.price if quote else None,
        None if unit is None or quantity is None else unit * quantity,
        None if isinstance(price, str) or quantity is None else price * quantity,
        _term(first, as_of),
        tuple(sorted(reasons)),
    )


def _sum(amounts: Iterable[Fraction | None]) -> Fraction | None:
    """The sum, or None where one is missing."""
    total = ZERO
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _term(holding: Holding, as_of: dt.date | None) -> str:
    account = holding.account
    if account is None or account.kind.facts.pooled_by != "lot" or not account.kind.facts.loss_counts:
        return ""
    if as_of is None or holding.acquired is None or holding.acquired > as_of:
        return ""
    lot = TaxLot(holding.lot, holding.acquired, exact(1), ZERO, holding.acquired)
    return lot_term(lot, as_of).value


def highest_gains(lines: Sequence[Unrealised], count: int) -> list[Unrealised]:
    """The lines with the highest gain in accounts whose results count, the largest first.

    Candidates to give away rather than to sell. In Japan a gift to a company is a deemed sale at
    market value unless it is approved (所得税法59条, 措法40条).
    """
    found = [
        line
        for line in lines
        if line.account is not None
        and line.account.kind.facts.loss_counts
        and line.gain is not None
        and line.gain > 0
    ]
    return sorted(found, key=lambda line: (-(line.gain or ZERO), line.row))[:count]
