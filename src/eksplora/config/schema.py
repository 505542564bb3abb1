"""Types of the root configurations: a misspelt key or a wrong type is refused while Hydra composes.

The values themselves stand in `conf/`; what each key means, its unit and its special values are said there.
Group nodes (`data`, `model`, ...) are open here: their keys are the parameters of what they build, and
`eksplora.config` compares them with the group's own file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Paths:
    """Folders, relative to the working folder."""

    data: str = MISSING
    mlruns: str = MISSING
    results: str = MISSING


@dataclass
class Objective:
    """The metric that a study minimizes or maximizes."""

    metric: str = MISSING
    direction: str = MISSING


@dataclass
class EarlyStopping:
    """When a member ends before its last epoch, and which weights it keeps."""

    patience: int | None = MISSING
    min_delta: float = MISSING
    restore_best_weights: bool = MISSING


@dataclass
class Activation:
    """The function after every hidden layer."""

    name: str = MISSING
    parameter: float | None = MISSING


@dataclass
class Dropout:
    """Which units training zeroes, and how."""

    rate: float = MISSING
    kind: str = MISSING


@dataclass
class Regularization:
    """Penalties on the weights, and a bound."""

    l1: float = MISSING
    l2: float = MISSING
    max_norm: float | None = MISSING


@dataclass
class Clipping:
    """How long a gradient may be."""

    norm: float | None = MISSING
    value: float | None = MISSING


@dataclass
class Augmentation:
    """Random changes of the features of a batch before a step."""

    horizontal_flip: float = MISSING
    vertical_flip: float = MISSING
    rotation_degrees: float = MISSING
    shift_pixels: int = MISSING
    crop_fraction: float = MISSING
    erase_probability: float = MISSING
    erase_fraction: float = MISSING
    mixup_alpha: float = MISSING
    cutmix_alpha: float = MISSING


@dataclass
class Imbalance:
    """Treatment of classes with few rows."""

    class_weights: str = MISSING
    sampling: str = MISSING


@dataclass
class Space:
    """The search space: Hydra's override grammar per key, and conditions."""

    params: dict[str, Any] = field(default_factory=dict)
    when: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)


@dataclass
class Study:
    """Budget and running of a study."""

    name: str | None = MISSING
    versioned: bool = MISSING
    seed: int = MISSING
    n_trials: int | None = MISSING
    n_seeds: int = MISSING
    stages: int = MISSING
    batch: int | None = MISSING
    workers: int | None = MISSING
    threads: int | None = MISSING
    timeout_seconds: float | None = MISSING
    max_failures: int = MISSING
    checkpoint_seconds: float = MISSING


@dataclass
class Training:
    """How members are trained, whatever they are."""

    engine: str = MISSING
    population: int | None = MISSING


@dataclass
class SearchConfig:
    """Root of `conf/search.yaml`, and of `train`, `evaluate` and `report`."""

    experiment: str = MISSING
    data: Any = MISSING
    task: Any = MISSING
    model: Any = MISSING
    activation: Activation = MISSING
    dropout: Dropout = MISSING
    initialization: Any = MISSING
    regularization: Regularization = MISSING
    loss: Any = MISSING
    metric: Any = MISSING
    objective: Objective = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    clipping: Clipping = MISSING
    augmentation: Augmentation = MISSING
    imbalance: Imbalance = MISSING
    protocol: Any = MISSING
    trainer: Any = MISSING
    early_stopping: EarlyStopping = MISSING
    training: Training = MISSING
    study: Study = MISSING
    sampler: Any = MISSING
    pruner: Any = MISSING
    space: Space = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING
    output: str | None = MISSING


@dataclass
class BaselineConfig(SearchConfig):
    """Root of `conf/baseline.yaml`."""

    baseline: Any = MISSING


@dataclass
class Confirm:
    """Number of configurations that are confirmed, and the level of significance."""

    best: int = MISSING
    alpha: float = MISSING


@dataclass
class ConfirmConfig(SearchConfig):
    """Root of `conf/confirm.yaml`."""

    confirm: Confirm = MISSING


@dataclass
class Explain:
    """How much of a model is explained."""

    ablated: int = MISSING
    images: int = MISSING
    alpha: float = MISSING
    seed: int = MISSING


@dataclass
class ExplainConfig(SearchConfig):
    """Root of `conf/explain.yaml`."""

    explain: Explain = MISSING


@dataclass
class PrepareConfig:
    """Root of `conf/prepare.yaml`."""

    data: Any = MISSING
    paths: Paths = MISSING


@dataclass
class SyncConfig:
    """Root of `conf/sync.yaml`."""

    tracker: Any = MISSING
    paths: Paths = MISSING


@dataclass
class Parallel:
    """How the studies of an exploration share a machine."""

    workers: int | None = MISSING
    threads: int | None = MISSING


@dataclass
class ExploreConfig:
    """Root of `conf/explore.yaml`."""

    exploration: Any = MISSING
    budget: str = MISSING
    carry: str = MISSING
    alpha: float = MISSING
    set: list[str] = MISSING
    study: Parallel = MISSING
    output: str = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING


@dataclass
class PaperCheckConfig:
    """Root of `conf/paper_check.yaml`."""

    output: str = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING


@dataclass
class PredictConfig:
    """Root of `conf/predict.yaml`."""

    trained: str | None = MISSING
    input: str | None = MISSING
    output: str = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING


@dataclass
class ReproduceConfig:
    """Root of `conf/reproduce.yaml`."""

    run: str | None = MISSING
    strict: bool = MISSING
    diff: bool = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING


@dataclass
class UiConfig:
    """Root of `conf/ui.yaml`."""

    host: str = MISSING
    port: int = MISSING
    tracker: Any = MISSING
    paths: Paths = MISSING


TRAINING_KEYS = (
    "experiment",
    "data",
    "task",
    "model",
    "activation",
    "dropout",
    "initialization",
    "regularization",
    "loss",
    "metric",
    "objective",
    "optimizer",
    "scheduler",
    "clipping",
    "augmentation",
    "imbalance",
    "protocol",
    "trainer",
    "early_stopping",
    "training",
)
"""The keys of a root that make up one training: what a job carries and a run records."""

BASELINE_KEYS = ("experiment", "data", "task", "metric", "objective", "protocol", "baseline")
"""The same of a baseline, which has no network."""


ROOTS: Mapping[str, type] = {
    "search": SearchConfig,
    "train": SearchConfig,
    "baseline": BaselineConfig,
    "confirm": ConfirmConfig,
    "evaluate": SearchConfig,
    "explain": ExplainConfig,
    "report": SearchConfig,
    "prepare": PrepareConfig,
    "sync": SyncConfig,
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
