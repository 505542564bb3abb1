"""What an observer is shown, and that looking changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
import small
import torch
from torch import Tensor, nn

from eksplora.model.offered import layers
from eksplora.training.fit import fit
from eksplora.training.observer import StepView
from eksplora.training.population import Population
from eksplora.types import EpochReport, Job

RATE = 0.01
PLAIN = partial(torch.optim.SGD, lr=RATE)


@dataclass
class Copies:
    """Keeps copies of what it is shown of every member."""

    steps: list[int] = field(default_factory=list)
    members: list[Sequence[tuple[int, int]]] = field(default_factory=list)
    losses: list[Tensor] = field(default_factory=list)
    weights: list[list[dict[str, Tensor]]] = field(default_factory=list)
    gradients: list[list[dict[str, Tensor]]] = field(default_factory=list)
    activations: list[list[dict[str, Tensor]]] = field(default_factory=list)
    epochs: list[Sequence[EpochReport]] = field(default_factory=list)

    def on_step(self, view: StepView) -> None:
        self.steps.append(view.step)
        self.members.append(view.members)
        self.losses.append(view.losses.clone())
        for known, show in (
            (self.weights, view.weights),
            (self.gradients, view.gradients),
            (self.activations, view.activations),
        ):
            members = [show(place) for place in range(len(view.members))]
            known.append([{name: value.clone() for name, value in member.items()} for member in members])

    def on_epoch(self, reports: Sequence[EpochReport]) -> None:
        self.epochs.append(reports)


def seats(count: int, **changes: object) -> list[small.Seat]:
    """Members in a population; with three, the last has fewer rows, so its last batch is smaller than the others'."""
    found = small.seats([small.regression(max_epochs=2, optimizer=PLAIN, **changes)] * count)
    if count < 3:
        return found
    fold = small.fold_of(found[-1].recipe)
    shorter = replace(fold, split=replace(fold.split, train=fold.split.train[:-3]))
    return [*found[:-1], replace(found[-1], fold=shorter)]


def train(members: Sequence[small.Seat], folder: Path, *observers: Copies) -> small.Quiet:
    report = small.Quiet()
    fit([seat.state(folder) for seat in members], Job(0, [], str(folder / "population"), 1, 1000.0), report, observers)
    return report


@pytest.mark.parametrize("count", [1, 2, 3])
def test_looking_changes_no_bit(count: int, tmp_path: Path) -> None:
    members = seats(count, network=partial(small.mlp, dropout=0.2))
    alone, seen = train(members, tmp_path / "alone"), train(members, tmp_path / "seen", Copies())
    assert [result.weights_sha256 for result in seen.results] == [result.weights_sha256 for result in alone.results]
    assert [result.curves for result in seen.results] == [result.curves for result in alone.results]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_step_is_shown_with_the_gradient_that_it_takes(count: int, tmp_path: Path) -> None:
    """Plain gradient descent: a step changes the weights by the rate times the gradient."""
    copies = Copies()
    train(seats(count), tmp_path, copies)
    assert copies.steps == list(range(len(copies.steps))) and len(copies.steps) > 4
    for before, slopes, after in zip(copies.weights, copies.gradients, copies.weights[1:], strict=False):
        for place in range(count):
            assert set(slopes[place]) == set(before[place])
            for name, slope in slopes[place].items():
                wanted = before[place][name] - RATE * slope
                torch.testing.assert_close(after[place][name], wanted, rtol=0, atol=1e-7)
    assert any(slope.abs().max() > 0 for slope in copies.gradients[0][0].values())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_activations_are_those_of_the_members_own_batch(count: int, tmp_path: Path) -> None:
    """The last layer's outputs are its weights times what the function before it put out."""
    copies = Copies()
    train(seats(count), tmp_path, copies)
    for weights, outputs, losses in zip(copies.weights, copies.activations, copies.losses, strict=True):
        assert losses.shape == (count,)
        for place in range(count):
            network = small.mlp()
            network.load_state_dict(weights[place])
            assert set(outputs[place]) == {name for name, _ in layers(network)}
            last = list(outputs[place])
            hidden = outputs[place][last[last.index("output") - 1]]
            torch.testing.assert_close(outputs[place]["output"], network.output(hidden).detach())  # type: ignore[operator]
    sizes = {len(outputs[place]["output"]) for outputs in copies.activations for place in range(count)}
    assert len(sizes) == (3 if count == 3 else 2), "whole batches, and the last one of each fold"


def test_every_epoch_is_shown_with_its_metrics(tmp_path: Path) -> None:
    copies = Copies()
    report = train(seats(2), tmp_path, copies)
    assert [[one.epoch for one in reports] for reports in copies.epochs] == [[1, 1], [2, 2]]
    assert [one for reports in copies.epochs for one in reports] == report.heard


def test_nobody_listens_where_nobody_looks() -> None:
    network = Population([seat.state(Path("nowhere")) for seat in seats(2)]).network
    assert not [layer for layer in network.modules() if layer._forward_hooks]
    assert isinstance(network, nn.Module)
