"""Sales as a US return lists them: lines to the cent, washed shares apart, Form 8949 with code W.

Amounts are exact until here; each is rounded half-up to the cent and the last line of a sale takes
the difference, so that lines add up to the sale.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from xlplugin.core.lots import ZERO, Bucket, rounded, shown

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence
    from decimal import Decimal
    from fractions import Fraction

    from xlplugin.core.lots import LossAdjustment, Part, Realization
    from xlplugin.tax.ledger import Ledger

__all__ = ["Form8949Row", "SaleLine", "cents", "form_8949", "form_8949_row", "sale_lines"]


def cents(amounts: Sequence[Fraction]) -> list[Decimal]:
    """Amounts to the cent, half-up; the last takes the difference to the rounded total.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> [str(x) for x in cents([F(10, 3), F(10, 3), F(10, 3)])]
    ['3.33', '3.33', '3.34']
    """
    if not amounts:
        return []
    done = [rounded(amount) for amount in amounts[:-1]]
    return [*done, rounded(sum(amounts, ZERO)) - sum(done, rounded(ZERO))]


@dataclass(frozen=True)
class SaleLine:
    """Shares of one sale and lot with one start of the holding period, washed or not; dollars."""

    disposal_id: str
    lot_id: str
    account_id: str
    instrument_id: str
    quantity: Fraction
    acquired: dt.date
    held_from: dt.date
    sold: dt.date
    bucket: Bucket
    proceeds: Decimal
    basis: Decimal
    disallowed: Decimal
    lost_forever: Decimal

    @property
    def gain(self) -> Decimal:
        """Before the wash rule; negative for a loss."""
        return self.proceeds - self.basis

    @property
    def recognised(self) -> Decimal:
        """What counts in the year of the sale."""
        return self.gain + self.disallowed


class _Raw(NamedTuple):
    quantity: Fraction
    proceeds: Fraction
    basis: Fraction
    disallowed: Fraction
    lost: Fraction

    def plus(self, other: _Raw) -> _Raw:
        return _Raw(*(a + b for a, b in zip(self, other, strict=True)))


def sale_lines(done: Realization, adjustments: Iterable[LossAdjustment]) -> list[SaleLine]:
    """One disposal as lines: per lot, washed shares first, then by the start of the holding period.

    Proceeds are after expenses, as on Form 1099-B.
    """
    washed: dict[int, list[LossAdjustment]] = defaultdict(list)
    for adjustment in adjustments:
        if adjustment.disposal_id == done.disposal.id:
            washed[adjustment.part].append(adjustment)
    lots: dict[str, list[tuple[int, Part]]] = defaultdict(list)
    for number, part in enumerate(done.parts):
        lots[part.lot_id].append((number, part))
    lines: list[SaleLine] = []
    for parts in lots.values():
        grouped: dict[tuple[bool, dt.date, Bucket], _Raw] = {}
        for number, part in parts:
            for is_washed, raw in _divided(part, washed.get(number, ())):
                place = (not is_washed, part.held_from, part.bucket)
                known = grouped.get(place)
                grouped[place] = raw if known is None else known.plus(raw)
        lines += _lines(done, parts[0][1], grouped)
    return lines


def _divided(part: Part, adjustments: Sequence[LossAdjustment]) -> list[tuple[bool, _Raw]]:
    net = part.proceeds - part.expenses
    matched = sum((a.quantity for a in adjustments), ZERO)
    if not matched:
        return [(False, _Raw(part.quantity, net, part.cost, ZERO, ZERO))]
    share = matched / part.quantity
    first = _Raw(
        matched,
        net * share,
        part.cost * share,
        sum((a.disallowed for a in adjustments), ZERO),
        sum((a.lost_forever for a in adjustments), ZERO),
    )
    if matched == part.quantity:
        return [(True, first)]
    rest = _Raw(part.quantity - matched, net - first.proceeds, part.cost - first.basis, ZERO, ZERO)
    return [(True, first), (False, rest)]


def _lines(
    done: Realization, part: Part, grouped: dict[tuple[bool, dt.date, Bucket], _Raw]
) -> list[SaleLine]:
    places = sorted(grouped)
    raws = [grouped[place] for place in places]
    columns = [cents([raw[field] for raw in raws]) for field in (1, 2, 3, 4)]
    return [
        SaleLine(
            done.disposal.id,
            part.lot_id,
            done.disposal.account_id,
            done.disposal.instrument_id,
            raw.quantity,
            part.acquired,
            held_from,
            done.disposal.trade_date,
            bucket,
            *(column[number] for column in columns),
        )
        for number, ((_, held_from, bucket), raw) in enumerate(zip(places, raws, strict=True))
    ]


class Form8949Row(NamedTuple):
    """One row of Form 8949; the letters are the form's columns, amounts in dollars."""

    description: str
    acquired: dt.date
    sold: dt.date
    proceeds: Decimal
    basis: Decimal
    code: str
    adjustment: Decimal
    gain: Decimal
    term: Bucket


def form_8949_row(line: SaleLine) -> Form8949Row:
    """Columns (a) to (h): code W in (f) and the disallowed loss, positive, in (g).

    Instructions for Form 8949, code W.
    """
    return Form8949Row(
        f"{shown(line.quantity)} sh. {line.instrument_id}",
        line.acquired,
        line.sold,
        line.proceeds,
        line.basis,
        "W" if line.disallowed else "",
        line.disallowed,
        line.recognised,
        line.bucket,
    )


def form_8949(ledger: Ledger, year: int) -> list[Form8949Row]:
    """All rows of one year: short-term first, then by day and description; retirement accounts left out."""
    rows = [
        form_8949_row(line)
        for done in ledger.realizations
        if done.recognised_on.year == year
        for line in sale_lines(done, ledger.adjustments_of(done.disposal.id))
        if line.bucket in (Bucket.ST, Bucket.LT)
    ]
    return sorted(rows, key=lambda row: (row.term is Bucket.LT, row.sold, row.description, row.acquired))
