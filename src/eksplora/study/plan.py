"""What a driver is to do: the budget, the workers, and how values become a configuration."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eksplora.counter import derive
from eksplora.study.ledger import Ledger, Population, Trial
from eksplora.types import Config, Member


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
    direction: str
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
        """What the members of a trial are, e.g. `8 seeds x 5 folds`."""
        seeds = f"{self.num_seeds} seed" + "s" * (self.num_seeds > 1)
        return f"{seeds} x {len(self.sizes)} folds" if len(self.sizes) > 1 else seeds


class Folders:
    """The folders of a study's trials (weights) and populations (checkpoints), made by the workers."""

    def __init__(self, root: Path) -> None:
        """Folders under `root`, the study's own."""
        self._trials, self._populations = root / "trials", root / "populations"

    def weights(self, trial: Trial, member: int) -> Path:
        """Where the weights of a member go."""
        return self._trials / f"{trial.number:04d}" / f"member-{member}"

    def checkpoints(self, population: Population) -> Path:
        """Where the checkpoints of a population lie."""
        return self._populations / f"{population.number:04d}"

    def forget_trial(self, trial: Trial) -> None:
        """Remove the weights of a trial."""
        shutil.rmtree(self._trials / f"{trial.number:04d}", ignore_errors=True)

    def forget_population(self, population: Population) -> None:
        """Remove the checkpoints of a population that is over."""
        shutil.rmtree(self.checkpoints(population), ignore_errors=True)

    def clean_up(self, ledger: Ledger) -> None:
        """Remove what a driver left behind that was killed after it wrote an end."""
        for trial in ledger.trials.values():
            if trial.status.is_final and trial is not ledger.best:
                self.forget_trial(trial)
        known = {self.checkpoints(population) for population in ledger.populations.values()}
        for folder in self._populations.glob("*"):
            if folder not in known:
                shutil.rmtree(folder, ignore_errors=True)
