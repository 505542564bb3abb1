import numpy as np
import pytest
import torch
from linear_members import Linear
from torch import Tensor

from eksplora.explain.overlay import gradient_overlay, occlusion_overlay, window_of


def images(rows: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(rows, channels, height, width, generator=generator, dtype=torch.float64)


def scaled(values: np.ndarray) -> np.ndarray:
    return values / np.abs(values).max(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize(("members", "channels"), [(1, 1), (3, 1), (2, 3)])
def test_gradients_of_a_linear_model_are_mean_weight_times_pixel(members: int, channels: int) -> None:
    shown, networks = images(2, channels, 6, 5), Linear(members, channels * 30, num_outputs=4)
    found = gradient_overlay(
        networks, shown, torch.zeros(channels, 6, 5), torch.tensor([1, 3]), members=members, steps=4
    )
    weight = networks.weight.mean(0).T[[1, 3]].view(2, channels, 6, 5)
    np.testing.assert_allclose(found, scaled((weight * shown).sum(1).numpy()), atol=1e-6)


def test_occlusion_with_windows_of_a_pixel_is_mean_weight_times_pixel() -> None:
    shown, networks = images(2, 3, 6, 5), Linear(2, 90, num_outputs=4)
    found = occlusion_overlay(networks, shown, torch.zeros(3, 6, 5), torch.tensor([1, 3]), members=2, window=1)
    weight = networks.weight.mean(0).T[[1, 3]].view(2, 3, 6, 5)
    np.testing.assert_allclose(found, scaled((weight * shown).sum(1).numpy()), atol=1e-5)


def test_occlusion_is_the_mean_over_the_windows_of_a_pixel() -> None:
    shown, networks = images(2, 1, 7, 6), Linear(2, 42)
    found = occlusion_overlay(networks, shown, torch.ones(1, 7, 6), torch.tensor([0, 0]), members=2, window=2)
    drops = (networks.weight.mean(0)[:, 0].view(7, 6) * (shown[:, 0] - 1)).numpy()
    total, count = np.zeros((2, 7, 6)), np.zeros((7, 6))
    for top in range(6):
        for left in range(5):
            window = np.s_[..., top : top + 2, left : left + 2]
            total[window] += drops[window].sum((1, 2), keepdims=True)
            count[window] += 1
    np.testing.assert_allclose(found, scaled(total / count), atol=1e-5)


@pytest.mark.parametrize("side", [8, 28])
def test_windows_reach_every_pixel(side: int) -> None:
    shown, networks = images(1, 1, side, side), Linear(1, side * side)
    networks.weight = torch.ones_like(networks.weight)
    empty = torch.zeros(1, side, side)
    found = occlusion_overlay(networks, shown, empty, torch.tensor([0]), members=1, window=window_of(side, side))
    assert found.shape == (1, side, side)
    assert found.min() > 0
    assert found.max() == 1


def test_what_does_not_matter_is_zero() -> None:
    shown, networks = images(2, 1, 4, 4), Linear(1, 16)
    networks.weight = torch.zeros_like(networks.weight)
    for found in (
        gradient_overlay(networks, shown, torch.zeros(1, 4, 4), torch.tensor([0, 0]), members=1, steps=2),
        occlusion_overlay(networks, shown, torch.zeros(1, 4, 4), torch.tensor([0, 0]), members=1, window=1),
    ):
        assert (found == 0).all()


def test_blocks_of_images_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, networks, empty = images(5, 1, 4, 4), Linear(2, 16, num_outputs=3), torch.zeros(1, 4, 4)
    explained = torch.tensor([0, 1, 2, 1, 0])
    whole = occlusion_overlay(networks, shown, empty, explained, members=2, window=2)
    monkeypatch.setattr("eksplora.explain._members._ROWS", 4)
    parts = occlusion_overlay(networks, shown, empty, explained, members=2, window=2)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
