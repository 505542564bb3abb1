"""The mean loss of each member of a population."""

from collections.abc import Sequence
from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.model._activations import LANES

PLAIN_MEANS = (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss)
"""Losses whose mean over a batch is the plain mean of what they give for each row or element."""


class MemberLosses:
    """The losses of a population's members, in one call where they are alike.

    Calling it gives each member's mean loss over its own rows.
    """

    def __init__(self, losses: Sequence[nn.Module]) -> None:
        """One loss per member: (outputs, targets) -> mean over the rows."""
        self._losses = list(losses)
        first = losses[0]
        self._is_one = all(_alike(loss, first) for loss in losses[1:])
        self._by_row = _by_row(first) if self._is_one else None

    def __call__(self, outputs: Tensor, targets: Tensor, places: slice = slice(None)) -> Tensor:
        """Means over the rows, (members,).

        Args:
            outputs: (members, rows, num_outputs).
            targets: (members, rows, ...).
            places: Which members these are.
        """
        if len(outputs) == 1 and len(self._losses) == 1:
            alone: Tensor = self._losses[0](outputs[0], targets[0])
            return alone[None]
        if self._by_row is not None:
            count = outputs.shape[0] * outputs.shape[1]
            each: Tensor = self._by_row(_filled(outputs.flatten(0, 1)), _filled(targets.flatten(0, 1)))[:count]
            return each.view(len(outputs), -1).mean(1)
        if self._is_one:
            together: Tensor = torch.vmap(self._losses[0])(outputs, targets)
            return together
        triples = zip(self._losses[places], outputs.unbind(), targets.unbind(), strict=True)
        return torch.stack([loss(output, target) for loss, output, target in triples])

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the members at these places."""
        if not self._is_one:
            self._losses = [self._losses[place] for place in places]


def _filled(rows: Tensor) -> Tensor:
    """Rows up to a multiple of `LANES`, zeros at the end: what a vectorized loop leaves over, and rounds otherwise."""
    missing = -len(rows) % LANES
    return F.pad(rows, (0, 0) * (rows.dim() - 1) + (0, missing)) if missing else rows


def _alike(loss: nn.Module, other: nn.Module) -> bool:
    """Whether two losses compute the same."""
    return type(loss) is type(other) and _numbers(loss) == _numbers(other)


def _numbers(loss: nn.Module) -> str:
    """What a loss computes with, as text."""
    plain = {name: value for name, value in vars(loss).items() if not name.startswith("_")}
    return repr((plain, [(name, value.tolist()) for name, value in loss.state_dict().items()]))


def _by_row(loss: nn.Module) -> nn.Module | None:
    """The loss without its mean, where that mean is a plain one."""
    if type(loss) not in PLAIN_MEANS or loss.reduction != "mean" or getattr(loss, "weight", None) is not None:
        return None
    by_row = copy(loss)
    vars(by_row)["reduction"] = "none"
    return by_row
