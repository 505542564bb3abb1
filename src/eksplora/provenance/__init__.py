"""Origin of a run: code, versions and machine, as flat strings; all of it in well under 60 ms.

Packages are asked for their versions by name, never imported. What cannot be found out is "unknown", never an error:
a run is worth recording without it. The machine's name is left out on purpose: records are shared, and it says who was
at work, not what was done.
"""

from pathlib import Path

from eksplora.provenance._code import code_sha256, file_sha256, reach
from eksplora.provenance._command import command_like, command_line, command_of
from eksplora.provenance._git import UNKNOWN, diff, git_facts, ignored, sha256_of, without_git
from eksplora.provenance._machine import machine, version_of, versions
from eksplora.provenance._outside import is_own, outside_code, outside_files, outside_versions

__all__ = [
    "UNKNOWN",
    "code_sha256",
    "collect",
    "command_like",
    "command_line",
    "command_of",
    "diff",
    "ignored",
    "is_own",
    "lock_sha256",
    "outside_code",
    "outside_files",
    "outside_versions",
    "reach",
    "sha256_of",
    "version_of",
    "without_git",
]


def collect(root: Path) -> dict[str, str]:
    """Origin of a run that starts now in the project folder `root`, except its code.

    Args:
        root: The project's folder: where `constraints.txt` and `.git` are.

    Returns:
        `git.commit`, `git.branch`, `git.dirty` ("true" when tracked files other than `dvc.lock` differ from the commit
        or untracked ones exist), `lock.sha256` (of `constraints.txt`), `dvc_lock.sha256`, `version.<package>` and
        `machine.<what>`.
    """
    return {
        **git_facts(root),
        "lock.sha256": lock_sha256(root),
        "dvc_lock.sha256": file_sha256(root / "dvc.lock"),
        **versions(),
        **machine(),
    }


def lock_sha256(root: Path) -> str:
    """The hash of a project's lock file."""
    return file_sha256(root / "constraints.txt")
