"""Which candidate is chosen, and how sure one may be: pure functions of what the members gave."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median, stdev
from typing import Any

from eksplora.confirmation.candidates import BASELINE, Candidate
from eksplora.statistics.interval import t_interval
from eksplora.statistics.verdict import compare_rows, in_words
from eksplora.study.trial import Trial


@dataclass(frozen=True)
class Confirmed:
    """A candidate and what its fresh members gave.

    Attributes:
        candidate: The configuration.
        trial: Its trial in the study of candidates.
        values: The objective of each member, in the order of their numbers; empty unless the trial finished.
        epochs: The epoch that each member kept.
    """

    candidate: Candidate
    trial: Trial
    values: Sequence[float]
    epochs: Sequence[int]

    @property
    def name(self) -> str:
        """The candidate's name."""
        return self.candidate.name

    @property
    def mean(self) -> float:
        """Mean of the objective over members."""
        return fmean(self.values)


def confirmed(candidate: Candidate, trial: Trial) -> Confirmed:
    """A candidate with the results of its trial."""
    results = [result for _, result in sorted(trial.results.items()) if trial.value is not None]
    values = [result.value for result in results if result.value is not None]
    return Confirmed(candidate, trial, values, [result.best_epoch for result in results])


def ranked(members: Sequence[Confirmed], direction: str) -> list[Confirmed]:
    """Those that finished, best mean first; equal ones in their order."""
    sign = 1 if direction == "minimize" else -1
    return sorted((one for one in members if one.values), key=lambda one: sign * one.mean)


def epoch_budget(chosen: Confirmed) -> int:
    """Epochs of a training without validation rows: the median of those that the members kept."""
    return max(1, round(median(chosen.epochs)))


def described(members: Sequence[Confirmed], direction: str, alpha: float) -> list[dict[str, Any]]:
    """The candidates in numbers, best first, those that did not finish last.

    Each is compared with the baseline and with the best, member by member; all pairs judged together.
    """
    order = ranked(members, direction)
    facts = {one.name: _facts_of(one, direction) for one in [*order, *(one for one in members if not one.values)]}
    references = {BASELINE: [one for one in order if one.name == BASELINE], "best": order[:1]}
    for word, reference in references.items():
        for name, comparison in _compared(order, reference, direction, alpha).items():
            facts[name][f"versus_{word}"] = comparison
    return list(facts.values())


def _facts_of(one: Confirmed, direction: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": one.name,
        "status": str(one.trial.status),
        "key": one.candidate.key,
        "values": dict(one.candidate.values),
        "members": list(one.values),
    }
    if not one.values:
        return facts | {"message": one.trial.message}
    interval = t_interval(one.values)
    facts |= {
        "mean": one.mean,
        "std": stdev(one.values) if len(one.values) > 1 else None,
        "interval": None if interval is None else [interval.low, interval.high],
        "best_epochs": list(one.epochs),
        "epochs": one.trial.epochs,
        "seconds": one.trial.seconds,
    }
    if one.candidate.found is not None:
        sign = 1 if direction == "minimize" else -1
        facts |= {"found_by_search": one.candidate.found, "too_good_by": sign * (one.mean - one.candidate.found)}
    return facts


def _compared(
    order: Sequence[Confirmed], reference: Sequence[Confirmed], direction: str, alpha: float
) -> dict[str, dict[str, Any]]:
    """Each candidate against a reference (one or none), by name, in numbers and in words."""
    others = [one for one in order if one not in reference]
    if not reference or not others:
        return {}
    (known,) = reference
    pairs = [(order.index(one), order.index(known)) for one in others]
    found = compare_rows([one.values for one in order], pairs, direction=direction, alpha=alpha)
    return {
        one.name: {
            **asdict(comparison),
            "verdict": str(comparison.verdict),
            "in_words": in_words(comparison, name=one.name, reference=known.name),
        }
        for one, comparison in zip(others, found, strict=True)
    }


def headline(facts: Sequence[Mapping[str, Any]], metric: str) -> str:
    """The choice in a sentence: value, interval, number of members, and the verdict against the baseline."""
    best = facts[0]
    interval = "" if best["interval"] is None else f" [{best['interval'][0]:.4g}, {best['interval'][1]:.4g}]"
    count = f"{len(best['members'])} member{'s' * (len(best['members']) > 1)}"
    sentence = f"Chosen: {best['name']}, {metric} {best['mean']:.4g}{interval} over {count}"
    if best["name"] == BASELINE:
        return f"{sentence}: no configuration that the search found has a better mean."
    known = best.get("versus_baseline")
    return f"{sentence}; {known['in_words']}." if known else f"{sentence}."
