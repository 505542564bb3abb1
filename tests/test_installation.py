import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import own_folder
import pytest

from eksplora import errors, installation, provenance
from eksplora.config import folders
from eksplora.events import spool as spools

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("src", "conf", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("has_checkout", [True, False])
def test_a_checkout_runs_its_pipelines_and_other_folders_the_command(
    has_checkout: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = provenance.command_of("search", ["experiment=wine_mlp"])
    assert ROOT == installation.CHECKOUT == folders.project()
    assert errors.command_line("search", a="b c") == "python pipelines/search.py 'a=b c'"
    assert provenance.command_line(recorded) == ".venv/bin/python pipelines/search.py experiment=wine_mlp"
    assert installation.target("ui") == "make ui"
    assert installation.target("reproduce", run="<id>") == "make reproduce RUN=<id>"
    assert (installation.or_repro(" --force"), installation.program("mlflow")) == (
        ", or dvc repro --force",
        ".venv/bin/mlflow",
    )
    if not has_checkout:
        monkeypatch.setattr(installation, "CHECKOUT", None)
    else:  # its command, in a folder of one's own
        monkeypatch.setattr("sys.argv", ["/project/.venv/bin/eksplora", "search"])
    assert errors.command_line("search", a="b c") == "eksplora search 'a=b c'"
    assert provenance.command_line(recorded) == "eksplora search experiment=wine_mlp"
    assert installation.target("ui") == "eksplora ui"
    assert installation.target("reproduce", run="<id>") == "eksplora reproduce run=<id>"
    assert (installation.or_repro(" --force"), installation.program("mlflow")) == ("", "mlflow")


def test_the_project_of_an_installed_package_is_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "CHECKOUT", None)
    monkeypatch.chdir(tmp_path)
    assert folders.project() == tmp_path


def test_the_package_offers_few_names_and_imports_nothing_for_them(tmp_path: Path) -> None:
    script = (
        "import sys, eksplora\n"
        "loaded = {name.partition('.')[0] for name in sys.modules} & {'torch', 'hydra', 'numpy', 'yaml'}\n"
        "assert not loaded, loaded\n"
        "assert {*eksplora.__all__} <= {*dir(eksplora)}\n"
        "from eksplora import load_ensemble, load_network, __version__\n"
        "import eksplora.inference as inference\n"
        "assert (load_ensemble, load_network) == (inference.load_ensemble, inference.load_network)\n"
        "try:\n    eksplora.load_everything\n"
        "except AttributeError as error:\n    print(*eksplora.__all__, __version__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    missing = "module 'eksplora' has no attribute 'load_everything'"
    names = "Study __version__ choice compare integers load_ensemble load_network log search uniform"
    assert done.stdout == f"{names} 0.1.0 {missing}\n", done.stderr


def test_a_type_checker_sees_the_same_names() -> None:
    package = ROOT / "src/eksplora"
    said = [(package / name).read_text().partition("__all__ = ")[2].partition("]")[0] for name in FACES]
    assert said[0] == said[1] and (package / "py.typed").is_file()


FACES = ("__init__.py", "__init__.pyi")


# --- the wheel, in an environment of its own -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The programs of an environment into which the built wheel was installed; all else it shares with this one."""
    made = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, made / name)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*words: object, cwd: Path = made) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True)

    def check(*words: object) -> None:
        done = run(*words)
        assert done.returncode == 0, done.stderr

    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    check(*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "dist")
    check(sys.executable, "-m", "venv", "--without-pip", "env")
    python = made / "env/bin/python"
    check(*pip, "--python", python, "install", "--no-deps", "--no-index", *(made / "dist").glob("*.whl"))
    site = next((made / "env").glob("lib/python*/site-packages"))
    (site / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    shutil.rmtree(made / "src")
    assert run(python, "-c", "import eksplora; print(eksplora.__file__)").stdout == f"{site}/eksplora/__init__.py\n"
    return lambda program, *words, folder: run(made / "env/bin" / program, *words, cwd=folder)


@pytest.mark.slow
def test_the_wheel_runs_a_study_in_an_empty_folder(installed: Run, tmp_path: Path) -> None:
    words = ("search", "experiment=wine_mlp", "study.n_trials=2", "trainer.max_epochs=2")
    done = installed("eksplora", *words, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mlruns", "results"]
    assert "2 finished" in done.stdout and "`eksplora ui`" in done.stdout and "make " not in done.stdout + done.stderr
    study = spools.study_of(tmp_path / "mlruns/studies/wine_mlp-tpe/spool.jsonl")
    assert study.command is not None and provenance.command_of("search", words[1:]) == study.command
    again = installed("eksplora", *words, folder=tmp_path)
    assert again.returncode == 0 and "2 finished" in again.stdout


@pytest.mark.slow
def test_the_wheel_finds_a_users_own_files_and_parts(installed: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own_folder.make(own)
    own_folder.write(own / "conf/loss/bad.yaml", "a: &b 1")
    words = ("search", "experiment=mine", "study.n_trials=2", "sampler=random", "space.params.model.units=range(3, 9)")
    done = installed("eksplora", *words, folder=own)
    assert done.returncode == 0 and "2 finished" in done.stdout, done.stderr
    study = spools.study_of(own / "mlruns/studies/mine-random/spool.jsonl")
    assert study.definition is not None and "code.mine.sha256" in study.definition

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    unknown = installed("eksplora", "search", "experiment=mine", folder=elsewhere)
    said = "error: experiment=mine: no such file in conf/experiment/. Valid: boston_mlp, "
    assert unknown.returncode == 2 and unknown.stderr.startswith(said)
    load = f"from eksplora import load_network; load_network({str(own / 'results/mine-random/best')!r})"
    assert installed("python", "-c", load, folder=own).returncode == 0
    refused = installed("python", "-c", load, folder=elsewhere)
    assert refused.returncode == 1 and "'mine.Net' is no part that conf/model/ names" in refused.stderr
    bad = installed("eksplora", "search", "experiment=mine", "loss=bad", folder=own)
    assert bad.returncode == 2 and bad.stderr.startswith("error: conf/loss/bad.yaml cannot be read (line 1: 'b' is an ")
    (own / "mine.py").write_text("")
    gone = installed("eksplora", "search", "experiment=mine", "study.name=gone", folder=own)
    assert gone.returncode == 2 and "error: " in gone.stderr and "mine.Net" in gone.stderr
