import pytest
import torch.nn.functional as F
from torch import Tensor, nn

from eksplora.model._images import AvgPool2d, Conv2d, MaxPool2d
from eksplora.model._normalization import BatchNorm, GroupNorm
from eksplora.model.activations import ACTIVATIONS
from eksplora.model.dropout import AlphaDropout, Dropout
from eksplora.model.linear import Linear
from eksplora.model.members import unaware


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_our_layers_know_members(name: str) -> None:
    blocks = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), Conv2d(1, 2, 2), BatchNorm(2), MaxPool2d(2), ACTIVATIONS[name]())
    others = [GroupNorm(1, 2), AvgPool2d(2), Linear(2, 2), Dropout(0.5), AlphaDropout(0.5)]
    assert unaware(nn.ModuleList([blocks, *others])) == []


class Doubled(Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * F.linear(x, self.weight, self.bias)


def test_others_are_named_once_in_their_order() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), Doubled(2, 2), nn.Softmax(dim=0))
    assert unaware(network) == ["Linear", "BatchNorm1d", "Doubled", "Softmax"]


def test_torchs_activation_with_tensors_of_its_own_does_not_know_members() -> None:
    assert unaware(nn.Sequential(nn.PReLU(), nn.LeakyReLU())) == ["PReLU"]
