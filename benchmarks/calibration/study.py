"""One simulated study: its data, its members, the verdicts, and whether they are true."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.design import DESIGNS, Division
from benchmarks.calibration.learner import SMOOTH, Drawn, Floats, Null, Setting, draw, predictions, views_of
from eksplora.counter import derive
from eksplora.statistics.bounded import estimate
from eksplora.statistics.generalization import Sample, Scope
from eksplora.statistics.verdict import Comparison, Verdict, compare_samples

ALPHA = 0.05


def _absolute(predicted: Floats, targets: Floats) -> Floats:
    losses: Floats = np.abs(predicted - targets)
    return losses


def _is_right(predicted: Floats, targets: Floats) -> Floats:
    is_right: Floats = ((predicted > 0) == (targets > 0)).astype(np.float64)
    return is_right


def _squared(predicted: Floats, targets: Floats) -> Floats:
    losses: Floats = (predicted - targets) ** 2
    return losses


@dataclass(frozen=True)
class Measure:
    """A measure of predictions.

    Attributes:
        loss: The part of each row.
        direction: What is better.
        is_root: Whether it is the root of the rows' mean, and so no mean over rows.
    """

    loss: Callable[[Floats, Floats], Floats]
    direction: str = "minimize"
    is_root: bool = False

    def values(self, losses: Floats) -> Floats:
        """Of the losses of rows, (..., rows), not a number where a row does not count."""
        means: Floats = np.nanmean(losses, axis=-1)
        return np.sqrt(means) if self.is_root else means


MEASURES: Mapping[str, Measure] = {
    "mae": Measure(_absolute),
    "accuracy": Measure(_is_right, "maximize"),
    "rmse": Measure(_squared, is_root=True),
}


@dataclass(frozen=True)
class Case:
    """Kind of studies that are simulated.

    Attributes:
        design: A name of `DESIGNS`.
        measure: A name of `MEASURES`.
        null: Why the configurations are equal; where `gain` is not 1, they are not.
        configurations: How many are compared, all pairs of them.
        setting: Kind of data and learners.
        gain: What the second view says, in terms of the first.
        scope: What is asked for.
    """

    design: str
    measure: str = "mae"
    null: Null = Null.SYMMETRIC
    configurations: int = 2
    setting: Setting = SMOOTH
    gain: float = 1.0
    scope: Scope = Scope.DATA

    @property
    def views(self) -> NDArray[np.int64]:
        """The view that each configuration sees, (configurations,)."""
        return views_of(self.null, self.configurations, is_of_data=self.scope is Scope.DATA)


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

    Attributes:
        scope: What its verdicts are about.
        is_claimed: Whether any pair is said to differ that does not, or the other way round.
        is_right: Whether the first configuration is said to be better than the second.
        differences: Whether all intervals of differences hold the true ones; None where there is none of them.
        mean: Whether the interval of the first configuration's value holds the true one; None: there is none.
        effect: The true difference of the first two configurations; None: it was not looked for.
    """

    scope: Scope
    is_claimed: bool
    is_right: bool
    differences: bool | None = None
    mean: bool | None = None
    effect: float | None = None


CUTS = 32
"""Ways in which rows are cut; the data are drawn anew each time, so that no cut is like another."""


@lru_cache(maxsize=4 * CUTS)
def _cut(design: str, rows: int, seed: int) -> Division:
    return DESIGNS[design].cut(rows, seed)


EVERY = 4
"""Where rows are kept, each study has a truth of its own, which costs many trainings: it is found for every 4th."""


def simulate(case: Case, number: int) -> Outcome:
    """The outcome of a study of a kind; the same for the same number."""
    rng = np.random.default_rng(derive(0, "calibration", repr(case), number))
    measure, rows = MEASURES[case.measure], case.setting.rows
    cut = _cut(case.design, rows, number % CUTS)
    is_of_networks = len(cut.splits) == 1
    drawn = draw(rng, rows + is_of_networks * NETWORK_ROWS, case.null, case.gain)
    losses = _losses(rng, case, drawn, cut)
    samples = _samples(case, losses[..., :rows], cut)
    pairs = list(combinations(range(case.configurations), 2))
    found = compare_samples(samples, pairs, direction=measure.direction, alpha=ALPHA, scope=case.scope)
    if found[0].scope is Scope.DATA:
        return _judged(case, samples, found, expected(case)[case.views])
    if found[0].scope is Scope.NETWORKS:
        return _judged(case, samples, found, measure.values(losses[:, 0, rows:]))
    if number % EVERY:
        return _judged(case, samples, found, None)
    return _judged(case, samples, found, conditional(rng, case, drawn, cut, found[0].scope)[case.views])


def _losses(rng: np.random.Generator, case: Case, drawn: Drawn, cut: Division) -> Floats:
    """Of each configuration's members for all rows, also those that no member has, (configurations, members, rows)."""
    learned = np.zeros((len(cut.learned), len(drawn.targets)), dtype=bool)
    learned[:, : case.setting.rows] = cut.learned
    predicted = predictions(rng, case.setting, drawn.views[case.views], drawn.targets, learned)
    return MEASURES[case.measure].loss(predicted, drawn.targets)


def _samples(case: Case, losses: Floats, cut: Division) -> list[Sample]:
    measure, judged = MEASURES[case.measure], np.where(cut.judged, losses, np.nan)
    values = measure.values(judged)
    return [
        Sample(own, cut.splits, cut.ratio, case.setting.rows, None if measure.is_root else rows)
        for own, rows in zip(values, judged, strict=True)
    ]


def _is_false(verdict: Verdict, better_by: float) -> bool:
    """Whether a verdict claims what is not true of two whose true difference this is."""
    return (verdict is Verdict.BETTER and better_by <= 0) or (verdict is Verdict.WORSE and better_by >= 0)


def _judged(case: Case, samples: list[Sample], found: tuple[Comparison, ...], truths: Floats | None) -> Outcome:
    pairs = list(combinations(range(case.configurations), 2))
    direction = -1 if MEASURES[case.measure].direction == "minimize" else 1
    # Two networks always differ a little, so only a claim of the wrong one is false.
    better = [
        direction * (truths[own] - truths[other]) if truths is not None and found[0].scope is Scope.NETWORKS else 0.0
        for own, other in pairs
    ]
    outcome = Outcome(
        scope=found[0].scope,
        is_claimed=any(_is_false(one.verdict, difference) for one, difference in zip(found, better, strict=True)),
        is_right=found[0].verdict is Verdict.BETTER,
    )
    if truths is None:
        return outcome
    held = [
        one.interval.low <= truths[own] - truths[other] <= one.interval.high
        for one, (own, other) in zip(found, pairs, strict=True)
        if one.interval is not None
    ]
    known = estimate(samples[0], case.measure, 1 - ALPHA)
    is_about = known.scope == found[0].scope and known.low is not None and known.high is not None
    return replace(
        outcome,
        differences=all(held) if held else None,
        mean=bool(known.low <= truths[0] <= known.high) if is_about else None,
        effect=float(truths[0] - truths[1]),
    )


# --- truth -------------------------------------------------------------------------------------------------------

FRESH_ROWS = 400
"""Rows that a true value is found on, for each of many data sets."""
FRESH_DATA = 1000
"""Data sets that are drawn for a true value."""
FRESH_SEEDS = 128
"""Seeds for a true value of rows that are kept."""
NETWORK_ROWS = 4000
"""New rows that the networks of a study of one seed are judged on."""
FRESH_TIMES = 25
"""New rows for such a value, times those that a member is judged on: its own error is 2% of the estimate's variance."""


def expected(case: Case) -> Floats:
    """The mean value of a member over fresh data sets, of each view, (2,)."""
    cut = _cut(case.design, case.setting.rows, 0)
    judges = int(cut.judged[0].sum()) if MEASURES[case.measure].is_root else 1
    nothing = Null.PERMUTED if case.null is Null.PERMUTED else Null.SYMMETRIC
    return _expected(int(cut.learned[0].sum()), judges, case.measure, nothing, case.setting, case.gain)


@lru_cache(maxsize=256)
def _expected(learns: int, judges: int, name: str, null: Null, setting: Setting, gain: float) -> Floats:
    """Of members that learn from so many rows; a root of a mean depends on how many rows it is of, too."""
    rng = np.random.default_rng(derive(2, learns, judges, name, null, repr(setting), repr(gain)))
    measure, count, total = MEASURES[name], FRESH_ROWS // judges, np.zeros(2)
    learned = np.arange(learns + FRESH_ROWS)[None] < learns
    for _ in range(FRESH_DATA):
        drawn = draw(rng, learns + FRESH_ROWS, null, gain)
        predicted = predictions(rng, setting, drawn.views, drawn.targets, learned)[:, 0, learns:]
        losses = measure.loss(predicted, drawn.targets[learns:])[:, : count * judges]
        total += measure.values(losses.reshape(2, count, judges)).mean(1)
    means = total / FRESH_DATA
    return means if gain != 1 else np.full(2, means.mean())  # equal by symmetry


def conditional(rng: np.random.Generator, case: Case, drawn: Drawn, cut: Division, scope: Scope) -> Floats:
    """The mean value over fresh seeds, of each view, (2,): the rows that are learned from are kept.

    Args:
        rng: Source of the seeds.
        case: The kind of studies.
        drawn: The study's data.
        cut: Its members' splits.
        scope: `these rows` keeps also the rows that are judged on.
    """
    measure, kept = MEASURES[case.measure], scope is Scope.THESE_ROWS
    new = draw(rng, 0 if kept else FRESH_TIMES * int(cut.judged[0].sum()), case.null, case.gain)
    views, targets = np.concatenate([drawn.views, new.views], 1), np.concatenate([drawn.targets, new.targets])
    shown = np.unique(case.views)
    splits = np.unique(cut.splits, return_index=True)[1]  # a member of each
    total = np.zeros(len(shown))
    for member in splits:
        learned, judged = np.zeros((2, len(targets)), dtype=bool)
        learned[: case.setting.rows] = cut.learned[member]
        judged[: case.setting.rows] = cut.judged[member]
        judged = judged if kept else np.arange(len(targets)) >= case.setting.rows
        seeds = np.repeat(learned[None], FRESH_SEEDS, 0)
        predicted = predictions(rng, case.setting, views[shown], targets, seeds)[..., judged]
        total += measure.values(measure.loss(predicted, targets[judged])).mean(1)
    return np.resize(total / len(splits), 2)  # where all see the same view, both are its
