import math
from collections.abc import Callable
from pathlib import Path

import example_study as example
import pytest
from spooling import put

from eksplora.events.spool import Spool, read
from eksplora.tracker._replay import Replay
from eksplora.tracker._run import LONG_PARAMS_FILE, Change


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    example.begin(spool)
    return spool


def changes(spool: Spool, *, settle: bool = False) -> dict[str, Change]:
    replay = Replay(folder=spool.path.parent)
    for event in read(spool.path):
        replay.fold(event)
    if settle:
        replay.settle()
    return {change.name: change for change in replay.take()}


def test_a_study_run_says_what_ran_and_how_to_go_on(spool: Spool) -> None:
    study = changes(spool)[example.STUDY]
    assert study.parent is None
    assert study.status == "RUNNING"
    assert study.tags["sampler"] == "random"
    assert study.tags["git.commit"] == study.tags["mlflow.source.git.commit"] == "c0ffee"
    assert "minimize `val/mae`" in study.tags["mlflow.note.content"]
    assert "the same command" in study.tags["mlflow.note.content"]
    assert study.texts["space.yaml"].startswith("optimizer.lr")


def test_a_parameter_longer_than_mlflow_takes_is_kept_whole_in_an_artifact(spool: Spool) -> None:
    study = changes(spool)[example.STUDY]
    assert study.params["space"] == f"see the artifact {LONG_PARAMS_FILE} (7000 characters)"
    assert study.texts[LONG_PARAMS_FILE] == '"space": "' + "x" * 7000 + '"\n'


def test_parameters_read_as_one_types_them(spool: Spool) -> None:
    example.start_trial(spool, 1)
    trial = changes(spool)["trial-001"]
    assert trial.params["model.widths"] == "[64, 64]"
    assert trial.params["model.bias"] == "true"
    assert trial.params["optimizer.lr"] == "0.1"
    assert "`optimizer.lr` = 0.1" in trial.tags["mlflow.note.content"]


def test_one_member_shows_its_curves_on_the_trial(spool: Spool) -> None:
    example.run_trial(spool, 0)
    runs = changes(spool)
    assert set(runs) == {example.STUDY, "trial-000"}
    curve = [point for point in runs["trial-000"].metrics if point.key == "val/metric_1"]
    assert [point.step for point in curve] == list(range(1, 11))
    assert [point.value for point in curve] == [1 / epoch + 1 for epoch in range(1, 11)]
    assert curve[0].time == 1_700_000_001_000


def test_several_members_have_runs_of_their_own_below_the_trial(spool: Spool) -> None:
    example.start_trial(spool, 0, members=2)
    example.add_epochs(spool, 0, member=1)
    example.end_member(spool, 0, member=1, value=2.0)
    example.end_trial(spool, 0, curves={"val/mae": [1.0, 2.0], "val/mae_std": [0.1, 0.2]})
    runs = changes(spool)
    member = runs["trial-000-member-1"]
    assert member.parent == runs["trial-000"].key
    assert (member.status, member.tags["seed"], member.tags["trial"]) == ("FINISHED", "100", "0")
    assert ("objective", 2.0) in [point[:2] for point in member.metrics]
    spread = [(point.step, point.value) for point in runs["trial-000"].metrics if point.key == "val/mae_std"]
    assert spread == [(1, 0.1), (2, 0.2)]
    assert not [point for point in runs["trial-000"].metrics if point.key == "val/metric_0"]


def test_members_say_their_seed_and_fold_and_how_they_were_trained(spool: Spool) -> None:
    example.start_trial(spool, 0, members=2)
    example.cut(spool, (0, 0), (0, 1), reason="")
    example.start_trial(spool, 1, members=2)
    example.cut(spool, (1, 0), (1, 1), (7, 0), reason="the memory holds no more")
    for number in (0, 1):
        example.end_member(spool, number, member=1, value=2.0)
        example.end_trial(spool, number)
    runs = changes(spool)
    member = runs["trial-001-member-1"]
    assert (member.params["seed"], member.params["fold"]) == ("100", "1")
    for run in (member, runs["trial-001"]):
        assert (run.tags["engine"], run.tags["engine_reason"]) == ("fused", "the memory holds no more")
    assert runs["trial-000"].tags["engine"] == "fused"
    assert "engine_reason" not in runs["trial-000"].tags | runs["trial-000-member-1"].tags


def test_a_study_says_what_its_values_are_means_over(spool: Spool) -> None:
    assert "mean over 1 seed x 2 folds" in changes(spool)[example.STUDY].tags["mlflow.note.content"]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("finished", "FINISHED"),
        ("pruned", "KILLED"),
        ("failed", "FAILED"),
        ("diverged", "FAILED"),
        ("interrupted", "KILLED"),
    ],
)
def test_a_status_is_shown_truly(spool: Spool, status: str, shown: str) -> None:
    example.start_trial(spool, 0)
    example.end_trial(spool, 0, status=status, value=None)
    trial = changes(spool)["trial-000"]
    assert (trial.status, trial.tags["status"]) == (shown, status)
    assert trial.end_time is not None


def test_a_failure_shows_its_traceback(spool: Spool) -> None:
    example.start_trial(spool, 0)
    example.end_trial(spool, 0, status="failed", value=None, message="Traceback\n  line\nValueError: no")
    trial = changes(spool)["trial-000"]
    assert trial.tags["message"] == "ValueError: no"
    assert trial.texts["error.txt"].startswith("Traceback")


def test_an_objective_that_is_not_finite_is_no_metric(spool: Spool) -> None:
    for number, value in enumerate([math.nan, math.inf, None]):
        example.start_trial(spool, number)
        example.end_trial(spool, number, status="diverged", value=value)
    points = [point for change in changes(spool).values() for point in change.metrics]
    assert {point.key for point in points} == {"seconds"}


def test_epochs_trained_again_after_a_kill_are_known_already(spool: Spool) -> None:
    example.start_trial(spool, 0)
    example.add_epochs(spool, 0, last=6, num_curves=1)
    example.drive(spool)
    example.start_trial(spool, 0)
    example.add_epochs(spool, 0, first=4, last=6, num_curves=1)
    example.add_epochs(spool, 0, first=5, last=8, num_curves=1)
    assert [point.step for point in changes(spool)["trial-000"].metrics] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_new_driver_marks_as_interrupted_what_the_old_one_left(spool: Spool) -> None:
    example.start_trial(spool, 0, members=2)
    example.add_epochs(spool, 0, member=0)
    example.start_trial(spool, 1)
    example.drive(spool)
    example.start_trial(spool, 1)
    runs = changes(spool)
    assert runs["trial-000"].tags["status"] == runs["trial-000-member-0"].tags["status"] == "interrupted"
    assert runs["trial-001"].status == runs[example.STUDY].status == "RUNNING"
    assert runs["trial-001"].end_time is None


def test_settling_closes_what_is_open_and_only_that(spool: Spool) -> None:
    example.run_trial(spool, 0)
    example.start_trial(spool, 1)
    runs = changes(spool, settle=True)
    assert [runs[name].tags["status"] for name in ("trial-000", "trial-001", example.STUDY)] == [
        "finished",
        "interrupted",
        "interrupted",
    ]


def test_a_stopped_study_is_not_touched_by_settling(spool: Spool) -> None:
    example.stop(spool)
    assert changes(spool, settle=True)[example.STUDY].tags["status"] == "finished"


def test_the_study_shows_each_objective_and_the_best_so_far(spool: Spool) -> None:
    for number, value in enumerate([3.0, 2.0, 2.5]):
        example.start_trial(spool, number)
        example.end_trial(spool, number, value=value)
    points = changes(spool)[example.STUDY].metrics
    assert [p.value for p in points if p.key == "trial/objective"] == [3.0, 2.0, 2.5]
    assert [(p.step, p.value) for p in points if p.key == "trial/best"] == [(0, 3.0), (1, 2.0), (2, 2.0)]


def test_the_best_trial_gets_its_artifacts_at_the_stop(spool: Spool) -> None:
    example.run_trial(spool, 0)
    example.stop(spool, best_trial=0)
    assert changes(spool)["trial-000"].files == {"best/config.yaml": "best.yaml"}


def metrics(change: Change) -> dict[str, float]:
    return {point.key: point.value for point in change.metrics}


def evaluated(spool: Spool, **sizes: int) -> dict[str, Change]:
    """What an evaluation changes of a study that is over."""
    return added(spool, lambda: example.evaluate(spool, 0, members=sizes.get("members", 1)), **sizes)


def added(spool: Spool, append: Callable[[], object], **sizes: int) -> dict[str, Change]:
    """What an event changes that comes after the end of a study."""
    example.run_trial(spool, 0, **sizes)
    example.stop(spool, best_trial=0)
    replay = Replay(folder=spool.path.parent)
    for event in read(spool.path):
        replay.fold(event)
    replay.take()
    append()
    *_, event = read(spool.path)
    replay.fold(event)
    replay.settle()
    return {change.name: change for change in replay.take()}


def test_an_evaluation_shows_on_the_study_the_trial_and_its_members(spool: Spool) -> None:
    runs = evaluated(spool, members=2)
    assert {name: metrics(change) for name, change in runs.items()} == {
        example.STUDY: {"test/mae": 2.5, "test_ensemble/mae": 2.0},
        "trial-000": {"test/mae": 2.5, "test_ensemble/mae": 2.0},
        "trial-000-member-0": {"test/mae": 2.5},
        "trial-000-member-1": {"test/mae": 3.5},
    }
    assert runs["trial-000-member-1"].parent == runs["trial-000"].key
    for name in (example.STUDY, "trial-000"):
        assert runs[name].files["evaluation/evaluate.json"] == "evaluation.json"


def test_an_evaluation_of_one_member_shows_on_the_trial_alone(spool: Spool) -> None:
    assert set(evaluated(spool)) == {example.STUDY, "trial-000"}


def test_an_evaluation_leaves_the_statuses_as_they_are(spool: Spool) -> None:
    for change in evaluated(spool, members=2).values():
        assert (change.status, change.end_time) == (None, None) and "status" not in change.tags


def test_a_report_is_a_file_of_the_study_s_run_alone(spool: Spool) -> None:
    artifacts = {"report/report.html": "report/report.html"}
    runs = added(spool, lambda: put(spool, "report", durable=True, trial=0, artifacts=artifacts))
    assert set(runs) == {example.STUDY}
    assert runs[example.STUDY].files == {"report/report.html": "report/report.html"}
    assert (runs[example.STUDY].status, runs[example.STUDY].end_time) == (None, None)


def test_kinds_of_a_newer_version_are_passed_over(spool: Spool) -> None:
    put(spool, "tomorrow", trial=0)
    assert set(changes(spool)) == {example.STUDY}
