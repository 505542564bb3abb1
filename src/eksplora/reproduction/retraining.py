"""A recorded training once more: its commit in a worktree, its population, its threads."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eksplora.config.folders import folders_asked_for, own_folder, project
from eksplora.errors import DataError, EksploraError, PreconditionError
from eksplora.installation import CONFIG_DIRS
from eksplora.provenance import UNKNOWN, without_git
from eksplora.reproduction.patch import FileChange, changes, check_modes, is_patch
from eksplora.reproduction.record import Recorded
from eksplora.study.definition import hidden_by_git
from eksplora.study.trial import Key
from eksplora.types import Status
from eksplora.untrusted import read_json

SCRIPT = Path(__file__).with_name("script.py")
WORKS = {
    "baseline": ("eksplora.work.baseline:run", "eksplora.stage._baseline_job:run"),
    "function": ("eksplora.work.function:run",),
    "model": ("eksplora.work.job:run", "eksplora.stage._job:run"),
}
"""Function that trains a configuration, by the key that only its kind has: the name now, and those of earlier ones."""


NO_ANSWER = "The recorded sources gave another answer than sources of this project."


@dataclass
class Result:
    """Result of a member."""

    trial: int
    member: int
    status: str
    value: float | None
    best_epoch: int
    epochs: int
    step: int
    curves: dict[str, list[float]]
    device: str
    weights_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.status not in list(Status):
            raise ValueError(f"status is {self.status!r}")


@dataclass
class Answer:
    """Answer of the script that trains."""

    results: list[Result]
    split: str


COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The whole name of a commit, by SHA-1 or SHA-256: what is shorter, or is a word, git would look up."""

PATCH = "the recorded changes.diff"
ALONE = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "submodule.recurse=false", "core.protectHFS=true")
"""Settings with which git runs nothing besides, no hook and no watcher, and refuses other systems' names of `.git`."""


@contextmanager
def worktree(
    project: Path, commit: str, patch: str, *, permit: Callable[[list[FileChange]], None] = lambda found: None
) -> Iterator[Path]:
    """The files of a commit with a patch applied, in a folder of their own that is gone afterwards.

    Args:
        project: The project's folder, with its repository.
        commit: The recorded commit.
        patch: What was different in the working tree when it was recorded.
        permit: Asked before the patch is applied, with what it changes; raises to refuse it.

    Raises:
        PreconditionError: If the repository does not have the commit, or the patch does not fit it, would write outside
            of the worktree, or makes links.
    """
    if UNKNOWN in (commit, patch):
        raise PreconditionError(
            "the commit was not recorded: git did not know the project when the run was made. Make a run in a "
            "repository of your own, and give that."
        )
    if not COMMIT.fullmatch(commit):
        raise PreconditionError(
            f"the recorded commit is {ascii(commit)[:80]}, which is no commit. The record was altered."
        )
    if reason := without_git(project):
        raise PreconditionError(f"commit {commit[:12]} cannot be checked out: {reason}")
    with tempfile.TemporaryDirectory(prefix="eksplora-") as folder:
        tree = Path(folder) / "tree"
        git = partial(_git, settings=[*ALONE, *_no_filters(project)])
        try:
            # In two steps: the user's hook for a checkout (DVC has one) does not run.
            found = git(project, "worktree", "add", "--detach", "--no-checkout", "--quiet", "--", str(tree), commit)
            found = found or git(tree, "reset", "--hard", "--quiet")
            if found:
                raise PreconditionError(
                    f"commit {commit[:12]} cannot be checked out ({found}). Fetch it: git fetch --all --tags."
                )
            _check_commit(git, tree, commit)
            if is_patch(patch):
                _apply(git, tree, commit, patch, permit)
            yield tree
        finally:
            shutil.rmtree(tree, ignore_errors=True)
            git(project, "worktree", "remove", "--force", "--force", "--", str(tree))  # twice: also one half made


def _check_commit(git: Callable[..., str], tree: Path, commit: str) -> None:
    """Refuse a worktree of anything else than what was asked for.

    Raises:
        PreconditionError: If it is one.
    """
    shown: list[str] = []
    if git(tree, "rev-parse", "--verify", "HEAD", output=shown) or shown[0].strip() != commit:
        raise PreconditionError(f"git made a worktree of another commit than {commit[:12]}. Nothing was trained.")


def _apply(
    git: Callable[..., str], tree: Path, commit: str, patch: str, permit: Callable[[list[FileChange]], None]
) -> None:
    """Say what a patch changes, have it permitted, and apply it.

    Raises:
        PreconditionError: If it does not fit, is refused, or would write what is no file of the project.
    """
    check_modes(patch, PATCH)
    shown: list[str] = []
    reason = git(tree, "apply", "--numstat", "-z", "--", "-", given=patch, output=shown)
    if not reason:
        permit(changes(shown[0], PATCH))
        reason = git(tree, "apply", "--whitespace=nowarn", "--", "-", given=patch)
    if reason:
        raise PreconditionError(f"{PATCH} does not fit commit {commit[:12]} ({reason}).")


def _no_filters(project: Path) -> list[str]:
    """Settings that switch off the user's filters: a recorded `.gitattributes` must not choose which run."""
    shown: list[str] = []
    _git(
        project, "config", "--name-only", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$", output=shown
    )
    names = shown[0].splitlines() if shown else []
    return [
        f"{name}={'false' if name.endswith('.required') else ''}" for name in dict.fromkeys(names) if "=" not in name
    ]


def _git(
    folder: Path, *arguments: str, given: str = "", settings: Sequence[str] = (), output: list[str] | None = None
) -> str:
    """Run git; returns the last line of its complaint, empty when all is well; what it prints is added to `output`."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}  # what is not here is not fetched unasked
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *(word for one in settings for word in ("-c", one)), *arguments],
            input=given.encode(errors="surrogateescape"),
            capture_output=True,
            env=environment,
        )
    except OSError as error:
        return f"git: {error.strerror}"
    if output is not None:
        output.append(done.stdout.decode(errors="surrogateescape"))
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else "git failed") if done.returncode else ""


def train_again(tree: Path, recorded: Recorded, keys: Sequence[Key], data_root: Path) -> dict[Key, dict[str, Any]]:
    """Train the population of some members with the sources of a worktree; returns the results of these.

    Args:
        tree: The worktree.
        recorded: The study.
        keys: Members of one population, with the same number of threads.
        data_root: Folder of the prepared data: the present one.

    Raises:
        PreconditionError: If the sources are not those that were recorded, or the population does not fit this machine.
        EksploraError: If the training raises.
    """
    together, known = recorded.together[keys[0]], recorded.provenance.get("code.sha256", UNKNOWN)
    with tempfile.TemporaryDirectory(prefix="eksplora-") as folder:
        output = Path(folder) / "output.json"
        trainings = []
        for place, key in enumerate(together):
            training = recorded.training(key, str(Path(folder) / f"member-{place}"))
            data = training["config"]["data"] | {"root": str(data_root.absolute())}
            trainings.append(training | {"config": training["config"] | {"data": data}})
        known_results = {key: recorded.results[key] for key in together if key in recorded.results}
        pruned = {key: result.epochs for key, result in known_results.items() if result.status is Status.PRUNED}
        request = {
            "work": next((WORKS[kind] for kind in WORKS if kind in recorded.config(keys[0][0])), WORKS["model"]),
            "code.sha256": known,
            "code.parts": recorded.provenance.get("code.parts", "").split(),
            "trainings": trainings,
            "pruned": {f"{trial}/{member}": epochs for (trial, member), epochs in pruned.items()},
            "threads": recorded.threads[keys[0]][-1],
            "folder": str(Path(folder) / "population"),
            "output": str(output),
        }
        _run(tree, folder, request, _hidden(recorded.config(keys[0][0])))
        found = read_json(output, dict[str, Any], way_out=NO_ANSWER)
        if found.get("code.sha256") == known != UNKNOWN:
            read_json(output, Answer, way_out=NO_ANSWER)
    if found.get("code.sha256") != known or known == UNKNOWN:
        raise PreconditionError(
            "the sources of the recorded commit and diff are not those that the run was trained with: files that git "
            "does not hold were part of them."
        )
    if found["split"]:
        raise PreconditionError(
            f"its population of {len(together)} members does not fit this machine: {found['split']}."
        )
    results = {(one["trial"], one["member"]): one for one in found["results"]}
    missing = [key for key in keys if key not in results]
    if missing:
        raise EksploraError(f"the training gave no result for member {missing[0][1]} of trial {missing[0][0]}.")
    return {key: results[key] for key in keys}


def _hidden(config: Mapping[str, Any]) -> str:
    """Own files of a training that git ignores, in words; empty where there are none."""
    targets = {str(node["_target_"]) for node in config.values() if isinstance(node, Mapping) and "_target_" in node}
    return hidden_by_git(targets, project())


def _run(tree: Path, folder: str, request: Mapping[str, Any], hidden: str) -> None:
    """Run the script that trains, with the sources of the worktree and no others.

    Args:
        tree: The worktree.
        folder: A folder that is gone afterwards.
        request: What is asked of the script.
        hidden: What may be missing in the worktree, in words.

    Raises:
        PreconditionError: If it raises, and something is missing.
        EksploraError: If it raises.
    """
    asked = Path(folder) / "request.json"
    asked.write_text(json.dumps(request), encoding="utf-8")
    own = {"PYTHONPATH": str(tree / "src"), "PYTHONSAFEPATH": "1", "TMPDIR": folder}  # torch leaves a cache there
    own |= {CONFIG_DIRS: os.pathsep.join(map(str, folders_asked_for()))}  # it works in another folder
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(asked)],
        cwd=_workplace(tree),
        env=os.environ | own,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        way_out = "HYDRA_FULL_ERROR=1 shows all of it."
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            print(done.stderr, file=sys.stderr)
        if hidden:
            raise PreconditionError(f"the sources of the recorded commit cannot train it ({last}): {hidden}.")
        raise EksploraError(f"the sources of the recorded commit cannot train it here ({last}). {way_out}")


def _workplace(tree: Path) -> Path:
    """Folder of the command's own `conf/` and parts: in the worktree if the project holds them, else as it is.

    `changed_outside_code` has compared what is in no commit.
    """
    own = own_folder()
    if own is None:
        return tree
    is_held = own.is_relative_to(project())
    return tree / own.parent.relative_to(project()) if is_held else own.parent


def check_data(recorded: Recorded, arrays: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Prepared arrays that are not those that were recorded, in words."""
    known = recorded.study.definition or {}
    if not any(f"data.{name}.sha256" in known for name in arrays):
        raise DataError("the run recorded no hashes of its data.")
    return [
        f"data.{name} is not the recorded array (bring it back: git checkout {recorded.provenance['git.commit'][:12]} "
        "-- dvc.lock, then dvc checkout)"
        for name, entry in arrays.items()
        if entry["sha256"] != known.get(f"data.{name}.sha256")
    ]
