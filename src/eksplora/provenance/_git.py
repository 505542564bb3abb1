"""The commit of a project, and what differs from it."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

UNKNOWN = "unknown"


GIT_TIMEOUT_SECONDS = 120.0


WRITTEN_BY_STAGES = ":(exclude)dvc.lock"
"""DVC notes each stage that ended here, so it differs from the commit while the next one runs: no change of code."""


LARGEST_UNTRACKED_BYTES = 2**20
"""An untracked file that is larger is named in a diff, not held."""


def diff(root: Path) -> str:
    """Difference from the last commit, as a patch that `git apply` takes; untracked files and `dvc.lock` are in it.

    Returns:
        An empty string for a clean tree, "unknown" where there is no git, no repository or no commit. Untracked files
        above 1 MiB are only named, in lines before the patch.
    """
    listed = _run_git(root, "ls-files", "--others", "--exclude-standard", "-z")
    objects = _run_git(root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    if listed is None or objects is None:
        return UNKNOWN
    untracked = [name for name in listed.split("\0") if name]
    small = [name for name in untracked if _is_small(root / name)]
    with tempfile.TemporaryDirectory() as folder:
        # A second index and a second store of objects: nothing is changed in the user's own.
        own = {
            "GIT_INDEX_FILE": f"{folder}/index",
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects.strip(),
        }
        steps = [_run_git(root, "read-tree", "HEAD", own=own), _run_git(root, "add", "--update", own=own)]
        if small:
            names = ("--pathspec-from-file=-", "--pathspec-file-nul")
            steps.append(_run_git(root, "add", *names, own=own, given="\0".join(f":(literal){name}" for name in small)))
        # The plain patch, whatever the user's own git settings are.
        plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--unified=3")
        prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
        steps.append(_run_git(root, "diff", "--cached", "HEAD", *plain, *prefixes, own=own))
    if None in steps:
        return UNKNOWN
    return "".join(f"Untracked: {name}\n" for name in untracked if name not in small) + (steps[-1] or "")


def sha256_of(patch: str) -> str:
    """The sha256 of a patch's bytes, as `sha256sum changes.diff` prints it."""
    return hashlib.sha256(patch.encode(errors="surrogateescape")).hexdigest()


def _is_small(file: Path) -> bool:
    """Whether a file is held in a diff; one that vanished meanwhile is not."""
    try:
        return file.lstat().st_size <= LARGEST_UNTRACKED_BYTES
    except OSError:
        return False


def git_facts(root: Path) -> dict[str, str]:
    status = _run_git(root, "status", "--porcelain=v2", "--branch", "--", ".", WRITTEN_BY_STAGES)
    if status is None:
        return dict.fromkeys(("git.commit", "git.branch", "git.dirty"), UNKNOWN)
    lines = status.splitlines()
    header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    commit = header.get("branch.oid", UNKNOWN)
    return {
        "git.commit": UNKNOWN if commit == "(initial)" else commit,
        "git.branch": header.get("branch.head", UNKNOWN),
        "git.dirty": str(any(not line.startswith("# ") for line in lines)).lower(),
    }


def without_git(root: Path) -> str:
    """Reason for which git says nothing of a project, with the way out; empty where it does."""
    command = ["git", "-C", str(root), "rev-parse", "--git-dir"]
    try:
        done = subprocess.run(command, capture_output=True, env=_environment(root), timeout=GIT_TIMEOUT_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "strerror", None) or "it does not answer"
        return f"git cannot be asked ({reason}). Install git."
    said = done.stderr.decode(errors="replace")
    if not done.returncode:
        return ""
    if "dubious ownership" in said:
        return (
            f"the repository {root} belongs to another user. Trust it: git config --global --add safe.directory {root}"
        )
    if "not a git repository" in said:
        return f"{root} is no git repository (a download without history?). Get the project by git clone."
    return f"git says: {(said.strip().splitlines() or ['nothing'])[-1]}. Repair the repository {root}."


def ignored(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """The files of a project that git ignores and does not hold, each with the rule that hides it.

    A record has them in neither its commit nor its diff.

    Args:
        root: The project's folder.
        files: Files; those that lie elsewhere are left out.

    Returns:
        For each such file, relative to the project, the rule as `.gitignore:3: data/`.
    """
    inside = [file.relative_to(root).as_posix() for file in files if file.is_relative_to(root)]
    found = _run_git(root, "check-ignore", "--verbose", "-z", "--stdin", given="\0".join(inside)) if inside else None
    words = (found or "").split("\0")[:-1]
    rules = zip(*(words[place::4] for place in range(4)), strict=True)
    return {name: f"{source}:{line}: {pattern}" for source, line, pattern, name in rules if not pattern.startswith("!")}


def _environment(root: Path) -> dict[str, str]:
    """An environment in which git looks at the project's own repository, locks nothing, and speaks English."""
    # A GIT_DIR left by a hook, or a repository around the project, is not the project's.
    own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return own | {"GIT_CEILING_DIRECTORIES": str(root.resolve().parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _run_git(root: Path, *arguments: str, own: Mapping[str, str] | None = None, given: str | None = None) -> str | None:
    """Git's output, or None where it fails or is missing; `own` is its environment, `given` its input."""
    environment = _environment(root) | dict(own or {})
    command = ["git", "-C", str(root), *arguments]
    content = None if given is None else given.encode(errors="surrogateescape")
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment, input=content, timeout=GIT_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="surrogateescape")  # a patch holds other people's bytes, and is to give them back
