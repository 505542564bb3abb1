"""One small tracked study, run as a user runs it, seen through MLflow's own client and pages, and through its files."""

import csv
import hashlib
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import preloaded
import pytest
from waiting import until

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
OVERRIDES = [
    "experiment=boston_mlp",
    "sampler=random",
    "study.n_trials=3",
    "study.n_seeds=2",
    "trainer.max_epochs=3",
    "study.name=small",
    "space.params.model.widths=choice([8], [8, 8])",
]


def run(folder: Path, pipeline: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    return preloaded.run([sys.executable, str(PIPELINES / f"{pipeline}.py"), *overrides], cwd=folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished study, and what it printed."""
    folder = tmp_path_factory.mktemp("study")
    done = run(folder, "search", *OVERRIDES)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def runs(study: tuple[Path, str]) -> dict[str, object]:
    """MLflow's runs by name, read with its public client."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{study[0]}/mlruns/mlflow.db")
    experiment = client.get_experiment_by_name("boston_mlp")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    own = {run.info.run_name: run for run in found if run.data.tags["study"] == "small"}
    assert {run.data.tags["study"] for run in found} == {"small", "small-baseline"}
    return {"client": client, **own}


def test_summary_names_the_best_trials_and_where_everything_is(study: tuple[Path, str]) -> None:
    folder, shown = study
    assert "Study small: 3 finished. Objective: lowest val/mae." in shown
    assert "means over 2 seeds" in shown
    for place in ("results/small/trials.csv", "results/small/plots", "results/small/best", "make ui"):
        assert place in shown
    assert {path.name for path in (folder / "results/small/plots").iterdir()} >= {
        "history.html",
        "parallel_coordinates.html",
        "slices.html",
    }


def test_table_ranks_by_the_mean_over_members(study: tuple[Path, str]) -> None:
    rows = _rows(study[0])
    facts = json.loads((study[0] / "results/small/search.json").read_text())
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert facts["best"]["value"] == min(float(row["val/mae"]) for row in rows)
    assert facts["trials"] == {"finished": 3}


def test_runs_are_nested_study_trial_member_with_true_statuses(runs: dict) -> None:
    assert set(runs) - {"client"} == {
        "small",
        *(f"trial-00{t}" for t in range(3)),
        *(f"trial-00{t}-member-{m}" for t in range(3) for m in range(2)),
    }
    for name, recorded in runs.items():
        if name != "client":
            parent = {"s": None, "t": "small"}[name[0]] if "member" not in name else name.partition("-member")[0]
            expected = runs[parent].info.run_id if parent else None
            assert recorded.data.tags.get("mlflow.parentRunId") == expected
            assert (recorded.info.status, recorded.data.tags["status"]) == ("FINISHED", "finished")


def test_trial_shows_mean_and_spread_of_its_members(runs: dict) -> None:
    client = runs["client"]
    for trial in range(3):
        curves = [
            [
                point.value
                for point in client.get_metric_history(runs[f"trial-00{trial}-member-{member}"].info.run_id, "val/mae")
            ]
            for member in range(2)
        ]
        recorded = runs[f"trial-00{trial}"]
        mean = [point.value for point in client.get_metric_history(recorded.info.run_id, "val/mae")]
        assert len(mean) == 3
        assert mean == pytest.approx([fmean(pair) for pair in zip(*curves, strict=True)], rel=1e-12)
        assert recorded.data.metrics["val/mae_std"] == pytest.approx(stdev(curve[-1] for curve in curves), rel=1e-12)
        assert recorded.data.metrics["objective"] == pytest.approx(mean[-1], rel=1e-12)


def test_members_have_the_same_seeds_in_every_trial(runs: dict) -> None:
    seeds = {
        member: {runs[f"trial-00{trial}-member-{member}"].data.tags["seed"] for trial in range(3)}
        for member in range(2)
    }
    assert all(len(found) == 1 for found in seeds.values())
    assert seeds[0] != seeds[1]


def test_trial_carries_its_whole_configuration_and_where_it_comes_from(runs: dict) -> None:
    recorded = runs["trial-000"]
    params, tags = recorded.data.params, recorded.data.tags
    assert params["trainer.max_epochs"] == "3" and params["data.scaling"] == "standard" and "optimizer.lr" in params
    assert json.loads(params["model.widths"]) in ([8], [8, 8])
    for tag in (
        "git.commit",
        "git.dirty",
        "lock.sha256",
        "dvc_lock.sha256",
        "code.sha256",
        "version.torch",
        "machine.cpu",
        "threads",
        "data.train_features.sha256",
    ):
        assert tags[tag]
        assert runs["small"].data.tags[tag] == runs["trial-000-member-1"].data.tags[tag] == tags[tag]
    artifacts = {item.path for item in runs["client"].list_artifacts(recorded.info.run_id)}
    assert "config.yaml" in artifacts


def test_study_carries_space_table_plots_and_best_network(runs: dict, tmp_path: Path) -> None:
    client, recorded = runs["client"], runs["small"]
    top = {item.path for item in client.list_artifacts(recorded.info.run_id)}
    assert top >= {"space.yaml", "config.yaml", "changes.diff", "trials.csv", "plots", "best"}
    patch = Path(client.download_artifacts(recorded.info.run_id, "changes.diff", str(tmp_path))).read_bytes()
    assert recorded.data.tags["git.diff.sha256"] == hashlib.sha256(patch).hexdigest()
    best = runs[f"trial-00{recorded.data.tags['best_trial']}"]
    assert {item.path for item in client.list_artifacts(best.info.run_id, "model")} == {
        "model/card.json",
        "model/config.yaml",
        "model/member-0.safetensors",
        "model/member-1.safetensors",
    }


def _rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "results/small/trials.csv").read_text().splitlines()))


def _without_seconds(folder: Path) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in _rows(folder)]


def test_same_command_again_trains_nothing_and_shows_the_same(study: tuple[Path, str]) -> None:
    before = _without_seconds(study[0])
    done = run(study[0], "search", *OVERRIDES)
    assert done.returncode == 0, done.stderr
    assert _without_seconds(study[0]) == before
    assert "Study small: 3 finished" in done.stdout


@pytest.fixture
def page(study: tuple[Path, str]) -> Iterator[str]:
    """Address of MLflow's UI over the study."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(PIPELINES / "ui.py"), f"port={port}"],
        cwd=study[0],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def _wait_for(address: str) -> None:
    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{address}/health").close()
        except OSError:
            return False
        return True

    until(answers)


@pytest.mark.slow  # what it shows is MLflow's; what we log is asked for by its client above
@pytest.mark.browser
def test_pages_list_study_trials_and_members_and_show_the_curves_of_a_trial(page: str, runs: dict, driver: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    trial, wait = runs["trial-001"].info, WebDriverWait(driver, 120)
    runs_page, training = f"{page}/#/experiments/{trial.experiment_id}/runs", "workflowType=machine_learning"

    def shows(*words: str) -> None:
        wait.until(lambda known: set(words) <= set(known.find_element("tag name", "body").text.split()))

    def unfold(name: str) -> None:
        """Press the plus before a run."""
        plus = f"//*[text()='{name}']/ancestor::div[@role='gridcell']//button"
        wait.until(lambda known: known.find_elements("xpath", plus))[0].click()

    driver.get(f"{runs_page}?{training}")
    shows("small")
    unfold("small")
    shows("trial-000", "trial-001", "trial-002")
    unfold("trial-001")
    shows("trial-001-member-0", "trial-001-member-1")
    driver.get(f"{runs_page}/{trial.run_id}?{training}")
    shows("trial-001", "val/mae", "optimizer.lr")
    driver.get(f"{runs_page}/{trial.run_id}/model-metrics?{training}")
    wait.until(lambda known: len(known.find_elements("css selector", ".js-plotly-plot svg.main-svg")) >= 2)
    shows("(train/mae)", "(train/loss)")
    assert {"(train/mae)", "(train/loss)"} <= set(driver.find_element("tag name", "body").text.split())
