from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from stacking import (
    assert_bits_do_not_depend_on_the_others,
    assert_is_torchs,
    assert_members_are_as_alone,
    randomized,
    stacked,
)
from torch import nn

from eksplora.errors import ConfigError
from eksplora.model._images import Conv2d
from eksplora.model._normalization import BatchNorm, GroupNorm, Normalization

MEMBERS = 3


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], tuple[int, ...]]] = {
    "batch norm of features": (lambda: BatchNorm(5), lambda: nn.BatchNorm1d(5), (6, 5)),
    "batch norm of images": (lambda: BatchNorm(2), lambda: nn.BatchNorm2d(2), (6, 2, 7, 5)),
    "group norm of features": (lambda: GroupNorm(3, 12), lambda: nn.GroupNorm(3, 12), (6, 12)),
    "group norm of images": (lambda: GroupNorm(2, 6), lambda: nn.GroupNorm(2, 6), (6, 6, 7, 5)),
    "group norm of channels": (lambda: GroupNorm(6, 6), lambda: nn.GroupNorm(6, 6), (6, 6, 3, 5)),
    "layer norm of features": (lambda: GroupNorm(1, 13), lambda: nn.LayerNorm(13), (6, 13)),
    "layer norm of images": (lambda: GroupNorm(1, 4), lambda: nn.GroupNorm(1, 4), (6, 4, 5, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_plain_layer_is_torchs(case: str) -> None:
    make, reference, shape = CASES[case]
    assert_is_torchs(randomized(make()), reference(), shape)


@pytest.mark.parametrize("case", CASES)
def test_members_stacked_give_what_each_gives_alone(case: str) -> None:
    make, _, shape = CASES[case]
    layers = [randomized(make()) for _ in range(MEMBERS)]
    for _ in range(2):
        assert_members_are_as_alone(layers, torch.randn(MEMBERS, *shape), len(shape))
        for layer in layers:
            layer.train()


@pytest.mark.parametrize("lies", ["channel by channel", "pixel by pixel"])
@pytest.mark.parametrize("case", CASES)
def test_a_members_bits_do_not_depend_on_the_others(case: str, lies: str) -> None:
    make, _, shape = CASES[case]
    layers = [randomized(make()) for _ in range(5)]
    x = torch.randn(5, *shape)
    if len(shape) == 4 and lies == "pixel by pixel":
        x = x.permute(1, 3, 4, 0, 2).contiguous().permute(3, 0, 4, 1, 2)
    assert_bits_do_not_depend_on_the_others(layers, x, len(shape))


@pytest.mark.parametrize("case", CASES)
def test_no_rows_give_no_rows(case: str) -> None:  # the last batch of an epoch may have none for a device
    make, _, (_, *shape) = CASES[case]
    assert make()(torch.zeros(0, *shape)).shape == (0, *shape)
    assert stacked([make(), make()])(torch.zeros(2, 0, *shape)).shape == (2, 0, *shape)


def test_group_norm_is_the_formula_row_by_row_and_group_by_group() -> None:
    layer, x = randomized(GroupNorm(2, 6)), torch.randn(4, 6, 3, 5)
    groups = x.view(4, 2, 3, 3, 5)
    mean = groups.mean((2, 3, 4), keepdim=True)
    deviation = (groups.var((2, 3, 4), correction=0, keepdim=True) + 1e-5).sqrt()
    weight, bias = (parameter.view(6, 1, 1) for parameter in layer.parameters())
    torch.testing.assert_close(layer(x), ((groups - mean) / deviation).view(x.shape) * weight + bias)


def test_rows_do_not_depend_on_each_other_in_group_norm() -> None:
    layer, x = randomized(GroupNorm(2, 6)), torch.randn(4, 6)
    assert torch.equal(layer(x)[:1], layer(x[:1]))


@pytest.mark.parametrize("layer", [BatchNorm(4), GroupNorm(2, 4)], ids=["batch", "group"])
def test_under_autocast_members_give_what_each_gives_alone(layer: nn.Module) -> None:
    layers = [nn.Sequential(Conv2d(2, 4, 3), randomized(layer)) for _ in range(MEMBERS)]
    together = nn.Sequential(*(stacked([layer[place] for layer in layers]) for place in range(2)))
    x = torch.randn(MEMBERS, 6, 2, 7, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = together(x)
        alone = torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)])
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in together.state_dict().values())
    torch.testing.assert_close(y, alone, rtol=0.02, atol=0.02)  # bf16 has 8 bits


# --- batch normalization -----------------------------------------------------------------------------------------


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


# --- which, and where --------------------------------------------------------------------------------------------


def test_layer_norm_is_one_group() -> None:
    (layer,) = Normalization.of("layer", "before", 8).layers(6, "model.widths[0]")
    assert isinstance(layer, GroupNorm)
    assert layer.groups == 1


def test_none_has_no_layer_and_replaces_no_bias() -> None:
    assert Normalization().layers(6, "model.widths[0]") == []
    assert not Normalization().replaces_bias


@pytest.mark.parametrize("name", ["batch", "group", "layer"])
def test_only_what_comes_right_after_a_map_replaces_its_bias(name: str) -> None:
    before = Normalization(name)
    assert before.replaces_bias
    assert not replace(before, place="after").replaces_bias


def test_groups_that_do_not_divide_name_key_and_layer() -> None:
    with pytest.raises(ConfigError, match=r"^model\.groups=8 does not divide model\.widths\[1\]=12\. Give a number"):
        Normalization("group").layers(12, "model.widths[1]")


@pytest.mark.parametrize(
    ("normalization", "features", "message"),
    [
        (Normalization("group"), 8, r"^model\.groups=8 leaves one number a group of model\.widths\[1\]=8, .* Choose"),
        (Normalization("layer"), 1, r"^model\.normalization=layer leaves one number a group of model\.widths\[1\]=1, "),
    ],
)
def test_a_group_of_one_number_is_refused(normalization: Normalization, features: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        normalization.layers(features, "model.widths[1]")
    assert normalization.layers(features, "model.filters[1]", pixels=2)


@pytest.mark.parametrize("value", ["batchnorm", None, True, ["batch"]])
def test_another_normalization_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.normalization=.* is unknown\. (Valid|Did you mean)"):
        Normalization.of(value, "before", 8)


def test_another_place_or_number_of_groups_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^model\.normalization_place=befor is unknown\. Did you mean 'before'\?$"):
        Normalization.of("batch", "befor", 8)
    with pytest.raises(ConfigError, match=r"^model\.groups must be a whole number of at least 1, got 0\. "):
        Normalization.of("group", "before", 0)
