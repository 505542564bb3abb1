"""Runs recorded by real commands in a repository of their own, trained again from it, and what stands in the way."""

import math
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import preloaded
import pytest
import recording
import surviving
from processes import read, session
from recording import command, git
from spooling import plain
from waiting import until

from eksplora import provenance
from eksplora.config import compose_request
from eksplora.data import _store
from eksplora.errors import ConfigError, DataError, EksploraError, PreconditionError, StorageError
from eksplora.events.event import StudyEvent
from eksplora.provenance import code_sha256
from eksplora.reproduction import retraining
from eksplora.reproduction.record import Recorded
from eksplora.stage import reproduce as stage
from eksplora.stage.reproduce import check_device, check_machine, check_threads, first_difference, is_present

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

QUICK = ["study.workers=1", "study.threads=1", "~space.params.data.batch_size", "~space.params.model.widths"]
INTERRUPTED = [
    *("search", "experiment=diabetes_mlp", "study.name=interrupted", *QUICK, "sampler=random", "study.n_trials=4"),
    *("pruner=successive_halving", "study.checkpoint_seconds=0.02", "trainer.max_epochs=90", "model.widths=[8]"),
]
POPULATION = [
    *("search", "experiment=diabetes_mlp", "study.name=population", *QUICK, "sampler=random", "study.n_trials=3"),
    *("study.n_seeds=3", "trainer.max_epochs=3", "space.params.optimizer.lr=choice(0.01,0.001)"),
]  # two of three trials have the same rate
CNN = ["train", "experiment=digits_cnn", "study.name=cnn", "study.threads=1", "trainer.max_epochs=1"]
BASELINE = ["baseline", "experiment=diabetes_mlp", "study.name=baseline", "study.threads=1", "baseline.max_iter=20"]
CHANGED = ["train", "experiment=diabetes_mlp", "study.name=changed", "study.threads=1", "trainer.max_epochs=2"]
CHANGE = """
from eksplora.data._half import HALF
constant.__call__ = lambda self, step, total, history: HALF
"""


@dataclass
class Project:
    """Where runs were recorded.

    Attributes:
        root: A copy of the project; runs and data are in it.
        changed: A clone of it, in which one run was recorded with changes that were not committed.
        runs: The ids of all runs, by `<study>/<name>`.
    """

    root: Path
    changed: Path
    runs: dict[str, str]

    def spool(self, study: str) -> Path:
        """The record of a study."""
        return self.root / "mlruns/studies" / study / "spool.jsonl"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Project:
    """Five studies: one of them killed and taken up again, one recorded with changes."""
    folder = tmp_path_factory.mktemp("project")
    root, changed = recording.copy_project(folder / "a project"), folder / "changed"
    git(folder, "clone", "--quiet", str(root), str(changed))
    (root / "mlruns").mkdir()
    shutil.copy(empty_database, root / "mlruns/mlflow.db")
    with ThreadPoolExecutor(1) as pool:
        shared = [f"paths.data={root}/data", f"paths.mlruns={root}/mlruns"]
        beside = pool.submit(record_with_changes, changed, [*CHANGED, *shared])
        begin_and_kill(root, INTERRUPTED)
        recording.record(root, INTERRUPTED, POPULATION, CNN, BASELINE)
        beside.result()
    return Project(root, changed, ids(root))


def record_with_changes(root: Path, asked: list[str]) -> None:
    """Train with a changed source file and an untracked module that it imports; both are gone afterwards."""
    source, module = root / "src/eksplora/scheduler.py", root / "src/eksplora/data/_half.py"
    source.write_text(source.read_text(encoding="utf-8") + CHANGE)
    module.write_text("HALF = 0.5\n")
    recording.record(root, asked)
    git(root, "checkout", "--quiet", ".")
    module.unlink()


def begin_and_kill(root: Path, asked: list[str]) -> None:
    """Kill a search when its population has a checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("PYTHONPATH", str(root / "src"))
        with surviving.command(root / "pipelines/search.py", *asked[1:], tracker="mlflow") as process:
            checkpoints = root / "mlruns/studies/interrupted/populations"
            until(lambda: list(checkpoints.glob("*/[ab].json")), process=process)
            surviving.kill_driver(process)


def ids(root: Path) -> dict[str, str]:
    """The ids of all runs in MLflow, by `<study>/<name>`."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root}/mlruns/mlflow.db")
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return {f"{run.data.tags['study']}/{run.info.run_name}": run.info.run_id for run in runs}


class Here:
    """The stage in this process, in a project; and the command, as a process."""

    def __init__(self, project: Project, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.project, self.folder, self._patch = project, folder, patch

    def again(self, run: str, *overrides: str, root: Path | None = None) -> None:
        """Train a run again: `<study>/<name>` or an id."""
        self._patch.setattr(stage, "project", lambda: root or self.project.root)
        stage.reproduce(compose_request("reproduce", self.overrides(run, *overrides)))

    def overrides(self, run: str, *overrides: str) -> list[str]:
        """What a command is given."""
        root = self.project.root
        tracker = [] if "tracker=off" in overrides else [f"tracker.uri=sqlite:///{root}/mlruns/mlflow.db"]
        shared = [f"paths.data={root}/data", f"paths.mlruns={root}/mlruns", *tracker]
        return [f"run={self.project.runs.get(run, run)}", *shared, *overrides]

    def altered(self, study: str, edit: recording.Edit) -> str:
        """The override with which a study's record is another."""
        recording.alter(self.project.spool(study), self.folder / "altered/studies" / study / "spool.jsonl", edit)
        return f"paths.mlruns={self.folder}/altered"


@pytest.fixture
def here(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """The stage; afterwards the users' files, commits and worktrees are as before, and no temporary folder is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(retraining, "subprocess", SimpleNamespace(PIPE=subprocess.PIPE, run=run_forked))
    before = [state(root) for root in (project.root, project.changed)]
    yield Here(project, tmp_path, monkeypatch)
    assert [state(root) for root in (project.root, project.changed)] == before
    assert list(temporary.iterdir()) == []


def run_forked(words: list[str], **given: Any) -> "subprocess.CompletedProcess[Any]":
    """As `subprocess.run`: the interpreter that trains again need not import torch once more."""
    run = preloaded.run if words[0] == sys.executable else subprocess.run
    return run(words, **given)


def state(root: Path) -> list[object]:
    """A repository as its user sees it, byte for byte."""
    status = git(root, "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=all")
    worktrees = git(root, "worktree", "list", "--porcelain"), (root / ".git/worktrees").exists()
    return [status, worktrees, (root / ".git/index").read_bytes(), (root / ".git/HEAD").read_text()]


# --- the same bits -----------------------------------------------------------------------------------------------


def in_a_terminal(here: Here, run: str) -> tuple[str, str]:
    """What the command says of a run on a terminal, and what it says on standard error."""
    ours, theirs = pty.openpty()
    words = recording.words(here.project.root, "reproduce", *here.overrides(run))
    done = preloaded.run(words, cwd=here.project.root, env=recording.environment(here.project.root), stdout=theirs)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    return shown, done.stderr


def test_a_member_of_a_fused_population_is_bit_identical_by_the_command_in_a_terminal_that_shows_epochs(
    here: Here,
) -> None:
    results = recording.events(here.project.spool("population"), "member")
    assert {result["engine"] for result in results} == {"fused"} and len(results) == 6
    shown, errors = in_a_terminal(here, "population/trial-000-member-1")
    epochs, _, verdict = shown.rpartition("\r\x1b[K")
    assert epochs.startswith("\repoch 1\repoch 2")
    said = "bit-identical: population, trial 0, member 1: every metric of 3 epochs and the weights' sha256, 1 member"
    assert verdict.startswith(said) and verdict.count("\n") == 1
    assert errors.splitlines()[2] == "training a population of 6 members on 1 thread"


@pytest.mark.slow
def test_a_cnn_is_bit_identical_by_the_command(here: Here) -> None:
    shown, _ = in_a_terminal(here, "cnn/trial-000")
    assert shown.startswith("\repoch 1\r\x1b[Kbit-identical: cnn, trial 0: every metric of 1 epoch and the weights'")


def test_a_study_is_its_best_trial_and_without_its_folder_its_record_comes_from_mlflow(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    best = recording.events(here.project.spool("population"), "stop")[-1]["best_trial"]
    here.again("population/population", f"paths.mlruns={here.folder}/elsewhere")
    verdict = f"bit-identical: population, trial {best}: every metric of 9 epochs and the weights' sha256, 3 members"
    assert capfd.readouterr().out.startswith(verdict)


@pytest.mark.slow
def test_a_trial_that_repeats_another_is_the_training_of_that_one(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    (repeat,) = [one for one in recording.events(here.project.spool("population"), "trial") if one["repeats"]]
    here.again(f"population/trial-00{repeat['trial']}")
    assert f"bit-identical: population, trial {repeat['repeats']}: every metric of 9" in capfd.readouterr().out


@pytest.mark.slow
def test_a_pruned_trial_ends_after_the_same_epoch(here: Here, capfd: pytest.CaptureFixture[str]) -> None:
    results = recording.events(here.project.spool("interrupted"), "member")
    (pruned, *_) = [result for result in results if result["status"] == "pruned"] or [{"epochs": 0}]
    assert 1 <= pruned["epochs"] < 90, "no trial was pruned"
    here.again(f"interrupted/trial-00{pruned['trial']}")
    assert f"trial {pruned['trial']}: every metric of {pruned['epochs']} epoch" in capfd.readouterr().out


def test_a_run_that_was_killed_and_went_on_from_its_checkpoint_is_bit_identical_to_an_undisturbed_training(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    spool = here.project.spool("interrupted")
    best = recording.events(spool, "stop")[-1]["best_trial"]
    happened = [(event.kind, plain(event.body).get("trial")) for event in recording.spools.read(spool)]
    killed = [place for place, (kind, _) in enumerate(happened) if kind == "start"][1]
    assert happened.index(("population", None)) < killed < happened.index(("member", best))
    assert happened.index(("epochs", best)) < killed or len(recording.events(spool, "population")) == 1
    here.again("interrupted/interrupted")
    assert f"bit-identical: interrupted, trial {best}: every metric of 90 epochs and" in capfd.readouterr().out


def test_a_baseline_has_no_weights_to_compare(here: Here, capfd: pytest.CaptureFixture[str]) -> None:
    here.again("baseline/mlp_regressor")
    assert ": every metric of 1 epoch, 1 member, trained again in " in capfd.readouterr().out


def test_changes_that_were_never_committed_come_back_from_the_record(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    (study,) = recording.events(here.project.spool("changed"), "study")
    assert study["provenance"]["git.dirty"] == "true"
    parts = study["provenance"]["code.parts"].split()
    assert study["provenance"]["code.sha256"] != code_sha256(here.project.changed / "src/eksplora", parts)
    assert git(here.project.changed, "status", "--porcelain") == ""
    with pytest.raises(PreconditionError, match=r"would run it\. Read it \(.*\), then add diff=true\.$") as raised:
        here.again("changed/changed", root=here.project.changed)
    refusal(raised)
    said = capfd.readouterr()
    assert said.out == "" and said.err.splitlines()[2:] == [
        "its changes.diff changes 2 files, 4 lines added, 0 removed:",
        "  src/eksplora/data/_half.py   +1 -0",
        "  src/eksplora/scheduler.py   +3 -0",
    ]
    here.again("changed/changed", "diff=true", root=here.project.changed)
    assert "bit-identical: changed, trial 0: every metric of 2 epochs and the weights'" in capfd.readouterr().out


SITE = """diff --git a/src/sitecustomize.py b/src/sitecustomize.py
new file mode 100644
--- /dev/null
+++ b/src/sitecustomize.py
@@ -0,0 +1 @@
+open("{0}", "w").close()
"""


def test_code_of_a_record_that_would_run_by_itself_is_pointed_out_and_does_not_run_unasked(
    here: Here, capfd: pytest.CaptureFixture[str]
) -> None:
    mlruns = here.altered("cnn", study_edit({"changes.diff": SITE.format(here.folder / "ran")}))
    with pytest.raises(PreconditionError, match=r"then add diff=true\.$") as raised:
        here.again("cnn/trial-000", mlruns)
    refusal(raised)
    assert "  src/sitecustomize.py   +1 -0   ! runs whenever Python starts\n" in capfd.readouterr().err
    assert not (here.folder / "ran").exists()


def test_a_diff_that_is_the_working_trees_own_needs_no_word(here: Here) -> None:
    root, file = here.project.changed, here.project.changed / "README.md"
    file.write_text("a change of today's")
    try:
        patch, commit = provenance.diff(root), provenance.collect(root)["git.commit"]
        study = StudyEvent(
            "id", "cnn", "digits", "val/mae", "minimize", {}, {}, {"git.commit": commit}, {"changes.diff": patch}
        )
        assert is_present(root, Recorded(study))
        assert not is_present(root, Recorded(replace(study, texts={"changes.diff": patch + " "})))
        assert not is_present(root, Recorded(replace(study, provenance={"git.commit": "0" * 40})))
    finally:
        file.unlink()


# --- differences -------------------------------------------------------------------------------------------------


def member_edit(trial: int, member: int, **values: Any) -> recording.Edit:
    """Other particulars of one member's result."""

    def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        is_it = kind == "member" and (data["trial"], data["member"]) == (trial, member)
        return data | values if is_it else data

    return edit


def test_the_first_epoch_step_and_metric_that_differ_are_said_with_both_numbers(here: Here) -> None:
    results = recording.events(here.project.spool("population"), "member")
    result = next(one for one in results if (one["trial"], one["member"]) == (0, 2))
    first, second, _ = result["curves"]["val/mae"]
    curves = result["curves"] | {"val/mae": [first, math.nextafter(second, 0), 3.5]}
    mlruns = here.altered("population", member_edit(0, 2, curves=curves, weights_sha256="0" * 64))
    with pytest.raises(EksploraError) as raised:
        here.again("population/trial-000", mlruns)
    assert raised.value.exit_code == 1 and str(raised.value) == (
        f"population, trial 0 differs: member 2, epoch 2 (step {2 * result['step'] // 3}), val/mae: "
        f"it was {math.nextafter(second, 0)}, it is {second}."
    )


@pytest.mark.slow
def test_other_weights_alone_are_a_difference(here: Here) -> None:
    results = recording.events(here.project.spool("population"), "member")
    (present,) = [one["weights_sha256"] for one in results if (one["trial"], one["member"]) == (1, 0)]
    mlruns = here.altered("population", member_edit(1, 0, weights_sha256="0" * 64))
    shown = f"member 0, weights_sha256: it was {'0' * 64}, it is {present}"
    with pytest.raises(EksploraError, match=rf"^population, trial 1, member 0 differs: {shown}\.$") as raised:
        here.again("population/trial-001-member-0", mlruns)
    assert raised.value.exit_code == 1


RESULT = {
    "curves": {"val/mae": [1.0, math.nan], "train/mae": [0.5, 0.25]},
    **{"status": "finished", "epochs": 2, "best_epoch": 2, "step": 6, "value": 0.25, "weights_sha256": "ab"},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"seconds": 3.0, "weights": "elsewhere"}, ""),
        (
            {"curves": {"val/mae": [1.0, 2.0], "train/mae": [0.5, 0.0]}},
            "epoch 2 (step 6), val/mae: it was nan, it is 2.0",
        ),
        (
            {"curves": {"val/mae": [1.0, math.nan], "train/mae": [math.nextafter(0.5, 1), 0.25]}},
            "epoch 1 (step 3), train/mae: it was 0.5, it is 0.5000000000000001",
        ),
        ({"curves": {"val/mae": [1.0, math.nan]}}, "epoch 1 (step 3), train/mae: it was 0.5, it is None"),
        (
            {"curves": RESULT["curves"] | {"val/r2": [0.1]}},
            "epoch 1 (step 3), val/r2: it was None, it is 0.1",
        ),
        (
            {"curves": {"val/mae": [1.0], "train/mae": [0.5]}, "epochs": 1, "step": 3},
            "epoch 2 (step 6), val/mae: it was nan, it is None",
        ),
        (
            {"curves": {"val/mae": [1.0, math.nan, 0.0], "train/mae": [0.5, 0.25, 0.0]}},
            "epoch 3 (step 9), val/mae: it was None, it is 0.0",
        ),
        (
            {"curves": {"val/mae": [1.0, math.nan], "train/mae": [0.5, -0.25]}, "value": -0.25},
            "epoch 2 (step 6), train",
        ),
        ({"status": "diverged", "weights_sha256": None}, "status: it was finished, it is diverged"),
        ({"best_epoch": 1, "weights_sha256": "cd"}, "best_epoch: it was 2, it is 1"),
        ({"value": 0.25000000000000006}, "value: it was 0.25, it is 0.25000000000000006"),
        ({"weights_sha256": "cd"}, "weights_sha256: it was ab, it is cd"),
        ({"weights_sha256": None}, "weights_sha256: it was ab, it is None"),
    ],
)
def test_the_first_difference_is_that_of_the_earliest_epoch_then_of_what_is_left(
    changes: dict[str, Any], expected: str
) -> None:
    found = first_difference(RESULT, RESULT | changes)
    assert found.startswith(expected) if expected else found == ""


def test_zero_and_minus_zero_differ_and_a_member_without_epochs_can_be_compared() -> None:
    none = {"curves": {}, "status": "diverged", "epochs": 0, "best_epoch": 0, "step": 0, "value": None}
    assert first_difference(none, none) == ""
    assert first_difference(none | {"value": 0.0}, none | {"value": -0.0}) == "value: it was 0.0, it is -0.0"


# --- preconditions -----------------------------------------------------------------------------------------------


def study_edit(texts: dict[str, str] | None = None, **provenance: str) -> recording.Edit:
    """Another origin of a study."""

    def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        changes = {"provenance": provenance, "texts": texts or {}}
        return data | {key: data[key] | values for key, values in changes.items()} if kind == "study" else data

    return edit


def refusal(error: pytest.ExceptionInfo[EksploraError]) -> str:
    """What the user reads: one line."""
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "key", ["machine.cpu", "machine.arch", "version.python", "version.torch", "version.numpy", "version.torchmetrics"]
)
def test_another_machine_or_version_is_a_precondition(here: Here, key: str) -> None:
    mlruns = here.altered("population", study_edit(**{key: "another"}))
    with pytest.raises(
        PreconditionError, match=rf"here: {key} is [^;]+, it was another\. strict=false trains"
    ) as raised:
        here.again("population/trial-000", mlruns)
    refusal(raised)


def test_everything_that_is_not_as_it_was_is_in_one_line(here: Here) -> None:
    def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        data = study_edit(**{"machine.cpu": "another", "version.numpy": "0.1"})(kind, data)
        return data | {"threads": 4096} if kind == "start" else data

    with pytest.raises(
        PreconditionError, match=r"^population, trial 0 cannot be reproduced here: machine\.cpu"
    ) as raised:
        here.again("population/trial-000", here.altered("population", edit))
    assert "it was another; version.numpy is " in refusal(raised)
    assert "it was 0.1; threads: it was trained on 4096, this machine has " in refusal(raised)
    assert refusal(raised).endswith(" cores. strict=false trains all the same.")


def test_strict_false_trains_all_the_same(
    here: Here, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mlruns = here.altered("population", study_edit(**{"machine.cpu": "another", "version.torch": "0.1"}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set())  # no core for its one thread
    with pytest.raises(PreconditionError, match=r"version\.torch is .*; threads: it was trained on 1, this machine"):
        here.again("population/trial-001-member-2", mlruns)
    here.again("population/trial-001-member-2", mlruns, "strict=false")
    assert capfd.readouterr().out.startswith("bit-identical: population, trial 1, member 2")


def test_a_network_from_another_kind_of_device_is_a_precondition(here: Here) -> None:
    import torch

    other, present = ("cpu", "cuda") if torch.cuda.is_available() else ("cuda", "cpu")

    def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        trainer = {"trainer": data["resolved"]["trainer"] | {"accelerator": "auto"}} if kind == "trial" else {}
        changed = data | {"resolved": data["resolved"] | trainer} if trainer else data
        return changed | {"device": other} if kind == "member" else changed

    with pytest.raises(
        PreconditionError, match=f"here: device is {present}, it was {other}. strict=false tr"
    ) as raised:
        here.again("cnn/trial-000", here.altered("cnn", edit))
    refusal(raised)


def test_a_baseline_depends_on_scikit_learn_and_not_on_lightning() -> None:
    recorded = dict.fromkeys((*stage.DECIDING, *stage.OF_NETWORKS, *stage.OF_BASELINES), "1")
    lightning, sklearn = {"version.pytorch-lightning": "2"}, {"version.scikit-learn": "2"}
    assert check_machine(recorded, recorded | lightning, is_baseline=True) == []
    assert check_machine(recorded, recorded | sklearn, is_baseline=False) == []
    assert check_machine(recorded, recorded | lightning, is_baseline=False) == [
        "version.pytorch-lightning is 2, it was 1"
    ]
    assert check_machine(recorded, recorded | sklearn, is_baseline=True) == ["version.scikit-learn is 2, it was 1"]
    assert check_machine({}, recorded, is_baseline=True)[0] == "machine.cpu is 1, it was None"


def test_threads_must_be_had_and_must_have_been_the_same_throughout() -> None:
    assert check_threads([[2], [1]], 2) == []
    assert check_threads([[2], [4]], 3) == ["threads: it was trained on 4, this machine has 3 cores"]
    assert check_threads([[1, 2], [1, 2], [2]], 2) == ["threads: begun with 1, gone on with 2"]


def test_a_training_that_was_given_its_device_needs_no_look_at_the_machine() -> None:
    assert check_device("cuda", {"trainer": {"accelerator": "cpu"}}) == []
    assert check_device("cpu", {"baseline": {}}) == []


def test_data_that_were_prepared_from_other_rows_are_a_precondition(here: Here) -> None:
    data = shutil.copytree(here.project.root / "data", here.folder / "data")
    folder = data / "prepared/diabetes"
    card = recording_card(folder)
    arrays = {name: np.load(folder / f"{name}.npy") for name in card["arrays"]}
    arrays["train_targets"] = arrays["train_targets"] + 1
    with _store.locked(folder):
        _store.write(
            folder, arrays, {key: value for key, value in card.items() if key not in ("arrays", "fingerprint")}
        )
    with pytest.raises(
        PreconditionError, match=r"here: data.train_targets is not the recorded array \(bring"
    ) as raised:
        here.again("population/trial-000", f"paths.data={data}", "strict=false")
    assert "train_features" not in refusal(raised)


def recording_card(folder: Path) -> dict[str, Any]:
    """The card of prepared data."""
    from eksplora.data._verify import read_card

    return read_card(folder, "prepared", "")


def test_data_that_are_not_what_their_card_says_are_refused_before_anything_is_trained(here: Here) -> None:
    data = shutil.copytree(here.project.root / "data", here.folder / "data")
    file = data / "prepared/diabetes/train_features.npy"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"train_features\.npy has changed since it was prepared") as raised:
        here.again("population/trial-000", f"paths.data={data}")
    refusal(raised)


NOT_THOSE = "the sources of the recorded commit and diff are not those that the run was trained with"
NO_COMMIT = "the commit was not recorded: git did not know the project when the run was made"
OTHER_PATCH = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n"


@pytest.mark.parametrize(
    ("study", "edit", "said"),
    [
        ("changed", study_edit({"changes.diff": ""}), NOT_THOSE),
        ("cnn", study_edit(**{"code.sha256": "0" * 64}), NOT_THOSE),
        (
            "cnn",
            study_edit(**{"git.commit": "0" * 40}),
            r"commit 000000000000 cannot be checked out \(.*\)\. Fetch it: ",
        ),
        ("cnn", study_edit(**{"git.commit": "unknown"}), NO_COMMIT),
        ("cnn", study_edit({"changes.diff": "unknown"}), NO_COMMIT),
        (
            "cnn",
            study_edit({"changes.diff": OTHER_PATCH}),
            r"the recorded changes\.diff does not fit commit \w{12} \(err",
        ),
        (
            "cnn",
            study_edit(**{"lock.sha256": "0" * 64}),
            r"constraints\.txt of the recorded commit and diff is not the",
        ),
    ],
    ids=["no diff", "other code", "no such commit", "unknown commit", "unknown diff", "other diff", "other lock file"],
)
def test_sources_that_cannot_be_had_are_a_precondition(here: Here, study: str, edit: recording.Edit, said: str) -> None:
    with pytest.raises(PreconditionError, match=f"^{said}") as raised:
        here.again(f"{study}/trial-000", here.altered(study, edit), "strict=false", "diff=true")
    refusal(raised)


# --- bad input ---------------------------------------------------------------------------------------------------


def foreign(folder: Path) -> dict[str, str]:
    """Code that leaves a file behind when it is executed."""
    return {"_target_": "os.mkdir", "path": f"{folder}/executed"}


@pytest.mark.parametrize(
    ("trial", "place", "key"),
    [
        (0, lambda config, code: {"loss": code}, "loss._target_"),
        (0, lambda config, code: {"data": code}, "data._target_"),
        (0, lambda config, code: {"model": config["model"] | {"widths": [code]}}, r"model\.widths\.0\._target_"),
        (0, lambda config, code: {"training": {"hook": [{"deep": code}]}}, r"training\.hook\.0\.deep\._target_"),
        (0, lambda config, code: {"hook": code}, "hook._target_"),
        (0, lambda config, code: {"hooks": [code]}, r"hooks\.0\._target_"),
        (1, lambda config, code: {"loss": code}, "loss._target_"),
    ],
    ids=["a part", "the data", "inside a part", "inside what is no part", "a key", "a list", "trained beside it"],
)
def test_a_record_that_names_foreign_code_is_refused_and_nothing_of_it_is_executed(
    here: Here, trial: int, place: Callable[..., dict[str, Any]], key: str
) -> None:
    def edit(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        if kind != "trial" or data["trial"] != trial:
            return data
        return data | {"resolved": data["resolved"] | place(data["resolved"], foreign(here.folder))}

    with pytest.raises(ConfigError, match=rf"^{key}: 'os\.mkdir' is no part that conf/\w+/ names\. ") as raised:
        here.again("population/trial-000", here.altered("population", edit), "strict=false")
    refusal(raised)
    assert not (here.folder / "executed").exists()


def test_the_code_of_these_tests_would_leave_its_file(tmp_path: Path) -> None:
    from hydra.utils import instantiate

    instantiate(foreign(tmp_path))
    assert (tmp_path / "executed").exists()


def test_no_run_and_an_unknown_run_end_the_command_with_exit_code_2_and_one_line(here: Here) -> None:
    root = here.project.root
    none = command(root, "reproduce")
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr == "error: run: give the id of a run in MLflow, from its page: make reproduce RUN=<id>.\n"
    unknown = command(root, "reproduce", *here.overrides("0" * 32))
    assert (unknown.returncode, unknown.stdout) == (2, "")
    started, _, error = unknown.stderr.partition("\n")
    assert started == f"reproduce {'0' * 32}: starting"
    assert error.startswith(f"error: run={'0' * 32}: MLflow at sqlite:///{root}/mlruns/mlflow.db has no such")
    assert error.endswith("Take the id from a run's page (`make ui`).\n") and error.count("\n") == 1


def test_a_run_of_another_project_is_refused(here: Here) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{here.project.root}/mlruns/mlflow.db")
    run = client.create_run(client.create_experiment("another project"), tags={"study": "ours"})
    with pytest.raises(DataError, match=r"is a run of another project: it has no tag eksplora\.id\. Give") as raised:
        here.again(run.info.run_id)
    refusal(raised)


def test_a_trial_that_has_not_ended_is_refused(here: Here) -> None:
    def killed(kind: str, data: dict[str, Any]) -> dict[str, Any] | None:
        return None if kind in ("member", "trial_end", "population_end", "stop") else data

    mlruns = here.altered("population", killed)
    with pytest.raises(DataError, match=r"^trial 1 of population has no finished training to compare with\.") as raised:
        here.again("population/trial-001", mlruns)
    refusal(raised)
    with pytest.raises(
        ConfigError, match=r"is the study population, which has no best trial\. Give a trial's"
    ) as raised:
        here.again("population/population", mlruns)
    refusal(raised)


def test_a_missing_database_and_no_tracker_are_refused(here: Here) -> None:
    with pytest.raises(
        StorageError, match=r"none.db is missing: nothing was tracked here. Set tracker.uri, or"
    ) as raised:
        here.again("population/trial-000", f"tracker.uri=sqlite:///{here.folder}/none.db")
    refusal(raised)
    assert not (here.folder / "none.db").exists()
    with pytest.raises(ConfigError, match=r"^tracker=off keeps no runs to look up\. Use tracker=mlflow\.$") as raised:
        here.again("population/trial-000", "tracker=off")
    refusal(raised)


def test_the_record_of_a_later_study_of_the_same_name_is_not_taken_for_the_runs(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        altered = study_edit(**{"machine.cpu": "another"})(kind, data)
        return altered | {"id": "another"} if kind == "study" else data

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set())  # so that nothing is trained
    with pytest.raises(
        PreconditionError, match="cannot be reproduced here: threads: it was trained on 1, this machine"
    ):
        here.again("population/trial-000", here.altered("population", later))


# --- what is left ------------------------------------------------------------------------------------------------


BROKEN = """diff --git a/src/torch.py b/src/torch.py
new file mode 100644
--- /dev/null
+++ b/src/torch.py
@@ -0,0 +1 @@
+raise RuntimeError("broken")
"""


def test_sources_that_cannot_train_are_one_line_and_leave_nothing(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "subprocess", subprocess)  # torch is not imported before the training
    mlruns = here.altered("population", study_edit({"changes.diff": BROKEN}))
    shown = (
        r"^the sources of the recorded commit cannot train it here \(RuntimeError: broken\)\. HYDRA_FULL_ERROR=1 shows"
    )
    with pytest.raises(EksploraError, match=shown) as raised:
        here.again("population/trial-000", mlruns, "diff=true")
    assert raised.value.exit_code == 1 and "\n" not in str(raised.value)


@pytest.mark.slow
def test_sigterm_while_it_trains_is_exit_code_143_and_leaves_nothing(here: Here) -> None:
    def endless(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        longer = {"trainer": data["resolved"]["trainer"] | {"max_epochs": 10**6}} if kind == "trial" else {}
        return data | {"resolved": data["resolved"] | longer} if longer else data

    overrides = here.overrides("population/trial-000", here.altered("population", endless))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here.project.root)
        patch.setenv("PYTHONPATH", str(here.project.root / "src"))
        script = here.project.root / "pipelines/reproduce.py"
        with surviving.command(script, *overrides, tracker="mlflow", start=subprocess.Popen) as process:
            until(lambda: is_training(process.pid), process=process)
            assert len(git(here.project.root, "worktree", "list").splitlines()) == 2
            os.kill(process.pid, signal.SIGTERM)
            output = surviving.finish(process)
            assert not session(process.pid)
    assert process.returncode == 143
    assert output.splitlines()[-1].startswith("error: stopped;") and "Traceback" not in output


def is_training(leader: int) -> bool:
    """Whether the process that trains again has its arithmetic loaded."""
    return any(b"libtorch_cpu" in read(pid, "maps") for pid in session(leader) if pid != leader)
