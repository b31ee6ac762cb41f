"""The exact ledger plays a plan, and must agree with the optimiser.

The optimiser works in floats and weights, the ledger in exact shares and money. A plan is shown with
the ledger's numbers only; a difference beyond rounding is an error with both numbers, never a silent
correction (specification 6.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.core.lots import Bucket, LotPick
from xlplugin.core.trades import Fill, FillKind
from xlplugin.errors import LedgerError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from xlplugin.core.lots import LossAdjustment, Realization
    from xlplugin.engines.rebalancing.plan import Plan
    from xlplugin.engines.rebalancing.rounding import HeldLot, Order
    from xlplugin.tax.regime import Book, TaxRegime

__all__ = ["Agreement", "agree", "fills_of"]


@dataclass(frozen=True)
class Agreement:
    """A plan as the ledger books it.

    Attributes
    ----------
    gains : mapping of Bucket to Fraction
        Recognised result by bucket, disallowed losses given back; negative for a loss.
    disallowed : Fraction
        Losses that do not count now because of a purchase inside the window.
    tax : Fraction
        Gains at the marginal rates; negative when the plan saves tax elsewhere.
    predicted_tax : float
        What the optimiser said.
    tolerance : float
        How far rounding may take the two apart.
    cash : Fraction
        After all orders and their costs.
    realizations : tuple of Realization
    adjustments : tuple of LossAdjustment
    book : Book
        At the close of the day.
    """

    gains: Mapping[Bucket, Fraction]
    disallowed: Fraction
    tax: Fraction
    predicted_tax: float
    tolerance: float
    cash: Fraction
    realizations: tuple[Realization, ...]
    adjustments: tuple[LossAdjustment, ...]
    book: Book


def fills_of(
    listed: Sequence[Order],
    held: Sequence[HeldLot],
    prices: Mapping[str, Fraction | Decimal],
    buying_account: str,
    as_of: dt.date,
    settles: dt.date,
    costs: Mapping[str, Fraction | Decimal],
) -> list[Fill]:
    """The orders as fills at the prices of the plan: one per account and name, its lots identified.

    Parameters
    ----------
    listed : sequence of Order
    held : sequence of HeldLot
        Of `rounding.from_book`.
    prices : mapping of str to Fraction or Decimal
    buying_account : str
        Where purchases go.
    as_of, settles : date
    costs : mapping of str to Fraction or Decimal
        One way, as a share of the amount, by name; a name that is not there costs nothing.
    """
    account_of = {row.lot.id: row.account_id for row in held}
    lots: dict[tuple[str, str], list[tuple[str, Fraction]]] = {}
    bought: dict[str, Fraction] = {}
    for order in listed:
        if order.side == "sell":
            lots.setdefault((account_of[order.lot], order.name), []).append((order.lot, order.quantity))
        else:
            bought[order.name] = bought.get(order.name, Fraction(0)) + order.quantity

    def fill(ident: str, account: str, name: str, parts: tuple[tuple[str, Fraction], ...]) -> Fill:
        sale = bool(parts)
        quantity = sum((part for _, part in parts), Fraction(0)) if sale else bought[name]
        amount = quantity * Fraction(prices[name])
        return Fill(
            id=ident,
            trade_date=as_of,
            settle_date=settles,
            account_id=account,
            instrument_id=name,
            kind=FillKind.SELL if sale else FillKind.BUY,
            quantity=quantity,
            amount=amount,
            fee=amount * Fraction(costs.get(name, 0)),
            pick=LotPick("SPEC", parts) if sale else LotPick(),
            source_row=f"order {ident}",
        )

    sales = [
        fill(f"rebalance-sell-{number}", account, name, tuple(parts))
        for number, ((account, name), parts) in enumerate(sorted(lots.items()), start=1)
    ]
    purchases = [
        fill(f"rebalance-buy-{number}", buying_account, name, ())
        for number, name in enumerate(sorted(bought), start=1)
    ]
    return sales + purchases


def agree(
    plan: Plan,
    fills: Sequence[Fill],
    book: Book,
    regime: TaxRegime,
    rates: Mapping[Bucket, float],
    nav: Fraction | Decimal,
    *,
    currency_unit: float = 1.0,
    step_value: float = 0.0,
) -> Agreement:
    """Play the fills of a plan and compare tax, cash and washed losses with the plan.

    Parameters
    ----------
    plan : Plan
    fills : sequence of Fill
        Of `fills_of`.
    book : Book
        The one the plan was made from; it is not changed.
    regime : TaxRegime
    rates : mapping of Bucket to float
        The marginal rates the plan used.
    nav : Fraction or Decimal
    currency_unit : float
        The smallest amount that matters, 1 for a dollar or a yen.
    step_value : float
        Value of the largest rounding step of an order, in money; zero where orders are exact.

    Returns
    -------
    Agreement

    Raises
    ------
    LedgerError
        If more is sold than held, a name is sold at a loss and bought, cash leaves its band, a loss is
        disallowed that the plan counts on, or the taxes differ by more than rounding explains.
    """
    total, problem = Fraction(nav), plan.problem
    day = fills[0].trade_date if fills else None
    done = regime.apply_day(book, day, list(fills)) if day is not None else None
    realizations = done.realizations if done else ()
    adjustments = done.adjustments if done else ()
    back: dict[tuple[str, int], Fraction] = {}
    for adjustment in adjustments:
        key = (adjustment.disposal_id, adjustment.part)
        back[key] = back.get(key, Fraction(0)) + adjustment.disallowed
    gains: dict[Bucket, Fraction] = {}
    for realization in realizations:
        for place, part in enumerate(realization.parts):
            gain = part.gain + back.get((realization.disposal.id, place), Fraction(0))
            gains[part.bucket] = gains.get(part.bucket, Fraction(0)) + gain
    tax = sum((gain * Fraction(rates.get(bucket, 0.0)) for bucket, gain in gains.items()), Fraction(0))
    disallowed = sum(back.values(), Fraction(0))

    lots = problem.lots
    counted = plan.sold - plan.washed
    predicted = plan.tax - float((lots.rate * problem.sell_cost[lots.name]) @ counted)
    traded = (plan.sold > 0.0) & (plan.sold < lots.weight)
    slack = float(np.abs(lots.tax[traded]).sum()) * step_value + currency_unit
    slack += 1e-7 * float(total) * float(np.abs(lots.tax) @ plan.sold)
    cash = Fraction(problem.cash) * total
    for fill in fills:
        sign = 1 if fill.kind is FillKind.SELL else -1
        cash += sign * fill.amount - fill.fee
    made = Agreement(
        gains=gains,
        disallowed=disallowed,
        tax=tax,
        predicted_tax=predicted * float(total),
        tolerance=slack,
        cash=cash,
        realizations=tuple(realizations),
        adjustments=tuple(adjustments),
        book=done.book if done else book,
    )
    _refuse(made, plan, total, currency_unit + 2.0 * step_value * max(1, len(fills)))
    return made


def _refuse(made: Agreement, plan: Plan, total: Fraction, cash_slack: float) -> None:
    problem = plan.problem
    loss = np.maximum(problem.sell_cost[problem.lots.name] - problem.lots.gain, 0.0)
    expected = float(loss @ plan.washed) * float(total)
    if abs(float(made.disallowed) - expected) > made.tolerance and float(made.disallowed) > expected:
        raise LedgerError(
            f"the ledger disallows losses of {float(made.disallowed):,.2f}, the plan expects "
            f"{expected:,.2f}: a purchase of the household inside the window is missing from the problem"
        )
    if abs(float(made.tax) - made.predicted_tax) > made.tolerance + abs(float(made.disallowed) - expected):
        raise LedgerError(
            f"the ledger says tax {float(made.tax):,.2f}, the optimiser {made.predicted_tax:,.2f}; rounding "
            f"explains {made.tolerance:,.2f}: lots, prices or rates of the two are not the same"
        )
    low, high = problem.cash_low * float(total), problem.cash_high * float(total)
    if not low - cash_slack <= float(made.cash) <= high + cash_slack:
        raise LedgerError(
            f"cash after the orders is {float(made.cash):,.2f}, allowed is {low:,.2f} to {high:,.2f}: the "
            "orders were rounded after the plan; make the plan in whole units"
        )
