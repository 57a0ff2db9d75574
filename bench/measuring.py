"""How are two things compared on a machine that is never quite still?

Baseline and candidate take turns in the same run, at least five times each; every round gives one
ratio, from two measurements that are neighbours in time. Reported is the median of the ratios, and
the lowest and the highest of them as spread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

ROUNDS = 7
"""At least five; an odd number, so that the median is a round that took place."""

Measure = Callable[[], float]
"""Does a piece of work once; returns a rate, a time or a size."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is aimed at: a ratio of ours to the baseline, and perhaps an absolute figure of ours.

    ``at_least`` and ``at_most`` bound the ratio, ``ours_at_least`` and ``ours_at_most`` our own
    figure. A goal without any bound is only reported.
    """

    text: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    ours_at_least: float | None = None
    ours_at_most: float | None = None

    def reached_by(self, ratio: float | None, ours: float) -> bool | None:
        """Whether every bound is kept; None where there is none."""
        bounds = [
            (self.at_least, ratio, 1),
            (self.at_most, ratio, -1),
            (self.ours_at_least, ours, 1),
            (self.ours_at_most, ours, -1),
        ]
        kept = [
            value is not None and (value - bound) * sign >= 0
            for bound, value, sign in bounds
            if bound is not None
        ]
        return all(kept) if kept else None


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    goal: str
    baseline: str
    ours: str
    ratio: float | None
    spread: str
    reached: bool | None


def compare(goal: Goal, *, baseline: Measure, ours: Measure, rounds: int = ROUNDS) -> Result:
    """Measure both in turn, after one round of each that does not count."""
    baseline(), ours()
    pairs = [(baseline(), ours()) for _ in range(rounds)]
    return summary(goal, pairs)


def summary(goal: Goal, pairs: list[tuple[float, float]]) -> Result:
    """The line for rounds that were measured: (baseline, ours) each."""
    ratios = sorted(ours / base for base, ours in pairs)
    ratio, own = median(ratios), median(ours for _, ours in pairs)
    return Result(
        goal=goal.text,
        baseline=figure(median(base for base, _ in pairs), goal.unit),
        ours=figure(own, goal.unit),
        ratio=round(ratio, 3),
        spread=f"{ratios[0]:.2f} … {ratios[-1]:.2f}",
        reached=goal.reached_by(ratio, own),
    )


def alone(goal: Goal, values: list[float]) -> Result:
    """The line for a figure that has no baseline."""
    own = median(values)
    return Result(
        goal=goal.text,
        baseline="",
        ours=figure(own, goal.unit),
        ratio=None,
        spread=f"{figure(min(values), goal.unit)} … {figure(max(values), goal.unit)}",
        reached=goal.reached_by(None, own),
    )


def percentile(values: list[float], percent: int) -> float:
    """The value that ``percent`` of all do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def figure(value: float, unit: str) -> str:
    """Three digits are more than such a measurement knows."""
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
