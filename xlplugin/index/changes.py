"""What a review changes: the list of additions, deletions and re-weightings, and concentration.

Weights before are drifted to the review date. With several stages every change is spread over
equal steps; the last step lands on the new weight exactly. Source: methodology 2.6, 2.11; workbook
sheets m9 and m10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from xlplugin.errors import DomainError
from xlplugin.index.arrays import exact_sum, same_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlplugin.aliases import FloatArray

__all__ = ["Change", "Concentration", "change_list", "concentration", "group_weights"]


class Change(NamedTuple):
    """One name in one step: `kind` is ADD, DELETE, UP, DOWN or KEEP."""

    row: int
    kind: str
    step: int
    weight_before: float
    weight_after: float


def change_list(
    weights_before: FloatArray,
    weights_after: FloatArray,
    *,
    stages: int = 1,
    min_change: float = 0.0,
    show_all: bool = False,
) -> list[Change]:
    """The changes from one list of weights to another.

    Parameters
    ----------
    weights_before, weights_after : ndarray of shape (n,)
        Fractions; zero for a name outside.
    stages : int
        Number of equal steps.
    min_change : float
        A name that stays and changes by no more than this is KEEP.
    show_all : bool
        Whether KEEP lines are listed.

    Returns
    -------
    list of Change
        By step, the largest change first, ties by row. Σ after − Σ before of the last list is the
        whole change.

    Raises
    ------
    ShapeError
        If the two are not of one length.
    DomainError
        If there is no stage, or `min_change` is negative.

    Examples
    --------
    >>> [c.kind for c in change_list(np.array([0.5, 0.5, 0.0]), np.array([0.6, 0.0, 0.4]))]
    ['DELETE', 'ADD', 'UP']
    """
    same_length(len(weights_before), weights_after=weights_after)
    if stages < 1 or min_change < 0.0:
        raise DomainError("stages, min_change: expected at least one stage and a change of zero or more")
    order = np.argsort(-np.abs(weights_after - weights_before), kind="stable")
    pairs = zip(order.tolist(), weights_before[order].tolist(), weights_after[order].tolist(), strict=True)
    kept = [(row, _kind(before, after, min_change), before, after) for row, before, after in pairs]
    if not show_all:
        kept = [item for item in kept if item[1] != "KEEP"]
    if stages == 1:
        return [Change(row, kind, 1, before, after) for row, kind, before, after in kept]
    return [
        Change(
            row,
            kind,
            step,
            before + (after - before) * (step - 1) / stages,
            after if step == stages else before + (after - before) * step / stages,
        )
        for step in range(1, stages + 1)
        for row, kind, before, after in kept
    ]


def _kind(before: float, after: float, min_change: float) -> str:
    if before == 0.0 and after > 0.0:
        return "ADD"
    if before > 0.0 and after == 0.0:
        return "DELETE"
    if before == after or abs(after - before) <= min_change:
        return "KEEP"
    return "UP" if after > before else "DOWN"


class Concentration(NamedTuple):
    """How concentrated an index is."""

    names: int
    largest: float
    top_ten: float
    herfindahl: float

    @property
    def effective_names(self) -> float:
        """How many equal names would be as concentrated: one over the Herfindahl index."""
        return 1.0 / self.herfindahl if self.herfindahl else 0.0


def concentration(weights: FloatArray) -> Concentration:
    """Number of names, largest, sum of the ten largest, and the Herfindahl index Σw².

    References
    ----------
    methodology 2.11.

    Examples
    --------
    >>> concentration(np.full(16, 0.0625)).effective_names
    16.0
    """
    held = np.sort(weights[weights > 0.0])[::-1]
    largest = float(held[0]) if len(held) else 0.0
    return Concentration(len(held), largest, exact_sum(held[:10]), exact_sum(held**2))


def group_weights(weights: FloatArray, group: Sequence[str]) -> dict[str, float]:
    """The weight of each group, in order of first appearance.

    Examples
    --------
    >>> group_weights(np.array([0.5, 0.25, 0.25]), ["A", "B", "A"])
    {'A': 0.75, 'B': 0.25}
    """
    same_length(len(weights), group=group)
    rows: dict[str, list[float]] = {}
    for label, weight in zip(group, weights.tolist(), strict=True):
        rows.setdefault(label, []).append(weight)
    return {label: exact_sum(np.array(values)) for label, values in rows.items()}
