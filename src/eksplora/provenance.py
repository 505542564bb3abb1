"""What a run was made from: code, versions and machine, as flat strings; all of it in well under 60 ms.

Packages are asked for their versions by name, never imported. What cannot be found out is "unknown", never an error:
a run is worth recording without it. The machine's name is left out on purpose: records are shared, and it says who was
at work, not what was done.
"""

import ast
import hashlib
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eksplora.counter import fingerprint

Provenance = dict[str, str]
"""Flat: `git.commit`, `lock.sha256`, `version.torch`, `machine.cpu`, ... to their values."""

UNKNOWN = "unknown"
PACKAGES = (
    "eksplora",
    "hydra-core",
    "mlflow",
    "numpy",
    "optuna",
    "pytorch-lightning",
    "scikit-learn",
    "torch",
    "torchmetrics",
)
TRAINING_CODE = (
    "counter",
    "augmentation",
    "data",
    "draw",
    "imbalance",
    "initialization",
    "loss",
    "metric",
    "model",
    "optimizer",
    "protocol",
    "scheduler",
    "training",
)
"""The modules and rooms of eksplora that can change what a training gives; a part that is not there is passed over."""

GIT_TIMEOUT_SECONDS = 120.0
WRITTEN_BY_STAGES = ":(exclude)dvc.lock"
"""DVC notes each stage that ended here, so it differs from the commit while the next one runs: no change of code."""


def collect(root: Path) -> Provenance:
    """What a run started now, in the project folder `root`, is made from.

    Args:
        root: The project's folder: where `constraints.txt` and `.git` are.

    Returns:
        `git.commit`, `git.branch`, `git.dirty` ("true" when tracked files other than `dvc.lock` differ from the commit
        or untracked ones exist), `lock.sha256` (of `constraints.txt`), `dvc_lock.sha256`, `code.sha256`,
        `version.<package>` and `machine.<what>`.
    """
    return {
        **_git(root),
        "lock.sha256": lock_sha256(root),
        "dvc_lock.sha256": _sha256(root / "dvc.lock"),
        "code.sha256": code_sha256(Path(__file__).parent),
        **_versions(),
        **_machine(),
    }


def lock_sha256(root: Path) -> str:
    """The hash of a project's lock file."""
    return _sha256(root / "constraints.txt")


LARGEST_UNTRACKED_BYTES = 2**20
"""An untracked file that is larger is named in a diff, not held."""


def diff(root: Path) -> str:
    """What differs from the last commit, as a patch that `git apply` takes; untracked files and `dvc.lock` are in it.

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


def code_sha256(package: Path) -> str:
    """A hash over paths and bytes of the source files in the folder `package` that can change a training's result."""
    files = [package / f"{part}.py" for part in TRAINING_CODE]
    files += [file for part in TRAINING_CODE for file in (package / part).rglob("*.py")]
    return fingerprint({file.relative_to(package).as_posix(): _sha256(file) for file in files if file.is_file()})


KNOWN_BY_VERSION = ("eksplora", "torch", "pytorch_lightning", "torchmetrics", "sklearn", "optuna")
"""Top-level modules whose code is recorded by a hash or a version of its own."""

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages that a package manager installed."""


def outside_code(targets: Iterable[str], *, outside_of: Path | None = None) -> Provenance:
    """Hashes of code that is neither ours nor of a library that is recorded by its version.

    Args:
        targets: Dotted names of parts.
        outside_of: A folder whose modules are left out.

    Returns:
        `code.<top-level module>.sha256`, over paths and bytes of all Python files of the module or package, and so for
        what these import, of what no package manager installed; no module is imported for it.
    """
    modules: dict[str, dict[str, Path]] = {}
    waiting = {target.partition(".")[0] for target in targets}
    while waiting := waiting - set(modules) - set(KNOWN_BY_VERSION):
        modules |= {top: _sources(top) for top in waiting}
        waiting = {name for top in waiting for name in _imported(modules[top].values()) if not _is_installed(name)}
    inside = {
        top for top, files in modules.items() for file in files.values() if outside_of and _is_own(file, outside_of)
    }
    return {
        f"code.{top}.sha256": fingerprint({name: _sha256(file) for name, file in files.items()}) if files else UNKNOWN
        for top, files in sorted(modules.items())
        if top not in inside
    }


def _imported(files: Iterable[Path]) -> set[str]:
    """The top-level modules that files import, at their head or inside a function; none of an installed package's."""
    found = set()
    for file in files:
        try:
            tree = ast.parse(file.read_bytes()) if not INSTALLED & set(file.parts) else ast.Module([], [])
        except (SyntaxError, ValueError):  # a template or a file for another Python: nothing imports it here
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def _is_installed(top: str) -> bool:
    """Whether a module is Python's own, or of a package that was installed: no person edits it between two commands."""
    spec = None if top in sys.stdlib_module_names else _spec(top)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    return not places or any(INSTALLED & set(Path(place).parts) for place in places)


def _sources(top: str) -> dict[str, Path]:
    """The Python files of a top-level module or package, by their paths in it; none where it is not found."""
    spec = _spec(top)
    if spec is None:
        return {}
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = {file.relative_to(folder).as_posix(): file for folder in folders for file in folder.rglob("*.py")}
    if not folders and spec.origin is not None and Path(spec.origin).is_file():
        files = {Path(spec.origin).name: Path(spec.origin)}
    return files


def _spec(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


def _is_own(file: Path, project: Path) -> bool:
    """Whether a file belongs to a project, and not only to the environment that lies in it."""
    return file.is_relative_to(project) and not INSTALLED & set(file.parts)


def _git(root: Path) -> Provenance:
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
    """Why git says nothing of a project, with the way out; empty where it does."""
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


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else UNKNOWN


def _versions() -> Provenance:
    versions = {f"version.{package}": _version(package) for package in PACKAGES}
    return {"version.python": platform.python_version(), **versions}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN


def _machine() -> Provenance:
    return {
        "machine.cpu": _cpu(),
        "machine.cores": str(_usable_cores()),
        "machine.memory_gib": _memory_gib(),
        "machine.system": f"{platform.system()} {platform.release()}",
        "machine.arch": platform.machine(),
    }


def _cpu() -> str:
    """The processor's model name: Linux says it in /proc/cpuinfo, other systems through `platform`."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or UNKNOWN


def _usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine's under a batch system or taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f}"
    except (ValueError, OSError):
        return UNKNOWN


# --- commands ----------------------------------------------------------------------------------------------------

ARITHMETIC = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_MAX_CPU_ISA",
)
"""Variables of the environment by which the same command computes other bits."""

USUAL = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""What is set without being asked: by the package, and by Lightning where a training is to be deterministic."""


def command_of(root: str, overrides: Sequence[str]) -> dict[str, Any]:
    """A command as it is recorded: the pipeline, what was typed after it, and what of the environment matters.

    Args:
        root: Name of the pipeline.
        overrides: As they are typed, not quoted for a shell.
    """
    known = {name: os.environ[name] for name in ARITHMETIC if name in os.environ}
    return {
        "root": root,
        "overrides": list(overrides),
        "environment": {name: value for name, value in known.items() if USUAL.get(name) != value},
    }


def command_line(command: Mapping[str, Any], *more: str) -> str:
    """A recorded command for a shell in the project's root, after `make setup`.

    Args:
        command: See `command_of`.
        more: Further overrides.

    Examples:
        >>> command_line(command_of("search", ["experiment=wine_mlp", "space.params.optimizer.lr=choice(1, 2)"]))
        ".venv/bin/python pipelines/search.py experiment=wine_mlp 'space.params.optimizer.lr=choice(1, 2)'"
    """
    variables = [f"{name}={shlex.quote(value)}" for name, value in command["environment"].items()]
    words = shlex.join([*command["overrides"], *more])
    return " ".join([*variables, f".venv/bin/python pipelines/{command['root']}.py", *([words] if words else [])])


def command_like(recorded: Mapping[str, Any] | None, root: str, experiment: str) -> str:
    """The command of a stage that takes the overrides of another, or of a record that may not have them.

    Args:
        recorded: See `command_of`; None: an earlier version did not record it.
        root: Name of the stage.
        experiment: The experiment, where nothing else is known.
    """
    return command_line({**(recorded or command_of(root, [f"experiment={experiment}"])), "root": root})
