import pytest
import torch
from torch import Tensor

from eksplora.model._layout import apart, laid, with_gradient_laid


@pytest.mark.parametrize(
    ("shape", "order"),
    [((4, 3), (0, 1)), ((2, 4, 3), (0, 1, 2)), ((4, 3, 5, 6), (0, 2, 3, 1)), ((2, 4, 3, 5, 6), (1, 3, 4, 0, 2))],
)
def test_numbers_lie_in_the_order_that_layers_want(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    y = laid(x)
    assert torch.equal(y, x)
    assert y.permute(order).is_contiguous()
    assert laid(y).data_ptr() == y.data_ptr()  # what lies so already is not copied


def test_a_gradient_is_laid_before_it_goes_on() -> None:
    x = torch.randn(2, 4, 3, 5, 6, requires_grad=True)
    seen: list[Tensor] = []
    y = x * 2
    y.register_hook(lambda slope: seen.append(slope))  # type: ignore[no-untyped-call]
    with_gradient_laid(laid, z := y * 1).backward(torch.ones(6, 5, 3, 4, 2).permute(4, 3, 2, 1, 0))
    assert z.shape == x.shape
    assert seen[0].permute(1, 3, 4, 0, 2).is_contiguous()


def test_each_member_is_in_one_piece_for_the_function_and_for_its_gradient() -> None:
    pieces: list[bool] = []

    class Looks(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: Tensor) -> Tensor:
            pieces.append(x.is_contiguous())
            return 2 * x

        @staticmethod
        def backward(ctx: object, slope: Tensor) -> Tensor:
            pieces.append(slope.is_contiguous())
            return 2 * slope

    x = torch.randn(4, 5, 6, 2, 3).permute(3, 0, 4, 1, 2).requires_grad_()
    y = apart(lambda member, factor: Looks.apply(member) * factor, x, torch.tensor([1.0, 3.0]))
    assert torch.equal(y[1], 6 * x[1])
    y.backward(torch.ones(4, 5, 6, 2, 3).permute(3, 0, 4, 1, 2))
    assert pieces == [True] * 4
