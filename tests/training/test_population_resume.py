"""A population stopped anywhere goes on with the bits of one that was not stopped."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import small
import torch

from eksplora.scheduler import Constant, Exponential
from eksplora.training import batches, checkpoint
from eksplora.training.module import is_state
from eksplora.training.recipe import EarlyStopping, Recipe
from eksplora.types import Decision, EpochReport, MemberResult, Status

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a chunk: an epoch of 5 steps has three chunks."""
    monkeypatch.setattr(batches, "CHUNK_STEPS", 2)


STOPPING = EarlyStopping(patience=2, min_delta=0.0, restore_best_weights=True)
STUBBORN = EarlyStopping(patience=1, min_delta=100.0, restore_best_weights=True)
BASES = pytest.mark.parametrize("base", [small.regression, small.classification], ids=["mlp", "cnn"])


def mixed(base: Callable[..., Recipe], *, own_rates: bool = True) -> list[small.Seat]:
    """Members that end in every way: diverged, with fewer epochs, early, and at last; with all that keeps state."""
    usual = base(
        network=partial(base().network, dropout=0.3, normalization="batch"),
        optimizer=partial(torch.optim.Adam, lr=0.02),
        schedule=Exponential(decay_rate=0.9, decay_steps=7) if own_rates else Constant(),
        early_stopping=STOPPING,
        max_epochs=6,
    )
    recipes = [usual, replace(usual, max_epochs=2), replace(usual, early_stopping=STUBBORN), usual]
    if own_rates:
        recipes[0] = replace(usual, optimizer=partial(torch.optim.Adam, lr=1e38))
        recipes[3] = replace(usual, optimizer=partial(torch.optim.Adam, lr=0.05, weight_decay=0.1))
    return small.seats(recipes)


def outcome(results: Sequence[MemberResult]) -> list[object]:
    """All of the results but paths and times."""
    return [replace(result, weights=None, seconds=0.0) for result in results]


def pieces(
    seats: Sequence[small.Seat], folder: Path, report: Callable[[int], small.Quiet], most: int = 100
) -> tuple[list[MemberResult], int]:
    """Train from checkpoint to checkpoint until all members are over; returns the last start's results."""
    for start in range(1, most):
        heard = report(start)
        results = small.train_together(seats, folder, heard)
        if len(results) == len(seats):
            return results, start
    raise AssertionError(f"not over after {most} starts")


@BASES
@pytest.mark.parametrize("own_rates", [False, True], ids=["equal rates", "own rates"])
def test_stopped_at_every_border_of_chunks(base: Callable[..., Recipe], own_rates: bool, tmp_path: Path) -> None:
    seats = mixed(base, own_rates=own_rates)
    whole = small.train_together(seats, tmp_path / "whole")
    last = max(result.epochs for result in whole)
    found, starts = pieces(seats, tmp_path / "pieces", lambda start: small.StopsAfterChunks())
    assert starts == 1 + 2 * last
    assert outcome(found) == outcome(whole)
    if own_rates:
        assert [result.status for result in whole[:3]] == [Status.DIVERGED, Status.FINISHED, Status.FINISHED]
        assert [result.epochs for result in whole[:3]] == [0, 2, 2]
        assert "stopped early" in whole[2].message


@BASES
@pytest.mark.parametrize("own_rates", [False, True], ids=["equal rates", "own rates"])
def test_stopped_after_every_epoch(base: Callable[..., Recipe], own_rates: bool, tmp_path: Path) -> None:
    seats = mixed(base, own_rates=own_rates)
    whole = small.train_together(seats, tmp_path / "whole")
    found, starts = pieces(seats, tmp_path / "pieces", lambda start: small.Decides(at=start))
    assert starts == max(result.epochs for result in whole)
    assert outcome(found) == outcome(whole)


@pytest.mark.parametrize("place", [0, 1])
def test_a_stop_in_the_epoch_in_which_another_member_ends(place: int, tmp_path: Path) -> None:
    recipe = small.regression(max_epochs=4)
    seats = small.seats([recipe] * 3)
    seats[place] = replace(seats[place], recipe=replace(recipe, max_epochs=2))
    whole = small.train_together(seats, tmp_path / "whole")
    first = small.Decides(at=2)
    (over,) = small.train_together(seats, tmp_path / "pieces", first)
    assert (over.member, over.epochs) == (place, 2)
    assert outcome(small.train_together(seats, tmp_path / "pieces")) == outcome(whole)


def test_a_stop_in_the_epoch_in_which_another_member_is_pruned(tmp_path: Path) -> None:
    @dataclass
    class PrunesAndStops(small.Quiet):
        stops: bool = True

        def decide(self, report: EpochReport) -> Decision:
            if report.epoch != 2:
                return Decision.GO_ON
            rest = Decision.STOP if self.stops else Decision.GO_ON
            return Decision.PRUNE if report.member == 1 else rest

    seats = small.seats([small.regression(max_epochs=4)] * 3)
    whole = small.train_together(seats, tmp_path / "whole", PrunesAndStops(stops=False))
    small.train_together(seats, tmp_path / "pieces", PrunesAndStops())
    assert outcome(small.train_together(seats, tmp_path / "pieces")) == outcome(whole)


def test_a_stop_of_one_member_stops_all(tmp_path: Path) -> None:
    seats = small.seats([small.regression()] * 3)
    whole = small.train_together(seats, tmp_path / "whole")
    assert small.train_together(seats, tmp_path / "pieces", small.Decides(at=1, member_index=1)) == []
    assert outcome(small.train_together(seats, tmp_path / "pieces")) == outcome(whole)


@BASES
def test_a_crash_after_checkpoints_at_every_border(base: Callable[..., Recipe], tmp_path: Path) -> None:
    @dataclass
    class Crashes(small.Quiet):
        at: int = 1

        def decide(self, report: EpochReport) -> Decision:
            if report.epoch == self.at:
                raise RuntimeError("the machine is on fire")
            return Decision.GO_ON

    seats = mixed(base)
    whole = small.train_together(seats, tmp_path / "whole")
    for epoch in range(1, max(result.epochs for result in whole) + 1):
        with pytest.raises(RuntimeError, match="on fire"):
            small.train_together(seats, tmp_path / "pieces", Crashes(at=epoch), checkpoint_seconds=1e-9)
    assert outcome(small.train_together(seats, tmp_path / "pieces")) == outcome(whole)


def test_results_are_reported_at_once_and_those_of_members_already_over_once_more(tmp_path: Path) -> None:
    seats = mixed(small.regression)
    stopped = small.Decides(at=2)
    small.train_together(seats, tmp_path, stopped)
    assert [result.member for result in stopped.results] == [0, 1, 2]
    rest = small.Quiet()
    small.train_together(seats, tmp_path, rest)
    assert rest.results[:3] == stopped.results
    assert [report.epoch for report in rest.heard] == [*range(3, rest.results[3].epochs + 1)]
    assert {report.member for report in rest.heard} == {3}


def test_a_population_of_other_members_does_not_take_the_checkpoint(tmp_path: Path) -> None:
    seats = small.seats([small.regression()] * 3)
    small.train_together(seats, tmp_path, small.Decides(at=2))
    heard = small.Quiet()
    small.train_together(seats[:2], tmp_path, heard)
    assert [report.epoch for report in heard.heard] == [1, 1, 2, 2, 3, 3]


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: state.pop(key)


def member_without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: state["members"][0].pop(key)


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    *map(without, ("epoch", "chunk", "training", "members", "network", "optimizer")),
    *map(member_without, ("status", "metric", "curves", "result", "step")),
    lambda state: state["members"].pop(),
    lambda state: state["members"].__setitem__(1, None),
    lambda state: state["members"][0].update(status="x"),
    lambda state: state["members"][0].update(status=[]),
    lambda state: state.update(members=[0, 9]),
    lambda state: state.update(members=None, epoch="1"),
]
"""What makes another thing of a state, whose hashes are right nevertheless."""


def test_a_state_of_another_form_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    seats = small.seats([small.regression(max_epochs=2)] * 2)
    assert small.train_together(seats, tmp_path / "a", small.StopsAfterChunks()) == []
    (manifest,) = (tmp_path / "a" / "population").glob("?.json")
    state = torch.load(manifest.with_suffix(".pt"), weights_only=True)
    identity = json.loads(manifest.read_text())["config"]
    assert is_state(state, 2)
    alone = small.train_together(seats, tmp_path / "b")
    for number, change in enumerate(CHANGES):
        changed, folder = deepcopy(state), tmp_path / str(number)
        change(changed)
        checkpoint.save(folder / "population", changed, config_hash=identity)
        assert outcome(small.train_together(seats, folder)) == outcome(alone)
