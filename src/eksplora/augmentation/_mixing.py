"""Rows mixed with the rows at the mirrored places of their batch."""

import torch
from scipy.special import betaincinv
from torch import Tensor

from eksplora.augmentation._draws import LEVELS, Quantiles
from eksplora.augmentation._rectangles import Rectangle, inside


def beta(alpha: float) -> Quantiles:
    """The distribution Beta(alpha, alpha)."""
    return Quantiles(betaincinv(alpha, alpha, LEVELS))


def mixed(x: Tensor, share: Tensor) -> Tensor:
    """Rows (members, rows, ...) as share * own + (1 - share) * partner; share (members,)."""
    share = share.view(-1, *(1 for _ in x.shape[1:])).to(x.dtype)
    # not torch.lerp: its vectorized part rounds once where the rest of a tensor rounds twice
    return (x * share).add_(x.flip(1).mul_(1 - share))


def cut_mixed(x: Tensor, rectangle: Rectangle) -> tuple[Tensor, Tensor]:
    """Images with each member's rectangle (members,) from the partner, and the share of the area that stays.

    Returns:
        (members, rows, channels, height, width) and (members,).
    """
    height, width = x.shape[-2:]
    top, bottom, left, right = rectangle
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return torch.where(inside(height, width, rectangle)[:, None, None], x.flip(1), x), share
