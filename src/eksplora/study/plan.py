"""Plan of a driver: the budget, the workers, and how values become a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eksplora.counter import derive
from eksplora.study.spec import StudySpec
from eksplora.types import Member


@dataclass(frozen=True)
class Plan:
    """A study as its driver runs it.

    Attributes:
        spec: What is studied; its budget leaves some numbers open, which are settled here.
        name: Name of the study.
        metric: The objective's name in curves, e.g. `val/mae`.
        sizes: Rows to learn from in each of the protocol's splits.
        batch: Trials that are proposed at once.
        num_workers: Worker processes.
        threads: Threads of one training.
        is_spread: Whether each seed has a split of its own; otherwise there are so many seeds on every split.
    """

    spec: StudySpec
    name: str
    metric: str
    sizes: Sequence[int]
    batch: int
    num_workers: int
    threads: int
    is_spread: bool = False

    @property
    def folder(self) -> Path:
        """The study's folder: spool, checkpoints, weights."""
        return self.spec.studies / self.name

    @property
    def tags(self) -> Mapping[str, str]:
        """Tags of every trial's run."""
        return {key: self.spec.choices[key] for key in ("sampler", "pruner") if key in self.spec.choices}

    @property
    def members(self) -> list[Member]:
        """The members of every trial; member i has the same seed and split in each, and no other has that seed."""
        budget = self.spec.budget
        cut = vars(self.spec.cut(budget.n_seeds if self.is_spread else 1))
        return [
            Member(number, derive(budget.seed, "member", number) % 2**31, number % len(self.sizes), **cut)
            for number in range(self.num_members)
        ]

    @property
    def num_members(self) -> int:
        """Members of a trial."""
        seeds = self.spec.budget.n_seeds
        return seeds if self.is_spread else seeds * len(self.sizes)

    @property
    def members_in_words(self) -> str:
        """Members of a trial in words, e.g. `8 seeds x 5 folds`."""
        count = self.spec.budget.n_seeds
        seeds = f"{count} seed" + "s" * (count > 1)
        if self.is_spread:
            return f"{seeds}, each with a split of its own" if count > 1 else seeds
        return f"{seeds} x {len(self.sizes)} folds" if len(self.sizes) > 1 else seeds
