"""Summary of the outer splits together: pure functions of what each of them gave.

The outer splits are a cross-validation around the whole procedure: each row is measured on once, by networks that
neither learned from it nor were chosen by it. Two inner parts have most rows in common, so the splits are not
independent. `eksplora.statistics.generalization` pays for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.records.audit import AuditRecord, OuterSplit
from eksplora.records.estimate import Estimate
from eksplora.statistics.bounded import bounded_interval, estimate
from eksplora.statistics.generalization import Sample, uncertain
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import Verdict, compare_samples
from eksplora.study.display import OWN
from eksplora.types import Direction

CHOICE = "the choice of the search"
"""The configuration that the procedure hands on, whichever that is."""


@dataclass(frozen=True)
class Audited:
    """An outer split and the samples behind it.

    Attributes:
        split: The same in numbers.
        chosen: What the members of the choice gave on the outer rows.
        own: The same of the experiment's own configuration, with the same seeds.
    """

    split: OuterSplit
    chosen: Sample
    own: Sample


def together(samples: Sequence[Sample]) -> Sample:
    """The samples of the outer splits, in their order, as one of as many splits."""
    losses = [sample.losses for sample in samples if sample.losses is not None]
    return Sample(
        values=np.concatenate([sample.values for sample in samples]),
        splits=np.repeat(np.arange(len(samples)), [len(sample.values) for sample in samples]),
        ratio=float(np.mean([sample.ratio for sample in samples])),
        num_rows=samples[0].num_rows,
        losses=np.concatenate(losses) if len(losses) == len(samples) else None,
        groups=_of_rows(samples, [one.groups for one in samples]),
        weights=_of_rows(samples, [one.weights for one in samples]),
    )


def _of_rows(samples: Sequence[Sample], each: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """A number for each row, (rows,), from the sample that has measured on it."""
    is_measured = [~np.isnan(one.losses).all(0) for one in samples if one.losses is not None]
    found = [own for own in each if own is not None]
    return np.asarray(np.select(is_measured, found)) if len(found) == len(is_measured) == len(samples) else None


def summarized(
    found: Sequence[Audited], *, experiment: str, metric: str, direction: Direction, alpha: float
) -> AuditRecord:
    """The procedure in numbers.

    Args:
        found: The outer splits, two at least.
        experiment: Whose search it is.
        metric: The objective.
        direction: Which way it is better.
        alpha: Level of significance.
    """
    chosen, own = together([one.chosen for one in found]), together([one.own for one in found])
    (comparison,) = compare_samples([chosen, own], [(0, 1)], direction=direction, alpha=alpha, is_planned=True)
    sign = 1 if direction == "minimize" else -1
    splits = [one.split for one in found]
    losses = [sign * (one.outer - one.own) for one in splits]
    worse = [loss for loss in losses if loss > 0]
    claimed = [loss for loss, one in zip(losses, splits, strict=True) if one.claimed == Verdict.BETTER]
    record = AuditRecord(
        experiment=experiment,
        headline="",
        metric=metric,
        direction=direction,
        alpha=alpha,
        members=len(found[0].own.values),
        yields=estimate(chosen, metric),
        own=estimate(own, metric),
        versus_own=recorded(comparison, name=CHOICE, reference=OWN),
        worse=len(worse),
        worse_share=_share([loss > 0 for loss in losses], chosen),
        worse_by=float(np.mean(worse)) if worse else None,
        claims=len(claimed),
        claims_held=sum(loss < 0 for loss in claimed),
        search_optimism=estimate(_of_splits([sign * (one.outer - one.found) for one in splits], chosen), ""),
        confirm_optimism=estimate(_of_splits([sign * (one.outer - one.confirmed) for one in splits], chosen), ""),
        splits=splits,
    )
    return replace(record, headline=headline(record))


def _of_splits(values: Sequence[float], like: Sample) -> Sample:
    """A value of each outer split as a sample: judged by the corrected resampled t."""
    return Sample(np.array(values), np.arange(len(values)), like.ratio, like.num_rows)


def _share(happened: Sequence[bool], like: Sample) -> Estimate:
    """The share of outer splits in which something happened."""
    known = uncertain(_of_splits([float(one) for one in happened], like))
    interval = bounded_interval(known, (0.0, 1.0))
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Estimate(mean=known.mean, low=low, high=high, n=len(happened), scope=str(known.scope))


def headline(record: AuditRecord) -> str:
    """Result of the procedure, in four sentences."""
    count = len(record.splits)
    rows = sum(one.rows for one in record.splits)
    by = "" if record.worse_by is None else f", by {record.worse_by:.3g} on average"
    return (
        f"This search yields {record.metric} {_shown(record.yields)} on {record.yields.scope} "
        f"({count} outer splits of {rows} rows): {record.versus_own.in_words}. "
        f"Its choice was worse than {OWN} in {record.worse} of {count} splits{by}. "
        f"{_claims(record)} "
        f"The search's best value was {_optimistic(record.search_optimism)}, confirm's "
        f"{_optimistic(record.confirm_optimism)}."
    )


def _claims(record: AuditRecord) -> str:
    if not record.claims:
        return "No confirmation claimed that its choice is better."
    return (
        f"The confirmation claimed that it is better in {record.claims} of {len(record.splits)} splits; on the outer "
        f"rows it was in {record.claims_held} of these."
    )


def _shown(known: Estimate) -> str:
    """A value with its interval."""
    interval = "" if known.low is None else f" [{known.low:.4g}, {known.high:.4g}]"
    return f"{known.mean:.4g}{interval}"


def _optimistic(known: Estimate) -> str:
    """A mean optimism in words; below zero, new rows gave better values than it."""
    word = "optimistic by" if known.value >= 0 else "pessimistic by"
    sentence = f"{word} {abs(known.value):.3g}"
    if known.low is None or known.high is None:
        return sentence
    low, high = (known.low, known.high) if known.value >= 0 else (-known.high, -known.low)
    return f"{sentence} [{low:.3g}, {high:.3g}]"
