"""A review of an index: screens, selection, weights, caps, and what changes.

`review` is a pure function of a recipe (from a rule card, or one's own) and a universe with the
data of the base day. A missing datum is not a failed test: a newcomer without it stays out, a
constituent without it stays in, and both are named. Source: methodology 2.5-2.7, 2.11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xlplugin.errors import InfeasibleError, InputError
from xlplugin.index import selection
from xlplugin.index.arrays import exact_sum, normalised
from xlplugin.index.capping import cap_factors, cap_groups, cap_tiers, cap_weights
from xlplugin.index.changes import Change, change_list
from xlplugin.index.free_float import transition_factor
from xlplugin.index.price_factor import cap_ratio
from xlplugin.index.scheme import SCHEMES, index_weights
from xlplugin.index.screening import Outcome, screen
from xlplugin.index.sector_balance import select_by_sector_balance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xlplugin.aliases import BoolArray, FloatArray
    from xlplugin.index.recipe import Recipe, Step
    from xlplugin.index.universe import Universe

__all__ = ["Review", "review"]


@dataclass(frozen=True)
class Review:
    """What a review decided; every array has one item per row of the universe.

    Attributes
    ----------
    selected : ndarray of bool
        The names of the new list, without those in transition.
    reasons : tuple of str
        Why a name is out or was kept on a missing datum: the code of the first screen that failed,
        RANK when the selection left it out, ``MISSING:field``, or "".
    raw_weights, weights : ndarray of float
        Before and after capping; zero outside the list and the names in transition.
    cap_factors : ndarray of float
        Capped over raw weight, largest one; the cap ratio where caps work in steps; NaN outside.
    current_weights : ndarray of float
        Before the review, drifted to the base day.
    changes : tuple of Change
        What is added, deleted and re-weighted.
    turnover : float
        One way, as a fraction.
    """

    selected: BoolArray
    reasons: tuple[str, ...]
    raw_weights: FloatArray
    weights: FloatArray
    cap_factors: FloatArray
    current_weights: FloatArray
    changes: tuple[Change, ...]
    turnover: float


def review(
    recipe: Recipe,
    universe: Universe,
    current_weights: FloatArray | None = None,
    *,
    incumbent: BoolArray | None = None,
    stage: int | None = None,
) -> Review:
    """Review an index.

    Parameters
    ----------
    recipe : Recipe
        From `RuleCard.recipe` on the day of the review.
    universe : Universe
        All candidates with the data of the base day, constituents included.
    current_weights : ndarray of shape (n,), optional
        Weights before, drifted; zero outside. All zero if left out.
    incumbent : ndarray of bool of shape (n,), optional
        Constituents now; those with a current weight if left out, or the column `incumbent`.
    stage : int, optional
        Where leavers decline in steps (TOPIX from October 2026): the step reached, at which they
        still count with the factor 1 − stage/steps. Left out: they are gone.

    Returns
    -------
    Review

    Raises
    ------
    MissingError
        If a column that the recipe needs is not there.
    InfeasibleError
        If nothing is left, or the caps cannot hold the index.
    InputError, DomainError
        As the steps say.

    References
    ----------
    methodology 2.5-2.7, 2.11; workbook sheets m5, m6 and m10.

    Examples
    --------
    >>> from xlplugin.index.recipe import Recipe, Step
    >>> from xlplugin.index.universe import Universe
    >>> names = Universe.of({"code": ["A", "B", "C"], "price": [10.0, 5.0, 1.0], "shares": [6.0, 6.0, 10.0]})
    >>> two = Step("RANK", {"metric": "full_cap", "count": 2})
    >>> done = review(Recipe("CAP", (), two, Step("SINGLE", {"cap": 0.6}), 1, None), names)
    >>> done.weights.round(3).tolist(), done.reasons
    ([0.6, 0.4, 0.0], ('', '', 'RANK'))
    """
    count = len(universe)
    before = np.zeros(count) if current_weights is None else current_weights
    if before.shape != (count,):
        raise InputError(f"current_weights: expected {count} values, one per row of the universe")
    member = _members(universe, before, incumbent)
    eligible, reasons = _screened(recipe, universe, member)
    if not eligible.any():
        raise InfeasibleError(
            "review: no name passes the screens; the reasons of the first are " + reasons[0]
        )
    places = np.flatnonzero(eligible)
    chosen = _SELECTIONS[recipe.selection.method](recipe.selection, universe.rows(eligible), member[eligible])
    selected = np.zeros(count, dtype=np.bool_)
    selected[places[chosen]] = True
    if not selected.any():
        raise InfeasibleError("review: the selection leaves no name; widen it or check the incumbents")
    for place in np.flatnonzero(eligible & ~selected).tolist():
        reasons[place] = "RANK"
    transition = _transition(recipe, universe, member & ~selected, stage)
    listed = selected | (transition > 0.0)
    raw, capped, factors = _weighted(
        recipe, universe.rows(listed), np.where(selected, 1.0, transition)[listed]
    )
    after = np.zeros(count)
    after[listed] = capped
    raw_all, factor_all = np.zeros(count), np.full(count, np.nan)
    raw_all[listed], factor_all[listed] = raw, factors
    changes = change_list(before, after, stages=1)
    return Review(
        selected,
        tuple(reasons),
        raw_all,
        after,
        factor_all,
        before,
        tuple(changes),
        selection.turnover(before, after) if before.any() else 0.0,
    )


def _members(universe: Universe, before: FloatArray, incumbent: BoolArray | None) -> BoolArray:
    if incumbent is not None:
        if incumbent.shape != before.shape:
            raise InputError("incumbent: expected one value per row of the universe")
        return incumbent
    if before.any():
        return np.asarray(before > 0.0)
    if "incumbent" in universe.numbers:
        return np.asarray(np.nan_to_num(universe.numbers["incumbent"]) != 0.0)
    return np.zeros(len(universe), dtype=np.bool_)


def _screened(recipe: Recipe, universe: Universe, member: BoolArray) -> tuple[BoolArray, list[str]]:
    """Who may be selected, and the reason of everybody else."""
    eligible = np.ones(len(universe), dtype=np.bool_)
    reasons = [""] * len(universe)
    if recipe.screens:
        columns = {rule.field: universe.cells(rule.field) for rule in recipe.screens}
        for row, verdict in enumerate(screen(columns, recipe.screens, member)):
            reasons[row] = verdict.reason
            kept = verdict.outcome is Outcome.MISSING and bool(member[row])
            eligible[row] = verdict.outcome is Outcome.PASSED or kept
    scheme = SCHEMES[recipe.scheme]
    for name in _metrics(recipe.selection, universe) + scheme.needs:
        lacking = eligible & np.isnan(universe.number(name))
        for row in np.flatnonzero(lacking).tolist():
            reasons[row] = f"MISSING:{name}"
        eligible &= ~lacking
    return eligible, reasons


def _metrics(step: Step, universe: Universe) -> tuple[str, ...]:
    """The numeric columns that a selection ranks by."""
    single = tuple(step.settings[k] for k in ("metric", "pool_metric") if k in step.settings)
    names = single + tuple(step.settings.get("metrics", ()))
    for name in names:
        universe.number(name)
    return names


# -- selection -----------------------------------------------------------------------------------


def _all(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    del step, member
    return np.ones(len(universe), dtype=np.bool_)


def _incumbents(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    """The list is given by somebody else; without any constituent every candidate is on it."""
    del step
    return member if member.any() else np.ones(len(universe), dtype=np.bool_)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _rank(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    s = step.settings
    metric = universe.number(s["metric"])
    count = min(int(s["count"]), len(metric))
    entry = _whole(s.get("rank_in"))
    return selection.select_by_rank(
        metric, count, member, None if entry is None else min(entry, count), _whole(s.get("rank_out"))
    )


def _coverage(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    s = step.settings
    return selection.select_by_coverage(universe.number(s["metric"]), s["target"], member, s.get("keep"))


def _bands(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    """Segments by cumulative share; a constituent is now in the last segment that the index holds."""
    s = step.settings
    wanted = {int(k) for k in np.atleast_1d(s["segments"])}
    breaks = np.atleast_1d(np.asarray(s["breaks"], dtype=float))
    if universe.has("segment"):
        current = universe.number("segment")
    else:
        held = max(k for k in wanted if k <= len(breaks) + 1)
        current = np.where(member, float(held), np.nan)
        if len(wanted) > 1:  # which of its segments a constituent is in does not matter
            current = np.full(len(universe), np.nan)
    segment = selection.size_segments(
        universe.number(s["metric"]), breaks, current, lower=s.get("lower"), upper=s.get("upper")
    )
    return np.asarray(np.isin(segment, list(wanted)))


def _points(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    s = step.settings
    pool = selection.select_by_rank(universe.number(s["pool_metric"]), min(int(s["pool"]), len(universe)))
    places = np.flatnonzero(pool)
    metrics = np.column_stack([universe.number(name)[pool] for name in s["metrics"]])
    score = selection.rank_points(metrics, np.asarray(s["weights"], dtype=float), float(s["pool"]))
    count = min(int(s["count"]), len(places))
    taken = selection.select_by_rank(score, count, member[pool], 0, max(_whole(s.get("rank_out")) or 0, 0))
    chosen = np.zeros(len(universe), dtype=np.bool_)
    chosen[places[taken]] = True
    return chosen


def _sector_balance(step: Step, universe: Universe, member: BoolArray) -> BoolArray:
    s = step.settings
    return select_by_sector_balance(
        universe.number(s["metric"]),
        universe.word(s["sector"]),
        member,
        count=int(s["count"]),
        pool=int(s["pool"]),
        must_enter=int(s["must_enter"]),
        max_swaps=int(s["max_swaps"]),
        share=float(s["share"]),
    )


_SELECTIONS: dict[str, Callable[[Step, Universe, BoolArray], BoolArray]] = {
    "ALL": _all,
    "INCUMBENTS": _incumbents,
    "RANK": _rank,
    "COVERAGE": _coverage,
    "BANDS": _bands,
    "POINTS": _points,
    "SECTOR_BALANCE": _sector_balance,
}


# -- weights and caps ----------------------------------------------------------------------------


def _transition(recipe: Recipe, universe: Universe, leaves: BoolArray, stage: int | None) -> FloatArray:
    """The factor with which leavers still count; zero for everybody else."""
    factors = np.zeros(len(universe))
    if stage is None or recipe.transition_stages == 1:
        return factors
    there = leaves.copy()
    for name in SCHEMES[recipe.scheme].needs:
        there &= ~np.isnan(universe.number(name))
    factors[there] = float(transition_factor(float(stage), float(recipe.transition_stages)))
    return factors


def _weighted(
    recipe: Recipe, universe: Universe, transition: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    scheme = SCHEMES[recipe.scheme]
    columns = {name: universe.number(name) for name in scheme.needs}
    columns |= {name: universe.number(name) for name in scheme.may_read if universe.has(name)}
    raw = normalised("weights", index_weights(scheme, columns) * transition)
    step = recipe.capping
    if step.method == "NONE":
        return raw, raw, np.ones(len(raw))
    if step.method == "STEPS":
        return _stepped(raw, columns, step)
    capped = _CAPPINGS[step.method](raw, universe, step)
    held = raw > 0.0
    factors = np.full(len(raw), np.nan)
    factors[held] = cap_factors(raw[held], capped[held])
    return raw, capped, factors


def _issuers(universe: Universe, step: Step) -> Sequence[str] | None:
    name = step.settings.get("issuer")
    return universe.words.get(name) if name else None


def _single(raw: FloatArray, universe: Universe, step: Step) -> FloatArray:
    return cap_weights(raw, step.settings["cap"], _issuers(universe, step))


def _tiers(raw: FloatArray, universe: Universe, step: Step) -> FloatArray:
    s = step.settings
    return cap_tiers(
        raw,
        s["single"],
        s["threshold"],
        s["aggregate"],
        group=_issuers(universe, step),
        target=s.get("target"),
        low=s.get("low"),
        trigger=s.get("trigger"),
    )


def _groups(raw: FloatArray, universe: Universe, step: Step) -> FloatArray:
    s = step.settings
    return cap_groups(raw, universe.word(s["group"]), s["group_cap"], s.get("cap", 1.0))


_CAPPINGS: dict[str, Callable[[FloatArray, Universe, Step], FloatArray]] = {
    "SINGLE": _single,
    "TIERS": _tiers,
    "GROUPS": _groups,
}


def _stepped(
    raw: FloatArray, columns: dict[str, FloatArray], step: Step
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nikkei 225: one step down for a weight above the cap at the base date."""
    ratio = columns.get("cap_factor", np.ones(len(raw)))
    cap, size = step.settings["cap"], step.settings["step"]
    new = np.array([cap_ratio(w, r, cap, size) for w, r in zip(raw.tolist(), ratio.tolist(), strict=True)])
    weights = raw * new / ratio
    return raw, weights / exact_sum(weights), new
