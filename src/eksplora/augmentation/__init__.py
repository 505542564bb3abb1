"""Augmentation: features of a batch changed at random before a step, as whole-batch operations on any device."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from eksplora.augmentation._draws import Drawer, Draws, Quantiles
from eksplora.augmentation._geometry import centered, cropped, mirrored, resampled, shifted, turns
from eksplora.augmentation._mixing import beta, cut_mixed, mixed
from eksplora.augmentation._rectangles import around, inside, of_area
from eksplora.errors import ConfigError
from eksplora.ranges import check_fields, within

SMALLEST_ERASED = 0.02
"""Least share of an image's area that is erased. Source: Zhong et al., section 5.1."""

SHARE, CENTRE = range(0, 1), range(1, 3)
"""Numbers of a member's own draws."""
HORIZONTAL, VERTICAL, ANGLE, SHIFT = range(0, 1), range(1, 2), range(2, 3), range(3, 5)
CROP, ERASE = range(5, 8), range(8, 13)
"""Numbers of a row's draws: each kind has its own, so that one draws the same whatever else is on."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Changes a batch as the keys of `conf/augmentation/` say: geometry first, then erasing, then mixing.

    Images are mirrored, turned, shifted and cropped, in this order. Where they are turned or cropped, that and the
    shift are one bilinear resampling, otherwise every value is an exact copy. Outside an image all is 0. Every draw is
    a function of (a member's key, the row's place in the whole batch): the same alone and among others, on any device
    and however a batch is divided. Partners of mixed rows, however, come from the rows that are here. Source: Shorten
    and Khoshgoftaar, "A survey on image data augmentation for deep learning", Journal of Big Data 6, 2019, and what is
    named with the keys.

    Attributes:
        horizontal_flip: Probability that an image is mirrored left to right.
        vertical_flip: Probability that it is mirrored top to bottom.
        rotation_degrees: The angle is uniform from minus to plus this.
        shift_pixels: Whole pixels to the right and down are uniform from minus to plus this.
        crop_fraction: The side of the part that is cut out, a share of the image's, is uniform from this to 1; its
            place is uniform. Source: the random crop of Szegedy et al., "Going deeper with convolutions", CVPR 2015,
            section 6; theirs draws the share of the area, and a ratio of the sides.
        erase_probability: Probability that a rectangle of an image becomes zeros. Source: Zhong et al., "Random erasing
            data augmentation", AAAI 2020, algorithm 1; its ratio of the sides is log-uniform here, and a rectangle that
            would not fit is made longer or shorter, not drawn again.
        erase_fraction: The rectangle's share of the area is uniform from 0.02 to this.
        mixup_alpha: Rows are share * own + (1 - share) * partner, share ~ Beta(alpha, alpha) of each member and step.
            Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
        cutmix_alpha: A rectangle with 1 - share of the area, the same in all images of a member, comes from the
            partner. Source: Yun et al., "CutMix", ICCV 2019, algorithm A1.

    Raises:
        ConfigError: If a value is out of its range, or rows would be mixed twice.
    """

    can_be_captured: ClassVar[bool] = True  # as part of a CUDA graph

    horizontal_flip: float = field(metadata=within(least=0, most=1, usual=0.5))
    vertical_flip: float = field(metadata=within(least=0, most=1, usual=0.5))
    rotation_degrees: float = field(metadata=within(least=0, most=180, usual=15.0))
    shift_pixels: int = field(metadata=within(least=0, is_whole=True, usual=2))
    crop_fraction: float = field(metadata=within(above=0, most=1, usual=0.8))
    erase_probability: float = field(metadata=within(least=0, most=1, usual=0.5))
    erase_fraction: float = field(metadata=within(least=SMALLEST_ERASED, most=1, usual=0.25))
    mixup_alpha: float = field(metadata=within(least=0, usual=0.2))
    cutmix_alpha: float = field(metadata=within(least=0, usual=1.0))

    def __post_init__(self) -> None:
        """Check the values."""
        check_fields(self, "augmentation")
        if self.mixup_alpha and self.cutmix_alpha:
            raise ConfigError(
                f"augmentation.mixup_alpha={self.mixup_alpha} does not go with cutmix_alpha={self.cutmix_alpha}: the "
                "targets of a row that is mixed twice have no single share. Set one of the two to 0.0."
            )

    @property
    def needs_images(self) -> bool:
        """Whether anything is on that only images have a meaning for."""
        return bool(self._resamples or self._flips or self.shift_pixels or self.erase_probability or self.cutmix_alpha)

    @property
    def is_active(self) -> bool:
        """Whether anything is on."""
        return self.needs_images or self.mixup_alpha > 0

    def __call__(self, x: Tensor, keys: Tensor, *, first: int = 0, every: int = 1) -> tuple[Tensor, Tensor | None]:
        """The changed batch, and how much of each row is its own.

        Args:
            x: (members, rows, channels, height, width); without anything for images also (members, rows, features).
            keys: This step's key of each member, (members,), int64.
            first: Row of the whole batch that is row 0 here.
            every: Distance, in the whole batch, between two rows that are neighbours here.

        Returns:
            As `x`. With mixup or cutmix, each member's share in [0, 1], (members,): of a row's loss, `share` is for its
            own target and the rest for that of its partner, which is the row at the mirrored place, `flip(1)`; since
            rows come in random order, that is a random one. Otherwise None.
        """
        assert x.dim() == 5 or not self.needs_images, f"no images: {tuple(x.shape)}"
        if not self.is_active:
            return x, None
        draws = self._draw(keys, rows=x.shape[1], first=first, every=every)
        with torch.no_grad():
            return self._mixed(self._erased(self._moved(self._mirrored(x, draws), draws), draws), draws)

    @cached_property
    def _draw(self) -> Drawer:
        """Draws for the transformations that are on, and for no others."""
        own = ((self.mixup_alpha or self.cutmix_alpha, SHARE), (self.cutmix_alpha, CENTRE))
        each = (
            (self.horizontal_flip, HORIZONTAL),
            (self.vertical_flip, VERTICAL),
            (self.rotation_degrees, ANGLE),
            (self.shift_pixels, SHIFT),
            (self.crop_fraction < 1, CROP),
            (self.erase_probability, ERASE),
        )
        return Drawer(*([number for on, numbers in kinds if on for number in numbers] for kinds in (own, each)))

    # --- geometry ----------------------------------------------------------------------------------------------------

    @property
    def _flips(self) -> bool:
        return bool(self.horizontal_flip or self.vertical_flip)

    @property
    def _resamples(self) -> bool:
        """Whether values are interpolated."""
        return self.rotation_degrees > 0 or self.crop_fraction < 1

    @cached_property
    def _turns(self) -> Quantiles:
        return turns(self.rotation_degrees)

    def _mirrored(self, x: Tensor, draws: Draws) -> Tensor:
        for probability, numbers, dim in ((self.horizontal_flip, HORIZONTAL, -1), (self.vertical_flip, VERTICAL, -2)):
            if probability:
                x = mirrored(x, draws.of_rows(numbers)[0] < probability, dim)
        return x

    def _moved(self, x: Tensor, draws: Draws) -> Tensor:
        """Images turned, shifted and cropped."""
        shift = self._shift(draws) if self.shift_pixels else None
        if self._resamples:
            return self._resampled(x, draws, shift)
        return x if shift is None else shifted(x, *shift, most=self.shift_pixels)

    def _shift(self, draws: Draws) -> tuple[Tensor, Tensor]:
        """Pixels to the right and down."""
        choices = 2 * self.shift_pixels + 1
        right, down = ((draw * choices).long() - self.shift_pixels for draw in draws.of_rows(SHIFT))
        return right, down

    def _resampled(self, x: Tensor, draws: Draws, shift: tuple[Tensor, Tensor] | None) -> Tensor:
        """Source of each pixel: back through the crop, the shift and the turn."""
        height, width = x.shape[-2:]
        columns, rows = centered(width, x.device), centered(height, x.device)
        if self.crop_fraction < 1:
            side, across, along = draws.of_rows(CROP)
            side = self.crop_fraction + (1 - self.crop_fraction) * side
            columns, rows = cropped(width, side, across), cropped(height, side, along)
        if shift is not None:
            right, down = shift
            columns, rows = columns - right[..., None], rows - down[..., None]
        turn = self._turns(draws.of_rows(ANGLE)[0]) if self.rotation_degrees else None
        return resampled(x, columns, rows, turn)

    # --- rectangles and mixing ---------------------------------------------------------------------------------------

    def _erased(self, x: Tensor, draws: Draws) -> Tensor:
        if not self.erase_probability:
            return x
        height, width = x.shape[-2:]
        chance, area, ratio, top, left = draws.of_rows(ERASE)
        area = SMALLEST_ERASED + (self.erase_fraction - SMALLEST_ERASED) * area
        hole = inside(height, width, of_area(height, width, area, ratio, top, left))
        hole &= (chance < self.erase_probability)[..., None, None]
        return torch.where(hole[:, :, None], 0.0, x)

    @cached_property
    def _shares(self) -> Quantiles:
        return beta(self.mixup_alpha or self.cutmix_alpha)

    def _mixed(self, x: Tensor, draws: Draws) -> tuple[Tensor, Tensor | None]:
        if not self.mixup_alpha and not self.cutmix_alpha:
            return x, None
        share = self._shares(draws.of_members(SHARE)[0])
        if self.mixup_alpha:
            return mixed(x, share), share
        (height, width), (row, column) = x.shape[-2:], draws.of_members(CENTRE)
        return cut_mixed(x, around(height, width, 1 - share, row, column))
