"""Types of the keys that a root configuration has of its own: `study.*`, `confirm.*`, `paths.*` and their like.

What each key means, its unit and its special values are said in `conf/`; the numbers that it may be, here.
"""

from dataclasses import dataclass, field
from typing import Any

from eksplora.ranges import within


@dataclass
class Paths:
    """Folders, relative to the working folder."""

    data: str
    mlruns: str
    results: str


@dataclass
class Objective:
    """The metric that a study minimizes or maximizes."""

    metric: str
    direction: str


@dataclass
class ActivationKeys:
    """The function after every hidden layer."""

    name: str
    parameter: float | None


@dataclass
class DropoutKeys:
    """Dropout: the units that training zeroes."""

    rate: float
    kind: str


@dataclass
class SpaceKeys:
    """The search space: Hydra's override grammar per key, and conditions."""

    params: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)


LEVEL = within(above=0, below=1, usual=0.05)
"""A level of significance."""

COUNT = within(least=1, is_whole=True, also="null")
"""A number of something, or null for what a rule gives."""


@dataclass
class Parallel:
    """Share of a machine for studies.

    Attributes:
        workers: Worker processes; None: one per core, but no more than trainings.
        threads: Threads of one training; None: the cores divided among the workers.
    """

    workers: int | None = field(metadata=COUNT)
    threads: int | None = field(metadata=COUNT)


@dataclass
class StudyBudget(Parallel):
    """Budget of a study, and its members.

    Attributes:
        seed: All random draws of the study derive from it.
        n_seeds: Seeds of a trial; each trains on every split of the protocol.
        batch: Trials that are proposed at once; None: chosen by sampler and space.
        timeout_seconds: Time after which running trials are checkpointed and the driver ends; None: no limit.
        max_failures: Trials that may fail by an error.
        checkpoint_seconds: Least time between two checkpoints of a training.
    """

    seed: int
    n_seeds: int = field(metadata=within(least=1, is_whole=True, usual=1))
    batch: int | None = field(metadata=COUNT)
    timeout_seconds: float | None = field(metadata=within(above=0, also="null"))
    max_failures: int = field(metadata=within(least=0, is_whole=True, usual=5))
    checkpoint_seconds: float = field(metadata=within(above=0, usual=20))


@dataclass
class StudyKeys(StudyBudget):
    """The keys `study.*` of a search."""

    name: str | None
    versioned: bool
    n_trials: int | None = field(metadata=within(least=1, is_whole=True, also="null", usual=20))
    stages: int = field(metadata=within(least=1, is_whole=True, usual=1))


@dataclass
class TrainingKeys:
    """Training of members, whatever they are."""

    engine: str
    population: int | None


@dataclass
class Confirm:
    """Number of configurations that are confirmed, and the level of significance."""

    best: int = field(metadata=within(least=1, is_whole=True, usual=3))
    alpha: float = field(metadata=LEVEL)


@dataclass
class Audit:
    """Splits of an audit, and networks in each.

    Attributes:
        outer: Outer splits; each holds out one part of the rows.
        n_seeds: Seeds of each configuration that is confirmed or measured.
        seed: Decides which rows are held out together.
    """

    outer: int = field(metadata=within(least=2, is_whole=True, usual=10))
    n_seeds: int = field(metadata=within(least=1, is_whole=True, usual=8))
    seed: int = field(metadata=within(least=0, is_whole=True, usual=0))


@dataclass
class Explain:
    """Extent of an explanation."""

    ablated: int = field(metadata=within(least=0, is_whole=True, usual=0))
    images: int = field(metadata=within(least=0, is_whole=True, usual=0))
    alpha: float = field(metadata=LEVEL)
    seed: int


@dataclass
class Repro:
    """Extent of the stages after a search; None: as they state it themselves.

    Attributes:
        best: Configurations that are confirmed.
        seeds: Seeds of each of them, and of each baseline.
        ablated: Features without which the model is trained again.
        ablation_seeds: Seeds of each of those.
        images: Test images with an overlay.
    """

    best: int | None = field(metadata=COUNT)
    seeds: int | None = field(metadata=COUNT)
    ablated: int | None = field(metadata=within(least=0, is_whole=True, also="null"))
    ablation_seeds: int | None = field(metadata=COUNT)
    images: int | None = field(metadata=within(least=0, is_whole=True, also="null"))
