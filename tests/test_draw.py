import numpy as np
import torch
from scipy import stats

from eksplora.draw import GOLDEN, mix64, uniform

MASK = 2**64 - 1


def reference(z: int) -> int:
    """`mix64` of SplitMix64 (variant 13) on Python's unbounded integers."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def test_numbers_are_those_of_splitmix64() -> None:
    seeds = [0, 1, -1, 2**63 - 1, -(2**63), 42]
    found = mix64(torch.tensor(seeds))
    assert [int(one) & MASK for one in found] == [reference(seed & MASK) for seed in seeds]


def test_draw_i_is_the_i_th_of_the_generator_cut_to_24_bits() -> None:
    found = uniform(torch.tensor([7, 8]), torch.arange(5))
    expected = [
        [(reference(key + (place + 1) * (GOLDEN & MASK) & MASK) >> 40) / 2**24 for place in range(5)] for key in (7, 8)
    ]
    assert found.dtype == torch.float32 and found.tolist() == expected


def test_a_draw_is_the_same_alone_and_among_others() -> None:
    keys, places = torch.arange(12).view(3, 4), torch.arange(30).view(5, 6)
    together = uniform(keys, places)
    assert together.shape == (3, 4, 5, 6)
    assert (uniform(keys[2, 1], places[3:]) == together[2, 1, 3:]).all()


def test_draws_are_uniform_and_neighbouring_keys_unrelated() -> None:
    found = uniform(torch.tensor([0, 1]), torch.arange(20_000)).double().numpy()
    assert ((found >= 0) & (found < 1)).all()
    assert stats.kstest(found[0], "uniform").pvalue > 0.01
    assert abs(np.corrcoef(found)[0, 1]) < 0.03
