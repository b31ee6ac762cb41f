"""What can be bought in place of a security sold at a loss: nearest in risk first.

The whole weight of the sold name moves into one candidate; candidates are ordered by the forecast
tracking error that is left. Whether two securities are substantially identical is the adviser's
judgement: it is read from groups and pairs, never inferred from correlation. Methodology 6.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xlplugin.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xlplugin.aliases import BoolArray, FloatArray

__all__ = ["Peers", "SwapRisk", "SwapRules", "rank_peers", "swap_risk"]

PREFER, REQUIRE, IGNORE = "PREFER", "REQUIRE", "IGNORE"


@dataclass(frozen=True)
class SwapRisk:
    """Risk of moving one name into each other name; arrays of shape (n_securities,), per year."""

    correlation: FloatArray
    beta: FloatArray
    tracking_error: FloatArray


def swap_risk(sold: int, weights: FloatArray, holdings: FloatArray, covariance: FloatArray) -> SwapRisk:
    r"""Risk of moving the whole holding of one name into each candidate.

    Parameters
    ----------
    sold : int
        Place of the security that is sold.
    weights, holdings : ndarray of shape (n_securities,)
        Benchmark and portfolio weights, as fractions.
    covariance : ndarray of shape (n_securities, n_securities)
        Per year.

    Returns
    -------
    SwapRisk
        ``correlation`` :math:`S_{0j}/\sqrt{S_{00}S_{jj}}`, ``beta`` :math:`S_{0j}/S_{jj}` and
        ``tracking_error`` :math:`\sqrt{a^\top S a}` after the swap. NaN where a variance is zero.

    Raises
    ------
    ShapeError
        If the arrays do not describe the same securities.

    Notes
    -----
    With :math:`b` the active weights after the sale and :math:`h` the weight sold,
    :math:`a^\top S a = b^\top S b + 2h(Sb)_j + h^2 S_{jj}`, so all candidates cost one product.

    Examples
    --------
    >>> S = np.array([[0.04, 0.018, 0.012], [0.018, 0.0625, 0.015], [0.012, 0.015, 0.09]])
    >>> w = np.array([0.4, 0.4, 0.2])
    >>> swap_risk(0, w, w, S).tracking_error.round(5).tolist()
    [0.0, 0.10315, 0.13023]
    """
    n = weights.shape[0]
    if covariance.shape != (n, n):
        raise ShapeError("covariance", got=covariance.shape, expected=(n, n))
    if holdings.shape != (n,):
        raise ShapeError("holding", got=holdings.shape, expected=(n,))
    moved = holdings[sold]
    active = holdings - weights
    active[sold] -= moved
    marginal = covariance @ active
    own = np.diag(covariance)
    variance = float(active @ marginal) + 2.0 * moved * marginal + moved**2 * own
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance[sold] / np.sqrt(own[sold] * own)
        beta = covariance[sold] / own
    return SwapRisk(correlation, beta, np.sqrt(np.maximum(variance, 0.0)))


@dataclass(frozen=True)
class SwapRules:
    """What forbids a candidate, by place in the universe.

    `groups` are identity groups; `pairs` maps (sold, bought) codes to the adviser's judgement;
    `recently_sold` are groups sold at a loss in the household. `identical_blocks` is false in
    Japan, where both are only flagged.
    """

    codes: Sequence[str]
    groups: Sequence[str]
    sectors: Sequence[str]
    restricted: BoolArray
    pairs: Mapping[tuple[str, str], bool]
    recently_sold: frozenset[str] = frozenset()
    identical_blocks: bool = True
    same_sector: str = PREFER

    @cached_property
    def _group_names(self) -> NDArray[np.str_]:
        return np.array(self.groups, dtype=np.str_)

    @cached_property
    def _sector_names(self) -> NDArray[np.str_]:
        return np.array(self.sectors, dtype=np.str_)

    @cached_property
    def _always_judged(self) -> BoolArray:
        recent = np.array([group in self.recently_sold for group in self.groups], dtype=np.bool_)
        return self.restricted | recent

    def in_sector(self, sold: int) -> BoolArray:
        """Which names are known to share the sector of `sold`."""
        if not self.sectors[sold]:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.equal(self._sector_names, self.sectors[sold])

    def judged(self, sold: int) -> BoolArray:
        """Which names need a look: any rule could speak about them."""
        found = self._always_judged | np.equal(self._group_names, self.groups[sold])
        paired = {bought for seller, bought in self.pairs if seller == self.codes[sold]}
        if paired:
            found |= np.array([code in paired for code in self.codes], dtype=np.bool_)
        return found

    def judgement(self, sold: int, place: int) -> tuple[set[str], set[str]]:
        """Reason codes that block one candidate, and those that are only shown."""
        blocks: set[str] = set()
        flags: set[str] = set()
        pair = self.pairs.get((self.codes[sold], self.codes[place]))
        if self.restricted[place]:
            blocks.add("RESTRICTED")
        if pair is False:
            blocks.add("FORBIDDEN_PAIR")
        if self.groups[sold] == self.groups[place]:
            # A pair that the adviser allows stays flagged, so that the judgement is printed.
            (blocks if self.identical_blocks and pair is not True else flags).add("IDENTICAL_SECURITY")
        if self.groups[place] in self.recently_sold:
            (blocks if self.identical_blocks else flags).add("RECENTLY_SOLD")
        return blocks, flags


@dataclass(frozen=True)
class Peers:
    """Candidates for one name, by place in the universe, with the reason codes of each."""

    allowed: list[int]
    blocked: list[int]
    reasons: Mapping[int, tuple[str, ...]]


def rank_peers(sold: int, risk: SwapRisk, rules: SwapRules) -> Peers:
    """Allowed candidates in order, then the blocked ones; ties keep the order of the universe.

    Under REQUIRE a candidate of another sector is no candidate and is left out; under PREFER the
    same sector comes first; then the smaller tracking error.
    """
    same = rules.in_sector(sold)
    first = ~same if rules.same_sector == PREFER else np.zeros_like(same)
    order = np.lexsort((np.arange(len(same)), risk.tracking_error, first))
    wanted = same if rules.same_sector == REQUIRE else np.ones_like(same)
    judged = rules.judged(sold)
    allowed: list[int] = []
    blocked: list[int] = []
    reasons: dict[int, tuple[str, ...]] = {}
    for place in order[wanted[order] & (order != sold)].tolist():
        if not judged[place]:
            allowed.append(place)
            continue
        blocks, flags = rules.judgement(sold, place)
        reasons[place] = tuple(sorted(blocks | flags))
        (blocked if blocks else allowed).append(place)
    return Peers(allowed, blocked, reasons)
