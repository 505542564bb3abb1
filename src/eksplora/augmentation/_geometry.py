"""Images moved: pure functions of angles, shifts and parts, one of each per image.

Images are (members, rows, channels, height, width); numbers of an image (members, rows).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from eksplora.augmentation._draws import LEVELS, Quantiles


def mirrored(x: Tensor, chosen: Tensor, dim: int) -> Tensor:
    """The images, the chosen ones reversed along a dimension."""
    return torch.where(chosen[..., None, None, None], x.flip(dim), x)


def shifted(x: Tensor, right: Tensor, down: Tensor, *, most: int) -> Tensor:
    """The images moved by whole pixels (int64, at most `most` in size); zeros come in.

    Examples:
        >>> image, right, down = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1]]), torch.tensor([[0]])
        >>> shifted(image.view(1, 1, 1, 2, 2), right, down, most=1).view(2, 2)
        tensor([[0., 1.],
                [0., 3.]])
    """
    height, width = x.shape[-2:]
    rows = torch.arange(most, most + height, device=x.device) - down[..., None]
    columns = torch.arange(most, most + width, device=x.device) - right[..., None]
    places = rows[..., :, None] * (width + 2 * most) + columns[..., None, :]
    places = places.flatten(2)[:, :, None].expand(-1, -1, x.shape[2], -1)  # (members, rows, channels, pixels)
    return F.pad(x, (most,) * 4).flatten(3).gather(3, places).view(x.shape)


def turns(degrees: float) -> Quantiles:
    """Cosine and sine of an angle that is uniform from minus to plus this."""
    angle = np.deg2rad(degrees * (2 * LEVELS - 1))
    return Quantiles(np.stack([np.cos(angle), np.sin(angle)]))


def centered(size: int, device: torch.device) -> Tensor:
    """Places of the pixels of a side, (size,), in pixels from the image's middle."""
    return torch.arange(size, device=device) - (size - 1) / 2


def cropped(size: int, side: Tensor, place: Tensor) -> Tensor:
    """Places where the pixels of a side come from when a part of it is stretched to the whole.

    Args:
        size: Pixels of the side.
        side: The part's share of it, in (0, 1].
        place: Of the part: from 0, at the beginning, to 1, at the end.

    Returns:
        (members, rows, size), in pixels from the image's middle, and never beyond its first and last pixel.
    """
    middle = (place - 0.5) * (1 - side) * size
    ends = (size - 1) / 2
    return (middle[..., None] + centered(size, side.device) * side[..., None]).clamp_(-ends, ends)


def resampled(x: Tensor, columns: Tensor, rows: Tensor, turn: Tensor | None) -> Tensor:
    """The images, each pixel interpolated bilinearly between the four around the place that it comes from.

    Args:
        x: The images.
        columns: Places, from the image's middle, of the pixels of a row: (width,) or (members, rows, width).
        rows: Those of the pixels of a column: (height,) or (members, rows, height).
        turn: Cosine and sine, (2, members, rows), of the angle by which the images are turned counter-clockwise before;
            None: they are not.
    """
    height, width = x.shape[-2:]
    grid = x.new_empty(*x.shape[:2], height, width, 2)  # of an image -1 and 1 are the outer edges
    cos, sin = (1.0, 0.0) if turn is None else turn[..., None]
    for part, along, across, size in ((0, cos, -sin, width), (1, sin, cos, height)):
        from_columns, from_rows = along * (2 / size) * columns, across * (2 / size) * rows
        torch.add(from_columns[..., None, :], from_rows[..., :, None], out=grid[..., part])
    return F.grid_sample(x.flatten(0, 1), grid.flatten(0, 1), align_corners=False).view(x.shape)
