"""The parts of a study from its specification: tracker, checked data, the proposer and the plan."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from eksplora.config import part, protocol_splits, sampler_factory
from eksplora.errors import ConfigError
from eksplora.protocol import is_spread
from eksplora.search.space import extremes
from eksplora.study.packing import filling_batch, learning_batch
from eksplora.study.plan import Plan
from eksplora.study.spec import StudySpec
from eksplora.tracker.base import Tracker
from eksplora.types import Config

if TYPE_CHECKING:  # Optuna comes with it, and settings are checked before anything slow is imported
    from eksplora.search.proposer import Proposer


def tracker_of(config: Config) -> Tracker:
    """Build the tracker of a configuration; what the environment has to do with it is said once per command."""
    tracker: Tracker = part(config, "tracker")
    if tracker.notice:
        _say(tracker.notice)
    return tracker


@cache
def _say(notice: str) -> None:
    print(notice, file=sys.stderr)


def num_cores() -> int:
    """Cores that this process may use."""
    # Not `os.cpu_count()`, which counts cores that taskset or a cpuset forbids.
    return len(os.sched_getaffinity(0))


def make_proposer(spec: StudySpec, name: str) -> "Proposer":
    """The proposer of a study under its full name.

    With a batch of one, two results per further worker are not waited for: all have work while it is decided. With a
    larger batch it is one batch per further worker.
    """
    from eksplora.search.proposer import Proposer

    batch, workers = spec.budget.batch or learning_batch(spec.space), spec.budget.workers or num_cores()
    return Proposer(
        space=spec.space,
        sampler=sampler_factory(spec.config, spec.space),
        pruner=part(spec.config, "pruner"),
        direction=spec.direction,
        seed=spec.budget.seed,
        name=name,
        batch=batch,
        lag=max(batch, 2) * (workers - 1),
    )


def trials_at_once(spec: StudySpec, proposer: "Proposer", base: Config, num_members: int) -> int:
    """Trials that are proposed at once where the budget leaves it open."""
    if proposer.has_memory or spec.is_judged:
        return proposer.batch
    return filling_batch(base, num_members, spec.budget.workers or num_cores())


def make_plan(spec: StudySpec, name: str, rows: "StudyData", batch: int) -> Plan:
    """The plan of a study: one worker per core but no more than trainings, and the cores divided among them."""
    budget = spec.budget
    # A worker without a training would only cost the memory of its imports.
    most = num_cores() if spec.num_trials is None else spec.num_trials * rows.members_of(budget.n_seeds)
    workers = budget.workers or max(1, min(num_cores(), most))
    return Plan(
        spec=spec,
        name=name,
        metric=f"{rows.judged_on}/{spec.metric}",
        sizes=rows.sizes,
        is_spread=rows.is_spread,
        batch=batch,
        num_workers=workers,
        threads=budget.threads or max(1, num_cores() // workers),
    )


@dataclass(frozen=True)
class StudyData:
    """The data as a study uses them.

    Attributes:
        card: The data's card.
        sizes: Rows to learn from in each of the protocol's splits.
        judged_on: Prefix of the metrics that judge: `val`; where no row validates `train`, of a function `held_out`.
        is_spread: Whether each seed has a split of its own.
    """

    card: Mapping[str, Any]
    sizes: Sequence[int]
    judged_on: str
    is_spread: bool

    def members_of(self, n_seeds: int) -> int:
        """Members of a trial with so many seeds."""
        return n_seeds if self.is_spread else n_seeds * len(self.sizes)


def check_data(spec: StudySpec, base: Config) -> StudyData:
    """Prepare the data when needed, and check protocol and batch sizes against them.

    Raises:
        ConfigError: If a batch is larger than the rows to learn from, or trials are to be compared and no
            row validates, or a function of the user's own would be called without rows to measure on.
        DataError: If data are missing or altered.
    """
    from eksplora.data.arrays import check_batch_size

    data = {"batch_size": "full"} | base["data"]  # a baseline states none
    dataset = part({"data": data}, "data")
    card: dict[str, Any] = dataset.prepare()
    splits = protocol_splits(base, dataset, spec.cut(spec.budget.n_seeds))
    sizes, validates = [len(split.train) for split in splits], all(len(split.validation) for split in splits)
    if spec.space and spec.is_ranked and not validates:
        raise ConfigError("protocol=full: no row validates, so trials cannot be compared. Choose spread or holdout.")
    if "function" in base and not all(len(split.measured) for split in splits):
        name = base["function"]["_target_"]
        raise ConfigError(f"protocol: {name} needs rows to validate on. Choose protocol=spread, holdout or kfold.")
    # The extremes of a searched batch size must fit the smallest split.
    searched = [
        value for parameter in spec.space if parameter.key == "data.batch_size" for value in extremes(parameter)
    ]
    for size in [data["batch_size"], *searched]:
        check_batch_size(size, min(sizes))
    judged_on = "val" if validates else splits[0].measured_as if "function" in base else "train"
    return StudyData(card, sizes, judged_on, spec.cut_for is None and is_spread(part(base, "protocol")))
