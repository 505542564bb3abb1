"""The settings of a study, and what its driver costs."""

import time
from pathlib import Path

import pytest
import surviving as here

from eksplora.errors import ConfigError, EksploraError, WorkerError
from eksplora.stage.spec import WORK
from eksplora.study.definition import Definition
from eksplora.study.driver import Driver


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("study.n_trials=0", r"^study.n_trials must be a whole number of at least 1 or null, got 0\. "),
        ("study.n_seeds=0", r"^study.n_seeds must be .*, got 0\. "),
        ("study.stages=0", r"^study.stages must be .*, got 0\. "),
        ("study.batch=0", r"^study.batch must be .*, got 0\. "),
        ("study.workers=0", r"^study.workers must be .*, got 0\. "),
        ("study.threads=-1", r"^study.threads must be .*, got -1\. "),
        ("study.max_failures=-1", r"^study.max_failures must be .*, got -1\. "),
        ("study.timeout_seconds=0", r"^study.timeout_seconds must be .*, got 0\.0\. "),
        ("study.checkpoint_seconds=-2", r"^study.checkpoint_seconds must be .*, got -2\.0\. "),
        ("study.n_trials=null", r"^study.n_trials: null .*sampler=grid"),
    ],
)
def test_budget_that_means_nothing_is_refused_before_anything_is_written(
    override: str, message: str, workplace: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        here.study("experiment=boston_mlp", "sampler=random", override)
    assert list(workplace.iterdir()) == []


def test_differences_name_changed_new_and_missing_keys() -> None:
    recorded, now = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}
    assert Definition(now).differences(recorded) == ["b: 2 -> 5", "c: 3 -> absent", "d: absent -> 4"]
    assert Definition(now).differences(now) == []


def test_grid_without_a_number_of_trials_is_searched_whole(prepared: str, workplace: Path) -> None:
    space = ["~space.params.optimizer.lr", "~space.params.model.widths", "space.params.data.batch_size=choice(16,32)"]
    here.study("experiment=boston_mlp", "sampler=grid", "study.n_trials=null", "trainer.max_epochs=2", *space, prepared)
    points = {(row["data.batch_size"], row["model.activation"]) for row in here.table()}
    assert points == {("16", "relu"), ("16", "tanh"), ("32", "relu"), ("32", "tanh")}
    assert len(here.table()) == 4


def test_configuration_that_cannot_be_built_is_refused_before_anything_is_written(
    prepared: str, workplace: Path
) -> None:
    with pytest.raises(ConfigError, match=r"model\.kernel"):
        here.study("experiment=digits_cnn", "model.padding=valid", "model.kernel=11", prepared, work=WORK)
    assert not Path("mlruns/studies/study").exists()


@pytest.mark.slow
def test_workers_that_die_before_they_get_a_job_end_the_study(prepared: str, workplace: Path) -> None:
    with pytest.raises(WorkerError, match=r"^workers die while they start \(exit code 1\)\. "):
        here.study("experiment=boston_mlp", prepared, work="no_such_module:run")
    assert not Path("mlruns/studies/study").exists()


def cost(num_trials: int, prepared: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """Milliseconds of the driver's own work per trial of a study that trains nothing."""
    spent: list[float] = []
    run = Driver.run

    def timed(driver: Driver) -> None:
        start = time.process_time()
        run(driver)
        spent.append(time.process_time() - start)

    with monkeypatch.context() as patch:
        patch.setattr(Driver, "run", timed)
        options = [f"study.n_trials={num_trials}", "study.workers=1", "trainer.max_epochs=1"]
        here.study("experiment=boston_mlp", "sampler=random", *options, prepared)
    return spent[0] / num_trials * 1000


@pytest.fixture
def nothing_finishes(prepared: str) -> list[str]:
    return ["experiment=boston_mlp", "sampler=random", "study.n_trials=1", "trainer.max_epochs=4", prepared]


def test_a_study_without_a_finished_trial_is_a_failure_each_time_and_hands_nothing_on(
    nothing_finishes: list[str], workplace: Path
) -> None:
    Path("diverge").write_text("0 0")
    for _ in range(2):  # the second finds all trials over
        with pytest.raises(WorkerError, match=r"^no trial finished \(1 diverged\); trial 0: diverged\. Lower the lear"):
            here.study(*nothing_finishes)
        assert not Path("results").exists()
        assert [row["status"] for row in here.table()] == ["diverged"], "what was tried stays recorded"
        assert [data["status"] for data in here.events("stop")][-1] == "failed"


def test_a_study_whose_trials_all_fail_names_the_first_reason(nothing_finishes: list[str], workplace: Path) -> None:
    Path("refuse").write_text("0")
    with pytest.raises(WorkerError, match=r"^no trial finished \(1 failed\); trial 0: .*is refused.* Correct what"):
        here.study(*nothing_finishes, "study.max_failures=5")


def test_one_finished_trial_is_enough(nothing_finishes: list[str], workplace: Path) -> None:
    Path("diverge").write_text("0 0")
    here.study(*nothing_finishes, "study.n_trials=2")
    assert [row["status"] for row in here.table()] == ["diverged", "finished"]


def test_a_time_limit_before_the_first_finished_trial_is_a_failure_that_can_go_on(
    nothing_finishes: list[str], workplace: Path
) -> None:
    slow = [*nothing_finishes, "trainer.max_epochs=3000"]
    with pytest.raises(EksploraError, match=r"^no trial finished: study\.timeout_seconds=0\.2 is over\. ") as raised:
        here.study(*slow, "study.timeout_seconds=0.2")
    assert raised.value.exit_code == 1
    assert [data["status"] for data in here.events("stop")] == ["interrupted"]


@pytest.mark.slow
def test_driver_costs_the_same_at_many_trials_as_at_few(
    prepared: str, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with here.chdir("."):
        few = cost(50, prepared, monkeypatch)
    Path("mlruns").rename("few")
    many = cost(2000, prepared, monkeypatch)
    assert many < 15
    assert many < 1.5 * few
