"""A small study's events, and what MLflow shows of it: shared by the tests of this folder."""

import math
import sqlite3
from pathlib import Path
from typing import Any

from spooling import put

from eksplora.events.spool import Spool

EXPERIMENT = "boston_mlp"
STUDY = "boston_mlp-random"


def begin(spool: Spool, *, study_id: str = "0123abcd") -> None:
    put(
        spool,
        "study",
        id=study_id,
        name=STUDY,
        experiment=EXPERIMENT,
        metric="val/mae",
        direction="minimize",
        members="1 seed x 2 folds",
        params={"study.seed": 0, "space": "x" * 7000},
        tags={"sampler": "random", "pruner": "none"},
        provenance={"git.commit": "c0ffee", "git.dirty": "false"},
        texts={"space.yaml": "optimizer.lr: [0.1, 0.2]\n"},
        dataset={"name": "boston_housing", "digest": "0123456789abcdef", "rows": 404},
    )
    drive(spool)


def drive(spool: Spool) -> None:
    put(spool, "start", pid=1, workers=2, threads=1)


def start_trial(spool: Spool, number: int, *, members: int = 1, num_params: int = 5) -> None:
    params = {f"model.key_{index}": index for index in range(num_params)}
    put(
        spool,
        "trial",
        trial=number,
        params={"optimizer.lr": 0.1 * number, "model.widths": [64, 64], "model.bias": True, **params},
        searched={"optimizer.lr": 0.1 * number},
        config="optimizer: {lr: 0.1}\n" * 20,
        members=[{"index": index, "seed": 100 + index // 2, "fold": index % 2} for index in range(members)],
        tags={"sampler": "random"},
        repeats=None,
    )


def add_epochs(
    spool: Spool, number: int, *, member: int = 0, first: int = 1, last: int = 10, num_curves: int = 4
) -> None:
    epochs = range(first, last + 1)
    curves = {f"val/metric_{index}": [1.0 / epoch + index for epoch in epochs] for index in range(num_curves)}
    times = [1_700_000_000_000 + 1000 * epoch for epoch in epochs]
    put(spool, "epochs", trial=number, member=member, first=first, curves=curves, times=times)


def end_member(
    spool: Spool, number: int, *, member: int = 0, status: str = "finished", value: float | None = 2.5
) -> None:
    put(spool,
        "member", trial=number, member=member, status=status, value=value, best_epoch=7, epochs=10, step=130,
        seconds=1.5, device="cpu", engine="fused", message="", weights_sha256="ab" * 32,
    )  # fmt: skip


def cut(spool: Spool, *keys: tuple[int, int], reason: str = "too large") -> None:
    put(spool, "packed", populations=[{"population": 9, "trainings": keys}], replaced=[8], reason=reason)


def end_trial(
    spool: Spool, number: int, *, status: str = "finished", value: float | None = 2.5, message: str = "", **more: Any
) -> None:
    put(spool,
        "trial_end", trial=number, status=status, value=value, metrics={"seconds": 1.5}, message=message,
        artifacts={}, **more,
    )  # fmt: skip


def run_trial(spool: Spool, number: int, **sizes: int) -> None:
    start_trial(spool, number, **sizes)
    add_epochs(spool, number)
    end_member(spool, number, value=2.5 + number)
    end_trial(spool, number, value=2.5 + number)


def stop(spool: Spool, *, status: str = "finished", best_trial: int | None = None) -> None:
    files = {"best/config.yaml": "best.yaml"} if best_trial is not None else {}
    put(spool,
        "stop", status=status, message="", metrics={"best": 2.5}, tags={"best_trial": "0"},
        artifacts={}, best_trial=best_trial, best_artifacts=files,
    )  # fmt: skip


def evaluate(spool: Spool, number: int, *, members: int, mae: float = 2.5) -> None:
    """The test part was opened for a trial: each member's metric is by one larger than the one before."""
    (spool.path.parent / "evaluation.json").write_text("{}\n")
    put(
        spool,
        "evaluation",
        durable=True,
        trial=number,
        metrics={"test/mae": mae, "test_ensemble/mae": mae - 0.5},
        members=[{"test/mae": mae + member} for member in range(members)],
        test_sha256={"test_features": "aa", "test_targets": "bb"},
        artifacts={"evaluation/evaluate.json": "evaluation.json", "evaluation/predictions.csv": "gone.csv"},
    )


def whole_study(path: Path) -> None:
    """Every kind of event and every status, with an interruption in the middle."""
    (path.parent / "best.yaml").write_text("lr: 0.1\n")
    spool = Spool(path)
    begin(spool)
    run_trial(spool, 0)
    start_trial(spool, 1, members=2)
    for member in (0, 1):
        add_epochs(spool, 1, member=member)
        end_member(spool, 1, member=member, value=3.0 + member)
    curves = {"val/metric_0": [1.0, 2.0], "val/metric_0_std": [0.1, 0.2]}
    end_trial(spool, 1, value=3.5, curves=curves)
    start_trial(spool, 2)
    add_epochs(spool, 2, last=4)
    end_trial(spool, 2, status="interrupted", value=None)
    start_trial(spool, 3, members=2)
    add_epochs(spool, 3, member=0, last=4)
    drive(spool)  # after a kill: nothing had been said about trial 3
    start_trial(spool, 2)
    add_epochs(spool, 2, first=3)  # epochs 3 and 4 once more
    end_member(spool, 2, status="pruned", value=None)
    end_trial(spool, 2, status="pruned", value=None)
    start_trial(spool, 3, members=2)
    add_epochs(spool, 3, member=0, first=5)
    end_member(spool, 3, member=0)
    end_trial(spool, 3, status="failed", value=None, message="Traceback\nValueError: no")
    start_trial(spool, 4)
    put(spool, "epochs", trial=4, member=0, first=1, curves={"val/mae": [math.nan, math.inf]}, times=[5, 6])
    end_member(spool, 4, status="diverged", value=None)
    end_trial(spool, 4, status="diverged", value=math.nan)
    for number in range(5, 12):
        run_trial(spool, number)
    stop(spool, best_trial=0)
    evaluate(spool, 0, members=1)
    evaluate(spool, 1, members=2, mae=3.0)
    spool.close()


def content(database: Path) -> dict[str, dict[str, Any]]:
    """All that MLflow knows of each run, by name; ids are replaced by names. Read with MLflow's own client."""
    from mlflow import MlflowClient

    return client_content(MlflowClient(f"sqlite:///{database}"))


def client_content(client: Any) -> dict[str, dict[str, Any]]:
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=5000)
    names = {run.info.run_id: run.info.run_name for run in runs}
    assert len(set(names.values())) == len(runs), "a run exists twice"
    return {run.info.run_name: _content(client, run, names) for run in runs}


def _content(client: Any, run: Any, names: dict[str, str]) -> dict[str, Any]:
    tags = {key: names.get(value, value) for key, value in run.data.tags.items()}
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    points = {k: sorted((m.step, m.timestamp, str(m.value)) for m in history) for k, history in histories.items()}
    return {
        "status": run.info.status,
        "times": (run.info.start_time, run.info.end_time),
        "tags": tags,
        "params": run.data.params,
        "points": points,
        "latest": {key: str(value) for key, value in run.data.metrics.items()},
        "inputs": [_input(found) for found in run.inputs.dataset_inputs],
        "files": sorted(_files(client, run.info.run_id, None)),
    }


def _input(found: Any) -> tuple[object, ...]:
    data = found.dataset
    return (
        data.name,
        data.digest,
        data.source_type,
        data.source,
        data.schema,
        data.profile,
        {tag.key: tag.value for tag in found.tags},
    )


def _files(client: Any, run_id: str, path: str | None) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for entry in client.list_artifacts(run_id, path):
        found += _files(client, run_id, entry.path) if entry.is_dir else [(entry.path, entry.file_size)]
    return found


def count_points(database: Path) -> int:
    connection = sqlite3.connect(database)
    (count,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
    connection.close()
    return int(count)
