"""Plan of a driver: the budget, the workers, and how values become a configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.counter import derive
from eksplora.types import Config, Direction, Member


@dataclass(frozen=True)
class Plan:
    """A study as its driver runs it.

    Attributes:
        name: Name of the study.
        folder: Its folder: spool, checkpoints, weights.
        experiment: Name of the experiment.
        metric: The objective's name in curves, e.g. `val/mae`.
        direction: `minimize` or `maximize`.
        seed: Seed of the study.
        num_trials: Trials in all, over every resumption; None: as many as the grid has points.
        num_seeds: Seeds of a trial; each trains on every split.
        sizes: Rows to learn from in each of the protocol's splits.
        batch: Trials that are proposed at once.
        num_workers: Worker processes.
        threads: Threads of one training.
        timeout_seconds: Time after which running trials are checkpointed and the driver ends.
        max_failures: Trials that may fail by an error.
        checkpoint_seconds: Least time between two checkpoints of a training.
        is_judged: Whether a pruner is at work.
        test_rows: Rows of the test part on which finished members are measured; 0: none.
        configure: Values of a trial -> resolved configuration.
        tags: Tags of every trial's run.
    """

    name: str
    folder: Path
    experiment: str
    metric: str
    direction: Direction
    seed: int
    num_trials: int | None
    num_seeds: int
    sizes: Sequence[int]
    batch: int
    num_workers: int
    threads: int
    timeout_seconds: float | None
    max_failures: int
    checkpoint_seconds: float
    is_judged: bool
    test_rows: int
    configure: Callable[[Mapping[str, Any]], Config]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def members(self) -> list[Member]:
        """The members of every trial: seeds x splits; member i has the same seed and split in each."""
        seeds = [derive(self.seed, "member", number) % 2**31 for number in range(self.num_seeds)]
        return [
            Member(number * len(self.sizes) + fold, seed, fold)
            for number, seed in enumerate(seeds)
            for fold in range(len(self.sizes))
        ]

    @property
    def num_members(self) -> int:
        """Members of a trial."""
        return self.num_seeds * len(self.sizes)

    @property
    def members_in_words(self) -> str:
        """Members of a trial in words, e.g. `8 seeds x 5 folds`."""
        seeds = f"{self.num_seeds} seed" + "s" * (self.num_seeds > 1)
        return f"{seeds} x {len(self.sizes)} folds" if len(self.sizes) > 1 else seeds
