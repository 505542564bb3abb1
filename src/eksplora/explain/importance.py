"""Permutation importance: how much worse networks become without the information in a feature."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.explain._members import Outputs, evaluated

Error = Callable[[Tensor, Tensor], Tensor]
"""Error of each member, (members,), from outputs (members, rows, num_outputs) and the targets of the rows."""


def permutation_importance(
    outputs: Outputs, features: Tensor, targets: Tensor, error: Error, *, members: int, repeats: int, seed: int
) -> NDArray[np.float64]:
    """The mean increase of an error when a feature's column is shuffled over the rows.

    importance = mean over repeats of (error with the column shuffled) - (error). A shuffled column keeps its own
    distribution and loses what it has to do with the targets and the other columns. Source: Breiman, "Random forests",
    Machine Learning 45, 2001, section 10; Fisher, Rudin and Dominici, "All models are wrong, but many are useful",
    JMLR 20, 2019, section 3, of which this is the difference, estimated by random permutations.

    Args:
        outputs: The networks.
        features: (rows, features).
        targets: As `error` takes them.
        error: Smaller is better; it is also asked for members times repeats at once.
        members: How many networks there are.
        repeats: Shuffles of each column.
        seed: Decides the shuffles, which are the same for all members.

    Returns:
        (members, features), in the unit of the error; negative where shuffling happened to help.
    """
    generator = np.random.default_rng(seed)
    plain = error(evaluated(outputs, features, members), targets)
    increases = []
    for column in range(features.shape[1]):
        shuffled = _shuffled(features, column, repeats, generator)
        predicted = evaluated(outputs, shuffled.flatten(0, 1), members)  # (members, repeats * rows, num_outputs)
        errors = error(predicted.reshape(members * repeats, len(features), -1), targets)
        increases.append(errors.view(members, repeats).mean(1) - plain)
    return torch.stack(increases, dim=1).double().numpy()


def _shuffled(features: Tensor, column: int, repeats: int, generator: np.random.Generator) -> Tensor:
    """Copies of the features, (repeats, rows, features), in each of which the column has another order."""
    rows = len(features)
    orders = generator.permuted(np.tile(np.arange(rows), (repeats, 1)), axis=1)  # (repeats, rows)
    copies = features.repeat(repeats, 1, 1)
    copies[:, :, column] = features[torch.from_numpy(orders), column]
    return copies
