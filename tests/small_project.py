"""A small copy of the project in a git of its own, for the real DVC: one experiment to run, and one beside it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc_yaml
import preloaded
import surviving
import yaml
from processes import kill, session
from waiting import until

ROOT = Path(__file__).resolve().parents[1]
DVC = str(Path(sys.executable).with_name("dvc"))
COPIED = (
    *("conf", "src", "pipelines", "dvc.yaml", "constraints.txt"),
    *(".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"),
)
LEFT_OUT = shutil.ignore_patterns("*.pyc.*", "*.egg-info", "dvc.yaml")
"""What of a folder is not copied; that in pipelines/ has the audit."""
NAME, OTHER = "diabetes_mlp", "wine_mlp"
RESULTS = Path("results") / NAME
NAMES = ("search", "confirm", "evaluate", "explain", "report")
STAGES = ("prepare@diabetes", *(f"{name}@{NAME}" for name in NAMES))
OTHERS = ("prepare@wine", *(f"{name}@{OTHER}" for name in NAMES))
OUTS = ("data/raw/diabetes", "data/prepared/diabetes", *(f"{RESULTS}/{name}" for name in NAMES[:4]))
COMMANDS = {
    "prepare": ["data=diabetes"],
    "search": [f"experiment={NAME}", "study.versioned=true", f"output={RESULTS}"],
    **{name: [f"experiment={NAME}"] for name in NAMES[1:]},
}
SMALL = {
    "conf/search.yaml": {"n_trials": 3, "workers": 1, "threads": 1},
    "conf/confirm.yaml": {"best": 1, "n_seeds": 3},
    "conf/explain.yaml": {"n_seeds": 2},
    f"conf/experiment/{NAME}.yaml": {"max_epochs": 2},
}
DAG = {
    "python: .venv/bin/python": f"python: {sys.executable}",
    "digits_cnn: digits\n": f"{OTHER}: wine\n",
    "boston_mlp: boston_housing\n": f"{NAME}: diabetes\n",
    "data_sets: [digits, boston_housing]": "data_sets: [wine, diabetes]",
    "digits_cnn": OTHER,
    "boston_mlp": NAME,
}
"""What of dvc.yaml is another in the small project."""

STAND_INS = {
    "data/raw/wine/card.json": "{}",
    "data/prepared/wine/card.json": "{}",
    **{f"results/{OTHER}/{name}/metrics.json": '{"objective": 0.5}' for name in NAMES[:3]},
    f"results/{OTHER}/search/history.csv": "trial,value,best\n0,0.5,0.5\n",
    f"results/{OTHER}/confirm/curves.csv": "epoch,train/loss,val/loss\n1,2.0,3.0\n",
    f"results/{OTHER}/evaluate/predictions.csv": "row,actual,predicted\n0,class_0,class_1\n",
    f"results/{OTHER}/config.yaml": f"experiment: {OTHER}\n",
    f"results/{OTHER}/explain/explain.json": "{}",
    **{
        f"results/{OTHER}/{name}": "wine\n"
        for name in ("report.md", "report.html", "tables/measures.md", "plots/tested.png")
    },
}
"""What the other experiment has as its results: DVC does not look inside, and it costs nothing to make."""


def make(project: Path) -> Path:
    """Copy the project, make it small, give its dvc.yaml the two experiments, and commit it."""
    for name in COPIED:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, project / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, project / name)
    for name, values in SMALL.items():
        for key, value in values.items():
            set_key(project / name, key, value)
    run(project, "git", "init", "--quiet", "--initial-branch=main")
    change(project / "dvc.yaml", DAG)
    commit(project, "small")
    for name, content in STAND_INS.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)
    dvc(project, "commit", "--force", *OTHERS)
    return project


def change(file: Path, words: Mapping[str, str]) -> None:
    """Replace words of a file; each of them is in it."""
    text = file.read_text()
    for old, new in words.items():
        assert old in text, f"{file} has no {old}"
        text = text.replace(old, new)
    file.write_text(text)


def set_key(file: Path, key: str, value: object) -> None:
    """Give a key of a YAML file another value."""
    text, count = re.subn(rf"^(\s*{key}: )[^\s#]+", rf"\g<1>{value}", file.read_text(), flags=re.MULTILINE)
    assert count == 1, f"{file} has {key} {count} times"
    file.write_text(text)


def append(file: Path, line: str = "# a comment\n") -> None:
    """Add a line to a file."""
    file.write_text(file.read_text() + line)


def duplicate(project: Path, target: Path) -> Path:
    """A copy of a project, with DVC's cache and all."""
    return Path(shutil.copytree(project, target, symlinks=True))


def commit(project: Path, message: str) -> None:
    """Commit everything that git does not ignore."""
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "--quiet", "--message", message)


def environment(project: Path) -> dict[str, str]:
    """This project's sources, and nothing of the user's: neither settings nor caches of git and DVC."""
    own = {
        "PYTHONPATH": str(project / "src"),
        "XDG_CACHE_HOME": f"{project}.cache",
        "DVC_SITE_CACHE_DIR": f"{project}.site",
        "DVC_GLOBAL_CONFIG_DIR": f"{project}.config",
        "DVC_SYSTEM_CONFIG_DIR": f"{project}.config",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "small@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    foreign = ("GIT_", "DVC_", "EKSPLORA_", "HYDRA_")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | own


def run(
    project: Path, *command: str, code: int = 0, own: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command in the project; it must end with an exit code."""
    done = preloaded.run(command, cwd=project, env=environment(project) | dict(own or {}))
    assert done.returncode == code, (
        f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    )
    return done


def dvc(project: Path, *words: str, code: int = 0, own: Mapping[str, str] | None = None) -> str:
    """Run DVC and return what it printed."""
    done = run(project, DVC, *words, code=code, own=own)
    return done.stdout + done.stderr if code else done.stdout


def stage(name: str) -> list[str]:
    """The command of a stage of the experiment, as one would type it."""
    return [sys.executable, f"pipelines/{name}.py", *COMMANDS[name]]


@contextmanager
def started(project: Path, command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[str]"]:
    """A command in a session of its own, with its output in a file; nothing of it is left afterwards."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment(project) | {"PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_session(process.pid)
        process.wait()


def end_session(leader: int) -> None:
    for pid in session(leader):
        kill(pid)


def wait(holds: Callable[[], Any], process: "subprocess.Popen[str]") -> bool:
    """Wait until something holds or a process has ended; says whether it holds."""
    until(lambda: holds() or process.poll() is not None)
    return bool(holds())


def wait_for_end(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether a process ends by itself within some seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


# --- what came of it ---------------------------------------------------------------------------------------------


def ran(output: str) -> list[str]:
    """The stages that DVC ran (or, with --dry, would run), in order."""
    return re.findall(r"^Running stage '([^']+)'", output, re.MULTILINE)


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def depending(project: Path) -> dict[str, list[str]]:
    """For each changed file, the stages that DVC would run again for it."""
    found: dict[str, list[str]] = {}
    for stage, reasons in json.loads(dvc(project, "status", "--json")).items():
        for file in (file for reason in reasons for file in reason.get("changed deps", ())):
            found.setdefault(file, []).append(stage)
    return found


def dependencies(project: Path) -> dict[str, list[str]]:
    """The dependencies of each stage, as dvc.yaml states them."""
    return {name: entry["deps"] for name, entry in dvc_yaml.stages(project / "dvc.yaml").items()}


def outs(project: Path) -> dict[str, list[str]]:
    """The outs of each stage, as dvc.yaml states them."""
    return {name: entry["outs"] for name, entry in dvc_yaml.stages(project / "dvc.yaml").items()}


def cached(project: Path, md5: str) -> Path:
    """The file of DVC's cache that has a hash."""
    return project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def hash_of(project: Path, out: Path, name: str) -> str:
    """The hash by which DVC keeps a file of an out that is a folder."""
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"].values()
    folder = next(entry["md5"] for stage in stages for entry in stage["outs"] if entry["path"] == str(out))
    files: list[dict[str, str]] = json.loads(cached(project, folder).read_text())
    return next(file["md5"] for file in files if file["relpath"] == name)


def facts(project: Path, name: str) -> dict[str, Any]:
    """What a stage hands on."""
    found: dict[str, Any] = json.loads((project / RESULTS / name / f"{name}.json").read_text())
    return found


def tables(project: Path) -> dict[str, Any]:
    """The numbers of all stages that do not depend on when and how often they were run."""
    rows = facts(project, "confirm")["configurations"]
    return {
        "search": facts(project, "search")["ranked"],
        "confirm": [{key: value for key, value in row.items() if key != "seconds"} for row in rows],
        "weights": facts(project, "confirm")["final"]["weights_sha256"],
        "evaluate": facts(project, "evaluate")["test"],
    }


def content(folder: Path) -> dict[str, str]:
    """The hash of each file under a folder, by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def studies(project: Path) -> dict[str, Counter[tuple[object, ...]]]:
    """How often each trial and each member ended, by study."""
    from eksplora.events import spool

    found = {}
    for path in sorted((project / "mlruns/studies").glob("*/spool.jsonl")):
        ends = [event for event in spool.read(path) if event.kind in surviving.ENDED]
        found[path.parent.name] = Counter((end.kind, end.body.trial, getattr(end.body, "member", None)) for end in ends)
    return found
