"""A confirmed model with the rows that it is explained on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from eksplora.config import part
from eksplora.counter import derive
from eksplora.errors import DataError, command_line
from eksplora.inference.confirmed import confirmed_model
from eksplora.inference.ensemble import Ensemble
from eksplora.inference.stacked import Together
from eksplora.installation import or_repro
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.study.spec import StudySpec


@dataclass(frozen=True)
class ExplainedModel:
    """A confirmed model with the rows that it is explained on.

    Attributes:
        ensemble: Its members.
        networks: The same, in one pass.
        features: Of the test part, raw.
        targets: Of the test part.
        background: Features of the training part, raw.
        seed: From which all draws derive.
    """

    ensemble: Ensemble
    networks: Together
    features: NDArray[Any]
    targets: NDArray[Any]
    background: NDArray[Any]
    seed: int

    @property
    def is_table(self) -> bool:
        """Whether rows are features, not images."""
        return self.features.ndim == 2

    @property
    def outputs(self) -> Callable[[Tensor], Tensor]:
        """Raw features (members, rows, ...) to scores of classes, or to predicted numbers: (members, rows, columns)."""
        if self.ensemble.classes is not None:
            return self.networks
        task = part(self.ensemble.config, "task")

        def predicted(features: Tensor) -> Tensor:
            outputs = self.networks(features)
            numbers: Tensor = task.prediction(outputs.flatten(0, 1))
            return numbers.reshape(*outputs.shape[:2], -1)

        return predicted


def opened(spec: StudySpec, folder: Path, confirmed: ConfirmRecord, details: DetailsRecord) -> ExplainedModel:
    """Confirmed model, with the rows that it is explained by.

    Raises:
        DataError: If weights, configuration or data are not those that were confirmed.
    """
    dataset = part(spec.config, "data")
    ensemble = confirmed_model(folder, confirmed, dataset)
    (features, targets), (background, _) = dataset.open("test"), dataset.open("train")
    if details.rows != len(features):
        raise DataError(
            f"details.json is of {details.rows} test rows, the test part has {len(features)}. Evaluate again: "
            f"{command_line('evaluate', experiment=spec.experiment)}{or_repro()}."
        )
    return ExplainedModel(
        ensemble,
        Together(ensemble.networks),
        without_gaps(features, ensemble.networks[0].middle),
        np.array(targets),
        without_gaps(background, ensemble.networks[0].middle),
        derive(spec.config["explain"]["seed"], "explain") % 2**31,
    )


def without_gaps(features: NDArray[Any], middle: Tensor) -> NDArray[Any]:
    """Features with the middle of their scaling where a cell is missing: the networks see 0 there either way.

    Args:
        features: Raw, (rows, ...); NaN where one is missing.
        middle: Of the scaling of the networks, which have learned from the same rows.
    """
    if not np.issubdtype(features.dtype, np.floating):
        return np.array(features)
    return np.where(np.isnan(features), middle.numpy(), features)
