"""Populations of networks whose layers know no members."""

from pathlib import Path

import pytest
import small
import torch
from torch import Tensor, nn

from eksplora.training.engine import choose
from eksplora.training.mapped import Mapped, joined, why_not
from eksplora.training.population import Population

ROWS = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))


class Ordinary(nn.Module):
    """Layers of torch, and a forward pass that looks at the shape of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))
        self.frozen = nn.Parameter(torch.ones(8), requires_grad=False)
        self.normalize, self.last = nn.LayerNorm(8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.last(self.normalize(self.hidden(x.flatten(1)) * self.frozen))
        return outputs


class Draws(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(input), 0.5)


class Decides(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * (2 if input.sum() > 0 else 1)


class Recurrent(nn.LSTM):
    def forward(self, input: Tensor, hx: object = None) -> Tensor:  # type: ignore[override]
        outputs: Tensor = super().forward(input)[0]
        return outputs


def test_a_population_trains_each_member_as_it_is_trained_alone(tmp_path: Path) -> None:
    seats = small.seats([small.regression(network=Ordinary, optimizer=small.momentum)] * 3)
    alone = [small.train_together([seat], tmp_path / "alone")[0] for seat in seats]
    assert isinstance(Population([seat.state(tmp_path) for seat in seats]).network, Mapped)
    for one, other in zip(small.train_together(seats, tmp_path / "together"), alone, strict=True):
        assert one.engine == "fused" and other.engine == "single"
        for name, curve in other.curves.items():
            assert one.curves[name] == pytest.approx(curve, rel=1e-3), name
        for name, value in small.load(other).items():
            torch.testing.assert_close(small.load(one)[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_members_leave_and_an_interrupted_population_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    seats = small.seats([small.regression(network=Ordinary)] * 3)
    leaves = {"at": 1, "decision": small.Decision.PRUNE, "member_index": 1}
    whole = small.train_together(seats, tmp_path / "whole", small.Decides(**leaves))  # type: ignore[arg-type]
    assert [str(result.status) for result in whole] == ["finished", "pruned", "finished"]
    seats = [seats[0], seats[2]]
    once = small.train_together(seats, tmp_path / "once")
    small.train_together(seats, tmp_path / "twice", small.Decides(at=2))
    again = small.train_together(seats, tmp_path / "twice")
    assert [result.weights_sha256 for result in again] == [result.weights_sha256 for result in once]


@pytest.mark.parametrize(
    ("network", "rows", "why"),
    [
        (Draws(5, 1), ROWS, "torch cannot map Draws over members: vmap: called random operation"),
        (Decides(5, 1), ROWS, "torch cannot map Decides over members: vmap: It looks like you're attempting"),
        (
            Recurrent(5, 3, batch_first=True),
            ROWS[:, None],
            "torch cannot map Recurrent over members: Batching rule not",
        ),
    ],
    ids=["draws", "decides", "recurrent"],
)
def test_what_cannot_be_mapped_is_said_by_torch(network: nn.Module, rows: Tensor, why: str) -> None:
    assert why_not([network, network], rows).startswith(why)
    assert why_not([Ordinary(), Ordinary()], ROWS) != "", "its own dropout draws from torch's generator"


def test_the_engine_says_why_members_are_trained_one_by_one() -> None:
    states = [seat.state(Path("nowhere")) for seat in small.seats([small.regression(network=lambda: Draws(5, 1))] * 2)]
    assert choose(states, torch.device("cpu")).reason.startswith(
        "torch cannot map Draws over members: vmap: called random operation"
    )


def test_networks_of_eksploras_layers_are_stacked_and_one_alone_is_itself() -> None:
    assert not isinstance(joined([small.mlp(), small.mlp()]), Mapped)
    alone = Ordinary()
    assert joined([alone]) is alone
