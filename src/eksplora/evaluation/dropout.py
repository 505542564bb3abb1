"""Predictions with dropout left on: a network that says each time something else."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eksplora.counter import derive
from eksplora.model._dropout import Dropout

BLOCK_ROWS = 1024


def passes(network: nn.Module, features: NDArray[Any], count: int, seed: int) -> Tensor | None:
    """What a network puts out each time, (count, rows, outputs); None where nothing in it is dropped.

    All other layers stay as they are in evaluation. The masks are functions of (seed, pass, layer, row), so the same
    seed gives the same. Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.

    Args:
        network: Of one member; it stays as it is.
        features: As the network takes them, (rows, *shape).
        count: Passes, at least 1.
        seed: Any integer.
    """
    twin = copy.deepcopy(network).eval()
    layers = [layer for layer in twin.modules() if isinstance(layer, Dropout) and bool((layer.rate > 0).any())]
    if not layers:
        return None
    for layer in layers:
        layer.train()
    blocks = torch.split(torch.from_numpy(np.array(features)), BLOCK_ROWS)
    with torch.inference_mode():
        return torch.stack([_one(twin, layers, blocks, derive(seed, f"pass {number}")) for number in range(count)])


def _one(network: nn.Module, layers: list[Dropout], blocks: tuple[Tensor, ...], seed: int) -> Tensor:
    """One pass over all rows."""
    for number, layer in enumerate(layers):
        layer.key = torch.tensor(derive(seed, f"layer {number}") % 2**63)
    outputs = []
    for place, block in enumerate(blocks):
        for layer in layers:
            layer.first = place * BLOCK_ROWS
        outputs.append(network(block))
    return torch.cat(outputs)
