"""Types of the root configurations: a misspelt key or a wrong type is refused while Hydra composes.

The values themselves stand in `conf/`; what each key means, its unit and its special values are said there.
A key without a value here must get one there. Group nodes (`data`, `model`, ...) are open: their keys are the
parameters of what they build, and `eksplora.config` compares them with the group's own files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hydra.core.config_store import ConfigStore

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
class Space:
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
class TrainingConfig:
    """The keys that make up one training: what a job carries and a run records."""

    experiment: str
    data: Any
    task: Any
    model: Any
    activation: ActivationKeys
    dropout: DropoutKeys
    initialization: Any
    regularization: Any
    loss: Any
    metric: Any
    objective: Objective
    optimizer: Any
    scheduler: Any
    clipping: Any
    augmentation: Any
    imbalance: Any
    protocol: Any
    trainer: Any
    early_stopping: Any
    training: TrainingKeys


@dataclass
class SearchConfig(TrainingConfig):
    """Root of `conf/search.yaml`, and of `train`, `evaluate` and `report`."""

    function: Any
    study: StudyKeys
    sampler: Any
    pruner: Any
    space: Space
    tracker: Any
    paths: Paths
    output: str | None


@dataclass
class BaselineConfig(SearchConfig):
    """Root of `conf/baseline.yaml`."""

    baseline: Any


@dataclass
class Confirm:
    """Number of configurations that are confirmed, and the level of significance."""

    best: int = field(metadata=within(least=1, is_whole=True, usual=3))
    alpha: float = field(metadata=LEVEL)


@dataclass
class ConfirmConfig(SearchConfig):
    """Root of `conf/confirm.yaml`."""

    confirm: Confirm


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
class AuditConfig(ConfirmConfig):
    """Root of `conf/audit.yaml`."""

    audit: Audit


@dataclass
class Explain:
    """Extent of an explanation."""

    ablated: int = field(metadata=within(least=0, is_whole=True, usual=0))
    images: int = field(metadata=within(least=0, is_whole=True, usual=0))
    alpha: float = field(metadata=LEVEL)
    seed: int


@dataclass
class ExplainConfig(SearchConfig):
    """Root of `conf/explain.yaml`."""

    explain: Explain


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


@dataclass
class ReproConfig(SearchConfig):
    """Root of `conf/repro.yaml`."""

    repro: Repro


@dataclass
class PrepareConfig:
    """Root of `conf/prepare.yaml`."""

    data: Any
    paths: Paths


@dataclass
class DescribeConfig(PrepareConfig):
    """Root of `conf/describe.yaml`."""

    file: str | None
    target: Any


@dataclass
class RecordedConfig:
    """The keys of every command on recorded runs: where they lie; root of `conf/sync.yaml`."""

    tracker: Any
    paths: Paths


@dataclass
class ExploreConfig(RecordedConfig):
    """Root of `conf/explore.yaml`."""

    exploration: Any
    budget: str
    carry: str
    alpha: float = field(metadata=LEVEL)
    set: list[str]
    study: Parallel
    output: str


@dataclass
class PaperCheckConfig(RecordedConfig):
    """Root of `conf/paper_check.yaml`."""

    output: str


@dataclass
class PredictConfig(RecordedConfig):
    """Root of `conf/predict.yaml`."""

    trained: str | None
    input: str | None
    output: str


@dataclass
class ReproduceConfig(RecordedConfig):
    """Root of `conf/reproduce.yaml`."""

    run: str | None
    strict: bool
    diff: bool


@dataclass
class UiConfig(RecordedConfig):
    """Root of `conf/ui.yaml`."""

    host: str
    port: int = field(metadata=within(least=1, most=65535, is_whole=True, usual=5000))


TRAINING_KEYS = tuple(key.name for key in fields(TrainingConfig))
"""The keys of a root that make up one training: what a job carries and a run records."""

BASELINE_KEYS = ("experiment", "data", "task", "metric", "objective", "protocol", "baseline")
"""The same of a baseline, which has no network."""

FUNCTION_KEYS = (*(key for key in BASELINE_KEYS if key != "baseline"), "function")
"""The same of a function of the user's own."""


def is_function(config: Mapping[str, Any]) -> bool:
    """Whether a function of the user's own trains, and no network."""
    return bool((config.get("function") or {}).get("_target_"))


ROOTS: Mapping[str, type] = {
    "search": SearchConfig,
    "train": SearchConfig,
    "baseline": BaselineConfig,
    "confirm": ConfirmConfig,
    "audit": AuditConfig,
    "evaluate": SearchConfig,
    "explain": ExplainConfig,
    "report": SearchConfig,
    "repro": ReproConfig,
    "prepare": PrepareConfig,
    "describe": DescribeConfig,
    "sync": RecordedConfig,
    "explore": ExploreConfig,
    "paper_check": PaperCheckConfig,
    "predict": PredictConfig,
    "reproduce": ReproduceConfig,
    "ui": UiConfig,
}
"""The type of every root configuration."""


def register() -> None:
    """Make the root types known to Hydra under `<root>_schema`."""
    store = ConfigStore.instance()
    for root, node in ROOTS.items():
        store.store(name=f"{root}_schema", node=node)
