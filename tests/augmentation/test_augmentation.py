"""What the whole does to a batch; its parts have tests of their own."""

from typing import Any

import pytest
import torch
import yaml
from scipy import stats
from torch import Tensor

from eksplora.augmentation import Augmentation
from eksplora.draw import mix64
from eksplora.errors import ConfigError
from eksplora.installation import CONF


def written(name: str) -> dict[str, Any]:
    """The keys of a file of `conf/augmentation/`."""
    keys = yaml.safe_load((CONF / "augmentation" / f"{name}.yaml").read_text())
    return {key: value for key, value in keys.items() if key != "defaults"}


NONE = written("none")
NAMES = sorted(file.stem for file in (CONF / "augmentation").glob("*.yaml"))


def augmentation(**changes: Any) -> Augmentation:
    return Augmentation(**NONE | changes)


EVERYTHING = augmentation(
    **written("standard"), vertical_flip=0.3, crop_fraction=0.7, erase_probability=0.5, cutmix_alpha=1.0
)
CASES = {name: augmentation(**written(name)) for name in NAMES} | {
    "everything": EVERYTHING,
    "crop and shift": augmentation(crop_fraction=0.5, shift_pixels=3),
    "mixup of the standard": augmentation(**written("standard"), mixup_alpha=0.4),
}


def keys(number: int) -> Tensor:
    return mix64(torch.arange(number))


def images(members: int, rows: int, channels: int = 1, height: int = 28, width: int = 28) -> Tensor:
    return torch.rand(members, rows, channels, height, width, generator=torch.Generator().manual_seed(0))


def ramps(rows: int, size: int) -> Tensor:
    """Images (1, rows, 2, size, size) whose channels tell a pixel's distance from the middle, right and down."""
    places = torch.arange(size) - (size - 1) / 2
    return torch.stack([places.expand(size, size), places[:, None].expand(size, size)]).expand(1, rows, 2, size, size)


def is_uniform(values: Tensor, low: float, high: float) -> bool:
    return bool(stats.kstest(values.flatten().double().numpy(), stats.uniform(low, high - low).cdf).pvalue > 0.01)


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizontal_flip": 1.5}, r"^augmentation\.horizontal_flip must be .*, got 1\.5\. Try .*=0\.5\.$"),
        ({"vertical_flip": -0.1}, r"^augmentation\.vertical_flip must be .*, got -0\.1\."),
        ({"rotation_degrees": 181}, r"^augmentation\.rotation_degrees must be .* at most 180, got 181\."),
        ({"shift_pixels": 1.5}, r"^augmentation\.shift_pixels must be a whole number of at least 0, got 1\.5\."),
        ({"crop_fraction": 0}, r"^augmentation\.crop_fraction must be .*, got 0\."),
        ({"erase_probability": 1.1}, r"^augmentation\.erase_probability must be .*, got 1\.1\."),
        ({"erase_fraction": 0.01}, r"^augmentation\.erase_fraction must be .* of at least 0\.02 .*, got 0\.01\."),
        ({"mixup_alpha": -1.0}, r"^augmentation\.mixup_alpha must be .*, got -1\.0\."),
        ({"cutmix_alpha": None}, r"^augmentation\.cutmix_alpha must be .*, got null\."),
        (
            {"mixup_alpha": 0.2, "cutmix_alpha": 1.0},
            r"mixup_alpha=0\.2 does not go with cutmix_alpha=1\.0: .*\. Set one of the two to 0\.0\.$",
        ),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        augmentation(**changes)


@pytest.mark.parametrize("key", [*NONE])
def test_usual_values_are_accepted(key: str) -> None:
    usual = Augmentation.__dataclass_fields__[key].metadata["range"].usual
    assert getattr(augmentation(**{key: usual}), key) == usual


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_but_none_is_active_and_all_but_mixup_are_for_images(name: str) -> None:
    assert CASES[name].is_active == (name != "none")
    assert CASES[name].needs_images == (name not in ("none", "mixup"))


@pytest.mark.parametrize("key", [key for key in NONE if key != "erase_fraction"])
def test_each_key_alone_makes_it_active(key: str) -> None:
    on = augmentation(**{key: 0.5 if key == "crop_fraction" else 1})
    assert on.is_active
    assert on.needs_images == (key != "mixup_alpha")


def test_what_is_off_changes_nothing_and_copies_nothing() -> None:
    x = images(2, 3)
    result, share = augmentation(erase_fraction=0.5)(x, keys(2))
    assert result is x
    assert share is None


def test_equal_ones_are_equal_whatever_they_were_used_for() -> None:
    used, fresh = augmentation(mixup_alpha=0.3), augmentation(mixup_alpha=0.3)
    used(images(1, 2), keys(1))
    assert used == fresh
    assert hash(used) == hash(fresh)


# --- a row's draws are its own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("rows", "channels", "height", "width"), [(7, 1, 28, 28), (5, 3, 9, 5), (1, 2, 3, 7), (33, 1, 8, 8)]
)
def test_a_members_bits_are_those_it_has_alone(name: str, rows: int, channels: int, height: int, width: int) -> None:
    x, seeds = images(5, rows, channels, height, width), keys(5)
    result, share = CASES[name](x, seeds)
    for member in range(5):
        own = slice(member, member + 1)
        alone, alone_share = CASES[name](x[own].clone(), seeds[own])
        assert torch.equal(result[own], alone)
        assert (share is None) == (alone_share is None)
        assert share is None or alone_share is None or torch.equal(share[own], alone_share)


@pytest.mark.parametrize("features", [1, 13, 64])
def test_a_members_bits_are_those_it_has_alone_in_a_table(features: int) -> None:
    x, seeds = torch.randn(5, 11, features, generator=torch.Generator().manual_seed(0)), keys(5)
    result, _ = augmentation(mixup_alpha=0.3)(x, seeds)
    assert all(
        torch.equal(result[m : m + 1], augmentation(mixup_alpha=0.3)(x[m : m + 1].clone(), seeds[m : m + 1])[0])
        for m in range(5)
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.mixup_alpha + case.cutmix_alpha])
def test_the_rows_of_a_divided_batch_are_those_of_the_whole(name: str) -> None:
    x, seeds = images(2, 11), keys(2)
    whole, _ = CASES[name](x, seeds)
    for rank in range(3):
        here, _ = CASES[name](x[:, rank::3], seeds, first=rank, every=3)
        assert torch.equal(here, whole[:, rank::3])


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_divided_batch_has_the_share_of_the_whole(name: str) -> None:
    x, seeds = images(4, 10), keys(4)
    (_, whole), (_, here) = CASES[name](x, seeds), CASES[name](x[:, 1::2], seeds, first=1, every=2)
    assert whole is not None
    assert here is not None
    assert torch.equal(whole, here)


def test_a_device_without_rows_has_nothing_to_do() -> None:
    assert EVERYTHING(images(3, 0), keys(3))[0].shape == (3, 0, 1, 28, 28)


def test_one_kind_draws_the_same_whatever_else_is_on() -> None:
    x, both = images(1, 50), augmentation(horizontal_flip=0.5, shift_pixels=2)
    flipped, _ = augmentation(horizontal_flip=0.5)(x, keys(1))
    assert torch.equal(both(x, keys(1))[0], augmentation(shift_pixels=2)(flipped, keys(1))[0])


@pytest.mark.parametrize("name", [name for name in CASES if name != "none"])
def test_another_key_is_another_batch_and_the_given_one_stays(name: str) -> None:
    x = images(1, 20)
    kept = x.clone()
    assert not torch.equal(CASES[name](x, keys(1))[0], CASES[name](x, keys(2)[1:])[0])
    assert torch.equal(x, kept)


@pytest.mark.parametrize("name", CASES)
def test_no_number_of_a_batch_decides_on_an_operation(name: str) -> None:
    x = torch.empty(2, 6, 3, 8, 8, device="meta")  # holds no numbers: whoever asks for one is refused
    result, _ = CASES[name](x, torch.empty(2, dtype=torch.int64, device="meta"))
    assert result.shape == x.shape


# --- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "dim"), [("horizontal_flip", -1), ("vertical_flip", -2)])
def test_the_asked_share_of_the_images_is_mirrored(key: str, dim: int) -> None:
    x = images(1, 2000, height=3, width=3)
    result, _ = augmentation(**{key: 0.3})(x, keys(1))
    is_mirrored, is_kept = ((result == one).flatten(2).all(2) for one in (x.flip(dim), x))
    assert (is_mirrored ^ is_kept).all()
    assert stats.binomtest(int(is_mirrored.sum()), 2000, 0.3).pvalue > 0.01
    assert torch.equal(augmentation(**{key: 1.0})(x, keys(1))[0], x.flip(dim))


def test_all_shifts_are_equally_likely() -> None:
    x = torch.zeros(1, 5000, 1, 7, 7)
    x[..., 3, 3] = 1
    result, _ = augmentation(shift_pixels=2)(x, keys(1))
    seen = result.sum((0, 1, 2))
    assert seen[1:6, 1:6].sum() == seen.sum() == 5000
    assert stats.chisquare(seen[1:6, 1:6].flatten().numpy()).pvalue > 0.01


def test_angles_are_uniform() -> None:
    result, _ = augmentation(rotation_degrees=40.0)(ramps(4000, 9), keys(1))
    columns = result[0, :, 0]  # where a pixel comes from: cos * right - sin * down
    cosine, sine = columns[:, 4, 5] - columns[:, 4, 4], columns[:, 4, 4] - columns[:, 5, 4]
    torch.testing.assert_close(cosine.square() + sine.square(), torch.ones(4000), rtol=0, atol=1e-5)
    assert is_uniform(torch.rad2deg(torch.atan2(sine, cosine)), -40, 40)


def test_sides_and_places_of_parts_are_uniform() -> None:
    result, _ = augmentation(crop_fraction=0.6)(ramps(4000, 16), keys(1))
    middle, side = result[0, :, :, 7:9, 7:9].mean((2, 3)), result[0, :, 0, 8, 8] - result[0, :, 0, 8, 7]
    torch.testing.assert_close(side, result[0, :, 1, 8, 8] - result[0, :, 1, 7, 8], rtol=0, atol=1e-5)  # a square
    assert is_uniform(side, 0.6, 1)
    for place in middle.T / (16 * (1 - side)):
        assert is_uniform(place, -0.5, 0.5)


def test_a_rectangle_of_the_asked_share_of_the_images_becomes_zeros() -> None:
    x = images(1, 2000, channels=2, height=20, width=24) + 1
    result, _ = augmentation(erase_probability=0.4, erase_fraction=0.25)(x, keys(1))
    hole = result[0] == 0
    assert torch.equal(result[0], torch.where(hole, 0.0, x[0]))
    assert torch.equal(hole[:, 0], hole[:, 1])
    rows, columns = hole[:, 0].any(2), hole[:, 0].any(1)
    assert torch.equal(hole[:, 0], rows[:, :, None] & columns[:, None, :])
    for ends in (rows, columns):
        assert (ends.int().diff(dim=1).abs().sum(1) <= 2).all()  # in one piece
    area = hole[:, 0].sum((1, 2)) / (20 * 24)
    assert stats.binomtest(int((area > 0).sum()), 2000, 0.4).pvalue > 0.01
    assert is_uniform(area[area > 0], 0.02, 0.25)


def test_erased_images_hold_no_numbers_that_were_not_numbers() -> None:
    x = torch.full((1, 50, 1, 10, 10), float("nan"))
    assert not augmentation(erase_probability=1.0, erase_fraction=1.0)(x, keys(1))[0].isnan().all()


# --- mixing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_of_mixup_are_from_beta_one_per_member(alpha: float) -> None:
    x = torch.arange(6.0).view(1, 3, 2).expand(3000, 3, 2)
    result, share = augmentation(mixup_alpha=alpha)(x, keys(3000))
    assert share is not None
    assert share.shape == (3000,)
    torch.testing.assert_close(result, share[:, None, None] * x + (1 - share)[:, None, None] * x.flip(1))
    assert stats.kstest(share.double().numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_the_share_of_cutmix_is_the_area_that_is_a_rows_own() -> None:
    x = torch.arange(4.0).view(1, 4, 1, 1, 1).expand(500, 4, 3, 12, 10)
    result, share = augmentation(cutmix_alpha=1.0)(x, keys(500))
    assert share is not None
    is_own = result == x
    assert torch.equal(result, torch.where(is_own, x, x.flip(1)))
    torch.testing.assert_close(is_own.float().mean((2, 3, 4)), share[:, None].expand(500, 4))
    assert 0 <= share.min() < 0.4 < 0.95 < share.max() <= 1


def test_rows_are_mixed_as_they_are_after_geometry_and_erasing() -> None:
    x, first = images(2, 9), {"rotation_degrees": 20.0, "erase_probability": 0.5}
    result, share = augmentation(**first, mixup_alpha=0.4)(x, keys(2))
    moved, _ = augmentation(**first)(x, keys(2))
    expected, alone = augmentation(mixup_alpha=0.4)(moved, keys(2))
    assert torch.equal(result, expected)
    assert share is not None
    assert alone is not None
    assert torch.equal(share, alone)


# --- on a GPU --------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in CASES if name != "none"])
def test_on_a_gpu_a_captured_graph_gives_what_the_cpu_gives(name: str) -> None:
    x, seeds = images(2, 32), keys(2)
    own, key = x.cuda(), seeds.cuda()
    with torch.cuda.stream(torch.cuda.Stream()):
        CASES[name](own, key)  # tables are made and kernels chosen
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result, _ = CASES[name](own, key)
    key.copy_(seeds.flip(0))
    graph.replay()
    torch.testing.assert_close(result.cpu(), CASES[name](x, seeds.flip(0))[0], rtol=0, atol=1e-4)
