from math import inf, nan, sqrt

import pytest
import torch

from eksplora.errors import ConfigError
from eksplora.model._branch import added, scale_of_branches
from eksplora.model._normalization import Normalization

NONE = Normalization()


@pytest.mark.parametrize("count", [1, 2, 9, 50])
def test_scales_of_branches_without_a_mean_have_squares_that_add_up_to_one(count: int) -> None:
    scale = scale_of_branches(None, count, NONE, has_mean=False)
    assert count * scale**2 == pytest.approx(1)


@pytest.mark.parametrize("count", [1, 2, 9, 50])
def test_scales_of_branches_with_a_mean_add_up_to_one_themselves(count: int) -> None:
    assert count * scale_of_branches(None, count, NONE, has_mean=True) == pytest.approx(1)


@pytest.mark.parametrize("has_mean", [True, False])
def test_normalized_branches_are_added_as_they_are_and_no_branch_needs_no_scale(has_mean: bool) -> None:
    for name in ("batch", "group", "layer"):
        assert scale_of_branches(None, 9, Normalization(name), has_mean=has_mean) == 1
    assert scale_of_branches(None, 0, NONE, has_mean=has_mean) == 1


@pytest.mark.parametrize("name", ["none", "batch"])
def test_a_given_scale_is_taken_whatever_the_normalization(name: str) -> None:
    assert scale_of_branches(0.3, 9, Normalization(name), has_mean=True) == 0.3


@pytest.mark.parametrize("value", [0, -1.0, nan, inf, "1", True, [0.5]])
def test_a_scale_that_is_no_number_above_0_is_refused(value: object) -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.branch_scale must be a number above 0, got .*\. Try model\.branch_scale="
    ):
        scale_of_branches(value, 3, NONE, has_mean=True)


@pytest.mark.parametrize("scale", [1.0, 1 / 3, 1 / sqrt(7)])
def test_a_sum_has_the_bits_of_the_product_and_the_sum_at_every_place(scale: float) -> None:
    """101 numbers: those behind the vectorized part of the loop are not rounded once only."""
    torch.manual_seed(0)
    skip, branch = torch.randn(2, 101)
    alone = torch.stack([skip[i] + torch.tensor(scale) * branch[i] for i in range(101)])
    assert torch.equal(added(skip, branch, scale), alone)
