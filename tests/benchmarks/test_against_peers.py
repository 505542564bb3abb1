"""Every side of a comparison with peers does the same work, and the tables say what was measured."""

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from spooling import put

from benchmarks.against_peers import MEASUREMENTS, bench_peers
from benchmarks.peers import cnn, process, study
from benchmarks.peers import training as peers_training
from benchmarks.peers.data import export
from benchmarks.peers.process import PACKAGES, ROOT, SCRIPTS, Ours, Peers, Search, Training, check_members
from benchmarks.settings import PeersSettings
from benchmarks.table import Section, show
from benchmarks.turns import Say, Side, in_turn, turns
from eksplora.config import Configurator, part
from eksplora.errors import ConfigError, EksploraError
from eksplora.events.spool import Spool

PEERS = sorted(SCRIPTS.glob("*.py"))


def python(folder: Path, text: str) -> str:
    """A stand-in for the peers' Python: a shell script."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def pins(name: str) -> dict[str, str]:
    """Package to version, of a file of pins."""
    lines = (ROOT / name).read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in pairs}


# --- the peers --------------------------------------------------------------------------------------------------------


def test_peers_have_our_versions_of_everything_but_the_sweepers_optuna() -> None:
    ours, theirs = pins("constraints.txt"), pins("constraints-peers.txt")
    assert {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]} == {"optuna"}
    assert {"torch", "pytorch-lightning", "hydra-core", "numpy"} <= ours.keys() & theirs.keys()
    assert set(PACKAGES) <= theirs.keys()
    assert int(theirs["optuna"].split(".")[0]) < 3
    assert "://" not in (ROOT / "constraints-peers.txt").read_text()


@pytest.mark.parametrize("script", PEERS, ids=lambda script: script.name)
def test_a_script_of_a_peer_needs_nothing_of_ours(script: Path) -> None:
    tree = ast.parse(script.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    tops = {name.partition(".")[0] for name in names}
    known = {name.replace("-", "_") for name in pins("constraints-peers.txt")} | {"hydra", "lightning_mlp"}
    assert tops - known - sys.stdlib_module_names == set()
    assert "eksplora" not in tops


def test_the_scripts_that_are_run_exist() -> None:
    sources = "".join(Path(module.__file__).read_text() for module in (peers_training, study, cnn))
    assert {file.name for file in PEERS} == set(re.findall(r"\w+_(?:mlp|cnn)\.py", sources))


def test_all_studies_search_the_same_space() -> None:
    sweeper = yaml.safe_load((SCRIPTS / "sweeper_mlp.yaml").read_text())["hydra"]["sweeper"]["params"]
    ours = study.SPACE
    assert {key: value.replace(" ", "") for key, value in sweeper.items()} == {
        key: f"tag(log,interval({limits}))" for key, limits in ours.items()
    }
    ray = dict(re.findall(r'"(\w+)": tune\.loguniform\((.*?)\)', (SCRIPTS / "ray_mlp.py").read_text()))
    assert {key: limits.replace(" ", "") for key, limits in ray.items()} == dict(ours)


def test_a_peers_environment_that_is_not_there_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"python: there is no 'nowhere/python'\. `make bench-peers` makes it"):
        Peers("nowhere/python", tmp_path)


def test_a_peer_runs_in_its_environment_and_leaves_nothing_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "ours")
    answer = '{"seconds": 0.0, "steps": 33, "score": 2.5}'
    program = python(tmp_path, f"echo advertising; echo \"$HOME <$PYTHONPATH> $*\" > said; echo '{answer}'")
    run = Peers(program, tmp_path).train("keras_mlp.py", tmp_path / "x.npz", epochs=3)
    assert (run.seconds, run.steps, run.scores) == (0.0, 33, [2.5])
    assert 0 < run.rest < 60
    said = (tmp_path / "said").read_text().split()
    assert said == [str(tmp_path), "<>", str(SCRIPTS / "keras_mlp.py"), str(tmp_path / "x.npz"), "--epochs", "3"]


def test_a_peer_that_fails_is_reported_with_its_last_words(tmp_path: Path) -> None:
    peers = Peers(python(tmp_path, "echo much ado >&2; echo out of memory >&2; exit 3"), tmp_path)
    with pytest.raises(EksploraError, match=r"ray_mlp\.py.*failed with exit code 3: much ado\nout of memory"):
        peers.run("ray_mlp.py")


def test_the_sweepers_study_is_read_from_what_it_leaves(tmp_path: Path) -> None:
    find = "for word; do case $word in hydra.sweep.dir=*) eval folder=${word#*=};; esac; done"
    leave = "mkdir -p $folder/0 $folder/1; echo 'best_value: 2.25' > $folder/optimization_results.yaml"
    program = python(tmp_path, f"{find}; {leave}")
    run = study.by_sweeper(Peers(program, tmp_path), tmp_path / "x.npz", tmp_path / "sweep", 2, 3)
    assert (run.trials, run.best) == (2, 2.25)


# --- ours -------------------------------------------------------------------------------------------------------------


def test_the_exported_rows_are_our_scaled_rows(tmp_path: Path, prepared: str) -> None:
    export(["experiment=boston_mlp", prepared], tmp_path / "x.npz")
    arrays = dict(np.load(tmp_path / "x.npz"))
    assert {name: values.shape for name, values in arrays.items()} == {
        "x_train": (323, 13),
        "y_train": (323, 1),
        "x_validation": (81, 13),
        "y_validation": (81, 1),
    }
    assert {values.dtype for values in arrays.values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(arrays["x_train"].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(arrays["x_train"].std(axis=0), 1, atol=1e-5)
    _, targets = part(Configurator("train", ["experiment=boston_mlp", prepared])({}), "data").open("train")
    together = np.concatenate([arrays["y_train"], arrays["y_validation"]])
    np.testing.assert_array_equal(np.sort(together.ravel()), np.sort(np.asarray(targets, dtype=np.float32).ravel()))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were given; each leaves the spool of two trials of two members."""
    given: list[list[str]] = []

    def leave(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, float]:
        given.append(list(command))
        name = next(word for word in command if word.startswith("study.name=")).partition("=")[2]
        spool = Spool(Path(folder) / "mlruns" / "studies" / name / "spool.jsonl")
        for trial in range(1 if "train.py" in command[1] else 2):
            begun = {"params": {}, "searched": {}, "config": "", "members": [], "tags": {}}
            put(spool, "trial", trial=trial, **begun)
            for member in range(2):
                done = {"trial": trial, "member": member, "best_epoch": 3, "epochs": 3, "step": 33, "seconds": 1.0}
                put(spool, "member", status="finished", message="", value=2.0 + trial + member, **done)
            ended = {"status": "finished", "message": "", "metrics": {}, "artifacts": {}}
            put(spool, "trial_end", trial=trial, value=2.5 + trial, **ended)
        put(spool, "stop", **ended, tags={}, best_artifacts={})
        spool.close()
        return "", 100.0

    (tmp_path / "mlruns" / "studies" / "train-1").mkdir(parents=True)
    (tmp_path / "mlruns" / "studies" / "search-1").mkdir()
    monkeypatch.setattr(process, "_run", leave)
    return given


def test_our_training_is_timed_by_the_events_of_its_trial(tmp_path: Path, commands: list[list[str]]) -> None:
    run = Ours(tmp_path).train("experiment=boston_mlp")
    assert (run.steps, run.scores) == (33, [2.0, 3.0])
    assert 0 <= run.seconds < 10
    assert run.seconds + run.rest == pytest.approx(100.0)
    assert commands[0][1:3] == [str(ROOT / "pipelines" / "train.py"), "experiment=boston_mlp"]
    assert f'paths.mlruns="{tmp_path / "mlruns"}"' in commands[0]


def test_our_study_is_timed_from_command_to_end(tmp_path: Path, commands: list[list[str]]) -> None:
    assert Ours(tmp_path).search("sampler=random") == Search(100.0, 2, 2.5)
    assert commands[0][1] == str(ROOT / "pipelines" / "search.py")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([], "not every member finished"),
        ([{"status": "diverged", "message": "loss", "step": 1}], r"not every member finished: \['loss'\]"),
        ([{"status": "finished", "step": 1}, {"status": "finished", "step": 2}], "different numbers of steps"),
    ],
)
def test_members_that_did_not_do_the_work_are_refused(members: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(EksploraError, match=said):
        check_members(members)


# --- comparing --------------------------------------------------------------------------------------------------------


def test_sides_alternate_whatever_their_number_of_runs() -> None:
    order = turns({"a": 3, "b": 3, "c": 1})
    assert {name: order.count(name) for name in "abc"} == {"a": 3, "b": 3, "c": 1}
    assert order[:2] == ["a", "b"]
    assert all(order[place : place + 3] != [name] * 3 for place in range(5) for name in "ab")


def test_runs_are_gathered_by_side_with_progress() -> None:
    said: list[str] = []
    sides = {"a": Side(lambda: 1.5, 2), "b": Side(lambda: 2.5, 1)}
    assert in_turn(sides, said.append, float) == {"a": [1.5, 1.5], "b": [2.5]}
    assert said[-1].startswith("run 3 of 3: a 1.50 s; ")


def test_peers_are_judged_against_a_member_of_the_population() -> None:
    training = lambda *seconds: [Training(each, 4.0, 33, [2.0]) for each in seconds]  # noqa: E731
    runs = {
        peers_training.population(16): training(16.0, 32.0, 16.0),
        peers_training.SINGLE: training(4.0),
        peers_training.KERAS: training(9.0, 9.1),
        peers_training.LIGHTNING: training(8.99),
    }
    rows = peers_training.rows_of(runs, 16)
    assert [row["median, s"] for row in rows] == ["1.00", "4.00", "9.05", "8.99"]
    assert [row["ours is faster by"] for row in rows] == ["1.00", "4.00", "9.05", "8.99"]
    assert [row["reached"] for row in rows] == ["", "", "yes", "no"]
    assert rows[0]["max, s"] == "2.00"


def test_sides_that_take_different_steps_are_refused() -> None:
    runs = {"a": [Training(1.0, 1.0, 33, [])], "b": [Training(1.0, 1.0, 30, [])]}
    with pytest.raises(EksploraError, match=r"'a': \[33\], 'b': \[30\]"):
        peers_training.same_steps(runs)
    assert peers_training.same_steps({"a": runs["a"]}) == 33


def test_a_study_is_judged_by_whole_commands_and_refused_when_trials_lack() -> None:
    runs = {
        study.OURS: [Search(10.0, 4, 2.0), Search(12.0, 4, 1.0), Search(10.0, 4, 3.0)],
        study.SWEEPER: [Search(100.0, 4, 2.5)],
        study.RAY_LIGHTNING: [Search(59.0, 4, 2.5)],
        study.RAY_TORCH: [Search(30.0, 4, 2.5)],
    }
    rows = study.rows_of(runs)
    assert [row["ours is faster by"] for row in rows] == ["1.00", "10.00", "5.90", "3.00"]
    assert [row["reached"] for row in rows] == ["", "yes", "no", ""]
    assert [row["per trial, s"] for row in rows] == ["2.50", "25.00", "14.75", "7.50"]
    study.check_trials(runs, 4)
    with pytest.raises(EksploraError, match=r"eksplora: \[4, 4, 4\] trials finished, not 5"):
        study.check_trials(runs, 5)


@pytest.mark.parametrize(("shift", "word"), [(0.0005, "no"), (0.01, "yes")])
def test_precisions_are_compared_in_pairs(shift: float, word: str) -> None:
    base, noise = np.array([0.80, 0.84, 0.88, 0.90, 0.86]), np.array([1, -1, 2, -2, 0]) * 0.001
    scores = {cnn.BF16: list(base + shift + noise), cnn.FLOAT32: list(base)}
    rows = cnn.accuracy_rows(scores)
    assert [row["distinguishable"] for row in rows] == ["", "", word]
    assert rows[1]["mean"] == "0.8560"
    assert rows[2]["mean"] == f"{shift:.4f}"
    assert rows[2]["standard deviation"] == "0.0016"
    half = 2.776445 * np.sqrt(10e-6 / 4) / np.sqrt(5)  # t of 4 degrees of freedom, from a table
    assert rows[2]["95 % interval of the mean"] == f"{shift - half:.4f} to {shift + half:.4f}"


def test_an_epoch_of_the_cnn_is_judged_in_bf16_against_keras() -> None:
    runs = {
        cnn.BF16: [Training(10.0, 4.0, 3000, [0.89])],
        cnn.FLOAT32: [Training(20.0, 4.0, 3000, [0.89])],
        cnn.KERAS: [Training(18.0, 4.0, 3000, [0.88])],
    }
    rows = cnn.rows_of(runs, epochs=2)
    assert [row["median, s"] for row in rows] == ["5.00", "10.00", "9.00"]
    assert [(row["ours is faster by"], row["reached"]) for row in rows] == [("1.00", ""), ("2.00", ""), ("1.80", "yes")]


# --- the page ---------------------------------------------------------------------------------------------------------


def fake(settings: PeersSettings, folder: Path, say: Say) -> list[Section]:
    """A measurement that takes no time."""
    assert list(folder.iterdir()) == []
    say(f"{settings.repeats} runs")
    return [Section(title, "What was done.", [{"side": "ours", "s": "1"}]) for title in ("One", "Two")]


@pytest.fixture
def stand_in(tmp_path: Path) -> list[str]:
    """The option that names a stand-in for the peers' Python."""
    return ["--python", python(tmp_path, "echo keras 3, ray 2")]


def test_the_page_holds_command_peers_and_tables(
    tmp_path: Path, stand_in: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "page.md"
    bench_peers([*stand_in, "--repeats", "2", "--output", str(output)], {"fake": fake})
    text = output.read_text()
    assert "- command: `make bench-peers ARGS='--python " in text
    assert "- peers: keras 3, ray 2\n" in text
    assert "- runs: 2 of each side of a training" in text
    assert text.index("## One\n\nWhat was done.\n\n| side | s |") < text.index("## Two\n")
    assert capsys.readouterr().err == "fake: 2 runs\n"


def test_a_choice_of_measurements_is_printed_and_not_written(
    tmp_path: Path, stand_in: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "page.md"
    bench_peers([*stand_in, "--only", "fake", "--output", str(output)], {"fake": fake, "other": fake})
    (tmp_path / "empty").mkdir()
    assert capsys.readouterr().out == "\n".join(map(show, fake(PeersSettings(), tmp_path / "empty", str))) + "\n"
    assert not output.exists()


def test_all_three_promises_are_measured() -> None:
    assert set(MEASUREMENTS) == {"boston_mlp", "study", "fashion_mnist_cnn"}
