import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from stacking import assert_members_are_as_alone, gradients, stacked
from torch import Tensor, nn

from eksplora.errors import ConfigError
from eksplora.model._activations import ACTIVATIONS
from eksplora.model._linear import Linear
from eksplora.model._members import BatchNorm, Conv2d, Dropout, MaxPool2d, mix64, unaware

MEMBERS = 3
WORD = 2**64 - 1


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def randomized(layer: nn.Module) -> nn.Module:
    """The layer with parameters that tell every place apart."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: Linear(5, 4), lambda: nn.Linear(5, 4), (6, 5)),
    "linear without bias": (lambda: Linear(5, 4, bias=False), lambda: nn.Linear(5, 4, bias=False), (6, 5)),
    "convolution": (lambda: Conv2d(2, 4, 3), lambda: nn.Conv2d(2, 4, 3), (6, 2, 7, 5)),
    "convolution, padded": (lambda: Conv2d(2, 4, 3, padding=1), lambda: nn.Conv2d(2, 4, 3, padding=1), (6, 2, 7, 5)),
    "convolution of one channel": (lambda: Conv2d(1, 4, 2), lambda: nn.Conv2d(1, 4, 2), (6, 1, 4, 5)),
    "convolution, no bias": (lambda: Conv2d(2, 4, 2, bias=False), lambda: nn.Conv2d(2, 4, 2, bias=False), (6, 2, 4, 5)),
    "pool": (lambda: MaxPool2d(2), lambda: nn.MaxPool2d(2), (6, 2, 7, 5)),
    "batch norm of features": (lambda: BatchNorm(5), lambda: nn.BatchNorm1d(5), (6, 5)),
    "batch norm of images": (lambda: BatchNorm(2), lambda: nn.BatchNorm2d(2), (6, 2, 7, 5)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plain_layer_is_torchs(case: str) -> None:
    make, reference, shape = CASES[case]
    ours, theirs = randomized(make()), reference()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    for _ in range(2):  # running statistics move at each call
        x = torch.randn(shape)
        for mine, other in zip(gradients(ours, x, x.dim()), gradients(theirs, x, x.dim()), strict=True):
            torch.testing.assert_close(mine, other)  # a convolution may add in another order
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


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


def test_running_statistics_are_moved_in_place() -> None:
    layer = stacked([BatchNorm(4), BatchNorm(4)])
    mean = layer.running_mean
    layer(torch.randn(2, 6, 4) + 5)
    assert mean is layer.running_mean
    assert bool((mean > 0.3).all())  # a tenth of the way to 5


def test_no_rows_leave_running_statistics_as_they_are() -> None:
    layer = BatchNorm(4)
    layer(torch.zeros(0, 4))
    assert layer.running_mean.tolist() == [0] * 4
    assert layer.running_var.tolist() == [1] * 4


def test_statistics_of_some_members_are_moved_where_they_lie() -> None:
    layer = stacked([BatchNorm(4) for _ in range(4)])
    views = {name: tensor[1:3] for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]}
    torch.func.functional_call(layer, views, (torch.randn(2, 6, 4) + 5,))
    assert (layer.running_mean > 0.3).all(dim=1).tolist() == [False, True, True, False]
    assert layer.num_batches_tracked.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("shape", [(1, 4), (2, 1, 4), (1, 4, 1, 1)])
def test_batch_norm_of_one_row_names_the_key_and_the_way_out(shape: tuple[int, ...]) -> None:
    layer = stacked([BatchNorm(4)] * 2) if len(shape) == 3 else BatchNorm(4)
    with pytest.raises(ConfigError, match=r"^model\.normalization=batch needs .* Choose data\.batch_size such that "):
        layer(torch.randn(shape))
    assert layer.eval()(torch.randn(shape)).shape == shape


def test_batch_norm_under_autocast_keeps_its_statistics_in_single_precision() -> None:
    layers = [nn.Sequential(Conv2d(2, 4, 3), BatchNorm(4)) for _ in range(MEMBERS)]
    together = nn.Sequential(*(stacked([layer[place] for layer in layers]) for place in range(2)))
    x = torch.randn(MEMBERS, 6, 2, 7, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = together(x)
        alone = torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)])
    assert together[1].running_mean.dtype == torch.float32
    torch.testing.assert_close(y, alone, rtol=0.02, atol=0.02)  # bf16 has 8 bits


# --- dropout -----------------------------------------------------------------------------------------------------


def reference_mix(z: int) -> int:
    """SplitMix64's mix64 in unbounded integers (Steele, Lea and Flood 2014; constants of variant 13)."""
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def reference_draw(key: int, position: int) -> int:
    """Draw number `position` (from 0) of SplitMix64 from the seed `key`."""
    return reference_mix((key + (position + 1) * 0x9E3779B97F4A7C15) & WORD)


def unsigned(values: Tensor) -> list[int]:
    return [value & WORD for value in values.flatten().tolist()]


def with_key(layer: Dropout, key: int) -> Dropout:
    layer.key = torch.tensor(key)
    return layer


def mask(rate: float, key: int, *shape: int) -> Tensor:
    """Which units a layer keeps."""
    return with_key(Dropout(rate), key)(torch.ones(shape)) != 0


def test_the_reference_gives_the_published_first_draws_from_seed_1234567() -> None:
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [reference_draw(1234567, position) for position in range(4)] == expected


@pytest.mark.parametrize("z", [0, 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 0x9E3779B97F4A7C15, 1234567])
def test_mix64_is_that_of_unbounded_integers(z: int) -> None:
    signed = torch.tensor([z - 2**64 if z >= 2**63 else z])
    kept = signed.clone()
    assert unsigned(mix64(signed)) == [reference_mix(z)]
    assert torch.equal(signed, kept)  # its input is not overwritten


def test_unit_i_is_kept_if_the_top_bits_of_draw_i_reach_the_rate() -> None:
    rate, key = 0.3, 2**62 + 12345
    expected = [reference_draw(key, position) >> 40 >= round(rate * 2**24) for position in range(24)]
    assert mask(rate, key, 4, 6).flatten().tolist() == expected
    assert mask(rate, key, 4, 2, 3).flatten().tolist() == expected


def test_kept_units_and_gradients_are_divided_by_what_is_kept() -> None:
    layer = with_key(Dropout(0.25), 7)
    x = torch.randn(16, 9, requires_grad=True)
    y = layer(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    kept = mask(0.25, 7, 16, 9)
    assert 0 < kept.sum() < kept.numel()
    torch.testing.assert_close(slope, kept / 0.75)
    torch.testing.assert_close(y, x * kept / 0.75)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_at_the_ends_keep_all_or_nothing(rate: float) -> None:
    x = torch.randn(50, 40, requires_grad=True)
    y = Dropout(rate)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y, x * (1 - rate))
    assert torch.equal(slope, torch.full_like(x, 1 - rate))


def test_dropout_is_off_in_evaluation_and_has_nothing_to_save() -> None:
    layer, x = Dropout(0.5), torch.randn(4, 5)
    assert layer.eval()(x) is x
    assert layer.state_dict() == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_precision_of_the_input_is_kept_and_does_not_change_the_mask(dtype: torch.dtype) -> None:
    y = with_key(Dropout(0.4), 3)(torch.ones(20, 30, dtype=dtype))
    assert y.dtype == dtype
    assert torch.equal(y != 0, mask(0.4, 3, 20, 30))


def test_members_drop_together_what_each_drops_alone_bit_for_bit() -> None:
    rates, keys, x = [0.1, 0.5, 1.0, 0.0], [5, -7, 2**62, 5], torch.randn(4, 8, 6)
    layers = [with_key(Dropout(rate), key) for rate, key in zip(rates, keys, strict=True)]
    together = stacked(layers)
    together.rate, together.key = torch.tensor(rates), torch.tensor(keys)
    assert torch.equal(together(x), torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)]))


@pytest.mark.parametrize("devices", [2, 3, 11])
def test_devices_that_divide_a_batch_draw_the_masks_of_their_rows(devices: int) -> None:
    whole, x = with_key(Dropout(0.5), 9), torch.randn(10, 4)
    for device in range(devices):
        part = with_key(Dropout(0.5), 9)
        part.first, part.every = device, devices
        assert torch.equal(part(x[device::devices]), whole(x)[device::devices])


def test_a_shorter_batch_has_the_same_masks_in_its_rows() -> None:
    layer, x = with_key(Dropout(0.5), 9), torch.randn(10, 4)
    assert torch.equal(layer(x)[:3], layer(x[:3]))
    assert torch.equal(layer(x)[:3], layer(x[:3]))  # again, from what it remembers of shapes


ROWS, UNITS = 1024, 1024  # 2**20 draws


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9])
def test_share_of_dropped_units_is_the_rate(rate: float) -> None:
    dropped = 1 - mask(rate, 20, ROWS, UNITS).double().mean().item()
    assert abs(dropped - rate) < 4 * math.sqrt(rate * (1 - rate) / (ROWS * UNITS))  # 4 standard deviations


def test_draws_fill_their_range_evenly() -> None:
    draws = mix64(torch.arange(1, 2**20 + 1) * (0x9E3779B97F4A7C15 - 2**64))
    counts = torch.bincount(draws >> 52 & 0xFFF, minlength=4096).double()  # by their top 12 bits
    expected = 2**20 / 4096
    chi_square = ((counts - expected) ** 2 / expected).sum().item()
    assert abs(chi_square - 4095) < 4 * math.sqrt(2 * 4095)  # mean and deviation of chi square with 4095 degrees
    uniform = (draws >> 40 & 0xFFFFFF).double() / 2**24
    assert abs(uniform.mean().item() - 0.5) < 4 * math.sqrt(1 / 12 / 2**20)
    assert abs(uniform.var().item() - 1 / 12) < 4 * math.sqrt(1 / 180 / 2**20)


def correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]).double())[0, 1])


def test_neighbouring_units_rows_and_keys_are_independent() -> None:
    first, second = mask(0.5, 20, ROWS, UNITS), mask(0.5, 21, ROWS, UNITS)
    steps = mix64(torch.tensor([5, 6]))  # keys as a trainer makes them: one of each step
    this_step, next_step = (mask(0.5, int(key), ROWS, UNITS) for key in steps)
    limit = 4 / math.sqrt(ROWS * UNITS)  # 4 standard deviations of the correlation of independent draws
    assert abs(correlation(first[:, 1:], first[:, :-1])) < limit
    assert abs(correlation(first[1:], first[:-1])) < limit
    assert abs(correlation(first, second)) < limit
    assert abs(correlation(this_step, next_step)) < limit
    assert abs(correlation(first[:, 1:], second[:, :-1])) < limit


def test_pairs_of_neighbours_come_in_all_combinations_alike() -> None:
    kept = mask(0.5, 3, ROWS, UNITS).flatten().view(-1, 4).long()  # four neighbours are one of 16 combinations
    counts = torch.bincount(kept @ torch.tensor([8, 4, 2, 1]), minlength=16).double()
    chi_square = ((counts - 2**14) ** 2 / 2**14).sum().item()
    assert abs(chi_square - 15) < 4 * math.sqrt(2 * 15)


# --- who knows members -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_our_layers_know_members(name: str) -> None:
    blocks = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), Conv2d(1, 2, 2), BatchNorm(2), MaxPool2d(2), ACTIVATIONS[name]())
    assert unaware(nn.ModuleList([blocks, Linear(2, 2), Dropout(0.5)])) == []


class Doubled(Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * F.linear(x, self.weight, self.bias)


def test_others_are_named_once_in_their_order() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), Doubled(2, 2), nn.Softmax(dim=0))
    assert unaware(network) == ["Linear", "BatchNorm1d", "Doubled", "Softmax"]
