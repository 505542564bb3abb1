"""The plain values that travel between rooms: they can be printed, saved and replayed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Direction = Literal["minimize", "maximize"]
"""Direction in which an objective is better."""

Judges = Literal["all", "first", "later", "others"]
"""Rows of the training part that may validate: all of them; of a search, `first`; where its choice is judged, `later`
after a search of several members (the rows that are not `first`), and `others` after one of a single member (the rows
that this member did not validate on)."""

Config = dict[str, Any]
"""A resolved configuration: plain dicts, lists, strings and numbers."""


@dataclass(frozen=True)
class Command:
    """A command as it is recorded.

    Attributes:
        root: Name of the pipeline.
        overrides: As they are typed, not quoted for a shell.
        environment: Variables by which the same command computes other bits, or finds its configurations.
    """

    root: str
    overrides: list[str]
    environment: dict[str, str] = field(default_factory=dict)


class Status(StrEnum):
    """Status of a member or a trial."""

    RUNNING = "running"
    FINISHED = "finished"
    PRUNED = "pruned"
    DIVERGED = "diverged"  # the loss stopped being a finite number
    FAILED = "failed"  # the code raised
    INTERRUPTED = "interrupted"  # stopped with a checkpoint; goes on at the next start

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (Status.RUNNING, Status.INTERRUPTED)


class Decision(StrEnum):
    """Answer of the driver to an epoch's report."""

    GO_ON = "go_on"
    PRUNE = "prune"
    STOP = "stop"  # checkpoint and return


@dataclass(frozen=True)
class Cut:
    """Cut of the rows by a protocol, as far as it does not stand in its configuration.

    Attributes:
        members: Members among which a protocol divides the rows that validate; see `eksplora.protocol.spread`.
        judges: Which rows may validate; see `Judges`.
        outer_fold: The part of the rows that is held out from all of it, from 0; see `eksplora.protocol.splits_of`.
        outer_folds: Parts of which one is held out; 0: none is.
        outer_seed: Decides which rows lie in which part.
    """

    members: int = 1
    judges: Judges = "all"
    outer_fold: int = 0
    outer_folds: int = 0
    outer_seed: int = 0


@dataclass(frozen=True)
class Member:
    """One training of a trial. Member i has the same seed, split and data order in every trial.

    Attributes:
        index: Its number within the trial, from 0.
        seed: Decides its initial weights, data order and every other random draw.
        fold: Which of the protocol's splits it learns from and validates on.
        members: As in `Cut`, and so are the others.
    """

    index: int
    seed: int
    fold: int = 0
    members: int = 1
    judges: Judges = "all"
    outer_fold: int = 0
    outer_folds: int = 0
    outer_seed: int = 0

    @property
    def cut(self) -> Cut:
        """Cut of the rows for it."""
        return Cut(self.members, self.judges, self.outer_fold, self.outer_folds, self.outer_seed)


@dataclass(frozen=True)
class Split:
    """Row numbers of the training part.

    Attributes:
        train: Rows to learn from.
        validation: Rows to validate on.
        held_out: Rows that neither a training nor a choice sees.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    held_out: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def measured(self) -> NDArray[np.int64]:
        """Rows whose predictions are kept: those that validate or, where there are none, those that are held out."""
        return self.validation if len(self.validation) else self.held_out

    @property
    def measured_as(self) -> str:
        """Prefix of the metrics of these rows."""
        return "val" if len(self.validation) else "held_out"


@dataclass(frozen=True)
class Training:
    """One member of one trial, as it goes to a worker.

    Attributes:
        trial: Number of the trial within its study.
        member: The member to train.
        config: The resolved configuration of the trial.
        folder: Where the member's weights go.
    """

    trial: int
    member: Member
    config: Config
    folder: str


@dataclass(frozen=True)
class Job:
    """Work for a worker: trainings that may be one population.

    Attributes:
        number: Number of the population within its study.
        trainings: Members of one trial, or of trials that differ in numbers of the arithmetic only.
        folder: Where the population's checkpoints lie.
        threads: Threads that it may use.
        checkpoint_seconds: Least time between two checkpoints, in seconds.
        is_judged: Whether the driver answers each epoch's reports (a pruner is at work).
        test_rows: Rows of the test part on which finished members are measured, for reporting only, never for
            selection; 0: none.
    """

    number: int
    trainings: Sequence[Training]
    folder: str
    threads: int
    checkpoint_seconds: float
    is_judged: bool = False
    test_rows: int = 0


@dataclass(frozen=True)
class Checked:
    """Facts of a configuration that a worker has built, for its study.

    Attributes:
        notice: What a person is to know of it; empty: nothing.
        idle: Groups of the configuration that do nothing with it.
    """

    notice: str = ""
    idle: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpochReport:
    """The metrics of one finished epoch (counted from 1) of one member."""

    trial: int
    member: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class MemberResult:
    """Result of one member.

    Attributes:
        trial: Number of the trial.
        member: Index of the member.
        status: How it ended.
        value: The objective on the validation part; None when the member did not finish.
        best_epoch: The epoch (from 1) whose weights `weights` holds.
        epochs: Epochs trained.
        step: Optimizer steps done; for a diverged member the step (from 0) of the first non-finite loss.
        curves: Per metric, its value after each epoch.
        seconds: The member's share of its population's wall time, resumed parts added.
        weights: Path of the safetensors file, or None.
        weights_sha256: Hash of that file, or None.
        device: Where it was trained, e.g. `cpu`.
        engine: How it was trained: `fused` with others, or `single`.
        message: Why it ended early, in words; empty when it did not.
        test: Metrics on the test part, such as `test/mae`; empty where that stayed closed.
    """

    trial: int
    member: int
    status: Status
    value: float | None
    best_epoch: int
    epochs: int
    step: int
    seconds: float
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    weights: str | None = None
    weights_sha256: str | None = None
    device: str = "cpu"
    engine: str = "single"
    message: str = ""
    test: Mapping[str, float] = field(default_factory=dict)


class Report(Protocol):
    """Channel from a population's training to its driver."""

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        """Hand over the metrics of the members that finished an epoch together; one answer for each."""

    def stop_requested(self) -> bool:
        """Whether the training should checkpoint and return; cheap, asked between chunks of steps."""

    def member(self, result: MemberResult) -> None:
        """Hand over what came of a member, at once: what is finished is never trained again."""

    def split(self, size: int, reason: str) -> None:
        """Give a job back untrained: at most `size` of its trainings go together, and why."""
