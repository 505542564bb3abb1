"""The files of a run, below a folder."""

from pathlib import Path

from eksplora.tracker._link import link_or_copy
from eksplora.tracker._run import Change


def write_artifacts(folder: Path, change: Change) -> None:
    """Write a change's artifacts, each whole or not at all; a file that is gone by now is left out."""
    for path, text in change.texts.items():
        temporary = _temporary(folder / path)
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        temporary.replace(folder / path)
    for path, source in change.files.items():
        if source.exists():
            temporary = _temporary(folder / path)
            link_or_copy(source, temporary)
            temporary.replace(folder / path)
            temporary.unlink(missing_ok=True)  # both were one file already: renaming leaves both names


def _temporary(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.name}.part")  # always the same: what a kill left is written over by the next try
