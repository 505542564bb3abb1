"""The other side of the comparison: a training as one writes it by hand in PyTorch, without Lightning or eksplora."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

VALIDATION_ROWS = 4096
"""Rows of one validation forward: as in ours. All 12 000 images at once would take a gigabyte."""

Score = Callable[[Tensor, Tensor], Tensor]
"""(outputs, targets) -> sum over the rows."""


def train(
    network: nn.Module,
    loss_function: nn.Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    batch_size: int,
    validate: Callable[[], float] | None = None,
    order: Callable[[int], Tensor] | None = None,
) -> tuple[int, float | None]:
    """Train on `x` (rows, ...) and `y` (rows, ...), validating after each epoch.

    Args:
        network: Its parameters are those of `optimizer`.
        loss_function: (outputs, targets) -> mean over the rows.
        optimizer: Takes the steps.
        x: Features, scaled.
        y: Targets, as the loss takes them.
        epochs: Passes over the rows.
        batch_size: Rows of one step.
        validate: The score on other rows; None: no validation.
        order: Epoch (from 0) -> the rows in their order; None: a fresh `torch.randperm`.

    Returns:
        Steps taken, and the last score.
    """
    steps, score = 0, None
    for epoch in range(epochs):
        network.train()
        permutation = torch.randperm(len(x), device=x.device) if order is None else order(epoch)
        for index in torch.split(permutation, batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_function(network(x[index]), y[index])
            loss.backward()
            optimizer.step()
            steps += 1
        if validate is not None:
            score = validate()
    return steps, score


def validation(network: nn.Module, x: Tensor, y: Tensor, score: Score) -> Callable[[], float]:
    """A function that gives the mean score on `x` (rows, ...) and `y` (rows, ...)."""

    def validate() -> float:
        network.eval()
        with torch.no_grad():
            blocks = zip(torch.split(x, VALIDATION_ROWS), torch.split(y, VALIDATION_ROWS), strict=True)
            return sum(score(network(features), targets).item() for features, targets in blocks) / len(x)

    return validate


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """Sum of the absolute errors; output and target (rows, 1)."""
    return (output - target).abs().sum()


def hits(output: Tensor, target: Tensor) -> Tensor:
    """Number of rows whose highest score (rows, classes) is that of their class (rows,)."""
    return (output.argmax(1) == target).sum()


def plain_network(network: nn.Module) -> nn.Sequential:
    """The layers of one of our networks in one plain row, as one would write them down; the parameters are shared."""
    wrappers = (nn.Sequential, nn.Identity)
    layers = [layer for layer in network.modules() if not list(layer.children()) and not isinstance(layer, wrappers)]
    first = next(place for place, layer in enumerate(layers) if isinstance(layer, nn.Linear))
    return nn.Sequential(*layers[:first], *([nn.Flatten()] if first else []), *layers[first:])


def adam(network: nn.Module, settings: Mapping[str, Any], *, switches: bool = False) -> torch.optim.Adam:
    """Adam with the numbers of `conf/optimizer/adam.yaml`, and how it is carried out left to torch.

    Args:
        network: Whose parameters it steps.
        settings: The configuration of the optimizer.
        switches: Whether to take over settings about how it is carried out as well, such as `fused`.
    """
    numbers = ("lr", "betas", "eps", "weight_decay", "amsgrad")
    ignored = ("_target_", "_partial_")
    chosen = {key: value for key, value in settings.items() if key in numbers or (switches and key not in ignored)}
    return torch.optim.Adam(network.parameters(), **chosen)
