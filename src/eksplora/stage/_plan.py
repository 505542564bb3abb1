"""What a driver is to do: the budget, the workers, and how values become a configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.counter import derive
from eksplora.types import Config, Member


@dataclass(frozen=True)
class Plan:
    """A study as its driver runs it.

    Attributes:
        name: Name of the study.
        folder: Its folder: spool, checkpoints, weights.
        experiment: Name of the experiment.
        direction: `minimize` or `maximize`.
        seed: Seed of the study.
        num_trials: Trials in all, over every resumption; None: as many as the grid has points.
        num_members: Members of a trial.
        num_workers: Worker processes.
        threads: Threads of one training.
        timeout_seconds: Time after which running trials are checkpointed and the driver ends.
        max_failures: Trials that may fail by an error.
        checkpoint_seconds: Least time between two checkpoints of a training.
        is_judged: Whether a pruner is at work.
        configure: Values of a trial -> resolved configuration.
        tags: Tags of every trial's run.
    """

    name: str
    folder: Path
    experiment: str
    direction: str
    seed: int
    num_trials: int | None
    num_members: int
    num_workers: int
    threads: int
    timeout_seconds: float | None
    max_failures: int
    checkpoint_seconds: float
    is_judged: bool
    configure: Callable[[Mapping[str, Any]], Config]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def members(self) -> list[Member]:
        """The members of every trial: member i has the same seed in each."""
        return [Member(index, derive(self.seed, "member", index) % 2**31) for index in range(self.num_members)]
