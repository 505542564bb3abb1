"""Small changes of every kind of configuration file, and random command lines: all end with exit code 0 or one line.

A case is a function of a seed and a number (`fuzzed.py`), so what is found can be made again. What is found is
corrected as a kind.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import preloaded
import pytest
from fuzzed import HOSTILE

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("fuzzed.py")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's configuration and sources, with the data of one experiment prepared."""
    project = tmp_path_factory.mktemp("project")
    for name in ("conf", "src", "pipelines"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("*.pyc.*", "*.egg-info"))
    words = [sys.executable, str(project / "pipelines/prepare.py"), "data=wine"]
    done = preloaded.run(words, cwd=project, env=environment(project))
    assert done.returncode == 0, done.stderr
    return project


def environment(project: Path) -> dict[str, str]:
    own = {"PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"}
    return {key: value for key, value in os.environ.items() if not key.startswith("HYDRA_")} | own


def cases(project: Path, *asked: tuple[str, int, int]) -> Iterator[dict[str, Any]]:
    """What became of each case, for kinds with a seed and a number of cases each."""
    words = [word for kind, seed, count in asked for word in (kind, str(seed), "0", str(count))]
    words = [sys.executable, str(SCRIPT), str(project), *words]
    done = preloaded.run(words, cwd=project, env=environment(project))
    assert done.returncode == 0, done.stderr
    yield from map(json.loads, done.stdout.splitlines())


def is_well_ended(case: dict[str, Any]) -> bool:
    """Whether a case did what it was asked without a word of trouble, or said in one line why not."""
    lines = [line for line in case["err"].splitlines() if not line.endswith(": starting")]  # the first sign of life
    is_refused = case["code"] == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    return not case["left"] and (is_refused or (case["code"] == 0 and "Traceback" not in case["err"]))


def check(project: Path, *asked: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Run cases and hold each to its end; returns them."""
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    found = list(cases(project, *asked))
    bad = [case for case in found if not is_well_ended(case)]
    shown = "\n".join(json.dumps(case, indent=1, ensure_ascii=False) for case in bad[:5])
    assert not bad, f"{len(bad)} of {asked}:\n{shown}"
    for kind, _, count in asked:
        codes = [case["code"] for case in found if case["kind"] == kind]
        assert len(codes) == count
        assert set(codes) == ({2} if kind == "hostile" else {0, 2})  # both happen, or the cases try nothing
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert after == before
    return found


def test_every_change_ends_with_exit_code_0_or_one_line(project: Path) -> None:
    """The first of the many that the slow test tries: a changed file costs a quarter of a second of CPU."""
    found = check(project, ("words", 0, 25), ("files", 0, 25), ("hostile", 0, len(HOSTILE)))
    assert [case["words"][-1] for case in found if case["kind"] == "hostile"] == list(HOSTILE)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["files", "words"])
def test_thousands_of_changes_end_with_exit_code_0_or_one_line(kind: str, seed: int, project: Path) -> None:
    check(project, (kind, seed, 600))


# --- what was found in the wild ---------------------------------------------------------------------------------


def test_a_real_process_runs_nothing_of_a_hostile_file(project: Path, tmp_path: Path) -> None:
    file = project / "conf/experiment/x.yaml"
    file.write_text(f"# @package _global_\n{HOSTILE['callbacks in an experiment']}\n")
    words = [sys.executable, str(project / "pipelines/search.py"), "experiment=x"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(project), capture_output=True, text=True)
    file.unlink()
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert done.stderr.startswith("error: conf/experiment/x.yaml: the node 'hydra' is not set here")


def test_a_bad_file_that_nobody_chose_stops_nobody(project: Path, tmp_path: Path) -> None:
    for name in ("experiment/bad.yaml", "metric/bad.yaml", "optimizer/bad.yaml", "experiment/a|touch X.yaml"):
        (project / "conf" / name).write_bytes(b"\xff\t{: !!python/name:os.system &a")
    for arguments in (["--help"], ["experiment=wine_mlp", "study.n_trial=1"]):
        words = [sys.executable, str(project / "pipelines/search.py"), *arguments]
        done = subprocess.run(words, cwd=tmp_path, env=environment(project), capture_output=True, text=True)
        assert done.returncode == (2 if "study.n_trial=1" in arguments else 0), done.stderr
        assert "Traceback" not in done.stderr
