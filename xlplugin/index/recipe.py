"""The recipe of a review: which screens, selection, weighting, caps and days an index uses.

As text it names figures as ``@key``; resolved it holds them. Every word it may use stands here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xlplugin.errors import InputError
from xlplugin.index.scheme import SCHEMES
from xlplugin.index.screening import OPERATORS, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CAPPINGS",
    "DAYS",
    "SELECTIONS",
    "Calendar",
    "Recipe",
    "RecipeText",
    "Step",
    "recipe_text",
]

SELECTIONS: dict[str, tuple[str, ...]] = {
    "ALL": (),
    "INCUMBENTS": (),
    "RANK": ("metric", "count", "rank_in", "rank_out"),
    "COVERAGE": ("metric", "target", "keep"),
    "BANDS": ("metric", "breaks", "lower", "upper", "segments"),
    "POINTS": ("pool_metric", "pool", "metrics", "weights", "count", "rank_out"),
    "SECTOR_BALANCE": ("metric", "sector", "count", "pool", "must_enter", "max_swaps", "share"),
}
"""Ways to select, and what each takes. `metric`, `metrics`, `pool_metric` and `sector` are fields."""

CAPPINGS: dict[str, tuple[str, ...]] = {
    "NONE": (),
    "SINGLE": ("cap", "issuer"),
    "TIERS": ("single", "threshold", "aggregate", "target", "low", "trigger", "issuer"),
    "GROUPS": ("group", "group_cap", "cap"),
    "STEPS": ("cap", "step"),
}
"""Ways to cap. `issuer` and `group` are fields; STEPS lowers the cap ratio (Nikkei 225)."""

DAYS = (
    "first_session",
    "last_session",
    "first_friday",
    "second_friday",
    "third_friday",
    "fourth_friday",
    "third_wednesday",
)
"""Days of a month on which a list can change or data be taken; a holiday moves to the session before."""

_CALENDAR = ("months", "effective", "timing", "base", "base_months_before", "exceptions")
_FIELDS = frozenset({"metric", "metrics", "pool_metric", "sector", "issuer", "group"})


@dataclass(frozen=True)
class Step:
    """One step of a recipe: a way and what it takes."""

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """When a review takes place.

    Attributes
    ----------
    months : tuple of int
        Months in which the new list takes over.
    effective : str
        The day of that month, one of `DAYS`.
    timing : str
        "close": the list changes after that day's close; "open": before its open.
    base : str or None
        The day on which the data are taken, one of `DAYS`; the day of the change itself if None.
    base_months_before : int
        How many months before the effective month the base day lies.
    exceptions : mapping of int to str
        Months with another day than `effective`.
    """

    months: tuple[int, ...]
    effective: str
    timing: str
    base: str | None
    base_months_before: int
    exceptions: Mapping[int, str] = field(default_factory=dict)

    def day_of(self, month: int) -> str:
        """The day of a month on which the list changes, one of `DAYS`."""
        return self.exceptions.get(month, self.effective)


@dataclass(frozen=True)
class Recipe:
    """How one review works; every figure is filled in."""

    scheme: str
    screens: tuple[Rule, ...]
    selection: Step
    capping: Step
    transition_stages: int
    calendar: Calendar | None


@dataclass(frozen=True)
class RecipeText:
    """A recipe as it stands on a card, with ``@key`` where a figure belongs."""

    scheme: str
    screens: tuple[Mapping[str, Any], ...]
    selection: Mapping[str, Any]
    capping: Mapping[str, Any]
    transition_stages: object
    calendar: Mapping[str, Any]

    @property
    def keys(self) -> frozenset[str]:
        """The parameters that the recipe names."""
        parts = [*self.screens, self.selection, self.capping, self.calendar, {"t": self.transition_stages}]
        return frozenset(k for part in parts for v in part.values() if (k := _key(v)) is not None)

    def resolved(self, figure: Callable[[str], Any]) -> Recipe:
        """The recipe with the figures that `figure` gives for each key."""

        def fill(value: Any) -> Any:
            key = _key(value)
            return value if key is None else figure(key)

        screens = []
        for screen in self.screens:
            filled = {name: fill(value) for name, value in screen.items()}
            for name in ("entry", "keep"):
                if isinstance(filled.get(name), tuple):
                    filled[name] = "|".join(_word(v) for v in filled[name])
            screens.append(Rule(**filled))
        calendar = None
        if self.calendar:
            days = {name: fill(value) for name, value in self.calendar.items()}
            months = days["months"]
            calendar = Calendar(
                tuple(int(m) for m in (months if isinstance(months, tuple) else (months,))),
                days["effective"],
                days.get("timing", "close"),
                days.get("base"),
                int(days.get("base_months_before", 0)),
                {int(month): day for month, day in days.get("exceptions", {}).items()},
            )
        stages = fill(self.transition_stages)
        return Recipe(
            self.scheme,
            tuple(screens),
            _step(self.selection, fill),
            _step(self.capping, fill),
            int(stages),
            calendar,
        )


def _word(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _key(value: object) -> str | None:
    return value[1:] if isinstance(value, str) and value.startswith("@") else None


def _step(text: Mapping[str, Any], fill: Callable[[Any], Any]) -> Step:
    return Step(text["method"], {k: fill(v) for k, v in text.items() if k != "method"})


def recipe_text(scheme: str, review: Mapping[str, Any]) -> RecipeText:
    """Check the words of a review as it stands on a card.

    Raises
    ------
    InputError
        If a word is not known, a step is incomplete, or a figure stands where ``@key`` belongs.
    """
    known = {"from", "to", "screens", "selection", "capping", "transition_stages", "calendar"}
    if unknown := sorted(set(review) - known):
        raise InputError(f"{', '.join(unknown)} is not known; use {', '.join(sorted(known))}")
    if scheme not in SCHEMES.names:
        raise InputError(f"the scheme {scheme!r} is not known; use one of {', '.join(SCHEMES.names)}")
    screens = tuple(review.get("screens", ()))
    for number, screen in enumerate(screens, start=1):
        _check(f"screen {number}", screen, ("field", "operator", "entry", "keep", "code"))
        if screen.get("operator") not in OPERATORS:
            raise InputError(f"screen {number}: operator {screen.get('operator')!r} is not known")
        for name in ("entry", "keep"):
            if name in screen and _key(screen[name]) is None:
                raise InputError(
                    f"screen {number}: {name} is {screen[name]!r}; name a parameter, such as @cap"
                )
    selection = review.get("selection", {"method": "ALL"})
    capping = review.get("capping", {"method": "NONE"})
    _check_step("selection", selection, SELECTIONS)
    _check_step("capping", capping, CAPPINGS)
    calendar = review.get("calendar", {})
    if calendar:
        _check("calendar", calendar, _CALENDAR)
        exceptions = calendar.get("exceptions", {})
        for word in (
            calendar["effective"],
            calendar.get("base", calendar["effective"]),
            *exceptions.values(),
        ):
            if word not in DAYS:
                raise InputError(f"calendar: {word!r} is no day of a month; use one of {', '.join(DAYS)}")
        if not all(str(month) in map(str, range(1, 13)) for month in exceptions):
            raise InputError("calendar: exceptions name months 1 to 12")
        if calendar.get("timing", "close") not in ("open", "close"):
            raise InputError("calendar: timing is open or close")
        if _key(calendar.get("months")) is None:
            raise InputError("calendar: months names a parameter, such as @review_months")
    stages = review.get("transition_stages", 1)
    if stages != 1 and _key(stages) is None:
        raise InputError("transition_stages names a parameter, such as @transition_stages")
    return RecipeText(scheme, screens, selection, capping, stages, calendar)


def _check(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise InputError(f"{where}: {', '.join(unknown)} is not known; use {', '.join(known)}")


def _check_step(where: str, step: Mapping[str, Any], ways: Mapping[str, tuple[str, ...]]) -> None:
    method = str(step.get("method"))
    if method not in ways:
        raise InputError(f"{where}: method {method!r} is not known; use one of {', '.join(ways)}")
    _check(f"{where} {method}", step, ("method", *ways[method]))
    for name, value in step.items():
        if name not in _FIELDS and name != "method" and _key(value) is None:
            raise InputError(f"{where} {method}: {name} is {value!r}; name a parameter, such as @cap")
