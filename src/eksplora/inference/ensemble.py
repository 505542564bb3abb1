"""A recorded model: all members of a configuration, and what they say together. Nothing of it is a pickle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.config.compatibility import task_of
from eksplora.config.parts import part
from eksplora.data.card import as_features, target_names
from eksplora.errors import DataError

BLOCK_ROWS = 1024
"""Rows of one forward pass: few enough for the memory that any network here needs for them."""


@dataclass(frozen=True)
class Ensemble:
    """Networks of one configuration, in evaluation mode.

    Attributes:
        networks: One per member: raw features in, outputs out.
        config: The configuration that they were trained with.
        card: What the data set looks like: `input_shape`, `feature_names`, `classes`, `feature_ranges`, ...
    """

    networks: Sequence[Any]
    config: Mapping[str, Any]
    card: Mapping[str, Any]

    @property
    def classes(self) -> list[str] | None:
        """Names of the classes; None for numbers."""
        return self.card["classes"]  # type: ignore[no-any-return]

    def members(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Predictions of each member: probabilities of the classes (of class 1 where there are two), or numbers.

        Args:
            features: Raw, (rows, *input_shape).

        Returns:
            (members, rows, columns), float64.
        """
        task = part(self.config, "task")
        predicted = [task.prediction(outputs).double() for outputs in self.outputs(features)]
        return np.stack([one.reshape(len(features), -1).numpy() for one in predicted])

    def outputs(self, features: NDArray[Any]) -> Tensor:
        """Outputs of the networks for raw features: scores, log-odds or numbers, (members, rows, outputs).

        Raises:
            DataError: If the features are not as the card has them, or so far from those of the training that a network
                says nothing of them.
        """
        rows = torch.from_numpy(np.ascontiguousarray(as_features(features, self.card, "features")))
        with torch.inference_mode():
            # Blocks bound the memory of hidden layers; rows do not depend on each other in eval mode.
            blocks = torch.split(rows, BLOCK_ROWS)
            found = torch.stack([torch.cat([network(block) for block in blocks]) for network in self.networks])
        is_number = found.isfinite().transpose(0, 1).flatten(1).all(dim=1)  # (rows,)
        if not is_number.all():
            raise DataError(
                f"row {int((~is_number).nonzero()[0])}: the model has no finite number for it, since its features are "
                "far from those of the training. Correct them."
            )
        return found

    def predict(self, features: NDArray[Any]) -> pd.DataFrame:
        """Prediction of the ensemble, row by row, and how far its members agree.

        Classes: `prediction` (a name), `probability` (mean over members), `std` (its spread over members), and a column
        `p_<class>` for each class. Numbers: `prediction` (mean), `std`, `lowest` and `highest` member; with several
        targets each column ends with `_<name>`. Labels: `prediction` (names of those above a probability of 0.5), and
        for each label columns `p_<label>` and `std_<label>`. The spread says what other seeds would have said; it holds
        nothing of the noise in the targets.

        Args:
            features: Raw, (rows, *input_shape).
        """
        each = self.members(features)
        spread = each.std(0, ddof=1) if len(each) > 1 else np.full(each.shape[1:], np.nan)
        if self.classes is None:
            if task_of(self.config) == "multilabel":
                return _labels(each.mean(0), spread, target_names(self.card))
            return _numbers(each, spread, target_names(self.card))
        if each.shape[2] == 1 and len(self.classes) == 2:
            # (members, rows, 1), the probability of class 1; 1 - p has the same spread.
            each, spread = np.concatenate([1 - each, each], axis=2), np.concatenate([spread, spread], axis=1)
        return _classes(each, spread, self.classes)


def _classes(each: NDArray[np.float64], spread: NDArray[np.float64], names: Sequence[str]) -> pd.DataFrame:
    mean = each.mean(0)
    # The class of the mean probability, not the vote of most members.
    chosen = mean.argmax(1)
    rows = np.arange(len(mean))
    columns = {
        "prediction": [names[number] for number in chosen],
        "probability": mean[rows, chosen],
        "std": spread[rows, chosen],
    }
    return pd.DataFrame(columns | {f"p_{name}": mean[:, number] for number, name in enumerate(names)})


def _labels(mean: NDArray[np.float64], spread: NDArray[np.float64], names: Sequence[str]) -> pd.DataFrame:
    chosen = [", ".join(name for name, has in zip(names, row > 0.5, strict=True) if has) or "none" for row in mean]
    columns: dict[str, Any] = {"prediction": chosen}
    for place, name in enumerate(names):
        columns |= {f"p_{name}": mean[:, place], f"std_{name}": spread[:, place]}
    return pd.DataFrame(columns)


def _numbers(each: NDArray[np.float64], spread: NDArray[np.float64], names: Sequence[str]) -> pd.DataFrame:
    columns: dict[str, NDArray[np.float64]] = {}
    for number in range(each.shape[2]):
        end = f"_{names[number]}" if each.shape[2] > 1 else ""
        values = each[:, :, number]
        columns |= {
            f"prediction{end}": values.mean(0),
            f"std{end}": spread[:, number],
            f"lowest{end}": values.min(0),
            f"highest{end}": values.max(0),
        }
    return pd.DataFrame(columns)
