"""Predictions with dropout left on: a network that says each time something else."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eksplora.counter import derive
from eksplora.model.dropout import Dropout

BLOCK_ROWS = 1024


def passes(network: nn.Module, features: NDArray[Any], count: int, seed: int) -> Tensor | None:
    """Outputs of a network in each pass, (count, rows, outputs); None where nothing in it is dropped.

    All other layers stay as they are in evaluation. The masks are functions of (seed, pass, layer, row), so the same
    seed gives the same. Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.

    Args:
        network: Of one member; it stays as it is.
        features: As the network takes them, (rows, *shape).
        count: Passes, at least 1.
        seed: Any integer.
    """
    if not _dropping(network):
        return None
    blocks = torch.split(torch.from_numpy(np.array(features)), BLOCK_ROWS)
    seeds = [derive(seed, f"pass {number}") for number in range(count)]
    with torch.inference_mode():
        each = [_of_block(network, block, place * BLOCK_ROWS, seeds) for place, block in enumerate(blocks)]
    return torch.cat(each, dim=1)


def _dropping(network: nn.Module) -> list[Dropout]:
    return [layer for layer in network.modules() if isinstance(layer, Dropout) and bool((layer.rate > 0).any())]


def _of_block(network: nn.Module, rows: Tensor, first: int, seeds: Sequence[int]) -> Tensor:
    """A pass for each seed over rows of which `first` is the number of the first, (seeds, rows, outputs)."""
    twin = copy.deepcopy(network).eval()  # one per block: a layer keeps the places of all blocks that it has seen
    layers = _dropping(twin)
    for layer in layers:
        layer.train()
        layer.first = first
    return torch.stack([_one(twin, layers, rows, seed) for seed in seeds])


def _one(network: nn.Module, layers: Sequence[Dropout], rows: Tensor, seed: int) -> Tensor:
    for number, layer in enumerate(layers):
        layer.key = torch.tensor(derive(seed, f"layer {number}"))
    output: Tensor = network(rows)
    return output
