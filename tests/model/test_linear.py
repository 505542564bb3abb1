from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
import torch
from stacking import assert_bits_do_not_depend_on_the_others, stacked
from torch import Tensor, nn
from torch.func import functional_call

from eksplora.model.linear import Linear, chain

WIDTHS = (13, 32, 7, 1)
MEMBERS = pytest.mark.parametrize("members", [None, 1, 2, 5])
LAYERS = pytest.mark.parametrize(
    "names",
    [("linear", "relu", "linear", "relu", "linear"), ("linear", "linear", "tanh", "linear"), ("relu", "linear")],
    ids=["mlp", "mixed", "relu first"],
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def layers(names: Sequence[str], members: int | None, *, bias: bool = True) -> list[nn.Module]:
    """Layers of one network, or of members of it."""
    sizes = pairwise(WIDTHS)
    made: list[nn.Module] = []
    for name in names:
        if name == "linear":
            size = next(sizes)
            single = [Linear(*size, bias=bias) for _ in range(members or 1)]
            made.append(single[0] if members is None else stacked(single))
        else:
            made.append({"relu": nn.ReLU, "tanh": nn.Tanh}[name]())
    return made


def inputs(made: Sequence[nn.Module], members: int | None, rows: int = 6) -> Tensor:
    return torch.randn(*(() if members is None else (members,)), rows, WIDTHS[0])


def parameters(made: Sequence[nn.Module]) -> list[nn.Parameter]:
    return [parameter for layer in made for parameter in layer.parameters()]


def overwrite(made: Sequence[nn.Module]) -> None:
    """Let the maps overwrite their gradients, which hold something else before."""
    for layer in made:
        if isinstance(layer, Linear):
            layer.overwrites = True
    for parameter in parameters(made):
        parameter.grad = torch.full_like(parameter, 7.0)


def gradients(made: Sequence[nn.Module], x: Tensor, *, chained: bool) -> Iterator[Tensor]:
    """The outputs, the gradient of x and those of all parameters of a loss that tells every output apart."""
    x = x.clone().requires_grad_()
    y = chain(made, x) if chained else nn.Sequential(*made)(x)
    (y * torch.linspace(1, 2, y.numel()).view(y.shape)).sum().backward()
    assert x.grad is not None
    yield from (y.detach(), x.grad)
    yield from (parameter.grad.clone() for parameter in parameters(made) if parameter.grad is not None)


@LAYERS
@MEMBERS
@pytest.mark.parametrize("bias", [True, False])
def test_a_chain_overwrites_what_autograd_would_give(names: Sequence[str], members: int | None, bias: bool) -> None:
    made = layers(names, members, bias=bias)
    x = inputs(made, members)
    expected = list(gradients(made, x, chained=False))
    overwrite(made)
    for chained in (True, True, False):  # again: nothing is added; layer by layer they overwrite too
        found = list(gradients(made, x, chained=chained))
        assert len(found) == len(expected) == 2 + len(parameters(made))
        for mine, other in zip(found, expected, strict=True):
            # The order of the sums in a product is the routine's own: a few units in the last place.
            torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_of_one_network_the_bits_are_autograds() -> None:
    made = layers(("linear", "relu", "linear", "relu", "linear"), None)
    x = inputs(made, None)
    expected = list(gradients(made, x, chained=False))
    overwrite(made)
    for mine, other in zip(gradients(made, x, chained=True), expected, strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("rows", [1, 6, 33])
def test_a_members_bits_do_not_depend_on_the_others(rows: int) -> None:
    def first(count: int) -> list[Tensor]:
        """What the first members of five give."""
        torch.manual_seed(0)
        made = layers(("linear", "relu", "linear", "relu", "linear"), 5)
        x = inputs(made, 5, rows)[:count].clone().requires_grad_()
        for parameter in parameters(made):
            parameter.data = parameter.data[:count].clone()
        overwrite(made)
        y = chain(made, x)
        (y * torch.linspace(1, 2, rows).view(rows, 1)).sum().backward()
        return [y.detach(), *(part.grad for part in (x, *parameters(made)) if part.grad is not None)]

    together = first(5)
    for count in (1, 2, 4):
        for mine, all_of_them in zip(first(count), together, strict=True):
            assert torch.equal(mine, all_of_them[:count])


def test_a_chain_in_bfloat16_rounds_where_autocast_does() -> None:
    made = layers(("linear", "relu", "linear", "relu", "linear"), None)
    x = inputs(made, None)
    with torch.autocast("cpu", torch.bfloat16):
        expected = list(gradients(made, x, chained=False))
        overwrite(made)
        found = list(gradients(made, x, chained=True))
    assert found[0].dtype == torch.bfloat16
    assert found[-1].dtype == torch.float32
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)


def test_gradients_of_some_members_only_are_added() -> None:
    made = layers(("linear", "relu", "linear", "relu", "linear"), 4)
    network = nn.Sequential(*made)
    x = inputs(made, 4)
    expected = list(gradients(made, x, chained=False))[2:]
    overwrite(made)
    for parameter in parameters(made):
        assert parameter.grad is not None
        parameter.grad.zero_()
    weights = torch.linspace(1, 2, 24).view(4, 6, 1)
    for places in (slice(0, 1), slice(1, 4)):
        own = {name: parameter[places] for name, parameter in network.named_parameters()}
        (functional_call(network, own, (x[places],)) * weights[places]).sum().backward()
    for parameter, other in zip(parameters(made), expected, strict=True):
        torch.testing.assert_close(parameter.grad, other, rtol=1e-5, atol=1e-6)


def test_without_gradients_a_chain_is_the_layers() -> None:
    made = layers(("linear", "relu", "linear"), None)
    x = inputs(made, None)
    overwrite(made)
    with torch.no_grad():
        y = chain(made, x)
    assert not y.requires_grad
    assert torch.equal(y, made[2](torch.relu(made[0](x))).detach())


@pytest.mark.parametrize("sizes", [(20, 7, 6), (13, 32, 6), (20, 7, 16), (64, 10, 6), (9, 3, 1)])
def test_the_member_that_is_left_has_the_bits_it_had_among_others(sizes: tuple[int, int, int]) -> None:
    inputs, outputs, rows = sizes
    made = [Linear(inputs, outputs) for _ in range(4)]
    assert_bits_do_not_depend_on_the_others(made, torch.randn(4, rows, inputs), 2)
