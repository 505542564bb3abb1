"""Changes of gradients and weights in a step besides the optimizer's; nothing where no member asks for it."""

from collections.abc import Sequence
from math import inf

import torch
from torch import Tensor

from eksplora.training.clipping import Clipping, Limits
from eksplora.training.member import MemberState
from eksplora.training.regularization import Penalties, bound
from eksplora.training.stack import Stack


class Restrictions:
    """Penalties, clipping and bounds of a population's members, each with its own numbers."""

    def __init__(self, members: Sequence[MemberState], stack: Stack) -> None:
        """Gather what the members' recipes ask for; parts that no member asks for are left out."""
        self._stack, device = stack, stack.gradient.device
        asked = [member.recipe.regularization for member in members]
        has_penalty = any(one.l1 or one.l2 for one in asked)
        self._penalties = Penalties(asked, stack.is_weight()) if has_penalty else None
        clippings = [member.recipe.clipping for member in members]
        self._limits = Limits(clippings, device) if any(one != Clipping() for one in clippings) else None
        longest = [inf if one.max_norm is None else one.max_norm for one in asked]
        self._longest = torch.tensor(longest, device=device) if min(longest) < inf else None

    def change_gradient(self) -> None:
        """Before the optimizer's step: add the penalties' gradients, then clip."""
        if self._penalties is not None:
            self._penalties.add(self._stack.gradient, self._stack.parameter.data)
        if self._limits is not None:
            self._limits.clip(self._stack.gradient)

    def change_weights(self) -> None:
        """After it: scale the weights into each unit down to their longest."""
        if self._longest is not None:
            bound(self._stack.weights(), self._longest)

    def select(self, indices: Tensor) -> None:
        """Go on with the members with these indices."""
        for part in (self._penalties, self._limits):
            if part is not None:
                part.select(indices)
        self._longest = None if self._longest is None else self._longest[indices]
