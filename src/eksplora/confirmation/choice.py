"""Choice among the candidates, with its evidence: pure functions of what the members gave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from eksplora.confirmation.candidates import BASELINE, Candidate
from eksplora.records.confirm import Configuration
from eksplora.records.estimate import Compared, Estimate
from eksplora.statistics.bounded import estimate
from eksplora.statistics.generalization import Sample, variance_shares
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import compare_samples
from eksplora.study.findings import sample_of
from eksplora.study.trial import Trial

LEAST_FOR_EPOCHS = 3
"""Members from which a median of the others' epochs can be taken."""


@dataclass(frozen=True)
class Confirmed:
    """A candidate and what its fresh members gave.

    Attributes:
        candidate: The configuration.
        trial: Its trial in the study of candidates.
        values: The objective of each member, in the order of their numbers; empty unless the trial finished.
        sample: The same with the rows behind them; None unless the trial finished.
        epochs: The epoch that each member kept.
    """

    candidate: Candidate
    trial: Trial
    values: Sequence[float]
    sample: Sample | None
    epochs: Sequence[int]

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.candidate.name

    def curves(self, metric: str) -> list[Sequence[float]]:
        """The objective after each epoch, for each member."""
        return [result.curves.get(metric, ()) for _, result in sorted(self.trial.results.items())]

    @property
    def mean(self) -> float:
        """Mean of the objective over members."""
        return fmean(self.values)


def confirmed(candidate: Candidate, trial: Trial, folder: Path) -> Confirmed:
    """A candidate with the results of its trial in the study of a folder."""
    results = [result for _, result in sorted(trial.results.items()) if trial.value is not None]
    values = [result.value for result in results if result.value is not None]
    sample = sample_of(trial, folder) if values else None
    return Confirmed(candidate, trial, values, sample, [result.best_epoch for result in results])


def ranked(members: Sequence[Confirmed], direction: str) -> list[Confirmed]:
    """Those that finished, best mean first; equal ones in their order."""
    sign = 1 if direction == "minimize" else -1
    return sorted((one for one in members if one.values), key=lambda one: sign * one.mean)


def epoch_budget(chosen: Confirmed) -> int:
    """Epochs of a training without validation rows: the median of those that the members kept."""
    return max(1, round(median(chosen.epochs)))


def described(
    members: Sequence[Confirmed], metric: str, direction: str, alpha: float, *, again: Confirmed | None = None
) -> list[Configuration]:
    """The candidates in numbers, best first, those that did not finish last.

    Each is compared with the baseline and with the best, member by member; all pairs judged together.
    """
    order = ranked(members, direction)
    known = [_in_numbers(one, metric, direction) for one in [*order, *(one for one in members if not one.values)]]
    to_baseline = _compared(order, [one for one in order if one.name == BASELINE], direction, alpha)
    to_best = _compared(order, order[:1], direction, alpha)
    known = [_with_luck(one, again, direction) for one in known]
    return [replace(one, versus_baseline=to_baseline.get(one.name), versus_best=to_best.get(one.name)) for one in known]


def _in_numbers(one: Confirmed, metric: str, direction: str) -> Configuration:
    found = Configuration(
        name=one.name,
        status=str(one.trial.status),
        key=one.candidate.key,
        values=dict(one.candidate.values),
        members=list(one.values),
    )
    if one.sample is None:
        return replace(found, message=one.trial.message)
    known, shares = estimate(one.sample, metric), variance_shares(one.sample)
    return replace(
        found,
        estimate=known,
        variance=None if shares is None else shares.in_words(),
        best_epochs=list(one.epochs),
        epochs=one.trial.epochs,
        seconds=one.trial.seconds,
        found_by_search=one.candidate.found,
        epoch_optimism=epoch_optimism(one.curves(metric), one.epochs, direction),
        optimism=None if one.candidate.found is None else _optimism(known, one.candidate.found, direction),
    )


def _with_luck(one: Configuration, again: Confirmed | None, direction: str) -> Configuration:
    """The optimism of the search's best configuration in two parts, where fresh seeds were trained on its own rows.

    Args:
        one: A configuration in numbers.
        again: The search's best configuration with fresh seeds on the rows that judged it there.
        direction: Which way the objective is better.
    """
    found, mean = one.found_by_search, one.known.mean
    if again is None or not again.values or one.name != again.name or found is None or mean is None:
        return one
    sign = 1 if direction == "minimize" else -1
    return replace(one, seed_luck=sign * (again.mean - found), row_luck=sign * (mean - again.mean))


def epoch_optimism(curves: Sequence[Sequence[float]], epochs: Sequence[int], direction: str) -> float | None:
    """Optimism of choosing each member's epoch on the rows that judge it, mean over members.

    A member's value at its own best epoch, less that at the epoch that the other members would choose: the median of
    theirs. So no row that judges has chosen.

    Args:
        curves: The objective after each epoch, for each member.
        epochs: The epoch that each member kept, from 1.
        direction: Which way the objective is better.

    Returns:
        None for fewer than three members, whose others have no median worth the name, or without curves.

    Examples:
        >>> epoch_optimism([[3.0, 1.0, 2.0], [3.0, 2.0, 1.5], [2.0, 1.0, 1.5]], [2, 3, 2], "minimize")
        0.16666666666666666
    """
    if len(epochs) < LEAST_FOR_EPOCHS or not all(curves):
        return None
    sign = 1 if direction == "minimize" else -1
    lost = []
    for index, (curve, own) in enumerate(zip(curves, epochs, strict=True)):
        others = round(median(epoch for other, epoch in enumerate(epochs) if other != index))
        lost.append(sign * (curve[min(others, len(curve)) - 1] - curve[own - 1]))
    return fmean(lost)


def _optimism(known: Estimate, found: float, direction: str) -> Estimate:
    """Optimism of the search: its value less that of fresh members, with the interval of this one."""
    sign = 1 if direction == "minimize" else -1
    ends = [sign * (end - found) for end in (known.low, known.high) if end is not None]
    low, high = (min(ends), max(ends)) if len(ends) == 2 else (None, None)
    return Estimate(mean=sign * ((known.mean or 0.0) - found), low=low, high=high, n=known.n, scope=known.scope)


def _compared(
    order: Sequence[Confirmed], reference: Sequence[Confirmed], direction: str, alpha: float
) -> dict[str, Compared]:
    """Each candidate against a reference (one or none), by name."""
    others = [one for one in order if one not in reference]
    if not reference or not others:
        return {}
    (known,) = reference
    pairs = [(order.index(one), order.index(known)) for one in others]
    samples = [one.sample for one in order if one.sample is not None]
    found = compare_samples(samples, pairs, direction=direction, alpha=alpha)
    return {
        one.name: recorded(comparison, name=one.name, reference=known.name)
        for one, comparison in zip(others, found, strict=True)
    }


def headline(best: Configuration, metric: str) -> str:
    """The choice in a sentence: value, interval, number of members, and the verdict against the baseline."""
    known = best.known
    interval = "" if known.low is None else f" [{known.low:.4g}, {known.high:.4g}]"
    count = f"{len(best.members)} member{'s' * (len(best.members) > 1)}"
    sentence = f"Chosen: {best.name}, {metric} {known.mean:.4g}{interval} on {known.scope}, {count}"
    if best.name == BASELINE:
        return f"{sentence}: no configuration that the search found has a better mean."
    return f"{sentence}; {best.versus_baseline.in_words}." if best.versus_baseline else f"{sentence}."
