import pytest

from eksplora.console.progress import Progress


def test_without_a_terminal_every_trial_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(title="study", total=3, done=1, metric="val/mae") as progress:
        progress.started(0, [1])
        progress.started(1, [1, 2, 3])
        progress.epoch(0, 5)
        progress.left(0)
        progress.ended(1, outcome="val/mae 2.5", seconds=1.25, best="best 2.5 (trial 1)", done=2)
        progress.say("a worker died")
    assert capsys.readouterr().err.splitlines() == [
        "[2/3] trial 1: val/mae 2.5 in 1.2 s; best 2.5 (trial 1)",
        "a worker died",
    ]


def test_what_trains_is_named_by_its_trial_or_the_number_of_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stream for a terminal
    with Progress(title="study", total=40, done=0, metric="val/mae") as progress:
        progress.started(0, [7])
        progress.started(1, list(range(8, 40)))
        progress.epoch(1, 3)
        progress.started(2, [40])
        progress.left(2)
        [task] = progress._bar.tasks
        assert task.fields["note"] == "training trial 7 (epoch 0), 32 trials (epoch 3)"
