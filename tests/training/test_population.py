"""The members of a population against the same members alone, which are a bare loop bit for bit (test_module.py)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import optimizers
import pytest
import small
import torch
from torch import nn

from eksplora.initialization import glorot_uniform, torch_default
from eksplora.model.dropout import Dropout
from eksplora.scheduler import Constant, Exponential
from eksplora.training.batches import TrainingChunks
from eksplora.training.clipping import Clipping
from eksplora.training.member import MemberState
from eksplora.training.population import Population
from eksplora.training.recipe import Recipe

pytestmark = pytest.mark.filterwarnings("ignore:grad and param do not obey")  # as `fit` does
STEPS = (1, 10, 100)
SMOOTH = {1: 1e-6, 10: 3e-6, 100: 1e-5}
KINKED = {1: 1e-5, 10: 1e-5, 100: 4e-3}
"""Largest difference of a weight (the larger ones are about 1) after so many steps, ten times what was measured.

Products of stacks sum in another order: each sum is off by a bit, 6e-8 of a weight after one step, and later steps
start from there. Dropout, batch normalization, rectifiers and the choice of a pool's largest number amplify it.
"""

adam = partial(torch.optim.Adam, lr=3e-3, eps=1e-4)
"""With torch's eps of 1e-8 a first step divides gradients that are nothing but rounding errors by their own size."""

State = dict[str, torch.Tensor]


def populated(seats: Sequence[small.Seat]) -> Population:
    population = Population([seat.state(Path("nowhere")) for seat in seats])
    population.place(torch.device("cpu"), 0, 1)
    return population


def weights_after(seats: Sequence[small.Seat], steps: Sequence[int] = STEPS) -> dict[int, list[State]]:
    """The weights and buffers of each member after so many optimizer steps."""
    population, taken = populated(seats), 0
    found = {}
    source = all_steps(population.members)
    for end in steps:
        population.train([next(source) for _ in range(end - taken)], taken)
        found[end] = [population.stack.member(place) for place in range(len(seats))]
        taken = end
    return found


def all_steps(members: Sequence[MemberState]) -> Iterator[Any]:
    """The steps of the members' epochs, without end."""
    epoch = 0
    rows, seeds = [member.fold.split.train for member in members], [member.identity.seed for member in members]
    chunks = TrainingChunks(
        rows, seeds, batch_size=members[0].recipe.batch_size, position=lambda: (range(len(members)), epoch, 0)
    )
    while True:
        for chunk in chunks:
            yield from chunk.steps
        epoch += 1


def largest_difference(one: State, other: State) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def assert_each_is_as_alone(recipes: Sequence[Recipe], tolerances: dict[int, float]) -> None:
    seats = small.seats(recipes)
    together = weights_after(seats)
    alone = [weights_after([seat]) for seat in seats]
    for steps, tolerance in tolerances.items():
        for place, state in enumerate(together[steps]):
            found = largest_difference(state, alone[place][steps][0])
            assert found <= tolerance, f"member {place} after {steps} steps: {found:.1e}"
    differences = [largest_difference(state, together[100][0]) for state in together[100][1:]]
    assert min(differences) > 100 * tolerances[100]  # members are not each other


BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])
RATES = [1e-3, 3e-3, 4e-4, 2e-3, 5e-3]
DECAYS = [0.0, 0.1, 1e-3, 0.0, 0.02]
SCHEDULES = [
    Constant(),
    Exponential(decay_rate=0.5, decay_steps=20),
    Constant(),
    Exponential(decay_rate=0.9, decay_steps=7),
    Exponential(decay_rate=1.01, decay_steps=1),
]


def every_optimizer() -> Iterator[Any]:
    """Every one with numbers of the members' own, each kind with equal ones; with equal ones each variant is slow."""
    seen = set()
    for name, changes in optimizers.VARIANTS + optimizers.OTHERS:
        yield pytest.param(name, changes, True, id=f"{name}-{changes}-own numbers")
        marks = [pytest.mark.slow] if name in seen else []
        yield pytest.param(name, changes, False, id=f"{name}-{changes}-equal numbers", marks=marks)
        seen.add(name)


@pytest.mark.parametrize(("name", "changes", "own"), list(every_optimizer()))
def test_with_every_optimizer(name: str, changes: dict[str, Any], own: bool) -> None:
    values = [(RATES[i], DECAYS[i], SCHEDULES[i]) if own else (RATES[0], DECAYS[1], SCHEDULES[1]) for i in range(5)]
    assert_each_is_as_alone(
        [
            small.regression(
                optimizer=optimizers.optimizer(name, **changes | {"lr": lr, "weight_decay": decay}),
                schedule=schedule,
            )
            for lr, decay, schedule in values
        ],
        SMOOTH,
    )


def kinds_of_networks() -> Iterator[Any]:
    """All combinations; half of them, among which each three choices meet in all ways, are not slow."""
    bases = {"mlp": small.regression, "cnn": small.classification}
    named = {"adam": adam, "momentum": small.momentum}
    for places in product(range(2), repeat=4):
        optimizer, normalization = list(named)[places[0]], ["none", "batch"][places[1]]
        dropout, base = [0.0, 0.3][places[2]], list(bases)[places[3]]
        yield pytest.param(
            named[optimizer],
            normalization,
            dropout,
            bases[base],
            id=f"{optimizer}-{normalization}-{dropout}-{base}",
            marks=[pytest.mark.slow] if sum(places) % 2 else [],
        )


@pytest.mark.parametrize(("optimizer", "normalization", "dropout", "base"), list(kinds_of_networks()))
def test_with_every_kind_of_network(
    optimizer: Callable[..., Any], normalization: str, dropout: float, base: Callable[..., Recipe]
) -> None:
    network = partial(base().network, normalization=normalization, dropout=dropout)
    assert_each_is_as_alone([base(network=network, optimizer=optimizer)] * 5, KINKED)


@BASES
def test_with_everything_that_members_may_differ_in(base: Callable[..., Recipe]) -> None:
    losses = {
        small.regression: [nn.HuberLoss(delta=delta) for delta in (0.1, 0.5, 1.0, 2.0, 10.0)],
        small.classification: [nn.CrossEntropyLoss(label_smoothing=share) for share in (0.0, 0.1, 0.2, 0.3, 0.4)],
    }[base]
    clips = [Clipping(), Clipping(norm=0.1), Clipping(norm=1.0), Clipping(value=0.01), Clipping(norm=100.0)]
    assert_each_is_as_alone(
        [
            base(
                network=partial(base().network, dropout=0.1 + 0.15 * i, normalization="batch"),
                optimizer=partial(adam, lr=RATES[i], weight_decay=DECAYS[i]),
                schedule=SCHEDULES[i],
                initialize=[glorot_uniform, torch_default][i % 2],
                loss=losses[i],
                clipping=clips[i],
            )
            for i in range(5)
        ],
        KINKED,
    )


# --- before the first step ---------------------------------------------------------------------------------------


@BASES
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_initial_weights_are_the_same_bits_as_alone(base: Callable[..., Recipe], normalization: str) -> None:
    network = partial(base().network, normalization=normalization)
    recipes = [base(network=network, initialize=initialize) for initialize in (glorot_uniform, torch_default) * 2]
    seats = small.seats(recipes)
    population = populated(seats)
    for place, seat in enumerate(seats):
        alone = seat.state(Path("nowhere")).network().state_dict()
        together = population.stack.member(place)
        assert together.keys() == alone.keys()
        assert all(torch.equal(together[name], value) for name, value in alone.items())


def note_mask(masks: list[torch.Tensor], layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    masks.append(output.detach() / inputs[0])


@BASES
def test_masks_are_the_same_bits_as_alone(base: Callable[..., Recipe]) -> None:
    recipes = [base(network=partial(base().network, dropout=rate)) for rate in (0.1, 0.5, 0.9)]
    seats, seen = small.seats(recipes), {}
    for places in ([0, 1, 2], [0], [1], [2], [1, 2]):
        population, masks = populated([seats[place] for place in places]), []
        for module in population.network.modules():
            if isinstance(module, Dropout):
                module.register_forward_hook(partial(note_mask, masks))
        for number, step in zip(range(6), all_steps(population.members), strict=False):
            population.train([step], number)
        for place, seat in enumerate(places):
            own = [mask[place] if len(places) > 1 else mask for mask in masks]
            for mask, reference in zip(own, seen.setdefault(seat, own), strict=True):
                assert torch.equal(mask > 0, reference > 0)
    assert 0 < float((seen[0][0] > 0).double().mean()) < 1


# --- again -------------------------------------------------------------------------------------------------------


@BASES
def test_a_population_run_again_is_the_same_bits(base: Callable[..., Recipe], tmp_path: Path) -> None:
    network = partial(base().network, dropout=0.3, normalization="batch")
    recipes = [base(network=network, optimizer=partial(torch.optim.Adam, lr=rate)) for rate in RATES]
    first, second = (small.train_together(small.seats(recipes), tmp_path / name) for name in "ab")
    assert len({result.weights_sha256 for result in first}) == 5
    assert [result.weights_sha256 for result in first] == [result.weights_sha256 for result in second]
    assert [result.curves for result in first] == [result.curves for result in second]
