"""Many networks as one whose tensors have a leading member dimension, and what a network computes."""

import copy
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn


def each_with_some(names: Iterable[str], styles: Iterable[Any]) -> list[Any]:
    """All pairs, as parameters of a test; those beyond two or more of every name and every style are slow.

    The parts know nothing of each other, so nearly all that can fail fails with a name or a style, not with a pair.
    """
    first, second = list(names), list(styles)
    some = {(number % len(first), number % len(second)) for number in range(2 * max(len(first), len(second)))}
    return [
        pytest.param(name, style, marks=() if (row, column) in some else pytest.mark.slow)
        for (row, name), (column, style) in product(enumerate(first), enumerate(second))
    ]


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


def randomized(layer: nn.Module) -> nn.Module:
    """The layer with parameters that tell every place apart."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def assert_is_torchs(ours: nn.Module, theirs: nn.Module, shape: Sequence[int]) -> None:
    """Names, outputs, gradients and buffers of a layer of ours are those of torch's, in training and evaluation."""
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    for _ in range(2):  # running statistics move at each call
        x = torch.randn(*shape)
        for mine, other in zip(gradients(ours, x, x.dim()), gradients(theirs, x, x.dim()), strict=True):
            torch.testing.assert_close(mine, other)  # a convolution may add in another order
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def assert_bits_do_not_depend_on_the_others(networks: Sequence[nn.Module], x: Tensor, dims: int) -> None:
    """Outputs and gradients of the first one, two, ... of the networks are those among all of them, bit for bit."""
    whole = gradients(stacked(networks), x, dims)
    for count in range(1, len(networks)):
        for mine, all_of_them in zip(gradients(stacked(networks[:count]), x[:count], dims), whole, strict=True):
            assert torch.equal(mine, all_of_them[:count]), f"{count} of {len(networks)}"


def assert_members_stand_for_themselves(networks: Sequence[nn.Module], x: Tensor, dims: int) -> None:
    """Stacked, they compute what each computes alone, and a member's bits do not depend on the others.

    Alone and stacked are compared in double precision: routines differ, and normalization of few numbers enlarges that.
    """
    assert_members_are_as_alone([network.double() for network in networks], x.double(), dims)
    assert_bits_do_not_depend_on_the_others([network.float().train() for network in networks], x, dims)
