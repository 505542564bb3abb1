"""The files of a run, on their way into MLflow and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eksplora.files import link_or_copy, new_file
from eksplora.tracker._relocate import local_folder
from eksplora.tracker._run import Change
from eksplora.tracker.base import SPOOL
from eksplora.untrusted import path_inside


def write_artifacts(folder: Path, change: Change) -> None:
    """Write a change's artifacts, each whole or not at all; a file that is gone by now is left out.

    Raises:
        DataError: If a name leads out of the study's folder or out of `folder`, or through a symbolic link.
    """
    for path, text in change.texts.items():
        with new_file(path_inside(folder, path, source=change.origin / SPOOL)) as new:
            new.write_text(text, encoding="utf-8", errors="surrogateescape")
    for path, name in change.files.items():
        source = path_inside(change.origin, name, source=change.origin / SPOOL)
        if source.is_file():
            with new_file(path_inside(folder, path, source=change.origin / SPOOL)) as new:
                link_or_copy(source, new)


def fetch_artifacts(client: Any, run_id: str, path: str, folder: Path) -> Path:
    """Bring a run's file, or folder of files, into `folder`; returns where it is there.

    Args:
        client: MLflow's client.
        run_id: MLflow's id of the run.
        path: The artifact.
        folder: An empty folder.

    Raises:
        DataError: If a name leads out of the folder, or through a symbolic link.
        MlflowException: If there is no such artifact.
    """
    origin = local_folder(client.get_run(run_id).info.artifact_uri)
    for name in _names(client, run_id, path, origin):
        target = path_inside(folder, name, source=f"MLflow's run {run_id}")
        target.parent.mkdir(parents=True, exist_ok=True)
        found = Path(client.download_artifacts(run_id, name, str(target.parent)))
        if found != target:  # MLflow may repeat the folders of the name
            found.replace(target)
    return folder / path


def _names(client: Any, run_id: str, path: str, origin: Path | None) -> Iterator[str]:
    """The files at or below a path, none of them through a link where MLflow keeps them on this machine."""
    if origin is not None:
        path_inside(origin, path, source=f"MLflow's run {run_id}")
    entries = client.list_artifacts(run_id, path)
    if not entries:
        yield path
    for entry in entries:
        yield from _names(client, run_id, entry.path, origin)
