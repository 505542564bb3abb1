"""A random study of the Boston MLP, the whole command, against Hydra's Optuna sweeper and Ray Tune."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from statistics import median

import yaml

from benchmarks.peers.data import export
from benchmarks.peers.process import Ours, Peers, Search, last_json
from benchmarks.settings import PeersSettings
from benchmarks.table import Row, Section, spread
from benchmarks.turns import Say, Side, in_turn, times_faster
from eksplora.errors import EksploraError

OURS = "eksplora"
SWEEPER = "hydra-optuna-sweeper, Lightning"
RAY_LIGHTNING = "Ray Tune, Lightning"
RAY_TORCH = "Ray Tune, bare PyTorch loop"
TARGETS = {SWEEPER: 10.0, RAY_LIGHTNING: 6.0}
SPACE = {"lr": "1e-4,1e-2", "weight_decay": "1e-6,1e-3"}

TEXT = """\
Seconds from the command to its end, start-up included: a random search with {trials} trials over the learning rate
(0.0001 to 0.01) and the weight decay (0.000001 to 0.001) of Adam, both by order of magnitude; each trial is one
training of the Boston MLP of {epochs} epochs on the same rows, on all cores. Draws differ between the sides.

- eksplora: `pipelines/search.py experiment=boston_mlp sampler=random`, tracked in MLflow, with its table and plots.
- hydra-optuna-sweeper: `scripts/sweeper_mlp.py --multirun`, one trial after another in one process, as Hydra's basic
  launcher does.
- Ray Tune: `scripts/ray_mlp.py`, a process per trial, one on each core; trained by Lightning as the sweeper's trials
  are, and by a bare PyTorch loop for information.
- best val/mae: least mean absolute error on the validation part, median of the runs."""


def measure_study(settings: PeersSettings, folder: Path, say: Say) -> list[Section]:
    """Time all sides in turn; the peers' runs take minutes each.

    Raises:
        EksploraError: If a side fails, or did not finish all trials.
    """
    ours, peers = Ours(folder), Peers(settings.python, folder)
    data = folder / "boston.npz"
    export(["experiment=boston_mlp", *ours.paths], data)
    trials, epochs, numbers = settings.study_trials, settings.epochs, count()

    def ray(loop: str) -> Search:
        results = folder / f"ray-{next(numbers)}"
        return by_ray(peers, data, results, "--trials", trials, "--epochs", epochs, "--loop", loop)

    again = settings.peer_study_repeats
    sides = {
        OURS: Side(lambda: ours.search(*overrides(trials, epochs)), settings.study_repeats),
        SWEEPER: Side(lambda: by_sweeper(peers, data, folder / f"sweep-{next(numbers)}", trials, epochs), again),
        RAY_LIGHTNING: Side(lambda: ray("lightning"), again),
        RAY_TORCH: Side(lambda: ray("torch"), again),
    }
    runs = in_turn(sides, say, lambda run: run.seconds)
    check_trials(runs, trials)
    text = TEXT.format(trials=trials, epochs=epochs)
    return [Section(f"A study of {trials} trials of the Boston MLP", text, rows_of(runs))]


def overrides(trials: int, epochs: int) -> list[str]:
    """Our study."""
    space = [f"space.params.optimizer.{key}=tag(log, interval({interval}))" for key, interval in SPACE.items()]
    budget = [f"study.n_trials={trials}", f"trainer.max_epochs={epochs}"]
    return ["experiment=boston_mlp", "space=none", "sampler=random", *space, *budget]


def by_sweeper(peers: Peers, data: Path, folder: Path, trials: int, epochs: int) -> Search:
    """The sweeper's study."""
    paths = [f"{key}={json.dumps(str(path))}" for key, path in (("data", data), ("hydra.sweep.dir", folder))]
    budget = [f"epochs={epochs}", f"hydra.sweeper.n_trials={trials}"]
    _, wall = peers.run("sweeper_mlp.py", "--multirun", *paths, *budget)
    best = yaml.safe_load((folder / "optimization_results.yaml").read_text())["best_value"]
    return Search(wall, len([path for path in folder.iterdir() if path.is_dir()]), best)


def by_ray(peers: Peers, data: Path, results: Path, *arguments: object) -> Search:
    """Ray Tune's study."""
    printed, wall = peers.run("ray_mlp.py", data, results, *arguments)
    answer = last_json(printed)
    return Search(wall, answer["trials"], answer["score"])


def check_trials(runs: Mapping[str, Sequence[Search]], trials: int) -> None:
    """Refuse a study that lacks trials.

    Raises:
        EksploraError: If one does.
    """
    for name, taken in runs.items():
        if any(run.trials != trials for run in taken):
            raise EksploraError(f"{name}: {[run.trials for run in taken]} trials finished, not {trials}")


def rows_of(runs: Mapping[str, Sequence[Search]]) -> list[Row]:
    """One row per side."""
    seconds = {name: [run.seconds for run in taken] for name, taken in runs.items()}
    return [
        {"side": name}
        | spread(seconds[name], "s")
        | {
            "per trial, s": f"{median(seconds[name]) / taken[0].trials:.2f}",
            "best val/mae": f"{median(run.best for run in taken):.2f}",
        }
        | times_faster(seconds[OURS], seconds[name], TARGETS.get(name))
        for name, taken in runs.items()
    ]
