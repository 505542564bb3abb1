from math import cos, radians, sin

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from eksplora.augmentation._geometry import centered, cropped, mirrored, resampled, shifted, turns

CPU = torch.device("cpu")


def images(members: int, rows: int, height: int, width: int, channels: int = 2) -> Tensor:
    return torch.randn(members, rows, channels, height, width, generator=torch.Generator().manual_seed(0))


def turned(x: Tensor, degrees: float) -> Tensor:
    """All images turned by one angle."""
    angle = torch.tensor([cos(radians(degrees)), sin(radians(degrees))])
    turn = angle.view(2, 1, 1).expand(2, *x.shape[:2])
    return resampled(x, centered(x.shape[-1], CPU), centered(x.shape[-2], CPU), turn)


@pytest.mark.parametrize("dim", [-1, -2])
def test_the_chosen_images_are_mirrored_and_no_others(dim: int) -> None:
    x, chosen = images(2, 3, 4, 5), torch.tensor([[True, False, True], [False, False, True]])
    expected = x.clone()
    for member, row in chosen.nonzero().tolist():
        expected[member, row] = torch.from_numpy(np.flip(x[member, row].numpy(), dim).copy())
    assert torch.equal(mirrored(x, chosen, dim), expected)


def test_shifted_images_are_those_of_numpy_with_zeros_where_they_left() -> None:
    x, most = images(1, 25, 4, 7), 2
    right, down = (
        part.reshape(1, 25) for part in torch.meshgrid(torch.arange(-2, 3), torch.arange(-2, 3), indexing="ij")
    )
    for row, moved in enumerate(shifted(x, right, down, most=most)[0]):
        to_right, to_bottom = int(right[0, row]), int(down[0, row])
        expected = np.roll(x[0, row].numpy(), (to_bottom, to_right), (-2, -1))
        expected[:, : max(to_bottom, 0)] = expected[:, 4 + min(to_bottom, 0) :] = 0
        expected[:, :, : max(to_right, 0)] = expected[:, :, 7 + min(to_right, 0) :] = 0
        assert torch.equal(moved, torch.from_numpy(expected))


def test_a_shift_beyond_the_image_leaves_nothing() -> None:
    gone = shifted(images(1, 2, 3, 3), torch.tensor([[5, -3]]), torch.tensor([[0, 1]]), most=5)
    assert not gone.any()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [6, 7])
def test_quarter_turns_of_squares_are_torchs(quarters: int, size: int) -> None:
    x = images(2, 3, size, size)
    torch.testing.assert_close(turned(x, 90 * quarters), torch.rot90(x, quarters, (-2, -1)), rtol=0, atol=1e-5)


def test_a_quarter_turn_of_an_oblong_keeps_the_middle_and_the_form_of_pixels() -> None:
    x = images(1, 2, 4, 6)
    expected = F.pad(torch.rot90(x, 1, (-2, -1))[..., 1:5, :], (1, 1))
    torch.testing.assert_close(turned(x, 90), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("degrees", [-170.0, -30.0, 12.5, 45.0])
def test_turned_images_are_scipys(degrees: float) -> None:
    x = images(1, 1, 9, 12, channels=1)
    expected = ndimage.rotate(
        x[0, 0, 0].double().numpy(), degrees, reshape=False, order=1, mode="grid-constant", cval=0.0, prefilter=False
    )
    torch.testing.assert_close(turned(x, degrees)[0, 0, 0].double(), torch.from_numpy(expected), rtol=0, atol=1e-5)


def test_angles_are_spread_evenly_between_the_ends() -> None:
    draws = torch.linspace(0, 1 - 2**-12, 1000)
    cosine, sine = turns(170.0)(draws)
    angle = torch.deg2rad(170 * (2 * draws.double() - 1))
    torch.testing.assert_close(cosine.double(), angle.cos(), rtol=0, atol=2e-6)
    torch.testing.assert_close(sine.double(), angle.sin(), rtol=0, atol=2e-6)


def part(x: Tensor, side: float, down: float, right: float) -> Tensor:
    """The same part of all images, as large as the whole."""
    (height, width), each = x.shape[-2:], torch.ones(x.shape[:2])
    return resampled(x, cropped(width, side * each, right * each), cropped(height, side * each, down * each), None)


def test_a_part_is_stretched_as_torch_interpolates_it() -> None:
    x = images(2, 3, 12, 18)
    expected = F.interpolate(x[..., 2:8, 6:15].flatten(0, 1), size=(12, 18), mode="bilinear").view(x.shape)
    inner = (..., slice(1, -1), slice(1, -1))  # at its ends a part's neighbours in the image are seen
    torch.testing.assert_close(part(x, 0.5, 1 / 3, 2 / 3)[inner], expected[inner], rtol=0, atol=1e-5)


def test_at_the_end_of_an_image_the_last_pixels_go_on() -> None:
    x = images(1, 2, 12, 12)
    for place, rows, seen in ((0, slice(None, 6), slice(None, -1)), (1, slice(6, None), slice(1, None))):
        expected = F.interpolate(x[0, ..., rows, rows], size=(12, 12), mode="bilinear")[None]
        torch.testing.assert_close(part(x, 0.5, place, place)[..., seen, seen], expected[..., seen, seen])


def test_the_whole_image_is_a_part_of_itself() -> None:
    x = images(1, 2, 11, 8)
    torch.testing.assert_close(part(x, 1.0, 0.7, 0.2), x, rtol=0, atol=1e-5)


def test_a_turned_image_is_shifted_after_it_is_turned() -> None:
    x, right, down = images(1, 3, 8, 8), torch.tensor([[2, 0, -1]]), torch.tensor([[1, -2, 0]])
    columns, rows = centered(8, CPU) - right[..., None], centered(8, CPU) - down[..., None]
    quarter = torch.tensor([0.0, 1.0]).view(2, 1, 1).expand(2, 1, 3)
    expected = shifted(torch.rot90(x, 1, (-2, -1)), right, down, most=2)
    torch.testing.assert_close(resampled(x, columns, rows, quarter), expected, rtol=0, atol=1e-5)
