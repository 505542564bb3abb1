import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from stacking import (
    assert_bits_do_not_depend_on_the_others,
    assert_is_torchs,
    assert_members_are_as_alone,
    randomized,
    stacked,
)
from torch import Tensor, nn

from eksplora.model._images import AvgPool2d, Conv2d, MaxPool2d, averaged
from eksplora.model._normalization import BatchNorm
from eksplora.model.dropout import Dropout
from eksplora.model.linear import Linear

MEMBERS = 3


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: Linear(5, 4), lambda: nn.Linear(5, 4), (6, 5)),
    "linear without bias": (lambda: Linear(5, 4, bias=False), lambda: nn.Linear(5, 4, bias=False), (6, 5)),
    "convolution": (lambda: Conv2d(2, 4, 3), lambda: nn.Conv2d(2, 4, 3), (6, 2, 7, 5)),
    "convolution, padded": (lambda: Conv2d(2, 4, 3, padding=1), lambda: nn.Conv2d(2, 4, 3, padding=1), (6, 2, 7, 5)),
    "convolution of one channel": (lambda: Conv2d(1, 4, 2), lambda: nn.Conv2d(1, 4, 2), (6, 1, 4, 5)),
    "convolution, no bias": (lambda: Conv2d(2, 4, 2, bias=False), lambda: nn.Conv2d(2, 4, 2, bias=False), (6, 2, 4, 5)),
    "convolution, strided": (
        lambda: Conv2d(2, 4, 3, stride=2, padding=1),
        lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1),
        (6, 2, 7, 8),
    ),
    "pixel, strided": (lambda: Conv2d(2, 4, 1, stride=2), lambda: nn.Conv2d(2, 4, 1, stride=2), (6, 2, 7, 8)),
    "pool": (lambda: MaxPool2d(2), lambda: nn.MaxPool2d(2), (6, 2, 7, 5)),
    "average pool": (lambda: AvgPool2d(2), lambda: nn.AvgPool2d(2), (6, 2, 7, 5)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plain_layer_is_torchs(case: str) -> None:
    make, reference, shape = CASES[case]
    assert_is_torchs(randomized(make()), reference(), shape)


STRIDED = """
import torch
from eksplora.model._images import Conv2d
for _ in range(3000):
    layer, x = Conv2d(4, 6, 1, stride=2), torch.randn(16, 4, 8, 8, requires_grad=True)
    if {members}:
        layer.weight, layer.bias = (torch.nn.Parameter(torch.stack([part] * 2)) for part in layer.parameters())
        x = torch.randn(2, 16, 4, 8, 8, requires_grad=True)
    layer(x).square().sum().backward()
"""


@pytest.mark.slow
@pytest.mark.parametrize("members", [False, True])
def test_gradients_of_a_strided_projection_of_few_channels_leave_memory_as_it_was(members: bool) -> None:
    """In a process of its own: torch's write past a buffer's end, and it dies (oneDNN issue 6035)."""
    command = [sys.executable, "-c", STRIDED.format(members=members)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", CASES)
def test_members_stacked_give_what_each_gives_alone(case: str) -> None:
    make, _, shape = CASES[case]
    layers = [randomized(make()) for _ in range(MEMBERS)]
    for _ in range(2):
        assert_members_are_as_alone(layers, torch.randn(MEMBERS, *shape), len(shape))
        for layer in layers:
            layer.train()


@pytest.mark.parametrize("case", CASES)
def test_a_population_of_one_keeps_its_leading_dimension(case: str) -> None:
    make, _, shape = CASES[case]
    layer = randomized(make())
    together, x = stacked([layer]), torch.randn(1, *shape)
    torch.testing.assert_close(together(x), layer(x[0])[None])


@pytest.mark.parametrize("case", CASES)
def test_a_members_bits_do_not_depend_on_the_others(case: str) -> None:
    make, _, shape = CASES[case]
    layers = [randomized(make()) for _ in range(5)]
    assert_bits_do_not_depend_on_the_others(layers, torch.randn(5, *shape), len(shape))


@pytest.mark.parametrize("case", CASES)
def test_no_rows_give_no_rows(case: str) -> None:  # the last batch of an epoch may have none for a device
    make, _, (_, *shape) = CASES[case]
    layer, together = nn.Sequential(make(), Dropout(0.5)), stacked([nn.Sequential(make(), Dropout(0.5))] * 2)
    y = layer(torch.zeros(0, *shape))
    assert y.shape == (0, *layer(torch.zeros(2, *shape)).shape[1:])
    assert together(torch.zeros(2, 0, *shape)).shape == (2, *y.shape)


def test_parameters_may_be_views_of_one_matrix() -> None:
    layers = [randomized(nn.Sequential(Conv2d(2, 4, 3), BatchNorm(4))) for _ in range(MEMBERS)]
    together = nn.Sequential(*(stacked([layer[place] for layer in layers]) for place in range(2)))
    x = torch.randn(MEMBERS, 6, 2, 7, 5)
    expected = together(x)
    matrix = torch.cat([parameter.detach().flatten(1) for parameter in together.parameters()], dim=1)
    sizes = [parameter[0].numel() for parameter in together.parameters()]
    for parameter, values in zip(together.parameters(), matrix.split(sizes, dim=1), strict=True):
        parameter.data = values.view(parameter.shape)
    assert not next(together.parameters()).is_contiguous()
    assert torch.equal(together(x), expected)


def test_images_lie_pixel_by_pixel_from_the_first_convolution_on() -> None:
    block = nn.Sequential(Conv2d(1, 4, 3), BatchNorm(4), MaxPool2d(2), nn.ReLU(), Conv2d(4, 6, 2))
    together = stacked([block, block])
    x = torch.randn(2, 5, 1, 9, 9)
    assert block(x[0]).is_contiguous(memory_format=torch.channels_last)
    folded = together(x).transpose(0, 1).flatten(1, 2)
    assert folded.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("lead", [(6,), (3, 6)])
def test_averages_are_the_means_over_pixels_however_images_lie(lead: tuple[int, ...]) -> None:
    x = torch.randn(*lead, 5, 4, 3)
    torch.testing.assert_close(averaged(x), x.mean((-2, -1)))
    assert torch.equal(averaged(_laid_by_pixel(x)), averaged(x))


def _laid_by_pixel(x: Tensor) -> Tensor:
    return x.movedim(-3, -1).contiguous().movedim(-1, -3)
