from functools import partial
from typing import Any

import optimizers
import pytest
import small
import torch
from optimizers import DECAYING, NAMES, VARIANTS
from torch import nn

from eksplora.model.linear import Linear
from eksplora.training.stack import Stack, stacked

NETWORKS = pytest.mark.parametrize(
    "build",
    [small.mlp, partial(small.mlp, normalization="batch", dropout=0.3), partial(small.cnn, normalization="batch")],
    ids=["mlp", "mlp batch", "cnn batch"],
)


def networks(build: Any, count: int) -> list[nn.Module]:
    """Networks of different weights and buffers."""
    torch.manual_seed(0)
    made = [build() for _ in range(count)]
    for network in made:
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return made


def states(made: list[nn.Module]) -> list[dict[str, torch.Tensor]]:
    return [{name: value.clone() for name, value in network.state_dict().items()} for network in made]


def assert_same(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert state.keys() == other.keys()
    for name, value in other.items():
        assert torch.equal(state[name], value), name


# --- one member --------------------------------------------------------------------------------------------------


def trained(name: str, *, in_one: bool, **changes: Any) -> torch.Tensor:
    """All parameters after 30 steps."""
    torch.manual_seed(0)
    network = small.mlp()
    stack = Stack(network, 1) if in_one else None
    stepping = optimizers.optimizer(name, **changes)([stack.parameter] if stack else network.parameters())
    data = small.NUMBERS
    for _ in range(30):
        stack.zero_gradient() if stack else stepping.zero_grad()
        nn.functional.mse_loss(network(data.features), data.targets).backward()
        stepping.step()
    return small.flat(network.parameters())


def test_all_optimizers_are_looked_at() -> None:
    assert set(NAMES) >= {"adadelta", "adagrad", "adam", "adamax", "nadam", "rmsprop", "sgd"}


@pytest.mark.parametrize(("name", "changes"), VARIANTS + DECAYING, ids=str)
def test_one_matrix_is_stepped_as_a_tensor_per_layer_is(name: str, changes: dict[str, Any]) -> None:
    one, many = trained(name, in_one=True, **changes), trained(name, in_one=False, **changes)
    torch.manual_seed(0)
    assert not torch.equal(many, small.flat(small.mlp().parameters()))
    if optimizers.optimizer(name, **changes)([nn.Parameter(torch.ones(1))]).defaults.get("fused"):
        # The fused kernel rounds the few elements beyond its last full vector another way: one bit in a step.
        assert torch.allclose(one, many, rtol=1e-5, atol=1e-6)
    else:
        assert torch.equal(one, many)


def test_a_single_network_is_left_as_it_is() -> None:
    network = small.mlp()
    before = states([network])[0]
    assert stacked([network]) is network
    stack = Stack(network, 1)
    assert stack.parameter.shape == (1, 192)  # 184, and what is missing to a multiple of 64
    assert not stack.parameter[0, 184:].any()
    assert_same(stack.member(0), before)


def test_loading_a_state_keeps_the_views() -> None:
    network, other = small.mlp(), small.mlp()
    stack = Stack(network, 1)
    network.load_state_dict(other.state_dict())
    assert torch.equal(stack.parameter[0, :184], small.flat(other.parameters()))


def test_parameters_that_are_frozen_are_left_alone() -> None:
    network = small.mlp()
    frozen = next(network.parameters()).requires_grad_(False)
    before = frozen.clone()
    stack = Stack(network, 1)
    assert len(stack.parts) == len(list(network.parameters())) - 1
    stack.parameter.data.zero_()
    assert torch.equal(frozen, before)


# --- several members ---------------------------------------------------------------------------------------------


@NETWORKS
@pytest.mark.parametrize("count", [2, 5])
def test_members_are_their_networks_bit_for_bit(build: Any, count: int) -> None:
    made = networks(build, count)
    before = states(made)
    stack = Stack(stacked(made), count)
    for place, state in enumerate(before):
        assert_same(stack.member(place), state)


@pytest.mark.filterwarnings("ignore:grad and param do not obey")  # as `fit` does: they are views of columns
@NETWORKS
def test_parameters_and_gradients_are_views_of_two_matrices(build: Any) -> None:
    stack = Stack(stacked(networks(build, 3)), 3)
    fold = small.NUMBERS if hasattr(stack.network, "hidden") and not hasattr(stack.network, "blocks") else small.CLASSES
    stack.network(torch.stack([fold.features[:4]] * 3)).sum().backward()
    assert stack.gradient.abs().sum() > 0
    grads = torch.cat([part.grad.reshape(3, -1) for part in stack.parts], dim=1)
    assert torch.equal(stack.gradient[:, : grads.shape[1]], grads)
    assert stack.parameter.grad is stack.gradient
    stack.parameter.data.fill_(2.0)
    assert all((part == 2.0).all() for part in stack.parts)
    stack.zero_gradient()
    assert not any(part.grad.any() for part in stack.parts)


@NETWORKS
@pytest.mark.parametrize("places", [[0], [3], [1, 2], [0, 2, 3]])
def test_the_members_that_are_kept_keep_their_bits_and_the_matrix_shrinks(build: Any, places: list[int]) -> None:
    made = networks(build, 4)
    before = states(made)
    stack = Stack(stacked(made), 4)
    stack.gradient.fill_(1.0)
    stack.select(torch.tensor(places))
    assert stack.size == len(places)
    assert stack.parameter.shape == stack.gradient.shape == (len(places), stack.parameter.shape[1])
    assert not stack.gradient.any()
    for tensor in stack.network.state_dict().values():
        assert len(tensor) == len(places)
    for place, old in enumerate(places):
        assert_same(stack.member(place), before[old])
    stack.parameter.data.fill_(2.0)
    assert all((part == 2.0).all() for part in stack.network.parameters())


class Tied(nn.Module):
    """Two layers that share a weight, and one that does not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.fixed = Linear(3, 3), Linear(3, 3), Linear(3, 2)
        self.second.weight = self.first.weight
        self.fixed.requires_grad_(False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.fixed(self.second(self.first(rows)))  # type: ignore[no-any-return]


def test_a_weight_that_layers_share_stays_one_and_a_frozen_one_frozen() -> None:
    made, rows = networks(Tied, 3), torch.rand(3, 4, 3)
    before, alone = states(made), [network(own) for network, own in zip(made, rows, strict=True)]
    stack = Stack(stacked(made), 3)
    network = stack.network
    for kept in ([0, 1, 2], [0, 2]):
        stack.select(torch.tensor(kept))
        assert network.second.weight is network.first.weight
        assert len(stack.parts) == 3, "the shared weight and two biases"
        assert not network.fixed.weight.requires_grad
        torch.testing.assert_close(network(rows[kept]), torch.stack([alone[place] for place in kept]))
        for place, member in enumerate(kept):
            assert_same(stack.member(place), before[member])


@NETWORKS
def test_slices_are_views_of_some_members(build: Any) -> None:
    stack = Stack(stacked(networks(build, 4)), 4)
    slices = stack.slices(slice(1, 3))
    assert slices.keys() == dict([*stack.network.named_parameters(), *stack.network.named_buffers()]).keys()
    stack.parameter.data[1:3] = 7.0
    for name, parameter in stack.network.named_parameters():
        assert len(slices[name]) == 2
        assert (slices[name] == 7.0).all()
        assert slices[name].data_ptr() == parameter[1:3].data_ptr()


def test_a_member_is_a_copy() -> None:
    stack = Stack(stacked(networks(small.mlp, 2)), 2)
    state = stack.member(1)
    stack.parameter.data.zero_()
    assert all(value.any() for name, value in state.items() if name.endswith("weight"))
