import io
import re
from collections.abc import Iterator

import pytest
from pseudo import Pseudo
from simulated import Pretended, Simulation

from eksplora.console.estimate import Key, Length
from eksplora.console.progress import Ahead, Progress
from eksplora.console.terminal import Terminal


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Shown(Simulation):
    """A pretended study whose events go to a progress instead of an estimate of their own."""

    def __init__(self, study: Pretended, terminal: Terminal, **options: object) -> None:
        super().__init__(study)
        self.clock, self.terminal = Clock(), terminal
        self.progress = Progress(
            title="boston_mlp",
            total=study.trials,
            done=study.past,
            workers=study.workers,
            ahead=self.ahead,
            terminal=terminal,
            clock=self.clock,
            **options,  # type: ignore[arg-type]
        )
        self.over: dict[int, int] = {}
        self.estimate = self  # type: ignore[assignment]

    def ahead(self) -> Ahead:
        waiting = {key: self.study.length(key[0]) for keys in self.queue for key in keys}
        return Ahead(waiting, (self.study.trials - self.proposed) * self.study.members)

    def start(self, population: int, trainings: dict[Key, Length], at: float) -> None:
        self.clock.now = at
        number = next(iter(trainings))[0]
        self.progress.started(population, f"trial {number}", trainings)

    def epoch(self, population: int, epoch: int, at: float) -> None:
        self.clock.now = at
        self.progress.epoch(population, epoch, 10 / epoch)

    def end(self, key: Key, epochs: int) -> None:
        self.progress.ended(key, epochs)
        self.over[key[0]] = self.over.get(key[0], 0) + 1
        if self.over[key[0]] == self.study.members:
            self.progress.best(10 / epochs, f"trial {key[0]}")
            done = sum(count == self.study.members for count in self.over.values())
            self.progress.over(f"trial {key[0]}", "val/mae 0.05", 3.2, done + self.study.past)

    def leave(self, population: int, at: float) -> None:
        self.clock.now = at
        self.progress.left(population)

    def run(self) -> Iterator[None]:
        with self.progress:
            for _ in self.events():
                yield


STUDY = Pretended(trials=8, members=2, together=2)


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def lines(study: Pretended, **options: object) -> list[str]:
    """What is written where there is no terminal."""
    stream = io.StringIO()
    for _ in Shown(study, Terminal(stream), **options).run():
        pass
    return stream.getvalue().splitlines()


def frames(study: Pretended, columns: int, **options: object) -> list[str]:
    """What a terminal shows after each event."""
    with Pseudo(columns) as pseudo:
        shown = []
        for _ in Shown(study, Terminal(pseudo.stream), **options).run():
            pseudo.screen.write(pseudo.read())
            shown.append(pseudo.screen.rows()[-1])
        return shown


def test_a_frame_says_what_trains_its_value_the_best_and_the_time_left() -> None:
    shown = frames(STUDY, 140)
    middle = shown[int(len(shown) * 0.45)]
    assert re.fullmatch(
        r"boston_mlp 2/8 · best 0\.0500 \(trial \d\) · trial \d epoch \d+/200 0\.\d+, trial \d epoch \d+/200 0\.\d+ · "
        r"about \d0 s left",
        middle,
    ), middle


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_nine_of_ten_frames_after_the_first_epochs_have_an_estimate(columns: int) -> None:
    shown = frames(STUDY, columns)
    assert sum(frame.endswith(" left") for frame in shown) >= 0.9 * len(shown)


def test_nothing_is_estimated_before_there_is_evidence() -> None:
    assert "left" not in frames(STUDY, 120)[0]


def test_a_resumed_study_has_an_estimate_at_once() -> None:
    with Pseudo(120) as pseudo:
        study = Shown(Pretended(), Terminal(pseudo.stream))
        study.progress.remember(Length(200, 11), 200, 6.4)
        study.progress.started(0, "trial 7", {(7, 0): Length(200, 11)})
        study.clock.now = 1.0
        study.progress.tick()
        assert pseudo.rows()[-1] == "boston_mlp 0/20 · trial 7 · about 1 min left"


def test_what_may_end_early_is_a_bound_until_something_has() -> None:
    study = Pretended(trials=40, ends=lambda trial: 80)
    shown = frames(study, 120, ends_early=True)
    first = next(frame for frame in shown if frame.endswith("left"))
    assert "up to" in first
    assert "about" in shown[len(shown) // 2]


def test_a_time_limit_ends_what_is_left() -> None:
    left = [frame.rpartition(" · ")[2] for frame in frames(STUDY, 120, limit_seconds=12.0)]
    assert "about 10 s left" in left
    assert not any("min" in text for text in left)


def test_while_it_stops_no_time_is_promised() -> None:
    with Pseudo(120) as pseudo:
        study = Shown(STUDY, Terminal(pseudo.stream))
        study.progress.started(0, "trial 7", {(7, 0): Length(200, 11)})
        study.progress.stopping()
        assert pseudo.rows() == ["boston_mlp 0/8 · trial 7 · stopping"]


def test_the_line_below_a_trial_that_is_over_counts_it() -> None:
    with Pseudo(80) as pseudo:
        study = Shown(STUDY, Terminal(pseudo.stream))
        with study.progress:
            study.progress.over("trial 0", "val/mae 0.05", 3.2, 1)
            rows = pseudo.rows()
    assert rows[0].startswith("[1/8] trial 0")
    assert rows[1].startswith("boston_mlp 1/8")


def test_the_line_is_gone_at_the_end() -> None:
    with Pseudo(80) as pseudo:
        for _ in Shown(STUDY, Terminal(pseudo.stream)).run():
            pass
        rows = pseudo.rows()
    assert len(rows) == 8
    assert all(row.startswith("[") for row in rows)


# --- without a terminal ------------------------------------------------------------------------------------------


def test_without_a_terminal_every_trial_is_one_line() -> None:
    assert [line for line in lines(STUDY) if line.startswith("[")][-1].startswith("[8/8] trial ")
    assert lines(STUDY)[0] == "[1/8] trial 1: val/mae 0.05 in 3.2 s; best 0.05 (trial 1)"


def test_a_short_study_says_nothing_else() -> None:
    assert all(line.startswith("[") for line in lines(Pretended(trials=4)))


@pytest.mark.parametrize("hours", [0.2, 2, 20])
def test_a_long_training_is_not_silent_and_not_loud(hours: float) -> None:
    """A line for each tenth of the way, or each ten minutes where that is less."""
    seconds = hours * 3600 / 200
    study = Pretended(trials=1, workers=1, row_seconds=seconds, step_seconds=0.0)
    shown = [line for line in lines(study) if not line.startswith("[")]
    assert 9 <= len(shown) <= max(11, hours * 6 * 1.3)
    assert all(line.startswith("boston_mlp 0/1 · trial 0 epoch ") for line in shown)
    assert sum(line.endswith(" left") for line in shown) >= 0.9 * len(shown)


def test_one_epoch_that_takes_hours_is_reported_of_by_those_that_only_wait() -> None:
    stream = io.StringIO()
    study = Shown(STUDY, Terminal(stream))
    study.progress.started(0, "trial 0", {(0, 0): Length(1, 100)})
    for minute in range(60):
        study.clock.now = 60.0 * minute
        study.progress.tick()
    assert stream.getvalue().splitlines() == ["boston_mlp 0/8 · trial 0"] * 5
