import math

import pytest
import torch
from stacking import stacked
from torch import Tensor, nn

from eksplora.draw import mix64
from eksplora.errors import ConfigError
from eksplora.model.activations import ACTIVATIONS, Activation
from eksplora.model.dropout import ALPHA, AlphaDropout, Dropout, dropouts

WORD = 2**64 - 1


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


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


# --- alpha dropout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_alpha_dropout_is_torchs_with_the_same_mask(rate: float) -> None:
    x = torch.randn(16, 9, requires_grad=True)
    torch.manual_seed(3)
    reference = nn.AlphaDropout(rate)(x)
    (slopes,) = torch.autograd.grad(reference.sum(), x, retain_graph=True)
    kept = slopes != 0  # what torch drew
    layer = AlphaDropout(rate)
    layer._keep = lambda x: kept  # type: ignore[method-assign]
    y = layer(x)
    torch.testing.assert_close(y, reference)
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], slopes)


def test_alpha_dropout_drops_what_dropout_drops_and_sets_it_as_the_paper_says() -> None:
    rate, x = 0.3, torch.randn(16, 9)
    layer = AlphaDropout(rate)
    layer.key = torch.tensor(7)
    kept = mask(rate, 7, 16, 9)
    scale = ((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5
    torch.testing.assert_close(layer(x), scale * torch.where(kept, x, -ALPHA) + scale * rate * ALPHA)


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate: float) -> None:
    x = torch.randn(ROWS, UNITS, generator=torch.Generator().manual_seed(1))
    layer = AlphaDropout(rate)
    y = layer(x)
    assert abs(y.mean().item()) < 5 / math.sqrt(ROWS * UNITS)  # the mean of 2^20 numbers of variance 1
    assert abs(y.var().item() - 1) < 0.01
    mean, second = (layer(torch.full((ROWS, UNITS), 0.7)) ** power for power in (1, 2))
    assert second.mean() > mean.mean() ** 2  # one number alone gets a variance


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_alpha_rates_at_the_ends_keep_all_or_nothing(rate: float) -> None:
    x = torch.randn(50, 40, requires_grad=True)
    y = AlphaDropout(rate)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y, x * (1 - rate))
    assert torch.equal(slope, torch.full_like(x, 1 - rate))


def test_alpha_dropout_is_off_in_evaluation_and_is_a_dropout_to_who_trains() -> None:
    layer, x = AlphaDropout(0.5), torch.randn(4, 5)
    assert layer.eval()(x) is x
    assert layer.state_dict() == {}
    assert isinstance(layer, Dropout)


def test_members_drop_together_by_alpha_what_each_drops_alone_bit_for_bit() -> None:
    rates, keys, x = [0.1, 0.5, 1.0, 0.0], [5, -7, 2**62, 5], torch.randn(4, 8, 6)
    layers = [AlphaDropout(rate) for rate in rates]
    for layer, key in zip(layers, keys, strict=True):
        layer.key = torch.tensor(key)
    together = stacked(layers)
    together.rate, together.key = torch.tensor(rates), torch.tensor(keys)
    assert torch.equal(together(x), torch.stack([layer(rows) for layer, rows in zip(layers, x, strict=True)]))


def test_precision_of_the_input_is_kept_by_alpha_dropout() -> None:
    assert AlphaDropout(0.5)(torch.ones(4, 5, dtype=torch.bfloat16)).dtype == torch.bfloat16


# --- which -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["standard", "alpha"])
def test_rate_zero_is_no_layer(kind: str) -> None:
    assert dropouts(0.0, kind, Activation("relu")) == []


def test_kinds_are_layers_of_their_own() -> None:
    assert [type(layer) for layer in dropouts(0.5, "standard", Activation("relu"))] == [Dropout]
    assert [type(layer) for layer in dropouts(0.5, "alpha", Activation("selu"))] == [AlphaDropout]


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"selu"}))
def test_alpha_dropout_after_another_function_than_selu_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^dropout\.kind=alpha does not go with activation={name}: .* Choose act"):
        dropouts(0.1, "alpha", Activation(name))
