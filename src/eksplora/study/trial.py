"""Trials and populations as a study knows them: plain values, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eksplora.types import Config, Member, MemberResult, Status

Curves = Mapping[str, Sequence[float]]


Key = tuple[int, int]
"""A training: number of its trial, index of its member."""


@dataclass
class StudyPopulation:
    """Trainings that one worker gets together.

    Attributes:
        number: Its number within the study, from 0.
        keys: Its trainings; fixed once it has begun, since its checkpoints hold them all.
        reason: Why it is a part of a larger one; empty when it is not.
        is_begun: Whether a worker has had it.
        deaths: Times that a worker died on it since the driver started.
    """

    number: int
    keys: list[Key]
    reason: str = ""
    is_begun: bool = False
    deaths: int = 0

    @property
    def members(self) -> dict[int, list[int]]:
        """Its members by trial, both in their order."""
        members: dict[int, list[int]] = {}
        for trial, member in self.keys:
            members.setdefault(trial, []).append(member)
        return members


@dataclass
class Trial:
    """A trial as its study knows it; only the `Ledger` changes it.

    Attributes:
        number: Its number, from 0.
        values: The searched keys and their values.
        config: The resolved configuration of one training.
        key: Fingerprint of that configuration.
        members: The members to train.
        repeats: The trial whose configuration this one repeats, or None.
        status: Its status.
        value: The objective: mean over the members; None unless finished.
        results: The results of finished members, by member index.
        spooled: Epochs already in the spool, by member index.
        reports: Reported to the pruner: the objective after each epoch (from 1), mean over the members it judges by.
        pruned_at: The epoch after which the pruner gave the trial up, or None.
        deaths: Times that a worker died on this trial alone since the driver started.
    """

    number: int
    values: dict[str, Any]
    config: Config
    key: str
    members: list[Member]
    repeats: int | None = None
    status: Status = Status.RUNNING
    value: float | None = None
    message: str = ""
    results: dict[int, MemberResult] = field(default_factory=dict)
    spooled: dict[int, int] = field(default_factory=dict)
    reports: dict[int, float] = field(default_factory=dict)
    pruned_at: int | None = None
    deaths: int = 0

    @property
    def waiting(self) -> list[Member]:
        """Members that are not trained yet."""
        return [member for member in self.members if member.index not in self.results]

    @property
    def is_trained(self) -> bool:
        """Whether nothing is left to train: every member has a result, or one of them ended early."""
        return not self.waiting or any(result.status is not Status.FINISHED for result in self.results.values())

    @property
    def seconds(self) -> float:
        """Training time of all members together."""
        return sum(result.seconds for result in self.results.values())

    @property
    def epochs(self) -> int:
        """Epochs of the member that trained longest."""
        return max((result.epochs for result in self.results.values()), default=0)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation of the objective over members; None with fewer than two."""
        values = [result.value for result in self.results.values() if result.value is not None]
        return stdev(values) if len(values) > 1 else None

    @property
    def test(self) -> dict[str, float]:
        """Mean of each test metric over the members that have it; empty where the test part stayed closed."""
        names = dict.fromkeys(name for result in self.results.values() for name in result.test)
        return {name: fmean(r.test[name] for r in self.results.values() if name in r.test) for name in names}

    def curves(self) -> dict[str, list[float]]:
        """Mean of each metric per epoch over the members that have the epoch, and its spread under `<name>_std`.

        Epochs that fewer than two members have are left out.
        """
        return mean_curves([result.curves for result in self.results.values()])


@dataclass(frozen=True)
class TrialOfStudy:
    """A trial with the folder of its study, where its files lie."""

    trial: Trial
    folder: Path


def mean_curves(members: Sequence[Curves]) -> dict[str, list[float]]:
    """Mean and sample standard deviation of curves, per epoch over those that are long enough, two at least."""
    together: dict[str, list[float]] = {}
    for name in members[0] if len(members) > 1 else ():
        curves = [curve for member in members if (curve := member.get(name))]
        if len(curves) > 1:
            mean, spread = _mean_and_spread(curves)
            together |= {name: mean.tolist(), f"{name}_std": spread.tolist()}
    return together


def _mean_and_spread(curves: Sequence[Sequence[float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # The second longest: beyond it a single curve is left, which has no spread.
    length = sorted(map(len, curves))[-2]
    has_epoch = np.arange(length) < np.array([len(curve) for curve in curves])[:, None]  # (members, epochs)
    values = np.zeros(has_epoch.shape)
    values[has_epoch] = np.concatenate([np.asarray(curve[:length], dtype=np.float64) for curve in curves])
    # (epochs,): how many members have each epoch
    count = has_epoch.sum(0)
    with np.errstate(invalid="ignore", over="ignore"):  # a diverged member's last values
        mean = values.sum(0) / count
        # Divided by count - 1: the sample standard deviation.
        spread = np.sqrt((np.where(has_epoch, values - mean, 0.0) ** 2).sum(0) / (count - 1))
    return mean, spread


def member_folders(trial: Trial, folder: Path) -> list[Path]:
    """The folders of the members of a trial that have a result, in the folder of its study."""
    return [
        folder / "trials" / f"{trial.number:04d}" / f"member-{member.index}"
        for member in trial.members
        if member.index in trial.results
    ]


def values_of(trial: Trial) -> list[float]:
    """The objective of a finished trial's members, in their order."""
    return [float(result.value or 0.0) for _, result in sorted(trial.results.items())]
