from math import log

import numpy as np
import pytest
import torch
from scipy import stats

from eksplora.augmentation._rectangles import Rectangle, around, inside, of_area
from eksplora.draw import uniform


def draws(number: int) -> torch.Tensor:
    return uniform(torch.tensor(number), torch.arange(4000))


def drawn(height: int, width: int, area: torch.Tensor) -> Rectangle:
    return of_area(height, width, area, draws(1), draws(2), draws(3))


def test_a_rectangle_covers_its_rows_and_columns() -> None:
    ends = tuple(torch.tensor([[number]]) for number in (1, 3, 0, 2))
    assert inside(3, 4, ends)[0, 0].int().tolist() == [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]  # type: ignore[arg-type]


def test_areas_ratios_and_places_are_spread_as_asked() -> None:
    height, width = 3000, 2000
    top, bottom, left, right = (end.double() for end in drawn(height, width, 0.02 + 0.18 * draws(0)))
    tall, wide = bottom - top, right - left
    spread = [
        (tall * wide / (height * width) - 0.02) / 0.18,
        (tall / wide).log().sub(log(0.3)) / log(3.3 / 0.3),
        top / (height - tall),
        left / (width - wide),
    ]
    for values in spread:
        assert stats.kstest(values.numpy(), "uniform").pvalue > 0.01
    correlations = np.corrcoef(torch.stack(spread).numpy()) - np.eye(4)
    assert np.abs(correlations).max() < 0.05


@pytest.mark.parametrize(("height", "width"), [(28, 28), (5, 40), (1, 9), (3, 1)])
@pytest.mark.parametrize("area", [0.02, 0.5, 0.9, 1.0])
def test_rectangles_are_within_the_image_and_not_empty(height: int, width: int, area: float) -> None:
    top, bottom, left, right = drawn(height, width, torch.full((4000,), area))
    assert ((top >= 0) & (top < bottom) & (bottom <= height)).all()
    assert ((left >= 0) & (left < right) & (right <= width)).all()


def test_a_rectangle_that_would_not_fit_keeps_its_area() -> None:
    top, bottom, left, right = drawn(400, 500, torch.full((4000,), 0.8))
    share = (bottom - top) * (right - left) / (400 * 500)
    torch.testing.assert_close(share, torch.full((4000,), 0.8), rtol=0, atol=0.003)


def published(height: int, width: int, share: float, row: int, column: int) -> list[int]:
    """`rand_bbox` of https://github.com/clovaai/CutMix-PyTorch."""
    ratio = np.sqrt(1.0 - share)
    tall, wide = int(height * ratio), int(width * ratio)
    rows = np.clip([row - tall // 2, row + tall // 2], 0, height)
    columns = np.clip([column - wide // 2, column + wide // 2], 0, width)
    return [*map(int, rows), *map(int, columns)]


def test_rectangles_around_a_pixel_are_the_published_ones() -> None:
    shares, rows, columns = draws(0)[:500], draws(1)[:500], draws(2)[:500]
    found = torch.stack(around(20, 28, 1 - shares, rows, columns), 1).tolist()
    assert found == [
        published(20, 28, float(share), int(row * 20), int(column * 28))
        for share, row, column in zip(shares, rows, columns, strict=True)
    ]
