"""A recorded model's members as one network, for what asks all of them the same: explanations."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eksplora.model.members import unaware
from eksplora.model.offered import hidden_units
from eksplora.model.scaled import Scaled
from eksplora.training.stack import stacked


class Together(nn.Module):
    """Raw features (members, rows, ...) in, outputs (members, rows, num_outputs) in the targets' unit out.

    Members are computed in one pass where their layers know members, otherwise one by one.

    Attributes:
        size: Members.
        is_fused: Whether one pass computes all.
    """

    def __init__(self, networks: Sequence[Scaled]) -> None:
        """Take the members' networks, which stay as they are."""
        super().__init__()
        # Stacking takes parameters over, so copies: the ensemble goes on with its networks.
        own = [copy.deepcopy(network.network) for network in networks]
        self.size, self.is_fused = len(own), not unaware(own[0])
        self._networks = nn.ModuleList([stacked(own)] if self.is_fused else own)
        self._scaling = tuple(networks)
        self.eval()
        for parameter in self.parameters():
            parameter.requires_grad_(False)  # gradients are asked of the features

    def forward(self, features: Tensor) -> Tensor:
        """Outputs (members, rows, num_outputs)."""
        outputs = self._passed(self._scaled(features))
        return torch.stack([one.in_unit(own) for own, one in zip(outputs, self._scaling, strict=True)])

    def hidden(self, features: Tensor) -> Tensor:
        """Inputs of the last layer, (members, rows, units).

        Raises:
            ValueError: If a network has no layer with weights.
        """
        scaled = self._scaled(features)
        if self.is_fused and self.size > 1:
            return hidden_units(self._networks[0], scaled)
        # (rows, ...) of each
        found = [hidden_units(network, own) for network, own in zip(self._networks, scaled, strict=True)]
        return torch.stack([hidden.flatten(1) for hidden in found])

    def _scaled(self, features: Tensor) -> Tensor:
        each = zip(features, self._scaling, strict=True)
        return torch.stack([one.scaled(own) for own, one in each])

    def _passed(self, scaled: Tensor) -> Tensor:
        if self.is_fused and self.size > 1:
            # One stack of all members: layers compute (members, rows, ...) in one batched product.
            return self._networks[0](scaled)  # type: ignore[no-any-return]
        return torch.stack([network(own) for network, own in zip(self._networks, scaled, strict=True)])


def everyone(features: Tensor, size: int) -> Tensor:
    """The same features for each member: (members, rows, ...), without a copy."""
    return features.expand(size, *features.shape)
