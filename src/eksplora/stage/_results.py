"""What a stage hands on: written beside its place, then put there whole."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eksplora.errors import ConfigError, DataError, StorageError, command_line
from eksplora.schema import SearchConfig

AGAIN = "Free space or mend the folder's rights, then give the same command again: nothing is trained twice."


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `target` when the block ends well; otherwise nothing is left of it.

    Raises:
        StorageError: If it cannot be written; what was there before still is.
    """
    new, old = (target.with_name(f".{target.name}.{word}") for word in ("new", "old"))
    try:
        _settle(target, old)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        if target.exists():
            if not target.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
            target.rename(old)
        new.rename(target)
    except OSError as failure:
        raise unwritable(failure, target) from failure
    finally:
        _settle(target, old)
        shutil.rmtree(new, ignore_errors=True)


def _settle(target: Path, old: Path) -> None:
    """Bring back an old folder that was moved aside where no new one took its place; else remove it."""
    if not target.exists():
        with suppress(OSError):
            old.rename(target)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)


def write_file(path: Path, text: str) -> None:
    """Write a file so that either the old or the whole new content is there.

    Raises:
        StorageError: If it cannot be written.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as failure:
        raise unwritable(failure, path) from failure
    finally:
        with suppress(OSError):
            new.unlink()


def unwritable(failure: OSError, path: Path) -> StorageError:
    """The error for a file or folder that cannot be written."""
    return StorageError(f"{failure.filename or path}: cannot be written ({failure.strerror}). {AGAIN}")


def as_json(facts: Mapping[str, Any]) -> str:
    """Facts as the text of a file."""
    return json.dumps(facts, indent=2) + "\n"


def output_of(settings: SearchConfig) -> Path:
    """The folder of the experiment's results.

    Raises:
        ConfigError: If none is given.
    """
    if not settings.output:
        raise ConfigError("output: has no value. Name the folder of the experiment's results.")
    return Path(settings.output)


def read_facts(output: Path, stage: str, *, experiment: str, name: str | None = None) -> dict[str, Any]:
    """The facts that an earlier stage handed on, `<output>/<stage>/<stage>.json` or another file `name` of it.

    Raises:
        DataError: If it has not handed them on; the message says which command does.
    """
    path = output / stage / f"{name or stage}.json"
    target = {"output": output} if stage == "search" else {}
    way_out = f"Run the stage before: {command_line(stage, experiment=experiment, **target)}, or dvc repro."
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the stage {stage} has not ended. {way_out}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({' '.join(str(error).split())}). {way_out}") from None
    if not isinstance(facts, dict):
        raise DataError(f"{path} does not hold what the stage {stage} writes. {way_out}")
    return facts
