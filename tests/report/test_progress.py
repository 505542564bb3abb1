import pytest

from eksplora.report.progress import Progress


def test_without_a_terminal_every_trial_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(title="study", total=3, done=1, metric="val/mae") as progress:
        progress.started(1)
        progress.epoch(1, 5)
        progress.ended(1, outcome="val/mae 2.5", seconds=1.25, best="best 2.5 (trial 1)", done=2)
        progress.say("a worker died")
    assert capsys.readouterr().err.splitlines() == [
        "[2/3] trial 1: val/mae 2.5 in 1.2 s; best 2.5 (trial 1)",
        "a worker died",
    ]
