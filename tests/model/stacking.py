"""Many networks as one whose tensors have a leading member dimension, and what a network computes."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def stacked(networks: Sequence[nn.Module]) -> nn.Module:
    """One network, or layer, that computes all of these."""
    template = copy.deepcopy(networks[0])
    for modules in zip(template.modules(), *(network.modules() for network in networks), strict=True):
        first, *others = modules
        for name, parameter in list(first._parameters.items()):
            if parameter is not None:
                parts = [module.get_parameter(name).detach() for module in others]
                setattr(first, name, nn.Parameter(torch.stack(parts)))
        for name in first._buffers:
            setattr(first, name, torch.stack([module.get_buffer(name) for module in others]))
    return template


def gradients(network: nn.Module, x: Tensor, dims: int) -> list[Tensor]:
    """The output, and the gradients of x and the parameters under a loss that tells a member's outputs apart.

    A member's outputs are the last `dims` dimensions.
    """
    x = x.clone().requires_grad_()
    y = network(x)
    member = y.shape[y.dim() - dims :]
    loss = (y * torch.linspace(-1, 1, member.numel(), dtype=y.dtype).view(member)).sum()
    return [y, *torch.autograd.grad(loss, [x, *network.parameters()])]


def assert_members_are_as_alone(networks: Sequence[nn.Module], x: Tensor, dims: int) -> None:
    """Outputs, gradients and buffers of networks stacked are those of each; x is (members, rows, ...)."""
    together = stacked(networks)
    values = gradients(together, x, dims)
    alone = [gradients(network, rows, dims) for network, rows in zip(networks, x, strict=True)]
    for value, *parts in zip(values, *alone, strict=True):
        torch.testing.assert_close(value, torch.stack(parts))
    for name, value in together.state_dict().items():
        torch.testing.assert_close(value, torch.stack([network.state_dict()[name] for network in networks]))
    parts = [network.eval()(rows) for network, rows in zip(networks, x, strict=True)]
    torch.testing.assert_close(together.eval()(x), torch.stack(parts))
