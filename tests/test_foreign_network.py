"""A network of a user's own, in a folder of their own, goes through every stage: it has no attribute of eksplora's.

It has what such networks have: recurrent, lazy and tied layers, dropout and batch normalization of torch, weights that
are made of others, frozen ones, a mask of infinities, keys that only it knows, and a constructor that reads tensors.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import preloaded
import pytest
import recording
from own_folder import EXPERIMENT, write

NETWORK = """
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self, features, classes, units, salt):
        super().__init__()
        rates = [rate.item() for rate in torch.linspace(0.1, 0.3, 2)]
        self.reader = nn.LSTM(1, units, batch_first=True)
        self.normalize = nn.BatchNorm1d(units)
        self.drop = nn.Dropout(rates[1])
        self.first, self.second = nn.Linear(units, units), nn.Linear(units, units)
        self.second.weight = self.first.weight
        self.made = nn.utils.parametrizations.weight_norm(nn.Linear(units, units))
        self.frozen = nn.Parameter(torch.ones(units), requires_grad=False)
        self.register_buffer("mask", torch.full((units,), -torch.inf))
        self.head = nn.LazyLinear(classes)

    def forward(self, rows):
        states, _ = self.reader(rows.unsqueeze(2))
        hidden = self.drop(self.normalize(states[:, -1]))
        hidden = self.made(self.second(torch.relu(self.first(hidden))) * self.frozen)
        return self.head(input=torch.maximum(hidden, self.mask))
"""
MODEL = """# mine/network.py
_target_: mine.network.Reader
features: 13 # of a row
classes: 3 # that it tells apart
units: 4 # of each layer
salt: 100000 # a large number that is no size
"""
FILES = {
    "mine/__init__.py": "",
    "mine/network.py": NETWORK,
    "conf/model/mine.yaml": MODEL,
    "conf/experiment/mine.yaml": EXPERIMENT,
}
STAGES = {
    "search": ["space.params.model.units=choice(3,4)", "study.n_trials=2", "output=results/mine"],
    "confirm": ["study.n_seeds=2", "confirm.best=1"],
    "evaluate": [],
    "explain": ["study.n_seeds=2", "explain.ablated=0"],
    "report": [],
}
TRAINS = ("search", "confirm", "explain")
SERVED = """
import sys
import mlflow, numpy, pandas, torch
import eksplora

rows = numpy.load(sys.argv[1])[:3]
network = eksplora.load_network("results/mine/search/best")
assert network(torch.from_numpy(rows)).shape == (3, 3)
assert torch.equal(network(torch.from_numpy(rows)), network(torch.from_numpy(rows))), "nothing is dropped"
mlflow.set_tracking_uri("sqlite:///mlruns/mlflow.db")
served = mlflow.pyfunc.load_model("models:/eksplora-mine@champion")
names = eksplora.load_ensemble("results/mine/confirm/model").card["feature_names"]
print(served.predict(pandas.DataFrame(rows, columns=names))["prediction"].tolist())
"""


@pytest.fixture
def folder(tmp_path: Path, new_folder: object) -> Path:
    """A folder of a user's own, beside a project."""
    own: Path = new_folder("own")  # type: ignore[operator]
    for name, text in FILES.items():
        write(own / name, text)
    return own


def run(project: Path, folder: Path, *words: str) -> str:
    """Run a command of the project in the folder; returns what it said."""
    done: subprocess.CompletedProcess[str] = preloaded.run(
        [sys.executable, *words], cwd=folder, env=recording.environment(project)
    )
    assert done.returncode == 0, f"{words[0]}: {done.stderr}"
    return done.stdout


def test_a_network_without_any_attribute_of_ours_goes_through_every_stage(
    folder: Path, tmp_path: Path, prepared: str
) -> None:
    project = recording.copy_project(tmp_path / "project")
    threads = {stage: ["study.workers=1", "study.threads=1"] if stage in TRAINS else [] for stage in STAGES}
    asked = [[stage, "experiment=mine", prepared, *threads[stage], *own] for stage, own in STAGES.items()]
    assert "2 finished" in run(project, folder, recording.__file__, json.dumps(asked))
    assert "mine" in (folder / "results/mine/report.html").read_text()
    test_rows = Path(prepared.partition("=")[2]) / "prepared/wine/test_features.npy"
    np.savez(folder / "rows.npz", features=np.load(test_rows)[:3])
    (folder / "served.py").write_text(SERVED)
    given = ["trained=results/mine/confirm/model", "input=rows.npz"]
    run(project, folder, *recording.words(project, "predict", *given)[1:])
    predicted = [line.split(",")[1] for line in (folder / "predictions.csv").read_text().splitlines()[1:]]
    assert run(project, folder, "served.py", str(test_rows)).splitlines()[-1] == str(predicted)


@pytest.mark.slow
def test_it_is_reproduced_bit_for_bit_with_the_working_folders_own_parts(
    folder: Path, tmp_path: Path, prepared: str
) -> None:
    project = recording.copy_project(tmp_path / "project")
    quick = ["study.workers=1", "study.threads=1", "study.n_trials=1"]
    run(project, folder, *recording.words(project, "search", "experiment=mine", prepared, *quick)[1:])
    words = recording.words(project, "reproduce", f"run={trial_of(folder)}", prepared)[1:]
    assert "bit-identical" in run(project, folder, *words)


def trial_of(folder: Path) -> str:
    """The id of the run of the search's only trial."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db")
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return next(run.info.run_id for run in runs if run.info.run_name == "trial-000")
