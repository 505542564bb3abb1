"""A member that is over leaves the others as they are, bit for bit, and costs no more time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import optimizers
import pytest
import small
import torch

from eksplora.model.activations import ACTIVATIONS
from eksplora.model.mlp import MLP
from eksplora.training import batches
from eksplora.training.module import PopulationModule
from eksplora.training.recipe import EarlyStopping, Recipe
from eksplora.types import Decision, EpochReport, MemberResult, Status

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a chunk: members can also leave inside an epoch of 5 steps."""
    monkeypatch.setattr(batches, "CHUNK_STEPS", 2)


def population(base: Callable[..., Recipe], count: int, *, own_rates: bool = True, **changes: Any) -> list[small.Seat]:
    """Members of equal or own learning rates."""
    rates = [3e-3 * (1 + index * own_rates) for index in range(count)]
    adam = partial(optimizers.optimizer, "adam")
    return small.seats([base(**{"optimizer": adam(lr=lr), "max_epochs": 3} | changes) for lr in rates])


def changed(seats: Sequence[small.Seat], place: int, **changes: Any) -> list[small.Seat]:
    """The same population, one member of which is trained another way."""
    odd = replace(seats[place], recipe=replace(seats[place].recipe, **changes))
    return [*seats[:place], odd, *seats[place + 1 :]]


def assert_same_bits(results: Sequence[MemberResult], reference: Sequence[MemberResult]) -> None:
    """For every member of `results`."""
    by_member = {result.member: result for result in reference}
    assert results
    for result in results:
        other = by_member[result.member]
        assert result.weights_sha256 is not None
        assert result.weights_sha256 == other.weights_sha256, f"member {result.member}"
        assert result.curves == other.curves, f"member {result.member}"
        assert (result.status, result.value, result.best_epoch, result.step) == (
            other.status,
            other.value,
            other.best_epoch,
            other.step,
        )


STOPPING = EarlyStopping(patience=1, min_delta=100.0, restore_best_weights=True)
ENDS: dict[str, tuple[dict[str, Any], small.Quiet | None, Status, int]] = {
    "diverges": ({"optimizer": optimizers.optimizer("adam", lr=1e38)}, None, Status.DIVERGED, 0),
    "stops early": ({"early_stopping": STOPPING}, None, Status.FINISHED, 2),
    "is pruned": ({}, small.Decides(at=1, decision=Decision.PRUNE), Status.PRUNED, 1),
    "has fewer epochs": ({"max_epochs": 2}, None, Status.FINISHED, 2),
}


def assert_leaves_the_others_alone(seats: Sequence[small.Seat], place: int, how: str, folder: Path) -> None:
    """Compare with a population where the member does nothing of the kind, and with one without it."""
    changes, report, status, epochs = ENDS[how]
    if isinstance(report, small.Decides):
        report = replace(report, member_index=place, heard=[], results=[])
    results = small.train_together(changed(seats, place, **changes), folder / "odd", report)
    odd = results.pop(place)
    assert (odd.status, odd.epochs) == (status, epochs)
    assert_same_bits(results, small.train_together(seats, folder / "good"))
    if len(seats) > 2:  # of two, one alone is trained without the dimension of members
        others = [seat for number, seat in enumerate(seats) if number != place]
        assert_same_bits(results, small.train_together(others, folder / "without"))


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("place", [0, pytest.param(2, marks=pytest.mark.slow), 4])
def test_however_a_member_ends_the_others_keep_their_bits(how: str, place: int, tmp_path: Path) -> None:
    seats = population(small.regression, 5, network=partial(small.mlp, dropout=0.3))
    assert_leaves_the_others_alone(seats, place, how, tmp_path)


KINDS = {"mlp": small.regression, "cnn": small.classification}
CHOICES = [list(KINDS), ["none", "batch"], [0.0, 0.3], ["diverges", "is pruned"]]
MARKED = [  # half of them, among which each three choices meet in all ways, are not slow
    pytest.param(
        *(options[place] for options, place in zip(CHOICES, places, strict=True)),
        marks=pytest.mark.slow if sum(places) % 2 else (),
    )
    for places in product(range(2), repeat=4)
]


@pytest.mark.parametrize(("kind", "normalization", "dropout", "how"), MARKED)
def test_so_they_do_in_every_kind_of_network(
    kind: str, normalization: str, dropout: float, how: str, tmp_path: Path
) -> None:
    base = KINDS[kind]
    network = partial(base().network, normalization=normalization, dropout=dropout)
    assert_leaves_the_others_alone(population(base, 3, network=network), 0, how, tmp_path)


@pytest.mark.parametrize(
    ("count", "own_rates"),
    [
        *((count, True) for count in (2, 3, 4, 7, 9)),
        *(pytest.param(count, False, marks=() if count == 3 else pytest.mark.slow) for count in (2, 3, 4, 7, 9)),
    ],
)
def test_so_they_do_in_populations_of_every_size(count: int, own_rates: bool, tmp_path: Path) -> None:
    seats = population(small.regression, count, own_rates=own_rates)
    assert_leaves_the_others_alone(seats, 0, "is pruned", tmp_path / "first")
    assert_leaves_the_others_alone(seats, count - 1, "is pruned", tmp_path / "last")


SLOW = [pytest.param(*decaying, marks=pytest.mark.slow) for decaying in optimizers.DECAYING]


@pytest.mark.parametrize(("name", "changes"), optimizers.VARIANTS + SLOW, ids=str)
def test_so_they_do_with_every_optimizer(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    recipes = [
        small.regression(optimizer=optimizers.optimizer(name, **changes | {"lr": 1e-3 * (1 + index)}))
        for index in range(3)
    ]
    assert_leaves_the_others_alone(small.seats(recipes), 0, "is pruned", tmp_path)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_so_they_do_with_every_activation(activation: str, tmp_path: Path) -> None:
    network = partial(
        MLP,
        input_shape=[5],
        num_outputs=1,
        widths=[13, 7],
        activation=activation,
        output_activation="identity",
        dropout=0.0,
    )
    assert_leaves_the_others_alone(population(small.regression, 3, network=network), 0, "is pruned", tmp_path)


LOSSES = [torch.nn.MSELoss(), torch.nn.L1Loss(), torch.nn.HuberLoss(delta=0.5), torch.nn.BCEWithLogitsLoss()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_so_they_do_with_every_loss(loss: torch.nn.Module, tmp_path: Path) -> None:
    assert_leaves_the_others_alone(population(small.regression, 9, loss=loss), 0, "is pruned", tmp_path)


def test_all_members_may_end_in_different_epochs(tmp_path: Path) -> None:
    seats = population(small.regression, 4)
    for place, epochs in enumerate([3, 1, 4, 2]):
        seats = changed(seats, place, max_epochs=epochs)
    results = small.train_together(seats, tmp_path / "all")
    assert [(result.epochs, result.step) for result in results] == [(3, 15), (1, 5), (4, 20), (2, 10)]
    for place in range(4):
        longer = [replace(seat, recipe=replace(seat.recipe, max_epochs=4)) for seat in seats]
        longer[place] = seats[place]
        reference = small.train_together(longer, tmp_path / str(place))
        assert_same_bits([results[place]], reference)


# --- time --------------------------------------------------------------------------------------------------------


@dataclass
class Watches(small.Decides):
    """Sees, at each epoch's end, the sizes of the population and the seconds of its members."""

    modules: list[PopulationModule] = field(default_factory=list)
    sizes: list[tuple[int, ...]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def epochs(self, reports: Sequence[EpochReport]) -> Sequence[Decision]:
        population = self.modules[0].population
        states = [value for state in population.stepper.optimizer.state.values() for value in state.values()]
        tensors = [*population.network.state_dict().values(), population.stack.parameter, population.stack.gradient]
        sizes = {len(tensor) for tensor in [*tensors, *(state for state in states if state.dim() == 2)]}
        self.sizes.append((len(reports), len(population.members), *sizes))
        self.seconds.append(self.modules[0].members[1].seconds)
        return super().epochs(reports)


def test_a_member_that_is_over_has_left_the_arithmetic_and_its_seconds_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches = Watches(at=2, decision=Decision.PRUNE, member_index=1)
    begin = PopulationModule.__init__

    def noted(module: PopulationModule, *args: Any, **values: Any) -> None:
        begin(module, *args, **values)
        watches.modules.append(module)

    monkeypatch.setattr(PopulationModule, "__init__", noted)
    network = partial(small.mlp, normalization="batch", dropout=0.3)
    results = small.train_together(population(small.regression, 4, network=network, max_epochs=4), tmp_path, watches)
    assert watches.sizes == [(4, 4, 4), (4, 4, 4), (3, 3, 3), (3, 3, 3)]
    assert 0 < watches.seconds[0] < watches.seconds[1] < watches.seconds[2] == watches.seconds[3] == results[1].seconds
    assert results[0].seconds > results[1].seconds
