"""Ablation of features: the confirmed configuration, trained again without it, on the same members."""

from dataclasses import dataclass, field, replace

from eksplora.counter import fingerprint
from eksplora.errors import DataError
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.estimate import Compared
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import compare_samples
from eksplora.study.comparison import ComparedConfigurations, compare
from eksplora.study.findings import sample_of
from eksplora.study.run import Outcome
from eksplora.study.spec import StudySpec
from eksplora.study.trial import values_of
from eksplora.types import Config

WHOLE = "all features"


@dataclass(frozen=True)
class Ablation:
    """Ablation of the features of a table.

    Attributes:
        study: Its name.
        metric: The objective.
        losses: How much worse the objective gets without a feature, by the feature's name; of each member.
        verdicts: On the same comparisons; none of a single member.
        failed: Features without which the training did not finish.
    """

    study: str
    metric: str
    losses: dict[str, list[float]] = field(default_factory=dict)
    verdicts: dict[str, Compared] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def without(name: str) -> str:
    """The configuration that lacks a feature, by its name."""
    return f"without {name}"


def ablate(spec: StudySpec, confirmed: ConfirmRecord, names: list[str]) -> tuple[Outcome, Ablation]:
    """Train the confirmed configuration with all features and without each.

    All of it is one study whose trials differ in what they see of the features, so their members train together. They
    have the seeds that the configuration was confirmed with; every row validates.
    """
    config = chosen_config(spec, confirmed)
    excluded = {WHOLE: [], **{without(name): [name] for name in names}}
    configs = {name: {**config, "data": {**config["data"], "excluded": own}} for name, own in excluded.items()}
    compared = compare(replace(spec, name=f"{spec.experiment}-ablation", is_shown=False), configs)
    return compared.outcome, judged(spec, compared, names)


def chosen_config(spec: StudySpec, confirmed: ConfirmRecord) -> Config:
    """The configuration that was confirmed, as its members were trained there: with rows that validate.

    Raises:
        DataError: If the present files make another one of its values.
    """
    chosen = confirmed.best
    config = spec.configure(chosen.values)
    if fingerprint(config) != chosen.key:
        raise DataError(
            f"{chosen.name} was confirmed with another configuration than the present files make of it. "
            "Confirm again, or give the overrides that confirm was given."
        )
    return config


def judged(spec: StudySpec, compared: ComparedConfigurations, names: list[str]) -> Ablation:
    """The study of an ablation, read: how much worse the objective gets without each feature."""
    outcome, trials, sign = compared.outcome, compared.trials, 1 if spec.direction == "minimize" else -1
    is_known = trials[WHOLE].value is not None  # else there is nothing to compare with
    whole = values_of(trials[WHOLE]) if is_known else []
    ended = {name: trials[without(name)] for name in names}
    known = {name: values_of(trial) for name, trial in ended.items() if is_known and trial.value is not None}
    samples = [sample_of(compared.trained(name), outcome.folder) for name in map(without, known)]
    samples += [sample_of(trials[WHOLE], outcome.folder)] if known else []
    pairs = [(place, len(known)) for place in range(len(known))] if len(whole) > 1 else []
    alpha = spec.config["explain"]["alpha"]
    verdicts = compare_samples(samples, pairs, direction=spec.direction, alpha=alpha, is_planned=True)
    return Ablation(
        study=outcome.name,
        metric=outcome.metric,
        losses={
            name: [sign * (own - full) for own, full in zip(values, whole, strict=True)]
            for name, values in known.items()
        },
        verdicts={
            name: recorded(one, name=without(name), reference=WHOLE)
            for name, one in zip(known, verdicts, strict=False)  # of a single member nothing can be said
        },
        failed=[name for name in names if name not in known],
    )
