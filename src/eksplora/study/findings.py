"""Facts of a search for its page: every trial in numbers, and what pruning has saved."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.records.estimate import Compared
from eksplora.records.search import Pruned, RankedTrial, TrialRecord
from eksplora.records.validation import TESTED, Validation, read_validation
from eksplora.statistics.generalization import Sample
from eksplora.statistics.sentence import recorded
from eksplora.statistics.verdict import compare_samples
from eksplora.study.ledger import Ledger
from eksplora.study.trial import Trial, TrialOfStudy, member_folders, values_of
from eksplora.types import Status


def every_trial(ledger: Ledger) -> list[TrialRecord]:
    """The trials in the order of their numbers."""
    return [in_numbers(trial) for _, trial in sorted(ledger.trials.items())]


def in_numbers(trial: Trial) -> TrialRecord:
    """A trial as it is handed on."""
    values = [result.value for _, result in sorted(trial.results.items()) if result.value is not None]
    return TrialRecord(
        trial=trial.number,
        status=str(trial.status),
        value=trial.value,
        std=trial.spread,
        members=values if trial.value is not None else [],
        epochs=trial.epochs,
        seconds=trial.seconds,
        repeats=trial.repeats,
        values=dict(trial.values),
    )


MOST_RANKED = 50
"""Best trials that are handed on with what was searched in them."""


def best_trials(ledger: Ledger) -> list[RankedTrial]:
    """The best trials as a later stage needs them to make their configurations again, best first."""
    ranked = [(trial, trial.value) for trial in ledger.ranked(ledger.trials.values())[:MOST_RANKED]]
    return [
        RankedTrial(trial=trial.number, value=value, key=trial.key, values=dict(trial.values))
        for trial, value in ranked
        if value is not None
    ]


def saved_by_pruning(ledger: Ledger) -> Pruned:
    """Trials that were given up, and about what that saved: their members' epochs, and seconds at the mean pace.

    An epoch counts once per member. The pace is that of the trial itself, so a slow configuration given up early counts
    for what it would have cost.
    """
    # A repeat trained nothing, so it saved nothing.
    pruned = [trial for trial in ledger.with_status(Status.PRUNED) if trial.repeats is None]
    epochs = {trial.number: _epochs_left(trial) for trial in pruned}
    seconds = sum(epochs[trial.number] * _pace(trial) for trial in pruned)
    return Pruned(trials=len(pruned), epochs_saved=sum(epochs.values()), seconds_saved=seconds)


def _epochs_left(trial: Trial) -> int:
    if "trainer" not in trial.config:
        return 0  # a function does not say how long it would have gone on
    most = int(trial.config["trainer"]["max_epochs"])
    done = sum(result.epochs for result in trial.results.values())
    return most * len(trial.members) - done


def _pace(trial: Trial) -> float:
    """Seconds of an epoch of one member."""
    paces = [result.seconds / result.epochs for result in trial.results.values() if result.epochs]
    return fmean(paces) if paces else 0.0


MOST_COMPARED = 3
"""Best trials that are compared: each further one makes the correction harder for all."""


def verdicts(ledger: Ledger, folder: Path, reference: TrialOfStudy | None) -> list[Compared]:
    """Each of the best trials against the best one, and each against the baseline; all pairs judged together.

    The values are those that the best were chosen by, so they flatter: the stage `confirm` compares on fresh members.

    Args:
        ledger: The trials.
        folder: The study's own.
        reference: The baseline's trial, of the same members; None where it was not trained.
    """
    best = ledger.ranked(ledger.trials.values())[:MOST_COMPARED]
    if not best:
        return []
    samples = {f"trial-{trial.number}": sample_of(trial, folder) for trial in best}
    first, *others = names = list(samples)
    if len(samples[first].values) < 2:
        return []  # two networks may differ where their configurations do not
    asked = [(name, first) for name in others] + [(name, "baseline") for name in names if reference is not None]
    # The baseline is one row more in the same family of comparisons.
    samples |= {} if reference is None else {"baseline": sample_of(reference.trial, reference.folder)}
    indices = {name: index for index, name in enumerate(samples)}
    pairs = [(indices[name], indices[other]) for name, other in asked]
    finished = sum(trial.value is not None and trial.repeats is None for trial in ledger.trials.values())
    compared = compare_samples(list(samples.values()), pairs, direction=ledger.direction, chosen_from=finished)
    return [recorded(one, name=name, reference=other) for (name, other), one in zip(asked, compared, strict=True)]


def sample_of(trial: Trial, folder: Path) -> Sample:
    """Results of the members of a finished trial, for comparisons.

    Args:
        trial: Its number decides where its files lie.
        folder: The study's own.

    Raises:
        DataError: If a file of predictions is damaged.
    """
    members = [member for member in trial.members if member.index in trial.results]
    known = [read_validation(one) for one in member_folders(trial, folder)]
    return _of_members(np.array(values_of(trial)), np.array([member.fold for member in members]), known)


def tested_sample_of(trial: Trial, folder: Path, metric: str) -> Sample:
    """Measures of the members of a finished trial on the test part, which all of them have in common.

    Args:
        trial: Its number decides where its files lie.
        folder: The study's own.
        metric: Name of the measure, such as `mae`.

    Raises:
        DataError: If a file of predictions is damaged.
    """
    values = np.array([result.test[f"test/{metric}"] for _, result in sorted(trial.results.items())])
    known = [read_validation(one, TESTED) for one in member_folders(trial, folder)]
    found = _of_members(values, np.zeros(len(values), dtype=np.int64), known)
    # Of the test part it may be the first rows only that are measured.
    rows = next((len(one.rows) for one in known if one is not None), 0)
    parts = {
        key: part[..., :rows] for key in ("losses", "groups", "weights") if (part := getattr(found, key)) is not None
    }
    return replace(found, num_rows=min(rows, found.num_rows), **parts)


def _of_members(values: NDArray[np.float64], splits: NDArray[np.int64], known: Sequence[Validation | None]) -> Sample:
    found = [one for one in known if one is not None]
    if len(found) < len(values):
        return Sample(values, np.zeros_like(splits), ratio=1.0, num_rows=0)  # of seeds alone, since rows are not known
    ratio = fmean(len(one.rows) / one.train_rows for one in found)
    losses = np.full((len(found), found[0].num_rows), np.nan)
    for place, one in enumerate(found):
        losses[place, one.rows] = np.nan if one.loss is None else one.loss
    is_by_rows = all(one.loss is not None for one in found)
    return Sample(
        values,
        splits,
        ratio,
        found[0].num_rows,
        losses if is_by_rows else None,
        _of_rows([(one.rows, one.groups) for one in found], found[0].num_rows),
        _of_rows([(one.rows, one.weights) for one in found], found[0].num_rows),
    )


def _of_rows(found: Sequence[tuple[NDArray[np.int64], NDArray[Any] | None]], num_rows: int) -> NDArray[Any] | None:
    """A number for each row of the part, (rows,), from those of members for their rows; of rows that none has, 0."""
    known = [(rows, own) for rows, own in found if own is not None]
    if len(known) < len(found):
        return None
    numbers = np.zeros(num_rows, dtype=known[0][1].dtype)
    for rows, own in known:
        numbers[rows] = own
    return numbers
