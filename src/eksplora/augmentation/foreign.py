"""An augmentation of a user's own, as a training calls those of eksplora."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from eksplora.errors import ConfigError


class OwnAugmentation:
    """Has a user's own function change the rows of one member at a time, with a generator that the step's key seeds.

    So its draws are a function of the member's seed and the step, as those of eksplora's.
    """

    can_be_captured = False

    def __init__(self, change: Callable[[Tensor, torch.Generator], Tensor]) -> None:
        """Wrap `change`: features (rows, ...) and a generator on their device -> features of the same shape."""
        self._change = change

    def __call__(self, x: Tensor, keys: Tensor, *, first: int = 0, every: int = 1) -> tuple[Tensor, None]:
        """The changed batch; no row is mixed with another's target. See `Augmentation`.

        Raises:
            ConfigError: If it gives back anything but features of the same shape and kind.
        """
        with torch.no_grad():
            seeds = (keys + first).tolist()
            generators = [torch.Generator(x.device).manual_seed(seed % 2**63) for seed in seeds]
            changed: list[Any] = [self._change(rows, own) for rows, own in zip(x, generators, strict=True)]
        for own in changed:
            if not isinstance(own, Tensor) or own.shape != x.shape[1:] or own.dtype != x.dtype:
                found = f"{own.dtype} of shape {list(own.shape)}" if isinstance(own, Tensor) else type(own).__name__
                raise ConfigError(
                    f"augmentation: {type(self._change).__name__} made {found} of {x.dtype} of shape "
                    f"{list(x.shape[1:])}. Return features of the same shape and kind."
                )
        return torch.stack(changed), None
