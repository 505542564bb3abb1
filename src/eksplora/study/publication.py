"""Events that later stages add to the study that trained a confirmed model, and so to its runs in MLflow."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from eksplora.errors import DataError
from eksplora.events import spool as spools
from eksplora.events.event import Body, Evaluation, ReportEvent
from eksplora.events.line import kind_of
from eksplora.files import link_or_copy, new_folder
from eksplora.installation import or_repro
from eksplora.provenance import command_like
from eksplora.records.confirm import ConfirmRecord
from eksplora.study.lock import hold
from eksplora.study.setup import tracker_of
from eksplora.types import Config
from eksplora.untrusted import path_inside


def publish(config: Config, confirmed: ConfirmRecord, files: Mapping[str, bytes], *, at: Path) -> bool:
    """Add the files of a report, by path, to the run of the study that trained the confirmed model.

    Args:
        config: The resolved configuration of the command: names tracker and folders.
        confirmed: What the stage `confirm` handed on.
        files: Their contents.
        at: The folder where they lie already: pages, which nobody edits, are not kept twice.

    Returns:
        Whether that study is on this machine; results that were pulled from a remote come without it.

    Raises:
        StorageError: If MLflow does not take it.
        StudyError: If another process works on that study.
    """
    try:
        study = study_of(config, confirmed)
    except DataError:
        return False
    pages = {f"report/{name}": at / name for name in files if name.endswith(".html")}
    own = {f"report/{name}": content for name, content in files.items()}
    add(config, study, ReportEvent(artifacts={}), own, pages)
    return True


def study_of(config: Config, confirmed: ConfirmRecord) -> Path:
    """The folder of the study that trained the confirmed model.

    Raises:
        DataError: If it is not on this machine.
    """
    studies = Path(config["paths"]["mlruns"]) / "studies"
    study = path_inside(studies, confirmed.studies["final"], source="confirm.json")
    if not (study / "spool.jsonl").is_file():
        raise DataError(
            f"{study} is missing: the study that trained the model is not on this machine. "
            f"Run the stage before: {command_like(confirmed.command, 'confirm', config['experiment'])}"
            f"{or_repro(' --force on it')}."
        )
    return study


def add(
    config: Config,
    study: Path,
    event: Evaluation | ReportEvent,
    files: Mapping[str, bytes],
    written: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Write an event and its files into a study, unless that is the last of its kind already, and have MLflow take it.

    Args:
        config: The resolved configuration of the command: names tracker and folders.
        study: The study's folder.
        event: The event, but for its files, which are listed here.
        files: Contents of files by the path that they have as artifacts: `<kind of event>/...`.
        written: Where some of them lie already, to be linked.
    """
    kind, path = kind_of(event), study / "spool.jsonl"
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    event = replace(event, artifacts={name: name for name in files}, sha256=sha256)
    with hold(study):
        if _last(path, kind) != event:
            with new_folder(study / kind) as folder:
                for name, content in files.items():
                    target = folder / Path(name).relative_to(kind)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if name in written:
                        link_or_copy(written[name], target)
                    else:
                        target.write_bytes(content)
            spool = spools.Spool(path)
            try:
                spool.append(event, durable=True)
            finally:
                spool.close()
    tracker_of(config).sync(path, is_over=True)


def _last(spool: Path, kind: str) -> Body | None:
    """The last event of a kind."""
    known = [event.body for event in spools.read(spool) if event.kind == kind]
    return known[-1] if known else None
