import math
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler

from eksplora.search.proposer import Proposer
from eksplora.search.sampler import GridSampler
from eksplora.search.space import Choice, Condition, Parameter, SearchInterval, SearchRange, Space, grid
from eksplora.types import Status

SPACE: Space = (
    Parameter("lr", SearchInterval(1e-4, 1e-1, log=True)),
    Parameter("dropout", SearchRange(0, 0.5, 0.1)),
    Parameter("units", SearchInterval(4, 64, log=True, integer=True)),
    Parameter("widths", Choice(([8], [8, 8], [16]))),
    Parameter("optimizer", Choice(("adam", "sgd"))),
    Parameter("momentum", SearchInterval(0, 1), Condition("optimizer", ("sgd",))),
)
FINITE: Space = tuple(parameter for parameter in SPACE if not isinstance(parameter.domain, SearchInterval))
EPOCHS = 9

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "grid": lambda seed: GridSampler(space=FINITE, seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed, n_startup_trials=4),
    "gp": lambda seed: GPSampler(seed=seed, n_startup_trials=4),
}
PRUNERS: dict[str, Callable[[], BasePruner]] = {
    "none": NopPruner,
    "median": lambda: MedianPruner(n_startup_trials=2, n_warmup_steps=1),
    "successive_halving": lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    "hyperband": lambda: HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=3),
}
History = list[tuple[dict[str, Any], dict[int, float], Status, float | None]]


def proposer(sampler: str, pruner: str = "none", lag: int = 0, seed: int = 0, batch: int = 1) -> Proposer:
    return Proposer(
        space=FINITE if sampler == "grid" else SPACE,
        sampler=SAMPLERS[sampler],
        pruner=PRUNERS[pruner](),
        direction="minimize",
        seed=seed,
        name="study",
        lag=lag,
        batch=batch,
    )


def loss(values: dict[str, Any], epoch: int) -> float:
    """A training's objective after an epoch: a function of its values that falls towards its floor."""
    lr = values.get("lr", 0.01)
    floor = (math.log10(lr) + 2) ** 2 + values["dropout"] + len(values["widths"]) * 0.1 + values.get("momentum", 0.5)
    return floor + 3 / epoch


def train(study: Proposer, number: int, values: dict[str, Any]) -> tuple[dict[int, float], Status, float | None]:
    """Report epochs until the pruner gives the trial up or it is over; every seventh fails."""
    if number % 7 == 5:
        return {}, Status.FAILED, None
    reports: dict[int, float] = {}
    for epoch in range(1, EPOCHS + 1):
        reports[epoch] = loss(values, epoch)
        if study.report(number, epoch, reports[epoch]):
            return reports, Status.PRUNED, reports[epoch]
    return reports, Status.FINISHED, reports[EPOCHS]


def run(study: Proposer, start: int, end: int) -> History:
    history: History = []
    for number in range(start, end):
        assert study.can_propose(number)
        values = study.propose(number)
        reports, status, value = train(study, number, values)
        study.tell(number, status, value)
        history.append((values, reports, status, value))
    return history


def restored(history: History, sampler: str, pruner: str) -> Proposer:
    study = proposer(sampler, pruner)
    for number, (values, reports, status, value) in enumerate(history):
        study.restore(number, values, reports)
        study.tell(number, status, value)
    return study


CASES = [(sampler, pruner, 20) for sampler in ("grid", "random", "tpe") for pruner in PRUNERS] + [
    pytest.param("gp", "none", 7, marks=pytest.mark.slow)
]


@pytest.mark.parametrize(("sampler", "pruner", "count"), CASES)
def test_a_study_interrupted_anywhere_goes_on_as_if_it_had_not_been(sampler: str, pruner: str, count: int) -> None:
    whole = run(proposer(sampler, pruner), 0, count)
    for cut in (5, count - 1) if sampler == "gp" else (1, 5, count // 2, count - 1):
        assert run(restored(whole[:cut], sampler, pruner), cut, count) == whole[cut:]


def run_batches(study: Proposer, start: int, end: int, batch: int) -> History:
    """Propose batch by batch, train its trials, and tell them in reverse."""
    history: History = []
    while (number := start + len(history)) < end:
        numbers = range(number, min(number - number % batch + batch, end))
        asked = {one: study.propose(one) for one in numbers if study.can_propose(one)}
        assert list(asked) == list(numbers)
        results = {one: train(study, one, values) for one, values in asked.items()}
        for one in reversed(numbers):
            study.tell(one, *results[one][1:])
        history += [(asked[one], *results[one]) for one in numbers]
    return history


@pytest.mark.parametrize("lag", [0, 4])
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_study_interrupted_inside_a_batch_goes_on_as_if_it_had_not_been(sampler: str, lag: int) -> None:
    whole = run_batches(proposer(sampler, lag=lag, batch=4), 0, 20, batch=4)
    for cut in (1, 8, 10, 19):
        study = proposer(sampler, lag=lag, batch=4)
        for number, (values, reports, status, value) in enumerate(whole[:cut]):
            study.restore(number, values, reports)
            study.tell(number, status, value)
        assert run_batches(study, cut, 20, batch=4) == whole[cut:]


def test_the_trials_of_a_batch_rest_on_the_same_results() -> None:
    study = proposer("tpe", batch=3)
    for number in range(3):
        assert study.can_propose(number)
        study.propose(number)
    for number in (2, 1):
        assert not study.can_propose(3)
        study.tell(number, Status.FINISHED, 1.0)
    study.tell(0, Status.FAILED, None)
    assert study.can_propose(3) and study.can_propose(5) and not study.can_propose(6)
    values = study.propose(3)
    study.tell(3, Status.FINISHED, -100.0)
    assert study.propose(4) == _fourth_when_the_third_is_not_told(values)


def _fourth_when_the_third_is_not_told(third: dict[str, Any]) -> dict[str, Any]:
    study = proposer("tpe", batch=3)
    for number in range(3):
        study.propose(number)
        study.tell(number, Status.FAILED if number == 0 else Status.FINISHED, None if number == 0 else 1.0)
    assert study.propose(3) == third
    return study.propose(4)


def test_a_lag_lets_further_batches_be_asked() -> None:
    study = proposer("tpe", batch=2, lag=4)
    for number in range(6):
        assert study.can_propose(number)
        study.propose(number)
    assert not study.can_propose(6)
    for number in (0, 1):
        study.tell(number, Status.FINISHED, 1.0)
    assert study.can_propose(7) and not study.can_propose(8)


@pytest.mark.parametrize("pruner", ["median", "successive_halving", "hyperband"])
def test_pruners_give_up_some_trials_and_finish_others(pruner: str) -> None:
    statuses = [status for _, _, status, _ in run(proposer("random", pruner), 0, 30)]
    assert Status.PRUNED in statuses and Status.FINISHED in statuses


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_samplers_without_memory_propose_the_same_whatever_is_told_and_when(sampler: str) -> None:
    told = [values for values, _, _, _ in run(proposer(sampler), 0, 12)]
    study = proposer(sampler, lag=6)
    untold = []
    for number in range(12):
        assert study.can_propose(number)
        untold.append(study.propose(number))
        if number == 7:
            study.tell(3, Status.FINISHED, 1.0)
            study.tell(0, Status.PRUNED, None)
    assert untold == told


@pytest.mark.parametrize("sampler", ["tpe", pytest.param("gp", marks=pytest.mark.slow)])
def test_results_that_arrive_out_of_order_change_no_proposal(sampler: str) -> None:
    lag, count = 2, 8

    def proposals(delay: Callable[[int], int]) -> list[dict[str, Any]]:
        """Tell each result as late as `delay` says and the proposer allows."""
        study, asked, waiting = proposer(sampler, lag=lag), list[dict[str, Any]](), dict[int, float]()
        for number in range(count):
            for other in sorted(waiting, key=delay):
                if not study.can_propose(number) or delay(other) <= number:
                    study.tell(other, Status.FINISHED, waiting.pop(other))
            assert study.can_propose(number)
            asked.append(study.propose(number))
            waiting[number] = loss(asked[-1], EPOCHS)
        return asked

    at_once = proposals(lambda number: number + 1)
    assert proposals(lambda number: number + 1 + (number * 7) % 3) == at_once
    assert proposals(lambda number: 100 - number) == at_once


def test_a_sampler_with_memory_waits_for_the_results_that_it_rests_on() -> None:
    study = proposer("tpe", lag=2)
    for number in range(3):
        assert study.can_propose(number) is (number < 3)
        study.propose(number)
    assert not study.can_propose(3)
    study.tell(1, Status.FINISHED, 1.0)
    assert not study.can_propose(3)
    study.tell(0, Status.FAILED, None)
    assert study.can_propose(3)


def test_tpe_learns_from_what_it_is_told() -> None:
    def tell(study: Proposer, sign: int) -> list[float]:
        rates = []
        for number in range(40):
            values = study.propose(number)
            study.tell(number, Status.FINISHED, sign * abs(math.log10(values["lr"]) + 2))
            rates.append(values["lr"])
        return rates[20:]

    near = [abs(math.log10(rate) + 2) for rate in tell(proposer("tpe"), 1)]
    far = [abs(math.log10(rate) + 2) for rate in tell(proposer("tpe"), -1)]
    assert sum(near) / 20 < 0.4 < sum(far) / 20


def test_another_seed_proposes_others_and_the_same_seed_the_same() -> None:
    assert run(proposer("random"), 0, 5) == run(proposer("random"), 0, 5)
    assert run(proposer("random"), 0, 5)[0][0] != run(proposer("random", seed=1), 0, 5)[0][0]


def test_proposals_of_one_study_do_not_repeat_each_other() -> None:
    rates = [values["lr"] for values, _, _, _ in run(proposer("random"), 0, 50)]
    assert len(set(rates)) == 50


def test_an_interrupted_grid_proposes_every_point_once() -> None:
    points = grid(FINITE)
    first = run(proposer("grid"), 0, 11)
    study = restored(first, "grid", "none")
    assert study.num_points == len(points)
    assert [values for values, _, _, _ in first + run(study, 11, len(points))] == points


def test_a_running_trial_is_restored_with_its_epochs_and_judged_as_before() -> None:
    whole = proposer("random", "median")
    history = run(whole, 0, 8)
    values = whole.propose(8)
    judged = [whole.report(8, epoch, 100.0) for epoch in (1, 2, 3)]
    again = restored(history, "random", "median")
    again.restore(8, values, {1: 100.0})
    assert [again.report(8, epoch, 100.0) for epoch in (2, 3)] == judged[1:]
    assert judged[-1] is True


def test_all_results_are_told_at_the_end_and_pruned_is_not_failed() -> None:
    study = proposer("random", lag=0)
    for number in range(4):
        study.propose(number)
    study.report(2, 1, 5.0)
    for number, status in ((3, Status.FINISHED), (2, Status.PRUNED), (1, Status.DIVERGED)):
        study.tell(number, status, 1.0 if status is Status.FINISHED else None)
    study.tell_all()
    states = [trial.state.name for trial in study.study.get_trials(deepcopy=False)]
    assert states == ["RUNNING", "FAIL", "PRUNED", "COMPLETE"]
    assert study.study.best_value == 1.0


def test_direction_is_the_studys() -> None:
    assert proposer("random").study.direction is optuna.study.StudyDirection.MINIMIZE
