import math
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest

from eksplora.counter import fingerprint
from eksplora.events.spool import Spool, read
from eksplora.study.journal import Journal
from eksplora.study.ledger import Ledger
from eksplora.study.trial import Trial
from eksplora.types import EpochReport, Member, MemberResult, Status

METRIC = "val/mae"


def trial(number: int, *, members: int = 1, lr: float = 0.1, repeats: int | None = None) -> Trial:
    config = {"optimizer": {"lr": lr}}
    seeds = [Member(index, 100 + index) for index in range(members)]
    return Trial(number, {"optimizer.lr": lr}, config, fingerprint(config), seeds, repeats)


def result(member: int, value: float | None, status: Status = Status.FINISHED, epochs: int = 2) -> MemberResult:
    curve = [9.0 - epoch for epoch in range(epochs)]
    return MemberResult(0, member, status, value, epochs, epochs, 10 * epochs, 1.5, {METRIC: curve})


def ended(number: int, value: float | None, status: Status = Status.FINISHED, repeats: int | None = None) -> Trial:
    made = trial(number, repeats=repeats)
    made.status, made.value = status, value
    return made


def replayed(path: Path) -> Ledger:
    ledger = Ledger(METRIC, "minimize")
    ledger.replay(event.body for event in read(path))
    return ledger


def test_value_is_the_mean_over_members_and_spread_the_sample_deviation() -> None:
    made, values = trial(0, members=3), [1.0, 2.5, 4.0]
    made.results = {index: result(index, value) for index, value in enumerate(values)}
    Ledger(METRIC, "minimize").conclude(made)
    assert made.status is Status.FINISHED
    assert made.value == np.mean(values)
    assert made.spread == pytest.approx(np.std(values, ddof=1), rel=1e-15)


@pytest.mark.parametrize("status", [Status.PRUNED, Status.DIVERGED])
def test_trial_with_a_member_that_ended_early_is_over_and_has_no_value(status: Status) -> None:
    made = trial(0, members=3)
    made.results = {0: result(0, 1.0), 1: result(1, None, status)}
    assert made.is_trained, "the third member is not trained any more, after a kill neither"
    Ledger(METRIC, "minimize").conclude(made)
    assert (made.status, made.value) == (status, None)


def of_members(*curves: list[float]) -> Trial:
    made = trial(0, members=len(curves))
    for index, curve in enumerate(curves):
        made.results[index] = MemberResult(0, index, Status.FINISHED, 1.0, 2, 2, 2, 0.0, {METRIC: curve})
    return made


def test_curves_are_means_and_spreads_over_members() -> None:
    curves = [3.0, 2.0, 0.1], [5.0, 1.0, 0.2], [1 / 3, 7.5, 0.4]
    made, rows = of_members(*curves).curves(), list(zip(*curves, strict=True))
    assert list(made) == [METRIC, f"{METRIC}_std"]
    assert made[METRIC] == pytest.approx([fmean(row) for row in rows], rel=1e-15)
    assert made[f"{METRIC}_std"] == pytest.approx([stdev(row) for row in rows], rel=1e-14)


def test_curves_of_different_lengths_are_means_over_those_that_have_the_epoch() -> None:
    made = of_members([1.0, 2.0, 3.0, 4.0], [3.0], [5.0, 6.0, 7.0]).curves()
    assert made[METRIC] == [3.0, 4.0, 5.0]
    assert made[f"{METRIC}_std"] == pytest.approx([2.0, stdev([2.0, 6.0]), stdev([3.0, 7.0])], rel=1e-15)


def test_a_curve_that_is_not_finite_makes_its_own_epochs_not_finite() -> None:
    made = of_members([1.0, math.nan], [3.0, 1.0], [5.0, 6.0]).curves()
    assert made[METRIC][0] == 3.0
    assert math.isnan(made[METRIC][1]) and math.isnan(made[f"{METRIC}_std"][1])


def test_one_member_has_no_mean() -> None:
    assert of_members([1.0, 2.0]).curves() == {}


@pytest.mark.parametrize(("direction", "order"), [("minimize", [2, 0, 1]), ("maximize", [1, 0, 2])])
def test_ranking_follows_the_direction_and_leaves_out_what_did_not_finish_or_repeats(
    direction: str, order: list[int]
) -> None:
    trials = [ended(0, 2.0), ended(1, 3.0), ended(2, 1.0), ended(3, None, Status.FAILED), ended(4, 1.0, repeats=2)]
    ledger = Ledger(METRIC, direction)
    for one in trials:
        ledger.add(one)
        ledger.note_end(one)
    assert [one.number for one in ledger.ranked(trials)] == order
    assert ledger.best is trials[order[0]]
    assert ledger.num_over == 5


def test_first_of_equal_trials_stays_best() -> None:
    ledger = Ledger(METRIC, "minimize")
    for number in (1, 0):
        ledger.add(ended(number, 2.0))
        ledger.note_end(ledger.trials[number])
    assert ledger.best is ledger.trials[0]


def test_configuration_is_met_again_unless_its_trial_failed() -> None:
    ledger, first = Ledger(METRIC, "minimize"), trial(0)
    ledger.add(first)
    assert ledger.original(first.key) is first
    assert ledger.original(trial(1, lr=0.2).key) is None
    first.status = Status.FAILED
    assert ledger.original(first.key) is None


def test_spool_gives_back_what_was_recorded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    record, first, second = (
        Journal(spool, Ledger(METRIC, "minimize")),
        trial(0, members=2),
        trial(1, lr=1 / 3, repeats=0),
    )
    record.trial(first, {"sampler": "random"})
    for epoch in (1, 2):
        record.epoch(first, EpochReport(0, 0, epoch, {METRIC: 9.0 - epoch}))
    record.member(first, result(0, 7.0))
    record.trial(second, {})
    ledger = replayed(spool.path)
    assert ledger.trials[0].waiting == [Member(1, 101)]
    assert ledger.trials[0].results[0] == result(0, 7.0)
    assert ledger.trials[0].spooled == {0: 2}
    assert ledger.trials[1].values == {"optimizer.lr": 1 / 3}
    assert (ledger.trials[1].repeats, ledger.trials[1].key) == (0, second.key)
    assert ledger.with_status(Status.RUNNING) == [ledger.trials[0], ledger.trials[1]]

    first.results = {0: result(0, 7.0), 1: result(1, 8.0)}
    ledger.conclude(first)
    record.trial_end(first, {})
    ledger = replayed(spool.path)
    assert (ledger.trials[0].status, ledger.trials[0].value, ledger.num_over) == (Status.FINISHED, 7.5, 1)
    assert ledger.best is ledger.trials[0]


def test_epochs_that_come_again_after_a_death_are_written_once(tmp_path: Path) -> None:
    spool, made = Spool(tmp_path / "spool.jsonl"), trial(0)
    record = Journal(spool, Ledger(METRIC, "minimize"))
    record.trial(made, {})
    for epoch in (1, 2, 3, 2, 3, 4):  # the worker died in epoch 4; its checkpoint was that of epoch 1
        record.epoch(made, EpochReport(0, 0, epoch, {METRIC: float(epoch)}))
    record.member(made, result(0, 4.0, epochs=4))
    [epochs] = [event.body for event in read(spool.path) if event.kind == "epochs"]
    assert (epochs.first, epochs.curves[METRIC], len(epochs.times)) == (1, [1.0, 2.0, 3.0, 4.0], 4)


def test_epochs_that_a_kill_swallowed_are_written_from_the_result(tmp_path: Path) -> None:
    spool, made = Spool(tmp_path / "spool.jsonl"), trial(0)
    record = Journal(spool, Ledger(METRIC, "minimize"))
    record.trial(made, {})
    record.epoch(made, EpochReport(0, 0, 3, {METRIC: 6.5}))  # the checkpoint was that of epoch 2, the spool had none
    record.member(made, result(0, 4.0, epochs=3))
    [epochs] = [event.body for event in read(spool.path) if event.kind == "epochs"]
    assert (epochs.first, epochs.curves[METRIC]) == (1, [9.0, 8.0, 7.0])


def test_verdict_of_the_pruner_is_remembered_with_what_it_was_given(tmp_path: Path) -> None:
    spool, made = Spool(tmp_path / "spool.jsonl"), trial(0, members=2)
    record = Journal(spool, Ledger(METRIC, "minimize"))
    record.trial(made, {})
    record.judged([(0, 1, 6.0, False)])
    assert replayed(spool.path).trials[0].pruned_at is None
    record.judged([(0, 2, 7.0, True)])
    again = replayed(spool.path).trials[0]
    assert (again.reports, again.pruned_at) == ({1: 6.0, 2: 7.0}, 2)


def test_populations_come_back_from_the_spool_as_they_are(tmp_path: Path) -> None:
    spool, ledger = Spool(tmp_path / "spool.jsonl"), Ledger(METRIC, "minimize")
    record = Journal(spool, Ledger(METRIC, "minimize"))
    for number in range(3):
        ledger.add(trial(number, members=2))
        record.trial(ledger.trials[number], {})
    first, second = ledger.new_population([(0, 0), (1, 0), (0, 1)]), ledger.new_population([(2, 0), (2, 1)])
    record.packed([first, second])
    second.keys, second.is_begun = [(2, 1)], True
    record.population(second)
    assert replayed(spool.path).populations == ledger.populations

    parts = [ledger.new_population([key], "too large") for key in first.keys]
    record.packed(parts, replaced=[first.number], reason="too large")
    del ledger.populations[first.number]
    again = replayed(spool.path)
    assert again.populations == ledger.populations
    assert (again.num_populations, len(again.populations)) == (5, 4)
    record.population_end(second)
    assert second.number not in replayed(spool.path).populations


def test_a_population_waits_for_members_without_a_result_in_trials_that_are_not_over() -> None:
    ledger = Ledger(METRIC, "minimize")
    for one in (trial(0, members=2), ended(1, 2.0)):
        ledger.add(one)
    ledger.trials[0].results[1] = result(1, 1.0)
    assert ledger.waiting(ledger.new_population([(0, 0), (0, 1), (1, 0)])) == [(0, 0)]


def test_epochs_of_a_trial_that_is_over_are_not_written(tmp_path: Path) -> None:
    spool, made = Spool(tmp_path / "spool.jsonl"), trial(0)
    record = Journal(spool, Ledger(METRIC, "minimize"))
    made.status = Status.FAILED
    record.epoch(made, EpochReport(0, 0, 1, {METRIC: 6.0}))
    record.flush(made, 0)
    assert list(read(spool.path)) == []
