import torch
from torch import nn

from eksplora.model.foreign import seed_step, seeded, with_shapes


def test_what_is_drawn_is_the_seeds_and_afterwards_all_goes_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(0)
    undisturbed = torch.rand(4)
    torch.manual_seed(0)
    with seeded(7):
        drawn = torch.rand(2)
    assert torch.equal(torch.rand(4), undisturbed)
    with seeded(7):
        assert torch.equal(torch.rand(2), drawn)
    seed_step(7, torch.device("cpu"))
    assert torch.equal(torch.rand(2), drawn)


def test_lazy_layers_get_the_shapes_of_the_rows_and_the_network_is_ready_to_train() -> None:
    network = with_shapes(nn.Sequential(nn.LazyBatchNorm1d(), nn.LazyLinear(2)), torch.zeros(1, 5))
    assert network.training and all(module.training for module in network.modules())
    assert [tuple(value.shape) for value in network.parameters()] == [(5,), (5,), (2, 5), (2,)]
    assert torch.equal(network[0].running_mean, torch.zeros(5)), "shapes are taken, nothing is learned"  # type: ignore[index]


def test_another_network_is_not_even_called() -> None:
    class Uncallable(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    assert with_shapes(Uncallable(1, 1), torch.zeros(1, 1)).training
