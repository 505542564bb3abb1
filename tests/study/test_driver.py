"""What a driver does with members, repeats, failures, deaths and pruners; trainings are pretended where they may be."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import surviving as here
from waiting import until

from eksplora import provenance
from eksplora.errors import StorageError, StudyError, WorkerError
from eksplora.installation import CONF
from eksplora.stage.spec import WORK
from eksplora.study.ending import MOST_DEATHS

BASE = ("experiment=boston_mlp", "sampler=random", "study.n_trials=6", "trainer.max_epochs=6", "study.workers=2")
TWO_POINTS = ("~space.params.optimizer.lr", "~space.params.model.widths", "~space.params.model.activation")


@pytest.fixture(autouse=True)
def _workplace(workplace: Path) -> None:
    """All tests here work in an empty folder with warm workers."""


def test_trial_whose_worker_dies_is_counted_once_and_equals_the_undisturbed_one(prepared: str) -> None:
    expected = here.undisturbed(*BASE, prepared)
    Path("fall").write_text("2 1")
    here.study(*BASE, prepared)
    assert Path("fall").read_text() == "2 0"
    assert here.table() == expected
    assert here.counted_once()
    curve = [value for data in here.events("epochs") if data["trial"] == 2 for value in data["curves"]["val/mae"]]
    assert curve == here.members("undisturbed", "curves")[2, 0]["val/mae"]


def test_trial_whose_worker_always_dies_fails_and_the_study_goes_on(prepared: str) -> None:
    Path("fall").write_text(f"1 {MOST_DEATHS + 5}")
    here.study(*BASE, prepared)
    assert [row["status"] for row in here.table()] == ["finished", "failed", *["finished"] * 4]
    [failed] = [data for data in here.events("trial_end") if data["status"] == "failed"]
    assert failed["message"].startswith(
        f"the worker died {MOST_DEATHS} times (SIGKILL: most often memory had run out). "
    )
    assert Path("fall").read_text() == "1 5"


def test_budget_is_the_total_over_resumptions(prepared: str) -> None:
    here.study(*BASE, "study.n_trials=4", prepared)
    here.study(*BASE, "study.n_trials=8", prepared)
    here.study(*BASE, "study.n_trials=8", prepared)
    assert sorted(data["trial"] for data in here.events("trial")) == list(range(8))
    assert here.table() == here.undisturbed(*BASE, "study.n_trials=8", prepared)


def test_changed_study_is_refused_with_what_differs(prepared: str) -> None:
    here.study(*BASE, "study.n_trials=1", prepared)
    before = here.spool_path().read_bytes()
    with pytest.raises(StudyError, match=r"optimizer.betas.*study.seed: 0 -> 1.*study.name=<new name>") as caught:
        here.study(*BASE, "study.seed=1", "optimizer.betas=[0.8,0.9]", prepared)
    assert "\n" not in str(caught.value)
    assert here.spool_path().read_bytes() == before


def test_configuration_met_before_is_trained_once_and_followers_wait(prepared: str) -> None:
    here.study(*BASE, *TWO_POINTS, "space.params.data.batch_size=choice(16,32)", "study.n_trials=12", prepared)
    rows = here.table()
    assert [row["status"] for row in rows] == ["finished"] * 12
    originals = {row["trial"]: row for row in rows if not row["repeats"]}
    assert len(originals) == 2
    assert len(here.events("member")) == 2
    assert all(row["val/mae"] == originals[row["repeats"]]["val/mae"] for row in rows if row["repeats"])
    ends = [data["trial"] for data in here.events("trial_end")]
    assert all(ends.index(int(row["repeats"])) < ends.index(int(row["trial"])) for row in rows if row["repeats"])


def test_members_have_the_same_seeds_in_all_trials_and_the_value_is_their_mean(prepared: str) -> None:
    here.study(*BASE, "study.n_seeds=3", "study.n_trials=3", prepared)
    seeds = {tuple(member["seed"] for member in data["members"]) for data in here.events("trial")}
    assert len(seeds) == 1
    assert len(set(seeds.pop())) == 3
    for row in here.table():
        values = [data["value"] for data in here.events("member") if data["trial"] == int(row["trial"])]
        assert len(values) == 3
        assert float(row["val/mae"]) == pytest.approx(np.mean(values), rel=1e-14)
        assert float(row["std"]) == pytest.approx(np.std(values, ddof=1), rel=1e-10)


def test_members_that_finished_before_a_kill_are_kept(prepared: str) -> None:
    slow = [*BASE, "study.n_seeds=4", "study.n_trials=2", "study.workers=1", "trainer.max_epochs=12"]
    slow += ["training.engine=single", prepared]
    with here.command(here.PRETENDED, *slow) as process:
        until(lambda: here.num_lines("epochs.log") > 30, process=process)  # the third member is at work
        here.kill_driver(process)
    kept = here.events("member")
    assert [(data["trial"], data["member"]) for data in kept] == [(0, 0), (0, 1)]
    here.study(*slow)
    assert here.events("member")[:2] == kept
    assert here.counted_once()
    assert Counter(Path("epochs.log").read_text().splitlines())["0 1 12"] == 1


@pytest.mark.parametrize("pruner", ["median", "successive_halving", "hyperband"])
def test_pruned_trials_end_early_and_survive_a_resumption(pruner: str, prepared: str) -> None:
    options = ["pruner.n_startup_trials=2", "pruner.n_warmup_steps=2"] if pruner == "median" else []
    judged = [
        *BASE,
        *(f"pruner={pruner}", *options, "study.workers=1", "study.n_seeds=2", "trainer.max_epochs=9", prepared),
        "space.params.data.batch_size=choice(16,32,64)",
    ]
    rows = here.undisturbed(*judged, "study.n_trials=12")
    assert {row["status"] for row in rows} == {"finished", "pruned"}
    assert all(int(row["epochs"]) < 9 and not row["val/mae"] for row in rows if row["status"] == "pruned")
    for limit in (6, 12):
        here.study(*judged, f"study.n_trials={limit}")
    assert here.table() == rows
    assert here.counted_once()


def test_verdict_of_a_pruner_survives_a_worker_that_dies_on_it(prepared: str) -> None:
    judged = [*BASE, "pruner=successive_halving", "pruner.min_resource=3", "study.workers=1", prepared]
    expected = here.undisturbed(*judged)
    pruned = [int(row["trial"]) for row in expected if row["epochs"] == "3"]
    assert pruned
    Path("fall").write_text(f"{pruned[0]} 1")  # it dies in the third epoch, after the verdict
    here.study(*judged)
    assert Path("fall").read_text().endswith(" 0")
    assert here.table() == expected


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_one_and_two_workers_give_identical_trials(sampler: str, prepared: str) -> None:
    options = [*BASE, f"sampler={sampler}", "study.threads=1", "study.n_trials=4", "trainer.max_epochs=2", prepared]
    space = [*TWO_POINTS, "space.params.data.batch_size=choice(16,32,64)", "space.params.model.widths=choice([8],[4])"]
    here.study(*options, *space, "study.workers=2", work=WORK)
    assert here.table() == here.undisturbed(*options, *space, "study.workers=1", work=WORK)
    assert here.members() == here.members("undisturbed")


KERNELS = (
    *("experiment=digits_cnn", "sampler=random", "study.workers=2", "trainer.max_epochs=1", "model.padding=valid"),
    *("~space.params.optimizer", "~space.params.optimizer.momentum", "~space.when.optimizer.momentum"),
    *("~space.params.data.batch_size", "~space.params.model.hidden_units", "space.params.model.kernel=choice(2,7)"),
    "space.params.model.filters=choice([8],[8,8])",  # each goes alone: 7 pixels and two blocks want more than 8 x 8
)


def is_too_large(row: Mapping[str, str]) -> bool:
    return (row["model.kernel"], row["model.filters"].count("8")) == ("7", 2)


def test_trials_that_cannot_be_built_fail_with_their_message_and_the_study_goes_on(prepared: str) -> None:
    here.study(*KERNELS, "study.n_trials=8", prepared, work=WORK)
    for row, end in zip(here.table(), sorted(here.events("trial_end"), key=lambda end: end["trial"]), strict=True):
        assert row["status"] == ("failed" if is_too_large(row) else "finished")
        assert ("model.kernel" in end["message"]) == is_too_large(row), end["message"]
    assert {row["status"] for row in here.table()} == {"finished", "failed"}


def test_too_many_failures_end_the_study_with_a_summary(prepared: str, capfd: pytest.CaptureFixture[str]) -> None:
    limited = [*KERNELS, "study.n_trials=30", "study.max_failures=2", prepared]
    with pytest.raises(
        WorkerError, match=r"^3 trials failed, more than study.max_failures=2; the last: .*7x7"
    ) as caught:
        here.study(*limited, work=WORK)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    failed = [row["status"] for row in here.table()].count("failed")
    assert failed in (3, 4), "one may fail in the other worker meanwhile"
    assert f"{failed} failed" in capfd.readouterr().out
    assert here.counted_once()
    assert not Path("results").exists(), "only what is finished goes there"


NO_SPACE = r"No space left on device.*[Ff]ree space"


def fill(path: Path, *, leave: int) -> None:
    """Fill the file system of `path` but for some bytes."""
    path.unlink(missing_ok=True)
    space = os.statvfs(path.parent)
    path.write_bytes(bytes(space.f_bavail * space.f_frsize - leave))


def test_full_disk_ends_the_study_in_one_line_and_the_same_command_finishes(prepared: str) -> None:
    Path("mlruns").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", "mlruns"], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting is not permitted here: {mounted.stderr.decode().strip()}")
    try:
        ballast = Path("mlruns/ballast")
        many = [*BASE, "study.n_trials=30", "study.batch=2", "trainer.max_epochs=2", prepared]
        fill(ballast, leave=0)
        with pytest.raises(StorageError, match=NO_SPACE):
            here.study(*many)
        assert not Path("mlruns/studies/study").exists(), "nothing is left half-written"
        changes = len(json.dumps(provenance.diff(CONF.parent)))  # part of the first event
        fill(ballast, leave=100 * 1024 + changes)
        with pytest.raises(StorageError, match=NO_SPACE) as caught:
            here.study(*many, work=WORK)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2
        assert 0 < len(here.events("trial_end")) < 30
        ballast.unlink()
        here.study(*many, work=WORK)
        assert [row["status"] for row in here.table()] == ["finished"] * 30
        assert here.counted_once()
    finally:
        subprocess.run(["umount", "-l", "mlruns"], check=True)
