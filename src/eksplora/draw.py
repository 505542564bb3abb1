"""Random draws on tensors by the counter rule: a draw is a function of a key and of its place, and of nothing else.

So it is the same alone and among others, on any device, and however the places are divided among devices.
"""

from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15 - 2**64
"""Increment of SplitMix64 between two draws: 2**64 divided by the golden ratio, as a signed number."""
FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
BITS = 24
"""Random bits of a draw: as many as a float32 fraction has."""


def mix64(z: Tensor) -> Tensor:
    """Each 64-bit number (int64) scrambled, so that neighbouring numbers become unrelated ones; one to one.

    The function `mix64` of SplitMix64 with the constants of Stafford's variant 13. Source: Steele, Lea and Flood, "Fast
    splittable pseudorandom number generators", OOPSLA 2014, figure 17, and `java.util.SplittableRandom`. int64
    arithmetic wraps around as unsigned does; a logical shift is an arithmetic one without the copies of the sign.

    Examples:
        >>> import torch
        >>> mix64(torch.tensor(0)), hex(mix64(torch.tensor(GOLDEN)).item() + 2**64)  # the first draw from seed 0
        (tensor(0), '0xe220a8397b1dcdaf')
    """
    z = _stir(_stir(z, 30, FACTORS[0]), 27, FACTORS[1])
    return z.bitwise_xor_(z >> 31 & (1 << 33) - 1)


def _stir(z: Tensor, shift: int, factor: int) -> Tensor:
    """One round of `mix64`: (z ^ (z >>> shift)) * factor."""
    return (z >> shift).bitwise_and_((1 << 64 - shift) - 1).bitwise_xor_(z).mul_(factor)


def uniform(key: Tensor, places: Tensor) -> Tensor:
    """Draws from U[0, 1), one for each key and place.

    Draw i of SplitMix64 from the seed `key`, cut to 24 bits. Source: see `mix64`.

    Args:
        key: int64, of any shape.
        places: int64 numbers from 0, on the device of `key`.

    Returns:
        float32, (*key.shape, *places.shape), on that device.

    Examples:
        >>> import torch
        >>> uniform(torch.tensor([7, 8]), torch.arange(3)).shape
        torch.Size([2, 3])
    """
    counters = (places + 1) * GOLDEN
    each = key.view(*key.shape, *(1 for _ in places.shape))
    return (mix64(each + counters) >> 64 - BITS & (1 << BITS) - 1) / (1 << BITS)
