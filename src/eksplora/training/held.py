"""The rows of a population's members on their device, and the unit of their targets."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eksplora.training.member import MemberState

MOST_JOINED_BYTES = 64 << 20
"""Size of the features of several folds up to which they are joined: a batch is then one indexing operation."""


class HeldRows:
    """Features and targets of all members; those of equal folds once: a batch is one indexing operation.

    Everywhere `members` is a slice of the population; None: all.

    Attributes:
        targets: As the task hands them to the loss, but in the unit in which they are stored, (rows, ...).
    """

    def __init__(self, members: Sequence[MemberState], device: torch.device) -> None:
        """Bring the rows of the members' folds to the device."""
        folds = [member.fold for member in members]
        # Folds that are scaled alike share one tensor; kfold scales each fold by its own rows.
        sources = list({id(fold.features): fold.features for fold in folds}.values())
        numbers = {id(source): number for number, source in enumerate(sources)}
        self._num_rows = len(sources[0])
        # (members, 1): where a member's source begins in the features of all sources.
        offsets = [[numbers[id(fold.features)] * self._num_rows] for fold in folds]
        self._offsets = torch.tensor(offsets, device=device)
        # Large sources stay apart: each may be a file that several processes map, and together they would be a copy.
        is_large = device.type == "cpu" and sum(source.nbytes for source in sources) > MOST_JOINED_BYTES
        self._is_joined = len(sources) > 1 and not is_large
        self._sources = [torch.cat(sources).to(device)] if self._is_joined else [one.to(device) for one in sources]
        self.targets = members[0].recipe.task.target(folds[0].targets).to(device)
        weights = folds[0].weights
        self._weights = None if weights is None else weights.to(device)
        self._factors = torch.tensor([[fold.weight_factor] for fold in folds], device=device)  # (members, 1)
        self._scales_targets = any(fold.scales_targets for fold in folds)
        self._has_log = any(fold.is_target_log for fold in folds)
        self._is_log = torch.tensor([fold.is_target_log for fold in folds], device=device)[:, None, None]
        self._shift, self._scale = (
            _of_members([getattr(fold, name) for fold in folds]).to(device) for name in ("target_shift", "target_scale")
        )

    def features(self, rows: Tensor, members: slice | None) -> Tensor:
        """Features (members, rows, ...) of row numbers (members, rows)."""
        if not (self._is_joined or len(self._sources) > 1):
            return self._sources[0][rows]  # (members, rows, ...)
        offsets = self._offsets if members is None else self._offsets[members]
        if self._is_joined:
            return self._sources[0][rows + offsets]
        sources = [self._sources[number] for number in (offsets.flatten() // self._num_rows).tolist()]
        return torch.stack([source[own] for source, own in zip(sources, rows, strict=True)])

    @property
    def has_weights(self) -> bool:
        """Whether rows count differently."""
        return self._weights is not None

    def weights(self, rows: Tensor, members: slice | None) -> Tensor | None:
        """Weights of row numbers (members, rows), their mean over each member's rows to learn from 1; None: all 1."""
        if self._weights is None:
            return None
        return self._weights[rows] * (self._factors if members is None else self._factors[members])

    def for_loss(self, target: Tensor, members: slice | None) -> Tensor:
        """Targets (members, rows, targets) as the loss sees them."""
        if not self._scales_targets:
            return target
        chosen = slice(None) if members is None else members
        if self._has_log:
            target = torch.where(self._is_log[chosen], target.log1p(), target)
        return (target - self._shift[chosen]) / self._scale[chosen]

    def in_unit(self, output: Tensor, members: slice | None) -> Tensor:
        """Outputs (members, rows, num_outputs) in the unit of the stored targets."""
        if not self._scales_targets:
            return output
        chosen = slice(None) if members is None else members
        numbers = output * self._scale[chosen] + self._shift[chosen]
        return torch.where(self._is_log[chosen], numbers.expm1(), numbers) if self._has_log else numbers

    def select(self, indices: Tensor) -> None:
        """Go on with the members with these indices."""
        self._offsets = self._offsets[indices]
        self._shift, self._scale = self._shift[indices], self._scale[indices]
        self._is_log, self._factors = self._is_log[indices], self._factors[indices]


def _of_members(numbers: Sequence[NDArray[np.float64]]) -> Tensor:
    """Shifts or scales of each member's targets, (members, 1, 1 or targets)."""
    return torch.from_numpy(np.stack([np.atleast_1d(each) for each in numbers])).float()[:, None]
