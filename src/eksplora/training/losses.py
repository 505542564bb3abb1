"""The mean loss of each member of a population."""

from collections.abc import Sequence
from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model.activations import LANES

PLAIN_MEANS = (
    nn.MSELoss,
    nn.L1Loss,
    nn.HuberLoss,
    nn.SmoothL1Loss,
    nn.PoissonNLLLoss,
    nn.BCEWithLogitsLoss,
    nn.CrossEntropyLoss,
)
"""Losses of torch whose mean over a batch is the plain mean of what they give for each row or element; those of
`eksplora.loss` say so themselves."""


_CLASSES = "imbalance.class_weights"


class MemberLosses:
    """The losses of a population's members, in one call where they are alike.

    Calling it gives each member's mean loss over its own rows.
    """

    def __init__(
        self, losses: Sequence[nn.Module], class_weights: Tensor | None = None, *, has_weights: bool = False
    ) -> None:
        """One loss per member: (outputs, targets) -> mean over the rows.

        Args:
            losses: The losses.
            class_weights: What a row of each class counts in training, (members, classes); None: alike.
            has_weights: Whether rows have weights of their own.

        Raises:
            ConfigError: If rows are to count differently in a loss that is no mean over rows.
        """
        self._losses, self._class_weights = list(losses), class_weights
        first = losses[0]
        self._is_one = all(_alike(loss, first) for loss in losses[1:])
        self._by_row = _by_row(first) if self._is_one else None
        self._maps = self._is_one
        if (class_weights is not None or has_weights) and not all(map(_by_row, losses)):
            key, way_out = ("data: rows have weights", "another loss") if has_weights else (_CLASSES, "imbalance=none")
            raise ConfigError(f"{key}: {type(first).__name__} is no mean over rows. Choose {way_out}.")

    def __call__(self, outputs: Tensor, targets: Tensor, members: slice = slice(None)) -> Tensor:
        """Means over the rows, (members,).

        Args:
            outputs: (members, rows, num_outputs).
            targets: (members, rows, ...).
            members: Which members these are.
        """
        if len(outputs) == 1 and len(self._losses) == 1:
            alone: Tensor = self._losses[0](outputs[0], targets[0])
            return alone[None]
        if self._by_row is not None:
            # One call for all rows of all members, then the mean of each member's.
            count = outputs.shape[0] * outputs.shape[1]
            each: Tensor = self._by_row(_filled(outputs.flatten(0, 1)), _filled(targets.flatten(0, 1)))[:count]
            return each.view(len(outputs), -1).mean(1)
        if self._maps:
            # Equal losses whose mean is not plain: torch's own function, mapped over the members.
            try:
                together: Tensor = torch.vmap(self._losses[0])(outputs, targets)
                return together
            except RuntimeError:  # a loss of a user's own may look at values: at its first call and at every other
                self._maps = False
        own = [self._losses[0]] * len(outputs) if self._is_one else self._losses[members]
        triples = zip(own, outputs.unbind(), targets.unbind(), strict=True)
        return torch.stack([loss(output, target) for loss, output, target in triples])

    def weighted(
        self, outputs: Tensor, targets: Tensor, members: slice = slice(None), rows: Tensor | None = None
    ) -> Tensor:
        """Means over the rows, each with its weight and that of its class, as training wants them; else as calling.

        sum_i w_i loss_i / rows, as Keras' `class_weight` has it. torch's `CrossEntropyLoss(weight=...)` divides by
        sum_i w_i: weights then do nothing to a batch of one row, and parts of a batch on several devices do not add up.

        Args:
            outputs: (members, rows, num_outputs).
            targets: (members, rows, ...).
            members: Which members these are.
            rows: What each row counts, (members, rows), 1 on average; None: all alike.
        """
        weights = rows
        if self._class_weights is not None:
            of_class = self._class_weights[members].gather(1, targets.flatten(1).long())  # (members, rows)
            weights = of_class if rows is None else rows * of_class
        if weights is None:
            return self(outputs, targets, members)
        return (self._rows(outputs, targets, members) * weights).mean(1)

    def summed(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Sums over the rows of all members, each with its weight, (members,).

        Args:
            outputs: (members, rows, num_outputs).
            targets: (members, rows, ...).
            weights: (members, rows); 0 for a row that is none of the member's.
        """
        return (self._rows(outputs, targets, slice(None)).double() * weights).sum(1)

    def _rows(self, outputs: Tensor, targets: Tensor, members: slice) -> Tensor:
        """The loss of each row, (members, rows)."""
        num_members, rows = outputs.shape[:2]
        if self._by_row is None:
            losses = [loss for loss in map(_by_row, self._losses[members]) if loss is not None]
            triples = zip(losses, outputs.unbind(), targets.unbind(), strict=True)
            return torch.stack([loss(output, target).reshape(rows, -1).mean(1) for loss, output, target in triples])
        # `_filled` adds rows at the end, so that no row's loss depends on how many there are.
        by_row: Tensor = self._by_row(_filled(outputs.flatten(0, 1)), _filled(targets.flatten(0, 1)))
        return by_row[: num_members * rows].reshape(num_members, rows, -1).mean(2)

    def select(self, indices: Sequence[int]) -> None:
        """Go on with the members with these indices."""
        if self._class_weights is not None:
            self._class_weights = self._class_weights[list(indices)]
        if not self._is_one:
            self._losses = [self._losses[index] for index in indices]


def _filled(rows: Tensor) -> Tensor:
    """Rows up to a multiple of `LANES`, zeros at the end: what a vectorized loop leaves over, and rounds otherwise."""
    missing = -len(rows) % LANES
    return F.pad(rows, (0, 0) * (rows.dim() - 1) + (0, missing)) if missing else rows


def _alike(loss: nn.Module, other: nn.Module) -> bool:
    """Whether two losses compute the same."""
    return type(loss) is type(other) and _numbers(loss) == _numbers(other)


def _numbers(loss: nn.Module) -> str:
    """Settings and buffers of a loss, as text."""
    plain = {name: value for name, value in vars(loss).items() if not name.startswith("_")}
    return repr((plain, [(name, value.tolist()) for name, value in loss.state_dict().items()]))


def _by_row(loss: nn.Module) -> nn.Module | None:
    """The loss without its mean, where that mean is a plain one."""
    is_plain = type(loss) in PLAIN_MEANS or vars(type(loss)).get("is_plain_mean", False)
    if not is_plain or loss.reduction != "mean" or getattr(loss, "weight", None) is not None:
        return None
    by_row = copy(loss)
    vars(by_row)["reduction"] = "none"
    return by_row
