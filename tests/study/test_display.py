from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eksplora.config.keys import StudyBudget
from eksplora.console.estimate import Length
from eksplora.study.display import Display
from eksplora.study.ledger import Ledger
from eksplora.study.plan import Plan
from eksplora.study.spec import StudySpec
from eksplora.study.trial import StudyPopulation, Trial
from eksplora.types import Command, EpochReport, MemberResult, Status

BUDGET = StudyBudget(
    workers=None,
    threads=None,
    seed=0,
    n_seeds=2,
    batch=None,
    timeout_seconds=None,
    max_failures=0,
    checkpoint_seconds=20.0,
)
SPEC = StudySpec(
    name="study",
    experiment="wine_mlp",
    studies=Path(),
    metric="mae",
    direction="minimize",
    budget=BUDGET,
    configure=lambda values: {},
    config={},
    choices={"pruner": "none"},
    command=Command("search", []),
    project=Path(),
    work="",
    num_trials=4,
)
PLAN = Plan(
    spec=SPEC,
    name="study-12345678",
    metric="val/mae",
    sizes=(100, 90),
    is_spread=False,
    batch=4,
    num_workers=2,
    threads=1,
)

CONFIG: dict[str, Any] = {"trainer": {"max_epochs": 200}, "data": {"batch_size": 32}, "early_stopping": {}}


def ledger_of(num_trials: int, **values: Any) -> Ledger:
    ledger = Ledger("val/mae", "minimize")
    for number in range(num_trials):
        ledger.add(Trial(number, {"name": f"row {number}", **values}, CONFIG, str(number), PLAN.members))
    return ledger


def keys(*trials: int) -> list[tuple[int, int]]:
    return [(trial, member) for trial in trials for member in range(4)]


@pytest.mark.parametrize(
    ("trained", "by_number", "by_name"),
    [
        (keys(1), "trial 1", "row 1"),
        (keys(0, 1, 2), "3 trials", "row 0 and 2 more"),
        ([(1, 0)], "trial 1 seed 0, fold 0", "row 1 seed 0, fold 0"),
        ([(1, 3)], "trial 1 seed 1, fold 1", "row 1 seed 1, fold 1"),
        ([(1, 2), (1, 3)], "trial 1, 2 of 4 members", "row 1, 2 of 4 members"),
    ],
)
def test_what_trains_together_has_a_name(trained: list[tuple[int, int]], by_number: str, by_name: str) -> None:
    ledger = ledger_of(3)
    for naming, said in ((None, by_number), (lambda values: str(values["name"]), by_name)):
        shown = Display("study", PLAN, ledger, 4, naming)
        shown.started(StudyPopulation(0, trained))
        assert shown._progress._shown[0].name == said


def test_a_member_is_distinguished_by_what_there_are_several_of() -> None:
    for changes, said in (
        ({"spec": replace(SPEC, budget=replace(BUDGET, n_seeds=1))}, "trial 0 fold 1"),
        ({"sizes": (100,)}, "trial 0 seed 1"),
    ):
        plan, ledger = replace(PLAN, **changes), Ledger("val/mae", "minimize")
        ledger.add(Trial(0, {}, CONFIG, "0", plan.members))
        shown = Display("study", plan, ledger, 4)
        shown.started(StudyPopulation(0, [(0, 1)]))
        assert shown._progress._shown[0].name == said


def test_what_is_ahead_is_what_no_result_is_known_of_and_what_is_not_proposed_yet() -> None:
    ledger = ledger_of(2)
    ledger.trials[1].results[0] = MemberResult(1, 0, Status.FINISHED, 1.0, 1, 200, 800, 3.0)
    repeat = Trial(2, {}, CONFIG, "0", PLAN.members, repeats=0)
    ledger.add(repeat)
    ahead = Display("study", PLAN, ledger, 6)._ahead()
    assert set(ahead.trainings) == {*keys(0), (1, 1), (1, 2), (1, 3)}
    assert ahead.trainings[0, 0] == Length(200, 4)
    assert ahead.trainings[0, 1] == Length(200, 3)
    assert ahead.num_unknown == pytest.approx(3 * 4 * 2 / 3)  # a third of the trials repeats another


def test_the_value_shown_is_that_of_the_best_trial_that_trains() -> None:
    shown = Display("study", PLAN, ledger_of(2), 4)
    population = StudyPopulation(0, keys(0, 1))
    shown.started(population)
    values = {(0, 0): 3.0, (0, 1): 1.0, (1, 0): 1.5, (1, 1): 1.7, (0, 2): float("nan")}
    shown.epochs(population, [EpochReport(*key, 7, {"val/mae": value}) for key, value in values.items()])
    assert str(shown._progress._shown[0].part) == "2 trials epoch 7/200 1.60"


def test_the_end_of_a_trial_is_reported_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = ledger_of(2)
    shown = Display("study", PLAN, ledger, 4, lambda values: str(values["name"]))
    trial, failed = ledger.trials.values()
    trial.status, trial.value = Status.FINISHED, 2.5
    ledger.note_end(trial)
    shown.over(trial)
    ledger.fail(failed, "one line\nthe last line")
    ledger.note_end(failed)
    shown.over(failed)
    assert capsys.readouterr().err.splitlines() == [
        "[1/4] row 0: val/mae 2.5 in 0.0 s; best 2.5 (row 0)",
        "[2/4] row 1: failed (the last line) in 0.0 s; best 2.5 (row 0)",
    ]


def test_baselines_have_no_epochs() -> None:
    ledger = ledger_of(1)
    ledger.trials[0].config = {"baseline": {}, "data": {}}
    shown = Display("study", PLAN, ledger, 1)
    shown.started(StudyPopulation(0, keys(0)))
    assert str(shown._progress._shown[0].part) == "trial 0"
