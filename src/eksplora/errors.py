"""Every exception that eksplora raises on purpose.

    EksploraError                exit 1   a failure of ours or of the machine
    ├── WorkerError              exit 1   workers die, too many trials fail, or none finishes
    ├── Interrupted              exit 130 a person or the system asked to stop (143 after SIGTERM)
    └── UserError                exit 2   what the user can fix; also a ValueError
        ├── ConfigError          a key or value of the configuration
        ├── DataError            raw or prepared data missing, altered or unreadable
        ├── StudyError           the study is in use, or is not the study it was
        ├── PreconditionError    a recorded run cannot be reproduced here
        └── StorageError         a folder that cannot be written, a full disk

The message of a `UserError` is one line: what is wrong (key or file, and value), then the way out.
"""

import os
import shlex
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from io import IOBase
from pathlib import Path

from eksplora.installation import stage_command


class EksploraError(Exception):
    """Base of all errors raised on purpose; `exit_code` is the exit status of a command that ends with it."""

    exit_code = 1


class WorkerError(EksploraError):
    """Workers keep dying, more trials failed than `study.max_failures` allows, or not one finished."""


class Interrupted(EksploraError):
    """The run was asked to stop; what it had is saved and the same command goes on."""

    exit_code = 130


class UserError(EksploraError, ValueError):
    """Something that the user can fix."""

    exit_code = 2


class ConfigError(UserError):
    """A key or a value of the configuration is wrong."""


class DataError(UserError):
    """Data are missing, altered or unreadable."""


class StudyError(UserError):
    """The study is in use by another driver, or differs from the recorded one."""


class PreconditionError(UserError):
    """A requirement of a recorded run is missing here: its commit, its data, its versions, its machine type."""


class StorageError(UserError):
    """A folder cannot be written or the disk is full."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest valid word, or lists the valid ones.

    Examples:
        >>> nearest("widht", ["width", "depth"])
        "Did you mean 'width'?"
        >>> nearest("zzz", ["width", "depth"])
        'Valid: depth, width.'
        >>> nearest("zzz", [])
        'There is none.'
    """
    options = sorted(known)
    if not options:
        return "There is none."
    close = get_close_matches(word, options, n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else f"Valid: {', '.join(options)}."


def command_line(stage: str, **keys: object) -> str:
    """The command of a stage, for a message: what a name from elsewhere says is a word of it, whatever stands in it.

    An experiment that is no file is named by the words that were typed for it, see `WORDS_OF`.

    Examples, in a checkout:
        >>> command_line("confirm", experiment="wine_mlp")
        'python pipelines/confirm.py experiment=wine_mlp'
        >>> command_line("confirm", experiment="wine; rm -r data")
        "python pipelines/confirm.py 'experiment=wine; rm -r data'"
    """
    own = WORDS_OF.get(str(keys.get("experiment")), ())
    named = [f"{key}={value}" for key, value in keys.items() if not (own and key == "experiment")]
    return shlex.join([*stage_command(stage), *own, *named])


WORDS_OF: dict[str, Sequence[str]] = {}
"""Experiments of this process that are no files, by their names: the words that they are made from."""


def reason_of(error: OSError) -> str:
    """Reason of the operating system's refusal, in words; of several errors in one (shutil has such) the first.

    Examples:
        >>> reason_of(PermissionError(1, "Operation not permitted", "x"))
        'Operation not permitted'
        >>> reason_of(OSError([("a", "b", "[Errno 28] No space left on device")]))
        '[Errno 28] No space left on device'
    """
    first = error.args[0] if error.args else ""
    if error.strerror:
        return error.strerror
    if isinstance(first, list) and first and isinstance(first[0], tuple):
        return str(first[0][-1])
    return " ".join(str(error).split()) or type(error).__name__


def file_of(error: OSError) -> str | None:
    """The file that an error of the operating system is about: as it says, or where our code was at work.

    Calls on open files (`fsync`, `flock`, `fchmod`) leave the name out.

    Returns:
        None where nothing is known of it.
    """
    if error.filename is not None:
        return os.fspath(error.filename) if isinstance(error.filename, str | os.PathLike) else str(error.filename)
    found = None
    frames = [] if error.__traceback__ is None else list(traceback.walk_tb(error.__traceback__))
    for frame, _ in frames:  # the innermost comes last
        for value in frame.f_locals.values():
            name = (
                value
                if isinstance(value, Path)
                else getattr(value, "name", None)
                if isinstance(value, IOBase)
                else None
            )
            found = str(name) if isinstance(name, str | Path) else found
    return found


def follows(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind, or was made of one by foreign code: an interrupted import ends as an ImportError.

    Examples:
        >>> try:
        ...     raise ImportError("initialization failed") from KeyboardInterrupt()
        ... except ImportError as error:
        ...     follows(error, KeyboardInterrupt)
        True
    """
    seen: set[int] = set()  # an error that is raised again while its consequence is handled closes a ring
    while error is not None and id(error) not in seen:
        if isinstance(error, kind):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def place_of(error: BaseException) -> str:
    """Place in a user's own code at which an error was raised, ` at file.py:12`, for a message; empty if there is none.

    His own is what lies neither in eksplora nor among installed packages or Python's own modules.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" at {_shown(Path(error.filename))}:{error.lineno}"
    frames = [] if error.__traceback__ is None else list(traceback.walk_tb(error.__traceback__))
    own = [(Path(frame.f_code.co_filename), line) for frame, line in frames]
    found = [(file, line) for file, line in own if not _is_installed(file)]
    return f" at {_shown(found[-1][0])}:{found[-1][1]}" if found else ""


_LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_PACKAGE = Path(__file__).parent


def _is_installed(file: Path) -> bool:
    is_installed = {"site-packages", "dist-packages"} & set(file.parts) or file.is_relative_to(_PACKAGE)
    return not file.is_absolute() or bool(is_installed) or any(map(file.is_relative_to, _LIBRARIES))


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
