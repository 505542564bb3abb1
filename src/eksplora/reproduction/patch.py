"""A recorded diff before it is applied: what it changes, and what of it runs without being asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from eksplora.errors import PreconditionError

MOST_SHOWN = 30
"""Files that are listed; those that run by themselves come first."""

BY_THEMSELVES = {
    "sitecustomize.py": "runs whenever Python starts",
    "usercustomize.py": "runs whenever Python starts",
    "conftest.py": "runs with the tests",
    "setup.py": "runs when the package is built",
    "setup.cfg": "says what runs when the package is built",
    "pyproject.toml": "says what runs when the package is built",
    "Makefile": "runs with make",
    "dvc.yaml": "runs with dvc repro",
    ".gitattributes": "says what git runs on files",
    ".gitmodules": "names other repositories",
}
ENDINGS = {
    ".pth": "runs whenever Python starts",
    ".so": "compiled code",
    ".pyd": "compiled code",
    ".pyc": "compiled code",
    ".pkl": "runs when it is loaded",
    ".pt": "may run when it is loaded",
}
NO_FILES = {"120000": "a symbolic link", "160000": "another repository"}
"""Modes of git that are no files with a content of their own."""

MODES = re.compile(r"^(?:new file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (120000|160000)\r?$", re.MULTILINE)
"""The lines of a patch's heads that make such, or change one that is there."""


@dataclass(frozen=True)
class FileChange:
    """Change of a file by a patch.

    Attributes:
        name: Of the file, relative to the project.
        added: Lines; None where it is binary.
        removed: Lines; None where it is binary.
    """

    name: str
    added: int | None
    removed: int | None

    @property
    def warning(self) -> str:
        """Reason for which the file runs although nobody calls it, in words; empty where it does not."""
        path = PurePosixPath(self.name)
        known = BY_THEMSELVES.get(path.name) or ENDINGS.get(path.suffix)
        if known:
            return known
        if path.parts[0] == "src" and path.parts[1:2] != ("eksplora",):
            return "takes the place of an installed module of that name"
        return "" if self.added is not None else "binary"


def is_patch(text: str) -> bool:
    """Whether a recorded diff changes files: the names of large untracked files alone change none."""
    return "diff --git " in text


def changes(numstat: str, source: str) -> list[FileChange]:
    """Changes of a patch, read from the output of `git apply --numstat -z`.

    Raises:
        PreconditionError: If the patch would write outside of the project or into a repository's own folder.
    """
    found = []
    for entry in filter(None, numstat.split("\0")):
        added, removed, name = entry.split("\t", 2)
        _check_name(name, source)
        found.append(FileChange(name, *(None if count == "-" else int(count) for count in (added, removed))))
    return found


def _check_name(name: str, source: str) -> None:
    parts = name.split("/")
    is_outside = any(part in ("", ".", "..") for part in parts) or "\\" in name
    is_own = any(re.fullmatch(r"\.git|git~\d+", part.rstrip(". "), re.IGNORECASE) for part in parts)
    if is_outside or is_own:
        what = "in git's own folder" if is_own else "no file of the project"
        raise PreconditionError(
            f"{source} would write {_shown(name)}, which is {what}. It was altered: nothing of it is applied."
        )


def check_modes(patch: str, source: str) -> None:
    """Refuse links and other repositories: through them files elsewhere are read and written.

    Raises:
        PreconditionError: If the patch makes or changes one.
    """
    mode = MODES.search(patch)
    if mode is not None:
        raise PreconditionError(f"{source} makes or changes {NO_FILES[mode[1]]}. Nothing of it is applied.")


def described(found: Sequence[FileChange]) -> list[str]:
    """The changes in lines for a person: how much in all, then file by file."""
    added, removed = (sum(getattr(one, key) or 0 for one in found) for key in ("added", "removed"))
    count = "1 file" if len(found) == 1 else f"{len(found)} files"
    lines = [f"its changes.diff changes {count}, {added} lines added, {removed} removed:"]
    order = sorted(found, key=lambda one: (not one.warning, one.name))
    for one in order[:MOST_SHOWN]:
        size = "binary" if one.added is None else f"+{one.added} -{one.removed}"
        warning = f"   ! {one.warning}" if one.warning and one.warning != size else ""
        lines.append(f"  {_shown(one.name)}   {size}{warning}")
    return lines + [f"  and {len(order) - MOST_SHOWN} more"] * (len(order) > MOST_SHOWN)


def _shown(name: str) -> str:
    """A name as a terminal may show it: nothing in it is a command to the terminal."""
    return name if name.isprintable() else ascii(name)
