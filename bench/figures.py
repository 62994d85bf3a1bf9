"""Figures, each with what is asked of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that a figure is held to, in the figure's unit."""

    value: float
    text: str
    holds: Callable[[float], bool]


def at_least(value: float, unit: str = "") -> Bound:
    """The figure reaches this."""
    return Bound(value, f"≥ {value:g}{unit}", lambda found: found >= value)


def at_most(value: float, unit: str = "") -> Bound:
    """The figure stays within this."""
    return Bound(value, f"≤ {value:g}{unit}", lambda found: found <= value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the table.

    Attributes:
        what: The question.
        limen: What limen reached, with its unit.
        beside: What it is compared with, measured in the same run.
        value: The answer, that target and aim are about.
        shown: The answer as text.
        target: What must hold; None for figures that are only reported.
        aim: What would be better still.
    """

    what: str
    limen: str
    beside: str
    value: float
    shown: str
    target: Bound | None = None
    aim: Bound | None = None

    @property
    def verdict(self) -> str:
        """Whether target and aim are met, in a word."""
        if self.aim is not None and self.aim.holds(self.value):
            return "aim met"
        if self.target is None:
            return "reported"
        return "met" if self.target.holds(self.value) else "**missed**"


def ratio(
    what: str,
    *,
    limen: float,
    baseline: float,
    beside: str,
    unit: str,
    target: Bound,
    aim: Bound | None = None,
) -> Figure:
    """A figure that is limen's rate divided by that of the baseline, which `beside` names."""
    return Figure(
        what=what,
        limen=f"{limen:,.0f} {unit}",
        beside=f"{beside}: {baseline:,.0f} {unit}",
        value=limen / baseline,
        shown=f"{limen / baseline:.2f}",
        target=target,
        aim=aim,
    )
