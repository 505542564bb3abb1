"""A file in a second place, without a second copy of its content."""

import os
from pathlib import Path
from shutil import copyfile

GROWS = "spool.jsonl"
"""The one file that is written to again. All others are replaced by new ones, so several names may stand for one."""


def link_or_copy(source: Path, target: Path) -> None:
    """Have `target` hold what `source` holds: the same file where the file system permits it, otherwise a copy.

    For files of a study and of MLflow, and for pages. What people edit in `results/` is copied.
    """
    target.unlink(missing_ok=True)
    if source.name == GROWS:
        copyfile(source, target)
        return
    try:
        os.link(source, target)
    except OSError:  # another disk, a file system without links, a file of another user
        copyfile(source, target)
