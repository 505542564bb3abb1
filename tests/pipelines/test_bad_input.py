"""Mistakes in what is asked, each made with a real process: exit code 2, one line, nothing left behind."""

import os
import re
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import preloaded
import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"
GRAMMAR = (
    "Write choice(a, b), range(start, stop, step), interval(low, high), tag(log, interval(low, high)) "
    "or int(interval(low, high))."
)
OPTIMIZERS = "space.params.optimizer=choice(adam,sgd)"
MOMENTUM = "space.params.optimizer.momentum=interval(0.0,0.9)"

CASES: dict[str, tuple[str, str]] = {
    # misspelt keys
    "search study.n_trial=3": ("study.n_trial: no such key.", "Did you mean 'study.n_trials'?"),
    "search model.widht=[3]": ("model.widht: no such key.", "Did you mean 'model.widths'?"),
    "search optimzer=adam": ("optimzer: no such key.", "Did you mean 'optimizer'?"),
    "search +data.btch_size=1": ("data.btch_size: no such key.", "Did you mean 'data.batch_size'?"),
    "search optimizer.momentum=0.9": (
        "optimizer.momentum: no such key with this optimizer.",
        "It needs optimizer=momentum or optimizer=nesterov or optimizer=rmsprop or optimizer=sgd.",
    ),
    "train study.n_trial=3": ("study.n_trial: no such key.", "Did you mean 'study.n_trials'?"),
    "prepare foo=1": ("foo: no such key.", "Valid: data, paths."),
    "sync tracker.url=x": ("tracker.url: no such key.", "Did you mean 'tracker.uri'?"),
    # wrong types
    "search study.n_trials=abc": ("study.n_trials: 'abc' is of the wrong type.", "Give a whole number."),
    "search study.n_trials=2.5": ("study.n_trials: '2.5' is of the wrong type.", "Give a whole number."),
    "search optimizer.lr=abc": ("optimizer.lr: 'abc' is of the wrong type.", "Give a value like 0.001 (a number)."),
    "search model.widths=3": ("model.widths: 3 is of the wrong type.", "Give a list such as [128, 128, 128, 128]."),
    "search optimizer.lr=nan": ("optimizer.lr: nan is not finite.", "Give a number."),
    "ui port=abc": ("port: 'abc' is of the wrong type.", "Give a whole number."),
    # values that mean nothing
    "search study.n_trials=0": (
        "study.n_trials must be a whole number of at least 1 or null, got 0.",
        "Try study.n_trials=20.",
    ),
    "search study.n_trials=-1": (
        "study.n_trials must be a whole number of at least 1 or null, got -1.",
        "Try study.n_trials=20.",
    ),
    "search study.name=../x": ("study.name: '../x' is no name", "Use letters, digits, '.', '_' and '-', at most 100."),
    "ui port=70000": ("port must be a whole number of at least 1 and at most 65535, got 70000.", "Try port=5000."),
    # unknown files
    "search experiment=boston_mpl": (
        "experiment=boston_mpl: no such file in conf/experiment/.",
        "Did you mean 'boston_mlp'?",
    ),
    "search data=fashion_mnits": ("data=fashion_mnits: no such file in conf/data/.", "Did you mean 'fashion_mnist'?"),
    "search sampler=radnom": ("sampler=radnom: no such file in conf/sampler/.", "Did you mean 'random'?"),
    "search model=null": ("model=null: no such file in conf/model/.", "Valid: cnn, cnn_4x4, "),
    "prepare data=xyz": ("data=xyz: no such file in conf/data/.", "Valid: boston_housing, breast_cancer, "),
    # parts that do not go together
    "search metric=r2": ("metric=r2 is not what objective=mae names.", "Choose them together: objective=r2."),
    "train experiment=wine_mlp output=somewhere": (
        "output=somewhere: a training hands nothing on to an experiment's results.",
        "paths.results=<folder>.",
    ),
    "search objective=accuracy": (
        "objective=accuracy is not for task=regression.",
        "Choose one of mae, mse, r2, rmse.",
    ),
    "search loss=cross_entropy": (
        "is for task=classification, not regression.",
        "Choose loss=huber or loss=log_cosh or loss=mae or ",
    ),
    "search task=binary": ("task=binary does not go with data=boston_housing.", "Choose task=regression or"),
    # overrides that cannot be read
    "search study.n_trials=[": ("'study.n_trials=[' cannot be read.", "Write key=value, and quote"),
    "search study.n_trials=1,2": ("study.n_trials: one value is wanted, got 1,2.", "Give one."),
    "search --multirun": ("--multirun: no such option.", "Valid: --cfg, "),
    # the search space
    "search space.params.optimizer.lr=interval(1,1)": (
        "space.params.optimizer.lr: interval(1, 1) is empty.",
        "Give the smaller",
    ),
    "search space.params.optimizer.lr=interval(0.2,0.1)": (
        "space.params.optimizer.lr: interval(0.2, 0.1) is reversed.",
        "Give the smaller end first.",
    ),
    "search space.params.optimizer.lr=tag(log,interval(0,0.1))": (
        "space.params.optimizer.lr: a log interval must start above 0, got 0.",
        "Raise its lower end.",
    ),
    "search space.params.optimizer.lr=0.1": ("space.params.optimizer.lr: '0.1' is one value, not a domain.", GRAMMAR),
    "search space.params.optimizer.lrr=interval(0.1,0.2)": (
        "space.params.optimizer.lrr: no such key.",
        "Did you mean 'optimizer.lr'?",
    ),
    "search space.params.optimizer.lr=choice(a,b)": (
        "space.params.optimizer.lr: 'a' is of the wrong type.",
        "Give a value like 0.001 (a number).",
    ),
    "search space.params.optimizer=choice(adam,adm)": (
        "space.params.optimizer: 'adm' is no file of conf/optimizer/.",
        "Did you mean 'adam'?",
    ),
    f"search {OPTIMIZERS} {MOMENTUM}": (
        "space.params.optimizer.momentum: no such key when optimizer=adam.",
        "Make it conditional: space.when.optimizer.momentum=optimizer=choice(momentum, nesterov, rmsprop, sgd).",
    ),
    f"search {OPTIMIZERS} {MOMENTUM} space.when.optimizer.momentum=optimizer=sdg": (
        "space.when.optimizer.momentum: optimizer=sdg is not among the values searched.",
        "Did you mean 'sgd'?",
    ),
    "search ~space.params.optimizer.lrr": (
        "space.params.optimizer.lrr: there is none to remove.",
        "Did you mean 'optimizer.lr'?",
    ),
    "search sampler=grid": (
        "space.params.optimizer.lr: a grid cannot run over the continuous interval(0.0003, 0.03).",
        "Give it steps, e.g. range(0.0003, 0.03, 0.00594) or choice(0.0003, 0.03), or use another sampler.",
    ),
    "search study.n_trials=null": ("study.n_trials: null means the whole grid", "Give a number of trials."),
}


@pytest.fixture(scope="module")
def endings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, "Future[tuple[subprocess.CompletedProcess[str], Path]]"]:
    """Every case that this run of the tests asks for, two processes at a time."""
    asked = [item.callspec.params["case"] for item in request.session.items if hasattr(item, "callspec")
             and item.path == request.path and "case" in item.callspec.params]  # fmt: skip

    def run(case: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        name, *overrides = case.split()
        folder = tmp_path_factory.mktemp("case")
        words = [sys.executable, str(PIPELINES / f"{name}.py"), *overrides]
        return preloaded.run(words, cwd=folder), folder

    with ThreadPoolExecutor(2) as pool:
        return {case: pool.submit(run, case) for case in asked}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if place % 3 == 0 else pytest.mark.slow) for place, case in enumerate(CASES)]
)
def test_a_mistake_is_one_line_with_a_way_out_and_leaves_nothing_behind(
    case: str, endings: dict[str, "Future[tuple[subprocess.CompletedProcess[str], Path]]"]
) -> None:
    done, folder = endings[case].result()
    wrong, way_out = CASES[case]
    assert done.returncode == 2, done.stderr
    error = re.sub(r"(?m)^(?!error).*\bstarting\b.*\n", "", done.stderr)  # some mistakes are seen when parts are built
    assert error.startswith("error: ") and error.count("\n") == 1, done.stderr
    assert wrong in error
    assert way_out in error.partition(wrong)[2]
    assert done.stdout == ""
    assert list(folder.rglob("*")) == []


PROBE = """
import runpy, sys
sys.argv.pop(0)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as left:
    print("exit code", left.code)
print("imported", *sorted({"torch", "pytorch_lightning", "mlflow", "sklearn"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "override", "code"),
    [
        *((name, "--help", None) for name in ("baseline", "prepare", "search", "sync", "train", "ui")),
        ("train", "optimizer.lr=abc", 2),
        ("search", "objective=accuracy", 2),
        ("search", "space.params.optimizer.lrr=interval(1,2)", 2),
        ("search", "study.n_trials=0", 2),
        ("search", "sampler=grid", 2),
    ],
)
def test_help_and_mistakes_are_answered_before_anything_slow_is_imported(
    name: str, override: str, code: int | None, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", PROBE, str(PIPELINES / f"{name}.py"), override]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "imported"
    assert (lines[-2] == f"exit code {code}") is (code is not None)
    assert list(tmp_path.iterdir()) == []


def test_the_traceback_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    words = [sys.executable, str(PIPELINES / "search.py"), "study.n_trial=3"]
    environment = os.environ | {"HYDRA_FULL_ERROR": "1"}
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: study.n_trial: no such key.")


def test_the_resulting_configuration_is_shown_without_running_anything(tmp_path: Path) -> None:
    words = [sys.executable, str(PIPELINES / "search.py"), "optimizer.lr=0.5", "--cfg", "job", "--resolve"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert "  lr: 0.5\n" in done.stdout and done.stderr == ""
    assert list(tmp_path.iterdir()) == []
