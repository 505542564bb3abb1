from functools import partial
from typing import Any

import optimizers
import pytest
import small
import torch
from test_population import populated
from torch import nn

from eksplora.training.stepper import refusal

PARAMETERS = [nn.Parameter(torch.zeros(2, 2))]
FUSED = sorted({name for name, _ in optimizers.VARIANTS + optimizers.OTHERS})
COUPLED = [torch.optim.ASGD, torch.optim.Rprop, torch.optim.LBFGS, torch.optim.Adafactor, torch.optim.SparseAdam]


@pytest.mark.parametrize("name", FUSED)
def test_element_wise_optimizers_are_shared(name: str) -> None:
    assert refusal(optimizers.optimizer(name)(PARAMETERS)) is None


@pytest.mark.parametrize("kind", [*COUPLED, torch.optim.Muon], ids=lambda kind: kind.__name__)
def test_others_are_not_and_the_reason_names_them(kind: Any) -> None:
    assert str(refusal(kind(PARAMETERS))).startswith(f"{kind.__name__} is not known to step each weight by itself")


def test_a_class_derived_from_a_known_one_is_not_known() -> None:
    class MyAdam(torch.optim.Adam):
        pass

    assert "MyAdam" in str(refusal(MyAdam(PARAMETERS)))


class TwoMatrices(nn.Module):
    """A network of matrices only: Muon takes nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 13, bias=False), nn.Tanh(), nn.Linear(13, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(x)
        return scores


@pytest.mark.parametrize(
    "kind",
    [torch.optim.Muon, torch.optim.Adafactor, torch.optim.Rprop, torch.optim.ASGD],
    ids=lambda kind: kind.__name__,
)
def test_alone_they_step_the_parameters_in_their_own_shapes(kind: Any, tmp_path: Any) -> None:
    recipe = small.regression(network=TwoMatrices, optimizer=partial(kind, lr=0.01))
    bare, result = small.bare_loop(recipe), small.train(recipe, tmp_path)
    stored = small.load(result)
    for name, value in bare.network.state_dict().items():
        assert torch.equal(stored[name], value), name


def test_equal_numbers_are_one_step_of_the_weights_and_own_ones_are_not() -> None:
    adam = optimizers.optimizer("adam")
    equal = populated(small.seats([small.regression(optimizer=adam)] * 3))
    assert equal.stepper.is_shared
    for changes in ({"lr": 0.5}, {"weight_decay": 0.5}):
        other = small.regression(optimizer=optimizers.optimizer("adam", **changes))
        own = populated(small.seats([small.regression(optimizer=adam), other]))
        assert not own.stepper.is_shared
