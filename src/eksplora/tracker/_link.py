"""A file in a second place, without a second copy of its content."""

import os
from pathlib import Path
from shutil import copyfile


def link_or_copy(source: Path, target: Path) -> None:
    """Have `target` hold what `source` holds: the same file where the file system permits it, otherwise a copy.

    For files of a study and of MLflow, and for pages. Their writers replace them by new ones; the spool alone is
    written to again, and only by lines at its end, which MLflow's copy may have as well. What people edit in
    `results/` is copied.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, a file system without links, a file of another user
        copyfile(source, target)
