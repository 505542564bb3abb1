"""A small experiment from search to test, stage by stage in this process: for the tests of the later stages."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from spooling import plain
from surviving import warm_up, without_plots

from eksplora.config import Configurator, compose_request, gather_space
from eksplora.counter import fingerprint
from eksplora.events import spool as spools

QUICK = ("study.workers=1", "study.threads=1")
DIABETES = (
    "experiment=diabetes_mlp",
    "trainer.max_epochs=6",
    "early_stopping=patience",
    "early_stopping.patience=1",
    "early_stopping.min_delta=20",
    *QUICK,
)
"""An experiment whose members stop at epochs of their own."""

MEMBERS = {"confirm": ("study.n_seeds=3", "confirm.best=2"), "explain": ("study.n_seeds=3",)}
"""What keeps these stages short."""


def run(folder: Path, stage: str, *overrides: str) -> str:
    """Run a stage in a folder, where its studies draw nothing; returns what it printed."""
    warm_up()
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed), without_plots():
        getattr(import_module(f"eksplora.stage.{stage}"), stage)(compose_request(stage, gather_space(list(overrides))))
    return printed.getvalue()


def facts(folder: Path, stage: str) -> dict[str, Any]:
    """What a stage handed on; there is one experiment in the folder."""
    (path,) = folder.glob(f"results/*/{stage}/{stage}.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def pretend_search(folder: Path, overrides: Sequence[str], *trials: Mapping[str, Any], found: float = 1.0) -> None:
    """Hand on a search that found these values, best first, with objectives `found`, `found` + 1, ..."""
    settings = compose_request("confirm", list(overrides)).settings
    configure = Configurator("confirm", list(overrides))
    ranked = [
        {"trial": number, "value": found + number, "key": fingerprint(configure(values)), "values": dict(values)}
        for number, values in enumerate(trials)
    ]
    search = {"study": "pretended", "trials": {"finished": len(trials)}, "members": "1 seed", "ranked": ranked}
    path = folder / settings.output / "search/search.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"metric": f"val/{settings.objective.metric}", **search}))


def copy(folder: Path, target: Path) -> Path:
    """The same experiment once more, to be changed; its runs in MLflow keep their files where they are."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    return target


def spool(folder: Path, study: str) -> Path:
    """The spool of a study."""
    return folder / "mlruns/studies" / study / "spool.jsonl"


def events(folder: Path, study: str, kind: str) -> list[dict[str, Any]]:
    """The particulars of all events of a kind in a study's spool."""
    return [plain(event.body) for event in spools.read(spool(folder, study)) if event.kind == kind]


def trained(folder: Path) -> list[tuple[str, int, int]]:
    """Every member that ended in any study, with its trial; each as often as it ended."""
    paths = sorted(folder.glob("mlruns/studies/*/spool.jsonl"))
    return [
        (path.parent.name, event.body.trial, event.body.member)
        for path in paths
        for event in spools.read(path)
        if event.kind == "member"
    ]


def runs(folder: Path, study: str) -> dict[str, Any]:
    """MLflow's runs of a study by name, read with its own client."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    found = client.search_runs([one.experiment_id for one in client.search_experiments()], max_results=1000)
    return {run.info.run_name: run for run in found if run.data.tags["study"] == study}


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder, relative to it."""
    return (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
