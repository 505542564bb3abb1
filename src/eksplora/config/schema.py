"""Types of the root configurations: a misspelt key or a wrong type is refused while Hydra composes.

The values themselves stand in `conf/`; what each key means, its unit and its special values are said there.
A key without a value here must get one there. Group nodes (`data`, `model`, ...) are open: their keys are the
parameters of what they build, and `eksplora.config` compares them with the group's own files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hydra.core.config_store import ConfigStore

from eksplora.config.keys import (
    LEVEL,
    ActivationKeys,
    Audit,
    Confirm,
    DropoutKeys,
    Explain,
    Objective,
    Parallel,
    Paths,
    Repro,
    SpaceKeys,
    StudyKeys,
    TrainingKeys,
)
from eksplora.ranges import within


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
    space: SpaceKeys
    tracker: Any
    paths: Paths
    output: str | None


@dataclass
class BaselineConfig(SearchConfig):
    """Root of `conf/baseline.yaml`."""

    baseline: Any


@dataclass
class ConfirmConfig(SearchConfig):
    """Root of `conf/confirm.yaml`."""

    confirm: Confirm


@dataclass
class AuditConfig(ConfirmConfig):
    """Root of `conf/audit.yaml`."""

    audit: Audit


@dataclass
class ExplainConfig(SearchConfig):
    """Root of `conf/explain.yaml`."""

    explain: Explain


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
