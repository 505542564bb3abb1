import torch
from torch import Tensor

from eksplora.augmentation._mixing import cut_mixed, mixed


def batch(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_a_row_is_mixed_with_the_row_at_the_mirrored_place() -> None:
    x, share = batch(2, 3, 4), torch.tensor([0.25, 0.5])
    result = mixed(x, share)
    for member, own in ((0, 0.25), (1, 0.5)):
        first, middle, last = x[member]
        torch.testing.assert_close(result[member, 0], own * first + (1 - own) * last)
        torch.testing.assert_close(result[member, 1], middle)
        torch.testing.assert_close(result[member, 2], own * last + (1 - own) * first)


def test_the_batch_itself_stays_as_it_was() -> None:
    x = batch(2, 3, 4)
    kept = x.clone()
    mixed(x, torch.tensor([0.25, 0.5]))
    assert torch.equal(x, kept)


def test_a_rectangle_comes_from_the_partner_and_the_share_is_what_stays() -> None:
    x = batch(2, 3, 2, 4, 5)
    ends = tuple(torch.tensor(pair) for pair in ((1, 0), (3, 0), (0, 2), (2, 4)))
    result, share = cut_mixed(x, ends)  # type: ignore[arg-type]
    expected = x.clone()
    expected[0, :, :, 1:3, 0:2] = x[0].flip(0)[..., 1:3, 0:2]
    assert torch.equal(result, expected)  # the second member's rectangle is empty
    torch.testing.assert_close(share, torch.tensor([1 - 4 / 20, 1.0]))
