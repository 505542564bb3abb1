"""Attribution of the networks' outputs to the features of a row: SHAP values and integrated gradients.

Shapes: rows (rows, *shape), attributions (members, rows, *shape).
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.explain._members import Outputs, expanded, rows_at_once

_PAIRS = 512
"""Pairs of a row and a background row that share their permutations: more would make the others' noise the same."""
_NUMBERS = 2**20
"""Numbers that the library handles at once, (steps of a permutation) x pairs x members x features."""


def shapley_values(
    outputs: Outputs, rows: Tensor, background: Tensor, explained: Tensor, *, members: int, turns: int, seed: int
) -> NDArray[np.float64]:
    """SHAP values: each feature's share in the difference output(row) - mean of output(background row).

    A feature's value is the mean, over orders of the features and over background rows, of the change of the output
    when the feature goes from its value in the background row to its value in the row, those before it in the order
    having gone already (interventional Shapley values). They add up to the difference exactly, whatever the number
    of orders; of a linear function w they are w * (row - mean of background). Orders come in pairs, one the other's
    reverse, which makes values exact where features interact at most in twos. Source: Strumbelj and Kononenko,
    "Explaining prediction models and individual predictions with feature contributions", Knowledge and Information
    Systems 41, 2014, algorithm 1; Lundberg and Lee, "A unified approach to interpreting model predictions", NeurIPS
    2017; the pairs: Mitchell, Cooper, Frank and Holmes, "Sampling permutations for Shapley value estimation", JMLR 23,
    2022; computed by `captum.attr.ShapleyValueSampling`.

    Args:
        outputs: The networks.
        rows: To be explained, (rows, features).
        background: (background rows, features); every row is compared with each.
        explained: Which output of each row, (rows,) int64.
        members: How many networks there are.
        turns: Pairs of orders for each background row.
        seed: Decides the orders, which are the same for all members.

    Returns:
        (members, rows, features), in the unit of the outputs.
    """
    from captum.attr import ShapleyValueSampling

    method = ShapleyValueSampling(partial(_each_member, outputs, members))
    method.permutation_generator = partial(_orders, np.random.default_rng(seed))
    # Captum draws one order for all pairs of a call, so calls are small; means are of all background rows.
    groups = torch.split(background, max(1, _PAIRS // len(rows)))
    blocks = zip(torch.split(rows, _PAIRS), torch.split(explained, _PAIRS), strict=True)
    values = []
    for block, chosen in blocks:
        sums = [_compared(method, block, group, chosen, members, turns) for group in groups]
        values.append(torch.stack(sums).sum(0) / len(background))
    return torch.cat(values).transpose(0, 1).contiguous().numpy()


def _orders(generator: np.random.Generator, features: int, count: int) -> Iterator[list[int]]:
    """Orders of the features, every second one the reverse of the one before."""
    for _ in range(count // 2):
        order: list[int] = generator.permutation(features).tolist()
        yield order
        yield order[::-1]


def _each_member(outputs: Outputs, members: int, rows: Tensor, explained: Tensor) -> Tensor:
    """The explained outputs of rows, (rows, members)."""
    # (members, rows, num_outputs), then of each row the output that is explained
    found = outputs(expanded(rows, members))
    return found.gather(2, explained.view(1, -1, 1).expand(members, -1, 1)).squeeze(2).T


def _compared(method: object, rows: Tensor, group: Tensor, explained: Tensor, members: int, turns: int) -> Tensor:
    """Sums over a group of background rows of the rows' values, (rows, members, features)."""
    pairs, features = len(rows) * len(group), rows.shape[1]
    values = method.attribute(  # type: ignore[attr-defined]
        rows.repeat_interleave(len(group), 0),
        group.repeat(len(rows), 1),
        additional_forward_args=(explained.repeat_interleave(len(group)),),
        n_samples=2 * turns,
        perturbations_per_eval=min(features, max(1, _NUMBERS // (pairs * members * features))),
    )  # (pairs, members, features)
    total: Tensor = values.view(len(rows), len(group), members, features).double().sum(1)
    return total


def integrated_gradients(
    outputs: Outputs, rows: Tensor, baseline: Tensor, explained: Tensor, *, members: int, steps: int
) -> NDArray[np.float64]:
    """The gradient of the output, integrated along the straight line from a baseline to the row, times the distance.

    (row - baseline) * integral over a from 0 to 1 of d output(baseline + a * (row - baseline)) / d feature, by
    Gauss-Legendre quadrature. Values add up to output(row) - output(baseline), as closely as the steps allow. Source:
    Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", ICML 2017, section 3; computed by
    `captum.attr.IntegratedGradients`.

    Args:
        outputs: The networks.
        rows: To be explained, (rows, *shape).
        baseline: (*shape), what nothing looks like.
        explained: Which output of each row, (rows,) int64.
        members: How many networks there are.
        steps: Of the quadrature.

    Returns:
        (members, rows, *shape), in the unit of the outputs.
    """
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(partial(_own_member, outputs, members, steps))
    size = rows_at_once(members, rows.shape[1:], copies=steps)
    values = []
    for block, chosen in zip(torch.split(rows, size), torch.split(explained, size), strict=True):
        found = method.attribute(
            expanded(block, members).flatten(0, 1),
            baseline.unsqueeze(0),
            additional_forward_args=(chosen.repeat(members),),
            n_steps=steps,
        )
        values.append(found.detach().view(members, *block.shape).double())
    return torch.cat(values, dim=1).numpy()


def _own_member(outputs: Outputs, members: int, steps: int, rows: Tensor, explained: Tensor) -> Tensor:
    """The explained output of each row by its own member, (steps * members * rows,): rows lie in this order."""
    each = rows.view(steps, members, -1, *rows.shape[1:]).transpose(0, 1)  # (members, steps, rows, *shape)
    found = outputs(each.flatten(1, 2))  # (members, steps * rows, num_outputs)
    in_order = found.view(members, steps, -1, found.shape[2]).transpose(0, 1).flatten(0, 2)
    return in_order.gather(1, explained.unsqueeze(1)).squeeze(1)


def mean_magnitude(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of attributions: |value|, mean over rows; (members, rows, features) to (members, features)."""
    mean: NDArray[np.float64] = np.abs(values).mean(1)
    return mean
